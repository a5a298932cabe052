//! What an upstream is told.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use serde_json::Value;
use tokio::sync::Notify;

use super::super::tests::{NOWHERE, edge, serve};
use super::*;
use crate::telemetry::{BATCH_ID, Full, PENDING_MAX, Usage};

/// More than go into one part.
const MANY: usize = 2_000;

/// A report that came.
#[derive(Clone, Debug, PartialEq)]
struct Came {
    environment: String,
    id: String,
    status: StatusCode,
    report: Value,
}

/// An upstream. What it answers depends on the environment.
#[derive(Clone, Default)]
struct Other {
    came: Arc<Mutex<Vec<Came>>>,
    /// Those of `slow` wait for it.
    answer: Arc<Notify>,
    asked: Arc<Notify>,
}

impl Other {
    async fn take(State(other): State<Self>, headers: HeaderMap, body: Bytes) -> StatusCode {
        let text = |name: &str| headers[name].to_str().unwrap();
        let environment = text("authorization").split([':', '.']).nth(1).unwrap().to_owned();
        let (id, report) = (text(BATCH_ID.as_str()).to_owned(), serde_json::from_slice::<Value>(&body).unwrap());
        let is_first = !other.came.lock().unwrap().iter().any(|came| came.environment == environment);
        other.asked.notify_one();
        let status = match environment.as_str() {
            "broken" => StatusCode::SERVICE_UNAVAILABLE,
            // The first answer is lost.
            "lossy" if is_first => StatusCode::GATEWAY_TIMEOUT,
            "slow" if is_first => {
                other.answer.notified().await;
                StatusCode::SERVICE_UNAVAILABLE
            }
            "small" if body.len() > 5_000 => StatusCode::PAYLOAD_TOO_LARGE,
            "picky" if String::from_utf8_lossy(&body).contains("\"f77\"") => StatusCode::BAD_REQUEST,
            "refused" => StatusCode::BAD_REQUEST,
            _ => StatusCode::ACCEPTED,
        };
        assert!(body.len() <= PART_BYTES_MAX, "{} bytes are more than every upstream reads", body.len());
        other.came.lock().unwrap().push(Came { environment, id, status, report });
        status
    }

    async fn start(&self) -> String {
        serve(Router::new().route("/api/client/metrics/bulk", post(Self::take)).with_state(self.clone())).await
    }

    fn of(&self, environment: &str) -> Vec<Came> {
        self.came.lock().unwrap().iter().filter(|came| came.environment == environment).cloned().collect()
    }

    /// How often it has counted features of an environment, by an upstream that knows ids.
    fn counted(&self, environment: &str) -> BTreeMap<String, u64> {
        let (mut ids, mut counted) = (HashSet::new(), BTreeMap::new());
        let came = self.of(environment);
        // Whoever does not answer in time may have counted it.
        let taken = |came: &&Came| came.status.is_success() || came.status == StatusCode::GATEWAY_TIMEOUT;
        for came in came.iter().filter(taken).filter(|came| ids.insert(came.id.clone())) {
            for row in came.report["metrics"].as_array().unwrap() {
                *counted.entry(row["featureName"].as_str().unwrap().to_owned()).or_default() +=
                    row["yes"].as_u64().unwrap();
            }
        }
        counted
    }
}

fn count(edge: &Edge, environment: &str, features: impl Iterator<Item = String>) -> Result<(), Full> {
    let features: Vec<String> = features.collect();
    let (variants, now) = (BTreeMap::new(), edge.now());
    let report = crate::telemetry::Report { app_name: "shop", environment, hour: now.hour(), now };
    let usages = features.iter().map(|feature| Usage { feature, yes: 1, no: 0, variants: &variants });
    edge.telemetry().count(&report, usages)
}

fn many() -> impl Iterator<Item = String> {
    (0..MANY).map(|n| format!("f{n}"))
}

/// How many rows of an environment wait.
async fn waiting(edge: &Edge, environment: &str) -> usize {
    let outbox = edge.0.outbox.lock().await;
    let sent = outbox.0.get(environment).into_iter().flatten().map(Part::rows).sum::<usize>();
    let batch = edge.telemetry().take();
    let counted = batch.usage.iter().filter(|row| row.environment == environment).count();
    edge.telemetry().put_back(batch);
    sent + counted
}

#[tokio::test]
async fn an_environment_that_cannot_be_reported_holds_up_no_other() {
    let other = Other::default();
    let edge = edge(&other.start().await, &["broken", "refused", "good"], None);
    for environment in ["broken", "without-token", "refused", "good"] {
        count(&edge, environment, many()).unwrap();
    }
    for round in 1..=2 {
        assert!(edge.report().await.is_err());
        assert_eq!(other.of("broken").len(), round);
        assert_eq!(other.counted("good").into_values().collect::<Vec<_>>(), [1; MANY], "round {round}");
    }
    // Not every row of an upstream that takes none is tried alone.
    assert!(other.of("refused").len() < 2 * REFUSALS_MAX, "{}", other.of("refused").len());
    for (environment, expect) in [("broken", MANY), ("without-token", MANY), ("refused", 0), ("good", 0)] {
        assert_eq!(waiting(&edge, environment).await, expect, "{environment}");
    }
}

#[tokio::test]
async fn f22_what_is_too_large_or_no_good_is_split_until_the_rest_is_taken() {
    let other = Other::default();
    let edge = edge(&other.start().await, &["small", "picky"], None);
    for environment in ["small", "picky"] {
        count(&edge, environment, many()).unwrap();
    }
    edge.report().await.unwrap();
    assert_eq!(other.counted("small").into_values().collect::<Vec<_>>(), [1; MANY]);
    let picky = other.counted("picky");
    assert_eq!(picky.values().copied().collect::<Vec<_>>(), [1; MANY - 1]);
    assert!(!picky.contains_key("f77"));
    let refused = other.of("small").iter().filter(|came| !came.status.is_success()).count();
    assert!(refused < 40, "{refused} times too large: what is learned is not used");
}

#[tokio::test]
async fn f22_what_was_not_answered_comes_again_as_the_same() {
    let other = Other::default();
    let edge = edge(&other.start().await, &["lossy"], None);
    count(&edge, "lossy", many()).unwrap();
    edge.report().await.unwrap_err();
    // What is counted meanwhile is no part of it.
    count(&edge, "lossy", many()).unwrap();
    edge.report().await.unwrap();
    assert_eq!(other.counted("lossy").into_values().collect::<Vec<_>>(), [2; MANY]);
    let came = other.of("lossy");
    assert_eq!((&came[0].id, &came[0].report), (&came[1].id, &came[1].report));
    let ids: HashSet<_> = came[1..].iter().map(|came| &came.id).collect();
    assert_eq!(ids.len(), came.len() - 1, "others have ids of their own");
}

#[tokio::test]
async fn f22_who_stops_sends_what_a_report_under_way_could_not() {
    let other = Other::default();
    let edge = edge(&other.start().await, &["slow"], None);
    count(&edge, "slow", ["flag".to_owned()].into_iter()).unwrap();
    let under_way = edge.report();
    let stop = async {
        other.asked.notified().await;
        let stop = edge.stop();
        let answer = async { other.answer.notify_one() };
        tokio::join!(stop, answer);
    };
    let (failed, ()) = tokio::join!(under_way, stop);
    failed.unwrap_err();
    assert_eq!(other.counted("slow").into_values().collect::<Vec<_>>(), [1]);
}

#[tokio::test]
async fn f25_environments_are_reported_at_the_same_time() {
    let other = Other::default();
    let edge = edge(&other.start().await, &["slow", "good"], None);
    for environment in ["slow", "good"] {
        count(&edge, environment, ["flag".to_owned()].into_iter()).unwrap();
    }
    // One that does not answer holds up no other.
    let both = async {
        while other.of("good").is_empty() {
            other.asked.notified().await;
            tokio::task::yield_now().await;
        }
        other.answer.notify_one();
    };
    let (failed, ()) = tokio::join!(edge.report(), both);
    failed.unwrap_err();
}

#[tokio::test]
async fn while_the_upstream_is_away_no_more_waits_than_there_is_room_for() {
    let edge = edge(NOWHERE, &["good"], None);
    for round in 0..3 {
        let counted = count(&edge, "good", (0..PENDING_MAX / 2).map(|n| format!("f{round}-{n}")));
        assert!(counted.is_ok() || round == 2, "round {round}");
        assert!(edge.report().await.is_err());
    }
    let all = waiting(&edge, "good").await;
    let sent = edge.0.outbox.lock().await.0["good"].iter().map(Part::rows).sum::<usize>();
    // Beside them waits the one part that was sent.
    assert!(sent < 1_000 && all <= PENDING_MAX + sent, "{sent} of {all}");
}

#[tokio::test]
async fn applications_are_told_once_with_and_without_an_instance() {
    let other = Other::default();
    let edge = edge(&other.start().await, &["good"], None);
    for (app_name, instance) in [("shop", Some("one")), ("shop", Some("two")), ("blog", None)] {
        let application = Application { app_name: app_name.to_owned(), ..Application::default() };
        let used = flagstone_store::AppUsage {
            app_name: app_name.to_owned(),
            project: "*".to_owned(),
            environment: "good".to_owned(),
        };
        let instance = instance.map(|id| Instance {
            app_name: app_name.to_owned(),
            environment: "good".to_owned(),
            instance_id: id.to_owned(),
            ..Instance::default()
        });
        edge.telemetry().application(application, [used], instance);
    }
    edge.report().await.unwrap();
    edge.report().await.unwrap();
    let came = other.of("good");
    assert_eq!(came.len(), 1);
    let applications = came[0].report["applications"].as_array().unwrap().iter();
    let mut applications: Vec<_> =
        applications.map(|a| (a["appName"].as_str().unwrap(), a["instanceId"].as_str())).collect();
    applications.sort_unstable();
    assert_eq!(applications, [("blog", None), ("shop", Some("one")), ("shop", Some("two"))]);
    let left = edge.telemetry().take();
    assert!(left.applications.is_empty() && left.instances.is_empty(), "what was told stays in memory");
}
