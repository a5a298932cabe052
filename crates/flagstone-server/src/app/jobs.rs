//! What happens by the clock: on every node, or on one node of many whenever it is due.
//!
//! A job that one node does is a [`Job`] in [`ON_ONE_NODE`]: a name, how often, and a function of a [`Turn`]. Due times
//! are the multiples of `every` since 1970, so all nodes agree on them and a restart changes none; the store keeps the
//! last one that is done. Due times that passed while no node was there are one. A turn is the lease on the job: what
//! [`Turn::commit`] writes is stored only while it lasts, and in the same transaction the due time is done. So a node
//! that freezes in the middle, and goes on after another has taken over, changes nothing.

use std::pin::Pin;
use std::time::Duration;

use anyhow::Context;
use flagstone_model::Timestamp;
use flagstone_model::commands::Operation;
use flagstone_store::{Every, Fence, Hold, Store, Trim};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::caller::Caller;
use super::{App, lives};
use crate::http::error::Failure;
use crate::system::entropy;
use crate::system::tasks::keep_running;

/// How often counts are written.
const FLUSH_EVERY: Duration = Duration::from_secs(5);
/// How often the last-seen times of other nodes are read.
const RELOAD_EVERY: Duration = Duration::from_mins(1);
/// How long a node that says nothing more keeps a job. While it works it renews its lease.
const TURN_LASTS: Duration = Duration::from_mins(1);
/// How soon a job that failed, or that another node is about to do, is looked at again.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// A day, in milliseconds.
const DAY: i64 = 24 * 3_600_000;

/// How many applications and instances are kept: those that were seen last. Their names are what SDKs say.
const APPLICATIONS_MAX: u64 = 10_000;
const INSTANCES_MAX: u64 = 100_000;

/// A job that one node of many does whenever it is due.
#[derive(Clone, Copy)]
pub struct Job {
    /// Of its lease: unique, and kept from release to release.
    pub name: &'static str,
    /// How often it is due.
    pub every: Duration,
    /// What it does. If it fails, the due time is not done and some node tries again.
    pub body: fn(Turn) -> Work,
}

/// What a job does, until it has ended.
pub type Work = Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>;

/// The jobs that one node does for all.
const ON_ONE_NODE: &[Job] = &[
    Job {
        name: "checkpoints",
        every: Duration::from_mins(1),
        body: |turn| Box::pin(async move { checkpoint(turn.app.store()).await }),
    },
    Job { name: "feature-stages", every: Duration::from_secs(15), body: |turn| Box::pin(lives::enter_stages(turn)) },
    Job {
        name: "potentially-stale-features",
        every: Duration::from_mins(1),
        body: |turn| Box::pin(lives::mark_potentially_stale(turn)),
    },
    Job { name: "retention", every: Duration::from_hours(24), body: |turn| Box::pin(let_go(turn)) },
    Job { name: "sweep", every: Duration::from_hours(1), body: |turn| Box::pin(sweep(turn)) },
];

/// Starts all jobs. A job that panics is started again.
pub fn start(app: &App) {
    supervise("flush telemetry", FLUSH_EVERY, app, |app| async move {
        if app.flush_telemetry().await.is_err() {
            tracing::debug!("counts wait for the next flush");
        }
    });
    let full = app.clone();
    keep_running("flush telemetry early", move || flush_early(full.clone()));
    supervise("reload last-seen times", RELOAD_EVERY, app, |app| async move {
        if let Err(error) = app.telemetry().reload_seen(app.store()).await {
            tracing::debug!(%error, "last-seen times of other nodes are not known");
        }
        app.forget_gone().await;
        if app.learn_logins().await.is_err() {
            tracing::debug!("log-ins on other nodes are not known");
        }
    });
    for job in ON_ONE_NODE {
        let app = app.clone();
        keep_running(job.name, move || attend(app.clone(), *job));
    }
}

/// Does all jobs of one node that are due, once.
pub async fn do_due(app: &App) -> anyhow::Result<()> {
    for job in ON_ONE_NODE {
        attend_once(app, *job).await.with_context(|| format!("the job {} failed", job.name))?;
    }
    Ok(())
}

/// One due time of a job, on the node that does it.
pub struct Turn {
    /// The application.
    pub app: App,
    /// The due time.
    pub due: Timestamp,
    hold: Hold,
}

impl Turn {
    /// Does operation `O` as the server itself, and with the first change this due time is done. An error, and nothing is
    /// stored, when another node has taken the job over. What does not fit into one commit waits for the next due time,
    /// or goes into further ones, which a node that dies in between leaves to the next due time as well.
    pub async fn commit<O: Operation>(&self, target: O::Target, input: O::Input) -> Result<O::Output, Failure> {
        let committed = self.app.commit_under::<O>(Some(&self.hold), &Caller::system(), target, input).await?;
        Ok(committed.value)
    }
}

/// What a node finds when it looks at a job.
enum Looked {
    /// The due time is done.
    Done,
    /// Another node is about to do it.
    Elsewhere,
    /// This node is to do it.
    Due(Turn),
}

/// Does a job whenever it is due and no other node does it, for ever.
async fn attend(app: App, job: Job) {
    loop {
        let pause = match attend_once(&app, job).await {
            Ok(true) => until_due(app.now(), job.every),
            Ok(false) => LOOK_AGAIN.min(job.every),
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), job = job.name, "a job failed; it is tried again");
                LOOK_AGAIN.min(job.every)
            }
        };
        sleep(pause).await;
    }
}

/// Does a job if it is due and no other node is about to; whether the due time is done.
async fn attend_once(app: &App, job: Job) -> anyhow::Result<bool> {
    match look(app, job, TURN_LASTS).await? {
        Looked::Done => Ok(true),
        Looked::Elsewhere => Ok(false),
        Looked::Due(turn) => work(turn, job, TURN_LASTS).await,
    }
}

/// The number of the last due time up to `now`.
fn due_number(now: Timestamp, every: Duration) -> u64 {
    u64::try_from(now.millis()).unwrap_or_default() / millis(every)
}

fn until_due(now: Timestamp, every: Duration) -> Duration {
    let since = u64::try_from(now.millis()).unwrap_or_default() % millis(every);
    Duration::from_millis(millis(every) - since)
}

fn millis(every: Duration) -> u64 {
    u64::try_from(every.as_millis()).unwrap_or(u64::MAX).max(1)
}

/// Takes a job on if it is due and no other node has.
async fn look(app: &App, job: Job, lasts: Duration) -> anyhow::Result<Looked> {
    let store = app.store();
    let number = due_number(app.now(), job.every);
    if store.cursor(job.name).await? >= number {
        return Ok(Looked::Done);
    }
    let Some(fence) = store.acquire_lease(job.name, &entropy::uuid(), lasts, app.now()).await? else {
        return Ok(Looked::Elsewhere);
    };
    // Another node may have been done with it just before this one got the lease.
    if store.cursor(job.name).await? >= number {
        store.release_lease(job.name, fence).await?;
        return Ok(Looked::Done);
    }
    let due = i64::try_from(number.saturating_mul(millis(job.every))).unwrap_or(i64::MAX);
    let hold = Hold { name: job.name.to_owned(), fence, position: number };
    Ok(Looked::Due(Turn { app: app.clone(), due: Timestamp::from_millis(due), hold }))
}

/// Does a job that this node has taken on; whether the due time is done.
async fn work(turn: Turn, job: Job, lasts: Duration) -> anyhow::Result<bool> {
    let (app, Hold { fence, position, .. }) = (turn.app.clone(), turn.hold.clone());
    let worked = tokio::select! {
        worked = (job.body)(turn) => worked.map(|()| true),
        lost = lose_lease(&app, job.name, fence, lasts) => lost.map(|()| false),
    };
    let done = match worked {
        Ok(true) => app.store().advance_cursor(job.name, fence, position).await.map_err(Into::into),
        other => other,
    };
    // Where this fails it expires.
    app.store().release_lease(job.name, fence).await.ok();
    done
}

/// Renews a lease; returns when that cannot be done any more.
pub(super) async fn lose_lease(app: &App, name: &str, fence: Fence, lasts: Duration) -> anyhow::Result<()> {
    let pause = (lasts / 4).max(Duration::from_secs(1));
    loop {
        sleep(pause).await;
        if !app.store().renew_lease(name, fence, lasts, app.now()).await.context("its lease cannot be renewed")? {
            return Ok(());
        }
    }
}

/// Writes counts before their time where there are many.
async fn flush_early(app: App) {
    loop {
        app.telemetry().half_full().await;
        if app.flush_telemetry().await.is_err() {
            tracing::debug!("counts wait for the next flush");
        }
        // What could not be written waits again, and is as much as before.
        sleep(Duration::from_millis(500)).await;
    }
}

/// Keeps the past near. Two nodes would do no harm, but the same work.
async fn checkpoint(store: &Store) -> anyhow::Result<()> {
    while let Some(seq) = store.checkpoint_state(Every::default()).await? {
        tracing::debug!(seq, "the state was kept");
    }
    Ok(())
}

/// Lets go of as much of the log and of the events as the operator does not want to keep.
async fn let_go(turn: Turn) -> anyhow::Result<()> {
    let (options, store) = (turn.app.options(), turn.app.store());
    let before = |days: u32| turn.due.plus_millis(-DAY * i64::from(days));
    if let Some(days) = options.log_retention_days
        && let Some(seq) = store.compact(before(days)).await.context("old commits could not be compacted")?
    {
        tracing::info!(seq, "the log was compacted up to this commit");
    }
    if let Some(days) = options.events_retention_days
        && let Some(id) = store.forget_events(before(days)).await.context("old events could not be removed")?
    {
        tracing::info!(id, "events up to this one were removed");
    }
    Ok(())
}

/// Removes what is old. A second time it finds nothing.
async fn sweep(turn: Turn) -> anyhow::Result<()> {
    let (app, now) = (&turn.app, turn.app.now());
    let trim = Trim {
        usage_before: Some(now.plus_millis(-DAY * i64::from(app.options().metrics_storage_days))),
        instances_before: Some(now.plus_millis(-DAY)),
        unknown_flags_before: Some(now.plus_millis(-DAY)),
        logins_before: Some(now.plus_millis(-DAY * 366)),
        applications_before: Some(now.plus_millis(-DAY * 366)),
        applications_max: Some(APPLICATIONS_MAX),
        instances_max: Some(INSTANCES_MAX),
    };
    let trimmed = app.store().trim_telemetry(&trim).await.context("old telemetry could not be removed");
    let integrations: Vec<i64> = app.0.writer.head().state.integrations.values().map(|row| row.id).collect();
    app.store()
        .deliveries_keep(&integrations)
        .await
        .context("deliveries of integrations that are gone are still there")?;
    app.store().sessions_delete_expired(now).await.context("dead sessions could not be removed")?;
    trimmed.map(|_| ())
}

fn supervise<F: Future<Output = ()> + Send + 'static>(
    name: &'static str,
    every: Duration,
    app: &App,
    job: fn(App) -> F,
) {
    let app = app.clone();
    tokio::spawn(async move {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = tokio::spawn(job(app.clone())).await {
                tracing::error!(%error, job = name, "a job failed; it runs again");
            }
        }
    });
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
