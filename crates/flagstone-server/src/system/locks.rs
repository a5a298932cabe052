//! Locks with a place in one order, so that no two threads can wait for each other. In debug builds, a thread that takes
//! one out of its turn is an error at once, whether or not anybody waits; in release builds they are the plain locks.

use std::ops::{Deref, DerefMut};
use std::sync::{self, MutexGuard, PoisonError, RwLockReadGuard, RwLockWriteGuard};

/// The order. Whoever holds a lock may take those below it here, and none twice.
pub mod rank {
    /// All open streams. Who may listen, and to what, is asked while it is held.
    pub const STREAMS: u8 = 0;
    /// What rules run on.
    pub const WRITER_TIP: u8 = 1;
    /// The feeds of an edge.
    pub const EDGE_FEEDS: u8 = 2;
    /// The tokens that an edge knows.
    pub const EDGE_TOKENS: u8 = 3;
    /// What of an edge is still to be written on disk.
    pub const EDGE_UNWRITTEN: u8 = 4;
    /// A part of what is counted.
    pub const TELEMETRY_USAGE: u8 = 5;
    /// When what was last seen.
    pub const TELEMETRY_SEEN: u8 = 6;
    /// What waits to be written or sent on.
    pub const TELEMETRY_PENDING: u8 = 7;
    /// The ids of reports that were counted.
    pub const TELEMETRY_BATCHES: u8 = 8;
    /// What the upstream has told of a feed.
    pub const FEED_KNOWN: u8 = 9;
    /// States as some callers see them.
    pub const VIEWS: u8 = 10;
    /// The engine of an environment's last content.
    pub const DELIVERY_ENGINE: u8 = 11;
    /// What an environment's content was made from last.
    pub const DELIVERY_MADE: u8 = 12;
    /// The state that a content is still to be made from.
    pub const DELIVERY_STATE: u8 = 13;
    /// When whole answers were last looked through.
    pub const DELIVERY_SWEPT: u8 = 14;
    /// Whole answers.
    pub const DELIVERY_KEPT: u8 = 15;
    /// Sessions that last longer than is written.
    pub const SESSIONS: u8 = 16;
    /// Tries to log in.
    pub const LOGINS: u8 = 17;
    /// What signed requests have used up.
    pub const NONCES: u8 = 18;
    /// How many streams there are.
    pub const STREAM_PLACES: u8 = 19;
    /// What is still to be read at the start.
    pub const LOADING: u8 = 20;
}

/// A mutex of this rank. A panic leaves what it holds as it was, so it is never poisoned.
#[derive(Debug, Default)]
pub struct Mutex<const RANK: u8, T>(sync::Mutex<T>);

/// The same for many readers.
#[derive(Debug, Default)]
pub struct RwLock<const RANK: u8, T>(sync::RwLock<T>);

/// A lock that is held until this is dropped.
pub struct Guard<G> {
    // Freed first.
    guard: G,
    _held: order::Held,
}

impl<const RANK: u8, T> Mutex<RANK, T> {
    /// Nobody holds it.
    pub const fn new(value: T) -> Self {
        Self(sync::Mutex::new(value))
    }

    /// Waits until it is free.
    pub fn lock(&self) -> Guard<MutexGuard<'_, T>> {
        let held = order::take(RANK);
        Guard { guard: self.0.lock().unwrap_or_else(PoisonError::into_inner), _held: held }
    }
}

impl<const RANK: u8, T> RwLock<RANK, T> {
    /// Waits until nobody writes.
    pub fn read(&self) -> Guard<RwLockReadGuard<'_, T>> {
        let held = order::take(RANK);
        Guard { guard: self.0.read().unwrap_or_else(PoisonError::into_inner), _held: held }
    }

    /// Waits until nobody reads or writes.
    pub fn write(&self) -> Guard<RwLockWriteGuard<'_, T>> {
        let held = order::take(RANK);
        Guard { guard: self.0.write().unwrap_or_else(PoisonError::into_inner), _held: held }
    }
}

impl<G: Deref> Deref for Guard<G> {
    type Target = G::Target;

    fn deref(&self) -> &Self::Target {
        &self.guard
    }
}

impl<G: DerefMut> DerefMut for Guard<G> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.guard
    }
}

#[cfg(not(debug_assertions))]
mod order {
    pub struct Held;

    pub fn take(_rank: u8) -> Held {
        Held
    }
}

#[cfg(debug_assertions)]
mod order {
    use std::cell::Cell;

    thread_local! {
        /// A bit for each rank that this thread holds.
        static HELD: Cell<u64> = const { Cell::new(0) };
    }

    pub struct Held(u8);

    /// Before the lock is waited for: who waits for ever says nothing.
    pub fn take(rank: u8) -> Held {
        HELD.with(|held| {
            if held.get() >> rank != 0 {
                report(rank, held.get());
            }
            held.set(held.get() | 1 << rank);
        });
        Held(rank)
    }

    impl Drop for Held {
        fn drop(&mut self) {
            // At the end of a thread there is nothing left to be noted.
            let _ = HELD.try_with(|held| held.set(held.get() & !(1 << self.0)));
        }
    }

    fn report(rank: u8, held: u64) {
        let error = format!("a lock of rank {rank} is taken while those of ranks {held:#b} (a bit each) are held");
        // A panic would be lost in a task that runs again after one.
        #[cfg(not(test))]
        {
            let trace = std::backtrace::Backtrace::force_capture();
            tracing::error!(%trace, "{error}");
            eprintln!("{error}\n{trace}");
            std::process::abort();
        }
        #[cfg(test)]
        std::panic::panic_any(error);
    }
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn f21_a_lock_out_of_its_turn_is_seen_though_nobody_waits() {
        let (low, high) = (Mutex::<1, ()>::default(), RwLock::<2, ()>::default());
        let is_seen = |take: &(dyn Fn() + Sync)| thread::scope(|scope| scope.spawn(take).join().is_err());
        assert!(!is_seen(&|| drop((low.lock(), high.read()))));
        assert!(!is_seen(&|| {
            drop(high.write());
            drop(low.lock());
        }));
        assert!(is_seen(&|| drop((high.read(), low.lock()))));
        assert!(is_seen(&|| drop((high.write(), low.lock()))));
        // Between two readers of one thread a writer may begin to wait, for the first, and the second for the writer.
        assert!(is_seen(&|| drop((high.read(), high.read()))));
        assert!(is_seen(&|| drop((low.lock(), low.lock()))));
        // In whatever order they are freed.
        assert!(!is_seen(&|| {
            let (first, second) = (low.lock(), high.read());
            drop(first);
            drop(second);
            drop((low.lock(), high.read()));
        }));
    }

    /// The file was written under one order, tokens forgotten under the other.
    #[test]
    fn f21_two_threads_that_would_wait_for_each_other_for_ever_do_not() {
        let (feeds, tokens) =
            (RwLock::<{ rank::EDGE_FEEDS }, ()>::default(), RwLock::<{ rank::EDGE_TOKENS }, ()>::default());
        let both_hold_one = Barrier::new(2);
        let [saves, forgets] = thread::scope(|scope| {
            let saves = scope.spawn(|| {
                let _tokens = tokens.read();
                both_hold_one.wait();
                drop(feeds.read());
            });
            let forgets = scope.spawn(|| {
                let _feeds = feeds.write();
                both_hold_one.wait();
                drop(tokens.read());
            });
            [saves.join(), forgets.join()]
        });
        let seen = *saves.unwrap_err().downcast::<String>().unwrap();
        assert!(seen.starts_with("a lock of rank 2 is taken"), "{seen}");
        forgets.unwrap();
    }
}
