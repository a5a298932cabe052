//! What is accepted is evaluated alike: by our engine, by the frontend API, by the official engine from the delivered
//! document, and, from the file that `FLAGSTONE_ALIKE` names, by the Node SDK (`conformance/sdks/alike.mjs`).
//!
//! `FLAGSTONE_ALIKE_CASES` sets the number of evaluations (50,000 if unset), `FLAGSTONE_ALIKE_SEED` where to start. What
//! the engines are known to differ in whatever the spelling does not occur: the official one as `flagstone-eval`'s README
//! says; the Node SDK knows no ranges of IPv6, and compares dates with the time alone, whatever field is named.

use std::collections::BTreeMap;
use std::io::Write;

use chrono::{DateTime, Utc};
use flagstone_eval::{Document, Engine, RandomSource, SplitMix64};
use serde_json::{Value, json};
use unleash_yggdrasil::state::EnrichedContext;
use unleash_yggdrasil::{EngineState, UpdateMessage};

use crate::fixture::Fixture;
use crate::world::{fixture, world};

const FLAGS: usize = 12;
const CONTEXTS: usize = 25;

const SHARES: [&str; 22] = [
    "99.9", "100.0", " 50 ", "-0", "33.3333", "1e2", "050", "+5", "", "0", "100", "50", "7", "half", "101", "-1",
    "0x10", ".5", "5.", "NaN", "1e-3", "٣",
];
const NUMBERS: [&str; 20] = [
    "18",
    ".5",
    "5.",
    "+5",
    " 5 ",
    "1e1",
    "-0",
    "007",
    "18.50",
    "1e-3",
    "99999999999999999999",
    "0x10",
    "1,5",
    "",
    "NaN",
    "inf",
    "1e999",
    "-17.25",
    "1_000",
    "18 .5",
];
const DATES: [&str; 22] = [
    "2024-01-01T00:00:00.123456Z",
    "2024-01-01",
    "2024-01-01T00:00:00Z",
    "2024-01-01T00:00:00.000Z",
    "2024-01-01T02:00:00+02:00",
    "2024-01-01 10:00:00",
    "2024-01-01T10:00",
    "2024-01-01T10:00:00",
    "2024-01-01t00:00:00z",
    "2024-01-01T00:00:00.5Z",
    "2024-01-01T00:00:00+0200",
    "2024-01-01T10:00:00 +02:00",
    "2024",
    "20240101",
    "2024-02-30",
    "2024-12-31T23:59:60Z",
    " 2024-01-01T00:00:00Z",
    "tomorrow",
    "+12024-01-01T00:00:00Z",
    "0024-01-01T00:00:00Z",
    "2024-01-01T24:00:00Z",
    "2024-1-1",
];
const VERSIONS: [&str; 14] = [
    "1.2.3",
    "1.2.3+b",
    "2.0.0-alpha.1",
    "1.10.0",
    "v1.2.3",
    "1.2",
    "01.2.3",
    " 1.2.3",
    "9007199254740993.0.0",
    "1.2.3-01",
    "=1.2.3",
    "2.0.0",
    "",
    "0.0.0-0",
];
const TEXTS: [&str; 8] = ["", "a", "A", "gold", "GOLD", "x y", "æ", "1"];
const ADDRESSES: [&str; 5] = ["10.0.0.7", "10.0.0.0/8", "xx", "", "192.168.1.1"];
const STICKY: [&str; 5] = ["", "default", "userId", "sessionId", "plan"];
const PATTERNS: [&str; 7] = ["^a", "(?i)gold", "", "(", r"\d+", "a|b", "(?=a)"];

struct Generator(SplitMix64);

impl Generator {
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.0.next_u64() % end as u64).unwrap()
    }

    fn pick<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[self.below(items.len())]
    }

    fn some(&mut self, items: &[&str], most: usize) -> Vec<String> {
        (0..self.below(most + 1)).map(|_| self.pick(items).to_owned()).collect()
    }

    /// A parameter that may be missing, null or no text.
    fn parameter(&mut self, parameters: &mut Value, name: &str, values: &[&str]) {
        let value = match self.below(12) {
            0 => return,
            1 => Value::Null,
            2 => json!(true),
            3 => json!(33.3333),
            4 => json!(50),
            _ => json!(self.pick(values)),
        };
        parameters[name] = value;
    }

    fn strategy(&mut self) -> Value {
        let mut parameters = json!({});
        let name = match self.below(10) {
            0 => "default",
            1 => {
                self.parameter(&mut parameters, "userIds", &["1,2", " 1 , 42", "anna", ",7,,8, "]);
                "userWithId"
            }
            2 => {
                let comma = self.pick(&[",", " , "]);
                let list = self.some(&ADDRESSES, 3).join(comma);
                self.parameter(&mut parameters, "IPs", &[&list]);
                "remoteAddress"
            }
            3 | 4 => {
                self.parameter(&mut parameters, "percentage", &SHARES);
                self.parameter(&mut parameters, "groupId", &["", "g"]);
                if self.below(2) == 0 { "gradualRolloutUserId" } else { "gradualRolloutSessionId" }
            }
            _ => {
                self.parameter(&mut parameters, "rollout", &SHARES);
                parameters["stickiness"] = json!(self.pick(&STICKY));
                self.parameter(&mut parameters, "groupId", &["", "g"]);
                "flexibleRollout"
            }
        };
        let constraints: Vec<Value> = (0..self.below(3)).map(|_| self.constraint()).collect();
        let variants: Vec<Value> = match self.below(3) {
            0 => (0..=self.below(3))
                .map(|n| json!({"name": format!("v{n}"), "weight": 0, "weightType": "variable", "stickiness": self.pick(&["", "default"])}))
                .collect(),
            _ => Vec::new(),
        };
        json!({"name": name, "parameters": parameters, "constraints": constraints, "variants": variants})
    }

    fn constraint(&mut self) -> Value {
        let mut constraint = match self.below(6) {
            0 => {
                let operator = self.pick(&["NUM_EQ", "NUM_GT", "NUM_GTE", "NUM_LT", "NUM_LTE"]);
                json!({"contextName": "age", "operator": operator, "value": self.pick(&NUMBERS)})
            }
            1 => {
                let operator = self.pick(&["DATE_AFTER", "DATE_BEFORE"]);
                json!({"contextName": "currentTime", "operator": operator, "value": self.pick(&DATES)})
            }
            2 => {
                let operator = self.pick(&["SEMVER_EQ", "SEMVER_GT", "SEMVER_LT", "SEMVER_GTE", "SEMVER_LTE"]);
                json!({"contextName": "version", "operator": operator, "value": self.pick(&VERSIONS)})
            }
            3 => json!({"contextName": "tier", "operator": "REGEX", "value": self.pick(&PATTERNS)}),
            4 => {
                let operator = self.pick(&["IN", "NOT_IN"]);
                json!({"contextName": self.pick(&["tier", "userId"]), "operator": operator, "values": self.some(&TEXTS, 4)})
            }
            _ => {
                let operator = self.pick(&["STR_STARTS_WITH", "STR_ENDS_WITH", "STR_CONTAINS"]);
                json!({"contextName": "tier", "operator": operator, "values": self.some(&TEXTS, 4)})
            }
        };
        if self.below(3) == 0 {
            constraint["inverted"] = json!(self.below(2) == 0);
        }
        if self.below(3) == 0 {
            constraint["caseInsensitive"] = json!(self.below(2) == 0);
        }
        constraint
    }

    fn context(&mut self) -> BTreeMap<&'static str, String> {
        let users = if self.below(3) == 0 { 10 } else { 1_000 };
        let user_id = self.below(users).to_string();
        let mut context = BTreeMap::from([
            ("userId", user_id),
            ("sessionId", self.below(1_000).to_string()),
            (
                "currentTime",
                self.pick(&["2023-12-31T23:00:00.000Z", "2024-01-01T00:00:00.123Z", "2025-01-01T00:00:00.000Z"])
                    .to_owned(),
            ),
        ]);
        for (name, values) in [
            ("age", &["5", "18", "18.5", "0", "1000", "-17.25"] as &[&str]),
            ("version", &["1.2.3", "1.10.0", "2.0.0-alpha.1", "2.0.0"]),
            ("tier", &["gold", "Gold", "a", "1", "x y", "æ"]),
            ("plan", &["a", "b", "c"]),
            ("remoteAddress", &["10.0.0.7", "192.168.1.1", "2001:db8::1"]),
        ] {
            if self.below(8) > 0 {
                context.insert(name, self.pick(values).to_owned());
            }
        }
        context
    }
}

/// What is on, with the name of its variant, by flag.
type Answers = BTreeMap<String, String>;

fn ours(engine: &Engine, context: &flagstone_eval::Context) -> Answers {
    let request = flagstone_eval::Request::new(context, DateTime::<Utc>::UNIX_EPOCH);
    let on = engine.resolve_all(&request, &mut SplitMix64::seeded(1));
    on.into_iter().map(|flag| (flag.name.to_owned(), flag.variant.name.to_owned())).collect()
}

fn theirs(engine: &EngineState, names: &[String], context: &flagstone_eval::Context) -> Answers {
    let translated = unleash_yggdrasil::Context {
        user_id: context.user_id.clone(),
        session_id: context.session_id.clone(),
        environment: context.environment.clone(),
        app_name: context.app_name.clone(),
        current_time: context.current_time.clone(),
        remote_address: context.remote_address.clone(),
        properties: Some(context.properties.clone()),
    };
    let on = names
        .iter()
        .filter(|name| engine.check_enabled(&EnrichedContext::from(&translated, name, None)).unwrap_or_default());
    on.map(|name| {
        let variant = engine.check_variant(&EnrichedContext::from(&translated, name, None));
        (name.clone(), variant.map_or_else(|| "disabled".to_owned(), |variant| variant.name))
    })
    .collect()
}

async fn frontend(it: &Fixture, context: &BTreeMap<&'static str, String>) -> Answers {
    let pairs: Vec<_> = context
        .iter()
        .map(|(name, value)| match *name {
            "userId" | "sessionId" | "currentTime" | "remoteAddress" => format!("{name}={}", encoded(value)),
            property => format!("properties%5B{property}%5D={}", encoded(value)),
        })
        .collect();
    let path = format!("/api/frontend?{}", pairs.join("&"));
    let answer = it.call(world().await.get("frontend"), "GET", &path, Value::Null).await.expect(200).json();
    let toggles = answer["toggles"].as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    toggles.iter().map(|flag| (text(&flag["name"]), text(&flag["variant"]["name"]))).collect()
}

fn encoded(text: &str) -> String {
    flagstone_server::http::path_segment(text)
}

fn number_from(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

#[tokio::test]
async fn what_is_accepted_is_evaluated_alike_by_every_engine() {
    let cases = number_from("FLAGSTONE_ALIKE_CASES", 50_000);
    let mut generator = Generator(SplitMix64::seeded(number_from("FLAGSTONE_ALIKE_SEED", 1) as u64));
    let mut file = std::env::var_os("FLAGSTONE_ALIKE").map(|path| std::fs::File::create(path).unwrap());
    let it = fixture().await;
    let names: Vec<String> = (0..FLAGS).map(|number| format!("alike-{number}")).collect();
    let path = |name: &str| format!("/api/admin/projects/alpha/features/{name}/environments/development");
    let mut strategies = Vec::new();
    for name in &names {
        it.admin("POST", "/api/admin/projects/alpha/features", json!({ "name": name })).await.expect(201);
        let body = json!({"name": "default"});
        let made = it.admin("POST", &format!("{}/strategies", path(name)), body).await.expect(200).json();
        it.admin("POST", &format!("{}/on", path(name)), Value::Null).await.expect(200);
        strategies.push(format!("{}/strategies/{}", path(name), made["id"].as_str().unwrap()));
    }
    let (mut done, mut on, mut accepted, mut refused) = (0, 0, 0, 0);
    while done < cases {
        for strategy in &strategies {
            loop {
                let input = generator.strategy();
                let answer = it.admin("PUT", strategy, input.clone()).await;
                match answer.status.as_u16() {
                    200 => break,
                    400 => assert_eq!(answer.error_name(), "BadDataError", "{input}"),
                    status => panic!("{status} for {input}: {}", answer.text),
                }
                refused += 1;
            }
            accepted += 1;
        }
        let backend = world().await.get("backend");
        let mut document = it.call(backend, "GET", "/api/client/features", Value::Null).await.expect(200).json();
        document["features"]
            .as_array_mut()
            .unwrap()
            .retain(|flag| flag["name"].as_str().unwrap().starts_with("alike-"));
        let (parsed, unread) = Document::parse(document.to_string().as_bytes()).unwrap();
        let (engine, warnings) = Engine::from_document(&parsed);
        assert!(unread.is_empty() && warnings.is_empty(), "what is accepted is broken: {unread:?} {warnings:?}");
        let official = EngineState::default();
        let state: UpdateMessage = serde_json::from_value(document.clone()).unwrap();
        let warnings = official.take_state(state);
        assert!(warnings.is_none(), "the official engine cannot read what is delivered: {warnings:?}");
        let mut rows = Vec::new();
        for _ in 0..CONTEXTS {
            let pairs = generator.context();
            let context: flagstone_eval::Context = serde_json::from_value(json!(pairs)).unwrap();
            let answers = ours(&engine, &context);
            let told = || format!("{context:?}\n{document:#}");
            assert_eq!(theirs(&official, &names, &context), answers, "the official engine (left): {}", told());
            let mut asked = frontend(&it, &pairs).await;
            asked.retain(|name, _| name.starts_with("alike-"));
            assert_eq!(asked, answers, "the frontend API (left): {}", told());
            done += FLAGS;
            on += answers.len();
            rows.push(json!({"context": pairs, "on": answers}));
        }
        if let Some(file) = &mut file {
            writeln!(file, "{}", json!({"document": document, "names": names, "rows": rows})).unwrap();
        }
    }
    println!("{done} evaluations, {on} of them on; {accepted} strategies accepted, {refused} refused");
    assert!((done / 20..done * 9 / 10).contains(&on) && refused > accepted / 10, "{on} of {done} are on: a poor test");
}
