//! Why the agent ends otherwise than it was told to.

use std::{io, net::SocketAddr};

/// Why the agent could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The member's StatefulSet has been given more pods than one: the volume is another pod's.
    #[error(
        "this is pod {pod}, and the member runs in pod {own} alone; the operator sets its StatefulSet back to one replica"
    )]
    AnotherPod {
        /// This pod.
        pod: String,
        /// The member's own pod.
        own: String,
    },
    /// There is no configuration of a Kubernetes client.
    #[error("failed to find the API server")]
    Configuration(#[source] Box<kube::config::InferConfigError>),
    /// The Kubernetes client could not be made.
    #[error("failed to make a Kubernetes client")]
    Client(#[source] Box<kube::Error>),
    /// The metrics contradict each other.
    #[error("failed to register the metrics")]
    Metrics(#[from] prometheus::Error),
    /// Somebody else has the port.
    #[error("failed to listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The signals can't be waited for.
    #[error("failed to wait for signals")]
    Signals(#[source] io::Error),
    /// A task that never ends did.
    #[error("a task of the agent ended")]
    TaskEnded,
}
