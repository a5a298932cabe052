//! What the operating system and the runtime give: time, randomness, locks, tasks that go on.

pub mod clock;
pub(crate) mod entropy;
pub(crate) mod locks;
pub(crate) mod reload;
pub(crate) mod seldom;
pub mod tasks;
pub mod work;
