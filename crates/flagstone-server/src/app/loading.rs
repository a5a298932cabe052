//! From what is stored to the state, on as many cores as there are: a start waits for it.

use std::thread::{available_parallelism, scope};

use anyhow::anyhow;
use flagstone_model::State;
use flagstone_store::{Loaded, StoredDocument};
use serde_json::Deserializer;

/// The fewest documents that are worth a thread.
const DOCUMENTS_MIN: usize = 500;
/// The most threads.
const THREADS_MAX: usize = 8;

/// The state that is stored.
pub fn state(loaded: Loaded) -> anyhow::Result<State> {
    let Loaded { head, documents } = loaded;
    let threads = available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    let share = documents.len().div_ceil(threads).max(DOCUMENTS_MIN);
    let parts = scope(|threads| {
        let shares: Vec<_> = documents.chunks(share).map(|share| threads.spawn(|| part(share, head.format))).collect();
        let ended = |part: std::thread::ScopedJoinHandle<'_, _>| {
            part.join().unwrap_or_else(|_| Err(anyhow!("reading the documents broke off")))
        };
        shares.into_iter().map(ended).collect::<anyhow::Result<Vec<State>>>()
    })?;
    let mut state = State { seq: head.seq, last_event_id: head.last_event_id, format: head.format, ..State::default() };
    for part in parts {
        state.absorb(part);
    }
    Ok(state)
}

/// Some of the documents.
fn part(documents: &[StoredDocument], format: u32) -> anyhow::Result<State> {
    let mut state = State { format, ..State::default() };
    for StoredDocument { kind, id, body, .. } in documents {
        state.load(kind, id, Some(&mut Deserializer::from_str(body)))?;
    }
    Ok(state)
}

#[cfg(test)]
mod tests {
    use flagstone_store::Head;

    use super::*;

    #[test]
    fn all_threads_together_load_what_one_does() {
        let environment = |number: usize| {
            let name = format!("environment-{number:04}");
            let body = format!(r#"{{"name":"{name}","type":"test","sortOrder":{number},"enabled":true}}"#);
            StoredDocument { kind: "environment".to_owned(), id: name, seq: 1, body }
        };
        let revision = |number: usize| {
            let id = format!("environment-{number:04}");
            let body = format!(r#"{{"environment":"{id}","seq":{number}}}"#);
            StoredDocument { kind: "environment-revision".to_owned(), id, seq: 1, body }
        };
        // What is derived from features must be the same as well.
        let feature = |number: usize| {
            let (id, project) = (format!("feature-{number:04}"), number % 7);
            let body = format!(
                r#"{{"name":"{id}","project":"p{project}","type":"release","createdAt":"2026-01-01T00:00:00.000Z",
                "createdBy":{{"id":1,"name":"ada"}},"stale":true}}"#
            );
            StoredDocument { kind: "feature".to_owned(), id, seq: 1, body }
        };
        let documents = (0..2_500).map(environment).chain((0..1_200).map(revision)).chain((0..1_100).map(feature));
        let documents: Vec<_> = documents.collect();
        let alone = State { seq: 7, last_event_id: 9, ..part(&documents, 0).unwrap() };
        let head = Head { seq: 7, last_event_id: 9, ..Head::default() };
        assert_eq!(alone.features.index().live(), 1_100);
        assert_eq!((alone.environments.len(), alone.revision("environment-0700")), (2_500, 700));
        assert_eq!(state(Loaded { head, documents: documents.clone() }).unwrap(), alone);
        let broken = StoredDocument { body: "{}".to_owned(), ..revision(7) };
        let documents = documents.into_iter().chain([broken]).collect();
        assert!(state(Loaded { head, documents }).unwrap_err().to_string().contains("environment-0007"));
    }
}
