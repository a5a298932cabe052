//! Power loss, emulated: strace writes down what reaches the database's files and when, a model of the disk replays it
//! up to a moment, and what the disk holds then is opened.
//!
//! The model: a file's content is certain up to its last sync; a name in a folder is certain after the folder's sync.
//! Of everything since, a power loss may take all or any part, and may tear a write between two sectors. The
//! shared-memory file holds nothing that must survive, and starts missing.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use flagstone_store::{DatabaseUrl, Options, Store};
use serde_json::Value;

use crate::ALONE;
use crate::node::Setup;
use crate::random::Random;
use crate::trace::{database_files, strace};
use crate::workload::{Flag, Log, Write, Writers};

const SECTOR: usize = 512;

/// A system call that changed what the disk holds.
#[derive(Clone, Debug)]
enum Call {
    /// The file is there from now on, if it was not before.
    Create {
        file: String,
    },
    Write {
        file: String,
        at: usize,
        bytes: Vec<u8>,
    },
    Truncate {
        file: String,
        length: usize,
    },
    Sync {
        file: String,
    },
    SyncFolder,
    Unlink {
        file: String,
    },
}

#[derive(Clone, Debug, Default)]
struct Inode {
    now: Vec<u8>,
    certain: Vec<u8>,
    /// Since the last sync.
    pending: Vec<Call>,
}

#[derive(Clone, Debug, Default)]
struct Disk {
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    certain_names: BTreeMap<String, usize>,
}

/// What a power loss takes.
#[derive(Clone, Copy, Debug)]
enum Loss {
    /// Everything that was not synced.
    All,
    /// Any of the writes that were not synced.
    Some,
    /// A part of the last write.
    Torn,
}

impl Disk {
    fn inode(&mut self, file: &str) -> &mut Inode {
        let at = *self.names.entry(file.to_owned()).or_insert_with(|| {
            self.inodes.push(Inode::default());
            self.inodes.len() - 1
        });
        &mut self.inodes[at]
    }

    fn apply(&mut self, call: &Call) {
        match call {
            Call::Create { file } => {
                self.inode(file);
            }
            Call::Write { file, .. } | Call::Truncate { file, .. } => {
                let inode = self.inode(file);
                change(&mut inode.now, call);
                inode.pending.push(call.clone());
            }
            Call::Sync { file } => {
                let inode = self.inode(file);
                inode.certain = inode.now.clone();
                inode.pending.clear();
            }
            Call::SyncFolder => self.certain_names = self.names.clone(),
            Call::Unlink { file } => {
                self.names.remove(file);
            }
        }
    }

    /// The files after a power loss at this moment.
    fn after(&self, loss: Loss, random: &mut Random) -> BTreeMap<&str, Vec<u8>> {
        let names = match loss {
            Loss::All => &self.certain_names,
            Loss::Some if random.coin() => &self.certain_names,
            Loss::Some | Loss::Torn => &self.names,
        };
        names.iter().map(|(name, at)| (name.as_str(), self.inodes[*at].after(loss, random))).collect()
    }
}

impl Inode {
    fn after(&self, loss: Loss, random: &mut Random) -> Vec<u8> {
        let mut content = self.certain.clone();
        match loss {
            Loss::All => {}
            Loss::Some => self.pending.iter().filter(|_| random.coin()).for_each(|call| change(&mut content, call)),
            Loss::Torn => {
                let Some((last, before)) = self.pending.split_last() else { return content };
                for call in before {
                    change(&mut content, call);
                }
                if let Call::Write { file, at, bytes } = last {
                    let sectors = random.below((bytes.len() / SECTOR + 1) as u64) as usize;
                    let bytes = bytes[..(sectors * SECTOR).min(bytes.len())].to_vec();
                    change(&mut content, &Call::Write { file: file.clone(), at: *at, bytes });
                }
            }
        }
        content
    }
}

fn change(content: &mut Vec<u8>, call: &Call) {
    match call {
        Call::Write { at, bytes, .. } => {
            content.resize(content.len().max(at + bytes.len()), 0);
            content[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        Call::Truncate { length, .. } => content.resize(*length, 0),
        _ => {}
    }
}

/// Reads strace's record: the time of each call, and what it did. Calls that failed did nothing.
fn read_record(text: &str, folder: &Path) -> Vec<(SystemTime, Call)> {
    let mut begun = BTreeMap::<&str, String>::new();
    let mut calls = Vec::new();
    for line in text.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let (time, rest) = rest.trim_start().split_once(' ').expect("a time");
        let rest = rest.trim_start();
        // A call that another thread's line interrupted is complete at its second half.
        let whole = if let Some(first) = rest.strip_suffix("<unfinished ...>") {
            begun.insert(thread, format!("{time} {first}"));
            continue;
        } else if let Some((_, end)) = rest.split_once("resumed>") {
            format!("{}{end}", begun.remove(thread).expect("the first half of a call"))
        } else {
            format!("{time} {rest}")
        };
        let (time, call) = whole.split_once(' ').expect("a time");
        // A write counts from its beginning, a sync at its end, which is where it stands in the record.
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs_f64(time.parse().expect("a time"));
        if let Some(call) = read_call(call, folder) {
            calls.push((time, call));
        }
    }
    calls
}

fn read_call(call: &str, folder: &Path) -> Option<Call> {
    let (name, rest) = call.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(" = ")?;
    if result.starts_with('-') {
        return None;
    }
    let arguments = arguments.trim_end().strip_suffix(')')?;
    let folder = folder.to_str()?;
    // `12</folder/flagstone.db-wal>`
    let of_descriptor = || {
        let path = arguments.split_once('<')?.1.split_once('>')?.0;
        let path = if path.starts_with("\\x") { String::from_utf8(text(path)).ok()? } else { path.to_owned() };
        Some(path.strip_prefix(folder)?.trim_start_matches('/').to_owned())
    };
    // A call in two halves has a space where they were joined.
    let last_number = || arguments.rsplit(", ").next().and_then(|n| n.trim().parse::<usize>().ok()).expect("a number");
    match name {
        "openat" if arguments.contains("O_CREAT") => {
            let path = text(arguments.split('"').nth(1)?);
            let path = String::from_utf8(path).ok()?;
            Some(Call::Create { file: path.strip_prefix(folder)?.trim_start_matches('/').to_owned() })
        }
        "pwrite64" => {
            let mut bytes = text(arguments.split('"').nth(1)?);
            bytes.truncate(result.split(' ').next()?.parse().ok()?);
            Some(Call::Write { file: of_descriptor()?, at: last_number(), bytes })
        }
        "ftruncate" => Some(Call::Truncate { file: of_descriptor()?, length: last_number() }),
        "fsync" | "fdatasync" => Some(match of_descriptor()? {
            file if file.is_empty() => Call::SyncFolder,
            file => Call::Sync { file },
        }),
        "unlink" => {
            let path = String::from_utf8(text(arguments.split('"').nth(1)?)).ok()?;
            Some(Call::Unlink { file: path.strip_prefix(folder)?.trim_start_matches('/').to_owned() })
        }
        "openat" | "close" => None,
        other => panic!("a call that the model does not know: {other}"),
    }
}

/// Bytes in the form `\x00\xff`.
fn text(escaped: &str) -> Vec<u8> {
    escaped.split("\\x").skip(1).map(|hex| u8::from_str_radix(hex, 16).expect("a byte")).collect()
}

/// Opens what is left, and says what is lost of what was acknowledged before `moment`.
async fn look(files: &BTreeMap<&str, Vec<u8>>, logs: &[Log], moment: SystemTime) -> Result<usize, String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files.iter().filter(|(name, _)| name.starts_with("flagstone.db")) {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let url = DatabaseUrl::Sqlite(folder.path().join("flagstone.db"));
    let store = Store::open(&url, &Options::default()).await.map_err(|e| format!("cannot be opened: {e}"))?;
    let loaded = store.load().await.map_err(|e| format!("cannot be loaded: {e}"))?;
    let verification = store.verify().await.map_err(|e| format!("cannot be verified: {e}"))?;
    store.close().await;
    if let Some(broken) = verification.broken {
        return Err(format!("{broken}"));
    }
    let mut flags = BTreeMap::<String, Flag>::new();
    let mut tokens = String::new();
    for document in &loaded.documents {
        let body: Value = serde_json::from_str(&document.body).unwrap();
        match document.kind.as_str() {
            "feature" => {
                let environment = &body["environments"]["development"];
                let strategies = environment["strategies"].as_array().into_iter().flatten();
                let titles = strategies.filter_map(|s| s["title"].as_str()).map(str::to_owned).collect();
                let flag = Flag { on: environment["enabled"] == true, strategies: titles };
                flags.insert(document.id.clone(), flag);
            }
            "API token" => tokens += &document.body,
            _ => {}
        }
    }
    let mut checked = 0;
    for log in logs {
        let before = log.acknowledged.iter().take_while(|(at, _)| *at < moment).count();
        let mut next = log.acknowledged[before..].iter().map(|(_, write)| write).chain(&log.unknown);
        let next = next.next();
        for (_, write) in &log.acknowledged[..before] {
            checked += 1;
            let lost = match write {
                Write::Create { flag } => !flags.contains_key(flag),
                Write::AddStrategy { flag, title } => !flags.get(flag).is_some_and(|f| f.strategies.contains(title)),
                Write::Token { name } => !tokens.contains(&format!("\"{name}\"")),
                Write::Switch { .. } => false,
            };
            if lost {
                return Err(format!("lost: {write:?}"));
            }
        }
        // A switch counts by the last one, and by the one that may be under way.
        let mut expected = crate::workload::Expected::default();
        log.acknowledged[..before].iter().for_each(|(_, write)| expected.apply(write));
        for (name, flag) in &expected.flags {
            let under_way = matches!(next, Some(Write::Switch { flag, .. }) if flag == name);
            if !under_way && flags.get(name).map(|f| f.on) != Some(flag.on) {
                return Err(format!("lost: the last switch of {name}"));
            }
        }
    }
    Ok(checked)
}

/// Records a session of a node with some writers.
async fn record(writes: usize, random: &mut Random) -> (Vec<(SystemTime, Call)>, Vec<Log>) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let file = folder.path().join("record");
    let mut setup = Setup::sqlite(&data);
    let trace = "trace=openat,pwrite64,pwritev,write,writev,fsync,fdatasync,ftruncate,fallocate,unlink,unlinkat,rename";
    let options = ["-o", file.to_str().unwrap(), "-ttt", "-y", "-xx", "-s", "70000", "-e", trace];
    setup.wrapper = strace(&options);
    setup.wrapper.extend(database_files(&data));
    let mut node = setup.start_ready().await;
    let writers = Writers::start(&[node.port], 4, "power", random);
    // Every write is one event at least.
    crate::node::until("the writes of the session", || async {
        (admin_total(node.port).await >= writes as u64).then_some(())
    })
    .await;
    let logs = writers.stop().await;
    node.signal("TERM");
    assert!(node.end().await.0.success());
    // The end of the record is the end of the process.
    let text = std::fs::read_to_string(&file).unwrap();
    (read_record(&text, &data), logs)
}

async fn admin_total(port: u16) -> u64 {
    let mut admin = crate::http::Client::new(port, crate::node::ADMIN);
    let page = admin.get("/api/admin/search/events?limit=1&query=power").await.unwrap().expect().json();
    page["total"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f1c_a_power_loss_takes_nothing_that_was_acknowledged() {
    let _alone = ALONE.lock().await;
    let mut random = Random::from_environment("F1c");
    let long = std::env::var("FLAGSTONE_F1C").is_ok_and(|value| value == "1");
    let (writes, moments) = if long { (600, 420) } else { (80, 25) };
    let (calls, logs) = record(writes, &mut random).await;
    let acknowledged: usize = logs.iter().map(|log| log.acknowledged.len()).sum();
    assert!(acknowledged >= writes / 2, "too little traffic for a result: {acknowledged} writes");
    let syncs = calls.iter().filter(|(_, call)| matches!(call, Call::Sync { .. })).count();
    assert!(calls.len() > moments && syncs > 10, "the record is too short: {} calls, {syncs} syncs", calls.len());

    // One moment from each of equal stretches.
    let chosen: Vec<usize> = (0..moments)
        .map(|n| {
            let (from, to) = (n * calls.len() / moments, (n + 1) * calls.len() / moments);
            from + random.below((to - from) as u64) as usize
        })
        .collect();
    let (mut disk, mut done, mut images, mut checked, mut faults) = (Disk::default(), 0, 0, 0, Vec::new());
    // The same disk without syncs once writing has begun: the test of the test.
    let first_write = logs.iter().filter_map(|log| log.acknowledged.first()).map(|(at, _)| *at).min().unwrap();
    let (mut careless, mut careless_faults) = (Disk::default(), 0);
    for at in chosen {
        for (time, call) in &calls[done..at] {
            disk.apply(call);
            if !matches!(call, Call::Sync { .. }) || *time < first_write {
                careless.apply(call);
            }
        }
        done = at;
        let moment = calls[at].0;
        for loss in [Loss::All, Loss::Some, Loss::Torn] {
            images += 1;
            match look(&disk.after(loss, &mut random), &logs, moment).await {
                Ok(count) => checked += count,
                Err(fault) => faults.push(format!("before call {at} of {}, {loss:?}: {fault}", calls.len())),
            }
        }
        careless_faults += usize::from(look(&careless.after(Loss::All, &mut random), &logs, moment).await.is_err());
    }
    println!(
        "F1c: {acknowledged} acknowledged writes, {} calls, {syncs} syncs; {moments} moments, {images} images, {checked} \
         comparisons, {} losses; without syncs {careless_faults} of {moments} moments lose",
        calls.len(),
        faults.len()
    );
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(careless_faults * 2 > moments, "a disk that never syncs must lose: {careless_faults} of {moments}");
    assert!(checked > 10 * moments, "too few comparisons for a result: {checked}");
}
