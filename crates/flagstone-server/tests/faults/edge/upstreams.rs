//! An edge behind a server that offers less than Flagstone, and without any.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{begin, start_with};
use crate::ALONE;
use crate::http::Client;
use crate::node::{Setup, binary, until};

const BACKEND: &str = "*:development.known-to-the-other-server";

/// A server with one flag whose name is its revision.
#[derive(Clone, Default)]
struct Other {
    revision: Arc<AtomicU64>,
    polls: Arc<AtomicU64>,
    unchanged: Arc<AtomicU64>,
}

fn feature(revision: u64) -> Value {
    json!({ "name": format!("flag-{revision}"), "enabled": true, "project": "default", "type": "release",
        "strategies": [{ "name": "default", "parameters": {}, "constraints": [] }] })
}

impl Other {
    /// Serves polls, and deltas if it is to; its port.
    async fn start(&self, deltas: bool) -> u16 {
        let mut routes =
            axum::Router::new().route("/edge/validate", post(validate)).route("/api/client/features", get(poll));
        if deltas {
            routes = routes.route("/api/client/delta", get(delta));
        }
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(axum::serve(listener, routes.with_state(self.clone())).into_future());
        port
    }

    fn answer(&self, headers: &HeaderMap, etag: &str, body: Value) -> Response {
        self.polls.fetch_add(1, Ordering::Relaxed);
        if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.to_str().unwrap() == etag) {
            self.unchanged.fetch_add(1, Ordering::Relaxed);
            return StatusCode::NOT_MODIFIED.into_response();
        }
        ([(header::ETAG, etag)], Json(body)).into_response()
    }
}

/// As servers say it that know no other word for backend tokens.
async fn validate(Json(asked): Json<Value>) -> Json<Value> {
    let known = asked["tokens"].as_array().unwrap().iter().any(|token| token == BACKEND);
    let token = json!({ "token": BACKEND, "type": "client", "projects": ["*"], "environment": "development" });
    Json(json!({ "tokens": if known { vec![token] } else { vec![] } }))
}

async fn poll(State(other): State<Other>, headers: HeaderMap) -> Response {
    let revision = other.revision.load(Ordering::Relaxed);
    let body =
        json!({ "version": 2, "features": [feature(revision)], "query": {}, "meta": { "revisionId": revision } });
    other.answer(&headers, &format!("\"hash:{revision}:v1\""), body)
}

async fn delta(State(other): State<Other>, headers: HeaderMap) -> Response {
    let revision = other.revision.load(Ordering::Relaxed);
    let event = match headers.get(header::IF_NONE_MATCH) {
        None => json!([{ "eventId": revision, "type": "hydration", "features": [feature(revision)], "segments": [] }]),
        Some(_) => json!([
            { "eventId": revision, "type": "feature-removed", "featureName": format!("flag-{}", revision - 1), "project": "default" },
            { "eventId": revision, "type": "feature-updated", "feature": feature(revision) },
        ]),
    };
    other.answer(&headers, &format!("\"{revision}\""), json!({ "events": event }))
}

async fn names(port: u16) -> Vec<String> {
    let answer = Client::new(port, BACKEND).get("/api/client/features").await.unwrap();
    let features = if answer.status == 200 { answer.json()["features"].take() } else { json!([]) };
    features.as_array().unwrap().iter().map(|feature| feature["name"].as_str().unwrap().to_owned()).collect()
}

/// The exit code of `flagstone healthcheck`.
fn healthcheck(port: u16) -> Option<i32> {
    let output = Command::new(binary()).args(["healthcheck", "--port", &port.to_string()]).output().unwrap();
    output.status.code()
}

async fn follows(deltas: bool) {
    let _alone = ALONE.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let other = Other::default();
    other.revision.store(7, Ordering::Relaxed);
    let port = other.start(deltas).await;
    let options = [("TOKENS", BACKEND), ("FEATURES_REFRESH_INTERVAL_SECONDS", "1")];
    let edge = start_with(port, folder.path(), &options).await;
    until("the flags are there", || async { (names(edge.port).await == ["flag-7"]).then_some(()) }).await;
    other.revision.store(8, Ordering::Relaxed);
    until("the change arrives", || async { (names(edge.port).await == ["flag-8"]).then_some(()) }).await;
    until("nothing new is asked for by its ETag", || async {
        (other.unchanged.load(Ordering::Relaxed) >= 1).then_some(())
    })
    .await;
    assert!(other.polls.load(Ordering::Relaxed) < 20, "an edge asks more often than it was told");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_without_streams_is_asked_for_changes() {
    follows(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_without_deltas_is_polled() {
    follows(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_served_without_an_upstream() {
    let _alone = ALONE.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("features.json");
    let document = json!({ "version": 2, "features": [feature(1)], "segments": [] });
    std::fs::write(&file, document.to_string()).unwrap();
    let frontend = "*:development.in-a-browser";
    let edge = begin(
        &folder.path().join("backup"),
        &[("BOOTSTRAP_FILE", file.to_str().unwrap()), ("TOKENS", BACKEND), ("FRONTEND_TOKENS", frontend)],
    );
    until("the file is served", || async {
        let answer = Client::new(edge.port, BACKEND).get("/api/client/features").await;
        answer.is_ok_and(|answer| answer.status == 200).then_some(())
    })
    .await;
    assert_eq!(names(edge.port).await, ["flag-1"]);
    let seen = Client::new(edge.port, frontend).get("/api/frontend").await.unwrap().expect().json();
    assert_eq!(seen["toggles"][0]["name"], "flag-1");
    let evaluated = Client::new(edge.port, frontend).post("/ofrep/v1/evaluate/flags/flag-1", &json!({})).await.unwrap();
    assert_eq!(evaluated.expect().json()["value"], true);
    let validated = Client::new(edge.port, "").post("/edge/validate", &json!({ "tokens": [BACKEND] })).await.unwrap();
    assert_eq!(validated.expect().json()["tokens"][0]["token"], BACKEND);
    let refused = Client::new(edge.port, "*:development.unknown").get("/api/client/features").await.unwrap();
    assert_eq!(refused.status, 401, "{}", refused.text);
    assert_eq!(healthcheck(edge.port), Some(0));

    std::fs::write(&file, "{\"features\": 7}").unwrap();
    let output =
        Command::new(binary()).args(["edge", "--bootstrap-file"]).arg(&file).env("TOKENS", BACKEND).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("features.json"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_healthcheck_says_whether_a_node_is_well() {
    let _alone = ALONE.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let mut node = Setup::sqlite(folder.path()).start_ready().await;
    assert_eq!(healthcheck(node.port), Some(0));
    node.kill();
    assert_ne!(healthcheck(node.port), Some(0));
}
