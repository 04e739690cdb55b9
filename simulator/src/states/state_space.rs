//! All states of clusters with the same members and racks. Objects are made once; a state only puts them together.

use std::sync::Arc;

use cassandra_api::{
    k8s_openapi::api::core::v1::PersistentVolumeClaim, labels, names, v1alpha1::CassandraCluster,
};
use cassandra_controller::{
    cluster::{Observed, Owned},
    testing::CLUSTER,
};
use kube::ResourceExt as _;

use super::{
    baseline,
    cluster::{self, EARLIER_UID, Record, Spec},
    digits::Digits,
    member_case::MemberCase,
    member_objects::{self, MemberObjects, Says},
    state::{State, View},
};

/// The racks' names.
const RACKS: [&str; 2] = ["a", "b"];

/// What the clusters of a state space have in common, and in what they differ.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) members: usize,
    pub(super) racks: usize,
    /// Whether the members' Services are there.
    pub(super) services: bool,
    pub(super) specs: &'static [Spec],
    pub(super) views: &'static [View],
}

/// All states of clusters with the same members and racks.
pub(super) struct StateSpace {
    shape: Shape,
    names: Vec<String>,
    /// The observation without members.
    bare: Observed,
    records: Vec<Record>,
    /// By spec, then by record.
    clusters: Vec<Vec<Arc<CassandraCluster>>>,
    /// By member, case, view, and the question that was answered: none, or that for a member.
    objects: Vec<Vec<Vec<Vec<MemberObjects>>>>,
    /// A claim of an earlier cluster for each member, and one for a member that there is not.
    retained: Vec<Arc<PersistentVolumeClaim>>,
}

impl StateSpace {
    /// Makes all objects.
    pub(super) fn new(shape: Shape) -> Self {
        let wanted = spread(shape.members, shape.racks);
        let settled = baseline::settled(baseline::cluster(&wanted));
        let names = in_order(&wanted);
        let records = cluster::records(shape.members);
        let clusters = shape.specs.iter().map(|spec| {
            let object =
                |record: &Record| cluster::object(&settled.cluster, &names, *spec, *record);
            records.iter().map(object).collect()
        });
        let clusters = clusters.collect();
        let objects = names
            .iter()
            .map(|name| all_objects(&settled, &names, name, shape));
        let objects = objects.collect();
        Self {
            shape,
            retained: retained(&settled, &names),
            bare: without_members(&settled),
            names,
            records,
            clusters,
            objects,
        }
    }

    /// How many states there are.
    pub(super) fn size(&self) -> u64 {
        let cases = self.names.iter().map(|_| MemberCase::all().len());
        let others = [
            self.records.len(),
            self.shape.specs.len(),
            self.shape.views.len(),
            2,
        ];
        let bases = cases.chain(others);
        bases
            .map(|base| u64::try_from(base).unwrap_or(u64::MAX))
            .product()
    }

    /// The state of this number. None: there is none.
    pub(super) fn state(&self, number: u64, within: u64) -> Option<State> {
        let mut digits = Digits(within);
        let spec = digits.below(self.shape.specs.len());
        let answered = digits.below(2) == 1;
        let view = digits.below(self.shape.views.len());
        let cases = self
            .names
            .iter()
            .map(|_| digits.of(MemberCase::all()).copied());
        let cases: Vec<_> = cases.collect::<Option<_>>()?;
        let record = digits.below(self.records.len());
        let mut observed = self.bare.clone();
        observed.cluster = Arc::clone(self.clusters.get(spec)?.get(record)?);
        let question = if answered {
            1 + next(&self.names, &cases).unwrap_or(0)
        } else {
            0
        };
        for ((name, case), by_case) in self.names.iter().zip(&cases).zip(&self.objects) {
            let place = MemberCase::all().iter().position(|other| other == case)?;
            let objects = by_case.get(place)?.get(view)?.get(question)?;
            put(&mut observed.owned, name, objects);
        }
        let spec = *self.shape.specs.get(spec)?;
        if matches!(spec, Spec::Retained | Spec::Adopt) {
            self.put_retained(&mut observed.owned);
        }
        Some(State {
            number,
            racks: self.shape.racks,
            services: self.shape.services,
            members: self.names.iter().cloned().zip(cases).collect(),
            spec,
            record: *self.records.get(record)?,
            view: *self.shape.views.get(view)?,
            answered,
            observed,
        })
    }

    /// The earlier cluster has left a claim under the first name that is free.
    fn put_retained(&self, owned: &mut Owned) {
        let free = |claim: &&Arc<PersistentVolumeClaim>| {
            !owned.volume_claims.contains_key(&claim.name_any())
        };
        if let Some(claim) = self.retained.iter().find(free).cloned() {
            owned.volume_claims.insert(claim.name_any(), claim);
        }
    }
}

/// How many members each rack has.
fn spread(members: usize, racks: usize) -> Vec<(&'static str, i32)> {
    let of = |rack: usize| {
        let number = (0..members)
            .filter(|member| member % racks.max(1) == rack)
            .count();
        i32::try_from(number).unwrap_or(0)
    };
    let racks = RACKS.iter().take(racks).enumerate();
    racks.map(|(rack, name)| (*name, of(rack))).collect()
}

fn in_order(racks: &[(&str, i32)]) -> Vec<String> {
    let members = |(rack, members): &(&str, i32)| {
        let rack = (*rack).to_owned();
        (0..*members).map(move |ordinal| names::member(CLUSTER, &rack, ordinal))
    };
    racks.iter().flat_map(members).collect()
}

fn ordinal(name: &str) -> Option<u32> {
    name.rsplit('-').next()?.parse().ok()
}

/// Who would join next: the member with the lowest ordinal that waits for its permit.
fn next(names: &[String], cases: &[MemberCase]) -> Option<usize> {
    let waiting = cases
        .iter()
        .enumerate()
        .filter(|(_, case)| case.waits_for_its_first_permit());
    let waiting = waiting.map(|(number, _)| number);
    waiting.min_by_key(|number| names.get(*number).and_then(|name| ordinal(name)))
}

fn without_members(settled: &Observed) -> Observed {
    let mut bare = settled.clone();
    bare.owned.services.retain(|name, _| name == CLUSTER);
    bare.owned.members.clear();
    bare.owned.volume_claims.clear();
    bare.owned.stateful_sets.clear();
    bare
}

/// The claims as an earlier cluster has left them; the last is of a member that the spec has not.
fn retained(settled: &Observed, names: &[String]) -> Vec<Arc<PersistentVolumeClaim>> {
    let beyond = names::member(CLUSTER, "a", 9);
    let all = names.iter().map(|name| (name, name));
    let all = all.chain(names.first().map(|first| (first, &beyond)));
    let left = all.filter_map(|(like, name)| {
        let like = settled
            .owned
            .volume_claims
            .get(&names::volume_claim(like))?;
        let mut claim = PersistentVolumeClaim::clone(like);
        claim.metadata.name = Some(names::volume_claim(name));
        claim.metadata.uid = Some(format!("earlier-{name}"));
        let labels = claim.metadata.labels.get_or_insert_default();
        labels.insert(labels::CLUSTER_UID.into(), EARLIER_UID.into());
        if let Some(ordinal) = ordinal(name) {
            labels.insert(labels::ORDINAL.into(), ordinal.to_string());
        }
        Some(Arc::new(claim))
    });
    left.collect()
}

fn put(owned: &mut Owned, name: &str, objects: &MemberObjects) {
    if let Some(member) = &objects.member {
        owned.members.insert(name.into(), Arc::clone(member));
    }
    if let Some(service) = &objects.service {
        owned.services.insert(name.into(), Arc::clone(service));
    }
    if let Some(claim) = &objects.claim {
        let key = names::volume_claim(name);
        owned.volume_claims.insert(key, Arc::clone(claim));
    }
    if let Some(set) = &objects.stateful_set {
        owned.stateful_sets.insert(name.into(), Arc::clone(set));
    }
    if let Some(pod) = &objects.pod {
        owned.pods.insert(names::pod(name), Arc::clone(pod));
    }
}

/// The member's objects by case, view and question.
fn all_objects(
    settled: &Observed,
    names: &[String],
    name: &str,
    shape: Shape,
) -> Vec<Vec<Vec<MemberObjects>>> {
    let questions = || std::iter::once(None).chain(names.iter().map(Some));
    let of = |case: MemberCase, view: View, question: Option<&String>| {
        let says = says(names, name, view, question);
        let mut objects = member_objects::of_member(settled, name, case, &says);
        objects.service = objects.service.filter(|_| shape.services);
        objects
    };
    let by_view = |case, view| {
        questions()
            .map(|question| of(case, view, question))
            .collect()
    };
    let by_case = |case| {
        shape
            .views
            .iter()
            .map(|view| by_view(case, *view))
            .collect()
    };
    MemberCase::all()
        .iter()
        .map(|case| by_case(*case))
        .collect()
}

fn says(names: &[String], name: &str, view: View, question: Option<&String>) -> Says {
    let is_first = names.first().is_some_and(|first| first == name);
    let sees = |peer: &String| {
        let missed = view == View::OneDown && is_first && names.last() == Some(peer);
        (peer.clone(), !missed)
    };
    let other_schema = view == View::TwoSchemas && is_first;
    Says {
        peers: names.iter().map(sees).collect(),
        schema: if other_schema { "two" } else { "one" },
        // It waits under its first epoch, so that the next one is 1.
        refresh: question.map(|candidate| format!("{candidate}.1")),
    }
}
