//! `flagstone evaluate`, as a process.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

#[allow(dead_code, clippy::format_push_string, clippy::single_match_else)]
#[path = "faults/http.rs"]
mod http;
#[allow(dead_code)]
#[path = "faults/node.rs"]
mod node;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

const FEATURES: &str = r#"{"version": 2, "features": [
    {"name": "for-seven", "project": "default", "enabled": true, "impressionData": true,
        "strategies": [{"name": "userWithId", "parameters": {"userIds": "7"}}]},
    {"name": "gold", "project": "default", "enabled": true,
        "strategies": [{"name": "default", "constraints": [{"contextName": "plan", "operator": "IN", "values": ["gold"]}]}],
        "variants": [{"name": "wide", "weight": 1000, "payload": {"type": "string", "value": "x"}}]},
    {"name": "dark", "project": "default", "enabled": false, "strategies": []}]}"#;

/// How a run ended.
struct Run {
    code: Option<i32>,
    lines: Vec<Value>,
    errors: String,
}

impl Run {
    /// What is on in each line: names, with the variant if there is one.
    fn toggles(&self) -> Vec<String> {
        let one = |toggle: &Value| {
            let name = toggle["name"].as_str().unwrap();
            match (toggle["enabled"] == true, toggle["variant"]["enabled"] == true) {
                (false, _) => format!("-{name}"),
                (true, false) => name.to_owned(),
                (true, true) => format!("{name}/{}", toggle["variant"]["name"].as_str().unwrap()),
            }
        };
        let line = |line: &Value| line["toggles"].as_array().unwrap().iter().map(one).collect::<Vec<_>>().join(" ");
        self.lines.iter().map(line).collect()
    }
}

fn evaluate(folder: &Path, arguments: &[&str], input: &str, variables: &[(&str, &str)]) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_flagstone"))
        .arg("evaluate")
        .args(arguments)
        .env_remove("UNLEASH_URL")
        .env_remove("UNLEASH_TOKEN")
        .envs(variables.iter().copied())
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that fails early does not read its input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    Run {
        code: output.status.code(),
        lines: lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
        errors: String::from_utf8(output.stderr).unwrap(),
    }
}

fn folder_with(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

#[test]
fn answers_come_from_files_and_standard_input() {
    let features: Value = serde_json::from_str(FEATURES).unwrap();
    let hydration = json!({ "events": [
        { "eventId": 1, "type": "hydration", "features": features["features"], "segments": [] },
        { "eventId": 2, "type": "feature-removed", "featureName": "gold", "project": "default" },
    ] });
    let contexts =
        "{\"userId\": \"7\"}\n\n{\"properties\": {\"plan\": \"gold\"}}\n{\"userId\": 7, \"plan\": \"gold\"}\n{}";
    let folder = folder_with(&[("f.json", FEATURES), ("delta.json", &hydration.to_string()), ("c.jsonl", contexts)]);
    let check = |arguments: &[&str], input: &str, expect: &[&str]| {
        let run = evaluate(folder.path(), arguments, input, &[]);
        assert_eq!(run.toggles(), expect, "{arguments:?}: {}", run.errors);
        assert_eq!((run.code, run.errors.as_str()), (Some(0), ""), "{arguments:?}");
    };
    check(&["--features", "f.json"], "", &[""]);
    check(&["--features", "f.json", "--context", r#"{"userId": "7"}"#], "", &["for-seven"]);
    check(&["--features", "f.json", "--context", r#"{"userId": "7"}"#, "--all"], "", &["-dark for-seven -gold"]);
    check(&["--features", "-", "--context", r#"{"plan": "gold"}"#], FEATURES, &["gold/wide"]);
    check(
        &["--features", "f.json", "--contexts", "c.jsonl"],
        "",
        &["for-seven", "gold/wide", "for-seven gold/wide", ""],
    );
    check(
        &["--features", "f.json", "--contexts", "-"],
        contexts,
        &["for-seven", "gold/wide", "for-seven gold/wide", ""],
    );
    check(&["--features", "f.json", "--flag", "dark"], "", &["-dark"]);
    check(
        &["--features", "f.json", "--flag", "gold", "--flag", "for-seven", "--context", r#"{"userId": 7}"#],
        "",
        &["-gold for-seven"],
    );
    check(&["--features", "delta.json", "--all"], "", &["-dark -for-seven"]);
}

#[test]
fn an_answer_is_a_frontend_api_answer() {
    let folder = folder_with(&[("f.json", FEATURES)]);
    let context = r#"{"userId": "7", "properties": {"plan": "gold"}}"#;
    let run = evaluate(folder.path(), &["--features", "f.json", "--context", context], "", &[]);
    let none = json!({ "name": "disabled", "enabled": false, "feature_enabled": true });
    let payload = json!({ "type": "string", "value": "x" });
    let wide = json!({ "name": "wide", "payload": payload, "enabled": true, "feature_enabled": true });
    let expect = json!({ "toggles": [
        { "name": "for-seven", "enabled": true, "variant": none, "impressionData": true },
        { "name": "gold", "enabled": true, "variant": wide, "impressionData": false },
    ] });
    assert_eq!(run.lines, [expect]);
}

#[test]
fn explanations_are_those_of_the_toggles() {
    let folder = folder_with(&[("f.json", FEATURES)]);
    let check = |arguments: &[&str], expect: Value| {
        let run = evaluate(folder.path(), &[&["--features", "f.json", "--explain"], arguments].concat(), "", &[]);
        let line = &run.lines[0];
        let explained: Vec<Value> =
            line["explanation"].as_array().unwrap().iter().map(|e| json!([e["name"], e["reason"]])).collect();
        assert_eq!(json!(explained), expect, "{arguments:?}");
        for (toggle, explanation) in
            line["toggles"].as_array().unwrap().iter().zip(line["explanation"].as_array().unwrap())
        {
            for field in ["name", "enabled", "variant", "impressionData"] {
                assert_eq!(toggle[field], explanation[field], "{arguments:?}");
            }
        }
        run
    };
    check(&[], json!([]));
    check(&["--context", r#"{"userId": "7"}"#], json!([["for-seven", { "strategy": 0 }]]));
    check(
        &["--all"],
        json!([["dark", "disabled"], ["for-seven", "no-strategy-matched"], ["gold", "no-strategy-matched"]]),
    );
    let run = check(&["--flag", "gold", "--context", r#"{"plan": "tin"}"#], json!([["gold", "no-strategy-matched"]]));
    let constraint = &run.lines[0]["explanation"][0]["strategies"][0]["constraints"][0];
    assert_eq!(
        json!([constraint["contextName"], constraint["contextValue"], constraint["result"]]),
        json!(["plan", "tin", false])
    );
}

#[test]
fn what_is_wrong_is_named() {
    let broken = r#"{"features": [{"name": "odd", "enabled": true, "strategies": [{"name": "default",
        "constraints": [{"contextName": "x", "operator": "NO_SUCH", "values": []}]}]}]}"#;
    let folder = folder_with(&[
        ("f.json", FEATURES),
        ("neither.json", "{}"),
        ("broken.json", broken),
        ("c.jsonl", "{\"userId\": \"7\"}\n\n[]\n{}\n"),
    ]);
    let check = |arguments: &[&str], code: i32, answers: usize, expect: &str| {
        let run = evaluate(folder.path(), arguments, "", &[]);
        assert!(run.errors.contains(expect), "{arguments:?}: {}", run.errors);
        assert_eq!((run.code, run.lines.len()), (Some(code), answers), "{arguments:?}: {}", run.errors);
    };
    check(&["--features", "none.json"], 1, 0, "none.json cannot be read: No such file");
    check(&["--features", "c.jsonl"], 1, 0, "c.jsonl: the document cannot be read");
    check(&["--features", "neither.json"], 1, 0, "neither.json: the document has neither features nor events");
    check(&["--features", "f.json", "--context", "7"], 1, 0, "--context cannot be read: invalid type");
    check(&["--features", "f.json", "--contexts", "c.jsonl"], 1, 1, "line 3 of c.jsonl cannot be read: invalid type");
    check(&["--features", "f.json", "--contexts", "none"], 1, 0, "none cannot be read");
    check(&["--features", "f.json", "--flag", "golden"], 1, 0, "there is no flag \"golden\" among the 3");
    check(&["--features", "-", "--contexts", "-"], 1, 0, "only one of --features and --contexts can be standard input");
    check(&["--features", "f.json", "--context", "{}", "--contexts", "c.jsonl"], 2, 0, "cannot be used with");
    check(&[], 2, 0, "--features <FILE>");
    check(&["--features", "broken.json", "--all"], 0, 1, "flagstone: warning: flag \"odd\": ");
}

#[tokio::test]
async fn flags_come_from_a_server_and_its_token_stays_secret() {
    let folder = tempfile::tempdir().unwrap();
    let node = node::Setup::sqlite(folder.path()).start_ready().await;
    node::create_flag(&mut node.admin(), "from-a-server").await;
    let server = format!("http://127.0.0.1:{}", node.port);
    for url in [format!("{server}/"), format!("{server}/api"), server.clone()] {
        let run = evaluate(folder.path(), &["--url", &url, "--token", node::BACKEND], "", &[]);
        assert_eq!(run.toggles(), ["from-a-server"], "{url}: {}", run.errors);
    }
    let variables = [("UNLEASH_URL", server.as_str()), ("UNLEASH_TOKEN", node::BACKEND)];
    assert_eq!(evaluate(folder.path(), &[], "", &variables).toggles(), ["from-a-server"]);
    // A file goes before what the environment says.
    assert_eq!(
        evaluate(folder.path(), &["--features", "-", "--all"], FEATURES, &variables).lines[0]["toggles"][0]["name"],
        "dark"
    );

    let check = |url: &str, token: &str, expect: &str| {
        let run = evaluate(folder.path(), &["--url", url], "", &[("UNLEASH_TOKEN", token)]);
        assert!(run.errors.contains(expect), "{url}: {}", run.errors);
        assert_eq!((run.code, run.lines.len()), (Some(1), 0), "{url}");
        assert!(!run.errors.contains("hidden"), "{url}: {}", run.errors);
    };
    let features = format!("{server}/api/client/features cannot be read: ");
    check(&server, "*:development.hidden", &format!("{features}the server answers 401"));
    check(&server, "*:development.hidden\n", &format!("{features}the token has characters that no token has"));
    let nobody = format!("user:hidden@127.0.0.1:{}", node::free_port());
    check(&format!("http://{nobody}"), "*:development.hidden", "error sending request");
    check(&nobody, "*:development.hidden", "--url is neither http nor https");
    let run = evaluate(folder.path(), &["--url", &server], "", &[]);
    assert_eq!((run.code, run.errors.as_str()), (Some(1), "flagstone: --url needs a --token, or UNLEASH_TOKEN\n"));
}
