//! What an edge keeps serving when its file is damaged, its tokens change, and its upstream gives odd answers.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::{Edge, JOURNAL, begin, names, start, start_with};
use crate::ALONE;
use crate::http::{Answer, Client};
use crate::node::{BACKEND, Node, PATIENCE, Setup, binary, create_flag, free_port, until};
use crate::random::Random;

const FEATURES: &str = "/api/client/features";
const DELTA: &str = "/api/client/delta";
const STREAMING: &str = "/api/client/streaming";

async fn get(edge: &Edge, token: &str) -> Answer {
    Client::new(edge.port, token).get(FEATURES).await.unwrap()
}

/// A new backend token of these projects, by its secret.
async fn create_token(upstream: &Node, project: &str) -> String {
    let body = json!({ "type": "backend", "tokenName": project, "environment": "development", "project": project });
    let answer = upstream.admin().post("/api/admin/api-tokens", &body).await.unwrap().expect().json();
    answer["secret"].as_str().unwrap().to_owned()
}

/// Waits until the last file holds a text.
async fn kept(folder: &Path, text: &str) {
    let file = folder.join(JOURNAL);
    until("it is kept", || async { fs::read_to_string(&file).is_ok_and(|kept| kept.contains(text)).then_some(()) })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f6_what_is_damaged_is_put_aside_and_what_was_whole_before_serves() {
    let _alone = ALONE.lock().await;
    let mut random = Random::from_environment("F6, damage");
    let folder = tempfile::tempdir().unwrap();
    let upstream = Setup::sqlite(folder.path()).start_ready().await;
    let backup = folder.path().join("backup");
    let [last, before, broken] =
        ["", "previous.", "broken."].map(|which| backup.join(format!("flagstone-edge.{which}journal")));
    create_flag(&mut upstream.admin(), "one").await;
    let edge = start(upstream.port, &backup, BACKEND).await;
    kept(&backup, "\"one\"").await;
    create_flag(&mut upstream.admin(), "two").await;
    kept(&backup, "\"two\"").await;
    drop(edge);
    drop(upstream);

    let good = fs::read(&last).unwrap();
    let text = String::from_utf8(good.clone()).unwrap();
    // All that there was when the file was made, and what has come behind it.
    let base = text.find("\"whole\"\n").unwrap() + "\"whole\"\n".len();
    let begun =
        base + text[base..].lines().take_while(|line| !line.contains("\"two\"")).map(|l| l.len() + 1).sum::<usize>();
    let one = &good[..begun];
    assert!(begun < good.len() && String::from_utf8_lossy(one).contains("\"one\""));
    let mut check = async |from: usize, to: usize, beside: Option<&[u8]>| {
        let at = from + random.below((to - from) as u64) as usize;
        let mut flipped = good.clone();
        flipped[at] ^= 1 << random.below(8);
        for (what, damaged) in [("cut", &good[..at]), ("flipped", &flipped[..])] {
            fs::write(&last, damaged).unwrap();
            let _ = fs::remove_file(&broken);
            match beside {
                Some(beside) => fs::write(&before, beside).unwrap(),
                None => drop(fs::remove_file(&before)),
            }
            let edge = start(9, &backup, "").await;
            let names = names(edge.port).await;
            assert!(names.contains("\"one\"") && !names.contains("\"two\""), "{what} at {at}: {names}");
            let aside = fs::read(&broken).unwrap_or_default();
            assert!(
                damaged.ends_with(&aside) && (!aside.is_empty() || at == from),
                "{what} at {at}: nothing is put aside"
            );
        }
    };
    check(begun, good.len(), None).await;
    check(0, base, Some(one)).await;
    for file in [&last, &before] {
        fs::write(file, "broken").unwrap();
    }
    let edge = start(9, &backup, "").await;
    let answer = get(&edge, BACKEND).await;
    assert_eq!(answer.status, 503, "an edge that knows nothing cannot say that a token is wrong: {}", answer.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t6_flags_that_a_deleted_token_brought_are_served_to_others_without_a_gap() {
    let _alone = ALONE.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let upstream = Setup::sqlite(folder.path()).start_ready().await;
    create_flag(&mut upstream.admin(), "flag").await;
    let (wide, narrow) = (create_token(&upstream, "*").await, create_token(&upstream, "default").await);
    let options = [("TOKENS", wide.as_str()), ("TOKEN_REVALIDATION_INTERVAL_SECONDS", "1")];
    let edge = start_with(upstream.port, &folder.path().join("backup"), &options).await;
    let wanted = get(&edge, &narrow).await.expect().text;
    let path = format!("/api/admin/api-tokens/{}", wide.replace('*', "%2A"));
    upstream.admin().send("DELETE", &path, None).await.unwrap().expect();
    until("the deleted token is refused", || async {
        assert_eq!(get(&edge, &narrow).await.expect().text, wanted);
        (get(&edge, &wide).await.status == 401).then_some(())
    })
    .await;
    assert_eq!(get(&edge, &narrow).await.expect().text, wanted);
    create_flag(&mut upstream.admin(), "later").await;
    until("the other token is followed on its own", || async {
        get(&edge, &narrow).await.expect().text.contains("later").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t5_a_very_long_token_hinders_no_other() {
    let _alone = ALONE.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let upstream = Setup::sqlite(folder.path()).start_ready().await;
    create_flag(&mut upstream.admin(), "flag").await;
    let edge = start(upstream.port, &folder.path().join("backup"), BACKEND).await;
    let good = create_token(&upstream, "default").await;
    // Together more than the upstream reads.
    let port = edge.port;
    let long = (0..150).map(|n| {
        let token = format!("*:development.{n}{}", "x".repeat(8_000));
        tokio::spawn(async move { Client::new(port, &token).get(FEATURES).await.unwrap().status })
    });
    let long: Vec<_> = long.collect();
    assert_eq!(get(&edge, &good).await.status, 200, "its question went with the others");
    for stranger in long {
        assert_eq!(stranger.await.unwrap(), 401);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_is_ready_while_the_flags_of_a_token_are_on_their_way_that_a_client_brought() {
    let _alone = ALONE.lock().await;
    let (server, edge) = Server { revision: 7, ..Server::default() }.start().await;
    reaches(&edge, &server).await;
    server.lock().unwrap().refuses = vec![FEATURES, DELTA, STREAMING];
    assert_eq!(get(&edge, OTHER).await.status, 503, "the flags of another environment have not come");
    assert_eq!(get(&edge, BACKEND).await.status, 200);
    assert!(healthcheck(edge.port).status.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_without_flags_is_not_ready() {
    let _alone = ALONE.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let edge = begin(folder.path(), &[("UPSTREAM_URL", "http://127.0.0.1:9"), ("TOKENS", BACKEND)]);
    until("the edge listens", || async {
        Client::new(edge.port, "").get("/health").await.is_ok_and(|answer| answer.status == 200).then_some(())
    })
    .await;
    let waiting = healthcheck(edge.port);
    assert!(!waiting.status.success(), "{waiting:?}");
    assert!(String::from_utf8_lossy(&waiting.stdout).contains("503"), "{waiting:?}");
    let nobody = healthcheck(free_port());
    assert!(!nobody.status.success() && !nobody.stderr.is_empty(), "{nobody:?}");
}

fn healthcheck(port: u16) -> Output {
    Command::new(binary()).args(["healthcheck", "--port", &port.to_string()]).output().unwrap()
}

#[tokio::test]
async fn an_edge_that_could_serve_nobody_says_why_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let check = async |text: &str, tokens: &str, expect: &str| {
        let file = folder.path().join("bootstrap.json");
        fs::write(&file, text).unwrap();
        let mut command = Command::new(binary());
        command.args(["edge", "--interface", "127.0.0.1", "--port", &free_port().to_string(), "--bootstrap-file"]);
        command.arg(file).env("TOKENS", tokens).stdin(Stdio::null()).stderr(Stdio::piped());
        let mut edge = command.spawn().unwrap();
        let began = Instant::now();
        let ended = loop {
            let ended = edge.try_wait().unwrap();
            if ended.is_some() || began.elapsed() > PATIENCE {
                break ended;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        // One that serves after all must not outlive the test.
        let _ = edge.kill();
        let output = edge.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(ended.is_some_and(|status| !status.success()) && !said.contains("panicked"), "{expect}: {said}");
        assert!(said.contains(expect), "expected {expect:?}, got:\n{said}");
    };
    let good = r#"{"version":2,"features":[]}"#;
    check("no JSON", BACKEND, "is no client-features document").await;
    check("{}", BACKEND, "missing field `features`").await;
    check(r#"{"features":[{"enabled":true}]}"#, BACKEND, "missing field `name`").await;
    check(good, "secret", "tokens must have the form <project>:<environment>.<secret>").await;
    check(good, "", "no token is given").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_for_browsers_alone_needs_no_backend_token() {
    let _alone = ALONE.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("features.json");
    let flag =
        |name: &str, project: &str| json!({ "name": name, "project": project, "enabled": true, "strategies": [] });
    let document = json!({ "version": 2, "features": [flag("here", "one"), flag("elsewhere", "two")] });
    fs::write(&file, document.to_string()).unwrap();
    let frontend = "one:development.in-a-browser";
    let options = [("BOOTSTRAP_FILE", file.to_str().unwrap()), ("FRONTEND_TOKENS", frontend)];
    let edge = begin(&folder.path().join("backup"), &options);
    let toggles = until("the file is served", || async {
        let answer = Client::new(edge.port, frontend).get("/api/frontend").await.ok()?;
        (answer.status == 200).then(|| answer.json()["toggles"].clone())
    });
    let toggles = toggles.await.0;
    let names: Vec<_> = toggles.as_array().unwrap().iter().map(|toggle| toggle["name"].clone()).collect();
    assert_eq!(names, ["here"], "of its project alone");
    assert_eq!(get(&edge, BACKEND).await.status, 401, "nobody can be asked about it");
}

/// A token of another environment of [`Server`].
const OTHER: &str = "*:production.known-to-the-other-server";

/// Another server, which offers no streams.
#[derive(Default)]
struct Server {
    revision: u64,
    /// Whether it offers deltas.
    deltas: bool,
    /// Whether it says which revision a document is.
    revisions: bool,
    /// What it refuses, though the token works.
    refuses: Vec<&'static str>,
    /// What it answers instead of a document.
    odd: Option<&'static str>,
    /// Where its edge keeps what it has.
    folder: Option<tempfile::TempDir>,
    /// How often it answered, by path and status.
    answers: BTreeMap<(String, u16), u64>,
}

type Shared = Arc<Mutex<Server>>;

impl Server {
    fn answer(&self, path: &str, headers: &HeaderMap, body: &Value) -> Response {
        let known = headers.get(header::IF_NONE_MATCH).and_then(|etag| etag.to_str().ok());
        let feature = json!({ "name": "flag", "enabled": true, "project": "default", "strategies": [],
            "description": format!("version {}", self.revision) });
        let (etag, body) = match path {
            "/edge/validate" => {
                let asked = body["tokens"].as_array().unwrap().iter().filter_map(Value::as_str);
                let known = asked.filter_map(|token| match token {
                    BACKEND => Some(
                        json!({ "token": token, "type": "client", "projects": ["*"], "environment": "development" }),
                    ),
                    OTHER => Some(
                        json!({ "token": token, "type": "client", "projects": ["*"], "environment": "production" }),
                    ),
                    _ => None,
                });
                return Json(json!({ "tokens": known.collect::<Vec<_>>() })).into_response();
            }
            path if self.refuses.contains(&path) => return StatusCode::FORBIDDEN.into_response(),
            FEATURES if self.odd.is_some() => return self.odd.unwrap_or_default().into_response(),
            FEATURES => {
                let mut document = json!({ "version": 2, "features": [feature] });
                if self.revisions {
                    document["meta"] = json!({ "revisionId": self.revision });
                }
                (format!("\"hash-{}\"", self.revision), document)
            }
            DELTA if self.deltas => {
                let event = json!({ "type": "hydration", "eventId": self.revision, "features": [feature] });
                (format!("\"{}\"", self.revision), json!({ "events": [event] }))
            }
            _ => return StatusCode::NOT_FOUND.into_response(),
        };
        if known == Some(&etag) {
            return StatusCode::NOT_MODIFIED.into_response();
        }
        ([(header::ETAG, etag)], Json(body)).into_response()
    }

    async fn serve(State(server): State<Shared>, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        let body = serde_json::from_slice(&body).unwrap_or_default();
        let path = parts.uri.path().to_owned();
        let mut server = server.lock().unwrap();
        let answer = server.answer(&path, &parts.headers, &body);
        *server.answers.entry((path, answer.status().as_u16())).or_default() += 1;
        answer
    }

    /// Starts it, and an edge that follows it.
    async fn start(mut self) -> (Shared, Edge) {
        let folder = self.folder.insert(tempfile::tempdir().unwrap()).path().to_owned();
        let shared = Arc::new(Mutex::new(self));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let router = Router::new().fallback(Self::serve).with_state(Arc::clone(&shared));
        tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        let options = [("TOKENS", BACKEND), ("FEATURES_REFRESH_INTERVAL_SECONDS", "1")];
        (shared, start_with(port, &folder, &options).await)
    }
}

/// How often the server answered a path with a status.
fn answers(server: &Shared, path: &str, status: u16) -> u64 {
    server.lock().unwrap().answers.get(&(path.to_owned(), status)).copied().unwrap_or_default()
}

/// Waits until the edge has the server's version; its ETag.
async fn reaches(edge: &Edge, server: &Shared) -> String {
    let wanted = format!("version {}\"", server.lock().unwrap().revision);
    let has = || async {
        let answer = get(edge, BACKEND).await.expect();
        answer.text.contains(&wanted).then(|| answer.header("etag").unwrap().to_owned())
    };
    until("the edge has the flags", has).await.0
}

async fn change(edge: &Edge, server: &Shared) -> String {
    server.lock().unwrap().revision += 1;
    reaches(edge, server).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_document_takes_no_flag_away() {
    let _alone = ALONE.lock().await;
    let (server, edge) = Server { revision: 7, revisions: true, ..Server::default() }.start().await;
    let etag = reaches(&edge, &server).await;
    for odd in ["{}", "[]", "", r#"{"features":[{}]}"#, "<html>"] {
        let before = answers(&server, FEATURES, 200);
        server.lock().unwrap().odd = Some(odd);
        // The second one is asked for when the first has been looked at.
        until("it is answered", || async { (answers(&server, FEATURES, 200) > before + 1).then_some(()) }).await;
        assert_eq!(reaches(&edge, &server).await, etag, "{odd}");
    }
    server.lock().unwrap().odd = None;
    assert_ne!(change(&edge, &server).await, etag);
    for path in [STREAMING, DELTA] {
        assert_eq!(answers(&server, path, 404), 1, "{path}: once is enough, and one feed is followed once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_that_an_upstream_does_not_number_have_different_etags() {
    let _alone = ALONE.lock().await;
    let (server, edge) = Server::default().start().await;
    let etags = [reaches(&edge, &server).await, change(&edge, &server).await, change(&edge, &server).await];
    assert!(etags[0] != etags[1] && etags[1] != etags[2], "an SDK would be told that nothing has changed: {etags:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_that_is_refused_though_the_token_works_is_left() {
    let _alone = ALONE.lock().await;
    let (server, edge) =
        Server { revision: 7, deltas: true, refuses: vec![STREAMING], ..Server::default() }.start().await;
    reaches(&edge, &server).await;
    change(&edge, &server).await;
    assert_eq!(answers(&server, STREAMING, 403), 1);
}
