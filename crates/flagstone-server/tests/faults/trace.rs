//! strace in front of a node: it injects faults into system calls, or writes them down.

use std::path::Path;
use std::process::Command;

/// strace on a process that runs already; dropping it takes the fault away.
pub struct Injection(std::process::Child);

impl Injection {
    /// From now on each `syscall` of process `pid` on these files fails with `error`.
    pub async fn start(pid: u32, syscall: &str, error: &str, files: &[std::path::PathBuf]) -> Self {
        assert_installed();
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o", "/dev/null", "-p", &pid.to_string(), "-e", &format!("trace={syscall}")]);
        command.args(["-e", &format!("inject={syscall}:error={error}")]);
        for file in files {
            command.arg("-P").arg(file);
        }
        let mut child = command.stdin(std::process::Stdio::null()).spawn().unwrap();
        crate::node::until("strace is attached (it needs root, or 0 in /proc/sys/kernel/yama/ptrace_scope)", || {
            assert!(child.try_wait().unwrap().is_none(), "strace may not attach: run as root, or as the docs say");
            let traced = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().all(|task| {
                let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap_or_default();
                !status.contains("TracerPid:\t0\n")
            });
            async move { traced.then_some(()) }
        })
        .await;
        Self(child)
    }
}

impl Drop for Injection {
    fn drop(&mut self) {
        // SIGTERM lets it detach; SIGKILL might leave threads stopped.
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

fn assert_installed() {
    assert!(
        Command::new("strace").arg("-V").output().is_ok_and(|output| output.status.success()),
        "strace is missing: run `make test`, which installs it, or on Debian and Ubuntu: apt-get install strace"
    );
}

/// The words before the binary: strace as a grandchild (`-D`), so that signals and the exit code are the node's own.
pub fn strace(options: &[&str]) -> Vec<String> {
    assert_installed();
    let words = ["strace", "-D", "-f", "-qq"].iter().chain(options);
    words.map(|word| (*word).to_owned()).collect()
}

/// Limits tracing to the files of the database in `folder`.
pub fn database_files(folder: &Path) -> Vec<String> {
    let mut words = Vec::new();
    for name in ["flagstone.db", "flagstone.db-wal", "flagstone.db-journal"] {
        words.extend(["-P".to_owned(), folder.join(name).display().to_string()]);
    }
    words.extend(["-P".to_owned(), folder.display().to_string()]);
    words
}
