//! The tasks that keep an edge up to date: one for each feed, and one each for tokens, reports and the file.

use std::collections::HashMap;
use std::fmt;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use flagstone_model::api_tokens::{ALL, ApiToken, TokenKind, hash};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use super::course::{Course, Failure, News, Way};
use super::feed::Feed;
use super::feeds::Line;
use super::upstream::{Answer, Heard, SILENCE_MAX, Upstream};
use super::{Edge, Question, tokens};
use crate::delivery::Revision;
use crate::system::entropy::share;
use crate::system::seldom::Seldom;
use crate::system::tasks::keep_running;

/// The shortest time between two questions about unknown tokens.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// The most tokens in one question.
const ASK_MAX: usize = 1_000;
/// The shortest time between two copies of everything elsewhere.
const COPY_EVERY: Duration = Duration::from_secs(10);
/// The longest wait before an upstream that failed is asked again.
pub(super) const RETRY_MAX: Duration = Duration::from_secs(3);
/// From how long on a stream is one that works. What ends or brings nothing before that is worse than asking.
const STREAM_LASTS: Duration = Duration::from_secs(10);

/// How a round of a feed ended.
enum Round {
    /// Nothing more to learn for now.
    Done,
    /// The upstream does not offer this way.
    NotOffered,
    /// The token does not work.
    Refused,
}

/// A stream on which not even a heartbeat comes.
#[derive(Debug)]
struct Silence;

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the upstream's stream is silent")
    }
}

impl std::error::Error for Silence {}

/// Tells the operator.
fn say(feed: &Feed, news: Option<News>) {
    static SELDOM: Seldom = Seldom::new();
    let environment = &feed.environment;
    match news {
        Some(News::FollowedBy(way, None)) => tracing::info!(environment, ?way, "the upstream is followed"),
        Some(News::FollowedBy(way, Some(reason))) => {
            tracing::warn!(environment, ?way, reason, "the upstream is followed, but not in the best way");
        }
        // All feeds at once, most likely.
        Some(News::Away(error)) => {
            if let Some(held_back) = SELDOM.pass() {
                tracing::warn!(environment, error, held_back, "the upstream cannot be followed; trying on");
            }
        }
        None => {}
    }
}

impl Edge {
    pub(super) fn start_tasks(&self, questions: mpsc::Receiver<Question>) {
        let Some(upstream) = self.0.parts.upstream.clone() else { return };
        // First: a task that learns of a token adds a feed and follows it, and nothing is to be followed twice.
        for line in self.feeds().iter() {
            self.spawn(Arc::clone(line));
        }
        let edge = self.clone();
        keep_running("send reports", move || edge.clone().report_for_ever());
        let edge = self.clone();
        keep_running("keep flags on disk", move || edge.clone().save_for_ever());
        if self.0.parts.remote.is_some() {
            let edge = self.clone();
            keep_running("keep flags elsewhere", move || edge.clone().copy_for_ever(COPY_EVERY));
        }
        let edge = self.clone();
        let of = upstream.clone();
        keep_running("ask whether tokens still work", move || edge.clone().revalidate_for_ever(of.clone()));
        if self.0.parts.issuer.is_some() {
            let (edge, of) = (self.clone(), upstream.clone());
            keep_running("ask for tokens", move || edge.clone().issue_for_ever(of.clone()));
        }
        let questions = Arc::new(tokio::sync::Mutex::new(questions));
        let (edge, of) = (self.clone(), upstream);
        keep_running("ask about tokens", move || edge.clone().answer_for_ever(of.clone(), Arc::clone(&questions)));
    }

    /// Follows what a backend token may see, unless a feed brings it already.
    pub(super) fn follow(&self, token: &ApiToken) {
        self.follow_instead(token, None);
    }

    /// The same where a feed is gone: what it brought is served until the upstream has spoken.
    pub(super) fn follow_instead(&self, token: &ApiToken, gone: Option<&Line>) {
        if token.kind != TokenKind::Backend || token.environment == ALL || self.0.parts.upstream.is_none() {
            return;
        }
        let mut feeds = self.feeds_mut();
        if feeds.covering(token).next().is_some() {
            return;
        }
        let feed = Feed::of(token);
        let line = Line::new(match gone.filter(|wider| wider.feed.covers(token)) {
            Some(wider) => feed.beginning_with(&wider.feed),
            None => feed,
        });
        feeds.add(Arc::clone(&line));
        drop(feeds);
        self.note_feed(&line);
        self.spawn(line);
    }

    /// Begins to follow a feed, where there is an upstream.
    pub(super) fn spawn(&self, line: Arc<Line>) {
        let Some(upstream) = self.0.parts.upstream.clone() else { return };
        let edge = self.clone();
        keep_running("follow the upstream", move || edge.clone().follow_feed(upstream.clone(), Arc::clone(&line)));
    }

    /// A secret that opens exactly this feed.
    fn secret_of(&self, feed: &Feed) -> Option<String> {
        self.tokens().secret_for(&feed.environment, &feed.projects)
    }

    /// Keeps a feed up to date until nobody may see it any more.
    async fn follow_feed(self, upstream: Upstream, line: Arc<Line>) {
        let feed = &line.feed;
        let mut course = Course::new();
        let mut etag = None;
        while !line.gone.is_cancelled() {
            let Some(secret) = self.secret_of(feed) else {
                // Restored from disk: it goes on when the first client shows the token.
                tokio::select! {
                    () = line.shown.notified() => continue,
                    () = line.gone.cancelled() => return,
                }
            };
            let way = course.way();
            let round = match way {
                Way::Stream => self.listen(&upstream, &line, &secret, &mut course).await,
                Way::Delta => self.ask_changes(&upstream, &line, &secret).await,
                Way::Poll => self.ask_everything(&upstream, &line, &secret, &mut etag).await,
            };
            let failure = match round {
                Ok(Round::Done) if way == Way::Stream => {
                    sleep(RETRY_MAX.mul_f64(share()) / 3).await;
                    continue;
                }
                Ok(Round::Done) => {
                    say(feed, course.works());
                    sleep_until(course.next(self.0.parts.pace.refresh)).await;
                    continue;
                }
                Ok(Round::NotOffered) => Failure::NotOffered("the upstream does not offer it"),
                // It may be just this way, or the upstream's proxy: whether the token works, the upstream itself is asked.
                Ok(Round::Refused) => match self.revalidate(&upstream, slice::from_ref(&secret)).await {
                    Ok(()) if self.tokens().known_by(&hash(&secret)).is_none() => continue,
                    Ok(()) => Failure::NotOffered("the upstream refuses it, though the token works"),
                    Err(error) => Failure::Error(error.context("the upstream refuses it")),
                },
                Err(error) => Failure::Error(error),
            };
            tracing::debug!(environment = feed.environment, ?way, ?failure, "a way to the upstream fails");
            say(feed, course.fails(failure));
            // All have failed.
            if way == Way::Poll {
                sleep(RETRY_MAX.mul_f64(0.1 + 0.9 * share())).await;
            }
        }
    }

    async fn listen(
        &self,
        upstream: &Upstream,
        line: &Line,
        secret: &str,
        course: &mut Course,
    ) -> anyhow::Result<Round> {
        let feed = &line.feed;
        let mut stream = match upstream.stream(secret, feed.known()).await? {
            Answer::New(stream, _) => stream,
            Answer::Current | Answer::Unheard(_) => return Ok(Round::Done),
            Answer::NotOffered => return Ok(Round::NotOffered),
            Answer::Refused => return Ok(Round::Refused),
        };
        let began = Instant::now();
        let following = async {
            loop {
                match stream.next().await? {
                    Heard::Changes(changes) => {
                        line.take(changes)?;
                        feed.hear();
                        self.note_feed(line);
                        self.tell();
                    }
                    // Before it may come what is new since the revision that was known.
                    Heard::Nothing => feed.hear(),
                    Heard::End => return anyhow::Ok(()),
                    // However long it has lasted: whoever holds it back may hold back the next one as well.
                    Heard::Silence => return Err(Silence.into()),
                }
            }
        };
        let good = async {
            sleep_until(began + STREAM_LASTS).await;
            // One that brings nothing may last for ever, but the first flags may be many.
            if feed.delivery().is_none() {
                sleep_until(began + SILENCE_MAX).await;
            }
            if feed.delivery().is_none() {
                return;
            }
            say(feed, course.works());
            std::future::pending::<()>().await;
        };
        let ended = tokio::select! {
            ended = following => ended,
            () = good => bail!("the upstream's stream brings no flags"),
            // An upstream may leave the stream of a token open that no longer works.
            () = line.gone.cancelled() => return Ok(Round::Done),
        };
        match ended {
            Err(error) if error.is::<Silence>() => Err(error),
            _ if began.elapsed() >= STREAM_LASTS => Ok(Round::Done),
            Err(error) => Err(error.context("the upstream's stream broke off as soon as it had begun")),
            Ok(()) => bail!("the upstream's stream ended as soon as it had begun"),
        }
    }

    async fn ask_changes(&self, upstream: &Upstream, line: &Line, secret: &str) -> anyhow::Result<Round> {
        let feed = &line.feed;
        Ok(match upstream.delta(secret, feed.known()).await? {
            Answer::New(changes, _) => {
                line.take(changes)?;
                feed.hear();
                self.note_feed(line);
                self.tell();
                Round::Done
            }
            Answer::Current => {
                feed.hear();
                Round::Done
            }
            Answer::Unheard(changes) => {
                let number = changes.as_ref().and_then(|changes| Some(changes.events.last()?.event_id));
                if let Some(changes) = changes.filter(|_| feed.is_not_behind(number)) {
                    line.take(changes)?;
                    self.note_feed(line);
                    self.tell();
                }
                Round::Done
            }
            Answer::NotOffered => Round::NotOffered,
            Answer::Refused => Round::Refused,
        })
    }

    async fn ask_everything(
        &self,
        upstream: &Upstream,
        line: &Line,
        secret: &str,
        etag: &mut Option<String>,
    ) -> anyhow::Result<Round> {
        let feed = &line.feed;
        // One of them: not all upstreams read lists. What has come another way since counts, so that a node that has less
        // does not send it.
        let is_old = |known: &Revision| {
            etag.as_deref().is_none_or(|etag| Revision::in_etag(etag).is_some_and(|asked| asked.number < known.number))
        };
        let known = feed.known().filter(is_old).map(|known| known.etag("known"));
        Ok(match upstream.features(secret, known.as_deref().or(etag.as_deref())).await? {
            Answer::New((document, revision), new) => {
                line.take_document(&document, revision)?;
                *etag = new;
                feed.hear();
                self.note_feed(line);
                self.tell();
                Round::Done
            }
            Answer::Current => {
                feed.hear();
                Round::Done
            }
            Answer::Unheard(all) => {
                let number = all.as_ref().and_then(|(_, revision)| Some(revision.as_ref()?.number));
                if let Some((document, revision)) = all.filter(|_| feed.is_not_behind(number)) {
                    line.take_document(&document, revision)?;
                    self.note_feed(line);
                    self.tell();
                }
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
                let found = self.tokens().known_by(&hash).map(Arc::clone);
                if found.is_none() {
                    self.tokens_mut().refuse(&hash);
                }
                // Whoever hung up does not want to know.
                let _ = question.answer.send(found);
            }
        }
    }

    /// Asks, again and again, whether the known tokens still work; first about those that the operator gave.
    async fn revalidate_for_ever(self, upstream: Upstream) {
        let every = self.0.parts.pace.revalidate;
        loop {
            let mut secrets = self.0.parts.given.clone();
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
        let valid = upstream.validate(&asked).await?.into_iter().filter_map(tokens::described);
        let mut valid: HashMap<String, _> = valid.map(|(token, _)| (token.hash.clone(), token)).collect();
        for secret in secrets {
            let hash = hash(secret);
            match valid.remove(&hash) {
                Some(token) => self.learn(token, secret.clone()),
                None => self.forget(&hash),
            }
        }
        Ok(())
    }
}
