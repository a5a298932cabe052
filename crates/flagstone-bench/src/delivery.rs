//! What SDKs poll and report, on the bare stack, on Flagstone and on peers: one table.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, ensure};
use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;
use serde_json::json;

use crate::http::{Address, Connection};
use crate::load::{Count, Load};
use crate::machine::{conditions, mib, pin_client, resident_bytes};
use crate::seed::{self, Random, flag_name};
use crate::server::{ADMIN, Server};
use crate::single_thread;

#[derive(Args)]
pub struct Options {
    /// The Flagstone to measure
    #[arg(long, default_value = "target/release/flagstone")]
    flagstone: PathBuf,
    /// How many flags to make
    #[arg(long, default_value_t = 1_000)]
    flags: usize,
    /// How many connections to load a server with
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// How often each server is loaded with each kind of request, in turns
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long each time, in seconds
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// How long before that nothing is counted, in seconds
    #[arg(long, default_value_t = 1.0)]
    warm_up: f64,
    /// The core that each server has while it is loaded
    #[arg(long, default_value_t = 0)]
    server_core: usize,
    /// The core of the load
    #[arg(long, default_value_t = 1)]
    client_core: usize,
}

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// A poll that finds nothing new.
    NotModified,
    /// A poll that gets everything.
    Identity,
    /// The same, compressed.
    Gzip,
    /// All flags for a context.
    Frontend,
    /// A report about three flags.
    Metrics,
}

/// What CPU of a request is wanted.
enum Goal {
    /// At most so many times that of the bare stack.
    TimesBare(f64),
    Micros(f64),
}

const WORKS: [Work; 5] = [Work::NotModified, Work::Identity, Work::Gzip, Work::Frontend, Work::Metrics];
/// How many different contexts and reports are sent.
const CONTEXTS: usize = 1_000;

impl Work {
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotModified => "`/api/client/features`, 304",
            Self::Identity => "`/api/client/features`, identity",
            Self::Gzip => "`/api/client/features`, gzip",
            Self::Frontend => "`/api/frontend`",
            Self::Metrics => "POST `/api/client/metrics`",
        }
    }

    pub const fn status(self) -> u16 {
        match self {
            Self::NotModified => 304,
            Self::Identity | Self::Gzip | Self::Frontend => 200,
            Self::Metrics => 202,
        }
    }

    const fn goal(self) -> Goal {
        match self {
            Self::NotModified => Goal::TimesBare(1.5),
            Self::Identity | Self::Gzip => Goal::TimesBare(1.3),
            Self::Frontend => Goal::Micros(200.0),
            Self::Metrics => Goal::TimesBare(2.0),
        }
    }

    /// The requests that are sent in turn; `etag` is that of the whole features.
    pub fn requests(self, address: &Address, backend: &str, frontend: &str, etag: &str) -> Vec<Vec<u8>> {
        let features = |header| {
            let headers =
                [("accept", "application/json"), ("unleash-client-spec", "5.2.0"), ("unleash-appname", "bench")];
            let headers: Vec<_> = headers.into_iter().chain(header).collect();
            vec![address.request(("GET", "/api/client/features"), backend, &headers, "")]
        };
        let mut random = Random(7);
        match self {
            Self::NotModified => features(Some(("if-none-match", etag))),
            Self::Identity => features(None),
            Self::Gzip => features(Some(("accept-encoding", "gzip"))),
            Self::Frontend => {
                let path = || format!("/api/frontend?{}", context(&mut random));
                let paths = std::iter::repeat_with(path).take(CONTEXTS);
                paths.map(|path| address.request(("GET", &path), frontend, &[], "")).collect()
            }
            Self::Metrics => {
                let bodies = (0..CONTEXTS).map(|_| report(&mut random));
                bodies.map(|body| address.request(("POST", "/api/client/metrics"), backend, &[], &body)).collect()
            }
        }
    }
}

/// A visitor of whom most is known, as a query.
fn context(random: &mut Random) -> String {
    let app = ["web", "ios", "android"][random.below(3)];
    let (user, session) = (random.below(100_000), random.below(1_000_000_000));
    let (age, major, minor) = (10 + random.below(60), random.below(6), random.below(10));
    format!(
        "userId={user}&sessionId=session-{session}&appName={app}&properties[email]=user{user}@example.com\
         &properties[age]={age}&properties[version]={major}.{minor}.1"
    )
}

/// What an SDK counted in its last minute.
fn report(random: &mut Random) -> String {
    let stop = DateTime::<Utc>::from(SystemTime::now());
    let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
    let first = random.below(100);
    let toggles: serde_json::Map<_, _> = (first..first + 3)
        .map(|number| {
            let (yes, red) = (random.below(500), random.below(100));
            (flag_name(number), json!({ "yes": yes, "no": random.below(500), "variants": { "red": red } }))
        })
        .collect();
    let (start, stop) = (time(stop - Duration::from_mins(1)), time(stop));
    let bucket = json!({ "start": start, "stop": stop, "toggles": toggles });
    json!({ "appName": "bench", "instanceId": "bench-1", "environment": "development", "bucket": bucket }).to_string()
}

/// A server's figures for a kind of request.
struct Cell {
    /// Each round's.
    rounds: Vec<Count>,
    total: Count,
    body_bytes: usize,
    encoding: Option<String>,
    resident_bytes: Option<u64>,
}

/// Measures and prints.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let conditions = conditions(&options.flagstone);
    pin_client(options.client_core, options.server_core)?;
    single_thread()?.block_on(measure(options, &conditions))
}

async fn measure(options: &Options, conditions: &str) -> anyhow::Result<()> {
    let peers = Server::peers(options.server_core)?;
    let flagstone = start_seeded(&options.flagstone, options.server_core, options.flags).await?;
    let bare = Server::bare(&flagstone, options.server_core).await?;
    let mut servers = vec![bare, flagstone];
    servers.extend(peers);
    let load = Load {
        connections: options.connections,
        warm_up: Duration::from_secs_f64(options.warm_up),
        measured: Duration::from_secs_f64(options.seconds),
    };
    print!("## Delivery of {} flags\n\n{conditions}", options.flags);
    println!(
        "- {} connections; {} rounds of {} s in turns, each after {} s that do not count\n",
        options.connections, options.rounds, options.seconds, options.warm_up
    );
    println!(
        "| request | server | CPU a request | of the bare stack | goal | requests/s | p99 | core used | body | RSS |"
    );
    println!("| --- | --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: |");
    for work in WORKS {
        eprintln!("{}", work.name());
        let cells = measure_work(work, &servers, &load, options.rounds).await;
        print!("{}", rows(work, &servers, &cells));
    }
    println!("\nThe least and the most of the rounds stand in parentheses. RSS is resident memory after the row.");
    Ok(())
}

/// Starts a Flagstone on a core and makes its flags.
pub async fn start_seeded(binary: &Path, core: usize, flags: usize) -> anyhow::Result<Server> {
    let flagstone = Server::flagstone(binary, core, &[]).await?;
    eprintln!("making {flags} flags");
    seed::fill(&flagstone.address, ADMIN, flags).await?;
    Ok(flagstone)
}

/// Loads the servers in turns, so that what the machine does besides meets all of them.
async fn measure_work(work: Work, servers: &[Server], load: &Load, rounds: usize) -> Vec<anyhow::Result<Cell>> {
    let mut cells = Vec::new();
    for server in servers {
        cells.push(first_answer(work, server).await);
    }
    for _ in 0..rounds {
        for (server, entry) in servers.iter().zip(&mut cells) {
            let Ok((requests, cell)) = entry else { continue };
            match load_once(work, server, load, requests).await {
                Ok((count, resident_bytes)) => {
                    cell.rounds.push(count);
                    cell.resident_bytes = resident_bytes;
                }
                Err(error) => *entry = Err(error),
            }
        }
    }
    let total = |(_, mut cell): (_, Cell)| {
        for count in &cell.rounds {
            cell.total.add(count);
        }
        cell
    };
    cells.into_iter().map(|entry| entry.map(total)).collect()
}

/// What to send to a server, and what it answers.
async fn first_answer(work: Work, server: &Server) -> anyhow::Result<(Vec<Vec<u8>>, Cell)> {
    let mut connection = Connection::open(&server.address).await.context("cannot be reached")?;
    let requests =
        |work: Work, etag: &str| work.requests(&server.address, &server.backend_token, &server.frontend_token, etag);
    let whole = requests(Work::Identity, "");
    connection.exchange(&whole[0], |_| ()).await?;
    let etag = connection.header("etag").unwrap_or("\"none\"").to_owned();
    let requests = requests(work, &etag);
    let (status, body) = connection.exchange_whole(&requests[0]).await?;
    ensure!(status == work.status(), "answers {status}");
    let encoding = connection.header("content-encoding").map(str::to_owned);
    let cell = Cell { rounds: vec![], total: Count::default(), body_bytes: body.len(), encoding, resident_bytes: None };
    Ok((requests, cell))
}

async fn load_once(
    work: Work,
    server: &Server,
    load: &Load,
    requests: &[Vec<u8>],
) -> anyhow::Result<(Count, Option<u64>)> {
    let count = load.run(&server.address, requests, work.status(), server.pid).await?;
    Ok((count, server.pid.map(resident_bytes).transpose()?))
}

/// The rows of a kind of request; the first server is the bare stack, the second is Flagstone.
fn rows(work: Work, servers: &[Server], cells: &[anyhow::Result<Cell>]) -> String {
    let mut text = String::new();
    let bare = cells.first().and_then(|cell| cell.as_ref().ok());
    for (position, (server, cell)) in servers.iter().zip(cells).enumerate() {
        let (request, name) = (work.name(), &server.name);
        let _ = match cell {
            Err(error) => writeln!(text, "| {request} | {name} | {error:#} | | | | | | | |"),
            Ok(cell) => {
                let goal = if position == 1 { verdict(work, cell, bare) } else { String::new() };
                writeln!(
                    text,
                    "| {request} | {name} | {} | {} | {goal} | {:.0} | {:.2} ms | {} | {} | {} |",
                    shown(cell.total.cpu_us(), |us| format!("{us:.1} µs")),
                    shown(bare.and_then(|bare| Ratio::of(cell, bare)), |ratio| ratio.to_string()),
                    cell.total.per_second(),
                    cell.total.p99_ms(),
                    shown(cell.total.cpu_share(), |share| format!("{:.0} %", share * 100.0)),
                    body(work, cell),
                    shown(cell.resident_bytes, |bytes| format!("{:.1} MiB", mib(bytes))),
                )
            }
        };
    }
    text
}

fn body(work: Work, cell: &Cell) -> String {
    match &cell.encoding {
        Some(encoding) => format!("{} B {encoding}", cell.body_bytes),
        None if work == Work::Gzip => format!("{} B, not compressed", cell.body_bytes),
        None => format!("{} B", cell.body_bytes),
    }
}

fn shown<T>(value: Option<T>, form: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "?".to_owned(), form)
}

/// CPU of a request, over that of the bare stack.
struct Ratio {
    total: f64,
    least: f64,
    most: f64,
}

impl Ratio {
    fn of(cell: &Cell, bare: &Cell) -> Option<Self> {
        let ratio = |ours: &Count, bare: &Count| Some(ours.cpu_us()? / bare.cpu_us()?);
        let rounds = cell.rounds.iter().zip(&bare.rounds).map(|(ours, bare)| ratio(ours, bare));
        let rounds = rounds.collect::<Option<Vec<_>>>()?;
        Some(Self {
            total: ratio(&cell.total, &bare.total)?,
            least: rounds.iter().copied().fold(f64::INFINITY, f64::min),
            most: rounds.iter().copied().fold(0.0, f64::max),
        })
    }
}

impl std::fmt::Display for Ratio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2} ({:.2}–{:.2})", self.total, self.least, self.most)
    }
}

fn verdict(work: Work, cell: &Cell, bare: Option<&Cell>) -> String {
    let (goal, value, most) = match work.goal() {
        Goal::TimesBare(most) => {
            (format!("≤ {most} × bare"), bare.and_then(|bare| Ratio::of(cell, bare)).map(|ratio| ratio.total), most)
        }
        Goal::Micros(most) => (format!("≤ {most} µs"), cell.total.cpu_us(), most),
    };
    match value {
        Some(value) if value <= most => format!("{goal}: met"),
        Some(_) => format!("{goal}: **not met**"),
        None => goal,
    }
}
