//! A million SDKs on paper: what so many take of nodes, of a tree of edges, of the network and of PostgreSQL, by the
//! figures that were measured; and a simulated run of it, in which commits go down the tree to all whom they concern, and
//! a parent edge and an edge are lost on the way.

use anyhow::{Context, ensure};
use clap::Args;

use crate::load::percentile;
use crate::seed::Random;

#[derive(Args)]
pub struct Options {
    /// How many SDKs listen
    #[arg(long, default_value_t = 1_000_000)]
    sdks: u32,
    /// The projects that there are
    #[arg(long, default_value_t = 500)]
    projects: u32,
    /// The projects that an SDK's token is for
    #[arg(long, default_value_t = 2)]
    projects_of_sdk: u32,
    /// Commits a second
    #[arg(long, default_value_t = 20.0)]
    commits: f64,
    /// Nodes of one PostgreSQL
    #[arg(long, default_value_t = 2)]
    nodes: u32,
    /// Edges that follow the nodes, and that others follow
    #[arg(long, default_value_t = 4)]
    parents: u32,
    /// Edges that SDKs listen to, each on one core
    #[arg(long, default_value_t = 100)]
    edges: u32,
    #[command(flatten)]
    measured: Measured,
    /// How many seconds are simulated
    #[arg(long, default_value_t = 600.0)]
    seconds: f64,
    /// What the simulated run's chance begins with
    #[arg(long, default_value_t = 42)]
    seed: u32,
}

/// What was measured on one core: see docs/scale.md.
#[derive(Args)]
struct Measured {
    /// CPU of a commit on a node, in milliseconds
    #[arg(long, default_value_t = 2.6)]
    commit_ms: f64,
    /// CPU of a commit in PostgreSQL, in milliseconds
    #[arg(long, default_value_t = 1.4)]
    database_ms: f64,
    /// CPU of an event on an edge, with what is written of it, in milliseconds
    #[arg(long, default_value_t = 0.45)]
    event_ms: f64,
    /// CPU of an event for each who is told of it, in microseconds
    #[arg(long, default_value_t = 30.0)]
    told_us: f64,
    /// CPU of a report of usage, in microseconds
    #[arg(long, default_value_t = 40.0)]
    report_us: f64,
    /// CPU of a stream that begins, in microseconds
    #[arg(long, default_value_t = 350.0)]
    begin_us: f64,
    /// Memory of an edge before anybody listens, in MiB
    #[arg(long, default_value_t = 240.0)]
    edge_mib: f64,
    /// Memory of a stream, in KiB
    #[arg(long, default_value_t = 16.0)]
    stream_kib: f64,
    /// What tells of a changed feature, in bytes
    #[arg(long, default_value_t = 1_300.0)]
    event_bytes: f64,
    /// What an SDK begins with, in bytes
    #[arg(long, default_value_t = 210_000.0)]
    everything_bytes: f64,
}

/// How often an SDK reports its usage, and an edge what has been reported to it, in seconds.
const REPORT_EVERY: f64 = 60.0;
/// Over how many seconds those come back whose stream has broken.
const BACK_WITHIN: f64 = 5.0;
/// The way between a node and its edges, and between an edge and an SDK, in seconds: at least, and on average beyond it.
const FAR: [f64; 2] = [0.02, 0.02];
const NEAR: [f64; 2] = [0.005, 0.03];
/// How many of the ways lose what is sent the first time, and how many seconds that costs.
const LOST: f64 = 0.001;
const SENT_AGAIN: f64 = 0.2;

/// Prints the model and runs it.
pub fn run(options: &Options) -> anyhow::Result<()> {
    ensure!(options.parents > 1 && options.edges > options.parents, "who is lost must have somebody in their place");
    println!("## {} SDKs\n\n| what | figure |\n| --- | ---: |", options.sdks);
    for (what, figure, unit) in model(options) {
        println!("| {what} | {figure:.1} {unit} |");
    }
    println!("\n## {} simulated seconds of it, seed {}\n", options.seconds, options.seed);
    println!(
        "| until the last edge has told everybody | commits | p50 | p99 | most |\n| --- | ---: | ---: | ---: | ---: |"
    );
    let run = Run::of(options);
    for (phase, mut took) in run.phases {
        took.sort_by(f64::total_cmp);
        let figure = |percent| percentile(&took, percent).map(|seconds| seconds * 1e3).context("no commits");
        println!(
            "| {phase} | {} | {:.0} ms | {:.0} ms | {:.0} ms |",
            took.len(),
            figure(50)?,
            figure(99)?,
            figure(100)?
        );
    }
    let [node, parent, edge] = run.busy.map(|busy| 100.0 * busy / options.seconds);
    println!("\nBusiest: node {node:.0} %, parent {parent:.0} %, edge {edge:.0} % of a core.");
    println!("Told: {}; of those who had to come back: {}.", run.told, run.back);
    Ok(())
}

/// What there is of everything, by what was measured.
fn model(options: &Options) -> Vec<(&'static str, f64, &'static str)> {
    let Options { measured, .. } = options;
    let (sdks, commits, edges) = (f64::from(options.sdks), options.commits, f64::from(options.edges));
    let (nodes, parents) = (f64::from(options.nodes), f64::from(options.parents));
    let listeners = sdks / edges;
    let told = options.told();
    let reports = sdks / REPORT_EVERY;
    let edge_cpu = commits * measured.event(told / edges) + reports / edges * measured.report_us / 1e6;
    let parent_cpu = commits * measured.event(edges / parents);
    let node_cpu = commits * (measured.commit_ms / 1e3 + parents / nodes * measured.told_us / 1e6);
    vec![
        ("SDKs of an edge", listeners, ""),
        ("memory of an edge", measured.edge_mib + listeners * measured.stream_kib / 1_024.0, "MiB"),
        ("SDKs that a commit concerns", told, ""),
        ("events told a second", commits * told, ""),
        ("CPU of an edge", edge_cpu * 1e2, "% of a core"),
        ("CPU of a parent", parent_cpu * 1e2, "% of a core"),
        ("CPU of a node", node_cpu * 1e2, "% of a core"),
        ("CPU of PostgreSQL for commits", commits * measured.database_ms / 10.0, "% of a core"),
        ("reports of usage that reach edges", reports, "/s"),
        ("batches of them that reach nodes", edges / REPORT_EVERY, "/s"),
        ("from a node to its parents", commits * parents / nodes * measured.event_bytes * 8.0 / 1e6, "Mbit/s"),
        ("from an edge to its SDKs", commits * told / edges * measured.event_bytes * 8.0 / 1e6, "Mbit/s"),
        ("all SDKs begin anew: from an edge", listeners * measured.everything_bytes / 1e9, "GB"),
        ("… its CPU", listeners * measured.begin_us / 1e6, "s"),
    ]
}

impl Measured {
    /// CPU of an event on an edge that tells so many of it, in seconds.
    fn event(&self, told: f64) -> f64 {
        self.event_ms / 1e3 + told * self.told_us / 1e6
    }
}

impl Options {
    /// How many SDKs a commit concerns.
    fn told(&self) -> f64 {
        f64::from(self.sdks) * f64::from(self.projects_of_sdk) / f64::from(self.projects)
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn rounded(count: f64) -> u32 {
    count.round() as u32
}

/// A core that does one thing after the other.
#[derive(Clone, Default)]
struct Core {
    free_at: f64,
    busy: f64,
}

impl Core {
    /// When work is done that could begin then.
    fn work(&mut self, from: f64, seconds: f64) -> f64 {
        self.free_at = self.free_at.max(from) + seconds;
        self.busy += seconds;
        self.free_at
    }
}

/// A way on which nothing overtakes what was sent before it.
#[derive(Clone, Default)]
struct Way {
    last: f64,
}

impl Way {
    fn send(&mut self, from: f64, kind: [f64; 2], random: &mut Random) -> f64 {
        self.last = self.last.max(from + delay(kind, random));
        self.last
    }
}

fn delay([least, more]: [f64; 2], random: &mut Random) -> f64 {
    let again = if random.fraction() < LOST { SENT_AGAIN } else { 0.0 };
    least + exponential(random) * more + again
}

fn exponential(random: &mut Random) -> f64 {
    -(1.0 - random.fraction()).max(f64::MIN_POSITIVE).ln()
}

/// An edge that SDKs listen to.
#[derive(Clone, Default)]
struct Leaf {
    core: Core,
    way: Way,
    /// Until when it hears nothing, because it looks for another parent.
    deaf_until: f64,
    /// How many listen, as a share of those that listen to one edge at the beginning.
    listeners: f64,
}

#[derive(Default)]
struct Run {
    /// How long each commit took, in seconds.
    phases: Vec<(&'static str, Vec<f64>)>,
    /// The busiest node, parent and edge, in seconds.
    busy: [f64; 3],
    told: u64,
    back: u32,
}

impl Run {
    fn of(options: &Options) -> Self {
        let measured = &options.measured;
        let mut random = Random(options.seed);
        let (mut node, mut run) = (Core::default(), Self::default());
        let mut parents = vec![(Core::default(), Way::default()); options.parents as usize];
        let mut leaves = vec![Leaf { listeners: 1.0, ..Leaf::default() }; options.edges as usize];
        let [parent_lost, edge_lost] = [1.0, 2.0].map(|third| options.seconds / 3.0 * third);
        run.phases = ["calm", "in the 5 s after a parent is lost", "in the 5 s after an edge is lost"]
            .map(|phase| (phase, Vec::new()))
            .into();
        let reporting = f64::from(options.sdks) / REPORT_EVERY * measured.report_us;
        let mut at = 0.0;
        loop {
            at += exponential(&mut random) / options.commits;
            if at > options.seconds {
                break;
            }
            if at > parent_lost && parents.len() == options.parents as usize {
                parents.pop();
                let orphans = leaves.iter_mut().skip(parents.len()).step_by(options.parents as usize);
                orphans.for_each(|leaf| leaf.deaf_until = at + random.fraction() * BACK_WITHIN);
            }
            if at > edge_lost && run.back == 0 {
                leaves.pop();
                run.back = options.sdks / options.edges;
                for leaf in &mut leaves {
                    leaf.listeners = f64::from(options.edges) / f64::from(options.edges - 1);
                }
            }
            let is_back = !(edge_lost..edge_lost + BACK_WITHIN).contains(&at);
            // What is left of an edge's core beside those who begin, and reports of usage.
            let beginning = if is_back { 0.0 } else { f64::from(run.back) / BACK_WITHIN * measured.begin_us };
            let left = 1.0 - (reporting + beginning) / f64::from(options.edges) / 1e6;
            let acknowledged = node.work(at, measured.commit_ms / 1e3);
            let of_parents: Vec<f64> = parents
                .iter_mut()
                .map(|(core, way)| {
                    let came = way.send(acknowledged, FAR, &mut random);
                    core.work(came, measured.event(f64::from(options.edges / options.parents)))
                })
                .collect();
            // Who comes back is told of all that was while they were away.
            let mut last = if is_back { at } else { edge_lost + BACK_WITHIN + delay(NEAR, &mut random) };
            for (number, leaf) in leaves.iter_mut().enumerate() {
                let parent = number % options.parents as usize;
                let told_by = of_parents.get(parent).unwrap_or(&of_parents[number % of_parents.len()]);
                let came = leaf.way.send(told_by.max(leaf.deaf_until), FAR, &mut random);
                let told = rounded(options.told() / f64::from(options.edges) * leaf.listeners);
                let done = leaf.core.work(came, measured.event(f64::from(told)) / left);
                // The slowest of all ways to SDKs.
                let ways = (0..told).map(|_| delay(NEAR, &mut random));
                last = ways.fold(last, |last, way| last.max(done + way));
                run.told += u64::from(told);
            }
            let phase = match at {
                at if (parent_lost..parent_lost + BACK_WITHIN).contains(&at) => 1,
                at if (edge_lost..edge_lost + BACK_WITHIN).contains(&at) => 2,
                _ => 0,
            };
            run.phases[phase].1.push(last - at);
        }
        let busiest = |cores: &mut dyn Iterator<Item = &Core>| cores.map(|core| core.busy).fold(0.0, f64::max);
        run.busy = [
            node.busy,
            busiest(&mut parents.iter().map(|(core, _)| core)),
            busiest(&mut leaves.iter().map(|leaf| &leaf.core)),
        ];
        run
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        options: Options,
    }

    fn run(arguments: &[&str]) -> Run {
        Run::of(
            &Command::parse_from(
                ["million", "--sdks", "10000", "--edges", "5", "--seconds", "60"].iter().chain(arguments),
            )
            .options,
        )
    }

    #[test]
    fn a_seed_repeats_a_run() {
        let told = |run: Run| (run.told, run.back, run.phases);
        assert_eq!(told(run(&[])), told(run(&[])));
        assert_ne!(told(run(&[])), told(run(&["--seed", "43"])));
    }

    #[test]
    fn what_costs_more_than_there_is_takes_ever_longer() {
        let slowest = |event_ms| {
            let run = run(&["--event-ms", event_ms]);
            run.phases[0].1.iter().copied().fold(0.0, f64::max)
        };
        assert!(slowest("1") < 2.0, "a fiftieth of a core is enough");
        assert!(slowest("100") > 30.0, "twenty commits of 100 ms do not fit into a second");
    }
}
