//! Where delivery comes from: the state of a node, or what an edge has from its upstream. The same handlers serve both.

use std::sync::Arc;

use axum::http::HeaderMap;
use flagstone_model::api_tokens::{self, ApiToken, TokenKind};
use flagstone_model::{Error, Timestamp, users};
use ipnet::IpNet;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use utoipa::ToSchema;

use crate::app::App;
use crate::caller::bearer;
use crate::delivery::Delivery;
use crate::delivery::streams::{StreamLimits, Streams};
use crate::edge::Follower;
use crate::error::Failure;
use crate::http::Body;
use crate::metrics::Metrics;
use crate::schemas::{self, Schemas};
use crate::telemetry::Telemetry;

/// What delivery handlers work with.
#[derive(Clone)]
pub enum FlagSource {
    /// A node with a database.
    Primary(App),
    /// An edge.
    Replica(Follower),
}

/// What the operator chose for delivery.
#[derive(Clone, Debug)]
pub struct DeliverySettings {
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Origins that browsers may call the frontend API from; `*` for all.
    pub frontend_origins: Vec<String>,
    /// How long browsers may remember a preflight answer, in seconds.
    pub cors_max_age_s: u64,
    /// How many days usage may be reported late.
    pub metrics_storage_days: u32,
    /// Whether everything comes over TLS.
    pub secure: bool,
    /// How many streams there may be.
    pub streams: StreamLimits,
}

/// An API token that opens delivery.
#[derive(Clone, Debug)]
pub struct SdkToken(pub Arc<ApiToken>);

impl FlagSource {
    /// The token in `headers`, if it is of one of these kinds.
    pub async fn token(&self, headers: &HeaderMap, kinds: &[TokenKind]) -> Result<SdkToken, Failure> {
        let secret = bearer(headers).ok_or(Error::Unauthenticated)?;
        let token = match self {
            Self::Primary(app) => token_of_state(app, secret)?,
            Self::Replica(follower) => follower.token(secret).await?,
        };
        if !kinds.contains(&token.kind) {
            return Err(Failure::WrongTokenType);
        }
        self.telemetry().token_seen(&token.selector, self.now());
        Ok(SdkToken(token))
    }

    /// A token that was once good as it is now, if it still works.
    pub fn current(&self, token: &ApiToken) -> Option<Arc<ApiToken>> {
        match self {
            Self::Primary(app) => api_tokens::current(&app.public().state, token, app.now()).map(Arc::clone),
            Self::Replica(follower) => follower.current(token),
        }
    }

    /// What the SDKs with a token get.
    pub fn delivery(&self, token: &ApiToken) -> Result<Arc<Delivery>, Failure> {
        match self {
            Self::Primary(app) => {
                let delivery = app.public().delivery(&token.environment).map(Arc::clone);
                Ok(delivery.ok_or_else(|| Error::not_found("environment", &token.environment))?)
            }
            Self::Replica(follower) => follower.delivery(token),
        }
    }

    /// Told of every change of what is delivered or of who may have it.
    pub fn revisions(&self) -> watch::Receiver<u64> {
        match self {
            Self::Primary(app) => app.revisions(),
            Self::Replica(follower) => follower.revisions(),
        }
    }

    /// Makes sure that an SDK which knows `revision`, from another node perhaps, is not told of an older one as if it were
    /// news. A revision that is in no log is no obstacle.
    pub async fn catch_up_with(&self, revision: u64) -> Result<(), Failure> {
        match self {
            Self::Primary(app) => app.catch_up_with(revision).await,
            // What an upstream says goes, also when it begins anew.
            Self::Replica(_) => Ok(()),
        }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::Primary(app) => app.now(),
            Self::Replica(follower) => follower.now(),
        }
    }

    /// What the operator chose.
    pub fn settings(&self) -> &DeliverySettings {
        match self {
            Self::Primary(app) => app.delivery_settings(),
            Self::Replica(follower) => follower.settings(),
        }
    }

    /// What is counted.
    pub fn telemetry(&self) -> &Telemetry {
        match self {
            Self::Primary(app) => app.telemetry(),
            Self::Replica(follower) => follower.telemetry(),
        }
    }

    /// Open streams.
    pub fn streams(&self) -> &Arc<Streams> {
        match self {
            Self::Primary(app) => app.streams(),
            Self::Replica(follower) => follower.streams(),
        }
    }

    /// What operators watch.
    pub fn metrics(&self) -> &Metrics {
        match self {
            Self::Primary(app) => app.metrics(),
            Self::Replica(follower) => follower.metrics(),
        }
    }

    /// Whether a feature that was evaluated exists, as far as that is known here: an edge leaves it to its upstream.
    pub fn features_known(&self) -> impl Fn(&str) -> bool + Clone {
        let snapshot = match self {
            Self::Primary(app) => Some(app.public()),
            Self::Replica(_) => None,
        };
        move |name| snapshot.as_ref().is_none_or(|snapshot| snapshot.state.features.contains(name))
    }

    fn schemas(&self) -> &Schemas {
        match self {
            Self::Primary(app) => app.schemas(),
            Self::Replica(follower) => follower.schemas(),
        }
    }

    /// Those of `secrets` that are tokens and work. An error if that cannot be said of all.
    pub async fn validate(&self, secrets: Vec<String>) -> Result<Vec<(String, Arc<ApiToken>)>, Failure> {
        let look = |secret: String| async move {
            let found = match self {
                Self::Primary(app) => token_of_state(app, &secret),
                Self::Replica(follower) => follower.token(&secret).await,
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
        Ok(schemas::parse_report(body.bytes(), self.schemas())?)
    }
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
