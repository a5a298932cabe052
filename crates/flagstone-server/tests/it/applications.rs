//! Applications: what SDKs say of themselves, and what people say of them.

use serde_json::{Value, json};

use crate::world::{fixture, world};

const APPLICATIONS: &str = "/api/admin/metrics/applications";

#[tokio::test]
async fn they_are_listed_page_by_page() {
    let (it, world) = (fixture().await, world().await);
    for n in 0..3 {
        let register = json!({"appName": format!("page-{n}"), "instanceId": "i", "sdkVersion": "unleash-client-go:5.0.0",
            "strategies": ["default"], "started": "2027-01-01T00:00:00Z", "interval": 1000});
        it.call(world.get("backend"), "POST", "/api/client/register", register).await.expect(202);
    }
    let names = async |query: &str| -> (Vec<String>, u64) {
        let list = it.check("viewer", &format!("GET {APPLICATIONS}?{query}"), Value::Null, "200").await.json();
        let rows = list["applications"].as_array().unwrap().iter();
        (rows.map(|row| row["appName"].as_str().unwrap().to_owned()).collect(), list["total"].as_u64().unwrap())
    };
    let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    for (query, expect, total) in [
        ("", &["b-shop", "page-0", "page-1", "page-2", "shop"][..], 5),
        ("query=PAGE", &["page-0", "page-1", "page-2"], 3),
        ("query=page&limit=1&offset=1", &["page-1"], 3),
        ("query=page&limit=1&sortOrder=desc&sortBy=appName", &["page-2"], 3),
        ("query=page&offset=3", &[], 3),
        ("query=page&limit=x&offset=-1&sortOrder=sideways", &["page-0", "page-1", "page-2"], 3),
        ("query=nothing", &[], 0),
    ] {
        assert_eq!(names(query).await, (texts(expect), total), "{query}");
    }
    let of_alpha = "GET /api/admin/projects/alpha/applications";
    let found = it.check("viewer", &format!("{of_alpha}?query=go"), Value::Null, "200").await.json();
    assert_eq!(found["total"], 3);
    assert_eq!(found["applications"][0]["sdks"], json!([{"name": "unleash-client-go", "versions": ["5.0.0"]}]));
    let found = it.check("viewer", &format!("{of_alpha}?query=shop-1"), Value::Null, "200").await.json();
    assert_eq!((&found["total"], &found["applications"][0]["instances"]), (&json!(1), &json!(["shop-1"])));
    let unknown = it.check("viewer", "GET /api/admin/projects/nowhere/applications", Value::Null, "200").await.json();
    assert_eq!(unknown, json!({"applications": [], "total": 0}));
}

#[tokio::test]
async fn one_shows_what_it_uses_and_what_it_lacks() {
    let it = fixture().await;
    let shop = it.check("viewer", &format!("GET {APPLICATIONS}/shop"), Value::Null, "200").await.json();
    assert_eq!(shop["strategies"][0]["displayName"], "Standard");
    assert_eq!(shop["strategies"][1], json!({"name": "homemade", "notFound": true}));
    assert_eq!(shop["instances"][0]["sdkType"], "backend");
    assert_eq!(shop["seenToggles"][0]["name"], "flag");
    let overview = it.check("viewer", &format!("GET {APPLICATIONS}/shop/overview"), Value::Null, "200").await.json();
    assert_eq!((&overview["projects"], &overview["featureCount"]), (&json!(["alpha"]), &json!(1)));
    let issues = &overview["environments"][0]["issues"];
    let outdated = json!(["unleash-client-node:5.0.0"]);
    assert_eq!(issues, &json!({"missingFeatures": ["typo"], "outdatedSdks": outdated}));
    assert_eq!(overview["issues"], json!({"missingStrategies": ["homemade"]}));
    for project in ["", "/projects/alpha"] {
        let path = if project.is_empty() { "metrics/sdks/outdated" } else { "projects/alpha/sdks/outdated" };
        let found = it.check("viewer", &format!("GET /api/admin/{path}"), Value::Null, "200").await.json();
        assert_eq!(found["sdks"][0]["sdkVersion"], "unleash-client-node:5.0.0");
        let all: Value = if project.is_empty() { json!(["b-shop", "shop"]) } else { json!(["shop"]) };
        assert_eq!(found["sdks"][0]["applications"], all);
    }
    it.check("viewer", &format!("GET {APPLICATIONS}/nothing"), Value::Null, "404 NotFoundError").await;
    let none = it.check("viewer", &format!("GET {APPLICATIONS}/nothing/overview"), Value::Null, "200").await.json();
    assert_eq!((&none["featureCount"], &none["environments"]), (&json!(0), &json!([])));
}

#[tokio::test]
async fn people_describe_and_forget_them() {
    let (it, world) = (fixture().await, world().await);
    let new = format!("POST {APPLICATIONS}/new");
    let check = async |who: &str, body: Value, expect: &str| {
        it.check(who, &new, body, expect).await;
    };
    check("nobody", json!({}), "401 AuthenticationRequired").await;
    check("viewer", json!({}), "403 PermissionError").await;
    check(
        "editor",
        json!({"url": "javascript:alert(1)", "icon": "x".repeat(300)}),
        "400 BadDataError /body/icon /body/url",
    )
    .await;
    check("editor", json!({"strategies": "x"}), "400 BadDataError /body/strategies").await;
    check("editor", json!({"strategies": [" "]}), "400 BadDataError /body/strategies/0").await;
    check("editor", json!([]), "400 BadDataError /body").await;
    let event = it.last_event();
    check(
        "editor",
        json!({"description": "A new one", "url": "https://example.com", "strategies": ["default"]}),
        "202",
    )
    .await;
    check("editor", json!({"icon": "cart"}), "202").await;
    let shown = it.check("viewer", &format!("GET {APPLICATIONS}/new"), Value::Null, "200").await.json();
    assert_eq!((&shown["description"], &shown["icon"]), (&json!("A new one"), &json!("cart")));
    let long = format!("POST {APPLICATIONS}/{}", "x".repeat(256));
    it.check("editor", &long, json!({}), "400 BadDataError /params/appName").await;
    it.check("viewer", &format!("DELETE {APPLICATIONS}/new"), Value::Null, "403 PermissionError").await;
    for _ in 0..2 {
        it.check("UPDATE_APPLICATION", &format!("DELETE {APPLICATIONS}/new"), Value::Null, "200").await;
    }
    it.check("viewer", &format!("GET {APPLICATIONS}/new"), Value::Null, "404 NotFoundError").await;
    // Not state: the log knows nothing of it.
    assert_eq!(it.last_event(), event);
    // What waits to be written does not bring one back, and a new introduction does.
    let register = json!({"appName": "shop", "strategies": [], "started": 0, "interval": 0});
    it.call(world.get("backend"), "POST", "/api/client/register", register.clone()).await.expect(202);
    it.check("editor", &format!("DELETE {APPLICATIONS}/shop"), Value::Null, "200").await;
    it.check("viewer", &format!("GET {APPLICATIONS}/shop"), Value::Null, "404 NotFoundError").await;
    it.call(world.get("backend"), "POST", "/api/client/register", register).await.expect(202);
    it.check("viewer", &format!("GET {APPLICATIONS}/shop"), Value::Null, "200").await;
}

#[tokio::test]
async fn who_may_not_see_a_project_neither_changes_nor_forgets_its_applications() {
    let it = fixture().await;
    it.check("admin", "PUT /api/admin/projects/omega/settings", json!({"mode": "private"}), "200").await;
    it.check("editor", &format!("GET {APPLICATIONS}/b-shop"), Value::Null, "404 NotFoundError").await;
    it.check("editor", &format!("POST {APPLICATIONS}/b-shop"), json!({"icon": "x"}), "409 ConflictError").await;
    it.check("editor", &format!("DELETE {APPLICATIONS}/b-shop"), Value::Null, "200").await;
    let shown = it.check("owner of omega", &format!("GET {APPLICATIONS}/b-shop"), Value::Null, "200").await.json();
    assert_eq!(shown["icon"], Value::Null);
    // One that is used in both is there for all, as far as they may see.
    let world = world().await;
    let register = json!({"appName": "b-shop", "strategies": [], "started": 0, "interval": 0});
    it.call(world.get("backend"), "POST", "/api/client/register", register).await.expect(202);
    let list = it.check("editor", &format!("GET {APPLICATIONS}?query=b-shop"), Value::Null, "200").await.json();
    assert_eq!(list["applications"][0]["usage"], json!([{"project": "alpha", "environments": ["development"]}]));
}

#[tokio::test]
async fn what_is_no_feature_is_listed_with_who_asks_for_it() {
    let it = fixture().await;
    let unknown = "GET /api/admin/metrics/unknown-flags";
    let names = |list: &Value| {
        let flags = list["unknownFlags"].as_array().unwrap().iter();
        flags.map(|flag| flag["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let list = it.check("viewer", unknown, Value::Null, "200").await.json();
    assert_eq!(names(&list), ["b-typo", "typo"]);
    assert_eq!(
        (&list["unknownFlags"][1]["reports"][0]["appName"], &list["unknownFlags"][1]["lastEventAt"]),
        (&json!("shop"), &Value::Null)
    );
    it.check("admin", "POST /api/admin/projects/alpha/features", json!({"name": "typo"}), "201").await;
    let list = it.check("viewer", unknown, Value::Null, "200").await.json();
    assert_eq!(names(&list), ["b-typo"]);
    it.check("admin", "DELETE /api/admin/projects/alpha/features/typo", Value::Null, "202").await;
    it.check("admin", "DELETE /api/admin/archive/typo", Value::Null, "200").await;
    let list = it.check("viewer", unknown, Value::Null, "200").await.json();
    assert!(list["unknownFlags"][1]["lastEventAt"].is_string(), "{list}");
}
