//! An edge that is killed while it writes its file, and has to begin from what that left, without its upstream.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::sleep;

use super::{JOURNAL, begin, records, start_with};
use crate::ALONE;
use crate::http::Client;
use crate::node::{ADMIN, BACKEND, PATIENCE, Setup, create_flag, until};
use crate::proxy::{Proxy, Way};
use crate::random::{Random, number};

/// A file that is not in the place of the last one yet.
const UNFINISHED: &str = "flagstone-edge.unfinished.journal";
/// Edges that are killed at the same time.
const LANES: u64 = 4;
/// How long a start may take until the flags are served, where that is asserted.
const START_MAX: Duration = Duration::from_millis(500);
/// How long catching up may take.
const CATCH_UP_MAX: Duration = Duration::from_secs(5);
/// From so many rounds on, times are asserted.
const LONG: u64 = 100;

/// The upstream's answers by their ETags.
type Answers = Arc<Mutex<HashMap<String, String>>>;

async fn poll(port: u16) -> std::io::Result<(u16, String, String)> {
    let answer = Client::new(port, BACKEND).get("/api/client/features").await?;
    let etag = answer.header("etag").unwrap_or_default().to_owned();
    Ok((answer.status, etag, answer.text))
}

/// Changes a flag for ever, and notes what the upstream answers after each change.
async fn change(upstream: u16, answers: Answers) {
    let mut admin = Client::new(upstream, ADMIN);
    for n in 0_u64.. {
        let body = json!({ "name": "counter", "description": n.to_string(), "type": "release" });
        let path = "/api/admin/projects/default/features/counter";
        admin.send("PUT", path, Some(&body)).await.unwrap().expect();
        let (_, etag, text) = poll(upstream).await.unwrap();
        answers.lock().unwrap().insert(etag, text);
        sleep(Duration::from_millis(30)).await;
    }
}

/// The revision that the whole records of a file lead to.
fn revision(file: &Path) -> Option<u64> {
    let changes = |record: &Value| {
        let record = record.get("feed").or(record.get("changes"))?;
        record["changes"]["events"].as_array()?.last()?["eventId"].as_u64()
    };
    records(file).iter().rev().find_map(changes)
}

/// Waits until a write has begun, be it behind what is there or of a new file.
async fn write_begun(folder: &Path) {
    let [current, unfinished] = [JOURNAL, UNFINISHED].map(|name| folder.join(name));
    let watch = move || {
        let size = || fs::metadata(&current).map_or(0, |file| file.len());
        let (began, before) = (Instant::now(), size());
        while size() == before && !unfinished.exists() {
            assert!(began.elapsed() < PATIENCE, "the file is never written");
            std::hint::spin_loop();
        }
    };
    tokio::task::spawn_blocking(watch).await.unwrap();
}

/// One edge, killed and started again so many times; how long the starts and the catching up took.
async fn lane(upstream: u16, rounds: u64, answers: Answers, mut random: Random) -> Vec<[Duration; 2]> {
    let folder = tempfile::tempdir().unwrap();
    let proxy = Proxy::start(format!("127.0.0.1:{upstream}"), Way::Open).await;
    let url = format!("http://127.0.0.1:{}", proxy.port);
    let mut times = Vec::new();
    // Once only: later the token is known from the file.
    let mut edge = start_with(proxy.port, folder.path(), &[("TOKENS", BACKEND)]).await;
    until("there is a file", || async { revision(&folder.path().join(JOURNAL)).map(drop) }).await;
    for round in 0..rounds {
        // A kill may have left one.
        let _ = fs::remove_file(folder.path().join(UNFINISHED));
        write_begun(folder.path()).await;
        sleep(Duration::from_micros(random.below(4_000))).await;
        drop(edge);
        proxy.set(Way::Cut);
        let [last, before] =
            [JOURNAL, "flagstone-edge.previous.journal"].map(|name| revision(&folder.path().join(name)));

        let began = Instant::now();
        edge = begin(folder.path(), &[("UPSTREAM_URL", url.as_str())]);
        let (etag, text) = loop {
            match poll(edge.port).await {
                Ok((200, etag, text)) => break (etag, text),
                // What is not there yet is not refused.
                Ok((status, _, text)) => assert_eq!(status, 503, "round {round}: {text}"),
                Err(_) => {}
            }
            assert!(began.elapsed() < PATIENCE, "round {round}: nothing is served");
            sleep(Duration::from_millis(2)).await;
        };
        let started = began.elapsed();
        let expected = answers.lock().unwrap().get(&etag).cloned();
        // The edge may have kept a revision that nobody asked the upstream for.
        if let Some(expected) = expected {
            assert_eq!(text, expected, "round {round}: other flags than the upstream had at {etag}");
        }
        let served = serde_json::from_str::<Value>(&text).unwrap()["meta"]["revisionId"].as_u64();
        assert!(served.is_some() && served == last.or(before), "round {round}: {served:?} of {last:?}, {before:?}");

        let (_, current, _) = poll(upstream).await.unwrap();
        let goal = answers.lock().unwrap().get(&current).cloned();
        let began = Instant::now();
        proxy.set(Way::Open);
        let revision_of = |text: &str| serde_json::from_str::<Value>(text).unwrap()["meta"]["revisionId"].as_u64();
        let goal = goal.as_deref().map_or(served, revision_of);
        while revision_of(&poll(edge.port).await.unwrap().2) < goal {
            assert!(began.elapsed() < PATIENCE, "round {round}: never caught up");
            sleep(Duration::from_millis(5)).await;
        }
        times.push([started, began.elapsed()]);
    }
    times
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f6_an_edge_killed_while_it_writes_its_file_serves_what_it_had() {
    let _alone = ALONE.lock().await;
    let rounds = number("FLAGSTONE_F6_ROUNDS", 8);
    let mut random = Random::from_environment("F6");
    let folder = tempfile::tempdir().unwrap();
    let upstream = Setup::sqlite(folder.path()).start_ready().await;
    create_flag(&mut upstream.admin(), "counter").await;
    let answers = Answers::default();
    let changes = tokio::spawn(change(upstream.port, Arc::clone(&answers)));
    let lanes: Vec<_> = (0..LANES)
        .map(|_| tokio::spawn(lane(upstream.port, rounds.div_ceil(LANES), Arc::clone(&answers), random.fork())))
        .collect();
    let mut times = Vec::new();
    for lane in lanes {
        times.extend(lane.await.unwrap());
    }
    assert!(!changes.is_finished(), "changes have failed, see above");
    changes.abort();
    let mut sorted = [0, 1].map(|which: usize| times.iter().map(|of| of[which]).collect::<Vec<_>>());
    for times in &mut sorted {
        times.sort();
    }
    let [starts, catches] = sorted;
    let (middle, last) = (starts.len() / 2, starts.len() - 1);
    println!(
        "F6: {} kills; flags after {:?} (p50), {:?} (most); caught up after {:?}, {:?}",
        starts.len(),
        starts[middle],
        starts[last],
        catches[middle],
        catches[last]
    );
    if rounds >= LONG {
        assert!(starts[last] <= START_MAX, "a start took {:?}", starts[last]);
        assert!(catches[last] <= CATCH_UP_MAX, "catching up took {:?}", catches[last]);
    }
}
