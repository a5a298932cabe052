//! What somebody who looks on may know of the commits since a revision.

use std::collections::BTreeSet;

use flagstone_model::commit::Actor;
use flagstone_model::touched::Seen;
use flagstone_model::{Need, Principal, State, Timestamp};

use super::App;
use super::caller::Caller;
use crate::delivery::Revision;
use crate::http::error::Failure;

/// How many commits are looked at in one go.
const AT_A_TIME: usize = 100;

/// What is new.
pub struct News<T> {
    /// The newest revision.
    pub head: Revision,
    /// How far `changes` goes: that revision, or one before it if there is too much for one go.
    pub reached: Revision,
    /// The projects that the caller may not see now.
    pub hidden: BTreeSet<String>,
    /// Made of each commit of which the caller may know something, the oldest first; nothing if what came after the
    /// known revision cannot be said, for one because the caller does not see the same projects as before.
    pub changes: Option<Vec<T>>,
    /// When the token that the caller came with stops working.
    pub expires_at: Option<Timestamp>,
}

/// A commit, as far as somebody may know of it.
pub struct Change<'c> {
    /// The revision that it made.
    pub revision: Revision,
    /// Who has done it.
    pub actor: &'c Actor,
    /// When.
    pub at: Timestamp,
    /// The things that it has touched, one at least.
    pub seen: Vec<Seen<'c>>,
}

impl App {
    /// What `caller` may know of the commits since the revision `known`, each made into what is wanted of it. At `known`
    /// these projects were hidden from the caller, as far as that is known.
    pub fn news<T>(
        &self,
        caller: &Caller,
        known: Option<Revision>,
        hidden_before: Option<&BTreeSet<String>>,
        make: impl Fn(Change<'_>) -> T,
    ) -> Result<News<T>, Failure> {
        let snapshot = self.0.writer.head();
        let (state, now) = (&snapshot.state, self.now());
        self.admit(state, caller, &Need::login())?;
        let hidden = state.hidden_from(&caller.principal, now);
        let head = snapshot.recent.head();
        let mut news = News { head, reached: head, hidden, changes: None, expires_at: end_of_token(state, caller) };
        let Some(commits) = known.and_then(|known| snapshot.recent.since(known)) else { return Ok(news) };
        let mut changes = Vec::new();
        let mut appeared = hidden_before.map(|before| news.hidden.difference(before).collect::<BTreeSet<_>>());
        let is_revealed = |id: &String| !news.hidden.contains(id) && state.projects.contains(id);
        if hidden_before.is_some_and(|before| before.iter().any(is_revealed)) {
            return Ok(news);
        }
        for touched in commits.take(AT_A_TIME) {
            if hidden_before.is_none() && touched.may_have_hidden(&news.hidden) {
                return Ok(news);
            }
            let Some(seen) = touched.seen_by(state, &caller.principal, &news.hidden, now) else { return Ok(news) };
            // One that the caller has never seen is missed by nobody.
            if let Some(ids) = &mut appeared {
                ids.retain(|id| !touched.has_created(id));
            }
            news.reached = Revision::of_commit(touched.seq, &touched.id);
            if !seen.is_empty() {
                changes.push(make(Change { revision: news.reached, actor: &touched.actor, at: touched.at, seen }));
            }
        }
        if appeared.is_none_or(|hidden| hidden.is_empty()) {
            news.changes = Some(changes);
        }
        Ok(news)
    }
}

fn end_of_token(state: &State, caller: &Caller) -> Option<Timestamp> {
    match &caller.principal {
        Principal::User { personal_token: Some(key), .. } => state.personal_tokens.get(key).map(|t| t.expires_at),
        Principal::ApiToken(selector) => state.api_tokens.get(selector).and_then(|token| token.expires_at),
        _ => None,
    }
}
