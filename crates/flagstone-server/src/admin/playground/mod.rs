//! The playground over HTTP: what features answer to whom, and why.

mod contexts;
mod evaluation;
mod explain;

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use flagstone_model::constraints::Operator;
use flagstone_model::features::Variant;
use flagstone_model::small_map::SmallMap;
use flagstone_model::{Error, Need};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::contexts::{FlatContext, Flattened};
use crate::app::App;
use crate::app::caller::Caller;
use crate::http::Body;
use crate::http::error::Failure;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(simple)).routes(routes!(advanced)).merge(explain::routes())
}

/// How many playgrounds are evaluated at a time: SDKs come first.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

/// Whom a feature is evaluated for.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PlaygroundContext)]
pub(super) struct ContextBody {
    /// The application.
    #[schema(example = "checkout")]
    app_name: String,
    /// When: a date-time; now if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-01-31T12:00:00Z")]
    current_time: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remote_address: Option<String>,
    /// The values of other context fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    properties: Option<BTreeMap<String, String>>,
    /// The values of other context fields, as well.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    more: Map<String, Value>,
}

/// The features of which projects.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(as = PlaygroundProjects)]
enum Projects {
    /// Of these.
    These(BTreeSet<String>),
    /// Of all that there are.
    All(All),
}

/// All that there are.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
enum All {
    #[serde(rename = "*")]
    Star,
}

/// One context in one environment.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = PlaygroundRequest)]
struct SimpleBody {
    /// The environment.
    #[schema(example = "development")]
    environment: String,
    /// The projects; all if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    projects: Option<Projects>,
    context: ContextBody,
}

/// Contexts in environments: a value with commas stands for several, and each is tried with each of the others.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = AdvancedPlaygroundRequest)]
struct AdvancedBody {
    /// The environments.
    #[schema(example = json!(["development", "production"]))]
    environments: Vec<String>,
    /// The projects; all if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    projects: Option<Projects>,
    context: ContextBody,
}

/// What the features answer. Written piece by piece, see [`evaluation`].
#[derive(ToSchema)]
#[allow(dead_code)]
#[schema(as = PlaygroundResponse)]
struct SimpleView {
    /// By name.
    features: Vec<FeatureView<'static>>,
    /// What was asked.
    input: SimpleBody,
}

/// What the features answer in each environment to each context.
#[derive(ToSchema)]
#[allow(dead_code)]
#[schema(as = AdvancedPlaygroundResponse)]
struct AdvancedView {
    /// By name.
    features: Vec<AdvancedFeature>,
    /// What was asked.
    input: AdvancedBody,
    /// What of it was left out; absent if nothing was.
    warnings: Option<Warnings>,
}

/// A feature in each environment.
#[derive(ToSchema)]
#[allow(dead_code)]
#[schema(as = AdvancedPlaygroundFeature, rename_all = "camelCase")]
struct AdvancedFeature {
    name: String,
    project_id: String,
    /// By environment: the answer to each context.
    environments: BTreeMap<String, Vec<EnvironmentFeature<'static>>>,
}

/// What of a context was left out.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PlaygroundWarnings)]
struct Warnings {
    /// Fields whose values are no texts.
    invalid_context_properties: Vec<String>,
}

/// A feature's answer to a context in an environment.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AdvancedPlaygroundEnvironmentFeature)]
struct EnvironmentFeature<'e> {
    environment: &'e str,
    context: &'e FlatContext,
    #[serde(flatten)]
    feature: FeatureView<'e>,
}

/// A feature's answer.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PlaygroundFeature)]
struct FeatureView<'e> {
    name: &'e str,
    project_id: &'e str,
    /// Whether an SDK would say that it is on.
    is_enabled: bool,
    /// Whether it is switched on in the environment.
    is_enabled_in_current_environment: bool,
    /// Whether a feature that it depends on is not in the state asked for.
    has_unsatisfied_dependency: bool,
    /// What comes with the answer; one named `disabled` if there is none.
    variant: VariantView<'e>,
    /// Those that it was drawn from.
    variants: &'e [Variant],
    strategies: StrategiesView<'e>,
}

/// A variant that was drawn.
#[derive(Serialize, ToSchema)]
#[schema(as = PlaygroundVariant)]
struct VariantView<'e> {
    name: &'e str,
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<PayloadView<'e>>,
    /// Whether the feature is on; not told of a strategy's.
    #[serde(skip_serializing_if = "Option::is_none")]
    feature_enabled: Option<bool>,
    /// The same, where the feature is on without a variant: early admin UIs read it.
    #[serde(rename = "featureEnabled", skip_serializing_if = "Option::is_none")]
    old_feature_enabled: Option<bool>,
}

/// What comes with a variant.
#[derive(Serialize, ToSchema)]
#[schema(as = PlaygroundPayload)]
struct PayloadView<'e> {
    #[serde(rename = "type")]
    kind: &'e str,
    value: &'e str,
}

/// A feature's strategies.
#[derive(Serialize, ToSchema)]
#[schema(as = PlaygroundStrategies)]
struct StrategiesView<'e> {
    /// Whether one of them lets the context in, wherever the feature is switched.
    result: Answer,
    data: Vec<StrategyView<'e>>,
}

/// Yes, no, or what only an SDK can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = PlaygroundAnswer)]
enum Answer {
    Known(bool),
    Unknown(Unknown),
}

/// What only an SDK can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = PlaygroundUnknown)]
enum Unknown {
    #[serde(rename = "unknown")]
    Unknown,
}

impl Answer {
    const UNKNOWN: Self = Self::Unknown(Unknown::Unknown);
}

/// A strategy, and what it says of the context.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PlaygroundStrategy)]
struct StrategyView<'e> {
    id: &'e str,
    name: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'e str>,
    disabled: bool,
    #[schema(value_type = BTreeMap<String, String>)]
    parameters: &'e SmallMap<String>,
    result: StrategyResult<'e>,
    constraints: Vec<ConstraintView<'e>>,
    segments: Vec<SegmentView<'e>>,
    links: Links,
}

/// What a strategy says of the context.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PlaygroundStrategyResult)]
struct StrategyResult<'e> {
    /// Whether it lets the context in.
    enabled: Answer,
    evaluation_status: Status,
    /// Which of its own variants the context gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<VariantView<'e>>,
    /// Its own variants.
    #[serde(skip_serializing_if = "Option::is_none")]
    variants: Option<&'e [Variant]>,
}

/// How far a strategy could be evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PlaygroundStatus)]
enum Status {
    /// It was.
    Complete,
    /// Its constraints and segments were; the rest only an SDK can know.
    Incomplete,
    /// It was not, because it is disabled.
    Unevaluated,
}

/// A constraint, and whether it holds.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PlaygroundConstraint)]
struct ConstraintView<'e> {
    context_name: &'e str,
    operator: Operator,
    values: &'e [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'e str>,
    /// Whether the answer is turned around.
    #[serde(skip_serializing_if = "Option::is_none")]
    inverted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    case_insensitive: Option<bool>,
    /// Whether it holds.
    result: bool,
}

/// A segment, and whether it holds.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PlaygroundSegment)]
struct SegmentView<'e> {
    id: i64,
    name: &'e str,
    /// Whether it holds.
    result: bool,
    constraints: Vec<ConstraintView<'e>>,
}

/// Where a strategy can be changed.
#[derive(Serialize, ToSchema)]
#[schema(as = PlaygroundLinks)]
struct Links {
    /// A page of the admin UI.
    edit: String,
}

/// Evaluate features for a context
#[utoipa::path(
    post,
    path = "/api/admin/playground",
    operation_id = "getPlayground",
    tag = "Playground",
    request_body = SimpleBody,
    responses((status = 200, body = SimpleView)),
)]
async fn simple(State(app): State<App>, caller: Caller, body: Body<SimpleBody>) -> Result<Response, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let input = body.parse(app.schemas())?;
    input.context.check()?;
    let context = input.context.as_it_is();
    let app = app.clone();
    evaluate(move || {
        let features = evaluation::features(&seen, input.projects.as_ref());
        let run = evaluation::Run::new(&app, &seen, &features);
        run.simple(&input.environment, &context, &input)
    })
    .await
}

/// Evaluate features for several contexts in several environments
#[utoipa::path(
    post,
    path = "/api/admin/playground/advanced",
    operation_id = "getAdvancedPlayground",
    tag = "Playground",
    request_body = AdvancedBody,
    responses((status = 200, body = AdvancedView)),
)]
async fn advanced(State(app): State<App>, caller: Caller, body: Body<AdvancedBody>) -> Result<Response, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let input = body.parse(app.schemas())?;
    input.context.check()?;
    if input.environments.is_empty() {
        return Err(Error::bad_data("/body/environments", "At least one environment is needed.").into());
    }
    let odd = |name: &String| !flagstone_model::names::is_url_friendly(name);
    if let Some(n) = input.environments.iter().position(odd) {
        return Err(Error::bad_data(format!("/body/environments/{n}"), "This is no environment's name.").into());
    }
    let app = app.clone();
    evaluate(move || {
        let features = evaluation::features(&seen, input.projects.as_ref());
        let environments: BTreeSet<&str> = input.environments.iter().map(String::as_str).collect();
        let Flattened { contexts, invalid } = input.context.flattened(features.len() * environments.len())?;
        let warnings = (!invalid.is_empty()).then_some(Warnings { invalid_context_properties: invalid });
        let run = evaluation::Run::new(&app, &seen, &features);
        run.advanced(&environments, &contexts, &input, warnings.as_ref())
    })
    .await
}

/// Runs off the async threads, and not too many at a time.
async fn evaluate(run: impl FnOnce() -> Result<Vec<u8>, Failure> + Send + 'static) -> Result<Response, Failure> {
    let _permit = AT_ONCE.acquire().await.map_err(|error| Failure::Internal(error.to_string()))?;
    let body = tokio::task::spawn_blocking(run).await.map_err(|error| Failure::Internal(error.to_string()))??;
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}
