//! The client API: what server-side SDKs poll and report to.

mod changes;
mod features;
mod issue;
mod lenient;
mod metrics;
mod validate;

use utoipa_axum::router::OpenApiRouter;

use crate::sdk::source::FlagSource;

pub(crate) use metrics::{MetricsBody, RegisterBody, count_usage, register_application};

/// All routes below `/api/client`, and what edges ask of their upstream.
pub(crate) fn routes() -> OpenApiRouter<FlagSource> {
    OpenApiRouter::new()
        .merge(features::routes())
        .merge(changes::routes())
        .merge(metrics::routes())
        .merge(validate::routes())
        .merge(issue::routes())
}
