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

use super::member_case::{MemberCase, PodCase};

/// The pod of this StatefulSet, if there is one.
pub(super) fn of_member(set: &StatefulSet, name: &str, case: MemberCase) -> Option<Pod> {
    let mut pod = pods::of_set(set)?;
    let metadata = &mut pod.metadata;
    metadata.namespace = Some(NAMESPACE.into());
    metadata.uid = Some(format!("Pod-{name}"));
    metadata.resource_version = Some("200".into());
    if case.is_outdated {
        let annotations = metadata.annotations.get_or_insert_default();
        annotations.insert(labels::TEMPLATE_DIGEST.into(), "older".into());
    }
    if case.pod == PodCase::Drains {
        metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
    }
    let stage = match case.pod {
        PodCase::Absent => return None,
        PodCase::Unscheduled => Stage::Unscheduled,
        PodCase::NotPulled => Stage::NotPulled { attempt: 1 },
        PodCase::Waits => Stage::Waits,
        PodCase::Serves => Stage::Ready,
        PodCase::Starts | PodCase::Joins | PodCase::Hangs | PodCase::Drains => Stage::Runs,
    };
    pod.status = Some(pods::status(&pod, stage));
    Some(pod)
}
