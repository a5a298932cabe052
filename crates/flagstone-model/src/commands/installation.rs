//! The installation as a whole: what the server does itself when it starts, to which no path leads, and its settings.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::operations;
use crate::api_tokens::{self, EdgeToken, GivenToken};
use crate::bootstrap;
use crate::permissions::{Need, Permission as P};
use crate::settings::{self, FrontendOrigins, Maintenance};
use crate::users::User;

/// The first administrator.
#[derive(Clone, Serialize, Deserialize)]
pub struct FirstStart {
    /// To log in with.
    pub admin_username: String,
    /// The argon2id hash of the password.
    pub admin_password_hash: String,
    /// Whether the server made the password, for want of one that somebody has chosen.
    #[serde(default)]
    pub has_generated_password: bool,
}

impl fmt::Debug for FirstStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FirstStart({}, …)", self.admin_username)
    }
}

operations! {
    /// Makes what exists before anybody has done anything, unless it is there. Whether it was missing.
    Start = "firstStart" ((): (), input: FirstStart) -> bool {
        needs |_| Need::root(&[P::Admin]);
        does |draft| {
            // Another node may have been first.
            if !draft.users.is_empty() {
                return Ok(false);
            }
            let admin = bootstrap::first_start(draft, &input.admin_username, input.admin_password_hash)?;
            if input.has_generated_password {
                draft.put(User { has_generated_password: true, ..(*admin).clone() });
            }
            Ok(true)
        };
    }
    /// Makes a token from the command line or the environment exist.
    EnsureGivenToken = "ensureGivenToken" ((): (), given: GivenToken) -> () {
        needs |_| Need::root(&[P::Admin]);
        does |draft| api_tokens::ensure_given(draft, &given);
    }
    /// Makes tokens for edges exist.
    IssueForEdges = "edgeCreateOrReturnTokens" ((): (), tokens: Vec<EdgeToken>) -> () {
        needs |_| Need::root(&[P::Admin]);
        does |draft| api_tokens::issue_for_edges(draft, tokens);
    }
    /// Switches maintenance mode.
    SetMaintenance = "toggleMaintenance" ((): (), input: Maintenance) -> () {
        needs |_| Need::root(&[P::Admin, P::UpdateMaintenanceMode]);
        does |draft| {
            settings::set_maintenance(draft, &input);
            Ok(())
        };
    }
    /// Says from where browsers may call the frontend API.
    SetCors = "setCors" ((): (), input: FrontendOrigins) -> () {
        needs |_| Need::root(&[P::Admin, P::UpdateCors]);
        does |draft| settings::set_frontend_origins(draft, input);
    }
}
