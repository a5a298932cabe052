//! A large installation beside a small one: what lists, switches and the start cost, by the CPU of the server's process.

pub mod making;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use serde_json::Value;
use tokio::task::LocalSet;

use crate::http::{Address, Connection};
use crate::machine::{conditions, cpu_time, cpu_time_of_threads, mib, pin_client, resident_bytes};
use crate::server::{ADMIN, Server};
use crate::single_thread;
use making::{Estate, LARGE, MIDDLE, SMALL, Size, feature_of, limits, make};

#[derive(Args)]
pub struct Options {
    /// The Flagstone to measure
    #[arg(long, default_value = "target/release/flagstone")]
    pub flagstone: PathBuf,
    /// The core that the server has, but for the starts, which have all
    #[arg(long, default_value_t = 0)]
    pub server_core: usize,
    /// The core of its client
    #[arg(long, default_value_t = 1)]
    pub client_core: usize,
    /// Fail when a goal is not met
    #[arg(long)]
    pub strict: bool,
}

/// The most CPU that a list may take, in milliseconds: a page of it, or a thousand rows.
const LIST_MS_MAX: f64 = 10.0;
/// The most CPU that a switch may take apart from the store, in microseconds, and times that of the small installation.
const SWITCH_US_MAX: f64 = 200.0;
const SWITCH_TIMES_MAX: f64 = 2.0;

/// What a list is asked until: so much CPU, or so often.
const LIST_CPU: Duration = Duration::from_millis(200);
const LIST_REQUESTS: u32 = 200;
/// How often is switched, in all, and how many do at the same time.
const SWITCHES: u32 = 3_200;
const SWITCHERS: u32 = 32;
const STARTS: usize = 5;
/// Every list of the admin API, and what the web UI asks most, with the field of the answer that holds the rows; nothing where that is the answer.
/// `{strategy}` and `{feature}` are of `project-1`, which has a hundred features in three environments; `project-0`
/// has all environments.
const LISTS: &[(&str, &str)] = &[
    ("/projects", "projects"),
    ("/projects?archived=true", "projects"),
    ("/projects/project-1", "environments"),
    ("/projects/project-1/overview", "environments"),
    ("/projects/project-1/features", "features"),
    ("/projects/project-0/features", "features"),
    ("/projects/project-1/features/{feature}", "environments"),
    ("/projects/project-0/features/{wide}", "environments"),
    ("/projects/project-1/features/{feature}/overview", "segments"),
    ("/projects/project-1/features/{feature}/parents", ""),
    ("/projects/project-1/features/{feature}/parent-variants", ""),
    ("/projects/project-1/features/{feature}/environments/development/strategies", ""),
    ("/projects/project-1/features/{feature}/environments/development/variants", "variants"),
    ("/projects/project-1/api-tokens", "tokens"),
    ("/projects/project-1/dependencies", ""),
    ("/environments", "environments"),
    ("/environments/project/project-1", "environments"),
    ("/environments/project/project-0", "environments"),
    ("/segments", "segments"),
    ("/segments/1/strategies", "strategies"),
    ("/segments/strategies/{strategy}", "segments"),
    ("/context", ""),
    ("/context/userId/strategies", "strategies"),
    ("/api-tokens", "tokens"),
    ("/api-tokens/token-1", "tokens"),
    ("/strategies", "strategies"),
    ("/strategies/flexibleRollout/features", "strategies"),
    ("/feature-types", "types"),
    ("/user-admin", "users"),
    ("/user-admin/search?q=user", ""),
    ("/user-admin/admin-count", ""),
    ("/roles", "roles"),
    ("/user", "permissions"),
    ("/user/profile", "projects"),
    ("/user/roles", "roles"),
    ("/user/tokens", "pats"),
    ("/event-creators", ""),
    ("/search/events", "events"),
    ("/search/events?limit=1000", "events"),
    ("/search/events?limit=100&offset=10000", "events"),
    ("/search/events?project=IS:project-1", "events"),
    ("/search/events?feature=IS:{feature}", "events"),
    ("/search/events?environment=IS:production", "events"),
    ("/search/events?type=IS:feature-created", "events"),
    ("/search/events?createdBy=IS:1", "events"),
    ("/search/events?query=bench-flag-17", "events"),
    ("/search/features", "features"),
    ("/search/features?limit=100", "features"),
    ("/search/features?limit=100&offset=4000", "features"),
    ("/search/features?limit=100&offset=4000&sortBy=lastSeenAt&sortOrder=desc&favoritesFirst=true", "features"),
    ("/search/features?sortBy=name&sortOrder=desc&favoritesFirst=true", "features"),
    ("/search/features?sortBy=lastSeenAt", "features"),
    ("/search/features?sortBy=environment:development&sortOrder=desc", "features"),
    ("/search/features?query=flag-17,nothing", "features"),
    ("/search/features?project=IS:project-1&state=IS:active", "features"),
    ("/search/features?project=IS_NOT:project-1&type=IS_ANY_OF:release,experiment", "features"),
    ("/search/features?segment=EXCLUDE_IF_ANY_OF:segment-1&tag=DO_NOT_INCLUDE:simple:none", "features"),
    ("/search/features?status[]=production:enabled&sortBy=type", "features"),
    ("/search/features?lifecycle=IS_ANY_OF:initial,live&createdAt=IS_ON_OR_AFTER:2020-01-31", "features"),
    ("/client-metrics/features/{feature}", "lastHourUsage"),
    ("/client-metrics/features/{feature}/raw", "data"),
    ("/ui-config", ""),
    ("/home", "projects"),
    (BOOTSTRAP, "projects"),
];
/// This one does not stand below `/api/admin`.
const BOOTSTRAP: &str = "/auth/bootstrap";

/// Measures and prints.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let conditions = conditions(&options.flagstone);
    let starts = single_thread()?.block_on(async { start_all(options).await })?;
    pin_client(options.client_core, options.server_core)?;
    let is_met = single_thread()?.block_on(measure(options, &conditions, &starts))?;
    ensure!(is_met || !options.strict, "a goal is not met");
    Ok(())
}

/// How the starts of an installation went.
struct Start {
    estate: Estate,
    ready_ms: f64,
    cpu_ms: f64,
    rss: u64,
    bytes: u64,
}

async fn start_all(options: &Options) -> anyhow::Result<Vec<Start>> {
    let mut starts = Vec::new();
    for size in [&SMALL, &MIDDLE, &LARGE] {
        let estate = make(size).await?;
        let mut runs = Vec::new();
        for _ in 0..STARTS {
            let server = Server::with_data(&options.flagstone, None, &estate.database(), &raised(size)).await?;
            let pid = server.pid.context("the server has no process here")?;
            let cpu = cpu_time(pid)?;
            runs.push((server.started_in.as_secs_f64() * 1e3, cpu.as_secs_f64() * 1e3, resident_bytes(pid)?));
        }
        runs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (ready_ms, cpu_ms, rss) = runs[STARTS / 2];
        let bytes = std::fs::metadata(estate.database())?.len();
        starts.push(Start { estate, ready_ms, cpu_ms, rss, bytes });
    }
    Ok(starts)
}

async fn measure(options: &Options, conditions: &str, starts: &[Start]) -> anyhow::Result<bool> {
    let mut is_met = true;
    let mut goal = |value: f64, most: f64| {
        is_met &= value <= most;
        if value <= most { "met" } else { "**missed**" }
    };
    println!("## A large installation\n\n{conditions}");
    println!(
        "| start | file | ready, median of {STARTS} | goal | | CPU until ready | RSS |\n| --- | --- | --- | --- | --- | --- | --- |"
    );
    for Start { estate, ready_ms, cpu_ms, rss, bytes } in starts {
        let (count, most) = (estate.size.features, estate.size.start_ms_max);
        println!(
            "| {count} features | {:.0} MiB | {ready_ms:.0} ms | ≤ {most:.0} ms | {} | {cpu_ms:.0} ms | {:.0} MiB |",
            mib(*bytes),
            goal(*ready_ms, most),
            mib(*rss),
        );
    }
    let mut switches = Vec::new();
    let mut lists = Vec::new();
    for start in starts.iter().filter(|start| start.estate.size.features != MIDDLE.features) {
        let estate = &start.estate;
        let core = Some(options.server_core);
        let server = Server::with_data(&options.flagstone, core, &estate.database(), &raised(estate.size)).await?;
        let mut of_size = Vec::new();
        for (path, rows) in LISTS {
            let above = if *path == BOOTSTRAP { "" } else { "/api/admin" };
            let path = format!("{above}{}", fill(path, estate));
            let admin = list(&server, ADMIN, &path, rows).await?;
            let viewer = list(&server, &estate.viewer, &path, rows).await?;
            of_size.push((admin, viewer));
        }
        lists.push(of_size);
        switches.push([switch(&server, 1).await?, switch(&server, SWITCHERS).await?]);
    }
    println!("\n| switch | CPU | SQLite's threads | apart from them | goal | |\n| --- | --- | --- | --- | --- | --- |");
    for (size, [alone, many]) in [&SMALL, &LARGE].into_iter().zip(&switches) {
        let count = size.features;
        println!(
            "| {count} features, one by one | {:.0} µs | {:.0} µs | {:.0} µs | | |",
            alone.0,
            alone.1,
            apart(alone)
        );
        println!(
            "| {count} features, {SWITCHERS} at a time | {:.0} µs | {:.0} µs | {:.0} µs | ≤ {SWITCH_US_MAX:.0} µs | {} |",
            many.0,
            many.1,
            apart(many),
            goal(apart(many), SWITCH_US_MAX)
        );
    }
    let times = apart(&switches[1][1]) / apart(&switches[0][1]);
    println!(
        "| large over small, {SWITCHERS} at a time | | | {times:.2} times | ≤ {SWITCH_TIMES_MAX} | {} |",
        goal(times, SWITCH_TIMES_MAX)
    );
    println!(
        "\nCPU of a list in ms, for an administrator and a viewer, with its rows; goal ≤ {LIST_MS_MAX} a page or a thousand rows.\n"
    );
    println!(
        "| GET /api/admin | small: admin | viewer | large: admin | viewer | |\n| --- | --- | --- | --- | --- | --- |"
    );
    for (at, (path, _)) in LISTS.iter().enumerate() {
        let (small, large) = (&lists[0][at], &lists[1][at]);
        let all = [&small.0, &small.1, &large.0, &large.1];
        let worst = all.iter().filter_map(|list| list.as_ref().map(List::ms_a_page)).fold(0.0, f64::max);
        let cells =
            all.map(|list| list.as_ref().map_or_else(|| "–".to_owned(), |l| format!("{:.2} ({})", l.ms, l.rows)));
        println!("| {} | {} | {} |", path.replace('|', "\\|"), cells.join(" | "), goal(worst, LIST_MS_MAX));
    }
    Ok(is_met)
}

/// What a list costs.
struct List {
    ms: f64,
    rows: u32,
}

impl List {
    fn ms_a_page(&self) -> f64 {
        self.ms / (f64::from(self.rows) / 1e3).max(1.0)
    }
}

/// Asks for a list again and again; nothing where the caller may not see it.
async fn list(server: &Server, token: &str, path: &str, rows: &str) -> anyhow::Result<Option<List>> {
    let pid = server.pid.context("the server has no process here")?;
    let mut connection = Connection::open(&server.address).await?;
    let request = server.address.request(("GET", path), token, &[], "");
    let (status, body) = connection.exchange_whole(&request).await?;
    if status == 403 || status == 404 {
        return Ok(None);
    }
    ensure!(status == 200, "GET {path} is answered {status}: {}", String::from_utf8_lossy(&body));
    let answer: Value = serde_json::from_slice(&body)?;
    let found = if rows.is_empty() { Some(&answer) } else { answer.get(rows) };
    let rows = found.and_then(Value::as_array).map_or(1, Vec::len);
    let began = cpu_time(pid)?;
    let mut requests = 0;
    while requests < LIST_REQUESTS && (requests < 3 || cpu_time(pid)? < began + LIST_CPU) {
        connection.exchange(&request, |_| ()).await?;
        requests += 1;
    }
    let ms = cpu_time(pid)?.saturating_sub(began).as_secs_f64() * 1e3 / f64::from(requests);
    Ok(Some(List { ms, rows: u32::try_from(rows)? }))
}

/// What a switch takes apart from SQLite's threads.
fn apart((all, store): &(f64, f64)) -> f64 {
    all - store
}

/// Switches features of `project-1` off and on, so many at a time: microseconds of CPU each, all and in SQLite's threads.
async fn switch(server: &Server, at_a_time: u32) -> anyhow::Result<(f64, f64)> {
    let pid = server.pid.context("the server has no process here")?;
    let store = || cpu_time_of_threads(pid, "sqlx-sqlite");
    let rounds = SWITCHES / at_a_time;
    let mut began = (Duration::ZERO, Duration::ZERO);
    for count in [rounds / 5, rounds] {
        began = (cpu_time(pid)?, store()?);
        let tasks = LocalSet::new();
        let switchers: Vec<_> =
            (0..at_a_time).map(|n| tasks.spawn_local(keep_switching(server.address.clone(), n, count))).collect();
        tasks.await;
        for switcher in switchers {
            switcher.await??;
        }
    }
    let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(rounds * at_a_time);
    Ok((each(cpu_time(pid)?.saturating_sub(began.0)), each(store()?.saturating_sub(began.1))))
}

/// Switches one feature off and on.
async fn keep_switching(address: Address, number: u32, count: u32) -> anyhow::Result<()> {
    let mut connection = Connection::open(&address).await?;
    let place =
        format!("/api/admin/projects/project-1/features/{}/environments/development", feature_of(1, number as usize));
    // An even number, so that the next round changes something from its first request on.
    for round in 0..count & !1 {
        let path = format!("{place}/{}", if round % 2 == 0 { "off" } else { "on" });
        let request = address.request(("POST", &path), ADMIN, &[], "");
        let status = connection.exchange(&request, |_| ()).await?;
        ensure!(status == 200, "POST {path} is answered {status}");
    }
    Ok(())
}

/// The server's options with which there may be so much.
pub fn raised(size: &Size) -> Vec<String> {
    let limits = limits(size);
    let option = |name: &str, value: usize| [format!("--{name}-limit"), value.to_string()];
    [option("feature-flags", limits.features), option("projects", limits.projects)]
        .into_iter()
        .chain([option("environments", limits.environments), option("api-tokens", limits.api_tokens)])
        .flatten()
        .collect()
}

fn fill(path: &str, estate: &Estate) -> String {
    path.replace("{feature}", &feature_of(1, 3))
        .replace("{wide}", &feature_of(0, 3))
        .replace("{strategy}", &estate.strategy)
}
