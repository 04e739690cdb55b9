//! Logs: one JSON object a line.

use tracing_subscriber::{EnvFilter, fmt, prelude::*};

/// Starts logging at this level, for instance `info` or `info,cassandra_controller=debug`.
pub fn init(filter: &str) -> Result<(), tracing_subscriber::filter::ParseError> {
    let filter = EnvFilter::try_new(filter)?;
    let lines = fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false);
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .init();
    Ok(())
}
