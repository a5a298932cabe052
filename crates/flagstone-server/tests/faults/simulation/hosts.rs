//! Two nodes on one store, an edge of them, and an edge of that edge.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, header};
use clap::Parser;
use flagstone_model::commit::Commit;
use flagstone_server::app::App;
use flagstone_server::edge::Edge;
use flagstone_server::edge::upstream::{Carrier, Simulated};
use flagstone_server::http::schemas::Schemas;
use flagstone_server::node;
use flagstone_server::options::ServeOptions;
use flagstone_server::options::edge::EdgeOptions;
use flagstone_server::routes;
use flagstone_server::sdk::source::FlagSource;
use flagstone_server::system::clock::Clock;
use flagstone_server::ui::Ui;
use flagstone_store::{DatabaseUrl, Options, Store};
use http_body_util::BodyExt;
use serde_json::json;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use tower::ServiceExt;

use super::network::{Network, pumped};
use super::truth::Features;
use crate::random::Random;

pub const ADMIN: &str = "*:*.admin-of-the-simulation";

/// The token of an SDK, and of an edge: what it may see is the same for all of a project.
pub fn token(project: &str) -> String {
    format!("{project}:development.secret-of-the-simulation")
}

const NODES: [&str; 2] = ["node-1", "node-2"];
const EDGES: [&str; 2] = ["edge-1", "edge-2"];

#[derive(Parser)]
struct NodeCli {
    #[command(flatten)]
    options: ServeOptions,
}

#[derive(Parser)]
struct EdgeCli {
    #[command(flatten)]
    options: EdgeOptions,
}

/// The options of a node with further words.
fn serve_options(further: &[&str]) -> ServeOptions {
    let words = ["node", "--init-admin-api-tokens", ADMIN, "--admin-password", "First-password-1"];
    NodeCli::parse_from(words.iter().chain(further)).options
}

fn schemas() -> Schemas {
    static SCHEMAS: OnceLock<Schemas> = OnceLock::new();
    SCHEMAS.get_or_init(|| routes::schemas().unwrap()).clone()
}

/// The commits of an installation with two projects: each seed begins with them.
fn installation() -> &'static [Commit] {
    static COMMITS: OnceLock<Vec<Commit>> = OnceLock::new();
    COMMITS.get_or_init(|| {
        let make = || {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
                let store = Arc::new(Store::open(&DatabaseUrl::Memory, &Options::default()).await.unwrap());
                let app = start_node(&store, Clock::System, &[]).await;
                let router = routes::router(&FlagSource::primary(app.clone()), &app, Ui::new(&[], ""));
                for project in ["alpha", "omega"] {
                    let body = json!({ "id": project, "name": project });
                    let request = Request::post("/api/admin/projects").header(header::AUTHORIZATION, ADMIN);
                    let request = request.header(header::CONTENT_TYPE, "application/json");
                    let request = request.body(Body::from(body.to_string())).unwrap();
                    assert_eq!(router.clone().oneshot(request).await.unwrap().status(), 201);
                }
                // Tokens of projects that are there by now.
                let backend = [token("*"), token("alpha"), token("omega")].join(",");
                start_node(&store, Clock::System, &["--init-backend-api-tokens", &backend]).await;
                store.commits_after(0, 1_000).await.unwrap()
            })
        };
        // Within a runtime none can be started.
        std::thread::spawn(make).join().unwrap()
    })
}

async fn start_node(store: &Arc<Store>, clock: Clock, further: &[&str]) -> App {
    App::start(serve_options(further), Arc::clone(store), clock, std::future::ready(Ok(schemas()))).await.unwrap()
}

/// Clones are one.
#[derive(Clone)]
pub struct Hosts(Arc<Inner>);

struct Inner {
    network: Network,
    store: Arc<Store>,
    random: Mutex<Random>,
    clocks: HashMap<&'static str, Arc<AtomicI64>>,
    folder: TempDir,
    /// The folder that an edge writes now; each life has its own.
    backups: Mutex<HashMap<&'static str, (u32, PathBuf)>>,
}

impl Hosts {
    /// All of them, up.
    pub async fn start(network: &Network, seed: u64) -> Self {
        let store = Arc::new(Store::open(&DatabaseUrl::Memory, &Options::default()).await.unwrap());
        store.append(installation()).await.unwrap();
        let now = installation().last().unwrap().at.millis();
        let shared_memory = Path::new("/dev/shm");
        let folder = if shared_memory.is_dir() { TempDir::new_in(shared_memory) } else { TempDir::new() }.unwrap();
        let hosts = Self(Arc::new(Inner {
            network: network.clone(),
            store,
            random: Mutex::new(Random::new(seed ^ 0x686f_7374)),
            clocks: NODES.map(|name| (name, Arc::new(AtomicI64::new(now)))).into(),
            folder,
            backups: Mutex::default(),
        }));
        for name in NODES.into_iter().chain(EDGES) {
            hosts.restart(name).await;
        }
        let ticking = hosts.clone();
        tokio::spawn(async move {
            loop {
                sleep(Duration::from_secs(1)).await;
                ticking.0.clocks.values().for_each(|clock| _ = clock.fetch_add(1_000, Ordering::Relaxed));
            }
        });
        hosts
    }

    fn random(&self, below: u64) -> u64 {
        self.0.random.lock().unwrap_or_else(PoisonError::into_inner).below(below)
    }

    pub fn crash(&self, name: &str) {
        self.0.network.down(name);
    }

    pub async fn restart(&self, name: &'static str) {
        let router = if let Some(clock) = self.0.clocks.get(name) {
            let app = start_node(&self.0.store, Clock::Manual(Arc::clone(clock)), &[]).await;
            let following = app.clone();
            tokio::spawn(async move {
                // A store in memory tells nobody what others write.
                loop {
                    sleep(Duration::from_secs(1)).await;
                    following.catch_up_with(u64::MAX).await.ok();
                }
            });
            routes::router(&FlagSource::primary(app.clone()), &app, Ui::new(&[], ""))
        } else {
            self.start_edge(name)
        };
        self.0.network.up(name, router);
    }

    fn start_edge(&self, name: &'static str) -> axum::Router {
        let backup = self.next_backup(name);
        let upstream = if name == EDGES[0] { "nodes" } else { EDGES[0] };
        let (backup, url) = (backup.to_str().unwrap(), format!("http://{upstream}"));
        let tokens = token("*");
        let words = ["edge", "--upstream-url", &url, "--tokens", &tokens, "--backup-folder", backup];
        let options = EdgeCli::parse_from(words).options;
        let network = self.0.network.clone();
        let carry: Simulated = Arc::new(move |request: reqwest::Request| {
            let network = network.clone();
            Box::pin(async move {
                let mut asked = Request::builder().method(request.method()).uri(request.url().path());
                for (header, value) in request.headers() {
                    asked = asked.header(header, value);
                }
                let body = request.body().and_then(|body| body.as_bytes()).map(Bytes::copy_from_slice);
                let asked = asked.body(body.unwrap_or_default())?;
                // As the client that it stands for, but for streams.
                let wait = Duration::from_secs(10);
                let answer = tokio::time::timeout(wait, network.call(name, upstream, asked, true)).await?;
                let answer = answer.map_err(|lost| anyhow::anyhow!("{lost:?}"))?;
                Ok(reqwest::Response::from(answer.map(|body| reqwest::Body::wrap(pumped(body)))))
            })
        });
        let edge = Edge::start_by(Carrier::Simulated(carry), &options, schemas()).unwrap();
        node::edge::router(&options, &edge, &FlagSource::edge(edge.clone()))
    }

    /// A copy of what the last life has written, perhaps torn: that life may still write its own.
    fn next_backup(&self, name: &'static str) -> PathBuf {
        let mut backups = self.0.backups.lock().unwrap_or_else(PoisonError::into_inner);
        let (life, before) = backups.get(name).cloned().map_or((0, None), |(life, path)| (life + 1, Some(path)));
        let folder = self.0.folder.path().join(format!("{name}-{life}"));
        std::fs::create_dir(&folder).unwrap();
        for file in before.iter().flat_map(|before| std::fs::read_dir(before).unwrap()) {
            let file = file.unwrap();
            let Ok(mut bytes) = std::fs::read(file.path()) else { continue };
            let tail = bytes.len().min(400) as u64;
            match self.random(4) {
                0 if tail > 0 => bytes.truncate(bytes.len() - usize::try_from(self.random(tail)).unwrap()),
                1 if tail > 0 => {
                    let at = bytes.len() - 1 - usize::try_from(self.random(tail)).unwrap();
                    bytes[at] ^= 1 << self.random(8);
                }
                _ => {}
            }
            std::fs::write(folder.join(file.file_name()), bytes).unwrap();
        }
        backups.insert(name, (life, folder.clone()));
        folder
    }

    /// Crashes, partitions and clocks that jump, one after the other and at the same time.
    pub async fn trouble(self, time: Duration) {
        let end = Instant::now() + time;
        let all: Vec<&'static str> = NODES.into_iter().chain(EDGES).collect();
        let mut under_way = Vec::new();
        while Instant::now() < end {
            sleep(Duration::from_millis(500 + self.random(3_000))).await;
            let span = Duration::from_millis(200 + self.random(7_000));
            let host = all[usize::try_from(self.random(4)).unwrap()];
            let hosts = self.clone();
            match self.random(10) {
                0..4 => under_way.push(tokio::spawn(async move {
                    hosts.crash(host);
                    sleep(span).await;
                    hosts.restart(host).await;
                })),
                4..8 => {
                    let pairs =
                        [("edge-1", "node-1"), ("edge-1", "node-2"), ("edge-2", "edge-1"), ("operator-0", "node-1")];
                    let (one, other) = pairs[usize::try_from(self.random(4)).unwrap()];
                    under_way.push(tokio::spawn(async move { hosts.0.network.part(one, other, span).await }));
                }
                _ => {
                    let jump = i64::try_from(self.random(7_200_000)).unwrap() - 3_600_000;
                    self.0.clocks.get(host).into_iter().for_each(|clock| _ = clock.fetch_add(jump, Ordering::Relaxed));
                }
            }
        }
        for trouble in under_way {
            trouble.await.unwrap();
        }
    }

    /// Waits until all answer.
    pub async fn all_up(&self) {
        sleep(Duration::from_secs(1)).await;
    }

    /// All features that a host has, asked without the network's faults.
    pub async fn state_of(&self, name: &str) -> Features {
        let request = Request::get("/api/client/features").header(header::AUTHORIZATION, token("*"));
        let request = request.body(Bytes::new()).unwrap();
        let answer = self.0.network.call("observer", name, request, false).await.unwrap();
        assert_eq!(answer.status(), 200);
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        super::sdk::features(&serde_json::from_slice(&bytes).unwrap())
    }
}
