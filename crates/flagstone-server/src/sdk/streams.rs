//! Streams to SDKs: server-sent events. One frame for each scope and commit, shared by all who listen.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use axum::body::{Body, Bytes};
use flagstone_model::api_tokens::ApiToken;
use futures_util::stream;
use tokio::sync::Notify;
use tokio::sync::broadcast::{self, Receiver, Sender};
use tokio::time::sleep;

use super::source::FlagSource;
use crate::delivery::{Delivery, HEARTBEAT, Listening, Place, Places, Revision, Scope, Update};
use crate::http::error::Failure;
use crate::system::locks::{Guard, Mutex, rank};

/// How many frames a listener may be behind. One who is further behind is cut, and resumes by the last id.
const BEHIND_MAX: usize = 64;
/// How many different queries may be listened to with one token: each has frames of its own at each change. Streams of
/// one query share them, and those without a query do not count.
const QUERIES_PER_TOKEN_MAX: usize = 32;

/// All open streams.
pub struct Streams {
    places: Arc<Places>,
    open: Mutex<{ rank::STREAMS }, Open>,
    /// A stream has begun whose token may expire before all others.
    expiries: Notify,
}

/// The selector of a token, and a scope.
type Key = (String, Scope);

struct Open {
    groups: HashMap<Arc<Key>, Group>,
}

/// Listeners with the same token and scope.
struct Group {
    token: Arc<ApiToken>,
    frames: Sender<Frame>,
    /// What they all have.
    delivery: Arc<Delivery>,
    listeners: usize,
}

#[derive(Clone)]
enum Frame {
    Event(Bytes),
    /// The node stops.
    Stop,
}

/// One listener; leaves when it is dropped.
struct Listener {
    streams: Arc<Streams>,
    key: Arc<Key>,
    token: Arc<ApiToken>,
    first: std::vec::IntoIter<Bytes>,
    frames: Receiver<Frame>,
    /// Given back when the group has been left.
    _place: Place,
}

impl Streams {
    /// None is open. Each takes one of the places, which there may be others for.
    pub fn new(places: Arc<Places>) -> Arc<Self> {
        Arc::new(Self { places, open: Mutex::new(Open { groups: HashMap::new() }), expiries: Notify::new() })
    }

    fn open(&self) -> Guard<MutexGuard<'_, Open>> {
        self.open.lock()
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        self.places.count()
    }

    /// Begins a stream: everything, or what has changed since the revision that the client knows, and then each change.
    pub fn begin(
        self: &Arc<Self>,
        source: &FlagSource,
        token: &Arc<ApiToken>,
        scope: Scope,
        address: IpAddr,
        known: Option<Revision>,
    ) -> Result<Body, Failure> {
        let key = (token.selector.clone(), scope);
        let mut open = self.open();
        // Looked at while nothing is published: what comes later is sent to the group, and ends it. What was looked at
        // before may be old, and nobody would say so until the next change.
        match source.current(token) {
            None => return Err(Failure::BadCredentials),
            Some(now) if !is_for_the_same(&now, token) => {
                return Err(Failure::Unavailable("What this token is for has just changed; try again."));
            }
            Some(_) => {}
        }
        let head = source.delivery(token)?;
        open.admit_query(&key)?;
        let place = self.places.take(Listening::Sdk(key.0.clone()), address)?;
        let key = open.groups.get_key_value(&key).map_or_else(|| Arc::new(key), |(key, _)| Arc::clone(key));
        let group = open.groups.entry(Arc::clone(&key)).or_insert_with(|| {
            if token.expires_at.is_some() {
                self.expiries.notify_one();
            }
            let (token, delivery) = (Arc::clone(token), Arc::clone(&head));
            Group { token, frames: broadcast::channel(BEHIND_MAX).0, delivery, listeners: 0 }
        });
        // The others hear of it now: who comes may know more than they do, from another node.
        group.advance(head, |known, head| update_frame(head, &key.1, known));
        group.listeners += 1;
        let frames = group.frames.subscribe();
        // The next frame is counted from there.
        let (delivery, token) = (Arc::clone(&group.delivery), Arc::clone(&group.token));
        drop(open);
        let first = first_frames(&delivery, &key.1, known).into_iter();
        let listener = Listener { streams: Arc::clone(self), key, token, first, frames, _place: place };
        Ok(Body::from_stream(stream::unfold(listener, |mut listener| async move {
            let frame = listener.next().await?;
            Some((Ok::<_, std::convert::Infallible>(frame), listener))
        })))
    }

    /// Sends every change to whom it concerns and ends the streams of tokens that no longer work, for ever.
    pub async fn run(source: FlagSource) {
        let mut revisions = source.revisions();
        loop {
            let next_expiry = source.streams().publish(&source);
            let expiry = async {
                match next_expiry {
                    Some(wait) => sleep(wait).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = revisions.changed() => if changed.is_err() { return },
                () = expiry => {}
                () = source.streams().expiries.notified() => {}
            }
        }
    }

    /// Sends what is new to all groups. Returns when the next token expires.
    fn publish(&self, source: &FlagSource) -> Option<Duration> {
        let now = source.now();
        let mut open = self.open();
        let mut next_expiry = None;
        // The last sender of a group ends its streams.
        open.groups.retain(|_, group| {
            let Some(token) = source.current(&group.token).filter(|now| is_for_the_same(now, &group.token)) else {
                return false;
            };
            let expiry = token.expires_at.map(|end| end.millis().saturating_sub(now.millis()));
            next_expiry = next_expiry.into_iter().chain(expiry.filter(|wait| *wait > 0)).min();
            true
        });
        // By environment, scope, and the revisions from and to which a frame leads: the head may move meanwhile.
        let mut made = HashMap::<(String, Scope, [Revision; 2]), Option<Bytes>>::new();
        for (key, group) in &mut open.groups {
            let scope = &key.1;
            let Ok(head) = source.delivery(&group.token) else { continue };
            let environment = group.token.environment.clone();
            group.advance(head, |known, head| {
                let frame = made.entry((environment, scope.clone(), [known, head.revision()]));
                frame.or_insert_with(|| update_frame(head, scope, known)).clone()
            });
        }
        next_expiry.map(|millis| Duration::from_millis(u64::try_from(millis).unwrap_or_default()))
    }

    /// Ends all streams, spread over some seconds, and begins no more.
    pub fn stop(&self) {
        self.places.stop();
        let open = self.open();
        for group in open.groups.values() {
            let _ = group.frames.send(Frame::Stop);
        }
    }
}

impl Group {
    /// Sends what is new at `head` to all listeners: the frame for those who know a revision.
    fn advance(&mut self, head: Arc<Delivery>, frame: impl FnOnce(Revision, &Delivery) -> Option<Bytes>) {
        if Arc::ptr_eq(&head, &self.delivery) {
            return;
        }
        if let Some(frame) = frame(self.delivery.revision(), &head) {
            // Without listeners there is nobody to miss it.
            let _ = self.frames.send(Frame::Event(frame));
        }
        self.delivery = head;
    }
}

impl Open {
    /// Whether the token may listen to this scope beside those that it listens to.
    fn admit_query(&self, key: &Key) -> Result<(), Failure> {
        if !key.1.asked || self.groups.contains_key(key) {
            return Ok(());
        }
        let queries = self.groups.keys().filter(|other| other.1.asked && other.0 == key.0).count();
        if queries < QUERIES_PER_TOKEN_MAX {
            return Ok(());
        }
        Err(Failure::Unavailable("Too many different queries are listened to with this token."))
    }
}

impl Listener {
    /// The next bytes of the stream; nothing at its end.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.next() {
            return Some(first);
        }
        tokio::select! {
            frame = self.frames.recv() => match frame {
                Ok(Frame::Event(bytes)) => Some(bytes),
                Ok(Frame::Stop) => {
                    Places::linger().await;
                    None
                }
                // Too far behind, or the token no longer works.
                Err(_) => None,
            },
            () = sleep(HEARTBEAT) => Some(Bytes::from_static(b":\n\n")),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut open = self.streams.open();
        // The group may be gone, and another with the same key in its place.
        if let Some(group) = open.groups.get_mut(&self.key)
            && Arc::ptr_eq(&self.token, &group.token)
        {
            group.listeners -= 1;
            if group.listeners == 0 {
                open.groups.remove(&self.key);
            }
        }
    }
}

/// Whether a token still is for what it was for when a stream began, by which all that is sent on it is cut.
fn is_for_the_same(now: &ApiToken, then: &ApiToken) -> bool {
    now.projects == then.projects && now.environment == then.environment
}

/// What a stream begins with, and when the client is to come back if it breaks: not all at once. What is large is shared.
fn first_frames(delivery: &Delivery, scope: &Scope, known: Option<Revision>) -> Vec<Bytes> {
    let retry = Places::retry_ms();
    let revision = delivery.revision();
    let update = known.map_or(Update::Everything, |known| delivery.update(known, scope));
    match update {
        Update::Current => vec![Bytes::from(format!("retry: {retry}\n:\n\n"))],
        Update::Changes(changes) => {
            vec![Bytes::from(format!("retry: {retry}\nevent: unleash-updated\nid: {revision}\ndata: {changes}\n\n"))]
        }
        Update::Everything => vec![
            Bytes::from(format!("retry: {retry}\nevent: unleash-connected\nid: {revision}\ndata: ")),
            delivery.hydration(scope).body().clone(),
            Bytes::from_static(b"\n\n"),
        ],
    }
}

/// What tells listeners who have everything up to `known` what is new; nothing if that does not concern them.
fn update_frame(delivery: &Delivery, scope: &Scope, known: Revision) -> Option<Bytes> {
    let revision = delivery.revision();
    let data = match delivery.update(known, scope) {
        Update::Current => return None,
        Update::Changes(changes) => changes,
        Update::Everything => String::from_utf8_lossy(delivery.hydration(scope).body()).into_owned(),
    };
    Some(Bytes::from(format!("event: unleash-updated\nid: {revision}\ndata: {data}\n\n")))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use axum::routing::post;
    use axum::{Json, Router};
    use clap::Parser;
    use serde_json::json;

    use super::*;
    use crate::delivery::Segments;
    use crate::edge::Edge;
    use crate::http::schemas::Schemas;
    use crate::options::edge::EdgeOptions;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        options: EdgeOptions,
    }

    #[tokio::test]
    async fn f19_a_listener_hears_nothing_more_of_projects_that_its_token_is_not_for() {
        const WIDE: &str = "*:development.secret";
        let asked = Arc::new(Notify::new());
        let answered = Arc::clone(&asked);
        let validate = post(async move || {
            answered.notified().await;
            let token = json!({ "token": WIDE, "type": "client", "projects": ["one"], "environment": "development" });
            Json(json!({ "tokens": [token] }))
        });
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/edge/validate", validate);
        tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bootstrap.json");
        std::fs::write(&file, r#"{"features":[{"name":"of-two","project":"two"}]}"#).unwrap();
        let words = ["edge", "--upstream-url", &url, "--tokens", WIDE, "--bootstrap-file", file.to_str().unwrap()];
        let edge = Edge::start(&Command::parse_from(words).options, Schemas::of(&[]).unwrap()).unwrap();
        let source = FlagSource::edge(edge.clone());
        let token = edge.token(WIDE).await.unwrap();
        let scope = || Scope::of(&token, &[], None, Segments::Named);
        let begin = || source.streams().begin(&source, &token, scope(), Ipv4Addr::LOCALHOST.into(), None);
        let stream = begin().unwrap();
        asked.notify_one();
        // It ends: a client that comes back gets what its token is for now.
        let all = axum::body::to_bytes(stream, 1 << 20).await.unwrap();
        assert!(String::from_utf8_lossy(&all).contains("of-two"), "what was sent before");
        assert!(begin().is_err(), "with a scope of before");
    }
}
