//! A project, a user's own things and the whole installation, in numbers.

use serde_json::{Value, json};

use crate::fixture::Fixture;
use crate::world::{fixture, world};

const ALPHA: &str = "/api/admin/projects/alpha";
const DAY: i64 = 86_400_000;

async fn get(it: &Fixture, who: &str, path: &str) -> Value {
    it.check(who, &format!("GET {path}"), Value::Null, "200").await.json()
}

async fn make(it: &Fixture, name: &str, kind: &str) {
    it.check("admin token", &format!("POST {ALPHA}/features"), json!({"name": name, "type": kind}), "201").await;
}

#[tokio::test]
async fn what_happened_counts_in_its_window() {
    let it = fixture().await;
    let stats = get(&it, "admin token", &format!("{ALPHA}/overview")).await["stats"].clone();
    assert_eq!((&stats["createdCurrentWindow"], &stats["archivedCurrentWindow"]), (&json!(6), &json!(1)));
    let activity = stats["projectActivityCurrentWindow"].as_u64().unwrap();
    assert!(activity > 10, "{stats}");
    it.advance(31 * DAY);
    make(&it, "late", "release").await;
    it.advance(2 * DAY);
    it.check("admin token", &format!("POST {ALPHA}/features/late/environments/production/on"), Value::Null, "200")
        .await;
    it.check("admin token", &format!("DELETE {ALPHA}/features/other"), Value::Null, "202").await;
    for path in ["overview", "insights", "health-report"] {
        let stats = get(&it, "admin token", &format!("{ALPHA}/{path}")).await["stats"].clone();
        assert_eq!(
            stats,
            json!({
                "avgTimeToProdCurrentWindow": 2.0, "createdCurrentWindow": 1, "createdPastWindow": 6, "archivedCurrentWindow": 1,
                "archivedPastWindow": 1, "projectActivityCurrentWindow": 4, "projectActivityPastWindow": activity,
                "projectMembersAddedCurrentWindow": 0,
            }),
            "{path}"
        );
    }
    // Off and on again is no second arrival.
    for switch in ["off", "on"] {
        it.advance(DAY);
        let path = format!("POST {ALPHA}/features/late/environments/production/{switch}");
        it.check("admin token", &path, Value::Null, "200").await;
    }
    let dora = get(&it, "admin token", &format!("{ALPHA}/dora")).await;
    assert_eq!(dora, json!({"features": [{"name": "late", "timeToProduction": 2.0}], "projectAverage": 2.0}));
    it.advance(200 * DAY);
    let insights = get(&it, "admin token", &format!("{ALPHA}/insights")).await;
    assert_eq!(insights["stats"]["avgTimeToProdCurrentWindow"], 0.0);
    assert_eq!(insights["leadTime"], dora);
    assert_eq!(insights["stats"]["projectActivityPastWindow"], 0);
    // A copy has not been anywhere yet.
    it.check("admin token", &format!("POST {ALPHA}/features/late/clone"), json!({"name": "copy"}), "201").await;
    assert_eq!(get(&it, "admin token", &format!("{ALPHA}/dora")).await, dora);
}

#[tokio::test]
async fn health_is_what_is_not_stale() {
    let it = fixture().await;
    let shown = async |path: &str| get(&it, "admin token", &format!("{ALPHA}/{path}")).await;
    // Of the five live ones.
    it.check("admin token", &format!("POST {ALPHA}/stale"), json!({"features": ["flag"], "stale": true}), "202").await;
    let report = shown("health-report").await;
    let counts = |report: &Value| {
        ["activeCount", "staleCount", "potentiallyStaleCount"].map(|key| report[key].as_u64().unwrap())
    };
    assert_eq!((counts(&report), &report["health"], &report["technicalDebt"]), ([4, 1, 0], &json!(80), &json!(20)));
    assert_eq!(report["features"].as_array().unwrap().len(), 5);
    make(&it, "switch", "kill-switch").await;
    it.advance(41 * DAY);
    make(&it, "fresh", "release").await;
    it.do_jobs().await;
    let report = shown("health-report").await;
    // Four are older than releases should be; a kill switch may be as old as it likes.
    assert_eq!((counts(&report), &report["technicalDebt"]), ([6, 1, 4], &json!(71)));
    let insights = shown("insights").await;
    assert_eq!(
        insights["technicalDebt"],
        json!({"rating": 71, "activeCount": 6, "potentiallyStaleCount": 4, "staleCount": 1})
    );
    assert_eq!(insights["health"]["rating"], 29);
    let status = shown("status").await;
    assert_eq!((&status["health"]["current"], &status["technicalDebt"]["current"]), (&json!(29), &json!(71)));
    assert_eq!(status["staleFlags"]["total"], 5);
    let list = get(&it, "admin token", "/api/admin/projects").await;
    let row = list["projects"].as_array().unwrap().iter().find(|row| row["id"] == "alpha").unwrap();
    assert_eq!((&row["health"], &row["technicalDebt"]), (&json!(29), &json!(71)));
}

#[tokio::test]
async fn a_status_says_what_there_is() {
    let (it, world) = (fixture().await, world().await);
    let status = get(&it, "viewer", &format!("{ALPHA}/status")).await;
    assert_eq!(status["resources"]["segments"], 2);
    assert_eq!(status["resources"]["apiTokens"], 3);
    let day = &status["activityCountByDate"][0];
    assert!(day["count"].as_u64() > Some(10) && day["date"] == "2027-01-15", "{day}");
    let summary = &status["lifecycleSummary"];
    // `flag` was asked for, but before it was made: that was another one.
    assert_eq!(summary["initial"], json!({"averageDays": 0.0, "currentFlags": 4}));
    assert_eq!(summary["completed"], json!({"averageDays": 0.0, "currentFlags": 1}));
    assert_eq!(summary["archived"], json!({"currentFlags": 1, "last30Days": 1}));
    it.advance(3 * DAY);
    let toggles = json!({"flag": {"yes": 1, "no": 0}});
    let metrics = json!({"appName": "it", "bucket": {"start": 0, "stop": 0, "toggles": toggles}});
    it.call(world.get("backend"), "POST", "/api/client/metrics", metrics).await.expect(202);
    it.do_jobs().await;
    it.advance(DAY);
    let status = get(&it, "viewer", &format!("{ALPHA}/status")).await;
    // Four days thrice, three until it was asked for, and two that were archived or completed at once.
    assert_eq!(status["lifecycleSummary"]["initial"], json!({"averageDays": 2.5, "currentFlags": 3}));
    assert_eq!(status["lifecycleSummary"]["preLive"], json!({"averageDays": 1.0, "currentFlags": 1}));
    let count = get(&it, "viewer", "/api/admin/lifecycle/count").await;
    assert_eq!(count, json!({"initial": 6, "preLive": 1, "live": 0, "completed": 1, "archived": 2}));
    let overview = get(&it, "viewer", &format!("{ALPHA}/overview")).await;
    assert_eq!(overview["onboardingStatus"], json!({"status": "onboarded"}));
    let empty = get(&it, "viewer", "/api/admin/projects/empty/overview").await;
    assert_eq!(empty["onboardingStatus"], json!({"status": "onboarding-started"}));
    for path in ["status", "insights", "health-report", "dora"] {
        it.check("viewer", &format!("GET /api/admin/projects/nowhere/{path}"), Value::Null, "404 NotFoundError").await;
        it.check("viewer", &format!("GET /api/admin/projects/gone/{path}"), Value::Null, "404 NotFoundError").await;
        it.check("nobody", &format!("GET {ALPHA}/{path}"), Value::Null, "401 AuthenticationRequired").await;
    }
}

#[tokio::test]
async fn a_dashboard_shows_what_concerns_who_asks() {
    let it = fixture().await;
    let board = get(&it, "editor", "/api/admin/personal-dashboard").await;
    assert_eq!(board["flags"], json!([]));
    assert!(board["projects"].as_array().unwrap().iter().all(|project| project["id"] != "gone"));
    assert!(board["admins"].as_array().unwrap().iter().any(|admin| admin["username"] == "admin"));
    it.check("editor", "POST /api/admin/projects/default/features", json!({"name": "mine"}), "201").await;
    let board = get(&it, "editor", "/api/admin/personal-dashboard").await;
    assert_eq!(board["flags"], json!([{"name": "mine", "type": "release", "project": "default"}]));
    it.check("admin token", "GET /api/admin/personal-dashboard", Value::Null, "403 ForbiddenError").await;
    let path = "/api/admin/personal-dashboard/alpha";
    let mine = get(&it, "owner of alpha", path).await;
    assert_eq!(mine["roles"], json!([{"id": 4, "name": "Owner", "type": "project"}]));
    assert_eq!(mine["owners"][0]["ownerType"], "user");
    assert_eq!(mine["latestEvents"].as_array().unwrap().len(), 10);
    assert_eq!((&mine["insights"]["totalFlags"], &mine["insights"]["health"]), (&json!(5), &json!(100)));
    assert_eq!(get(&it, "viewer", path).await["roles"], json!([]));
    it.check("viewer", "GET /api/admin/personal-dashboard/nowhere", Value::Null, "404 NotFoundError").await;
    it.check("admin token", &format!("GET {path}"), Value::Null, "403 ForbiddenError").await;
}

#[tokio::test]
async fn the_installation_counts_what_who_asks_may_see() {
    let it = fixture().await;
    let path = "/api/admin/instance-admin/statistics";
    let all = get(&it, "viewer", path).await;
    assert_eq!(
        (&all["featureToggles"], &all["archivedFeatureToggles"], &all["projects"]),
        (&json!(8), &json!(2), &json!(4))
    );
    assert_eq!(
        (&all["maxEnvironmentStrategies"], &all["maxConstraints"], &all["maxConstraintValues"]),
        (&json!(2), &json!(1), &json!(1))
    );
    assert_eq!(all["clientApps"][2], json!({"range": "allTime", "count": 2}));
    assert_eq!(all["productionChanges"], json!({"last30": 1, "last60": 1, "last90": 1}));
    it.check("admin", &format!("POST {ALPHA}/features/flag/environments/production/on"), Value::Null, "200").await;
    it.advance(DAY);
    let later = get(&it, "viewer", path).await;
    assert_eq!(later["productionChanges"], json!({"last30": 3, "last60": 3, "last90": 3}));
    assert_eq!(later["previousDayMetricsBucketsCount"], json!({"enabledCount": 2, "variantCount": 0}));
    assert_ne!(all["sum"], later["sum"]);
    it.check("admin", "PUT /api/admin/projects/omega/settings", json!({"mode": "private"}), "200").await;
    let less = get(&it, "viewer", path).await;
    assert_eq!((&less["featureToggles"], &less["projects"]), (&json!(5), &json!(3)));
    assert_eq!(less["clientApps"][2]["count"], 1);
    assert_eq!((&less["productionChanges"], &less["previousDayMetricsBucketsCount"]), (&Value::Null, &Value::Null));
    let csv = it.check("viewer", &format!("GET {path}/csv"), Value::Null, "200").await;
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    let lines: Vec<_> = csv.text.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].contains("\"featureToggles\"") && lines[1].contains("\"{\"\"admin\"\":"), "{}", csv.text);
    it.check("nobody", &format!("GET {path}/csv"), Value::Null, "401 AuthenticationRequired").await;
}
