//! The audit log.

use serde_json::Value;

use crate::fixture::Fixture;
use crate::world::fixture;

const SEARCH: &str = "/api/admin/search/events";

async fn search(it: &Fixture, query: &str) -> (u64, Vec<Value>) {
    let answer = it.check("viewer", &format!("GET {SEARCH}?{query}"), Value::Null, "200").await.json();
    (answer["total"].as_u64().unwrap(), answer["events"].as_array().unwrap().clone())
}

#[tokio::test]
async fn filters_find_what_they_name_and_nothing_else() {
    let it = fixture().await;
    let all = it.last_event();
    let check = async |query: &str, field: &str, values: &[&str]| {
        let (total, events) = search(&it, &format!("{query}&limit=1000")).await;
        assert!(total > 0 && total < all, "{query}: {total} of {all}");
        assert_eq!(events.len() as u64, total, "{query}");
        assert!(events.iter().all(|e| values.contains(&e[field].as_str().unwrap())), "{query}: {events:?}");
    };
    check("feature=IS:flag", "featureName", &["flag"]).await;
    check("feature=IS_ANY_OF:flag,lit", "featureName", &["flag", "lit"]).await;
    check("project=IS:omega", "project", &["omega"]).await;
    check("environment=IS:staging", "environment", &["staging"]).await;
    check("type=IS:feature-created", "type", &["feature-created"]).await;
    check("createdBy=IS:-1337", "createdBy", &["system"]).await;
    check("project=IS:alpha&type=IS:segment-created", "project", &["alpha"]).await;
    assert_eq!(search(&it, "feature=IS:fla").await.0, 0);
    assert_eq!(search(&it, "from=IS:2027-01-15").await.0, all);
    assert_eq!(search(&it, "to=IS:2027-01-15").await.0, all);
    assert_eq!(search(&it, "from=IS:2027-01-16").await.0, 0);
    assert_eq!(search(&it, "to=IS:2027-01-14").await.0, 0);
}

#[tokio::test]
async fn pages_follow_each_other_the_newest_first() {
    let it = fixture().await;
    let all = it.last_event();
    let mut ids = Vec::new();
    for page in 0..all.div_ceil(7) {
        let (total, events) = search(&it, &format!("limit=7&offset={}", page * 7)).await;
        assert_eq!(total, all);
        ids.extend(events.iter().map(|e| e["id"].as_u64().unwrap()));
    }
    assert_eq!(ids, (1..=all).rev().collect::<Vec<_>>());
    // Behind the last event of a page is the next one.
    for filter in ["", "project=IS:alpha&", "query=created&", "project=IS:alpha&query=created&"] {
        let (total, whole) = search(&it, &format!("{filter}limit=1000")).await;
        assert!(total > 7 && whole.len() as u64 == total, "{filter}: {total}");
        let (_, mut followed) = search(&it, &format!("{filter}limit=7")).await;
        while let Some(last) = followed.last().map(|event| event["id"].clone()) {
            let (again, page) = search(&it, &format!("{filter}limit=7&after={last}")).await;
            assert_eq!(again, total, "{filter}");
            if page.is_empty() {
                break;
            }
            followed.extend(page);
        }
        assert_eq!(followed, whole, "{filter}");
    }
}

#[tokio::test]
async fn filters_of_the_wrong_form_are_faults() {
    let it = fixture().await;
    for (query, expect) in [
        ("feature=flag", "400 BadDataError /query/feature"),
        ("project=LIKE:a", "400 BadDataError /query/project"),
        ("createdBy=IS:me", "400 BadDataError /query/createdBy"),
        ("from=IS:yesterday", "400 BadDataError /query/from"),
        ("to=IS:2027-02-30", "400 BadDataError /query/to"),
        ("after=yesterday", "400 BadDataError /query/after"),
    ] {
        it.check("viewer", &format!("GET {SEARCH}?{query}"), Value::Null, expect).await;
    }
    it.check("nobody", &format!("GET {SEARCH}"), Value::Null, "401 AuthenticationRequired").await;
    it.check("backend", &format!("GET {SEARCH}"), Value::Null, "403 PermissionError").await;
}

#[tokio::test]
async fn everybody_who_did_something_is_listed() {
    let it = fixture().await;
    it.check(
        "member of alpha",
        "POST /api/admin/projects/alpha/features/flag/environments/development/on",
        Value::Null,
        "200",
    )
    .await;
    let creators = it.check("viewer", "GET /api/admin/event-creators", Value::Null, "200").await.json();
    let names: Vec<_> = creators.as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["system", "Admin API token", "member of alpha"]);
}
