//! Lists: the keys of all shards merged in order, bounded in what they read.
//!
//! With a delimiter the merge does not walk what is behind a common prefix: every shard is asked to go on beyond it.
//! Rows of deleted keys are passed over, but counted: a request that meets too many of them ends early and says where
//! to go on.

use std::collections::VecDeque;

/// What is listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Keys begin with this.
    pub prefix: String,
    /// Keys that have this after the prefix are shown as one.
    pub delimiter: Option<String>,
    /// The last that was shown before.
    pub after: Option<String>,
    /// How many are shown.
    pub limit: usize,
}

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item<T> {
    /// A key.
    Key(String, T),
    /// All keys with this prefix.
    Prefix(String),
}

impl<T> Item<T> {
    fn name(&self) -> &str {
        match self {
            Self::Key(name, _) | Self::Prefix(name) => name,
        }
    }
}

/// A finished page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// Its lines.
    pub items: Vec<Item<T>>,
    /// Where the next page goes on, if there is one.
    pub next: Option<String>,
}

/// Rows that a shard is to give: so many, from this key on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// The shard.
    pub shard: u16,
    /// The first key.
    pub from: String,
    /// How many.
    pub limit: usize,
}

#[derive(Debug)]
struct Cursor<T> {
    rows: VecDeque<(String, Option<T>)>,
    next: Option<String>,
}

/// The merge of a page.
#[derive(Debug)]
pub struct Merge<T> {
    query: Query,
    end: Option<String>,
    cursors: Vec<Cursor<T>>,
    items: Vec<Item<T>>,
    examined: usize,
    budget: usize,
    last: Option<String>,
    stands_on_dead_prefix: bool,
}

/// The first text above all that begin with this one; none if there is none.
pub fn successor(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        let next = match last {
            '\u{d7ff}' => Some('\u{e000}'),
            char::MAX => None,
            other => char::from_u32(u32::from(other) + 1),
        };
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

/// The first text above this one.
pub fn just_after(key: &str) -> String {
    format!("{key}\0")
}

impl Query {
    fn common_prefix(&self, key: &str) -> Option<String> {
        let delimiter = self.delimiter.as_deref().filter(|d| !d.is_empty())?;
        let rest = key.strip_prefix(&self.prefix)?;
        let at = rest.find(delimiter)?;
        key.get(..self.prefix.len() + at + delimiter.len())
            .map(str::to_owned)
    }

    /// The first key to look at; none if there can't be any.
    pub fn start(&self) -> Option<String> {
        let Some(after) = &self.after else {
            return Some(self.prefix.clone());
        };
        let shown_as_prefix = self.common_prefix(after).filter(|common| common == after);
        let from = match shown_as_prefix {
            Some(common) => successor(&common)?,
            None => just_after(after),
        };
        Some(from.max(self.prefix.clone()))
    }
}

impl<T> Merge<T> {
    /// A page of so many shards, which looks at no more than about `budget` rows.
    pub fn new(query: Query, shards: u16, budget: usize) -> Self {
        let start = if query.limit == 0 {
            None
        } else {
            query.start()
        };
        let end = successor(&query.prefix);
        let is_empty = matches!((&start, &end), (Some(start), Some(end)) if start >= end);
        let next = start.filter(|_| !is_empty);
        let cursors = (0..shards)
            .map(|_| Cursor {
                rows: VecDeque::new(),
                next: next.clone(),
            })
            .collect();
        Self {
            query,
            end,
            cursors,
            items: Vec::new(),
            examined: 0,
            budget,
            last: None,
            stands_on_dead_prefix: false,
        }
    }

    /// What has to be read before the merge can go on; nothing if the page is finished.
    pub fn wants(&mut self) -> Vec<Fetch> {
        self.advance();
        if self.is_finished() {
            return Vec::new();
        }
        let missing = self.query.limit + 1 - self.items.len();
        let limit = (missing / self.cursors.len().max(1) * 5 / 4 + 8).min(1000);
        (0..)
            .zip(&self.cursors)
            .filter(|(_, cursor)| cursor.rows.is_empty())
            .filter_map(|(shard, cursor)| {
                Some(Fetch {
                    shard,
                    from: cursor.next.clone()?,
                    limit,
                })
            })
            .collect()
    }

    /// The rows of one shard; those without a value are dead. `is_last` says that there are no more.
    pub fn feed(&mut self, fetch: &Fetch, rows: Vec<(String, Option<T>)>, is_last: bool) {
        let Some(cursor) = self.cursors.get_mut(usize::from(fetch.shard)) else {
            return;
        };
        cursor.next = rows
            .last()
            .map(|(key, _)| just_after(key))
            .filter(|_| !is_last);
        cursor.rows.extend(rows);
        if let Some(end) = &self.end {
            while cursor.rows.back().is_some_and(|(key, _)| key >= end) {
                cursor.rows.pop_back();
                cursor.next = None;
            }
        }
    }

    /// The page.
    pub fn finish(mut self) -> Page<T> {
        let is_full = self.items.len() > self.query.limit;
        self.items.truncate(self.query.limit);
        let has_more = is_full || (self.is_out_of_budget() && !self.is_exhausted());
        let last = if is_full {
            self.items.last().map(|item| item.name().to_owned())
        } else {
            self.last
        };
        Page {
            items: self.items,
            next: last.filter(|_| has_more),
        }
    }

    // Not at a dead key that looks like a prefix: to go on after it would mean to go on beyond the prefix.
    fn is_out_of_budget(&self) -> bool {
        self.examined >= self.budget && !self.stands_on_dead_prefix
    }

    fn is_exhausted(&self) -> bool {
        self.cursors
            .iter()
            .all(|cursor| cursor.rows.is_empty() && cursor.next.is_none())
    }

    fn is_finished(&self) -> bool {
        self.query.limit == 0
            || self.items.len() > self.query.limit
            || self.is_out_of_budget()
            || self.is_exhausted()
    }

    fn advance(&mut self) {
        while !self.is_finished() {
            if self
                .cursors
                .iter()
                .any(|c| c.rows.is_empty() && c.next.is_some())
            {
                return;
            }
            let first = self
                .cursors
                .iter_mut()
                .filter(|cursor| !cursor.rows.is_empty())
                .min_by(|a, b| {
                    a.rows
                        .front()
                        .map(|r| &r.0)
                        .cmp(&b.rows.front().map(|r| &r.0))
                });
            let Some((key, value)) = first.and_then(|cursor| cursor.rows.pop_front()) else {
                return;
            };
            self.examined += 1;
            let common = self.query.common_prefix(&key);
            self.stands_on_dead_prefix = value.is_none() && common.as_ref() == Some(&key);
            self.last = Some(key.clone());
            match (value, common) {
                (None, _) => {}
                (Some(value), None) => self.items.push(Item::Key(key, value)),
                (Some(_), Some(common)) => self.skip(common),
            }
        }
    }

    fn skip(&mut self, common: String) {
        let beyond = successor(&common);
        for cursor in &mut self.cursors {
            while cursor
                .rows
                .front()
                .is_some_and(|(key, _)| key.starts_with(&common))
            {
                cursor.rows.pop_front();
            }
            if cursor.rows.is_empty() {
                cursor.next = match (cursor.next.take(), &beyond) {
                    (Some(next), Some(beyond)) => Some(next.max(beyond.clone())),
                    (Some(next), None) => Some(next).filter(|next| !next.starts_with(&common)),
                    (None, _) => None,
                }
                .filter(|next| self.end.as_ref().is_none_or(|end| next < end));
            }
        }
        self.last = Some(common.clone());
        self.items.push(Item::Prefix(common));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::{super::names::shard_of, *};

    type Keys = BTreeMap<String, bool>;

    fn run(keys: &Keys, query: Query, shards: u16, budget: usize) -> (Page<()>, usize) {
        let mut merge = Merge::new(query, shards, budget);
        let mut read = 0;
        loop {
            let wants = merge.wants();
            if wants.is_empty() {
                return (merge.finish(), read);
            }
            for fetch in wants {
                let rows: Vec<_> = keys
                    .range(fetch.from.clone()..)
                    .filter(|(key, _)| shard_of(key, shards) == fetch.shard)
                    .take(fetch.limit)
                    .map(|(key, live)| (key.clone(), live.then_some(())))
                    .collect();
                read += rows.len();
                let is_last = rows.len() < fetch.limit;
                merge.feed(&fetch, rows, is_last);
            }
        }
    }

    fn expected(keys: &Keys, query: &Query) -> Vec<String> {
        let shown: BTreeSet<String> = keys
            .iter()
            .filter(|(key, live)| **live && key.starts_with(&query.prefix))
            .map(|(key, _)| query.common_prefix(key).unwrap_or_else(|| key.clone()))
            .collect();
        shown.into_iter().collect()
    }

    fn all_pages(keys: &Keys, mut query: Query, shards: u16, budget: usize) -> Vec<String> {
        let mut names = Vec::new();
        for _ in 0..1000 {
            let (page, _) = run(keys, query.clone(), shards, budget);
            assert!(page.items.len() <= query.limit);
            names.extend(page.items.iter().map(|item| item.name().to_owned()));
            match page.next {
                Some(next) => query.after = Some(next),
                None => return names,
            }
        }
        panic!("a list that never ends");
    }

    proptest! {
        #[test]
        fn pages_together_show_each_live_key_once_and_in_order(
            keys in proptest::collection::btree_map("[ab/é]{1,6}", any::<bool>(), 0..60),
            prefix in "[ab/]{0,2}", with_delimiter in any::<bool>(), limit in 1_usize..8, shards in 1_u16..5,
            budget in 1_usize..50,
        ) {
            let delimiter = with_delimiter.then(|| "/".to_owned());
            let query = Query { prefix, delimiter, after: None, limit };
            prop_assert_eq!(all_pages(&keys, query.clone(), shards, budget), expected(&keys, &query));
        }
    }

    // P13 of the defects that this design excludes.
    #[test]
    fn p13_a_list_with_a_delimiter_does_not_walk_what_is_behind_a_prefix() {
        let keys: Keys = (0..10)
            .flat_map(|d| (0..5000).map(move |n| (format!("{d}/{n:05}"), true)))
            .collect();
        let query = Query {
            delimiter: Some("/".into()),
            limit: 1000,
            ..Query::default()
        };
        let (page, read) = run(&keys, query, 16, 100_000);
        assert_eq!((page.items.len(), page.next), (10, None));
        assert!(read < 16 * 80 * 12, "{read} of 50000 rows were read");
    }

    #[test]
    fn a_sea_of_deleted_keys_costs_a_bounded_number_of_rows() {
        let keys: Keys = (0..20_000)
            .map(|n| (format!("{n:06}"), n == 19_999))
            .collect();
        let query = Query {
            limit: 10,
            ..Query::default()
        };
        let (page, read) = run(&keys, query.clone(), 4, 1000);
        assert!(page.items.is_empty() && page.next.is_some() && read < 2000);
        assert_eq!(all_pages(&keys, query, 4, 1000), ["019999"]);
    }

    #[test]
    fn the_successor_of_a_prefix_is_above_all_that_begin_with_it() {
        assert_eq!(successor("a/").as_deref(), Some("a0"));
        assert_eq!(successor("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(successor("\u{d7ff}").as_deref(), Some("\u{e000}"));
        assert_eq!(successor(""), None);
    }
}
