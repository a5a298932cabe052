//! What has changed: deltas and streams.

use std::io::Read;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, header};
use flagstone_store::{DatabaseUrl, Options, Store};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::fixture::{Answer, Fixture};
use crate::world::{fixture, fixture_on, world};

async fn delta(it: &Fixture, token: &str, known: Option<&str>) -> Answer {
    let mut request = Request::get("/api/client/delta").header(header::AUTHORIZATION, token);
    if let Some(known) = known {
        request = request.header(header::IF_NONE_MATCH, known);
    }
    it.send(request.body(Body::empty()).unwrap()).await
}

fn etag(answer: &Answer) -> String {
    answer.headers["etag"].to_str().unwrap().to_owned()
}

/// The types of events, with the name of what they are about.
fn summary(answer: &Value) -> Vec<String> {
    let events = answer["events"].as_array().unwrap().iter();
    events
        .map(|event| {
            let about =
                [&event["feature"]["name"], &event["featureName"], &event["segment"]["id"], &event["segmentId"]];
            let about = about.into_iter().find(|value| !value.is_null()).map(|v| v.to_string().replace('"', ""));
            format!("{} {}", event["type"].as_str().unwrap(), about.unwrap_or_default()).trim().to_owned()
        })
        .collect()
}

/// The number in an event's id.
fn number(id: &str) -> u64 {
    id.split_once('-').unwrap().0.parse().unwrap()
}

async fn switch(it: &Fixture, flag: &str, environment: &str, on: &str) {
    let path = format!("POST /api/admin/projects/alpha/features/{flag}/environments/{environment}/{on}");
    it.check("admin", &path, Value::Null, "200").await;
}

#[tokio::test]
async fn a_delta_begins_with_everything_and_goes_on_with_what_has_changed() {
    let it = fixture().await;
    let backend = world().await.get("backend");
    let first = delta(&it, backend, None).await.expect(200);
    assert_eq!(summary(&first.json()), ["hydration"]);
    let known = etag(&first);
    let hydration = &first.json()["events"][0];
    assert_eq!(known, format!("\"{}-{}\"", hydration["eventId"], hydration["mark"].as_str().unwrap()));
    delta(&it, backend, Some(&known)).await.expect(304);
    switch(&it, "flag", "production", "on").await;
    delta(&it, backend, Some(&known)).await.expect(304);

    switch(&it, "flag", "development", "on").await;
    switch(&it, "flag", "development", "off").await;
    switch(&it, "flag", "development", "on").await;
    let next = delta(&it, backend, Some(&known)).await.expect(200);
    let changes = summary(&next.json());
    assert_eq!(changes.last().unwrap(), "feature-updated flag");
    assert!(changes[..changes.len() - 1].iter().all(|change| change.starts_with("segment-updated")), "{changes:?}");
    assert_eq!(next.json()["events"][changes.len() - 1]["feature"]["enabled"], true);
    delta(&it, backend, Some(&etag(&next))).await.expect(304);

    it.check("admin", "DELETE /api/admin/projects/alpha/features/flag", Value::Null, "202").await;
    let last = delta(&it, backend, Some(&etag(&next))).await.expect(200);
    assert!(summary(&last.json()).contains(&"feature-removed flag".to_owned()), "{}", last.text);
    // Who knows a revision that never was, or nothing at all, gets everything.
    let other_log = format!("\"{}-00000000\"", number(known.trim_matches('"')));
    for unknown in ["\"999999\"", "\"x\"", &other_log] {
        let answer = delta(&it, backend, Some(unknown)).await.expect(200);
        assert_eq!(summary(&answer.json()), ["hydration"], "{unknown}");
    }
}

#[tokio::test]
async fn a_delta_tells_nothing_of_other_projects() {
    let it = fixture().await;
    let backend = world().await.get("backend");
    let known = etag(&delta(&it, backend, None).await.expect(200));
    it.check("admin", "POST /api/admin/projects/omega/features/b-flag/environments/development/on", Value::Null, "200")
        .await;
    it.check("admin", "DELETE /api/admin/projects/omega/features/b-flag", Value::Null, "202").await;
    delta(&it, backend, Some(&known)).await.expect(304);
}

#[tokio::test]
async fn a_stream_tells_each_change_once_and_resumes() {
    let it = fixture().await;
    let backend = world().await.get("backend");
    let mut stream = it.listen(backend, &[]).await;
    let (event, first, data) = stream.json().await;
    assert_eq!((event.as_str(), summary(&data)), ("unleash-connected", vec!["hydration".to_owned()]));
    // What is none of this stream's business is not told; each of the others is told once, in the order of the changes.
    let (mut seen, mut second) = (vec![first.clone()], String::new());
    for on in ["on", "off", "on"] {
        switch(&it, "flag", "production", if on == "on" { "off" } else { "on" }).await;
        switch(&it, "flag", "development", on).await;
        let (event, id, data) = stream.json().await;
        let told = data["events"].as_array().unwrap();
        let flag = told.iter().filter(|event| event["feature"]["name"] == "flag");
        let states: Vec<_> = flag.map(|event| event["feature"]["enabled"] == (on == "on")).collect();
        assert_eq!((event.as_str(), states), ("unleash-updated", vec![true]), "{data}");
        assert!(number(&id) > number(seen.last().unwrap()), "{id} after {seen:?}");
        seen.push(id.clone());
        second = id;
    }
    // All that was to be told has been: nothing but this change comes now.
    it.check("admin", "POST /api/admin/projects/alpha/features", json!({"name": "the-end"}), "201").await;
    let (_, last, data) = stream.json().await;
    assert_eq!(summary(&data), ["feature-updated the-end"], "something is told twice after {second}: {data}");
    let second = last;
    drop(stream);

    switch(&it, "flag", "development", "off").await;
    let mut resumed = it.listen(backend, &[("last-event-id", &second)]).await;
    let (event, third, data) = resumed.json().await;
    assert_eq!(event, "unleash-updated");
    assert!(number(&third) > number(&second) && summary(&data).contains(&"feature-updated flag".to_owned()), "{data}");
    let mut current = it.listen(backend, &[("last-event-id", &third)]).await;
    assert!(!current.event().await.contains("data"), "nothing is new");
    for unknown in ["999999", "x"] {
        assert_eq!(it.listen(backend, &[("last-event-id", unknown)]).await.json().await.0, "unleash-connected");
    }
}

/// What has happened to it before a node started, the node does not remember, and need not.
#[tokio::test]
async fn a_project_that_was_quiet_for_long_is_told_of_by_its_changes_alone() {
    const REMEMBERED: usize = 500;
    let store = Arc::new(Store::open(&DatabaseUrl::Memory, &Options::default()).await.unwrap());
    let before = Fixture::on_shared(Arc::clone(&store), &[]).await;
    before.admin("POST", "/api/admin/projects", json!({"id": "other", "name": "Other"})).await.expect(201);
    for (project, name) in [("default", "first"), ("other", "busy")] {
        let path = format!("/api/admin/projects/{project}/features");
        before.admin("POST", &path, json!({"name": name})).await.expect(201);
    }
    let token = before.token("default", "backend", "development").await;
    for round in 0..=REMEMBERED {
        let on = ["on", "off"][round % 2];
        let path = format!("/api/admin/projects/other/features/busy/environments/development/{on}");
        before.admin("POST", &path, Value::Null).await.expect(200);
    }
    let it = Fixture::on_shared(store, &[]).await;
    let mut stream = it.listen(&token, &[]).await;
    assert_eq!(summary(&stream.json().await.2), ["hydration"]);
    it.admin("POST", "/api/admin/projects/default/features", json!({"name": "second"})).await.expect(201);
    assert_eq!(summary(&stream.json().await.2), ["feature-updated second"]);
}

/// An environment where nothing happens, with or without somebody who listens, lives on while the state changes.
#[tokio::test]
async fn idle_streams_and_environments_keep_no_old_state() {
    let it = fixture().await;
    let production = it.token("alpha", "backend", "production").await;
    let mut quiet = it.listen(&production, &[]).await;
    quiet.json().await;
    let mut stream = it.listen(world().await.get("backend"), &[]).await;
    stream.json().await;
    let documents = || {
        let state = it.app.public().state.clone();
        let revision = state.revisions.get("development/alpha").map(Arc::downgrade).unwrap();
        (Arc::downgrade(state.features.get("flag").unwrap()), revision)
    };
    for round in 0..3 {
        let (flag, revision) = documents();
        assert!(flag.upgrade().is_some() && revision.upgrade().is_some());
        let strategy = json!({"name": "default", "title": round.to_string()});
        let path = "POST /api/admin/projects/alpha/features/flag/environments/development/strategies";
        it.check("admin", path, strategy, "200").await;
        stream.json().await;
        assert!(flag.upgrade().is_none(), "round {round}: somebody keeps a feature as it was before");
        assert!(revision.upgrade().is_none(), "round {round}: somebody keeps the state of before");
    }
}

/// Who comes back from an idle stream knows as much as the others: it needs nothing of the time before.
#[tokio::test(start_paused = true)]
async fn a_heartbeat_says_how_far_a_stream_has_come() {
    let it = fixture_on(&DatabaseUrl::Memory, &[]).await;
    let feature = async |project: &str, name: &str| {
        it.admin("POST", &format!("/api/admin/projects/{project}/features"), json!({"name": name})).await.expect(201);
    };
    let token = it.token("alpha", "backend", "development").await;
    let mut stream = it.listen(&token, &[]).await;
    let first = stream.json().await.1;
    feature("omega", "elsewhere").await;
    let beat = stream.event().await;
    let id = beat.lines().find_map(|line| line.strip_prefix("id: ")).unwrap_or_else(|| panic!("{beat}")).to_owned();
    assert!(number(&id) > number(&first) && !beat.contains("data"), "{beat}");
    feature("alpha", "another").await;
    let mut resumed = it.listen(&token, &[("last-event-id", &id)]).await;
    for stream in [&mut stream, &mut resumed] {
        assert_eq!(summary(&stream.json().await.2), ["feature-updated another"]);
    }
}

#[tokio::test]
async fn t6_a_stream_ends_with_its_token() {
    let it = fixture().await;
    let token = it.token("alpha", "backend", "development").await;
    let mut stream = it.listen(&token, &[]).await;
    let mut other = it.listen(world().await.get("backend"), &[]).await;
    stream.json().await;
    other.json().await;
    let selector = &token.split("v2_").nth(1).unwrap()[..22];
    it.admin("DELETE", &format!("/api/admin/projects/alpha/api-tokens/{selector}"), Value::Null).await.expect(200);
    assert_eq!(stream.event().await, "", "the stream of a deleted token goes on");
    switch(&it, "flag", "development", "on").await;
    assert_eq!(other.json().await.0, "unleash-updated", "the stream of another token ended with it");
}

/// Nothing else happens: the expiry itself must wake whoever ends streams.
#[tokio::test]
async fn t6_a_stream_ends_at_its_tokens_expiry() {
    let it = fixture().await;
    let expiry = it.app.now().plus_millis(300).to_string();
    let body = json!({"type": "backend", "tokenName": "brief", "environment": "development", "expiresAt": expiry});
    let token = it.admin("POST", "/api/admin/projects/alpha/api-tokens", body).await.expect(201).json();
    let mut stream = it.listen(token["secret"].as_str().unwrap(), &[]).await;
    let mut other = it.listen(world().await.get("backend"), &[]).await;
    stream.json().await;
    other.json().await;
    it.advance(300);
    assert_eq!(stream.event().await, "", "the stream of an expired token goes on");
    switch(&it, "flag", "development", "on").await;
    assert_eq!(other.json().await.0, "unleash-updated", "the stream of another token ended with it");
}

#[tokio::test]
async fn streams_are_limited_by_token_and_by_address() {
    for (option, expect) in [("--streams-max", "STREAMS_MAX"), ("--streams-per-token-max", "STREAMS_PER_TOKEN_MAX")] {
        let it = Fixture::with(&[option, "2"]).await;
        let token = it.token("default", "backend", "development").await;
        let open = [it.listen(&token, &[]).await, it.listen(&token, &[]).await];
        let refused = it.call(&token, "GET", "/api/client/streaming", Value::Null).await.expect(503);
        assert!(refused.text.contains(expect) && refused.headers.contains_key("retry-after"), "{}", refused.text);
        drop(open);
        it.call(&token, "GET", "/api/client/streaming", Value::Null).await.expect(200);
    }
}

#[tokio::test]
async fn one_token_listens_to_so_many_different_queries() {
    let it = fixture().await;
    let (backend, path) = (world().await.get("backend"), |prefix: usize| format!("?namePrefix=x{prefix}"));
    let mut open = Vec::new();
    for prefix in 0..32 {
        open.push(it.listen_to(backend, &path(prefix), &[]).await);
    }
    let refused = it.call(backend, "GET", &format!("/api/client/streaming{}", path(32)), Value::Null).await.expect(503);
    assert!(refused.text.contains("different queries"), "{}", refused.text);
    // One that others listen to, none at all, and another token's.
    open.push(it.listen_to(backend, &path(0), &[]).await);
    open.push(it.listen(backend, &[]).await);
    open.push(it.listen_to(&it.token("alpha", "backend", "development").await, &path(32), &[]).await);
    drop(open);
    it.listen_to(backend, &path(32), &[]).await;
}

#[tokio::test]
async fn every_form_of_an_answer_is_the_same_answer() {
    let it = Fixture::new().await;
    let token = it.token("default", "backend", "development").await;
    for number in 0..30 {
        it.admin("POST", "/api/admin/projects/default/features", json!({"name": format!("flag-{number}")})).await;
    }
    let get = async |path: &str, coding: &str| {
        let request = Request::get(path).header(header::AUTHORIZATION, &token).header(header::ACCEPT_ENCODING, coding);
        let response = it.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
        let (parts, body) = response.into_parts();
        (parts.headers, body.collect().await.unwrap().to_bytes())
    };
    for path in ["/api/client/features", "/api/client/delta"] {
        let (plain, expect) = get(path, "identity").await;
        assert!(!plain.contains_key(header::CONTENT_ENCODING) && expect.starts_with(b"{"));
        for (coding, decode) in DECODERS {
            let (headers, body) = get(path, coding).await;
            assert_eq!(headers[header::CONTENT_ENCODING], coding);
            assert_eq!(headers[header::VARY], "Accept-Encoding");
            assert_eq!(headers[header::ETAG], plain[header::ETAG]);
            assert!(body.len() < expect.len() && decode(&body) == expect, "{path} as {coding} is another answer");
        }
    }
}

/// How a form becomes the body again.
type Decode = fn(&[u8]) -> Vec<u8>;

const DECODERS: [(&str, Decode); 3] = [("gzip", gunzip), ("br", unbrotli), ("zstd", unzstd)];

fn gunzip(body: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    flate2::read::GzDecoder::new(body).read_to_end(&mut decoded).unwrap();
    decoded
}

fn unbrotli(mut body: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    brotli::BrotliDecompress(&mut body, &mut decoded).unwrap();
    decoded
}

fn unzstd(body: &[u8]) -> Vec<u8> {
    zstd::bulk::decompress(body, 1 << 20).unwrap()
}

const SEGMENTS: &str = "/api/admin/segments";

/// Segments by the ids in an answer of any form.
fn segment_ids(answer: &Value) -> Vec<i64> {
    let hydration = &answer["events"][0];
    let list = if answer["segments"].is_array() { &answer["segments"] } else { &hydration["segments"] };
    list.as_array().unwrap().iter().map(|segment| segment["id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn a_scope_holds_the_segments_that_its_features_use_and_no_others() {
    let (it, world) = (fixture().await, world().await);
    let id = |name: &str| world.get(name).parse::<i64>().unwrap();
    let (shared, own, theirs) = (id("shared segment"), id("own segment"), id("omega's segment"));
    let body = json!({"type": "backend", "tokenName": "all", "environment": "development"});
    let made = it.admin("POST", "/api/admin/api-tokens", body).await.expect(201).json();
    let everybody = made["secret"].as_str().unwrap();
    let omega = it.token("omega", "backend", "development").await;
    let check = async |token: &str, query: &str, expect: &[i64]| {
        let polled = Request::get(format!("/api/client/features{query}")).header("unleash-client-spec", "5.2.0");
        let polled =
            it.send(polled.header(header::AUTHORIZATION, token).body(Body::empty()).unwrap()).await.expect(200);
        let changed = it.call(token, "GET", &format!("/api/client/delta{query}"), Value::Null).await.expect(200);
        let heard = it.call(token, "GET", &format!("/api/client/streaming{query}"), Value::Null).await.expect(200);
        let data = heard.text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        for answer in [polled.json(), changed.json(), serde_json::from_str(data).unwrap()] {
            assert_eq!(segment_ids(&answer), expect, "{query}: {answer}");
        }
    };
    check(world.get("backend"), "", &[shared, own]).await;
    check(&omega, "", &[theirs]).await;
    check(everybody, "", &[shared, own, theirs]).await;
    check(everybody, "?project=omega", &[theirs]).await;
    check(everybody, "?namePrefix=b-flag", &[theirs]).await;
    check(everybody, "?namePrefix=nothing", &[]).await;
}

#[tokio::test]
async fn a_delta_tells_of_a_segment_when_a_feature_of_the_scope_begins_to_use_it() {
    let (it, world) = (fixture().await, world().await);
    let backend = world.get("backend");
    let known = etag(&delta(&it, backend, None).await.expect(200));
    let change = |values: Value| json!({"name": "theirs", "project": "omega", "constraints": [{"contextName": "userId", "operator": "IN", "values": values}]});
    it.check("admin", &format!("PUT {SEGMENTS}/{}", world.get("omega's segment")), change(json!(["secret"])), "204")
        .await;
    delta(&it, backend, Some(&known)).await.expect(304);

    // Nobody uses it so far, so that nobody hears of it.
    let spare = world.get("spare segment");
    let strategy = json!({"name": "default", "segments": [spare.parse::<i64>().unwrap()]});
    it.check(
        "admin",
        "POST /api/admin/projects/alpha/features/flag/environments/development/strategies",
        strategy,
        "200",
    )
    .await;
    let next = delta(&it, backend, Some(&known)).await.expect(200);
    let told = summary(&next.json());
    assert!(told.contains(&format!("segment-updated {spare}")), "{told:?}");
    assert!(
        !told.contains(&format!("segment-updated {}", world.get("omega's segment"))) && !next.text.contains("secret"),
        "{told:?}"
    );
}
