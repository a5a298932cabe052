//! A list of strings in one allocation, and a hashed index over it.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// An immutable list of strings, stored end to end: 4 bytes of overhead for each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Texts {
    joined: Box<str>,
    /// Where each string ends in `joined`.
    ends: Box<[u32]>,
}

impl Texts {
    /// A list of the given strings. Strings past 4 GiB in total are cut off.
    pub(crate) fn new<S: AsRef<str>>(items: impl IntoIterator<Item = S>) -> Self {
        let mut joined = String::new();
        let mut ends = Vec::new();
        for item in items {
            joined.push_str(item.as_ref());
            ends.push(u32::try_from(joined.len()).unwrap_or(u32::MAX));
        }
        Self { joined: joined.into(), ends: ends.into() }
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn get(&self, position: usize) -> Option<&str> {
        let end = *self.ends.get(position)? as usize;
        let start = match position.checked_sub(1) {
            Some(before) => *self.ends.get(before)? as usize,
            None => 0,
        };
        self.joined.get(start..end)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).filter_map(|position| self.get(position))
    }
}

/// The positions of the distinct strings of a [`Texts`], by their hash.
#[derive(Debug, Clone)]
pub(crate) struct TextSet {
    positions: HashTable<u32>,
}

impl TextSet {
    /// An index over `texts`.
    pub(crate) fn new(texts: &Texts, hasher: &DefaultHashBuilder) -> Self {
        let hash_at = |position: &u32| hasher.hash_one(texts.get(*position as usize).unwrap_or_default());
        let mut positions = HashTable::with_capacity(texts.len());
        for (position, text) in (0..).zip(texts.iter()) {
            let hash = hasher.hash_one(text);
            let same = |other: &u32| texts.get(*other as usize) == Some(text);
            positions.entry(hash, same, hash_at).or_insert(position);
        }
        Self { positions }
    }

    /// Whether `text` is one of `texts`, the list and the hasher that this index was made with.
    pub(crate) fn contains(&self, texts: &Texts, hasher: &DefaultHashBuilder, text: &str) -> bool {
        let same = |position: &u32| texts.get(*position as usize) == Some(text);
        self.positions.find(hasher.hash_one(text), same).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_keep_their_order_and_sets_find_their_members() {
        let items = ["b", "", "ære", "b", "a"];
        let texts = Texts::new(items);
        assert_eq!(texts.iter().collect::<Vec<_>>(), items);
        assert_eq!(texts.get(5), None);
        let hasher = DefaultHashBuilder::default();
        let set = TextSet::new(&texts, &hasher);
        for item in items {
            assert!(set.contains(&texts, &hasher, item), "{item:?}");
        }
        assert!(!set.contains(&texts, &hasher, "c"));
        assert!(!TextSet::new(&Texts::default(), &hasher).contains(&Texts::default(), &hasher, ""));
    }
}
