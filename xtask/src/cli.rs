//! The command line: one subcommand for each task.

use anyhow::Result;
use clap::{Parser, Subcommand};
use testbed::bed::cli::TestbedCommand;
use testbed::cache::CacheArgs;
use testbed::operator_image;
use testbed::progress::Progress;

use crate::api_deps;
use crate::conformance::ConformanceCommand;
use crate::demo::DemoCommand;
use crate::generated::GenerateCommand;
use crate::mutants::MutantsCommand;
use crate::sim::SimCommand;
use crate::stages::TestCommand;
use bench::BenchCommand;

/// Tasks of the project.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", version)]
pub(crate) struct Cli {
    #[command(flatten)]
    cache: CacheArgs,
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// A real three-node Kubernetes on this machine (Debian, root), for tests and for the demo.
    #[command(subcommand)]
    Testbed(TestbedCommand),
    /// Writes crds/ and the reference documentation from the types.
    GenerateCrds(GenerateCommand),
    /// From nothing to a ring of three racks, on this machine or on a Kubernetes of yours.
    Demo(DemoCommand),
    /// Everything that must hold, in stages; what CI runs.
    Test(TestCommand),
    /// Measures the programs against their budgets.
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Compares the simulated API server with a real one.
    Conformance(ConformanceCommand),
    /// Plays the operator's stories in memory, with something going wrong at another place each time.
    Sim(SimCommand),
    /// Puts one bug after the other into the operator, and looks whether the simulator finds it.
    Mutants(MutantsCommand),
    /// Builds the operator's image and prints where it is.
    Image,
    /// Checks that cassandra-api stays light enough to embed.
    ApiDeps,
}

impl Cli {
    /// Does what was asked for.
    pub(crate) fn run(self) -> Result<()> {
        let cache = self.cache.cache()?;
        match self.task {
            Task::Testbed(command) => command.run(&cache),
            Task::GenerateCrds(command) => command.run(),
            Task::Demo(command) => command.run(&cache),
            Task::Test(command) => command.run(&cache),
            Task::Bench(command) => command.run(&cache),
            Task::Conformance(command) => command.run(&cache),
            Task::Sim(command) => command.run(),
            Task::Mutants(command) => command.run(&cache),
            Task::Image => {
                let image = operator_image::build(&cache, Progress)?;
                println!("{} {}", image.reference, image.archive.display());
                Ok(())
            }
            Task::ApiDeps => api_deps::check(),
        }
    }
}
