//! The binary as a process: started, asked whether it is ready, ended in every way.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::http::Client;

/// The admin token of every node.
pub const ADMIN: &str = "*:*.admin-secret-of-the-fault-tests";
/// A backend token of every node, for all projects.
pub const BACKEND: &str = "*:development.backend-secret-of-the-fault-tests";
/// How long anything that is waited for may take, a start with a debug build on a busy machine above all.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The binary of this build, or the one that `FLAGSTONE_BINARY` names.
pub fn binary() -> String {
    std::env::var("FLAGSTONE_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_flagstone").to_owned())
}

/// How a node is started.
#[derive(Clone)]
pub struct Setup {
    pub database_url: String,
    pub schema: Option<String>,
    pub port: u16,
    /// Stands before the binary, as `strace` with its options.
    pub wrapper: Vec<String>,
    /// Where a node on PostgreSQL keeps what SDKs get.
    pub snapshots: Arc<tempfile::TempDir>,
}

impl Setup {
    pub fn sqlite(folder: &Path) -> Self {
        Self::new(format!("sqlite://{}", folder.join("flagstone.db").display()))
    }

    pub fn new(database_url: String) -> Self {
        let snapshots = Arc::new(tempfile::tempdir().unwrap());
        Self { database_url, schema: None, port: free_port(), wrapper: Vec::new(), snapshots }
    }

    /// Starts the binary; it is not ready yet.
    pub fn start(&self) -> Node {
        let mut words = self.wrapper.clone();
        words.extend([binary(), "serve".to_owned()]);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).envs([
            ("DATABASE_URL", self.database_url.as_str()),
            ("DATABASE_SCHEMA", self.schema.as_deref().unwrap_or("public")),
            ("HTTP_HOST", "127.0.0.1"),
            ("HTTP_PORT", &self.port.to_string()),
            ("INIT_ADMIN_API_TOKENS", ADMIN),
            ("INIT_BACKEND_API_TOKENS", BACKEND),
            ("UNLEASH_DEFAULT_ADMIN_PASSWORD", "First-password-1"),
            ("UNLEASH_FEATURE_FLAGS_LIMIT", "1000000"),
            ("UNLEASH_API_TOKENS_LIMIT", "1000000"),
            ("UNLEASH_FEATURE_ENVIRONMENT_STRATEGIES_LIMIT", "1000000"),
            ("SNAPSHOT_FOLDER", self.snapshots.path().to_str().unwrap()),
            ("UNLEASH_ALLOW_PRIVATE_URL_IN_INTEGRATION", "true"),
            ("INTEGRATION_RETRY_MS", "5"),
            ("LOG_LEVEL", "info"),
        ]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (sink, source) = (Arc::clone(&log), child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in BufReader::new(source).lines().map_while(Result::ok) {
                let mut log = sink.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        Node { child, port: self.port, log }
    }

    /// Starts the binary and waits until it is ready.
    pub async fn start_ready(&self) -> Node {
        let mut node = self.start();
        node.ready().await;
        node
    }

    /// What `flagstone verify` says, and whether all is well.
    pub fn verify(&self) -> Result<String, String> {
        let mut command = Command::new(binary());
        command.args(["verify", "--database-url", &self.database_url]);
        if let Some(schema) = &self.schema {
            command.args(["--database-schema", schema]);
        }
        let output = command.output().unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if output.status.success() && text.contains("the log is whole") { Ok(text) } else { Err(text) }
    }
}

/// A process. It is killed when it is dropped.
pub struct Node {
    child: Child,
    pub port: u16,
    log: Arc<Mutex<String>>,
}

impl Node {
    pub fn admin(&self) -> Client {
        Client::new(self.port, ADMIN)
    }

    pub fn backend(&self) -> Client {
        Client::new(self.port, BACKEND)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `/ready` answers 200; how long that took.
    pub async fn ready(&mut self) -> Duration {
        let began = Instant::now();
        loop {
            if Client::new(self.port, "").get("/ready").await.is_ok_and(|answer| answer.status == 200) {
                return began.elapsed();
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the node ended before it was ready ({status}):\n{}", self.log());
            }
            assert!(began.elapsed() < PATIENCE, "not ready after {PATIENCE:?}:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until it is ready or has ended; whether it is ready.
    pub async fn ready_or_ended(&mut self) -> bool {
        let began = Instant::now();
        loop {
            if Client::new(self.port, "").get("/ready").await.is_ok_and(|answer| answer.status == 200) {
                return true;
            }
            if self.ended() {
                return false;
            }
            assert!(began.elapsed() < PATIENCE, "neither ready nor ended:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal by its name, for instance `TERM`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([format!("-{name}"), self.pid().to_string()]).status().unwrap();
        assert!(status.success(), "kill -{name} failed");
    }

    pub fn ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for the end; how it ended and how long that took.
    pub async fn end(&mut self) -> (ExitStatus, Duration) {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, began.elapsed());
            }
            assert!(began.elapsed() < PATIENCE, "still running after {PATIENCE:?}:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody listens on now.
pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// Creates a flag that is on for everybody in `development`.
pub async fn create_flag(admin: &mut Client, name: &str) {
    let features = "/api/admin/projects/default/features";
    admin.post(features, &json!({ "name": name })).await.unwrap().expect();
    let on = format!("{features}/{name}/environments/development/on");
    admin.post(&on, &json!(null)).await.unwrap().expect();
}

/// Waits until `condition` gives something.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut condition: impl FnMut() -> F) -> (T, Duration) {
    let began = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return (value, began.elapsed());
        }
        assert!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
