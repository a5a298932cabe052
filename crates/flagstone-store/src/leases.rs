//! Jobs that only one node may do at a time, and how far each has come along the log.

use std::time::Duration;

use flagstone_model::time::Timestamp;

use crate::sql::{Lease, Sql, signed};
use crate::{Access, Error, Store};

/// What a holder shows to prove that nobody has followed it. It goes up with every holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fence(pub u64);

/// What a commit is made under: it is stored if the lease is still the one that `fence` was given out with, and in the
/// same transaction its cursor moves to `position`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The lease.
    pub name: String,
    /// What its holder got.
    pub fence: Fence,
    /// How far the consumer is once the commit is stored. A cursor never goes back.
    pub position: u64,
}

/// A lease in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    pub(crate) holder: String,
    pub(crate) fence: u64,
    pub(crate) expires_at: i64,
    pub(crate) position: u64,
}

/// Leases and cursors. A consumer of the log holds the lease of its name; its cursor is kept with it, so that moving the
/// cursor and losing the lease cannot cross.
///
/// Whether a lease has expired is for PostgreSQL's clock to say, for all nodes alike; elsewhere, where there is one
/// process, it is for `now`. On SQLite a lease ends with the process that held it: its file has one at a time.
impl Store {
    /// Takes a lease that is free or has expired; nothing while somebody holds it, be it `holder` itself: a process that
    /// lost its fence is not the one that had it.
    pub async fn acquire_lease(
        &self,
        name: &str,
        holder: &str,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<Option<Fence>, Error> {
        let (now, ttl) = (now.millis(), millis(ttl));
        let opening = if let Self::Sqlite(store) = self { store.opening() } else { "" };
        let holder = format!("{opening}{holder}");
        match self.writer().await? {
            Access::Memory(memory) => Ok(memory.tables().acquire_lease(name, &holder, ttl, now)),
            Access::Sql(mut lease) => {
                let mut acquire = Sql::new("INSERT INTO leases (name, holder, fence, expires_at, position) VALUES (");
                acquire.push_value(name).push(", ").push_value(holder).push(", 1, ");
                push_now(&mut acquire, &lease, now).push(" + ").push_value(ttl);
                acquire.push(
                    ", 0) ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, fence = leases.fence + 1, \
                     expires_at = excluded.expires_at WHERE leases.expires_at <= ",
                );
                push_now(&mut acquire, &lease, now);
                if !opening.is_empty() {
                    acquire.push(" OR substr(leases.holder, 1, 16) <> ").push_value(opening);
                }
                acquire.push(" RETURNING fence");
                Ok(lease.fetch_one(acquire, |row| row.count(0)).await?.map(Fence))
            }
        }
    }

    /// Holds a lease for longer; whether nobody has followed since. One that has expired and that nobody took is held on.
    pub async fn renew_lease(&self, name: &str, fence: Fence, ttl: Duration, now: Timestamp) -> Result<bool, Error> {
        let (now, ttl) = (now.millis(), millis(ttl));
        self.update_lease(
            name,
            fence,
            |held| held.expires_at = now.saturating_add(ttl),
            |renew, lease| {
                renew.push("expires_at = ");
                push_now(renew, lease, now).push(" + ").push_value(ttl);
            },
        )
        .await
    }

    /// Whether nobody has followed since, as far as can be told: what is written afterwards must ask again as it is
    /// written, as [`Self::append_held`] and [`Self::advance_cursor`] do.
    pub async fn is_held(&self, name: &str, fence: Fence) -> Result<bool, Error> {
        let found = match self.reader().await? {
            Access::Memory(memory) => memory.tables().leases.get(name).map(|held| held.fence),
            Access::Sql(mut lease) => {
                let query = Sql::new("SELECT fence FROM leases WHERE name = $1").with(name);
                lease.fetch_one(query, |row| row.count(0)).await?
            }
        };
        Ok(found == Some(fence.0))
    }

    /// Gives a lease back; whether it still was this holder's. The fence is worth nothing afterwards.
    pub async fn release_lease(&self, name: &str, fence: Fence) -> Result<bool, Error> {
        self.update_lease(
            name,
            fence,
            |held| (held.expires_at, held.fence) = (i64::MIN, held.fence + 1),
            |release, _| {
                release.push("fence = fence + 1, expires_at = ").push_value(i64::MIN);
            },
        )
        .await
    }

    /// The last commit that a consumer is done with; 0 before the first.
    pub async fn cursor(&self, consumer: &str) -> Result<u64, Error> {
        match self.reader().await? {
            Access::Memory(memory) => Ok(memory.tables().leases.get(consumer).map_or(0, |held| held.position)),
            Access::Sql(mut lease) => {
                let query = Sql::new("SELECT position FROM leases WHERE name = $1").with(consumer);
                Ok(lease.fetch_one(query, |row| row.count(0)).await?.unwrap_or_default())
            }
        }
    }

    /// Says that a consumer is done with the commits up to `seq`. False, and nothing is written, when the lease has
    /// passed on since `fence` was given out. A cursor never goes back.
    pub async fn advance_cursor(&self, consumer: &str, fence: Fence, seq: u64) -> Result<bool, Error> {
        self.update_lease(
            consumer,
            fence,
            |held| held.position = held.position.max(seq),
            |advance, _| push_advance(advance, seq),
        )
        .await
    }

    /// Changes a lease, in one statement on one row, if it is still the one that `fence` was given out with.
    async fn update_lease(
        &self,
        name: &str,
        fence: Fence,
        in_memory: impl FnOnce(&mut Held),
        set: impl FnOnce(&mut Sql, &Lease<'_>),
    ) -> Result<bool, Error> {
        match self.writer().await? {
            Access::Memory(memory) => {
                let mut tables = memory.tables();
                let held = tables.leases.get_mut(name).filter(|held| held.fence == fence.0);
                Ok(held.map(in_memory).is_some())
            }
            Access::Sql(mut lease) => {
                let mut update = Sql::new("UPDATE leases SET ");
                set(&mut update, &lease);
                push_held(&mut update, name, fence);
                Ok(lease.execute(update).await? > 0)
            }
        }
    }
}

/// Moves the cursors of all `holds`, within a transaction; false as soon as one of the leases has passed on.
pub(crate) async fn advance(lease: &mut Lease<'_>, holds: &[Hold]) -> Result<bool, Error> {
    for hold in holds {
        let mut update = Sql::new("UPDATE leases SET ");
        push_advance(&mut update, hold.position);
        push_held(&mut update, &hold.name, hold.fence);
        if lease.execute(update).await? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

fn push_advance(sql: &mut Sql, position: u64) {
    sql.push("position = CASE WHEN position < ").push_value(signed(position)).push(" THEN ");
    sql.push_value(signed(position)).push(" ELSE position END");
}

fn push_held(sql: &mut Sql, name: &str, fence: Fence) {
    sql.push(" WHERE name = ").push_value(name).push(" AND fence = ").push_value(signed(fence.0));
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 4)
}

fn push_now<'s>(sql: &'s mut Sql, lease: &Lease<'_>, now: i64) -> &'s mut Sql {
    if lease.is_sqlite() {
        sql.push_value(now)
    } else {
        sql.push("CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)")
    }
}
