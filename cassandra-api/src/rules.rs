//! The waiting rules: every reason for which the operator waits, with what it means and what the user
//! can do. The same names appear in status, events, metrics and docs.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! rules {
    ($($(#[doc = $meaning:literal])+ $variant:ident = $name:literal, waits: $waits:literal, advice: $advice:literal;)+) => {
        /// The name of a waiting rule. Serialized as its name, for instance `founder_first`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[non_exhaustive]
        pub enum Rule {
            $($(#[doc = $meaning])+ #[serde(rename = $name)] $variant,)+
        }

        impl Rule {
            /// Every rule, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name, in snake case.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The rule of this name, if there is one.
            pub fn of_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|rule| rule.name() == name)
            }

            /// What the rule guards, in a sentence or two.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($meaning),+).trim_ascii()),+ }
            }

            /// What the operator is waiting for.
            pub fn waits_for(self) -> &'static str {
                match self { $(Self::$variant => $waits),+ }
            }

            /// What the user can do.
            pub fn advice(self) -> &'static str {
                match self { $(Self::$variant => $advice),+ }
            }
        }
    };
}

rules! {
    /// Nothing is changed while the cluster is paused.
    Paused = "paused",
        waits: "spec.paused to be false",
        advice: "Set spec.paused to false when you want the operator to go on.";
    /// A spec that the operator can't carry out changes nothing.
    SpecValid = "spec_valid",
        waits: "a spec that can be carried out",
        advice: "The condition Valid says what is wrong. Correct the spec; the members run on meanwhile.";
    /// An object of ours is never laid over one that somebody else made.
    NameIsFree = "name_is_free",
        waits: "a name that an object of somebody else has",
        advice: "Delete or rename the object that the message names, or give the cluster another name.";
    /// What the API server refuses is told, and tried again later and later. Nothing else waits for it.
    ObjectAccepted = "object_accepted",
        waits: "the API server to accept an object of the operator's",
        advice: "The message quotes the API server and names what to change. It is tried again by itself.";
    /// No member meets the volume of an earlier cluster unasked.
    RetainedVolumes = "retained_volumes",
        waits: "your word on the volumes of an earlier cluster of this name",
        advice: "To bring the earlier ring back, set spec.storage.adoptRetained to true, with the same racks and at least as many members. To start anew, delete the volume claims that the message names.";
    /// A member starts only on its own volume: same cluster, member, rack and host id.
    PvcIdentity = "pvc_identity",
        waits: "the member's own volume",
        advice: "The message says whose volume this is. Give the member its own volume back; nothing on this one was touched.";
    /// A member that had joined does not start on an empty volume: its data would be missing from the ring.
    VolumeLost = "volume_lost",
        waits: "the volume of a member that had joined",
        advice: "Bring the volume back if you can. If it is gone for good, remove the host id that the message names from the ring with `nodetool removenode`, then delete this cluster's record of it as the documentation of this rule says.";
    /// A host id is noted when its member has joined. What a status says later does not change it.
    HostIdAgrees = "host_id_agrees",
        waits: "a status that tells the member's own host id",
        advice: "The member's agent corrects what somebody else has written. If it stays, compare with `nodetool info` in the member's pod: the volume may be another one's.";
    /// The user's ConfigMap must be there before a member uses it.
    ConfigMapAvailable = "config_map_available",
        waits: "the ConfigMap that spec.config.fromConfigMap names",
        advice: "Create the ConfigMap in the cluster's namespace, or correct the name. It goes on by itself.";
    /// The user's cassandra.yaml must be YAML, and set none of the operator's own keys.
    ConfigMapParses = "config_map_parses",
        waits: "a ConfigMap whose files can be used",
        advice: "Correct the file that the message names. It goes on by itself; running members keep their configuration.";
    /// The configuration as a whole must be one that Cassandra can be started with.
    ConfigurationUsable = "configuration_usable",
        waits: "a configuration that Cassandra can be started with",
        advice: "Correct spec.config or the ConfigMap as the message says. It is used at once.";
    /// The member's volume must be provisioned and bound.
    VolumeAvailable = "volume_available",
        waits: "the member's volume",
        advice: "Look at the volume claim's events with kubectl describe; check that the StorageClass exists and can provision in the member's zone.";
    /// The member's pod must find a node: zone, anti-affinity and resources are all required.
    NodeAvailable = "node_available",
        waits: "a node for the member's pod",
        advice: "Add a node in the rack's zone with enough free cpu and memory, lower spec.resources, or relax spec.placement.antiAffinity.";
    /// The images must be there. A corrected spec gets through at once.
    ImageAvailable = "image_available",
        waits: "an image to be pulled",
        advice: "Check spec.image or spec.version, the registry, and spec.imagePullSecrets.";
    /// The pod must be made by Kubernetes: quotas and admission policies can refuse it.
    PodCreated = "pod_created",
        waits: "Kubernetes to create the member's pod",
        advice: "Look at the events of the StatefulSet with the member's name: a quota or an admission policy may refuse the pod.";
    /// What the operator does not hear from an agent it does not assume.
    AgentReports = "agent_reports",
        waits: "the member's agent to report",
        advice: "Look at the log of the container `agent` of the member's pod.";
    /// A pod on a node that has stopped reporting may still run, so nobody takes its place.
    NodeAnswers = "node_answers",
        waits: "the node of the member's pod to report",
        advice: "Look at the node with kubectl describe node. If its machine is gone for good, delete the Node object: then Kubernetes lets the pod go, and it starts on another node if its volume can be reached from there.";
    /// Who serves and is held for down by most others is cut off: what clients ask of it finds no quorum.
    SeenUp = "seen_up",
        waits: "the members of the ring to see each other up",
        advice: "After a restart this passes within seconds. If it lasts, look at the network between these pods, and whether the Services of these members have the addresses that their status tells.";
    /// One member founds a ring, once. All others join it.
    FounderFirst = "founder_first",
        waits: "the ring's first member to be up",
        advice: "You need to do nothing if the founder is starting. Otherwise look at the founder, which status.record.founder names.";
    /// Members join one at a time, over all racks.
    OneTopologyChange = "one_topology_change",
        waits: "the member whose turn it is",
        advice: "You need to do nothing: it is this member's turn when the operation in status.record.operation has ended.";
    /// Nobody joins while a member that had joined is down or sees another one down.
    AllLivePeersAgree = "all_live_peers_agree",
        waits: "all joined members to see each other up",
        advice: "Look at the members that the message names: bring them back before the ring can grow.";
    /// Nobody joins while members have different schemas.
    SchemaAgrees = "schema_agrees",
        waits: "all joined members to have the same schema",
        advice: "Usually this passes in seconds. If not, look for a member that is overloaded or can't be reached, with `nodetool describecluster`.";
    /// A member that was permitted to start is starting.
    Starting = "starting",
        waits: "Cassandra to be up and serving",
        advice: "You need to do nothing, usually. If it lasts, look at the log of the container `cassandra` of the member's pod.";
    /// A Cassandra that stopped again and again needs a look.
    CassandraRuns = "cassandra_runs",
        waits: "Cassandra to stay up",
        advice: "Look at the log of the container that the message names, with `kubectl logs --previous`. A corrected spec or ConfigMap is used at once.";
    /// A running member is not restarted unasked.
    RestartPending = "restart_pending",
        waits: "a restart, to use the spec's image and configuration",
        advice: "You need to do nothing for now: the member runs on with what it has. This version of the operator does not restart running members by itself.";
}

impl Rule {
    /// Whether nothing goes on until somebody acts. The other rules pass by themselves, usually soon.
    pub fn needs_user(self) -> bool {
        match self {
            Self::PodCreated
            | Self::AgentReports
            | Self::FounderFirst
            | Self::OneTopologyChange
            | Self::SeenUp
            | Self::AllLivePeersAgree
            | Self::SchemaAgrees
            | Self::Starting
            | Self::RestartPending => false,
            Self::Paused
            | Self::SpecValid
            | Self::NameIsFree
            | Self::ObjectAccepted
            | Self::RetainedVolumes
            | Self::PvcIdentity
            | Self::VolumeLost
            | Self::HostIdAgrees
            | Self::ConfigMapAvailable
            | Self::ConfigMapParses
            | Self::ConfigurationUsable
            | Self::VolumeAvailable
            | Self::NodeAvailable
            | Self::NodeAnswers
            | Self::ImageAvailable
            | Self::CassandraRuns => true,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A rule that holds something up, with the particulars.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// The rule's name; docs/waiting-rules.md explains each.
    pub rule: Rule,
    /// What is waited for in this case, and what you can do.
    #[schemars(length(max = 1024))]
    pub message: String,
}

impl Waiting {
    /// A rule with a message that says all there is to say.
    pub fn saying(rule: Rule, message: impl fmt::Display) -> Self {
        let message = message.to_string();
        Self {
            rule,
            message: message.chars().take(1024).collect(),
        }
    }

    /// Waiting by a rule, with what is particular to this case.
    pub fn on(rule: Rule, particulars: impl fmt::Display) -> Self {
        let message = format!(
            "waiting for {}: {particulars}. {}",
            rule.waits_for(),
            rule.advice()
        );
        Self {
            rule,
            message: message.chars().take(1024).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_name_a_meaning_and_advice() {
        for rule in Rule::ALL {
            assert!(
                rule.name()
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c == '_'),
                "{rule}"
            );
            assert!(rule.meaning().ends_with('.'), "{rule}");
            assert!(rule.advice().ends_with('.'), "{rule}");
            assert_eq!(serde_json::to_value(rule).unwrap(), rule.name());
            assert_eq!(Rule::of_name(rule.name()), Some(*rule));
        }
    }
}
