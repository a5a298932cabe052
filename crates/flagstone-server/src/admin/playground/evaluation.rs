//! The playground's answers: the engine that answers SDKs, and its reasons, beside the strategies as people know them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use flagstone_eval::{
    ConstraintExplanation, Context, Document, Engine, Explanation, Reason, ResolvedVariant, SplitMix64,
    StrategyExplanation, StrategyStatus,
};
use flagstone_model::constraints::Constraint;
use flagstone_model::features::{self, Feature, FeatureEnvironment, Strategy};
use flagstone_model::{Error, State as Model};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::contexts::{FlatContext, is_too_long, too_long};
use super::{
    Answer, ConstraintView, EnvironmentFeature, FeatureView, Links, PayloadView, Projects, SegmentView, Status,
    StrategiesView, StrategyResult, StrategyView, VariantView, Warnings,
};
use crate::app::{App, View};
use crate::http::error::Failure;
use crate::http::path_segment;
use crate::system::entropy;

/// How long one request may be evaluated.
const TIME_MAX: Duration = Duration::from_secs(20);

/// The live features of these projects that the view shows, by name.
pub fn features<'s>(state: &'s Model, projects: Option<&Projects>) -> Vec<&'s Arc<Feature>> {
    match projects {
        Some(Projects::These(projects)) => {
            let mut all: Vec<_> = projects.iter().flat_map(|id| features::of_project(state, id, false)).collect();
            all.sort_by(|a, b| a.name.cmp(&b.name));
            all
        }
        Some(Projects::All(_)) | None => state.features.values().filter(|feature| !feature.is_archived()).collect(),
    }
}

/// What evaluates the features of one environment.
struct Place<'s> {
    name: &'s str,
    engine: Option<Arc<Engine>>,
    /// Disabled strategies, which SDKs do not get: a flag for each, by its id.
    disabled: Engine,
}

/// One request's evaluation.
pub struct Run<'s> {
    base_path: String,
    state: &'s View,
    features: &'s [&'s Arc<Feature>],
    now: DateTime<Utc>,
    began: Instant,
}

impl<'s> Run<'s> {
    /// Of these features.
    pub fn new(app: &'s App, state: &'s View, features: &'s [&'s Arc<Feature>]) -> Self {
        let now = DateTime::from_timestamp_millis(app.now().millis()).unwrap_or_default();
        Self { base_path: app.options().base_path(), state, features, now, began: Instant::now() }
    }

    /// The answer for one context.
    pub fn simple(
        &self,
        environment: &str,
        context: &Map<String, Value>,
        input: &impl Serialize,
    ) -> Result<Vec<u8>, Failure> {
        let (place, context) = (self.place(environment), with_environment(context.clone(), environment));
        let mut random = SplitMix64::seeded(entropy::seed());
        let mut out = b"{\"features\":[".to_vec();
        for (n, feature) in self.features.iter().enumerate() {
            comma(&mut out, n);
            self.check_time()?;
            let explanation = explain(&place, feature, &context, self.now, &mut random);
            let disabled = self.disabled(&place, feature, &context, &mut random);
            write(&mut out, &self.feature(feature, environment, explanation.as_ref(), &disabled))?;
        }
        out.extend_from_slice(b"],\"input\":");
        write(&mut out, input)?;
        out.push(b'}');
        Ok(out)
    }

    /// The answer for several contexts in several environments.
    pub fn advanced(
        &self,
        environments: &BTreeSet<&str>,
        contexts: &[FlatContext],
        input: &impl Serialize,
        warnings: Option<&Warnings>,
    ) -> Result<Vec<u8>, Failure> {
        let places: Vec<_> = environments.iter().map(|name| self.place(name)).collect();
        let mut random = SplitMix64::seeded(entropy::seed());
        let read = |flat: &FlatContext| -> Map<String, Value> {
            flat.iter().map(|(key, text)| (key.clone(), Value::from(text.as_str()))).collect()
        };
        let contexts: Vec<_> = contexts.iter().map(|flat| (flat, read(flat))).collect();
        let by_place: Vec<Vec<Context>> = places
            .iter()
            .map(|place| contexts.iter().map(|(_, fields)| with_environment(fields.clone(), place.name)).collect())
            .collect();
        let mut out = b"{\"features\":[".to_vec();
        for (n, feature) in self.features.iter().enumerate() {
            comma(&mut out, n);
            out.extend_from_slice(b"{\"name\":");
            write(&mut out, &feature.name)?;
            out.extend_from_slice(b",\"projectId\":");
            write(&mut out, &feature.project)?;
            out.extend_from_slice(b",\"environments\":{");
            for (n, (place, read)) in places.iter().zip(&by_place).enumerate() {
                comma(&mut out, n);
                write(&mut out, &place.name)?;
                out.extend_from_slice(b":[");
                for (n, ((flat, _), context)) in contexts.iter().zip(read).enumerate() {
                    comma(&mut out, n);
                    self.check_time()?;
                    let explanation = explain(place, feature, context, self.now, &mut random);
                    let disabled = self.disabled(place, feature, context, &mut random);
                    let feature = self.feature(feature, place.name, explanation.as_ref(), &disabled);
                    write(&mut out, &EnvironmentFeature { environment: place.name, context: flat, feature })?;
                }
                out.push(b']');
            }
            out.extend_from_slice(b"}}");
        }
        out.extend_from_slice(b"],\"input\":");
        write(&mut out, input)?;
        if let Some(warnings) = warnings {
            out.extend_from_slice(b",\"warnings\":");
            write(&mut out, warnings)?;
        }
        out.push(b'}');
        Ok(out)
    }

    fn check_time(&self) -> Result<(), Error> {
        if self.began.elapsed() < TIME_MAX {
            return Ok(());
        }
        Err(Error::bad_data("", "This takes too long to evaluate: ask for fewer contexts or projects."))
    }

    fn place<'p>(&self, name: &'p str) -> Place<'p> {
        let (mut flags, mut segments) = (Vec::new(), BTreeMap::new());
        let there = self.features.iter().filter_map(|feature| feature.environments.get(name));
        for strategy in there.flat_map(|there| &there.strategies).filter(|strategy| strategy.disabled) {
            let Strategy { id, name, constraints, parameters, segments: of_strategy, variants, .. } = strategy;
            let one = json!({ "name": name, "constraints": constraints, "parameters": parameters, "segments": of_strategy, "variants": variants });
            flags.push(json!({ "name": id, "enabled": true, "strategies": [one] }));
            segments.extend(of_strategy.iter().filter_map(|id| Some((*id, self.state.segments.get(id)?))));
        }
        let segments: Vec<_> =
            segments.values().map(|s| json!({ "id": s.id, "name": s.name, "constraints": s.constraints })).collect();
        let document = json!({ "version": 2, "features": flags, "segments": segments }).to_string();
        let disabled = match Document::parse(document.as_bytes()) {
            Ok((document, _)) => Engine::from_document(&document).0,
            Err(_) => Engine::default(),
        };
        Place { name, engine: self.state.engine(name), disabled }
    }

    fn disabled<'p>(
        &self,
        place: &'p Place<'_>,
        feature: &Feature,
        context: &Context,
        random: &mut SplitMix64,
    ) -> BTreeMap<&'p str, StrategyExplanation<'p>> {
        let there = feature.environments.get(place.name).into_iter().flat_map(|there| &there.strategies);
        there
            .filter(|strategy| strategy.disabled)
            .filter_map(|strategy| {
                let explanation = place.disabled.explain(&strategy.id, context, self.now, random)?;
                Some((explanation.resolved.name, explanation.strategies.into_iter().next()?))
            })
            .collect()
    }

    fn feature<'a>(
        &'a self,
        feature: &'a Feature,
        environment: &str,
        explanation: Option<&'a Explanation<'a>>,
        disabled: &'a BTreeMap<&str, StrategyExplanation<'a>>,
    ) -> FeatureView<'a> {
        let there = feature.environments.get(environment);
        let decided = match explanation.map(|e| e.reason) {
            Some(Reason::Strategy(position)) => Some(position),
            _ => None,
        };
        let mut active = explanation.into_iter().flat_map(|e| e.strategies.iter().enumerate());
        let data: Vec<_> = there
            .into_iter()
            .flat_map(|there| &there.strategies)
            .map(|strategy| {
                let (position, said) = if strategy.disabled {
                    (None, disabled.get(strategy.id.as_str()))
                } else {
                    active.next().map_or((None, None), |(position, said)| (Some(position), Some(said)))
                };
                let drawn = match explanation.filter(|_| position.is_some() && position == decided) {
                    // What was drawn for the answer, not another one where chance decides.
                    Some(e) if !strategy.variants.is_empty() => Some(e.resolved.variant),
                    _ => said.and_then(|said| said.variant),
                };
                let mut view = self.strategy(strategy, said, drawn);
                view.links = self.links(feature, environment, strategy);
                view
            })
            .collect();
        let on = explanation.is_some_and(|e| e.resolved.enabled);
        FeatureView {
            name: &feature.name,
            project_id: &feature.project,
            is_enabled: on,
            is_enabled_in_current_environment: there.is_some_and(|there| there.enabled),
            has_unsatisfied_dependency: match explanation {
                Some(e) => e.dependencies.iter().any(|dependency| !dependency.result),
                // Where the feature is not, its parents are not on.
                None => feature.dependencies.iter().any(|dependency| dependency.enabled),
            },
            variant: match explanation {
                Some(e) => VariantView::of(e.resolved.variant, Some(on)),
                None => VariantView::none(),
            },
            variants: there.filter(|_| on).map_or(&[], |there| variants(there, decided)),
            strategies: StrategiesView { result: result(on, &data), data },
        }
    }

    fn strategy<'a>(
        &'a self,
        strategy: &'a Strategy,
        said: Option<&StrategyExplanation<'_>>,
        drawn: Option<ResolvedVariant<'a>>,
    ) -> StrategyView<'a> {
        let held = said.is_some_and(|s| s.constraints.iter().all(|c| c.result) && s.segments.iter().all(|s| s.result));
        let is_custom = said.is_some_and(|said| said.status == StrategyStatus::Custom);
        let (enabled, evaluation_status) = match said {
            _ if is_custom && held => (Answer::UNKNOWN, Status::Incomplete),
            _ if is_custom => (Answer::Known(false), Status::Incomplete),
            _ if strategy.disabled => (Answer::UNKNOWN, Status::Unevaluated),
            said => (Answer::Known(said.is_some_and(|said| said.result)), Status::Complete),
        };
        let segments = strategy.segments.iter().filter_map(|id| {
            let segment = self.state.segments.get(id)?;
            let said = said.and_then(|said| said.segments.iter().find(|said| said.id == *id));
            Some(SegmentView {
                id: *id,
                name: &segment.name,
                result: said.is_some_and(|said| said.result),
                constraints: constraints(&segment.constraints, said.map(|said| said.constraints.as_slice())),
            })
        });
        StrategyView {
            id: &strategy.id,
            name: &strategy.name,
            title: strategy.title.as_deref(),
            disabled: strategy.disabled,
            parameters: &strategy.parameters,
            result: StrategyResult {
                enabled,
                evaluation_status,
                variant: drawn.map(|variant| VariantView::of(variant, None)),
                variants: Some(strategy.variants.as_slice()).filter(|variants| !variants.is_empty()),
            },
            constraints: constraints(&strategy.constraints, said.map(|said| said.constraints.as_slice())),
            segments: segments.collect(),
            links: Links { edit: String::new() },
        }
    }

    fn links(&self, feature: &Feature, environment: &str, strategy: &Strategy) -> Links {
        let (base, project, name) = (&self.base_path, path_segment(&feature.project), path_segment(&feature.name));
        let query = format!("environmentId={}&strategyId={}", path_segment(environment), strategy.id);
        Links { edit: format!("{base}/projects/{project}/features/{name}/strategies/edit?{query}") }
    }
}

/// Why the feature answers as it does; nothing where SDKs have not heard of it.
fn explain<'p>(
    place: &'p Place<'_>,
    feature: &Feature,
    context: &Context,
    now: DateTime<Utc>,
    random: &mut SplitMix64,
) -> Option<Explanation<'p>> {
    place.engine.as_ref()?.explain(&feature.name, context, now, random)
}

/// A context as an SDK of the environment has it.
pub fn with_environment(fields: Map<String, Value>, environment: &str) -> Context {
    let mut context = Context::from_json(fields);
    context.environment.get_or_insert_with(|| environment.to_owned());
    context
}

/// Each constraint as people know it, with what the engine said: both are in the same order.
fn constraints<'a>(stored: &'a [Constraint], said: Option<&[ConstraintExplanation<'_>]>) -> Vec<ConstraintView<'a>> {
    let result = |n: usize| said.and_then(|said| said.get(n)).is_some_and(|said| said.result);
    let view = |(n, constraint): (usize, &'a Constraint)| ConstraintView {
        context_name: &constraint.context_name,
        operator: constraint.operator,
        values: &constraint.values,
        value: constraint.value.as_deref(),
        inverted: constraint.inverted,
        case_insensitive: constraint.case_insensitive,
        result: result(n),
    };
    stored.iter().enumerate().map(view).collect()
}

/// The variants that were drawn from, where a strategy decided or none was needed.
fn variants(there: &FeatureEnvironment, decided: Option<usize>) -> &[flagstone_model::features::Variant] {
    let strategy = decided.and_then(|position| there.strategies.iter().filter(|s| !s.disabled).nth(position));
    match strategy.filter(|strategy| !strategy.variants.is_empty()) {
        Some(strategy) => &strategy.variants,
        None => &there.variants,
    }
}

fn result(on: bool, strategies: &[StrategyView<'_>]) -> Answer {
    let any = |answer: Answer| strategies.iter().any(|strategy| strategy.result.enabled == answer);
    // Without any strategy a feature that is on is on for all.
    if any(Answer::Known(true)) || (on && strategies.is_empty()) {
        Answer::Known(true)
    } else if any(Answer::UNKNOWN) {
        Answer::UNKNOWN
    } else {
        Answer::Known(false)
    }
}

impl<'e> VariantView<'e> {
    const fn none() -> Self {
        Self {
            name: "disabled",
            enabled: false,
            payload: None,
            feature_enabled: Some(false),
            old_feature_enabled: None,
        }
    }

    fn of(variant: ResolvedVariant<'e>, feature_enabled: Option<bool>) -> Self {
        Self {
            name: variant.name,
            enabled: variant.enabled,
            payload: variant.payload.map(|payload| PayloadView { kind: &payload.kind, value: &payload.value }),
            feature_enabled,
            old_feature_enabled: feature_enabled.filter(|on| *on && !variant.enabled),
        }
    }
}

fn comma(out: &mut Vec<u8>, n: usize) {
    if n > 0 {
        out.push(b',');
    }
}

/// Appends a part of the answer, unless that has become too large.
fn write(out: &mut Vec<u8>, part: &impl Serialize) -> Result<(), Failure> {
    serde_json::to_writer(&mut *out, part)
        .map_err(|error| Failure::Internal(format!("an answer cannot be written: {error}")))?;
    if is_too_long(out.len()) {
        return Err(too_long().into());
    }
    Ok(())
}
