//! The admin API, a file for each noun. People have their own room.

mod api_tokens;
mod archive;
mod constraints;
mod context_fields;
mod dependencies;
mod environments;
mod events;
mod feature_types;
mod features;
mod integrations;
mod projects;
mod segments;
mod strategies;
mod strategy_definitions;
mod toggling;
mod ui_config;
mod usage;
mod variants;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// The routes below `/api/admin` but those of people, noun by noun.
pub fn nouns() -> Vec<OpenApiRouter<App>> {
    vec![
        api_tokens::routes(),
        archive::routes(),
        constraints::routes(),
        context_fields::routes(),
        dependencies::routes(),
        environments::routes(),
        events::routes(),
        feature_types::routes(),
        features::routes(),
        integrations::routes(),
        projects::routes(),
        segments::routes(),
        strategies::routes(),
        strategy_definitions::routes(),
        toggling::routes(),
        ui_config::routes(),
        usage::routes(),
        variants::routes(),
    ]
}
