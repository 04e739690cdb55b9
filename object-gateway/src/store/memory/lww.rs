//! Cells as Cassandra keeps them: the greatest timestamp wins, at equal timestamps a removal, then the greater value.
//! What was removed is remembered, so that an older write that arrives late stays removed.

use std::{collections::BTreeMap, ops::RangeBounds};

/// A table of cells.
#[derive(Debug)]
pub(super) struct Cells<K, V>(BTreeMap<K, (u64, Option<V>)>);

impl<K, V> Default for Cells<K, V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord + Clone, V: Ord + Clone> Cells<K, V> {
    /// Writes a value, or removes it.
    pub(super) fn write(&mut self, key: K, value: Option<V>, at: u64) {
        let new = (at, value);
        match self.0.get_mut(&key) {
            None => {
                self.0.insert(key, new);
            }
            Some(old) => {
                let rank = |cell: &(u64, Option<V>)| (cell.0, cell.1.is_none());
                let wins = rank(&new) > rank(old) || (rank(&new) == rank(old) && new.1 > old.1);
                if wins {
                    *old = new;
                }
            }
        }
    }

    /// A value and its timestamp.
    pub(super) fn get(&self, key: &K) -> Option<(u64, &V)> {
        self.0
            .get(key)
            .and_then(|(at, value)| Some((*at, value.as_ref()?)))
    }

    /// Values in order.
    pub(super) fn range<R: RangeBounds<K>>(&self, range: R) -> impl Iterator<Item = (&K, u64, &V)> {
        self.0
            .range(range)
            .filter_map(|(key, (at, value))| Some((key, *at, value.as_ref()?)))
    }

    /// Forgets without a trace: only for what is never written twice.
    pub(super) fn erase_if(&mut self, test: impl Fn(&K) -> bool) {
        self.0.retain(|key, _| !test(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_the_same_in_whatever_order_writes_arrive() {
        let writes = [
            (1, Some(7)),
            (2, None),
            (2, Some(9)),
            (1, Some(8)),
            (3, Some(1)),
            (3, Some(2)),
        ];
        let mut seen = Vec::new();
        for turn in 0..writes.len() {
            let mut cells = Cells::default();
            for at in 0..writes.len() {
                let (time, value) = writes[(at + turn) % writes.len()];
                cells.write("k", value, time);
            }
            seen.push(cells.get(&"k").map(|(at, value)| (at, *value)));
        }
        assert!(seen.iter().all(|cell| *cell == Some((3, 2))), "{seen:?}");
    }

    #[test]
    fn a_removal_holds_against_older_writes_that_arrive_late() {
        let mut cells = Cells::default();
        cells.write("k", None, 5);
        cells.write("k", Some(1), 4);
        assert_eq!(cells.get(&"k"), None);
        cells.write("k", Some(1), 6);
        assert_eq!(cells.get(&"k"), Some((6, &1)));
    }
}
