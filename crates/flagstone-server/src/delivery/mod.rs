//! What the SDKs of one environment get: whole answers by scope, what has changed since a revision, and the compiled
//! engine. Everything is made once for each revision, on first use, and shared by all who ask.

mod answer;
mod compiled;
pub mod content;
pub mod history;
mod kept;
mod places;
mod revision;
mod scope;
mod settings;
mod views;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::{Arc, OnceLock};

use flagstone_eval::Engine;
use flagstone_model::State;
use flagstone_model::commit::Commit;

pub use answer::{Answer, Coding, names, not_modified};
use axum::http::HeaderMap;
use axum::response::Response;
use compiled::Compiled;
use content::{Content, FeatureItem, SegmentItem, differences};
use history::{History, Step, Touched, steps};
use kept::Kept;
pub use places::{HEARTBEAT, Listening, Place, Places};
pub use revision::{Mark, Revision};
pub use scope::{Scope, Segments};
use serde_json::value::RawValue;
pub use settings::{DeliverySettings, StreamLimits};
use views::Made;

use crate::system::locks::{Mutex, rank};

/// What one environment's SDKs get at one revision.
pub struct Delivery {
    environment: String,
    /// As clients are told.
    revision: Revision,
    /// As the log or the upstream has it.
    given: Revision,
    content: OnceLock<Arc<Content>>,
    /// What the content is made from. Nothing where it came ready or has been made: a delivery may live much longer than
    /// the state, which holds all that has changed since.
    state: Mutex<{ rank::DELIVERY_STATE }, Option<Arc<State>>>,
    history: History,
    /// Of this environment, across revisions.
    latest: Arc<Latest>,
    engine: OnceLock<Arc<Engine>>,
    /// The projects that have features.
    projects: OnceLock<BTreeSet<String>>,
    kept: Kept,
}

/// What was made last, so that the next revision makes only what is new.
#[derive(Default)]
struct Latest {
    made: Mutex<{ rank::DELIVERY_MADE }, Made>,
    engine: Mutex<{ rank::DELIVERY_ENGINE }, Compiled>,
}

/// What a client that knows a revision has to be told.
#[derive(Debug, PartialEq, Eq)]
pub enum Update {
    /// Nothing has changed for it.
    Current,
    /// The changes: `{"events":[…]}`.
    Changes(String),
    /// It knows too little, or something that never was: everything.
    Everything,
}

impl Delivery {
    /// What `environment`'s SDKs get from `state`, of which nothing earlier is known.
    pub fn first(state: &Arc<State>, environment: &str) -> Self {
        let history = History::from(Revision::of_state(state, environment));
        Self::of_state(state, environment, history, Arc::default())
    }

    /// What they get after `commits`, which lead from the state `before` to `state`.
    #[must_use]
    pub fn next(&self, before: &State, commits: &[Commit], state: &Arc<State>) -> Self {
        let revision = Revision::of_state(state, &self.environment);
        let mut history = self.history.clone();
        for step in steps(Some(before), commits, &self.environment) {
            history.push(step);
        }
        if history.last() != Some(&revision) {
            // The environment was deleted, and is another one.
            history = History::from(revision);
        }
        Self::of_state(state, &self.environment, history, Arc::clone(&self.latest))
    }

    fn of_state(state: &Arc<State>, environment: &str, history: History, latest: Arc<Latest>) -> Self {
        let revision = Revision::of_state(state, environment);
        Self {
            environment: environment.to_owned(),
            revision,
            given: revision,
            content: OnceLock::new(),
            state: Mutex::new(Some(Arc::clone(state))),
            history,
            latest,
            engine: OnceLock::new(),
            projects: OnceLock::new(),
            kept: Kept::default(),
        }
    }

    /// The same, with the changes of the last commits before the first one known: clients that were connected before a
    /// restart are told only what has changed. `commits` end with the state's last one.
    #[must_use]
    pub fn with_past(mut self, commits: &[Commit]) -> Self {
        if let Some(history) = History::of_commits(commits, &self.environment)
            && history.last() == Some(&self.revision)
        {
            self.history = history;
        }
        self
    }

    /// What another server delivers, of which nothing earlier is known.
    pub fn received(environment: &str, given: Revision, content: Content) -> Self {
        let revision = given.of_content(&content);
        Self {
            environment: environment.to_owned(),
            revision,
            given,
            content: Arc::new(content).into(),
            state: Mutex::default(),
            history: History::from(revision),
            latest: Arc::default(),
            engine: OnceLock::new(),
            projects: OnceLock::new(),
            kept: Kept::default(),
        }
    }

    /// What it delivers later.
    #[must_use]
    pub fn followed_by(&self, given: Revision, content: Content) -> Self {
        let touched = touched(self.content(), &content);
        let mut next = Self { latest: Arc::clone(&self.latest), ..Self::received(&self.environment, given, content) };
        if next.revision == self.revision {
            next.history = self.history.clone();
        } else if next.revision.number > self.revision.number {
            next.history = self.history.clone();
            next.history.push(Step { revision: next.revision, touched });
        }
        // Otherwise the upstream began anew: what its revisions were before means nothing now.
        next
    }

    /// The environment.
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// The last commit that changed what these SDKs see.
    pub const fn revision(&self) -> Revision {
        self.revision
    }

    /// The same, as the log or the upstream has it.
    pub const fn given_revision(&self) -> Revision {
        self.given
    }

    /// The features and segments themselves.
    pub fn content(&self) -> &Arc<Content> {
        self.content.get_or_init(|| {
            let mut made = self.latest.made.lock();
            let Some(state) = self.state.lock().take() else { return Arc::default() };
            *made = Made::of(&state, &self.environment, &made);
            Arc::clone(&made.content)
        })
    }

    /// Lets go of the state that the content would be made from, for a later one in which these SDKs see the same.
    pub fn keep_with(&self, state: &Arc<State>) {
        if let Some(old) = &mut *self.state.lock() {
            *old = Arc::clone(state);
        }
    }

    /// The answer to an SDK that polls a scope: 304 if it has that already, for which nothing is put together.
    pub fn respond(&self, scope: &Scope, request: &HeaderMap) -> Response {
        let scope = &*self.known_part(scope);
        let etag = || self.revision.etag(&scope.query(&self.environment).1);
        if scope.asked
            && let Some(response) = not_modified(request, &etag())
        {
            return response;
        }
        let answers = self.kept.answers(scope);
        if let Some(response) = not_modified(request, answers.etag.get_or_init(etag)) {
            return response;
        }
        let response = answers.features.get_or_init(|| Arc::new(self.poll_answer(scope))).respond(request);
        self.kept.count(scope, &answers);
        response
    }

    /// All features of a scope, as SDKs poll them.
    pub fn features(&self, scope: &Scope) -> Arc<Answer> {
        let scope = &*self.known_part(scope);
        let answers = self.kept.answers(scope);
        let answer = Arc::clone(answers.features.get_or_init(|| Arc::new(self.poll_answer(scope))));
        self.kept.count(scope, &answers);
        answer
    }

    /// All features of a scope, as a delta or a stream begins: `{"events":[{"type":"hydration",…}]}`.
    pub fn hydration(&self, scope: &Scope) -> Arc<Answer> {
        let scope = &*self.known_part(scope);
        let answers = self.kept.answers(scope);
        let answer = Arc::clone(answers.hydration.get_or_init(|| {
            let revision = self.revision;
            Arc::new(Answer::new(self.hydration_body(revision, scope), format!("\"{revision}\"")))
        }));
        self.kept.count(scope, &answers);
        answer
    }

    /// The same without projects that a query made up, so that there are not as many scopes as there are names. Only for
    /// whole answers: of what has changed, who asks for a project hears also when its last feature goes.
    fn known_part<'a>(&self, scope: &'a Scope) -> Cow<'a, Scope> {
        let Some(asked) = scope.projects.as_ref().filter(|_| scope.asked) else { return Cow::Borrowed(scope) };
        let known = self.projects.get_or_init(|| {
            let content = self.content();
            content.features.iter().map(|item| item.project.clone()).collect()
        });
        if asked.is_subset(known) {
            return Cow::Borrowed(scope);
        }
        Cow::Owned(Scope { projects: Some(asked.intersection(known).cloned().collect()), ..scope.clone() })
    }

    fn hydration_body(&self, revision: Revision, scope: &Scope) -> String {
        let mut body = format!(r#"{{"events":[{}"type":"hydration","#, revision.event_head());
        self.write_everything(&mut body, scope);
        body.push_str("}]}");
        body
    }

    /// All features of all projects: a hydration, to be kept.
    pub fn everything(&self) -> Box<RawValue> {
        // What was put together of JSON is JSON.
        RawValue::from_string(self.hydration_body(self.given, &Scope::everything())).unwrap_or_default()
    }

    fn poll_answer(&self, scope: &Scope) -> Answer {
        let mut body = String::from(r#"{"version":2,"#);
        self.write_everything(&mut body, scope);
        let (query, hash) = scope.query(&self.environment);
        let etag = self.revision.etag(&hash);
        let meta = serde_json::json!({ "revisionId": self.revision.number, "etag": etag, "queryHash": hash });
        for part in [",\"query\":", &query, ",\"meta\":", &meta.to_string(), "}"] {
            body.push_str(part);
        }
        Answer::new(body, etag)
    }

    /// `"features":[…],"segments":[…]`, the latter only where they are named.
    fn write_everything(&self, body: &mut String, scope: &Scope) {
        let content = self.content();
        let seen = content.features.iter().filter(|item| scope.shows(item));
        body.push_str(r#""features":["#);
        match scope.segments {
            Segments::Named => write_list(body, seen.map(|item| &*item.json)),
            Segments::Inlined => write_list(body, seen.map(|item| inlined(item, content))),
        }
        body.push(']');
        if scope.segments == Segments::Named {
            body.push_str(r#","segments":["#);
            write_list(body, self.segments(scope).map(|item| &*item.json));
            body.push(']');
        }
    }

    /// The segments that features of a scope use. Others are none of its clients' business.
    fn segments(&self, scope: &Scope) -> impl Iterator<Item = &Arc<SegmentItem>> {
        self.content().used_segments(|item| scope.shows(item))
    }

    /// One feature's JSON, if it exists in the scope.
    pub fn feature(&self, scope: &Scope, name: &str) -> Option<String> {
        let content = self.content();
        let item = content.feature(name).filter(|item| scope.shows(item))?;
        Some(match scope.segments {
            Segments::Named => item.json.to_string(),
            Segments::Inlined => inlined(item, content),
        })
    }

    /// What a client that has everything up to `revision` has to be told. It may repeat what the client knows, and it
    /// never leaves anything out.
    pub fn update(&self, known: Revision, scope: &Scope) -> Update {
        if known == self.revision {
            return Update::Current;
        }
        let changes = self.history.since(known, scope).filter(|_| known.number < self.revision.number);
        let Some(changes) = changes else { return Update::Everything };
        let content = self.content();
        let head = self.revision.event_head();
        let mut events = String::new();
        let mut segments = changes.segments;
        let mut event = |kind: &str, key: &str, value: &str| {
            let comma = if events.is_empty() { "" } else { "," };
            // Writing to a string cannot fail.
            let _ = write!(events, r#"{comma}{head}"type":"{kind}",{key}:{value}}}"#);
        };
        let mut updated = Vec::new();
        for name in changes.features {
            if let Some(item) = content.feature(name).filter(|item| scope.shows(item)) {
                // The client may have seen no feature with these segments so far.
                segments.extend(&item.segments);
                updated.push(item);
            } else {
                event("feature-removed", "\"featureName\"", &serde_json::Value::from(name).to_string());
            }
        }
        // Segments before the features that name them.
        let none = segments.is_empty();
        let used: BTreeSet<i64> = if none { segments.clone() } else { self.segments(scope).map(|s| s.id).collect() };
        for id in segments {
            match content.segment(id) {
                Some(item) if used.contains(&id) => event("segment-updated", "\"segment\"", &item.json),
                // Nobody needs to forget what no feature names: who begins to use it again is told of it anew. Those who
                // see everything are told all the same, so that an edge does not keep it for ever.
                None if scope.is_everything() => event("segment-removed", "\"segmentId\"", &id.to_string()),
                _ => {}
            }
        }
        for item in updated {
            event("feature-updated", "\"feature\"", &item.json);
        }
        if events.is_empty() { Update::Current } else { Update::Changes(format!(r#"{{"events":[{events}]}}"#)) }
    }

    /// The engine over all features of the environment; requests say which projects they may see.
    pub fn engine(&self) -> &Arc<Engine> {
        self.engine.get_or_init(|| {
            let content = self.content();
            self.latest.engine.lock().of(content, &self.environment)
        })
    }
}

/// What a client has to be told that knows `old`.
fn touched(old: &Content, new: &Content) -> Vec<Touched> {
    let segments = differences(&old.segments, &new.segments, |item| item.id);
    let segments = segments.filter_map(|(old, new)| Some(Touched::Segment(old.or(new)?.id)));
    let features = differences(&old.features, &new.features, |item| item.name.as_str());
    let features = features.filter_map(|(old, new)| {
        let projects: BTreeSet<&String> = old.into_iter().chain(new).map(|item| &item.project).collect();
        let projects = projects.into_iter().cloned().collect();
        Some(Touched::Feature { name: old.or(new)?.name.as_str().into(), projects: Some(projects) })
    });
    segments.chain(features).collect()
}

fn write_list<T: AsRef<str>>(body: &mut String, items: impl Iterator<Item = T>) {
    for (at, item) in items.enumerate() {
        if at > 0 {
            body.push(',');
        }
        body.push_str(item.as_ref());
    }
}

/// A feature for SDKs that do not know segments: their constraints stand in its strategies.
fn inlined(item: &FeatureItem, content: &Content) -> String {
    use serde_json::Value;
    let constraints_of = |json: &str| match serde_json::from_str::<Value>(json) {
        Ok(mut segment) => segment["constraints"].take(),
        Err(_) => Value::Null,
    };
    if item.segments.is_empty() {
        return item.json.to_string();
    }
    let Ok(mut feature) = serde_json::from_str::<Value>(&item.json) else { return item.json.to_string() };
    for strategy in feature["strategies"].as_array_mut().into_iter().flatten() {
        let Some(Value::Array(ids)) = strategy.as_object_mut().and_then(|s| s.remove("segments")) else { continue };
        let segments = ids.iter().filter_map(|id| content.segment(id.as_i64()?));
        let mut added: Vec<Value> = segments
            .filter_map(|segment| match constraints_of(&segment.json) {
                Value::Array(constraints) => Some(constraints),
                _ => None,
            })
            .flatten()
            .collect();
        match strategy.get_mut("constraints").and_then(Value::as_array_mut) {
            Some(constraints) => constraints.append(&mut added),
            None => strategy["constraints"] = Value::Array(added),
        }
    }
    feature.to_string()
}
