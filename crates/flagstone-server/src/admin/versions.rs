//! Nobody overwrites unseen what somebody else has changed meanwhile: things that can be edited say which version of them
//! was read (`ETag`), and a change that says which one it began with (`If-Match`) is refused if that is not there any more.

use std::collections::HashMap;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, MatchedPath, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use flagstone_model::versions::Thing;
use http_body_util::{BodyExt, Limited};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tower::ServiceExt;

use crate::app::App;
use crate::app::caller::Caller;
use crate::app::preconditions::Precondition;
use crate::http::path_segment;

/// The largest answer that stands in a refusal, in bytes.
const CURRENT_BYTES_MAX: usize = 4 << 20;

/// A thing: where it is read, and where it is changed.
struct Row {
    read: &'static str,
    changes: &'static [(Method, &'static str)],
    thing: fn(&Parameters) -> Option<Thing>,
}

/// What the parts of a path say that vary, as text.
struct Parameters(HashMap<String, String>);

impl Parameters {
    fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.0.get(name)?.parse().ok()
    }

    /// All of them as a path of the model.
    fn path<T: DeserializeOwned>(&self) -> Option<T> {
        let fields: Map<_, _> = self.0.iter().map(|(name, text)| (name.clone(), text.as_str().into())).collect();
        serde_json::from_value(Value::Object(fields)).ok()
    }

    /// A path with them in it.
    fn fill(&self, template: &str) -> String {
        let parts = template.split('/').map(|part| {
            let value = part.strip_prefix('{').and_then(|part| self.0.get(part.strip_suffix('}')?));
            value.map_or_else(|| part.to_owned(), |value| path_segment(value))
        });
        parts.collect::<Vec<_>>().join("/")
    }
}

const FEATURE: &str = "/api/admin/projects/{projectId}/features/{featureName}";
const FEATURE_OVERVIEW: &str = "/api/admin/projects/{projectId}/features/{featureName}/overview";
const STRATEGY: &str =
    "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/strategies/{strategyId}";
const VARIANTS: &str = "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/variants";
const SEGMENT: &str = "/api/admin/segments/{id}";
const FIELD: &str = "/api/admin/context/{contextField}";
const FIELD_OF_PROJECT: &str = "/api/admin/projects/{projectId}/context/{contextField}";
const PROJECT: &str = "/api/admin/projects/{projectId}";
const PROJECT_OVERVIEW: &str = "/api/admin/projects/{projectId}/overview";
const PROJECT_SETTINGS: &str = "/api/admin/projects/{projectId}/settings";
const ENVIRONMENT: &str = "/api/admin/environments/{name}";
const ENVIRONMENT_UPDATE: &str = "/api/admin/environments/update/{name}";
const TAG_TYPE: &str = "/api/admin/tag-types/{name}";
const STRATEGY_TYPE: &str = "/api/admin/strategies/{name}";
const INTEGRATION: &str = "/api/admin/addons/{id}";
const TOKEN: &str = "/api/admin/api-tokens/{token}";
const TOKEN_OF_PROJECT: &str = "/api/admin/projects/{projectId}/api-tokens/{token}";
const USER: &str = "/api/admin/user-admin/{id}";

/// Every thing that can be edited. A change of which nothing is said here depends on nothing.
const ROWS: &[Row] = &[
    Row {
        read: FEATURE,
        changes: &[(Method::PUT, FEATURE), (Method::PATCH, FEATURE), (Method::DELETE, FEATURE)],
        thing: |at| at.path().map(Thing::Feature),
    },
    Row { read: FEATURE_OVERVIEW, changes: &[], thing: |at| at.path().map(Thing::Feature) },
    Row {
        read: STRATEGY,
        changes: &[(Method::PUT, STRATEGY), (Method::PATCH, STRATEGY), (Method::DELETE, STRATEGY)],
        thing: |at| at.path().map(Thing::Strategy),
    },
    Row {
        read: VARIANTS,
        changes: &[(Method::PUT, VARIANTS), (Method::PATCH, VARIANTS)],
        thing: |at| at.path().map(Thing::Variants),
    },
    Row {
        read: SEGMENT,
        changes: &[(Method::PUT, SEGMENT), (Method::DELETE, SEGMENT)],
        thing: |at| at.number("id").map(Thing::Segment),
    },
    Row {
        read: FIELD,
        changes: &[(Method::PUT, FIELD), (Method::DELETE, FIELD)],
        thing: |at| at.text("contextField").map(Thing::ContextField),
    },
    Row {
        read: FIELD_OF_PROJECT,
        changes: &[(Method::PUT, FIELD_OF_PROJECT), (Method::DELETE, FIELD_OF_PROJECT)],
        thing: |at| at.path().map(Thing::ContextFieldOfProject),
    },
    Row {
        read: PROJECT_OVERVIEW,
        changes: &[(Method::PUT, PROJECT), (Method::PUT, PROJECT_SETTINGS), (Method::DELETE, PROJECT)],
        thing: |at| at.path().map(Thing::Project),
    },
    Row { read: PROJECT, changes: &[], thing: |at| at.path().map(Thing::Project) },
    Row {
        read: ENVIRONMENT,
        changes: &[(Method::PUT, ENVIRONMENT_UPDATE), (Method::DELETE, ENVIRONMENT)],
        thing: |at| at.text("name").map(Thing::Environment),
    },
    Row {
        read: TAG_TYPE,
        changes: &[(Method::PUT, TAG_TYPE), (Method::DELETE, TAG_TYPE)],
        thing: |at| at.text("name").map(Thing::TagType),
    },
    Row {
        read: STRATEGY_TYPE,
        changes: &[(Method::PUT, STRATEGY_TYPE), (Method::DELETE, STRATEGY_TYPE)],
        thing: |at| at.text("name").map(Thing::StrategyType),
    },
    Row {
        read: INTEGRATION,
        changes: &[(Method::PUT, INTEGRATION), (Method::DELETE, INTEGRATION)],
        thing: |at| at.number("id").map(Thing::Integration),
    },
    Row {
        read: TOKEN,
        changes: &[(Method::PUT, TOKEN), (Method::DELETE, TOKEN)],
        thing: |at| at.text("token").map(Thing::ApiToken),
    },
    Row {
        read: TOKEN_OF_PROJECT,
        changes: &[(Method::DELETE, TOKEN_OF_PROJECT)],
        thing: |at| at.path().map(Thing::ApiTokenOfProject),
    },
    Row {
        read: USER,
        changes: &[(Method::PUT, USER), (Method::DELETE, USER)],
        thing: |at| at.number("id").map(Thing::User),
    },
];

/// Whether what is read here says which version it is of.
pub fn is_versioned(template: &str) -> bool {
    ROWS.iter().any(|row| row.read == template)
}

/// Whether a change here can depend on a version.
pub fn is_conditional(method: &Method, template: &str) -> bool {
    changed_at(method, template).is_some()
}

fn changed_at(method: &Method, template: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.changes.iter().any(|(of, at)| of == method && *at == template))
}

/// What sees to versions.
#[derive(Clone)]
pub struct Versions {
    app: App,
    /// The routes, for what a refused change would have changed.
    routes: Router,
}

impl Versions {
    /// Sees to the versions of what these routes read and change.
    pub fn new(app: &App, routes: &Router<App>) -> Self {
        Self { app: app.clone(), routes: routes.clone().with_state(app.clone()) }
    }
}

/// Says which version was read, and lets changes depend on one. Who asks is known by now.
pub async fn guard(State(versions): State<Versions>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let base_path = versions.app.options().base_path();
    let route = parts.extensions.get::<MatchedPath>().cloned();
    let template = route.as_ref().map_or("", MatchedPath::as_str);
    let template = template.strip_prefix(base_path.as_str()).unwrap_or(template);
    let caller = parts.extensions.get::<Caller>().cloned();
    let is_read = parts.method == Method::GET;
    let row = if is_read {
        ROWS.iter().find(|row| row.read == template)
    } else {
        changed_at(&parts.method, template).filter(|_| parts.headers.contains_key(header::IF_MATCH))
    };
    let (Some(row), Some(caller)) = (row, caller) else {
        return next.run(Request::from_parts(parts, body)).await;
    };
    let at = parameters(&mut parts).await;
    let Some(thing) = (row.thing)(&at) else { return next.run(Request::from_parts(parts, body)).await };
    if is_read {
        // Before it is read: what was changed in between is refused for nothing, and never overwritten.
        let version = versions.app.version(&caller, &thing);
        let response = next.run(Request::from_parts(parts, body)).await;
        let version = version.filter(|_| response.status() == StatusCode::OK);
        return tagged(response, version.as_deref());
    }
    let precondition = Precondition { thing: thing.clone(), versions: seen(&parts.headers) };
    parts.extensions.insert(caller.clone().on_condition(precondition));
    let response = next.run(Request::from_parts(parts, body)).await;
    if response.status() != StatusCode::PRECONDITION_FAILED {
        return response;
    }
    let version = versions.app.version(&caller, &thing);
    let current = read(versions.routes, caller, &at.fill(row.read)).await;
    tagged(with_current(response, current).await, version.as_deref())
}

async fn parameters(parts: &mut Parts) -> Parameters {
    let all = RawPathParams::from_request_parts(parts, &()).await;
    let all = all.iter().flat_map(RawPathParams::iter).map(|(name, value)| (name.to_owned(), value.to_owned()));
    Parameters(all.collect())
}

/// The versions that `If-Match` names; nothing for `*`. Weak ones are never the same (RFC 9110 §13.1.1).
fn seen(headers: &HeaderMap) -> Option<Vec<String>> {
    let lists = headers.get_all(header::IF_MATCH).iter().map(|list| list.to_str().unwrap_or_default());
    let tags: Vec<_> = lists.flat_map(|list| list.split(',')).map(str::trim).collect();
    if tags.contains(&"*") {
        return None;
    }
    Some(tags.into_iter().filter_map(|tag| Some(tag.strip_prefix('"')?.strip_suffix('"')?.to_owned())).collect())
}

fn tagged(mut response: Response, version: Option<&str>) -> Response {
    let tag = version.and_then(|version| HeaderValue::try_from(format!("\"{version}\"")).ok());
    response.headers_mut().extend(tag.map(|tag| (header::ETAG, tag)));
    response
}

/// What is at a path now, as the caller reads it; null if they do not, or it is too large.
async fn read(routes: Router, caller: Caller, path: &str) -> Value {
    let Ok(mut request) = Request::get(path).body(Body::empty()) else { return Value::Null };
    request.extensions_mut().insert(caller);
    let Ok(response) = routes.oneshot(request).await;
    if response.status() != StatusCode::OK {
        return Value::Null;
    }
    json(response.into_body()).await.unwrap_or_default()
}

async fn json(body: Body) -> Option<Value> {
    let bytes = Limited::new(body, CURRENT_BYTES_MAX).collect().await.ok()?.to_bytes();
    serde_json::from_slice(&bytes).ok()
}

/// A refusal with what is there now.
async fn with_current(response: Response, current: Value) -> Response {
    let (status, mut body) = (response.status(), json(response.into_body()).await.unwrap_or_default());
    body["current"] = current;
    (status, axum::Json(body)).into_response()
}
