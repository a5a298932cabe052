//! Sends on what SDKs report: added up, in parts that every upstream reads, kept until the upstream has it, and counted
//! once by an upstream that knows the ids of parts.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use anyhow::anyhow;
use flagstone_model::Timestamp;
use flagstone_store::{Application, Instance, TelemetryBatch, UsageRow};
use futures_util::stream;
use futures_util::{FutureExt, StreamExt};
use reqwest::StatusCode;
use serde::Serialize;
use tokio::time::{sleep, timeout};

use super::Edge;
use super::upstream::Upstream;
use crate::system::entropy;

/// How long what is to be sent before its time waits nevertheless.
const EARLY_EVERY: Duration = Duration::from_secs(1);
/// The most bytes in one request, but for a single row that is longer: Unleash reads 100 kB.
const PART_BYTES_MAX: usize = 90_000;
/// How often an environment's parts may be refused in one go before what is refused is no longer split.
const REFUSALS_MAX: usize = 64;
/// How many environments are reported at the same time.
const LANES_MAX: usize = 8;
/// How long a stopping edge tries.
const STOP_MAX: Duration = Duration::from_secs(10);

/// An application in `POST /api/client/metrics/bulk`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApplicationReport<'a> {
    app_name: &'a str,
    environment: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sdk_version: Option<&'a str>,
    strategies: &'a [String],
    started: Timestamp,
    interval: u32,
}

/// Counts in `POST /api/client/metrics/bulk`.
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

/// What was sent and not answered, by environment: sent again as it is until there is an answer.
#[derive(Debug, Default)]
pub struct Outbox(HashMap<String, Vec<Part>>);

/// What goes into one request: objects of JSON.
#[derive(Debug)]
struct Part {
    /// By which the upstream knows it again.
    id: String,
    applications: Vec<String>,
    metrics: Vec<String>,
    bytes: usize,
}

/// What an environment has to report.
#[derive(Default)]
struct Lane {
    environment: String,
    /// The next one last.
    parts: Vec<Part>,
    usage: Vec<UsageRow>,
    instances: Vec<Instance>,
}

impl Edge {
    pub(super) async fn report_for_ever(self) {
        loop {
            tokio::select! {
                () = sleep(self.0.parts.pace.report) => {}
                // Where that is often, reports fail, or are more than the upstream can take.
                () = self.telemetry().half_full() => sleep(EARLY_EVERY).await,
            }
            if let Err(error) = self.report().await {
                tracing::warn!(error = format!("{error:#}"), "reports could not be sent on; they are kept");
            }
        }
    }

    /// Sends everything that waits, for so long as a stopping edge can.
    pub(super) async fn report_last(&self) {
        let outcome = timeout(STOP_MAX, self.report()).await.unwrap_or_else(|late| Err(late.into()));
        if let Err(error) = outcome {
            tracing::error!(error = format!("{error:#}"), "the last reports could not be sent on");
        }
    }

    /// Sends everything that waits. What the upstream does not take waits on, and holds up no other environment. One
    /// report at a time: who stops waits for the one that is under way, and sends what that could not.
    pub(super) async fn report(&self) -> anyhow::Result<()> {
        let Some(upstream) = &self.0.parts.upstream else { return Ok(()) };
        let mut outbox = self.0.outbox.lock().await;
        let mut batch = self.telemetry().take();
        add_applications_alone(&mut batch);
        let applications: HashMap<&str, &Application> =
            batch.applications.iter().map(|application| (application.app_name.as_str(), application)).collect();
        let lanes = lanes(&mut outbox, batch.usage, batch.instances);
        let sent: Vec<_> = lanes.map(|lane| self.send_all(upstream, lane, &applications).boxed()).collect();
        let sent: Vec<_> = stream::iter(sent).buffer_unordered(LANES_MAX).collect().await;
        let (mut usage, mut instances, mut outcome) = (Vec::new(), Vec::new(), Ok(()));
        for (lane, sent) in sent {
            if !lane.parts.is_empty() {
                outbox.0.insert(lane.environment, lane.parts);
            }
            usage.extend(lane.usage);
            instances.extend(lane.instances);
            outcome = outcome.and(sent);
        }
        let waiting: BTreeSet<&str> = instances.iter().map(|instance| instance.app_name.as_str()).collect();
        batch.applications.retain(|application| waiting.contains(application.app_name.as_str()));
        let applications = batch.applications;
        self.telemetry().put_back(TelemetryBatch { usage, instances, applications, ..TelemetryBatch::default() });
        outcome
    }

    /// Sends what an environment has to report, as far as the upstream takes it. What is left, and why.
    async fn send_all(
        &self,
        upstream: &Upstream,
        mut lane: Lane,
        applications: &HashMap<&str, &Application>,
    ) -> (Lane, anyhow::Result<()>) {
        let environment = &lane.environment;
        let Some(token) = self.reporter(environment) else {
            let error = anyhow!("no token of the environment {environment} is known");
            return (lane, Err(error));
        };
        let (mut bytes_max, mut refusals) = (PART_BYTES_MAX, 0);
        while let Some(part) = lane.next(bytes_max, applications) {
            match upstream.report(&token, &part.id, part.body()).await {
                Ok(status) if status.is_success() => {}
                // As it is, it would never take them, and what comes behind them would never be sent.
                Ok(
                    status @ (StatusCode::BAD_REQUEST
                    | StatusCode::PAYLOAD_TOO_LARGE
                    | StatusCode::UNPROCESSABLE_ENTITY),
                ) => {
                    refusals += 1;
                    if status == StatusCode::PAYLOAD_TOO_LARGE {
                        bytes_max = bytes_max.min(part.bytes / 2);
                    }
                    let rows = part.rows();
                    if rows > 1 && refusals < REFUSALS_MAX {
                        lane.parts.extend(part.halves());
                    } else {
                        let environment = &lane.environment;
                        tracing::error!(%status, environment, rows, "the upstream refuses reports; they are lost");
                    }
                }
                // Perhaps it has counted them: they must come again as the same.
                Ok(status) => {
                    lane.parts.push(part);
                    return (lane, Err(anyhow!("the upstream answers {status} to reports")));
                }
                Err(error) => {
                    lane.parts.push(part);
                    return (lane, Err(error));
                }
            }
        }
        (lane, Ok(()))
    }

    /// A token that may report for an environment.
    fn reporter(&self, environment: &str) -> Option<String> {
        self.tokens().secret_in(environment)
    }
}

/// What each environment has to report, with what it has sent before.
fn lanes(outbox: &mut Outbox, usage: Vec<UsageRow>, instances: Vec<Instance>) -> impl Iterator<Item = Lane> {
    let sent = std::mem::take(&mut outbox.0).into_iter();
    let mut lanes: HashMap<String, Lane> =
        sent.map(|(environment, parts)| (environment, Lane { parts, ..Lane::default() })).collect();
    for row in usage {
        lanes.entry(row.environment.clone()).or_default().usage.push(row);
    }
    for instance in instances {
        lanes.entry(instance.environment.clone()).or_default().instances.push(instance);
    }
    lanes.into_iter().map(|(environment, lane)| Lane { environment, ..lane })
}

/// Adds an instance without an id for each application that has introduced itself without one: it is reported as well.
fn add_applications_alone(batch: &mut TelemetryBatch) {
    let named: HashSet<(&str, &str)> =
        batch.instances.iter().map(|i| (i.app_name.as_str(), i.environment.as_str())).collect();
    let used = batch.app_usage.iter().map(|used| (used.app_name.as_str(), used.environment.as_str()));
    let alone: BTreeSet<(&str, &str)> = used.filter(|used| !named.contains(used)).collect();
    let alone = alone.into_iter().map(|(app_name, environment)| Instance {
        app_name: app_name.to_owned(),
        environment: environment.to_owned(),
        ..Instance::default()
    });
    let alone: Vec<Instance> = alone.collect();
    batch.instances.extend(alone);
}

impl Lane {
    /// The next part: what was split or not answered before, or a new one of at most so many bytes.
    fn next(&mut self, bytes_max: usize, applications: &HashMap<&str, &Application>) -> Option<Part> {
        if let Some(part) = self.parts.pop() {
            return Some(part);
        }
        let mut part = Part::of(Vec::new(), Vec::new());
        while let Some(instance) = self.instances.last()
            && part.takes(application_json(instance, applications), bytes_max, |part| &mut part.applications)
        {
            self.instances.pop();
        }
        while let Some(row) = self.usage.last()
            && part.takes(usage_json(row), bytes_max, |part| &mut part.metrics)
        {
            self.usage.pop();
        }
        (part.rows() > 0).then_some(part)
    }
}

impl Part {
    fn of(applications: Vec<String>, metrics: Vec<String>) -> Self {
        let rows = applications.iter().chain(&metrics);
        let bytes = r#"{"applications":[],"metrics":[]}"#.len() + rows.map(|json| json.len() + 1).sum::<usize>();
        Self { id: entropy::uuid(), applications, metrics, bytes }
    }

    /// Takes a row if it has room, and one in any case.
    fn takes(&mut self, json: String, bytes_max: usize, list: impl Fn(&mut Self) -> &mut Vec<String>) -> bool {
        let bytes = self.bytes + json.len() + 1;
        let takes = bytes <= bytes_max || self.rows() == 0;
        if takes {
            self.bytes = bytes;
            list(self).push(json);
        }
        takes
    }

    fn rows(&self) -> usize {
        self.applications.len() + self.metrics.len()
    }

    fn body(&self) -> String {
        let (applications, metrics) = (self.applications.join(","), self.metrics.join(","));
        format!(r#"{{"applications":[{applications}],"metrics":[{metrics}]}}"#)
    }

    /// Two new parts. Only of one that was counted by nobody.
    fn halves(mut self) -> [Self; 2] {
        let applications = self.applications.split_off(self.applications.len() / 2);
        // Two single rows part as well.
        let metrics = self.metrics.split_off(self.metrics.len().div_ceil(2));
        [Self::of(self.applications, self.metrics), Self::of(applications, metrics)]
    }
}

fn application_json(instance: &Instance, applications: &HashMap<&str, &Application>) -> String {
    let application = applications.get(instance.app_name.as_str());
    json(&ApplicationReport {
        app_name: &instance.app_name,
        environment: &instance.environment,
        instance_id: Some(instance.instance_id.as_str()).filter(|id| !id.is_empty()),
        sdk_version: instance.sdk_version.as_deref(),
        strategies: application.map(|a| a.strategies.as_slice()).unwrap_or_default(),
        started: application.map_or(instance.created_at, |a| a.started),
        interval: 0,
    })
}

fn usage_json(row: &UsageRow) -> String {
    json(&UsageReport {
        feature_name: &row.feature,
        app_name: &row.app_name,
        environment: &row.environment,
        timestamp: row.hour,
        yes: row.yes,
        no: row.no,
        variants: &row.variants,
    })
}

/// Structures of text and numbers always have a form in JSON.
fn json(row: &impl Serialize) -> String {
    serde_json::to_string(row).unwrap_or_else(|_| "{}".to_owned())
}

#[cfg(test)]
mod tests;
