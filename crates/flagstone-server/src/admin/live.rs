//! What changes, told as it happens to people who look on: which things, not what is in them.

use std::collections::{BTreeSet, VecDeque};
use std::future::pending;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use flagstone_model::commit::Actor;
use flagstone_model::touched::Seen;
use flagstone_model::{Principal, Timestamp};
use flagstone_store::SessionHash;
use futures_util::stream;
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, sleep, sleep_until};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::caller::Caller;
use crate::app::{App, Change, sessions};
use crate::delivery::{HEARTBEAT, Listening, Place, Places, Revision};
use crate::http::error::Failure;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(listen))
}

/// The data of an event, by the event's name: `change` has what a commit has touched, `hello` and `reset` the revision
/// alone.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code)] // For the published document alone: each is sent where it comes about.
enum LiveEvent {
    Change(LiveChange),
    Revision(LiveRevision),
}

/// The data of `hello` and `reset`.
#[derive(Serialize, ToSchema)]
struct LiveRevision {
    /// The newest revision.
    revision: u64,
}

/// The data of `change`: what a commit has touched, as far as the listener may know.
#[derive(Serialize, ToSchema)]
struct LiveChange {
    /// The revision that it made.
    revision: u64,
    /// Who has done it; null if the server itself has.
    #[schema(required)]
    actor: Option<LiveActor>,
    /// When.
    at: Timestamp,
    /// The things that it has touched, one at least.
    changes: Vec<LiveTouch>,
}

/// Who has done something.
#[derive(Serialize, ToSchema)]
struct LiveActor {
    /// The user's id; negative if it was no user.
    id: i64,
    /// The user's e-mail address or name, or the token's name.
    name: String,
}

/// A thing that has changed.
#[derive(Serialize, ToSchema)]
struct LiveTouch {
    /// What it is: `feature`, `project`, `environment`, `segment`, `context-field`, `strategy` (a type of strategies),
    /// `tag-type`, `tag`, `api-token`, `user`, `role`, `signup-link`, `integration`, `setting`; of the listener's own:
    /// `favorites`, `ui-state`, `personal-token`. More may come.
    #[schema(example = "feature")]
    kind: &'static str,
    /// Its name or number.
    id: String,
    /// The project that it is in, if it is in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<String>,
    /// Of a feature: the environment that the change is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    /// True if it is not there any more, for the listener at least.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    deleted: bool,
}

/// Listen to what changes: which things, not what is in them. The stream ends with the session or the token
#[utoipa::path(
    get,
    path = "/api/admin/live",
    operation_id = "listenLive",
    tag = "Admin UI",
    params((
        "Last-Event-ID" = Option<String>,
        Header,
        description = "The id of the last event that arrived: the stream goes on from there",
    )),
    responses(
        (
            status = 200,
            description = "Events: `hello` first; then a `change` for each commit of which the listener may know something; \
                           `reset` where that cannot be said, so that everything is to be asked for anew",
            body = LiveEvent,
            content_type = "text/event-stream",
        ),
        (status = 503, description = "There are too many streams, or the listener knows more than this node can read now"),
    ),
)]
async fn listen(State(app): State<App>, caller: Caller, headers: HeaderMap) -> Result<Response, Failure> {
    let known = Revision::in_header(&headers, HeaderName::from_static("last-event-id"));
    if let Some(known) = known {
        app.catch_up_with(known.number).await?;
    }
    let body = Listener::begin(app, caller, known)?.into_body();
    // Proxies that collect answers before they pass them on would hold the events back.
    let unbuffered = (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    Ok(([kind, unbuffered], body).into_response())
}

/// Somebody who looks on. Nothing is kept for one who is slow to read: what is new is looked up when there is room for it.
struct Listener {
    app: App,
    caller: Caller,
    /// How far the listener has been told.
    known: Option<Revision>,
    /// The id of the last event or comment.
    told: Option<Revision>,
    /// The projects that the listener did not see when last told; nothing if that was on another connection.
    hidden: Option<BTreeSet<String>>,
    /// Whether there is more than was looked up.
    is_behind: bool,
    /// When the listener's token stops working.
    expires_at: Option<Timestamp>,
    frames: VecDeque<Bytes>,
    beat: Instant,
    revisions: watch::Receiver<u64>,
    ended: broadcast::Receiver<SessionHash>,
    stopping: watch::Receiver<bool>,
    _place: Place,
}

/// Why a listener has something to do.
enum Woken {
    /// The state is another, or time has passed for a token.
    News,
    /// A session was ended; an error if too many were to know which.
    Ended(Result<SessionHash, RecvError>),
    /// Nothing was said for long.
    Silence,
    /// The node stops.
    Stop,
}

impl Listener {
    fn begin(app: App, caller: Caller, known: Option<Revision>) -> Result<Self, Failure> {
        let who = match &caller.principal {
            Principal::ApiToken(selector) => Listening::AdminToken(selector.clone()),
            principal => Listening::User(principal.user_id().unwrap_or_default()),
        };
        let place = app.stream_places().take(who, caller.address())?;
        // Listened to before anything is looked up: nothing falls in between.
        let (revisions, ended) = (app.revisions(), sessions::ended(&app));
        let stopping = app.stream_places().stopping();
        let news = app.news(&caller, None, None, |_| ())?;
        let (retry, revision) = (Places::retry_ms(), news.head.number);
        // Whoever goes on has not been told of everything up to here yet.
        let id = known.map_or_else(|| format!("id: {}\n", news.head), |_| String::new());
        let hello = format!("retry: {retry}\nevent: hello\n{id}data: {{\"revision\":{revision}}}\n\n");
        Ok(Self {
            app,
            caller,
            told: known.or(Some(news.head)),
            is_behind: known.is_some(),
            known: known.or(Some(news.head)),
            hidden: known.is_none().then_some(news.hidden),
            expires_at: news.expires_at,
            frames: [Bytes::from(hello)].into(),
            beat: Instant::now() + HEARTBEAT,
            revisions,
            ended,
            stopping,
            _place: place,
        })
    }

    fn into_body(self) -> Body {
        Body::from_stream(stream::unfold(self, |mut listener| async move {
            let frame = listener.next().await?;
            Some((Ok::<_, std::convert::Infallible>(frame), listener))
        }))
    }

    /// The next bytes of the stream; nothing at its end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                self.beat = Instant::now() + HEARTBEAT;
                return Some(frame);
            }
            if self.is_behind {
                self.look_up().ok()?;
                continue;
            }
            match self.woken().await {
                Woken::News => self.is_behind = true,
                Woken::Ended(ended) if !self.goes_on(&ended).await => return None,
                Woken::Ended(_) => {}
                Woken::Silence if !self.session_lives().await => return None,
                Woken::Silence => {
                    self.look_up().ok()?;
                    if self.frames.is_empty() {
                        let beat = self.heartbeat();
                        self.frames.push_back(beat);
                    }
                }
                Woken::Stop => {
                    Places::linger().await;
                    return None;
                }
            }
        }
    }

    /// Waits until there is something to do.
    async fn woken(&mut self) -> Woken {
        let until_expiry = self.until_expiry();
        let expiry = async {
            match until_expiry {
                Some(wait) => sleep(wait).await,
                None => pending().await,
            }
        };
        tokio::select! {
            changed = self.revisions.changed() => changed.map_or(Woken::Stop, |()| Woken::News),
            ended = self.ended.recv() => Woken::Ended(ended),
            // The state is asked again, which says that it is over.
            () = expiry => Woken::News,
            () = sleep_until(self.beat) => Woken::Silence,
            _ = self.stopping.wait_for(|stopping| *stopping) => Woken::Stop,
        }
    }

    /// A comment. What was of no interest to the listener is behind it all the same: an id without data is no event, and
    /// the place from which the client goes on.
    fn heartbeat(&mut self) -> Bytes {
        let id = self.known.filter(|_| self.told != self.known);
        self.told = self.known;
        Bytes::from(format!(":\n{}\n", id.map_or_else(String::new, |id| format!("id: {id}\n"))))
    }

    /// Whether the stream goes on after a session was ended, or after so many that some were missed.
    async fn goes_on(&self, ended: &Result<SessionHash, RecvError>) -> bool {
        match ended {
            Ok(hash) => self.caller.session.as_ref() != Some(hash),
            Err(_) => self.session_lives().await,
        }
    }

    /// Whether the session lives that the listener came with, if it was one: only the store knows of other nodes.
    async fn session_lives(&self) -> bool {
        match &self.caller.session {
            Some(hash) => sessions::lives(&self.app, hash).await,
            None => true,
        }
    }

    /// How long the listener's token works on.
    fn until_expiry(&self) -> Option<Duration> {
        let millis = self.expires_at?.millis().saturating_sub(self.app.now().millis());
        Some(Duration::from_millis(u64::try_from(millis).unwrap_or_default()))
    }

    /// Looks up what is new. An error if the listener may know nothing any more.
    fn look_up(&mut self) -> Result<(), Failure> {
        let news = self.app.news(&self.caller, self.known, self.hidden.as_ref(), frame)?;
        self.expires_at = news.expires_at;
        self.hidden = Some(news.hidden);
        if let Some(frames) = news.changes {
            if !frames.is_empty() {
                self.told = Some(news.reached);
            }
            self.frames.extend(frames);
            self.known = Some(news.reached);
            self.is_behind = news.reached != news.head;
        } else {
            let (id, revision) = (news.head, news.head.number);
            self.frames
                .push_back(Bytes::from(format!("event: reset\nid: {id}\ndata: {{\"revision\":{revision}}}\n\n")));
            (self.known, self.told, self.is_behind) = (Some(news.head), Some(news.head), false);
        }
        Ok(())
    }
}

/// What tells of a commit.
fn frame(change: Change<'_>) -> Bytes {
    let Change { revision, actor, at, seen } = change;
    let actor = (actor.id != Actor::SYSTEM_ID).then(|| LiveActor { id: actor.id, name: actor.name.clone() });
    let changes = seen.into_iter().map(touch).collect();
    let change = LiveChange { revision: revision.number, actor, at, changes };
    let data = serde_json::to_string(&change).unwrap_or_default();
    Bytes::from(format!("event: change\nid: {revision}\ndata: {data}\n\n"))
}

fn touch(seen: Seen<'_>) -> LiveTouch {
    LiveTouch {
        kind: seen.noun,
        id: seen.id.to_owned(),
        project: seen.project.map(str::to_owned),
        environment: seen.environment.map(str::to_owned),
        deleted: seen.is_deleted,
    }
}
