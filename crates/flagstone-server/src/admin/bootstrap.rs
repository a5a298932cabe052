//! All that a user interface needs before it shows anything, in one answer: to whom it speaks, or how they log in.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use flagstone_model::{Need, State as Model, environments, favorites};
use serde::Serialize;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ui_config::UiConfig;
use crate::app::caller::Caller;
use crate::app::{App, View};
use crate::http::error::Failure;
use crate::people::{FeedbackView, HeldView, MeView, UserView};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get))
}

/// What a user interface needs before it shows anything. `user` tells which of the two it is.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Bootstrap {
    SignedIn(Box<SignedIn>),
    SignedOut(SignedOut),
}

/// What a user interface needs for somebody who is logged in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BootstrapSignedIn)]
struct SignedIn {
    user: UserView,
    /// Whether the user still has the password that the server made and printed at its first start.
    choose_password: bool,
    /// What the user may do, and where.
    permissions: Vec<HeldView>,
    /// The questions of user interfaces that the user has answered.
    feedback: Vec<FeedbackView>,
    /// The greetings of user interfaces that the user has seen.
    splash: BTreeMap<String, bool>,
    ui_config: UiConfig,
    /// The projects that the user sees, by name; not those in the archive.
    projects: Vec<ProjectName>,
    /// The environments, in the order in which people see them.
    environments: Vec<EnvironmentName>,
    /// The revision that all this was read from.
    revision: u64,
    /// The server's version.
    version: &'static str,
}

/// What a user interface needs for nobody it knows.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BootstrapSignedOut)]
struct SignedOut {
    /// Nobody.
    user: Nobody,
    sign_in: SignIn,
    /// The server's version.
    version: &'static str,
}

/// Always null.
#[derive(Serialize)]
struct Nobody;

impl PartialSchema for Nobody {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        ObjectBuilder::new().schema_type(Type::Null).description(Some("Nobody")).into()
    }
}

impl ToSchema for Nobody {}

/// How people log in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SignIn {
    /// Whether with a password.
    password: bool,
    /// Whether a link to set a forgotten password can be mailed.
    password_reset: bool,
    /// Whether nobody has ever logged in, so that the password is still the first administrator's.
    first_run: bool,
    /// On the first run: the first administrator's user name.
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_name: Option<String>,
}

/// A project by its name.
#[derive(Serialize, ToSchema)]
struct ProjectName {
    id: String,
    name: String,
    /// Whether it is among the user's favorites.
    favorite: bool,
}

/// An environment by its name.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EnvironmentName {
    name: String,
    /// What it is for, for instance `production`.
    #[serde(rename = "type")]
    kind: String,
    /// Whether new projects and tokens can use it.
    enabled: bool,
    /// Smaller comes first.
    sort_order: i64,
}

/// The product's own version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Get what a user interface needs first; whoever is not logged in is told how to
#[utoipa::path(
    get,
    path = "/auth/bootstrap",
    operation_id = "getBootstrap",
    tag = "Admin UI",
    responses((status = 200, body = Bootstrap)),
)]
async fn get(State(app): State<App>, caller: Caller) -> Result<impl IntoResponse, Failure> {
    // Tokens of programs are nobody here, and so is who may not log in any more.
    let seen = caller.user_id().and_then(|id| app.view(&caller, &Need::login()).ok().map(|seen| (id, seen)));
    let bootstrap = match seen {
        Some((id, seen)) => Bootstrap::SignedIn(Box::new(signed_in(&app, &seen, &caller, id)?)),
        None => Bootstrap::SignedOut(signed_out(&app)),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(bootstrap)))
}

fn signed_in(app: &App, seen: &View, caller: &Caller, id: i64) -> Result<SignedIn, Failure> {
    let user = seen.users.find(&id)?;
    let MeView { permissions, feedback, splash, .. } = MeView::of(app, seen, caller)?;
    let environments = environments::sorted(seen).into_iter().map(|environment| EnvironmentName {
        name: environment.name.clone(),
        kind: environment.kind.clone(),
        enabled: environment.enabled,
        sort_order: environment.sort_order,
    });
    Ok(SignedIn {
        user: UserView::of(app, user),
        choose_password: user.has_generated_password,
        permissions,
        feedback,
        splash,
        ui_config: UiConfig::of(app, seen),
        projects: projects(seen, id),
        environments: environments.collect(),
        revision: seen.seq,
        version: VERSION,
    })
}

fn projects(state: &Model, user_id: i64) -> Vec<ProjectName> {
    let live = state.projects.values().filter(|project| project.archived_at.is_none());
    let mut projects: Vec<_> = live
        .map(|project| ProjectName {
            id: project.id.clone(),
            name: project.name.clone(),
            favorite: favorites::has_project(state, user_id, &project.id),
        })
        .collect();
    projects.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    projects
}

fn signed_out(app: &App) -> SignedOut {
    let state = &app.public().state;
    let mut users = state.users.values();
    let only = users.next().filter(|_| users.next().is_none());
    // Whoever changes a password has logged in, perhaps at another node.
    let first = only.filter(|user| user.generation == 0 && app.telemetry().user_last_seen(user.id).is_none());
    let sign_in = SignIn {
        password: true,
        password_reset: app.mailer().is_some(),
        first_run: first.is_some(),
        admin_name: first.and_then(|user| user.username.clone()),
    };
    SignedOut { user: Nobody, sign_in, version: VERSION }
}
