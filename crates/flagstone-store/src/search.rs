//! Searching the audit events in SQL: pages that cost what they show, however many events there are.

use std::collections::{BTreeMap, HashSet};

use flagstone_model::commit::Event;
use flagstone_model::time::Timestamp;

use crate::grams::Needle;
use crate::log::{EVENT_COLUMNS, EventRow, without_nul};
use crate::sql::{Lease, Sql, signed};
use crate::{
    ACTIVITY_MAX, ActivityOf, DAY_MS, EVENTS_COUNTED_MAX, EVENTS_WITH_TEXT_COUNTED_MAX, Error, EventCreator, EventPage,
    EventQuery, Order,
};

/// Events at the beginning of a page that are looked through one after the other before an index is asked: there is what
/// is frequent, and who asks an index for that sorts all of it.
const NEAR: u64 = 2_000;
/// Events that are looked at together for a text, at most.
const BATCH: u64 = 250;

/// What is sought, and in which events.
struct Search<'a> {
    query: &'a EventQuery,
    /// The projects whose events are shown; all, if there is no list. Those of no project are shown in any case.
    shown: Option<Vec<String>>,
    needle: Option<Needle>,
    is_sqlite: bool,
}

/// Which events are looked at, and how they are come by.
#[derive(Clone, Copy)]
struct Way {
    by: By,
    /// Only those after this one, in the order of the query.
    after: Option<u64>,
    /// Only those up to this one.
    edge: Option<u64>,
}

#[derive(Clone, Copy, PartialEq)]
enum By {
    /// One after the other.
    Steps,
    /// The indices of columns.
    Columns,
    /// The index of texts.
    Text,
}

/// What of a text was found.
struct Found {
    events: Vec<Event>,
    /// How many match, as far as that was to be known.
    count: u64,
}

pub(crate) async fn events(lease: &mut Lease<'_>, query: &EventQuery) -> Result<EventPage, Error> {
    // As of one moment: a project that came after the list was made is not on it, and hidden.
    lease.begin_snapshot().await?;
    let shown = match &query.visible_projects {
        None => None,
        Some(visible) => shown(lease, visible).await?,
    };
    let search = Search { query, shown, needle: Needle::of(query.text.as_deref()), is_sqlite: lease.is_sqlite() };
    let page = match &search.needle {
        Some(needle) => search.page_with(lease, needle).await?,
        None => search.page(lease).await?,
    };
    lease.end("COMMIT").await?;
    Ok(page)
}

/// The visible ones of the projects that events name; nothing, where that is all of them.
async fn shown(lease: &mut Lease<'_>, visible: &[String]) -> Result<Option<Vec<String>>, Error> {
    let visible: HashSet<String> = visible.iter().map(without_nul).collect();
    let named = projects(lease).await?;
    if named.iter().all(|project| visible.contains(project)) {
        return Ok(None);
    }
    Ok(Some(named.into_iter().filter(|project| visible.contains(project)).collect()))
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

impl Search<'_> {
    async fn page(&self, lease: &mut Lease<'_>) -> Result<EventPage, Error> {
        let (skip, take) = (self.query.offset, self.query.limit);
        let mut events = Vec::new();
        let mut is_whole = false;
        if !self.has_order() && skip.saturating_add(take) <= NEAR {
            let way = self.near(lease, self.query.after).await?;
            events = self.fetch(lease, way, skip, take).await?;
            is_whole = way.edge.is_none() || events.len() as u64 == take;
        }
        if !is_whole {
            events = self.fetch(lease, self.way(By::Columns), skip, take).await?;
        }
        if self.query.without_total {
            return Ok(EventPage { events, total: 0 });
        }
        let mut count = Sql::new("SELECT COUNT(*) FROM (SELECT 1 AS one");
        self.push_from(&mut count, Way { by: By::Columns, after: None, edge: None });
        count.push(" LIMIT ").push_value(signed(EVENTS_COUNTED_MAX)).push(") AS counted");
        let total = lease.fetch_one(count, |row| row.count(0)).await?.unwrap_or_default();
        Ok(EventPage { events, total })
    }

    /// The same where a text is sought: what the index finds is looked at.
    async fn page_with(&self, lease: &mut Lease<'_>, needle: &Needle) -> Result<EventPage, Error> {
        let (skip, take) = (self.query.offset, self.query.limit);
        let most = if self.query.without_total { 0 } else { EVENTS_WITH_TEXT_COUNTED_MAX };
        if self.query.after.is_none() {
            let found = self.find(lease, needle, None, (skip, take, most)).await?;
            return Ok(EventPage { events: found.events, total: found.count.min(most) });
        }
        let found = self.find(lease, needle, self.query.after, (skip, take, 0)).await?;
        let total = if most == 0 { 0 } else { self.find(lease, needle, None, (0, 0, most)).await?.count.min(most) };
        Ok(EventPage { events: found.events, total })
    }

    /// Finds so many events after so many others, and counts so many.
    async fn find(
        &self,
        lease: &mut Lease<'_>,
        needle: &Needle,
        after: Option<u64>,
        (skip, take, most): (u64, u64, u64),
    ) -> Result<Found, Error> {
        // SQLite's index of texts is read in the order of the events, so that it is as good for what is frequent.
        let is_in_order = self.is_sqlite && needle.has_grams() && self.columns() == 0 && self.shown.is_none();
        if !is_in_order {
            let way = self.near(lease, after).await?;
            let found = self.look_through(lease, needle, way, (skip, take, most)).await?;
            if way.edge.is_none() || found.count >= most.max(skip.saturating_add(take)) {
                return Ok(found);
            }
        }
        let by = if self.columns() > 0 && self.are_few(lease).await? { By::Columns } else { By::Text };
        self.look_through(lease, needle, Way { by, after, edge: None }, (skip, take, most)).await
    }

    async fn look_through(
        &self,
        lease: &mut Lease<'_>,
        needle: &Needle,
        mut way: Way,
        (skip, take, most): (u64, u64, u64),
    ) -> Result<Found, Error> {
        let enough = most.max(skip.saturating_add(take));
        let batch = enough.clamp(50, BATCH);
        let mut found = Found { events: Vec::new(), count: 0 };
        while found.count < enough {
            let events = self.fetch(lease, way, 0, batch).await?;
            let is_end = (events.len() as u64) < batch;
            way.after = events.last().map(|event| event.id);
            for event in events.into_iter().filter(|event| needle.is_in(event)) {
                if found.count >= skip && (found.events.len() as u64) < take {
                    found.events.push(event);
                }
                found.count += 1;
            }
            if is_end {
                break;
            }
        }
        Ok(found)
    }

    /// Whether the columns leave so few events that each can be looked at.
    async fn are_few(&self, lease: &mut Lease<'_>) -> Result<bool, Error> {
        let mut count = Sql::new("SELECT COUNT(*) FROM (SELECT 1 AS one");
        self.push_from(&mut count, Way { by: By::Columns, after: None, edge: None });
        count.push(" LIMIT ").push_value(signed(NEAR)).push(") AS counted");
        Ok(lease.fetch_one(count, |row| row.count(0)).await?.unwrap_or_default() < NEAR)
    }

    const fn way(&self, by: By) -> Way {
        Way { by, after: self.query.after, edge: None }
    }

    /// Through the next events; without an edge where these are all.
    async fn near(&self, lease: &mut Lease<'_>, after: Option<u64>) -> Result<Way, Error> {
        let way = Way { by: By::Steps, after, edge: None };
        let mut edge = Sql::new("SELECT id FROM events");
        self.push_range(&mut edge, "id", way, " WHERE ");
        edge.push(self.order()).push(" LIMIT 1 OFFSET ").push_value(signed(NEAR));
        Ok(Way { edge: lease.fetch_one(edge, |row| row.count(0)).await?, ..way })
    }

    /// How many columns are asked for something.
    fn columns(&self) -> usize {
        let query = self.query;
        let lists = [&query.features, &query.projects, &query.environments, &query.types, &query.created_by];
        let numbers = usize::from(!query.ids.is_empty()) + usize::from(!query.created_by_ids.is_empty());
        let times = usize::from(query.from.is_some()) + usize::from(query.to.is_some());
        lists.into_iter().filter(|list| !list.is_empty()).count() + numbers + times
    }

    /// Whether an index has just the events of the query, in their order.
    fn has_order(&self) -> bool {
        let query = self.query;
        let lists = [&query.features, &query.projects, &query.environments, &query.types];
        let is_one = lists.into_iter().any(|list| list.len() == 1) || query.created_by_ids.len() == 1;
        self.shown.is_none() && (self.columns() == 0 || !query.ids.is_empty() || self.columns() == 1 && is_one)
    }

    const fn order(&self) -> &'static str {
        match self.query.order {
            Order::Descending => " ORDER BY id DESC",
            Order::Ascending => " ORDER BY id",
        }
    }

    async fn fetch(&self, lease: &mut Lease<'_>, way: Way, skip: u64, take: u64) -> Result<Vec<Event>, Error> {
        let mut page = Sql::new("SELECT ");
        page.push(EVENT_COLUMNS).push(" FROM events WHERE id IN (SELECT ");
        // Ids alone are found and sorted: the rest of an event is read when it is on the page.
        page.push(if way.by == By::Text && self.is_sqlite { "events_text.rowid AS id" } else { "id" });
        self.push_from(&mut page, way);
        page.push(self.order()).push(" LIMIT ").push_value(signed(take)).push(" OFFSET ").push_value(signed(skip));
        page.push(")").push(self.order());
        lease.fetch(page, |row| Ok(EventRow::read(row)?.event)).await
    }

    fn push_from(&self, sql: &mut Sql, way: Way) {
        let is_fts5 = way.by == By::Text && self.is_sqlite;
        // A plus keeps SQLite from taking the index of a column.
        let plus = if self.is_sqlite && way.by != By::Columns { "+" } else { "" };
        let mut glue = " WHERE ";
        sql.push(" FROM ");
        match &self.needle {
            Some(needle) if is_fts5 => {
                sql.push("events_text CROSS JOIN events ON events.id = events_text.rowid WHERE events_text MATCH ");
                sql.push_value(needle.fts5());
                glue = " AND ";
            }
            Some(needle) if way.by == By::Text => {
                sql.push("events WHERE grams ").push(if needle.has_grams() { "@>" } else { "&&" });
                sql.push(" CAST(").push_value(needle.array()).push(" AS INTEGER[])");
                glue = " AND ";
            }
            _ => {
                sql.push("events");
            }
        }
        glue = self.push_range(sql, if is_fts5 { "events_text.rowid" } else { "id" }, way, glue);
        self.push_filters(sql, plus, glue);
    }

    fn push_range(&self, sql: &mut Sql, id: &str, way: Way, mut glue: &'static str) -> &'static str {
        let (after, edge) = match self.query.order {
            Order::Descending => (" < ", " >= "),
            Order::Ascending => (" > ", " <= "),
        };
        for (compare, bound) in [(after, way.after), (edge, way.edge)] {
            if let Some(bound) = bound {
                sql.push(glue).push(id).push(compare).push_value(signed(bound));
                glue = " AND ";
            }
        }
        glue
    }

    fn push_filters(&self, sql: &mut Sql, plus: &str, glue: &'static str) {
        let query = self.query;
        let mut glue = [glue].into_iter().chain(std::iter::repeat(" AND "));
        let mut and = || glue.next().unwrap_or(" AND ");
        let lists = [
            ("feature IN ", &query.features),
            ("project IN ", &query.projects),
            ("environment IN ", &query.environments),
            ("type IN ", &query.types),
        ];
        for (head, list) in lists {
            if !list.is_empty() {
                sql.push(and()).push(plus).push(head).push_list(list.iter().map(without_nul));
            }
        }
        if !query.ids.is_empty() {
            sql.push(and()).push("id IN ").push_list(query.ids.iter().map(|id| signed(*id)));
        }
        let (ids, names) = (&query.created_by_ids, &query.created_by);
        if !ids.is_empty() || !names.is_empty() {
            sql.push(and()).push("(");
            if !ids.is_empty() {
                sql.push(plus).push("created_by_user_id IN ").push_list(ids.iter().copied());
            }
            if !names.is_empty() {
                sql.push(if ids.is_empty() { "" } else { " OR " });
                sql.push("created_by IN ").push_list(names.iter().map(without_nul));
            }
            sql.push(")");
        }
        for (compare, time) in [("at >= ", query.from), ("at <= ", query.to)] {
            if let Some(time) = time {
                sql.push(and()).push(plus).push(compare).push_value(time.millis());
            }
        }
        if let Some(shown) = &self.shown {
            sql.push(and()).push("(").push(plus).push("project IS NULL");
            if !shown.is_empty() {
                sql.push(" OR ").push(plus).push("project IN ").push_list(shown.iter().cloned());
            }
            sql.push(")");
        }
    }
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
