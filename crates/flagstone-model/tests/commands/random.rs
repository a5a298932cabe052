//! Operations with random targets and inputs, about half of which a state allows.

use flagstone_model::commands::run;
use flagstone_model::commands::{
    api_tokens, context_fields, environments, favorites, feature_types, features, installation, integrations,
    lifecycle, links, projects, segments, signup_links, strategy_types, tags, transfer, ui_state, users,
};
use flagstone_model::features::Strategy;
use flagstone_model::{Principal, State};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Done, Step, attempt};

/// Numbers that follow from a seed: SplitMix64 (<https://prng.di.unimi.it/splitmix64.c>).
pub struct Random(u64);

impl Random {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub const fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn pick<'t, T>(&mut self, list: &'t [T]) -> Option<&'t T> {
        let n = u64::try_from(list.len()).unwrap();
        if n == 0 { None } else { list.get(usize::try_from(self.below(n)).unwrap()) }
    }

    fn one_of(&mut self, list: &[&str]) -> String {
        (*self.pick(list).unwrap()).to_owned()
    }
}

fn from<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// Names from small pools, so that one operation meets what another has made.
struct Names<'a> {
    random: &'a mut Random,
    state: &'a State,
}

impl Names<'_> {
    /// Of something that exists most of the time, else from `pool`.
    fn known(&mut self, existing: Vec<String>, pool: &[&str]) -> String {
        match self.random.pick(&existing) {
            Some(name) if self.random.chance(85) => name.clone(),
            _ => self.random.one_of(pool),
        }
    }

    fn project(&mut self) -> String {
        self.known(self.state.projects.values().map(|p| p.id.clone()).collect(), PROJECTS)
    }

    fn environment(&mut self) -> String {
        self.known(self.state.environments.values().map(|e| e.name.clone()).collect(), ENVIRONMENTS)
    }

    fn feature(&mut self) -> String {
        self.known(self.state.features.values().map(|f| f.name.clone()).collect(), FEATURES)
    }

    fn features(&mut self) -> Vec<String> {
        (0..=self.random.below(2)).map(|_| self.feature()).collect()
    }

    fn field(&mut self) -> String {
        self.known(self.state.context_fields.values().map(|f| f.name.clone()).collect(), FIELDS)
    }

    fn segment(&mut self) -> i64 {
        let ids: Vec<i64> = self.state.segments.values().map(|s| s.id).collect();
        self.random.pick(&ids).copied().unwrap_or(1)
    }

    fn user(&mut self) -> i64 {
        let ids: Vec<i64> = self.state.users.values().map(|u| u.id).collect();
        if self.random.chance(90) { self.random.pick(&ids).copied().unwrap_or(1) } else { 99 }
    }

    fn token(&mut self) -> String {
        self.known(self.state.api_tokens.values().map(|t| t.selector.clone()).collect(), &["gone"])
    }

    /// A feature's path with the project that it is in, most of the time.
    fn feature_path(&mut self) -> Value {
        let feature = self.feature();
        let project = self.state.features.get(&feature).map(|f| f.project.clone());
        let project = project.filter(|_| self.random.chance(95)).unwrap_or_else(|| self.project());
        json!({ "projectId": project, "featureName": feature })
    }

    fn place(&mut self) -> Value {
        let mut place = self.feature_path();
        place["environment"] = self.environment().into();
        place
    }

    /// The path of a strategy that exists, most of the time.
    fn strategy(&mut self) -> Value {
        let all = self.state.features.values().flat_map(|feature| {
            feature.environments.iter().flat_map(move |(environment, there)| {
                there.strategies.iter().map(move |strategy| (feature, environment, strategy))
            })
        });
        let all: Vec<_> = all.collect();
        if let Some((feature, environment, Strategy { id, .. })) = self.random.pick(&all) {
            return json!({
                "projectId": feature.project, "featureName": feature.name, "environment": environment, "strategyId": id,
            });
        }
        let mut path = self.place();
        path["strategyId"] = "gone".into();
        path
    }

    fn environment_path(&mut self) -> Value {
        json!({ "projectId": self.project(), "environment": self.environment() })
    }

    fn constraint(&mut self) -> Value {
        json!({ "contextName": self.field(), "operator": "IN", "values": ["1", "2"], "inverted": self.random.chance(30) })
    }

    fn variants(&mut self) -> Value {
        let names = ["a", "b", "c"];
        let n = usize::try_from(self.random.below(4)).unwrap();
        names[..n].iter().map(|name| json!({ "name": name, "weight": 0, "weightType": "variable" })).collect()
    }

    fn strategy_input(&mut self) -> Value {
        let segments: Vec<i64> = if self.random.chance(40) { vec![self.segment()] } else { Vec::new() };
        let constraints: Vec<Value> = if self.random.chance(50) { vec![self.constraint()] } else { Vec::new() };
        json!({
            "name": "flexibleRollout", "title": self.random.one_of(&["", "one"]), "disabled": self.random.chance(20),
            "parameters": { "rollout": self.random.below(101).to_string(), "stickiness": "default" },
            "constraints": constraints, "variants": self.variants(), "segments": segments,
        })
    }
}

const PROJECTS: &[&str] = &["default", "one", "two", "three"];
const ENVIRONMENTS: &[&str] = &["development", "production", "staging", "test"];
const FEATURES: &[&str] = &["a", "b", "c", "d", "e", "f", "not a name"];
const FIELDS: &[&str] = &["userId", "plan", "tier", "region"];
const USERS: &[&str] = &["ada", "bob", "eve"];

/// A random operation, both ways.
pub fn step(random: &mut Random, step: &Step<'_>) -> Done {
    let group = random.below(17);
    let mut names = Names { random, state: step.state };
    match group {
        0..=4 => of_features(&mut names, step),
        5 => of_projects(&mut names, step),
        6 => of_environments(&mut names, step),
        7 => of_segments_and_fields(&mut names, step),
        8 => of_users(&mut names, step),
        9 => of_tags(&mut names, step),
        10 => of_favorites(&mut names, step),
        11 => of_links_and_types(&mut names, step),
        12 => of_strategy_types(&mut names, step),
        13 => of_integrations(&mut names, step),
        14 => of_installation(&mut names, step),
        15 => of_transfers(&mut names, step),
        _ => of_tokens(&mut names, step),
    }
}

fn of_features(it: &mut Names<'_>, step: &Step<'_>) -> Done {
    use features::*;
    let names = |it: &mut Names<'_>| from(json!({ "features": it.features() }));
    match it.random.below(32) {
        0..=4 => step.both_ways::<Create>(
            from(json!({ "projectId": it.project() })),
            from(json!({ "name": it.random.one_of(FEATURES), "type": it.random.one_of(&["release", "experiment"]) })),
        ),
        5 => step.both_ways::<Update>(
            from(it.feature_path()),
            from(json!({ "description": it.random.one_of(&["x", "y"]), "type": "release", "stale": it.random.chance(50) })),
        ),
        6 => step.both_ways::<Patch>(
            from(it.feature_path()),
            from(json!([{ "op": "replace", "path": it.random.one_of(&["/description", "/none/there"]), "value": "z" }])),
        ),
        7 => step.both_ways::<Clone>(
            from(it.feature_path()),
            from(json!({ "name": it.random.one_of(FEATURES), "replaceGroupId": it.random.chance(50) })),
        ),
        8 => step.both_ways::<MarkStale>(
            from(json!({ "projectId": it.project() })),
            from(json!({ "features": it.features(), "stale": it.random.chance(50) })),
        ),
        9 => step.both_ways::<Archive>(from(it.feature_path()), ()),
        10 => step.both_ways::<ArchiveMany>(from(json!({ "projectId": it.project() })), names(it)),
        11 => step.both_ways::<Revive>(it.feature(), ()),
        12 => step.both_ways::<ReviveMany>(from(json!({ "projectId": it.project() })), names(it)),
        13 => step.both_ways::<Delete>(it.feature(), ()),
        14 => step.both_ways::<DeleteMany>(from(json!({ "projectId": it.project() })), names(it)),
        15..=17 => step.both_ways::<AddDependency>(from(it.feature_path()), from(json!({ "feature": it.feature() }))),
        18 => {
            let mut path = it.feature_path();
            let child = step.state.features.get(path["featureName"].as_str().unwrap());
            let parent = child.and_then(|f| f.dependencies.first()).map(|d| d.feature.clone());
            path["parent"] = parent.unwrap_or_else(|| it.feature()).into();
            step.both_ways::<RemoveDependency>(from(path), ())
        }
        19 => step.both_ways::<RemoveDependencies>(from(it.feature_path()), ()),
        20 | 21 => step.both_ways::<AddStrategy>(from(it.place()), from(it.strategy_input())),
        22 => step.both_ways::<UpdateStrategy>(from(it.strategy()), from(it.strategy_input())),
        23 => step.both_ways::<PatchStrategy>(
            from(it.strategy()),
            from(json!([{ "op": "replace", "path": "/title", "value": it.random.one_of(&["p", "q"]) }])),
        ),
        24 => step.both_ways::<RemoveStrategy>(from(it.strategy()), ()),
        25 => {
            let mut path = it.strategy();
            let id = path.as_object_mut().unwrap().remove("strategyId").unwrap();
            let order = json!([{ "id": id, "sortOrder": it.random.below(100) }]);
            step.both_ways::<SortStrategies>(from(path), from(order))
        }
        26 => {
            let disabled = it.random.one_of(&["keep", "activate"]);
            step.both_ways::<TurnOn>(from(it.place()), from(json!({ "disabledStrategies": disabled })))
        }
        27 => step.both_ways::<TurnOff>(from(it.place()), ()),
        28 => step.both_ways::<TurnManyOn>(from(it.environment_path()), names(it)),
        29 => step.both_ways::<TurnManyOff>(from(it.environment_path()), names(it)),
        30 => match it.random.below(2) {
            0 => step.both_ways::<OverwriteVariants>(from(it.place()), from(it.variants())),
            _ => step.both_ways::<Push>(
                from(it.feature_path()),
                from(json!({ "variants": it.variants(), "environments": [it.environment()] })),
            ),
        },
        _ => step.both_ways::<PatchVariants>(
            from(it.place()),
            from(json!([{ "op": "add", "path": "/-", "value": { "name": it.random.one_of(&["v", "w"]), "weight": 0 } }])),
        ),
    }
}

fn of_projects(it: &mut Names<'_>, step: &Step<'_>) -> Done {
    use projects::*;
    let path = |it: &mut Names<'_>| from(json!({ "projectId": it.project() }));
    match it.random.below(12) {
        0..=2 => {
            let id = it.random.one_of(PROJECTS);
            step.both_ways::<Create>((), from(json!({ "id": id, "name": id, "mode": "open" })))
        }
        3 => step.both_ways::<Update>(path(it), from(json!({ "name": it.random.one_of(&["A", "B"]) }))),
        4 => step.both_ways::<UpdateSettings>(
            path(it),
            from(json!({ "mode": it.random.one_of(&["open", "protected", "private"]) })),
        ),
        5 => step.both_ways::<Archive>(path(it), ()),
        6 => step.both_ways::<Revive>(path(it), ()),
        7 => step.both_ways::<Delete>(path(it), ()),
        8 => {
            let strategy = if it.random.chance(50) { it.strategy_input() } else { Value::Null };
            let input = json!({ "environment": it.environment(), "defaultStrategy": strategy });
            step.both_ways::<AttachEnvironment>(path(it), from(input))
        }
        9 => step.both_ways::<DetachEnvironment>(from(it.environment_path()), ()),
        _ => step.both_ways::<SetDefaultStrategy>(from(it.environment_path()), from(it.strategy_input())),
    }
}

fn of_environments(it: &mut Names<'_>, step: &Step<'_>) -> Done {
    use environments::*;
    match it.random.below(9) {
        0 | 1 => step.both_ways::<Create>(
            (),
            from(json!({ "name": it.random.one_of(ENVIRONMENTS), "type": "test", "enabled": it.random.chance(80) })),
        ),
        2 => step.both_ways::<Update>(it.environment(), from(json!({ "type": it.random.one_of(&["test", "other"]) }))),
        3 => step.both_ways::<Clone>(it.environment(), from(json!({ "name": it.random.one_of(ENVIRONMENTS) }))),
        4 => step.both_ways::<Delete>(it.environment(), ()),
        5 => step.both_ways::<Sort>((), from(json!({ it.environment(): it.random.below(9) }))),
        6 => step.both_ways::<Disable>(it.environment(), ()),
        _ => step.both_ways::<Enable>(it.environment(), ()),
    }
}

fn of_segments_and_fields(it: &mut Names<'_>, step: &Step<'_>) -> Done {
    let segment = |it: &mut Names<'_>| {
        let project = if it.random.chance(30) { it.project().into() } else { Value::Null };
        let name = it.random.one_of(&["s", "t", "u", ""]);
        from(json!({ "name": name, "project": project, "constraints": [it.constraint()] }))
    };
    match it.random.below(15) {
        11..=14 => of_project_fields(it, step),
        0..=2 => step.both_ways::<segments::Create>((), segment(it)),
        3 => step.both_ways::<segments::Update>(it.segment(), segment(it)),
        4 => step.both_ways::<segments::Delete>(it.segment(), ()),
        5 => {
            let path = it.strategy();
            let input = json!({
                "projectId": path["projectId"], "environmentId": path["environment"], "strategyId": path["strategyId"],
                "segmentIds": [it.segment()],
            });
            step.both_ways::<segments::SetOfStrategy>((), from(input))
        }
        6 | 7 => {
            let input = json!({ "name": it.random.one_of(FIELDS), "stickiness": it.random.chance(50) });
            step.both_ways::<context_fields::Create>((), from(input))
        }
        8 => {
            let input = json!({ "description": it.random.one_of(&["d", "e"]), "sortOrder": it.random.below(9) });
            step.both_ways::<context_fields::Update>(it.field(), from(input))
        }
        9 if it.random.chance(50) => step.both_ways::<context_fields::PutLegalValue>(
            it.field(),
            from(json!({ "value": it.random.one_of(&["1", "2"]), "description": it.random.one_of(&["one", "two"]) })),
        ),
        9 => {
            let fields = step.state.context_fields.values();
            let values: Vec<_> =
                fields.flat_map(|f| f.legal_values.iter().map(move |v| (f.name.clone(), v.value.clone()))).collect();
            let (field, value) = it.random.pick(&values).cloned().unwrap_or(("plan".to_owned(), "1".to_owned()));
            let path = json!({ "contextField": field, "legalValue": value });
            step.both_ways::<context_fields::RemoveLegalValue>(from(path), ())
        }
        _ => step.both_ways::<context_fields::Delete>(it.field(), ()),
    }
}

fn of_integrations(it: &mut Names<'_>, step: &Step<'_>) -> Done {
    use integrations::*;
    let ids: Vec<i64> = step.state.integrations.values().map(|i| i.id).collect();
    let id = it.random.pick(&ids).copied().unwrap_or(1);
    let address = it.random.one_of(&["https://one.example", "https://two.example", "*****", ""]);
    let input = from(json!({
        "provider": it.random.one_of(&["webhook", "webhook", "teams", "none"]), "enabled": it.random.chance(70),
        "parameters": { "url": address, "authorization": it.random.one_of(&["a", "*****"]) },
        "events": ["feature-created"], "projects": [it.project()],
    }));
    match it.random.below(4) {
        0 | 1 => step.both_ways::<Create>((), input),
        2 => step.both_ways::<Update>(id, input),
        _ => step.both_ways::<Delete>(id, ()),
    }
}

fn of_project_fields(it: &mut Names<'_>, step: &Step<'_>) -> Done {
    use context_fields::*;
    let own = step.state.context_fields.values().filter_map(|f| Some((f.project.clone()?, f)));
    let own: Vec<_> = own.collect();
    let (project, field, value) = match it.random.pick(&own).cloned() {
        Some((project, field)) => {
            let value = field.legal_values.first().map_or("1".to_owned(), |value| value.value.clone());
            (project, field.name.clone(), value)
        }
        None => (it.project(), it.field(), "1".to_owned()),
    };
    // Now and then through another project.
    let project = if it.random.chance(15) { it.project() } else { project };
    let path = json!({ "projectId": project, "contextField": field, "legalValue": value });
    match it.random.below(10) {
        0..=2 => {
            let input = json!({ "name": it.random.one_of(&["own", "other"]), "stickiness": it.random.chance(50) });
            step.both_ways::<CreateInProject>(from(json!({ "projectId": it.project() })), from(input))
        }
        3 => {
            let input = json!({ "description": it.random.one_of(&["d", "e"]), "sortOrder": it.random.below(9) });
            step.both_ways::<UpdateInProject>(from(path), from(input))
        }
        4 => step.both_ways::<DeleteInProject>(from(path), ()),
        5 | 6 => {
            let value = json!({ "value": it.random.one_of(&["1", "2"]), "description": it.random.one_of(&["a", "b"]) });
            step.both_ways::<PutLegalValueInProject>(from(path), from(value))
        }
        _ => step.both_ways::<RemoveLegalValueInProject>(from(path), ()),
    }
}

fn of_ui_state(it: &mut Names<'_>, step: &Step<'_>) -> Done {
    use ui_state::*;
    let id = it.random.one_of(&["a", "b", ""]);
    match it.random.below(3) {
        0 => step.both_ways::<SeeSplash>(id, ()),
        1 => step.both_ways::<GiveFeedback>((), from(json!({ "feedbackId": id }))),
        _ => step.both_ways::<ChangeFeedback>(id, from(json!({ "neverShow": it.random.chance(50) }))),
    }
}

fn of_favorites(it: &mut Names<'_>, step: &Step<'_>) -> Done {
    use favorites::*;
    match it.random.below(9) {
        6..=8 => of_ui_state(it, step),
        0 | 1 => step.both_ways::<AddFeature>(from(it.feature_path()), ()),
        2 => step.both_ways::<RemoveFeature>(from(it.feature_path()), ()),
        3 | 4 => step.both_ways::<AddProject>(from(json!({ "projectId": it.project() })), ()),
        _ => step.both_ways::<RemoveProject>(from(json!({ "projectId": it.project() })), ()),
    }
}

fn of_installation(it: &mut Names<'_>, step: &Step<'_>) -> Done {
    use installation::*;
    match it.random.below(4) {
        0 => step.both_ways::<SetMaintenance>((), from(json!({ "enabled": it.random.chance(50) }))),
        1 => {
            let origin = it.random.one_of(&["*", "https://shop.example", "nowhere"]);
            step.both_ways::<SetCors>((), from(json!({ "frontendApiOrigins": [origin] })))
        }
        _ => {
            let selector = it.random.one_of(&["edge0001", "edge0002", "edge0003"]);
            let token = json!({
                "selector": selector, "hash": "0".repeat(64), "prefix": "*:development",
                "environment": it.environment(), "projects": [it.project()],
            });
            step.both_ways::<IssueForEdges>((), from(json!([token])))
        }
    }
}

fn of_links_and_types(it: &mut Names<'_>, step: &Step<'_>) -> Done {
    let input = |it: &mut Names<'_>| from(json!({ "url": it.random.one_of(&["a.com", "b.com", "ftp://c"]) }));
    let path = |it: &mut Names<'_>| {
        let all = step.state.features.values().flat_map(|f| f.links.iter().map(move |link| (f, link)));
        let all: Vec<_> = all.collect();
        let mut path = it.feature_path();
        path["linkId"] = "gone".into();
        if let Some((feature, link)) = it.random.pick(&all) {
            path = json!({ "projectId": feature.project, "featureName": feature.name, "linkId": link.id });
        }
        from(path)
    };
    match it.random.below(10) {
        6..=9 => of_lives(it, step),
        0..=2 => step.both_ways::<links::Add>(from(it.feature_path()), input(it)),
        3 => step.both_ways::<links::Update>(path(it), input(it)),
        4 => step.both_ways::<links::Remove>(path(it), ()),
        _ => {
            let days = it.random.one_of(&["-1", "0", "7"]).parse::<i64>().unwrap();
            let kind = it.random.one_of(&["release", "experiment"]);
            step.both_ways::<feature_types::SetLifetime>(kind, from(json!({ "lifetimeDays": days })))
        }
    }
}

fn of_lives(it: &mut Names<'_>, step: &Step<'_>) -> Done {
    use lifecycle::*;
    match it.random.below(4) {
        0 => step.both_ways::<Complete>(
            from(it.feature_path()),
            from(json!({ "status": it.random.one_of(&["kept", "discarded"]) })),
        ),
        1 => step.both_ways::<Uncomplete>(from(it.feature_path()), ()),
        2 => {
            let name = it.feature();
            let created_at = step.state.features.get(&name).map(|f| f.created_at).unwrap_or_default();
            let stage = it.random.one_of(&["initial", "pre-live", "live"]);
            step.both_ways::<EnterStages>(
                (),
                from(json!([{ "feature": name, "stage": stage, "createdAt": created_at }])),
            )
        }
        _ => {
            // Now, or when releases and experiments have outlived their time.
            let later = if it.random.chance(50) { 41 * 86_400_000 } else { 0 };
            Step { now: step.now + later, ..*step }.both_ways::<feature_types::MarkPotentiallyStale>((), it.features())
        }
    }
}

fn of_strategy_types(it: &mut Names<'_>, step: &Step<'_>) -> Done {
    use strategy_types::*;
    let name = |it: &mut Names<'_>| it.random.one_of(&["mine", "yours", "default", "userWithId"]);
    let parameters = |it: &mut Names<'_>| json!([{ "name": it.random.one_of(&["a", "b", ""]), "type": "list" }]);
    match it.random.below(6) {
        0 | 1 => step.both_ways::<Create>((), from(json!({ "name": name(it), "parameters": parameters(it) }))),
        2 => step.both_ways::<Update>(name(it), from(json!({ "parameters": parameters(it) }))),
        3 => step.both_ways::<Delete>(name(it), ()),
        4 => step.both_ways::<Deprecate>(name(it), ()),
        _ => step.both_ways::<Reactivate>(name(it), ()),
    }
}

fn of_tags(it: &mut Names<'_>, step: &Step<'_>) -> Done {
    use tags::*;
    let one = |it: &mut Names<'_>| json!({ "type": it.random.one_of(&["simple", "team"]), "value": it.random.one_of(&["aa", "bb", "c"]) });
    let changes = |it: &mut Names<'_>| json!({ "addedTags": [one(it)], "removedTags": [one(it)] });
    match it.random.below(10) {
        0 => step.both_ways::<CreateType>((), from(json!({ "name": it.random.one_of(&["team", "area"]) }))),
        1 => {
            let color = it.random.one_of(&["#000000", "#ffffff", "red"]);
            step.both_ways::<UpdateType>(it.random.one_of(&["team", "simple"]), from(json!({ "color": color })))
        }
        2 => step.both_ways::<DeleteType>(it.random.one_of(&["team", "area"]), ()),
        3 => step.both_ways::<Create>((), from(one(it))),
        4 => step.both_ways::<Delete>(from(one(it)), ()),
        5 | 6 => step.both_ways::<Add>(it.feature(), from(one(it))),
        7 => step.both_ways::<Update>(it.feature(), from(changes(it))),
        8 => {
            let mut path = one(it);
            path["featureName"] = it.feature().into();
            step.both_ways::<Remove>(from(path), ())
        }
        _ => {
            let path = it.feature_path();
            let input = json!({ "features": [path["featureName"]], "tags": changes(it) });
            step.both_ways::<UpdateMany>(from(json!({ "projectId": path["projectId"] })), from(input))
        }
    }
}

fn of_signup_links(it: &mut Names<'_>, step: &Step<'_>) -> Done {
    use signup_links::*;
    let link = json!({ "name": it.random.one_of(&["team", ""]), "expiresAt": "2030-01-01T00:00:00Z" });
    match it.random.below(3) {
        0 => step.both_ways::<Create>((), from(link)),
        1 => {
            let link = step.state.signup_links.values().next().map_or("none".to_owned(), |link| link.selector.clone());
            step.both_ways::<Update>(link, from(json!({ "enabled": it.random.chance(50) })))
        }
        _ => {
            // No state holds the secret of a link: one is given out first.
            let made = attempt(step.state, &Principal::System, step.now, |draft| run::<Create>(draft, &(), from(link)));
            let (secret, state) = match made {
                Ok(((_, secret), Some((_, state)))) => (secret, state),
                _ => ("a.wrong".to_owned(), step.state.clone()),
            };
            let person = json!({ "secret": secret, "username": it.random.one_of(USERS), "passwordHash": "hash" });
            Step { state: &state, ..*step }.both_ways::<SignUp>((), from(person))
        }
    }
}

fn of_users(it: &mut Names<'_>, step: &Step<'_>) -> Done {
    use users::*;
    match it.random.below(16) {
        0 | 1 => {
            let hash = if it.random.chance(50) { "hash".into() } else { Value::Null };
            let input = json!({ "username": it.random.one_of(USERS), "root_role": 1, "password_hash": hash });
            step.both_ways::<Create>((), from(input))
        }
        2 => step
            .both_ways::<Update>(it.user(), from(json!({ "name": it.random.one_of(&["Ada", "Bob"]), "rootRole": 1 }))),
        3 => step.both_ways::<Delete>(it.user(), ()),
        4 => step.both_ways::<SetPassword>(it.user(), PasswordHash("another".to_owned())),
        5 => step.both_ways::<IssueReset>((), from(json!({ "id": it.user() }))),
        6 => {
            // No state holds the secret of a link: one is given out first.
            let id = it.user();
            let issued = attempt(step.state, &Principal::System, step.now, |draft| {
                run::<IssueReset>(draft, &(), from(json!({ "id": id })))
            });
            let (secret, state) = match issued {
                Ok((secret, Some((_, state)))) if it.random.chance(70) => (secret, state),
                _ => ("1.wrong".to_owned(), step.state.clone()),
            };
            let input = RedeemReset { secret, password_hash: "third".to_owned() };
            Step { state: &state, ..*step }.both_ways::<RedeemPasswordReset>((), input)
        }
        7 => step.both_ways::<IssueOwnReset>((), ()),
        11 => {
            let ids = if it.random.chance(50) { vec![it.user()] } else { vec![it.user(), it.user()] };
            step.both_ways::<DeleteInactive>((), from(json!({ "ids": ids })))
        }
        12..=14 => of_signup_links(it, step),
        8 => step.both_ways::<SetOwnPassword>((), PasswordHash("own".to_owned())),
        9 | 10 => {
            let input =
                json!({ "description": it.random.one_of(&["x", "y", "z"]), "expiresAt": "2030-01-01T00:00:00Z" });
            step.both_ways::<CreateToken>((), from(input))
        }
        _ => {
            let ids: Vec<i64> = step.state.personal_tokens.values().map(|t| t.id).collect();
            step.both_ways::<DeleteToken>(it.random.pick(&ids).copied().unwrap_or(1), ())
        }
    }
}

fn of_transfers(it: &mut Names<'_>, step: &Step<'_>) -> Done {
    use transfer::*;
    let environment = it.environment();
    if it.random.chance(30) {
        return step.both_ways::<Export>((), from(json!({ "environment": environment, "features": it.features() })));
    }
    let path = it.feature_path();
    let (name, segments) = (&path["featureName"], step.state.segments.values());
    let segments: Vec<Value> = segments.map(|s| json!({ "id": s.id, "name": s.name })).collect();
    let mut strategy = it.strategy_input();
    strategy["featureName"] = name.clone();
    let data = json!({
        "features": [{ "name": name, "stale": it.random.chance(50) }],
        "featureStrategies": if it.random.chance(70) { vec![strategy] } else { Vec::new() },
        "featureEnvironments": [{ "name": name, "enabled": it.random.chance(50), "variants": it.variants() }],
        "featureTags": [{ "featureName": name, "tagType": "kind", "tagValue": it.random.one_of(&["red", "blue"]) }],
        "tagTypes": [{ "name": "kind" }],
        "segments": segments,
        "links": [{ "feature": name, "links": [{ "url": it.random.one_of(&["https://a.b", "https://c.d", "mailto:x"]) }] }],
        "dependencies": if it.random.chance(20) {
            vec![json!({ "feature": name, "dependencies": [{ "feature": it.feature() }] })]
        } else {
            Vec::new()
        },
    });
    let input = json!({ "project": path["projectId"], "environment": environment, "data": data });
    step.both_ways::<Import>((), from(input))
}

fn of_tokens(it: &mut Names<'_>, step: &Step<'_>) -> Done {
    use api_tokens::*;
    let kind = |it: &mut Names<'_>| it.random.one_of(&["frontend", "client", "backend"]);
    match it.random.below(7) {
        0 | 1 => {
            let input = json!({
                "type": kind(it), "tokenName": "t", "environment": it.environment(), "projects": [it.project()],
            });
            step.both_ways::<Create>((), from(input))
        }
        2 => {
            let input = json!({ "type": kind(it), "tokenName": "t", "environment": it.environment() });
            step.both_ways::<CreateInProject>(from(json!({ "projectId": it.project() })), from(input))
        }
        3 => {
            let year = it.random.one_of(&["2031", "2032"]);
            step.both_ways::<Update>(it.token(), from(json!({ "expiresAt": format!("{year}-01-01T00:00:00Z") })))
        }
        4 => step.both_ways::<Delete>(it.token(), ()),
        5 => {
            let token = it.token();
            let project = step.state.api_tokens.get(&token).and_then(|t| t.projects.first().cloned());
            let project = project.unwrap_or_else(|| it.project());
            step.both_ways::<DeleteInProject>(from(json!({ "projectId": project, "token": token })), ())
        }
        _ => {
            let secret = format!("{}:development.{}", it.project(), it.random.below(1_000));
            step.both_ways::<installation::EnsureGivenToken>((), from(json!({ "secret": secret, "kind": "backend" })))
        }
    }
}
