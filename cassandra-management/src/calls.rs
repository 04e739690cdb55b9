//! Everything that may be asked of Cassandra, and the policy that permits just that.
//!
//! A call is made by naming its constant here, so one that the policy does not permit can't be written.

/// One attribute to read or one operation to execute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The MBean's object name.
    pub mbean: &'static str,
    /// The attribute's or operation's name.
    pub name: &'static str,
    /// Whether it is read or executed.
    pub kind: Kind,
}

/// What is done with a [`Call`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An attribute is read.
    Read,
    /// An operation without arguments is executed.
    Execute,
}

macro_rules! calls {
    ($($mbean:literal {
        read { $($(#[doc = $read_doc:literal])+ $read:ident = $attribute:literal;)* }
        execute { $($(#[doc = $execute_doc:literal])+ $execute:ident = $operation:literal;)* }
    })+) => {
        $(
            $(
                $(#[doc = $read_doc])+
                pub const $read: Call = Call { mbean: $mbean, name: $attribute, kind: Kind::Read };
            )*
            $(
                $(#[doc = $execute_doc])+
                pub const $execute: Call = Call { mbean: $mbean, name: $operation, kind: Kind::Execute };
            )*
        )+

        /// Every call.
        pub const ALL: &[Call] = &[$($($read,)* $($execute,)*)+];

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
        }
        execute {
            /// Flushes, and stops taking requests, for good.
            DRAIN = "drain";
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
            RELOAD_SEEDS = "reloadSeeds";
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
    fn policy_denies_by_default_and_listens_to_posts_from_loopback_only() {
        assert_eq!(texts(POLICY_XML, "commands"), [""]);
        assert!(texts(POLICY_XML, "command>").is_empty());
        assert_eq!(texts(POLICY_XML, "method"), ["post"]);
        assert_eq!(texts(POLICY_XML, "host"), ["127.0.0.1"]);
        assert!(!POLICY_XML.contains('*'), "no wildcards");
    }
}
