//! What SDKs and edges call: the client API, the frontend API, OFREP, streams; the same on a node and on an edge.

pub mod client;
pub mod frontend;
pub mod ofrep;
pub mod source;
pub mod streams;
