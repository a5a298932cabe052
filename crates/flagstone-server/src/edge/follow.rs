//! The tasks that keep an edge up to date: one for each feed, and one each for tokens, reports and the file.

use std::sync::Arc;
use std::time::Duration;

use flagstone_model::api_tokens::{ALL, ApiToken, TokenKind, hash};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use super::upstream::{Answer, Upstream};
use super::{Follower, Question, feed::Feed, tokens};
use crate::delivery::streams::{Streams, share};
use crate::jobs;
use crate::seldom::Seldom;
use crate::source::FlagSource;

/// The shortest time between two questions about unknown tokens.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// The most tokens in one question.
const ASK_MAX: usize = 1_000;
/// The shortest time between two writes of the file.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// The longest wait before an upstream that failed is asked again.
const RETRY_MAX: Duration = Duration::from_secs(3);

/// How an upstream tells what is new, the best way first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Stream,
    Delta,
    Poll,
}

/// How a round of a feed ended.
enum Round {
    /// Nothing more to learn for now.
    Done,
    /// The upstream does not offer this way.
    NotOffered,
    /// The token does not work.
    Refused,
}

impl Follower {
    pub(super) fn start_tasks(&self, questions: mpsc::Receiver<Question>) {
        let source = FlagSource::Replica(self.clone());
        jobs::keep_running("stream changes", move || Streams::run(source.clone()));
        let Some(upstream) = self.0.upstream.clone() else { return };
        // First: a task that learns of a token adds a feed and follows it, and nothing is to be followed twice.
        for feed in self.feeds().iter() {
            self.spawn(Arc::clone(feed));
        }
        let follower = self.clone();
        jobs::keep_running("send reports", move || follower.clone().report_for_ever());
        let follower = self.clone();
        jobs::keep_running("keep flags on disk", move || follower.clone().save_for_ever());
        let follower = self.clone();
        let of = upstream.clone();
        jobs::keep_running("ask whether tokens still work", move || follower.clone().revalidate_for_ever(of.clone()));
        let questions = Arc::new(tokio::sync::Mutex::new(questions));
        let (follower, of) = (self.clone(), upstream);
        jobs::keep_running("ask about tokens", move || {
            follower.clone().answer_for_ever(of.clone(), Arc::clone(&questions))
        });
    }

    /// Follows what a backend token may see, unless a feed brings it already.
    pub(super) fn follow(&self, token: &ApiToken) {
        if token.kind != TokenKind::Backend || token.environment == ALL || self.0.upstream.is_none() {
            return;
        }
        let mut feeds = self.feeds_mut();
        if feeds.iter().any(|feed| feed.covers(token)) {
            return;
        }
        let feed = Arc::new(Feed::of(token));
        feeds.push(Arc::clone(&feed));
        drop(feeds);
        self.spawn(feed);
    }

    fn spawn(&self, feed: Arc<Feed>) {
        let Some(upstream) = self.0.upstream.clone() else { return };
        let follower = self.clone();
        jobs::keep_running("follow the upstream", move || {
            follower.clone().follow_feed(upstream.clone(), Arc::clone(&feed))
        });
    }

    fn has(&self, feed: &Arc<Feed>) -> bool {
        self.feeds().iter().any(|other| Arc::ptr_eq(other, feed))
    }

    /// A secret that opens exactly this feed.
    fn secret_of(&self, feed: &Feed) -> Option<String> {
        let tokens = self.tokens();
        let mut fitting = tokens.known().filter(|k| k.token.kind == TokenKind::Backend && feed.is_of(&k.token));
        fitting.find_map(|known| known.secret.clone())
    }

    /// Keeps a feed up to date until nobody may see it any more.
    async fn follow_feed(self, upstream: Upstream, feed: Arc<Feed>) {
        static SELDOM: Seldom = Seldom::new();
        let mut changed = self.revisions();
        let mut way = Way::Stream;
        let mut etag = None;
        while self.has(&feed) {
            let Some(secret) = self.secret_of(&feed) else {
                // Restored from disk: it goes on when the first client shows the token.
                if changed.changed().await.is_err() {
                    return;
                }
                continue;
            };
            let round = match way {
                Way::Stream => self.listen(&upstream, &feed, &secret).await,
                Way::Delta => self.ask_changes(&upstream, &feed, &secret).await,
                Way::Poll => self.ask_everything(&upstream, &feed, &secret, &mut etag).await,
            };
            match round {
                Ok(Round::Done) if way == Way::Stream => sleep(RETRY_MAX.mul_f64(share()) / 3).await,
                Ok(Round::Done) => sleep(self.0.pace.refresh).await,
                Ok(Round::NotOffered) => {
                    way = match way {
                        Way::Stream => Way::Delta,
                        Way::Delta => Way::Poll,
                        Way::Poll => {
                            sleep(RETRY_MAX).await;
                            Way::Stream
                        }
                    };
                    tracing::info!(environment = feed.environment, ?way, "the upstream is followed in another way");
                }
                // It may be the upstream's proxy: whether the token works, the upstream itself is asked.
                Ok(Round::Refused) => {
                    if let Err(error) = self.revalidate(&upstream, &[secret]).await {
                        tracing::debug!(%error, "the upstream cannot be asked about a token");
                    }
                    sleep(RETRY_MAX.mul_f64(share())).await;
                }
                Err(error) => {
                    if let Some(held_back) = SELDOM.pass() {
                        tracing::warn!(
                            error = format!("{error:#}"),
                            held_back,
                            "the upstream cannot be followed; trying on"
                        );
                    }
                    sleep(RETRY_MAX.mul_f64(0.1 + 0.9 * share())).await;
                }
            }
        }
    }

    async fn listen(&self, upstream: &Upstream, feed: &Arc<Feed>, secret: &str) -> anyhow::Result<Round> {
        let known = feed.delivery().map(|delivery| delivery.revision());
        let mut stream = match upstream.stream(secret, known).await? {
            Answer::New(stream, _) => stream,
            Answer::Current => return Ok(Round::Done),
            Answer::NotOffered => return Ok(Round::NotOffered),
            Answer::Refused => return Ok(Round::Refused),
        };
        while let Some(changes) = stream.next().await? {
            if !self.has(feed) {
                break;
            }
            feed.take(&changes)?;
            self.tell();
        }
        Ok(Round::Done)
    }

    async fn ask_changes(&self, upstream: &Upstream, feed: &Feed, secret: &str) -> anyhow::Result<Round> {
        let known = feed.delivery().map(|delivery| delivery.revision());
        Ok(match upstream.delta(secret, known).await? {
            Answer::New(changes, _) => {
                feed.take(&changes)?;
                self.tell();
                Round::Done
            }
            Answer::Current => Round::Done,
            Answer::NotOffered => Round::NotOffered,
            Answer::Refused => Round::Refused,
        })
    }

    async fn ask_everything(
        &self,
        upstream: &Upstream,
        feed: &Feed,
        secret: &str,
        etag: &mut Option<String>,
    ) -> anyhow::Result<Round> {
        Ok(match upstream.features(secret, etag.as_deref()).await? {
            Answer::New((document, revision), new) => {
                feed.take_document(&document, revision)?;
                *etag = new;
                self.tell();
                Round::Done
            }
            Answer::Current => Round::Done,
            Answer::NotOffered => Round::NotOffered,
            Answer::Refused => Round::Refused,
        })
    }

    /// Asks about unknown tokens, many at once and at most once a second, whatever clients send.
    async fn answer_for_ever(self, upstream: Upstream, questions: Arc<tokio::sync::Mutex<mpsc::Receiver<Question>>>) {
        let mut questions = questions.lock().await;
        let mut next = Instant::now();
        loop {
            let mut asked = Vec::new();
            if questions.recv_many(&mut asked, ASK_MAX).await == 0 {
                return;
            }
            sleep_until(next).await;
            while asked.len() < ASK_MAX
                && let Ok(question) = questions.try_recv()
            {
                asked.push(question);
            }
            next = Instant::now() + ASK_EVERY;
            let mut secrets: Vec<&str> = asked.iter().map(|question| question.secret.as_str()).collect();
            secrets.sort_unstable();
            secrets.dedup();
            let valid = match upstream.validate(&secrets).await {
                Ok(valid) => valid,
                Err(error) => {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        tokens = secrets.len(),
                        "the upstream cannot be asked about tokens"
                    );
                    // Those who wait are told that nobody knows.
                    continue;
                }
            };
            for (token, secret) in valid.into_iter().map(tokens::described) {
                self.learn(token, secret);
            }
            for question in asked {
                let hash = hash(&question.secret);
                let found = self.tokens().known().find(|known| known.token.hash == hash).map(|k| Arc::clone(&k.token));
                if found.is_none() {
                    self.tokens_mut().refuse(hash);
                }
                // Whoever hung up does not want to know.
                let _ = question.answer.send(found);
            }
        }
    }

    /// Asks, again and again, whether the known tokens still work; first about those that the operator gave.
    async fn revalidate_for_ever(self, upstream: Upstream) {
        let every = self.0.pace.revalidate;
        loop {
            let mut secrets = self.0.given.clone();
            secrets.extend(self.tokens().known().filter_map(|known| known.secret.clone()));
            secrets.sort_unstable();
            secrets.dedup();
            let mut wait = every;
            for secrets in secrets.chunks(ASK_MAX) {
                if let Err(error) = self.revalidate(&upstream, secrets).await {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        "the upstream cannot be asked about tokens; they go on working"
                    );
                    wait = every.min(RETRY_MAX);
                    break;
                }
            }
            sleep(wait).await;
        }
    }

    /// Asks about tokens, learns those that work and forgets those that do not.
    async fn revalidate(&self, upstream: &Upstream, secrets: &[String]) -> anyhow::Result<()> {
        let asked: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let valid: Vec<_> = upstream.validate(&asked).await?.into_iter().map(tokens::described).collect();
        for secret in secrets {
            let hash = hash(secret);
            match valid.iter().find(|(token, _)| token.hash == hash) {
                Some((token, _)) => {
                    let is_new = !self.tokens().known().any(|k| k.token.hash == hash && k.secret.is_some());
                    if is_new {
                        self.learn(Arc::clone(token), secret.clone());
                    }
                }
                None => self.forget(hash),
            }
        }
        Ok(())
    }

    /// Writes the file after changes.
    async fn save_for_ever(self) {
        let mut changed = self.revisions();
        loop {
            if changed.changed().await.is_err() {
                return;
            }
            self.save().await;
            sleep(SAVE_EVERY).await;
        }
    }

    async fn save(&self) {
        let Some(backup) = self.0.backup.clone() else { return };
        let saved = self.saved();
        match tokio::task::spawn_blocking(move || backup.save(&saved)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "flags and tokens cannot be kept on disk"),
            Err(error) => tracing::error!(%error, "flags and tokens cannot be kept on disk"),
        }
    }

    /// Keeps and sends on what there is.
    pub(super) async fn stop(&self) {
        self.save().await;
        if let Err(error) = self.report().await {
            tracing::error!(error = format!("{error:#}"), "the last reports could not be sent on");
        }
    }
}
