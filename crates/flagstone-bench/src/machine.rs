//! What a run was made on, and what the system counts of a process.

use std::fs::read_to_string;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail, ensure};
use chrono::{DateTime, Utc};

/// A tick of `/proc/PID/stat`: Linux counts in hundredths of a second for programs, whatever its own clock (`man 5 proc`).
const TICK: Duration = Duration::from_millis(10);

/// Lets a process, with all its threads, run on one core.
pub fn pin(pid: u32, core: usize) -> anyhow::Result<()> {
    let output = Command::new("taskset").args(["-a", "-c", "-p", &core.to_string(), &pid.to_string()]).output();
    let output =
        output.context("taskset is missing: it is part of util-linux; on Debian: apt-get install util-linux")?;
    ensure!(output.status.success(), "taskset cannot pin process {pid}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Lets this process run on the clients' core, which must not be the servers'.
pub fn pin_client(client: usize, server: usize) -> anyhow::Result<()> {
    let cores = std::thread::available_parallelism()?.get();
    if cores < 2 || client == server {
        bail!("a server and its clients take a core each: this run may use {cores}, and wants {server} and {client}");
    }
    pin(std::process::id(), client)
}

/// Lets this process, and those that it starts, have so many files open: each connection is one on both sides.
pub fn allow_files(count: usize) -> anyhow::Result<()> {
    let limits = read_to_string("/proc/self/limits")?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).context("no limit of open files")?;
    let mut limits = line.split_whitespace().map(|limit| limit.parse().unwrap_or(usize::MAX));
    let (soft, hard) = limits.next().zip(limits.next()).context("an unknown form of /proc/self/limits")?;
    if hard < count {
        bail!(
            "{count} open files are needed and {hard} allowed: raise the hard limit (ulimit -Hn), or let fewer listen"
        );
    }
    if soft >= count {
        return Ok(());
    }
    let limit = format!("--nofile={count}:");
    let status = Command::new("prlimit").args([&limit, "--pid", &std::process::id().to_string()]).status();
    ensure!(
        status.context("prlimit is missing: it is part of util-linux")?.success(),
        "prlimit does not allow {count} files"
    );
    Ok(())
}

/// How long a process has computed, in itself and in the system.
pub fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let stat = read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("process {pid} is gone"))?;
    // The name, in parentheses, may hold spaces; utime and stime are the 12th and 13th after it.
    let (_, fields) = stat.rsplit_once(')').context("an unknown form of /proc/PID/stat")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>).sum::<Result<u32, _>>()?;
    Ok(TICK * ticks)
}

/// How long those threads of a process have computed whose names begin so, in nanoseconds as the scheduler counts them.
pub fn cpu_time_of_threads(pid: u32, name: &str) -> anyhow::Result<Duration> {
    let mut nanos = 0;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let thread = thread?.path();
        // A thread may end meanwhile.
        let Ok(own) = read_to_string(thread.join("comm")) else { continue };
        if own.starts_with(name) {
            let counted = read_to_string(thread.join("schedstat")).unwrap_or_default();
            nanos += counted.split_whitespace().next().and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
        }
    }
    Ok(Duration::from_nanos(nanos))
}

/// The resident memory of a process, in bytes.
pub fn resident_bytes(pid: u32) -> anyhow::Result<u64> {
    let status = read_to_string(format!("/proc/{pid}/status")).with_context(|| format!("process {pid} is gone"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1_024)
}

/// Bytes as MiB.
#[allow(clippy::cast_precision_loss)]
pub fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// The conditions of a run, as lines of Markdown.
pub fn conditions(flagstone: &Path) -> String {
    let time = DateTime::<Utc>::from(SystemTime::now()).format("%Y-%m-%d %H:%M UTC");
    let cpus = read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models = || cpus.lines().filter_map(|line| Some(line.strip_prefix("model name")?.split_once(':')?.1.trim()));
    let kernel = read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
    format!(
        "- {time}, {}, {} cores, Linux {}, load average at the start {load}\n\
         - {} (commit {}); the bare stack: axum {}, hyper {}, tokio {}, mimalloc {}\n",
        models().next().unwrap_or("unknown processor"),
        models().count(),
        kernel.trim(),
        said_by(Command::new(flagstone).arg("--version")),
        said_by(Command::new("git").args(["describe", "--always", "--dirty"])),
        locked("axum"),
        locked("hyper"),
        locked("tokio"),
        locked("mimalloc"),
    )
}

fn said_by(command: &mut Command) -> String {
    let output = command.output().map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    output.ok().filter(|text| !text.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}

/// The version of a crate that this program and Flagstone are built with.
fn locked(name: &str) -> &'static str {
    let packages = include_str!("../../../Cargo.lock").split("[[package]]");
    let field = |package: &'static str, field: &str| {
        package.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(" = \"")?.strip_suffix('"'))
    };
    let mut packages = packages.filter(|package| field(package, "name") == Some(name));
    packages.next().and_then(|package| field(package, "version")).unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells_of_this_process() {
        let pid = std::process::id();
        assert!(cpu_time(pid).is_ok());
        assert!(cpu_time_of_threads(pid, "").unwrap() > Duration::ZERO);
        assert_eq!(cpu_time_of_threads(pid, "no-such-thread").unwrap(), Duration::ZERO);
        assert!(resident_bytes(pid).unwrap() > 1 << 20);
        assert_eq!(locked("axum").split('.').next(), Some("0"));
        assert_eq!(locked("no-such-crate"), "unknown");
    }
}
