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
