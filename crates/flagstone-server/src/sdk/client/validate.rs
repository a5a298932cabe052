//! What edge replicas ask of their upstream.

use axum::Json;
use axum::extract::{Request, State};
use flagstone_model::api_tokens::TokenKind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::BODY_BYTES_MAX;
use crate::http::error::Failure;
use crate::sdk::source::FlagSource;

pub(super) fn routes() -> OpenApiRouter<FlagSource> {
    OpenApiRouter::new().routes(routes!(validate))
}

/// Tokens to be looked at.
#[derive(Clone, Deserialize, ToSchema)]
struct TokenStrings {
    /// Whole tokens. Whoever knows one may learn what it is for.
    #[serde(deserialize_with = "super::metrics::list::<1_000, _, _>")]
    #[schema(max_items = 1000)]
    tokens: Vec<String>,
}

/// The tokens that work.
#[derive(Serialize, ToSchema)]
pub(super) struct ValidTokens {
    pub(super) tokens: Vec<ValidToken>,
}

/// A token that works, and what it is for.
#[derive(Serialize, ToSchema)]
pub(super) struct ValidToken {
    /// The token, as it was sent.
    pub(super) token: String,
    /// `client`, `frontend` or `admin`.
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    /// The projects it is for; `*` for all.
    pub(super) projects: Vec<String>,
    /// The environment it is for.
    pub(super) environment: String,
}

/// Tell which of these tokens work, and what they are for
#[utoipa::path(
    post,
    path = "/edge/validate",
    operation_id = "getValidTokens",
    tag = "Edge",
    request_body = TokenStrings,
    responses((status = 200, body = ValidTokens)),
)]
async fn validate(State(source): State<FlagSource>, request: Request) -> Result<Json<ValidTokens>, Failure> {
    let (parts, body) = request.into_parts();
    let asked = source.report::<TokenStrings>(&parts.headers, body, BODY_BYTES_MAX).await?.tokens;
    let valid = source.validate(asked).await?.into_iter().map(|(secret, token)| ValidToken {
        token: secret,
        // Unleash Edge knows backend tokens by their old name.
        kind: match token.kind {
            TokenKind::Backend => "client",
            TokenKind::Frontend => "frontend",
            TokenKind::Admin => "admin",
        },
        projects: token.projects.clone(),
        environment: token.environment.clone(),
    });
    Ok(Json(ValidTokens { tokens: valid.collect() }))
}
