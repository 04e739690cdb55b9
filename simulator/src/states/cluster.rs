//! What the cluster object says: the user's spec in each variant, and what the operator has on record.

use std::{collections::BTreeMap, sync::Arc};

use cassandra_api::{
    k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp},
    v1alpha1::{Action, CassandraCluster, Founder, InProgress},
};

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

/// Whose turn it is, by the record. Members are numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nobody's.
    None,
    /// This member founds.
    Found(usize),
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
    /// Whether the ordinals are on record.
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
        pairs.push((by, Turn::Found(founder)));
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
    status.founder = match record.founder {
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
    let turn = |number, action| {
        let turn = name(number).map(|member| InProgress {
            member,
            action,
            started_at: Time(Timestamp::UNIX_EPOCH),
        });
        turn.into_iter().collect()
    };
    status.in_progress = match record.turn {
        Turn::None => Vec::new(),
        Turn::Found(number) => turn(number, Action::Found),
        Turn::Join(number) => turn(number, Action::Join),
    };
    if !record.ordinals {
        status.next_ordinals = BTreeMap::new();
    }
    // What was observed before is older than the spec.
    status.observed_generation = Some(6);
    Arc::new(cluster)
}
