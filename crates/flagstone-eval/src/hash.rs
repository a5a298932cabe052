//! MurmurHash3 (x86, 32 bits), fed in pieces, and the buckets that rollouts and variants are drawn from.
//!
//! Source: Austin Appleby, `MurmurHash3_x86_32`, public domain (<https://github.com/aappleby/smhasher>).

/// Seed of the hash that places a context in a rollout.
const ROLLOUT_SEED: u32 = 0;

/// Seed of the hash that places a context in a variant (client specification since 5.0).
const VARIANT_SEED: u32 = 86_028_157;

/// The hash of `<group>:<identifier>`, with the part before the identifier already taken in.
///
/// The group is known when a flag is compiled, so that an evaluation only hashes the identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GroupHash(Murmur3);

impl GroupHash {
    /// The hash for the rollout of a strategy with this group id.
    pub(crate) fn rollout(group: &str) -> Self {
        Self::seeded(ROLLOUT_SEED, group)
    }

    /// The hash for the variants of a flag or strategy with this group id.
    pub(crate) fn variant(group: &str) -> Self {
        Self::seeded(VARIANT_SEED, group)
    }

    fn seeded(seed: u32, group: &str) -> Self {
        let mut murmur = Murmur3::new(seed);
        murmur.write(group.as_bytes());
        murmur.write(b":");
        Self(murmur)
    }

    /// The bucket of an identifier: `hash % buckets + 1`, thus from 1 to `buckets`; 0 without buckets.
    pub(crate) fn bucket(self, identifier: &str, buckets: u32) -> u32 {
        let mut murmur = self.0;
        murmur.write(identifier.as_bytes());
        murmur.finish().checked_rem(buckets).map_or(0, |rest| rest + 1)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Murmur3 {
    state: u32,
    /// Up to three bytes that do not fill a block yet, the first in the lowest place.
    pending: u32,
    pending_bytes: u32,
    length: u32,
}

impl Murmur3 {
    fn new(seed: u32) -> Self {
        Self { state: seed, pending: 0, pending_bytes: 0, length: 0 }
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        // The length counts modulo 2^32, as in the original.
        #[allow(clippy::cast_possible_truncation)]
        {
            self.length = self.length.wrapping_add(bytes.len() as u32);
        }
        let (blocks, rest) = bytes.as_chunks::<4>();
        for block in blocks {
            let word = u64::from(u32::from_le_bytes(*block)) << (8 * self.pending_bytes);
            let window = u64::from(self.pending) | word;
            // The cast keeps the low half.
            #[allow(clippy::cast_possible_truncation)]
            self.mix(window as u32);
            self.pending = (window >> 32) as u32;
        }
        for byte in rest {
            self.pending |= u32::from(*byte) << (8 * self.pending_bytes);
            self.pending_bytes += 1;
            if self.pending_bytes == 4 {
                self.mix(self.pending);
                self.pending = 0;
                self.pending_bytes = 0;
            }
        }
    }

    #[inline]
    fn mix(&mut self, block: u32) {
        self.state ^= scramble(block);
        self.state = self.state.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }

    #[inline]
    fn finish(self) -> u32 {
        let mut hash = self.state;
        if self.pending_bytes > 0 {
            hash ^= scramble(self.pending);
        }
        hash ^= self.length;
        hash ^= hash >> 16;
        hash = hash.wrapping_mul(0x85eb_ca6b);
        hash ^= hash >> 13;
        hash = hash.wrapping_mul(0xc2b2_ae35);
        hash ^ (hash >> 16)
    }
}

#[inline]
fn scramble(block: u32) -> u32 {
    block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn murmur(seed: u32, pieces: &[&str]) -> u32 {
        let mut murmur = Murmur3::new(seed);
        for piece in pieces {
            murmur.write(piece.as_bytes());
        }
        murmur.finish()
    }

    /// Published test vectors of the 32-bit x86 variant.
    #[test]
    fn known_hashes() {
        let check = |text: &str, seed: u32, expect: u32| {
            assert_eq!(murmur(seed, &[text]), expect, "{text:?} with seed {seed}");
        };
        check("", 0, 0);
        check("", 1, 0x514e_28b7);
        check("test", 0, 0xba6b_d213);
        check("test", 0x9747_b28c, 0x704b_81dc);
        check("Hello, world!", 0, 0xc036_3e43);
        check("Hello, world!", 0x9747_b28c, 0x2488_4cba);
        check("The quick brown fox jumps over the lazy dog", 0, 0x2e4f_f723);
    }

    #[test]
    fn pieces_hash_as_the_whole() {
        let text = "group-id:identifier-0123456789";
        for first in 0..text.len() {
            for second in first..text.len() {
                let pieces = [&text[..first], &text[first..second], &text[second..]];
                assert_eq!(murmur(7, &pieces), murmur(7, &[text]), "{pieces:?}");
            }
        }
    }

    #[test]
    fn buckets_start_at_one_and_none_is_zero() {
        assert_eq!(GroupHash::rollout("g").bucket("u", 1), 1);
        assert_eq!(GroupHash::rollout("g").bucket("u", 0), 0);
    }
}
