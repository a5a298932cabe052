//! Listens, serves with time limits, and stops gracefully.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tower::ServiceExt;

/// How long a request's head may take to arrive; also how long an idle connection is kept.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a peer may take to show which protocol it speaks.
const OPENING_TIMEOUT: Duration = Duration::from_secs(5);
/// What HTTP/2 begins with (RFC 9113 §3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How long a peer may take to accept the next bytes of an answer.
const WRITE_STALL: Duration = Duration::from_secs(30);
/// From how many bytes on a head is not read on; hyper may have read more before it looks.
const HEADER_BYTES_MAX: usize = 64 << 10;

/// How a connection is served, by protocol.
#[derive(Clone)]
struct Protocols {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

impl Protocols {
    fn new() -> Self {
        let (mut http1, mut http2) = (http1::Builder::new(), http2::Builder::new(TokioExecutor::new()));
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_buf_size(HEADER_BYTES_MAX)
            // To see that a peer left in the middle of an answer, hyper keeps a buffer to read into: much, for a stream
            // that is silent for hours. `Impatient` sees it as well.
            .half_close(true);
        http2.timer(TokioTimer::new()).keep_alive_interval(Some(Duration::from_secs(20))).max_concurrent_streams(250);
        Self { http1, http2 }
    }
}

/// Serves until `stop` is ready, then lets requests that are under way end, for `grace` at most. Who else holds the
/// listener may serve on: no connection is refused in between.
pub async fn serve(listener: Arc<TcpListener>, router: Router, stop: impl Future<Output = ()>, grace: Duration) {
    let graceful = GracefulShutdown::new();
    let protocols = Protocols::new();
    // Closed when we stop: who has not said anything by then is not waited for.
    let (open, stopping) = watch::channel(());
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (watcher, protocols, router) = (graceful.watcher(), protocols.clone(), router.clone());
                let mut stopping = stopping.clone();
                tokio::spawn(async move {
                    let is_http2 = tokio::select! {
                        opened = timeout(OPENING_TIMEOUT, speaks_http2(&stream)) => opened,
                        _ = stopping.changed() => return,
                    };
                    if let Ok(Ok(is_http2)) = is_http2 {
                        serve_connection(&protocols, watcher, router, stream, peer, is_http2).await;
                    }
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: those who are served go on, the next ones wait.
                tracing::warn!(%error, "cannot accept connections; trying on");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop((listener, open));
    if timeout(grace, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
}

/// Whether a connection begins as HTTP/2 does. Nothing is taken from it.
async fn speaks_http2(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0; HTTP2_PREFACE.len()];
    loop {
        let count = stream.peek(&mut first).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if first[..count] != HTTP2_PREFACE[..count] {
            return Ok(false);
        }
        if count == HTTP2_PREFACE.len() {
            return Ok(true);
        }
        // `POST` begins like it, and a packet may end anywhere; that is rare.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn serve_connection(
    protocols: &Protocols,
    watcher: Watcher,
    router: Router,
    stream: TcpStream,
    peer: SocketAddr,
    is_http2: bool,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot switch off Nagle's algorithm");
    }
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        // hyper keeps the place of this future for as long as the connection; what is in the box is gone with its answer.
        Box::pin(router.clone().oneshot(request.map(Body::new)))
    });
    let stream = TokioIo::new(Impatient { stream, stalled: Stall::default() });
    let ended = if is_http2 {
        // In a box, so that others need no room for it.
        Box::pin(watcher.watch(protocols.http2.serve_connection(stream, service))).await
    } else {
        watcher.watch(protocols.http1.serve_connection(stream, service)).await
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// A connection that ends when its peer takes no more bytes for long, or leaves: hyper waits for ever.
struct Impatient {
    stream: TcpStream,
    stalled: Stall,
}

/// How long a peer has taken no bytes. That begins with every large answer and nearly always ends at once, so the timer
/// is not stopped then: it is set anew when it runs out.
#[derive(Default)]
struct Stall {
    since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Stall {
    /// Ready when it has lasted too long.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let end = *self.since.get_or_insert_with(Instant::now) + WRITE_STALL;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(end)));
        while timer.as_mut().poll(cx).is_ready() {
            if timer.deadline() >= end {
                return Poll::Ready(());
            }
            timer.as_mut().reset(end);
        }
        Poll::Pending
    }
}

impl Impatient {
    fn judge_write<T>(&mut self, outcome: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stalled.since = None;
            return outcome;
        }
        self.stalled.poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Impatient {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Impatient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.judge_write(outcome, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.judge_write(outcome, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Asks the system only if something has arrived; else it lets us know when something does.
        let mut next = [0];
        match self.stream.poll_peek(cx, &mut ReadBuf::new(&mut next)) {
            Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Pin::new(&mut self.stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
