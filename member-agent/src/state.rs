//! A member's state in one word, and its condition Ready.
//!
//! What Cassandra says leads. Where nobody listens, the bootstrapper's questions tell why; otherwise a node
//! that has been seen up by this agent is stopped, and any other is starting.

use cassandra_api::{
    conditions::{READY, Wanted},
    v1alpha1::{MemberState, VolumeStatus},
};
use cassandra_management::{Mode, NodeFacts};

use crate::reading::Reading;

/// The member's state.
///
/// `asking` is what the bootstrapper has found on the volume, if it has just asked for the permit to start.
pub fn state(reading: &Reading, was_up: bool, asking: Option<&VolumeStatus>) -> MemberState {
    match (reading, asking) {
        (Reading::Answered(facts), _) => of_answer(facts),
        (Reading::NotAnswering(_), _) => MemberState::NotAnswering,
        (Reading::Refused, Some(volume)) if volume.refusal.is_some() => MemberState::Refused,
        (Reading::Refused, Some(_)) => MemberState::Waiting,
        (Reading::Refused, None) if was_up => MemberState::Stopped,
        (Reading::Refused, None) => MemberState::Starting,
    }
}

fn of_answer(facts: &NodeFacts) -> MemberState {
    match &facts.mode {
        None | Some(Mode::Starting) => MemberState::Starting,
        Some(Mode::Joining) => MemberState::Joining,
        Some(Mode::Normal) if facts.native_transport => MemberState::Ready,
        Some(Mode::Normal | Mode::Other(_)) => MemberState::NotServing,
        Some(Mode::JoiningFailed) => MemberState::JoinFailed,
        Some(Mode::Leaving) => MemberState::Leaving,
        Some(Mode::Moving) => MemberState::Moving,
        Some(Mode::DecommissionFailed) => MemberState::DecommissionFailed,
        Some(Mode::Decommissioned) => MemberState::Decommissioned,
        Some(Mode::Draining | Mode::Drained) => MemberState::Draining,
    }
}

/// The condition Ready. Its words change only with what they say.
pub fn ready(state: MemberState, reading: &Reading, volume: Option<&VolumeStatus>) -> Wanted {
    Wanted::new(
        READY,
        state == MemberState::Ready,
        state.as_str(),
        message(state, reading, volume),
    )
}

fn message(state: MemberState, reading: &Reading, volume: Option<&VolumeStatus>) -> String {
    match state {
        MemberState::Waiting => "the bootstrapper waits for its permit to start Cassandra".into(),
        MemberState::Refused => volume
            .and_then(|volume| Some(volume.refusal.as_ref()?.message.clone()))
            .unwrap_or_else(|| "the bootstrapper refuses to start Cassandra".into()),
        MemberState::Starting => "Cassandra is starting".into(),
        MemberState::Joining => "Cassandra is joining the ring".into(),
        MemberState::JoinFailed => {
            "Cassandra could not bootstrap and is not in the ring; its log says why".into()
        }
        MemberState::Ready => "Cassandra is in the ring and serves CQL".into(),
        MemberState::Leaving => in_the_ring("Cassandra is leaving the ring", reading),
        MemberState::Moving => in_the_ring("Cassandra is taking other tokens", reading),
        MemberState::DecommissionFailed => in_the_ring(
            "Cassandra could not leave the ring and is still in it; its log says why",
            reading,
        ),
        MemberState::Decommissioned => "Cassandra has left the ring".into(),
        MemberState::Draining => "Cassandra is drained or draining, and takes no requests".into(),
        MemberState::Stopped => "Cassandra is not running".into(),
        MemberState::NotServing => not_serving(reading),
        MemberState::NotAnswering => not_answering(reading),
        // The API may have grown a state that this agent never gives.
        MemberState::Unknown | _ => "the agent has not looked yet".into(),
    }
}

/// What a node does that has its place in the ring, with or without CQL.
fn in_the_ring(what: &str, reading: &Reading) -> String {
    let serves = reading.facts().is_some_and(|facts| facts.native_transport);
    let cql = if serves { "serves" } else { "does not serve" };
    format!("{what}; it {cql} CQL")
}

fn not_serving(reading: &Reading) -> String {
    match reading.facts().and_then(|facts| facts.mode.as_ref()) {
        None | Some(Mode::Normal) => "Cassandra is in the ring and does not serve CQL".into(),
        Some(mode) => format!("Cassandra is in mode {mode}"),
    }
}

fn not_answering(reading: &Reading) -> String {
    match reading {
        Reading::NotAnswering("Timeout") => {
            "Cassandra's management interface does not answer in time".into()
        }
        Reading::NotAnswering(reason) => {
            format!("Cassandra's management interface can't be asked: {reason}")
        }
        Reading::Answered(_) | Reading::Refused => "Cassandra does not answer".into(),
    }
}

#[cfg(test)]
mod tests {
    use cassandra_api::rules::{Rule, Waiting};

    use super::*;

    fn answered(mode: Option<&str>, native_transport: bool) -> Reading {
        Reading::Answered(NodeFacts {
            mode: mode.map(|mode| Mode::from(mode.to_owned())),
            native_transport,
            ..NodeFacts::default()
        })
    }

    #[test]
    fn what_cassandra_says_leads() {
        let refused = VolumeStatus {
            refusal: Some(Waiting::saying(Rule::PvcIdentity, "not mine")),
            ..VolumeStatus::default()
        };
        for (mode, native, expected) in [
            (None, false, MemberState::Starting),
            (Some("STARTING"), false, MemberState::Starting),
            (Some("JOINING"), false, MemberState::Joining),
            (Some("NORMAL"), true, MemberState::Ready),
            (Some("NORMAL"), false, MemberState::NotServing),
            (Some("JOINING_FAILED"), false, MemberState::JoinFailed),
            (Some("LEAVING"), true, MemberState::Leaving),
            (Some("LEAVING"), false, MemberState::Leaving),
            (Some("MOVING"), true, MemberState::Moving),
            (
                Some("DECOMMISSION_FAILED"),
                true,
                MemberState::DecommissionFailed,
            ),
            (Some("DECOMMISSIONED"), false, MemberState::Decommissioned),
            (Some("SLEEPING"), true, MemberState::NotServing),
            (Some("DRAINING"), true, MemberState::Draining),
            (Some("DRAINED"), false, MemberState::Draining),
        ] {
            for was_up in [false, true] {
                for asking in [None, Some(&refused)] {
                    let reading = answered(mode, native);
                    assert_eq!(state(&reading, was_up, asking), expected, "{mode:?}");
                }
            }
        }
    }

    #[test]
    fn where_nobody_listens_the_bootstrapper_or_the_past_tells_why() {
        let waiting = VolumeStatus::default();
        let refused = VolumeStatus {
            refusal: Some(Waiting::saying(Rule::PvcIdentity, "not mine")),
            ..VolumeStatus::default()
        };
        for (was_up, asking, expected) in [
            (false, None, MemberState::Starting),
            (true, None, MemberState::Stopped),
            (false, Some(&waiting), MemberState::Waiting),
            (true, Some(&waiting), MemberState::Waiting),
            (false, Some(&refused), MemberState::Refused),
        ] {
            assert_eq!(state(&Reading::Refused, was_up, asking), expected);
        }
    }

    #[test]
    fn a_node_that_hangs_is_not_answering_and_never_stopped() {
        for was_up in [false, true] {
            let reading = Reading::NotAnswering("Timeout");
            assert_eq!(state(&reading, was_up, None), MemberState::NotAnswering);
        }
    }

    #[test]
    fn a_node_in_the_ring_is_said_to_serve_or_not() {
        for (native, words) in [(true, "serves CQL"), (false, "does not serve CQL")] {
            let leaving = ready(
                MemberState::Leaving,
                &answered(Some("LEAVING"), native),
                None,
            );
            assert_eq!(leaving.reason, "Leaving");
            assert!(leaving.message.ends_with(words), "{}", leaving.message);
        }
    }

    #[test]
    fn ready_is_true_in_the_state_ready_only_and_its_reason_is_the_state() {
        let reading = answered(Some("NORMAL"), true);
        let condition = ready(MemberState::Ready, &reading, None);
        assert_eq!(condition.status.as_str(), "True");
        for state in [
            MemberState::Unknown,
            MemberState::Waiting,
            MemberState::Refused,
            MemberState::Starting,
            MemberState::Joining,
            MemberState::JoinFailed,
            MemberState::Leaving,
            MemberState::Moving,
            MemberState::DecommissionFailed,
            MemberState::Decommissioned,
            MemberState::NotServing,
            MemberState::NotAnswering,
            MemberState::Draining,
            MemberState::Stopped,
        ] {
            let condition = ready(state, &reading, None);
            assert_eq!(condition.status.as_str(), "False");
            assert_eq!(condition.reason, state.as_str());
            assert!(!condition.message.is_empty());
        }
    }
}
