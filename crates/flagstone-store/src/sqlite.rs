//! SQLite: one file, one process, one connection that writes and a few that read.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection, SqlitePool};
use tokio::sync::{Mutex, OnceCell};

use crate::sql::{Lease, Source, Sql};
use crate::{Error, Options, migrate};

/// An open SQLite database.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    options: Options,
    readers: SqlitePool,
    /// Absent when the database is open for reading only. The connection is absent after a failure.
    writer: Option<Mutex<Option<SqliteConnection>>>,
    /// What was found when the file was looked over.
    found: Arc<OnceCell<Result<(), Error>>>,
    lock: std::sync::Mutex<Option<File>>,
    closed: AtomicBool,
    /// Stands before the holders of leases: of what others hold they are rid, since they had the file before.
    opening: String,
}

impl Store {
    pub(crate) async fn open(path: &Path, options: &Options) -> Result<Self, Error> {
        let lock = prepare(path).map_err(|e| from_io(path, &e))??;
        let readers = readers(path, options);
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|e| Error::Unavailable(format!("the system has no randomness: {e}")))?;
        let opening = format!("{:016x}", u64::from_ne_bytes(random));
        let store = Self {
            path: path.to_owned(),
            options: options.clone(),
            readers,
            writer: Some(Mutex::new(None)),
            found: Arc::default(),
            lock: std::sync::Mutex::new(Some(lock)),
            closed: AtomicBool::new(false),
            opening,
        };
        store.migrate().await?;
        Ok(store)
    }

    pub(crate) async fn open_read_only(path: &Path, options: &Options) -> Result<Self, Error> {
        fs::metadata(path).map_err(|e| from_io(path, &e))?;
        let store = Self {
            path: path.to_owned(),
            options: options.clone(),
            readers: readers(path, options),
            writer: None,
            found: Arc::default(),
            lock: std::sync::Mutex::new(None),
            closed: AtomicBool::new(false),
            opening: String::new(),
        };
        migrate::check(&mut store.reader().await?, migrate::SQLITE).await?;
        Ok(store)
    }

    /// Brings the tables to this binary's version. Where they have it, nothing is to be written, and the file is looked
    /// over while it is read.
    async fn migrate(&self) -> Result<(), Error> {
        if self.is_ready().await? {
            let (found, path, options) = (Arc::clone(&self.found), self.path.clone(), self.options.clone());
            tokio::spawn(async move { found.get_or_init(|| look_over(&path, &options)).await.is_ok() });
            return Ok(());
        }
        self.sound().await?;
        let (mut lease, _) = self.writer().await?;
        lease.set_limit(Duration::from_mins(10));
        let tables = Sql::new(
            "SELECT COUNT(*), COALESCE(SUM(name = 'schema_version'), 0) FROM sqlite_schema WHERE type = 'table'",
        );
        if let Some((1.., 0)) = lease.fetch_one(tables, |row| Ok((row.int(0)?, row.int(1)?))).await? {
            return Err(Error::Invalid(format!("{} belongs to another program", self.path.display())));
        }
        // In this order: a file with something in it does not learn to give pages back.
        lease.script("PRAGMA auto_vacuum = INCREMENTAL").await?;
        lease.script("PRAGMA journal_mode = WAL").await?;
        lease.begin_write().await?;
        migrate::run(&mut lease, migrate::SQLITE).await?;
        lease.end("COMMIT").await
    }

    /// Whether the file has all tables of this binary's version and a write-ahead log.
    async fn is_ready(&self) -> Result<bool, Error> {
        let (mut lease, _) = self.writer_of_any_file().await?;
        let mode = lease.fetch_one(Sql::new("PRAGMA journal_mode"), |row| row.text(0)).await?;
        Ok(mode.as_deref() == Some("wal") && migrate::is_newest(&mut lease, migrate::SQLITE).await?)
    }

    /// Waits until the file has been looked over; [`Error::Corrupt`] if it is damaged.
    pub(crate) async fn sound(&self) -> Result<(), Error> {
        if self.writer.is_none() {
            return Ok(());
        }
        // In a box: every write has this in its future.
        self.found.get_or_init(|| Box::pin(look_over(&self.path, &self.options))).await.clone()
    }

    pub(crate) fn opening(&self) -> &str {
        &self.opening
    }

    pub(crate) fn append_timeout(&self) -> Duration {
        self.options.append_timeout
    }

    pub(crate) async fn reader(&self) -> Result<Lease<'_>, Error> {
        let connection = self.readers.acquire().await?;
        Ok(Lease::new(Source::SqliteReader(Some(connection)), self.options.statement_timeout))
    }

    /// The connection that writes, and whether it has been used before. A damaged file is left as it is.
    pub(crate) async fn writer(&self) -> Result<(Lease<'_>, bool), Error> {
        self.sound().await?;
        self.writer_of_any_file().await
    }

    async fn writer_of_any_file(&self) -> Result<(Lease<'_>, bool), Error> {
        let Some(writer) = &self.writer else { return Err(READ_ONLY) };
        let limit = self.options.statement_timeout;
        let mut guard = tokio::time::timeout(limit, writer.lock())
            .await
            .map_err(|_| Error::Unavailable("another write is taking too long".to_owned()))?;
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::Unavailable("the store is closed".to_owned()));
        }
        let reused = guard.is_some();
        if !reused {
            *guard = Some(SqliteConnection::connect_with(&connect_options(&self.path)).await?);
        }
        Ok((Lease::new(Source::SqliteWriter(guard), limit), reused))
    }

    /// Moves what the log's file holds into the database file and syncs that, whatever became of earlier syncs.
    pub(crate) async fn checkpoint(lease: &mut Lease<'_>) -> Result<(), Error> {
        match lease.fetch_one(Sql::new("PRAGMA wal_checkpoint(TRUNCATE)"), |row| row.int(0)).await? {
            Some(0) => Ok(()),
            _ => Err(Error::Unavailable("the write-ahead log is in use".to_owned())),
        }
    }

    /// Writes a copy that is complete or not there at all.
    pub(crate) async fn backup(&self, to: &Path) -> Result<(), Error> {
        if to.exists() {
            return Err(Error::Invalid(format!("{} exists already", to.display())));
        }
        let mut partial = to.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let copied = self.copy_to(&partial).await.and_then(|()| {
            File::open(&partial)
                .and_then(|file| file.sync_all())
                .and_then(|()| fs::rename(&partial, to))
                .and_then(|()| sync_folder(to))
                .map_err(|e| from_io(to, &e))
        });
        if copied.is_err() {
            fs::remove_file(&partial).ok();
        }
        copied
    }

    async fn copy_to(&self, partial: &Path) -> Result<(), Error> {
        fs::remove_file(partial)
            .or_else(|e| if e.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(e) })
            .and_then(|()| create_private(partial))
            .map_err(|e| from_io(partial, &e))?;
        let Some(name) = partial.to_str() else {
            return Err(Error::Invalid("the backup's path is not UTF-8".to_owned()));
        };
        let mut lease = self.reader().await?;
        lease.set_limit(Duration::from_hours(1));
        lease.execute(Sql::new("VACUUM INTO $1").with(name)).await.map(|_| ())
    }

    pub(crate) async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        // The readers first: the last connection to close empties the write-ahead log, and only a writer can.
        self.readers.close().await;
        if let Some(writer) = &self.writer
            && let Some(connection) = writer.lock().await.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the database was not closed cleanly; its log will be replayed");
        }
        self.lock.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    }
}

/// Looks for damage in the whole file, on a connection of its own: others read meanwhile.
async fn look_over(path: &Path, options: &Options) -> Result<(), Error> {
    let pool = readers(path, &Options { max_connections: 1, ..options.clone() });
    let mut lease = Lease::new(Source::SqliteReader(Some(pool.acquire().await?)), Duration::from_mins(10));
    let faults = lease.fetch(Sql::new("PRAGMA quick_check(1)"), |row| row.text(0)).await;
    drop(lease);
    pool.close().await;
    match faults?.into_iter().find(|fault| fault != "ok") {
        Some(fault) => Err(Error::Corrupt(format!("{fault}; restore a backup of {}", path.display()))),
        None => Ok(()),
    }
}

const READ_ONLY: Error = Error::Unsupported("the store is open for reading only");

fn connect_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .foreign_keys(true)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(2))
        .pragma("journal_size_limit", "67108864")
        // What is deleted or replaced is overwritten: a redaction cannot find again what earlier commits set free.
        .pragma("secure_delete", "ON")
        .disable_statement_logging()
}

fn readers(path: &Path, options: &Options) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(options.max_connections.max(1))
        .acquire_timeout(options.acquire_timeout)
        .test_before_acquire(false)
        .max_lifetime(None)
        .idle_timeout(Duration::from_mins(5))
        .connect_lazy_with(connect_options(path).read_only(true))
}

/// Makes the folder and the file if they are missing, readable by nobody else, and takes the lock.
fn prepare(path: &Path) -> io::Result<Result<File, Error>> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        create_private_folder(folder)?;
        sync_folder(folder)?;
    }
    let mut lock = path.as_os_str().to_owned();
    lock.push(".lock");
    let lock = private().create(true).truncate(false).write(true).open(&lock)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(Err(Error::Locked(path.to_owned()))),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    if !path.exists() {
        create_private(path)?;
        sync_folder(path)?;
    }
    Ok(Ok(lock))
}

fn create_private(path: &Path) -> io::Result<()> {
    private().create_new(true).write(true).open(path)?.sync_all()
}

fn private() -> fs::OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has modes"))]
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn create_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes a new name in the folder of `path` survive a power cut.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

fn from_io(path: &Path, error: &io::Error) -> Error {
    let text = format!("{}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::ReadOnlyFilesystem => {
            Error::Full(text)
        }
        _ => Error::Unavailable(text),
    }
}

#[cfg(test)]
mod tests {
    use flagstone_model::commit::{Actor, Change, Commit, CommitBody};
    use flagstone_model::time::Timestamp;

    use crate::{Appended, DatabaseUrl, Error, Options, Store};

    fn commit(seq: u64, bytes: usize) -> Commit {
        // No text that can be packed to nothing.
        let digits = (0..bytes.div_ceil(64)).map(|part| crate::chain::hex(&crate::chain::body_hash(&part.to_string())));
        let body = serde_json::Value::from(digits.collect::<String>());
        let change = Change { kind: "feature".to_owned(), id: seq.to_string(), body: Some(body) };
        let body = CommitBody { changes: vec![change], events: vec![] };
        Commit {
            seq,
            id: seq.to_string(),
            at: Timestamp::from_millis(0),
            actor: Actor::system(),
            body,
            ..Commit::default()
        }
    }

    /// F2: the limit belongs to the connection, which is closed at the first failure; so each round sets it anew.
    #[tokio::test]
    async fn f2_a_full_disk_stores_nothing_and_is_got_over() {
        let folder = std::env::temp_dir().join(format!("flagstone_f2_{}", std::process::id()));
        let url = DatabaseUrl::Sqlite(folder.join("flagstone.db"));
        let store = Store::open(&url, &Options::default()).await.unwrap();
        assert_eq!(store.append(&[commit(1, 10)]).await, Ok(Appended::Done));
        let before = store.load().await.unwrap();
        for _ in 0..5 {
            let Store::Sqlite(sqlite) = &store else { panic!("not SQLite") };
            sqlite.writer().await.unwrap().0.script("PRAGMA max_page_count = 1").await.unwrap();
            let failed = store.append(&[commit(2, 10), commit(3, 100_000)]).await;
            assert!(matches!(failed, Err(Error::Full(_))), "{failed:?}");
            assert_eq!(store.load().await.unwrap(), before);
        }
        assert_eq!(store.append(&[commit(2, 10), commit(3, 100_000)]).await, Ok(Appended::Done));
        assert_eq!(store.verify().await.unwrap().commits, 3);
        store.close().await;
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
