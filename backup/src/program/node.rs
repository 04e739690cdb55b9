//! The Cassandra node on this machine: what it says of itself, and its snapshots. By nodetool or by Jolokia.

use std::{collections::BTreeMap, process::Command};

use backup::{
    error::{Error, Result},
    format::manifest::Node,
    ids::{ClusterUid, HostId},
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::options;

const STORAGE_SERVICE: &str = "org.apache.cassandra.db:type=StorageService";
const SNITCH: &str = "org.apache.cassandra.db:type=EndpointSnitchInfo";

/// How it is spoken to.
#[derive(Debug)]
pub(crate) enum Cassandra {
    Nodetool(Vec<String>),
    Jolokia(String),
}

/// What it says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) host_id: HostId,
    cluster_name: String,
    datacenter: String,
    rack: String,
    version: String,
    partitioner: String,
    tokens: Vec<String>,
    schema_version: String,
}

impl Facts {
    pub(crate) fn into_node(self, cluster_uid: ClusterUid, member: String, tag: &str) -> Node {
        Node {
            cluster_uid,
            cluster_name: self.cluster_name,
            datacenter: self.datacenter,
            rack: self.rack,
            member,
            cassandra: self.version,
            partitioner: self.partitioner,
            tokens: self.tokens,
            schema_version: self.schema_version,
            snapshot_tag: tag.to_owned(),
            snapshot_at: Timestamp::now(),
        }
    }
}

impl Cassandra {
    pub(crate) fn new(options: &options::Node) -> Self {
        match &options.jolokia {
            Some(url) => Self::Jolokia(url.trim_end_matches('/').to_owned()),
            None => Self::Nodetool(
                options
                    .nodetool
                    .split_whitespace()
                    .map(str::to_owned)
                    .collect(),
            ),
        }
    }

    pub(crate) async fn facts(&self) -> Result<Facts> {
        match self {
            Self::Nodetool(command) => {
                let info = nodetool(command, &["info", "-T"])?;
                let cluster = nodetool(command, &["describecluster"])?;
                let version = nodetool(command, &["version"])?;
                of_nodetool(&info, &cluster, &version)
            }
            Self::Jolokia(url) => of_jolokia(url).await,
        }
    }

    /// Takes a snapshot, unless one of this name is there. Failing to is an error: a backup of nothing is none.
    pub(crate) async fn snapshot(&self, tag: &str) -> Result<()> {
        match self {
            Self::Nodetool(command) => nodetool(command, &["snapshot", "-t", tag]).map(drop),
            Self::Jolokia(url) => {
                let operation = "takeSnapshot(java.lang.String,java.util.Map,[Ljava.lang.String;)";
                execute(url, operation, json!([tag, {}, []])).await
            }
        }
    }

    pub(crate) async fn clear_snapshot(&self, tag: &str) -> Result<()> {
        match self {
            Self::Nodetool(command) => nodetool(command, &["clearsnapshot", "-t", tag]).map(drop),
            Self::Jolokia(url) => {
                let operation = "clearSnapshot(java.lang.String,[Ljava.lang.String;)";
                execute(url, operation, json!([tag, []])).await
            }
        }
    }
}

fn failed(detail: impl Into<String>) -> Error {
    Error::Refused {
        detail: detail.into(),
    }
}

fn nodetool(command: &[String], arguments: &[&str]) -> Result<String> {
    let (program, first) = command
        .split_first()
        .ok_or_else(|| failed("--nodetool is empty"))?;
    let output = Command::new(program).args(first).args(arguments).output();
    let output = output.map_err(|error| failed(format!("failed to run {program}: {error}")))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    let complained = String::from_utf8_lossy(&output.stderr);
    let complained = if complained.trim().is_empty() {
        said.trim()
    } else {
        complained.trim()
    };
    Err(failed(format!(
        "nodetool {} failed: {complained}",
        arguments.join(" ")
    )))
}

/// Lines of the form `name : value`. Names may come again.
fn fields(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut fields: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in text.lines() {
        if let Some((name, value)) = line.split_once(':') {
            fields.entry(name.trim()).or_default().push(value.trim());
        }
    }
    fields
}

fn of_nodetool(info: &str, cluster: &str, version: &str) -> Result<Facts> {
    let (info, about, version) = (fields(info), fields(cluster), fields(version));
    let one = |fields: &BTreeMap<&str, Vec<&str>>, name: &str| {
        let value = fields.get(name).and_then(|values| values.first());
        value
            .map(|value| (*value).to_owned())
            .ok_or_else(|| failed(format!("nodetool does not tell {name}")))
    };
    // The versions of the schema are the only names that are UUIDs.
    let schema = about.keys().find(|name| name.parse::<HostId>().is_ok());
    Ok(Facts {
        host_id: one(&info, "ID")?.parse()?,
        cluster_name: one(&about, "Name")?,
        datacenter: one(&info, "Data Center")?,
        rack: one(&info, "Rack")?,
        version: one(&version, "ReleaseVersion")?,
        partitioner: one(&about, "Partitioner")?,
        tokens: info
            .get("Token")
            .into_iter()
            .flatten()
            .map(|token| (*token).to_owned())
            .collect(),
        schema_version: schema.map(|name| (*name).to_owned()).unwrap_or_default(),
    })
}

async fn of_jolokia(url: &str) -> Result<Facts> {
    let read = async |mbean: &str, attribute: &str| {
        post(
            url,
            json!({ "type": "read", "mbean": mbean, "attribute": attribute }),
        )
        .await
    };
    let text = async |mbean: &str, attribute: &str| {
        let value = read(mbean, attribute).await?;
        let text = value.as_str().map(str::to_owned);
        text.ok_or_else(|| failed(format!("Jolokia does not tell {attribute}")))
    };
    let tokens = read(STORAGE_SERVICE, "Tokens").await?;
    let tokens = tokens.as_array().into_iter().flatten();
    Ok(Facts {
        host_id: text(STORAGE_SERVICE, "LocalHostId").await?.parse()?,
        cluster_name: text(STORAGE_SERVICE, "ClusterName").await?,
        datacenter: text(SNITCH, "Datacenter").await?,
        rack: text(SNITCH, "Rack").await?,
        version: text(STORAGE_SERVICE, "ReleaseVersion").await?,
        partitioner: text(STORAGE_SERVICE, "PartitionerName").await?,
        tokens: tokens
            .filter_map(|token| token.as_str().map(str::to_owned))
            .collect(),
        schema_version: text(STORAGE_SERVICE, "SchemaVersion").await?,
    })
}

async fn execute(url: &str, operation: &str, arguments: Value) -> Result<()> {
    let request = json!({
        "type": "exec",
        "mbean": STORAGE_SERVICE,
        "operation": operation,
        "arguments": arguments,
    });
    post(url, request).await.map(drop)
}

#[derive(Deserialize)]
struct Answer {
    status: u16,
    #[serde(default)]
    value: Value,
    #[serde(default)]
    error: String,
}

async fn post(url: &str, request: Value) -> Result<Value> {
    let asked = reqwest::Client::new()
        .post(url)
        .body(request.to_string())
        .send()
        .await;
    let answer = async { asked?.bytes().await }.await;
    let answer = answer.map_err(|error| failed(format!("Jolokia at {url}: {error}")))?;
    let answer: Answer = serde_json::from_slice(&answer).map_err(|error| {
        failed(format!(
            "Jolokia at {url} does not answer as it should: {error}"
        ))
    })?;
    if answer.status == 200 {
        return Ok(answer.value);
    }
    Err(failed(format!("{request} failed: {}", answer.error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nodetool_says_is_read() {
        let info = "ID                     : 6f4ad9a3-3a5e-4a0c-8f3c-5a6e8b9d0c1e\n\
            Gossip active          : true\nData Center            : dc1\nRack                   : r1\n\
            Token                  : -9223372036854775808\nToken                  : 5\n";
        let cluster = "Cluster Information:\n\tName: Test Cluster\n\tSnitch: x\n\
            \tPartitioner: org.apache.cassandra.dht.Murmur3Partitioner\n\tSchema versions:\n\
            \t\t2207c2a9-f598-3971-986b-2926e09e239d: [127.0.0.1]\n";
        let facts = of_nodetool(info, cluster, "ReleaseVersion: 5.0.9\n").unwrap();
        assert_eq!(facts.cluster_name, "Test Cluster");
        assert_eq!(facts.tokens, ["-9223372036854775808", "5"]);
        assert_eq!(facts.version, "5.0.9");
        assert_eq!(facts.schema_version, "2207c2a9-f598-3971-986b-2926e09e239d");
        assert!(of_nodetool("", cluster, "").is_err());
    }

    #[test]
    fn a_nodetool_that_fails_or_is_not_there_is_an_error() {
        let error = nodetool(&["false".to_owned()], &["snapshot"]).unwrap_err();
        assert!(
            error.to_string().contains("nodetool snapshot failed"),
            "{error}"
        );
        assert!(nodetool(&["/nowhere/nodetool".to_owned()], &["info"]).is_err());
    }
}
