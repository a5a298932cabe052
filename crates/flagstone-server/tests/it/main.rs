//! Behaviour through the router, in process, as a named caller.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod api_tokens;
mod authorization;
mod client_features;
mod context_fields;
mod dependencies;
mod endpoints;
mod environments;
mod events;
mod features;
mod fixture;
mod frontend;
mod input;
mod integrations;
mod nodes;
mod ofrep;
mod outbox;
mod projects;
mod releases;
mod restored;
mod security;
mod segments;
mod smoke;
mod strategies;
mod streams;
mod users;
mod world;
