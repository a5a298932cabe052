//! Bodies that are too large, as sent or once they are unpacked.

use std::io::Write;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use hyper::body::Frame;
use serde_json::json;

use super::operations::{Operation, Rig, operations};

const MIB: usize = 1 << 20;
const JSON: (&str, &str) = ("content-type", "application/json");

fn limit(operation: &Operation) -> usize {
    if operation.takes_much() { 10 * MIB } else { MIB }
}

/// A body without a length that goes on for ever, and counts what was taken of it.
struct Endless(Arc<AtomicUsize>);

impl HttpBody for Endless {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.fetch_add(64 << 10, Ordering::SeqCst);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![b' '; 64 << 10])))))
    }
}

#[tokio::test]
async fn t29_a_body_beyond_the_limit_is_refused_with_and_without_a_length() {
    let rig = Rig::new().await;
    for operation in operations(&rig) {
        let (limit, context) = (limit(&operation), operation.template);
        let (fits, too_long) = (vec![b' '; limit], vec![b' '; limit + 1]);
        let before = rig.revision();

        let at_limit = rig.it.send(rig.request(&operation, &[JSON], Body::from(fits))).await;
        assert_eq!(at_limit.status, 400, "{context}: {}", at_limit.text);

        let length = (limit + 1).to_string();
        let with_length = [JSON, ("content-length", length.as_str())];
        let announced = rig.it.send(rig.request(&operation, &with_length, Body::from(too_long))).await;
        assert_eq!(announced.status, 413, "{context}: {}", announced.text);
        rig.assert_refused(&announced, before, context);

        let taken = Arc::new(AtomicUsize::new(0));
        let endless = Body::new(Endless(Arc::clone(&taken)));
        let chunked = rig.it.send(rig.request(&operation, &[JSON], endless)).await;
        assert_eq!(chunked.status, 413, "{context}: {}", chunked.text);
        rig.assert_refused(&chunked, before, context);
        assert!(taken.load(Ordering::SeqCst) <= limit + (64 << 10), "{context}: more is read than is allowed");
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn t30_a_body_that_unpacks_beyond_the_limit_is_refused() {
    let rig = Rig::new().await;
    let zeros = vec![b' '; 11 * MIB];
    let (gzip, deflate) = (gzip(&zeros), deflate(&zeros));
    assert!(gzip.len() * 900 < zeros.len(), "this is no bomb");
    for operation in operations(&rig) {
        for (encoding, bomb) in [("gzip", &gzip), ("x-gzip", &gzip), ("GZIP", &gzip), ("deflate", &deflate)] {
            let before = rig.revision();
            let headers = [JSON, ("content-encoding", encoding)];
            let answer = rig.it.send(rig.request(&operation, &headers, Body::from(bomb.clone()))).await;
            assert_eq!(answer.status, 413, "{encoding} {}: {}", operation.template, answer.text);
            rig.assert_refused(&answer, before, operation.template);
        }
    }
}

#[tokio::test]
async fn t30_encodings_are_understood_or_refused() {
    let rig = Rig::new().await;
    let all = operations(&rig);
    let operation = all.iter().find(|o| o.template == "/api/admin/projects/{projectId}/features").unwrap();
    let body = |name: &str| json!({ "name": name }).to_string().into_bytes();
    let check = async |encoding: &str, body: Vec<u8>, expect: u16| {
        let before = rig.revision();
        let headers = [JSON, ("content-encoding", encoding)];
        let answer = rig.it.send(rig.request(operation, &headers, Body::from(body))).await;
        assert_eq!(answer.status.as_u16(), expect, "{encoding}: {}", answer.text);
        if expect >= 400 {
            rig.assert_refused(&answer, before, encoding);
        }
    };
    check("gzip", gzip(&body("zipped")), 201).await;
    check("deflate", deflate(&body("deflated")), 201).await;
    check("identity", body("plain"), 201).await;
    for unknown in ["br", "zstd", "compress", "gzip, gzip", "br, gzip", "rot13", "\u{ff}"] {
        check(unknown, body("unknown"), 415).await;
    }
    check("gzip", body("not-zipped"), 400).await;
    check("deflate", gzip(&body("wrong")), 400).await;
    let mut cut = gzip(&body("cut"));
    cut.truncate(cut.len() / 2);
    check("gzip", cut, 400).await;
    // Two layers are one too many.
    check("gzip", gzip(&gzip(&body("twice"))), 400).await;
}
