//! `kill -9`: at random moments under load, and at every system call that changes a file.

use std::time::{Duration, Instant};

use crate::ALONE;
use crate::node::{Node, Setup};
use crate::random::{Random, number};
use crate::trace::{database_files, strace};
use crate::workload::{Log, Writers, actual, compare, compare_events, next_write};

const WRITERS: usize = 32;
/// How many kills one database lives through; verifying takes longer as the log grows.
const ROUNDS_PER_DATABASE: u64 = 25;
/// Acknowledged writes in each second of writing, below which a run proves nothing.
const FLOOR_PER_SECOND: f64 = 50.0;

#[derive(Default)]
struct Tally {
    acknowledged: usize,
    unknown: usize,
    extra: usize,
    writing: Duration,
    ready: Vec<Duration>,
}

/// One round: start, check what the round before left, write, kill.
async fn kill_under_load(rounds: u64, new_setup: impl Fn(u64) -> Setup, test: &str) {
    let mut random = Random::from_environment(test);
    let mut tally = Tally::default();
    let mut done = 0;
    while done < rounds {
        let setup = new_setup(done / ROUNDS_PER_DATABASE);
        let mut all: Vec<Log> = Vec::new();
        let mut node = setup.start_ready().await;
        for round in done..rounds.min(done + ROUNDS_PER_DATABASE) {
            let prefix = format!("round{round}");
            let writers = Writers::start(&[node.port], WRITERS, &prefix, &mut random);
            let moment = Duration::from_micros(random.below(300_000));
            tokio::time::sleep(moment).await;
            node.kill();
            let logs = writers.logs().await;
            node = setup.start();
            tally.ready.push(node.ready().await);
            check(&setup, &node, &format!("{prefix}-"), &logs).await.unwrap_or_else(|fault| {
                panic!("{test}, round {round}, killed after {moment:?}:\n{fault}\n{}", node.log())
            });
            tally.writing += moment;
            tally.acknowledged += logs.iter().map(|log| log.acknowledged.len()).sum::<usize>();
            tally.unknown += logs.iter().map(|log| log.unknown.len()).sum::<usize>();
            all.extend(logs);
        }
        // All rounds once more: a later kill must not harm what was written before an earlier one.
        let whole = actual(&node, "round").await;
        compare(&all, &whole).unwrap_or_else(|fault| panic!("{test}, at the end:\n{fault}"));
        tally.extra += whole.flags.len() + whole.tokens.len();
        done = rounds.min(done + ROUNDS_PER_DATABASE);
    }
    let per_second = tally.acknowledged as f64 / tally.writing.as_secs_f64();
    tally.ready.sort();
    println!(
        "{test}: {rounds} kills, {} acknowledged writes ({per_second:.0}/s), 0 lost, {} without an answer, \
         ready again after {:?} (median), {:?} (longest)",
        tally.acknowledged,
        tally.unknown,
        tally.ready[tally.ready.len() / 2],
        tally.ready.last().unwrap()
    );
    assert!(per_second >= FLOOR_PER_SECOND, "too little traffic for a result: {per_second:.0} writes a second");
}

async fn check(setup: &Setup, node: &Node, prefix: &str, logs: &[Log]) -> Result<(), String> {
    if let Some((status, write)) = logs.iter().flat_map(|log| &log.refused).next() {
        return Err(format!("refused with {status}: {write:?}"));
    }
    let found = actual(node, prefix).await;
    compare(logs, &found)?;
    compare_events(node, prefix, &found).await?;
    setup.verify().map(|_| ())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f1_kill_9_loses_nothing_on_sqlite() {
    let _alone = ALONE.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let new_setup = |at: u64| Setup::sqlite(&folder.path().join(at.to_string()));
    kill_under_load(number("FLAGSTONE_F1_ROUNDS", 50), new_setup, "F1 on SQLite").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f1_kill_9_loses_nothing_on_postgresql() {
    let _alone = ALONE.lock().await;
    let new_setup = |_| crate::postgres::setup();
    kill_under_load(number("FLAGSTONE_F1_PG_ROUNDS", 10), new_setup, "F1 on PostgreSQL").await;
}

/// How a session with a killer behind it ended.
struct Session {
    log: Log,
    killed: bool,
}

const SESSION_WRITES: usize = 30;

/// First start, writes one after the other, SIGTERM.
async fn session(setup: &Setup) -> Session {
    let mut random = Random::clone(&SESSION);
    let mut log = Log::default();
    let mut node = setup.start();
    if !node.ready_or_ended().await {
        return Session { log, killed: true };
    }
    let mut admin = node.admin();
    let mut flag = None::<String>;
    for number in 0..SESSION_WRITES {
        let write = next_write("session", number, flag.as_deref(), &mut random);
        match write.send(&mut admin).await {
            Ok(answer) => {
                answer.expect();
                if let crate::workload::Write::Create { flag: name } = &write {
                    flag = Some(name.clone());
                }
                log.acknowledged.push((std::time::SystemTime::now(), write));
            }
            Err(_) => {
                log.unknown.push(write);
                return Session { log, killed: true };
            }
        }
    }
    if !node.ended() {
        node.signal("TERM");
    }
    let (status, _) = node.end().await;
    Session { log, killed: !status.success() }
}

/// The same session each time, so that the n-th call is the same call.
static SESSION: std::sync::LazyLock<Random> = std::sync::LazyLock::new(|| Random::from_environment("F1b's session"));

/// Kills at the n-th call of `syscall` on the database's files; false when there is no n-th.
async fn kill_at(syscall: &str, n: usize) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::sqlite(folder.path());
    let inject = format!("inject={syscall}:signal=SIGKILL:when={n}");
    let trace = format!("trace={syscall}");
    setup.wrapper = strace(&["-o", "/dev/null", "-e", &trace, "-e", &inject]);
    setup.wrapper.extend(database_files(folder.path()));
    let Session { log, killed } = session(&setup).await;
    setup.wrapper.clear();
    let node = setup.start_ready().await;
    check(&setup, &node, "session-", &[log])
        .await
        .unwrap_or_else(|fault| panic!("killed at {syscall} number {n}:\n{fault}\n{}", node.log()));
    killed
}

/// Calls of each kind that a session makes at least on one thread; found by running it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f1b_a_kill_at_any_system_call_loses_nothing() {
    let _alone = ALONE.lock().await;
    let mut random = Random::from_environment("F1b");
    let everything = std::env::var("FLAGSTONE_F1B").is_ok_and(|value| value == "all");
    let mut points = 0;
    for syscall in ["pwrite64", "fsync", "ftruncate", "unlink"] {
        let calls = count_calls(syscall).await;
        let sample = if everything { calls } else { calls.min(30) };
        assert!(calls >= 1, "the session never calls {syscall}");
        let mut killed = 0;
        for at in 0..sample {
            // One from each of `sample` equal stretches.
            let (from, to) = (at * calls / sample, (at + 1) * calls / sample);
            let n = 1 + from + random.below((to - from) as u64) as usize;
            killed += usize::from(kill_at(syscall, n).await);
            points += 1;
        }
        println!("F1b: {syscall}: {calls} calls, {sample} tried, {killed} of them killed");
        // Threads count for themselves and readers come and go, so a later number may not be reached.
        assert!(killed * 2 >= sample, "{syscall}: only {killed} of {sample} sessions were killed");
        assert!(!kill_at(syscall, calls * 2 + 10).await, "a session without a fault must end by itself");
    }
    println!("F1b: {points} kills at system calls, 0 acknowledged writes lost");
}

/// How often the busiest thread of a session makes a call.
async fn count_calls(syscall: &str) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("calls");
    let mut setup = Setup::sqlite(&folder.path().join("data"));
    std::fs::create_dir(folder.path().join("data")).unwrap();
    setup.wrapper = strace(&["-o", record.to_str().unwrap(), "-s", "0", "-e", &format!("trace={syscall}")]);
    setup.wrapper.extend(database_files(&folder.path().join("data")));
    let began = Instant::now();
    assert!(!session(&setup).await.killed);
    // strace is not our child; its file is complete when the last thread's end is in it.
    let mut calls = std::collections::BTreeMap::<String, usize>::new();
    while calls.is_empty() {
        assert!(began.elapsed() < crate::node::PATIENCE, "strace wrote nothing");
        for line in std::fs::read_to_string(&record).unwrap_or_default().lines().filter(|l| l.contains(syscall)) {
            *calls.entry(line.split(' ').next().unwrap().to_owned()).or_default() += 1;
        }
    }
    calls.into_values().max().unwrap_or_default()
}
