//! A whole answer, and its compressed forms, each made once.

use std::io::Write;
use std::sync::OnceLock;

use axum::body::Bytes;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// A whole answer: JSON with an ETag.
pub struct Answer {
    body: Bytes,
    etag: HeaderValue,
    gzip: OnceLock<Bytes>,
    brotli: OnceLock<Bytes>,
    zstd: OnceLock<Bytes>,
}

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

/// Bodies below this are sent as they are.
const COMPRESSED_FROM_BYTES: usize = 1_024;
const GZIP_LEVEL: u32 = 6;
const BROTLI_QUALITY: i32 = 5;
const BROTLI_WINDOW_BITS: i32 = 20;
const ZSTD_LEVEL: i32 = 6;

impl Answer {
    /// An answer with its ETag, quotes included.
    pub fn new(body: String, etag: String) -> Self {
        // Our ETags hold nothing that a header cannot; a client that finds an empty one asks for everything.
        let etag = HeaderValue::try_from(etag).unwrap_or(HeaderValue::from_static("\"\""));
        let (gzip, brotli, zstd) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Self { body: Bytes::from(body), etag, gzip, brotli, zstd }
    }

    /// JSON.
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// What it takes, in all forms that were made so far, in bytes.
    pub fn bytes(&self) -> usize {
        let coded = [&self.gzip, &self.brotli, &self.zstd].into_iter().filter_map(OnceLock::get);
        self.body.len() + coded.map(Bytes::len).sum::<usize>()
    }

    /// The answer to a request with these headers: 304 if it names the ETag, else the body in the form it likes best.
    pub fn respond(&self, request: &HeaderMap) -> Response {
        not_modified(request, self.etag.to_str().unwrap_or_default()).unwrap_or_else(|| self.respond_whole(request))
    }

    /// The body in the form that a request with these headers likes best.
    fn respond_whole(&self, request: &HeaderMap) -> Response {
        let (coding, body) = self.coded(Coding::wanted(request));
        let mut response = body.into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        headers.insert(ETAG, self.etag.clone());
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        if let Some(name) = coding.name() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        response
    }

    /// The body in a form; as it is where that is small, or the compressor fails.
    fn coded(&self, coding: Coding) -> (Coding, Bytes) {
        let cell = match coding {
            _ if self.body.len() < COMPRESSED_FROM_BYTES => return (Coding::Identity, self.body.clone()),
            Coding::Identity => return (coding, self.body.clone()),
            Coding::Gzip => &self.gzip,
            Coding::Brotli => &self.brotli,
            Coding::Zstd => &self.zstd,
        };
        let coded = cell.get_or_init(|| {
            compress(&self.body, coding).unwrap_or_else(|error| {
                tracing::error!(%error, ?coding, "an answer cannot be compressed; it is sent as it is");
                Bytes::new()
            })
        });
        if coded.is_empty() { (Coding::Identity, self.body.clone()) } else { (coding, coded.clone()) }
    }
}

/// The answer to a request whose headers name this ETag; nothing if they do not.
pub fn not_modified(request: &HeaderMap, etag: &str) -> Option<Response> {
    names(request, etag).then(|| (StatusCode::NOT_MODIFIED, [(ETAG, etag)]).into_response())
}

fn compress(body: &[u8], coding: Coding) -> std::io::Result<Bytes> {
    let bytes = match coding {
        Coding::Identity => body.to_vec(),
        Coding::Gzip => {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(GZIP_LEVEL));
            writer.write_all(body)?;
            writer.finish()?
        }
        Coding::Brotli => {
            let parameters = brotli::enc::BrotliEncoderParams {
                quality: BROTLI_QUALITY,
                lgwin: BROTLI_WINDOW_BITS,
                size_hint: body.len(),
                ..Default::default()
            };
            let mut bytes = Vec::new();
            brotli::BrotliCompress(&mut &*body, &mut bytes, &parameters)?;
            bytes
        }
        Coding::Zstd => zstd::bulk::compress(body, ZSTD_LEVEL)?,
    };
    Ok(Bytes::from(bytes.into_boxed_slice().into_vec()))
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
    fn wanted(headers: &HeaderMap) -> Self {
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

/// Whether `If-None-Match` names `etag`; weak forms count (RFC 9110 §13.1.2).
pub fn names(headers: &HeaderMap, etag: &str) -> bool {
    let lists = headers.get_all(IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
    lists
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn etags_compare_weakly() {
        let check = |value: &'static str, expect| {
            let headers = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static(value))]);
            assert_eq!(names(&headers, "\"a:1:v1\""), expect, "{value}");
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

    #[test]
    fn every_form_holds_the_body() {
        let answer = Answer::new("[1,2,3]".repeat(1_000), "\"1\"".to_owned());
        let (mut gzip, mut brotli) = (Vec::new(), Vec::new());
        flate2::read::GzDecoder::new(&*answer.coded(Coding::Gzip).1).read_to_end(&mut gzip).unwrap();
        brotli::BrotliDecompress(&mut &*answer.coded(Coding::Brotli).1, &mut brotli).unwrap();
        let zstd = zstd::bulk::decompress(&answer.coded(Coding::Zstd).1, 100_000).unwrap();
        assert!(gzip == answer.body && brotli == answer.body && zstd == answer.body);
        let small = Answer::new("[]".to_owned(), "\"1\"".to_owned());
        assert_eq!(small.coded(Coding::Gzip), (Coding::Identity, Bytes::from_static(b"[]")));
    }
}
