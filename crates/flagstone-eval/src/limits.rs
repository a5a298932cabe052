//! Every limit of this crate, in one place.

/// Largest document that [`crate::Document::parse`] accepts, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 10_000_000;

/// Longest regular expression of a constraint, in bytes of its text.
pub const REGEX_TEXT_BYTES_MAX: usize = 32 * 1024;

/// Largest compiled regular expression, in bytes.
pub const REGEX_COMPILED_BYTES_MAX: usize = 1024 * 1024;

/// What a regular expression counts for that compiles to less, in bytes.
pub const REGEX_COMPILED_BYTES_MIN: usize = 64 * 1024;

/// What all distinct regular expressions of an engine may count for together, in bytes. Those that exceed it are
/// broken.
pub const REGEXES_COMPILED_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Largest cache that a regular expression may grow for each thread that evaluates it, in bytes.
pub const REGEX_CACHE_BYTES_MAX: usize = 256 * 1024;
