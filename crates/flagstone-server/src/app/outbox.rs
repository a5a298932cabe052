//! Tells integrations of events. The audit events, which are stored in the transaction of the commit that caused them, are
//! the queue: each integration has a cursor along them, so that nothing waits for a delivery, and nothing is lost when a
//! node ends. One node at a time works for an integration, under the lease that its cursor goes by; an event is told at
//! least once, after those before it.
//!
//! A lease is taken when there is something to tell, and given back: an integration that is told of nothing costs nothing.

pub mod messages;
pub mod requests;
mod template;
mod trial;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use flagstone_model::commit::Event;
use flagstone_model::integrations::Integration;
use flagstone_model::{State, Timestamp};
use flagstone_store::{Delivery, EventQuery, Fence, Hold};
use serde_json::json;
use tokio::sync::{RwLock, RwLockReadGuard, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::App;
use super::jobs::lose_lease;
use super::view::View;
use crate::http::error::Failure;
use crate::system::entropy;
use crate::system::tasks::keep_running;
use requests::{Part, Verdict, parts, verdict};
pub(super) use trial::TRIALS_PER_MINUTE;

/// How often an event is sent, the first time included, before it is given up. Waits in between double up to 128 times the
/// first, so that with the default of half a second it is given up after about eight minutes; of a receiver that fails
/// three times in ten, one event in a hundred million is.
const TRIES_MAX: u32 = 15;
/// The same after one was given up, until one arrives: a receiver that is gone is not waited for again and again.
const TRIES_AFTER_FAILURE: u32 = 3;
/// The longest wait between two tries, whatever the receiver asks for.
const WAIT_MAX: Duration = Duration::from_mins(1);
/// How long a node that says nothing more keeps an integration to itself.
const LEASE_LASTS: Duration = Duration::from_secs(20);
/// How soon an integration is looked at again that another node works for, or that could not be worked for.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// How long a node that stops waits for its leases to be given back.
const STOP_MAX: Duration = Duration::from_secs(1);
/// How often integrations without a task are sought though nothing has changed: one may have panicked.
const SEEK_EVERY: Duration = Duration::from_mins(1);
/// Events that are read at a time.
const PAGE: u32 = 50;
/// How many events that concern it not an integration may be ahead of its cursor: they are read again after a restart.
const AHEAD_MAX: u64 = 1_000;
/// How many deliveries of each integration are remembered.
const DELIVERIES_KEPT: u64 = 500;

/// Starts telling integrations of events.
pub fn start(app: &App) {
    let app = app.clone();
    keep_running("tell integrations", move || follow(app.clone()));
}

/// Sees to it that each enabled integration has a task, for ever.
async fn follow(app: App) {
    let mut revisions = app.revisions();
    let mut tasks = HashMap::<i64, JoinHandle<()>>::new();
    loop {
        revisions.borrow_and_update();
        tasks.retain(|_, task| !task.is_finished());
        let head = app.0.writer.head();
        for integration in enabled(&head.state) {
            let courier = || Courier { app: app.clone(), id: integration.id, seen: 0, tries_max: TRIES_MAX };
            tasks.entry(integration.id).or_insert_with(|| tokio::spawn(courier().run()));
        }
        drop(head);
        timeout(SEEK_EVERY, revisions.changed()).await.ok();
    }
}

/// The integrations that are told of events. A release that does not know all of them tells nobody: what it does not know
/// may be a reason not to.
fn enabled(state: &State) -> impl Iterator<Item = &Arc<Integration>> {
    let is_known = state.may_be_written();
    state.integrations.values().filter(move |integration| is_known && integration.enabled)
}

/// Who holds a lease, so that a node that stops gives all of them back: others need not wait until they expire.
#[derive(Default)]
pub struct Telling {
    stopping: watch::Sender<bool>,
    holders: RwLock<()>,
}

impl App {
    /// How an integration that `view` shows was told of events, the newest first, each with its event as long as that is
    /// there.
    pub async fn deliveries(
        &self,
        view: &View,
        integration: i64,
        limit: u64,
        offset: u64,
    ) -> Result<Vec<(Delivery, Option<Event>)>, Failure> {
        if !view.integrations.contains(&integration) {
            return Ok(Vec::new());
        }
        let deliveries = self.0.store.deliveries(integration, limit, offset).await?;
        if deliveries.is_empty() {
            return Ok(Vec::new());
        }
        let ids = deliveries.iter().map(|delivery| delivery.event).collect();
        let query = EventQuery { ids, limit, ..EventQuery::default() };
        let events = self.events(view, query).await?.events;
        let event = |id: u64| events.iter().find(|event| event.id == id).cloned();
        Ok(deliveries
            .into_iter()
            .map(|delivery| {
                let event = event(delivery.event);
                (delivery, event)
            })
            .collect())
    }
}

impl Telling {
    /// Held as long as a lease is; nothing once the node stops.
    fn begin(&self) -> Option<RwLockReadGuard<'_, ()>> {
        let is_over = *self.stopping.borrow();
        self.holders.try_read().ok().filter(|_| !is_over)
    }

    async fn stopped(&self) {
        // The sender lives as long as this.
        self.stopping.subscribe().wait_for(|stopping| *stopping).await.ok();
    }

    /// Ends what is being told, and waits a little for the leases.
    pub(super) async fn stop(&self) {
        self.stopping.send_replace(true);
        timeout(STOP_MAX, self.holders.write()).await.ok();
    }
}

/// Works for one integration.
struct Courier {
    app: App,
    id: i64,
    /// Of the events up to this one none is to be told any more, as far as is known here.
    seen: u64,
    tries_max: u32,
}

/// How far a courier has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// Nothing is to be told.
    UpToDate,
    /// Another node tells it.
    Elsewhere,
    /// The integration is disabled or deleted.
    Over,
}

/// What became of an event.
enum Told {
    /// It is done, well or not.
    Done(Box<Delivery>),
    /// The integration was changed meanwhile.
    Changed,
}

impl Courier {
    async fn run(mut self) {
        let mut revisions = self.app.revisions();
        loop {
            revisions.borrow_and_update();
            match self.catch_up().await {
                Ok(Progress::UpToDate) => {
                    if revisions.changed().await.is_err() {
                        return;
                    }
                }
                Ok(Progress::Elsewhere) => sleep(LOOK_AGAIN).await,
                Ok(Progress::Over) => return,
                Err(error) => {
                    tracing::debug!(%error, integration = self.id, "events wait for the store");
                    sleep(LOOK_AGAIN).await;
                }
            }
        }
    }

    fn lease(&self) -> String {
        format!("integration:{}", self.id)
    }

    fn integration(&self) -> Option<Arc<Integration>> {
        enabled(&self.app.0.writer.head().state).find(|integration| integration.id == self.id).cloned()
    }

    /// Tells all that is to be told, if this node gets to do it.
    async fn catch_up(&mut self) -> Result<Progress, flagstone_store::Error> {
        let app = self.app.clone();
        let store = app.store();
        let Some(integration) = self.integration() else { return Ok(Progress::Over) };
        let cursor = store.cursor(&self.lease()).await?;
        let is_due = self.next(&integration, cursor).await?.is_some();
        if !is_due && self.seen.saturating_sub(cursor.max(integration.since)) < AHEAD_MAX {
            return Ok(Progress::UpToDate);
        }
        let name = self.lease();
        let Some(_telling) = app.0.telling.begin() else { return Ok(Progress::Elsewhere) };
        let Some(fence) = store.acquire_lease(&name, &entropy::uuid(), LEASE_LASTS, app.now()).await? else {
            return Ok(Progress::Elsewhere);
        };
        let progress = tokio::select! {
            progress = self.tell_all(&name, fence) => progress,
            _ = lose_lease(&app, &name, fence, LEASE_LASTS) => Ok(Progress::Elsewhere),
            () = app.0.telling.stopped() => Ok(Progress::Elsewhere),
        };
        // Where this fails it expires.
        store.release_lease(&name, fence).await.ok();
        progress
    }

    /// The next event that the integration is to be told of, as far as this node's state goes. What it is not to be told
    /// of up to there is behind it.
    async fn next(&mut self, integration: &Integration, cursor: u64) -> Result<Option<Event>, flagstone_store::Error> {
        self.seen = self.seen.max(cursor).max(integration.since);
        loop {
            let head = self.app.0.writer.head();
            if self.seen >= head.state.last_event_id {
                return Ok(None);
            }
            let page = self.app.store().events_after(self.seen, PAGE).await?;
            let is_end = page.len() < PAGE as usize;
            // What this node has not read of the log yet is judged when it has.
            for event in page.into_iter().take_while(|event| event.id <= head.state.last_event_id) {
                if integration.wants(&head.state, &event) {
                    return Ok(Some(event));
                }
                self.seen = event.id;
            }
            if is_end {
                return Ok(None);
            }
        }
    }

    async fn tell_all(&mut self, name: &str, fence: Fence) -> Result<Progress, flagstone_store::Error> {
        let app = self.app.clone();
        let store = app.store();
        loop {
            let Some(integration) = self.integration() else { return Ok(Progress::Over) };
            let cursor = store.cursor(name).await?;
            let Some(event) = self.next(&integration, cursor).await? else {
                let is_ours = store.advance_cursor(name, fence, self.seen).await?;
                return Ok(if is_ours { Progress::UpToDate } else { Progress::Elsewhere });
            };
            let Told::Done(delivery) = self.tell(&integration, &event).await else { continue };
            let hold = Hold { name: name.to_owned(), fence, position: event.id };
            if !store.delivery_settle(&hold, &delivery, DELIVERIES_KEPT).await? {
                return Ok(Progress::Elsewhere);
            }
            self.seen = event.id;
        }
    }

    /// Tells the integration of one event, again and again if need be.
    async fn tell(&mut self, integration: &Arc<Integration>, event: &Event) -> Told {
        let mut waiting = match parts(integration, event, &self.app.options().public_url) {
            Ok(parts) => parts,
            Err(why) => return self.told(event, Sent { never: vec![why], ..Sent::default() }),
        };
        let mut sent = Sent::default();
        loop {
            let again = sent.send(&self.app, &integration.provider, waiting).await;
            if again.parts.is_empty() || sent.tries >= self.tries_max {
                sent.never.extend(again.reason);
                return self.told(event, sent);
            }
            waiting = again.parts;
            if self.wait(integration, sent.tries, again.retry_after_s).await {
                return Told::Changed;
            }
        }
    }

    /// Waits before another try; whether the integration was changed meanwhile.
    async fn wait(&self, integration: &Arc<Integration>, tries: u32, retry_after_s: Option<u64>) -> bool {
        let own =
            Duration::from_millis(self.app.options().integrations.integration_retry_ms) * 2_u32.pow((tries - 1).min(7));
        let pause = own.max(Duration::from_secs(retry_after_s.unwrap_or_default())).min(WAIT_MAX);
        let mut revisions = self.app.revisions();
        let changed = async {
            while self.integration().is_some_and(|now| now == *integration) {
                if revisions.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        timeout(pause, changed).await.is_ok()
    }

    fn told(&mut self, event: &Event, sent: Sent) -> Told {
        let arrived = sent.never.is_empty();
        self.tries_max = if arrived { TRIES_MAX } else { TRIES_AFTER_FAILURE };
        let delivery = sent.delivery(self.id, event, self.app.now());
        if !arrived {
            tracing::warn!(
                integration = self.id,
                event = event.id,
                state = delivery.state,
                "an integration could not be told of an event"
            );
        }
        Told::Done(Box::new(delivery))
    }
}

/// What became of the requests that tell of one event.
#[derive(Default)]
struct Sent {
    tries: u32,
    arrived: Vec<Part>,
    never: Vec<String>,
}

/// What may arrive another time.
#[derive(Default)]
struct Again {
    parts: Vec<Part>,
    /// Why the last of them did not.
    reason: Option<String>,
    /// Not before so many seconds.
    retry_after_s: Option<u64>,
}

impl Sent {
    /// Sends each of these, once.
    async fn send(&mut self, app: &App, provider: &str, waiting: Vec<Part>) -> Again {
        self.tries += 1;
        let mut again = Again::default();
        for part in waiting {
            let answer = app.0.outgoing.send(part.outgoing()).await;
            match verdict(provider, &answer) {
                Verdict::Arrived => self.arrived.extend([part]),
                Verdict::Never(why) => self.never.push(of_channel(&part, &why)),
                Verdict::Again(why, after) => {
                    again.reason = Some(of_channel(&part, &why));
                    again.retry_after_s = after.max(again.retry_after_s);
                    again.parts.push(part);
                }
            }
        }
        again
    }

    /// What is noted of it.
    fn delivery(self, integration: i64, event: &Event, at: Timestamp) -> Delivery {
        let arrived = self.never.is_empty();
        let state = match (arrived, self.arrived.is_empty()) {
            (true, _) => "success",
            (false, true) => "failed",
            (false, false) => "successWithErrors",
        };
        let details = if arrived { "The event has arrived.".to_owned() } else { self.never.join(" ") };
        let channels: Vec<_> = self.arrived.iter().filter_map(|part| part.channel.as_deref()).collect();
        Delivery {
            id: 0,
            integration,
            event: event.id,
            at,
            state: state.to_owned(),
            state_details: details,
            details: json!({ "attempts": self.tries, "channels": channels }),
        }
    }
}

fn of_channel(part: &Part, why: &str) -> String {
    part.channel.as_ref().map_or_else(|| why.to_owned(), |channel| format!("{channel}: {why}"))
}
