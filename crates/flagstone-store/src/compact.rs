//! Letting go of what is old: commits, of which their documents stay as the log's base, and events.

use flagstone_model::time::Timestamp;

use crate::base::{self, Base, Part};
use crate::chain::{self, End};
use crate::log::{self, EVENT_COLUMNS, EventRow};
use crate::memory::Tables;
use crate::past::blocking;
use crate::sql::{Lease, Row, Sql, signed};
use crate::{Access, Error, Store, grams, redact};

/// Rows that one transaction deletes: whoever wants to append waits for no more.
const ROWS: u64 = 50;
/// Documents whose changes one transaction goes through.
const KEYS: u64 = 500;
/// Pages that SQLite's file gives back in one transaction, and pages of the index of texts that one merges.
const PAGES: u64 = 256;

impl Store {
    /// Lets go of the commits that had been made before a time, and of their events: the documents as of the last of them
    /// become the log's base, from where it is verified and folded. At least one commit stays. The answer is the last
    /// one that is gone, if more are than before.
    ///
    /// What is gone does not come back: [`Error::Compacted`] says so to whoever asks for it. Redactions take pieces out
    /// of the base as they do out of commits. For a job in the background: it reads beside the writers, and deletes in
    /// small parts. SQLite's file becomes smaller; PostgreSQL's tables have room again once they are vacuumed.
    pub async fn compact(&self, before: Timestamp) -> Result<Option<u64>, Error> {
        let (begin, head) = (self.begin().await?, self.last_seq().await?);
        let seq = match self.seq_at(before.plus_millis(-1)).await {
            Ok(seq) => seq.min(head.saturating_sub(1)),
            Err(Error::Compacted(_)) => 0,
            Err(error) => return Err(error),
        };
        let mut compacted = None;
        if seq > begin {
            let documents = self.fold_to(seq).await?;
            let end = self.end_at(seq).await?;
            let id = chain::random_id()?;
            let (base, parts) = blocking(move || Base::of(end, id, documents)).await??;
            compacted = self.rebase(base, parts, (begin, head)).await?.then_some(seq);
        }
        self.clean().await?;
        Ok(compacted)
    }

    /// Lets go of the events that had been made before a time, up to a whole commit; the last one that is gone, if more
    /// are than before. Their commits stay.
    pub async fn forget_events(&self, before: Timestamp) -> Result<Option<u64>, Error> {
        let seq = match self.seq_at(before.plus_millis(-1)).await {
            Ok(seq) => seq,
            Err(Error::Compacted(_)) => 0,
            Err(error) => return Err(error),
        };
        let forgotten = match self.log_access().await? {
            Access::Memory(memory) => memory.tables().forget_events(seq),
            Access::Sql(mut lease) => {
                lease.begin_write().await?;
                let last = forget_events(&mut lease, seq).await?;
                lease.end("COMMIT").await?;
                last
            }
        };
        self.clean().await?;
        Ok(forgotten)
    }

    /// The last commit that is gone; 0 where none is.
    pub async fn begin(&self) -> Result<u64, Error> {
        match self.reader().await? {
            Access::Memory(memory) => Ok(memory.tables().begin()),
            Access::Sql(mut lease) => base::seq(&mut lease).await,
        }
    }

    async fn log_access(&self) -> Result<Access<'_>, Error> {
        Ok(match self {
            Self::Sqlite(store) => Access::Sql(store.writer().await?.0),
            Self::Postgres(store) => Access::Sql(store.writer().await?.0),
            Self::Memory(store) => Access::Memory(store),
        })
    }

    async fn end_at(&self, seq: u64) -> Result<End, Error> {
        let rows = match self.reader().await? {
            Access::Memory(memory) => memory.tables().commit_rows(seq - 1, 1),
            Access::Sql(mut lease) => log::commit_rows(&mut lease, seq - 1, 1).await?,
        };
        let row = rows.first().filter(|row| row.seq == seq);
        row.map(End::of).ok_or_else(|| Error::Corrupt(format!("commit {seq} is missing")))
    }

    /// Makes it the base, unless there is another one by now, or a redaction came after the head that was seen: the parts
    /// may hold what that has taken.
    async fn rebase(&self, base: Base, parts: Vec<Part>, seen: (u64, u64)) -> Result<bool, Error> {
        if let Self::Memory(memory) = self {
            return Ok(memory.tables().rebase(base, parts, seen));
        }
        self.run_aside(Sql::new(DELETE_ORPHANS)).await?;
        for (number, part) in (0..).zip(&parts) {
            self.run_aside(part.insert(number)).await?;
        }
        let Access::Sql(mut lease) = self.log_access().await? else { return Ok(false) };
        lease.begin_write().await?;
        let sound = Sql::new(
            "SELECT (SELECT COUNT(*) FROM commits WHERE seq > $1 AND redacts > 0), \
             (SELECT COALESCE(MAX(seq), 0) FROM bases), (SELECT COUNT(*) FROM base_parts WHERE id = $2)",
        );
        let sound = sound.with(signed(seen.1)).with(base.id.as_str());
        let found = lease.fetch_one(sound, |row| Ok((row.int(0)?, row.count(1)?, row.count(2)?))).await?;
        let keep = found == Some((0, seen.0, base.parts));
        if keep {
            lease.execute(Sql::new("DELETE FROM bases")).await?;
            let insert = Sql::new(
                "INSERT INTO bases (seq, id, format, reached, parts, chain_hash, hash) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            );
            let insert = insert.with(signed(base.end.seq)).with(base.id.as_str()).with(i64::from(base.end.format));
            let insert = insert.with(base.end.reached).with(signed(base.parts));
            lease.execute(insert.with(base.end.chain_hash).with(base.hash)).await?;
            lease.execute(Sql::new("DELETE FROM checkpoints WHERE seq <= $1").with(signed(base.end.seq))).await?;
            forget_events(&mut lease, base.end.seq).await?;
        }
        lease.execute(Sql::new(DELETE_ORPHANS)).await?;
        lease.execute(Sql::new(crate::past::DELETE_ORPHANS)).await?;
        lease.end("COMMIT").await?;
        Ok(keep)
    }

    /// Deletes the rows that are gone, little by little, also those that were left when this was interrupted.
    async fn clean(&self) -> Result<(), Error> {
        loop {
            let Access::Sql(mut lease) = self.log_access().await? else { return Ok(()) };
            lease.begin_write().await?;
            let commits = delete_commits(&mut lease).await?;
            let events = delete_events(&mut lease).await?;
            lease.end("COMMIT").await?;
            if commits + events == 0 {
                break;
            }
        }
        let mut from = 0;
        loop {
            let Access::Sql(mut lease) = self.log_access().await? else { return Ok(()) };
            lease.begin_write().await?;
            let next = delete_changes(&mut lease, from).await?;
            lease.end("COMMIT").await?;
            let Some(next) = next else { break };
            from = next;
        }
        self.give_back().await
    }

    /// Makes SQLite's file as small as what is in it.
    async fn give_back(&self) -> Result<(), Error> {
        let mut free = u64::MAX;
        let mut merged = false;
        loop {
            let Access::Sql(mut lease) = self.log_access().await? else { return Ok(()) };
            if !lease.is_sqlite() {
                return Ok(());
            }
            if !merged {
                merged = !merge_texts(&mut lease).await?;
                continue;
            }
            lease.script(&format!("PRAGMA incremental_vacuum({PAGES})")).await?;
            let left =
                lease.fetch_one(Sql::new("PRAGMA freelist_count"), |row| row.count(0)).await?.unwrap_or_default();
            if left == 0 || left >= free {
                // The file is cut where the write-ahead log is moved into it, as far as nobody reads it just now.
                return lease.fetch(Sql::new("PRAGMA wal_checkpoint(PASSIVE)"), |row| row.int(0)).await.map(drop);
            }
            free = left;
        }
    }
}

const DELETE_ORPHANS: &str = "DELETE FROM base_parts WHERE id NOT IN (SELECT id FROM bases)";

/// Says that the events up to a commit are gone; the last of them, if there are more than before.
async fn forget_events(lease: &mut Lease<'_>, seq: u64) -> Result<Option<u64>, Error> {
    let gone = base::last_event_id(lease).await?;
    let last = last_event_of(lease, seq).await?;
    if last <= gone {
        return Ok(None);
    }
    lease.execute(Sql::new("DELETE FROM events_base")).await?;
    lease.execute(Sql::new("INSERT INTO events_base (id) VALUES ($1)").with(signed(last))).await?;
    Ok(Some(last))
}

/// The last event of the commits up to one: sought by halving, as later commits have later events.
async fn last_event_of(lease: &mut Lease<'_>, seq: u64) -> Result<u64, Error> {
    let ends = Sql::new("SELECT COALESCE((SELECT MIN(id) FROM events), 1), COALESCE((SELECT MAX(id) FROM events), 0)");
    let ends = lease.fetch_one(ends, |row| Ok((row.count(0)?, row.count(1)?))).await?;
    let (mut first, mut last) = ends.unwrap_or((1, 0));
    while first <= last {
        let middle = first.midpoint(last);
        let next = Sql::new("SELECT id, seq FROM events WHERE id >= $1 ORDER BY id LIMIT 1").with(signed(middle));
        match lease.fetch_one(next, |row| Ok((row.count(0)?, row.count(1)?))).await? {
            Some((id, of)) if of <= seq => first = id + 1,
            _ => last = middle - 1,
        }
    }
    Ok(last)
}

async fn delete_commits(lease: &mut Lease<'_>) -> Result<u64, Error> {
    let delete = Sql::new(
        "DELETE FROM commits WHERE seq IN \
         (SELECT seq FROM commits WHERE seq <= (SELECT COALESCE(MAX(seq), 0) FROM bases) ORDER BY seq LIMIT $1)",
    );
    lease.execute(delete.with(signed(ROWS))).await
}

async fn delete_events(lease: &mut Lease<'_>) -> Result<u64, Error> {
    let mut query = Sql::new("SELECT ");
    query.push(EVENT_COLUMNS).push(" FROM events WHERE id <= (SELECT COALESCE(MAX(id), 0) FROM events_base)");
    query.push(" ORDER BY id LIMIT ").push_value(signed(ROWS));
    let rows = lease.fetch(query, EventRow::read).await?;
    let Some(last) = rows.last().map(|row| row.event.id) else { return Ok(0) };
    if lease.is_sqlite() {
        // What is old is not what is secret: the index may take its time.
        lease.execute(Sql::new(SECURE_DELETE).with(0)).await?;
        for row in &rows {
            let delete = Sql::new("INSERT INTO events_text (events_text, rowid, grams) VALUES ('delete', $1, $2)");
            lease.execute(delete.with(signed(row.event.id)).with(grams::tokens_of(&row.event))).await?;
        }
        lease.execute(Sql::new(SECURE_DELETE).with(1)).await?;
    }
    lease.execute(Sql::new("DELETE FROM events WHERE id <= $1").with(signed(last))).await
}

const SECURE_DELETE: &str = "INSERT INTO events_text (events_text, rank) VALUES ('secure-delete', $1)";

/// Deletes what the index of changes says of commits that are gone, for some documents; where to go on.
async fn delete_changes(lease: &mut Lease<'_>, from: i64) -> Result<Option<i64>, Error> {
    let last = Sql::new(
        "SELECT MAX(number) FROM (SELECT number FROM document_keys WHERE number > $1 ORDER BY number LIMIT $2) AS next",
    );
    let last = lease.fetch_one(last.with(from).with(signed(KEYS)), |row| row.opt_int(0)).await?.flatten();
    let Some(last) = last else { return Ok(None) };
    let delete = Sql::new(
        "DELETE FROM changes WHERE document > $1 AND document <= $2 \
         AND seq <= (SELECT COALESCE(MAX(seq), 0) FROM bases)",
    );
    lease.execute(delete.with(from).with(last)).await?;
    let delete = Sql::new(
        "DELETE FROM document_keys WHERE number > $1 AND number <= $2 \
         AND NOT EXISTS (SELECT 1 FROM changes WHERE changes.document = document_keys.number)",
    );
    lease.execute(delete.with(from).with(last)).await?;
    Ok(Some(last))
}

/// Merges some of the index of texts; whether there was something to do.
async fn merge_texts(lease: &mut Lease<'_>) -> Result<bool, Error> {
    let count = || Sql::new("SELECT total_changes()");
    let read = |row: Row<'_>| row.int(0);
    let before = lease.fetch_one(count(), read).await?.unwrap_or_default();
    let merge = Sql::new("INSERT INTO events_text (events_text, rank) VALUES ('merge', $1)");
    lease.execute(merge.with(signed(PAGES))).await?;
    // A merge that does nothing is one change: <https://www.sqlite.org/fts5.html#the_merge_command>.
    Ok(lease.fetch_one(count(), read).await?.unwrap_or_default() - before >= 2)
}

impl Tables {
    pub(crate) fn begin(&self) -> u64 {
        self.base.as_ref().map_or(0, |(base, _)| base.end.seq)
    }

    fn rebase(&mut self, base: Base, parts: Vec<Part>, (begin, head): (u64, u64)) -> bool {
        let is_sound = self.begin() == begin && self.commits.iter().all(|row| row.seq <= head || row.redacts == 0);
        if is_sound {
            let seq = base.end.seq;
            self.base = Some((base, parts));
            self.commits.retain(|row| row.seq > seq);
            self.changes.retain(|(_, _, of)| *of > seq);
            self.checkpoints = self.checkpoints.split_off(&(seq + 1));
            self.forget_events(seq);
        }
        is_sound
    }

    fn forget_events(&mut self, seq: u64) -> Option<u64> {
        let last = self.events.iter().rev().find(|row| row.seq <= seq)?.event.id;
        self.events.retain(|row| row.event.id > last);
        self.last_event_gone = last;
        Some(last)
    }

    /// Takes pieces out of the base.
    pub(crate) fn redact_base(&mut self, seq: u64, mut hashes: Vec<[u8; 32]>) -> Result<(), Error> {
        let documents = &self.documents;
        let Some((_, parts)) = self.base.as_mut().filter(|(base, _)| base.end.seq == seq) else {
            return Err(Error::Compacted(seq));
        };
        for part in parts {
            for (kind, id, of) in redact::take_from_part(part, &mut hashes)?.unwrap_or_default() {
                if documents.get(&(kind.clone(), id.clone())).is_some_and(|document| document.seq == of) {
                    return Err(redact::left_standing(&kind, &id));
                }
            }
        }
        self.checkpoints.clear();
        redact::all_taken(seq, &hashes)
    }
}
