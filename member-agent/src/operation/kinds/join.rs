//! Join: the member bootstraps into the ring of its seeds. Bootstrapper and Cassandra do it. It is done when the marker
//! says that the node has joined. A bootstrap that fails is not the end of it: Cassandra is started again and goes on,
//! or its user has it resume.

use super::{Seen, Stand};

/// How it stands.
pub fn watch(seen: Seen<'_>) -> Stand {
    match seen.has_joined() {
        Some(true) => Stand::Done("the member has joined the ring".into()),
        Some(false) => Stand::Running(seen.start()),
        None => Stand::CannotTell,
    }
}

#[cfg(test)]
mod tests {
    use cassandra_api::v1alpha1::MemberState;
    use cassandra_management::{Mode, NodeFacts, marker::Marker};

    use super::*;
    use crate::{
        fixtures::{identity, marker, serving},
        reading::Reading,
        status::MarkerSeen,
    };

    fn stand(reading: &Reading, state: MemberState, marker: &MarkerSeen) -> Stand {
        watch(Seen {
            identity: &identity(),
            state,
            reading,
            marker,
        })
    }

    fn mode(mode: Mode) -> Reading {
        Reading::Answered(NodeFacts {
            mode: Some(mode),
            ..serving()
        })
    }

    #[test]
    fn until_the_marker_says_that_it_has_joined_it_is_running_in_cassandras_words() {
        let not_yet = MarkerSeen::Present(Box::new(marker()));
        for (reading, state, words) in [
            (
                Reading::Refused,
                MemberState::Waiting,
                "waits for the permit",
            ),
            (Reading::Refused, MemberState::Refused, "refuses"),
            (Reading::Refused, MemberState::Stopped, "not running"),
            (mode(Mode::Starting), MemberState::Starting, "mode STARTING"),
            (mode(Mode::Joining), MemberState::Joining, "mode JOINING"),
            (
                mode(Mode::JoiningFailed),
                MemberState::JoinFailed,
                "mode JOINING_FAILED",
            ),
            (mode(Mode::Normal), MemberState::Ready, "mode NORMAL"),
        ] {
            let Stand::Running(message) = stand(&reading, state, &not_yet) else {
                panic!("{reading:?}");
            };
            assert!(message.contains(words), "{message}");
        }
    }

    #[test]
    fn it_is_done_by_this_members_own_marker_only() {
        let joined = Marker {
            joined: true,
            ..marker()
        };
        let others = Marker {
            member_uid: "m-2".into(),
            ..joined.clone()
        };
        let by = |marker| {
            let marker = MarkerSeen::Present(Box::new(marker));
            stand(&mode(Mode::Normal), MemberState::Ready, &marker)
        };
        assert!(matches!(by(joined), Stand::Done(_)));
        assert!(matches!(by(others), Stand::Running(_)));
    }

    #[test]
    fn without_a_marker_cassandras_word_counts_and_one_that_cant_be_read_says_nothing() {
        let ready = MemberState::Ready;
        let stood = stand(&mode(Mode::Normal), ready, &MarkerSeen::Absent);
        assert!(matches!(stood, Stand::Done(_)));
        let stood = stand(&mode(Mode::Normal), ready, &MarkerSeen::Unknown);
        assert_eq!(stood, Stand::CannotTell);
    }
}
