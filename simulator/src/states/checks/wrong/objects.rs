//! Writes and records that are wrong.

use super::*;

#[test]
fn a_claim_that_is_deleted_is_seen() {
    let state = state(MemberCase::NORMAL, MemberCase::FRESH);
    let name = format!("data-{FIRST}");
    let plan = deleting(&state, Kind::PersistentVolumeClaim, &name, "any");
    sees(&state, &plan, "S01");
}

#[test]
fn a_deletion_by_another_uid_is_seen() {
    let state = state(MemberCase::NORMAL, MemberCase::NOT_PULLED);
    let plan = deleting(&state, Kind::Pod, &format!("{SECOND}-0"), "another");
    sees(&state, &plan, "S02");
}

#[test]
fn a_deletion_of_a_pod_that_runs_is_seen() {
    let state = state(MemberCase::NORMAL, MemberCase::FRESH);
    let uid = format!("Pod-{FIRST}");
    let plan = deleting(&state, Kind::Pod, &format!("{FIRST}-0"), &uid);
    sees(&state, &plan, "S03");
}

#[test]
fn an_object_without_an_owner_is_seen() {
    let state = state(MemberCase::NORMAL, MemberCase::FRESH);
    let mut plan = telling(&state, SECOND, &join());
    for desired in &mut plan.apply {
        desired.object["metadata"]["ownerReferences"] = json!([]);
    }
    sees(&state, &plan, "S27");
}

#[test]
fn a_claim_with_an_owner_is_seen() {
    let state = state(MemberCase::NORMAL, MemberCase::MEMBER_ONLY);
    let mut plan = right(&state);
    let claims = plan.apply.iter_mut();
    for desired in claims.filter(|desired| desired.kind == Kind::PersistentVolumeClaim) {
        desired.object["metadata"]["ownerReferences"] = json!([{ "uid": "cluster-uid" }]);
    }
    sees(&state, &plan, "S27");
}

#[test]
fn a_claim_that_shrinks_is_seen() {
    let state = state(MemberCase::NORMAL, MemberCase::FRESH);
    let mut plan = right(&state);
    let name = format!("data-{SECOND}");
    let claim = state.observed.owned.volume_claims.get(&name).unwrap();
    let mut object = serde_json::to_value(&**claim).unwrap();
    object["spec"]["resources"]["requests"]["storage"] = json!("1Mi");
    plan.apply.push(Desired {
        kind: Kind::PersistentVolumeClaim,
        name,
        manager: "test",
        existing: Existing::Absent,
        object,
    });
    sees(&state, &plan, "S33");
}

#[test]
fn two_desires_for_one_object_are_seen() {
    let state = state(MemberCase::NORMAL, MemberCase::FRESH);
    let mut plan = telling(&state, SECOND, &join());
    plan.apply.extend(plan.apply.clone());
    sees(&state, &plan, "S34");
}

#[test]
fn an_ordinal_that_sinks_is_seen() {
    let state = state(MemberCase::NORMAL, MemberCase::FRESH);
    let mut plan = right(&state);
    plan.status.record.next_ordinals.clear();
    sees(&state, &plan, "S34");
}

#[test]
fn a_member_without_a_recorded_ordinal_is_seen() {
    let state = state(MemberCase::NORMAL, MemberCase::ABSENT);
    let mut plan = right(&state);
    for desired in &mut plan.apply {
        if desired.kind == Kind::CassandraMember {
            desired.object["spec"]["ordinal"] = json!(2);
            desired.existing = Existing::Absent;
        }
    }
    sees(&state, &plan, "S34");
}

#[test]
fn a_generation_that_is_not_the_specs_is_seen() {
    let state = state(MemberCase::NORMAL, MemberCase::FRESH);
    let mut plan = right(&state);
    plan.status.observed_generation = Some(8);
    sees(&state, &plan, "S37");
}

#[test]
fn a_write_of_the_users_cluster_is_seen() {
    let state = state(MemberCase::NORMAL, MemberCase::FRESH);
    let mut plan = telling(&state, SECOND, &join());
    for desired in &mut plan.apply {
        desired.object["kind"] = json!("CassandraCluster");
    }
    sees(&state, &plan, "S40");
}

#[test]
fn a_change_while_paused_is_seen() {
    let state = find(
        MemberCase::NORMAL,
        MemberCase::FRESH,
        Spec::Paused,
        Turn::None,
    );
    let plan = recording(&state, FIRST, None);
    sees(&state, &plan, "S53");
}
