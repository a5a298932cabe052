//! The check that the log, the documents and the events tell one story.

use std::collections::{BTreeMap, HashMap, VecDeque};

use flagstone_model::commit::{CommitBody, Event, Piece};

use crate::chain::{End, body_hash, chain_hash, document_hash};
use crate::log::{CommitRow, EventRow};
use crate::text::{self, Unreadable};
use crate::{Broken, Fault, StoredDocument, Verification};

/// The commit that changed a document last, and the hash of the body it put, if it did not delete.
type LastChange = (u64, Option<[u8; 32]>);

/// Folds the log and compares. Commits go in by [`Verifier::commit`], event rows by [`Verifier::events`] ahead of
/// them, documents by [`Verifier::document`] at the end.
#[derive(Default)]
pub(crate) struct Verifier {
    found: Verification,
    end: End,
    /// By kind and id.
    documents: HashMap<(String, String), LastChange>,
    /// Pieces that are gone and that no redaction has named yet, with their places.
    gone: BTreeMap<Piece, String>,
    events: VecDeque<EventRow>,
    last_event_id: u64,
    /// The sum of the hashes of what the index of changes has to hold, less those of what it holds.
    changes: u128,
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
        let seq = self.end.seq + 1;
        if row.seq != seq {
            return Err((seq, Fault::Gap));
        }
        if body_hash(&row.body) != row.body_hash {
            return Err((seq, Fault::BodyHash));
        }
        let is_chained = chain_hash(&self.end.chain_hash, seq, row.at, row.format, &row.body_hash) == row.chain_hash;
        if !is_chained || row.reached != self.end.reached.max(row.at) {
            return Err((seq, Fault::ChainHash));
        }
        self.end = End::of(row);
        self.found.chain_hash = row.chain_hash;
        let parsed = text::read(row).map_err(|unreadable| match unreadable {
            Unreadable::Text(why) => (seq, Fault::Unreadable(why)),
            Unreadable::Piece(place) => (seq, Fault::Piece(place)),
        })?;
        // A redaction names what is gone, and what it names is gone.
        if row.redacts != parsed.commit.redacts.len() as u64 {
            return Err((seq, Fault::Redaction));
        }
        for piece in &parsed.commit.redacts {
            self.gone.remove(piece).ok_or((seq, Fault::Redaction))?;
        }
        for piece in parsed.pieces.into_iter().filter(|piece| piece.is_gone) {
            self.found.redacted += 1;
            self.gone.insert(Piece { seq, hash: piece.hash }, piece.place);
        }
        self.check_events(seq, &parsed.commit.body.events)?;
        self.fold(seq, parsed.commit.body);
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
            self.changes = self.changes.wrapping_add(change_hash(&change.kind, &change.id, seq));
            let hash = change.body.as_ref().map(|body| body_hash(&body.to_string()));
            self.documents.insert((change.kind, change.id), (seq, hash));
        }
    }

    /// Takes a row of the index of changes, in any order.
    pub(crate) fn change(&mut self, (kind, id, seq): &(String, String, u64)) {
        self.changes = self.changes.wrapping_sub(change_hash(kind, id, *seq));
    }

    /// Takes a document row, after all commits.
    pub(crate) fn document(&mut self, row: StoredDocument) {
        self.found.documents += 1;
        let expected = self.documents.remove(&(row.kind.clone(), row.id.clone()));
        if row.seq > self.end.seq {
            return self.fail(self.end.seq + 1, Fault::Gap);
        }
        // Compared as values: the text of a body may differ where another release wrote it.
        let actual = serde_json::from_str::<serde_json::Value>(&row.body).ok().map(|body| body_hash(&body.to_string()));
        if actual.is_none() || expected != Some((row.seq, actual)) {
            let seq = expected.map_or(row.seq, |(seq, _)| seq);
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
            let fault = if row.seq > self.end.seq { Fault::Gap } else { Fault::Event(row.event.id) };
            self.fail(row.seq.min(self.end.seq + 1), fault);
        }
        for (piece, place) in std::mem::take(&mut self.gone) {
            self.fail(piece.seq, Fault::Piece(place));
        }
        for ((kind, id), (seq, hash)) in std::mem::take(&mut self.documents) {
            if hash.is_some() {
                self.fail(seq, Fault::Document(kind, id));
            }
        }
        // It is a sum over all: where in the log it went wrong is not known, so whatever else is wrong says more.
        if self.changes != 0 && self.found.broken.is_none() {
            self.fail(self.end.seq, Fault::Changes);
        }
        self.found
    }
}

fn change_hash(kind: &str, id: &str, seq: u64) -> u128 {
    let hash = document_hash(kind, id, &seq.to_string());
    hash.iter().take(16).fold(0, |sum, byte| sum << 8 | u128::from(*byte))
}
