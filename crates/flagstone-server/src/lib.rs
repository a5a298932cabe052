//! Flagstone's server: HTTP, authentication, delivery to SDKs, jobs.
//!
//! A request meets, in this order: [`routes`] (what everything goes through), `caller` (who is it?), [`app`] (the doors
//! to the state), and a handler in the file of its noun.

pub mod app;
pub mod clock;
pub mod config;
pub mod evaluate;
pub mod jobs;
pub mod routes;
pub mod schemas;
pub mod serve;
pub mod standby;

mod admin;
mod auth;
mod caller;
mod client;
pub mod delivery;
pub mod edge;
mod entropy;
mod error;
mod frontend;
mod http;
mod metrics;
mod ofrep;
mod ops;
mod outbound;
mod passwords;
mod rate_limit;
mod seldom;
mod sessions;
mod snapshot;
pub mod source;
pub mod telemetry;
mod writer;

pub use app::App;
