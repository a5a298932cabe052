//! What PostgreSQL alone has to do: many nodes, and a server that goes away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use flagstone_model::commit::Commit;
use flagstone_store::{Appended, DatabaseUrl, Error, Options, Store, TelemetryBatch, UsageRow};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::fixture::{Fixture, commit, event, postgres_url, put, simple};

/// Adds one to a shared counter, again and again, each time on top of what the log holds by then.
async fn count(store: Store, node: u64, rounds: u64) -> u64 {
    let (mut seq, mut value, mut conflicts) = (0, 0, 0);
    for round in 0..rounds {
        let before = conflicts;
        loop {
            let mut next =
                commit(seq + 1, vec![put("counter", "c", json!(value + 1))], vec![event(seq + 1, "counted")]);
            next.id = format!("{node:016x}{round:016x}");
            match store.append(&[next]).await.unwrap() {
                Appended::Done => break (seq, value) = (seq + 1, value + 1),
                Appended::Conflict => {
                    conflicts += 1;
                    assert_eq!(conflicts, before + 1, "another node wrote between a conflict and the next try");
                    for commit in store.commits_after(seq, 1_000).await.unwrap() {
                        (seq, value) = (commit.seq, counted(&commit));
                    }
                }
                Appended::Superseded => panic!("nothing is held"),
            }
        }
    }
    conflicts
}

fn counted(commit: &Commit) -> u64 {
    commit.body.changes[0].body.as_ref().and_then(serde_json::Value::as_u64).unwrap()
}

/// Reads the log as it grows, and must see every commit once, in order.
async fn follow(store: Store, until: u64) {
    let mut seq = 0;
    while seq < until {
        store.changed(seq).await;
        for commit in store.commits_after(seq, 50).await.unwrap() {
            assert_eq!((commit.seq, counted(&commit)), (seq + 1, seq + 1));
            seq = commit.seq;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f9_writers_on_several_nodes_lose_nothing() {
    const WRITERS: u64 = 6;
    const ROUNDS: u64 = 40;
    let fixture = Fixture::postgres().await;
    let mut followers = tokio::task::JoinSet::new();
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..3 {
        followers.spawn(follow(fixture.another().await, WRITERS * ROUNDS));
    }
    for node in 0..WRITERS {
        writers.spawn(count(fixture.another().await, node, ROUNDS));
    }
    let conflicts: u64 = writers.join_all().await.into_iter().sum();
    followers.join_all().await;
    let loaded = fixture.store.load().await.unwrap();
    assert_eq!(loaded.head.seq, WRITERS * ROUNDS, "a gap or a commit too many");
    assert_eq!(loaded.documents[0].body, (WRITERS * ROUNDS).to_string(), "an update was lost");
    assert!(fixture.store.verify().await.unwrap().is_intact());
    assert!(conflicts > 0, "the nodes never met");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn telemetry_of_many_nodes_adds_up() {
    let fixture = Fixture::postgres().await;
    let mut nodes = tokio::task::JoinSet::new();
    for node in 0..4_u64 {
        let store = fixture.another().await;
        // Each node has the rows in an order of its own: they must not wait for each other in a circle.
        let usage = (0..50_u64).map(|n| UsageRow {
            feature: format!("f-{}", (n * 7 + node * 13) % 50),
            yes: 1,
            variants: [("x".to_owned(), 2)].into(),
            ..UsageRow::default()
        });
        let batch = TelemetryBatch { usage: usage.collect(), ..TelemetryBatch::default() };
        nodes.spawn(async move {
            for _ in 0..20 {
                store.flush(&batch).await.unwrap();
            }
        });
    }
    nodes.join_all().await;
    for n in 0..50 {
        let rows = fixture.store.usage(&format!("f-{n}"), crate::fixture::time(0)).await.unwrap();
        assert_eq!((rows[0].yes, rows[0].variants["x"]), (80, 160));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f19_of_several_nodes_one_migrates() {
    let fixture = Fixture::postgres().await;
    let schema = fixture.options.schema.clone().unwrap();
    fixture.back_door().await.run(format!("DROP SCHEMA {schema} CASCADE")).await;
    let open = || Store::open(&fixture.url, &fixture.options);
    let (a, b, c) = tokio::join!(open(), open(), open());
    for store in [a, b, c] {
        store.unwrap().ping().await.unwrap();
    }
    let mut door = fixture.back_door().await;
    assert_eq!(door.text("SELECT COUNT(*)::text FROM schema_version").await, "1");
    door.run("INSERT INTO schema_version VALUES (99, 'tomorrow')").await;
    for refused in [open().await, Store::open_read_only(&fixture.url, &fixture.options).await] {
        let error = refused.unwrap_err();
        assert!(matches!(error, Error::Schema { found: 99, .. }), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_wakes_other_nodes() {
    let fixture = Fixture::postgres().await;
    let other = fixture.another().await;
    let within = |limit: u64, known: u64| tokio::time::timeout(Duration::from_millis(limit), other.changed(known));
    // It wakes once when the listener gets its connection: something may have been missed.
    within(300, 0).await.ok();
    assert!(within(300, 0).await.is_err(), "nothing has changed");
    let commits = [simple(1), simple(2)];
    let (woken, appended) = tokio::join!(within(5_000, 0), fixture.store.append(&commits[..1]));
    assert_eq!((woken, appended), (Ok(()), Ok(Appended::Done)));
    assert!(within(2_000, 0).await.is_ok(), "what is newer already is told at once");
    assert!(within(1_500, 1).await.is_err(), "and then nothing is new");

    // Without notifications it takes a poll.
    fixture.back_door().await.run(kill("query LIKE 'LISTEN%'")).await;
    let (woken, _) = tokio::join!(within(5_000, 1), fixture.store.append(&commits[1..]));
    assert_eq!(woken, Ok(()));
}

/// Ends the connections of Flagstone that `filter` selects, those of other tests too: they come back.
fn kill(filter: &str) -> String {
    format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE application_name = 'flagstone' AND pid <> pg_backend_pid() AND {filter}"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_died_while_idle_is_replaced() {
    let fixture = Fixture::postgres().await;
    fixture.store.append(&[simple(1)]).await.unwrap();
    let proxy = Proxy::start().await;
    let store = proxy.open(&fixture).await;
    assert_eq!(store.append(&[simple(2)]).await, Ok(Appended::Done));
    proxy.set(CUT);
    tokio::time::sleep(Duration::from_millis(50)).await;
    proxy.set(PASS);
    assert_eq!(store.append(&[simple(3)]).await, Ok(Appended::Done));
    assert_eq!(store.load().await.unwrap().head.seq, 3);
    assert_eq!(store.flush(&TelemetryBatch::default()).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f3_a_commit_whose_answer_is_lost_is_looked_up() {
    let fixture = Fixture::postgres().await;
    let proxy = Proxy::start().await;
    let store = proxy.open(&fixture).await;
    for seq in 1..=5 {
        proxy.set(CUT_AFTER_COMMIT);
        assert_eq!(store.append(&[simple(seq)]).await, Ok(Appended::Done), "it had arrived");
        assert_eq!(fixture.store.load().await.unwrap().head.seq, seq);
    }
    proxy.set(CUT_BEFORE_COMMIT);
    let failed = store.append(&[simple(6)]).await;
    assert!(matches!(failed, Err(Error::Unavailable(_))), "it had not arrived: {failed:?}");
    assert_eq!(fixture.store.load().await.unwrap().head.seq, 5);

    proxy.set(CUT_AFTER_COMMIT_FOR_GOOD);
    let unknown = store.append(&[simple(6)]).await;
    assert!(matches!(unknown, Err(Error::Ambiguous(_))), "nobody can be asked: {unknown:?}");
    proxy.set(PASS);
    assert_eq!(store.append(&[simple(6)]).await, Ok(Appended::Conflict), "it was there after all");
    assert!(store.verify().await.unwrap().is_intact());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f3_a_server_that_hangs_or_is_gone_is_given_up_in_time() {
    let fixture = Fixture::postgres().await;
    let proxy = Proxy::start().await;
    let store = proxy.open(&fixture).await;
    store.append(&[simple(1)]).await.unwrap();
    for mode in [HANG, CUT] {
        proxy.set(mode);
        let start = Instant::now();
        let failed = store.append(&[simple(2)]).await;
        assert!(failed.as_ref().is_err_and(Error::is_transient), "{failed:?}");
        assert!(start.elapsed() < Duration::from_secs(6), "{mode} {:?}", start.elapsed());
        let start = Instant::now();
        assert!(store.load().await.is_err());
        assert!(store.session(&[1; 32]).await.is_err());
        assert!(start.elapsed() < Duration::from_secs(12), "{mode} {:?}", start.elapsed());
    }
    proxy.set(PASS);
    let start = Instant::now();
    assert_eq!(store.append(&[simple(2)]).await, Ok(Appended::Done));
    assert_eq!(store.load().await.unwrap().head.seq, 2);
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    proxy.set(HANG);
    let start = Instant::now();
    store.close().await;
    assert!(start.elapsed() < Duration::from_secs(7), "{:?}", start.elapsed());
}

#[tokio::test]
async fn f4_a_server_that_is_not_there_is_said_so_without_the_password() {
    let url: DatabaseUrl = "postgres://me:s3cret@127.0.0.1:1/flags".parse().unwrap();
    let start = Instant::now();
    let error = Store::open(&url, &Options::default()).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("s3cret"));
    assert!(start.elapsed() < Duration::from_secs(4));
}

/// SQLSTATE 28P01 is a wrong password, 28000 a user or an address that may not connect at all.
#[tokio::test]
async fn f4_a_refused_login_is_told_from_a_server_that_is_away() {
    for (code, is_login) in [("28P01", true), ("28000", true), ("3D000", false), ("57P03", false)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        // A server that answers whoever introduces himself with an error.
        let server = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                assert!(client.read(&mut [0; 1_024]).await.unwrap() > 0);
                let fields = format!("SFATAL\0VFATAL\0C{code}\0Mthe message\0\0");
                let length = u32::try_from(fields.len() + 4).unwrap();
                let answer = [b"E", length.to_be_bytes().as_slice(), fields.as_bytes()].concat();
                // The last try may have given up waiting.
                let _ = client.write_all(&answer).await;
            }
        });
        let url = format!("postgres://me:s3cret@127.0.0.1:{port}/flags?sslmode=disable").parse().unwrap();
        let error = Store::open(&url, &Options::default()).await.unwrap_err();
        assert_eq!(matches!(error, Error::Login(_)), is_login, "{code}: {error:?}");
        assert!(error.is_transient(), "{code}: {error:?}");
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{code}: {error:?}");
        server.abort();
    }
}

/// Everything is passed on.
const PASS: u8 = 0;
/// Connections are ended, new ones too.
const CUT: u8 = 1;
/// Connections stay, but nothing is passed on.
const HANG: u8 = 2;
/// The next COMMIT is passed on, then its connection is cut before the answer.
const CUT_AFTER_COMMIT: u8 = 3;
/// The next COMMIT is not passed on, its connection is cut.
const CUT_BEFORE_COMMIT: u8 = 4;
/// The next COMMIT is passed on, then everything is cut.
const CUT_AFTER_COMMIT_FOR_GOOD: u8 = 5;

/// Stands between a store and the server, and does what networks do.
struct Proxy {
    port: u16,
    mode: Arc<AtomicU8>,
}

impl Proxy {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mode = Arc::new(AtomicU8::new(PASS));
        let shared = Arc::clone(&mode);
        let (_, _, server) = server();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (mode, server) = (Arc::clone(&shared), server.clone());
                tokio::spawn(async move { serve(client, &server, &mode).await });
            }
        });
        Self { port, mode }
    }

    fn set(&self, mode: u8) {
        self.mode.store(mode, Ordering::SeqCst);
    }

    async fn open(&self, fixture: &Fixture) -> Store {
        let (head, tail, _) = server();
        let url = format!("{head}127.0.0.1:{}{tail}?sslmode=disable", self.port);
        Store::open(&url.parse().unwrap(), &fixture.options).await.unwrap()
    }
}

/// The URL's parts before and after host and port, and these.
fn server() -> (String, String, String) {
    let url = postgres_url();
    let (scheme, rest) = url.split_once("://").unwrap();
    let (authority, path) = rest.split_once('/').unwrap();
    let (user, host) = authority.rsplit_once('@').map_or(("", authority), |(user, host)| (user, host));
    let user = if user.is_empty() { String::new() } else { format!("{user}@") };
    let path = path.split('?').next().unwrap();
    (format!("{scheme}://{user}"), format!("/{path}"), host.to_owned())
}

async fn serve(mut client: TcpStream, server: &str, mode: &AtomicU8) {
    let is = |wanted| mode.load(Ordering::SeqCst) == wanted;
    if is(CUT) {
        return;
    }
    let mut upstream = TcpStream::connect(server).await.unwrap();
    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    let mut tick = tokio::time::interval(Duration::from_millis(5));
    loop {
        tokio::select! {
            _ = tick.tick() => if is(CUT) { return },
            read = client.read(&mut up), if !is(HANG) => {
                let Ok(bytes @ 1..) = read else { return };
                // Of the log only: `notify_and_commit`.
                let commits = up[..bytes].windows(6).any(|part| part == b"COMMIT")
                    && up[..bytes].windows(9).any(|part| part == b"pg_notify");
                if commits && is(CUT_BEFORE_COMMIT) {
                    return mode.store(PASS, Ordering::SeqCst);
                }
                if upstream.write_all(&up[..bytes]).await.is_err() { return }
                if commits && is(CUT_AFTER_COMMIT) {
                    mode.store(PASS, Ordering::SeqCst);
                    return linger(upstream).await;
                }
                if commits && is(CUT_AFTER_COMMIT_FOR_GOOD) {
                    mode.store(CUT, Ordering::SeqCst);
                    return linger(upstream).await;
                }
            }
            read = upstream.read(&mut down), if !is(HANG) => {
                let Ok(bytes @ 1..) = read else { return };
                if client.write_all(&down[..bytes]).await.is_err() { return }
            }
        }
    }
}

/// Waits for the server's answer, which nobody else will see.
async fn linger(mut upstream: TcpStream) {
    let answered = upstream.read(&mut [0; 1_024]).await;
    assert!(answered.is_ok_and(|bytes| bytes > 0));
}
