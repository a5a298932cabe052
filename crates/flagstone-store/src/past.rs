//! What was before: documents as of any commit, from the nearest checkpoint or by the index of changes.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};

use flagstone_model::commit::Actor;
use flagstone_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::base::{self, Base, Part};
use crate::log::{self, COMMIT_COLUMNS, CommitRow};
use crate::sql::{Lease, Row, Sql, signed};
use crate::{Access, Error, PAGE_BYTES, Store, StoredDocument, chain};

/// Commits that one call reads to find out whether a checkpoint is due, at most.
const LOOK_MAX: u64 = 100_000;
/// Bytes of a checkpoint in one row: another write waits for no more than one of them.
const PART_BYTES: usize = 256 * 1024;
/// Changes of a document in one answer, at most.
const HISTORY_MAX: u32 = 1_000;

/// When a checkpoint is due.
#[derive(Clone, Copy, Debug)]
pub struct Every {
    /// After so many commits.
    pub commits: u64,
    /// After so many bytes of commits, or as many as the last checkpoint has: then reading one is at most half of the
    /// work of going back, and writing them is in proportion to what is written anyway.
    pub bytes: u64,
}

impl Default for Every {
    fn default() -> Self {
        Self { commits: 10_000, bytes: 16 * 1024 * 1024 }
    }
}

/// What a document became, and who made it so.
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    /// The commit.
    pub seq: u64,
    /// When, by the writer's clock.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// The whole document, or nothing where it was deleted.
    pub body: Option<serde_json::Value>,
}

/// All documents as of a commit.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoint {
    pub(crate) seq: u64,
    pub(crate) bytes: u64,
    pub(crate) hash: [u8; 32],
    /// Compressed.
    pub(crate) data: Vec<u8>,
}

/// Runs the first expression on the tables in memory, or the second, which fails or not, on a connection for reading.
macro_rules! access_past {
    ($store:expr, $tables:ident => $memory:expr, $lease:ident => $sql:expr) => {
        match $store.reader().await? {
            Access::Memory(memory) => {
                let $tables = memory.tables();
                Ok($memory)
            }
            Access::Sql(mut lease) => {
                let $lease = &mut lease;
                $sql
            }
        }
    };
}

/// Bodies by kind and id, with the commits that wrote them.
pub(crate) type Documents = BTreeMap<Key, (u64, String)>;
/// What documents have become; nothing where they are gone.
type Changes = BTreeMap<Key, Option<(u64, String)>>;
type Key = (String, String);

/// The past.
impl Store {
    /// The last commit that had been made at a time. Clocks go back now and then, and nodes have different ones: a
    /// commit counts as made when it and all before it say so, that is, at the latest time that any commit up to it
    /// names. So what is shown for a time never holds anything that follows something later, and a later time never
    /// shows less. 0 before the first commit; [`Error::Compacted`] before the first one that is left.
    pub async fn seq_at(&self, at: Timestamp) -> Result<u64, Error> {
        let millis = at.millis();
        access_past!(self, tables => tables.seq_at(millis)?, lease => {
            seq_at(lease, millis).await
        })
    }

    /// All documents as of a commit, by kind and id, without what was redacted since: [`Self::load`] of the past. It
    /// costs the nearest checkpoint before it and the commits since. [`Error::Invalid`] for a commit that is not there
    /// yet, [`Error::Compacted`] for one that is not there any more.
    pub async fn documents_at(&self, seq: u64) -> Result<Vec<StoredDocument>, Error> {
        let documents = self.fold_to(seq).await?.into_iter();
        Ok(documents.map(|((kind, id), (seq, body))| StoredDocument { kind, id, seq, body }).collect())
    }

    pub(crate) async fn fold_to(&self, seq: u64) -> Result<Documents, Error> {
        let (at, mut documents) = self.checkpoint_before(seq).await?;
        for (key, put) in self.changes_between(at, seq).await? {
            match put {
                Some(document) => documents.insert(key, document),
                None => documents.remove(&key),
            };
        }
        Ok(documents)
    }

    /// What the commits after `at` up to `seq` have made of documents.
    async fn changes_between(&self, mut at: u64, seq: u64) -> Result<Changes, Error> {
        let mut changes = Changes::new();
        while at < seq {
            let page = u32::try_from(seq - at).unwrap_or(u32::MAX).min(log::PAGE);
            let commits = self.commits_after(at, page).await?;
            let Some(last) = commits.last() else {
                return Err(Error::Invalid(format!("there is no commit {seq} yet")));
            };
            at = last.seq;
            for commit in commits {
                for change in commit.body.changes {
                    let put = change.body.map(|body| (commit.seq, body.to_string()));
                    changes.insert((change.kind, change.id), put);
                }
            }
        }
        Ok(changes)
    }

    /// The nearest checkpoint that can be read, and its commit. The log is the truth: a damaged one is passed over.
    async fn checkpoint_before(&self, mut seq: u64) -> Result<(u64, Documents), Error> {
        loop {
            let Some(checkpoint) = self.read_checkpoint(seq).await? else { return self.base_before(seq).await };
            let at = checkpoint.seq;
            if let Some(documents) = blocking(move || decode(&checkpoint)).await? {
                return Ok((at, documents));
            }
            tracing::warn!(seq = at, "a checkpoint of the state is damaged; an earlier one is used");
            seq = at.saturating_sub(1);
        }
    }

    /// The beginning of the log.
    async fn base_before(&self, seq: u64) -> Result<(u64, Documents), Error> {
        let Some((base, parts)) = self.base_parts().await? else { return Ok((0, Documents::new())) };
        if seq < base.end.seq {
            return Err(Error::Compacted(base.end.seq));
        }
        let mut documents = Documents::new();
        for part in parts {
            documents.extend(part.documents()?);
        }
        Ok((base.end.seq, documents))
    }

    pub(crate) async fn base_parts(&self) -> Result<Option<(Base, Vec<Part>)>, Error> {
        access_past!(self, tables => tables.base.clone(), lease => {
            lease.begin_snapshot().await?;
            let mut found = None;
            if let Some(base) = base::read(lease).await? {
                let parts = base::parts(lease, &base).await?;
                found = Some((base, parts));
            }
            lease.end("COMMIT").await?;
            Ok(found)
        })
    }

    async fn read_checkpoint(&self, seq: u64) -> Result<Option<Checkpoint>, Error> {
        access_past!(self, tables => tables.checkpoint_before(seq), lease => read_checkpoint(lease, seq).await)
    }

    /// A document as of a commit; nothing if there was none. It costs one look into an index and one commit; where no
    /// commit that is left has changed it, the log's base. [`Error::Compacted`] as for [`Self::documents_at`].
    pub async fn document_at(&self, kind: &str, id: &str, seq: u64) -> Result<Option<StoredDocument>, Error> {
        let begin = self.begin().await?;
        if seq < begin {
            return Err(Error::Compacted(begin));
        }
        let revision = self.history(kind, id, seq.saturating_add(1), 1).await?.pop();
        if revision.is_none() && begin > 0 {
            let found = self.base_before(begin).await?.1.remove(&(kind.to_owned(), id.to_owned()));
            return Ok(found.map(|(seq, body)| StoredDocument { kind: kind.to_owned(), id: id.to_owned(), seq, body }));
        }
        Ok(revision.and_then(|revision| {
            let body = revision.body?.to_string();
            Some(StoredDocument { kind: kind.to_owned(), id: id.to_owned(), seq: revision.seq, body })
        }))
    }

    /// What a document became before the commit `before`, the newest first: at most `limit`, and fewer where their
    /// commits are large, but one at least. What was redacted whole is left out, and so is what commits did that are gone.
    pub async fn history(&self, kind: &str, id: &str, before: u64, limit: u32) -> Result<Vec<Revision>, Error> {
        let limit = limit.min(HISTORY_MAX);
        let rows = access_past!(self,
            tables => tables.rows_of(kind, id, before, limit),
            lease => rows_of(lease, kind, id, before, limit).await)?;
        let mut revisions = Vec::with_capacity(rows.len());
        for row in rows {
            let commit = row.commit()?;
            let changes = commit.body.changes.into_iter();
            let change = changes.rev().find(|change| change.kind == kind && change.id == id);
            revisions.extend(change.map(|change| Revision {
                seq: commit.seq,
                at: commit.at,
                actor: commit.actor,
                body: change.body,
            }));
        }
        Ok(revisions)
    }

    /// Keeps all documents as of some commit, if that is due; which commit. For a job in the background, again and
    /// again until it answers nothing: it reads beside the writers, and writes in small parts, which wait for the log
    /// and for which the log waits no longer than for any other write. One that a redaction overtook is given up.
    pub async fn checkpoint_state(&self, every: Every) -> Result<Option<u64>, Error> {
        let mut last: (u64, u64) = access_past!(self, tables => tables.last_checkpoint(), lease => {
            let query = Sql::new("SELECT seq, bytes FROM checkpoints ORDER BY seq DESC LIMIT 1");
            Ok::<_, Error>(lease.fetch_one(query, |row| Ok((row.count(0)?, row.count(1)?))).await?.unwrap_or_default())
        })?;
        last.0 = last.0.max(self.begin().await?);
        let Some((seq, head)) = self.due(last, every).await? else { return Ok(None) };
        let checkpoint = self.checkpoint_at(seq).await?;
        let kept = match self.writer().await? {
            Access::Memory(memory) => memory.tables().keep_checkpoint(checkpoint, head),
            Access::Sql(lease) => {
                drop(lease);
                self.keep_checkpoint(checkpoint, head).await?
            }
        };
        Ok(kept.then_some(seq))
    }

    /// All documents as of a commit, as a checkpoint. Of the one before it, which may be much, only a line at a time is in
    /// memory.
    async fn checkpoint_at(&self, seq: u64) -> Result<Checkpoint, Error> {
        if let Some(earlier) = self.read_checkpoint(seq).await? {
            let changes = self.changes_between(earlier.seq, seq).await?;
            if let Some(checkpoint) = blocking(move || after(&earlier, seq, changes)).await?? {
                return Ok(checkpoint);
            }
        }
        let documents = self.fold_to(seq).await?;
        blocking(move || encode(seq, documents)).await?
    }

    /// The commit that the next checkpoint is of, if it is due, and the head that was seen with it.
    async fn due(&self, (last, last_bytes): (u64, u64), every: Every) -> Result<Option<(u64, u64)>, Error> {
        let look = every.commits.clamp(1, LOOK_MAX);
        let (sizes, head) = access_past!(self,
        tables => (tables.sizes_after(last, look), tables.last_seq()),
        lease => {
            let query = Sql::new("SELECT seq, bytes FROM commits WHERE seq > $1 ORDER BY seq LIMIT $2");
            let query = query.with(signed(last)).with(signed(look));
            let sizes = lease.fetch(query, |row| Ok((row.count(0)?, row.count(1)?))).await?;
            Ok::<_, Error>((sizes, log::last_seq(lease).await?))
        })?;
        let (mut count, mut bytes) = (0, 0);
        let due = sizes.into_iter().find(|(_, size)| {
            (count, bytes) = (count + 1, bytes + size);
            count >= look || bytes >= every.bytes.max(last_bytes)
        });
        Ok(due.map(|(seq, _)| (seq, head)))
    }

    /// Writes a checkpoint part by part, and then says that it is one, unless a commit after `head` redacts: it may
    /// hold what that has taken.
    async fn keep_checkpoint(&self, checkpoint: Checkpoint, head: u64) -> Result<bool, Error> {
        let id = chain::random_id()?;
        // What was begun and never finished, as when a process was killed.
        self.run_aside(Sql::new(DELETE_ORPHANS)).await?;
        let parts = checkpoint.data.chunks(PART_BYTES).collect::<Vec<_>>();
        for (part, data) in (0_i64..).zip(&parts) {
            let insert = Sql::new("INSERT INTO checkpoint_parts (id, part, data) VALUES ($1, $2, $3)");
            self.run_aside(insert.with(id.as_str()).with(part).with(data.to_vec())).await?;
        }
        let count = signed(parts.len() as u64);
        // In turn with those who append: a redaction is before this, and seen, or after it, and removes it.
        let mut lease = match self {
            Self::Sqlite(store) => store.writer().await?.0,
            Self::Postgres(store) => store.writer().await?.0,
            Self::Memory(_) => return Ok(false),
        };
        lease.begin_write().await?;
        let sound = Sql::new(
            "SELECT (SELECT COUNT(*) FROM commits WHERE seq > $1 AND redacts > 0), \
             (SELECT COUNT(*) FROM checkpoint_parts WHERE id = $2)",
        );
        let sound = sound.with(signed(head)).with(id.as_str());
        let found = lease.fetch_one(sound, |row| Ok((row.int(0)?, row.int(1)?))).await?;
        let keep = found == Some((0, count));
        if keep {
            let insert = Sql::new(
                "INSERT INTO checkpoints (seq, id, bytes, parts, hash) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (seq) DO NOTHING",
            );
            let insert = insert.with(signed(checkpoint.seq)).with(id.as_str()).with(signed(checkpoint.bytes));
            lease.execute(insert.with(count).with(checkpoint.hash)).await?;
        } else {
            lease.execute(Sql::new("DELETE FROM checkpoint_parts WHERE id = $1").with(id.as_str())).await?;
        }
        lease.end("COMMIT").await?;
        Ok(keep)
    }

    pub(crate) async fn run_aside(&self, sql: Sql) -> Result<(), Error> {
        match self.writer().await? {
            Access::Memory(_) => Ok(()),
            Access::Sql(mut lease) => lease.execute(sql).await.map(|_| ()),
        }
    }
}

pub(crate) const DELETE_ORPHANS: &str = "DELETE FROM checkpoint_parts WHERE id NOT IN (SELECT id FROM checkpoints)";

/// Forgets the checkpoints that may hold what a redaction takes out of documents that the commit `seq` wrote.
pub(crate) async fn forget_checkpoints(lease: &mut Lease<'_>, seq: u64) -> Result<(), Error> {
    lease.execute(Sql::new("DELETE FROM checkpoints WHERE seq >= $1").with(signed(seq))).await?;
    lease.execute(Sql::new(DELETE_ORPHANS)).await.map(|_| ())
}

async fn read_checkpoint(lease: &mut Lease<'_>, seq: u64) -> Result<Option<Checkpoint>, Error> {
    lease.begin_snapshot().await?;
    let query = Sql::new("SELECT seq, bytes, hash, id FROM checkpoints WHERE seq <= $1 ORDER BY seq DESC LIMIT 1");
    let read = |row: Row<'_>| Ok((row.count(0)?, row.count(1)?, row.hash(2)?, row.text(3)?));
    let found = lease.fetch_one(query.with(signed(seq)), read).await?;
    let mut checkpoint = None;
    if let Some((seq, bytes, hash, id)) = found {
        let query = Sql::new("SELECT data FROM checkpoint_parts WHERE id = $1 ORDER BY part").with(id);
        let data = lease.fetch(query, |row| row.bytes(0)).await?.concat();
        checkpoint = Some(Checkpoint { seq, bytes, hash, data });
    }
    lease.end("COMMIT").await?;
    Ok(checkpoint)
}

/// The last commit by which no commit names a later time: sought by halving, as `reached` never goes down.
async fn seq_at(lease: &mut Lease<'_>, millis: i64) -> Result<u64, Error> {
    lease.begin_snapshot().await?;
    let ends =
        Sql::new("SELECT COALESCE((SELECT MIN(seq) FROM commits), 1), COALESCE((SELECT MAX(seq) FROM commits), 0)");
    let ends = lease.fetch_one(ends, |row| Ok((row.count(0)?, row.count(1)?))).await?;
    let (mut first, mut last) = ends.unwrap_or((1, 0));
    let base = base::read(lease).await?;
    if let Some(end) = base.map(|base| base.end) {
        if millis < end.reached {
            return Err(Error::Compacted(end.seq));
        }
        // What is left of the commits before is about to be deleted.
        first = first.max(end.seq + 1);
    }
    // All before `first` had been made, and none after `last`.
    while first <= last {
        let middle = first.midpoint(last);
        let reached = Sql::new("SELECT reached FROM commits WHERE seq = $1").with(signed(middle));
        let reached = lease.fetch_one(reached, |row| row.int(0)).await?;
        match reached.ok_or_else(|| Error::Corrupt(format!("commit {middle} is missing")))? {
            reached if reached <= millis => first = middle + 1,
            _ => last = middle - 1,
        }
    }
    lease.end("COMMIT").await?;
    Ok(last)
}

/// The commits before `before` that changed a document, the newest first.
async fn rows_of(
    lease: &mut Lease<'_>,
    kind: &str,
    id: &str,
    before: u64,
    limit: u32,
) -> Result<Vec<CommitRow>, Error> {
    let query = Sql::new(
        "SELECT commits.seq, commits.bytes FROM changes JOIN commits ON commits.seq = changes.seq \
         WHERE changes.document = (SELECT number FROM document_keys WHERE kind = $1 AND id = $2) \
         AND changes.seq < $3 AND changes.seq > (SELECT COALESCE(MAX(seq), 0) FROM bases) \
         ORDER BY changes.seq DESC LIMIT $4",
    );
    let query = query.with(kind).with(id).with(signed(before)).with(i64::from(limit));
    let found = lease.fetch(query, |row| Ok((row.count(0)?, row.int(1)?))).await?;
    let (mut total, mut seqs) = (0, Vec::new());
    for (seq, bytes) in found {
        total += bytes;
        if total > PAGE_BYTES && !seqs.is_empty() {
            break;
        }
        seqs.push(seq);
    }
    if seqs.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = Sql::new("SELECT ");
    query.push(COMMIT_COLUMNS).push(" FROM commits WHERE seq IN ").push_list(seqs.into_iter().map(signed));
    query.push(" ORDER BY seq DESC");
    lease.fetch(query, CommitRow::read).await
}

/// A line of a checkpoint.
#[derive(Serialize, Deserialize)]
struct Line {
    kind: String,
    id: String,
    seq: u64,
    body: Box<RawValue>,
}

/// Writes a checkpoint, line by line.
struct Writer {
    encoder: zstd::Encoder<'static, Vec<u8>>,
    bytes: u64,
}

impl Writer {
    fn new() -> Result<Self, Error> {
        Ok(Self { encoder: zstd::Encoder::new(Vec::new(), 0).map_err(unwritten)?, bytes: 0 })
    }

    fn put(&mut self, (kind, id): Key, (seq, body): (u64, String)) -> Result<(), Error> {
        let body = RawValue::from_string(body).map_err(unwritten)?;
        self.line(&serde_json::to_string(&Line { kind, id, seq, body }).map_err(unwritten)?)
    }

    fn line(&mut self, line: &str) -> Result<(), Error> {
        self.bytes += line.len() as u64 + 1;
        writeln!(self.encoder, "{line}").map_err(unwritten)
    }

    fn finish(self, seq: u64) -> Result<Checkpoint, Error> {
        let data = self.encoder.finish().map_err(unwritten)?;
        Ok(Checkpoint { seq, bytes: self.bytes, hash: Sha256::digest(&data).into(), data })
    }
}

fn unwritten(error: impl std::fmt::Display) -> Error {
    Error::Invalid(format!("a checkpoint cannot be written: {error}"))
}

fn encode(seq: u64, documents: Documents) -> Result<Checkpoint, Error> {
    let mut writer = Writer::new()?;
    for (key, document) in documents {
        writer.put(key, document)?;
    }
    writer.finish(seq)
}

/// The checkpoint that an earlier one becomes by changes, or nothing where that is not what was written.
fn after(earlier: &Checkpoint, seq: u64, changes: Changes) -> Result<Option<Checkpoint>, Error> {
    let Some(lines) = lines(earlier) else { return Ok(None) };
    let (mut writer, mut changes) = (Writer::new()?, changes.into_iter().peekable());
    for line in lines {
        let Ok(line) = line else { return Ok(None) };
        let Ok(Line { kind, id, .. }) = serde_json::from_str(&line) else { return Ok(None) };
        let key = (kind, id);
        while let Some((new, put)) = changes.next_if(|(changed, _)| *changed < key) {
            put.map_or(Ok(()), |document| writer.put(new, document))?;
        }
        match changes.next_if(|(changed, _)| *changed == key) {
            Some((_, put)) => put.map_or(Ok(()), |document| writer.put(key, document))?,
            None => writer.line(&line)?,
        }
    }
    for (new, put) in changes {
        put.map_or(Ok(()), |document| writer.put(new, document))?;
    }
    writer.finish(seq).map(Some)
}

/// The lines of a checkpoint, by kind and id, or nothing where it is not what was written.
fn lines(checkpoint: &Checkpoint) -> Option<impl Iterator<Item = io::Result<String>>> {
    let hash: [u8; 32] = Sha256::digest(&checkpoint.data).into();
    let decoder = zstd::Decoder::new(checkpoint.data.as_slice()).ok().filter(|_| hash == checkpoint.hash)?;
    Some(BufReader::new(decoder.take(checkpoint.bytes)).lines())
}

/// The documents, or nothing where the checkpoint is not what was written.
fn decode(checkpoint: &Checkpoint) -> Option<Documents> {
    let mut documents = Documents::new();
    for line in lines(checkpoint)? {
        let line: Line = serde_json::from_str(&line.ok()?).ok()?;
        documents.insert((line.kind, line.id), (line.seq, line.body.get().to_owned()));
    }
    Some(documents)
}

/// Runs what takes long beside the tasks that serve.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::Unavailable(format!("work in the background broke off: {error}")))
}
