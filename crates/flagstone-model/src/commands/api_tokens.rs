//! What can be done to API tokens. What it takes depends on what a token opens: the operations ask again.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::operations;
use crate::api_tokens::{self, ALL, ApiToken, NewToken, TokenKind};
use crate::draft::Draft;
use crate::error::Error;
use crate::paths::{ProjectPath, TokenPath};
use crate::permissions::{Need, Permission as P};
use crate::projects;
use crate::state::State;
use crate::time::Timestamp;

/// A new token of a project.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateProjectApiToken {
    /// What it opens, in any case: `backend` for server-side SDKs, `frontend` for browsers and apps; `client` is the old name of `backend`.
    #[serde(rename = "type")]
    #[schema(
        pattern = "^([Cc][Ll][Ii][Ee][Nn][Tt]|[Bb][Aa][Cc][Kk][Ee][Nn][Dd]|[Ff][Rr][Oo][Nn][Tt][Ee][Nn][Dd])$",
        example = "backend"
    )]
    pub kind: String,
    /// For people; not unique.
    #[schema(example = "checkout service")]
    pub token_name: String,
    /// The environment it is for. Omitted or `default` means the installation's default environment.
    #[serde(default)]
    #[schema(default = "default", example = "development")]
    pub environment: Option<String>,
    /// When it stops working; never if omitted.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

/// A new token of one, several or all projects.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateApiToken {
    /// As for a token of a project.
    #[serde(flatten)]
    pub token: CreateProjectApiToken,
    /// The project it is for; `projects` wins.
    #[serde(default)]
    #[schema(example = "default")]
    pub project: Option<String>,
    /// The projects it is for; all if neither this nor `project` is given.
    #[serde(default)]
    #[schema(min_items = 1, example = json!(["default"]))]
    pub projects: Option<Vec<String>>,
}

/// A token's new expiry.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateApiToken {
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// A token that was created. Its secret exists here and nowhere else.
#[derive(Clone)]
pub struct CreatedToken {
    /// The token.
    pub token: Arc<ApiToken>,
    /// The whole secret.
    pub secret: String,
    /// What it opens, in the word that was sent.
    pub kind_sent: String,
}

impl CreateProjectApiToken {
    fn kind(&self) -> Result<TokenKind, Error> {
        match self.kind.to_ascii_lowercase().as_str() {
            "frontend" => Ok(TokenKind::Frontend),
            "backend" | "client" => Ok(TokenKind::Backend),
            _ => Err(Error::bad_data("/body/type", "The type must be backend or frontend.")),
        }
    }

    fn create(self, draft: &mut Draft, projects: Vec<String>) -> Result<CreatedToken, Error> {
        let kind = self.kind()?;
        let (name, environment, expires_at) = (self.token_name, self.environment, self.expires_at);
        let (token, secret) = api_tokens::create(draft, NewToken { name, kind, environment, projects, expires_at })?;
        Ok(CreatedToken { token, secret, kind_sent: self.kind })
    }
}

/// The token that a project's path names. One that is for other projects as well is not the project's own.
pub fn find_of_project<'s>(state: &'s State, project: &str, named: &str) -> Result<&'s Arc<ApiToken>, Error> {
    projects::find_live(state, project)?;
    let token = api_tokens::find(state, named)?;
    if token.projects == [project] { Ok(token) } else { Err(Error::not_found("API token", "…")) }
}

/// What it takes for one kind of token.
fn of_kind(kind: TokenKind, backend: P, frontend: P) -> Need {
    Need::root(&[match kind {
        TokenKind::Backend => backend,
        TokenKind::Frontend => frontend,
        TokenKind::Admin => P::Admin,
    }])
}

fn require_for(draft: &Draft, named: &str, backend: P, frontend: P) -> Result<(), Error> {
    draft.require(&of_kind(api_tokens::find(draft, named)?.kind, backend, frontend))
}

/// Whether somebody who may look at all tokens of some kinds may look at this one.
pub fn need_to_see(token: &ApiToken) -> Need {
    need_to_see_kind(token.kind)
}

/// What looking at all tokens of a kind takes.
pub fn need_to_see_kind(kind: TokenKind) -> Need {
    of_kind(kind, P::ReadClientApiToken, P::ReadFrontendApiToken)
}

operations! {
    /// Creates a token for one, several or all projects.
    Create = "createApiToken" ((): (), input: CreateApiToken) -> CreatedToken {
        needs |_| Need::root(&[P::Admin, P::CreateClientApiToken, P::CreateFrontendApiToken]);
        does |draft| {
            draft.require(&of_kind(input.token.kind()?, P::CreateClientApiToken, P::CreateFrontendApiToken))?;
            let projects = input.projects.or(input.project.map(|project| vec![project]));
            let projects = projects.unwrap_or_else(|| vec![ALL.to_owned()]);
            input.token.create(draft, projects)
        };
    }
    /// Creates a token for a project.
    CreateInProject = "createProjectApiToken" (path: ProjectPath, input: CreateProjectApiToken) -> CreatedToken {
        needs |_| path.need(&[P::CreateProjectApiToken]);
        does |draft| {
            projects::find_live(draft, &path.project)?;
            input.create(draft, vec![path.project.clone()])
        };
    }
    /// Moves a token's expiry.
    Update = "updateApiToken" (named: String, input: UpdateApiToken) -> () {
        needs |_| Need::root(&[P::Admin, P::UpdateClientApiToken, P::UpdateFrontendApiToken]);
        does |draft| {
            require_for(draft, named, P::UpdateClientApiToken, P::UpdateFrontendApiToken)?;
            api_tokens::update_expiry(draft, named, Some(input.expires_at))
        };
    }
    /// Deletes a token; it stops working at once.
    Delete = "deleteApiToken" (named: String, (): ()) -> () {
        needs |_| Need::root(&[P::Admin, P::DeleteClientApiToken, P::DeleteFrontendApiToken]);
        does |draft| {
            require_for(draft, named, P::DeleteClientApiToken, P::DeleteFrontendApiToken)?;
            api_tokens::delete(draft, named)
        };
    }
    /// Deletes a project's own token; it stops working at once.
    DeleteInProject = "deleteProjectApiToken" (path: TokenPath, (): ()) -> () {
        needs |_| Need::project(&path.project, &[P::DeleteProjectApiToken]);
        does |draft| {
            find_of_project(draft, &path.project, &path.token)?;
            api_tokens::delete(draft, &path.token)
        };
    }
}
