//! Where the database is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::Error;

/// Where the database is. Printing it never shows a password.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file: `sqlite:///absolute/path.db`, or `sqlite:relative/path.db`. The path is taken as it is written.
    Sqlite(PathBuf),
    /// A server: `postgres://user:password@host:port/database`, the whole URL.
    Postgres(String),
    /// Nowhere: `memory:`. Gone when the process ends; for tests.
    Memory,
}

impl FromStr for DatabaseUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text == "memory:" {
            return Ok(Self::Memory);
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            crate::postgres::connect_options(text)?;
            return Ok(Self::Postgres(text.to_owned()));
        }
        if let Some(rest) = text.strip_prefix("sqlite:") {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            if path.is_empty() || path.ends_with('/') || path.contains(['?', '\0']) {
                return Err(Error::Url("after `sqlite://` comes the path of a file, without `?`".to_owned()));
            }
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        Err(Error::Url("it must start with `sqlite://`, `postgres://` or `postgresql://`".to_owned()))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Self::Postgres(url) => f.write_str(&masked(url)),
            Self::Memory => f.write_str("memory:"),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

/// The URL without the password of its user part, and without parameters, where a password may stand too.
fn masked(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    // A password may hold an unescaped `@` or `/`: everything up to the last `@` is the user part.
    match rest.rsplit_once('@') {
        None => format!("{scheme}://{rest}"),
        Some((user, host)) => {
            let name = user.split(':').next().unwrap_or_default();
            let mask = if user.contains(':') { ":***" } else { "" };
            format!("{scheme}://{name}{mask}@{host}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_urls_and_never_prints_a_password() {
        let check = |text: &str, expect: Result<&str, &str>| {
            let got = text.parse::<DatabaseUrl>();
            match expect {
                Ok(shown) => {
                    let got = got.unwrap();
                    assert_eq!(got.to_string(), shown, "{text}");
                    assert!(!format!("{got} {got:?}").contains("s3cret"), "{text}");
                }
                Err(part) => {
                    let error = got.unwrap_err();
                    assert!(error.to_string().contains(part), "{text}: {error}");
                    assert!(!format!("{error} {error:?}").contains("s3cret"), "{text}");
                }
            }
        };
        check("sqlite:///var/lib/flagstone.db", Ok("sqlite:///var/lib/flagstone.db"));
        check("sqlite:data/flagstone.db", Ok("sqlite://data/flagstone.db"));
        check("memory:", Ok("memory:"));
        check("postgres://me:s3cret@db:5433/flags?sslmode=disable", Ok("postgres://me:***@db:5433/flags"));
        check("postgres://me@db/flags?password=s3cret", Ok("postgres://me@db/flags"));
        check("postgresql://me:s3%40cret@db/flags", Ok("postgresql://me:***@db/flags"));
        check("sqlite://", Err("path of a file"));
        check("sqlite:///a.db?mode=ro", Err("without `?`"));
        check("mysql://me:s3cret@db/flags", Err("must start with"));
        check("postgres://me:s3cret@db:port/flags", Err("cannot be read"));
        check("", Err("must start with"));
    }
}
