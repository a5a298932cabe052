//! The feeds that an edge follows, found by what a token may see.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use flagstone_model::api_tokens::{ALL, ApiToken};
use serde_json::value::to_raw_value;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::backup::{News, Place};
use super::feed::Feed;
use super::upstream::{Change, Changes, Document, HYDRATION};
use crate::delivery::Revision;
use crate::system::locks::{Mutex, rank};

/// How much of what changes in a feed waits to be written; what is more is written as a whole.
const UNWRITTEN_BYTES_MAX: usize = 4 << 20;

/// A feed and what its task has to know.
pub struct Line {
    /// What comes.
    pub feed: Feed,
    /// What it is of.
    pub place: Arc<Place>,
    /// Told when a secret is shown that opens the feed, for the one task that follows it.
    pub shown: Notify,
    /// Cancelled when nobody may see the feed any more.
    pub gone: CancellationToken,
    /// Held while something is taken, so that what is written is what was there.
    unwritten: Mutex<{ rank::EDGE_UNWRITTEN }, Unwritten>,
}

/// What of a feed the file does not have.
enum Unwritten {
    Nothing,
    /// These, of so many bytes.
    Changes(Vec<Change>, usize),
    Everything,
}

impl Line {
    /// A feed that is not followed yet.
    pub fn new(feed: Feed) -> Arc<Self> {
        Self::beginning(feed, Unwritten::Everything)
    }

    /// One that was kept as it is.
    pub fn restored(feed: Feed) -> Arc<Self> {
        Self::beginning(feed, Unwritten::Nothing)
    }

    fn beginning(feed: Feed, unwritten: Unwritten) -> Arc<Self> {
        let place = Arc::new(Place { environment: feed.environment.clone(), projects: feed.projects.clone() });
        let (shown, gone) = (Notify::new(), CancellationToken::new());
        Arc::new(Self { feed, place, shown, gone, unwritten: Mutex::new(unwritten) })
    }

    /// Takes changes in order.
    pub fn take(&self, changes: Changes) -> anyhow::Result<()> {
        let mut unwritten = self.unwritten.lock();
        self.feed.take(&changes)?;
        let added = changes.bytes();
        match &mut *unwritten {
            Unwritten::Everything => {}
            Unwritten::Changes(waiting, bytes) if *bytes + added <= UNWRITTEN_BYTES_MAX => {
                *bytes += added;
                waiting.extend(changes.events);
            }
            Unwritten::Nothing if added <= UNWRITTEN_BYTES_MAX => {
                *unwritten = Unwritten::Changes(changes.events, added);
            }
            _ => *unwritten = Unwritten::Everything,
        }
        Ok(())
    }

    /// Takes everything anew.
    pub fn take_document(&self, document: &Document, revision: Option<Revision>) -> anyhow::Result<()> {
        let mut unwritten = self.unwritten.lock();
        let revision_here = || self.feed.delivery().map(|delivery| delivery.revision());
        let before = revision_here();
        self.feed.take_document(document, revision)?;
        if revision_here() != before {
            *unwritten = Unwritten::Everything;
        }
        Ok(())
    }

    /// What the file does not have; it will.
    pub fn unwritten(&self) -> Option<News> {
        let mut unwritten = self.unwritten.lock();
        let mut events = match mem::replace(&mut *unwritten, Unwritten::Nothing) {
            Unwritten::Nothing => return None,
            Unwritten::Changes(events, _) => events,
            Unwritten::Everything => {
                drop(unwritten);
                return self.everything();
            }
        };
        drop(unwritten);
        let hydration = events.iter().rposition(|event| event.kind == HYDRATION);
        events.drain(..hydration.unwrap_or_default());
        let place = Arc::clone(&self.place);
        match to_raw_value(&Changes { events }) {
            Ok(changes) if hydration.is_some() => Some(News::Feed(place, changes)),
            Ok(changes) => Some(News::Changes(place, changes)),
            Err(_) => self.everything(),
        }
    }

    /// All of it, which the file will have.
    pub fn everything(&self) -> Option<News> {
        let mut unwritten = self.unwritten.lock();
        let whole = self.feed.delivery();
        *unwritten = if whole.is_some() { Unwritten::Nothing } else { Unwritten::Everything };
        drop(unwritten);
        Some(News::Feed(Arc::clone(&self.place), whole?.everything()))
    }

    /// All of it, for another place than the file.
    pub fn copy(&self) -> Option<News> {
        Some(News::Feed(Arc::clone(&self.place), self.feed.delivery()?.everything()))
    }
}

/// All feeds. Looking one up costs what covers the token, however many there are.
#[derive(Default)]
pub struct Feeds(HashMap<String, InEnvironment>);

/// The feeds of an environment.
#[derive(Default)]
struct InEnvironment {
    /// By just what they bring.
    exact: HashMap<Vec<String>, Arc<Line>>,
    /// By each project that they bring, [`ALL`] among them.
    by_project: HashMap<String, Vec<Arc<Line>>>,
}

impl Feeds {
    /// The feed of exactly what a token may see.
    pub fn of(&self, token: &ApiToken) -> Option<&Arc<Line>> {
        self.0.get(&token.environment)?.exact.get(&token.projects)
    }

    /// The feed of an environment that brings all that any token may see there; nothing if there are several.
    pub fn only(&self, environment: &str) -> Option<&Arc<Line>> {
        let of_environment = self.0.get(environment)?;
        of_environment.exact.values().next().filter(|_| of_environment.exact.len() == 1)
    }

    /// The feed of exactly this.
    pub fn at(&self, place: &Place) -> Option<&Arc<Line>> {
        self.0.get(&place.environment)?.exact.get(&place.projects)
    }

    /// Those that bring all that a token may see; the one of just that first.
    pub fn covering<'a>(&'a self, token: &'a ApiToken) -> impl Iterator<Item = &'a Arc<Line>> {
        let of_environment = self.0.get(&token.environment);
        let of = move |project: &str| of_environment.and_then(|of| of.by_project.get(project)).into_iter().flatten();
        // Whatever covers the token brings its first project.
        let first = token.projects.first().filter(|project| *project != ALL);
        let wider = of(ALL).chain(first.into_iter().flat_map(move |project| of(project)));
        self.of(token).into_iter().chain(wider.filter(|line| line.feed.covers(token) && !line.feed.is_of(token)))
    }

    /// Adds a feed, in the place of one of exactly the same.
    pub fn add(&mut self, line: Arc<Line>) {
        self.remove(&line.feed.environment, &line.feed.projects);
        let of_environment = self.0.entry(line.feed.environment.clone()).or_default();
        for project in &line.feed.projects {
            of_environment.by_project.entry(project.clone()).or_default().push(Arc::clone(&line));
        }
        of_environment.exact.insert(line.feed.projects.clone(), line);
    }

    /// Takes a feed out, and tells its task.
    pub fn remove(&mut self, environment: &str, projects: &[String]) -> Option<Arc<Line>> {
        let of_environment = self.0.get_mut(environment)?;
        let line = of_environment.exact.remove(projects)?;
        for project in projects {
            if let Some(lines) = of_environment.by_project.get_mut(project) {
                lines.retain(|other| !Arc::ptr_eq(other, &line));
                if lines.is_empty() {
                    of_environment.by_project.remove(project);
                }
            }
        }
        if of_environment.exact.is_empty() {
            self.0.remove(environment);
        }
        line.gone.cancel();
        Some(line)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Line>> {
        self.0.values().flat_map(|of| of.exact.values())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use flagstone_model::api_tokens::TokenKind;

    use super::super::tokens::given;
    use super::*;

    fn token(projects: &[&str]) -> Arc<ApiToken> {
        let projects: Vec<String> = projects.iter().map(|project| (*project).to_owned()).collect();
        given("[]:development.secret", TokenKind::Backend, Some(&projects)).unwrap()
    }

    #[test]
    fn feeds_are_found_by_all_that_they_cover_and_by_nothing_else() {
        let mut feeds = Feeds::default();
        let [all, both, one] = [&[ALL][..], &["one", "two"], &["one"]].map(|projects| {
            let line = Line::new(Feed::of(&token(projects)));
            feeds.add(Arc::clone(&line));
            line
        });
        feeds.add(Line::new(Feed::new("production".to_owned(), vec![ALL.to_owned()])));
        let check = |feeds: &Feeds, projects: &[&str], expect: &[&Arc<Line>]| {
            let token = token(projects);
            let found: Vec<_> = feeds.covering(&token).map(Arc::as_ptr).collect();
            assert_eq!(found, expect.iter().copied().map(Arc::as_ptr).collect::<Vec<_>>(), "{projects:?}");
        };
        check(&feeds, &["one"], &[&one, &all, &both]);
        check(&feeds, &["two"], &[&all, &both]);
        check(&feeds, &["one", "two"], &[&both, &all]);
        check(&feeds, &["one", "three"], &[&all]);
        check(&feeds, &[ALL], &[&all]);
        assert!(!all.gone.is_cancelled());
        assert!(feeds.remove("development", &[ALL.to_owned()]).is_some_and(|line| line.gone.is_cancelled()));
        assert!(feeds.remove("development", &[ALL.to_owned()]).is_none());
        check(&feeds, &["two"], &[&both]);
        check(&feeds, &[ALL], &[]);
        assert_eq!(feeds.iter().count(), 3);
    }
}
