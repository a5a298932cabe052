//! The one place that decides status and body of every refusal.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flagstone_model::{Error, Fault};
use serde::Serialize;
use utoipa::ToSchema;

use crate::system::entropy;
use crate::system::seldom::Seldom;

/// Why a request is refused.
#[derive(Debug)]
pub enum Failure {
    /// What a rule or a door said.
    Refused(Error),
    /// The same, where OFREP's clients ask: they read fields of their own.
    Evaluation {
        /// What a rule or a door said.
        error: Error,
        /// What OpenFeature calls it, for instance `PARSE_ERROR`.
        code: &'static str,
        /// The flag, where one was asked for.
        key: Option<String>,
    },
    /// Credentials were sent, and they are wrong, expired or revoked.
    BadCredentials,
    /// User name and password do not go together.
    PasswordMismatch,
    /// The new password is too weak; each sentence says what it lacks.
    WeakPassword(Vec<String>),
    /// The new password is one of the last ones.
    PasswordReused,
    /// The token is of another type than the endpoint needs.
    WrongTokenType,
    /// A browser sent this from another site along with the session cookie.
    CrossSite,
    /// Nothing is here.
    NoRoute,
    /// Something is here, for another method.
    NoMethod,
    /// Others have something here, and we do not.
    NotOffered,
    /// What the change depends on has changed since the caller saw it.
    Changed,
    /// The body is larger than this many bytes.
    TooLarge(usize),
    /// What the change would put into the log is larger than this many bytes.
    ChangeTooLarge(usize),
    /// The URL is too long.
    UriTooLong,
    /// The body's content type or encoding is not understood.
    MediaType(String),
    /// The body did not arrive in time.
    BodyTimeout,
    /// Too many tries; again after this many seconds.
    TooMany(u64),
    /// The database cannot take the write, or the answer needs it.
    Unavailable(&'static str),
    /// The disk is full or read-only.
    StorageFull,
    /// A fault of ours; the log has the details under the id of the answer.
    Internal(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<flagstone_store::Error> for Failure {
    fn from(error: flagstone_store::Error) -> Self {
        use flagstone_store::Error as E;
        // While the database is away, every request ends here.
        static SELDOM: Seldom = Seldom::new();
        if let Some(held_back) = SELDOM.pass() {
            tracing::warn!(%error, held_back, "the store refused");
        }
        match error {
            E::Full(_) => Self::StorageFull,
            E::Outdated { .. } => Self::Unavailable(OUTDATED),
            E::Ambiguous(_) => Self::Unavailable(
                "The database went away while it stored the change; look whether it is there, then try again.",
            ),
            _ => {
                Self::Unavailable("The database is not available. Flags are still served; try the change again later.")
            }
        }
    }
}

/// Why a node does not write when a newer one has.
pub const OUTDATED: &str =
    "A newer release has written to this database: this node serves and does not write. Upgrade it.";

/// The longest text of a refusal, in characters.
const TEXT_CHARS_MAX: usize = 500;

/// What every refusal looks like.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ErrorBody)]
pub struct ErrorBody {
    /// Identifies this answer in the log.
    id: String,
    /// The kind of refusal, for programs.
    #[schema(example = "BadDataError")]
    name: &'static str,
    /// What is wrong, for people.
    message: String,
    /// Everything that is wrong, each with its place.
    details: Vec<Detail>,
    /// For OFREP: the flag that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// For OFREP: what OpenFeature calls the refusal.
    #[serde(rename = "errorCode", skip_serializing_if = "Option::is_none")]
    error_code: Option<&'static str>,
    /// For OFREP: what is wrong, for people.
    #[serde(rename = "errorDetails", skip_serializing_if = "Option::is_none")]
    error_details: Option<String>,
    /// For 403: any one of these permissions would do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    permissions: Vec<String>,
    /// For 401: where to log in.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'static str>,
    /// For 401: how to log in.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    /// For 401: whether the password form is hidden behind another way to log in.
    #[serde(rename = "defaultHidden", skip_serializing_if = "Option::is_none")]
    default_hidden: Option<bool>,
    /// For 412: what the thing is now, as reading it would say; null for whoever may not read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    current: Option<serde_json::Value>,
}

/// One thing that is wrong.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ErrorDetail)]
pub struct Detail {
    /// What is wrong.
    message: String,
    /// Where: a JSON pointer behind `/body`, `/query` or `/params`.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(example = "/body/tokenName")]
    path: String,
    /// For weak passwords: everything that they lack.
    #[serde(rename = "validationErrors", skip_serializing_if = "Vec::is_empty")]
    validation_errors: Vec<String>,
}

impl Detail {
    fn at(path: &str, message: &str) -> Self {
        Self { message: short(message), path: short(path), validation_errors: Vec::new() }
    }
}

impl Failure {
    /// What is wrong, where no request waits for an answer: at start, and in what runs by itself.
    pub fn in_words(self) -> anyhow::Error {
        match self {
            Self::Refused(error) => error.into(),
            Self::ChangeTooLarge(limit) => {
                anyhow::anyhow!("it takes more than {limit} bytes in the log (COMMIT_BYTES_LIMIT)")
            }
            other => anyhow::anyhow!("{other:?}"),
        }
    }

    /// Status and the name that clients know.
    const fn kind(&self) -> (StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::Refused(error) | Self::Evaluation { error, .. } => match error {
                Error::Unauthenticated => (S::UNAUTHORIZED, "AuthenticationRequired"),
                Error::NoAccess(_) => (S::FORBIDDEN, "PermissionError"),
                Error::Forbidden(_) => (S::FORBIDDEN, "ForbiddenError"),
                Error::BadData(_) => (S::BAD_REQUEST, "BadDataError"),
                Error::NotFound { .. } | Error::Archived(_) => (S::NOT_FOUND, "NotFoundError"),
                Error::NameExists { .. } | Error::ArchivedNameExists(_) => (S::CONFLICT, "NameExistsError"),
                Error::Conflict(_) => (S::CONFLICT, "ConflictError"),
                Error::InvalidOperation(_) => (S::FORBIDDEN, "InvalidOperationError"),
                Error::LimitExceeded { .. } => (S::CONFLICT, "ExceedsLimitError"),
            },
            Self::BadCredentials => (S::UNAUTHORIZED, "UnauthorizedError"),
            Self::PasswordMismatch => (S::UNAUTHORIZED, "PasswordMismatch"),
            Self::WeakPassword(_) => (S::BAD_REQUEST, "OwaspValidationError"),
            Self::PasswordReused => (S::BAD_REQUEST, "PasswordPreviouslyUsedError"),
            Self::WrongTokenType => (S::FORBIDDEN, "NoAccessError"),
            Self::CrossSite => (S::FORBIDDEN, "ForbiddenError"),
            Self::NoRoute => (S::NOT_FOUND, "NotFoundError"),
            Self::NoMethod => (S::METHOD_NOT_ALLOWED, "MethodNotAllowedError"),
            Self::NotOffered => (S::METHOD_NOT_ALLOWED, "NotImplementedError"),
            Self::Changed => (S::PRECONDITION_FAILED, "PreconditionFailedError"),
            Self::TooLarge(_) | Self::ChangeTooLarge(_) => (S::PAYLOAD_TOO_LARGE, "PayloadTooLargeError"),
            Self::UriTooLong => (S::URI_TOO_LONG, "UriTooLongError"),
            Self::MediaType(_) => (S::UNSUPPORTED_MEDIA_TYPE, "ContentTypeError"),
            Self::BodyTimeout => (S::REQUEST_TIMEOUT, "TimeoutError"),
            Self::TooMany(_) => (S::TOO_MANY_REQUESTS, "RateLimitError"),
            Self::Unavailable(_) => (S::SERVICE_UNAVAILABLE, "UnavailableError"),
            Self::StorageFull => (S::INSUFFICIENT_STORAGE, "StorageFullError"),
            Self::Internal(_) => (S::INTERNAL_SERVER_ERROR, "InternalError"),
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Refused(Error::BadData(_)) | Self::Evaluation { error: Error::BadData(_), .. } => {
                "The request holds invalid data; `details` lists every fault.".to_owned()
            }
            Self::Refused(error) | Self::Evaluation { error, .. } => sentence(&error.to_string()),
            Self::BadCredentials => {
                "The token or session you sent is not valid, has expired or was revoked.".to_owned()
            }
            Self::PasswordMismatch => "This user name and password do not go together.".to_owned(),
            Self::WeakPassword(faults) => faults.join(" "),
            Self::PasswordReused => "This password was used before; choose another one.".to_owned(),
            Self::WrongTokenType => "This endpoint needs a token of another type.".to_owned(),
            Self::CrossSite => "A session cookie is not accepted from another site. Send a token instead.".to_owned(),
            // The path may hold a token: it is not repeated.
            Self::NoRoute => "There is nothing at this path.".to_owned(),
            Self::NotOffered => "The frontend API does not have this.".to_owned(),
            Self::NoMethod => "There is something here, but not for this method.".to_owned(),
            Self::Changed => {
                "Somebody has changed this since you read it; `current` is what it is now. Nothing of yours is stored."
                    .to_owned()
            }
            Self::TooLarge(limit) => format!("The body is larger than {limit} bytes."),
            Self::ChangeTooLarge(limit) => {
                format!("This change would take more than {limit} bytes in the log: make it in several smaller ones.")
            }
            Self::UriTooLong => "The URL is too long.".to_owned(),
            Self::MediaType(message) => message.clone(),
            Self::BodyTimeout => "The body did not arrive in time.".to_owned(),
            Self::TooMany(seconds) => format!("Too many tries; try again in {seconds} seconds."),
            Self::Unavailable(message) => (*message).to_owned(),
            Self::StorageFull => {
                "The server's disk is full or read-only: the change is not stored. Flags are still served.".to_owned()
            }
            Self::Internal(_) => "The server met a fault of its own; its log has the details under this id.".to_owned(),
        }
    }

    fn details(&self, message: &str) -> Vec<Detail> {
        match self {
            Self::Refused(Error::BadData(faults)) | Self::Evaluation { error: Error::BadData(faults), .. } => {
                faults.iter().map(|Fault { path, message }| Detail::at(path, message)).collect()
            }
            Self::WeakPassword(faults) => {
                let path = "/body/password".to_owned();
                vec![Detail { message: message.to_owned(), path, validation_errors: faults.clone() }]
            }
            _ => vec![Detail::at("", message)],
        }
    }
}

/// Names that a client sent stand in messages; of a very long one, only as much as a person would read.
fn short(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A capital at the beginning and a full stop at the end.
pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let head = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let stop = if text.ends_with('.') { "" } else { "." };
    format!("{head}{}{stop}", chars.as_str())
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, name) = self.kind();
        let message = short(&self.message());
        let unauthenticated = matches!(self, Self::Refused(Error::Unauthenticated));
        let details = self.details(&message);
        let (key, error_code) = match &self {
            Self::Evaluation { key, code, .. } => (key.clone(), Some(*code)),
            _ => (None, None),
        };
        let body = ErrorBody {
            id: entropy::uuid(),
            name,
            key,
            error_code,
            error_details: error_code.and(details.first()).map(|detail| detail.message.clone()),
            details,
            message,
            permissions: match &self {
                Self::Refused(Error::NoAccess(permissions)) => {
                    permissions.iter().map(|p| p.name().to_owned()).collect()
                }
                _ => Vec::new(),
            },
            path: unauthenticated.then_some("/auth/simple/login"),
            kind: unauthenticated.then_some("password"),
            default_hidden: unauthenticated.then_some(false),
            current: None,
        };
        if let Self::Internal(reason) = &self {
            tracing::error!(id = body.id, reason, "a request failed by a fault of ours");
        }
        let mut response = (status, Json(body)).into_response();
        let retry_after = match self {
            Self::TooMany(seconds) => Some(seconds),
            Self::Unavailable(_) => Some(1),
            _ => None,
        };
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
