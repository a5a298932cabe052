//! The hash chain over the log, and the check that the log, the documents and the events tell one story.
//!
//! With `‖` for concatenation and numbers as 8 bytes, most significant first (times are signed, two's complement):
//!
//! ```text
//! body_hash(n)  = SHA-256(body)                      body: the UTF-8 bytes of the column `body` as it was written
//! chain_hash(n) = SHA-256(chain_hash(n - 1) ‖ seq ‖ at ‖ actor ‖ body_hash(n))
//! chain_hash(0) = 32 zero bytes                      actor: the UTF-8 bytes of the column `actor`, JSON text
//! ```
//!
//! `actor` is the only part of variable length, so no two commits share an encoding. A redacted commit has no body
//! any more, but its `body_hash` still stands in the row, so the chain goes on.
//!
//! Limitations: whoever can write to the database can compute a new chain from any point on, or cut off its end
//! together with everything that follows from it. Against that, note [`crate::Verification::chain_hash`] elsewhere.

use std::collections::{BTreeSet, HashMap, VecDeque};

use flagstone_model::commit::{Commit, CommitBody, Event};
use sha2::{Digest, Sha256};

use crate::log::{CommitRow, EventRow};
use crate::{Broken, Error, Fault, StoredDocument, Verification};

/// The hash of a commit's body.
pub fn body_hash(body: &str) -> [u8; 32] {
    Sha256::digest(body.as_bytes()).into()
}

/// The hash that ties a commit to all before it.
pub fn chain_hash(previous: &[u8; 32], seq: u64, at: i64, actor: &str, body_hash: &[u8; 32]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(previous);
    hash.update(seq.to_be_bytes());
    hash.update(at.to_be_bytes());
    hash.update(actor.as_bytes());
    hash.update(body_hash);
    hash.finalize().into()
}

/// The hash that guards a document's row: of kind, id and body, with a zero byte (which neither key can hold) between.
pub(crate) fn document_hash(kind: &str, id: &str, body: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [kind, "\0", id, "\0", body] {
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

/// The commit that changed a document last, and the hash of the body it put, if it did not delete.
type LastChange = (u64, Option<[u8; 32]>);

/// Folds the log and compares. Commits go in by [`Verifier::commit`], event rows by [`Verifier::events`] ahead of
/// them, documents by [`Verifier::document`] at the end.
#[derive(Default)]
pub(crate) struct Verifier {
    found: Verification,
    seq: u64,
    /// By kind and id.
    documents: HashMap<(String, String), LastChange>,
    redacted: BTreeSet<u64>,
    events: VecDeque<EventRow>,
    last_event_id: u64,
}

impl Verifier {
    /// Event rows in the order of their ids.
    pub(crate) fn events(&mut self, rows: Vec<EventRow>) {
        self.events.extend(rows);
    }

    /// Whether the event rows that are here reach beyond the commit `seq`.
    pub(crate) fn has_events_after(&self, seq: u64) -> bool {
        self.events.back().is_some_and(|row| row.seq > seq)
    }

    /// The id of the last event row that came in, to ask for the next page.
    pub(crate) fn last_event_id(&self) -> u64 {
        self.events.back().map_or(self.last_event_id, |row| row.event.id.max(self.last_event_id))
    }

    /// Takes the next commit; `false` when something is wrong and the walk is over.
    pub(crate) fn commit(&mut self, row: &CommitRow) -> bool {
        let fault = self.check(row).err();
        if let Some((seq, fault)) = fault {
            self.fail(seq, fault);
        } else {
            self.found.commits += 1;
        }
        self.found.broken.is_none()
    }

    fn fail(&mut self, seq: u64, fault: Fault) {
        if self.found.broken.as_ref().is_none_or(|broken| seq < broken.seq) {
            self.found.broken = Some(Broken { seq, fault });
        }
    }

    fn check(&mut self, row: &CommitRow) -> Result<(), (u64, Fault)> {
        let seq = self.seq + 1;
        if row.seq != seq {
            return Err((seq, Fault::Gap));
        }
        if row.body.as_deref().is_some_and(|body| body_hash(body) != row.body_hash) {
            return Err((seq, Fault::BodyHash));
        }
        if chain_hash(&self.found.chain_hash, seq, row.at, &row.actor, &row.body_hash) != row.chain_hash {
            return Err((seq, Fault::ChainHash));
        }
        self.seq = seq;
        self.found.chain_hash = row.chain_hash;
        if let Some(body) = &row.body {
            let body: CommitBody = serde_json::from_str(body).map_err(|e| (seq, Fault::Unreadable(e.to_string())))?;
            self.check_events(seq, &body.events)?;
            self.fold(seq, body);
        } else {
            self.found.redacted += 1;
            self.redacted.insert(seq);
            while self.events.front().is_some_and(|row| row.seq == seq) {
                self.take_event();
            }
        }
        Ok(())
    }

    fn check_events(&mut self, seq: u64, expected: &[Event]) -> Result<(), (u64, Fault)> {
        for event in expected {
            let expected = EventRow::of(seq, event);
            match self.take_event() {
                Some(row) if row == expected => self.found.events += 1,
                _ => return Err((seq, Fault::Event(event.id))),
            }
        }
        match self.events.front() {
            Some(row) if row.seq <= seq => Err((seq, Fault::Event(row.event.id))),
            _ => Ok(()),
        }
    }

    fn take_event(&mut self) -> Option<EventRow> {
        let row = self.events.pop_front()?;
        self.last_event_id = self.last_event_id.max(row.event.id);
        Some(row)
    }

    fn fold(&mut self, seq: u64, body: CommitBody) {
        for change in body.changes {
            let hash = change.body.as_ref().map(|body| body_hash(&body.to_string()));
            self.documents.insert((change.kind, change.id), (seq, hash));
        }
    }

    /// Takes a document row, after all commits.
    pub(crate) fn document(&mut self, row: StoredDocument) {
        self.found.documents += 1;
        let expected = self.documents.remove(&(row.kind.clone(), row.id.clone()));
        let known = expected.map_or(0, |(seq, _)| seq);
        if row.seq > self.seq {
            return self.fail(self.seq + 1, Fault::Gap);
        }
        if row.seq > known && self.redacted.contains(&row.seq) {
            return;
        }
        // Compared as values: the text of a body may differ where another release wrote it.
        let actual = serde_json::from_str::<serde_json::Value>(&row.body).ok().map(|body| body_hash(&body.to_string()));
        if actual.is_none() || expected != Some((row.seq, actual)) {
            let seq = if expected.is_some() { known } else { row.seq };
            self.fail(seq, Fault::Document(row.kind, row.id));
        }
    }

    /// What was found until something was wrong.
    pub(crate) fn broken(self) -> Verification {
        self.found
    }

    /// After all commits and documents.
    pub(crate) fn finish(mut self) -> Verification {
        if let Some(row) = self.events.pop_front() {
            let fault = if row.seq > self.seq { Fault::Gap } else { Fault::Event(row.event.id) };
            self.fail(row.seq.min(self.seq + 1), fault);
        }
        let last_redacted = self.redacted.last().copied().unwrap_or_default();
        for ((kind, id), (seq, hash)) in std::mem::take(&mut self.documents) {
            if hash.is_some() && last_redacted < seq {
                self.fail(seq, Fault::Document(kind, id));
            }
        }
        self.found
    }
}

/// The rows that an append writes.
pub(crate) struct Rows {
    pub(crate) commits: Vec<CommitRow>,
    /// In the order of their keys, so that two nodes never wait for each other.
    pub(crate) puts: Vec<StoredDocument>,
    pub(crate) deletes: Vec<(String, String)>,
    pub(crate) events: Vec<EventRow>,
}

impl Rows {
    /// The rows of commits that follow `previous`, the head's chain hash.
    pub(crate) fn of(commits: &[Commit], mut previous: [u8; 32]) -> Result<Self, Error> {
        let mut rows = Self { commits: Vec::new(), puts: Vec::new(), deletes: Vec::new(), events: Vec::new() };
        let mut documents = std::collections::BTreeMap::new();
        for commit in commits {
            let row = CommitRow::of(commit, &previous)?;
            previous = row.chain_hash;
            rows.commits.push(row);
            for change in &commit.body.changes {
                let body = change.body.as_ref().map(ToString::to_string);
                documents.insert((change.kind.clone(), change.id.clone()), (commit.seq, body));
            }
            rows.events.extend(commit.body.events.iter().map(|event| EventRow::of(commit.seq, event)));
        }
        for ((kind, id), (seq, body)) in documents {
            match body {
                Some(body) => rows.puts.push(StoredDocument { kind, id, seq, body }),
                None => rows.deletes.push((kind, id)),
            }
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_never_changes() {
        let hex = |hash: [u8; 32]| hash.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let body = body_hash(r#"{"changes":[],"events":[]}"#);
        let first = chain_hash(&[0; 32], 1, 1_700_000_000_000, r#"{"id":-1337,"name":"system"}"#, &body);
        let second = chain_hash(&first, 2, -1, "", &body);
        assert_eq!(hex(body), "efed75f461c889008d837fc91371e81b267c9f7867cd1118542ecce36c28f58c");
        assert_eq!(hex(first), "47c387180a6eab9625b56e8808dabe48647162f24489443851f0fe29c7d42eee");
        assert_eq!(hex(second), "977e793e7f3116c6822acba0836f79d9c4fce17ef0d3ff68a5f4093b42e511c7");
    }
}
