//! The flags that are measured with: ten segments and so many flags, each with one to three rollouts in two environments.
//!
//! The same number gives the same flags, whatever the server. They are like those of a large installation: up to three
//! constraints a strategy, one in five with a segment, three in ten with variants, four flags of five on.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::{Value, json};
use tokio::task::LocalSet;

use crate::http::{Address, Connection};

/// The environments that each flag is set up in.
const ENVIRONMENTS: [&str; 2] = ["development", "production"];
const SEGMENTS: usize = 10;
/// How many flags are made at the same time.
const CONNECTIONS: usize = 16;

#[derive(Args)]
pub struct Options {
    /// The server's URL: http://host:port
    #[arg(long)]
    url: String,
    /// An admin token
    #[arg(long, env = "BENCH_ADMIN_TOKEN", hide_env_values = true)]
    token: String,
    /// How many flags to make
    #[arg(long, default_value_t = 1_000)]
    flags: usize,
}

/// Fills the server that the options name.
pub async fn run(options: &Options) -> anyhow::Result<()> {
    fill(&Address::parse(&options.url)?, &options.token, options.flags).await
}

/// The name of a flag.
pub fn flag_name(number: usize) -> String {
    format!("bench-flag-{number}")
}

/// What is made of a flag.
pub struct Flag {
    name: String,
    /// What creates it.
    pub body: Value,
    /// In each environment.
    pub strategies: Vec<Value>,
    pub is_on: bool,
}

/// Makes segments and flags in the project `default` of a server that has none of them.
pub async fn fill(address: &Address, token: &str, flags: usize) -> anyhow::Result<()> {
    let mut admin = Admin::open(address, token).await?;
    let mut segments = Vec::new();
    for number in 0..SEGMENTS {
        let segment = admin.post("/api/admin/segments", &segment(number)).await?;
        segments.push(segment["id"].as_i64().context("a segment without an id")?);
    }
    let mut random = Random(42);
    let flags: VecDeque<Flag> = (0..flags).map(|number| flag(number, &segments, &mut random)).collect();
    let flags = Rc::new(RefCell::new(flags));
    let tasks = LocalSet::new();
    let makers: Vec<_> = (0..CONNECTIONS)
        .map(|_| tasks.spawn_local(make(address.clone(), token.to_owned(), Rc::clone(&flags))))
        .collect();
    tasks.await;
    for maker in makers {
        maker.await??;
    }
    Ok(())
}

async fn make(address: Address, token: String, flags: Rc<RefCell<VecDeque<Flag>>>) -> anyhow::Result<()> {
    let mut admin = Admin::open(&address, &token).await?;
    let features = "/api/admin/projects/default/features";
    loop {
        let Some(flag) = flags.borrow_mut().pop_front() else { return Ok(()) };
        admin.post(features, &flag.body).await?;
        for environment in ENVIRONMENTS {
            let path = format!("{features}/{}/environments/{environment}", flag.name);
            for strategy in &flag.strategies {
                admin.post(&format!("{path}/strategies"), strategy).await?;
            }
            if flag.is_on {
                admin.post(&format!("{path}/on"), &Value::Null).await?;
            }
        }
    }
}

/// A caller of the admin API.
pub struct Admin {
    address: Address,
    token: String,
    connection: Connection,
}

impl Admin {
    /// Connects.
    pub async fn open(address: &Address, token: &str) -> anyhow::Result<Self> {
        let connection = Connection::open(address).await.with_context(|| format!("cannot reach {}", address.socket))?;
        Ok(Self { address: address.clone(), token: token.to_owned(), connection })
    }

    /// Posts a body, unless it is null; gives the answer's.
    pub async fn post(&mut self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = self.address.request(("POST", path), &self.token, &[], &body);
        let (status, answer) =
            self.connection.exchange_whole(&request).await.with_context(|| format!("POST {path}"))?;
        if !(200..300).contains(&status) {
            bail!("POST {path} was answered with {status}: {}", String::from_utf8_lossy(&answer));
        }
        Ok(serde_json::from_slice(&answer).unwrap_or_default())
    }
}

/// A segment.
pub fn segment(number: usize) -> Value {
    let users: Vec<String> = (0..100).map(|user| (number * 1_000 + user).to_string()).collect();
    json!({ "name": format!("bench-segment-{number}"), "description": "", "constraints": [
        { "contextName": "userId", "operator": "IN", "values": users, "inverted": false, "caseInsensitive": false }
    ] })
}

/// A flag whose strategies may name these segments.
pub fn flag(number: usize, segments: &[i64], random: &mut Random) -> Flag {
    let name = flag_name(number);
    let strategies = (0..=random.below(3)).map(|_| strategy(&name, segments, random)).collect();
    let kind = random.pick(&["release", "experiment", "operational", "kill-switch", "permission"]);
    let body = json!({ "name": name, "type": kind, "description": format!("Flag number {number}"),
        "impressionData": random.is_below(0.2) });
    Flag { name, body, strategies, is_on: random.is_below(0.8) }
}

fn strategy(group: &str, segments: &[i64], random: &mut Random) -> Value {
    let rollout = random.below(101).to_string();
    let stickiness = random.pick(&["default", "userId", "sessionId"]);
    let constraints: Vec<Value> = (0..random.below(4)).map(|_| constraint(random)).collect();
    let segments = if random.is_below(0.2) { vec![random.pick(segments)] } else { vec![] };
    let variant = |name: &str, kind: &str, value: &str| {
        json!({ "name": name, "weight": 500, "weightType": "variable", "stickiness": "default",
            "payload": { "type": kind, "value": value } })
    };
    let variants = if random.is_below(0.3) {
        vec![variant("red", "json", r#"{"color":"red","size":1}"#), variant("blue", "string", "blue")]
    } else {
        vec![]
    };
    json!({ "name": "flexibleRollout", "constraints": constraints, "segments": segments, "variants": variants,
        "parameters": { "rollout": rollout, "stickiness": stickiness, "groupId": group } })
}

fn constraint(random: &mut Random) -> Value {
    let constraint = |field: &str, operator: &str, inverted: bool, case_insensitive: bool| json!({ "contextName": field, "operator": operator, "inverted": inverted, "caseInsensitive": case_insensitive });
    let with = |mut constraint: Value, key: &str, value: Value| {
        constraint[key] = value;
        constraint
    };
    match random.below(6) {
        0 => {
            let values = &["web", "ios", "android"][..=random.below(3)];
            with(constraint("appName", "IN", random.is_below(0.1), false), "values", json!(values))
        }
        1 => {
            let values: Vec<String> = (0..=random.below(40)).map(|_| random.below(100_000).to_string()).collect();
            with(constraint("userId", "NOT_IN", false, false), "values", json!(values))
        }
        2 => {
            let values = json!(["@example.com", "@corp.example"]);
            with(constraint("email", "STR_ENDS_WITH", false, random.is_below(0.5)), "values", values)
        }
        3 => with(constraint("age", "NUM_GTE", false, false), "value", json!((18 + random.below(40)).to_string())),
        4 => {
            let value = format!("{}.{}.0", random.below(5), random.below(10));
            with(constraint("version", "SEMVER_GT", false, false), "value", json!(value))
        }
        _ => with(constraint("currentTime", "DATE_AFTER", false, false), "value", json!("2024-01-01T00:00:00.000Z")),
    }
}

/// Numbers that a script in a language without integers repeats to the last bit: the product is rounded as a double.
pub struct Random(pub u32);

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
impl Random {
    /// From 0 to 1.
    pub fn fraction(&mut self) -> f64 {
        let product = f64::from(self.0) * 1_103_515_245.0 + 12_345.0;
        self.0 = (product as u64 & 0x7fff_ffff) as u32;
        f64::from(self.0) / f64::from(0x7fff_ffff)
    }

    /// From 0 up to, not with, `end`.
    pub fn below(&mut self, end: usize) -> usize {
        ((self.fraction() * end as f64) as usize).min(end - 1)
    }

    fn is_below(&mut self, share: f64) -> bool {
        self.fraction() < share
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_doubles() {
        let mut random = Random(42);
        let mut states = (0..1_000).map(|_| {
            random.fraction();
            random.0
        });
        assert_eq!(states.next(), Some(1_250_496_027));
        assert_eq!(states.next(), Some(1_116_302_080));
        assert_eq!(states.last(), Some(1_301_764_352));
    }

    #[test]
    fn the_same_number_gives_the_same_flags() {
        let flags = |count| {
            let mut random = Random(42);
            (0..count).map(|number| flag(number, &[1, 2, 3], &mut random)).collect::<Vec<_>>()
        };
        let (some, more) = (flags(10), flags(1_000));
        assert!(some.iter().zip(&more).all(|(a, b)| a.body == b.body && a.strategies == b.strategies));
        assert!(more.iter().all(|flag| (1..=3).contains(&flag.strategies.len())));
        assert!((750..850).contains(&more.iter().filter(|flag| flag.is_on).count()));
    }
}
