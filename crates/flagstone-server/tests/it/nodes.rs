//! Several nodes on one database, where one has not heard of the other yet.

use std::sync::Arc;

use flagstone_store::{DatabaseUrl, Options, Store};
use serde_json::{Value, json};

use crate::fixture::Fixture;

const FLAG: &str = "/api/admin/projects/default/features/flag";

/// Two nodes on a store that tells neither of what the other writes: each hears of it when it asks.
async fn two_nodes() -> (Fixture, Fixture) {
    let store = Arc::new(Store::open(&DatabaseUrl::Memory, &Options::default()).await.unwrap());
    let one = Fixture::on_shared(Arc::clone(&store), &[]).await;
    one.admin("POST", "/api/admin/projects/default/features", json!({"name": "flag"})).await.expect(201);
    (one, Fixture::on_shared(store, &[]).await)
}

async fn is_on(it: &Fixture) -> bool {
    let path = format!("{FLAG}/environments/development");
    it.admin("GET", &path, Value::Null).await.expect(200).json()["enabled"].as_bool().unwrap()
}

#[tokio::test]
async fn nothing_to_do_is_not_said_by_a_node_that_lags() {
    let (one, two) = two_nodes().await;
    one.admin("POST", &format!("{FLAG}/environments/development/on"), Value::Null).await.expect(200);
    assert!(!is_on(&two).await, "the other node should not know yet");
    two.admin("POST", &format!("{FLAG}/environments/development/off"), Value::Null).await.expect(200);
    assert!(!is_on(&two).await);
    one.app.catch_up_with(u64::MAX).await.unwrap();
    assert!(!is_on(&one).await, "it was switched off, and it is on");
}

#[tokio::test]
async fn what_another_node_has_made_is_not_refused_as_missing() {
    let (one, two) = two_nodes().await;
    one.admin("POST", "/api/admin/projects/default/features", json!({"name": "new"})).await.expect(201);
    two.admin("DELETE", "/api/admin/projects/default/features/new", Value::Null).await.expect(202);
    two.admin("POST", "/api/admin/projects/default/features", json!({"name": "new"})).await.expect(409);
}
