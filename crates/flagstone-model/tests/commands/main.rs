//! A command that is written down, read back and done is as good as the operation done at once, for every operation.

#![allow(clippy::unwrap_used, clippy::panic)]

mod random;
mod round_trip;

use std::collections::{BTreeMap, BTreeSet};

use flagstone_model::commands::installation::{FirstStart, Start};
use flagstone_model::commands::{Command, Operation, names, run};
use flagstone_model::commit::{Actor, Commit};
use flagstone_model::integrations::providers::PROVIDERS;
use flagstone_model::{Document, Draft, Entropy, Error, Limits, Principal, State, Surroundings, Table, Timestamp};
use random::Random;

/// How many commands are tried.
const COMMANDS: usize = 20_000;
/// After how many a new installation begins, so that none grows out of the rules' reach.
const COMMANDS_PER_WORLD: usize = 400;

/// Bytes that follow from a seed: the same for the operation and for the command.
struct Fixed(Random);

impl Entropy for Fixed {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.0.below(256).to_le_bytes()[0];
        }
    }
}

/// What a rule tells, and what it has made of a state.
type Made<T> = Result<(T, Option<(Commit, State)>), Error>;

/// Runs a rule on a draft of `state` at time `now`.
fn attempt<T>(
    state: &State,
    principal: &Principal,
    now: i64,
    rule: impl FnOnce(&mut Draft) -> Result<T, Error>,
) -> Made<T> {
    let limits = Limits::default();
    let around = Surroundings {
        principal,
        actor: Actor { id: 7, name: "somebody".to_owned(), ip: None },
        now: Timestamp::from_millis(now),
        limits: &limits,
        entropy: &mut Fixed(Random::new(now.unsigned_abs())),
    };
    let mut draft = Draft::new(state, around);
    let told = rule(&mut draft)?;
    Ok((told, draft.finish()))
}

/// A step of the walk: the same operation both ways.
struct Step<'a> {
    state: &'a State,
    principal: &'a Principal,
    now: i64,
}

/// What became of a step.
struct Done {
    operation: &'static str,
    before: State,
    made: Result<Option<(Commit, State)>, Error>,
}

impl Step<'_> {
    fn both_ways<O: Operation>(&self, target: O::Target, input: O::Input) -> Done {
        let written = serde_json::to_string(&Command::of::<O>(&target, &input)).unwrap();
        let read: Command = serde_json::from_str(&written).unwrap();
        let need = read.need(self.state);
        assert_eq!(need.as_ref(), Ok(&O::need(&target, self.state)), "{written}");
        let made = attempt(self.state, self.principal, self.now, |draft| run::<O>(draft, &target, input))
            .map(|(_, made)| made);
        let again = attempt(self.state, self.principal, self.now, |draft| read.run(draft)).map(|((), made)| made);
        assert_eq!(made, again, "{written}");
        Done { operation: O::NAME, before: self.state.clone(), made }
    }
}

fn start() -> State {
    let input = FirstStart {
        admin_username: "admin".to_owned(),
        admin_password_hash: "hash".to_owned(),
        has_generated_password: false,
    };
    let made = attempt(&State::default(), &Principal::System, 1, |draft| run::<Start>(draft, &(), input));
    made.unwrap().1.unwrap().1
}

#[test]
fn what_is_written_down_and_done_later_is_what_is_done_at_once() {
    let mut random = Random::new(11);
    let mut state = start();
    let (mut done, mut refused) = (BTreeMap::<&str, usize>::new(), BTreeSet::new());
    let hidden: BTreeSet<String> = ["one", "three"].map(str::to_owned).into();
    let mut seen = state.without(&hidden);
    for n in 0..COMMANDS {
        if n % COMMANDS_PER_WORLD == 0 {
            state = start();
            seen = state.without(&hidden);
        }
        let administrator = Principal::User { id: 1, personal_token: None, generation: None };
        // Now and then somebody who may do next to nothing, or nothing.
        let principal = match random.below(12) {
            0 => Principal::User { id: 2, personal_token: None, generation: None },
            1 => Principal::Anonymous,
            _ => administrator,
        };
        let step = Step { state: &state, principal: &principal, now: 1_800_000_000_000 + i64::try_from(n).unwrap() };
        let Done { operation, before, made } = random::step(&mut random, &step);
        match made {
            Ok(Some((commit, after))) => {
                let mut folded = before.clone();
                folded.apply(&commit).unwrap();
                assert_eq!(folded, after, "{operation}: the commit is not what the rule has made of the state");
                for event in &commit.body.events {
                    let known = PROVIDERS.iter().all(|provider| provider.events.contains(&event.kind.as_str()));
                    assert!(known, "integrations do not offer {}: add it to the providers' events", event.kind);
                }
                if n % 8 == 0 {
                    assert_eq!(after, anew(&after), "{operation}: an index is not what the documents say");
                }
                seen = if before.seq == state.seq {
                    after.without_as_before(&hidden, &seen, std::slice::from_ref(&commit))
                } else {
                    after.without(&hidden)
                };
                assert_eq!(seen, after.without(&hidden), "{operation}: what is hidden is not what it would be anew");
                *done.entry(operation).or_default() += 1;
                state = after;
            }
            Ok(None) => {}
            Err(_) => {
                refused.insert(operation);
            }
        }
    }
    let never: Vec<_> = names().filter(|name| !done.contains_key(name) && *name != Start::NAME).collect();
    assert!(never.is_empty(), "never done in {COMMANDS} commands: {never:?}");
    let never: Vec<_> = names().filter(|name| !refused.contains(name) && *name != Start::NAME).collect();
    assert!(never.is_empty(), "never refused in {COMMANDS} commands: {never:?}");
}

/// The same state, made from its documents alone.
fn anew(state: &State) -> State {
    fn load<D: Document>(from: &Table<D>, into: &mut State) {
        for document in from.values() {
            let body = serde_json::to_value(&**document).unwrap();
            into.load(D::KIND, &document.key().to_string(), Some(body)).unwrap();
        }
    }
    let mut anew =
        State { seq: state.seq, last_event_id: state.last_event_id, format: state.format, ..State::default() };
    load(&state.features, &mut anew);
    load(&state.projects, &mut anew);
    load(&state.environments, &mut anew);
    load(&state.revisions, &mut anew);
    load(&state.segments, &mut anew);
    load(&state.integrations, &mut anew);
    load(&state.strategy_types, &mut anew);
    load(&state.tag_types, &mut anew);
    load(&state.tags, &mut anew);
    load(&state.context_fields, &mut anew);
    load(&state.api_tokens, &mut anew);
    load(&state.signup_links, &mut anew);
    load(&state.users, &mut anew);
    load(&state.favorites, &mut anew);
    load(&state.ui_states, &mut anew);
    load(&state.personal_tokens, &mut anew);
    load(&state.password_resets, &mut anew);
    load(&state.roles, &mut anew);
    load(&state.settings, &mut anew);
    anew
}

#[test]
fn what_this_release_does_not_know_is_refused() {
    let check = |text: &str, expect: &str| {
        let command: Command = serde_json::from_str(text).unwrap();
        let made = attempt(&start(), &Principal::System, 2, |draft| command.run(draft));
        let error = made.unwrap_err().to_string();
        assert!(error.contains(expect), "{text}: {error}");
        assert!(command.need(&start()).is_err() || expect.contains("input"), "{text}");
    };
    check(r#"{"operation": "createMiracle", "version": 1, "target": null, "input": null}"#, "does not know");
    check(r#"{"operation": "createProject", "version": 2, "target": null, "input": {"name": "a"}}"#, "does not know");
    check(r#"{"operation": "createProject", "version": 1, "target": null, "input": {}}"#, "input");
    check(r#"{"operation": "createFeature", "version": 1, "target": {}, "input": {"name": "a"}}"#, "target");
}

#[test]
fn every_name_stands_for_one_operation() {
    let all: Vec<_> = names().collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
}
