//! PostgreSQL: any number of nodes. The unique number of a commit is the conflict signal; NOTIFY is a hint.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool};
use tokio::sync::{Mutex, watch};
use tokio::task::AbortHandle;

use crate::sql::{Lease, LogConnection, Source};
use crate::{Error, Options, log, migrate};

/// Begins a transaction that writes the log. The lock, which ends with the transaction, makes nodes take turns, so
/// the head that is read after it is the latest; it is named by a constant and by the schema.
pub(crate) const BEGIN_WRITE: &str =
    "BEGIN; SELECT pg_advisory_xact_lock(1181506375, hashtext(current_schema()::text))";

/// Begins a transaction that sees one moment.
pub(crate) const BEGIN_SNAPSHOT: &str =
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 60000";

/// Begins a transaction in which only one node migrates.
const BEGIN_MIGRATION: &str =
    "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock(1181506375, 0)";

const CHANNEL: &str = "flagstone";
const POLL: Duration = Duration::from_secs(1);
/// How long a connection that was idle may take to show that it is sound.
const PING_TIMEOUT: Duration = Duration::from_millis(250);
/// After how long without a word the listener's connection is asked whether it is there, and how long it may take.
const LISTENER_SILENCE: Duration = Duration::from_secs(5);
const LISTENER_TIMEOUT: Duration = Duration::from_secs(2);
const BACK_OFF_MAX: Duration = Duration::from_secs(5);

/// A PostgreSQL database.
#[derive(Debug)]
pub struct Store {
    options: Options,
    connect: PgConnectOptions,
    pool: PgPool,
    /// Absent before the first use and after a failure.
    writer: Mutex<Option<LogConnection>>,
    hints: watch::Sender<Hint>,
    listener: Option<AbortHandle>,
    read_only: bool,
}

/// What the listener has heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Hint {
    /// The highest number that a notification named.
    seq: u64,
    /// How often the listener had to connect: notifications in between are lost.
    connections: u64,
}

impl Store {
    pub(crate) async fn open(url: &str, options: &Options) -> Result<Self, Error> {
        let mut store = Self::new(url, options)?;
        let mut lease = store.reader().await?;
        lease.set_limit(Duration::from_mins(10));
        lease.begin(BEGIN_MIGRATION).await?;
        if let Some(schema) = &options.schema {
            lease.script(&format!("CREATE SCHEMA IF NOT EXISTS {}", quoted(schema))).await?;
        }
        migrate::run(&mut lease, migrate::POSTGRES).await?;
        lease.end("COMMIT").await?;
        drop(lease);
        let listener = listen(store.connect.clone(), options.clone(), store.hints.clone(), schema_of(&store).await?);
        store.listener = Some(tokio::spawn(listener).abort_handle());
        Ok(store)
    }

    pub(crate) async fn open_read_only(url: &str, options: &Options) -> Result<Self, Error> {
        let mut store = Self::new(url, options)?;
        store.read_only = true;
        migrate::check(&mut store.reader().await?, migrate::POSTGRES).await?;
        Ok(store)
    }

    fn new(url: &str, options: &Options) -> Result<Self, Error> {
        let connect = connect_options(url)?;
        let settings = options.clone();
        let pool = PgPoolOptions::new()
            .max_connections(options.max_connections.max(1))
            .acquire_timeout(options.acquire_timeout)
            // It is tested, with a time limit, when it is taken.
            .test_before_acquire(false)
            .idle_timeout(Duration::from_mins(5))
            .after_connect(move |connection, _| {
                let settings = settings.clone();
                Box::pin(async move { set_up(connection, &settings).await })
            })
            .connect_lazy_with(connect.clone());
        Ok(Self {
            options: options.clone(),
            connect,
            pool,
            writer: Mutex::new(None),
            hints: watch::Sender::default(),
            listener: None,
            read_only: false,
        })
    }

    pub(crate) fn append_timeout(&self) -> Duration {
        self.options.append_timeout
    }

    pub(crate) async fn reader(&self) -> Result<Lease<'_>, Error> {
        let limit = self.options.acquire_timeout;
        let sound = async {
            loop {
                let mut connection = self.pool.acquire().await?;
                match tokio::time::timeout(PING_TIMEOUT, connection.ping()).await {
                    Ok(Ok(())) => return Ok(connection),
                    // Others may have fallen silent with it. Detached: the pool would say good-bye to it first.
                    Ok(Err(_)) | Err(_) => drop(connection.detach()),
                }
            }
        };
        let connection = tokio::time::timeout(limit, sound).await;
        let connection = connection
            .unwrap_or_else(|_| Err(Error::Unavailable(format!("no connection within {} ms", limit.as_millis()))))?;
        Ok(Lease::new(Source::PostgresReader(Some(connection)), self.options.statement_timeout))
    }

    /// A connection for telemetry and sessions: they must not wait for the log, nor the log for them.
    pub(crate) async fn side_writer(&self) -> Result<Lease<'_>, Error> {
        if self.read_only { Err(READ_ONLY) } else { self.reader().await }
    }

    /// The connection that writes the log, and whether it has been used before.
    pub(crate) async fn writer(&self) -> Result<(Lease<'_>, bool), Error> {
        if self.read_only {
            return Err(READ_ONLY);
        }
        let limit = self.options.acquire_timeout;
        let wait = async {
            let mut guard = self.writer.lock().await;
            if self.pool.is_closed() {
                return Err(Error::Unavailable("the store is closed".to_owned()));
            }
            let reused = guard.is_some();
            if !reused {
                let mut connection = PgConnection::connect_with(&self.connect).await?;
                set_up(&mut connection, &self.options).await?;
                *guard = Some(LogConnection { connection, has_turn: false });
            }
            Ok((Lease::new(Source::PostgresWriter(guard), self.options.statement_timeout), reused))
        };
        tokio::time::timeout(limit, wait)
            .await
            .unwrap_or_else(|_| Err(Error::Unavailable(format!("no connection within {} ms", limit.as_millis()))))
    }

    /// Returns when the log may hold something newer than `known`.
    pub(crate) async fn changed(&self, known: u64) {
        let mut hints = self.hints.subscribe();
        let connections = hints.borrow_and_update().connections;
        loop {
            let newest = match self.reader().await {
                Ok(mut lease) => {
                    // A connection that no longer answers is to be found out soon.
                    lease.set_limit(POLL);
                    log::last_seq(&mut lease).await
                }
                Err(error) => Err(error),
            };
            if newest.is_ok_and(|newest| newest > known) {
                return;
            }
            // Hints about what is known already, as from own commits, cost no query.
            let newer = hints.wait_for(|hint| hint.seq > known || hint.connections != connections);
            if matches!(tokio::time::timeout(POLL, newer).await, Ok(Ok(_))) {
                return;
            }
        }
    }

    pub(crate) async fn close(&self) {
        if let Some(listener) = &self.listener {
            listener.abort();
        }
        // A server that hangs never says good-bye.
        let limit = self.options.acquire_timeout;
        tokio::time::timeout(limit, self.pool.close()).await.ok();
        if let Ok(mut guard) = tokio::time::timeout(limit, self.writer.lock()).await
            && let Some(writer) = guard.take()
        {
            tokio::time::timeout(limit, writer.connection.close()).await.ok();
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Some(listener) = &self.listener {
            listener.abort();
        }
    }
}

const READ_ONLY: Error = Error::Unsupported("the store is open for reading only");

/// Tells the other nodes, and commits: in one trip.
pub(crate) fn notify_and_commit(seq: u64) -> String {
    format!("SELECT pg_notify('{CHANNEL}', current_schema() || ' {seq}'); COMMIT")
}

/// Reads a URL. The error says nothing of it: it may hold a password.
pub(crate) fn connect_options(url: &str) -> Result<PgConnectOptions, Error> {
    let options = PgConnectOptions::from_str(url)
        .map_err(|_| Error::Url("the parts of the PostgreSQL URL cannot be read".to_owned()))?;
    Ok(options.application_name("flagstone").disable_statement_logging())
}

/// Settings of every connection. They are set by a query, since proxies refuse them at the start of a connection.
async fn set_up(connection: &mut PgConnection, options: &Options) -> Result<(), sqlx::Error> {
    let timeout = options.statement_timeout.as_millis().to_string();
    // A node that hangs in the middle of a transaction keeps the others waiting for a second.
    // An acknowledged write is on disk, also where the server's default gives that away.
    let query = sqlx::query(
        "SELECT set_config('statement_timeout', $1, false), set_config('lock_timeout', $1, false), \
         set_config('idle_in_transaction_session_timeout', '1000', false), \
         set_config('search_path', COALESCE($2, current_setting('search_path')), false), \
         set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' \
         ELSE current_setting('synchronous_commit') END, false)",
    );
    query.bind(timeout).bind(options.schema.as_deref().map(quoted)).execute(connection).await.map(|_| ())
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\"").replace('\0', ""))
}

async fn schema_of(store: &Store) -> Result<String, Error> {
    let mut lease = store.reader().await?;
    let schema = lease.fetch_one(crate::sql::Sql::new("SELECT current_schema()::text"), |row| row.text(0)).await?;
    Ok(schema.unwrap_or_default())
}

fn listener_pool(connect: &PgConnectOptions, options: &Options) -> PgPool {
    PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(options.acquire_timeout)
        .max_lifetime(None)
        .idle_timeout(None)
        .connect_lazy_with(connect.clone())
}

/// Listens for ever and passes on what it hears.
async fn listen(connect: PgConnectOptions, options: Options, hints: watch::Sender<Hint>, schema: String) {
    let mut back_off = Duration::from_millis(100);
    loop {
        // A new one each time: of one connection that fell silent the old one would never be rid.
        let pool = listener_pool(&connect, &options);
        if let Ok(mut listener) = PgListener::connect_with(&pool).await
            && listener.listen(CHANNEL).await.is_ok()
        {
            back_off = Duration::from_millis(100);
            hints.send_modify(|hint| hint.connections += 1);
            loop {
                match tokio::time::timeout(LISTENER_SILENCE, listener.try_recv()).await {
                    Ok(Ok(Some(notification))) => {
                        let seq = notification.payload().strip_prefix(schema.as_str()).map(str::trim_start);
                        if let Some(seq) = seq.and_then(|seq| seq.parse().ok()) {
                            hints.send_modify(|hint| hint.seq = hint.seq.max(seq));
                        }
                    }
                    // It lost its connection and has a new one.
                    Ok(Ok(None)) => hints.send_modify(|hint| hint.connections += 1),
                    Ok(Err(_)) => break,
                    // A connection that was dropped somewhere on the way says nothing, for ever.
                    Err(_) => {
                        let asked = sqlx::raw_sql("SELECT 1").execute(&mut listener);
                        if !matches!(tokio::time::timeout(LISTENER_TIMEOUT, asked).await, Ok(Ok(_))) {
                            break;
                        }
                    }
                }
            }
        }
        tokio::time::sleep(back_off).await;
        back_off = (back_off * 2).min(BACK_OFF_MAX);
    }
}
