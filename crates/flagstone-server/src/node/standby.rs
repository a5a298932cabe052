//! A node whose database server is away when it starts: it serves SDKs from what it has kept on disk, and joins when the
//! database is there.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use flagstone_model::api_tokens::{ALL, ApiToken, TokenKind};
use flagstone_store::{DatabaseUrl, Error, Options, Store};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::app::{App, Snapshot};
use crate::delivery::{Revision, Scope, Update};
use crate::edge::{Backup, Edge, Journal, News, Place};
use crate::http::admission::Admission;
use crate::http::error::Failure;
use crate::http::serve::{self, Listeners};
use crate::ops;
use crate::routes;
use crate::sdk::source::FlagSource;
use crate::system::entropy::share;
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
    listeners: Option<Listeners>,
    kept: Option<Kept>,
}

/// What was kept on disk, and who listens to it.
struct Kept {
    edge: Edge,
    source: FlagSource,
}

impl Standby {
    /// Answers on `listeners` until it is ended.
    fn start(listeners: Listeners, kept: Option<Edge>, base_path: &str) -> Self {
        let health = Router::new().route("/health", get(ops::health));
        let kept = kept.map(|edge| Kept { source: FlagSource::edge(edge.clone()), edge });
        let router = match &kept {
            Some(kept) => {
                let ready = Router::new().route("/ready", get(ops::degraded));
                routes::delivery_router(&kept.source, base_path, health.merge(ready), waiting, Admission::default())
            }
            None => nested(base_path, health).fallback(waiting),
        };
        let (end, ended) = oneshot::channel();
        let ended = async {
            // A sender that is gone ends it as well.
            let _ = ended.await;
        };
        let task = tokio::spawn(serve::serve(listeners.clone(), router, ended, GRACE));
        Self { task: Some((end, task)), listeners: Some(listeners), kept }
    }

    /// Answers no more. Who connects waits until somebody serves the listeners on; nothing if there was none. What SDKs
    /// have reported meanwhile is counted by `telemetry` from now on.
    pub async fn end(self, telemetry: &Telemetry) -> Option<Listeners> {
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
            telemetry.put_back(kept.edge.telemetry().take());
        }
        self.listeners
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
    let mut on_disk = None;
    loop {
        let mut journal = backup.begin().await;
        let (before, node) = (on_disk.take(), app.clone());
        let outcome = tokio::task::spawn_blocking(move || OnDisk::write(before, &node, &mut journal)).await;
        match outcome.map_err(io::Error::other).flatten() {
            Ok(written) => on_disk = Some(written),
            Err(error) => {
                if let Some(held_back) = SELDOM.pass() {
                    tracing::warn!(
                        %error,
                        held_back,
                        "what SDKs get cannot be kept on disk; without its database this node would start empty"
                    );
                }
            }
        }
        tokio::time::sleep(KEEP_EVERY).await;
        // After a failure at once.
        let seq = on_disk.as_ref().map_or(0, |written| written.seq);
        if revisions.wait_for(|head| *head > seq).await.is_err() {
            return;
        }
    }
}

/// What the file says by now.
#[derive(Default)]
struct OnDisk {
    /// The revision of the state.
    seq: u64,
    /// Without their secrets.
    tokens: HashMap<String, Arc<ApiToken>>,
    /// Each environment whole, as of this revision.
    environments: HashMap<String, (Arc<Place>, Revision)>,
}

impl OnDisk {
    /// Brings the file from what it says to what the node has; all is written where nobody knows what it says.
    fn write(before: Option<Self>, app: &App, journal: &mut Journal) -> io::Result<Self> {
        let snapshot = &*app.public();
        let written = Self::of(snapshot);
        match before.filter(|_| !journal.wants_all()) {
            Some(before) => journal.append(written.news(&before, snapshot))?,
            None => journal.rewrite(written.news(&Self::default(), snapshot))?,
        }
        Ok(written)
    }

    fn of(snapshot: &Snapshot) -> Self {
        let state = &snapshot.state;
        let tokens = state.api_tokens.values().filter(|token| token.kind != TokenKind::Admin);
        let tokens = tokens.map(|token| (token.hash.clone(), Arc::clone(token)));
        let deliveries = state.environments.values().filter_map(|environment| snapshot.delivery(&environment.name));
        let environments = deliveries.map(|delivery| {
            let environment = delivery.environment().to_owned();
            let place = Place { environment: environment.clone(), projects: vec![ALL.to_owned()] };
            (environment, (Arc::new(place), delivery.revision()))
        });
        Self { seq: state.seq, tokens: tokens.collect(), environments: environments.collect() }
    }

    /// What is new since `before`.
    fn news<'a>(&'a self, before: &'a Self, snapshot: &'a Snapshot) -> impl Iterator<Item = News> + use<'a> {
        let tokens = self.tokens.iter().filter(|(hash, token)| before.tokens.get(*hash) != Some(token));
        let tokens = tokens.map(|(_, token)| News::Token(Arc::clone(token)));
        let forgotten = before.tokens.keys().filter(|hash| !self.tokens.contains_key(*hash));
        let gone = before.environments.iter().filter(|(name, _)| !self.environments.contains_key(*name));
        let feeds = self.environments.iter().filter_map(|(name, (place, _))| {
            let delivery = snapshot.delivery(name)?;
            let update = match before.environments.get(name) {
                Some((_, known)) => delivery.update(*known, &Scope::everything()),
                None => Update::Everything,
            };
            let place = Arc::clone(place);
            match update {
                Update::Current => None,
                // What was put together of JSON is JSON.
                Update::Changes(changes) => Some(News::Changes(place, serde_json::from_slice(&changes).ok()?)),
                Update::Everything => Some(News::Feed(place, delivery.everything())),
            }
        });
        let gone = gone.map(|(_, (place, _))| News::Gone(Arc::clone(place)));
        tokens.chain(forgotten.cloned().map(News::Forgotten)).chain(gone).chain(feeds)
    }
}

/// Opens the store. While its server is away this tries for ever, ever less often, and from the first failure on
/// answers on the port. What waiting cannot mend is an error at once: a file, a URL, a wrong password, tables of a newer
/// version. A password that is changed while the node serves does not end it: flags are still served, and it may be put
/// right.
pub async fn open(
    url: &DatabaseUrl,
    options: &Options,
    listen: impl FnOnce() -> anyhow::Result<Listeners>,
    kept: impl FnOnce() -> anyhow::Result<Option<Edge>>,
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
        let wait = BACK_OFF_MIN + ceiling.saturating_sub(BACK_OFF_MIN).mul_f64(share());
        tracing::warn!(%error, retry_ms = wait.as_millis(), "the database is away; waiting for it");
        tokio::time::sleep(wait).await;
    }
}

#[cfg(test)]
mod tests;
