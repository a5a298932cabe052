//! The one place where commits come about: rules run one after the other on the tip, their commits are stored in groups.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use flagstone_model::State;
use flagstone_model::commit::Commit;
use flagstone_store::{Appended, Store};
use tokio::sync::{Notify, oneshot, watch};

use crate::app::snapshot::Snapshot;
use crate::system::seldom::Seldom;

/// The most commits in one transaction.
const GROUP_MAX: usize = 512;
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
            tip: Mutex::new(Tip { state, pending: Vec::new(), storing: false, waiters: Vec::new() }),
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

    /// Runs `attempt` alone on the tip. It says what it made of the tip: a commit with the state behind it, or nothing.
    /// The receiver tells when everything that `attempt` has seen or made is on disk.
    pub fn run<T>(
        &self,
        attempt: impl FnOnce(&State) -> (T, Option<(Commit, State)>),
    ) -> (T, Option<oneshot::Receiver<Outcome>>) {
        let mut tip = self.tip();
        let (answer, made) = attempt(&tip.state);
        if let Some((commit, state)) = made {
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
        let (group, state) = self.take_group();
        let appended = self.store.append(&group).await;
        self.settle(&group, state, appended).await
    }

    /// Takes what is to be stored next, and the state behind it if that is the tip's.
    fn take_group(&self) -> (Vec<Commit>, Option<State>) {
        let mut tip = self.tip();
        tip.storing = true;
        if tip.pending.len() > GROUP_MAX {
            (tip.pending.drain(..GROUP_MAX).collect(), None)
        } else {
            (std::mem::take(&mut tip.pending), Some(tip.state.clone()))
        }
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
            let commits = self.store.commits_after(state.seq, CATCH_UP_PAGE).await?;
            for commit in &commits {
                anyhow::ensure!(commit.seq == state.seq + 1, "the log has a gap before commit {}", commit.seq);
                state.apply(commit)?;
            }
            self.adopt(state, &commits);
            if commits.len() < CATCH_UP_PAGE as usize {
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
        if !tip.is_ahead() {
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use flagstone_model::settings::Setting;
    use flagstone_model::{Draft, Limits, Principal, Surroundings, Timestamp};
    use flagstone_store::{DatabaseUrl, Options};
    use oneshot::error::TryRecvError;
    use serde_json::json;

    use super::*;
    use crate::system::entropy::OsEntropy;

    /// A node on a store that several share. Nothing runs by itself: a test says when a group is taken, stored, answered.
    async fn node(store: &Arc<Store>) -> Writer {
        let writer = Writer::new(Arc::clone(store), State::default(), &[]);
        writer.catch_up().await.unwrap();
        writer
    }

    async fn store() -> Arc<Store> {
        Arc::new(Store::open(&DatabaseUrl::Memory, &Options::default()).await.unwrap())
    }

    fn value(state: &State, name: &str) -> i64 {
        state.settings.get(name).and_then(|setting| setting.value.as_i64()).unwrap_or_default()
    }

    /// Sets a setting; a rule that finds it so changes nothing. Answers with the state that it saw.
    fn set(writer: &Writer, name: &str, to: i64) -> (State, Option<oneshot::Receiver<Outcome>>) {
        writer.run(|tip| {
            let around = Surroundings {
                principal: &Principal::System,
                actor: flagstone_model::commit::Actor::system(),
                now: Timestamp::from_millis(0),
                limits: &Limits::default(),
                entropy: &mut OsEntropy,
            };
            let mut draft = Draft::new(tip, around);
            if value(tip, name) != to {
                draft.put(Setting { name: name.to_owned(), value: json!(to) });
            }
            (tip.clone(), draft.finish())
        })
    }

    /// Stores what waits, to the end.
    async fn store_all(writer: &Writer) {
        while writer.tip().is_ahead() {
            writer.store_group().await;
        }
    }

    #[tokio::test]
    async fn a_refusal_on_what_another_node_may_undo_waits_for_it() {
        let store = store().await;
        let (ours, theirs) = (node(&store).await, node(&store).await);
        // "Off" is under way as commit 1, and another node's commit 1 is first.
        let (_, write) = set(&ours, "off", 1);
        let (group, state) = ours.take_group();
        set(&theirs, "else", 1);
        store_all(&theirs).await;
        ours.catch_up().await.unwrap();
        // Somebody else presses "off" now: it is off, but only in a commit that will never be.
        let (seen, second) = set(&ours, "off", 1);
        assert_eq!((seen.seq, ours.head().state.seq), (1, 1));
        let mut second = second.unwrap();
        assert!(matches!(second.try_recv(), Err(TryRecvError::Empty)));
        let appended = store.append(&group).await;
        assert_eq!(appended, Ok(Appended::Conflict));
        ours.settle(&group, state, appended).await;
        assert!(matches!(write.unwrap().await, Ok(Outcome::Again)));
        assert!(matches!(second.await, Ok(Outcome::Again)));
        // Once more, on what is really there.
        let (seen, write) = set(&ours, "off", 1);
        assert_eq!((value(&seen, "off"), value(&seen, "else")), (0, 1));
        store_all(&ours).await;
        assert!(matches!(write.unwrap().await, Ok(Outcome::Stored(at)) if value(&at.state, "off") == 1));
    }

    #[tokio::test]
    async fn a_tip_follows_a_head_that_went_past_it_while_an_answer_was_lost() {
        let store = store().await;
        let (ours, theirs) = (node(&store).await, node(&store).await);
        let (_, write) = set(&ours, "a", 1);
        let (group, state) = ours.take_group();
        // It arrives, but the answer does not for a while; others write on top, and all of it is read from the log.
        let appended = store.append(&group).await;
        theirs.catch_up().await.unwrap();
        set(&theirs, "b", 2);
        store_all(&theirs).await;
        ours.catch_up().await.unwrap();
        assert_eq!(ours.head().state.seq, 2);
        ours.settle(&group, state, appended).await;
        assert!(matches!(write.unwrap().await, Ok(Outcome::Stored(at)) if at.state.seq == 2));
        // What changes nothing is answered at once, from what others have written as well.
        let (seen, waits) = set(&ours, "b", 2);
        assert_eq!(seen, ours.head().state);
        assert!(waits.is_none());
        // And what changes something meets no conflict.
        let (_, write) = set(&ours, "a", 3);
        let (group, state) = ours.take_group();
        let appended = store.append(&group).await;
        assert_eq!(appended, Ok(Appended::Done));
        ours.settle(&group, state, appended).await;
        assert!(matches!(write.unwrap().await, Ok(Outcome::Stored(_))));
    }

    /// What a node is told that its group became of, which may come late or not at all.
    type UnderWay = (Vec<Commit>, Option<State>, Result<Appended, flagstone_store::Error>);

    /// Whoever was told that something is so was told the truth, in whatever order groups are taken, stored, answered
    /// and read from the log, and with answers lost; in the end nobody waits.
    #[tokio::test]
    async fn answers_hold_in_any_order_of_events() {
        let mut lost = 0;
        for seed in 0..300_u64 {
            let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            let mut below = move |n: u64| {
                // Xorshift64 (Marsaglia, 2003).
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                random % n
            };
            let store = store().await;
            let nodes = [node(&store).await, node(&store).await];
            let mut under_way: [Option<UnderWay>; 2] = [None, None];
            let mut waiting = Vec::new();
            for _ in 0..60 {
                let at = usize::try_from(below(2)).unwrap();
                let writer = &nodes[at];
                match below(5) {
                    0 | 1 => {
                        match set(writer, ["a", "b"][usize::try_from(below(2)).unwrap()], below(3).cast_signed()) {
                            (seen, None) => assert_eq!(seen, writer.head().state, "seed {seed}"),
                            (_, Some(receiver)) => waiting.push(receiver),
                        }
                    }
                    2 if under_way[at].is_none() && !writer.tip().pending.is_empty() => {
                        let (group, state) = writer.take_group();
                        let appended = match (below(4), store.append(&group).await) {
                            // It may be there, or not: nobody knows.
                            (0, Ok(Appended::Done)) => Err(flagstone_store::Error::Ambiguous("lost".to_owned())),
                            (_, appended) => appended,
                        };
                        under_way[at] = Some((group, state, appended));
                    }
                    3 => {
                        if let Some((group, state, appended)) = under_way[at].take() {
                            writer.settle(&group, state, appended).await;
                        }
                    }
                    _ => writer.catch_up().await.unwrap(),
                }
                let tip = writer.tip();
                assert!(tip.is_ahead() || tip.waiters.is_empty(), "seed {seed}: somebody waits for nothing");
                assert!(tip.is_ahead() || tip.state == writer.head().state, "seed {seed}: the tip is not the head");
            }
            for (writer, under_way) in nodes.iter().zip(under_way) {
                if let Some((group, state, appended)) = under_way {
                    writer.settle(&group, state, appended).await;
                }
                store_all(writer).await;
                assert!(writer.tip().waiters.is_empty(), "seed {seed}: somebody waits for ever");
            }
            nodes[0].catch_up().await.unwrap();
            nodes[1].catch_up().await.unwrap();
            assert_eq!(nodes[0].head().state, nodes[1].head().state, "seed {seed}");
            let log = store.commits_after(0, 1_000).await.unwrap();
            for mut receiver in waiting {
                match receiver.try_recv().unwrap() {
                    // Whatever a caller was told is stored is a state that the log leads to.
                    Outcome::Stored(snapshot) => {
                        let mut folded = State::default();
                        log.iter().take_while(|c| c.seq <= snapshot.state.seq).for_each(|c| folded.apply(c).unwrap());
                        assert_eq!(folded, snapshot.state, "seed {seed}");
                    }
                    Outcome::Again => {}
                    Outcome::Failed(_) => lost += 1,
                }
            }
        }
        assert!(lost > 0, "no answer was ever lost");
    }
}
