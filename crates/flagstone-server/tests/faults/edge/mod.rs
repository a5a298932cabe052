//! An edge, with its upstream and without.

mod kill;
mod odd;
mod reports;
mod tokens;
mod upstreams;

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::ALONE;
use crate::http::Client;
use crate::node::{BACKEND, Setup, binary, create_flag, free_port, until};

/// A process. It is killed when it is dropped.
pub struct Edge {
    child: Child,
    pub port: u16,
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// The file that holds what an edge has.
pub const JOURNAL: &str = "flagstone-edge.journal";

/// The records of a file up to the first that is torn. The checksums are the product's business: such a one is no JSON.
pub fn records(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let records = text.split_inclusive('\n').skip(1);
    records.map_while(|line| serde_json::from_str(line.strip_suffix('\n')?.get(18..)?).ok()).collect()
}

/// An edge whose backup is in `folder`, with further options in the environment; it is not ready yet.
fn begin(folder: &Path, options: &[(&str, &str)]) -> Edge {
    let port = free_port();
    let child = Command::new(binary())
        .args(["edge", "--interface", "127.0.0.1", "--port", &port.to_string(), "--backup-folder"])
        .arg(folder)
        .envs(options.iter().copied())
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Edge { child, port }
}

/// The same behind a server on this machine, and ready.
async fn start_with(upstream: u16, folder: &Path, options: &[(&str, &str)]) -> Edge {
    let url = format!("http://127.0.0.1:{upstream}");
    let edge = begin(folder, &[&[("UPSTREAM_URL", url.as_str())], options].concat());
    until("the edge is ready", || async {
        let answer = Client::new(edge.port, "").get("/internal-backstage/ready").await;
        answer.is_ok_and(|answer| answer.status == 200).then_some(())
    })
    .await;
    edge
}

pub async fn start(upstream: u16, folder: &Path, tokens: &str) -> Edge {
    start_with(upstream, folder, &[("TOKENS", tokens)]).await
}

/// A new token of the default project, by its secret.
async fn create_token(admin: &mut Client, kind: &str) -> String {
    let body = serde_json::json!({ "type": kind, "tokenName": kind, "environment": "development" });
    let created = admin.post("/api/admin/projects/default/api-tokens", &body).await.unwrap().expect().json();
    created["secret"].as_str().unwrap().to_owned()
}

async fn names(port: u16) -> String {
    Client::new(port, BACKEND).get("/api/client/features").await.unwrap().expect().text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f6_an_edge_serves_what_its_upstream_had_when_both_were_killed() {
    let _alone = ALONE.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::sqlite(folder.path());
    let mut upstream = setup.start_ready().await;
    create_flag(&mut upstream.admin(), "before").await;
    let backup = folder.path().join("backup");
    let edge = start(upstream.port, &backup, BACKEND).await;
    assert!(names(edge.port).await.contains("before"));
    create_flag(&mut upstream.admin(), "later").await;
    let of_upstream = Client::new(upstream.port, BACKEND).get("/api/client/features").await.unwrap().expect();
    // A flag is created by one commit, and switched on by the next.
    until("the edge's answer is the same", || async { (names(edge.port).await == of_upstream.text).then_some(()) })
        .await;
    let refused = Client::new(edge.port, "*:development.nobody-knows").get("/api/client/features").await.unwrap();
    assert_eq!(refused.status, 401, "{}", refused.text);
    let file = backup.join(JOURNAL);
    until("the flag is kept", || async {
        std::fs::read_to_string(&file).is_ok_and(|text| text.contains("\"groupId\":\"later\"")).then_some(())
    })
    .await;
    assert!(!std::fs::read_to_string(&file).unwrap().contains("secret-of-the-fault-tests"), "a secret is on disk");

    drop(edge);
    upstream.kill();
    // Its token is known from the file alone.
    let edge = start(upstream.port, &backup, "").await;
    assert_eq!(names(edge.port).await, of_upstream.text, "the edge has forgotten");
    let upstream = setup.start_ready().await;
    create_flag(&mut upstream.admin(), "afterwards").await;
    until("the edge catches up", || async { names(edge.port).await.contains("afterwards").then_some(()) }).await;
}
