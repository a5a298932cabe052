//! Events in order, and how their deliveries ended.

use std::time::Duration;

use flagstone_store::{Delivery, Hold};
use serde_json::json;

use crate::fixture::{Fixture, commit, event, put, simple, time};

fn delivery(integration: i64, event: u64) -> Delivery {
    Delivery {
        id: 0,
        integration,
        event,
        at: time(5),
        state: "failed".to_owned(),
        state_details: "a\0b ‚ü'".to_owned(),
        details: json!({ "attempts": 2 }),
    }
}

pub(crate) async fn events_come_after_each_other(fixture: Fixture) {
    let store = &fixture.store;
    let both = commit(3, vec![put("a", "b", json!(1))], vec![event(3, "three"), event(4, "four")]);
    store.append(&[simple(1), simple(2), both]).await.unwrap();
    let after = async |id, limit| {
        let events = store.events_after(id, limit).await.unwrap();
        events.iter().map(|event| event.id).collect::<Vec<_>>()
    };
    assert_eq!(after(0, 10).await, [1, 2, 3, 4]);
    assert_eq!(after(1, 2).await, [2, 3]);
    assert_eq!(after(4, 10).await, [] as [u64; 0]);
}

pub(crate) async fn the_newest_deliveries_of_each_integration_are_kept(fixture: Fixture) {
    let store = &fixture.store;
    let ttl = Duration::from_mins(1);
    let fence = store.acquire_lease("hooks", "a", ttl, time(0)).await.unwrap().unwrap();
    let hold = |position| Hold { name: "hooks".to_owned(), fence, position };
    for event in 1..=5 {
        for integration in [1, 2] {
            let settled = store.delivery_settle(&hold(event), &delivery(integration, event), 3).await;
            assert_eq!((settled, store.cursor("hooks").await), (Ok(true), Ok(event)));
        }
    }
    // Whoever has lost the lease neither notes nor moves anything.
    store.release_lease("hooks", fence).await.unwrap();
    assert_eq!(store.delivery_settle(&hold(6), &delivery(1, 6), 3).await, Ok(false));
    assert_eq!(store.cursor("hooks").await, Ok(5));
    let events = async |integration, limit, offset| {
        let found = store.deliveries(integration, limit, offset).await.unwrap();
        found.iter().map(|delivery| delivery.event).collect::<Vec<_>>()
    };
    assert_eq!((events(1, 10, 0).await, events(2, 1, 1).await), (vec![5, 4, 3], vec![4]));
    let newest = store.deliveries(1, 1, 0).await.unwrap().remove(0);
    let expected = Delivery { id: newest.id, state_details: newest.state_details.clone(), ..delivery(1, 5) };
    assert_eq!(newest, expected);
    // One that no cursor waits for is one of them.
    let noted = store.delivery_note(&delivery(1, 0), 3).await.unwrap();
    assert_eq!(store.deliveries(1, 1, 0).await.unwrap()[0].id, noted);
    assert_eq!((events(1, 10, 0).await, store.cursor("hooks").await), (vec![0, 5, 4], Ok(5)));
    assert_eq!(store.deliveries_keep(&[2, 7]).await, Ok(3));
    assert_eq!((events(1, 10, 0).await, events(2, 10, 0).await), (vec![], vec![5, 4, 3]));
    assert_eq!(store.deliveries_keep(&[]).await, Ok(3));
}
