//! Rules that the client specification leaves open or tests thinly, and the seams of the public interface.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

use chrono::{DateTime, Utc};
use flagstone_eval::{
    Context, Document, Engine, Projects, RandomSource, Reason, Request, Resolved, SplitMix64, Toggles,
};
use serde_json::{Value, json};

fn engine(features: Value) -> Engine {
    let document = json!({"version": 2, "features": features, "segments": [
        {"id": 1, "constraints": [{"contextName": "plan", "operator": "IN", "values": ["gold"]}]},
    ]});
    let (document, unread) = Document::parse(document.to_string().as_bytes()).unwrap();
    assert_eq!(unread, []);
    Engine::from_document(&document).0
}

fn context(json: Value) -> Context {
    serde_json::from_value(json).unwrap()
}

fn resolve<'e>(engine: &'e Engine, name: &str, asked: Value, random: &mut dyn RandomSource) -> Resolved<'e> {
    engine.resolve(name, &context(asked), DateTime::UNIX_EPOCH, random).unwrap()
}

/// Whether a flag with this one strategy is on.
fn is_on(strategy: Value, context: Value) -> bool {
    let engine = engine(json!([{"name": "flag", "enabled": true, "strategies": [strategy]}]));
    resolve(&engine, "flag", context, &mut || 0).enabled
}

#[test]
fn constraints() {
    let check = |expect: bool, constraint: Value, context: Value| {
        let strategy = json!({"name": "default", "constraints": [constraint]});
        assert_eq!(is_on(strategy, context.clone()), expect, "{constraint} with {context}");
    };
    let on = |constraint: Value, context: Value| check(true, constraint, context);
    let off = |constraint: Value, context: Value| check(false, constraint, context);

    // What is missing is in no list; inversion turns that around.
    off(json!({"contextName": "plan", "operator": "IN", "values": ["gold"]}), json!({}));
    on(json!({"contextName": "plan", "operator": "IN", "values": ["gold"], "inverted": true}), json!({}));
    on(json!({"contextName": "plan", "operator": "NOT_IN", "values": ["gold"]}), json!({}));
    off(json!({"contextName": "plan", "operator": "NOT_IN", "values": ["gold"], "inverted": true}), json!({}));
    on(json!({"contextName": "plan", "operator": "STR_CONTAINS", "inverted": true}), json!({"plan": "gold"}));
    // What is broken is off, inverted or not.
    off(json!({"contextName": "plan", "operator": "REGEX", "value": "(", "inverted": true}), json!({"plan": "x"}));
    off(json!({"contextName": "plan", "operator": "NUM_GT", "value": "x", "inverted": true}), json!({"plan": "1"}));
    off(json!({"contextName": "plan", "operator": "NEW", "value": "x", "inverted": true}), json!({"plan": "1"}));
    // The operator decides how a value is read, not its shape.
    off(json!({"contextName": "plan", "operator": "SEMVER_EQ", "value": "2"}), json!({"plan": "2"}));
    off(json!({"contextName": "plan", "operator": "NUM_EQ", "value": "1.2.3"}), json!({"plan": "1.2.3"}));
    // Forms that older servers and other clients write.
    on(json!({"contextName": "plan", "operator": "NUM_EQ", "value": 7, "values": null}), json!({"plan": 7}));
    on(json!({"contextName": "plan", "operator": "IN", "values": [7, true], "inverted": null}), json!({"plan": true}));
    on(
        json!({"contextName": "plan", "operator": "STR_ENDS_WITH", "values": ["LD"], "caseInsensitive": true}),
        json!({"plan": "gold"}),
    );
    on(
        json!({"contextName": "plan", "operator": "DATE_AFTER", "value": "2022-01-29"}),
        json!({"plan": "2022-01-29T00:00:00.001Z"}),
    );
    on(json!({"contextName": "say \"hi\"", "operator": "IN", "values": ["back\\"]}), json!({"say \"hi\"": "back\\"}));
    // The time of the context counts before that of the evaluation, which is 1970 here.
    let before = json!({"contextName": "currentTime", "operator": "DATE_BEFORE", "value": "2000-01-01T00:00:00Z"});
    on(before.clone(), json!({}));
    off(before.clone(), json!({"currentTime": "2022-01-29T13:00:00Z"}));
    off(before, json!({"currentTime": "soon"}));
    on(json!({"contextName": "currentTime", "operator": "IN", "values": ["1970-01-01T00:00:00Z"]}), json!({}));
}

#[test]
fn strategies() {
    let check = |expect: bool, strategy: Value, context: Value| {
        assert_eq!(is_on(strategy.clone(), context.clone()), expect, "{strategy} with {context}");
    };
    let gold = json!({"plan": "gold"});
    check(true, json!({"name": "default", "segments": [1]}), gold.clone());
    check(false, json!({"name": "default", "segments": [1, 404]}), gold.clone());
    check(false, json!({"name": "default", "disabled": true}), gold.clone());
    check(false, json!({"name": "acme"}), gold.clone());
    let rollout = |rollout: Value| json!({"name": "flexibleRollout", "parameters": {"rollout": rollout}});
    check(true, rollout(json!(100)), json!({}));
    check(true, rollout(json!("100")), json!({"userId": "7"}));
    check(false, rollout(json!("0")), json!({"userId": "7"}));
    check(false, rollout(json!("101")), json!({"userId": "7"}));
    check(false, rollout(json!("half")), json!({"userId": "7"}));
    let by_plan = json!({"name": "flexibleRollout", "parameters": {"rollout": "100", "stickiness": "plan"}});
    check(true, by_plan.clone(), gold);
    check(false, by_plan, json!({}));
    check(
        true,
        json!({"name": "remoteAddress", "parameters": {"IPs": "x, 10.0.0.0/8"}}),
        json!({"remoteAddress": "10.1.2.3"}),
    );
}

#[test]
fn a_hostname_comes_with_the_context_but_not_from_the_client() {
    let strategies = json!([{"name": "applicationHostname", "parameters": {"hostNames": "web-1, WEB-2"}}]);
    let engine = engine(json!([{"name": "flag", "enabled": true, "strategies": strategies}]));
    let check = |context: &Context, expect: bool| {
        let answer = engine.resolve("flag", context, DateTime::UNIX_EPOCH, &mut || 0).unwrap();
        assert_eq!(answer.enabled, expect, "{context:?}");
    };
    check(&Context { hostname: Some("Web-2".to_owned()), ..Context::default() }, true);
    check(&Context { hostname: Some("web-3".to_owned()), ..Context::default() }, false);
    check(&context(json!({"hostname": "web-1"})), false);
    check(&Context::default(), false);
}

#[test]
fn chance_lets_in_the_share_that_was_asked_for() {
    let parameters = json!({"rollout": "30", "stickiness": "random"});
    for strategy in [
        json!({"name": "flexibleRollout", "parameters": parameters}),
        json!({"name": "flexibleRollout", "parameters": {"rollout": "30"}}),
        json!({"name": "gradualRolloutRandom", "parameters": {"percentage": "30"}}),
    ] {
        let engine = engine(json!([{"name": "flag", "enabled": true, "strategies": [strategy]}]));
        let mut random = SplitMix64::seeded(5);
        let on = (0..10_000).filter(|_| resolve(&engine, "flag", json!({}), &mut random).enabled).count();
        assert!((2_800..3_200).contains(&on), "{strategy}: {on} of 10000");
    }
}

#[test]
fn variants_without_weight_are_none_at_all() {
    let variants = json!([{"name": "a", "weight": 0}, {"name": "b", "weight": -5,
        "overrides": [{"contextName": "userId", "values": ["7"]}]}]);
    let engine = engine(json!([{"name": "flag", "enabled": true, "variants": variants}]));
    let name = |context: Value| resolve(&engine, "flag", context, &mut || 0).variant.name.to_owned();
    assert_eq!(name(json!({"userId": "8"})), "disabled");
    assert_eq!(name(json!({"userId": "7"})), "b");
}

#[test]
fn parents() {
    let rollout = json!([{"name": "flexibleRollout", "parameters": {"rollout": "50", "stickiness": "userId"}}]);
    let child = |name: &str, dependency: Value| json!({"name": name, "enabled": true, "dependencies": [dependency]});
    let engine = engine(json!([
        {"name": "half", "enabled": true, "strategies": rollout},
        {"name": "bare", "enabled": true},
        {"name": "off", "enabled": false, "variants": [{"name": "red", "weight": 1}]},
        child("of half", json!({"feature": "half"})),
        child("of bare, red", json!({"feature": "bare", "variants": ["red"]})),
        child("of bare, disabled", json!({"feature": "bare", "variants": ["disabled"]})),
        child("of off, blue", json!({"feature": "off", "enabled": false, "variants": ["blue"]})),
        child("of itself", json!({"feature": "of itself"})),
        child("of a child", json!({"feature": "of half"})),
        child("of nobody", json!({"feature": "nobody", "enabled": false})),
    ]));
    let on = |name: &str, user: usize| resolve(&engine, name, json!({ "userId": user }), &mut || 0).enabled;
    // A parent is asked as itself: its rollout is its own, not one in the child's name.
    let halves = (0..100).filter(|user| on("half", *user)).count();
    assert!((30..70).contains(&halves), "{halves}");
    assert!((0..100).all(|user| on("half", user) == on("of half", user)));
    let check = |name: &str, expect: bool| assert_eq!(on(name, 1), expect, "{name}");
    check("of bare, red", false);
    check("of bare, disabled", true);
    check("of off, blue", true);
    check("of itself", false);
    check("of a child", false);
    check("of nobody", false);
}

#[test]
fn an_answer_does_not_contradict_itself() {
    let chance = json!([{"name": "flexibleRollout", "parameters": {"rollout": "50", "stickiness": "random"}}]);
    let child = |name: &str, enabled: bool| json!({"name": name, "enabled": true, "dependencies": [{"feature": "parent", "enabled": enabled}]});
    let engine = engine(json!([
        child("before", true),
        {"name": "parent", "enabled": true, "strategies": chance},
        child("after", true),
        child("against", false),
    ]));
    let context = Context::default();
    let mut random = SplitMix64::seeded(3);
    for _ in 0..100 {
        let request = Request { toggles: Toggles::All, ..Request::new(&context, DateTime::UNIX_EPOCH) };
        let on: Vec<bool> = engine.resolve_all(&request, &mut random).iter().map(|flag| flag.enabled).collect();
        // By name: after, against, before, parent.
        assert!(on == [true, false, true, true] || on == [false, true, false, false], "{on:?}");
    }
}

#[test]
fn requests_choose_by_project_and_by_result() {
    let engine = engine(json!([
        {"name": "a", "enabled": true, "project": "one", "dependencies": [{"feature": "c"}]},
        {"name": "b", "enabled": false, "project": "one"},
        {"name": "c", "enabled": true, "project": "two"},
        {"name": "d", "enabled": true},
        {"name": "a", "enabled": true, "project": "one", "dependencies": [{"feature": "c"}]},
    ]));
    let context = Context::default();
    let check = |projects: Projects<'_>, toggles: Toggles, expect: &[&str]| {
        let request = Request { projects, toggles, ..Request::new(&context, DateTime::UNIX_EPOCH) };
        let resolved = engine.resolve_all(&request, &mut || 0);
        let names: Vec<&str> = resolved.iter().map(|flag| flag.name).collect();
        assert_eq!(names, expect, "{request:?}");
        let mut written = Vec::new();
        engine.write_frontend(&mut written, &request, &mut || 0);
        assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), json!({ "toggles": resolved }));
    };
    // By project and name.
    check(Projects::All, Toggles::On, &["d", "a", "c"]);
    check(Projects::All, Toggles::All, &["d", "a", "b", "c"]);
    check(Projects::Only(&["one"]), Toggles::On, &["a"]);
    check(Projects::Only(&["two", "default", "two"]), Toggles::On, &["d", "c"]);
    check(Projects::Only(&[]), Toggles::All, &[]);
}

#[test]
fn the_frontend_json_is_as_the_frontend_api_writes_it() {
    let engine = engine(json!([
        {"name": "say \"hi\"", "enabled": true, "impressionData": true, "variants": [
            {"name": "v", "weight": 1, "payload": {"type": "json", "value": "{\"a\":1}"}}]},
        {"name": "plain", "enabled": true},
        {"name": "off", "enabled": false},
    ]));
    let context = Context::default();
    let mut written = Vec::new();
    let request = Request { toggles: Toggles::All, ..Request::new(&context, DateTime::UNIX_EPOCH) };
    engine.write_frontend(&mut written, &request, &mut || 0);
    let expect = concat!(
        r#"{"toggles":[{"name":"off","enabled":false,"variant":{"name":"disabled","enabled":false,"feature_enabled":false},"#,
        r#""impressionData":false},"#,
        r#"{"name":"plain","enabled":true,"variant":{"name":"disabled","enabled":false,"feature_enabled":true},"#,
        r#""impressionData":false},"#,
        r#"{"name":"say \"hi\"","enabled":true,"variant":{"name":"v","#,
        r#""payload":{"type":"json","value":"{\"a\":1}"},"enabled":true,"feature_enabled":true},"impressionData":true}]}"#,
    );
    assert_eq!(String::from_utf8(written).unwrap(), expect);
}

#[test]
fn explanations_name_what_decided() {
    let engine = engine(json!([
        {"name": "parent", "enabled": true},
        {"name": "flag", "enabled": true, "dependencies": [{"feature": "parent"}], "strategies": [
            {"name": "default", "segments": [1, 404]},
            {"name": "acme"},
            {"name": "flexibleRollout",
                "parameters": {"rollout": "81", "stickiness": "userId", "groupId": "g"},
                "constraints": [{"contextName": "plan", "operator": "NOT_IN", "values": ["tin"]}],
                "variants": [{"name": "blue", "weight": 10}]},
        ]},
    ]));
    let now: DateTime<Utc> = DateTime::UNIX_EPOCH;
    let asked = context(json!({"userId": "7", "plan": "gold"}));
    let explanation = engine.explain("flag", &asked, now, &mut || 0).unwrap();
    assert_eq!(explanation.reason, Reason::Strategy(2));
    let tree = serde_json::to_value(&explanation).unwrap();
    let check = |place: &str, expect: Value| assert_eq!(tree.pointer(place), Some(&expect), "{place} in {tree:#}");
    check("/enabled", json!(true));
    check("/reason", json!({"strategy": 2}));
    check("/variant/name", json!("blue"));
    check("/variantChoice/buckets", json!(10));
    check("/dependencies/0/parent/enabled", json!(true));
    check("/strategies/0/result", json!(false));
    check(
        "/strategies/0/segments/0",
        json!({"id": 1, "exists": true, "result": true, "constraints": [
        {"contextName": "plan", "operator": "IN", "values": ["gold"], "inverted": false, "caseInsensitive": false,
            "contextValue": "gold", "result": true}]}),
    );
    check("/strategies/0/segments/1", json!({"id": 404, "exists": false, "result": false, "constraints": []}));
    check("/strategies/1/status", json!("custom"));
    check("/strategies/2/constraints/0/result", json!(true));
    // murmur3_32("g:7") % 100 + 1
    check(
        "/strategies/2/rollout",
        json!({"percent": 81, "stickiness": "userId", "groupId": "g", "identifier": "7",
        "bucket": 81}),
    );
    assert_eq!(engine.explain("nobody", &asked, now, &mut || 0), None);
}

#[test]
fn answers_do_not_depend_on_the_way_that_flags_came() {
    let flag = |name: &str| json!({"name": name, "enabled": true, "strategies": []});
    let parse = |document: Value| Document::parse(document.to_string().as_bytes()).unwrap().0;
    let written = |engine: &Engine| {
        let (context, mut json) = (Context::default(), Vec::new());
        engine.write_frontend(&mut json, &Request::new(&context, DateTime::UNIX_EPOCH), &mut SplitMix64::seeded(1));
        let all = engine.resolve_all(&Request::new(&context, DateTime::UNIX_EPOCH), &mut SplitMix64::seeded(1));
        let names: Vec<_> = all.iter().map(|flag| flag.name.to_owned()).collect();
        assert!(names.iter().all(|name| {
            engine.resolve(name, &context, DateTime::UNIX_EPOCH, &mut SplitMix64::seeded(1)).unwrap().name == name
        }));
        String::from_utf8(json).unwrap()
    };
    let (at_once, _) = Engine::from_document(&parse(json!({"features": [flag("a"), flag("b"), flag("c"), flag("d")]})));
    for order in [["d", "c", "b", "a"], ["b", "d", "a", "c"], ["a", "b", "c", "d"]] {
        let mut engine = Engine::from_document(&parse(json!({"features": [flag(order[0]), flag("x")]}))).0;
        for name in &order[1..] {
            let events = json!({"events": [{"type": "feature-updated", "feature": flag(name)}]});
            let Document::Delta(delta) = parse(events) else { panic!("not a delta") };
            assert_eq!(engine.apply(&delta), []);
        }
        let Document::Delta(delta) = parse(json!({"events": [{"type": "feature-removed", "featureName": "x"}]})) else {
            panic!("not a delta")
        };
        engine.apply(&delta);
        assert_eq!(written(&engine), written(&at_once), "{order:?}");
        assert_eq!(engine.names().collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    }
}
