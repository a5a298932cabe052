//! Features, as server-side SDKs poll them.

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flagstone_model::Error;
use flagstone_model::api_tokens::TokenKind;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::delivery::{Revision, Scope, Segments, etag_header, not_modified};
use crate::http::error::Failure;
use crate::http::{Path, query_pairs, tags_asked};
use crate::sdk::source::{FlagSource, SdkToken};

pub(super) fn routes() -> OpenApiRouter<FlagSource> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get))
}

/// The client specification from which on SDKs know segments.
const SEGMENTS_SINCE: (u64, u64) = (4, 2);
/// The longest name prefix that is filtered by.
const PREFIX_BYTES_MAX: usize = 255;

/// In the published document.
pub(super) const PREFIX: &str = "Only features whose names begin with this";
/// In the published document.
pub(super) const TAG: &str = "Only features with any of these tags, each `type:value`";

/// What a request asks for, within what its token may see.
pub(super) fn scope(token: &SdkToken, parts: &Parts) -> Result<Scope, Failure> {
    let pairs = query_pairs(parts)?;
    let all = |names: &[&str]| {
        pairs.iter().filter(|(k, _)| names.contains(&k.as_str())).map(|(_, v)| v.clone()).collect::<Vec<_>>()
    };
    let prefix = all(&["namePrefix"]).pop().filter(|p| !p.is_empty());
    if prefix.as_ref().is_some_and(|p| p.len() > PREFIX_BYTES_MAX) {
        return Err(Error::bad_data(
            "/query/namePrefix",
            format!("A prefix is at most {PREFIX_BYTES_MAX} bytes long."),
        )
        .into());
    }
    let tags = tags_asked(&pairs)?.into_iter().collect();
    let segments = segments_form(&parts.headers)?;
    Ok(Scope::tagged(&token.0, &all(&["project", "project[]"]), prefix, tags, segments))
}

/// How the SDK wants segments, by `Unleash-Client-Spec`.
fn segments_form(headers: &HeaderMap) -> Result<Segments, Error> {
    let Some(value) = headers.get("unleash-client-spec") else { return Ok(Segments::Inlined) };
    let version = value.to_str().ok().and_then(|text| {
        let mut parts = text.trim().splitn(3, '.').map(|part| part.parse::<u64>().ok());
        Some((parts.next()??, parts.next()??))
    });
    match version {
        Some(version) if version >= SEGMENTS_SINCE => Ok(Segments::Named),
        Some(_) => Ok(Segments::Inlined),
        None => {
            Err(Error::bad_data("/headers/unleash-client-spec", "The client specification must be a semantic version."))
        }
    }
}

/// Get all features of the token's environment and projects
#[utoipa::path(
    get,
    path = "/api/client/features",
    operation_id = "getAllClientFeatures",
    tag = "Client",
    params(
        ("project" = Option<Vec<String>>, Query, description = "Only these projects, of those that the token is for"),
        ("namePrefix" = Option<String>, Query, description = PREFIX),
        ("tag" = Option<Vec<String>>, Query, description = TAG),
    ),
    responses(
        (status = 200, description = "The features, their segments and the revision", body = Object),
        (status = 304, description = "The SDK has them already"),
    ),
)]
async fn list(State(source): State<FlagSource>, request: Request) -> Result<Response, Failure> {
    let (parts, _) = request.into_parts();
    let token = source.token(&parts.headers, &[TokenKind::Backend]).await?;
    let scope = scope(&token, &parts)?;
    let age = source.age(&token.0);
    if let Some(known) = Revision::in_if_none_match(&parts.headers)
        && source.catch_up_with(&token.0, known).await.is_err()
        && let Some(etag) = parts.headers.get(header::IF_NONE_MATCH)
    {
        // It knows more than can be found out now: it keeps that.
        return Ok(age.of((StatusCode::NOT_MODIFIED, [(header::ETAG, etag.clone())])));
    }
    let delivery = source.delivery(&token.0)?;
    Ok(age.of(delivery.respond(&scope, &parts.headers).await))
}

/// Get one feature of the token's environment and projects
#[utoipa::path(
    get,
    path = "/api/client/features/{featureName}",
    operation_id = "getClientFeature",
    tag = "Client",
    responses((status = 200, description = "The feature", body = Object)),
)]
async fn get(State(source): State<FlagSource>, Path(name): Path<String>, parts: Parts) -> Result<Response, Failure> {
    let token = source.token(&parts.headers, &[TokenKind::Backend]).await?;
    let scope = scope(&token, &parts)?;
    let delivery = source.delivery(&token.0)?;
    delivery.ready().await;
    let (_, query_hash) = scope.query(delivery.environment());
    let etag = etag_header(&delivery.revisions().of_scope(&scope).etag(&format!("{query_hash}:{name}")));
    let feature = delivery.feature(&scope, &name).ok_or_else(|| Error::not_found("feature", &name))?;
    if let Some(response) = not_modified(&parts.headers, &etag) {
        return Ok(response);
    }
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, json), (header::ETAG, etag)], feature).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_specification_decides_about_segments() {
        let check = |version: &'static str, expect: Option<Segments>| {
            let headers =
                HeaderMap::from_iter([("unleash-client-spec".parse().unwrap(), HeaderValue::from_static(version))]);
            assert_eq!(segments_form(&headers).ok(), expect, "{version}");
        };
        check("3.9.0", Some(Segments::Inlined));
        check("4.1.9", Some(Segments::Inlined));
        check("4.2.0", Some(Segments::Named));
        check("5.1.6", Some(Segments::Named));
        check("10.0.0-beta", Some(Segments::Named));
        check("new", None);
        assert_eq!(segments_form(&HeaderMap::new()).ok(), Some(Segments::Inlined));
    }
}
