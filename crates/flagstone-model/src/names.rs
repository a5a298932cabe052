//! Names that stand in URLs unescaped.

use crate::error::Faults;

/// The longest name that stands in URLs (features, projects, environments, context fields), in bytes.
pub const URL_NAME_BYTES_MAX: usize = 100;
/// The longest free-text name (segments, tokens, people), in bytes.
pub const NAME_BYTES_MAX: usize = 255;
/// The longest description, in bytes.
pub const TEXT_BYTES_MAX: usize = 10_000;

/// Whether `name` consists of RFC 3986's unreserved characters alone and is neither `.` nor `..`.
pub fn is_url_friendly(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'))
        && name != "."
        && name != ".."
}

/// Whether this is the host, and the port if there is one, of a URL (RFC 3986 §3.2): a name, or an IPv6 address in brackets.
pub fn is_authority(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_')),
    };
    is_host && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// Adds a fault unless `name` can stand in a URL: features, projects, environments, context fields.
pub fn check_url_name(faults: &mut Faults, path: &str, name: &str) {
    if name.len() > URL_NAME_BYTES_MAX {
        faults.add(path, format!("The name is {} bytes long; at most {URL_NAME_BYTES_MAX} are allowed.", name.len()));
    } else if !is_url_friendly(name) {
        faults.add(path, "The name must be URL friendly: one or more of the letters A-Z and a-z, the digits, and - . _ ~ (and not just \".\" or \"..\").");
    }
}

/// Adds a fault unless `text` is a usable free-text name: not blank, not too long, no control characters.
pub fn check_free_name(faults: &mut Faults, path: &str, text: &str) {
    if text.trim().is_empty() {
        faults.add(path, "The name must not be empty.");
    } else if text.len() > NAME_BYTES_MAX {
        faults.add(path, format!("The name is {} bytes long; at most {NAME_BYTES_MAX} are allowed.", text.len()));
    } else if text.chars().any(char::is_control) {
        faults.add(path, "The name must not hold control characters.");
    }
}

/// Adds a fault unless `text` can be what a context field is called, or a value of one that people pick from a list.
pub fn check_value(faults: &mut Faults, path: &str, text: &str) {
    if text.is_empty() || text.len() > NAME_BYTES_MAX || text.contains('\0') {
        faults.add(path, format!("The value must be 1 to {NAME_BYTES_MAX} bytes long, without NUL characters."));
    }
}

/// Adds a fault if a description is too long or holds a NUL, which PostgreSQL cannot store.
pub fn check_text(faults: &mut Faults, path: &str, text: Option<&str>) {
    let Some(text) = text else { return };
    if text.len() > TEXT_BYTES_MAX {
        faults.add(path, format!("The text is {} bytes long; at most {TEXT_BYTES_MAX} are allowed.", text.len()));
    } else if text.contains('\0') {
        faults.add(path, "The text must not hold NUL characters.");
    }
}

#[cfg(test)]
mod tests {
    use super::is_url_friendly;

    #[test]
    fn url_friendly_names() {
        for (name, ok) in [
            ("a", true),
            ("checkout.v2_new-~", true),
            ("", false),
            (".", false),
            ("..", false),
            ("a/b", false),
            ("a b", false),
            ("é", false),
            ("😀", false),
            ("a\"", false),
            ("a%20b", false),
            ("a\0", false),
        ] {
            assert_eq!(is_url_friendly(name), ok, "{name:?}");
        }
    }
}
