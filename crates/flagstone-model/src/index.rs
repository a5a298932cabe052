//! What is derived from documents and kept along with them.

use std::collections::BTreeSet;
use std::fmt::Debug;

use imbl::{OrdMap, OrdSet};

use crate::features::Feature;
use crate::projects::{Project, ProjectMode};

/// What is derived from all documents of a kind and kept along with them: a list costs its page, not all there is.
pub trait Index<D: ?Sized>: Clone + Debug + Default + PartialEq + Send + Sync {
    /// A document came, changed or went.
    fn replace(&mut self, old: Option<&D>, new: Option<&D>);
}

/// Nothing is derived.
impl<D: ?Sized> Index<D> for () {
    fn replace(&mut self, _: Option<&D>, _: Option<&D>) {}
}

/// Who is a member where, and what is not for everybody to see.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProjectIndex {
    /// By user: the projects with the roles there.
    memberships: OrdMap<i64, OrdSet<(String, i64)>>,
    private: OrdSet<String>,
}

impl ProjectIndex {
    /// A user's projects, each with a role there.
    pub fn memberships(&self, user_id: i64) -> impl Iterator<Item = (&str, i64)> {
        self.memberships.get(&user_id).into_iter().flatten().map(|(project, role)| (project.as_str(), *role))
    }

    /// The projects that their members alone see.
    pub fn private(&self) -> impl Iterator<Item = &str> {
        self.private.iter().map(String::as_str)
    }
}

impl Index<Project> for ProjectIndex {
    fn replace(&mut self, old: Option<&Project>, new: Option<&Project>) {
        let of = |project: Option<&Project>| project.into_iter().flat_map(|p| &p.members).copied().collect::<Vec<_>>();
        let (before, after) = (of(old), of(new));
        let Some(id) = old.or(new).map(|project| &project.id) else { return };
        for member in before.iter().filter(|member| !after.contains(member)) {
            if let Some(places) = self.memberships.get_mut(&member.user_id) {
                places.remove(&(id.clone(), member.role_id));
                if places.is_empty() {
                    self.memberships.remove(&member.user_id);
                }
            }
        }
        for member in after.iter().filter(|member| !before.contains(member)) {
            self.memberships.entry(member.user_id).or_default().insert((id.clone(), member.role_id));
        }
        if new.is_some_and(|project| project.mode == ProjectMode::Private) {
            self.private.insert(id.clone());
        } else {
            self.private.remove(id);
        }
    }
}

/// Where features are, and what their strategies use; archived ones included unless it says otherwise.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeatureIndex {
    by_project: OrdMap<String, ProjectFeatures>,
    /// By parent: its children.
    children: OrdMap<String, OrdSet<String>>,
    by_segment: OrdMap<i64, OrdSet<String>>,
    by_field: OrdMap<String, OrdSet<String>>,
    live: usize,
}

/// The features of a project, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProjectFeatures {
    /// Those that are not archived.
    pub live: OrdSet<String>,
    /// Those that are.
    pub archived: OrdSet<String>,
    /// How many live ones are marked as ready for removal.
    pub stale: usize,
    /// By environment: how many live ones are on.
    pub enabled: OrdMap<String, usize>,
}

impl FeatureIndex {
    /// How many features are not archived.
    pub const fn live(&self) -> usize {
        self.live
    }

    /// The features of a project; nothing if it has none.
    pub fn of_project(&self, project: &str) -> Option<&ProjectFeatures> {
        self.by_project.get(project)
    }

    /// The names of the features that depend on `parent`.
    pub fn children(&self, parent: &str) -> impl Iterator<Item = &String> {
        self.children.get(parent).into_iter().flatten()
    }

    /// The names of the features with a strategy that names the segment.
    pub fn of_segment(&self, id: i64) -> impl Iterator<Item = &String> {
        self.by_segment.get(&id).into_iter().flatten()
    }

    /// The names of the features with a strategy that has a constraint on the context field.
    pub fn of_field(&self, name: &str) -> impl Iterator<Item = &String> {
        self.by_field.get(name).into_iter().flatten()
    }
}

impl ProjectFeatures {
    /// The names of all of them.
    pub fn all(&self) -> impl Iterator<Item = &String> {
        self.live.iter().chain(&self.archived)
    }

    fn is_empty(&self) -> bool {
        self.live.is_empty() && self.archived.is_empty()
    }

    fn add(&mut self, feature: &Feature) {
        if feature.is_archived() {
            self.archived.insert(feature.name.clone());
            return;
        }
        self.live.insert(feature.name.clone());
        self.stale += usize::from(feature.stale);
        for environment in enabled(feature) {
            *self.enabled.entry(environment.clone()).or_default() += 1;
        }
    }

    fn remove(&mut self, feature: &Feature) {
        if feature.is_archived() {
            self.archived.remove(&feature.name);
            return;
        }
        self.live.remove(&feature.name);
        self.stale -= usize::from(feature.stale);
        for environment in enabled(feature) {
            if let Some(count) = self.enabled.get_mut(environment) {
                *count -= 1;
                if *count == 0 {
                    self.enabled.remove(environment);
                }
            }
        }
    }
}

/// The environments in which a feature is on.
fn enabled(feature: &Feature) -> impl Iterator<Item = &String> {
    feature.environments.iter().filter(|(_, there)| there.enabled).map(|(name, _)| name)
}

/// What the index of a project's features goes by.
fn place(feature: &Feature) -> (&str, bool, bool, Vec<&String>) {
    (&feature.project, feature.is_archived(), feature.stale, enabled(feature).collect())
}

impl Index<Feature> for FeatureIndex {
    fn replace(&mut self, old: Option<&Feature>, new: Option<&Feature>) {
        let Some(name) = old.or(new).map(|feature| &feature.name) else { return };
        if old.map(place) != new.map(place) {
            let is_live =
                |feature: Option<&Feature>| usize::from(feature.is_some_and(|feature| !feature.is_archived()));
            self.live = self.live + is_live(new) - is_live(old);
            if let Some(feature) = old
                && let Some(features) = self.by_project.get_mut(&feature.project)
            {
                features.remove(feature);
                if features.is_empty() {
                    self.by_project.remove(&feature.project);
                }
            }
            if let Some(feature) = new {
                self.by_project.entry(feature.project.clone()).or_default().add(feature);
            }
        }
        let parents = |feature: Option<&Feature>| keys(feature, |f| f.dependencies.iter().map(|d| d.feature.clone()));
        let segments = |feature: Option<&Feature>| keys(feature, |f| f.strategies().flat_map(|s| s.segments.clone()));
        let fields = |feature: Option<&Feature>| {
            keys(feature, |f| f.strategies().flat_map(|s| s.constraints.iter().map(|c| c.context_name.clone())))
        };
        move_name(&mut self.children, name, &parents(old), parents(new));
        move_name(&mut self.by_segment, name, &segments(old), segments(new));
        move_name(&mut self.by_field, name, &fields(old), fields(new));
    }
}

fn keys<'f, K: Ord, I: Iterator<Item = K>>(feature: Option<&'f Feature>, of: impl Fn(&'f Feature) -> I) -> BTreeSet<K> {
    feature.into_iter().flat_map(of).collect()
}

/// Puts a name under its new keys instead of the old ones.
fn move_name<K: Ord + Clone>(index: &mut OrdMap<K, OrdSet<String>>, name: &str, old: &BTreeSet<K>, new: BTreeSet<K>) {
    for key in old.difference(&new) {
        if let Some(names) = index.get_mut(key) {
            names.remove(name);
            if names.is_empty() {
                index.remove(key);
            }
        }
    }
    for key in new {
        if !old.contains(&key) {
            index.entry(key).or_default().insert(name.to_owned());
        }
    }
}
