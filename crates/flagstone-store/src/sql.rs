//! One way to say a statement to either database, and connections that are never used again after a failure.
//!
//! Both databases understand `$1`, `ON CONFLICT … DO UPDATE` and the same few types, so a statement is written once.

use std::borrow::Cow;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Row as _, Sqlite, SqliteConnection};
use tokio::sync::MutexGuard;
use tokio::time::Instant;

use crate::Error;

/// A statement and its values.
#[derive(Clone, Debug)]
pub(crate) struct Sql {
    text: Cow<'static, str>,
    values: Vec<Value>,
    /// Whether it is worth keeping prepared.
    recurs: bool,
}

/// A value in a statement.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Int(i64),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<[u8; 32]> for Value {
    fn from(value: [u8; 32]) -> Self {
        Self::Bytes(Some(value.to_vec()))
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(Some(value))
    }
}

impl From<Option<Vec<u8>>> for Value {
    fn from(value: Option<Vec<u8>>) -> Self {
        Self::Bytes(value)
    }
}

/// Rows in one `VALUES` list at most. SQLite looks up the names of values one by one, so that twice the rows take
/// four times as long; and a statement of a fixed length is prepared once.
pub(crate) const ROWS_MAX: usize = 64;
/// So many rows are what most commits have.
const ROWS_FEW: usize = 4;

impl Sql {
    pub(crate) const fn new(text: &'static str) -> Self {
        Self { text: Cow::Borrowed(text), values: Vec::new(), recurs: true }
    }

    /// The next `$n`.
    pub(crate) fn with(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Appends text, which is never input. What is put together is not kept prepared.
    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        self.recurs = false;
        self.text.to_mut().push_str(text);
        self
    }

    /// Appends a value as the next `$n`.
    pub(crate) fn push_value(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        let number = format!("${}", self.values.len());
        self.push(&number)
    }

    /// Appends `($n, $n+1, …)`.
    pub(crate) fn push_list<V: Into<Value>>(&mut self, values: impl IntoIterator<Item = V>) -> &mut Self {
        self.push("(");
        for (at, value) in values.into_iter().enumerate() {
            self.push(if at == 0 { "" } else { ", " });
            self.push_value(value);
        }
        self.push(")")
    }

    /// Whether a statement for so many rows is kept prepared: such as come again.
    pub(crate) fn recurring(mut self, rows: usize) -> Self {
        self.recurs = rows <= ROWS_FEW || rows == ROWS_MAX;
        self
    }

    /// `head VALUES (…), (…) tail`, in as many statements as the rows need.
    pub(crate) fn insert(head: &'static str, rows: Vec<Vec<Value>>, tail: &'static str) -> Vec<Self> {
        Self::insert_rows(head, rows, tail, |sql, row| {
            sql.push_list(row);
        })
    }

    /// The same where a row is more than its values.
    pub(crate) fn insert_rows<T>(
        head: &'static str,
        rows: Vec<T>,
        tail: &'static str,
        push: impl Fn(&mut Self, T),
    ) -> Vec<Self> {
        let mut statements = Vec::new();
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let mut sql = Self::new(head);
            sql.push(" VALUES ");
            let mut count = 0;
            for row in rows.by_ref().take(ROWS_MAX) {
                sql.push(if count == 0 { "" } else { ", " });
                push(&mut sql, row);
                count += 1;
            }
            sql.push(" ").push(tail);
            statements.push(sql.recurring(count));
        }
        statements
    }
}

/// A row of either database.
#[derive(Clone, Copy)]
pub(crate) enum Row<'r> {
    Sqlite(&'r SqliteRow),
    Postgres(&'r PgRow),
}

impl Row<'_> {
    pub(crate) fn int(&self, column: usize) -> Result<i64, Error> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    /// A number that we only ever store when it is not negative.
    pub(crate) fn count(&self, column: usize) -> Result<u64, Error> {
        u64::try_from(self.int(column)?).map_err(|_| Error::Corrupt("a number is negative".to_owned()))
    }

    pub(crate) fn opt_int(&self, column: usize) -> Result<Option<i64>, Error> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    pub(crate) fn text(&self, column: usize) -> Result<String, Error> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    pub(crate) fn opt_text(&self, column: usize) -> Result<Option<String>, Error> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    pub(crate) fn bytes(&self, column: usize) -> Result<Vec<u8>, Error> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    pub(crate) fn opt_bytes(&self, column: usize) -> Result<Option<Vec<u8>>, Error> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    pub(crate) fn hash(&self, column: usize) -> Result<[u8; 32], Error> {
        self.bytes(column)?.try_into().map_err(|_| Error::Corrupt("a hash has not 32 bytes".to_owned()))
    }
}

/// A number as the databases keep it.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Where a connection comes from, and goes back to if all went well.
pub(crate) enum Source<'a> {
    SqliteWriter(MutexGuard<'a, Option<SqliteConnection>>),
    SqliteReader(Option<PoolConnection<Sqlite>>),
    PostgresWriter(MutexGuard<'a, Option<LogConnection>>),
    PostgresReader(Option<PoolConnection<Postgres>>),
}

/// The connection that writes the log on PostgreSQL.
#[derive(Debug)]
pub(crate) struct LogConnection {
    pub(crate) connection: PgConnection,
    /// Whether a transaction is open in which it is this node's turn to write.
    pub(crate) has_turn: bool,
}

/// A connection for a while. When a statement on it failed, ran out of time or was abandoned, or a transaction on
/// it did not end, the connection is closed instead of reused: what it would answer next is not known.
pub(crate) struct Lease<'a> {
    source: Source<'a>,
    clean: bool,
    in_transaction: bool,
    limit: Duration,
    deadline: Option<Instant>,
}

impl<'a> Lease<'a> {
    pub(crate) fn new(source: Source<'a>, limit: Duration) -> Self {
        Self { source, clean: true, in_transaction: false, limit, deadline: None }
    }

    /// All statements together must end by then.
    pub(crate) fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = Some(deadline);
    }

    /// Each statement may take this long.
    pub(crate) fn set_limit(&mut self, limit: Duration) {
        self.limit = limit;
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        matches!(self.source, Source::SqliteWriter(_) | Source::SqliteReader(_))
    }

    /// Begins a transaction that will write: it waits for its turn first, so that what it reads is the latest, and
    /// so that whoever holds the turn knows that no other write is still on its way.
    pub(crate) async fn begin_write(&mut self) -> Result<(), Error> {
        if let Source::PostgresWriter(guard) = &mut self.source
            && let Some(writer) = guard.as_mut()
            && std::mem::take(&mut writer.has_turn)
        {
            self.in_transaction = true;
            return Ok(());
        }
        let begin = if self.is_sqlite() { "BEGIN IMMEDIATE" } else { crate::postgres::BEGIN_WRITE };
        self.begin(begin).await
    }

    /// Begins a transaction that sees one moment, and whose statements may take a minute each.
    pub(crate) async fn begin_snapshot(&mut self) -> Result<(), Error> {
        self.set_limit(Duration::from_mins(1));
        let begin = if self.is_sqlite() { "BEGIN" } else { crate::postgres::BEGIN_SNAPSHOT };
        self.begin(begin).await
    }

    /// Begins a transaction.
    pub(crate) async fn begin(&mut self, begin: &str) -> Result<(), Error> {
        self.in_transaction = true;
        self.script(begin).await
    }

    /// Ends a transaction with the given script, whose last statement is `COMMIT`.
    pub(crate) async fn end(&mut self, commit: &str) -> Result<(), Error> {
        self.script(commit).await?;
        self.in_transaction = false;
        Ok(())
    }

    /// Ends a transaction that has written nothing, but keeps the turn, where nodes take turns, for the next
    /// [`Self::begin_write`]. The database takes it away from a node that does nothing with it for a second.
    pub(crate) async fn keep_turn(&mut self) -> Result<(), Error> {
        if let Source::PostgresWriter(guard) = &mut self.source
            && let Some(writer) = guard.as_mut()
        {
            writer.has_turn = true;
            self.in_transaction = false;
            return Ok(());
        }
        self.rollback().await
    }

    /// Lets other nodes write, if [`Self::keep_turn`] keeps them waiting.
    pub(crate) async fn give_up_turn(&mut self) -> Result<(), Error> {
        match &self.source {
            Source::PostgresWriter(guard) if guard.as_ref().is_some_and(|writer| writer.has_turn) => {
                self.begin_write().await?;
                self.rollback().await
            }
            _ => Ok(()),
        }
    }

    pub(crate) async fn rollback(&mut self) -> Result<(), Error> {
        self.end("ROLLBACK").await
    }

    /// Statements without values, in one trip. Never holds input.
    pub(crate) async fn script(&mut self, text: &str) -> Result<(), Error> {
        let limit = self.time_left()?;
        let text = AssertSqlSafe(text.to_owned());
        let work = async {
            match self.connection()? {
                Connection::Sqlite(c) => sqlx::raw_sql(text).execute(c).await.map(|_| ())?,
                Connection::Postgres(c) => sqlx::raw_sql(text).execute(c).await.map(|_| ())?,
            }
            Ok(())
        };
        let result = tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(too_slow(limit)));
        self.settle(result)
    }

    /// Runs a statement and says how many rows it changed.
    pub(crate) async fn execute(&mut self, sql: Sql) -> Result<u64, Error> {
        let limit = self.time_left()?;
        let work = async {
            Ok(match self.connection()? {
                Connection::Sqlite(c) => sqlite_query(sql).execute(c).await?.rows_affected(),
                Connection::Postgres(c) => postgres_query(sql).execute(c).await?.rows_affected(),
            })
        };
        let result = tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(too_slow(limit)));
        self.settle(result)
    }

    /// Runs statements one after the other.
    pub(crate) async fn execute_all(&mut self, statements: Vec<Sql>) -> Result<(), Error> {
        for sql in statements {
            self.execute(sql).await?;
        }
        Ok(())
    }

    /// Runs a query and reads its rows.
    pub(crate) async fn fetch<T>(
        &mut self,
        sql: Sql,
        read: impl Fn(Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let limit = self.time_left()?;
        let work = async {
            match self.connection()? {
                Connection::Sqlite(c) => {
                    let rows = sqlite_query(sql).fetch_all(c).await?;
                    rows.iter().map(|row| read(Row::Sqlite(row))).collect()
                }
                Connection::Postgres(c) => {
                    let rows = postgres_query(sql).fetch_all(c).await?;
                    rows.iter().map(|row| read(Row::Postgres(row))).collect()
                }
            }
        };
        let result = tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(too_slow(limit)));
        self.settle(result)
    }

    /// Runs a query that has at most one row.
    pub(crate) async fn fetch_one<T>(
        &mut self,
        sql: Sql,
        read: impl Fn(Row<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        Ok(self.fetch(sql, read).await?.pop())
    }

    fn connection(&mut self) -> Result<Connection<'_>, Error> {
        self.clean = false;
        let connection = match &mut self.source {
            Source::SqliteWriter(guard) => guard.as_mut().map(Connection::Sqlite),
            Source::SqliteReader(pooled) => pooled.as_mut().map(|c| Connection::Sqlite(c)),
            Source::PostgresWriter(guard) => guard.as_mut().map(|writer| Connection::Postgres(&mut writer.connection)),
            Source::PostgresReader(pooled) => pooled.as_mut().map(|c| Connection::Postgres(c)),
        };
        connection.ok_or_else(|| Error::Unavailable("the connection is closed".to_owned()))
    }

    fn settle<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        self.clean = result.is_ok();
        result
    }

    fn time_left(&self) -> Result<Duration, Error> {
        let Some(deadline) = self.deadline else { return Ok(self.limit) };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(too_slow(left)) } else { Ok(left.min(self.limit)) }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if self.clean && !self.in_transaction {
            return;
        }
        match &mut self.source {
            Source::SqliteWriter(guard) => drop(guard.take()),
            Source::PostgresWriter(guard) => drop(guard.take()),
            // Detached, not returned: the pool would say a polite good-bye first, which a dead server never answers.
            Source::SqliteReader(pooled) => drop(pooled.take().map(PoolConnection::detach)),
            Source::PostgresReader(pooled) => drop(pooled.take().map(PoolConnection::detach)),
        }
    }
}

enum Connection<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

fn too_slow(limit: Duration) -> Error {
    Error::Unavailable(format!("no answer within {} ms", limit.as_millis()))
}

type Query<DB> = sqlx::query::Query<'static, DB, <DB as sqlx::Database>::Arguments>;

fn sqlite_query(sql: Sql) -> Query<Sqlite> {
    let query = sqlx::query(AssertSqlSafe(sql.text.into_owned())).persistent(sql.recurs);
    sql.values.into_iter().fold(query, |query, value| match value {
        Value::Int(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
    })
}

fn postgres_query(sql: Sql) -> Query<Postgres> {
    let query = sqlx::query(AssertSqlSafe(sql.text.into_owned())).persistent(sql.recurs);
    sql.values.into_iter().fold(query, |query, value| match value {
        Value::Int(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
    })
}
