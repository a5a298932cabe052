//! The log, the documents and the audit events in SQL: append, load, read on, verify.

use std::collections::BTreeSet;

use flagstone_model::commit::{Commit, Event};
use flagstone_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use tokio::sync::mpsc::Sender;

use crate::chain::{self, End, Rows};
use crate::leases::{self, Hold};
use crate::sql::{Lease, ROWS_MAX, Row, Sql, Value, signed};
use crate::text::{self, Parsed, Salts, Unreadable};
use crate::{Appended, Error, Head, Loaded, Page, StoredDocument, base, grams, packed, redact};

/// The longest key of a document and the longest name in an event, in bytes: PostgreSQL's indexes end at 2,704.
pub const KEY_BYTES_MAX: usize = 500;

/// Rows that are read at a time when the whole log is walked.
pub(crate) const PAGE: u32 = 500;

/// The bytes of commits that are read at a time, unless a single one has more: a node that catches up, or looks at the
/// whole log, holds no more in memory and waits no longer for it.
pub const PAGE_BYTES: i64 = 8 * 1024 * 1024;

/// A commit as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommitRow {
    pub(crate) seq: u64,
    pub(crate) id: String,
    pub(crate) at: i64,
    pub(crate) format: u32,
    /// The latest `at` of all commits up to this one.
    pub(crate) reached: i64,
    /// The length of `body` and `private` when they were written.
    pub(crate) bytes: u64,
    /// How many pieces it takes out of earlier commits.
    pub(crate) redacts: u64,
    pub(crate) body: String,
    /// The sealed pieces, `null` for those that are gone.
    pub(crate) private: String,
    pub(crate) body_hash: [u8; 32],
    pub(crate) chain_hash: [u8; 32],
}

pub(crate) const COMMIT_COLUMNS: &str =
    "seq, id, at, format, reached, bytes, redacts, body, private, body_hash, chain_hash";

impl CommitRow {
    pub(crate) fn of(commit: &Commit, end: &End, salts: &mut Salts) -> Result<Self, Error> {
        let (body, private) = text::write(commit, salts)?;
        let at = commit.at.millis();
        let body_hash = chain::body_hash(&body);
        Ok(Self {
            seq: commit.seq,
            id: commit.id.clone(),
            at,
            format: commit.format,
            reached: end.reached.max(at),
            bytes: (body.len() + private.len()) as u64,
            redacts: commit.redacts.len() as u64,
            chain_hash: chain::chain_hash(&end.chain_hash, commit.seq, at, commit.format, &body_hash),
            body_hash,
            body,
            private,
        })
    }

    /// The commit without what is gone of it: see [`text::read`].
    pub(crate) fn parse(&self) -> Result<Parsed, Error> {
        text::read(self).map_err(|unreadable| self.corrupt(unreadable))
    }

    pub(crate) fn commit(self) -> Result<Commit, Error> {
        self.parse().map(|parsed| parsed.commit)
    }

    pub(crate) fn corrupt(&self, unreadable: Unreadable) -> Error {
        match unreadable {
            Unreadable::Text(why) => Error::Corrupt(format!("commit {} cannot be read: {why}", self.seq)),
            Unreadable::Piece(place) => {
                Error::Corrupt(format!("commit {}: the sealed piece at {place} is not what was written", self.seq))
            }
        }
    }

    pub(crate) fn read(row: Row<'_>) -> Result<Self, Error> {
        let format = u32::try_from(row.int(3)?);
        Ok(Self {
            seq: row.count(0)?,
            id: row.text(1)?,
            at: row.int(2)?,
            format: format.map_err(|_| Error::Corrupt("a format is no number of this kind".to_owned()))?,
            reached: row.int(4)?,
            bytes: row.count(5)?,
            redacts: row.count(6)?,
            // What cannot be unpacked is no text, and so has another hash than the one that was written.
            body: packed::unpack(&row.bytes(7)?).unwrap_or_default(),
            private: row.text(8)?,
            body_hash: row.hash(9)?,
            chain_hash: row.hash(10)?,
        })
    }

    fn values(self) -> Vec<Value> {
        vec![
            signed(self.seq).into(),
            self.id.into(),
            self.at.into(),
            i64::from(self.format).into(),
            self.reached.into(),
            signed(self.bytes).into(),
            signed(self.redacts).into(),
            packed::pack(&self.body).into(),
            self.private.into(),
            self.body_hash.into(),
            self.chain_hash.into(),
        ]
    }
}

/// An event as it is stored: PostgreSQL's text has no NUL, so U+FFFD stands for it in every store.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EventRow {
    pub(crate) seq: u64,
    pub(crate) event: Event,
}

impl EventRow {
    pub(crate) fn of(seq: u64, event: &Event) -> Self {
        let mut event = event.clone();
        for text in [&mut event.kind, &mut event.created_by] {
            *text = without_nul(&*text);
        }
        for text in [&mut event.ip, &mut event.project, &mut event.environment, &mut event.feature_name] {
            *text = text.as_deref().map(without_nul);
        }
        // `null` and nothing are the same in a column.
        for json in [&mut event.data, &mut event.pre_data] {
            *json = json.take().filter(|json| !json.is_null());
        }
        Self { seq, event }
    }

    pub(crate) fn read(row: Row<'_>) -> Result<Self, Error> {
        let corrupt = |e: serde_json::Error| Error::Corrupt(format!("an event's data: {e}"));
        let tags = row.opt_text(10)?.map(|text| serde_json::from_str(&text)).transpose().map_err(corrupt)?;
        let detail = Detail::unpack(row.opt_bytes(11)?)?;
        let event = Event {
            id: row.count(0)?,
            kind: row.text(2)?,
            created_at: Timestamp::from_millis(row.int(3)?),
            created_by: row.text(4)?,
            created_by_user_id: row.int(5)?,
            ip: row.opt_text(6)?,
            project: row.opt_text(7)?,
            environment: row.opt_text(8)?,
            feature_name: row.opt_text(9)?,
            tags: tags.unwrap_or_default(),
            data: detail.data,
            pre_data: detail.pre_data,
        };
        Ok(Self { seq: row.count(1)?, event })
    }

    fn values(self) -> Vec<Value> {
        let event = self.event;
        vec![
            signed(event.id).into(),
            signed(self.seq).into(),
            event.kind.into(),
            event.created_at.millis().into(),
            event.created_by.into(),
            event.created_by_user_id.into(),
            event.ip.into(),
            event.project.into(),
            event.environment.into(),
            event.feature_name.into(),
            (!event.tags.is_empty()).then(|| serde_json::to_string(&event.tags).unwrap_or_default()).into(),
            Detail { data: event.data, pre_data: event.pre_data }.pack().into(),
        ]
    }
}

/// What the column `detail` of an event holds: one is mostly like the other, so both are packed together.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Detail {
    pub(crate) data: Option<Json>,
    pub(crate) pre_data: Option<Json>,
}

impl Detail {
    /// Nothing where there is neither.
    pub(crate) fn pack(&self) -> Option<Vec<u8>> {
        let is_empty = self.data.is_none() && self.pre_data.is_none();
        (!is_empty).then(|| packed::pack(&serde_json::to_string(self).unwrap_or_default()))
    }

    fn unpack(column: Option<Vec<u8>>) -> Result<Self, Error> {
        let Some(bytes) = column else { return Ok(Self::default()) };
        let text = packed::unpack(&bytes).ok_or_else(|| Error::Corrupt("an event's data is no text".to_owned()))?;
        serde_json::from_str(&text).map_err(|e| Error::Corrupt(format!("an event's data: {e}")))
    }
}

pub(crate) const EVENT_COLUMNS: &str =
    "id, seq, type, at, created_by, created_by_user_id, ip, project, environment, feature, tags, detail";

/// Refuses what one of the databases could not keep, before any of it is sent.
pub(crate) fn check(commits: &[Commit]) -> Result<(), Error> {
    let refuse = |why: String| Err(Error::Invalid(why));
    for (at, commit) in commits.iter().enumerate() {
        let expected = commits[0].seq.checked_add(at as u64);
        if commit.seq == 0 || Some(commit.seq) != expected || i64::try_from(commit.seq).is_err() {
            return refuse(format!("commit {} does not follow the one before it", commit.seq));
        }
        for key in commit.body.changes.iter().flat_map(|change| [&change.kind, &change.id]).chain([&commit.id]) {
            if key.len() > KEY_BYTES_MAX || key.contains('\0') {
                return refuse(format!("a key in commit {} has a NUL or more than {KEY_BYTES_MAX} bytes", commit.seq));
            }
        }
        if commit.body.changes.iter().any(|change| change.body.as_ref().is_some_and(Json::is_null)) {
            return refuse(format!("commit {} puts `null`, which reads as a deletion", commit.seq));
        }
        for event in &commit.body.events {
            let names = [&event.project, &event.feature_name, &event.environment];
            if names.into_iter().flatten().any(|name| name.len() > KEY_BYTES_MAX) {
                return refuse(format!("a name in event {} has more than {KEY_BYTES_MAX} bytes", event.id));
            }
        }
    }
    Ok(())
}

/// Why an append failed, and whether the database had been told to commit.
pub(crate) struct AppendFailure {
    pub(crate) error: Error,
    pub(crate) commit_sent: bool,
}

/// Appends all commits in one transaction, in which the leases that they were made under are looked at.
pub(crate) async fn append(
    lease: &mut Lease<'_>,
    commits: &[Commit],
    holds: &[Hold],
) -> Result<Appended, AppendFailure> {
    let last = commits.last().map_or(0, |commit| commit.seq);
    match write(lease, commits, holds).await {
        Ok(Appended::Done) => {
            let end = if lease.is_sqlite() { "COMMIT".to_owned() } else { crate::postgres::notify_and_commit(last) };
            let sent = lease.end(&end).await;
            sent.map_err(|error| AppendFailure { error, commit_sent: true })?;
            if lease.is_sqlite() && commits.iter().any(|commit| !commit.redacts.is_empty()) {
                // The write-ahead log has pages of before as well. While it is read it stays as it is, until the next
                // time.
                crate::sqlite::Store::checkpoint(lease).await.ok();
            }
            Ok(Appended::Done)
        }
        // A conflict is an answer, even when the roll-back is lost: then the connection is closed, which rolls back.
        Ok(Appended::Conflict) => {
            lease.keep_turn().await.ok();
            Ok(Appended::Conflict)
        }
        Ok(Appended::Superseded) => {
            lease.rollback().await.ok();
            Ok(Appended::Superseded)
        }
        Err(error) => Err(AppendFailure { error, commit_sent: false }),
    }
}

async fn write(lease: &mut Lease<'_>, commits: &[Commit], holds: &[Hold]) -> Result<Appended, Error> {
    lease.begin_write().await?;
    let end = end_of_log(lease).await?;
    if commits.first().is_some_and(|first| first.seq != end.seq + 1) {
        return Ok(Appended::Conflict);
    }
    if !leases::advance(lease, holds).await? {
        return Ok(Appended::Superseded);
    }
    let rows = Rows::of(commits, end, &mut Salts::new()?)?;
    lease
        .execute_all(Sql::insert(
            "INSERT INTO commits (seq, id, at, format, reached, bytes, redacts, body, private, body_hash, chain_hash)",
            rows.commits.into_iter().map(CommitRow::values).collect(),
            "",
        ))
        .await?;
    lease
        .execute_all(Sql::insert(
            "INSERT INTO documents (kind, id, seq, body, hash)",
            rows.puts.into_iter().map(document_values).collect(),
            "ON CONFLICT (kind, id) DO UPDATE SET seq = excluded.seq, body = excluded.body, hash = excluded.hash",
        ))
        .await?;
    for (kind, id) in rows.deletes {
        let delete = Sql::new("DELETE FROM documents WHERE kind = $1 AND id = $2");
        lease.execute(delete.with(kind).with(id)).await?;
    }
    insert_events(lease, rows.events).await?;
    insert_changes(lease, rows.changes).await?;
    for commit in commits.iter().filter(|commit| !commit.redacts.is_empty()) {
        redact::carry_out(lease, commit).await?;
    }
    Ok(Appended::Done)
}

/// Inserts events with their texts for the search.
async fn insert_events(lease: &mut Lease<'_>, events: Vec<EventRow>) -> Result<(), Error> {
    if lease.is_sqlite() {
        let texts = events.iter().map(|row| vec![signed(row.event.id).into(), grams::tokens_of(&row.event).into()]);
        let texts = texts.collect();
        let insert = "INSERT INTO events (id, seq, type, at, created_by, created_by_user_id, ip, project, environment, \
                      feature, tags, detail)";
        lease.execute_all(Sql::insert(insert, events.into_iter().map(EventRow::values).collect(), "")).await?;
        return lease.execute_all(Sql::insert("INSERT INTO events_text (rowid, grams)", texts, "")).await;
    }
    let rows = events.into_iter().map(|row| (grams::array_of(&row.event), row.values())).collect();
    let insert = "INSERT INTO events (id, seq, type, at, created_by, created_by_user_id, ip, project, environment, \
                  feature, tags, detail, grams)";
    lease
        .execute_all(Sql::insert_rows(insert, rows, "", |sql, (grams, values)| {
            sql.push("(");
            for value in values {
                sql.push_value(value).push(", ");
            }
            sql.push("CAST(").push_value(grams).push(" AS INTEGER[]))");
        }))
        .await
}

/// Notes which documents were changed. Nearly always all of them have a number already.
async fn insert_changes(lease: &mut Lease<'_>, changes: Vec<(String, String, u64)>) -> Result<(), Error> {
    let mut noted = 0;
    for sql in changes_of(&changes) {
        noted += lease.execute(sql).await?;
    }
    if noted == changes.len() as u64 {
        return Ok(());
    }
    let keys: BTreeSet<_> = changes.iter().map(|(kind, id, _)| (kind.as_str(), id.as_str())).collect();
    let keys = keys.into_iter().map(|(kind, id)| vec![kind.into(), id.into()]).collect();
    let insert = "INSERT INTO document_keys (kind, id)";
    lease.execute_all(Sql::insert(insert, keys, "ON CONFLICT (kind, id) DO NOTHING")).await?;
    lease.execute_all(changes_of(&changes)).await
}

/// Statements that note those changes whose documents have a number, unless they are noted.
fn changes_of(changes: &[(String, String, u64)]) -> Vec<Sql> {
    let statement = |changes: &[(String, String, u64)]| {
        let mut sql = Sql::new("INSERT INTO changes (document, seq)");
        for (at, (kind, id, seq)) in changes.iter().enumerate() {
            sql.push(if at == 0 { " " } else { " UNION ALL " }).push("SELECT number, CAST(");
            sql.push_value(signed(*seq)).push(" AS BIGINT) FROM document_keys WHERE kind = ").push_value(kind.as_str());
            sql.push(" AND id = ").push_value(id.as_str());
        }
        sql.push(" ON CONFLICT (document, seq) DO NOTHING");
        sql.recurring(changes.len())
    };
    changes.chunks(ROWS_MAX).map(statement).collect()
}

/// Whether commits whose fate is unknown are in the log: all of them, others in their place, or nothing.
/// It waits for its turn to write, so whatever was on its way has arrived or never will.
pub(crate) async fn find(lease: &mut Lease<'_>, commits: &[Commit]) -> Result<Option<Appended>, Error> {
    let (Some(first), Some(last)) = (commits.first(), commits.last()) else { return Ok(Some(Appended::Done)) };
    lease.begin_write().await?;
    let query = Sql::new("SELECT id FROM commits WHERE seq >= $1 AND seq <= $2 ORDER BY seq")
        .with(signed(first.seq))
        .with(signed(last.seq));
    let ids = lease.fetch(query, |row| row.text(0)).await?;
    lease.rollback().await?;
    if ids.is_empty() {
        return Ok(None);
    }
    let ours = ids.iter().eq(commits.iter().map(|commit| &commit.id));
    Ok(Some(if ours { Appended::Done } else { Appended::Conflict }))
}

async fn end_of_log(lease: &mut Lease<'_>) -> Result<End, Error> {
    let query = Sql::new("SELECT seq, chain_hash, format, reached FROM commits ORDER BY seq DESC LIMIT 1");
    let read = |row: Row<'_>| {
        let format = u32::try_from(row.int(2)?).unwrap_or(u32::MAX);
        Ok(End { seq: row.count(0)?, chain_hash: row.hash(1)?, format, reached: row.int(3)? })
    };
    Ok(lease.fetch_one(query, read).await?.unwrap_or_default())
}

/// The number of the last commit.
pub(crate) async fn last_seq(lease: &mut Lease<'_>) -> Result<u64, Error> {
    let query = Sql::new("SELECT seq FROM commits ORDER BY seq DESC LIMIT 1");
    Ok(lease.fetch_one(query, |row| row.count(0)).await?.unwrap_or_default())
}

/// Sends the head with some documents, again and again until all have been sent, as of one moment.
pub(crate) async fn load(lease: &mut Lease<'_>, parts: &Sender<Loaded>) -> Result<(), Error> {
    lease.begin_snapshot().await?;
    let End { seq, chain_hash, format, .. } = end_of_log(lease).await?;
    let query = Sql::new("SELECT id FROM events ORDER BY id DESC LIMIT 1");
    let last_event_id = lease.fetch_one(query, |row| row.count(0)).await?.unwrap_or_default();
    // An event's number never comes back.
    let last_event_id = last_event_id.max(base::last_event_id(lease).await?);
    let head = Head { seq, chain_hash, format, last_event_id };
    let mut after = (String::new(), String::new());
    loop {
        let query = Sql::new(
            "SELECT kind, id, seq, body, hash FROM documents WHERE (kind, id) > ($1, $2) ORDER BY kind, id LIMIT $3",
        );
        let query = query.with(after.0.as_str()).with(after.1.as_str()).with(i64::from(PAGE));
        let documents = lease.fetch(query, read_document).await?;
        let last = documents.last().map(|document| (document.kind.clone(), document.id.clone()));
        // Whoever does not want more has gone.
        if parts.send(Loaded { head, documents }).await.is_err() {
            break;
        }
        match last {
            Some(last) => after = last,
            None => break,
        }
    }
    lease.end("COMMIT").await
}

fn document_values(document: StoredDocument) -> Vec<Value> {
    let hash = chain::document_hash(&document.kind, &document.id, &document.body);
    let body = packed::pack(&document.body);
    vec![document.kind.into(), document.id.into(), signed(document.seq).into(), body.into(), hash.into()]
}

/// Reads a document and refuses one that is not what was written: SQLite's pages have no checksums.
fn read_document(row: Row<'_>) -> Result<StoredDocument, Error> {
    let document = read_any_document(row)?;
    if chain::document_hash(&document.kind, &document.id, &document.body) != row.hash(4)? {
        let StoredDocument { kind, id, .. } = document;
        return Err(Error::Corrupt(format!("the {kind} `{id}` is not what was written; restore a backup")));
    }
    Ok(document)
}

/// Reads a document, whatever became of it: what cannot be unpacked is no JSON.
pub(crate) fn read_any_document(row: Row<'_>) -> Result<StoredDocument, Error> {
    let body = packed::unpack(&row.bytes(3)?).unwrap_or_default();
    Ok(StoredDocument { kind: row.text(0)?, id: row.text(1)?, seq: row.count(2)?, body })
}

pub(crate) async fn page_after(lease: &mut Lease<'_>, seq: u64, limit: u32) -> Result<Page, Error> {
    let (rows, head) = rows_after(lease, seq, limit).await?;
    let commits: Vec<Commit> = rows.into_iter().map(CommitRow::commit).collect::<Result<_, _>>()?;
    let mut last = seq;
    for commit in &commits {
        if commit.seq != last + 1 {
            let begin = base::seq(lease).await?;
            return Err(if begin > last {
                Error::Compacted(begin)
            } else {
                Error::Corrupt(format!("commit {} is missing", last + 1))
            });
        }
        last = commit.seq;
    }
    Ok(Page { is_end: last >= head, commits })
}

/// The rows after `seq`, in order: at most `limit`, and few enough that together they are small, but one at least.
pub(crate) async fn commit_rows(lease: &mut Lease<'_>, seq: u64, limit: u32) -> Result<Vec<CommitRow>, Error> {
    Ok(rows_after(lease, seq, limit).await?.0)
}

/// The same with the head's number, as of the same moment; 0 where there is no row.
async fn rows_after(lease: &mut Lease<'_>, seq: u64, limit: u32) -> Result<(Vec<CommitRow>, u64), Error> {
    let mut query = Sql::new("SELECT ");
    query.push(COMMIT_COLUMNS).push(", (SELECT MAX(seq) FROM commits) FROM commits");
    query.push(" WHERE seq > ").push_value(signed(seq));
    query.push(" AND seq <= (SELECT MAX(seq) FROM (");
    push_page(&mut query, "SELECT seq, bytes FROM commits WHERE seq > $1 ORDER BY seq", limit, "seq");
    query.push(") ORDER BY seq");
    let rows = lease.fetch(query, |row| Ok((CommitRow::read(row)?, row.count(11)?))).await?;
    let head = rows.last().map_or(0, |(_, head)| *head);
    Ok((rows.into_iter().map(|(row, _)| row).collect(), head))
}

/// The newest rows, in order: at most `limit`, and few enough that together they are small, but one at least.
async fn last_rows(lease: &mut Lease<'_>, limit: u32) -> Result<Vec<CommitRow>, Error> {
    let mut query = Sql::new("SELECT ");
    query.push(COMMIT_COLUMNS).push(" FROM commits WHERE seq >= (SELECT MIN(seq) FROM (");
    let newest =
        "SELECT seq, bytes FROM commits WHERE seq > (SELECT COALESCE(MAX(seq), 0) FROM bases) ORDER BY seq DESC";
    push_page(&mut query, newest, limit, "seq DESC");
    query.push(") ORDER BY seq");
    lease.fetch(query, CommitRow::read).await
}

/// The part of a page whose bytes fit, and its first row in any case.
fn push_page(query: &mut Sql, page: &'static str, limit: u32, order: &'static str) {
    query.push("SELECT seq, bytes, SUM(bytes) OVER (ORDER BY ").push(order).push(") AS total FROM (").push(page);
    query.push(" LIMIT ").push_value(i64::from(limit)).push(") AS page) AS sums WHERE total <= ");
    query.push_value(PAGE_BYTES).push(" OR total = bytes");
}

pub(crate) async fn last_commits(lease: &mut Lease<'_>, limit: u32) -> Result<Vec<Commit>, Error> {
    last_rows(lease, limit).await?.into_iter().map(CommitRow::commit).collect()
}

/// Text as every store can keep it.
pub(crate) fn without_nul(text: impl AsRef<str>) -> String {
    text.as_ref().replace('\0', "\u{fffd}")
}
