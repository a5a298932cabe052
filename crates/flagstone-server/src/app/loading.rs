//! From what is stored to the state, on as many cores as there are: a start waits for it.

use std::sync::Arc;
use std::thread::available_parallelism;

use flagstone_model::State;
use flagstone_store::{Loaded, Store, StoredDocument};
use serde_json::Deserializer;
use tokio::sync::mpsc::{self, Receiver};

use crate::system::locks::{Mutex, rank};

/// How many parts of what is stored may wait to be read.
const WAITING_MAX: usize = 4;
/// The most threads.
const THREADS_MAX: usize = 8;

/// Parts of what is stored, for whoever has time.
type Parts = Arc<Mutex<{ rank::LOADING }, Receiver<Loaded>>>;

/// The state that is stored.
pub async fn state(store: &Store) -> anyhow::Result<State> {
    let (send, parts) = mpsc::channel(WAITING_MAX);
    let parts: Parts = Arc::new(Mutex::new(parts));
    let threads = available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    let readers: Vec<_> = (0..threads)
        .map(|_| {
            let parts = Arc::clone(&parts);
            tokio::task::spawn_blocking(move || read(&parts))
        })
        .collect();
    let sent = store.load_in_parts(send).await;
    let mut state = State::default();
    for reader in readers {
        let part = reader.await??;
        state.seq = state.seq.max(part.seq);
        state.last_event_id = state.last_event_id.max(part.last_event_id);
        state.format = state.format.max(part.format);
        state.absorb(part);
    }
    // What cannot be read is the better reason.
    sent?;
    Ok(state)
}

/// Reads parts until there are no more.
fn read(parts: &Parts) -> anyhow::Result<State> {
    let mut state = State::default();
    loop {
        // In its own statement: the others wait for the next one meanwhile.
        let part = parts.lock().blocking_recv();
        let Some(Loaded { head, documents }) = part else { return Ok(state) };
        // First: what a newer release wrote is read as far as it is understood.
        (state.seq, state.last_event_id, state.format) = (head.seq, head.last_event_id, head.format);
        for StoredDocument { kind, id, body, .. } in documents {
            if let Err(error) = state.load(&kind, &id, Some(&mut Deserializer::from_str(&body))) {
                parts.lock().close();
                return Err(error.into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use flagstone_model::commit::{Change, Commit, CommitBody};
    use flagstone_store::{DatabaseUrl, Options};

    use super::*;

    #[tokio::test]
    async fn all_threads_together_load_what_one_does() {
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
        let store = Store::open(&DatabaseUrl::Memory, &Options::default()).await.unwrap();
        let put = |documents: &[StoredDocument], seq| {
            let change = |document: &StoredDocument| {
                let StoredDocument { kind, id, body, .. } = document.clone();
                Change { kind, id, body: Some(serde_json::from_str(&body).unwrap()) }
            };
            let body = CommitBody { changes: documents.iter().map(change).collect(), events: Vec::new() };
            Commit { seq, id: format!("{seq:032}"), body, ..Commit::default() }
        };
        let commits: Vec<_> = (1..).zip(documents.chunks(700)).map(|(seq, some)| put(some, seq)).collect();
        store.append(&commits).await.unwrap();
        let mut alone = State::default();
        for commit in &commits {
            alone.apply(commit).unwrap();
        }
        assert_eq!(alone.features.index().live(), 1_100);
        assert_eq!((alone.environments.len(), alone.revision("environment-0700")), (2_500, 700));
        assert_eq!(state(&store).await.unwrap(), alone);
        let broken = StoredDocument { body: "{}".to_owned(), ..revision(7) };
        store.append(&[put(&[broken], alone.seq + 1)]).await.unwrap();
        assert!(state(&store).await.unwrap_err().to_string().contains("environment-0007"));
    }
}
