//! What SDKs write, read as far as it has a meaning: nobody can mend the SDKs that are out there, and one odd value must
//! not cost the report that it stands in.

use std::fmt;
use std::marker::PhantomData;

use flagstone_model::names::NAME_BYTES_MAX;
use serde::de::value::MapAccessDeserializer;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The largest count: every JSON number can be it.
const COUNT_MAX: f64 = 9_007_199_254_740_991.0;

/// A count: a number, the text of one, or nothing, which is 0. A fraction is cut off. None if it is something else.
#[derive(Clone, Copy, Debug)]
pub struct Number(pub Option<u64>);

impl Default for Number {
    fn default() -> Self {
        Self(Some(0))
    }
}

/// A name: a text, or a scalar as one. None if there is none, or one that is empty or too long.
#[derive(Clone, Debug, Default)]
pub struct Text(pub Option<String>);

/// An object. None if it is something else.
#[derive(Clone, Debug)]
pub struct Row<T>(pub Option<T>);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Scalar::<Self>(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Scalar::<Self>(PhantomData))
    }
}

/// What is made of a JSON value that is no list and no object.
trait FromScalar {
    fn from_text(text: &str) -> Self;
    fn from_number(number: f64) -> Self;
    fn from_nothing() -> Self;
    fn from_else() -> Self;
}

impl FromScalar for Number {
    fn from_text(text: &str) -> Self {
        text.trim().parse().map_or(Self(None), Self::from_number)
    }

    fn from_number(number: f64) -> Self {
        // In this range a cast cuts off the fraction.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Self((0.0..=COUNT_MAX).contains(&number).then_some(number as u64))
    }

    fn from_nothing() -> Self {
        Self::default()
    }

    fn from_else() -> Self {
        Self(None)
    }
}

impl FromScalar for Text {
    fn from_text(text: &str) -> Self {
        Self((!text.is_empty() && text.len() <= NAME_BYTES_MAX).then(|| text.to_owned()))
    }

    fn from_number(number: f64) -> Self {
        Self(Some(number.to_string()))
    }

    fn from_nothing() -> Self {
        Self(None)
    }

    fn from_else() -> Self {
        Self(None)
    }
}

struct Scalar<T>(PhantomData<T>);

impl<'de, T: FromScalar> Visitor<'de> for Scalar<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok(T::from_text(text))
    }

    #[allow(clippy::cast_precision_loss)]
    fn visit_u64<E>(self, number: u64) -> Result<T, E> {
        Ok(T::from_number(number as f64))
    }

    #[allow(clippy::cast_precision_loss)]
    fn visit_i64<E>(self, number: i64) -> Result<T, E> {
        Ok(T::from_number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<T, E> {
        Ok(T::from_number(number))
    }

    fn visit_bool<E>(self, yes: bool) -> Result<T, E> {
        Ok(T::from_number(f64::from(u8::from(yes))))
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::from_nothing())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<T, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(T::from_else())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<T, A::Error> {
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(T::from_else())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Row<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Object(PhantomData))
    }
}

struct Object<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
    type Value = Row<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Row<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields)).map(|row| Row(Some(row)))
    }

    fn visit_unit<E>(self) -> Result<Row<T>, E> {
        Ok(Row(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Row<T>, E> {
        Ok(Row(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Row<T>, E> {
        Ok(Row(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Row<T>, E> {
        Ok(Row(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Row<T>, E> {
        Ok(Row(None))
    }

    fn visit_str<E>(self, _: &str) -> Result<Row<T>, E> {
        Ok(Row(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Row<T>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Row(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_stands_there_is_a_count_or_none() {
        let check = |json: &str, expect: Option<u64>| {
            assert_eq!(serde_json::from_str::<Number>(json).unwrap().0, expect, "{json}");
        };
        for (json, count) in [("1", 1), ("1.5", 1), ("\"2\"", 2), ("null", 0), ("true", 1), ("\" 3 \"", 3), ("-0", 0)] {
            check(json, Some(count));
        }
        for json in ["-1", "1e20", "\"x\"", "\"NaN\"", "[1]", "{\"a\":[2]}"] {
            check(json, None);
        }
        let rows: Vec<Row<Number>> = serde_json::from_str("[1,null,\"x\",[1,[2]],true,{}]").unwrap();
        assert_eq!(rows.iter().filter(|row| row.0.is_some()).count(), 1);
        let texts: Vec<Text> = serde_json::from_str("[\"a\",5,\"\",null,[]]").unwrap();
        assert_eq!(texts.into_iter().filter_map(|text| text.0).collect::<Vec<_>>(), ["a", "5"]);
    }
}
