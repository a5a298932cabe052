//! Numbered migrations: applied in one transaction, recorded in `schema_version`, never edited after a release.

use std::time::Duration;

use crate::Error;
use crate::sql::{Lease, Sql};

/// The migrations in their order; the first makes version 1.
pub(crate) const SQLITE: &[&str] = &[include_str!("../migrations/sqlite/0001.sql")];
/// The same for PostgreSQL.
pub(crate) const POSTGRES: &[&str] = &[include_str!("../migrations/postgres/0001.sql")];

/// Brings the tables to the newest version. The caller has begun a transaction that keeps others from doing the
/// same, and ends it.
pub(crate) async fn run(lease: &mut Lease<'_>, migrations: &'static [&'static str]) -> Result<(), Error> {
    lease.set_limit(Duration::from_mins(10));
    let found = version(lease).await?;
    check_not_newer(found, migrations)?;
    if found == 0 {
        lease.script("CREATE TABLE schema_version (version BIGINT PRIMARY KEY, applied_at TEXT NOT NULL)").await?;
    }
    for (version, migration) in (1..).zip(migrations) {
        if version > found {
            lease.script(migration).await?;
            let record = Sql::new(
                "INSERT INTO schema_version (version, applied_at) VALUES ($1, CAST(CURRENT_TIMESTAMP AS TEXT))",
            );
            lease.execute(record.with(version)).await?;
            tracing::info!(version, "the database schema was brought to a new version");
        }
    }
    Ok(())
}

/// Refuses a database that this binary cannot read.
pub(crate) async fn check(lease: &mut Lease<'_>, migrations: &'static [&'static str]) -> Result<(), Error> {
    let found = version(lease).await?;
    check_not_newer(found, migrations)?;
    let known = known(migrations);
    if found < known {
        return Err(Error::Schema { found, known, advice: "start `flagstone serve` once to bring it up to date" });
    }
    Ok(())
}

/// Whether there is nothing to do.
pub(crate) async fn is_newest(lease: &mut Lease<'_>, migrations: &[&str]) -> Result<bool, Error> {
    Ok(version(lease).await? == known(migrations))
}

fn check_not_newer(found: i64, migrations: &[&str]) -> Result<(), Error> {
    let known = known(migrations);
    if found > known {
        return Err(Error::Schema { found, known, advice: "use the newer release of Flagstone that made it" });
    }
    Ok(())
}

fn known(migrations: &[&str]) -> i64 {
    i64::try_from(migrations.len()).unwrap_or(i64::MAX)
}

/// The version of the tables; 0 when there are none.
async fn version(lease: &mut Lease<'_>) -> Result<i64, Error> {
    let exists = if lease.is_sqlite() {
        Sql::new("SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = 'schema_version'")
    } else {
        Sql::new("SELECT COUNT(to_regclass('schema_version'))")
    };
    if lease.fetch_one(exists, |row| row.int(0)).await? == Some(0) {
        return Ok(0);
    }
    let version = lease.fetch_one(Sql::new("SELECT MAX(version) FROM schema_version"), |row| row.opt_int(0)).await?;
    Ok(version.flatten().unwrap_or_default())
}
