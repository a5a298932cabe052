//! One token that asks for ever new things: what that takes of memory, and what a 304 costs then.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;

use crate::delivery::start_seeded;
use crate::http::Connection;
use crate::load::{Count, Load};
use crate::machine::{conditions, mib, pin_client, resident_bytes};
use crate::server::Server;
use crate::single_thread;

#[derive(Args)]
pub struct Options {
    /// The Flagstone to attack
    #[arg(long, default_value = "target/release/flagstone")]
    flagstone: PathBuf,
    /// How many flags to make
    #[arg(long, default_value_t = 1_000)]
    flags: usize,
    /// How many different queries to ask
    #[arg(long, default_value_t = 100_000)]
    queries: usize,
    /// The core that the server has
    #[arg(long, default_value_t = 0)]
    server_core: usize,
    /// The core of the attacker
    #[arg(long, default_value_t = 1)]
    client_core: usize,
}

/// The most that memory may grow, in MiB.
const GROWTH_MAX: f64 = 100.0;
/// The most that a 304 to a query may cost, times that to a token that asks for all.
const TIMES_MAX: f64 = 1.5;

/// Measures and prints.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let conditions = conditions(&options.flagstone);
    pin_client(options.client_core, options.server_core)?;
    single_thread()?.block_on(attack(options, &conditions))
}

/// A query that nobody has asked before: projects that do not exist, prefixes that some names have or none.
fn path(number: usize) -> String {
    let query = match number % 4 {
        0 => format!("project=default&project=junk{number}"),
        1 => format!("project=junk{number}&namePrefix=bench-flag-{}", number % 1_000),
        2 => format!("namePrefix=bench-flag-{}&project=default&project=no{number}", number % 10),
        _ => format!("namePrefix=none-{number}"),
    };
    let api = if number % 3 == 2 { "delta" } else { "features" };
    format!("/api/client/{api}?{query}")
}

async fn attack(options: &Options, conditions: &str) -> anyhow::Result<()> {
    let server = start_seeded(&options.flagstone, options.server_core, options.flags).await?;
    let pid = server.pid.context("the server has no process here")?;
    let mut connection = Connection::open(&server.address).await?;
    let own = known(&mut connection, &server, "/api/client/features").await?;
    let query = known(&mut connection, &server, "/api/client/features?project=default&project=junk").await?;
    let load = Load { connections: 32, warm_up: Duration::from_secs(1), measured: Duration::from_secs(3) };
    let first = load.run(&server.address, &[own], 304, Some(pid)).await?;
    let before = resident_bytes(pid)?;
    for number in 0..options.queries {
        let coding = ["gzip", "br", "zstd", "identity"][if number % 50 < 4 { number % 50 } else { 3 }];
        let headers = [("unleash-client-spec", "5.2.0"), ("accept-encoding", coding)];
        let request = server.address.request(("GET", &path(number)), &server.backend_token, &headers, "");
        let status = connection.exchange(&request, |_| ()).await?;
        ensure!(status == 200, "{} is answered {status}", path(number));
    }
    let after = resident_bytes(pid)?;
    let then = load.run(&server.address, &[query], 304, Some(pid)).await?;
    let us = |count: &Count| count.cpu_us().context("no CPU time");
    let (growth, times) = (mib(after) - mib(before), us(&then)? / us(&first)?);
    println!("## {} different queries of one token, {} flags\n\n{conditions}", options.queries, options.flags);
    println!(
        "- RSS {:.1} MiB before, {:.1} MiB after: {growth:.1} MiB more (goal ≤ {GROWTH_MAX})",
        mib(before),
        mib(after)
    );
    println!(
        "- a 304: {:.1} µs for all before, {:.1} µs for a query after: {times:.2} times (goal ≤ {TIMES_MAX})",
        us(&first)?,
        us(&then)?
    );
    ensure!(growth <= GROWTH_MAX && times <= TIMES_MAX, "a goal is not met");
    Ok(())
}

/// A request for what its sender has already.
async fn known(connection: &mut Connection, server: &Server, path: &str) -> anyhow::Result<Vec<u8>> {
    let request = |etag: &str| {
        let headers = [("unleash-client-spec", "5.2.0"), ("if-none-match", etag)];
        server.address.request(("GET", path), &server.backend_token, &headers, "")
    };
    connection.exchange(&request("\"none\""), |_| ()).await?;
    Ok(request(connection.header("etag").context("an answer without an ETag")?))
}
