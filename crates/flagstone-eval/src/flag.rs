//! Flags, compiled: everything that does not depend on the context is decided here.

use std::sync::Arc;

use crate::condition::{ConditionId, Conditions};
use crate::document::{self, Constraint, Feature, Payload, Warning};
use crate::evaluate::ResolvedVariant;
use crate::field::{FieldId, Fields};
use crate::hash::GroupHash;
use crate::segment::{SegmentSlot, Segments};
use crate::texts::Texts;
use crate::validate;

/// A compiled flag.
#[derive(Debug)]
pub(crate) struct Flag {
    pub(crate) name: Box<str>,
    pub(crate) project: Box<str>,
    pub(crate) enabled: bool,
    pub(crate) impression_data: bool,
    /// Why the flag is off whatever the context, if it could not be read.
    pub(crate) broken: Option<Box<str>>,
    pub(crate) dependencies: Box<[Dependency]>,
    pub(crate) strategies: Box<[Strategy]>,
    pub(crate) variants: Variants,
    /// How its answer begins in the frontend API's JSON: `{"name":"…","enabled":`.
    pub(crate) json_head: Box<str>,
}

/// A parent flag and the state it must be in.
#[derive(Debug)]
pub(crate) struct Dependency {
    pub(crate) parent: Box<str>,
    pub(crate) state: ParentState,
}

#[derive(Debug)]
pub(crate) enum ParentState {
    Off,
    On,
    /// On and with one of these variants.
    OnWith(Texts),
}

#[derive(Debug)]
pub(crate) struct Strategy {
    pub(crate) name: Box<str>,
    pub(crate) conditions: Box<[ConditionId]>,
    pub(crate) segments: Box<[SegmentSlot]>,
    pub(crate) rule: Rule,
    pub(crate) variants: Variants,
}

/// What a strategy asks for besides its constraints and segments.
#[derive(Debug)]
pub(crate) enum Rule {
    Always,
    /// Never on: the strategy is switched off.
    Disabled,
    /// Never on: the strategy is a custom one, which only its owner's SDK knows.
    Custom,
    /// Never on: the parameters make no sense, for this reason.
    Broken(Box<str>),
    Condition(ConditionId),
    Rollout(Rollout),
    /// The evaluating host is one of these, in lower case.
    Hostname(Texts),
}

/// A share of all contexts: those whose bucket, from 1 to 100, is not above `percent`.
#[derive(Debug)]
pub(crate) struct Rollout {
    pub(crate) stickiness: Stickiness,
    pub(crate) group: GroupHash,
    pub(crate) group_id: Box<str>,
    pub(crate) percent: u8,
}

/// What decides the bucket of a context.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stickiness {
    /// `userId`, else `sessionId`, else chance.
    Default,
    Random,
    Field(FieldId),
}

/// The variants of a flag or of a strategy.
#[derive(Debug)]
pub(crate) struct Variants {
    pub(crate) items: Box<[Variant]>,
    pub(crate) stickiness: Stickiness,
    pub(crate) group: GroupHash,
}

#[derive(Debug)]
pub(crate) struct Variant {
    pub(crate) name: Box<str>,
    pub(crate) payload: Option<Payload>,
    /// The last bucket that is this variant's: the sum of the weights up to and with its own.
    pub(crate) last_bucket: u32,
    pub(crate) overrides: Box<[ConditionId]>,
    /// The variant in the frontend API's JSON.
    pub(crate) json: Box<str>,
}

impl Variants {
    /// The sum of all weights.
    pub(crate) fn buckets(&self) -> u32 {
        self.items.last().map_or(0, |variant| variant.last_bucket)
    }
}

impl Flag {
    /// The variants for contexts that a strategy lets in: its own, else those of the flag.
    pub(crate) fn variants_of<'e>(&'e self, strategy: &'e Strategy) -> &'e Variants {
        if strategy.variants.items.is_empty() { &self.variants } else { &strategy.variants }
    }

    /// Every use that the flag makes of conditions.
    pub(crate) fn conditions(&self) -> impl Iterator<Item = ConditionId> {
        let of_strategies = self.strategies.iter().flat_map(|strategy| {
            let of_rule = match &strategy.rule {
                Rule::Condition(condition) => Some(*condition),
                _ => None,
            };
            strategy.conditions.iter().copied().chain(of_rule)
        });
        let overrides = self.variants.items.iter().flat_map(|variant| variant.overrides.iter().copied());
        of_strategies.chain(overrides)
    }
}

/// What flags are compiled into and with.
pub(crate) struct Compiler<'a> {
    pub(crate) conditions: &'a mut Conditions,
    pub(crate) segments: &'a mut Segments,
    pub(crate) fields: &'a mut Arc<Fields>,
    pub(crate) warnings: &'a mut Vec<Warning>,
}

impl Compiler<'_> {
    /// Compiles a flag. What is broken in it is off, and a warning says so.
    pub(crate) fn flag(&mut self, feature: &Feature) -> Flag {
        if let Some(reason) = &feature.broken {
            self.warn(feature, format!("is off: {reason}"));
        }
        let strategies = feature.strategies.iter().map(|strategy| self.strategy(feature, strategy));
        let strategies = strategies.collect();
        let stickiness = feature.variants.first().and_then(|first| first.stickiness.as_deref());
        let variants = self.variants(&feature.variants, stickiness, &feature.name);
        Flag {
            name: feature.name.as_str().into(),
            project: feature.project.as_deref().unwrap_or("default").into(),
            enabled: feature.enabled,
            impression_data: feature.impression_data,
            broken: feature.broken.as_deref().map(Box::from),
            dependencies: feature.dependencies.iter().map(dependency).collect(),
            strategies,
            variants,
            json_head: format!("{{\"name\":{},\"enabled\":", json(&feature.name)).into(),
        }
    }

    fn strategy(&mut self, feature: &Feature, strategy: &document::Strategy) -> Strategy {
        let rule = self.rule(feature, strategy).unwrap_or_else(|reason| {
            self.warn(feature, format!("a strategy {:?} is off: {reason}", strategy.name));
            Rule::Broken(reason.into())
        });
        let conditions: Box<[ConditionId]> =
            strategy.constraints.iter().map(|constraint| self.conditions.acquire(constraint, self.fields)).collect();
        for id in &conditions {
            if let Some(reason) = self.conditions.get(*id).and_then(|condition| condition.broken()) {
                let message = format!("a strategy {:?} is off: {reason}", strategy.name);
                self.warn(feature, message);
            }
        }
        let parameter = |key: &str| strategy.parameters.get(key).map(String::as_str);
        let group = parameter("groupId").unwrap_or(&feature.name);
        Strategy {
            name: strategy.name.as_str().into(),
            conditions,
            segments: strategy.segments.iter().map(|id| self.segments.slot(*id)).collect(),
            rule,
            variants: self.variants(&strategy.variants, parameter("stickiness"), group),
        }
    }

    fn rule(&mut self, feature: &Feature, strategy: &document::Strategy) -> Result<Rule, String> {
        if strategy.disabled {
            return Ok(Rule::Disabled);
        }
        let parameter = |key: &str| strategy.parameters.get(key).map(String::as_str);
        let needed = |key: &str| parameter(key).ok_or_else(|| format!("the parameter {key} is missing"));
        match strategy.name.as_str() {
            "default" => Ok(Rule::Always),
            "userWithId" => Ok(self.listed("userId", "IN", needed("userIds")?)),
            "remoteAddress" => Ok(self.listed("remoteAddress", "IN_CIDR", needed("IPs")?)),
            "applicationHostname" => {
                let names = parameter("hostNames").unwrap_or_default();
                let names = names.split(',').map(|name| name.trim().to_lowercase());
                Ok(Rule::Hostname(Texts::new(names)))
            }
            "gradualRolloutUserId" => Ok(rollout(
                Stickiness::Field(FieldId::USER_ID),
                needed("groupId")?,
                self.percent(feature, strategy, "percentage")?,
            )),
            "gradualRolloutSessionId" => Ok(rollout(
                Stickiness::Field(FieldId::SESSION_ID),
                needed("groupId")?,
                self.percent(feature, strategy, "percentage")?,
            )),
            "gradualRolloutRandom" => {
                Ok(rollout(Stickiness::Random, "", self.percent(feature, strategy, "percentage")?))
            }
            "flexibleRollout" => {
                let percent = self.percent(feature, strategy, "rollout")?;
                let stickiness = self.stickiness(parameter("stickiness"));
                Ok(rollout(stickiness, parameter("groupId").unwrap_or(&feature.name), percent))
            }
            _ => Ok(Rule::Custom),
        }
    }

    /// The share in a strategy's parameter.
    fn percent(&mut self, feature: &Feature, strategy: &document::Strategy, key: &str) -> Result<u8, String> {
        let text = strategy.parameters.get(key).ok_or_else(|| format!("the parameter {key} is missing"))?;
        let percent = validate::percentage(text).map_err(|reason| format!("the parameter {key}: {reason}"))?;
        if text.parse() != Ok(percent) {
            self.warn(feature, format!("the {key} {text:?} counts as {percent}; other SDKs may refuse it"));
        }
        Ok(percent)
    }

    /// A rule that is a constraint in disguise: its parameter lists the values, between commas.
    fn listed(&mut self, field: &str, operator: &str, list: &str) -> Rule {
        let constraint = Constraint {
            context_name: field.to_owned(),
            operator: operator.to_owned(),
            values: list.split(',').map(|value| value.trim().to_owned()).collect(),
            ..Constraint::default()
        };
        Rule::Condition(self.conditions.acquire(&constraint, self.fields))
    }

    fn variants(&mut self, variants: &[document::Variant], stickiness: Option<&str>, group_id: &str) -> Variants {
        let mut last_bucket = 0_u32;
        let items = variants.iter().map(|variant| {
            last_bucket = last_bucket.saturating_add(variant.weight);
            let resolved = ResolvedVariant {
                name: &variant.name,
                payload: variant.payload.as_ref(),
                enabled: true,
                feature_enabled: true,
            };
            Variant {
                name: variant.name.as_str().into(),
                payload: variant.payload.clone(),
                last_bucket,
                overrides: variant.overrides.iter().map(|item| self.variant_override(item)).collect(),
                json: json(&resolved).into(),
            }
        });
        let items: Box<[Variant]> = items.collect();
        // Without variants, the field is of no interest.
        let stickiness = if items.is_empty() { None } else { stickiness };
        Variants { stickiness: self.stickiness(stickiness), group: GroupHash::variant(group_id), items }
    }

    fn variant_override(&mut self, item: &document::Override) -> ConditionId {
        let constraint = Constraint {
            context_name: item.context_name.clone(),
            operator: "IN".to_owned(),
            values: item.values.clone(),
            ..Constraint::default()
        };
        self.conditions.acquire(&constraint, self.fields)
    }

    fn stickiness(&mut self, name: Option<&str>) -> Stickiness {
        match name {
            None | Some("default") => Stickiness::Default,
            Some("random") => Stickiness::Random,
            Some(name) => Stickiness::Field(match self.fields.find(name) {
                Some(field) => field,
                None => Arc::make_mut(self.fields).intern(name),
            }),
        }
    }

    fn warn(&mut self, feature: &Feature, message: String) {
        self.warnings.push(Warning { subject: format!("flag {:?}", feature.name), message });
    }
}

fn rollout(stickiness: Stickiness, group_id: &str, percent: u8) -> Rule {
    Rule::Rollout(Rollout { stickiness, group: GroupHash::rollout(group_id), group_id: group_id.into(), percent })
}

fn dependency(dependency: &document::Dependency) -> Dependency {
    Dependency {
        parent: dependency.feature.as_str().into(),
        state: match (dependency.enabled, dependency.variants.is_empty()) {
            (Some(false), _) => ParentState::Off,
            (_, true) => ParentState::On,
            (_, false) => ParentState::OnWith(Texts::new(&dependency.variants)),
        },
    }
}

/// JSON text of a value that cannot fail to be one.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
