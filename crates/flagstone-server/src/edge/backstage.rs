//! What operators ask of an edge.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use flagstone_model::Error;
use flagstone_model::api_tokens::{ApiToken, TokenKind};
use serde_json::{Value, json};

use super::Follower;
use crate::http::bearer;
use crate::http::error::Failure;

/// `/internal-backstage/…`, and the names that servers have for the first two. What shows flags or tokens asks for a
/// backend token.
pub fn routes() -> Router<Follower> {
    Router::new()
        .route("/internal-backstage/health", get(health))
        .route("/internal-backstage/ready", get(ready))
        .route("/internal-backstage/metrics", get(metrics))
        .route("/internal-backstage/tokens", get(tokens))
        .route("/internal-backstage/features", get(features))
        .route("/health", get(health))
        .route("/ready", get(ready))
}

/// The backend token in `headers`.
async fn backend_token(follower: &Follower, headers: &HeaderMap) -> Result<Arc<ApiToken>, Failure> {
    let token = follower.token(bearer(headers).ok_or(Error::Unauthenticated)?).await?;
    if token.kind == TokenKind::Backend { Ok(token) } else { Err(Failure::WrongTokenType) }
}

async fn health() -> Json<Value> {
    Json(json!({ "status": "OK", "health": "GOOD" }))
}

async fn ready(State(follower): State<Follower>) -> Response {
    if follower.is_ready() {
        Json(json!({ "status": "READY", "health": "GOOD" })).into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "NOT_READY", "health": "DEGRADED" }))).into_response()
    }
}

async fn metrics(State(follower): State<Follower>) -> Response {
    let revision = follower.feeds().iter().filter_map(|feed| feed.delivery()).map(|d| d.revision().number).max();
    let features = follower.feeds().iter().filter_map(|feed| feed.delivery()).map(|d| d.content().features.len()).sum();
    let text = follower.metrics().text(revision.unwrap_or_default(), features, follower.telemetry().dropped());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

async fn tokens(State(follower): State<Follower>, headers: HeaderMap) -> Result<Json<Value>, Failure> {
    backend_token(&follower, &headers).await?;
    let tokens = follower.known_tokens().into_iter().map(|token| {
        json!({ "token": token.masked(), "type": token.kind, "environment": token.environment, "projects": token.projects })
    });
    Ok(Json(json!({ "tokens": tokens.collect::<Vec<_>>() })))
}

async fn features(State(follower): State<Follower>, headers: HeaderMap) -> Result<Json<Value>, Failure> {
    let token = backend_token(&follower, &headers).await?;
    let delivery = follower.delivery(&token)?;
    let content = delivery.content();
    let seen = content.features.iter().filter(|item| token.covers(&item.project));
    let names: Vec<&str> = seen.map(|item| item.name.as_str()).collect();
    Ok(Json(
        json!({ "environment": delivery.environment(), "revision": delivery.revision().number, "features": names }),
    ))
}
