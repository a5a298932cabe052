//! People: who they are, how they log in, what they say of themselves.

mod identify;
mod log_in;
mod me;
mod users;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
pub use identify::require_login;
pub use me::FeedbackView;

/// The routes of people below `/api/admin`, noun by noun.
pub fn nouns() -> Vec<OpenApiRouter<App>> {
    vec![me::routes(), users::routes()]
}

/// The routes that anybody may use: logging in and out, setting a password by a link.
pub fn open_routes() -> OpenApiRouter<App> {
    log_in::routes()
}
