//! What texts of a spec look like: a pattern, and the same in words. The CRD's rule and garde's check are made of the
//! same two, so that they refuse the same with the same words.
//!
//! The patterns are read by Go's regular expressions and by Rust's: no classes of Unicode, no look-around.

#[cfg(feature = "garde")]
use std::sync::OnceLock;

use kube::core::Rule;

/// What a text looks like.
#[derive(Debug)]
pub(super) struct Syntax {
    pattern: &'static str,
    /// What it must be, after the field's name.
    words: &'static str,
    #[cfg(feature = "garde")]
    compiled: OnceLock<Option<regex::Regex>>,
}

/// Cassandra's name of a ring.
pub(super) static CLUSTER_NAME: Syntax = Syntax::new(
    r"^[^\x{0}-\x{20}\x{7f}-\x{a0}]([^\x{0}-\x{1f}\x{7f}-\x{9f}]*[^\x{0}-\x{20}\x{7f}-\x{a0}])?$",
    "must have no blank at its beginning or end, and no control characters such as tabs and line feeds",
);
/// A datacenter.
pub(super) static DATACENTER: Syntax = Syntax::new(
    r"^[A-Za-z0-9][-_A-Za-z0-9]*$",
    "must be letters, digits, hyphens and underscores, beginning with a letter or digit",
);
/// A rack: a part of the members' names.
pub(super) static RACK_NAME: Syntax = Syntax::new(
    r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
    "must be lower case letters, digits and hyphens, beginning and ending with a letter or digit",
);
/// The name of most objects of Kubernetes.
pub(super) static OBJECT_NAME: Syntax = Syntax::new(
    r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    "must be lower case letters, digits, hyphens and dots; each part between dots begins and ends with a letter or digit",
);
/// The key of a label or a taint.
pub(super) static LABEL_KEY: Syntax = Syntax::new(
    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?$",
    "must be at most 63 letters, digits, hyphens, underscores and dots, beginning and ending with a letter or digit; a \
     domain and a slash may stand before, as in example.com/disk",
);
/// The value of a label or a taint.
pub(super) static LABEL_VALUE: Syntax = Syntax::new(
    r"^([A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?)?$",
    "must be at most 63 letters, digits, hyphens, underscores and dots, beginning and ending with a letter or digit",
);
/// A reference to an image: a registry, a repository, a tag, a digest.
pub(super) static IMAGE: Syntax = Syntax::new(
    r"^([A-Za-z0-9]([-.A-Za-z0-9]*[A-Za-z0-9])?(:[0-9]+)?/)?[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*(/[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*)*(:[_A-Za-z0-9][-_.A-Za-z0-9]{0,127})?(@[A-Za-z][-_+.A-Za-z0-9]*:[0-9a-fA-F]{32,})?$",
    "must be an image such as registry.example.com/cassandra:5.0.9: the repository in lower case, then a tag or a digest, \
     no blanks",
);

/// Every syntax.
#[cfg(test)]
static ALL: [&Syntax; 7] = [
    &CLUSTER_NAME,
    &DATACENTER,
    &RACK_NAME,
    &OBJECT_NAME,
    &LABEL_KEY,
    &LABEL_VALUE,
    &IMAGE,
];

impl Syntax {
    const fn new(pattern: &'static str, words: &'static str) -> Self {
        Self {
            pattern,
            words,
            #[cfg(feature = "garde")]
            compiled: OnceLock::new(),
        }
    }

    /// The rule of a field that is such a text.
    pub(super) fn rule(&self, field: &str) -> Rule {
        self.rule_that(&self.asks("self"), field)
    }

    /// A rule that goes by this syntax and more, of something with this name.
    pub(super) fn rule_that(&self, expression: &str, field: &str) -> Rule {
        Rule::new(expression).message(format!("{field} {}", self.words).as_str())
    }

    /// Whether a text looks so, in CEL.
    pub(super) fn asks(&self, text: &str) -> String {
        format!("{text}.matches('{}')", self.pattern.replace('\\', "\\\\"))
    }

    /// What it must be.
    #[cfg(feature = "garde")]
    pub(super) fn words(&self) -> &'static str {
        self.words
    }

    /// Whether a text looks so.
    #[cfg(feature = "garde")]
    pub(super) fn accepts(&self, text: &str) -> bool {
        let compiled = self
            .compiled
            .get_or_init(|| regex::Regex::new(self.pattern).ok());
        compiled
            .as_ref()
            .is_some_and(|pattern| pattern.is_match(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_can_be_compiled_and_stands_in_a_rule() {
        for syntax in ALL {
            assert!(syntax.accepts("a"), "{}", syntax.pattern);
            assert!(!syntax.accepts("a\n"), "{}", syntax.pattern);
            assert!(!syntax.pattern.contains('\''), "{}", syntax.pattern);
        }
    }
}
