//! What the cluster object says: the user's spec in each variant, and what the operator has on record.

use std::sync::Arc;

use cassandra_api::{
    k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp},
    v1alpha1::{CassandraCluster, Founder, OperationKind, RecordedOperation},
};

use super::baseline::GENERATION;

/// UID of a cluster of the same name that was there before.
pub(super) const EARLIER_UID: &str = "earlier-uid";

/// What the user asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spec {
    /// As many members as there are.
    Plain,
    /// The same, and it is paused.
    Paused,
    /// One member more in the first rack.
    Raised,
    /// There is a volume claim of an earlier cluster, and nobody has said what is to become of it.
    Retained,
    /// There is a volume claim of an earlier cluster, which is to be adopted.
    Adopt,
    /// One that can't be carried out.
    Invalid,
}

impl Spec {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::Plain,
        Self::Paused,
        Self::Raised,
        Self::Retained,
        Self::Adopt,
        Self::Invalid,
    ];

    /// Whether nothing may be changed.
    pub fn forbids_changes(self) -> bool {
        matches!(self, Self::Paused | Self::Invalid)
    }
}

/// Who founded the ring, by the record. Members are numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Founded {
    /// Nobody, or the record is lost.
    Nobody,
    /// It was adopted.
    Adopted,
    /// This member.
    By(usize),
}

/// Which operation has the slot, by the record. Members are numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// None.
    None,
    /// This member creates the ring.
    CreateRing(usize),
    /// This member joins.
    Join(usize),
}

/// What the operator has on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The founder.
    pub founder: Founded,
    /// The turn.
    pub turn: Turn,
    /// Whether members and ordinals are on record.
    pub ordinals: bool,
}

/// Every record that there can be in a cluster of so many members. Founder and a founder's turn are written at once, so
/// the one is never there without the other; nobody joins before there is a founder.
pub(super) fn records(members: usize) -> Vec<Record> {
    let joins = || (0..members).map(Turn::Join);
    let mut pairs = vec![(Founded::Nobody, Turn::None)];
    pairs.push((Founded::Adopted, Turn::None));
    pairs.extend(joins().map(|turn| (Founded::Adopted, turn)));
    for founder in 0..members {
        let by = Founded::By(founder);
        pairs.push((by, Turn::None));
        pairs.push((by, Turn::CreateRing(founder)));
        pairs.extend(joins().map(|turn| (by, turn)));
    }
    let both = pairs.into_iter().flat_map(|(founder, turn)| {
        [true, false].map(|ordinals| Record {
            founder,
            turn,
            ordinals,
        })
    });
    both.collect()
}

/// The cluster object. `settled` has ordinals on record and nothing else.
pub(super) fn object(
    settled: &CassandraCluster,
    names: &[String],
    spec: Spec,
    record: Record,
) -> Arc<CassandraCluster> {
    let mut cluster = settled.clone();
    let wanted = &mut cluster.spec;
    match spec {
        Spec::Plain | Spec::Retained => {}
        Spec::Paused => wanted.paused = true,
        Spec::Adopt => wanted.storage.adopt_retained = true,
        Spec::Invalid => wanted.datacenter = "not a name".into(),
        Spec::Raised => {
            if let Some(rack) = wanted.racks.first_mut() {
                rack.members += 1;
            }
        }
    }
    let name = |number: usize| names.get(number).cloned();
    let status = cluster.status.get_or_insert_default();
    status.record.founder = match record.founder {
        Founded::Nobody => None,
        Founded::Adopted => Some(Founder {
            member: None,
            adopted_from: Some(EARLIER_UID.into()),
        }),
        Founded::By(number) => Some(Founder {
            member: name(number),
            adopted_from: None,
        }),
    };
    let operation = |number, kind| {
        name(number).map(|member| RecordedOperation {
            id: "before".into(),
            kind,
            members: vec![member],
            started_at: Time(Timestamp::UNIX_EPOCH),
            cause: "spec".into(),
        })
    };
    status.record.operation = match record.turn {
        Turn::None => None,
        Turn::CreateRing(number) => operation(number, OperationKind::CreateRing),
        Turn::Join(number) => operation(number, OperationKind::Join),
    };
    if !record.ordinals {
        status.record.next_ordinals.clear();
        status.record.members.clear();
    }
    // What was observed before is older than the spec.
    status.observed_generation = Some(GENERATION - 1);
    Arc::new(cluster)
}
