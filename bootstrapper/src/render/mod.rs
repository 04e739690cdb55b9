//! Cassandra's configuration, as a pure function of the image's files, the revision and the node's place.

mod cassandra_yaml;
mod jvm_options;
mod rackdc;
mod renamed_keys;

use std::collections::BTreeMap;

use cassandra_api::{owned_keys, revision::heap_for_limit};
use cassandra_management::POLICY_XML;

pub use cassandra_yaml::{DEFAULTS, Place};
pub use jvm_options::is_options_file;

use crate::{sources::Sources, yaml::Node};

/// Begins a file that is written as a whole.
const HEADER: &str = "# Written by cassandra-operator's bootstrapper at each start of Cassandra: a change here is lost at the next one.\n";
const CASSANDRA_YAML: &str = "cassandra.yaml";
const RACKDC: &str = "cassandra-rackdc.properties";
const POLICY: &str = "jolokia-policy.xml";
const EXPORTER: &str = "jmx-exporter.yaml";
/// With it GossipingPropertyFileSnitch would believe its example of a topology for nodes that are down.
const TOPOLOGY: &str = "cassandra-topology.properties";

/// What of the configuration is this node's own.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Where the node is in its ring.
    pub place: Place,
    /// The Cassandra datacenter.
    pub datacenter: String,
    /// The Cassandra rack.
    pub rack: String,
    /// The container's memory limit.
    pub memory_limit_bytes: u64,
    /// The container's cpu limit, if it has one.
    pub cpu_limit_millicores: Option<u64>,
    /// The configuration folder, as Cassandra sees it.
    pub configuration: String,
    /// The folder of the agents' jars, as Cassandra sees it.
    pub extra_lib: String,
}

/// Files of the configuration folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// Files to write.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Files that must not be there.
    pub absent: Vec<&'static str>,
}

/// Why the configuration can't be rendered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no cassandra.yaml.
    #[error(
        "neither the image nor the ConfigMap has a cassandra.yaml: the image must be laid out like the \
         official one, with its configuration in /etc/cassandra"
    )]
    NoCassandraYaml,
    /// A cassandra.yaml can't be used.
    #[error("{file} of the {origin} can't be used: {problem}")]
    Unusable {
        /// The file.
        file: String,
        /// `image` or `ConfigMap`.
        origin: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The user's ConfigMap has a file that is the operator's.
    #[error("{file} of the ConfigMap is owned by the operator: {instead}")]
    OwnedFile {
        /// The file.
        file: String,
        /// What to do instead.
        instead: &'static str,
    },
}

/// Renders the configuration.
pub fn render(sources: &Sources, setting: &Setting) -> Result<Rendered, Error> {
    for file in sources.user.keys() {
        if let Some(owned) = owned_keys::in_files(file) {
            return Err(Error::OwnedFile {
                file: file.clone(),
                instead: owned.instead,
            });
        }
    }
    let mut files = sources.user.clone();
    let mut put = |name: &str, text: String| files.insert(name.to_owned(), text.into_bytes());
    put(CASSANDRA_YAML, cassandra_yaml(sources, setting)?);
    for (name, text) in jvm_options(sources, setting)? {
        put(&name, text);
    }
    let earlier = text(sources, RACKDC)?.unwrap_or_default();
    put(
        RACKDC,
        rackdc::render(earlier.text, &setting.datacenter, &setting.rack),
    );
    put(POLICY, POLICY_XML.to_owned());
    if !sources.user.contains_key(EXPORTER) {
        put(EXPORTER, include_str!("jmx-exporter.yaml").to_owned());
    }
    Ok(Rendered {
        files,
        absent: vec![TOPOLOGY],
    })
}

fn cassandra_yaml(sources: &Sources, setting: &Setting) -> Result<String, Error> {
    let file = text(sources, CASSANDRA_YAML)?.ok_or(Error::NoCassandraYaml)?;
    let inline = &sources.revision.cassandra_yaml;
    cassandra_yaml::render(file.text, inline, &setting.place).map_err(|problem| Error::Unusable {
        file: CASSANDRA_YAML.to_owned(),
        origin: origin(file.of_user),
        problem: problem.to_string(),
    })
}

fn jvm_options(sources: &Sources, setting: &Setting) -> Result<BTreeMap<String, String>, Error> {
    let names = sources.image.keys().chain(sources.user.keys());
    let mut texts = BTreeMap::new();
    for name in names.filter(|name| is_options_file(name)) {
        if let Some(text) = text(sources, name)? {
            texts.insert(name.as_str(), text);
        }
    }
    let files = texts
        .iter()
        .map(|(name, text)| {
            let (text, of_user) = (text.text, text.of_user);
            (*name, jvm_options::File { text, of_user })
        })
        .collect();
    // They were refused long before; what comes through all the same must not begin another ring.
    let options: Vec<_> = sources
        .revision
        .jvm_options
        .iter()
        .map(String::as_str)
        .filter(|option| owned_keys::in_jvm_options(option).is_none())
        .collect();
    let limit = setting.memory_limit_bytes;
    let jvm = jvm_options::Jvm {
        heap_bytes: sources
            .revision
            .heap_bytes
            .unwrap_or_else(|| heap_for_limit(limit)),
        cpu_millicores: setting.cpu_limit_millicores,
        ipv6: setting.place.listen.is_ipv6(),
        options: &options,
        extra_lib: &setting.extra_lib,
        configuration: &setting.configuration,
    };
    Ok(jvm_options::render(&files, &jvm))
}

/// A file as text, from the ConfigMap or else from the image.
#[derive(Default)]
struct Text<'a> {
    text: &'a str,
    of_user: bool,
}

fn origin(of_user: bool) -> &'static str {
    if of_user { "ConfigMap" } else { "image" }
}

fn text<'a>(sources: &'a Sources, name: &str) -> Result<Option<Text<'a>>, Error> {
    let (bytes, of_user) = match (sources.user.get(name), sources.image.get(name)) {
        (Some(bytes), _) => (bytes, true),
        (None, Some(bytes)) => (bytes, false),
        (None, None) => return Ok(None),
    };
    match str::from_utf8(bytes) {
        Ok(text) => Ok(Some(Text { text, of_user })),
        Err(_) => Err(Error::Unusable {
            file: name.to_owned(),
            origin: origin(of_user),
            problem: "it is not UTF-8 text".into(),
        }),
    }
}
