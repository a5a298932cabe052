//! Listens, serves with time limits, and stops gracefully.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep, sleep, sleep_until};
use tower::ServiceExt;

/// How long a request's head may take to arrive; also how long an idle connection is kept.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a peer may take to accept the next bytes of an answer.
const WRITE_STALL: Duration = Duration::from_secs(30);
/// The largest head of a request, in bytes.
const HEADER_BYTES_MAX: usize = 64 << 10;

/// Serves until `stop` is ready, then lets requests that are under way end, for `grace` at most.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>, grace: Duration) {
    let graceful = GracefulShutdown::new();
    let mut builder = Builder::new(TokioExecutor::new());
    // To see that a peer left in the middle of an answer, hyper keeps 16 KiB to read into: much, for a stream that is
    // silent for hours. `Impatient` sees it as well.
    let mut http1 = builder.http1();
    http1.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(HEADER_BYTES_MAX).half_close(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(Duration::from_secs(20)))
        .max_concurrent_streams(250);
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, peer)) => serve_connection(&builder, &graceful, &router, stream, peer),
            Err(error) => {
                // Out of file descriptors, most likely: those who are served go on, the next ones wait.
                tracing::warn!(%error, "cannot accept connections; trying on");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(grace, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
}

fn serve_connection(
    builder: &Builder<TokioExecutor>,
    graceful: &GracefulShutdown,
    router: &Router,
    stream: TcpStream,
    peer: SocketAddr,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot switch off Nagle's algorithm");
    }
    let router = router.clone();
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        // hyper keeps the place of this future for as long as the connection; what is in the box is gone with its answer.
        Box::pin(router.clone().oneshot(request.map(Body::new)))
    });
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(Impatient::new(stream)), service).into_owned();
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error, "a connection ended early");
        }
    });
}

/// A connection that ends when its peer stops taking part or leaves: hyper itself waits for ever for the first bytes, which
/// tell HTTP/1 from HTTP/2, and for a peer that does not read.
struct Impatient {
    stream: TcpStream,
    /// Runs until it is known which protocol the peer speaks.
    opening: Option<Pin<Box<Sleep>>>,
    read: usize,
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

/// What HTTP/2 begins with (RFC 9113 §3.4) has as many bytes; no shorter text stays undecided.
const OPENING_BYTES: usize = 24;

impl Impatient {
    fn new(stream: TcpStream) -> Self {
        Self { stream, opening: Some(Box::pin(sleep(HEADER_TIMEOUT))), read: 0, stalled: Stall::default() }
    }

    fn judge_write<T>(&mut self, outcome: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        // Whoever is answered has said which protocol it is.
        self.opening = None;
        if outcome.is_ready() {
            self.stalled.since = None;
            return outcome;
        }
        self.stalled.poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Impatient {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.read = self.read.saturating_add(buf.filled().len() - before);
        if self.read >= OPENING_BYTES {
            self.opening = None;
        }
        match (&outcome, &mut self.opening) {
            (Poll::Pending, Some(opening)) => opening.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into())),
            _ => outcome,
        }
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
