//! An SDK: it knows what it was told, and minds what it must never be told.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, Response, header};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::hosts::token;
use super::network::Network;
use super::truth::{Features, Truth};
use crate::random::Random;

/// How it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Poll,
    Delta,
    Stream,
}

const ANSWER_MAX: Duration = Duration::from_secs(12);
/// Three heartbeats.
const SILENCE_MAX: Duration = Duration::from_secs(45);

/// Clones are one.
#[derive(Clone)]
pub struct Sdk(Arc<Inner>);

struct Inner {
    name: String,
    project: &'static str,
    host: &'static str,
    network: Network,
    truth: Arc<Truth>,
    knows: Mutex<Knows>,
}

#[derive(Default)]
struct Knows {
    features: Features,
    /// The newest version of each that it was ever told.
    seen: Features,
    gone: BTreeSet<String>,
    /// An ETag, or the id of an event.
    revision: Option<String>,
}

impl Sdk {
    /// An SDK that begins to ask.
    pub fn start(
        seed: u64,
        number: usize,
        project: &'static str,
        way: Way,
        host: &'static str,
        network: &Network,
        truth: &Arc<Truth>,
    ) -> Self {
        let name = format!("sdk-{number} ({way:?} of {project} at {host})");
        let (network, truth) = (network.clone(), Arc::clone(truth));
        let sdk = Self(Arc::new(Inner { name, project, host, network, truth, knows: Mutex::default() }));
        let (asking, mut random) = (sdk.clone(), Random::new(seed ^ (0x7364_6b00 + number as u64)));
        tokio::spawn(async move {
            loop {
                let asked = match way {
                    Way::Poll => asking.poll().await,
                    Way::Delta => asking.delta().await,
                    Way::Stream => asking.listen().await,
                };
                // What fails is tried again, as what works is asked again.
                let _ = asked;
                sleep(Duration::from_millis(500 + random.below(1_500))).await;
            }
        });
        sdk
    }

    /// What it does not have of what there is in its projects; nothing if it has all of it.
    pub fn behind(&self, found: &Features) -> Option<String> {
        let knows = self.0.knows.lock().unwrap_or_else(PoisonError::into_inner);
        let own = |name: &str| self.0.project == "*" || name.starts_with(self.0.project);
        let expected: Features =
            found.iter().filter(|(name, _)| own(name)).map(|(name, v)| (name.clone(), *v)).collect();
        let revision = &knows.revision;
        (knows.features != expected).then(|| format!("{} knows {:?} at {revision:?}", self.0.name, knows.features))
    }

    async fn ask(&self, path: &str, header_name: &str) -> Option<Response<Body>> {
        let mut request = Request::get(path).header(header::AUTHORIZATION, token(self.0.project));
        request = request.header("unleash-client-spec", "5.2.0");
        let known = self.0.knows.lock().unwrap_or_else(PoisonError::into_inner).revision.clone();
        if let Some(known) = known {
            request = request.header(header_name, known);
        }
        let request = request.body(Bytes::new()).unwrap();
        let call = self.0.network.call(&self.0.name, self.0.host, request, true);
        timeout(ANSWER_MAX, call).await.ok()?.ok()
    }

    async fn poll(&self) -> Option<()> {
        let response = self.ask("/api/client/features", "if-none-match").await?;
        let etag = response.headers().get(header::ETAG)?.to_str().ok()?.to_owned();
        if response.status() != 200 {
            return None;
        }
        let bytes = timeout(ANSWER_MAX, response.into_body().collect()).await.ok()?.ok()?.to_bytes();
        self.all(features(&serde_json::from_slice(&bytes).unwrap()), etag);
        Some(())
    }

    async fn delta(&self) -> Option<()> {
        let response = self.ask("/api/client/delta", "if-none-match").await?;
        let etag = response.headers().get(header::ETAG)?.to_str().ok()?.to_owned();
        if response.status() != 200 {
            return None;
        }
        let bytes = timeout(ANSWER_MAX, response.into_body().collect()).await.ok()?.ok()?.to_bytes();
        self.events(&serde_json::from_slice(&bytes).unwrap(), etag);
        Some(())
    }

    async fn listen(&self) -> Option<()> {
        let response = self.ask("/api/client/streaming", "last-event-id").await?;
        if response.status() != 200 {
            return None;
        }
        let (mut body, mut text) = (response.into_body(), String::new());
        loop {
            let frame = timeout(SILENCE_MAX, body.frame()).await.ok()??.ok()?;
            text.push_str(std::str::from_utf8(frame.data_ref()?).unwrap());
            while let Some(end) = text.find("\n\n") {
                let event: String = text.drain(..end + 2).collect();
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                let id = field("id: ");
                match (field("data: "), id) {
                    (Some(data), Some(id)) => self.events(&serde_json::from_str(&data).unwrap(), id),
                    // A heartbeat.
                    (None, Some(id)) => self.0.knows.lock().unwrap_or_else(PoisonError::into_inner).revision = Some(id),
                    _ => {}
                }
            }
        }
    }

    fn events(&self, changes: &Value, revision: String) {
        for event in changes["events"].as_array().unwrap() {
            let mut features = self.0.knows.lock().unwrap_or_else(PoisonError::into_inner).features.clone();
            match event["type"].as_str().unwrap() {
                "hydration" => features = self::features(event),
                "feature-updated" => features.extend(feature(&event["feature"])),
                "feature-removed" => _ = features.remove(event["featureName"].as_str().unwrap()),
                _ => {}
            }
            self.all(features, revision.clone());
        }
    }

    /// Takes what it is told, if that can be.
    fn all(&self, features: Features, revision: String) {
        let Inner { name: sdk, project, truth, .. } = &*self.0;
        let mut knows = self.0.knows.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut knows.features);
        for name in before.keys().filter(|name| !features.contains_key(*name)) {
            if !truth.may_be_gone(name) {
                truth.violation(format!("{sdk}: {name} is taken away at {revision} after {:?}", knows.revision));
            }
            knows.gone.insert(name.clone());
        }
        for (name, version) in &features {
            let seen = knows.seen.get(name).copied().unwrap_or_default();
            if *version < seen {
                let known = &knows.revision;
                truth.violation(format!(
                    "{sdk}: {name} goes back from {seen} to {version} at {revision} after {known:?}"
                ));
            }
            if knows.gone.contains(name) {
                truth.violation(format!("{sdk}: {name} is back at {revision} after {:?}", knows.revision));
            }
            if !truth.was_issued(name, *version) || !(*project == "*" || name.starts_with(project)) {
                truth.violation(format!("{sdk}: {name} was never {version}, or is none of its business"));
            }
            knows.seen.insert(name.clone(), *version);
        }
        (knows.features, knows.revision) = (features, Some(revision));
    }
}

/// The features in a document, or in a hydration.
pub fn features(document: &Value) -> Features {
    document["features"].as_array().unwrap().iter().filter_map(feature).collect()
}

fn feature(feature: &Value) -> Option<(String, u64)> {
    let version = feature["description"].as_str()?.strip_prefix('v')?.parse().ok()?;
    Some((feature["name"].as_str()?.to_owned(), version))
}
