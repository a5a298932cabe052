//! Types of strategies over HTTP: the built-in ones, and those that users make.

use axum::Json;
use axum::extract::State;
use flagstone_model::commands::strategy_types as commands;
use flagstone_model::segments::uses_of_strategy_type;
use flagstone_model::strategy_definitions::{DEFINITIONS, Definition, find};
use flagstone_model::strategy_types::{
    CreateStrategyType, ParameterKind, StrategyType, StrategyTypeInput, is_deprecated,
};
use flagstone_model::{Error, Need, Permission as P, State as Model};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::segments::StrategyUse;
use crate::app::App;
use crate::app::caller::Caller;
use crate::http::error::Failure;
use crate::http::{Body, Created, Path, path_segment};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(list_uses))
        .routes(routes!(deprecate))
        .routes(routes!(reactivate))
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
    /// For people; of built-in ones.
    display_name: Option<&'static str>,
    /// What strategies name.
    name: String,
    /// Whether a user made it and may change it.
    editable: bool,
    /// For people.
    description: Option<String>,
    /// What it takes.
    parameters: Vec<ParameterView>,
    /// Whether it is kept for old features only.
    deprecated: bool,
    /// For people; of those that users make.
    title: Option<String>,
}

/// A parameter of a type of strategy.
#[derive(Serialize, ToSchema)]
#[schema(as = StrategyParameter)]
struct ParameterView {
    /// The key among a strategy's parameters.
    name: String,
    /// `percentage`, `list`, `string`, `number` or `boolean`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// Whether a strategy needs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    required: Option<bool>,
}

/// The strategies of a type.
#[derive(Serialize, ToSchema)]
struct StrategyTypeUses {
    /// Those of features that are not archived, by feature and environment.
    strategies: Vec<StrategyUse>,
}

/// A type of strategy, built in or made.
pub(super) fn view(state: &Model, name: &str) -> Option<DefinitionView> {
    match find(name) {
        Some(definition) => Some(built_in(state, definition)),
        None => state.strategy_types.get(name).map(|kind| made(kind)),
    }
}

fn built_in(state: &Model, definition: &Definition) -> DefinitionView {
    let parameters = definition.parameters.iter().map(|p| ParameterView {
        name: p.name.to_owned(),
        kind: p.kind,
        description: Some(p.description.to_owned()),
        required: Some(p.required),
    });
    DefinitionView {
        display_name: Some(definition.display_name),
        name: definition.name.to_owned(),
        editable: false,
        description: Some(definition.description.to_owned()),
        parameters: parameters.collect(),
        deprecated: is_deprecated(state, definition),
        title: None,
    }
}

fn made(kind: &StrategyType) -> DefinitionView {
    let parameters = kind.parameters.iter().map(|p| ParameterView {
        name: p.name.clone(),
        kind: match p.kind {
            ParameterKind::String => "string",
            ParameterKind::Percentage => "percentage",
            ParameterKind::List => "list",
            ParameterKind::Number => "number",
            ParameterKind::Boolean => "boolean",
        },
        description: p.description.clone(),
        required: p.required,
    });
    DefinitionView {
        display_name: None,
        name: kind.name.clone(),
        editable: true,
        description: kind.description.clone(),
        parameters: parameters.collect(),
        deprecated: kind.deprecated,
        title: kind.title.clone(),
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
    let seen = app.view(&caller, &Need::login())?;
    let all = DEFINITIONS.iter().map(|definition| built_in(&seen, definition));
    let strategies = all.chain(seen.strategy_types.values().map(|kind| made(kind))).collect();
    Ok(Json(DefinitionsView { version: 1, strategies }))
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
    let seen = app.view(&caller, &Need::login())?;
    Ok(Json(view(&seen, &name).ok_or_else(|| Error::not_found("strategy", name))?))
}

/// Create a type of strategy
#[utoipa::path(
    post,
    path = "/api/admin/strategies",
    operation_id = "createStrategy",
    tag = "Strategies",
    request_body = CreateStrategyType,
    responses((status = 201, body = DefinitionView)),
)]
async fn create(
    State(app): State<App>,
    caller: Caller,
    body: Body<CreateStrategyType>,
) -> Result<Created<DefinitionView>, Failure> {
    app.view(&caller, &Need::root(&[P::CreateStrategy]))?;
    if app.options().custom_strategies.disable_custom_strategy_creation {
        return Err(Error::Forbidden("This installation takes no new custom strategies.".to_owned()).into());
    }
    let done = app.commit::<commands::Create>(&caller, (), body).await?;
    let location = format!("{}/api/admin/strategies/{}", app.options().base_path(), path_segment(&done.value.name));
    Ok(Created { location, view: made(&done.value) })
}

/// Fails if this installation has its custom strategies stay as they are.
fn refuse_editing(app: &App, caller: &Caller, permission: P) -> Result<(), Failure> {
    app.view(caller, &Need::root(&[permission]))?;
    if app.options().custom_strategies.disable_custom_strategy_editing {
        return Err(Error::Forbidden("This installation's custom strategies stay as they are.".to_owned()).into());
    }
    Ok(())
}

/// Change a type of strategy that a user made
#[utoipa::path(
    put,
    path = "/api/admin/strategies/{name}",
    operation_id = "updateStrategy",
    tag = "Strategies",
    request_body = StrategyTypeInput,
    responses((status = 200, description = "The type is changed")),
)]
async fn update(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    body: Body<StrategyTypeInput>,
) -> Result<(), Failure> {
    refuse_editing(&app, &caller, P::UpdateStrategy)?;
    app.commit::<commands::Update>(&caller, name, body).await.map(drop)
}

/// Delete a type of strategy that a user made; strategies of it stay
#[utoipa::path(
    delete,
    path = "/api/admin/strategies/{name}",
    operation_id = "removeStrategy",
    tag = "Strategies",
    responses((status = 200, description = "The type is gone")),
)]
async fn delete(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Result<(), Failure> {
    refuse_editing(&app, &caller, P::DeleteStrategy)?;
    app.commit::<commands::Delete>(&caller, name, Body::none()).await.map(drop)
}

/// List the strategies of a type, also of one that is deleted: its strategies stay
#[utoipa::path(
    get,
    path = "/api/admin/strategies/{name}/features",
    operation_id = "getStrategiesByType",
    tag = "Strategies",
    responses((status = 200, body = StrategyTypeUses)),
)]
async fn list_uses(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<StrategyTypeUses>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let strategies = uses_of_strategy_type(&seen, &name).iter().map(StrategyUse::of).collect();
    Ok(Json(StrategyTypeUses { strategies }))
}

/// Say that a type of strategy is kept for old features only
#[utoipa::path(
    post,
    path = "/api/admin/strategies/{strategyName}/deprecate",
    operation_id = "deprecateStrategy",
    tag = "Strategies",
    responses((status = 200, description = "The type is deprecated")),
)]
async fn deprecate(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Result<(), Failure> {
    app.commit::<commands::Deprecate>(&caller, name, Body::none()).await.map(drop)
}

/// Say that a type of strategy is no longer deprecated
#[utoipa::path(
    post,
    path = "/api/admin/strategies/{strategyName}/reactivate",
    operation_id = "reactivateStrategy",
    tag = "Strategies",
    responses((status = 200, description = "The type is not deprecated")),
)]
async fn reactivate(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Result<(), Failure> {
    app.commit::<commands::Reactivate>(&caller, name, Body::none()).await.map(drop)
}
