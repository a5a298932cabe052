//! Searching the audit events in SQL: pages that cost what they show, however many events there are.

use std::collections::{BTreeMap, HashSet};

use flagstone_model::commit::Event;
use flagstone_model::time::Timestamp;

use crate::grams::{self, Asked, Needle};
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
/// So many events that an index finds may be other ones before it is asked more closely.
const MISSES_MAX: usize = 500;
/// Projects that are sought in the index of texts together: each costs a look for each event.
const SHOWN_MAX: usize = 64;

/// What is sought, and in which events.
struct Search<'a> {
    query: &'a EventQuery,
    /// The projects whose events are shown; all, if there is no list. Those of no project are shown in any case.
    shown: Option<Vec<String>>,
    needle: Option<Needle>,
    /// The first and the last event that can be meant.
    span: [Option<u64>; 2],
    /// What SQLite's index of texts is asked, and of how many things. It has a token for each column as well, and gives
    /// what has all of them in the order of the events.
    tokens: Tokens,
    is_sqlite: bool,
}

struct Tokens {
    few: String,
    all: String,
    parts: usize,
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
    Texts,
    /// The same, asked for all that it knows.
    AllTexts,
}

/// How many are left out, how many are wanted, and how many are counted.
#[derive(Clone, Copy)]
struct Part {
    skip: u64,
    take: u64,
    count: u64,
}

/// What of a text was found.
#[derive(Default)]
struct Found {
    ids: Vec<u64>,
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
    let span = [first_since(lease, query.from).await?, last_until(lease, query.to).await?];
    let needle = Needle::of(query.text.as_deref());
    let tokens = tokens(query, shown.as_deref(), needle.as_ref());
    let search = Search { query, shown, needle, span, tokens, is_sqlite: lease.is_sqlite() };
    let page = match &search.needle {
        Some(needle) => search.page_with(lease, needle).await?,
        None => search.page(lease).await?,
    };
    lease.end("COMMIT").await?;
    Ok(page)
}

/// The first event since a moment. Ids follow time, but for clocks that go back: nobody's by more than a day. An id that
/// is added to keeps PostgreSQL from going through all ids in their order until it has met the first one of that time.
async fn first_since(lease: &mut Lease<'_>, from: Option<Timestamp>) -> Result<Option<u64>, Error> {
    let Some(from) = from else { return Ok(None) };
    let first = Sql::new("SELECT at FROM events WHERE at >= $1 ORDER BY at LIMIT 1").with(from.millis());
    let Some(at) = lease.fetch_one(first, |row| row.int(0)).await? else { return Ok(Some(i64::MAX as u64)) };
    let first = Sql::new("SELECT MIN(id + 0) FROM events WHERE at >= $1 AND at <= $2");
    let first = first.with(at).with(at.saturating_add(DAY_MS));
    Ok(lease.fetch_one(first, |row| row.opt_int(0)).await?.flatten().map(i64::unsigned_abs))
}

/// The last event until a moment, in the same way.
async fn last_until(lease: &mut Lease<'_>, to: Option<Timestamp>) -> Result<Option<u64>, Error> {
    let Some(to) = to else { return Ok(None) };
    let last = Sql::new("SELECT at FROM events WHERE at <= $1 ORDER BY at DESC LIMIT 1").with(to.millis());
    let Some(at) = lease.fetch_one(last, |row| row.int(0)).await? else { return Ok(Some(0)) };
    let last = Sql::new("SELECT MAX(id + 0) FROM events WHERE at >= $1 AND at <= $2");
    let last = last.with(at.saturating_sub(DAY_MS)).with(at);
    Ok(lease.fetch_one(last, |row| row.opt_int(0)).await?.flatten().map(i64::unsigned_abs))
}

/// What SQLite's index of texts is asked.
fn tokens(query: &EventQuery, shown: Option<&[String]>, needle: Option<&Needle>) -> Tokens {
    let any = |column: char, list: &[String]| {
        let tokens = list.iter().map(|name| grams::column(column, Some(&without_nul(name)))).collect::<Vec<_>>();
        (!tokens.is_empty()).then(|| format!("({})", tokens.join(" OR ")))
    };
    let creators = if query.created_by.is_empty() { query.created_by_ids.as_slice() } else { &[] };
    let creators: Vec<_> = creators.iter().map(ToString::to_string).collect();
    let shown = shown.filter(|list| list.len() <= SHOWN_MAX).map(|list| {
        let tokens = list.iter().map(|name| grams::column(grams::PROJECT, Some(name)));
        let tokens: Vec<_> = tokens.chain([grams::column(grams::PROJECT, None)]).collect();
        format!("({})", tokens.join(" OR "))
    });
    let parts = [
        any(grams::FEATURE, &query.features),
        any(grams::PROJECT, &query.projects),
        any(grams::ENVIRONMENT, &query.environments),
        any(grams::TYPE, &query.types),
        any(grams::CREATOR, &creators),
        shown,
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    let with = |asked| needle.map(|needle| needle.fts5(asked)).into_iter().chain(parts.clone()).collect::<Vec<_>>();
    let all = with(Asked::All);
    Tokens { few: with(Asked::Few).join(" AND "), parts: all.len(), all: all.join(" AND ") }
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
        let by = if self.is_sqlite && self.tokens.parts > 1 { By::Texts } else { By::Columns };
        let mut ids = None;
        if !self.has_order() && skip.saturating_add(take) <= NEAR {
            let way = self.near(lease, self.query.after).await?;
            let found = self.ids(lease, way, skip, take).await?;
            ids = Some(found).filter(|found| way.edge.is_none() || found.len() as u64 == take);
        }
        let ids = match ids {
            Some(ids) => ids,
            None => self.ids(lease, Way { by, after: self.query.after, edge: None }, skip, take).await?,
        };
        let events = self.fetch(lease, ids).await?;
        if self.query.without_total {
            return Ok(EventPage { events, total: 0 });
        }
        let mut count = Sql::new("SELECT COUNT(*) FROM (SELECT 1 AS one");
        self.push_from(&mut count, Way { by, after: None, edge: None });
        count.push(" LIMIT ").push_value(signed(EVENTS_COUNTED_MAX)).push(") AS counted");
        let total = lease.fetch_one(count, |row| row.count(0)).await?.unwrap_or_default();
        Ok(EventPage { events, total })
    }

    /// The same where a text is sought: what the index finds is looked at.
    async fn page_with(&self, lease: &mut Lease<'_>, needle: &Needle) -> Result<EventPage, Error> {
        let most = if self.query.without_total { 0 } else { EVENTS_WITH_TEXT_COUNTED_MAX };
        let after = self.query.after;
        let count = if after.is_none() { most } else { 0 };
        let part = Part { skip: self.query.offset, take: self.query.limit, count };
        let Found { ids, mut count } = self.find(lease, needle, after, part).await?;
        let events = self.fetch(lease, ids).await?;
        if after.is_some() && most > 0 {
            count = self.find(lease, needle, None, Part { skip: 0, take: 0, count: most }).await?.count;
        }
        Ok(EventPage { events, total: count.min(most) })
    }

    async fn find(
        &self,
        lease: &mut Lease<'_>,
        needle: &Needle,
        after: Option<u64>,
        part: Part,
    ) -> Result<Found, Error> {
        // SQLite's index is read in the order of the events, so that it is as good for what is frequent.
        if !self.is_sqlite || !needle.has_grams() {
            let way = self.near(lease, after).await?;
            let found = self.look_through(lease, needle, way, part).await?;
            if way.edge.is_none() || found.count >= part.end() {
                return Ok(found);
            }
        }
        self.look_through(lease, needle, Way { by: By::Texts, after, edge: None }, part).await
    }

    async fn look_through(
        &self,
        lease: &mut Lease<'_>,
        needle: &Needle,
        mut way: Way,
        part: Part,
    ) -> Result<Found, Error> {
        let batch = part.end().clamp(50, BATCH);
        let (mut found, mut misses) = (Found::default(), 0);
        while found.count < part.end() {
            let mut texts = Sql::new("SELECT id, type, created_by, project, environment, feature, detail FROM events");
            self.push_page(&mut texts, way, 0, batch);
            let read = |row: crate::sql::Row<'_>| {
                let names = [row.opt_text(1)?, row.opt_text(2)?, row.opt_text(3)?, row.opt_text(4)?, row.opt_text(5)?];
                Ok((row.count(0)?, needle.is_in_row(&names, row.opt_bytes(6)?)))
            };
            let rows = lease.fetch(texts, read).await?;
            for (id, _) in rows.iter().filter(|(_, holds)| *holds) {
                if found.count >= part.skip && (found.ids.len() as u64) < part.take {
                    found.ids.push(*id);
                }
                found.count += 1;
            }
            misses += rows.iter().filter(|(_, holds)| !holds).count();
            if way.by == By::Texts && misses > MISSES_MAX {
                way.by = By::AllTexts;
            }
            way.after = rows.last().map(|(id, _)| *id);
            if (rows.len() as u64) < batch {
                break;
            }
        }
        Ok(found)
    }

    /// Through the next events; without an edge where these are all.
    async fn near(&self, lease: &mut Lease<'_>, after: Option<u64>) -> Result<Way, Error> {
        let way = Way { by: By::Steps, after, edge: None };
        let mut edge = Sql::new("SELECT id FROM events");
        self.push_range(&mut edge, "id", way, " WHERE ");
        edge.push(self.order()).push(" LIMIT 1 OFFSET ").push_value(signed(NEAR));
        Ok(Way { edge: lease.fetch_one(edge, |row| row.count(0)).await?, ..way })
    }

    /// Whether an index of one column has just the events of the query, in their order.
    fn has_order(&self) -> bool {
        let query = self.query;
        let lists = [&query.features, &query.projects, &query.environments, &query.types];
        let asked = lists.into_iter().filter(|list| !list.is_empty()).count() + usize::from(self.has_creators());
        let is_one = lists.into_iter().any(|list| list.len() == 1) || query.created_by_ids.len() == 1;
        self.shown.is_none() && (asked == 0 || !query.ids.is_empty() || asked == 1 && is_one)
    }

    const fn has_creators(&self) -> bool {
        !self.query.created_by_ids.is_empty() || !self.query.created_by.is_empty()
    }

    const fn order(&self) -> &'static str {
        match self.query.order {
            Order::Descending => " ORDER BY id DESC",
            Order::Ascending => " ORDER BY id",
        }
    }

    async fn ids(&self, lease: &mut Lease<'_>, way: Way, skip: u64, take: u64) -> Result<Vec<u64>, Error> {
        let mut page = Sql::new("SELECT id FROM events");
        self.push_page(&mut page, way, skip, take);
        lease.fetch(page, |row| row.count(0)).await
    }

    /// The whole events.
    async fn fetch(&self, lease: &mut Lease<'_>, ids: Vec<u64>) -> Result<Vec<Event>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut page = Sql::new("SELECT ");
        page.push(EVENT_COLUMNS).push(" FROM events WHERE id IN ").push_list(ids.into_iter().map(signed));
        page.push(self.order());
        lease.fetch(page, |row| Ok(EventRow::read(row)?.event)).await
    }

    /// Only ids are found and sorted: what else is asked of an event is read when it is on the page.
    fn push_page(&self, sql: &mut Sql, way: Way, skip: u64, take: u64) {
        sql.push(" WHERE id IN (SELECT ");
        sql.push(if way.by.is_texts() && self.is_sqlite { "events_text.rowid AS id" } else { "id" });
        self.push_from(sql, way);
        // What was not near is rare, and sought in an index: PostgreSQL would rather walk on. See also [`first_since`].
        sql.push(match self.query.order {
            _ if self.is_sqlite || way.by == By::Steps || self.has_order() && self.needle.is_none() => self.order(),
            Order::Descending => " ORDER BY id + 0 DESC",
            Order::Ascending => " ORDER BY id + 0",
        });
        sql.push(" LIMIT ").push_value(signed(take)).push(" OFFSET ").push_value(signed(skip));
        sql.push(")").push(self.order());
    }

    fn push_from(&self, sql: &mut Sql, way: Way) {
        let is_fts5 = way.by.is_texts() && self.is_sqlite;
        sql.push(" FROM ");
        if is_fts5 {
            sql.push("events_text");
            if self.is_left_by_tokens() {
                sql.push(" CROSS JOIN events ON events.id = events_text.rowid");
            }
            sql.push(" WHERE events_text MATCH ").push_value(match way.by {
                By::AllTexts => self.tokens.all.as_str(),
                _ => self.tokens.few.as_str(),
            });
            let glue = self.push_range(sql, "events_text.rowid", way, " AND ");
            if self.is_left_by_tokens() {
                self.push_filters(sql, true, glue);
            }
            return;
        }
        sql.push("events");
        let mut glue = self.push_range(sql, "id", way, " WHERE ");
        if let Some(needle) = self.needle.as_ref().filter(|_| way.by.is_texts()) {
            sql.push(glue).push("grams @> CAST(").push_value(needle.array()).push(" AS INTEGER[])");
            glue = " AND ";
        }
        // A plus keeps SQLite from taking the index of a column.
        self.push_filters(sql, self.is_sqlite && way.by != By::Columns, glue);
    }

    fn push_range(&self, sql: &mut Sql, id: &str, way: Way, mut glue: &'static str) -> &'static str {
        let (after, edge) = match self.query.order {
            Order::Descending => (" < ", " >= "),
            Order::Ascending => (" > ", " <= "),
        };
        let bounds = [(after, way.after), (edge, way.edge), (" >= ", self.span[0]), (" <= ", self.span[1])];
        for (compare, bound) in bounds {
            if let Some(bound) = bound {
                sql.push(glue).push(id).push(compare).push_value(signed(bound));
                glue = " AND ";
            }
        }
        glue
    }

    /// Whether something is asked of the events that no token says.
    fn is_left_by_tokens(&self) -> bool {
        let query = self.query;
        let times = query.from.is_some() || query.to.is_some();
        let shown = self.shown.as_ref().is_some_and(|list| list.len() > SHOWN_MAX);
        times || shown || !query.ids.is_empty() || !query.created_by.is_empty()
    }

    fn push_filters(&self, sql: &mut Sql, without_index: bool, glue: &'static str) {
        let query = self.query;
        let plus = if without_index { "+" } else { "" };
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
        if self.has_creators() {
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
                // The span has found where to look.
                sql.push(and()).push(if self.is_sqlite { "+" } else { "" }).push(compare).push_value(time.millis());
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

impl By {
    const fn is_texts(self) -> bool {
        matches!(self, Self::Texts | Self::AllTexts)
    }
}

impl Part {
    const fn end(self) -> u64 {
        let end = self.skip.saturating_add(self.take);
        if end > self.count { end } else { self.count }
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
