//! Random configurations, each written down twice: for us, and with the same meaning for the official engine.

use flagstone_eval::{Context, RandomSource, SplitMix64};
use serde_json::{Map, Value, json};

const FLAGS: u64 = 12;
const SEGMENTS: u64 = 5;

const USERS: [&str; 8] = ["1", "2", "42", "anna", "Bob", "æøå", "", "user \"q\""];
const FIELDS: [&str; 12] = [
    "userId",
    "sessionId",
    "environment",
    "appName",
    "currentTime",
    "remoteAddress",
    "email",
    "age",
    "version",
    "tenant",
    "signup",
    "a field, ÆØ",
];
const PROPERTIES: [&str; 6] = ["email", "age", "version", "tenant", "signup", "a field, ÆØ"];
const TEXTS: [&str; 14] = [
    "",
    "a",
    "A",
    "anna",
    "ANNA@Example.COM",
    "anna@example.com",
    "example",
    ".com",
    "æ",
    "Æ",
    "ß",
    "1",
    "x\\y",
    "say \"hi\"",
];
const NUMBERS: [&str; 13] =
    ["0", "1", "-1", "17", "18", "18.0", "18.5", "1e3", "1000", "-0", "99999999999999999999", "0.1", "+5"];
const ODD_NUMBERS: [&str; 6] = ["abc", "", "NaN", "1,5", " 18", "0x10"];
const VERSIONS: [&str; 9] =
    ["1.2.2", "1.2.3", "1.10.0", "2.0.0", "2.0.0-alpha.1", "2.0.0-alpha.2", "2.0.0-beta", "2.0.0+build", "0.0.0"];
const ODD_VERSIONS: [&str; 5] = ["v1.2.3", "1.2", "01.2.3", "latest", ""];
const DATES: [&str; 6] = [
    "2022-01-29T13:00:00.000Z",
    "2022-01-29T13:00:00Z",
    "2022-01-29T15:00:00.000+02:00",
    "2022-01-28T13:00:00.000Z",
    "2099-12-31T23:59:59Z",
    "1999-01-01T00:00:00-05:00",
];
const ODD_DATES: [&str; 4] = ["yesterday", "", "2022-13-01T00:00:00Z", "12"];
const ADDRESSES: [&str; 8] = [
    "127.0.0.1",
    "10.0.0.7",
    "192.168.1.1",
    "192.168.2.1",
    "2001:db8::1",
    "::ffff:10.0.0.7",
    "localhost",
    "10.0.0.0/8",
];
const RANGES: [&str; 10] = [
    "127.0.0.1",
    "10.0.0.0/8",
    "10.0.0.9/8",
    "192.168.0.0/16",
    "192.168.1.0/24",
    "2001:db8::/32",
    "::/0",
    "0.0.0.0/0",
    "10.0.0.0/255.0.0.0",
    "300.1.1.1",
];
const PATTERNS: [&str; 10] =
    ["^a", "(?i)anna", "^[^@]+@[^@]+$", r"\d{2,}", r"\bcom\b", "", "^$", "[[:alpha:]]+", "a|b|1", "^æ$"];
const ODD_PATTERNS: [&str; 3] = ["(", "(?=a)b", r"(a)\1"];
const STICKY: [&str; 9] =
    ["default", "userId", "sessionId", "random", "environment", "appName", "remoteAddress", "tenant", "email"];
const HOSTS: [&str; 3] = ["web-1", "WEB-2", "db.example"];
const GROUPS: [&str; 3] = ["group", "g2", "grøup"];

/// A value for us, and one that means the same to the official engine.
type Twice = (Value, Value);

pub(crate) struct Generator {
    random: SplitMix64,
}

fn unzip(items: Vec<Twice>) -> Twice {
    let (ours, theirs): (Vec<_>, Vec<_>) = items.into_iter().unzip();
    (json!(ours), json!(theirs))
}

/// A constraint that no context meets.
fn never() -> Value {
    json!({"contextName": "userId", "operator": "IN", "values": []})
}

impl Generator {
    pub(crate) fn seeded(seed: u64) -> Self {
        let random = SplitMix64::seeded(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
        Self { random }
    }

    /// A number from 0 to below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.random.next_u64() % end
    }

    fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    fn pick<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[self.below(items.len() as u64) as usize]
    }

    fn some(&mut self, items: &[&str], most: u64) -> Vec<String> {
        (0..self.below(most + 1)).map(|_| self.pick(items).to_owned()).collect()
    }

    pub(crate) fn configuration(&mut self) -> Twice {
        let segments = (0..SEGMENTS).map(|id| {
            let (ours, theirs) = self.constraints(2);
            (json!({"id": id, "constraints": ours}), json!({"id": id, "constraints": theirs}))
        });
        let segments = unzip(segments.collect());
        let flags = unzip((0..FLAGS).map(|number| self.flag(number)).collect());
        (
            json!({"version": 2, "features": flags.0, "segments": segments.0}),
            json!({"version": 2, "features": with_parent_doubles(&flags.1), "segments": segments.1}),
        )
    }

    fn flag(&mut self, number: u64) -> Twice {
        let name = format!("flag {number} æ");
        let strategies = (0..self.below(4)).map(|_| self.strategy(&name)).collect();
        let strategies = unzip(strategies);
        let dependencies = match number > 6 || self.percent(10) {
            true => (0..self.below(3)).map(|half| self.dependency(half)).collect(),
            false => Vec::new(),
        };
        let dependencies = unzip(dependencies);
        let shared = json!({
            "name": name,
            "enabled": self.percent(90),
            "project": "default",
            "variants": self.variants(Overrides::Some),
            "impressionData": self.percent(50),
            "stale": false,
            "type": "release",
        });
        let with = |strategies: Value, dependencies: Value| {
            let mut flag = shared.clone();
            flag["strategies"] = strategies;
            flag["dependencies"] = dependencies;
            flag
        };
        (with(strategies.0, dependencies.0), with(strategies.1, dependencies.1))
    }

    /// A dependency on an odd or an even flag: no parent twice, of which they would ask chance twice.
    fn dependency(&mut self, half: u64) -> Twice {
        let parent = format!("flag {} æ", self.below(FLAGS / 2 + 1) * 2 + half);
        let enabled = [None, Some(true), Some(false)][self.below(3) as usize];
        let variants = match self.percent(60) {
            true => Vec::new(),
            false => (0..=self.below(3)).map(|_| self.pick(&["v0", "v1", "v2", "disabled"])).collect(),
        };
        let ours = json!({"feature": parent, "enabled": enabled, "variants": variants});
        // A parent that must be off has no variant to ask for.
        let theirs = match enabled {
            Some(false) => json!({"feature": parent, "enabled": false}),
            _ => ours.clone(),
        };
        (ours, theirs)
    }

    fn strategy(&mut self, flag: &str) -> Twice {
        let constraints = self.constraints(3);
        let (name, ours, theirs) = self.rule(flag);
        let mut segments = Vec::new();
        while self.percent(25) {
            segments.push(self.below(SEGMENTS));
        }
        let variants = self.variants(Overrides::None);
        let mut our = json!({
            "name": name, "parameters": ours, "constraints": constraints.0, "segments": segments, "variants": variants,
        });
        let mut their = json!({
            "name": name, "constraints": constraints.1, "segments": segments, "variants": variants,
        });
        let disabled = self.percent(5);
        if disabled {
            our["disabled"] = json!(true);
        }
        let missing = self.percent(5);
        if missing {
            our["segments"].as_array_mut().unwrap().push(json!(404));
        }
        match theirs {
            Some(parameters) if !disabled && !missing => their["parameters"] = parameters,
            // Off: for them the whole flag would be.
            _ => {
                their["name"] = json!("default");
                their["constraints"] = json!([never()]);
            }
        }
        (our, their)
    }

    /// The name and the parameters of a strategy; no parameters for them where it is never on.
    fn rule(&mut self, flag: &str) -> (&'static str, Value, Option<Value>) {
        let always = |name, parameters: Value| (name, parameters.clone(), Some(parameters));
        match self.below(12) {
            0 => always("default", json!({})),
            1 => always("userWithId", json!({"userIds": self.some(&USERS[..6], 5).join(" , ")})),
            2 => self.gradual_rollout("gradualRolloutUserId"),
            3 => self.gradual_rollout("gradualRolloutSessionId"),
            4 => always("gradualRolloutRandom", json!({"percentage": self.pick(&["0", "100"])})),
            5 => always("remoteAddress", json!({"IPs": self.some(&RANGES, 5).join(", ")})),
            6 => always("applicationHostname", json!({"hostNames": self.some(&HOSTS, 2).join(",")})),
            7 => ("acme", json!({"any": "thing"}), None),
            _ => self.flexible_rollout(flag),
        }
    }

    fn gradual_rollout(&mut self, name: &'static str) -> (&'static str, Value, Option<Value>) {
        let (ours, theirs) = self.percentage();
        let group = self.percent(95).then(|| self.pick(&GROUPS));
        let with = |percentage: &str| match group {
            Some(group) => json!({"percentage": percentage, "groupId": group}),
            None => json!({ "percentage": percentage }),
        };
        (name, with(ours), theirs.filter(|_| group.is_some()).map(|theirs| with(&theirs)))
    }

    fn flexible_rollout(&mut self, flag: &str) -> (&'static str, Value, Option<Value>) {
        let (rollout, their_rollout) = self.percentage();
        let mut ours = json!({"rollout": rollout});
        if self.percent(80) {
            ours["stickiness"] = json!(self.pick(&STICKY));
        }
        let mut theirs = ours.clone();
        // For them, the group of a parent would be named after the child.
        theirs["groupId"] = json!(flag);
        if self.percent(80) {
            ours["groupId"] = json!(self.pick(&GROUPS));
            theirs["groupId"] = ours["groupId"].clone();
        }
        let theirs = their_rollout.map(|rollout| {
            theirs["rollout"] = json!(rollout);
            theirs
        });
        ("flexibleRollout", ours, theirs)
    }

    /// A percentage, and the same for them, who know whole numbers alone; nothing where it is none.
    fn percentage(&mut self) -> (&'static str, Option<String>) {
        match self.below(20) {
            0 => (self.pick(&["101", "150", "-1", "half", "", "0x10"]), None),
            1 => {
                let odd =
                    [("50.5", "50"), ("99.9", "99"), ("100.0", "100"), (" 50 ", "50"), ("-0", "0"), ("1e1", "10")];
                let (ours, theirs) = odd[self.below(odd.len() as u64) as usize];
                (ours, Some(theirs.to_owned()))
            }
            2..=10 => {
                let edge = self.pick(&["0", "100", "7", "07"]);
                (edge, Some(edge.to_owned()))
            }
            _ => {
                let percent = self.pick(&["1", "13", "25", "33", "50", "66", "75", "90", "99"]);
                (percent, Some(percent.to_owned()))
            }
        }
    }

    fn variants(&mut self, overrides: Overrides) -> Value {
        if self.percent(60) {
            return json!([]);
        }
        let count = 1 + self.below(4);
        let stickiness = self.pick(&STICKY);
        let variants = (0..count).map(|number| {
            // A sum of 0 is out of bounds for them.
            let weight = if number == 0 { 1 + self.below(1000) } else { self.below(1000) };
            let mut variant = json!({"name": format!("v{number}"), "weight": weight, "weightType": "variable"});
            if self.percent(60) {
                variant["payload"] = json!({"type": "string", "value": self.pick(&TEXTS)});
            }
            if self.percent(80) {
                variant["stickiness"] = json!(stickiness);
            }
            if matches!(overrides, Overrides::Some) && self.percent(30) {
                let field = self.pick(&FIELDS);
                let mut values = self.some(&TEXTS, 3);
                values.extend(self.some(&USERS, 2));
                variant["overrides"] = json!([{"contextName": field, "values": values}]);
            }
            variant
        });
        variants.collect::<Vec<_>>().into()
    }

    fn constraints(&mut self, most: u64) -> Twice {
        let count = if self.percent(40) { 0 } else { self.below(most + 1) };
        unzip((0..count).map(|_| self.constraint()).collect())
    }

    fn constraint(&mut self) -> Twice {
        let (field, operator, ours, theirs) = self.comparison();
        let mut constraint = Map::new();
        constraint.insert("contextName".into(), json!(field));
        constraint.insert("operator".into(), json!(operator));
        if self.percent(80) {
            constraint.insert("inverted".into(), json!(self.percent(30)));
            constraint.insert("caseInsensitive".into(), json!(self.percent(30)));
        }
        let with = |content: Value| {
            let mut constraint = constraint.clone();
            constraint.extend(content.as_object().unwrap().clone());
            Value::Object(constraint)
        };
        (with(ours), theirs.map_or_else(never, with))
    }

    /// Field, operator and the rest of a constraint; nothing for them where it is broken.
    fn comparison(&mut self) -> (&'static str, &'static str, Value, Option<Value>) {
        let field = match self.percent(50) {
            true => Some(self.pick(&FIELDS)),
            false => None,
        };
        match self.below(12) {
            0 => self.single(field, "age", "NUM_EQ", &NUMBERS, &ODD_NUMBERS[..4]),
            1..=2 => {
                let operator = self.pick(&["NUM_GT", "NUM_GTE", "NUM_LT", "NUM_LTE"]);
                self.single(field, "age", operator, &NUMBERS, &ODD_NUMBERS[..4])
            }
            3 => {
                let operator = self.pick(&["DATE_BEFORE", "DATE_AFTER"]);
                let default = self.pick(&["currentTime", "signup"]);
                self.single(field, default, operator, &DATES, &ODD_DATES)
            }
            4..=5 => {
                let operators = ["SEMVER_EQ", "SEMVER_GT", "SEMVER_GTE", "SEMVER_LT", "SEMVER_LTE"];
                let operator = self.pick(&operators);
                self.single(field, "version", operator, &VERSIONS, &ODD_VERSIONS)
            }
            6 => self.single(field, "email", "REGEX", &PATTERNS, &ODD_PATTERNS),
            7 => {
                let values = self.some(&RANGES, 3);
                self.listed(field, "remoteAddress", "IN_CIDR", &values)
            }
            8..=9 => {
                let operator = self.pick(&["STR_STARTS_WITH", "STR_ENDS_WITH", "STR_CONTAINS"]);
                let values = self.some(&TEXTS, 3);
                self.listed(field, "email", operator, &values)
            }
            _ => {
                let operator = self.pick(&["IN", "NOT_IN"]);
                let mut values = self.some(&USERS, 6);
                values.extend(self.some(&TEXTS, 3));
                self.listed(field, "userId", operator, &values)
            }
        }
    }

    fn single(
        &mut self,
        field: Option<&'static str>,
        default: &'static str,
        operator: &'static str,
        good: &[&'static str],
        bad: &[&str],
    ) -> (&'static str, &'static str, Value, Option<Value>) {
        let field = field.unwrap_or(default);
        match self.below(40) {
            0 => (field, "TAKES_A_GUESS", json!({"value": "1", "values": []}), None),
            1 => (field, operator, json!({"values": ["1"]}), None),
            2 => (field, operator, json!({"value": self.pick(bad)}), None),
            // Shapes that their grammar does not know.
            3 if operator.starts_with("NUM") => {
                (field, operator, json!({"value": " .5 "}), Some(json!({"value": "0.5"})))
            }
            3 if operator.starts_with("DATE") => {
                let midnight = json!({"value": "2022-01-29T00:00:00Z"});
                (field, operator, json!({"value": "2022-01-29"}), Some(midnight))
            }
            _ => {
                let value = json!({"value": self.pick(good)});
                (field, operator, value.clone(), Some(value))
            }
        }
    }

    fn listed(
        &mut self,
        field: Option<&'static str>,
        default: &'static str,
        operator: &'static str,
        values: &[String],
    ) -> (&'static str, &'static str, Value, Option<Value>) {
        let theirs = match values.is_empty() && operator != "NOT_IN" {
            // Their grammar knows an empty list only after IN.
            true => json!({"operator": "IN", "values": []}),
            false => json!({ "values": values }),
        };
        let ours = match values.is_empty() && self.percent(50) {
            true => json!({}),
            false => json!({ "values": values }),
        };
        (field.unwrap_or(default), operator, ours, Some(theirs))
    }

    /// A change to a configuration, which is made to `whole` as well.
    pub(crate) fn event(&mut self, whole: &mut Value) -> Value {
        let number = self.below(FLAGS);
        let (flag, segment) = (self.flag(number).0, self.below(SEGMENTS));
        let constraints = self.constraints(2).0;
        let flags = whole["features"].as_array_mut().unwrap();
        let at = flags.iter().position(|known| known["name"] == flag["name"]);
        match (self.below(4), at) {
            (0, Some(at)) => {
                flags.remove(at);
                json!({"type": "feature-removed", "eventId": 1, "featureName": flag["name"], "project": "default"})
            }
            (1, _) => {
                whole["segments"].as_array_mut().unwrap().retain(|known| known["id"] != segment);
                json!({"type": "segment-removed", "eventId": 1, "segmentId": segment})
            }
            (2, _) => {
                let changed = json!({"id": segment, "constraints": constraints});
                let segments = whole["segments"].as_array_mut().unwrap();
                segments.retain(|known| known["id"] != segment);
                segments.push(changed.clone());
                json!({"type": "segment-updated", "eventId": 1, "segment": changed})
            }
            (_, at) => {
                match at {
                    Some(at) => flags[at] = flag.clone(),
                    None => flags.push(flag.clone()),
                }
                json!({"type": "feature-updated", "eventId": 1, "feature": flag})
            }
        }
    }

    pub(crate) fn context(&mut self) -> Context {
        let mut context = Context {
            user_id: self.maybe(&USERS),
            session_id: self.maybe(&USERS),
            environment: self.maybe(&["development", "production", "a"]),
            app_name: self.maybe(&TEXTS),
            current_time: self.maybe(&DATES),
            remote_address: self.maybe(&ADDRESSES),
            hostname: self.maybe(&HOSTS),
            ..Context::default()
        };
        if self.percent(5) {
            context.current_time = Some(self.pick(&ODD_DATES).to_owned());
        }
        for name in PROPERTIES {
            let value = match (self.below(10), name) {
                (0..=2, _) => continue,
                (3, "age") => self.pick(&ODD_NUMBERS).to_owned(),
                (4, "age") => self.pick(&["inf", "-inf", "nan", "1e400", ".5"]).to_owned(),
                (_, "age") => self.pick(&NUMBERS).to_owned(),
                (3, "version") => self.pick(&ODD_VERSIONS).to_owned(),
                (_, "version") => self.pick(&VERSIONS).to_owned(),
                (_, "signup") => self.pick(&DATES).to_owned(),
                (4, _) => self.below(1000).to_string(),
                _ => self.pick(&TEXTS).to_owned(),
            };
            context.properties.insert(name.to_owned(), value);
        }
        context
    }

    fn maybe(&mut self, items: &[&str]) -> Option<String> {
        self.percent(70).then(|| self.pick(items).to_owned())
    }
}

#[derive(Clone, Copy)]
enum Overrides {
    Some,
    None,
}

/// Flags for them, with a double of each flag without variants of its own, for children that ask for a variant: where
/// the flag has none, the double answers with one named "disabled". Without it, they take any variant as met.
fn with_parent_doubles(flags: &Value) -> Value {
    let mut flags = flags.as_array().unwrap().clone();
    let bare = |flag: &&Value| flag["variants"] == json!([]);
    let doubles: Vec<Value> = flags.iter().filter(bare).map(double).collect();
    let name_of_double = |parent: &Value| Some(json!(format!("{}, double", parent.as_str()?)));
    for flag in &mut flags {
        for dependency in flag["dependencies"].as_array_mut().unwrap() {
            let double = name_of_double(&dependency["feature"]);
            let exists = doubles.iter().any(|flag| Some(&flag["name"]) == double.as_ref());
            if exists && dependency["variants"].as_array().is_some_and(|names| !names.is_empty()) {
                dependency["feature"] = double.unwrap();
            }
        }
    }
    flags.extend(doubles);
    flags.into()
}

fn double(flag: &Value) -> Value {
    let name = flag["name"].as_str().unwrap();
    let mut double = flag.clone();
    double["name"] = json!(format!("{name}, double"));
    double["variants"] = json!([{"name": "disabled", "weight": 1}]);
    for strategy in double["strategies"].as_array_mut().unwrap() {
        // The group of a strategy's variants would be named after the double.
        if strategy["parameters"]["groupId"].is_null() {
            strategy["parameters"]["groupId"] = json!(name);
        }
    }
    double
}
