//! Tokens that an edge learns, that stop working, and that nobody knows.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::sleep;

use super::{create_token, start_with};
use crate::ALONE;
use crate::http::Client;
use crate::node::{ADMIN, BACKEND, Setup, create_flag, until};
use crate::random::number;
use crate::sse::Stream;

/// Unknown tokens that come at the same time.
const AT_ONCE: u64 = 300;
/// From so many tokens on, times are asserted.
const LONG: u64 = 3_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t6_an_edge_learns_tokens_and_lets_go_of_those_that_are_revoked() {
    let _alone = ALONE.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let upstream = Setup::sqlite(folder.path()).start_ready().await;
    let mut admin = upstream.admin();
    create_flag(&mut admin, "first").await;
    let [mine, other, frontend] = [
        create_token(&mut admin, "backend").await,
        create_token(&mut admin, "backend").await,
        create_token(&mut admin, "frontend").await,
    ];
    let every_second = [("TOKEN_REVALIDATION_INTERVAL_SECONDS", "1")];
    let edge = start_with(upstream.port, &folder.path().join("backup"), &every_second).await;
    let status = async |token: &str, path: &str| Client::new(edge.port, token).get(path).await.unwrap().status;
    for token in [&mine, &other] {
        until("a new token works", || async { (status(token, "/api/client/features").await == 200).then_some(()) })
            .await;
    }
    assert_eq!(status(&frontend, "/api/frontend").await, 200);
    assert_eq!(status(&frontend, "/api/client/features").await, 403, "a frontend token opens too much");
    assert_eq!(status(ADMIN, "/api/client/features").await, 403, "an admin token is no SDK's");
    let mut streams =
        [Stream::open(edge.port, &mine, None).await.unwrap(), Stream::open(edge.port, &other, None).await.unwrap()];
    for stream in &mut streams {
        assert_eq!(stream.next(Duration::from_secs(5)).await.unwrap().kind, "unleash-connected");
    }
    let tokens = "/api/admin/projects/default/api-tokens";
    admin.send("DELETE", &format!("{tokens}/{mine}"), None).await.unwrap().expect();
    until("the revoked token is refused", || async {
        (status(&mine, "/api/client/features").await == 401).then_some(())
    })
    .await;
    assert!(streams[0].next(Duration::from_secs(5)).await.is_err(), "the stream of a revoked token goes on");
    create_flag(&mut admin, "second").await;
    let event = streams[1].next(Duration::from_secs(5)).await.unwrap();
    assert!(event.data.contains("second"), "{event:?}");
    assert_eq!(status(&frontend, "/api/frontend").await, 200, "a token that was not revoked stops");
}

/// How often the upstream was asked about tokens.
async fn questions(upstream: u16) -> u64 {
    let text = Client::new(upstream, "").get("/internal-backstage/prometheus").await.unwrap().expect().text;
    let counts =
        text.lines().filter(|line| line.contains("http_requests_total") && line.contains("\"/edge/validate\""));
    counts.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

/// The p99 of a known client's polls until `done`.
async fn polls(port: u16, done: impl Fn() -> bool) -> Duration {
    let mut client = Client::new(port, BACKEND);
    let mut times = Vec::new();
    while !done() || times.len() < 200 {
        let began = Instant::now();
        client.get("/api/client/features").await.unwrap().expect();
        times.push(began.elapsed());
        sleep(Duration::from_millis(2)).await;
    }
    times.sort();
    times[times.len() * 99 / 100]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t5_the_upstream_is_asked_about_unknown_tokens_once_a_second_whatever_comes() {
    let _alone = ALONE.lock().await;
    let tokens = number("FLAGSTONE_T5_TOKENS", 900);
    let folder = tempfile::tempdir().unwrap();
    let upstream = Setup::sqlite(folder.path()).start_ready().await;
    create_flag(&mut upstream.admin(), "flag").await;
    let good = create_token(&mut upstream.admin(), "backend").await;
    let options = [("TOKENS", BACKEND), ("TOKEN_REVALIDATION_INTERVAL_SECONDS", "3600")];
    let edge = start_with(upstream.port, &folder.path().join("backup"), &options).await;
    let port = edge.port;
    let quiet = polls(port, || true).await;

    let (asked_before, began) = (questions(upstream.port).await, Instant::now());
    let mut crowd = tokio::task::JoinSet::new();
    for lane in 0..AT_ONCE {
        crowd.spawn(async move {
            let mut refused = 0;
            for number in (lane..tokens).step_by(AT_ONCE as usize) {
                let token = format!("*:development.nobody-knows-{number}");
                let status = Client::new(port, &token).get("/api/client/features").await.unwrap().status;
                assert!(matches!(status, 401 | 503), "{status}");
                refused += u64::from(status == 401);
            }
            refused
        });
    }
    let good = tokio::spawn(async move {
        until("a good token among them works", || async {
            let answer = Client::new(port, &good).get("/api/client/features").await.unwrap();
            (answer.status == 200).then_some(())
        })
        .await
    });
    let load = tokio::spawn(async move {
        let mut refused = 0;
        while let Some(lane) = crowd.join_next().await {
            refused += lane.unwrap();
        }
        refused
    });
    let busy = polls(port, || load.is_finished()).await;
    let (refused, took) = (load.await.unwrap(), began.elapsed());
    good.await.unwrap();
    let asked = questions(upstream.port).await - asked_before;
    println!(
        "T5: {tokens} unknown tokens in {took:?}: {asked} questions, {refused} times 401; p99 of a known client {quiet:?}, then {busy:?}"
    );
    assert!(asked >= 1 && asked <= took.as_secs() + 2, "{asked} questions in {took:?}");
    assert!(refused >= tokens / 2, "{refused} of {tokens} were answered");
    if tokens >= LONG {
        assert!(busy <= 2 * quiet + Duration::from_millis(5), "a known client waits {busy:?} instead of {quiet:?}");
    }
    let again = Instant::now();
    let answer = Client::new(port, "*:development.nobody-knows-1").get("/api/client/features").await.unwrap();
    assert_eq!(answer.status, 401, "{}", json!(answer.text));
    assert!(again.elapsed() < Duration::from_secs(1), "a refused token is asked about again");
}
