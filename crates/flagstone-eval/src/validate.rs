//! The readers of constraint values, used when flags are compiled and by whoever accepts constraints from people.
//!
//! Each error is one sentence fragment that says what is wrong with the value, fit to show to the person who typed it.

use std::net::IpAddr;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike, Utc};
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

/// Whether a constraint `value` is a semantic version, such as `1.2.3-beta.1`, that every SDK reads; a leading `v` is
/// refused.
pub fn validate_semver(value: &str) -> Result<(), String> {
    unpadded(value)?;
    let version = semver(value)?;
    let numbers = [version.major, version.minor, version.patch];
    if value.len() > SEMVER_BYTES_MAX || numbers.iter().any(|number| *number > JSON_INTEGER_MAX) {
        return Err(format!("{} is longer, or has larger numbers, than all SDKs read", quoted(value)));
    }
    Ok(())
}

/// Whether one of a constraint's `values` is an IPv4 or IPv6 address or range, such as `10.0.0.0/8`.
pub fn validate_cidr(value: &str) -> Result<(), String> {
    cidr(value).map(drop)
}

/// Whether a constraint `value` is an RFC 3339 date-time, one without a zone (UTC), or a date (midnight UTC), in the years
/// 0 to 9999.
pub fn validate_date(value: &str) -> Result<(), String> {
    unpadded(value)?;
    let date = date(value)?;
    if !(0..=9_999).contains(&date.year()) || date.nanosecond() >= NANOS_OF_A_SECOND {
        return Err(format!("{} is not a date that all SDKs read", quoted(value)));
    }
    Ok(())
}

/// Whether a constraint `value` is a finite decimal number.
pub fn validate_number(value: &str) -> Result<(), String> {
    number(value).map(drop)
}

/// Whether a strategy's parameter is a share, from 0 to 100.
pub fn validate_percentage(value: &str) -> Result<(), String> {
    percentage(value).map(drop)
}

/// A leap second has more of these.
const NANOS_OF_A_SECOND: u32 = 1_000_000_000;
/// The largest whole number that every JSON number can be.
const JSON_INTEGER_MAX: u64 = (1 << 53) - 1;
/// The longest semantic version that the libraries of all SDKs read.
const SEMVER_BYTES_MAX: usize = 256;

fn unpadded(value: &str) -> Result<(), String> {
    if value.trim() == value { Ok(()) } else { Err(format!("{} begins or ends with a space", quoted(value))) }
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
    let without_zone = || {
        let forms = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
        forms.iter().find_map(|form| NaiveDateTime::parse_from_str(value, form).ok()).map(|date| date.and_utc())
    };
    value
        .parse::<DateTime<Utc>>()
        .or_else(|error| value.parse().map(midnight).map_err(|_| error))
        .or_else(|error| without_zone().ok_or(error))
        .map_err(|error| format!("{} is not an RFC 3339 date: {error}", quoted(value)))
}

/// The whole part of a share from 0 to 100: buckets are whole, so the rest of a fraction lets nobody in.
pub(crate) fn percentage(value: &str) -> Result<u8, String> {
    let number = number(value).ok().filter(|number| (0.0..=100.0).contains(number));
    // In this range a cast cuts off the fraction.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    number.map(|number| number as u8).ok_or_else(|| format!("{} is not a number from 0 to 100", quoted(value)))
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
        check(
            validate_semver,
            &["1.2.3", "1.2.3-rc.1+b"],
            &["", "v1.2.3", "1.2", "01.2.3", " 1.2.3", "9007199254740993.0.0"],
        );
        check(
            validate_cidr,
            &["127.0.0.1", "10.0.0.7/8", "::1", "2001:db8::/32", "10.0.0.0/255.0.0.0"],
            &["", "10.0.0.0/33", "10.0.0.0/x", "bad::cidr", "localhost", "1.2.3", "1.2.3.4/::1"],
        );
        check(
            validate_date,
            &[
                "2022-01-29T13:00:00.000Z",
                "2022-01-29T13:00:00+02:00",
                "2022-01-29",
                "2022-01-29 13:00",
                "2022-01-29T13:00:00",
            ],
            &[
                "",
                "12",
                "yesterday",
                "2022-13-01T00:00:00Z",
                " 2022-01-29",
                "+12022-01-29T00:00:00Z",
                "2022-12-31T23:59:60Z",
            ],
        );
        check(validate_number, &["1", "-1.5", "1e3", ".5", " 7 "], &["", "x", "1.2.3", "NaN", "inf", "1e999"]);
        check(
            validate_percentage,
            &["0", "100", "99.9", "100.0", " 50 ", "-0", "1e2"],
            &["", "101", "-1", "half", "0x10"],
        );
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
