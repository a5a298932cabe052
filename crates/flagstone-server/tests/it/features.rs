//! Features: their life from the first check of the name to their deletion.

use serde_json::{Value, json};

use crate::fixture::Fixture;
use crate::world::{fixture, world};

const ALPHA: &str = "/api/admin/projects/alpha/features";

async fn get(it: &Fixture, name: &str) -> Value {
    it.check("viewer", &format!("GET {ALPHA}/{name}"), Value::Null, "200").await.json()
}

/// Whether a feature is on in an environment, and with how many strategies.
async fn state(it: &Fixture, name: &str, environment: &str) -> (bool, usize) {
    let request = format!("GET {ALPHA}/{name}/environments/{environment}");
    let answer = it.check("viewer", &request, Value::Null, "200").await.json();
    (answer["enabled"].as_bool().unwrap(), answer["strategies"].as_array().unwrap().len())
}

#[tokio::test]
async fn a_new_one_is_off_everywhere_and_knows_its_maker() {
    let it = fixture().await;
    let since = it.last_event();
    let body = json!({"name": "new.one_~-", "type": "experiment", "description": "Why", "impressionData": true});
    let answer = it.check("member of alpha", &format!("POST {ALPHA}"), body, "201").await;
    let location = answer.headers["location"].to_str().unwrap();
    assert_eq!(location, format!("{ALPHA}/new.one_~-"));
    let feature = it.check("viewer", &format!("GET {location}"), Value::Null, "200").await.json();
    assert_eq!(feature["type"], "experiment");
    assert_eq!((&feature["description"], &feature["impressionData"]), (&json!("Why"), &json!(true)));
    assert_eq!((&feature["stale"], &feature["archived"]), (&json!(false), &json!(false)));
    assert_eq!(feature["createdBy"]["name"], "member of alpha");
    let environments = feature["environments"].as_array().unwrap();
    let names: Vec<_> = environments.iter().map(|e| e["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["development", "production"]);
    assert!(environments.iter().all(|e| e["enabled"] == false && e["strategies"] == json!([])), "{environments:?}");
    assert_eq!(it.event_types_since(since).await, ["feature-created"]);
}

#[tokio::test]
async fn bodies_of_new_ones_are_checked() {
    let it = fixture().await;
    let check = async |body: Value, expect: &str| {
        it.check("admin", &format!("POST {ALPHA}"), body, expect).await;
    };
    check(json!({}), "400 BadDataError /body/name").await;
    check(json!({"name": 7}), "400 BadDataError /body/name").await;
    for name in ["", ".", "..", "a b", "a/b", "ä", "😀", "a\"b", "a\0", &"x".repeat(10_000)] {
        check(json!({"name": name}), "400 BadDataError /body/name").await;
    }
    check(json!({"name": "x", "type": "no-such-type"}), "400 BadDataError /body/type").await;
    check(json!({"name": "x", "description": "x".repeat(10_001)}), "400 BadDataError /body/description").await;
    check(json!({"name": "flag"}), "409 NameExistsError").await;
    // Names are unique in all projects, and archived ones keep theirs.
    check(json!({"name": "b-flag"}), "409 NameExistsError").await;
    let taken = it.check("admin", &format!("POST {ALPHA}"), json!({"name": "old"}), "409 NameExistsError").await;
    let found = it.check("admin", &format!("GET {ALPHA}/old"), Value::Null, "404 NotFoundError").await;
    for answer in [taken, found] {
        assert!(answer.text.contains("archived") && answer.text.contains("revive"), "{}", answer.text);
    }
    check(json!({"name": "Flag"}), "201").await;
    for project in ["gone", "nowhere"] {
        let request = format!("POST /api/admin/projects/{project}/features");
        it.check("admin", &request, json!({"name": "x"}), "404 NotFoundError").await;
    }
}

#[tokio::test]
async fn names_are_validated_without_being_taken() {
    let it = fixture().await;
    let check = async |body: Value, expect: &str| {
        it.check("viewer", "POST /api/admin/features/validate", body, expect).await;
    };
    check(json!({"name": "free"}), "200").await;
    check(json!({"name": "free"}), "200").await;
    check(json!({"name": "flag"}), "409 NameExistsError").await;
    check(json!({"name": "a b"}), "400 BadDataError /body/name").await;
    let naming = json!({"featureNaming": {"pattern": "[a-z]+-[0-9]+", "example": "flag-1"}});
    it.check("owner of alpha", "PUT /api/admin/projects/alpha/settings", naming, "200").await;
    check(json!({"name": "free", "projectId": "alpha"}), "400 BadDataError /body/name").await;
    check(json!({"name": "free-7", "projectId": "alpha"}), "200").await;
    check(json!({"name": "free", "projectId": "omega"}), "200").await;
    it.check("owner of alpha", &format!("POST {ALPHA}"), json!({"name": "xfree-7x"}), "400 BadDataError /body/name")
        .await;
    it.check("owner of alpha", &format!("POST {ALPHA}"), json!({"name": "free-7"}), "201").await;
}

#[tokio::test]
async fn the_limits_of_installation_and_project_hold() {
    let it = Fixture::with(&["--feature-flags-limit", "2"]).await;
    let request = "POST /api/admin/projects/default/features";
    it.check("admin token", request, json!({"name": "a"}), "201").await;
    it.check("admin token", request, json!({"name": "b"}), "201").await;
    it.check("admin token", request, json!({"name": "c"}), "409 ExceedsLimitError").await;
    // Archived ones do not count.
    it.check("admin token", "DELETE /api/admin/projects/default/features/a", Value::Null, "202").await;
    it.check("admin token", request, json!({"name": "c"}), "201").await;
    it.check("admin token", "POST /api/admin/archive/revive/a", Value::Null, "409 ExceedsLimitError").await;
    let it = fixture().await;
    it.check("admin", "PUT /api/admin/projects/alpha", json!({"name": "A", "featureLimit": 5}), "200").await;
    it.check("admin", &format!("POST {ALPHA}"), json!({"name": "one-more"}), "409 ExceedsLimitError").await;
}

#[tokio::test]
async fn patches_change_properties_and_nothing_else() {
    let it = fixture().await;
    let check = async |patch: Value, expect: &str| {
        it.check("member of alpha", &format!("PATCH {ALPHA}/flag"), patch, expect).await;
    };
    let replace = |path: &str, value: Value| json!([{"op": "replace", "path": path, "value": value}]);
    check(replace("/description", json!("New")), "200").await;
    check(replace("/stale", json!(true)), "200").await;
    check(replace("/type", json!("kill-switch")), "200").await;
    let feature = get(&it, "flag").await;
    assert_eq!((&feature["description"], &feature["stale"]), (&json!("New"), &json!(true)));
    assert_eq!(feature["type"], "kill-switch");
    let before = get(&it, "flag").await;
    for (path, value) in
        [("/name", json!("other-name")), ("/project", json!("omega")), ("/createdAt", json!("2020-01-01T00:00:00Z"))]
    {
        check(replace(path, value), "200").await;
        assert_eq!(get(&it, "flag").await, before, "{path}");
    }
    check(replace("/type", json!("no-such-type")), "400 BadDataError /body/type").await;
    check(replace("/type", json!(7)), "400 BadDataError /body").await;
    check(replace("/stale", json!("maybe")), "400 BadDataError /body").await;
    check(replace("/nothing/here", json!(1)), "400 BadDataError /body").await;
    check(json!([{"op": "fly", "path": "/stale"}]), "400 BadDataError /body/0/op").await;
    check(json!([{"op": "test", "path": "/stale", "value": false}]), "400 BadDataError /body").await;
    check(json!({"op": "replace"}), "400 BadDataError /body").await;
    let forgotten = json!([{"op": "replace", "path": "/description"}, {"op": "move", "path": "/a"}]);
    check(forgotten, "400 BadDataError /body/0/value /body/1/from").await;
    for op in ["add", "test"] {
        check(json!([{"op": op, "path": "/description"}]), "400 BadDataError /body/0/value").await;
    }
    assert_eq!(get(&it, "flag").await, before);
    check(replace("/description", Value::Null), "200").await;
    assert_eq!(get(&it, "flag").await["description"], Value::Null);
}

#[tokio::test]
async fn archiving_by_a_patch_takes_the_right_to_archive() {
    let it = fixture().await;
    let patch = json!([{"op": "replace", "path": "/archived", "value": true}]);
    let request = format!("PATCH {ALPHA}/other");
    it.check("UPDATE_FEATURE", &request, patch.clone(), "403 PermissionError").await;
    let answer = it.check("member of alpha", &request, patch, "200").await.json();
    assert_eq!(answer["archived"], true);
    it.check("viewer", &format!("GET {ALPHA}/other"), Value::Null, "404 NotFoundError").await;
}

#[tokio::test]
async fn switching_on_gives_a_strategy_where_there_is_none() {
    let it = fixture().await;
    let since = it.last_event();
    let on = |name: &str, environment: &str| format!("POST {ALPHA}/{name}/environments/{environment}/on");
    assert_eq!(state(&it, "other", "development").await, (false, 0));
    it.check("member of alpha", &on("other", "development"), Value::Null, "200").await;
    assert_eq!(state(&it, "other", "development").await, (true, 1));
    assert_eq!(state(&it, "other", "production").await, (false, 0));
    assert_eq!(it.event_types_since(since).await, ["feature-strategy-add", "feature-environment-enabled"]);
    let feature = get(&it, "other").await;
    let strategy = &feature["environments"][0]["strategies"][0];
    assert_eq!(strategy["name"], "flexibleRollout");
    assert_eq!(strategy["parameters"], json!({"groupId": "other", "rollout": "100", "stickiness": "default"}));
    it.check("member of alpha", &on("other", "nowhere"), Value::Null, "404 NotFoundError").await;
    it.check("member of alpha", &on("nothing", "development"), Value::Null, "404 NotFoundError").await;
    it.check("member of alpha", &on("old", "development"), Value::Null, "404 NotFoundError").await;
    it.check("viewer", &on("flag", "development"), Value::Null, "403 PermissionError").await;
    let since = it.last_event();
    it.check("member of alpha", &on("other", "development"), Value::Null, "200").await;
    assert_eq!(it.event_types_since(since).await, [""; 0], "it was on already");
    it.check("member of alpha", &on("other", "development").replace("/on", "/off"), Value::Null, "200").await;
    assert_eq!(state(&it, "other", "development").await, (false, 1));
}

#[tokio::test]
async fn the_projects_default_strategy_is_given_where_there_is_one() {
    let it = fixture().await;
    let strategy =
        json!({"name": "flexibleRollout", "parameters": {"rollout": "25", "stickiness": "plan", "groupId": "g"}});
    let request = "POST /api/admin/projects/alpha/environments/production/default-strategy";
    it.check("owner of alpha", request, strategy, "200").await;
    it.check("admin", &format!("POST {ALPHA}/other/environments/production/on"), Value::Null, "200").await;
    let feature = get(&it, "other").await;
    let parameters = &feature["environments"][1]["strategies"][0]["parameters"];
    assert_eq!((&parameters["rollout"], &parameters["stickiness"]), (&json!("25"), &json!("plan")));
}

#[tokio::test]
async fn bulk_changes_are_all_or_nothing() {
    let it = fixture().await;
    let alpha = "/api/admin/projects/alpha";
    for (path, good) in [
        ("archive", json!(["flag", "other"])),
        ("stale", json!(["flag", "other"])),
        ("bulk_features/environments/development/on", json!(["flag", "other"])),
        ("bulk_features/environments/development/off", json!(["lit"])),
    ] {
        let mut bad = good.clone();
        bad.as_array_mut().unwrap().push(json!("nothing"));
        let request = format!("POST {alpha}/{path}");
        it.check("owner of alpha", &request, json!({"features": bad, "stale": true}), "404 NotFoundError").await;
        it.check("owner of alpha", &request, json!({"stale": true}), "400 BadDataError /body/features").await;
        it.check(
            "owner of alpha",
            &request,
            json!({"features": "flag", "stale": true}),
            "400 BadDataError /body/features",
        )
        .await;
    }
    let since = it.last_event();
    it.check("owner of alpha", &format!("POST {alpha}/archive"), json!({"features": ["flag", "other", "flag"]}), "202")
        .await;
    assert_eq!(it.event_types_since(since).await, ["feature-archived", "feature-archived"]);
}

#[tokio::test]
async fn the_archive_keeps_the_name_until_it_is_deleted() {
    let it = fixture().await;
    it.check("member of alpha", &format!("DELETE {ALPHA}/lit"), Value::Null, "202").await;
    it.check("viewer", &format!("GET {ALPHA}/lit"), Value::Null, "404 NotFoundError").await;
    it.check("member of alpha", &format!("POST {ALPHA}"), json!({"name": "lit"}), "409 NameExistsError").await;
    let seen = it.call(world().await.get("backend"), "GET", "/api/client/features/lit", Value::Null).await;
    assert_eq!(seen.status, 404);
    it.check("member of alpha", "POST /api/admin/archive/revive/lit", Value::Null, "200").await;
    assert_eq!(state(&it, "lit", "development").await, (false, 1), "back, switched off");
    it.check("member of alpha", "DELETE /api/admin/archive/lit", Value::Null, "409 ConflictError").await;
    it.check("member of alpha", "POST /api/admin/archive/revive/lit", Value::Null, "404 NotFoundError").await;
    it.check("member of alpha", &format!("DELETE {ALPHA}/lit"), Value::Null, "202").await;
    it.check("viewer", "DELETE /api/admin/archive/lit", Value::Null, "403 PermissionError").await;
    it.check("member of alpha", "DELETE /api/admin/archive/lit", Value::Null, "200").await;
    it.check("viewer", "POST /api/admin/archive/revive/lit", Value::Null, "403 PermissionError").await;
    it.check("member of alpha", "POST /api/admin/archive/revive/lit", Value::Null, "404 NotFoundError").await;
    it.check("member of alpha", &format!("POST {ALPHA}"), json!({"name": "lit"}), "201").await;
}

#[tokio::test]
async fn a_copy_has_the_strategies_and_none_of_the_switches() {
    let it = fixture().await;
    let body = json!({"name": "copy"});
    it.check("CREATE_FEATURE", &format!("POST {ALPHA}/flag/clone"), body.clone(), "403 PermissionError").await;
    it.check("member of alpha", &format!("POST {ALPHA}/lit/clone"), body, "201").await;
    assert_eq!(state(&it, "copy", "development").await, (false, 1));
    let (original, copy) = (get(&it, "lit").await, get(&it, "copy").await);
    let strategy = |feature: &Value| feature["environments"][0]["strategies"][0].clone();
    assert_ne!(strategy(&original)["id"], strategy(&copy)["id"]);
    assert_eq!(strategy(&copy)["parameters"]["groupId"], "copy");
    it.check("member of alpha", &format!("POST {ALPHA}/lit/clone"), json!({"name": "flag"}), "409 NameExistsError")
        .await;
    it.check("member of alpha", &format!("POST {ALPHA}/b-flag/clone"), json!({"name": "x"}), "404 NotFoundError").await;
}

#[tokio::test]
async fn what_comes_back_from_the_archive_needs_room_in_its_project() {
    let it = fixture().await;
    let alpha = "/api/admin/projects/alpha";
    let names = it.check("admin", &format!("GET {alpha}/features"), Value::Null, "200").await.json();
    let live = names["features"].as_array().unwrap().len();
    it.check("admin", &format!("DELETE {alpha}/features/flag"), Value::Null, "202").await;
    let limit = |limit: usize| json!({"name": "A", "featureLimit": limit});
    it.check("admin", &format!("PUT {alpha}"), limit(live - 1), "200").await;
    it.check("admin", "POST /api/admin/archive/revive/flag", Value::Null, "409 ExceedsLimitError").await;
    let many = json!({"features": ["flag"]});
    it.check("admin", &format!("POST {alpha}/revive"), many.clone(), "409 ExceedsLimitError").await;
    it.check("admin", &format!("PUT {alpha}"), limit(live), "200").await;
    it.check("admin", &format!("POST {alpha}/revive"), many, "200").await;
}

#[tokio::test]
async fn switching_on_leaves_no_more_strategies_than_may_be() {
    let it = Fixture::with(&["--feature-environment-strategies-limit", "1"]).await;
    let features = "/api/admin/projects/default/features";
    it.admin("POST", features, json!({"name": "flag"})).await.expect(201);
    let environment = format!("{features}/flag/environments/development");
    let disabled = json!({"name": "default", "disabled": true});
    it.admin("POST", &format!("{environment}/strategies"), disabled).await.expect(200);
    let refused = it.admin("POST", &format!("{environment}/on"), Value::Null).await.expect(409);
    assert_eq!(refused.error_name(), "ExceedsLimitError");
    it.admin("POST", &format!("{environment}/on?shouldActivateDisabledStrategies=true"), Value::Null).await.expect(200);
}

/// Reports that a feature was on, in the token's environment, at the fixture's time.
async fn report(it: &Fixture, token: &str, feature: &str) {
    let bucket = json!({"start": it.app.now(), "stop": it.app.now(), "toggles": {feature: {"yes": 5, "no": 0}}});
    it.call(token, "POST", "/api/client/metrics", json!({"appName": "shop", "bucket": bucket})).await.expect(202);
}

/// What a feature's own history shows: its stage, when it was last seen, how often it was on, and who asked.
async fn history(it: &Fixture, path: &str) -> (Value, bool, u64, Value) {
    let feature = it.admin("GET", path, Value::Null).await.expect(200).json();
    let name = feature["name"].as_str().unwrap();
    let seen = feature["environments"].as_array().unwrap().iter().any(|e| !e["lastSeenAt"].is_null());
    let usage = format!("/api/admin/client-metrics/features/{name}");
    let summary = it.admin("GET", &usage, Value::Null).await.expect(200).json();
    let raw = it.admin("GET", &format!("{usage}/raw"), Value::Null).await.expect(200).json();
    let yes = raw["data"].as_array().unwrap().iter().map(|row| row["yes"].as_u64().unwrap()).sum();
    (feature["lifecycle"]["stage"].clone(), seen, yes, summary["seenApplications"].clone())
}

#[tokio::test]
async fn one_that_takes_the_name_of_a_deleted_one_has_no_history() {
    let it = Fixture::new().await;
    let features = "/api/admin/projects/default/features";
    let token = it.token("default", "backend", "development").await;
    let again = format!("{features}/again");
    let (fresh, used) = ((json!("initial"), false, 0, json!([])), (json!("pre-live"), true, 5, json!(["shop"])));
    let many = json!({"features": ["again"]});
    for (method, path, body) in
        [("DELETE", "/api/admin/archive/again", Value::Null), ("POST", "/api/admin/projects/default/delete", many)]
    {
        for flushed in [false, true] {
            it.admin("POST", features, json!({"name": "again"})).await.expect(201);
            assert_eq!(history(&it, &again).await, fresh, "{path}");
            report(&it, &token, "again").await;
            it.do_jobs().await;
            if flushed {
                assert_eq!(history(&it, &again).await, used, "{path}");
            }
            it.admin("DELETE", &again, Value::Null).await.expect(202);
            it.admin(method, path, body.clone()).await.expect(200);
        }
    }
    assert_eq!(it.store.last_seen_all().await, Ok(vec![]));
    // An environment's name can be taken again as well.
    it.admin("POST", features, json!({"name": "again"})).await.expect(201);
    let staging = json!({"name": "staging", "type": "test"});
    for _ in 0..2 {
        it.admin("POST", "/api/admin/environments", staging.clone()).await.expect(201);
        let attach = json!({"environment": "staging"});
        it.admin("POST", "/api/admin/projects/default/environments", attach).await.expect(200);
        let (_, seen, count, applications) = history(&it, &again).await;
        assert_eq!((seen, count, applications), (false, 0, json!([])));
        let token = it.token("default", "backend", "staging").await;
        report(&it, &token, "again").await;
        it.do_jobs().await;
        assert_eq!(history(&it, &again).await, used);
        it.admin("DELETE", "/api/admin/environments/staging", Value::Null).await.expect(200);
    }
}

#[tokio::test]
async fn what_another_node_deletes_and_makes_anew_has_no_history_here() {
    let it = Fixture::new().await;
    let features = "/api/admin/projects/default/features";
    let token = it.token("default", "backend", "development").await;
    it.admin("POST", features, json!({"name": "again"})).await.expect(201);
    report(&it, &token, "again").await;
    it.advance(3_600_000);
    let state = it.app.public().state.clone();
    let mut anew = (**state.features.get("again").unwrap()).clone();
    anew.created_at = it.app.now();
    let change = flagstone_model::commit::Change {
        kind: "feature".to_owned(),
        id: "again".to_owned(),
        body: Some(serde_json::to_value(anew).unwrap()),
    };
    it.store.append(&[crate::world::commit_after(&state, vec![change])]).await.unwrap();
    it.app.catch_up_with(state.seq + 1).await.unwrap();
    assert_eq!(history(&it, &format!("{features}/again")).await, (json!("initial"), false, 0, json!([])));
}

#[tokio::test]
async fn nothing_is_remembered_of_who_is_gone() {
    let it = Fixture::new().await;
    let (id, personal) = it.user("ada", 2).await;
    let token = it.token("default", "backend", "development").await;
    it.call(&personal, "GET", "/api/admin/user", Value::Null).await.expect(200);
    it.call(&token, "GET", "/api/client/features", Value::Null).await.expect(200);
    it.app.flush_telemetry().await.unwrap();
    let rows = async || {
        let store = &it.store;
        let (users, pats) = (store.users_seen_all().await.unwrap(), store.pats_seen_all().await.unwrap());
        (users.iter().any(|row| row.user_id == id), pats.len(), store.tokens_seen_all().await.unwrap().len())
    };
    assert_eq!(rows().await, (true, 1, 2));
    it.app.forget_gone().await;
    assert_eq!(rows().await, (true, 1, 2), "they are there");
    it.admin("DELETE", &format!("/api/admin/user-admin/{id}"), Value::Null).await.expect(200);
    it.admin("DELETE", &format!("/api/admin/api-tokens/{token}"), Value::Null).await.expect(200);
    it.app.forget_gone().await;
    it.app.flush_telemetry().await.unwrap();
    assert_eq!(rows().await, (false, 0, 1), "the administrator's is left");
}
