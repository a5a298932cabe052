//! Texts that are no JSON, or JSON that is made to hurt.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::operations::{Rig, operations};

/// Generous: what is guarded against takes minutes, or the whole process.
const FAST: Duration = Duration::from_secs(2);

fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let text = |name, text: &str| (name, text.as_bytes().to_vec());
    let nested = |open: &str, close: &str| format!("{}{}", open.repeat(10_000), close.repeat(10_000));
    vec![
        text("nothing", ""),
        text("half an object", r#"{"name": "a"#),
        text("two values", "{} {}"),
        text("single quotes", "{'name': 'a'}"),
        text("a comment", "{/* */}"),
        text("a trailing comma", r#"{"name": "a",}"#),
        text("NaN", r#"{"name": NaN}"#),
        text("Infinity", r#"[{"name": -Infinity}]"#),
        text("a number beyond all", r#"{"name": 1e999}"#),
        text("a negative number beyond all", "[-1e999]"),
        text("a leading zero", r#"{"name": 01}"#),
        text("a lone high surrogate", r#"{"name": "\ud800"}"#),
        text("a lone low surrogate", r#"["\udc00x"]"#),
        text("a raw control character", "{\"name\": \"a\u{1}b\"}"),
        text("a byte order mark", "\u{feff}{}"),
        text("lists in lists", &nested("[", "]")),
        text("objects in objects", &format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000))),
        text("open lists", &"[".repeat(100_000)),
        text("an endless number", &format!("[{}]", "9".repeat(1_000_000))),
        text("an endless fraction", &format!("[0.{}e]", "9".repeat(1_000_000))),
        text("the same key twice", r#"{"zzz": 1, "zzz": 2}"#),
        text("the same key twice, deep", r#"[{"a": {"b": 1, "\u0062": 2}}]"#),
        ("invalid UTF-8", b"{\"name\": \"\xff\xfe\"}".to_vec()),
        ("an overlong slash", b"{\"name\": \"\xc0\xaf\"}".to_vec()),
        ("a surrogate in UTF-8", b"{\"name\": \"\xed\xa0\x80\"}".to_vec()),
        ("UTF-16", r#"{"a":1}"#.encode_utf16().flat_map(u16::to_le_bytes).collect()),
    ]
}

#[tokio::test]
async fn t31_hostile_json_is_refused_fast_by_every_operation() {
    let rig = Rig::new().await;
    for operation in operations(&rig) {
        for (name, bytes) in hostile() {
            let (before, began) = (rig.revision(), Instant::now());
            let answer = rig.send(&operation, bytes).await;
            let context = format!("{name}: {} {}", operation.method, operation.template);
            assert_eq!(answer.status, 400, "{context}: {}", answer.text);
            rig.assert_refused(&answer, before, &context);
            assert!(began.elapsed() < FAST, "{context}: {:?}", began.elapsed());
        }
    }
}

#[tokio::test]
async fn t31_a_key_that_stands_twice_is_refused_wherever_it_stands() {
    let rig = Rig::new().await;
    for operation in operations(&rig) {
        // The text of the valid body, with every key of every object in it once more.
        for key in keys(&operation.body) {
            let text = operation.body.to_string();
            let twice = text.replacen(&format!("\"{key}\":"), &format!("\"{key}\":null,\"{key}\":"), 1);
            assert_ne!(text, twice);
            let before = rig.revision();
            let answer = rig.send(&operation, twice).await;
            let context = format!("{key}: {} {}", operation.method, operation.template);
            assert_eq!(answer.status, 400, "{context}: {}", answer.text);
            rig.assert_refused(&answer, before, &context);
        }
    }
}

fn keys(value: &Value) -> Vec<String> {
    match value {
        Value::Object(map) => map.iter().flat_map(|(k, v)| std::iter::once(k.clone()).chain(keys(v))).collect(),
        Value::Array(list) => list.iter().flat_map(keys).collect(),
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn t31_very_many_keys_and_odd_keys_are_harmless() {
    let rig = Rig::new().await;
    for operation in operations(&rig) {
        let count = if operation.takes_much() { 800_000 } else { 90_000 };
        let many: Vec<String> = (0..count).map(|n| format!("\"k{n}\":0")).collect();
        let many = format!("{{{}}}", many.join(","));
        let odd = r#"{"__proto__": {"admin": true}, "constructor": {"prototype": {}}, "": 1, "\u0000": 2}"#.to_owned();
        for (name, text) in [("many", many), ("odd", odd)] {
            let began = Instant::now();
            let answer = rig.send(&operation, text).await;
            let context = format!("{name}: {} {}", operation.method, operation.template);
            let status = answer.status.as_u16();
            // Where nothing is required, unknown keys change nothing.
            assert!(matches!(status, 200..=202 | 400 | 404), "{context}: {status} {}", answer.text);
            assert!(answer.text.len() < 100_000, "{context}: an answer of {} bytes", answer.text.len());
            assert!(began.elapsed() < 5 * FAST, "{context}: {:?}", began.elapsed());
        }
    }
    rig.it.admin("GET", "/api/admin/user", Value::Null).await.expect(200);
}
