//! Durable things.
