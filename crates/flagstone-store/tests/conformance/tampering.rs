//! The log gives away every change to it, and to what follows from it.

use flagstone_store::{Error, Fault};
use sha2::{Digest, Sha256};

use crate::fixture::{BackDoor, Fixture, Random, delete, simple};

const COMMITS: u64 = 40;
const TABLES: [&str; 4] = ["commits", "documents", "events", "changes"];

async fn fill(fixture: &Fixture) {
    let mut commits: Vec<_> = (1..=COMMITS).map(simple).collect();
    commits[20].body.changes.push(delete("feature", "feature-3"));
    for group in commits.chunks(7) {
        fixture.store.append(group).await.unwrap();
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A change that someone might make, as SQL.
async fn tampering(random: &mut Random, door: &mut BackDoor) -> String {
    let seq = 1 + random.below(COMMITS);
    let other = 1 + (seq + random.below(COMMITS - 1)) % COMMITS;
    let junk = random.below(u64::MAX);
    let hash: [u8; 32] = Sha256::digest(junk.to_be_bytes()).into();
    match random.below(17) {
        0 | 1 => {
            let body = door.unpacked(format!("SELECT body FROM commits WHERE seq = {seq}")).await;
            let body = changed(random, &body);
            format!("UPDATE commits SET body = {} WHERE seq = {seq}", door.packed(&body))
        }
        2 => {
            // A forger who knows how bodies are hashed.
            let body = door.unpacked(format!("SELECT body FROM commits WHERE seq = {seq}")).await;
            let body = changed(random, &body);
            let hash = door.blob(&Sha256::digest(body.as_bytes()));
            format!("UPDATE commits SET body = {}, body_hash = {hash} WHERE seq = {seq}", door.packed(&body))
        }
        3 => {
            let column = ["at", "format", "reached", "redacts"][index(random, 4)];
            format!("UPDATE commits SET {column} = {column} + {} WHERE seq = {seq}", 1 + random.below(1_000))
        }
        4 => {
            let private = door.text(format!("SELECT private FROM commits WHERE seq = {seq}")).await;
            format!("UPDATE commits SET private = {} WHERE seq = {seq}", quoted(&changed(random, &private)))
        }
        5 if seq != other => format!(
            "UPDATE commits SET seq = 1000 WHERE seq = {seq}; UPDATE commits SET seq = {seq} WHERE seq = {other}; \
             UPDATE commits SET seq = {other} WHERE seq = 1000"
        ),
        5 | 6 => format!("DELETE FROM commits WHERE seq = {seq}"),
        7 => format!("UPDATE commits SET body_hash = {} WHERE seq = {seq}", door.blob(&hash)),
        8 => format!("UPDATE commits SET chain_hash = {} WHERE seq = {seq}", door.blob(&hash)),
        9 | 10 => {
            let column = ["type", "created_by", "project", "environment", "feature", "ip"][index(random, 6)];
            format!("UPDATE events SET {column} = 'x{junk}' WHERE id = {seq}")
        }
        11 => {
            let field = ["data", "preData"][index(random, 2)];
            let detail = door.packed(&format!("{{\"{field}\":{{\"x\":{junk}}}}}"));
            format!("UPDATE events SET detail = {detail} WHERE id = {seq}")
        }
        12 => match random.below(4) {
            0 => format!("DELETE FROM events WHERE id = {seq}"),
            1 => format!("UPDATE events SET at = at - 1 WHERE id = {seq}"),
            2 => format!("UPDATE events SET seq = {} WHERE id = {seq}", seq + 1),
            _ => format!(
                "INSERT INTO events (id, seq, type, at, created_by, created_by_user_id) \
                 VALUES ({}, {seq}, 'forged', 1, 'ada', 1)",
                COMMITS + 1 + random.below(100)
            ),
        },
        16 => match random.below(3) {
            0 => format!("DELETE FROM changes WHERE seq = {seq}"),
            1 => format!("UPDATE changes SET seq = {} WHERE seq = {seq}", COMMITS + 1),
            _ => format!(
                "INSERT INTO changes (document, seq) SELECT MIN(number), {seq} FROM document_keys \
                 WHERE number NOT IN (SELECT document FROM changes WHERE seq = {seq})"
            ),
        },
        13 => {
            let body = door.packed(&format!("{{\"x\":{junk}}}"));
            format!("UPDATE documents SET body = {body} WHERE id = {}", document(random))
        }
        14 => format!("UPDATE documents SET seq = seq + 1 WHERE id = {}", document(random)),
        _ => match random.below(2) {
            0 => format!("DELETE FROM documents WHERE id = {}", document(random)),
            _ => format!(
                "INSERT INTO documents (kind, id, seq, body, hash) VALUES ('feature', 'x{junk}', {seq}, {}, {})",
                door.packed("{}"),
                door.blob(&hash)
            ),
        },
    }
}

fn document(random: &mut Random) -> String {
    format!("'feature-{}'", random.below(7))
}

fn index(random: &mut Random, limit: u64) -> usize {
    usize::try_from(random.below(limit)).unwrap()
}

/// The text with one character made another.
fn changed(random: &mut Random, text: &str) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let at = index(random, characters.len() as u64);
    characters[at] = if characters[at] == 'x' { 'y' } else { 'x' };
    characters.into_iter().collect()
}

async fn a_thousand_tamperings_are_found(fixture: Fixture, name: &str) {
    let mut random = Random::seeded(name);
    fill(&fixture).await;
    let mut door = fixture.back_door().await;
    for table in TABLES {
        door.run(format!("CREATE TABLE {table}_kept AS SELECT * FROM {table}")).await;
    }
    let intact = fixture.store.verify().await.unwrap();
    assert!(intact.is_intact());
    for round in 0..1_000 {
        let sql = tampering(&mut random, &mut door).await;
        door.run(sql.as_str()).await;
        let found = fixture.store.verify().await;
        assert!(found.as_ref().is_ok_and(|found| !found.is_intact()), "round {round}: {sql}: {found:?}");
        if sql.starts_with("UPDATE documents SET body") {
            let loaded = fixture.store.load().await;
            assert!(matches!(loaded, Err(Error::Corrupt(_))), "round {round}: {sql}: {loaded:?}");
        }
        let table = TABLES.into_iter().find(|table| sql.contains(&format!(" {table} "))).unwrap();
        let restore = format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM {table}_kept");
        door.run(format!("BEGIN; {restore}; COMMIT")).await;
    }
    assert_eq!(fixture.store.verify().await.unwrap(), intact);
}

#[tokio::test]
async fn a_thousand_tamperings_are_found_on_sqlite() {
    a_thousand_tamperings_are_found(Fixture::sqlite().await, "sqlite").await;
}

#[tokio::test]
async fn a_thousand_tamperings_are_found_on_postgres() {
    a_thousand_tamperings_are_found(Fixture::postgres().await, "postgres").await;
}

async fn the_first_fault_is_named(fixture: Fixture) {
    fill(&fixture).await;
    let mut door = fixture.back_door().await;
    let empty = door.packed("{}");
    let mut check = async |undo: &str, tamper: &str, seq: u64, fault: Fault, text: &str| {
        door.run(tamper).await;
        let broken = fixture.store.verify().await.unwrap().broken.unwrap();
        assert_eq!((broken.seq, &broken.fault), (seq, &fault), "{tamper}");
        assert_eq!(broken.to_string(), text);
        door.run(undo).await;
    };
    let document = Fault::Document("feature".to_owned(), "feature-5".to_owned());
    check(
        "UPDATE documents SET seq = 40 WHERE id = 'feature-5'",
        "UPDATE documents SET seq = 39 WHERE id = 'feature-5'",
        40,
        document,
        "commit 40: the feature `feature-5` is not what the log says",
    )
    .await;
    check(
        "UPDATE events SET type = 'feature-updated' WHERE id = 6",
        "UPDATE events SET type = 'x' WHERE id = 6",
        6,
        Fault::Event(6),
        "commit 6: event 6 is not what the log says",
    )
    .await;
    check(
        "UPDATE commits SET at = at - 1 WHERE seq = 9",
        "UPDATE commits SET at = at + 1 WHERE seq = 9",
        9,
        Fault::ChainHash,
        "commit 9: its number, time, format or hash was changed",
    )
    .await;
    check(
        "SELECT 1",
        &format!("UPDATE commits SET body = {empty} WHERE seq = 11"),
        11,
        Fault::BodyHash,
        "commit 11: its body was changed",
    )
    .await;
    check("SELECT 1", "DELETE FROM commits WHERE seq = 5", 5, Fault::Gap, "commit 5 is missing").await;
    check("SELECT 1", "DELETE FROM commits WHERE seq > 3", 4, Fault::Gap, "commit 4 is missing").await;
}

#[tokio::test]
async fn the_first_fault_is_named_on_sqlite() {
    the_first_fault_is_named(Fixture::sqlite().await).await;
}

#[tokio::test]
async fn the_first_fault_is_named_on_postgres() {
    the_first_fault_is_named(Fixture::postgres().await).await;
}
