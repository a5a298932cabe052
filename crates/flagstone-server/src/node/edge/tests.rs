//! An edge as its clients see it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode, header};
use clap::Parser;
use http_body_util::BodyExt;
use tokio::net::TcpListener;
use tower::ServiceExt;

use super::super::testing::{BACKEND, call, node};
use super::*;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    options: EdgeOptions,
}

/// The options of an edge.
fn options(words: &[&str]) -> EdgeOptions {
    Cli::parse_from(["test"].iter().chain(words)).options
}

/// An edge with these options, and its routes.
async fn started(words: &[&str]) -> anyhow::Result<(Edge, Router)> {
    let options = options(words);
    let edge = Edge::begin(&options, routes::delivery_schemas().unwrap()).await?;
    let router = router(&options, &edge, &FlagSource::edge(edge.clone()));
    Ok((edge, router))
}

/// Status and body of an answer to somebody at an address, behind others perhaps.
async fn get(router: &Router, path: &str, from: &str, forwarded: &str) -> (StatusCode, String) {
    let peer = SocketAddr::from((from.parse::<IpAddr>().unwrap(), 1));
    let request = Request::get(path).header(header::AUTHORIZATION, BACKEND).header("x-forwarded-for", forwarded);
    let request = request.extension(ConnectInfo(peer)).body(Body::empty()).unwrap();
    let answer = router.clone().oneshot(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn an_edge_answers_those_whom_it_admits_and_probes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("features.json");
    std::fs::write(&file, r#"{"version":2,"features":[{"name":"flag"}]}"#).unwrap();
    let always = ["--bootstrap-file", file.to_str().unwrap(), "--tokens", BACKEND, "--base-path", "/edge"];
    let features = "/edge/api/client/features";
    let check = async |words: &[&str], admitted: &[(&str, &str)], refused: &[(&str, &str)]| {
        let (_, router) = started(&[&always, words].concat()).await.unwrap();
        for (from, forwarded) in admitted {
            let (status, body) = get(&router, features, from, forwarded).await;
            assert_eq!(
                (status, body.contains("\"flag\"")),
                (StatusCode::OK, true),
                "{words:?} {from} {forwarded}: {body}"
            );
        }
        for (from, forwarded) in refused {
            for path in [features, "/edge/api/client/features/", "/edge/internal-backstage/metrics", "/edge/nothing"] {
                let (status, body) = get(&router, path, from, forwarded).await;
                assert_eq!(status, StatusCode::FORBIDDEN, "{words:?} {path} {from} {forwarded}: {body}");
                assert!(!body.contains("\"flag\""), "{body}");
            }
            for path in ["/edge/health", "/edge/internal-backstage/ready"] {
                assert_eq!(get(&router, path, from, forwarded).await.0, StatusCode::OK, "{path} {from}");
            }
        }
    };
    check(&[], &[("10.0.0.1", ""), ("::1", "192.0.2.1")], &[]).await;
    let lists = ["--allow-list", "10.0.0.0/8,::ffff:0:0/96,2001:db8::1", "--deny-list", "10.1.0.0/16"];
    check(
        &lists,
        &[("10.0.0.1", ""), ("::ffff:10.0.0.1", ""), ("2001:db8::1", "11.0.0.1")],
        &[("11.0.0.1", "10.0.0.1"), ("10.1.0.1", ""), ("2001:db8::2", "")],
    )
    .await;
    let behind_any = [&lists[..], &["--trust-proxy"]].concat();
    check(&behind_any, &[("11.0.0.1", "10.0.0.1"), ("10.0.0.2", "")], &[("10.0.0.1", "11.0.0.1"), ("11.0.0.1", "")])
        .await;
    let behind_one = [&lists[..], &["--trust-proxy", "--proxy-trusted-servers", "192.0.2.1"]].concat();
    check(&behind_one, &[("192.0.2.1", "10.0.0.1"), ("10.0.0.1", "11.0.0.1")], &[("11.0.0.1", "10.0.0.1")]).await;
}

/// Serves until the test ends; the URL.
async fn serve(router: Router) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
    url
}

const SECRET: &str = "c2VjcmV0LW9mLWFsbC1lZGdlcw";

#[tokio::test]
async fn an_edge_that_signs_is_given_tokens_and_needs_no_others() {
    let (app, upstream) = node(&["--edge-client-secret", SECRET]).await;
    call(&upstream, "POST", "/api/admin/projects/default/features", r#"{"name":"flag"}"#).await;
    let url = serve(upstream).await;
    let padded = format!("{SECRET}==");
    let words = ["--upstream-url", &url, "--unleash-client-secret", &padded, "--desired-environments", "development"];
    let (edge, router) = started(&words).await.unwrap();
    assert!(!edge.is_ready(), "nothing has come yet");
    let mut changed = edge.revisions();
    changed.wait_for(|_| edge.is_ready()).await.unwrap();
    let (status, body) = get(&router, "/api/client/features", "10.0.0.1", "").await;
    assert_eq!((status, body.contains("\"flag\"")), (StatusCode::OK, true), "{body}");
    // Each time another request, which counts.
    let (other, _) = started(&words).await.unwrap();
    let mut changed = other.revisions();
    changed.wait_for(|_| other.is_ready()).await.unwrap();
    drop(app);
}

#[tokio::test]
async fn an_edge_that_signs_with_another_secret_is_given_nothing() {
    let (_, upstream) = node(&["--edge-client-secret", SECRET]).await;
    let asked = Arc::new(tokio::sync::Notify::new());
    let of = Arc::clone(&asked);
    let upstream = upstream.layer(axum::middleware::map_response(move |response: axum::response::Response| {
        let of = Arc::clone(&of);
        async move {
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
            of.notify_one();
            response
        }
    }));
    let url = serve(upstream).await;
    let always = ["--upstream-url", &url, "--desired-environments", "development", "--unleash-client-secret"];
    let (edge, _) = started(&[&always[..], &["b3RoZXI"]].concat()).await.unwrap();
    asked.notified().await;
    // It tries on.
    asked.notified().await;
    assert!(!edge.is_ready());
}

#[tokio::test]
async fn what_an_edge_cannot_use_is_said_at_start_without_secrets() {
    let check = async |words: &[&str], expect: &str| {
        let error = format!("{:#}", started(words).await.err().unwrap());
        assert!(error.contains(expect) && !error.contains("not-"), "{error}");
    };
    let upstream = ["--upstream-url", "http://127.0.0.1:9"];
    let with = |words: &[&'static str]| [&upstream[..], words].concat();
    let environment = ["--desired-environments", "development"];
    check(
        &with(&[&environment[..], &["--unleash-client-secret", "not-b64!"]].concat()),
        "UNLEASH_CLIENT_SECRET must be base64url",
    )
    .await;
    check(&with(&["--unleash-client-secret", SECRET]), "DESIRED_ENVIRONMENTS").await;
    let redis = ["--redis-url", "redis://:not-shown@127.0.0.1:9"];
    check(&with(&[&redis[..], &["--s3-bucket-name", "flags"]].concat()), "both given").await;
    check(&with(&["--redis-url", "not-a-url"]), "REDIS_URL must be like").await;
    check(&with(&["--s3-bucket-name", "flags", "--aws-secret-access-key", "not-shown"]), "go together").await;
}
