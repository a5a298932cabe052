//! How many streams there may be at once, to SDKs and to people who look on, and how all of them end.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::StreamLimits;
use crate::http::error::Failure;
use crate::system::entropy::share;
use crate::system::locks::{Mutex, rank};

/// How long nothing is said before a comment shows that a stream lives.
pub const HEARTBEAT: Duration = Duration::from_secs(15);
/// Over which span the streams of a stopping node end, and listeners of a broken stream come back.
const SPREAD: Duration = Duration::from_secs(5);
/// How many streams may begin in a second: after a restart all come at once.
const BEGIN_PER_SECOND: u32 = 2_000;
/// The most streams of one user, or of one admin token, who looks on: each open window has one.
const LOOKING_ON_MAX: usize = 50;

/// Who listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Listening {
    /// An SDK, by its token's selector.
    Sdk(String),
    /// A user.
    User(i64),
    /// Whoever has this admin token.
    AdminToken(String),
}

/// The places for streams.
pub struct Places {
    limits: StreamLimits,
    taken: Mutex<{ rank::STREAM_PLACES }, Taken>,
    stopping: watch::Sender<bool>,
}

struct Taken {
    by_listener: HashMap<Listening, usize>,
    by_address: HashMap<IpAddr, usize>,
    all: usize,
    /// How many may still begin, as of `refilled`.
    admission: u32,
    refilled: Instant,
}

/// A place that is taken until this is dropped.
pub struct Place {
    places: Arc<Places>,
    listener: Listening,
    address: IpAddr,
}

impl Places {
    /// None is taken.
    pub fn new(limits: &StreamLimits) -> Arc<Self> {
        let taken = Taken {
            by_listener: HashMap::new(),
            by_address: HashMap::new(),
            all: 0,
            admission: BEGIN_PER_SECOND,
            refilled: Instant::now(),
        };
        Arc::new(Self { limits: limits.clone(), taken: Mutex::new(taken), stopping: watch::Sender::new(false) })
    }

    /// How many are taken.
    pub fn count(&self) -> usize {
        self.taken.lock().all
    }

    /// A place for one more, if there is one.
    pub fn take(self: &Arc<Self>, listener: Listening, address: IpAddr) -> Result<Place, Failure> {
        let full = |count: Option<&usize>, most: Option<usize>| most.is_some_and(|most| count.copied() >= Some(most));
        let mut taken = self.taken.lock();
        if *self.stopping.borrow() {
            return Err(Failure::Unavailable("The server is stopping; try again."));
        }
        if taken.all >= self.limits.all {
            return Err(Failure::Unavailable("There are too many streams; the operator can raise STREAMS_MAX."));
        }
        let (most, too_many) = match listener {
            Listening::Sdk(_) => (
                self.limits.per_token,
                "There are too many streams with this token; the operator can raise STREAMS_PER_TOKEN_MAX.",
            ),
            Listening::User(_) | Listening::AdminToken(_) => {
                (Some(LOOKING_ON_MAX), "You look on in too many windows; close some.")
            }
        };
        if full(taken.by_listener.get(&listener), most) {
            return Err(Failure::Unavailable(too_many));
        }
        if full(taken.by_address.get(&address), self.limits.per_address) {
            return Err(Failure::Unavailable(
                "There are too many streams from this address; the operator can raise STREAMS_PER_ADDRESS_MAX.",
            ));
        }
        if taken.refilled.elapsed() >= Duration::from_secs(1) {
            (taken.admission, taken.refilled) = (BEGIN_PER_SECOND, Instant::now());
        }
        let left = taken.admission.checked_sub(1);
        taken.admission = left.ok_or(Failure::Unavailable("Too many streams begin at once; try again."))?;
        taken.all += 1;
        *taken.by_listener.entry(listener.clone()).or_default() += 1;
        *taken.by_address.entry(address).or_default() += 1;
        Ok(Place { places: Arc::clone(self), listener, address })
    }

    /// Gives out no more; those who have one are told.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Tells when nobody is to listen any more.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    /// Waits a while, so that not all streams of a stopping node end at once.
    pub async fn linger() {
        sleep(SPREAD.mul_f64(share())).await;
    }

    /// When a client is to come back if its stream breaks, in milliseconds: not all at once.
    pub fn retry_ms() -> u128 {
        (Duration::from_secs(1) + (2 * SPREAD).mul_f64(0.9 * share())).as_millis()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock();
        taken.all -= 1;
        leave(&mut taken.by_listener, &self.listener);
        leave(&mut taken.by_address, &self.address);
    }
}

fn leave<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}
