//! A node whose database server is away when it starts: it serves SDKs from what it has kept on disk, and joins when the
//! database is there.

use std::time::Duration;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use flagstone_model::api_tokens::{ALL, TokenKind};
use flagstone_store::{DatabaseUrl, Error, Options, Store};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::app::{App, Snapshot};
use crate::edge::{Backup, Follower, Saved, SavedFeed};
use crate::http::error::Failure;
use crate::http::serve;
use crate::ops;
use crate::routes;
use crate::sdk::source::FlagSource;
use crate::system::seldom::Seldom;
use crate::telemetry::Telemetry;

/// The shortest wait between two tries.
const BACK_OFF_MIN: Duration = Duration::from_millis(500);
/// The longest.
const BACK_OFF_MAX: Duration = Duration::from_secs(30);
/// How long requests under way may take when the node joins; they need no database.
const GRACE: Duration = Duration::from_secs(1);

/// What answers until the node has joined: `/health` with 200, SDKs with what was kept on disk, everything else with 503.
#[derive(Default)]
pub struct Standby {
    task: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    kept: Option<Kept>,
}

/// What was kept on disk, and who listens to it.
struct Kept {
    follower: Follower,
    source: FlagSource,
}

impl Standby {
    /// Answers on `listener` until it is ended.
    fn start(listener: TcpListener, kept: Option<Follower>, base_path: &str) -> Self {
        let health = Router::new().route("/health", get(ops::health));
        let kept = kept.map(|follower| Kept { source: FlagSource::replica(follower.clone()), follower });
        let router = match &kept {
            Some(kept) => {
                let ready = Router::new().route("/ready", get(ops::degraded));
                routes::delivery_router(&kept.source, base_path, health.merge(ready), waiting)
            }
            None => nested(base_path, health).fallback(waiting),
        };
        let (end, ended) = oneshot::channel();
        let ended = async {
            // A sender that is gone ends it as well.
            let _ = ended.await;
        };
        Self { task: Some((end, tokio::spawn(serve::serve(listener, router, ended, GRACE)))), kept }
    }

    /// Frees the port. What SDKs have reported meanwhile is counted by `telemetry` from now on.
    pub async fn end(self, telemetry: &Telemetry) {
        if let Some(kept) = &self.kept {
            kept.source.streams().stop();
        }
        if let Some((end, task)) = self.task {
            let _ = end.send(());
            if let Err(error) = task.await {
                tracing::error!(%error, "what answered while the database was away failed");
            }
        }
        if let Some(kept) = &self.kept {
            telemetry.put_back(kept.follower.telemetry().take());
        }
    }
}

/// How often what SDKs get is written at most.
const KEEP_EVERY: Duration = Duration::from_secs(1);

async fn waiting() -> impl IntoResponse {
    Failure::Unavailable("This node has just started and waits for its database; try again later.")
}

fn nested(base_path: &str, router: Router) -> Router {
    if base_path.is_empty() { router } else { Router::new().nest(base_path, router) }
}

/// Keeps on disk, for ever, what SDKs get and which tokens are good: with it a node starts without its database.
pub async fn keep_for_ever(app: App, backup: Backup) {
    static SELDOM: Seldom = Seldom::new();
    let mut revisions = app.revisions();
    loop {
        let snapshot = app.public();
        let (seq, backup) = (snapshot.state.seq, backup.clone());
        let outcome = tokio::task::spawn_blocking(move || backup.save(&kept(&snapshot))).await;
        if let Some(error) = outcome.map_or_else(|e| Some(e.to_string()), |saved| saved.err().map(|e| e.to_string()))
            && let Some(held_back) = SELDOM.pass()
        {
            tracing::warn!(
                error,
                held_back,
                "what SDKs get cannot be kept on disk; without its database this node would start empty"
            );
        }
        tokio::time::sleep(KEEP_EVERY).await;
        if revisions.wait_for(|head| *head > seq).await.is_err() {
            return;
        }
    }
}

/// What a node has to keep: tokens without their secrets, and each environment whole.
fn kept(snapshot: &Snapshot) -> Saved {
    let state = &snapshot.state;
    let tokens = state.api_tokens.values().filter(|token| token.kind != TokenKind::Admin);
    let deliveries = state.environments.values().filter_map(|environment| snapshot.delivery(&environment.name));
    let feeds = deliveries.map(|delivery| SavedFeed {
        environment: delivery.environment().to_owned(),
        projects: vec![ALL.to_owned()],
        changes: delivery.everything(),
    });
    Saved { tokens: tokens.map(|token| (**token).clone()).collect(), feeds: feeds.collect() }
}

/// Opens the store. While its server is away this tries for ever, ever less often, and from the first failure on
/// answers on the port. What waiting cannot mend is an error at once: a file, a URL, a wrong password, tables of a newer
/// version. A password that is changed while the node serves does not end it: flags are still served, and it may be put
/// right.
pub async fn open(
    url: &DatabaseUrl,
    options: &Options,
    listen: impl FnOnce() -> anyhow::Result<TcpListener>,
    kept: impl FnOnce() -> anyhow::Result<Option<Follower>>,
    base_path: &str,
) -> anyhow::Result<(Store, Standby)> {
    let mut first = Some((listen, kept));
    let mut standby = Standby::default();
    let mut ceiling = BACK_OFF_MIN;
    loop {
        let error = match Store::open(url, options).await {
            Ok(store) => return Ok((store, standby)),
            Err(error @ Error::Login(_)) => return Err(error.into()),
            Err(error) if matches!(url, DatabaseUrl::Postgres(_)) && error.is_transient() => error,
            Err(error) => return Err(error.into()),
        };
        if let Some((listen, kept)) = first.take() {
            standby = Standby::start(listen()?, kept()?, base_path);
        }
        ceiling = (ceiling * 2).min(BACK_OFF_MAX);
        let wait = BACK_OFF_MIN + ceiling.saturating_sub(BACK_OFF_MIN).mul_f64(random_share()?);
        tracing::warn!(%error, retry_ms = wait.as_millis(), "the database is away; waiting for it");
        tokio::time::sleep(wait).await;
    }
}

/// From 0 to 1, so that nodes that wait for the same database do not all come at once.
fn random_share() -> anyhow::Result<f64> {
    let random = getrandom::u32().map_err(|error| anyhow::anyhow!("the system has no randomness: {error}"))?;
    Ok(f64::from(random) / f64::from(u32::MAX))
}
