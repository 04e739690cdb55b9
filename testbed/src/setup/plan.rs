//! What to install, and what only the user can: from the table and the facts, without looking at the machine.

use std::env::consts::ARCH;
use std::fmt;
use std::process::Command;

use anyhow::{Result, bail};

use super::machine::Machine;
use super::needs::Need;
use crate::bed::{KUBERNETES_VERSION, OLDEST_GO};
use crate::process::line;
use crate::workspace;

/// The Go that this was tried with.
const TRIED_GO: &str = "1.26.8";

/// What our static programs are built for.
pub fn static_target() -> String {
    format!("{ARCH}-unknown-linux-musl")
}

/// Something to install.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Debian packages.
    Packages(Vec<&'static str>),
    /// Components of Rust's toolchain.
    Components(Vec<&'static str>),
    /// A target of Rust's toolchain.
    Target(String),
}

/// Something that the user has to see to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Missing {
    what: String,
    command: String,
}

/// What is to be done before the work can begin.
#[derive(Debug, Default)]
pub(super) struct Plan {
    steps: Vec<Step>,
    missing: Vec<Missing>,
}

/// What is lacking, by how it is got.
#[derive(Default)]
struct Lacking {
    packages: Vec<&'static str>,
    components: Vec<&'static str>,
    target: Option<String>,
}

impl Plan {
    pub(super) fn of(needs: &[Need], machine: &Machine) -> Self {
        let mut plan = Self::default();
        let mut lacking = Lacking::default();
        let has = |name: &str| machine.present.contains(name);
        for need in needs {
            match *need {
                Need::Root if !machine.root => plan.lacks(
                    "root: this starts a Kubernetes on this machine",
                    "run it as root, or name a Kubernetes of yours with --kubeconfig",
                ),
                Need::Debian if !machine.debian => plan.lacks(
                    "Debian: the nodes are made of its packages",
                    "run it on Debian, or name a Kubernetes of yours with --kubeconfig",
                ),
                Need::Go if machine.go.is_none_or(|version| version < OLDEST_GO) => {
                    plan.lacks(&go(machine.go), &install_go());
                }
                Need::Kubectl if !has("kubectl") => {
                    plan.lacks("kubectl, to work with your Kubernetes", &install_kubectl());
                }
                Need::Package(name, package)
                    if !has(name) && !lacking.packages.contains(&package) =>
                {
                    lacking.packages.push(package);
                }
                Need::Component(_, component) if !has(component) => {
                    lacking.components.push(component);
                }
                Need::StaticTarget if !has(&static_target()) => {
                    lacking.target = Some(static_target());
                }
                Need::Root
                | Need::Debian
                | Need::Go
                | Need::Kubectl
                | Need::Package(..)
                | Need::Component(..)
                | Need::StaticTarget => {}
            }
        }
        plan.get(lacking, machine);
        plan
    }

    fn lacks(&mut self, what: &str, command: &str) {
        self.missing.push(Missing {
            what: what.to_owned(),
            command: command.to_owned(),
        });
    }

    /// What is lacking becomes a step if this machine lets us, else it is the user's.
    fn get(&mut self, lacking: Lacking, machine: &Machine) {
        if !lacking.packages.is_empty() {
            let step = Step::Packages(lacking.packages);
            let by_user = match (machine.debian, machine.root) {
                (true, true) => None,
                (true, false) => Some(format!("as root: {}", step.command())),
                (false, _) => Some("install what your distribution calls them".to_owned()),
            };
            self.step_or_lack(step, by_user);
        }
        let components = Some(lacking.components).filter(|names| !names.is_empty());
        let rust = [
            components.map(Step::Components),
            lacking.target.map(Step::Target),
        ];
        for step in rust.into_iter().flatten() {
            let by_user = (!machine.rustup).then(|| {
                format!(
                    "this cargo is not rustup's: install rustup (https://rustup.rs), put its cargo first on the path, then {}",
                    step.command()
                )
            });
            self.step_or_lack(step, by_user);
        }
    }

    fn step_or_lack(&mut self, step: Step, by_user: Option<String>) {
        match by_user {
            None => self.steps.push(step),
            Some(how) => self.lacks(&step.to_string(), &how),
        }
    }

    /// What to install, in order. An error if something is missing that can't be.
    pub(super) fn steps(self) -> Result<Vec<Step>> {
        if self.missing.is_empty() {
            return Ok(self.steps);
        }
        let lines = self.missing.iter();
        let lines = lines.map(|Missing { what, command }| format!("\n  - {what}\n      {command}"));
        let lines: String = lines.collect();
        bail!("nothing was begun, for this machine lacks{lines}")
    }
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Packages(names) => write!(out, "Debian packages {}", names.join(" ")),
            Self::Components(names) => write!(out, "Rust components {}", names.join(" ")),
            Self::Target(name) => write!(out, "Rust target {name}"),
        }
    }
}

impl Step {
    /// The command that a user would give.
    fn command(&self) -> String {
        match self {
            Self::Packages(names) => format!(
                "apt-get install --yes --no-install-recommends {}",
                names.join(" ")
            ),
            Self::Components(names) => format!("rustup component add {}", names.join(" ")),
            Self::Target(name) => format!("rustup target add {name}"),
        }
    }

    /// The commands that do it. Without a name of a toolchain rustup takes that of the folder.
    pub(super) fn commands(&self) -> Result<Vec<Command>> {
        let mut commands = Vec::new();
        if let Self::Packages(_) = self {
            commands.push(line("apt-get --quiet update"));
        }
        commands.push(line(&self.command()));
        let sources = workspace::root()?;
        for command in &mut commands {
            command
                .env("DEBIAN_FRONTEND", "noninteractive")
                .current_dir(&sources);
        }
        Ok(commands)
    }
}

fn go(found: Option<(u32, u32)>) -> String {
    let (major, minor) = OLDEST_GO;
    let found = found.map_or_else(
        || "there is none".to_owned(),
        |(major, minor)| format!("this is {major}.{minor}"),
    );
    format!("Go {major}.{minor} or newer, to build the servers of the tests; {found}")
}

/// This machine's name among Go's.
fn go_arch() -> &'static str {
    match ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn install_go() -> String {
    let archive = format!("https://go.dev/dl/go{TRIED_GO}.linux-{}.tar.gz", go_arch());
    format!("curl -fsSL {archive} | tar -C /usr/local -xz; export PATH=/usr/local/go/bin:$PATH")
}

fn install_kubectl() -> String {
    let file = format!("v{KUBERNETES_VERSION}/bin/linux/{}/kubectl", go_arch());
    let here = "/usr/local/bin/kubectl";
    format!("curl -fsSLo {here} https://dl.k8s.io/release/{file}; chmod +x {here}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::needs::{Work, of};

    const DEMO: [Work; 3] = [Work::ApiServer, Work::Nodes, Work::OperatorImage];

    fn debian_with(present: &[&str]) -> Machine {
        Machine {
            root: true,
            debian: true,
            rustup: true,
            go: Some(OLDEST_GO),
            present: present.iter().map(ToString::to_string).collect(),
        }
    }

    /// The lines of the message.
    fn missing(work: &[Work], machine: &Machine) -> Vec<String> {
        let error = Plan::of(&of(work), machine).steps().unwrap_err();
        error
            .to_string()
            .lines()
            .map(|l| l.trim().to_owned())
            .collect()
    }

    #[test]
    fn who_has_everything_installs_nothing() {
        let mut all = Vec::new();
        for need in of(&DEMO) {
            if let Need::Package(name, _) = need {
                all.push(name);
            }
        }
        let mut machine = debian_with(&all);
        machine.present.insert(static_target());
        assert_eq!(Plan::of(&of(&DEMO), &machine).steps().unwrap(), []);
    }

    #[test]
    fn packages_come_in_one_call_and_each_once() {
        let work = [Work::Patches, Work::Nodes, Work::ApiServer];
        let mut steps = Plan::of(&of(&work), &debian_with(&["runc"]))
            .steps()
            .unwrap();
        let Some(Step::Packages(packages)) = steps.pop() else {
            panic!("{steps:?}");
        };
        assert_eq!(steps, []);
        let count = |name| packages.iter().filter(|p| **p == name).count();
        assert_eq!(
            (count("git"), count("util-linux"), count("runc")),
            (1, 1, 0)
        );
        assert_eq!(
            Step::Packages(vec!["git", "runc"]).command(),
            "apt-get install --yes --no-install-recommends git runc"
        );
    }

    #[test]
    fn components_and_target_come_from_rustup() {
        let work = [Work::Format, Work::Lint, Work::StaticPrograms];
        let plan = Plan::of(&of(&work), &debian_with(&["musl-gcc", "rustfmt"]));
        let commands: Vec<_> = plan.steps().unwrap().iter().map(Step::command).collect();
        let target = format!("rustup target add {}", static_target());
        assert_eq!(commands, ["rustup component add clippy", &target]);
    }

    #[test]
    fn all_that_is_missing_is_in_one_message_with_what_to_do() {
        let machine = Machine {
            debian: true,
            go: Some((1, 19)),
            ..Machine::default()
        };
        let lines = missing(&DEMO, &machine);
        let begins = |line: &str| lines.iter().any(|l| l.starts_with(line));
        assert!(begins("nothing was begun"), "{lines:#?}");
        assert!(begins("- root"), "{lines:#?}");
        assert!(begins("- Go 1.24 or newer"), "{lines:#?}");
        assert!(lines.iter().any(|l| l.ends_with("this is 1.19")));
        assert!(begins("as root: apt-get install"), "{lines:#?}");
        assert!(begins("- Rust target "), "{lines:#?}");
        assert!(begins("this cargo is not rustup's"), "{lines:#?}");
        assert_eq!(lines.len(), 1 + 2 * 4, "{lines:#?}");
    }

    #[test]
    fn nothing_is_installed_if_anything_is_missing() {
        let machine = Machine {
            go: None,
            ..debian_with(&[])
        };
        let lines = missing(&[Work::ApiServer], &machine);
        assert_eq!(lines.len(), 3, "{lines:#?}");
        assert!(lines[1].ends_with("there is none"), "{lines:#?}");
        assert!(lines[2].starts_with("curl "), "{lines:#?}");
    }

    #[test]
    fn nodes_are_for_debian_and_a_kubernetes_of_yours_needs_kubectl() {
        let other = Machine {
            debian: false,
            ..debian_with(&[])
        };
        let lines = missing(&[Work::Nodes], &other);
        assert!(lines[1].starts_with("- Debian"), "{lines:#?}");
        assert!(lines[3].starts_with("- Debian packages"), "{lines:#?}");
        let lines = missing(&[Work::GivenKubernetes], &other);
        assert!(lines[1].starts_with("- kubectl"), "{lines:#?}");
        let had = debian_with(&["kubectl"]);
        assert!(
            Plan::of(&of(&[Work::GivenKubernetes]), &had)
                .steps()
                .is_ok()
        );
    }
}
