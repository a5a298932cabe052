//! A test of an integration: a made-up event goes the way of real ones, once, and whoever asked is told how it went.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use flagstone_model::Timestamp;
use flagstone_model::commit::{Actor, Event};
use flagstone_model::integrations::Integration;
use flagstone_store::Delivery;
use serde_json::json;
use tokio::time::timeout;

use super::requests::parts;
use super::{DELIVERIES_KEPT, Sent};
use crate::app::caller::Caller;
use crate::app::{App, View};
use crate::http::error::{Failure, OUTDATED};

/// How often an integration may be tested in a minute: enough to look for a fault, too little to be a nuisance.
pub const TRIALS_PER_MINUTE: u32 = 5;
/// How long a test may take: somebody waits for it, and it may be for many channels.
const LASTS_MAX: Duration = Duration::from_secs(30);
/// What the made-up event is about.
const NAME: &str = "this-is-a-test";
/// Where it happened, unless the integration asks for some project.
const PROJECT: &str = "default";

impl App {
    /// Tells an integration that `view` shows of a made-up event, whether or not it is enabled, and notes how that went.
    pub async fn test_integration(&self, view: &View, caller: &Caller, id: i64) -> Result<Delivery, Failure> {
        let integration = Arc::clone(view.integrations.find(&id)?);
        if !view.may_be_written() {
            return Err(Failure::Unavailable(OUTDATED));
        }
        self.0.trials.check_thing(id, self.now()).map_err(Failure::TooMany)?;
        let (app, event) = (self.clone(), made_up(&integration, &caller.actor, self.now()));
        // What is sent is noted, also when whoever asked does not wait for it.
        let trial = tokio::spawn(async move {
            let mut delivery = tell(&app, &integration, &event).await;
            delivery.id = app.store().delivery_note(&delivery, DELIVERIES_KEPT).await?;
            Ok(delivery)
        });
        trial.await.map_err(|error| Failure::Internal(error.to_string()))?
    }
}

async fn tell(app: &App, integration: &Integration, event: &Event) -> Delivery {
    let mut sent = Sent::default();
    match parts(integration, event, &app.options().public_url) {
        Err(why) => sent.never.push(why),
        Ok(parts) if parts.is_empty() => sent.never.push("It has no channel that could be told.".to_owned()),
        Ok(parts) => match timeout(LASTS_MAX, sent.send(app, &integration.provider, parts)).await {
            Ok(again) => sent.never.extend(again.reason),
            Err(_) => sent.never.push("It took too long.".to_owned()),
        },
    }
    let mut delivery = sent.delivery(integration.id, event, app.now());
    delivery.state_details = format!("A test: {}", delivery.state_details);
    delivery.details["test"] = true.into();
    delivery
}

/// An event that did not happen and says so wherever somebody reads it. It has no place in the log: its id is 0.
fn made_up(integration: &Integration, actor: &Actor, now: Timestamp) -> Event {
    let project = integration.projects.iter().find(|project| *project != "*");
    let project = project.map_or_else(|| PROJECT.to_owned(), Clone::clone);
    Event {
        id: 0,
        kind: "feature-created".to_owned(),
        created_at: now,
        created_by: format!("{} (a test)", actor.name),
        created_by_user_id: actor.id,
        ip: None,
        data: Some(json!({
            "name": NAME,
            "description": "A test of the integration: nothing has happened.",
            "type": "release",
            "project": project,
        })),
        project: Some(project),
        environment: None,
        feature_name: Some(NAME.to_owned()),
        tags: BTreeSet::new(),
        pre_data: None,
    }
}
