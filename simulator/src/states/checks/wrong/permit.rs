//! Permits and operations that are wrong.

use super::*;

#[test]
fn permit_to_join_is_right_in_its_turn() {
    let state = state(MemberCase::NORMAL, MemberCase::FRESH);
    let plan = telling(&state, SECOND, &join());
    assert_eq!(complaints(&state, &plan), vec![]);
}

#[test]
fn permit_without_a_turn_is_seen() {
    let state = find(
        MemberCase::NORMAL,
        MemberCase::FRESH,
        Spec::Plain,
        Turn::None,
    );
    sees(&state, &telling(&state, SECOND, &join()), "S07");
}

#[test]
fn permit_for_two_is_seen() {
    let state = state(MemberCase::FRESH, MemberCase::FRESH);
    let mut plan = telling(&state, SECOND, &join());
    plan.apply.extend(telling(&state, FIRST, &join()).apply);
    sees(&state, &plan, "S07");
}

#[test]
fn permit_beside_one_on_the_way_is_seen() {
    let state = state(MemberCase::FOUNDING, MemberCase::FRESH);
    sees(&state, &telling(&state, SECOND, &join()), "S07");
}

#[test]
fn permit_to_join_while_a_member_is_down_is_seen() {
    let state = state(MemberCase::DOWN, MemberCase::FRESH);
    sees(&state, &telling(&state, SECOND, &join()), "S07");
}

#[test]
fn a_turn_while_a_member_is_down_is_seen() {
    let state = find(MemberCase::DOWN, MemberCase::FRESH, Spec::Plain, Turn::None);
    let plan = recording(&state, FIRST, Some((SECOND, OperationKind::Join)));
    sees(&state, &plan, "S07");
}

#[test]
fn permit_on_a_wrong_volume_is_seen() {
    let state = state(MemberCase::NORMAL, MemberCase::SWAPPED);
    let rejoin = json!({ "epoch": 1, "mode": "Rejoin" });
    sees(&state, &telling(&state, SECOND, &rejoin), "S10");
}

#[test]
fn permit_that_stays_after_the_volume_was_lost_is_seen() {
    let state = state(MemberCase::NORMAL, MemberCase::LOST);
    let rejoin = json!({ "epoch": 2, "mode": "Rejoin" });
    sees(&state, &telling(&state, SECOND, &rejoin), "S10");
}

#[test]
fn a_second_ring_is_seen() {
    let state = state(MemberCase::NORMAL, MemberCase::FRESH);
    let found = json!({ "epoch": 1, "mode": "CreateRing", "seeds": [address(SECOND)] });
    sees(&state, &telling(&state, SECOND, &found), "S12");
}

#[test]
fn the_turn_to_found_a_second_ring_is_seen() {
    let state = state(MemberCase::NORMAL, MemberCase::FRESH);
    let plan = recording(&state, FIRST, Some((SECOND, OperationKind::CreateRing)));
    sees(&state, &plan, "S12");
}

#[test]
fn another_founder_is_seen() {
    let state = state(MemberCase::NORMAL, MemberCase::FRESH);
    sees(&state, &recording(&state, SECOND, None), "S12");
}

#[test]
fn a_joining_member_among_its_seeds_is_seen() {
    let state = state(MemberCase::NORMAL, MemberCase::FRESH);
    let start = json!({ "epoch": 1, "mode": "Join", "seeds": [address(FIRST), address(SECOND)] });
    sees(&state, &telling(&state, SECOND, &start), "S13");
}

#[test]
fn a_joining_member_without_a_seed_that_serves_is_seen() {
    let state = state(MemberCase::DOWN, MemberCase::FRESH);
    sees(&state, &telling(&state, SECOND, &join()), "S14");
}

#[test]
fn an_epoch_that_stays_under_another_mode_is_seen() {
    let state = state(MemberCase::NORMAL, MemberCase::FRESH);
    let start = json!({ "epoch": 0, "mode": "Join", "seeds": [address(FIRST)] });
    sees(&state, &telling(&state, SECOND, &start), "S46");
}
