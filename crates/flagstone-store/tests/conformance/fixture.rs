//! Stores for tests, each in a place of its own that is removed afterwards.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use flagstone_model::commit::{Actor, Change, Commit, CommitBody, Event};
use flagstone_model::tags::Tag;
use flagstone_model::time::Timestamp;
use flagstone_store::{DatabaseUrl, Options, Store, packed};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

pub(crate) struct Fixture {
    pub(crate) url: DatabaseUrl,
    pub(crate) options: Options,
    pub(crate) store: Store,
    pub(crate) folder: Option<PathBuf>,
}

impl Fixture {
    pub(crate) async fn memory() -> Self {
        Self::open(DatabaseUrl::Memory, Options::default(), None).await
    }

    pub(crate) async fn sqlite() -> Self {
        let folder = std::env::temp_dir().join(unique());
        let url = DatabaseUrl::Sqlite(folder.join("data/flagstone.db"));
        Self::open(url, Options::default(), Some(folder)).await
    }

    pub(crate) async fn postgres() -> Self {
        let options = Options { schema: Some(unique()), max_connections: 3, ..Options::default() };
        Self::open(postgres_url().parse().unwrap(), options, None).await
    }

    async fn open(url: DatabaseUrl, options: Options, folder: Option<PathBuf>) -> Self {
        let store = Store::open(&url, &options).await.unwrap();
        Self { url, options, store, folder }
    }

    /// Another node on the same database.
    pub(crate) async fn another(&self) -> Store {
        self.another_result().await.unwrap()
    }

    pub(crate) async fn another_result(&self) -> Result<Store, flagstone_store::Error> {
        Store::open(&self.url, &self.options).await
    }

    pub(crate) fn path(&self) -> PathBuf {
        match &self.url {
            DatabaseUrl::Sqlite(path) => path.clone(),
            _ => panic!("no file"),
        }
    }

    /// A way into the database behind the store's back.
    pub(crate) async fn back_door(&self) -> BackDoor {
        match &self.url {
            DatabaseUrl::Sqlite(path) => {
                let mut connection = SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
                sqlx::raw_sql("PRAGMA synchronous = OFF").execute(&mut connection).await.unwrap();
                BackDoor::Sqlite(connection)
            }
            DatabaseUrl::Postgres(url) => {
                let mut connection = PgConnection::connect(url).await.unwrap();
                let schema = self.options.schema.as_deref().unwrap();
                let path = format!("SET search_path = {schema}");
                sqlx::raw_sql(AssertSqlSafe(path)).execute(&mut connection).await.unwrap();
                BackDoor::Postgres(connection)
            }
            DatabaseUrl::Memory => panic!("no back door"),
        }
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            std::fs::remove_dir_all(folder).ok();
        }
        let (DatabaseUrl::Postgres(url), Some(schema)) = (&self.url, &self.options.schema) else { return };
        let drop_schema = format!("DROP SCHEMA IF EXISTS {schema} CASCADE");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let mut connection = PgConnection::connect(url).await.unwrap();
                    sqlx::raw_sql(AssertSqlSafe(drop_schema)).execute(&mut connection).await.unwrap();
                });
            });
        });
    }
}

pub(crate) enum BackDoor {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl BackDoor {
    pub(crate) async fn run(&mut self, sql: impl Into<String>) {
        let sql = sql.into();
        let query = sqlx::raw_sql(AssertSqlSafe(sql.clone()));
        match self {
            Self::Sqlite(c) => query.execute(c).await.map(|_| ()),
            Self::Postgres(c) => query.execute(c).await.map(|_| ()),
        }
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    /// Ends the connection, and does not only begin to.
    pub(crate) async fn close(self) {
        match self {
            Self::Sqlite(c) => c.close().await.unwrap(),
            Self::Postgres(c) => c.close().await.unwrap(),
        }
    }

    /// A packed column's text.
    pub(crate) async fn unpacked(&mut self, sql: impl Into<String>) -> String {
        let sql = AssertSqlSafe(sql.into());
        let bytes: Vec<u8> = match self {
            Self::Sqlite(c) => sqlx::query_scalar(sql).fetch_one(c).await.unwrap(),
            Self::Postgres(c) => sqlx::query_scalar(sql).fetch_one(c).await.unwrap(),
        };
        packed::unpack(&bytes).unwrap()
    }

    /// Bytes as they stand in a statement.
    pub(crate) fn blob(&self, bytes: &[u8]) -> String {
        let hex = bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        });
        match self {
            Self::Sqlite(_) => format!("x'{hex}'"),
            Self::Postgres(_) => format!("'\\x{hex}'::bytea"),
        }
    }

    /// A text as it stands in a statement, for a packed column.
    pub(crate) fn packed(&self, text: &str) -> String {
        self.blob(&packed::pack(text))
    }

    pub(crate) async fn text(&mut self, sql: impl Into<String>) -> String {
        let sql = AssertSqlSafe(sql.into());
        match self {
            Self::Sqlite(c) => sqlx::query_scalar(sql).fetch_one(c).await.unwrap(),
            Self::Postgres(c) => sqlx::query_scalar(sql).fetch_one(c).await.unwrap(),
        }
    }
}

pub(crate) fn postgres_url() -> String {
    std::env::var("FLAGSTONE_TEST_POSTGRES").expect(
        "FLAGSTONE_TEST_POSTGRES is not set: run `make test`, or `scripts/postgres.sh start` and \
         `export FLAGSTONE_TEST_POSTGRES=$(scripts/postgres.sh url)`",
    )
}

fn unique() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros();
    format!("flagstone_{}_{now}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Random numbers that a printed seed brings back (splitmix64, <https://prng.di.unimi.it/splitmix64.c>).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn seeded(name: &str) -> Self {
        let seed = std::env::var("FLAGSTONE_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
            u64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() % u128::from(u64::MAX)).unwrap()
        });
        println!("{name}: FLAGSTONE_TEST_SEED={seed}");
        Self(seed)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

pub(crate) fn time(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(crate) fn put(kind: &str, id: &str, body: Value) -> Change {
    Change { kind: kind.to_owned(), id: id.to_owned(), body: Some(body) }
}

pub(crate) fn delete(kind: &str, id: &str) -> Change {
    Change { kind: kind.to_owned(), id: id.to_owned(), body: None }
}

pub(crate) fn event(id: u64, kind: &str) -> Event {
    Event {
        id,
        kind: kind.to_owned(),
        created_at: time(1_000 * i64::try_from(id).unwrap()),
        created_by: "ada".to_owned(),
        created_by_user_id: 1,
        ip: None,
        project: None,
        environment: None,
        feature_name: None,
        tags: BTreeSet::new(),
        data: None,
        pre_data: None,
    }
}

pub(crate) fn commit(seq: u64, changes: Vec<Change>, events: Vec<Event>) -> Commit {
    Commit {
        seq,
        id: format!("{seq:032x}"),
        at: time(1_700_000_000_000 + i64::try_from(seq).unwrap()),
        actor: Actor { id: 1, name: "ada \"the\" first\0".to_owned(), ip: Some("::1".to_owned()) },
        body: CommitBody { changes, events },
        ..Commit::default()
    }
}

/// A commit that puts one feature and raises one event of the same number.
pub(crate) fn simple(seq: u64) -> Commit {
    let name = format!("feature-{}", seq % 7);
    let data = json!({ "name": name, "seq": seq, "text": "\0 ‚ü†' \u{1f600}", "weight": 0.1 + 0.2 });
    let event = Event {
        project: Some("default".to_owned()),
        feature_name: Some(name.clone()),
        tags: BTreeSet::from([Tag { kind: "team".to_owned(), value: "b\u{1f600}'".to_owned() }]),
        data: Some(data.clone()),
        pre_data: Some(json!({ "on": [null, -1, 1e300] })),
        ..event(seq, "feature-updated")
    };
    commit(seq, vec![put("feature", &name, data)], vec![event])
}
