//! How long until everybody who listens has heard that a flag was switched, and what listeners take of memory.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{interval, timeout};

use crate::events::{EventReader, Seen};
use crate::http::Address;
use crate::load::percentile;
use crate::machine::{allow_files, conditions, cpu_time, mib, pin_client, resident_bytes};
use crate::seed::{self, Admin};
use crate::server::{ADMIN, BACKEND, Server};
use crate::single_thread;

#[derive(Args)]
pub struct Options {
    /// The Flagstone to measure
    #[arg(long, default_value = "target/release/flagstone")]
    flagstone: PathBuf,
    /// How many listen
    #[arg(long, default_value_t = 10_000)]
    subscribers: usize,
    /// How many begin to listen in a second; a server that is asked by more at once sends some away
    #[arg(long, default_value_t = 1_500, value_parser = clap::value_parser!(u32).range(1..))]
    begin_per_second: u32,
    /// How often a flag is switched while they listen
    #[arg(long, default_value_t = 20)]
    switches: usize,
    /// How often it is switched while one listens
    #[arg(long, default_value_t = 200)]
    switches_alone: usize,
    /// How many flags there are; everybody who begins to listen gets all of them, about a kilobyte each
    #[arg(long, default_value_t = 20)]
    flags: usize,
    /// An option for `flagstone serve`, such as --serve-option=--log-level=warn; more than once for more
    #[arg(long = "serve-option", allow_hyphen_values = true)]
    serve: Vec<String>,
    /// The core that each server has while it is measured
    #[arg(long, default_value_t = 0)]
    server_core: usize,
    /// The core of those who listen
    #[arg(long, default_value_t = 1)]
    client_core: usize,
}

/// Below the least of Flagstone's bounds: streams of one token, streams of one address.
const STREAMS_PER_TOKEN: usize = 800;
const STREAMS_PER_ADDRESS: usize = 400;
/// How many may wait for their first event at the same time.
const CONNECTING: usize = 64;
const WAIT_MAX: Duration = Duration::from_mins(1);
const SWITCHED: &str = "bench-switched";

/// What was measured with so many listening.
struct Outcome {
    subscribers: usize,
    /// From the request's beginning to the last arrival, and from its acknowledgement; in milliseconds, in order. The
    /// latter is negative where an event overtakes the acknowledgement.
    since_request_ms: Vec<f64>,
    since_acknowledged_ms: Vec<f64>,
    /// What the server computed while the flag was switched.
    cpu: Duration,
    resident_before: u64,
    resident_with_all: u64,
}

/// Measures and prints.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let conditions = conditions(&options.flagstone);
    pin_client(options.client_core, options.server_core)?;
    // A server keeps a fifth of its files for other things than streams.
    allow_files(options.subscribers / 4 * 5 + 200)?;
    single_thread()?.block_on(measure(options, &conditions))
}

async fn measure(options: &Options, conditions: &str) -> anyhow::Result<()> {
    let tokens = tokens(options.subscribers);
    let mut serve_options = vec!["--init-backend-api-tokens".to_owned(), tokens.join(",")];
    serve_options.extend_from_slice(&options.serve);
    let flagstone = Server::flagstone(&options.flagstone, options.server_core, &serve_options).await?;
    seed::fill(&flagstone.address, ADMIN, options.flags).await?;
    let mut admin = Admin::open(&flagstone.address, ADMIN).await?;
    admin.post("/api/admin/projects/default/features", &json!({ "name": SWITCHED })).await?;
    let bare = Server::bare(&flagstone, options.server_core).await?;

    println!("## Stream, {} flags\n\n{conditions}", options.flags + 1);
    println!(
        "| server | listening | switches | last has it, after the request began: p50, p99, max | \
         after it was acknowledged | CPU an event | RSS before | with all | each |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (subscribers, switches) in [(1, options.switches_alone), (options.subscribers, options.switches)] {
        for server in [&bare, &flagstone] {
            eprintln!("{}: {subscribers} listening", server.name);
            match measure_server(server, &tokens, subscribers, switches, options.begin_per_second).await {
                Ok(outcome) => print!("{}", outcome.row(&server.name)),
                Err(error) => println!("| {} | {subscribers} | {error:#} | | | | | | |", server.name),
            }
        }
    }
    println!("\nMilliseconds. RSS is resident memory; what the kernel keeps for sockets is not in it.");
    Ok(())
}

/// So many that none has more streams than it may have.
fn tokens(subscribers: usize) -> Vec<String> {
    let more = (1..subscribers.div_ceil(STREAMS_PER_TOKEN)).map(|number| format!("{BACKEND}-{number}"));
    std::iter::once(BACKEND.to_owned()).chain(more).collect()
}

async fn measure_server(
    server: &Server,
    tokens: &[String],
    subscribers: usize,
    switches: usize,
    begin_per_second: u32,
) -> anyhow::Result<Outcome> {
    let pid = server.pid.context("a server without a process")?;
    let mut admin = Admin::open(&server.address, ADMIN).await?;
    let path = format!("/api/admin/projects/default/features/{SWITCHED}/environments/development");
    admin.post(&format!("{path}/off"), &Value::Null).await?;
    let resident_before = resident_bytes(pid)?;
    let audience = Arc::new(Audience::new(subscribers, switches));
    let listening = Listening::start(&audience, &server.address, tokens, begin_per_second)?;
    audience.wait(&audience.connected).await?;
    let cpu_before = cpu_time(pid)?;
    let (mut since_request_ms, mut since_acknowledged_ms) = (Vec::new(), Vec::new());
    for (number, hearing) in audience.switches.iter().enumerate() {
        ensure!(hearing.count() == 0, "somebody heard of a switch that had not happened");
        let state = if number % 2 == 0 { "on" } else { "off" };
        let requested = Instant::now();
        admin.post(&format!("{path}/{state}"), &Value::Null).await?;
        let acknowledged = Instant::now();
        let last = audience.wait(hearing).await?;
        since_request_ms.push(signed_ms(last, requested));
        since_acknowledged_ms.push(signed_ms(last, acknowledged));
    }
    let cpu = cpu_time(pid)?.saturating_sub(cpu_before);
    let resident_with_all = resident_bytes(pid)?;
    listening.stop()?;
    since_request_ms.sort_by(f64::total_cmp);
    since_acknowledged_ms.sort_by(f64::total_cmp);
    Ok(Outcome { subscribers, since_request_ms, since_acknowledged_ms, cpu, resident_before, resident_with_all })
}

/// From `earlier` to `later`, negative if it is the other way round.
fn signed_ms(later: Instant, earlier: Instant) -> f64 {
    let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
    ms(later.saturating_duration_since(earlier)) - ms(earlier.saturating_duration_since(later))
}

impl Outcome {
    #[allow(clippy::cast_precision_loss)]
    fn row(&self, name: &str) -> String {
        let switches = self.since_request_ms.len();
        let more = self.resident_with_all.saturating_sub(self.resident_before);
        format!(
            "| {name} | {} | {switches} | {} | {} | {:.1} µs | {:.1} MiB | {:.1} MiB | {:.1} KiB |\n",
            self.subscribers,
            percentiles(&self.since_request_ms),
            percentiles(&self.since_acknowledged_ms),
            self.cpu.as_secs_f64() * 1e6 / (switches * self.subscribers) as f64,
            mib(self.resident_before),
            mib(self.resident_with_all),
            more as f64 / 1_024.0 / self.subscribers as f64,
        )
    }
}

fn percentiles(sorted: &[f64]) -> String {
    let at = |percent| percentile(sorted, percent).unwrap_or_default();
    format!("{:.2}, {:.2}, {:.2}", at(50), at(99), at(100))
}

/// What all who listen share with the one who waits for them.
struct Audience {
    subscribers: usize,
    connected: Hearing,
    /// One for each switch.
    switches: Vec<Hearing>,
    /// Why somebody does not listen any more.
    failure: Mutex<Option<String>>,
    news: Notify,
}

/// How many have heard of something, and when the last one did.
struct Hearing(Mutex<(usize, Instant)>);

impl Hearing {
    fn new() -> Self {
        Self(Mutex::new((0, Instant::now())))
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Audience {
    fn new(subscribers: usize, switches: usize) -> Self {
        Self {
            subscribers,
            connected: Hearing::new(),
            switches: (0..switches).map(|_| Hearing::new()).collect(),
            failure: Mutex::default(),
            news: Notify::new(),
        }
    }

    fn heard(&self, what: &Hearing, at: Instant) {
        let mut hearing = what.0.lock().unwrap_or_else(PoisonError::into_inner);
        hearing.0 += 1;
        hearing.1 = at;
        if hearing.0 == self.subscribers {
            self.news.notify_one();
        }
    }

    fn failed(&self, reason: &anyhow::Error) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert_with(|| format!("{reason:#}"));
        self.news.notify_one();
    }

    /// Waits until all have heard; gives the last moment.
    async fn wait(&self, what: &Hearing) -> anyhow::Result<Instant> {
        loop {
            if let Some(failure) = &*self.failure.lock().unwrap_or_else(PoisonError::into_inner) {
                bail!("{failure}");
            }
            let (count, last) = *what.0.lock().unwrap_or_else(PoisonError::into_inner);
            if count == self.subscribers {
                return Ok(last);
            }
            if timeout(WAIT_MAX, self.news.notified()).await.is_err() && what.count() == count {
                bail!("{count} of {} have heard, and nobody more for {WAIT_MAX:?}", self.subscribers);
            }
        }
    }
}

/// The thread on which everybody listens: the caller's must be free to see the acknowledgement.
struct Listening {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Listening {
    fn start(
        audience: &Arc<Audience>,
        address: &Address,
        tokens: &[String],
        begin_per_second: u32,
    ) -> anyhow::Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let requests = tokens.iter().map(|token| request(address, token)).collect();
        let (audience, to, runtime) = (Arc::clone(audience), address.socket, single_thread()?);
        let thread = std::thread::spawn(move || {
            runtime.spawn(begin_all(audience, to, requests, Duration::from_secs(1) / begin_per_second));
            let _ = runtime.block_on(stopped);
        });
        Ok(Self { stop, thread })
    }

    /// Closes all connections.
    fn stop(self) -> anyhow::Result<()> {
        drop(self.stop);
        self.thread.join().map_err(|_| anyhow::anyhow!("those who listened panicked"))
    }
}

/// Lets everybody begin to listen, one after the other.
async fn begin_all(audience: Arc<Audience>, to: SocketAddr, requests: Arc<[Vec<u8>]>, apart: Duration) {
    let connecting = Arc::new(Semaphore::new(CONNECTING));
    let mut turns = interval(apart);
    for number in 0..audience.subscribers {
        turns.tick().await;
        let Ok(place) = Arc::clone(&connecting).acquire_owned().await else { return };
        let (audience, requests) = (Arc::clone(&audience), Arc::clone(&requests));
        tokio::spawn(async move {
            let request = &requests[number % requests.len()];
            let Err(error) = listen(source(number), to, request, place, &audience).await;
            audience.failed(&error);
        });
    }
}

fn request(address: &Address, token: &str) -> Vec<u8> {
    let headers = [("accept", "text/event-stream"), ("unleash-client-spec", "5.2.0"), ("unleash-appname", "bench")];
    address.request(("GET", "/api/client/streaming"), token, &headers, "")
}

/// Listens for ever; says of each event when it was there.
async fn listen(
    from: IpAddr,
    to: SocketAddr,
    request: &[u8],
    place: OwnedSemaphorePermit,
    audience: &Audience,
) -> anyhow::Result<Infallible> {
    let mut stream = connect(from, to, request).await.with_context(|| format!("cannot connect from {from}"))?;
    let mut events = EventReader::default();
    let mut seen = Seen::default();
    let mut next = async || -> io::Result<(Seen, Seen)> {
        let before = seen;
        while seen == before {
            seen = poll_fn(|cx| read(&mut stream, &mut events, cx)).await?;
        }
        Ok((before, seen))
    };
    next().await?;
    audience.heard(&audience.connected, Instant::now());
    drop(place);
    loop {
        let (before, seen) = next().await?;
        let now = Instant::now();
        for number in before.updated..seen.updated {
            let what = audience.switches.get(number as usize).context("more events than switches")?;
            audience.heard(what, now);
        }
    }
}

async fn connect(from: IpAddr, to: SocketAddr, request: &[u8]) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from, 0))?;
    let mut stream = socket.connect(to).await?;
    stream.write_all(request).await?;
    Ok(stream)
}

/// Reads what has arrived into a buffer that lasts no longer: ten thousand of them would be more than all else.
fn read(stream: &mut TcpStream, events: &mut EventReader, cx: &mut Context<'_>) -> Poll<io::Result<Seen>> {
    let mut buffer = [MaybeUninit::uninit(); 16 << 10];
    let mut buffer = ReadBuf::uninit(&mut buffer);
    ready!(Pin::new(stream).poll_read(cx, &mut buffer))?;
    if buffer.filled().is_empty() {
        return Poll::Ready(Err(io::Error::new(ErrorKind::UnexpectedEof, "the stream ended")));
    }
    Poll::Ready(events.read(buffer.filled()))
}

/// Where a subscriber calls from: an address has too few ports for all of them.
fn source(number: usize) -> IpAddr {
    let number = u32::try_from(number / STREAMS_PER_ADDRESS).unwrap_or_default();
    IpAddr::V4(Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits() + 1 + number))
}
