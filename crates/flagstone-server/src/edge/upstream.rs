//! What an edge asks of its upstream, be it Flagstone, Unleash or another edge.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use flagstone_model::api_tokens::TokenKind;
use futures_util::future::BoxFuture;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH};
use reqwest::{Client, Request, RequestBuilder, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::issue::{self, Signed};
use crate::delivery::Revision;
use crate::http::outbound;
use crate::telemetry::BATCH_ID;

/// How long an answer may take, but for streams.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest answer, and the longest event of a stream, in bytes.
const BYTES_MAX: usize = 100_000_000;
/// How long a stream may say nothing: three heartbeats.
pub const SILENCE_MAX: Duration = Duration::from_secs(45);
/// In answers of an edge that has not heard its own upstream since it started: what it has may be old.
pub const UNHEARD: HeaderName = HeaderName::from_static("x-flagstone-unheard");
/// The version of the client specification that we ask for: segments are named.
const CLIENT_SPECIFICATION: &str = "5.2.0";

/// The upstream.
#[derive(Clone)]
pub struct Upstream {
    url: String,
    client: Client,
    carrier: Carrier,
}

/// Answers a question in the network's place.
pub type Simulated = Arc<dyn Fn(Request) -> BoxFuture<'static, anyhow::Result<Response>> + Send + Sync>;

/// How questions reach the upstream.
#[derive(Clone, Default)]
pub enum Carrier {
    /// By the network.
    #[default]
    Network,
    /// By what simulates one.
    Simulated(Simulated),
}

/// What the upstream says of a token that works.
#[derive(Clone, Debug, Deserialize)]
pub struct TokenView {
    /// The token, as it was sent.
    pub token: String,
    /// What it opens.
    #[serde(rename = "type")]
    pub kind: TokenKind,
    /// The projects it is for; old servers do not say.
    #[serde(default)]
    pub projects: Option<Vec<String>>,
    /// The environment it is for; old servers do not say.
    #[serde(default)]
    pub environment: Option<String>,
}

#[derive(Deserialize)]
struct TokenViews {
    tokens: Vec<TokenView>,
}

/// Everything, as a poll brings it.
#[derive(Debug, Deserialize)]
pub struct Document {
    /// Features. Not optional: an answer that is no such document must not take all flags away.
    pub features: Vec<Box<RawValue>>,
    /// Segments.
    #[serde(default)]
    pub segments: Option<Vec<Box<RawValue>>>,
    #[serde(default)]
    meta: Value,
    /// What was asked for.
    #[serde(default)]
    query: Value,
}

impl Document {
    /// The projects that it is of, if it names them.
    pub fn projects(&self) -> Option<Vec<String>> {
        let projects = self.query.get("project")?.as_array()?.iter();
        projects.map(|project| Some(project.as_str()?.to_owned())).collect()
    }

    /// The environment that it is of, if it names one.
    pub fn environment(&self) -> Option<&str> {
        self.query.get("environment")?.as_str()
    }
}

/// The [kind](Change::kind) of change that brings everything.
pub const HYDRATION: &str = "hydration";

/// What a delta or an event of a stream brings.
#[derive(Debug, Serialize, Deserialize)]
pub struct Changes {
    /// In order.
    pub events: Vec<Change>,
}

impl Changes {
    /// About how many bytes they take.
    pub fn bytes(&self) -> usize {
        let list =
            |raw: &Option<Vec<Box<RawValue>>>| raw.iter().flatten().map(|raw| raw.get().len() + 16).sum::<usize>();
        let one = |raw: &Option<Box<RawValue>>| raw.as_ref().map_or(0, |raw| raw.get().len());
        let of = |event: &Change| {
            let name = event.feature_name.as_ref().map_or(0, String::len);
            let lists = list(&event.features) + list(&event.segments);
            size_of::<Change>() + lists + one(&event.feature) + one(&event.segment) + name
        };
        self.events.iter().map(of).sum()
    }
}

/// One change; which fields there are depends on the type.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// `hydration`, `feature-updated`, `feature-removed`, `segment-updated` or `segment-removed`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The revision's number.
    pub event_id: u64,
    /// The revision's mark, from a Flagstone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
    /// Of a hydration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<Vec<Box<RawValue>>>,
    /// Of a hydration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segments: Option<Vec<Box<RawValue>>>,
    /// New or changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature: Option<Box<RawValue>>,
    /// Gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature_name: Option<String>,
    /// New or changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<Box<RawValue>>,
    /// Gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment_id: Option<Value>,
}

/// What came of a question.
pub enum Answer<T> {
    /// Something new, with its ETag.
    New(T, Option<String>),
    /// Nothing new.
    Current,
    /// What an edge has, if that is something new, which has not heard its own upstream: it may be old.
    Unheard(Option<T>),
    /// The upstream does not offer this.
    NotOffered,
    /// The token does not work there.
    Refused,
}

impl Upstream {
    /// The upstream at a URL.
    pub fn new(url: String, carrier: Carrier) -> anyhow::Result<Self> {
        Ok(Self { url, client: outbound::client()?, carrier })
    }

    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        match &self.carrier {
            Carrier::Network => Ok(request.send().await.map_err(reqwest::Error::without_url)?),
            Carrier::Simulated(carry) => carry(request.build()?).await,
        }
    }

    fn get(&self, path: &str, token: &str) -> anyhow::Result<RequestBuilder> {
        let mut authorization = HeaderValue::try_from(token).context("the token cannot stand in a header")?;
        authorization.set_sensitive(true);
        let request = self.client.get(format!("{}{path}", self.url)).header(AUTHORIZATION, authorization);
        Ok(request.header(HeaderName::from_static("unleash-client-spec"), CLIENT_SPECIFICATION))
    }

    /// All features, unless they are still those of `etag`. The second value of an answer is its revision, if the
    /// upstream tells it.
    pub async fn features(
        &self,
        token: &str,
        etag: Option<&str>,
    ) -> anyhow::Result<Answer<(Document, Option<Revision>)>> {
        let answer = self.ask::<Document>("/api/client/features", token, etag).await?;
        let with_revision = |document: Document, etag: Option<&str>| {
            let of_etag = etag.and_then(Revision::in_etag);
            let revision = match document.meta.get("revisionId").and_then(Value::as_u64) {
                Some(number) => of_etag.filter(|r| r.number == number).or(Some(Revision::number(number))),
                None => of_etag,
            };
            (document, revision)
        };
        Ok(match answer {
            Answer::New(document, etag) => Answer::New(with_revision(document, etag.as_deref()), etag),
            Answer::Unheard(document) => Answer::Unheard(document.map(|document| with_revision(document, None))),
            Answer::Current => Answer::Current,
            Answer::NotOffered => Answer::NotOffered,
            Answer::Refused => Answer::Refused,
        })
    }

    /// What has changed since `known`.
    pub async fn delta(&self, token: &str, known: Option<Revision>) -> anyhow::Result<Answer<Changes>> {
        let etag = known.map(|known| format!("\"{known}\""));
        self.ask("/api/client/delta", token, etag.as_deref()).await
    }

    async fn ask<T: for<'de> Deserialize<'de>>(
        &self,
        path: &str,
        token: &str,
        etag: Option<&str>,
    ) -> anyhow::Result<Answer<T>> {
        let mut request = self.get(path, token)?.timeout(TIMEOUT);
        if let Some(etag) = etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let response = self.send(request).await?;
        let etag = response.headers().get(ETAG).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let is_unheard = response.headers().contains_key(UNHEARD);
        Ok(match response.status() {
            StatusCode::OK if is_unheard => Answer::Unheard(Some(serde_json::from_slice(&body(response).await?)?)),
            StatusCode::NOT_MODIFIED if is_unheard => Answer::Unheard(None),
            StatusCode::OK => Answer::New(serde_json::from_slice(&body(response).await?)?, etag),
            StatusCode::NOT_MODIFIED => Answer::Current,
            status => refusal(status)?,
        })
    }

    /// Opens a stream that goes on behind `known`.
    pub async fn stream(&self, token: &str, known: Option<Revision>) -> anyhow::Result<Answer<Stream>> {
        let mut request = self.get("/api/client/streaming", token)?.header(ACCEPT, "text/event-stream");
        if let Some(known) = known {
            request = request.header(HeaderName::from_static("last-event-id"), known.to_string());
        }
        let response = tokio::time::timeout(TIMEOUT, self.send(request)).await.context("no answer in time")??;
        let kind = response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        if response.headers().contains_key(UNHEARD) {
            bail!("the upstream has not heard its own yet");
        }
        Ok(match response.status() {
            StatusCode::OK if kind.starts_with("text/event-stream") => {
                Answer::New(Stream { response, read: Vec::new(), silence_max: TIMEOUT }, None)
            }
            StatusCode::OK => Answer::NotOffered,
            status => refusal(status)?,
        })
    }

    /// Those of `tokens` that work, and what they are for.
    pub async fn validate(&self, tokens: &[&str]) -> anyhow::Result<Vec<TokenView>> {
        let request = self.client.post(format!("{}/edge/validate", self.url)).timeout(TIMEOUT);
        let response = self.send(request.json(&serde_json::json!({ "tokens": tokens }))).await?;
        if response.status() != StatusCode::OK {
            bail!("the upstream answers {} when it is asked about tokens", response.status());
        }
        Ok(serde_json::from_slice::<TokenViews>(&body(response).await?)?.tokens)
    }

    /// The tokens that a signed request asks for.
    pub async fn issue(&self, request: &Signed) -> anyhow::Result<Vec<TokenView>> {
        let mut post = self.client.post(format!("{}{}", self.url, issue::PATH)).timeout(TIMEOUT);
        for (name, value) in &request.headers {
            let mut value = HeaderValue::try_from(value).context("a signature cannot stand in a header")?;
            value.set_sensitive(true);
            post = post.header(*name, value);
        }
        let post = post.header(CONTENT_TYPE, "application/json").body(request.body.clone());
        let response = self.send(post).await?;
        if response.status() != StatusCode::OK {
            bail!("the upstream answers {} when it is asked for tokens", response.status());
        }
        Ok(serde_json::from_slice::<TokenViews>(&body(response).await?)?.tokens)
    }

    /// Sends on what SDKs have reported. An upstream that knows `id` counts it once, however often it comes. Returns what
    /// the upstream answers.
    pub async fn report(&self, token: &str, id: &str, report: String) -> anyhow::Result<StatusCode> {
        let mut authorization = HeaderValue::try_from(token).context("the token cannot stand in a header")?;
        authorization.set_sensitive(true);
        let request = self.client.post(format!("{}/api/client/metrics/bulk", self.url)).timeout(TIMEOUT);
        let request = request.header(AUTHORIZATION, authorization).header(BATCH_ID, id);
        let request = request.header(CONTENT_TYPE, "application/json").body(report);
        Ok(self.send(request).await?.status())
    }
}

/// What a status says that is neither new nor current.
fn refusal<T>(status: StatusCode) -> anyhow::Result<Answer<T>> {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Ok(Answer::Refused),
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => Ok(Answer::NotOffered),
        status => bail!("the upstream answers {status}"),
    }
}

async fn body(mut response: Response) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
        body.extend_from_slice(&chunk);
        if body.len() > BYTES_MAX {
            bail!("the upstream's answer is longer than {BYTES_MAX} bytes");
        }
    }
    Ok(body)
}

/// An open stream of server-sent events.
pub struct Stream {
    response: Response,
    read: Vec<u8>,
    /// How long it may say nothing now.
    silence_max: Duration,
}

/// What comes next on a stream.
pub enum Heard {
    /// Changes.
    Changes(Changes),
    /// A comment: all is as it was.
    Nothing,
    /// Nothing more.
    End,
    /// Nothing for long, not even a heartbeat.
    Silence,
}

impl Stream {
    /// The changes of the next event, or how the stream ends.
    pub async fn next(&mut self) -> anyhow::Result<Heard> {
        let mut searched = 0_usize;
        loop {
            let from = searched.saturating_sub(1);
            if let Some(at) = self.read[from..].windows(2).position(|pair| pair == b"\n\n") {
                let rest = self.read.split_off(from + at + 2);
                let event = std::mem::replace(&mut self.read, rest);
                return Ok(parse_event(&event)?.map_or(Heard::Nothing, Heard::Changes));
            }
            searched = self.read.len();
            if self.read.len() > BYTES_MAX {
                bail!("an event of the upstream is longer than {BYTES_MAX} bytes");
            }
            let chunk = tokio::time::timeout(self.silence_max, self.response.chunk());
            let Ok(chunk) = chunk.await else { return Ok(Heard::Silence) };
            match chunk.map_err(reqwest::Error::without_url)? {
                Some(chunk) => self.read.extend(chunk.iter().filter(|byte| **byte != b'\r')),
                None => return Ok(Heard::End),
            }
            self.silence_max = SILENCE_MAX;
        }
    }
}

/// The changes in an event; none in a comment, or in an event that is not about features.
fn parse_event(event: &[u8]) -> anyhow::Result<Option<Changes>> {
    let text = std::str::from_utf8(event).context("an event is not UTF-8")?;
    let field = |name: &'static str| {
        text.lines()
            .filter_map(move |line| line.strip_prefix(name))
            .map(|value| value.strip_prefix(' ').unwrap_or(value))
    };
    if !field("event:").any(|name| matches!(name, "unleash-connected" | "unleash-updated")) {
        return Ok(None);
    }
    let data: Vec<&str> = field("data:").collect();
    Ok(Some(serde_json::from_str(&data.join("\n"))?))
}
