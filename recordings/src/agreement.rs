//! When a member's path agrees with those that are recorded of its role:
//!
//! * it begins and ends as one of them;
//! * of each step one has the same beginning and end, of any role and in any operation that is alike. What lies between there may be missed, unless it is a
//!   milestone;
//! * it sees as many peers as were seen in that state, between the fewest and the most: in which order a node hears of
//!   the others is chance;
//! * it passes all milestones: the states that all of them have, in their order.

use std::collections::BTreeSet;

use cassandra_api::v1alpha1::MemberState;

use super::{Facts, Seen};

impl Facts {
    /// How one member's path differs from what is recorded of its role.
    pub(super) fn differences_of(&self, role: &str, path: &[Seen]) -> Vec<String> {
        let Some(recorded) = self.roles.get(role) else {
            return vec!["nothing is recorded of it".into()];
        };
        let milestones = milestones(recorded);
        let mut differences = Vec::new();
        if !recorded.iter().any(|known| known.first() == path.first()) {
            differences.push(format!("it begins as {}", shown(path.first())));
        }
        if !recorded.iter().any(|known| known.last() == path.last()) {
            differences.push(format!("it ends as {}", shown(path.last())));
        }
        let steps = path.iter().zip(path.iter().skip(1));
        let steps = steps.filter(|(from, to)| from.node() != to.node());
        for (from, to) in steps {
            let allowed = |known: &Vec<Seen>| allows(known, &milestones, from, to);
            if !self.all.iter().any(allowed) {
                differences.push(format!("from {from} to {to}"));
            }
        }
        let views = path.iter().filter(|seen| !is_within(&self.all, seen));
        differences.extend(views.map(|seen| format!("it sees too few or too many: {seen}")));
        let words = words(path);
        if common(&milestones, &words) != milestones {
            differences.push(format!(
                "it must be {} and is {}",
                milestones.join(", "),
                words.join(", ")
            ));
        }
        differences
    }
}

fn shown(seen: Option<&Seen>) -> String {
    seen.map_or_else(|| "nothing".into(), ToString::to_string)
}

/// Whether a recorded path leads from one to the other, past nothing that everybody must see.
fn allows(known: &[Seen], milestones: &[&str], from: &Seen, to: &Seen) -> bool {
    let may_miss = |between: &Seen| {
        let state = between.state();
        state == from.state() || state == to.state() || !milestones.contains(&state)
    };
    let starts = known.iter().enumerate();
    let mut starts = starts.filter(|(_, seen)| seen.node() == from.node());
    starts.any(|(at, _)| {
        let mut after = known.iter().skip(at + 1);
        let seen = after.find(|seen| seen.node() == to.node() || !may_miss(seen));
        seen.is_some_and(|seen| seen.node() == to.node())
    })
}

/// Whether a member that is so sees no fewer and no more peers, up or down or at all, than were recorded of it.
fn is_within(recorded: &BTreeSet<Vec<Seen>>, seen: &Seen) -> bool {
    let alike = recorded.iter().flatten();
    let alike: Vec<_> = alike
        .filter(|known| known.node() == seen.node())
        .map(Seen::view)
        .collect();
    // A state that nobody was in is told as a step.
    alike.is_empty()
        || seen.view().iter().enumerate().all(|(what, count)| {
            let counts = || alike.iter().filter_map(|view| view.get(what));
            counts().min() <= Some(count) && Some(count) <= counts().max()
        })
}

/// The states that all paths have, in one order. Whether an answer comes in time is a matter of the machine.
fn milestones(recorded: &BTreeSet<Vec<Seen>>) -> Vec<&str> {
    let mut all = recorded.iter().map(|path| {
        let mut words = words(path);
        words.retain(|word| *word != MemberState::NotAnswering.as_str());
        words.dedup();
        words
    });
    let first = all.next().unwrap_or_default();
    all.fold(first, |milestones, path| common(&milestones, &path))
}

/// The states of a path, each once as long as it lasts.
fn words(path: &[Seen]) -> Vec<&str> {
    let mut words: Vec<_> = path.iter().map(Seen::state).collect();
    words.dedup();
    words
}

/// A longest sequence that both have, not necessarily without a gap.
fn common<'a>(one: &[&'a str], other: &[&str]) -> Vec<&'a str> {
    // `lengths` is of what is left from here on.
    let mut lengths = vec![vec![0_usize; other.len() + 1]; one.len() + 1];
    for i in (0..one.len()).rev() {
        for j in (0..other.len()).rev() {
            lengths[i][j] = if one[i] == other[j] {
                lengths[i + 1][j + 1] + 1
            } else {
                lengths[i + 1][j].max(lengths[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut found) = (0, 0, Vec::new());
    while i < one.len() && j < other.len() {
        if one[i] == other[j] {
            found.push(one[i]);
            (i, j) = (i + 1, j + 1);
        } else if lengths[i + 1][j] >= lengths[i][j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn path(states: &str) -> Vec<Seen> {
        let states = states.split(", ");
        states.map(|state| Seen(state.to_owned())).collect()
    }

    fn recorded(paths: &[&str]) -> Facts {
        let paths = paths.iter().map(|states| path(states)).collect();
        Facts {
            all: BTreeSet::clone(&paths),
            roles: BTreeMap::from([("each".to_owned(), paths)]),
        }
    }

    fn agrees(facts: &Facts, states: &str) -> bool {
        facts.differences_of("each", &path(states)).is_empty()
    }

    #[test]
    fn what_was_recorded_agrees_and_nothing_else() {
        let facts = recorded(&["Ready N, Draining N, Stopped -, Starting S, Ready N"]);
        assert!(agrees(
            &facts,
            "Ready N, Draining N, Stopped -, Starting S, Ready N"
        ));
        for other in [
            "Ready -, Draining N, Stopped -, Starting S, Ready N",
            "Ready N, Draining N, Stopped -, Starting S",
            "Ready N, Draining N, Stopped -, Ready N",
            "Ready N, Draining N, Stopped -, Joining J, Starting S, Ready N",
            "Ready N, Stopped -, Draining N, Starting S, Ready N",
        ] {
            assert!(!agrees(&facts, other), "{other}");
        }
    }

    #[test]
    fn what_some_run_missed_may_be_missed() {
        let both = recorded(&[
            "Ready, Draining, NotServing, Stopped, Ready",
            "Ready, Draining, Stopped, Ready",
        ]);
        assert!(agrees(&both, "Ready, Draining, NotServing, Stopped, Ready"));
        assert!(!agrees(&both, "Ready, NotServing, Stopped, Ready"));
        let one = recorded(&["Ready, Draining, NotServing, Stopped, Ready"]);
        assert!(!agrees(&one, "Ready, Draining, Stopped, Ready"));
    }

    #[test]
    fn whether_an_answer_comes_in_time_is_no_milestone() {
        let facts = recorded(&["Ready, NotAnswering, Stopped, Ready"]);
        assert!(agrees(&facts, "Ready, Stopped, Ready"));
    }

    #[test]
    fn peers_are_as_many_as_were_seen_in_that_state() {
        let facts = recorded(&["Ready up:3 down:0, Ready up:1 down:2, Stopped, Ready up:3 down:0"]);
        assert!(agrees(
            &facts,
            "Ready up:3 down:0, Ready up:2 down:1, Stopped, Ready up:3 down:0"
        ));
        assert!(agrees(
            &facts,
            "Ready up:3 down:0, Stopped, Ready up:3 down:0"
        ));
        for view in ["up:0 down:3", "up:1 down:1", "up:2 down:0", "up:3 down:1"] {
            let states = format!("Ready up:3 down:0, Ready {view}, Stopped, Ready up:3 down:0");
            assert!(!agrees(&facts, &states), "{view}");
        }
    }

    #[test]
    fn of_what_nothing_is_recorded_nothing_agrees() {
        assert!(!agrees(&Facts::default(), "Ready"));
    }
}
