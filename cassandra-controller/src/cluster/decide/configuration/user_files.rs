//! What of the user's ConfigMap can't be used. It is said before a pod is made for it, with the reader that the bootstrapper
//! has: what passes here is not refused there.
//!
//! A file whose name is nearly that of one that Cassandra reads is refused too. It would be copied and never read: a ring
//! would begin with the image's tokens and partitioner, which can't be changed later.

use bootstrapper::{render::is_options_file, yaml};
use cassandra_api::{
    k8s_openapi::{ByteString, api::core::v1::ConfigMap},
    owned_keys,
};

const CASSANDRA_YAML: &str = "cassandra.yaml";

/// Files that Cassandra and its agents read.
const READ: [&str; 8] = [
    CASSANDRA_YAML,
    "cassandra-env.sh",
    "jmx-exporter.yaml",
    "jvm-server.options",
    "jvm8-server.options",
    "jvm11-server.options",
    "jvm17-server.options",
    "logback.xml",
];
/// Names of other releases and other tools, and what is read instead.
const NOT_READ: [(&str, &str); 2] = [
    ("cassandra.yml", CASSANDRA_YAML),
    ("jvm.options", "jvm-server.options"),
];

/// The first problem, if there is one.
pub(super) fn problem_with(map: &ConfigMap) -> Option<String> {
    let texts = map.data.iter().flatten();
    let texts = texts.map(|(name, text)| (name.as_str(), text.as_bytes()));
    let binaries = map.binary_data.iter().flatten();
    let binaries = binaries.map(|(name, ByteString(bytes))| (name.as_str(), bytes.as_slice()));
    let mut files: Vec<_> = texts.chain(binaries).collect();
    files.sort_by_key(|(name, _)| *name);
    let names = files.iter().map(|(name, _)| *name);
    let mut of_names = names.filter_map(problem_with_name);
    of_names.next().or_else(|| {
        files
            .iter()
            .find_map(|(name, content)| problem_with_content(name, content))
    })
}

fn problem_with_name(name: &str) -> Option<String> {
    if let Some(owned) = owned_keys::in_files(name) {
        return Some(format!(
            "{name} is owned by the operator: {}",
            owned.instead
        ));
    }
    let nearly = READ.iter().map(|read| (*read, *read)).chain(NOT_READ);
    let mut nearly = nearly.filter(|(like, read)| name != *read && name.eq_ignore_ascii_case(like));
    let (_, read) = nearly.next()?;
    Some(format!(
        "{name} is not a name that Cassandra reads: call the file {read}"
    ))
}

fn problem_with_content(name: &str, content: &[u8]) -> Option<String> {
    let check: fn(&str) -> Option<String> = match name {
        CASSANDRA_YAML => problem_with_yaml,
        name if is_options_file(name) => problem_with_options,
        _ => return None,
    };
    let problem = match str::from_utf8(content) {
        Ok(text) => check(text),
        Err(_) => Some("can't be used: it is not UTF-8 text".into()),
    };
    problem.map(|problem| format!("{name} {problem}"))
}

fn problem_with_yaml(text: &str) -> Option<String> {
    match yaml::settings_once(text) {
        Err(error) => Some(format!("can't be used: {error}")),
        Ok(settings) => yaml::names(&settings).into_iter().find_map(|key| {
            let owned = owned_keys::in_cassandra_yaml(key)?;
            Some(format!(
                "sets {key}, which is owned by the operator: {}",
                owned.instead
            ))
        }),
    }
}

fn problem_with_options(text: &str) -> Option<String> {
    let options = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'));
    options.into_iter().find_map(|option| {
        let owned = owned_keys::in_jvm_options(option)?;
        Some(format!(
            "sets {option}, which is owned by the operator: {}",
            owned.instead
        ))
    })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn said_of(name: &str, content: impl Into<Vec<u8>>) -> Option<String> {
        let content = content.into();
        let in_data = |text: &str| ConfigMap {
            data: Some([(name.to_owned(), text.to_owned())].into()),
            ..ConfigMap::default()
        };
        let in_binary = ConfigMap {
            binary_data: Some([(name.to_owned(), ByteString(content.clone()))].into()),
            ..ConfigMap::default()
        };
        let said = problem_with(&in_binary);
        // The same bytes mean the same, wherever they are.
        if let Ok(text) = str::from_utf8(&content) {
            assert_eq!(problem_with(&in_data(text)), said);
        }
        said
    }

    fn billion_laughs() -> String {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for n in 1..9 {
            let below = format!("*a{}, ", n - 1).repeat(10);
            writeln!(text, "a{n}: &a{n} [{below}]").unwrap();
        }
        text
    }

    #[test]
    fn a_cassandra_yaml_that_cant_be_used_is_told_by_line_and_in_our_words() {
        let laughs = billion_laughs();
        let cases: [(&str, &str); 8] = [
            (
                "num_tokens: 8\na: 1\nnum_tokens: 16\n",
                "key num_tokens is there twice (line 3)",
            ),
            (
                "a: 1\n---\nb: 2\n",
                "there is more than one document (the second begins in line 2)",
            ),
            (&laughs, "it is too large or nested too deeply (line 5)"),
            ("a:\n\tb: 1\n", "it is not YAML (line 2"),
            ("a: [1\n", "it is not YAML (line "),
            ("- a\n- b\n", "it is not a mapping of settings to values"),
            ("just text\n", "it is not a mapping of settings to values"),
            (
                "a: !!java.net.URL [x]\n",
                "the tag !!java.net.URL (line 1) is not supported",
            ),
        ];
        let librarys = ["Options", "from_str", "Policy", "budget", "Nodes", "byte"];
        for (text, words) in cases {
            let said = said_of("cassandra.yaml", text).unwrap();
            let expected = format!("cassandra.yaml can't be used: {words}");
            assert!(said.starts_with(&expected), "{said}");
            let shown = librarys.iter().find(|word| said.contains(**word));
            assert_eq!(shown, None, "{said}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_refused_where_text_is_needed() {
        for name in ["cassandra.yaml", "jvm-server.options"] {
            let said = said_of(name, b"a: \xff\n").unwrap();
            assert_eq!(said, format!("{name} can't be used: it is not UTF-8 text"));
        }
        assert_eq!(said_of("keystore", b"\xfe\xed\xfe\xed"), None);
    }

    #[test]
    fn what_cassandra_reads_passes() {
        for text in [
            "",
            "# nothing\n",
            "a: &x {k: 1}\nb: {<<: *x, l: 2}\n",
            "a: 0x20\r\nb: 010\r\nc: no\r\n",
            "\u{feff}a: 1\n",
        ] {
            assert_eq!(said_of("cassandra.yaml", text), None, "{text:?}");
        }
        for name in ["logback.xml", "mine.yml", ".hidden", "jvm-clients.options"] {
            assert_eq!(said_of(name, "-Xmx1G: ["), None);
        }
    }

    #[test]
    fn a_name_that_cassandra_does_not_read_is_told_with_the_one_that_it_does() {
        for (name, read) in [
            ("cassandra.yml", "cassandra.yaml"),
            ("Cassandra.yaml", "cassandra.yaml"),
            ("CASSANDRA.YML", "cassandra.yaml"),
            ("jvm.options", "jvm-server.options"),
            ("JVM17-server.options", "jvm17-server.options"),
            ("Logback.xml", "logback.xml"),
        ] {
            let said = format!("{name} is not a name that Cassandra reads: call the file {read}");
            assert_eq!(said_of(name, "a: 1"), Some(said));
        }
    }

    #[test]
    fn what_the_operator_owns_is_refused_wherever_it_stands() {
        for (name, text, words) in [
            ("cassandra.yaml", "cluster_name: x", "set spec.clusterName"),
            (
                "cassandra.yaml",
                "<<: [{a: 1}, {initial_token: 1}]",
                "sets initial_token",
            ),
            ("jvm-server.options", "# -Xmx1G\n -Xmx2G", "sets -Xmx2G"),
            ("cassandra-rackdc.properties", "", "set spec.datacenter"),
        ] {
            let said = said_of(name, text).unwrap();
            assert!(said.contains(words), "{said}");
        }
    }
}
