//! An edge in this process.

use flagstone_model::api_tokens::TokenKind;

use super::*;

/// An edge behind `url` that has been shown a backend token of each environment, all projects, and follows nothing yet.
pub fn edge(url: &str, environments: &[&str], backup: Option<Backup>) -> Follower {
    let settings = DeliverySettings {
        trusted_proxies: Vec::new(),
        frontend_origins: Vec::new(),
        cors_max_age_s: 0,
        metrics_storage_days: 1,
        secure: false,
        streams: crate::delivery::StreamLimits { all: 1, per_token: None, per_address: None },
    };
    let upstream = Some(Upstream::new(url.to_owned()).unwrap());
    let (without, schemas) = (WithoutUpstream::AllIsKnown, Schemas::of(&[]).unwrap());
    let (edge, _) = Follower::new(upstream, without, backup, Vec::new(), Pace::default(), settings, schemas);
    for environment in environments {
        let secret = format!("*:{environment}.secret");
        edge.tokens_mut().add(tokens::given(&secret, TokenKind::Backend).unwrap(), Some(secret));
    }
    edge
}

/// Nobody listens there.
pub const NOWHERE: &str = "http://127.0.0.1:9";

#[tokio::test]
async fn f21_an_edge_takes_its_locks_in_one_order() {
    let folder = tempfile::tempdir().unwrap();
    let edge = edge(NOWHERE, &["development", "production"], Some(Backup::new(folder.path()).unwrap()));
    let known: Vec<_> = edge.tokens().known().map(|known| Arc::clone(&known.token)).collect();
    for token in &known {
        edge.follow(token);
        let document = serde_json::from_str(r#"{"features":[{"name":"flag"}]}"#).unwrap();
        edge.feeds().iter().find(|feed| feed.is_of(token)).unwrap().take_document(&document, Some(1)).unwrap();
    }
    // A lock out of its turn is a panic, see `locks`.
    assert_eq!(edge.saved().feeds.len(), 2);
    edge.save().await.unwrap();
    assert!(edge.is_ready());
    edge.learn(Arc::clone(&known[0]), "*:development.secret".to_owned());
    edge.delivery(&known[0]).unwrap();
    edge.forget(known[0].hash.clone());
    assert!(edge.current(&known[0]).is_none());
    assert_eq!(edge.saved().feeds.len(), 1);
}
