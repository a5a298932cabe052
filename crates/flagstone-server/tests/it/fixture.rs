//! An application in memory, with named callers.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use clap::Parser;
use flagstone_server::App;
use flagstone_server::app::jobs;
use flagstone_server::http::schemas::Schemas;
use flagstone_server::options::ServeOptions;
use flagstone_server::routes;
use flagstone_server::sdk::source::FlagSource;
use flagstone_server::system::clock::Clock;
use flagstone_server::ui::{File, Ui};
use flagstone_store::{DatabaseUrl, Options, Store};
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::BodyExt;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tower::ServiceExt;

/// The credentials of an edge: with these, a request is signed.
pub const EDGE: &str = "the edges' secret";
/// What edges sign with: base64url.
const EDGE_SECRET: &str = "c2VjcmV0LW9mLWFsbC1lZGdlcw";

/// The admin token that every fixture begins with.
pub const ADMIN: &str = "*:*.admin-secret-of-the-tests";

static NONCES: AtomicI64 = AtomicI64::new(0);
static SCHEMAS: OnceLock<Schemas> = OnceLock::new();

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    options: ServeOptions,
}

/// An application with its router and a clock that stands still until it is moved.
pub struct Fixture {
    pub app: App,
    pub store: Arc<Store>,
    pub router: Router,
    pub millis: Arc<AtomicI64>,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("not JSON ({e}): {}", self.text))
    }

    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// The name of the refusal, for instance `BadDataError`.
    pub fn error_name(&self) -> String {
        self.json()["name"].as_str().unwrap_or_default().to_owned()
    }

    /// The places of all faults.
    pub fn fault_paths(&self) -> Vec<String> {
        let details = self.json()["details"].as_array().cloned().unwrap_or_default();
        details.iter().map(|d| d["path"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

impl Fixture {
    /// An empty installation in memory.
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// An empty installation in memory with more command-line arguments.
    pub async fn with(arguments: &[&str]) -> Self {
        let store = Store::open(&DatabaseUrl::Memory, &Options::default()).await.unwrap();
        Self::on(store, arguments).await
    }

    /// An installation on a given store.
    pub async fn on(store: Store, arguments: &[&str]) -> Self {
        Self::on_shared(Arc::new(store), arguments).await
    }

    /// An installation on a store that others may use as well.
    pub async fn on_shared(store: Arc<Store>, arguments: &[&str]) -> Self {
        Self::try_on(store, arguments).await.unwrap()
    }

    /// The same, where the start may fail.
    pub async fn try_on(store: Arc<Store>, arguments: &[&str]) -> anyhow::Result<Self> {
        let given = [
            "it",
            "--init-admin-api-tokens",
            ADMIN,
            "--admin-password",
            "First-password-1",
            "--edge-client-secret",
            EDGE_SECRET,
        ];
        Box::pin(Self::of_options(store, Cli::parse_from(given.iter().chain(arguments)).options)).await
    }

    /// An installation whose first start makes a password.
    pub async fn with_generated_password(store: Arc<Store>) -> Self {
        Box::pin(Self::of_options(store, Cli::parse_from(["it", "--init-admin-api-tokens", ADMIN]).options))
            .await
            .unwrap()
    }

    async fn of_options(store: Arc<Store>, options: ServeOptions) -> anyhow::Result<Self> {
        let millis = Arc::new(AtomicI64::new(1_800_000_000_000));
        let clock = Clock::Manual(Arc::clone(&millis));
        // Compiled once for all tests: they are large.
        let schemas = SCHEMAS.get_or_init(|| routes::schemas().unwrap()).clone();
        let app = App::start(options, Arc::clone(&store), clock, std::future::ready(Ok(schemas))).await?;
        let source = FlagSource::primary(app.clone());
        Ok(Self { router: routes::router(&source, &app, Ui::new(&[], "")), app, store, millis })
    }

    /// The same with a web UI that consists of `files`.
    pub fn with_ui(self, files: &[File]) -> Self {
        let ui = Ui::new(files, &self.app.options().base_path());
        Self { router: routes::router(&FlagSource::primary(self.app.clone()), &self.app, ui), ..self }
    }

    /// Lets time pass.
    pub fn advance(&self, millis: i64) {
        self.millis.fetch_add(millis, Ordering::SeqCst);
    }

    /// Does what one node of many does by the clock, a minute later.
    pub async fn do_jobs(&self) {
        self.advance(60_000);
        jobs::do_due(&self.app).await.unwrap();
    }

    /// Sends any request, signed if it comes from [`EDGE`].
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let is_by_edge = request.headers().get(header::AUTHORIZATION).is_some_and(|by| by == EDGE);
        let request = if is_by_edge { self.signed(request).await } else { request };
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let is_stream = parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
        let text =
            if is_stream { Stream::new(body).event().await } else { text(&body.collect().await.unwrap().to_bytes()) };
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// Opens a stream.
    pub async fn listen(&self, authorization: &str, headers: &[(&str, &str)]) -> Stream {
        self.listen_to(authorization, "", headers).await
    }

    /// Opens a stream with a query, for instance `?namePrefix=a`.
    pub async fn listen_to(&self, authorization: &str, query: &str, headers: &[(&str, &str)]) -> Stream {
        let headers = [&[("authorization", authorization)], headers].concat();
        self.open(&format!("/api/client/streaming{query}"), &headers).await
    }

    /// Opens a stream at a path.
    pub async fn open(&self, path: &str, headers: &[(&str, &str)]) -> Stream {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
        Stream::new(response.into_body())
    }

    /// Sends a request with an `Authorization` header, unless `authorization` is empty, and a JSON body, unless it is null.
    pub async fn call(&self, authorization: &str, method: &str, path: &str, body: Value) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !authorization.is_empty() {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let body = if body.is_null() {
            Body::empty()
        } else {
            request = request.header(header::CONTENT_TYPE, "application/json");
            Body::from(body.to_string())
        };
        self.send(request.body(body).unwrap()).await
    }

    async fn signed(&self, request: Request<Body>) -> Request<Body> {
        const BYTES_MAX: usize = 1 << 20;
        let (mut parts, mut body) = request.into_parts();
        let mut bytes = Vec::new();
        while let Some(Ok(frame)) = body.frame().await {
            bytes.extend_from_slice(frame.data_ref().unwrap());
            // As good as endless.
            if bytes.len() > BYTES_MAX {
                break;
            }
        }
        let nonce = NONCES.fetch_add(1, Ordering::SeqCst).to_string();
        for (name, value) in self.signature(&nonce, &bytes) {
            parts.headers.insert(name, value.parse().unwrap());
        }
        Request::from_parts(parts, Body::from(bytes))
    }

    /// What an edge that shares the secret signs its body with, at this moment.
    pub fn signature(&self, nonce: &str, body: &[u8]) -> [(&'static str, String); 4] {
        let time = flagstone_model::Timestamp::from_millis(self.millis.load(Ordering::SeqCst)).to_string();
        let hash = flagstone_model::api_tokens::hex(&Sha256::digest(body));
        let key = BASE64_URL_SAFE_NO_PAD.decode(EDGE_SECRET).unwrap();
        let signed = format!("POST\n/edge/issue-token\n{time}\n{nonce}\n{hash}");
        let mac = Hmac::<Sha256>::new_from_slice(&key).unwrap().chain_update(signed).finalize().into_bytes();
        let authorization = format!("HMAC enterprise-edge:{}", BASE64_URL_SAFE_NO_PAD.encode(mac));
        let nonce = nonce.to_owned();
        [("authorization", authorization), ("x-timestamp", time), ("x-nonce", nonce), ("content-sha256", hash)]
    }

    /// A call as the administrator.
    pub async fn admin(&self, method: &str, path: &str, body: Value) -> Answer {
        self.call(ADMIN, method, path, body).await
    }

    /// A new user with a root role (1 Admin, 2 Editor, 3 Viewer), and a personal access token of theirs.
    pub async fn user(&self, name: &str, root_role: i64) -> (i64, String) {
        let password = "Correct-horse-7";
        let body = serde_json::json!({"username": name, "rootRole": root_role, "password": password});
        let id = self.admin("POST", "/api/admin/user-admin", body).await.expect(201).json()["id"].as_i64().unwrap();
        let cookie =
            self.log_in(name, password).await.expect(200).headers[header::SET_COOKIE].to_str().unwrap().to_owned();
        let request = Request::post("/api/admin/user/tokens")
            .header(header::COOKIE, cookie.split(';').next().unwrap())
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(r#"{"description":"test","expiresAt":"2030-01-01T00:00:00Z"}"#))
            .unwrap();
        let token = self.send(request).await.expect(201).json()["secret"].as_str().unwrap().to_owned();
        (id, token)
    }

    /// Logs in with a password.
    pub async fn log_in(&self, username: &str, password: &str) -> Answer {
        let body = serde_json::json!({"username": username, "password": password});
        self.call("", "POST", "/auth/simple/login", body).await
    }

    /// A new token of a project: `backend` or `frontend`.
    pub async fn token(&self, project: &str, kind: &str, environment: &str) -> String {
        let path = format!("/api/admin/projects/{project}/api-tokens");
        let body = serde_json::json!({"type": kind, "tokenName": "test", "environment": environment});
        self.admin("POST", &path, body).await.expect(201).json()["secret"].as_str().unwrap().to_owned()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// An open stream of server-sent events.
pub struct Stream {
    body: Body,
    read: String,
}

impl Stream {
    const fn new(body: Body) -> Self {
        Self { body, read: String::new() }
    }

    /// The next event or comment, as it came; nothing at the end of the stream.
    pub async fn event(&mut self) -> String {
        loop {
            if let Some(end) = self.read.find("\n\n") {
                let rest = self.read.split_off(end + 2);
                return std::mem::replace(&mut self.read, rest);
            }
            let frame = tokio::time::timeout(std::time::Duration::from_secs(20), self.body.frame()).await;
            match frame.expect("nothing came for a long time") {
                Some(frame) => self.read.push_str(&text(&frame.unwrap().into_data().unwrap())),
                None => return std::mem::take(&mut self.read),
            }
        }
    }

    /// The next event that is no comment: its name, its id and its data.
    pub async fn json(&mut self) -> (String, String, Value) {
        let event = loop {
            let event = self.event().await;
            assert!(!event.is_empty(), "the stream has ended");
            if event.contains("data: ") {
                break event;
            }
        };
        let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
        (field("event: "), field("id: "), serde_json::from_str(&field("data: ")).unwrap())
    }
}
