//! The web UI: its files, which the build puts into the binary, and the one page that every other address answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::delivery::{Coding, not_modified};
use crate::http::error::Failure;
use crate::system::entropy;

/// What stands in the page for the number that it may use once (CSP's nonce).
const NONCE: &str = "__CSP_NONCE__";
/// What begins the element that says where the page's addresses begin; the build leaves it at the root.
const BASE: &str = "<base href=\"/\"";
/// Where files are whose names change with their content.
const ASSETS: &str = "/assets/";
/// How long a browser may use any other file without asking, in seconds.
const OTHERS_MAX_AGE_S: u32 = 300;
/// What begins the addresses of programs: they are never answered with a page.
const FOR_PROGRAMS: &[&str] =
    &["api", "auth", "docs", "edge", "health", "internal-backstage", "logout", "ofrep", "ready", "scim"];
/// What whoever opens a page is told when there is none.
const NO_UI: &str = "This build has no web UI: build it with `make build`. The API is there all the same.\n";

/// A file of the UI, as the build made it.
#[derive(Clone, Copy, Debug)]
pub struct File {
    /// Where it is, for instance `/assets/index-3f9a.js`.
    pub path: &'static str,
    /// What is in it.
    pub plain: &'static [u8],
    /// The same, compressed with Brotli.
    pub br: Option<&'static [u8]>,
    /// The same, compressed with gzip.
    pub gz: Option<&'static [u8]>,
}

/// What the build has put into the binary; nothing without the feature `ui`, or where `web/` was not built before.
pub const EMBEDDED: &[File] = include!(concat!(env!("OUT_DIR"), "/ui_files.rs"));

/// The UI. Clones share it.
#[derive(Clone)]
pub struct Ui(Arc<Inner>);

struct Inner {
    files: BTreeMap<&'static str, (File, HeaderValue)>,
    /// The page, without the places for the nonce; nothing if there is no UI.
    page: Option<Vec<String>>,
}

impl Ui {
    /// The UI that consists of `files`, behind a path that stands before every route.
    pub fn new(files: &[File], base_path: &str) -> Self {
        let page = files.iter().find(|file| file.path == "/index.html");
        let page = page.map(|file| {
            let base = format!("<base href=\"{}/\"", escaped(base_path));
            let text = String::from_utf8_lossy(file.plain).replacen(BASE, &base, 1);
            text.split(NONCE).map(str::to_owned).collect()
        });
        let others = files.iter().filter(|file| file.path != "/index.html");
        Self(Arc::new(Inner { files: others.map(|file| (file.path, (*file, etag(file)))).collect(), page }))
    }

    /// Whether there is one.
    pub fn is_built(&self) -> bool {
        self.0.page.is_some()
    }

    /// What is at an address that no route has.
    pub fn answer(&self, request: &Request) -> Response {
        let path = request.uri().path();
        if !matches!(*request.method(), Method::GET | Method::HEAD) || is_for_programs(path) {
            return Failure::NoRoute.into_response();
        }
        match (self.0.files.get(path), &self.0.page) {
            (Some((file, etag)), _) => serve(file, etag, request.headers()),
            (None, _) if path.starts_with(ASSETS) => Failure::NoRoute.into_response(),
            (None, Some(parts)) => page(parts),
            (None, None) => (StatusCode::NOT_FOUND, NO_UI).into_response(),
        }
    }
}

/// Whether programs alone ask for such an address, however they spell it: a client with a fault gets no page for an answer.
fn is_for_programs(path: &str) -> bool {
    let path = path.to_ascii_lowercase().replace("%2f", "/").replace("%2e", ".");
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    match parts[..] {
        ["invite", .., last] => matches!(last, "signup" | "validate"),
        [first, ..] => FOR_PROGRAMS.contains(&first.trim_end_matches('.')),
        [] => false,
    }
}

/// The page, with a nonce that nobody has seen before: it is not kept by anybody, and too small to be compressed.
fn page(parts: &[String]) -> Response {
    let nonce = entropy::hex::<16>();
    let policy = format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'self'; form-action 'self'; \
         frame-ancestors 'none'"
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
        (header::CONTENT_SECURITY_POLICY, policy),
    ];
    (headers, parts.join(&nonce)).into_response()
}

/// A file in the form that the browser likes best.
fn serve(file: &File, etag: &HeaderValue, request: &HeaderMap) -> Response {
    let is_immutable = file.path.starts_with(ASSETS);
    let age = if is_immutable {
        "public, max-age=31536000, immutable".to_owned()
    } else {
        format!("public, max-age={OTHERS_MAX_AGE_S}")
    };
    let common = [(header::CACHE_CONTROL, age), (header::VARY, "Accept-Encoding".to_owned())];
    if let Some(response) = not_modified(request, etag) {
        return (common, response).into_response();
    }
    let forms = [(Coding::Brotli, file.br), (Coding::Gzip, file.gz)];
    let there: Vec<_> = forms.iter().filter(|(_, form)| form.is_some()).map(|(coding, _)| *coding).collect();
    let wanted = Coding::wanted_of(&there, request);
    let form = forms.into_iter().find_map(|(coding, form)| form.filter(|_| coding == wanted));
    let mut response = (common, form.unwrap_or(file.plain)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(file.path)));
    headers.insert(header::ETAG, etag.clone());
    if let Some(name) = wanted.name() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
    }
    response
}

/// Of the content, whatever its form, as that of flags is.
fn etag(file: &File) -> HeaderValue {
    let hash = entropy::as_hex(&Sha256::digest(file.plain)[..12]);
    HeaderValue::try_from(format!("\"{hash}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("webp") => "image/webp",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("wasm") => "application/wasm",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Text in an attribute of HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}
