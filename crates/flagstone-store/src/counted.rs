//! Telemetry, whatever the store. It is not state: nothing is in the log.

use std::ops::Range;

use flagstone_model::time::Timestamp;

use crate::{
    Access, AppUsage, Application, Connections, Error, Gone, Instance, LastSeen, LoginRecord, PatSeen, Store,
    TelemetryBatch, TokenSeen, Trim, UnknownFlag, UsageRow, UserSeen, access, merge, telemetry,
};

impl Store {
    /// Adds a batch to what is there, in one transaction. After [`Error::Unavailable`] it may be tried again; only
    /// an answer lost at the very end may then count it twice.
    pub async fn flush(&self, batch: &TelemetryBatch) -> Result<(), Error> {
        if batch.is_empty() {
            return Ok(());
        }
        let batch = merge::merged(batch);
        access!(self.writer().await?, tables => tables.flush(batch), lease => telemetry::flush(lease, batch))
    }

    /// A feature's usage since an hour; by hour, application and environment.
    pub async fn usage(&self, feature: &str, from: Timestamp) -> Result<Vec<UsageRow>, Error> {
        let from = from.hour();
        access!(self.reader().await?, tables => tables.usage(feature, from), lease => telemetry::usage(lease, feature, from))
    }

    /// How many rows of usage there are of those hours, and how many of variants.
    pub async fn usage_rows(&self, hours: Range<Timestamp>) -> Result<(u64, u64), Error> {
        access!(self.reader().await?, tables => tables.usage_rows(&hours), lease => telemetry::usage_rows(lease, &hours))
    }

    /// When each feature was last evaluated in each environment.
    pub async fn last_seen_all(&self) -> Result<Vec<LastSeen>, Error> {
        access!(self.reader().await?, tables => tables.telemetry.last_seen.clone(), lease => telemetry::last_seen(lease))
    }

    /// When each API token was last used.
    pub async fn tokens_seen_all(&self) -> Result<Vec<TokenSeen>, Error> {
        access!(self.reader().await?,
            tables => tables.telemetry.tokens_seen.clone(),
            lease => telemetry::tokens_seen(lease))
    }

    /// When each user was last active.
    pub async fn users_seen_all(&self) -> Result<Vec<UserSeen>, Error> {
        access!(self.reader().await?, tables => tables.telemetry.users_seen.clone(), lease => telemetry::users_seen(lease))
    }

    /// When each personal access token was last used.
    pub async fn pats_seen_all(&self) -> Result<Vec<PatSeen>, Error> {
        access!(self.reader().await?, tables => tables.telemetry.pats_seen.clone(), lease => telemetry::pats_seen(lease))
    }

    /// All applications, by name.
    pub async fn applications(&self) -> Result<Vec<Application>, Error> {
        access!(self.reader().await?,
            tables => tables.telemetry.applications.clone(),
            lease => telemetry::applications(lease))
    }

    /// One application.
    pub async fn application(&self, name: &str) -> Result<Option<Application>, Error> {
        access!(self.reader().await?, tables => tables.application(name), lease => telemetry::application(lease, name))
    }

    /// Forgets an application with its usage and instances; whether there was one.
    pub async fn application_delete(&self, name: &str) -> Result<bool, Error> {
        access!(self.writer().await?,
            tables => tables.application_delete(name),
            lease => telemetry::application_delete(lease, name))
    }

    /// The features that an application has evaluated, as far back as usage is kept, by name.
    pub async fn features_of_application(&self, name: &str) -> Result<Vec<String>, Error> {
        access!(self.reader().await?,
            tables => tables.features_of_application(name),
            lease => telemetry::features_of_application(lease, name))
    }

    /// Which applications use which projects in which environments.
    pub async fn app_usage(&self) -> Result<Vec<AppUsage>, Error> {
        access!(self.reader().await?, tables => tables.telemetry.app_usage.clone(), lease => telemetry::app_usage(lease))
    }

    /// Instances, of one application or of all, in one environment or in all.
    pub async fn instances(&self, app_name: Option<&str>, environment: Option<&str>) -> Result<Vec<Instance>, Error> {
        access!(self.reader().await?,
            tables => tables.instances(app_name, environment),
            lease => telemetry::instances(lease, app_name, environment))
    }

    /// Of each application in each environment, what was seen since then; by environment and application.
    pub async fn connections(&self, since: Timestamp) -> Result<Vec<Connections>, Error> {
        access!(self.reader().await?, tables => tables.connections(since), lease => telemetry::connections(lease, since))
    }

    /// Names that were evaluated though no such feature exists.
    pub async fn unknown_flags(&self) -> Result<Vec<UnknownFlag>, Error> {
        access!(self.reader().await?, tables => tables.unknown_flags(), lease => telemetry::unknown_flags(lease))
    }

    /// Attempts to log in, the newest first.
    pub async fn logins(&self, limit: u32) -> Result<Vec<LoginRecord>, Error> {
        access!(self.reader().await?, tables => tables.logins(limit, |_| true), lease => telemetry::logins(lease, limit))
    }

    /// Log-ins, the newest first.
    pub async fn logins_successful(&self, limit: u32) -> Result<Vec<LoginRecord>, Error> {
        access!(self.reader().await?,
            tables => tables.logins(limit, |row| row.successful),
            lease => telemetry::logins_successful(lease, limit))
    }

    /// Forgets what is old; how many rows.
    pub async fn trim_telemetry(&self, trim: &Trim) -> Result<u64, Error> {
        access!(self.writer().await?, tables => tables.trim(trim), lease => telemetry::trim(lease, trim))
    }

    /// Forgets what is known of things that no longer exist, so that new ones of the same name begin afresh; how many
    /// rows.
    pub async fn forget(&self, gone: &Gone) -> Result<u64, Error> {
        access!(self.writer().await?, tables => tables.forget(gone), lease => telemetry::forget(lease, gone))
    }
}
