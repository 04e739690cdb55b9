//! What must hold, one file for each subject. Scenarios of one ring run in this order and leave it ready.

mod addresses;
mod adoption;
mod agent_rights;
mod api_server;
mod bad_input;
mod clients;
mod controllers;
mod display;
mod drift;
mod embedding;
mod faults;
mod formation;
mod idle;
mod loss;
mod model;
mod objects;
mod scope;
mod specs;
mod upgrade;
mod volume;
mod waiting;

use crate::{
    cli::Set,
    ring::{Delays, Ring, Zones},
    runner::Scenario,
};

/// Three racks of one member, each in a zone of its own.
pub(crate) const THREE_RACKS: Ring = Ring {
    namespace: "e2e-racks",
    name: "orders",
    racks: &[("r1", 1), ("r2", 1), ("r3", 1)],
    version: "5.0.9",
    zones: Zones::OfTheBed,
    delays: Delays::Short,
};
/// The same with a member more.
pub(crate) const GROWN: Ring = Ring {
    racks: &[("r1", 2), ("r2", 1), ("r3", 1)],
    ..THREE_RACKS
};
/// With two more.
pub(crate) const GROWN_TWICE: Ring = Ring {
    racks: &[("r1", 2), ("r2", 2), ("r3", 1)],
    ..THREE_RACKS
};
/// One rack of three members.
pub(crate) const ONE_RACK: Ring = Ring {
    namespace: "e2e-one",
    name: "carts",
    racks: &[("only", 3)],
    version: "5.0.9",
    zones: Zones::None,
    delays: Delays::Short,
};

macro_rules! scenario {
    ($set:ident, $module:ident :: $name:ident) => {
        scenario!($set, $module::$name, bed: false, long: false)
    };
    ($set:ident, $module:ident :: $name:ident, bed: true) => {
        scenario!($set, $module::$name, bed: true, long: false)
    };
    ($set:ident, $module:ident :: $name:ident, long: true) => {
        scenario!($set, $module::$name, bed: false, long: true)
    };
    ($set:ident, $module:ident :: $name:ident, bed: $bed:literal, long: $long:literal) => {
        Scenario {
            set: Set::$set,
            name: stringify!($name),
            needs_bed: $bed,
            long: $long,
            run: |stage| Box::pin($module::$name(stage)),
        }
    };
}

/// Every scenario, in the order in which they run.
pub fn all() -> Vec<Scenario> {
    vec![
        scenario!(Api, bad_input::wrong_specs_are_refused_with_a_reason),
        scenario!(Api, bad_input::a_memory_limit_alone_is_accepted),
        scenario!(Api, bad_input::immutable_fields_are_refused_with_a_reason),
        scenario!(Api, waiting::a_missing_config_map_holds_up_until_it_comes),
        scenario!(
            Api,
            waiting::a_config_map_that_is_not_yaml_holds_up_until_it_is
        ),
        scenario!(Api, waiting::a_name_that_is_taken_is_not_taken_over),
        scenario!(
            Api,
            waiting::an_image_that_is_corrected_gets_through_at_once
        ),
        scenario!(
            Api,
            faults::each_fault_is_told_with_its_cause_and_what_helps
        ),
        scenario!(Api, waiting::a_volume_of_another_cluster_is_refused),
        scenario!(Ring, formation::three_racks_become_one_ring),
        scenario!(Ring, formation::statuses_are_what_nodetool_says),
        scenario!(Ring, addresses::all_addresses_are_of_one_family, bed: true),
        scenario!(Ring, display::every_column_has_a_value),
        scenario!(Ring, display::a_description_has_no_empty_headings),
        scenario!(Ring, display::events_tell_who_has_joined),
        scenario!(Ring, display::metrics_tell_of_the_ring_and_of_each_node),
        scenario!(Ring, embedding::another_operator_sees_who_is_not_ready),
        scenario!(Ring, embedding::a_member_does_the_jobs_that_it_is_given),
        scenario!(Ring, agent_rights::an_agent_has_only_its_own_status),
        scenario!(
            Ring,
            loss::a_pod_that_is_deleted_without_the_controller_is_the_same_node
        ),
        scenario!(Ring, clients::no_request_fails_while_a_pod_goes_and_comes_back, bed: true),
        scenario!(Ring, clients::no_request_fails_while_a_node_is_away, bed: true),
        scenario!(Ring, api_server::a_killed_cassandra_starts_without_the_api_server, bed: true),
        scenario!(Ring, model::the_ring_model_tells_what_cassandra_does, bed: true, long: true),
        scenario!(Ring, drift::every_owned_object_is_put_back),
        scenario!(
            Ring,
            controllers::one_of_two_controllers_acts_and_the_other_takes_over
        ),
        scenario!(
            Ring,
            bad_input::a_broken_spec_and_the_good_one_again_change_nothing
        ),
        scenario!(Ring, loss::all_pods_at_once_come_back_as_one_ring),
        scenario!(Ring, volume::a_lost_volume_waits_for_the_user_and_joins_anew, long: true),
        scenario!(Ring, objects::the_gateways_store_does_on_a_ring_what_it_must, bed: true),
        scenario!(Ring, idle::nothing_is_written_for_five_minutes),
        scenario!(
            Ring,
            adoption::a_deleted_cluster_comes_back_with_its_volumes
        ),
        scenario!(Ring, upgrade::another_operator_image_is_for_new_members_only, bed: true),
        scenario!(Ring, api_server::a_ring_serves_while_the_api_server_is_away, bed: true, long: true),
        scenario!(
            Ring,
            formation::one_rack_forms_while_the_controller_is_killed
        ),
        scenario!(Ring, formation::two_racks_form_with_cassandras_own_delays, long: true),
        scenario!(Ring, formation::cassandra_4_1_forms_a_ring, long: true),
        scenario!(Ring, formation::cassandra_4_0_forms_a_ring, long: true),
        scenario!(Ring, scope::a_controller_of_some_namespaces_serves_only_those, long: true),
    ]
}
