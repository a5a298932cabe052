//! What a subscriber may rely on, as etcd names it: events are ordered, unique, atomic, reliable and resumable, on any
//! node, while connections to nodes and to the database are cut, fall silent, or are dropped without a word.
//! See <https://etcd.io/docs/v3.6/learning/api_guarantees/#watch-apis>.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::ALONE;
use crate::http::Client;
use crate::node::{ADMIN, BACKEND, Node, PATIENCE, create_flag, free_port, until};
use crate::postgres::through;
use crate::proxy::{Proxy, Way};
use crate::random::{Random, number};
use crate::sse::{Event, Features, Stream};

const FEATURES: &str = "/api/admin/projects/default/features";
const WRITERS_PER_NODE: usize = 2;
/// Subscribers of each kind: on the first node, on the second, on any, on an edge.
const SUBSCRIBERS_OF_A_KIND: usize = 3;
/// After how long without an event a subscriber takes its stream for dead. Something is always written.
const IDLE: Duration = Duration::from_millis(700);
/// How long a subscriber waits for the beginning of a stream: longer than a node looks for a revision.
const BEGINNING: Duration = Duration::from_millis(2_500);

/// What all who look agree on: what SDKs see at each revision.
#[derive(Default)]
struct Witnesses {
    seen: Mutex<HashMap<u64, u64>>,
    events: AtomicU64,
    hydrations: AtomicU64,
    begun: AtomicU64,
    refused: AtomicU64,
    compared: AtomicU64,
}

impl Witnesses {
    /// Fails if somebody saw something else at this revision.
    fn testify(&self, revision: u64, features: &Features, who: &str) {
        let mut hasher = DefaultHasher::new();
        for (name, feature) in &features.flags {
            let segments: Vec<_> = features.segments_of(name).into_iter().map(ToString::to_string).collect();
            (name, feature.to_string(), segments).hash(&mut hasher);
        }
        let hash = hasher.finish();
        let mut seen = self.seen.lock().unwrap();
        if let Some(other) = seen.insert(revision, hash) {
            assert_eq!(other, hash, "{who} sees revision {revision} in another way than others: {features:?}");
            self.compared.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A pair of flags is only ever switched together; a counter's description only ever grows, and so does the value in the
/// segment that its strategy names.
fn pair(writer: usize) -> [String; 2] {
    [format!("pair-{writer}-a"), format!("pair-{writer}-b")]
}

fn counter(writer: usize) -> String {
    format!("counter-{writer}")
}

fn count(features: &Features, writer: usize) -> u64 {
    let description = &features.flags[&counter(writer)]["description"];
    description.as_str().map_or(0, |text| text.parse().unwrap())
}

fn count_in_segment(features: &Features, writer: usize) -> u64 {
    let segments = features.segments_of(&counter(writer));
    assert_eq!(segments.len(), 1, "{segments:?}");
    segments[0]["constraints"][0]["values"][0].as_str().unwrap().parse().unwrap()
}

/// A segment of a writer's that holds a number.
fn segment(writer: usize, number: u64) -> Value {
    let constraint = json!({ "contextName": "userId", "operator": "IN", "values": [number.to_string()] });
    json!({ "name": format!("segment-{writer}"), "constraints": [constraint] })
}

/// Makes a writer's segment, which its counter's strategy names; the segment's id.
async fn create_segment(admin: &mut Client, writer: usize) -> i64 {
    let made = admin.post("/api/admin/segments", &segment(writer, 0)).await.unwrap().expect().json();
    let id = made["id"].as_i64().unwrap();
    let path = format!("{FEATURES}/{}/environments/development/strategies", counter(writer));
    admin.post(&path, &json!({ "name": "default", "segments": [id] })).await.unwrap().expect();
    id
}

/// Polls as an SDK that knows segments.
async fn polled(client: &mut Client) -> Value {
    client.headers = vec!["unleash-client-spec: 5.2.0".to_owned()];
    client.get("/api/client/features").await.expect("delivery never fails").expect().json()
}

/// An SDK that listens, on one way or on any of several.
struct Subscriber {
    name: String,
    ways: Vec<Arc<Proxy>>,
    token: String,
    random: Random,
    known: Option<u64>,
    /// The same, as it goes on from there.
    last: Option<String>,
    features: Features,
    counts: BTreeMap<usize, [u64; 2]>,
    witnesses: Arc<Witnesses>,
}

impl Subscriber {
    /// Listens, and again whenever the stream ends, until it has the revision that `goal` names.
    async fn listen(mut self, goal: watch::Receiver<u64>, writers: usize) {
        loop {
            let way = self.random.below(self.ways.len() as u64) as usize;
            let open = Stream::open(self.ways[way].port, &self.token, self.last.as_deref());
            let Ok(Ok(mut stream)) = timeout(BEGINNING, open).await else {
                self.witnesses.refused.fetch_add(1, Ordering::Relaxed);
                sleep(Duration::from_millis(20)).await;
                continue;
            };
            self.witnesses.begun.fetch_add(1, Ordering::Relaxed);
            while self.known.is_none_or(|known| known < *goal.borrow()) {
                match stream.next(IDLE).await {
                    Ok(event) => self.take(&event, writers),
                    Err(_) => break,
                }
            }
            if self.known.is_some_and(|known| known >= *goal.borrow()) {
                return;
            }
        }
    }

    fn take(&mut self, event: &Event, writers: usize) {
        let who = &self.name;
        if let Some(known) = self.known {
            assert!(event.id > known, "{who}: after {known} comes {event:?}");
            assert!(
                event.kind == "unleash-updated" && !event.data.contains(r#""type":"hydration""#),
                "{who}: everything anew after {known}, which is not long ago"
            );
        } else {
            assert_eq!(event.kind, "unleash-connected", "{who}");
            self.witnesses.hydrations.fetch_add(1, Ordering::Relaxed);
        }
        (self.known, self.last) = (Some(event.id), Some(event.last.clone()));
        self.features.apply(&event.data);
        for writer in 0..writers {
            let [a, b] = pair(writer).map(|name| self.features.is_on(&name));
            assert_eq!(a, b, "{who}: half of a commit at {}", event.id);
            let now = [count(&self.features, writer), count_in_segment(&self.features, writer)];
            let before = self.counts.insert(writer, now).unwrap_or_default();
            let went_back = now[0] < before[0] || now[1] < before[1];
            assert!(!went_back, "{who}: a flag or a segment went back from {before:?} to {now:?} at {}", event.id);
        }
        self.witnesses.testify(event.id, &self.features, who);
        self.witnesses.events.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts up, in a flag and in a segment, and switches its pair; the highest numbers that were acknowledged, and the
/// highest that was tried.
async fn write(port: u16, writer: usize, id: i64, stop: Arc<AtomicBool>) -> ([u64; 2], u64) {
    let mut admin = Client::new(port, ADMIN);
    let (mut acknowledged, mut tried) = ([0, 0], 0);
    while !stop.load(Ordering::Relaxed) {
        tried += 1;
        let path = format!("{FEATURES}/{}", counter(writer));
        let body = json!({ "name": counter(writer), "type": "release", "description": tried.to_string() });
        let answer = admin.send("PUT", &path, Some(&body)).await.expect("a write is always answered");
        assert!(matches!(answer.status, 200 | 503), "{} {}", answer.status, answer.text);
        if answer.status == 200 {
            acknowledged[0] = tried;
        }
        let path = format!("/api/admin/segments/{id}");
        let answer = admin.send("PUT", &path, Some(&segment(writer, tried))).await.expect("a write is always answered");
        assert!(matches!(answer.status, 204 | 503), "{} {}", answer.status, answer.text);
        if answer.status == 204 {
            acknowledged[1] = tried;
        }
        let state = if tried % 2 == 0 { "on" } else { "off" };
        let path = format!("/api/admin/projects/default/bulk_features/environments/development/{state}");
        let answer = admin.post(&path, &json!({ "features": pair(writer) })).await.expect("a write is always answered");
        assert!(matches!(answer.status, 200 | 503), "{} {}", answer.status, answer.text);
    }
    (acknowledged, tried)
}

/// SDKs that poll a node, and see the same.
async fn poll(port: u16, witnesses: Arc<Witnesses>, stop: Arc<AtomicBool>) -> u64 {
    let (mut client, mut last) = (Client::new(port, BACKEND), 0);
    while !stop.load(Ordering::Relaxed) {
        let polled = polled(&mut client).await;
        let revision = polled["meta"]["revisionId"].as_u64().unwrap();
        assert!(revision >= last, "a node went back from {last} to {revision}");
        witnesses.testify(revision, &Features::polled(&polled), "a poll");
        last = revision;
        sleep(Duration::from_millis(5)).await;
    }
    last
}

/// Breaks the ways of subscribers and, now and then, one to the database.
async fn break_ways(
    subscribers: Vec<Arc<Proxy>>,
    databases: [Arc<Proxy>; 2],
    apart: Duration,
    mut random: Random,
    stop: Arc<AtomicBool>,
) -> (u64, u64) {
    let (mut cuts, mut outages, mut outage) = (0, 0, Instant::now());
    while !stop.load(Ordering::Relaxed) {
        let way = if outage.elapsed() > apart {
            (outage, outages) = (Instant::now(), outages + 1);
            Arc::clone(&databases[random.below(2) as usize])
        } else {
            cuts += 1;
            Arc::clone(&subscribers[random.below(subscribers.len() as u64) as usize])
        };
        let how_long = Duration::from_millis(random.below(400));
        match random.below(3) {
            0 => way.swallow(),
            kind => {
                way.set(if kind == 1 { Way::Cut } else { Way::Silent });
                tokio::spawn(async move {
                    sleep(how_long).await;
                    way.set(Way::Open);
                });
            }
        }
        sleep(Duration::from_millis(random.below(60))).await;
    }
    // The last ones open again.
    sleep(Duration::from_millis(400)).await;
    (cuts, outages)
}

async fn revisions(nodes: [&Node; 2]) -> Option<u64> {
    let mut revisions = Vec::new();
    for node in nodes {
        let polled = node.backend().get("/api/client/features").await.unwrap().expect().json();
        revisions.push(polled["meta"]["revisionId"].as_u64().unwrap());
    }
    (revisions[0] == revisions[1]).then_some(revisions[0])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f8_streams_are_ordered_unique_atomic_reliable_and_resumable_under_partitions() {
    let _alone = ALONE.lock().await;
    let mut random = Random::from_environment("F8");
    let events = number("FLAGSTONE_F8_EVENTS", 2_000);
    let mut setup = crate::postgres::setup();
    let (target, _) = through(&setup.database_url, 0);
    let mut nodes = Vec::new();
    let mut databases = Vec::new();
    for _ in 0..2 {
        let database = Arc::new(Proxy::start(target.clone(), Way::Open).await);
        let mut setup = setup.clone();
        setup.database_url = through(&setup.database_url, database.port).1;
        setup.port = free_port();
        nodes.push(setup.start_ready().await);
        databases.push(database);
    }
    setup.port = nodes[0].port;
    let (writers, mut segments) = (2 * WRITERS_PER_NODE, Vec::new());
    for writer in 0..writers {
        for name in pair(writer).iter().chain([&counter(writer)]) {
            create_flag(&mut nodes[0].admin(), name).await;
        }
        segments.push(create_segment(&mut nodes[0].admin(), writer).await);
    }
    // Streams with another token are told apart, and of the same changes.
    let body = json!({ "type": "backend", "tokenName": "other", "environment": "development" });
    let other = nodes[0].admin().post("/api/admin/projects/default/api-tokens", &body).await.unwrap().expect().json();
    let tokens = [BACKEND, other["secret"].as_str().unwrap()];
    until("both nodes have the flags", || revisions([&nodes[0], &nodes[1]])).await;
    let folder = tempfile::tempdir().unwrap();
    let edge = crate::edge::start(nodes[0].port, folder.path(), BACKEND).await;

    let witnesses = Arc::new(Witnesses::default());
    let goal = watch::Sender::new(u64::MAX);
    let (mut ways, mut subscribers) = (Vec::new(), Vec::new());
    for kind in [vec![nodes[0].port], vec![nodes[1].port], vec![nodes[0].port, nodes[1].port], vec![edge.port]] {
        for number in 0..SUBSCRIBERS_OF_A_KIND {
            let mut of_one = Vec::new();
            for port in &kind {
                of_one.push(Arc::new(Proxy::start(format!("127.0.0.1:{port}"), Way::Open).await));
            }
            ways.extend(of_one.iter().map(Arc::clone));
            let subscriber = Subscriber {
                name: format!("subscriber {number} of {kind:?}"),
                ways: of_one,
                token: tokens[number % 2].to_owned(),
                random: random.fork(),
                known: None,
                last: None,
                features: Features::default(),
                counts: BTreeMap::new(),
                witnesses: Arc::clone(&witnesses),
            };
            subscribers.push(tokio::spawn(subscriber.listen(goal.subscribe(), writers)));
        }
    }
    // In a long run most of the time is for events.
    let apart = Duration::from_millis(if events < 10_000 { 800 } else { 5_000 });
    let (stop, began) = (Arc::new(AtomicBool::new(false)), Instant::now());
    let polls =
        [0, 1].map(|node: usize| tokio::spawn(poll(nodes[node].port, Arc::clone(&witnesses), Arc::clone(&stop))));
    let writes: Vec<_> = (0..writers)
        .map(|writer| tokio::spawn(write(nodes[writer % 2].port, writer, segments[writer], Arc::clone(&stop))))
        .collect();
    let databases = [Arc::clone(&databases[0]), Arc::clone(&databases[1])];
    let breaking = tokio::spawn(break_ways(ways, databases, apart, random.fork(), Arc::clone(&stop)));
    let (mut seen, mut at) = (0, Instant::now());
    while seen < events {
        sleep(Duration::from_millis(50)).await;
        let failed = subscribers.iter().find(|subscriber| subscriber.is_finished());
        assert!(failed.is_none(), "a subscriber has failed, see above");
        let now = witnesses.events.load(Ordering::Relaxed);
        if now > seen {
            (seen, at) = (now, Instant::now());
        }
        assert!(at.elapsed() < PATIENCE, "no event for a long time, after {seen}");
    }
    stop.store(true, Ordering::Relaxed);
    let (cuts, outages) = breaking.await.unwrap();
    let mut counts = Vec::new();
    for write in writes {
        counts.push(write.await.unwrap());
    }
    for poll in polls {
        poll.await.unwrap();
    }
    let elapsed = began.elapsed();
    let (revision, healed) = until("both nodes at the same revision", || revisions([&nodes[0], &nodes[1]])).await;
    goal.send_replace(revision);
    for subscriber in subscribers {
        timeout(PATIENCE, subscriber).await.expect("a subscriber never hears of the last change").unwrap();
    }
    let last = polled(&mut nodes[1].backend()).await;
    let last = Features::polled(&last);
    witnesses.testify(revision, &last, "the last poll");
    for (writer, (acknowledged, tried)) in counts.iter().enumerate() {
        for (acknowledged, found) in acknowledged.iter().zip([count(&last, writer), count_in_segment(&last, writer)]) {
            let right = (*acknowledged..=*tried).contains(&found);
            assert!(right, "{acknowledged} acknowledged, {found} found, {tried} tried");
        }
    }
    let figure = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    println!(
        "F8: {} events of {} revisions to {} subscribers on two nodes and an edge in {elapsed:?}, {cuts} connections and {outages} ways to \
         the database broken: {} streams begun, {} tries in vain, {} hydrations, {} times two saw the same revision \
         alike, 0 violations; nodes equal {healed:?} after the end",
        figure(&witnesses.events),
        witnesses.seen.lock().unwrap().len(),
        4 * SUBSCRIBERS_OF_A_KIND,
        figure(&witnesses.begun),
        figure(&witnesses.refused),
        figure(&witnesses.hydrations),
        figure(&witnesses.compared),
    );
    let written = counts.iter().map(|(acknowledged, _)| acknowledged[0]).sum::<u64>();
    assert!(written >= 20, "too few writes for a result: {counts:?}");
    assert!(figure(&witnesses.begun) >= 20, "too few broken streams for a result");
    setup.verify().unwrap();
}
