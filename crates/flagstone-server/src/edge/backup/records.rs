//! What a backup is made of: records behind one another, a line each. Before a record stand its length and a checksum
//! of it and of all before it, so that no record is taken for one of another place or of another file.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;

use crc32fast::Hasher;
use flagstone_model::api_tokens::ApiToken;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{News, Place};
use crate::system::clock::Clock;
use crate::system::entropy;

/// The first line is this and what tells the file from any other.
const MAGIC: &[u8] = b"flagstone-edge-2 ";
/// The time, 16 random digits, all hexadecimal, and the end of the line.
const HEADER_BYTES: usize = MAGIC.len() + 33;
/// Two numbers of 8 hexadecimal digits, each with a space behind it.
const HEAD_BYTES: usize = 18;

/// What a record says.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Record<'a> {
    /// A token that works.
    Token(Box<ApiToken>),
    /// The hash of one that does not any more.
    Forgotten(String),
    /// From here on a feed is this.
    #[serde(borrow)]
    Feed(FeedRecord<'a>),
    /// It has changed.
    #[serde(borrow)]
    Changes(ChangesRecord<'a>),
    /// Nobody may see it any more.
    Gone(u64),
    /// All that there was when the file was made stands before this.
    Whole,
}

#[derive(Deserialize)]
struct FeedRecord<'a> {
    number: u64,
    environment: String,
    projects: Vec<String>,
    #[serde(borrow)]
    changes: &'a RawValue,
}

#[derive(Deserialize)]
struct ChangesRecord<'a> {
    number: u64,
    #[serde(borrow)]
    changes: &'a RawValue,
}

/// What records are about without what they bring.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Short<'a> {
    Token(&'a ApiToken),
    Forgotten(&'a str),
    Gone(u64),
    Whole,
}

/// What is to be known of the records so far to go on behind them.
#[derive(Debug, Default)]
pub struct Index {
    checksum: u32,
    /// Up to the end of the last record, in bytes.
    pub bytes: u64,
    /// Of these, those that would be written again if all were.
    pub alive: u64,
    feeds: HashMap<Arc<Place>, Numbered>,
    next: u64,
}

#[derive(Debug)]
struct Numbered {
    number: u64,
    bytes: u64,
}

impl Index {
    fn note_feed(&mut self, place: Arc<Place>, number: u64, bytes: u64) {
        let before = self.feeds.insert(place, Numbered { number, bytes });
        self.alive = (self.alive + bytes).saturating_sub(before.map_or(0, |before| before.bytes));
        self.next = self.next.max(number + 1);
    }

    fn note_gone(&mut self, place: &Place) {
        let gone = self.feeds.remove(place).map_or(0, |gone| gone.bytes);
        self.alive = self.alive.saturating_sub(gone);
    }
}

/// Writes records.
pub struct Frames<W> {
    /// Where to.
    pub out: W,
    /// Where it stands.
    pub index: Index,
}

impl<W: Write> Frames<W> {
    /// Begins anew.
    pub fn begin(mut out: W) -> io::Result<Self> {
        let made = format!("{:016x}{}\n", Clock::System.now().millis(), entropy::hex::<8>());
        let header = [MAGIC, made.as_bytes()].concat();
        out.write_all(&header)?;
        let index = Index { checksum: crc32fast::hash(&header), bytes: header.len() as u64, ..Index::default() };
        Ok(Self { out, index })
    }

    /// Writes what is new.
    pub fn write(&mut self, news: &News) -> io::Result<()> {
        match news {
            News::Token(token) => self.short(&Short::Token(token)),
            News::Forgotten(hash) => self.short(&Short::Forgotten(hash)),
            News::Feed(place, changes) => self.feed(place, changes),
            News::Changes(place, changes) => match self.index.feeds.get(place) {
                Some(feed) => {
                    let head = format!(r#"{{"changes":{{"number":{},"changes":"#, feed.number);
                    self.record(&[head.as_bytes(), changes.get().as_bytes(), b"}}"])
                }
                // Before them it was empty.
                None => self.feed(place, changes),
            },
            News::Gone(place) => {
                let Some(number) = self.index.feeds.get(place).map(|feed| feed.number) else { return Ok(()) };
                self.index.note_gone(place);
                self.short(&Short::Gone(number))
            }
        }
    }

    /// All that there is was written.
    pub fn whole(&mut self) -> io::Result<()> {
        self.short(&Short::Whole)?;
        self.index.alive = self.index.bytes;
        Ok(())
    }

    fn feed(&mut self, place: &Arc<Place>, changes: &RawValue) -> io::Result<()> {
        let number = self.index.feeds.get(place).map_or(self.index.next, |feed| feed.number);
        let (environment, projects) =
            (serde_json::to_string(&place.environment)?, serde_json::to_string(&place.projects)?);
        let head =
            format!(r#"{{"feed":{{"number":{number},"environment":{environment},"projects":{projects},"changes":"#);
        let before = self.index.bytes;
        self.record(&[head.as_bytes(), changes.get().as_bytes(), b"}}"])?;
        self.index.note_feed(Arc::clone(place), number, self.index.bytes - before);
        Ok(())
    }

    fn short(&mut self, record: &Short<'_>) -> io::Result<()> {
        self.record(&[&serde_json::to_vec(record)?])
    }

    fn record(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let length = u32::try_from(length).map_err(|_| io::Error::other("a record of a backup is too long"))?;
        let length = format!("{length:08x} ");
        let checksum = checksum(self.index.checksum, length.as_bytes(), parts);
        self.out.write_all(length.as_bytes())?;
        self.out.write_all(format!("{checksum:08x} ").as_bytes())?;
        for part in parts {
            self.out.write_all(part)?;
        }
        self.out.write_all(b"\n")?;
        self.index.checksum = checksum;
        self.index.bytes += parts.iter().map(|part| part.len() as u64).sum::<u64>() + HEAD_BYTES as u64 + 1;
        Ok(())
    }
}

/// CRC-32 (ISO 3309), which sees every change of fewer than 33 bits in a row.
fn checksum(before: u32, length: &[u8], parts: &[&[u8]]) -> u32 {
    let mut hasher = Hasher::new_with_initial(before);
    hasher.update(length);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

/// What was read.
pub struct Reading<'a> {
    /// When the file was made, in milliseconds since 1970.
    pub made: u64,
    /// Tokens that work.
    pub tokens: HashMap<String, ApiToken>,
    /// What each feed is, and what has changed in it since, in order.
    pub feeds: HashMap<u64, (Arc<Place>, Vec<&'a RawValue>)>,
    /// Up to the last record that is whole.
    pub index: Index,
    /// What is wrong with what stands behind it, if something does.
    pub broken: Option<&'static str>,
}

/// Reads records up to the first that is not whole. An error if that is one of those that the file was made with.
pub fn read(bytes: &[u8]) -> Result<Reading<'_>, &'static str> {
    let header = bytes.get(..HEADER_BYTES).filter(|header| header.starts_with(MAGIC) && header.ends_with(b"\n"));
    let header = header.ok_or("it is no backup of this version")?;
    let index = Index { checksum: crc32fast::hash(header), bytes: HEADER_BYTES as u64, ..Index::default() };
    let made = std::str::from_utf8(&header[MAGIC.len()..][..16]).ok();
    let made = made.and_then(|digits| u64::from_str_radix(digits, 16).ok()).ok_or("nobody knows when it was made")?;
    let mut reading = Reading { made, tokens: HashMap::new(), feeds: HashMap::new(), index, broken: None };
    let (mut rest, mut is_whole) = (&bytes[HEADER_BYTES..], false);
    while !rest.is_empty() {
        let before = reading.index.checksum;
        let (payload, checksum, behind) = match next(rest, before) {
            Ok(next) => next,
            Err(broken) => {
                reading.broken = Some(broken);
                break;
            }
        };
        reading.index.checksum = checksum;
        let size = (rest.len() - behind.len()) as u64;
        reading.index.bytes += size;
        rest = behind;
        match serde_json::from_slice(payload) {
            Ok(Record::Whole) => {
                is_whole = true;
                reading.index.alive = reading.index.bytes;
            }
            Ok(record) => reading.take(record, size),
            // As it was written, so by a later version, which may say more than is known here.
            Err(error) => tracing::error!(%error, "a record of the backup cannot be read; the others are used"),
        }
    }
    if is_whole { Ok(reading) } else { Err(reading.broken.unwrap_or("it ends before its time")) }
}

/// The next record, its checksum, and what stands behind it.
fn next(bytes: &[u8], before: u32) -> Result<(&[u8], u32, &[u8]), &'static str> {
    let head = bytes.get(..HEAD_BYTES).ok_or("a record is cut off")?;
    let (length, written) = head.split_at(HEAD_BYTES / 2);
    let digits = std::str::from_utf8(&length[..8]).map_err(|_| "a record has no length")?;
    let count = usize::from_str_radix(digits, 16).map_err(|_| "a record has no length")?;
    let payload = bytes.get(HEAD_BYTES..HEAD_BYTES + count).ok_or("a record is cut off")?;
    let checksum = checksum(before, length, &[payload]);
    if format!("{checksum:08x} ").as_bytes() != written {
        return Err("a record's checksum is wrong");
    }
    let behind = bytes[HEAD_BYTES + count..].strip_prefix(b"\n").ok_or("a record has no end")?;
    Ok((payload, checksum, behind))
}

impl<'a> Reading<'a> {
    fn take(&mut self, record: Record<'a>, size: u64) {
        match record {
            Record::Token(token) => {
                self.tokens.insert(token.hash.clone(), *token);
            }
            Record::Forgotten(hash) => {
                self.tokens.remove(&hash);
            }
            Record::Feed(FeedRecord { number, environment, projects, changes }) => {
                let place = Arc::new(Place { environment, projects });
                self.index.note_feed(Arc::clone(&place), number, size);
                self.feeds.insert(number, (place, vec![changes]));
            }
            Record::Changes(ChangesRecord { number, changes }) => {
                if let Some((_, all)) = self.feeds.get_mut(&number) {
                    all.push(changes);
                }
            }
            Record::Gone(number) => {
                if let Some((place, _)) = self.feeds.remove(&number) {
                    self.index.note_gone(&place);
                }
            }
            Record::Whole => {}
        }
    }
}
