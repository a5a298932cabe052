//! Where a compacted log begins: what had come of the commits that are gone.
//!
//! The documents are written down in parts, each of which is like a commit's body that puts them: pieces about persons
//! are sealed beside it, and a redaction takes them out of it in the same way.

use std::collections::HashMap;

use flagstone_model::commit::{Actor, Change, Commit, CommitBody};
use flagstone_model::time::Timestamp;
use sha2::{Digest, Sha256};

use crate::chain::{self, End};
use crate::log::CommitRow;
use crate::past::Documents;
use crate::sql::{Lease, Row, Sql, signed};
use crate::text::{self, Salts};
use crate::{Error, packed};

/// The text of one part, about.
const PART_BYTES: usize = 256 * 1024;

/// The last commit that is gone, and what was made of it.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    pub(crate) end: End,
    /// Of its parts.
    pub(crate) id: String,
    pub(crate) parts: u64,
    /// Of the documents: see [`hash`].
    pub(crate) hash: [u8; 32],
}

/// Some of the documents.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// What puts them.
    pub(crate) row: CommitRow,
    /// The commits that had put them, in the same order.
    pub(crate) seqs: Vec<u64>,
}

impl Base {
    /// The documents as of the commit `end`, by kind and id.
    pub(crate) fn of(end: End, id: String, documents: Documents) -> Result<(Self, Vec<Part>), Error> {
        let mut salts = Salts::new()?;
        let (mut parts, mut changes, mut seqs, mut bytes) = (Vec::new(), Vec::new(), Vec::new(), 0);
        let mut documents = documents.into_iter().peekable();
        while let Some(((kind, document), (seq, body))) = documents.next() {
            bytes += body.len();
            let body = serde_json::from_str(&body)
                .map_err(|error| Error::Corrupt(format!("the {kind} `{document}` is no JSON: {error}")))?;
            changes.push(Change { kind, id: document, body: Some(body) });
            seqs.push(seq);
            if bytes >= PART_BYTES || documents.peek().is_none() {
                let (changes, seqs) = (std::mem::take(&mut changes), std::mem::take(&mut seqs));
                parts.push(Part::of(end, &id, changes, seqs, &mut salts)?);
                bytes = 0;
            }
        }
        Ok((Self { end, id, parts: parts.len() as u64, hash: hash(&parts) }, parts))
    }
}

/// The hash of all documents: of the hashes of each part's body and of its list of numbers, one part after the other.
pub(crate) fn hash(parts: &[Part]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(chain::body_hash(&part.row.body));
        hash.update(chain::body_hash(&part.numbers()));
    }
    hash.finalize().into()
}

impl Part {
    fn of(end: End, id: &str, changes: Vec<Change>, seqs: Vec<u64>, salts: &mut Salts) -> Result<Self, Error> {
        let commit = Commit {
            seq: end.seq,
            id: id.to_owned(),
            at: Timestamp::from_millis(end.reached),
            format: end.format,
            actor: Actor::system(),
            body: CommitBody { changes, events: Vec::new() },
            ..Commit::default()
        };
        Ok(Self { row: CommitRow::of(&commit, &end, salts)?, seqs })
    }

    fn numbers(&self) -> String {
        serde_json::to_string(&self.seqs).unwrap_or_default()
    }

    /// Its documents, without what was redacted since.
    pub(crate) fn documents(&self) -> Result<Documents, Error> {
        let seqs = self.seqs_by_key()?;
        let changes = self.row.parse()?.commit.body.changes;
        let documents = changes.into_iter().filter_map(|change| {
            let (key, body) = ((change.kind, change.id), change.body?.to_string());
            let seq = seqs.get(&key).copied()?;
            Some((key, (seq, body)))
        });
        Ok(documents.collect())
    }

    /// Which commit had put each document, also those that are gone whole.
    pub(crate) fn seqs_by_key(&self) -> Result<HashMap<(String, String), u64>, Error> {
        let keys = text::keys(&self.row).map_err(|unreadable| self.row.corrupt(unreadable))?;
        Ok(keys.into_iter().zip(self.seqs.iter().copied()).collect())
    }

    pub(crate) fn insert(&self, number: u64) -> Sql {
        let insert = Sql::new(
            "INSERT INTO base_parts (id, part, seqs, bytes, body, private, body_hash) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        );
        let insert = insert.with(self.row.id.as_str()).with(signed(number)).with(self.numbers());
        let insert = insert.with(signed(self.row.bytes)).with(packed::pack(&self.row.body));
        insert.with(self.row.private.as_str()).with(self.row.body_hash)
    }
}

/// The base of the log, if it was ever compacted.
pub(crate) async fn read(lease: &mut Lease<'_>) -> Result<Option<Base>, Error> {
    let query =
        Sql::new("SELECT seq, chain_hash, format, reached, id, parts, hash FROM bases ORDER BY seq DESC LIMIT 1");
    let read = |row: Row<'_>| {
        let format = u32::try_from(row.int(2)?).unwrap_or(u32::MAX);
        let end = End { seq: row.count(0)?, chain_hash: row.hash(1)?, format, reached: row.int(3)? };
        Ok(Base { end, id: row.text(4)?, parts: row.count(5)?, hash: row.hash(6)? })
    };
    lease.fetch_one(query, read).await
}

/// The last commit that is gone; 0 where none is.
pub(crate) async fn seq(lease: &mut Lease<'_>) -> Result<u64, Error> {
    let query = Sql::new("SELECT COALESCE(MAX(seq), 0) FROM bases");
    Ok(lease.fetch_one(query, |row| row.count(0)).await?.unwrap_or_default())
}

/// The last event that is gone; 0 where none is.
pub(crate) async fn last_event_id(lease: &mut Lease<'_>) -> Result<u64, Error> {
    let query = Sql::new("SELECT COALESCE(MAX(id), 0) FROM events_base");
    Ok(lease.fetch_one(query, |row| row.count(0)).await?.unwrap_or_default())
}

/// A part of the base by its number; nothing behind the last.
pub(crate) async fn part(lease: &mut Lease<'_>, base: &Base, number: u64) -> Result<Option<Part>, Error> {
    let query = Sql::new("SELECT seqs, bytes, body, private, body_hash FROM base_parts WHERE id = $1 AND part = $2");
    let read = |row: Row<'_>| {
        let seqs = serde_json::from_str(&row.text(0)?)
            .map_err(|error| Error::Corrupt(format!("the numbers of the log's base cannot be read: {error}")))?;
        let row = CommitRow {
            seq: base.end.seq,
            id: base.id.clone(),
            at: base.end.reached,
            format: base.end.format,
            reached: base.end.reached,
            bytes: row.count(1)?,
            redacts: 0,
            body: packed::unpack(&row.bytes(2)?).unwrap_or_default(),
            private: row.text(3)?,
            body_hash: row.hash(4)?,
            chain_hash: base.end.chain_hash,
        };
        Ok(Part { row, seqs })
    };
    lease.fetch_one(query.with(base.id.as_str()).with(signed(number)), read).await
}

/// All parts, as of one moment if the caller's transaction is.
pub(crate) async fn parts(lease: &mut Lease<'_>, base: &Base) -> Result<Vec<Part>, Error> {
    let mut parts = Vec::new();
    for number in 0..base.parts {
        let part = part(lease, base, number).await?;
        parts.push(part.ok_or_else(|| Error::Corrupt("a part of the log's base is missing".to_owned()))?);
    }
    Ok(parts)
}
