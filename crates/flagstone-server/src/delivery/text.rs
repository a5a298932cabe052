//! Text that answers have in common, with its compressed forms: each is made once, and forms that stand one behind the
//! other are the form of the whole.

use std::io::{self, Write};
use std::sync::OnceLock;

use axum::body::Bytes;
use crc32fast::Hasher;

use super::coding::Coding;

const GZIP_LEVEL: u32 = 6;
const BROTLI_QUALITY: i32 = 5;
/// A window of 64 KiB, which a chunk of a list fills.
const BROTLI_WINDOW_BITS: i32 = 16;
const ZSTD_LEVEL: i32 = 6;

/// Text that answers have in common. That of a list ends in a comma, which the last in an answer leaves out.
#[derive(Debug)]
pub struct Text {
    plain: Bytes,
    ends_in_comma: bool,
    gzip: OnceLock<Option<Coded>>,
    brotli: OnceLock<Option<Coded>>,
    zstd: OnceLock<Option<Coded>>,
}

/// A compressed form.
#[derive(Debug)]
struct Coded {
    /// The comma's form comes last.
    bytes: Bytes,
    /// The CRC-32 of the text without it.
    crc: u32,
}

/// How a text stands in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// As it is.
    Inside,
    /// At the end of a list: without its comma.
    Last,
}

impl Text {
    /// Text that is no list.
    pub fn of(plain: impl Into<Bytes>) -> Self {
        let (gzip, brotli, zstd) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Self { plain: plain.into(), ends_in_comma: false, gzip, brotli, zstd }
    }

    /// The elements of a list, each with a comma behind it.
    pub fn of_list(plain: impl Into<Bytes>) -> Self {
        Self { ends_in_comma: true, ..Self::of(plain) }
    }

    /// The text itself.
    pub const fn plain(&self) -> &Bytes {
        &self.plain
    }

    /// What it takes in all forms that were made so far, in bytes.
    pub fn bytes(&self) -> usize {
        let coded = [&self.gzip, &self.brotli, &self.zstd].into_iter().filter_map(|cell| cell.get()?.as_ref());
        self.plain.len() + coded.map(|coded| coded.bytes.len()).sum::<usize>()
    }

    /// The text without its comma.
    fn bare(&self) -> &[u8] {
        self.plain.strip_suffix(b",").filter(|_| self.ends_in_comma).unwrap_or(&self.plain)
    }

    fn leaves_out(&self, place: Place) -> bool {
        self.ends_in_comma && place == Place::Last
    }

    fn cell(&self, coding: Coding) -> Option<&OnceLock<Option<Coded>>> {
        match coding {
            Coding::Identity => None,
            Coding::Gzip => Some(&self.gzip),
            Coding::Brotli => Some(&self.brotli),
            Coding::Zstd => Some(&self.zstd),
        }
    }

    fn coded<'t>(&self, cell: &'t OnceLock<Option<Coded>>, coding: Coding) -> io::Result<&'t Coded> {
        let made = cell.get_or_init(|| match self.code(coding) {
            Ok(coded) => Some(coded),
            Err(error) => {
                tracing::error!(%error, ?coding, "a text cannot be compressed");
                None
            }
        });
        made.as_ref().ok_or_else(|| io::Error::other("it cannot be compressed"))
    }

    fn code(&self, coding: Coding) -> io::Result<Coded> {
        let bare = self.bare();
        let mut bytes = compress(bare, coding)?;
        if self.ends_in_comma {
            bytes.extend_from_slice(comma(coding));
        }
        let crc = if coding == Coding::Gzip { crc32fast::hash(bare) } else { 0 };
        // A copy: what a buffer has given up is not always given back.
        Ok(Coded { bytes: Bytes::copy_from_slice(&bytes), crc })
    }
}

/// The form of texts one behind the other: pieces that share what they can. An error if one cannot be compressed.
pub fn joined<'t>(texts: impl Iterator<Item = (&'t Text, Place)>, coding: Coding) -> io::Result<Vec<Bytes>> {
    let mut pieces = vec![Bytes::from_static(head(coding))];
    let (mut crc, mut length) = (Hasher::new(), 0_u64);
    for (text, place) in texts {
        let leaves_out = text.leaves_out(place);
        let bare = text.bare().len();
        let Some(cell) = text.cell(coding) else {
            pieces.push(text.plain.slice(..if leaves_out { bare } else { text.plain.len() }));
            continue;
        };
        let coded = text.coded(cell, coding)?;
        let has_comma = text.ends_in_comma;
        let end = coded.bytes.len() - if leaves_out { comma(coding).len() } else { 0 };
        pieces.push(coded.bytes.slice(..end));
        if coding == Coding::Gzip {
            crc.combine(&Hasher::new_with_initial_len(coded.crc, bare as u64));
            length += bare as u64;
            if has_comma && !leaves_out {
                crc.update(b",");
                length += 1;
            }
        }
    }
    pieces.push(tail(coding, crc.finalize(), length));
    pieces.retain(|piece| !piece.is_empty());
    Ok(pieces)
}

/// What stands before all texts.
const fn head(coding: Coding) -> &'static [u8] {
    match coding {
        Coding::Identity | Coding::Zstd => &[],
        // RFC 1952 §2.3: deflate, no flags, no time, an unknown system.
        Coding::Gzip => &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff],
        // RFC 7932 §9.1 and 9.2: the window's size in a bit, and an empty block that fills the byte.
        Coding::Brotli => &[0x0c],
    }
}

/// A comma by itself.
const fn comma(coding: Coding) -> &'static [u8] {
    match coding {
        Coding::Identity => b",",
        // RFC 1951 §3.2.4: a stored block of one byte.
        Coding::Gzip => &[0, 1, 0, 0xfe, 0xff, b','],
        // RFC 7932 §9.2: a block of one byte that is not compressed, filled up before the byte.
        Coding::Brotli => &[0, 0, 8, b','],
        // RFC 8878 §3.1: a frame of one segment and a byte, with one raw block, the last.
        Coding::Zstd => &[0x28, 0xb5, 0x2f, 0xfd, 0x20, 1, 9, 0, 0, b','],
    }
}

/// What stands behind all texts.
fn tail(coding: Coding, crc: u32, length: u64) -> Bytes {
    match coding {
        Coding::Identity | Coding::Zstd => Bytes::new(),
        Coding::Gzip => {
            // An empty block, the last; then the checksum and the length, modulo 2^32.
            let mut tail = vec![3, 0];
            tail.extend_from_slice(&crc.to_le_bytes());
            tail.extend(length.to_le_bytes().into_iter().take(4));
            tail.into()
        }
        // An empty block, the last.
        Coding::Brotli => Bytes::from_static(&[3]),
    }
}

/// A form that ends at a byte, to be put behind and before others.
fn compress(body: &[u8], coding: Coding) -> io::Result<Vec<u8>> {
    Ok(match coding {
        Coding::Identity => body.to_vec(),
        Coding::Gzip => {
            let mut writer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(GZIP_LEVEL));
            writer.write_all(body)?;
            // Not finished, which would make the last block.
            writer.flush()?;
            std::mem::take(writer.get_mut())
        }
        Coding::Brotli => {
            let parameters = brotli::enc::BrotliEncoderParams {
                quality: BROTLI_QUALITY,
                lgwin: BROTLI_WINDOW_BITS,
                size_hint: body.len(),
                catable: true,
                appendable: true,
                use_dictionary: false,
                bare_stream: true,
                byte_align: true,
                ..Default::default()
            };
            let mut bytes = Vec::new();
            brotli::BrotliCompress(&mut &*body, &mut bytes, &parameters)?;
            bytes
        }
        Coding::Zstd => zstd::bulk::compress(body, ZSTD_LEVEL)?,
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn decoded(coding: Coding, bytes: &[u8]) -> Vec<u8> {
        let mut body = Vec::new();
        match coding {
            Coding::Identity => body.extend_from_slice(bytes),
            Coding::Gzip => {
                let mut decoder = flate2::bufread::GzDecoder::new(bytes);
                decoder.read_to_end(&mut body).unwrap();
                assert!(decoder.into_inner().is_empty(), "one member, and nothing behind it");
            }
            Coding::Brotli => brotli::BrotliDecompress(&mut &*bytes, &mut body).unwrap(),
            Coding::Zstd => body = zstd::stream::decode_all(bytes).unwrap(),
        }
        body
    }

    #[test]
    fn forms_behind_each_other_are_the_form_of_the_whole() {
        let list = |range: std::ops::Range<u32>| {
            let items = range.map(|n| format!("{{\"name\":\"feature-{n}\",\"enabled\":{}}},", n % 3 == 0));
            Text::of_list(items.collect::<String>())
        };
        let large = Text::of_list(format!("\"{}\",", "0123456789abcdef".repeat(20_000)));
        let (head, tail) = (Text::of("{\"features\":["), Text::of("]}"));
        let lists = [list(0..1), list(1..400), large, list(400..3_000)];
        for count in 0..=lists.len() {
            let inner = lists
                .iter()
                .take(count)
                .enumerate()
                .map(|(at, list)| (list, if at + 1 == count { Place::Last } else { Place::Inside }));
            let texts: Vec<_> =
                [(&head, Place::Inside)].into_iter().chain(inner).chain([(&tail, Place::Inside)]).collect();
            let plain = joined(texts.iter().copied(), Coding::Identity).unwrap().concat();
            let value = serde_json::from_slice::<serde_json::Value>(&plain).unwrap();
            assert_eq!(value["features"].as_array().unwrap().len(), [0, 1, 400, 401, 3_001][count]);
            for coding in [Coding::Gzip, Coding::Brotli, Coding::Zstd] {
                let pieces = joined(texts.iter().copied(), coding).unwrap();
                assert_eq!(decoded(coding, &pieces.concat()), plain, "{coding:?} of {count}");
            }
        }
        let before = lists[1].bytes();
        let again = joined([(&lists[1], Place::Last)].into_iter(), Coding::Gzip).unwrap();
        assert_eq!((lists[1].bytes(), again.len()), (before, 3), "what was made is shared");
    }

    #[test]
    fn empty_text_has_all_forms() {
        for coding in [Coding::Identity, Coding::Gzip, Coding::Brotli, Coding::Zstd] {
            let text = Text::of("");
            let pieces = joined([(&text, Place::Inside)].into_iter(), coding).unwrap();
            assert_eq!(decoded(coding, &pieces.concat()), b"", "{coding:?}");
        }
    }
}
