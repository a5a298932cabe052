//! Regular expressions, lists and graphs that are made to take for ever.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::fixture::Fixture;

const FEATURES: &str = "/api/admin/projects/default/features";

fn regex(pattern: &str) -> Value {
    json!({"contextName": "userId", "operator": "REGEX", "value": pattern})
}

#[tokio::test]
async fn t35_patterns_that_would_compile_to_something_huge_are_refused() {
    let it = Fixture::new().await;
    it.admin("POST", FEATURES, json!({"name": "flag"})).await.expect(201);
    let strategies = format!("{FEATURES}/flag/environments/development/strategies");
    let long = format!("({})", "[a-zé]?".repeat(100_000 / 7));
    let check = async |pattern: &str, ok: bool| {
        let shown: String = pattern.chars().take(60).collect();
        let constraints = json!([regex(pattern)]);
        for (path, body, success) in [
            ("/api/admin/constraints/validate", regex(pattern), 204),
            ("/api/admin/segments", json!({"name": shown, "constraints": constraints}), 201),
            (&strategies, json!({"name": "default", "constraints": constraints}), 200),
        ] {
            let (before, began) = (it.app.public().state.seq, Instant::now());
            let answer = it.admin("POST", path, body).await;
            assert_eq!(answer.status.as_u16(), if ok { success } else { 400 }, "{path} {shown}: {}", answer.text);
            assert!(ok || it.app.public().state.seq == before, "{path} {shown}: stored");
            assert!(began.elapsed() < Duration::from_secs(5), "{path} {shown}: {:?}", began.elapsed());
        }
    };
    check("(a+)+$", true).await;
    check("(.*a){25}", true).await;
    check("x{1000}{1000}", false).await;
    check("((((a{100}){100}){100}){100})", false).await;
    check(r"\p{L}{5000}", false).await;
    check(&long, false).await;
    check(&"(".repeat(100_000), false).await;
    check("(?=a)", false).await;
    check(r"(a)\1", false).await;
    // The pattern of a project's feature names goes the same way.
    for (pattern, status) in [("[a-z-]+", 200), ("x{1000}{1000}", 400), ("(", 400)] {
        let body = json!({"name": "Default", "featureNaming": {"pattern": pattern}});
        let answer = it.admin("PUT", "/api/admin/projects/default", body).await;
        assert_eq!(answer.status.as_u16(), status, "{pattern}: {}", answer.text);
    }
}

#[tokio::test]
async fn t35_patterns_that_make_backtracking_engines_hang_are_evaluated_fast() {
    let it = Fixture::new().await;
    let frontend = it.token("default", "frontend", "development").await;
    for (n, pattern) in
        ["(a+)+$", "(.*a){25}", "^(a|a)*$", "(a|aa)+$", "^(([a-z])+.)+[A-Z]([a-z])+$"].iter().enumerate()
    {
        let flag = json!({"name": format!("flag{n}")});
        it.admin("POST", FEATURES, flag).await.expect(201);
        let strategy = json!({"name": "default", "constraints": [regex(pattern)]});
        let environment = format!("{FEATURES}/flag{n}/environments/development");
        it.admin("POST", &format!("{environment}/strategies"), strategy).await.expect(200);
        it.admin("POST", &format!("{environment}/on"), Value::Null).await.expect(200);
    }
    let began = Instant::now();
    let context = |user: String| json!({"context": {"userId": user}});
    let short = it.call(&frontend, "POST", "/api/frontend", context("a".repeat(30))).await.expect(200);
    assert_eq!(short.json()["toggles"].as_array().unwrap().len(), 4, "{}", short.text);
    for user in [format!("{}!", "a".repeat(40)), format!("{}!", "a".repeat(10_000)), "a".repeat(900_000) + "!"] {
        it.call(&frontend, "POST", "/api/frontend", context(user)).await.expect(200);
    }
    // Exponential time would be years; this is without optimization, on a busy machine.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[tokio::test]
async fn t36_long_lists_are_refused_or_counted_once() {
    let it = Fixture::new().await;
    it.admin("POST", FEATURES, json!({"name": "flag"})).await.expect(201);
    let project = "/api/admin/projects/default";
    let environment = format!("{FEATURES}/flag/environments/development");
    let strategy = it.admin("POST", &format!("{environment}/strategies"), json!({"name": "default"})).await.expect(200);
    let strategy = strategy.json()["id"].as_str().unwrap().to_owned();
    let one_strategy = format!("{environment}/strategies/{strategy}");
    let set_segments = json!({"projectId": "default", "strategyId": strategy, "environmentId": "development", "segmentIds": (0..10_000).collect::<Vec<_>>()});
    let distinct: Vec<_> = (0..90_000).map(|n| format!("f{n}")).collect();
    let values = json!([{"contextName": "userId", "operator": "IN", "values": vec!["v"; 100_000]}]);
    let big_variants: Vec<_> = (0..5_000).map(|n| json!({"name": format!("v{n}"), "weight": 0})).collect();
    let check = async |method: &str, path: &str, body: Value| {
        let (before, began) = (it.app.public().state.seq, Instant::now());
        let answer = it.admin(method, path, body).await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text.chars().take(500).collect::<String>());
        assert!(answer.text.len() < 100_000, "{path}: an answer of {} bytes", answer.text.len());
        assert_eq!(it.app.public().state.seq, before, "{path}: stored");
        assert!(began.elapsed() < Duration::from_secs(10), "{path}: {:?}", began.elapsed());
    };
    for bulk in ["bulk_features/environments/development/on", "archive", "archive/validate", "revive", "delete"] {
        check("POST", &format!("{project}/{bulk}"), json!({ "features": distinct })).await;
    }
    check("POST", &format!("{project}/stale"), json!({"features": distinct, "stale": true})).await;
    check("POST", "/api/admin/segments", json!({"name": "s", "constraints": values})).await;
    check("POST", "/api/admin/constraints/validate", values[0].clone()).await;
    check("PUT", &one_strategy, json!({"name": "default", "constraints": values})).await;
    check("PUT", &one_strategy, json!({"name": "default", "segments": (0..10_000).collect::<Vec<_>>()})).await;
    check("PUT", &one_strategy, json!({"name": "default", "segments": vec![1; 100_000]})).await;
    check("POST", "/api/admin/segments/strategies", set_segments).await;
    check("PUT", &format!("{environment}/variants"), Value::from(big_variants)).await;
    let many_values: Vec<_> = (0..20_000).map(|n| json!({"value": format!("v{n}")})).collect();
    check("POST", "/api/admin/context", json!({"name": "f", "legalValues": many_values})).await;

    let same =
        it.admin("POST", &format!("{project}/stale"), json!({"features": vec!["flag"; 100_000], "stale": true})).await;
    assert!(same.status.is_success() || same.status == 400, "{}", same.text);
    let events = it.admin("GET", "/api/admin/search/events?type=IS:feature-stale-on", Value::Null).await.expect(200);
    assert!(events.json()["total"].as_u64().unwrap() <= 1, "{}", events.text);
}

#[tokio::test]
async fn t36_a_segment_counts_once_for_a_strategy() {
    let it = Fixture::new().await;
    it.admin("POST", FEATURES, json!({"name": "flag"})).await.expect(201);
    let mut ids = Vec::new();
    for name in ["a", "b"] {
        let body = json!({"name": name, "constraints": []});
        ids.push(it.admin("POST", "/api/admin/segments", body).await.expect(201).json()["id"].as_i64().unwrap());
    }
    let body = json!({"name": "default", "segments": [ids[0], ids[1], ids[0], ids[1], ids[0]]});
    let path = format!("{FEATURES}/flag/environments/development/strategies");
    let made = it.admin("POST", &path, body).await.expect(200).json();
    assert_eq!(made["segments"], json!(ids));
}

#[tokio::test]
async fn t36_there_is_an_end_to_everything_that_can_be_created() {
    let arguments = [
        "--segments-limit",
        "3",
        "--feature-flags-limit",
        "3",
        "--projects-limit",
        "3",
        "--environments-limit",
        "3",
        "--api-tokens-limit",
        "3",
    ];
    let it = Fixture::with(&arguments).await;
    let tokens = "/api/admin/projects/default/api-tokens";
    for (path, body, room) in [
        ("/api/admin/segments", json!({"name": "#", "constraints": []}), 3),
        (FEATURES, json!({"name": "f#"}), 3),
        ("/api/admin/projects", json!({"id": "p#", "name": "#"}), 2),
        ("/api/admin/environments", json!({"name": "e#", "type": "test"}), 1),
        (tokens, json!({"type": "backend", "tokenName": "#"}), 2),
    ] {
        for n in 0..room {
            let body = serde_json::from_str(&body.to_string().replace('#', &n.to_string())).unwrap();
            it.admin("POST", path, body).await.expect(201);
        }
        let before = it.app.public().state.seq;
        let refused = it.admin("POST", path, body).await;
        assert!(matches!(refused.status.as_u16(), 400 | 403 | 409), "{path}: {}", refused.text);
        assert_eq!(it.app.public().state.seq, before, "{path}");
    }
}

#[tokio::test]
async fn t36_a_sort_order_at_the_end_of_all_numbers_leaves_room() {
    let it = Fixture::new().await;
    it.admin("POST", FEATURES, json!({"name": "flag"})).await.expect(201);
    let strategies = format!("{FEATURES}/flag/environments/development/strategies");
    for last in [i64::MAX, i64::MIN] {
        let kind = if last > 0 { "max" } else { "min" };
        let body = json!({"name": kind, "type": "test", "sortOrder": last});
        let first = it.admin("POST", "/api/admin/environments", body).await.status.as_u16();
        assert!(matches!(first, 201 | 400), "{first}");
        let body = json!({"name": format!("after-{kind}"), "type": "test"});
        it.admin("POST", "/api/admin/environments", body).await.expect(201);
        let body = json!({"name": "default", "sortOrder": last});
        let first = it.admin("POST", &strategies, body).await.status.as_u16();
        assert!(matches!(first, 200 | 400), "{first}");
        it.admin("POST", &strategies, json!({"name": "default"})).await.expect(200);
        let body = json!({"name": kind, "sortOrder": last});
        let first = it.admin("POST", "/api/admin/context", body).await.status.as_u16();
        assert!(matches!(first, 201 | 400), "{first}");
        it.admin("POST", "/api/admin/context", json!({"name": format!("after-{kind}")})).await.expect(201);
    }
}

#[tokio::test]
async fn t36_features_cannot_depend_on_each_other_in_a_circle() {
    let it = Fixture::new().await;
    let parent_of = async |child: String, parent: String| {
        it.admin("POST", &format!("{FEATURES}/{child}/dependencies"), json!({ "feature": parent }))
            .await
            .status
            .as_u16()
    };
    for n in 0..50 {
        it.admin("POST", FEATURES, json!({"name": format!("f{n}")})).await.expect(201);
    }
    for length in [1, 2, 3, 10, 50] {
        for n in 0..50 {
            it.admin("DELETE", &format!("{FEATURES}/f{n}/dependencies"), Value::Null).await;
        }
        let mut refused = 0;
        for n in 0..length {
            let status = parent_of(format!("f{n}"), format!("f{}", (n + 1) % length)).await;
            assert!(matches!(status, 200 | 201 | 400 | 403 | 409), "{status}");
            refused += u32::from(status >= 400);
        }
        assert!(refused > 0, "a circle of {length} was accepted");
    }
    // The allowed case: one level.
    it.admin("DELETE", &format!("{FEATURES}/f40/dependencies"), Value::Null).await;
    assert!(parent_of("f0".to_owned(), "f40".to_owned()).await < 300);
}

#[tokio::test]
async fn a_refusal_repeats_only_the_beginning_of_a_very_long_name() {
    let it = Fixture::new().await;
    let long = "x".repeat(100_000);
    let bodies = [json!({"name": long, "type": "release"}), json!({"name": "flag", "type": long})];
    for body in bodies {
        let answer = it.admin("POST", FEATURES, body).await;
        assert_eq!(answer.status.as_u16(), 400, "{}", answer.text);
        assert!(answer.text.len() < 5_000, "an answer of {} bytes", answer.text.len());
    }
    let answer = it.admin("GET", &format!("{FEATURES}/{}", "x".repeat(7_000)), Value::Null).await;
    assert_eq!(answer.status.as_u16(), 404, "{}", answer.text);
    assert!(answer.text.len() < 5_000, "an answer of {} bytes", answer.text.len());
}
