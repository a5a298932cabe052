//! Searching the audit events in SQL.

use std::collections::{BTreeMap, HashSet};

use flagstone_model::time::Timestamp;

use crate::log::{EVENT_COLUMNS, EventRow, without_nul};
use crate::sql::{Lease, Sql, signed};
use crate::{ACTIVITY_MAX, ActivityOf, DAY_MS, Error, EventCreator, EventPage, EventQuery, Order};

pub(crate) async fn events(lease: &mut Lease<'_>, query: &EventQuery) -> Result<EventPage, Error> {
    let Some(visible) = &query.visible_projects else { return page(lease, query, Vec::new()).await };
    // As of one moment: a project that came after the list was made is in neither, and hidden like all that is not on it.
    lease.begin_snapshot().await?;
    let visible: HashSet<String> = visible.iter().map(without_nul).collect();
    let mut hidden = projects(lease).await?;
    hidden.retain(|project| !visible.contains(project));
    let page = page(lease, query, hidden).await?;
    lease.end("COMMIT").await?;
    Ok(page)
}

/// The projects that events name: few, where there are many events, so that each is sought in the index by itself.
async fn projects(lease: &mut Lease<'_>) -> Result<Vec<String>, Error> {
    let query = Sql::new(
        "WITH RECURSIVE named (project) AS (SELECT MIN(project) FROM events WHERE project IS NOT NULL UNION ALL \
         SELECT (SELECT MIN(project) FROM events WHERE project > named.project) FROM named \
         WHERE named.project IS NOT NULL) SELECT project FROM named WHERE project IS NOT NULL",
    );
    lease.fetch(query, |row| row.text(0)).await
}

/// A page of those that are not of the `hidden` projects.
async fn page(lease: &mut Lease<'_>, query: &EventQuery, hidden: Vec<String>) -> Result<EventPage, Error> {
    let total = if query.without_total { 0 } else { total(lease, query, &hidden).await? };
    let mut page = Sql::new("SELECT ");
    page.push(EVENT_COLUMNS).push(" FROM events");
    push_filters(&mut page, query, &hidden, lease.is_sqlite());
    page.push(match query.order {
        Order::Descending => " ORDER BY id DESC LIMIT ",
        Order::Ascending => " ORDER BY id LIMIT ",
    });
    page.push_value(signed(query.limit)).push(" OFFSET ").push_value(signed(query.offset));
    let events = lease.fetch(page, |row| Ok(EventRow::read(row)?.event)).await?;
    Ok(EventPage { events, total })
}

/// How many there are in all: those that an index counts, less those of them that are hidden.
async fn total(lease: &mut Lease<'_>, query: &EventQuery, hidden: &[String]) -> Result<u64, Error> {
    let mut all = Sql::new("SELECT COUNT(*) FROM events");
    push_filters(&mut all, query, &[], lease.is_sqlite());
    let all = lease.fetch_one(all, |row| row.count(0)).await?.unwrap_or_default();
    if hidden.is_empty() {
        return Ok(all);
    }
    let mut own = query.clone();
    own.projects.retain(|project| hidden.contains(project));
    if own.projects.is_empty() {
        if !query.projects.is_empty() {
            return Ok(all);
        }
        hidden.clone_into(&mut own.projects);
    }
    let mut taken_off = Sql::new("SELECT COUNT(*) FROM events");
    if lease.is_sqlite() && query.features.is_empty() && query.ids.is_empty() {
        // SQLite would rather walk all events of a type or an environment than those of a few projects.
        taken_off.push(" INDEXED BY events_project");
    }
    push_filters(&mut taken_off, &own, &[], lease.is_sqlite());
    let taken_off = lease.fetch_one(taken_off, |row| row.count(0)).await?.unwrap_or_default();
    Ok(all.saturating_sub(taken_off))
}

fn push_filters(sql: &mut Sql, query: &EventQuery, hidden: &[String], is_sqlite: bool) {
    let mut glue = [" WHERE "].into_iter().chain(std::iter::repeat(" AND "));
    let mut and = || glue.next().unwrap_or(" AND ");
    let lists = [
        ("feature IN ", &query.features),
        ("project IN ", &query.projects),
        ("environment IN ", &query.environments),
        ("type IN ", &query.types),
    ];
    for (head, list) in lists {
        if !list.is_empty() {
            sql.push(and()).push(head).push_list(list.iter().map(without_nul));
        }
    }
    if !query.ids.is_empty() {
        sql.push(and()).push("id IN ").push_list(query.ids.iter().map(|id| signed(*id)));
    }
    let (ids, names) = (&query.created_by_ids, &query.created_by);
    match (ids.is_empty(), names.is_empty()) {
        (true, true) => {}
        (false, true) => {
            sql.push(and()).push("created_by_user_id IN ").push_list(ids.iter().copied());
        }
        (true, false) => {
            sql.push(and()).push("created_by IN ").push_list(names.iter().map(without_nul));
        }
        (false, false) => {
            sql.push(and()).push("(created_by_user_id IN ").push_list(ids.iter().copied());
            sql.push(" OR created_by IN ").push_list(names.iter().map(without_nul)).push(")");
        }
    }
    if let Some(from) = query.from {
        sql.push(and()).push("at >= ").push_value(from.millis());
    }
    if let Some(to) = query.to {
        sql.push(and()).push("at <= ").push_value(to.millis());
    }
    if !hidden.is_empty() {
        sql.push(and()).push("(project IS NULL OR project NOT IN ").push_list(hidden.iter().cloned()).push(")");
    }
    if let Some(text) = query.text.as_deref().filter(|text| !text.is_empty()) {
        sql.push(and());
        push_text(sql, text, is_sqlite);
    }
}

/// Looks for the text as it is, without a pattern language: nothing needs escaping, and no length is too long.
fn push_text(sql: &mut Sql, text: &str, is_sqlite: bool) {
    let find = if is_sqlite { "instr" } else { "strpos" };
    let columns = ["type", "feature", "created_by", "project", "environment", "data", "pre_data"];
    for (at, column) in columns.into_iter().enumerate() {
        sql.push(if at == 0 { "(" } else { " OR " });
        sql.push(&format!("{find}(lower({column}), lower("));
        sql.push_value(without_nul(text)).push(")) > 0");
    }
    sql.push(")");
}

pub(crate) async fn creators(lease: &mut Lease<'_>) -> Result<Vec<EventCreator>, Error> {
    // Few people make many events: each of them is sought in the index by itself.
    let query = Sql::new(
        "WITH RECURSIVE creators (id) AS (SELECT MIN(created_by_user_id) FROM events UNION ALL \
         SELECT (SELECT MIN(created_by_user_id) FROM events WHERE created_by_user_id > creators.id) FROM creators \
         WHERE creators.id IS NOT NULL) \
         SELECT created_by_user_id, created_by FROM events WHERE id IN \
         (SELECT (SELECT MAX(id) FROM events WHERE created_by_user_id = creators.id) FROM creators) \
         ORDER BY created_by_user_id",
    );
    lease.fetch(query, |row| Ok(EventCreator { id: row.int(0)?, name: row.text(1)? })).await
}

/// How many events there were on each day. Ids follow time, so that the index of the project or the environment says
/// where to begin.
pub(crate) async fn activity(
    lease: &mut Lease<'_>,
    of: ActivityOf<'_>,
    since: Timestamp,
    last: u64,
) -> Result<BTreeMap<i64, u64>, Error> {
    let first = Sql::new("SELECT id FROM events WHERE at >= $1 ORDER BY at, id LIMIT 1").with(since.millis());
    let Some(first) = lease.fetch_one(first, |row| row.int(0)).await? else { return Ok(BTreeMap::new()) };
    let (column, name) = match of {
        ActivityOf::Project(name) => ("project", name),
        ActivityOf::Environment(name) => ("environment", name),
    };
    let mut query = Sql::new("SELECT at / ");
    query.push_value(DAY_MS).push(" AS day, COUNT(*) FROM (SELECT at FROM events WHERE ").push(column).push(" = ");
    query.push_value(without_nul(name)).push(" AND id >= ").push_value(first);
    query.push(" AND id <= ").push_value(signed(last));
    query.push(" ORDER BY id DESC LIMIT ").push_value(signed(ACTIVITY_MAX)).push(") AS newest GROUP BY 1");
    let days = lease.fetch(query, |row| Ok((row.int(0)?, row.count(1)?))).await?;
    Ok(days.into_iter().collect())
}
