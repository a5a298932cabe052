//! The state as somebody sees it: what a read goes by.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;

use flagstone_eval::Engine;
use flagstone_model::State;
use flagstone_model::commit::Commit;
use flagstone_store::EventQuery;

use super::Snapshot;
use crate::system::locks::{Mutex, rank};

/// How many ways to see a state are kept at a time: each is carried over from commit to commit.
const KEPT_MAX: usize = 8;

/// What a caller may see of the head. It derefs to a state in which what is hidden from the caller is not there: a list,
/// a count or an error cannot name it.
pub struct View {
    snapshot: Arc<Snapshot>,
    /// The state without what is hidden; nothing if that is nothing.
    seen: Option<Arc<State>>,
}

impl View {
    /// What somebody sees from whom these projects are hidden.
    pub(super) fn of(snapshot: Arc<Snapshot>, hidden: BTreeSet<String>) -> Self {
        let seen = (!hidden.is_empty()).then(|| snapshot.views.seen(&snapshot.state, hidden));
        Self { snapshot, seen }
    }

    /// What evaluates all features of an environment, hidden ones included: it is to be asked for those that the view
    /// shows alone. Compiled on first use, which takes its time.
    pub fn engine(&self, environment: &str) -> Option<Arc<Engine>> {
        self.snapshot.delivery(environment).map(|delivery| Arc::clone(delivery.engine()))
    }

    /// Whether the caller sees less than there is.
    pub(super) const fn hides_something(&self) -> bool {
        self.seen.is_some()
    }

    /// Whether there is such a project, and the caller may not see it.
    pub(super) fn hides(&self, project: &str) -> bool {
        let project = &project.to_owned();
        self.seen.as_ref().is_some_and(|seen| !seen.projects.contains(project))
            && self.whole().projects.contains(project)
    }

    /// The state with what is hidden from the caller: for this room alone.
    pub(super) fn whole(&self) -> &State {
        &self.snapshot.state
    }

    /// `query` for those events alone that the caller may see.
    pub(super) fn narrow(&self, query: EventQuery) -> EventQuery {
        let projects = self.seen.as_ref().map(|state| state.projects.values().map(|p| p.id.clone()).collect());
        EventQuery { visible_projects: projects, ..query }
    }
}

impl Deref for View {
    type Target = State;

    fn deref(&self) -> &State {
        self.seen.as_deref().unwrap_or(&self.snapshot.state)
    }
}

/// States without what is hidden from somebody, the one used last at the end.
#[derive(Default)]
pub struct Views(Mutex<{ rank::VIEWS }, Vec<Seen>>);

#[derive(Clone)]
struct Seen {
    hidden: Arc<BTreeSet<String>>,
    state: Arc<State>,
}

impl Views {
    fn seen(&self, whole: &State, hidden: BTreeSet<String>) -> Arc<State> {
        let mut kept = self.0.lock();
        let seen = match kept.iter().position(|seen| *seen.hidden == hidden) {
            Some(at) => kept.remove(at),
            None => Seen { state: Arc::new(whole.without(&hidden)), hidden: Arc::new(hidden) },
        };
        if kept.len() >= KEPT_MAX {
            kept.remove(0);
        }
        let state = Arc::clone(&seen.state);
        kept.push(seen);
        state
    }

    /// The same after `commits`, which have led to the state `whole`.
    pub(super) fn after(&self, whole: &State, commits: &[Commit]) -> Self {
        let kept = self.0.lock().clone();
        let next = kept.into_iter().map(|Seen { hidden, state }| {
            let state = Arc::new(whole.without_as_before(&hidden, &state, commits));
            Seen { hidden, state }
        });
        Self(Mutex::new(next.collect()))
    }
}
