//! Searching the audit log.

use flagstone_model::commit::Event;
use flagstone_store::{ActivityOf, EventQuery, Order, Store};
use serde_json::json;

use crate::fixture::{Fixture, commit, event, time};

/// Everything, the newest first.
pub(crate) fn all() -> EventQuery {
    EventQuery { limit: 1_000, ..EventQuery::default() }
}

async fn ids(store: &Store, query: &EventQuery) -> Vec<u64> {
    let page = store.events(query).await.unwrap();
    assert!(page.total >= page.events.len() as u64);
    page.events.iter().map(|event| event.id).collect()
}

fn of(id: u64, kind: &str, user: (i64, &str), place: [Option<&str>; 3]) -> Event {
    let [project, environment, feature] = place.map(|name| name.map(str::to_owned));
    Event {
        created_by: user.1.to_owned(),
        created_by_user_id: user.0,
        project,
        environment,
        feature_name: feature,
        ..event(id, kind)
    }
}

async fn fill(store: &Store) {
    let (ada, bob) = ((1, "ada"), (2, "bob"));
    let events = vec![
        of(1, "project-created", ada, [Some("one"), None, None]),
        of(2, "feature-created", ada, [Some("one"), None, Some("checkout")]),
        of(3, "feature-environment-enabled", bob, [Some("one"), Some("production"), Some("checkout")]),
        of(4, "feature-created", bob, [Some("two"), None, Some("search")]),
        of(5, "user-created", (-1337, "system"), [None, None, None]),
        of(6, "feature-environment-enabled", ada, [Some("two"), Some("development"), Some("search")]),
    ];
    store.append(&[commit(1, vec![], events)]).await.unwrap();
}

pub(crate) async fn events_are_found_by_every_filter(fixture: Fixture) {
    let store = &fixture.store;
    fill(store).await;
    let day = event(1, "any").created_at.millis() / 86_400_000;
    for (of, count) in [
        (ActivityOf::Project("one"), Some(3)),
        (ActivityOf::Environment("production"), Some(1)),
        (ActivityOf::Project("none"), None),
    ] {
        let found = store.activity(of, time(0), u64::MAX).await.unwrap();
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            count.map(|n| (day, n)).into_iter().collect::<Vec<_>>(),
            "{of:?}"
        );
    }
    assert!(store.activity(ActivityOf::Project("one"), time(i64::MAX), u64::MAX).await.unwrap().is_empty());
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let cases: Vec<(EventQuery, &[u64])> = vec![
        (all(), &[6, 5, 4, 3, 2, 1]),
        (EventQuery { order: Order::Ascending, ..all() }, &[1, 2, 3, 4, 5, 6]),
        (EventQuery { features: list(&["checkout"]), ..all() }, &[3, 2]),
        (EventQuery { features: list(&["checkout", "search", "none"]), ..all() }, &[6, 4, 3, 2]),
        (EventQuery { projects: list(&["two"]), ..all() }, &[6, 4]),
        (EventQuery { environments: list(&["production", "development"]), ..all() }, &[6, 3]),
        (EventQuery { types: list(&["feature-created"]), ..all() }, &[4, 2]),
        (EventQuery { created_by_ids: vec![2], ..all() }, &[4, 3]),
        (EventQuery { created_by_ids: vec![2, -1337], ..all() }, &[5, 4, 3]),
        (EventQuery { created_by: list(&["system"]), ..all() }, &[5]),
        (EventQuery { created_by_ids: vec![2], created_by: list(&["system"]), ..all() }, &[5, 4, 3]),
        (EventQuery { from: Some(time(3_000)), ..all() }, &[6, 5, 4, 3]),
        (EventQuery { to: Some(time(3_000)), ..all() }, &[3, 2, 1]),
        (EventQuery { from: Some(time(3_000)), to: Some(time(3_000)), ..all() }, &[3]),
        (EventQuery { from: Some(time(3_001)), to: Some(time(3_999)), ..all() }, &[]),
        (EventQuery { projects: list(&["one"]), types: list(&["feature-created"]), ..all() }, &[2]),
        (EventQuery { text: Some("CHECK".to_owned()), ..all() }, &[3, 2]),
        (EventQuery { text: Some("bob".to_owned()), projects: list(&["two"]), ..all() }, &[4]),
        (EventQuery { text: Some(String::new()), ..all() }, &[6, 5, 4, 3, 2, 1]),
    ];
    for (query, expected) in cases {
        assert_eq!(ids(store, &query).await, expected, "{query:?}");
        let page = store.events(&EventQuery { without_total: true, ..query.clone() }).await.unwrap();
        assert_eq!(page.events, store.events(&query).await.unwrap().events);
        assert_eq!(page.total, 0);
    }
}

pub(crate) async fn t40_text_is_found_literally(fixture: Fixture) {
    let store = &fixture.store;
    let texts =
        ["100%", "snake_case", "snakeXcase", r"back\slash", "it's", "a\"quote\"", "x;--y", "nul\0byte", "ünï", ""];
    let long = "0123456789".repeat(1_000);
    let mut events: Vec<_> = (1..).zip(texts).map(|(id, text)| of(id, "t", (1, text), [None, None, None])).collect();
    let mut last = event(11, "t");
    last.data = Some(json!({ "name": "in data 50%" }));
    last.pre_data = Some(json!({ "name": long }));
    events.push(last);
    store.append(&[commit(1, vec![], events)]).await.unwrap();

    let cases: [(&str, &[u64]); 17] = [
        ("%", &[11, 1]),
        ("100%", &[1]),
        ("_", &[2]),
        ("snake_case", &[2]),
        ("SNAKE_", &[2]),
        (r"\", &[4]),
        ("'", &[5]),
        ("it's", &[5]),
        ("a\"quote\"", &[6]),
        (";--", &[7]),
        ("\0", &[8]),
        ("nul\0byte", &[8]),
        ("ünï", &[9]),
        ("in data 50%", &[11]),
        (&long, &[11]),
        ("') OR 1=1 --", &[]),
        ("$1", &[]),
    ];
    for (text, expected) in cases {
        let query = EventQuery { text: Some(text.to_owned()), ..all() };
        assert_eq!(ids(store, &query).await, expected, "{text}");
        // The same in a list is a value as well.
        let query = EventQuery { features: vec![text.to_owned()], ..all() };
        assert_eq!(ids(store, &query).await, [] as [u64; 0], "{text}");
    }
    let query = EventQuery { text: Some("%_".repeat(50_000)), ..all() };
    assert_eq!(ids(store, &query).await, [] as [u64; 0]);
    let query = EventQuery { created_by: vec!["nul\0byte".to_owned(), "it's".to_owned()], ..all() };
    assert_eq!(ids(store, &query).await, [8, 5]);
    let found = store.events(&EventQuery { created_by: vec!["nul\0byte".to_owned()], ..all() }).await.unwrap();
    assert_eq!(found.events[0].created_by, "nul\u{fffd}byte");
    assert!(store.verify().await.unwrap().is_intact());
}

pub(crate) async fn events_come_in_pages(fixture: Fixture) {
    let store = &fixture.store;
    fill(store).await;
    let page = |offset, limit| EventQuery { offset, limit, ..EventQuery::default() };
    let check = async |query: EventQuery, expected: &[u64]| {
        let page = store.events(&query).await.unwrap();
        assert_eq!(page.total, 6, "{query:?}");
        assert_eq!(page.events.iter().map(|e| e.id).collect::<Vec<_>>(), expected, "{query:?}");
    };
    check(page(0, 2), &[6, 5]).await;
    check(page(4, 2), &[2, 1]).await;
    check(page(5, 2), &[1]).await;
    check(page(6, 2), &[]).await;
    check(page(0, 0), &[]).await;
    check(page(u64::MAX, u64::MAX), &[]).await;
    // Behind an event, whether it is there or not; some may be left out there as well.
    let after = |after, offset, order| EventQuery { after: Some(after), offset, order, ..page(0, 2) };
    check(after(5, 0, Order::Descending), &[4, 3]).await;
    check(after(5, 3, Order::Descending), &[1]).await;
    check(after(1, 0, Order::Descending), &[]).await;
    check(after(u64::MAX, 0, Order::Descending), &[6, 5]).await;
    check(after(5, 0, Order::Ascending), &[6]).await;
    check(after(0, 1, Order::Ascending), &[2, 3]).await;
}

/// What is near the beginning is looked through, what is not is found by an index: a page is the same.
pub(crate) async fn far_back_everything_is_found_as_well(fixture: Fixture) {
    let store = &fixture.store;
    let place = |id: u64| [Some(["one", "two", "three"][usize::try_from(id % 3).unwrap()]), None, None];
    let rare = |id: u64| if id % 1_500 == 3 { "rare-Ünï" } else { "frequent-äß" };
    let events = (1..=6_000).map(|id| of(id, rare(id), (1, "ada"), place(id))).collect();
    store.append(&[commit(1, vec![], events)]).await.unwrap();
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let text = |text: &str| EventQuery { text: Some(text.to_owned()), ..all() };
    let found: &[u64] = &[4_503, 3_003, 1_503, 3];
    let cases: Vec<(EventQuery, &[u64], u64)> = vec![
        (EventQuery { types: list(&["rare-Ünï", "none"]), ..all() }, found, 4),
        (text("RARE-ü"), found, 4),
        (text("ÜNÏ"), found, 4),
        (text("ar"), found, 4),
        (text("ï"), found, 4),
        (EventQuery { after: Some(4_503), limit: 2, ..text("rare") }, &[3_003, 1_503], 4),
        (EventQuery { offset: 1, limit: 2, ..text("rare") }, &[3_003, 1_503], 4),
        (EventQuery { order: Order::Ascending, limit: 2, ..text("rare") }, &[3, 1_503], 4),
        (EventQuery { projects: list(&["one", "none"]), ..text("rare") }, found, 4),
        (EventQuery { projects: list(&["two"]), ..text("rare") }, &[], 0),
        (EventQuery { visible_projects: Some(list(&["two"])), ..text("rare") }, &[], 0),
        (EventQuery { visible_projects: Some(list(&["one"])), ..text("rare") }, found, 4),
        (EventQuery { limit: 2, ..text("frequent") }, &[6_000, 5_999], 500),
        (EventQuery { limit: 1, offset: 5_995, ..text("frequent") }, &[1], 500),
        (EventQuery { limit: 1, offset: 5_999, ..all() }, &[1], 6_000),
        (EventQuery { visible_projects: Some(list(&["three"])), limit: 1, ..all() }, &[5_999], 2_000),
    ];
    for (query, expected, total) in cases {
        let page = store.events(&query).await.unwrap();
        assert_eq!(page.events.iter().map(|e| e.id).collect::<Vec<_>>(), expected, "{query:?}");
        assert_eq!(page.total, total, "{query:?}");
    }
    let events = (6_001..=11_000).map(|id| of(id, "more", (1, "ada"), place(id))).collect();
    store.append(&[commit(2, vec![], events)]).await.unwrap();
    assert_eq!(store.events(&EventQuery { limit: 1, ..all() }).await.unwrap().total, 10_000);
}

pub(crate) async fn only_visible_projects_are_searched(fixture: Fixture) {
    let store = &fixture.store;
    fill(store).await;
    let cases: [(Option<&[&str]>, &[u64]); 4] = [
        (None, &[6, 5, 4, 3, 2, 1]),
        (Some(&["one"]), &[5, 3, 2, 1]),
        (Some(&["one", "two"]), &[6, 5, 4, 3, 2, 1]),
        (Some(&[]), &[5]),
    ];
    for (visible, expected) in cases {
        let visible_projects = visible.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        let query = EventQuery { visible_projects, ..all() };
        let page = store.events(&query).await.unwrap();
        assert_eq!(page.events.iter().map(|e| e.id).collect::<Vec<_>>(), expected, "{visible:?}");
        assert_eq!(page.total, expected.len() as u64, "the total tells nothing of the rest");
    }
    // Other filters count and find what is visible alone as well.
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let one = EventQuery { visible_projects: Some(list(&["one", "none"])), ..all() };
    let cases: Vec<(EventQuery, &[u64])> = vec![
        (EventQuery { projects: list(&["two"]), ..one.clone() }, &[]),
        (EventQuery { projects: list(&["one", "two"]), ..one.clone() }, &[3, 2, 1]),
        (EventQuery { projects: list(&["one"]), ..one.clone() }, &[3, 2, 1]),
        (EventQuery { environments: list(&["production", "development"]), ..one.clone() }, &[3]),
        (EventQuery { types: list(&["feature-created", "user-created"]), ..one.clone() }, &[5, 2]),
        (EventQuery { created_by_ids: vec![1], created_by: list(&["system"]), ..one.clone() }, &[5, 2, 1]),
        (EventQuery { text: Some("feature".to_owned()), ..one.clone() }, &[3, 2]),
        (EventQuery { ids: vec![4, 5], ..one }, &[5]),
    ];
    for (query, expected) in cases {
        let page = store.events(&query).await.unwrap();
        assert_eq!(page.events.iter().map(|e| e.id).collect::<Vec<_>>(), expected, "{query:?}");
        assert_eq!(page.total, expected.len() as u64, "{query:?}");
    }
}

pub(crate) async fn creators_have_their_newest_name(fixture: Fixture) {
    let store = &fixture.store;
    fill(store).await;
    let renamed = of(7, "user-updated", (2, "robert"), [None, None, None]);
    store.append(&[commit(2, vec![], vec![renamed])]).await.unwrap();
    let creators: Vec<_> = store.event_creators().await.unwrap().into_iter().map(|c| (c.id, c.name)).collect();
    let expected = [(-1337, "system"), (1, "ada"), (2, "robert")].map(|(id, name)| (id, name.to_owned()));
    assert_eq!(creators, expected);
}
