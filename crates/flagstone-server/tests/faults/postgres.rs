//! PostgreSQL is away: at the start, while serving, and in the way that hangs.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::ALONE;
use crate::http::Client;
use crate::node::{ADMIN, BACKEND, Node, PATIENCE, Setup, create_flag, until};
use crate::proxy::{Proxy, Way};
use crate::workload::{Log, Write, Writers, actual, compare_events};

/// A node on the server that `make test` starts, with tables of its own.
pub fn setup() -> Setup {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let mut setup = Setup::new(url());
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let since = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    setup.schema = Some(format!("faults_{since}_{}_{number}", std::process::id()));
    setup
}

fn url() -> String {
    std::env::var("FLAGSTONE_TEST_POSTGRES").expect(
        "FLAGSTONE_TEST_POSTGRES is not set: run `make test`, or `scripts/postgres.sh start` and \
         `export FLAGSTONE_TEST_POSTGRES=$(scripts/postgres.sh url)`",
    )
}

/// The host and port in a URL, and the URL with another port of this machine instead.
pub fn through(url: &str, port: u16) -> (String, String) {
    let start = url.find('@').map_or_else(|| url.find("//").unwrap() + 2, |at| at + 1);
    let end = url[start..].find('/').map_or(url.len(), |at| start + at);
    (url[start..end].to_owned(), format!("{}127.0.0.1:{port}{}", &url[..start], &url[end..]))
}

/// A PostgreSQL server that a test may stop.
pub struct Server(PathBuf);

impl Server {
    pub fn start() -> Self {
        // Not in a private folder: as root, the server runs as another user.
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let server = Self(std::env::temp_dir().join(format!("flagstone-f3-{}-{number}", std::process::id())));
        server.run("start");
        server
    }

    /// `start`, which changes the port, or `stop`, which is immediate.
    pub fn run(&self, action: &str) -> String {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/postgres.sh");
        let output = Command::new(script).arg(action).env("FLAGSTONE_SCRATCH", &self.0).output().unwrap();
        assert!(output.status.success(), "postgres.sh {action}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub fn url(&self) -> String {
        self.run("url")
    }

    /// Sends a signal to the server and all its backends: after `STOP` it hangs, until `CONT`.
    pub fn signal(&self, name: &str) {
        let file = std::fs::read_to_string(self.0.join("postgres/data/postmaster.pid")).unwrap();
        let postmaster = file.lines().next().unwrap();
        let children = Command::new("pgrep").args(["-P", postmaster]).output().unwrap();
        let children = String::from_utf8(children.stdout).unwrap();
        // A backend that ends meanwhile is none of our business.
        Command::new("kill").arg(format!("-{name}")).arg(postmaster).args(children.lines()).output().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.0.join("postgres/data/postmaster.pid").exists() {
            self.signal("CONT");
        }
        self.run("stop");
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// SDKs that poll all the time, with and without an ETag.
struct Pollers {
    stop: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<Vec<Duration>>>,
}

impl Pollers {
    fn start(port: u16) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let tasks = (0..2).map(|_| {
            let stop = Arc::clone(&stop);
            tokio::spawn(async move {
                let (mut client, mut times) = (Client::new(port, BACKEND), Vec::new());
                while !stop.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    let answer = client.get("/api/client/features").await.expect("delivery never fails");
                    assert!(matches!(answer.status, 200 | 304), "{} {}", answer.status, answer.text);
                    let etag = answer.header("etag").unwrap();
                    client.headers = if times.len() % 2 == 0 { vec![format!("if-none-match: {etag}")] } else { vec![] };
                    times.push(began.elapsed());
                    tokio::time::sleep(Duration::from_millis(4)).await;
                }
                times
            })
        });
        Self { tasks: tasks.collect(), stop }
    }

    /// How many answers there were, and the 99th percentile of their time.
    async fn stop(self) -> (usize, Duration) {
        self.stop.store(true, Ordering::Relaxed);
        let mut times = Vec::new();
        for task in self.tasks {
            times.extend(task.await.unwrap());
        }
        times.sort();
        (times.len(), times[times.len() * 99 / 100])
    }
}

/// One write; its status and how long the answer took. A success goes into the log.
pub async fn try_write(admin: &mut Client, name: &str, log: &mut Log) -> (u16, Duration) {
    let began = Instant::now();
    let write = Write::Create { flag: name.to_owned() };
    let answer = write.send(admin).await.expect("a write is always answered");
    let took = began.elapsed();
    if answer.is_success() {
        log.acknowledged.push((std::time::SystemTime::now(), write));
    } else {
        assert!(!answer.json()["message"].as_str().unwrap_or_default().is_empty(), "{}", answer.text);
        // What is ambiguous may be there.
        log.unknown.push(write);
    }
    (answer.status, took)
}

/// A write that cannot be done is refused within two seconds; the rest is for a busy machine.
pub const REFUSED_WITHIN: Duration = Duration::from_secs(3);

/// Writes that are refused for a few seconds; how long the slowest and the last answers took.
pub async fn refused_for(seconds: u64, admin: &mut Client, prefix: &str, log: &mut Log) -> (usize, Duration, Duration) {
    let began = Instant::now();
    let (mut count, mut longest, mut last) = (0, Duration::ZERO, Duration::ZERO);
    while began.elapsed() < Duration::from_secs(seconds) {
        let (status, took) = try_write(admin, &format!("{prefix}-{count}"), log).await;
        assert_eq!(status, 503, "the database is away");
        (count, longest, last) = (count + 1, longest.max(took), took);
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    (count, longest, last)
}

/// Waits for the first write that succeeds.
pub async fn recovery(admin: &mut Client, prefix: &str, log: &mut Log) -> Duration {
    let began = Instant::now();
    for number in 0.. {
        if try_write(admin, &format!("{prefix}-{number}"), log).await.0 < 300 {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "no write succeeds");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f3_delivery_goes_on_while_postgresql_is_away() {
    let _alone = ALONE.lock().await;
    let mut random = crate::random::Random::from_environment("F3");
    let server = Server::start();
    let (target, _) = through(&server.url(), 0);
    let proxy = Proxy::start(target, Way::Open).await;
    let mut setup = Setup::new(through(&server.url(), proxy.port).1);
    setup.schema = None;
    let mut node = setup.start_ready().await;
    create_flag(&mut node.admin(), "before").await;
    let writers = Writers::start(&[node.port], 4, "away", &mut random);
    let pollers = Pollers::start(node.port);
    tokio::time::sleep(Duration::from_secs(1)).await;

    // It is gone.
    server.run("stop");
    let (mut admin, mut log) = (node.admin(), Log::default());
    let (refused, stopped_max, _) = refused_for(4, &mut admin, "away-stopped", &mut log).await;
    let health = admin.get("/health").await.unwrap().status;
    server.run("start");
    proxy.lead_to(through(&server.url(), 0).0);
    let after_stop = recovery(&mut admin, "away-back", &mut log).await;

    // It hangs.
    proxy.set(Way::Silent);
    let (refused_silent, silent_max, _) = refused_for(5, &mut admin, "away-silent", &mut log).await;
    proxy.set(Way::Open);
    let after_silence = recovery(&mut admin, "away-again", &mut log).await;

    let mut logs = writers.stop().await;
    let (polls, p99) = pollers.stop().await;
    let refusals: usize = logs.iter().map(|log| log.refused.len()).sum();
    // Refusals during a fault may be ambiguous; for the comparison they may be there or not.
    for log in &mut logs {
        let statuses: Vec<u16> = log.refused.iter().map(|(status, _)| *status).collect();
        assert!(statuses.iter().all(|status| *status == 503), "{statuses:?}");
    }
    println!(
        "F3: {polls} polls answered, 100 %, p99 {p99:?}; stopped: {refused} writes refused, each within {stopped_max:?}, \
         back after {after_stop:?}; silent: {refused_silent} refused within {silent_max:?}, back after \
         {after_silence:?}; {refusals} refusals to 4 writers"
    );
    assert_eq!(health, 200);
    assert!(polls >= 1_000, "too little traffic for a result: {polls} polls");
    assert!(!node.ended(), "{}", node.log());
    for (what, longest) in [("stopped", stopped_max), ("silent", silent_max)] {
        assert!(longest <= REFUSED_WITHIN, "a write hung for {longest:?} while the database was {what}");
    }
    for (what, recovery) in [("stopped", after_stop), ("silent", after_silence)] {
        assert!(recovery <= Duration::from_secs(3), "{recovery:?} to recover from a database that was {what}");
    }
    let found = actual(&node, "away-").await;
    let lost = lost(&logs, &found) + lost(&[log], &found);
    assert_eq!(lost, 0, "acknowledged writes are lost");
    compare_events(&node, "away-", &found).await.unwrap();
    setup.verify().unwrap();
    assert!(log_lines_per_second(&node) <= LOG_LINES_MAX, "the log floods:\n{}", node.log());
    node.kill();
}

/// Acknowledged creations that are not there: what counts where refusals may be ambiguous.
pub fn lost(logs: &[Log], found: &crate::workload::Expected) -> usize {
    let acknowledged = logs.iter().flat_map(|log| &log.acknowledged);
    let lost = acknowledged.filter(|(_, write)| match write {
        Write::Create { flag } => !found.flags.contains_key(flag),
        Write::AddStrategy { flag, title } => !found.flags.get(flag).is_some_and(|f| f.strategies.contains(title)),
        Write::Token { name } => !found.tokens.contains(name),
        Write::Switch { .. } => false,
    });
    lost.count()
}

/// Lines in a second beyond which a log floods: the starting and the stopping take some.
pub const LOG_LINES_MAX: usize = 10;

/// Of the busiest second.
pub fn log_lines_per_second(node: &Node) -> usize {
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    for line in node.log().lines() {
        *counts.entry(line.chars().take(19).collect()).or_default() += 1;
    }
    counts.into_values().max().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f4_a_node_waits_for_a_database_that_is_away_at_the_start() {
    let _alone = ALONE.lock().await;
    let mut setup = setup();
    let (target, _) = through(&setup.database_url, 0);
    let proxy = Proxy::start(target, Way::Cut).await;
    setup.database_url = through(&setup.database_url, proxy.port).1;
    let mut node = setup.start();
    let mut anybody = Client::new(node.port, "");
    until("the port opens", || async { Client::new(node.port, "").get("/health").await.ok() }).await;
    for (path, status) in
        [("/health", 200), ("/ready", 503), ("/api/client/features", 503), ("/api/admin/projects", 503)]
    {
        let answer = anybody.get(path).await.unwrap();
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
        assert!(answer.json().is_object(), "{path}: {}", answer.text);
        assert_eq!(answer.header("retry-after").is_some(), status == 503, "{path}");
    }
    let answer = node.admin().post("/api/admin/projects/default/features", &json!({ "name": "early" })).await.unwrap();
    assert_eq!(answer.status, 503, "{}", answer.text);
    // It tries again and again, less and less often, and says so.
    until("three tries are logged", || async {
        (node.log().matches("the database is away").count() >= 3).then_some(())
    })
    .await;
    assert!(!node.ended(), "{}", node.log());
    proxy.set(Way::Open);
    let joined = node.ready().await;
    create_flag(&mut node.admin(), "joined").await;
    assert!(node.backend().get("/api/client/features").await.unwrap().expect().text.contains("joined"));
    assert!(node.admin().get("/api/admin/projects/default/features/early").await.unwrap().status == 404);
    println!("F4: joined {joined:?} after the database came");
    let kept = setup.snapshots.path().join(crate::edge::JOURNAL);
    until("the flag is kept on disk", || async {
        std::fs::read_to_string(&kept).is_ok_and(|text| text.contains("joined")).then_some(())
    })
    .await;
    assert!(!std::fs::read_to_string(&kept).unwrap().contains("secret-of-the-fault-tests"), "a secret is on disk");
    node.kill();

    // Now it has something to serve without its database.
    proxy.set(Way::Cut);
    let mut node = setup.start();
    until("the port opens", || async { Client::new(node.port, "").get("/health").await.ok() }).await;
    let features = node.backend().get("/api/client/features").await.unwrap().expect();
    assert!(features.text.contains("joined"), "{}", features.text);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() * 1_000;
    let bucket = json!({"start": now, "stop": now, "toggles": {"joined": {"yes": 3, "no": 0}}});
    let metrics = json!({"appName": "early", "bucket": bucket});
    node.backend().post("/api/client/metrics", &metrics).await.unwrap().expect();
    for (token, path, status) in [
        (BACKEND, "/ready", 200),
        ("*:development.nobody-knows", "/api/client/features", 503),
        (ADMIN, "/api/admin/projects", 503),
    ] {
        let answer = Client::new(node.port, token).get(path).await.unwrap();
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
    }
    let port = node.port;
    let connects = tokio::spawn(async move {
        loop {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.expect("while the node joins");
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
    });
    proxy.set(Way::Open);
    until("the node joins", || async {
        node.admin().get("/api/admin/projects").await.is_ok_and(|answer| answer.status == 200).then_some(())
    })
    .await;
    assert!(!connects.is_finished(), "a connection was refused: {:?}", connects.await);
    connects.abort();
    let usage = "/api/admin/client-metrics/features/joined";
    let usage = node.admin().get(usage).await.unwrap().expect();
    assert!(usage.text.contains("early"), "what was reported without the database is lost: {}", usage.text);
    let etag = |answer: &crate::http::Answer| answer.header("etag").map(str::to_owned);
    let joined = node.backend().get("/api/client/features").await.unwrap().expect();
    assert_eq!(etag(&joined), etag(&features), "the same flags have another ETag");
    node.kill();

    // A node that waits can be stopped.
    proxy.set(Way::Cut);
    let mut node = setup.start();
    until("the port opens", || async { Client::new(node.port, "").get("/health").await.ok() }).await;
    node.signal("TERM");
    let (status, took) = node.end().await;
    assert!(status.success() && took < Duration::from_secs(2), "{status} after {took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f4_a_refused_login_ends_the_start() {
    let _alone = ALONE.lock().await;
    let mut setup = setup();
    let (server, _) = through(&setup.database_url, 0);
    setup.database_url = format!("postgres://nobody-by-this-name:s3cret@{server}/postgres");
    let mut node = setup.start();
    let (status, _) = node.end().await;
    assert_eq!(status.code(), Some(1));
    until("the reason is logged", || async { node.log().contains("refuses the login").then_some(()) }).await;
    assert!(node.log().contains("nobody-by-this-name") && !node.log().contains("s3cret"), "{}", node.log());
}

#[tokio::test]
async fn f4_a_url_that_can_never_work_ends_the_start() {
    let _alone = ALONE.lock().await;
    for url in ["postgres://localhost:port/", "mysql://localhost/db"] {
        let mut node = Setup::new(url.to_owned()).start();
        let (status, _) = node.end().await;
        assert!(!status.success(), "{url}");
    }
}
