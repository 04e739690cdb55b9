//! Scenarios that are played again and again, with something going wrong at another place each time.
#![allow(
    clippy::indexing_slicing,
    reason = "of JSON, where what is missing is null"
)]

mod create;
mod deletion;
mod drift;
mod jobs;
mod loss;
mod spec;

use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::{Value, json};

use crate::{
    oracles::CANARY,
    simulation::{Failure, Simulation},
};

/// The longest that anything may take after faults.
pub const PATIENCE: Duration = Duration::from_hours(1);

/// What happens in a simulation.
pub type Steps = for<'a> fn(&'a Simulation) -> BoxFuture<'a, Result<(), Failure>>;

/// A scenario.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What went before. Nothing goes wrong in it: it is a scenario of its own.
    pub given: Option<Steps>,
    /// What happens.
    pub steps: Steps,
}

macro_rules! scenario {
    ($module:ident :: $name:ident) => {
        scenario!($module::$name, None)
    };
    ($module:ident :: $name:ident after $before:ident) => {
        scenario!(
            $module::$name,
            Some(|simulation| Box::pin(create::$before(simulation)))
        )
    };
    ($module:ident :: $name:ident, $given:expr) => {
        Scenario {
            name: stringify!($name),
            given: $given,
            steps: |simulation| Box::pin($module::$name(simulation)),
        }
    };
}

/// Every scenario.
pub const ALL: &[Scenario] = &[
    scenario!(create::create),
    scenario!(create::one_rack),
    scenario!(loss::pod_loss after create),
    scenario!(loss::whole_ring_loss after create),
    scenario!(loss::volume_loss after create),
    scenario!(loss::node_loss after create),
    scenario!(loss::node_gone after create),
    scenario!(loss::controller_loss),
    scenario!(spec::growth after create),
    scenario!(spec::joiner_loss after create),
    scenario!(spec::broken_spec after create),
    scenario!(spec::pending_version after create),
    scenario!(spec::too_many after create),
    scenario!(drift::drift after create),
    scenario!(drift::second_pod after create),
    scenario!(drift::account_deletion after create),
    scenario!(jobs::jobs after create),
    scenario!(deletion::deletion after create),
    scenario!(deletion::adoption after create),
    scenario!(deletion::member_deletion after create),
    scenario!(deletion::namespace_deletion after create),
    scenario!(create::neighbours after create),
];

/// The scenario of this name.
pub fn named(name: &str) -> Option<Scenario> {
    ALL.iter().find(|scenario| scenario.name == name).copied()
}

/// A cluster with these racks.
fn cluster(racks: &[(&str, i32)]) -> Value {
    let racks: Vec<_> = racks
        .iter()
        .map(|(name, members)| json!({ "name": name, "members": members }))
        .collect();
    json!({
        "version": "5.0.9",
        "racks": racks,
        "storage": { "size": "1Gi" },
        "config": { "cassandraYaml": {
            "client_encryption_options": { "keystore_password": CANARY },
        } },
        "resources": {
            "requests": { "cpu": "1", "memory": "2Gi" },
            "limits": { "cpu": "2", "memory": "2Gi" },
        },
    })
}

fn three_racks() -> Value {
    cluster(&[("r1", 1), ("r2", 1), ("r3", 1)])
}
