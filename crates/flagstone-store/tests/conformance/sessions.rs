//! Sessions.

use flagstone_store::Session;

use crate::fixture::{Fixture, time};

fn session(number: u8, user_id: i64) -> Session {
    let at = i64::from(number) * 1_000;
    Session { hash: [number; 32], user_id, created_at: time(at), expires_at: time(at + 500), generation: 3 }
}

pub(crate) async fn sessions_begin_move_and_end(fixture: Fixture) {
    let store = &fixture.store;
    for (number, user) in [(1, 7), (2, 7), (3, 7), (4, 8), (5, 8)] {
        store.session_create(&session(number, user)).await.unwrap();
    }
    assert_eq!(store.session(&[1; 32]).await, Ok(Some(session(1, 7))));
    assert_eq!(store.session(&[9; 32]).await, Ok(None));
    assert_eq!(store.sessions(7).await, Ok(vec![session(3, 7), session(2, 7), session(1, 7)]));

    assert_eq!(store.session_touch(&[1; 32], time(99_000)).await, Ok(true));
    assert_eq!(store.session_touch(&[9; 32], time(99_000)).await, Ok(false));
    assert_eq!(store.session(&[1; 32]).await.unwrap().unwrap().expires_at, time(99_000));

    assert_eq!(store.sessions_delete_for_user(7, Some(&[2; 32])).await, Ok(2));
    assert_eq!(store.sessions(7).await, Ok(vec![session(2, 7)]));
    assert_eq!(store.session_delete(&[2; 32]).await, Ok(true));
    assert_eq!(store.session_delete(&[2; 32]).await, Ok(false));

    assert_eq!(store.sessions_delete_expired(time(4_500)).await, Ok(1), "the end itself is over");
    assert_eq!(store.sessions(8).await, Ok(vec![session(5, 8)]));
    assert_eq!(store.sessions_delete_for_user(8, None).await, Ok(1));
    assert_eq!(store.sessions(8).await, Ok(vec![]));
}

pub(crate) async fn the_newest_sessions_are_kept(fixture: Fixture) {
    let store = &fixture.store;
    for number in 1..=5 {
        store.session_create(&session(number, 7)).await.unwrap();
    }
    store.session_create(&session(6, 8)).await.unwrap();
    assert_eq!(store.sessions_keep_newest(7, 9).await, Ok(0));
    assert_eq!(store.sessions_keep_newest(7, 2).await, Ok(3));
    assert_eq!(store.sessions(7).await, Ok(vec![session(5, 7), session(4, 7)]));
    assert_eq!(store.sessions_keep_newest(7, 0).await, Ok(2));
    assert_eq!(store.sessions(8).await, Ok(vec![session(6, 8)]), "others are left alone");
}
