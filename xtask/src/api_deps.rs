//! Holds cassandra-api light: other operators embed it, so it must not bring a runtime, a client or TLS.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use testbed::process::{line, stdout};
use testbed::workspace;

/// As many crates as the types need, with a little room.
const MOST: usize = 45;
/// Crates that would make it more than types.
const FOREIGN: [&str; 9] = [
    "hyper",
    "kube-client",
    "kube-runtime",
    "openssl",
    "reqwest",
    "rustls",
    "tokio",
    "tower",
    "tracing",
];

/// Fails if the crate's normal dependencies are too many or of the wrong kind.
pub(crate) fn check() -> Result<()> {
    let mut tree =
        line("cargo tree --package cassandra-api --edges normal --prefix none --format {p}");
    let printed = stdout(tree.current_dir(workspace::root()?))?;
    let crates = judge(&printed)?;
    println!("cassandra-api and its dependencies: {crates} crates of at most {MOST}");
    Ok(())
}

/// The number of crates that are listed, each as its name and version.
fn judge(listed: &str) -> Result<usize> {
    let crates: BTreeSet<(&str, &str)> = listed
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?, words.next()?))
        })
        .collect();
    let foreign: Vec<_> = crates
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| FOREIGN.contains(name))
        .collect();
    if !foreign.is_empty() {
        bail!(
            "cassandra-api depends on {}; `cargo tree -p cassandra-api -e normal -i {}` shows by whom",
            foreign.join(", "),
            foreign.first().unwrap_or(&"")
        );
    }
    if crates.len() > MOST {
        bail!(
            "cassandra-api has {} crates in its tree, more than {MOST}",
            crates.len()
        );
    }
    Ok(crates.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_refused_by_name() {
        let error = judge("cassandra-api v0.1.0 (/x)\ntokio v1.0.0\n")
            .unwrap_err()
            .to_string();
        assert!(error.contains("tokio"), "{error}");
    }

    #[test]
    fn repeated_lines_count_once() {
        assert_eq!(
            judge("serde v1.0.0\nserde v1.0.0 (*)\nsyn v2.0.0\n").unwrap(),
            2
        );
    }

    #[test]
    fn too_many_crates_are_refused() {
        let listed: Vec<_> = (0..=MOST)
            .map(|number| format!("crate{number} v1.0.0"))
            .collect();
        assert!(judge(&listed.join("\n")).is_err());
    }
}
