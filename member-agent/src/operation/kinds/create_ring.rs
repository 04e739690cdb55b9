//! CreateRing: the founder starts as its own only seed, and takes its place at once. Bootstrapper and Cassandra do it.
//! It is done when the marker says that the node has joined.

use super::{Seen, Stand};

/// How it stands.
pub fn watch(seen: Seen<'_>) -> Stand {
    match seen.has_joined() {
        Some(true) => Stand::Done("the ring has begun with this member".into()),
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

    #[test]
    fn it_is_done_when_the_marker_says_that_the_founder_has_joined() {
        let identity = identity();
        let joined = MarkerSeen::Present(Box::new(Marker {
            joined: true,
            ..marker()
        }));
        let not_yet = MarkerSeen::Present(Box::new(marker()));
        let starting = Reading::Answered(NodeFacts {
            mode: Some(Mode::Starting),
            ..NodeFacts::default()
        });
        let normal = Reading::Answered(serving());
        for (reading, state, marker, done) in [
            (&Reading::Refused, MemberState::Waiting, &not_yet, false),
            (&starting, MemberState::Starting, &not_yet, false),
            (&normal, MemberState::Ready, &not_yet, false),
            (&normal, MemberState::Ready, &joined, true),
            (&Reading::Refused, MemberState::Stopped, &joined, true),
        ] {
            let stand = watch(Seen {
                identity: &identity,
                state,
                reading,
                marker,
            });
            assert_eq!(matches!(stand, Stand::Done(_)), done, "{stand:?}");
        }
    }
}
