//! What must hold of every plan. A check is a pure function of the state and the plan; the numbers are those of
//! docs/testing.md.

mod objects;
mod permit;
mod record;
mod settling;
#[cfg(test)]
mod wrong;

use cassandra_controller::cluster::Plan;

use super::state::State;

pub use settling::{changes_its_mind, goes_back, next};

/// A rule that a plan breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The rule's number.
    pub number: &'static str,
    /// What is wrong.
    pub sentence: String,
}

impl Complaint {
    /// A complaint.
    pub fn new(number: &'static str, sentence: impl Into<String>) -> Self {
        Self {
            number,
            sentence: sentence.into(),
        }
    }
}

/// A check: what is wrong, if anything.
pub type Check = fn(&State, &Plan) -> Option<String>;

/// All checks of one plan.
pub const ALL: &[(&str, Check)] = &[
    ("S01", objects::claims_stay),
    ("S02", objects::deletions_name_their_object),
    ("S03", objects::only_pods_without_cassandra_go),
    ("S07", permit::one_at_a_time),
    ("S07", permit::nobody_joins_a_broken_ring),
    ("S10", permit::no_start_on_a_wrong_volume),
    ("S12", permit::one_ring),
    ("S12", record::the_founder_stays),
    ("S13", permit::nobody_is_its_own_seed),
    ("S14", permit::who_joins_has_a_seed_that_serves),
    ("S27", objects::all_is_owned),
    ("S33", objects::claims_do_not_shrink),
    ("S34", objects::one_desire_for_each_object),
    ("S34", record::ordinals_rise),
    ("S34", record::members_stay),
    ("S34", record::ordinals_are_recorded_first),
    ("S37", record::the_generation_is_the_specs),
    ("S40", objects::users_objects_stay),
    ("S46", permit::epochs_rise),
    ("S53", objects::nothing_changes_while_it_must_not),
];

/// Everything that is wrong with this plan.
pub fn complaints(state: &State, plan: &Plan) -> Vec<Complaint> {
    let found = ALL.iter().filter_map(|(number, check)| {
        let sentence = check(state, plan)?;
        Some(Complaint { number, sentence })
    });
    found.collect()
}
