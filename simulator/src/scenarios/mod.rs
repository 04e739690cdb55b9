//! Stories that are played again and again, with something going wrong at another place each time.
#![allow(
    clippy::indexing_slicing,
    reason = "of JSON, where what is missing is null"
)]

mod create;
mod deletion;
mod drift;
mod loss;
mod spec;

use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::{Value, json};

use crate::simulation::{Failure, Simulation};

/// The longest that anything may take after faults.
pub const PATIENCE: Duration = Duration::from_hours(1);

/// A story.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What happens.
    pub story: for<'a> fn(&'a Simulation) -> BoxFuture<'a, Result<(), Failure>>,
}

macro_rules! scenario {
    ($module:ident :: $name:ident) => {
        Scenario {
            name: stringify!($name),
            story: |simulation| Box::pin($module::$name(simulation)),
        }
    };
}

/// Every story.
pub const ALL: &[Scenario] = &[
    scenario!(create::create),
    scenario!(create::one_rack),
    scenario!(loss::pod_loss),
    scenario!(loss::whole_ring_loss),
    scenario!(loss::controller_loss),
    scenario!(spec::growth),
    scenario!(spec::broken_spec),
    scenario!(drift::drift),
    scenario!(deletion::deletion),
    scenario!(deletion::adoption),
];

/// The story of this name.
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
        "resources": {
            "requests": { "cpu": "1", "memory": "2Gi" },
            "limits": { "cpu": "2", "memory": "2Gi" },
        },
    })
}

fn three_racks() -> Value {
    cluster(&[("r1", 1), ("r2", 1), ("r3", 1)])
}
