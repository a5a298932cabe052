//! What was asked for and what was acknowledged, that no server has a part in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Request, header};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::hosts::ADMIN;
use super::network::Network;
use crate::random::Random;

/// Features by name, each with its version.
pub type Features = BTreeMap<String, u64>;

/// How long an operator waits for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(15);
/// How long until nothing is under way any more that nobody knows the end of.
const UNKNOWN: Duration = Duration::from_secs(12);

#[derive(Default)]
pub struct Truth {
    features: Mutex<BTreeMap<String, Known>>,
    violations: Mutex<BTreeSet<String>>,
    is_over: AtomicBool,
}

/// What is known of a feature, whose name is given out once.
#[derive(Default)]
struct Known {
    /// All versions that somebody has tried to write.
    issued: BTreeSet<u64>,
    /// The newest that was acknowledged.
    kept: u64,
    removal_issued: bool,
    removal_kept: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Truth {
    /// Something that must never happen.
    pub fn violation(&self, what: String) {
        lock(&self.violations).insert(what);
    }

    pub fn violations(&self) -> Vec<String> {
        lock(&self.violations).iter().cloned().collect()
    }

    /// Operators begin nothing more.
    pub fn stop(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Whether a feature was ever to have this version.
    pub fn was_issued(&self, name: &str, version: u64) -> bool {
        lock(&self.features).get(name).is_some_and(|known| known.issued.contains(&version))
    }

    /// Whether anybody wanted it to go.
    pub fn may_be_gone(&self, name: &str) -> bool {
        lock(&self.features).get(name).is_some_and(|known| known.removal_issued)
    }

    /// What a server has at the end holds all that was acknowledged, and nothing else than was asked for.
    pub fn check(&self, found: &Features, seed: u64) {
        for (name, known) in &*lock(&self.features) {
            match found.get(name) {
                Some(version) => {
                    assert!(!known.removal_kept, "seed {seed}: {name} is back");
                    assert!(*version >= known.kept, "seed {seed}: {name} has lost version {}: {version}", known.kept);
                    assert!(known.issued.contains(version), "seed {seed}: {name} was never to be {version}");
                }
                None => assert!(known.kept == 0 || known.removal_issued, "seed {seed}: {name} is lost"),
            }
        }
    }
}

/// What came of a request.
enum Outcome {
    Done,
    Refused(u16),
    Unknown,
}

/// Makes, changes and removes features of its own, one after the other, until it is told to stop.
pub async fn operate(seed: u64, number: u64, network: Network, truth: Arc<Truth>) {
    let mut random = Random::new(seed ^ (0x6f70 + number));
    let mut own: Vec<String> = Vec::new();
    let mut made = 0;
    while !truth.is_over.load(Ordering::Relaxed) {
        sleep(Duration::from_millis(100 + random.below(900))).await;
        let project = if random.below(2) == 0 { "alpha" } else { "omega" };
        let path = format!("/api/admin/projects/{project}/features");
        if own.is_empty() || random.below(100) < 25 {
            made += 1;
            let name = format!("{project}-{number}-{made}");
            lock(&truth.features).entry(name.clone()).or_default().issued.insert(1);
            let body = json!({ "name": name, "description": "v1" });
            match send(&network, number, "POST", &path, &body).await {
                Outcome::Done => lock(&truth.features).entry(name.clone()).or_default().kept = 1,
                Outcome::Refused(_) => continue,
                Outcome::Unknown => {}
            }
            own.push(name);
            continue;
        }
        let at = usize::try_from(random.below(own.len() as u64)).unwrap();
        let name = own[at].clone();
        let project = name.split('-').next().unwrap();
        let path = format!("/api/admin/projects/{project}/features/{name}");
        if random.below(100) < 10 {
            lock(&truth.features).entry(name.clone()).or_default().removal_issued = true;
            own.remove(at);
            if let Outcome::Done = send(&network, number, "DELETE", &path, &Value::Null).await {
                lock(&truth.features).entry(name).or_default().removal_kept = true;
            }
            continue;
        }
        let version = {
            let mut features = lock(&truth.features);
            let known = features.entry(name.clone()).or_default();
            let version = known.issued.last().unwrap() + 1;
            known.issued.insert(version);
            version
        };
        let body = json!({ "description": format!("v{version}") });
        match send(&network, number, "PUT", &path, &body).await {
            Outcome::Done => lock(&truth.features).entry(name).or_default().kept = version,
            // It was never made.
            Outcome::Refused(404) => _ = own.remove(at),
            Outcome::Refused(_) | Outcome::Unknown => {}
        }
    }
}

async fn send(network: &Network, operator: u64, method: &str, path: &str, body: &Value) -> Outcome {
    let mut request = Request::builder().method(method).uri(path).header(header::AUTHORIZATION, ADMIN);
    let mut bytes = Bytes::new();
    if !body.is_null() {
        request = request.header(header::CONTENT_TYPE, "application/json");
        bytes = body.to_string().into();
    }
    let request = request.body(bytes).unwrap();
    let answer = timeout(ANSWER_MAX, network.call(&format!("operator-{operator}"), "nodes", request, false)).await;
    match answer {
        Ok(Ok(response)) if response.status().is_success() => Outcome::Done,
        Ok(Ok(response)) if response.status().is_client_error() => Outcome::Refused(response.status().as_u16()),
        _ => {
            sleep(UNKNOWN).await;
            Outcome::Unknown
        }
    }
}
