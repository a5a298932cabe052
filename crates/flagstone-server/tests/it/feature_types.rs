//! Feature types.

use serde_json::{Value, json};

use crate::world::fixture;

#[tokio::test]
async fn a_lifetime_is_what_the_installation_says() {
    let it = fixture().await;
    let set = async |id: &str, body: Value, expect: &str| {
        it.check("admin", &format!("PUT /api/admin/feature-types/{id}/lifetime"), body, expect).await;
    };
    let of_release = async || {
        let list = it.check("viewer", "GET /api/admin/feature-types", Value::Null, "200").await.json();
        list["types"].as_array().unwrap().iter().find(|t| t["id"] == "release").unwrap()["lifetimeDays"].clone()
    };
    assert_eq!(of_release().await, 40);
    for (days, expect) in
        [(json!(7), json!(7)), (json!(0), Value::Null), (json!(9), json!(9)), (Value::Null, Value::Null)]
    {
        set("release", json!({"lifetimeDays": days}), "200").await;
        assert_eq!(of_release().await, expect);
    }
    set("release", json!({}), "400 BadDataError /body/lifetimeDays").await;
    for days in [json!(-1), json!(1.5), json!("7"), json!(2_147_483_648_u64)] {
        set("release", json!({"lifetimeDays": days}), "400 BadDataError /body/lifetimeDays").await;
    }
    set("nothing", json!({"lifetimeDays": 1}), "404 NotFoundError").await;
    let request = "PUT /api/admin/feature-types/release/lifetime";
    it.check("editor", request, json!({"lifetimeDays": 1}), "403 PermissionError").await;
}
