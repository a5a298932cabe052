//! A node that waits, and what it has kept.

use std::sync::atomic::{AtomicBool, Ordering};

use flagstone_model::api_tokens;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::super::testing::{BACKEND, call, node, serve_options};
use super::*;

async fn status(mut stream: TcpStream) -> String {
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f26_no_connection_is_refused_while_the_port_is_handed_over() {
    let listeners = Listeners::from(TcpListener::bind(("127.0.0.1", 0)).await.unwrap());
    let address = listeners.address().unwrap();
    let standby = Standby::start(listeners, None, "");
    assert_eq!(status(TcpStream::connect(address).await.unwrap()).await, "HTTP/1.1 200 OK");
    let stop = Arc::new(AtomicBool::new(false));
    let (stopped, (begun, has_begun)) = (Arc::clone(&stop), oneshot::channel());
    let connects = tokio::spawn(async move {
        TcpStream::connect(address).await.unwrap();
        begun.send(()).unwrap();
        let mut connects = 1_u32;
        while !stopped.load(Ordering::Relaxed) {
            TcpStream::connect(address).await.unwrap_or_else(|error| panic!("after {connects}: {error}"));
            connects += 1;
        }
    });
    has_begun.await.unwrap();
    let listeners = standby.end(&Telemetry::default()).await.unwrap();
    // Nobody serves now, and who comes is not turned away.
    let waits = TcpStream::connect(address).await.unwrap();
    let router = Router::new().route("/health", get(|| async { axum::http::StatusCode::ACCEPTED }));
    tokio::spawn(serve::serve(listeners, router, std::future::pending(), Duration::ZERO));
    assert_eq!(status(waits).await, "HTTP/1.1 202 Accepted");
    assert_eq!(status(TcpStream::connect(address).await.unwrap()).await, "HTTP/1.1 202 Accepted");
    stop.store(true, Ordering::Relaxed);
    connects.await.unwrap();
}

/// What a node that starts in the folder without its database has for the token, if it works: its revision and flags.
fn kept_for(folder: &std::path::Path) -> Option<String> {
    let settings = serve_options(&[]).delivery();
    let backup = Backup::new(folder).unwrap();
    let edge = Edge::of_backup(backup, settings, routes::delivery_schemas().unwrap()).unwrap()?;
    let token = ApiToken { hash: api_tokens::hash(BACKEND), ..a_token() };
    let token = edge.current(&token)?;
    let delivery = edge.delivery(&token).ok()?;
    Some(format!("{} {}", delivery.revision(), delivery.everything().get()))
}

/// Some token.
fn a_token() -> ApiToken {
    serde_json::from_value(serde_json::json!({
        "selector": "", "hash": "", "prefix": "", "name": "", "type": "backend",
        "environment": "development", "projects": ["*"], "createdAt": "2026-01-01T00:00:00.000Z",
    }))
    .unwrap()
}

#[tokio::test]
async fn what_a_node_keeps_follows_its_changes() {
    let (app, router) = node(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let backup = Backup::new(folder.path()).unwrap();
    assert_eq!(kept_for(folder.path()), None);
    let mut on_disk = None;
    let mut keep = async || {
        let mut journal = backup.begin().await;
        on_disk = Some(OnDisk::write(on_disk.take(), &app, &mut journal).unwrap());
        std::fs::metadata(folder.path().join("flagstone-edge.journal")).unwrap().len()
    };
    let source = FlagSource::primary(app.clone());
    let now = || {
        let delivery = source.delivery(&a_token()).unwrap();
        format!("{} {}", delivery.revision(), delivery.everything().get())
    };
    let features = "/api/admin/projects/default/features";
    for n in 0..50 {
        call(&router, "POST", features, &format!(r#"{{"name":"flag-{n}"}}"#)).await;
    }
    let whole = keep().await;
    assert_eq!(kept_for(folder.path()), Some(now()));
    call(&router, "POST", &format!("{features}/flag-0/environments/development/on"), "").await;
    let changed = keep().await;
    assert!(
        changed > whole && changed - whole < 2_000,
        "{whole}, then {changed} bytes for a change of one of 50 flags"
    );
    assert_eq!(kept_for(folder.path()), Some(now()));
    assert_eq!(keep().await, changed, "there was nothing new");
    let secret = BACKEND.replace('*', "%2A");
    call(&router, "DELETE", &format!("/api/admin/api-tokens/{secret}"), "").await;
    keep().await;
    assert_eq!(kept_for(folder.path()), None, "a token that was deleted");
}
