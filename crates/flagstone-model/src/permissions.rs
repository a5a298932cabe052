//! What callers may do: permissions by their public names, the needs of an operation, the built-in roles.

use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::state::State;
use crate::users::{PersonalToken, User};

macro_rules! permissions {
    ($($variant:ident $name:literal $scope:ident;)+) => {
        /// A permission, under the name that Unleash's clients and role definitions use.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Permission {
            $(#[doc = concat!("`", $name, "`")] $variant,)+
        }

        impl Permission {
            /// Every permission.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The public name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Where it can be granted.
            pub const fn scope(self) -> Scope {
                match self { $(Self::$variant => Scope::$scope,)+ }
            }
        }
    };
}

/// Where a permission can be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// For the whole installation.
    Root,
    /// Within one project.
    Project,
    /// Within one environment of one project.
    Environment,
}

permissions! {
    Admin "ADMIN" Root;
    CreateAddon "CREATE_ADDON" Root;
    UpdateAddon "UPDATE_ADDON" Root;
    DeleteAddon "DELETE_ADDON" Root;
    ReadClientApiToken "READ_CLIENT_API_TOKEN" Root;
    CreateClientApiToken "CREATE_CLIENT_API_TOKEN" Root;
    UpdateClientApiToken "UPDATE_CLIENT_API_TOKEN" Root;
    DeleteClientApiToken "DELETE_CLIENT_API_TOKEN" Root;
    ReadFrontendApiToken "READ_FRONTEND_API_TOKEN" Root;
    CreateFrontendApiToken "CREATE_FRONTEND_API_TOKEN" Root;
    UpdateFrontendApiToken "UPDATE_FRONTEND_API_TOKEN" Root;
    DeleteFrontendApiToken "DELETE_FRONTEND_API_TOKEN" Root;
    UpdateApplication "UPDATE_APPLICATION" Root;
    CreateContextField "CREATE_CONTEXT_FIELD" Root;
    UpdateContextField "UPDATE_CONTEXT_FIELD" Root;
    DeleteContextField "DELETE_CONTEXT_FIELD" Root;
    CreateProject "CREATE_PROJECT" Root;
    CreateSegment "CREATE_SEGMENT" Root;
    UpdateSegment "UPDATE_SEGMENT" Root;
    DeleteSegment "DELETE_SEGMENT" Root;
    CreateStrategy "CREATE_STRATEGY" Root;
    UpdateStrategy "UPDATE_STRATEGY" Root;
    DeleteStrategy "DELETE_STRATEGY" Root;
    CreateTagType "CREATE_TAG_TYPE" Root;
    UpdateTagType "UPDATE_TAG_TYPE" Root;
    DeleteTagType "DELETE_TAG_TYPE" Root;
    ReadRole "READ_ROLE" Root;
    UpdateMaintenanceMode "UPDATE_MAINTENANCE_MODE" Root;
    UpdateInstanceBanners "UPDATE_INSTANCE_BANNERS" Root;
    UpdateAuthConfiguration "UPDATE_AUTH_CONFIGURATION" Root;
    UpdateCors "UPDATE_CORS" Root;
    ReadLogs "READ_LOGS" Root;
    ReleasePlanTemplateCreate "RELEASE_PLAN_TEMPLATE_CREATE" Root;
    ReleasePlanTemplateUpdate "RELEASE_PLAN_TEMPLATE_UPDATE" Root;
    ReleasePlanTemplateDelete "RELEASE_PLAN_TEMPLATE_DELETE" Root;
    CreateFeature "CREATE_FEATURE" Project;
    UpdateFeature "UPDATE_FEATURE" Project;
    DeleteFeature "DELETE_FEATURE" Project;
    UpdateFeatureVariants "UPDATE_FEATURE_VARIANTS" Project;
    UpdateFeatureDependency "UPDATE_FEATURE_DEPENDENCY" Project;
    MoveFeatureToggle "MOVE_FEATURE_TOGGLE" Project;
    UpdateProject "UPDATE_PROJECT" Project;
    DeleteProject "DELETE_PROJECT" Project;
    ReadProjectApiToken "READ_PROJECT_API_TOKEN" Project;
    CreateProjectApiToken "CREATE_PROJECT_API_TOKEN" Project;
    DeleteProjectApiToken "DELETE_PROJECT_API_TOKEN" Project;
    UpdateProjectSegment "UPDATE_PROJECT_SEGMENT" Project;
    UpdateProjectContext "UPDATE_PROJECT_CONTEXT" Project;
    ProjectUserAccessRead "PROJECT_USER_ACCESS_READ" Project;
    ProjectUserAccessWrite "PROJECT_USER_ACCESS_WRITE" Project;
    ProjectDefaultStrategyRead "PROJECT_DEFAULT_STRATEGY_READ" Project;
    ProjectDefaultStrategyWrite "PROJECT_DEFAULT_STRATEGY_WRITE" Project;
    ProjectChangeRequestRead "PROJECT_CHANGE_REQUEST_READ" Project;
    ProjectChangeRequestWrite "PROJECT_CHANGE_REQUEST_WRITE" Project;
    ProjectSettingsRead "PROJECT_SETTINGS_READ" Project;
    ProjectSettingsWrite "PROJECT_SETTINGS_WRITE" Project;
    CreateFeatureStrategy "CREATE_FEATURE_STRATEGY" Environment;
    UpdateFeatureStrategy "UPDATE_FEATURE_STRATEGY" Environment;
    DeleteFeatureStrategy "DELETE_FEATURE_STRATEGY" Environment;
    UpdateFeatureEnvironment "UPDATE_FEATURE_ENVIRONMENT" Environment;
    UpdateFeatureEnvironmentVariants "UPDATE_FEATURE_ENVIRONMENT_VARIANTS" Environment;
    ApproveChangeRequest "APPROVE_CHANGE_REQUEST" Environment;
    ApplyChangeRequest "APPLY_CHANGE_REQUEST" Environment;
    SkipChangeRequest "SKIP_CHANGE_REQUEST" Environment;
}

impl Permission {
    /// The permission with this public name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|p| p.name() == name)
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Permission {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Permission {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::by_name(&name).ok_or_else(|| de::Error::custom(format!("there is no permission {name}")))
    }
}

/// What an operation needs: any one of the permissions, at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// Any one of these; none means that any user or admin token will do.
    pub any_of: Vec<Permission>,
    place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Root,
    Project(String),
    Environment(String, String),
    Anywhere,
}

impl Need {
    /// Any user or admin token.
    pub const fn login() -> Self {
        Self { any_of: Vec::new(), place: Place::Root }
    }

    /// One of these for the whole installation.
    pub fn root(any_of: &[Permission]) -> Self {
        Self { any_of: any_of.to_vec(), place: Place::Root }
    }

    /// One of these in this project; root permissions among them count as well.
    pub fn project(project: &str, any_of: &[Permission]) -> Self {
        Self { any_of: any_of.to_vec(), place: Place::Project(project.to_owned()) }
    }

    /// One of these in this environment of this project.
    pub fn environment(project: &str, environment: &str, any_of: &[Permission]) -> Self {
        Self { any_of: any_of.to_vec(), place: Place::Environment(project.to_owned(), environment.to_owned()) }
    }

    /// One of these in any project: enough to try, where the body names the project and the rule asks again.
    pub fn anywhere(any_of: &[Permission]) -> Self {
        Self { any_of: any_of.to_vec(), place: Place::Anywhere }
    }
}

/// Who is asking, as far as the state can tell. Everything else is looked up in the very state that is read or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Nobody: no credentials, or bad ones.
    Anonymous,
    /// A user, through a session or a personal access token.
    User {
        /// The user's id.
        id: i64,
        /// The personal access token that was used, by its document key.
        personal_token: Option<i64>,
        /// The generation of the user's credentials when the session began (see [`User::generation`]).
        generation: Option<i64>,
    },
    /// An API token, by its selector.
    ApiToken(String),
    /// The server itself.
    System,
}

impl Principal {
    /// The user, through whatever credentials.
    pub const fn user_id(&self) -> Option<i64> {
        match self {
            Self::User { id, .. } => Some(*id),
            _ => None,
        }
    }
}

/// One permission that a role grants; in every environment unless one is named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    /// What it allows.
    pub permission: Permission,
    /// Only in this environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
}

/// What kind of role it is, by the name clients know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoleKind {
    /// Built in, for the whole installation.
    Root,
    /// Built in, for a project.
    Project,
    /// Made by a user, for the whole installation.
    RootCustom,
    /// Made by a user, for a project.
    Custom,
}

/// A named set of permissions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    /// Built-in roles have the ids 1 to 5.
    pub id: i64,
    /// Unique.
    pub name: String,
    /// Root or project, built in or custom.
    #[serde(rename = "type")]
    pub kind: RoleKind,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// What it allows.
    pub grants: Vec<Grant>,
}

/// The built-in roles' ids, as clients know them.
pub mod role_ids {
    /// May do everything.
    pub const ADMIN: i64 = 1;
    /// May change most things, and everything in the default project.
    pub const EDITOR: i64 = 2;
    /// May look.
    pub const VIEWER: i64 = 3;
    /// May do everything in a project.
    pub const OWNER: i64 = 4;
    /// May work on a project's features.
    pub const MEMBER: i64 = 5;
    /// Custom roles begin here.
    pub const FIRST_CUSTOM: i64 = 100;
}

/// The project in which every editor may do what its owner may.
pub const DEFAULT_PROJECT: &str = "default";

/// The roles that every installation has, in id order.
pub fn built_in_roles() -> &'static [Role] {
    static ROLES: LazyLock<Vec<Role>> = LazyLock::new(make_built_in_roles);
    &ROLES
}

fn make_built_in_roles() -> Vec<Role> {
    use Permission as P;
    let grants = |list: &[P]| list.iter().map(|&permission| Grant { permission, environment: None }).collect();
    let role = |id, name: &str, kind, description: &str, grants| Role {
        id,
        name: name.to_owned(),
        kind,
        description: description.to_owned(),
        grants,
    };
    let editor = [
        P::CreateAddon,
        P::UpdateAddon,
        P::DeleteAddon,
        P::ReadClientApiToken,
        P::ReadFrontendApiToken,
        P::UpdateApplication,
        P::CreateContextField,
        P::UpdateContextField,
        P::DeleteContextField,
        P::CreateProject,
        P::CreateSegment,
        P::UpdateSegment,
        P::DeleteSegment,
        P::CreateStrategy,
        P::UpdateStrategy,
        P::DeleteStrategy,
        P::CreateTagType,
        P::UpdateTagType,
        P::DeleteTagType,
        P::ReleasePlanTemplateCreate,
        P::ReleasePlanTemplateUpdate,
        P::ReleasePlanTemplateDelete,
    ];
    let owner: Vec<P> =
        P::ALL.iter().copied().filter(|p| !matches!(p.scope(), Scope::Root) && *p != P::SkipChangeRequest).collect();
    let member = [
        P::CreateFeature,
        P::UpdateFeature,
        P::DeleteFeature,
        P::UpdateFeatureVariants,
        P::UpdateFeatureDependency,
        P::CreateFeatureStrategy,
        P::UpdateFeatureStrategy,
        P::DeleteFeatureStrategy,
        P::UpdateFeatureEnvironment,
        P::UpdateFeatureEnvironmentVariants,
        P::UpdateProjectSegment,
        P::UpdateProjectContext,
    ];
    vec![
        role(role_ids::ADMIN, "Admin", RoleKind::Root, "May do everything.", grants(&[P::Admin])),
        role(
            role_ids::EDITOR,
            "Editor",
            RoleKind::Root,
            "May change features and shared things; owns the default project and the projects it creates. Does not manage users, roles or API tokens.",
            grants(&editor),
        ),
        role(
            role_ids::VIEWER,
            "Viewer",
            RoleKind::Root,
            "May look at everything but API tokens. Can be made a member of projects.",
            Vec::new(),
        ),
        role(role_ids::OWNER, "Owner", RoleKind::Project, "May do everything in the project.", grants(&owner)),
        role(role_ids::MEMBER, "Member", RoleKind::Project, "May work on the project's features.", grants(&member)),
    ]
}

/// A permission that somebody has, at a place; what the user endpoint lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Held<'s> {
    /// What it allows.
    pub permission: Permission,
    /// Only in this project.
    pub project: Option<&'s str>,
    /// Only in this environment.
    pub environment: Option<&'s str>,
}

/// Everything that a user may do, root permissions first, then project by project.
pub fn held_by<'s>(state: &'s State, user: &User) -> impl Iterator<Item = Held<'s>> {
    let held = |role: Option<&'s Role>, project: Option<&'s str>| {
        role.into_iter().flat_map(|role| &role.grants).map(move |grant| Held {
            permission: grant.permission,
            project: project.filter(|_| grant.permission.scope() != Scope::Root),
            environment: grant.environment.as_deref(),
        })
    };
    let in_default = (user.root_role == role_ids::EDITOR).then(|| state.role(role_ids::OWNER)).flatten();
    let memberships = state.projects.index().memberships(user.id);
    held(state.role(user.root_role), None)
        .chain(held(in_default, Some(DEFAULT_PROJECT)))
        .chain(memberships.flat_map(move |(project, role)| held(state.role(role), Some(project))))
}

impl Held<'_> {
    /// Whether this permission, at its place, satisfies `need`.
    fn satisfies(&self, need: &Need) -> bool {
        if self.permission == Permission::Admin {
            return true;
        }
        let fits = |project: &str, environment: Option<&str>| {
            self.project == Some(project) && (self.environment.is_none() || self.environment == environment)
        };
        let place_fits = match &need.place {
            Place::Anywhere => true,
            _ if self.permission.scope() == Scope::Root => self.project.is_none(),
            Place::Root => false,
            Place::Project(project) => fits(project, None),
            Place::Environment(project, environment) => fits(project, Some(environment)),
        };
        need.any_of.contains(&self.permission) && place_fits
    }
}

/// Whether `principal` may do what `need` says, on this very state, now.
pub fn allowed(
    state: &State,
    principal: &Principal,
    need: &Need,
    now: crate::time::Timestamp,
) -> Result<(), crate::Error> {
    use crate::Error;
    let denied = || {
        let needed = if need.any_of.is_empty() { vec![Permission::Admin] } else { need.any_of.clone() };
        Err(Error::NoAccess(needed))
    };
    match principal {
        Principal::System => Ok(()),
        Principal::Anonymous => Err(Error::Unauthenticated),
        Principal::ApiToken(selector) => {
            let token = state.api_tokens.get(selector).filter(|t| t.is_live(now)).ok_or(Error::Unauthenticated)?;
            if token.kind == crate::api_tokens::TokenKind::Admin { Ok(()) } else { denied() }
        }
        Principal::User { id, personal_token, generation } => {
            let user = state.users.get(id).ok_or(Error::Unauthenticated)?;
            let stale = generation.is_some_and(|g| g != user.generation);
            let token_dead = personal_token.is_some_and(|key| !personal_token_lives(state, key, *id, now));
            if user.disabled || stale || token_dead {
                return Err(Error::Unauthenticated);
            }
            if need.any_of.is_empty() || held_by(state, user).any(|held| held.satisfies(need)) {
                Ok(())
            } else {
                denied()
            }
        }
    }
}

fn personal_token_lives(state: &State, key: i64, user_id: i64, now: crate::time::Timestamp) -> bool {
    state
        .personal_tokens
        .get(&key)
        .is_some_and(|t: &std::sync::Arc<PersonalToken>| t.user_id == user_id && t.expires_at > now)
}
