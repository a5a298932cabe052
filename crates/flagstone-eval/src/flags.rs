//! All flags of an engine: by project, so that whoever may see some goes over those alone, and by name. A clone shares
//! everything, and a change copies the lists that it is in.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::evaluate::Projects;
use crate::flag::Flag;

/// In how many parts names are kept: a change copies one.
const PARTS: usize = 256;

/// All flags of an engine.
#[derive(Debug, Clone)]
pub(crate) struct Flags {
    /// By id, sorted. None is empty.
    projects: Vec<Arc<Project>>,
    /// By name; which part, the name's hash says.
    by_name: Box<[Arc<HashTable<Arc<Flag>>>]>,
    len: usize,
    hasher: DefaultHashBuilder,
}

/// The flags of a project.
#[derive(Debug, Clone)]
struct Project {
    id: Box<str>,
    /// By name, sorted.
    flags: Vec<Arc<Flag>>,
}

impl Flags {
    pub(crate) fn new(hasher: DefaultHashBuilder) -> Self {
        let by_name = vec![Arc::default(); PARTS].into();
        Self { projects: Vec::new(), by_name, len: 0, hasher }
    }

    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// All of them, by project and name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Flag> {
        self.projects.iter().flat_map(|project| &project.flags).map(|flag| &**flag)
    }

    /// Those of some projects, by project and name.
    pub(crate) fn of<'e>(&'e self, projects: Projects<'_>) -> impl Iterator<Item = &'e Flag> {
        let these: Vec<&Arc<Project>> = match projects {
            Projects::All => self.projects.iter().collect(),
            Projects::Only(ids) => {
                let mut places: Vec<usize> = ids.iter().filter_map(|id| self.place(id).ok()).collect();
                places.sort_unstable();
                places.dedup();
                places.into_iter().filter_map(|place| self.projects.get(place)).collect()
            }
        };
        these.into_iter().flat_map(|project| &project.flags).map(|flag| &**flag)
    }

    /// The flag of this name.
    pub(crate) fn find(&self, name: &str) -> Option<&Arc<Flag>> {
        let hash = self.hasher.hash_one(name);
        self.by_name.get(part(hash))?.find(hash, |flag| *flag.name == *name)
    }

    /// Puts a flag, and returns the one of this name before.
    pub(crate) fn put(&mut self, flag: Arc<Flag>) -> Option<Arc<Flag>> {
        let old = self.remove(&flag.name);
        let place = self.place(&flag.project).unwrap_or_else(|place| {
            let project = Project { id: flag.project.clone(), flags: Vec::new() };
            self.projects.insert(place, Arc::new(project));
            place
        });
        if let Some(project) = self.projects.get_mut(place) {
            let flags = &mut Arc::make_mut(project).flags;
            flags.insert(flags.partition_point(|other| other.name < flag.name), Arc::clone(&flag));
        }
        let (hash, hasher) = (self.hasher.hash_one(&*flag.name), &self.hasher);
        if let Some(names) = self.by_name.get_mut(part(hash)) {
            Arc::make_mut(names).insert_unique(hash, flag, |flag| hasher.hash_one(&*flag.name));
        }
        self.len += 1;
        old
    }

    /// Takes a flag out, if there is one of this name.
    pub(crate) fn remove(&mut self, name: &str) -> Option<Arc<Flag>> {
        let hash = self.hasher.hash_one(name);
        let names = self.by_name.get_mut(part(hash))?;
        names.find(hash, |flag| *flag.name == *name)?;
        let (flag, _) = Arc::make_mut(names).find_entry(hash, |flag| *flag.name == *name).ok()?.remove();
        self.len -= 1;
        if let Ok(place) = self.place(&flag.project)
            && let Some(project) = self.projects.get_mut(place)
        {
            let flags = &mut Arc::make_mut(project).flags;
            if let Ok(at) = flags.binary_search_by(|other| other.name.cmp(&flag.name)) {
                flags.remove(at);
            }
            if flags.is_empty() {
                self.projects.remove(place);
            }
        }
        Some(flag)
    }

    fn place(&self, project: &str) -> Result<usize, usize> {
        self.projects.binary_search_by(|other| (*other.id).cmp(project))
    }
}

/// The upper bits: a table goes by the others.
fn part(hash: u64) -> usize {
    usize::try_from(hash >> 32).unwrap_or_default() % PARTS
}
