//! Why Cassandra may not start, in words that say what to do.

use cassandra_api::rules::{Rule, Waiting};

/// Why Cassandra may not start. Its text goes to the member's status, for the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The marker can't be read.
    #[error(
        "the volume has a marker that can't be used, so it is not known whose data it holds: {problem}. \
         Nothing on it was touched. Put the right volume behind claim {claim}, or restore the marker"
    )]
    MarkerUnusable {
        /// What is wrong.
        problem: String,
        /// The member's claim.
        claim: String,
    },
    /// The member's StatefulSet has been given more pods than one.
    #[error(
        "this is pod {pod}, and the member runs in pod {own} alone: two Cassandras must not open one volume. The operator \
         sets the StatefulSet back to one replica"
    )]
    AnotherPod {
        /// This pod.
        pod: String,
        /// The member's own pod.
        own: String,
    },
    /// Another Cassandra has the volume open.
    #[error(
        "another Cassandra runs on the volume of claim {claim}. It is never opened twice: this one goes on by itself when \
         the other has ended. If that is of a pod that should be gone, look at the node that the pod was on"
    )]
    InUse {
        /// The member's claim.
        claim: String,
    },
    /// There is data and no marker.
    #[error(
        "the volume holds Cassandra data and no marker that says whose it is. Nothing on it was touched. \
         Put the right volume behind claim {claim}, or an empty one"
    )]
    UnmarkedData {
        /// The member's claim.
        claim: String,
    },
    /// The data is another member's.
    #[error(
        "the volume holds the data of member {theirs}, and this is member {ours}. Nothing on it was touched. \
         Put the right volume behind claim {claim}, or an empty one"
    )]
    AnotherMember {
        /// The member whose data it is.
        theirs: String,
        /// This member.
        ours: String,
        /// The member's claim.
        claim: String,
    },
    /// The data is another cluster's.
    #[error(
        "the volume holds the data of member {member} of an earlier or other cluster object (UID {theirs}; \
         this member's has UID {ours}). Nothing on it was touched. To take the data over set \
         spec.storage.adoptRetained: true on the cluster; otherwise put an empty volume behind claim {claim}"
    )]
    AnotherCluster {
        /// The member whose data it is.
        member: String,
        /// Its cluster's UID.
        theirs: String,
        /// This member's cluster's UID.
        ours: String,
        /// The member's claim.
        claim: String,
    },
    /// The data is of another place in a ring.
    #[error(
        "the volume holds data of {what} {theirs}, and this member is in {what} {ours}: Cassandra can't \
         open it there. Nothing on it was touched. Give the cluster the {what} that the data has, or put \
         an empty volume behind claim {claim}"
    )]
    AnotherPlace {
        /// `cluster name`, `datacenter` or `rack`.
        what: &'static str,
        /// What the data has.
        theirs: String,
        /// What this member has.
        ours: String,
        /// The member's claim.
        claim: String,
    },
    /// The data is of another node than the one that this member is known as.
    #[error(
        "the volume holds the data of host id {theirs}, and this member is known as host id {ours}. Nothing \
         on it was touched. Put the volume of {ours} behind claim {claim}"
    )]
    AnotherHost {
        /// The host id of the data.
        theirs: String,
        /// The member's host id.
        ours: String,
        /// The member's claim.
        claim: String,
    },
    /// The member has joined, and its data is not there.
    #[error(
        "this member is part of the ring{host}, and its data is not on the volume. It is never started \
         empty: the ring would count on replicas that are gone. Put its volume back behind claim {claim}; \
         if the data is lost for good, docs/recovery.md says how the member joins anew"
    )]
    VolumeLost {
        /// ` as host id …`, if it is known.
        host: String,
        /// The member's claim.
        claim: String,
    },
    /// The seeds would make the member begin a ring of its own.
    #[error(
        "this member is to join the ring, but its seeds are {seeds}: it would begin a ring of its own. \
         The operator gives it the seeds of members that have joined"
    )]
    UnsafeSeeds {
        /// `none`, or the seeds with its own address among them.
        seeds: String,
    },
    /// The configuration can't be used.
    #[error("the configuration can't be used: {0}. Cassandra starts when it has been corrected")]
    Configuration(String),
}

impl Refusal {
    /// The rule by which the member waits.
    pub fn rule(&self) -> Rule {
        match self {
            Self::VolumeLost { .. } => Rule::VolumeLost,
            Self::UnsafeSeeds { .. } => Rule::FounderFirst,
            Self::Configuration(_) => Rule::ConfigurationUsable,
            Self::MarkerUnusable { .. }
            | Self::AnotherPod { .. }
            | Self::InUse { .. }
            | Self::UnmarkedData { .. }
            | Self::AnotherMember { .. }
            | Self::AnotherCluster { .. }
            | Self::AnotherPlace { .. }
            | Self::AnotherHost { .. } => Rule::PvcIdentity,
        }
    }

    /// For the member's status.
    pub fn waiting(&self) -> Waiting {
        Waiting::saying(self.rule(), self)
    }
}
