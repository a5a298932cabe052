//! The writer step by step, and what its queue holds.

use flagstone_model::commit::{Change, CommitBody};
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
    writer.run(None, |tip| {
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
async fn a_node_behind_a_compacted_log_loads_the_state() {
    let store = store().await;
    let (ours, theirs) = (node(&store).await, node(&store).await);
    for to in 1..=5 {
        set(&theirs, "number", to);
        store_all(&theirs).await;
    }
    assert_eq!(store.compact(Timestamp::from_millis(1)).await, Ok(Some(4)));
    assert_eq!(store.page_after(0, 1).await, Err(flagstone_store::Error::Compacted(4)));
    ours.catch_up().await.unwrap();
    assert_eq!((ours.head().state.seq, value(&ours.head().state, "number")), (5, 5));
    assert_eq!(ours.head().state, theirs.head().state);
    // It writes as before, and so does the other.
    set(&ours, "number", 6);
    store_all(&ours).await;
    theirs.catch_up().await.unwrap();
    assert_eq!(value(&theirs.head().state, "number"), 6);
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
                0 | 1 => match set(writer, ["a", "b"][usize::try_from(below(2)).unwrap()], below(3).cast_signed()) {
                    (seen, None) => assert_eq!(seen, writer.head().state, "seed {seed}"),
                    (_, Some(receiver)) => waiting.push(receiver),
                },
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

fn sized_commit(seq: u64, bytes: usize) -> Commit {
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
        let commit = sized_commit(state.seq + 1, bytes);
        let mut next = state.clone();
        next.apply(&commit).unwrap();
        ((), Some((commit, next)))
    };
    writer.run(None, made).1.unwrap()
}

#[tokio::test]
async fn what_waits_is_bounded_in_bytes_and_number() {
    let by_bytes = writer().await;
    let mut waiting = Vec::new();
    while by_bytes.has_room() {
        waiting.push(push(&by_bytes, 1 << 20));
    }
    assert_eq!(waiting.len(), 128);
    by_bytes.store_group().await;
    assert!(by_bytes.has_room(), "what is stored makes room");
    let by_number = writer().await;
    while by_number.has_room() {
        waiting.push(push(&by_number, 1));
    }
    assert_eq!(waiting.len(), 128 + WAITING_MAX);
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
