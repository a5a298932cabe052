//! What exists in Flagstone and what may happen to it. No I/O, no clock, no randomness.

pub mod commit;
pub mod time;
