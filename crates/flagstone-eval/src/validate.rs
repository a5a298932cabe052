//! The readers of constraint values, used when flags are compiled and by whoever accepts constraints from people.
//!
//! Each error is one sentence fragment that says what is wrong with the value, fit to show to the person who typed it.

use std::net::IpAddr;

use chrono::{DateTime, NaiveDate, Utc};
use ipnet::IpNet;
use regex::{Regex, RegexBuilder};
use semver::Version;

use crate::limits;

/// Whether a constraint `value` is a regular expression (RE2 syntax) within the limits.
///
/// # Errors
/// Says what is wrong with the pattern, or which of [`limits`] it exceeds.
pub fn validate_regex(value: &str) -> Result<(), String> {
    regex(value, Case::Sensitive).0.map(drop)
}

/// Whether a constraint `value` is a semantic version, such as `1.2.3-beta.1`; a leading `v` is refused.
pub fn validate_semver(value: &str) -> Result<(), String> {
    semver(value).map(drop)
}

/// Whether one of a constraint's `values` is an IPv4 or IPv6 address or range, such as `10.0.0.0/8`.
pub fn validate_cidr(value: &str) -> Result<(), String> {
    cidr(value).map(drop)
}

/// Whether a constraint `value` is an RFC 3339 date-time, or a date (midnight UTC).
pub fn validate_date(value: &str) -> Result<(), String> {
    date(value).map(drop)
}

/// Whether a constraint `value` is a finite decimal number.
pub fn validate_number(value: &str) -> Result<(), String> {
    number(value).map(drop)
}

/// How a constraint compares letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Sensitive,
    Insensitive,
}

/// Compiles a regular expression, and tells what it counts for, also if it is broken: one of
/// [`limits::REGEX_COMPILED_BYTES_MIN`] and [`limits::REGEX_COMPILED_BYTES_MAX`].
pub(crate) fn regex(value: &str, case: Case) -> (Result<Regex, String>, usize) {
    if value.len() > limits::REGEX_TEXT_BYTES_MAX {
        let (bytes, limit) = (value.len(), limits::REGEX_TEXT_BYTES_MAX);
        let error = format!("the regular expression is {bytes} bytes long, the limit is {limit}");
        return (Err(error), limits::REGEX_COMPILED_BYTES_MIN);
    }
    match regex_within(value, case, limits::REGEX_COMPILED_BYTES_MIN) {
        Err(regex::Error::CompiledTooBig(_)) => {
            let bytes_max = limits::REGEX_COMPILED_BYTES_MAX;
            let compiled = regex_within(value, case, bytes_max);
            (compiled.map_err(|error| regex_error(value, &error)), bytes_max)
        }
        compiled => (compiled.map_err(|error| regex_error(value, &error)), limits::REGEX_COMPILED_BYTES_MIN),
    }
}

fn regex_within(value: &str, case: Case, bytes_max: usize) -> Result<Regex, regex::Error> {
    RegexBuilder::new(value)
        .case_insensitive(case == Case::Insensitive)
        .size_limit(bytes_max)
        .dfa_size_limit(limits::REGEX_CACHE_BYTES_MAX)
        .build()
}

fn regex_error(value: &str, error: &regex::Error) -> String {
    if let regex::Error::CompiledTooBig(limit) = error {
        return format!("the regular expression compiles to more than the limit of {limit} bytes");
    }
    // The message repeats the pattern and points into it; its last line says what is wrong.
    let text = error.to_string();
    let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
    format!("{} is not a regular expression: {reason}", quoted(value))
}

pub(crate) fn semver(value: &str) -> Result<Version, String> {
    Version::parse(value.trim()).map_err(|error| format!("{} is not a semantic version: {error}", quoted(value)))
}

pub(crate) fn cidr(value: &str) -> Result<IpNet, String> {
    let error = || format!("{} is not an IP address or CIDR range", quoted(value));
    let value = value.trim();
    match value.split_once('/') {
        None => value.parse::<IpAddr>().map(IpNet::from).map_err(|_| error()),
        Some((address, mask)) => {
            let address: IpAddr = address.parse().map_err(|_| error())?;
            if let Ok(mask) = mask.parse::<IpAddr>() {
                return IpNet::with_netmask(address, mask).map_err(|_| error());
            }
            let bits: u8 = mask.parse().map_err(|_| error())?;
            IpNet::new(address, bits).map_err(|_| error())
        }
    }
}

pub(crate) fn date(value: &str) -> Result<DateTime<Utc>, String> {
    let value = value.trim();
    let midnight = |date: NaiveDate| date.and_time(chrono::NaiveTime::MIN).and_utc();
    value
        .parse::<DateTime<Utc>>()
        .or_else(|error| value.parse().map(midnight).map_err(|_| error))
        .map_err(|error| format!("{} is not an RFC 3339 date: {error}", quoted(value)))
}

pub(crate) fn number(value: &str) -> Result<f64, String> {
    match value.trim().parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err(format!("{} is not a number", quoted(value))),
    }
}

/// A value as error messages show it: quoted, and cut when long.
fn quoted(value: &str) -> String {
    const SHOWN_CHARS: usize = 100;
    match value.char_indices().nth(SHOWN_CHARS) {
        Some((cut, _)) => format!("{:?}…", value.get(..cut).unwrap_or_default()),
        None => format!("{value:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Check = fn(&str) -> Result<(), String>;

    #[test]
    fn values_are_accepted_or_refused() {
        let check = |validate: Check, good: &[&str], bad: &[&str]| {
            for value in good {
                assert_eq!(validate(value), Ok(()), "{value:?}");
            }
            for value in bad {
                assert!(validate(value).is_err(), "{value:?}");
            }
        };
        check(validate_regex, &["", "^a+$", "(?i)x", "[[:alpha:]]"], &["(", "(?=a)", r"(a)\1", "a**b("]);
        check(validate_semver, &["1.2.3", "1.2.3-rc.1+b"], &["", "v1.2.3", "1.2", "01.2.3"]);
        check(
            validate_cidr,
            &["127.0.0.1", "10.0.0.7/8", "::1", "2001:db8::/32", "10.0.0.0/255.0.0.0"],
            &["", "10.0.0.0/33", "10.0.0.0/x", "bad::cidr", "localhost", "1.2.3", "1.2.3.4/::1"],
        );
        check(
            validate_date,
            &["2022-01-29T13:00:00.000Z", "2022-01-29T13:00:00+02:00", "2022-01-29"],
            &["", "12", "yesterday", "2022-13-01T00:00:00Z"],
        );
        check(validate_number, &["1", "-1.5", "1e3", ".5", " 7 "], &["", "x", "1.2.3", "NaN", "inf", "1e999"]);
    }

    #[test]
    fn t35_patterns_that_blow_up_meet_a_limit() {
        let refused = |pattern: &str, words: &str| {
            let error = validate_regex(pattern).unwrap_err();
            assert!(error.contains(words), "{error}");
            assert!(error.len() < 400, "{error}");
        };
        refused("x{1000}{1000}", "limit of 1048576 bytes");
        refused(&"a".repeat(100_000), "100000 bytes long, the limit is 32768");
        refused(&"(".repeat(10_000), "is not a regular expression");
    }
}
