//! `flagstone edge`: serves what an upstream delivers, near its users, with or without the upstream.

pub mod backstage;
mod backup;
mod bootstrap;
mod course;
mod feed;
mod feeds;
mod follow;
mod issue;
mod keep;
mod push;
mod report;
mod tokens;
pub mod upstream;

use std::sync::{Arc, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use anyhow::Context;
use flagstone_model::api_tokens::{ApiToken, TokenKind, hash};
use tokio::sync::{mpsc, oneshot, watch};

use crate::delivery::{Delivery, DeliverySettings};
use crate::http::error::Failure;
use crate::http::metrics::Metrics;
use crate::http::schemas::Schemas;
use crate::options::edge::{EdgeOptions, Pace};
use crate::system::clock::Clock;
use crate::system::locks::{Guard, Mutex, RwLock, rank};
use crate::telemetry::Telemetry;
pub use backup::{Backup, Journal, News, Place};
use backup::{Remote, Saved};
use bootstrap::Bootstrap;
use feeds::{Feeds, Line};
use issue::Issuer;
use keep::Noted;
use push::Push;
use report::Outbox;
use tokens::{Finding, Tokens};
use upstream::{Carrier, Upstream};

/// How many unknown tokens may wait for the upstream's word.
const ASKED_MAX: usize = 2_000;
/// How long an SDK that knows more than the edge waits for the edge to know it as well.
const CATCH_UP_MAX: Duration = Duration::from_secs(1);
/// How long a request with an unknown token waits for it.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest token that the upstream is asked about. One of a header's full size would make a question with many
/// others too long to be answered.
const SECRET_BYTES_MAX: usize = 500;

/// What an edge has from its upstream; clones share it.
#[derive(Clone)]
pub struct Edge(Arc<Inner>);

struct Inner {
    parts: Parts,
    clock: Clock,
    tokens: RwLock<{ rank::EDGE_TOKENS }, Tokens>,
    feeds: RwLock<{ rank::EDGE_FEEDS }, Feeds>,
    noted: Mutex<{ rank::EDGE_UNWRITTEN }, Noted>,
    ask: mpsc::Sender<Question>,
    changed: watch::Sender<u64>,
    /// Held while a report is sent.
    outbox: tokio::sync::Mutex<Outbox>,
    telemetry: Telemetry,
    metrics: Metrics,
}

/// What an edge begins with.
struct Parts {
    upstream: Option<Upstream>,
    without_upstream: WithoutUpstream,
    /// Backend tokens that the operator gave.
    given: Vec<String>,
    issuer: Option<Issuer>,
    bootstrap: Option<Bootstrap>,
    backup: Option<Backup>,
    /// Where everything is kept besides. Held while it is written.
    remote: Option<tokio::sync::Mutex<Remote>>,
    pace: Pace,
    settings: DeliverySettings,
    schemas: Schemas,
}

/// What it means for a token not to be known where there is no upstream.
#[derive(Clone, Copy, Debug)]
enum WithoutUpstream {
    /// It does not work: the operator has given all that do.
    AllIsKnown,
    /// It may work.
    DatabaseIsAway,
}

/// A token that nobody here knows, and who wants to know.
struct Question {
    secret: String,
    answer: oneshot::Sender<Option<Arc<ApiToken>>>,
}

impl Edge {
    /// Begins with what is kept, elsewhere too, and what the options give, and follows the upstream from there.
    pub async fn begin(options: &EdgeOptions, schemas: Schemas) -> anyhow::Result<Self> {
        let Some(mut remote) = Remote::of(&options.remote)? else { return Self::start(options, schemas) };
        // Without it the edge begins as if there were nothing.
        let kept = remote.load().await.unwrap_or_else(|error| {
            let error = format!("{error:#}");
            tracing::error!(error, "what is kept elsewhere cannot be read");
            None
        });
        Self::start_with(Carrier::Network, options, schemas, Some((remote, kept)))
    }

    /// The same with what is kept on disk alone.
    pub fn start(options: &EdgeOptions, schemas: Schemas) -> anyhow::Result<Self> {
        Self::start_with(Carrier::Network, options, schemas, None)
    }

    /// The same, where something else may be between it and the upstream than the network.
    pub fn start_by(carrier: Carrier, options: &EdgeOptions, schemas: Schemas) -> anyhow::Result<Self> {
        Self::start_with(carrier, options, schemas, None)
    }

    fn start_with(
        carrier: Carrier,
        options: &EdgeOptions,
        schemas: Schemas,
        remote: Option<(Remote, Option<Saved>)>,
    ) -> anyhow::Result<Self> {
        let upstream = options.upstream()?.map(|url| Upstream::new(url, carrier)).transpose()?;
        let backup = options.backup_folder.as_deref().map(Backup::new).transpose().context("the backup folder")?;
        let push = Push::of(&options.push)?;
        let (remote, elsewhere) = remote.unzip();
        // What is on this disk is of this edge alone, and newer.
        let kept = backup.as_ref().and_then(Backup::load).or(elsewhere.flatten());
        let (edge, questions) = Self::new(Parts {
            upstream,
            without_upstream: WithoutUpstream::AllIsKnown,
            given: options.backend_tokens().map(str::to_owned).collect(),
            issuer: Issuer::of(options)?,
            bootstrap: Bootstrap::of(options),
            backup,
            remote: remote.map(tokio::sync::Mutex::new),
            pace: options.pace(),
            settings: options.delivery(),
            schemas,
        });
        if let Some(kept) = kept {
            edge.restore(kept);
        }
        edge.take_bootstrap()?;
        edge.start_tasks(questions);
        if let Some(push) = push {
            push.start(&edge);
        }
        Ok(edge)
    }

    /// What a node has kept on disk, for the time until its database is there; nothing if it has kept nothing.
    pub fn of_backup(backup: Backup, settings: DeliverySettings, schemas: Schemas) -> anyhow::Result<Option<Self>> {
        let Some(kept) = backup.load() else { return Ok(None) };
        let (edge, questions) = Self::new(Parts {
            upstream: None,
            without_upstream: WithoutUpstream::DatabaseIsAway,
            given: Vec::new(),
            issuer: None,
            bootstrap: None,
            backup: Some(backup),
            remote: None,
            pace: Pace::default(),
            settings,
            schemas,
        });
        edge.restore(kept);
        if edge.feeds().is_empty() {
            return Ok(None);
        }
        edge.start_tasks(questions);
        Ok(Some(edge))
    }

    fn new(parts: Parts) -> (Self, mpsc::Receiver<Question>) {
        let (ask, questions) = mpsc::channel(ASKED_MAX);
        let edge = Self(Arc::new(Inner {
            parts,
            clock: Clock::System,
            tokens: RwLock::default(),
            feeds: RwLock::default(),
            noted: Mutex::default(),
            ask,
            changed: watch::Sender::default(),
            outbox: tokio::sync::Mutex::default(),
            telemetry: Telemetry::sending_on(),
            metrics: Metrics::new(),
        }));
        (edge, questions)
    }

    /// The token of this secret, if it works. The upstream is asked about one that is not known.
    pub async fn token(&self, secret: &str) -> Result<Arc<ApiToken>, Failure> {
        if secret.len() > SECRET_BYTES_MAX {
            return Err(Failure::BadCredentials);
        }
        let hash = hash(secret);
        // In its own statement: what follows may write.
        let finding = self.tokens().find(&hash);
        match finding {
            // An edge is not told when a token expires, but a node that waits for its database has kept it.
            Finding::Works(token, _) if !token.is_live(self.now()) => return Err(Failure::BadCredentials),
            Finding::Works(token, false) => return Ok(token),
            Finding::Works(token, true) => {
                self.tokens_mut().add(Arc::clone(&token), Some(secret.to_owned()));
                self.follow(&token);
                self.show(&token);
                self.tell();
                return Ok(token);
            }
            Finding::Refused => return Err(Failure::BadCredentials),
            Finding::Unknown => {}
        }
        if self.0.parts.upstream.is_none() {
            return Err(match self.0.parts.without_upstream {
                WithoutUpstream::AllIsKnown => Failure::BadCredentials,
                WithoutUpstream::DatabaseIsAway => Failure::Unavailable(
                    "This token is not known here; without its database this node cannot look it up.",
                ),
            });
        }
        let (answer, told) = oneshot::channel();
        let question = Question { secret: secret.to_owned(), answer };
        let asked = self.0.ask.try_send(question);
        asked.map_err(|_| Failure::Unavailable("Too many unknown tokens wait for the upstream's word; try again."))?;
        match tokio::time::timeout(ASK_TIMEOUT, told).await {
            Ok(Ok(Some(token))) => Ok(token),
            Ok(Ok(None)) => Err(Failure::BadCredentials),
            _ => Err(Failure::Unavailable("The upstream cannot be asked about this token now; try again.")),
        }
    }

    /// Knows a token as the upstream describes it, and follows what it may see.
    fn learn(&self, token: Arc<ApiToken>, secret: String) {
        let before = self.tokens_mut().confirm(Arc::clone(&token), secret);
        let gone = match before {
            Some(before) if before.token != token => {
                self.note_token(&token);
                self.let_go(&before.token)
            }
            Some(before) if before.secret.is_some() => return,
            Some(_) => None,
            None => {
                self.note_token(&token);
                None
            }
        };
        self.follow_instead(&token, gone.as_deref());
        self.show(&token);
        self.tell();
    }

    /// Forgets a token that does not work any more, and what only it could bring.
    fn forget(&self, hash: &str) {
        // In its own statement: what follows takes other locks.
        let before = self.tokens_mut().refuse(hash);
        if let Some(token) = before {
            self.note_token(&token);
            self.let_go(&token);
            self.tell();
        }
    }

    /// Lets go of the feed of a token that is gone or was changed, unless another token brings it, and follows what it
    /// brought to others. The feed, if it is gone.
    fn let_go(&self, token: &ApiToken) -> Option<Arc<Line>> {
        let mut feeds = self.feeds_mut();
        // Behind the lock: the token of a feed that is there by now is known by now.
        if self.tokens().bring(&token.environment, &token.projects) {
            return None;
        }
        let gone = feeds.remove(&token.environment, &token.projects)?;
        drop(feeds);
        self.note_feed(&gone);
        let others: Vec<_> = {
            let tokens = self.tokens();
            tokens.bringers_in(&token.environment).filter(|token| gone.feed.covers(token)).map(Arc::clone).collect()
        };
        for token in &others {
            self.follow_instead(token, Some(&gone));
        }
        Some(gone)
    }

    /// Tells the task of a token's feed that a secret is known which opens it.
    fn show(&self, token: &ApiToken) {
        if token.kind == TokenKind::Backend
            && let Some(line) = self.feeds().of(token)
        {
            line.shown.notify_one();
        }
    }

    /// A token that was once good as it is now, if it still works.
    pub fn current(&self, token: &ApiToken) -> Option<Arc<ApiToken>> {
        let known = self.tokens().known_by(&token.hash).map(Arc::clone);
        known.filter(|token| token.is_live(self.now()))
    }

    /// What all tokens of an environment get their flags from, if that is one feed and has come.
    pub fn delivery_of_all(&self, environment: &str) -> Option<Arc<Delivery>> {
        self.feeds().only(environment)?.feed.delivery()
    }

    /// How often a token has ended, or become one for something else.
    pub fn tokens_ended(&self) -> u64 {
        self.tokens().ended()
    }

    /// Whether nobody needs to be asked: the operator has given all that there is.
    fn knows_all(&self) -> bool {
        self.0.parts.upstream.is_none() && matches!(self.0.parts.without_upstream, WithoutUpstream::AllIsKnown)
    }

    /// Whether the upstream has been heard since the start, so that what a token gets is not of before.
    pub fn is_heard(&self, token: &ApiToken) -> bool {
        self.knows_all() || self.feeds().covering(token).any(|line| line.feed.is_heard())
    }

    /// Waits a moment for a revision that an SDK knows, from another edge perhaps. An error as long as the upstream has not
    /// been heard for a while since the start: what is kept of before may be older. What an upstream says goes then, also
    /// when it has begun anew.
    pub async fn catch_up_with(&self, token: &ApiToken, number: u64) -> Result<(), Failure> {
        let is_here = || self.delivery(token).is_ok_and(|delivery| delivery.given_revision().number >= number);
        if self.knows_all() || is_here() {
            return Ok(());
        }
        let mut changed = self.revisions();
        let reached = tokio::time::timeout(CATCH_UP_MAX, changed.wait_for(|_| is_here())).await;
        if reached.is_ok() || self.feeds().covering(token).any(|line| line.feed.is_settled()) {
            return Ok(());
        }
        Err(Failure::Unavailable("The upstream has not told this edge yet what you know; try again."))
    }

    /// What a token may see: from a feed that covers it and has come, rather one that is not of before the start, and of
    /// several the one that has come farthest: who was told by one is not told of something older by another.
    pub fn delivery(&self, token: &ApiToken) -> Result<Arc<Delivery>, Failure> {
        let feeds = self.feeds();
        let mut best: Option<(bool, Arc<Delivery>)> = None;
        // Of those that bring as much, the first: that of just this token.
        for feed in feeds.covering(token).map(|line| &line.feed) {
            let Some(delivery) = feed.delivery() else { continue };
            let rank = (feed.is_heard(), delivery.given_revision().number);
            if best.as_ref().is_none_or(|(heard, best)| rank > (*heard, best.given_revision().number)) {
                best = Some((feed.is_heard(), delivery));
            }
        }
        best.map(|(_, delivery)| delivery)
            .ok_or(Failure::Unavailable("The flags of this token have not come from the upstream yet; try again."))
    }

    /// Whether the flags of the tokens that the operator gave are here. Tokens that clients bring do not count: their
    /// flags are on the way, and all others are served.
    pub fn is_ready(&self) -> bool {
        let mut given = {
            let tokens = self.tokens();
            let known = self.0.parts.given.iter().filter_map(|secret| tokens.known_by(&hash(secret)));
            known.map(Arc::clone).collect::<Vec<_>>().into_iter()
        };
        let has_given =
            self.0.parts.given.is_empty() || given.len() > 0 && given.all(|token| self.delivery(&token).is_ok());
        has_given && self.has_what_it_asks_for()
    }

    /// What the operator chose for delivery.
    pub fn settings(&self) -> &DeliverySettings {
        &self.0.parts.settings
    }

    /// What is counted.
    pub fn telemetry(&self) -> &Telemetry {
        &self.0.telemetry
    }

    /// What operators watch.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// The published schemas.
    pub fn schemas(&self) -> &Schemas {
        &self.0.parts.schemas
    }

    /// Told of every change of flags or tokens.
    pub fn revisions(&self) -> watch::Receiver<u64> {
        self.0.changed.subscribe()
    }

    /// The time.
    pub fn now(&self) -> flagstone_model::Timestamp {
        self.0.clock.now()
    }

    fn tell(&self) {
        self.0.changed.send_modify(|count| *count += 1);
    }

    fn tokens(&self) -> Guard<RwLockReadGuard<'_, Tokens>> {
        self.0.tokens.read()
    }

    fn tokens_mut(&self) -> Guard<RwLockWriteGuard<'_, Tokens>> {
        self.0.tokens.write()
    }

    pub(super) fn feeds(&self) -> Guard<RwLockReadGuard<'_, Feeds>> {
        self.0.feeds.read()
    }

    fn feeds_mut(&self) -> Guard<RwLockWriteGuard<'_, Feeds>> {
        self.0.feeds.write()
    }

    /// All tokens that work. Whoever makes text of them holds no lock meanwhile.
    fn known_tokens(&self) -> Vec<Arc<ApiToken>> {
        self.tokens().known().map(|known| Arc::clone(&known.token)).collect()
    }
}

#[cfg(test)]
mod tests;
