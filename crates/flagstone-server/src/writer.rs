//! The one place where commits come about: rules run one after the other on the tip, their commits are stored in groups.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use flagstone_model::State;
use flagstone_model::commit::Commit;
use flagstone_store::{Appended, Store};
use tokio::sync::{Notify, oneshot, watch};

use crate::seldom::Seldom;
use crate::snapshot::Snapshot;

/// The most commits in one transaction.
const GROUP_MAX: usize = 512;
/// The most bytes of commits in one transaction, by [`Commit::bytes`]; a single commit has a limit of its own.
const GROUP_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How many callers may wait for what is on its way to the disk.
const WAITING_MAX: usize = 16_384;
/// How many bytes of commits may wait.
const PENDING_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How many commits of other nodes are read at a time.
const CATCH_UP_PAGE: u32 = 500;
/// How long commits that met a conflict wait for the log to be read: little beside what an append may take, since their
/// callers have waited for that as well.
const CATCH_UP_MAX: Duration = Duration::from_millis(500);
/// How long other nodes wait for rules that met a conflict to run again.
const TURN_KEPT: Duration = Duration::from_millis(100);

/// How a commit ended.
pub enum Outcome {
    /// It is on disk, and this snapshot, which holds it, is what readers see.
    Stored(Arc<Snapshot>),
    /// Another node was faster: the rule must run again on the newer state.
    Again,
    /// The store refused; nothing of it is visible.
    Failed(flagstone_store::Error),
}

/// The head that readers see, and the tip that rules run on: the head plus what is on its way to the disk.
pub struct Writer {
    store: Arc<Store>,
    head: ArcSwap<Snapshot>,
    tip: Mutex<Tip>,
    work: Notify,
    revision: watch::Sender<u64>,
    catching_up: tokio::sync::Mutex<()>,
    /// Whether the task that stores commits was ever started.
    storing: AtomicBool,
    failures: Seldom,
}

/// What rules run on.
pub struct Tip {
    /// The state after all commits, stored or on their way.
    pub state: State,
    pending: Vec<Commit>,
    pending_bytes: usize,
    waiters: Vec<(u64, oneshot::Sender<Outcome>)>,
}

impl Writer {
    /// A writer whose head is `state`, as loaded from `store`; `past` are the last commits before it, as far as known.
    pub fn new(store: Arc<Store>, state: State, past: &[Commit]) -> Self {
        let revision = watch::Sender::new(state.seq);
        Self {
            store,
            head: ArcSwap::from_pointee(Snapshot::first(state.clone(), past)),
            tip: Mutex::new(Tip { state, pending: Vec::new(), pending_bytes: 0, waiters: Vec::new() }),
            work: Notify::new(),
            revision,
            catching_up: tokio::sync::Mutex::new(()),
            storing: AtomicBool::new(false),
            failures: Seldom::new(),
        }
    }

    /// What readers see.
    pub fn head(&self) -> Arc<Snapshot> {
        self.head.load_full()
    }

    /// Told of every new head, after readers can see it.
    pub fn revisions(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// Whether one more change may wait. Callers ask before [`Self::run`], so a few more than the limit may wait.
    pub fn has_room(&self) -> bool {
        let tip = self.tip();
        tip.waiters.len() < WAITING_MAX && tip.pending_bytes < PENDING_BYTES_MAX
    }

    /// Runs `attempt` alone on the tip. It says what it made of the tip: a commit with the state behind it, or nothing.
    /// The receiver tells when everything that `attempt` has seen or made is on disk.
    pub fn run<T>(
        &self,
        attempt: impl FnOnce(&State) -> (T, Option<(Commit, State)>),
    ) -> (T, Option<oneshot::Receiver<Outcome>>) {
        let mut tip = self.tip();
        let (answer, made) = attempt(&tip.state);
        if let Some((commit, state)) = made {
            tip.pending_bytes += commit.bytes();
            tip.pending.push(commit);
            tip.state = state;
            self.work.notify_one();
        } else if tip.state.seq == self.head.load().state.seq {
            return (answer, None);
        }
        let (sender, receiver) = oneshot::channel();
        let seq = tip.state.seq;
        tip.waiters.push((seq, sender));
        (answer, Some(receiver))
    }

    // A panic in a rule leaves the tip as it was, so a poisoned lock is still good.
    fn tip(&self) -> MutexGuard<'_, Tip> {
        self.tip.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores commits, group by group, for ever. Runs in its own task: a client that hangs up cannot tear it.
    pub async fn store_commits(self: Arc<Self>) {
        // A group that was on its way when this task panicked: what became of it, the next append finds out.
        if self.storing.swap(true, Ordering::Relaxed) {
            self.discard_tip(|| Outcome::Failed(flagstone_store::Error::Ambiguous("the writer broke off".to_owned())));
        }
        let mut has_turn = false;
        loop {
            if has_turn && tokio::time::timeout(TURN_KEPT, self.pending()).await.is_err() {
                // An error means that the connection, and with it the turn, is gone.
                self.store.give_up_turn().await.ok();
            }
            self.pending().await;
            has_turn = self.store_group().await;
        }
    }

    /// Returns when there is something to store.
    async fn pending(&self) {
        while self.tip().pending.is_empty() {
            self.work.notified().await;
        }
    }

    /// Stores what is pending, in one transaction. True after a conflict, when other nodes wait for this one.
    async fn store_group(&self) -> bool {
        let (group, state) = {
            let mut tip = self.tip();
            let count = group_len(&tip.pending);
            let group: Vec<_> = tip.pending.drain(..count).collect();
            tip.pending_bytes = tip.pending.iter().map(Commit::bytes).sum();
            let is_all = tip.pending.is_empty();
            (group, is_all.then(|| tip.state.clone()))
        };
        match self.store.append(&group).await {
            Ok(Appended::Done) => {
                let state = state.map_or_else(|| self.fold(&group), Some);
                match state {
                    Some(state) => self.publish(state, &group),
                    None => self.discard_tip(|| Outcome::Again),
                }
            }
            Ok(Appended::Conflict) => {
                match tokio::time::timeout(CATCH_UP_MAX, self.catch_up()).await {
                    Ok(Ok(())) => self.discard_tip(|| Outcome::Again),
                    late_or_failed => {
                        let error =
                            late_or_failed.map_or_else(|_| "no answer in time".to_owned(), |e| format!("{e:?}"));
                        tracing::warn!(error, "cannot read what another node has written");
                        let reason = flagstone_store::Error::Unavailable(error);
                        self.discard_tip(|| Outcome::Failed(reason.clone()));
                    }
                }
                return true;
            }
            Err(error) => {
                if let Some(held_back) = self.failures.pass() {
                    tracing::warn!(%error, commits = group.len(), held_back, "commits could not be stored");
                }
                self.discard_tip(|| Outcome::Failed(error.clone()));
            }
        }
        false
    }

    /// The head with `commits` on top, as far as another task has not read them from the log already.
    fn fold(&self, commits: &[Commit]) -> Option<State> {
        let mut state = self.head.load().state.clone();
        let known = commits.partition_point(|commit| commit.seq <= state.seq);
        for commit in &commits[known..] {
            if commit.seq != state.seq + 1 || state.apply(commit).is_err() {
                return None;
            }
        }
        Some(state)
    }

    /// Swaps the head, then tells those who wait for `commits`. A head never goes back.
    fn publish(&self, state: State, commits: &[Commit]) {
        // Not the state's: it may hold what another node has written since, where others wait for theirs.
        let stored = commits.last().map_or(0, |commit| commit.seq);
        let mut tip = self.tip();
        let head = self.head.load_full();
        // All of it is new, or another task has read it from the log already.
        if state.seq > head.state.seq {
            self.head.store(Arc::new(Snapshot::after(&head, state, commits)));
        }
        let head = self.head.load_full();
        let waiters = std::mem::take(&mut tip.waiters);
        for (wanted, waiter) in waiters {
            if wanted <= stored {
                // A waiter that is gone hung up; the commit stands all the same.
                let _ = waiter.send(Outcome::Stored(Arc::clone(&head)));
            } else {
                tip.waiters.push((wanted, waiter));
            }
        }
        drop(tip);
        self.tell(head.state.seq);
    }

    /// Tells of a new head. Two tasks may do so in either order.
    fn tell(&self, seq: u64) {
        self.revision.send_if_modified(|told| {
            let is_news = seq > *told;
            *told = seq.max(*told);
            is_news
        });
    }

    /// Goes back to the head: what was on its way is not stored, and whoever built on it must know.
    fn discard_tip(&self, outcome: impl Fn() -> Outcome) {
        let mut tip = self.tip();
        tip.state = self.head.load().state.clone();
        tip.pending.clear();
        tip.pending_bytes = 0;
        for (_, waiter) in tip.waiters.drain(..) {
            let _ = waiter.send(outcome());
        }
    }

    /// Reads and folds what other nodes have written since the head.
    pub async fn catch_up(&self) -> anyhow::Result<()> {
        let _alone = self.catching_up.lock().await;
        loop {
            let mut state = self.head.load().state.clone();
            let page = self.store.page_after(state.seq, CATCH_UP_PAGE).await?;
            for commit in &page.commits {
                anyhow::ensure!(commit.seq == state.seq + 1, "the log has a gap before commit {}", commit.seq);
                state.apply(commit)?;
            }
            self.adopt(state, &page.commits);
            if page.is_end {
                return Ok(());
            }
        }
    }

    /// Makes a state that was read from the log the head. A tip with nothing on its way follows; one with something
    /// meets its conflict when it is stored.
    fn adopt(&self, state: State, commits: &[Commit]) {
        let mut tip = self.tip();
        let head = self.head.load_full();
        if state.seq <= head.state.seq {
            return;
        }
        if tip.pending.is_empty() && tip.state.seq == head.state.seq {
            tip.state = state.clone();
        }
        let seq = state.seq;
        self.head.store(Arc::new(Snapshot::after(&head, state, commits)));
        drop(tip);
        self.tell(seq);
    }

    /// Follows the log that other nodes write, for ever.
    pub async fn follow(self: Arc<Self>) {
        let mut failures = 0_u32;
        loop {
            self.store.changed(self.head.load().state.seq).await;
            match self.catch_up().await {
                Ok(()) => failures = 0,
                Err(error) => {
                    if failures == 0 {
                        tracing::warn!(%error, "cannot follow the log; trying on");
                    }
                    failures = failures.saturating_add(1);
                    tokio::time::sleep(Duration::from_millis(50 << failures.min(4))).await;
                }
            }
        }
    }
}

/// How many of the commits that wait go into one transaction, one at least: other nodes wait for their turn meanwhile.
fn group_len(pending: &[Commit]) -> usize {
    let mut bytes = 0;
    let fits = |commit: &&Commit| {
        bytes += commit.bytes();
        bytes <= GROUP_BYTES_MAX
    };
    pending.iter().take(GROUP_MAX).take_while(fits).count().max(1)
}

#[cfg(test)]
mod tests {
    use flagstone_model::commit::{Change, CommitBody};
    use flagstone_store::{DatabaseUrl, Options};

    use super::*;

    fn commit(seq: u64, bytes: usize) -> Commit {
        let body = Some(serde_json::json!({ "name": "x", "value": "x".repeat(bytes) }));
        let change = Change { kind: "setting".to_owned(), id: "x".to_owned(), body };
        let body = CommitBody { changes: vec![change], events: vec![] };
        Commit { seq, id: format!("{seq:032x}"), body, ..Commit::default() }
    }

    async fn writer() -> Arc<Writer> {
        let store = Store::open(&DatabaseUrl::Memory, &Options::default()).await.unwrap();
        Arc::new(Writer::new(Arc::new(store), State::default(), &[]))
    }

    /// Puts a commit on its way. Nobody stores it until `store_group` is called.
    fn push(writer: &Writer, bytes: usize) -> oneshot::Receiver<Outcome> {
        let made = |state: &State| {
            let commit = commit(state.seq + 1, bytes);
            let mut next = state.clone();
            next.apply(&commit).unwrap();
            ((), Some((commit, next)))
        };
        writer.run(made).1.unwrap()
    }

    #[tokio::test]
    async fn what_waits_is_bounded_in_bytes_and_number() {
        let by_bytes = writer().await;
        let mut waiting = Vec::new();
        while by_bytes.has_room() {
            waiting.push(push(&by_bytes, 1 << 20));
        }
        assert_eq!(waiting.len(), 64);
        by_bytes.store_group().await;
        assert!(by_bytes.has_room(), "what is stored makes room");
        let by_number = writer().await;
        while by_number.has_room() {
            waiting.push(push(&by_number, 1));
        }
        assert_eq!(waiting.len(), 64 + WAITING_MAX);
        by_number.discard_tip(|| Outcome::Again);
        assert!(by_number.has_room());
    }

    #[tokio::test]
    async fn a_transaction_is_bounded_in_bytes_and_number() {
        let writer = writer().await;
        // A large one alone; what fits together; many small ones.
        let sizes = [5 << 20, 3 << 20, 1 << 19, 2 << 20];
        let mut waiting: Vec<_> = sizes.into_iter().map(|bytes| push(&writer, bytes)).collect();
        waiting.extend((0..600).map(|_| push(&writer, 1)));
        let mut stored = Vec::new();
        while !writer.tip().pending.is_empty() {
            writer.store_group().await;
            stored.push(writer.head().state.seq);
        }
        assert_eq!(stored, [1, 3, 515, 604]);
        for receiver in waiting {
            assert!(matches!(receiver.await, Ok(Outcome::Stored(_))));
        }
    }
}
