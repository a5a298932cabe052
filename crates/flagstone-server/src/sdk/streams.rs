//! Streams to SDKs: server-sent events. One frame for each scope and change, shared by all who listen; scopes that a
//! change does not concern are not looked at.

mod groups;

use std::net::IpAddr;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use axum::body::{Body, Bytes};
use flagstone_model::api_tokens::ApiToken;
use futures_util::stream;
use tokio::sync::Notify;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::sync::{OnceCell, watch};
use tokio::time::sleep;

use self::groups::{Frame, Open, Token};
use super::source::FlagSource;
use crate::delivery::{Answer, Delivery, HEARTBEAT, Listening, Place, Places, Revision, Scope, Update};
use crate::http::error::Failure;
use crate::system::locks::{Guard, Mutex, rank};

/// All open streams.
pub struct Streams {
    places: Arc<Places>,
    open: Mutex<{ rank::STREAMS }, Open>,
    /// A stream has begun whose token may expire before all others.
    expiries: Notify,
}

/// One listener; leaves when it is dropped.
struct Listener {
    streams: Arc<Streams>,
    environment: String,
    scope: Arc<Scope>,
    token: Arc<Token>,
    first: First,
    /// What `first` is of: whoever begins meanwhile shares it.
    everything: Option<Arc<OnceCell<Arc<Answer>>>>,
    frames: Receiver<Frame>,
    /// Up to where everything that concerns the scope is in `frames`.
    told: watch::Receiver<Revision>,
    /// Given back when the group has been left.
    _place: Place,
}

impl Streams {
    /// None is open. Each takes one of the places, which there may be others for.
    pub fn new(places: Arc<Places>) -> Arc<Self> {
        Arc::new(Self { places, open: Mutex::new(Open::default()), expiries: Notify::new() })
    }

    fn open(&self) -> Guard<MutexGuard<'_, Open>> {
        self.open.lock()
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        self.places.count()
    }

    /// Begins a stream: everything, or what has changed since the revision that the client knows, and then each change.
    pub async fn begin(
        self: &Arc<Self>,
        source: &FlagSource,
        token: &Arc<ApiToken>,
        scope: Scope,
        address: IpAddr,
        known: Option<Revision>,
    ) -> Result<Body, Failure> {
        // Most likely what is found below, where nobody is to wait for it.
        source.delivery(token)?.ready().await;
        let (mut listener, mut begun) = self.join(source, token, scope, address, known)?;
        if begun.update == Update::Everything
            && let Some(known) = known
        {
            begun.update = source.update(&begun.head, known, &listener.scope).await;
        }
        listener.everything = (begun.update == Update::Everything).then(|| Arc::clone(&begun.everything));
        listener.first = first_frames(begun, &listener.scope).await;
        Ok(Body::from_stream(stream::unfold(listener, |mut listener| async move {
            let frame = listener.next().await?;
            Some((Ok::<_, std::convert::Infallible>(frame), listener))
        })))
    }

    /// Joins those who listen to a scope. From here on the listener gets all that is new; what comes before it is to be
    /// told of first.
    fn join(
        self: &Arc<Self>,
        source: &FlagSource,
        token: &Arc<ApiToken>,
        scope: Scope,
        address: IpAddr,
        known: Option<Revision>,
    ) -> Result<(Listener, Begun), Failure> {
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
        open.admit_query(&token.selector, &scope)?;
        let place = self.places.take(Listening::Sdk(token.selector.clone()), address)?;
        let (token, may_expire_first) = open.token(token);
        if may_expire_first {
            self.expiries.notify_one();
        }
        let is_one_for_all = source.delivery_by_name(head.environment()).is_some();
        let environment = head.environment().to_owned();
        let group = open.enter(&environment, scope, &token, &head, is_one_for_all);
        // The others hear of it now: who comes may know more than they do, from another node.
        group.advance(&head);
        let update = known.map_or(Update::Everything, |known| group.update(&head, known));
        let begun = Begun { update, everything: group.hydration(), head };
        let (scope, frames, told) = (Arc::clone(group.scope()), group.listen(), group.told());
        drop(open);
        let (streams, first, everything) = (Arc::clone(self), First::default(), None);
        let listener = Listener { streams, environment, scope, token, first, everything, frames, told, _place: place };
        Ok((listener, begun))
    }

    /// Sends every change to whom it concerns and ends the streams of tokens that no longer work, for ever.
    pub async fn run(source: FlagSource) {
        let mut revisions = source.revisions();
        loop {
            let environments = source.streams().open().environments();
            for delivery in environments.iter().filter_map(|name| source.delivery_by_name(name)) {
                delivery.ready().await;
            }
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

    /// Sends what is new to all whom it concerns. Returns when the next token expires.
    fn publish(&self, source: &FlagSource) -> Option<Duration> {
        let now = source.now();
        let mut open = self.open();
        let mark = source.tokens_mark();
        if open.may_have_ended(&mark, now) {
            let is_live = |token: &ApiToken| source.current(token).is_some_and(|now| is_for_the_same(&now, token));
            open.end_tokens(is_live, mark);
        }
        open.publish(|environment| source.delivery_by_name(environment), |token| source.delivery(token).ok());
        let wait = open.next_expiry()?.millis().saturating_sub(now.millis()).max(1);
        Some(Duration::from_millis(u64::try_from(wait).unwrap_or_default()))
    }

    /// Ends all streams, spread over some seconds, and begins no more.
    pub fn stop(&self) {
        self.places.stop();
        self.open().stop();
    }
}

impl Listener {
    /// The next bytes of the stream; nothing at its end.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.next() {
            return Some(first);
        }
        (self.first, self.everything) = (First::default(), None);
        let frame = tokio::select! {
            biased;
            // The token no longer works.
            () = self.token.ended() => return None,
            frame = self.frames.recv() => frame.ok(),
            () = sleep(HEARTBEAT) => {
                let told = *self.told.borrow_and_update();
                match self.frames.try_recv() {
                    // All up to there has been sent: whoever comes back with it misses nothing.
                    Err(TryRecvError::Empty) => return Some(Bytes::from(format!("id: {told}\n:\n\n"))),
                    frame => frame.ok(),
                }
            }
        };
        match frame {
            Some(Frame::Event(bytes)) => Some(bytes),
            Some(Frame::Stop) => {
                Places::linger().await;
                None
            }
            // Too far behind.
            None => None,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.streams.open().leave(&self.environment, &self.scope, &self.token);
    }
}

/// Whether a token still is for what it was for when a stream began, by which all that is sent on it is cut.
fn is_for_the_same(now: &ApiToken, then: &ApiToken) -> bool {
    now.projects == then.projects && now.environment == then.environment
}

/// What somebody has to be told who begins to listen.
struct Begun {
    update: Update,
    everything: Arc<OnceCell<Arc<Answer>>>,
    head: Arc<Delivery>,
}

/// What a stream begins with: text of its own around pieces that others are told as well.
#[derive(Default)]
struct First {
    before: Option<Bytes>,
    pieces: Option<Arc<[Bytes]>>,
    at: usize,
}

impl First {
    fn next(&mut self) -> Option<Bytes> {
        if let Some(before) = self.before.take() {
            return Some(before);
        }
        let pieces = self.pieces.as_ref()?;
        let piece = pieces.get(self.at).cloned();
        self.at += 1;
        piece.or_else(|| {
            self.pieces = None;
            Some(Bytes::from_static(b"\n\n"))
        })
    }
}

/// What a stream begins with, and when the client is to come back if it breaks: not all at once. What is large is shared.
async fn first_frames(begun: Begun, scope: &Scope) -> First {
    let retry = Places::retry_ms();
    let revision = begun.head.revisions().of_scope(scope);
    let (event, pieces) = match begun.update {
        Update::Current => {
            let before = Some(Bytes::from(format!("retry: {retry}\n:\n\n")));
            return First { before, ..First::default() };
        }
        Update::Changes(changes) => ("unleash-updated", Arc::from([changes])),
        Update::Everything => {
            let everything = begun.everything.get_or_init(|| begun.head.hydration_alone(scope)).await;
            ("unleash-connected", everything.pieces())
        }
    };
    let before = Bytes::from(format!("retry: {retry}\nevent: {event}\nid: {revision}\ndata: "));
    First { before: Some(before), pieces: Some(pieces), at: 0 }
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
        let begin = async || source.streams().begin(&source, &token, scope(), Ipv4Addr::LOCALHOST.into(), None).await;
        let stream = begin().await.unwrap();
        asked.notify_one();
        // It ends: a client that comes back gets what its token is for now.
        let all = axum::body::to_bytes(stream, 1 << 20).await.unwrap();
        assert!(String::from_utf8_lossy(&all).contains("of-two"), "what was sent before");
        assert!(begin().await.is_err(), "with a scope of before");
    }
}
