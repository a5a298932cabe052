//! What has changed, for SDKs that ask (delta) and for SDKs that listen (streaming).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flagstone_model::api_tokens::TokenKind;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::features::{PREFIX, TAG, scope};
use crate::delivery::{Answer, Revision, Segments, Update};
use crate::http::client_address;
use crate::http::error::Failure;
use crate::sdk::source::FlagSource;

pub(super) fn routes() -> OpenApiRouter<FlagSource> {
    OpenApiRouter::new().routes(routes!(delta)).routes(routes!(streaming))
}

/// Get what has changed since the revision that the SDK knows
#[utoipa::path(
    get,
    path = "/api/client/delta",
    operation_id = "getDelta",
    tag = "Client",
    params(
        ("project" = Option<Vec<String>>, Query, description = "Only these projects, of those that the token is for"),
        ("namePrefix" = Option<String>, Query, description = PREFIX),
        ("tag" = Option<Vec<String>>, Query, description = TAG),
        (
            "If-None-Match" = Option<String>,
            Header,
            description = "The ETag of the last answer: the revision that the SDK knows",
        ),
    ),
    responses(
        (
            status = 200,
            description = "The changes as events; one event with everything for an SDK that knows nothing or too little",
            body = Object,
        ),
        (status = 304, description = "Nothing has changed for this SDK"),
        (status = 503, description = "The SDK knows more, from another node, than this one can read now"),
    ),
)]
async fn delta(State(source): State<FlagSource>, request: Request) -> Result<Response, Failure> {
    let (parts, _) = request.into_parts();
    let token = source.token(&parts.headers, &[TokenKind::Backend]).await?;
    let mut scope = scope(&token, &parts)?;
    scope.segments = Segments::Named;
    let age = source.age(&token.0);
    let known = Revision::in_header(&parts.headers, header::IF_NONE_MATCH);
    if let Some(known) = known {
        source.catch_up_with(&token.0, known).await?;
    }
    let delivery = source.delivery(&token.0)?;
    let update = match known {
        Some(known) => source.update(&delivery, known, &scope).await,
        None => Update::Everything,
    };
    let response = match update {
        Update::Current => {
            let etag = format!("\"{}\"", known.unwrap_or_default());
            (StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response()
        }
        Update::Changes(changes) => {
            let revision = delivery.revisions().of_scope(&scope);
            Arc::new(Answer::new(changes, &format!("\"{revision}\""))).respond(&parts.headers).await
        }
        Update::Everything => delivery.hydration(&scope).await.respond(&parts.headers).await,
    };
    Ok(age.of(response))
}

/// Listen to changes as they happen
#[utoipa::path(
    get,
    path = "/api/client/streaming",
    operation_id = "getStreaming",
    tag = "Client",
    params(
        ("project" = Option<Vec<String>>, Query, description = "Only these projects, of those that the token is for"),
        ("namePrefix" = Option<String>, Query, description = PREFIX),
        ("tag" = Option<Vec<String>>, Query, description = TAG),
        (
            "Last-Event-ID" = Option<String>,
            Header,
            description = "The id of the last event that arrived: the stream goes on from there",
        ),
    ),
    responses(
        (
            status = 200,
            description = "Events: `unleash-connected` with everything, then `unleash-updated` with each change",
            body = String,
            content_type = "text/event-stream",
        ),
        (
            status = 503,
            description = "There are too many streams, too many begin at once, or the SDK knows more, from another node, than this one can read now",
        ),
    ),
)]
async fn streaming(State(source): State<FlagSource>, request: Request) -> Result<Response, Failure> {
    let (parts, _) = request.into_parts();
    let token = source.token(&parts.headers, &[TokenKind::Backend]).await?;
    let mut scope = scope(&token, &parts)?;
    scope.segments = Segments::Named;
    let address = client_address(&source.settings().trusted_proxies, &parts);
    let age = source.age(&token.0);
    let known = Revision::in_header(&parts.headers, header::HeaderName::from_static("last-event-id"));
    if let Some(known) = known {
        source.catch_up_with(&token.0, known).await?;
    }
    let body: Body = source.streams().begin(&source, &token.0, scope, address, known).await?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        // Proxies that collect answers before they pass them on would hold the events back.
        (header::HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    Ok(age.of((headers, body)))
}
