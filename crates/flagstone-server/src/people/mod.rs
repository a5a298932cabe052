//! People: who they are, how they log in, what they say of themselves.

mod access;
mod identify;
mod inactive_users;
mod log_in;
mod me;
mod roles;
mod signup_links;
mod users;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
pub use identify::require_login;
pub use me::{FeedbackView, HeldView, MeView};
pub use users::UserView;

/// The routes of people below `/api/admin`, noun by noun.
pub fn nouns() -> Vec<OpenApiRouter<App>> {
    vec![
        access::routes(),
        inactive_users::routes(),
        me::routes(),
        roles::routes(),
        signup_links::routes(),
        users::routes(),
    ]
}

/// The routes that anybody may use: logging in and out, setting a password by a link, signing up by one.
pub fn open_routes() -> OpenApiRouter<App> {
    log_in::routes().merge(signup_links::open_routes())
}
