//! The admin API, a file for each noun. People have their own room.

mod api_tokens;
mod application_overview;
mod applications;
mod archive;
mod bootstrap;
mod constraints;
mod context_fields;
mod dependencies;
mod email_previews;
mod environments;
mod events;
mod favorites;
mod feature_exposure;
mod feature_overview;
mod feature_search;
mod feature_types;
mod features;
mod flag_creators;
mod home;
mod instance;
mod instance_statistics;
mod integrations;
mod lifecycle;
mod links;
mod live;
mod personal_dashboard;
mod playground;
mod project_applications;
mod project_context_fields;
mod project_insights;
mod projects;
mod segments;
mod statistics;
mod strategies;
mod strategy_definitions;
mod tag_types;
mod tags;
mod toggling;
mod transfer;
mod ui_config;
mod ui_state;
mod unknown_flags;
mod usage;
mod variants;
pub mod versions;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// The routes below `/api/admin` but those of people, noun by noun.
pub fn nouns() -> Vec<OpenApiRouter<App>> {
    vec![
        api_tokens::routes(),
        application_overview::routes(),
        applications::routes(),
        archive::routes(),
        constraints::routes(),
        context_fields::routes(),
        dependencies::routes(),
        email_previews::routes(),
        environments::routes(),
        events::routes(),
        favorites::routes(),
        feature_exposure::routes(),
        feature_overview::routes(),
        feature_search::routes(),
        feature_types::routes(),
        features::routes(),
        instance_statistics::routes(),
        lifecycle::routes(),
        personal_dashboard::routes(),
        playground::routes(),
        project_applications::routes(),
        instance::routes(),
        project_insights::routes(),
        flag_creators::routes(),
        home::routes(),
        links::routes(),
        live::routes(),
        project_context_fields::routes(),
        integrations::routes(),
        projects::routes(),
        segments::routes(),
        strategies::routes(),
        strategy_definitions::routes(),
        tag_types::routes(),
        tags::routes(),
        toggling::routes(),
        transfer::routes(),
        ui_config::routes(),
        unknown_flags::routes(),
        ui_state::routes(),
        usage::routes(),
        variants::routes(),
    ]
}

/// What a user interface asks first, whoever looks at it.
pub fn open_routes() -> OpenApiRouter<App> {
    bootstrap::routes()
}
