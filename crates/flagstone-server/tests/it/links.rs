//! Links of features.

use serde_json::{Value, json};

use crate::world::{fixture, world};

const FLAG: &str = "/api/admin/projects/alpha/features/flag";

#[tokio::test]
async fn links_lead_to_web_pages_and_are_few() {
    let it = fixture().await;
    let add = async |body: Value, expect: &str| {
        it.check("member of alpha", &format!("POST {FLAG}/link"), body, expect).await;
    };
    add(json!({}), "400 BadDataError /body/url").await;
    for url in ["", "javascript:alert(1)", "ftp://e.com", "https://a b", &format!("e.com/{}", "x".repeat(2_000))] {
        add(json!({"url": url}), "400 BadDataError /body/url").await;
    }
    add(json!({"url": "e.com", "title": "t".repeat(256)}), "400 BadDataError /body/title").await;
    add(json!({"url": "data:x", "title": "a\nb"}), "400 BadDataError /body/url /body/title").await;
    it.check("viewer", &format!("POST {FLAG}/link"), json!({"url": "e.com"}), "403 PermissionError").await;
    for n in 0..9 {
        add(json!({"url": format!("e.com/{n}")}), "204").await;
    }
    add(json!({"url": "e.com/10"}), "409 ExceedsLimitError").await;
    let flag = it.check("viewer", &format!("GET {FLAG}"), Value::Null, "200").await.json();
    assert_eq!(flag["links"].as_array().unwrap().len(), 10);
    assert_eq!(flag["links"][9]["url"], "https://e.com/8");
    assert_eq!(flag["links"][9]["feature"], "flag");
}

#[tokio::test]
async fn a_link_is_found_through_its_feature_alone() {
    let (it, world) = (fixture().await, world().await);
    let link = format!("{FLAG}/link/{}", world.get("link"));
    let other = link.replace("/flag/", "/other/");
    let changed = json!({"url": "https://changed.example.com"});
    it.check("admin", &format!("PUT {other}"), changed.clone(), "404 NotFoundError").await;
    it.check("admin", &format!("DELETE {other}"), Value::Null, "404 NotFoundError").await;
    it.check("admin", &format!("PUT {link}"), json!({"url": "e.com", "title": "Kept"}), "204").await;
    it.check("admin", &format!("PUT {link}"), changed, "204").await;
    let flag = it.check("viewer", &format!("GET {FLAG}"), Value::Null, "200").await.json();
    assert_eq!(flag["links"][0]["title"], "Kept");
    it.check("member of alpha", &format!("DELETE {link}"), Value::Null, "204").await;
    it.check("member of alpha", &format!("DELETE {link}"), Value::Null, "404 NotFoundError").await;
}
