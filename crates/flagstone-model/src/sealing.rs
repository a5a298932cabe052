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
use crate::signup_links::SignupLink;
use crate::state::Document;
use crate::strategy_types::StrategyType;
use crate::tags::{Tag, TagType};
use crate::users::{self, User};

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
        | Setting::KIND
        | StrategyType::KIND
        | Tag::KIND
        | TagType::KIND => Sealing::Texts(&[]),
        Feature::KIND => Sealing::Texts(&["/createdBy/name"]),
        Segment::KIND => Sealing::Texts(&["/createdBy"]),
        SignupLink::KIND => Sealing::Texts(&["/hash", "/createdBy"]),
        ApiToken::KIND => Sealing::Texts(&["/hash", "/alias"]),
        // Integration, user, favorites, UI state, personal access token, password reset.
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

/// A sealed piece that is there.
#[derive(Clone, Copy, Debug)]
pub struct SealedPiece<'a> {
    /// The commit that it is a piece of. Changes whose documents are gone are not in it: see `document`.
    pub commit: &'a Commit,
    /// Where: a JSON pointer, see [`places`].
    pub place: &'a str,
    /// Kind and id of the document that it is a piece of, or all of.
    pub document: Option<(&'a str, &'a str)>,
    /// Its JSON text.
    pub text: &'a str,
}

impl SealedPiece<'_> {
    /// Whether it is about a user, by id; `labels` are the names and addresses that the user has ever gone by.
    pub fn is_about(&self, user_id: i64, labels: &[String]) -> bool {
        let body = &self.commit.body;
        let value = serde_json::from_str::<serde_json::Value>(self.text).unwrap_or_default();
        if value == REDACTED {
            return false;
        }
        let names = value.as_str().is_some_and(|name| labels.iter().any(|label| label == name));
        let id_in = |field: &str| value.get(field).and_then(serde_json::Value::as_i64) == Some(user_id);
        if let Some((kind, id)) = self.document {
            let creator = || {
                let document = body.changes.iter().find(|change| change.kind == kind && change.id == id)?;
                document.body.as_ref()?.pointer("/createdBy/id")?.as_i64()
            };
            return match kind {
                User::KIND => id.parse() == Ok(user_id),
                Feature::KIND => creator() == Some(user_id),
                _ => names || id_in("userId"),
            };
        }
        let Some(rest) = self.place.strip_prefix("/events/") else { return self.commit.actor.id == user_id };
        let (at, field) = rest.split_once('/').unwrap_or((rest, ""));
        let Some(event) = at.parse::<usize>().ok().and_then(|at| body.events.get(at)) else { return false };
        match field {
            "createdBy" | "ip" => event.created_by_user_id == user_id,
            // That somebody of this number was erased is all that is left.
            _ if event.kind == users::ERASED => false,
            _ => names || id_in("userId") || (event.kind.starts_with("user-") && id_in("id")),
        }
    }
}
