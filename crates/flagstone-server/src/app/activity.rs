//! How much happens in projects: counted from the audit events when somebody first asks, and from then on event by event,
//! so that asking again costs what has happened meanwhile.

use std::collections::{BTreeMap, HashMap};

use flagstone_model::Timestamp;
use flagstone_store::{ActivityOf, Error, Store};
use tokio::sync::Mutex;

const DAY: i64 = 24 * 3_600_000;
/// Events that are read at a time.
const PAGE: u32 = 500;
/// From how many events on it is cheaper to count anew what is asked for.
const BEHIND_MAX: u64 = 5_000;
/// The most projects that are counted at a time.
const PROJECTS_MAX: usize = 10_000;

/// What is counted. One asks at a time, so that no event is read twice.
#[derive(Default)]
pub struct Activity(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    /// The last event that is counted.
    last: u64,
    projects: HashMap<String, Counted>,
}

struct Counted {
    since: i64,
    /// Events by day.
    days: BTreeMap<i64, u64>,
}

impl Activity {
    /// How many events of a project there were on each day since that of `since`, up to the event `last` at least: days
    /// of UTC, counted from 1970.
    pub async fn of(
        &self,
        store: &Store,
        last: u64,
        project: &str,
        since: Timestamp,
    ) -> Result<BTreeMap<i64, u64>, Error> {
        let mut counts = self.0.lock().await;
        counts.follow(store, last).await?;
        let first = since.millis().div_euclid(DAY);
        if let Some(counted) = counts.projects.get_mut(project).filter(|counted| counted.since <= first) {
            return Ok(counted.days.range(first..).map(|(day, count)| (*day, *count)).collect());
        }
        let days =
            store.activity(ActivityOf::Project(project), Timestamp::from_millis(first * DAY), counts.last).await?;
        if counts.projects.len() >= PROJECTS_MAX {
            counts.projects.clear();
        }
        counts.projects.insert(project.to_owned(), Counted { since: first, days: days.clone() });
        Ok(days)
    }
}

impl Counts {
    /// Counts the events up to `last`.
    async fn follow(&mut self, store: &Store, last: u64) -> Result<(), Error> {
        if self.projects.is_empty() || last.saturating_sub(self.last) > BEHIND_MAX {
            self.projects.clear();
            self.last = self.last.max(last);
        }
        while self.last < last {
            let page = store.events_after(self.last, PAGE).await?;
            let Some(end) = page.last() else { break };
            self.last = end.id;
            for event in &page {
                let project = event.project.as_deref().and_then(|project| self.projects.get_mut(project));
                if let Some(counted) = project {
                    *counted.days.entry(event.created_at.millis().div_euclid(DAY)).or_default() += 1;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use flagstone_model::commit::{Commit, CommitBody, Event};
    use flagstone_store::{DatabaseUrl, Options};

    use super::*;

    /// A commit with one event of a project.
    fn commit(seq: u64, project: &str, day: i64) -> Commit {
        let created_at = Timestamp::from_millis(day * DAY + 5);
        let event = Event {
            id: seq,
            kind: "feature-created".to_owned(),
            created_at,
            project: Some(project.to_owned()),
            ..Event::default()
        };
        let body = CommitBody { events: vec![event], ..CommitBody::default() };
        Commit { seq, id: seq.to_string(), at: created_at, body, ..Commit::default() }
    }

    #[tokio::test]
    async fn what_is_counted_event_by_event_is_what_is_counted_at_once() {
        let store = Store::open(&DatabaseUrl::Memory, &Options::default()).await.unwrap();
        let (kept, mut seq) = (Activity::default(), 0);
        for round in 0..60_u64 {
            for n in 0..=round % 3 {
                seq += 1;
                let project = if (seq + n) % 3 == 0 { "one" } else { "two" };
                let day = 100 + i64::try_from(seq / 7).unwrap();
                store.append(&[commit(seq, project, day)]).await.unwrap();
            }
            for project in ["one", "two", "none"] {
                for first in [100, 105, 90] {
                    let since = Timestamp::from_millis(first * DAY + 7);
                    let counted = kept.of(&store, seq, project, since).await.unwrap();
                    let anew = Activity::default().of(&store, seq, project, since).await.unwrap();
                    assert_eq!(counted, anew, "{project} since {first} in round {round}");
                }
            }
        }
        assert!(seq > 100);
    }
}
