//! Values spelt as every SDK reads them. People may write `.5`, `2024-01-01` or a share of 99.9 percent; the engines of
//! SDKs differ in what they make of it. A value that all read alike stays as it is.

use std::borrow::Cow;

use chrono::SecondsFormat;

use crate::validate;

/// A number: an optional minus, digits, and a fraction if there is one.
pub fn number(value: &str) -> Cow<'_, str> {
    let digits = value.strip_prefix('-').unwrap_or(value);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    if are_digits(whole) && are_digits(fraction) {
        return Cow::Borrowed(value);
    }
    // Rust writes numbers without an exponent.
    validate::number(value).map_or(Cow::Borrowed(value), |number| Cow::Owned(number.to_string()))
}

/// A date-time with seconds, no or three digits of fraction, and a zone.
pub fn date(value: &str) -> Cow<'_, str> {
    let has_form = |form: &str, text: &str| {
        text.len() == form.len()
            && text.bytes().zip(form.bytes()).all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                b'+' => matches!(byte, b'+' | b'-'),
                form => byte == form,
            })
    };
    let forms = ["Z", "+00:00", ".000Z", ".000+00:00"].map(|rest| format!("0000-00-00T00:00:00{rest}"));
    if forms.iter().any(|form| has_form(form, value)) {
        return Cow::Borrowed(value);
    }
    let spelt = validate::date(value).map(|date| date.to_rfc3339_opts(SecondsFormat::Millis, true));
    spelt.map_or(Cow::Borrowed(value), Cow::Owned)
}

/// A share: a whole number from 0 to 100.
pub fn percentage(value: &str) -> Cow<'_, str> {
    if are_digits(value) {
        return Cow::Borrowed(value);
    }
    validate::percentage(value).map_or(Cow::Borrowed(value), |percent| Cow::Owned(percent.to_string()))
}

/// A list: items between commas, without spaces around them and none empty.
pub fn list(value: &str) -> Cow<'_, str> {
    let items = || value.split(',');
    if value.is_empty() || items().all(|item| !item.is_empty() && item.trim() == item) {
        return Cow::Borrowed(value);
    }
    let items: Vec<&str> = items().map(str::trim).filter(|item| !item.is_empty()).collect();
    Cow::Owned(items.join(","))
}

fn are_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_spellings_become_plain_and_plain_ones_stay() {
        let check = |spell: fn(&str) -> Cow<'_, str>, pairs: &[(&str, &str)]| {
            for (value, expect) in pairs {
                assert_eq!(spell(value), *expect, "{value}");
                assert_eq!(spell(expect), *expect, "{expect} is not plain");
            }
        };
        check(
            number,
            &[(".5", "0.5"), ("5.", "5"), ("+5", "5"), (" 5 ", "5"), ("1e3", "1000"), ("-0", "-0"), ("007", "007")],
        );
        check(number, &[("1e-7", "0.0000001"), ("-1.50", "-1.50"), ("none", "none")]);
        check(
            date,
            &[
                ("2024-01-01", "2024-01-01T00:00:00.000Z"),
                ("2024-01-01T00:00:00.123456Z", "2024-01-01T00:00:00.123Z"),
                ("2024-01-01t02:00:00z", "2024-01-01T02:00:00.000Z"),
                ("2024-01-01 02:00", "2024-01-01T02:00:00.000Z"),
                ("2024-01-01T02:00:00.5+02:00", "2024-01-01T00:00:00.500Z"),
                ("2024-01-01T02:00:00-02:00", "2024-01-01T02:00:00-02:00"),
                ("some day", "some day"),
            ],
        );
        check(
            percentage,
            &[("99.9", "99"), ("100.0", "100"), (" 50 ", "50"), ("-0", "0"), ("1e2", "100"), ("half", "half")],
        );
    }
}
