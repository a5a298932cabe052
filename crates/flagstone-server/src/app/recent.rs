//! What the last commits have touched, for those who look on: kept with the snapshot that they led to.

use std::sync::Arc;

use flagstone_model::State;
use flagstone_model::commit::Commit;
use flagstone_model::touched::Touched;
use imbl::Vector;

use crate::delivery::Revision;

/// How many of the last commits are kept.
const COMMITS_MAX: usize = 1_000;
/// How many things that they have touched are kept, of all commits together.
const TOUCHES_MAX: usize = 20_000;

/// What the last commits have touched.
#[derive(Clone)]
pub struct Recent {
    /// The revision before all of them.
    floor: Revision,
    commits: Vector<Arc<Touched>>,
    /// How many things all of them have touched.
    touches: usize,
}

impl Recent {
    /// Nothing yet, as of a state; `past` are the last commits that led to it.
    pub fn first(state: &State, past: &[Commit]) -> Self {
        let last = past.last().filter(|last| last.seq == state.seq);
        let floor = last.map_or(Revision::number(state.seq), |last| Revision::of_commit(last.seq, &last.id));
        Self { floor, commits: Vector::new(), touches: 0 }
    }

    /// The same after `commits`, which led on from the state `before`.
    pub fn after(&self, before: &State, commits: &[Commit]) -> Self {
        let mut next = self.clone();
        for touched in Touched::of(before, commits) {
            next.touches += touched.len();
            next.commits.push_back(Arc::new(touched));
        }
        while next.commits.len() > COMMITS_MAX || next.touches > TOUCHES_MAX {
            let Some(oldest) = next.commits.pop_front() else { break };
            next.touches -= oldest.len();
            next.floor = Revision::of_commit(oldest.seq, &oldest.id);
        }
        next
    }

    /// The newest revision.
    pub fn head(&self) -> Revision {
        self.commits.last().map_or(self.floor, |last| Revision::of_commit(last.seq, &last.id))
    }

    /// The commits after a revision that somebody knows, the oldest first; nothing if that is not known here.
    pub fn since(&self, known: Revision) -> Option<impl Iterator<Item = &Arc<Touched>>> {
        let position = known.number.checked_sub(self.floor.number)?;
        let position = usize::try_from(position).ok()?;
        let ours = match position.checked_sub(1) {
            None => self.floor,
            Some(at) => self.commits.get(at).map(|touched| Revision::of_commit(touched.seq, &touched.id))?,
        };
        // A number alone is believed: whoever has counted along has it from nowhere else.
        (known.mark.is_none() || known.mark == ours.mark).then(|| self.commits.iter().skip(position))
    }
}
