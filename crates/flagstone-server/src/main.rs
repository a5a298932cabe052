//! The binary `flagstone`.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, Subcommand};
use flagstone_server::App;
use flagstone_server::app::{jobs, outbox};
use flagstone_server::edge::{Backup, Edge};
use flagstone_server::evaluate::EvaluateOptions;
use flagstone_server::http::serve::{self, Listeners};
use flagstone_server::http::tls::Tls;
use flagstone_server::node::{edge, standby};
use flagstone_server::options::edge::EdgeOptions;
use flagstone_server::options::{DatabaseOptions, LogFormat, ServeOptions};
use flagstone_server::sdk::source::FlagSource;
use flagstone_server::system::clock::Clock;
use flagstone_server::system::tasks::keep_running;
use flagstone_server::ui::{EMBEDDED, Ui};
use flagstone_server::{evaluate, routes};
use flagstone_store::{DatabaseUrl, Options, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Feature flags for teams, compatible with Unleash's SDKs and tools
#[derive(Parser)]
#[command(name = "flagstone", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the admin, client and frontend APIs
    Serve(Box<ServeOptions>),
    /// Serve the flags of an upstream, near its users, with or without the upstream
    Edge(Box<EdgeOptions>),
    /// Check the log's hash chain, and that documents and events are what the log says
    Verify {
        #[command(flatten)]
        database: DatabaseOptions,
    },
    /// Make old commits the state that the log begins with, and remove their events; what `LOG_RETENTION_DAYS` does daily
    Compact {
        #[command(flatten)]
        database: DatabaseOptions,
        /// How many days of the log to keep
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
        keep_days: u32,
    },
    /// Copy an embedded database to a file while the server may be running
    Backup {
        #[command(flatten)]
        database: DatabaseOptions,
        /// The file to write; it must not exist
        to: std::path::PathBuf,
    },
    /// Evaluate flags for contexts, without a server; prints one JSON answer a line
    Evaluate(EvaluateOptions),
    /// Ask a server on this machine whether it is ready; the exit code tells
    Healthcheck {
        /// The server's port
        #[arg(long, env = "HTTP_PORT", default_value_t = 4242)]
        port: u16,
        /// The path before every route
        #[arg(long, env = "BASE_URI_PATH", default_value = "")]
        base_path: String,
    },
    /// Print the published OpenAPI document
    Openapi,
}

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("flagstone: cannot start threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(Cli::parse())) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("flagstone: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Serve(options) => run_server(*options).await,
        Command::Edge(options) => run_edge(*options).await,
        Command::Verify { database } => verify(&database).await,
        Command::Compact { database, keep_days } => compact(&database, keep_days).await,
        Command::Backup { database, to } => {
            let store = Store::open_read_only(&database.url()?, &Options::default()).await?;
            store.backup(&to).await?;
            println!("{} holds the copy", to.display());
            Ok(ExitCode::SUCCESS)
        }
        Command::Evaluate(options) => {
            evaluate::run(&options, &mut std::io::stdout().lock()).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Healthcheck { port, base_path } => healthcheck(port, &base_path).await,
        Command::Openapi => {
            println!("{}", serde_json::to_string_pretty(&routes::openapi())?);
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn run_server(options: ServeOptions) -> anyhow::Result<ExitCode> {
    start_logging(&options.log_level, options.log_format);
    options.given_tokens()?;
    let store_options =
        Options { max_connections: options.database_pool_max, schema: options.database.schema(), ..Options::default() };
    let address = SocketAddr::new(options.host, options.port());
    let grace = Duration::from_millis(options.graceful_shutdown_timeout_ms);
    let stop = stop_signal()?;
    tokio::pin!(stop);
    let url = options.database.url()?;
    let backup = match &url {
        DatabaseUrl::Postgres(_) => Some(Backup::new(&options.snapshot_folder)),
        DatabaseUrl::Sqlite(_) | DatabaseUrl::Memory => None,
    };
    let backup = backup.and_then(|backup| {
        backup.inspect_err(|error| tracing::warn!(%error, "nothing can be kept in the snapshot folder")).ok()
    });
    let (settings, base_path, tls) = (options.delivery(), options.base_path(), options.tls.start()?);
    let tls_address = SocketAddr::new(options.host, options.tls.tls_server_port.unwrap_or(4243));
    let listen = || listen(address, tls_address, tls.clone());
    // Beside the store's opening and loading.
    let schemas = tokio::task::spawn_blocking(routes::schemas);
    let kept =
        || backup.clone().map_or(Ok(None), |backup| Edge::of_backup(backup, settings, routes::delivery_schemas()?));
    let (store, standby) = tokio::select! {
        opened = standby::open(&url, &store_options, listen, kept, &base_path) => opened?,
        () = &mut stop => return Ok(ExitCode::SUCCESS),
    };
    let app = App::start(options, Arc::new(store), Clock::System, async { schemas.await? }).await?;
    let listeners = match standby.end(app.telemetry()).await {
        Some(listeners) => listeners,
        None => listen()?,
    };
    if let Some(backup) = backup {
        let app = app.clone();
        keep_running("keep on disk what SDKs get", move || standby::keep_for_ever(app.clone(), backup.clone()));
    }
    let ui = Ui::new(EMBEDDED, &base_path);
    if !ui.is_built() {
        tracing::info!("this build has no web UI: `make build` makes one that has");
    }
    let tls = listeners.encrypted_address();
    tracing::info!(%address, ?tls, revision = app.public().state.seq, "Flagstone serves");
    jobs::start(&app);
    outbox::start(&app);
    let source = FlagSource::primary(app.clone());
    let stop = async {
        stop.await;
        // They would hold up the stop for ever, and their clients are to come back elsewhere one after the other.
        source.streams().stop();
    };
    serve::serve(listeners, routes::router(&source, &app, ui), stop, grace).await;
    app.stop().await;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

async fn run_edge(options: EdgeOptions) -> anyhow::Result<ExitCode> {
    start_logging(&options.log_level, options.log_format);
    let stop = stop_signal()?;
    let address = SocketAddr::new(options.interface, options.port);
    let tls_address = SocketAddr::new(options.interface, options.tls.tls_server_port.unwrap_or(3043));
    let listeners = listen(address, tls_address, options.tls.start()?)?;
    edge::run(options, listeners, stop).await?;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// How many connections may wait to be accepted: after a crash all SDKs come at once, and one for whom there was no room
/// tries again after a second, then after three. The kernel's `somaxconn` is the limit.
const BACKLOG: u32 = 4_096;

/// Listens, on a second port for TLS if that is wanted.
fn listen(address: SocketAddr, tls_address: SocketAddr, tls: Option<Arc<Tls>>) -> anyhow::Result<Listeners> {
    let plain = listen_on(address)?;
    let encrypted = tls.map(|tls| anyhow::Ok((listen_on(tls_address)?, tls))).transpose()?;
    Ok(Listeners::new(plain, encrypted))
}

/// Where the machine has no IPv6, on all IPv4 addresses instead of on all.
fn listen_on(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = match bind(address) {
        Err(_) if address.ip() == std::net::Ipv6Addr::UNSPECIFIED => {
            bind((std::net::Ipv4Addr::UNSPECIFIED, address.port()).into())
        }
        other => other,
    };
    listener.with_context(|| format!("cannot listen on {address}"))
}

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A node that is started again takes its port back at once.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Ready at the first SIGTERM or SIGINT; the second one ends the process at once, which loses nothing that was acknowledged.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (sender, receiver) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        next().await;
        tracing::info!("stopping: requests under way are finished first");
        let _ = sender.send(());
        next().await;
        std::process::exit(130);
    });
    Ok(async move {
        let _ = receiver.await;
    })
}

fn start_logging(level: &str, format: LogFormat) {
    // Unleash knows `fatal`, which is our `error`.
    let level = if level == "fatal" { "error" } else { level };
    let directives = format!("{},{level}", flagstone_store::LOG_DIRECTIVES);
    let filter = EnvFilter::try_new(directives).unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}

async fn verify(database: &DatabaseOptions) -> anyhow::Result<ExitCode> {
    let options = Options { schema: database.schema(), ..Options::default() };
    let store = Store::open_read_only(&database.url()?, &options).await?;
    let verification = store.verify().await?;
    println!("{} commits, {} documents, {} events", verification.commits, verification.documents, verification.events);
    if verification.redacted > 0 {
        println!("{} pieces were redacted", verification.redacted);
    }
    match verification.broken {
        None => {
            println!("the log is whole");
            Ok(ExitCode::SUCCESS)
        }
        Some(broken) => {
            println!("{broken}");
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn compact(database: &DatabaseOptions, keep_days: u32) -> anyhow::Result<ExitCode> {
    const DAY: i64 = 24 * 3_600_000;
    let options = Options { schema: database.schema(), ..Options::default() };
    let store = Store::open(&database.url()?, &options).await?;
    let compacted = store.compact(Clock::System.now().plus_millis(-DAY * i64::from(keep_days))).await;
    store.close().await;
    match compacted? {
        Some(seq) => println!("the log begins after commit {seq}"),
        None => println!("nothing is old enough"),
    }
    Ok(ExitCode::SUCCESS)
}

async fn healthcheck(port: u16, base_path: &str) -> anyhow::Result<ExitCode> {
    let path = match base_path.trim_matches('/') {
        "" => "/ready".to_owned(),
        base => format!("/{base}/ready"),
    };
    let answer = tokio::time::timeout(Duration::from_secs(2), async {
        let mut stream = TcpStream::connect((std::net::Ipv4Addr::LOCALHOST, port)).await?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        anyhow::Ok(answer)
    });
    let answer = answer.await.context("no answer within two seconds")??;
    let status = answer.lines().next().unwrap_or_default();
    println!("{status}");
    Ok(if status.contains(" 200 ") { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
