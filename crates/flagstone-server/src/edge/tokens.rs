//! The tokens that an edge knows: by their hashes, with the secret where somebody has shown it since the start.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flagstone_model::api_tokens::{ALL, ApiToken, TokenKind, hash, selector_of};

use super::upstream::TokenView;

/// How long the upstream is not asked again about a token that does not work.
const REFUSED_FOR: Duration = Duration::from_mins(1);
/// The most of those that are remembered.
const REFUSED_MAX: usize = 50_000;

/// A token that the upstream has confirmed.
#[derive(Clone, Debug)]
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

    /// Adds a token, or the secret of one that was known without.
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

    /// All that work.
    pub fn known(&self) -> impl Iterator<Item = &Known> {
        self.known.values()
    }
}

/// The token that an upstream describes.
pub fn described(view: TokenView) -> (Arc<ApiToken>, String) {
    let environment = view.environment.unwrap_or_else(|| ALL.to_owned());
    (Arc::new(token(&view.token, view.kind, environment, view.projects)), view.token)
}

/// A token that an operator gave, where nobody can be asked about it: its text says what it is for.
pub fn given(secret: &str, kind: TokenKind) -> Option<Arc<ApiToken>> {
    let (project, rest) = secret.split_once(':')?;
    let (environment, _) = rest.split_once('.')?;
    let projects = if project == "[]" { ALL } else { project };
    Some(Arc::new(token(secret, kind, environment.to_owned(), vec![projects.to_owned()])))
}

fn token(secret: &str, kind: TokenKind, environment: String, mut projects: Vec<String>) -> ApiToken {
    projects.sort_unstable();
    ApiToken {
        selector: selector_of(secret),
        hash: hash(secret),
        prefix: secret.split_once('.').map(|(prefix, _)| prefix.to_owned()).unwrap_or_default(),
        name: String::new(),
        kind,
        environment,
        projects,
        created_at: flagstone_model::Timestamp::from_millis(0),
        expires_at: None,
        alias: None,
    }
}
