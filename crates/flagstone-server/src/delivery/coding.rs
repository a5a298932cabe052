//! How bodies are compressed, and which form a request likes best.

use axum::http::header::{ACCEPT_ENCODING, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Not at all.
    Identity,
    /// As every client can read.
    Gzip,
    /// The smallest.
    Brotli,
    /// The fastest to read.
    Zstd,
}

impl Coding {
    /// Ours, best first: about the same size, and the first is the cheapest to read.
    const KNOWN: [Self; 3] = [Self::Zstd, Self::Brotli, Self::Gzip];

    /// What it is called in headers.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Brotli => Some("br"),
            Self::Zstd => Some("zstd"),
        }
    }

    /// What `Accept-Encoding` asks for most (RFC 9110 §12.5.3); without it, nothing.
    pub fn wanted(headers: &HeaderMap) -> Self {
        Self::wanted_of(&Self::KNOWN, headers)
    }

    /// The same of some that there are, best first.
    pub fn wanted_of(known: &[Self], headers: &HeaderMap) -> Self {
        let mut best = (Self::Identity, 0.0);
        let lists = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        for entry in lists.flat_map(|list| list.split(',')) {
            let (name, quality) = entry.split_once(';').unwrap_or((entry, ""));
            let quality = quality.trim().strip_prefix("q=").map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0));
            let name = name.trim();
            let mut named = known.iter().copied();
            let named = named.find(|coding| coding.name().is_some_and(|n| n.eq_ignore_ascii_case(name)));
            let Some(coding) = named else { continue };
            let rank = |coding| known.iter().position(|known| *known == coding);
            let first_of_equals = quality >= best.1 && rank(coding) < rank(best.0).or(Some(known.len()));
            if quality > 0.0 && (quality > best.1 || first_of_equals) {
                best = (coding, quality);
            }
        }
        best.0
    }
}

/// An ETag, quotes included, as a header. Ours hold nothing that a header cannot; a client that finds an empty one asks
/// for everything.
pub fn etag_header(etag: &str) -> HeaderValue {
    HeaderValue::try_from(etag).unwrap_or(HeaderValue::from_static("\"\""))
}

/// The answer to a request whose headers name this ETag; nothing if they do not.
pub fn not_modified(request: &HeaderMap, etag: &HeaderValue) -> Option<Response> {
    names(request, etag.as_bytes()).then(|| (StatusCode::NOT_MODIFIED, [(ETAG, etag.clone())]).into_response())
}

/// Whether `If-None-Match` names `etag`; weak forms count (RFC 9110 §13.1.2).
pub fn names(headers: &HeaderMap, etag: &[u8]) -> bool {
    let lists = headers.get_all(IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
    lists
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).as_bytes() == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags_compare_weakly() {
        let check = |value: &'static str, expect| {
            let headers = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static(value))]);
            assert_eq!(names(&headers, b"\"a:1:v1\""), expect, "{value}");
        };
        check("\"a:1:v1\"", true);
        check("W/\"a:1:v1\"", true);
        check("\"x\", W/\"a:1:v1\"", true);
        check("*", true);
        check("\"a:2:v1\"", false);
    }

    #[test]
    fn the_client_chooses_the_coding() {
        let check = |value: &'static str, expect| {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(value))]);
            assert_eq!(Coding::wanted(&headers), expect, "{value}");
        };
        check("gzip, deflate, br", Coding::Brotli);
        check("gzip, br, zstd", Coding::Zstd);
        check("GZIP", Coding::Gzip);
        check("br;q=0.5, gzip;q=0.8", Coding::Gzip);
        check("gzip;q=0", Coding::Identity);
        check("gzip;q=x", Coding::Identity);
        check("identity, deflate", Coding::Identity);
        check("", Coding::Identity);
    }
}
