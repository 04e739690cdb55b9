//! Jobs give way to operations.

use cassandra_api::v1alpha1::CassandraMember;
use serde_json::Value;

use super::Write;

/// S65: no job is begun while its member takes part in an operation that its agent has told of. One that was begun
/// before the agent knew of the operation comes to its end.
pub(super) fn check(write: &Write<'_>) -> Option<String> {
    if write.kind != "CassandraMember" || !write.is_ours() {
        return None;
    }
    let (before, now) = (member(write.old?)?, member(write.new?)?);
    let operation = now.spec.operation.as_ref()?;
    let told = before.status.as_ref()?.operation.as_ref()?;
    if told.id != operation.id {
        return None;
    }
    let begun_before = begun(&before);
    let job = begun(&now).find(|job| !begun_before.clone().any(|before| before == *job))?;
    Some(format!(
        "S65: {} has begun {job} during its operation {}",
        write.name(),
        operation.kind.as_str()
    ))
}

fn member(object: &Value) -> Option<CassandraMember> {
    serde_json::from_value(object.clone()).ok()
}

/// The jobs of a member that have begun, by its own words.
fn begun(member: &CassandraMember) -> impl Iterator<Item = &str> + Clone {
    let jobs = member.status.iter().flat_map(|status| &status.jobs);
    jobs.filter(|job| job.started_at.is_some())
        .map(|job| job.id.as_str())
}
