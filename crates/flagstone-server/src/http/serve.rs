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
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::tls::Tls;

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

    /// What is encrypted says that it ends where only its reader sees it.
    fn encrypted() -> Self {
        let mut protocols = Self::new();
        protocols.http1.half_close(false);
        protocols
    }
}

/// Where connections come from.
#[derive(Clone)]
pub struct Listeners {
    plain: Arc<TcpListener>,
    encrypted: Option<(Arc<TcpListener>, Arc<Tls>)>,
}

impl From<TcpListener> for Listeners {
    fn from(plain: TcpListener) -> Self {
        Self { plain: Arc::new(plain), encrypted: None }
    }
}

impl Listeners {
    /// Those and, where there is one, a listener that speaks TLS.
    pub fn new(plain: TcpListener, encrypted: Option<(TcpListener, Arc<Tls>)>) -> Self {
        let encrypted = encrypted.map(|(listener, tls)| (Arc::new(listener), tls));
        Self { encrypted, ..Self::from(plain) }
    }

    /// The address of the plain one.
    pub fn address(&self) -> Option<SocketAddr> {
        self.plain.local_addr().ok()
    }

    /// The address of the one that speaks TLS.
    pub fn encrypted_address(&self) -> Option<SocketAddr> {
        self.encrypted.as_ref()?.0.local_addr().ok()
    }
}

/// Serves until `stop` is ready, then lets requests that are under way end, for `grace` at most. Who else holds the
/// listeners may serve on: no connection is refused in between.
pub async fn serve(listeners: Listeners, router: Router, stop: impl Future<Output = ()>, grace: Duration) {
    let stopping = CancellationToken::new();
    let plain = serve_one(listeners.plain, None, router.clone(), stopping.cancelled(), grace);
    let encrypted = async {
        if let Some((listener, tls)) = listeners.encrypted {
            serve_one(listener, Some(tls), router, stopping.cancelled(), grace).await;
        }
    };
    let stop = async {
        stop.await;
        stopping.cancel();
    };
    tokio::join!(plain, encrypted, stop);
}

async fn serve_one(
    listener: Arc<TcpListener>,
    tls: Option<Arc<Tls>>,
    router: Router,
    stop: impl Future<Output = ()>,
    grace: Duration,
) {
    let graceful = GracefulShutdown::new();
    let protocols = if tls.is_some() { Protocols::encrypted() } else { Protocols::new() };
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
                let (tls, stopping) = (tls.clone(), stopping.clone());
                tokio::spawn(async move {
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "cannot switch off Nagle's algorithm");
                    }
                    match tls {
                        // In a box, so that others need no room for it.
                        Some(tls) => {
                            Box::pin(serve_encrypted(&protocols, watcher, router, stream, peer, tls, stopping)).await;
                        }
                        None => serve_plain(&protocols, watcher, router, stream, peer, stopping).await,
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

async fn serve_plain(
    protocols: &Protocols,
    watcher: Watcher,
    router: Router,
    stream: TcpStream,
    peer: SocketAddr,
    mut stopping: watch::Receiver<()>,
) {
    let is_http2 = tokio::select! {
        opened = timeout(OPENING_TIMEOUT, speaks_http2(&stream)) => opened,
        _ = stopping.changed() => return,
    };
    if let Ok(Ok(is_http2)) = is_http2 {
        serve_connection(protocols, watcher, router, stream, peer, is_http2).await;
    }
}

async fn serve_encrypted(
    protocols: &Protocols,
    watcher: Watcher,
    router: Router,
    stream: TcpStream,
    peer: SocketAddr,
    tls: Arc<Tls>,
    mut stopping: watch::Receiver<()>,
) {
    let opened = tokio::select! {
        opened = timeout(OPENING_TIMEOUT, tls.accept(stream)) => opened,
        _ = stopping.changed() => return,
    };
    match opened {
        Ok(Ok((stream, is_http2))) => serve_connection(protocols, watcher, router, stream, peer, is_http2).await,
        // Anybody can cause it.
        Ok(Err(error)) => tracing::debug!(%error, "a peer does not speak TLS as we do"),
        Err(_) => {}
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

async fn serve_connection<S: Peer>(
    protocols: &Protocols,
    watcher: Watcher,
    router: Router,
    stream: S,
    peer: SocketAddr,
    is_http2: bool,
) {
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

/// What a peer is at the other end of.
trait Peer: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Fails if the peer has left, as far as that shows without reading.
    fn poll_left(&self, cx: &mut Context<'_>) -> io::Result<()>;
}

impl Peer for TcpStream {
    fn poll_left(&self, cx: &mut Context<'_>) -> io::Result<()> {
        // Asks the system only if something has arrived; else it lets us know when something does.
        let mut next = [0];
        match self.poll_peek(cx, &mut ReadBuf::new(&mut next)) {
            Poll::Ready(Ok(0)) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Ready(Err(error)) => Err(error),
            _ => Ok(()),
        }
    }
}

impl Peer for TlsStream<TcpStream> {
    /// Hyper reads on, and sees it.
    fn poll_left(&self, _: &mut Context<'_>) -> io::Result<()> {
        Ok(())
    }
}

/// A connection that ends when its peer takes no more bytes for long, or leaves: hyper waits for ever.
struct Impatient<S> {
    stream: S,
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

impl<S> Impatient<S> {
    fn judge_write<T>(&mut self, outcome: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stalled.since = None;
            return outcome;
        }
        self.stalled.poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: Peer> AsyncRead for Impatient<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: Peer> AsyncWrite for Impatient<S> {
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
        match self.stream.poll_left(cx) {
            Ok(()) => Pin::new(&mut self.stream).poll_flush(cx),
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
