//! Measures Flagstone beside the bare HTTP stack; `bench/README.md` says how to run it and what the figures mean.

mod delivery;
mod estate;
mod million;
mod scale;
mod stream;

mod attack;
mod bare;
mod events;
mod http;
mod load;
mod machine;
mod seed;
mod server;

use anyhow::Context;
use clap::{Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};

// The same as in `flagstone`: this program is the bare stack as well.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures Flagstone beside the bare HTTP stack
#[derive(Parser)]
#[command(name = "flagstone-bench", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure what SDKs poll and report: CPU per request, requests a second, p99, memory
    Delivery(delivery::Options),
    /// Measure how long until all who listen have heard of a change, and what they take of memory
    Stream(stream::Options),
    /// Measure what memory one token takes that asks ever new queries, and what a 304 costs then
    Attack(attack::Options),
    /// Measure lists, switches and the start of a server with 50,000 features, beside one with 1,000
    Estate(estate::Options),
    /// Measure what a change costs with 5,000 and 50,000 features, and streams of 10,000 scopes
    Scale(scale::Options),
    /// Tell what a million SDKs take by the figures of the others, and simulate a run of it
    Million(million::Options),
    /// Fill a server with the flags that are measured with, over its admin API
    Seed(seed::Options),
    /// Serve what a Flagstone answers, with nothing between the bytes and the HTTP stack
    Bare(bare::Options),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Delivery(options) => delivery::run(&options),
        Command::Stream(options) => stream::run(&options),
        Command::Attack(options) => attack::run(&options),
        Command::Estate(options) => estate::run(&options),
        Command::Scale(options) => scale::run(&options),
        Command::Million(options) => million::run(&options),
        Command::Seed(options) => single_thread()?.block_on(seed::run(&options)),
        // As `flagstone` makes its own: as many workers as the process may use cores.
        Command::Bare(options) => {
            let runtime = Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
            runtime.block_on(bare::run(&options))
        }
    }
}

/// What clients run on: one thread for one core.
fn single_thread() -> anyhow::Result<Runtime> {
    Builder::new_current_thread().enable_all().build().context("cannot start a runtime")
}
