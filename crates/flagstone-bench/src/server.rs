//! The servers that are measured: Flagstone and the bare stack, which are started here, and peers that run already.

use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::http::{Address, Connection};
use crate::machine::pin;

/// The tokens of every Flagstone that is started here, which is gone after the run.
pub const ADMIN: &str = "*:*.admin-secret-of-the-bench";
pub const BACKEND: &str = "*:development.backend-secret-of-the-bench";
pub const FRONTEND: &str = "*:development.frontend-secret-of-the-bench";

const READY_MAX: Duration = Duration::from_secs(30);

/// A server under test.
pub struct Server {
    pub name: String,
    pub address: Address,
    pub backend_token: String,
    pub frontend_token: String,
    /// Its process, where it runs on this machine.
    pub pid: Option<u32>,
    /// How long it took from its start until it was ready, where it was started here.
    pub started_in: Duration,
    _process: Option<Process>,
}

/// Ends with its value.
struct Process {
    child: Child,
    /// Holds its data and its log.
    _folder: TempDir,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts a Flagstone without data on a core.
    pub async fn flagstone(binary: &Path, core: usize, options: &[String]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let database = folder.path().join("flagstone.db");
        Self::serve(on_core(core, binary), folder, &database, options).await
    }

    /// Starts a Flagstone with the data of a database file; on all cores unless one is named.
    pub async fn with_data(
        binary: &Path,
        core: Option<usize>,
        database: &Path,
        options: &[String],
    ) -> anyhow::Result<Self> {
        let command = core.map_or_else(|| Command::new(binary), |core| on_core(core, binary));
        Self::serve(command, tempfile::tempdir()?, database, options).await
    }

    async fn serve(mut command: Command, folder: TempDir, database: &Path, options: &[String]) -> anyhow::Result<Self> {
        command
            .arg("serve")
            .args(options)
            .env("DATABASE_URL", format!("sqlite://{}", database.display()))
            .envs([("INIT_ADMIN_API_TOKENS", ADMIN), ("INIT_BACKEND_API_TOKENS", BACKEND)])
            .envs([("INIT_FRONTEND_API_TOKENS", FRONTEND), ("UNLEASH_DEFAULT_ADMIN_PASSWORD", "First-password-1")])
            .env("HTTP_HOST", "127.0.0.1");
        Self::start("Flagstone", command, folder).await
    }

    /// Starts an edge of a server on a core, which keeps what it has in a folder.
    pub async fn edge(
        binary: &Path,
        core: usize,
        upstream: &Address,
        tokens: &str,
        backup: &Path,
    ) -> anyhow::Result<Self> {
        let mut command = on_core(core, binary);
        command.args(["edge", "--tokens", tokens, "--interface", "127.0.0.1", "--backup-folder"]).arg(backup);
        command.args(["--upstream-url", &format!("http://{}", upstream.socket)]);
        Self::start("Flagstone's edge", command, tempfile::tempdir()?).await
    }

    /// Starts the bare stack on a core, with the answers of a Flagstone.
    pub async fn bare(flagstone: &Self, core: usize) -> anyhow::Result<Self> {
        let mut command = on_core(core, &std::env::current_exe()?);
        command.args(["bare", "--of", &flagstone.address.socket.port().to_string()]);
        Self::start("bare stack", command, tempfile::tempdir()?).await
    }

    /// The peers that the environment names: `BENCH_<PEER>_URL`, `_BACKEND_TOKEN`, `_FRONTEND_TOKEN`, `_PID`.
    pub fn peers(core: usize) -> anyhow::Result<Vec<Self>> {
        let mut peers = Vec::new();
        for (name, prefix) in [("Unleash", "BENCH_UNLEASH"), ("Unleash Edge", "BENCH_EDGE")] {
            let variable = |end: &str| std::env::var(format!("{prefix}_{end}")).ok().filter(|text| !text.is_empty());
            let Some(url) = variable("URL") else { continue };
            let needed = |end: &str| variable(end).with_context(|| format!("{prefix}_URL needs {prefix}_{end}"));
            let pid = variable("PID").map(|text| text.parse::<u32>()).transpose()?;
            if let Some(pid) = pid {
                pin(pid, core)?;
            }
            peers.push(Self {
                name: name.to_owned(),
                address: Address::parse(&url)?,
                backend_token: needed("BACKEND_TOKEN")?,
                frontend_token: needed("FRONTEND_TOKEN")?,
                pid,
                started_in: Duration::ZERO,
                _process: None,
            });
        }
        Ok(peers)
    }

    async fn start(name: &str, mut command: Command, folder: TempDir) -> anyhow::Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let log = folder.path().join("log");
        command
            .env("HTTP_PORT", port.to_string())
            // As an edge calls it.
            .env("PORT", port.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?);
        let began = Instant::now();
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let pid = child.id();
        let mut process = Process { child, _folder: folder };
        let address = Address::local(port);
        while !is_ready(&address).await {
            let ended = process.child.try_wait()?;
            if ended.is_some() || began.elapsed() > READY_MAX {
                bail!("{name} does not start: {}", std::fs::read_to_string(&log).unwrap_or_default());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(Self {
            name: name.to_owned(),
            address,
            backend_token: BACKEND.to_owned(),
            frontend_token: FRONTEND.to_owned(),
            pid: Some(pid),
            started_in: began.elapsed(),
            _process: Some(process),
        })
    }
}

/// A program that has one core from its first moment: its runtime makes as many threads as there are cores for it.
fn on_core(core: usize, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string()]).arg(program);
    command
}

async fn is_ready(address: &Address) -> bool {
    let request = address.request(("GET", "/ready"), "", &[], "");
    let Ok(mut connection) = Connection::open(address).await else { return false };
    connection.exchange(&request, |_| ()).await.is_ok_and(|status| status == 200)
}
