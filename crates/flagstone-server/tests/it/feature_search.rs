//! Features found by what they are.

use serde_json::{Value, json};

use crate::fixture::Fixture;
use crate::world::{fixture, world};

const ALPHA: &str = "/api/admin/projects/alpha/features";

/// Searches, as somebody, and answers with what was found.
async fn search(it: &Fixture, who: &str, query: &str) -> Value {
    it.check(who, &format!("GET /api/admin/search/features?{query}"), Value::Null, "200").await.json()
}

fn names(found: &Value) -> String {
    let names = found["features"].as_array().unwrap().iter().map(|feature| feature["name"].as_str().unwrap());
    names.collect::<Vec<_>>().join(" ")
}

/// The installation with a bit of everything, made within some days.
async fn diverse() -> Fixture {
    let it = fixture().await;
    let made = json!({"name": "Zeta", "type": "kill-switch", "description": "Stops the Größe", "tags": [{"type": "team", "value": "red"}]});
    it.advance(86_400_000);
    it.check("admin", &format!("POST {ALPHA}"), made, "201").await;
    it.check("admin", &format!("POST {ALPHA}/Zeta/favorites"), Value::Null, "200").await;
    let both = json!({"addedTags": [{"type": "team", "value": "red"}], "removedTags": []});
    it.check("admin", "PUT /api/admin/features/flag/tags", both, "200").await;
    it.check("admin", "POST /api/admin/projects/alpha/stale", json!({"features": ["lit"], "stale": true}), "202").await;
    it
}

#[tokio::test]
async fn each_filter_finds_what_it_says() {
    let it = diverse().await;
    let admin = it.check("admin", "GET /api/admin/user", Value::Null, "200").await.json()["user"]["id"].to_string();
    let all = "b-child b-flag b-parent child flag lit other parent Zeta";
    let by_admin = format!("createdBy=IS:{admin}");
    let not_by_admin = format!("createdBy=IS_NOT:{admin}");
    for (query, expect) in [
        ("", all),
        ("unknown=1", all),
        ("query=FLAG", "b-flag flag"),
        ("query=zeta,%20lit", "lit Zeta"),
        ("query=gr%C3%B6%C3%9Fe", "Zeta"),
        ("query=%25", ""),
        ("query=team:re", "flag Zeta"),
        ("query=blue", "flag"),
        ("query=,", all),
        ("project=IS:omega", "b-child b-flag b-parent"),
        ("project=IS_NOT:omega", "child flag lit other parent Zeta"),
        ("project=IS_ANY_OF:omega,%20nowhere", "b-child b-flag b-parent"),
        ("project=IS_NONE_OF:omega,alpha", ""),
        ("project=IS:", all),
        ("state=IS:stale", "lit"),
        ("state=IS_NOT:stale&project=IS:alpha", "child flag other parent Zeta"),
        ("state=IS_ANY_OF:stale,active", all),
        ("state=IS:nonsense", ""),
        ("type=IS:kill-switch", "Zeta"),
        ("type=IS_NONE_OF:release", "Zeta"),
        (&by_admin, "Zeta"),
        (&not_by_admin, "b-child b-flag b-parent child flag lit other parent"),
        ("lifecycle=IS:completed", "other"),
        ("lifecycle=IS_NOT:initial", "other"),
        ("lifecycle=IS_ANY_OF:archived,completed", "b-old old other"),
        ("lifecycle=IS_NOT:archived", all),
        ("archived=IS:true", "b-old old"),
        ("archived=IS:true&lifecycle=IS:initial", ""),
        ("tag=INCLUDE:team:red", "flag Zeta"),
        ("tag=DO_NOT_INCLUDE:team:red&project=IS:alpha", "child lit other parent"),
        ("tag=INCLUDE_ALL_OF:team:red,team:blue", "flag"),
        ("tag=INCLUDE_ANY_OF:team:none,%20team:blue", "flag"),
        ("tag=EXCLUDE_IF_ANY_OF:team:blue&type=IS:kill-switch", "Zeta"),
        ("tag=EXCLUDE_ALL:team:red,team:blue&query=zeta,flag", "b-flag Zeta"),
        ("segment=INCLUDE:shared", "flag"),
        ("segment=INCLUDE_ALL_OF:shared,own", "flag"),
        ("segment=INCLUDE_ALL_OF:shared,theirs", ""),
        ("segment=INCLUDE_ANY_OF:shared,theirs", "b-flag flag"),
        ("segment=INCLUDE:nowhere", ""),
        ("segment=EXCLUDE_IF_ANY_OF:shared,nowhere&query=flag", "b-flag"),
        ("segment=EXCLUDE_ALL:shared,nowhere&query=flag", "b-flag flag"),
        ("status=development:enabled", "lit"),
        ("status[]=development:enabled&status[]=production:enabled", "lit"),
        ("status[]=development:disabled&query=lit", ""),
        ("status[]=nonsense&query=lit", "lit"),
        ("favorite=IS:true", "lit Zeta"),
        ("favorite=IS:false&query=zeta,flag", "b-flag flag"),
        ("favorite=IS_ANY_OF:true,false&query=zeta,lit", "lit Zeta"),
        ("createdAt=IS_BEFORE:2027-01-16", "b-child b-flag b-parent child flag lit other parent"),
        ("createdAt=IS_ON_OR_AFTER:2027-01-16", "Zeta"),
        ("lastSeenAt=IS_ON_OR_AFTER:2020-01-01", ""),
    ] {
        let found = search(&it, "admin", query).await;
        assert_eq!(names(&found), expect, "{query}");
        assert_eq!(found["total"], expect.split_whitespace().count(), "{query}");
    }
}

#[tokio::test]
async fn each_order_has_its_pages() {
    let it = diverse().await;
    let token = it.token("alpha", "backend", "development").await;
    let report = json!({"appName": "it", "bucket": {"start": 0, "stop": 0, "toggles": {"other": {"yes": 1, "no": 0}}}});
    it.call(&token, "POST", "/api/client/metrics", report).await.expect(202);
    for (query, expect) in [
        ("sortBy=name", "Zeta child flag lit other parent"),
        ("sortBy=name&sortOrder=desc", "parent other lit flag child Zeta"),
        ("sortBy=name&limit=2&offset=1", "child flag"),
        ("sortBy=name&limit=2&offset=5", "parent"),
        ("sortBy=name&offset=6", ""),
        ("sortBy=name&limit=0&offset=x", "Zeta child flag lit other parent"),
        ("sortOrder=desc", "Zeta parent other lit flag child"),
        ("sortBy=none", "child flag lit other parent Zeta"),
        ("sortBy=type", "Zeta child flag lit other parent"),
        ("sortBy=type&sortOrder=desc", "child flag lit other parent Zeta"),
        ("sortBy=stale", "child flag other parent Zeta lit"),
        ("sortBy=stale&sortOrder=desc", "lit child flag other parent Zeta"),
        ("sortBy=lastSeenAt", "other child flag lit parent Zeta"),
        ("sortBy=lastSeenAt&sortOrder=desc", "other child flag lit parent Zeta"),
        ("sortBy=environment:development&sortOrder=desc", "lit child flag other parent Zeta"),
        ("sortBy=environment:development", "child flag other parent Zeta lit"),
        ("sortBy=environment:nowhere", "child flag lit other parent Zeta"),
        ("favoritesFirst=true", "lit Zeta child flag other parent"),
        ("favoritesFirst=true&sortBy=name&sortOrder=desc", "lit Zeta parent other flag child"),
        ("favoritesFirst=false&limit=1", "child"),
    ] {
        let found = search(&it, "admin", &format!("project=IS:alpha&{query}")).await;
        assert_eq!((names(&found).as_str(), &found["total"]), (expect, &json!(6)), "{query}");
    }
    let seen = search(&it, "admin", "lastSeenAt=IS_ON_OR_AFTER:2027-01-16").await;
    assert_eq!(names(&seen), "other");
    assert_eq!(names(&search(&it, "admin", "lastSeenAt=IS_BEFORE:2027-01-16").await), "");
    for (query, at) in [
        ("project=alpha", "project"),
        ("project=", "project"),
        ("project=IS:a&project=IS:b", "project"),
        ("state=INCLUDE:stale", "state"),
        ("type=release", "type"),
        ("lifecycle=live", "lifecycle"),
        ("createdBy=IS:ada", "createdBy"),
        ("tag=INCLUDE:red", "tag"),
        ("tag=IS:team:red", "tag"),
        ("segment=shared", "segment"),
        ("archived=true", "archived"),
        ("archived=IS:yes", "archived"),
        ("favorite=IS_NOT:true", "favorite"),
        ("createdAt=IS:2027-01-16", "createdAt"),
        ("createdAt=IS_BEFORE:2027-02-30", "createdAt"),
        ("lastSeenAt=IS_BEFORE:2027-1-1", "lastSeenAt"),
        ("sortOrder=up", "sortOrder"),
    ] {
        let path = format!("GET /api/admin/search/features?{query}");
        it.check("viewer", &path, Value::Null, &format!("400 BadDataError /query/{at}")).await;
    }
    let many = format!("query={}", vec!["a"; 21].join(","));
    it.check("viewer", &format!("GET /api/admin/search/features?{many}"), Value::Null, "400 BadDataError /query/query")
        .await;
}

#[tokio::test]
async fn a_row_shows_the_feature_and_only_who_may_see_it_finds_it() {
    let (it, world) = (diverse().await, world().await);
    let found = search(&it, "admin", "query=zeta,child&project=IS:alpha&sortBy=name").await;
    let (zeta, child) = (&found["features"][0], &found["features"][1]);
    assert_eq!(
        (&zeta["favorite"], &zeta["tags"][0]["value"], &zeta["project"]),
        (&json!(true), &json!("red"), &json!("alpha"))
    );
    assert_eq!((&zeta["dependencyType"], &child["dependencyType"]), (&Value::Null, &json!("child")));
    assert_eq!(zeta["lifecycle"], json!({"stage": "initial", "enteredStageAt": zeta["createdAt"]}));
    assert!(child.get("tags").is_none() && child["archivedAt"].is_null(), "{child}");
    let flag = search(&it, "viewer", "query=flag&project=IS:alpha").await["features"][0].clone();
    assert_eq!((&flag["segments"], &flag["favorite"]), (&json!(["own", "shared"]), &json!(false)));
    let there = &flag["environments"][0];
    assert_eq!(
        (&there["name"], &there["variantCount"], &there["hasStrategies"]),
        (&json!("development"), &json!(1), &json!(true))
    );
    let parent = search(&it, "viewer", "query=parent&project=IS:alpha").await["features"][0].clone();
    assert_eq!(parent["dependencyType"], "parent");
    let done = search(&it, "viewer", "query=other").await["features"][0]["lifecycle"].clone();
    assert_eq!((&done["stage"], &done["status"]), (&json!("completed"), &json!("discarded")));
    // A hidden project is not there, whatever is asked.
    it.check("admin", "PUT /api/admin/projects/omega/settings", json!({"mode": "private"}), "200").await;
    for query in ["query=b-", "project=IS:omega", "segment=INCLUDE:theirs", "archived=IS:true&query=b-"] {
        assert_eq!(search(&it, "viewer", query).await, json!({"features": [], "total": 0}), "{query}");
        assert_ne!(search(&it, "owner of omega", query).await["total"], 0, "{query}");
    }
    assert_eq!(world.principal("nobody").name, "nobody");
    it.check("nobody", "GET /api/admin/search/features", Value::Null, "401 AuthenticationRequired").await;
    it.check("backend", "GET /api/admin/search/features", Value::Null, "403 PermissionError").await;
}
