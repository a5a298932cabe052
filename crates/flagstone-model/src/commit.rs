//! What the log holds: documents put and deleted, plus the audit events that say why. How it is written down, hashed
//! and partly sealed is in `docs/log-format.md`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::tags::Tag;
use crate::time::Timestamp;

/// The format of what this release writes. It goes up by one whenever a document gains a field, a field a value, or the
/// state a kind: a release that knows less then reads on, but does not write.
pub const FORMAT: u32 = 1;

/// One entry of the log. `seq` is assigned by the writer: the head's plus one, without gaps.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    /// Position in the log, from 1.
    pub seq: u64,
    /// 32 hex digits drawn by the writer, so that it can tell its own commit from another node's.
    pub id: String,
    /// When the rule ran, by the writer's clock. Order never depends on it.
    pub at: Timestamp,
    /// The [`FORMAT`] of the release that wrote it. It never goes down along the log.
    pub format: u32,
    /// Who asked.
    pub actor: Actor,
    /// What changed, and why.
    pub body: CommitBody,
    /// The sealed pieces of earlier commits that this one takes out of the log for ever. Of each document that loses
    /// something by it, the same commit says what it is from now on.
    pub redacts: Vec<Piece>,
}

impl Default for Commit {
    fn default() -> Self {
        Self {
            seq: 0,
            id: String::new(),
            at: Timestamp::default(),
            format: FORMAT,
            actor: Actor::default(),
            body: CommitBody::default(),
            redacts: Vec::new(),
        }
    }
}

impl Commit {
    /// About how many bytes it takes in the log, without writing it: within a factor of two, except that characters
    /// which JSON escapes count as they are.
    pub fn bytes(&self) -> usize {
        let value = |value: &Option<Value>| value.as_ref().map_or(0, json_bytes);
        let changes = self.body.changes.iter().map(|c| 32 + c.kind.len() + c.id.len() + value(&c.body));
        let tags = |tags: &BTreeSet<Tag>| tags.iter().map(|t| 25 + t.kind.len() + t.value.len()).sum::<usize>();
        let events = self.body.events.iter().map(|e| 200 + tags(&e.tags) + value(&e.data) + value(&e.pre_data));
        200 + changes.chain(events).sum::<usize>() + 80 * self.redacts.len()
    }
}

fn json_bytes(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 6,
        Value::String(text) => 3 + text.len(),
        Value::Array(values) => 2 + values.iter().map(json_bytes).sum::<usize>(),
        Value::Object(fields) => {
            2 + fields.iter().map(|(name, value)| 4 + name.len() + json_bytes(value)).sum::<usize>()
        }
    }
}

/// A sealed piece of a commit, as a redaction names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Piece {
    /// The commit that it is a piece of.
    pub seq: u64,
    /// The hash that stands in its place.
    pub hash: [u8; 32],
}

/// What changed, and why.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CommitBody {
    /// Documents put and deleted; at most one entry for each document.
    pub changes: Vec<Change>,
    /// The audit events, in the order in which the rule raised them.
    pub events: Vec<Event>,
}

/// A document put or deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The noun, for instance `feature`.
    pub kind: String,
    /// The document's key within its kind.
    pub id: String,
    /// The whole document, or nothing when it is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
}

/// Who made a commit, as the audit log names them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Actor {
    /// A user's id; negative for actors that are no users (see [`Actor::SYSTEM_ID`] and [`Actor::TOKEN_ID`]).
    pub id: i64,
    /// User name, e-mail address or token name.
    pub name: String,
    /// The address the request came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
}

impl Actor {
    /// The server itself: first start, jobs, tokens from the environment.
    pub const SYSTEM_ID: i64 = -1337;
    /// An admin API token.
    pub const TOKEN_ID: i64 = -42;

    /// The server itself.
    pub fn system() -> Self {
        Self { id: Self::SYSTEM_ID, name: "system".to_owned(), ip: None }
    }
}

/// One line of the audit log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Position among all events, from 1, without gaps.
    pub id: u64,
    /// The event's type as clients know it, for instance `feature-created`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened.
    pub created_at: Timestamp,
    /// Who did it.
    pub created_by: String,
    /// Who did it, by id.
    pub created_by_user_id: i64,
    /// The address the request came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// The project it happened in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The environment it happened in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The feature it happened to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature_name: Option<String>,
    /// The feature's tags then.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<Tag>,
    /// The object afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// The object before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_data: Option<Value>,
}

impl Event {
    /// Whether `actor` did it, as is the rule: then the log names them once.
    pub fn is_by(&self, actor: &Actor) -> bool {
        self.created_by_user_id == actor.id && self.created_by == actor.name && self.ip == actor.ip
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_knows_about_how_large_it_is() {
        for count in [1, 10, 1_000] {
            let body = serde_json::json!({"name": "x".repeat(20), "on": [true, 1.5, null], "nested": {"a": "b"}});
            let change = Change { kind: "feature".to_owned(), id: "f".to_owned(), body: Some(body.clone()) };
            let event = Event { data: Some(body), ..Event::default() };
            let body = CommitBody { changes: vec![change; count], events: vec![event; count] };
            let written = serde_json::to_string(&(&body.changes, &body.events)).map_or(0, |text| text.len());
            let commit = Commit { body, ..Commit::default() };
            assert!(written / 2 < commit.bytes() && commit.bytes() < 2 * written + 400, "{written} {}", commit.bytes());
        }
    }
}
