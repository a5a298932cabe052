//! The one place where commits come about: rules run one after the other on the tip, their commits are stored in groups.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use arc_swap::ArcSwap;
use flagstone_model::State;
use flagstone_model::commit::Commit;
use flagstone_store::{Appended, Hold, Store};
use tokio::sync::{Notify, oneshot, watch};

use crate::app::loading;
use crate::app::snapshot::Snapshot;
use crate::system::locks::{Guard, Mutex, rank};
use crate::system::seldom::Seldom;

/// The most commits in one transaction.
const GROUP_MAX: usize = 512;
/// The most bytes of commits in one transaction, by [`Commit::bytes`]; a single commit has a limit of its own.
const GROUP_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How many callers may wait for what is on its way to the disk.
const WAITING_MAX: usize = 16_384;
/// How many bytes of commits may wait.
const PENDING_BYTES_MAX: usize = 128 * 1024 * 1024;
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
    tip: Mutex<{ rank::WRITER_TIP }, Tip>,
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
    /// What some of the pending commits are made under, by their numbers.
    holds: Vec<(u64, Hold)>,
    /// Whether a group has been taken from `pending` and what became of it is not known yet.
    storing: bool,
    waiters: Vec<(u64, oneshot::Sender<Outcome>)>,
}

impl Tip {
    /// Whether `state` holds something that may never be stored. Numbers cannot tell: while a commit is on its way, a
    /// head of the same number may be another node's. Without anything on its way, `state` is the head's.
    fn is_ahead(&self) -> bool {
        self.storing || !self.pending.is_empty()
    }
}

impl Writer {
    /// A writer whose head is `state`, as loaded from `store`; `past` are the last commits before it, as far as known.
    pub fn new(store: Arc<Store>, state: State, past: &[Commit]) -> Self {
        let revision = watch::Sender::new(state.seq);
        Self {
            store,
            head: ArcSwap::from_pointee(Snapshot::first(state.clone(), past)),
            tip: Mutex::new(Tip {
                state,
                pending: Vec::new(),
                pending_bytes: 0,
                holds: Vec::new(),
                storing: false,
                waiters: Vec::new(),
            }),
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
    /// The receiver tells when everything that `attempt` has seen or made is on disk. A commit that is made under a lease
    /// runs again like one that met a conflict when the lease has passed on: whoever holds it asks first.
    pub fn run<T>(
        &self,
        hold: Option<&Hold>,
        attempt: impl FnOnce(&State) -> (T, Option<(Commit, State)>),
    ) -> (T, Option<oneshot::Receiver<Outcome>>) {
        let mut tip = self.tip();
        let (answer, made) = attempt(&tip.state);
        if let Some((commit, state)) = made {
            tip.pending_bytes += commit.bytes();
            tip.holds.extend(hold.map(|hold| (commit.seq, hold.clone())));
            tip.pending.push(commit);
            tip.state = state;
            self.work.notify_one();
        } else if !tip.is_ahead() {
            return (answer, None);
        }
        let (sender, receiver) = oneshot::channel();
        let seq = tip.state.seq;
        tip.waiters.push((seq, sender));
        (answer, Some(receiver))
    }

    /// Whether the log ends with commit `seq`, so that what was seen there is true of all nodes.
    pub async fn is_the_end(&self, seq: u64) -> Result<bool, flagstone_store::Error> {
        if !self.store.is_shared() {
            return Ok(true);
        }
        match tokio::time::timeout(CATCH_UP_MAX, self.store.last_seq()).await {
            Ok(last) => Ok(last? <= seq),
            Err(_) => Err(flagstone_store::Error::Unavailable("no answer in time".to_owned())),
        }
    }

    // A panic in a rule leaves the tip as it was.
    fn tip(&self) -> Guard<MutexGuard<'_, Tip>> {
        self.tip.lock()
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
        let (group, state) = self.take_group();
        let holds = self.take_holds(&group);
        let appended = self.store.append_held(&group, &holds).await;
        self.settle(&group, state, appended).await
    }

    /// What the commits of a group are made under.
    fn take_holds(&self, group: &[Commit]) -> Vec<Hold> {
        let mut tip = self.tip();
        let end = group.last().map_or(0, |commit| commit.seq);
        let count = tip.holds.partition_point(|(seq, _)| *seq <= end);
        tip.holds.drain(..count).map(|(_, hold)| hold).collect()
    }

    /// Takes what is to be stored next, and the state behind it if that is the tip's.
    fn take_group(&self) -> (Vec<Commit>, Option<State>) {
        let mut tip = self.tip();
        tip.storing = true;
        let count = group_len(&tip.pending);
        let group = tip.pending.drain(..count).collect();
        tip.pending_bytes = tip.pending.iter().map(Commit::bytes).sum();
        let is_all = tip.pending.is_empty();
        (group, is_all.then(|| tip.state.clone()))
    }

    /// Acts on what became of a group. True after a conflict.
    async fn settle(
        &self,
        group: &[Commit],
        state: Option<State>,
        appended: Result<Appended, flagstone_store::Error>,
    ) -> bool {
        match appended {
            Ok(Appended::Done) => {
                let state = state.map_or_else(|| self.fold(group), Some);
                match state {
                    Some(state) => self.publish(state, group),
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
            // One of the group came too late; the others have done nothing wrong.
            Ok(Appended::Superseded) => self.discard_tip(|| Outcome::Again),
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
        tip.storing = false;
        if !tip.is_ahead() {
            // The head may be newer by what other nodes have written; `adopt` left the tip alone while this was on its way.
            tip.state = head.state.clone();
        }
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
        tip.holds.clear();
        tip.storing = false;
        for (_, waiter) in tip.waiters.drain(..) {
            let _ = waiter.send(outcome());
        }
    }

    /// Reads and folds what other nodes have written since the head.
    pub async fn catch_up(&self) -> anyhow::Result<()> {
        let _alone = self.catching_up.lock().await;
        loop {
            let mut state = self.head.load().state.clone();
            let page = match self.store.page_after(state.seq, CATCH_UP_PAGE).await {
                // This node was behind for longer than the log is kept.
                Err(flagstone_store::Error::Compacted(seq)) => {
                    tracing::warn!(seq, "what is to be read of the log is gone: the state is loaded anew");
                    self.load_anew().await?;
                    continue;
                }
                page => page?,
            };
            for commit in &page.commits {
                anyhow::ensure!(commit.seq == state.seq + 1, "the log has a gap before commit {}", commit.seq);
                state.apply(commit)?;
            }
            self.adopt(state, |head, state| Snapshot::after(head, state, &page.commits));
            if page.is_end {
                return Ok(());
            }
        }
    }

    /// Makes what is stored the head, whatever this node has seen of the log.
    async fn load_anew(&self) -> anyhow::Result<()> {
        let state = loading::state(&self.store).await?;
        let past = self.store.last_commits(CATCH_UP_PAGE).await?;
        self.adopt(state, |_, state| Snapshot::first(state, &past));
        Ok(())
    }

    /// Makes a state that was read from the log the head. A tip with nothing on its way follows; one with something
    /// meets its conflict when it is stored.
    fn adopt(&self, state: State, snapshot: impl FnOnce(&Snapshot, State) -> Snapshot) {
        let mut tip = self.tip();
        let head = self.head.load_full();
        if state.seq <= head.state.seq {
            return;
        }
        if !tip.is_ahead() {
            tip.state = state.clone();
        }
        let seq = state.seq;
        self.head.store(Arc::new(snapshot(&head, state)));
        drop(tip);
        self.tell(seq);
    }

    /// Follows the log that other nodes write, for ever.
    pub async fn follow(self: Arc<Self>) {
        let mut failures = 0_u32;
        loop {
            // Not in the call: where nobody else writes, the head of now would be kept for ever.
            let seq = self.head.load().state.seq;
            self.store.changed(seq).await;
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
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
