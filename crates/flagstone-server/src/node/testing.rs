//! What tests of processes have in common: a node in this process.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use clap::Parser;
use flagstone_store::{DatabaseUrl, Options, Store};
use tower::ServiceExt;

use crate::app::App;
use crate::options::ServeOptions;
use crate::routes;
use crate::sdk::source::FlagSource;
use crate::system::clock::Clock;
use crate::ui::{EMBEDDED, Ui};

/// A token that may do everything.
pub const ADMIN: &str = "*:*.admin-of-the-test";
/// A token that works from the start.
pub const BACKEND: &str = "*:development.secret-of-the-test";

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    options: ServeOptions,
}

/// The options of a node with further words.
pub fn serve_options(words: &[&str]) -> ServeOptions {
    let always = ["test", "--init-admin-api-tokens", ADMIN, "--init-backend-api-tokens", BACKEND];
    Cli::parse_from(always.iter().chain(words)).options
}

/// A node with these options and nothing on disk, and its routes.
pub async fn node(words: &[&str]) -> (App, Router) {
    let options = serve_options(words);
    let store = Store::open(&DatabaseUrl::Memory, &Options::default()).await.unwrap();
    let app = App::start(options, Arc::new(store), Clock::System, std::future::ready(routes::schemas())).await.unwrap();
    let router = routes::router(&FlagSource::primary(app.clone()), &app, Ui::new(EMBEDDED, ""));
    (app, router)
}

/// Has the administrator do something.
pub async fn call(router: &Router, method: &str, path: &str, body: &str) {
    let request = Request::builder().method(method).uri(path).header(header::AUTHORIZATION, ADMIN);
    let request = request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_owned())).unwrap();
    let status = router.clone().oneshot(request).await.unwrap().status();
    assert!(status.is_success(), "{method} {path}: {status}");
}
