//! Durable things: the log, the documents, the audit events, sessions and telemetry, in SQLite, PostgreSQL or memory.
//! The only crate that knows SQL.

mod base;
pub mod chain;
mod compact;
mod counted;
mod deliveries;
mod error;
mod grams;
mod leases;
mod log;
pub mod memory;
mod merge;
mod migrate;
pub mod packed;
mod past;
pub mod postgres;
mod redact;
mod search;
mod sessions;
mod sql;
pub mod sqlite;
mod telemetry;
mod text;
mod types;
mod url;
mod verify;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use flagstone_model::commit::{Commit, Piece};
use flagstone_model::sealing::SealedPiece;
use flagstone_model::time::Timestamp;
use tokio::sync::mpsc;
use tokio::time::Instant;

pub use deliveries::Delivery;
pub use error::Error;
pub use leases::{Fence, Hold};
pub use log::{KEY_BYTES_MAX, PAGE_BYTES};
pub use past::{Every, Revision};
use sql::{Lease, Sql};
pub use types::*;
pub use url::DatabaseUrl;

/// The most events that are counted for one activity.
pub const ACTIVITY_MAX: u64 = 100_000;
/// So many events of a search are counted: the total says no more than that.
pub const EVENTS_COUNTED_MAX: u64 = 10_000;
/// The same where a text is sought, and each of them is looked at.
pub const EVENTS_WITH_TEXT_COUNTED_MAX: u64 = 500;
/// A day, in milliseconds.
const DAY_MS: i64 = 86_400_000;

/// How much longer than an append may take, to find out what became of it.
const FIND_TIMEOUT: Duration = Duration::from_millis(400);
/// How long a server may take to hear that a node gives up its turn.
const GIVE_UP_TIMEOUT: Duration = Duration::from_millis(100);

/// Directives for a log's filter: the driver says of each connection by itself that its server goes away, and whoever
/// uses the store says it once.
pub const LOG_DIRECTIVES: &str = "sqlx::postgres::notice=error,sqlx_core::pool=error";

/// Where everything durable is.
///
/// Every operation ends in bounded time: with an answer, or with an [`Error`] that says whether trying again may help.
#[derive(Debug)]
pub enum Store {
    /// One file, one process.
    Sqlite(sqlite::Store),
    /// A server, any number of nodes.
    Postgres(postgres::Store),
    /// Gone with the process.
    Memory(memory::Store),
}

/// How many parts of what is loaded may wait for whoever receives them.
const PARTS_MAX: usize = 4;

/// What an operation works on: tables in memory, or a connection.
enum Access<'a> {
    Memory(&'a memory::Store),
    Sql(Lease<'a>),
}

/// Runs the first expression on the tables in memory, or the second on a connection.
macro_rules! access {
    ($access:expr, $tables:ident => $memory:expr, $lease:ident => $sql:expr) => {
        match $access {
            Access::Memory(memory) => {
                #[allow(unused_mut)]
                let mut $tables = memory.tables();
                Ok($memory)
            }
            Access::Sql(mut lease) => {
                let $lease = &mut lease;
                $sql.await
            }
        }
    };
}

pub(crate) use access;

/// Opening and closing.
impl Store {
    /// Opens a store for reading and writing, and brings its tables to this binary's version.
    ///
    /// SQLite: makes a missing folder (mode 0700) and file (0600), refuses a damaged file and leaves it as it is (here,
    /// or in [`Self::sound`]), and holds a lock until it is closed: [`Error::Locked`] when another process has it. PostgreSQL: of several nodes
    /// that start at once, one migrates and the others wait. [`Error::Schema`] when a newer binary made the tables.
    pub async fn open(url: &DatabaseUrl, options: &Options) -> Result<Self, Error> {
        Ok(match url {
            DatabaseUrl::Sqlite(path) => Self::Sqlite(sqlite::Store::open(path, options).await?),
            DatabaseUrl::Postgres(url) => Self::Postgres(postgres::Store::open(url, options).await?),
            DatabaseUrl::Memory => Self::Memory(memory::Store::default()),
        })
    }

    /// Opens a store for reading, also beside a running server. Writing is [`Error::Unsupported`].
    pub async fn open_read_only(url: &DatabaseUrl, options: &Options) -> Result<Self, Error> {
        Ok(match url {
            DatabaseUrl::Sqlite(path) => Self::Sqlite(sqlite::Store::open_read_only(path, options).await?),
            DatabaseUrl::Postgres(url) => Self::Postgres(postgres::Store::open_read_only(url, options).await?),
            DatabaseUrl::Memory => Self::Memory(memory::Store::default()),
        })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Error> {
        access!(self.reader().await?, _tables => (), lease => async {
            lease.fetch_one(Sql::new("SELECT CAST(1 AS BIGINT)"), |row| row.int(0)).await.map(|_| ())
        })
    }

    /// Waits until SQLite's file has been looked over, which goes on while it is read, and takes a second for each 600 MB
    /// that are in memory: [`Error::Corrupt`] if it is damaged. Everything that writes waits for it as well, so a damaged
    /// file stays as it is; what is read meanwhile counts once this has said yes. Others have checksums, or nothing to
    /// look at.
    pub async fn sound(&self) -> Result<(), Error> {
        match self {
            Self::Sqlite(store) => store.sound().await,
            Self::Postgres(_) | Self::Memory(_) => Ok(()),
        }
    }

    /// Closes the connections and gives up the lock. Later operations fail.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Postgres(store) => store.close().await,
            Self::Memory(_) => {}
        }
    }

    /// SQLite: writes a copy of the database, as of one moment, to a new file (mode 0600) that appears when it is
    /// complete. Writers are not kept waiting. Others: [`Error::Unsupported`].
    pub async fn backup(&self, to: &Path) -> Result<(), Error> {
        match self {
            Self::Sqlite(store) => store.backup(to).await,
            Self::Postgres(_) => Err(Error::Unsupported("PostgreSQL is backed up with its own tools, as pg_dump")),
            Self::Memory(_) => Err(Error::Unsupported("a store in memory has no backup")),
        }
    }

    async fn reader(&self) -> Result<Access<'_>, Error> {
        Ok(match self {
            Self::Sqlite(store) => Access::Sql(store.reader().await?),
            Self::Postgres(store) => Access::Sql(store.reader().await?),
            Self::Memory(store) => Access::Memory(store),
        })
    }

    /// For what is not the log.
    async fn writer(&self) -> Result<Access<'_>, Error> {
        Ok(match self {
            Self::Sqlite(store) => Access::Sql(store.writer().await?.0),
            Self::Postgres(store) => Access::Sql(store.side_writer().await?),
            Self::Memory(store) => Access::Memory(store),
        })
    }
}

/// The log, the documents, the audit events.
impl Store {
    /// The head and all documents, as of one moment.
    pub async fn load(&self) -> Result<Loaded, Error> {
        let (send, mut parts) = mpsc::channel::<Loaded>(PARTS_MAX);
        let all = async {
            let mut all = Loaded::default();
            while let Some(part) = parts.recv().await {
                all.head = part.head;
                all.documents.extend(part.documents);
            }
            all.documents.sort_unstable_by(|a, b| (&a.kind, &a.id).cmp(&(&b.kind, &b.id)));
            all
        };
        let (sent, all) = tokio::join!(self.load_in_parts(send), all);
        sent.map(|()| all)
    }

    /// The same in parts, each with the head and some documents, one at least: no more of them is in memory than whoever
    /// receives leaves waiting.
    pub async fn load_in_parts(&self, parts: mpsc::Sender<Loaded>) -> Result<(), Error> {
        match self.reader().await? {
            Access::Memory(memory) => {
                let loaded = memory.tables().load();
                // Whoever does not want it has gone.
                parts.send(loaded).await.ok();
                Ok(())
            }
            Access::Sql(mut lease) => log::load(&mut lease, &parts).await,
        }
    }

    /// Appends commits, whose numbers follow each other, in one transaction: all are on disk, or none.
    ///
    /// [`Appended::Conflict`] when the first does not follow the head. No other node can then append before this one
    /// does, or gives up its turn, or a second has passed: who reads on and tries again meets no second conflict.
    ///
    /// A commit that redacts takes the pieces that it names out of the log, out of the events, and out of SQLite's file,
    /// in the same transaction. It is [`Error::Invalid`] when a document that loses something is not among its changes.
    /// PostgreSQL keeps old rows until it vacuums; backups keep what they hold.
    ///
    /// When the connection is lost on the way, it waits for whatever was sent to have arrived or failed, and reads
    /// back: [`Error::Ambiguous`] is left for the case that the database cannot be asked. After any other error
    /// nothing was stored. [`Error::Invalid`] concerns the commits themselves: one of a group makes the group fail.
    pub async fn append(&self, commits: &[Commit]) -> Result<Appended, Error> {
        self.append_held(commits, &[]).await
    }

    /// The same for commits that were made under leases: [`Appended::Superseded`] when one of these has passed on.
    /// Commits and cursors are stored together or not at all.
    pub async fn append_held(&self, commits: &[Commit], holds: &[Hold]) -> Result<Appended, Error> {
        log::check(commits)?;
        if commits.is_empty() {
            return Ok(Appended::Done);
        }
        if let Self::Memory(store) = self {
            return store.tables().append(commits, holds);
        }
        let began = Instant::now();
        let (mut lease, reused) = self.log_writer(commits, began).await?;
        let failure = match log::append(&mut lease, commits, holds).await {
            Ok(appended) => return Ok(appended),
            Err(failure) => failure,
        };
        drop(lease);
        if failure.commit_sent {
            return self.find(commits, began, failure.error).await;
        }
        // A connection that was idle while the database restarted is found out at its first use.
        if !reused || !matches!(failure.error, Error::Unavailable(_)) {
            return Err(failure.error);
        }
        let (mut lease, _) = self.log_writer(commits, began).await?;
        let result = log::append(&mut lease, commits, holds).await;
        drop(lease);
        match result {
            Ok(appended) => Ok(appended),
            Err(failure) if failure.commit_sent => self.find(commits, began, failure.error).await,
            Err(failure) => Err(failure.error),
        }
    }

    /// Lets other nodes append, if they wait for this one since its last append met a conflict.
    pub async fn give_up_turn(&self) -> Result<(), Error> {
        match self {
            Self::Postgres(store) => {
                let mut lease = store.writer().await?.0;
                // Closing the connection gives it up as well, and commits may be waiting.
                lease.set_limit(GIVE_UP_TIMEOUT);
                lease.give_up_turn().await
            }
            Self::Sqlite(_) | Self::Memory(_) => Ok(()),
        }
    }

    /// Decides what became of commits after the answer to their COMMIT was lost or an error.
    async fn find(&self, commits: &[Commit], began: Instant, error: Error) -> Result<Appended, Error> {
        let ask = async {
            // Some time is left for it, though the append has taken all that it had.
            let (mut lease, _) = self.log_writer(commits, began + FIND_TIMEOUT).await?;
            let found = log::find(&mut lease, commits).await?;
            // What can be read is not yet on disk: after a failed sync the only proof is another one.
            if found == Some(Appended::Done) && lease.is_sqlite() {
                sqlite::Store::checkpoint(&mut lease).await?;
            }
            Ok::<_, Error>(found)
        };
        match ask.await {
            Ok(Some(appended)) => Ok(appended),
            Ok(None) => Err(error),
            Err(reason) => Err(Error::Ambiguous(format!("{error}; then: {reason}"))),
        }
    }

    /// The connection for the log, for as long as one append may take: a large import has a millisecond more for each of
    /// its rows and each 4 KiB. On PostgreSQL that is counted from when the append `began`, whatever is tried anew: a
    /// server that hangs would take the time again and again. A disk that hangs in the middle of a sync is waited for.
    async fn log_writer(&self, commits: &[Commit], began: Instant) -> Result<(Lease<'_>, bool), Error> {
        let rows: usize = commits.iter().map(|commit| commit.body.changes.len() + commit.body.events.len()).sum();
        let bytes: usize = commits.iter().map(Commit::bytes).sum();
        let more = Duration::from_millis((rows + bytes / (4 * 1024)) as u64);
        let (deadline, (mut lease, reused)) = match self {
            Self::Sqlite(store) => {
                let writer = store.writer().await?;
                (Instant::now() + store.append_timeout() + more, writer)
            }
            Self::Postgres(store) => {
                let deadline = began + store.append_timeout() + more;
                let writer = tokio::time::timeout_at(deadline, store.writer()).await;
                (deadline, writer.unwrap_or_else(|_| Err(Error::Unavailable("no connection in time".to_owned())))?)
            }
            Self::Memory(_) => return Err(Error::Unsupported("a store in memory has no connection")),
        };
        lease.set_deadline(deadline);
        Ok((lease, reused))
    }

    /// Whether other nodes may write it as well.
    pub const fn is_shared(&self) -> bool {
        !matches!(self, Self::Sqlite(_))
    }

    /// The commits after `seq`, the oldest first, at most `limit`, and fewer where they would be more than [`PAGE_BYTES`]
    /// together, but one at least: only an empty answer is the end. [`Error::Corrupt`] when one of them is missing,
    /// [`Error::Compacted`] when it is gone: then [`Self::load`] says where to go on.
    ///
    /// What a redaction took is not there any more: a document that is gone whole is left out of the changes, of
    /// others the texts that were taken are [`flagstone_model::sealing::REDACTED`]. Whoever folds them is for a while
    /// without these documents; the redaction's own commit says what they are from then on.
    pub async fn commits_after(&self, seq: u64, limit: u32) -> Result<Vec<Commit>, Error> {
        Ok(self.page_after(seq, limit).await?.commits)
    }

    /// The same, and whether it is the end.
    pub async fn page_after(&self, seq: u64, limit: u32) -> Result<Page, Error> {
        match self.reader().await? {
            Access::Memory(store) => store.tables().page_after(seq, limit),
            Access::Sql(mut lease) => log::page_after(&mut lease, seq, limit).await,
        }
    }

    /// The last commits, the oldest of them first, bounded like [`Self::commits_after`].
    pub async fn last_commits(&self, limit: u32) -> Result<Vec<Commit>, Error> {
        match self.reader().await? {
            Access::Memory(store) => store.tables().last_commits(limit),
            Access::Sql(mut lease) => log::last_commits(&mut lease, limit).await,
        }
    }

    /// Walks the whole log, its base first, and gives `found` each sealed piece that is there and that `wanted` says is to be taken out:
    /// what a redaction is to name. What is appended meanwhile may be missing; so first end what makes new pieces.
    pub async fn pieces(
        &self,
        wanted: impl Fn(&SealedPiece<'_>) -> bool,
        mut found: impl FnMut(Piece),
    ) -> Result<(), Error> {
        let (mut seq, parts) = match self.base_parts().await? {
            Some((base, parts)) => (base.end.seq, parts),
            None => (0, Vec::new()),
        };
        let mut rows: Vec<_> = parts.into_iter().map(|part| part.row).collect();
        loop {
            for row in &rows {
                let parsed = row.parse()?;
                let keys = text::keys(row).map_err(|unreadable| row.corrupt(unreadable))?;
                for (sealed, text) in parsed.pieces.iter().zip(text::texts(row)?) {
                    let Some(text) = text else { continue };
                    let key = sealed.change().and_then(|change| keys.get(change));
                    let document = key.map(|(kind, id)| (kind.as_str(), id.as_str()));
                    if wanted(&SealedPiece { commit: &parsed.commit, place: &sealed.place, document, text: &text }) {
                        found(Piece { seq: row.seq, hash: sealed.hash });
                    }
                }
            }
            rows = match self.reader().await? {
                Access::Memory(store) => store.tables().commit_rows(seq, log::PAGE),
                Access::Sql(mut lease) => log::commit_rows(&mut lease, seq, log::PAGE).await?,
            };
            let Some(last) = rows.last() else { return Ok(()) };
            seq = last.seq;
        }
    }

    /// The number of the last commit, as far as anybody has written.
    pub async fn last_seq(&self) -> Result<u64, Error> {
        access!(self.reader().await?, tables => tables.last_seq(), lease => log::last_seq(lease))
    }

    /// Returns when the log may hold something newer than `known_seq`. PostgreSQL: by a notification, or by a look
    /// every second; at once after the notifications' connection was lost, since some may be missing. Others: never,
    /// since nobody else writes. May be called by several tasks; safe to drop at any time.
    pub async fn changed(&self, known_seq: u64) {
        match self {
            Self::Postgres(store) => store.changed(known_seq).await,
            Self::Sqlite(_) | Self::Memory(_) => std::future::pending().await,
        }
    }

    /// Walks the whole log as of one moment: the numbers have no gap, the hashes are right (see [`chain`]), and the
    /// documents, events and the index of changes are what the log says. What is wrong is in the answer; an error means that it could not
    /// be looked at.
    pub async fn verify(&self) -> Result<Verification, Error> {
        access!(self.reader().await?, tables => tables.verify(), lease => verify::verify(lease))
    }

    /// A page of the audit events.
    pub async fn events(&self, query: &EventQuery) -> Result<EventPage, Error> {
        access!(self.reader().await?, tables => tables.events(query), lease => search::events(lease, query))
    }

    /// How many events of a project or an environment there were on each day since a moment and up to the event with
    /// the id `last`, of the newest [`ACTIVITY_MAX`]: days of UTC, counted from 1970.
    pub async fn activity(&self, of: ActivityOf<'_>, since: Timestamp, last: u64) -> Result<BTreeMap<i64, u64>, Error> {
        access!(
            self.reader().await?,
            tables => tables.activity(of, since, last),
            lease => search::activity(lease, of, since, last)
        )
    }

    /// Everyone who made an event, by id.
    pub async fn event_creators(&self) -> Result<Vec<EventCreator>, Error> {
        access!(self.reader().await?, tables => tables.event_creators(), lease => search::creators(lease))
    }
}

/// Sessions. They are not state: nothing is in the log.
impl Store {
    /// Begins a session.
    pub async fn session_create(&self, session: &Session) -> Result<(), Error> {
        access!(self.writer().await?,
            tables => { tables.sessions.insert(session.hash, session.clone()); },
            lease => sessions::create(lease, session))
    }

    /// A session, expired or not.
    pub async fn session(&self, hash: &SessionHash) -> Result<Option<Session>, Error> {
        access!(self.reader().await?, tables => tables.sessions.get(hash).cloned(), lease => sessions::get(lease, hash))
    }

    /// A user's sessions, the newest first.
    pub async fn sessions(&self, user_id: i64) -> Result<Vec<Session>, Error> {
        access!(self.reader().await?, tables => tables.sessions_of(user_id), lease => sessions::list(lease, user_id))
    }

    /// Moves a session's end; whether there is such a session.
    pub async fn session_touch(&self, hash: &SessionHash, expires_at: Timestamp) -> Result<bool, Error> {
        access!(self.writer().await?,
            tables => tables.sessions.get_mut(hash).map(|session| session.expires_at = expires_at).is_some(),
            lease => sessions::touch(lease, hash, expires_at))
    }

    /// Ends a session; whether there was one.
    pub async fn session_delete(&self, hash: &SessionHash) -> Result<bool, Error> {
        access!(self.writer().await?,
            tables => tables.sessions.remove(hash).is_some(),
            lease => sessions::delete(lease, hash))
    }

    /// Ends a user's sessions, all or all but one; how many.
    pub async fn sessions_delete_for_user(&self, user_id: i64, except: Option<&SessionHash>) -> Result<u64, Error> {
        access!(self.writer().await?,
            tables => tables.delete_sessions(|session| session.user_id == user_id && Some(&session.hash) != except),
            lease => sessions::delete_for_user(lease, user_id, except))
    }

    /// Ends the sessions whose time is over; how many.
    pub async fn sessions_delete_expired(&self, now: Timestamp) -> Result<u64, Error> {
        access!(self.writer().await?,
            tables => tables.delete_sessions(|session| session.expires_at <= now),
            lease => sessions::delete_expired(lease, now))
    }

    /// Ends all of a user's sessions but the `count` newest; how many.
    pub async fn sessions_keep_newest(&self, user_id: i64, count: u64) -> Result<u64, Error> {
        access!(self.writer().await?,
            tables => tables.keep_newest_sessions(user_id, count),
            lease => sessions::keep_newest(lease, user_id, count))
    }
}
