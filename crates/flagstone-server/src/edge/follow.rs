//! The tasks that keep an edge up to date: one for each feed, and one each for tokens, reports and the file.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use flagstone_model::api_tokens::{ALL, ApiToken, TokenKind, hash};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use super::upstream::{Answer, Upstream};
use super::{Follower, Question, feed::Feed, tokens};
use crate::system::entropy::share;
use crate::system::seldom::Seldom;
use crate::system::tasks::keep_running;

/// The shortest time between two questions about unknown tokens.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// The most tokens in one question.
const ASK_MAX: usize = 1_000;
/// The shortest time between two writes of the file.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// The longest wait before an upstream that failed is asked again.
const RETRY_MAX: Duration = Duration::from_secs(3);

/// How long another way is used before the best one is tried again: the upstream may offer it by now.
const BEST_WAY_AGAIN: Duration = Duration::from_mins(10);

/// How an upstream tells what is new, the best way first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Stream,
    Delta,
    Poll,
}

impl Way {
    /// The one to try after this one, which is not offered. After the last one comes the first, in a while.
    async fn other(self, feed: &Feed) -> Self {
        let way = match self {
            Self::Stream => Self::Delta,
            Self::Delta => Self::Poll,
            Self::Poll => {
                sleep(RETRY_MAX).await;
                Self::Stream
            }
        };
        tracing::info!(environment = feed.environment, ?way, "the upstream is followed in another way");
        way
    }
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

/// What came of a write of the file.
pub(super) enum Saving {
    /// It is on disk.
    Done,
    /// There is nothing to be kept yet, or nowhere.
    Nothing,
}

impl Follower {
    pub(super) fn start_tasks(&self, questions: mpsc::Receiver<Question>) {
        let Some(upstream) = self.0.upstream.clone() else { return };
        // First: a task that learns of a token adds a feed and follows it, and nothing is to be followed twice.
        for feed in self.feeds().iter() {
            self.spawn(Arc::clone(feed));
        }
        let follower = self.clone();
        keep_running("send reports", move || follower.clone().report_for_ever());
        let follower = self.clone();
        keep_running("keep flags on disk", move || follower.clone().save_for_ever());
        let follower = self.clone();
        let of = upstream.clone();
        keep_running("ask whether tokens still work", move || follower.clone().revalidate_for_ever(of.clone()));
        let questions = Arc::new(tokio::sync::Mutex::new(questions));
        let (follower, of) = (self.clone(), upstream);
        keep_running("ask about tokens", move || follower.clone().answer_for_ever(of.clone(), Arc::clone(&questions)));
    }

    /// Follows what a backend token may see, unless a feed brings it already.
    pub(super) fn follow(&self, token: &ApiToken) {
        self.follow_instead(token, &[]);
    }

    /// The same where feeds are gone: what they brought is served until the upstream has spoken.
    pub(super) fn follow_instead(&self, token: &ApiToken, gone: &[Arc<Feed>]) {
        if token.kind != TokenKind::Backend || token.environment == ALL || self.0.upstream.is_none() {
            return;
        }
        let mut feeds = self.feeds_mut();
        if feeds.iter().any(|feed| feed.covers(token)) {
            return;
        }
        let feed = Feed::of(token);
        let feed = Arc::new(match gone.iter().find(|wider| wider.covers(token)) {
            Some(wider) => feed.beginning_with(wider),
            None => feed,
        });
        feeds.push(Arc::clone(&feed));
        drop(feeds);
        self.spawn(feed);
    }

    fn spawn(&self, feed: Arc<Feed>) {
        let Some(upstream) = self.0.upstream.clone() else { return };
        let follower = self.clone();
        keep_running("follow the upstream", move || follower.clone().follow_feed(upstream.clone(), Arc::clone(&feed)));
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
        let (mut way, mut since) = (Way::Stream, Instant::now());
        let mut etag = None;
        while self.has(&feed) {
            let Some(secret) = self.secret_of(&feed) else {
                // Restored from disk: it goes on when the first client shows the token.
                if changed.changed().await.is_err() {
                    return;
                }
                continue;
            };
            if way != Way::Stream && since.elapsed() > BEST_WAY_AGAIN {
                way = Way::Stream;
            }
            let round = match way {
                Way::Stream => self.listen(&upstream, &feed, &secret).await,
                Way::Delta => self.ask_changes(&upstream, &feed, &secret).await,
                Way::Poll => self.ask_everything(&upstream, &feed, &secret, &mut etag).await,
            };
            match round {
                Ok(Round::Done) if way == Way::Stream => sleep(RETRY_MAX.mul_f64(share()) / 3).await,
                Ok(Round::Done) => sleep(self.0.pace.refresh).await,
                Ok(Round::NotOffered) => {
                    way = way.other(&feed).await;
                    since = Instant::now();
                }
                // It may be just this way, or the upstream's proxy: whether the token works, the upstream itself is asked.
                Ok(Round::Refused) => {
                    match self.revalidate(&upstream, &[secret]).await {
                        Ok(()) => {
                            way = way.other(&feed).await;
                            since = Instant::now();
                        }
                        Err(error) => tracing::debug!(%error, "the upstream cannot be asked about a token"),
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
        let mut stream = match upstream.stream(secret, feed.known()).await? {
            Answer::New(stream, _) => stream,
            Answer::Current => return Ok(Round::Done),
            Answer::NotOffered => return Ok(Round::NotOffered),
            Answer::Refused => return Ok(Round::Refused),
        };
        if feed.known().is_some() {
            feed.hear();
        }
        let following = async {
            while let Some(changes) = stream.next().await? {
                feed.take(&changes)?;
                feed.hear();
                self.tell();
            }
            anyhow::Ok(())
        };
        let mut changed = self.revisions();
        tokio::select! {
            ended = following => ended?,
            // An upstream may leave the stream of a token open that no longer works.
            _ = changed.wait_for(|_| !self.has(feed)) => {}
        }
        Ok(Round::Done)
    }

    async fn ask_changes(&self, upstream: &Upstream, feed: &Feed, secret: &str) -> anyhow::Result<Round> {
        Ok(match upstream.delta(secret, feed.known()).await? {
            Answer::New(changes, _) => {
                feed.take(&changes)?;
                feed.hear();
                self.tell();
                Round::Done
            }
            Answer::Current => {
                feed.hear();
                Round::Done
            }
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
                feed.hear();
                self.tell();
                Round::Done
            }
            Answer::Current => {
                feed.hear();
                Round::Done
            }
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
            for (token, secret) in valid.into_iter().filter_map(tokens::described) {
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
        let valid: Vec<_> = upstream.validate(&asked).await?.into_iter().filter_map(tokens::described).collect();
        for secret in secrets {
            let hash = hash(secret);
            match valid.iter().find(|(token, _)| token.hash == hash) {
                Some((token, _)) => self.learn(Arc::clone(token), secret.clone()),
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
            loop {
                match self.save().await {
                    Ok(Saving::Done) => break sleep(SAVE_EVERY).await,
                    Ok(Saving::Nothing) => break,
                    Err(error) => {
                        tracing::error!(%error, "flags and tokens cannot be kept on disk; trying on");
                        sleep(RETRY_MAX).await;
                    }
                }
            }
        }
    }

    pub(super) async fn save(&self) -> io::Result<Saving> {
        let Some(backup) = self.0.backup.clone() else { return Ok(Saving::Nothing) };
        // Tokens are of no use without flags, and the write with the flags would have to wait for its turn.
        let feeds = self.feeds().clone();
        if !feeds.is_empty() && feeds.iter().all(|feed| feed.delivery().is_none()) {
            return Ok(Saving::Nothing);
        }
        let follower = self.clone();
        tokio::task::spawn_blocking(move || backup.save(&follower.saved())).await??;
        Ok(Saving::Done)
    }

    /// Keeps and sends on what there is.
    pub async fn stop(&self) {
        if let Err(error) = self.save().await {
            tracing::error!(%error, "flags and tokens could not be kept on disk");
        }
        if let Err(error) = self.report().await {
            tracing::error!(error = format!("{error:#}"), "the last reports could not be sent on");
        }
    }
}
