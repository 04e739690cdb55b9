//! The agent's program: options, log, runtime.

use clap::Parser as _;
use member_agent::options::Options;
use tracing_subscriber::EnvFilter;

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    // Its failures come back to us as errors, told once; it would tell each.
    let filter = format!("kube_client=off,{}", options.log);
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(EnvFilter::try_new(filter)?)
        .init();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // For the disk only, which is used by one thread at a time, and for names.
        .max_blocking_threads(4)
        .build()?
        .block_on(member_agent::run(options))?;
    Ok(())
}
