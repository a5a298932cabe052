//! What outlasts a restart: flags with their revisions, and tokens by their hashes, in one file with a checksum.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flagstone_model::api_tokens::ApiToken;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::system::entropy::as_hex;
use crate::system::locks::{Mutex, rank};

/// The first line is this and the SHA-256 of all that follows.
const MAGIC: &str = "flagstone-edge-1 ";
const CURRENT: &str = "flagstone-edge.json";
const PREVIOUS: &str = "flagstone-edge.previous.json";
const UNFINISHED: &str = "flagstone-edge.unfinished.json";
/// What was broken when it was read. In the place of the last state it would become the one before at the next write.
const BROKEN: &str = "flagstone-edge.broken.json";

/// What is kept.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Saved {
    /// Without secrets.
    pub tokens: Vec<ApiToken>,
    /// One for each feed that has come.
    pub feeds: Vec<SavedFeed>,
}

/// What is kept of a feed.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedFeed {
    /// The environment.
    pub environment: String,
    /// The projects.
    pub projects: Vec<String>,
    /// Everything, as a hydration.
    pub changes: Box<RawValue>,
}

/// A folder that holds the last state and the one before.
#[derive(Clone, Debug)]
pub struct Backup {
    folder: PathBuf,
    /// One write at a time: all write the same unfinished file.
    writing: Arc<Mutex<{ rank::EDGE_FILE }, ()>>,
}

impl Backup {
    /// Makes a missing folder, which only its owner may enter.
    pub fn new(folder: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        Ok(Self { folder: folder.to_owned(), writing: Arc::default() })
    }

    /// The last state that is whole; nothing if there is none. What is broken is said and put aside.
    pub fn load(&self) -> Option<Saved> {
        [CURRENT, PREVIOUS].into_iter().find_map(|name| match read(&self.folder.join(name)) {
            Ok(saved) => Some(saved),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => {
                tracing::error!(%error, file = name, "the backup cannot be used");
                if error.kind() == ErrorKind::InvalidData
                    && let Err(error) = fs::rename(self.folder.join(name), self.folder.join(BROKEN))
                {
                    tracing::error!(%error, file = name, "the broken backup cannot be put aside");
                }
                None
            }
        })
    }

    /// Puts a state in the place of the last one, which stays beside it. After a crash one of them is whole.
    pub fn save(&self, saved: &Saved) -> io::Result<()> {
        let _alone = self.writing.lock();
        let path = |name| self.folder.join(name);
        let body = serde_json::to_vec(saved)?;
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path(UNFINISHED))?;
        file.write_all(format!("{MAGIC}{}\n", as_hex(&Sha256::digest(&body))).as_bytes())?;
        file.write_all(&body)?;
        file.sync_all()?;
        match fs::rename(path(CURRENT), path(PREVIOUS)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::rename(path(UNFINISHED), path(CURRENT))?;
        File::open(&self.folder)?.sync_all()
    }
}

fn read(path: &Path) -> io::Result<Saved> {
    let bytes = fs::read(path)?;
    let broken = |what: &str| io::Error::new(ErrorKind::InvalidData, what.to_owned());
    let end = bytes.iter().position(|byte| *byte == b'\n').ok_or_else(|| broken("it has no first line"))?;
    let (head, body) = (&bytes[..end], &bytes[end + 1..]);
    let checksum = std::str::from_utf8(head).ok().and_then(|head| head.strip_prefix(MAGIC));
    let checksum = checksum.ok_or_else(|| broken("it is no backup of this version"))?;
    if as_hex(&Sha256::digest(body)) != checksum {
        return Err(broken("its checksum is wrong"));
    }
    Ok(serde_json::from_slice(body)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(revision: u64) -> Saved {
        let changes = RawValue::from_string(format!(r#"{{"events":[{revision}]}}"#)).unwrap();
        let feed = SavedFeed { environment: "development".to_owned(), projects: vec!["*".to_owned()], changes };
        Saved { tokens: Vec::new(), feeds: vec![feed] }
    }

    fn loaded(backup: &Backup) -> Option<String> {
        backup.load().map(|saved| saved.feeds[0].changes.get().to_owned())
    }

    #[test]
    fn f6_whatever_breaks_the_last_file_the_one_before_serves() {
        let folder = tempfile::tempdir().unwrap();
        let backup = Backup::new(&folder.path().join("new")).unwrap();
        assert!(backup.load().is_none());
        backup.save(&saved(1)).unwrap();
        backup.save(&saved(2)).unwrap();
        let (one, two) = (Some(r#"{"events":[1]}"#.to_owned()), Some(r#"{"events":[2]}"#.to_owned()));
        assert_eq!(loaded(&backup), two);
        let path = folder.path().join("new").join(CURRENT);
        let good = fs::read(&path).unwrap();
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut flipped = good.clone();
                flipped[at] ^= 1 << bit;
                fs::write(&path, &flipped).unwrap();
                assert_eq!(loaded(&backup), one, "bit {bit} of byte {at} flipped");
            }
            fs::write(&path, &good[..at]).unwrap();
            assert_eq!(loaded(&backup), one, "cut at {at}");
        }
        assert_eq!(loaded(&backup), one, "killed between the two renames");
        backup.save(&saved(2)).unwrap();
        assert_eq!(loaded(&backup), two);
    }

    #[test]
    fn f6_a_broken_file_never_takes_the_place_of_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let backup = Backup::new(folder.path()).unwrap();
        let [current, previous] = [CURRENT, PREVIOUS].map(|name| folder.path().join(name));
        backup.save(&saved(1)).unwrap();
        backup.save(&saved(2)).unwrap();
        let before = fs::read(&previous).unwrap();
        fs::write(&current, "broken").unwrap();
        assert!(backup.load().is_some());
        backup.save(&saved(3)).unwrap();
        assert_eq!(
            fs::read(&previous).unwrap(),
            before,
            "a kill in the middle of this write would have lost everything"
        );
        // Broken as well by now: there is nothing left, and that is no reason not to start.
        fs::write(&current, "").unwrap();
        fs::write(&previous, "").unwrap();
        assert!(backup.load().is_none());
        backup.save(&saved(4)).unwrap();
        assert_eq!(loaded(&backup).as_deref(), Some(r#"{"events":[4]}"#));
    }

    #[test]
    fn f6_writes_at_the_same_time_leave_whole_files() {
        let folder = tempfile::tempdir().unwrap();
        let backup = Backup::new(folder.path()).unwrap();
        std::thread::scope(|scope| {
            for writer in 0..4_u32 {
                let backup = backup.clone();
                scope.spawn(move || {
                    for n in 0..25 {
                        // Of very different length, so that one in the place of the other would show.
                        backup.save(&saved(10_u64.pow(4 * writer) + n)).unwrap();
                    }
                });
            }
        });
        for name in [CURRENT, PREVIOUS] {
            read(&folder.path().join(name)).unwrap();
        }
    }
}
