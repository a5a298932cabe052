//! Options of `flagstone edge`. Names of variables are Unleash Edge's wherever it has one.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use reqwest::Url;

use super::addresses::AddressOptions;
use super::issue::IssueOptions;
use super::push::PushOptions;
use super::remote::RemoteOptions;
use super::tls::TlsOptions;
use super::{LogFormat, StreamOptions};
use crate::delivery::DeliverySettings;

/// Options of `flagstone edge`.
#[derive(Args, Clone, Debug)]
pub struct EdgeOptions {
    /// The Flagstone or Unleash server to follow, or another edge
    #[arg(long, env = "UPSTREAM_URL", required_unless_present = "bootstrap_file")]
    pub upstream_url: Option<String>,
    /// Backend tokens of the upstream whose flags are kept from the start, separated by commas
    #[arg(long, env = "TOKENS", hide_env_values = true, value_delimiter = ',')]
    pub tokens: Vec<String>,
    /// More of them, under Unleash Edge's name for tokens without an upstream
    #[arg(long, env = "CLIENT_TOKENS", hide_env_values = true, value_delimiter = ',')]
    pub client_tokens: Vec<String>,
    /// Frontend tokens that work from the start where there is no upstream to ask, separated by commas
    #[arg(long, env = "FRONTEND_TOKENS", hide_env_values = true, value_delimiter = ',')]
    pub frontend_tokens: Vec<String>,
    /// A file with a client-features document: the flags of all given tokens, until the upstream says otherwise
    #[arg(long, env = "BOOTSTRAP_FILE")]
    pub bootstrap_file: Option<PathBuf>,
    /// How often to look whether the bootstrap file has changed, in seconds; with 0 it is read again at SIGHUP alone
    #[arg(long, env = "RELOAD_INTERVAL", default_value_t = 5)]
    pub reload_interval: u64,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub issue: IssueOptions,
    /// The folder in which flags and tokens outlast a restart; nothing is kept if omitted
    #[arg(long, env = "BACKUP_FOLDER")]
    pub backup_folder: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub remote: RemoteOptions,
    /// The address to listen on
    #[arg(long, env = "INTERFACE", default_value = "::")]
    pub interface: IpAddr,
    /// The port to listen on
    #[arg(long, env = "PORT", default_value_t = 3063)]
    pub port: u16,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub tls: TlsOptions,
    /// A path that stands before every route, for instance /edge
    #[arg(long, env = "BASE_PATH", default_value = "")]
    pub base_path: String,
    /// How often to ask an upstream that does not stream, in seconds
    #[arg(long, env = "FEATURES_REFRESH_INTERVAL_SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..))]
    pub features_refresh_interval_seconds: u64,
    /// How often to send on what SDKs report, in seconds
    #[arg(long, env = "METRICS_INTERVAL_SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    pub metrics_interval_seconds: u64,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub push: PushOptions,
    /// How often to ask whether known tokens still work, in seconds
    #[arg(long, env = "TOKEN_REVALIDATION_INTERVAL_SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..))]
    pub token_revalidation_interval_seconds: u64,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub addresses: AddressOptions,
    /// Origins that browsers may call from, separated by commas
    #[arg(long, env = "CORS_ORIGIN", value_delimiter = ',', default_value = "*")]
    pub cors_origin: Vec<String>,
    /// How long browsers may remember a preflight answer, in seconds
    #[arg(long, env = "CORS_MAX_AGE", default_value_t = 86_400)]
    pub cors_max_age: u64,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub streams: StreamOptions,
    /// The least severe message to log: error, warn, info, debug or trace
    #[arg(long, env = "LOG_LEVEL", default_value = "info")]
    pub log_level: String,
    /// How to log
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// How long a stopping edge waits for requests that are under way, in seconds
    #[arg(long, env = "SHUTDOWN_TIMEOUT_SECONDS", default_value_t = 8)]
    pub shutdown_timeout_seconds: u64,
}

/// How often an edge turns to its upstream.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    /// For features, where it does not stream.
    pub refresh: Duration,
    /// With reports.
    pub report: Duration,
    /// For known tokens.
    pub revalidate: Duration,
}

impl EdgeOptions {
    /// How often to turn to the upstream.
    pub fn pace(&self) -> Pace {
        Pace {
            refresh: Duration::from_secs(self.features_refresh_interval_seconds),
            report: Duration::from_secs(self.metrics_interval_seconds),
            revalidate: Duration::from_secs(self.token_revalidation_interval_seconds),
        }
    }

    /// What delivery goes by.
    pub fn delivery(&self) -> DeliverySettings {
        DeliverySettings {
            trusted_proxies: self.addresses.trusted_proxies(),
            frontend_origins: self.cors_origin.clone(),
            cors_max_age_s: self.cors_max_age,
            metrics_storage_days: 91,
            secure: false,
            streams: self.streams.limits(),
        }
    }

    /// Where the upstream is: without a slash at its end.
    pub fn upstream(&self) -> anyhow::Result<Option<String>> {
        let Some(text) = &self.upstream_url else { return Ok(None) };
        let url = Url::parse(text);
        ensure!(
            url.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()),
            "the upstream's URL must be like https://flags.example.com"
        );
        Ok(Some(text.trim_end_matches('/').trim_end_matches("/api").to_owned()))
    }

    /// The backend tokens from all options.
    pub fn backend_tokens(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().chain(&self.client_tokens).map(|t| t.trim()).filter(|t| !t.is_empty())
    }
}
