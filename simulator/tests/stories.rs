//! Each story, with nothing going wrong: it comes to its end, nothing happens that must not, and its second run is the
//! same as the first.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use simulator::{faults::Plan, run::run, scenarios};

fn play(name: &str) {
    let scenario = scenarios::named(name).unwrap();
    let first = run(scenario, 1, Plan::Nothing).unwrap();
    assert_eq!(first.problem, None, "{}", first.last.join("\n"));
    let second = run(scenario, 1, Plan::Nothing).unwrap();
    assert_eq!(first.hash, second.hash, "{name} is not the same twice");
}

macro_rules! stories {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                play(stringify!($name));
            }
        )*

        #[test]
        fn no_story_is_left_out() {
            let all: Vec<_> = scenarios::ALL.iter().map(|scenario| scenario.name).collect();
            assert_eq!(all, [$(stringify!($name)),*]);
        }
    };
}

stories! {
    create
    one_rack
    pod_loss
    whole_ring_loss
    controller_loss
    growth
    broken_spec
    drift
    deletion
    adoption
}
