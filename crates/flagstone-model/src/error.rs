//! Why a rule refuses. Transport-free: the server maps each variant to a status in one place.

use crate::permissions::Permission;

/// The refusal of a rule, or of a door to the state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nobody known is asking: no credentials, or credentials that are wrong, expired or revoked.
    #[error("you must log in or send a valid token")]
    Unauthenticated,
    /// The caller is known and lacks the permission; any one of these would do.
    #[error("{}", needs(.0))]
    NoAccess(Vec<Permission>),
    /// The caller may not do this, whatever their permissions.
    #[error("{0}")]
    Forbidden(String),
    /// The input is wrong; every fault with its place.
    #[error("{}", faults_text(.0))]
    BadData(Vec<Fault>),
    /// Nothing of this kind has this name.
    #[error("there is no {kind} called \"{name}\"")]
    NotFound {
        /// The noun, for instance `feature`.
        kind: &'static str,
        /// What was looked for.
        name: String,
    },
    /// Something of this kind has this name already.
    #[error("the {kind} \"{name}\" exists already")]
    NameExists {
        /// The noun, for instance `feature`.
        kind: &'static str,
        /// The name that is taken.
        name: String,
    },
    /// There is such a feature, but it is archived.
    #[error("the feature \"{0}\" is archived: revive it first")]
    Archived(String),
    /// An archived feature has this name.
    #[error("the archived feature \"{0}\" has this name: revive it, or delete it for good")]
    ArchivedNameExists(String),
    /// The state does not allow it now, for instance a segment in use cannot be deleted.
    #[error("{0}")]
    Conflict(String),
    /// Features do not go together this way, for instance a feature that would depend on itself.
    #[error("{0}")]
    InvalidOperation(String),
    /// One more would exceed a limit of this installation.
    #[error("this installation holds at most {limit} {resource}: the limit is reached")]
    LimitExceeded {
        /// What there are too many of, in the plural.
        resource: &'static str,
        /// How many there may be.
        limit: u64,
    },
}

/// One thing that is wrong with an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where, as a JSON pointer behind `/body`, `/query` or `/params`; empty when it has no place.
    pub path: String,
    /// What is wrong, as a sentence a person can act on.
    pub message: String,
}

impl Error {
    /// A single fault at a place such as `/body/name`.
    pub fn bad_data(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::BadData(vec![Fault { path: path.into(), message: message.into() }])
    }

    /// Nothing of `kind` is called `name`.
    pub fn not_found(kind: &'static str, name: impl ToString) -> Self {
        Self::NotFound { kind, name: name.to_string() }
    }

    /// Something of `kind` is called `name` already.
    pub fn name_exists(kind: &'static str, name: impl ToString) -> Self {
        Self::NameExists { kind, name: name.to_string() }
    }
}

/// Collects faults, so that an answer names all of them.
#[derive(Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// The most faults that are named: a list of 100,000 wrong values needs no answer of 10 MB.
    const MAX: usize = 50;

    /// Adds a fault at a place such as `/body/name`.
    pub fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        if self.0.len() < Self::MAX {
            self.0.push(Fault { path: path.into(), message: message.into() });
        }
    }

    /// Whether none was added.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the faults of a part of the input to `place`, where that part stands: its rule knows it as `/body`. Every
    /// other refusal stays what it is.
    pub fn absorb<T>(&mut self, place: &str, result: Result<T, Error>) -> Result<Option<T>, Error> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Error::BadData(faults)) => {
                for Fault { path, message } in faults {
                    let path = path.strip_prefix("/body").map(|rest| format!("{place}{rest}")).unwrap_or(path);
                    self.add(path, message);
                }
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    /// Fails if any fault was added.
    pub fn check(self) -> Result<(), Error> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::BadData(self.0)) }
    }
}

fn needs(permissions: &[Permission]) -> String {
    let names: Vec<_> = permissions.iter().map(|p| format!("\"{}\"", p.name())).collect();
    format!(
        "this needs {} permission: {}",
        if names.len() == 1 { "the" } else { "one of these as a" },
        names.join(", ")
    )
}

fn faults_text(faults: &[Fault]) -> String {
    match faults {
        [one] => one.message.clone(),
        many => format!("{} faults in the input", many.len()),
    }
}
