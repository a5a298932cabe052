//! A TCP proxy, before a node or between it and its database, that can be cut, or fall silent.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How long a server keeps a connection whose bytes are swallowed; PostgreSQL has room for some hundred.
const SWALLOWED_FOR: Duration = Duration::from_secs(10);

/// What the way to the server is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Bytes pass.
    Open,
    /// Connections are closed at once.
    Cut,
    /// Connections stay and nothing arrives any more.
    Silent,
    /// Requests arrive, answers do not: the connection is closed instead. Those that are there are closed at once.
    Deaf,
}

/// Listens on a port of its own.
pub struct Proxy {
    pub port: u16,
    way: Arc<watch::Sender<Way>>,
    /// How often those who were there were swallowed.
    swallowed: Arc<watch::Sender<u64>>,
    target: Arc<Mutex<String>>,
}

impl Proxy {
    /// A proxy to `target`, for instance `127.0.0.1:5432`.
    pub async fn start(target: String, way: Way) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let way = Arc::new(watch::Sender::new(way));
        let ways = Arc::clone(&way);
        let swallowed = Arc::<watch::Sender<u64>>::default();
        let swallows = Arc::clone(&swallowed);
        let target = Arc::new(Mutex::new(target));
        let targets = Arc::clone(&target);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let target = targets.lock().unwrap().clone();
                tokio::spawn(carry(client, target, ways.subscribe(), swallows.subscribe()));
            }
        });
        Self { port, way, swallowed, target }
    }

    /// Where new connections lead from now on.
    pub fn lead_to(&self, target: String) {
        *self.target.lock().unwrap() = target;
    }

    /// Changes the way for all connections, also for those that are there.
    pub fn set(&self, way: Way) {
        self.way.send_replace(way);
    }

    /// Nothing arrives any more on the connections that are there, and neither end is told; new ones are well.
    pub fn swallow(&self) {
        self.swallowed.send_modify(|times| *times += 1);
    }
}

async fn carry(client: TcpStream, target: String, mut ways: watch::Receiver<Way>, mut swallows: watch::Receiver<u64>) {
    // Silence swallows a connection for ever: what was sent meanwhile never arrives.
    let born = *ways.borrow_and_update();
    match born {
        Way::Cut => return,
        Way::Silent => {
            ways.wait_for(|way| *way != Way::Silent).await.ok();
            return;
        }
        Way::Deaf => {
            let (mut client, Ok(mut server)) = (client, TcpStream::connect(target).await) else { return };
            let (mut from_client, mut to_server) = (client.split().0, server.split());
            let mut answer = [0];
            tokio::select! {
                _ = tokio::io::copy(&mut from_client, &mut to_server.1) => {}
                _ = to_server.0.read(&mut answer) => {}
            }
            return;
        }
        Way::Open => {}
    }
    let (mut client, Ok(mut server)) = (client, TcpStream::connect(target).await) else { return };
    {
        let copy = tokio::io::copy_bidirectional(&mut client, &mut server);
        tokio::select! {
            _ = copy => return,
            _ = ways.changed() => {}
            Ok(()) = swallows.changed() => {
                // The server finds out some time, the client never.
                tokio::time::sleep(SWALLOWED_FOR).await;
                drop(server);
                while swallows.changed().await.is_ok() {}
                return;
            }
        }
    }
    let now = *ways.borrow_and_update();
    if now == Way::Silent {
        ways.wait_for(|way| *way != Way::Silent).await.ok();
    }
}
