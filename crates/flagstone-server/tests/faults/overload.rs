//! More is asked than can be answered: SDKs, reports and people at once, up to ten times what keeps the node busy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::ALONE;
use crate::crowd::resident_kib;
use crate::http::{Answer, Client};
use crate::node::{ADMIN, BACKEND, Node, Setup, create_flag};
use crate::random::{Random, number};

/// Connections that ask all the time and keep a node busy.
const BUSY: usize = 32;

/// What became of requests.
#[derive(Default)]
struct Tally {
    answered: Vec<Duration>,
    refused: Vec<Duration>,
    /// Usage reports that were taken.
    reports: u64,
}

/// What a node did under load.
struct Measured {
    per_second: f64,
    health_p99: Duration,
    reports: u64,
}

impl Tally {
    fn merge(&mut self, other: Self) {
        self.answered.extend(other.answered);
        self.refused.extend(other.refused);
        self.reports += other.reports;
    }

    fn per_second(&self, elapsed: Duration) -> f64 {
        self.answered.len() as f64 / elapsed.as_secs_f64()
    }
}

fn p99(times: &mut [Duration]) -> Duration {
    times.sort();
    times.get(times.len() * 99 / 100).copied().unwrap_or_default()
}

/// One connection: mostly polls, some reports, and now and then somebody who looks or switches.
async fn ask(port: u16, number: usize, mut random: Random, stop: Arc<AtomicBool>) -> Tally {
    let (mut sdk, mut admin) = (Client::new(port, BACKEND), Client::new(port, ADMIN));
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
    let report = json!({ "appName": format!("application-{number}"), "instanceId": "one",
        "bucket": { "start": now, "stop": now, "toggles": { "busy-0": { "yes": 1, "no": 0 } } } });
    let mut tally = Tally::default();
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        let answer = match random.below(100) {
            0..4 => sdk.post("/api/client/metrics", &report).await,
            4..7 => admin.get("/api/admin/projects/default/features").await,
            7..9 => {
                let (flag, state) = (random.below(50), if random.coin() { "on" } else { "off" });
                let path = format!("/api/admin/projects/default/features/busy-{flag}/environments/development/{state}");
                admin.post(&path, &Value::Null).await
            }
            _ => sdk.get("/api/client/features").await,
        };
        let answer: Answer = answer.expect("everybody is answered");
        match answer.status {
            status @ 200..300 => {
                tally.reports += u64::from(status == 202);
                tally.answered.push(began.elapsed());
            }
            429 | 503 => {
                assert!(answer.header("retry-after").is_some(), "{}", answer.text);
                tally.refused.push(began.elapsed());
            }
            status => panic!("{status} {}", answer.text),
        }
    }
    tally
}

/// Asks `/health` on a new connection each time, as orchestrators do.
async fn ask_health(port: u16, stop: Arc<AtomicBool>) -> Vec<Duration> {
    let mut times = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        assert_eq!(Client::new(port, "").get("/health").await.expect("it is alive").status, 200);
        times.push(began.elapsed());
        sleep(Duration::from_millis(50)).await;
    }
    times
}

/// So many times what keeps the node busy, for a while.
async fn load(node: &Node, times: usize, how_long: Duration, random: &mut Random) -> Measured {
    let stop = Arc::new(AtomicBool::new(false));
    let began = Instant::now();
    let health = tokio::spawn(ask_health(node.port, Arc::clone(&stop)));
    let all = (0..times * BUSY).map(|number| tokio::spawn(ask(node.port, number, random.fork(), Arc::clone(&stop))));
    let all: Vec<_> = all.collect();
    sleep(how_long).await;
    stop.store(true, Ordering::Relaxed);
    let mut tally = Tally::default();
    for one in all {
        tally.merge(one.await.unwrap());
    }
    let per_second = tally.per_second(began.elapsed());
    let health_p99 = p99(&mut health.await.unwrap());
    println!(
        "F12: {times}x: {per_second:.0} answered a second, p99 {:?}; {} refused, p99 {:?}; /health p99 {health_p99:?}; RSS {} KiB",
        p99(&mut tally.answered),
        tally.refused.len(),
        p99(&mut tally.refused),
        resident_kib(node)
    );
    assert!(tally.answered.len() > times * BUSY, "too little traffic for a result: {} answers", tally.answered.len());
    Measured { per_second, health_p99, reports: tally.reports }
}

/// A switch reaches the SDKs, and every report that was taken is counted.
async fn check_after(node: &Node, reports: u64) {
    let mut admin = node.admin();
    for state in ["off", "on"] {
        let path = format!("/api/admin/projects/default/features/busy-0/environments/development/{state}");
        admin.post(&path, &Value::Null).await.unwrap().expect();
        let polled = node.backend().get("/api/client/features").await.unwrap().expect().json();
        let flag = polled["features"].as_array().unwrap().iter().find(|flag| flag["name"] == "busy-0").unwrap();
        assert_eq!(flag["enabled"], state == "on");
    }
    let usage = admin.get("/api/admin/client-metrics/features/busy-0/raw").await.unwrap().expect().json();
    let counted: u64 = usage["data"].as_array().unwrap().iter().map(|row| row["yes"].as_u64().unwrap()).sum();
    assert_eq!(counted, reports, "reports that were taken and are not counted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f12_ten_times_too_much_is_answered_or_refused_and_then_all_is_well() {
    let _alone = ALONE.lock().await;
    let mut random = Random::from_environment("F12");
    let seconds = number("FLAGSTONE_F12_SECONDS", 3);
    let folder = tempfile::tempdir().unwrap();
    let node = Setup::sqlite(folder.path()).start_ready().await;
    for flag in 0..50 {
        create_flag(&mut node.admin(), &format!("busy-{flag}")).await;
    }
    let how_long = Duration::from_secs(seconds);
    let first = load(&node, 1, how_long, &mut random).await;
    let unloaded = resident_kib(&node);
    let (mut peak, mut reports) = (first.per_second, first.reports);
    for times in [2, 5] {
        let more = load(&node, times, how_long, &mut random).await;
        (peak, reports) = (more.per_second.max(peak), reports + more.reports);
    }
    let most = load(&node, 10, how_long, &mut random).await;
    let resident = resident_kib(&node);
    let after = load(&node, 1, how_long, &mut random).await;
    check_after(&node, reports + most.reports + after.reports).await;
    let (most, after, first, health) = (most.per_second, after.per_second, first.per_second, most.health_p99);
    // Connections and what they hold, but nothing that waits without a bound.
    assert!(resident <= 2 * unloaded + (32 << 10), "{unloaded} KiB grew to {resident} KiB");
    // Orchestrators give it a second; this machine may have others to serve.
    assert!(health < Duration::from_secs(2), "/health took {health:?} at 10x");
    // Figures are for a machine that does nothing else.
    if seconds >= 10 {
        assert!(most >= 0.9 * peak, "{most:.0} a second at 10x, {peak:.0} at best");
        assert!(after >= 0.9 * first, "{after:.0} a second afterwards, {first:.0} before");
        assert!(resident <= 2 * unloaded, "{unloaded} KiB grew to {resident} KiB");
    }
    assert!(most * 4.0 >= peak, "it breaks down: {most:.0} a second at 10x, {peak:.0} at best");
    assert!(after * 4.0 >= first, "it does not recover: {after:.0} a second afterwards, {first:.0} before");
}
