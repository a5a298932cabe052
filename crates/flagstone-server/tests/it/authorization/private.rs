//! A private project is there for its members alone: nobody else finds it in a list, a count, an error or an event.

use serde_json::{Value, json};

use super::label;
use crate::endpoints::table::{By, Effect, rows};
use crate::fixture::Fixture;
use crate::world::{World, fixture, world};

/// What belongs to omega and to nothing else.
const OMEGAS: &[&str] = &["omega", "b-flag", "b-child", "b-parent", "b-old", "b-shop", "b-typo", "b-field", "theirs"];

/// An installation in which omega is private.
async fn private() -> Fixture {
    let it = fixture().await;
    it.admin("PUT", "/api/admin/projects/omega/settings", json!({"mode": "private"})).await.expect(200);
    it
}

/// Every read of the table as it stands, and with something of omega's in its path or query.
fn reads(world: &World) -> Vec<(String, String, &'static str, Value)> {
    let mut found = Vec::new();
    let admin_reads =
        rows(world).into_iter().filter(|row| row.effect == Effect::Nothing && row.template.starts_with("/api/admin"));
    for row in admin_reads.filter(|row| matches!(row.by, By::Admin | By::User | By::Session)) {
        let name = label(&row);
        found.push((name.clone(), row.path(world), row.method, row.body.clone()));
        for (parameter, value) in [
            ("projectId", "omega"),
            ("featureName", "b-flag"),
            ("contextField", "b-field"),
            ("strategyId", world.get("omega's strategy")),
            ("token", world.get("omega's token's selector")),
        ] {
            if row.has(parameter) {
                let path = row.path_with(world, &[(parameter, value)]);
                found.push((format!("{name} with {parameter}"), path, row.method, row.body.clone()));
            }
        }
        if row.has("projectId") && row.has("featureName") {
            let path = row.path_with(world, &[("projectId", "omega"), ("featureName", "b-flag")]);
            found.push((format!("{name} with both"), path, row.method, row.body.clone()));
        }
    }
    let segment = world.get("omega's segment");
    for path in [
        format!("/api/admin/segments/{segment}"),
        format!("/api/admin/segments/{segment}/strategies"),
        format!("/api/admin/segments/strategies/{}", world.get("omega's strategy")),
        "/api/admin/search/events?project=IS:omega".to_owned(),
        "/api/admin/search/events?feature=IS:b-flag".to_owned(),
        "/api/admin/search/events?query=b-flag&limit=1000".to_owned(),
        "/api/admin/search/events?limit=1000".to_owned(),
        "/api/admin/client-metrics/features/b-flag".to_owned(),
        "/api/admin/client-metrics/features/b-flag/raw".to_owned(),
        "/api/admin/metrics/applications/b-shop".to_owned(),
        "/api/admin/metrics/applications/b-shop/overview".to_owned(),
        "/api/admin/metrics/applications?query=b-".to_owned(),
        "/api/admin/metrics/instances/b-shop/environment/development".to_owned(),
        "/api/admin/api-tokens".to_owned(),
        "/api/admin/projects?archived=true".to_owned(),
    ] {
        found.push((path.clone(), path, "GET", Value::Null));
    }
    found
}

#[tokio::test]
async fn t20_who_is_no_member_finds_nothing_of_a_private_project() {
    let (world, it) = (world().await, private().await);
    let mut answered = 0;
    for who in ["viewer", "editor", "owner of alpha", "member of alpha", "READ_CLIENT_API_TOKEN", "CREATE_SEGMENT"] {
        for (name, path, method, body) in reads(world) {
            let answer = it.call(world.get(who), method, &path, body).await;
            // What was asked for may be repeated in a refusal.
            let asked_for = |word: &str| !answer.status.is_success() && path.contains(word);
            answered += usize::from(answer.status.is_success());
            for word in OMEGAS.iter().filter(|word| !asked_for(word)) {
                // What says nothing of the project: nothing at all, and what a user is called.
                let known = [
                    "\"featureName\":\"b-flag\",\"lastHourUsage\":[]",
                    "\"toggleName\":\"b-flag\",\"events\":[]",
                    "\"username\":\"owner of omega\"",
                ];
                let text = known.iter().fold(answer.text.clone(), |text, known| text.replace(known, ""));
                assert!(!text.contains(word), "{name} as {who}: {word} in {}", answer.text);
            }
        }
    }
    assert!(answered > 200, "only {answered} reads were answered");
}

#[tokio::test]
async fn t20_members_and_administrators_find_all_of_it() {
    let (world, it) = (world().await, private().await);
    for who in ["owner of omega", "admin", "admin token"] {
        let secret = world.get(who);
        for (path, word) in [
            ("/api/admin/projects", "omega"),
            ("/api/admin/projects/omega/features", "b-flag"),
            ("/api/admin/segments", "theirs"),
            ("/api/admin/search/events?project=IS:omega", "b-flag"),
        ] {
            let answer = it.call(secret, "GET", path, Value::Null).await.expect(200);
            assert!(answer.text.contains(word), "{path} as {who}: {}", answer.text);
        }
    }
    // Open again, it is there for everybody; private again, and with a new member, for that one as well.
    it.admin("PUT", "/api/admin/projects/omega/settings", json!({"mode": "open"})).await.expect(200);
    let seen = it.call(world.get("viewer"), "GET", "/api/admin/projects", Value::Null).await.expect(200);
    assert!(seen.text.contains("omega"));
}

#[tokio::test]
async fn t20_what_belongs_to_a_private_project_is_not_changed_by_its_id() {
    let (world, it) = (world().await, private().await);
    let path = format!("/api/admin/segments/{}", world.get("omega's segment"));
    let before = it.app.public().state.clone();
    for project in [Value::Null, json!("omega"), json!("alpha")] {
        let body = json!({"name": "ours", "project": project, "constraints": []});
        for who in ["editor", "UPDATE_SEGMENT", "DELETE_SEGMENT", "owner of alpha"] {
            let update = it.call(world.get(who), "PUT", &path, body.clone()).await;
            let delete = it.call(world.get(who), "DELETE", &path, Value::Null).await;
            for answer in [update, delete] {
                assert!(matches!(answer.status.as_u16(), 403 | 404), "{who}: {} {}", answer.status, answer.text);
                assert!(!answer.text.contains("theirs"), "{who}: {}", answer.text);
            }
        }
    }
    assert_eq!(it.app.public().state, before);
    it.check("editor", &format!("DELETE {path}"), Value::Null, "404 NotFoundError").await;
    it.check("owner of omega", &format!("DELETE {path}"), Value::Null, "409 ConflictError").await;
}

#[tokio::test]
async fn t20_nothing_is_made_for_a_private_project_from_outside() {
    let (world, it) = (world().await, private().await);
    let create = "CREATE_SEGMENT";
    let body = json!({"name": "spy", "project": "omega", "constraints": []});
    let there = it.call(world.get(create), "POST", "/api/admin/segments", body.clone()).await;
    let gone = json!({"name": "spy", "project": "no-such-project", "constraints": []});
    let not_there = it.call(world.get(create), "POST", "/api/admin/segments", gone).await;
    assert_eq!((there.status, there.fault_paths()), (not_there.status, not_there.fault_paths()), "{}", there.text);
    let body = json!({"type": "backend", "tokenName": "spy", "environment": "development", "projects": ["omega"]});
    let token = it.call(world.get("CREATE_CLIENT_API_TOKEN"), "POST", "/api/admin/api-tokens", body).await;
    assert_eq!(
        (token.status.as_u16(), token.fault_paths()),
        (400, vec!["/body/projects/0".to_owned()]),
        "{}",
        token.text
    );
}

#[tokio::test]
async fn t20_what_is_seen_follows_what_changes() {
    let (world, it) = (world().await, private().await);
    let viewer = world.get("viewer");
    let count = async || {
        let answer = it.call(viewer, "GET", "/api/admin/projects/alpha/features", Value::Null).await.expect(200);
        answer.json()["features"].as_array().unwrap().len()
    };
    let before = count().await;
    for (n, (project, more)) in [("alpha", 1), ("omega", 0), ("alpha", 1), ("omega", 0)].into_iter().enumerate() {
        let (there, path) = (count().await, format!("/api/admin/projects/{project}/features"));
        it.admin("POST", &path, json!({"name": format!("new-{n}")})).await.expect(201);
        assert_eq!(count().await, there + more);
    }
    assert_eq!(count().await, before + 2);
    let move_away = json!({"mode": "private"});
    it.admin("PUT", "/api/admin/projects/alpha/settings", move_away).await.expect(200);
    assert_eq!(it.call(viewer, "GET", "/api/admin/projects/alpha/features", Value::Null).await.status, 404);
}
