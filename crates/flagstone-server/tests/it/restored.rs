//! A backup that is restored: the log gives out numbers a second time, and no client may take the new for the old.

use axum::body::Body;
use axum::http::{Request, header};
use flagstone_store::{Options, Store};
use serde_json::{Value, json};

use crate::fixture::{Answer, Fixture};

const FEATURES: &str = "/api/admin/projects/default/features";

/// What a client asks with what it got the last time.
const PATHS: [&str; 3] = ["/api/client/features", "/api/client/features/one", "/api/client/delta"];

async fn open(path: &std::path::Path) -> Store {
    let url = format!("sqlite://{}", path.display()).parse().unwrap();
    Store::open(&url, &Options::default()).await.unwrap()
}

fn number(id: &str) -> &str {
    id.split('-').next().unwrap()
}

async fn ask(it: &Fixture, token: &str, path: &str, etag: &str) -> Answer {
    let request = Request::get(path).header(header::AUTHORIZATION, token).header(header::IF_NONE_MATCH, etag);
    it.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_client_of_before_is_told_what_there_is_now() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("flagstone.db"), folder.path().join("copy.db"));
    let switch = |name: &str| format!("{FEATURES}/{name}/environments/development/on");
    let (token, etags, last) = {
        let it = Fixture::on(open(&path).await, &[]).await;
        for name in ["one", "two"] {
            it.admin("POST", FEATURES, json!({ "name": name })).await.expect(201);
        }
        let token = it.token("default", "backend", "development").await;
        it.store.backup(&copy).await.unwrap();
        it.admin("POST", &switch("one"), Value::Null).await.expect(200);
        let mut etags = Vec::new();
        for path in PATHS {
            let etag = ask(&it, &token, path, "").await.expect(200).headers[header::ETAG].to_str().unwrap().to_owned();
            ask(&it, &token, path, &etag).await.expect(304);
            etags.push(etag);
        }
        let last = it.listen(&token, &[]).await.json().await.1;
        it.app.stop().await;
        (token, etags, last)
    };
    // A restart alone changes nothing for clients.
    let it = Fixture::on(open(&path).await, &[]).await;
    for (path, etag) in PATHS.iter().zip(&etags) {
        ask(&it, &token, path, etag).await.expect(304);
    }
    let resumed = it.listen(&token, &[("last-event-id", &last)]).await.event().await;
    assert!(!resumed.contains("data"), "{resumed}");
    it.app.stop().await;

    let it = Fixture::on(open(&copy).await, &[]).await;
    it.admin("POST", &switch("two"), Value::Null).await.expect(200);
    for (path, etag) in PATHS.iter().zip(&etags) {
        let answer = ask(&it, &token, path, etag).await;
        assert_eq!(answer.status, 200, "{path} {etag}");
        let is_same_number = answer.text.contains(&format!(":{}", number(&last)));
        assert!(is_same_number || path.ends_with("one"), "the number is given out again: {}", answer.text);
    }
    let (event, again, data) = it.listen(&token, &[("last-event-id", &last)]).await.json().await;
    assert_eq!((event.as_str(), &data["events"][0]["type"]), ("unleash-connected", &json!("hydration")));
    assert!(again != last && number(&again) == number(&last), "{again} {last}");
}

/// Of what a node does not remember, the log says what has changed since.
#[tokio::test]
async fn a_client_that_was_long_away_is_told_only_what_has_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flagstone.db");
    let it = Fixture::on(open(&path).await, &[]).await;
    for name in ["one", "two"] {
        it.admin("POST", FEATURES, json!({ "name": name })).await.expect(201);
    }
    let body = json!({ "tokenName": "all", "type": "backend", "environment": "development", "projects": ["*"] });
    let all = it.admin("POST", "/api/admin/api-tokens", body).await.expect(201).json()["secret"].clone();
    let all = all.as_str().unwrap().to_owned();
    let own = it.token("default", "backend", "development").await;
    let known = it.listen(&all, &[]).await.json().await.1;
    it.admin("POST", &format!("{FEATURES}/one/environments/development/on"), Value::Null).await.expect(200);
    it.admin("DELETE", &format!("{FEATURES}/two"), Value::Null).await.expect(202);
    // More commits than a start reads.
    for round in 0..600 {
        let body = json!({ "description": round.to_string() });
        it.admin("PUT", &format!("{FEATURES}/one"), body).await.expect(200);
    }
    it.app.stop().await;
    let it = Fixture::on(open(&path).await, &[]).await;
    for token in [&all, &own] {
        let (event, id, data) = it.listen(token, &[("last-event-id", &known)]).await.json().await;
        let told = data["events"].as_array().unwrap();
        let kinds: Vec<_> = told.iter().map(|event| event["type"].as_str().unwrap()).collect();
        assert_eq!((event.as_str(), &kinds[..]), ("unleash-updated", &["feature-removed", "feature-updated"][..]));
        assert_eq!((&told[0]["featureName"], &told[1]["feature"]["enabled"]), (&json!("two"), &json!(true)));
        let answer = ask(&it, token, "/api/client/delta", &format!("\"{known}\"")).await.expect(200);
        assert_eq!(answer.json(), data);
        ask(&it, token, "/api/client/delta", &format!("\"{id}\"")).await.expect(304);
        // Of another log: everything.
        let other = format!("{}-00000000", number(&known));
        assert_eq!(it.listen(token, &[("last-event-id", &other)]).await.json().await.0, "unleash-connected");
    }
    it.app.stop().await;
}
