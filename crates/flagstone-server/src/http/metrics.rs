//! What operators watch, in Prometheus' text format. Labels come from closed sets only.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::http::Method;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Others share one label: anybody can think of a method.
const KNOWN_METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// The counters and where they are registered.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram>,
    /// The same counters again, found without making labels.
    routes: RwLock<HashMap<Arc<str>, Route>>,
    revision: Gauge<u64, AtomicU64>,
    features: Gauge<u64, AtomicU64>,
    dropped: Gauge<u64, AtomicU64>,
}

/// The counters of a route.
struct Route {
    duration: Histogram,
    requests: Vec<(&'static str, u16, Counter)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
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
        Self { registry, requests, durations, routes: RwLock::default(), revision, features, dropped }
    }

    /// Counts a request. `route` is the matched template, never the raw path.
    pub fn request(&self, method: &Method, route: &str, status: u16, took: Duration) {
        let method = KNOWN_METHODS.into_iter().find(|known| *known == method.as_str()).unwrap_or("(other)");
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        let known = routes.get(route).and_then(|route| {
            let request = route.requests.iter().find(|known| (known.0, known.1) == (method, status))?;
            Some((&route.duration, &request.2))
        });
        if let Some((duration, requests)) = known {
            duration.observe(took.as_secs_f64());
            requests.inc();
            return;
        }
        drop(routes);
        self.first_request(method, route, status, took);
    }

    fn first_request(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        let route = Arc::<str>::from(route);
        let duration = self.durations.get_or_create_owned(&RouteLabels { route: Arc::clone(&route) });
        let requests = self.requests.get_or_create_owned(&RequestLabels { method, route: Arc::clone(&route), status });
        duration.observe(took.as_secs_f64());
        requests.inc();
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        let route = routes.entry(route).or_insert_with(|| Route { duration, requests: Vec::new() });
        // Two may come here at once.
        if !route.requests.iter().any(|known| (known.0, known.1) == (method, status)) {
            route.requests.push((method, status, requests));
        }
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
