//! What SDKs report: themselves, and how often features were on and off.

use std::collections::BTreeMap;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use flagstone_model::Timestamp;
use flagstone_model::api_tokens::{ApiToken, TokenKind};
use flagstone_model::names::NAME_BYTES_MAX;
use flagstone_store::{AppUsage, Application, Instance};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::lenient::{Number, Row, Text};
use crate::http::client_address;
use crate::http::error::Failure;
use crate::http::{BODY_BYTES_MAX, BULK_BODY_BYTES_MAX};
use crate::sdk::source::FlagSource;
use crate::telemetry::{BATCH_ID, Batch, Full, Report, Usage};

pub(super) fn routes() -> OpenApiRouter<FlagSource> {
    OpenApiRouter::new().routes(routes!(register)).routes(routes!(metrics)).routes(routes!(bulk))
}

/// An SDK introduces itself.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ClientApplication)]
pub(crate) struct RegisterBody {
    /// The application.
    #[serde(deserialize_with = "name")]
    #[schema(example = "checkout", min_length = 1, max_length = 255)]
    app_name: String,
    /// Its instance.
    #[serde(default, deserialize_with = "optional_name")]
    #[schema(max_length = 255)]
    instance_id: Option<String>,
    /// The SDK with its version.
    #[serde(default, deserialize_with = "optional_name")]
    #[schema(example = "unleash-client-node:6.0.0", max_length = 255)]
    sdk_version: Option<String>,
    /// The strategies that it knows.
    #[serde(deserialize_with = "list::<200, _, _>")]
    #[schema(max_items = 200)]
    strategies: Vec<String>,
    /// When it started: a date-time, or milliseconds since 1970.
    #[schema(value_type = StartedAt)]
    #[allow(dead_code)]
    started: Value,
    /// How often it reports, in milliseconds.
    #[serde(deserialize_with = "interval")]
    #[allow(dead_code)]
    interval: f64,
}

/// A date-time, or milliseconds since 1970.
#[derive(ToSchema)]
#[schema(as = StartedAt)]
#[allow(dead_code)]
#[serde(untagged)]
#[derive(Deserialize)]
enum StartedAt {
    Text(String),
    Millis(f64),
}

/// How often features were on and off in a span of time.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ClientMetrics)]
pub(crate) struct MetricsBody {
    /// The application.
    #[serde(deserialize_with = "name")]
    #[schema(example = "checkout", min_length = 1, max_length = 255)]
    app_name: String,
    /// What was counted.
    #[serde(default)]
    bucket: Option<Bucket>,
}

/// What was counted in a span of time.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[schema(as = MetricsBucket)]
struct Bucket {
    /// When counting began: a date-time, or milliseconds since 1970.
    #[schema(value_type = StartedAt)]
    #[serde(default)]
    start: Value,
    /// When it ended.
    #[serde(default)]
    #[schema(value_type = Option<StartedAt>)]
    #[allow(dead_code)]
    stop: Value,
    /// By feature.
    #[serde(default, deserialize_with = "toggles")]
    #[schema(value_type = BTreeMap<String, CountSchema>)]
    toggles: Rows<(String, Counts)>,
}

/// How often a feature was on and off.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Count {
    yes: Number,
    no: Number,
    variants: Option<BTreeMap<String, Number>>,
}

/// How often a feature was on and off.
#[derive(ToSchema)]
#[schema(as = MetricsCount)]
#[allow(dead_code)]
struct CountSchema {
    /// How often it was on.
    #[schema(required = false)]
    yes: u64,
    /// How often it was off.
    #[schema(required = false)]
    no: u64,
    /// How often each variant was given.
    #[schema(required = false)]
    variants: BTreeMap<String, u64>,
}

/// What a proxy in front of many SDKs reports at once.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[schema(as = BulkMetrics)]
struct BulkBody {
    /// The applications behind it.
    #[serde(deserialize_with = "list::<10_000, _, _>")]
    #[schema(max_items = 10_000)]
    applications: Vec<BulkApplication>,
    /// What they counted.
    #[serde(deserialize_with = "bulk_metrics")]
    #[schema(max_items = 50_000, value_type = Vec<BulkMetric>)]
    metrics: Rows<BulkCounts>,
}

/// An application behind a proxy.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct BulkApplication {
    #[serde(deserialize_with = "name")]
    #[schema(min_length = 1, max_length = 255)]
    app_name: String,
    #[serde(default, deserialize_with = "optional_name")]
    #[schema(max_length = 255)]
    instance_id: Option<String>,
    #[serde(default, deserialize_with = "optional_name")]
    #[schema(max_length = 255)]
    sdk_version: Option<String>,
    #[serde(default)]
    strategies: Vec<String>,
}

/// How often one application evaluated one feature.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct BulkMetric {
    #[serde(default)]
    #[schema(value_type = String, required)]
    feature_name: Text,
    #[serde(default)]
    #[schema(min_length = 1, max_length = 255, value_type = String, required)]
    app_name: Text,
    /// When: a date-time, or milliseconds since 1970.
    #[serde(default)]
    #[schema(value_type = Option<StartedAt>)]
    timestamp: Value,
    /// How often it was on.
    #[serde(default)]
    #[schema(value_type = Option<u64>)]
    yes: Number,
    /// How often it was off.
    #[serde(default)]
    #[schema(value_type = Option<u64>)]
    no: Number,
    /// How often each variant was given.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, u64>>)]
    variants: Option<BTreeMap<String, Number>>,
}

// The bounds of the published schemas once more, so that a report that is read needs no look at them.

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() { Err(D::Error::custom("empty")) } else { short(text) }
}

fn optional_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::<String>::deserialize(deserializer)?.map(short).transpose()
}

fn short<E: Error>(text: String) -> Result<String, E> {
    if text.chars().count() > 255 { Err(E::custom("too long")) } else { Ok(text) }
}

fn interval<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let Number(read) = Number::deserialize(deserializer)?;
    #[allow(clippy::cast_precision_loss)]
    read.map(|millis| millis as f64).ok_or_else(|| D::Error::custom("not a number"))
}

pub(super) fn list<'de, const MOST: usize, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let list = Vec::deserialize(deserializer)?;
    if list.len() > MOST { Err(D::Error::custom("too many")) } else { Ok(list) }
}

/// How often a feature was on and off, as it is counted.
#[derive(Clone, Debug)]
struct Counts {
    yes: u64,
    no: u64,
    variants: BTreeMap<String, u64>,
}

/// Counts of an application of its own.
#[derive(Clone, Debug)]
struct BulkCounts {
    app_name: String,
    timestamp: Value,
    row: (String, Counts),
}

impl Counts {
    /// Nothing where how often it was on or off cannot be read; a variant whose count cannot be read is left out.
    fn of(yes: Number, no: Number, variants: Option<BTreeMap<String, Number>>) -> Option<Self> {
        let variants = variants.into_iter().flatten().filter_map(|(name, Number(count))| Some((name, count?)));
        Some(Self { yes: yes.0?, no: no.0?, variants: variants.collect() })
    }
}

/// The rows of a report that can be read. The others are given up: nobody can mend the SDK that wrote them.
#[derive(Clone, Debug)]
struct Rows<T> {
    good: Vec<T>,
    /// How many cannot be read.
    bad: usize,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self { good: Vec::new(), bad: 0 }
    }
}

impl<T> Rows<T> {
    /// An error where none can be read.
    fn of<E: Error>(rows: impl Iterator<Item = Option<T>>) -> Result<Self, E> {
        let mut bad = 0;
        let good: Vec<T> = rows.inspect(|row| bad += usize::from(row.is_none())).flatten().collect();
        if good.is_empty() && bad > 0 { Err(E::custom("no row can be read")) } else { Ok(Self { good, bad }) }
    }
}

fn toggles<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Rows<(String, Counts)>, D::Error> {
    let toggles = Option::<BTreeMap<String, Row<Count>>>::deserialize(deserializer)?;
    Rows::of(toggles.into_iter().flatten().map(|(name, Row(count))| {
        let Count { yes, no, variants } = count?;
        Some((name, Counts::of(yes, no, variants)?))
    }))
}

fn bulk_metrics<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Rows<BulkCounts>, D::Error> {
    let metrics = list::<50_000, Row<BulkMetric>, D>(deserializer)?;
    Rows::of(metrics.into_iter().map(|Row(metric)| {
        let BulkMetric { feature_name, app_name, timestamp, yes, no, variants } = metric?;
        Some(BulkCounts { app_name: app_name.0?, timestamp, row: (feature_name.0?, Counts::of(yes, no, variants)?) })
    }))
}

/// Reads a time that is a date-time or milliseconds; now if it is neither.
fn time(value: &Value, now: Timestamp) -> Timestamp {
    match value {
        Value::String(text) => Timestamp::parse(text).unwrap_or(now),
        Value::Number(millis) => millis.as_i64().map_or(now, Timestamp::from_millis),
        _ => now,
    }
}

/// The hour that counts belong to: never in the future, never older than what is kept.
fn hour(reported: Timestamp, now: Timestamp, days: u32) -> Timestamp {
    let oldest = now.plus_millis(-i64::from(days) * 24 * 3_600_000);
    reported.clamp(oldest.min(now), now).hour()
}

/// Remembers an application that introduced itself.
pub(crate) fn register_application(source: &FlagSource, token: &ApiToken, body: RegisterBody, address: Option<String>) {
    let now = source.now();
    let environment = token.environment.clone();
    let application = Application {
        app_name: body.app_name.clone(),
        strategies: body.strategies,
        created_by: token.name.clone(),
        created_at: now,
        seen_at: now,
        started: time(&body.started, now),
        ..Application::default()
    };
    let instance = body.instance_id.map(|instance_id| Instance {
        app_name: body.app_name.clone(),
        environment: environment.clone(),
        instance_id,
        sdk_version: body.sdk_version,
        client_ip: address,
        created_at: now,
        seen_at: now,
    });
    let used_in = token.projects.iter().map(|project| AppUsage {
        app_name: body.app_name.clone(),
        project: project.clone(),
        environment: environment.clone(),
    });
    source.telemetry().application(application, used_in, instance);
}

/// SDKs keep what is refused, and send it with their next report.
const NO_ROOM: &str = "As much usage waits to be stored as may; send it again later.";

/// Counts what an application reports, in the token's environment.
pub(crate) fn count_usage(source: &FlagSource, token: &ApiToken, body: MetricsBody) -> Result<(), Failure> {
    let now = source.now();
    let Some(bucket) = body.bucket else { return Ok(()) };
    let hour = hour(time(&bucket.start, now), now, source.settings().metrics_storage_days);
    let report = Report { app_name: &body.app_name, environment: &token.environment, hour, now };
    source.telemetry().drop_counts(bucket.toggles.bad);
    count(source, &report, &bucket.toggles.good)
}

fn count(source: &FlagSource, report: &Report<'_>, rows: &[(String, Counts)]) -> Result<(), Failure> {
    let exists = source.features_known();
    let known = rows.iter().filter(|(name, _)| exists(name));
    let usages = known.map(|(feature, Counts { yes, no, variants })| Usage { feature, yes: *yes, no: *no, variants });
    source.telemetry().count(report, usages).map_err(|Full| Failure::Unavailable(NO_ROOM))?;
    for (name, count) in rows.iter().filter(|(name, _)| name.len() <= NAME_BYTES_MAX && !exists(name)) {
        let count = count.yes.saturating_add(count.no);
        source.telemetry().unknown_flag(name, report.app_name, report.environment, count, report.now);
    }
    Ok(())
}

/// Introduce an application and the instance of its SDK
#[utoipa::path(
    post,
    path = "/api/client/register",
    operation_id = "registerClientApplication",
    tag = "Client",
    request_body = RegisterBody,
    responses((status = 202, description = "Taken note of")),
)]
async fn register(State(source): State<FlagSource>, request: Request) -> Result<StatusCode, Failure> {
    let (parts, body) = request.into_parts();
    let token = source.token(&parts.headers, &[TokenKind::Backend]).await?;
    let address = client_address(&source.settings().trusted_proxies, &parts).to_string();
    let body = source.report::<RegisterBody>(&parts.headers, body, BODY_BYTES_MAX).await?;
    register_application(&source, &token.0, body, Some(address));
    Ok(StatusCode::ACCEPTED)
}

/// Report how often features were on and off
#[utoipa::path(
    post,
    path = "/api/client/metrics",
    operation_id = "registerClientMetrics",
    tag = "Client",
    request_body = MetricsBody,
    responses((status = 202, description = "Counted")),
)]
async fn metrics(State(source): State<FlagSource>, request: Request) -> Result<StatusCode, Failure> {
    let (parts, body) = request.into_parts();
    let token = source.token(&parts.headers, &[TokenKind::Backend]).await?;
    let body = source.report::<MetricsBody>(&parts.headers, body, BODY_BYTES_MAX).await?;
    count_usage(&source, &token.0, body)?;
    Ok(StatusCode::ACCEPTED)
}

/// Report for many applications at once
#[utoipa::path(
    post,
    path = "/api/client/metrics/bulk",
    operation_id = "clientBulkMetrics",
    tag = "Client",
    params(
        (
            "Idempotency-Key" = Option<String>,
            Header,
            description = "The report's id, of 64 bytes at most: within an hour, this node counts it once",
        ),
    ),
    request_body = BulkBody,
    responses((status = 202, description = "Counted, now or when it came before")),
)]
async fn bulk(State(source): State<FlagSource>, request: Request) -> Result<StatusCode, Failure> {
    let (parts, body) = request.into_parts();
    let token = source.token(&parts.headers, &[TokenKind::Backend]).await?;
    let body = source.report::<BulkBody>(&parts.headers, body, BULK_BODY_BYTES_MAX).await?;
    let Some(id) = parts.headers.get(BATCH_ID).and_then(|id| id.to_str().ok()) else {
        count_bulk(&source, &token.0, body)?;
        return Ok(StatusCode::ACCEPTED);
    };
    match source.telemetry().begin_batch(id) {
        Batch::New => {}
        Batch::UnderWay => return Err(Failure::Unavailable("This report is being counted; ask again.")),
        Batch::Counted => return Ok(StatusCode::ACCEPTED),
    }
    match count_bulk(&source, &token.0, body) {
        Ok(()) => source.telemetry().batch_counted(id),
        Err(failure) => {
            source.telemetry().batch_refused(id);
            return Err(failure);
        }
    }
    Ok(StatusCode::ACCEPTED)
}

/// Counts all that there is room for; an error if there is none.
fn count_bulk(source: &FlagSource, token: &ApiToken, body: BulkBody) -> Result<(), Failure> {
    for application in body.applications {
        let register = RegisterBody {
            app_name: application.app_name,
            instance_id: application.instance_id,
            sdk_version: application.sdk_version,
            // One that says too much does not cost the others their report.
            strategies: application.strategies.into_iter().take(200).collect(),
            started: Value::Null,
            interval: 0.0,
        };
        register_application(source, token, register, None);
    }
    let now = source.now();
    let Rows { good, bad } = body.metrics;
    let mut refused = 0;
    for BulkCounts { app_name, timestamp, row } in &good {
        let hour = hour(time(timestamp, now), now, source.settings().metrics_storage_days);
        let report = Report { app_name, environment: &token.environment, hour, now };
        refused += usize::from(count(source, &report, std::slice::from_ref(row)).is_err());
    }
    if refused > 0 && refused == good.len() {
        return Err(Failure::Unavailable(NO_ROOM));
    }
    // What was counted must not come again.
    source.telemetry().drop_counts(refused + bad);
    Ok(())
}
