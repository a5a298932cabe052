//! When files are to be read again.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What changes when a file is written or another one is put in its place.
type Stamp = Option<(SystemTime, u64, u64)>;

/// Looks at files again and again, and listens to SIGHUP.
pub struct Reload {
    paths: Vec<PathBuf>,
    /// How often to look; never, only at the signal.
    every: Option<Duration>,
    seen: Vec<Stamp>,
    hangup: Signal,
}

impl Reload {
    /// As the files are by now; they are to be read behind this. The signal does not end the process from here on.
    pub fn new(paths: Vec<PathBuf>, every: Option<Duration>) -> io::Result<Self> {
        let hangup = signal(SignalKind::hangup())?;
        let seen = paths.iter().map(stamp).collect();
        Ok(Self { paths, every, seen, hangup })
    }

    /// Waits until they are to be read again.
    pub async fn wanted(&mut self) {
        loop {
            let look = async {
                match self.every {
                    Some(every) => tokio::time::sleep(every).await,
                    None => std::future::pending().await,
                }
            };
            let is_told = tokio::select! {
                _ = self.hangup.recv() => true,
                () = look => false,
            };
            let now: Vec<Stamp> = self.paths.iter().map(stamp).collect();
            // One that is away for a moment is about to come back.
            if is_told || now != self.seen && now.iter().all(Option::is_some) {
                self.seen = now;
                return;
            }
        }
    }
}

fn stamp(path: &PathBuf) -> Stamp {
    let file = std::fs::metadata(path).ok()?;
    Some((file.modified().ok()?, file.len(), file.ino()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;

    #[tokio::test]
    async fn files_are_read_again_when_they_change_or_at_the_signal() {
        let folder = tempfile::tempdir().unwrap();
        let [path, other] = ["file", "other"].map(|name| folder.path().join(name));
        fs::write(&path, "one").unwrap();
        let mut looks = Reload::new(vec![path.clone()], Some(Duration::from_millis(1))).unwrap();
        let is_wanted =
            async |reload: &mut Reload| tokio::time::timeout(Duration::from_millis(100), reload.wanted()).await.is_ok();
        assert!(!is_wanted(&mut looks).await, "nothing has changed");
        fs::write(&path, "longer").unwrap();
        assert!(is_wanted(&mut looks).await);
        assert!(!is_wanted(&mut looks).await, "it was told");
        fs::write(&other, "longer").unwrap();
        fs::rename(&other, &path).unwrap();
        assert!(is_wanted(&mut looks).await, "another one is in its place");
        fs::remove_file(&path).unwrap();
        assert!(!is_wanted(&mut looks).await, "there is nothing to read");

        let mut listens = Reload::new(vec![path.clone()], None).unwrap();
        fs::write(&path, "again").unwrap();
        assert!(!is_wanted(&mut listens).await, "nobody looks");
        let pid = std::process::id().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
        listens.wanted().await;
    }
}
