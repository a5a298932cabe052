//! Whole answers, kept as long as their revision is the newest and there is room for them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard, OnceLock};

use super::answer::Answer;
use super::scope::Scope;
use crate::system::locks::{Guard, Mutex, rank};

/// How many bytes there may be of answers to tokens that ask for all that they may see.
const OWN_BYTES_MAX: usize = 64 << 20;
/// How many bytes there may be of answers to queries. Queries can be anything: they take no room from the others.
const ASKED_BYTES_MAX: usize = 16 << 20;
/// How many scopes there may be of either.
const SCOPES_MAX: usize = 1_000;
/// What a scope takes besides its texts and answers, about.
const SCOPE_BYTES: usize = 512;

/// The answers of one revision.
#[derive(Default)]
pub struct Kept {
    own: Mutex<{ rank::DELIVERY_KEPT }, Shelf>,
    asked: Mutex<{ rank::DELIVERY_KEPT }, Shelf>,
}

/// The answers for one scope, each made once, on first use.
#[derive(Default)]
pub struct Answers {
    /// The ETag of `features`, which is known without it.
    pub etag: OnceLock<String>,
    /// As SDKs poll them.
    pub features: OnceLock<Arc<Answer>>,
    /// As a delta or a stream begins.
    pub hydration: OnceLock<Arc<Answer>>,
    /// What the shelf has counted them for.
    counted: AtomicUsize,
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
    /// What they take, in all forms that were made so far.
    fn bytes(&self) -> usize {
        [&self.features, &self.hydration].into_iter().filter_map(OnceLock::get).map(|answer| answer.bytes()).sum()
    }
}

impl Kept {
    fn shelf(&self, scope: &Scope) -> (Guard<MutexGuard<'_, Shelf>>, usize) {
        let (shelf, most) = if scope.asked { (&self.asked, ASKED_BYTES_MAX) } else { (&self.own, OWN_BYTES_MAX) };
        (shelf.lock(), most)
    }

    /// The answers for a scope, which may not be made yet.
    pub fn answers(&self, scope: &Scope) -> Arc<Answers> {
        let (mut shelf, most) = self.shelf(scope);
        shelf.uses += 1;
        let used = shelf.uses;
        if let Some(place) = shelf.places.get_mut(scope) {
            place.used = used;
            return Arc::clone(&place.answers);
        }
        let answers = Arc::<Answers>::default();
        shelf.places.insert(scope.clone(), Place { answers: Arc::clone(&answers), used });
        shelf.bytes += taken(scope);
        shelf.make_room(most);
        answers
    }

    /// Counts what was made of `answers` since the last time, and makes room for it.
    pub fn count(&self, scope: &Scope, answers: &Arc<Answers>) {
        if answers.bytes() == answers.counted.load(Ordering::Relaxed) {
            return;
        }
        let (mut shelf, most) = self.shelf(scope);
        // Under the lock, so that nothing is counted twice. What is on no shelf any more goes with its last reader.
        if shelf.places.get(scope).is_some_and(|place| Arc::ptr_eq(&place.answers, answers)) {
            let bytes = answers.bytes();
            shelf.bytes += bytes - answers.counted.swap(bytes, Ordering::Relaxed);
            shelf.make_room(most);
        }
    }

    /// What all answers take, in bytes: of tokens, and of queries.
    #[cfg(test)]
    fn bytes(&self) -> [usize; 2] {
        [&self.own, &self.asked].map(|shelf| {
            let shelf = shelf.lock();
            let bytes = shelf.places.iter().map(|(scope, place)| taken(scope) + place.answers.bytes()).sum();
            assert_eq!(shelf.bytes, bytes, "what is counted is what there is");
            bytes
        })
    }
}

impl Shelf {
    /// Forgets what was used longest ago; never what was used last, however large it is.
    fn make_room(&mut self, most: usize) {
        while (self.bytes > most || self.places.len() > SCOPES_MAX) && self.places.len() > 1 {
            let oldest = self.places.iter().min_by_key(|(_, place)| place.used).map(|(scope, _)| scope.clone());
            let Some((scope, place)) = oldest.and_then(|scope| self.places.remove_entry(&scope)) else { return };
            self.bytes -= taken(&scope) + place.answers.counted.load(Ordering::Relaxed);
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
    use crate::delivery::content::{Content, FeatureItem};
    use crate::delivery::{Delivery, Revision};

    /// 1,000 features of about a kilobyte, half of them in `default`.
    fn delivery() -> Delivery {
        let feature = |number: usize| {
            let name = format!("flag-{number:04}");
            let json = format!(r#"{{"name":"{name}","description":"{}"}}"#, format!("{number} ").repeat(200)).into();
            let project = ["default", "other"][number % 2].to_owned();
            Arc::new(FeatureItem { name, project, tags: None, segments: Vec::new(), json })
        };
        let content = Content { features: (0..1_000).map(feature).collect(), segments: Vec::new() };
        Delivery::received("development", Revision::number(7), content)
    }

    fn asked(projects: &[&str], prefix: &str) -> Scope {
        let projects = projects.iter().map(|project| (*project).to_owned()).collect();
        let name_prefix = Some(prefix.to_owned()).filter(|prefix| !prefix.is_empty());
        Scope { projects: Some(projects), name_prefix, asked: true, ..Scope::everything() }
    }

    fn coded(coding: &str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT_ENCODING, coding.parse().unwrap())])
    }

    #[test]
    fn queries_take_no_more_than_their_room_and_none_of_the_others() {
        let delivery = delivery();
        let own = Scope::everything();
        let common = delivery.features(&own);
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
                    assert_eq!(delivery.respond(scope, &coded(coding)).status(), 200);
                    delivery.hydration(scope);
                    let [own, queries] = delivery.kept.bytes();
                    assert!(queries <= ASKED_BYTES_MAX && own <= OWN_BYTES_MAX, "{own} {queries}");
                }
            }
        }
        assert!(Arc::ptr_eq(&common, &delivery.features(&own)), "queries have taken the place of the common answer");
    }

    #[test]
    fn what_is_larger_than_all_room_is_still_made_once() {
        let shelf = Kept::default();
        let (first, second) = (asked(&["a"], ""), asked(&["b"], ""));
        for scope in [&first, &second] {
            let answers = shelf.answers(scope);
            answers.features.set(Arc::new(Answer::new("x".repeat(ASKED_BYTES_MAX), "\"1\"".to_owned()))).unwrap_or(());
            shelf.count(scope, &answers);
            assert!(Arc::ptr_eq(&answers, &shelf.answers(scope)));
        }
        assert!(shelf.bytes()[1] < 2 * ASKED_BYTES_MAX, "the one that was used before is gone");
        assert!(shelf.answers(&first).features.get().is_none());
    }

    #[test]
    fn projects_that_do_not_exist_change_nothing() {
        let delivery = delivery();
        let one = delivery.features(&asked(&["default"], ""));
        for junk in ["junk", "", "défaut"] {
            assert!(Arc::ptr_eq(&one, &delivery.features(&asked(&["default", junk], ""))), "{junk}");
        }
        assert!(!delivery.features(&asked(&["junk"], "")).body().windows(6).any(|bytes| bytes == b"\"name\""));
    }

    #[test]
    fn whoever_has_it_already_makes_nobody_assemble_anything() {
        let delivery = delivery();
        for scope in [Scope::everything(), asked(&["default"], ""), asked(&["junk"], "x")] {
            let etag = delivery.respond(&scope, &HeaderMap::new()).headers()[ETAG].clone();
            let other = self::delivery();
            let known = HeaderMap::from_iter([(IF_NONE_MATCH, etag.clone())]);
            let answer = other.respond(&scope, &known);
            assert_eq!((answer.status().as_u16(), &answer.headers()[ETAG]), (304, &etag));
            let bytes = other.kept.bytes();
            assert!(bytes[0] < 2 * SCOPE_BYTES && bytes[1] == 0, "{scope:?}: {bytes:?}");
        }
    }
}
