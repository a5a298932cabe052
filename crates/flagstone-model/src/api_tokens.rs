//! API tokens: what SDKs, scripts and proxies authenticate with. Only a hash of each secret is kept.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use utoipa::ToSchema;

use crate::draft::{Draft, NewEvent};
use crate::environments::default_environment;
use crate::error::{Error, Faults};
use crate::limits::Limits;
use crate::names::check_free_name;
use crate::projects;
use crate::state::State;
use crate::time::Timestamp;

/// Stands for all projects, or all environments.
pub const ALL: &str = "*";

/// What a token opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TokenKind {
    /// The admin API, as an administrator. Only made at start, from `INIT_ADMIN_API_TOKENS`.
    Admin,
    /// The client API, for server-side SDKs; called `client` in old versions.
    #[serde(alias = "client")]
    Backend,
    /// The frontend API, for browsers and apps.
    Frontend,
}

/// An API token. The document holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiToken {
    /// 22 characters of base64url that find the token; public.
    pub selector: String,
    /// SHA-256 of the whole token, in hex.
    pub hash: String,
    /// What stands before the secret part and is public, for instance `default:development`.
    pub prefix: String,
    /// For people; not unique.
    pub name: String,
    /// What it opens.
    #[serde(rename = "type")]
    pub kind: TokenKind,
    /// The environment it is for; [`ALL`] for admin tokens.
    pub environment: String,
    /// The projects it is for, or just [`ALL`].
    pub projects: Vec<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it stops working.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// Another secret that stands for the same token in old proxies' requests; a hash as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
}

impl ApiToken {
    /// Whether it works at `now`; it stops to the second of its expiry.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether `secret` is this token.
    pub fn is(&self, secret: &str) -> bool {
        same_hash(&hash(secret), &self.hash)
    }

    /// The public form that lists show instead of the secret.
    pub fn masked(&self) -> String {
        format!("{}.v2_{}", self.prefix, self.selector)
    }

    /// Whether it is for all projects.
    pub fn is_for_all_projects(&self) -> bool {
        self.projects.iter().any(|p| p == ALL)
    }

    /// Whether it is for `project`, be it through [`ALL`].
    pub fn covers(&self, project: &str) -> bool {
        self.projects.iter().any(|p| p == ALL || p == project)
    }
}

/// SHA-256 of a whole token, in lower-case hex. A 256-bit random secret needs no slow hash.
pub fn hash(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}

/// Whether two hashes are the same, in constant time.
pub(crate) fn same_hash(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

/// Bytes as hexadecimal digits, two each, lower case.
pub fn hex(bytes: &[u8]) -> String {
    // By hand: every request of an SDK comes by here.
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

/// The selector of a token: what stands in it (`…v2_<selector>_<secret>`), or the head of its hash for tokens of
/// other forms. Lists show `…v2_<selector>`, which gives the same.
pub fn selector_of(token: &str) -> String {
    selector_with(token, || Sha256::digest(token.as_bytes()))
}

fn selector_with<D: AsRef<[u8]>>(token: &str, digest: impl FnOnce() -> D) -> String {
    let marked = token.rsplit_once(".v2_").map(|(_, rest)| rest.get(..SELECTOR_CHARS).unwrap_or(rest));
    match marked {
        Some(selector) if selector.len() == SELECTOR_CHARS => selector.to_owned(),
        _ => {
            // Three bytes make four characters.
            let mut selector = base64url(&digest().as_ref()[..SELECTOR_CHARS.div_ceil(4) * 3]);
            selector.truncate(SELECTOR_CHARS);
            selector
        }
    }
}

const SELECTOR_CHARS: usize = 22;

/// RFC 4648 §5 without padding.
fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |n, b| (n << 8) | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(bits >> (18 - 6 * i)) as usize & 63]));
        }
    }
    text
}

/// The token that this secret is, if it works at `now`.
pub fn authenticate<'s>(state: &'s State, secret: &str, now: Timestamp) -> Option<&'s Arc<ApiToken>> {
    let digest = Sha256::digest(secret.as_bytes());
    let token = state.api_tokens.get(selector_with(secret, || digest).as_str())?;
    let is_it = same_hash(&hex(&digest), &token.hash);
    (is_it && token.is_live(now) && has_a_place(state, token)).then_some(token)
}

/// Whether a token that was good still is: it is there, has not expired, and has a place.
pub fn current<'s>(state: &'s State, token: &ApiToken, now: Timestamp) -> Option<&'s Arc<ApiToken>> {
    let current = state.api_tokens.get(&token.selector).filter(|current| current.hash == token.hash);
    current.filter(|current| current.is_live(now) && has_a_place(state, current))
}

/// Whether one of the token's projects is alive, and its environment exists.
fn has_a_place(state: &State, token: &ApiToken) -> bool {
    let project_lives = |id: &String| projects::find_live(state, id).is_ok();
    (token.is_for_all_projects() || token.projects.iter().any(project_lives))
        && (token.environment == ALL || state.environments.contains(&token.environment))
}

/// The token that a path names: by its whole secret, its masked form or its selector.
pub fn find<'s>(state: &'s State, named: &str) -> Result<&'s Arc<ApiToken>, Error> {
    let by_selector = state.api_tokens.get(named);
    by_selector
        .or_else(|| {
            let token = state.api_tokens.get(selector_of(named).as_str())?;
            (token.is(named) || token.masked() == named).then_some(token)
        })
        // The name may be a secret: it is not repeated.
        .ok_or_else(|| Error::not_found("API token", "…"))
}

/// A new token, parsed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewToken {
    /// For people.
    pub name: String,
    /// What it opens.
    pub kind: TokenKind,
    /// The environment it is for; the default one if omitted or `default`.
    pub environment: Option<String>,
    /// The projects it is for, or just [`ALL`].
    pub projects: Vec<String>,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
}

/// Creates a token. The second value is the whole secret: it exists in the answer to its creator and nowhere else.
pub fn create(draft: &mut Draft, input: NewToken) -> Result<(Arc<ApiToken>, String), Error> {
    Limits::room("API tokens", draft.api_tokens.len(), draft.limits().api_tokens)?;
    let mut faults = Faults::default();
    check_free_name(&mut faults, "/body/tokenName", &input.name);
    if input.expires_at.is_some_and(|end| end <= draft.now()) {
        faults.add("/body/expiresAt", "The expiry must be in the future.");
    }
    let environment = environment_for(&mut faults, draft, &input)?;
    let projects = check_projects(&mut faults, draft, input.projects);
    faults.check()?;
    let prefix = match projects.as_slice() {
        [one] => format!("{one}:{environment}"),
        _ => format!("[]:{environment}"),
    };
    let (selector, secret) = (base64url(&draft.random::<17>()[..]), base64url(&draft.random::<32>()[..]));
    let selector: String = selector.chars().take(SELECTOR_CHARS).collect();
    let secret = format!("{prefix}.v2_{selector}_{secret}");
    let token = ApiToken {
        hash: hash(&secret),
        selector,
        prefix,
        name: input.name,
        kind: input.kind,
        environment,
        projects,
        created_at: draft.now(),
        expires_at: input.expires_at,
        alias: None,
    };
    Ok((store_new(draft, token), secret))
}

fn environment_for(faults: &mut Faults, draft: &Draft, input: &NewToken) -> Result<String, Error> {
    if input.kind == TokenKind::Admin {
        return Ok(ALL.to_owned());
    }
    let named = input.environment.as_deref().filter(|name| !name.is_empty() && *name != "default");
    let name = match named {
        Some(name) => name,
        None => default_environment(draft)?.name.as_str(),
    };
    match draft.environments.get(name) {
        Some(environment) if environment.enabled => {}
        Some(_) => faults.add("/body/environment", format!("The environment \"{name}\" is disabled.")),
        None => faults.add("/body/environment", format!("There is no environment \"{name}\".")),
    }
    Ok(name.to_owned())
}

fn check_projects(faults: &mut Faults, draft: &Draft, mut projects: Vec<String>) -> Vec<String> {
    if projects.is_empty() {
        faults.add("/body/projects", "A token is for one project at least; leave the list out for all.");
    }
    if projects.iter().any(|p| p == ALL) {
        return vec![ALL.to_owned()];
    }
    projects.sort();
    projects.dedup();
    for (i, id) in projects.iter().enumerate() {
        if projects::find_seen(draft, id).is_err() {
            faults.add(format!("/body/projects/{i}"), format!("There is no project \"{id}\"."));
        }
    }
    projects
}

fn store_new(draft: &mut Draft, token: ApiToken) -> Arc<ApiToken> {
    draft.record(event("api-token-created", &token).data(described(&token)));
    draft.put(token)
}

/// A token from the command line or the environment, in the form it was given.
#[derive(Clone, Serialize, Deserialize)]
pub struct GivenToken {
    /// The whole secret, `project:environment.secret`.
    pub secret: String,
    /// What it opens.
    pub kind: TokenKind,
}

/// Why a given token cannot be one.
pub fn check_given(token: &GivenToken) -> Result<(), String> {
    let place = token.secret.split_once(':').and_then(|(p, rest)| Some((p, rest.split_once('.')?)));
    let Some((project, (environment, secret))) = place else {
        return Err("a token must have the form <project>:<environment>.<secret>".to_owned());
    };
    if secret.is_empty() || project.is_empty() || environment.is_empty() {
        return Err("project, environment and secret must not be empty".to_owned());
    }
    // Who made it knows which; nobody who reads it does, and to guess "all" would open more than was meant.
    if project == "[]" {
        return Err(
            "a token that begins with \"[]:\" does not say for which projects it is: name one, or * for all".to_owned()
        );
    }
    match token.kind {
        TokenKind::Admin if (project, environment) != (ALL, ALL) => {
            Err("an admin token must begin with \"*:*.\"".to_owned())
        }
        TokenKind::Backend | TokenKind::Frontend if environment == ALL => {
            Err("a backend or frontend token is for one environment, not for \"*\"".to_owned())
        }
        _ => Ok(()),
    }
}

/// Makes a given token exist, whether or not others do. One that exists already is left as it is.
pub fn ensure_given(draft: &mut Draft, given: &GivenToken) -> Result<(), Error> {
    check_given(given).map_err(Error::Forbidden)?;
    let (prefix, _) = given.secret.split_once('.').unwrap_or_default();
    let (project, environment) = prefix.split_once(':').unwrap_or_default();
    let selector = selector_of(&given.secret);
    if draft.api_tokens.contains(&selector) {
        return Ok(());
    }
    if environment != ALL && !draft.environments.contains(environment) {
        return Err(Error::not_found("environment", environment));
    }
    let projects = match project {
        ALL => vec![ALL.to_owned()],
        id => vec![projects::find_live(draft, id)?.id.clone()],
    };
    let token = ApiToken {
        hash: hash(&given.secret),
        selector,
        prefix: prefix.to_owned(),
        name: "admin".to_owned(),
        kind: given.kind,
        environment: environment.to_owned(),
        projects,
        created_at: draft.now(),
        expires_at: None,
        alias: None,
    };
    store_new(draft, token);
    Ok(())
}

/// A token for an edge, which only the edge and its maker know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EdgeToken {
    /// See [`ApiToken::selector`].
    pub selector: String,
    /// See [`ApiToken::hash`].
    pub hash: String,
    /// What stands before its secret part.
    pub prefix: String,
    /// The environment it is for.
    pub environment: String,
    /// The projects it is for; `*` for all.
    pub projects: Vec<String>,
}

/// The most projects of an edge's token.
const EDGE_PROJECTS_MAX: usize = 500;

/// Makes tokens for edges exist. Those that do already are left as they are; at fault are those that cannot.
pub fn issue_for_edges(draft: &mut Draft, tokens: Vec<EdgeToken>) -> Result<(), Error> {
    let mut faults = Faults::default();
    for (at, token) in tokens.iter().enumerate() {
        if draft.environments.get(&token.environment).is_none_or(|environment| !environment.enabled) {
            let message = format!("There is no environment \"{}\" that is switched on.", token.environment);
            faults.add(format!("/body/tokens/{at}/environment"), message);
        }
        if !(1..=EDGE_PROJECTS_MAX).contains(&token.projects.len()) {
            let message = format!("A token is for 1 to {EDGE_PROJECTS_MAX} projects.");
            faults.add(format!("/body/tokens/{at}/projects"), message);
        }
        let unknown = |id: &&String| *id != ALL && projects::find_live(draft, id).is_err();
        for id in token.projects.iter().filter(unknown) {
            faults.add(format!("/body/tokens/{at}/projects"), format!("There is no project \"{id}\"."));
        }
    }
    faults.check()?;
    for EdgeToken { selector, hash, prefix, environment, projects } in tokens {
        if draft.api_tokens.contains(&selector) {
            continue;
        }
        Limits::room("API tokens", draft.api_tokens.len(), draft.limits().api_tokens)?;
        let token = ApiToken {
            selector,
            hash,
            prefix,
            name: "edge".to_owned(),
            kind: TokenKind::Backend,
            environment,
            projects,
            created_at: draft.now(),
            expires_at: None,
            alias: None,
        };
        store_new(draft, token);
    }
    Ok(())
}

/// Moves a token's expiry; nothing means never.
pub fn update_expiry(draft: &mut Draft, named: &str, expires_at: Option<Timestamp>) -> Result<(), Error> {
    let before = Arc::clone(find(draft, named)?);
    if expires_at.is_some_and(|end| end <= draft.now()) {
        return Err(Error::bad_data("/body/expiresAt", "The expiry must be in the future."));
    }
    let after = ApiToken { expires_at, ..(*before).clone() };
    if after != *before {
        draft.record(event("api-token-updated", &after).data(described(&after)).pre_data(described(&before)));
        draft.put(after);
    }
    Ok(())
}

/// Deletes a token; it stops working at once.
pub fn delete(draft: &mut Draft, named: &str) -> Result<(), Error> {
    let token = Arc::clone(find(draft, named)?);
    remove(draft, &token);
    Ok(())
}

fn remove(draft: &mut Draft, token: &ApiToken) {
    draft.record(event("api-token-deleted", token).pre_data(described(token)));
    draft.delete::<ApiToken>(&token.selector);
}

/// Takes a deleted project out of all tokens; those that were for it alone go with it.
pub(crate) fn remove_project(draft: &mut Draft, project: &str) {
    let affected: Vec<_> =
        draft.api_tokens.values().filter(|t| t.projects.iter().any(|p| p == project)).cloned().collect();
    for token in affected {
        let projects: Vec<_> = token.projects.iter().filter(|p| *p != project).cloned().collect();
        if projects.is_empty() {
            remove(draft, &token);
            continue;
        }
        let after = ApiToken { projects, ..(*token).clone() };
        draft.record(event("api-token-updated", &after).data(described(&after)).pre_data(described(&token)));
        draft.put(after);
    }
}

/// Deletes the tokens of a deleted environment.
pub(crate) fn remove_environment(draft: &mut Draft, environment: &str) {
    let affected: Vec<_> = draft.api_tokens.values().filter(|t| t.environment == environment).cloned().collect();
    for token in affected {
        remove(draft, &token);
    }
}

fn event(kind: &'static str, token: &ApiToken) -> NewEvent {
    let event = NewEvent::new(kind).environment(&token.environment);
    match token.projects.as_slice() {
        [one] => event.project(one),
        _ => event,
    }
}

/// What the audit log shows of a token: everything but secret and hash.
fn described(token: &ApiToken) -> serde_json::Value {
    serde_json::json!({
        "tokenName": token.name,
        "type": token.kind,
        "environment": token.environment,
        "projects": token.projects,
        "project": match token.projects.as_slice() {
            [one] => one,
            _ => "[]",
        },
        "secure": true,
        "seenAt": null,
        "createdAt": token.created_at,
        "expiresAt": token.expires_at,
        "alias": null,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_follows_rfc_4648() {
        for (bytes, text) in
            [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("~~~?", "fn5-Pw")]
        {
            assert_eq!(base64url(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn the_masked_form_has_the_selector_of_the_secret() {
        let selector = "abcdefghijklmnopqrstuv";
        assert_eq!(selector_of(&format!("a:b.v2_{selector}_secret")), selector);
        assert_eq!(selector_of(&format!("a:b.v2_{selector}")), selector);
        assert_eq!(selector_of("a:b.old").len(), SELECTOR_CHARS);
        assert_ne!(selector_of("a:b.old"), selector_of("a:b.new"));
    }

    #[test]
    fn given_tokens() {
        let check = |secret: &str, kind, ok| {
            assert_eq!(check_given(&GivenToken { secret: secret.to_owned(), kind }).is_ok(), ok, "{secret}");
        };
        check("*:*.secret", TokenKind::Admin, true);
        check("default:*.secret", TokenKind::Admin, false);
        check("default:development.secret", TokenKind::Backend, true);
        check("default:*.secret", TokenKind::Backend, false);
        check("*:development.secret", TokenKind::Frontend, true);
        check("secret", TokenKind::Frontend, false);
        check("default:development.", TokenKind::Frontend, false);
    }
}
