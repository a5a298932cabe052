//! A redaction takes pieces out of the log, for nodes that lag and for ever, and excuses nothing else.

use flagstone_model::State;
use flagstone_model::commit::{Actor, Commit, Piece};
use flagstone_store::{Appended, Error, Fault, Store};
use serde_json::{Value, json};

use crate::fixture::{Fixture, commit, delete, event, put};

pub(crate) const ADDRESS: &str = "ada@example.com";

fn user(id: i64, email: &str) -> flagstone_model::commit::Change {
    let body = json!({"id": id, "email": email, "rootRole": 1, "createdAt": "2026-01-01T00:00:00.000Z",
        "passwordHash": "$argon2id$secret", "previousHashes": [], "generation": 0, "disabled": false});
    put("user", &id.to_string(), body)
}

fn feature(name: &str, creator: &str, description: &str) -> flagstone_model::commit::Change {
    let body = json!({"name": name, "type": "release", "project": "default", "description": description,
        "createdAt": "2026-01-01T00:00:00.000Z", "createdBy": {"id": 2, "name": creator}});
    put("feature", name, body)
}

/// A log in which Ada, user 2, is created, creates a feature, changes herself, and is followed by somebody else.
pub(crate) fn story() -> Vec<Commit> {
    let by = |commit: Commit, id: i64, name: &str| {
        let events = commit.body.events.into_iter();
        let events = events.map(|event| flagstone_model::commit::Event {
            created_by: name.to_owned(),
            created_by_user_id: id,
            ip: Some("192.0.2.7".to_owned()),
            ..event
        });
        let body = flagstone_model::commit::CommitBody { events: events.collect(), ..commit.body };
        Commit { actor: Actor { id, name: name.to_owned(), ip: Some("192.0.2.7".to_owned()) }, body, ..commit }
    };
    let about =
        |id: u64, kind: &str, data: Value| flagstone_model::commit::Event { data: Some(data), ..event(id, kind) };
    let root = "root";
    vec![
        by(
            commit(
                1,
                vec![user(1, "root@example.com")],
                vec![about(1, "user-created", json!({"email": "root@example.com"}))],
            ),
            -1337,
            "system",
        ),
        by(commit(2, vec![user(2, ADDRESS)], vec![about(2, "user-created", json!({"email": ADDRESS}))]), 1, root),
        by(commit(3, vec![feature("a", ADDRESS, "one")], vec![event(3, "feature-created")]), 2, ADDRESS),
        by(commit(4, vec![feature("b", "root", "other")], vec![event(4, "feature-created")]), 1, root),
        by(
            commit(5, vec![user(2, ADDRESS), feature("a", ADDRESS, "two")], vec![event(5, "feature-updated")]),
            2,
            ADDRESS,
        ),
        by(commit(6, vec![feature("c", "root", "other")], vec![event(6, "feature-created")]), 1, root),
    ]
}

/// The pieces of the log that hold Ada's address or her password.
pub(crate) async fn pieces(store: &Store) -> Vec<Piece> {
    let mut found = Vec::new();
    let is_hers = |text: &str| text.contains(ADDRESS) || text.contains("\"id\":2,");
    store.pieces(|piece| is_hers(piece.text), |piece| found.push(piece)).await.unwrap();
    found
}

/// The commit that erases Ada.
pub(crate) fn redaction(seq: u64, pieces: &[Piece]) -> Commit {
    let changes = vec![delete("user", "2"), feature("a", "[redacted]", "two")];
    Commit { redacts: pieces.to_vec(), ..commit(seq, changes, vec![event(seq, "user-erased")]) }
}

pub(crate) async fn what_is_redacted_is_gone_and_the_log_is_whole(fixture: Fixture) {
    let store = &fixture.store;
    store.append(&story()).await.unwrap();
    assert!(store.verify().await.unwrap().is_intact());
    let found = pieces(store).await;
    // The user twice, an event's data, the actor twice, the creator twice.
    assert_eq!(found.len(), 7);
    let before = store.commits_after(0, 100).await.unwrap();
    assert_eq!(before, story());
    assert_eq!(store.append(&[redaction(7, &found)]).await, Ok(Appended::Done));

    let verified = store.verify().await.unwrap();
    assert_eq!((verified.commits, verified.redacted, &verified.broken), (7, 7, &None));
    assert_eq!(pieces(store).await, []);
    let commits = store.commits_after(0, 100).await.unwrap();
    let events = store.events(&crate::events::all()).await.unwrap();
    let documents = store.load().await.unwrap().documents;
    for text in [format!("{commits:?}"), format!("{events:?}"), format!("{documents:?}")] {
        assert!(!text.contains(ADDRESS), "{text}");
    }
    assert_eq!(events.events.iter().filter(|event| event.created_by == "[redacted]").count(), 2);
    // What is not hers is as it was.
    assert_eq!((&commits[0], &commits[3], &commits[5]), (&before[0], &before[3], &before[5]));
    assert_eq!(commits[1].body.changes, []);
    assert_eq!(commits[4].body.changes[0].body.as_ref().unwrap()["createdBy"]["name"], "[redacted]");
    assert_eq!(commits[4].body.changes[0].body.as_ref().unwrap()["description"], "two");
}

/// The whole fold, as a node does it that reads in pages of this many.
async fn folded(store: &Store, mut state: State, page: u32) -> State {
    loop {
        let commits = store.commits_after(state.seq, page).await.unwrap();
        if commits.is_empty() {
            return state;
        }
        for commit in commits {
            state.apply(&commit).unwrap();
        }
    }
}

pub(crate) async fn a_lagging_node_follows_past_a_redaction(fixture: Fixture) {
    let store = &fixture.store;
    store.append(&story()).await.unwrap();
    let mut lagging = vec![State::default()];
    for commit in story() {
        let mut state = lagging.last().unwrap().clone();
        state.apply(&commit).unwrap();
        lagging.push(state);
    }
    store.append(&[redaction(7, &pieces(store).await)]).await.unwrap();
    let mut expected = State::default();
    let loaded = store.load().await.unwrap();
    (expected.seq, expected.last_event_id) = (loaded.head.seq, loaded.head.last_event_id);
    for document in loaded.documents {
        expected
            .load(
                &document.kind,
                &document.id,
                Some(serde_json::from_str::<serde_json::Value>(&document.body).unwrap()),
            )
            .unwrap();
    }
    assert_eq!((expected.users.len(), expected.features.len()), (1, 3));
    for state in lagging {
        for page in [1, 3, 100] {
            let followed = folded(store, state.clone(), page).await;
            assert_eq!(followed.users, expected.users, "from {} by {page}", state.seq);
            assert_eq!(followed, State { format: followed.format, ..expected.clone() });
        }
    }
}

pub(crate) async fn a_redaction_that_does_not_fit_is_refused(fixture: Fixture) {
    let store = &fixture.store;
    store.append(&story()).await.unwrap();
    let found = pieces(store).await;
    let before = (store.load().await, store.commits_after(0, 100).await, store.verify().await);
    let (mut silent, mut half) = (redaction(7, &found), redaction(7, &found));
    silent.body.changes.clear();
    half.body.changes.pop();
    let unknown = redaction(7, &[Piece { seq: 3, hash: [1; 32] }]);
    let missing = redaction(7, &[Piece { seq: 7, ..found[0] }]);
    for refused in [silent, half, unknown, missing] {
        let result = store.append(std::slice::from_ref(&refused)).await;
        assert!(matches!(result, Err(Error::Invalid(_))), "{refused:?}: {result:?}");
        assert_eq!((store.load().await, store.commits_after(0, 100).await, store.verify().await), before);
    }
    assert_eq!(store.append(&[redaction(7, &found)]).await, Ok(Appended::Done));
}

/// Beside a redaction everything else is compared as before.
async fn tampering_beside_a_redaction_is_found(fixture: Fixture) {
    fixture.store.append(&story()).await.unwrap();
    let found = pieces(&fixture.store).await;
    fixture.store.append(&[redaction(7, &found)]).await.unwrap();
    let mut door = fixture.back_door().await;
    for table in ["commits", "documents", "events"] {
        door.run(format!("CREATE TABLE {table}_kept AS SELECT * FROM {table}")).await;
    }
    let document = |id: &str| Fault::Document("feature".to_owned(), id.to_owned());
    let piece = |place: &str| Fault::Piece(place.to_owned());
    let cases = [
        ("documents", "DELETE FROM documents WHERE id = 'b'", 4, document("b")),
        ("documents", &format!("UPDATE documents SET body = {} WHERE id = 'c'", door.packed("{}")), 6, document("c")),
        ("documents", "UPDATE documents SET seq = 5 WHERE id = 'a'", 7, document("a")),
        (
            "documents",
            "DELETE FROM documents WHERE kind = 'user'",
            1,
            Fault::Document("user".to_owned(), "1".to_owned()),
        ),
        ("events", "DELETE FROM events WHERE id = 3", 3, Fault::Event(3)),
        ("events", "UPDATE events SET type = 'x' WHERE id = 5", 5, Fault::Event(5)),
        ("events", "UPDATE events SET created_by = 'eve' WHERE id = 3", 3, Fault::Event(3)),
        ("events", "UPDATE events SET created_by = 'eve' WHERE id = 4", 4, Fault::Event(4)),
        ("events", "UPDATE events SET detail = NULL WHERE id = 1", 1, Fault::Event(1)),
        (
            "commits",
            "UPDATE commits SET private = '[null,null]' WHERE seq = 4",
            4,
            Fault::Unreadable("its private part does not go with it".to_owned()),
        ),
        ("commits", "UPDATE commits SET private = '[null,null,null]' WHERE seq = 6", 6, Fault::Event(6)),
        (
            "commits",
            "UPDATE commits SET private = replace(private, 'root', 'eve') WHERE seq = 6",
            6,
            piece("/actor/name"),
        ),
        ("commits", "UPDATE commits SET redacts = 0 WHERE seq = 7", 7, Fault::Redaction),
        ("commits", "DELETE FROM commits WHERE seq = 7", 7, Fault::Gap),
    ];
    for (table, tamper, seq, fault) in cases {
        door.run(tamper).await;
        let broken = fixture.store.verify().await.unwrap().broken;
        let broken = broken.unwrap_or_else(|| panic!("not found: {tamper}"));
        match &fault {
            // The gap shows in what the redaction has left behind as well.
            Fault::Gap => {}
            fault => assert_eq!((broken.seq, &broken.fault), (seq, fault), "{tamper}"),
        }
        door.run(format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM {table}_kept")).await;
    }
    assert!(fixture.store.verify().await.unwrap().is_intact());

    // Somebody who changes all that a redaction would change, but cannot add one to the chain.
    let body = door.unpacked("SELECT body FROM documents WHERE id = 'c'").await;
    let body = door.packed(&body.replace("\"root\"", "\"[redacted]\""));
    door.run(format!(
        "UPDATE commits SET private = '[null,null,null]' WHERE seq = 6; \
         UPDATE events SET created_by = '[redacted]', ip = NULL WHERE id = 6; \
         UPDATE documents SET body = {body} WHERE id = 'c'"
    ))
    .await;
    let broken = fixture.store.verify().await.unwrap().broken.unwrap();
    assert!(matches!((broken.seq, &broken.fault), (6, Fault::Piece(_))), "{broken:?}");
}

#[tokio::test]
async fn tampering_beside_a_redaction_is_found_on_sqlite() {
    tampering_beside_a_redaction_is_found(Fixture::sqlite().await).await;
}

#[tokio::test]
async fn tampering_beside_a_redaction_is_found_on_postgres() {
    tampering_beside_a_redaction_is_found(Fixture::postgres().await).await;
}

/// A piece that stands although a redaction names it is as wrong as one that is gone without one.
#[tokio::test]
async fn what_was_redacted_cannot_come_back() {
    let fixture = Fixture::sqlite().await;
    fixture.store.append(&story()).await.unwrap();
    let mut door = fixture.back_door().await;
    let kept = door.text("SELECT private FROM commits WHERE seq = 3").await;
    fixture.store.append(&[redaction(7, &pieces(&fixture.store).await)]).await.unwrap();
    door.run(format!("UPDATE commits SET private = '{kept}' WHERE seq = 3")).await;
    let broken = fixture.store.verify().await.unwrap().broken.unwrap();
    assert!(matches!((broken.seq, &broken.fault), (3, Fault::Event(3)) | (7, Fault::Redaction)), "{broken:?}");
}

/// Nor is a part of it left in the index of texts where that is no longer asked for it.
#[tokio::test]
async fn what_is_redacted_is_not_in_the_index_of_texts() {
    let fixture = Fixture::sqlite().await;
    let mut created = event(1, "user-created");
    // Of a gram there stands in the index what it does not begin with like the one before it: of two of these and a
    // quotation mark the last four digits.
    created.data = Some(json!({"email": "\u{7f}\u{7f}\u{7f}\u{7f}"}));
    fixture.store.append(&[commit(1, vec![], vec![created, event(2, "other")])]).await.unwrap();
    let mut door = fixture.back_door().await;
    let count = "SELECT CAST(COUNT(*) AS TEXT) FROM events_text_data WHERE instr(block, CAST('7f22' AS BLOB)) > 0";
    assert_eq!(door.text(count).await, "1");
    let mut found = Vec::new();
    fixture.store.pieces(|piece| piece.text.contains("email"), |piece| found.push(piece)).await.unwrap();
    let erase = Commit { redacts: found, ..commit(2, vec![], vec![event(3, "user-erased")]) };
    fixture.store.append(&[erase]).await.unwrap();
    assert_eq!(door.text(count).await, "0");
}

/// Nor is it in the file: neither in pages that are free now nor in the write-ahead log.
#[tokio::test]
async fn what_is_redacted_is_not_in_the_file() {
    let fixture = Fixture::sqlite().await;
    let folder = fixture.path().parent().unwrap().to_owned();
    let holds = || {
        let files = std::fs::read_dir(&folder).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
        files.filter(|file| file.windows(ADDRESS.len()).any(|part| part == ADDRESS.as_bytes())).count()
    };
    fixture.store.append(&story()).await.unwrap();
    assert!(holds() > 0);
    // Nor is a part of it in the index of texts, which says how often each is there.
    let mut door = fixture.back_door().await;
    door.run("CREATE VIRTUAL TABLE temp.parts USING fts5vocab (main, events_text, row)").await;
    // `da@` and `a@e`: the others are in what stays, too.
    let count = "SELECT CAST(COUNT(*) AS TEXT) FROM temp.parts WHERE term IN ('646140', '614065')";
    assert_eq!(door.text(count).await, "2");
    fixture.store.append(&[redaction(7, &pieces(&fixture.store).await)]).await.unwrap();
    assert_eq!(door.text(count).await, "0");
    drop(door);
    assert_eq!(holds(), 0);
}
