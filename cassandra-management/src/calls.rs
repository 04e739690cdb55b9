//! Everything that may be asked of Cassandra, how long it may take, and the policy that permits just that.
//!
//! A call is made by naming its constant here, so one that the policy does not permit can't be written.
//!
//! An operation that takes arguments is named with the Java types of its parameters, as in
//! `forceKeyspaceFlush(java.lang.String,[Ljava.lang.String;)`. Jolokia finds an overloaded operation only by such a
//! name, and its policy compares the name in the request with its own letter by letter: so the name in the policy and
//! the name in the request are one constant, and another overload is not permitted with it. An operation without
//! arguments is named without parentheses.

use std::{marker::PhantomData, time::Duration};

use serde_json::Value;

/// Limit of what Cassandra answers at once.
const AT_ONCE: Duration = Duration::from_secs(5);
/// Limit of a drain, which flushes all tables. Whoever stops a node has a limit of its own.
const DRAINS: Duration = Duration::from_mins(2);
/// Limit of what writes one keyspace's memory to the disk.
const FLUSHES: Duration = Duration::from_mins(30);

/// One attribute to read or one operation to execute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The MBean's object name.
    pub mbean: &'static str,
    /// The attribute's or operation's name, with the Java types of what it takes.
    pub name: &'static str,
    /// Whether it is read or executed.
    pub kind: Kind,
    /// How long an answer is waited for. What was asked may still be done later.
    pub limit: Duration,
}

/// What is done with a [`Call`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An attribute is read.
    Read,
    /// An operation is executed.
    Execute,
}

/// An operation that takes arguments of these types, in a tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation<A> {
    /// What is executed.
    pub call: Call,
    arguments: PhantomData<A>,
}

impl<A: Arguments> Operation<A> {
    /// The request to execute it with these arguments.
    pub(crate) fn with(self, arguments: A) -> Request {
        Request {
            call: self.call,
            arguments: arguments.values(),
        }
    }
}

/// A call with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) call: Call,
    pub(crate) arguments: Vec<Value>,
}

impl From<Call> for Request {
    fn from(call: Call) -> Self {
        Self {
            call,
            arguments: Vec::new(),
        }
    }
}

/// Something that a Java operation takes.
pub trait JavaType: Into<Value> {
    /// Its type's name, as Java's reflection writes it.
    const NAME: &'static str;
}

impl JavaType for String {
    const NAME: &'static str = "java.lang.String";
}

impl JavaType for Vec<String> {
    const NAME: &'static str = "[Ljava.lang.String;";
}

/// Everything that one operation takes.
pub trait Arguments {
    /// The names of its types.
    fn types() -> Vec<&'static str>;
    /// The values, as Jolokia takes them.
    fn values(self) -> Vec<Value>;
}

impl Arguments for () {
    fn types() -> Vec<&'static str> {
        Vec::new()
    }

    fn values(self) -> Vec<Value> {
        Vec::new()
    }
}

impl<A: JavaType> Arguments for (A,) {
    fn types() -> Vec<&'static str> {
        vec![A::NAME]
    }

    fn values(self) -> Vec<Value> {
        vec![self.0.into()]
    }
}

impl<A: JavaType, B: JavaType> Arguments for (A, B) {
    fn types() -> Vec<&'static str> {
        vec![A::NAME, B::NAME]
    }

    fn values(self) -> Vec<Value> {
        vec![self.0.into(), self.1.into()]
    }
}

macro_rules! calls {
    ($($mbean:literal {
        read { $($(#[doc = $read_doc:literal])+ $read:ident = $attribute:literal;)* }
        execute { $(
            $(#[doc = $execute_doc:literal])+
            $execute:ident($($argument:ty),*) = $operation:literal within $limit:expr;
        )* }
    })+) => {
        $(
            $(
                $(#[doc = $read_doc])+
                pub const $read: Call =
                    Call { mbean: $mbean, name: $attribute, kind: Kind::Read, limit: AT_ONCE };
            )*
            $(
                $(#[doc = $execute_doc])+
                pub const $execute: Operation<($($argument,)*)> = Operation {
                    call: Call { mbean: $mbean, name: $operation, kind: Kind::Execute, limit: $limit },
                    arguments: PhantomData,
                };
            )*
        )+

        /// Every call.
        pub const ALL: &[Call] = &[$($($read,)* $($execute.call,)*)+];

        /// The Java types that each operation takes, by its constant.
        #[cfg(test)]
        fn signatures() -> Vec<(&'static str, Vec<&'static str>)> {
            vec![$($(($operation, <($($argument,)*)>::types()),)*)+]
        }

        /// Jolokia's policy file (`policyLocation`): these calls by POST from loopback, and nothing else.
        pub const POLICY_XML: &str = concat!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n",
            "<restrict>\n",
            "  <remote><host>127.0.0.1</host></remote>\n",
            "  <http><method>post</method></http>\n",
            // No command in general; what follows are the exceptions.
            "  <commands></commands>\n",
            "  <allow>\n",
            $(
                "    <mbean>\n      <name>", $mbean, "</name>\n",
                $("      <attribute mode=\"read\">", $attribute, "</attribute>\n",)*
                $("      <operation>", $operation, "</operation>\n",)*
                "    </mbean>\n",
            )+
            "  </allow>\n",
            "</restrict>\n",
        );
    };
}

calls! {
    "org.apache.cassandra.db:type=StorageService" {
        read {
            /// The node's host id.
            LOCAL_HOST_ID = "LocalHostId";
            /// The node's mode, for instance NORMAL.
            OPERATION_MODE = "OperationMode";
            /// The Cassandra release.
            RELEASE_VERSION = "ReleaseVersion";
            /// The node's own schema version.
            SCHEMA_VERSION = "SchemaVersion";
            /// The node's tokens.
            TOKENS = "Tokens";
            /// Whether the node serves CQL.
            NATIVE_TRANSPORT_RUNNING = "NativeTransportRunning";
            /// The nodes of the ring, by address.
            HOST_IDS = "EndpointWithPortToHostId";
            /// Every keyspace.
            KEYSPACES = "Keyspaces";
            /// The keyspaces whose data is the ring's, and not this node's alone.
            REPLICATED_KEYSPACES = "NonLocalStrategyKeyspaces";
        }
        execute {
            /// How a keyspace is replicated, in words.
            KEYSPACE_REPLICATION(String) =
                "getKeyspaceReplicationInfo(java.lang.String)" within AT_ONCE;
            /// Flushes, and stops taking requests, for good.
            DRAIN() = "drain" within DRAINS;
            /// Writes what these tables of a keyspace have in memory to the disk; none: all of its tables.
            FORCE_KEYSPACE_FLUSH(String, Vec<String>) =
                "forceKeyspaceFlush(java.lang.String,[Ljava.lang.String;)" within FLUSHES;
        }
    }
    "org.apache.cassandra.net:type=FailureDetector" {
        read {
            /// Which nodes gossip holds up, by address.
            STATES = "SimpleStatesWithPort";
            /// What gossip knows of each node, as text. StorageProxy's SchemaVersions would be handier,
            /// but it asks every node of the ring and waits for the slowest.
            GOSSIP = "AllEndpointStatesWithPort";
        }
        execute {}
    }
    "org.apache.cassandra.net:type=Gossiper" {
        read {}
        execute {
            /// Reads the seeds anew from cassandra.yaml.
            RELOAD_SEEDS() = "reloadSeeds" within AT_ONCE;
        }
    }
    "org.apache.cassandra.metrics:type=Storage,name=Load" {
        read {
            /// Bytes of data on disk.
            LOAD = "Count";
        }
        execute {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of every element of this name.
    fn texts<'a>(xml: &'a str, element: &str) -> Vec<&'a str> {
        xml.split(&format!("<{element}"))
            .skip(1)
            .map(|rest| {
                let rest = rest.split_once('>').unwrap().1;
                rest.split_once('<').unwrap().0
            })
            .collect()
    }

    #[test]
    fn policy_permits_every_call_and_nothing_else() {
        let mut permitted = Vec::new();
        for mbean in POLICY_XML.split("<mbean>").skip(1) {
            let name = texts(mbean, "name")[0];
            permitted.extend(
                texts(mbean, "attribute")
                    .iter()
                    .map(|a| (name, *a, Kind::Read)),
            );
            permitted.extend(
                texts(mbean, "operation")
                    .iter()
                    .map(|o| (name, *o, Kind::Execute)),
            );
        }
        let calls: Vec<_> = ALL.iter().map(|c| (c.mbean, c.name, c.kind)).collect();
        assert_eq!(permitted, calls);
    }

    #[test]
    fn an_operation_is_named_with_the_types_that_it_takes() {
        for (name, types) in signatures() {
            let expected = if types.is_empty() {
                None
            } else {
                Some(types.join(","))
            };
            let named = name.split_once('(').map(|(_, types)| types);
            let named = named.map(|types| types.strip_suffix(')').unwrap().to_owned());
            assert_eq!(named, expected, "{name}");
        }
    }

    #[test]
    fn policy_denies_by_default_and_listens_to_posts_from_loopback_only() {
        assert_eq!(texts(POLICY_XML, "commands"), [""]);
        assert!(texts(POLICY_XML, "command>").is_empty());
        assert_eq!(texts(POLICY_XML, "method"), ["post"]);
        assert_eq!(texts(POLICY_XML, "host"), ["127.0.0.1"]);
        assert!(!POLICY_XML.contains('*'), "no wildcards");
    }
}
