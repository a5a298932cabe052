//! What happens by the clock: telemetry is flushed and trimmed, dead sessions are swept.

use std::future::Future;
use std::time::Duration;

use flagstone_store::{Every, Trim};
use tokio::time::{MissedTickBehavior, interval};

use super::App;
use crate::system::tasks::keep_running;

/// How often counts are written.
const FLUSH_EVERY: Duration = Duration::from_secs(5);
/// How often the last-seen times of other nodes are read.
const RELOAD_EVERY: Duration = Duration::from_mins(1);
/// How often old things are removed.
const SWEEP_EVERY: Duration = Duration::from_hours(1);
/// How often a node looks whether the past needs another checkpoint, and how long one may take.
const CHECKPOINT_EVERY: Duration = Duration::from_mins(1);
const CHECKPOINT_TTL: Duration = Duration::from_mins(10);

/// How many applications and instances are kept: those that were seen last. Their names are what SDKs say.
const APPLICATIONS_MAX: u64 = 10_000;
const INSTANCES_MAX: u64 = 100_000;

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
    supervise("sweep", SWEEP_EVERY, app, sweep);
    supervise("checkpoint the state", CHECKPOINT_EVERY, app, checkpoint);
}

/// Writes counts before their time where there are many.
async fn flush_early(app: App) {
    loop {
        app.telemetry().half_full().await;
        if app.flush_telemetry().await.is_err() {
            tracing::debug!("counts wait for the next flush");
        }
        // What could not be written waits again, and is as much as before.
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Keeps the past near, on one node at a time. Two would do no harm, but the same work.
async fn checkpoint(app: App) {
    const NAME: &str = "checkpoints";
    let store = app.store();
    let Ok(Some(fence)) = store.acquire_lease(NAME, &crate::system::entropy::uuid(), CHECKPOINT_TTL, app.now()).await
    else {
        return;
    };
    loop {
        match store.checkpoint_state(Every::default()).await {
            Ok(Some(seq)) => tracing::debug!(seq, "the state was kept"),
            Ok(None) => break,
            Err(error) => {
                tracing::debug!(%error, "no checkpoint of the state can be written now");
                break;
            }
        }
        if !matches!(store.renew_lease(NAME, fence, CHECKPOINT_TTL, app.now()).await, Ok(true)) {
            return;
        }
    }
    // Where this fails it expires.
    store.release_lease(NAME, fence).await.ok();
}

async fn sweep(app: App) {
    const DAY: i64 = 24 * 3_600_000;
    let now = app.now();
    let trim = Trim {
        usage_before: Some(now.plus_millis(-DAY * i64::from(app.options().metrics_storage_days))),
        instances_before: Some(now.plus_millis(-DAY)),
        unknown_flags_before: Some(now.plus_millis(-DAY)),
        logins_before: Some(now.plus_millis(-DAY * 366)),
        applications_before: Some(now.plus_millis(-DAY * 366)),
        applications_max: Some(APPLICATIONS_MAX),
        instances_max: Some(INSTANCES_MAX),
    };
    if let Err(error) = app.store().trim_telemetry(&trim).await {
        tracing::warn!(%error, "old telemetry could not be removed");
    }
    if let Err(error) = app.store().sessions_delete_expired(now).await {
        tracing::warn!(%error, "dead sessions could not be removed");
    }
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
