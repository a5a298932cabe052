//! A log that was compacted begins later, says so, and is whole from there.

use flagstone_model::commit::{Commit, Piece};
use flagstone_store::{Appended, Error, EventQuery, Every, Fault, Store};
use serde_json::json;

use crate::events::all;
use crate::fixture::{Fixture, commit, delete, event, put, simple, time};
use crate::redaction::{ADDRESS, pieces, redaction, story};

/// When [`commit`] says that a commit was made.
fn made(seq: u64) -> flagstone_model::time::Timestamp {
    time(1_700_000_000_000 + i64::try_from(seq).unwrap())
}

async fn fill(store: &Store, seqs: std::ops::RangeInclusive<u64>) {
    for seq in seqs {
        let mut next = simple(seq);
        if seq == 20 {
            next.body.changes = vec![delete("feature", "feature-3")];
        }
        store.append(&[next]).await.unwrap();
    }
}

async fn event_ids(store: &Store) -> Vec<u64> {
    store.events(&all()).await.unwrap().events.iter().map(|event| event.id).collect()
}

pub(crate) async fn a_compacted_log_is_whole_from_where_it_begins(fixture: Fixture) {
    let store = &fixture.store;
    assert_eq!(store.compact(made(100)).await, Ok(None), "there is nothing");
    fill(store, 1..=40).await;
    while store.checkpoint_state(Every { commits: 7, bytes: u64::MAX }).await.unwrap().is_some() {}
    let (before, loaded) = (store.verify().await.unwrap(), store.load().await.unwrap());
    let mut states = Vec::new();
    for seq in 0..=40 {
        states.push(store.documents_at(seq).await.unwrap());
    }
    for (at, begin) in [(made(1), 0), (made(11), 10), (made(11), 10), (made(5), 10), (made(31), 30)] {
        let moved = store.begin().await.unwrap() != begin;
        assert_eq!(store.compact(at).await, Ok(moved.then_some(begin)));
        assert_eq!(store.begin().await, Ok(begin));
        let found = store.verify().await.unwrap();
        assert!(found.is_intact(), "{found:?}");
        assert_eq!((found.commits, found.events, found.documents), (40 - begin, 40 - begin, before.documents));
        assert_eq!(found.chain_hash, before.chain_hash);
        assert_eq!(store.load().await.unwrap(), loaded);
        assert_eq!(event_ids(store).await, (begin + 1..=40).rev().collect::<Vec<_>>());
        let mut text = EventQuery { text: Some("feature-updated".to_owned()), ..all() };
        assert_eq!(store.events(&text).await.unwrap().total, 40 - begin);
        text.features = vec!["feature-1".to_owned()];
        assert!(store.events(&text).await.unwrap().total > 0);
        for (seq, state) in (0..).zip(&states) {
            let is_gone = seq < begin;
            let found = store.documents_at(seq).await;
            assert_eq!(found, if is_gone { Err(Error::Compacted(begin)) } else { Ok(state.clone()) }, "{seq}");
            let expected = state.iter().find(|document| document.id == "feature-3").cloned();
            let found = store.document_at("feature", "feature-3", seq).await;
            assert_eq!(found, if is_gone { Err(Error::Compacted(begin)) } else { Ok(expected) }, "{seq}");
            let page = store.page_after(seq, 100).await;
            let expected = if is_gone { Err(Error::Compacted(begin)) } else { Ok(40 - seq) };
            assert_eq!(page.map(|page| page.commits.len() as u64), expected, "{seq}");
            let expected = if is_gone { Err(Error::Compacted(begin)) } else { Ok(seq) };
            assert_eq!(store.seq_at(made(seq)).await, expected);
        }
        assert_eq!(store.last_commits(100).await.unwrap().len() as u64, 40 - begin);
        let history = store.history("feature", "feature-1", u64::MAX, 100).await.unwrap();
        assert!(history.iter().all(|revision| revision.seq > begin) && !history.is_empty());
    }
    // One commit stays in any case, and the log goes on.
    assert_eq!(store.compact(made(1_000)).await, Ok(Some(39)));
    fill(store, 41..=42).await;
    assert_eq!(store.append(&[simple(44)]).await, Ok(Appended::Conflict));
    let found = store.verify().await.unwrap();
    assert!(found.is_intact() && found.commits == 3, "{found:?}");
}

pub(crate) async fn events_are_forgotten_and_their_numbers_never_come_back(fixture: Fixture) {
    let store = &fixture.store;
    fill(store, 1..=10).await;
    let head = store.load().await.unwrap().head;
    assert_eq!(store.forget_events(made(1)).await, Ok(None));
    assert_eq!(store.forget_events(made(5)).await, Ok(Some(4)));
    assert_eq!(store.forget_events(made(4)).await, Ok(None));
    assert_eq!(event_ids(store).await, [10, 9, 8, 7, 6, 5]);
    let found = store.verify().await.unwrap();
    assert!(found.is_intact() && (found.commits, found.events) == (10, 6), "{found:?}");
    assert_eq!(store.forget_events(made(100)).await, Ok(Some(10)));
    assert_eq!((event_ids(store).await, store.load().await.unwrap().head), (vec![], head));
    assert!(store.verify().await.unwrap().is_intact());
    assert_eq!(store.commits_after(0, 100).await.unwrap().len(), 10);
    // The log may follow, and the other way round.
    assert_eq!(store.compact(made(6)).await, Ok(Some(5)));
    fill(store, 11..=12).await;
    assert_eq!(event_ids(store).await, [12, 11]);
    assert!(store.verify().await.unwrap().is_intact());
}

/// Ada is erased before and after her commits are gone.
pub(crate) async fn what_is_redacted_is_gone_from_the_base(fixture: Fixture) {
    let store = &fixture.store;
    store.append(&story()).await.unwrap();
    fill(store, 7..=9).await;
    assert_eq!(store.compact(made(5)).await, Ok(Some(4)));
    let found = pieces(store).await;
    assert!(found.iter().any(|piece| piece.seq == 4) && found.iter().all(|piece| piece.seq >= 4), "{found:?}");
    let erase = redaction(10, &found);
    // Nothing less will do.
    let silent = Commit { body: commit(10, vec![], vec![event(10, "x")]).body, ..erase.clone() };
    let unknown = Commit { redacts: vec![Piece { seq: 4, hash: [1; 32] }], ..erase.clone() };
    let gone = Commit { redacts: vec![Piece { seq: 2, ..found[0] }], ..erase.clone() };
    for refused in [silent, unknown, gone] {
        assert!(store.append(&[refused]).await.is_err());
        assert!(store.verify().await.unwrap().is_intact());
    }
    assert_eq!(store.append(&[erase]).await, Ok(Appended::Done));
    let verified = store.verify().await.unwrap();
    assert!(verified.is_intact() && verified.redacted > 0, "{verified:?}");
    for seq in 4..=10 {
        let documents = store.documents_at(seq).await.unwrap();
        assert!(documents.iter().all(|document| !document.body.contains(ADDRESS)), "{seq}");
    }
    // The gaps are compacted with the rest: first those of commits whose redaction stays.
    for begin in [6, 9, 10] {
        let next = 10 + begin;
        store.append(&[simple(store.last_seq().await.unwrap() + 1)]).await.unwrap();
        assert_eq!(store.compact(made(begin + 1)).await, Ok(Some(begin)), "{next}");
        let verified = store.verify().await.unwrap();
        assert!(verified.is_intact(), "{begin}: {verified:?}");
    }
    assert!(pieces(store).await.is_empty());
}

async fn tampering_with_the_base_is_found(fixture: Fixture) {
    let store = &fixture.store;
    fill(store, 1..=20).await;
    store.append(&[commit(21, vec![put("user", "1", json!({"email": ADDRESS}))], vec![])]).await.unwrap();
    fill(store, 22..=30).await;
    store.compact(made(26)).await.unwrap();
    let mut door = fixture.back_door().await;
    for table in ["bases", "base_parts"] {
        door.run(format!("CREATE TABLE {table}_kept AS SELECT * FROM {table}")).await;
    }
    let empty = door.packed(r#"{"actor":{},"changes":[],"events":[]}"#);
    let mut cases = [
        "UPDATE base_parts SET seqs = replace(seqs, '21', '20')",
        "UPDATE base_parts SET private = replace(private, 'ada@', 'eve@')",
        "UPDATE base_parts SET private = '[]'",
        "UPDATE base_parts SET body_hash = (SELECT chain_hash FROM bases)",
        "UPDATE bases SET hash = chain_hash",
        "UPDATE bases SET parts = parts - 1",
    ]
    .map(|case| (case.to_owned(), Fault::Base))
    .to_vec();
    cases.push((format!("UPDATE base_parts SET body = {empty}"), Fault::Base));
    cases.push(("UPDATE bases SET chain_hash = hash".to_owned(), Fault::ChainHash));
    cases.push(("DELETE FROM bases".to_owned(), Fault::Gap));
    for (tamper, fault) in cases {
        door.run(tamper.as_str()).await;
        let broken = store.verify().await.unwrap().broken;
        assert_eq!(broken.map(|broken| broken.fault), Some(fault), "{tamper}");
        for table in ["bases", "base_parts"] {
            door.run(format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM {table}_kept")).await;
        }
    }
    assert!(store.verify().await.unwrap().is_intact());
}

#[tokio::test]
async fn tampering_with_the_base_is_found_on_sqlite() {
    tampering_with_the_base_is_found(Fixture::sqlite().await).await;
}

#[tokio::test]
async fn tampering_with_the_base_is_found_on_postgres() {
    tampering_with_the_base_is_found(Fixture::postgres().await).await;
}

/// What was left when the process was killed is no part of the log, and is deleted the next time.
#[tokio::test]
async fn an_interrupted_compaction_is_finished() {
    let fixture = Fixture::sqlite().await;
    let store = &fixture.store;
    fill(store, 1..=30).await;
    let mut door = fixture.back_door().await;
    door.run("CREATE TABLE kept AS SELECT * FROM commits WHERE seq <= 20 AND seq <> 7").await;
    door.run("CREATE TABLE kept_changes AS SELECT * FROM changes WHERE seq <= 20").await;
    store.compact(made(26)).await.unwrap();
    door.run("INSERT INTO commits SELECT * FROM kept; INSERT OR IGNORE INTO changes SELECT * FROM kept_changes").await;
    assert!(store.verify().await.unwrap().is_intact());
    assert_eq!(store.page_after(6, 100).await, Err(Error::Compacted(25)));
    assert_eq!(store.last_commits(100).await.unwrap().len(), 5);
    assert_eq!(store.seq_at(made(27)).await, Ok(27));
    assert_eq!(store.compact(made(26)).await, Ok(None));
    let count = "SELECT CAST(COUNT(*) AS TEXT) || ' ' || (SELECT COUNT(*) FROM changes WHERE seq <= 25) FROM commits";
    assert_eq!(door.text(count).await, "5 0");
}

#[tokio::test]
async fn the_file_becomes_smaller() {
    let fixture = Fixture::sqlite().await;
    let store = &fixture.store;
    for seq in 1..=300 {
        let text: Vec<u64> = (0..60).map(|part| (seq * 7_919 + part) * 2_654_435_761 % 4_294_967_296).collect();
        store.append(&[commit(seq, vec![put("setting", "x", json!(text))], vec![event(seq, "x")])]).await.unwrap();
    }
    let mut door = fixture.back_door().await;
    let pages = "SELECT CAST(page_count AS TEXT) FROM pragma_page_count";
    let free = "SELECT CAST(freelist_count AS TEXT) FROM pragma_freelist_count";
    let before: u64 = door.text(pages).await.parse().unwrap();
    let bytes = || std::fs::metadata(fixture.path()).unwrap().len();
    let bytes_before = bytes();
    store.compact(made(300)).await.unwrap();
    assert!(bytes() * 2 < bytes_before, "{bytes_before} bytes, then {}", bytes());
    let after: u64 = door.text(pages).await.parse().unwrap();
    assert!(after * 2 < before, "{before} pages, then {after}");
    assert_eq!(door.text(free).await, "0");
}
