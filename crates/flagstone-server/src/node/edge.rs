//! `flagstone edge`, from its options to its end.

use std::future::Future;
use std::time::Duration;

use axum::Router;

use crate::edge::{Edge, backstage};
use crate::http::serve::{self, Listeners};
use crate::options::edge::EdgeOptions;
use crate::routes;
use crate::sdk::source::FlagSource;

/// Runs an edge until `stop` is ready.
pub async fn run(options: EdgeOptions, listeners: Listeners, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
    let grace = Duration::from_secs(options.shutdown_timeout_seconds);
    let edge = Edge::begin(&options, routes::delivery_schemas()?).await?;
    let (address, tls) = (listeners.address(), listeners.encrypted_address());
    tracing::info!(?address, ?tls, "Flagstone's edge serves");
    let source = FlagSource::edge(edge.clone());
    let router = router(&options, &edge, &source);
    let stop = async {
        stop.await;
        source.streams().stop();
    };
    serve::serve(listeners, router, stop, grace).await;
    edge.stop().await;
    Ok(())
}

/// All that an edge answers.
pub fn router(options: &EdgeOptions, edge: &Edge, source: &FlagSource) -> Router {
    let base_path = crate::options::base_path(&options.base_path);
    let operators = backstage::routes().with_state(edge.clone());
    routes::delivery_router(source, &base_path, operators, routes::no_route, options.addresses.admission())
}

#[cfg(test)]
mod tests;
