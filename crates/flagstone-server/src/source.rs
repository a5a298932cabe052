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
use crate::error::Failure;
use crate::http::Body;
use crate::schemas::{self, Schemas};
use crate::telemetry::Telemetry;

/// What delivery handlers work with.
#[derive(Clone)]
pub enum FlagSource {
    /// A node with a database.
    Primary(App),
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
    /// How many streams there may be.
    pub streams: StreamLimits,
}

/// An API token that opens delivery.
#[derive(Clone, Debug)]
pub struct SdkToken(pub Arc<ApiToken>);

impl FlagSource {
    /// The token in `headers`, if it is of one of these kinds.
    #[allow(clippy::unused_async)] // TODO-EDGE
    pub async fn token(&self, headers: &HeaderMap, kinds: &[TokenKind]) -> Result<SdkToken, Failure> {
        let secret = bearer(headers).ok_or(Error::Unauthenticated)?;
        let Self::Primary(app) = self;
        let snapshot = app.public();
        let Some(token) = api_tokens::authenticate(&snapshot.state, secret, app.now()) else {
            // A personal token or an admin token that is right is of the wrong type here, not wrong.
            let personal = users::authenticate(&snapshot.state, secret, app.now()).is_some();
            return Err(if personal { Failure::WrongTokenType } else { Failure::BadCredentials });
        };
        if !kinds.contains(&token.kind) {
            return Err(Failure::WrongTokenType);
        }
        app.telemetry().token_seen(&token.selector, app.now());
        Ok(SdkToken(Arc::clone(token)))
    }

    /// Whether a token that was once good still is.
    pub fn is_live(&self, token: &ApiToken) -> bool {
        let Self::Primary(app) = self;
        api_tokens::is_live(&app.public().state, token, app.now())
    }

    /// What the SDKs of an environment get.
    pub fn delivery(&self, environment: &str) -> Result<Arc<Delivery>, Failure> {
        let Self::Primary(app) = self;
        let delivery = app.public().delivery(environment).map(Arc::clone);
        Ok(delivery.ok_or_else(|| Error::not_found("environment", environment))?)
    }

    /// Told of every change of what is delivered or of who may have it.
    pub fn revisions(&self) -> watch::Receiver<u64> {
        let Self::Primary(app) = self;
        app.revisions()
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        let Self::Primary(app) = self;
        app.now()
    }

    /// What the operator chose.
    pub fn settings(&self) -> &DeliverySettings {
        let Self::Primary(app) = self;
        app.delivery_settings()
    }

    /// What is counted.
    pub fn telemetry(&self) -> &Telemetry {
        let Self::Primary(app) = self;
        app.telemetry()
    }

    /// Open streams.
    pub fn streams(&self) -> &Arc<Streams> {
        let Self::Primary(app) = self;
        app.streams()
    }

    /// Reads what an SDK sends, whose token is known by now.
    pub async fn report<T: DeserializeOwned + ToSchema>(
        &self,
        headers: &HeaderMap,
        body: axum::body::Body,
        limit: usize,
    ) -> Result<T, Failure> {
        let body = Body::<T>::read(headers, body, limit).await?;
        Ok(schemas::parse_report(body.bytes(), || self.schemas())?)
    }

    fn schemas(&self) -> &Schemas {
        let Self::Primary(app) = self;
        app.schemas()
    }

    /// Those of `secrets` that are tokens and work.
    #[allow(clippy::unused_async)] // TODO-EDGE
    pub async fn validate(&self, secrets: Vec<String>) -> Vec<(String, Arc<ApiToken>)> {
        let Self::Primary(app) = self;
        let (snapshot, now) = (app.public(), app.now());
        let valid = secrets.into_iter().filter_map(|secret| {
            let token = api_tokens::authenticate(&snapshot.state, &secret, now).map(Arc::clone)?;
            Some((secret, token))
        });
        valid.collect()
    }

    /// Whether a feature that was evaluated exists, as far as that is known here.
    pub fn has_feature(&self, name: &str) -> bool {
        let Self::Primary(app) = self;
        app.public().state.features.contains(name)
    }
}
