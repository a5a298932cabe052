//! An edge in this process.

use std::path::Path;

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use clap::Parser;
use flagstone_model::api_tokens::TokenKind;
use serde_json::{Value, json};

use super::*;

/// An edge behind `url` that has been shown a backend token of each environment, all projects, and follows nothing yet.
pub fn edge(url: &str, environments: &[&str], backup: Option<Backup>) -> Edge {
    let settings = DeliverySettings {
        trusted_proxies: Vec::new(),
        frontend_origins: Vec::new(),
        cors_max_age_s: 0,
        metrics_storage_days: 1,
        secure: false,
        streams: crate::delivery::StreamLimits { all: 1, per_token: None, per_address: None },
    };
    let (edge, _) = Edge::new(Parts {
        upstream: Some(Upstream::new(url.to_owned(), Carrier::Network).unwrap()),
        without_upstream: WithoutUpstream::AllIsKnown,
        given: Vec::new(),
        issuer: None,
        bootstrap: None,
        backup,
        remote: None,
        pace: Pace::default(),
        settings,
        schemas: Schemas::of(&[]).unwrap(),
    });
    for environment in environments {
        let secret = format!("*:{environment}.secret");
        edge.tokens_mut().add(tokens::given(&secret, TokenKind::Backend, None).unwrap(), Some(secret));
    }
    edge
}

/// Nobody listens there.
pub const NOWHERE: &str = "http://127.0.0.1:9";

/// Serves until the test ends; the URL.
pub async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
    url
}

/// An upstream that describes every token in these words, and has nothing else to say.
fn describes(words: Value) -> Router {
    Router::new().route(
        "/edge/validate",
        post(async move |Json(asked): Json<Value>| {
            let describe = |token: &Value| {
                let mut words = words.clone();
                words["token"] = token.clone();
                words
            };
            let tokens: Vec<Value> = asked["tokens"].as_array().unwrap().iter().map(describe).collect();
            Json(json!({ "tokens": tokens }))
        }),
    )
}

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    options: EdgeOptions,
}

/// An edge that was started with these words.
async fn started(words: &[&str]) -> Edge {
    let command = Command::parse_from(["edge"].iter().chain(words));
    Edge::begin(&command.options, Schemas::of(&[]).unwrap()).await.unwrap()
}

/// A document with a flag in each of three projects, as an answer to `query`.
fn document(folder: &Path, query: &Value) -> String {
    let features =
        ["one", "two", "three"].map(|project| json!({ "name": format!("of-{project}"), "project": project }));
    let path = folder.join("bootstrap.json");
    std::fs::write(&path, json!({ "features": features, "query": query }).to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The projects of a token; nothing if it is refused.
async fn projects(edge: &Edge, secret: &str) -> Option<Vec<String>> {
    edge.token(secret).await.ok().map(|token| token.projects.clone())
}

#[tokio::test]
async fn f21_an_edge_takes_its_locks_in_one_order() {
    let folder = tempfile::tempdir().unwrap();
    let edge = edge(NOWHERE, &["development", "production"], Some(Backup::new(folder.path()).unwrap()));
    let known: Vec<_> = edge.tokens().known().map(|known| Arc::clone(&known.token)).collect();
    for token in &known {
        edge.follow(token);
        let document = serde_json::from_str(r#"{"features":[{"name":"flag"}]}"#).unwrap();
        edge.feeds().of(token).unwrap().take_document(&document, Some(crate::delivery::Revision::number(1))).unwrap();
    }
    // A lock out of its turn is a panic, see `locks`.
    assert_eq!(edge.all().count(), 4, "two tokens and two feeds");
    edge.save().await.unwrap();
    assert!(edge.is_ready());
    edge.learn(Arc::clone(&known[0]), "*:development.secret".to_owned());
    edge.delivery(&known[0]).unwrap();
    edge.forget(&known[0].hash);
    assert!(edge.current(&known[0]).is_none());
    assert_eq!(edge.all().count(), 2);
}

const SEVERAL: &str = "[]:development.secret";

#[tokio::test]
async fn f19_what_a_token_of_several_projects_may_see_is_never_guessed() {
    let folder = tempfile::tempdir().unwrap();
    for (query, expect) in [
        (json!(null), None),
        (json!({ "environment": "development" }), None),
        (json!({ "project": ["one"], "environment": "production" }), None),
        (json!({ "project": "one" }), None),
        (
            json!({ "project": ["one", "two"], "environment": "development" }),
            Some(vec!["one".to_owned(), "two".to_owned()]),
        ),
        (json!({ "project": ["one", "two"] }), Some(vec!["one".to_owned(), "two".to_owned()])),
    ] {
        let file = document(folder.path(), &query);
        let other = "three:development.secret";
        let edge = started(&["--bootstrap-file", &file, "--tokens", SEVERAL, "--frontend-tokens", other]).await;
        assert_eq!(projects(&edge, SEVERAL).await, expect, "{query}");
        assert_eq!(projects(&edge, other).await, Some(vec!["three".to_owned()]), "one that names its project works");
    }
}

#[tokio::test]
async fn f19_the_word_of_the_upstream_replaces_what_was_believed() {
    let folder = tempfile::tempdir().unwrap();
    let file = document(folder.path(), &json!(null));
    let words = json!({ "type": "client", "projects": ["two", "one"], "environment": "development" });
    let url = serve(describes(words)).await;
    // The operator's word says more than the upstream's.
    let (wide, other) = ("*:development.secret", "three:development.secret");
    let tokens = [wide, SEVERAL].join(",");
    let edge = started(&["--bootstrap-file", &file, "--tokens", &tokens, "--upstream-url", &url]).await;
    let mut changed = edge.revisions();
    let corrected = || edge.known_tokens().iter().all(|token| token.projects == ["one", "two"]);
    changed.wait_for(|_| corrected() && edge.feeds().iter().all(|line| line.feed.projects != ["*"])).await.unwrap();
    let expect = Some(vec!["one".to_owned(), "two".to_owned()]);
    assert_eq!(projects(&edge, wide).await, expect);
    assert_eq!(projects(&edge, SEVERAL).await, expect);
    // A feed of those two must not stand for all: another project's SDKs would get an empty answer.
    let other = tokens::given(other, TokenKind::Backend, None).unwrap();
    assert!(edge.delivery(&other).is_err());
    let token = edge.token(wide).await.unwrap();
    let delivery = edge.delivery(&token).unwrap();
    let names: Vec<_> = delivery.content().features().map(|(item, _)| item.name.as_str()).collect();
    assert_eq!(names, ["of-one", "of-two"], "what was there is served until the upstream has spoken");
}

#[tokio::test]
async fn what_an_old_upstream_does_not_say_of_a_token_its_text_says() {
    for (words, secret, expect) in [
        (json!({ "projects": ["one"] }), "one:development.secret", Some(("development", vec!["one"]))),
        (json!({}), "one:development.secret", Some(("development", vec!["one"]))),
        (json!({}), "*:development.secret", Some(("development", vec!["*"]))),
        (json!({ "projects": ["two", "one"] }), SEVERAL, Some(("development", vec!["one", "two"]))),
        (
            json!({ "environment": null, "projects": null }),
            "one:development.secret",
            Some(("development", vec!["one"])),
        ),
        (json!({ "environment": "production", "projects": ["two"] }), "secret", Some(("production", vec!["two"]))),
        (json!({ "environment": "development" }), SEVERAL, None),
        (json!({ "projects": ["one"] }), "secret", None),
    ] {
        let mut described = words.clone();
        described["type"] = json!("client");
        let edge = started(&["--upstream-url", &serve(describes(described)).await]).await;
        let found = edge.token(secret).await.ok().map(|token| (token.environment.clone(), token.projects.clone()));
        let expect = expect.map(|(environment, projects)| {
            (environment.to_owned(), projects.into_iter().map(str::to_owned).collect::<Vec<_>>())
        });
        assert_eq!(found, expect, "{secret} as {words}");
    }
}

const WIDE: &str = "*:development.secret";

/// An upstream whose streams are as `stream` makes them the first time, and after that; it answers deltas and polls.
fn streams_badly(stream: fn() -> Response, later: fn() -> Response) -> Router {
    let tried = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let stream = async move || {
        let is_first = tried.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
        if is_first { stream() } else { later() }
    };
    let delta = async |headers: HeaderMap| {
        if headers.contains_key(header::IF_NONE_MATCH) {
            return StatusCode::NOT_MODIFIED.into_response();
        }
        Json(json!({ "events": [{ "type": "hydration", "eventId": 7, "features": [{ "name": "asked" }] }] }))
            .into_response()
    };
    describes(json!({ "type": "client" }))
        .route("/api/client/streaming", get(stream))
        .route("/api/client/delta", get(delta))
}

fn events(body: axum::body::Body) -> Response {
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

fn silent() -> Response {
    events(axum::body::Body::from_stream(futures_util::stream::pending::<std::io::Result<Vec<u8>>>()))
}

/// The name of the first flag that an edge has; waits for it.
async fn first_flag(edge: &Edge) -> String {
    let mut changed = edge.revisions();
    let delivery = || edge.feeds().iter().next().and_then(|line| line.feed.delivery());
    changed.wait_for(|_| delivery().is_some()).await.unwrap();
    delivery().unwrap().content().features().next().unwrap().0.name.clone()
}

#[tokio::test]
async fn f20_an_edge_whose_streams_do_not_work_asks() {
    type Case = (&'static str, fn() -> Response);
    let bad: [Case; 8] = [
        ("403", || StatusCode::FORBIDDEN.into_response()),
        ("404", || StatusCode::NOT_FOUND.into_response()),
        ("429", || StatusCode::TOO_MANY_REQUESTS.into_response()),
        ("502", || (StatusCode::BAD_GATEWAY, "<html>").into_response()),
        ("a page", || (StatusCode::OK, [(header::CONTENT_TYPE, "text/html")], "<html>").into_response()),
        ("no event", || events("event: unleash-connected\ndata: <html>\n\n".into())),
        ("ends at once", || events(axum::body::Body::empty())),
        ("silent", silent),
    ];
    let look = async |(what, stream): Case| {
        let url = serve(streams_badly(stream, stream)).await;
        let edge = started(&["--upstream-url", &url, "--tokens", WIDE]).await;
        let found = tokio::time::timeout(Duration::from_secs(30), first_flag(&edge)).await;
        assert_eq!(found.as_deref(), Ok("asked"), "{what}");
        assert!(edge.is_ready(), "{what}");
    };
    futures_util::future::join_all(bad.map(look)).await;
}

#[tokio::test]
async fn f20_streams_that_work_again_are_used_again() {
    let well = || {
        let event = r#"{"type":"hydration","eventId":8,"features":[{"name":"streamed"}]}"#;
        let event = format!("event: unleash-updated\ndata: {{\"events\":[{event}]}}\n\n").into_bytes();
        let event = futures_util::stream::iter([std::io::Result::Ok(event)]);
        let stream = futures_util::StreamExt::chain(event, futures_util::stream::pending());
        events(axum::body::Body::from_stream(stream))
    };
    let url = serve(streams_badly(|| StatusCode::SERVICE_UNAVAILABLE.into_response(), well)).await;
    // Long after the test.
    let edge =
        started(&["--upstream-url", &url, "--tokens", WIDE, "--features-refresh-interval-seconds", "3600"]).await;
    assert_eq!(first_flag(&edge).await, "asked");
    let mut changed = edge.revisions();
    let streamed = || {
        edge.feeds().iter().any(|line| line.feed.delivery().is_some_and(|d| d.content().feature("streamed").is_some()))
    };
    changed.wait_for(|_| streamed()).await.unwrap();
}

#[tokio::test]
async fn f23_an_unreadable_feed_in_a_sound_backup_does_not_stop_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let feed = |environment: &str, changes: &str| {
        let place = Place { environment: environment.to_owned(), projects: vec!["*".to_owned()] };
        News::Feed(Arc::new(place), serde_json::value::RawValue::from_string(changes.to_owned()).unwrap())
    };
    let of_newer = r#"{"events":[{"type":"hydration","eventId":7,"features":{"a":{}}}]}"#;
    let good = r#"{"events":[{"type":"hydration","eventId":7,"features":[{"name":"flag"}]}]}"#;
    let tokens = ["development", "production"].map(|environment| {
        let secret = format!("*:{environment}.secret");
        tokens::given(&secret, TokenKind::Backend, None).unwrap()
    });
    for unreadable in [of_newer, "7", r#"{"events":[{"type":"hydration","eventId":7}]}"#] {
        let feeds = [feed("development", unreadable), feed("production", good)];
        let news = tokens.iter().map(|token| News::Token(Arc::clone(token))).chain(feeds);
        Backup::new(folder.path()).unwrap().begin().await.rewrite(news).unwrap();
        let edge = started(&["--backup-folder", folder.path().to_str().unwrap(), "--upstream-url", NOWHERE]).await;
        assert!(edge.delivery(&tokens[0]).is_err(), "{unreadable}");
        assert_eq!(edge.delivery(&tokens[1]).unwrap().content().features_count(), 1, "{unreadable}");
    }
}

/// Waits until an edge has been told of something and `has` holds.
async fn until(edge: &Edge, has: impl Fn() -> bool) {
    let mut changed = edge.revisions();
    tokio::time::timeout(Duration::from_secs(30), changed.wait_for(|_| has())).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_bootstrap_file_is_read_again_when_it_changes_and_never_takes_flags_away_by_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let file = document(folder.path(), &json!(null));
    let tokens = [WIDE, "one:development.secret"].join(",");
    let edge = started(&["--bootstrap-file", &file, "--tokens", &tokens, "--reload-interval", "1"]).await;
    let names = |secret: &str| {
        let token = edge.tokens().known_by(&hash(secret)).map(Arc::clone).unwrap();
        let delivery = edge.delivery(&token).unwrap();
        let seen = delivery.content().features().map(|(item, _)| item).filter(|item| token.covers(&item.project));
        (delivery.revision().number, seen.map(|item| item.name.clone()).collect::<Vec<_>>().join(","))
    };
    assert_eq!(names(WIDE), (0, "of-one,of-three,of-two".to_owned()));
    let write = |text: &str| {
        let new = folder.path().join("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(&new, &file).unwrap();
    };
    write(r#"{"features":[{"name":"other","project":"one"}]}"#);
    until(&edge, || names(WIDE).1 == "other").await;
    assert_eq!(names(WIDE).0, 1, "a client that has the first ones is told");
    assert_eq!(names("one:development.secret").1, "other");
    let mut changed = edge.revisions();
    changed.mark_unchanged();
    write("{");
    changed.changed().await.unwrap();
    assert_eq!(names(WIDE), (1, "other".to_owned()), "what cannot be read takes nothing away");
    write(r#"{"features":[]}"#);
    until(&edge, || names(WIDE).1.is_empty()).await;
}

#[tokio::test]
async fn a_token_of_which_a_file_says_more_later_is_followed_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let file = document(folder.path(), &json!(null));
    // It says nothing of tokens until it is told to, and then has other flags than the file.
    let speaks = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let words = json!({ "type": "client", "projects": ["one"], "environment": "development" });
    let of = Arc::clone(&speaks);
    let away = axum::middleware::from_fn(move |request, next: axum::middleware::Next| {
        let is_away = !of.load(std::sync::atomic::Ordering::Relaxed);
        async move { if is_away { StatusCode::SERVICE_UNAVAILABLE.into_response() } else { next.run(request).await } }
    });
    let delta = async || {
        Json(
            json!({ "events": [{ "type": "hydration", "eventId": 7, "features": [{ "name": "followed", "project": "one" }] }] }),
        )
    };
    let url = serve(describes(words).route("/api/client/delta", get(delta)).layer(away)).await;
    let words = ["--bootstrap-file", &file, "--tokens", SEVERAL, "--upstream-url", &url, "--reload-interval", "1"];
    let edge = started(&words).await;
    assert!(edge.feeds().is_empty(), "nobody knows what it is for");
    document(folder.path(), &json!({ "project": ["one"], "environment": "development" }));
    let has = |name: &str| {
        edge.feeds().iter().any(|line| line.feed.delivery().is_some_and(|d| d.content().feature(name).is_some()))
    };
    until(&edge, || has("of-one")).await;
    speaks.store(true, std::sync::atomic::Ordering::Relaxed);
    until(&edge, || has("followed")).await;
}

#[tokio::test]
async fn what_the_upstream_says_is_not_replaced_by_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = document(folder.path(), &json!(null));
    let url = serve(describes(json!({ "type": "client" }))).await;
    let words = ["--bootstrap-file", &file, "--tokens", WIDE, "--upstream-url", &url, "--reload-interval", "1"];
    let edge = started(&words).await;
    let first = || edge.feeds().iter().next().map(Arc::clone).unwrap();
    let names = || first().feed.delivery().unwrap().content().features_count();
    std::fs::write(&file, r#"{"features":[{"name":"other"}]}"#).unwrap();
    until(&edge, || names() == 1).await;
    assert_eq!(first().feed.known(), None, "the upstream is never asked to go on from a file");
    first().feed.hear();
    let mut changed = edge.revisions();
    changed.mark_unchanged();
    std::fs::write(&file, r#"{"features":[{"name":"a"},{"name":"b"}]}"#).unwrap();
    changed.changed().await.unwrap();
    assert_eq!(names(), 1);
}
