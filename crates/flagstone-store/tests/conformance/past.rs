//! What was before, and when.

use std::collections::BTreeMap;

use flagstone_model::commit::{Commit, Piece};
use flagstone_store::{Appended, Error, Every, Store, StoredDocument};
use serde_json::json;

use crate::fixture::{Fixture, Random, commit, delete, put, time};

const KINDS: [&str; 3] = ["user", "feature", "setting"];

fn body(kind: &str, n: u64) -> serde_json::Value {
    let name = format!("person-{n}@example.com");
    match kind {
        "feature" => json!({"n": n, "createdBy": {"id": n % 3, "name": name}}),
        _ => json!({"n": n, "email": name}),
    }
}

/// A commit of a few random changes.
fn changes(random: &mut Random, seq: u64) -> Commit {
    let mut changes = BTreeMap::new();
    for _ in 0..=random.below(3) {
        let (kind, id) = (KINDS[usize::try_from(random.below(3)).unwrap()], random.below(5).to_string());
        let change = if random.below(5) == 0 { delete(kind, &id) } else { put(kind, &id, body(kind, seq)) };
        changes.insert((kind, id), change);
    }
    commit(seq, changes.into_values().collect(), vec![])
}

/// A commit that takes out some of what is sealed, and says what becomes of the documents that lose by it.
async fn redaction(random: &mut Random, store: &Store, seq: u64) -> Commit {
    let mut pieces = Vec::new();
    let mut lost = BTreeMap::new();
    let victim = 1 + random.below(seq - 1);
    let take = |piece: &flagstone_model::sealing::SealedPiece<'_>| {
        piece.commit.seq == victim && piece.place.starts_with("/changes/")
    };
    store.pieces(take, |piece| pieces.push(piece)).await.unwrap();
    for document in store.load().await.unwrap().documents.into_iter().filter(|document| document.seq == victim) {
        let change = match document.kind.as_str() {
            "feature" => {
                let mut body: serde_json::Value = serde_json::from_str(&document.body).unwrap();
                body["createdBy"]["name"] = json!("[redacted]");
                put("feature", &document.id, body)
            }
            kind => delete(kind, &document.id),
        };
        lost.insert((document.kind, document.id), change);
    }
    Commit { redacts: pieces, ..commit(seq, lost.into_values().collect(), vec![]) }
}

/// The fold of the first commits, as the log has them now.
async fn fold(store: &Store) -> Vec<Vec<StoredDocument>> {
    let mut documents = BTreeMap::new();
    let mut states = vec![vec![]];
    for commit in store.commits_after(0, 10_000).await.unwrap() {
        for change in commit.body.changes {
            let key = (change.kind.clone(), change.id.clone());
            match change.body {
                Some(body) => {
                    let (kind, id) = key.clone();
                    documents.insert(key, StoredDocument { kind, id, seq: commit.seq, body: body.to_string() });
                }
                None => drop(documents.remove(&key)),
            }
        }
        states.push(documents.values().cloned().collect());
    }
    states
}

pub(crate) async fn any_past_state_is_the_fold_of_the_log(fixture: Fixture) {
    let store = &fixture.store;
    let mut random = Random::seeded("past");
    let every = Every { commits: 7, bytes: u64::MAX };
    let (mut checkpoints, mut redactions) = (0, 0);
    for seq in 1..=60 {
        let next = match random.below(8) {
            // Some in every run.
            drawn if seq > 1 && (drawn == 0 || seq % 6 == 0) => redaction(&mut random, store, seq).await,
            _ => changes(&mut random, seq),
        };
        redactions += usize::from(!next.redacts.is_empty());
        assert_eq!(store.append(&[next]).await, Ok(Appended::Done));
        if random.below(3) == 0 {
            while store.checkpoint_state(every).await.unwrap().is_some() {
                checkpoints += 1;
            }
        }
    }
    assert!(checkpoints > 3 && redactions > 0, "{checkpoints} {redactions}");
    assert!(store.verify().await.unwrap().is_intact());
    let states = fold(store).await;
    for (seq, expected) in (0..).zip(&states) {
        assert_eq!(&store.documents_at(seq).await.unwrap(), expected, "at {seq}");
    }
    assert_eq!(store.documents_at(60).await.unwrap(), store.load().await.unwrap().documents);
    let beyond = store.documents_at(61).await;
    assert!(matches!(beyond, Err(Error::Invalid(_))), "{beyond:?}");
    for kind in KINDS {
        for id in 0..5 {
            let id = id.to_string();
            for (seq, state) in (0..).zip(&states) {
                let expected = state.iter().find(|document| document.kind == kind && document.id == id);
                assert_eq!(store.document_at(kind, &id, seq).await.unwrap().as_ref(), expected, "{kind} {id} at {seq}");
            }
        }
    }
}

pub(crate) async fn a_history_comes_in_pages(fixture: Fixture) {
    let store = &fixture.store;
    for seq in 1..=20 {
        let change = if seq == 10 { delete("feature", "a") } else { put("feature", "a", json!({"n": seq})) };
        store.append(&[commit(seq, vec![change, put("feature", "b", json!({}))], vec![])]).await.unwrap();
    }
    let page = async |before, limit| {
        let revisions = store.history("feature", "a", before, limit).await.unwrap();
        revisions.iter().map(|revision| revision.seq).collect::<Vec<_>>()
    };
    assert_eq!(page(u64::MAX, 3).await, [20, 19, 18]);
    assert_eq!(page(12, 3).await, [11, 10, 9]);
    assert_eq!(page(3, 9).await, [2, 1]);
    assert_eq!(page(1, 9).await, [] as [u64; 0]);
    assert_eq!(page(9, 0).await, [] as [u64; 0]);
    let revisions = store.history("feature", "a", 12, 2).await.unwrap();
    assert_eq!((revisions[0].at, revisions[0].actor.id), (time(1_700_000_000_011), 1));
    assert_eq!((&revisions[0].body, &revisions[1].body), (&Some(json!({"n": 11})), &None));
    assert_eq!(store.history("feature", "none", u64::MAX, 9).await, Ok(vec![]));
}

pub(crate) async fn a_time_is_a_place_in_the_log_also_when_clocks_go_back(fixture: Fixture) {
    let store = &fixture.store;
    assert_eq!(store.seq_at(time(5)).await, Ok(0));
    let times = [100, 200, 200, 150, 400, 120, 300, 500];
    for (seq, at) in (1..).zip(times) {
        store.append(&[Commit { at: time(at), ..commit(seq, vec![], vec![]) }]).await.unwrap();
    }
    let cases = [(0, 0), (99, 0), (100, 1), (199, 1), (200, 4), (399, 4), (400, 7), (499, 7), (500, 8), (i64::MAX, 8)];
    for (at, seq) in cases {
        assert_eq!(store.seq_at(time(at)).await, Ok(seq), "at {at}");
        // The definition, said in another way: up to the first commit that is later.
        let until = times.iter().position(|time| *time > at).unwrap_or(times.len());
        assert_eq!(until as u64, seq);
    }
}

pub(crate) async fn checkpoints_are_made_when_they_are_due(fixture: Fixture) {
    let store = &fixture.store;
    let (few, small) = (Every { commits: 5, bytes: u64::MAX }, Every { commits: 1_000, bytes: 3_000 });
    assert_eq!(store.checkpoint_state(few).await, Ok(None));
    for seq in 1..=12 {
        store.append(&[commit(seq, vec![put("setting", "x", json!("x".repeat(900)))], vec![])]).await.unwrap();
    }
    let mut made = Vec::new();
    while let Some(seq) = store.checkpoint_state(few).await.unwrap() {
        made.push(seq);
    }
    assert_eq!(made, [5, 10]);
    assert_eq!(store.checkpoint_state(small).await, Ok(None), "two commits are not enough yet");
    store.append(&[commit(13, vec![put("setting", "x", json!("x".repeat(900)))], vec![])]).await.unwrap();
    assert_eq!(store.checkpoint_state(small).await, Ok(Some(13)));
    assert_eq!(store.documents_at(11).await.unwrap()[0].seq, 11);
}

/// What a redaction takes is in no checkpoint either, and a damaged checkpoint costs time and nothing else.
async fn checkpoints_hold_nothing_that_was_redacted(fixture: Fixture) {
    let store = &fixture.store;
    let every = Every { commits: 5, bytes: u64::MAX };
    for seq in 1..=20 {
        let change = if seq == 7 { put("user", "1", json!({"email": "ada"})) } else { put("setting", "x", json!(seq)) };
        store.append(&[commit(seq, vec![change], vec![])]).await.unwrap();
    }
    let mut made = 0;
    while store.checkpoint_state(every).await.unwrap().is_some() {
        made += 1;
    }
    assert_eq!(made, 4);
    let mut pieces: Vec<Piece> = Vec::new();
    store.pieces(|piece| piece.text.contains("email"), |piece| pieces.push(piece)).await.unwrap();
    let erase = Commit { redacts: pieces, ..commit(21, vec![delete("user", "1")], vec![]) };
    store.append(&[erase]).await.unwrap();
    let mut door = fixture.back_door().await;
    let count = "SELECT CAST(COUNT(*) AS TEXT) || ' ' || CAST((SELECT COUNT(*) FROM checkpoint_parts) AS TEXT) FROM checkpoints";
    assert_eq!(door.text(count).await, "1 1", "the one before the commit that lost something stays");
    // They are made anew.
    while store.checkpoint_state(every).await.unwrap().is_some() {
        made += 1;
    }
    assert_eq!((made, door.text(count).await.as_str()), (7, "4 4"));
    assert_eq!(store.documents_at(15).await.unwrap().len(), 1);
    for damage in
        ["UPDATE checkpoints SET hash = chain_hash FROM commits WHERE commits.seq = 1", "DELETE FROM checkpoint_parts"]
    {
        door.run(damage).await;
        assert_eq!(store.documents_at(18).await.unwrap()[0].seq, 18);
    }
}

#[tokio::test]
async fn checkpoints_hold_nothing_that_was_redacted_on_sqlite() {
    checkpoints_hold_nothing_that_was_redacted(Fixture::sqlite().await).await;
}

#[tokio::test]
async fn checkpoints_hold_nothing_that_was_redacted_on_postgres() {
    checkpoints_hold_nothing_that_was_redacted(Fixture::postgres().await).await;
}
