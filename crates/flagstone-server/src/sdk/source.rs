//! Where delivery comes from: the state of a node, or what an edge has from its upstream. The same handlers serve both.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use flagstone_model::api_tokens::{self, ApiToken, TokenKind};
use flagstone_model::environments::Environment;
use flagstone_model::projects::Project;
use flagstone_model::settings::frontend_origins;
use flagstone_model::{Error, Table, Timestamp, users};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use utoipa::ToSchema;

use super::streams::Streams;
use crate::app::App;
use crate::delivery::{Delivery, DeliverySettings, Places, Revision, Scope, Update};
use crate::edge::Edge;
use crate::edge::upstream::UNHEARD;
use crate::http::error::Failure;
use crate::http::metrics::Metrics;
use crate::http::schemas::{self, Schemas};
use crate::http::{Body, bearer};
use crate::system::tasks::keep_running;
use crate::telemetry::Telemetry;

/// What delivery handlers work with: flags and tokens, and the streams that tell of them. Clones share everything.
#[derive(Clone)]
pub struct FlagSource {
    flags: Flags,
    streams: Arc<Streams>,
}

#[derive(Clone)]
enum Flags {
    /// A node with a database.
    Primary(App),
    /// An edge, or a node that waits for its database.
    Edge(Edge),
}

/// Whether flags may be of before an edge's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// They are what there is.
    Current,
    /// The upstream has not been heard.
    MayBeOld,
}

impl Age {
    /// An answer that says so.
    pub fn of(self, answer: impl IntoResponse) -> Response {
        let mut response = answer.into_response();
        if self == Self::MayBeOld {
            response.headers_mut().insert(UNHEARD, HeaderValue::from_static("true"));
        }
        response
    }
}

/// When tokens were looked at.
pub enum TokensMark {
    /// In this state: what decides whether they work.
    State {
        /// The tokens.
        tokens: Table<ApiToken>,
        /// One must be alive.
        projects: Table<Project>,
        /// The token's must be there.
        environments: Table<Environment>,
    },
    /// When so many had ended.
    Ended(u64),
}

impl TokensMark {
    /// Whether no token can have come to its end in between but by the clock.
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::State { tokens, projects, environments },
                Self::State { tokens: other, projects: other_projects, environments: other_environments },
            ) => tokens.is(other) && projects.is(other_projects) && environments.is(other_environments),
            (Self::Ended(count), Self::Ended(other)) => count == other,
            _ => false,
        }
    }
}

/// An API token that opens delivery.
#[derive(Clone, Debug)]
pub struct SdkToken(pub Arc<ApiToken>);

impl FlagSource {
    /// A node's flags; its streams begin to be told of changes.
    pub fn primary(app: App) -> Self {
        let places = Arc::clone(app.stream_places());
        Self::new(Flags::Primary(app), places)
    }

    /// What an edge has from its upstream; its streams begin to be told of changes.
    pub fn edge(edge: Edge) -> Self {
        let places = Places::new(&edge.settings().streams);
        Self::new(Flags::Edge(edge), places)
    }

    fn new(flags: Flags, places: Arc<Places>) -> Self {
        let source = Self { flags, streams: Streams::new(places) };
        let told = source.clone();
        keep_running("stream changes", move || Streams::run(told.clone()));
        source
    }

    /// The node, if it is one.
    pub fn node(&self) -> Option<&App> {
        match &self.flags {
            Flags::Primary(app) => Some(app),
            Flags::Edge(_) => None,
        }
    }

    /// The token in `headers`, if it is of one of these kinds.
    pub async fn token(&self, headers: &HeaderMap, kinds: &[TokenKind]) -> Result<SdkToken, Failure> {
        let secret = bearer(headers).ok_or(Error::Unauthenticated)?;
        let token = match &self.flags {
            Flags::Primary(app) => token_of_state(app, secret)?,
            Flags::Edge(edge) => edge.token(secret).await?,
        };
        if !kinds.contains(&token.kind) {
            return Err(Failure::WrongTokenType);
        }
        self.telemetry().token_seen(&token.selector, self.now());
        Ok(SdkToken(token))
    }

    /// A token that was once good as it is now, if it still works.
    pub fn current(&self, token: &ApiToken) -> Option<Arc<ApiToken>> {
        match &self.flags {
            Flags::Primary(app) => api_tokens::current(&app.public().state, token, app.now()).map(Arc::clone),
            Flags::Edge(edge) => edge.current(token),
        }
    }

    /// What the SDKs with a token get.
    pub fn delivery(&self, token: &ApiToken) -> Result<Arc<Delivery>, Failure> {
        match &self.flags {
            Flags::Primary(app) => {
                let delivery = app.public().delivery(&token.environment).map(Arc::clone);
                Ok(delivery.ok_or_else(|| Error::not_found("environment", &token.environment))?)
            }
            Flags::Edge(edge) => edge.delivery(token),
        }
    }

    /// What all tokens of an environment get their flags from; nothing where they may come from several feeds.
    pub fn delivery_by_name(&self, environment: &str) -> Option<Arc<Delivery>> {
        match &self.flags {
            Flags::Primary(app) => app.public().delivery(environment).map(Arc::clone),
            Flags::Edge(edge) => edge.delivery_of_all(environment),
        }
    }

    /// Says when tokens have been looked at.
    pub fn tokens_mark(&self) -> TokensMark {
        match &self.flags {
            Flags::Primary(app) => {
                let state = &app.public().state;
                let (tokens, projects) = (state.api_tokens.clone(), state.projects.clone());
                TokensMark::State { tokens, projects, environments: state.environments.clone() }
            }
            Flags::Edge(edge) => TokensMark::Ended(edge.tokens_ended()),
        }
    }

    /// Told of every change of what is delivered or of who may have it.
    pub fn revisions(&self) -> watch::Receiver<u64> {
        match &self.flags {
            Flags::Primary(app) => app.revisions(),
            Flags::Edge(edge) => edge.revisions(),
        }
    }

    /// Makes sure that an SDK which knows `revision`, from another node or edge perhaps, is not told of an older one as if
    /// it were news. A revision that is in no log is no obstacle.
    pub async fn catch_up_with(&self, token: &ApiToken, revision: Revision) -> Result<(), Failure> {
        match &self.flags {
            Flags::Primary(app) => app.catch_up_with(revision.number).await,
            Flags::Edge(edge) => edge.catch_up_with(token, revision.number).await,
        }
    }

    /// Says of an answer that is made from now on whether it may be old: an edge of this edge is not to take it for what
    /// its upstream says.
    pub fn age(&self, token: &ApiToken) -> Age {
        match &self.flags {
            Flags::Edge(edge) if !edge.is_heard(token) => Age::MayBeOld,
            Flags::Primary(_) | Flags::Edge(_) => Age::Current,
        }
    }

    /// What a client that has everything up to `known` has to be told. The log is asked where it knows less than is
    /// remembered here.
    pub async fn update(&self, delivery: &Arc<Delivery>, known: Revision, scope: &Scope) -> Update {
        delivery.ready().await;
        match (delivery.update(known, scope), self.node()) {
            // In a box, so that the others need no room for it.
            (Update::Everything, Some(app)) => match Box::pin(app.history(delivery, known)).await {
                Some(log) => delivery.update_by_log(&log, known, scope),
                None => Update::Everything,
            },
            (update, _) => update,
        }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        match &self.flags {
            Flags::Primary(app) => app.now(),
            Flags::Edge(edge) => edge.now(),
        }
    }

    /// What the operator chose.
    pub fn settings(&self) -> &DeliverySettings {
        match &self.flags {
            Flags::Primary(app) => app.delivery_settings(),
            Flags::Edge(edge) => edge.settings(),
        }
    }

    /// What a browser of this origin is told that may read the answers, if it may: its origin, or all (`*`). Asked are the
    /// origins that people have set, else those that the operator has.
    pub fn allowed_origin(&self, origin: Option<HeaderValue>) -> Option<HeaderValue> {
        if let Flags::Primary(app) = &self.flags
            && let Some(origins) = frontend_origins(&app.public().state)
        {
            return among(origins, origin);
        }
        among(self.settings().frontend_origins.iter().map(String::as_str), origin)
    }

    /// What is counted.
    pub fn telemetry(&self) -> &Telemetry {
        match &self.flags {
            Flags::Primary(app) => app.telemetry(),
            Flags::Edge(edge) => edge.telemetry(),
        }
    }

    /// Open streams.
    pub fn streams(&self) -> &Arc<Streams> {
        &self.streams
    }

    /// What operators watch.
    pub fn metrics(&self) -> &Metrics {
        match &self.flags {
            Flags::Primary(app) => app.metrics(),
            Flags::Edge(edge) => edge.metrics(),
        }
    }

    /// Whether a feature that was evaluated exists, as far as that is known here: an edge leaves it to its upstream.
    pub fn features_known(&self) -> impl Fn(&str) -> bool + Clone {
        let snapshot = match &self.flags {
            Flags::Primary(app) => Some(app.public()),
            Flags::Edge(_) => None,
        };
        move |name| snapshot.as_ref().is_none_or(|snapshot| snapshot.state.features.contains(name))
    }

    fn schemas(&self) -> &Schemas {
        match &self.flags {
            Flags::Primary(app) => app.schemas(),
            Flags::Edge(edge) => edge.schemas(),
        }
    }

    /// Those of `secrets` that are tokens and work. An error if that cannot be said of all.
    pub async fn validate(&self, secrets: Vec<String>) -> Result<Vec<(String, Arc<ApiToken>)>, Failure> {
        let look = |secret: String| async move {
            let found = match &self.flags {
                Flags::Primary(app) => token_of_state(app, &secret),
                Flags::Edge(edge) => edge.token(&secret).await,
            };
            match found {
                Ok(token) => Ok(Some((secret, token))),
                Err(Failure::BadCredentials | Failure::WrongTokenType) => Ok(None),
                Err(failure) => Err(failure),
            }
        };
        let found = futures_util::future::try_join_all(secrets.into_iter().map(look)).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Reads what an SDK sends, whose token is known by now.
    pub async fn report<T: DeserializeOwned + ToSchema>(
        &self,
        headers: &HeaderMap,
        body: axum::body::Body,
        limit: usize,
    ) -> Result<T, Failure> {
        let body = Body::<T>::read(headers, body, limit).await?;
        schemas::parse_report(body.bytes(), self.schemas())
    }
}

/// `*` if that is one of the origins, else this one if it is.
fn among<'a>(origins: impl Iterator<Item = &'a str>, origin: Option<HeaderValue>) -> Option<HeaderValue> {
    let mut is_listed = false;
    for allowed in origins {
        if allowed == "*" {
            return Some(HeaderValue::from_static("*"));
        }
        is_listed |= origin.as_ref().is_some_and(|origin| origin == allowed);
    }
    origin.filter(|_| is_listed)
}

fn token_of_state(app: &App, secret: &str) -> Result<Arc<ApiToken>, Failure> {
    let snapshot = app.public();
    match api_tokens::authenticate(&snapshot.state, secret, app.now()) {
        Some(token) => Ok(Arc::clone(token)),
        // A personal token that is right is of the wrong type here, not wrong.
        None if users::authenticate(&snapshot.state, secret, app.now()).is_some() => Err(Failure::WrongTokenType),
        None => Err(Failure::BadCredentials),
    }
}
