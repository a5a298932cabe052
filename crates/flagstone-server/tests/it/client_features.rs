//! The client API: what server-side SDKs poll and report.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use crate::fixture::{Answer, Fixture};
use crate::world::{fixture, world};

const FEATURES: &str = "/api/client/features";

async fn poll(it: &Fixture, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get(FEATURES).header(header::AUTHORIZATION, world().await.get("backend"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    it.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn an_sdk_polls_and_is_told_when_nothing_is_new() {
    let it = fixture().await;
    let first = poll(&it, &[]).await.expect(200);
    let etag = first.headers["etag"].to_str().unwrap().to_owned();
    for tag in [etag.clone(), format!("W/{etag}"), format!("\"other\", {etag}")] {
        let again = poll(&it, &[("if-none-match", &tag)]).await.expect(304);
        assert_eq!((again.text.as_str(), again.headers["etag"].to_str().unwrap()), ("", etag.as_str()));
    }
    poll(&it, &[("if-none-match", "\"other\"")]).await.expect(200);
    // A change elsewhere is none for this environment.
    it.check("admin", "POST /api/admin/projects/alpha/features/flag/environments/production/on", Value::Null, "200")
        .await;
    poll(&it, &[("if-none-match", &etag)]).await.expect(304);
    it.check("admin", "POST /api/admin/projects/alpha/features/flag/environments/development/on", Value::Null, "200")
        .await;
    poll(&it, &[("if-none-match", &etag)]).await.expect(200);
}

/// A change in one project is none for the SDKs of others, whatever it is: they go on with what they have.
#[tokio::test]
async fn a_change_in_another_project_is_not_news() {
    let it = fixture().await;
    let (alpha, omega) =
        (it.token("alpha", "backend", "development").await, it.token("omega", "backend", "development").await);
    let ask = async |token: &str, etag: &str| {
        let request = Request::get(FEATURES).header(header::AUTHORIZATION, token).header(header::IF_NONE_MATCH, etag);
        it.send(request.body(Body::empty()).unwrap()).await
    };
    let etag = async |token: &str| ask(token, "").await.expect(200).headers["etag"].to_str().unwrap().to_owned();
    let (of_alpha, of_omega) = (etag(&alpha).await, etag(&omega).await);
    it.check("admin", "POST /api/admin/projects/alpha/features/flag/environments/development/on", Value::Null, "200")
        .await;
    ask(&omega, &of_omega).await.expect(304);
    ask(&alpha, &of_alpha).await.expect(200);
    let (of_alpha, of_omega) = (etag(&alpha).await, etag(&omega).await);
    // A segment that only features of `omega` name.
    let segment = format!("PUT /api/admin/segments/{}", world().await.get("omega's segment"));
    let constraint = json!({"contextName": "userId", "operator": "IN", "values": ["1"]});
    let body = json!({"name": "theirs", "project": "omega", "constraints": [constraint]});
    it.check("admin", &segment, body, "204").await;
    ask(&alpha, &of_alpha).await.expect(304);
    assert!(ask(&omega, &of_omega).await.expect(200).text.contains("\"values\":[\"1\"]"));
    // Who leaves a project is news there as well.
    let (of_alpha, of_omega) = (etag(&alpha).await, etag(&omega).await);
    it.check("admin", "DELETE /api/admin/projects/alpha/features/flag", Value::Null, "202").await;
    ask(&omega, &of_omega).await.expect(304);
    assert!(!ask(&alpha, &of_alpha).await.expect(200).text.contains("\"flag\""));
}

#[tokio::test]
async fn segments_are_named_or_inlined_by_the_sdks_specification() {
    let it = fixture().await;
    let flag =
        |answer: &Value| answer["features"].as_array().unwrap().iter().find(|f| f["name"] == "flag").unwrap().clone();
    for (specification, named) in [(None, false), (Some("4.1.0"), false), (Some("4.2.0"), true), (Some("5.1.0"), true)]
    {
        let headers: Vec<_> = specification.map(|s| ("unleash-client-spec", s)).into_iter().collect();
        let answer = poll(&it, &headers).await.expect(200).json();
        assert_eq!(answer.get("segments").is_some(), named, "{specification:?}");
        let strategy = &flag(&answer)["strategies"][0];
        assert_eq!(strategy.get("segments").is_some(), named, "{specification:?}: {strategy}");
        let constraints = strategy["constraints"].as_array().unwrap().len();
        assert_eq!(constraints, if named { 1 } else { 2 }, "{specification:?}: {strategy}");
    }
    poll(&it, &[("unleash-client-spec", "new")]).await.expect(400);
}

#[tokio::test]
async fn the_query_narrows_what_the_token_may_see() {
    let it = fixture().await;
    let names = async |query: &str| {
        let path = format!("{FEATURES}?{query}");
        let answer = it.call(world().await.get("backend"), "GET", &path, Value::Null).await.expect(200).json();
        let names = answer["features"].as_array().unwrap().clone();
        names.iter().map(|f| f["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("namePrefix=fl").await, ["flag"]);
    assert_eq!(names("namePrefix=zzz").await, [""; 0]);
    assert_eq!(names("tag=team:blue").await, ["flag"]);
    assert_eq!(names("tag=team:blue&tag=team:red&project=alpha").await, ["flag"]);
    assert_eq!(names("tag=team:blue&namePrefix=x").await, [""; 0]);
    assert_eq!(names("tag=team:red").await, [""; 0]);
    it.check("backend", &format!("GET {FEATURES}?tag=team"), Value::Null, "400 BadDataError /query/tag/0").await;
    assert_eq!(names("project=alpha").await.len(), 5);
    assert_eq!(names("project=omega").await, [""; 0]);
    assert!(!names("project=omega&project=alpha").await.contains(&"b-flag".to_owned()));
    it.check("backend", "GET /api/client/features/flag", Value::Null, "200").await;
    for name in ["nothing", "b-flag", "old"] {
        it.check("backend", &format!("GET /api/client/features/{name}"), Value::Null, "404 NotFoundError").await;
    }
}

#[tokio::test]
async fn who_asks_by_tag_is_told_when_a_feature_gets_and_loses_it() {
    let it = fixture().await;
    let ask = async |path: &str| it.call(world().await.get("backend"), "GET", path, Value::Null).await.expect(200);
    let path = format!("{FEATURES}?tag=team:red");
    let before = ask(&path).await.headers["etag"].clone();
    let red = json!({"type": "team", "value": "red"});
    it.check("admin", "POST /api/admin/features/flag/tags", red, "201").await;
    let after = ask(&path).await;
    assert_ne!(after.headers["etag"], before);
    assert_eq!(after.json()["features"][0]["name"], "flag");
    assert_eq!(after.json()["query"]["tag"], json!([["team", "red"]]));
    it.check("admin", "DELETE /api/admin/tag-types/team", Value::Null, "200").await;
    assert_eq!(ask(&path).await.json()["features"], json!([]));
}

#[tokio::test]
async fn what_is_reported_is_counted_in_the_tokens_environment() {
    let it = fixture().await;
    let metrics = |yes: Value| {
        json!({"appName": "shop", "environment": "production", "bucket": {
            "start": "2027-01-15T08:00:00Z", "stop": "2027-01-15T08:01:00Z",
            "toggles": {"flag": {"yes": yes, "no": 2, "variants": {"blue": 1}}, "no-such-flag": {"yes": 1, "no": 0}},
        }})
    };
    for _ in 0..2 {
        it.check("backend", "POST /api/client/metrics", metrics(json!(3)), "202").await;
    }
    let raw = it.check("viewer", "GET /api/admin/client-metrics/features/flag/raw", Value::Null, "200").await.json();
    let rows: Vec<_> = raw["data"].as_array().unwrap().iter().filter(|row| row["yes"] != 0).collect();
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(
        (&rows[0]["yes"], &rows[0]["no"], &rows[0]["environment"]),
        (&json!(6), &json!(4), &json!("development"))
    );
    let summary = it.check("viewer", "GET /api/admin/client-metrics/features/flag", Value::Null, "200").await.json();
    assert_eq!(summary["seenApplications"], json!(["shop"]));
    let feature = it.check("viewer", "GET /api/admin/projects/alpha/features/flag", Value::Null, "200").await.json();
    assert_eq!(feature["environments"][0]["lastSeenAt"], "2027-01-15T08:00:00.000Z");
    assert_eq!(feature["environments"][1]["lastSeenAt"], Value::Null);
    let yes_now = async || {
        let raw =
            it.check("viewer", "GET /api/admin/client-metrics/features/flag/raw", Value::Null, "200").await.json();
        raw["data"].as_array().unwrap().iter().filter_map(|row| row["yes"].as_u64()).sum::<u64>()
    };
    // A row that cannot be read is given up, and the others of the report count.
    for yes in [json!(-1), json!("many"), json!([1]), json!(1e20)] {
        it.check("backend", "POST /api/client/metrics", metrics(yes), "202").await;
        assert_eq!(yes_now().await, 6);
    }
    for (yes, counts) in [(json!("2"), 2), (json!(1.5), 1), (Value::Null, 0), (json!(true), 1)] {
        let before = yes_now().await;
        it.check("backend", "POST /api/client/metrics", metrics(yes.clone()), "202").await;
        assert_eq!(yes_now().await, before + counts, "{yes}");
    }
    let toggles = |toggles: Value| json!({"appName": "shop", "bucket": {"start": null, "toggles": toggles}});
    for good in [Value::Null, json!({}), json!({"flag": {"yes": 1, "variants": null}}), json!({"a": 5, "flag": {}})] {
        it.check("backend", "POST /api/client/metrics", toggles(good), "202").await;
    }
    // Where there is nothing else, the fault is told.
    let bad = json!({"appName": "shop", "bucket": {"start": 5, "stop": 6, "toggles": {"flag": {"yes": -1}}}});
    it.check("backend", "POST /api/client/metrics", bad, "400 BadDataError /body/bucket/toggles/flag/yes").await;
    let metric = |yes: Value| json!({"featureName": "flag", "appName": "shop", "yes": yes, "variants": null});
    let bulk = |metrics: Value| json!({"applications": [], "metrics": metrics});
    let before = yes_now().await;
    let mixed = json!([metric(json!(3)), {"appName": "shop"}, metric(json!("x")), 5, metric(json!("4"))]);
    it.check("backend", "POST /api/client/metrics/bulk", bulk(mixed), "202").await;
    assert_eq!(yes_now().await, before + 7);
    let bad = bulk(json!([{"appName": "shop"}]));
    it.check("backend", "POST /api/client/metrics/bulk", bad, "400 BadDataError /body/metrics/0/featureName").await;
    for interval in [json!("15000"), json!(1.5), Value::Null] {
        let body = json!({"appName": "shop", "strategies": [], "started": 5, "interval": interval});
        it.check("backend", "POST /api/client/register", body, "202").await;
    }
    it.check("backend", "POST /api/client/metrics", json!({}), "400 BadDataError /body/appName").await;
    it.check(
        "backend",
        "POST /api/client/register",
        json!({"appName": ""}),
        "400 BadDataError /body/strategies /body/started /body/interval /body/appName",
    )
    .await;
}
