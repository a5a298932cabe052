//! What answers tell browsers.

use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use serde_json::Value;

use crate::fixture::{ADMIN, Fixture};

const CORS: &[&str] = &[
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-expose-headers",
];

fn is(headers: &HeaderMap, name: &str, value: &str) -> bool {
    headers.get(name).is_some_and(|v| v.to_str().is_ok_and(|v| v.contains(value)))
}

#[tokio::test]
async fn t43_every_answer_has_the_security_headers() {
    for (arguments, hsts) in [(vec![], false), (vec!["--secure"], true)] {
        let it = Fixture::with(&arguments).await;
        let backend = it.token("default", "backend", "development").await;
        let frontend = it.token("default", "frontend", "development").await;
        let long = format!("/api/admin/{}", "x".repeat(9_000));
        for (secret, method, path, status) in [
            ("", "GET", "/docs/openapi", 200),
            ("", "GET", "/docs/openapi.json", 200),
            ("", "GET", "/docs/openapi.js", 200),
            ("", "GET", "/health", 200),
            ("", "GET", "/no/such/thing", 404),
            ("", "DELETE", "/health", 405),
            ("", "GET", "/api/admin/user", 401),
            ("", "GET", &long, 414),
            ("wrong", "GET", "/api/client/features", 401),
            (ADMIN, "GET", "/api/admin/user", 200),
            (ADMIN, "GET", "/api/admin/no-such-thing", 404),
            (ADMIN, "POST", "/api/admin/projects", 415),
            (&backend, "GET", "/api/client/features", 200),
            (&backend, "GET", "/api/admin/projects", 403),
            (&frontend, "GET", "/api/frontend", 200),
            (&frontend, "POST", "/ofrep/v1/evaluate/flags", 415),
        ] {
            let answer = it.call(secret, method, path, Value::Null).await;
            let (shown, headers) = (&path[..path.len().min(60)], &answer.headers);
            assert_eq!(answer.status.as_u16(), status, "{shown}: {}", answer.text);
            let frontend = path.starts_with("/api/frontend") || path.starts_with("/ofrep");
            for (name, value) in [
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "same-origin"),
                ("content-security-policy", "default-src 'none'"),
                ("content-security-policy", "frame-ancestors 'none'"),
                ("content-security-policy", "base-uri 'none'"),
                ("cross-origin-opener-policy", "same-origin"),
                ("cross-origin-resource-policy", if frontend { "cross-origin" } else { "same-origin" }),
                ("permissions-policy", "camera=()"),
            ] {
                assert!(is(headers, name, value), "{shown}: {name}: {headers:?}");
            }
            let policy = headers["content-security-policy"].to_str().unwrap();
            assert!(!policy.contains("unsafe") && !policy.contains("http"), "{shown}: {policy}");
            assert_eq!(is(headers, "strict-transport-security", "max-age=63072000"), hsts, "{shown}");
            assert_eq!(
                is(headers, "cache-control", "no-store"),
                path.starts_with("/api/admin"),
                "{shown}: {headers:?}"
            );
            assert!(!headers.contains_key("x-powered-by") && !headers.contains_key("server"), "{shown}");
        }
        // The page needs nothing from elsewhere and nothing inline, so that the policy can be strict.
        let page = it.call("", "GET", "/docs/openapi", Value::Null).await.text;
        assert!(!page.contains("<script>") && !page.contains("style=") && !page.contains("onclick"), "{page}");
        assert!(!page.contains("src=\"http") && !page.contains("href=\"http"), "{page}");
    }
}

async fn cors(it: &Fixture, secret: &str, method: &str, path: &str, origin: &str) -> HeaderMap {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in [("origin", origin), ("authorization", secret), ("cookie", "unleash-session=x")] {
        if !value.is_empty() {
            request = request.header(name, value);
        }
    }
    if method == "OPTIONS" {
        request = request
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type");
    }
    it.send(request.body(Body::empty()).unwrap()).await.headers
}

#[tokio::test]
async fn t44_browsers_of_the_configured_origins_alone_may_read_the_frontend_api() {
    let some = ["--frontend-origins", "https://shop.example,http://localhost:3000"];
    for arguments in [&[][..], &some[..]] {
        let it = Fixture::with(arguments).await;
        let token = it.token("default", "frontend", "development").await;
        for origin in [
            "https://shop.example",
            "http://localhost:3000",
            "http://shop.example",
            "https://shop.example.evil.example",
            "https://evil.example",
            "https://shop.example:8443",
            "null",
            "",
        ] {
            let listed = matches!(origin, "https://shop.example" | "http://localhost:3000");
            let expect = match arguments {
                [] => Some("*"),
                _ => Some(origin).filter(|_| listed),
            };
            for (method, path) in [
                ("GET", "/api/frontend"),
                ("OPTIONS", "/api/frontend"),
                ("POST", "/api/frontend/client/metrics"),
                ("OPTIONS", "/api/frontend/client/metrics"),
                ("OPTIONS", "/api/frontend/client/register"),
                ("POST", "/ofrep/v1/evaluate/flags"),
                ("OPTIONS", "/ofrep/v1/evaluate/flags"),
                ("OPTIONS", "/ofrep/v1/evaluate/flags/flag"),
            ] {
                let headers = cors(&it, &token, method, path, origin).await;
                let context = format!("{method} {path} from {origin:?} with {arguments:?}");
                let allowed = headers.get("access-control-allow-origin").map(|v| v.to_str().unwrap());
                assert_eq!(allowed, expect, "{context}");
                // Never with credentials, whatever the origin.
                assert!(!headers.contains_key("access-control-allow-credentials"), "{context}");
                assert!(headers.get_all(header::VARY).iter().any(|v| v == "Origin"), "{context}: {headers:?}");
                let preflight = headers.contains_key("access-control-allow-methods");
                assert_eq!(preflight, method == "OPTIONS" && expect.is_some(), "{context}");
            }
            // A refusal can be read as well, or the SDK could not tell what is wrong.
            let headers = cors(&it, "wrong", "GET", "/api/frontend", origin).await;
            assert_eq!(headers.contains_key("access-control-allow-origin"), expect.is_some(), "{origin}");
        }
    }
}

#[tokio::test]
async fn t44_no_other_api_lets_browsers_of_other_origins_read() {
    let it = Fixture::new().await;
    for path in [
        "/api/admin/user",
        "/api/admin/projects",
        "/api/client/features",
        "/edge/validate",
        "/auth/simple/login",
        "/logout",
        "/health",
        "/docs/openapi.json",
        "/internal-backstage/prometheus",
    ] {
        for method in ["GET", "OPTIONS", "POST"] {
            for origin in ["https://shop.example", "null"] {
                let headers = cors(&it, ADMIN, method, path, origin).await;
                for name in CORS {
                    assert!(!headers.contains_key(*name), "{method} {path}: {name}");
                }
            }
        }
    }
}
