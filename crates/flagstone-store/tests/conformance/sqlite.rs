//! What SQLite alone has to do: the file, its lock, its damage, its backup.

use std::fs;
use std::future::poll_fn;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use flagstone_store::{Appended, DatabaseUrl, Error, Options, Store};
use serde_json::json;

use crate::fixture::{Fixture, Random, commit, put, simple, time};

async fn open(path: &Path) -> Result<Store, Error> {
    Store::open(&DatabaseUrl::Sqlite(path.to_owned()), &Options::default()).await
}

#[tokio::test]
async fn one_process_owns_the_file() {
    let fixture = Fixture::sqlite().await;
    let second = fixture.another_result().await;
    assert_eq!(second.as_ref().err(), Some(&Error::Locked(fixture.path())));
    assert!(second.unwrap_err().to_string().contains("another Flagstone process"));
    fixture.store.append(&[simple(1)]).await.unwrap();
    fixture.store.close().await;
    let closed = fixture.store.append(&[simple(2)]).await;
    assert!(matches!(closed, Err(Error::Unavailable(_))), "{closed:?}");

    let next = fixture.another().await;
    assert_eq!(next.load().await.unwrap().head.seq, 1);
    assert_eq!(next.append(&[simple(2)]).await, Ok(Appended::Done));
}

#[tokio::test]
async fn t23_nobody_else_can_read_the_files() {
    let fixture = Fixture::sqlite().await;
    fixture.store.append(&[simple(1)]).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = fixture.path().parent().unwrap().to_owned();
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 4, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn it_is_read_beside_a_running_server() {
    let fixture = Fixture::sqlite().await;
    fixture.store.append(&[simple(1)]).await.unwrap();
    let reader = Store::open_read_only(&fixture.url, &fixture.options).await.unwrap();
    fixture.store.append(&[simple(2)]).await.unwrap();
    assert_eq!(reader.verify().await.unwrap().commits, 2);
    for refused in [reader.append(&[simple(3)]).await.map(|_| ()), reader.session_delete(&[1; 32]).await.map(|_| ())] {
        assert!(matches!(refused, Err(Error::Unsupported(_))), "{refused:?}");
    }
    fixture.store.append(&[simple(3)]).await.unwrap();
    assert_eq!(reader.load().await.unwrap().head.seq, 3);
    // And after the server has stopped, or was never there.
    fixture.store.close().await;
    let late = Store::open_read_only(&fixture.url, &fixture.options).await.unwrap();
    assert_eq!(late.verify().await.unwrap().commits, 3);
    let nowhere = DatabaseUrl::Sqlite(fixture.path().join("none"));
    assert!(Store::open_read_only(&nowhere, &fixture.options).await.is_err());
}

#[tokio::test]
async fn f19_a_newer_schema_is_refused() {
    let fixture = Fixture::sqlite().await;
    let mut door = fixture.back_door().await;
    door.run("INSERT INTO schema_version VALUES (99, 'tomorrow')").await;
    door.close().await;
    fixture.store.close().await;
    for refused in [open(&fixture.path()).await, Store::open_read_only(&fixture.url, &fixture.options).await] {
        let error = refused.unwrap_err();
        assert!(matches!(error, Error::Schema { found: 99, .. }), "{error:?}");
        assert!(error.to_string().contains("newer release"), "{error}");
    }
}

#[tokio::test]
async fn a_database_of_another_program_is_left_alone() {
    let fixture = Fixture::sqlite().await;
    let path = fixture.path().with_file_name("other.db");
    let mut door = fixture.back_door().await;
    door.run("DROP TABLE schema_version").await;
    door.close().await;
    fixture.store.close().await;
    fs::copy(fixture.path(), &path).unwrap();
    let before = fs::read(&path).unwrap();
    let refused = open(&path).await;
    assert!(matches!(&refused, Err(Error::Invalid(text)) if text.contains("another program")), "{refused:?}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

/// F17: damage is found at the start, while the file is looked over, or at the load, or did not matter; the file stays as it is when it is refused.
#[tokio::test]
async fn f17_a_damaged_file_is_never_taken_for_a_good_one() {
    let mut random = Random::seeded("f17");
    let fixture = Fixture::sqlite().await;
    let commits: Vec<_> = (1..=200).map(simple).collect();
    fixture.store.append(&commits).await.unwrap();
    let loaded = fixture.store.load().await.unwrap();
    fixture.store.close().await;
    let good = fs::read(fixture.path()).unwrap();
    let mut refused = 0;
    for round in 0..50 {
        let path = fixture.path().with_file_name(format!("damaged-{round}.db"));
        let mut bytes = good.clone();
        let at = usize::try_from(random.below(good.len() as u64)).unwrap();
        let page = at - at % 4096;
        match random.below(4) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[page..page + 512].fill(0x5a),
            2 => bytes[page..page + 4096].fill(0),
            _ => bytes.truncate(at.max(1)),
        }
        fs::write(&path, &bytes).unwrap();
        let start = Instant::now();
        let refusal = match open(&path).await {
            Err(error) => Some(error),
            Ok(store) => {
                // What is written while the file is looked over waits for that.
                let appended = store.append(&[commit(201, vec![put("feature", "new", json!({}))], vec![])]).await;
                let refusal = store.sound().await.err();
                if let Some(error) = &refusal {
                    assert_eq!(appended.as_ref(), Err(error), "round {round}");
                }
                // Values that changed in silence are found by the hash of each document.
                match store.load().await {
                    Ok(read) if appended.is_ok() => {
                        let of_before = read.documents.into_iter().filter(|document| document.seq <= 200);
                        assert_eq!(of_before.collect::<Vec<_>>(), loaded.documents, "round {round}");
                    }
                    Ok(read) => assert_eq!(read.documents, loaded.documents, "round {round}"),
                    Err(error) => assert!(matches!(error, Error::Corrupt(_)), "{error:?}"),
                }
                store.close().await;
                refusal
            }
        };
        if let Some(error) = refusal {
            refused += 1;
            assert!(matches!(error, Error::Corrupt(_) | Error::Invalid(_) | Error::Schema { .. }), "{error:?}");
            assert_eq!(fs::read(&path).unwrap(), bytes, "round {round}: {error}");
        }
        assert!(start.elapsed() < Duration::from_secs(5), "round {round}");
    }
    assert!(refused > 0, "the damage never mattered");
}

/// F18: each finished backup opens and verifies, whatever was written meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f18_a_backup_under_load_is_whole() {
    let fixture = Fixture::sqlite().await;
    let folder = fixture.path().parent().unwrap().to_owned();
    let store = &fixture.store;
    let write = async {
        for seq in 1..=200 {
            assert_eq!(store.append(&[simple(seq)]).await, Ok(Appended::Done));
        }
    };
    let back_up = async {
        for n in 0..5 {
            store.backup(&folder.join(format!("backup-{n}.db"))).await.unwrap();
        }
    };
    tokio::join!(write, back_up);
    let taken = store.backup(&folder.join("backup-0.db")).await;
    assert!(matches!(taken, Err(Error::Invalid(_))), "{taken:?}");
    let mut last = 0;
    for n in 0..5 {
        let path = folder.join(format!("backup-{n}.db"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let restored = open(&path).await.unwrap();
        let found = restored.verify().await.unwrap();
        assert!(found.is_intact() && found.commits >= last, "{found:?}");
        last = found.commits;
        assert_eq!(restored.append(&[simple(last + 1)]).await, Ok(Appended::Done));
    }
    assert!(!folder.read_dir().unwrap().any(|entry| entry.unwrap().path().ends_with(".partial")));
}

/// F14: a caller that gives up leaves no half of anything, and the next one is served.
#[tokio::test]
async fn f14_an_abandoned_append_is_whole_or_nothing() {
    let fixture = Fixture::sqlite().await;
    let store = &fixture.store;
    let mut random = Random::seeded("f14");
    let (mut done, mut abandoned) = (0, 0);
    let whole = |head: u64| {
        assert!(head.is_multiple_of(3), "half a group: {head}");
        head
    };
    // Whoever has the connection after an abandoned append finds it settled; this one never follows the head.
    let settled = async || assert_eq!(store.append(&[simple(1_000_000)]).await, Ok(Appended::Conflict));
    for round in 0..200 {
        if round % 10 == 0 {
            settled().await;
        }
        let head = whole(store.load().await.unwrap().head.seq);
        let group: Vec<_> = (head + 1..=head + 3).map(simple).collect();
        // It is given up in the middle of one of its steps; every tenth one is not.
        let steps = if round % 10 == 0 { u64::MAX } else { 1 + random.below(12) };
        match abandon(store.append(&group), steps).await {
            Some(Ok(Appended::Done)) => done += 1,
            // The COMMIT of the one before was still on its way when the head was read.
            Some(Ok(Appended::Conflict)) => assert_ne!(round % 10, 0),
            Some(other) => panic!("{other:?}"),
            None => abandoned += 1,
        }
    }
    assert!(done >= 20 && abandoned >= 20, "{done} done, {abandoned} abandoned");
    settled().await;
    let head = whole(store.load().await.unwrap().head.seq);
    assert_eq!(store.append(&[simple(head + 1)]).await, Ok(Appended::Done));
    assert!(store.verify().await.unwrap().is_intact());
}

/// What a future gives, if it does before it has waited so often; otherwise it is dropped while it waits.
async fn abandon<T>(future: impl Future<Output = T>, waits_max: u64) -> Option<T> {
    let mut future = pin!(future);
    let mut waits = 0;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => {
            waits += 1;
            if waits < waits_max { Poll::Pending } else { Poll::Ready(None) }
        }
    })
    .await
}

/// The file has one process at a time, so that whoever held a lease before is gone.
#[tokio::test]
async fn a_lease_ends_with_its_process() {
    let fixture = Fixture::sqlite().await;
    let ttl = std::time::Duration::from_mins(1);
    let first = fixture.store.acquire_lease("mails", "a", ttl, time(1_000)).await.unwrap().unwrap();
    assert_eq!(fixture.store.acquire_lease("mails", "b", ttl, time(1_000)).await, Ok(None));
    fixture.store.close().await;
    let next = fixture.another().await;
    let second = next.acquire_lease("mails", "b", ttl, time(1_000)).await.unwrap();
    assert!(second > Some(first));
    assert_eq!(next.acquire_lease("mails", "a", ttl, time(1_000)).await, Ok(None));
    next.close().await;
}
