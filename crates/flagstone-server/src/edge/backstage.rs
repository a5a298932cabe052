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

use super::Edge;
use crate::http::bearer;
use crate::http::error::Failure;

/// `/internal-backstage/…`, and the names that servers have for the first two. What shows flags or tokens asks for a
/// backend token.
pub fn routes() -> Router<Edge> {
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
async fn backend_token(edge: &Edge, headers: &HeaderMap) -> Result<Arc<ApiToken>, Failure> {
    let token = edge.token(bearer(headers).ok_or(Error::Unauthenticated)?).await?;
    if token.kind == TokenKind::Backend { Ok(token) } else { Err(Failure::WrongTokenType) }
}

async fn health() -> Json<Value> {
    Json(json!({ "status": "OK", "health": "GOOD" }))
}

async fn ready(State(edge): State<Edge>) -> Response {
    if edge.is_ready() {
        Json(json!({ "status": "READY", "health": "GOOD" })).into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "NOT_READY", "health": "DEGRADED" }))).into_response()
    }
}

impl Edge {
    /// What operators watch, in Prometheus' text format.
    pub(super) fn metrics_text(&self) -> String {
        let deliveries: Vec<_> = self.feeds().iter().filter_map(|line| line.feed.delivery()).collect();
        let revision = deliveries.iter().map(|delivery| delivery.revision().number).max();
        let features = deliveries.iter().map(|delivery| delivery.content().features_count()).sum();
        self.metrics().text(revision.unwrap_or_default(), features, self.telemetry().dropped())
    }
}

async fn metrics(State(edge): State<Edge>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], edge.metrics_text()).into_response()
}

async fn tokens(State(edge): State<Edge>, headers: HeaderMap) -> Result<Json<Value>, Failure> {
    backend_token(&edge, &headers).await?;
    let tokens = edge.known_tokens().into_iter().map(|token| {
        json!({ "token": token.masked(), "type": token.kind, "environment": token.environment, "projects": token.projects })
    });
    Ok(Json(json!({ "tokens": tokens.collect::<Vec<_>>() })))
}

async fn features(State(edge): State<Edge>, headers: HeaderMap) -> Result<Json<Value>, Failure> {
    let token = backend_token(&edge, &headers).await?;
    let delivery = edge.delivery(&token)?;
    let content = delivery.content();
    let seen = content.features().map(|(item, _)| item).filter(|item| token.covers(&item.project));
    let mut names: Vec<&str> = seen.map(|item| item.name.as_str()).collect();
    names.sort_unstable();
    Ok(Json(
        json!({ "environment": delivery.environment(), "revision": delivery.revision().number, "features": names }),
    ))
}
