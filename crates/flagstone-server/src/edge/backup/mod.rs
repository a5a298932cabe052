//! What outlasts a restart: flags with their revisions, and tokens by their hashes, in a file that changes are written
//! behind, and that is made anew when most of it is old.

mod records;
mod remote;
#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flagstone_model::api_tokens::ApiToken;
use serde_json::value::RawValue;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::upstream::Changes;
use records::{Frames, Index, Reading};
pub use remote::{Remote, packed};

const CURRENT: &str = "flagstone-edge.journal";
/// The one before, as it was when the current one was made.
const PREVIOUS: &str = "flagstone-edge.previous.journal";
const UNFINISHED: &str = "flagstone-edge.unfinished.journal";
/// What was broken when it was read.
const BROKEN: &str = "flagstone-edge.broken.journal";
/// From how many bytes of what is old on a file may be made anew; and only if they are more than what is not.
const GARBAGE_MIN: u64 = 64 << 10;
/// How many bytes are written at once.
const BUFFER_BYTES: usize = 256 << 10;

/// An environment and projects of it, sorted; or just [`ALL`](flagstone_model::api_tokens::ALL).
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The environment.
    pub environment: String,
    /// The projects.
    pub projects: Vec<String>,
}

/// Something to be kept. What a feed brings is `{"events":[…]}`, as SDKs get it.
#[derive(Debug)]
pub enum News {
    /// A token works, and is for this.
    Token(Arc<ApiToken>),
    /// The token with this hash does not.
    Forgotten(String),
    /// A feed is this, whatever it was before.
    Feed(Arc<Place>, Box<RawValue>),
    /// This has changed in a feed.
    Changes(Arc<Place>, Box<RawValue>),
    /// There is no such feed any more.
    Gone(Arc<Place>),
}

/// What was kept.
#[derive(Debug, Default)]
pub struct Saved {
    /// Without secrets.
    pub tokens: Vec<ApiToken>,
    /// One for each feed that had come.
    pub feeds: Vec<SavedFeed>,
}

/// What was kept of a feed.
#[derive(Debug)]
pub struct SavedFeed {
    /// What it brings.
    pub place: Arc<Place>,
    /// What it is and what has changed since, as it came.
    pub changes: Vec<Changes>,
}

/// A folder that holds what is kept; clones share it.
#[derive(Clone, Debug)]
pub struct Backup(Arc<Mutex<Journal>>);

impl Backup {
    /// Makes a missing folder, which only its owner may enter.
    pub fn new(folder: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let journal = Journal { folder: folder.to_owned(), open: None };
        Ok(Self(Arc::new(Mutex::new(journal))))
    }

    /// What was kept last; nothing if nothing is whole. What is broken is said and put aside.
    pub fn load(&self) -> Option<Saved> {
        // Whoever writes already has begun with something.
        self.0.try_lock().ok()?.load()
    }

    /// Waits until nobody else writes.
    pub async fn begin(&self) -> OwnedMutexGuard<Journal> {
        Arc::clone(&self.0).lock_owned().await
    }
}

/// The current file.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    /// None where it has to be made anew: there is none, or nobody knows what a failure has left of it.
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    index: Index,
}

impl Journal {
    /// Whether everything has to be written again: what is new alone would be of no use, or has outgrown the rest.
    pub fn wants_all(&self) -> bool {
        self.open.as_ref().is_none_or(|open| {
            let garbage = open.index.bytes - open.index.alive;
            garbage > GARBAGE_MIN.max(open.index.alive)
        })
    }

    /// Writes what is new behind the rest. After a failure all is wanted.
    pub fn append(&mut self, news: impl Iterator<Item = News>) -> io::Result<()> {
        let Some(Open { file, index }) = self.open.take() else {
            return Err(io::Error::other("there is no backup that could be written on"));
        };
        let before = index.bytes;
        let mut frames = Frames { out: BufWriter::with_capacity(BUFFER_BYTES, file), index };
        for news in news {
            frames.write(&news)?;
        }
        let (file, index) = (frames.out.into_inner()?, frames.index);
        if index.bytes > before {
            file.sync_data()?;
        }
        self.open = Some(Open { file, index });
        Ok(())
    }

    /// Writes everything into a new file and puts it in the place of the last one, which stays beside it. After a crash
    /// one of them is whole.
    pub fn rewrite(&mut self, all: impl Iterator<Item = News>) -> io::Result<()> {
        self.open = None;
        let path = |name| self.folder.join(name);
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path(UNFINISHED))?;
        let mut frames = Frames::begin(BufWriter::with_capacity(BUFFER_BYTES, file))?;
        for news in all {
            frames.write(&news)?;
        }
        frames.whole()?;
        let (file, index) = (frames.out.into_inner()?, frames.index);
        file.sync_all()?;
        match fs::rename(path(CURRENT), path(PREVIOUS)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::rename(path(UNFINISHED), path(CURRENT))?;
        File::open(&self.folder)?.sync_all()?;
        self.open = Some(Open { file, index });
        Ok(())
    }

    fn load(&mut self) -> Option<Saved> {
        let folder = self.folder.clone();
        let load = |name: &'static str| match fs::read(folder.join(name)) {
            Ok(bytes) => Some((name, bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => {
                tracing::error!(%error, file = name, "the backup cannot be used");
                None
            }
        };
        [CURRENT, PREVIOUS].into_iter().filter_map(load).find_map(|(name, bytes)| match records::read(&bytes) {
            Ok(reading) => {
                let (index, saved) = saved(reading, name);
                if name == CURRENT {
                    self.go_on(index, &bytes);
                }
                Some(saved)
            }
            Err(broken) => {
                tracing::error!(broken, file = name, "the backup cannot be used");
                // In its place it would become the one before at the next write.
                if let Err(error) = fs::rename(folder.join(name), folder.join(BROKEN)) {
                    tracing::error!(%error, file = name, "the broken backup cannot be put aside");
                }
                None
            }
        })
    }

    /// Goes on behind the last record that is whole.
    fn go_on(&mut self, index: Index, bytes: &[u8]) {
        let open = || {
            let mut file = OpenOptions::new().write(true).open(self.folder.join(CURRENT))?;
            let whole = usize::try_from(index.bytes).unwrap_or(bytes.len());
            if whole < bytes.len() {
                put_aside(&self.folder, &bytes[whole..])?;
                file.set_len(index.bytes)?;
                file.sync_all()?;
            }
            file.seek(SeekFrom::End(0))?;
            io::Result::Ok(file)
        };
        match open() {
            Ok(file) => self.open = Some(Open { file, index }),
            Err(error) => tracing::error!(%error, "the backup cannot be written on; it will be made anew"),
        }
    }
}

/// Keeps what is cut off: perhaps somebody wants to know what happened to it.
fn put_aside(folder: &Path, cut: &[u8]) -> io::Result<()> {
    let path = folder.join(BROKEN);
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?.write_all(cut)
}

/// What a file says, and where one may go on in it. A feed whose beginning cannot be read is left out; one of which a
/// change cannot be read is as it was before that.
fn saved(reading: Reading<'_>, name: &str) -> (Index, Saved) {
    if let Some(broken) = reading.broken {
        let whole = reading.index.bytes;
        tracing::error!(broken, whole, file = name, "the end of the backup is lost; what stands before it is used");
    }
    let feeds = reading.feeds.into_values().map(|(place, records)| {
        let parsed = records.into_iter().map(|raw| serde_json::from_str::<Changes>(raw.get()));
        let changes = parsed.map_while(|changes| {
            let say = |error: &serde_json::Error| {
                let environment = &place.environment;
                tracing::error!(%error, environment, "flags in the backup cannot be read; what stands before them is used");
            };
            changes.inspect_err(say).ok()
        });
        let changes = changes.collect();
        SavedFeed { place, changes }
    });
    let feeds = feeds.collect();
    (reading.index, Saved { tokens: reading.tokens.into_values().collect(), feeds })
}
