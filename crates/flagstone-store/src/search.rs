//! Searching the audit events in SQL.

use crate::log::{EVENT_COLUMNS, EventRow, without_nul};
use crate::sql::{Lease, Sql, signed};
use crate::{Error, EventCreator, EventPage, EventQuery, Order};

pub(crate) async fn events(lease: &mut Lease<'_>, query: &EventQuery) -> Result<EventPage, Error> {
    let mut count = Sql::new("SELECT COUNT(*) FROM events");
    push_filters(&mut count, query, lease.is_sqlite());
    let total = lease.fetch_one(count, |row| row.count(0)).await?.unwrap_or_default();

    let mut page = Sql::new("SELECT ");
    page.push(EVENT_COLUMNS).push(" FROM events");
    push_filters(&mut page, query, lease.is_sqlite());
    page.push(match query.order {
        Order::Descending => " ORDER BY id DESC LIMIT ",
        Order::Ascending => " ORDER BY id LIMIT ",
    });
    page.push_value(signed(query.limit)).push(" OFFSET ").push_value(signed(query.offset));
    let events = lease.fetch(page, |row| Ok(EventRow::read(row)?.event)).await?;
    Ok(EventPage { events, total })
}

fn push_filters(sql: &mut Sql, query: &EventQuery, is_sqlite: bool) {
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
    if !query.created_by_ids.is_empty() || !query.created_by.is_empty() {
        // `IN ()` is no SQL for PostgreSQL: NULL stands for "none".
        sql.push(and()).push("(created_by_user_id IN ");
        push_list_or_null(sql, query.created_by_ids.iter().copied());
        sql.push(" OR created_by IN ");
        push_list_or_null(sql, query.created_by.iter().map(without_nul));
        sql.push(")");
    }
    if let Some(from) = query.from {
        sql.push(and()).push("at >= ").push_value(from.millis());
    }
    if let Some(to) = query.to {
        sql.push(and()).push("at <= ").push_value(to.millis());
    }
    if let Some(projects) = &query.visible_projects {
        sql.push(and()).push("(project IS NULL OR project IN ");
        push_list_or_null(sql, projects.iter().map(without_nul));
        sql.push(")");
    }
    if let Some(text) = query.text.as_deref().filter(|text| !text.is_empty()) {
        sql.push(and());
        push_text(sql, text, is_sqlite);
    }
}

fn push_list_or_null<V: Into<crate::sql::Value>>(sql: &mut Sql, values: impl IntoIterator<Item = V>) {
    let mut values = values.into_iter().peekable();
    if values.peek().is_some() {
        sql.push_list(values);
    } else {
        sql.push("(NULL)");
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
    let query = Sql::new(
        "SELECT created_by_user_id, created_by FROM events \
         WHERE id IN (SELECT MAX(id) FROM events GROUP BY created_by_user_id) ORDER BY created_by_user_id",
    );
    lease.fetch(query, |row| Ok(EventCreator { id: row.int(0)?, name: row.text(1)? })).await
}
