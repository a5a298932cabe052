//! The README's tour, in short.

use serde_json::{Value, json};

use crate::fixture::Fixture;

#[tokio::test]
async fn a_flag_is_created_switched_on_and_seen() {
    let it = Fixture::new().await;
    let backend = it.token("default", "backend", "development").await;
    it.admin("POST", "/api/admin/projects/default/features", json!({"name": "demo"})).await.expect(201);
    let before = it.call(&backend, "GET", "/api/client/features", Value::Null).await.expect(200);
    assert_eq!(before.json()["features"][0]["enabled"], false);
    it.admin("POST", "/api/admin/projects/default/features/demo/environments/development/on", Value::Null)
        .await
        .expect(200);
    let after = it.call(&backend, "GET", "/api/client/features", Value::Null).await.expect(200);
    assert_eq!(after.json()["features"][0]["enabled"], true);
    assert_ne!(before.headers["etag"], after.headers["etag"]);
}
