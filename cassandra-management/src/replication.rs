//! How a keyspace is replicated, as Cassandra puts it in words: `NetworkTopologyStrategy {dc1=3}`
//! (`StorageService.getKeyspaceReplicationInfo`, Cassandra 4.0 and later).

use std::collections::BTreeMap;

/// The strategy and what it is given. None: the words are other ones.
pub(crate) fn parsed(words: &str) -> Option<(String, BTreeMap<String, String>)> {
    let (strategy, options) = words.trim().split_once(' ')?;
    let options = options.trim().strip_prefix('{')?.strip_suffix('}')?;
    let options = options
        .split(',')
        .map(str::trim)
        .filter(|it| !it.is_empty());
    let options: Option<BTreeMap<_, _>> = options
        .map(|option| {
            let (name, value) = option.split_once('=')?;
            Some((name.trim().to_owned(), value.trim().to_owned()))
        })
        .collect();
    Some((strategy.to_owned(), options?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strategy_and_options_are_told_apart() {
        let (strategy, options) = parsed("NetworkTopologyStrategy {dc1=3, dc2=2}").unwrap();
        assert_eq!(strategy, "NetworkTopologyStrategy");
        assert_eq!(
            options,
            [("dc1".into(), "3".into()), ("dc2".into(), "2".into())].into()
        );
        let (strategy, options) = parsed("LocalStrategy {}").unwrap();
        assert_eq!((strategy.as_str(), options.len()), ("LocalStrategy", 0));
    }

    #[test]
    fn other_words_are_none() {
        for words in [
            "",
            "SimpleStrategy",
            "SimpleStrategy {3}",
            "SimpleStrategy 3",
        ] {
            assert_eq!(parsed(words), None, "{words}");
        }
    }
}
