//! The tokens that an edge knows: by their hashes, with the secret where somebody has shown it since the start.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flagstone_model::api_tokens::{ApiToken, TokenKind, hash, selector_of};

use super::backup::Place;
use super::upstream::TokenView;

/// How long the upstream is not asked again about a token that does not work, at most; at least it is half of that.
const REFUSED_FOR: Duration = Duration::from_mins(1);
/// The most of those that are remembered.
const REFUSED_MAX: usize = 50_000;

/// A token that the upstream has confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// What it is for.
    pub token: Arc<ApiToken>,
    /// The secret; files hold none.
    pub secret: Option<String>,
}

/// All tokens that an edge knows, and those that it need not ask about. Nothing that a request or an event does here
/// costs more the more tokens there are.
#[derive(Debug, Default)]
pub struct Tokens {
    known: HashMap<String, Known>,
    /// The backend tokens among them, by environment and projects.
    bringers: HashMap<String, HashMap<Vec<String>, Bringers>>,
    refused: Refused,
    ended: u64,
}

/// The backend tokens of an environment and the same projects: each of them brings the same feed.
#[derive(Debug)]
struct Bringers {
    /// One of them.
    token: Arc<ApiToken>,
    /// All, by their hashes.
    all: HashSet<String>,
    /// Those whose secrets are known.
    shown: HashSet<String>,
}

/// What an edge knows of a token.
pub enum Finding {
    /// It works. Whether its secret is new here.
    Works(Arc<ApiToken>, bool),
    /// It does not.
    Refused,
    /// The upstream knows.
    Unknown,
}

impl Tokens {
    /// Looks up the token with this hash.
    pub fn find(&self, hash: &str) -> Finding {
        match self.known.get(hash) {
            Some(known) => Finding::Works(Arc::clone(&known.token), known.secret.is_none()),
            None if self.refused.has(hash, Instant::now()) => Finding::Refused,
            None => Finding::Unknown,
        }
    }

    /// The token with this hash, if it works.
    pub fn known_by(&self, hash: &str) -> Option<&Arc<ApiToken>> {
        self.known.get(hash).map(|known| &known.token)
    }

    /// How often a token has ended, or become one for something else.
    pub const fn ended(&self) -> u64 {
        self.ended
    }

    /// Takes the upstream's word about a token, whatever was known of it. What was, if there was something.
    pub fn confirm(&mut self, token: Arc<ApiToken>, secret: String) -> Option<Known> {
        self.put(Known { token, secret: Some(secret) })
    }

    /// Adds a token of which no more is known, or the secret of one that is known.
    pub fn add(&mut self, token: Arc<ApiToken>, secret: Option<String>) {
        let known = match self.known.get(&token.hash) {
            Some(known) => Known { token: Arc::clone(&known.token), secret: secret.or_else(|| known.secret.clone()) },
            None => Known { token, secret },
        };
        self.put(known);
    }

    /// Forgets a token, and does not ask about it for a while. What it was, if it was known.
    pub fn refuse(&mut self, hash: &str) -> Option<Arc<ApiToken>> {
        let before = self.take(hash);
        self.ended += u64::from(before.is_some());
        self.refused.add(hash, Instant::now());
        before.map(|known| known.token)
    }

    fn put(&mut self, known: Known) -> Option<Known> {
        let token = Arc::clone(&known.token);
        self.refused.forget(&token.hash);
        let before = self.take(&token.hash);
        self.ended += u64::from(before.as_ref().is_some_and(|before| before.token != token));
        if token.kind == TokenKind::Backend {
            let places = self.bringers.entry(token.environment.clone()).or_default();
            let bringers = places.entry(token.projects.clone()).or_insert_with(|| Bringers {
                token: Arc::clone(&token),
                all: HashSet::new(),
                shown: HashSet::new(),
            });
            bringers.all.insert(token.hash.clone());
            if known.secret.is_some() {
                bringers.shown.insert(token.hash.clone());
            }
        }
        self.known.insert(token.hash.clone(), known);
        before
    }

    fn take(&mut self, hash: &str) -> Option<Known> {
        let known = self.known.remove(hash)?;
        let token = &known.token;
        if let Some(places) = self.bringers.get_mut(&token.environment)
            && let Some(bringers) = places.get_mut(&token.projects)
        {
            bringers.all.remove(hash);
            bringers.shown.remove(hash);
            if bringers.all.is_empty() {
                places.remove(&token.projects);
            }
            if places.is_empty() {
                self.bringers.remove(&token.environment);
            }
        }
        Some(known)
    }

    /// The secret of a backend token of an environment and exactly these projects.
    pub fn secret_for(&self, environment: &str, projects: &[String]) -> Option<String> {
        self.secret_among(self.bringers.get(environment)?.get(projects)?)
    }

    /// The secret of a backend token of an environment.
    pub fn secret_in(&self, environment: &str) -> Option<String> {
        self.bringers.get(environment)?.values().find_map(|bringers| self.secret_among(bringers))
    }

    fn secret_among(&self, bringers: &Bringers) -> Option<String> {
        self.known.get(bringers.shown.iter().next()?)?.secret.clone()
    }

    /// Whether a backend token of an environment and exactly these projects works.
    pub fn bring(&self, environment: &str, projects: &[String]) -> bool {
        self.bringers.get(environment).is_some_and(|places| places.contains_key(projects))
    }

    /// Backend tokens of an environment, one of each set of projects.
    pub fn bringers_in(&self, environment: &str) -> impl Iterator<Item = &Arc<ApiToken>> {
        self.bringers.get(environment).into_iter().flat_map(HashMap::values).map(|bringers| &bringers.token)
    }

    /// All that work.
    pub fn known(&self) -> impl Iterator<Item = &Known> {
        self.known.values()
    }
}

/// SHA-256, as bytes.
type Digest = [u8; 32];

/// Hashes of tokens that do not work, in two generations that change places: neither to remember one nor to forget them
/// costs more the more there are. When there is no room, the oldest are forgotten first.
#[derive(Debug)]
struct Refused {
    young: HashSet<Digest>,
    old: HashSet<Digest>,
    /// Since when there are young ones.
    since: Instant,
}

impl Default for Refused {
    fn default() -> Self {
        Self { young: HashSet::new(), old: HashSet::new(), since: Instant::now() }
    }
}

impl Refused {
    fn has(&self, hash: &str, now: Instant) -> bool {
        let digest = digest(hash);
        let age = now.saturating_duration_since(self.since);
        age < REFUSED_FOR && self.young.contains(&digest) || age < REFUSED_FOR / 2 && self.old.contains(&digest)
    }

    fn add(&mut self, hash: &str, now: Instant) {
        let age = now.saturating_duration_since(self.since);
        if age >= REFUSED_FOR / 2 || self.young.len() >= REFUSED_MAX / 2 {
            mem::swap(&mut self.young, &mut self.old);
            // Its room is kept.
            self.young.clear();
            if age >= REFUSED_FOR {
                self.old.clear();
            }
            self.since = now;
        }
        self.young.insert(digest(hash));
    }

    fn forget(&mut self, hash: &str) {
        let digest = digest(hash);
        self.young.remove(&digest);
        self.old.remove(&digest);
    }
}

/// The bytes that a hash's hexadecimal digits stand for; whatever stands for none counts as zero.
fn digest(hash: &str) -> Digest {
    let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok()).unwrap_or(0);
    let mut digest = Digest::default();
    for (byte, pair) in digest.iter_mut().zip(hash.as_bytes().chunks(2)) {
        *byte = pair.iter().fold(0, |byte, digit| byte << 4 | nibble(*digit));
    }
    digest
}

/// The token that an upstream describes. Old ones do not say all; what they leave out, the token's text says, or nobody.
pub fn described(view: TokenView) -> Option<(Arc<ApiToken>, String)> {
    let (of_text, environment_of_text) = place(&view.token).unzip();
    let projects = view.projects.or_else(|| Projects::into_list(of_text?));
    let environment = view.environment.or_else(|| environment_of_text.map(str::to_owned));
    let (Some(projects), Some(environment)) = (projects, environment) else {
        tracing::warn!(
            token = prefix(&view.token),
            "neither the upstream nor the token itself says what it is for; it is not served"
        );
        return None;
    };
    Some((Arc::new(token(&view.token, view.kind, environment, projects)), view.token))
}

/// What the text of a token says of the projects that it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Projects<'t> {
    /// One, or `*` for all.
    One(&'t str),
    /// Some, which it does not name.
    Several,
}

impl Projects<'_> {
    fn into_list(self) -> Option<Vec<String>> {
        match self {
            Self::One(project) => Some(vec![project.to_owned()]),
            Self::Several => None,
        }
    }
}

/// The projects and the environment in a token's text, which has the form `<project>:<environment>.<secret>`.
pub fn place(secret: &str) -> Option<(Projects<'_>, &str)> {
    let (project, rest) = secret.split_once(':')?;
    let (environment, _) = rest.split_once('.')?;
    Some((if project == "[]" { Projects::Several } else { Projects::One(project) }, environment))
}

/// A token that an operator gave, where nobody can be asked about it: its text says what it is for. One of several
/// projects is for those of `several`; nothing if nobody names them: a guess would open what nobody opened.
pub fn given(secret: &str, kind: TokenKind, several: Option<&[String]>) -> Option<Arc<ApiToken>> {
    let (projects, environment) = place(secret)?;
    let projects = projects.into_list().or_else(|| several.map(<[_]>::to_vec))?;
    Some(Arc::new(token(secret, kind, environment.to_owned(), projects)))
}

/// What would open just this, were it known.
pub fn of_place(place: &Place) -> Option<Arc<ApiToken>> {
    given(&format!("[]:{}.", place.environment), TokenKind::Backend, Some(&place.projects))
}

/// What stands before the secret part of a token.
pub fn prefix(secret: &str) -> &str {
    secret.split_once('.').map(|(prefix, _)| prefix).unwrap_or_default()
}

fn token(secret: &str, kind: TokenKind, environment: String, mut projects: Vec<String>) -> ApiToken {
    projects.sort_unstable();
    ApiToken {
        selector: selector_of(secret),
        hash: hash(secret),
        prefix: prefix(secret).to_owned(),
        name: String::new(),
        kind,
        environment,
        projects,
        created_at: flagstone_model::Timestamp::from_millis(0),
        expires_at: None,
        alias: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backend(secret: &str, projects: &[&str]) -> Arc<ApiToken> {
        let projects: Vec<String> = projects.iter().map(|project| (*project).to_owned()).collect();
        given(secret, TokenKind::Backend, Some(&projects)).unwrap()
    }

    #[test]
    fn what_a_feed_is_asked_for_with_is_found_by_its_environment_and_projects() {
        let mut tokens = Tokens::default();
        let (one, two) = (backend("[]:development.one", &["a", "b"]), backend("[]:development.two", &["a", "b"]));
        let projects = one.projects.clone();
        tokens.add(Arc::clone(&one), None);
        assert!(tokens.bring("development", &projects));
        assert_eq!(tokens.secret_for("development", &projects), None, "files hold none");
        tokens.confirm(Arc::clone(&two), "two".to_owned());
        assert_eq!(tokens.secret_for("development", &projects).as_deref(), Some("two"));
        assert_eq!(tokens.secret_in("development").as_deref(), Some("two"));
        assert_eq!(tokens.secret_for("production", &projects), None);
        assert_eq!(tokens.secret_for("development", &["a".to_owned()]), None, "one of fewer projects opens too little");
        assert_eq!(tokens.bringers_in("development").count(), 1);

        assert_eq!(tokens.refuse(&two.hash), Some(Arc::clone(&two)));
        assert!(matches!(tokens.find(&two.hash), Finding::Refused));
        assert_eq!(tokens.secret_for("development", &projects), None, "the one that is left was not shown");
        tokens.add(Arc::clone(&one), Some("one".to_owned()));
        assert_eq!(tokens.secret_for("development", &projects).as_deref(), Some("one"));
        // The upstream has taken a project from it.
        let narrow = backend("[]:development.one", &["a"]);
        assert_eq!(tokens.confirm(narrow, "one".to_owned()).map(|before| before.token), Some(one));
        assert!(!tokens.bring("development", &projects));
        assert!(tokens.bring("development", &["a".to_owned()]));
        tokens.confirm(Arc::clone(&two), "two".to_owned());
        assert!(matches!(tokens.find(&two.hash), Finding::Works(_, false)), "it works again");
        let frontend = given("a:test.secret", TokenKind::Frontend, None).unwrap();
        tokens.confirm(frontend, "secret".to_owned());
        assert_eq!(tokens.secret_in("test"), None, "a browser's token brings no feed");
    }

    #[test]
    fn refused_tokens_are_remembered_for_a_while_and_the_newest_of_many() {
        let (mut refused, began) = (Refused::default(), Instant::now());
        let at = |seconds: u64| began + Duration::from_secs(seconds);
        let named = |n: usize| hash(&n.to_string());
        refused.since = began;
        refused.add(&named(0), at(0));
        assert!(refused.has(&named(0), at(0)) && !refused.has(&named(1), at(0)));
        refused.add(&named(1), at(29));
        assert!(refused.has(&named(1), at(58)), "at least half a minute");
        refused.add(&named(2), at(30));
        assert!(refused.has(&named(0), at(59)) && !refused.has(&named(0), at(60)), "and a minute at most");
        assert!(!refused.has(&named(2), at(90)), "also where none was added since");
        refused.add(&named(3), at(300));
        assert!(!refused.has(&named(2), at(300)) && refused.has(&named(3), at(300)));
        refused.forget(&named(3));
        assert!(!refused.has(&named(3), at(300)));
        for n in 0..REFUSED_MAX {
            refused.add(&named(n), at(301));
        }
        assert!(refused.young.len() + refused.old.len() <= REFUSED_MAX);
        assert!(refused.has(&named(REFUSED_MAX - 1), at(301)) && refused.has(&named(REFUSED_MAX / 2), at(301)));
        refused.add(&named(REFUSED_MAX), at(301));
        assert!(refused.has(&named(REFUSED_MAX), at(301)), "there is always room for one more");
    }
}
