//! Behaviour through the router, in process, as a named caller.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod alike;
mod api_tokens;
mod applications;
mod authorization;
mod bootstrap;
mod client_features;
mod context_fields;
mod dependencies;
mod endpoints;
mod environments;
mod events;
mod favorites;
mod feature_search;
mod feature_types;
mod features;
mod fixture;
mod frontend;
mod input;
mod instance;
mod integrations;
mod lifecycle;
mod links;
mod mail;
mod nodes;
mod ofrep;
mod outbox;
mod playground;
mod projects;
mod releases;
mod restored;
mod security;
mod segments;
mod signup_links;
mod smoke;
mod statistics;
mod strategies;
mod strategy_types;
mod streams;
mod tags;
mod transfer;
mod ui;
mod ui_state;
mod users;
mod world;
