//! People: users with a root role, and the personal access tokens they make.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::api_tokens::{hash, hex, same_hash};
use crate::draft::{Draft, NewEvent};
use crate::error::{Error, Faults};
use crate::favorites::Favorites;
use crate::limits::Limits;
use crate::names::check_free_name;
use crate::password_resets::PasswordReset;
use crate::permissions::{Principal, RoleKind, role_ids};
use crate::sealing::REDACTED;
use crate::state::State;
use crate::time::Timestamp;
use crate::ui_state::UiState;

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Never given out twice.
    pub id: i64,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Unique among user names and e-mail addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Unique among user names and e-mail addresses; kept in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The root role.
    pub root_role: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// The argon2id hash of the password, in PHC form; none while the user cannot log in with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<String>,
    /// Hashes of the passwords before, newest first: they are not used again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous_hashes: Vec<String>,
    /// Counts changes of credentials. A session of an older generation is dead.
    #[serde(default)]
    pub generation: i64,
    /// Whether the password is the one that the server made and printed at its first start: nobody has chosen it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_generated_password: bool,
    /// A disabled user cannot do anything.
    #[serde(default)]
    pub disabled: bool,
    /// The public part of the link that they signed up with, if they did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signup_link: Option<String>,
}

/// How many earlier passwords are not used again.
pub const PREVIOUS_PASSWORDS: usize = 5;

impl User {
    /// The name by which the audit log knows the user.
    pub fn label(&self) -> String {
        self.email
            .clone()
            .or_else(|| self.username.clone())
            .or_else(|| self.name.clone())
            .unwrap_or_else(|| format!("user {}", self.id))
    }
}

/// A personal access token: it may do what its user may. The document holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PersonalToken {
    /// Never given out twice.
    pub id: i64,
    /// Whose it is.
    pub user_id: i64,
    /// For people; unique among the user's tokens.
    pub description: String,
    /// SHA-256 of the whole token, in hex.
    pub hash: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// A new user. The password comes as a hash: making one takes time and randomness, which rules do not have.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewUser {
    /// Unique among user names and e-mail addresses.
    pub username: Option<String>,
    /// Unique among user names and e-mail addresses.
    pub email: Option<String>,
    /// For people.
    pub name: Option<String>,
    /// The root role's id or name.
    pub root_role: RoleRef,
    /// The argon2id hash of the password.
    pub password_hash: Option<String>,
}

/// A root role by its id or by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum RoleRef {
    /// The id, 1 for Admin, 2 for Editor, 3 for Viewer.
    Id(i64),
    /// The name.
    Name(String),
}

/// A change of a user; what is omitted stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateUser {
    /// Unique among user names and e-mail addresses.
    #[serde(default)]
    #[schema(example = "ada@example.com")]
    pub email: Option<String>,
    /// For people.
    #[serde(default)]
    #[schema(example = "Ada")]
    pub name: Option<String>,
    /// The root role's id or name.
    #[serde(default)]
    pub root_role: Option<RoleRef>,
}

/// The user who logs in under this user name or e-mail address.
pub fn by_login<'s>(state: &'s State, login: &str) -> Option<&'s Arc<User>> {
    let email = login.to_lowercase();
    state.users.values().find(|u| u.username.as_deref() == Some(login) || u.email.as_deref() == Some(email.as_str()))
}

fn root_role(state: &State, role: &RoleRef) -> Result<i64, Error> {
    let root = |r: &crate::permissions::Role| matches!(r.kind, RoleKind::Root | RoleKind::RootCustom);
    let found = match role {
        RoleRef::Id(id) => state.role(*id).filter(|role| root(role)),
        RoleRef::Name(name) => all_roles(state).find(|role| role.name == *name && root(role)),
    };
    found.map(|r| r.id).ok_or_else(|| {
        Error::bad_data("/body/rootRole", "There is no such root role; use 1 (Admin), 2 (Editor) or 3 (Viewer).")
    })
}

/// All roles, built in and custom.
pub fn all_roles(state: &State) -> impl Iterator<Item = &crate::permissions::Role> {
    crate::permissions::built_in_roles().iter().chain(state.roles.values().map(|role| &**role))
}

/// Creates a user.
pub fn create(draft: &mut Draft, input: NewUser) -> Result<Arc<User>, Error> {
    let mut faults = Faults::default();
    let username = input.username.filter(|s| !s.is_empty());
    let email = input.email.filter(|s| !s.is_empty()).map(|e| e.to_lowercase());
    if username.is_none() && email.is_none() {
        faults.add("/body/email", "A user needs a user name or an e-mail address.");
    }
    for (path, text) in [("/body/username", &username), ("/body/name", &input.name)] {
        if let Some(text) = text.as_deref().filter(|t| !t.is_empty()) {
            check_free_name(&mut faults, path, text);
        }
    }
    if let Some(email) = &email {
        check_email(&mut faults, email);
    }
    faults.check()?;
    let root_role = root_role(draft, &input.root_role)?;
    for login in username.iter().chain(&email) {
        if by_login(draft, login).is_some() {
            return Err(Error::name_exists("user", login));
        }
    }
    let user = User {
        id: draft.next_id::<User>(1),
        name: input.name.filter(|s| !s.is_empty()),
        username,
        email,
        root_role,
        created_at: draft.now(),
        password_hash: input.password_hash,
        previous_hashes: Vec::new(),
        generation: 0,
        has_generated_password: false,
        disabled: false,
        signup_link: None,
    };
    draft.record(NewEvent::new("user-created").data(described(&user)));
    Ok(draft.put(user))
}

fn check_email(faults: &mut Faults, email: &str) {
    let well_formed = email.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && domain.contains('.')
            && !domain.starts_with('.')
            && !domain.ends_with('.')
            && !domain.contains('@')
    });
    if !well_formed || email.len() > 254 || email.chars().any(|c| c.is_whitespace() || c.is_control()) {
        faults.add("/body/email", "This is not an e-mail address.");
    }
}

/// Changes a user's e-mail address, name or root role. One administrator always stays. A link that sets the password
/// ends with the address that it went to.
pub fn update(draft: &mut Draft, id: i64, input: UpdateUser) -> Result<Arc<User>, Error> {
    let before = Arc::clone(draft.users.find(&id)?);
    let mut user = (*before).clone();
    let mut faults = Faults::default();
    if let Some(email) = input.email.filter(|e| !e.is_empty()).map(|e| e.to_lowercase()) {
        check_email(&mut faults, &email);
        if by_login(draft, &email).is_some_and(|other| other.id != id) {
            return Err(Error::name_exists("user", email));
        }
        user.email = Some(email);
    }
    if let Some(name) = input.name {
        if !name.is_empty() {
            check_free_name(&mut faults, "/body/name", &name);
        }
        user.name = Some(name).filter(|n| !n.is_empty());
    }
    faults.check()?;
    if let Some(role) = input.root_role {
        user.root_role = root_role(draft, &role)?;
        if user.root_role != role_ids::ADMIN {
            refuse_last_admin(draft, id, "lose the role")?;
        }
    }
    if user.email != before.email {
        draft.delete::<PasswordReset>(&id);
    }
    if user != *before {
        draft.record(NewEvent::new("user-updated").data(described(&user)).pre_data(described(&before)));
    }
    Ok(draft.put(user))
}

/// Deletes a user with all personal access tokens and memberships. One administrator always stays.
pub fn delete(draft: &mut Draft, id: i64) -> Result<(), Error> {
    let user = Arc::clone(draft.users.find(&id)?);
    if draft.user_id() == Some(id) {
        return Err(Error::Forbidden("Nobody can delete themselves.".to_owned()));
    }
    refuse_last_admin(draft, id, "be deleted")?;
    let tokens: Vec<i64> = draft.personal_tokens.values().filter(|t| t.user_id == id).map(|t| t.id).collect();
    for token in tokens {
        draft.delete::<PersonalToken>(&token);
    }
    draft.delete::<PasswordReset>(&id);
    draft.delete::<Favorites>(&id);
    draft.delete::<UiState>(&id);
    let own: BTreeSet<String> = draft.projects.index().memberships(id).map(|(project, _)| project.to_owned()).collect();
    let projects: Vec<_> = own.iter().filter_map(|project| draft.projects.get(project)).cloned().collect();
    for project in projects {
        let mut project = (*project).clone();
        project.members.retain(|m| m.user_id != id);
        draft.put(project);
    }
    draft.record(NewEvent::new("user-deleted").pre_data(described(&user)));
    draft.delete::<User>(&id);
    Ok(())
}

/// Deletes several users, all or none; whoever is named twice is deleted once. Their ids.
pub fn delete_all(draft: &mut Draft, ids: &[i64]) -> Result<BTreeSet<i64>, Error> {
    let most = draft.limits().bulk;
    if ids.len() > most {
        return Err(Error::bad_data("/body/ids", format!("At most {most} users can be deleted at once.")));
    }
    let mut faults = Faults::default();
    for (at, _) in ids.iter().enumerate().filter(|(_, id)| **id < 0) {
        faults.add(format!("/body/ids/{at}"), "An id is not negative.");
    }
    faults.check()?;
    let ids: BTreeSet<i64> = ids.iter().copied().collect();
    for id in &ids {
        delete(draft, *id)?;
    }
    Ok(ids)
}

/// The event that says that a user was erased.
pub const ERASED: &str = "user-erased";

/// Takes what is left of a deleted user out of the log: `pieces` are those about them (see
/// [`crate::sealing::SealedPiece::is_about`]), `labels` the names and addresses that they have gone by. What they created
/// stays, without their name. Nothing of this commit names them; so the user is deleted by one before.
pub fn erase(draft: &mut Draft, id: i64, labels: &[String], pieces: Vec<crate::commit::Piece>) -> Result<(), Error> {
    if draft.users.contains(&id) {
        return Err(Error::Conflict("Delete the user first: what is in use cannot be erased.".to_owned()));
    }
    let features: Vec<_> = draft.features.values().filter(|feature| feature.created_by.id == id).cloned().collect();
    for feature in features {
        let mut feature = (*feature).clone();
        REDACTED.clone_into(&mut feature.created_by.name);
        draft.put(feature);
    }
    let segments: Vec<_> = draft.segments.values().filter(|s| labels.contains(&s.created_by)).cloned().collect();
    for segment in segments {
        draft.put(crate::segments::Segment { created_by: REDACTED.to_owned(), ..(*segment).clone() });
    }
    let links: Vec<_> = draft.signup_links.values().filter(|link| labels.contains(&link.created_by)).cloned().collect();
    for link in links {
        draft.put(crate::signup_links::SignupLink { created_by: REDACTED.to_owned(), ..(*link).clone() });
    }
    if !pieces.is_empty() {
        draft.record(NewEvent::new(ERASED).data(json!({ "id": id })));
        draft.redact(pieces);
    }
    Ok(())
}

fn refuse_last_admin(state: &State, id: i64, what: &str) -> Result<(), Error> {
    let admins: Vec<_> = state.users.values().filter(|u| u.root_role == role_ids::ADMIN && !u.disabled).collect();
    if matches!(admins.as_slice(), [only] if only.id == id) {
        return Err(Error::Conflict(format!("The last administrator cannot {what}.")));
    }
    Ok(())
}

/// Gives a user a new password, by its hash. All sessions of the user end, and so does a link that would set another one.
pub fn set_password(draft: &mut Draft, id: i64, password_hash: String) -> Result<Arc<User>, Error> {
    let before = Arc::clone(draft.users.find(&id)?);
    let mut user = (*before).clone();
    if let Some(old) = user.password_hash.replace(password_hash) {
        user.previous_hashes.insert(0, old);
        user.previous_hashes.truncate(PREVIOUS_PASSWORDS);
    }
    user.generation += 1;
    user.has_generated_password = false;
    draft.delete::<PasswordReset>(&id);
    draft.record(NewEvent::new("user-password-changed").data(json!({ "id": id })));
    Ok(draft.put(user))
}

/// The fewest characters of a password.
pub const PASSWORD_CHARS_MIN: usize = 10;
/// The most bytes of a password; longer ones are refused before anything is hashed.
pub const PASSWORD_BYTES_MAX: usize = 1_024;

/// What is wrong with a password, as sentences; nothing if it will do.
pub fn password_faults(password: &str) -> Vec<String> {
    if password.len() > PASSWORD_BYTES_MAX {
        return vec![format!("The password must be at most {PASSWORD_BYTES_MAX} bytes long.")];
    }
    let chars: Vec<char> = password.chars().collect();
    let mut faults = Vec::new();
    let mut ask = |ok: bool, text: &str| {
        if !ok {
            faults.push(text.to_owned());
        }
    };
    ask(
        chars.len() >= PASSWORD_CHARS_MIN,
        &format!("The password must be at least {PASSWORD_CHARS_MIN} characters long."),
    );
    ask(
        !chars.windows(3).any(|w| w[0] == w[1] && w[1] == w[2]),
        "The password must not repeat a character three times in a row.",
    );
    ask(chars.iter().any(|c| c.is_lowercase()), "The password must hold a lower-case letter.");
    ask(chars.iter().any(|c| c.is_uppercase()), "The password must hold an upper-case letter.");
    ask(chars.iter().any(char::is_ascii_digit), "The password must hold a digit.");
    ask(
        chars.iter().any(|c| !c.is_alphanumeric()),
        "The password must hold a character that is neither letter nor digit.",
    );
    faults
}

/// A new personal access token.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatePersonalToken {
    /// For people; unique among the user's tokens.
    #[schema(example = "deployment script")]
    pub description: String,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// Creates a personal access token for the user who asks. The second value is the whole secret, shown this once.
pub fn create_personal_token(
    draft: &mut Draft,
    input: CreatePersonalToken,
) -> Result<(Arc<PersonalToken>, String), Error> {
    let user_id = asking_user(draft)?;
    if matches!(draft.principal(), Principal::User { personal_token: Some(_), .. }) {
        return Err(Error::Forbidden("A personal access token cannot make others: log in to do that.".to_owned()));
    }
    let mut faults = Faults::default();
    check_free_name(&mut faults, "/body/description", &input.description);
    if input.expires_at <= draft.now() {
        faults.add("/body/expiresAt", "The expiry must be in the future.");
    }
    faults.check()?;
    let own = |t: &&Arc<PersonalToken>| t.user_id == user_id;
    if draft.personal_tokens.values().filter(own).any(|t| t.description == input.description) {
        return Err(Error::name_exists("personal access token", input.description));
    }
    Limits::room(
        "personal access tokens of a user",
        draft.personal_tokens.values().filter(own).count(),
        draft.limits().personal_tokens,
    )?;
    let id = draft.next_id::<PersonalToken>(1);
    let random = hex(&draft.random::<32>());
    let secret = format!("user:{id}.{random}");
    let token = PersonalToken {
        id,
        user_id,
        description: input.description,
        hash: hash(&secret),
        created_at: draft.now(),
        expires_at: input.expires_at,
    };
    draft.record(NewEvent::new("pat-created").data(described_token(&token)));
    Ok((draft.put(token), secret))
}

/// Deletes a personal access token of the user who asks.
pub fn delete_personal_token(draft: &mut Draft, id: i64) -> Result<(), Error> {
    let user_id = asking_user(draft)?;
    let token = draft.personal_tokens.get(&id).filter(|t| t.user_id == user_id).cloned();
    let token = token.ok_or_else(|| Error::not_found("personal access token", id))?;
    draft.record(NewEvent::new("pat-deleted").pre_data(described_token(&token)));
    draft.delete::<PersonalToken>(&id);
    Ok(())
}

/// The personal access token that this secret is, if it works at `now`.
pub fn authenticate<'s>(state: &'s State, secret: &str, now: Timestamp) -> Option<&'s Arc<PersonalToken>> {
    let id: i64 = secret.strip_prefix("user:")?.split_once('.')?.0.parse().ok()?;
    let token = state.personal_tokens.get(&id)?;
    let works = now < token.expires_at && state.users.get(&token.user_id).is_some_and(|user| !user.disabled);
    (same_hash(&hash(secret), &token.hash) && works).then_some(token)
}

pub(crate) fn asking_user(draft: &Draft) -> Result<i64, Error> {
    draft.user_id().ok_or_else(|| Error::Forbidden("This belongs to users; API tokens have none.".to_owned()))
}

fn described_token(token: &PersonalToken) -> serde_json::Value {
    json!({ "id": token.id, "userId": token.user_id, "description": token.description, "createdAt": token.created_at, "expiresAt": token.expires_at })
}

/// What the audit log shows of a user: nothing of the password.
fn described(user: &User) -> serde_json::Value {
    json!({ "id": user.id, "name": user.name, "username": user.username, "email": user.email, "rootRole": user.root_role, "createdAt": user.created_at, "disabled": user.disabled })
}
