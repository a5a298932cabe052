//! Very many listen at once: to every change, with some among them who do not read; and all come back after a crash.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::sleep;

use crate::ALONE;
use crate::http::Client;
use crate::node::{BACKEND, Node, PATIENCE, Setup, create_flag, until};
use crate::random::{Random, number};
use crate::sse::{Features, Stream};

const FLAG: &str = "heard";
/// Below what one address and one token may have.
const PER_ADDRESS: usize = 400;
const PER_TOKEN: usize = 800;
/// One in so many does not read, and one in so many names an id that never was.
const SILENT: usize = 20;
const GARBAGE: usize = 100;

/// What all who listen share.
struct Crowd {
    port: u16,
    tokens: Vec<String>,
    listening: AtomicUsize,
    /// How many have heard of a revision.
    heard: Mutex<BTreeMap<u64, usize>>,
    /// When the change that is under way was asked for, and how late it was heard of.
    asked: Mutex<Instant>,
    late: Mutex<Vec<Duration>>,
    /// Everything anew for somebody who knew something.
    needless: AtomicUsize,
    refused: AtomicUsize,
    faults: Mutex<Vec<String>>,
    ended: AtomicBool,
}

impl Crowd {
    fn fault(&self, what: String) {
        self.faults.lock().unwrap().push(what);
    }

    async fn all_listen(&self, readers: usize) -> Duration {
        until("all listen", || async { (self.listening.load(Ordering::Relaxed) == readers).then_some(()) }).await.1
    }

    async fn all_heard(&self, revision: u64, readers: usize) {
        let heard = || async { (self.heard.lock().unwrap().get(&revision) == Some(&readers)).then_some(()) };
        until(&format!("all hear of revision {revision}"), heard).await;
        assert_eq!(*self.faults.lock().unwrap(), Vec::<String>::new());
    }
}

/// Somebody who listens; small, for there are very many.
struct Listener {
    number: usize,
    crowd: Arc<Crowd>,
    /// The number of the last event, and its whole id.
    last: Option<(u64, Box<str>)>,
    /// The beginning of the line that is being read.
    line: Vec<u8>,
    everything: bool,
    listens: bool,
}

/// The longest line that says more than data.
const LINE_MAX: usize = 32;

impl Listener {
    fn new(number: usize, crowd: &Arc<Crowd>) -> Self {
        let line = Vec::with_capacity(LINE_MAX);
        Self { number, crowd: Arc::clone(crowd), last: None, line, everything: false, listens: false }
    }

    /// Listens, and at once again whenever the stream ends, until all do.
    async fn listen(mut self, mut random: Random) {
        while !self.crowd.ended.load(Ordering::Relaxed) {
            // Whoever is sent away comes back when they were told to; a port that is closed is knocked at again.
            let wait = match self.listen_once().await {
                Err(error) if error.kind() == ErrorKind::Other => 1_000 + random.below(1_000),
                _ => random.below(200),
            };
            if std::mem::take(&mut self.listens) {
                self.crowd.listening.fetch_sub(1, Ordering::Relaxed);
            }
            sleep(Duration::from_millis(wait)).await;
        }
    }

    async fn listen_once(&mut self) -> Result<()> {
        let last = match &self.last {
            None if self.number % GARBAGE == 1 => Some("no-such-id".to_owned()),
            last => last.as_ref().map(|(_, id)| id.to_string()),
        };
        let stream = connect(self.number, &self.crowd, last).await?;
        self.line.clear();
        loop {
            stream.readable().await?;
            // Not kept while waiting.
            let mut buffer = [0; 16 << 10];
            match stream.try_read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(length) => self.take(&buffer[..length])?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<()> {
        for byte in bytes {
            match byte {
                b'\n' => {
                    self.line_ends()?;
                    self.line.clear();
                }
                _ if self.line.len() < LINE_MAX => self.line.push(*byte),
                _ => {}
            }
        }
        Ok(())
    }

    fn line_ends(&mut self) -> Result<()> {
        let line = self.line.trim_ascii_end();
        if let Some(status) = line.strip_prefix(b"HTTP/1.1 ") {
            if !status.starts_with(b"200") {
                self.crowd.refused.fetch_add(1, Ordering::Relaxed);
                return Err(Error::other("sent away"));
            }
        } else if line.starts_with(b"retry: ") {
            self.listens = true;
            self.crowd.listening.fetch_add(1, Ordering::Relaxed);
        } else if let Some(kind) = line.strip_prefix(b"event: ") {
            self.everything = kind == b"unleash-connected";
        } else if let Some(id) = line.strip_prefix(b"id: ") {
            let id: Box<str> = std::str::from_utf8(id).map_err(|_| ErrorKind::InvalidData)?.into();
            let number = id.split('-').next().and_then(|number| number.parse().ok()).ok_or(ErrorKind::InvalidData)?;
            self.event(number, id);
        }
        Ok(())
    }

    fn event(&mut self, id: u64, whole: Box<str>) {
        let crowd = &self.crowd;
        match &self.last {
            Some(_) if self.everything => drop(crowd.needless.fetch_add(1, Ordering::Relaxed)),
            Some((last, _)) if id <= *last => crowd.fault(format!("listener {}: {id} after {last}", self.number)),
            None if !self.everything => crowd.fault(format!("listener {}: begins with a change", self.number)),
            _ => {}
        }
        self.last = Some((id, whole));
        *crowd.heard.lock().unwrap().entry(id).or_default() += 1;
        let late = crowd.asked.lock().unwrap().elapsed();
        crowd.late.lock().unwrap().push(late);
    }
}

async fn connect(number: usize, crowd: &Crowd, last: Option<String>) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    // One address has neither ports nor places for all.
    let address = Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits() + 1 + (number / PER_ADDRESS) as u32);
    socket.bind(SocketAddr::new(address.into(), 0))?;
    if number.is_multiple_of(SILENT) {
        socket.set_recv_buffer_size(4 << 10)?;
    }
    let mut stream = socket.connect(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), crowd.port)).await?;
    let token = &crowd.tokens[number / PER_TOKEN];
    let mut head = format!("GET /api/client/streaming HTTP/1.1\r\nhost: localhost\r\nauthorization: {token}\r\n");
    if let Some(last) = last {
        head += &format!("last-event-id: {last}\r\n");
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).await?;
    Ok(stream)
}

/// A change of about a kilobyte; its revision.
async fn change(node: &Node, crowd: &Crowd, number: u64) -> u64 {
    *crowd.asked.lock().unwrap() = Instant::now();
    crowd.late.lock().unwrap().clear();
    let description = format!("{number} {}", "x".repeat(1_000));
    let body = json!({ "name": FLAG, "type": "release", "description": description });
    let path = format!("/api/admin/projects/default/features/{FLAG}");
    // On a new connection: an old one may have been idle for too long.
    let answer = node.admin().send("PUT", &path, Some(&body)).await.unwrap().expect();
    answer.header("x-flagstone-revision").unwrap().parse().unwrap()
}

/// Resident memory in KiB.
pub fn resident_kib(node: &Node) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Polls until it is told to stop; how many polls were answered, and how many were not.
async fn poll(port: u16, stop: Arc<AtomicBool>) -> (usize, usize) {
    let (mut client, mut answered, mut failed) = (Client::new(port, BACKEND), 0, 0);
    while !stop.load(Ordering::Relaxed) {
        match client.get("/api/client/features").await {
            Ok(answer) if answer.is_success() => answered += 1,
            _ => failed += 1,
        }
        sleep(Duration::from_millis(5)).await;
    }
    (answered, failed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f10_f11_a_crowd_hears_every_change_and_comes_back_after_a_crash() {
    let _alone = ALONE.lock().await;
    let mut random = Random::from_environment("F10");
    let subscribers = number("FLAGSTONE_F10_SUBSCRIBERS", 500) as usize;
    let changes = number("FLAGSTONE_F10_CHANGES", 5);
    let is_long = subscribers >= 10_000;
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::sqlite(folder.path());
    let mut node = setup.start_ready().await;
    let mut admin = node.admin();
    create_flag(&mut admin, FLAG).await;
    let mut tokens = vec![BACKEND.to_owned()];
    for more in 1..subscribers.div_ceil(PER_TOKEN) {
        let body = json!({ "type": "backend", "tokenName": format!("crowd-{more}"), "environment": "development" });
        let token = admin.post("/api/admin/projects/default/api-tokens", &body).await.unwrap().expect().json();
        tokens.push(token["secret"].as_str().unwrap().to_owned());
    }
    let crowd = Arc::new(Crowd {
        port: node.port,
        tokens,
        listening: AtomicUsize::new(0),
        heard: Mutex::default(),
        asked: Mutex::new(Instant::now()),
        late: Mutex::default(),
        needless: AtomicUsize::new(0),
        refused: AtomicUsize::new(0),
        faults: Mutex::default(),
        ended: AtomicBool::new(false),
    });
    let before = resident_kib(&node);
    let mut silent = Vec::new();
    let mut readers = 0;
    for number in 0..subscribers {
        if number.is_multiple_of(SILENT) {
            silent.push(connect(number, &crowd, None).await.unwrap());
        } else {
            readers += 1;
            tokio::spawn(Listener::new(number, &crowd).listen(random.fork()));
        }
    }
    let connected = crowd.all_listen(readers).await;
    let with_all = resident_kib(&node);

    // F10: every change reaches all who read.
    let mut slowest = Vec::new();
    let mut late = Vec::new();
    for number in 0..changes {
        let began = Instant::now();
        let revision = change(&node, &crowd, number).await;
        crowd.all_heard(revision, readers).await;
        slowest.push(began.elapsed());
        late.append(&mut crowd.late.lock().unwrap());
        if is_long {
            sleep(Duration::from_secs(1).saturating_sub(began.elapsed())).await;
        }
    }
    late.sort();
    slowest.sort();
    println!(
        "F10: {readers} of {subscribers} read, connected after {connected:?}; {changes} changes heard by all, p50 {:?}, p99 \
         {:?} after they were asked for, the last one of a change after {:?} at most; RSS {before} KiB before, {with_all} KiB \
         with all, {:.1} KiB each",
        late[late.len() / 2],
        late[late.len() * 99 / 100],
        slowest.last().unwrap(),
        (with_all.saturating_sub(before)) as f64 / subscribers as f64,
    );
    assert_eq!(crowd.needless.load(Ordering::Relaxed), 0, "everything anew while nothing was broken");

    // F11: the node is killed, and all come back at once while a change is made.
    drop(silent);
    node.kill();
    let began = Instant::now();
    until("all streams have ended", || async { (crowd.listening.load(Ordering::Relaxed) == 0).then_some(()) }).await;
    node = setup.start();
    let ready = node.ready().await;
    let stop = Arc::new(AtomicBool::new(false));
    let polls = tokio::spawn(poll(node.port, Arc::clone(&stop)));
    let revision = change(&node, &crowd, changes).await;
    crowd.all_listen(readers).await;
    crowd.all_heard(revision, readers).await;
    let back = began.elapsed();
    stop.store(true, Ordering::Relaxed);
    let (answered, failed) = polls.await.unwrap();
    println!(
        "F11: ready {ready:?} after the crash, all {readers} back and told after {back:?}, {} times sent away, {} got everything \
         anew; {answered} polls answered and {failed} not meanwhile; RSS {} KiB",
        crowd.refused.load(Ordering::Relaxed),
        crowd.needless.load(Ordering::Relaxed),
        resident_kib(&node),
    );
    assert_eq!(crowd.needless.load(Ordering::Relaxed), 0, "everything anew for those who know an id");
    assert!(failed * 1_000 <= answered, "{failed} polls failed, {answered} were answered");
    if is_long {
        assert!(back <= Duration::from_secs(15), "all were back after {back:?}");
    }

    // A planned stop ends all streams.
    crowd.ended.store(true, Ordering::Relaxed);
    node.signal("TERM");
    let (status, took) = node.end().await;
    assert!(status.success(), "{status}:\n{}", node.log());
    until("all streams have ended", || async { (crowd.listening.load(Ordering::Relaxed) == 0).then_some(()) }).await;
    println!("F14: stopped {took:?} after the signal, under {readers} streams");
    assert!(took < PATIENCE, "the stop took {took:?}");
}

/// More than sockets hold, so that the server itself has to wait for one who does not read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f10_who_does_not_read_delays_nobody_and_is_cut() {
    let _alone = ALONE.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let node = Setup::sqlite(folder.path()).start_ready().await;
    let mut admin = node.admin();
    let flags: Vec<String> = (0..12).map(|number| format!("large-{number}")).collect();
    for name in &flags {
        let body = json!({ "name": name, "type": "release", "description": "x".repeat(9_000) });
        admin.post("/api/admin/projects/default/features", &body).await.unwrap().expect();
    }
    let mut stuck = Stream::open(node.port, BACKEND, None).await.unwrap();
    let mut reader = Stream::open(node.port, BACKEND, None).await.unwrap();
    let mut features = Features::default();
    features.apply(&reader.next(PATIENCE).await.unwrap().data);
    let before = resident_kib(&node);
    let mut slowest = Duration::ZERO;
    for number in 0..150 {
        let (state, on) = if number % 2 == 0 { ("on", true) } else { ("off", false) };
        let path = format!("/api/admin/projects/default/bulk_features/environments/development/{state}");
        let began = Instant::now();
        admin.post(&path, &json!({ "features": flags })).await.unwrap().expect();
        features.apply(&reader.next(PATIENCE).await.unwrap().data);
        assert!(flags.iter().all(|name| features.is_on(name) == on), "another change was heard of");
        slowest = slowest.max(began.elapsed());
    }
    let more = resident_kib(&node).saturating_sub(before);
    println!(
        "F10: 16 MB of changes beside one who does not read: each heard of within {slowest:?}, RSS {more} KiB more"
    );
    // Shared frames, and the documents themselves; not all that was ever sent.
    assert!(more < 64 << 10, "{more} KiB more");
    if number("FLAGSTONE_F10_SUBSCRIBERS", 500) >= 10_000 {
        // Half a minute without taking a byte is enough.
        sleep(Duration::from_secs(35)).await;
        let mut events = 0;
        while stuck.next(PATIENCE).await.is_ok() {
            events += 1;
        }
        println!("F10: it was cut after {events} events");
        assert!(events < 150, "it was not cut");
    }
}
