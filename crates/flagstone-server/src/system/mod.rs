//! What the operating system and the runtime give: time, randomness, tasks that go on.

pub mod clock;
pub(crate) mod entropy;
pub(crate) mod seldom;
pub mod tasks;
