//! Options of an edge that keeps what it has elsewhere than on its own disk.

use clap::Args;

use super::flag;

/// A place in a network that outlasts the edge's machine. Names are Unleash Edge's, and those of Amazon's own tools.
#[derive(Args, Clone, Debug, Default)]
pub struct RemoteOptions {
    /// The Redis server in which flags and tokens outlast a restart: redis://host:6379/0, or rediss:// for TLS
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    pub redis_url: Option<String>,
    /// The Redis server's host, where there is no URL
    #[arg(long, env = "REDIS_HOST")]
    pub redis_host: Option<String>,
    /// The Redis server's port, with the host
    #[arg(long, env = "REDIS_PORT", default_value_t = 6379)]
    pub redis_port: u16,
    /// Speaks TLS with the Redis server, with the host
    #[arg(long, env = "REDIS_SECURE", value_parser = flag, default_value = "false", num_args = 0..=1, default_missing_value = "true")]
    pub redis_secure: bool,
    /// The user, unless the URL names one
    #[arg(long, env = "REDIS_USERNAME")]
    pub redis_username: Option<String>,
    /// The password, unless the URL has one
    #[arg(long, env = "REDIS_PASSWORD", hide_env_values = true)]
    pub redis_password: Option<String>,
    /// The bucket in which flags and tokens outlast a restart, at Amazon S3 or what speaks its protocol
    #[arg(long, env = "S3_BUCKET_NAME")]
    pub s3_bucket_name: Option<String>,
    /// Where the bucket is, if not at Amazon: https://minio.example.com
    #[arg(long, env = "AWS_ENDPOINT_URL")]
    pub aws_endpoint_url: Option<String>,
    /// The bucket's region
    #[arg(long, env = "AWS_REGION", default_value = "us-east-1")]
    pub aws_region: String,
    /// The id of the key that opens the bucket
    #[arg(long, env = "AWS_ACCESS_KEY_ID")]
    pub aws_access_key_id: Option<String>,
    /// The key that opens the bucket
    #[arg(long, env = "AWS_SECRET_ACCESS_KEY", hide_env_values = true)]
    pub aws_secret_access_key: Option<String>,
    /// The token that goes with a key for a while
    #[arg(long, env = "AWS_SESSION_TOKEN", hide_env_values = true)]
    pub aws_session_token: Option<String>,
}
