//! Telemetry.

use std::collections::BTreeMap;

use flagstone_model::time::Timestamp;
use flagstone_store::{
    AppUsage, Application, Gone, Instance, LastSeen, LoginRecord, PatSeen, TelemetryBatch, TokenSeen, Trim,
    UnknownFlag, UsageRow, UserSeen,
};

use crate::fixture::{Fixture, time};

const HOUR: i64 = 3_600_000;

fn usage(feature: &str, hour: i64, yes: u64, variants: &[(&str, u64)]) -> UsageRow {
    UsageRow {
        feature: feature.to_owned(),
        app_name: "shop".to_owned(),
        environment: "production".to_owned(),
        hour: time(hour * HOUR),
        yes,
        no: 1,
        variants: variants.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect(),
    }
}

fn batch(at: i64) -> TelemetryBatch {
    let at = time(at);
    let text = str::to_owned;
    TelemetryBatch {
        usage: vec![
            usage("a", 2, 2, &[("red", 1)]),
            usage("a", 2, 3, &[("red", 1), ("blue", 4)]),
            usage("a", 5, 7, &[]),
        ],
        last_seen: vec![LastSeen { feature: text("a"), environment: text("production"), at }],
        tokens_seen: vec![
            TokenSeen { token_id: text("token"), at },
            TokenSeen { token_id: text("token"), at: time(1) },
        ],
        users_seen: vec![UserSeen { user_id: 1, at }],
        pats_seen: vec![PatSeen { pat_id: 4, at }],
        applications: vec![Application {
            app_name: text("shop"),
            strategies: vec![text("default")],
            created_by: text("token"),
            created_at: at,
            seen_at: at,
            started: at,
            ..Application::default()
        }],
        app_usage: vec![AppUsage { app_name: text("shop"), project: text("*"), environment: text("production") }],
        instances: vec![Instance {
            app_name: text("shop"),
            environment: text("production"),
            instance_id: text("i-1"),
            sdk_version: Some(text("node:6")),
            client_ip: None,
            created_at: at,
            seen_at: at,
        }],
        unknown_flags: vec![UnknownFlag {
            name: text("typo"),
            app_name: text("shop"),
            environment: text("production"),
            seen_at: at,
            count: 2,
        }],
        logins: vec![LoginRecord {
            username: text("ada"),
            ip: None,
            successful: at == time(5_000),
            failure_reason: Some(text("Wrong password")),
            at,
        }],
    }
}

pub(crate) async fn batches_add_up(fixture: Fixture) {
    let store = &fixture.store;
    store.flush(&TelemetryBatch::default()).await.unwrap();
    store.flush(&batch(9_000)).await.unwrap();
    let mut late = batch(5_000);
    late.applications[0].strategies.clear();
    late.applications[0].description = Some("A shop".to_owned());
    "other".clone_into(&mut late.applications[0].created_by);
    late.instances[0].sdk_version = None;
    store.flush(&late).await.unwrap();

    let used = store.usage("a", time(0)).await.unwrap();
    let mut expected = usage("a", 2, 10, &[("red", 4), ("blue", 8)]);
    expected.no = 4;
    let mut later = usage("a", 5, 14, &[]);
    later.no = 2;
    assert_eq!(used, [expected, later.clone()]);
    assert_eq!(store.usage("a", time(5 * HOUR + 1)).await.unwrap(), [later], "the hour that holds the start counts");
    assert_eq!(store.usage("b", time(0)).await.unwrap(), []);
    assert_eq!(store.usage_rows(time(2 * HOUR)..time(5 * HOUR)).await.unwrap(), (1, 2));
    assert_eq!(store.usage_rows(time(2 * HOUR)..time(6 * HOUR)).await.unwrap(), (2, 2));
    assert_eq!(store.usage_rows(time(0)..time(2 * HOUR)).await.unwrap(), (0, 0));

    // The latest wins, also when it was written first.
    assert_eq!(store.last_seen_all().await.unwrap()[0].at, time(9_000));
    assert_eq!(store.tokens_seen_all().await.unwrap(), [TokenSeen { token_id: "token".to_owned(), at: time(9_000) }]);
    assert_eq!(store.users_seen_all().await.unwrap(), [UserSeen { user_id: 1, at: time(9_000) }]);
    assert_eq!(store.pats_seen_all().await.unwrap(), [PatSeen { pat_id: 4, at: time(9_000) }]);

    let application = store.application("shop").await.unwrap().unwrap();
    assert_eq!(store.applications().await.unwrap(), std::slice::from_ref(&application));
    assert_eq!(application.strategies, ["default"]);
    assert_eq!(application.description.as_deref(), Some("A shop"));
    assert_eq!(application.created_by, "token");
    assert_eq!((application.created_at, application.seen_at), (time(5_000), time(9_000)));
    assert_eq!(store.app_usage().await.unwrap(), late.app_usage);
    assert_eq!(store.features_of_application("shop").await.unwrap(), ["a"]);
    let more = ["c", "b"].map(|name| UsageRow { app_name: "till".to_owned(), ..usage(name, 3, 1, &[]) });
    store.flush(&TelemetryBatch { usage: more.to_vec(), ..TelemetryBatch::default() }).await.unwrap();
    assert_eq!(store.features_of_application("till").await.unwrap(), ["b", "c"]);
    assert!(store.features_of_application("nobody").await.unwrap().is_empty());

    let instance = Instance { created_at: time(5_000), ..batch(9_000).instances.remove(0) };
    let instances = async |app, environment| store.instances(app, environment).await.unwrap();
    assert_eq!(instances(None, None).await, std::slice::from_ref(&instance));
    assert_eq!(instances(Some("shop"), Some("production")).await, [instance]);
    assert_eq!(instances(Some("shop"), Some("development")).await, []);
    assert_eq!(instances(Some("other"), None).await, []);

    let mut more = [("shop", "production", "i-2"), ("till", "development", "i-1")].map(|(app, environment, id)| {
        let (app_name, environment, instance_id) = (app.to_owned(), environment.to_owned(), id.to_owned());
        Instance { app_name, environment, instance_id, ..batch(9_500).instances.remove(0) }
    });
    more[1].seen_at = time(7_000);
    store.flush(&TelemetryBatch { instances: more.to_vec(), ..TelemetryBatch::default() }).await.unwrap();
    let connections = async |since| -> Vec<(String, String, u64, Timestamp)> {
        let rows = store.connections(time(since)).await.unwrap();
        rows.into_iter().map(|row| (row.environment, row.app_name, row.instances, row.seen_at)).collect()
    };
    let of =
        |environment: &str, app: &str, instances, at| (environment.to_owned(), app.to_owned(), instances, time(at));
    let shop = of("production", "shop", 2, 9_500);
    assert_eq!(connections(7_000).await, [of("development", "till", 1, 7_000), shop.clone()]);
    assert_eq!(connections(7_001).await, [shop]);
    assert_eq!(connections(9_001).await, [of("production", "shop", 1, 9_500)]);
    assert_eq!(connections(9_501).await, []);

    let unknown = store.unknown_flags().await.unwrap();
    assert_eq!((unknown.len(), unknown[0].count, unknown[0].seen_at), (1, 4, time(9_000)));
    let logins = store.logins(10).await.unwrap();
    assert_eq!(logins.iter().map(|login| login.successful).collect::<Vec<_>>(), [false, true]);
    assert_eq!(store.logins(1).await.unwrap().len(), 1);
    assert_eq!(store.logins_successful(10).await.unwrap(), logins[1..]);
}

pub(crate) async fn hostile_text_does_not_break_a_batch(fixture: Fixture) {
    let store = &fixture.store;
    let mut hostile = batch(1_000);
    let long = "é".repeat(10_000);
    "nul\0';--".clone_into(&mut hostile.usage[0].app_name);
    hostile.usage[1].app_name.clone_from(&long);
    hostile.usage[1].variants.insert(long.clone(), 1);
    hostile.applications[0].app_name.clone_from(&long);
    hostile.applications[0].strategies = vec![long.clone(), "\0\"".to_owned()];
    "\0".clone_into(&mut hostile.unknown_flags[0].name);
    hostile.instances[0].instance_id.clone_from(&long);
    hostile.logins[0].username.clone_from(&long);
    hostile.users_seen[0].user_id = i64::MIN;
    hostile.usage[2].yes = u64::MAX;
    store.flush(&hostile).await.unwrap();
    let names: Vec<_> = store.usage("a", time(0)).await.unwrap().into_iter().map(|row| row.app_name).collect();
    assert_eq!(names, ["nul\u{fffd}';--", &long[..500], "shop"]);
    let application = &store.applications().await.unwrap()[0];
    assert_eq!(application.strategies, [&long[..500], "\u{fffd}\""]);
}

pub(crate) async fn old_telemetry_is_trimmed(fixture: Fixture) {
    let store = &fixture.store;
    store.flush(&batch(9_000)).await.unwrap();
    assert_eq!(store.trim_telemetry(&Trim::default()).await, Ok(0));
    let now = |at| Some(time(at));
    let keep = Trim {
        usage_before: now(2 * HOUR),
        instances_before: now(9_000),
        unknown_flags_before: now(9_000),
        logins_before: now(9_000),
        applications_before: now(9_000),
        applications_max: Some(1),
        instances_max: Some(1),
    };
    assert_eq!(store.trim_telemetry(&keep).await, Ok(0));
    let cut = Trim {
        usage_before: now(5 * HOUR),
        instances_before: now(9_001),
        unknown_flags_before: now(9_001),
        logins_before: now(9_001),
        ..Trim::default()
    };
    assert_eq!(store.trim_telemetry(&cut).await, Ok(1 + 2 + 1 + 1 + 1));
    assert_eq!(store.usage("a", time(0)).await.unwrap(), [usage("a", 5, 7, &[])]);
    assert_eq!(store.instances(None, None).await, Ok(vec![]));
    assert_eq!(store.unknown_flags().await, Ok(vec![]));
    assert_eq!(store.logins(10).await, Ok(vec![]));
    assert_eq!(store.applications().await.unwrap().len(), 1);
    let cut = Trim { applications_before: now(9_001), ..Trim::default() };
    assert_eq!(store.trim_telemetry(&cut).await, Ok(1 + 1));
    assert_eq!((store.applications().await, store.app_usage().await), (Ok(vec![]), Ok(vec![])));
}

pub(crate) async fn of_too_many_the_last_stay(fixture: Fixture) {
    let store = &fixture.store;
    let mut all = TelemetryBatch::default();
    for (name, at) in [("a", 3), ("b", 1), ("c", 2), ("d", 4)] {
        let mut one = batch(at);
        name.clone_into(&mut one.applications[0].app_name);
        name.clone_into(&mut one.app_usage[0].app_name);
        name.clone_into(&mut one.instances[0].app_name);
        all.applications.append(&mut one.applications);
        all.app_usage.append(&mut one.app_usage);
        all.instances.append(&mut one.instances);
    }
    store.flush(&all).await.unwrap();
    let cut = Trim { applications_max: Some(2), instances_max: Some(3), ..Trim::default() };
    assert_eq!(store.trim_telemetry(&cut).await, Ok(2 + 2 + 1));
    assert_eq!(store.trim_telemetry(&cut).await, Ok(0));
    let applications = store.applications().await.unwrap();
    assert_eq!(applications.iter().map(|row| row.app_name.as_str()).collect::<Vec<_>>(), ["a", "d"]);
    let used = store.app_usage().await.unwrap();
    assert_eq!(used.iter().map(|row| row.app_name.as_str()).collect::<Vec<_>>(), ["a", "d"]);
    let instances = store.instances(None, None).await.unwrap();
    assert_eq!(instances.iter().map(|row| row.app_name.as_str()).collect::<Vec<_>>(), ["a", "c", "d"]);
}

pub(crate) async fn what_is_gone_is_forgotten(fixture: Fixture) {
    let store = &fixture.store;
    let mut all = batch(9_000);
    all.usage.push(usage("b", 2, 1, &[]));
    store.flush(&all).await.unwrap();
    assert_eq!(store.application_delete("shop").await, Ok(true));
    assert_eq!(store.application_delete("shop").await, Ok(false));
    assert_eq!(store.app_usage().await, Ok(vec![]));
    assert_eq!(store.instances(Some("shop"), None).await, Ok(vec![]));
    assert_eq!(store.forget(&Gone::default()).await, Ok(0));
    let gone = Gone { features: vec!["a".to_owned(), "none".to_owned()], ..Gone::default() };
    assert_eq!(store.forget(&gone).await, Ok(2 + 2 + 1));
    assert_eq!(store.usage("a", time(0)).await, Ok(vec![]));
    assert_eq!(store.usage("b", time(0)).await.unwrap().len(), 1);
    assert_eq!(store.last_seen_all().await, Ok(vec![]));
    // Whoever is gone, and whoever is not.
    let gone = Gone { tokens: vec!["token".to_owned()], users: vec![7], pats: vec![4, 5], ..Gone::default() };
    assert_eq!(store.forget(&gone).await, Ok(1 + 1));
    assert_eq!((store.tokens_seen_all().await, store.pats_seen_all().await), (Ok(vec![]), Ok(vec![])));
    assert_eq!(store.users_seen_all().await.unwrap().len(), 1);
    store.flush(&batch(9_000)).await.unwrap();
    let gone = Gone { environments: vec!["production".to_owned(), "none".to_owned()], ..Gone::default() };
    // The usage of both features, two variants, a last evaluation, a place of use and an instance.
    assert_eq!(store.forget(&gone).await, Ok(3 + 2 + 1 + 1 + 1));
    assert_eq!(store.usage("b", time(0)).await, Ok(vec![]));
    assert_eq!(store.applications().await.unwrap().len(), 1);
}

pub(crate) async fn a_large_batch_fits(fixture: Fixture) {
    let store = &fixture.store;
    let rows = (0..5_000).map(|n| UsageRow {
        environment: format!("env-{}", n % 5),
        app_name: format!("app-{n}"),
        variants: BTreeMap::from([("x".to_owned(), 1)]),
        ..usage("a", 2, 1, &[])
    });
    let large = TelemetryBatch { usage: rows.collect(), ..TelemetryBatch::default() };
    store.flush(&large).await.unwrap();
    store.flush(&large).await.unwrap();
    let rows = store.usage("a", time(0)).await.unwrap();
    assert_eq!(rows.len(), 5_000);
    assert!(rows.iter().all(|row| row.yes == 2 && row.variants["x"] == 2));
}
