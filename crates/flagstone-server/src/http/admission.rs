//! From which addresses requests are accepted at all.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use flagstone_model::Error;
use ipnet::IpNet;

use super::client_address;
use super::error::Failure;

/// What an orchestrator asks, from wherever it is: the answers say nothing of flags or tokens.
const PROBES: [&str; 4] = ["/health", "/ready", "/internal-backstage/health", "/internal-backstage/ready"];

/// Lists of networks; without any, all are accepted.
#[derive(Clone, Debug, Default)]
pub struct Admission {
    /// If there are some, nobody else is accepted.
    pub allow: Vec<IpNet>,
    /// Who is in one of these is not accepted, whatever else is said.
    pub deny: Vec<IpNet>,
    /// Proxies whose word about the sender is believed.
    pub trusted_proxies: Vec<IpNet>,
}

impl Admission {
    /// Whether requests from an address are accepted.
    pub fn admits(&self, address: IpAddr) -> bool {
        let is_in = |networks: &[IpNet]| networks.iter().any(|network| network.contains(&address));
        !is_in(&self.deny) && (self.allow.is_empty() || is_in(&self.allow))
    }
}

/// Routes of which those who are not admitted see nothing but [`PROBES`].
pub fn guarded<S: Clone + Send + Sync + 'static>(routes: Router<S>, admission: Admission) -> Router<S> {
    if admission.allow.is_empty() && admission.deny.is_empty() {
        return routes;
    }
    routes.layer(from_fn_with_state(Arc::new(admission), admit))
}

async fn admit(State(admission): State<Arc<Admission>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let address = client_address(&admission.trusted_proxies, &parts);
    if admission.admits(address) || PROBES.contains(&parts.uri.path()) {
        return next.run(Request::from_parts(parts, body)).await;
    }
    Failure::from(Error::Forbidden("requests from your address are not accepted here".to_owned())).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_denied_is_not_accepted_and_where_some_are_allowed_nobody_else_is() {
        let check = |allow: &[&str], deny: &[&str], admitted: &[&str], refused: &[&str]| {
            let networks = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
            let admission = Admission { allow: networks(allow), deny: networks(deny), trusted_proxies: Vec::new() };
            for address in admitted {
                assert!(admission.admits(address.parse().unwrap()), "{address}: {allow:?} {deny:?}");
            }
            for address in refused {
                assert!(!admission.admits(address.parse().unwrap()), "{address}: {allow:?} {deny:?}");
            }
        };
        check(&[], &[], &["10.0.0.1", "2001:db8::1"], &[]);
        check(&["10.0.0.0/8"], &[], &["10.0.0.1"], &["11.0.0.1", "2001:db8::1"]);
        check(&[], &["10.0.0.0/8"], &["11.0.0.1", "2001:db8::1"], &["10.0.0.1"]);
        check(&["10.0.0.0/8", "2001:db8::/32"], &["10.1.0.0/16"], &["10.2.0.1", "2001:db8::1"], &["10.1.0.1"]);
    }
}
