//! The whole router, the published OpenAPI document, and what every request goes through.

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{MatchedPath, Request, State};
use axum::handler::Handler;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower::Layer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::normalize_path::NormalizePathLayer;
use utoipa::OpenApi;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{AdditionalProperties, Schema};
use utoipa::openapi::{ContentBuilder, ObjectBuilder, PathItem, RefOr, Required, ResponseBuilder};
use utoipa_axum::router::OpenApiRouter;

use crate::admin;
use crate::admin::versions::{Versions, guard, is_conditional, is_versioned};
use crate::app::App;
use crate::http::admission::{self, Admission};
use crate::http::error::{ErrorBody, Failure};
use crate::http::schemas::Schemas;
use crate::http::{URI_BYTES_MAX, drained};
use crate::ops;
use crate::people;
use crate::people::require_login;
use crate::sdk::source::FlagSource;
use crate::sdk::{client, frontend, ofrep};
use crate::ui::Ui;

/// The revision of the state that an answer was made from, or that a request wants at least.
pub const REVISION_HEADER: &str = "x-flagstone-revision";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Flagstone",
        description = "Feature flags for teams: switch features on and off, roll them out by percentage, target them by context. The API is the one that Unleash's SDKs and tools speak.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    components(schemas(ErrorBody))
)]
struct Published;

/// What operations have in common: the path parameters' descriptions.
const PARAMETERS: &[(&str, &str)] = &[
    ("projectId", "The project's id"),
    ("featureName", "The feature's name"),
    ("key", "The feature's name"),
    ("environment", "The environment's name"),
    ("strategyId", "The strategy's id"),
    ("contextField", "The context field's name"),
    ("legalValue", "The value"),
    ("token", "The token: its public part as lists show it, or the whole token"),
    ("parent", "The name of the feature that is depended on"),
    ("name", "The name"),
    ("strategyName", "The name of the type of strategies"),
    ("appName", "The application's name"),
    ("type", "The type of the tag"),
    ("value", "The value of the tag"),
    ("linkId", "The link's id"),
    ("template", "`getting-started` or `reset-password`"),
    ("id", "The id"),
];

/// The routes by what stands before them, and what each noun publishes.
struct Api {
    admin: Router<App>,
    others: Router<App>,
    documents: Vec<utoipa::openapi::OpenApi>,
}

/// The same of what SDKs use: all that an edge has.
struct DeliveryApi {
    client: Router<FlagSource>,
    frontend: Router<FlagSource>,
    documents: Vec<utoipa::openapi::OpenApi>,
}

fn api() -> Api {
    let mut documents = Vec::new();
    let admin = merged(admin::nouns().into_iter().chain(people::nouns()), &mut documents);
    let others = merged([people::open_routes(), admin::open_routes(), ops::routes()], &mut documents);
    Api { admin, others, documents }
}

fn delivery_api() -> DeliveryApi {
    let mut documents = Vec::new();
    let frontend = merged([frontend::routes(), ofrep::routes()], &mut documents);
    let client = merged([client::routes()], &mut documents);
    DeliveryApi { client, frontend, documents }
}

/// Puts the routes of nouns together, and what they publish with the documents.
fn merged<S: Clone + Send + Sync + 'static>(
    nouns: impl IntoIterator<Item = OpenApiRouter<S>>,
    documents: &mut Vec<utoipa::openapi::OpenApi>,
) -> Router<S> {
    nouns.into_iter().fold(Router::new(), |all, noun| {
        let (routes, document) = noun.split_for_parts();
        documents.push(document);
        all.merge(routes)
    })
}

/// What bodies are checked with.
pub fn schemas() -> anyhow::Result<Schemas> {
    let mut documents = api().documents;
    documents.append(&mut delivery_api().documents);
    documents.push(Published::openapi());
    for document in &mut documents {
        close("Constraint", document);
    }
    Schemas::of(&documents)
}

/// The same for what SDKs send alone: all that an edge takes.
pub fn delivery_schemas() -> anyhow::Result<Schemas> {
    Schemas::of(&delivery_api().documents)
}

/// Lets a schema refuse unknown properties where the stored form, which later releases extend, cannot.
fn close(name: &str, openapi: &mut utoipa::openapi::OpenApi) {
    let schemas = openapi.components.as_mut().map(|components| &mut components.schemas);
    if let Some(RefOr::T(Schema::Object(object))) = schemas.and_then(|schemas| schemas.get_mut(name)) {
        object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
    }
}

/// The published document. Making it takes milliseconds, and it is large: whoever asks for it keeps what is needed of it.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut openapi = Published::openapi();
    env!("CARGO_PKG_VERSION").clone_into(&mut openapi.info.version);
    for part in api().documents.into_iter().chain(delivery_api().documents) {
        openapi.merge(part);
    }
    close("Constraint", &mut openapi);
    for (path, item) in &mut openapi.paths.paths {
        complete(path, item);
    }
    openapi
}

/// The published document as it is sent, made when somebody first asks for it.
static OPENAPI_JSON: LazyLock<Bytes> = LazyLock::new(|| serde_json::to_vec(&openapi()).unwrap_or_default().into());

/// Adds what every operation has: path parameters, and the refusals that are possible there.
fn complete(path: &str, item: &mut PathItem) {
    let operations = [
        (Method::GET, &mut item.get),
        (Method::POST, &mut item.post),
        (Method::PUT, &mut item.put),
        (Method::PATCH, &mut item.patch),
        (Method::DELETE, &mut item.delete),
    ];
    for (method, operation) in operations.into_iter().filter_map(|(method, there)| Some((method, there.as_mut()?))) {
        add_parameters(path, operation);
        if method == Method::GET && is_versioned(path) {
            add_version(operation);
        }
        let is_conditional = is_conditional(&method, path);
        if is_conditional {
            add_condition(operation);
        }
        let signs_in = path.starts_with("/auth/") && path != "/auth/bootstrap";
        let guarded = path.starts_with("/api/") || path.starts_with("/ofrep/") || path == "/logout";
        let has_body = operation.request_body.is_some();
        let changes = (path.starts_with("/api/admin/") || path.ends_with("/signup")) && item_changes(operation);
        let validates = operation.operation_id.as_deref().is_some_and(|id| id.starts_with("validate"));
        let takes_input = has_body || path.contains('{') || operation.parameters.is_some();
        let is_counted = signs_in
            || path.starts_with("/invite/")
            || matches!(path, "/api/admin/user/change-password" | "/api/admin/addons/{id}/test");
        let refusals = [
            ("400", takes_input, "The request holds invalid data; every fault is listed"),
            ("401", guarded || signs_in || path == "/edge/issue-token", "The credentials are missing or wrong"),
            ("403", guarded || signs_in || path.ends_with("/signup"), "The caller may not do this"),
            ("404", path.contains('{') || changes, "There is no such thing"),
            ("409", changes || validates, "The state does not allow it"),
            ("412", is_conditional, "Somebody has changed it since; `current` is what it is now"),
            ("413", has_body, "The body is too large"),
            ("415", has_body, "The body is not JSON"),
            ("429", is_counted, "Too many tries"),
            ("503", changes, "The database cannot take the change now, or the installation is in maintenance mode"),
        ];
        for (status, possible, description) in refusals {
            if possible {
                let content =
                    ContentBuilder::new().schema(Some(utoipa::openapi::Ref::from_schema_name("ErrorBody"))).build();
                let response =
                    ResponseBuilder::new().description(description).content("application/json", content).build();
                operation.responses.responses.entry(status.to_owned()).or_insert(RefOr::T(response));
            }
        }
    }
}

/// The version that was read.
fn add_version(operation: &mut Operation) {
    if let Some(RefOr::T(response)) = operation.responses.responses.get_mut("200") {
        let description = "Which version of it was read; for `If-Match` when it is changed";
        let header = HeaderBuilder::new().description(Some(description)).build();
        response.headers.insert("ETag".to_owned(), RefOr::T(header));
    }
}

/// The version that a change began with.
fn add_condition(operation: &mut Operation) {
    let parameter = ParameterBuilder::new()
        .name("If-Match")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("The `ETag` of what was read: the change is refused with 412 if it is another by now"))
        .schema(Some(ObjectBuilder::new().schema_type(utoipa::openapi::Type::String)))
        .build();
    operation.parameters.get_or_insert_default().push(parameter.into());
}

/// Reads are told from changes by what they can answer: changes never describe a lone 200 with `get` in their id.
fn item_changes(operation: &Operation) -> bool {
    let id = operation.operation_id.as_deref().unwrap_or_default();
    !["get", "list", "search", "check", "validate"].iter().any(|read| id.starts_with(read))
}

fn add_parameters(path: &str, operation: &mut Operation) {
    let placeholders = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    for name in placeholders {
        let described = PARAMETERS.iter().find(|(known, _)| *known == name);
        let by_number = ["/api/admin/segments", "/api/admin/user", "/api/admin/addons"];
        let numeric = name == "id" && by_number.iter().any(|of_noun| path.starts_with(of_noun));
        let kind = if numeric { utoipa::openapi::Type::Integer } else { utoipa::openapi::Type::String };
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .description(described.map(|(_, description)| *description))
            .schema(Some(ObjectBuilder::new().schema_type(kind)))
            .build();
        operation.parameters.get_or_insert_default().push(parameter.into());
    }
}

/// Every route, behind everything that requests go through; what no route has is the UI's.
pub fn router(source: &FlagSource, app: &App, ui: Ui) -> Router {
    let Api { admin, others, .. } = api();
    let versions = Versions::new(app, &admin);
    let admin = admin
        .fallback(no_route)
        .method_not_allowed_fallback(|| async { Failure::NoMethod })
        .layer(from_fn_with_state(versions, guard))
        .layer(from_fn_with_state(app.clone(), require_login));
    let mut all = Router::new().merge(others).merge(delivery(source)).merge(admin).route(
        "/api/admin/{*rest}",
        axum::routing::any(no_route).layer(from_fn_with_state(app.clone(), require_login)),
    );
    if app.options().openapi {
        let json = || async { ([(header::CONTENT_TYPE, "application/json")], OPENAPI_JSON.clone()) };
        let file =
            |kind: &'static str, text: &'static str| get(move || async move { ([(header::CONTENT_TYPE, kind)], text) });
        all = all
            .route("/docs/openapi.json", get(json))
            .route("/docs/openapi", file("text/html; charset=utf-8", include_str!("docs.html")))
            .route("/docs/openapi.css", file("text/css; charset=utf-8", include_str!("docs.css")))
            .route("/docs/openapi.js", file("text/javascript; charset=utf-8", include_str!("docs.js")));
    }
    let all = all
        .fallback(move |request: Request| async move { ui.answer(&request) })
        .method_not_allowed_fallback(|| async { Failure::NoMethod });
    behind_everything(source, &app.options().base_path(), all.with_state(app.clone()))
}

/// The routes that SDKs use, with `others` beside them, for those who are admitted; `fallback` answers everything else.
pub fn delivery_router<H, T>(
    source: &FlagSource,
    base_path: &str,
    others: Router,
    fallback: H,
    admission: Admission,
) -> Router
where
    H: Handler<T, ()>,
    T: 'static,
{
    let all = delivery(source).merge(others);
    let all = all.fallback(fallback).method_not_allowed_fallback(|| async { Failure::NoMethod });
    behind_everything(source, base_path, admission::guarded(all, admission))
}

/// The routes that SDKs use.
fn delivery<S: Clone + Send + Sync + 'static>(source: &FlagSource) -> Router<S> {
    let DeliveryApi { client, frontend, .. } = delivery_api();
    let frontend = frontend
        .method_not_allowed_fallback(|| async { Failure::NoMethod })
        .layer(from_fn_with_state(source.clone(), frontend::cors));
    client.merge(frontend).with_state(source.clone())
}

/// Puts routes behind what every request goes through.
fn behind_everything(source: &FlagSource, base_path: &str, routes: Router) -> Router {
    let routes = match base_path {
        "" => routes,
        base => Router::new().nest(base, routes).fallback(no_route),
    };
    let all = routes
        .layer(CatchPanicLayer::custom(|panic: Box<dyn std::any::Any + Send>| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
            Failure::Internal(format!("panic: {}", text.unwrap_or_default())).into_response()
        }))
        .layer(from_fn_with_state((source.clone(), Arc::from(base_path)), around));
    // Clients that join URLs end some of them with a slash. Who may do what is decided behind this, by the matched route.
    Router::new().fallback_service(NormalizePathLayer::trim_trailing_slash().layer(all))
}

/// Nothing is here.
pub async fn no_route() -> Failure {
    Failure::NoRoute
}

/// The largest values of all headers together, in bytes.
const HEADER_BYTES_MAX: usize = 48 << 10;

/// What every answer has unless it says something else.
static ALWAYS: [(HeaderName, HeaderValue); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'",
        ),
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=()"),
    ),
];
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What every request goes through: a wanted revision is waited for, the answer is counted, logged and given its headers.
async fn around(State((source, base_path)): State<(FlagSource, Arc<str>)>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("(none)", MatchedPath::as_str);
    let path = request.uri().path();
    let path = path.strip_prefix(&*base_path).unwrap_or(path);
    let is_for_browsers =
        path.starts_with("/api/frontend") || path.starts_with("/api/proxy") || path.starts_with("/ofrep/");
    let is_admin = path.starts_with("/api/admin");
    let has_large_headers = request.headers().values().map(HeaderValue::len).sum::<usize>() > HEADER_BYTES_MAX;
    let is_too_long = request.uri().path_and_query().is_some_and(|uri| uri.as_str().len() > URI_BYTES_MAX);
    let wanted = request.headers().get(REVISION_HEADER).and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
    // Only a node has revisions that it could wait for; an edge gives what it has.
    let app = source.node();
    let mut response = match (app, wanted) {
        _ if is_too_long => Failure::UriTooLong.into_response(),
        _ if has_large_headers => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.into_response(),
        (Some(app), Some(seq)) if !app.reach(seq).await => {
            Failure::Unavailable("This node does not have the revision that you want yet; try again.").into_response()
        }
        _ => next.run(request.map(drained)).await,
    };
    let status = response.status().as_u16();
    let took = began.elapsed();
    source.metrics().request(&method, route, status, took);
    tracing::debug!(%method, route, status, micros = took.as_micros(), "answered");
    let headers = response.headers_mut();
    // Room for all that follow, at once, and for no more: hyper keeps it as long as the connection lasts.
    headers.reserve(ALWAYS.len() + 2 + usize::from(is_admin) + usize::from(source.settings().secure));
    if let Some(app) = app {
        headers.insert(HeaderName::from_static(REVISION_HEADER), HeaderValue::from(app.public().state.seq));
    }
    for (name, value) in &ALWAYS {
        headers.entry(name).or_insert_with(|| value.clone());
    }
    let policy = if is_for_browsers { "cross-origin" } else { "same-origin" };
    headers.entry(RESOURCE_POLICY).or_insert(HeaderValue::from_static(policy));
    if is_admin {
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
    if source.settings().secure {
        let value = HeaderValue::from_static("max-age=63072000; includeSubDomains");
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(value);
    }
    response
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {

    use clap::Parser;
    use flagstone_model::commands::Operation;
    use flagstone_model::users::User;
    use flagstone_model::{Draft, Need};
    use flagstone_store::{DatabaseUrl, Options, Store};
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;
    use crate::app::caller::Caller;
    use crate::http::Body;
    use crate::options::ServeOptions;
    use crate::system::clock::Clock;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        options: ServeOptions,
    }

    async fn panicking_handler() {
        panic!("a handler's fault, with a detail that is nobody's business");
    }

    /// Panics while it holds the tip, in the middle of a rule that has changed its draft.
    struct Panicking;
    /// Changes the same, and goes on.
    struct Sound;

    impl Operation for Panicking {
        const NAME: &'static str = "panicking";
        type Target = ();
        type Input = ();
        type Output = ();
        fn need((): &(), _: &flagstone_model::State) -> Need {
            Need::login()
        }
        fn apply(draft: &mut Draft, (): &(), (): ()) -> Result<(), flagstone_model::Error> {
            draft.next_id::<User>(1);
            panic!("a rule's fault");
        }
    }

    impl Operation for Sound {
        const NAME: &'static str = "sound";
        type Target = ();
        type Input = ();
        type Output = i64;
        fn need((): &(), _: &flagstone_model::State) -> Need {
            Need::login()
        }
        fn apply(draft: &mut Draft, (): &(), (): ()) -> Result<i64, flagstone_model::Error> {
            Ok(draft.next_id::<User>(1))
        }
    }

    async fn run<O: Operation<Target = (), Input = ()>>(State(app): State<App>) -> Result<(), Failure> {
        app.commit::<O>(&Caller::system(), (), Body::none()).await.map(drop)
    }

    #[tokio::test]
    async fn f21_a_panic_is_answered_with_500_and_the_server_lives() {
        let options = Cli::parse_from(["test", "--admin-password", "First-password-1"]).options;
        let store = Store::open(&DatabaseUrl::Memory, &Options::default()).await.unwrap();
        let app = App::start(options, Arc::new(store), Clock::System, std::future::ready(schemas())).await.unwrap();
        let routes = Router::new()
            .route("/handler", get(panicking_handler))
            .route("/rule", get(run::<Panicking>))
            .route("/sound", get(run::<Sound>));
        let router = behind_everything(&FlagSource::primary(app.clone()), "", routes.with_state(app.clone()));
        for _ in 0..3 {
            for (path, expect) in [
                ("/handler", StatusCode::INTERNAL_SERVER_ERROR),
                ("/rule", StatusCode::INTERNAL_SERVER_ERROR),
                ("/sound", StatusCode::OK),
            ] {
                let before = app.public().state.seq;
                let request = Request::get(path).body(axum::body::Body::empty()).unwrap();
                let response = router.clone().oneshot(request).await.unwrap();
                assert_eq!(response.status(), expect, "{path}");
                assert_eq!(response.headers()["x-content-type-options"], "nosniff", "{path}");
                let body = response.into_body().collect().await.unwrap().to_bytes();
                if expect == StatusCode::OK {
                    assert_eq!(app.public().state.seq, before + 1, "writing does not go on");
                    continue;
                }
                assert_eq!(app.public().state.seq, before, "{path}: something of it is stored");
                let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
                assert_eq!(body["name"], "InternalError", "{path}");
                assert!(!body.to_string().contains("fault,") && !body.to_string().contains("panic"), "{path}: {body}");
                let text = app.metrics().text(0, 0, 0);
                assert!(text.contains(&format!("route=\"{path}\",status=\"500\"")), "{path} is not counted: {text}");
            }
        }
    }
}
