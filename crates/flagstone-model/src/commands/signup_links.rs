//! What can be done to sign-up links, and with one.

use std::sync::Arc;

use super::operations;
use crate::permissions::{Need, Permission as P};
use crate::signup_links::{self, CreateSignupLink, SignUp as Person, SignupLink, UpdateSignupLink};
use crate::users::User;

operations! {
    /// Creates a link. The second value is its whole secret, shown this once.
    Create = "createPublicSignupToken" ((): (), input: CreateSignupLink) -> (Arc<SignupLink>, String) {
        needs |_| Need::root(&[P::Admin]);
        does |draft| signup_links::create(draft, input);
    }
    /// Switches a link on or off, or moves its end.
    Update = "updatePublicSignupToken" (token: String, input: UpdateSignupLink) -> Arc<SignupLink> {
        needs |_| Need::root(&[P::Admin]);
        does |draft| signup_links::update(draft, token, &input);
    }
    /// Makes a user of somebody who has a link: the server does it for them, by the link's secret.
    SignUp = "addPublicSignupTokenUser" ((): (), input: Person) -> Arc<User> {
        needs |_| Need::root(&[P::Admin]);
        does |draft| signup_links::sign_up(draft, input);
    }
}
