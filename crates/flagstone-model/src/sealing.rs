//! Which pieces of the log are sealed: what is about a person, and what opens something. Their text stands beside the
//! hashed body and can be taken away; `docs/log-format.md` says how.

use crate::api_tokens::ApiToken;
use crate::commit::Commit;
use crate::context_fields::ContextField;
use crate::environments::{Environment, EnvironmentRevision};
use crate::features::Feature;
use crate::permissions::Role;
use crate::projects::Project;
use crate::segments::Segment;
use crate::settings::Setting;
use crate::state::Document;

/// What stands in the place of a text that was taken out of a document, or of a name.
pub const REDACTED: &str = "[redacted]";

/// How much of a JSON value is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealing {
    /// All of it.
    Whole,
    /// The texts at these JSON pointers, where there are any.
    Texts(&'static [&'static str]),
}

/// How much of a document of this kind is sealed. What nobody has thought about is sealed whole.
pub fn of_document(kind: &str) -> Sealing {
    match kind {
        Project::KIND
        | Environment::KIND
        | EnvironmentRevision::KIND
        | ContextField::KIND
        | Role::KIND
        | Setting::KIND => Sealing::Texts(&[]),
        Feature::KIND => Sealing::Texts(&["/createdBy/name"]),
        Segment::KIND => Sealing::Texts(&["/createdBy"]),
        ApiToken::KIND => Sealing::Texts(&["/hash", "/alias"]),
        // User, personal access token, password reset.
        _ => Sealing::Whole,
    }
}

/// How much of an event's data, before and after, is sealed.
pub fn of_event(kind: &str) -> Sealing {
    if ["user-", "pat-", "password-"].iter().any(|about_people| kind.starts_with(about_people)) {
        Sealing::Whole
    } else {
        Sealing::Texts(&["/createdBy", "/createdBy/name"])
    }
}

/// The places of a commit that are sealed, as JSON pointers into `{"actor", "changes", "events"}`. An event that the
/// actor made, as is the rule, does not name them again.
pub fn places(commit: &Commit) -> Vec<String> {
    let mut places = vec!["/actor/name".to_owned()];
    if commit.actor.ip.is_some() {
        places.push("/actor/ip".to_owned());
    }
    let mut within = |place: String, value: &serde_json::Value, sealing: Sealing| match sealing {
        Sealing::Whole => places.push(place),
        Sealing::Texts(texts) => {
            let found = texts.iter().filter(|text| value.pointer(text).is_some_and(serde_json::Value::is_string));
            places.extend(found.map(|text| format!("{place}{text}")));
        }
    };
    for (at, change) in commit.body.changes.iter().enumerate() {
        if let Some(body) = &change.body {
            within(format!("/changes/{at}/body"), body, of_document(&change.kind));
        }
    }
    for (at, event) in commit.body.events.iter().enumerate() {
        if !event.is_by(&commit.actor) {
            within(format!("/events/{at}/createdBy"), &serde_json::Value::Null, Sealing::Whole);
            if event.ip.is_some() {
                within(format!("/events/{at}/ip"), &serde_json::Value::Null, Sealing::Whole);
            }
        }
        for (name, data) in [("data", &event.data), ("preData", &event.pre_data)] {
            if let Some(data) = data.as_ref().filter(|data| !data.is_null()) {
                within(format!("/events/{at}/{name}"), data, of_event(&event.kind));
            }
        }
    }
    places
}
