//! A disk that is full, read-only or failing for a while.

use std::time::{Duration, Instant, SystemTime};

use crate::ALONE;
use crate::http::Client;
use crate::node::{Node, PATIENCE, Setup, create_flag};
use crate::postgres::{LOG_LINES_MAX, log_lines_per_second};
use crate::trace::Injection;
use crate::workload::{Log, Write, actual, compare, compare_events};

/// How a disk fails.
struct Fault {
    syscall: &'static str,
    error: &'static str,
    statuses: &'static [u16],
}

const FAULTS: [Fault; 4] = [
    Fault { syscall: "pwrite64", error: "ENOSPC", statuses: &[507] },
    Fault { syscall: "pwrite64", error: "EROFS", statuses: &[507] },
    Fault { syscall: "pwrite64", error: "EIO", statuses: &[507, 503] },
    Fault { syscall: "fsync", error: "EIO", statuses: &[507, 503] },
];
/// How long each lasts.
const OUTAGE: Duration = Duration::from_secs(2);

/// A writer's next change, its status, and a poll beside it.
struct Prober {
    admin: Client,
    sdk: Client,
    log: Log,
    number: usize,
    polls: usize,
}

impl Prober {
    async fn write(&mut self) -> u16 {
        self.number += 1;
        let name = format!("disk-{}", self.number);
        let write = if self.number.is_multiple_of(2) { Write::Create { flag: name } } else { Write::Token { name } };
        let answer = write.send(&mut self.admin).await.expect("a write is always answered");
        if answer.is_success() {
            self.log.acknowledged.push((SystemTime::now(), write));
        } else {
            assert!(answer.json()["message"].as_str().is_some_and(|text| text.len() > 20), "{}", answer.text);
            if answer.text.contains("look whether it is there") {
                self.log.unknown.push(write);
            }
        }
        let polled = self.sdk.get("/api/client/features").await.expect("delivery never fails");
        assert_eq!(polled.status, 200, "{}", polled.text);
        self.polls += 1;
        answer.status
    }
}

/// Each refusal is a clear one, delivery never stops, and what was acknowledged is there, also after `kill -9`.
async fn survive(fault: &Fault) {
    let test = format!("F2, {} on {}", fault.error, fault.syscall);
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::sqlite(folder.path());
    let mut node = setup.start_ready().await;
    create_flag(&mut node.admin(), "before").await;
    let mut prober = Prober { admin: node.admin(), sdk: node.backend(), log: Log::default(), number: 0, polls: 0 };
    for _ in 0..20 {
        assert_eq!(prober.write().await, 201);
    }
    let files = ["flagstone.db", "flagstone.db-wal", "flagstone.db-journal"].map(|name| folder.path().join(name));
    let injection = Injection::start(node.pid(), fault.syscall, fault.error, &files).await;
    let began = Instant::now();
    let mut refused = 0;
    while began.elapsed() < OUTAGE {
        let status = prober.write().await;
        assert!(fault.statuses.contains(&status), "{test}: answered with {status}:\n{}", node.log());
        refused += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(injection);
    let began = Instant::now();
    while prober.write().await != 201 {
        assert!(began.elapsed() < PATIENCE, "{test}: no write succeeds again:\n{}", node.log());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let recovery = began.elapsed();
    for _ in 0..20 {
        assert_eq!(prober.write().await, 201);
    }
    let Prober { log, polls, .. } = prober;
    println!(
        "{test}: {refused} writes refused, {} of them ambiguous; {polls} polls answered; back after {recovery:?}",
        log.unknown.len()
    );
    assert!(!node.ended(), "{}", node.log());
    assert!(refused >= 10 && polls >= 50, "too little traffic for a result: {refused} and {polls}");
    assert!(recovery <= Duration::from_secs(5), "{test}: {recovery:?} to recover");
    assert!(log_lines_per_second(&node) <= LOG_LINES_MAX, "{test}: the log floods:\n{}", node.log());
    check(&setup, &node, &log).await.unwrap_or_else(|fault| panic!("{test}:\n{fault}\n{}", node.log()));
    node.kill();
    let node = setup.start_ready().await;
    check(&setup, &node, &log).await.unwrap_or_else(|fault| panic!("{test}, restarted:\n{fault}"));
}

async fn check(setup: &Setup, node: &Node, log: &Log) -> Result<(), String> {
    let found = actual(node, "disk-").await;
    // What is ambiguous may be there.
    let mut log = log.clone();
    for write in std::mem::take(&mut log.unknown) {
        let there = match &write {
            Write::Create { flag } => found.flags.contains_key(flag),
            Write::Token { name } => found.tokens.contains(name),
            _ => false,
        };
        if there {
            log.acknowledged.push((SystemTime::now(), write));
        }
    }
    compare(&[log], &found)?;
    compare_events(node, "disk-", &found).await?;
    setup.verify().map(|_| ())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f2_a_full_read_only_or_failing_disk_is_survived() {
    let _alone = ALONE.lock().await;
    for fault in &FAULTS {
        survive(fault).await;
    }
}
