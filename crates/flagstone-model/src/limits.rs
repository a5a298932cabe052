//! How much of everything there may be: every bound of the product that an operator can move, in one place.

/// Upper bounds; the defaults and the environment variables behind them are Unleash's where it has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Values of a segment's constraints, all together.
    pub segment_values: usize,
    /// Segments of one strategy.
    pub strategy_segments: usize,
    /// Strategies of a feature in one environment.
    pub feature_environment_strategies: usize,
    /// Values of one constraint.
    pub constraint_values: usize,
    /// Constraints of one strategy or segment.
    pub constraints: usize,
    /// Environments.
    pub environments: usize,
    /// Projects, archived ones not counted.
    pub projects: usize,
    /// API tokens.
    pub api_tokens: usize,
    /// Segments.
    pub segments: usize,
    /// Integrations.
    pub integrations: usize,
    /// Links by which people sign up, those that have expired included.
    pub signup_links: usize,
    /// Features, archived ones not counted.
    pub features: usize,
    /// Variants of one strategy or feature environment.
    pub variants: usize,
    /// Elements of one bulk request.
    pub bulk: usize,
    /// Personal access tokens of one user.
    pub personal_tokens: usize,
    /// Bytes that one change may take in the log: other nodes read it at once, and wait while it is written.
    pub commit_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            segment_values: 1_000,
            strategy_segments: 5,
            feature_environment_strategies: 30,
            constraint_values: 250,
            constraints: 30,
            environments: 50,
            projects: 500,
            api_tokens: 2_000,
            segments: 300,
            integrations: 100,
            signup_links: 200,
            features: 5_000,
            variants: 100,
            bulk: 1_000,
            personal_tokens: 10,
            commit_bytes: 64 * 1024 * 1024,
        }
    }
}

impl Limits {
    /// Fails if there are `count` already and `limit` is the most there may be.
    pub fn room(resource: &'static str, count: usize, limit: usize) -> Result<(), crate::Error> {
        if count < limit { Ok(()) } else { Err(crate::Error::LimitExceeded { resource, limit: limit as u64 }) }
    }
}
