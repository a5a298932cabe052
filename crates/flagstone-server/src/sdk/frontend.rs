//! The frontend API: features evaluated for one context, for browsers and apps.

use std::hash::{DefaultHasher, Hasher};

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use flagstone_eval::{Context, Projects, SplitMix64, Toggles};
use flagstone_model::api_tokens::{ApiToken, TokenKind};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::delivery::names;
use crate::http::client_address;
use crate::http::error::Failure;
use crate::http::{BODY_BYTES_MAX, query_pairs};
use crate::sdk::client::{MetricsBody, RegisterBody, count_usage, register_application};
use crate::sdk::source::{FlagSource, SdkToken};
use crate::system::entropy;

/// All routes below `/api/frontend`.
pub(crate) fn routes() -> OpenApiRouter<FlagSource> {
    OpenApiRouter::new()
        .routes(routes!(get, post))
        .routes(routes!(get_all, post_all))
        .routes(routes!(metrics))
        .routes(routes!(register))
        // What the proxy and Unleash Edge call the same.
        .route("/api/proxy", axum::routing::get(get).post(post))
        .route("/api/proxy/all", axum::routing::get(get_all).post(post_all))
        .route("/api/proxy/client/metrics", axum::routing::post(metrics))
        .route("/api/proxy/client/register", axum::routing::post(register))
        // What the proxy had and the frontend API has not: said as such, so that nobody looks for a fault.
        .route("/api/frontend/client/features", axum::routing::get(not_offered))
        .route("/api/frontend/health", axum::routing::get(not_offered))
        .route("/api/frontend/internal-backstage/prometheus", axum::routing::get(not_offered))
}

async fn not_offered(State(source): State<FlagSource>, parts: Parts) -> Failure {
    token(&source, &parts).await.err().unwrap_or(Failure::NotOffered)
}

/// A context in a body.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[schema(as = FrontendRequest)]
struct ContextBody {
    /// The context: userId, sessionId, appName, currentTime, remoteAddress, properties.
    #[serde(default)]
    #[schema(value_type = Option<Object>, example = json!({"userId": "7", "properties": {"plan": "gold"}}))]
    context: Option<Map<String, Value>>,
}

async fn token(source: &FlagSource, parts: &Parts) -> Result<SdkToken, Failure> {
    source.token(&parts.headers, &[TokenKind::Frontend]).await
}

/// `context` with what the server knows better, or knows as well.
pub(crate) fn completed(source: &FlagSource, token: &ApiToken, parts: &Parts, mut context: Context) -> Context {
    // The environment is the token's, whatever the context says.
    context.environment = Some(token.environment.clone());
    context.remote_address.get_or_insert_with(|| client_address(&source.settings().trusted_proxies, parts).to_string());
    context
}

/// The time, as the engine takes it.
pub(crate) fn now(source: &FlagSource) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(source.now().millis()).unwrap_or_default()
}

async fn evaluate(
    source: &FlagSource,
    token: &ApiToken,
    parts: &Parts,
    context: Context,
    toggles: Toggles,
) -> Result<Response, Failure> {
    let context = completed(source, token, parts, context);
    let delivery = source.delivery(token)?;
    let mut request = flagstone_eval::Request { toggles, ..flagstone_eval::Request::new(&context, now(source)) };
    let projects: Vec<&str> = token.projects.iter().map(String::as_str).collect();
    if !token.is_for_all_projects() {
        request.projects = Projects::Only(&projects);
    }
    let mut body = Vec::with_capacity(1_024);
    delivery.engine_ready().await.write_frontend(&mut body, &request, &mut SplitMix64::seeded(entropy::seed()));
    Ok(respond(&parts.headers, body))
}

/// An answer of JSON with an ETag: 304 if the request names it.
pub(crate) fn respond(request: &HeaderMap, body: Vec<u8>) -> Response {
    let etag = format!("W/\"{:x}-{:016x}\"", body.len(), hash(&body));
    let headers = [
        (header::CONTENT_TYPE, "application/json; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::ETAG, etag.as_str()),
    ];
    if names(request, etag.trim_start_matches("W/").as_bytes()) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, body).into_response()
}

/// Two answers with the same hash are the same, as far as a browser that asks "anything new?" is concerned.
fn hash(body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(body);
    hasher.finish()
}

/// Get the features that are on for the context in the query
#[utoipa::path(
    get,
    path = "/api/frontend",
    operation_id = "getFrontendFeatures",
    tag = "Frontend",
    params(
        ("userId" = Option<String>, Query, description = "The user"),
        ("sessionId" = Option<String>, Query, description = "The session"),
        ("appName" = Option<String>, Query, description = "The application"),
        (
            "remoteAddress" = Option<String>,
            Query,
            description = "The network address; that of the connection if omitted",
        ),
        (
            "properties" = Option<Object>,
            Query,
            style = DeepObject,
            description = "Anything else, as properties[name]=value",
        ),
    ),
    responses((status = 200, description = "The features that are on, with their variants", body = Object)),
)]
async fn get(State(source): State<FlagSource>, parts: Parts) -> Result<Response, Failure> {
    by_query(&source, &parts, Toggles::On).await
}

async fn by_query(source: &FlagSource, parts: &Parts, toggles: Toggles) -> Result<Response, Failure> {
    let token = token(source, parts).await?;
    let context = Context::from_pairs(query_pairs(parts)?);
    evaluate(source, &token.0, parts, context, toggles).await
}

/// Get the features that are on for the context in the body
#[utoipa::path(
    post,
    path = "/api/frontend",
    operation_id = "getFrontendApiFeaturesWithPost",
    tag = "Frontend",
    request_body = ContextBody,
    responses((status = 200, description = "The features that are on, with their variants", body = Object)),
)]
async fn post(State(source): State<FlagSource>, request: Request) -> Result<Response, Failure> {
    by_body(&source, request, Toggles::On).await
}

async fn by_body(source: &FlagSource, request: Request, toggles: Toggles) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let token = token(source, &parts).await?;
    let body = source.report::<ContextBody>(&parts.headers, body, BODY_BYTES_MAX).await?;
    evaluate(source, &token.0, &parts, Context::from_json(body.context.unwrap_or_default()), toggles).await
}

/// Get all features for the context in the query, those that are off as well
#[utoipa::path(
    get,
    path = "/api/frontend/all",
    operation_id = "getAllFrontendFeatures",
    tag = "Frontend",
    params(("userId" = Option<String>, Query, description = "The user; the context is as for /api/frontend")),
    responses((status = 200, description = "The features, with their variants", body = Object)),
)]
async fn get_all(State(source): State<FlagSource>, parts: Parts) -> Result<Response, Failure> {
    by_query(&source, &parts, Toggles::All).await
}

/// Get all features for the context in the body, those that are off as well
#[utoipa::path(
    post,
    path = "/api/frontend/all",
    operation_id = "getAllFrontendFeaturesWithPost",
    tag = "Frontend",
    request_body = ContextBody,
    responses((status = 200, description = "The features, with their variants", body = Object)),
)]
async fn post_all(State(source): State<FlagSource>, request: Request) -> Result<Response, Failure> {
    by_body(&source, request, Toggles::All).await
}

/// Report how often features were on and off
#[utoipa::path(
    post,
    path = "/api/frontend/client/metrics",
    operation_id = "registerFrontendMetrics",
    tag = "Frontend",
    request_body = MetricsBody,
    responses((status = 200, description = "Counted", body = String)),
)]
async fn metrics(State(source): State<FlagSource>, request: Request) -> Result<&'static str, Failure> {
    let (parts, body) = request.into_parts();
    let token = token(&source, &parts).await?;
    let body = source.report::<MetricsBody>(&parts.headers, body, BODY_BYTES_MAX).await?;
    count_usage(&source, &token.0, body)?;
    Ok("OK")
}

/// Introduce an application
#[utoipa::path(
    post,
    path = "/api/frontend/client/register",
    operation_id = "registerFrontendClient",
    tag = "Frontend",
    request_body = RegisterBody,
    responses((status = 200, description = "Taken note of", body = String)),
)]
async fn register(State(source): State<FlagSource>, request: Request) -> Result<&'static str, Failure> {
    let (parts, body) = request.into_parts();
    let token = token(&source, &parts).await?;
    let address = client_address(&source.settings().trusted_proxies, &parts).to_string();
    let body = source.report::<RegisterBody>(&parts.headers, body, BODY_BYTES_MAX).await?;
    register_application(&source, &token.0, body, Some(address));
    Ok("OK")
}

/// Lets browsers of the configured origins read the answers (CORS). Never with credentials: tokens travel in a header.
pub(crate) async fn cors(State(source): State<FlagSource>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let asked_headers = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let preflight = request.method() == axum::http::Method::OPTIONS;
    let mut response =
        if preflight { axum::http::StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    let Some(allowed) = source.allowed_origin(origin) else { return response };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("ETag"));
    if preflight {
        headers
            .insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET,HEAD,PUT,PATCH,POST,DELETE"));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(source.settings().cors_max_age_s));
        if let Some(asked) = asked_headers {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked);
        }
    }
    response
}
