//! What edge replicas ask of their upstream.

use axum::Json;
use axum::extract::State;
use flagstone_model::api_tokens::{TokenKind, authenticate};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::error::Failure;
use crate::http::Body;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(validate))
}

/// Tokens to be looked at.
#[derive(Clone, Deserialize, ToSchema)]
struct TokenStrings {
    /// Whole tokens. Whoever knows one may learn what it is for.
    #[schema(max_items = 1000)]
    tokens: Vec<String>,
}

/// The tokens that work.
#[derive(Serialize, ToSchema)]
struct ValidTokens {
    tokens: Vec<ValidToken>,
}

/// A token that works, and what it is for.
#[derive(Serialize, ToSchema)]
struct ValidToken {
    /// The token, as it was sent.
    token: String,
    /// `client`, `frontend` or `admin`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The projects it is for; `*` for all.
    projects: Vec<String>,
    /// The environment it is for.
    environment: String,
}

/// Tell which of these tokens work, and what they are for
#[utoipa::path(post, path = "/edge/validate", operation_id = "getValidTokens", tag = "Edge", request_body = TokenStrings, responses((status = 200, body = ValidTokens)))]
async fn validate(State(app): State<App>, body: Body<TokenStrings>) -> Result<Json<ValidTokens>, Failure> {
    let asked = body.parse(app.schemas())?.tokens;
    let snapshot = app.public();
    let valid = asked.into_iter().filter_map(|secret| {
        let token = authenticate(&snapshot.state, &secret, app.now())?;
        let kind = match token.kind {
            // Unleash Edge knows backend tokens by their old name.
            TokenKind::Backend => "client",
            TokenKind::Frontend => "frontend",
            TokenKind::Admin => "admin",
        };
        Some(ValidToken {
            token: secret,
            kind,
            projects: token.projects.clone(),
            environment: token.environment.clone(),
        })
    });
    Ok(Json(ValidTokens { tokens: valid.collect() }))
}
