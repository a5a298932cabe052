//! Numbers from a seed: SplitMix64 (<https://prng.di.unimi.it/splitmix64.c>).

/// A stream of numbers that its seed decides.
#[derive(Clone)]
pub struct Random(u64);

impl Random {
    /// The seed from `FLAGSTONE_SEED`, or a new one; it is printed, so that a failure can be repeated.
    pub fn from_environment(test: &str) -> Self {
        let seed = match std::env::var("FLAGSTONE_SEED") {
            Ok(seed) => seed.parse().expect("FLAGSTONE_SEED is a number"),
            Err(_) => std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64,
        };
        println!("{test}: FLAGSTONE_SEED={seed}");
        Self::new(seed)
    }

    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// An independent stream.
    pub fn fork(&mut self) -> Self {
        Self(self.next())
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to, not with, `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    pub fn coin(&mut self) -> bool {
        self.next() & 1 == 1
    }
}

/// A number from the environment.
pub fn number(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable} is a number")),
        Err(_) => default,
    }
}
