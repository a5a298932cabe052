//! Whole answers of an environment, kept as long as nobody has asked for a newer one and there is room for them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

use axum::http::HeaderValue;
use tokio::sync::OnceCell;

use super::answer::Answer;
use super::revision::Revision;
use super::scope::Scope;
use crate::system::locks::{Guard, Mutex, rank};

/// How much there may be of answers to tokens that ask for all that they may see. What they share is not counted.
const OWN: Room = Room { bytes: 64 << 20, scopes: 16_384 };
/// The same of answers to queries. Queries can be anything: they take no room from the others.
const ASKED: Room = Room { bytes: 16 << 20, scopes: 1_000 };
/// How often it is looked for what is outdated, at most.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// What a scope takes besides its texts and answers, about.
const SCOPE_BYTES: usize = 512;

/// How much there may be.
#[derive(Clone, Copy)]
struct Room {
    bytes: usize,
    scopes: usize,
}

/// The answers, each of the newest revision that was asked for.
#[derive(Default)]
pub struct Kept {
    own: Mutex<{ rank::DELIVERY_KEPT }, Shelf>,
    asked: Mutex<{ rank::DELIVERY_KEPT }, Shelf>,
    swept: Mutex<{ rank::DELIVERY_SWEPT }, Option<Instant>>,
}

/// The answers for one scope at one revision, each made once, on first use.
#[derive(Default)]
pub struct Answers {
    revision: Revision,
    /// The ETag of `features`, which is known without it.
    pub etag: OnceLock<HeaderValue>,
    /// As SDKs poll them.
    pub features: OnceCell<Arc<Answer>>,
    /// As a delta or a stream begins.
    pub hydration: OnceCell<Arc<Answer>>,
    /// What the shelf has counted them for.
    counted: AtomicUsize,
    /// How much of them had been made then.
    counted_made: AtomicUsize,
}

#[derive(Default)]
struct Shelf {
    places: HashMap<Scope, Place>,
    bytes: usize,
    /// How often it was asked: what was used last goes last.
    uses: u64,
}

struct Place {
    answers: Arc<Answers>,
    used: u64,
}

impl Answers {
    /// How much of them was made so far: more, whenever they take more.
    fn made(&self) -> usize {
        [&self.features, &self.hydration].into_iter().filter_map(OnceCell::get).map(|answer| answer.made()).sum()
    }

    /// What they take, in all forms that were made so far.
    fn bytes(&self) -> usize {
        [&self.features, &self.hydration].into_iter().filter_map(OnceCell::get).map(|answer| answer.bytes()).sum()
    }
}

impl Kept {
    fn shelf(&self, scope: &Scope) -> (Guard<MutexGuard<'_, Shelf>>, Room) {
        let (shelf, room) = if scope.asked { (&self.asked, ASKED) } else { (&self.own, OWN) };
        (shelf.lock(), room)
    }

    /// Lets go of answers that are not of the revision that their scope has by now: they hold texts that nothing else
    /// does.
    pub fn sweep(&self, revision: impl Fn(&Scope) -> Revision) {
        let mut swept = self.swept.lock();
        if swept.is_some_and(|at| at.elapsed() < SWEEP_EVERY) {
            return;
        }
        *swept = Some(Instant::now());
        drop(swept);
        for shelf in [&self.own, &self.asked] {
            let mut shelf = shelf.lock();
            let outdated = shelf.places.iter().filter(|(scope, place)| place.answers.revision != revision(scope));
            let outdated: Vec<_> = outdated.map(|(scope, _)| scope.clone()).collect();
            for scope in &outdated {
                shelf.forget(scope);
            }
        }
    }

    /// The answers for a scope at a revision, which may not be made yet. Older ones go.
    pub fn answers(&self, scope: &Scope, revision: Revision) -> Arc<Answers> {
        let (mut shelf, room) = self.shelf(scope);
        shelf.uses += 1;
        let used = shelf.uses;
        let new = || Arc::new(Answers { revision, ..Answers::default() });
        let Some(place) = shelf.places.get_mut(scope) else {
            let answers = new();
            shelf.places.insert(scope.clone(), Place { answers: Arc::clone(&answers), used });
            shelf.bytes += taken(scope);
            shelf.make_room(room);
            return answers;
        };
        place.used = used;
        if place.answers.revision == revision {
            return Arc::clone(&place.answers);
        }
        if place.answers.revision.number > revision.number {
            // Of a request that began before the newest revision.
            return new();
        }
        let old = std::mem::replace(&mut place.answers, new());
        let answers = Arc::clone(&place.answers);
        shelf.bytes -= old.counted.load(Ordering::Relaxed);
        answers
    }

    /// Counts what was made of `answers` since the last time, and makes room for it.
    pub fn count(&self, scope: &Scope, answers: &Arc<Answers>) {
        let made = answers.made();
        if answers.counted_made.swap(made, Ordering::Relaxed) == made {
            return;
        }
        let (mut shelf, room) = self.shelf(scope);
        // Under the lock, so that nothing is counted twice. What is on no shelf any more goes with its last reader.
        if shelf.places.get(scope).is_some_and(|place| Arc::ptr_eq(&place.answers, answers)) {
            let bytes = answers.bytes();
            // Less, where others share by now what was this one's alone.
            shelf.bytes = (shelf.bytes + bytes).saturating_sub(answers.counted.swap(bytes, Ordering::Relaxed));
            shelf.make_room(room);
        }
    }

    /// What all answers take, in bytes: of tokens, and of queries.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> [usize; 2] {
        [&self.own, &self.asked].map(|shelf| {
            let shelf = shelf.lock();
            let bytes = shelf.places.iter().map(|(scope, place)| taken(scope) + place.answers.bytes()).sum();
            assert_eq!(shelf.bytes, bytes, "what is counted is what there is");
            bytes
        })
    }
}

impl Shelf {
    /// Forgets what was used longest ago, more than it must: whoever comes next finds room. Never what was used last,
    /// however large it is.
    fn make_room(&mut self, room: Room) {
        if self.bytes <= room.bytes && self.places.len() <= room.scopes {
            return;
        }
        let mut oldest: Vec<_> = self.places.iter().map(|(scope, place)| (place.used, scope.clone())).collect();
        oldest.sort_unstable_by_key(|(used, _)| *used);
        oldest.pop();
        for (_, scope) in oldest {
            if self.bytes <= room.bytes / 8 * 7 && self.places.len() <= room.scopes / 8 * 7 {
                return;
            }
            self.forget(&scope);
        }
    }

    fn forget(&mut self, scope: &Scope) {
        if let Some(place) = self.places.remove(scope) {
            let bytes = taken(scope) + place.answers.counted.load(Ordering::Relaxed);
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }
}

/// What a scope itself takes, about.
fn taken(scope: &Scope) -> usize {
    let projects = scope.projects.iter().flatten().map(|project| SCOPE_BYTES / 8 + project.len()).sum::<usize>();
    SCOPE_BYTES + projects + scope.name_prefix.as_ref().map_or(0, String::len)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use axum::http::header::{ACCEPT_ENCODING, ETAG, IF_NONE_MATCH};

    use super::*;
    use crate::delivery::content::{Content, FeatureItem, Unused};
    use crate::delivery::{Delivery, Revision};

    /// 1,000 features of about a kilobyte, half of them in `default`.
    fn delivery() -> Arc<Delivery> {
        let nothing = Content::default();
        let mut edit = nothing.edit();
        for number in 0..1_000 {
            let name = format!("flag-{number:04}");
            let json = format!(r#"{{"name":"{name}","description":"{}"}}"#, format!("{number} ").repeat(200));
            let project = ["default", "other"][number % 2].to_owned();
            edit.put_feature(FeatureItem { name, project, tags: None, segments: Vec::new() }, json.into());
        }
        Arc::new(Delivery::received("development", Revision::number(7), edit.finish(Unused::Go).0))
    }

    fn asked(projects: &[&str], prefix: &str) -> Scope {
        let projects = projects.iter().map(|project| (*project).to_owned()).collect();
        let name_prefix = Some(prefix.to_owned()).filter(|prefix| !prefix.is_empty());
        Scope { projects: Some(projects), name_prefix, asked: true, ..Scope::everything() }
    }

    fn coded(coding: &str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT_ENCODING, coding.parse().unwrap())])
    }

    #[tokio::test]
    async fn queries_take_no_more_than_their_room_and_none_of_the_others() {
        let delivery = delivery();
        let own = Scope::everything();
        let common = delivery.features(&own).await;
        for number in 0..200 {
            // A thousand prefixes see something, and so does a project with any number of others that do not exist.
            let scopes = [
                asked(&["default", "other"], &format!("flag-{}", number % 10)),
                asked(&["default"], &format!("flag-{:02}", number % 100)),
                asked(&["other", &format!("junk-{number}")], ""),
                asked(&[], &"x".repeat(number + 1)),
            ];
            for scope in &scopes {
                for coding in ["gzip", "identity"] {
                    assert_eq!(delivery.respond(scope, &coded(coding)).await.status(), 200);
                    delivery.hydration(scope).await;
                    let [own, queries] = delivery.latest.kept.bytes();
                    assert!(queries <= ASKED.bytes && own <= OWN.bytes, "{own} {queries}");
                }
            }
        }
        assert!(
            Arc::ptr_eq(&common, &delivery.features(&own).await),
            "queries have taken the place of the common answer"
        );
    }

    #[test]
    fn what_is_larger_than_all_room_is_still_made_once() {
        let shelf = Kept::default();
        let (first, second) = (asked(&["a"], ""), asked(&["b"], ""));
        for scope in [&first, &second] {
            let answers = shelf.answers(scope, Revision::number(1));
            answers.features.set(Arc::new(Answer::new("x".repeat(ASKED.bytes), "\"1\""))).unwrap_or(());
            shelf.count(scope, &answers);
            assert!(Arc::ptr_eq(&answers, &shelf.answers(scope, Revision::number(1))));
        }
        assert!(shelf.bytes()[1] < 2 * ASKED.bytes, "the one that was used before is gone");
        assert!(shelf.answers(&first, Revision::number(1)).features.get().is_none());
    }

    #[tokio::test]
    async fn projects_that_do_not_exist_change_nothing() {
        let delivery = delivery();
        let one = delivery.features(&asked(&["default"], "")).await;
        for junk in ["junk", "", "défaut"] {
            assert!(Arc::ptr_eq(&one, &delivery.features(&asked(&["default", junk], "")).await), "{junk}");
        }
        assert!(!delivery.features(&asked(&["junk"], "")).await.body().windows(6).any(|bytes| bytes == b"\"name\""));
    }

    #[tokio::test]
    async fn whoever_has_it_already_makes_nobody_assemble_anything() {
        let delivery = delivery();
        for scope in [Scope::everything(), asked(&["default"], ""), asked(&["junk"], "x")] {
            let etag = delivery.respond(&scope, &HeaderMap::new()).await.headers()[ETAG].clone();
            let other = self::delivery();
            let known = HeaderMap::from_iter([(IF_NONE_MATCH, etag.clone())]);
            let answer = other.respond(&scope, &known).await;
            assert_eq!((answer.status().as_u16(), &answer.headers()[ETAG]), (304, &etag));
            let bytes = other.latest.kept.bytes();
            assert!(bytes[0] < 2 * SCOPE_BYTES && bytes[1] == 0, "{scope:?}: {bytes:?}");
        }
    }
}
