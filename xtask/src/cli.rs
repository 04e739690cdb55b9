//! The command line: one subcommand for each task.

use anyhow::Result;
use clap::{Parser, Subcommand};
use testbed::bed::cli::TestbedCommand;
use testbed::cache::{Cache, CacheArgs};
use testbed::operator_image;
use testbed::progress::Progress;
use testbed::setup::{self, Work};

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
    /// Plays the operator's scenarios in memory, with something going wrong at another place each time.
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
        setup::prepare(&self.task.work(&cache)?, Progress)?;
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

impl Task {
    /// What each task asks of the machine, before it begins.
    fn work(&self, cache: &Cache) -> Result<Vec<Work>> {
        Ok(match self {
            Self::Testbed(command) => command.work().to_vec(),
            Self::Demo(command) => command.work(cache)?,
            Self::Test(command) => command.work(cache)?,
            Self::Bench(command) => command.work().to_vec(),
            Self::Conformance(_) => vec![Work::ApiServer],
            Self::Mutants(_) => vec![Work::Patches],
            Self::Image => vec![Work::OperatorImage],
            Self::GenerateCrds(_) | Self::Sim(_) | Self::ApiDeps => Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a command asks for on a machine where `KUBECONFIG` names nothing.
    fn work(words: &str) -> Vec<Work> {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path()).unwrap();
        let given = folder.path().join("kubeconfig");
        std::fs::write(&given, "").unwrap();
        // What lies in the cache is the test bed's own.
        let elsewhere = Cache::at(&cache.root().join("cache")).unwrap();
        let words = words.replace("GIVEN", &given.to_string_lossy());
        let words = words.replace(
            "BED",
            &elsewhere.root().join("kubeconfig").to_string_lossy(),
        );
        let words = ["xtask"].into_iter().chain(words.split_whitespace());
        let task = Cli::try_parse_from(words).unwrap().task;
        task.work(&elsewhere).unwrap()
    }

    #[test]
    fn the_demo_asks_for_all_that_it_will_do() {
        let all = [Work::ApiServer, Work::Nodes, Work::OperatorImage];
        assert_eq!(work("demo --kubeconfig BED"), all);
        assert_eq!(work("demo --kubeconfig GIVEN"), [Work::GivenKubernetes]);
        assert_eq!(work("demo --down"), []);
    }

    #[test]
    fn the_test_command_asks_for_what_its_stages_do() {
        let work = |only| work(&format!("test --kubeconfig BED --only {only}"));
        assert_eq!(work("fmt,clippy,unit"), [Work::Format, Work::Lint]);
        assert_eq!(work("conformance"), [Work::ApiServer]);
        assert!(work("e2e").contains(&Work::OperatorImage));
        assert_eq!(work("testbed,ipv6"), [], "without --long it is skipped");
        assert!(work("ipv6 --long").contains(&Work::Nodes));
    }

    #[test]
    fn commands_that_only_look_ask_for_nothing() {
        for words in [
            "testbed status",
            "testbed down",
            "sim",
            "api-deps",
            "generate-crds",
        ] {
            assert_eq!(work(words), [], "{words}");
        }
        assert_eq!(work("mutants"), [Work::Patches]);
    }
}
