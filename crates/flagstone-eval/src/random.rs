//! The seam that chance comes through.

/// Where evaluation draws random numbers from: rollouts and variants with `random` stickiness, or with default
/// stickiness and a context that names nobody.
///
/// Any `FnMut() -> u64` is one.
pub trait RandomSource {
    /// The next number, uniform over all of `u64`.
    fn next_u64(&mut self) -> u64;
}

impl<F: FnMut() -> u64> RandomSource for F {
    fn next_u64(&mut self) -> u64 {
        self()
    }
}

/// A number from 1 to `most`, uniform but for a bias below 2^-32; 0 when `most` is 0.
pub(crate) fn one_to(most: u32, random: &mut dyn RandomSource) -> u32 {
    // Multiply-shift: Lemire, "Fast Random Integer Generation in an Interval", 2019.
    let scaled = u128::from(random.next_u64()) * u128::from(most);
    u32::try_from(scaled >> 64).map_or(most, |below| (below + 1).min(most))
}

/// A small and fast generator for tests and for servers that seed it well. Not for secrets.
///
/// Source: Sebastiano Vigna, `splitmix64.c`, public domain (<https://prng.di.unimi.it>).
#[derive(Debug, Clone)]
pub struct SplitMix64 {
    state: u64,
}

impl SplitMix64 {
    /// A generator whose whole sequence follows from `seed`.
    pub fn seeded(seed: u64) -> Self {
        Self { state: seed }
    }
}

impl RandomSource for SplitMix64 {
    fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_cover_the_range_and_nothing_else() {
        let mut random = SplitMix64::seeded(3);
        let mut seen = [0_u32; 11];
        for _ in 0..10_000 {
            seen[one_to(10, &mut random) as usize] += 1;
        }
        assert_eq!(seen[0], 0);
        assert!(seen[1..].iter().all(|count| (800..1200).contains(count)));
        assert_eq!(one_to(0, &mut random), 0);
        assert_eq!(one_to(5, &mut || u64::MAX), 5);
        assert_eq!(one_to(5, &mut || 0), 1);
    }
}
