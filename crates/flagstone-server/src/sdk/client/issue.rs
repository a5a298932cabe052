//! Tokens for edges that have none: who signs with the edges' secret gets one for each environment and its projects.
//!
//! A token's secret part is made from the edges' secret, so the same request gives the same token and nothing has to
//! be kept readable. The signature is that of Unleash Edge: HMAC-SHA-256, keyed with the secret (base64url), over
//! `POST`, the path, the time, the nonce and the SHA-256 of the body, line by line.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use flagstone_model::api_tokens::{EdgeToken, hash, hex, selector_of};
use flagstone_model::commands::installation::IssueForEdges;
use flagstone_model::{Error, Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::validate::{ValidToken, ValidTokens};
use crate::app::App;
use crate::app::caller::Caller;
use crate::http::error::Failure;
use crate::http::{BODY_BYTES_MAX, Body, client_address};
use crate::sdk::source::FlagSource;

pub(super) fn routes() -> OpenApiRouter<FlagSource> {
    OpenApiRouter::new().routes(routes!(issue))
}

/// The name that edges sign with.
const CLIENT: &str = "enterprise-edge";
/// The path that is signed, whatever stands before it.
const PATH: &str = "/edge/issue-token";
/// How far the clocks of an edge and of this server may be apart, in milliseconds.
const WINDOW: i64 = 5 * 60_000;
/// The longest nonce, in bytes.
const NONCE_BYTES_MAX: usize = 128;

/// What an edge wants tokens for.
#[derive(Clone, Deserialize, ToSchema)]
struct IssueRequest {
    /// An environment and its projects each.
    #[serde(deserialize_with = "super::metrics::list::<100, _, _>")]
    #[schema(max_items = 100)]
    tokens: Vec<IssuePlace>,
}

/// An environment with projects.
#[derive(Clone, Deserialize, ToSchema)]
struct IssuePlace {
    /// The environment.
    #[schema(example = "development")]
    environment: String,
    /// Projects, or `*` for all.
    #[schema(min_items = 1, max_items = 500, example = json!(["*"]))]
    projects: Vec<String>,
}

/// Give an edge that signs its request tokens for environments and projects
#[utoipa::path(
    post,
    path = "/edge/issue-token",
    operation_id = "edgeCreateOrReturnTokens",
    tag = "Edge",
    params(
        ("Authorization" = String, Header, description = "`HMAC enterprise-edge:` and the signature, base64url"),
        ("X-Timestamp" = String, Header, description = "The time, RFC 3339, within five minutes"),
        ("X-Nonce" = String, Header, description = "Anything that was in no request before"),
        ("Content-Sha256" = String, Header, description = "The SHA-256 of the body, in hexadecimal digits"),
    ),
    request_body = IssueRequest,
    responses((status = 200, body = ValidTokens)),
)]
async fn issue(State(source): State<FlagSource>, request: Request) -> Result<Json<ValidTokens>, Failure> {
    let (parts, body) = request.into_parts();
    // An edge has no secret to issue tokens with.
    let app = source.node().ok_or(Failure::NoRoute)?;
    let body = Body::<IssueRequest>::read(&parts.headers, body, BODY_BYTES_MAX).await?;
    let key = authenticate(app, &parts.headers, body.bytes())?;
    let asked = body.parse(app.schemas())?.tokens;
    let (secrets, tokens): (Vec<_>, Vec<_>) = asked.into_iter().map(|place| token(&key, place)).unzip();
    let address = client_address(&source.settings().trusted_proxies, &parts);
    app.commit_input::<IssueForEdges>(&Caller::edge(address), (), tokens.clone()).await?;
    let issued = secrets.into_iter().zip(tokens).map(|(token, EdgeToken { environment, projects, .. })| ValidToken {
        token,
        kind: "client",
        projects,
        environment,
    });
    Ok(Json(ValidTokens { tokens: issued.collect() }))
}

/// The key that edges share with this server, if the request is signed with it and comes for the first time.
fn authenticate(app: &App, headers: &HeaderMap, body: &[u8]) -> Result<Hmac<Sha256>, Failure> {
    if !headers.contains_key(header::AUTHORIZATION) {
        return Err(Error::Unauthenticated.into());
    }
    let secret = app.options().edge_client_secret.as_deref().ok_or(Failure::BadCredentials)?;
    let key = BASE64_URL_SAFE_NO_PAD.decode(secret).map_err(|_| Failure::BadCredentials)?;
    let key = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| Failure::BadCredentials)?;
    let now = app.now();
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).ok_or(Failure::BadCredentials);
    let (time, nonce, body_hash) = (header("x-timestamp")?, header("x-nonce")?, header("content-sha256")?);
    let signature = header(header::AUTHORIZATION.as_str())?.strip_prefix("HMAC ").and_then(|rest| rest.split_once(':'));
    let (_, signature) = signature.filter(|(client, _)| *client == CLIENT).ok_or(Failure::BadCredentials)?;
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| Failure::BadCredentials)?;
    let signed = format!("POST\n{PATH}\n{time}\n{nonce}\n{body_hash}");
    key.clone().chain_update(signed).verify_slice(&signature).map_err(|_| Failure::BadCredentials)?;
    // From here on it is known to come from an edge, in whatever state.
    let at = Timestamp::parse(time).ok_or(Failure::BadCredentials)?;
    let is_timely = (at.millis() - now.millis()).abs() <= WINDOW;
    let is_of_body = body_hash.eq_ignore_ascii_case(&hash_of(body));
    let is_new = || nonce.len() <= NONCE_BYTES_MAX && app.nonces().use_up(nonce, now, at.plus_millis(2 * WINDOW));
    if is_timely && is_of_body && is_new() { Ok(key) } else { Err(Failure::BadCredentials) }
}

fn hash_of(body: &[u8]) -> String {
    use sha2::Digest;
    hex(&Sha256::digest(body))
}

/// The token for a place: its whole text, and what is kept of it.
fn token(key: &Hmac<Sha256>, IssuePlace { environment, mut projects }: IssuePlace) -> (String, EdgeToken) {
    projects.sort_unstable();
    projects.dedup();
    let named = match projects.as_slice() {
        [one] => one,
        _ => "[]",
    };
    let prefix = format!("{named}:{environment}");
    let made_from = format!("token of an edge\n{environment}\n{}", projects.join("\n"));
    let secret = format!("{prefix}.{}", hex(&key.clone().chain_update(made_from).finalize().into_bytes()));
    let token = EdgeToken { selector: selector_of(&secret), hash: hash(&secret), prefix, environment, projects };
    (secret, token)
}
