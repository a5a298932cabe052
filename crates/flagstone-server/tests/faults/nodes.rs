//! Two nodes on one PostgreSQL.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::ALONE;
use crate::http::Client;
use crate::node::{BACKEND, Node, until};
use crate::random::{Random, number};
use crate::workload::{Log, Writers, actual, compare, compare_events};

const WRITERS_PER_NODE: usize = 16;
const FLOOR_PER_SECOND: f64 = 50.0;

/// Everything that the admin and client APIs tell of the state, without what is telemetry.
async fn dump(node: &Node) -> Vec<(String, Value)> {
    let mut admin = node.admin();
    let mut parts = Vec::new();
    let features = "/api/admin/projects/default/features";
    let list = admin.get(features).await.unwrap().expect().json();
    let mut paths = vec![
        "/api/admin/projects".to_owned(),
        "/api/admin/environments".to_owned(),
        "/api/admin/segments".to_owned(),
        "/api/admin/api-tokens".to_owned(),
    ];
    paths.extend(
        list["features"].as_array().unwrap().iter().map(|f| format!("{features}/{}", f["name"].as_str().unwrap())),
    );
    for path in paths {
        let mut answer = admin.get(&path).await.unwrap().expect().json();
        without_telemetry(&mut answer);
        parts.push((path, answer));
    }
    for specification in ["3.0.0", "5.2.0"] {
        let mut client = Client::new(node.port, BACKEND);
        client.headers = vec![format!("unleash-client-spec: {specification}")];
        let answer = client.get("/api/client/features").await.unwrap().expect();
        let etag = answer.header("etag").unwrap().to_owned();
        parts.push((format!("client features for {specification}"), json!({ "etag": etag, "body": answer.json() })));
    }
    parts
}

fn without_telemetry(json: &mut Value) {
    match json {
        Value::Object(map) => {
            for key in ["seenAt", "lastSeenAt", "yes", "no", "lastReportedFlagUsage", "avgTimeToProduction", "health"] {
                map.remove(key);
            }
            map.values_mut().for_each(without_telemetry);
        }
        Value::Array(list) => list.iter_mut().for_each(without_telemetry),
        _ => {}
    }
}

fn revision(answer: &crate::http::Answer) -> u64 {
    answer.header("x-flagstone-revision").unwrap().parse().unwrap()
}

/// Writes on one node and reads on the other with the revision it was told, until `end`; how often.
async fn read_own_writes(write_on: u16, read_on: u16, prefix: String, end: Instant) -> u64 {
    let (mut writer, mut reader) =
        (Client::new(write_on, crate::node::ADMIN), Client::new(read_on, crate::node::ADMIN));
    let mut count = 0;
    while Instant::now() < end {
        let name = format!("{prefix}-{count}");
        let made =
            writer.post("/api/admin/projects/default/features", &json!({ "name": name })).await.unwrap().expect();
        reader.headers = vec![format!("x-flagstone-revision: {}", revision(&made))];
        let read = reader.get(&format!("/api/admin/projects/default/features/{name}")).await.unwrap();
        assert_eq!(read.status, 200, "{name} is not on the other node, which was told the revision: {}", read.text);
        assert!(revision(&read) >= revision(&made));
        count += 1;
    }
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f9_two_nodes_under_load_end_with_equal_states() {
    let _alone = ALONE.lock().await;
    let mut random = Random::from_environment("F9");
    let mut setup = crate::postgres::setup();
    let one = setup.start_ready().await;
    setup.port = crate::node::free_port();
    let two = setup.start_ready().await;
    let duration = Duration::from_secs(number("FLAGSTONE_F9_SECONDS", 5));
    let began = Instant::now();
    let writers = Writers::start(&[one.port, two.port], 2 * WRITERS_PER_NODE, "two", &mut random);
    let (there, back) = tokio::join!(
        read_own_writes(one.port, two.port, "there".to_owned(), began + duration),
        read_own_writes(two.port, one.port, "back".to_owned(), began + duration),
    );
    let logs = writers.stop().await;
    let elapsed = began.elapsed();
    let acknowledged: usize = logs.iter().map(|log: &Log| log.acknowledged.len()).sum();
    let refused = logs.iter().map(|log| log.refused.len()).sum::<usize>();
    assert!(logs.iter().all(|log| log.unknown.is_empty()), "an answer was lost without a fault");

    let (revision_of_both, convergence) = until("both nodes at the same revision", || async {
        let (one, two) = (one.admin().get("/health").await.unwrap(), two.admin().get("/health").await.unwrap());
        (revision(&one) == revision(&two)).then(|| revision(&one))
    })
    .await;
    let dumps = (dump(&one).await, dump(&two).await);
    for (a, b) in dumps.0.iter().zip(&dumps.1) {
        assert_eq!(a, b, "the nodes differ");
    }
    assert_eq!(dumps.0.len(), dumps.1.len());
    for node in [&one, &two] {
        let found = actual(node, "two-").await;
        compare(&logs, &found).unwrap();
        compare_events(node, "two-", &found).await.unwrap();
    }
    let verified = setup.verify().unwrap();
    let commits: u64 = verified.split(' ').next().unwrap().parse().unwrap();
    assert_eq!(commits, revision_of_both, "numbers have a gap or a node does not know the end: {verified}");
    let per_second = acknowledged as f64 / elapsed.as_secs_f64();
    println!(
        "F9: {acknowledged} writes on two nodes in {elapsed:?} ({per_second:.0}/s), {refused} refused, {} of {} read at once \
         on the other node, equal after {convergence:?}",
        there + back,
        there + back
    );
    assert!(per_second >= FLOOR_PER_SECOND, "too little traffic for a result: {per_second:.0} writes a second");
    assert!(there > 10 && back > 10, "too few reads of own writes for a result: {there} and {back}");
    assert!(refused * 100 <= acknowledged, "{refused} writes were refused while both nodes and the database were well");
}
