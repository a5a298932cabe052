//! Export and import of features.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, header};
use flagstone_store::{DatabaseUrl, Options, Store};
use serde_json::{Value, json};

use crate::fixture::{ADMIN, Fixture};
use crate::world::{fixture, fixture_on};

const EXPORT: &str = "POST /api/admin/features-batch/export";
const VALIDATE: &str = "POST /api/admin/features-batch/validate";
const PREVIEW: &str = "POST /api/admin/features-batch/preview";
const IMPORT: &str = "POST /api/admin/features-batch/import";
const SDK: &str = "*:development.of-the-tests";
const WITH_SDK: &[&str] = &["--init-backend-api-tokens", SDK];

/// Data with these parts, in alpha's development.
fn into_alpha(parts: Value) -> Value {
    let mut data = json!({"features": [], "featureStrategies": [], "tagTypes": []});
    data.as_object_mut().unwrap().extend(parts.as_object().unwrap().clone());
    json!({"project": "alpha", "environment": "development", "data": data})
}

async fn exported(it: &Fixture, who: &str, query: Value) -> Value {
    it.check(who, EXPORT, query, "200").await.json()
}

async fn validation(it: &Fixture, who: &str, input: &Value) -> Value {
    it.check(who, VALIDATE, input.clone(), "200").await.json()
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

/// What all findings of a kind hold for.
fn items(findings: &Value) -> Vec<&str> {
    let items = findings.as_array().unwrap().iter().flat_map(|finding| finding["affectedItems"].as_array().unwrap());
    items.map(|item| item.as_str().unwrap()).collect()
}

/// What SDKs get, without what each installation numbers by itself.
async fn delivered(it: &Fixture) -> Value {
    let answer = it.call(SDK, "GET", "/api/client/features", Value::Null).await.expect(200);
    let mut features = answer.json()["features"].take();
    // They come by project.
    features.as_array_mut().unwrap().sort_by_key(|feature| feature["name"].to_string());
    for feature in features.as_array_mut().unwrap() {
        feature["project"].take();
        for strategy in feature["strategies"].as_array_mut().unwrap() {
            strategy["id"].take();
            strategy["segments"].take();
        }
    }
    features
}

#[tokio::test]
async fn bodies_are_checked() {
    let it = fixture().await;
    let check = async |request: &str, body: Value, expect: &str| {
        it.check("admin", request, body, expect).await;
    };
    check(EXPORT, json!({}), "400 BadDataError /body/environment").await;
    let nothing = "400 BadDataError /body/features /body/tag /body/project /body";
    check(EXPORT, json!({"environment": "development"}), nothing).await;
    check(EXPORT, json!({"environment": "development", "features": "x"}), "400 BadDataError /body/features").await;
    check(EXPORT, json!({"environment": 1, "tag": "x"}), "400 BadDataError /body/environment").await;
    for request in [VALIDATE, PREVIEW, IMPORT] {
        check(request, json!({}), "400 BadDataError /body/project /body/environment /body/data").await;
        check(request, into_alpha(json!({"features": "x"})), "400 BadDataError /body/data/features").await;
        check(request, into_alpha(json!({"features": [{}]})), "400 BadDataError /body/data/features/0/name").await;
        check(request, into_alpha(json!({"colour": 1})), "400 BadDataError /body/data/colour").await;
        let strategy = json!({"name": "default", "featureName": "a", "constraint": []});
        let place = "400 BadDataError /body/data/featureStrategies/0/constraint";
        check(request, into_alpha(json!({ "featureStrategies": [strategy] })), place).await;
    }
}

#[tokio::test]
async fn all_faults_of_the_data_are_named_and_nothing_is_imported() {
    let it = fixture().await;
    let before = it.app.public().state.seq;
    let input = into_alpha(json!({
        "features": [{"name": "not a name"}, {"name": "new", "type": "none"}, {"name": "fine"}],
        "featureStrategies": [
            {"name": "flexibleRollout", "featureName": "fine", "parameters": {"rollout": "101"}, "segments": [5]},
            {"name": "default", "featureName": "fine", "constraints": [{"contextName": "plan", "operator": "IN", "values": ["tin"]}]},
        ],
        "featureEnvironments": [{"name": "fine", "enabled": true, "variants": [{"name": "", "weight": 1}]}],
        "featureTags": [{"featureName": "fine", "tagType": "none", "tagValue": "x"}],
        "contextFields": [{"name": "a/b"}],
        "links": [{"feature": "fine", "links": [{"url": "javascript:alert(1)"}]}],
    }));
    let expect = "400 BadDataError /body/data/contextFields/0/name \
        /body/data/featureEnvironments/0/variants/0/name /body/data/featureTags/0/tagValue /body/data/featureTags/0/tagType \
        /body/data/links/0/links/0/url /body/data/featureStrategies/0/segments/0 \
        /body/data/featureStrategies/0/parameters/rollout /body/data/featureStrategies/1/constraints/0/values/0 \
        /body/data/features/1/type /body/data/features/0/name";
    let answer = it.call(ADMIN, "POST", "/api/admin/features-batch/import", input.clone()).await.expect(400);
    let mut paths = answer.fault_paths();
    paths.sort();
    let mut expected: Vec<_> = expect.split_whitespace().skip(2).collect();
    expected.sort_unstable();
    assert_eq!(paths, expected);
    assert_eq!(items(&validation(&it, "admin", &input).await["errors"]).len(), expected.len());
    for (input, expect) in [
        (json!({"project": "nowhere", "environment": "development", "data": input["data"]}), "404 NotFoundError"),
        (
            json!({"project": "gone", "environment": "development", "data": {"features": [], "featureStrategies": [], "tagTypes": []}}),
            "404 NotFoundError",
        ),
        (
            json!({"project": "alpha", "environment": "nowhere", "data": {"features": [{"name": "x"}], "featureStrategies": [], "tagTypes": []}}),
            "400 BadDataError /body/environment",
        ),
        (into_alpha(json!({"features": [{"name": "x"}, {"name": "x"}]})), "409 NameExistsError"),
        (into_alpha(json!({"features": [{"name": "b-flag"}]})), "400 BadDataError /body/data/features"),
        (into_alpha(json!({"featureTags": [{"featureName": "x", "tagValue": "yy"}]})), "404 NotFoundError"),
        (
            into_alpha(json!({"dependencies": [{"feature": "flag", "dependencies": [{"feature": "flag"}]}]})),
            "403 InvalidOperationError",
        ),
    ] {
        it.check("admin", IMPORT, input.clone(), expect).await;
        assert_ne!(items(&validation(&it, "admin", &input).await["errors"]), [""; 0], "{input}");
    }
    assert_eq!(it.app.public().state.seq, before);
}

#[tokio::test]
async fn what_is_in_the_way_is_told_beforehand() {
    let it = fixture().await;
    let input = into_alpha(json!({
        "features": [{"name": "flag"}, {"name": "old"}, {"name": "b-flag"}, {"name": "new"}, {"name": "new"}],
        "featureStrategies": [{"name": "spare", "featureName": "flag"}, {"name": "unknown", "featureName": "flag"}],
        "segments": [{"id": 1, "name": "own"}, {"id": 2, "name": "theirs"}, {"id": 3, "name": "none"}],
        "contextFields": [{"name": "plan", "legalValues": [{"value": "tin"}]}, {"name": "b-field"}, {"name": "spare"}],
        "dependencies": [{"feature": "new", "dependencies": [{"feature": "nobody"}]}],
    }));
    let found = validation(&it, "admin", &input).await;
    let expect = ["b-flag (in project omega)", "unknown", "b-field", "plan", "none", "theirs", "nobody", "new"];
    assert_eq!(items(&found["errors"]), expect);
    assert_eq!(items(&found["warnings"]), ["spare", "old", "flag"]);
    assert_eq!(found["permissions"], json!([]));
    let places = "400 BadDataError /body/data/features /body/data/featureStrategies /body/data/contextFields \
        /body/data/contextFields /body/data/segments /body/data/segments /body/data/dependencies";
    it.check("admin", IMPORT, input, places).await;
}

#[tokio::test]
async fn an_import_takes_what_its_changes_take() {
    let it = fixture().await;
    let new = into_alpha(json!({
        "features": [{"name": "new"}],
        "featureStrategies": [{"name": "default", "featureName": "new"}],
        "featureEnvironments": [{"name": "new", "enabled": true, "variants": [{"name": "a", "weight": 1}]}],
        "contextFields": [{"name": "fresh"}],
        "featureTags": [{"featureName": "new", "tagType": "fresh", "tagValue": "xx"}],
        "tagTypes": [{"name": "fresh"}],
        "dependencies": [{"feature": "new", "dependencies": [{"feature": "flag"}]}],
    }));
    let all = [
        "CREATE_CONTEXT_FIELD",
        "CREATE_FEATURE",
        "CREATE_FEATURE_STRATEGY",
        "CREATE_TAG_TYPE",
        "DELETE_FEATURE_STRATEGY",
        "UPDATE_FEATURE",
        "UPDATE_FEATURE_DEPENDENCY",
        "UPDATE_FEATURE_ENVIRONMENT",
        "UPDATE_FEATURE_ENVIRONMENT_VARIANTS",
    ];
    assert_eq!(items(&validation(&it, "viewer", &new).await["permissions"]), all);
    it.check("viewer", IMPORT, new.clone(), "403 PermissionError").await;
    let missing = ["CREATE_CONTEXT_FIELD", "CREATE_TAG_TYPE"];
    assert_eq!(items(&validation(&it, "member of alpha", &new).await["permissions"]), missing);
    let refused = it.check("member of alpha", IMPORT, new.clone(), "403 PermissionError").await.json();
    assert_eq!(refused["permissions"], json!(missing));
    let mut small = new.clone();
    for part in ["contextFields", "featureTags", "tagTypes"] {
        small["data"][part] = json!([]);
    }
    let expect = json!({"errors": [], "warnings": [], "permissions": []});
    assert_eq!(validation(&it, "member of alpha", &small).await, expect);
    small["project"] = "omega".into();
    it.check("member of alpha", IMPORT, small.clone(), "403 PermissionError").await;
    small["project"] = "alpha".into();
    it.check("member of alpha", IMPORT, small, "200").await;
    it.check("admin", IMPORT, new, "200").await;
}

#[tokio::test]
async fn what_is_exported_arrives_elsewhere_as_it_was() {
    let it = fixture_on(&DatabaseUrl::Memory, WITH_SDK).await;
    let expect = delivered(&it).await;
    let query = json!({"environment": "development", "features": []});
    let data = exported(&it, "viewer", query).await;
    let there = Fixture::with(WITH_SDK).await;
    let input = json!({"project": "default", "environment": "development", "data": data});
    let import = async |input: &Value| there.admin("POST", "/api/admin/features-batch/import", input.clone()).await;
    assert_eq!(import(&input).await.expect(400).fault_paths(), ["/body/data/segments"; 3]);
    let gold = json!([{"contextName": "plan", "operator": "IN", "values": ["gold"]}]);
    for name in ["shared", "own", "theirs"] {
        let body = json!({"name": name, "constraints": gold});
        there.admin("POST", "/api/admin/segments", body).await.expect(201);
    }
    import(&input).await.expect(200);
    assert_eq!(delivered(&there).await, expect);
    let after = there.app.public().state.seq;
    import(&input).await.expect(200);
    assert_eq!(there.app.public().state.seq, after, "nothing of it is new");
    let events = there.admin("GET", "/api/admin/search/events?type=IS:features-imported", Value::Null).await.json();
    assert_eq!(events["total"], 1);
    assert_eq!(events["events"][0]["environment"], "development");
}

#[tokio::test]
async fn features_that_are_there_change_in_one_environment_alone() {
    let it = fixture().await;
    let production = "/api/admin/projects/alpha/features/flag/environments/production";
    it.admin("POST", &format!("{production}/on"), Value::Null).await.expect(200);
    let before = it.admin("GET", production, Value::Null).await.json();
    let input = into_alpha(json!({
        "features": [{"name": "flag", "description": "Imported", "stale": true}],
        "featureEnvironments": [{"name": "flag", "environment": "production", "enabled": true}],
    }));
    it.check("admin", IMPORT, input, "200").await;
    assert_eq!(it.admin("GET", production, Value::Null).await.json(), before);
    let flag =
        it.admin("GET", "/api/admin/projects/alpha/features/flag?variantEnvironments=true", Value::Null).await.json();
    assert_eq!((&flag["description"], &flag["stale"]), (&json!("Imported"), &json!(true)));
    let development = flag["environments"].as_array().unwrap().iter().find(|e| e["name"] == "development").unwrap();
    assert_eq!(development["enabled"], true);
    assert_eq!(development["variants"], json!([]));
    let strategies = development["strategies"].as_array().unwrap();
    assert_eq!(strategies.len(), 1);
    assert_eq!(strategies[0]["parameters"]["rollout"], "100", "what is on is on for somebody");
    let tags = it.admin("GET", "/api/admin/features/flag/tags", Value::Null).await.json();
    assert_eq!(tags["tags"], json!([]));
    assert_eq!(flag["links"].as_array().unwrap().len(), 1, "the data does not speak of them");
}

#[tokio::test]
async fn a_preview_tells_what_the_import_then_does() {
    let it = fixture().await;
    let spelled = async |name: &str| {
        let query = json!({"environment": "development", "features": [name]});
        let mut data = exported(&it, "admin", query).await;
        for strategy in data["featureStrategies"].as_array_mut().unwrap() {
            strategy["id"].take();
        }
        data
    };
    let preview = async |who: &str, input: &Value, expect: &str| it.check(who, PREVIEW, input.clone(), expect).await;
    // What is there already, spelled by an export, changes nothing.
    let same = exported(&it, "admin", json!({"environment": "development", "features": ["lit", "flag"]})).await;
    let mut input = json!({"project": "alpha", "environment": "development", "data": same});
    assert_eq!(preview("admin", &input, "200").await.json(), json!({"changes": []}));

    let features = input["data"]["features"].as_array_mut().unwrap();
    features.iter_mut().find(|feature| feature["name"] == "flag").unwrap()["description"] = "Imported".into();
    features.push(json!({"name": "fresh"}));
    let strategy = json!({"name": "default", "featureName": "fresh"});
    input["data"]["featureStrategies"].as_array_mut().unwrap().push(strategy);
    let before = exported(&it, "admin", json!({"environment": "development", "features": ["flag"]})).await;
    let state = it.app.public().state.clone();
    let told = preview("admin", &input, "200").await.json();
    assert_eq!(it.app.public().state.clone(), state, "nothing is stored");
    let changes = told["changes"].as_array().unwrap();
    let names: Vec<_> = changes.iter().map(|change| change["feature"].as_str().unwrap()).collect();
    assert_eq!(names, ["flag", "fresh"], "those that stay as they are are left out");
    assert_eq!((&changes[0]["before"], &changes[1]["before"]), (&before, &Value::Null));
    assert_eq!(changes[1]["after"]["featureStrategies"][0]["id"], Value::Null, "it has none yet");
    it.check("admin", IMPORT, input.clone(), "200").await;
    for change in changes {
        let mut after = change["after"].clone();
        for strategy in after["featureStrategies"].as_array_mut().unwrap() {
            strategy["id"].take();
        }
        assert_eq!(after, spelled(change["feature"].as_str().unwrap()).await);
    }
    assert_eq!(preview("admin", &input, "200").await.json(), json!({"changes": []}), "it is done");
}

#[tokio::test]
async fn a_preview_is_refused_as_the_import_would_be() {
    let it = fixture().await;
    let nowhere = json!({"project": "nowhere", "environment": "development", "data": into_alpha(json!({}))["data"]});
    let inputs = [
        ("viewer", into_alpha(json!({"features": [{"name": "new"}]}))),
        ("editor", into_alpha(json!({"features": [{"name": "b-flag"}]}))),
        ("admin", into_alpha(json!({"features": [{"name": "b-flag"}]}))),
        ("admin", into_alpha(json!({"features": [{"name": "a"}, {"name": "a"}]}))),
        ("admin", into_alpha(json!({"features": [{"name": "not a name"}], "links": [{"feature": "x", "links": []}]}))),
        ("admin", into_alpha(json!({"segments": [{"id": 1, "name": "none"}]}))),
        ("admin", nowhere),
    ];
    it.admin("PUT", "/api/admin/projects/omega/settings", json!({"mode": "private"})).await.expect(200);
    for (who, input) in inputs {
        let secret = crate::world::world().await;
        let secret = if who == "admin" { ADMIN } else { secret.get(who) };
        let ask = async |path: &str| {
            let answer = it.call(secret, "POST", &format!("/api/admin/features-batch/{path}"), input.clone()).await;
            let mut body = answer.json();
            body["id"].take();
            (answer.status, body)
        };
        let (previewed, imported) = (ask("preview").await, ask("import").await);
        assert_eq!(previewed, imported, "{who}: {input}");
        assert!(previewed.0.is_client_error(), "{who}: {input}: {previewed:?}");
    }
}

#[tokio::test]
async fn features_are_selected_by_tag_name_or_project() {
    let it = fixture().await;
    let check = async |query: Value, expect: &[&str]| {
        let mut query = query;
        query["environment"] = "development".into();
        assert_eq!(names(&exported(&it, "viewer", query.clone()).await["features"]), expect, "{query}");
    };
    check(json!({"tag": "blue"}), &["flag"]).await;
    check(json!({"tag": "team:blue"}), &[]).await;
    check(json!({"tag": "blue", "features": ["other"]}), &["flag"]).await;
    check(json!({"features": ["other", "flag", "other", "nobody"], "project": "omega"}), &["flag", "other"]).await;
    check(json!({"features": ["old"]}), &["old"]).await;
    check(json!({"project": "alpha"}), &["child", "flag", "lit", "other", "parent"]).await;
    check(json!({"project": "omega", "features": []}), &["b-child", "b-flag", "b-parent"]).await;
    check(json!({"project": "nowhere"}), &[]).await;
    let all = exported(&it, "viewer", json!({"environment": "development", "features": ["flag"]})).await;
    assert_eq!(names(&all["contextFields"]), ["plan"]);
    assert_eq!(names(&all["segments"]), ["shared", "own"]);
    assert_eq!(names(&all["tagTypes"]), ["team"]);
    let query = json!({"environment": "development", "features": ["flag"], "downloadFile": true});
    let answer = it.check("viewer", EXPORT, query, "200").await;
    assert_eq!(answer.headers[header::CONTENT_DISPOSITION], "attachment; filename=\"features.json\"");
}

#[tokio::test]
async fn nothing_of_a_private_project_of_others_is_exported_or_told() {
    let it = fixture().await;
    it.admin("PUT", "/api/admin/projects/omega/settings", json!({"mode": "private"})).await.expect(200);
    for query in [json!({"features": []}), json!({"features": ["b-flag", "flag"]}), json!({"project": "omega"})] {
        let mut query = query;
        query["environment"] = "development".into();
        let hidden = exported(&it, "viewer", query.clone()).await.to_string();
        assert!(!hidden.contains("b-") && !hidden.contains("theirs"), "{hidden}");
        assert!(exported(&it, "owner of omega", query).await.to_string().contains("b-flag"));
    }
    let events =
        it.check("viewer", "GET /api/admin/search/events?type=IS:features-exported&limit=100", Value::Null, "200");
    let events = events.await.text;
    assert!(events.contains("flag") && !events.contains("b-flag"), "{events}");
    let input = into_alpha(json!({"features": [{"name": "b-flag"}], "segments": [{"id": 1, "name": "theirs"}]}));
    let found = validation(&it, "owner of alpha", &input).await;
    assert_eq!(items(&found["errors"]), ["theirs"]);
    let input = into_alpha(json!({"features": [{"name": "b-flag"}]}));
    it.check("owner of alpha", IMPORT, input.clone(), "409 NameExistsError").await;
    assert_eq!(items(&validation(&it, "admin", &input).await["errors"]), ["b-flag (in project omega)"]);
}

#[tokio::test]
async fn large_imports_have_their_bounds() {
    let it = Fixture::with(&["--commit-bytes-limit", "100000"]).await;
    let request = |bytes: usize| {
        let padding = " ".repeat(bytes);
        let body = json!({"project": "default", "environment": "development", "data": {"features": [], "featureStrategies": [], "tagTypes": []}});
        Request::post("/api/admin/features-batch/import")
            .header(header::AUTHORIZATION, ADMIN)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(format!("{padding}{body}")))
            .unwrap()
    };
    it.send(request(2 << 20)).await.expect(200);
    it.send(request(10 << 20)).await.expect(413);
    let features: Vec<_> =
        (0..200).map(|n| json!({"name": format!("f{n}"), "description": "x".repeat(1_000)})).collect();
    let data = json!({"features": features, "featureStrategies": [], "tagTypes": []});
    let input = json!({"project": "default", "environment": "development", "data": data});
    it.admin("POST", "/api/admin/features-batch/import", input).await.expect(413);
    assert_eq!(it.app.public().state.features.len(), 0);
}

/// A file to import at start.
fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

async fn store() -> Arc<Store> {
    Arc::new(Store::open(&DatabaseUrl::Memory, &Options::default()).await.unwrap())
}

#[tokio::test]
async fn a_file_is_imported_at_start_by_one_of_many_nodes() {
    let data = json!({
        "features": [{"name": "given"}], "featureStrategies": [{"name": "default", "featureName": "given"}], "tagTypes": [],
        "featureEnvironments": [{"name": "given", "enabled": true}],
        "links": [{"feature": "given", "links": [{"url": "https://tickets.example.com/1"}]}],
    });
    let given = file(&data.to_string());
    let path = given.path().to_str().unwrap();
    let (store, arguments) = (store().await, ["--import-file", path, "--import-environment", "production"]);
    let start = || Fixture::try_on(Arc::clone(&store), &arguments);
    let (one, other) = tokio::join!(start(), start());
    let (one, _other) = (one.unwrap(), other.unwrap());
    let imports = async |it: &Fixture| {
        let query = "/api/admin/search/events?type=IS:features-imported";
        it.admin("GET", query, Value::Null).await.json()["total"].as_u64()
    };
    assert_eq!(imports(&one).await, Some(1));
    let feature = one.app.public().state.features.get("given").unwrap().environments.clone();
    assert!(feature["production"].enabled && !feature["development"].enabled);
    let before = one.app.public().state.clone();
    let again = start().await.unwrap();
    assert_eq!(again.app.public().state, before, "a restart changes nothing");
    // What people have done since is undone: the file says how things are.
    let off = "/api/admin/projects/default/features/given/environments/production/off";
    again.admin("POST", off, Value::Null).await.expect(200);
    let again = start().await.unwrap();
    assert!(again.app.public().state.features.get("given").unwrap().environments["production"].enabled);
    assert_eq!(imports(&again).await, Some(2));
}

#[tokio::test]
async fn a_file_that_cannot_be_imported_ends_the_start() {
    let check = async |path: &str, more: &[&str], expect: &[&str]| {
        let arguments = [&["--import-file", path], more].concat();
        let error = match Fixture::try_on(store().await, &arguments).await {
            Ok(_) => panic!("{path} is imported"),
            Err(error) => format!("{error:#}"),
        };
        for word in expect.iter().chain(&["IMPORT_FILE", path]) {
            assert!(error.contains(word), "{error}");
        }
    };
    check("/nowhere/at/all.json", &[], &["cannot be read"]).await;
    let with = async |text: &str, more: &[&str], expect: &[&str]| {
        let file = file(text);
        check(file.path().to_str().unwrap(), more, expect).await;
    };
    with("{", &[], &["not well-formed JSON"]).await;
    with("{}", &[], &["/body/features", "/body/featureStrategies", "/body/tagTypes"]).await;
    let one = |name: &str| json!({"features": [{"name": name}], "featureStrategies": [], "tagTypes": []}).to_string();
    with(&one("a b"), &[], &["/body/data/features/0/name", "URL friendly"]).await;
    with(&one("a"), &["--import-project", "none"], &["no project", "none"]).await;
    with(&one("a"), &["--import-environment", "none"], &["no environment", "none"]).await;
    let many: Vec<_> = (0..200).map(|n| json!({"name": format!("f{n}"), "description": "x".repeat(1_000)})).collect();
    let many = json!({"features": many, "featureStrategies": [], "tagTypes": []}).to_string();
    with(&many, &["--commit-bytes-limit", "100000"], &["COMMIT_BYTES_LIMIT"]).await;
}
