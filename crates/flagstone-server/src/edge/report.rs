//! Sends on what SDKs report: added up, in few requests, kept until the upstream has it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use flagstone_model::Timestamp;
use flagstone_model::api_tokens::TokenKind;
use flagstone_store::{Instance, TelemetryBatch, UsageRow};
use serde::Serialize;
use tokio::time::sleep;

use super::Follower;

/// How long what is to be sent before its time waits nevertheless.
const EARLY_EVERY: Duration = Duration::from_secs(1);
/// The most rows in one request.
const ROWS_MAX: usize = 2_000;

/// A report, in the form of `POST /api/client/metrics/bulk`.
#[derive(Serialize)]
struct Report<'a> {
    applications: Vec<ApplicationReport<'a>>,
    metrics: Vec<UsageReport<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApplicationReport<'a> {
    app_name: &'a str,
    environment: &'a str,
    instance_id: &'a str,
    sdk_version: Option<&'a str>,
    strategies: &'a [String],
    started: Timestamp,
    interval: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UsageReport<'a> {
    feature_name: &'a str,
    app_name: &'a str,
    environment: &'a str,
    timestamp: Timestamp,
    yes: u64,
    no: u64,
    variants: &'a BTreeMap<String, u64>,
}

impl Follower {
    pub(super) async fn report_for_ever(self) {
        loop {
            tokio::select! {
                () = sleep(self.0.pace.report) => {}
                // Where that is often, reports fail, or are more than the upstream can take.
                () = self.telemetry().half_full() => sleep(EARLY_EVERY).await,
            }
            if let Err(error) = self.report().await {
                tracing::warn!(error = format!("{error:#}"), "reports could not be sent on; they are kept");
            }
        }
    }

    /// Sends everything that waits. What the upstream does not take waits on.
    pub(super) async fn report(&self) -> anyhow::Result<()> {
        let Some(upstream) = &self.0.upstream else { return Ok(()) };
        let mut batch = self.telemetry().take();
        let mut outcome = Ok(());
        while outcome.is_ok() && !(batch.usage.is_empty() && batch.instances.is_empty()) {
            let part = part_of(&mut batch);
            let token = self.reporter(&part.environment);
            outcome = match token {
                Some(token) => upstream.report(&token, &part.report(&batch)).await,
                None => Err(anyhow::anyhow!("no token of the environment {} is known", part.environment)),
            };
            if outcome.is_err() {
                batch.usage.extend(part.usage);
                batch.instances.extend(part.instances);
            }
        }
        self.telemetry().put_back(TelemetryBatch {
            usage: batch.usage,
            instances: batch.instances,
            applications: batch.applications,
            ..TelemetryBatch::default()
        });
        outcome.context("reports")
    }

    /// A token that may report for an environment.
    fn reporter(&self, environment: &str) -> Option<String> {
        let tokens = self.tokens();
        let mut known =
            tokens.known().filter(|k| k.token.kind == TokenKind::Backend && k.token.environment == environment);
        known.find_map(|known| known.secret.clone())
    }
}

/// What goes into one request: rows of one environment.
struct Part {
    environment: String,
    usage: Vec<UsageRow>,
    instances: Vec<Instance>,
}

/// Takes the rows of some environment out of the batch, as many as one request may hold.
fn part_of(batch: &mut TelemetryBatch) -> Part {
    let of_usage = batch.usage.first().map(|row| &row.environment);
    let environment = of_usage.or(batch.instances.first().map(|i| &i.environment)).cloned().unwrap_or_default();
    let usage = take_some(&mut batch.usage, |row| row.environment == environment);
    let instances = take_some(&mut batch.instances, |instance| instance.environment == environment);
    Part { environment, usage, instances }
}

fn take_some<T>(rows: &mut Vec<T>, fits: impl Fn(&T) -> bool) -> Vec<T> {
    let mut taken = Vec::new();
    for row in std::mem::take(rows) {
        if taken.len() < ROWS_MAX && fits(&row) { taken.push(row) } else { rows.push(row) }
    }
    taken
}

impl Part {
    fn report<'a>(&'a self, batch: &'a TelemetryBatch) -> Report<'a> {
        let applications = self.instances.iter().map(|instance| {
            let application = batch.applications.iter().find(|a| a.app_name == instance.app_name);
            ApplicationReport {
                app_name: &instance.app_name,
                environment: &instance.environment,
                instance_id: &instance.instance_id,
                sdk_version: instance.sdk_version.as_deref(),
                strategies: application.map(|a| a.strategies.as_slice()).unwrap_or_default(),
                started: application.map_or(instance.created_at, |a| a.started),
                interval: 0,
            }
        });
        let metrics = self.usage.iter().map(|row| UsageReport {
            feature_name: &row.feature,
            app_name: &row.app_name,
            environment: &row.environment,
            timestamp: row.hour,
            yes: row.yes,
            no: row.no,
            variants: &row.variants,
        });
        Report { applications: applications.collect(), metrics: metrics.collect() }
    }
}
