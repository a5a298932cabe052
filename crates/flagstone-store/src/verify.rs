//! The check that the log, the documents and the events tell one story.

use std::collections::{BTreeMap, HashMap, VecDeque};

use flagstone_model::commit::{CommitBody, Event, Piece};

use crate::base::{self, Base, Part};
use crate::chain::{End, body_hash, chain_hash, document_hash};
use crate::log::{self, CommitRow, EVENT_COLUMNS, EventRow};
use crate::sql::{Lease, Row, Sql, signed};
use crate::text::{self, Unreadable};
use crate::{Broken, Error, Fault, StoredDocument, Verification};

/// The commit that changed a document last, and the hash of the body it put, if it did not delete.
type LastChange = (u64, Option<[u8; 32]>);

pub(crate) async fn verify(lease: &mut Lease<'_>) -> Result<Verification, Error> {
    lease.begin_snapshot().await?;
    let mut verifier = Verifier::default();
    let mut more_events = true;
    // From before the first possible number, so that a row with a number below 1 is found too.
    let mut seq = 0;
    if let Some(base) = base::read(lease).await? {
        seq = base.end.seq;
        let parts = base::parts(lease, &base).await?;
        if !verifier.begin(&base, &parts) {
            return Ok(verifier.broken());
        }
    }
    verifier.begin_events(base::last_event_id(lease).await?);
    loop {
        let commits = log::commit_rows(lease, seq, log::PAGE).await?;
        let Some(last) = commits.last() else { break };
        seq = last.seq;
        while more_events && !verifier.has_events_after(seq) {
            more_events = more_events_for(lease, &mut verifier).await?;
        }
        if !commits.iter().all(|commit| verifier.commit(commit)) {
            return Ok(verifier.broken());
        }
    }
    if more_events {
        more_events_for(lease, &mut verifier).await?;
    }
    verify_documents(lease, &mut verifier).await?;
    verify_changes(lease, &mut verifier).await?;
    lease.end("COMMIT").await?;
    Ok(verifier.finish())
}

async fn more_events_for(lease: &mut Lease<'_>, verifier: &mut Verifier) -> Result<bool, Error> {
    let mut query = Sql::new("SELECT ");
    query.push(EVENT_COLUMNS).push(" FROM events WHERE id > ").push_value(signed(verifier.last_event_id()));
    query.push(" ORDER BY id LIMIT ").push_value(i64::from(log::PAGE));
    let rows = lease.fetch(query, EventRow::read).await?;
    let found = !rows.is_empty();
    verifier.events(rows);
    Ok(found)
}

async fn verify_documents(lease: &mut Lease<'_>, verifier: &mut Verifier) -> Result<(), Error> {
    let mut after = (String::new(), String::new());
    loop {
        let query = Sql::new(
            "SELECT kind, id, seq, body FROM documents WHERE (kind, id) > ($1, $2) ORDER BY kind, id LIMIT $3",
        );
        let query = query.with(after.0.as_str()).with(after.1.as_str()).with(i64::from(log::PAGE));
        let rows = lease.fetch(query, log::read_any_document).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = (last.kind.clone(), last.id.clone());
        for row in rows {
            verifier.document(row);
        }
    }
}

async fn verify_changes(lease: &mut Lease<'_>, verifier: &mut Verifier) -> Result<(), Error> {
    let mut after = (i64::MIN, i64::MIN);
    loop {
        let query = Sql::new(
            "SELECT document, changes.seq, kind, id FROM changes JOIN document_keys ON number = document \
             WHERE (document, changes.seq) > ($1, $2) \
             AND changes.seq > (SELECT COALESCE(MAX(seq), 0) FROM bases) ORDER BY document, changes.seq LIMIT $3",
        );
        let query = query.with(after.0).with(after.1).with(i64::from(log::PAGE));
        let read = |row: Row<'_>| Ok(((row.int(0)?, row.int(1)?), (row.text(2)?, row.text(3)?, row.count(1)?)));
        let rows = lease.fetch(query, read).await?;
        for (_, change) in &rows {
            verifier.change(change);
        }
        let Some((last, _)) = rows.last() else { return Ok(()) };
        after = *last;
    }
}

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
    /// The last commit and the last event that are gone.
    begin: u64,
    last_event_gone: u64,
    /// The sum of the hashes of what the index of changes has to hold, less those of what it holds.
    changes: u128,
}

impl Verifier {
    /// Begins with the log's base; `false` when something is wrong with it.
    pub(crate) fn begin(&mut self, base: &Base, parts: &[Part]) -> bool {
        let seq = base.end.seq;
        (self.begin, self.end, self.found.chain_hash) = (seq, base.end, base.end.chain_hash);
        let is_right = |part: &Part| body_hash(&part.row.body) == part.row.body_hash;
        if parts.len() as u64 != base.parts || !parts.iter().all(is_right) || base::hash(parts) != base.hash {
            self.fail(seq, Fault::Base);
            return false;
        }
        for part in parts {
            let (Ok(parsed), Ok(documents)) = (text::read(&part.row), part.documents()) else {
                self.fail(seq, Fault::Base);
                return false;
            };
            for piece in parsed.pieces.into_iter().filter(|piece| piece.is_gone) {
                self.found.redacted += 1;
                self.gone.insert(Piece { seq, hash: piece.hash }, piece.place);
            }
            for (key, (seq, body)) in documents {
                let hash =
                    serde_json::from_str::<serde_json::Value>(&body).ok().map(|body| body_hash(&body.to_string()));
                self.documents.insert(key, (seq, hash));
            }
        }
        true
    }

    /// Begins the events behind the last one that is gone.
    pub(crate) fn begin_events(&mut self, last_event_gone: u64) {
        (self.last_event_id, self.last_event_gone) = (last_event_gone, last_event_gone);
    }

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
            // What was taken out of a commit that is gone now cannot be seen any more.
            if self.gone.remove(piece).is_none() && piece.seq > self.begin {
                return Err((seq, Fault::Redaction));
            }
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
        let gone = self.last_event_gone;
        for event in expected.iter().filter(|event| event.id > gone) {
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
