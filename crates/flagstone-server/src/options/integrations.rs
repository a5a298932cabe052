//! What integrations may reach, and how patient they are.

use clap::Args;

use super::flag;
use crate::http::guarded::{AllowList, Allowed};

/// Options of integrations.
#[derive(Args, Clone, Debug)]
pub struct IntegrationOptions {
    /// Lets integrations reach every address, private and local ones as well
    #[arg(long, env = "UNLEASH_ALLOW_PRIVATE_URL_IN_INTEGRATION", value_parser = flag, default_value = "false", num_args = 0..=1, default_missing_value = "true")]
    pub allow_private_integrations: bool,
    /// What integrations may reach besides public addresses: names of hosts, addresses, networks, separated by commas
    #[arg(long, env = "UNLEASH_ALLOW_LIST_INTEGRATION", value_delimiter = ',')]
    pub allowed_integrations: Vec<Allowed>,
    /// How long an event that has not arrived waits before it is sent again, in milliseconds; twice as long each time
    #[arg(long, env = "INTEGRATION_RETRY_MS", default_value_t = 500)]
    pub integration_retry_ms: u64,
}

impl IntegrationOptions {
    /// What requests on behalf of users may reach.
    pub fn outgoing(&self) -> AllowList {
        let list = self.allowed_integrations.iter().cloned().collect();
        AllowList { everything: self.allow_private_integrations, ..list }
    }
}
