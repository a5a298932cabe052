//! Measures a release build: `cargo run --release --example figures -- target/release/flagstone`. Prints JSON.
//!
//! Client and server share the machine, so rates are read beside each other, in the same run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::format_push_string,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::single_match_else,
    clippy::zombie_processes,
    missing_docs,
    dead_code,
    reason = "a tool"
)]

#[path = "../crates/flagstone-server/tests/faults/http.rs"]
mod http;
#[path = "../crates/flagstone-server/tests/faults/random.rs"]
mod random;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use http::Client;
use random::Random;
use serde_json::{Value, json};

const ADMIN: &str = "*:*.admin-secret-of-the-figures";
const BACKEND: &str = "*:development.backend-secret-of-the-figures";
const FLAGS: usize = 1_000;
const STARTS: usize = 11;
const CONNECTIONS: usize = 64;
/// How long tokens are created with each number of connections, twice in turns.
const STRETCH: Duration = Duration::from_secs(4);

struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// Starts; how long until `/ready` answers 200.
    async fn start(binary: &str, folder: &Path) -> (Self, Duration) {
        let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let began = Instant::now();
        let child = Command::new(binary)
            .arg("serve")
            .env("DATABASE_URL", format!("sqlite://{}", folder.join("flagstone.db").display()))
            .envs([("HTTP_HOST", "127.0.0.1"), ("INIT_ADMIN_API_TOKENS", ADMIN), ("INIT_BACKEND_API_TOKENS", BACKEND)])
            .envs([("UNLEASH_DEFAULT_ADMIN_PASSWORD", "First-password-1"), ("UNLEASH_API_TOKENS_LIMIT", "1000000")])
            .env("HTTP_PORT", port.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        loop {
            if Client::new(port, "").get("/ready").await.is_ok_and(|answer| answer.status == 200) {
                return (Self { child, port }, began.elapsed());
            }
            assert!(began.elapsed() < Duration::from_secs(30), "not ready after 30 s");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn resident_mib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }

    fn stop(mut self) {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        self.child.wait().unwrap();
    }
}

fn constraint(random: &mut Random) -> Value {
    let mut ids = || -> Vec<String> {
        let count = 1 + random.below(40);
        (0..count).map(|_| random.below(100_000).to_string()).collect()
    };
    let ids = ids();
    match random.below(6) {
        0 => json!({ "contextName": "appName", "operator": "IN", "values": ["web", "ios", "android"] }),
        1 => json!({ "contextName": "userId", "operator": "NOT_IN", "values": ids }),
        2 => {
            json!({ "contextName": "email", "operator": "STR_ENDS_WITH", "values": ["@example.com", "@corp.example"] })
        }
        3 => json!({ "contextName": "age", "operator": "NUM_GTE", "value": (18 + random.below(40)).to_string() }),
        4 => {
            json!({ "contextName": "version", "operator": "SEMVER_GT", "value": format!("{}.{}.0", random.below(5), random.below(10)) })
        }
        _ => json!({ "contextName": "currentTime", "operator": "DATE_AFTER", "value": "2024-01-01T00:00:00.000Z" }),
    }
}

fn strategy(flag: &str, random: &mut Random) -> Value {
    let constraints: Vec<Value> = (0..random.below(4)).map(|_| constraint(random)).collect();
    let stickiness = ["default", "userId", "sessionId"][random.below(3) as usize];
    let variant = |name: &str, kind: &str, value: &str| {
        json!({ "name": name, "weight": 500, "weightType": "variable", "stickiness": "default",
            "payload": { "type": kind, "value": value } })
    };
    let variants = match random.below(10) {
        0..3 => vec![variant("red", "json", r#"{"color":"red","size":1}"#), variant("blue", "string", "blue")],
        _ => vec![],
    };
    json!({ "name": "flexibleRollout", "constraints": constraints, "variants": variants,
        "parameters": { "rollout": random.below(101).to_string(), "stickiness": stickiness, "groupId": flag } })
}

/// Flags with one to three strategies in each of two environments.
async fn seed(port: u16) {
    let tasks: Vec<_> = (0..8)
        .map(|part| {
            tokio::spawn(async move {
                let mut admin = Client::new(port, ADMIN);
                let features = "/api/admin/projects/default/features";
                for number in (part..FLAGS).step_by(8) {
                    let mut random = Random::new(42 + number as u64);
                    let name = format!("bench-flag-{number}");
                    admin.post(features, &json!({ "name": name })).await.unwrap().expect();
                    let strategies: Vec<Value> = (0..=random.below(3)).map(|_| strategy(&name, &mut random)).collect();
                    for environment in ["development", "production"] {
                        let path = format!("{features}/{name}/environments/{environment}");
                        for strategy in &strategies {
                            admin.post(&format!("{path}/strategies"), strategy).await.unwrap().expect();
                        }
                        if number % 5 != 0 {
                            admin.post(&format!("{path}/on"), &Value::Null).await.unwrap().expect();
                        }
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// Polls as SDKs do: 50 clients, each with and without an ETag, of both forms of segments.
async fn poll(port: u16) -> usize {
    let mut bytes = 0;
    for number in 0..50 {
        let mut sdk = Client::new(port, BACKEND);
        let form = format!("unleash-client-spec: {}", if number % 2 == 0 { "5.2.0" } else { "3.0.0" });
        for _ in 0..5 {
            sdk.headers = vec![form.clone()];
            let answer = sdk.get("/api/client/features").await.unwrap().expect();
            bytes = answer.text.len();
            sdk.headers.push(format!("if-none-match: {}", answer.header("etag").unwrap()));
            assert_eq!(sdk.get("/api/client/features").await.unwrap().status, 304);
        }
    }
    bytes
}

/// Tokens created in a second with so many connections.
async fn token_rate(port: u16, connections: usize, label: &'static str) -> f64 {
    let began = Instant::now();
    let tasks: Vec<_> = (0..connections)
        .map(|_| {
            tokio::spawn(async move {
                let (mut admin, mut count) = (Client::new(port, ADMIN), 0_u32);
                let body = json!({ "type": "backend", "tokenName": label, "environment": "development" });
                while began.elapsed() < STRETCH {
                    admin.post("/api/admin/projects/default/api-tokens", &body).await.unwrap().expect();
                    count += 1;
                }
                count
            })
        })
        .collect();
    let mut count = 0;
    for task in tasks {
        count += task.await.unwrap();
    }
    f64::from(count) / began.elapsed().as_secs_f64()
}

/// How long a sync of one page takes on this disk, the median of 200.
fn sync_ms(folder: &Path) -> f64 {
    use std::io::Write;
    let mut file = std::fs::File::create(folder.join("sync")).unwrap();
    let mut times: Vec<f64> = (0..200)
        .map(|_| {
            file.write_all(&[1; 4096]).unwrap();
            let began = Instant::now();
            file.sync_all().unwrap();
            began.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[100]
}

#[tokio::main]
async fn main() {
    let binary = std::env::args().nth(1).unwrap_or_else(|| "target/release/flagstone".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let (server, first_start) = Server::start(&binary, folder.path()).await;
    seed(server.port).await;
    server.stop();
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let (server, took) = Server::start(&binary, folder.path()).await;
        starts.push(took.as_secs_f64() * 1e3);
        server.stop();
    }
    starts.sort_by(f64::total_cmp);
    let (server, _) = Server::start(&binary, folder.path()).await;
    let idle = server.resident_mib();
    let body_bytes = poll(server.port).await;
    let polled = server.resident_mib();
    server.stop();

    let tokens = tempfile::tempdir().unwrap();
    let (server, _) = Server::start(&binary, tokens.path()).await;
    let (mut one, mut many) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        one.push(token_rate(server.port, 1, "one").await);
        many.push(token_rate(server.port, CONNECTIONS, "many").await);
    }
    server.stop();
    let mean = |rates: &[f64]| rates.iter().sum::<f64>() / rates.len() as f64;
    let figures = json!({
        "flags": FLAGS, "clientFeaturesBytes": body_bytes,
        "firstStartMs": first_start.as_secs_f64() * 1e3,
        "startToReadyMs": { "median": starts[STARTS / 2], "longest": starts[STARTS - 1] },
        "residentMib": { "afterStart": idle, "afterPolling": polled },
        "syncMsMedian": sync_ms(tokens.path()),
        "tokensPerSecond": { "1 connection": one, "64 connections": many, "ratio": mean(&many) / mean(&one) },
    });
    println!("{}", serde_json::to_string_pretty(&figures).unwrap());
}
