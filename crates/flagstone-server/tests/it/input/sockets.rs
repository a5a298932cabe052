//! Over a real socket: heads that are too large, peers that are too slow. The clock is tokio's and stands still while
//! anything happens, so that half a minute passes in an instant.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::Request;
use flagstone_server::http::serve;
use hyper::body::Frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use crate::fixture::{ADMIN, Fixture};

async fn listen() -> (Fixture, SocketAddr) {
    let it = Fixture::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve::serve(listener.into(), it.router.clone(), std::future::pending(), Duration::ZERO));
    (it, address)
}

/// What comes back before the server closes the connection, and its status.
async fn exchange(address: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may refuse and close before it has read everything.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let text = String::from_utf8_lossy(&answer).into_owned();
    (text.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0), text)
}

#[tokio::test]
async fn t32_heads_that_are_too_large_are_refused() {
    let (_it, address) = listen().await;
    let head = |path: &str, headers: &str| {
        format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: {ADMIN}\r\nconnection: close\r\n{headers}\r\n")
    };
    let headers = |count: usize| "x-many: 1\r\n".repeat(count);
    let query = |count: usize| "p=1&".repeat(count);
    let events = "/api/admin/search/events";
    for (name, request, expect) in [
        ("an ordinary one", head("/api/admin/user", &headers(50)), 200),
        ("500 headers", head("/api/admin/user", &headers(500)), 431),
        ("64 KiB of headers", head("/api/admin/user", &format!("x: {}\r\n", "y".repeat(64 << 10))), 431),
        ("a megabyte of headers", head("/api/admin/user", &format!("x: {}\r\n", "y".repeat(1 << 20))), 431),
        ("a URL of 8 KiB", head(&format!("{events}?query={}", "y".repeat(8 << 10)), ""), 414),
        ("a URL of 60 KiB", head(&format!("/{}", "y".repeat(60_000)), ""), 414),
        ("100 parameters", head(&format!("{events}?{}", query(100)), ""), 200),
        ("1,000 parameters", head(&format!("{events}?{}", query(1_000)), ""), 400),
        ("no HTTP", "\u{16}\u{3}\u{1} hello\r\n\r\n".to_owned(), 400),
        ("a bare line feed in a header", head("/health", "x: a\nb\r\n"), 400),
        ("two lengths", head("/health", "content-length: 1\r\ncontent-length: 2\r\n"), 400),
        ("a length that is no number", head("/health", "content-length: +1\r\n"), 400),
    ] {
        let (status, text) = exchange(address, &request).await;
        assert_eq!(status, expect, "{name}: {}", text.chars().take(300).collect::<String>());
    }
}

/// How long the server keeps a connection on which `bytes` came and no more.
async fn patience(address: SocketAddr, bytes: &[u8]) -> Duration {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let began = Instant::now();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_mins(5), stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "still open after five minutes: {:?}", String::from_utf8_lossy(bytes));
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn t33_a_peer_that_does_not_finish_its_head_is_cut_off() {
    let (_it, address) = listen().await;
    for bytes in [
        "",
        "P",
        "PRI * HTTP/2.0\r\n",
        "G",
        "GET /health HTTP/1.1\r\n",
        "GET /health HTTP/1.1\r\nhost: x\r\nx-slow: a",
        "GET /health HTTP/1.1\r\nhost: x\r\n\r\n",
        "GET /health HTTP/1.1\r\nhost: x\r\n\r\nGET",
    ] {
        let kept = patience(address, bytes.as_bytes()).await;
        assert!(kept <= Duration::from_secs(16), "{bytes:?}: kept for {kept:?}");
    }
}

/// A body that begins and never goes on.
struct Stalled(bool);

impl HttpBody for Stalled {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if std::mem::replace(&mut self.0, true) {
            return std::task::Poll::Pending;
        }
        std::task::Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"{")))))
    }
}

#[tokio::test(start_paused = true)]
async fn t33_a_body_that_does_not_arrive_is_given_up() {
    let it = Fixture::new().await;
    let request = Request::post("/api/admin/projects/default/features")
        .header("authorization", ADMIN)
        .header("content-type", "application/json")
        .body(Body::new(Stalled(false)))
        .unwrap();
    let began = Instant::now();
    it.send(request).await.expect(408);
    assert!(began.elapsed() <= Duration::from_secs(31), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn t33_a_peer_that_never_reads_is_cut_off() {
    let (_it, address) = listen().await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = "GET /docs/openapi.json HTTP/1.1\r\nhost: x\r\n\r\n";
    let asked = 400;
    stream.write_all(request.repeat(asked).as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_mins(1)).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "still open");
    let answered = String::from_utf8_lossy(&answer).matches("HTTP/1.1 200").count();
    assert!((1..asked).contains(&answered), "{answered} answers were kept for a peer that does not read");
}
