//! What goes into the store and comes out of it, besides commits.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use flagstone_model::commit::{Commit, Event};
use flagstone_model::time::Timestamp;

/// How a store is opened. The defaults are right for a server.
#[derive(Clone, Debug)]
pub struct Options {
    /// The longest that one statement may take.
    pub statement_timeout: Duration,
    /// The longest wait for a connection.
    pub acquire_timeout: Duration,
    /// The longest that one [`crate::Store::append`] may take, all tries together, before it is given up and looked
    /// into, plus a millisecond for each row it writes.
    pub append_timeout: Duration,
    /// Connections for reading and telemetry; the log and the listener have one more each.
    pub max_connections: u32,
    /// PostgreSQL only: the schema that holds the tables; made if it is missing. Otherwise the user's default one.
    pub schema: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            statement_timeout: Duration::from_secs(5),
            acquire_timeout: Duration::from_millis(1_500),
            append_timeout: Duration::from_millis(1_500),
            max_connections: 5,
            schema: None,
        }
    }
}

/// The end of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Of the last commit; 0 when there is none.
    pub seq: u64,
    /// Of the last commit; zeros when there is none.
    pub chain_hash: [u8; 32],
    /// Of the last commit, and so the highest: what the newest release that has written here knows.
    pub format: u32,
    /// The highest event id; 0 when there is none.
    pub last_event_id: u64,
}

/// A document as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDocument {
    /// The noun, for instance `feature`.
    pub kind: String,
    /// The key within its kind.
    pub id: String,
    /// The commit that put it.
    pub seq: u64,
    /// JSON text.
    pub body: String,
}

/// Everything the state is made of, as of one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The end of the log.
    pub head: Head,
    /// All documents, by kind and id.
    pub documents: Vec<StoredDocument>,
}

/// Some of the log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The oldest first.
    pub commits: Vec<Commit>,
    /// Whether there was nothing behind them when they were read.
    pub is_end: bool,
}

/// What became of an append that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// All commits are on disk.
    Done,
    /// Another node was first, or the commits do not follow the head. Nothing was stored: catch up and try again.
    Conflict,
    /// A lease under which the commits were made has passed on. Nothing was stored.
    Superseded,
}

/// What [`crate::Store::verify`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// Commits that were checked.
    pub commits: u64,
    /// Sealed pieces that redactions took out of them.
    pub redacted: u64,
    /// Documents that were compared with the log.
    pub documents: u64,
    /// Events that were compared with the log.
    pub events: u64,
    /// The chain hash of the last commit: note it elsewhere, and cutting off the log's end shows as well.
    pub chain_hash: [u8; 32],
    /// The first thing that is wrong.
    pub broken: Option<Broken>,
}

impl Verification {
    /// Whether nothing is wrong.
    pub fn is_intact(&self) -> bool {
        self.broken.is_none()
    }
}

/// Where the log, or what is derived from it, is not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The commit.
    pub seq: u64,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The commit is missing.
    Gap,
    /// The body is not the one that was hashed.
    BodyHash,
    /// The number, time, format or hash is not the one that was chained.
    ChainHash,
    /// The sealed piece at this place is not the one that was hashed, or gone without a redaction.
    Piece(String),
    /// It takes pieces out of earlier commits that are still there, or were never there.
    Redaction,
    /// The body cannot be read.
    Unreadable(String),
    /// A document is not what the log says: kind and id.
    Document(String, String),
    /// An event is not what the log says.
    Event(u64),
    /// The documents that the log begins with, since it was compacted, are not those that were kept.
    Base,
    /// The index of which commits changed a document is not what the log up to here says.
    Changes,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seq = self.seq;
        match &self.fault {
            Fault::Gap => write!(f, "commit {seq} is missing"),
            Fault::BodyHash => write!(f, "commit {seq}: its body was changed"),
            Fault::ChainHash => write!(f, "commit {seq}: its number, time, format or hash was changed"),
            Fault::Piece(place) => write!(f, "commit {seq}: the sealed piece at {place} was changed or taken away"),
            Fault::Redaction => write!(f, "commit {seq}: what it redacts is still there, or never was"),
            Fault::Unreadable(why) => write!(f, "commit {seq}: its body cannot be read: {why}"),
            Fault::Document(kind, id) => write!(f, "commit {seq}: the {kind} `{id}` is not what the log says"),
            Fault::Base => write!(f, "commit {seq}: what is kept of the log up to here was changed"),
            Fault::Changes => write!(f, "commit {seq}: the index of changes up to here is not what the log says"),
            Fault::Event(id) => write!(f, "commit {seq}: event {id} is not what the log says"),
        }
    }
}

/// Which events, and which page of them. An empty list filters nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// These events alone.
    pub ids: Vec<u64>,
    /// Any of these features.
    pub features: Vec<String>,
    /// Any of these projects.
    pub projects: Vec<String>,
    /// Any of these environments.
    pub environments: Vec<String>,
    /// Any of these types.
    pub types: Vec<String>,
    /// Made by any of these users, by id; or by one of `created_by`.
    pub created_by_ids: Vec<i64>,
    /// Made by any of these, by name; or by one of `created_by_ids`.
    pub created_by: Vec<String>,
    /// Not before. Where a writer's clock stood more than a day behind, its events may be missing.
    pub from: Option<Timestamp>,
    /// Not after, in the same way.
    pub to: Option<Timestamp>,
    /// Found literally in type, feature, creator, project, environment, data or previous data; letters in either case.
    pub text: Option<String>,
    /// Only events of these projects, and those of no project. `None`: all.
    pub visible_projects: Option<Vec<String>>,
    /// By id.
    pub order: Order,
    /// Only those that come after this event in the order: the last one of the page before. It costs nothing, whatever
    /// was before.
    pub after: Option<u64>,
    /// How many to skip.
    pub offset: u64,
    /// How many to return at most.
    pub limit: u64,
    /// Not to count how many match in all, which takes longer the more there are.
    pub without_total: bool,
}

/// By id, which is by time of commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest first.
    #[default]
    Descending,
    /// The oldest first.
    Ascending,
}

/// What events are counted of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivityOf<'a> {
    /// A project.
    Project(&'a str),
    /// An environment, in all projects.
    Environment(&'a str),
}

/// One page of events.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventPage {
    /// The page.
    pub events: Vec<Event>,
    /// How many match in all, before `after` and behind it, up to [`crate::EVENTS_COUNTED_MAX`], or with a text
    /// [`crate::EVENTS_WITH_TEXT_COUNTED_MAX`]; 0 of a query without a total.
    pub total: u64,
}

/// Someone who made an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventCreator {
    /// User id, or one of the negative ids of [`flagstone_model::commit::Actor`].
    pub id: i64,
    /// Name on the newest of their events.
    pub name: String,
}

/// The SHA-256 of a session's id. The id itself is never stored.
pub type SessionHash = [u8; 32];

/// Someone who is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The SHA-256 of the session's id.
    pub hash: SessionHash,
    /// Whose it is.
    pub user_id: i64,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The user's session generation when it began: a session of an older generation is void.
    pub generation: i64,
}

/// What was counted and seen since the last flush. Rows with the same key are added up.
///
/// Text is cut to 500 bytes and NUL becomes U+FFFD, so that no row can make a batch fail.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TelemetryBatch {
    /// Evaluations.
    pub usage: Vec<UsageRow>,
    /// When features were last evaluated.
    pub last_seen: Vec<LastSeen>,
    /// When API tokens were last used.
    pub tokens_seen: Vec<TokenSeen>,
    /// When users were last active.
    pub users_seen: Vec<UserSeen>,
    /// When personal access tokens were last used.
    pub pats_seen: Vec<PatSeen>,
    /// Applications that registered or sent metrics.
    pub applications: Vec<Application>,
    /// Where applications are used.
    pub app_usage: Vec<AppUsage>,
    /// Running SDKs.
    pub instances: Vec<Instance>,
    /// Evaluations of features that do not exist.
    pub unknown_flags: Vec<UnknownFlag>,
    /// Attempts to log in.
    pub logins: Vec<LoginRecord>,
}

impl TelemetryBatch {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.usage.is_empty()
            && self.last_seen.is_empty()
            && self.tokens_seen.is_empty()
            && self.users_seen.is_empty()
            && self.pats_seen.is_empty()
            && self.applications.is_empty()
            && self.app_usage.is_empty()
            && self.instances.is_empty()
            && self.unknown_flags.is_empty()
            && self.logins.is_empty()
    }
}

/// How often a feature was evaluated by one application in one environment in one hour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageRow {
    /// The feature's name.
    pub feature: String,
    /// The application.
    pub app_name: String,
    /// The environment.
    pub environment: String,
    /// The start of the hour.
    pub hour: Timestamp,
    /// How often it was on.
    pub yes: u64,
    /// How often it was off.
    pub no: u64,
    /// How often each variant was chosen.
    pub variants: BTreeMap<String, u64>,
}

/// When a feature was last evaluated in an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastSeen {
    /// The feature's name.
    pub feature: String,
    /// The environment.
    pub environment: String,
    /// When; the latest wins.
    pub at: Timestamp,
}

/// When an API token was last used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSeen {
    /// The token's document id; never its secret.
    pub token_id: String,
    /// When; the latest wins.
    pub at: Timestamp,
}

/// When a user was last active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserSeen {
    /// The user.
    pub user_id: i64,
    /// When; the latest wins.
    pub at: Timestamp,
}

/// When a personal access token was last used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatSeen {
    /// The token's number.
    pub pat_id: i64,
    /// When; the latest wins.
    pub at: Timestamp,
}

/// An application that uses an SDK. What is absent here leaves what is stored as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Application {
    /// Its name, the key.
    pub app_name: String,
    /// Free text.
    pub description: Option<String>,
    /// Its home page.
    pub url: Option<String>,
    /// A name of an icon.
    pub icon: Option<String>,
    /// A CSS colour.
    pub color: Option<String>,
    /// Names of the strategies that its SDK knows; an empty list leaves what is stored.
    pub strategies: Vec<String>,
    /// The name of the first token it came with.
    pub created_by: String,
    /// When it was first seen; the earliest wins.
    pub created_at: Timestamp,
    /// When it was last seen; the latest wins.
    pub seen_at: Timestamp,
    /// When its newest process started; the latest wins.
    pub started: Timestamp,
}

/// An application uses features of a project in an environment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AppUsage {
    /// The application.
    pub app_name: String,
    /// The project, or `*`.
    pub project: String,
    /// The environment.
    pub environment: String,
}

/// One running SDK.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instance {
    /// The application.
    pub app_name: String,
    /// The environment.
    pub environment: String,
    /// The SDK's own id.
    pub instance_id: String,
    /// For instance `unleash-client-node:6.1.0`.
    pub sdk_version: Option<String>,
    /// Where it called from.
    pub client_ip: Option<String>,
    /// When it was first seen; the earliest wins.
    pub created_at: Timestamp,
    /// When it was last seen; the latest wins.
    pub seen_at: Timestamp,
}

/// What was seen of an application in an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connections {
    /// The environment.
    pub environment: String,
    /// The application.
    pub app_name: String,
    /// How many instances of it.
    pub instances: u64,
    /// When the last of them was seen.
    pub seen_at: Timestamp,
}

/// A name that was evaluated though no such feature exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFlag {
    /// The name.
    pub name: String,
    /// The application.
    pub app_name: String,
    /// The environment.
    pub environment: String,
    /// When; the latest wins.
    pub seen_at: Timestamp,
    /// How often; added up.
    pub count: u64,
}

/// An attempt to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginRecord {
    /// The name that was given.
    pub username: String,
    /// Where it came from.
    pub ip: Option<String>,
    /// Whether it succeeded.
    pub successful: bool,
    /// Why it failed.
    pub failure_reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// What is old enough to be forgotten. `None` keeps all of that kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trim {
    /// Usage of hours before this.
    pub usage_before: Option<Timestamp>,
    /// Instances not seen since.
    pub instances_before: Option<Timestamp>,
    /// Unknown flags not seen since.
    pub unknown_flags_before: Option<Timestamp>,
    /// Attempts to log in before this.
    pub logins_before: Option<Timestamp>,
    /// Applications not seen since, with where they are used.
    pub applications_before: Option<Timestamp>,
    /// All applications but so many that were seen last, with where they are used.
    pub applications_max: Option<u64>,
    /// All instances but so many that were seen last.
    pub instances_max: Option<u64>,
}

/// What no longer exists, and what is therefore no longer known of it: names can be taken again, and rows would
/// gather for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gone {
    /// Features: their usage and when they were last evaluated.
    pub features: Vec<String>,
    /// Environments: the usage there, when features were last evaluated there, and what runs there.
    pub environments: Vec<String>,
    /// API tokens, by document id.
    pub tokens: Vec<String>,
    /// Users.
    pub users: Vec<i64>,
    /// Personal access tokens.
    pub pats: Vec<i64>,
}

impl Gone {
    /// Whether nothing is gone.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
