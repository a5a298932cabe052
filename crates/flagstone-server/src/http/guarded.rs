//! The client for requests that users have the server make. What they name may point into the operator's own network,
//! so that every address is looked at when it is connected to: what a name meant before that proves nothing.

mod addresses;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Method, Url};

pub use addresses::{AllowList, Allowed};

use super::outbound;

/// How long a request may take, from the look-up of the name to the end of the answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How much of an answer is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Looks a name up.
type LookUp = dyn Fn(String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> + Send + Sync;

/// The client.
pub struct Guarded {
    client: reqwest::Client,
    allowed: Arc<AllowList>,
}

/// What is sent.
pub struct Outgoing {
    /// For instance POST.
    pub method: Method,
    /// Where to.
    pub url: String,
    /// Besides those that HTTP itself needs.
    pub headers: HeaderMap,
    /// What it says.
    pub body: String,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Any, a redirection as well: it is not followed.
    pub status: u16,
    /// When to come again, in seconds, if the answer says so.
    pub retry_after_s: Option<u64>,
    /// The beginning of the answer as text.
    pub body: String,
}

/// Why there is no answer. The texts name no URL: it may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// The URL is not one that may be asked.
    Refused(String),
    /// It was tried.
    Failed(String),
}

impl std::fmt::Display for Unanswered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Refused(why) | Self::Failed(why)) = self;
        f.write_str(why)
    }
}

const NOT_ALLOWED: &str = "The address is private or reserved. An operator can allow it: \
                           UNLEASH_ALLOW_LIST_INTEGRATION, UNLEASH_ALLOW_PRIVATE_URL_IN_INTEGRATION.";

impl Guarded {
    /// A client that reaches what is public and what `allowed` names.
    pub fn new(allowed: AllowList) -> anyhow::Result<Self> {
        Self::looking_up(allowed, Arc::new(|name| Box::pin(system_look_up(name))))
    }

    fn looking_up(allowed: AllowList, look_up: Arc<LookUp>) -> anyhow::Result<Self> {
        let allowed = Arc::new(allowed);
        let client = outbound::builder()?
            .dns_resolver(Arc::new(Resolver { allowed: Arc::clone(&allowed), look_up }))
            .redirect(Policy::none())
            // A proxy would look names up itself.
            .no_proxy()
            .no_gzip()
            .timeout(TIMEOUT)
            .pool_max_idle_per_host(2)
            .build()
            .context("HTTP cannot be set up")?;
        Ok(Self { client, allowed })
    }

    /// Reads a URL and refuses what is wrong on its face; what a name stands for is found out when it is connected to.
    pub fn check(&self, url: &str) -> Result<Url, Unanswered> {
        let refuse = |why: &str| Err(Unanswered::Refused(why.to_owned()));
        let Ok(url) = Url::parse(url) else { return refuse("This is not a URL.") };
        if !matches!(url.scheme(), "http" | "https") {
            return refuse("The URL must begin with http: or https:.");
        }
        let Some(host) = url.host_str() else { return refuse("The URL names no host.") };
        // All spellings of an IPv4 address have become one.
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let is_allowed = match address {
            Ok(address) => self.allowed.allows(address),
            Err(_) => self.allowed.allows_name(host) || !addresses::is_local_name(host),
        };
        if is_allowed { Ok(url) } else { refuse(NOT_ALLOWED) }
    }

    /// Sends a request, once.
    pub async fn send(&self, outgoing: Outgoing) -> Result<Incoming, Unanswered> {
        let url = self.check(&outgoing.url)?;
        let request = self.client.request(outgoing.method, url).headers(outgoing.headers).body(outgoing.body);
        let mut answer = request.send().await.map_err(failed)?;
        let retry_after = answer.headers().get(reqwest::header::RETRY_AFTER);
        let retry_after_s = retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let status = answer.status().as_u16();
        let mut body = Vec::new();
        // Whoever has said its status has answered, whatever becomes of the rest.
        while let Ok(Some(chunk)) = answer.chunk().await {
            let room = ANSWER_BYTES_MAX - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() >= room {
                break;
            }
        }
        Ok(Incoming { status, retry_after_s, body: String::from_utf8_lossy(&body).into_owned() })
    }
}

/// The names of the causes: `reqwest` keeps the one that tells to itself.
fn failed(error: reqwest::Error) -> Unanswered {
    let error = error.without_url();
    let mut causes = vec![];
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = cause {
        if let Some(NotAllowed) = error.downcast_ref::<NotAllowed>() {
            return Unanswered::Refused(NOT_ALLOWED.to_owned());
        }
        causes.push(error.to_string());
        cause = error.source();
    }
    Unanswered::Failed(causes.join(": "))
}

/// No address of a name may be reached.
#[derive(Debug, thiserror::Error)]
#[error("{NOT_ALLOWED}")]
struct NotAllowed;

/// Gives the client no address but those that it may reach.
struct Resolver {
    allowed: Arc<AllowList>,
    look_up: Arc<LookUp>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        let allowed = Arc::clone(&self.allowed);
        let found = (self.look_up)(name.clone());
        Box::pin(async move {
            let mut addresses = found.await?;
            if !allowed.allows_name(&name) {
                addresses.retain(|address| allowed.allows(*address));
            }
            if addresses.is_empty() {
                return Err(NotAllowed.into());
            }
            // The client puts in the URL's port.
            Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

async fn system_look_up(name: String) -> std::io::Result<Vec<IpAddr>> {
    Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
