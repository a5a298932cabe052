//! Answers questions with the crate unleash-api-client, which polls /api/client/features and evaluates by itself.

use std::env;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use unleash_api_client::client::{ClientBuilder, FeatureKey};
use unleash_api_client::context::Context;

const REFRESH_MS: u64 = 1_000;
const READY_PAUSE: Duration = Duration::from_millis(50);

/// The client wants an enum of flags; the questions name theirs by string.
#[derive(Clone, Copy, Debug, FeatureKey)]
#[allow(non_camel_case_types, dead_code)]
enum Flag {
    unused,
}

#[derive(Deserialize)]
struct Question {
    flag: String,
    context: Context,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let client = Arc::new(
        ClientBuilder::default()
            .interval(REFRESH_MS)
            .enable_string_features()
            .into_client::<Flag>(
                &format!("{}/api", env::var("SDK_URL")?),
                &env::var("SDK_APP_NAME")?,
                "rust-1",
                Some(env::var("SDK_TOKEN")?),
            )?,
    );
    client.register().await?;
    let poller = Arc::clone(&client);
    let polling = tokio::spawn(async move { poller.poll_for_updates().await });
    while client.cached_state().is_none() {
        tokio::time::sleep(READY_PAUSE).await;
    }
    println!("{{\"ready\":true}}");
    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let Question { flag, context } = serde_json::from_str(&line)?;
        let enabled = client.is_enabled_str(&flag, Some(&context), false);
        let variant = client.get_variant_str(&flag, &context);
        let answer = serde_json::json!({
            "enabled": enabled,
            "variant": {"name": variant.name, "enabled": variant.enabled, "payload": variant.payload},
        });
        println!("{answer}");
    }
    client.stop_poll().await;
    polling.await?;
    Ok(())
}
