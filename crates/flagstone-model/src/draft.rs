//! A private fork of the state that a rule changes, and the commit that it becomes.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use crate::Error;
use crate::commit::{Actor, Change, Commit, CommitBody, Event, FORMAT, Piece};
use crate::environments::EnvironmentRevision;
use crate::features::Feature;
use crate::limits::Limits;
use crate::permissions::{Need, Principal, allowed};
use crate::segments::Segment;
use crate::settings::Setting;
use crate::state::{Document, State};
use crate::tags::Tag;
use crate::time::Timestamp;

/// Where random bytes come from. The server passes the operating system's generator, tests a fixed one.
pub trait Entropy {
    /// Fills `bytes` with random ones, fit for secrets.
    fn fill(&mut self, bytes: &mut [u8]);
}

/// What surrounds a rule: who asks, when, within which limits.
pub struct Surroundings<'a> {
    /// Whose authority counts.
    pub principal: &'a Principal,
    /// Whom the audit log names. Where somebody else's decision is carried out, this is not who the principal is.
    pub actor: Actor,
    /// The time, by the writer's clock.
    pub now: Timestamp,
    /// How much of everything there may be.
    pub limits: &'a Limits,
    /// Where ids and secrets come from.
    pub entropy: &'a mut dyn Entropy,
}

/// A fork of the state with what surrounds the rule. Reading derefs to the fork, changes included.
pub struct Draft<'a> {
    state: State,
    base: State,
    around: Surroundings<'a>,
    changes: BTreeMap<(&'static str, String), Option<Value>>,
    events: Vec<Event>,
    redacts: Vec<Piece>,
    announced: bool,
}

impl Deref for Draft<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl<'a> Draft<'a> {
    /// A fork of `base`.
    pub fn new(base: &State, around: Surroundings<'a>) -> Self {
        Self {
            state: base.clone(),
            base: base.clone(),
            around,
            changes: BTreeMap::new(),
            events: Vec::new(),
            redacts: Vec::new(),
            announced: false,
        }
    }

    /// The time of this commit.
    pub fn now(&self) -> Timestamp {
        self.around.now
    }

    /// Who asks.
    pub fn principal(&self) -> &'a Principal {
        self.around.principal
    }

    /// Who asks, as the audit log names them.
    pub fn actor(&self) -> &Actor {
        &self.around.actor
    }

    /// How much of everything there may be.
    pub fn limits(&self) -> &'a Limits {
        self.around.limits
    }

    /// Checks a need that only the body reveals, for instance of a project that it names.
    pub fn require(&self, need: &Need) -> Result<(), Error> {
        allowed(&self.state, self.around.principal, need, self.around.now)
    }

    /// Stores a document whole. Storing what is there already changes nothing.
    pub fn put<D: Document>(&mut self, document: D) -> Arc<D> {
        let key = document.key();
        if let Some(old) = D::table(&self.state).get(&key)
            && **old == document
        {
            return Arc::clone(old);
        }
        // A document is made of strings, numbers, lists and string-keyed maps: it always has a JSON form.
        let body = serde_json::to_value(&document).unwrap_or(Value::Null);
        let row = Arc::new(document);
        self.changes.insert((D::KIND, key.to_string()), Some(body));
        self.state.set(key, Some(Arc::clone(&row)));
        row
    }

    /// Deletes a document, if it is there.
    pub fn delete<D: Document>(&mut self, key: &D::Key) {
        let place = (D::KIND, key.to_string());
        if D::table(&self.base).contains(key) {
            self.changes.insert(place, None);
        } else {
            self.changes.remove(&place);
        }
        self.state.set::<D>(key.clone(), None);
    }

    /// Says why: an audit event of this commit.
    pub fn record(&mut self, event: NewEvent) {
        let actor = &self.around.actor;
        self.events.push(Event {
            id: self.base.last_event_id + self.events.len() as u64 + 1,
            kind: event.kind.to_owned(),
            created_at: self.around.now,
            created_by: actor.name.clone(),
            created_by_user_id: actor.id,
            ip: actor.ip.clone(),
            project: event.project,
            environment: event.environment,
            feature_name: event.feature,
            tags: event.tags,
            data: event.data,
            pre_data: event.pre_data,
        });
    }

    /// Says that something was done which changes no document: this event is stored all the same.
    pub fn announce(&mut self, event: NewEvent) {
        self.record(event);
        self.announced = true;
    }

    /// Takes sealed pieces out of the log. Of each document that loses something by it, this draft says what it is from
    /// now on.
    pub fn redact(&mut self, pieces: impl IntoIterator<Item = Piece>) {
        self.redacts.extend(pieces);
    }

    /// The next integer id for documents of kind `D`. Ids are never given out twice.
    pub fn next_id<D: Document>(&mut self, first: i64) -> i64 {
        let name = format!("next-id:{}", D::KIND);
        let id = self.settings.get(&name).and_then(|s| s.value.as_i64()).unwrap_or(first);
        self.put(Setting { name, value: json!(id + 1) });
        id
    }

    /// Random bytes, fit for secrets.
    pub fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.around.entropy.fill(&mut bytes);
        bytes
    }

    /// A new ULID (<https://github.com/ulid/spec>): 48 bits of time and 80 random ones in Crockford's base 32.
    pub fn ulid(&mut self) -> String {
        const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let mut bits = u128::from(self.now().millis().unsigned_abs() & 0xffff_ffff_ffff) << 80;
        let random: [u8; 10] = self.random();
        bits |= random.iter().fold(0, |n, byte| (n << 8) | u128::from(*byte));
        (0..26).rev().map(|i| char::from(ALPHABET[((bits >> (i * 5)) & 31) as usize])).collect()
    }

    /// Whether something is not what it was before.
    pub fn has_changes(&self) -> bool {
        !self.changes.is_empty() || !self.redacts.is_empty()
    }

    /// The commit that this draft became and the state behind it; nothing if the rule changed and announced nothing.
    pub fn finish(mut self) -> Option<(Commit, State)> {
        if !self.has_changes() && !self.announced {
            return None;
        }
        let seq = self.base.seq + 1;
        let id = crate::api_tokens::hex(&self.random::<16>());
        for (environment, project) in self.touched_places() {
            self.put(EnvironmentRevision { environment, project: Some(project), seq, commit: Some(id.clone()) });
        }
        let changes = std::mem::take(&mut self.changes)
            .into_iter()
            .map(|((kind, id), body)| Change { kind: kind.to_owned(), id, body })
            .collect();
        self.state.seq = seq;
        self.state.format = FORMAT;
        self.state.last_event_id += self.events.len() as u64;
        let commit = Commit {
            seq,
            id,
            at: self.around.now,
            format: FORMAT,
            actor: self.around.actor,
            body: CommitBody { changes, events: self.events },
            redacts: self.redacts,
        };
        Some((commit, self.state))
    }

    /// The environments, of those that still exist, and projects whose SDKs see something else after this draft.
    fn touched_places(&self) -> BTreeSet<(String, String)> {
        let mut touched = BTreeSet::new();
        for (kind, id) in self.changes.keys() {
            if *kind == Feature::KIND {
                let (old, new) = (self.base.features.get(id), self.state.features.get(id));
                let both = || old.into_iter().chain(new);
                // Its own environments, which may be few of many.
                for name in both().flat_map(|feature| feature.environments.keys()) {
                    if old.and_then(|f| f.delivered(name)) != new.and_then(|f| f.delivered(name)) {
                        touched.extend(both().map(|feature| (name.clone(), feature.project.clone())));
                    }
                }
            } else if *kind == Segment::KIND
                && let Ok(id) = id.parse::<i64>()
            {
                let delivered =
                    |state: &State| state.segments.get(&id).map(|s| (s.name.clone(), s.constraints.clone()));
                if delivered(&self.base) != delivered(&self.state) {
                    touched.extend(crate::segments::places_using(&self.state, id));
                }
            }
        }
        touched.retain(|(environment, _)| self.state.environments.contains(environment));
        touched
    }
}

/// An audit event in the making.
#[derive(Clone, Debug)]
pub struct NewEvent {
    kind: &'static str,
    project: Option<String>,
    environment: Option<String>,
    feature: Option<String>,
    tags: BTreeSet<Tag>,
    data: Option<Value>,
    pre_data: Option<Value>,
}

impl NewEvent {
    /// An event of this type, for instance `feature-created`.
    pub const fn new(kind: &'static str) -> Self {
        Self {
            kind,
            project: None,
            environment: None,
            feature: None,
            tags: BTreeSet::new(),
            data: None,
            pre_data: None,
        }
    }

    /// It happened in this project.
    #[must_use]
    pub fn project(mut self, id: &str) -> Self {
        self.project = Some(id.to_owned());
        self
    }

    /// It happened in this environment.
    #[must_use]
    pub fn environment(mut self, name: &str) -> Self {
        self.environment = Some(name.to_owned());
        self
    }

    /// It happened to this feature, with its tags, in the feature's project.
    #[must_use]
    pub fn feature(mut self, feature: &Feature) -> Self {
        self.feature = Some(feature.name.clone());
        self.tags.clone_from(&feature.tags);
        self.project = Some(feature.project.clone());
        self
    }

    /// The object afterwards. Callers pass views without secrets.
    #[must_use]
    pub fn data(mut self, data: impl Serialize) -> Self {
        self.data = serde_json::to_value(data).ok();
        self
    }

    /// The object before. Callers pass views without secrets.
    #[must_use]
    pub fn pre_data(mut self, data: impl Serialize) -> Self {
        self.pre_data = serde_json::to_value(data).ok();
        self
    }
}
