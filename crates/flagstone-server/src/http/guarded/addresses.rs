//! Which addresses are public.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// What may be reached besides public addresses.
#[derive(Clone, Debug, Default)]
pub struct AllowList {
    /// Everything.
    pub everything: bool,
    /// Addresses and networks.
    pub networks: Vec<IpNet>,
    /// Names of hosts, in lower case and without a dot at the end, whatever their addresses.
    pub names: Vec<String>,
}

/// An entry of an operator's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// An address or a network.
    Network(IpNet),
    /// A host by its name.
    Name(String),
}

impl std::str::FromStr for Allowed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(network) = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)) {
            return Ok(Self::Network(network));
        }
        // A variable that is empty names nothing, and no host has such a name.
        let is_name = text.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'));
        let name = || Self::Name(normal(text));
        is_name
            .then(name)
            .ok_or_else(|| "not an address, a network such as 10.0.0.0/8, or the name of a host".to_owned())
    }
}

impl FromIterator<Allowed> for AllowList {
    fn from_iter<I: IntoIterator<Item = Allowed>>(entries: I) -> Self {
        let mut list = Self::default();
        for entry in entries {
            match entry {
                Allowed::Network(network) => list.networks.push(network),
                Allowed::Name(name) => list.names.push(name),
            }
        }
        list
    }
}

impl AllowList {
    /// Whether an address may be reached.
    pub fn allows(&self, address: IpAddr) -> bool {
        let plain = address.to_canonical();
        self.everything
            || self.networks.iter().any(|network| network.contains(&plain) || network.contains(&address))
            || is_public(address)
    }

    /// Whether a host may be reached whatever its address.
    pub fn allows_name(&self, name: &str) -> bool {
        self.everything || self.names.contains(&normal(name))
    }
}

fn normal(name: &str) -> String {
    name.trim_end_matches('.').to_lowercase()
}

/// Whether a name is always this machine's own (RFC 6761, section 6.3).
pub(super) fn is_local_name(name: &str) -> bool {
    let name = normal(name);
    name == "localhost" || name.ends_with(".localhost")
}

/// What is not global of the IPv4 addresses: <https://www.iana.org/assignments/iana-ipv4-special-registry>.
const RESERVED_V4: [(Ipv4Addr, u8); 17] = [
    (Ipv4Addr::UNSPECIFIED, 8),            // this network
    (Ipv4Addr::new(10, 0, 0, 0), 8),       // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),    // carrier-grade NAT
    (Ipv4Addr::new(127, 0, 0, 0), 8),      // loopback
    (Ipv4Addr::new(168, 63, 129, 16), 32), // the host of a virtual machine on Azure
    (Ipv4Addr::new(169, 254, 0, 0), 16),   // link-local
    (Ipv4Addr::new(172, 16, 0, 0), 12),    // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),     // protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24),     // documentation
    (Ipv4Addr::new(192, 31, 196, 0), 24),  // AS112
    (Ipv4Addr::new(192, 52, 193, 0), 24),  // AMT
    (Ipv4Addr::new(192, 88, 99, 0), 24),   // 6to4 relays
    (Ipv4Addr::new(192, 168, 0, 0), 16),   // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),    // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24),  // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),   // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 3),      // multicast, reserved, broadcast
];

/// Global unicast is 2000::/3 (RFC 4291); all else is refused, so IPv4-mapped, IPv4-compatible and NAT64 addresses, unique
/// local, link-local, site-local and multicast ones.
const GLOBAL_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// What is not global of these: <https://www.iana.org/assignments/iana-ipv6-special-registry>.
const RESERVED_V6: [(Ipv6Addr, u8); 5] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // Teredo, benchmarks, ORCHID and other assignments
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4
    (Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48), // AS112
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

/// Whether an address is one of the public Internet.
pub(super) fn is_public(address: IpAddr) -> bool {
    let v4 = |address: &Ipv4Addr, (network, length)| Ipv4Net::new_assert(network, length).contains(address);
    let v6 = |address: &Ipv6Addr, (network, length)| Ipv6Net::new_assert(network, length).contains(address);
    match address {
        IpAddr::V4(address) => !RESERVED_V4.into_iter().any(|reserved| v4(&address, reserved)),
        IpAddr::V6(address) => {
            v6(&address, GLOBAL_V6) && !RESERVED_V6.into_iter().any(|reserved| v6(&address, reserved))
        }
    }
}
