//! Tokens for an edge that was given none: it signs a request with the secret that all edges of an upstream share, and
//! gets one for each environment that it is to serve.
//!
//! The signature is HMAC-SHA-256, keyed with the secret (base64url), over `POST`, the path, the time, the nonce and the
//! SHA-256 of the body, line by line. The other side of it is `sdk/client/issue.rs`.

use anyhow::{Context, ensure};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use flagstone_model::Timestamp;
use flagstone_model::api_tokens::hex;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use tokio::time::sleep;

use super::backup::Place;
use super::follow::RETRY_MAX;
use super::upstream::Upstream;
use super::{Edge, tokens};
use crate::options::edge::EdgeOptions;
use crate::system::entropy;

/// The name that edges sign with.
const CLIENT: &str = "enterprise-edge";
/// The path that is signed, whatever stands before it.
pub(super) const PATH: &str = "/edge/issue-token";
/// The most environments in one request.
const PLACES_MAX: usize = 100;

/// What an edge asks for, and the key that it signs with.
pub struct Issuer {
    key: Hmac<Sha256>,
    /// What it is to serve.
    pub places: Vec<Place>,
}

/// A request that counts once.
pub struct Signed {
    /// The headers.
    pub headers: [(&'static str, String); 4],
    /// The body that they sign.
    pub body: String,
}

impl Issuer {
    /// What the options ask for, if they do. An error never holds the secret.
    pub fn of(options: &EdgeOptions) -> anyhow::Result<Option<Self>> {
        let Some(secret) = &options.issue.unleash_client_secret else { return Ok(None) };
        // Some tools pad it.
        let key = BASE64_URL_SAFE_NO_PAD.decode(secret.trim().trim_end_matches('='));
        let key = key.ok().filter(|key| !key.is_empty()).context("UNLEASH_CLIENT_SECRET must be base64url")?;
        let key = Hmac::new_from_slice(&key).context("UNLEASH_CLIENT_SECRET cannot be used")?;
        let named = |names: &[String]| -> Vec<String> {
            names.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
        };
        let mut projects = named(&options.issue.desired_projects);
        projects.sort_unstable();
        projects.dedup();
        let environments = named(&options.issue.desired_environments);
        ensure!(!environments.is_empty(), "UNLEASH_CLIENT_SECRET asks for DESIRED_ENVIRONMENTS");
        ensure!(!projects.is_empty(), "DESIRED_PROJECTS names none; leave it out for all");
        ensure!(environments.len() <= PLACES_MAX, "DESIRED_ENVIRONMENTS names more than {PLACES_MAX}");
        ensure!(options.upstream_url.is_some(), "UNLEASH_CLIENT_SECRET is of no use without an upstream");
        let place = |environment| Place { environment, projects: projects.clone() };
        Ok(Some(Self { key, places: environments.into_iter().map(place).collect() }))
    }

    /// A request of now.
    fn sign(&self, now: Timestamp) -> Signed {
        let places = self
            .places
            .iter()
            .map(|place| serde_json::json!({ "environment": place.environment, "projects": place.projects }));
        let body = serde_json::json!({ "tokens": places.collect::<Vec<_>>() }).to_string();
        let (time, nonce, hash) = (now.to_string(), entropy::uuid(), hex(&Sha256::digest(&body)));
        let signed = format!("POST\n{PATH}\n{time}\n{nonce}\n{hash}");
        let signature = self.key.clone().chain_update(signed).finalize().into_bytes();
        let authorization = format!("HMAC {CLIENT}:{}", BASE64_URL_SAFE_NO_PAD.encode(signature));
        let headers =
            [("authorization", authorization), ("x-timestamp", time), ("x-nonce", nonce), ("content-sha256", hash)];
        Signed { headers, body }
    }
}

impl Edge {
    /// Asks for tokens until there are some, and again when one of them does not work any more.
    pub(super) async fn issue_for_ever(self, upstream: Upstream) {
        let Some(issuer) = &self.0.parts.issuer else { return };
        let mut issued: Vec<String> = Vec::new();
        loop {
            let all_work = !issued.is_empty() && {
                let tokens = self.tokens();
                issued.iter().all(|hash| tokens.known_by(hash).is_some())
            };
            let wait = if all_work {
                self.0.parts.pace.revalidate
            } else {
                match upstream.issue(&issuer.sign(self.now())).await {
                    Ok(views) => {
                        let tokens: Vec<_> = views.into_iter().filter_map(tokens::described).collect();
                        issued = tokens.iter().map(|(token, _)| token.hash.clone()).collect();
                        tracing::info!(tokens = issued.len(), "the upstream has given this edge its tokens");
                        for (token, secret) in tokens {
                            self.learn(token, secret);
                        }
                        self.0.parts.pace.revalidate
                    }
                    Err(error) => {
                        let error = format!("{error:#}");
                        tracing::warn!(error, "the upstream gives this edge no tokens; trying on");
                        RETRY_MAX
                    }
                }
            };
            sleep(wait).await;
        }
    }

    /// Whether what the edge asks for is here, with or without tokens.
    pub(super) fn has_what_it_asks_for(&self) -> bool {
        let places = self.0.parts.issuer.iter().flat_map(|issuer| &issuer.places);
        let mut tokens = places.filter_map(tokens::of_place);
        tokens.all(|token| self.delivery(&token).is_ok())
    }
}
