//! Decisions that do not fit each other, and one that is none.

use super::{super::super::checks, *};

#[test]
fn a_panic_is_seen() {
    let state = state(MemberCase::NORMAL, MemberCase::FRESH);
    let found = judge(&state, |_| panic!("wrong"));
    assert_eq!(found.first().unwrap().number, "S47");
}

#[test]
fn two_plans_for_one_state_are_seen() {
    let state = state(MemberCase::NORMAL, MemberCase::FRESH);
    let one = right(&state);
    let other = Plan::default();
    assert_eq!(checks::changes_its_mind(&one, &one), None);
    assert_eq!(
        checks::changes_its_mind(&one, &other).unwrap().number,
        "S26"
    );
}

#[test]
fn a_status_that_changes_by_itself_is_seen() {
    let state = find(
        MemberCase::NORMAL,
        MemberCase::NORMAL,
        Spec::Plain,
        Turn::None,
    );
    let one = right(&state);
    let mut other = one.clone();
    assert_eq!(checks::goes_back(&state.observed, &one, &other), None);
    other.status.phase = None;
    let complaint = checks::goes_back(&state.observed, &one, &other).unwrap();
    assert_eq!(complaint.number, "S42");
}

#[test]
fn a_record_that_is_taken_back_is_seen() {
    let state = find(
        MemberCase::NORMAL,
        MemberCase::FRESH,
        Spec::Plain,
        Turn::None,
    );
    let one = recording(&state, FIRST, Some((SECOND, OperationKind::Join)));
    let back = recording(&state, FIRST, None);
    assert_eq!(checks::goes_back(&state.observed, &one, &one), None);
    let complaint = checks::goes_back(&state.observed, &one, &back).unwrap();
    assert_eq!(complaint.number, "S42");
}
