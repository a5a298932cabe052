//! Everything that one environment's SDKs get at one revision: features by project, and segments, as JSON that is ready
//! to be put into answers. A content shares with the one before it whatever has not changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::body::Bytes;
use flagstone_model::tags::Tag;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::history::Touched;
use super::rope::{Listed, Rope};

/// What is known of a feature beside its JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureItem {
    /// Its name.
    pub name: String,
    /// The project it is in.
    pub project: String,
    /// What it is marked with; nothing where that is not known, because another server delivered it.
    pub tags: Option<BTreeSet<Tag>>,
    /// The segments that its strategies name.
    pub segments: Vec<i64>,
}

impl Listed for Arc<FeatureItem> {
    type Key = String;

    fn key(&self) -> &String {
        &self.name
    }

    fn segments(&self) -> &[i64] {
        &self.segments
    }
}

/// A segment, by its id.
impl Listed for i64 {
    type Key = Self;

    fn key(&self) -> &Self {
        self
    }

    fn segments(&self) -> &[Self] {
        &[]
    }
}

/// The features of a project.
#[derive(Debug)]
pub struct Project {
    /// Its id.
    pub id: String,
    /// By name.
    pub features: Rope<Arc<FeatureItem>>,
    /// The segments that they name, sorted.
    pub segments: Vec<i64>,
}

impl Project {
    /// A project with these features.
    pub fn of(id: String, features: BTreeMap<String, Put<Arc<FeatureItem>>>) -> Self {
        let features = Rope::default().after(features);
        Self { id, segments: features.segments(), features }
    }

    /// Whether any of its features names a segment.
    pub fn names(&self, segment: i64) -> bool {
        self.segments.binary_search(&segment).is_ok()
    }
}

/// Everything that one environment's SDKs get, at one revision.
#[derive(Debug, Default)]
pub struct Content {
    /// By id, sorted. None is empty.
    projects: Vec<Arc<Project>>,
    /// By id.
    pub segments: Rope<i64>,
}

impl Content {
    /// Projects, which come by id, and segments.
    pub fn of(projects: impl Iterator<Item = Project>, segments: BTreeMap<i64, Put<i64>>) -> Self {
        let projects = projects.filter(|project| !project.features.is_empty()).map(Arc::new).collect();
        Self { projects, segments: Rope::default().after(segments) }
    }

    /// The projects that have features, by id.
    pub fn projects(&self) -> &[Arc<Project>] {
        &self.projects
    }

    /// The features of a project, if it has any.
    pub fn project(&self, id: &str) -> Option<&Arc<Project>> {
        let at = self.projects.binary_search_by(|project| project.id.as_str().cmp(id)).ok()?;
        self.projects.get(at)
    }

    /// A feature by name, and its JSON.
    pub fn feature(&self, name: &str) -> Option<(&Arc<FeatureItem>, &[u8])> {
        self.projects.iter().find_map(|project| project.features.get(name))
    }

    /// A feature of a project by name, and its JSON.
    pub fn feature_of(&self, project: &str, name: &str) -> Option<(&Arc<FeatureItem>, &[u8])> {
        self.project(project)?.features.get(name)
    }

    /// All features, by project and name.
    pub fn features(&self) -> impl Iterator<Item = (&Arc<FeatureItem>, &[u8])> {
        self.projects.iter().flat_map(|project| project.features.iter())
    }

    /// How many features there are.
    pub fn features_count(&self) -> usize {
        self.projects.iter().map(|project| project.features.len()).sum()
    }

    /// The JSON of a segment.
    pub fn segment(&self, id: i64) -> Option<&[u8]> {
        self.segments.get(&id).map(|(_, json)| json)
    }

    /// Whether any feature names a segment.
    fn uses(&self, segment: i64) -> bool {
        self.projects.iter().any(|project| project.names(segment))
    }

    /// The same for the same features and segments, whatever they came from: nothing where there is none.
    pub fn digest(&self) -> Option<[u8; 32]> {
        let features = self.projects.iter().flat_map(|project| project.features.chunks()).map(|chunk| chunk.digest());
        let all = features.chain(self.segments.chunks().iter().map(|chunk| chunk.digest()));
        let sum = all.fold([0; 32], |mut sum: [u8; 32], digest| {
            sum.iter_mut().zip(digest).for_each(|(sum, byte)| *sum ^= byte);
            sum
        });
        (!self.projects.is_empty()).then_some(sum)
    }

    /// What differs from an earlier content: features by name and segments by id, with what is there now.
    pub fn differences(&self, earlier: &Self) -> Differences<'_> {
        let mut changed = Differences { segments: self.segments.differences(&earlier.segments), ..Default::default() };
        let none = Rope::default();
        for project in &self.projects {
            let old = earlier.project(&project.id);
            if old.is_some_and(|old| Arc::ptr_eq(old, project)) {
                continue;
            }
            for (name, json) in project.features.differences(old.map_or(&none, |old| &old.features)) {
                match json {
                    // It may have come from another project.
                    Some(json) => _ = changed.features.insert(name, Some(json)),
                    None => _ = changed.features.entry(name).or_default(),
                }
            }
        }
        let gone = earlier.projects.iter().filter(|project| self.project(&project.id).is_none());
        for (item, _) in gone.flat_map(|gone| gone.features.iter()) {
            changed.features.entry(item.name.clone()).or_default();
        }
        changed
    }

    /// Its part that some projects have.
    #[must_use]
    pub fn only(&self, projects: &[String]) -> Self {
        let some = self.projects.iter().filter(|project| projects.contains(&project.id));
        Self { projects: some.cloned().collect(), segments: self.segments.clone() }
    }

    /// Begins a change of it.
    pub fn edit(&self) -> Edit<'_> {
        Edit { base: self, features: BTreeMap::new(), segments: BTreeMap::new() }
    }
}

/// What differs between two contents: what is there now, nothing where it has gone.
#[derive(Debug, Default)]
pub struct Differences<'c> {
    /// By name.
    pub features: BTreeMap<String, Option<&'c [u8]>>,
    /// By id.
    pub segments: BTreeMap<i64, Option<&'c [u8]>>,
}

/// What becomes of segments that no feature names any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unused {
    /// They stay: whoever delivers them may not do so again when they are named again.
    Stay,
    /// They go.
    Go,
}

/// What is put in a place; nothing if it is to be empty.
pub type Put<T> = Option<(T, Bytes)>;

/// A change of a content.
pub struct Edit<'c> {
    base: &'c Content,
    /// By project, then by name.
    features: BTreeMap<String, BTreeMap<String, Put<Arc<FeatureItem>>>>,
    segments: BTreeMap<i64, Put<i64>>,
}

impl Edit<'_> {
    /// Puts a feature. Whoever calls it for one that was in another project before removes it from there.
    pub fn put_feature(&mut self, item: FeatureItem, json: Bytes) {
        // What is an item like it already is one allocation less.
        let known = self.base.feature_of(&item.project, &item.name).map(|(known, _)| known);
        let item = known.filter(|known| ***known == item).map_or_else(|| Arc::new(item), Arc::clone);
        let project = self.features.entry(item.project.clone()).or_default();
        project.insert(item.name.clone(), Some((item, json)));
    }

    /// Takes a feature out of a project.
    pub fn remove_feature(&mut self, project: &str, name: &str) {
        if self.base.feature_of(project, name).is_some() || self.features.contains_key(project) {
            self.features.entry(project.to_owned()).or_default().insert(name.to_owned(), None);
        }
    }

    /// The projects that a feature is in before and by this change.
    pub fn projects_of(&self, name: &str) -> Vec<String> {
        let put = self.features.iter().filter(|(_, features)| matches!(features.get(name), Some(Some(_))));
        let put = put.map(|(project, _)| project.clone());
        put.chain(self.base.feature(name).map(|(item, _)| item.project.clone())).collect()
    }

    /// Puts a segment.
    pub fn put_segment(&mut self, id: i64, json: Bytes) {
        self.segments.insert(id, Some((id, json)));
    }

    /// Takes a segment out.
    pub fn remove_segment(&mut self, id: i64) {
        self.segments.insert(id, None);
    }

    /// Takes out what is not to stay: all that there is has been named.
    pub fn remove_others(&mut self, stays: impl Fn(&FeatureItem) -> bool, segments: &BTreeSet<i64>) {
        let base = self.base;
        for (item, _) in base.features().filter(|(item, _)| !stays(item)) {
            self.remove_feature(&item.project, &item.name);
        }
        for (id, _) in base.segments.iter().filter(|(id, _)| !segments.contains(id)) {
            self.remove_segment(*id);
        }
    }

    /// The content after the change, and what it has touched.
    pub fn finish(self, unused: Unused) -> (Content, Vec<Touched>) {
        let Self { base, features, segments } = self;
        let (mut projects, mut touched, mut given_up) = (base.projects.clone(), Vec::new(), BTreeSet::new());
        let mut moved = BTreeMap::<String, BTreeSet<String>>::new();
        for (id, changes) in features {
            let found = projects.binary_search_by(|project| project.id.cmp(&id));
            let known = found.ok().and_then(|at| projects.get(at)).cloned();
            let before = known.as_ref().map(|known| known.features.clone()).unwrap_or_default();
            let features = before.after(changes);
            if features.is(&before) {
                continue;
            }
            for name in features.differences(&before).into_keys() {
                moved.entry(name).or_default().insert(id.clone());
            }
            let segments = features.segments();
            let named = known.iter().flat_map(|known| &known.segments).copied();
            given_up.extend(named.filter(|segment| segments.binary_search(segment).is_err()));
            match found {
                Ok(at) if features.is_empty() => _ = projects.remove(at),
                Ok(at) => projects[at] = Arc::new(Project { id, features, segments }),
                Err(at) => projects.insert(at, Arc::new(Project { id, features, segments })),
            }
        }
        for (name, projects) in moved {
            let projects = Some(projects.into_iter().collect());
            touched.push(Touched::Feature { name: name.into(), projects });
        }
        given_up.extend(segments.keys().copied());
        let mut content = Content { projects, segments: base.segments.after(segments) };
        if unused == Unused::Go {
            let gone = given_up.into_iter().filter(|id| content.segment(*id).is_some() && !content.uses(*id));
            let gone: BTreeMap<_, _> = gone.map(|id| (id, None)).collect();
            content.segments = content.segments.after(gone);
        }
        let changed: Vec<i64> = content.segments.differences(&base.segments).into_keys().collect();
        for id in &changed {
            content.renew(*id);
        }
        touched.extend(changed.into_iter().map(Touched::Segment));
        (content, touched)
    }
}

impl Content {
    /// Gives up what was made with a segment in its place.
    fn renew(&mut self, segment: i64) {
        for project in &mut self.projects {
            if project.names(segment) {
                let Project { id, features, segments } = &**project;
                let (id, features) = (id.clone(), features.renewed(segment));
                *project = Arc::new(Project { id, features, segments: segments.clone() });
            }
        }
    }
}

/// What a feature's JSON says of its place and its segments.
#[derive(Deserialize)]
struct Place {
    name: String,
    #[serde(default)]
    project: Option<String>,
    #[serde(default)]
    strategies: Option<Vec<StrategyPlace>>,
}

#[derive(Deserialize)]
struct StrategyPlace {
    #[serde(default)]
    segments: Option<Vec<i64>>,
}

#[derive(Deserialize)]
struct SegmentPlace {
    id: i64,
}

impl FeatureItem {
    /// Reads a feature that another server delivered. Unknown parts of it are kept as they came.
    pub fn parse(raw: &RawValue) -> Result<Self, serde_json::Error> {
        let place: Place = serde_json::from_str(raw.get())?;
        let mut segments: Vec<i64> =
            place.strategies.into_iter().flatten().flat_map(|s| s.segments.unwrap_or_default()).collect();
        segments.sort_unstable();
        segments.dedup();
        let project = place.project.unwrap_or_else(|| "default".to_owned());
        Ok(Self { name: place.name, project, tags: None, segments })
    }
}

/// Reads which segment this is that another server delivered.
pub fn segment_id(raw: &RawValue) -> Result<i64, serde_json::Error> {
    serde_json::from_str::<SegmentPlace>(raw.get()).map(|place| place.id)
}
