//! Integrations over HTTP. Clients know them as addons.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flagstone_model::commands::integrations as commands;
use flagstone_model::commit::Event;
use flagstone_model::integrations::providers::{PROVIDERS, Provider};
use flagstone_model::integrations::{IntegrationInput, IntegrationView};
use flagstone_model::{Error, Need, Permission, Timestamp};
use flagstone_store::Delivery;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::events::EventView;
use crate::app::App;
use crate::app::caller::Caller;
use crate::app::outbox::requests;
use crate::http::error::Failure;
use crate::http::{Body, Created, Path, Query};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(list_deliveries))
        .routes(routes!(test))
}

/// The most deliveries of one answer, and how many there are unless the request says.
const LIMIT_MAX: u64 = 500;
const LIMIT_DEFAULT: u64 = 50;

/// Integrations, and the kinds that there can be.
#[derive(Serialize, ToSchema)]
#[schema(as = Integrations)]
struct IntegrationsView {
    /// Those that there are.
    addons: Vec<IntegrationView>,
    /// The kinds that there can be.
    providers: &'static [Provider],
}

/// Deliveries of an integration.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Deliveries)]
struct DeliveriesView {
    /// The newest first.
    integration_events: Vec<DeliveryView>,
}

/// How an integration was told of an event.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Delivery)]
struct DeliveryView {
    /// Counts up.
    id: String,
    /// The integration.
    integration_id: i64,
    /// When it ended.
    created_at: Timestamp,
    /// `success`, `failed`, or `successWithErrors` where some of several channels were told.
    state: String,
    /// Why, for people.
    state_details: String,
    /// The event; null once it is gone, and for a test, which has none.
    event: Option<EventView>,
    /// How often it was tried, and which channels were told; `test: true` if it was a test.
    details: Value,
}

impl DeliveryView {
    fn of(delivery: Delivery, event: Option<Event>) -> Self {
        Self {
            id: delivery.id.to_string(),
            integration_id: delivery.integration,
            created_at: delivery.at,
            state: delivery.state,
            state_details: delivery.state_details,
            event: event.map(EventView::of),
            details: delivery.details,
        }
    }
}

/// Which deliveries.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DeliveriesQuery {
    /// How many at most, up to 500; 50 if omitted.
    limit: Option<String>,
    /// How many to leave out; 0 if omitted.
    offset: Option<String>,
}

/// List all integrations and the kinds that there can be
#[utoipa::path(
    get,
    path = "/api/admin/addons",
    operation_id = "getAddons",
    tag = "Addons",
    responses((status = 200, body = IntegrationsView)),
)]
async fn list(State(app): State<App>, caller: Caller) -> Result<Json<IntegrationsView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let addons = seen.integrations.values().map(|integration| integration.view()).collect();
    Ok(Json(IntegrationsView { addons, providers: PROVIDERS }))
}

/// Get an integration
#[utoipa::path(
    get,
    path = "/api/admin/addons/{id}",
    operation_id = "getAddon",
    tag = "Addons",
    responses((status = 200, body = IntegrationView)),
)]
async fn get(State(app): State<App>, caller: Caller, Path(id): Path<i64>) -> Result<Json<IntegrationView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    Ok(Json(seen.integrations.find(&id)?.view()))
}

/// Create an integration
#[utoipa::path(
    post,
    path = "/api/admin/addons",
    operation_id = "createAddon",
    tag = "Addons",
    request_body = IntegrationInput,
    responses((status = 201, body = IntegrationView)),
)]
async fn create(
    State(app): State<App>,
    caller: Caller,
    body: Body<IntegrationInput>,
) -> Result<Created<IntegrationView>, Failure> {
    app.view(&caller, &Need::root(&[Permission::CreateAddon]))?;
    let input = body.parse(app.schemas())?;
    check(&app, &input)?;
    let done = app.commit_input::<commands::Create>(&caller, (), input).await?;
    let location = format!("{}/api/admin/addons/{}", app.options().base_path(), done.value.id);
    Ok(Created { location, view: done.value.view() })
}

/// Replace an integration
#[utoipa::path(
    put,
    path = "/api/admin/addons/{id}",
    operation_id = "updateAddon",
    tag = "Addons",
    request_body = IntegrationInput,
    responses((status = 200, body = IntegrationView)),
)]
async fn update(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<i64>,
    body: Body<IntegrationInput>,
) -> Result<Json<IntegrationView>, Failure> {
    let seen = app.view(&caller, &Need::root(&[Permission::UpdateAddon]))?;
    let input = body.parse(app.schemas())?;
    seen.integrations.find(&id)?;
    check(&app, &input)?;
    let done = app.commit_input::<commands::Update>(&caller, id, input).await?;
    Ok(Json(done.value.view()))
}

/// Delete an integration
#[utoipa::path(
    delete,
    path = "/api/admin/addons/{id}",
    operation_id = "deleteAddon",
    tag = "Addons",
    responses((status = 200, description = "The integration is gone")),
)]
async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<i64>) -> Result<StatusCode, Failure> {
    app.commit::<commands::Delete>(&caller, id, Body::none()).await?;
    Ok(StatusCode::OK)
}

/// List how an integration was told of events
#[utoipa::path(
    get,
    path = "/api/admin/addons/{id}/events",
    operation_id = "getIntegrationEvents",
    tag = "Addons",
    params(DeliveriesQuery),
    responses((status = 200, body = DeliveriesView)),
)]
async fn list_deliveries(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<i64>,
    query: Query<DeliveriesQuery>,
) -> Result<Json<DeliveriesView>, Failure> {
    let seen = app.view(&caller, &Need::root(&[Permission::Admin]))?;
    let DeliveriesQuery { limit, offset } = query.parse()?;
    let number = |text: Option<String>| text.and_then(|text| text.parse::<u64>().ok());
    let limit = number(limit).filter(|limit| *limit > 0).unwrap_or(LIMIT_DEFAULT).min(LIMIT_MAX);
    let offset = number(offset).unwrap_or_default().min(i64::MAX as u64);
    let deliveries = app.deliveries(&seen, id, limit, offset).await?;
    let views = deliveries.into_iter().map(|(delivery, event)| DeliveryView::of(delivery, event));
    Ok(Json(DeliveriesView { integration_events: views.collect() }))
}

/// Test an integration
///
/// Tells it of a made-up event that says that it is a test, as of real ones but once, also while it is disabled. The answer
/// says how that went, and so does the list of its deliveries. An integration can be tested five times a minute.
#[utoipa::path(
    post,
    path = "/api/admin/addons/{id}/test",
    operation_id = "testAddon",
    tag = "Addons",
    responses((status = 200, body = DeliveryView, description = "It was told, or could not be told")),
)]
async fn test(State(app): State<App>, caller: Caller, Path(id): Path<i64>) -> Result<Json<DeliveryView>, Failure> {
    let seen = app.view(&caller, &Need::root(&[Permission::UpdateAddon]))?;
    let delivery = app.test_integration(&seen, &caller, id).await?;
    Ok(Json(DeliveryView::of(delivery, None)))
}

/// Refuses what could never be sent, where the rules cannot tell.
fn check(app: &App, input: &IntegrationInput) -> Result<(), Failure> {
    match requests::faults(&input.parameters, app.outgoing()) {
        faults if faults.is_empty() => Ok(()),
        faults => Err(Error::BadData(faults).into()),
    }
}
