//! What the SDKs of one environment get: whole answers by scope, what has changed since a revision, and the compiled
//! engine. Everything is made once for each revision, on first use, and shared by all who ask.

mod answer;
mod coding;
mod compiled;
pub mod content;
pub mod history;
mod inlining;
mod kept;
mod places;
mod revision;
mod rope;
mod scope;
mod settings;
mod text;
mod views;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::response::Response;
use flagstone_eval::Engine;
use flagstone_model::State;
use flagstone_model::commit::Commit;
use serde_json::value::RawValue;
use tokio::sync::OnceCell;

use crate::system::locks::{Mutex, rank};
use crate::system::work;
pub use answer::Answer;
use answer::Writer;
pub use coding::{Coding, etag_header, names, not_modified};
use compiled::Compiled;
use content::{Content, Project};
use history::{Changes, History, Step, Touched, steps};
use inlining::inlined;
use kept::{Answers, Kept};
pub use places::{HEARTBEAT, Listening, Place, Places};
pub use revision::{Mark, Revision, Revisions};
pub use scope::{Scope, Segments};
pub use settings::{DeliverySettings, StreamLimits};

/// What one environment's SDKs get at one revision.
pub struct Delivery {
    environment: String,
    /// As clients are told.
    revisions: Revisions,
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
}

/// What was made last, so that the next revision makes only what is new.
#[derive(Default)]
struct Latest {
    made: Mutex<{ rank::DELIVERY_MADE }, Option<(Revision, Arc<Content>)>>,
    engine: Mutex<{ rank::DELIVERY_ENGINE }, Compiled>,
    kept: Kept,
}

/// What a client that knows a revision has to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// Nothing has changed for it.
    Current,
    /// The changes: `{"events":[…]}`.
    Changes(Bytes),
    /// It knows too little, or something that never was: everything.
    Everything,
}

impl Delivery {
    /// What `environment`'s SDKs get from `state`, of which nothing earlier is known.
    pub fn first(state: &Arc<State>, environment: &str) -> Self {
        let revisions = Revisions::of_state(state, environment);
        let history = History::from(revisions.newest());
        Self::of_state(state, environment, revisions, history, Arc::default())
    }

    /// What they get after `commits`, which lead from the state `before` to `state`.
    #[must_use]
    pub fn next(&self, before: &State, commits: &[Commit], state: &Arc<State>) -> Self {
        let (mut history, mut revisions) = (self.history.clone(), self.revisions.clone());
        for step in steps(Some(before), commits, &self.environment) {
            revisions.advance(&step);
            history.push(step);
        }
        let revision = Revision::of_state(state, &self.environment);
        if history.last() != Some(&revision) {
            // The environment was deleted, and is another one.
            history = History::from(revision);
            revisions = Revisions::of_state(state, &self.environment);
        }
        Self::of_state(state, &self.environment, revisions, history, Arc::clone(&self.latest))
    }

    fn of_state(
        state: &Arc<State>,
        environment: &str,
        revisions: Revisions,
        history: History,
        latest: Arc<Latest>,
    ) -> Self {
        Self {
            environment: environment.to_owned(),
            given: revisions.newest(),
            revisions,
            content: OnceLock::new(),
            state: Mutex::new(Some(Arc::clone(state))),
            history,
            latest,
            engine: OnceLock::new(),
        }
    }

    /// The same, with the changes of the last commits before the first one known: clients that were connected before a
    /// restart are told only what has changed. `commits` end with the state's last one.
    #[must_use]
    pub fn with_past(mut self, commits: &[Commit]) -> Self {
        if let Some(history) = History::of_commits(commits, &self.environment)
            && history.last() == Some(&self.revision())
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
            revisions: Revisions::common(revision),
            given,
            content: Arc::new(content).into(),
            state: Mutex::default(),
            history: History::from(revision),
            latest: Arc::default(),
            engine: OnceLock::new(),
        }
    }

    /// What it delivers later, which differs in what was touched. Unless that `is_all`, other things may have changed and
    /// changed back, or come and gone: then no project has the version that it had before.
    #[must_use]
    pub fn followed_by(&self, given: Revision, content: Content, touched: Vec<Touched>, is_all: bool) -> Self {
        let mut next = Self { latest: Arc::clone(&self.latest), ..Self::received(&self.environment, given, content) };
        let (revision, known) = (next.revision(), self.revision());
        if revision == known {
            (next.revisions, next.history) = (self.revisions.clone(), self.history.clone());
        } else if revision.number > known.number {
            (next.revisions, next.history) = (self.revisions.clone(), self.history.clone());
            let projects = is_all.then(|| touched_projects(&touched, [self.content(), next.content()])).flatten();
            let step = Step { revision, projects, touched };
            next.revisions.advance(&step);
            next.history.push(step);
        }
        // Otherwise the upstream began anew: what its revisions were before means nothing now.
        next
    }

    /// The environment.
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// The last commit that changed what any of these SDKs sees.
    pub const fn revision(&self) -> Revision {
        self.revisions.newest()
    }

    /// The last commits that changed what they see, by project.
    pub const fn revisions(&self) -> &Revisions {
        &self.revisions
    }

    /// The newest revision, as the log or the upstream has it.
    pub const fn given_revision(&self) -> Revision {
        self.given
    }

    /// Whether the content is made.
    pub fn is_ready(&self) -> bool {
        self.content.get().is_some()
    }

    /// Sees to it that the content is made, beside the tasks that serve.
    pub async fn ready(self: &Arc<Self>) {
        if !self.is_ready() {
            let this = Arc::clone(self);
            work::aside(move || _ = this.content()).await;
        }
    }

    /// The features and segments themselves. Making them may take long: see [`Self::ready`].
    pub fn content(&self) -> &Arc<Content> {
        self.content.get_or_init(|| {
            let mut made = self.latest.made.lock();
            let Some(state) = self.state.lock().take() else { return Arc::default() };
            let known = made.as_ref().and_then(|(known, content)| Some((content, self.history.since_all(*known)?)));
            let content = Arc::new(match known {
                Some((known, touched)) => views::after(known, &touched, &state, &self.environment),
                None => views::everything(&state, &self.environment),
            });
            if made.as_ref().is_none_or(|(known, _)| known.number <= self.given.number) {
                *made = Some((self.given, Arc::clone(&content)));
            }
            drop(made);
            self.latest.kept.sweep(|scope| self.revisions.of_scope(scope));
            content
        })
    }

    /// Lets go of the state that the content would be made from, for a later one in which these SDKs see the same.
    pub fn keep_with(&self, state: &Arc<State>) {
        if let Some(old) = &mut *self.state.lock() {
            *old = Arc::clone(state);
        }
    }

    /// The answer to an SDK that polls a scope: 304 if it has that already, for which nothing is put together.
    pub async fn respond(self: &Arc<Self>, scope: &Scope, request: &HeaderMap) -> Response {
        let scope = &*self.known_part(scope).await;
        let revision = self.revisions.of_scope(scope);
        let etag = || etag_header(&revision.etag(&scope.query(&self.environment).1));
        if scope.asked
            && let Some(response) = not_modified(request, &etag())
        {
            return response;
        }
        let answers = self.latest.kept.answers(scope, revision);
        if let Some(response) = not_modified(request, answers.etag.get_or_init(etag)) {
            return response;
        }
        let answer = answers.features.get_or_init(|| self.made(scope, Self::poll_answer)).await;
        let response = answer.respond(request).await;
        self.latest.kept.count(scope, &answers);
        response
    }

    /// All features of a scope, as SDKs poll them.
    pub async fn features(self: &Arc<Self>, scope: &Scope) -> Arc<Answer> {
        self.kept(scope, |answers| &answers.features, Self::poll_answer).await
    }

    /// All features of a scope, as a delta or a stream begins: `{"events":[{"type":"hydration",…}]}`.
    pub async fn hydration(self: &Arc<Self>, scope: &Scope) -> Arc<Answer> {
        self.kept(scope, |answers| &answers.hydration, Self::hydration_answer).await
    }

    async fn kept(
        self: &Arc<Self>,
        scope: &Scope,
        cell: fn(&Answers) -> &OnceCell<Arc<Answer>>,
        make: fn(&Self, &Scope) -> Answer,
    ) -> Arc<Answer> {
        let scope = &*self.known_part(scope).await;
        let answers = self.latest.kept.answers(scope, self.revisions.of_scope(scope));
        let answer = cell(&answers).get_or_init(|| self.made(scope, make)).await;
        self.latest.kept.count(scope, &answers);
        Arc::clone(answer)
    }

    /// A hydration that is kept by nobody else.
    pub async fn hydration_alone(self: &Arc<Self>, scope: &Scope) -> Arc<Answer> {
        self.made(scope, Self::hydration_answer).await
    }

    /// An answer, made beside the tasks that serve.
    async fn made(self: &Arc<Self>, scope: &Scope, make: fn(&Self, &Scope) -> Answer) -> Arc<Answer> {
        let (this, of) = (Arc::clone(self), scope.clone());
        let made = work::aside(move || make(&this, &of)).await;
        // It has panicked: whoever asked hears of it.
        Arc::new(made.unwrap_or_else(|| make(self, scope)))
    }

    /// The same without projects that a query made up, so that there are not as many scopes as there are names. Only for
    /// whole answers: of what has changed, who asks for a project hears also when its last feature goes.
    async fn known_part<'a>(self: &Arc<Self>, scope: &'a Scope) -> Cow<'a, Scope> {
        let Some(asked) = scope.projects.as_ref().filter(|_| scope.asked) else { return Cow::Borrowed(scope) };
        self.ready().await;
        let content = self.content();
        let is_known = |project: &&String| content.project(project).is_some();
        if asked.iter().all(|project| is_known(&project)) {
            return Cow::Borrowed(scope);
        }
        Cow::Owned(Scope { projects: Some(asked.iter().filter(is_known).cloned().collect()), ..scope.clone() })
    }

    fn hydration_answer(&self, scope: &Scope) -> Answer {
        let revision = self.revisions.of_scope(scope);
        let mut writer = Writer::default();
        self.write_hydration(&mut writer, revision, scope);
        writer.finish(&format!("\"{revision}\""))
    }

    /// The same as one piece of text, made here and now.
    pub fn hydration_now(&self, scope: &Scope) -> Bytes {
        self.hydration_answer(scope).body()
    }

    fn write_hydration(&self, writer: &mut Writer, revision: Revision, scope: &Scope) {
        writer.push(format!(r#"{{"events":[{}"type":"hydration","#, revision.event_head()));
        self.write_everything(writer, scope);
        writer.push("}]}");
    }

    /// All features of all projects: a hydration, to be kept.
    pub fn everything(&self) -> Box<RawValue> {
        let mut writer = Writer::default();
        self.write_hydration(&mut writer, self.given, &Scope::everything());
        let text = String::from_utf8(writer.finish("").body().into()).unwrap_or_default();
        // What was put together of JSON is JSON.
        RawValue::from_string(text).unwrap_or_default()
    }

    fn poll_answer(&self, scope: &Scope) -> Answer {
        let mut writer = Writer::default();
        writer.push(r#"{"version":2,"#);
        self.write_everything(&mut writer, scope);
        let (query, hash) = scope.query(&self.environment);
        let revision = self.revisions.of_scope(scope);
        let etag = revision.etag(&hash);
        let meta = serde_json::json!({ "revisionId": revision.number, "etag": etag, "queryHash": hash });
        for part in [",\"query\":", &query, ",\"meta\":", &meta.to_string(), "}"] {
            writer.push(part);
        }
        writer.finish(&etag)
    }

    /// The projects of a scope that have features.
    fn projects<'a>(&'a self, scope: &'a Scope) -> impl Iterator<Item = &'a Arc<Project>> {
        let content = self.content();
        let (all, some) = match &scope.projects {
            None => (Some(content.projects()), None),
            Some(some) => (None, Some(some.iter().filter_map(|id| content.project(id)))),
        };
        all.into_iter().flatten().chain(some.into_iter().flatten())
    }

    /// `"features":[…],"segments":[…]`, the latter only where they are named.
    fn write_everything(&self, writer: &mut Writer, scope: &Scope) {
        let content = self.content();
        let inline = |_: &Arc<_>, json: &[u8]| inlined(json, content);
        let mut used = Vec::new();
        writer.push(r#""features":["#);
        for project in self.projects(scope) {
            if scope.is_of_whole_projects() {
                used.extend_from_slice(&project.segments);
            }
            for chunk in project.features.chunks() {
                let count = || chunk.iter().filter(|(item, _)| scope.shows(item)).count();
                let shown = if scope.is_of_whole_projects() { chunk.len() } else { count() };
                let all = shown == chunk.len();
                match scope.segments {
                    _ if shown == 0 => {}
                    Segments::Named if all => writer.share(chunk.text()),
                    Segments::Inlined if all => writer.share(chunk.inlined(inline)),
                    form => {
                        for (item, json) in chunk.iter().filter(|(item, _)| scope.shows(item)) {
                            used.extend_from_slice(&item.segments);
                            let own = (form == Segments::Inlined).then(|| inlined(json, content)).flatten();
                            writer.push_element(own.as_deref().unwrap_or(json));
                        }
                    }
                }
            }
        }
        writer.end_list();
        if scope.segments == Segments::Named {
            used.sort_unstable();
            used.dedup();
            self.write_segments(writer, &used);
        }
    }

    /// The segments that features of a scope use. Others are none of its clients' business.
    fn write_segments(&self, writer: &mut Writer, used: &[i64]) {
        writer.push(r#","segments":["#);
        let is_used = |id: &i64| used.binary_search(id).is_ok();
        for chunk in self.content().segments.chunks() {
            if chunk.iter().all(|(id, _)| is_used(id)) {
                writer.share(chunk.text());
            } else {
                chunk.iter().filter(|(id, _)| is_used(id)).for_each(|(_, json)| writer.push_element(json));
            }
        }
        writer.end_list();
    }

    /// One feature's JSON, if it exists in the scope.
    pub fn feature(&self, scope: &Scope, name: &str) -> Option<Bytes> {
        let content = self.content();
        let (item, json) = self.projects(scope).find_map(|project| project.features.get(name))?;
        if !scope.shows(item) {
            return None;
        }
        let own = (scope.segments == Segments::Inlined).then(|| inlined(json, content)).flatten();
        Some(own.map_or_else(|| Bytes::copy_from_slice(json), Bytes::from))
    }

    /// What a client that has everything up to `known` has to be told. It may repeat what the client knows, and it
    /// never leaves anything out.
    pub fn update(&self, known: Revision, scope: &Scope) -> Update {
        let revision = self.revisions.of_scope(scope);
        if known == revision || known == self.revision() {
            return Update::Current;
        }
        match self.history.since(known, scope).filter(|_| known.number < self.revision().number) {
            Some(changes) => self.told(changes, scope),
            None => Update::Everything,
        }
    }

    /// The same for a client that knows less than is remembered here, by what the log says.
    pub fn update_by_log(&self, log: &History, known: Revision, scope: &Scope) -> Update {
        let later = log.last().and_then(|last| self.history.since(*last, scope));
        match log.since(known, scope).zip(later) {
            Some((changes, later)) => self.told(changes.followed_by(later), scope),
            None => Update::Everything,
        }
    }

    /// Whether what is remembered here goes on from where a history ends.
    pub fn goes_on_from(&self, log: &History) -> bool {
        log.last().is_some_and(|last| self.history.since_all(*last).is_some())
    }

    fn told(&self, changes: Changes<'_>, scope: &Scope) -> Update {
        let revision = self.revisions.of_scope(scope);
        let content = self.content();
        let head = revision.event_head();
        let mut events = Vec::new();
        let mut segments = changes.segments;
        let mut event = |kind: &str, key: &str, value: &[u8]| {
            let comma: &[u8] = if events.is_empty() { b"" } else { b"," };
            let begin = [comma, head.as_bytes(), b"\"type\":\"", kind.as_bytes(), b"\",", key.as_bytes(), b":"];
            events.extend(begin.into_iter().chain([value, b"}"]).flatten());
        };
        let mut updated = Vec::new();
        for (name, projects) in changes.features {
            let found = match projects {
                Some(projects) => projects.iter().find_map(|project| content.feature_of(project, name)),
                None => content.feature(name),
            };
            if let Some((item, json)) = found.filter(|(item, _)| scope.shows(item)) {
                // The client may have seen no feature with these segments so far.
                segments.extend(&item.segments);
                updated.push(json);
            } else {
                event("feature-removed", "\"featureName\"", serde_json::Value::from(name).to_string().as_bytes());
            }
        }
        // Segments before the features that name them.
        for id in segments {
            match content.segment(id) {
                Some(json) if self.names_segment(scope, id) => event("segment-updated", "\"segment\"", json),
                // Nobody needs to forget what no feature names: who begins to use it again is told of it anew. Those who
                // see everything are told all the same, so that an edge does not keep it for ever.
                None if scope.is_everything() => event("segment-removed", "\"segmentId\"", id.to_string().as_bytes()),
                _ => {}
            }
        }
        for json in updated {
            event("feature-updated", "\"feature\"", json);
        }
        if events.is_empty() {
            return Update::Current;
        }
        Update::Changes([br#"{"events":["#, &*events, b"]}"].concat().into())
    }

    /// Whether a feature of a scope names a segment.
    fn names_segment(&self, scope: &Scope, id: i64) -> bool {
        let mut projects = self.projects(scope).filter(|project| project.names(id));
        projects.any(|project| {
            let mut items = project.features.iter().map(|(item, _)| item);
            scope.is_of_whole_projects() || items.any(|item| scope.shows(item) && item.segments.contains(&id))
        })
    }

    /// The engine over all features of the environment; requests say which projects they may see. Making it may take
    /// long: see [`Self::engine_ready`].
    pub fn engine(&self) -> &Arc<Engine> {
        self.engine.get_or_init(|| {
            let content = self.content();
            self.latest.engine.lock().of(content, &self.environment)
        })
    }

    /// The same, made beside the tasks that serve.
    pub async fn engine_ready(self: &Arc<Self>) -> &Arc<Engine> {
        if self.engine.get().is_none() {
            let this = Arc::clone(self);
            work::aside(move || _ = this.engine()).await;
        }
        self.engine()
    }
}

/// The projects whose SDKs see something else, of the contents before and afterwards; nothing where that is not known.
fn touched_projects(touched: &[Touched], contents: [&Arc<Content>; 2]) -> Option<Vec<String>> {
    let mut projects = BTreeSet::new();
    for touched in touched {
        match touched {
            Touched::Feature { projects: of, .. } => projects.extend(of.as_ref()?.iter().cloned()),
            Touched::Segment(id) => {
                let all = contents.into_iter().flat_map(|content| content.projects());
                let naming = all.filter(|project| project.names(*id));
                projects.extend(naming.map(|project| project.id.clone()));
            }
        }
    }
    Some(projects.into_iter().collect())
}
