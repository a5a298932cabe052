//! Telemetry in SQL: what was counted and seen. It is not state; every write adds to what is there, so many nodes
//! never collide.

use std::collections::BTreeMap;
use std::ops::Range;

use flagstone_model::time::Timestamp;

use crate::merge::clamped;
use crate::sql::{Lease, Row, Sql, Value, signed};
use crate::{
    AppUsage, Application, Connections, Error, Gone, Instance, LastSeen, LoginRecord, PatSeen, TelemetryBatch,
    TokenSeen, Trim, UnknownFlag, UsageRow, UserSeen,
};

/// A row of values.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$(Value::from($value)),*] };
}
/// Writes a batch, made by [`crate::merge::merged`], in one transaction.
pub(crate) async fn flush(lease: &mut Lease<'_>, batch: TelemetryBatch) -> Result<(), Error> {
    let begin = if lease.is_sqlite() { "BEGIN IMMEDIATE" } else { "BEGIN" };
    lease.begin(begin).await?;
    for statements in statements(batch) {
        lease.execute_all(statements).await?;
    }
    lease.end("COMMIT").await
}

fn statements(batch: TelemetryBatch) -> [Vec<Sql>; 11] {
    let variants = batch.usage.iter().flat_map(variant_values).collect();
    [
        Sql::insert(
            "INSERT INTO usage (feature, environment, app_name, hour, yes, no)",
            batch.usage.into_iter().map(usage_values).collect(),
            "ON CONFLICT (feature, environment, app_name, hour) DO UPDATE \
             SET yes = usage.yes + excluded.yes, no = usage.no + excluded.no",
        ),
        Sql::insert(
            "INSERT INTO usage_variants (feature, environment, app_name, hour, variant, count)",
            variants,
            "ON CONFLICT (feature, environment, app_name, hour, variant) DO UPDATE \
             SET count = usage_variants.count + excluded.count",
        ),
        Sql::insert(
            "INSERT INTO last_seen (feature, environment, at)",
            batch.last_seen.into_iter().map(|row| values![row.feature, row.environment, row.at.millis()]).collect(),
            "ON CONFLICT (feature, environment) DO UPDATE SET at = excluded.at WHERE excluded.at > last_seen.at",
        ),
        Sql::insert(
            "INSERT INTO tokens_seen (token_id, at)",
            batch.tokens_seen.into_iter().map(|row| values![row.token_id, row.at.millis()]).collect(),
            "ON CONFLICT (token_id) DO UPDATE SET at = excluded.at WHERE excluded.at > tokens_seen.at",
        ),
        Sql::insert(
            "INSERT INTO users_seen (user_id, at)",
            batch.users_seen.into_iter().map(|row| values![row.user_id, row.at.millis()]).collect(),
            "ON CONFLICT (user_id) DO UPDATE SET at = excluded.at WHERE excluded.at > users_seen.at",
        ),
        Sql::insert(
            "INSERT INTO pats_seen (pat_id, at)",
            batch.pats_seen.into_iter().map(|row| values![row.pat_id, row.at.millis()]).collect(),
            "ON CONFLICT (pat_id) DO UPDATE SET at = excluded.at WHERE excluded.at > pats_seen.at",
        ),
        Sql::insert(
            "INSERT INTO applications (app_name, description, url, icon, color, strategies, created_by, \
             created_at, seen_at, started)",
            batch.applications.into_iter().map(application_values).collect(),
            UPDATE_APPLICATION,
        ),
        Sql::insert(
            "INSERT INTO app_usage (app_name, project, environment)",
            batch.app_usage.into_iter().map(|row| values![row.app_name, row.project, row.environment]).collect(),
            "ON CONFLICT DO NOTHING",
        ),
        Sql::insert(
            "INSERT INTO instances (app_name, environment, instance_id, sdk_version, client_ip, created_at, seen_at)",
            batch.instances.into_iter().map(instance_values).collect(),
            "ON CONFLICT (app_name, environment, instance_id) DO UPDATE SET \
             sdk_version = COALESCE(excluded.sdk_version, instances.sdk_version), \
             client_ip = COALESCE(excluded.client_ip, instances.client_ip), \
             created_at = CASE WHEN excluded.created_at < instances.created_at \
             THEN excluded.created_at ELSE instances.created_at END, \
             seen_at = CASE WHEN excluded.seen_at > instances.seen_at \
             THEN excluded.seen_at ELSE instances.seen_at END",
        ),
        Sql::insert(
            "INSERT INTO unknown_flags (name, app_name, environment, seen_at, count)",
            batch.unknown_flags.into_iter().map(unknown_values).collect(),
            "ON CONFLICT (name, app_name, environment) DO UPDATE SET count = unknown_flags.count + excluded.count, \
             seen_at = CASE WHEN excluded.seen_at > unknown_flags.seen_at \
             THEN excluded.seen_at ELSE unknown_flags.seen_at END",
        ),
        Sql::insert(
            "INSERT INTO logins (username, ip, successful, failure_reason, at)",
            batch.logins.into_iter().map(login_values).collect(),
            "",
        ),
    ]
}

const UPDATE_APPLICATION: &str = "ON CONFLICT (app_name) DO UPDATE SET \
     description = COALESCE(excluded.description, applications.description), \
     url = COALESCE(excluded.url, applications.url), \
     icon = COALESCE(excluded.icon, applications.icon), \
     color = COALESCE(excluded.color, applications.color), \
     strategies = CASE WHEN excluded.strategies = '[]' THEN applications.strategies ELSE excluded.strategies END, \
     created_by = CASE WHEN applications.created_by = '' THEN excluded.created_by ELSE applications.created_by END, \
     created_at = CASE WHEN excluded.created_at < applications.created_at \
     THEN excluded.created_at ELSE applications.created_at END, \
     seen_at = CASE WHEN excluded.seen_at > applications.seen_at \
     THEN excluded.seen_at ELSE applications.seen_at END, \
     started = CASE WHEN excluded.started > applications.started \
     THEN excluded.started ELSE applications.started END";

fn usage_values(row: UsageRow) -> Vec<Value> {
    values![row.feature, row.environment, row.app_name, row.hour.millis(), signed(row.yes), signed(row.no)]
}

fn variant_values(row: &UsageRow) -> impl Iterator<Item = Vec<Value>> {
    row.variants.iter().map(|(variant, count)| {
        values![
            row.feature.as_str(),
            row.environment.as_str(),
            row.app_name.as_str(),
            row.hour.millis(),
            variant.as_str(),
            signed(*count),
        ]
    })
}

fn application_values(row: Application) -> Vec<Value> {
    values![
        row.app_name,
        row.description,
        row.url,
        row.icon,
        row.color,
        serde_json::Value::from(row.strategies).to_string(),
        row.created_by,
        row.created_at.millis(),
        row.seen_at.millis(),
        row.started.millis(),
    ]
}

fn instance_values(row: Instance) -> Vec<Value> {
    values![
        row.app_name,
        row.environment,
        row.instance_id,
        row.sdk_version,
        row.client_ip,
        row.created_at.millis(),
        row.seen_at.millis(),
    ]
}

fn unknown_values(row: UnknownFlag) -> Vec<Value> {
    values![row.name, row.app_name, row.environment, row.seen_at.millis(), signed(row.count)]
}

fn login_values(row: LoginRecord) -> Vec<Value> {
    values![row.username, row.ip, i64::from(row.successful), row.failure_reason, row.at.millis()]
}

/// The usage of a feature since an hour, by hour, application and environment.
pub(crate) async fn usage(lease: &mut Lease<'_>, feature: &str, from: Timestamp) -> Result<Vec<UsageRow>, Error> {
    let query =
        Sql::new("SELECT feature, environment, app_name, hour, yes, no FROM usage WHERE feature = $1 AND hour >= $2");
    let rows = lease.fetch(query.with(feature).with(from.millis()), read_usage).await?;
    let query = Sql::new(
        "SELECT environment, app_name, hour, variant, count FROM usage_variants WHERE feature = $1 AND hour >= $2",
    );
    let variants = lease
        .fetch(query.with(feature).with(from.millis()), |row| {
            let key = (time(&row, 2)?, row.text(1)?, row.text(0)?);
            Ok((key, row.text(3)?, row.count(4)?))
        })
        .await?;
    let mut by_key: BTreeMap<_, _> = rows.into_iter().map(|row| (usage_order(&row), row)).collect();
    for (key, variant, count) in variants {
        if let Some(row) = by_key.get_mut(&key) {
            row.variants.insert(variant, count);
        }
    }
    Ok(by_key.into_values().collect())
}

/// How many rows of usage there are of those hours, and how many of variants.
pub(crate) async fn usage_rows(lease: &mut Lease<'_>, hours: &Range<Timestamp>) -> Result<(u64, u64), Error> {
    let mut counts = [0, 0];
    let queries = [
        "SELECT COUNT(*) FROM usage WHERE hour >= $1 AND hour < $2",
        "SELECT COUNT(*) FROM usage_variants WHERE hour >= $1 AND hour < $2",
    ];
    for (count, query) in counts.iter_mut().zip(queries) {
        let query = Sql::new(query).with(hours.start.millis()).with(hours.end.millis());
        *count = lease.fetch_one(query, |row| row.count(0)).await?.unwrap_or_default();
    }
    Ok(counts.into())
}

fn usage_order(row: &UsageRow) -> (Timestamp, String, String) {
    (row.hour, row.app_name.clone(), row.environment.clone())
}

fn read_usage(row: Row<'_>) -> Result<UsageRow, Error> {
    Ok(UsageRow {
        feature: row.text(0)?,
        environment: row.text(1)?,
        app_name: row.text(2)?,
        hour: time(&row, 3)?,
        yes: row.count(4)?,
        no: row.count(5)?,
        variants: BTreeMap::new(),
    })
}

pub(crate) async fn last_seen(lease: &mut Lease<'_>) -> Result<Vec<LastSeen>, Error> {
    let query = Sql::new("SELECT feature, environment, at FROM last_seen");
    let mut rows = lease
        .fetch(query, |row| Ok(LastSeen { feature: row.text(0)?, environment: row.text(1)?, at: time(&row, 2)? }))
        .await?;
    rows.sort_by(|a, b| (&a.feature, &a.environment).cmp(&(&b.feature, &b.environment)));
    Ok(rows)
}

pub(crate) async fn tokens_seen(lease: &mut Lease<'_>) -> Result<Vec<TokenSeen>, Error> {
    let query = Sql::new("SELECT token_id, at FROM tokens_seen");
    let mut rows = lease.fetch(query, |row| Ok(TokenSeen { token_id: row.text(0)?, at: time(&row, 1)? })).await?;
    rows.sort_by(|a, b| a.token_id.cmp(&b.token_id));
    Ok(rows)
}

pub(crate) async fn users_seen(lease: &mut Lease<'_>) -> Result<Vec<UserSeen>, Error> {
    let query = Sql::new("SELECT user_id, at FROM users_seen ORDER BY user_id");
    lease.fetch(query, |row| Ok(UserSeen { user_id: row.int(0)?, at: time(&row, 1)? })).await
}

pub(crate) async fn pats_seen(lease: &mut Lease<'_>) -> Result<Vec<PatSeen>, Error> {
    let query = Sql::new("SELECT pat_id, at FROM pats_seen ORDER BY pat_id");
    lease.fetch(query, |row| Ok(PatSeen { pat_id: row.int(0)?, at: time(&row, 1)? })).await
}

const APPLICATION: &str = "SELECT app_name, description, url, icon, color, strategies, created_by, created_at, \
     seen_at, started FROM applications";

pub(crate) async fn applications(lease: &mut Lease<'_>) -> Result<Vec<Application>, Error> {
    let mut rows = lease.fetch(Sql::new(APPLICATION), read_application).await?;
    rows.sort_by(|a, b| a.app_name.cmp(&b.app_name));
    Ok(rows)
}

pub(crate) async fn application(lease: &mut Lease<'_>, name: &str) -> Result<Option<Application>, Error> {
    let mut query = Sql::new(APPLICATION);
    query.push(" WHERE app_name = ").push_value(name);
    lease.fetch_one(query, read_application).await
}

fn read_application(row: Row<'_>) -> Result<Application, Error> {
    Ok(Application {
        app_name: row.text(0)?,
        description: row.opt_text(1)?,
        url: row.opt_text(2)?,
        icon: row.opt_text(3)?,
        color: row.opt_text(4)?,
        strategies: serde_json::from_str(&row.text(5)?)
            .map_err(|e| Error::Corrupt(format!("an application's strategies: {e}")))?,
        created_by: row.text(6)?,
        created_at: time(&row, 7)?,
        seen_at: time(&row, 8)?,
        started: time(&row, 9)?,
    })
}

/// The names of the features that an application has evaluated: each is sought in the index by itself, because every
/// one has many hours.
pub(crate) async fn features_of_application(lease: &mut Lease<'_>, name: &str) -> Result<Vec<String>, Error> {
    let mut query = Sql::new("WITH RECURSIVE used (feature) AS (SELECT MIN(feature) FROM usage WHERE app_name = ");
    query.push_value(name).push(" UNION ALL SELECT (SELECT MIN(feature) FROM usage WHERE app_name = ").push_value(name);
    query.push(
        " AND feature > used.feature) FROM used WHERE used.feature IS NOT NULL) \
         SELECT feature FROM used WHERE feature IS NOT NULL",
    );
    let mut names = lease.fetch(query, |row| row.text(0)).await?;
    names.sort();
    Ok(names)
}

/// Forgets an application; whether there was one. It comes back when it registers again.
pub(crate) async fn application_delete(lease: &mut Lease<'_>, name: &str) -> Result<bool, Error> {
    lease.begin(if lease.is_sqlite() { "BEGIN IMMEDIATE" } else { "BEGIN" }).await?;
    let found = lease.execute(Sql::new("DELETE FROM applications WHERE app_name = $1").with(name)).await? > 0;
    lease.execute(Sql::new("DELETE FROM app_usage WHERE app_name = $1").with(name)).await?;
    lease.execute(Sql::new("DELETE FROM instances WHERE app_name = $1").with(name)).await?;
    lease.end("COMMIT").await?;
    Ok(found)
}

pub(crate) async fn app_usage(lease: &mut Lease<'_>) -> Result<Vec<AppUsage>, Error> {
    let query = Sql::new("SELECT app_name, project, environment FROM app_usage");
    let mut rows = lease
        .fetch(query, |row| Ok(AppUsage { app_name: row.text(0)?, project: row.text(1)?, environment: row.text(2)? }))
        .await?;
    rows.sort();
    Ok(rows)
}

pub(crate) async fn instances(
    lease: &mut Lease<'_>,
    app_name: Option<&str>,
    environment: Option<&str>,
) -> Result<Vec<Instance>, Error> {
    let mut query = Sql::new(
        "SELECT app_name, environment, instance_id, sdk_version, client_ip, created_at, seen_at FROM instances \
         WHERE 1 = 1",
    );
    if let Some(name) = app_name {
        query.push(" AND app_name = ").push_value(name);
    }
    if let Some(environment) = environment {
        query.push(" AND environment = ").push_value(environment);
    }
    let mut rows = lease.fetch(query, read_instance).await?;
    rows.sort_by(|a, b| instance_key(a).cmp(&instance_key(b)));
    Ok(rows)
}

/// What tells one instance from another.
pub(crate) fn instance_key(row: &Instance) -> (&str, &str, &str) {
    (&row.app_name, &row.environment, &row.instance_id)
}

fn read_instance(row: Row<'_>) -> Result<Instance, Error> {
    Ok(Instance {
        app_name: row.text(0)?,
        environment: row.text(1)?,
        instance_id: row.text(2)?,
        sdk_version: row.opt_text(3)?,
        client_ip: row.opt_text(4)?,
        created_at: time(&row, 5)?,
        seen_at: time(&row, 6)?,
    })
}

pub(crate) async fn connections(lease: &mut Lease<'_>, since: Timestamp) -> Result<Vec<Connections>, Error> {
    let query = Sql::new(
        "SELECT environment, app_name, COUNT(*), MAX(seen_at) FROM instances WHERE seen_at >= $1 \
         GROUP BY environment, app_name",
    )
    .with(since.millis());
    let mut rows = lease
        .fetch(query, |row| {
            Ok(Connections {
                environment: row.text(0)?,
                app_name: row.text(1)?,
                instances: row.count(2)?,
                seen_at: time(&row, 3)?,
            })
        })
        .await?;
    rows.sort_by(|a, b| (&a.environment, &a.app_name).cmp(&(&b.environment, &b.app_name)));
    Ok(rows)
}

pub(crate) async fn unknown_flags(lease: &mut Lease<'_>) -> Result<Vec<UnknownFlag>, Error> {
    let query = Sql::new("SELECT name, app_name, environment, seen_at, count FROM unknown_flags");
    let mut rows = lease
        .fetch(query, |row| {
            Ok(UnknownFlag {
                name: row.text(0)?,
                app_name: row.text(1)?,
                environment: row.text(2)?,
                seen_at: time(&row, 3)?,
                count: row.count(4)?,
            })
        })
        .await?;
    rows.sort_by(|a, b| unknown_key(a).cmp(&unknown_key(b)));
    Ok(rows)
}

/// What tells one unknown flag from another.
pub(crate) fn unknown_key(row: &UnknownFlag) -> (&str, &str, &str) {
    (&row.name, &row.app_name, &row.environment)
}

pub(crate) async fn logins(lease: &mut Lease<'_>, limit: u32) -> Result<Vec<LoginRecord>, Error> {
    let query =
        Sql::new("SELECT username, ip, successful, failure_reason, at FROM logins ORDER BY at DESC, id DESC LIMIT $1");
    lease.fetch(query.with(i64::from(limit)), read_login).await
}

pub(crate) async fn logins_successful(lease: &mut Lease<'_>, limit: u32) -> Result<Vec<LoginRecord>, Error> {
    let query = Sql::new(
        "SELECT username, ip, successful, failure_reason, at FROM logins WHERE successful <> 0 \
         ORDER BY at DESC, id DESC LIMIT $1",
    );
    lease.fetch(query.with(i64::from(limit)), read_login).await
}

fn read_login(row: Row<'_>) -> Result<LoginRecord, Error> {
    Ok(LoginRecord {
        username: row.text(0)?,
        ip: row.opt_text(1)?,
        successful: row.int(2)? != 0,
        failure_reason: row.opt_text(3)?,
        at: time(&row, 4)?,
    })
}

pub(crate) async fn trim(lease: &mut Lease<'_>, trim: &Trim) -> Result<u64, Error> {
    let statements = [
        ("DELETE FROM usage WHERE hour < $1", trim.usage_before),
        ("DELETE FROM usage_variants WHERE hour < $1", trim.usage_before),
        ("DELETE FROM instances WHERE seen_at < $1", trim.instances_before),
        ("DELETE FROM unknown_flags WHERE seen_at < $1", trim.unknown_flags_before),
        ("DELETE FROM logins WHERE at < $1", trim.logins_before),
        ("DELETE FROM applications WHERE seen_at < $1", trim.applications_before),
    ];
    let mut deleted = 0;
    for (delete, before) in statements {
        if let Some(before) = before {
            deleted += lease.execute(Sql::new(delete).with(before.millis())).await?;
        }
    }
    let statements = [
        (
            "DELETE FROM applications WHERE app_name NOT IN \
             (SELECT app_name FROM applications ORDER BY seen_at DESC, app_name LIMIT $1)",
            trim.applications_max,
        ),
        (
            "DELETE FROM instances WHERE (app_name, environment, instance_id) NOT IN \
             (SELECT app_name, environment, instance_id FROM instances \
             ORDER BY seen_at DESC, app_name, environment, instance_id LIMIT $1)",
            trim.instances_max,
        ),
    ];
    for (delete, most) in statements {
        if let Some(most) = most {
            deleted += lease.execute(Sql::new(delete).with(signed(most))).await?;
        }
    }
    if trim.applications_before.is_some() || trim.applications_max.is_some() {
        let delete = "DELETE FROM app_usage WHERE app_name NOT IN (SELECT app_name FROM applications)";
        deleted += lease.execute(Sql::new(delete)).await?;
    }
    Ok(deleted)
}

/// Forgets what is known of things that no longer exist.
pub(crate) async fn forget(lease: &mut Lease<'_>, gone: &Gone) -> Result<u64, Error> {
    let texts = |list: &[String]| list.iter().map(|text| Value::from(clamped(text))).collect::<Vec<_>>();
    let numbers = |list: &[i64]| list.iter().map(|number| Value::from(*number)).collect::<Vec<_>>();
    let by_feature = texts(&gone.features);
    let by_environment = texts(&gone.environments);
    let deletes = [
        ("DELETE FROM usage WHERE feature IN ", by_feature.clone()),
        ("DELETE FROM usage_variants WHERE feature IN ", by_feature.clone()),
        ("DELETE FROM last_seen WHERE feature IN ", by_feature),
        ("DELETE FROM usage WHERE environment IN ", by_environment.clone()),
        ("DELETE FROM usage_variants WHERE environment IN ", by_environment.clone()),
        ("DELETE FROM last_seen WHERE environment IN ", by_environment.clone()),
        ("DELETE FROM app_usage WHERE environment IN ", by_environment.clone()),
        ("DELETE FROM instances WHERE environment IN ", by_environment),
        ("DELETE FROM tokens_seen WHERE token_id IN ", texts(&gone.tokens)),
        ("DELETE FROM users_seen WHERE user_id IN ", numbers(&gone.users)),
        ("DELETE FROM pats_seen WHERE pat_id IN ", numbers(&gone.pats)),
    ];
    let mut deleted = 0;
    for (head, keys) in deletes {
        for keys in keys.chunks(1_000) {
            let mut delete = Sql::new(head);
            delete.push_list(keys.iter().cloned());
            deleted += lease.execute(delete).await?;
        }
    }
    Ok(deleted)
}

fn time(row: &Row<'_>, column: usize) -> Result<Timestamp, Error> {
    Ok(Timestamp::from_millis(row.int(column)?))
}
