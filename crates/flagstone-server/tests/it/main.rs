//! Behaviour through the router, in process, as a named caller.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod endpoints;
mod fixture;
mod input;
mod security;
mod smoke;
mod world;
