//! Two nodes on one store, one of which freezes now and then.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use clap::Parser;
use flagstone_model::commands::segments::Create;
use flagstone_model::segments::SegmentInput;
use flagstone_store::{DatabaseUrl, Options};

use super::*;
use crate::http::schemas::Schemas;
use crate::options::ServeOptions;
use crate::system::clock::Clock;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    options: ServeOptions,
}

const EVERY: Duration = Duration::from_mins(10);
/// Of a node that freezes at once: whoever comes next takes over.
const FROZEN: Duration = Duration::ZERO;
const DUE_TIMES: i64 = 200;

/// Leaves a trace that cannot be mistaken for that of another run.
const JOB: Job = Job {
    name: "traces",
    every: EVERY,
    body: |turn| {
        Box::pin(async move {
            let name = format!("{} {}", turn.due.millis(), entropy::hex::<4>());
            let input = SegmentInput { name, description: None, project: None, constraints: vec![] };
            match turn.commit::<Create>((), input).await {
                Ok(_) => Ok(()),
                Err(failure) => Err(anyhow::anyhow!("{failure:?}")),
            }
        })
    },
};

async fn node(store: Arc<Store>, millis: &Arc<AtomicI64>) -> App {
    node_with(store, millis, &[]).await
}

async fn node_with(store: Arc<Store>, millis: &Arc<AtomicI64>, more: &[&str]) -> App {
    let options = [&["jobs", "--admin-password", "First-password-1"], more].concat();
    let options = Cli::parse_from(options).options;
    let schemas = std::future::ready(Schemas::of(&[]));
    App::start(options, store, Clock::Manual(Arc::clone(millis)), schemas).await.unwrap()
}

async fn take(app: &App, lasts: Duration) -> Turn {
    match look(app, JOB, lasts).await.unwrap() {
        Looked::Due(turn) => turn,
        Looked::Done => panic!("it is not due"),
        Looked::Elsewhere => panic!("another node has it"),
    }
}

/// The due times that left a trace, as many times as they did.
async fn traces(app: &App) -> Vec<i64> {
    app.catch_up_with(u64::MAX).await.unwrap();
    let head = app.0.writer.head();
    let names = head.state.segments.values().filter_map(|segment| segment.name.split_once(' ')?.0.parse().ok());
    let mut due: Vec<i64> = names.collect();
    due.sort_unstable();
    due
}

/// Runs the job through all due times on two nodes; `open` opens the store as another node does.
async fn run<F: Future<Output = Arc<Store>>>(open: impl Fn() -> F) {
    let step = i64::try_from(EVERY.as_millis()).unwrap();
    let first = 1_800_000_000_000 / step * step;
    let millis = Arc::new(AtomicI64::new(first));
    let mut nodes = [node(open().await, &millis).await, node(open().await, &millis).await];
    for number in 0..DUE_TIMES {
        millis.store(first + number * step + number % 7, Ordering::SeqCst);
        let (one, two) = (&nodes[0], &nodes[1]);
        match number % 5 {
            // Frozen between taking it on and writing: the other node does it, and what the first then writes is lost.
            0 => {
                let frozen = take(one, FROZEN).await;
                assert!(attend_once(two, JOB).await.unwrap());
                assert!(work(frozen, JOB, TURN_LASTS).await.is_err());
            }
            // The same while the other node is still at work.
            1 => {
                let frozen = take(one, FROZEN).await;
                let other = take(two, TURN_LASTS).await;
                assert!(work(frozen, JOB, TURN_LASTS).await.is_err());
                assert!(!attend_once(one, JOB).await.unwrap(), "it is done elsewhere");
                assert!(work(other, JOB, TURN_LASTS).await.unwrap());
            }
            // Frozen, and nobody else came.
            2 => assert!(work(take(one, FROZEN).await, JOB, TURN_LASTS).await.unwrap()),
            // Gone after it has written, before it could say that it is done.
            3 => (JOB.body)(take(one, FROZEN).await).await.unwrap(),
            _ => assert!(attend_once(one, JOB).await.unwrap()),
        }
        for node in &nodes {
            assert!(attend_once(node, JOB).await.unwrap());
        }
        nodes.swap(0, 1);
        if number % 40 == 39 {
            nodes[0] = node(open().await, &millis).await;
        }
    }
    let expected: Vec<i64> = (0..DUE_TIMES).map(|number| first + number * step).collect();
    for node in &nodes {
        assert_eq!(traces(node).await, expected);
    }
    // What passed while nobody was there is one due time.
    millis.fetch_add(10 * step, Ordering::SeqCst);
    for node in &nodes {
        assert!(attend_once(node, JOB).await.unwrap());
    }
    assert_eq!(traces(&nodes[0]).await.len(), expected.len() + 1);
}

#[tokio::test]
async fn each_due_time_is_done_once_in_memory() {
    let store = Arc::new(Store::open(&DatabaseUrl::Memory, &Options::default()).await.unwrap());
    run(|| std::future::ready(Arc::clone(&store))).await;
}

#[tokio::test]
async fn each_due_time_is_done_once_on_postgres() {
    let url = std::env::var("FLAGSTONE_TEST_POSTGRES").unwrap_or_else(|_| {
        panic!("FLAGSTONE_TEST_POSTGRES is not set: run `make test`, or see `scripts/postgres.sh`")
    });
    let url: DatabaseUrl = url.parse().unwrap();
    let schema = Some(format!("flagstone_jobs_{}", entropy::hex::<8>()));
    let options = Options { schema, ..Options::default() };
    run(async || Arc::new(Store::open(&url, &options).await.unwrap())).await;
}

/// Nothing is let go of unless the operator says so, and then what is old alone.
#[tokio::test]
async fn the_log_goes_back_as_far_as_it_is_to_be_kept() {
    let store = Arc::new(Store::open(&DatabaseUrl::Memory, &Options::default()).await.unwrap());
    let millis = Arc::new(AtomicI64::new(1_800_000_000_000));
    let retention = ON_ONE_NODE.iter().find(|job| job.name == "retention").unwrap();
    let keeps_all = node(Arc::clone(&store), &millis).await;
    let days = ["--log-retention-days", "30", "--events-retention-days", "7"];
    let keeps_some = node_with(Arc::clone(&store), &millis, &days).await;
    let mut last = Vec::new();
    for _ in 0..50 {
        millis.fetch_add(DAY, Ordering::SeqCst);
        let input = SegmentInput { name: entropy::hex::<4>(), description: None, project: None, constraints: vec![] };
        keeps_all.commit_under::<Create>(None, &Caller::system(), (), input).await.unwrap();
        last.push(store.last_seq().await.unwrap());
    }
    assert!(attend_once(&keeps_all, *retention).await.unwrap());
    assert_eq!(store.begin().await, Ok(0));
    millis.fetch_add(DAY, Ordering::SeqCst);
    assert!(attend_once(&keeps_some, *retention).await.unwrap());
    assert_eq!(store.begin().await, Ok(last[19]), "the last commit that is older than 30 days");
    let query = flagstone_store::EventQuery { limit: 100, ..Default::default() };
    assert_eq!(store.events(&query).await.unwrap().total, 7);
    assert!(store.verify().await.unwrap().is_intact());
}

/// A job that hangs is left once its lease has passed on, so that it can be tried again.
#[tokio::test(start_paused = true)]
async fn a_job_whose_lease_has_passed_on_is_left() {
    let hanging = Job { body: |_| Box::pin(std::future::pending()), ..JOB };
    let store = Arc::new(Store::open(&DatabaseUrl::Memory, &Options::default()).await.unwrap());
    let millis = Arc::new(AtomicI64::new(1_800_000_000_000));
    let (one, two) = (node(Arc::clone(&store), &millis).await, node(store, &millis).await);
    let frozen = take(&one, FROZEN).await;
    assert!(attend_once(&two, JOB).await.unwrap());
    assert!(!work(frozen, hanging, TURN_LASTS).await.unwrap());
    assert_eq!(traces(&one).await.len(), 1);
}

#[test]
fn due_times_are_the_same_for_all_nodes() {
    let at = |millis| due_number(Timestamp::from_millis(millis), Duration::from_mins(1));
    assert_eq!([at(-5), at(0), at(59_999), at(60_000), at(119_999)], [0, 0, 0, 1, 1]);
    let until = |millis| until_due(Timestamp::from_millis(millis), Duration::from_mins(1)).as_millis();
    assert_eq!([until(0), until(59_999), until(60_000)], [60_000, 1, 60_000]);
}
