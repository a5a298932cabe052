//! A node whose database server is away when it starts: it waits, says so to whoever asks, and joins when it is there.

use std::future::Future;
use std::time::Duration;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use flagstone_store::{DatabaseUrl, Error, Options, Store};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::error::Failure;
use crate::{ops, serve};

/// The shortest wait between two tries.
const BACK_OFF_MIN: Duration = Duration::from_millis(500);
/// The longest.
const BACK_OFF_MAX: Duration = Duration::from_secs(30);
/// How long requests under way may take when the node joins; they need no database.
const GRACE: Duration = Duration::from_secs(1);

/// What answers until the node has joined: `/health` with 200, everything else with 503.
#[derive(Default)]
pub struct Standby(Option<(oneshot::Sender<()>, JoinHandle<()>)>);

impl Standby {
    /// Answers on `listener` until it is ended.
    fn start(listener: TcpListener) -> Self {
        let router = Router::new().route("/health", get(ops::health)).fallback(waiting);
        let (end, ended) = oneshot::channel();
        let ended = async {
            // A sender that is gone ends it as well.
            let _ = ended.await;
        };
        Self(Some((end, tokio::spawn(serve::serve(listener, router, ended, GRACE)))))
    }

    /// Frees the port.
    pub async fn end(self) {
        if let Some((end, task)) = self.0 {
            let _ = end.send(());
            if let Err(error) = task.await {
                tracing::error!(%error, "what answered while the database was away failed");
            }
        }
    }
}

async fn waiting() -> impl IntoResponse {
    Failure::Unavailable("This node has just started and waits for its database; try again later.")
}

/// Opens the store. While its server is away this tries for ever, ever less often, and from the first failure on
/// answers on the port. What waiting cannot mend is an error at once: a file, a URL, a wrong password, tables of a newer
/// version. A password that is changed while the node serves does not end it: flags are still served, and it may be put
/// right.
pub async fn open(
    url: &DatabaseUrl,
    options: &Options,
    listen: impl Future<Output = anyhow::Result<TcpListener>>,
) -> anyhow::Result<(Store, Standby)> {
    let mut listen = Some(listen);
    let mut standby = Standby::default();
    let mut ceiling = BACK_OFF_MIN;
    loop {
        let error = match Store::open(url, options).await {
            Ok(store) => return Ok((store, standby)),
            Err(error @ Error::Login(_)) => return Err(error.into()),
            Err(error) if matches!(url, DatabaseUrl::Postgres(_)) && error.is_transient() => error,
            Err(error) => return Err(error.into()),
        };
        if let Some(listen) = listen.take() {
            standby = Standby::start(listen.await?);
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
