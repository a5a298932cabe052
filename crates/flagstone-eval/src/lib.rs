//! Evaluates Unleash feature flags: client-features JSON in, answers out.
//!
//! The crate does no I/O, reads no clock and draws no randomness: the time comes with each call and
//! chance through [`RandomSource`]. Flags are compiled once and evaluated many times:
//!
//! ```
//! use flagstone_eval::{Context, Document, Engine, Request, SplitMix64};
//!
//! let body = br#"{"version": 2, "features": [{"name": "dark-mode", "enabled": true, "strategies": [
//!     {"name": "userWithId", "parameters": {"userIds": "7, 9"}}]}]}"#;
//! let (document, broken) = Document::parse(body)?;
//! let (engine, warnings) = Engine::from_document(&document);
//! assert!(broken.is_empty() && warnings.is_empty());
//!
//! let context = Context { user_id: Some("7".into()), ..Context::default() };
//! let now = chrono::DateTime::UNIX_EPOCH;
//! let mut random = SplitMix64::seeded(1);
//! let answer = engine.resolve("dark-mode", &context, now, &mut random);
//! assert!(answer.is_some_and(|flag| flag.enabled));
//!
//! let mut json = Vec::new();
//! engine.write_frontend(&mut json, &Request::new(&context, now), &mut random);
//! assert!(json.starts_with(br#"{"toggles":[{"name":"dark-mode","enabled":true"#));
//! # Ok::<(), flagstone_eval::DocumentError>(())
//! ```
//!
//! The rules are those of the Unleash client specification 6.1.0. Where the official engine departs from it, the
//! README of this crate lists the case and the choice made.
#![forbid(unsafe_code)]

mod context;
mod document;
mod engine;

mod condition;
mod evaluate;
mod explain;
mod field;
mod flag;
mod flags;
mod frontend;
mod segment;

pub mod limits;
pub mod spelling;
pub mod validate;

mod hash;
mod random;
mod texts;

pub use context::Context;
pub use document::{
    ClientFeatures, Constraint, Delta, Dependency, Document, DocumentError, Event, Feature, Override, Payload, Segment,
    Strategy, Variant, Warning,
};
pub use engine::Engine;
pub use evaluate::{Basis, Projects, Reason, Request, Resolved, ResolvedVariant, Toggles};
pub use explain::{
    ConstraintExplanation, DependencyExplanation, Explanation, RolloutExplanation, SegmentExplanation,
    StrategyExplanation, StrategyStatus, VariantExplanation,
};
pub use random::{RandomSource, SplitMix64};
