//! UIDs and generated names: random, and the same for the same seed.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng as _},
};

/// What Kubernetes generates names of: no vowels, so no words.
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
const SUFFIX: usize = 5;
/// Longest generated name, before its suffix.
const LONGEST: usize = 63 - SUFFIX;

#[derive(Debug)]
pub(crate) struct Ids(ChaCha8Rng);

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A UUID of version 4.
    pub(crate) fn uid(&mut self) -> String {
        let (high, low) = (self.0.next_u64(), self.0.next_u64());
        let (high, low) = (high & !0xf000 | 0x4000, low & !(0b11 << 62) | (0b10 << 62));
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        )
    }

    /// A name with this beginning.
    pub(crate) fn name(&mut self, prefix: &str) -> String {
        let mut name: String = prefix.chars().take(LONGEST).collect();
        for _ in 0..SUFFIX {
            let index = self.0.next_u64() % ALPHABET.len() as u64;
            let letter = usize::try_from(index).ok().and_then(|i| ALPHABET.get(i));
            name.push(char::from(*letter.unwrap_or(&b'x')));
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_ids() {
        let (mut a, mut b) = (Ids::new(7), Ids::new(7));
        assert_eq!(a.uid(), b.uid());
        assert_eq!(a.name("x-"), b.name("x-"));
        assert_ne!(a.uid(), Ids::new(8).uid());
    }
}
