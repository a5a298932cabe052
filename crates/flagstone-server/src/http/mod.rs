//! The HTTP rim: what handlers take and give (bodies, queries, path values, created things), and what every answer needs.

pub mod admission;
mod drained;
pub mod error;
pub mod guarded;
mod headers;
pub(crate) mod metrics;
pub mod outbound;
pub mod schemas;
pub mod serve;
pub mod tls;

use std::marker::PhantomData;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flagstone_model::Error;
use flagstone_model::tags::Tag;
use flate2::read::{GzDecoder, ZlibDecoder};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

pub use drained::drained;
use error::Failure;
pub use headers::{bearer, client_address};
use schemas::Schemas;

/// The largest body of an ordinary request, in bytes, before and after decompression.
pub const BODY_BYTES_MAX: usize = 1 << 20;
/// The largest body of an import or of bulk metrics.
pub const BULK_BODY_BYTES_MAX: usize = 10 << 20;
/// How long a whole body may take to arrive.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest URL, in bytes.
pub const URI_BYTES_MAX: usize = 8 << 10;
/// The most parameters in a query.
pub const QUERY_PARAMETERS_MAX: usize = 200;

/// The bytes of a body that is to become a `T`. Nothing is parsed before the caller is admitted.
pub struct Body<T> {
    bytes: Option<Bytes>,
    becomes: PhantomData<fn() -> T>,
}

impl Body<()> {
    /// For operations without a body.
    pub const fn none() -> Self {
        Self { bytes: None, becomes: PhantomData }
    }
}

impl<T: DeserializeOwned + ToSchema> Body<T> {
    /// Parses and checks the body.
    pub fn parse(&self, schemas: &Schemas) -> Result<T, Failure> {
        match &self.bytes {
            Some(bytes) => schemas.parse(bytes),
            None => serde_json::from_str("null").map_err(|_| Error::bad_data("/body", "A body is required.").into()),
        }
    }
}

impl<T> Body<T> {
    /// The bytes; none where there was no body.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_deref().unwrap_or_default()
    }

    /// Reads a JSON body of at most `limit` bytes.
    pub async fn read(headers: &HeaderMap, body: axum::body::Body, limit: usize) -> Result<Self, Failure> {
        let bytes = read_body(headers, body, limit).await?;
        if !is_json(headers) {
            return Err(Failure::MediaType("The body must be JSON: send content-type: application/json.".to_owned()));
        }
        Ok(Self { bytes: Some(bytes), becomes: PhantomData })
    }
}

impl<T, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        Self::read(&parts.headers, body, BODY_BYTES_MAX).await
    }
}

/// The same of at most [`BULK_BODY_BYTES_MAX`] bytes.
pub struct LargeBody<T>(pub Body<T>);

impl<T, S: Send + Sync> FromRequest<S> for LargeBody<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        Body::read(&parts.headers, body, BULK_BODY_BYTES_MAX).await.map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// Reads a body up to `limit` bytes, decompressed if it says gzip or deflate.
pub async fn read_body(headers: &HeaderMap, body: axum::body::Body, limit: usize) -> Result<Bytes, Failure> {
    let collected = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, limit).collect()).await;
    let bytes = match collected {
        Err(_) => return Err(Failure::BodyTimeout),
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(Failure::TooLarge(limit)),
        Ok(Err(_)) => return Err(Error::bad_data("/body", "The body ended before its time.").into()),
    };
    let encoding = headers.get(header::CONTENT_ENCODING).map(|v| v.to_str().unwrap_or("?").trim().to_ascii_lowercase());
    match encoding.as_deref() {
        None | Some("" | "identity") => Ok(bytes),
        Some("gzip" | "x-gzip") => inflate(GzDecoder::new(&bytes[..]), limit),
        Some("deflate") => inflate(ZlibDecoder::new(&bytes[..]), limit),
        Some(_) => Err(Failure::MediaType("The content encoding must be gzip, deflate or identity.".to_owned())),
    }
}

fn inflate(decoder: impl std::io::Read, limit: usize) -> Result<Bytes, Failure> {
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    std::io::Read::read_to_end(&mut std::io::Read::take(decoder, most), &mut bytes)
        .map_err(|_| Error::bad_data("/body", "The body is not in the encoding that it says."))?;
    if bytes.len() > limit { Err(Failure::TooLarge(limit)) } else { Ok(bytes.into()) }
}

/// Query parameters, parsed when the handler asks, after the caller is admitted.
pub struct Query<T> {
    text: String,
    becomes: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Query<T> {
    /// Parses the query.
    pub fn parse(&self) -> Result<T, Failure> {
        if self.text.split('&').count() > QUERY_PARAMETERS_MAX {
            return Err(Error::bad_data(
                "/query",
                format!("At most {QUERY_PARAMETERS_MAX} query parameters are allowed."),
            )
            .into());
        }
        let uri = format!("http://localhost/?{}", self.text).parse().map_err(|_| bad_query("it is not well-formed"))?;
        axum::extract::Query::try_from_uri(&uri).map(|query| query.0).map_err(|error| {
            let text = error.to_string();
            bad_query(text.rsplit("query string: ").next().unwrap_or(&text)).into()
        })
    }
}

fn bad_query(reason: &str) -> Error {
    let (place, reason) = match reason.split_once(": ") {
        Some((field, reason)) if !field.contains(' ') => (format!("/query/{field}"), reason),
        _ => ("/query".to_owned(), reason),
    };
    Error::bad_data(place, format!("The query cannot be used: {reason}."))
}

/// The pairs of a query, for endpoints that take any.
pub fn query_pairs(parts: &Parts) -> Result<Vec<(String, String)>, Failure> {
    if parts.uri.query().is_none_or(str::is_empty) {
        return Ok(Vec::new());
    }
    let text = parts.uri.query().unwrap_or_default().to_owned();
    Query::<Vec<(String, String)>> { text, becomes: PhantomData }.parse()
}

/// The tags that a query asks for, each `type:value`.
pub fn tags_asked(query: &[(String, String)]) -> Result<Vec<Tag>, Error> {
    let texts = query.iter().filter(|(name, _)| name == "tag" || name == "tag[]");
    let tag = |(at, (_, text)): (usize, &(String, String))| {
        let parts = text.split_once(':').filter(|(kind, value)| !kind.is_empty() && !value.is_empty());
        let tag = parts.map(|(kind, value)| Tag { kind: kind.to_owned(), value: value.to_owned() });
        tag.ok_or_else(|| Error::bad_data(format!("/query/tag/{at}"), "A tag has the form type:value."))
    };
    texts.enumerate().map(tag).collect()
}

impl<T, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self { text: parts.uri.query().unwrap_or_default().to_owned(), becomes: PhantomData })
    }
}

/// Path values; a wrong one is a fault at `/params`.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        use axum::extract::path::ErrorKind;
        use axum::extract::rejection::PathRejection;
        let names = axum::extract::RawPathParams::from_request_parts(parts, state).await.ok();
        let only = names.as_ref().and_then(|n| n.iter().next()).map(|(name, _)| format!("/params/{name}"));
        axum::extract::Path::from_request_parts(parts, state).await.map(|path| Self(path.0)).map_err(|rejection| {
            let place = match &rejection {
                PathRejection::FailedToDeserializePathParams(error) => match error.kind() {
                    ErrorKind::ParseErrorAtKey { key, .. } | ErrorKind::DeserializeError { key, .. } => {
                        format!("/params/{key}")
                    }
                    _ => only.unwrap_or_else(|| "/params".to_owned()),
                },
                _ => "/params".to_owned(),
            };
            Error::bad_data(place, "This part of the path is not what it must be, for instance no number.").into()
        })
    }
}

/// An answer of 201 with the URL of the new thing.
pub struct Created<T> {
    /// The URL, without scheme and host.
    pub location: String,
    /// What was created.
    pub view: T,
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let mut response = (StatusCode::CREATED, Json(self.view)).into_response();
        if let Ok(location) = HeaderValue::try_from(self.location) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}

/// One part of a path, percent-encoded (RFC 3986 §2.1).
pub fn path_segment(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}
