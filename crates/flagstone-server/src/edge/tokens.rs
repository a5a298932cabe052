//! The tokens that an edge knows: by their hashes, with the secret where somebody has shown it since the start.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flagstone_model::api_tokens::{ApiToken, TokenKind, hash, selector_of};

use super::upstream::TokenView;

/// How long the upstream is not asked again about a token that does not work.
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

/// All tokens that an edge knows, and those that it need not ask about.
#[derive(Debug, Default)]
pub struct Tokens {
    known: HashMap<String, Known>,
    refused: HashMap<String, Instant>,
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
        if let Some(known) = self.known.get(hash) {
            return Finding::Works(Arc::clone(&known.token), known.secret.is_none());
        }
        match self.refused.get(hash) {
            Some(at) if at.elapsed() < REFUSED_FOR => Finding::Refused,
            _ => Finding::Unknown,
        }
    }

    /// Takes the upstream's word about a token, whatever was known of it. What was, if there was something.
    pub fn confirm(&mut self, token: Arc<ApiToken>, secret: String) -> Option<Known> {
        self.refused.remove(&token.hash);
        self.known.insert(token.hash.clone(), Known { token, secret: Some(secret) })
    }

    /// Adds a token of which no more is known, or the secret of one that is known.
    pub fn add(&mut self, token: Arc<ApiToken>, secret: Option<String>) {
        self.refused.remove(&token.hash);
        let known = self.known.entry(token.hash.clone()).or_insert_with(|| Known { token, secret: None });
        known.secret = secret.or(known.secret.take());
    }

    /// Forgets a token, and does not ask about it for a while.
    pub fn refuse(&mut self, hash: String) -> bool {
        let was_known = self.known.remove(&hash).is_some();
        if self.refused.len() >= REFUSED_MAX {
            self.refused.retain(|_, at| at.elapsed() < REFUSED_FOR);
        }
        if self.refused.len() < REFUSED_MAX {
            self.refused.insert(hash, Instant::now());
        }
        was_known
    }

    /// Whether the token with this hash works.
    pub fn is_known(&self, hash: &str) -> bool {
        self.known.contains_key(hash)
    }

    /// All that work.
    pub fn known(&self) -> impl Iterator<Item = &Known> {
        self.known.values()
    }
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
