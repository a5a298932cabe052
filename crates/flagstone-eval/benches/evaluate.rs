//! The speed of this crate beside `unleash-yggdrasil`, the official engine, in one run on one core.
//!
//! `cargo bench -p flagstone-eval` prints medians and ratios. `FLAGSTONE_EVAL_BENCH_FLAGS` sets the number of flags
//! (1,000 if unset). The flags are like those of a large installation: 1 to 3 flexibleRollout strategies each, up to
//! 3 constraints, one in five with a segment, three in ten with variants.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation)]

use std::collections::HashMap;
use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, Utc};
use flagstone_eval::{ClientFeatures, Context, Delta, Document, Engine, RandomSource, Request, SplitMix64};
use serde::Serialize;
use serde_json::{Value, json};
use unleash_yggdrasil::{EngineState, ExtendedVariantDef, UpdateMessage};

const CONTEXTS: usize = 64;

fn main() {
    let flags = std::env::var("FLAGSTONE_EVAL_BENCH_FLAGS").map_or(1_000, |text| text.parse().unwrap());
    let body = configuration(flags).to_string();
    println!(
        "{flags} flags, {} bytes of JSON; flagstone-eval {}, unleash-yggdrasil {}; {}",
        body.len(),
        env!("CARGO_PKG_VERSION"),
        unleash_yggdrasil::CORE_VERSION,
        machine(),
    );
    // First, while no freed memory is at hand that would hide what is taken.
    memory(&features(&body), body.len());
    let bench = Bench::new(&body);
    bench.all_flags();
    bench.one_flag();
    bench.compile(&body);
    bench.delta(flags);
}

struct Bench {
    features: ClientFeatures,
    ours: Engine,
    state: UpdateMessage,
    theirs: EngineState,
    contexts: Vec<(Context, unleash_yggdrasil::Context)>,
    now: DateTime<Utc>,
}

/// A toggle of the frontend API as a server around yggdrasil would serialize it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Toggle<'a> {
    name: &'a str,
    enabled: bool,
    variant: &'a ExtendedVariantDef,
    impression_data: bool,
}

#[derive(Serialize)]
struct Toggles<'a> {
    toggles: Vec<Toggle<'a>>,
}

impl Bench {
    fn new(body: &str) -> Self {
        let features = features(body);
        let (ours, warnings) = Engine::compile(&features);
        assert_eq!(warnings, []);
        let state: ClientState = serde_json::from_str(body).unwrap();
        let theirs = EngineState::default();
        assert!(theirs.take_state(UpdateMessage::FullResponse(state.clone())).is_none());
        let mut random = SplitMix64::seeded(7);
        Self {
            features,
            ours,
            state: UpdateMessage::FullResponse(state),
            theirs,
            contexts: (0..CONTEXTS).map(|_| context(&mut random)).collect(),
            now: SystemTime::now().into(),
        }
    }

    fn all_flags(&self) {
        let mut random = SplitMix64::seeded(7);
        let mut buffer = Vec::new();
        let ours = median(2_000, |round| {
            let context = &self.contexts[round % CONTEXTS].0;
            buffer.clear();
            self.ours.write_frontend(&mut buffer, &Request::new(context, self.now), &mut random);
            black_box(&buffer);
        });
        let theirs = median(200, |round| {
            black_box(self.theirs_as_json(&self.contexts[round % CONTEXTS].1));
        });
        report("all flags to frontend JSON", ours, Some(theirs), "at least 10 times, < 100 µs");
    }

    fn theirs_as_json(&self, context: &unleash_yggdrasil::Context) -> Vec<u8> {
        let resolved = self.theirs.resolve_all(context, &None).unwrap();
        let on = resolved.iter().filter(|(_, toggle)| toggle.enabled);
        let toggles = on.map(|(name, toggle)| Toggle {
            name,
            enabled: true,
            variant: &toggle.variant,
            impression_data: toggle.impression_data,
        });
        serde_json::to_vec(&Toggles { toggles: toggles.collect() }).unwrap()
    }

    /// Flags spread over the configuration, ten to a measurement: the clock itself takes a good part of the time of one.
    fn one_flag(&self) {
        const BATCH: usize = 10;
        let flags = &self.features.features;
        let name = |number: usize| black_box(flags[(number * 7) % flags.len()].name.as_str());
        let mut random = SplitMix64::seeded(7);
        let ours = median(5_000, |round| {
            let context = &self.contexts[round % CONTEXTS].0;
            for number in round * BATCH..(round + 1) * BATCH {
                black_box(self.ours.resolve(name(number), context, self.now, &mut random));
            }
        });
        let theirs = median(5_000, |round| {
            let context = &self.contexts[round % CONTEXTS].1;
            for number in round * BATCH..(round + 1) * BATCH {
                black_box(self.theirs.resolve(name(number), context, &None));
            }
        });
        let (ours, theirs) = (ours / BATCH as u32, theirs / BATCH as u32);
        report("one flag", ours, Some(theirs), "at least 5 times, < 300 ns");
    }

    fn compile(&self, body: &str) {
        let ours = median(50, |_| {
            black_box(Engine::compile(black_box(&self.features)));
        });
        // Taking the state consumes it; the copy is not part of the time.
        let mut copies: Vec<_> = (0..10).map(|_| self.copy_of_state()).collect();
        let engine = EngineState::default();
        let theirs = median(10, |_| {
            black_box(engine.take_state(copies.pop().unwrap()));
        });
        report("compile", ours, Some(theirs), "no slower");
        let parsing = median(50, |_| {
            black_box(Document::parse(black_box(body.as_bytes())).unwrap());
        });
        report("parse the JSON", parsing, None, "");
    }

    fn copy_of_state(&self) -> UpdateMessage {
        match &self.state {
            UpdateMessage::FullResponse(state) => UpdateMessage::FullResponse(state.clone()),
            UpdateMessage::PartialUpdate(delta) => UpdateMessage::PartialUpdate(delta.clone()),
        }
    }

    /// A flag changes, as a server applies it: on a copy, while the original goes on answering.
    fn delta(&self, flags: usize) {
        let mut random = SplitMix64::seeded(99);
        let deltas: Vec<Value> = (0..200)
            .map(|round| {
                let feature = flag((round * 37) % flags, &mut random);
                json!({"events": [{"type": "feature-updated", "eventId": 1, "feature": feature}]})
            })
            .collect();
        let ours: Vec<Delta> = deltas.iter().map(|delta| parse_delta(&delta.to_string())).collect();
        let time = median(200, |round| {
            let mut next = self.ours.clone();
            next.apply(&ours[round]);
            black_box(next);
        });
        let theirs = median(5, |round| {
            let delta = serde_json::from_value(deltas[round].clone()).unwrap();
            self.theirs.apply_delta(&delta);
        });
        report("one flag changed by delta", time, Some(theirs), "< 50 µs");
    }
}

fn memory(features: &ClientFeatures, json_bytes: usize) {
    const ENGINES: usize = 30;
    let flags = features.features.len();
    let before = resident_bytes();
    let engines: Vec<Engine> = (0..ENGINES).map(|_| Engine::compile(features).0).collect();
    let bytes = (resident_bytes() - before) / (ENGINES * flags);
    black_box(engines);
    let json = json_bytes / flags;
    println!("{:<28} {bytes} bytes a flag, {json} of JSON (goal: < {})", "memory", json + 1024);
}

type ClientState = unleash_yggdrasil::ClientFeatures;

fn features(body: &str) -> ClientFeatures {
    match Document::parse(body.as_bytes()).unwrap().0 {
        Document::Features(features) => features,
        Document::Delta(_) => unreachable!(),
    }
}

fn parse_delta(body: &str) -> Delta {
    match Document::parse(body.as_bytes()).unwrap().0 {
        Document::Delta(delta) => delta,
        Document::Features(_) => unreachable!(),
    }
}

/// The median time of one round, after a tenth of them to warm up.
fn median(rounds: usize, mut round: impl FnMut(usize)) -> Duration {
    let mut times: Vec<Duration> = (0..rounds)
        .map(|number| {
            let start = Instant::now();
            round(number);
            start.elapsed()
        })
        .skip(rounds / 10)
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

fn report(what: &str, ours: Duration, theirs: Option<Duration>, goal: &str) {
    let comparison = theirs.map(|theirs| {
        let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
        format!("yggdrasil {theirs:>10.1?}   {ratio:>6.1} times (goal: {goal})")
    });
    println!("{what:<28} {ours:>10.1?}   {}", comparison.unwrap_or_default());
}

fn machine() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown processor", |rest| rest.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{model}, {cores} cores")
}

/// Resident memory of this process, in bytes; 0 where the system does not tell.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<usize>().ok());
    kilobytes.unwrap_or(0) * 1024
}

fn below(random: &mut SplitMix64, end: u64) -> u64 {
    random.next_u64() % end
}

fn pick<'a>(random: &mut SplitMix64, items: &[&'a str]) -> &'a str {
    items[below(random, items.len() as u64) as usize]
}

fn configuration(flags: usize) -> Value {
    let mut random = SplitMix64::seeded(42);
    let segments: Vec<Value> = (0..10)
        .map(|id| {
            let users: Vec<String> = (0..100).map(|user| (id * 1000 + user).to_string()).collect();
            json!({"id": id, "constraints": [
                {"contextName": "userId", "operator": "IN", "values": users, "inverted": false, "caseInsensitive": false}
            ]})
        })
        .collect();
    let features: Vec<Value> = (0..flags).map(|number| flag(number, &mut random)).collect();
    json!({"version": 2, "features": features, "segments": segments})
}

fn flag(number: usize, random: &mut SplitMix64) -> Value {
    let name = format!("bench-flag-{number}");
    let strategies: Vec<Value> = (0..=below(random, 3)).map(|_| strategy(&name, random)).collect();
    json!({
        "name": name,
        "type": pick(random, &["release", "experiment", "operational", "kill-switch", "permission"]),
        "description": format!("Flag number {number}"),
        "enabled": below(random, 10) < 8,
        "project": "default",
        "stale": false,
        "impressionData": below(random, 10) < 2,
        "strategies": strategies,
        "variants": [],
    })
}

fn strategy(group: &str, random: &mut SplitMix64) -> Value {
    let constraints: Vec<Value> = (0..below(random, 4)).map(|_| constraint(random)).collect();
    let segments = match below(random, 10) {
        0..2 => json!([below(random, 10)]),
        _ => json!([]),
    };
    let variants = match below(random, 10) {
        0..3 => json!([
            {"name": "red", "weight": 500, "weightType": "variable", "stickiness": "default",
                "payload": {"type": "json", "value": "{\"color\":\"red\",\"size\":1}"}},
            {"name": "blue", "weight": 500, "weightType": "variable", "stickiness": "default",
                "payload": {"type": "string", "value": "blue"}},
        ]),
        _ => json!([]),
    };
    json!({
        "name": "flexibleRollout",
        "parameters": {
            "rollout": below(random, 101).to_string(),
            "stickiness": pick(random, &["default", "userId", "sessionId"]),
            "groupId": group,
        },
        "constraints": constraints,
        "segments": segments,
        "variants": variants,
    })
}

fn constraint(random: &mut SplitMix64) -> Value {
    let (field, operator, content) = match below(random, 6) {
        0 => {
            let apps = &["web", "ios", "android"][..=below(random, 3) as usize];
            ("appName", "IN", json!({ "values": apps }))
        }
        1 => {
            let users = (0..=below(random, 40)).map(|_| below(random, 100_000).to_string());
            let users: Vec<String> = users.collect();
            ("userId", "NOT_IN", json!({ "values": users }))
        }
        2 => ("email", "STR_ENDS_WITH", json!({"values": ["@example.com", "@corp.example"]})),
        3 => ("age", "NUM_GTE", json!({"value": (18 + below(random, 40)).to_string()})),
        4 => {
            let version = format!("{}.{}.0", below(random, 5), below(random, 10));
            ("version", "SEMVER_GT", json!({ "value": version }))
        }
        _ => ("currentTime", "DATE_AFTER", json!({"value": "2024-01-01T00:00:00.000Z"})),
    };
    let mut constraint = content;
    constraint["contextName"] = json!(field);
    constraint["operator"] = json!(operator);
    constraint["inverted"] = json!(operator == "IN" && below(random, 10) == 0);
    constraint["caseInsensitive"] = json!(operator == "STR_ENDS_WITH" && below(random, 2) == 0);
    constraint
}

/// A visitor of whom most is known.
fn context(random: &mut SplitMix64) -> (Context, unleash_yggdrasil::Context) {
    let properties = HashMap::from([
        ("email".to_owned(), format!("user{}@example.com", below(random, 1000))),
        ("age".to_owned(), (10 + below(random, 60)).to_string()),
        ("version".to_owned(), format!("{}.{}.1", below(random, 6), below(random, 10))),
    ]);
    let ours = Context {
        user_id: Some(below(random, 100_000).to_string()),
        session_id: Some(format!("session-{}", random.next_u64())),
        environment: Some("production".to_owned()),
        app_name: Some(pick(random, &["web", "ios", "android"]).to_owned()),
        remote_address: Some("10.0.0.7".to_owned()),
        properties,
        ..Context::default()
    };
    let theirs = unleash_yggdrasil::Context {
        user_id: ours.user_id.clone(),
        session_id: ours.session_id.clone(),
        environment: ours.environment.clone(),
        app_name: ours.app_name.clone(),
        current_time: None,
        remote_address: ours.remote_address.clone(),
        properties: Some(ours.properties.clone()),
    };
    (ours, theirs)
}
