//! YAML as it was written: a scalar keeps its spelling. Cassandra gives `0123` or `yes` a meaning by the
//! setting's own type (a password, a switch), so nothing here may turn them into numbers or booleans.

mod read;
mod syntax_error;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

/// A node of a YAML document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A scalar without quotes, in its own spelling.
    Plain(String),
    /// A scalar that is text whatever it looks like.
    Text(String),
    /// A sequence.
    List(Vec<Self>),
    /// A mapping, in the order of the file.
    Mapping(Vec<(Self, Self)>),
}

/// Why a YAML document can't be used, in our words: those of a YAML library are for its programmers. No value of the file
/// is in them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is not YAML.
    #[error("it is not YAML (line {line}){}", problem.map(|problem| format!(": {problem}")).unwrap_or_default())]
    Syntax {
        /// The line in which that is found out, from 1.
        line: usize,
        /// What is wrong there, where that can be said.
        problem: Option<&'static str>,
    },
    /// It is YAML, and not a mapping of settings.
    #[error("it is not a mapping of settings to values")]
    NotAMapping,
    /// There is more than one document in it.
    #[error("there is more than one document (the second begins in line {line})")]
    ManyDocuments {
        /// Where the second begins.
        line: usize,
    },
    /// A tag that has no meaning here.
    #[error("the tag {tag} (line {line}) is not supported: only YAML's own are")]
    Tag {
        /// The tag.
        tag: String,
        /// Where it is.
        line: usize,
    },
    /// It is too large or nested too deeply.
    #[error(
        "it is too large or nested too deeply (line {line}): more than {} values, copies by alias counted, or {} levels",
        read::MAX_NODES,
        read::MAX_DEPTH
    )]
    TooLarge {
        /// Where the limit is passed.
        line: usize,
    },
    /// A mapping has a key twice.
    #[error("key {key} is there twice (line {line})")]
    Twice {
        /// The key.
        key: String,
        /// Where it is the second time.
        line: usize,
    },
}

/// Reads the settings of a file: the top-level mapping, the last one of each name, as Cassandra reads it.
pub fn settings(text: &str) -> Result<BTreeMap<String, Node>, Error> {
    mapping(read::document(text)?.root)
}

/// Reads the settings of a file that somebody has written by hand: a key that is there twice is a mistake.
pub fn settings_once(text: &str) -> Result<BTreeMap<String, Node>, Error> {
    let document = read::document(text)?;
    let settings = mapping(document.root)?;
    match document.twice {
        Some(twice) => Err(twice),
        None => Ok(settings),
    }
}

fn mapping(root: Option<Node>) -> Result<BTreeMap<String, Node>, Error> {
    match root {
        None => Ok(BTreeMap::new()),
        Some(Node::Plain(text)) if is_null(&text) => Ok(BTreeMap::new()),
        Some(Node::Mapping(entries)) => entries
            .into_iter()
            .map(|(key, value)| match key {
                Node::Plain(name) | Node::Text(name) => Ok((name, value)),
                Node::List(_) | Node::Mapping(_) => Err(Error::NotAMapping),
            })
            .collect(),
        Some(_) => Err(Error::NotAMapping),
    }
}

fn is_null(plain: &str) -> bool {
    ["", "~", "null"].contains(&plain)
}

/// The names of all settings, those that a merge (`<<`) brings in included.
pub fn names(settings: &BTreeMap<String, Node>) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for (name, value) in settings {
        names.insert(name.as_str());
        if name == MERGE {
            merged_names(value, &mut names);
        }
    }
    names
}

fn merged_names<'a>(merged: &'a Node, names: &mut BTreeSet<&'a str>) {
    match merged {
        Node::Plain(_) | Node::Text(_) => {}
        Node::List(items) => items.iter().for_each(|item| merged_names(item, names)),
        Node::Mapping(entries) => {
            for (key, value) in entries {
                if let Node::Plain(name) | Node::Text(name) = key {
                    names.insert(name);
                    if name == MERGE {
                        merged_names(value, names);
                    }
                }
            }
        }
    }
}

/// The key of a merge.
const MERGE: &str = "<<";

/// Writes settings, one to a line. Names are quoted on purpose: the entrypoint of the official image edits
/// lines such as `broadcast_address:` and `- seeds:` in place, and must not find them.
pub fn write(settings: &BTreeMap<String, Node>) -> String {
    let mut out = String::new();
    for (name, value) in settings {
        if name == MERGE {
            out.push_str(name);
        } else {
            quote(name, &mut out);
        }
        out.push_str(": ");
        value.write(&mut out);
        out.push('\n');
    }
    out
}

impl Node {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A number, a boolean or null.
    pub fn plain(value: impl Into<String>) -> Self {
        Self::Plain(value.into())
    }

    /// What a JSON value is in YAML.
    pub fn from_json(value: &serde_json::Value) -> Self {
        use serde_json::Value;
        match value {
            Value::Null => Self::plain("null"),
            Value::Bool(value) => Self::plain(value.to_string()),
            Value::Number(value) => Self::plain(value.to_string()),
            Value::String(value) => Self::text(value),
            Value::Array(items) => Self::List(items.iter().map(Self::from_json).collect()),
            Value::Object(entries) => Self::Mapping(
                entries
                    .iter()
                    .map(|(name, value)| (Self::text(name), Self::from_json(value)))
                    .collect(),
            ),
        }
    }

    /// Writes the node on one line.
    fn write(&self, out: &mut String) {
        match self {
            Self::Plain(text) if text.is_empty() || text == "~" => out.push_str("null"),
            Self::Plain(text) if is_bare(text) => out.push_str(text),
            Self::Plain(text) | Self::Text(text) => quote(text, out),
            Self::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { ", " });
                    item.write(out);
                }
                out.push(']');
            }
            Self::Mapping(entries) => {
                out.push('{');
                for (index, (key, value)) in entries.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { ", " });
                    key.write(out);
                    out.push_str(": ");
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    fn size(&self) -> usize {
        1 + match self {
            Self::Plain(_) | Self::Text(_) => 0,
            Self::List(items) => items.iter().map(Self::size).sum(),
            Self::Mapping(entries) => entries.iter().map(|(k, v)| k.size() + v.size()).sum(),
        }
    }

    fn depth(&self) -> usize {
        1 + match self {
            Self::Plain(_) | Self::Text(_) => 0,
            Self::List(items) => items.iter().map(Self::depth).max().unwrap_or(0),
            Self::Mapping(entries) => entries.iter().map(|(_, v)| v.depth()).max().unwrap_or(0),
        }
    }
}

/// Whether a plain scalar can stand without quotes anywhere. Whatever YAML may take for something else than
/// text is made of these characters, the key of a merge included.
fn is_bare(text: &str) -> bool {
    text == MERGE
        || (text.bytes().any(|b| b.is_ascii_alphanumeric())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_.+-~/".contains(&b)))
}

/// Writes text in double quotes, by the rules that JSON and YAML share.
fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                // Writing to a String can't fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one_line(text: &str) -> String {
        write(&settings(text).unwrap())
    }

    #[test]
    fn scalars_keep_their_spelling() {
        for value in [
            "0123",
            "0x1F",
            "1e5",
            "16KiB",
            "yes",
            "null",
            "-1",
            "0.10",
            "1_000",
            "true",
            "99999999999999999999999",
            "2026-01-01",
            ".inf",
            "\"0123\"",
            "\"yes\"",
            "\"\"",
        ] {
            assert_eq!(
                one_line(&format!("a: {value}")),
                format!("\"a\": {value}\n")
            );
        }
        for nothing in ["a:", "a: ~", "a: null"] {
            assert_eq!(one_line(nothing), "\"a\": null\n");
        }
    }

    #[test]
    fn what_would_not_stand_on_one_line_is_quoted() {
        for (value, quoted) in [
            ("system, system_schema", "\"system, system_schema\""),
            ("'it''s'", "\"it's\""),
            ("127.0.0.1:7000", "\"127.0.0.1:7000\""),
            ("\n  - x: [1, 2]\n    y: a b", "[{x: [1, 2], y: \"a b\"}]"),
            ("|\n  two\n  lines\n", "\"two\\nlines\\n\""),
            ("!!str 12", "\"12\""),
        ] {
            assert_eq!(
                one_line(&format!("a: {value}")),
                format!("\"a\": {quoted}\n")
            );
        }
    }

    #[test]
    fn comments_and_an_empty_file_are_no_settings() {
        assert_eq!(one_line("# nothing\n"), "");
        assert_eq!(one_line(""), "");
        assert_eq!(one_line("---\n# a: 1\nb: 2 # two\n"), "\"b\": 2\n");
    }

    #[test]
    fn aliases_and_merges_are_kept_in_meaning() {
        let text = "a: &x {k: 1}\nb: {<<: *x, l: 2}\nc: *x\n";
        assert_eq!(
            one_line(text),
            "\"a\": {k: 1}\n\"b\": {<<: {k: 1}, l: 2}\n\"c\": {k: 1}\n"
        );
    }

    #[test]
    fn the_last_setting_of_a_name_counts() {
        assert_eq!(one_line("a: 1\na: 2\n"), "\"a\": 2\n");
    }

    #[test]
    fn what_is_no_mapping_of_settings_is_refused() {
        for text in [
            "- a",
            "a",
            "a: [",
            "a: 1\n---\nb: 2",
            "a: !secret x",
            "[a]: 1",
            "a:\n\t- b",
        ] {
            settings(text).unwrap_err();
        }
        let deep = format!("a: {}{}", "[".repeat(200), "]".repeat(200));
        settings(&deep).unwrap_err();
    }

    #[test]
    fn copies_by_alias_are_bounded() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for n in 1..9 {
            let below = format!("*a{}, ", n - 1).repeat(10);
            writeln!(text, "a{n}: &a{n} [{below}]").unwrap();
        }
        assert!(matches!(settings(&text), Err(Error::TooLarge { .. })));
    }

    #[test]
    fn copies_that_are_kept_for_aliases_are_bounded() {
        let values = "x, ".repeat(10_000);
        let open: Vec<_> = (0..50).map(|n| format!("&a{n} [")).collect();
        let open = open.concat();
        let text = format!("a: {open}{values}{}", "]".repeat(50));
        assert!(matches!(settings(&text), Err(Error::TooLarge { .. })));
    }

    #[test]
    fn what_is_wrong_is_said_in_our_words_with_its_line() {
        for (text, words) in [
            ("a: 1\nb: 2\na: 3\n", "key a is there twice (line 3)"),
            (
                "a:\n  b: {c: 1,\n    c: 2}\n",
                "key c is there twice (line 3)",
            ),
            (
                "a: 1\n---\nb: 2\n",
                "there is more than one document (the second begins in line 2)",
            ),
            (
                "a: 1\nb: !!java.net.URL [x]\n",
                "the tag !!java.net.URL (line 2) is not supported: only YAML's own are",
            ),
            (
                "a:\n\t- b\n",
                "it is not YAML (line 2): a tab can't indent: use blanks",
            ),
            (
                "a: 1\nb: [1, 2\nc: 3\n",
                "it is not YAML (line 3): a bracket is not closed, or a comma is missing",
            ),
            (
                "a: \"x\n",
                "it is not YAML (line 2): a quote is not closed, or a line within quotes is not indented",
            ),
            (
                "a: 1\n b: 2\n",
                "it is not YAML (line 2): the line is indented wrongly, or a text with a colon has no quotes",
            ),
            (
                "a: b: c\n",
                "it is not YAML (line 1): the line is indented wrongly, or a text with a colon has no quotes",
            ),
            (
                "a: 1\nb\nc: 2\n",
                "it is not YAML (line 2): a colon and a blank must follow a setting's name",
            ),
            (
                "a: @b\n",
                "it is not YAML (line 1): a text that begins with this character needs quotes",
            ),
            (
                "a: *b\n",
                "it is not YAML (line 1): an alias (*) names an anchor (&) that is not there before it",
            ),
            (
                "a: \"\\d\"\n",
                "it is not YAML (line 1): in double quotes a backslash begins an escape: write two of them, or use single \
                 quotes",
            ),
            ("- a\n", "it is not a mapping of settings to values"),
        ] {
            assert_eq!(settings_once(text).unwrap_err().to_string(), words);
        }
        let deep = format!("a: 1\nb: {}{}", "[".repeat(70), "]".repeat(70));
        let words = settings_once(&deep).unwrap_err().to_string();
        assert!(
            words.starts_with("it is too large or nested too deeply (line 2)"),
            "{words}"
        );
    }

    #[test]
    fn what_a_merge_brings_in_is_among_the_names() {
        let text = "x: &x {k: 1, <<: {l: 2}}\n<<: [*x, {m: 3}]\n";
        let settings = settings_once(text).unwrap();
        let names: Vec<_> = names(&settings).into_iter().collect();
        assert_eq!(names, ["<<", "k", "l", "m", "x"]);
    }

    fn node() -> impl Strategy<Value = Node> {
        let scalar = prop_oneof![
            "[a-zA-Z0-9_.+~/-]{0,9}[a-zA-Z0-9]".prop_map(Node::Plain),
            any::<String>().prop_map(Node::Text),
        ];
        scalar.prop_recursive(3, 24, 4, |inner| {
            let key = "[a-z]{1,8}".prop_map(Node::Plain);
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Node::List),
                proptest::collection::vec((key, inner), 0..4).prop_map(Node::Mapping),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_again(
            all in proptest::collection::btree_map("[a-z_]{1,12}", node(), 0..5)
        ) {
            prop_assert_eq!(settings(&write(&all)).unwrap(), all);
        }
    }
}
