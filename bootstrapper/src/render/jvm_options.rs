//! The JVM's options: heap, agents and the spec's options go to the end of jvm-server.options, the file that
//! Cassandra 4.0, 4.1 and 5.0 all read. They read jvm8-, jvm11- or jvm17-server.options after it, and for the
//! JVM the last one counts; so what the spec sets is taken out of all the other files.

use std::collections::BTreeMap;

use cassandra_api::{owned_keys, ports};

/// The file that every release reads.
pub(super) const MAIN: &str = "jvm-server.options";
/// Begins the operator's part of a file, which goes to its end.
const SECTION: &str = "# Below: written by the operator at each start of Cassandra.";
const MIB: u64 = 1 << 20;

/// One file of options.
#[derive(Clone, Debug)]
pub(super) struct File<'a> {
    pub(super) text: &'a str,
    /// Whether it is of the user's ConfigMap, not of the image.
    pub(super) of_user: bool,
}

/// What the operator and the spec say of the JVM.
#[derive(Clone, Debug)]
pub(super) struct Jvm<'a> {
    pub(super) heap_bytes: u64,
    pub(super) cpu_millicores: Option<u64>,
    /// Whether Cassandra listens on an IPv6 address.
    pub(super) ipv6: bool,
    /// Options of the spec, but for owned ones.
    pub(super) options: &'a [&'a str],
    pub(super) extra_lib: &'a str,
    pub(super) configuration: &'a str,
}

/// Whether this is the name of a file of options of Cassandra itself, not of its tools.
pub fn is_options_file(name: &str) -> bool {
    name.starts_with("jvm") && name.ends_with("-server.options")
}

/// The texts of all files of options, the main one included.
pub(super) fn render(files: &BTreeMap<&str, File<'_>>, jvm: &Jvm<'_>) -> BTreeMap<String, String> {
    let mut kept: BTreeMap<&str, Vec<&str>> = files
        .iter()
        .map(|(name, file)| (*name, keep(file, jvm)))
        .collect();
    kept.entry(MAIN).or_default();
    let active: Vec<&str> = kept
        .values()
        .flatten()
        .copied()
        .chain(jvm.options.iter().copied())
        .filter(|line| line.starts_with('-'))
        .collect();
    let young = (!active.iter().any(|option| option.starts_with("-Xmn"))).then(|| young(jvm));
    let mut section = section(jvm, &active);
    if jvm.options.contains(&CMS) {
        section.extend(young.clone());
    }
    kept.into_iter()
        .map(|(name, lines)| {
            let mut own = if name == MAIN {
                section.clone()
            } else {
                vec![]
            };
            if lines.contains(&CMS) {
                own.extend(young.clone());
            }
            (name.to_owned(), assemble(&lines, &own))
        })
        .collect()
}

const CMS: &str = "-XX:+UseConcMarkSweepGC";
/// What `-XX:+Use…GC` can choose.
const COLLECTORS: &[&str] = &[
    "ConcMarkSweep",
    "Epsilon",
    "G1",
    "ParNew",
    "Parallel",
    "ParallelOld",
    "Serial",
    "Shenandoah",
    "Z",
];

/// The size of the young generation, which CMS needs to be told. Cassandra's own script would take it from the
/// memory and the cores of the machine, not of the container.
fn young(jvm: &Jvm<'_>) -> String {
    let quarter = jvm.heap_bytes / MIB / 4;
    let by_cores = jvm.cpu_millicores.map_or(quarter, |millis| millis / 10);
    format!("-Xmn{}m", quarter.min(by_cores.max(100)).max(1))
}

/// The image's files have it. With it the JVM can't listen on an IPv6 address.
const IPV4_ONLY: &str = "-Djava.net.preferIPv4Stack=true";

/// The lines of a file that stay.
fn keep<'a>(file: &File<'a>, jvm: &Jvm<'_>) -> Vec<&'a str> {
    let options = jvm.options;
    let without_ipv6 = |line: &str| jvm.ipv6 && !file.of_user && line.trim_end() == IPV4_ONLY;
    let collector = options.iter().any(|option| chooses_collector(option));
    let replaced = |line: &str| {
        setting(line).is_some_and(|name| options.iter().any(|o| setting(o) == Some(name)))
    };
    let mut lines: Vec<_> = file
        .text
        .lines()
        .take_while(|line| *line != SECTION)
        .filter(|line| {
            !(line.starts_with('-')
                && (is_owned(line, file.of_user)
                    || without_ipv6(line)
                    || replaced(line)
                    || (collector && chooses_collector(line))))
        })
        .collect();
    while lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
    lines
}

/// Whether a line of a file gives way to the operator. An image may bring agents and a young generation was
/// meant for its own heap; a user has been told what is owned.
fn is_owned(line: &str, of_user: bool) -> bool {
    match owned_keys::in_jvm_options(line) {
        Some(owned) => of_user || owned.key != "-javaagent:",
        None => !of_user && line.starts_with("-Xmn"),
    }
}

fn chooses_collector(option: &str) -> bool {
    let name = option.trim_end().strip_prefix("-XX:+Use");
    name.and_then(|name| name.strip_suffix("GC"))
        .is_some_and(|name| COLLECTORS.contains(&name))
}

/// What an option sets, if another one for the same thing would fight with it. None: it adds to others.
fn setting(option: &str) -> Option<&str> {
    let option = option.trim_end();
    if let Some(rest) = option.strip_prefix("-XX:") {
        let name = rest.trim_start_matches(['+', '-']);
        return name.split('=').next();
    }
    if option.starts_with("-D") {
        return option.split('=').next();
    }
    ["-Xss", "-Xmn"]
        .into_iter()
        .find(|name| option.starts_with(name))
}

fn section(jvm: &Jvm<'_>, active: &[&str]) -> Vec<String> {
    let heap = (jvm.heap_bytes / MIB).max(1);
    let mut own = vec![format!("-Xms{heap}m"), format!("-Xmx{heap}m")];
    // Cassandra's script would have `kill -9` run, which a container's first process does not obey.
    if !active
        .iter()
        .any(|o| o.contains("OnOutOfMemoryError") && !o.contains("HeapDump"))
    {
        own.push("-XX:+ExitOnOutOfMemoryError".to_owned());
    }
    own.push(format!(
        "-javaagent:{}/jolokia.jar=host=127.0.0.1,port={},policyLocation=file://{}/jolokia-policy.xml",
        jvm.extra_lib,
        ports::JOLOKIA,
        jvm.configuration
    ));
    own.push(format!(
        "-javaagent:{}/jmx-exporter.jar={}:{}/jmx-exporter.yaml",
        jvm.extra_lib,
        ports::JMX_EXPORTER,
        jvm.configuration
    ));
    own.extend(jvm.options.iter().map(ToString::to_string));
    own
}

fn assemble(lines: &[&str], own: &[String]) -> String {
    let mut out = String::new();
    for line in lines {
        out.push_str(line);
        out.push('\n');
    }
    if !own.is_empty() {
        out.push_str(SECTION);
        out.push('\n');
    }
    for line in own {
        out.push_str(line);
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(files: &[(&str, &str)], options: &[&str]) -> BTreeMap<String, String> {
        let files = files
            .iter()
            .map(|(name, text)| {
                (
                    *name,
                    File {
                        text,
                        of_user: false,
                    },
                )
            })
            .collect();
        let jvm = Jvm {
            heap_bytes: 2 << 30,
            cpu_millicores: Some(2000),
            ipv6: false,
            options,
            extra_lib: "/extra-lib",
            configuration: "/etc/cassandra",
        };
        render(&files, &jvm)
    }

    #[test]
    fn an_ipv6_node_is_not_held_to_ipv4_by_its_image() {
        for (ipv6, of_user, stays) in [
            (false, false, true),
            (true, false, false),
            (true, true, true),
        ] {
            let text = "-ea\n-Djava.net.preferIPv4Stack=true\n";
            let files = BTreeMap::from([(MAIN, File { text, of_user })]);
            let jvm = Jvm {
                heap_bytes: 2 << 30,
                cpu_millicores: None,
                ipv6,
                options: &[],
                extra_lib: "/extra-lib",
                configuration: "/etc/cassandra",
            };
            let out = render(&files, &jvm);
            assert_eq!(out[MAIN].contains(IPV4_ONLY), stays, "{ipv6} {of_user}");
        }
    }

    #[test]
    fn the_heap_is_the_operator_s() {
        let out = rendered(&[(MAIN, "-ea\n-Xmx31G\n-Xms4G\n-Xmn1G\n#-Xmx8G\n")], &[]);
        let text = &out[MAIN];
        assert!(text.starts_with("-ea\n#-Xmx8G\n"));
        assert_eq!(text.matches("\n-Xmx").count(), 1);
        assert!(text.contains("\n-Xms2048m\n-Xmx2048m\n") && !text.contains("-Xmn"));
    }

    #[test]
    fn an_option_of_the_spec_replaces_the_image_s_in_every_file() {
        let files = [
            (MAIN, "-XX:+UseNUMA\n-Dcassandra.max_queued=1\n-Xss256k\n"),
            (
                "jvm17-server.options",
                "-XX:MaxGCPauseMillis=300\n--add-opens a=b\n",
            ),
        ];
        let set = [
            "-XX:-UseNUMA",
            "-XX:MaxGCPauseMillis=500",
            "-Dcassandra.max_queued=2",
            "-Xss1m",
        ];
        let out = rendered(&files, &set);
        assert_eq!(out["jvm17-server.options"], "--add-opens a=b\n");
        assert!(out[MAIN].starts_with(SECTION));
        assert!(out[MAIN].ends_with(&format!("{}\n", set.join("\n"))));
    }

    #[test]
    fn a_collector_of_the_spec_replaces_the_image_s() {
        let files = [(
            "jvm11-server.options",
            "-XX:+UseConcMarkSweepGC\n-XX:SurvivorRatio=8\n",
        )];
        let out = rendered(&files, &["-XX:+UseG1GC"]);
        assert_eq!(out["jvm11-server.options"], "-XX:SurvivorRatio=8\n");
        assert!(!out[MAIN].contains("-Xmn"));
    }

    #[test]
    fn the_young_generation_of_cms_follows_the_container_not_the_machine() {
        let files = [("jvm11-server.options", "-XX:+UseConcMarkSweepGC\n")];
        let out = rendered(&files, &[]);
        assert!(out["jvm11-server.options"].ends_with("\n-Xmn200m\n"));
        assert!(!out[MAIN].contains("-Xmn"));
        let out = rendered(&files, &["-Xmn300m"]);
        assert!(!out["jvm11-server.options"].contains("-Xmn"));
    }

    #[test]
    fn running_out_of_memory_ends_the_process_unless_the_user_says_what_else() {
        let exits = |text, options: &[&str]| {
            rendered(&[(MAIN, text)], options)[MAIN].contains("\n-XX:+ExitOnOutOfMemoryError\n")
        };
        assert!(exits("-XX:+HeapDumpOnOutOfMemoryError\n", &[]));
        assert!(!exits("-XX:+CrashOnOutOfMemoryError\n", &[]));
        assert!(!exits("", &["-XX:-ExitOnOutOfMemoryError"]));
    }

    #[test]
    fn rendering_what_was_rendered_changes_nothing() {
        let files = [
            (MAIN, "-ea\n-XX:+UseNUMA\n"),
            ("jvm11-server.options", "-XX:+UseConcMarkSweepGC\n"),
        ];
        let options = ["--add-opens a=b", "-Xlog:gc"];
        let once = rendered(&files, &options);
        let again: Vec<_> = once.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
        assert_eq!(rendered(&again, &options), once);
    }
}
