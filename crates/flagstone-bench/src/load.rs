//! The load: connections that are kept alive, each of which sends its next request when it has read the last answer.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::task::LocalSet;
use tokio::time::sleep;

use crate::http::{Address, Connection};
use crate::machine::cpu_time;

/// How a server is loaded.
#[derive(Clone, Copy)]
pub struct Load {
    pub connections: usize,
    pub warm_up: Duration,
    pub measured: Duration,
}

/// What was counted while a server was loaded.
#[derive(Default)]
pub struct Count {
    /// How long each answer took, in microseconds.
    pub latencies_us: Vec<u32>,
    pub elapsed: Duration,
    /// What the server computed, where its process is known.
    pub cpu: Option<Duration>,
}

/// What the connections share.
struct Shared {
    requests: Vec<Vec<u8>>,
    status: u16,
    latencies_us: RefCell<Vec<u32>>,
    wrong: Cell<Option<u16>>,
}

impl Load {
    /// Sends requests in turn, from another one on for each connection; every answer must have this status.
    pub async fn run(
        &self,
        address: &Address,
        requests: &[Vec<u8>],
        status: u16,
        pid: Option<u32>,
    ) -> anyhow::Result<Count> {
        let shared =
            Shared { requests: requests.to_vec(), status, latencies_us: RefCell::default(), wrong: Cell::default() };
        let (shared, tasks) = (Rc::new(shared), LocalSet::new());
        for number in 0..self.connections {
            let connection = Connection::open(address).await.context("cannot connect")?;
            let first = number * requests.len() / self.connections;
            tasks.spawn_local(go_on(connection, Rc::clone(&shared), first));
        }
        let cpu = || pid.map(cpu_time).transpose();
        let count = tasks.run_until(async {
            sleep(self.warm_up).await;
            shared.latencies_us.take();
            let (began, before) = (Instant::now(), cpu()?);
            sleep(self.measured).await;
            let cpu = cpu()?.zip(before).map(|(after, before)| after.saturating_sub(before));
            anyhow::Ok(Count { latencies_us: shared.latencies_us.take(), elapsed: began.elapsed(), cpu })
        });
        let count = count.await?;
        if let Some(status) = shared.wrong.get() {
            bail!("answers {status}");
        }
        Ok(count)
    }
}

/// Sends until it is dropped, or an answer is not what it should be.
async fn go_on(mut connection: Connection, shared: Rc<Shared>, first: usize) {
    for request in shared.requests.iter().cycle().skip(first) {
        let began = Instant::now();
        // A connection that breaks counts as an answer that never came.
        let status = connection.exchange(request, |_| ()).await.unwrap_or_default();
        if status != shared.status {
            return shared.wrong.set(Some(status));
        }
        let us = u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX);
        shared.latencies_us.borrow_mut().push(us);
    }
}

impl Count {
    /// CPU of one request, in microseconds.
    #[allow(clippy::cast_precision_loss)]
    pub fn cpu_us(&self) -> Option<f64> {
        Some(self.cpu?.as_secs_f64() * 1e6 / self.latencies_us.len() as f64)
    }

    /// How much of its core the server used.
    pub fn cpu_share(&self) -> Option<f64> {
        Some(self.cpu?.as_secs_f64() / self.elapsed.as_secs_f64())
    }

    #[allow(clippy::cast_precision_loss)]
    pub fn per_second(&self) -> f64 {
        self.latencies_us.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency that 99 of 100 answers do not exceed, in milliseconds.
    pub fn p99_ms(&self) -> f64 {
        let mut sorted = self.latencies_us.clone();
        sorted.sort_unstable();
        percentile(&sorted, 99).map_or(0.0, |us| f64::from(us) / 1e3)
    }

    /// Counts of the same work, one after the other.
    pub fn add(&mut self, other: &Self) {
        self.latencies_us.extend_from_slice(&other.latencies_us);
        self.elapsed += other.elapsed;
        self.cpu = match (self.cpu, other.cpu) {
            (Some(ours), Some(theirs)) => Some(ours + theirs),
            (ours, theirs) => ours.or(theirs),
        };
    }
}

/// The least value that so many of a hundred do not exceed; none without values.
pub fn percentile<T: Copy>(sorted: &[T], percent: usize) -> Option<T> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let check = |count: usize, percent, expect| {
            assert_eq!(percentile(&(1..=count).collect::<Vec<_>>(), percent), expect);
        };
        check(200, 99, Some(198));
        check(20, 50, Some(10));
        check(20, 99, Some(20));
        check(1, 99, Some(1));
        check(0, 99, None);
    }
}
