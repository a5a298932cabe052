//! Texts as the tables keep them: compressed with a dictionary, since a commit repeats most of what stands in others.
//!
//! The first byte says how the rest is written:
//!
//! | first byte | then |
//! | --- | --- |
//! | 0 | the text, in UTF-8 |
//! | 1 | the text's length in 4 bytes, the most significant first, and a frame of Zstandard (RFC 8878) with dictionary 1 |
//!
//! Hashes are over the text, never over these bytes: how a text is packed may change, and what it says stays provable.

use std::cell::RefCell;
use std::sync::LazyLock;

use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};
use zstd::zstd_safe::CParameter;

/// Dictionary 1, for ever: what `zstd --train --maxdict=8192` made of the commits, documents and events of a made-up
/// installation. Another dictionary is another file, and another first byte.
const DICTIONARY: &[u8] = include_bytes!("../dictionaries/1.zdict");
/// A tenth smaller took three times as long.
const LEVEL: i32 = 3;
/// Shorter texts are left as they are.
const BYTES_MIN: usize = 64;
/// No text is longer: neither database keeps more in a row.
const BYTES_MAX: usize = 1 << 30;

const PLAIN: u8 = 0;
const DICTIONARY_1: u8 = 1;

static ENCODER: LazyLock<EncoderDictionary<'static>> = LazyLock::new(|| EncoderDictionary::copy(DICTIONARY, LEVEL));
static DECODER: LazyLock<DecoderDictionary<'static>> = LazyLock::new(|| DecoderDictionary::copy(DICTIONARY));

thread_local! {
    // To make one takes longer than to use it.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = RefCell::new(compressor().ok());
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> =
        RefCell::new(Decompressor::with_prepared_dictionary(&DECODER).ok());
}

/// The bytes that are stored for a text.
pub fn pack(text: &str) -> Vec<u8> {
    let short = if text.len() < BYTES_MIN { None } else { compressed(text.as_bytes()) };
    let (first, length, rest) = match (&short, u32::try_from(text.len())) {
        (Some(short), Ok(length)) if short.len() + 4 < text.len() => (DICTIONARY_1, Some(length), short.as_slice()),
        _ => (PLAIN, None, text.as_bytes()),
    };
    let mut packed = Vec::with_capacity(rest.len() + 5);
    packed.push(first);
    packed.extend(length.iter().flat_map(|length| length.to_be_bytes()));
    packed.extend_from_slice(rest);
    packed
}

/// The text that was packed; nothing where the bytes are not what was written.
pub fn unpack(packed: &[u8]) -> Option<String> {
    let (first, rest) = packed.split_first()?;
    let text = match *first {
        PLAIN => rest.to_vec(),
        DICTIONARY_1 => {
            let (length, frame) = rest.split_first_chunk()?;
            let length = usize::try_from(u32::from_be_bytes(*length)).ok().filter(|length| *length <= BYTES_MAX)?;
            decompressed(frame, length)?
        }
        _ => return None,
    };
    String::from_utf8(text).ok()
}

fn compressor() -> std::io::Result<Compressor<'static>> {
    let mut compressor = Compressor::with_prepared_dictionary(&ENCODER)?;
    // What the row says already, or its hash.
    for parameter in
        [CParameter::ContentSizeFlag(false), CParameter::ChecksumFlag(false), CParameter::DictIdFlag(false)]
    {
        compressor.set_parameter(parameter)?;
    }
    Ok(compressor)
}

fn compressed(text: &[u8]) -> Option<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|compressor| compressor.as_mut()?.compress(text).ok())
}

fn decompressed(frame: &[u8], length: usize) -> Option<Vec<u8>> {
    let text = DECOMPRESSOR.with_borrow_mut(|decompressor| decompressor.as_mut()?.decompress(frame, length).ok())?;
    (text.len() == length).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back() {
        let commit =
            r#"{"actor":{"id":1,"name":"[redacted]"},"changes":[{"kind":"feature","id":"a","body":{"name":"a"}}]}"#;
        for text in ["", "x", "\0", "ünï", commit, &commit.repeat(1_000), &"\u{1f600}".repeat(70)] {
            assert_eq!(unpack(&pack(text)).as_deref(), Some(text));
        }
        assert!(pack(commit).len() < commit.len() / 2, "{}", pack(commit).len());
    }

    /// What a release has written, every later one reads.
    #[test]
    fn dictionary_1_never_changes() {
        use sha2::{Digest, Sha256};
        let hash: [u8; 32] = Sha256::digest(DICTIONARY).into();
        assert_eq!(crate::chain::hex(&hash), "ebcea2656a4370985d7368f405754c04f2fd5782dc3f1cc1a3dcc3d2d90083f1");
    }

    #[test]
    fn damaged_bytes_are_no_text() {
        let packed = pack(&"a text that is long enough to be compressed ".repeat(9));
        assert_eq!(packed[0], DICTIONARY_1);
        let mut longer = packed.clone();
        longer[4] += 1;
        let mut endless = packed.clone();
        endless[1] = 0xff;
        for damaged in [&[][..], &[1], &[2, b'x'], &[0, 0xff], &packed[..packed.len() - 1], &longer, &endless] {
            assert_eq!(unpack(damaged), None, "{damaged:?}");
        }
    }
}
