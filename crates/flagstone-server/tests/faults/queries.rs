//! One token that asks for ever new things: the node's memory does not grow with them.

use serde_json::json;

use crate::ALONE;
use crate::crowd::resident_kib;
use crate::node::Setup;

const FEATURES: &str = "/api/admin/projects/default/features";
const FLAGS: usize = 300;
/// Each answer has about a kilobyte for each flag: without a bound all together would take half a gigabyte.
const QUERIES: usize = 1_500;
const GROWTH_MAX_KIB: u64 = 100 << 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ever_new_queries_of_one_token_do_not_take_a_nodes_memory() {
    let _alone = ALONE.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let node = Setup::sqlite(folder.path()).start_ready().await;
    let (mut admin, mut client) = (node.admin(), node.backend());
    for number in 0..FLAGS {
        let body = json!({ "name": format!("flag-{number}"), "description": "x".repeat(1_000) });
        admin.post(FEATURES, &body).await.unwrap().expect();
    }
    let all = client.get("/api/client/features").await.unwrap().expect();
    assert!(all.text.len() > FLAGS * 1_000, "the answers are too small for a result");
    let before = resident_kib(&node);
    for number in 0..QUERIES {
        let api = ["features", "delta"][number % 2];
        let query = format!("project=default&project=junk{number}&namePrefix=flag&junk={number}");
        let answer = client.get(&format!("/api/client/{api}?{query}")).await.unwrap().expect();
        assert!(answer.text.len() > FLAGS * 1_000, "{query}");
    }
    let after = resident_kib(&node);
    println!("{QUERIES} different queries: RSS {before} KiB before, {after} KiB after");
    assert!(after < before + GROWTH_MAX_KIB, "RSS was {before} KiB, and is {after} KiB after {QUERIES} queries");
}
