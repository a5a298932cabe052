//! Rights end at the project: nothing of another one is reached by a path, by a body or by a field that nobody asked for.

use flagstone_model::State;
use serde_json::{Value, json};

use super::label;
use crate::endpoints::table::{By, Effect, Row, rows};
use crate::fixture::Fixture;
use crate::world::{World, fixture, world};

/// A request with something of omega's in it.
struct Foreign {
    name: String,
    method: &'static str,
    path: String,
    body: Value,
}

/// Every request of the table with omega's ids in one place of its path.
fn foreign_paths(world: &World) -> Vec<Foreign> {
    let theirs: [(&str, &[&str]); 5] = [
        ("featureName", &["b-flag", "b-old"]),
        ("strategyId", &[world.get("omega's strategy")]),
        ("token", &[world.get("omega's token's selector"), world.get("omega's token"), world.get("token of all")]),
        ("parent", &["b-parent"]),
        ("contextField", &["b-field"]),
    ];
    let mut found = Vec::new();
    for row in rows(world).into_iter().filter(|row| row.has("projectId")) {
        for (parameter, values) in theirs.iter().filter(|(parameter, _)| row.has(parameter)) {
            for value in *values {
                let path = row.path_with(world, &[(parameter, value)]);
                found.push(Foreign {
                    name: format!("{} with {parameter}", label(&row)),
                    method: row.method,
                    path,
                    body: row.body.clone(),
                });
            }
        }
    }
    let id = world.get("omega's segment");
    let gold = json!({"name": "mine", "project": "alpha", "constraints": []});
    let mut add = |method, path: String, body: &Value| {
        found.push(Foreign { name: format!("{method} {path}"), method, path, body: body.clone() });
    };
    add("DELETE", "/api/admin/archive/b-old".into(), &Value::Null);
    add("POST", "/api/admin/archive/revive/b-old".into(), &Value::Null);
    add("PUT", format!("/api/admin/segments/{id}"), &gold);
    add("DELETE", format!("/api/admin/segments/{id}"), &Value::Null);
    found
}

/// Requests with omega's ids in their bodies, in each element of bulk ones.
fn foreign_bodies(world: &World) -> Vec<Foreign> {
    let segment: i64 = world.get("omega's segment").parse().unwrap();
    let own_segment: i64 = world.get("own segment").parse().unwrap();
    let (own, theirs) = (world.get("strategy"), world.get("omega's strategy"));
    let alpha = "/api/admin/projects/alpha";
    let strategies = "/api/admin/projects/alpha/features/flag/environments/development/strategies";
    let mut found = Vec::new();
    let mut add = |method, path: String, body: Value| {
        found.push(Foreign { name: format!("{method} {path} {body}"), method, path, body });
    };
    for (bulk, mine, other) in [
        ("archive", "flag", "b-flag"),
        ("archive/validate", "flag", "b-flag"),
        ("revive", "old", "b-old"),
        ("delete", "old", "b-old"),
        ("stale", "flag", "b-flag"),
        ("bulk_features/environments/development/on", "flag", "b-flag"),
        ("bulk_features/environments/development/off", "lit", "b-flag"),
    ] {
        for features in [vec![other], vec![other, mine], vec![mine, other], vec![mine, other, mine]] {
            add("POST", format!("{alpha}/{bulk}"), json!({"features": features, "stale": true}));
        }
    }
    add("POST", format!("{alpha}/features/flag/dependencies"), json!({"feature": "b-parent"}));
    for segments in [vec![segment], vec![own_segment, segment], vec![segment, own_segment]] {
        let strategy = json!({"name": "default", "parameters": {}, "segments": segments});
        add("POST", strategies.to_owned(), strategy.clone());
        add("PUT", format!("{strategies}/{own}"), strategy.clone());
        add("PATCH", format!("{strategies}/{own}"), json!([{"op": "replace", "path": "/segments", "value": segments}]));
        add("POST", format!("{alpha}/environments/development/default-strategy"), strategy);
        let of_strategy = |project: &str, strategy: &str, segments: &[i64]| json!({"projectId": project, "strategyId": strategy, "environmentId": "development", "segmentIds": segments});
        add("POST", "/api/admin/segments/strategies".into(), of_strategy("alpha", own, &segments));
        add("POST", "/api/admin/segments/strategies".into(), of_strategy("alpha", theirs, &[]));
        add("POST", "/api/admin/segments/strategies".into(), of_strategy("omega", theirs, &[]));
        add("POST", "/api/admin/segments/strategies".into(), of_strategy("omega", own, &[]));
    }
    for order in [vec![theirs], vec![own, theirs], vec![theirs, own]] {
        let order: Vec<_> = order.iter().map(|id| json!({"id": id, "sortOrder": 7})).collect();
        add("POST", format!("{strategies}/set-sort-order"), json!(order));
    }
    found
}

/// Requests about omega as a whole, but for those by which a user keeps something of their own.
fn about_omega(world: &World) -> Vec<Foreign> {
    let own = world.get("spare segment");
    let segment = json!({"name": "new", "project": "omega", "constraints": []});
    let mut found: Vec<_> = rows(world)
        .into_iter()
        .filter(|row| row.has("projectId") && row.effect != Effect::Nothing && row.by != By::User)
        .map(|row| Foreign {
            name: label(&row),
            method: row.method,
            path: row.path_with(world, &[("projectId", "omega")]),
            body: row.body,
        })
        .collect();
    for (method, path) in [("POST", "/api/admin/segments".to_owned()), ("PUT", format!("/api/admin/segments/{own}"))] {
        found.push(Foreign { name: format!("{method} {path}"), method, path, body: segment.clone() });
    }
    found
}

async fn check_foreign(requests: Vec<Foreign>, principals: &[&str], allowed: &[u16]) {
    let (world, it) = (world().await, fixture().await);
    let before = it.app.public().state.clone();
    let mut faults = Vec::new();
    assert!(requests.len() >= 8);
    for request in requests {
        for principal in principals {
            let answer = it.call(world.get(principal), request.method, &request.path, request.body.clone()).await;
            let names_omega = answer.text.contains("omega") || answer.text.contains("theirs");
            if !allowed.contains(&answer.status.as_u16()) || names_omega {
                faults.push(format!("{} as {principal}: {} {}", request.name, answer.status, answer.text));
            }
            if it.app.public().state != before {
                faults.push(format!("{} as {principal} changed something", request.name));
                assert_eq!(faults, [""; 0]);
            }
        }
    }
    assert!(faults.is_empty(), "{}: {faults:#?}", faults.len());
}

#[tokio::test]
async fn t17_things_of_another_project_are_not_there_through_a_path() {
    check_foreign(foreign_paths(world().await), &["owner of alpha", "member of alpha"], &[403, 404]).await;
}

#[tokio::test]
async fn t17_not_even_an_administrator_reaches_them_through_the_wrong_project() {
    let paths = foreign_paths(world().await).into_iter().filter(|f| f.path.starts_with("/api/admin/projects/"));
    check_foreign(paths.collect(), &["admin", "admin token"], &[404]).await;
}

#[tokio::test]
async fn t17_things_of_another_project_are_not_there_in_a_body() {
    check_foreign(foreign_bodies(world().await), &["owner of alpha", "member of alpha"], &[400, 403, 404]).await;
}

#[tokio::test]
async fn t17_rights_in_one_project_are_none_in_another() {
    check_foreign(about_omega(world().await), &["owner of alpha", "member of alpha"], &[403]).await;
}

/// What was committed after a position of the log, as text.
async fn committed(it: &Fixture, seq: u64) -> String {
    let commits = it.store.commits_after(seq, 10).await.unwrap();
    serde_json::to_string(&commits.iter().map(|commit| &commit.body).collect::<Vec<_>>()).unwrap()
}

#[tokio::test]
async fn t18_fields_that_differ_from_the_path_are_never_used() {
    let world = world().await;
    let smuggled = json!({
        "project": "omega", "projectId": "omega", "projects": ["omega"], "environment": "t18", "id": "t18", "createdBy": "t18",
        "createdByUserId": 18, "isAdmin": true, "permissions": ["ADMIN"], "rootRole": 1, "featureName": "b-flag",
    });
    let legitimate: &[(&str, &[&str])] = &[
        ("/api/admin/addons", &["projects"]),
        ("/api/admin/addons/{id}", &["projects"]),
        ("/api/admin/projects", &["id"]),
        ("/api/admin/projects/validate", &["id"]),
        ("/api/admin/context", &["project"]),
        ("/api/admin/segments", &["project"]),
        ("/api/admin/segments/{id}", &["project"]),
        ("/api/admin/segments/strategies", &["projectId"]),
        ("/api/admin/api-tokens", &["project", "projects", "environment"]),
        ("/api/admin/projects/{projectId}/api-tokens", &["environment"]),
        ("/api/admin/projects/{projectId}/environments", &["environment"]),
        ("/api/admin/environments/{name}/clone", &["projects"]),
        ("/api/admin/features/validate", &["projectId"]),
        ("/api/admin/user-admin", &["rootRole"]),
        ("/api/admin/user-admin/{id}", &["rootRole"]),
    ];
    let mut checked = 0;
    for row in rows(world).into_iter().filter(|row| row.body.is_object() && row.effect != Effect::Nothing) {
        if row.template.ends_with("sort-order") {
            continue;
        }
        let but = legitimate.iter().find(|(template, _)| *template == row.template).map_or(&[][..], |(_, names)| names);
        let own = row.body.as_object().unwrap();
        let fields = smuggled.as_object().unwrap().iter();
        let fields: Vec<_> =
            fields.filter(|(name, _)| !own.contains_key(*name) && !but.contains(&name.as_str())).collect();
        checked += fields.len();
        let plain = send_with(&row, &[]).await.unwrap();
        // A body that is refused for one of them says nothing of the others.
        let mut found: Vec<String> = send_with(&row, &fields).await.into_iter().collect();
        if found.is_empty() {
            for field in &fields {
                found.extend(send_with(&row, std::slice::from_ref(field)).await);
            }
        }
        for text in found {
            for word in ["\"omega\"", "t18", "isAdmin", "\"permissions\"", "\"b-flag\""] {
                assert!(!text.contains(word) || plain.contains(word), "{}: {text}", label(&row));
            }
        }
    }
    assert!(checked > 200, "only {checked} fields");
}

/// What a request with more fields commits; nothing if it is refused.
async fn send_with(row: &Row, fields: &[(&String, &Value)]) -> Option<String> {
    let (world, it) = (world().await, fixture().await);
    let before = it.app.public().state.clone();
    let mut with = row.clone();
    for (name, value) in fields {
        with.body[name.as_str()] = (*value).clone();
    }
    let answer = with.send(&it, world).await;
    let after = it.app.public().state.clone();
    if answer.status == 400 {
        assert_eq!(after, before, "{}", label(row));
        return None;
    }
    assert_eq!(answer.status, row.status, "{}: {}", label(row), answer.text);
    let admins = |state: &State| state.users.values().filter(|u| u.root_role == 1).count();
    assert_eq!(admins(&after), admins(&before), "{}", label(row));
    Some(committed(&it, before.seq).await)
}
