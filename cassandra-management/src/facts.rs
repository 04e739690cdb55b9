//! What one node says of itself and of the ring. Whatever can't be read is absent: early in a start the
//! MBeans are not there yet.

use std::{collections::BTreeMap, fmt, net::IpAddr};

use cassandra_api::v1alpha1::{Peer, PeerState};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    Error,
    calls::{
        Call, GOSSIP, HOST_IDS, LOAD, LOCAL_HOST_ID, NATIVE_TRANSPORT_RUNNING, OPERATION_MODE,
        RELEASE_VERSION, SCHEMA_VERSION, STATES, TOKENS,
    },
};

/// What is read for [`NodeFacts`].
pub(crate) const READS: &[Call] = &[
    OPERATION_MODE,
    LOCAL_HOST_ID,
    RELEASE_VERSION,
    SCHEMA_VERSION,
    TOKENS,
    NATIVE_TRANSPORT_RUNNING,
    LOAD,
    HOST_IDS,
    STATES,
    GOSSIP,
];

/// What one node says of itself and of the ring.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeFacts {
    /// Its mode. None: Cassandra is not so far yet.
    pub mode: Option<Mode>,
    /// Its host id.
    pub host_id: Option<String>,
    /// The Cassandra release.
    pub release_version: Option<String>,
    /// Its own schema version.
    pub schema_version: Option<String>,
    /// Its tokens, sorted as Cassandra sorts them.
    pub tokens: Vec<String>,
    /// Whether it serves CQL.
    pub native_transport: bool,
    /// Bytes of data on disk.
    pub load_bytes: Option<u64>,
    /// Every node of the ring as this one sees it, itself included, sorted by host id.
    pub ring: Vec<Peer>,
    /// Names of the attributes that could not be read.
    pub missing: Vec<&'static str>,
}

/// Cassandra's own operation mode: those of `StorageService.Mode` in 5.0. Earlier releases do not all have
/// [`JoiningFailed`](Self::JoiningFailed) and [`DecommissionFailed`](Self::DecommissionFailed), and have no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Has not begun to join.
    Starting,
    /// Bootstraps, or takes its place in the ring again.
    Joining,
    /// Has bootstrapped in vain, and is not in the ring.
    JoiningFailed,
    /// Is in the ring.
    Normal,
    /// Is in the ring, serves, and streams its data to others to leave it.
    Leaving,
    /// Has left the ring.
    Decommissioned,
    /// Has tried to leave in vain, and is in the ring.
    DecommissionFailed,
    /// Is in the ring, serves, and takes other tokens.
    Moving,
    /// Flushes, and takes no requests.
    Draining,
    /// Has flushed, and takes no requests.
    Drained,
    /// Any other, by its name.
    Other(String),
}

impl Mode {
    /// Every mode that has a name here.
    const NAMED: [Self; 10] = [
        Self::Starting,
        Self::Joining,
        Self::JoiningFailed,
        Self::Normal,
        Self::Leaving,
        Self::Decommissioned,
        Self::DecommissionFailed,
        Self::Moving,
        Self::Draining,
        Self::Drained,
    ];

    /// Cassandra's name of it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Starting => "STARTING",
            Self::Joining => "JOINING",
            Self::JoiningFailed => "JOINING_FAILED",
            Self::Normal => "NORMAL",
            Self::Leaving => "LEAVING",
            Self::Decommissioned => "DECOMMISSIONED",
            Self::DecommissionFailed => "DECOMMISSION_FAILED",
            Self::Moving => "MOVING",
            Self::Draining => "DRAINING",
            Self::Drained => "DRAINED",
            Self::Other(name) => name,
        }
    }
}

impl From<String> for Mode {
    fn from(name: String) -> Self {
        let mut named = Self::NAMED.into_iter();
        named
            .find(|mode| mode.as_str() == name)
            .unwrap_or(Self::Other(name))
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl NodeFacts {
    /// From the answers to [`READS`].
    pub(crate) fn from_answers(answers: Vec<Result<Value, Error>>) -> Result<Self, Error> {
        let mut answers = Answers::new(answers)?;
        let mode: Option<String> = answers.take(OPERATION_MODE);
        Ok(Self {
            mode: mode.map(Mode::from),
            host_id: answers.take(LOCAL_HOST_ID),
            release_version: answers.take(RELEASE_VERSION),
            schema_version: answers.take(SCHEMA_VERSION),
            tokens: answers.take(TOKENS).unwrap_or_default(),
            native_transport: answers.take(NATIVE_TRANSPORT_RUNNING).unwrap_or_default(),
            load_bytes: answers.take(LOAD),
            ring: ring(
                answers.take(HOST_IDS).unwrap_or_default(),
                &answers.take(STATES).unwrap_or_default(),
                &answers.take::<String>(GOSSIP).unwrap_or_default(),
            ),
            missing: answers.missing,
        })
    }
}

/// The values that were answered, taken one by one.
struct Answers {
    values: BTreeMap<&'static str, Value>,
    missing: Vec<&'static str>,
}

impl Answers {
    /// A mode that may not be read is an error: nothing at all would be known of the node for a reason
    /// that does not pass.
    fn new(answers: Vec<Result<Value, Error>>) -> Result<Self, Error> {
        let mut values = BTreeMap::new();
        for (call, answer) in READS.iter().zip(answers) {
            match answer {
                Ok(value) => {
                    values.insert(call.name, value);
                }
                Err(error @ Error::Denied { .. }) if *call == OPERATION_MODE => return Err(error),
                Err(_) => {}
            }
        }
        Ok(Self {
            values,
            missing: Vec::new(),
        })
    }

    fn take<T: DeserializeOwned>(&mut self, call: Call) -> Option<T> {
        let value = self.values.remove(call.name);
        let value = value.and_then(|value| serde_json::from_value(value).ok());
        if value.is_none() {
            self.missing.push(call.name);
        }
        value
    }
}

/// Every node that has a host id; nodes that have left are in gossip for days, and have none here.
fn ring(
    host_ids: BTreeMap<String, String>,
    states: &BTreeMap<String, String>,
    gossip: &str,
) -> Vec<Peer> {
    let states: BTreeMap<&str, &str> = states
        .iter()
        .map(|(address, state)| (without_name(address), state.as_str()))
        .collect();
    let gossip = told(gossip);
    let mut ring: Vec<Peer> = host_ids
        .into_iter()
        .map(|(address, host_id)| {
            let told = gossip.get(address.as_str()).copied().unwrap_or_default();
            Peer {
                host_id,
                state: peer_state(states.get(address.as_str()).copied()),
                schema: told.schema.map(Into::into),
                datacenter: told.datacenter.map(Into::into),
                rack: told.rack.map(Into::into),
                address: as_kubernetes_has_it(without_port(&address)),
            }
        })
        .collect();
    ring.sort();
    ring
}

fn peer_state(state: Option<&str>) -> PeerState {
    match state {
        Some("UP") => PeerState::Up,
        Some("DOWN") => PeerState::Down,
        Some(_) | None => PeerState::Unknown,
    }
}

/// What gossip tells of one node.
#[derive(Clone, Copy, Default)]
struct Gossiped<'a> {
    schema: Option<&'a str>,
    datacenter: Option<&'a str>,
    rack: Option<&'a str>,
}

/// What gossip tells of each node, by address. It is written as a line `host/address:port` for each node, and below it
/// a line `  KEY:counter:value` for each thing that is known of it.
fn told(gossip: &str) -> BTreeMap<&str, Gossiped<'_>> {
    let mut node = "";
    let mut nodes: BTreeMap<&str, Gossiped<'_>> = BTreeMap::new();
    for line in gossip.lines() {
        if !line.starts_with(' ') {
            node = without_name(line);
            continue;
        }
        let mut parts = line.trim_start().splitn(3, ':');
        let (Some(key), Some(_), Some(value)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let told = nodes.entry(node).or_default();
        match key {
            "SCHEMA" => told.schema = Some(value),
            "DC" => told.datacenter = Some(value),
            "RACK" => told.rack = Some(value),
            _ => {}
        }
    }
    nodes
}

/// `name/address:port` or `/address:port` without the name.
fn without_name(address: &str) -> &str {
    address.rsplit_once('/').map_or(address, |(_, rest)| rest)
}

fn without_port(address: &str) -> &str {
    address
        .rsplit_once(':')
        .map_or(address, |(host, _)| host)
        .trim_matches(['[', ']'])
}

/// Java writes out the zeros of an IPv6 address.
fn as_kubernetes_has_it(address: &str) -> String {
    let parsed = address.parse::<IpAddr>();
    parsed.map_or_else(|_| address.into(), |address| address.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn missing(call: &'static str) -> Result<Value, Error> {
        Err(Error::Java {
            call,
            class: "javax.management.InstanceNotFoundException".into(),
            message: String::new(),
        })
    }

    #[test]
    fn nothing_is_known_of_a_node_whose_mbeans_are_not_there_yet() {
        let answers = READS.iter().map(|call| missing(call.name)).collect();
        let facts = NodeFacts::from_answers(answers).unwrap();
        assert_eq!(facts.missing.len(), READS.len());
        assert_eq!(
            NodeFacts {
                missing: Vec::new(),
                ..facts
            },
            NodeFacts::default()
        );
    }

    #[test]
    fn what_is_missing_spoils_nothing_else() {
        let answers = READS
            .iter()
            .map(|call| match call.name {
                "OperationMode" => Ok(json!("JOINING")),
                "Tokens" => Ok(json!("ERROR: not a list")),
                "NativeTransportRunning" => Ok(Value::Null),
                other => missing(other),
            })
            .collect();
        let facts = NodeFacts::from_answers(answers).unwrap();
        assert_eq!(facts.mode, Some(Mode::Joining));
        assert!(facts.tokens.is_empty() && !facts.native_transport);
        assert!(facts.missing.contains(&"Tokens"));
    }

    #[test]
    fn a_node_whose_mode_may_not_be_read_is_an_error() {
        let answers = READS
            .iter()
            .map(|call| Err(Error::Denied { call: call.name }))
            .collect();
        assert_eq!(
            NodeFacts::from_answers(answers).unwrap_err().reason(),
            "Denied"
        );
    }

    #[test]
    fn ring_is_sorted_by_host_id_and_what_is_not_known_is_unknown() {
        let host_ids = [
            ("10.0.0.1:7000", "c"),
            ("10.0.0.2:7000", "a"),
            ("[2001:db8:0:0:0:0:0:1]:7000", "b"),
        ];
        let states = [
            ("/10.0.0.1:7000", "UP"),
            ("node-2/10.0.0.2:7000", "DOWN"),
            ("/10.0.0.9:7000", "DOWN"),
            ("/[2001:db8:0:0:0:0:0:1]:7000", "DOWN"),
        ];
        let gossip = "/10.0.0.1:7000\n  generation:1\n  SCHEMA:22:s-1\n  TOKENS:3:<hidden>\n\
                      node-2/10.0.0.2:7000\n  DC:1:dc1\n  RACK:3:r:1\n/10.0.0.9:7000\n  SCHEMA:1:s-9\n";
        let owned = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(k, v)| ((*k).into(), (*v).into()));
            pairs.collect::<BTreeMap<String, String>>()
        };
        let peer = |host_id: &str, address: &str, state| Peer {
            host_id: host_id.into(),
            address: address.into(),
            state,
            schema: None,
            datacenter: None,
            rack: None,
        };
        assert_eq!(
            ring(owned(&host_ids), &owned(&states), gossip),
            [
                Peer {
                    datacenter: Some("dc1".into()),
                    rack: Some("r:1".into()),
                    ..peer("a", "10.0.0.2", PeerState::Down)
                },
                peer("b", "2001:db8::1", PeerState::Down),
                Peer {
                    schema: Some("s-1".into()),
                    ..peer("c", "10.0.0.1", PeerState::Up)
                },
            ]
        );
    }

    #[test]
    fn modes_keep_cassandras_names() {
        for name in [
            "STARTING",
            "NORMAL",
            "JOINING",
            "JOINING_FAILED",
            "LEAVING",
            "DECOMMISSIONED",
            "DECOMMISSION_FAILED",
            "MOVING",
            "DRAINING",
            "DRAINED",
        ] {
            let mode = Mode::from(name.to_owned());
            assert_eq!(mode.as_str(), name);
            assert!(!matches!(mode, Mode::Other(_)), "{name}");
        }
        let newer = Mode::from("SLEEPING".to_owned());
        assert_eq!(newer, Mode::Other("SLEEPING".into()));
    }
}
