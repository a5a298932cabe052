//! Every limit of this crate, in one place.

/// Largest document that [`crate::Document::parse`] accepts, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 10_000_000;

/// Longest regular expression of a constraint, in bytes of its text.
pub const REGEX_TEXT_BYTES_MAX: usize = 32 * 1024;

/// Largest compiled regular expression, and the largest cache it may grow while matching, in bytes.
pub const REGEX_COMPILED_BYTES_MAX: usize = 1024 * 1024;
