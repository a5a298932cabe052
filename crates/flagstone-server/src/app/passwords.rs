//! Password hashes: argon2id, made and checked off the async threads, as many at once as there are cores.

use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use flagstone_model::Error;
use flagstone_model::users::{PASSWORD_BYTES_MAX, User, password_faults};
use tokio::sync::Semaphore;

use crate::app::App;
use crate::http::error::Failure;

/// Makes and checks password hashes.
pub struct Passwords {
    at_once: Semaphore,
}

/// A hash with the same parameters of a random password that nobody knows: checked where there is no user, so that it
/// takes as long. A constant, so that nothing is hashed at start.
const NOBODYS_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$+j6ymJK5ay7hZ5oghO7ldA$A5su+caWW0/MX1ymmBV7HMrzDl+tPTIr3jyNwZLj9+0";

// OWASP's minimum for argon2id: 19 MiB, 2 passes, 1 lane.
fn argon2() -> Argon2<'static> {
    let params = Params::new(19_456, 2, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

impl Passwords {
    /// As many hashes at once as there are cores.
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { at_once: Semaphore::new(cores) }
    }

    /// The PHC string of a new hash.
    pub async fn hash(&self, password: String) -> anyhow::Result<String> {
        let _permit = self.at_once.acquire().await?;
        tokio::task::spawn_blocking(move || hash_now(&password)).await?
    }

    /// Whether `password` is the one behind `hash`. Without a hash it takes as long and is wrong: whether a user
    /// exists does not show in the time.
    pub async fn verify(&self, password: String, hash: Option<String>) -> anyhow::Result<bool> {
        let _permit = self.at_once.acquire().await?;
        let (hash, known) = hash.map_or_else(|| (NOBODYS_HASH.to_owned(), false), |hash| (hash, true));
        tokio::task::spawn_blocking(move || {
            let fits =
                PasswordHash::new(&hash).is_ok_and(|hash| argon2().verify_password(password.as_bytes(), &hash).is_ok());
            fits && known
        })
        .await
        .map_err(anyhow::Error::from)
    }
}

fn hash_now(password: &str) -> anyhow::Result<String> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|e| anyhow::anyhow!("no random bytes: {e}"))?;
    let hash = argon2()
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map_err(|e| anyhow::anyhow!("the password cannot be hashed: {e}"))?;
    Ok(hash.to_string())
}

/// Refuses a password that is too weak or too long, before anything is hashed.
pub fn check(password: &str) -> Result<(), Failure> {
    let faults = password_faults(password);
    if faults.is_empty() { Ok(()) } else { Err(Failure::WeakPassword(faults)) }
}

/// Whether `password` is the user's; as long and wrong for no user, or one without a password.
pub async fn fits(app: &App, password: &str, user: Option<&User>) -> Result<bool, Failure> {
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(Error::bad_data(
            "/body/password",
            format!("A password is at most {PASSWORD_BYTES_MAX} bytes long."),
        )
        .into());
    }
    let hash = user.filter(|u| !u.disabled).and_then(|u| u.password_hash.clone());
    app.passwords().verify(password.to_owned(), hash).await.map_err(|e| Failure::Internal(e.to_string()))
}

/// The hash of a new password that is good enough and not one of the user's last ones.
pub async fn accept(app: &App, password: &str, user: Option<&User>) -> Result<String, Failure> {
    check(password)?;
    let internal = |e: anyhow::Error| Failure::Internal(e.to_string());
    let used: Vec<String> =
        user.into_iter().flat_map(|u| u.password_hash.iter().chain(&u.previous_hashes)).cloned().collect();
    for hash in used {
        if app.passwords().verify(password.to_owned(), Some(hash)).await.map_err(internal)? {
            return Err(Failure::PasswordReused);
        }
    }
    app.passwords().hash(password.to_owned()).await.map_err(internal)
}
