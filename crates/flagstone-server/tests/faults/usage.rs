//! An hour of usage reports from very many applications: memory stays bounded, and what does not fit is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::ALONE;
use crate::crowd::resident_kib;
use crate::http::Client;
use crate::node::{BACKEND, Node, Setup};
use crate::random::number;

/// The number behind a metric's name.
async fn metric(node: &Node, name: &str) -> u64 {
    let text = node.admin().get("/internal-backstage/prometheus").await.unwrap().expect().text;
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in {text}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

/// All that is counted for these flags, once the last reports are written.
async fn counted(node: &Node, flags: &[String]) -> u64 {
    let mut admin = node.admin();
    let mut sum = 0;
    for flag in flags {
        let usage = admin.get(&format!("/api/admin/client-metrics/features/{flag}/raw")).await.unwrap().expect().json();
        sum += usage["data"].as_array().unwrap().iter().map(|row| row["yes"].as_u64().unwrap()).sum::<u64>();
    }
    sum
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f12_memory_is_bounded_under_reports_of_many_applications() {
    let _alone = ALONE.lock().await;
    let applications = number("FLAGSTONE_USAGE_APPLICATIONS", 40);
    let features = number("FLAGSTONE_USAGE_FLAGS", 200);
    let rounds = number("FLAGSTONE_USAGE_ROUNDS", 5);
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::sqlite(folder.path());
    let mut node = setup.start_ready().await;
    let flags: Vec<String> = (0..features).map(|number| format!("reported-flag-{number}")).collect();
    let creations =
        flags.iter().map(|name| {
            let mut admin = node.admin();
            async move {
                admin.post("/api/admin/projects/default/features", &json!({ "name": name })).await.unwrap().expect()
            }
        });
    futures_util::future::join_all(creations).await;
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
    let toggles: Map<String, Value> = flags.iter().map(|flag| (flag.clone(), json!({ "yes": 1, "no": 1 }))).collect();
    let before = resident_kib(&node);
    let (mut most, began, refused) = (before, Instant::now(), Arc::<AtomicU64>::default());
    for round in 0..rounds {
        let reporters = (0..4).map(|reporter| {
            let (mut client, toggles) = (Client::new(node.port, BACKEND), toggles.clone());
            let refused = Arc::clone(&refused);
            tokio::spawn(async move {
                for application in (reporter..applications).step_by(4) {
                    let body = json!({ "appName": format!("application-{application}"), "instanceId": "one",
                        "bucket": { "start": now, "stop": now, "toggles": toggles } });
                    loop {
                        let answer = client.post("/api/client/metrics", &body).await.unwrap();
                        if answer.status == 202 {
                            break;
                        }
                        // There is no room now: it comes again, as SDKs do it.
                        assert_eq!(answer.status, 503, "{}", answer.text);
                        refused.fetch_add(1, Ordering::Relaxed);
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
            })
        });
        for reporter in reporters.collect::<Vec<_>>() {
            reporter.await.unwrap();
        }
        most = most.max(resident_kib(&node));
        if rounds > 5 {
            println!("round {round}: {} KiB after {:?}", resident_kib(&node), began.elapsed());
        }
    }
    let (sent, dropped) = (applications * features * rounds, metric(&node, "flagstone_metrics_dropped").await);
    // A stop writes what waits.
    node.signal("TERM");
    assert!(node.end().await.0.success());
    let node = setup.start_ready().await;
    let kept = counted(&node, &flags).await;
    println!(
        "F12: {rounds} reports of {applications} applications on {features} flags in {:?}: RSS {before} KiB before, {most} KiB at \
         most; {sent} counts sent, {} reports refused for a while, {kept} kept, {dropped} dropped for want of room",
        began.elapsed(),
        refused.load(Ordering::Relaxed)
    );
    assert_eq!(kept + dropped, sent, "counts are lost and not said to be");
    if applications * features <= 50_000 {
        assert_eq!(dropped, 0, "counts that fit were dropped");
    }
    // Room for a hundred thousand rows that wait, and as many that are being written.
    assert!(most - before < 192 << 10, "{before} KiB grew to {most} KiB");
}
