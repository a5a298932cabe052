//! Keeps a failure that lasts from flooding the log.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The shortest time between two lines about the same kind of failure.
const EVERY: Duration = Duration::from_secs(1);

/// Lets one line a second pass.
pub struct Seldom(Mutex<Option<(Instant, u64)>>);

impl Seldom {
    /// The first line passes at once.
    pub const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// How many lines were held back since the last one that passed, if this one may pass.
    pub fn pass(&self) -> Option<u64> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *last {
            Some((at, held)) if at.elapsed() < EVERY => {
                *held += 1;
                None
            }
            other => Some(other.replace((Instant::now(), 0)).map_or(0, |(_, held)| held)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_passes_and_those_held_back_are_counted() {
        let seldom = Seldom::new();
        assert_eq!(seldom.pass(), Some(0));
        assert_eq!(seldom.pass(), None);
        assert_eq!(seldom.pass(), None);
        let before = Instant::now().checked_sub(EVERY).unwrap();
        seldom.0.lock().unwrap().as_mut().unwrap().0 = before;
        assert_eq!(seldom.pass(), Some(2));
    }
}
