//! Counting with digits of different bases: every state is a number, and every number a state.

/// A number whose digits are taken off one by one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Digits(pub(super) u64);

impl Digits {
    /// The next digit, below `base`.
    pub(super) fn below(&mut self, base: usize) -> usize {
        let base = u64::try_from(base).unwrap_or(u64::MAX).max(1);
        let digit = self.0 % base;
        self.0 /= base;
        usize::try_from(digit).unwrap_or(0)
    }

    /// The next digit, as one of these.
    pub(super) fn of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        all.get(self.below(all.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::Digits;

    #[test]
    fn every_number_has_digits_of_its_own() {
        let digits = |number| {
            let mut digits = Digits(number);
            [digits.below(3), digits.below(2), digits.below(5)]
        };
        let mut all: Vec<_> = (0..30).map(digits).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 30);
    }
}
