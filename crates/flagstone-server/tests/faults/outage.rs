//! Two nodes whose PostgreSQL is stopped, and then hangs, while SDKs and people use both.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::ALONE;
use crate::http::Client;
use crate::node::{BACKEND, Node, PATIENCE, Setup, create_flag, free_port, until};
use crate::postgres::{
    LOG_LINES_MAX, REFUSED_WITHIN, Server, log_lines_per_second, lost, recovery, refused_for, through,
};
use crate::proxy::{Proxy, Way};
use crate::random::number;
use crate::sse::Stream;
use crate::workload::{Log, Writers, actual, compare_events};

/// SDKs of one node, none of which may notice that the database is away.
struct Sdks {
    stop: Arc<AtomicBool>,
    polls: Vec<tokio::task::JoinHandle<Vec<Duration>>>,
    stream: tokio::task::JoinHandle<u64>,
}

impl Sdks {
    async fn start(node: &Node) -> Self {
        let body = json!({ "type": "frontend", "tokenName": "web", "environment": "development" });
        let frontend = node.admin().post("/api/admin/projects/default/api-tokens", &body).await.unwrap().expect();
        let frontend = frontend.json()["secret"].as_str().unwrap().to_owned();
        let stop = Arc::new(AtomicBool::new(false));
        let polls = [
            ("/api/client/features", BACKEND),
            ("/api/client/delta", BACKEND),
            ("/api/frontend?userId=one", &frontend),
        ];
        let polls = polls.map(|(path, token)| {
            let (mut client, stop) = (Client::new(node.port, token), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut times = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    let answer = client.get(path).await.unwrap_or_else(|error| panic!("{path}: {error}"));
                    assert!(matches!(answer.status, 200 | 304), "{path}: {} {}", answer.status, answer.text);
                    times.push(began.elapsed());
                    // Every other one knows the last answer.
                    let etag = answer.header("etag").filter(|_| times.len() % 2 == 0);
                    client.headers = etag.map(|etag| format!("if-none-match: {etag}")).into_iter().collect();
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                times
            })
        });
        let mut stream = Stream::open(node.port, BACKEND, None).await.unwrap();
        let stopped = Arc::clone(&stop);
        let stream = tokio::spawn(async move {
            let mut last = 0;
            while !stopped.load(Ordering::Relaxed) {
                match stream.next(Duration::from_millis(100)).await {
                    Ok(event) => {
                        assert!(event.id > last, "event {} after {last}", event.id);
                        last = event.id;
                    }
                    Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::TimedOut, "the stream ended: {error}"),
                }
            }
            last
        });
        Self { stop, polls: polls.into(), stream }
    }

    /// How many requests there were, the 99th percentile of their time, and the stream's last id.
    async fn stop(self) -> (usize, Duration, u64) {
        self.stop.store(true, Ordering::Relaxed);
        let mut times = Vec::new();
        for poll in self.polls {
            times.extend(poll.await.unwrap());
        }
        times.sort();
        (times.len(), times[times.len() * 99 / 100], self.stream.await.unwrap())
    }
}

async fn all_at_one_revision(nodes: [&Node; 2]) -> Duration {
    until("both nodes at the same revision", || async {
        let mut revisions = Vec::new();
        for node in nodes {
            let answer = node.admin().get("/health").await.unwrap();
            revisions.push(answer.header("x-flagstone-revision").unwrap().to_owned());
        }
        (revisions[0] == revisions[1]).then_some(())
    })
    .await
    .1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f3_two_nodes_serve_while_postgresql_is_stopped_or_hangs() {
    let _alone = ALONE.lock().await;
    let mut random = crate::random::Random::from_environment("F3 on two nodes");
    let seconds = number("FLAGSTONE_F3_SECONDS", 3);
    let server = Server::start();
    // A server that was stopped starts on another port.
    let proxy = Proxy::start(through(&server.url(), 0).0, Way::Open).await;
    let mut setup = Setup::new(through(&server.url(), proxy.port).1);
    let mut one = setup.start_ready().await;
    setup.port = free_port();
    let mut two = setup.start_ready().await;
    create_flag(&mut one.admin(), "before").await;
    all_at_one_revision([&one, &two]).await;
    let ports = [one.port, two.port];
    let mut logs = Vec::new();
    for fault in ["stopped", "frozen"] {
        let sdks = (Sdks::start(&one).await, Sdks::start(&two).await);
        let writers = Writers::start(&ports, 4, &format!("away-{fault}"), &mut random);
        tokio::time::sleep(Duration::from_millis(500)).await;
        match fault {
            "stopped" => drop(server.run("stop")),
            _ => server.signal("STOP"),
        }
        let mut here = (one.admin(), Log::default(), format!("away-{fault}-one"));
        let mut there = (two.admin(), Log::default(), format!("away-{fault}-two"));
        let (refused_here, refused_there) = tokio::join!(
            refused_for(seconds, &mut here.0, &here.2, &mut here.1),
            refused_for(seconds, &mut there.0, &there.2, &mut there.1)
        );
        match fault {
            "stopped" => {
                server.run("start");
                proxy.lead_to(through(&server.url(), 0).0);
            }
            _ => server.signal("CONT"),
        }
        here.2 += "-back";
        there.2 += "-back";
        let (back_here, back_there) =
            tokio::join!(recovery(&mut here.0, &here.2, &mut here.1), recovery(&mut there.0, &there.2, &mut there.1));
        let equal = all_at_one_revision([&one, &two]).await;
        logs.extend(writers.stop().await);
        logs.extend([here.1, there.1]);
        let ((polls_here, p99_here, id_here), (polls_there, p99_there, id_there)) =
            tokio::join!(sdks.0.stop(), sdks.1.stop());
        let longest = refused_here.1.max(refused_there.1);
        let back = back_here.max(back_there);
        println!(
            "F3: {seconds} s {fault}: {} requests of SDKs, 0 failed, p99 {p99_here:?} and {p99_there:?}; streams stayed \
             open up to {id_here} and {id_there}; {} writes refused within {longest:?}; writes work again after \
             {back_here:?} and {back_there:?}, nodes equal {equal:?} later",
            polls_here + polls_there,
            refused_here.0 + refused_there.0,
        );
        // What a busy machine adds is no fault; the long form is run alone.
        let (refused_within, back_within) = match seconds {
            60.. => (Duration::from_secs(2), Duration::from_secs(3)),
            _ => (REFUSED_WITHIN, PATIENCE),
        };
        assert!(polls_here + polls_there >= 500, "too little traffic for a result");
        assert!(longest <= refused_within, "a write hung for {longest:?} while the database was {fault}");
        assert!(back <= back_within, "{back:?} to recover from a database that was {fault}");
    }
    for log in &logs {
        let other = log.refused.iter().find(|(status, _)| *status != 503);
        assert!(other.is_none(), "{other:?}");
    }
    all_at_one_revision([&one, &two]).await;
    for node in [&one, &two] {
        let found = actual(node, "away-").await;
        assert_eq!(lost(&logs, &found), 0, "acknowledged writes are lost");
        compare_events(node, "away-", &found).await.unwrap();
        assert!(log_lines_per_second(node) <= LOG_LINES_MAX, "the log floods:\n{}", node.log());
    }
    setup.verify().unwrap();
    assert!(!one.ended() && !two.ended());
    let acknowledged: usize = logs.iter().map(|log| log.acknowledged.len()).sum();
    println!("F3: {acknowledged} writes acknowledged on two nodes, 0 lost");
    one.kill();
    two.kill();
}
