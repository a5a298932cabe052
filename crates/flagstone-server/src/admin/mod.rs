//! The admin API, a file for each noun.

mod api_tokens;
mod archive;
mod constraints;
mod context_fields;
mod dependencies;
mod environments;
mod events;
mod feature_types;
mod features;
mod me;
mod projects;
mod segments;
mod strategies;
mod strategy_definitions;
mod toggling;
mod ui_config;
mod usage;
mod users;
mod variants;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// All routes below `/api/admin`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(api_tokens::routes())
        .merge(archive::routes())
        .merge(constraints::routes())
        .merge(context_fields::routes())
        .merge(dependencies::routes())
        .merge(environments::routes())
        .merge(events::routes())
        .merge(feature_types::routes())
        .merge(features::routes())
        .merge(me::routes())
        .merge(projects::routes())
        .merge(segments::routes())
        .merge(strategies::routes())
        .merge(strategy_definitions::routes())
        .merge(toggling::routes())
        .merge(ui_config::routes())
        .merge(usage::routes())
        .merge(users::routes())
        .merge(variants::routes())
}

pub use users::UserView;
