//! What the SDKs of one environment get: whole answers by scope, what has changed since a revision, and the compiled
//! engine. Everything is made once for each revision, on first use, and shared by all who ask.

mod answer;
pub mod content;
pub mod history;
mod revision;
mod scope;
mod settings;
mod views;

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use flagstone_eval::{Delta, Engine, Event};
use flagstone_model::State;
use flagstone_model::commit::Commit;

pub use answer::{Answer, names};
use content::{Content, FeatureItem, SegmentItem, differences};
use history::{History, Step, Touched, steps};
pub use revision::{Mark, Revision};
pub use scope::{Scope, Segments};
use serde_json::value::RawValue;
pub use settings::{DeliverySettings, StreamLimits};
use views::Made;

/// The most different scopes whose answers are kept for one revision.
const SCOPES_MAX: usize = 1_000;

/// What one environment's SDKs get at one revision.
pub struct Delivery {
    environment: String,
    /// As clients are told.
    revision: Revision,
    /// As the log or the upstream has it.
    given: Revision,
    content: OnceLock<Arc<Content>>,
    /// What the content is made from; nothing where it came ready.
    state: Option<State>,
    history: History,
    /// Of this environment, across revisions.
    latest: Arc<Mutex<Latest>>,
    engine: OnceLock<Arc<Engine>>,
    answers: Mutex<HashMap<Scope, Arc<Answers>>>,
}

/// What was made last, so that the next revision makes only what is new.
#[derive(Default)]
struct Latest {
    made: Made,
    engine: Option<(Arc<Content>, Arc<Engine>)>,
}

#[derive(Default)]
struct Answers {
    features: OnceLock<Arc<Answer>>,
    hydration: OnceLock<Arc<Answer>>,
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
    pub fn first(state: &State, environment: &str) -> Self {
        let history = History::from(Revision::of_state(state, environment));
        Self::of_state(state, environment, history, Arc::default())
    }

    /// What they get after `commits`, which lead from the state `before` to `state`.
    #[must_use]
    pub fn next(&self, before: &State, commits: &[Commit], state: &State) -> Self {
        let revision = Revision::of_state(state, &self.environment);
        let mut history = self.history.clone();
        steps(Some(before), commits, &self.environment).into_iter().for_each(|step| history.push(step));
        if history.last() != Some(&revision) {
            // The environment was deleted, and is another one.
            history = History::from(revision);
        }
        Self::of_state(state, &self.environment, history, Arc::clone(&self.latest))
    }

    fn of_state(state: &State, environment: &str, history: History, latest: Arc<Mutex<Latest>>) -> Self {
        let revision = Revision::of_state(state, environment);
        Self {
            environment: environment.to_owned(),
            revision,
            given: revision,
            content: OnceLock::new(),
            state: Some(state.clone()),
            history,
            latest,
            engine: OnceLock::new(),
            answers: Mutex::default(),
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
            state: None,
            history: History::from(revision),
            latest: Arc::default(),
            engine: OnceLock::new(),
            answers: Mutex::default(),
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
            let Some(state) = &self.state else { return Arc::default() };
            let made = Made::of(state, &self.environment, &self.latest().made);
            let content = Arc::clone(&made.content);
            self.latest().made = made;
            content
        })
    }

    fn latest(&self) -> MutexGuard<'_, Latest> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All features of a scope, as SDKs poll them.
    pub fn features(&self, scope: &Scope) -> Arc<Answer> {
        Arc::clone(self.answers(scope).features.get_or_init(|| Arc::new(self.poll_answer(scope))))
    }

    /// All features of a scope, as a delta or a stream begins: `{"events":[{"type":"hydration",…}]}`.
    pub fn hydration(&self, scope: &Scope) -> Arc<Answer> {
        Arc::clone(self.answers(scope).hydration.get_or_init(|| {
            let revision = self.revision;
            Arc::new(Answer::new(self.hydration_body(revision, scope), format!("\"{revision}\"")))
        }))
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

    fn answers(&self, scope: &Scope) -> Arc<Answers> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answers) = answers.get(scope) {
            return Arc::clone(answers);
        }
        let made = Arc::<Answers>::default();
        if answers.len() < SCOPES_MAX {
            answers.insert(scope.clone(), Arc::clone(&made));
        }
        made
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
        let seen = content.features.iter().filter(|item| scope.sees(&item.name, &item.project));
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
        self.content().used_segments(|item| scope.sees(&item.name, &item.project))
    }

    /// One feature's JSON, if it exists in the scope.
    pub fn feature(&self, scope: &Scope, name: &str) -> Option<String> {
        let content = self.content();
        let item = content.feature(name).filter(|item| scope.sees(&item.name, &item.project))?;
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
            if let Some(item) = content.feature(name).filter(|item| scope.sees(&item.name, &item.project)) {
                // The client may have seen no feature with these segments so far.
                segments.extend(&item.segments);
                updated.push(item);
            } else {
                event("feature-removed", "\"featureName\"", &serde_json::Value::from(name).to_string());
            }
        }
        // Segments before the features that name them.
        let used: BTreeSet<i64> = match segments.is_empty() {
            true => BTreeSet::new(),
            false => self.segments(scope).map(|item| item.id).collect(),
        };
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
            let earlier = self.latest().engine.clone();
            let engine = match earlier {
                Some((known, engine)) if Arc::ptr_eq(&known, content) => engine,
                Some((known, engine)) => Arc::new(self.compile((*engine).clone(), &known, content)),
                None => Arc::new(self.compile(Engine::default(), &Content::default(), content)),
            };
            self.latest().engine = Some((Arc::clone(content), Arc::clone(&engine)));
            engine
        })
    }

    /// `engine`, which has compiled `known`, with what differs in `content`.
    fn compile(&self, mut engine: Engine, known: &Content, content: &Content) -> Engine {
        let mut events = Vec::new();
        let broken = |error: serde_json::Error, what: &str| {
            tracing::error!(%error, what, environment = self.environment, "cannot be compiled; it is off");
        };
        for (_, new) in differences(&known.segments, &content.segments, |item| item.id) {
            match new.map(|item| serde_json::from_str(&item.json)) {
                Some(Ok(segment)) => events.push(Event::SegmentUpdated { segment }),
                Some(Err(error)) => broken(error, "a segment"),
                // Nothing refers to it any more.
                None => {}
            }
        }
        for (old, new) in differences(&known.features, &content.features, |item| item.name.as_str()) {
            let name = old.or(new).map(|item| item.name.clone()).unwrap_or_default();
            match new.map(|item| serde_json::from_str(&item.json)) {
                Some(Ok(feature)) => events.push(Event::FeatureUpdated { feature }),
                Some(Err(error)) => {
                    broken(error, &name);
                    events.push(Event::FeatureRemoved { feature_name: name });
                }
                None => events.push(Event::FeatureRemoved { feature_name: name }),
            }
        }
        for warning in engine.apply(&Delta { events }) {
            tracing::debug!(?warning, environment = self.environment, "a part of a feature can never match");
        }
        engine
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
