//! What clients did and saw. A read may find a write unless another write lies wholly between them; writes that
//! overlap, or are nearer than the clocks differ, may come in either order.

use std::collections::BTreeMap;

/// One write to a key.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    /// What it wrote; nothing for a delete.
    pub(crate) content: Option<u64>,
    /// When it began.
    pub(crate) start: u64,
    /// When it ended, in whatever way.
    pub(crate) end: Option<u64>,
    /// Whether it was acknowledged.
    pub(crate) acknowledged: bool,
    /// Whether it certainly did nothing.
    pub(crate) refused: bool,
}

/// All writes by key.
#[derive(Debug, Default)]
pub(crate) struct History {
    writes: BTreeMap<String, Vec<Write>>,
    skew: u64,
}

impl History {
    /// Of clocks that differ by this at most.
    pub(crate) fn with_skew(skew: u64) -> Self {
        Self {
            skew,
            ..Self::default()
        }
    }

    /// A write begins.
    pub(crate) fn begin(&mut self, key: &str, content: Option<u64>, now: u64) -> usize {
        let writes = self.writes.entry(key.to_owned()).or_default();
        writes.push(Write {
            content,
            start: now,
            end: None,
            acknowledged: false,
            refused: false,
        });
        writes.len() - 1
    }

    /// A write ends.
    pub(crate) fn end(&mut self, key: &str, at: usize, now: u64, outcome: Outcome) {
        let write = &mut self.writes.get_mut(key).unwrap()[at];
        write.end = Some(now);
        write.acknowledged = outcome == Outcome::Acknowledged;
        write.refused = outcome == Outcome::Refused;
    }

    /// Whether a read from `start` to `end` may find this.
    pub(crate) fn check(
        &self,
        key: &str,
        found: Found,
        start: u64,
        end: u64,
    ) -> Result<(), String> {
        let none = Vec::new();
        let writes = self.writes.get(key).unwrap_or(&none);
        let is_hidden = |by_end: u64| {
            writes.iter().any(|x| {
                x.acknowledged
                    && x.start > by_end + self.skew
                    && x.end.is_some_and(|end| end < start)
            })
        };
        let fits = |write: &&Write| match found {
            Found::Content(content) => write.content == Some(content),
            Found::Something => write.content.is_some(),
            Found::Nothing => write.content.is_none(),
        };
        let may = writes.iter().filter(fits).any(|w| {
            !w.refused && w.start <= end && !is_hidden(w.end.unwrap_or(u64::MAX - self.skew))
        });
        let was_never = found == Found::Nothing
            && !writes
                .iter()
                .any(|x| x.acknowledged && x.end.is_some_and(|end| end < start));
        if may || was_never {
            Ok(())
        } else {
            Err(format!(
                "{key}: found {found:?} between {start} and {end}, after {writes:#?}"
            ))
        }
    }

    /// All keys.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &String> {
        self.writes.keys()
    }

    /// How many creates of a key that only the first may win were acknowledged.
    pub(crate) fn winners(&self, key: &str) -> usize {
        self.writes
            .get(key)
            .map_or(0, |writes| writes.iter().filter(|w| w.acknowledged).count())
    }
}

/// How a write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Acknowledged,
    Unknown,
    Refused,
}

/// What a read found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Content(u64),
    Something,
    Nothing,
}

#[test]
fn a_lost_write_is_seen() {
    let mut history = History::default();
    let write = history.begin("k", Some(1), 10);
    history.end("k", write, 20, Outcome::Acknowledged);
    assert!(history.check("k", Found::Content(1), 30, 40).is_ok());
    assert!(history.check("k", Found::Nothing, 30, 40).is_err());
    assert!(history.check("k", Found::Nothing, 15, 40).is_ok());
    assert!(history.check("k", Found::Content(2), 30, 40).is_err());
    let later = history.begin("k", None, 50);
    history.end("k", later, 60, Outcome::Acknowledged);
    assert!(history.check("k", Found::Content(1), 70, 80).is_err());
    assert!(history.check("k", Found::Content(1), 55, 80).is_ok());
}
