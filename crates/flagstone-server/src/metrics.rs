//! What operators watch, in Prometheus' text format. Labels come from closed sets only.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// The counters and where they are registered.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram>,
    revision: Gauge<u64, AtomicU64>,
    features: Gauge<u64, AtomicU64>,
    dropped: Gauge<u64, AtomicU64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: Arc<str>,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: Arc<str>,
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("flagstone");
        let requests = Family::default();
        let durations = Family::<RouteLabels, Histogram>::new_with_constructor(|| {
            Histogram::new([0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0])
        });
        let (revision, features, dropped) = (Gauge::default(), Gauge::default(), Gauge::default());
        registry.register("http_requests", "Requests by method, route and status", requests.clone());
        registry.register("http_request_duration_seconds", "Time to answer, by route", durations.clone());
        registry.register("revision", "The last commit that this node has", revision.clone());
        registry.register("features", "Features that are not archived", features.clone());
        registry.register(
            "metrics_dropped",
            "Usage counts that did not fit into memory since the start",
            dropped.clone(),
        );
        Self { registry, requests, durations, revision, features, dropped }
    }

    /// Counts a request. `route` is the matched template, never the raw path.
    pub fn request(&self, method: &axum::http::Method, route: Option<&str>, status: u16, took: Duration) {
        let route: Arc<str> = route.unwrap_or("(none)").into();
        let method = match method.as_str() {
            known @ ("GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD" | "OPTIONS") => known,
            _ => "(other)",
        };
        self.durations.get_or_create(&RouteLabels { route: Arc::clone(&route) }).observe(took.as_secs_f64());
        self.requests.get_or_create(&RequestLabels { method: method.to_owned(), route, status }).inc();
    }

    /// Everything, in Prometheus' text format.
    pub fn text(&self, revision: u64, features: usize, dropped: u64) -> String {
        self.revision.set(revision);
        self.features.set(features as u64);
        self.dropped.set(dropped);
        let mut text = String::new();
        if let Err(error) = prometheus_client::encoding::text::encode(&mut text, &self.registry) {
            tracing::error!(%error, "metrics cannot be written as text");
        }
        text
    }
}
