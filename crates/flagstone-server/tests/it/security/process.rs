//! The real binary on a real database, with everything that it writes.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The administrator's password.
pub const PASSWORD: &str = "Canary-password-of-the-admin-1";
/// An admin token.
pub const ADMIN: &str = "*:*.canary-admin-token-0123456789";

/// `flagstone serve` in a folder of its own; it ends with the value.
pub struct Process {
    pub folder: tempfile::TempDir,
    pub address: SocketAddr,
    child: Child,
}

/// An answer.
pub struct Reply {
    pub status: u16,
    /// Head and body.
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        let (_, body) = self.text.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.text.split("\r\n\r\n").next().unwrap();
        let mut pairs = head.lines().filter_map(|line| line.split_once(": "));
        pairs.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    }
}

impl Process {
    /// Starts with these environment variables besides the usual ones, and waits until it is ready.
    pub fn start(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Free now; nobody else asks for a port of the system's choice in the moment until it is taken again.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_flagstone"));
        command
            .arg("serve")
            .env_clear()
            .env("DATABASE_URL", format!("sqlite://{}", folder.path().join("data/flagstone.db").display()))
            .env("HTTP_HOST", "127.0.0.1")
            .env("HTTP_PORT", address.port().to_string())
            .env("UNLEASH_DEFAULT_ADMIN_PASSWORD", PASSWORD)
            .env("INIT_ADMIN_API_TOKENS", ADMIN)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(File::create(folder.path().join("stdout")).unwrap())
            .stderr(File::create(folder.path().join("stderr")).unwrap());
        let process = Self { child: command.spawn().unwrap(), folder, address };
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "not ready: {}", process.logs());
            std::thread::sleep(Duration::from_millis(20));
        }
        process
    }

    /// Sends a request on a connection of its own.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address);
        for (name, value) in headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        self.send_raw(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes())
    }

    /// Sends bytes and reads until the server has no more to say.
    pub fn send_raw(&self, bytes: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        // A server that refuses early may close before it has read everything; what it said counts.
        let _ = stream.read_to_end(&mut answer);
        let text = String::from_utf8_lossy(&answer).into_owned();
        let status = text.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        Reply { status, text }
    }

    /// Sends JSON as the administrator.
    pub fn admin(&self, method: &str, path: &str, body: &Value) -> Reply {
        let headers = [("authorization", ADMIN), ("content-type", "application/json")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, path, &headers, &body)
    }

    /// What it printed and logged.
    pub fn logs(&self) -> String {
        ["stdout", "stderr"].map(|name| std::fs::read_to_string(self.folder.path().join(name)).unwrap()).concat()
    }

    /// The most memory it ever had, in bytes.
    pub fn memory_peak(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1_024
    }

    /// All files of its data folder, read whole.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let read =
            |path: &Path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(path).unwrap());
        let entries = std::fs::read_dir(self.folder.path().join("data")).unwrap();
        entries.map(|entry| read(&entry.unwrap().path())).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
