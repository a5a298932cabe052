//! Writers, what they were told, and whether a server still knows it.
//!
//! Each writer has flags of its own, so what a flag must be like follows from its writer's log alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::http::Client;
use crate::node::{ADMIN, Node};
use crate::random::Random;

const FEATURES: &str = "/api/admin/projects/default/features";

/// A change that a writer asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    Create { flag: String },
    AddStrategy { flag: String, title: String },
    Switch { flag: String, on: bool },
    Token { name: String },
}

impl Write {
    fn request(&self) -> (String, Value) {
        match self {
            Self::Create { flag } => (FEATURES.to_owned(), json!({ "name": flag })),
            Self::AddStrategy { flag, title } => {
                let path = format!("{FEATURES}/{flag}/environments/development/strategies");
                let parameters = json!({ "rollout": "50", "stickiness": "default", "groupId": flag });
                (path, json!({ "name": "flexibleRollout", "title": title, "parameters": parameters }))
            }
            Self::Switch { flag, on } => {
                let end = if *on { "on" } else { "off" };
                (format!("{FEATURES}/{flag}/environments/development/{end}"), Value::Null)
            }
            Self::Token { name } => {
                let body = json!({ "type": "backend", "tokenName": name, "environment": "development" });
                ("/api/admin/projects/default/api-tokens".to_owned(), body)
            }
        }
    }

    pub async fn send(&self, client: &mut Client) -> std::io::Result<crate::http::Answer> {
        let (path, body) = self.request();
        client.post(&path, &body).await
    }
}

/// A flag as far as these writers care.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flag {
    pub on: bool,
    pub strategies: BTreeSet<String>,
}

/// What there must be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expected {
    pub flags: BTreeMap<String, Flag>,
    pub tokens: BTreeSet<String>,
}

impl Expected {
    pub fn apply(&mut self, write: &Write) {
        match write {
            Write::Create { flag } => {
                self.flags.insert(flag.clone(), Flag::default());
            }
            Write::AddStrategy { flag, title } => {
                self.flags.entry(flag.clone()).or_default().strategies.insert(title.clone());
            }
            Write::Switch { flag, on } => self.flags.entry(flag.clone()).or_default().on = *on,
            Write::Token { name } => {
                self.tokens.insert(name.clone());
            }
        }
    }

    /// Takes over what another log knows.
    pub fn merge(&mut self, other: Self) {
        self.flags.extend(other.flags);
        self.tokens.extend(other.tokens);
    }
}

/// What a writer was told.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// Acknowledged, with the time when the answer was read.
    pub acknowledged: Vec<(SystemTime, Write)>,
    /// Sent, and the answer never came: there or not, both are right.
    pub unknown: Vec<Write>,
    /// Refused with a 5xx: they must not be there, unless the answer says that it is not known.
    pub refused: Vec<(u16, Write)>,
}

impl Log {
    pub fn expected(&self) -> Expected {
        let mut expected = Expected::default();
        self.acknowledged.iter().for_each(|(_, write)| expected.apply(write));
        expected
    }
}

/// Writers at work.
pub struct Writers {
    stop: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<Log>>,
}

impl Writers {
    /// `count` writers on their own connections. Names begin with `prefix`, which no other run may use. A writer ends
    /// at the first lost answer, or when it is told to.
    pub fn start(ports: &[u16], count: usize, prefix: &str, random: &mut Random) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let tasks = (0..count).map(|number| {
            let (port, stop) = (ports[number % ports.len()], Arc::clone(&stop));
            let (prefix, random) = (format!("{prefix}-w{number}"), random.fork());
            tokio::spawn(write(Client::new(port, ADMIN), prefix, random, stop))
        });
        Self { tasks: tasks.collect(), stop }
    }

    /// Lets each writer finish the request that it is at.
    pub async fn stop(self) -> Vec<Log> {
        self.stop.store(true, Ordering::Relaxed);
        self.logs().await
    }

    /// Waits until every writer has ended by itself.
    pub async fn logs(self) -> Vec<Log> {
        let mut logs = Vec::new();
        for task in self.tasks {
            logs.push(task.await.unwrap());
        }
        logs
    }
}

/// A writer's next change: any kind, on its newest flag.
pub fn next_write(prefix: &str, number: usize, flag: Option<&str>, random: &mut Random) -> Write {
    match (flag, random.below(4)) {
        (Some(flag), 1) => Write::AddStrategy { flag: flag.to_owned(), title: format!("{prefix}-s{number}") },
        (Some(flag), 2) => Write::Switch { flag: flag.to_owned(), on: random.coin() },
        (Some(_), 3) => Write::Token { name: format!("{prefix}-t{number}") },
        _ => Write::Create { flag: format!("{prefix}-f{number}") },
    }
}

async fn write(mut client: Client, prefix: String, mut random: Random, stop: Arc<AtomicBool>) -> Log {
    let mut log = Log::default();
    let mut flag = None::<String>;
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let write = next_write(&prefix, number, flag.as_deref(), &mut random);
        match write.send(&mut client).await {
            Ok(answer) if answer.is_success() => {
                if let Write::Create { flag: name } = &write {
                    flag = Some(name.clone());
                }
                log.acknowledged.push((SystemTime::now(), write));
            }
            Ok(answer) if answer.status >= 500 => {
                log.refused.push((answer.status, write));
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok(answer) => panic!("{write:?}: {} {}", answer.status, answer.text),
            Err(_) => {
                log.unknown.push(write);
                break;
            }
        }
    }
    log
}

/// What a server knows of flags and tokens whose names begin with `prefix`.
pub async fn actual(node: &Node, prefix: &str) -> Expected {
    let mut admin = node.admin();
    let list = admin.get(FEATURES).await.unwrap().expect().json();
    let names = list["features"].as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap().to_owned());
    let names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
    let mut actual = Expected::default();
    for name in names {
        let feature = admin.get(&format!("{FEATURES}/{name}")).await.unwrap().expect().json();
        let environments = feature["environments"].as_array().unwrap();
        let environment = environments.iter().find(|e| e["name"] == "development").unwrap();
        let titles = environment["strategies"].as_array().unwrap().iter().filter_map(|s| s["title"].as_str());
        let strategies = titles.map(str::to_owned).collect();
        actual.flags.insert(name, Flag { on: environment["enabled"].as_bool().unwrap(), strategies });
    }
    let tokens = admin.get("/api/admin/api-tokens").await.unwrap().expect().json();
    let names = tokens["tokens"].as_array().unwrap().iter().map(|t| t["tokenName"].as_str().unwrap());
    actual.tokens = names.filter(|name| name.starts_with(prefix)).map(str::to_owned).collect();
    actual
}

/// Compares: every acknowledged write is there, what is extra was under way, and nothing is half there.
pub fn compare(logs: &[Log], actual: &Expected) -> Result<(), String> {
    let mut faults = Vec::new();
    let mut expected = Expected::default();
    for log in logs {
        let with: Vec<Expected> = possible(log);
        // The flags of this writer, as they are.
        let names: BTreeSet<&String> = with.iter().flat_map(|e| e.flags.keys()).collect();
        let tokens: BTreeSet<&String> = with.iter().flat_map(|e| e.tokens.iter()).collect();
        let mut mine = Expected::default();
        mine.flags.extend(names.into_iter().filter_map(|n| Some((n.clone(), actual.flags.get(n)?.clone()))));
        mine.tokens.extend(tokens.into_iter().filter(|t| actual.tokens.contains(*t)).cloned());
        if !with.contains(&mine) {
            faults.push(difference(&with[0], &mine));
        }
        expected.merge(mine);
    }
    if expected != *actual {
        faults.push(format!("nobody wrote: {}", difference(&expected, actual)));
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
}

/// What may be there after this log: each write whose fate is unknown is there or not.
fn possible(log: &Log) -> Vec<Expected> {
    let mut all = vec![log.expected()];
    for write in &log.unknown {
        for mut expected in all.clone() {
            expected.apply(write);
            all.push(expected);
        }
    }
    all
}

fn difference(expected: &Expected, actual: &Expected) -> String {
    let names: BTreeSet<_> = expected.flags.keys().chain(actual.flags.keys()).collect();
    let flags = names.into_iter().filter(|n| expected.flags.get(*n) != actual.flags.get(*n)).map(|name| {
        format!("flag {name}: acknowledged {:?}, found {:?}", expected.flags.get(name), actual.flags.get(name))
    });
    let tokens = expected.tokens.symmetric_difference(&actual.tokens).map(|name| {
        format!("token {name}: {}", if actual.tokens.contains(name) { "not acknowledged" } else { "lost" })
    });
    flags.chain(tokens).collect::<Vec<_>>().join("\n")
}

/// Every change has its event and every event its change, for names that begin with `prefix`.
pub async fn compare_events(node: &Node, prefix: &str, actual: &Expected) -> Result<(), String> {
    let mut admin = node.admin();
    let mut from_events = Expected::default();
    let mut events = Vec::new();
    loop {
        let path = format!("/api/admin/search/events?limit=1000&offset={}&query={prefix}", events.len());
        let page = admin.get(&path).await.unwrap().expect().json();
        let page = page["events"].as_array().unwrap().clone();
        if page.is_empty() {
            break;
        }
        events.extend(page);
    }
    // They come newest first.
    for event in events.iter().rev() {
        let flag = || event["featureName"].as_str().unwrap().to_owned();
        let text = |key: &str| event["data"][key].as_str().unwrap_or_default().to_owned();
        match event["type"].as_str().unwrap() {
            "feature-created" => from_events.apply(&Write::Create { flag: flag() }),
            "feature-environment-enabled" => from_events.apply(&Write::Switch { flag: flag(), on: true }),
            "feature-environment-disabled" => from_events.apply(&Write::Switch { flag: flag(), on: false }),
            // Switching on a flag without a strategy adds the default one, which has no title.
            "feature-strategy-add" if !text("title").is_empty() => {
                from_events.apply(&Write::AddStrategy { flag: flag(), title: text("title") });
            }
            "api-token-created" => from_events.apply(&Write::Token { name: text("tokenName") }),
            _ => {}
        }
    }
    let same = from_events == *actual;
    if same { Ok(()) } else { Err(format!("events and state differ:\n{}", difference(&from_events, actual))) }
}
