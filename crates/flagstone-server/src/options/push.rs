//! Options of an edge that sends its metrics to a Prometheus.

use clap::Args;
use reqwest::Url;

/// Where metrics are sent, where nobody can come and ask for them. Names are Unleash Edge's.
#[derive(Args, Clone, Debug)]
pub struct PushOptions {
    /// The URL that takes Prometheus' remote write; metrics are not sent if omitted
    #[arg(long, env = "PROMETHEUS_REMOTE_WRITE_URL", hide_env_values = true)]
    pub prometheus_remote_write_url: Option<Url>,
    /// How often to send metrics, in seconds
    #[arg(long, env = "PROMETHEUS_PUSH_INTERVAL", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    pub prometheus_push_interval: u64,
    /// The user to send them as
    #[arg(long, env = "PROMETHEUS_USERNAME")]
    pub prometheus_username: Option<String>,
    /// The user's password
    #[arg(long, env = "PROMETHEUS_PASSWORD", hide_env_values = true)]
    pub prometheus_password: Option<String>,
    /// What sent metrics call the application (`job`)
    #[arg(long, env = "APP_NAME", default_value = "flagstone-edge")]
    pub app_name: String,
    /// What sent metrics call this edge (`instance`); something random if omitted
    #[arg(long, env = "INSTANCE_ID")]
    pub instance_id: Option<String>,
}
