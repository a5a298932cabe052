//! What of an edge is still to be kept on disk, and the task that does it. Those who learn something only note what it
//! is about; it is put into words where nobody waits.

use std::collections::HashSet;
use std::io;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use flagstone_model::api_tokens::{ApiToken, TokenKind};
use tokio::time::sleep;

use super::Edge;
use super::backup::{Journal, News, Place, Saved, packed};
use super::feed::Feed;
use super::feeds::Line;
use super::follow::RETRY_MAX;
use super::upstream::Changes;

/// The shortest time between two writes of the file.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// What was learnt since the last write: each thing once, whatever became of it.
#[derive(Debug, Default)]
pub struct Noted {
    /// Tokens that were confirmed or forgotten, by their hashes.
    tokens: HashSet<String>,
    /// Feeds that were changed, added or removed.
    places: HashSet<Arc<Place>>,
}

/// What came of a write of the file.
pub(super) enum Saving {
    /// It is on disk.
    Done,
    /// There is nothing to be kept yet, or nowhere.
    Nothing,
}

/// What a token may be kept as: nobody gets flags with an admin token.
fn is_kept(token: &ApiToken) -> bool {
    token.kind != TokenKind::Admin
}

/// Brings a feed to where it was kept.
fn replay(feed: &Feed, batches: Vec<Changes>) -> anyhow::Result<()> {
    let counts: Vec<usize> = batches.iter().map(|batch| batch.events.len()).collect();
    let mut all = Changes { events: batches.into_iter().flat_map(|batch| batch.events).collect() };
    // At once: each time costs something for itself.
    let Err(error) = feed.take(&all) else { return Ok(()) };
    // What stands before the one that cannot be read is served.
    for count in counts {
        let rest = all.events.split_off(count);
        if feed.take(&all).is_err() {
            break;
        }
        all.events = rest;
    }
    Err(error)
}

impl Edge {
    /// Takes what was kept.
    pub(super) fn restore(&self, saved: Saved) {
        for saved in saved.feeds {
            let feed = Feed::new(saved.place.environment.clone(), saved.place.projects.clone());
            if let Err(error) = replay(&feed, saved.changes) {
                // What is missing comes from the upstream, or from the bootstrap file.
                let (error, environment) = (format!("{error:#}"), &feed.environment);
                tracing::error!(error, environment, "flags in the backup cannot be read; the others are served");
            }
            if feed.delivery().is_some() {
                self.feeds_mut().add(Line::restored(feed));
            }
        }
        let mut tokens = self.tokens_mut();
        for token in saved.tokens {
            tokens.add(Arc::new(token), None);
        }
    }

    /// A token was confirmed or forgotten.
    pub(super) fn note_token(&self, token: &ApiToken) {
        if self.0.parts.backup.is_some() && is_kept(token) {
            self.0.noted.lock().tokens.insert(token.hash.clone());
        }
    }

    /// A feed was changed, added or removed.
    pub(super) fn note_feed(&self, line: &Line) {
        if self.0.parts.backup.is_some() {
            self.0.noted.lock().places.insert(Arc::clone(&line.place));
        }
    }

    /// Writes what is new, for ever.
    pub(super) async fn save_for_ever(self) {
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

    /// Writes what is new.
    pub(super) async fn save(&self) -> io::Result<Saving> {
        let Some(backup) = self.0.parts.backup.clone() else { return Ok(Saving::Nothing) };
        // Tokens are of no use without flags, and the write with the flags would have to wait for its turn.
        let is_on_its_way = {
            let feeds = self.feeds();
            !feeds.is_empty() && feeds.iter().all(|line| line.feed.delivery().is_none())
        };
        if is_on_its_way {
            return Ok(Saving::Nothing);
        }
        // Held to the end: what was noted first is written first.
        let mut journal = backup.begin().await;
        let edge = self.clone();
        tokio::task::spawn_blocking(move || edge.write(&mut journal)).await??;
        Ok(Saving::Done)
    }

    fn write(&self, journal: &mut Journal) -> io::Result<()> {
        // Whatever is noted from here on is written the next time, also if it is among what is written now.
        let noted = mem::take(&mut *self.0.noted.lock());
        if journal.wants_all() { journal.rewrite(self.all()) } else { journal.append(self.news(noted)) }
    }

    /// What was noted, as it is by now.
    fn news(&self, noted: Noted) -> impl Iterator<Item = News> {
        let tokens = noted.tokens.into_iter().map(|hash| {
            let known = self.tokens().known_by(&hash).map(Arc::clone);
            known.map_or(News::Forgotten(hash), News::Token)
        });
        let feeds = noted.places.into_iter().filter_map(|place| {
            let line = self.feeds().at(&place).map(Arc::clone);
            line.map_or(Some(News::Gone(place)), |line| line.unwritten())
        });
        tokens.chain(feeds)
    }

    /// Everything that is to be kept on disk.
    pub(super) fn all(&self) -> impl Iterator<Item = News> {
        self.all_with(Line::everything)
    }

    fn all_with(&self, whole: fn(&Line) -> Option<News>) -> impl Iterator<Item = News> {
        let tokens = self.known_tokens().into_iter().filter(|token| is_kept(token)).map(News::Token);
        let lines: Vec<_> = self.feeds().iter().map(Arc::clone).collect();
        tokens.chain(lines.into_iter().filter_map(move |line| whole(&line)))
    }

    /// Keeps everything elsewhere, after changes, for ever.
    pub(super) async fn copy_for_ever(self, every: Duration) {
        let mut changed = self.revisions();
        loop {
            if changed.changed().await.is_err() {
                return;
            }
            while let Err(error) = self.copy().await {
                let error = format!("{error:#}");
                tracing::error!(error, "flags and tokens cannot be kept elsewhere; trying on");
                sleep(every).await;
            }
            sleep(every).await;
        }
    }

    async fn copy(&self) -> anyhow::Result<()> {
        let Some(remote) = &self.0.parts.remote else { return Ok(()) };
        let mut remote = remote.lock().await;
        let has_flags = self.feeds().iter().any(|line| line.feed.delivery().is_some());
        if !has_flags {
            return Ok(());
        }
        let edge = self.clone();
        let object = tokio::task::spawn_blocking(move || packed(edge.all_with(Line::copy))).await??;
        remote.store(object).await
    }

    /// Keeps and sends on what there is.
    pub async fn stop(&self) {
        if let Err(error) = self.save().await {
            tracing::error!(%error, "flags and tokens could not be kept on disk");
        }
        if let Err(error) = self.copy().await {
            tracing::error!(error = format!("{error:#}"), "flags and tokens could not be kept elsewhere");
        }
        self.report_last().await;
    }
}

#[cfg(test)]
mod tests {
    use flagstone_model::api_tokens::TokenKind;

    use super::super::Backup;
    use super::super::tests::{NOWHERE, edge};
    use super::super::tokens::given;
    use super::*;

    const DEVELOPMENT: &str = "*:development.secret";

    fn changes(events: &str) -> Changes {
        serde_json::from_str(&format!(r#"{{"events":[{events}]}}"#)).unwrap()
    }

    fn hydration(revision: u64, features: &str) -> Changes {
        changes(&format!(r#"{{"type":"hydration","eventId":{revision},"features":[{features}]}}"#))
    }

    fn update(revision: u64, name: &str) -> Changes {
        changes(&format!(
            r#"{{"type":"feature-updated","eventId":{revision},"mark":"1a2b3c4d","feature":{{"name":"{name}"}}}}"#
        ))
    }

    /// An edge that follows these environments and keeps what comes.
    fn keeping(folder: &std::path::Path, environments: &[&str]) -> Edge {
        let edge = edge(NOWHERE, environments, Some(Backup::new(folder).unwrap()));
        for token in edge.known_tokens() {
            edge.note_token(&token);
            edge.follow(&token);
        }
        edge
    }

    fn take(edge: &Edge, environment: &str, changes: Changes) {
        let token = given(&format!("*:{environment}.secret"), TokenKind::Backend, None).unwrap();
        let line = Arc::clone(edge.feeds().of(&token).unwrap());
        line.take(changes).unwrap();
        edge.note_feed(&line);
    }

    /// What an edge would answer: each environment with its revision and flags; and what it knows of tokens.
    fn has(edge: &Edge) -> String {
        let feeds = edge.feeds();
        let feeds = feeds.iter().filter_map(|line| line.feed.delivery());
        let mut told: Vec<_> = feeds
            .map(|delivery| {
                let names: Vec<_> = delivery.content().features().map(|(item, _)| item.name.clone()).collect();
                format!("{} {} {}", delivery.environment(), delivery.revision(), names.join(","))
            })
            .collect();
        told.sort();
        format!("{} tokens; {}", edge.known_tokens().len(), told.join("; "))
    }

    /// What another process has that begins in the folder.
    fn after_a_restart(folder: &std::path::Path) -> String {
        let backup = Backup::new(folder).unwrap();
        let kept = backup.load().unwrap();
        let edge = edge(NOWHERE, &[], Some(backup));
        edge.restore(kept);
        has(&edge)
    }

    fn bytes(folder: &std::path::Path) -> u64 {
        std::fs::metadata(folder.join("flagstone-edge.journal")).map_or(0, |file| file.len())
    }

    #[tokio::test]
    async fn what_comes_is_kept_as_it_came_and_nothing_else_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let edge = keeping(folder.path(), &["development", "production"]);
        edge.save().await.unwrap();
        assert_eq!(bytes(folder.path()), 0, "tokens are of no use without flags");
        let many: Vec<_> = (0..1_000).map(|n| format!(r#"{{"name":"flag-{n}"}}"#)).collect();
        take(&edge, "development", hydration(7, &many.join(",")));
        edge.save().await.unwrap();
        take(&edge, "production", hydration(8, r#"{"name":"other"}"#));
        edge.save().await.unwrap();
        let before = bytes(folder.path());
        take(&edge, "development", update(9, "flag-0"));
        take(&edge, "development", changes(r#"{"type":"feature-removed","eventId":10,"featureName":"flag-1"}"#));
        edge.save().await.unwrap();
        let added = bytes(folder.path()) - before;
        assert!((1..400).contains(&added), "{added} bytes for two changes");
        edge.save().await.unwrap();
        assert_eq!(bytes(folder.path()), before + added, "there was nothing new");
        assert_eq!(after_a_restart(folder.path()), has(&edge));
        // Where it begins anew, what was before is of no use.
        take(&edge, "development", update(11, "gone"));
        take(&edge, "development", hydration(3, r#"{"name":"a"}"#));
        take(&edge, "development", update(4, "b"));
        edge.save().await.unwrap();
        let expect = has(&edge);
        assert!(expect.contains("development 4-1a2b3c4d a,b"), "{expect}");
        assert_eq!(after_a_restart(folder.path()), expect);
    }

    #[tokio::test]
    async fn what_is_forgotten_is_forgotten_on_disk_and_nothing_more() {
        let folder = tempfile::tempdir().unwrap();
        let edge = keeping(folder.path(), &["development", "production"]);
        for environment in ["development", "production"] {
            take(&edge, environment, hydration(7, r#"{"name":"flag"}"#));
        }
        let frontend = given("one:development.browser", TokenKind::Frontend, None).unwrap();
        edge.learn(frontend, "one:development.browser".to_owned());
        let admin = given("*:*.admin", TokenKind::Admin, None).unwrap();
        edge.learn(admin, "*:*.admin".to_owned());
        edge.save().await.unwrap();
        let expect = has(&edge).replace("4 tokens", "3 tokens");
        assert_eq!(after_a_restart(folder.path()), expect, "nobody gets flags with an admin token");

        let narrow = given("one:development.narrow", TokenKind::Backend, None).unwrap();
        edge.learn(narrow, "one:development.narrow".to_owned());
        let wide = given(DEVELOPMENT, TokenKind::Backend, None).unwrap();
        edge.forget(&wide.hash);
        edge.save().await.unwrap();
        let found = after_a_restart(folder.path());
        assert_eq!(found, has(&edge).replace("4 tokens", "3 tokens"));
        assert!(found.contains("development 7") && found.contains("production 7"), "{found}");
        let text = std::fs::read_to_string(folder.path().join("flagstone-edge.journal")).unwrap();
        assert!(!text.contains(".narrow") && !text.contains(".secret"), "a secret is on disk");
    }

    #[tokio::test]
    async fn what_waits_to_be_written_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let edge = keeping(folder.path(), &["development"]);
        take(&edge, "development", hydration(1, r#"{"name":"flag"}"#));
        edge.save().await.unwrap();
        let before = bytes(folder.path());
        let text = "x".repeat(100_000);
        for revision in 2..200 {
            let event = format!(
                r#"{{"type":"feature-updated","eventId":{revision},"feature":{{"name":"flag","text":"{text}"}}}}"#
            );
            take(&edge, "development", changes(&event));
        }
        edge.save().await.unwrap();
        assert!(bytes(folder.path()) < before + 200_000, "all is written, not each change");
        assert_eq!(after_a_restart(folder.path()), has(&edge));
    }

    #[test]
    fn f23_of_changes_that_cannot_be_read_what_stands_before_them_is_served() {
        let feed = Feed::new("development".to_owned(), vec!["*".to_owned()]);
        let odd = changes(r#"{"type":"feature-updated","eventId":3}"#);
        replay(&feed, vec![hydration(1, r#"{"name":"a"}"#), update(2, "b"), odd, update(4, "c")]).unwrap_err();
        let names: Vec<_> = feed.delivery().unwrap().content().features().map(|(item, _)| item.name.clone()).collect();
        assert_eq!((names.join(","), feed.known().map(|revision| revision.number)), ("a,b".to_owned(), Some(2)));
    }
}
