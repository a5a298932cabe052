//! SIGTERM under load, and a second one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::ALONE;
use crate::node::{BACKEND, Setup, create_flag};
use crate::random::Random;
use crate::workload::{Writers, actual, compare, compare_events};

/// Reports usage until the server is gone; how many reports of one `yes` were acknowledged.
async fn report(port: u16, stop: Arc<AtomicBool>) -> (u64, u64) {
    let mut client = crate::http::Client::new(port, BACKEND);
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
    let body = json!({ "appName": "faults", "instanceId": "one",
        "bucket": { "start": now, "stop": now, "toggles": { "counted": { "yes": 1, "no": 0 } } } });
    let (mut acknowledged, mut lost) = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        match client.post("/api/client/metrics", &body).await {
            Ok(answer) => {
                assert_eq!(answer.status, 202, "{}", answer.text);
                acknowledged += 1;
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => break,
            Err(_) => lost += 1,
        }
    }
    (acknowledged, lost)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f14_sigterm_under_load_finishes_what_was_begun() {
    let _alone = ALONE.lock().await;
    let mut random = Random::from_environment("F14");
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::sqlite(folder.path());
    let mut node = setup.start_ready().await;
    create_flag(&mut node.admin(), "counted").await;
    let stop = Arc::new(AtomicBool::new(false));
    let reporters: Vec<_> = (0..4).map(|_| tokio::spawn(report(node.port, Arc::clone(&stop)))).collect();
    let writers = Writers::start(&[node.port], 8, "stopped", &mut random);
    tokio::time::sleep(Duration::from_millis(300 + random.below(400))).await;
    node.signal("TERM");
    let (status, took) = node.end().await;
    stop.store(true, Ordering::Relaxed);
    assert!(status.success(), "{status}:\n{}", node.log());
    assert!(took <= Duration::from_secs(10), "the stop took {took:?}");
    let logs = writers.logs().await;
    let (mut acknowledged, mut cut) = (0, 0);
    for reporter in reporters {
        let (of_one, lost) = reporter.await.unwrap();
        acknowledged += of_one;
        cut += lost;
    }
    assert!(acknowledged >= 50, "too little traffic for a result: {acknowledged} reports");

    let mut node = setup.start_ready().await;
    let usage = node.admin().get("/api/admin/client-metrics/features/counted/raw").await.unwrap().expect().json();
    let counted: u64 = usage["data"].as_array().unwrap().iter().map(|row| row["yes"].as_u64().unwrap()).sum();
    // A report that was taken while its connection closed is counted, though nobody was told.
    assert!(
        (acknowledged..=acknowledged + cut).contains(&counted),
        "{acknowledged} reports acknowledged, {counted} kept"
    );
    let found = actual(&node, "stopped-").await;
    compare(&logs, &found).unwrap();
    compare_events(&node, "stopped-", &found).await.unwrap();
    setup.verify().unwrap();
    let written: usize = logs.iter().map(|log| log.acknowledged.len()).sum();
    let unanswered = logs.iter().map(|log| log.unknown.len()).sum::<usize>();
    // A request on a kept connection may cross the server's goodbye, and then was not begun: it must have left no trace.
    let begun: usize = possible_traces(&logs, &found);
    assert_eq!(begun, 0, "{begun} requests were done and not answered");
    println!(
        "F14: stopped in {took:?}; {written} writes and {acknowledged} reports acknowledged before, 0 lost; {} not begun",
        unanswered as u64 + cut
    );
    node.kill();
}

/// Unanswered creations that were done all the same.
fn possible_traces(logs: &[crate::workload::Log], found: &crate::workload::Expected) -> usize {
    let unknown = logs.iter().flat_map(|log| &log.unknown);
    let done = unknown.filter(|write| match write {
        crate::workload::Write::Create { flag } => found.flags.contains_key(flag),
        crate::workload::Write::AddStrategy { flag, title } => {
            found.flags.get(flag).is_some_and(|flag| flag.strategies.contains(title))
        }
        crate::workload::Write::Token { name } => found.tokens.contains(name),
        // Being on or off tells nothing of who did it.
        crate::workload::Write::Switch { .. } => false,
    });
    done.count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f14_a_second_sigterm_ends_at_once_and_harms_nothing() {
    let _alone = ALONE.lock().await;
    let mut random = Random::from_environment("F14, second signal");
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::sqlite(folder.path());
    let mut node = setup.start_ready().await;
    // A request that never ends keeps the server from stopping by itself.
    let mut endless = tokio::net::TcpStream::connect(("127.0.0.1", node.port)).await.unwrap();
    let head = format!(
        "POST /api/admin/projects/default/features HTTP/1.1\r\nhost: localhost\r\nauthorization: {}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{",
        crate::node::ADMIN
    );
    tokio::io::AsyncWriteExt::write_all(&mut endless, head.as_bytes()).await.unwrap();
    let writers = Writers::start(&[node.port], 8, "stopped", &mut random);
    tokio::time::sleep(Duration::from_millis(200)).await;
    node.signal("TERM");
    crate::node::until("the first signal is heard", || async { node.log().contains("stopping").then_some(()) }).await;
    assert!(!node.ended(), "it did not wait for the request under way");
    node.signal("TERM");
    let (_, took) = node.end().await;
    assert!(took <= Duration::from_secs(1), "the second signal took {took:?}");
    let logs = writers.logs().await;
    let node = setup.start_ready().await;
    compare(&logs, &actual(&node, "stopped-").await).unwrap();
    setup.verify().unwrap();
    println!("F14: ended {took:?} after the second signal");
}
