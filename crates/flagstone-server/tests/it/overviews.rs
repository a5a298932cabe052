//! What a whole page shows, in one answer, is what its parts say one by one.

use axum::http::header;
use serde_json::{Value, json};

use crate::fixture::Fixture;
use crate::world::fixture;

const FLAG: &str = "/api/admin/projects/alpha/features/flag";

async fn get(it: &Fixture, who: &str, path: &str) -> Value {
    it.check(who, &format!("GET {path}"), Value::Null, "200").await.json()
}

/// The names of what stands in a list.
fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_features_page_is_told_what_its_parts_say() {
    let it = fixture().await;
    it.check("admin token", "PUT /api/admin/tag-types/team", json!({"description": "", "color": "#336699"}), "200")
        .await;
    // Once more elsewhere: a segment stands there once.
    let again = json!({"name": "default", "segments": [1]});
    it.check("admin", &format!("POST {FLAG}/environments/production/strategies"), again, "200").await;
    for who in ["admin", "admin token", "viewer"] {
        let all = get(&it, who, &format!("{FLAG}/overview")).await;
        assert_eq!(all["feature"], get(&it, who, &format!("{FLAG}?variantEnvironments=true")).await, "{who}");
        assert_eq!(all["feature"]["environments"][0]["variants"][0]["name"], "blue");
        assert_eq!(all["tags"], get(&it, who, "/api/admin/features/flag/tags").await["tags"], "{who}");
        assert_eq!(all["tags"], json!([{"type": "team", "value": "blue", "color": "#336699"}]));
        assert_eq!(names(&all["segments"]), ["own", "shared"], "{who}");
        for segment in all["segments"].as_array().unwrap() {
            let whole = get(&it, who, &format!("/api/admin/segments/{}", segment["id"])).await;
            assert_eq!(
                *segment,
                json!({"id": whole["id"], "name": whole["name"], "constraints": whole["constraints"]})
            );
        }
    }
    let bare = get(&it, "viewer", "/api/admin/projects/alpha/features/other/overview").await;
    assert_eq!((&bare["tags"], &bare["segments"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn a_features_page_has_the_version_of_the_feature() {
    let it = fixture().await;
    let version = async |path: &str| {
        let answer = it.check("viewer", &format!("GET {path}"), Value::Null, "200").await;
        answer.headers[header::ETAG].to_str().unwrap().to_owned()
    };
    let page = format!("{FLAG}/overview");
    let before = version(FLAG).await;
    assert_eq!(version(&page).await, before);
    it.check("admin", &format!("PUT {FLAG}"), json!({"description": "other", "type": "release"}), "200").await;
    assert_ne!(version(&page).await, before);
    assert_eq!(version(&page).await, version(FLAG).await);
}

#[tokio::test]
async fn a_features_page_is_for_whoever_sees_the_feature() {
    let it = fixture().await;
    let page = |project: &str, name: &str| format!("GET /api/admin/projects/{project}/features/{name}/overview");
    it.check("admin", "PUT /api/admin/projects/omega/settings", json!({"mode": "private"}), "200").await;
    it.check("owner of omega", &page("omega", "b-flag"), Value::Null, "200").await;
    for (project, name) in [("omega", "b-flag"), ("alpha", "b-flag"), ("alpha", "old"), ("alpha", "nothing")] {
        it.check("viewer", &page(project, name), Value::Null, "404 NotFoundError").await;
    }
}

const HOME: &str = "/api/admin/home";

#[tokio::test]
async fn home_says_what_its_parts_say() {
    let it = fixture().await;
    it.check("admin", "PUT /api/admin/projects/omega/settings", json!({"mode": "private"}), "200").await;
    for who in ["admin", "viewer", "owner of omega", "admin token"] {
        let home = get(&it, who, HOME).await;
        let events = get(&it, who, "/api/admin/search/events?limit=10").await;
        assert_eq!(home["latestEvents"], events["events"], "{who}");
        let unknown = get(&it, who, "/api/admin/metrics/unknown-flags").await;
        let expect: &[&str] = if who == "viewer" { &["typo"] } else { &["b-typo", "typo"] };
        assert_eq!(names(&home["unknownFlags"]), expect, "{who}");
        assert_eq!(home["unknownFlagCount"], unknown["unknownFlags"].as_array().unwrap().len(), "{who}");
        assert_eq!(home["unknownFlags"][0]["lastSeenAt"], unknown["unknownFlags"][0]["lastSeenAt"], "{who}");
        let applications = get(&it, who, "/api/admin/metrics/applications").await["total"].clone();
        let connections = &home["connections"];
        let seen = &unknown["unknownFlags"][0]["lastSeenAt"];
        assert_eq!(
            *connections,
            json!([{
                "environment": "development", "type": "development", "applications": applications,
                "instances": applications, "lastSeen": seen,
            }]),
            "{who}"
        );
        let features = get(&it, who, "/api/admin/search/features?limit=1").await["total"].clone();
        assert_eq!(home["features"], features, "{who}");
        assert_eq!(home["revision"], it.app.public().state.seq);
        if who != "admin token" {
            let board = get(&it, who, "/api/admin/personal-dashboard").await;
            assert_eq!(home["admins"], board["admins"], "{who}");
        }
    }
    // Who was there yesterday is not there any more.
    it.advance(25 * 3_600_000);
    assert_eq!(get(&it, "viewer", HOME).await["connections"], json!([]));
}

#[tokio::test]
async fn home_shows_what_is_mine() {
    let it = fixture().await;
    let home = get(&it, "viewer", HOME).await;
    assert_eq!((&home["flags"], &home["favorites"]), (&json!([]), &json!([])));
    assert_eq!(names(&home["projects"]), ["Default"], "whoever has none begins with the default project");
    assert_eq!(home["projects"], get(&it, "admin token", HOME).await["projects"]);
    assert_eq!(get(&it, "admin token", HOME).await["favorites"], json!([]));

    let home = get(&it, "admin", HOME).await;
    assert_eq!(
        home["favorites"],
        json!([{"name": "lit", "project": "alpha", "type": "release", "stale": false}]),
        "a feature that nobody has asked for was never seen"
    );
    assert_eq!((&home["projects"][0]["id"], &home["projects"][0]["favorite"]), (&json!("omega"), &json!(true)));

    let home = get(&it, "owner of alpha", HOME).await;
    assert_eq!(names(&home["projects"]), ["The alpha project", "The empty project"], "archived ones are not shown");
    assert_eq!((&home["projects"][0]["owner"], &home["projects"][0]["favorite"]), (&json!(true), &json!(false)));
    assert_eq!(get(&it, "member of alpha", HOME).await["projects"][0]["owner"], false);
    it.check("owner of alpha", "POST /api/admin/projects/empty/favorites", Value::Null, "200").await;
    it.check(
        "owner of alpha",
        "POST /api/admin/projects/alpha/stale",
        json!({"features": ["flag"], "stale": true}),
        "202",
    )
    .await;
    let home = get(&it, "owner of alpha", HOME).await;
    assert_eq!(names(&home["projects"]), ["The empty project", "The alpha project"], "favorites come first");
    let board = get(&it, "owner of alpha", "/api/admin/personal-dashboard").await;
    let boards = board["projects"].as_array().unwrap();
    for project in home["projects"].as_array().unwrap() {
        let same = boards.iter().find(|one| one["id"] == project["id"]).unwrap();
        assert_eq!((&project["health"], &project["featureCount"]), (&same["health"], &same["featureCount"]));
    }
    assert_eq!((&home["projects"][1]["staleCount"], &home["projects"][1]["featureCount"]), (&json!(1), &json!(5)));
}

#[tokio::test]
async fn home_shows_what_i_have_made_last() {
    let it = fixture().await;
    for number in 0..52 {
        it.advance(1_000);
        let body = json!({"name": format!("mine-{number}"), "type": "experiment"});
        it.check("editor", "POST /api/admin/projects/default/features", body, "201").await;
    }
    let made = |home: &Value| names(&home["flags"]).into_iter().map(str::to_owned).collect::<Vec<_>>();
    let newest = |from: i32| (0..=from).rev().take(50).map(|number| format!("mine-{number}")).collect::<Vec<_>>();
    let home = get(&it, "editor", HOME).await;
    assert_eq!(made(&home), newest(51));
    let flag = &home["flags"][0];
    assert_eq!(
        (&flag["type"], &flag["project"], &flag["stale"]),
        (&json!("experiment"), &json!("default"), &json!(false))
    );
    assert_eq!((&flag["potentiallyStale"], flag.get("lastSeenAt")), (&json!(false), None));
    let list = get(&it, "editor", "/api/admin/projects/default/features").await;
    let row = list["features"].as_array().unwrap().iter().find(|row| row["name"] == "mine-51").unwrap();
    assert_eq!(flag["environments"], row["environments"]);
    it.check("editor", "DELETE /api/admin/projects/default/features/mine-51", Value::Null, "202").await;
    assert_eq!(made(&get(&it, "editor", HOME).await), newest(50));
    it.check("editor", "POST /api/admin/archive/revive/mine-51", Value::Null, "200").await;
    assert_eq!(made(&get(&it, "editor", HOME).await), newest(51));
    assert_eq!(get(&it, "viewer", HOME).await["flags"], json!([]));
}

#[tokio::test]
async fn a_features_exposure_adds_up_over_applications_and_has_its_changes() {
    let it = fixture().await;
    for (app, yes) in [("web", 3), ("jobs", 4)] {
        let now = "2027-01-15T08:00:00Z";
        let toggles = json!({"flag": {"yes": yes, "no": 1, "variants": {"blue": yes}}});
        let report =
            json!({"appName": app, "instanceId": "1", "bucket": {"start": now, "stop": now, "toggles": toggles}});
        it.check("backend", "POST /api/client/metrics", report, "202").await;
    }
    let exposure = get(&it, "viewer", &format!("{FLAG}/exposure?hoursBack=24")).await;
    let hours = exposure["hours"].as_array().unwrap();
    assert_eq!(hours.len(), 1, "{exposure}");
    assert_eq!((&hours[0]["yes"], &hours[0]["no"]), (&json!(7), &json!(2)));
    assert_eq!(hours[0]["variants"], json!({"blue": 7}));
    let whole = get(&it, "viewer", "/api/admin/search/events?feature=IS:flag").await;
    assert_eq!(exposure["changes"], whole["events"]);
    assert!(exposure["changes"].as_array().unwrap().iter().any(|event| event["type"] == "feature-created"));

    let bare = get(&it, "viewer", "/api/admin/projects/alpha/features/other/exposure?hoursBack=nonsense").await;
    assert_eq!(bare["hours"], json!([]));
    it.check("viewer", "GET /api/admin/projects/alpha/features/nothing/exposure", Value::Null, "404 NotFoundError")
        .await;
}
