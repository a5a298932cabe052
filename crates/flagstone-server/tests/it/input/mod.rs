//! Bad input: a 4xx that names the fault, never a 5xx, and nothing stored.

mod bodies;
mod clock;
mod hostile_json;
mod limits;
pub mod operations;
mod patches;
mod sizes;
mod sockets;
