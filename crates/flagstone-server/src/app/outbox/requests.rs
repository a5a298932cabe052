//! What each provider is sent, and what its answers mean.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use flagstone_model::commit::Event;
use flagstone_model::integrations::{Integration, MASK};
use flagstone_model::tags::Tag;
use flagstone_model::{Fault, Faults};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::messages::{Markup, event_json, link, sentence};
use super::template::Template;
use crate::http::guarded::{Guarded, Incoming, Outgoing, Unanswered};

const JSON: &str = "application/json";
const SLACK_POST: &str = "https://slack.com/api/chat.postMessage";
const DATADOG_EVENTS: &str = "https://api.datadoghq.com/api/v1/events";
/// The most channels of one integration.
const CHANNELS_MAX: usize = 50;
/// The most headers of one's own.
const HEADERS_MAX: usize = 50;

/// A request, of perhaps several that tell of one event.
pub struct Part {
    /// The request.
    pub url: String,
    /// With it.
    pub headers: HeaderMap,
    /// What it says.
    pub body: String,
    /// Where it is for, in a chat.
    pub channel: Option<String>,
}

impl Part {
    /// The request.
    pub fn outgoing(&self) -> Outgoing {
        Outgoing { method: Method::POST, url: self.url.clone(), headers: self.headers.clone(), body: self.body.clone() }
    }
}

/// The requests that tell an integration of an event; an error says what is wrong with its parameters.
pub fn parts(integration: &Integration, event: &Event, public_url: &str) -> Result<Vec<Part>, String> {
    let parameter = |name: &str| integration.parameter(name);
    let url = || parameter("url").ok_or_else(|| "It has no address.".to_owned());
    let own = event_json(event);
    let filled = || parameter("bodyTemplate").map(|text| fill(&text, event, &own)).transpose();
    let headers = |content_type: &str, secret: Option<(HeaderName, String)>| {
        let mut headers = custom_headers(parameter("customHeaders").as_deref())?;
        let value = |text: &str| {
            let mut value = HeaderValue::from_str(text).map_err(|_| "A header's value cannot be sent.".to_owned())?;
            value.set_sensitive(true);
            Ok::<_, String>(value)
        };
        headers.insert(header::CONTENT_TYPE, value(content_type)?);
        if let Some((name, text)) = secret {
            headers.insert(name, value(&text)?);
        }
        Ok::<_, String>(headers)
    };
    let one = |url: String, headers: HeaderMap, body: String| vec![Part { url, headers, body, channel: None }];
    Ok(match integration.provider.as_str() {
        "webhook" => {
            let content_type = parameter("contentType").unwrap_or_else(|| JSON.to_owned());
            let authorization = parameter("authorization").map(|text| (header::AUTHORIZATION, text));
            one(url()?, headers(&content_type, authorization)?, filled()?.unwrap_or_else(|| own.to_string()))
        }
        "slack" => {
            let mut body = slack_message(event, public_url);
            body["username"] = parameter("username").unwrap_or_else(|| "Flagstone".to_owned()).into();
            body["icon_emoji"] =
                parameter("emojiIcon").unwrap_or_else(|| ":triangular_flag_on_post:".to_owned()).into();
            let tagged = tagged(event, "slack");
            let channels = if tagged.is_empty() { parameter("defaultChannel").unwrap_or_default() } else { tagged };
            in_channels(&channels, &body, &url()?, &headers(JSON, None)?)
        }
        "slack-app" => {
            let token = parameter("accessToken").unwrap_or_default();
            let headers =
                headers("application/json; charset=utf-8", Some((header::AUTHORIZATION, format!("Bearer {token}"))))?;
            let channels = format!("{},{}", parameter("defaultChannels").unwrap_or_default(), tagged(event, "slack"));
            in_channels(&channels, &slack_message(event, public_url), SLACK_POST, &headers)
        }
        "teams" => one(url()?, headers(JSON, None)?, teams_card(event, public_url).to_string()),
        "teamsworkflow" => one(url()?, headers(JSON, None)?, workflow_card(event, public_url).to_string()),
        "datadog" => {
            let text = filled()?.unwrap_or_else(|| format!("%%%\n{}\n%%%", linked(event, public_url)));
            let mut body = json!({ "title": sentence(event, Markup::Plain), "text": text, "tags": tags(event) });
            if let Some(source) = parameter("sourceTypeName") {
                body["source_type_name"] = source.into();
            }
            let key = (HeaderName::from_static("dd-api-key"), parameter("apiKey").unwrap_or_default());
            let url = parameter("url").unwrap_or_else(|| DATADOG_EVENTS.to_owned());
            one(url, headers(JSON, Some(key))?, body.to_string())
        }
        "new-relic" => {
            let key = (HeaderName::from_static("api-key"), parameter("licenseKey").unwrap_or_default());
            let body = filled()?.unwrap_or_else(|| new_relic_event(event).to_string());
            one(url()?, headers(JSON, Some(key))?, body)
        }
        other => return Err(format!("This release does not know the provider \"{other}\".")),
    })
}

fn fill(template: &str, event: &Event, own: &Value) -> Result<String, String> {
    let data = json!({
        "event": own, "eventJson": own.to_string(), "eventMarkdown": sentence(event, Markup::Markdown),
    });
    Template::parse(template)?.fill(&data).map_err(|why| format!("The template of the body: {why}"))
}

fn in_channels(list: &str, message: &Value, url: &str, headers: &HeaderMap) -> Vec<Part> {
    let mut met = BTreeSet::new();
    let channels = list.split(',').map(str::trim).filter(|channel| !channel.is_empty() && met.insert(*channel));
    let part = |channel: &str| {
        let mut body = message.clone();
        body["channel"] = channel.into();
        Part {
            url: url.to_owned(),
            headers: headers.clone(),
            body: body.to_string(),
            channel: Some(channel.to_owned()),
        }
    };
    channels.take(CHANNELS_MAX).map(part).collect()
}

fn slack_message(event: &Event, public_url: &str) -> Value {
    let text = sentence(event, Markup::Slack);
    match link(event, public_url) {
        Some(link) => json!({ "text": format!("{text} (<{link}|look at it>)"), "unfurl_links": false }),
        None => json!({ "text": text }),
    }
}

/// <https://learn.microsoft.com/outlook/actionable-messages/message-card-reference>.
fn teams_card(event: &Event, public_url: &str) -> Value {
    json!({
        "@type": "MessageCard",
        "@context": "http://schema.org/extensions",
        "themeColor": "3D7A5A",
        "summary": sentence(event, Markup::Plain),
        "text": linked(event, public_url),
    })
}

/// <https://adaptivecards.io/explorer/>.
fn workflow_card(event: &Event, public_url: &str) -> Value {
    let open =
        link(event, public_url).map(|url| json!({ "type": "Action.OpenUrl", "title": "Look at it", "url": url }));
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": [{ "type": "TextBlock", "wrap": true, "text": sentence(event, Markup::Markdown) }],
                "actions": open.into_iter().collect::<Vec<_>>(),
            },
        }],
    })
}

/// New Relic's attributes are flat.
fn new_relic_event(event: &Event) -> Value {
    let mut body = Map::new();
    // What dashboards made for Unleash ask for.
    body.insert("eventType".to_owned(), "UnleashServiceEvent".into());
    body.insert("unleashEventType".to_owned(), event.kind.clone().into());
    let texts = [
        ("featureName", &event.feature_name),
        ("project", &event.project),
        ("environment", &event.environment),
        ("createdBy", &Some(event.created_by.clone())),
        ("summary", &Some(sentence(event, Markup::Plain))),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            body.insert(name.to_owned(), text.clone().into());
        }
    }
    if !event.tags.is_empty() {
        body.insert("tags".to_owned(), own_tags(event, "new-relic").join(", ").into());
    }
    body.insert("createdByUserId".to_owned(), event.created_by_user_id.into());
    body.insert("createdAt".to_owned(), event.created_at.millis().into());
    body.into()
}

fn linked(event: &Event, public_url: &str) -> String {
    let text = sentence(event, Markup::Markdown);
    link(event, public_url).map_or_else(|| text.clone(), |link| format!("{text} ([look at it]({link}))"))
}

fn tags(event: &Event) -> Vec<String> {
    let of = [("feature", &event.feature_name), ("project", &event.project), ("environment", &event.environment)];
    let of = of.iter().filter_map(|(name, text)| Some(format!("{name}:{}", text.as_ref()?)));
    of.chain(own_tags(event, "datadog")).collect()
}

/// The feature's tags as a monitor's: `type:value`, and the value alone of those that are for it.
fn own_tags(event: &Event, monitor: &str) -> Vec<String> {
    let text = |Tag { kind, value }: &Tag| if kind == monitor { value.clone() } else { format!("{kind}:{value}") };
    event.tags.iter().map(text).collect()
}

/// What the feature's tags of a type say, with commas between them.
fn tagged(event: &Event, kind: &str) -> String {
    let values: Vec<_> = event.tags.iter().filter(|tag| tag.kind == kind).map(|tag| tag.value.as_str()).collect();
    values.join(",")
}

/// Headers of one's own: a JSON object of texts. None of those that HTTP itself needs.
fn custom_headers(text: Option<&str>) -> Result<HeaderMap, String> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(HeaderMap::new()) };
    let wrong = || "More HTTP headers are a JSON object of names and texts.".to_owned();
    let map: Map<String, Value> = serde_json::from_str(text).map_err(|_| wrong())?;
    if map.len() > HEADERS_MAX {
        return Err(format!("At most {HEADERS_MAX} headers are allowed."));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in map {
        let text = value.as_str().ok_or_else(wrong)?;
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        if [header::HOST, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION].contains(&name) {
            return Err(format!("The header {name} cannot be chosen."));
        }
        let mut value = HeaderValue::from_str(text).map_err(|_| wrong())?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

/// What is wrong with parameters that could be told only when something is sent. A masked one is as it was.
pub fn faults(parameters: &BTreeMap<String, Value>, guarded: &Guarded) -> Vec<Fault> {
    let mut faults = Faults::default();
    let given =
        |name: &str| parameters.get(name).and_then(Value::as_str).filter(|text| !text.is_empty() && *text != MASK);
    if let Some(Err(why)) = given("url").map(|url| guarded.check(url)) {
        faults.add("/body/parameters/url", why.to_string());
    }
    if let Some(Err(why)) = given("bodyTemplate").map(Template::parse) {
        faults.add("/body/parameters/bodyTemplate", why);
    }
    if let Err(why) = custom_headers(given("customHeaders")) {
        faults.add("/body/parameters/customHeaders", why);
    }
    for name in ["authorization", "contentType", "apiKey", "licenseKey", "accessToken"] {
        if given(name).is_some_and(|text| HeaderValue::from_str(text).is_err()) {
            faults.add(format!("/body/parameters/{name}"), "This cannot stand in an HTTP header.");
        }
    }
    match faults.check() {
        Err(flagstone_model::Error::BadData(faults)) => faults,
        _ => Vec::new(),
    }
}

/// What an answer means.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has arrived.
    Arrived,
    /// It may arrive another time, perhaps not before so many seconds.
    Again(String, Option<u64>),
    /// It will not arrive, however often it is sent.
    Never(String),
}

/// What an answer means. Of its text nothing is kept: it may hold what was sent, secrets included.
pub fn verdict(provider: &str, answer: &Result<Incoming, Unanswered>) -> Verdict {
    match answer {
        Ok(Incoming { status: 200, body, .. }) if provider == "slack-app" => slack_verdict(body),
        Ok(Incoming { status: 200..=299, .. }) => Verdict::Arrived,
        Ok(Incoming { status: status @ (408 | 425 | 429 | 500..=599), retry_after_s, .. }) => {
            Verdict::Again(format!("The receiver answered {status}."), *retry_after_s)
        }
        Ok(Incoming { status, .. }) => Verdict::Never(format!("The receiver answered {status}.")),
        Err(Unanswered::Refused(why)) => Verdict::Never(why.clone()),
        Err(Unanswered::Failed(why)) => Verdict::Again(format!("The receiver did not answer: {why}."), None),
    }
}

/// Slack answers 200 in any case.
fn slack_verdict(body: &str) -> Verdict {
    let answer: Value = serde_json::from_str(body).unwrap_or_default();
    if answer["ok"] == true {
        return Verdict::Arrived;
    }
    let code = answer["error"].as_str().unwrap_or_default();
    let code: String = code.chars().filter(|c| c.is_ascii_lowercase() || *c == '_').take(50).collect();
    match code.as_str() {
        "" | "ratelimited" | "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout" => {
            Verdict::Again(format!("Slack could not do it: {code}."), None)
        }
        code => Verdict::Never(format!("Slack refuses it: {code}.")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
