//! Who asks, and from where.

use std::collections::HashMap;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::document::scalar;

/// What is known about the one a flag is evaluated for.
///
/// From JSON it is read as the frontend API does: numbers and booleans become text, `null` and nested values are
/// ignored, an empty standard field counts as absent, and unknown top-level fields count as properties.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// `userId`
    pub user_id: Option<String>,
    /// `sessionId`
    pub session_id: Option<String>,
    /// `environment`
    pub environment: Option<String>,
    /// `appName`
    pub app_name: Option<String>,
    /// `currentTime` as RFC 3339; where absent, the time given with the evaluation counts.
    pub current_time: Option<String>,
    /// `remoteAddress`, an IPv4 or IPv6 address.
    pub remote_address: Option<String>,
    /// Everything else.
    pub properties: HashMap<String, String>,
    /// The host that evaluates, for the strategy `applicationHostname`. Never read from JSON or from pairs: it is not
    /// the client's to say.
    pub hostname: Option<String>,
}

impl Context {
    /// Builds a context from decoded key-value pairs such as those of a URL query: `userId=7`,
    /// `properties[plan]=gold`, and `plan=gold` as another way to say the same. The first of several counts.
    pub fn from_pairs<K: AsRef<str>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let mut context = Self::default();
        let (mut properties, mut unknown) = (Vec::new(), Vec::new());
        for (key, value) in pairs {
            let (key, value) = (key.as_ref(), value.into());
            match property_name(key) {
                Some(name) => properties.push((name.to_owned(), value)),
                None if context.standard_field(key).is_some() => context.set(key, value),
                None => unknown.push((key.to_owned(), value)),
            }
        }
        for (key, value) in properties.into_iter().chain(unknown) {
            context.set(&key, value);
        }
        context
    }

    /// Builds a context from the fields of a JSON object.
    pub fn from_json(mut fields: Map<String, Value>) -> Self {
        let mut context = Self::default();
        let properties = match fields.remove("properties") {
            Some(Value::Object(properties)) => properties,
            _ => Map::new(),
        };
        for (key, value) in fields {
            if let Some(slot) = context.standard_field(&key) {
                *slot = scalar(value).filter(|text| !text.is_empty());
            } else if !properties.contains_key(&key)
                && let Some(text) = scalar(value)
            {
                context.properties.insert(key, text);
            }
        }
        for (key, value) in properties {
            if let Some(text) = scalar(value) {
                context.set(&key, text);
            }
        }
        context
    }

    /// Sets a field or a property that is not set yet.
    fn set(&mut self, key: &str, value: String) {
        match self.standard_field(key) {
            Some(Some(_)) => {}
            Some(slot) => *slot = Some(value).filter(|text| !text.is_empty()),
            None => {
                self.properties.entry(key.to_owned()).or_insert(value);
            }
        }
    }

    fn standard_field(&mut self, key: &str) -> Option<&mut Option<String>> {
        match key {
            "userId" => Some(&mut self.user_id),
            "sessionId" => Some(&mut self.session_id),
            "environment" => Some(&mut self.environment),
            "appName" => Some(&mut self.app_name),
            "currentTime" => Some(&mut self.current_time),
            "remoteAddress" => Some(&mut self.remote_address),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Context {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Map::deserialize(deserializer).map(Self::from_json)
    }
}

/// The `plan` of `properties[plan]`.
fn property_name(key: &str) -> Option<&str> {
    key.strip_prefix("properties[")?.strip_suffix(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Context {
        let properties = [("plan", "gold"), ("seats", "3")];
        Context {
            user_id: Some("7".into()),
            app_name: Some("web".into()),
            properties: properties.map(|(key, value)| (key.into(), value.into())).into(),
            ..Context::default()
        }
    }

    #[test]
    fn json_and_pairs_give_the_same_context() {
        let check = |json: &str| {
            let context: Context = serde_json::from_str(json).unwrap();
            assert_eq!(context, example(), "{json}");
        };
        check(r#"{"userId": "7", "appName": "web", "properties": {"plan": "gold", "seats": 3}}"#);
        check(r#"{"userId": 7, "appName": "web", "plan": "gold", "seats": 3, "x": {}, "y": null}"#);
        check(r#"{"appName": "web", "sessionId": "", "properties": {"userId": 7, "plan": "gold"}, "seats": 3}"#);
        check(r#"{"userId": 7, "appName": "web", "plan": "tin", "properties": {"plan": "gold", "seats": 3}}"#);

        let check = |pairs: &[(&str, &str)]| {
            assert_eq!(Context::from_pairs(pairs.iter().copied()), example(), "{pairs:?}");
        };
        check(&[("userId", "7"), ("appName", "web"), ("properties[plan]", "gold"), ("seats", "3")]);
        check(&[
            ("plan", "tin"),
            ("sessionId", ""),
            ("properties[plan]", "gold"),
            ("properties[plan]", "tin"),
            ("properties[userId]", "8"),
            ("userId", "7"),
            ("appName", "web"),
            ("seats", "3"),
        ]);
    }
}
