//! The web UI: what is at which address, and what its answers tell browsers.

use axum::body::Body;
use axum::http::{HeaderMap, Request};
use flagstone_server::ui::File;

use crate::fixture::{ADMIN, Answer, Fixture};

const PAGE: &str = concat!(
    "<!doctype html><html><head><base href=\"/\" /><meta property=\"csp-nonce\" nonce=\"__CSP_NONCE__\">",
    "<script type=\"module\" nonce=\"__CSP_NONCE__\" src=\"./assets/index-1a.js\"></script></head></html>",
);
const FILES: &[File] = &[
    File { path: "/index.html", plain: PAGE.as_bytes(), br: None, gz: Some(b"not to be used") },
    File { path: "/assets/index-1a.js", plain: b"plain", br: Some(b"brotli"), gz: Some(b"gzip") },
    File { path: "/assets/index-1a.css", plain: b"a{}", br: None, gz: Some(b"gzip") },
    File { path: "/favicon.svg", plain: b"<svg/>", br: None, gz: None },
];

async fn get(it: &Fixture, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    it.send(request.body(Body::empty()).unwrap()).await
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn every_address_that_is_not_for_programs_is_the_page() {
    for base in ["", "/flags"] {
        let it = Fixture::with(&["--base-path", base]).await.with_ui(FILES);
        for path in ["", "/", "/projects", "/projects/default/features/a.b", "/invite/secret", "/new-user", "/apis"] {
            if base.is_empty() && path.is_empty() {
                continue;
            }
            let answer = get(&it, "GET", &format!("{base}{path}"), &[]).await.expect(200);
            assert_eq!(text(&answer.headers, "content-type"), "text/html; charset=utf-8", "{path}");
            assert_eq!(text(&answer.headers, "cache-control"), "no-cache", "{path}");
            assert!(answer.text.contains(&format!("<base href=\"{base}/\" />")), "{path}: {}", answer.text);
            let head = get(&it, "HEAD", &format!("{base}{path}"), &[]).await.expect(200);
            assert_eq!((text(&head.headers, "content-type"), head.text.as_str()), ("text/html; charset=utf-8", ""));
        }
        for (method, path, status) in [
            ("GET", "/api", 404),
            ("GET", "/api/", 404),
            ("GET", "/api/nothing", 404),
            ("GET", "//api/nothing", 404),
            ("GET", "/x/%2E./API/nothing", 404),
            ("GET", "/api/admin/nothing", 401),
            ("GET", "/api/client", 404),
            ("GET", "/auth", 404),
            ("GET", "/auth/simple/login", 405),
            ("GET", "/edge/nothing", 404),
            ("GET", "/ofrep/v1/nothing", 404),
            ("GET", "/internal-backstage/nothing", 404),
            ("GET", "/health/nothing", 404),
            ("GET", "/ready/nothing", 404),
            ("GET", "/docs", 404),
            ("GET", "/scim/v2/Users", 404),
            ("GET", "/invite/secret/signup", 405),
            ("GET", "/invite/secret/validate", 400),
            ("GET", "/logout", 405),
            ("GET", "/assets/gone-1a.js", 404),
            ("HEAD", "/assets/gone-1a.js", 404),
            ("POST", "/projects", 404),
            ("DELETE", "/", 404),
            ("POST", "/favicon.svg", 404),
        ] {
            let answer = get(&it, method, &format!("{base}{path}"), &[]).await;
            assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
            assert_eq!(text(&answer.headers, "content-type"), "application/json", "{method} {path}");
        }
        // Nothing of ours is outside the path that stands before every route.
        if !base.is_empty() {
            get(&it, "GET", "/projects", &[]).await.expect(404).json();
        }
    }
}

#[tokio::test]
async fn the_page_allows_what_it_brings_along_once_and_nothing_else() {
    let it = Fixture::new().await.with_ui(FILES);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let answer = get(&it, "GET", "/", &[("accept-encoding", "br, gzip")]).await.expect(200);
        let policy = text(&answer.headers, "content-security-policy");
        let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
        assert!(nonce.len() >= 22, "{nonce}");
        assert_eq!(answer.text.matches(&format!("nonce=\"{nonce}\"")).count(), 2, "{}", answer.text);
        assert!(!answer.text.contains("__"), "{}", answer.text);
        assert_eq!(
            policy,
            format!(
                "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; \
                 font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
            )
        );
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("content-encoding", ""),
        ] {
            assert_eq!(text(&answer.headers, name), value, "{name}");
        }
        assert!(seen.insert(nonce.to_owned()), "a nonce came twice");
    }
}

#[tokio::test]
async fn files_come_in_the_form_that_the_browser_likes_best() {
    let it = Fixture::new().await.with_ui(FILES);
    let (script, style, icon) = ("/assets/index-1a.js", "/assets/index-1a.css", "/favicon.svg");
    for (path, accepted, form, body, kind) in [
        (script, "gzip, deflate, br, zstd", "br", "brotli", "text/javascript; charset=utf-8"),
        (script, "gzip", "gzip", "gzip", "text/javascript; charset=utf-8"),
        (script, "br;q=0.2, gzip", "gzip", "gzip", "text/javascript; charset=utf-8"),
        (script, "br;q=0", "", "plain", "text/javascript; charset=utf-8"),
        (script, "", "", "plain", "text/javascript; charset=utf-8"),
        (style, "gzip, br", "gzip", "gzip", "text/css; charset=utf-8"),
        (icon, "gzip, br", "", "<svg/>", "image/svg+xml"),
    ] {
        let answer = get(&it, "GET", path, &[("accept-encoding", accepted)]).await.expect(200);
        let headers = &answer.headers;
        assert_eq!((answer.text.as_str(), text(headers, "content-encoding")), (body, form), "{path} {accepted}");
        assert_eq!((text(headers, "content-type"), text(headers, "vary")), (kind, "Accept-Encoding"), "{path}");
        assert_eq!(text(headers, "x-content-type-options"), "nosniff", "{path}");
        let age = if path == icon { "public, max-age=300" } else { "public, max-age=31536000, immutable" };
        assert_eq!(text(headers, "cache-control"), age, "{path}");
        let known = [("if-none-match", text(headers, "etag"))];
        let again = get(&it, "GET", path, &known).await.expect(304);
        assert_eq!((again.text.as_str(), text(&again.headers, "etag")), ("", text(headers, "etag")), "{path}");
        get(&it, "GET", path, &[("if-none-match", "\"other\"")]).await.expect(200);
    }
}

#[tokio::test]
async fn a_build_without_a_ui_says_so_and_serves_everything_else() {
    let it = Fixture::new().await;
    for path in ["/", "/projects/default"] {
        let answer = get(&it, "GET", path, &[]).await.expect(404);
        assert!(answer.text.contains("no web UI"), "{}", answer.text);
        assert_eq!(text(&answer.headers, "content-type"), "text/plain; charset=utf-8");
    }
    get(&it, "GET", "/assets/index-1a.js", &[]).await.expect(404).json();
    get(&it, "GET", "/api/nothing", &[]).await.expect(404).json();
    get(&it, "GET", "/api/admin/projects", &[("authorization", ADMIN)]).await.expect(200);
}
