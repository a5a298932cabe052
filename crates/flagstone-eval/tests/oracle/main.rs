//! Random flags and contexts get the same answers as from `unleash-yggdrasil`, the official engine.
//!
//! `FLAGSTONE_EVAL_CASES` sets the number of evaluations (50,000 if unset), `FLAGSTONE_EVAL_SEED` where to start.
//! Where the official engine departs from the specification (README, "Known differences"), the generator writes the
//! same meaning down for it in a form that it reads as specified.
#![allow(clippy::unwrap_used, clippy::panic, clippy::cast_possible_truncation, clippy::match_bool)]

mod generate;

use std::time::{Instant, SystemTime};

use chrono::{DateTime, Utc};
use flagstone_eval::{Context, Document, Engine, RandomSource, Request, SplitMix64, Toggles};
use serde_json::{Value, json};
use unleash_yggdrasil::state::EnrichedContext;
use unleash_yggdrasil::{EngineState, UpdateMessage};

use generate::Generator;

const CONTEXTS_PER_CONFIGURATION: usize = 25;

fn number_from(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// Chance that remembers whether it was asked.
struct Watched {
    source: SplitMix64,
    draws: usize,
}

impl Watched {
    fn seeded(seed: u64) -> Self {
        let source = SplitMix64::seeded(seed);
        Self { source, draws: 0 }
    }
}

impl RandomSource for Watched {
    fn next_u64(&mut self) -> u64 {
        self.draws += 1;
        self.source.next_u64()
    }
}

struct Pair {
    ours: Engine,
    theirs: EngineState,
    now: DateTime<Utc>,
}

impl Pair {
    fn new(ours: &Value, theirs: &Value, now: DateTime<Utc>) -> Self {
        let (document, unread) = Document::parse(ours.to_string().as_bytes()).unwrap();
        assert_eq!(unread, []);
        let engine = EngineState::default();
        let state: UpdateMessage = serde_json::from_value(theirs.clone()).unwrap();
        let warnings = engine.take_state(state);
        assert!(warnings.is_none(), "the generator wrote what yggdrasil cannot read: {warnings:?}");
        Self { ours: Engine::from_document(&document).0, theirs: engine, now }
    }

    fn ours(&self, flag: &str, context: &Context, random: &mut dyn RandomSource) -> Value {
        let resolved = self.ours.resolve(flag, context, self.now, random).unwrap();
        json!({"enabled": resolved.enabled, "variant": resolved.variant})
    }

    fn theirs(&self, flag: &str, context: &Context) -> Value {
        let translated = unleash_yggdrasil::Context {
            user_id: context.user_id.clone(),
            session_id: context.session_id.clone(),
            environment: context.environment.clone(),
            app_name: context.app_name.clone(),
            current_time: context.current_time.clone(),
            remote_address: context.remote_address.clone(),
            properties: Some(context.properties.clone()),
        };
        let mut enriched = EnrichedContext::from(&translated, flag, None);
        enriched.runtime_hostname = context.hostname.as_deref();
        let enabled = self.theirs.check_enabled(&enriched).unwrap();
        let variant = self.theirs.check_variant(&enriched).unwrap();
        let mut variant = serde_json::to_value(variant).unwrap();
        variant["feature_enabled"] = json!(enabled);
        json!({"enabled": enabled, "variant": variant})
    }

    /// Compares the answers for one flag. Where ours depends on chance, theirs must be one that ours can be.
    fn compare(&self, definition: &Value, context: &Context) -> Result<(), String> {
        let flag = definition["name"].as_str().unwrap();
        let mut random = Watched::seeded(0);
        let ours = self.ours(flag, context, &mut random);
        let theirs = self.theirs(flag, context);
        // They draw once for whether the flag is on and once more for its variant, so the two may not fit together.
        let possible = |same: fn(&Value, &Value) -> bool| {
            (0..5_000).any(|seed| same(&self.ours(flag, context, &mut SplitMix64::seeded(seed)), &theirs))
        };
        let agrees = match random.draws {
            0 => ours == theirs,
            // A parent by chance can be on for them and have the variant that it would have if another strategy were.
            _ if asks_for_variant(definition) => true,
            _ => {
                possible(|ours, theirs| ours["enabled"] == theirs["enabled"])
                    && possible(|ours, theirs| ours["variant"]["name"] == theirs["variant"]["name"])
            }
        };
        match agrees {
            true => Ok(()),
            false => Err(format!("ours: {ours}\ntheirs: {theirs}")),
        }
    }

    /// `resolve`, `resolve_all`, `write_frontend` and `explain` say the same about every flag.
    fn same_by_every_way(&self, context: &Context) {
        let request = Request { toggles: Toggles::All, ..Request::new(context, self.now) };
        let mut random = Watched::seeded(0);
        let all = self.ours.resolve_all(&request, &mut random);
        if random.draws > 0 {
            return;
        }
        let mut written = Vec::new();
        self.ours.write_frontend(&mut written, &request, &mut random);
        let written: Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(written, json!({ "toggles": all }));
        for toggle in &all {
            let one = self.ours.resolve(toggle.name, context, self.now, &mut random).unwrap();
            assert_eq!(one, *toggle);
            let explained = self.ours.explain(toggle.name, context, self.now, &mut random).unwrap();
            assert_eq!(explained.resolved, *toggle);
        }
    }
}

/// Whether a child asks for the variant of a parent that must be on.
fn asks_for_variant(child: &Value) -> bool {
    let mut dependencies = child["dependencies"].as_array().unwrap().iter();
    dependencies.any(|parent| parent["enabled"] != false && parent["variants"] != json!([]))
}

/// The flag, its parents and all segments of a configuration.
fn excerpt(configuration: &Value, flag: &str) -> Value {
    let features = configuration["features"].as_array().unwrap();
    let child = features.iter().find(|item| item["name"] == flag).unwrap();
    let dependencies = child["dependencies"].as_array().unwrap();
    let is_parent = |name: &Value| dependencies.iter().any(|dependency| dependency["feature"] == *name);
    let parents = features.iter().filter(|item| is_parent(&item["name"]));
    let features: Vec<_> = std::iter::once(child).chain(parents).collect();
    json!({"features": features, "segments": configuration["segments"]})
}

#[test]
fn random_flags_get_the_answers_of_the_official_engine() {
    let cases = number_from("FLAGSTONE_EVAL_CASES", 50_000);
    let seed = number_from("FLAGSTONE_EVAL_SEED", 1);
    let (start, now) = (Instant::now(), DateTime::<Utc>::from(SystemTime::now()));
    let (mut done, mut on, mut configurations) = (0, 0, 0);
    while done < cases {
        let mut generator = Generator::seeded(seed + configurations);
        let (ours, theirs) = generator.configuration();
        let pair = Pair::new(&ours, &theirs, now);
        for _ in 0..CONTEXTS_PER_CONFIGURATION {
            let context = generator.context();
            pair.same_by_every_way(&context);
            for flag in ours["features"].as_array().unwrap() {
                let answers = pair.compare(flag, &context);
                let flag = flag["name"].as_str().unwrap();
                if let Err(answers) = answers {
                    panic!(
                        "seed {}, flag {flag:?}\n{answers}\ncontext: {context:#?}\nours: {:#}\ntheirs: {:#}",
                        seed + configurations,
                        excerpt(&ours, flag),
                        excerpt(&theirs, flag),
                    );
                }
                on += u64::from(pair.ours(flag, &context, &mut || 0)["enabled"] == true);
                done += 1;
            }
        }
        configurations += 1;
    }
    let took = start.elapsed();
    println!("{done} evaluations of {configurations} configurations, {on} of them on, in {took:?}");
    assert!((done / 10..done * 9 / 10).contains(&on), "{on} of {done} are on: a poor test");
}

/// Changes one flag or segment after the other and compares with what compiling the outcome gives.
#[test]
fn deltas_lead_to_the_answers_of_compiling_anew() {
    for seed in 0..60 {
        let mut generator = Generator::seeded(1_000_000 + seed);
        let (mut whole, _) = generator.configuration();
        let mut engine = compiled(&whole);
        for _ in 0..20 {
            let event = generator.event(&mut whole);
            let (document, _) = Document::parse(json!({"events": [event]}).to_string().as_bytes()).unwrap();
            let Document::Delta(delta) = document else { panic!("{event} is not a delta") };
            let before = engine.clone();
            engine.apply(&delta);
            let (anew, context) = (compiled(&whole), generator.context());
            assert_eq!(answers(&engine, &context), answers(&anew, &context), "seed {seed} after {event}");
            assert_eq!(before.len(), answers(&before, &context).len(), "the original is left as it was");
        }
    }
}

fn compiled(whole: &Value) -> Engine {
    let (document, _) = Document::parse(whole.to_string().as_bytes()).unwrap();
    Engine::from_document(&document).0
}

fn answers(engine: &Engine, context: &Context) -> Vec<Value> {
    let request = Request { toggles: Toggles::All, ..Request::new(context, DateTime::UNIX_EPOCH) };
    let resolved = engine.resolve_all(&request, &mut || 0);
    resolved.iter().map(|flag| serde_json::to_value(flag).unwrap()).collect()
}
