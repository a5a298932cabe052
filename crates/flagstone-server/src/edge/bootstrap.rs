//! A file with the flags of all given tokens, until the upstream says otherwise.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use flagstone_model::api_tokens::{ApiToken, TokenKind, hash};

use super::Edge;
use super::feed::Feed;
use super::feeds::Line;
use super::tokens;
use super::upstream::Document;
use crate::delivery::Revision;
use crate::options::edge::EdgeOptions;
use crate::system::reload::Reload;
use crate::system::tasks::keep_running;

/// The file, and who may have what is in it.
pub struct Bootstrap {
    path: PathBuf,
    /// Backend and frontend tokens that the operator gave.
    tokens: Vec<(String, TokenKind)>,
    /// How often to look whether it has changed.
    look_every: Option<Duration>,
}

/// Why the file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Start,
    Changed,
}

impl Bootstrap {
    /// The file that the options name.
    pub fn of(options: &EdgeOptions) -> Option<Self> {
        let backend = options.backend_tokens().map(|secret| (secret.to_owned(), TokenKind::Backend));
        let frontend = options.frontend_tokens.iter().map(|secret| (secret.trim().to_owned(), TokenKind::Frontend));
        Some(Self {
            path: options.bootstrap_file.clone()?,
            tokens: backend.chain(frontend).collect(),
            look_every: Some(Duration::from_secs(options.reload_interval)).filter(|every| !every.is_zero()),
        })
    }

    fn read(&self) -> anyhow::Result<Document> {
        let text = std::fs::read(&self.path).with_context(|| format!("cannot read {}", self.path.display()))?;
        let document = serde_json::from_slice(&text);
        document.with_context(|| format!("{} is no client-features document", self.path.display()))
    }
}

impl Edge {
    /// Takes the file's flags, and tokens for them. With an upstream, tokens count once it has confirmed them.
    pub(super) fn take_bootstrap(&self) -> anyhow::Result<()> {
        let Some(bootstrap) = &self.0.parts.bootstrap else { return Ok(()) };
        // Before it is read: what is written meanwhile is a change.
        let reload = Reload::new(vec![bootstrap.path.clone()], bootstrap.look_every)?;
        let document = bootstrap.read()?;
        ensure!(
            self.0.parts.upstream.is_some() || !bootstrap.tokens.is_empty(),
            "no token is given: nobody could have the bootstrap file's flags"
        );
        self.take_file(bootstrap, &document, Reason::Start)?;
        let (edge, reload) = (self.clone(), Arc::new(tokio::sync::Mutex::new(reload)));
        keep_running("read the bootstrap file again", move || edge.clone().reload_for_ever(Arc::clone(&reload)));
        Ok(())
    }

    async fn reload_for_ever(self, reload: Arc<tokio::sync::Mutex<Reload>>) {
        let Some(bootstrap) = &self.0.parts.bootstrap else { return };
        let mut reload = reload.lock().await;
        loop {
            reload.wanted().await;
            let taken = bootstrap.read().and_then(|document| self.take_file(bootstrap, &document, Reason::Changed));
            match taken {
                Ok(()) => tracing::info!("the bootstrap file was read again"),
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::error!(error, "the bootstrap file cannot be used; what was read before is served");
                }
            }
            self.tell();
        }
    }

    fn take_file(&self, bootstrap: &Bootstrap, document: &Document, reason: Reason) -> anyhow::Result<()> {
        for (secret, kind) in &bootstrap.tokens {
            let (_, environment) = tokens::place(secret)
                .context("with a bootstrap file, tokens must have the form <project>:<environment>.<secret>")?;
            let several = document.environment().is_none_or(|of| of == environment).then(|| document.projects());
            // What is kept of it was once the upstream's word.
            let kept = self.tokens().known_by(&hash(secret)).map(Arc::clone);
            let Some(token) = kept.or_else(|| tokens::given(secret, *kind, several.flatten().as_deref())) else {
                tracing::warn!(
                    token = tokens::prefix(secret),
                    "nobody here knows which projects this token is for; it is not served until the upstream says so"
                );
                continue;
            };
            self.take_for(&token, document, reason)?;
            self.note_token(&token);
            self.tokens_mut().add(token, Some(secret.clone()));
        }
        Ok(())
    }

    /// Takes the flags of a token, unless the upstream's are here.
    fn take_for(&self, token: &ApiToken, document: &Document, reason: Reason) -> anyhow::Result<()> {
        let has_upstream = self.0.parts.upstream.is_some();
        let known = self.feeds().of(token).map(Arc::clone);
        let line = match known {
            Some(line) if has_upstream && (reason == Reason::Start || line.feed.is_heard()) => return Ok(()),
            Some(line) => {
                // Where there is none to tell revisions, they are counted here.
                line.take_document(document, has_upstream.then(Revision::default))?;
                line
            }
            None => {
                let line = Line::new(Feed::of(token));
                // As revision 0, which is older than all of an upstream.
                line.take_document(document, Some(Revision::default()))?;
                self.feeds_mut().add(Arc::clone(&line));
                if reason == Reason::Changed {
                    self.spawn(Arc::clone(&line));
                }
                line
            }
        };
        self.note_feed(&line);
        Ok(())
    }
}
