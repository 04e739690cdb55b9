//! The pod of a member in each of its cases.

use cassandra_api::{
    k8s_openapi::{
        api::{apps::v1::StatefulSet, core::v1::Pod},
        apimachinery::pkg::apis::meta::v1::Time,
        jiff::Timestamp,
    },
    labels,
    testing::pods::{self, Stage},
};
use cassandra_controller::testing::NAMESPACE;

use super::member_case::MemberCase;

/// The pod of this StatefulSet.
pub(super) fn of_member(set: &StatefulSet, name: &str, case: MemberCase) -> Option<Pod> {
    let mut pod = pods::of_set(set)?;
    let metadata = &mut pod.metadata;
    metadata.namespace = Some(NAMESPACE.into());
    metadata.uid = Some(format!("Pod-{name}"));
    metadata.resource_version = Some("200".into());
    if matches!(case, MemberCase::Outdated | MemberCase::Behind) {
        let annotations = metadata.annotations.get_or_insert_default();
        annotations.insert(labels::TEMPLATE_DIGEST.into(), "older".into());
    }
    if case == MemberCase::Terminating {
        metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
    }
    pod.status = Some(pods::status(&pod, stage(case)));
    Some(pod)
}

fn stage(case: MemberCase) -> Stage {
    if case == MemberCase::Unscheduled {
        return Stage::Unscheduled;
    }
    if matches!(case, MemberCase::NotPulled | MemberCase::Outdated) {
        return Stage::NotPulled { attempt: 1 };
    }
    match (case.cassandra_runs(), case.serves()) {
        (_, true) => Stage::Ready,
        (true, false) => Stage::Runs,
        (false, false) => Stage::Waits,
    }
}
