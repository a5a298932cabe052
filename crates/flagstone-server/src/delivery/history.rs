//! Which commits touched what of an environment: what a client that knows a revision has to be told.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use flagstone_model::commit::Commit;
use flagstone_model::environments::EnvironmentRevision;
use flagstone_model::features::Feature;
use flagstone_model::segments::Segment;
use flagstone_model::{Document, State};
use imbl::Vector;

use super::Scope;

/// The most touches that are remembered; a client that knows less gets everything.
const TOUCHES_MAX: usize = 4_096;

/// Something that a revision touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// The revision.
    pub revision: u64,
    /// What it touched.
    pub what: Touched,
}

/// What a revision touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touched {
    /// A feature.
    Feature {
        /// Its name.
        name: Arc<str>,
        /// The projects it was in before and afterwards: clients of others do not learn its name. None if that is not
        /// known.
        projects: Option<Arc<[String]>>,
    },
    /// A segment.
    Segment(i64),
}

/// The touches of one environment, the oldest first. Clones share what they have in common.
#[derive(Clone, Debug)]
pub struct History {
    touches: Vector<Touch>,
    /// Touches after this revision are all there.
    complete_after: u64,
    /// The revisions between which the touches are known, where they were found by comparison; otherwise all.
    compared: Option<Vector<u64>>,
}

impl History {
    /// Knows nothing of what was up to `revision`.
    pub fn from(revision: u64) -> Self {
        Self { touches: Vector::new(), complete_after: revision, compared: None }
    }

    /// Begins with `revision`, and goes on with comparisons: what was between two of them is not known.
    pub fn of_comparisons(revision: u64) -> Self {
        Self { compared: Some(Vector::unit(revision)), ..Self::from(revision) }
    }

    /// Adds what a comparison of the last content with that of `revision` has shown.
    pub fn compare(&mut self, revision: u64, touched: impl IntoIterator<Item = Touched>) {
        self.extend(touched.into_iter().map(|what| Touch { revision, what }));
        if let Some(compared) = &mut self.compared {
            compared.push_back(revision);
            if compared.len() > TOUCHES_MAX {
                compared.pop_front();
            }
        }
    }

    /// Adds what came next.
    pub fn extend(&mut self, touches: impl IntoIterator<Item = Touch>) {
        for touch in touches {
            self.touches.push_back(touch);
        }
        while self.touches.len() > TOUCHES_MAX
            && let Some(forgotten) = self.touches.pop_front()
        {
            self.complete_after = forgotten.revision;
        }
    }

    /// What was touched after `revision` and concerns a scope; nothing is known if that is too long ago.
    pub fn since(&self, revision: u64, scope: &Scope) -> Option<Changes<'_>> {
        let compared = self.compared.as_ref().is_none_or(|revisions| revisions.contains(&revision));
        if revision < self.complete_after || !compared {
            return None;
        }
        let mut changes = Changes::default();
        for touch in self.touches.iter().rev().take_while(|touch| touch.revision > revision) {
            match &touch.what {
                Touched::Feature { name, projects } => match projects {
                    Some(projects) => {
                        if projects.iter().any(|project| scope.sees(name, project)) {
                            changes.features.insert(name);
                        }
                    }
                    None if scope.projects.is_some() => return None,
                    None => {
                        changes.features.insert(name);
                    }
                },
                Touched::Segment(id) => {
                    changes.segments.insert(*id);
                }
            }
        }
        Some(changes)
    }
}

/// What was touched, each thing once.
#[derive(Debug, Default)]
pub struct Changes<'a> {
    /// Features by name.
    pub features: BTreeSet<&'a str>,
    /// Segments by id.
    pub segments: BTreeSet<i64>,
}

/// What `commits` touch of `environment`. `before` is the state that they follow, if it is known.
pub fn touches(before: Option<&State>, commits: &[Commit], environment: &str) -> Vec<Touch> {
    // A feature may change its project more than once in a row of commits.
    let mut projects = HashMap::<&str, &str>::new();
    let mut touches = Vec::new();
    for commit in commits {
        let changes = &commit.body.changes;
        let concerned = changes.iter().any(|c| c.kind == EnvironmentRevision::KIND && c.id == environment);
        for change in changes {
            let what = if change.kind == Feature::KIND {
                let name = change.id.as_str();
                let now = change.body.as_ref().and_then(|body| body.get("project")).and_then(|p| p.as_str());
                let earlier = projects.get(name).copied();
                let earlier = earlier.or_else(|| Some(before?.features.get(name)?.project.as_str()));
                if let Some(now) = now {
                    projects.insert(name, now);
                }
                // Where nothing says what was before, it may have been in any project.
                let known = earlier.is_some() || before.is_some() || commit_creates(commit, name);
                let both: BTreeSet<String> = earlier.into_iter().chain(now).map(str::to_owned).collect();
                Touched::Feature { name: name.into(), projects: known.then(|| both.into_iter().collect()) }
            } else if change.kind == Segment::KIND
                && let Ok(id) = change.id.parse()
            {
                Touched::Segment(id)
            } else {
                continue;
            };
            if concerned {
                touches.push(Touch { revision: commit.seq, what });
            }
        }
    }
    touches
}

fn commit_creates(commit: &Commit, feature: &str) -> bool {
    commit.body.events.iter().any(|e| e.kind == "feature-created" && e.feature_name.as_deref() == Some(feature))
}
