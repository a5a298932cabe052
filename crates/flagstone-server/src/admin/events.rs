//! The audit log over HTTP.

use axum::Json;
use axum::extract::State;
use flagstone_model::commit::{Actor, Event};
use flagstone_model::tags::Tag;
use flagstone_model::{Error, Need, Permission, Timestamp};
use flagstone_store::{EventQuery, Order};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::app::caller::Caller;
use crate::http::error::Failure;
use crate::http::{Path, Query};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(search))
        .routes(routes!(list_creators))
        .routes(routes!(list))
        .routes(routes!(list_of_feature))
}

/// The most events of one answer, and how many there are unless the request says.
const LIMIT_MAX: u64 = 1_000;
const LIMIT_DEFAULT: u64 = 100;

/// What is asked of the audit log. Filters have the form `IS:value` or `IS_ANY_OF:one,other`.
#[derive(Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct SearchQuery {
    /// By features.
    feature: Option<String>,
    /// By projects.
    project: Option<String>,
    /// By environments.
    environment: Option<String>,
    /// By types of events.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// By ids of users.
    created_by: Option<String>,
    /// By the event's own id.
    id: Option<String>,
    /// From this day on, `IS:2026-01-31`.
    from: Option<String>,
    /// Up to and with this day.
    to: Option<String>,
    /// A text that type, feature, project, environment, creator or data hold, in upper or lower case.
    query: Option<String>,
    /// Only what comes after this event: the id of the last one of the page before. However far back that is, a page
    /// takes no longer.
    after: Option<String>,
    /// How many events to leave out; 0 if omitted. What is left out is looked at all the same: `after` is quicker.
    offset: Option<String>,
    /// How many events at most, up to 1000; 100 if omitted.
    limit: Option<String>,
}

/// Events, newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = Events)]
struct EventsView {
    events: Vec<EventView>,
    /// How many there are in all, up to 10,000; with `query` up to 500. More are not counted.
    total: u64,
}

/// An event.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Event)]
pub(super) struct EventView {
    /// Counts up without gaps.
    id: u64,
    /// For instance `feature-created`.
    #[serde(rename = "type")]
    kind: String,
    /// Who did it.
    created_by: String,
    /// When.
    created_at: Timestamp,
    /// Who did it, by id.
    created_by_user_id: i64,
    /// The object afterwards.
    data: Option<Value>,
    /// The object before.
    pre_data: Option<Value>,
    /// What the feature was marked with then.
    tags: Vec<Tag>,
    /// The feature it happened to.
    feature_name: Option<String>,
    /// The project it happened in.
    project: Option<String>,
    /// The environment it happened in.
    environment: Option<String>,
    /// The type, for people.
    label: String,
    /// What happened, for people.
    summary: String,
}

/// Somebody who has done something.
#[derive(Serialize, ToSchema)]
struct EventCreatorView {
    /// The user's id; negative for the server itself and for admin tokens.
    id: i64,
    /// The name.
    name: String,
}

impl EventView {
    pub(super) fn of(event: Event) -> Self {
        let (label, summary) = (label(&event.kind), summary(&event));
        Self {
            id: event.id,
            kind: event.kind,
            created_by: event.created_by,
            created_at: event.created_at,
            created_by_user_id: event.created_by_user_id,
            data: event.data,
            pre_data: event.pre_data,
            tags: event.tags.into_iter().collect(),
            feature_name: event.feature_name,
            project: event.project,
            environment: event.environment,
            label,
            summary,
        }
    }
}

/// What happened, for people.
pub(super) fn summary(event: &Event) -> String {
    let label = label(&event.kind);
    let object = event.feature_name.as_deref().map(|f| format!(" **{f}**")).unwrap_or_default();
    let place = [(" in project", &event.project), (" in environment", &event.environment)];
    let place: String =
        place.iter().filter_map(|(word, name)| name.as_ref().map(|n| format!("{word} **{n}**"))).collect();
    format!("**{}**: {}{object}{place}", event.created_by, label.to_lowercase())
}

/// `feature-created` becomes `Feature created`.
fn label(kind: &str) -> String {
    let words = kind.replace(['-', '_'], " ");
    let mut chars = words.chars();
    chars.next().map(|c| c.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// The values of a filter; a fault if it does not have the form of one.
fn values(name: &str, filter: Option<String>) -> Result<Vec<String>, Error> {
    let Some(filter) = filter.filter(|f| !f.is_empty()) else { return Ok(Vec::new()) };
    let values: Vec<_> = match filter.split_once(':') {
        Some(("IS", value)) => vec![value.trim().to_owned()],
        Some(("IS_ANY_OF", list)) => list.split(',').map(|v| v.trim().to_owned()).collect(),
        _ => {
            return Err(Error::bad_data(
                format!("/query/{name}"),
                "A filter has the form IS:value or IS_ANY_OF:one,other.",
            ));
        }
    };
    if values.len() > 200 {
        return Err(Error::bad_data(format!("/query/{name}"), "A filter holds at most 200 values."));
    }
    Ok(values)
}

/// The start of the day that a filter names.
fn day(name: &str, filter: Option<String>) -> Result<Option<Timestamp>, Error> {
    match values(name, filter)?.first() {
        None => Ok(None),
        Some(text) if text.len() == 10 => match Timestamp::parse(text) {
            Some(day) => Ok(Some(day)),
            None => Err(Error::bad_data(format!("/query/{name}"), "There is no such day.")),
        },
        Some(_) => Err(Error::bad_data(format!("/query/{name}"), "A day has the form IS:2026-01-31.")),
    }
}

fn ids<T: std::str::FromStr>(name: &str, filter: Option<String>) -> Result<Vec<T>, Error> {
    let parse = |v: &String| v.parse().map_err(|_| Error::bad_data(format!("/query/{name}"), "These must be numbers."));
    values(name, filter)?.iter().map(parse).collect()
}

fn event_id(name: &str, text: &str) -> Result<u64, Error> {
    text.parse().map_err(|_| Error::bad_data(format!("/query/{name}"), "This must be the id of an event."))
}

impl SearchQuery {
    fn into_query(self) -> Result<EventQuery, Error> {
        const DAY: i64 = 24 * 3_600_000;
        let number = |text: Option<String>| text.and_then(|t| t.parse::<u64>().ok());
        Ok(EventQuery {
            ids: ids("id", self.id)?,
            features: values("feature", self.feature)?,
            projects: values("project", self.project)?,
            environments: values("environment", self.environment)?,
            types: values("type", self.kind)?,
            created_by_ids: ids("createdBy", self.created_by)?,
            from: day("from", self.from)?,
            to: day("to", self.to)?.map(|day| day.plus_millis(DAY - 1)),
            text: self.query.filter(|q| !q.is_empty()),
            after: self.after.map(|id| event_id("after", &id)).transpose()?,
            order: Order::Descending,
            offset: number(self.offset).unwrap_or(0).min(i64::MAX as u64),
            limit: number(self.limit).filter(|n| *n > 0).unwrap_or(LIMIT_DEFAULT).min(LIMIT_MAX),
            ..EventQuery::default()
        })
    }
}

/// Search the audit log
#[utoipa::path(
    get,
    path = "/api/admin/search/events",
    operation_id = "searchEvents",
    tag = "Events",
    params(SearchQuery),
    responses((status = 200, body = EventsView)),
)]
async fn search(
    State(app): State<App>,
    caller: Caller,
    query: Query<SearchQuery>,
) -> Result<Json<EventsView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let page = app.events(&seen, query.parse()?.into_query()?).await?;
    Ok(Json(EventsView { events: page.events.into_iter().map(EventView::of).collect(), total: page.total }))
}

/// Events as they were listed before they could be searched.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EventList)]
struct EventListView {
    /// The form of this answer: 1.
    version: u32,
    /// The feature that they happened to.
    #[serde(skip_serializing_if = "Option::is_none")]
    toggle_name: Option<String>,
    events: Vec<EventView>,
    /// How many there are in all, up to 10,000.
    total_events: u64,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Those of one project alone.
    project: Option<String>,
}

/// List the newest events: use the search instead
#[utoipa::path(
    get,
    path = "/api/admin/events",
    operation_id = "getEvents",
    tag = "Events",
    params(ListQuery),
    responses((status = 200, body = EventListView)),
)]
async fn list(State(app): State<App>, caller: Caller, query: Query<ListQuery>) -> Result<Json<EventListView>, Failure> {
    let seen = app.view(&caller, &Need::root(&[Permission::Admin]))?;
    let projects = query.parse()?.project.into_iter().collect();
    let query = EventQuery { projects, limit: LIMIT_DEFAULT, ..EventQuery::default() };
    let page = app.events(&seen, query).await?;
    let events = page.events.into_iter().map(EventView::of).collect();
    Ok(Json(EventListView { version: 1, toggle_name: None, events, total_events: page.total }))
}

/// List the newest events of a feature: use the search instead
#[utoipa::path(
    get,
    path = "/api/admin/events/{featureName}",
    operation_id = "getEventsForToggle",
    tag = "Events",
    responses((status = 200, body = EventListView)),
)]
async fn list_of_feature(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<EventListView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let query = EventQuery { features: vec![name.clone()], limit: LIMIT_DEFAULT, ..EventQuery::default() };
    let page = app.events(&seen, query).await?;
    let events = page.events.into_iter().map(EventView::of).collect();
    Ok(Json(EventListView { version: 1, toggle_name: Some(name), events, total_events: page.total }))
}

/// List everybody who has done something
#[utoipa::path(
    get,
    path = "/api/admin/event-creators",
    operation_id = "getEventCreators",
    tag = "Events",
    responses((status = 200, body = Vec<EventCreatorView>)),
)]
async fn list_creators(State(app): State<App>, caller: Caller) -> Result<Json<Vec<EventCreatorView>>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let mut creators = std::collections::BTreeMap::new();
    for creator in app.event_creators(&seen).await? {
        let name = match seen.users.get(&creator.id) {
            Some(user) => user.name.clone().unwrap_or_else(|| user.label()),
            // Many admin tokens share one id.
            None if creator.id == Actor::TOKEN_ID => "Admin API token".to_owned(),
            None => creator.name,
        };
        creators.insert(creator.id, name);
    }
    Ok(Json(creators.into_iter().map(|(id, name)| EventCreatorView { id, name }).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters() {
        let check = |filter: &str, expect: Option<&[&str]>| {
            let found = values("feature", Some(filter.to_owned())).ok();
            assert_eq!(found, expect.map(|e| e.iter().map(|s| (*s).to_owned()).collect()), "{filter}");
        };
        check("IS:a", Some(&["a"]));
        check("IS_ANY_OF:a,b", Some(&["a", "b"]));
        check("IS:it's 100%_;--", Some(&["it's 100%_;--"]));
        check("a", None);
        check("LIKE:a", None);
    }
}
