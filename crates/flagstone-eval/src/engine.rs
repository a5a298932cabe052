//! The compiled configuration of one environment.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use hashbrown::{DefaultHashBuilder, HashMap};

use crate::condition::Conditions;
use crate::context::Context;
use crate::document::{ClientFeatures, Delta, Document, Event, Feature, Segment, Warning};
use crate::evaluate::{Evaluation, Projects, Request, Resolved, Toggles};
use crate::field::Fields;
use crate::flag::{Compiler, Flag};
use crate::flags::Flags;
use crate::random::RandomSource;
use crate::segment::Segments;

/// Compiled flags, ready to be evaluated from many threads at once.
///
/// An engine is a value: cloning it shares the compiled parts, so that `apply` on a clone leaves the original as it
/// was. That is how a server answers from one state while it prepares the next.
#[derive(Debug, Clone)]
pub struct Engine {
    /// In one order, whichever way they came: an engine that has followed changes answers as one that was compiled at once.
    flags: Flags,
    pub(crate) conditions: Conditions,
    pub(crate) segments: Segments,
    pub(crate) fields: Arc<Fields>,
}

impl Default for Engine {
    /// An engine without flags.
    fn default() -> Self {
        let hasher = DefaultHashBuilder::default();
        Self {
            flags: Flags::new(hasher.clone()),
            conditions: Conditions::new(hasher.clone()),
            segments: Segments::default(),
            fields: Arc::new(Fields::new(hasher)),
        }
    }
}

impl Engine {
    /// Compiles a whole configuration. What is broken in it is off, never in the way of the rest, and comes with a
    /// warning.
    pub fn compile(features: &ClientFeatures) -> (Self, Vec<Warning>) {
        let (engine, mut warnings) = Self::compile_parts(&features.features, &features.segments);
        warnings.extend(engine.missing_segments());
        (engine, warnings)
    }

    fn compile_parts(features: &[Feature], segments: &[Segment]) -> (Self, Vec<Warning>) {
        let mut engine = Self::default();
        let mut warnings = Vec::new();
        for segment in segments {
            engine.segments.put(segment, &mut engine.conditions, &mut engine.fields, &mut warnings);
        }
        // Behind each other, which is where there is room; of two with one name the last counts.
        let names: HashMap<&str, &Feature> = features.iter().map(|feature| (feature.name.as_str(), feature)).collect();
        let mut features: Vec<_> = names.into_values().collect();
        features.sort_unstable_by_key(|feature| (feature.project.as_deref(), feature.name.as_str()));
        for feature in features {
            engine.put(feature, &mut warnings);
        }
        (engine, warnings)
    }

    /// Compiles a document: a configuration, or a delta that starts from nothing.
    pub fn from_document(document: &Document) -> (Self, Vec<Warning>) {
        match document {
            Document::Features(features) => Self::compile(features),
            Document::Delta(delta) => {
                let mut engine = Self::default();
                let warnings = engine.apply(delta);
                (engine, warnings)
            }
        }
    }

    /// Applies changes in order and compiles what they touch, with a warning for each broken thing among it and for
    /// each strategy among it that then lacks a segment, or any strategy if a segment was removed.
    pub fn apply(&mut self, delta: &Delta) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let (mut put, mut all) = (BTreeSet::new(), false);
        for event in &delta.events {
            match event {
                Event::Hydration { features, segments } => {
                    (*self, warnings) = Self::compile_parts(features, segments);
                    all = true;
                }
                Event::FeatureUpdated { feature } => {
                    self.put(feature, &mut warnings);
                    put.insert(feature.name.as_str());
                }
                Event::FeatureRemoved { feature_name } => self.remove(feature_name),
                Event::SegmentUpdated { segment } => {
                    self.segments.put(segment, &mut self.conditions, &mut self.fields, &mut warnings);
                }
                Event::SegmentRemoved { segment_id } => {
                    self.segments.remove(*segment_id, &mut self.conditions);
                    all = true;
                }
            }
        }
        self.conditions.try_again();
        if all {
            warnings.extend(self.missing_segments());
        } else {
            let put = put.into_iter().filter_map(|name| self.find(name));
            warnings.extend(put.flat_map(|flag| self.segments_missing_to(flag)));
        }
        warnings
    }

    /// The number of flags.
    pub fn len(&self) -> usize {
        self.flags.len()
    }

    /// Whether there are no flags.
    pub fn is_empty(&self) -> bool {
        self.flags.len() == 0
    }

    /// The names of all flags, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let mut names: Vec<&str> = self.flags.iter().map(|flag| &*flag.name).collect();
        names.sort_unstable();
        names.into_iter()
    }

    /// Evaluates one flag; `None` if there is none of this name. `now` counts where the context has no
    /// `currentTime`.
    pub fn resolve(
        &self,
        name: &str,
        context: &Context,
        now: DateTime<Utc>,
        random: &mut dyn RandomSource,
    ) -> Option<Resolved<'_>> {
        let flag = self.find(name)?;
        let decision = Evaluation::of_one(self, context, now, random).decide(flag);
        Some(decision.resolved(flag))
    }

    /// Evaluates all flags that `request` asks for, by project and name.
    pub fn resolve_all(&self, request: &Request<'_>, random: &mut dyn RandomSource) -> Vec<Resolved<'_>> {
        let mut evaluation = Evaluation::of_all(self, request.context, request.now, random);
        self.flags
            .of(request.projects)
            .map(|flag| evaluation.decide(flag).resolved(flag))
            .filter(|resolved| resolved.enabled || request.toggles == Toggles::All)
            .collect()
    }

    pub(crate) fn flags_of(&self, projects: Projects<'_>) -> impl Iterator<Item = &Flag> {
        self.flags.of(projects)
    }

    /// The flag of this name.
    pub(crate) fn find(&self, name: &str) -> Option<&Flag> {
        self.flags.find(name).map(|flag| &**flag)
    }

    /// Creates or replaces a flag.
    fn put(&mut self, feature: &Feature, warnings: &mut Vec<Warning>) {
        let mut compiler = Compiler {
            conditions: &mut self.conditions,
            segments: &mut self.segments,
            fields: &mut self.fields,
            warnings,
        };
        let flag = Arc::new(compiler.flag(feature));
        // The new one is in place before the old one lets go, so that what both use is kept.
        if let Some(old) = self.flags.put(flag) {
            self.release(&old);
        }
    }

    fn remove(&mut self, name: &str) {
        if let Some(old) = self.flags.remove(name) {
            self.release(&old);
        }
    }

    fn release(&mut self, flag: &Flag) {
        for condition in flag.conditions() {
            self.conditions.release(condition);
        }
    }

    /// A warning for each strategy that needs a segment which does not exist.
    fn missing_segments(&self) -> impl Iterator<Item = Warning> {
        self.flags.iter().flat_map(|flag| self.segments_missing_to(flag))
    }

    fn segments_missing_to(&self, flag: &Flag) -> impl Iterator<Item = Warning> {
        let needed = flag.strategies.iter().flat_map(|strategy| strategy.segments.iter());
        let missing = needed.filter(|slot| self.segments.conditions(**slot).is_none());
        missing.map(|slot| Warning {
            subject: format!("flag {:?}", flag.name),
            message: format!("a strategy is off: segment {} does not exist", self.segments.id(*slot)),
        })
    }
}
