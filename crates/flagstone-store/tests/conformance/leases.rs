//! One holder at a time, and cursors that only the holder moves.

use std::time::Duration;

use flagstone_store::{Appended, DatabaseUrl, Fence, Hold, Store};

use crate::fixture::{Fixture, simple, time};

const TTL: Duration = Duration::from_mins(1);

/// Lets a lease expire: by the time that is passed in, or by the database's clock, which is turned by hand.
async fn expire(fixture: &Fixture, name: &str) -> i64 {
    if matches!(fixture.url, DatabaseUrl::Postgres(_)) {
        let back = format!("UPDATE leases SET expires_at = expires_at - 60001 WHERE name = '{name}'");
        fixture.back_door().await.run(back).await;
    }
    61_001
}

async fn acquire(store: &Store, holder: &str, now: i64) -> Option<Fence> {
    store.acquire_lease("mails", holder, TTL, time(now)).await.unwrap()
}

pub(crate) async fn a_lease_has_one_holder(fixture: Fixture) {
    let store = &fixture.store;
    let first = acquire(store, "a", 1_000).await.unwrap();
    for holder in ["a", "b"] {
        assert_eq!(acquire(store, holder, 1_000).await, None, "{holder}");
    }
    // Another name is another lease.
    let other = store.acquire_lease("hooks", "b", TTL, time(1_000)).await.unwrap();
    assert_eq!(other, Some(first));
    assert_eq!(store.renew_lease("mails", first, TTL, time(30_000)).await, Ok(true));
    assert_eq!(store.renew_lease("none", first, TTL, time(30_000)).await, Ok(false));
    assert_eq!(acquire(store, "b", 30_000).await, None);
    assert_eq!(store.release_lease("mails", first).await, Ok(true));
    assert_eq!(store.release_lease("mails", first).await, Ok(false), "it is given back once");
    assert_eq!(store.renew_lease("mails", first, TTL, time(30_000)).await, Ok(false));
    let second = acquire(store, "b", 30_000).await.unwrap();
    assert!(second > first);
    assert_eq!(store.renew_lease("mails", first, TTL, time(30_000)).await, Ok(false));
}

pub(crate) async fn a_lease_that_expired_passes_on_or_is_held_on(fixture: Fixture) {
    let store = &fixture.store;
    let first = acquire(store, "a", 1_000).await.unwrap();
    assert_eq!(acquire(store, "b", 60_999).await, None);
    let now = expire(&fixture, "mails").await;
    // Nobody was there: the holder is late, and still the holder.
    assert_eq!(store.renew_lease("mails", first, TTL, time(now)).await, Ok(true));
    assert_eq!(acquire(store, "b", now).await, None);
    let now = now + expire(&fixture, "mails").await;
    let second = acquire(store, "b", now).await.unwrap();
    assert!(second > first);
    assert_eq!(store.renew_lease("mails", first, TTL, time(now)).await, Ok(false));
}

/// A holder stops for a while, another takes over and goes on, and the first wakes up.
pub(crate) async fn a_holder_that_was_frozen_moves_nothing(fixture: Fixture) {
    let store = &fixture.store;
    assert_eq!(store.cursor("mails").await, Ok(0));
    assert_eq!(store.advance_cursor("mails", Fence(1), 5).await, Ok(false), "nobody holds it");
    let frozen = acquire(store, "a", 1_000).await.unwrap();
    assert_eq!(store.advance_cursor("mails", frozen, 5).await, Ok(true));
    assert_eq!(store.advance_cursor("mails", frozen, 3).await, Ok(true));
    assert_eq!(store.cursor("mails").await, Ok(5), "a cursor does not go back");
    let now = expire(&fixture, "mails").await;
    let other = if matches!(fixture.url, DatabaseUrl::Postgres(_)) { Some(fixture.another().await) } else { None };
    let other = other.as_ref().unwrap_or(store);
    let next = acquire(other, "b", now).await.unwrap();
    assert_eq!(other.cursor("mails").await, Ok(5));
    assert_eq!(other.advance_cursor("mails", next, 7).await, Ok(true));
    for seq in [6, 7, 9] {
        assert_eq!(store.advance_cursor("mails", frozen, seq).await, Ok(false));
        assert_eq!(store.cursor("mails").await, Ok(7));
    }
    assert_eq!(store.release_lease("mails", frozen).await, Ok(false));
    assert_eq!(other.advance_cursor("mails", next, 9).await, Ok(true));
}

/// What a holder writes into the log counts while nobody has followed it, and its cursor moves with it.
pub(crate) async fn a_commit_is_stored_while_its_lease_is_held(fixture: Fixture) {
    let store = &fixture.store;
    let hold = |fence, position| Hold { name: "mails".to_owned(), fence, position };
    assert_eq!(
        store.append_held(&[simple(1)], &[hold(Fence(1), 1)]).await,
        Ok(Appended::Superseded),
        "nobody holds it"
    );
    let first = acquire(store, "a", 1_000).await.unwrap();
    assert_eq!(store.append_held(&[simple(1)], &[hold(first, 3)]).await, Ok(Appended::Done));
    assert_eq!(store.cursor("mails").await, Ok(3));
    // A conflict moves no cursor.
    assert_eq!(store.append_held(&[simple(1)], &[hold(first, 5)]).await, Ok(Appended::Conflict));
    store.give_up_turn().await.unwrap();
    assert_eq!(store.cursor("mails").await, Ok(3));
    assert_eq!(store.is_held("mails", first).await, Ok(true));
    let now = expire(&fixture, "mails").await;
    let second = acquire(store, "b", now).await.unwrap();
    assert_eq!(store.is_held("mails", first).await, Ok(false));
    // One of several is enough, and then nothing is stored of any.
    let holds = [hold(second, 7), hold(first, 9)];
    assert_eq!(store.append_held(&[simple(2)], &holds).await, Ok(Appended::Superseded));
    assert_eq!((store.cursor("mails").await, store.last_seq().await), (Ok(3), Ok(1)));
    assert_eq!(store.append_held(&[simple(2), simple(3)], &holds[..1]).await, Ok(Appended::Done));
    assert_eq!((store.cursor("mails").await, store.last_seq().await), (Ok(7), Ok(3)));
    assert!(store.verify().await.unwrap().is_intact());
}
