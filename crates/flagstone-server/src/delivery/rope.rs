//! A sorted list of JSON objects in chunks: whoever changes one of them makes one chunk anew, and shares the others.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use sha2::{Digest, Sha256};

use super::text::Text;

/// How large chunks are where a list is made as a whole. Each is compressed by itself: smaller ones would make answers
/// larger, and larger ones changes dearer.
const CHUNK_BYTES: usize = 64 << 10;
/// From where on a chunk that has grown is cut.
const CHUNK_BYTES_MAX: usize = 96 << 10;
/// Below which a chunk that has shrunk is put to the one before it.
const CHUNK_BYTES_MIN: usize = 16 << 10;

/// What is known of an object of a list.
pub trait Listed: Clone + PartialEq {
    /// What it is sorted by.
    type Key: Ord + Clone;
    /// What it is sorted by.
    fn key(&self) -> &Self::Key;
    /// The segments that it names.
    fn segments(&self) -> &[i64];
}

/// A sorted list. Clones share all chunks.
#[derive(Clone, Debug)]
pub struct Rope<L> {
    chunks: Vec<Arc<Chunk<L>>>,
}

/// Some objects, one behind the other.
#[derive(Debug)]
pub struct Chunk<L> {
    entries: Arc<[Entry<L>]>,
    text: Arc<Text>,
    /// The segments that any of them names, sorted.
    segments: Box<[i64]>,
    /// The same text with what its segments say in their places; it goes with the chunk when one of them changes.
    inlined: OnceLock<Arc<Text>>,
    digest: OnceLock<[u8; 32]>,
}

#[derive(Debug)]
struct Entry<L> {
    what: L,
    /// Where its object ends; a comma stands there.
    end: u32,
}

impl<L> Default for Rope<L> {
    fn default() -> Self {
        Self { chunks: Vec::new() }
    }
}

impl<L: Listed> Rope<L> {
    /// All chunks in order. None is empty.
    pub fn chunks(&self) -> &[Arc<Chunk<L>>] {
        &self.chunks
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.entries.len()).sum()
    }

    /// All objects in order.
    pub fn iter(&self) -> impl Iterator<Item = (&L, &[u8])> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    /// The object with this key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&L, &[u8])>
    where
        L::Key: Borrow<Q>,
    {
        let at = self.chunks.partition_point(|chunk| chunk.last_key().is_some_and(|last| last.borrow() < key));
        let chunk = self.chunks.get(at)?;
        let at = chunk.entries.binary_search_by(|entry| entry.what.key().borrow().cmp(key)).ok()?;
        Some((&chunk.entries.get(at)?.what, chunk.json(at)?))
    }

    /// The list after changes: objects put, and taken out where there is nothing in their place.
    #[must_use]
    pub fn after(&self, mut changes: BTreeMap<L::Key, Option<(L, Bytes)>>) -> Self {
        let mut packer = Packer::default();
        for (at, chunk) in self.chunks.iter().enumerate() {
            let later = match self.chunks.get(at + 1).and_then(|next| next.first_key()) {
                Some(next) => changes.split_off(next),
                None => BTreeMap::new(),
            };
            packer.add(chunk, &changes);
            changes = later;
        }
        if self.chunks.is_empty() {
            packer.put_all(changes.values().filter_map(|put| put.as_ref().map(|(what, json)| (what, &**json))));
        }
        Self { chunks: packer.chunks }
    }

    /// The same list, where what stands in the place of a segment is made anew.
    #[must_use]
    pub fn renewed(&self, segment: i64) -> Self {
        let renew = |chunk: &Arc<Chunk<L>>| {
            if chunk.segments.binary_search(&segment).is_ok() { Arc::new(chunk.renewed()) } else { Arc::clone(chunk) }
        };
        Self { chunks: self.chunks.iter().map(renew).collect() }
    }

    /// Whether both are one list.
    pub fn is(&self, other: &Self) -> bool {
        self.chunks.len() == other.chunks.len()
            && self.chunks.iter().zip(&other.chunks).all(|(one, other)| Arc::ptr_eq(one, other))
    }

    /// What differs from an earlier list, in order: the key, and the object that is there now. Chunks that both have are
    /// not looked into.
    pub fn differences(&self, earlier: &Self) -> BTreeMap<L::Key, Option<&[u8]>> {
        let of = |rope: &Self| rope.chunks.iter().map(|chunk| Arc::as_ptr(&chunk.entries)).collect::<HashSet<_>>();
        let (ours, theirs) = (of(self), of(earlier));
        let mut changed: BTreeMap<L::Key, Option<&[u8]>> = BTreeMap::new();
        for chunk in self.chunks.iter().filter(|chunk| !theirs.contains(&Arc::as_ptr(&chunk.entries))) {
            changed.extend(chunk.iter().map(|(what, json)| (what.key().clone(), Some(json))));
        }
        for chunk in earlier.chunks.iter().filter(|chunk| !ours.contains(&Arc::as_ptr(&chunk.entries))) {
            for (what, json) in chunk.iter() {
                let now = changed.entry(what.key().clone()).or_insert(None);
                if *now == Some(json) {
                    changed.remove(what.key());
                }
            }
        }
        changed
    }

    /// The segments that any object names, sorted.
    pub fn segments(&self) -> Vec<i64> {
        let mut all: Vec<i64> = self.chunks.iter().flat_map(|chunk| chunk.segments.iter().copied()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

impl<L: Listed> Chunk<L> {
    fn of(entries: Vec<Entry<L>>, text: Vec<u8>) -> Self {
        let mut segments: Vec<i64> = entries.iter().flat_map(|entry| entry.what.segments()).copied().collect();
        segments.sort_unstable();
        segments.dedup();
        let (entries, text) = (entries.into(), Arc::new(Text::of_list(text)));
        Self { entries, text, segments: segments.into(), inlined: OnceLock::new(), digest: OnceLock::new() }
    }

    fn renewed(&self) -> Self {
        let (entries, text) = (Arc::clone(&self.entries), Arc::clone(&self.text));
        let (segments, digest) = (self.segments.clone(), self.digest.clone());
        Self { entries, text, segments, inlined: OnceLock::new(), digest }
    }

    /// All its objects, each with a comma behind it.
    pub fn text(&self) -> &Arc<Text> {
        &self.text
    }

    /// The same with what the segments say in their places, which `inline` makes of an object.
    pub fn inlined(&self, inline: impl Fn(&L, &[u8]) -> Option<Vec<u8>>) -> &Arc<Text> {
        if self.segments.is_empty() {
            return &self.text;
        }
        self.inlined.get_or_init(|| {
            let mut text = Vec::with_capacity(self.text.plain().len());
            for (what, json) in self.iter() {
                text.extend_from_slice(inline(what, json).as_deref().unwrap_or(json));
                text.push(b',');
            }
            Arc::new(Text::of_list(text))
        })
    }

    /// The sum of the objects' SHA-256, bit by bit: the same in whatever chunks they are.
    pub fn digest(&self) -> &[u8; 32] {
        self.digest.get_or_init(|| {
            self.iter().fold([0; 32], |mut sum, (_, json)| {
                sum.iter_mut().zip(Sha256::digest(json)).for_each(|(sum, byte)| *sum ^= byte);
                sum
            })
        })
    }

    /// Its objects.
    pub fn iter(&self) -> impl Iterator<Item = (&L, &[u8])> {
        self.entries.iter().enumerate().filter_map(|(at, entry)| Some((&entry.what, self.json(at)?)))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The least key.
    pub fn first_key(&self) -> Option<&L::Key> {
        self.entries.first().map(|entry| entry.what.key())
    }

    /// The greatest key.
    pub fn last_key(&self) -> Option<&L::Key> {
        self.entries.last().map(|entry| entry.what.key())
    }

    fn json(&self, at: usize) -> Option<&[u8]> {
        let start = match at.checked_sub(1) {
            Some(before) => self.entries.get(before)?.end as usize + 1,
            None => 0,
        };
        self.text.plain().get(start..self.entries.get(at)?.end as usize)
    }
}

/// Puts a list together.
struct Packer<L> {
    chunks: Vec<Arc<Chunk<L>>>,
    /// Whether the last chunk is new and may take up more.
    is_open: bool,
}

impl<L> Default for Packer<L> {
    fn default() -> Self {
        Self { chunks: Vec::new(), is_open: false }
    }
}

impl<L: Listed> Packer<L> {
    /// The next chunk, with the changes of what is in it or belongs there.
    fn add(&mut self, chunk: &Arc<Chunk<L>>, changes: &BTreeMap<L::Key, Option<(L, Bytes)>>) {
        let mut merged: BTreeMap<&L::Key, (&L, &[u8])> = BTreeMap::new();
        let mut is_other = false;
        if !changes.is_empty() {
            merged.extend(chunk.iter().map(|(what, json)| (what.key(), (what, json))));
        }
        for (key, put) in changes {
            let put = put.as_ref().map(|(what, json)| (what, &**json));
            let old = match put {
                Some(put) => merged.insert(key, put),
                None => merged.remove(key),
            };
            is_other |= old != put;
        }
        let is_small = |chunk: &Chunk<L>| chunk.text.plain().len() < CHUNK_BYTES_MIN;
        if is_other {
            self.put_all(merged.into_values());
        } else if self.is_open && self.chunks.last().is_some_and(|last| is_small(last)) {
            self.put_all(chunk.iter());
        } else {
            self.chunks.push(Arc::clone(chunk));
            self.is_open = false;
        }
    }

    /// Objects that are in no chunk yet. The last chunk takes them up if it is small.
    fn put_all<'o>(&mut self, objects: impl Iterator<Item = (&'o L, &'o [u8])>)
    where
        L: 'o,
    {
        let objects: Vec<_> = objects.collect();
        let size = |(_, json): &(&L, &[u8])| json.len() + 1;
        let bytes = objects.iter().map(size).sum::<usize>();
        if objects.is_empty() {
            self.is_open = true;
            return;
        }
        let small = |chunk: &&Arc<Chunk<L>>| {
            let last = chunk.text.plain().len();
            last.min(bytes) < CHUNK_BYTES_MIN && last + bytes <= CHUNK_BYTES_MAX
        };
        let before = self.chunks.last().filter(small).cloned();
        let (mut entries, mut text) = (Vec::new(), Vec::new());
        if let Some(before) = &before {
            self.chunks.pop();
            text.extend_from_slice(before.text.plain());
            entries.extend(before.entries.iter().map(|entry| Entry { what: entry.what.clone(), end: entry.end }));
        }
        let total = text.len() + bytes;
        let most = if total <= CHUNK_BYTES_MAX { total } else { total / total.div_ceil(CHUNK_BYTES) };
        let mut rest = objects.as_slice();
        while !rest.is_empty() {
            // So many as fill a chunk; its room is measured first, since what is given up later is not always given back.
            let mut room = text.len();
            let fills = rest.iter().position(|object| {
                room += size(object);
                room >= most
            });
            let (these, others) = rest.split_at(fills.map_or(rest.len(), |at| at + 1));
            let (mut own_text, mut own) = (Vec::with_capacity(room), Vec::with_capacity(entries.len() + these.len()));
            own_text.append(&mut text);
            own.append(&mut entries);
            for (what, json) in these {
                own_text.extend_from_slice(json);
                own.push(Entry { what: (*what).clone(), end: u32::try_from(own_text.len()).unwrap_or(u32::MAX) });
                own_text.push(b',');
            }
            self.chunks.push(Arc::new(Chunk::of(own, own_text)));
            rest = others;
        }
        self.is_open = true;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Named(String);

    impl Listed for Named {
        type Key = String;

        fn key(&self) -> &String {
            &self.0
        }

        fn segments(&self) -> &[i64] {
            &[]
        }
    }

    type Changes = BTreeMap<String, Option<(Named, Bytes)>>;

    fn object(name: &str, size: usize) -> (Named, Bytes) {
        (Named(name.to_owned()), Bytes::from(format!("{{\"{name}\":\"{}\"}}", "x".repeat(size))))
    }

    fn check(rope: &Rope<Named>, expect: &BTreeMap<String, Bytes>) {
        let found: Vec<_> = rope.iter().map(|(what, json)| (what.0.clone(), Bytes::copy_from_slice(json))).collect();
        assert_eq!(found, expect.clone().into_iter().collect::<Vec<_>>());
        for (name, json) in expect {
            assert_eq!(rope.get(name.as_str()).map(|(_, json)| json), Some(&**json));
        }
        assert!(rope.get("absent").is_none() && rope.len() == expect.len());
        let single = |chunk: &Chunk<Named>| chunk.entries.len() == 1;
        for chunk in &rope.chunks {
            assert!(!chunk.entries.is_empty());
            let longest = chunk.iter().map(|(_, json)| json.len()).max().unwrap_or_default();
            assert!(chunk.text.plain().len() <= CHUNK_BYTES_MAX + longest || single(chunk));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_list_is_what_was_put_and_says_what_differs(
            rounds in prop::collection::vec(
                prop::collection::vec((0..300_u32, prop::option::of(0..4_000_usize)), 1..80), 1..12,
            ),
        ) {
            let (mut rope, mut expect) = (Rope::default(), BTreeMap::new());
            for round in rounds {
                let mut changes = Changes::new();
                let before = expect.clone();
                for (number, put) in round {
                    let name = format!("{number:03}");
                    let put = put.map(|size| object(&name, size));
                    match &put {
                        Some((_, json)) => expect.insert(name.clone(), json.clone()),
                        None => expect.remove(&name),
                    };
                    changes.insert(name, put);
                }
                let next = rope.after(changes);
                check(&next, &expect);
                let names: std::collections::BTreeSet<_> = before.keys().chain(expect.keys()).collect();
                let differ = names.into_iter().filter(|name| before.get(*name) != expect.get(*name));
                let differ: Vec<_> = differ.map(|name| (name.clone(), expect.get(name).map(|json| &**json))).collect();
                prop_assert_eq!(next.differences(&rope).into_iter().collect::<Vec<_>>(), differ);
                rope = next;
            }
        }
    }

    #[test]
    fn a_change_makes_one_chunk_anew_and_shares_the_others() {
        let all = (0..2_000).map(|n| (format!("{n:04}"), Some(object(&format!("{n:04}"), 1_000)))).collect::<Changes>();
        let rope = Rope::default().after(all);
        assert!((25..40).contains(&rope.chunks.len()), "{}", rope.chunks.len());
        let other = rope.after([("0777".to_owned(), Some(object("0777", 10)))].into());
        let shared = other.chunks.iter().filter(|chunk| rope.chunks.iter().any(|old| Arc::ptr_eq(old, chunk))).count();
        assert_eq!((other.chunks.len(), shared), (rope.chunks.len(), rope.chunks.len() - 1));
        let same = rope.after([("0777".to_owned(), Some(object("0777", 1_000))), ("none".to_owned(), None)].into());
        assert!(same.is(&rope));
        // What shrinks is put together, what grows is cut.
        let few = rope.after((0..1_990).map(|n| (format!("{n:04}"), None)).collect());
        assert_eq!((few.len(), few.chunks.len()), (10, 1));
        let large = (0..10).map(|n| (format!("0777-{n}"), Some(object("x", 60_000)))).collect();
        assert!(rope.after(large).chunks.iter().all(|chunk| chunk.text.plain().len() < CHUNK_BYTES_MAX + 61_000));
    }
}
