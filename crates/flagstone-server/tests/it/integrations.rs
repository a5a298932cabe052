//! Integrations: what can be set up, and what is never shown again.

use serde_json::{Value, json};

use crate::fixture::{ADMIN, Fixture};
use crate::world::{fixture, world};

const ADDONS: &str = "/api/admin/addons";

fn hook(parameters: Value) -> Value {
    json!({"provider": "webhook", "enabled": false, "parameters": parameters, "events": ["feature-created"]})
}

#[tokio::test]
async fn bodies_are_checked() {
    let it = fixture().await;
    let url = "https://hooks.example.com/x";
    let check = async |body: Value, expect: &str| {
        it.check("editor", &format!("POST {ADDONS}"), body, expect).await;
    };
    check(json!({}), "400 BadDataError /body/provider /body/enabled /body/parameters /body/events").await;
    check(hook(json!({})), "400 BadDataError /body/parameters/url").await;
    check(hook(json!({"url": ""})), "400 BadDataError /body/parameters/url").await;
    check(hook(json!({"url": "*****"})), "400 BadDataError /body/parameters/url").await;
    check(hook(json!({"url": url, "x": {"y": 1}})), "400 BadDataError /body/parameters/x").await;
    for private in
        ["http://127.0.0.1/", "http://0x7f.1/", "http://localhost:4242/", "http://[::1]/", "ftp://a.b/", "nope"]
    {
        check(hook(json!({ "url": private })), "400 BadDataError /body/parameters/url").await;
    }
    check(
        hook(json!({"url": url, "bodyTemplate": "{{#a}}", "customHeaders": "{oops", "authorization": "a\nb"})),
        "400 BadDataError /body/parameters/bodyTemplate /body/parameters/customHeaders /body/parameters/authorization",
    )
    .await;
    check(
        hook(json!({"url": url, "customHeaders": "{\"Host\": \"a\"}"})),
        "400 BadDataError /body/parameters/customHeaders",
    )
    .await;
    let mut unknown = hook(json!({ "url": url }));
    unknown["provider"] = "carrier-pigeon".into();
    check(unknown, "400 BadDataError /body/provider").await;
    for (list, expect) in [(json!(["*", "anything"]), "201"), (json!([""]), "400 BadDataError /body/projects/0")] {
        let mut body = hook(json!({ "url": url }));
        body["projects"] = list;
        check(body, expect).await;
    }
    check(
        hook(json!({"url": url, "bodyTemplate": "{{event.type}}", "customHeaders": "{\"X-A\": \"b\"}", "more": 5})),
        "201",
    )
    .await;
    it.check("viewer", &format!("POST {ADDONS}"), hook(json!({ "url": url })), "403 PermissionError").await;
    it.check("viewer", &format!("GET {ADDONS}/999"), Value::Null, "404 NotFoundError").await;
    it.check("editor", &format!("PUT {ADDONS}/999"), hook(json!({ "url": url })), "404 NotFoundError").await;
    it.check("editor", &format!("DELETE {ADDONS}/999"), Value::Null, "404 NotFoundError").await;
    it.check("editor", &format!("GET {ADDONS}/1/events"), Value::Null, "403 PermissionError").await;
    it.check("admin", &format!("GET {ADDONS}/999/events"), Value::Null, "200").await;
}

#[tokio::test]
async fn a_secret_is_never_shown_and_goes_nowhere_else() {
    let it = Fixture::new().await;
    let secrets = ["secret-path", "secret-word", "secret-header"];
    let given = json!({
        "url": "https://hooks.example.com/secret-path", "authorization": "secret-word", "contentType": "text/plain",
        "customHeaders": "{\"X-Key\": \"secret-header\"}",
    });
    let made = it.admin("POST", ADDONS, hook(given)).await.expect(201);
    let path = made.headers["location"].to_str().unwrap().to_owned();
    let masked =
        json!({"url": "*****", "authorization": "*****", "contentType": "text/plain", "customHeaders": "*****"});
    assert_eq!(made.json()["parameters"], masked);
    // Everything else can be changed with what was shown.
    let mut changed = hook(masked.clone());
    changed["enabled"] = true.into();
    let after = it.admin("PUT", &path, changed).await.expect(200);
    assert_eq!((&after.json()["parameters"], &after.json()["enabled"]), (&masked, &json!(true)));
    let stored = || it.store.load();
    let holds = |loaded: &flagstone_store::Loaded| {
        let of_kind = loaded.documents.iter().filter(|document| document.kind == "integration");
        of_kind.map(|document| document.body.clone()).collect::<String>()
    };
    let body = holds(&stored().await.unwrap());
    assert!(secrets.iter().all(|secret| body.contains(secret)), "{body}");
    // With another address or provider, what is masked would go to somebody else.
    let mut elsewhere = hook(masked.clone());
    elsewhere["parameters"]["url"] = "https://evil.example.com/".into();
    let refused = it.admin("PUT", &path, elsewhere.clone()).await.expect(400);
    assert_eq!(refused.fault_paths(), ["/body/parameters/authorization", "/body/parameters/customHeaders"]);
    let mut teams = hook(masked.clone());
    teams["provider"] = "teams".into();
    it.admin("PUT", &path, teams).await.expect(400);
    elsewhere["parameters"] = json!({"url": "https://other.example.com/", "authorization": "new-word"});
    it.admin("PUT", &path, elsewhere).await.expect(200);
    assert!(!holds(&stored().await.unwrap()).contains("secret"), "what was left out is gone");
    let shown = [
        it.admin("GET", ADDONS, Value::Null).await.text,
        it.admin("GET", &path, Value::Null).await.text,
        it.admin("GET", "/api/admin/search/events", Value::Null).await.text,
        made.text,
        after.text,
    ];
    for text in shown {
        assert!(!secrets.iter().chain(&["new-word", "hooks.example"]).any(|secret| text.contains(secret)), "{text}");
    }
    it.admin("DELETE", &path, Value::Null).await.expect(200);
    let events = it.admin("GET", "/api/admin/search/events?type=IS:addon-config-deleted", Value::Null).await.json();
    assert_eq!(events["events"][0]["preData"]["provider"], "webhook");
}

#[tokio::test]
async fn those_of_private_projects_are_hidden_with_them() {
    let (it, world) = (fixture().await, world().await);
    let list = async |who: &str| {
        let answer = it.call(world.get(who), "GET", ADDONS, Value::Null).await.expect(200).json();
        answer["addons"]
            .as_array()
            .unwrap()
            .iter()
            .map(|a| a["description"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(list("viewer").await, ["integration", "spare integration", "chat integration"]);
    it.admin("PUT", "/api/admin/projects/omega/settings", json!({"mode": "private"})).await.expect(200);
    assert_eq!(list("viewer").await, ["integration", "chat integration"]);
    assert_eq!(list("admin").await, ["integration", "spare integration", "chat integration"]);
    let hidden = format!("{ADDONS}/{}", world.get("spare integration"));
    for who in ["viewer", "editor"] {
        it.check(who, &format!("GET {hidden}"), Value::Null, "404 NotFoundError").await;
    }
    let body = hook(json!({"url": "https://hooks.example.com/x"}));
    it.check("editor", &format!("PUT {hidden}"), body, "404 NotFoundError").await;
    it.check("editor", &format!("DELETE {hidden}"), Value::Null, "404 NotFoundError").await;
    assert_eq!(it.call(ADMIN, "GET", &hidden, Value::Null).await.expect(200).json()["projects"], json!(["omega"]));
}
