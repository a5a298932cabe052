//! What the log holds: documents put and deleted, plus the audit events that say why.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::time::Timestamp;

/// One entry of the log. `seq` is assigned by the writer: the head's plus one, without gaps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Commit {
    /// Position in the log, from 1.
    pub seq: u64,
    /// 32 hex digits drawn by the writer, so that it can tell its own commit from another node's.
    pub id: String,
    /// When the rule ran, by the writer's clock. Order never depends on it.
    pub at: Timestamp,
    /// Who asked.
    pub actor: Actor,
    /// What changed, and why.
    pub body: CommitBody,
}

/// The part of a commit that is hashed as one text.
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// The object afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// The object before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_data: Option<Value>,
}
