//! Queries and paths that try to be more than text.

use axum::body::Body;
use axum::http::Request;
use flagstone_store::{DatabaseUrl, Options, Store};
use serde_json::{Value, json};

use crate::fixture::{ADMIN, Fixture};
use crate::input::operations::Rig;

fn encoded(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02X}")).collect::<Vec<_>>().concat()
}

#[tokio::test]
async fn t40_odd_queries_are_taken_literally_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = DatabaseUrl::Sqlite(folder.path().join("flagstone.db"));
    for url in [DatabaseUrl::Memory, sqlite] {
        let store = Store::open(&url, &Options::default()).await.unwrap();
        let it = Fixture::on(store, &[]).await;
        let features = "/api/admin/projects/default/features";
        // Each description holds one odd text; a search for it finds that feature alone.
        let odd = [
            "100% sure",
            "snake_case",
            "it's",
            "say \"hi\"",
            "x;-- y",
            "back\\slash",
            "a*b?c[d]",
            "né\u{301}e",
            "%_%",
            "$1 OR 1=1",
        ];
        for (n, text) in odd.iter().enumerate() {
            let body = json!({"name": format!("f{n}"), "description": text});
            it.admin("POST", features, body).await.expect(201);
        }
        it.admin("POST", features, json!({"name": "plain", "description": "nothing odd: snakeXcase, 100 sure"}))
            .await
            .expect(201);
        let found = async |query: String| {
            let answer =
                it.admin("GET", &format!("/api/admin/search/events?{query}"), Value::Null).await.expect(200).json();
            let names = answer["events"]
                .as_array()
                .unwrap()
                .iter()
                .map(|e| e["featureName"].as_str().unwrap_or("?").to_owned());
            names.collect::<Vec<_>>()
        };
        for (n, text) in odd.iter().enumerate() {
            // Searched as JSON text holds it: quotes and backslashes are written with a backslash there.
            if text.contains(['"', '\\']) {
                continue;
            }
            let expect = vec![format!("f{n}")];
            assert_eq!(found(format!("query={}", encoded(text))).await, expect, "{text}");
        }
        assert_eq!(found("query=%25".to_owned()).await, ["f8", "f0"], "a percent sign is no wildcard");
        assert_eq!(found("feature=IS:%25".to_owned()).await, Vec::<String>::new());
        assert_eq!(found("feature=IS:f_".to_owned()).await, Vec::<String>::new());
        assert_eq!(found("feature=IS:f1".to_owned()).await, ["f1"]);
    }
}

#[tokio::test]
async fn t40_every_query_parameter_survives_odd_values() {
    let rig = Rig::new().await;
    let document = serde_json::to_value(flagstone_server::routes::openapi()).unwrap();
    let long = "x".repeat(7_000);
    let odd = [
        "'",
        "\"",
        "%",
        "_",
        ";--",
        "\u{0}",
        "\u{1b}[2J\r\n",
        "😀",
        "-1",
        "99999999999999999999",
        "IS:'",
        "IS_ANY_OF:a,',\u{0}",
        "IS:\u{0}",
        "asc; drop table events",
        "..",
        "[]",
        "{}",
        "1e999",
        &long,
    ];
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(operation) = item.get("get") else { continue };
        let mut names: Vec<_> = operation["parameters"].as_array().into_iter().flatten().cloned().collect();
        names.retain(|p| p["in"] == "query");
        let mut names: Vec<_> = names.iter().map(|p| p["name"].as_str().unwrap().to_owned()).collect();
        names.extend(["sortBy", "sortOrder", "query", "tag", "limit", "offset"].map(str::to_owned));
        let secret = match path.split('/').nth(2) {
            Some("client") if path.starts_with("/api") => rig.secret(crate::input::operations::Who::Backend),
            Some("frontend") => rig.secret(crate::input::operations::Who::Frontend),
            _ => ADMIN,
        };
        for name in &names {
            for value in odd {
                let value = if value.len() > 1_000 { value.to_owned() } else { encoded(value) };
                let uri = format!("{}?{name}={value}", rig.path(path));
                let request = Request::get(&uri).header("authorization", secret).body(Body::empty()).unwrap();
                let answer = rig.it.send(request).await;
                let status = answer.status.as_u16();
                assert!(matches!(status, 200 | 400 | 403 | 404 | 410), "{uri}: {status} {}", answer.text);
                tried += 1;
            }
            for raw in ["%", "%zz", "%ff%fe", "&&=&", "a=b=c", "+"] {
                let uri = format!("{}?{name}={raw}", rig.path(path));
                let request = Request::get(&uri).header("authorization", secret).body(Body::empty()).unwrap();
                let status = rig.it.send(request).await.status.as_u16();
                assert!(matches!(status, 200 | 400 | 403 | 404 | 410), "{uri}: {status}");
            }
        }
    }
    assert!(tried > 1_000, "{tried}");
}

#[tokio::test]
async fn t41_paths_lead_to_no_file_of_the_disk() {
    let it = Fixture::new().await;
    let long = "a/".repeat(2_000);
    let climbs = [
        "../../../../etc/passwd",
        "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "..%2f..%2f..%2fetc%2fpasswd",
        "..%5c..%5c..%5cetc%5cpasswd",
        "%5c%5cetc%5cpasswd",
        "%252e%252e%252fetc/passwd",
        "....//....//etc/passwd",
        "%c0%ae%c0%ae/etc/passwd",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "file:///etc/passwd",
        "openapi.css%00.html",
        "openapi.css/../../Cargo.toml",
        "Cargo.toml",
        ".env",
        "%00",
        "~root",
        &long,
    ];
    for folder in ["/", "/docs/", "/docs/openapi/", "/docs/openapi.css/", "/static/", "/api/frontend/", "/health/"] {
        for climb in climbs {
            let uri = format!("{folder}{climb}");
            let request = Request::get(&uri).header("authorization", ADMIN).body(Body::empty()).unwrap();
            let answer = it.send(request).await;
            assert_eq!(answer.status, 404, "{uri}: {}", answer.text);
            // Where a page would be, there is none.
            let is_json = answer.headers["content-type"] == "application/json";
            assert!(is_json || answer.text.starts_with("This build has no web UI"), "{uri}: {}", answer.text);
            assert!(!answer.text.contains("root:") && !answer.text.contains("[package]"), "{uri}: {}", answer.text);
        }
    }
    it.call("", "GET", "/docs/openapi.css", Value::Null).await.expect(200);
}
