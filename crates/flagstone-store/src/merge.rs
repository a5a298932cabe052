//! Telemetry before it is written: rows of one key become one row, and text becomes storable. No SQL.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::log::{KEY_BYTES_MAX, without_nul};
use crate::{AppUsage, Application, Instance, LastSeen, LoginRecord, TelemetryBatch, TokenSeen, UnknownFlag, UsageRow};

/// The batch with one row for each key, in the order of the keys: no statement meets a row twice, and no two nodes
/// wait for each other. Text is made storable.
pub(crate) fn merged(batch: &TelemetryBatch) -> TelemetryBatch {
    TelemetryBatch {
        usage: merged_usage(&batch.usage),
        last_seen: merge(
            batch.last_seen.iter().map(|row| LastSeen {
                feature: clamped(&row.feature),
                environment: clamped(&row.environment),
                at: row.at,
            }),
            |row| (row.feature.clone(), row.environment.clone()),
            |old, new| old.at = old.at.max(new.at),
        ),
        tokens_seen: merge(
            batch.tokens_seen.iter().map(|row| TokenSeen { token_id: clamped(&row.token_id), at: row.at }),
            |row| row.token_id.clone(),
            |old, new| old.at = old.at.max(new.at),
        ),
        users_seen: merge(batch.users_seen.iter().cloned(), |row| row.user_id, |old, new| old.at = old.at.max(new.at)),
        pats_seen: merge(batch.pats_seen.iter().cloned(), |row| row.pat_id, |old, new| old.at = old.at.max(new.at)),
        applications: merge(
            batch.applications.iter().map(clamped_application),
            |row| row.app_name.clone(),
            merge_application,
        ),
        app_usage: merge(
            batch.app_usage.iter().map(|row| AppUsage {
                app_name: clamped(&row.app_name),
                project: clamped(&row.project),
                environment: clamped(&row.environment),
            }),
            AppUsage::clone,
            |_, _| {},
        ),
        instances: merge(
            batch.instances.iter().map(clamped_instance),
            |row| (row.app_name.clone(), row.environment.clone(), row.instance_id.clone()),
            merge_instance,
        ),
        unknown_flags: merge(
            batch.unknown_flags.iter().map(|row| UnknownFlag {
                name: clamped(&row.name),
                app_name: clamped(&row.app_name),
                environment: clamped(&row.environment),
                ..row.clone()
            }),
            |row| (row.name.clone(), row.app_name.clone(), row.environment.clone()),
            |old, new| merge_unknown(old, &new),
        ),
        logins: batch
            .logins
            .iter()
            .map(|row| LoginRecord {
                username: clamped(&row.username),
                ip: row.ip.as_ref().map(clamped),
                failure_reason: row.failure_reason.as_ref().map(clamped),
                ..row.clone()
            })
            .collect(),
    }
}

/// One row for each key, in their order.
pub(crate) fn merge<T, K: Ord>(
    rows: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> K,
    join: impl Fn(&mut T, T),
) -> Vec<T> {
    let mut by_key = BTreeMap::new();
    for row in rows {
        match by_key.entry(key(&row)) {
            Entry::Vacant(entry) => {
                entry.insert(row);
            }
            Entry::Occupied(mut entry) => join(entry.get_mut(), row),
        }
    }
    by_key.into_values().collect()
}

pub(crate) fn merged_usage(rows: &[UsageRow]) -> Vec<UsageRow> {
    let rows = rows.iter().map(|row| {
        let mut variants = BTreeMap::new();
        for (variant, count) in &row.variants {
            let sum: &mut u64 = variants.entry(clamped(variant)).or_default();
            *sum = sum.saturating_add(*count);
        }
        UsageRow {
            feature: clamped(&row.feature),
            environment: clamped(&row.environment),
            app_name: clamped(&row.app_name),
            hour: row.hour.hour(),
            variants,
            ..*row
        }
    });
    merge(rows, |row| (row.feature.clone(), row.environment.clone(), row.app_name.clone(), row.hour), merge_usage)
}

pub(crate) fn merge_usage(old: &mut UsageRow, new: UsageRow) {
    old.yes = old.yes.saturating_add(new.yes);
    old.no = old.no.saturating_add(new.no);
    for (variant, count) in new.variants {
        let sum = old.variants.entry(variant).or_default();
        *sum = sum.saturating_add(count);
    }
}

pub(crate) fn merge_application(old: &mut Application, new: Application) {
    old.description = new.description.or(old.description.take());
    old.url = new.url.or(old.url.take());
    old.icon = new.icon.or(old.icon.take());
    old.color = new.color.or(old.color.take());
    if !new.strategies.is_empty() {
        old.strategies = new.strategies;
    }
    if old.created_by.is_empty() {
        old.created_by = new.created_by;
    }
    old.created_at = old.created_at.min(new.created_at);
    old.seen_at = old.seen_at.max(new.seen_at);
    old.started = old.started.max(new.started);
}

pub(crate) fn merge_instance(old: &mut Instance, new: Instance) {
    old.sdk_version = new.sdk_version.or(old.sdk_version.take());
    old.client_ip = new.client_ip.or(old.client_ip.take());
    old.created_at = old.created_at.min(new.created_at);
    old.seen_at = old.seen_at.max(new.seen_at);
}

pub(crate) fn merge_unknown(old: &mut UnknownFlag, new: &UnknownFlag) {
    old.count = old.count.saturating_add(new.count);
    old.seen_at = old.seen_at.max(new.seen_at);
}

fn clamped_application(row: &Application) -> Application {
    Application {
        app_name: clamped(&row.app_name),
        description: row.description.as_ref().map(clamped),
        url: row.url.as_ref().map(clamped),
        icon: row.icon.as_ref().map(clamped),
        color: row.color.as_ref().map(clamped),
        strategies: row.strategies.iter().map(clamped).collect(),
        created_by: clamped(&row.created_by),
        ..*row
    }
}

fn clamped_instance(row: &Instance) -> Instance {
    Instance {
        app_name: clamped(&row.app_name),
        environment: clamped(&row.environment),
        instance_id: clamped(&row.instance_id),
        sdk_version: row.sdk_version.as_ref().map(clamped),
        client_ip: row.client_ip.as_ref().map(clamped),
        ..*row
    }
}

/// Text without NUL, cut at the last whole character within the limit.
pub(crate) fn clamped(text: impl AsRef<str>) -> String {
    let mut text = without_nul(text);
    text.truncate(text.floor_char_boundary(KEY_BYTES_MAX));
    text
}
