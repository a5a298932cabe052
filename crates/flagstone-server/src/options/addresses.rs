//! Options of an edge about the addresses of those who ask.

use std::net::{Ipv4Addr, Ipv6Addr};

use clap::Args;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{flag, network};
use crate::http::admission::Admission;

/// From where an edge accepts requests, and how it knows where they come from.
#[derive(Args, Clone, Debug)]
pub struct AddressOptions {
    /// Says that the edge is behind a proxy whose X-Forwarded-For is believed, whatever its address is, unless
    /// PROXY_TRUSTED_SERVERS names some
    #[arg(long, env = "TRUST_PROXY", value_parser = flag, default_value = "false", num_args = 0..=1, default_missing_value = "true")]
    pub trust_proxy: bool,
    /// Proxies whose X-Forwarded-For is believed: addresses or networks, separated by commas
    #[arg(long, env = "PROXY_TRUSTED_SERVERS", value_delimiter = ',', value_parser = network)]
    pub proxy_trusted_servers: Vec<IpNet>,
    /// Networks from which requests are accepted, separated by commas; from everywhere if omitted
    #[arg(long, env = "ALLOW_LIST", value_delimiter = ',', value_parser = network)]
    pub allow_list: Vec<IpNet>,
    /// Networks from which no request is accepted, also if ALLOW_LIST has them, separated by commas
    #[arg(long, env = "DENY_LIST", value_delimiter = ',', value_parser = network)]
    pub deny_list: Vec<IpNet>,
}

impl AddressOptions {
    /// Proxies whose word about the sender is believed.
    pub fn trusted_proxies(&self) -> Vec<IpNet> {
        if self.trust_proxy && self.proxy_trusted_servers.is_empty() {
            let all = (Ipv4Net::new(Ipv4Addr::UNSPECIFIED, 0), Ipv6Net::new(Ipv6Addr::UNSPECIFIED, 0));
            return [all.0.map(IpNet::V4), all.1.map(IpNet::V6)].into_iter().flatten().collect();
        }
        self.proxy_trusted_servers.clone()
    }

    /// From where requests are accepted.
    pub fn admission(&self) -> Admission {
        let (allow, deny) = (self.allow_list.clone(), self.deny_list.clone());
        Admission { allow, deny, trusted_proxies: self.trusted_proxies() }
    }
}
