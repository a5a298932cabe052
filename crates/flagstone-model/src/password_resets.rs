//! Links by which a user sets a password without having one: after an administrator's reset, or as a new user.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::api_tokens::{hash, hex, same_hash};
use crate::draft::{Draft, NewEvent};
use crate::error::Error;
use crate::state::State;
use crate::time::Timestamp;
use crate::users::{User, set_password};

/// How long such a link works.
const LIFETIME_MILLIS: i64 = 24 * 3_600_000;

/// A link that was given out. It works once; the document holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PasswordReset {
    /// Whose password it sets. A newer link takes the place of an older one.
    pub user_id: i64,
    /// SHA-256 of the whole secret, in hex.
    pub hash: String,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// Gives out a link's secret for a user, in place of an older one.
pub fn issue(draft: &mut Draft, user_id: i64) -> Result<String, Error> {
    draft.users.find(&user_id)?;
    let secret = format!("{user_id}.{}", hex(&draft.random::<32>()));
    let reset = PasswordReset { user_id, hash: hash(&secret), expires_at: draft.now().plus_millis(LIFETIME_MILLIS) };
    draft.record(
        NewEvent::new("password-reset-issued").data(json!({ "userId": user_id, "expiresAt": reset.expires_at })),
    );
    draft.put(reset);
    Ok(secret)
}

/// The user whose password a link's secret may set at `now`.
pub fn find<'s>(state: &'s State, secret: &str, now: Timestamp) -> Result<&'s std::sync::Arc<User>, Error> {
    let user_id = secret.split_once('.').and_then(|(id, _)| id.parse::<i64>().ok());
    let reset = user_id.and_then(|id| state.password_resets.get(&id));
    let works =
        |reset: &&std::sync::Arc<PasswordReset>| same_hash(&hash(secret), &reset.hash) && now < reset.expires_at;
    let user = reset.filter(works).and_then(|reset| state.users.get(&reset.user_id)).filter(|user| !user.disabled);
    user.ok_or_else(|| {
        Error::Forbidden("This link does not work: it was used, has expired, or was never given out.".to_owned())
    })
}

/// Sets the password of the user whom a link's secret names, which uses the link up.
pub fn redeem(draft: &mut Draft, secret: &str, password_hash: String) -> Result<std::sync::Arc<User>, Error> {
    let user_id = find(draft, secret, draft.now())?.id;
    set_password(draft, user_id, password_hash)
}
