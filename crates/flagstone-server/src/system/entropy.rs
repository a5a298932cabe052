//! Random bytes from the operating system.

use std::fmt::Write;

/// The operating system's generator, for rules.
pub struct OsEntropy;

impl flagstone_model::Entropy for OsEntropy {
    fn fill(&mut self, bytes: &mut [u8]) {
        fill(bytes);
    }
}

fn fill(bytes: &mut [u8]) {
    if let Err(error) = getrandom::fill(bytes) {
        // Without randomness no secret is safe and nothing sensible can go on; no supported system does this after boot.
        tracing::error!(%error, "the operating system gives no random bytes");
        std::process::abort();
    }
}

/// `N` random bytes in hex.
pub fn hex<const N: usize>() -> String {
    let mut bytes = [0; N];
    fill(&mut bytes);
    as_hex(&bytes)
}

/// Bytes in lower-case hex.
pub fn as_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A random 64-bit number.
pub fn seed() -> u64 {
    let mut bytes = [0; 8];
    fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// A random UUID, version 4 (RFC 9562 §5.4).
pub fn uuid() -> String {
    let mut bytes = [0_u8; 16];
    fill(&mut bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let mut text = String::with_capacity(36);
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A random number from 0 to 1, so that many who wait do not all come at once.
pub fn share() -> f64 {
    f64::from(u32::try_from(seed() >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}
