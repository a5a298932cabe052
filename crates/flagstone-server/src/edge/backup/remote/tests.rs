//! A Redis and an S3 that know just what is asked of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::Uri;
use axum::routing::get;
use clap::Parser;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::super::tests::{feed, token, told};
use super::*;
use crate::edge::Edge;
use crate::edge::tests::NOWHERE;
use crate::http::schemas::Schemas;
use crate::options::edge::EdgeOptions;

type Objects = Arc<Mutex<HashMap<String, Vec<u8>>>>;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    options: RemoteOptions,
}

fn remote(words: &[&str]) -> Remote {
    Remote::of(&Cli::parse_from(["test"].iter().chain(words)).options).unwrap().unwrap()
}

const PASSWORD: &str = "pass:word/";

/// Answers the commands of a connection (RESP2, <https://redis.io/docs/latest/develop/reference/protocol-spec/>).
async fn redis(stream: TcpStream, objects: Objects) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut is_known = false;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let count: usize = line.trim_end().strip_prefix('*')?.parse().ok()?;
        let mut words = Vec::new();
        for _ in 0..count {
            let mut line = String::new();
            stream.read_line(&mut line).await.ok()?;
            let length: usize = line.trim_end().strip_prefix('$')?.parse().ok()?;
            let mut word = vec![0; length + 2];
            stream.read_exact(&mut word).await.ok()?;
            word.truncate(length);
            words.push(word);
        }
        let text = |at: usize| String::from_utf8_lossy(words.get(at).map_or(&b""[..], Vec::as_slice)).into_owned();
        let answer = match text(0).to_ascii_uppercase().as_str() {
            "AUTH" => {
                is_known = text(words.len() - 1) == PASSWORD;
                if is_known { b"+OK\r\n".to_vec() } else { b"-WRONGPASS no\r\n".to_vec() }
            }
            _ if !is_known => b"-NOAUTH who is it?\r\n".to_vec(),
            "GET" => match objects.lock().unwrap().get(&text(1)) {
                Some(object) => [format!("${}\r\n", object.len()).as_bytes(), object, b"\r\n"].concat(),
                None => b"$-1\r\n".to_vec(),
            },
            "SET" => {
                objects.lock().unwrap().insert(text(1), words.remove(2));
                b"+OK\r\n".to_vec()
            }
            _ => b"+OK\r\n".to_vec(),
        };
        stream.write_all(&answer).await.ok()?;
    }
}

/// A Redis; its objects and its port.
async fn serve_redis() -> (Objects, u16) {
    let objects = Objects::default();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let of = Arc::clone(&objects);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(redis(stream, Arc::clone(&of)));
        }
    });
    (objects, port)
}

fn is_signed(query: Option<&str>) -> bool {
    let query = query.unwrap_or_default();
    query.contains("X-Amz-Signature=") && query.contains("X-Amz-Credential=the-id%2F") && !query.contains("the-key")
}

/// An S3; its objects and its URL.
async fn serve_s3() -> (Objects, String) {
    let objects = Objects::default();
    let read = async |State(objects): State<Objects>, uri: Uri, RawQuery(query): RawQuery| {
        let found = objects.lock().unwrap().get(uri.path()).cloned();
        let answer =
            if is_signed(query.as_deref()) { found.ok_or(StatusCode::NOT_FOUND) } else { Err(StatusCode::FORBIDDEN) };
        answer.map_err(|status| axum::http::StatusCode::from_u16(status.as_u16()).unwrap())
    };
    let write = async |State(objects): State<Objects>, uri: Uri, RawQuery(query): RawQuery, body: Bytes| {
        if !is_signed(query.as_deref()) {
            return axum::http::StatusCode::FORBIDDEN;
        }
        objects.lock().unwrap().insert(uri.path().to_owned(), body.to_vec());
        axum::http::StatusCode::OK
    };
    let router = Router::new().route("/{*path}", get(read).put(write)).with_state(Arc::clone(&objects));
    let url = crate::edge::tests::serve(router).await;
    (objects, url)
}

/// Whatever place it is: what was written last is read, or what was whole before it.
async fn check(objects: &Objects, begin: impl Fn() -> Remote) {
    let loaded = async || begin().load().await.unwrap().as_ref().map(told);
    assert_eq!(loaded().await, None);
    let all = |revision: u64| packed([News::Token(token("a")), feed(revision)].into_iter()).unwrap();
    let mut remote = begin();
    remote.store(all(1)).await.unwrap();
    assert_eq!(loaded().await.unwrap(), "1 tokens; development 1");
    let first = objects.lock().unwrap().clone();
    // When they were made is told in milliseconds.
    let began = std::time::Instant::now();
    while began.elapsed() < Duration::from_millis(2) {
        std::hint::spin_loop();
    }
    let mut remote = begin();
    remote.load().await.unwrap().unwrap();
    remote.store(all(2)).await.unwrap();
    assert_eq!(objects.lock().unwrap().len(), 2, "the one before stays");
    assert_eq!(loaded().await.unwrap(), "1 tokens; development 2");
    let newest = objects.lock().unwrap().keys().find(|name| !first.contains_key(*name)).unwrap().clone();
    let good = objects.lock().unwrap()[&newest].clone();
    for at in 0..good.len() {
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        for (broken, what) in [(flipped, "flipped"), (good[..at].to_vec(), "cut")] {
            // Some bits of a compressed object say nothing.
            if unpacked(&broken).is_ok_and(|(_, bytes)| bytes == unpacked(&good).unwrap().1) {
                continue;
            }
            objects.lock().unwrap().insert(newest.clone(), broken);
            assert_eq!(loaded().await.unwrap(), "1 tokens; development 1", "{what} at {at}");
        }
    }
    // The one that is broken is written again, not the one before it.
    let mut remote = begin();
    remote.load().await.unwrap().unwrap();
    remote.store(all(3)).await.unwrap();
    assert_eq!(objects.lock().unwrap()[first.keys().next().unwrap()], first.values().next().unwrap().as_slice());
    assert_eq!(loaded().await.unwrap(), "1 tokens; development 3");
    for object in objects.lock().unwrap().values() {
        let text = String::from_utf8(unpacked(object).unwrap().1).unwrap();
        assert!(text.contains(&token("a").hash) && !text.contains("development.a"), "a secret is elsewhere");
    }
}

#[tokio::test]
async fn what_an_edge_has_outlasts_it_in_redis() {
    let (objects, port) = serve_redis().await;
    let port = port.to_string();
    check(&objects, || remote(&["--redis-host", "127.0.0.1", "--redis-port", &port, "--redis-password", PASSWORD]))
        .await;
    let of_url = format!("redis://:{}@127.0.0.1:{port}/0", path_segment(PASSWORD));
    assert!(remote(&["--redis-url", &of_url]).load().await.unwrap().is_some());
    let of_nobody = format!("redis://127.0.0.1:{port}");
    let mut stranger = remote(&["--redis-url", &of_nobody, "--redis-password", "another"]);
    let error = format!("{:#}", stranger.load().await.err().unwrap());
    assert!(!error.contains("another"), "{error}");
    stranger.store(Vec::new()).await.unwrap_err();
}

#[tokio::test]
async fn what_an_edge_has_outlasts_it_in_a_bucket() {
    let (objects, url) = serve_s3().await;
    let place = ["--s3-bucket-name", "flags", "--aws-endpoint-url", &url];
    let key = ["--aws-access-key-id", "the-id", "--aws-secret-access-key", "the-key"];
    check(&objects, || remote(&[&place[..], &key].concat())).await;
    assert!(objects.lock().unwrap().keys().all(|path| path.starts_with("/flags/flagstone-edge-")));
    let mut stranger = remote(&place);
    assert!(stranger.load().await.is_err());
    let error = format!("{:#}", stranger.store(Vec::new()).await.unwrap_err());
    assert_eq!(error, "S3 answers 403 Forbidden");
}

#[derive(Parser)]
struct Whole {
    #[command(flatten)]
    options: EdgeOptions,
}

#[tokio::test]
async fn an_edge_without_a_disk_begins_with_what_another_has_left() {
    let (objects, url) = serve_s3().await;
    let always = ["edge", "--s3-bucket-name", "flags", "--aws-endpoint-url", &url, "--aws-access-key-id", "the-id"];
    let begin = async |words: &[&str]| {
        let words = [&always[..], &["--aws-secret-access-key", "the-key"], words].concat();
        Edge::begin(&Whole::parse_from(words).options, Schemas::of(&[]).unwrap()).await.unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("features.json");
    std::fs::write(&file, r#"{"features":[{"name":"flag"}]}"#).unwrap();
    let secret = "*:development.secret";
    let first = begin(&["--bootstrap-file", file.to_str().unwrap(), "--tokens", secret]).await;
    first.stop().await;
    assert_eq!(objects.lock().unwrap().len(), 1);
    let second = begin(&["--upstream-url", NOWHERE]).await;
    let token = second.token(secret).await.unwrap();
    assert_eq!(second.delivery(&token).unwrap().content().features().next().unwrap().0.name, "flag");
    assert!(second.token("*:development.another").await.is_err());
    // One that cannot be reached is no reason not to start.
    let words = ["edge", "--redis-url", "redis://127.0.0.1:9", "--upstream-url", NOWHERE];
    let third = Edge::begin(&Whole::parse_from(words).options, Schemas::of(&[]).unwrap()).await.unwrap();
    assert!(third.feeds().is_empty());
}
