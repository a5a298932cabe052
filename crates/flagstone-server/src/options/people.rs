//! How people are written to, and how often they may ask.

use std::collections::BTreeMap;

use anyhow::Context;
use clap::Args;

use super::flag;

/// Options of mail.
#[derive(Args, Clone, Debug)]
pub struct MailOptions {
    /// The SMTP server that takes mail; none is sent without one
    #[arg(long, env = "EMAIL_HOST")]
    pub email_host: Option<String>,
    /// Its port
    #[arg(long, env = "EMAIL_PORT", default_value_t = 587)]
    pub email_port: u16,
    /// Speaks TLS from the first byte, as on port 465. Otherwise STARTTLS is used where the server offers it, and
    /// insisted on where there is a user, unless the server is this machine
    #[arg(long, env = "EMAIL_SECURE", value_parser = flag, default_value = "false", num_args = 0..=1, default_missing_value = "true")]
    pub email_secure: bool,
    /// The user to log in as, if any
    #[arg(long, env = "EMAIL_USER")]
    pub email_user: Option<String>,
    /// The user's password
    #[arg(long, env = "EMAIL_PASSWORD", hide_env_values = true)]
    pub email_password: Option<String>,
    /// Whom mail is from, for instance Flags <flags@example.com>; noreply at the host of UNLEASH_URL if omitted
    #[arg(long, env = "EMAIL_SENDER")]
    pub email_sender: Option<String>,
    /// More headers of every mail: a JSON object of texts
    #[arg(long, env = "EMAIL_OPTIONAL_HEADERS", default_value = "{}")]
    pub email_optional_headers: String,
}

impl MailOptions {
    /// The additional headers, by name.
    pub fn headers(&self) -> anyhow::Result<BTreeMap<String, String>> {
        serde_json::from_str(&self.email_optional_headers)
            .context("EMAIL_OPTIONAL_HEADERS is not a JSON object of texts")
    }
}

/// How often people may ask for something without being logged in.
#[derive(Args, Clone, Debug)]
pub struct PeopleOptions {
    /// How often one address may ask for a mail that resets a password, per minute; an account gets as many before it
    /// has to wait, and ten times as many in a day
    #[arg(long, env = "PASSWORD_RESET_LIMIT_PER_MINUTE", default_value_t = 1)]
    pub password_reset_limit_per_minute: u32,
    /// How often one address may try to sign up, per minute
    #[arg(long, env = "CREATE_USER_RATE_LIMIT_PER_MINUTE", default_value_t = 20)]
    pub create_user_rate_limit_per_minute: u32,
    /// After how many days a user who did nothing is listed as inactive
    #[arg(long, env = "USER_INACTIVITY_THRESHOLD_IN_DAYS", default_value_t = 180)]
    pub user_inactivity_threshold_days: u32,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub mail: MailOptions,
}
