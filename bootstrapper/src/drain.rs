//! Drains Cassandra before its container stops, for evictions and whatever else did not ask the operator.
//!
//! Nothing is recorded: whether a node was drained makes no difference to its next start, which replays what
//! its commit log holds either way.

use cassandra_management::{Error, Management};

use crate::cli;

/// Drains within the time limit, and says how it went. The container's stop goes on in any case.
pub async fn run(args: &cli::Drain) {
    tracing::info!("draining Cassandra before its container stops");
    match Management::new(args.config()).drain().await {
        Ok(()) => tracing::info!("Cassandra is drained"),
        Err(error) if error.is_refused() => {
            tracing::info!("Cassandra is not running, there is nothing to drain");
        }
        Err(error @ Error::Timeout { .. }) => {
            tracing::warn!("the drain is not done, and the container stops all the same: {error}");
        }
        Err(error) => tracing::warn!("Cassandra could not be drained: {error}"),
    }
}
