//! What the log says of the time before what a node remembers, for SDKs that come back after a while.

use std::collections::HashMap;
use std::sync::Arc;

use flagstone_store::Error;

use super::App;
use crate::delivery::history::History;
use crate::delivery::{Delivery, Revision};

/// How much of the log is read, at most, so that an SDK is told only what has changed, in bytes.
const READ_BYTES_MAX: usize = 32 << 20;
/// How many commits are read at a time.
const PAGE: u32 = 500;
/// How many environments' histories are kept.
const KEPT_MAX: usize = 64;

/// What was read of the log last, by environment. One reads at a time: after a restart all that come back know much the
/// same.
#[derive(Default)]
pub struct Past(tokio::sync::Mutex<HashMap<String, Arc<History>>>);

impl App {
    /// The history of an environment from a revision on that somebody knows, up to where what `delivery` remembers goes
    /// on; nothing if it is not in the log, or too long ago.
    pub async fn history(&self, delivery: &Delivery, known: Revision) -> Option<Arc<History>> {
        let head = delivery.revision().number;
        if known.number == 0 || known.number >= head {
            return None;
        }
        let mut kept = self.0.past.0.lock().await;
        let environment = delivery.environment();
        if let Some(history) = kept.get(environment)
            && history.knows(known)
            && delivery.goes_on_from(history)
        {
            return Some(Arc::clone(history));
        }
        let history = match self.read_history(environment, known, head).await {
            Ok(history) => Arc::new(history?),
            Err(error) => {
                tracing::warn!(%error, "the log cannot be read; an SDK that comes back gets everything anew");
                return None;
            }
        };
        if kept.len() < KEPT_MAX || kept.contains_key(environment) {
            kept.insert(environment.to_owned(), Arc::clone(&history));
        }
        (history.knows(known) && delivery.goes_on_from(&history)).then_some(history)
    }

    async fn read_history(&self, environment: &str, known: Revision, head: u64) -> Result<Option<History>, Error> {
        let (mut history, mut seq, mut bytes) = (None::<History>, known.number - 1, 0);
        while seq < head {
            let commits = self.store().commits_after(seq, PAGE).await?;
            let (Some(first), Some(last)) = (commits.first(), commits.last()) else { break };
            if history.is_none() && Revision::of_commit(first.seq, &first.id) != known {
                return Ok(None);
            }
            seq = last.seq;
            bytes += commits.iter().map(flagstone_model::commit::Commit::bytes).sum::<usize>();
            if bytes > READ_BYTES_MAX {
                return Ok(None);
            }
            history = History::and_commits(history, &commits, environment);
            if history.is_none() {
                return Ok(None);
            }
        }
        Ok(history)
    }
}
