//! A node whose database server is away when it starts: it serves SDKs from what it has kept on disk, and joins when the
//! database is there.

use std::sync::Arc;
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
use crate::edge::{Backup, Edge, Saved, SavedFeed};
use crate::http::error::Failure;
use crate::http::serve;
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
    listener: Option<Arc<TcpListener>>,
    kept: Option<Kept>,
}

/// What was kept on disk, and who listens to it.
struct Kept {
    edge: Edge,
    source: FlagSource,
}

impl Standby {
    /// Answers on `listener` until it is ended.
    fn start(listener: Arc<TcpListener>, kept: Option<Edge>, base_path: &str) -> Self {
        let health = Router::new().route("/health", get(ops::health));
        let kept = kept.map(|edge| Kept { source: FlagSource::edge(edge.clone()), edge });
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
        let task = tokio::spawn(serve::serve(Arc::clone(&listener), router, ended, GRACE));
        Self { task: Some((end, task)), listener: Some(listener), kept }
    }

    /// Answers no more. Who connects waits until somebody serves the listener on; nothing if there was none. What SDKs
    /// have reported meanwhile is counted by `telemetry` from now on.
    pub async fn end(self, telemetry: &Telemetry) -> Option<Arc<TcpListener>> {
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
        self.listener
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
            standby = Standby::start(Arc::new(listen()?), kept()?, base_path);
        }
        ceiling = (ceiling * 2).min(BACK_OFF_MAX);
        let wait = BACK_OFF_MIN + ceiling.saturating_sub(BACK_OFF_MIN).mul_f64(share());
        tracing::warn!(%error, retry_ms = wait.as_millis(), "the database is away; waiting for it");
        tokio::time::sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    async fn status(mut stream: TcpStream) -> String {
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.lines().next().unwrap_or_default().to_owned()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn f26_no_connection_is_refused_while_the_port_is_handed_over() {
        let listener = Arc::new(TcpListener::bind(("127.0.0.1", 0)).await.unwrap());
        let address = listener.local_addr().unwrap();
        let standby = Standby::start(listener, None, "");
        assert_eq!(status(TcpStream::connect(address).await.unwrap()).await, "HTTP/1.1 200 OK");
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, (begun, has_begun)) = (Arc::clone(&stop), oneshot::channel());
        let connects = tokio::spawn(async move {
            TcpStream::connect(address).await.unwrap();
            begun.send(()).unwrap();
            let mut connects = 1_u32;
            while !stopped.load(Ordering::Relaxed) {
                TcpStream::connect(address).await.unwrap_or_else(|error| panic!("after {connects}: {error}"));
                connects += 1;
            }
        });
        has_begun.await.unwrap();
        let listener = standby.end(&Telemetry::default()).await.unwrap();
        // Nobody serves now, and who comes is not turned away.
        let waits = TcpStream::connect(address).await.unwrap();
        let router = Router::new().route("/health", get(|| async { axum::http::StatusCode::ACCEPTED }));
        tokio::spawn(serve::serve(listener, router, std::future::pending(), Duration::ZERO));
        assert_eq!(status(waits).await, "HTTP/1.1 202 Accepted");
        assert_eq!(status(TcpStream::connect(address).await.unwrap()).await, "HTTP/1.1 202 Accepted");
        stop.store(true, Ordering::Relaxed);
        connects.await.unwrap();
    }
}
