//! Every option of `flagstone serve`, with the environment variable behind it.

pub mod addresses;
pub mod edge;
mod import;
mod integrations;
pub mod issue;
mod people;
pub mod push;
pub mod remote;
pub mod tls;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use flagstone_model::Limits;
use flagstone_model::api_tokens::{GivenToken, TokenKind, check_given};
use flagstone_store::DatabaseUrl;
use ipnet::IpNet;

use crate::delivery::DeliverySettings;
use crate::delivery::StreamLimits;
use crate::http::path_segment;
pub use import::ImportOptions;
pub use integrations::IntegrationOptions;
pub use people::{MailOptions, PeopleOptions};
use tls::TlsOptions;

/// Options of `flagstone serve`. Names of variables are Unleash's wherever it has one.
#[derive(Args, Clone, Debug)]
pub struct ServeOptions {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub database: DatabaseOptions,
    /// The most connections to PostgreSQL
    #[arg(long, env = "DATABASE_POOL_MAX", default_value_t = 8)]
    pub database_pool_max: u32,
    /// The address to listen on
    #[arg(long, env = "HTTP_HOST", default_value = "::")]
    pub host: IpAddr,
    /// The port to listen on; 4242 if neither this nor PORT is given
    #[arg(long, env = "HTTP_PORT")]
    pub port: Option<u16>,
    /// The port to listen on where HTTP_PORT is not given
    #[arg(long, env = "PORT", hide = true)]
    pub fallback_port: Option<u16>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub tls: TlsOptions,
    /// A path that stands before every route, for instance /flags
    #[arg(long, env = "BASE_URI_PATH", default_value = "")]
    pub base_path: String,
    /// The address under which people and applications reach the server
    #[arg(long, env = "UNLEASH_URL", default_value = "http://localhost:4242")]
    pub public_url: String,
    /// Proxies whose X-Forwarded-For is believed: addresses or networks, separated by commas
    #[arg(long, env = "TRUSTED_PROXIES", value_delimiter = ',', value_parser = network)]
    pub trusted_proxies: Vec<IpNet>,
    /// Says over TLS alone: Secure cookies and Strict-Transport-Security
    #[arg(long, env = "SECURE_HEADERS", value_parser = flag, default_value = "false", num_args = 0..=1, default_missing_value = "true")]
    pub secure: bool,
    /// The least severe message to log: error, warn, info, debug or trace
    #[arg(long, env = "LOG_LEVEL", default_value = "info")]
    pub log_level: String,
    /// How to log
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// The first administrator's user name, used at the very first start
    #[arg(long, env = "UNLEASH_DEFAULT_ADMIN_USERNAME", default_value = "admin")]
    pub admin_username: String,
    /// The first administrator's password; a random one is printed once if omitted
    #[arg(long, env = "UNLEASH_DEFAULT_ADMIN_PASSWORD", hide_env_values = true)]
    pub admin_password: Option<String>,
    /// Admin API tokens that exist from the start, separated by commas: *:*.secret
    #[arg(long, env = "INIT_ADMIN_API_TOKENS", hide_env_values = true, value_delimiter = ',')]
    pub init_admin_api_tokens: Vec<String>,
    /// Backend API tokens that exist from the start: project:environment.secret
    #[arg(long, env = "INIT_BACKEND_API_TOKENS", hide_env_values = true, value_delimiter = ',')]
    pub init_backend_api_tokens: Vec<String>,
    /// The old name of INIT_BACKEND_API_TOKENS
    #[arg(long, env = "INIT_CLIENT_API_TOKENS", hide_env_values = true, value_delimiter = ',')]
    pub init_client_api_tokens: Vec<String>,
    /// Frontend API tokens that exist from the start: project:environment.secret
    #[arg(long, env = "INIT_FRONTEND_API_TOKENS", hide_env_values = true, value_delimiter = ',')]
    pub init_frontend_api_tokens: Vec<String>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub import: ImportOptions,
    /// The secret with which edges sign their requests for tokens: base64url, without padding; without one there are none
    #[arg(long, env = "EDGE_CLIENT_SECRET", hide_env_values = true)]
    pub edge_client_secret: Option<String>,
    /// Origins that browsers may call the frontend API from, separated by commas
    #[arg(long, env = "UNLEASH_FRONTEND_API_ORIGINS", value_delimiter = ',', default_value = "*")]
    pub frontend_origins: Vec<String>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub custom_strategies: CustomStrategyOptions,
    /// How long browsers may remember a preflight answer, in seconds
    #[arg(long, env = "ACCESS_CONTROL_MAX_AGE", default_value_t = 86_400)]
    pub cors_max_age_s: u64,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub streams: StreamOptions,
    /// How long a session lasts without use, in hours
    #[arg(long, env = "SESSION_TTL_HOURS", default_value_t = 48)]
    pub session_ttl_hours: u32,
    /// How many sessions a user may have at once
    #[arg(long, env = "MAX_PARALLEL_SESSIONS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_parallel_sessions: u32,
    /// How often one address may try to log in, per minute; its network may ten times as often, and as many failures
    /// close an account for a while to addresses that it does not know
    #[arg(long, env = "SIMPLE_LOGIN_LIMIT_PER_MINUTE", default_value_t = 10)]
    pub login_limit_per_minute: u32,
    /// How long a stopping server waits for requests that are under way, in milliseconds
    #[arg(long, env = "GRACEFUL_SHUTDOWN_TIMEOUT", default_value_t = 8_000)]
    pub graceful_shutdown_timeout_ms: u64,
    /// The folder in which a node on PostgreSQL keeps what SDKs get, to serve it when it starts without its database
    #[arg(long, env = "SNAPSHOT_FOLDER", default_value = "./data/snapshot")]
    pub snapshot_folder: PathBuf,
    /// Serves the OpenAPI document and its page at /docs/openapi
    #[arg(long, env = "ENABLE_OAS", value_parser = flag, default_value = "true", num_args = 0..=1, default_missing_value = "true")]
    pub openapi: bool,
    /// How many days of usage metrics to keep
    #[arg(long, env = "DAILY_METRICS_STORAGE_DAYS", default_value_t = 91)]
    pub metrics_storage_days: u32,
    /// How many days the log goes back: older commits become the state that it begins with, and their events are gone with
    /// them; all are kept if omitted
    #[arg(long, env = "LOG_RETENTION_DAYS", value_parser = clap::value_parser!(u32).range(1..))]
    pub log_retention_days: Option<u32>,
    /// How many days of events to keep, at most as many as of the log; all are kept if omitted
    #[arg(long, env = "EVENTS_RETENTION_DAYS", value_parser = clap::value_parser!(u32).range(1..))]
    pub events_retention_days: Option<u32>,
    /// Answers /ready with 503 while the database is away, although flags are served from memory
    #[arg(long, env = "CHECK_DB_ON_READY", value_parser = flag, default_value = "false", num_args = 0..=1, default_missing_value = "true")]
    pub check_db_on_ready: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub integrations: IntegrationOptions,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub people: PeopleOptions,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub limits: LimitOptions,
}

/// Which database to use. The URL wins over its parts; without either it is SQLite in the working directory.
#[derive(Args, Clone, Debug)]
pub struct DatabaseOptions {
    /// Where to keep everything: sqlite:///absolute/path.db, postgres://user:password@host/database, or memory:
    /// [default: sqlite://./data/flagstone.db]
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// A file that holds the database URL; wins over the URL itself
    #[arg(long, env = "DATABASE_URL_FILE")]
    pub database_url_file: Option<PathBuf>,
    /// PostgreSQL's host, where there is no URL
    #[arg(long, env = "DATABASE_HOST")]
    pub database_host: Option<String>,
    /// PostgreSQL's port, with the host
    #[arg(long, env = "DATABASE_PORT", default_value_t = 5432)]
    pub database_port: u16,
    /// The database, with the host
    #[arg(long, env = "DATABASE_NAME", default_value = "unleash")]
    pub database_name: String,
    /// The user, with the host
    #[arg(long, env = "DATABASE_USERNAME", default_value = "postgres")]
    pub database_username: String,
    /// The password, with the host
    #[arg(long, env = "DATABASE_PASSWORD", hide_env_values = true)]
    pub database_password: Option<String>,
    /// The PostgreSQL schema to use
    #[arg(long, env = "DATABASE_SCHEMA", default_value = "public")]
    pub database_schema: String,
}

impl DatabaseOptions {
    /// The database that the options name.
    pub fn url(&self) -> anyhow::Result<DatabaseUrl> {
        let text = match (&self.database_url_file, &self.database_url, &self.database_host) {
            (Some(file), _, _) => {
                std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?
            }
            (None, Some(url), _) => url.clone(),
            (None, None, Some(host)) => self.url_of_parts(host),
            (None, None, None) => "sqlite://./data/flagstone.db".to_owned(),
        };
        let text = text.trim();
        // A relative path is taken from the working directory.
        match text.strip_prefix("sqlite://").filter(|path| !path.starts_with('/')) {
            Some(relative) => Ok(DatabaseUrl::Sqlite(std::env::current_dir()?.join(relative.trim_start_matches("./")))),
            None => Ok(text.parse()?),
        }
    }

    fn url_of_parts(&self, host: &str) -> String {
        let password = self.database_password.as_deref().map(|p| format!(":{}", path_segment(p))).unwrap_or_default();
        let (user, name) = (path_segment(&self.database_username), path_segment(&self.database_name));
        format!("postgres://{user}{password}@{host}:{}/{name}", self.database_port)
    }

    /// The schema, unless it is the one that a connection uses anyway.
    pub fn schema(&self) -> Option<String> {
        Some(self.database_schema.clone()).filter(|name| name != "public")
    }
}

/// How to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A line for people
    Text,
    /// A JSON object a line
    Json,
}

/// How many streams there may be.
#[derive(Args, Clone, Debug)]
pub struct StreamOptions {
    /// The most streams to SDKs; by default four fifths of the files that the process may open
    #[arg(long, env = "STREAMS_MAX")]
    pub streams_max: Option<usize>,
    /// The most streams with one token; 0 for no limit
    #[arg(long, env = "STREAMS_PER_TOKEN_MAX", default_value_t = 1_000)]
    pub streams_per_token_max: usize,
    /// The most streams from one address; 0 for no limit
    #[arg(long, env = "STREAMS_PER_ADDRESS_MAX", default_value_t = 500)]
    pub streams_per_address_max: usize,
}

impl StreamOptions {
    /// The limits that streams are opened by.
    pub fn limits(&self) -> StreamLimits {
        StreamLimits {
            all: self.streams_max.unwrap_or_else(|| open_files_max() / 5 * 4),
            per_token: Some(self.streams_per_token_max).filter(|most| *most > 0),
            per_address: Some(self.streams_per_address_max).filter(|most| *most > 0),
        }
    }
}

/// How many files this process may open (`RLIMIT_NOFILE`), as Linux tells; elsewhere the least that is usual.
fn open_files_max() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(1_024)
}

/// What users may do to custom strategies.
#[derive(Args, Clone, Debug)]
pub struct CustomStrategyOptions {
    /// Refuses new custom strategies
    #[arg(long, env = "UNLEASH_DISABLE_CUSTOM_STRATEGY_CREATION", value_parser = flag, default_value = "false", num_args = 0..=1, default_missing_value = "true")]
    pub disable_custom_strategy_creation: bool,
    /// Refuses to change or delete custom strategies
    #[arg(long, env = "UNLEASH_DISABLE_CUSTOM_STRATEGY_EDITING", value_parser = flag, default_value = "false", num_args = 0..=1, default_missing_value = "true")]
    pub disable_custom_strategy_editing: bool,
}

/// The bounds that an operator can move.
#[derive(Args, Clone, Debug)]
#[allow(missing_docs)]
pub struct LimitOptions {
    /// The most values in the constraints of one segment
    #[arg(long, env = "UNLEASH_SEGMENT_VALUES_LIMIT", default_value_t = 1_000)]
    pub segment_values_limit: usize,
    /// The most segments of one strategy
    #[arg(long, env = "UNLEASH_STRATEGY_SEGMENTS_LIMIT", default_value_t = 5)]
    pub strategy_segments_limit: usize,
    /// The most strategies of a feature in one environment
    #[arg(long, env = "UNLEASH_FEATURE_ENVIRONMENT_STRATEGIES_LIMIT", default_value_t = 30)]
    pub feature_environment_strategies_limit: usize,
    /// The most values of one constraint
    #[arg(long, env = "UNLEASH_CONSTRAINT_VALUES_LIMIT", default_value_t = 250)]
    pub constraint_values_limit: usize,
    /// The most constraints of one strategy or segment
    #[arg(long, env = "UNLEASH_CONSTRAINTS_LIMIT", default_value_t = 30)]
    pub constraints_limit: usize,
    /// The most environments
    #[arg(long, env = "UNLEASH_ENVIRONMENTS_LIMIT", default_value_t = 50)]
    pub environments_limit: usize,
    /// The most projects
    #[arg(long, env = "UNLEASH_PROJECTS_LIMIT", default_value_t = 500)]
    pub projects_limit: usize,
    /// The most API tokens
    #[arg(long, env = "UNLEASH_API_TOKENS_LIMIT", default_value_t = 2_000)]
    pub api_tokens_limit: usize,
    /// The most segments
    #[arg(long, env = "UNLEASH_SEGMENTS_LIMIT", default_value_t = 300)]
    pub segments_limit: usize,
    /// The most features
    #[arg(long, env = "UNLEASH_FEATURE_FLAGS_LIMIT", default_value_t = 5_000)]
    pub feature_flags_limit: usize,
    /// The most bytes that one change may take in the log
    #[arg(long, env = "COMMIT_BYTES_LIMIT", default_value_t = 64 * 1024 * 1024)]
    pub commit_bytes_limit: usize,
}

/// Reads a boolean as Unleash does: true, 1 and t are true, anything else is false.
#[allow(clippy::unnecessary_wraps)] // clap wants a parser that can fail.
fn flag(text: &str) -> Result<bool, std::convert::Infallible> {
    Ok(matches!(text, "true" | "1" | "t"))
}

/// A path that stands before every route: empty, or with a leading and without a trailing slash.
pub fn base_path(text: &str) -> String {
    match text.trim_matches('/') {
        "" => String::new(),
        path => format!("/{path}"),
    }
}

/// Reads an address or a network.
pub fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map_err(|_| "not an address such as 10.0.0.1 nor a network such as 10.0.0.0/8".to_owned())
}

impl ServeOptions {
    /// The limits that rules and views go by.
    pub fn limits(&self) -> Limits {
        let l = &self.limits;
        Limits {
            segment_values: l.segment_values_limit,
            strategy_segments: l.strategy_segments_limit,
            feature_environment_strategies: l.feature_environment_strategies_limit,
            constraint_values: l.constraint_values_limit,
            constraints: l.constraints_limit,
            environments: l.environments_limit,
            projects: l.projects_limit,
            api_tokens: l.api_tokens_limit,
            segments: l.segments_limit,
            features: l.feature_flags_limit,
            commit_bytes: l.commit_bytes_limit,
            ..Limits::default()
        }
    }

    /// What delivery goes by.
    pub fn delivery(&self) -> DeliverySettings {
        DeliverySettings {
            trusted_proxies: self.trusted_proxies.clone(),
            frontend_origins: self.frontend_origins.clone(),
            cors_max_age_s: self.cors_max_age_s,
            metrics_storage_days: self.metrics_storage_days,
            secure: self.secure,
            streams: self.streams.limits(),
        }
    }

    /// The tokens that must exist before the port opens; an error names the variable, never the token.
    pub fn given_tokens(&self) -> anyhow::Result<Vec<GivenToken>> {
        let backend = if self.init_backend_api_tokens.is_empty() {
            ("INIT_CLIENT_API_TOKENS", &self.init_client_api_tokens)
        } else {
            ("INIT_BACKEND_API_TOKENS", &self.init_backend_api_tokens)
        };
        let lists = [
            ("INIT_ADMIN_API_TOKENS", &self.init_admin_api_tokens, TokenKind::Admin),
            (backend.0, backend.1, TokenKind::Backend),
            ("INIT_FRONTEND_API_TOKENS", &self.init_frontend_api_tokens, TokenKind::Frontend),
        ];
        let mut tokens = Vec::new();
        for (variable, list, kind) in lists {
            for secret in list.iter().map(|s| s.trim()).filter(|s| !s.is_empty()) {
                let token = GivenToken { secret: secret.to_owned(), kind };
                check_given(&token).map_err(|reason| anyhow::anyhow!("{variable}: {reason}"))?;
                tokens.push(token);
            }
        }
        Ok(tokens)
    }

    /// The port to listen on.
    pub fn port(&self) -> u16 {
        self.port.or(self.fallback_port).unwrap_or(4242)
    }

    /// The path before every route: empty, or with a leading and without a trailing slash.
    pub fn base_path(&self) -> String {
        base_path(&self.base_path)
    }

    /// How long a session lasts without use.
    pub fn session_ttl(&self) -> Duration {
        Duration::from_secs(u64::from(self.session_ttl_hours) * 3_600)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        options: ServeOptions,
    }

    #[test]
    fn the_database_is_named_by_a_url_or_its_parts() {
        let check = |arguments: &[&str], expect: &str| {
            let options = Cli::parse_from(["test"].iter().chain(arguments)).options;
            let url = match options.database.url().unwrap() {
                DatabaseUrl::Sqlite(path) => path.display().to_string(),
                DatabaseUrl::Postgres(url) => url,
                DatabaseUrl::Memory => "memory".to_owned(),
            };
            assert!(url.ends_with(expect), "{url}");
        };
        check(&["--database-url", "sqlite:///var/lib/flags.db"], "/var/lib/flags.db");
        check(&["--database-url", "sqlite://./flags.db"], "/flags.db");
        check(&["--database-url", "memory:"], "memory");
        check(
            &["--database-host", "db", "--database-name", "flags", "--database-password", "p@ss/word"],
            "postgres://postgres:p%40ss%2Fword@db:5432/flags",
        );
        check(&["--database-host", "db", "--database-url", "postgres://u@other/x"], "postgres://u@other/x");
    }

    #[test]
    fn initial_tokens_are_checked_before_anything_starts() {
        let check = |arguments: &[&str], expect: Option<usize>| {
            let tokens = Cli::parse_from(["test"].iter().chain(arguments)).options.given_tokens();
            assert_eq!(tokens.as_ref().ok().map(Vec::len), expect);
            if let Err(error) = tokens {
                assert!(!error.to_string().contains("secret"), "{error}");
            }
        };
        check(&["--init-admin-api-tokens", "*:*.secret, *:*.secret2"], Some(2));
        check(&["--init-admin-api-tokens", ""], Some(0));
        check(&["--init-admin-api-tokens", "default:development.secret"], None);
        check(&["--init-backend-api-tokens", "default:*.secret"], None);
        check(&["--init-backend-api-tokens", "[]:development.secret"], None);
        check(&["--init-client-api-tokens", "default:development.secret"], Some(1));
    }
}
