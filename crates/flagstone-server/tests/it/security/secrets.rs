//! Secrets stand in the one answer that creates them, and nowhere else.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::process::{ADMIN, PASSWORD, Process};
use crate::fixture::Fixture;

const TOKENS: &str = "/api/admin/projects/default/api-tokens";

fn hits(place: &str, bytes: &[u8], secrets: &[(String, String)]) -> Vec<String> {
    let found = |secret: &str| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
    secrets.iter().filter(|(_, secret)| found(secret)).map(|(name, _)| format!("{name} in {place}")).collect()
}

#[test]
fn t22_t23_no_secret_is_written_down_anywhere() {
    let server =
        Process::start(&[("LOG_LEVEL", "trace"), ("LOG_FORMAT", "json"), ("SIMPLE_LOGIN_LIMIT_PER_MINUTE", "1000")]);
    let json_type = ("content-type", "application/json");
    let mut secrets: Vec<(String, String)> = vec![
        ("the administrator's password".to_owned(), PASSWORD.to_owned()),
        ("the admin token".to_owned(), ADMIN.split_once('.').unwrap().1.to_owned()),
    ];
    // What the server said, except where it hands out a new secret.
    let mut said: Vec<(String, String)> = Vec::new();
    let mut wrong = 0;
    let mut canary = |name: &str, secrets: &mut Vec<(String, String)>| {
        wrong += 1;
        let secret = format!("Canary-{wrong}-{name}-8d1f0c77");
        secrets.push((name.to_owned(), secret.clone()));
        secret
    };

    // Passwords: right, wrong, weak, in the wrong field, and of the wrong type.
    let ada = canary("password", &mut secrets);
    let new_user = json!({"username": "ada", "rootRole": 1, "password": ada});
    let id = server.admin("POST", "/api/admin/user-admin", &new_user).json()["id"].as_i64().unwrap();
    let reset = canary("reset-password", &mut secrets);
    let path = format!("/api/admin/user-admin/{id}/change-password");
    said.push((path.clone(), server.admin("POST", &path, &json!({"password": reset})).text));
    let weak = canary("weakpassword", &mut secrets).to_lowercase();
    secrets.push(("a weak password".to_owned(), weak.clone()));
    for body in [
        json!({"password": weak}),
        json!({"password": [canary("list-password", &mut secrets)]}),
        json!({"password": {canary("key-password", &mut secrets): 1}}),
        json!({"password": reset, "confirmPassword": canary("confirmed-password", &mut secrets), "oldPassword": 7}),
        json!({"username": "x", "rootRole": canary("role-password", &mut secrets), "password": reset}),
    ] {
        for path in [path.as_str(), "/api/admin/user-admin", "/api/admin/user-admin/validate-password"] {
            said.push((format!("{path} {body}"), server.admin("POST", path, &body).text));
        }
    }
    for body in [
        json!({"username": "ada", "password": canary("wrong-password", &mut secrets)}),
        json!({"username": canary("password-as-username", &mut secrets), "password": "x"}),
        json!({"username": "ada", "password": {"$ne": canary("object-password", &mut secrets)}}),
    ] {
        said.push((
            format!("log-in {body}"),
            server.send("POST", "/auth/simple/login", &[json_type], &body.to_string()).text,
        ));
    }
    let broken = format!(r#"{{"username": "ada", "password": "{}"#, canary("broken-password", &mut secrets));
    said.push(("broken log-in".to_owned(), server.send("POST", "/auth/simple/login", &[json_type], &broken).text));

    // Links that set a password.
    let invited = server.admin("POST", "/api/admin/user-admin", &json!({"username": "eve", "rootRole": 3})).json();
    let reset_link = server.admin("POST", "/api/admin/user-admin/reset-password", &json!({"id": id})).json();
    for link in [&invited["inviteLink"], &reset_link["resetPasswordUrl"]] {
        let secret = link.as_str().unwrap().rsplit_once("token=").unwrap().1.to_owned();
        secrets.push(("secret of a link".to_owned(), secret));
    }
    for token in [secrets.last().unwrap().1.clone(), canary("wrong-link", &mut secrets)] {
        let body = json!({"token": token, "password": "weak"}).to_string();
        said.push(("redeem".to_owned(), server.send("POST", "/auth/reset/password", &[json_type], &body).text));
    }

    // Sessions.
    let body = json!({"username": "ada", "password": reset}).to_string();
    let login = server.send("POST", "/auth/simple/login", &[json_type], &body);
    let cookie = login.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    secrets.push(("session id".to_owned(), cookie.split_once('=').unwrap().1.to_owned()));
    let wrong_cookie = format!("unleash-session={}", canary("wrong-session", &mut secrets));
    for cookie in [&cookie, &wrong_cookie] {
        said.push(("me".to_owned(), server.send("GET", "/api/admin/user", &[("cookie", cookie)], "").text));
    }

    // Tokens of every kind: made, used, listed, named in paths, deleted.
    let pat = json!({"description": "d", "expiresAt": "2100-01-01T00:00:00Z"}).to_string();
    let expiry = next_year(&server);
    let pat = pat.replace("2100-01-01T00:00:00Z", &expiry);
    let pat = server.send("POST", "/api/admin/user/tokens", &[("cookie", &cookie), json_type], &pat);
    let pat = pat.json()["secret"].as_str().unwrap().to_owned();
    secrets.push(("personal access token".to_owned(), pat.split_once('.').unwrap().1.to_owned()));
    let mut tokens = vec![pat];
    for (kind, path) in [("backend", TOKENS), ("frontend", TOKENS), ("backend", "/api/admin/api-tokens")] {
        let body = json!({"type": kind, "tokenName": "t", "environment": "development"});
        let token = server.admin("POST", path, &body).json()["secret"].as_str().unwrap().to_owned();
        secrets.push((format!("{kind} token"), token[token.len() - 43..].to_owned()));
        tokens.push(token);
    }
    tokens.push(format!("default:development.{}", canary("wrong-token", &mut secrets)));
    tokens.push(format!("user:1.{}", canary("wrong-personal-token", &mut secrets)));
    tokens.push(canary("shapeless-token", &mut secrets));
    tokens.push(ADMIN.to_owned());
    for token in &tokens {
        let bearer = format!("Bearer {token}");
        for authorization in [token, &bearer] {
            for (method, path) in [
                ("GET", "/api/admin/user"),
                ("GET", "/api/admin/user/tokens"),
                ("GET", "/api/client/features"),
                ("GET", "/api/frontend"),
                ("POST", "/api/admin/projects"),
                ("POST", "/api/client/metrics"),
            ] {
                let headers = [("authorization", authorization.as_str()), json_type];
                said.push((format!("{method} {path}"), server.send(method, path, &headers, "{}").text));
            }
        }
        // Their own paths, and paths that do not exist.
        for path in [format!("{TOKENS}/{token}"), format!("/api/admin/api-tokens/{token}")] {
            for method in ["GET", "PUT", "DELETE", "PATCH"] {
                // The admin token stays: it is needed.
                if (method, token.as_str()) != ("DELETE", ADMIN) {
                    let body = json!({"expiresAt": "yesterday"});
                    said.push((format!("{method} {path}"), server.admin(method, &path, &body).text));
                }
            }
            said.push((format!("below {path}"), server.admin("GET", &format!("{path}/x"), &Value::Null).text));
        }
    }

    // Everything that can be read.
    for path in [
        "/api/admin/search/events?limit=1000",
        "/api/admin/event-creators",
        "/api/admin/user-admin",
        "/api/admin/api-tokens",
        TOKENS,
        "/api/admin/ui-config",
        "/internal-backstage/prometheus",
        "/docs/openapi.json",
        "/health",
    ] {
        said.push((path.to_owned(), server.admin("GET", path, &Value::Null).text));
    }
    let logout = server.send("POST", "/logout", &[("cookie", &cookie)], "");
    said.push(("logout".to_owned(), logout.text));

    let logs = server.logs();
    assert!(logs.lines().filter(|l| l.contains("DEBUG")).count() > 100, "the logs tell of no request");
    let mut found = hits("the logs", logs.as_bytes(), &secrets);
    for (place, text) in &said {
        found.extend(hits(&format!("the answer to {place}"), text.as_bytes(), &secrets));
    }
    let files = server.files();
    assert!(
        files.iter().any(|(name, bytes)| name == "flagstone.db-wal" && bytes.len() > 100_000),
        "no write-ahead log"
    );
    for (name, bytes) in &files {
        found.extend(hits(name, bytes, &secrets));
        // T23: nothing that looks like a whole token, whoever made it.
        let text = String::from_utf8_lossy(bytes);
        for (at, _) in text.match_indices("v2_") {
            let rest: String =
                text[at + 3..].chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
            assert!(rest.len() < 22 + 1 + 43, "a whole token in {name}: …{rest}");
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// A date-time within a year, by the server's own clock.
fn next_year(server: &Process) -> String {
    let project = server.admin("GET", "/api/admin/user-admin", &Value::Null).json();
    let created = project["users"][0]["createdAt"].as_str().unwrap().to_owned();
    let year: u32 = created[..4].parse().unwrap();
    format!("{}-01-01T00:00:00Z", year + 1)
}

#[test]
fn t23_the_files_are_for_the_server_alone() {
    use std::os::unix::fs::PermissionsExt;
    let server = Process::start(&[]);
    server.admin("POST", "/api/admin/projects/default/features", &json!({"name": "flag"}));
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let data = server.folder.path().join("data");
    assert_eq!(mode(&data), 0o700);
    let files = server.files();
    assert!(files.len() >= 2, "{}", files.len());
    for (name, _) in files {
        assert_eq!(mode(&data.join(&name)), 0o600, "{name}");
    }
}

#[test]
fn t24_no_header_or_path_forges_a_line_of_the_log() {
    for format in ["text", "json"] {
        let server = Process::start(&[("LOG_LEVEL", "trace"), ("LOG_FORMAT", format)]);
        let forged = "2030-01-01T00:00:00.000000Z  INFO flagstone: FORGED";
        let nasty = format!("\u{1b}[2J\u{1b}]0;owned\u{7}{forged}");
        for bytes in [
            format!("GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\nuser-agent: {nasty}\r\n\r\n"),
            format!("GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\nuser-agent: a\r\n {forged}\r\n\r\n"),
            format!("GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\nuser-agent: a\n{forged}\r\n\r\n"),
            format!("GET /no%0d%0a{} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", forged.replace(' ', "%20")),
            format!("GET /no%1b[2J HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-forwarded-for: {nasty}\r\n\r\n"),
            format!("GET /{nasty} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"),
            "\u{1b}[2J /health HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(),
        ] {
            server.send_raw(bytes.as_bytes());
        }
        let body = json!({"username": nasty, "password": nasty}).to_string();
        server.send("POST", "/auth/simple/login", &[("content-type", "application/json")], &body);
        let name = format!("a\r\n{nasty}");
        server.admin("POST", "/api/admin/projects/default/features", &json!({ "name": name }));
        server.admin("POST", "/api/admin/projects", &json!({ "name": name }));
        let token = server.admin("POST", TOKENS, &json!({"type": "backend", "tokenName": "t"})).json();
        let headers = [("authorization", token["secret"].as_str().unwrap()), ("content-type", "application/json")];
        let register =
            json!({"appName": name, "instanceId": name, "strategies": [name], "started": name, "interval": 1});
        assert_eq!(server.send("POST", "/api/client/register", &headers, &register.to_string()).status, 202);

        let logs = server.logs();
        assert!(logs.lines().count() >= 8, "nothing is logged: {logs}");
        assert!(
            !logs.contains('\u{1b}') && !logs.contains('\u{7}') && !logs.contains('\r'),
            "{format}: control characters"
        );
        assert!(!logs.lines().any(|line| line.starts_with(forged)), "{format}: a forged line");
        if format == "json" {
            let is_object = |line: &&str| serde_json::from_str::<Value>(line).is_ok_and(|v| v.is_object());
            let other: Vec<_> = logs.lines().filter(|line| !is_object(line)).collect();
            assert!(other.is_empty(), "{other:?}");
        }
    }
}

#[tokio::test]
async fn t28_ten_thousand_secrets_are_all_different_and_long_enough() {
    let it = std::sync::Arc::new(Fixture::with(&["--api-tokens-limit", "20000"]).await);
    let mut secrets = BTreeSet::new();
    let mut selectors = BTreeSet::new();
    let mut upper_case = 0_u32;
    let body = json!({"type": "backend", "tokenName": "t", "environment": "development"});
    // Many at once, so that they share commits.
    let mut creating = tokio::task::JoinSet::new();
    for _ in 0..10_000 {
        let (it, body) = (std::sync::Arc::clone(&it), body.clone());
        creating.spawn(async move { it.admin("POST", TOKENS, body).await.expect(201).json() });
    }
    while let Some(token) = creating.join_next().await {
        let token = token.unwrap();
        let token = token["secret"].as_str().unwrap().rsplit_once(".v2_").unwrap().1.to_owned();
        let (selector, secret) = (token[..22].to_owned(), token[23..].to_owned());
        // 43 characters of base64url are 256 bits.
        assert_eq!(secret.len(), 43, "{secret}");
        assert!(secret.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{secret}");
        upper_case += secret.bytes().map(|b| u32::from(b.is_ascii_uppercase())).sum::<u32>();
        selectors.insert(selector);
        secrets.insert(secret);
    }
    assert_eq!((secrets.len(), selectors.len()), (10_000, 10_000));
    // 26 of 64 characters are upper case: 430,000 draws stay within a percent of that.
    let share = f64::from(upper_case) / 430_000.0;
    assert!((share - 26.0 / 64.0).abs() < 0.01, "{share}");
    // No two begin alike by more than chance allows: a counter or a clock would show.
    let sorted: Vec<_> = secrets.iter().collect();
    assert!(sorted.windows(2).all(|w| w[0][..8] != w[1][..8]), "secrets share a beginning");
}

#[tokio::test]
async fn t22_what_prints_itself_prints_no_secret() {
    let it = Fixture::new().await;
    let secret = it.token("default", "backend", "development").await;
    let shown = format!("{:?}", it.app.public().state);
    assert!(shown.len() > 1_000, "nothing is shown");
    assert!(!shown.contains(&secret[secret.len() - 43..]) && !shown.contains("First-password-1"), "{shown}");
}
