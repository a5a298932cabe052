//! What one token of the upstream brings: the flags of an environment's projects.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, ensure};
use arc_swap::ArcSwapOption;
use axum::body::Bytes;
use flagstone_model::api_tokens::{ALL, ApiToken};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::upstream::{Changes, Document};
use crate::delivery::content::{Content, Edit, FeatureItem, Unused, segment_id};
use crate::delivery::history::Touched;
use crate::delivery::{Delivery, Revision};
use crate::system::locks::{Mutex, rank};
use crate::system::seldom::Seldom;

/// How long an upstream that was heard may have more to tell of before: one of its nodes may be behind, and an answer late.
const SETTLED_AFTER: Duration = Duration::from_mins(1);

/// The flags of an environment's projects, as they come from the upstream.
pub struct Feed {
    /// The environment.
    pub environment: String,
    /// The projects, sorted; or just [`ALL`].
    pub projects: Vec<String>,
    delivery: ArcSwapOption<Delivery>,
    /// The revision as the upstream has told it.
    known: Mutex<{ rank::FEED_KNOWN }, Option<Revision>>,
    /// Since when the upstream has been heard.
    heard: OnceLock<Instant>,
}

impl Feed {
    /// A feed for what a token may see; nothing has come yet.
    pub fn of(token: &ApiToken) -> Self {
        Self::new(token.environment.clone(), token.projects.clone())
    }

    /// A feed of an environment's projects.
    pub fn new(environment: String, projects: Vec<String>) -> Self {
        let (known, heard) = (Mutex::default(), OnceLock::new());
        Self { environment, projects, delivery: ArcSwapOption::empty(), known, heard }
    }

    /// Begins with what a feed has that covers this one, so that nobody waits for what is here.
    #[must_use]
    pub fn beginning_with(self, wider: &Self) -> Self {
        let Some(delivery) = wider.delivery() else { return self };
        // It asks for everything: what it begins with may be older than what it covers has been told meanwhile.
        let part = delivery.content().only(&self.projects);
        self.delivery.store(Some(Arc::new(Delivery::received(&self.environment, delivery.given_revision(), part))));
        self
    }

    /// The revision that the upstream may be asked to go on from.
    pub fn known(&self) -> Option<Revision> {
        self.known.lock().filter(|revision| revision.number > 0)
    }

    fn know(&self, revision: Option<Revision>) {
        *self.known.lock() = revision;
    }

    /// Whether something of this number, which may be old, is not older than what is here.
    pub fn is_not_behind(&self, number: Option<u64>) -> bool {
        self.delivery().is_none_or(|delivery| number.is_some_and(|number| number >= delivery.given_revision().number))
    }

    /// Whether the upstream has been heard since the start: what it told before may be old.
    pub fn is_heard(&self) -> bool {
        self.heard.get().is_some()
    }

    /// Whether it has been heard for so long that what it has told, however slowly, is here.
    pub fn is_settled(&self) -> bool {
        self.heard.get().is_some_and(|since| since.elapsed() >= SETTLED_AFTER)
    }

    /// The upstream has spoken, be it to say that nothing is new.
    pub fn hear(&self) {
        self.heard.get_or_init(Instant::now);
    }

    /// What came last.
    pub fn delivery(&self) -> Option<Arc<Delivery>> {
        self.delivery.load_full()
    }

    /// Whether it holds all that a token may see.
    pub fn covers(&self, token: &ApiToken) -> bool {
        let all = self.projects.iter().any(|project| project == ALL);
        self.environment == token.environment && (all || token.projects.iter().all(|p| self.projects.contains(p)))
    }

    /// Whether it holds exactly what a token may see.
    pub fn is_of(&self, token: &ApiToken) -> bool {
        self.environment == token.environment && self.projects == token.projects
    }

    /// Takes everything anew. Without the upstream's revision, what differs from the last gets the next number here.
    pub fn take_document(&self, document: &Document, revision: Option<Revision>) -> anyhow::Result<()> {
        let known = self.known_content();
        let mut edit = known.edit();
        self.replace_all(&mut edit, &known, &document.features, document.segments.as_deref())?;
        let (content, touched) = edit.finish(Unused::Stay);
        self.know(revision);
        let next = || match self.delivery() {
            Some(delivery) if touched.is_empty() => delivery.given_revision(),
            Some(delivery) => Revision::number(delivery.revision().number + 1),
            None => Revision::number(1),
        };
        let is_all = !revision.is_some_and(has_versions);
        self.publish(revision.unwrap_or_else(next), content, touched, is_all);
        Ok(())
    }

    /// Takes changes in order.
    pub fn take(&self, changes: &Changes) -> anyhow::Result<()> {
        let Some(last) = changes.events.last() else { return Ok(()) };
        let known = self.known_content();
        let mut edit = known.edit();
        // What is told, which is more than what differs: a feature that has changed back, or come and gone. A hydration
        // does not tell that.
        let (mut told, mut is_hydrated) = (Vec::new(), false);
        for change in &changes.events {
            match change.kind.as_str() {
                "hydration" => {
                    // One without the list would take all flags away.
                    let all = change.features.as_deref().context("a hydration has no features")?;
                    edit = known.edit();
                    self.replace_all(&mut edit, &known, all, change.segments.as_deref())?;
                    is_hydrated = true;
                }
                "feature-updated" => {
                    let raw = change.feature.as_deref().context("an update has no feature")?;
                    if let Some(item) = self.read(raw, FeatureItem::parse) {
                        let mut projects = edit.projects_of(&item.name);
                        projects.retain(|old| *old != item.project);
                        for old in &projects {
                            edit.remove_feature(old, &item.name);
                        }
                        projects.push(item.project.clone());
                        told.push(Touched::Feature {
                            name: item.name.as_str().into(),
                            projects: Some(projects.into()),
                        });
                        edit.put_feature(item, json(raw));
                    }
                }
                "feature-removed" => {
                    let name = change.feature_name.as_deref().context("a removal has no name")?;
                    let projects = edit.projects_of(name);
                    for project in &projects {
                        edit.remove_feature(project, name);
                    }
                    // One that nobody here has seen was in any of them.
                    let projects = Some(projects).filter(|projects| !projects.is_empty()).map(Into::into);
                    told.push(Touched::Feature { name: name.into(), projects });
                }
                "segment-updated" => {
                    let raw = change.segment.as_deref().context("an update has no segment")?;
                    if let Some(id) = self.read(raw, segment_id) {
                        told.push(Touched::Segment(id));
                        edit.put_segment(id, json(raw));
                    }
                }
                "segment-removed" => {
                    let id = change.segment_id.as_ref().and_then(Value::as_i64).context("a removal has no id")?;
                    told.push(Touched::Segment(id));
                    edit.remove_segment(id);
                }
                // A newer upstream may tell more; what we do not know we do not deliver.
                _ => {}
            }
        }
        let (content, differ) = edit.finish(Unused::Stay);
        let mark = last.mark.as_deref().and_then(|mark| mark.parse().ok());
        let revision = Revision { number: last.event_id, mark };
        self.know(Some(revision));
        let has_versions = has_versions(revision);
        let touched = if has_versions && !is_hydrated { told } else { differ };
        self.publish(revision, content, touched, !has_versions || !is_hydrated);
        Ok(())
    }

    fn known_content(&self) -> Arc<Content> {
        self.delivery().map(|delivery| Arc::clone(delivery.content())).unwrap_or_default()
    }

    /// Puts these features and segments in the place of all that are `known`. What cannot be read stays as it was, if it
    /// was here, and holds up no other; where none even has a name, this is no list of features.
    fn replace_all(
        &self,
        edit: &mut Edit<'_>,
        known: &Content,
        features: &[Box<RawValue>],
        segments: Option<&[Box<RawValue>]>,
    ) -> anyhow::Result<()> {
        let named = |raw: &RawValue, key: &str| serde_json::from_str::<Value>(raw.get()).ok()?.get(key).cloned();
        // By name: the last of two counts.
        let (mut projects, mut has_name) = (HashMap::<String, String>::new(), false);
        for raw in features {
            if let Some(item) = self.read(raw, FeatureItem::parse) {
                let before = projects.insert(item.name.clone(), item.project.clone());
                if let Some(before) = before.filter(|before| *before != item.project) {
                    edit.remove_feature(&before, &item.name);
                }
                edit.put_feature(item, json(raw));
            } else if let Some(name) = named(raw, "name").as_ref().and_then(Value::as_str) {
                has_name = true;
                if let Some((item, _)) = known.feature(name) {
                    projects.entry(name.to_owned()).or_insert_with(|| item.project.clone());
                }
            }
        }
        ensure!(
            !projects.is_empty() || features.is_empty() || has_name,
            "none of {} features can be read",
            features.len()
        );
        let mut ids = BTreeSet::new();
        for raw in segments.into_iter().flatten() {
            if let Some(id) = self.read(raw, segment_id) {
                ids.insert(id);
                edit.put_segment(id, json(raw));
            } else {
                ids.extend(named(raw, "id").as_ref().and_then(Value::as_i64));
            }
        }
        edit.remove_others(|item| projects.get(&item.name) == Some(&item.project), &ids);
        Ok(())
    }

    /// Reads a feature or a segment; says so if it cannot be read.
    fn read<T>(&self, raw: &RawValue, parse: fn(&RawValue) -> Result<T, serde_json::Error>) -> Option<T> {
        static SELDOM: Seldom = Seldom::new();
        let read = parse(raw);
        if let Err(error) = &read
            && let Some(held_back) = SELDOM.pass()
        {
            let begins: String = raw.get().chars().take(200).collect();
            let environment = &self.environment;
            tracing::error!(%error, environment, begins, held_back, "a feature or segment of the upstream cannot be read");
        }
        read.ok()
    }

    fn publish(&self, revision: Revision, content: Content, touched: Vec<Touched>, is_all: bool) {
        let next = match self.delivery() {
            Some(delivery) => delivery.followed_by(revision, content, touched, is_all),
            None => Delivery::received(&self.environment, revision, content),
        };
        self.delivery.store(Some(Arc::new(next)));
    }
}

/// Whether projects of the upstream have versions, as those of a Flagstone do. Then an SDK may come with one that was
/// between two that are told here: what it knows is not to seem newer than what has come since.
fn has_versions(revision: Revision) -> bool {
    revision.mark.is_some()
}

fn json(raw: &RawValue) -> Bytes {
    Bytes::copy_from_slice(raw.get().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::{Scope, Update};

    fn feed(projects: &[&str]) -> Feed {
        Feed::new("development".to_owned(), projects.iter().map(|p| (*p).to_owned()).collect())
    }

    fn document(features: &str) -> anyhow::Result<Document> {
        Ok(serde_json::from_str(&format!(r#"{{"version":2,"features":{features}}}"#))?)
    }

    fn names(feed: &Feed) -> Vec<String> {
        feed.delivery().unwrap().content().features().map(|(item, _)| item.name.clone()).collect()
    }

    #[test]
    fn what_an_upstream_without_revisions_changes_has_another_revision_here() {
        let feed = feed(&[ALL]);
        let take = |features: &str| {
            feed.take_document(&document(features).unwrap(), None).unwrap();
            feed.delivery().unwrap().revision().number
        };
        let on = r#"[{"name":"a","enabled":true}]"#;
        assert_eq!([take(on), take(on), take(r#"[{"name":"a","enabled":false}]"#), take(on)], [1, 1, 2, 3]);
        assert_eq!(feed.known(), None, "the upstream is never asked to go on from a number of ours");
    }

    #[test]
    fn flags_are_not_lost_to_an_answer_that_has_none() {
        let feed = feed(&[ALL]);
        feed.take_document(&document(r#"[{"name":"a"}]"#).unwrap(), Some(Revision::number(7))).unwrap();
        assert!(serde_json::from_str::<Document>("{}").is_err());
        for events in [r#"[{"type":"hydration","eventId":8}]"#, r#"[{"type":"feature-updated","eventId":8}]"#, "[]"] {
            let changes = serde_json::from_str(&format!(r#"{{"events":{events}}}"#)).unwrap();
            assert!(feed.take(&changes).is_err() || events == "[]", "{events}");
            assert_eq!((names(&feed), feed.known()), (vec!["a".to_owned()], Some(Revision::number(7))), "{events}");
        }
    }

    #[tokio::test]
    async fn other_flags_under_the_same_number_are_another_version() {
        let feed = feed(&[ALL]);
        feed.take_document(&document(r#"[{"name":"a","enabled":true}]"#).unwrap(), Some(Revision::default())).unwrap();
        let bootstrap = feed.delivery().unwrap();
        let all = Scope::everything();
        let take = |features: &str, mark: &str| {
            let events = format!(r#"[{{"type":"hydration","eventId":0,{mark}"features":{features}}}]"#);
            feed.take(&serde_json::from_str(&format!(r#"{{"events":{events}}}"#)).unwrap()).unwrap();
            feed.delivery().unwrap()
        };
        // What the upstream has is the same: nobody needs to be told.
        let same = take(r#"[{"name":"a","enabled":true}]"#, "");
        assert_eq!((same.revision(), same.update(bootstrap.revision(), &all)), (bootstrap.revision(), Update::Current));
        let other = take("[]", "");
        assert_eq!(other.update(bootstrap.revision(), &all), Update::Everything);
        assert_ne!(other.features(&all).await.body(), bootstrap.features(&all).await.body());
        // A Flagstone's own mark goes on to those who ask here.
        let marked = take(r#"[{"name":"b"}]"#, r#""mark":"1a2b3c4d","#);
        assert_eq!(marked.revision().to_string(), "0-1a2b3c4d");
        assert_eq!(marked.update(other.revision(), &all), Update::Everything);
    }

    /// An SDK may have been told of what was in between: the feed's versions are not to be older than that one.
    #[test]
    fn what_came_and_went_unseen_has_a_version_all_the_same() {
        let take = |feed: &Feed, events: &str| {
            let events = events.replace('$', r#""eventId":8,"mark":"0000000b""#);
            feed.take(&serde_json::from_str(&format!(r#"{{"events":[{events}]}}"#)).unwrap()).unwrap();
        };
        let begun = || {
            let feed = feed(&["one", "two"]);
            let features = r#"[{"name":"a","project":"one"},{"name":"b","project":"two"}]"#;
            let marked = Revision { number: 7, mark: "0000000a".parse().ok() };
            feed.take_document(&document(features).unwrap(), Some(marked)).unwrap();
            feed
        };
        let check = |feed: &Feed, expect: [u64; 2]| {
            let revisions = feed.delivery().unwrap().revisions().clone();
            let of = |project: &str| {
                let scope = Scope { projects: Some(vec![project.to_owned()]), ..Scope::everything() };
                revisions.of_scope(&scope).number
            };
            assert_eq!([of("one"), of("two")], expect);
        };
        let feed = begun();
        take(&feed, r#"{"type":"feature-updated",$,"feature":{"name":"a","project":"one"}}"#);
        check(&feed, [8, 7]);
        let feed = begun();
        take(&feed, r#"{"type":"feature-removed",$,"featureName":"never-seen"}"#);
        check(&feed, [8, 8]);
        let feed = begun();
        let both = r#"[{"name":"a","project":"one"},{"name":"b","project":"two"}]"#;
        take(&feed, &format!(r#"{{"type":"hydration",$,"features":{both}}}"#));
        check(&feed, [8, 8]);
        // Of another server nobody has such a version.
        let feed = begun();
        let changed = r#"[{"name":"a","project":"one","enabled":true},{"name":"b","project":"two"}]"#;
        feed.take_document(&document(changed).unwrap(), Some(Revision::number(8))).unwrap();
        check(&feed, [8, 7]);
    }

    #[test]
    fn a_feed_begins_with_its_part_of_a_wider_one() {
        let wider = feed(&[ALL]);
        let features = r#"[{"name":"a","project":"one"},{"name":"b","project":"two"}]"#;
        wider.take_document(&document(features).unwrap(), Some(Revision::number(7))).unwrap();
        let one = feed(&["one"]).beginning_with(&wider);
        assert_eq!((names(&one), one.known(), one.is_heard()), (vec!["a".to_owned()], None, false));
    }

    #[test]
    fn f23_what_cannot_be_read_stays_as_it_was_and_holds_up_no_other() {
        let feed = feed(&[ALL]);
        let json = |feed: &Feed| {
            let delivery = feed.delivery().unwrap();
            let text = |json: &[u8]| String::from_utf8_lossy(json).into_owned();
            let features = delivery.content().features().map(|(_, json)| text(json));
            let segments = delivery.content().segments.iter().map(|(_, json)| text(json));
            features.chain(segments).collect::<Vec<_>>()
        };
        let take = |text: &str| feed.take(&serde_json::from_str(text).unwrap()).unwrap();
        let document = |text: &str| serde_json::from_str::<Document>(text).unwrap();
        take(
            r#"{"events":[{"type":"hydration","eventId":7,"features":[{"name":"a"},{"name":"b"}],"segments":[{"id":1}]}]}"#,
        );
        // Of `a`, `c` and of the first segment a newer upstream tells in a way that this one does not know.
        let odd = r#"{"name":"a","strategies":[{"segments":["one"]}]},{"name":"c","strategies":7},{},7"#;
        let rest = r#"{"name":"b","on":1},{"name":"d"}"#;
        let segments = r#"{"id":1,"id":2},{"id":"x"},{"id":2}"#;
        let expect = [r#"{"name":"a"}"#, r#"{"name":"b","on":1}"#, r#"{"name":"d"}"#, r#"{"id":2}"#];
        let all = format!(r#""features":[{odd},{rest}],"segments":[{segments}]"#);
        take(&format!(r#"{{"events":[{{"type":"hydration","eventId":8,{all}}}]}}"#));
        assert_eq!(json(&feed), expect);
        let event = |kind: &str, what: &str| format!(r#"{{"type":"{kind}","eventId":9,{what}}}"#);
        let events = [
            event("feature-updated", r#""feature":{"name":"a","strategies":7}"#),
            event("segment-updated", r#""segment":{"id":"x"}"#),
            event("feature-updated", r#""feature":{"name":"b","on":2}"#),
        ];
        take(&format!(r#"{{"events":[{}]}}"#, events.join(",")));
        let expect = expect.map(|json| json.replace(":1}", ":2}"));
        assert_eq!((json(&feed), feed.known()), (expect.to_vec(), Some(Revision::number(9))));
        let odd_meta = r#""meta":{"revisionId":"x"},"query":7"#;
        let all = all.replace(r#""on":1"#, r#""on":2"#);
        feed.take_document(&document(&format!("{{{all},{odd_meta}}}")), Some(Revision::number(10))).unwrap();
        assert_eq!(json(&feed), expect);
        feed.take_document(&document(r#"{"features":[{"name":"e"}],"segments":null}"#), Some(Revision::number(11)))
            .unwrap();
        assert_eq!(json(&feed), [r#"{"name":"e"}"#]);
        // As before, but for what is not there.
        feed.take_document(&document(r#"{"features":[{},7]}"#), Some(Revision::number(12))).unwrap_err();
        assert_eq!(json(&feed), [r#"{"name":"e"}"#]);
        feed.take_document(&document(r#"{"features":[{"name":"c","strategies":7}]}"#), Some(Revision::number(13)))
            .unwrap();
        assert!(json(&feed).is_empty(), "`e` is gone, and nothing is known of `c`");
        feed.take_document(&document(r#"{"features":[]}"#), Some(Revision::number(14))).unwrap();
        assert!(json(&feed).is_empty(), "none is a list of features as well");
    }
}
