//! The bare stack: the HTTP stack that Flagstone is built on, answering the very bytes of a Flagstone from memory. It
//! looks at no token, counts nothing and evaluates nothing, so what is left is what HTTP itself costs.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use clap::Args;
use http_body_util::channel::{Channel, SendError};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::delivery::Work;
use crate::http::{Address, Connection};
use crate::server::{BACKEND, FRONTEND};

#[derive(Args)]
pub struct Options {
    /// The port to listen on, on 127.0.0.1
    #[arg(long, env = "HTTP_PORT")]
    port: u16,
    /// The port of the Flagstone whose answers are given
    #[arg(long)]
    of: u16,
}

/// More often than Flagstone's answers are asked for before they are compressed as a whole.
const OFTEN: usize = 1_000;
/// How long that takes at most.
const COMPRESSED: Duration = Duration::from_secs(1);

/// An answer as it was read once.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

struct Answers {
    not_modified: Answer,
    identity: Answer,
    gzip: Answer,
    frontend: Answer,
    metrics: Answer,
    stream: Stream,
}

/// Events of the form that Flagstone sends, made of its features.
struct Stream {
    hydration: Bytes,
    update: Bytes,
    /// How often a flag was switched.
    switches: watch::Sender<usize>,
}

/// Serves until it is ended.
pub async fn run(options: &Options) -> anyhow::Result<()> {
    let answers = read_answers(options.of).await?;
    let routes = Router::new()
        .route("/ready", get(|| async { StatusCode::OK }))
        .route("/api/client/features", get(features))
        .route("/api/frontend", get(frontend))
        .route("/api/client/metrics", post(metrics))
        .route("/api/client/streaming", get(streaming))
        .route("/api/admin/projects/default/features/{name}/environments/{environment}/{state}", post(switch))
        .with_state(Arc::new(answers));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, routes).await?;
    Ok(())
}

async fn features(State(answers): State<Arc<Answers>>, headers: HeaderMap) -> Response {
    let accepts_gzip = headers.get(header::ACCEPT_ENCODING).is_some_and(|value| value.as_bytes() == b"gzip");
    let whole = if accepts_gzip { &answers.gzip } else { &answers.identity };
    let known = headers.get(header::IF_NONE_MATCH);
    let answer =
        if known.is_some() && known == whole.headers.get(header::ETAG) { &answers.not_modified } else { whole };
    answer.to_response()
}

async fn frontend(State(answers): State<Arc<Answers>>) -> Response {
    answers.frontend.to_response()
}

async fn metrics(State(answers): State<Arc<Answers>>, _: Bytes) -> Response {
    answers.metrics.to_response()
}

/// Sends everybody an event, whatever is switched.
async fn switch(State(answers): State<Arc<Answers>>) -> StatusCode {
    answers.stream.switches.send_modify(|count| *count += 1);
    StatusCode::OK
}

async fn streaming(State(answers): State<Arc<Answers>>) -> Response {
    let (mut sender, body) = Channel::<Bytes>::new(1);
    let mut switches = answers.stream.switches.subscribe();
    tokio::spawn(async move {
        sender.send_data(answers.stream.hydration.clone()).await?;
        while switches.changed().await.is_ok() {
            sender.send_data(answers.stream.update.clone()).await?;
        }
        Ok::<(), SendError>(())
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::new(body)).into_response()
}

impl Stream {
    fn of(features: &[u8]) -> anyhow::Result<Self> {
        let mut features: Value = serde_json::from_slice(features)?;
        let (segments, features) = (features["segments"].take(), features["features"].take());
        let update = json!({ "events": [{ "eventId": 2, "type": "feature-updated", "feature": features[0] }] });
        let hydration = json!({ "eventId": 1, "type": "hydration", "features": features, "segments": segments });
        let hydration = json!({ "events": [hydration] });
        Ok(Self {
            hydration: format!("event: unleash-connected\nid: 1\ndata: {hydration}\n\n").into(),
            update: format!("event: unleash-updated\nid: 2\ndata: {update}\n\n").into(),
            switches: watch::Sender::new(0),
        })
    }
}

impl Answer {
    fn to_response(&self) -> Response {
        let mut response = (self.status, Body::from(self.body.clone())).into_response();
        *response.headers_mut() = self.headers.clone();
        response
    }
}

/// Reads what a Flagstone answers to each kind of request.
async fn read_answers(port: u16) -> anyhow::Result<Answers> {
    let address = Address::local(port);
    let mut connection = Connection::open(&address).await.context("cannot reach Flagstone")?;
    let identity = read(&mut connection, &address, Work::Identity, "").await?;
    let etag = identity.headers.get(header::ETAG).context("features without an ETag")?.to_str()?.to_owned();
    Ok(Answers {
        not_modified: read(&mut connection, &address, Work::NotModified, &etag).await?,
        gzip: read_settled(&mut connection, &address, Work::Gzip).await?,
        frontend: read(&mut connection, &address, Work::Frontend, "").await?,
        metrics: read(&mut connection, &address, Work::Metrics, "").await?,
        stream: Stream::of(&identity.body)?,
        identity,
    })
}

/// What is asked for often is compressed once more, as a whole: that form is the one that counts.
async fn read_settled(connection: &mut Connection, address: &Address, work: Work) -> anyhow::Result<Answer> {
    for _ in 0..OFTEN {
        read(connection, address, work, "").await?;
    }
    tokio::time::sleep(COMPRESSED).await;
    read(connection, address, work, "").await
}

async fn read(connection: &mut Connection, address: &Address, work: Work, etag: &str) -> anyhow::Result<Answer> {
    let requests = work.requests(address, BACKEND, FRONTEND, etag);
    let request = requests.first().context("no request")?;
    let (status, body) = connection.exchange_whole(request).await?;
    ensure!(status == work.status(), "{} is answered with {status}", work.name());
    // The stack adds its own.
    let own = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::DATE, header::CONNECTION];
    let headers = connection.headers().map(|(name, value)| Ok((name.parse()?, HeaderValue::from_str(value)?)));
    let headers = headers.collect::<anyhow::Result<Vec<(HeaderName, _)>>>()?;
    let headers = headers.into_iter().filter(|(name, _)| !own.contains(name)).collect();
    Ok(Answer { status: StatusCode::from_u16(status)?, headers, body: body.into() })
}
