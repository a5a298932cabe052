//! What can go wrong with durable things.

use std::path::PathBuf;

use sqlx::postgres::PgDatabaseError;
use sqlx::sqlite::SqliteError;

/// Why the store could not do what it was asked. No text in it ever holds the database's password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The database URL is not one that Flagstone understands.
    #[error("the database URL is not usable: {0}")]
    Url(String),
    /// Another process has the SQLite database open.
    #[error("another Flagstone process uses {}; stop it first, or use PostgreSQL to run several nodes", .0.display())]
    Locked(PathBuf),
    /// The database's tables are of another version than this binary's.
    #[error("the database has schema version {found}, this binary knows version {known}: {advice}")]
    Schema {
        /// The version recorded in the database.
        found: i64,
        /// The newest version this binary knows.
        known: i64,
        /// What to do about it.
        advice: &'static str,
    },
    /// The database is away, too slow, or refuses to work now. Nothing was changed; trying again later may help.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The database does not let this user in, or not with this password. Nothing was changed.
    #[error("the database refuses the login: {0}")]
    Login(String),
    /// The disk is full, read-only or failing. Nothing was changed.
    #[error("the database cannot write to its disk: {0}")]
    Full(String),
    /// The database went away while a change was on its way, and could not be asked whether it arrived.
    #[error("the database went away before it said whether the change is stored: {0}")]
    Ambiguous(String),
    /// What is stored cannot be right.
    #[error("the database is damaged: {0}")]
    Corrupt(String),
    /// A newer release has written to this database: this one may read on, but what it does not know would be lost if
    /// it wrote.
    #[error("a newer release has written to this database (format {found}, this release knows {known}): upgrade it")]
    Outdated {
        /// The format of the last commit.
        found: u32,
        /// The format of the commit that is refused.
        known: u32,
    },
    /// The commits up to this one are gone since the log was compacted: what was then is not known any more, and who
    /// follows the log begins with the state.
    #[error("the log was compacted: what was up to commit {0} is gone")]
    Compacted(u64),
    /// The store was given something that it cannot keep; a defect in the caller.
    #[error("the store cannot do this: {0}")]
    Invalid(String),
    /// This kind of store does not offer this.
    #[error("{0}")]
    Unsupported(&'static str),
}

impl Error {
    /// Whether waiting and trying again may help. A refused login counts: passwords are changed, on both sides, in turn.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Login(_) | Self::Full(_) | Self::Ambiguous(_))
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => {
                if let Some(error) = error.try_downcast_ref::<SqliteError>() {
                    from_sqlite(error)
                } else if let Some(error) = error.try_downcast_ref::<PgDatabaseError>() {
                    from_postgres(error)
                } else {
                    Self::Invalid(error.to_string())
                }
            }
            sqlx::Error::Configuration(_) => Self::Url("its parts cannot be read".to_owned()),
            error @ (sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed) => Self::Unavailable(error.to_string()),
            error @ (sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } | sqlx::Error::RowNotFound) => {
                Self::Corrupt(error.to_string())
            }
            error => Self::Invalid(error.to_string()),
        }
    }
}

/// Result codes: <https://www.sqlite.org/rescode.html>. The low byte is the primary code.
fn from_sqlite(error: &SqliteError) -> Error {
    use sqlx::error::DatabaseError;
    let code = error.code().and_then(|code| code.parse::<u32>().ok()).unwrap_or_default();
    let text = error.message().to_owned();
    match code & 0xff {
        8 | 10 | 13 => Error::Full(text),
        11 | 26 => Error::Corrupt(text),
        5 | 6 | 7 | 9 | 14 | 15 | 22 => Error::Unavailable(text),
        _ => Error::Invalid(text),
    }
}

/// SQLSTATE classes: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn from_postgres(error: &PgDatabaseError) -> Error {
    let text = error.message().to_owned();
    match error.code() {
        "53100" | "58030" => Error::Full(text),
        "XX001" | "XX002" => Error::Corrupt(text),
        // A database that does not exist (3D000) may be about to be created, by whatever sets up the server.
        "55P03" | "25P03" | "25006" | "3D000" | "42501" => Error::Unavailable(text),
        code => match code.get(..2) {
            Some("28") => Error::Login(text),
            Some("08" | "40" | "53" | "57" | "58") => Error::Unavailable(text),
            _ => Error::Invalid(text),
        },
    }
}
