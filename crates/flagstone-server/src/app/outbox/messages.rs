//! What people read of an event.

use flagstone_model::commit::Event;
use serde_json::{Value, json};

/// How a text marks what stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Markup {
    /// Markdown.
    Markdown,
    /// Slack's own: <https://docs.slack.dev/messaging/formatting-message-text>.
    Slack,
    /// None.
    Plain,
}

impl Markup {
    fn strong(self, text: &str) -> String {
        match self {
            Self::Markdown => format!("**{}**", markdown(text)),
            Self::Slack => format!("*{}*", slack(text)),
            Self::Plain => text.to_owned(),
        }
    }
}

fn markdown(text: &str) -> String {
    text.chars().flat_map(|c| ("\\`*_[]<>".contains(c)).then_some('\\').into_iter().chain([c])).collect()
}

fn slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('*', "∗")
}

/// What happened, by the type of the event. What is not here is said by the type's own words.
const DONE: &[(&str, &str)] = &[
    ("addon-config-created", "created the integration"),
    ("addon-config-deleted", "deleted the integration"),
    ("addon-config-updated", "changed the integration"),
    ("api-token-created", "created the API token"),
    ("api-token-deleted", "deleted the API token"),
    ("context-field-created", "created the context field"),
    ("context-field-deleted", "deleted the context field"),
    ("context-field-updated", "changed the context field"),
    ("feature-archived", "archived the flag"),
    ("feature-created", "created the flag"),
    ("feature-deleted", "deleted the flag"),
    ("feature-environment-disabled", "switched off the flag"),
    ("feature-environment-enabled", "switched on the flag"),
    ("feature-environment-variants-updated", "changed the variants of the flag"),
    ("feature-metadata-updated", "changed the description of the flag"),
    ("feature-potentially-stale-on", "marked as probably outdated the flag"),
    ("feature-project-change", "moved the flag"),
    ("feature-revived", "brought back the flag"),
    ("feature-stale-off", "took the mark of being outdated from the flag"),
    ("feature-stale-on", "marked as outdated the flag"),
    ("feature-strategy-add", "added a strategy to the flag"),
    ("feature-strategy-remove", "removed a strategy from the flag"),
    ("feature-strategy-update", "changed a strategy of the flag"),
    ("feature-tagged", "tagged the flag"),
    ("feature-untagged", "took a tag from the flag"),
    ("project-archived", "archived the project"),
    ("project-created", "created the project"),
    ("project-deleted", "deleted the project"),
    ("project-updated", "changed the project"),
    ("segment-created", "created the segment"),
    ("segment-deleted", "deleted the segment"),
    ("segment-updated", "changed the segment"),
    ("user-created", "created the user"),
    ("user-deleted", "deleted the user"),
    ("user-updated", "changed the user"),
];

/// One sentence: who did what, where.
pub fn sentence(event: &Event, markup: Markup) -> String {
    let done = DONE.iter().find(|(kind, _)| *kind == event.kind);
    let done =
        done.map_or_else(|| format!("did this: {}", event.kind.replace('-', " ")), |(_, done)| (*done).to_owned());
    let object = event.feature_name.clone().or_else(|| object(event));
    let object = object.map(|name| format!(" {}", markup.strong(&name))).unwrap_or_default();
    let is_project = event.kind.starts_with("project-");
    let places =
        [("project", event.project.as_ref().filter(|_| !is_project)), ("environment", event.environment.as_ref())];
    let places: String =
        places.iter().filter_map(|(word, name)| Some(format!(" in {word} {}", markup.strong((*name)?)))).collect();
    format!("{} {done}{object}{places}", markup.strong(&event.created_by))
}

/// What the thing is called that an event without a feature is about.
fn object(event: &Event) -> Option<String> {
    let of = |data: &Value| {
        let fields = ["name", "tokenName", "username", "email", "provider", "id"];
        fields.into_iter().find_map(|field| match data.get(field)? {
            Value::String(name) => Some(name.clone()),
            Value::Number(id) => Some(id.to_string()),
            _ => None,
        })
    };
    event.data.as_ref().and_then(of).or_else(|| event.pre_data.as_ref().and_then(of)).or_else(|| event.project.clone())
}

/// Where the feature of an event can be looked at.
pub fn link(event: &Event, public_url: &str) -> Option<String> {
    let (feature, project) = (event.feature_name.as_ref()?, event.project.as_ref()?);
    let is_there = !matches!(event.kind.as_str(), "feature-archived" | "feature-deleted");
    is_there.then(|| format!("{}/projects/{project}/features/{feature}", public_url.trim_end_matches('/')))
}

/// An event as programs get it.
pub fn event_json(event: &Event) -> Value {
    json!({
        "id": event.id,
        "type": event.kind,
        "createdBy": event.created_by,
        "createdAt": event.created_at,
        "createdByUserId": event.created_by_user_id,
        "data": event.data,
        "preData": event.pre_data,
        "tags": [],
        "featureName": event.feature_name,
        "project": event.project,
        "environment": event.environment,
    })
}
