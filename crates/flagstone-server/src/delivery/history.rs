//! Which commits touched what of an environment: what a client that knows a revision has to be told.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use flagstone_model::commit::{Change, Commit};
use flagstone_model::environments::EnvironmentRevision;
use flagstone_model::features::Feature;
use flagstone_model::segments::Segment;
use flagstone_model::{Document, State};
use imbl::Vector;
use serde::Deserialize;

use super::{Revision, Scope};

/// The most touches that are remembered. What a client knew before them, the log says, if it reaches back so far.
const TOUCHES_MAX: usize = 16_384;

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
    touches: Vector<(u64, Touched)>,
    /// The revisions after which all touches are known, the oldest first. A number of which a client knows another mark
    /// is not of this history.
    revisions: Vector<Revision>,
}

impl History {
    /// Begins with `revision`.
    pub fn from(revision: Revision) -> Self {
        Self { touches: Vector::new(), revisions: Vector::unit(revision) }
    }

    /// Begins with what the first of `commits` leads to that touches `environment`; nothing if none does.
    pub fn of_commits(commits: &[Commit], environment: &str) -> Option<Self> {
        Self::and_commits(None, commits, environment)
    }

    /// The same of commits that follow those of `earlier`.
    pub fn and_commits(earlier: Option<Self>, commits: &[Commit], environment: &str) -> Option<Self> {
        let mut steps = steps(None, commits, environment).into_iter();
        let mut history = match earlier {
            Some(earlier) => earlier,
            None => Self::from(steps.next()?.revision),
        };
        for step in steps {
            history.push(step);
        }
        Some(history)
    }

    /// Whether it says what has changed after a revision.
    pub fn knows(&self, known: Revision) -> bool {
        self.revisions.iter().rev().take_while(|r| r.number >= known.number).any(|r| *r == known)
    }

    /// The last revision.
    pub fn last(&self) -> Option<&Revision> {
        self.revisions.last()
    }

    /// Adds what came next.
    pub fn push(&mut self, step: Step) {
        let Step { revision, touched, .. } = step;
        self.touches.extend(touched.into_iter().map(|what| (revision.number, what)));
        self.revisions.push_back(revision);
        let mut known_after = 0;
        while self.touches.len() > TOUCHES_MAX
            && let Some((forgotten, _)) = self.touches.pop_front()
        {
            known_after = forgotten;
        }
        while self.revisions.len() > TOUCHES_MAX || self.revisions.front().is_some_and(|r| r.number < known_after) {
            self.revisions.pop_front();
        }
    }

    /// All that was touched after `known`; nothing if that is not known, or too long ago.
    pub fn since_all(&self, known: Revision) -> Option<Changes<'_>> {
        self.since(known, &Scope::everything())
    }

    /// What was touched after `known` and concerns a scope; nothing if that is not known, or too long ago.
    pub fn since(&self, known: Revision, scope: &Scope) -> Option<Changes<'_>> {
        if !self.knows(known) {
            return None;
        }
        let mut changes = Changes::default();
        for (_, touched) in self.touches.iter().rev().take_while(|(number, _)| *number > known.number) {
            match touched {
                Touched::Feature { name, projects } => match projects {
                    Some(projects) => {
                        if projects.iter().any(|project| scope.sees(name, project)) {
                            // Where it is now, its last change says.
                            changes.features.entry(name).or_insert(Some(projects));
                        }
                    }
                    None if scope.projects.is_some() => return None,
                    None => _ = changes.features.insert(name, None),
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
#[derive(Clone, Debug, Default)]
pub struct Changes<'a> {
    /// Features by name, with the projects that their last change names.
    pub features: BTreeMap<&'a str, Option<&'a [String]>>,
    /// Segments by id.
    pub segments: BTreeSet<i64>,
}

impl<'a> Changes<'a> {
    /// The same and what came later.
    #[must_use]
    pub fn followed_by(mut self, later: Changes<'a>) -> Self {
        self.features.extend(later.features);
        self.segments.extend(later.segments);
        self
    }
}

/// From one revision of an environment to the next.
#[derive(Debug)]
pub struct Step {
    /// The next one.
    pub revision: Revision,
    /// The projects whose SDKs see something else; none where it is not known which.
    pub projects: Option<Vec<String>>,
    /// What differs.
    pub touched: Vec<Touched>,
}

/// The steps that `commits` make of `environment`. `before` is the state that they follow, if it is known.
pub fn steps(before: Option<&State>, commits: &[Commit], environment: &str) -> Vec<Step> {
    // A feature may change its project more than once in a row of commits.
    let mut projects = HashMap::<&str, &str>::new();
    let mut steps = Vec::new();
    for commit in commits {
        let changes = &commit.body.changes;
        let rows: Vec<_> = changes.iter().filter(|change| is_row(change, environment)).collect();
        let read = |row: &Change| row.body.as_ref().and_then(|body| EnvironmentRevision::deserialize(body).ok());
        let only = rows.first().filter(|_| rows.len() == 1).and_then(|row| read(row)?.project);
        let mut touched = Vec::new();
        for change in changes {
            let what = if change.kind == Feature::KIND {
                let name = change.id.as_str();
                let now = change.body.as_ref().and_then(|body| body.get("project")).and_then(|p| p.as_str());
                let earlier = projects.get(name).copied();
                let earlier = earlier.or_else(|| Some(before?.features.get(name)?.project.as_str()));
                if let Some(now) = now {
                    projects.insert(name, now);
                }
                // Where nothing says what was before, it may have been in any of the projects that the commit has touched.
                let known = earlier.is_some() || before.is_some() || rows.len() < 2 || commit_creates(commit, name);
                let earlier = earlier.or(only.as_deref().filter(|_| now.is_none()));
                let both: BTreeSet<String> = earlier.into_iter().chain(now).map(str::to_owned).collect();
                Touched::Feature { name: name.into(), projects: known.then(|| both.into_iter().collect()) }
            } else if change.kind == Segment::KIND
                && let Ok(id) = change.id.parse()
            {
                Touched::Segment(id)
            } else {
                continue;
            };
            touched.push(what);
        }
        if let Some(row) = rows.first() {
            let revision = read(row).map_or(Revision::number(commit.seq), |row| Revision::of(&row));
            let projects = rows.into_iter().map(|row| read(row)?.project).collect();
            steps.push(Step { revision, projects, touched });
        }
    }
    steps
}

fn is_row(change: &Change, environment: &str) -> bool {
    change.kind == EnvironmentRevision::KIND && EnvironmentRevision::is_key_of(&change.id, environment)
}

fn commit_creates(commit: &Commit, feature: &str) -> bool {
    commit.body.events.iter().any(|e| e.kind == "feature-created" && e.feature_name.as_deref() == Some(feature))
}
