//! A person is erased by the rules, with everything that they have left in the log.

use flagstone_model::commit::Actor;
use flagstone_model::users::{self, CreatePersonalToken, NewUser, RoleRef, UpdateUser};
use flagstone_model::{Draft, Entropy, Error, Limits, Principal, State, Surroundings, Timestamp};
use flagstone_model::{bootstrap, features, password_resets, segments};
use flagstone_store::{Appended, Store};
use serde_json::json;

use crate::fixture::{Fixture, Random};

struct Numbers(Random);

impl Entropy for Numbers {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = u8::try_from(self.0.below(256)).unwrap();
        }
    }
}

/// A node without a server around it.
struct Node<'a> {
    store: &'a Store,
    state: State,
    entropy: Numbers,
}

impl Node<'_> {
    async fn run<T>(&mut self, who: i64, name: &str, rule: impl FnOnce(&mut Draft<'_>) -> Result<T, Error>) -> T {
        let ada = Principal::User { id: who, personal_token: None, generation: None };
        let principal = if who == 2 { &ada } else { &Principal::System };
        let actor = Actor { id: who, name: name.to_owned(), ip: Some(format!("192.0.2.{who}")) };
        let now = Timestamp::from_millis(1_790_000_000_000);
        let (limits, entropy) = (Limits::default(), &mut self.entropy);
        let mut draft = Draft::new(&self.state, Surroundings { principal, actor, now, limits: &limits, entropy });
        let value = rule(&mut draft).unwrap();
        let (commit, state) = draft.finish().unwrap();
        assert_eq!(self.store.append(&[commit]).await, Ok(Appended::Done));
        self.state = state;
        value
    }
}

pub(crate) async fn a_person_is_erased(fixture: Fixture) {
    const TRACES: [&str; 6] = ["ada@", "Ada", "192.0.2.2", "$argon2", "laptop", "lovelace"];
    let store = &fixture.store;
    let mut node = Node { store, state: State::default(), entropy: Numbers(Random::seeded("erasing")) };
    node.run(1, "admin", |draft| bootstrap::first_start(draft, "admin", "hash of the admin".to_owned())).await;
    let new = NewUser {
        username: None,
        email: Some("ada@example.com".to_owned()),
        name: Some("Ada".to_owned()),
        root_role: RoleRef::Id(1),
        password_hash: Some("$argon2id$1".to_owned()),
    };
    assert_eq!(node.run(1, "admin", |draft| users::create(draft, new)).await.id, 2);
    for (name, as_name) in [("a", "ada@example.com"), ("b", "ada@example.com")] {
        let input = serde_json::from_value(json!({ "name": name })).unwrap();
        node.run(2, as_name, |draft| features::create(draft, "default", input)).await;
    }
    let input = serde_json::from_value(json!({"name": "beta", "constraints": []})).unwrap();
    node.run(2, "ada@example.com", |draft| segments::create(draft, input)).await;
    let token =
        CreatePersonalToken { description: "laptop".to_owned(), expires_at: Timestamp::from_millis(1_800_000_000_000) };
    node.run(2, "ada@example.com", |draft| users::create_personal_token(draft, token)).await;
    let email = UpdateUser { email: Some("lovelace@example.com".to_owned()), ..UpdateUser::default() };
    node.run(1, "admin", |draft| users::update(draft, 2, email)).await;
    node.run(1, "admin", |draft| password_resets::issue(draft, 2)).await;
    node.run(1, "admin", |draft| users::set_password(draft, 2, "$argon2id$2".to_owned())).await;
    let update = serde_json::from_value(json!({"description": "changed by another"})).unwrap();
    node.run(1, "admin", |draft| features::update(draft, "default", "a", update)).await;
    node.run(1, "admin", |draft| users::delete(draft, 2)).await;

    let everything = async || {
        let commits = store.commits_after(0, 100).await.unwrap();
        let events = store.events(&crate::events::all()).await.unwrap();
        format!("{commits:?} {events:?} {:?} {:?}", store.load().await.unwrap(), store.event_creators().await.unwrap())
    };
    let before = everything().await;
    for trace in TRACES {
        assert!(before.contains(trace), "{trace}");
    }
    // The names that she went by, from her own history.
    let history = store.history("user", "2", u64::MAX, 100).await.unwrap();
    let user = |body| serde_json::from_value::<users::User>(body).unwrap();
    let labels: Vec<_> =
        history.into_iter().filter_map(|revision| revision.body).map(|body| user(body).label()).collect();
    let mut pieces = Vec::new();
    store.pieces(|piece| piece.is_about(2, &labels), |piece| pieces.push(piece)).await.unwrap();
    node.run(1, "admin", |draft| users::erase(draft, 2, &labels, pieces)).await;

    let after = everything().await;
    for trace in TRACES {
        assert!(!after.contains(trace), "{trace}: {after}");
    }
    // The administrator and what is nobody's are as they were.
    for kept in ["hash of the admin", "192.0.2.1", "changed by another"] {
        assert!(after.matches(kept).count() >= before.matches(kept).count(), "{kept}");
    }
    assert!(store.verify().await.unwrap().is_intact());
    let mut left = 0;
    store.pieces(|piece| piece.is_about(2, &labels), |_| left += 1).await.unwrap();
    assert_eq!(left, 0);
}
