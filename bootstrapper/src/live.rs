//! Whether Cassandra's process answers. Not whether it is any good to clients: a node that joins for hours, or
//! is drained, is alive, and restarting it would help nobody.

use cassandra_management::{Error, Management};

use crate::cli;

/// Asks once.
pub async fn run(args: &cli::Live) -> Result<(), Error> {
    Management::new(args.config()).mode().await.map(|_| ())
}
