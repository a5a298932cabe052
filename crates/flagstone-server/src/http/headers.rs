//! What a request's headers say of its sender: the credentials, and the address behind proxies.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use ipnet::IpNet;

/// The address a request came from: the connection's, or what trusted proxies say (the rightmost one that is not theirs;
/// the leftmost one if all are).
pub fn client_address(trusted_proxies: &[IpNet], parts: &Parts) -> IpAddr {
    let peer = parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::from([127, 0, 0, 1]), |c| c.0.ip().to_canonical());
    let trusted = |ip: &IpAddr| trusted_proxies.iter().any(|net| net.contains(ip));
    if !trusted(&peer) {
        return peer;
    }
    let forwarded = parts.headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok());
    let hops: Vec<Option<IpAddr>> = forwarded.flat_map(|v| v.split(',')).map(hop_address).collect();
    // A hop that cannot be read is the last that a trusted proxy has seen: all to the left of it is anybody's word.
    let nearest = hops.iter().rev().find(|hop| hop.is_none_or(|ip| !trusted(&ip)));
    nearest.or(hops.first()).copied().flatten().unwrap_or(peer)
}

/// The address of a hop; some proxies add the port.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let ip = hop.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()));
    ip.map(|ip| ip.to_canonical())
}

/// What stands in `Authorization`, with or without `Bearer`.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().unwrap_or_default().trim();
    let token = match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => value,
    };
    (!token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[test]
    fn a_sender_is_who_trusted_proxies_say_and_nobody_else() {
        let check = |trusted: &[&str], peer: &str, forwarded: &str, expect: &str| {
            let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
            let mut request = Request::new(());
            let peer: IpAddr = peer.parse().unwrap();
            request.extensions_mut().insert(ConnectInfo(SocketAddr::from((peer, 1))));
            if !forwarded.is_empty() {
                request.headers_mut().insert("x-forwarded-for", forwarded.parse().unwrap());
            }
            let parts = request.into_parts().0;
            assert_eq!(client_address(&trusted, &parts).to_string(), expect, "{trusted:?} {peer} {forwarded}");
        };
        check(&[], "10.0.0.1", "192.0.2.1", "10.0.0.1");
        check(&["10.0.0.0/8"], "10.0.0.1", "", "10.0.0.1");
        check(&["10.0.0.0/8"], "11.0.0.1", "192.0.2.1", "11.0.0.1");
        check(&["10.0.0.0/8"], "10.0.0.1", "203.0.113.9, 192.0.2.1, 10.0.0.2", "192.0.2.1");
        check(&["10.0.0.0/8"], "10.0.0.1", "192.0.2.1, nobody, 10.0.0.2", "10.0.0.1");
        // Whoever is believed whatever its address is.
        check(&["0.0.0.0/0", "::/0"], "::ffff:10.0.0.1", "192.0.2.1, 10.0.0.2", "192.0.2.1");
        check(&["0.0.0.0/0", "::/0"], "10.0.0.1", "2001:db8::1", "2001:db8::1");
        check(&["0.0.0.0/0", "::/0"], "10.0.0.1", "nobody", "10.0.0.1");
    }
}
