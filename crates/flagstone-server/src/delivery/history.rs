//! Which commits touched what of an environment: what a client that knows a revision has to be told.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use flagstone_model::commit::Commit;
use flagstone_model::environments::EnvironmentRevision;
use flagstone_model::features::Feature;
use flagstone_model::segments::Segment;
use flagstone_model::{Document, State};
use imbl::Vector;
use serde::Deserialize;

use super::{Revision, Scope};

/// The most touches that are remembered; a client that knows less gets everything.
const TOUCHES_MAX: usize = 4_096;

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
        let mut steps = steps(None, commits, environment).into_iter();
        let mut history = Self::from(steps.next()?.revision);
        for step in steps {
            history.push(step);
        }
        Some(history)
    }

    /// The last revision.
    pub fn last(&self) -> Option<&Revision> {
        self.revisions.last()
    }

    /// Adds what came next.
    pub fn push(&mut self, step: Step) {
        let Step { revision, touched } = step;
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

    /// What was touched after `known` and concerns a scope; nothing if that is not known, or too long ago.
    pub fn since(&self, known: Revision, scope: &Scope) -> Option<Changes<'_>> {
        self.revisions.iter().rev().take_while(|r| r.number >= known.number).find(|r| **r == known)?;
        let mut changes = Changes::default();
        for (_, touched) in self.touches.iter().rev().take_while(|(number, _)| *number > known.number) {
            match touched {
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

/// From one revision of an environment to the next.
#[derive(Debug)]
pub struct Step {
    /// The next one.
    pub revision: Revision,
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
        let row = changes.iter().find(|c| c.kind == EnvironmentRevision::KIND && c.id == environment);
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
            touched.push(what);
        }
        if let Some(row) = row {
            let row = row.body.as_ref().and_then(|body| EnvironmentRevision::deserialize(body).ok());
            let revision = row.map_or(Revision::number(commit.seq), |row| Revision::of(&row));
            steps.push(Step { revision, touched });
        }
    }
    steps
}

fn commit_creates(commit: &Commit, feature: &str) -> bool {
    commit.body.events.iter().any(|e| e.kind == "feature-created" && e.feature_name.as_deref() == Some(feature))
}
