//! Links by which people sign up on their own, as viewers. Whoever has one can, so it is a secret: shown once, kept as a
//! hash, named by its public part afterwards.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::api_tokens::{hash, hex, same_hash};
use crate::draft::{Draft, NewEvent};
use crate::error::{Error, Faults};
use crate::limits::Limits;
use crate::names::check_free_name;
use crate::permissions::role_ids;
use crate::state::{Document, State};
use crate::time::Timestamp;
use crate::users::{self, NewUser, RoleRef, User};

/// How long a new link works at most: as with the reference, a later expiry is brought forward.
const LIFETIME_MILLIS_MAX: i64 = 30 * 24 * 3_600_000;

/// A link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignupLink {
    /// The public part of its secret.
    pub selector: String,
    /// SHA-256 of the whole secret, in hex.
    pub hash: String,
    /// For people.
    pub name: String,
    /// The root role of those who sign up.
    pub role: i64,
    /// Whether it works, as long as it has not expired.
    pub enabled: bool,
    /// When it stops working.
    pub expires_at: Timestamp,
    /// When it was created.
    pub created_at: Timestamp,
    /// Who created it.
    pub created_by: String,
}

/// A new link.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateSignupLink {
    /// For people.
    #[schema(example = "The new team")]
    pub name: String,
    /// When it stops working: 30 days from now at the latest.
    pub expires_at: Timestamp,
}

/// What becomes of a link; what is omitted stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateSignupLink {
    /// Whether it works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// When it stops working.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// Somebody who signs up.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignUp {
    /// The link's whole secret.
    pub secret: String,
    /// Unique among user names and e-mail addresses.
    pub username: Option<String>,
    /// Unique among user names and e-mail addresses.
    pub email: Option<String>,
    /// For people.
    pub name: Option<String>,
    /// The argon2id hash of the password.
    pub password_hash: String,
}

impl fmt::Debug for SignUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignUp(…)")
    }
}

/// The public part of a secret, or of that part itself.
fn selector_of(token: &str) -> &str {
    token.split_once('.').map_or(token, |(selector, _)| selector)
}

/// The link that a secret or its public part names.
pub fn find<'s>(state: &'s State, token: &str) -> Result<&'s Arc<SignupLink>, Error> {
    // What was sent may be a secret: it is not repeated.
    state.signup_links.get(selector_of(token)).ok_or_else(|| Error::not_found(SignupLink::KIND, selector_of(token)))
}

/// The link whose whole secret this is, if somebody can sign up with it at `now`.
pub fn open<'s>(state: &'s State, secret: &str, now: Timestamp) -> Result<&'s Arc<SignupLink>, Error> {
    let link = state.signup_links.get(selector_of(secret)).filter(|link| same_hash(&hash(secret), &link.hash));
    link.filter(|link| link.enabled && now < link.expires_at).ok_or_else(|| {
        Error::bad_data("/params/token", "This link does not work: it has expired, is switched off, or never was one.")
    })
}

/// Who has signed up with a link.
pub fn users_of<'s>(state: &'s State, link: &'s SignupLink) -> impl Iterator<Item = &'s Arc<User>> {
    state.users.values().filter(|user| user.signup_link.as_ref() == Some(&link.selector))
}

/// Creates a link. The second value is its whole secret, shown this once.
pub fn create(draft: &mut Draft, input: CreateSignupLink) -> Result<(Arc<SignupLink>, String), Error> {
    let mut faults = Faults::default();
    check_free_name(&mut faults, "/body/name", &input.name);
    faults.check()?;
    forget_expired(draft);
    Limits::room("sign-up links", draft.signup_links.len(), draft.limits().signup_links)?;
    let selector = hex(&draft.random::<8>());
    let secret = format!("{selector}.{}", hex(&draft.random::<32>()));
    let now = draft.now();
    let link = SignupLink {
        selector,
        hash: hash(&secret),
        name: input.name,
        role: role_ids::VIEWER,
        enabled: true,
        expires_at: input.expires_at.min(now.plus_millis(LIFETIME_MILLIS_MAX)),
        created_at: now,
        created_by: draft.actor().name.clone(),
    };
    draft.record(NewEvent::new("public-signup-token-created").data(described(draft, &link)));
    Ok((draft.put(link), secret))
}

/// Nobody deletes links: where there is no room for one more, the one that expired first goes.
fn forget_expired(draft: &mut Draft) {
    if draft.signup_links.len() < draft.limits().signup_links {
        return;
    }
    let now = draft.now();
    let expired = draft.signup_links.values().filter(|link| link.expires_at <= now).min_by_key(|link| link.expires_at);
    if let Some(selector) = expired.map(|link| link.selector.clone()) {
        draft.delete::<SignupLink>(&selector);
    }
}

/// Switches a link on or off, or moves its end.
pub fn update(draft: &mut Draft, token: &str, input: &UpdateSignupLink) -> Result<Arc<SignupLink>, Error> {
    let before = Arc::clone(find(draft, token)?);
    if input.enabled.is_none() && input.expires_at.is_none() {
        return Err(Error::bad_data("/body", "Say whether the link is enabled, or when it expires."));
    }
    let after = SignupLink {
        enabled: input.enabled.unwrap_or(before.enabled),
        expires_at: input.expires_at.unwrap_or(before.expires_at),
        ..(*before).clone()
    };
    if after != *before {
        let mut data = json!(input);
        data["secret"] = Value::from(after.selector.clone());
        draft.record(NewEvent::new("public-signup-token-updated").data(data));
    }
    Ok(draft.put(after))
}

/// Makes a user of somebody who has a link.
pub fn sign_up(draft: &mut Draft, input: SignUp) -> Result<Arc<User>, Error> {
    let link = Arc::clone(open(draft, &input.secret, draft.now())?);
    let new = NewUser {
        username: input.username,
        email: input.email,
        name: input.name,
        root_role: RoleRef::Id(link.role),
        password_hash: Some(input.password_hash),
    };
    let user = users::create(draft, new)?;
    let data = json!({ "secret": link.selector, "userId": user.id });
    draft.record(NewEvent::new("public-signup-token-user-added").data(data));
    Ok(draft.put(User { signup_link: Some(link.selector.clone()), ..(*user).clone() }))
}

/// What the audit log shows of a link: nothing that opens it.
fn described(state: &State, link: &SignupLink) -> Value {
    let role = state.role(link.role).map(|role| json!({ "id": role.id, "name": role.name, "type": role.kind }));
    json!({
        "secret": link.selector, "name": link.name, "role": role, "users": [], "enabled": link.enabled,
        "expiresAt": link.expires_at, "createdAt": link.created_at, "createdBy": link.created_by,
    })
}
