//! Taking sealed pieces out of the log: what a commit that redacts does to the rows before it, in its own transaction.

use std::collections::{BTreeMap, HashSet};

use flagstone_model::commit::{Commit, Event};

use crate::Error;
use crate::base::{self, Base, Part};
use crate::log::{COMMIT_COLUMNS, CommitRow, Detail, EVENT_COLUMNS, EventRow};
use crate::sql::{Lease, Sql, signed};
use crate::{grams, past, text};

/// What else has to change with a commit that loses pieces.
pub(crate) struct Taken {
    /// Its events, where they show one of the pieces.
    pub(crate) events: Vec<EventRow>,
    /// Documents that it wrote and that lose something.
    pub(crate) documents: Vec<(String, String)>,
    /// Documents among them that are gone whole.
    pub(crate) gone: Vec<(String, String)>,
}

/// The hashes that a redaction takes, by commit.
pub(crate) fn by_commit(redaction: &Commit) -> Result<BTreeMap<u64, Vec<[u8; 32]>>, Error> {
    let mut pieces = BTreeMap::<u64, Vec<_>>::new();
    for piece in &redaction.redacts {
        if piece.seq >= redaction.seq {
            return Err(Error::Invalid(format!("commit {} redacts one that is not before it", redaction.seq)));
        }
        pieces.entry(piece.seq).or_default().push(piece.hash);
    }
    Ok(pieces)
}

/// Takes the pieces out of a row.
pub(crate) fn take(row: &mut CommitRow, hashes: &[[u8; 32]]) -> Result<Taken, Error> {
    let left = text::without(row, hashes).map_err(|unreadable| row.corrupt(unreadable))?;
    let seq = row.seq;
    row.private = left.ok_or_else(|| Error::Invalid(format!("commit {seq} has no piece that a redaction names")))?;
    let parsed = row.parse()?;
    let pieces: Vec<_> = parsed.pieces.iter().filter(|piece| hashes.contains(&piece.hash)).collect();
    let mut taken = Taken { events: Vec::new(), documents: Vec::new(), gone: Vec::new() };
    if pieces.iter().any(|piece| piece.is_shown_by_events()) {
        taken.events = parsed.commit.body.events.iter().map(|event| EventRow::of(seq, event)).collect();
    }
    let keys = text::keys(row).map_err(|unreadable| row.corrupt(unreadable))?;
    let key = |change: Option<usize>| change.and_then(|at| keys.get(at)).cloned();
    taken.documents = pieces.iter().filter_map(|piece| key(piece.change())).collect();
    taken.gone = pieces.iter().filter_map(|piece| key(piece.whole_change())).collect();
    Ok(taken)
}

/// Documents, by kind and id, and the commits that had put them.
pub(crate) type PutBy = Vec<(String, String, u64)>;

/// Takes those pieces out of a part of the log's base that it has, and them off the list. The documents that lose
/// something, with the commits that had put them; nothing if it has none of the pieces.
pub(crate) fn take_from_part(part: &mut Part, hashes: &mut Vec<[u8; 32]>) -> Result<Option<PutBy>, Error> {
    let there: HashSet<[u8; 32]> = part.row.parse()?.pieces.into_iter().map(|piece| piece.hash).collect();
    let (mine, others): (Vec<_>, Vec<_>) = hashes.drain(..).partition(|hash| there.contains(hash));
    *hashes = others;
    if mine.is_empty() {
        return Ok(None);
    }
    let seqs = part.seqs_by_key()?;
    let taken = take(&mut part.row, &mine)?;
    let documents = taken.documents.into_iter().filter_map(|key| {
        let seq = seqs.get(&key).copied()?;
        Some((key.0, key.1, seq))
    });
    Ok(Some(documents.collect()))
}

/// Whether every piece of the base that a redaction names was there.
pub(crate) fn all_taken(seq: u64, left: &[[u8; 32]]) -> Result<(), Error> {
    if left.is_empty() {
        return Ok(());
    }
    Err(Error::Invalid(format!("the base at commit {seq} has no piece that a redaction names")))
}

async fn redact_base(lease: &mut Lease<'_>, base: &Base, mut hashes: Vec<[u8; 32]>) -> Result<(), Error> {
    for number in 0..base.parts {
        let Some(mut part) = base::part(lease, base, number).await? else { continue };
        let Some(documents) = take_from_part(&mut part, &mut hashes)? else { continue };
        let update = Sql::new("UPDATE base_parts SET private = $1 WHERE id = $2 AND part = $3");
        lease.execute(update.with(part.row.private).with(base.id.as_str()).with(signed(number))).await?;
        for (kind, id, seq) in documents {
            refuse_standing(lease, &kind, &id, seq).await?;
        }
    }
    all_taken(base.end.seq, &hashes)
}

async fn refuse_standing(lease: &mut Lease<'_>, kind: &str, id: &str, seq: u64) -> Result<(), Error> {
    let query = Sql::new("SELECT COUNT(*) FROM documents WHERE kind = $1 AND id = $2 AND seq = $3");
    match lease.fetch_one(query.with(kind).with(id).with(signed(seq)), |row| row.int(0)).await? {
        Some(0) => Ok(()),
        _ => Err(left_standing(kind, id)),
    }
}

/// A document still is what lost a piece.
pub(crate) fn left_standing(kind: &str, id: &str) -> Error {
    Error::Invalid(format!("a redaction does not say what becomes of the {kind} `{id}`"))
}

/// Takes what an event no longer says out of the index of texts, before its row is rewritten.
async fn rewrite_text(lease: &mut Lease<'_>, event: &Event) -> Result<(), Error> {
    if !lease.is_sqlite() {
        let update = Sql::new("UPDATE events SET grams = CAST($1 AS INTEGER[]) WHERE id = $2");
        return lease.execute(update.with(grams::array_of(event)).with(signed(event.id))).await.map(|_| ());
    }
    let mut query = Sql::new("SELECT ");
    query.push(EVENT_COLUMNS).push(" FROM events WHERE id = ").push_value(signed(event.id));
    let Some(before) = lease.fetch_one(query, EventRow::read).await? else { return Ok(()) };
    // The index has no texts of its own: it is told what to forget.
    let delete = Sql::new("INSERT INTO events_text (events_text, rowid, grams) VALUES ('delete', $1, $2)");
    lease.execute(delete.with(signed(event.id)).with(grams::tokens_of(&before.event))).await?;
    let insert = Sql::new("INSERT INTO events_text (rowid, grams) VALUES ($1, $2)");
    lease.execute(insert.with(signed(event.id)).with(grams::tokens_of(event))).await.map(|_| ())
}

/// Does what a commit says that is written already, with its documents.
pub(crate) async fn carry_out(lease: &mut Lease<'_>, redaction: &Commit) -> Result<(), Error> {
    let mut first = None;
    let base = base::read(lease).await?;
    for (seq, hashes) in by_commit(redaction)? {
        if let Some(base) = base.as_ref().filter(|base| seq <= base.end.seq) {
            if seq < base.end.seq {
                return Err(Error::Compacted(base.end.seq));
            }
            redact_base(lease, base, hashes).await?;
            first = Some(seq);
            continue;
        }
        let mut query = Sql::new("SELECT ");
        query.push(COMMIT_COLUMNS).push(" FROM commits WHERE seq = ").push_value(signed(seq));
        let row = lease.fetch_one(query, CommitRow::read).await?;
        let mut row = row.ok_or_else(|| Error::Corrupt(format!("commit {seq} is missing")))?;
        let taken = take(&mut row, &hashes)?;
        let update = Sql::new("UPDATE commits SET private = $1 WHERE seq = $2");
        lease.execute(update.with(row.private).with(signed(seq))).await?;
        first = first.or((!taken.documents.is_empty()).then_some(seq));
        for (kind, id) in taken.documents {
            refuse_standing(lease, &kind, &id, seq).await?;
        }
        for (kind, id) in taken.gone {
            let delete = Sql::new(
                "DELETE FROM changes WHERE document = (SELECT number FROM document_keys WHERE kind = $1 AND id = $2) \
                 AND seq = $3",
            );
            lease.execute(delete.with(kind).with(id).with(signed(seq))).await?;
        }
        for EventRow { event, .. } in taken.events {
            rewrite_text(lease, &event).await?;
            let update = Sql::new("UPDATE events SET created_by = $1, ip = $2, detail = $3 WHERE id = $4")
                .with(event.created_by)
                .with(event.ip)
                .with(Detail { data: event.data, pre_data: event.pre_data }.pack())
                .with(signed(event.id));
            lease.execute(update).await?;
        }
    }
    match first {
        Some(seq) => past::forget_checkpoints(lease, seq).await,
        None => Ok(()),
    }
}
