//! What signed requests carry so that each counts once: used up here until nobody would believe the request any more.

use std::collections::HashMap;

use flagstone_model::Timestamp;

use crate::system::locks::{Mutex, rank};

/// The most that are remembered. Only who has the secret adds to them.
const REMEMBERED_MAX: usize = 100_000;

/// Nonces that were used, with the time from which they need not be remembered.
#[derive(Default)]
pub struct Nonces(Mutex<{ rank::NONCES }, HashMap<String, Timestamp>>);

impl Nonces {
    /// Uses a nonce up until `end`. Whether it was new; no nonce is while there is no room.
    pub fn use_up(&self, nonce: &str, now: Timestamp, end: Timestamp) -> bool {
        let mut used = self.0.lock();
        if used.len() >= REMEMBERED_MAX {
            used.retain(|_, end| *end > now);
        }
        let is_new = used.get(nonce).is_none_or(|end| *end <= now);
        if !is_new || used.len() >= REMEMBERED_MAX {
            return false;
        }
        used.insert(nonce.to_owned(), end);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_counts_once_and_room_comes_back() {
        let nonces = Nonces::default();
        let at = Timestamp::from_millis;
        assert!(nonces.use_up("a", at(0), at(10)));
        assert!(!nonces.use_up("a", at(9), at(19)));
        assert!(nonces.use_up("a", at(10), at(20)));
        for n in 1..REMEMBERED_MAX {
            assert!(nonces.use_up(&n.to_string(), at(10), at(20)));
        }
        assert!(!nonces.use_up("one more", at(19), at(30)));
        assert!(nonces.use_up("one more", at(20), at(30)));
    }
}
