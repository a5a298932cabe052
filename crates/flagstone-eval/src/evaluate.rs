//! One context against compiled flags.

use std::cell::OnceCell;

use chrono::{DateTime, Utc};
use hashbrown::HashMap;
use serde::Serialize;

use crate::condition::{Condition, ConditionId};
use crate::context::Context;
use crate::document::Payload;
use crate::engine::Engine;
use crate::field::FieldId;
use crate::flag::{Dependency, Flag, ParentState, Rollout, Rule, Stickiness, Strategy, Variant, Variants};
use crate::random::{RandomSource, one_to};
use crate::segment::SegmentSlot;

/// The name of the variant of a flag that is off or has none.
pub(crate) const NO_VARIANT: &str = "disabled";

/// What to evaluate all flags for, and which of them to answer with.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Who asks.
    pub context: &'a Context,
    /// The time that counts where the context has no `currentTime`.
    pub now: DateTime<Utc>,
    /// The flags to answer with, by project. Parents are looked at whatever their project.
    pub projects: Projects<'a>,
    /// The flags to answer with, by result.
    pub toggles: Toggles,
}

impl<'a> Request<'a> {
    /// A request for the flags of all projects that are on.
    pub fn new(context: &'a Context, now: DateTime<Utc>) -> Self {
        Self { context, now, projects: Projects::All, toggles: Toggles::On }
    }
}

/// Whose flags to answer with.
#[derive(Debug, Clone, Copy)]
pub enum Projects<'a> {
    /// Those of every project.
    All,
    /// Those of the projects with these ids.
    Only(&'a [&'a str]),
}

/// Which results to answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Toggles {
    /// Flags that are on, as the frontend API answers.
    On,
    /// All flags.
    All,
}

/// The answer for one flag. Serialized, it is a toggle of the frontend API.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Resolved<'e> {
    /// The name of the flag.
    pub name: &'e str,
    /// The project of the flag.
    #[serde(skip)]
    pub project: &'e str,
    /// Whether it is on.
    pub enabled: bool,
    /// The variant; one named `disabled` if there is none.
    pub variant: ResolvedVariant<'e>,
    /// Whether an event is to be emitted for the evaluation.
    #[serde(rename = "impressionData")]
    pub impression_data: bool,
    /// What decided.
    #[serde(skip)]
    pub reason: Reason,
    /// What an answer of another context depends on.
    #[serde(skip)]
    pub basis: Basis,
}

/// The variant of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ResolvedVariant<'e> {
    /// Its name.
    pub name: &'e str,
    /// What comes with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<&'e Payload>,
    /// Whether there is a variant at all.
    pub enabled: bool,
    /// Whether the flag is on.
    pub feature_enabled: bool,
}

/// What decided about a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// On: the flag has no strategies, so that it is on for all.
    NoStrategies,
    /// On: this strategy, counted from 0, is the first that lets the context in.
    Strategy(usize),
    /// Off: no strategy lets the context in.
    NoStrategyMatched,
    /// Off: the flag is off in this environment.
    Disabled,
    /// Off: a parent flag is not in the state asked for, does not exist, or has a parent itself.
    Dependency,
    /// Off: the flag could not be read.
    Broken,
}

impl Reason {
    /// Whether the flag is on.
    pub fn is_on(self) -> bool {
        matches!(self, Self::NoStrategies | Self::Strategy(_))
    }
}

/// What a flag that is on depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// Nothing: it is on for all, and with the same variant. A flag that is off has no other basis.
    Nothing,
    /// The context: constraints, segments, lists or parents.
    Context,
    /// The share that the context falls into: a rollout to some, or one of several variants.
    Share,
}

/// What was decided about a flag, and the variant it answers with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decision<'e> {
    pub(crate) reason: Reason,
    pub(crate) variant: Option<&'e Variant>,
}

impl<'e> Decision<'e> {
    fn off(reason: Reason) -> Self {
        let variant = None;
        Self { reason, variant }
    }

    pub(crate) fn variant_name(&self) -> &'e str {
        self.variant.map_or(NO_VARIANT, |variant| &variant.name)
    }

    pub(crate) fn resolved(self, flag: &'e Flag) -> Resolved<'e> {
        let enabled = self.reason.is_on();
        Resolved {
            name: &flag.name,
            project: &flag.project,
            enabled,
            variant: ResolvedVariant {
                name: self.variant_name(),
                payload: self.variant.and_then(|variant| variant.payload.as_ref()),
                enabled: self.variant.is_some(),
                feature_enabled: enabled,
            },
            impression_data: flag.impression_data,
            reason: self.reason,
            basis: self.basis(flag),
        }
    }

    fn basis(self, flag: &Flag) -> Basis {
        let (strategy, variants) = match self.reason {
            Reason::NoStrategies => (None, &flag.variants),
            Reason::Strategy(position) => match flag.strategies.get(position) {
                Some(strategy) => (Some(strategy), flag.variants_of(strategy)),
                None => return Basis::Nothing,
            },
            _ => return Basis::Nothing,
        };
        let is_share = matches!(strategy.map(|it| &it.rule), Some(Rule::Rollout(rollout)) if rollout.percent < 100);
        let is_for_all = |it: &Strategy| {
            let lets_all_in = match &it.rule {
                Rule::Always => true,
                Rule::Rollout(rollout) => !matches!(rollout.stickiness, Stickiness::Field(_)),
                _ => false,
            };
            lets_all_in && it.conditions.is_empty() && it.segments.is_empty()
        };
        if is_share || variants.items.len() > 1 {
            Basis::Share
        } else if flag.dependencies.is_empty() && strategy.is_none_or(is_for_all) {
            Basis::Nothing
        } else {
            Basis::Context
        }
    }
}

/// A variant, and the bucket that it was drawn by; no bucket if an override decided.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draw<'e> {
    pub(crate) variant: &'e Variant,
    pub(crate) bucket: Option<u32>,
}

/// The evaluation of flags for one context at one moment.
pub(crate) struct Evaluation<'e, 'c> {
    engine: &'e Engine,
    pub(crate) context: &'c Context,
    now: DateTime<Utc>,
    now_text: OnceCell<String>,
    random: &'c mut dyn RandomSource,
    /// How often chance was asked.
    draws: usize,
    /// The values of all context fields; empty when few are needed.
    values: Vec<Option<&'c str>>,
    /// What is known about conditions, and after them about segments; empty when few are needed.
    known: Vec<Known>,
    /// What was decided about parents, and about other flags by chance, by their addresses: none of it is decided twice.
    decided: HashMap<*const Flag, Decision<'e>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Nothing,
    Holds,
    Fails,
}

impl<'e, 'c> Evaluation<'e, 'c> {
    /// An evaluation of one flag, which looks up and decides what that flag needs.
    pub(crate) fn of_one(
        engine: &'e Engine,
        context: &'c Context,
        now: DateTime<Utc>,
        random: &'c mut dyn RandomSource,
    ) -> Self {
        Self {
            engine,
            context,
            now,
            now_text: OnceCell::new(),
            random,
            draws: 0,
            values: Vec::new(),
            known: Vec::new(),
            decided: HashMap::new(),
        }
    }

    /// An evaluation of all flags, which looks up and decides everything at most once.
    pub(crate) fn of_all(
        engine: &'e Engine,
        context: &'c Context,
        now: DateTime<Utc>,
        random: &'c mut dyn RandomSource,
    ) -> Self {
        Self {
            values: engine.fields.values(context),
            known: vec![Known::Nothing; engine.conditions.len() + engine.segments.len()],
            ..Self::of_one(engine, context, now, random)
        }
    }

    /// Decides about a flag.
    pub(crate) fn decide(&mut self, flag: &'e Flag) -> Decision<'e> {
        if let Some(decision) = self.decided.get(&std::ptr::from_ref(flag)) {
            return *decision;
        }
        let draws = self.draws;
        let decision = self.decide_anew(flag);
        if self.draws > draws {
            self.decided.insert(flag, decision);
        }
        decision
    }

    fn decide_anew(&mut self, flag: &'e Flag) -> Decision<'e> {
        if flag.broken.is_some() {
            return Decision::off(Reason::Broken);
        }
        if !flag.enabled {
            return Decision::off(Reason::Disabled);
        }
        if !flag.dependencies.iter().all(|dependency| self.dependency_holds(dependency)) {
            return Decision::off(Reason::Dependency);
        }
        if flag.strategies.is_empty() {
            let variant = self.variant(&flag.variants);
            return Decision { reason: Reason::NoStrategies, variant };
        }
        for (position, strategy) in flag.strategies.iter().enumerate() {
            if self.strategy_holds(strategy) {
                let variants = flag.variants_of(strategy);
                let variant = self.variant(variants);
                return Decision { reason: Reason::Strategy(position), variant };
            }
        }
        Decision::off(Reason::NoStrategyMatched)
    }

    /// Whether a parent is in the state asked for. A parent that has parents itself never is, so that cycles and
    /// chains end here.
    pub(crate) fn dependency_holds(&mut self, dependency: &Dependency) -> bool {
        let Some(parent) = self.engine.find(&dependency.parent) else {
            return false;
        };
        if !parent.dependencies.is_empty() {
            return false;
        }
        let decision = self.decide(parent);
        self.decided.insert(parent, decision);
        match &dependency.state {
            ParentState::Off => !decision.reason.is_on(),
            ParentState::On => decision.reason.is_on(),
            ParentState::OnWith(variants) => {
                decision.reason.is_on() && variants.iter().any(|name| name == decision.variant_name())
            }
        }
    }

    fn strategy_holds(&mut self, strategy: &Strategy) -> bool {
        strategy.conditions.iter().all(|condition| self.condition_holds(*condition))
            && strategy.segments.iter().all(|segment| self.segment_holds(*segment))
            && self.rule_holds(&strategy.rule)
    }

    pub(crate) fn rule_holds(&mut self, rule: &Rule) -> bool {
        match rule {
            Rule::Always => true,
            Rule::Disabled | Rule::Custom | Rule::Broken(_) => false,
            Rule::Condition(condition) => self.condition_holds(*condition),
            Rule::Rollout(rollout) => {
                self.rollout_bucket(rollout).is_some_and(|bucket| bucket <= u32::from(rollout.percent))
            }
            Rule::Hostname(names) => self.context.hostname.as_ref().is_some_and(|hostname| {
                let hostname = hostname.to_lowercase();
                names.iter().any(|name| name == hostname)
            }),
        }
    }

    /// The bucket of the context, from 1 to 100; `None` if the context lacks the field that decides.
    pub(crate) fn rollout_bucket(&mut self, rollout: &Rollout) -> Option<u32> {
        if let Some(identifier) = self.identifier(rollout.stickiness) {
            return Some(rollout.group.bucket(identifier, 100));
        }
        match rollout.stickiness {
            Stickiness::Field(_) => None,
            Stickiness::Default | Stickiness::Random => Some(self.chance(100)),
        }
    }

    fn variant(&mut self, variants: &'e Variants) -> Option<&'e Variant> {
        self.draw(variants).map(|draw| draw.variant)
    }

    /// The variant for the context: by override, else by weight.
    pub(crate) fn draw(&mut self, variants: &'e Variants) -> Option<Draw<'e>> {
        let mut items = variants.items.iter();
        let overridden = items.find(|variant| {
            let mut overrides = variant.overrides.iter();
            overrides.any(|condition| self.condition_holds(*condition))
        });
        if let Some(variant) = overridden {
            let bucket = None;
            return Some(Draw { variant, bucket });
        }
        let buckets = variants.buckets();
        if buckets == 0 {
            return None;
        }
        let bucket = match self.identifier(variants.stickiness) {
            Some(identifier) => variants.group.bucket(identifier, buckets),
            None => self.chance(buckets),
        };
        let variant = variants.items.iter().find(|variant| bucket <= variant.last_bucket)?;
        let bucket = Some(bucket);
        Some(Draw { variant, bucket })
    }

    /// A bucket by chance.
    fn chance(&mut self, buckets: u32) -> u32 {
        self.draws += 1;
        one_to(buckets, self.random)
    }

    /// What names the one who asks.
    pub(crate) fn identifier(&self, stickiness: Stickiness) -> Option<&str> {
        match stickiness {
            Stickiness::Default => self.value(FieldId::USER_ID).or_else(|| self.value(FieldId::SESSION_ID)),
            Stickiness::Random => None,
            Stickiness::Field(field) => self.value(field),
        }
    }

    pub(crate) fn condition_holds(&mut self, id: ConditionId) -> bool {
        self.look_up(id.position(), |this| this.engine.conditions.get(id).is_some_and(|condition| this.test(condition)))
    }

    pub(crate) fn segment_holds(&mut self, slot: SegmentSlot) -> bool {
        let engine = self.engine;
        self.look_up(engine.conditions.len() + slot.position(), |this| {
            let conditions = engine.segments.conditions(slot);
            conditions.is_some_and(|ids| ids.iter().all(|id| this.condition_holds(*id)))
        })
    }

    /// What is known at a position, found out first if need be.
    fn look_up(&mut self, position: usize, find_out: impl FnOnce(&mut Self) -> bool) -> bool {
        match self.known.get(position) {
            Some(Known::Holds) => true,
            Some(Known::Fails) => false,
            Some(Known::Nothing) => {
                let holds = find_out(self);
                if let Some(known) = self.known.get_mut(position) {
                    *known = if holds { Known::Holds } else { Known::Fails };
                }
                holds
            }
            None => find_out(self),
        }
    }

    fn test(&self, condition: &Condition) -> bool {
        if condition.field == FieldId::CURRENT_TIME
            && self.context.current_time.is_none()
            && let Some(holds) = condition.holds_at(self.now)
        {
            return holds;
        }
        condition.holds(self.value(condition.field), &self.engine.conditions.hasher)
    }

    /// The value of a field. `currentTime` always has one.
    pub(crate) fn value(&self, field: FieldId) -> Option<&str> {
        let value = match self.values.get(field.position()) {
            Some(value) => *value,
            None => self.engine.fields.value(field, self.context),
        };
        if value.is_none() && field == FieldId::CURRENT_TIME {
            let text = || self.now.format("%Y-%m-%dT%H:%M:%SZ").to_string();
            return Some(self.now_text.get_or_init(text));
        }
        value
    }
}
