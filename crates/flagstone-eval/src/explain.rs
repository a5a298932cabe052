//! What was decided about a flag and why, down to single constraints.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::condition::ConditionId;
use crate::context::Context;
use crate::engine::Engine;
use crate::evaluate::{Decision, Draw, Evaluation, Reason, Resolved, ResolvedVariant};
use crate::flag::{Dependency, Flag, ParentState, Rollout, Rule, Stickiness, Strategy, Variants};
use crate::random::RandomSource;
use crate::segment::SegmentSlot;
use crate::validate::Case;

/// The answer for one flag, with everything that led to it.
///
/// All strategies are evaluated, also those after the one that decided, and so are those of a flag that is off
/// anyway: the tree shows what would be.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation<'e> {
    /// The answer.
    #[serde(flatten)]
    pub resolved: Resolved<'e>,
    /// What decided.
    pub reason: Reason,
    /// The project of the flag.
    pub project: &'e str,
    /// Whether the flag is on at all in this environment.
    pub flag_enabled: bool,
    /// Why the flag could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken: Option<&'e str>,
    /// The parents; all must be in the state asked for.
    pub dependencies: Vec<DependencyExplanation<'e>>,
    /// The strategies; the flag is on if one of them is, or if there are none.
    pub strategies: Vec<StrategyExplanation<'e>>,
    /// How the variant was chosen; `None` if there is none.
    pub variant_choice: Option<VariantExplanation<'e>>,
}

/// A parent flag, the state asked for and the one it is in.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DependencyExplanation<'e> {
    /// The name of the parent.
    pub feature: &'e str,
    /// Whether the parent must be on.
    pub required_enabled: bool,
    /// The variants the parent may answer with; empty if any will do.
    pub required_variants: Vec<&'e str>,
    /// The state of the parent; `None` if it does not exist, or has a parent itself, which is not allowed.
    pub parent: Option<Resolved<'e>>,
    /// Whether the parent is in the state asked for.
    pub result: bool,
}

/// A strategy with its parts; it is on if they all hold.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StrategyExplanation<'e> {
    /// The kind of strategy.
    pub name: &'e str,
    /// Whether the strategy lets the context in.
    pub result: bool,
    /// Whether it could be evaluated.
    pub status: StrategyStatus,
    /// What is wrong with its parameters, if it is broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken: Option<&'e str>,
    /// Whether the strategy itself, without constraints and segments, lets the context in.
    pub rule_result: bool,
    /// The rollout, if the strategy is a gradual one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutExplanation<'e>>,
    /// The list that a `userWithId` or `remoteAddress` strategy looks into.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<ConstraintExplanation<'e>>,
    /// Its constraints.
    pub constraints: Vec<ConstraintExplanation<'e>>,
    /// Its segments.
    pub segments: Vec<SegmentExplanation<'e>>,
    /// Which of its own variants the context gets if it decides; `None` if it has none. With chance in it, another draw
    /// than the flag's answer.
    #[serde(skip)]
    pub variant: Option<ResolvedVariant<'e>>,
}

/// Whether a strategy could be evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StrategyStatus {
    /// It was.
    Evaluated,
    /// It is switched off.
    Disabled,
    /// It is a custom strategy, which only an SDK can know.
    Custom,
    /// Its parameters make no sense.
    Broken,
}

/// A rollout and the place of the context in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RolloutExplanation<'e> {
    /// The share of buckets that are in, in percent.
    pub percent: u8,
    /// What decides the bucket: `default`, `random` or a context field.
    pub stickiness: &'e str,
    /// What is hashed together with the identifier.
    pub group_id: &'e str,
    /// What names the context; `None` if it lacks the field, or if chance decides.
    pub identifier: Option<String>,
    /// The bucket of the context, from 1 to 100: it is in if this is not above `percent`. `None` if the context lacks
    /// the field that decides, and then it is out.
    pub bucket: Option<u32>,
}

/// A constraint and what it says about the context.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConstraintExplanation<'e> {
    /// The context field.
    pub context_name: &'e str,
    /// How it is compared.
    pub operator: &'e str,
    /// With what, for operators that take several values.
    pub values: Vec<&'e str>,
    /// With what, for operators that take one value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<&'e str>,
    /// Whether the result is turned around.
    pub inverted: bool,
    /// Whether upper and lower case are equal.
    pub case_insensitive: bool,
    /// The value of the field in the context.
    pub context_value: Option<String>,
    /// Whether the constraint holds, inversion included.
    pub result: bool,
    /// Why it holds for nobody, if it is broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken: Option<&'e str>,
}

/// A segment and its constraints; it holds if they all do.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SegmentExplanation<'e> {
    /// The id of the segment.
    pub id: i64,
    /// Whether it exists; one that does not holds for nobody.
    pub exists: bool,
    /// Whether it holds.
    pub result: bool,
    /// Its constraints.
    pub constraints: Vec<ConstraintExplanation<'e>>,
}

/// How a variant was chosen.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VariantExplanation<'e> {
    /// What decides the bucket: `default`, `random` or a context field.
    pub stickiness: &'e str,
    /// What names the context; `None` if chance decides.
    pub identifier: Option<String>,
    /// The bucket of the context, from 1 to `buckets`; `None` if an override decided.
    pub bucket: Option<u32>,
    /// The sum of the weights of all variants.
    pub buckets: u32,
}

impl Engine {
    /// Evaluates one flag like [`Engine::resolve`] and tells why the answer is what it is; `None` if there is no flag
    /// of this name.
    pub fn explain(
        &self,
        name: &str,
        context: &Context,
        now: DateTime<Utc>,
        random: &mut dyn RandomSource,
    ) -> Option<Explanation<'_>> {
        let flag = self.find(name)?;
        let evaluation = Evaluation::of_one(self, context, now, random);
        Some(Explainer { engine: self, evaluation }.flag(flag))
    }
}

struct Explainer<'e, 'c> {
    engine: &'e Engine,
    evaluation: Evaluation<'e, 'c>,
}

impl<'e> Explainer<'e, '_> {
    fn flag(&mut self, flag: &'e Flag) -> Explanation<'e> {
        let dependencies: Vec<_> = flag.dependencies.iter().map(|item| self.dependency(item)).collect();
        let strategies: Vec<_> = flag.strategies.iter().map(|item| self.strategy(item)).collect();
        let reason = reason(flag, &dependencies, &strategies);
        let variants = variants(flag, reason);
        let draw = variants.and_then(|variants| self.evaluation.draw(variants));
        let decision = Decision { reason, variant: draw.map(|draw| draw.variant) };
        Explanation {
            resolved: decision.resolved(flag),
            reason,
            project: &flag.project,
            flag_enabled: flag.enabled,
            broken: flag.broken.as_deref(),
            dependencies,
            strategies,
            variant_choice: variants.zip(draw).map(|(variants, draw)| self.variant(variants, draw)),
        }
    }

    fn dependency(&mut self, dependency: &'e Dependency) -> DependencyExplanation<'e> {
        let result = self.evaluation.dependency_holds(dependency);
        let parent = self.engine.find(&dependency.parent);
        let parent = parent.filter(|parent| parent.dependencies.is_empty());
        DependencyExplanation {
            feature: &dependency.parent,
            required_enabled: !matches!(dependency.state, ParentState::Off),
            required_variants: match &dependency.state {
                ParentState::OnWith(variants) => variants.iter().collect(),
                ParentState::On | ParentState::Off => Vec::new(),
            },
            // Decided once, so that chance says the same here as in `result`.
            parent: parent.map(|parent| self.evaluation.decide(parent).resolved(parent)),
            result,
        }
    }

    fn strategy(&mut self, strategy: &'e Strategy) -> StrategyExplanation<'e> {
        let constraints: Vec<_> = strategy.conditions.iter().filter_map(|id| self.constraint(*id)).collect();
        let segments: Vec<_> = strategy.segments.iter().map(|slot| self.segment(*slot)).collect();
        let rollout = match &strategy.rule {
            Rule::Rollout(rollout) => Some(self.rollout(rollout)),
            _ => None,
        };
        let rule_result = match &rollout {
            Some(rollout) => rollout.bucket.is_some_and(|bucket| bucket <= u32::from(rollout.percent)),
            None => self.evaluation.rule_holds(&strategy.rule),
        };
        let result = rule_result
            && constraints.iter().all(|constraint| constraint.result)
            && segments.iter().all(|segment| segment.result);
        let variant = self.evaluation.draw(&strategy.variants).map(|Draw { variant, .. }| ResolvedVariant {
            name: &variant.name,
            payload: variant.payload.as_ref(),
            enabled: true,
            feature_enabled: result,
        });
        StrategyExplanation {
            name: &strategy.name,
            result,
            status: match &strategy.rule {
                Rule::Disabled => StrategyStatus::Disabled,
                Rule::Custom => StrategyStatus::Custom,
                Rule::Broken(_) => StrategyStatus::Broken,
                _ => StrategyStatus::Evaluated,
            },
            broken: match &strategy.rule {
                Rule::Broken(reason) => Some(reason),
                _ => None,
            },
            rule_result,
            rollout,
            list: match &strategy.rule {
                Rule::Condition(id) => self.constraint(*id),
                _ => None,
            },
            constraints,
            segments,
            variant,
        }
    }

    fn rollout(&mut self, rollout: &'e Rollout) -> RolloutExplanation<'e> {
        RolloutExplanation {
            percent: rollout.percent,
            stickiness: self.stickiness(rollout.stickiness),
            group_id: &rollout.group_id,
            identifier: self.evaluation.identifier(rollout.stickiness).map(String::from),
            bucket: self.evaluation.rollout_bucket(rollout),
        }
    }

    fn constraint(&mut self, id: ConditionId) -> Option<ConstraintExplanation<'e>> {
        let condition = self.engine.conditions.get(id)?;
        Some(ConstraintExplanation {
            context_name: self.engine.fields.name(condition.field),
            operator: &condition.operator,
            values: condition.values.iter().collect(),
            value: condition.value.as_deref(),
            inverted: condition.inverted,
            case_insensitive: condition.case == Case::Insensitive,
            context_value: self.evaluation.value(condition.field).map(String::from),
            result: self.evaluation.condition_holds(id),
            broken: condition.broken(),
        })
    }

    fn segment(&mut self, slot: SegmentSlot) -> SegmentExplanation<'e> {
        let conditions = self.engine.segments.conditions(slot);
        let constraints = conditions.unwrap_or_default().iter();
        SegmentExplanation {
            id: self.engine.segments.id(slot),
            exists: conditions.is_some(),
            result: self.evaluation.segment_holds(slot),
            constraints: constraints.filter_map(|id| self.constraint(*id)).collect(),
        }
    }

    fn variant(&self, variants: &'e Variants, draw: Draw<'e>) -> VariantExplanation<'e> {
        VariantExplanation {
            stickiness: self.stickiness(variants.stickiness),
            identifier: self.evaluation.identifier(variants.stickiness).map(String::from),
            bucket: draw.bucket,
            buckets: variants.buckets(),
        }
    }

    fn stickiness(&self, stickiness: Stickiness) -> &'e str {
        match stickiness {
            Stickiness::Default => "default",
            Stickiness::Random => "random",
            Stickiness::Field(field) => self.engine.fields.name(field),
        }
    }
}

/// What decides about a flag whose parts are as explained.
fn reason(flag: &Flag, dependencies: &[DependencyExplanation<'_>], strategies: &[StrategyExplanation<'_>]) -> Reason {
    if flag.broken.is_some() {
        Reason::Broken
    } else if !flag.enabled {
        Reason::Disabled
    } else if !dependencies.iter().all(|dependency| dependency.result) {
        Reason::Dependency
    } else if strategies.is_empty() {
        Reason::NoStrategies
    } else {
        let first = strategies.iter().position(|strategy| strategy.result);
        first.map_or(Reason::NoStrategyMatched, Reason::Strategy)
    }
}

/// The variants to choose from; `None` if the flag is off.
fn variants(flag: &Flag, reason: Reason) -> Option<&Variants> {
    match reason {
        Reason::NoStrategies => Some(&flag.variants),
        Reason::Strategy(position) => {
            let strategy = flag.strategies.get(position)?;
            Some(flag.variants_of(strategy))
        }
        _ => None,
    }
}
