//! Sessions in SQL. They are not state: losing them logs people out, nothing more.

use flagstone_model::time::Timestamp;

use crate::sql::{Lease, Row, Sql, signed};
use crate::{Error, Session, SessionHash};

pub(crate) async fn create(lease: &mut Lease<'_>, session: &Session) -> Result<(), Error> {
    let insert = Sql::new(
        "INSERT INTO sessions (hash, user_id, created_at, expires_at, generation) VALUES ($1, $2, $3, $4, $5)",
    );
    let insert = insert
        .with(session.hash)
        .with(session.user_id)
        .with(session.created_at.millis())
        .with(session.expires_at.millis())
        .with(session.generation);
    lease.execute(insert).await.map(|_| ())
}

pub(crate) async fn get(lease: &mut Lease<'_>, hash: &SessionHash) -> Result<Option<Session>, Error> {
    let query = Sql::new("SELECT hash, user_id, created_at, expires_at, generation FROM sessions WHERE hash = $1");
    lease.fetch_one(query.with(*hash), read).await
}

pub(crate) async fn list(lease: &mut Lease<'_>, user_id: i64) -> Result<Vec<Session>, Error> {
    let query = Sql::new(
        "SELECT hash, user_id, created_at, expires_at, generation FROM sessions WHERE user_id = $1 \
         ORDER BY created_at DESC, hash",
    );
    lease.fetch(query.with(user_id), read).await
}

pub(crate) async fn touch(lease: &mut Lease<'_>, hash: &SessionHash, expires_at: Timestamp) -> Result<bool, Error> {
    let update = Sql::new("UPDATE sessions SET expires_at = $1 WHERE hash = $2");
    Ok(lease.execute(update.with(expires_at.millis()).with(*hash)).await? > 0)
}

pub(crate) async fn delete(lease: &mut Lease<'_>, hash: &SessionHash) -> Result<bool, Error> {
    Ok(lease.execute(Sql::new("DELETE FROM sessions WHERE hash = $1").with(*hash)).await? > 0)
}

pub(crate) async fn delete_for_user(
    lease: &mut Lease<'_>,
    user_id: i64,
    except: Option<&SessionHash>,
) -> Result<u64, Error> {
    let mut delete = Sql::new("DELETE FROM sessions WHERE user_id = $1").with(user_id);
    if let Some(hash) = except {
        delete.push(" AND hash <> ").push_value(*hash);
    }
    lease.execute(delete).await
}

pub(crate) async fn delete_expired(lease: &mut Lease<'_>, now: Timestamp) -> Result<u64, Error> {
    lease.execute(Sql::new("DELETE FROM sessions WHERE expires_at <= $1").with(now.millis())).await
}

pub(crate) async fn keep_newest(lease: &mut Lease<'_>, user_id: i64, count: u64) -> Result<u64, Error> {
    let delete = Sql::new(
        "DELETE FROM sessions WHERE user_id = $1 AND hash NOT IN \
         (SELECT hash FROM sessions WHERE user_id = $1 ORDER BY created_at DESC, hash LIMIT $2)",
    );
    lease.execute(delete.with(user_id).with(signed(count))).await
}

fn read(row: Row<'_>) -> Result<Session, Error> {
    Ok(Session {
        hash: row.hash(0)?,
        user_id: row.int(1)?,
        created_at: Timestamp::from_millis(row.int(2)?),
        expires_at: Timestamp::from_millis(row.int(3)?),
        generation: row.int(4)?,
    })
}
