//! What earlier releases have written loads, folds and verifies for ever. A file of the corpus is never changed: a new
//! format adds one.

use flagstone_model::State;
use flagstone_model::commit::FORMAT;
use serde_json::{Value, json};

use crate::fixture::{BackDoor, Fixture};

/// A commit a line, as `docs/log-format.md` has it: the rows of a log that begins with a first start and ends with a
/// redaction, and what its fold is.
const CORPUS: &[(u32, &str)] = &[(1, include_str!("../corpus/1.jsonl"))];

fn text(row: &Value, field: &str) -> String {
    format!("'{}'", row[field].as_str().unwrap().replace('\'', "''"))
}

#[tokio::test]
async fn the_corpus_loads_and_verifies() {
    assert_eq!(CORPUS.last().unwrap().0, FORMAT, "the newest format has no file in the corpus");
    for (format, lines) in CORPUS {
        let fixture = Fixture::sqlite().await;
        let mut door = fixture.back_door().await;
        let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let (fold, rows) = rows.split_last().unwrap();
        insert(&mut door, rows).await;
        let commits = fixture.store.commits_after(0, 1_000).await.unwrap();
        let mut state = State::default();
        for commit in &commits {
            assert_eq!(commit.format, *format);
            state.apply(commit).unwrap_or_else(|error| panic!("format {format}, commit {}: {error}", commit.seq));
        }
        assert_eq!(summary(&state), fold["fold"], "format {format}");
        // Documents and events come from the log here, so verifying finds the first of them missing, and nothing else.
        let found = fixture.store.verify().await.unwrap();
        assert_eq!(found.broken.unwrap().to_string(), "commit 1: event 1 is not what the log says");
        let kept = commits.iter().flat_map(|commit| &commit.body.events).map(|event| event.id);
        for (commit, event) in commits.iter().flat_map(|c| c.body.events.iter().map(move |e| (c, e))) {
            let detail = match (&event.data, &event.pre_data) {
                (None, None) => "NULL".to_owned(),
                (data, pre_data) => door.packed(&json!({ "data": data, "preData": pre_data }).to_string()),
            };
            let name =
                |name: &Option<String>| name.as_ref().map_or("NULL".to_owned(), |name| text(&json!({"x": name}), "x"));
            door.run(format!(
                "INSERT INTO events (id, seq, type, at, created_by, created_by_user_id, ip, project, environment, feature, \
                 detail) VALUES ({}, {}, '{}', {}, '{}', {}, {}, {}, {}, {}, {detail})",
                event.id, commit.seq, event.kind, event.created_at.millis(), event.created_by, event.created_by_user_id,
                name(&event.ip), name(&event.project), name(&event.environment), name(&event.feature_name),
            ))
            .await;
        }
        assert_eq!(kept.max(), Some(state.last_event_id));
        for change in
            commits.iter().flat_map(|commit| commit.body.changes.iter().map(move |change| (commit.seq, change)))
        {
            let (seq, change) = change;
            door.run(format!("DELETE FROM documents WHERE kind = '{}' AND id = '{}'", change.kind, change.id)).await;
            let key = format!("'{}', '{}'", change.kind, change.id);
            door.run(format!("INSERT INTO document_keys (kind, id) VALUES ({key}) ON CONFLICT DO NOTHING")).await;
            let number = format!("SELECT number, {seq} FROM document_keys WHERE (kind, id) = ({key})");
            door.run(format!("INSERT INTO changes (document, seq) {number}")).await;
            if let Some(body) = &change.body {
                let body = door.packed(&body.to_string());
                door.run(format!(
                    "INSERT INTO documents (kind, id, seq, body, hash) VALUES ('{}', '{}', {seq}, {body}, zeroblob(32))",
                    change.kind, change.id
                ))
                .await;
            }
        }
        let found = fixture.store.verify().await.unwrap();
        assert!(found.is_intact() && found.redacted > 0, "format {format}: {found:?}");
    }
}

async fn insert(door: &mut BackDoor, rows: &[Value]) {
    let mut reached = i64::MIN;
    for row in rows {
        let at = row["at"].as_i64().unwrap();
        reached = reached.max(at);
        let body: Value = serde_json::from_str(row["body"].as_str().unwrap()).unwrap();
        door.run(format!(
            "INSERT INTO commits (seq, id, at, format, reached, bytes, redacts, body, private, body_hash, chain_hash) \
             VALUES ({}, {}, {at}, {}, {reached}, 0, {}, {}, {}, x{}, x{})",
            row["seq"],
            text(row, "id"),
            row["format"],
            body["redacts"].as_array().map_or(0, Vec::len),
            door.packed(row["body"].as_str().unwrap()),
            text(row, "private"),
            text(row, "bodyHash"),
            text(row, "chainHash"),
        ))
        .await;
    }
}

/// How many documents of each kind there are, and some that show what came of them.
fn summary(state: &State) -> Value {
    json!({
        "features": state.features.values().map(|feature| (&feature.name, &feature.created_by.name)).collect::<Vec<_>>(),
        "projects": state.projects.len(),
        "environments": state.environments.len(),
        "revisions": state.revisions.values().map(|row| (&row.environment, row.seq)).collect::<Vec<_>>(),
        "segments": state.segments.values().map(|segment| (&segment.name, &segment.created_by)).collect::<Vec<_>>(),
        "contextFields": state.context_fields.len(),
        "apiTokens": state.api_tokens.values().map(|token| (&token.name, &token.hash)).collect::<Vec<_>>(),
        "users": state.users.values().map(|user| (user.id, user.label())).collect::<Vec<_>>(),
        "personalTokens": state.personal_tokens.values().map(|token| token.id).collect::<Vec<_>>(),
        "passwordResets": state.password_resets.values().map(|reset| reset.user_id).collect::<Vec<_>>(),
        "roles": state.roles.len(),
        "settings": state.settings.len(),
        "seq": state.seq,
        "lastEventId": state.last_event_id,
    })
}
