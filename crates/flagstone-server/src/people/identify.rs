//! Who sends a request, found out: by a session, a personal access token, an API token, or nobody.

use std::net::IpAddr;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use flagstone_model::commit::Actor;
use flagstone_model::{Error, Principal, api_tokens, users};

use crate::app::App;
use crate::app::caller::{Caller, user_actor};
use crate::app::sessions;
use crate::http::error::Failure;
use crate::http::{bearer, client_address};

impl FromRequestParts<App> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        if let Some(caller) = parts.extensions.get::<Self>() {
            return Ok(caller.clone());
        }
        identify(app, parts).await
    }
}

/// Whoever sends a request, by address alone.
pub struct Visitor {
    /// The address.
    pub address: IpAddr,
}

impl FromRequestParts<App> for Visitor {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        Ok(Self { address: client_address(&app.delivery_settings().trusted_proxies, parts) })
    }
}

async fn identify(app: &App, parts: &Parts) -> Result<Caller, Failure> {
    let ip = client_address(&app.delivery_settings().trusted_proxies, parts);
    if let Some(secret) = bearer(&parts.headers) {
        return Ok(by_secret(app, secret, ip));
    }
    let Some(cookie) = sessions::cookie(&parts.headers) else { return Ok(Caller::nobody(false, ip)) };
    if is_write(&parts.method) && comes_from_elsewhere(&parts.headers) {
        return Err(Failure::CrossSite);
    }
    // A dead session is as none at all: user interfaces show their log-in page.
    let Some(session) = sessions::find(app, cookie).await? else { return Ok(Caller::nobody(false, ip)) };
    let snapshot = app.public();
    let Some(user) = snapshot.state.users.get(&session.user_id) else { return Ok(Caller::nobody(true, ip)) };
    app.telemetry().user_seen(user.id, app.now());
    Ok(Caller {
        principal: Principal::User { id: user.id, personal_token: None, generation: Some(session.generation) },
        actor: user_actor(user, ip),
        sent_credentials: true,
        session: Some(session.hash),
        precondition: None,
    })
}

fn by_secret(app: &App, secret: &str, ip: IpAddr) -> Caller {
    let snapshot = app.public();
    let state = &snapshot.state;
    if let Some(token) = users::authenticate(state, secret, app.now())
        && let Some(user) = state.users.get(&token.user_id)
    {
        app.telemetry().personal_token_seen(token.id, app.now());
        app.telemetry().user_seen(user.id, app.now());
        return Caller {
            principal: Principal::User { id: user.id, personal_token: Some(token.id), generation: None },
            actor: user_actor(user, ip),
            sent_credentials: true,
            session: None,
            precondition: None,
        };
    }
    if let Some(token) = api_tokens::authenticate(state, secret, app.now()) {
        app.telemetry().token_seen(&token.selector, app.now());
        return Caller {
            principal: Principal::ApiToken(token.selector.clone()),
            actor: Actor { id: Actor::TOKEN_ID, name: token.name.clone(), ip: Some(ip.to_string()) },
            sent_credentials: true,
            session: None,
            precondition: None,
        };
    }
    Caller::nobody(true, ip)
}

fn is_write(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether a browser sent this from another site, as far as it says: by `Sec-Fetch-Site`, by `Origin`, or by a content
/// type that forms can send. Programs with a cookie send none of these and JSON.
fn comes_from_elsewhere(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|v| v.to_str().unwrap_or("?"));
    if let Some(site) = text("sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    if let Some(origin) = text("origin") {
        let host = text("host").unwrap_or_default();
        return origin.split_once("://").is_none_or(|(_, authority)| authority != host);
    }
    let form_types = ["text/plain", "multipart/form-data", "application/x-www-form-urlencoded"];
    text("content-type").is_some_and(|kind| form_types.iter().any(|form| kind.to_ascii_lowercase().starts_with(form)))
}

/// Proof that no browser sent the request from another site; asked for before the body is read.
pub struct SameSite;

impl FromRequestParts<App> for SameSite {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Failure> {
        if comes_from_elsewhere(&parts.headers) { Err(Failure::CrossSite) } else { Ok(Self) }
    }
}

/// Lets nobody into the admin API who is not somebody, before anything of the request is read.
pub async fn require_login(State(app): State<App>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let caller = match Caller::from_request_parts(&mut parts, &app).await {
        Ok(caller) => caller,
        Err(failure) => return failure.into_response(),
    };
    if caller.principal == Principal::Anonymous {
        let failure = if caller.sent_credentials { Failure::BadCredentials } else { Error::Unauthenticated.into() };
        return failure.into_response();
    }
    parts.extensions.insert(caller);
    next.run(Request::from_parts(parts, body)).await
}
