//! Flagstone's server, in rooms. None uses what stands below it in this list (`scripts/tidy.sh`), so that each can be
//! read with those above it alone:
//!
//! | room | what is in it |
//! | --- | --- |
//! | [`system`] | time, randomness, locks, tasks that go on |
//! | [`http`] | the HTTP rim: bodies in, refusals out, schemas, connections, the client for other servers |
//! | [`telemetry`] | what is counted and is not state |
//! | [`delivery`] | what the SDKs of an environment get, made from a state or from an upstream's answers |
//! | [`options`] | what operators choose |
//! | [`app`] | the doors to the state, and what runs behind them: the writer, the jobs |
//! | [`edge`] | what an edge has from its upstream; a node that waits for its database serves from the same |
//! | [`people`] | who sends a request; logging in, users |
//! | [`admin`] | the admin API, a file a noun |
//! | [`sdk`] | what SDKs and edges call, on a node and on an edge alike |
//! | [`ui`] | the web UI's files and its page |
//! | [`ops`], [`routes`] | what orchestrators ask; all routes, and what every request goes through |
//! | [`node`], [`evaluate`] | processes: a node, an edge, `flagstone evaluate` |
//!
//! A request meets, in this order: [`routes`], [`people`] (who is it?), [`app`] (the doors), and a handler in the file
//! of its noun.

pub mod system;

pub mod http;

pub mod telemetry;

pub mod delivery;

pub mod options;

pub mod app;

pub mod edge;

mod people;

mod admin;

pub mod sdk;

mod ops;
pub mod ui;

pub mod routes;

pub mod evaluate;
pub mod node;

pub use app::App;
