//! What the bootstrapper and the agent of one pod say to each other, over HTTP on loopback.
//!
//! While it waits, the bootstrapper asks again and again: each question carries what it found on the volume,
//! each answer what the API server says of the member *now*. So the agent is the only one that talks to the
//! API server, and the only writer of the member's status.

use cassandra_api::v1alpha1::{Start, VolumeStatus};
use serde::{Deserialize, Serialize};

/// Path of the question, a POST of [`StartRequest`] that is answered with [`StartResponse`].
pub const START_PATH: &str = "/v1/start";

/// The bootstrapper asks for the permit to start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartRequest {
    /// What is on the volume, with the reason if the bootstrapper refuses it.
    pub volume: VolumeStatus,
}

/// What the API server says of the member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StartResponse {
    /// The Member exists with the UID that the pod was made for.
    #[serde(rename_all = "camelCase")]
    Present {
        /// The permit to start, as the Member's spec has it.
        start: Start,
        /// The host id that the Member is known by, if any.
        host_id: Option<String>,
    },
    /// The Member does not exist, or another one has its name: never start.
    Gone,
    /// The API server has not answered for this long. Unknown is not gone.
    #[serde(rename_all = "camelCase")]
    Unreachable {
        /// Seconds since the agent last heard from the API server, or since it started.
        for_seconds: u64,
    },
}
