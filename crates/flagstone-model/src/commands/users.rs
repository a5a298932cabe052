//! What can be done to users, their passwords and their tokens. Passwords come as hashes: making one takes time and
//! randomness, which rules do not have.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::operations;
use crate::password_resets;
use crate::permissions::{Need, Permission as P};
use crate::users::{self, CreatePersonalToken, NewUser, PersonalToken, UpdateUser, User};

/// The argon2id hash of a new password.
#[derive(Clone, Serialize, Deserialize)]
pub struct PasswordHash(pub String);

/// A new password for whoever holds a link's secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct RedeemReset {
    /// The secret in the link.
    pub secret: String,
    /// The argon2id hash of the new password.
    pub password_hash: String,
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

impl fmt::Debug for RedeemReset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedeemReset(…)")
    }
}

/// A user, by id.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UserId {
    /// The user's id.
    pub id: i64,
}

/// Users, by id.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UserIds {
    /// The users' ids.
    #[schema(inline)]
    pub ids: Vec<i64>,
}

/// A user who was created.
pub struct CreatedUser {
    /// The user.
    pub user: Arc<User>,
    /// The secret of a link by which they set a password of their own.
    pub link_secret: String,
}

operations! {
    /// Creates a user, with a link by which they set a password.
    Create = "createUser" ((): (), input: NewUser) -> CreatedUser {
        needs |_| Need::root(&[P::Admin]);
        does |draft| {
            let user = users::create(draft, input)?;
            let link_secret = password_resets::issue(draft, user.id)?;
            Ok(CreatedUser { user, link_secret })
        };
    }
    /// Changes a user.
    Update = "updateUser" (id: i64, input: UpdateUser) -> Arc<User> {
        needs |_| Need::root(&[P::Admin]);
        does |draft| users::update(draft, *id, input);
    }
    /// Deletes a user with their tokens and sessions.
    Delete = "deleteUser" (id: i64, (): ()) -> () {
        needs |_| Need::root(&[P::Admin]);
        does |draft| users::delete(draft, *id);
    }
    /// Deletes users who have done nothing for long, or any others: all of them or none.
    DeleteInactive = "deleteInactiveUsers" ((): (), input: UserIds) -> BTreeSet<i64> {
        needs |_| Need::root(&[P::Admin]);
        does |draft| users::delete_all(draft, &input.ids);
    }
    /// Gives a user a new password and ends their sessions.
    SetPassword = "changeUserPassword" (id: i64, new: PasswordHash) -> Arc<User> {
        needs |_| Need::root(&[P::Admin]);
        does |draft| users::set_password(draft, *id, new.0);
    }
    /// Gives out the secret of a link by which a user sets a new password.
    IssueReset = "resetUserPassword" ((): (), user: UserId) -> String {
        needs |_| Need::root(&[P::Admin]);
        does |draft| password_resets::issue(draft, user.id);
    }
    /// Gives out the same to the user themselves, who has it sent to their address.
    IssueOwnReset = "sendResetPasswordEmail" ((): (), (): ()) -> String {
        needs |_| Need::login();
        does |draft| {
            let id = users::asking_user(draft)?;
            password_resets::issue(draft, id)
        };
    }
    /// Sets a password by a link, which is used up.
    RedeemPasswordReset = "changePassword" ((): (), input: RedeemReset) -> Arc<User> {
        needs |_| Need::login();
        does |draft| password_resets::redeem(draft, &input.secret, input.password_hash);
    }
    /// Changes the password of the user who asks; their sessions end.
    SetOwnPassword = "changeMyPassword" ((): (), new: PasswordHash) -> Arc<User> {
        needs |_| Need::login();
        does |draft| {
            let id = users::asking_user(draft)?;
            users::set_password(draft, id, new.0)
        };
    }
    /// Creates a personal access token for the user who asks. The second value is the whole secret, shown this once.
    CreateToken = "createPat" ((): (), input: CreatePersonalToken) -> (Arc<PersonalToken>, String) {
        needs |_| Need::login();
        does |draft| users::create_personal_token(draft, input);
    }
    /// Deletes a personal access token of the user who asks.
    DeleteToken = "deletePat" (id: i64, (): ()) -> () {
        needs |_| Need::login();
        does |draft| users::delete_personal_token(draft, *id);
    }
}
