//! What the operator chose for delivery.

use ipnet::IpNet;

/// What the operator chose for delivery.
#[derive(Clone, Debug)]
pub struct DeliverySettings {
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Origins that browsers may call the frontend API from; `*` for all.
    pub frontend_origins: Vec<String>,
    /// How long browsers may remember a preflight answer, in seconds.
    pub cors_max_age_s: u64,
    /// How many days usage may be reported late.
    pub metrics_storage_days: u32,
    /// Whether everything comes over TLS.
    pub secure: bool,
    /// How many streams there may be.
    pub streams: StreamLimits,
}

/// How many streams there may be.
#[derive(Clone, Debug)]
pub struct StreamLimits {
    /// In all.
    pub all: usize,
    /// With one token.
    pub per_token: Option<usize>,
    /// From one address.
    pub per_address: Option<usize>,
}
