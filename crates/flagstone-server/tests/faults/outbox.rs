//! `kill -9` of a node that tells integrations of events, whose receivers fail three times in ten.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::ALONE;
use crate::node::{Node, PATIENCE, Setup, until};
use crate::random::{Random, number};

/// The most moments of writing in a round.
const MOMENT_MICROS: u64 = 150_000;
const WRITERS: u64 = 4;

/// What was heard under each path, in order: the events' ids. It fails three times in ten: it says so, or hangs up, or
/// hangs up though it has heard.
struct Receiver {
    port: u16,
    heard: Arc<Mutex<Vec<(String, u64)>>>,
}

impl Receiver {
    async fn start(mut random: Random) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, heard) = (listener.local_addr().unwrap().port(), Arc::<Mutex<Vec<_>>>::default());
        let sink = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(hear(stream, Arc::clone(&sink), random.fork()));
            }
        });
        Self { port, heard }
    }

    fn ids(&self, path: &str) -> Vec<u64> {
        self.heard.lock().unwrap().iter().filter(|(at, _)| at == path).map(|(_, id)| *id).collect()
    }
}

async fn hear(stream: TcpStream, heard: Arc<Mutex<Vec<(String, u64)>>>, mut random: Random) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut line, mut path, mut length) = (String::new(), String::new(), 0);
        while line != "\r\n" {
            line.clear();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            if let Some(rest) = line.strip_prefix("POST ") {
                path = rest.split(' ').next()?.to_owned();
            }
            if let Some(text) = line.to_lowercase().strip_prefix("content-length:") {
                length = text.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
        let event: Value = serde_json::from_slice(&body).ok()?;
        let luck = random.below(10);
        if luck != 0 && luck != 1 {
            heard.lock().unwrap().push((path, event["id"].as_u64()?));
        }
        let status = match luck {
            0 => "503 Service Unavailable",
            1 | 2 => return None,
            _ => "204 No Content",
        };
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
        stream.get_mut().write_all(answer.as_bytes()).await.ok()?;
    }
}

/// Creates flags until the node is gone; how many were acknowledged.
async fn write(port: u16, prefix: String) -> usize {
    let mut admin = crate::http::Client::new(port, crate::node::ADMIN);
    let mut acknowledged = 0;
    loop {
        let flag = json!({ "name": format!("{prefix}-{acknowledged}") });
        match admin.post("/api/admin/projects/default/features", &flag).await {
            Ok(answer) if answer.is_success() => acknowledged += 1,
            _ => return acknowledged,
        }
    }
}

/// The ids of the events that create flags, in order.
async fn created(node: &Node) -> Vec<u64> {
    let (mut ids, mut offset) = (Vec::new(), 0);
    loop {
        let path = format!("/api/admin/search/events?type=IS:feature-created&limit=1000&offset={offset}");
        let page = node.admin().get(&path).await.unwrap().expect().json();
        let events = page["events"].as_array().unwrap();
        ids.extend(events.iter().map(|event| event["id"].as_u64().unwrap()));
        offset += events.len();
        if events.is_empty() {
            ids.sort_unstable();
            return ids;
        }
    }
}

async fn kill_while_telling(rounds: u64, setup: Setup, test: &str) {
    let mut random = Random::from_environment(test);
    let receiver = Receiver::start(random.fork()).await;
    let mut node = setup.start_ready().await;
    let paths = ["/one", "/two"];
    for path in paths {
        let hook = json!({
            "provider": "webhook", "enabled": true, "events": ["feature-created"],
            "parameters": { "url": format!("http://127.0.0.1:{}{path}", receiver.port) },
        });
        node.admin().post("/api/admin/addons", &hook).await.unwrap().expect();
    }
    let mut acknowledged = 0;
    let began = Instant::now();
    for round in 0..rounds {
        let writers = (0..WRITERS).map(|n| tokio::spawn(write(node.port, format!("round{round}-{n}"))));
        let writers: Vec<_> = writers.collect();
        tokio::time::sleep(Duration::from_micros(random.below(MOMENT_MICROS))).await;
        node.kill();
        for writer in writers {
            acknowledged += writer.await.unwrap();
        }
        node = setup.start_ready().await;
    }
    let expected = created(&node).await;
    assert!(expected.len() >= acknowledged, "{} events of {acknowledged} writes", expected.len());
    let mut twice = 0;
    for path in paths {
        // In the worst case of a receiver that fails again and again, one event takes minutes.
        let all = async || (receiver.ids(path).last() == expected.last()).then_some(());
        let patience = Instant::now();
        while all().await.is_none() {
            assert!(patience.elapsed() < PATIENCE * 10, "{path} was not told of everything:\n{}", node.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let heard = receiver.ids(path);
        assert!(heard.is_sorted(), "{path} was not told in order");
        let once: BTreeSet<u64> = heard.iter().copied().collect();
        twice += heard.len() - once.len();
        let lost: Vec<_> = expected.iter().filter(|id| !once.contains(id)).collect();
        assert!(lost.is_empty() && once.len() == expected.len(), "{path} was not told of {lost:?}\n{}", node.log());
    }
    println!(
        "{test}: {rounds} kills, {} events to {} integrations, 0 lost, in order, {twice} told more than once, {:?}",
        expected.len(),
        paths.len(),
        began.elapsed()
    );
    setup.verify().unwrap();
    // The log of deliveries says the same.
    until("the last delivery is noted", || async {
        let noted = node.admin().get("/api/admin/addons/1/events?limit=1").await.unwrap().expect().json();
        (noted["integrationEvents"][0]["event"]["id"].as_u64() == expected.last().copied()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f17_integrations_are_told_of_everything_on_sqlite() {
    let _alone = ALONE.lock().await;
    let folder = tempfile::tempdir().unwrap();
    kill_while_telling(number("FLAGSTONE_F17_ROUNDS", 8), Setup::sqlite(folder.path()), "F17 on SQLite").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f17_integrations_are_told_of_everything_on_postgresql() {
    let _alone = ALONE.lock().await;
    kill_while_telling(number("FLAGSTONE_F17_PG_ROUNDS", 3), crate::postgres::setup(), "F17 on PostgreSQL").await;
}
