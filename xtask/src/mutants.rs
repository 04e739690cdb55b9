//! Whether the simulator finds bugs: each patch in `simulator/mutants/` puts one into the operator, and the scenarios are
//! played until something is wrong. A mutant that survives shows a check that is missing.
//!
//! It works on a copy of what is committed, so that nobody's sources are touched, with a target folder that all mutants
//! share: only what a patch changes is built anew.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;
use std::{fmt, fs};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use testbed::cache::{self, Cache};
use testbed::progress::Progress;
use testbed::{process, workspace};

/// Folder of the patches.
const PATCHES: &str = "simulator/mutants";
/// Folder of the copy and of what is built, below the cache.
const FOLDER: &str = "mutants";
/// What goes into the simulator, and must be committed: the copy is one of the last commit.
const SOURCES: &[&str] = &[
    "bootstrapper",
    "cassandra-api",
    "cassandra-controller",
    "cassandra-management",
    "crds",
    "deploy",
    "member-agent",
    "simulator",
    "Cargo.lock",
    "Cargo.toml",
];
/// In this order: what finds most in the least time first.
const TIERS: &[&str] = &["reference", "T0", "T4", "T1", "T2"];
/// How many states T0 looks at, spread over all.
const STATES: &str = "--states=300000";
/// A mutant that writes without end is found by that: a run of the simulator is given up after this many seconds.
const LIMIT: &str = "3600";
/// What `timeout` ends with when it had to end the program.
const TIMED_OUT: i32 = 124;

/// Which mutants, and how hard to look.
#[derive(Debug, Args)]
pub(crate) struct MutantsCommand {
    /// Only these, by the names of their patches.
    #[arg(long, value_delimiter = ',', num_args = 1..)]
    only: Vec<String>,
    /// How many seeds T4 plays.
    #[arg(long, default_value_t = 60)]
    seeds: u64,
}

/// One bug to put in.
#[derive(Debug, PartialEq, Eq)]
struct Mutant {
    name: String,
    patch: PathBuf,
    /// Tier that has found it before, and its scenario if it has scenarios: tried first.
    hint: Option<(String, Option<String>)>,
}

/// What was found, in the words of the simulator.
#[derive(Debug, PartialEq, Eq)]
struct Violation {
    scenario: String,
    seed: String,
    plan: String,
    problem: String,
}

impl Violation {
    /// Reads `violation: SCENARIO seed N: PLAN: PROBLEM`.
    fn parse(line: &str) -> Option<Self> {
        let (scenario, rest) = line.strip_prefix("violation: ")?.split_once(" seed ")?;
        let (seed, rest) = rest.split_once(": ")?;
        let (plan, problem) = rest.split_once(": ")?;
        Some(Self {
            scenario: scenario.into(),
            seed: seed.into(),
            plan: plan.into(),
            problem: problem.into(),
        })
    }

    /// Every tier plays the reference first, so the plan tells which one it was.
    fn tier(&self) -> &'static str {
        match self.plan.split(' ').next() {
            Some("at") => "T1",
            Some("stale") => "T2",
            Some("swarm") => "T4",
            Some("decide") => "T0",
            _ => "reference",
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.problem.split(':').next().unwrap_or_default();
        write!(
            f,
            "{:<9} {}, seed {}, {}: {number}",
            self.tier(),
            self.scenario,
            self.seed,
            self.plan
        )
    }
}

/// What came of one mutant.
enum Fate {
    Killed(Violation),
    /// A run did not come to its end.
    Endless,
    Survived,
}

impl MutantsCommand {
    /// Plays all, and prints a line for each. An error if one survives, or can't be made.
    pub(crate) fn run(&self, cache: &Cache) -> Result<()> {
        let root = workspace::root()?;
        ensure_committed(&root)?;
        let mutants = self.chosen(&root)?;
        let _alone = cache.lock(FOLDER)?;
        let copy = Copy::make(&root, &cache.root().join(FOLDER))?;
        let progress = Progress;
        progress.step("the simulator without a mutant", || copy.build())?;
        progress.step("the scenarios without a mutant", || {
            let played = copy.play(&["--only", "reference"])?;
            ensure!(matches!(played.fate, Fate::Survived), "they are violated");
            Ok(())
        })?;
        let mut killed = 0;
        for mutant in &mutants {
            killed += usize::from(self.try_on(&copy, mutant));
        }
        println!("killed {killed} of {}", mutants.len());
        ensure!(killed == mutants.len(), "not every mutant was killed");
        Ok(())
    }

    fn chosen(&self, root: &Path) -> Result<Vec<Mutant>> {
        let mut all = mutants(&root.join(PATCHES))?;
        for name in &self.only {
            let known = all.iter().any(|mutant| mutant.name == *name);
            ensure!(known, "there is no {PATCHES}/{name}.patch");
        }
        all.retain(|mutant| self.only.is_empty() || self.only.contains(&mutant.name));
        Ok(all)
    }

    /// Whether it was killed. What can't be made is told, and counts as alive.
    fn try_on(&self, copy: &Copy, mutant: &Mutant) -> bool {
        let (started, name) = (Instant::now(), &mutant.name);
        let played = copy.with(mutant, || self.hunt(copy, mutant));
        let seconds = started.elapsed().as_secs_f64();
        match played {
            Ok(Played { fate, plans }) => {
                let (alive, fate) = match fate {
                    Fate::Killed(violation) => (false, format!("killed by {violation}")),
                    Fate::Endless => (false, "killed: a run has no end".into()),
                    Fate::Survived => (true, "SURVIVED".into()),
                };
                println!("{name:<34} {fate}; {plans} plans, {seconds:.0} s");
                !alive
            }
            Err(error) => {
                println!("{name:<34} can't be played: {error:#}");
                false
            }
        }
    }

    /// The tier and scenario that have found it before, then everything, until something is found.
    fn hunt(&self, copy: &Copy, mutant: &Mutant) -> Result<Played> {
        let seeds = format!("--seeds={}", self.seeds);
        let mut rounds = Vec::new();
        if let Some((tier, scenario)) = &mutant.hint {
            let mut round = vec!["--only", tier, &seeds, STATES];
            round.extend(
                scenario
                    .iter()
                    .flat_map(|scenario| ["--scenario", scenario]),
            );
            rounds.push(round);
        }
        rounds.extend(
            TIERS
                .iter()
                .map(|tier| vec!["--only", *tier, &seeds, STATES]),
        );
        let mut plans = 0;
        for round in rounds {
            let played = copy.play(&round)?;
            plans += played.plans;
            if !matches!(played.fate, Fate::Survived) {
                return Ok(Played { plans, ..played });
            }
        }
        let fate = Fate::Survived;
        Ok(Played { fate, plans })
    }
}

fn ensure_committed(root: &Path) -> Result<()> {
    let mut status = process::line("git status --porcelain --");
    let changed = process::stdout(status.args(SOURCES).current_dir(root))?;
    ensure!(
        changed.is_empty(),
        "mutants are made of what is committed, and this is not:\n{changed}"
    );
    Ok(())
}

/// All patches of a folder, by name.
fn mutants(folder: &Path) -> Result<Vec<Mutant>> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut all = Vec::new();
    for entry in entries {
        let patch = entry?.path();
        if patch
            .extension()
            .is_none_or(|extension| extension != "patch")
        {
            continue;
        }
        let name = patch.file_stem().unwrap_or_default();
        all.push(Mutant {
            name: name.to_string_lossy().into_owned(),
            hint: hint(&fs::read_to_string(&patch)?),
            patch,
        });
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// Tier and scenario of the line `# Killed-by: TIER SCENARIO` above a patch. T0 has no scenarios.
fn hint(patch: &str) -> Option<(String, Option<String>)> {
    let line = patch
        .lines()
        .find_map(|line| line.strip_prefix("# Killed-by: "))?;
    let mut words = line.split_whitespace().map(str::to_owned);
    Some((words.next()?, words.next()))
}

/// What came of a run of the simulator.
struct Played {
    fate: Fate,
    plans: u64,
}

/// A copy of the sources, which goes with this value.
struct Copy {
    root: PathBuf,
    tree: PathBuf,
    target: PathBuf,
}

impl Drop for Copy {
    fn drop(&mut self) {
        if let Err(error) = forget(&self.root, &self.tree) {
            println!("{} is left: {error:#}", self.tree.display());
        }
    }
}

/// Takes a copy out of the repository's books as well. One that a killed run has left is no obstacle.
fn forget(root: &Path, tree: &Path) -> Result<()> {
    cache::remove(tree)?;
    process::run(process::line("git worktree prune").current_dir(root))
}

impl Copy {
    fn make(root: &Path, folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let tree = folder.join("tree");
        forget(root, &tree)?;
        let mut add = process::line("git worktree add --quiet --detach");
        process::run(add.arg(&tree).arg("HEAD").current_dir(root))?;
        Ok(Self {
            root: root.to_owned(),
            tree,
            target: folder.join("target"),
        })
    }

    /// Does something while a mutant is in the sources.
    fn with<T>(&self, mutant: &Mutant, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let mut apply = process::line("git apply");
        process::run(apply.arg(&mutant.patch).current_dir(&self.tree))?;
        let outcome = self.build().and_then(|()| work());
        let mut revert = process::line("git reset --quiet --hard HEAD");
        process::run(revert.current_dir(&self.tree))?;
        outcome
    }

    fn build(&self) -> Result<()> {
        let build = "cargo build --quiet --locked --profile simulation --package simulator";
        let mut build = process::line(build);
        build.arg("--bin=simulator").current_dir(&self.tree);
        process::run(build.env("CARGO_TARGET_DIR", &self.target))
    }

    fn play(&self, arguments: &[&str]) -> Result<Played> {
        let mut simulator = Command::new("timeout");
        simulator.arg(LIMIT);
        simulator.arg(self.target.join("simulation/simulator"));
        let output = simulator.arg("--first").args(arguments).output()?;
        judge(&output)
    }
}

fn judge(output: &Output) -> Result<Played> {
    let text = String::from_utf8_lossy(&output.stdout);
    let violation = text.lines().find_map(Violation::parse);
    let fate = match (violation, output.status.code()) {
        (Some(violation), _) => Fate::Killed(violation),
        (None, Some(0)) => Fate::Survived,
        (None, Some(TIMED_OUT)) => Fate::Endless,
        (None, _) => bail!(
            "the simulator ended with {}\n{}",
            output.status,
            process::tail(&String::from_utf8_lossy(&output.stderr), 10)
        ),
    };
    let plans = text.lines().filter_map(plans).sum();
    Ok(Played { fate, plans })
}

/// How many plans were played, by a line such as `T1   240 plans   12.0 s …`.
fn plans(line: &str) -> Option<u64> {
    let words: Vec<_> = line.split_whitespace().collect();
    match words.as_slice() {
        [_, number, "plans", ..] => number.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_is_read_and_its_tier_is_that_of_the_plan() {
        let line = "violation: create seed 1: at 12 crash-before: S07: two; S12: three";
        let violation = Violation::parse(line).unwrap();
        assert_eq!(
            violation.to_string(),
            "T1        create, seed 1, at 12 crash-before: S07"
        );
        let tier = |plan: &str| {
            let line = format!("violation: create seed 7: {plan}: L11: x");
            Violation::parse(&line).unwrap().tier()
        };
        assert_eq!(tier("nothing"), "reference");
        assert_eq!(tier("stale 3 lag"), "T2");
        assert_eq!(tier("swarm 7"), "T4");
        assert_eq!(tier("decide"), "T0");
        assert_eq!(Violation::parse("create, seed 1"), None);
    }

    #[test]
    fn a_patch_may_tell_what_has_found_it() {
        let patch = "# A bug.\n# Killed-by: T1 create\ndiff --git a/x b/x\n";
        assert_eq!(hint(patch), Some(("T1".into(), Some("create".into()))));
        let of_states = "# A bug.\n# Killed-by: T0\ndiff --git a/x b/x\n";
        assert_eq!(hint(of_states), Some(("T0".into(), None)));
        assert_eq!(hint("# A bug.\ndiff --git a/x b/x\n"), None);
    }

    #[test]
    fn plans_are_counted() {
        assert_eq!(
            plans("reference       20 plans     15.0 s      1.3 plans/s   violations 0"),
            Some(20)
        );
        assert_eq!(plans("killed 3 of 4"), None);
    }
}
