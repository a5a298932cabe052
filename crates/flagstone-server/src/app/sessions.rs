//! Sessions of people: a random id in a cookie, its hash in the store.

use std::collections::HashMap;
use std::sync::MutexGuard;

use axum::http::{HeaderMap, HeaderValue, header};
use flagstone_model::Timestamp;
use flagstone_model::users::User;
use flagstone_store::{Session, SessionHash, Store};
use sha2::{Digest, Sha256};
use tokio::sync::broadcast;

use super::App;
use crate::http::error::Failure;
use crate::system::entropy;
use crate::system::locks::{Guard, Mutex, rank};

/// The cookie's name, as Unleash's clients know it.
const COOKIE: &str = "unleash-session";
/// No session lasts longer, used or not.
const ABSOLUTE_MILLIS: i64 = 14 * 24 * 3_600_000;
/// A session in use is prolonged at most this often.
const TOUCH_MILLIS: i64 = 10 * 60_000;

/// The session id that a request brings.
pub fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    let mut pairs = cookies.flat_map(|v| v.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

fn hash(id: &str) -> SessionHash {
    Sha256::digest(id.as_bytes()).into()
}

/// Begins a session and gives the cookie that carries it. Older ones beyond the user's limit end.
pub async fn begin(app: &App, user: &User) -> Result<HeaderValue, Failure> {
    let id = entropy::hex::<32>();
    let now = app.now();
    let session = Session {
        hash: hash(&id),
        user_id: user.id,
        created_at: now,
        expires_at: now.plus_millis(ttl_millis(app)),
        generation: user.generation,
    };
    app.store().session_create(&session).await?;
    app.store().sessions_keep_newest(user.id, u64::from(app.options().max_parallel_sessions)).await?;
    Ok(set_cookie(app, &id, ttl_millis(app) / 1_000))
}

/// The live session behind an id; in use, it lasts on.
pub async fn find(app: &App, id: &str) -> Result<Option<Session>, Failure> {
    let now = app.now();
    let Some(session) = app.store().session(&hash(id)).await? else { return Ok(None) };
    let end = session.created_at.plus_millis(ABSOLUTE_MILLIS);
    let expires_at = app.prolonged().end_of(&session.hash).unwrap_or(session.expires_at);
    if now >= expires_at || now >= end {
        return Ok(None);
    }
    let prolonged = now.plus_millis(ttl_millis(app)).min(end);
    if prolonged.millis() - expires_at.millis() > TOUCH_MILLIS {
        app.prolonged().until(session.hash, prolonged);
    }
    Ok(Some(session))
}

/// Whether a session still lives, which does not prolong it; true while nobody can say.
pub async fn lives(app: &App, hash: &SessionHash) -> bool {
    let now = app.now();
    match app.store().session(hash).await {
        Ok(Some(session)) => {
            let expires_at = app.prolonged().end_of(hash).unwrap_or(session.expires_at);
            now < expires_at && now < session.created_at.plus_millis(ABSOLUTE_MILLIS)
        }
        Ok(None) => false,
        Err(_) => true,
    }
}

/// Told of sessions that are ended here.
pub fn ended(app: &App) -> broadcast::Receiver<SessionHash> {
    app.0.ended.subscribe()
}

/// The most sessions whose new ends wait to be written; others are prolonged when they are next used.
const PROLONGED_MAX: usize = 10_000;

/// Sessions in use whose new ends wait to be written: whoever reads neither waits for a write nor fails with one.
#[derive(Default)]
pub struct Prolonged(Mutex<{ rank::SESSIONS }, HashMap<SessionHash, Timestamp>>);

impl Prolonged {
    fn ends(&self) -> Guard<MutexGuard<'_, HashMap<SessionHash, Timestamp>>> {
        self.0.lock()
    }

    /// When a session ends, if that waits.
    fn end_of(&self, hash: &SessionHash) -> Option<Timestamp> {
        self.ends().get(hash).copied()
    }

    fn until(&self, hash: SessionHash, end: Timestamp) {
        let mut ends = self.ends();
        if ends.len() < PROLONGED_MAX || ends.contains_key(&hash) {
            ends.insert(hash, end);
        }
    }

    /// Writes what waits. What cannot be written waits on.
    pub async fn write(&self, store: &Store) -> Result<(), flagstone_store::Error> {
        let waiting: Vec<_> = self.ends().iter().map(|(hash, end)| (*hash, *end)).collect();
        for (hash, end) in waiting {
            store.session_touch(&hash, end).await?;
            let mut ends = self.ends();
            if ends.get(&hash) == Some(&end) {
                ends.remove(&hash);
            }
        }
        Ok(())
    }
}

/// Ends one session.
pub async fn end(app: &App, hash: &SessionHash) -> Result<(), Failure> {
    app.store().session_delete(hash).await?;
    // Without anybody who listens there is nobody to miss it.
    let _ = app.0.ended.send(*hash);
    Ok(())
}

/// Ends the session behind an id, if there is one.
pub async fn end_by_id(app: &App, id: &str) -> Result<(), Failure> {
    end(app, &hash(id)).await
}

/// Removes a user's sessions, which are dead already: the user is gone or of a newer generation. What brought that about
/// is done, whether or not this is.
pub async fn remove_dead(app: &App, user_id: i64) {
    if let Err(error) = app.store().sessions_delete_for_user(user_id, None).await {
        tracing::warn!(%error, "dead sessions wait for the next sweep");
    }
}

/// The cookie that makes a browser forget the session.
pub fn forget_cookie(app: &App) -> HeaderValue {
    set_cookie(app, "", 0)
}

fn ttl_millis(app: &App) -> i64 {
    i64::try_from(app.options().session_ttl().as_millis()).unwrap_or(i64::MAX)
}

fn set_cookie(app: &App, id: &str, max_age_s: i64) -> HeaderValue {
    let path = match app.options().base_path() {
        path if path.is_empty() => "/".to_owned(),
        path => path,
    };
    let secure = if app.options().secure { "; Secure" } else { "" };
    let text = format!("{COOKIE}={id}; Path={path}; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}
