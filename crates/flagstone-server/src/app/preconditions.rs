//! What a change may have been told to depend on: that a thing is still as its caller has seen it.

use std::sync::Arc;

use flagstone_model::commands::Operation;
use flagstone_model::versions::Thing;
use flagstone_model::{Draft, Need};

use super::caller::Caller;
use super::{App, refusal};
use crate::http::error::Failure;

/// That a thing is still one of the versions that somebody has seen (`If-Match`, RFC 9110 §13.1.1).
#[derive(Clone, Debug)]
pub struct Precondition {
    /// The thing.
    pub thing: Thing,
    /// The versions; nothing for any.
    pub versions: Option<Vec<String>>,
}

/// Fails if what a change depends on is another in the very state that is to be changed. Of a thing that is not there, the
/// rule says so.
pub(super) fn check<O: Operation>(draft: &Draft<'_>, caller: &Caller, target: &O::Target) -> Result<(), Failure> {
    let Some(Precondition { thing, versions: Some(seen) }) = caller.precondition.as_deref() else { return Ok(()) };
    // Who may not do it is told that first.
    draft.require(&O::need(target, draft)).map_err(|error| refusal(caller, error))?;
    match thing.version(draft) {
        Some(version) if !seen.contains(&version) => Err(Failure::Changed),
        _ => Ok(()),
    }
}

impl Caller {
    /// The same, whose changes depend on something.
    #[must_use]
    pub fn on_condition(self, precondition: Precondition) -> Self {
        Self { precondition: Some(Arc::new(precondition)), ..self }
    }
}

impl App {
    /// Which version of a thing there is, for whoever is allowed to see the thing itself.
    pub fn version(&self, caller: &Caller, thing: &Thing) -> Option<String> {
        let head = self.0.writer.head();
        self.admit(&head.state, caller, &Need::login()).ok()?;
        thing.version(&head.state)
    }
}
