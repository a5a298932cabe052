//! Why one feature answers as it does, down to single constraints: the tree that `flagstone evaluate --explain` prints.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use flagstone_eval::{Engine, Explanation, SplitMix64};
use flagstone_model::features::{self, Feature};
use flagstone_model::paths::FeaturePath;
use flagstone_model::{Error, Faults, Need, State as Model, environments};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::evaluation::with_environment;
use super::{ContextBody, evaluate};
use crate::app::App;
use crate::app::caller::Caller;
use crate::http::error::Failure;
use crate::http::{Body, Path};
use crate::system::entropy;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(explain))
}

/// For whom a feature is explained, and where.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = ExplainRequest)]
struct ExplainBody {
    context: ContextBody,
    /// The environments, of those that the feature's project has; all of them if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(["development"]))]
    environments: Option<Vec<String>>,
}

/// What a feature answers, and why.
#[derive(Serialize, ToSchema)]
#[schema(as = Explanations)]
struct ExplainView<'e> {
    /// In the order in which people see them.
    environments: Vec<EnvironmentExplanation<'e>>,
}

/// What a feature answers in an environment, and why.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EnvironmentExplanation<'e> {
    environment: &'e str,
    /// What the environment is for, for instance `production`.
    #[serde(rename = "type")]
    kind: &'e str,
    /// Whether an SDK would say that the feature is on.
    enabled: bool,
    /// Whether it is switched on in the environment.
    switched_on: bool,
    /// What comes with the answer; one named `disabled` if there is none.
    #[schema(value_type = described::Variant)]
    variant: serde_json::Value,
    /// The ids of the strategies, in the order in which the explanation has them. SDKs do not get disabled ones.
    strategy_ids: Vec<&'e str>,
    /// Why; null where SDKs have not heard of the feature.
    #[schema(value_type = Option<described::Tree>, required)]
    explanation: Option<Explanation<'e>>,
}

/// What `flagstone_eval::Explanation` looks like, for the published document: the crate stands alone, without one.
#[allow(dead_code)]
mod described {
    use utoipa::ToSchema;

    /// Why a feature answers as it does. All strategies are explained, also those behind the one that decided.
    #[derive(ToSchema)]
    #[schema(as = Explanation, rename_all = "camelCase")]
    pub struct Tree {
        /// The feature's name.
        name: String,
        /// Whether it is on for this context.
        enabled: bool,
        variant: Variant,
        /// Whether an event is to be emitted for the evaluation.
        impression_data: bool,
        reason: Reason,
        /// The project's id.
        project: String,
        /// Whether the feature is on at all in this environment.
        flag_enabled: bool,
        /// Why the feature could not be read.
        #[schema(nullable = false)]
        broken: Option<String>,
        /// The features that it depends on: all must be in the state asked for.
        dependencies: Vec<Dependency>,
        /// The feature is on if one of them lets the context in, or if there are none.
        strategies: Vec<Strategy>,
        /// How the variant was chosen; null if there is none.
        #[schema(required)]
        variant_choice: Option<VariantChoice>,
    }

    /// What decided. `{"strategy": 0}`: on, by the first strategy that lets the context in, counted from 0.
    #[derive(ToSchema)]
    #[schema(as = ExplanationReason, rename_all = "kebab-case")]
    pub enum Reason {
        /// On, because there are no strategies.
        NoStrategies,
        /// On, by this strategy.
        Strategy(usize),
        /// Off, because no strategy lets the context in.
        NoStrategyMatched,
        /// Off, because it is switched off in this environment.
        Disabled,
        /// Off, because a feature that it depends on is not in the state asked for.
        Dependency,
        /// Off, because it could not be read.
        Broken,
    }

    /// The variant of an answer.
    #[derive(ToSchema)]
    #[schema(as = ExplanationVariant)]
    pub struct Variant {
        /// `disabled` if there is none.
        name: String,
        #[schema(nullable = false)]
        payload: Option<Payload>,
        /// Whether there is one.
        enabled: bool,
        /// Whether the feature is on.
        feature_enabled: bool,
    }

    /// What comes with a variant.
    #[derive(ToSchema)]
    #[schema(as = ExplanationPayload)]
    pub struct Payload {
        /// What the value holds: `string`, `json`, `csv` or `number`.
        #[schema(rename = "type")]
        kind: String,
        value: String,
    }

    /// A feature that this one depends on.
    #[derive(ToSchema)]
    #[schema(as = DependencyExplanation, rename_all = "camelCase")]
    pub struct Dependency {
        /// Its name.
        feature: String,
        /// Whether it must be on.
        required_enabled: bool,
        /// The variants that it may answer with; any if there is none here.
        required_variants: Vec<String>,
        /// What it answers; null if it does not exist or depends on another itself.
        #[schema(required)]
        parent: Option<Parent>,
        /// Whether it is in the state asked for.
        result: bool,
    }

    /// What a feature answers that another depends on.
    #[derive(ToSchema)]
    #[schema(as = ExplanationParent, rename_all = "camelCase")]
    pub struct Parent {
        name: String,
        enabled: bool,
        variant: Variant,
        impression_data: bool,
    }

    /// A strategy: it lets the context in if all its parts do.
    #[derive(ToSchema)]
    #[schema(as = StrategyExplanation, rename_all = "camelCase")]
    pub struct Strategy {
        /// The type of strategy.
        name: String,
        /// Whether it lets the context in.
        result: bool,
        status: StrategyStatus,
        /// What is wrong with its parameters, if it is broken.
        #[schema(nullable = false)]
        broken: Option<String>,
        /// Whether the strategy itself, without constraints and segments, lets the context in.
        rule_result: bool,
        /// The rollout, if it is a gradual one.
        #[schema(nullable = false)]
        rollout: Option<Rollout>,
        /// The list that a `userWithId` or `remoteAddress` strategy looks into.
        #[schema(nullable = false)]
        list: Option<Constraint>,
        constraints: Vec<Constraint>,
        segments: Vec<Segment>,
    }

    /// Whether a strategy could be evaluated: it was, is switched off, is one that only SDKs know, or its parameters make
    /// no sense.
    #[derive(ToSchema)]
    #[schema(as = StrategyExplanationStatus, rename_all = "kebab-case")]
    pub enum StrategyStatus {
        Evaluated,
        Disabled,
        Custom,
        Broken,
    }

    /// A rollout, and where the context is in it.
    #[derive(ToSchema)]
    #[schema(as = RolloutExplanation, rename_all = "camelCase")]
    pub struct Rollout {
        /// The share of buckets that are in, in percent.
        percent: u8,
        /// What decides the bucket: `default`, `random` or a context field.
        stickiness: String,
        /// What is hashed together with the identifier.
        group_id: String,
        /// What names the context; null if it lacks the field, or if chance decides.
        #[schema(required)]
        identifier: Option<String>,
        /// From 1 to 100: the context is in if this is not above `percent`. Null if it lacks the field, and is out.
        #[schema(required)]
        bucket: Option<u32>,
    }

    /// A constraint, and what it says of the context.
    #[derive(ToSchema)]
    #[schema(as = ConstraintExplanation, rename_all = "camelCase")]
    pub struct Constraint {
        /// The context field.
        context_name: String,
        operator: String,
        /// With what it is compared, where that is several values.
        values: Vec<String>,
        /// With what it is compared, where that is one value.
        #[schema(nullable = false)]
        value: Option<String>,
        /// Whether the result is turned around.
        inverted: bool,
        /// Whether upper and lower case are equal.
        case_insensitive: bool,
        /// The field's value in the context; null if it has none.
        #[schema(required)]
        context_value: Option<String>,
        /// Whether it holds, inversion included.
        result: bool,
        /// Why it holds for nobody, if it is broken.
        #[schema(nullable = false)]
        broken: Option<String>,
    }

    /// A segment: it holds if all its constraints do.
    #[derive(ToSchema)]
    #[schema(as = SegmentExplanation)]
    pub struct Segment {
        id: i64,
        /// Whether it exists; one that does not holds for nobody.
        exists: bool,
        /// Whether it holds.
        result: bool,
        constraints: Vec<Constraint>,
    }

    /// How a variant was chosen.
    #[derive(ToSchema)]
    #[schema(as = VariantExplanation)]
    pub struct VariantChoice {
        /// What decides the bucket: `default`, `random` or a context field.
        stickiness: String,
        /// What names the context; null if chance decides.
        #[schema(required)]
        identifier: Option<String>,
        /// From 1 to `buckets`; null if an override decided.
        #[schema(required)]
        bucket: Option<u32>,
        /// The sum of the weights of all variants.
        buckets: u32,
    }
}

/// Explain what a feature answers to a context, and why, in each environment
#[utoipa::path(
    post,
    path = "/api/admin/projects/{projectId}/features/{featureName}/explain",
    operation_id = "getFeatureExplanation",
    tag = "Playground",
    request_body = ExplainBody,
    responses((status = 200, body = ExplainView)),
)]
async fn explain(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<FeaturePath>,
    body: Body<ExplainBody>,
) -> Result<Response, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let input = body.parse(app.schemas())?;
    features::find_live(&seen, &path.project, &path.feature)?;
    input.context.check()?;
    let now = DateTime::from_timestamp_millis(app.now().millis()).unwrap_or_default();
    evaluate(move || {
        let feature = features::find_live(&seen, &path.project, &path.feature)?;
        let names = environments_asked(&seen, feature, input.environments.as_deref())?;
        let engines: Vec<_> = names.into_iter().map(|name| (name, seen.engine(&name.name))).collect();
        let explained = engines
            .iter()
            .map(|(environment, engine)| in_environment(feature, environment, engine.as_deref(), &input.context, now));
        let view = ExplainView { environments: explained.collect() };
        serde_json::to_vec(&view).map_err(|error| Failure::Internal(error.to_string()))
    })
    .await
}

/// The environments that are asked for, of those that the feature's project has.
fn environments_asked<'s>(
    state: &'s Model,
    feature: &Feature,
    asked: Option<&[String]>,
) -> Result<Vec<&'s Arc<environments::Environment>>, Error> {
    let project = state.projects.find(&feature.project)?;
    let mut faults = Faults::default();
    for (at, name) in asked.unwrap_or_default().iter().enumerate() {
        if !project.environments.contains_key(name) {
            faults.add(format!("/body/environments/{at}"), "The project has no such environment.");
        }
    }
    faults.check()?;
    let is_asked = |name: &String| asked.is_none_or(|asked| asked.contains(name));
    let all = environments::sorted(state).into_iter();
    Ok(all.filter(|e| project.environments.contains_key(&e.name) && is_asked(&e.name)).collect())
}

fn in_environment<'e>(
    feature: &'e Feature,
    environment: &'e environments::Environment,
    engine: Option<&'e Engine>,
    context: &ContextBody,
    now: DateTime<Utc>,
) -> EnvironmentExplanation<'e> {
    let context = with_environment(context.as_it_is(), &environment.name);
    let mut random = SplitMix64::seeded(entropy::seed());
    let explanation = engine.and_then(|engine| engine.explain(&feature.name, &context, now, &mut random));
    let there = feature.environments.get(&environment.name);
    let strategies = there.into_iter().flat_map(|there| &there.strategies).filter(|strategy| !strategy.disabled);
    let variant = explanation.as_ref().and_then(|explanation| serde_json::to_value(explanation.resolved.variant).ok());
    EnvironmentExplanation {
        environment: &environment.name,
        kind: &environment.kind,
        enabled: explanation.as_ref().is_some_and(|explanation| explanation.resolved.enabled),
        switched_on: there.is_some_and(|there| there.enabled),
        variant: variant
            .unwrap_or_else(|| serde_json::json!({"name": "disabled", "enabled": false, "feature_enabled": false})),
        strategy_ids: strategies.map(|strategy| strategy.id.as_str()).collect(),
        explanation,
    }
}
