//! Options of an edge that was given no tokens.

use clap::Args;

/// What an edge signs for, so that its upstream gives it tokens.
#[derive(Args, Clone, Debug)]
pub struct IssueOptions {
    /// The secret that the upstream knows as EDGE_CLIENT_SECRET: the edge signs with it and is given tokens
    #[arg(long, env = "UNLEASH_CLIENT_SECRET", hide_env_values = true)]
    pub unleash_client_secret: Option<String>,
    /// The environments that such an edge is to serve, separated by commas
    #[arg(long, env = "DESIRED_ENVIRONMENTS", value_delimiter = ',')]
    pub desired_environments: Vec<String>,
    /// The projects that it is to serve in each of them, separated by commas; * for all
    #[arg(long, env = "DESIRED_PROJECTS", value_delimiter = ',', default_value = "*")]
    pub desired_projects: Vec<String>,
}
