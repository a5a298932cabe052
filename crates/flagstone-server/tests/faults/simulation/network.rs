//! A network that delays, loses, repeats and parts, as its seed says.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, Response};
use futures_util::StreamExt;
use hyper::body::Frame;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tower::ServiceExt;

use crate::random::Random;

/// Nothing comes back, for whatever reason.
#[derive(Debug)]
#[expect(dead_code, reason = "shown where it is unexpected")]
pub struct Lost(pub &'static str);

/// Clones are one network.
#[derive(Clone)]
pub struct Network(Arc<Mutex<Inner>>);

struct Inner {
    random: Random,
    hosts: HashMap<String, Host>,
    /// Between which two nothing gets through.
    parted: HashSet<(String, String)>,
    is_healed: bool,
}

struct Host {
    router: Option<Router>,
    /// How often it has crashed.
    crashes: watch::Sender<u32>,
}

impl Network {
    pub fn new(seed: u64) -> Self {
        let random = Random::new(seed ^ 0x6e65_7477);
        let (hosts, parted) = (HashMap::new(), HashSet::new());
        Self(Arc::new(Mutex::new(Inner { random, hosts, parted, is_healed: false })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A host is there, and answers.
    pub fn up(&self, name: &str, router: Router) {
        let mut inner = self.inner();
        let host = inner.hosts.entry(name.to_owned());
        host.or_insert_with(|| Host { router: None, crashes: watch::Sender::new(0) }).router = Some(router);
    }

    /// A host is gone, and with it all that is under way to it and from it.
    pub fn down(&self, name: &str) {
        if let Some(host) = self.inner().hosts.get_mut(name) {
            host.router = None;
            host.crashes.send_modify(|crashes| *crashes += 1);
        }
    }

    /// Lets nothing through between two for some time.
    pub async fn part(&self, one: &str, other: &str, time: Duration) {
        let pair = ordered(one, other);
        self.inner().parted.insert(pair.clone());
        sleep(time).await;
        self.inner().parted.remove(&pair);
    }

    /// From now on nothing is lost and everything is fast.
    pub fn heal(&self) {
        let mut inner = self.inner();
        inner.is_healed = true;
        inner.parted.clear();
    }

    fn is_parted(&self, from: &str, to: &str) -> bool {
        self.inner().parted.contains(&ordered(from, to))
    }

    /// How long something takes in one direction: mostly milliseconds, now and then seconds.
    fn delay(&self) -> Duration {
        let mut inner = self.inner();
        let healed = inner.is_healed;
        let millis = match inner.random.below(100) {
            0..4 if !healed => inner.random.below(5_000),
            4..15 if !healed => inner.random.below(500),
            _ => inner.random.below(10),
        };
        Duration::from_millis(millis)
    }

    fn happens(&self, percent: u64) -> bool {
        let mut inner = self.inner();
        !inner.is_healed && inner.random.below(100) < percent
    }

    /// One of the nodes, as a load balancer chooses.
    fn resolve(&self, to: &str) -> String {
        let mut inner = self.inner();
        if to != "nodes" {
            return to.to_owned();
        }
        let first = 1 + inner.random.below(2);
        let name = |number: u64| format!("node-{number}");
        let is_up = |name: &String| inner.hosts.get(name).is_some_and(|host| host.router.is_some());
        [name(first), name(3 - first)].into_iter().find(is_up).unwrap_or_else(|| name(first))
    }

    /// Asks a host, or one of the nodes. Some requests are lost, some are answered and nobody learns of it; where
    /// `may_repeat`, some arrive twice.
    pub async fn call(
        &self,
        from: &str,
        to: &str,
        request: Request<Bytes>,
        may_repeat: bool,
    ) -> Result<Response<Body>, Lost> {
        let to = self.resolve(to);
        sleep(self.delay()).await;
        if self.is_parted(from, &to) {
            sleep(Duration::from_secs(3)).await;
            return Err(Lost("parted"));
        }
        if self.happens(3) {
            return Err(Lost("the request is lost"));
        }
        let (router, mut crashes) = {
            let inner = self.inner();
            let host = inner.hosts.get(&to).ok_or(Lost("no such host"))?;
            (host.router.clone().ok_or(Lost("the host is down"))?, host.crashes.subscribe())
        };
        let own_crashes = self.inner().hosts.get(from).map(|host| host.crashes.subscribe());
        crashes.borrow_and_update();
        let is_twice = may_repeat && self.happens(3);
        let (parts, body) = request.into_parts();
        let again = is_twice.then(|| Request::from_parts(parts.clone(), Body::from(body.clone())));
        let request = Request::from_parts(parts, Body::from(body));
        let answer = async {
            if let Some(again) = again {
                drop(router.clone().oneshot(again).await);
            }
            router.oneshot(request).await
        };
        let response = tokio::select! {
            answer = answer => answer.map_err(|never| match never {})?,
            _ = crashes.changed() => return Err(Lost("the host has crashed")),
        };
        sleep(self.delay()).await;
        if self.happens(3) || self.is_parted(from, &to) {
            return Err(Lost("the answer is lost"));
        }
        Ok(self.carried(from.to_owned(), to, response, crashes, own_crashes))
    }

    /// A body on its way: slow while nothing gets through, and at its end where one of the two is gone.
    fn carried(
        &self,
        from: String,
        to: String,
        response: Response<Body>,
        mut crashes: watch::Receiver<u32>,
        mut own_crashes: Option<watch::Receiver<u32>>,
    ) -> Response<Body> {
        let (parts, body) = response.into_parts();
        let is_stream = parts.headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
        if !is_stream {
            return Response::from_parts(parts, body);
        }
        let cut = self.happens(40).then(|| Instant::now() + Duration::from_millis(self.inner().random.below(20_000)));
        if let Some(own) = &mut own_crashes {
            own.borrow_and_update();
        }
        let (network, mut frames) = (self.clone(), body.into_data_stream());
        let carried = sent_by(move |send| async move {
            loop {
                let own_end = async {
                    match &mut own_crashes {
                        Some(own) => _ = own.changed().await,
                        None => std::future::pending().await,
                    }
                };
                let cut = async {
                    match cut {
                        Some(cut) => sleep_until(cut).await,
                        None => std::future::pending().await,
                    }
                };
                let frame = tokio::select! {
                    frame = frames.next() => frame,
                    _ = crashes.changed() => return,
                    () = own_end => return,
                    () = cut => return,
                };
                let Some(Ok(frame)) = frame else { return };
                sleep(network.delay() / 10).await;
                while network.is_parted(&from, &to) {
                    sleep(Duration::from_millis(200)).await;
                }
                if send.send(frame).await.is_err() {
                    return;
                }
            }
        });
        Response::from_parts(parts, Body::new(carried))
    }
}

/// A body of what a task sends.
fn sent_by<F: Future<Output = ()> + Send + 'static>(task: impl FnOnce(mpsc::Sender<Bytes>) -> F) -> Carried {
    let (send, receive) = mpsc::channel(16);
    tokio::spawn(task(send));
    Carried(receive)
}

/// The same body, for a client that wants to share it.
pub fn pumped(body: Body) -> Carried {
    let mut frames = body.into_data_stream();
    sent_by(move |send| async move {
        while let Some(Ok(frame)) = frames.next().await {
            if send.send(frame).await.is_err() {
                return;
            }
        }
    })
}

/// A body whose pieces come from a task.
pub struct Carried(mpsc::Receiver<Bytes>);

impl HttpBody for Carried {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

fn ordered(one: &str, other: &str) -> (String, String) {
    let (one, other) = if one < other { (one, other) } else { (other, one) };
    (one.to_owned(), other.to_owned())
}
