//! What SDKs report to an edge arrives at its upstream: after an outage, and through a chain.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::{names, start_with};
use crate::ALONE;
use crate::http::Client;
use crate::node::{BACKEND, Node, Setup, create_flag, until};
use crate::proxy::{Proxy, Way};

const EVERY_SECOND: (&str, &str) = ("METRICS_INTERVAL_SECONDS", "1");

fn report(app_name: &str, yes: u64) -> Value {
    let toggles = json!({ "flag": { "yes": yes, "no": 1, "variants": { "red": yes } } });
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
    json!({ "appName": app_name, "instanceId": "one", "bucket": { "start": now, "stop": now, "toggles": toggles } })
}

/// What the upstream has counted for an application: yes, no, and variants.
async fn counted(upstream: &Node, app_name: &str) -> [u64; 3] {
    let path = "/api/admin/client-metrics/features/flag/raw";
    let raw = upstream.admin().get(path).await.unwrap().expect().json();
    let rows = raw["data"].as_array().unwrap().iter().filter(|row| row["appName"] == app_name);
    rows.fold([0; 3], |sum, row| {
        let red = row["variants"]["red"].as_u64().unwrap_or_default();
        [sum[0] + row["yes"].as_u64().unwrap(), sum[1] + row["no"].as_u64().unwrap(), sum[2] + red]
    })
}

/// How many reports the upstream has taken.
async fn reports_at(upstream: &Node) -> u64 {
    let text = Client::new(upstream.port, "").get("/internal-backstage/prometheus").await.unwrap().expect().text;
    let counts = text
        .lines()
        .filter(|line| line.contains("http_requests_total") && line.contains("\"/api/client/metrics/bulk\""));
    counts.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f6_what_is_reported_while_the_upstream_is_away_arrives_once() {
    let _alone = ALONE.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let upstream = Setup::sqlite(folder.path()).start_ready().await;
    create_flag(&mut upstream.admin(), "flag").await;
    let proxy = Proxy::start(format!("127.0.0.1:{}", upstream.port), Way::Open).await;
    let edge = start_with(proxy.port, &folder.path().join("backup"), &[("TOKENS", BACKEND), EVERY_SECOND]).await;
    proxy.set(Way::Cut);
    let mut sdk = Client::new(edge.port, BACKEND);
    let register = json!({ "appName": "shop", "instanceId": "one", "strategies": ["default"], "started": "2026-01-31T12:00:00Z", "interval": 1000 });
    assert_eq!(sdk.post("/api/client/register", &register).await.unwrap().status, 202);
    for _ in 0..20 {
        assert_eq!(sdk.post("/api/client/metrics", &report("shop", 3)).await.unwrap().status, 202);
        // Some of it meets an attempt to send it on.
        sleep(Duration::from_millis(80)).await;
    }
    assert_eq!(counted(&upstream, "shop").await, [0; 3]);
    // The upstream counts, and nobody hears of it: the edge cannot but send it again.
    proxy.set(Way::Deaf);
    until("a report arrives", || async { (counted(&upstream, "shop").await != [0; 3]).then_some(()) }).await;
    let reports = reports_at(&upstream).await;
    until("it comes again", || async { (reports_at(&upstream).await > reports + 1).then_some(()) }).await;
    proxy.set(Way::Open);
    until("the reports arrive", || async { (counted(&upstream, "shop").await[0] >= 60).then_some(()) }).await;
    assert_eq!(sdk.post("/api/client/metrics", &report("shop", 1)).await.unwrap().status, 202);
    until("so does what is counted later", || async { (counted(&upstream, "shop").await[1] > 20).then_some(()) }).await;
    assert_eq!(counted(&upstream, "shop").await, [61, 21, 61]);
    until("the application is known", || async {
        let applications = upstream.admin().get("/api/admin/metrics/applications").await.unwrap();
        let flag = upstream.admin().get("/api/admin/client-metrics/features/flag").await.unwrap().expect().json();
        let known = applications.status != 200 || applications.text.contains("shop");
        (known && flag["seenApplications"] == json!(["shop"])).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edges_chain() {
    let _alone = ALONE.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let upstream = Setup::sqlite(folder.path()).start_ready().await;
    create_flag(&mut upstream.admin(), "flag").await;
    let near = start_with(upstream.port, &folder.path().join("near"), &[("TOKENS", BACKEND), EVERY_SECOND]).await;
    // It has to learn the token from the edge before it.
    let far = start_with(near.port, &folder.path().join("far"), &[EVERY_SECOND]).await;
    until("the far edge knows the token", || async {
        let answer = Client::new(far.port, BACKEND).get("/api/client/features").await.unwrap();
        (answer.status == 200).then_some(())
    })
    .await;
    create_flag(&mut upstream.admin(), "later").await;
    until("the change passes both edges", || async { names(far.port).await.contains("later").then_some(()) }).await;
    let whole = async |port| {
        let answer = Client::new(port, BACKEND).get("/api/client/features").await.unwrap().expect();
        (answer.header("etag").unwrap().to_owned(), answer.text)
    };
    let expected = whole(upstream.port).await;
    until("both have what the upstream has", || async {
        (whole(near.port).await == expected && whole(far.port).await == expected).then_some(())
    })
    .await;
    assert_eq!(
        Client::new(far.port, BACKEND).post("/api/client/metrics", &report("far", 2)).await.unwrap().status,
        202
    );
    until("a report passes both edges", || async { (counted(&upstream, "far").await == [2, 1, 2]).then_some(()) })
        .await;
    let validated = Client::new(far.port, "").post("/edge/validate", &json!({ "tokens": [BACKEND, "*:*.x"] })).await;
    let validated = validated.unwrap().expect().json();
    assert_eq!(validated["tokens"].as_array().unwrap().len(), 1, "{validated}");
    assert_eq!(validated["tokens"][0]["token"], BACKEND);
}
