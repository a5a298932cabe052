//! The compiled configuration of one environment.

use std::hash::BuildHasher;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use hashbrown::{DefaultHashBuilder, HashTable};

use crate::condition::Conditions;
use crate::context::Context;
use crate::document::{ClientFeatures, Delta, Document, Event, Feature, Segment, Warning};
use crate::evaluate::{Evaluation, Request, Resolved, Toggles};
use crate::field::Fields;
use crate::flag::{Compiler, Flag};
use crate::random::RandomSource;
use crate::segment::Segments;

/// Compiled flags, ready to be evaluated from many threads at once.
///
/// An engine is a value: cloning it shares the compiled parts, so that `apply` on a clone leaves the original as it
/// was. That is how a server answers from one state while it prepares the next.
#[derive(Debug, Clone)]
pub struct Engine {
    /// By name, whichever way they came: an engine that has followed changes answers as one that was compiled at once.
    flags: Vec<Arc<Flag>>,
    /// The positions of flags, by the hash of their names.
    by_name: HashTable<usize>,
    pub(crate) conditions: Conditions,
    pub(crate) segments: Segments,
    pub(crate) fields: Arc<Fields>,
}

impl Default for Engine {
    /// An engine without flags.
    fn default() -> Self {
        let hasher = DefaultHashBuilder::default();
        Self {
            flags: Vec::new(),
            by_name: HashTable::new(),
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
        for feature in features {
            engine.put(feature, &mut warnings);
        }
        engine.sort();
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
    /// each strategy that then lacks a segment.
    pub fn apply(&mut self, delta: &Delta) -> Vec<Warning> {
        let mut warnings = Vec::new();
        for event in &delta.events {
            match event {
                Event::Hydration { features, segments } => {
                    (*self, warnings) = Self::compile_parts(features, segments);
                }
                Event::FeatureUpdated { feature } => self.put(feature, &mut warnings),
                Event::FeatureRemoved { feature_name } => self.remove(feature_name),
                Event::SegmentUpdated { segment } => {
                    self.segments.put(segment, &mut self.conditions, &mut self.fields, &mut warnings);
                }
                Event::SegmentRemoved { segment_id } => {
                    self.segments.remove(*segment_id, &mut self.conditions);
                }
            }
        }
        self.sort();
        self.conditions.try_again();
        warnings.extend(self.missing_segments());
        warnings
    }

    /// The number of flags.
    pub fn len(&self) -> usize {
        self.flags.len()
    }

    /// Whether there are no flags.
    pub fn is_empty(&self) -> bool {
        self.flags.is_empty()
    }

    /// The names of all flags, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.flags().map(|flag| &*flag.name)
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
        let (position, flag) = self.find(name)?;
        let decision = Evaluation::of_one(self, context, now, random).decide(position, flag);
        Some(decision.resolved(flag))
    }

    /// Evaluates all flags that `request` asks for, by name.
    pub fn resolve_all(&self, request: &Request<'_>, random: &mut dyn RandomSource) -> Vec<Resolved<'_>> {
        let mut evaluation = Evaluation::of_all(self, request.context, request.now, random);
        self.flags()
            .enumerate()
            .filter(|(_, flag)| request.projects.include(&flag.project))
            .map(|(position, flag)| evaluation.decide(position, flag).resolved(flag))
            .filter(|resolved| resolved.enabled || request.toggles == Toggles::All)
            .collect()
    }

    pub(crate) fn flags(&self) -> impl Iterator<Item = &Flag> {
        self.flags.iter().map(|flag| &**flag)
    }

    /// The flag of this name and its position.
    pub(crate) fn find(&self, name: &str) -> Option<(usize, &Flag)> {
        let hash = self.conditions.hasher.hash_one(name);
        let named = |position: &usize| self.flags.get(*position).is_some_and(|flag| *flag.name == *name);
        let position = *self.by_name.find(hash, named)?;
        Some((position, self.flags.get(position)?))
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
        let known = self.find(&flag.name).map(|(position, _)| position);
        match known.and_then(|position| self.flags.get_mut(position)) {
            Some(old) => {
                // The new one is in place before the old one lets go, so that what both use is kept.
                let old = std::mem::replace(old, flag);
                self.release(&old);
            }
            None => self.push(flag),
        }
    }

    /// Behind all others: [`Self::sort`] brings it to its place, once for all that come together.
    fn push(&mut self, flag: Arc<Flag>) {
        self.flags.push(flag);
        self.index(self.flags.len() - 1);
    }

    fn index(&mut self, position: usize) {
        let (flags, hasher) = (&self.flags, &self.conditions.hasher);
        let hash_at = |position: &usize| hasher.hash_one(flags.get(*position).map_or("", |flag| &flag.name));
        self.by_name.insert_unique(hash_at(&position), position, hash_at);
    }

    fn sort(&mut self) {
        if self.flags.is_sorted_by(|one, next| one.name <= next.name) {
            return;
        }
        self.flags.sort_by(|one, other| one.name.cmp(&other.name));
        self.by_name.clear();
        (0..self.flags.len()).for_each(|position| self.index(position));
    }

    fn remove(&mut self, name: &str) {
        let Some((position, _)) = self.find(name) else {
            return;
        };
        let hash = self.conditions.hasher.hash_one(name);
        if let Ok(found) = self.by_name.find_entry(hash, |known| *known == position) {
            found.remove();
        }
        for later in self.by_name.iter_mut().filter(|later| **later > position) {
            *later -= 1;
        }
        let flag = self.flags.remove(position);
        self.release(&flag);
    }

    fn release(&mut self, flag: &Flag) {
        for condition in flag.conditions() {
            self.conditions.release(condition);
        }
    }

    /// A warning for each strategy that needs a segment which does not exist.
    fn missing_segments(&self) -> impl Iterator<Item = Warning> {
        self.flags().flat_map(|flag| {
            let needed = flag.strategies.iter().flat_map(|strategy| strategy.segments.iter());
            let missing = needed.filter(|slot| self.segments.conditions(**slot).is_none());
            missing.map(|slot| Warning {
                subject: format!("flag {:?}", flag.name),
                message: format!("a strategy is off: segment {} does not exist", self.segments.id(*slot)),
            })
        })
    }
}
