//! `cassandra-backup`: backups of a Cassandra ring that no operator looks after, and a look into those of one that has one.

mod program;

use std::process::ExitCode;

use clap::Parser as _;

use program::{Options, exit_code, say_error};

fn main() -> ExitCode {
    let options = Options::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        // Each reads, hashes or writes one chunk.
        .max_blocking_threads(8)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            say_error(&options, "InternalError", &error.to_string());
            return ExitCode::from(1);
        }
    };
    match runtime.block_on(program::run(&options)) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            say_error(&options, error.reason(), &error.in_full());
            ExitCode::from(exit_code(error.class()))
        }
    }
}
