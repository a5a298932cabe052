//! The client API: what server-side SDKs poll and report to.

mod features;
mod metrics;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

pub(crate) use metrics::{MetricsBody, RegisterBody, count_usage, register_application};

/// All routes below `/api/client`.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(features::routes()).merge(metrics::routes())
}
