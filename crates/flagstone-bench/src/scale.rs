//! What a change costs where there is much: the first answer after it, polls while changes come all the time, streams of
//! as many scopes as there are SDKs, memory. `docs/scale.md` says what the figures mean.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::LocalSet;
use tokio::time::{interval, sleep, timeout};

use crate::estate;
use crate::estate::making::{Estate, LARGE, MIDDLE, feature_of, make};
use crate::estate::raised;
use crate::http::{Address, Connection};
use crate::load::percentile;
use crate::machine::{allow_files, conditions, cpu_time_of_threads, mib, pin_client, resident_bytes};
use crate::server::{ADMIN, BACKEND, Server};
use crate::single_thread;

#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    run: estate::Options,
    /// How many listen, each to a scope of its own
    #[arg(long, default_value_t = 10_000)]
    streams: usize,
    /// Only these parts
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The first answer after a change
    Change,
    /// Polls while changes come all the time
    Polls,
    /// Memory, and an edge
    Memory,
    /// Streams of as many scopes
    Streams,
}

impl Options {
    fn has(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}

const CHANGES: usize = 100;
const COMMITS_PER_SECOND: u32 = 100;
const POLLERS: u32 = 1_000;
const POLLED: Duration = Duration::from_secs(15);
const POLL_MS_MAX: f64 = 20.0;
const STREAM_COMMITS: usize = 100;
const STREAM_MS_MAX: f64 = 300.0;
const EACH_KIB_MAX: f64 = 16.0;
const SERVE_MIB_MAX: f64 = 700.0;
const EDGE_MIB_MAX: f64 = 500.0;
const EVENT_MS_MAX: f64 = 1.0;
const EDGE_START_S_MAX: f64 = 2.0;
/// Below the bound of streams of one address.
const STREAMS_PER_ADDRESS: usize = 400;
const WAIT_MAX: Duration = Duration::from_secs(30);
/// How long a server takes, after much work, until its memory is what it holds.
const SETTLED: Duration = Duration::from_secs(12);

/// Measures and prints.
pub fn run(options: &Options) -> anyhow::Result<()> {
    println!("## Scale\n\n{}", conditions(&options.run.flagstone));
    println!("| what | figure | goal | |\n| --- | ---: | --- | --- |");
    pin_client(options.run.client_core, options.run.server_core)?;
    allow_files(options.streams / 4 * 5 + 200)?;
    let is_met = single_thread()?.block_on(LocalSet::new().run_until(measure(options)))?;
    ensure!(is_met || !options.run.strict, "a goal is not met");
    Ok(())
}

/// The table, and whether all goals are met so far.
struct Table(bool);

impl Table {
    fn row(&mut self, what: &str, figure: f64, unit: &str, most: f64) {
        let is_met = figure <= most;
        self.0 &= is_met;
        println!("| {what} | {figure:.2} {unit} | ≤ {most} | {} |", if is_met { "" } else { "missed" });
    }
}

/// A figure without a goal.
fn note(what: &str, figure: f64, unit: &str) {
    println!("| {what} | {figure:.2} {unit} | | |");
}

/// What a process has computed in milliseconds since it had computed so much.
fn computed(pid: u32, before: Duration) -> anyhow::Result<f64> {
    Ok(cpu_time_of_threads(pid, "")?.saturating_sub(before).as_secs_f64() * 1e3)
}

async fn measure(options: &Options) -> anyhow::Result<bool> {
    let mut table = Table(true);
    if options.has(Part::Change) || options.has(Part::Polls) {
        let middle = make(&MIDDLE).await?;
        let server = start(options, &middle).await?;
        if options.has(Part::Change) {
            change(&server, "5,000 features", 2.0, &mut table).await?;
        }
        if options.has(Part::Polls) {
            polls(options, &server, &mut table).await?;
        }
    }
    let large = make(&LARGE).await?;
    if options.has(Part::Memory) {
        let server = start(options, &large).await?;
        let tokens = memory(&server, &mut table).await?;
        edge(options, &server, &tokens, &mut table).await?;
    }
    if options.has(Part::Change) {
        let server = start(options, &large).await?;
        change(&server, "50,000 features", 4.0, &mut table).await?;
    }
    if options.has(Part::Streams) {
        let server = start(options, &large).await?;
        streams(&server, options.streams, &mut table).await?;
    }
    Ok(table.0)
}

async fn start(options: &Options, estate: &Estate) -> anyhow::Result<Server> {
    let mut arguments = raised(estate.size);
    if let Some(at) = arguments.iter().position(|argument| argument == "--api-tokens-limit") {
        "20000".clone_into(&mut arguments[at + 1]);
    }
    Server::with_data(&options.run.flagstone, Some(options.run.server_core), &estate.database(), &arguments).await
}

fn switch_path(project: usize, place: usize, on: bool) -> String {
    let state = if on { "on" } else { "off" };
    let feature = feature_of(project, place);
    format!("/api/admin/projects/project-{project}/features/{feature}/environments/development/{state}")
}

fn poll(address: &Address, token: &str, coding: &str, etag: &str) -> Vec<u8> {
    let headers = [("accept-encoding", coding), ("if-none-match", etag), ("unleash-client-spec", "5.2.0")];
    address.request(("GET", "/api/client/features"), token, &headers, "")
}

/// What the server computes for the first answer after a change beyond what it computes for the same answer again.
async fn change(server: &Server, what: &str, most: f64, table: &mut Table) -> anyhow::Result<()> {
    let pid = server.pid.context("the server has no process here")?;
    let mut connection = Connection::open(&server.address).await?;
    let mut admin = Connection::open(&server.address).await?;
    for coding in ["gzip", "br"] {
        let request = poll(&server.address, BACKEND, coding, "");
        let mut bytes = 0_u32;
        connection.exchange(&request, |piece| bytes += u32::try_from(piece.len()).unwrap_or_default()).await?;
        let mut costs = Vec::new();
        for round in 0..CHANGES {
            let switch =
                server.address.request(("POST", &switch_path(1, round % 7, round / 7 % 2 == 1)), ADMIN, &[], "");
            ensure!(admin.exchange(&switch, |_| ()).await? == 200, "a switch is refused");
            // What the commit itself wakes is done by then.
            sleep(Duration::from_millis(20)).await;
            let mut costs_of = [0.0; 2];
            for cost in &mut costs_of {
                let before = cpu_time_of_threads(pid, "")?;
                connection.exchange(&request, |_| ()).await?;
                sleep(Duration::from_millis(5)).await;
                *cost = computed(pid, before)?;
            }
            costs.push(costs_of[0] - costs_of[1]);
        }
        costs.sort_by(f64::total_cmp);
        let median = percentile(&costs, 50).unwrap_or_default();
        let of = format!("{what}, one changed: CPU for the {coding} answer (median of {CHANGES})");
        match coding {
            "gzip" => table.row(&of, median, "ms", most),
            _ => note(&of, median, "ms"),
        }
        note(&format!("{what}: the {coding} answer"), f64::from(bytes) / 1e6, "MB");
    }
    Ok(())
}

/// Polls, each once a second, while a hundred changes a second make nearly every answer a new one; beside a bare server
/// that gives the same answer to all of them.
async fn polls(options: &Options, server: &Server, table: &mut Table) -> anyhow::Result<()> {
    let bare = Server::bare(server, options.run.server_core).await?;
    let end = Instant::now() + POLLED;
    let pollers = poll_until(end, &bare.address, false).await?;
    let (latencies, _) = gathered(pollers).await?;
    note("a bare server, the same answer, 1,000 pollers: p99 of polls", latencies, "ms");
    drop(bare);
    let pid = server.pid.context("the server has no process here")?;
    let end = Instant::now() + POLLED;
    let pollers = poll_until(end, &server.address, true).await?;
    let before = cpu_time_of_threads(pid, "")?;
    let mut turns = interval(Duration::from_secs(1) / COMMITS_PER_SECOND);
    let (mut commits, began) = (0_u32, Instant::now());
    let mut admin = Connection::open(&server.address).await?;
    while Instant::now() < end {
        turns.tick().await;
        let (project, place) = (commits as usize % 40, commits as usize / 40 % 90);
        let path = switch_path(project, place, commits / 3_600 % 2 == 1);
        admin.exchange(&server.address.request(("POST", &path), ADMIN, &[], ""), |_| ()).await?;
        commits += 1;
    }
    let elapsed = began.elapsed().as_secs_f64();
    let cpu = computed(pid, before)? / 1e3;
    let (p99, whole) = gathered(pollers).await?;
    note("5,000 features: commits a second, by one after the other", f64::from(commits) / elapsed, "");
    note("5,000 features: polls that were answered in full", 100.0 * whole, "%");
    note("5,000 features: the server's core", 100.0 * cpu / elapsed, "%");
    table.row("5,000 features, 1,000 pollers, 100 commits/s: p99 of polls", p99, "ms", POLL_MS_MAX);
    Ok(())
}

/// How long each poll of one took in milliseconds, and how many of them were answered in full.
type Polled = tokio::task::JoinHandle<anyhow::Result<(Vec<f64>, u32)>>;

/// As many as there are, each with a connection of its own.
async fn poll_until(end: Instant, address: &Address, remembers: bool) -> anyhow::Result<Vec<Polled>> {
    let mut pollers = Vec::new();
    for number in 0..POLLERS {
        let address = address.clone();
        let mut connection = Connection::open(&address).await?;
        pollers.push(tokio::task::spawn_local(async move {
            let (mut etag, mut latencies, mut whole) = (String::new(), Vec::new(), 0);
            sleep(Duration::from_millis(u64::from(number))).await;
            let mut turns = interval(Duration::from_secs(1));
            while Instant::now() < end {
                turns.tick().await;
                let request = poll(&address, BACKEND, "gzip", &etag);
                let began = Instant::now();
                let status = connection.exchange(&request, |_| ()).await?;
                latencies.push(began.elapsed().as_secs_f64() * 1e3);
                whole += u32::from(status == 200);
                if remembers {
                    connection.header("etag").unwrap_or_default().clone_into(&mut etag);
                }
            }
            Ok((latencies, whole))
        }));
    }
    Ok(pollers)
}

/// The 99th percentile of all polls in milliseconds, and the share of those that were answered in full.
async fn gathered(pollers: Vec<Polled>) -> anyhow::Result<(f64, f64)> {
    let (mut latencies, mut whole) = (Vec::new(), 0);
    for poller in pollers {
        let (of_one, whole_of_one) = poller.await??;
        latencies.extend(of_one);
        whole += whole_of_one;
    }
    latencies.sort_by(f64::total_cmp);
    let share = f64::from(whole) / bounded(latencies.len());
    Ok((percentile(&latencies, 99).context("nobody has polled")?, share))
}

/// What a server holds that has answered in three environments; their tokens.
async fn memory(server: &Server, table: &mut Table) -> anyhow::Result<Vec<String>> {
    let pid = server.pid.context("the server has no process here")?;
    let resident = || Ok::<_, anyhow::Error>(mib(resident_bytes(pid)?));
    note("50,000 features, `serve`, started: RSS", resident()?, "MiB");
    // A log that is new to a server gets its first checkpoints, as one that has been in use has them.
    sleep(SETTLED).await;
    note("… with checkpoints written", resident()?, "MiB");
    let mut connection = Connection::open(&server.address).await?;
    for _ in 0..2 {
        connection.exchange(&poll(&server.address, BACKEND, "gzip", ""), |_| ()).await?;
    }
    sleep(Duration::from_secs(2)).await;
    note("… polled in one environment", resident()?, "MiB");
    let mut tokens = vec![BACKEND.to_owned()];
    for environment in ["production", "environment-2"] {
        let body =
            json!({ "tokenName": environment, "type": "backend", "environment": environment, "projects": ["*"] });
        let request = server.address.request(("POST", "/api/admin/api-tokens"), ADMIN, &[], &body.to_string());
        let (status, answer) = connection.exchange_whole(&request).await?;
        ensure!(status == 201, "a token is refused: {}", String::from_utf8_lossy(&answer));
        let token = serde_json::from_slice::<Value>(&answer)?["secret"].as_str().unwrap_or_default().to_owned();
        for _ in 0..2 {
            connection.exchange(&poll(&server.address, &token, "gzip", ""), |_| ()).await?;
        }
        tokens.push(token);
    }
    sleep(Duration::from_secs(2)).await;
    table.row("… in three", resident()?, "MiB", SERVE_MIB_MAX);
    Ok(tokens)
}

/// What an edge holds, what an event costs it, and how long it takes to start from its disk.
async fn edge(options: &Options, upstream: &Server, tokens: &[String], table: &mut Table) -> anyhow::Result<()> {
    let (folder, given) = (tempfile::tempdir()?, tokens.join(","));
    let start =
        || Server::edge(&options.run.flagstone, options.run.server_core, &upstream.address, &given, folder.path());
    let edge = start().await?;
    let pid = edge.pid.context("the edge has no process here")?;
    let mut connection = Connection::open(&edge.address).await?;
    for token in tokens {
        connection.exchange(&poll(&edge.address, token, "gzip", ""), |_| ()).await?;
    }
    sleep(Duration::from_secs(3)).await;
    table.row("an edge of it, all polled with gzip: RSS", mib(resident_bytes(pid)?), "MiB", EDGE_MIB_MAX);
    let mut admin = Connection::open(&upstream.address).await?;
    let before = cpu_time_of_threads(pid, "")?;
    for round in 0..CHANGES {
        let path = switch_path(2, round % 7, round / 7 % 2 == 1);
        admin.exchange(&upstream.address.request(("POST", &path), ADMIN, &[], ""), |_| ()).await?;
        sleep(Duration::from_millis(20)).await;
    }
    let each = computed(pid, before)? / bounded(CHANGES);
    table.row("… CPU of an event, with what is written of it", each, "ms", EVENT_MS_MAX);
    sleep(Duration::from_secs(2)).await;
    drop(edge);
    let again = start().await?;
    table.row("… started from its disk until it is ready", again.started_in.as_secs_f64(), "s", EDGE_START_S_MAX);
    Ok(())
}

/// When each listener heard of what, by the number of the last commit that it was told of.
type Arrivals = Rc<RefCell<Vec<Vec<(u64, Instant)>>>>;

/// As many scopes as streams: each of two projects.
async fn streams(server: &Server, count: usize, table: &mut Table) -> anyhow::Result<()> {
    let pid = server.pid.context("the server has no process here")?;
    let mut admin = Connection::open(&server.address).await?;
    let pairs = (0..).flat_map(|one| (0..one).map(move |other| (one, other))).take(count);
    let pairs: Vec<(usize, usize)> = pairs.collect();
    let mut tokens = Vec::new();
    for (one, other) in &pairs {
        let projects = [one, other].map(|project| format!("project-{project}"));
        let name = format!("scope-{one}-{other}");
        let body = json!({ "tokenName": name, "type": "backend", "environment": "development", "projects": projects });
        let request = server.address.request(("POST", "/api/admin/api-tokens"), ADMIN, &[], &body.to_string());
        let (status, answer) = admin.exchange_whole(&request).await?;
        ensure!(status == 201, "a token is refused: {}", String::from_utf8_lossy(&answer));
        tokens.push(serde_json::from_slice::<Value>(&answer)?["secret"].as_str().unwrap_or_default().to_owned());
    }
    // What all of them share is there before.
    let mut poller = Connection::open(&server.address).await?;
    poller.exchange(&poll(&server.address, BACKEND, "identity", ""), |_| ()).await?;
    sleep(SETTLED).await;
    let mut admin = Connection::open(&server.address).await?;
    let told_nobody = cpu_time_of_threads(pid, "")?;
    for round in 0..CHANGES {
        describe(&mut admin, &server.address, round, "Before").await?;
        sleep(Duration::from_millis(20)).await;
    }
    note(
        "50,000 features: CPU of a commit that nobody is told of",
        computed(pid, told_nobody)? / bounded(CHANGES),
        "ms",
    );
    let before = resident_bytes(pid)?;
    let began = cpu_time_of_threads(pid, "")?;
    let arrivals = Rc::new(RefCell::new(vec![Vec::new(); count]));
    let (begun, mut turns) = (Rc::new(RefCell::new(0_usize)), interval(Duration::from_millis(1)));
    for (number, token) in tokens.iter().enumerate() {
        turns.tick().await;
        let headers = [("accept", "text/event-stream"), ("unleash-client-spec", "5.2.0")];
        let request = server.address.request(("GET", "/api/client/streaming"), token, &headers, "");
        let (to, arrivals, begun) = (server.address.socket, Rc::clone(&arrivals), Rc::clone(&begun));
        tokio::task::spawn_local(async move {
            if let Err(error) = listen(number, to, &request, &begun, &arrivals).await {
                eprintln!("stream {number}: {error:#}");
            }
        });
    }
    let all = async {
        while *begun.borrow() < count {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(WAIT_MAX + Duration::from_millis(u64::try_from(count)?), all).await.context("not all streams begin")?;
    note("… CPU of a stream that begins", computed(pid, began)? / bounded(count), "ms");
    // What only the beginning took is given back.
    sleep(SETTLED).await;
    let each = resident_bytes(pid)?.saturating_sub(before);
    table.row(
        &format!("{count} streams in as many scopes: RSS each"),
        mib(each) * 1_024.0 / bounded(count),
        "KiB",
        EACH_KIB_MAX,
    );
    // The other has been idle for too long.
    let mut admin = Connection::open(&server.address).await?;
    let (mut sent, mut turns) = (Vec::new(), interval(Duration::from_millis(50)));
    let cpu = cpu_time_of_threads(pid, "")?;
    for round in 0..STREAM_COMMITS {
        turns.tick().await;
        let began = Instant::now();
        let project = describe(&mut admin, &server.address, round, "After").await?;
        sent.push((revision_of(&admin)?, began, project));
    }
    sleep(Duration::from_secs(2)).await;
    let cpu = computed(pid, cpu)? / bounded(STREAM_COMMITS);
    let arrivals = arrivals.borrow();
    let (mut last, mut heard) = (Vec::new(), 0);
    for (revision, began, project) in &sent {
        let mut came = Vec::new();
        let concerned = pairs.iter().zip(arrivals.iter()).filter(|((one, other), _)| [one, other].contains(&project));
        for ((one, other), heard) in concerned {
            // One event may tell of several commits.
            let at = heard.iter().find(|(number, _)| number >= revision).map(|(_, at)| *at);
            let last = heard.last().map(|(number, _)| *number);
            came.push(at.with_context(|| {
                format!("who listens to {one} and {other} has not heard of {revision} in {project}, but {last:?}")
            })?);
        }
        heard += came.len();
        let end = came.into_iter().max().context("nobody listens")?;
        last.push((end - *began).as_secs_f64() * 1e3);
    }
    last.sort_by(f64::total_cmp);
    let p99 = percentile(&last, 99).context("nobody has heard of anything")?;
    note("… listeners that a commit concerns", bounded(heard) / bounded(last.len()), "");
    note("… CPU of a commit with all that it tells", cpu, "ms");
    table.row("… 20 commits/s: p99 of the last arrival", p99, "ms", STREAM_MS_MAX);
    Ok(())
}

/// Changes a feature of one project after the other, in something that SDKs see in any case: a flag may be switched
/// already. Which project.
async fn describe(admin: &mut Connection, address: &Address, round: usize, text: &str) -> anyhow::Result<usize> {
    let project = round % 100;
    let path = format!("/api/admin/projects/project-{project}/features/{}", feature_of(project, 5));
    let body = json!([{ "op": "replace", "path": "/description", "value": format!("{text}, {round}") }]).to_string();
    let status = admin.exchange(&address.request(("PATCH", &path), ADMIN, &[], &body), |_| ()).await?;
    ensure!(status == 200, "a change is refused");
    Ok(project)
}

/// The last commit, as the last answer names it.
fn revision_of(connection: &Connection) -> anyhow::Result<u64> {
    connection.header("x-flagstone-revision").and_then(|text| text.parse().ok()).context("an answer without a revision")
}

fn bounded(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

async fn listen(
    place: usize,
    to: SocketAddr,
    request: &[u8],
    begun: &RefCell<usize>,
    arrivals: &Arrivals,
) -> anyhow::Result<()> {
    let mut stream = connect(place, to).await?;
    stream.write_all(request).await?;
    let (mut text, mut buffer, mut first) = (Vec::new(), vec![0; 16 << 10], true);
    loop {
        let read = stream.read(&mut buffer).await?;
        ensure!(read > 0, "the stream has ended");
        text.extend_from_slice(&buffer[..read]);
        while let Some(end) = text.windows(2).position(|pair| pair == b"\n\n") {
            let event: Vec<u8> = text.drain(..end + 2).collect();
            let lines = || event.split(|byte| *byte == b'\n');
            let id = lines().find_map(|line| std::str::from_utf8(line.strip_prefix(b"id: ")?).ok());
            let number = id.and_then(|id| id.split('-').next()?.parse::<u64>().ok());
            let is_event = lines().any(|line| line.starts_with(b"event: "));
            let Some(number) = number.filter(|_| is_event) else { continue };
            if std::mem::take(&mut first) {
                *begun.borrow_mut() += 1;
            } else {
                arrivals.borrow_mut()[place].push((number, Instant::now()));
            }
        }
        // Everything that a stream begins with is large, and nothing after it.
        if text.capacity() > 64 << 10 && text.is_empty() {
            text = Vec::new();
        }
    }
}

async fn connect(number: usize, to: SocketAddr) -> anyhow::Result<TcpStream> {
    let host = u8::try_from(2 + number / STREAMS_PER_ADDRESS)?;
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, host)), 0))?;
    Ok(socket.connect(to).await?)
}
