//! Types of strategies over HTTP.

use axum::Json;
use axum::extract::State;
use flagstone_model::strategy_definitions::{DEFINITIONS, Definition, find};
use flagstone_model::{Error, Need};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::app::caller::Caller;
use crate::http::Path;
use crate::http::error::Failure;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get))
}

/// The types of strategies.
#[derive(Serialize, ToSchema)]
#[schema(as = StrategyDefinitions)]
struct DefinitionsView {
    /// The form of this answer: 1.
    version: u32,
    strategies: Vec<DefinitionView>,
}

/// A type of strategy.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = StrategyDefinition)]
pub(super) struct DefinitionView {
    /// For people.
    display_name: &'static str,
    /// What strategies name.
    name: &'static str,
    /// Whether a user made it and may change it.
    editable: bool,
    /// For people.
    description: &'static str,
    /// What it takes.
    parameters: Vec<ParameterView>,
    /// Whether it is kept for old features only.
    deprecated: bool,
    /// For people.
    title: Option<String>,
}

/// A parameter of a type of strategy.
#[derive(Serialize, ToSchema)]
#[schema(as = StrategyParameter)]
struct ParameterView {
    /// The key among a strategy's parameters.
    name: &'static str,
    /// `percentage`, `list`, `string`, `number` or `boolean`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// For people.
    description: &'static str,
    /// Whether a strategy needs it.
    required: bool,
}

pub(super) fn view(definition: &Definition) -> DefinitionView {
    let parameters = definition.parameters.iter().map(|p| ParameterView {
        name: p.name,
        kind: p.kind,
        description: p.description,
        required: p.required,
    });
    DefinitionView {
        display_name: definition.display_name,
        name: definition.name,
        editable: false,
        description: definition.description,
        parameters: parameters.collect(),
        deprecated: definition.deprecated,
        title: None,
    }
}

/// List the types of strategies
#[utoipa::path(
    get,
    path = "/api/admin/strategies",
    operation_id = "getAllStrategies",
    tag = "Strategies",
    responses((status = 200, body = DefinitionsView)),
)]
async fn list(State(app): State<App>, caller: Caller) -> Result<Json<DefinitionsView>, Failure> {
    app.view(&caller, &Need::login())?;
    Ok(Json(DefinitionsView { version: 1, strategies: DEFINITIONS.iter().map(view).collect() }))
}

/// Get a type of strategy
#[utoipa::path(
    get,
    path = "/api/admin/strategies/{name}",
    operation_id = "getStrategy",
    tag = "Strategies",
    responses((status = 200, body = DefinitionView)),
)]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<DefinitionView>, Failure> {
    app.view(&caller, &Need::login())?;
    let definition = find(&name).ok_or_else(|| Error::not_found("strategy", &name))?;
    Ok(Json(view(definition)))
}
