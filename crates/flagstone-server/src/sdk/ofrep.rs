//! OFREP, the OpenFeature Remote Evaluation Protocol: features evaluated for one context, for OpenFeature's own clients.
//! Protocol 0.1 to 0.3, <https://github.com/open-feature/protocol>; without its optional parts.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use flagstone_eval::{Basis, Context, Projects, Reason, Resolved, ResolvedVariant, SplitMix64, Toggles};
use flagstone_model::Error;
use flagstone_model::api_tokens::{ApiToken, TokenKind};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::error::Failure;
use crate::http::{BODY_BYTES_MAX, Path};
use crate::sdk::frontend::{completed, now, respond};
use crate::sdk::source::{FlagSource, SdkToken};
use crate::system::entropy;

/// All routes below `/ofrep`.
pub(crate) fn routes() -> OpenApiRouter<FlagSource> {
    OpenApiRouter::new().routes(routes!(one)).routes(routes!(all))
}

/// Whom to evaluate for.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[schema(as = OfrepRequest)]
struct EvaluationBody {
    /// The context. `targetingKey` is the userId where there is no `userId`; the other fields of Unleash's context are
    /// read as they are, and everything else is a property. Nothing is required.
    #[serde(default)]
    #[schema(value_type = Option<Object>, example = json!({"targetingKey": "7", "plan": "gold"}))]
    context: Option<Map<String, Value>>,
}

/// One flag's answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OfrepEvaluation)]
struct EvaluationView<'e> {
    /// The feature's name.
    key: &'e str,
    /// Whether the feature is on; if it is on with a variant, the variant's payload by its type, or its name if it has
    /// no payload.
    #[schema(value_type = Value)]
    value: FlagValue<'e>,
    /// `STATIC`: on for all. `TARGETING_MATCH`: on for this context. `SPLIT`: on for a share, or with one of several
    /// variants. `DEFAULT`: off for this context. `DISABLED`: off for all. `ERROR`: it cannot be read, and so is off.
    reason: &'static str,
    /// The variant's name; without a variant, `on` or `off`.
    variant: &'e str,
    /// What does not fit into the value.
    metadata: Metadata,
}

/// What does not fit into the value.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OfrepMetadata)]
struct Metadata {
    /// Whether the feature is on, whatever the type of the value.
    enabled: bool,
}

/// The answers for all flags.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OfrepEvaluations)]
struct EvaluationsView<'e> {
    flags: Vec<EvaluationView<'e>>,
}

/// A value, as it is written.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum FlagValue<'e> {
    Enabled(bool),
    Text(&'e str),
    Json(&'e RawValue),
    Number(f64),
}

impl<'e> FlagValue<'e> {
    fn of(enabled: bool, variant: &ResolvedVariant<'e>) -> Self {
        if !enabled || !variant.enabled {
            return Self::Enabled(enabled);
        }
        let Some(payload) = variant.payload else { return Self::Text(variant.name) };
        let text = payload.value.as_str();
        let json = || serde_json::from_str::<&RawValue>(text).ok().map(Self::Json);
        // Our own are checked when they are stored. What is not what its type says is still a text.
        let typed = match payload.kind.as_str() {
            "json" => json(),
            "number" => match text.trim().parse::<f64>() {
                // As it is written if JSON has it so: 1.10 stays 1.10, and `+5` becomes 5.
                Ok(number) if number.is_finite() => json().or(Some(Self::Number(number))),
                _ => None,
            },
            _ => None,
        };
        typed.unwrap_or(Self::Text(text))
    }
}

impl<'e> From<Resolved<'e>> for EvaluationView<'e> {
    fn from(resolved: Resolved<'e>) -> Self {
        let Resolved { name: key, enabled, variant, .. } = resolved;
        let reason = match (resolved.reason, resolved.basis) {
            (Reason::NoStrategies | Reason::Strategy(_), Basis::Nothing) => "STATIC",
            (Reason::NoStrategies | Reason::Strategy(_), Basis::Context) => "TARGETING_MATCH",
            (Reason::NoStrategies | Reason::Strategy(_), Basis::Share) => "SPLIT",
            (Reason::NoStrategyMatched | Reason::Dependency, _) => "DEFAULT",
            (Reason::Disabled, _) => "DISABLED",
            (Reason::Broken, _) => "ERROR",
        };
        let variant_name = match (variant.enabled, enabled) {
            (true, _) => variant.name,
            (false, true) => "on",
            (false, false) => "off",
        };
        let value = FlagValue::of(enabled, &variant);
        Self { key, value, reason, variant: variant_name, metadata: Metadata { enabled } }
    }
}

async fn token(source: &FlagSource, parts: &Parts) -> Result<SdkToken, Failure> {
    source.token(&parts.headers, &[TokenKind::Frontend, TokenKind::Backend]).await
}

/// The context that a body holds; what is wrong with it in OFREP's words.
async fn context(
    source: &FlagSource,
    token: &ApiToken,
    parts: &Parts,
    body: axum::body::Body,
    key: Option<&str>,
) -> Result<Context, Failure> {
    let body = source.report::<EvaluationBody>(&parts.headers, body, BODY_BYTES_MAX).await;
    let body = body.map_err(|failure| match failure {
        Failure::Refused(Error::BadData(faults)) => {
            let in_context = faults.iter().any(|fault| fault.path.starts_with("/body/context"));
            let code = if in_context { "INVALID_CONTEXT" } else { "PARSE_ERROR" };
            Failure::Evaluation { error: Error::BadData(faults), code, key: key.map(str::to_owned) }
        }
        other => other,
    })?;
    let mut context = Context::from_json(body.context.unwrap_or_default());
    if context.user_id.is_none() {
        // It stays a property as well: constraints and stickiness may name it.
        context.user_id = context.properties.get("targetingKey").filter(|key| !key.is_empty()).cloned();
    }
    Ok(completed(source, token, parts, context))
}

/// Evaluate one feature for the context in the body
#[utoipa::path(
    post,
    path = "/ofrep/v1/evaluate/flags/{key}",
    operation_id = "evaluateFlag",
    tag = "OFREP",
    request_body = EvaluationBody,
    responses((status = 200, description = "The feature's value for the context", body = EvaluationView)),
)]
async fn one(State(source): State<FlagSource>, Path(key): Path<String>, request: Request) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let token = token(&source, &parts).await?.0;
    let context = context(&source, &token, &parts, body, Some(&key)).await?;
    let delivery = source.delivery(&token)?;
    let mut random = SplitMix64::seeded(entropy::seed());
    let resolved = delivery.engine_ready().await.resolve(&key, &context, now(&source), &mut random);
    let Some(resolved) = resolved.filter(|resolved| token.covers(resolved.project)) else {
        let error = Error::not_found("feature", &key);
        return Err(Failure::Evaluation { error, code: "FLAG_NOT_FOUND", key: Some(key) });
    };
    Ok(Json(EvaluationView::from(resolved)).into_response())
}

/// Evaluate all features for the context in the body
#[utoipa::path(
    post,
    path = "/ofrep/v1/evaluate/flags",
    operation_id = "evaluateFlagsBulk",
    tag = "OFREP",
    request_body = EvaluationBody,
    params(("If-None-Match" = Option<String>, Header, description = "The ETag of the last answer")),
    responses(
        (
            status = 200,
            description = "The values of all features for the context, also of those that are off",
            body = EvaluationsView,
        ),
        (status = 304, description = "The client has these values already"),
    ),
)]
async fn all(State(source): State<FlagSource>, request: Request) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let token = token(&source, &parts).await?.0;
    let context = context(&source, &token, &parts, body, None).await?;
    let delivery = source.delivery(&token)?;
    let mut request = flagstone_eval::Request::new(&context, now(&source));
    request.toggles = Toggles::All;
    let projects: Vec<&str> = token.projects.iter().map(String::as_str).collect();
    if !token.is_for_all_projects() {
        request.projects = Projects::Only(&projects);
    }
    let resolved = delivery.engine_ready().await.resolve_all(&request, &mut SplitMix64::seeded(entropy::seed()));
    let flags = resolved.into_iter().map(EvaluationView::from).collect();
    let body = serde_json::to_vec(&EvaluationsView { flags })
        .map_err(|error| Failure::Internal(format!("an answer cannot be written: {error}")))?;
    Ok(respond(&parts.headers, body))
}
