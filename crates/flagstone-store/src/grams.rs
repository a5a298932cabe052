//! Full text without words: an event is indexed by every three bytes that follow each other in it, so that any part of
//! a text is found, in any script, and in both databases alike. What an index finds is then looked at.
//!
//! A gram is a number: three bytes of a text in lower case, the first in the highest place, or a single byte and
//! [`SINGLE`]. Behind a text stand two bytes that no UTF-8 has, so that two bytes at its end begin a gram as well.

use std::fmt::Write as _;

use flagstone_model::commit::Event;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::log::without_nul;
use crate::{chain, packed};

/// What a single byte has in its highest place.
const SINGLE: u32 = 1 << 24;
/// What two bytes have in their highest place, in PostgreSQL's index: SQLite's finds all grams that begin with them.
const PAIR: u32 = 2 << 24;
/// Behind a text.
const END: [u8; 2] = [0xff, 0xff];
/// So many grams of what is sought are asked of the index: what it finds is looked at anyway.
const ASKED_MAX: usize = 24;
/// So many are asked of SQLite's at first, and only those about as rare as the rarest: for each of the others it goes
/// through more than it mostly spares.
const ASKED_FIRST_MAX: usize = 5;
const FREQUENCY_MORE_MAX: u32 = 4;

/// What stands before the token of a column's value: no gram begins with it.
pub(crate) const FEATURE: char = 'v';
/// The same.
pub(crate) const PROJECT: char = 'p';
/// The same.
pub(crate) const ENVIRONMENT: char = 'n';
/// The same.
pub(crate) const TYPE: char = 't';
/// The same.
pub(crate) const CREATOR: char = 'u';

/// How much is asked of the index.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Asked {
    /// What is rare: enough nearly always.
    Few,
    /// All that can be asked.
    All,
}

/// The column `detail`, as it stands there.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    pre_data: Option<&'a RawValue>,
}

/// What is sought in events: letters in either case.
#[derive(Clone, Debug)]
pub(crate) struct Needle {
    text: String,
}

impl Needle {
    /// Nothing for an empty text.
    pub(crate) fn of(text: Option<&str>) -> Option<Self> {
        let text = text.filter(|text| !text.is_empty())?;
        Some(Self { text: lower(&without_nul(text)) })
    }

    /// Whether one of an event's texts holds it.
    pub(crate) fn is_in(&self, event: &Event) -> bool {
        texts(event).iter().any(|text| self.is_in_text(text))
    }

    fn is_in_text(&self, text: &str) -> bool {
        lower(text).contains(&self.text)
    }

    /// The same of an event's columns, most of which are not read any further.
    pub(crate) fn is_in_row(&self, names: &[Option<String>], detail: Option<Vec<u8>>) -> bool {
        if names.iter().flatten().any(|name| self.is_in_text(name)) {
            return true;
        }
        let Some(detail) = detail.and_then(|bytes| packed::unpack(&bytes)) else { return false };
        if !self.is_in_text(&detail) {
            return false;
        }
        let detail: Detail<'_> = serde_json::from_str(&detail).unwrap_or_default();
        [detail.data, detail.pre_data].into_iter().flatten().any(|data| self.is_in_text(data.get()))
    }

    /// Whether the grams that have to be there are all of [`Self::grams`]: otherwise one of those that are
    /// [`Self::range`] has to be.
    pub(crate) fn has_grams(&self) -> bool {
        self.text.len() != 2
    }

    /// Grams of every event that holds it.
    pub(crate) fn grams(&self) -> Vec<u32> {
        let bytes = self.text.as_bytes();
        if let [byte] = bytes {
            return vec![SINGLE | u32::from(*byte)];
        }
        let mut grams: Vec<u32> = bytes.windows(3).map(gram).collect();
        grams.sort_unstable();
        grams.dedup();
        grams.sort_by_key(|gram| frequency_of(*gram));
        grams.truncate(ASKED_MAX);
        grams
    }

    /// The grams that begin with a text of two bytes.
    pub(crate) fn range(&self) -> std::ops::RangeInclusive<u32> {
        let first = self.text.bytes().take(2).fold(0, |gram, byte| gram << 8 | u32::from(byte)) << 8;
        first..=first | 0xff
    }

    /// The same as a query of SQLite's index; few of them, or all.
    pub(crate) fn fts5(&self, asked: Asked) -> String {
        if self.has_grams() {
            let mut grams = self.grams();
            if asked == Asked::Few {
                let most = grams.first().map_or(0, |gram| frequency_of(*gram)) + FREQUENCY_MORE_MAX;
                grams.truncate(ASKED_FIRST_MAX);
                grams.retain(|gram| frequency_of(*gram) <= most);
            }
            return grams.into_iter().map(token).collect::<Vec<_>>().join(" AND ");
        }
        let prefix = token(*self.range().start());
        format!("{}*", &prefix[..4])
    }

    /// The same as a list of PostgreSQL's numbers, all of which an event has to have.
    pub(crate) fn array(&self) -> String {
        if self.has_grams() { array(self.grams()) } else { array([PAIR | gram(self.text.as_bytes())]) }
    }
}

/// All grams of an event, in order.
pub(crate) fn of(event: &Event) -> Vec<u32> {
    let mut grams = Vec::new();
    for text in texts(event) {
        let mut bytes = lower(&text).into_bytes();
        grams.extend(bytes.iter().map(|byte| SINGLE | u32::from(*byte)));
        bytes.extend(END);
        grams.extend(bytes.windows(3).map(gram));
    }
    grams.sort_unstable();
    grams.dedup();
    grams
}

/// Grams as a text of SQLite's index.
pub(crate) fn tokens(grams: Vec<u32>) -> String {
    grams.into_iter().map(token).collect::<Vec<_>>().join(" ")
}

/// All grams of an event as a list of PostgreSQL's numbers.
pub(crate) fn array_of(event: &Event) -> String {
    let mut grams = of(event);
    for text in texts(event) {
        grams.extend(lower(&text).as_bytes().windows(2).map(|bytes| PAIR | gram(bytes)));
    }
    grams.sort_unstable();
    grams.dedup();
    array(grams)
}

fn array(grams: impl IntoIterator<Item = u32>) -> String {
    let mut array = String::from("{");
    for (at, gram) in grams.into_iter().enumerate() {
        write!(array, "{}{gram}", if at == 0 { "" } else { "," }).ok();
    }
    array.push('}');
    array
}

/// All tokens of an event in SQLite's index: its grams, and one for each column that is asked for.
pub(crate) fn tokens_of(event: &Event) -> String {
    let mut tokens = tokens(of(event));
    let columns = [
        (TYPE, Some(&event.kind)),
        (FEATURE, event.feature_name.as_ref()),
        (ENVIRONMENT, event.environment.as_ref()),
        (CREATOR, Some(&event.created_by_user_id.to_string())),
    ];
    let columns = columns.into_iter().filter(|(_, value)| value.is_some());
    for (letter, value) in columns.chain([(PROJECT, event.project.as_ref())]) {
        tokens.push(' ');
        tokens.push_str(&column(letter, value.map(String::as_str)));
    }
    tokens
}

/// The token of a column's value, or of none: names are long and of any letters, their hashes are not.
pub(crate) fn column(letter: char, value: Option<&str>) -> String {
    let hash = value.map(|value| chain::hex(&chain::body_hash(value)[..8])).unwrap_or_default();
    format!("{letter}{hash}")
}

fn frequency_of(gram: u32) -> u32 {
    gram.to_be_bytes().map(frequency).iter().sum()
}

/// How often a byte is met in events, by a rough measure.
const fn frequency(byte: u8) -> u32 {
    match byte {
        b'"' | b':' | b'-' | b'e' | b'a' | b't' | b'r' | b'n' | b'o' | b'i' | b's' => 3,
        b'b'..=b'd' | b'f'..=b'h' | b'l' | b'm' | b'p' | b'u' | b',' => 2,
        b'a'..=b'z' | b'0'..=b'9' | b'{' | b'}' | b'[' | b']' | b'.' | b'_' => 1,
        _ => 0,
    }
}

fn token(gram: u32) -> String {
    if gram >= SINGLE { format!("{:02x}", gram & 0xff) } else { format!("{gram:06x}") }
}

fn gram(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |gram, byte| gram << 8 | u32::from(*byte))
}

/// What is sought in.
fn texts(event: &Event) -> Vec<String> {
    let data = [&event.data, &event.pre_data].map(|data| data.as_ref().map(ToString::to_string));
    let names = [&event.feature_name, &event.project, &event.environment].map(Clone::clone);
    let texts = [Some(event.kind.clone()), Some(event.created_by.clone())];
    texts.into_iter().chain(names).chain(data).flatten().collect()
}

/// Letter by letter: what stands around one changes nothing.
fn lower(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.chars().flat_map(char::to_lowercase).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &str) -> Event {
        let created_at = flagstone_model::Timestamp::from_millis(0);
        Event {
            id: 1,
            kind: text.to_owned(),
            created_at,
            created_by: String::new(),
            created_by_user_id: 0,
            ip: None,
            project: None,
            environment: None,
            feature_name: None,
            tags: std::collections::BTreeSet::new(),
            data: None,
            pre_data: None,
        }
    }

    /// Whatever is in a text, the index says so.
    #[test]
    fn every_part_of_a_text_has_its_grams() {
        for text in ["a", "ab", "feature-created", "Ünïcödé ẞ İ ΟΔΟΣ", "\u{1f600}{\"a\":\"b\"}"] {
            let (grams, characters) = (of(&event(text)), text.chars().count());
            for (from, to) in (0..characters).flat_map(|from| (from + 1..=characters).map(move |to| (from, to))) {
                let part: String = text.chars().skip(from).take(to - from).collect();
                for part in [part.to_uppercase(), part] {
                    let Some(needle) = Needle::of(Some(&part)) else { continue };
                    if !needle.is_in(&event(text)) {
                        continue;
                    }
                    let is_found = if needle.has_grams() {
                        needle.grams().iter().all(|gram| grams.contains(gram))
                    } else {
                        needle.range().any(|gram| grams.contains(&gram))
                    };
                    assert!(is_found, "{part} in {text}");
                }
            }
        }
    }

    #[test]
    fn what_is_asked_of_an_index() {
        let check = |text: &str, fts5: &str, array: &str| {
            let needle = Needle::of(Some(text)).unwrap();
            assert_eq!(needle.fts5(Asked::All), fts5, "{text}");
            assert!(needle.array().starts_with(array), "{text}: {}", needle.array());
        };
        check("A", "61", "{16777313}");
        check("aB", "6162*", "{33579362}");
        check("abCd", "626364 AND 616263", "{6447972,6382179}");
        assert!(Needle::of(Some("")).is_none());
        assert_eq!(tokens(of(&event("ab"))), "6162ff 62ffff 61 62");
        let long: String = ('a'..='z').flat_map(|a| ('a'..='z').map(move |b| format!("{a}{b}"))).collect();
        assert!(Needle::of(Some(&long)).unwrap().grams().len() <= ASKED_MAX);
    }
}
