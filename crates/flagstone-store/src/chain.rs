//! The hashes that chain the log, and the rows that an append writes. `docs/log-format.md` is the specification.
//!
//! With `‖` for concatenation and numbers most significant byte first (8 bytes; the format 4; times are signed):
//!
//! ```text
//! piece_hash    = SHA-256(salt ‖ text)               salt: 16 random bytes; text: the piece's JSON
//! body_hash(n)  = SHA-256(body)                      body: the UTF-8 bytes of the column `body` as it was written
//! chain_hash(n) = SHA-256(chain_hash(n - 1) ‖ seq ‖ at ‖ format ‖ body_hash(n))
//! chain_hash(0) = 32 zero bytes
//! ```
//!
//! The body holds the hash of each sealed piece, so the chain goes on when a redaction has taken the piece away.
//!
//! Limitations: whoever can write to the database can compute a new chain from any point on, or cut off its end
//! together with everything that follows from it. Against that, note [`crate::Verification::chain_hash`] elsewhere.

use flagstone_model::commit::Commit;
use sha2::{Digest, Sha256};

use crate::log::{CommitRow, EventRow};
use crate::text::Salts;
use crate::{Error, StoredDocument};

/// The hash of a commit's body.
pub fn body_hash(body: &str) -> [u8; 32] {
    Sha256::digest(body.as_bytes()).into()
}

/// The hash that stands in the place of a sealed piece.
pub fn piece_hash(salt: &[u8; 16], text: &str) -> [u8; 32] {
    Sha256::new().chain_update(salt).chain_update(text.as_bytes()).finalize().into()
}

/// The hash that ties a commit to all before it.
pub fn chain_hash(previous: &[u8; 32], seq: u64, at: i64, format: u32, body_hash: &[u8; 32]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(previous);
    hash.update(seq.to_be_bytes());
    hash.update(at.to_be_bytes());
    hash.update(format.to_be_bytes());
    hash.update(body_hash);
    hash.finalize().into()
}

/// A name that nothing else has.
pub(crate) fn random_id() -> Result<String, Error> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|e| Error::Unavailable(format!("the system has no randomness: {e}")))?;
    Ok(hex(&random))
}

/// Lower-case hex, as hashes stand in texts.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Reads [`hex`], which has one spelling.
pub(crate) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |at: usize| match text.as_bytes().get(at)? {
        digit @ b'0'..=b'9' => Some(digit - b'0'),
        digit @ b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = digit(2 * at)? << 4 | digit(2 * at + 1)?;
    }
    (text.len() == 2 * N).then_some(bytes)
}

/// The hash that guards a document's row: of kind, id and body, with a zero byte (which neither key can hold) between.
pub(crate) fn document_hash(kind: &str, id: &str, body: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [kind, "\0", id, "\0", body] {
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

/// The end of the log, as an append needs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) seq: u64,
    pub(crate) chain_hash: [u8; 32],
    pub(crate) format: u32,
    pub(crate) reached: i64,
}

impl Default for End {
    fn default() -> Self {
        Self { seq: 0, chain_hash: [0; 32], format: 0, reached: i64::MIN }
    }
}

impl End {
    pub(crate) fn of(row: &CommitRow) -> Self {
        Self { seq: row.seq, chain_hash: row.chain_hash, format: row.format, reached: row.reached }
    }
}

/// The rows that an append writes.
pub(crate) struct Rows {
    pub(crate) commits: Vec<CommitRow>,
    /// In the order of their keys, so that two nodes never wait for each other.
    pub(crate) puts: Vec<StoredDocument>,
    pub(crate) deletes: Vec<(String, String)>,
    pub(crate) events: Vec<EventRow>,
    /// Which document was changed by which commit: kind, id, seq.
    pub(crate) changes: Vec<(String, String, u64)>,
}

impl Rows {
    /// The rows of commits that follow `end`.
    pub(crate) fn of(commits: &[Commit], mut end: End, salts: &mut Salts) -> Result<Self, Error> {
        let mut rows = Self {
            commits: Vec::new(),
            puts: Vec::new(),
            deletes: Vec::new(),
            events: Vec::new(),
            changes: Vec::new(),
        };
        let mut documents = std::collections::BTreeMap::new();
        for commit in commits {
            if commit.format < end.format {
                return Err(Error::Outdated { found: end.format, known: commit.format });
            }
            let row = CommitRow::of(commit, &end, salts)?;
            end = End::of(&row);
            rows.commits.push(row);
            for change in &commit.body.changes {
                let body = change.body.as_ref().map(ToString::to_string);
                documents.insert((change.kind.clone(), change.id.clone()), (commit.seq, body));
                rows.changes.push((change.kind.clone(), change.id.clone(), commit.seq));
            }
            rows.events.extend(commit.body.events.iter().map(|event| EventRow::of(commit.seq, event)));
        }
        for ((kind, id), (seq, body)) in documents {
            match body {
                Some(body) => rows.puts.push(StoredDocument { kind, id, seq, body }),
                None => rows.deletes.push((kind, id)),
            }
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_never_changes() {
        let body = body_hash(r#"{"changes":[],"events":[]}"#);
        let first = chain_hash(&[0; 32], 1, 1_700_000_000_000, 1, &body);
        let second = chain_hash(&first, 2, -1, u32::MAX, &body);
        assert_eq!(hex(&body), "efed75f461c889008d837fc91371e81b267c9f7867cd1118542ecce36c28f58c");
        assert_eq!(hex(&first), "14296ef3544d1aafcb96c168a2420c977196fc8f4826be4bc714ed2ff33fb2c5");
        assert_eq!(hex(&second), "bd53bd8b8977e9748e8e79a764d7071863a2b537b49d6ae7cf6731e0066fb7cd");
        assert_eq!(
            hex(&piece_hash(&[7; 16], r#""ada@example.com""#)),
            "6c478039d1b4a680417608a2e19b7f75754315ab50d88b38eb46eef25cefecfd"
        );
        assert_eq!(from_hex(&hex(&second)), Some(second));
        assert_eq!((from_hex::<2>("0g00"), from_hex::<2>("00"), from_hex::<2>("000000")), (None, None, None));
    }
}
