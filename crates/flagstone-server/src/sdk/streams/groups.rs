//! Who listens to what: groups by environment and scope, found by the projects that a change concerns.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};

use axum::body::Bytes;
use flagstone_model::Timestamp;
use flagstone_model::api_tokens::ApiToken;
use tokio::sync::broadcast::{self, Receiver, Sender};
use tokio::sync::{OnceCell, watch};
use tokio_util::sync::CancellationToken;

use crate::delivery::{Answer, Delivery, Revision, Revisions, Scope, Update};
use crate::http::error::Failure;
use crate::sdk::source::TokensMark;

/// How many frames a listener may be behind. One who is further behind is cut, and resumes by the last id. There is room
/// for so many in each group, of which there may be as many as listeners.
const BEHIND_MAX: usize = 8;
/// How many different queries may be listened to with one token: each has frames of its own at each change. Streams of
/// one query share them, and those without a query do not count.
const QUERIES_PER_TOKEN_MAX: usize = 32;
/// How many answers are kept for those who come back knowing something: after a restart, all know much the same.
const UPDATES_MAX: usize = 64;

/// All who listen.
#[derive(Default)]
pub struct Open {
    environments: HashMap<String, Environment>,
    /// By selector.
    tokens: HashMap<String, Listening>,
    /// When tokens were last looked at.
    looked_at: Option<TokensMark>,
    next_expiry: Option<Timestamp>,
}

/// A token that is listened with.
pub struct Token {
    token: Arc<ApiToken>,
    ended: CancellationToken,
}

/// Those who listen with a token.
struct Listening {
    token: Arc<Token>,
    /// To what, and how many to each.
    scopes: Vec<(Arc<Scope>, usize)>,
}

/// Those who listen to an environment.
#[derive(Default)]
struct Environment {
    groups: HashMap<Arc<Scope>, Group>,
    /// The scopes that show a project.
    by_project: HashMap<String, HashSet<Arc<Scope>>>,
    /// The scopes that show all of them.
    of_all: HashSet<Arc<Scope>>,
    /// What all groups have been told; nothing where they have flags of different places.
    seen: Option<Revisions>,
    told: watch::Sender<Revision>,
}

/// Listeners with the same scope.
pub struct Group {
    scope: Arc<Scope>,
    /// Each with how many listen with it.
    tokens: Vec<(Arc<Token>, usize)>,
    frames: Sender<Frame>,
    /// What they all have.
    known: Revision,
    /// The environment's version since which something may concern them that they have not been told.
    told_of: Revision,
    told: watch::Sender<Revision>,
    /// What those have to be told who know something older, as of `known`.
    updates: HashMap<Revision, Update>,
    /// What those have to be told who know nothing, as of `known`, while somebody is told it.
    hydration: Weak<OnceCell<Arc<Answer>>>,
}

/// What a group is sent.
#[derive(Clone)]
pub enum Frame {
    /// Something is new.
    Event(Bytes),
    /// The stream ends: the node stops, or has less than was told.
    Stop,
}

impl Token {
    /// Waits until the token no longer works.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }
}

impl Open {
    /// The environments that somebody listens to.
    pub fn environments(&self) -> Vec<String> {
        self.environments.keys().cloned().collect()
    }

    /// When the first of the tokens expires.
    pub const fn next_expiry(&self) -> Option<Timestamp> {
        self.next_expiry
    }

    /// Whether the token may listen to this scope beside those that it listens to.
    pub fn admit_query(&self, selector: &str, scope: &Scope) -> Result<(), Failure> {
        let Some(listening) = self.tokens.get(selector).filter(|_| scope.asked) else { return Ok(()) };
        let queries = listening.scopes.iter().filter(|(other, _)| other.asked).count();
        if queries < QUERIES_PER_TOKEN_MAX || listening.scopes.iter().any(|(other, _)| **other == *scope) {
            return Ok(());
        }
        Err(Failure::Unavailable("Too many different queries are listened to with this token."))
    }

    /// A token to listen with, and whether it may expire before all others.
    pub fn token(&mut self, token: &Arc<ApiToken>) -> (Arc<Token>, bool) {
        let new = || {
            let token = Arc::new(Token { token: Arc::clone(token), ended: CancellationToken::new() });
            Listening { token, scopes: Vec::new() }
        };
        let known = Arc::clone(&self.tokens.entry(token.selector.clone()).or_insert_with(new).token);
        let expiry = token.expires_at.filter(|expiry| self.next_expiry.is_none_or(|next| *expiry < next));
        if let Some(expiry) = expiry {
            self.next_expiry = Some(expiry);
        }
        (known, expiry.is_some())
    }

    /// Adds a listener.
    pub fn enter(
        &mut self,
        environment: &str,
        scope: Scope,
        token: &Arc<Token>,
        head: &Arc<Delivery>,
        is_one_for_all: bool,
    ) -> &mut Group {
        let there = self.environments.entry(environment.to_owned()).or_default();
        if is_one_for_all && there.groups.is_empty() {
            there.seen = Some(head.revisions().clone());
            there.told.send_replace(head.revision());
        }
        // Otherwise the others may not have heard of all that was told.
        let shares_told = there.seen.is_some();
        let scope = there.groups.get_key_value(&scope).map_or_else(|| Arc::new(scope), |(known, _)| Arc::clone(known));
        if let Some(listening) = self.tokens.get_mut(&token.token.selector) {
            add_one(&mut listening.scopes, &scope);
        }
        there.index(&scope);
        let told = if shares_told { there.told.clone() } else { watch::Sender::default() };
        let group = there.groups.entry(Arc::clone(&scope)).or_insert_with(|| {
            let (known, told_of) = (head.revisions().of_scope(&scope), head.revision());
            let (frames, updates) = (broadcast::channel(BEHIND_MAX).0, HashMap::new());
            if !shares_told {
                told.send_replace(known);
            }
            Group { scope, tokens: Vec::new(), frames, known, told_of, told, updates, hydration: Weak::new() }
        });
        add_one(&mut group.tokens, token);
        group
    }

    /// A listener has gone.
    pub fn leave(&mut self, environment: &str, scope: &Arc<Scope>, token: &Arc<Token>) {
        let selector = &token.token.selector;
        // The token may have ended, and come back since: then others listen with it.
        if let Some(listening) = self.tokens.get_mut(selector).filter(|known| Arc::ptr_eq(&known.token, token)) {
            take_one(&mut listening.scopes, scope);
            if listening.scopes.is_empty() {
                self.tokens.remove(selector);
            }
        }
        let Some(there) = self.environments.get_mut(environment) else { return };
        let Some(group) = there.groups.get_mut(scope) else { return };
        take_one(&mut group.tokens, token);
        if group.tokens.is_empty() {
            there.groups.remove(scope);
            there.forget(scope);
        }
        if there.groups.is_empty() {
            self.environments.remove(environment);
        }
    }

    /// Whether a token that is listened with may not work any more.
    pub fn may_have_ended(&self, mark: &TokensMark, now: Timestamp) -> bool {
        let is_same = self.looked_at.as_ref().is_some_and(|before| before.is(mark));
        !is_same || self.next_expiry.is_some_and(|expiry| expiry <= now)
    }

    /// Ends the streams of tokens that no longer work.
    pub fn end_tokens(&mut self, is_live: impl Fn(&ApiToken) -> bool, mark: TokensMark) {
        self.looked_at = Some(mark);
        self.tokens.retain(|_, Listening { token, .. }| {
            let stays = is_live(&token.token);
            if !stays {
                token.ended.cancel();
            }
            stays
        });
        let tokens = self.tokens.values().map(|listening| &listening.token.token);
        self.next_expiry = tokens.filter_map(|token| token.expires_at).min();
    }

    /// Sends what is new. Where an environment's flags are of one place, only those groups are looked at that a change
    /// concerns.
    pub fn publish(
        &mut self,
        one_for_all: impl Fn(&str) -> Option<Arc<Delivery>>,
        of_token: impl Fn(&ApiToken) -> Option<Arc<Delivery>>,
    ) {
        for (name, there) in &mut self.environments {
            if let Some(head) = one_for_all(name) {
                there.publish(&head);
                continue;
            }
            let were_one = there.seen.take().is_some();
            for group in there.groups.values_mut() {
                if were_one {
                    // What the others are told is nothing that this one has from now on.
                    group.told = watch::Sender::new(group.known);
                }
                if let Some(head) = group.tokens.iter().find_map(|(token, _)| of_token(&token.token)) {
                    group.advance(&head);
                }
                group.told.send_replace(group.known);
            }
        }
    }

    /// Tells all that the node stops.
    pub fn stop(&self) {
        for group in self.environments.values().flat_map(|there| there.groups.values()) {
            let _ = group.frames.send(Frame::Stop);
        }
    }
}

impl Environment {
    fn index(&mut self, scope: &Arc<Scope>) {
        let Some(projects) = &scope.projects else {
            self.of_all.insert(Arc::clone(scope));
            return;
        };
        for project in projects {
            self.by_project.entry(project.clone()).or_default().insert(Arc::clone(scope));
        }
    }

    fn forget(&mut self, scope: &Arc<Scope>) {
        self.of_all.remove(scope);
        for project in scope.projects.iter().flatten() {
            if let Some(scopes) = self.by_project.get_mut(project) {
                scopes.remove(scope);
                if scopes.is_empty() {
                    self.by_project.remove(project);
                }
            }
        }
    }

    fn publish(&mut self, head: &Arc<Delivery>) {
        let now = head.revisions();
        let before = self.seen.replace(now.clone());
        if before.as_ref().is_some_and(|before| before.newest() == now.newest()) {
            return;
        }
        match before {
            None => self.groups.values_mut().for_each(|group| group.advance(head)),
            Some(before) if now.is_other(&before) => {
                for group in self.groups.values_mut() {
                    group.has_been_told_of(before.newest());
                    group.advance(head);
                }
            }
            Some(before) => {
                let touched = now.changed_since(&before).filter_map(|project| self.by_project.get(project));
                let touched: HashSet<_> = touched.flatten().chain(&self.of_all).collect();
                for scope in touched {
                    let Some(group) = self.groups.get_mut(scope) else { continue };
                    group.has_been_told_of(before.newest());
                    group.advance(head);
                }
            }
        }
        // Behind all frames: see the heartbeat.
        self.told.send_replace(now.newest());
    }
}

impl Group {
    /// What they listen to.
    pub const fn scope(&self) -> &Arc<Scope> {
        &self.scope
    }

    /// From now on.
    pub fn listen(&self) -> Receiver<Frame> {
        self.frames.subscribe()
    }

    /// Up to where everything has been sent.
    pub fn told(&self) -> watch::Receiver<Revision> {
        self.told.subscribe()
    }

    /// Nothing up to there concerns them that they do not have. What they have themselves may be of long ago, where
    /// nobody remembers what has come since.
    fn has_been_told_of(&mut self, revision: Revision) {
        if revision.number > self.told_of.number {
            self.told_of = revision;
        }
    }

    /// Sends what is new at `head` to all listeners.
    pub fn advance(&mut self, head: &Arc<Delivery>) {
        let revision = head.revisions().of_scope(&self.scope);
        let told_of = std::mem::replace(&mut self.told_of, head.revision());
        if revision == self.known {
            return;
        }
        // What they know may be on its way here, as when an edge hears one of its upstream's nodes that is behind: they come
        // back with it, and nobody is told of something older before it is clear that it holds.
        let frame = if revision.number < self.known.number {
            Some(Frame::Stop)
        } else {
            update_frame(head, &self.scope, told_of, revision).map(Frame::Event)
        };
        // Without listeners there is nobody to miss it.
        let _ = frame.map(|frame| self.frames.send(frame));
        self.known = revision;
        self.updates = HashMap::new();
        self.hydration = Weak::new();
    }

    /// Where everything is to be found, as of now: made once for all who begin at the same time.
    pub fn hydration(&mut self) -> Arc<OnceCell<Arc<Answer>>> {
        self.hydration.upgrade().unwrap_or_else(|| {
            let cell = Arc::default();
            self.hydration = Arc::downgrade(&cell);
            cell
        })
    }

    /// What somebody who knows a revision has to be told at `head`, which the group has heard of: made once for all who
    /// know the same.
    pub fn update(&mut self, head: &Delivery, known: Revision) -> Update {
        if let Some(update) = self.updates.get(&known) {
            return update.clone();
        }
        let update = head.update(known, &self.scope);
        if self.updates.len() < UPDATES_MAX {
            self.updates.insert(known, update.clone());
        }
        update
    }
}

/// Counts one more of a thing.
fn add_one<T>(counts: &mut Vec<(Arc<T>, usize)>, thing: &Arc<T>) {
    match counts.iter_mut().find(|(other, _)| Arc::ptr_eq(other, thing)) {
        Some((_, count)) => *count += 1,
        None => counts.push((Arc::clone(thing), 1)),
    }
}

/// Counts one less of a thing, and takes it out with the last.
fn take_one<T>(counts: &mut Vec<(Arc<T>, usize)>, thing: &Arc<T>) {
    let Some(at) = counts.iter().position(|(other, _)| Arc::ptr_eq(other, thing)) else { return };
    match &mut counts[at].1 {
        1 => _ = counts.swap_remove(at),
        count => *count -= 1,
    }
}

/// What tells listeners who have been told of everything up to there what is new; nothing if that does not concern them.
fn update_frame(delivery: &Delivery, scope: &Scope, told_of: Revision, revision: Revision) -> Option<Bytes> {
    let data = match delivery.update(told_of, scope) {
        Update::Current => return None,
        Update::Changes(changes) => changes,
        Update::Everything => delivery.hydration_now(scope),
    };
    let head = format!("event: unleash-updated\nid: {revision}\ndata: ");
    Some([head.as_bytes(), &data, b"\n\n"].concat().into())
}

#[cfg(test)]
mod tests {
    use flagstone_model::api_tokens::TokenKind;

    use super::*;
    use crate::delivery::content::{Content, FeatureItem, Unused};

    fn api_token() -> Arc<ApiToken> {
        Arc::new(ApiToken {
            selector: "selector".to_owned(),
            hash: String::new(),
            prefix: "*:development".to_owned(),
            name: "name".to_owned(),
            kind: TokenKind::Backend,
            environment: "development".to_owned(),
            projects: vec!["*".to_owned()],
            created_at: Timestamp::from_millis(0),
            expires_at: None,
            alias: None,
        })
    }

    #[test]
    fn a_stream_is_never_told_of_something_older() {
        let at = |revision: &str| {
            let item =
                FeatureItem { name: "flag".to_owned(), project: "alpha".to_owned(), tags: None, segments: vec![] };
            let json = format!(r#"{{"name":"flag","project":"alpha","enabled":true,"description":"{revision}"}}"#);
            let nothing = Content::default();
            let mut edit = nothing.edit();
            edit.put_feature(item, json.into());
            Arc::new(Delivery::received("development", revision.parse().unwrap(), edit.finish(Unused::Stay).0))
        };
        let mut open = Open::default();
        let token = open.token(&api_token()).0;
        // As on an edge, where each token has a head of its own.
        let publish = |open: &mut Open, head: &Arc<Delivery>| open.publish(|_| None, |_| Some(Arc::clone(head)));
        let mut frames = open.enter("development", Scope::everything(), &token, &at("19-0000000b"), false).listen();
        publish(&mut open, &at("17-0000000a"));
        assert!(matches!(frames.try_recv(), Ok(Frame::Stop)), "who knows more is sent away");
        // Who has come since knows the older, and hears of what is new.
        publish(&mut open, &at("20-0000000c"));
        let Ok(Frame::Event(event)) = frames.try_recv() else { panic!("no event") };
        assert!(String::from_utf8_lossy(&event).contains("\nid: 20-0000000c\n"), "{event:?}");
        assert!(frames.try_recv().is_err());
    }

    #[test]
    fn a_stream_is_told_its_changes_alone_however_much_came_for_others() {
        let put = |content: &Content, project: &str, description: &str| {
            let item =
                FeatureItem { name: project.to_owned(), project: project.to_owned(), tags: None, segments: vec![] };
            let mut edit = content.edit();
            edit.put_feature(item, format!(r#"{{"name":"{project}","description":"{description}"}}"#).into());
            edit.finish(Unused::Stay)
        };
        let begin = put(&Content::default(), "quiet", "first").0;
        let begin = Arc::new(Delivery::received("development", Revision::number(1), begin));
        let mut open = Open::default();
        let token = open.token(&api_token()).0;
        let scope = Scope { projects: Some(["quiet".to_owned()].into()), ..Scope::everything() };
        let mut frames = open.enter("development", scope, &token, &begin, true).listen();
        let publish = |open: &mut Open, head: &Arc<Delivery>| open.publish(|_| Some(Arc::clone(head)), |_| None);
        // More than is remembered, for others.
        let (content, touched) = put(begin.content(), "busy", "first");
        let touched = touched.iter().cycle().take(20_000).cloned().collect();
        let busy = Arc::new(begin.followed_by(Revision::number(2), content, touched, true));
        publish(&mut open, &busy);
        assert!(frames.try_recv().is_err(), "that does not concern it");
        let (content, touched) = put(busy.content(), "quiet", "second");
        publish(&mut open, &Arc::new(busy.followed_by(Revision::number(3), content, touched, true)));
        let Ok(Frame::Event(event)) = frames.try_recv() else { panic!("no event") };
        let event = String::from_utf8_lossy(&event);
        assert!(event.contains("feature-updated") && !event.contains("hydration"), "{event}");
    }

    #[test]
    fn who_leaves_with_a_token_of_before_takes_nothing_from_those_who_came_since() {
        let token = api_token();
        let head = Arc::new(Delivery::received("development", Revision::number(1), Content::default()));
        let query = |number: usize| Scope { name_prefix: Some(number.to_string()), asked: true, ..Scope::everything() };
        let mut open = Open::default();
        let enter = |open: &mut Open, number| {
            let token = open.token(&token).0;
            let scope = Arc::clone(open.enter("development", query(number), &token, &head, true).scope());
            (scope, token)
        };
        let before = enter(&mut open, 0);
        open.end_tokens(|_| false, TokensMark::Ended(1));
        assert!(before.1.ended.is_cancelled());
        let since: Vec<_> = (0..QUERIES_PER_TOKEN_MAX).map(|number| enter(&mut open, number)).collect();
        let one_more = query(QUERIES_PER_TOKEN_MAX);
        open.leave("development", &before.0, &before.1);
        assert!(open.admit_query("selector", &one_more).is_err(), "a query of those who are there was forgotten");
        assert!(!since[0].1.ended.is_cancelled());
        for (scope, token) in &since {
            open.leave("development", scope, token);
        }
        assert!(open.admit_query("selector", &one_more).is_ok());
        assert!(open.tokens.is_empty() && open.environments.is_empty(), "somebody is still there");
    }
}
