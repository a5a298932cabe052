//! A process from its options to its end: a node that waits for its database, an edge.

pub mod edge;
pub mod standby;

#[cfg(test)]
mod testing;
