//! What integrations are to be told of, and what became of it.

use flagstone_model::commit::Event;
use flagstone_model::time::Timestamp;
use serde_json::Value as Json;

use crate::leases::{self, Hold};
use crate::log::{EVENT_COLUMNS, EventRow};
use crate::sql::{Lease, Row, Sql, signed};
use crate::{Access, Error, Store};

/// How an attempt to tell an integration of an event ended. What is about persons stands in the event alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Counts up; 0 before it is stored.
    pub id: u64,
    /// Whom.
    pub integration: i64,
    /// Of what.
    pub event: u64,
    /// When it ended.
    pub at: Timestamp,
    /// For instance `success`.
    pub state: String,
    /// Why, for people.
    pub state_details: String,
    /// More of it, without secrets.
    pub details: Json,
}

/// Events in order, and the log of deliveries. It is not state: nothing of it is in the log of commits.
impl Store {
    /// The audit events after this one, the oldest first, at most `limit`. An event is there as soon as its commit is.
    pub async fn events_after(&self, id: u64, limit: u32) -> Result<Vec<Event>, Error> {
        match self.reader().await? {
            Access::Memory(memory) => Ok(memory.tables().events_after(id, limit)),
            Access::Sql(mut lease) => {
                let mut query = Sql::new("SELECT ");
                query.push(EVENT_COLUMNS).push(" FROM events WHERE id > ").push_value(signed(id));
                query.push(" ORDER BY id LIMIT ").push_value(i64::from(limit));
                lease.fetch(query, |row| Ok(EventRow::read(row)?.event)).await
            }
        }
    }

    /// Notes how a delivery ended, moves the cursor that `hold` names, and forgets the integration's oldest deliveries beyond
    /// `keep`: in one transaction. False, and nothing is written, when the lease has passed on.
    pub async fn delivery_settle(&self, hold: &Hold, delivery: &Delivery, keep: u64) -> Result<bool, Error> {
        let mut lease = match self.writer().await? {
            Access::Memory(memory) => return Ok(memory.tables().delivery_settle(hold, delivery.clone(), keep)),
            Access::Sql(lease) => lease,
        };
        // Not the turn to write the log: commits wait for nothing here.
        lease.begin("BEGIN").await?;
        if !leases::advance(&mut lease, std::slice::from_ref(hold)).await? {
            lease.rollback().await?;
            return Ok(false);
        }
        insert(&mut lease, delivery, keep).await?;
        lease.end("COMMIT").await.map(|()| true)
    }

    /// Notes how a delivery ended that no cursor waits for, and forgets the integration's oldest ones beyond `keep`: in one
    /// transaction. The id that it has got.
    pub async fn delivery_note(&self, delivery: &Delivery, keep: u64) -> Result<u64, Error> {
        match self.writer().await? {
            Access::Memory(memory) => Ok(memory.tables().delivery_note(delivery.clone(), keep)),
            Access::Sql(mut lease) => {
                lease.begin("BEGIN").await?;
                let id = insert(&mut lease, delivery, keep).await?;
                lease.end("COMMIT").await.map(|()| id)
            }
        }
    }

    /// An integration's deliveries, the newest first.
    pub async fn deliveries(&self, integration: i64, limit: u64, offset: u64) -> Result<Vec<Delivery>, Error> {
        match self.reader().await? {
            Access::Memory(memory) => Ok(memory.tables().deliveries(integration, limit, offset)),
            Access::Sql(mut lease) => {
                let query = Sql::new(
                    "SELECT id, integration, event, at, state, state_details, details FROM deliveries \
                     WHERE integration = $1 ORDER BY id DESC LIMIT $2 OFFSET $3",
                );
                lease.fetch(query.with(integration).with(signed(limit)).with(signed(offset)), read).await
            }
        }
    }

    /// Forgets the deliveries of all integrations but these; how many.
    pub async fn deliveries_keep(&self, integrations: &[i64]) -> Result<u64, Error> {
        match self.writer().await? {
            Access::Memory(memory) => Ok(memory.tables().deliveries_keep(integrations)),
            Access::Sql(mut lease) => {
                let mut delete = Sql::new("DELETE FROM deliveries");
                if !integrations.is_empty() {
                    delete.push(" WHERE integration NOT IN ").push_list(integrations.iter().copied());
                }
                lease.execute(delete).await
            }
        }
    }
}

/// Writes a delivery and forgets the integration's oldest ones beyond `keep`. The id that it has got.
async fn insert(lease: &mut Lease<'_>, delivery: &Delivery, keep: u64) -> Result<u64, Error> {
    let insert = Sql::new(
        "INSERT INTO deliveries (integration, event, at, state, state_details, details) \
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
    );
    let insert = insert
        .with(delivery.integration)
        .with(signed(delivery.event))
        .with(delivery.at.millis())
        .with(delivery.state.as_str())
        .with(delivery.state_details.replace('\0', "\u{fffd}"))
        .with(delivery.details.to_string());
    let id = lease.fetch_one(insert, |row| row.count(0)).await?;
    let trim = Sql::new(
        "DELETE FROM deliveries WHERE integration = $1 AND id <= (SELECT id FROM deliveries WHERE integration = $1 \
         ORDER BY id DESC LIMIT 1 OFFSET $2)",
    );
    lease.execute(trim.with(delivery.integration).with(signed(keep))).await?;
    id.ok_or_else(|| Error::Corrupt("a delivery has no id".to_owned()))
}

fn read(row: Row<'_>) -> Result<Delivery, Error> {
    let details = serde_json::from_str(&row.text(6)?);
    Ok(Delivery {
        id: row.count(0)?,
        integration: row.int(1)?,
        event: row.count(2)?,
        at: Timestamp::from_millis(row.int(3)?),
        state: row.text(4)?,
        state_details: row.text(5)?,
        details: details.map_err(|e| Error::Corrupt(format!("a delivery's details: {e}")))?,
    })
}
