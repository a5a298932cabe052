//! What each provider is sent, and what its answers mean.

use flagstone_model::Timestamp;
use serde_json::json;

use super::*;

fn integration(provider: &str, parameters: Value) -> Integration {
    serde_json::from_value(json!({
        "id": 1, "provider": provider, "enabled": true, "parameters": parameters, "events": ["*"], "projects": [],
        "environments": [], "createdAt": "2027-01-15T08:00:00Z", "since": 0, "seesPrivate": true,
    }))
    .unwrap()
}

fn event() -> Event {
    Event {
        id: 7,
        kind: "feature-environment-enabled".to_owned(),
        created_at: Timestamp::from_millis(1_800_000_000_000),
        created_by: "ada <a@b.c>".to_owned(),
        created_by_user_id: 3,
        project: Some("shop".to_owned()),
        environment: Some("production".to_owned()),
        feature_name: Some("new_cart".to_owned()),
        ..Event::default()
    }
}

fn sent(provider: &str, parameters: Value) -> Vec<(String, HeaderMap, Value, Option<String>)> {
    sent_of(&event(), provider, parameters)
}

fn sent_of(event: &Event, provider: &str, parameters: Value) -> Vec<(String, HeaderMap, Value, Option<String>)> {
    let parts = parts(&integration(provider, parameters), event, "https://flags.example.com/").unwrap();
    let read = |part: Part| (part.url, part.headers, serde_json::from_str(&part.body).unwrap(), part.channel);
    parts.into_iter().map(read).collect()
}

fn one(provider: &str, parameters: Value) -> (String, HeaderMap, Value) {
    let mut all = sent(provider, parameters);
    assert_eq!(all.len(), 1);
    let (url, headers, body, _) = all.remove(0);
    (url, headers, body)
}

const URL: &str = "https://hooks.example.com/x";

#[test]
fn a_webhook_gets_the_event_or_what_its_template_says() {
    let (url, headers, body) = one("webhook", json!({"url": URL, "authorization": "word"}));
    assert_eq!((url.as_str(), headers["content-type"].as_bytes()), (URL, &b"application/json"[..]));
    assert_eq!((headers["authorization"].as_bytes(), body["id"].as_u64()), (&b"word"[..], Some(7)));
    assert!(headers["authorization"].is_sensitive());
    let template =
        r#"{"w": "{{event.type}}", "by": "{{event.createdBy}}", "all": {{{eventJson}}}, "m": "{{{eventMarkdown}}}"}"#;
    let template = template.replace(r#", "m": "{{{eventMarkdown}}}""#, "");
    let (_, headers, body) = one("webhook", json!({"url": URL, "bodyTemplate": template, "contentType": "text/x"}));
    assert_eq!(headers["content-type"], "text/x");
    assert_eq!((&body["w"], &body["by"]), (&json!("feature-environment-enabled"), &json!("ada &lt;a@b.c&gt;")));
    assert_eq!(body["all"]["featureName"], "new_cart");
    let custom =
        json!({"url": URL, "customHeaders": "{\"X-A\": \"b\", \"authorization\": \"c\"}", "authorization": "word"});
    let (_, headers, _) = one("webhook", custom);
    assert_eq!(
        (&headers["x-a"], &headers["authorization"]),
        (&HeaderValue::from_static("b"), &HeaderValue::from_static("word"))
    );
}

#[test]
fn chats_are_told_channel_by_channel() {
    let all = sent("slack-app", json!({"accessToken": "xoxb-1", "defaultChannels": "general, flags,,"}));
    let channels: Vec<_> = all
        .iter()
        .map(|(_, _, body, channel)| (body["channel"].as_str().unwrap(), channel.as_deref().unwrap()))
        .collect();
    assert_eq!(channels, [("general", "general"), ("flags", "flags")]);
    let (url, headers, body, _) = &all[0];
    assert_eq!((url.as_str(), headers["authorization"].as_bytes()), (SLACK_POST, &b"Bearer xoxb-1"[..]));
    assert_eq!(
        body["text"],
        "*ada &lt;a@b.c&gt;* switched on the flag *new_cart* in project *shop* in environment *production* \
         (<https://flags.example.com/projects/shop/features/new_cart|look at it>)"
    );
    assert!(sent("slack-app", json!({"accessToken": "xoxb-1"})).is_empty());
    let (_, _, body) = one("slack", json!({"url": URL, "defaultChannel": "general", "username": "Bot"}));
    assert_eq!((&body["channel"], &body["username"]), (&json!("general"), &json!("Bot")));
    let (_, _, body) = one("teams", json!({"url": URL}));
    assert!(
        body["text"].as_str().unwrap().starts_with("**ada \\<a@b.c\\>** switched on the flag **new\\_cart**"),
        "{body}"
    );
    let (_, _, body) = one("teamsworkflow", json!({"url": URL}));
    let card = &body["attachments"][0]["content"];
    assert_eq!(
        (&card["type"], &card["actions"][0]["url"]),
        (&json!("AdaptiveCard"), &json!("https://flags.example.com/projects/shop/features/new_cart"))
    );
}

#[test]
fn tags_of_a_feature_say_where_and_how_it_is_told() {
    let tags =
        [("slack", "flags"), ("slack", "team, flags"), ("team", "red"), ("datadog", "tier:1"), ("new-relic", "n")];
    let tags = tags.map(|(kind, value)| Tag { kind: kind.to_owned(), value: value.to_owned() });
    let event = Event { tags: tags.into(), ..event() };
    let channels = |provider: &str, parameters: Value| {
        let all = sent_of(&event, provider, parameters);
        all.into_iter().map(|(_, _, body, _)| body["channel"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // The webhook's channel is for those features that have none; an app tells all of its channels.
    assert_eq!(channels("slack", json!({"url": URL, "defaultChannel": "general"})), ["flags", "team"]);
    let app = json!({"accessToken": "xoxb-1", "defaultChannels": "general,flags"});
    assert_eq!(channels("slack-app", app), ["general", "flags", "team"]);
    assert_eq!(channels("slack-app", json!({"accessToken": "xoxb-1"})), ["flags", "team"]);
    let own = ["tier:1", "new-relic:n", "slack:flags", "slack:team, flags", "team:red"];
    let (_, _, body, _) = sent_of(&event, "datadog", json!({"apiKey": "key"})).remove(0);
    let of = ["feature:new_cart", "project:shop", "environment:production"];
    assert_eq!(body["tags"], json!([of.as_slice(), own.as_slice()].concat()));
    let (_, _, body, _) = sent_of(&event, "new-relic", json!({"licenseKey": "key", "url": URL})).remove(0);
    assert_eq!(body["tags"], "datadog:tier:1, n, slack:flags, slack:team, flags, team:red");
}

#[test]
fn monitors_are_told_with_keys_of_theirs() {
    let (url, headers, body) = one("datadog", json!({"apiKey": "key", "sourceTypeName": "flags"}));
    assert_eq!((url.as_str(), headers["dd-api-key"].as_bytes()), (DATADOG_EVENTS, &b"key"[..]));
    assert_eq!(body["tags"], json!(["feature:new_cart", "project:shop", "environment:production"]));
    assert_eq!(
        (&body["source_type_name"], body["text"].as_str().unwrap().starts_with("%%%\n")),
        (&json!("flags"), true)
    );
    let (_, _, body) = one("datadog", json!({"apiKey": "key", "url": URL, "bodyTemplate": "{{event.type}}!"}));
    assert_eq!(body["text"], "feature-environment-enabled!");
    let (_, headers, body) = one("new-relic", json!({"licenseKey": "key", "url": URL}));
    assert_eq!((headers["api-key"].as_bytes(), &body["featureName"]), (&b"key"[..], &json!("new_cart")));
}

#[test]
fn answers_mean_something() {
    let answered = |status, body: &str| Ok(Incoming { status, retry_after_s: Some(9), body: body.to_owned() });
    let check = |provider: &str, answer: &Result<Incoming, Unanswered>, expect: &str| {
        let found = verdict(provider, answer);
        let name = match &found {
            Verdict::Arrived => "arrived",
            Verdict::Again(..) => "again",
            Verdict::Never(_) => "never",
        };
        assert_eq!(name, expect, "{provider} {answer:?}: {found:?}");
        assert!(!format!("{found:?}").contains("echo"), "what it answers may hold what was sent");
    };
    for (status, expect) in [
        (200, "arrived"),
        (204, "arrived"),
        (301, "never"),
        (400, "never"),
        (401, "never"),
        (404, "never"),
        (408, "again"),
        (429, "again"),
        (500, "again"),
        (503, "again"),
    ] {
        check("webhook", &answered(status, "echo"), expect);
    }
    assert_eq!(
        verdict("webhook", &answered(429, "")),
        Verdict::Again("The receiver answered 429.".to_owned(), Some(9))
    );
    for (body, expect) in [
        (r#"{"ok": true}"#, "arrived"),
        (r#"{"ok": false, "error": "channel_not_found"}"#, "never"),
        (r#"{"ok": false, "error": "ratelimited"}"#, "again"),
        ("echo", "again"),
    ] {
        check("slack-app", &answered(200, body), expect);
    }
    check("webhook", &Err(Unanswered::Failed("gone".to_owned())), "again");
    check("webhook", &Err(Unanswered::Refused("private".to_owned())), "never");
}
