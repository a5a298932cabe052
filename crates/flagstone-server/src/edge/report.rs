//! Sends on what SDKs report: added up, in few requests, kept until the upstream has it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use anyhow::{Context, bail};
use flagstone_model::Timestamp;
use flagstone_model::api_tokens::TokenKind;
use flagstone_store::{Application, Instance, TelemetryBatch, UsageRow};
use reqwest::StatusCode;
use serde::Serialize;
use tokio::time::sleep;

use super::Follower;
use super::upstream::Upstream;

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
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
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

    /// Sends everything that waits. What the upstream does not take waits on, and holds up no other environment.
    pub(super) async fn report(&self) -> anyhow::Result<()> {
        let Some(upstream) = &self.0.upstream else { return Ok(()) };
        let mut batch = self.telemetry().take();
        add_applications_alone(&mut batch);
        let (mut usage, mut instances) = (Vec::new(), Vec::new());
        let mut outcome = Ok(());
        while !(batch.usage.is_empty() && batch.instances.is_empty()) {
            let part = part_of(&mut batch);
            if let Err(error) = self.send(upstream, &part, &batch.applications).await {
                usage.extend(part.usage);
                usage.extend(take_some(&mut batch.usage, usize::MAX, |row| row.environment == part.environment));
                instances.extend(part.instances);
                instances.extend(take_some(&mut batch.instances, usize::MAX, |i| i.environment == part.environment));
                outcome = Err(error);
            }
        }
        let waiting: BTreeSet<&str> = instances.iter().map(|instance| instance.app_name.as_str()).collect();
        batch.applications.retain(|application| waiting.contains(application.app_name.as_str()));
        self.telemetry().put_back(TelemetryBatch {
            usage,
            instances,
            applications: batch.applications,
            ..TelemetryBatch::default()
        });
        outcome
    }

    async fn send(&self, upstream: &Upstream, part: &Part, applications: &[Application]) -> anyhow::Result<()> {
        let environment = &part.environment;
        let token = self.reporter(environment);
        let token = token.with_context(|| format!("no token of the environment {environment} is known"))?;
        match upstream.report(&token, &part.report(applications)).await? {
            status if status.is_success() => Ok(()),
            // It would never take them, and what comes behind them would never be sent.
            status @ (StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY) => {
                tracing::error!(%status, environment, rows = part.usage.len(), "the upstream refuses reports; they are lost");
                Ok(())
            }
            status => bail!("the upstream answers {status} to reports"),
        }
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
    let usage = take_some(&mut batch.usage, ROWS_MAX, |row| row.environment == environment);
    let instances = take_some(&mut batch.instances, ROWS_MAX, |instance| instance.environment == environment);
    Part { environment, usage, instances }
}

fn take_some<T>(rows: &mut Vec<T>, most: usize, fits: impl Fn(&T) -> bool) -> Vec<T> {
    let mut taken = Vec::new();
    for row in std::mem::take(rows) {
        if taken.len() < most && fits(&row) { taken.push(row) } else { rows.push(row) }
    }
    taken
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

impl Part {
    fn report<'a>(&'a self, applications: &'a [Application]) -> Report<'a> {
        let by_name: HashMap<&str, &Application> = applications.iter().map(|a| (a.app_name.as_str(), a)).collect();
        let applications = self.instances.iter().map(|instance| {
            let application = by_name.get(instance.app_name.as_str());
            ApplicationReport {
                app_name: &instance.app_name,
                environment: &instance.environment,
                instance_id: Some(instance.instance_id.as_str()).filter(|id| !id.is_empty()),
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::extract::State;
    use axum::http::HeaderMap;
    use axum::routing::post;
    use axum::{Json, Router};
    use serde_json::Value;

    use super::super::tests::{NOWHERE, edge};
    use super::*;
    use crate::telemetry::{Full, PENDING_MAX, Usage};

    /// What an upstream was told, by environment. It takes nothing of `broken`, and never anything of `refused`.
    type Told = Arc<Mutex<Vec<(String, Value)>>>;

    async fn take(State(told): State<Told>, headers: HeaderMap, Json(report): Json<Value>) -> StatusCode {
        let token = headers["authorization"].to_str().unwrap();
        let environment = token.split([':', '.']).nth(1).unwrap().to_owned();
        let status = match environment.as_str() {
            "broken" => StatusCode::SERVICE_UNAVAILABLE,
            "refused" => StatusCode::BAD_REQUEST,
            _ => StatusCode::ACCEPTED,
        };
        told.lock().unwrap().push((environment, report));
        status
    }

    async fn upstream() -> (String, Told) {
        let told = Told::default();
        let router = Router::new().route("/api/client/metrics/bulk", post(take)).with_state(Arc::clone(&told));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        (url, told)
    }

    fn count(edge: &Follower, environment: &str, features: impl Iterator<Item = String>) -> Result<(), Full> {
        let features: Vec<String> = features.collect();
        let (variants, now) = (BTreeMap::new(), edge.now());
        let report = crate::telemetry::Report { app_name: "shop", environment, hour: now.hour(), now };
        let usages = features.iter().map(|feature| Usage { feature, yes: 1, no: 0, variants: &variants });
        edge.telemetry().count(&report, usages)
    }

    #[tokio::test]
    async fn an_environment_that_cannot_be_reported_holds_up_no_other() {
        let (url, told) = upstream().await;
        let edge = edge(&url, &["broken", "refused", "good"], None);
        for environment in ["broken", "without-token", "refused", "good"] {
            count(&edge, environment, (0..=ROWS_MAX).map(|n| format!("f{n}"))).unwrap();
        }
        assert!(edge.report().await.is_err());
        let of = |environment: &str| told.lock().unwrap().iter().filter(|told| told.0 == environment).count();
        assert_eq!([of("broken"), of("refused"), of("good")], [1, 2, 2]);
        assert!(edge.report().await.is_err());
        assert_eq!([of("broken"), of("refused"), of("good")], [2, 2, 2], "what was told is told again");
        let mut waiting: Vec<String> = edge.telemetry().take().usage.into_iter().map(|row| row.environment).collect();
        assert_eq!(waiting.len(), 2 * (ROWS_MAX + 1));
        waiting.sort();
        waiting.dedup();
        assert_eq!(waiting, ["broken", "without-token"]);
    }

    #[tokio::test]
    async fn while_the_upstream_is_away_no_more_waits_than_there_is_room_for() {
        let edge = edge(NOWHERE, &["good"], None);
        for round in 0..3 {
            let counted = count(&edge, "good", (0..PENDING_MAX / 2).map(|n| format!("f{round}-{n}")));
            assert_eq!(counted.is_ok(), round < 2, "round {round}");
            assert!(edge.report().await.is_err());
        }
        assert_eq!(edge.telemetry().dropped(), 0);
        assert_eq!(edge.telemetry().take().usage.len(), PENDING_MAX);
    }

    #[tokio::test]
    async fn applications_are_told_once_with_and_without_an_instance() {
        let (url, told) = upstream().await;
        let edge = edge(&url, &["good"], None);
        for (app_name, instance) in [("shop", Some("one")), ("shop", Some("two")), ("blog", None)] {
            let application = Application { app_name: app_name.to_owned(), ..Application::default() };
            let used = flagstone_store::AppUsage {
                app_name: app_name.to_owned(),
                project: "*".to_owned(),
                environment: "good".to_owned(),
            };
            let instance = instance.map(|id| Instance {
                app_name: app_name.to_owned(),
                environment: "good".to_owned(),
                instance_id: id.to_owned(),
                ..Instance::default()
            });
            edge.telemetry().application(application, [used], instance);
        }
        edge.report().await.unwrap();
        edge.report().await.unwrap();
        let told = told.lock().unwrap();
        assert_eq!(told.len(), 1);
        let applications = told[0].1["applications"].as_array().unwrap().iter();
        let mut applications: Vec<_> =
            applications.map(|a| (a["appName"].as_str().unwrap(), a["instanceId"].as_str())).collect();
        applications.sort_unstable();
        assert_eq!(applications, [("blog", None), ("shop", Some("one")), ("shop", Some("two"))]);
        let left = edge.telemetry().take();
        assert!(left.applications.is_empty() && left.instances.is_empty(), "what was told stays in memory");
    }
}
