//! What is derived from documents and kept along with them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use imbl::{OrdMap, OrdSet};

use crate::environments::EnvironmentRevision;
use crate::favorites::Favorites;
use crate::features::{Feature, Stage, Strategy};
use crate::projects::{Project, ProjectMode};
use crate::tags::Tag;
use crate::time::Timestamp;

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
    /// By environment: the projects whose features have it.
    by_environment: OrdMap<String, OrdSet<String>>,
    /// By segment: the projects with the environments whose default strategy names it.
    defaults: OrdMap<i64, OrdSet<(String, String)>>,
    live: usize,
}

impl ProjectIndex {
    /// A user's projects, each with a role there.
    pub fn memberships(&self, user_id: i64) -> impl Iterator<Item = (&str, i64)> {
        self.memberships.get(&user_id).into_iter().flatten().map(|(project, role)| (project.as_str(), *role))
    }

    /// How many projects are not archived.
    pub const fn live(&self) -> usize {
        self.live
    }

    /// The projects whose features have an environment, archived ones included.
    pub fn of_environment(&self, name: &str) -> impl Iterator<Item = &String> {
        self.by_environment.get(name).into_iter().flatten()
    }

    /// The projects with the environments whose default strategy names a segment, archived ones included.
    pub fn defaults_with(&self, segment: i64) -> impl Iterator<Item = (&str, &str)> {
        let places = self.defaults.get(&segment).into_iter().flatten();
        places.map(|(project, environment)| (project.as_str(), environment.as_str()))
    }

    /// The projects that their members alone see.
    pub fn private(&self) -> impl Iterator<Item = &str> {
        self.private.iter().map(String::as_str)
    }
}

impl Index<Project> for ProjectIndex {
    fn replace(&mut self, old: Option<&Project>, new: Option<&Project>) {
        let is_live = |project: Option<&Project>| usize::from(project.is_some_and(|p| p.archived_at.is_none()));
        self.live = self.live + is_live(new) - is_live(old);
        if let Some(project) = old {
            for environment in project.environments.keys() {
                take(&mut self.by_environment, environment, &project.id);
            }
            for (id, environment) in defaults(project) {
                take(&mut self.defaults, &id, &(project.id.clone(), environment.clone()));
            }
        }
        if let Some(project) = new {
            for environment in project.environments.keys() {
                self.by_environment.entry(environment.clone()).or_default().insert(project.id.clone());
            }
            for (id, environment) in defaults(project) {
                self.defaults.entry(id).or_default().insert((project.id.clone(), environment.clone()));
            }
        }
        let of = |project: Option<&Project>| project.into_iter().flat_map(|p| &p.members).copied().collect::<Vec<_>>();
        let (before, after) = (of(old), of(new));
        let Some(id) = old.or(new).map(|project| &project.id) else { return };
        for member in before.iter().filter(|member| !after.contains(member)) {
            take(&mut self.memberships, &member.user_id, &(id.clone(), member.role_id));
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

/// Which revisions an environment has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RevisionIndex {
    /// By environment: its rows by project, that of all projects first.
    by_environment: OrdMap<String, OrdMap<Option<String>, EnvironmentRevision>>,
    newest: OrdMap<String, EnvironmentRevision>,
}

impl RevisionIndex {
    /// The revisions of an environment's projects.
    pub fn of(&self, environment: &str) -> impl Iterator<Item = &EnvironmentRevision> {
        self.by_environment.get(environment).into_iter().flat_map(OrdMap::values)
    }

    /// The newest of them.
    pub fn newest(&self, environment: &str) -> Option<&EnvironmentRevision> {
        self.newest.get(environment)
    }
}

impl Index<EnvironmentRevision> for RevisionIndex {
    fn replace(&mut self, old: Option<&EnvironmentRevision>, new: Option<&EnvironmentRevision>) {
        let Some(environment) = old.or(new).map(|row| &row.environment) else { return };
        let rows = self.by_environment.entry(environment.clone()).or_default();
        if let Some(old) = old {
            rows.remove(&old.project);
        }
        if let Some(new) = new {
            rows.insert(new.project.clone(), new.clone());
        }
        // Of several projects that one commit has touched, the last by name: the same whichever way they came.
        let order = |row: &EnvironmentRevision| (row.seq, row.project.clone());
        let newest = match (self.newest.get(environment), new) {
            (Some(newest), Some(new)) if order(new) > order(newest) => Some(new.clone()),
            (Some(newest), _) if Some(newest) != old => Some(newest.clone()),
            _ => rows.values().max_by_key(|row| order(row)).cloned(),
        };
        if rows.is_empty() {
            self.by_environment.remove(environment);
        }
        match newest {
            Some(newest) => self.newest.insert(environment.clone(), newest),
            None => self.newest.remove(environment),
        };
    }
}

/// The segments that a project's default strategies name, with their environments.
fn defaults(project: &Project) -> impl Iterator<Item = (i64, &String)> {
    project.environments.iter().flat_map(|(name, there)| {
        there.default_strategy.iter().flat_map(|strategy| &strategy.segments).map(move |id| (*id, name))
    })
}

/// Takes something out of the set under a key, and the key with the last of it.
fn take<K: Ord + Clone, T: Ord + Clone>(index: &mut OrdMap<K, OrdSet<T>>, key: &K, what: &T) {
    if let Some(set) = index.get_mut(key) {
        set.remove(what);
        if set.is_empty() {
            index.remove(key);
        }
    }
}

/// Counts one less under a key, and takes the key out with the last.
fn take_one<K: Ord + Clone>(counts: &mut OrdMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// Where features are, and what their strategies use; archived ones included unless it says otherwise.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeatureIndex {
    by_project: OrdMap<String, ProjectFeatures>,
    /// By parent: its children.
    children: OrdMap<String, OrdSet<String>>,
    by_segment: OrdMap<i64, Users>,
    by_tag: OrdMap<Tag, Users>,
    by_creator: OrdMap<i64, Users>,
    /// By creator: the live features that they have created, by when.
    live_by_creator: OrdMap<i64, OrdSet<(Timestamp, String)>>,
    /// Of live features alone.
    by_field: OrdMap<String, Users>,
    /// By type of strategy, of live features alone.
    by_strategy_type: OrdMap<String, Users>,
    live: usize,
}

/// The features whose strategies use something, and in which projects they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Users {
    /// By name.
    pub features: OrdSet<String>,
    /// By project: how many of them.
    pub projects: OrdMap<String, usize>,
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
    /// How many live ones are older than they should be, and not marked.
    pub potentially_stale: usize,
    /// By type: how many live ones there are.
    pub kinds: OrdMap<String, usize>,
    /// By stage: how many live ones are in it.
    pub stages: OrdMap<Stage, usize>,
    /// By hour: how many were created, archived ones included.
    pub created: OrdMap<Timestamp, usize>,
    /// By hour: how many were archived that still are.
    pub archived_at: OrdMap<Timestamp, usize>,
    /// By environment: the live ones that have been on there, by when they first were.
    pub switched_on: OrdMap<String, OrdSet<(Timestamp, String)>>,
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

    /// All projects with features, each with its features.
    pub fn projects(&self) -> impl Iterator<Item = &ProjectFeatures> {
        self.by_project.values()
    }

    /// The names of the features that depend on `parent`.
    pub fn children(&self, parent: &str) -> impl Iterator<Item = &String> {
        self.children.get(parent).into_iter().flatten()
    }

    /// The features with a strategy that names the segment; nothing if there is none.
    pub fn of_segment(&self, id: i64) -> Option<&Users> {
        self.by_segment.get(&id)
    }

    /// The live features with a strategy that has a constraint on the context field; nothing if there is none.
    pub fn of_field(&self, name: &str) -> Option<&Users> {
        self.by_field.get(name)
    }

    /// The live features with a strategy of the type; nothing if there is none.
    pub fn of_strategy_type(&self, name: &str) -> Option<&Users> {
        self.by_strategy_type.get(name)
    }

    /// By creator: the features that they have created, archived ones included.
    pub fn creators(&self) -> impl Iterator<Item = (&i64, &Users)> {
        self.by_creator.iter()
    }

    /// The names of the live features that somebody has created, the newest first.
    pub fn newest_of_creator(&self, id: i64) -> impl Iterator<Item = &String> {
        self.live_by_creator.get(&id).into_iter().flat_map(|features| features.iter().rev()).map(|(_, name)| name)
    }

    /// The features that have the tag; nothing if there is none.
    pub fn of_tag(&self, tag: &Tag) -> Option<&Users> {
        self.by_tag.get(tag)
    }

    /// By environment: how many live features are on.
    pub fn enabled(&self) -> BTreeMap<&str, usize> {
        let mut enabled = BTreeMap::new();
        for (environment, count) in self.by_project.values().flat_map(|features| &features.enabled) {
            *enabled.entry(environment.as_str()).or_default() += count;
        }
        enabled
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
        *self.created.entry(feature.created_at.hour()).or_default() += 1;
        if let Some(at) = feature.archived_at {
            *self.archived_at.entry(at.hour()).or_default() += 1;
            self.archived.insert(feature.name.clone());
            return;
        }
        for (environment, at) in switched_on(feature) {
            self.switched_on.entry(environment.clone()).or_default().insert((at, feature.name.clone()));
        }
        self.live.insert(feature.name.clone());
        self.stale += usize::from(feature.stale);
        self.potentially_stale += usize::from(feature.potentially_stale);
        *self.kinds.entry(feature.kind.clone()).or_default() += 1;
        *self.stages.entry(feature.stage()).or_default() += 1;
        for environment in enabled(feature) {
            *self.enabled.entry(environment.clone()).or_default() += 1;
        }
    }

    fn remove(&mut self, feature: &Feature) {
        take_one(&mut self.created, &feature.created_at.hour());
        if let Some(at) = feature.archived_at {
            take_one(&mut self.archived_at, &at.hour());
            self.archived.remove(&feature.name);
            return;
        }
        for (environment, at) in switched_on(feature) {
            take(&mut self.switched_on, environment, &(at, feature.name.clone()));
        }
        self.live.remove(&feature.name);
        self.stale -= usize::from(feature.stale);
        self.potentially_stale -= usize::from(feature.potentially_stale);
        take_one(&mut self.kinds, &feature.kind);
        take_one(&mut self.stages, &feature.stage());
        for environment in enabled(feature) {
            take_one(&mut self.enabled, environment);
        }
    }
}

/// The environments in which a feature is on.
fn enabled(feature: &Feature) -> impl Iterator<Item = &String> {
    feature.environments.iter().filter(|(_, there)| there.enabled).map(|(name, _)| name)
}

/// The environments in which a feature has been on, each with when it first was.
fn switched_on(feature: &Feature) -> impl Iterator<Item = (&String, Timestamp)> {
    feature.environments.iter().filter_map(|(name, there)| Some((name, there.switched_on_at?)))
}

/// The strategies of a feature that is not archived.
fn live_strategies(feature: &Feature) -> impl Iterator<Item = &Strategy> {
    feature.strategies().filter(|_| !feature.is_archived())
}

/// What the index of a project's features goes by.
#[derive(PartialEq)]
struct Place<'f> {
    project: &'f str,
    kind: &'f str,
    stage: Stage,
    times: [Option<Timestamp>; 2],
    marks: [bool; 2],
    environments: Vec<(&'f String, bool, Option<Timestamp>)>,
}

impl<'f> Place<'f> {
    fn of(feature: &'f Feature) -> Self {
        let environments = feature.environments.iter().map(|(name, there)| (name, there.enabled, there.switched_on_at));
        Self {
            project: &feature.project,
            kind: &feature.kind,
            stage: feature.stage(),
            times: [Some(feature.created_at), feature.archived_at],
            marks: [feature.stale, feature.potentially_stale],
            environments: environments.collect(),
        }
    }
}

impl Index<Feature> for FeatureIndex {
    fn replace(&mut self, old: Option<&Feature>, new: Option<&Feature>) {
        let Some(name) = old.or(new).map(|feature| &feature.name) else { return };
        if old.map(Place::of) != new.map(Place::of) {
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
        let parents = |feature: Option<&Feature>| -> BTreeSet<String> {
            feature.into_iter().flat_map(|f| f.dependencies.iter().map(|d| d.feature.clone())).collect()
        };
        let (before, after) = (parents(old), parents(new));
        for parent in before.difference(&after) {
            take(&mut self.children, parent, name);
        }
        for parent in after.difference(&before) {
            self.children.entry(parent.clone()).or_default().insert(name.clone());
        }
        let segments = |f: &Feature| f.strategies().flat_map(|s| s.segments.clone()).collect();
        let fields = |f: &Feature| {
            live_strategies(f).flat_map(|s| s.constraints.iter().map(|c| c.context_name.clone())).collect()
        };
        let types = |f: &Feature| live_strategies(f).map(|s| s.name.clone()).collect();
        Users::replace(&mut self.by_segment, old, new, segments);
        Users::replace(&mut self.by_field, old, new, fields);
        Users::replace(&mut self.by_strategy_type, old, new, types);
        let made = |f: &Feature| (f.created_by.id, (f.created_at, f.name.clone()));
        let made = |f: Option<&Feature>| f.filter(|f| !f.is_archived()).map(made);
        let (before, after) = (made(old), made(new));
        if before != after {
            if let Some((creator, feature)) = before {
                take(&mut self.live_by_creator, &creator, &feature);
            }
            if let Some((creator, feature)) = after {
                self.live_by_creator.entry(creator).or_default().insert(feature);
            }
        }
        Users::replace(&mut self.by_creator, old, new, |f| BTreeSet::from([f.created_by.id]));
        Users::replace(&mut self.by_tag, old, new, |f| f.tags.clone());
    }
}

impl Users {
    fn replace<K: Ord + Clone>(
        index: &mut OrdMap<K, Self>,
        old: Option<&Feature>,
        new: Option<&Feature>,
        keys: impl Fn(&Feature) -> BTreeSet<K>,
    ) {
        let (mut gone, mut come) = (old.map(&keys).unwrap_or_default(), new.map(&keys).unwrap_or_default());
        if old.map(|feature| &feature.project) == new.map(|feature| &feature.project) {
            let stay: BTreeSet<K> = gone.intersection(&come).cloned().collect();
            gone.retain(|key| !stay.contains(key));
            come.retain(|key| !stay.contains(key));
        }
        for (feature, key) in old.into_iter().flat_map(|feature| gone.iter().map(move |key| (feature, key))) {
            if let Some(users) = index.get_mut(key) {
                users.remove(feature);
                if users.features.is_empty() {
                    index.remove(key);
                }
            }
        }
        for (feature, key) in new.into_iter().flat_map(|feature| come.iter().map(move |key| (feature, key))) {
            index.entry(key.clone()).or_default().add(feature);
        }
    }

    fn add(&mut self, feature: &Feature) {
        self.features.insert(feature.name.clone());
        *self.projects.entry(feature.project.clone()).or_default() += 1;
    }

    fn remove(&mut self, feature: &Feature) {
        self.features.remove(&feature.name);
        take_one(&mut self.projects, &feature.project);
    }
}

/// The tags of each type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TagIndex {
    by_type: OrdMap<String, OrdSet<Tag>>,
}

impl TagIndex {
    /// The tags of a type, in the order of their values.
    pub fn of_type(&self, kind: &str) -> impl Iterator<Item = &Tag> {
        self.by_type.get(kind).into_iter().flatten()
    }
}

impl Index<Tag> for TagIndex {
    fn replace(&mut self, old: Option<&Tag>, new: Option<&Tag>) {
        if let Some(tag) = old {
            take(&mut self.by_type, &tag.kind, tag);
        }
        if let Some(tag) = new {
            self.by_type.entry(tag.kind.clone()).or_default().insert(tag.clone());
        }
    }
}

/// Whose favorites features and projects are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FavoriteIndex {
    by_feature: OrdMap<String, OrdSet<i64>>,
    by_project: OrdMap<String, OrdSet<i64>>,
}

impl FavoriteIndex {
    /// The users who have a feature among their favorites.
    pub fn of_feature(&self, name: &str) -> OrdSet<i64> {
        self.by_feature.get(name).cloned().unwrap_or_default()
    }

    /// The users who have a project among their favorites.
    pub fn of_project(&self, id: &str) -> OrdSet<i64> {
        self.by_project.get(id).cloned().unwrap_or_default()
    }
}

impl Index<Favorites> for FavoriteIndex {
    fn replace(&mut self, old: Option<&Favorites>, new: Option<&Favorites>) {
        let Some(user) = old.or(new).map(|favorites| favorites.user_id) else { return };
        for (index, names) in [
            (&mut self.by_feature, (|f: &Favorites| f.features.clone()) as fn(&Favorites) -> BTreeSet<String>),
            (&mut self.by_project, |f: &Favorites| f.projects.clone()),
        ] {
            let (before, after) = (old.map(names).unwrap_or_default(), new.map(names).unwrap_or_default());
            for name in before.difference(&after) {
                take(index, name, &user);
            }
            for name in after.difference(&before) {
                index.entry(name.clone()).or_default().insert(user);
            }
        }
    }
}
