//! What there is on this machine, as data.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::needs::Need;
use super::plan::static_target;
use crate::process::{find, line, stdout, succeeds};
use crate::workspace;

/// Facts about a machine, as far as somebody needs them.
#[derive(Debug, Clone, Default)]
pub(super) struct Machine {
    pub(super) root: bool,
    pub(super) debian: bool,
    /// Whether rustup keeps the Rust that builds this.
    pub(super) rustup: bool,
    /// Major and minor version.
    pub(super) go: Option<(u32, u32)>,
    /// Programs, files, components and targets that are there.
    pub(super) present: BTreeSet<String>,
}

impl Machine {
    /// Looks for what is needed.
    pub(super) fn look(needs: &[Need]) -> Result<Self> {
        let sources = workspace::root()?;
        let mut machine = Self {
            root: rustix::process::geteuid().is_root(),
            debian: is_debian(),
            rustup: rustup_keeps_rust(&sources),
            ..Self::default()
        };
        for need in needs {
            let (name, is_there) = match need {
                Need::Root | Need::Debian => continue,
                Need::Go => {
                    machine.go = go_version(&sources);
                    continue;
                }
                Need::Package(file, _) if file.starts_with('/') => {
                    (*file, fs::exists(file).unwrap_or(false))
                }
                Need::Package(program, _) => (*program, find(program).is_some()),
                Need::Kubectl => ("kubectl", find("kubectl").is_some()),
                Need::Component(command, component) => {
                    let mut asked = line("cargo");
                    asked.args([command, "--version"]).current_dir(&sources);
                    (*component, succeeds(&mut asked))
                }
                Need::StaticTarget => {
                    let target = static_target();
                    if has_target(&target, &sources) {
                        machine.present.insert(target);
                    }
                    continue;
                }
            };
            if is_there {
                machine.present.insert(name.to_owned());
            }
        }
        Ok(machine)
    }
}

fn is_debian() -> bool {
    let system = fs::read_to_string("/etc/os-release").unwrap_or_default();
    system.lines().any(|line| line == "ID=debian") && find("apt-get").is_some()
}

/// What a program says in the folder of the sources, by which rustup and Go choose their versions.
fn said(words: &str, sources: &Path) -> Option<String> {
    let said = stdout(line(words).current_dir(sources)).ok()?;
    Some(said.trim().to_owned())
}

/// There may be a rustup beside a distribution's cargo, which knows nothing of it.
fn rustup_keeps_rust(sources: &Path) -> bool {
    let path = |words| PathBuf::from(said(words, sources)?).canonicalize().ok();
    match (path("rustup which rustc"), path("rustc --print sysroot")) {
        (Some(compiler), Some(root)) => compiler.starts_with(root),
        _ => false,
    }
}

fn has_target(target: &str, sources: &Path) -> bool {
    let folder = format!("rustc --print target-libdir --target {target}");
    said(&folder, sources).is_some_and(|folder| Path::new(&folder).is_dir())
}

fn go_version(sources: &Path) -> Option<(u32, u32)> {
    parse(&said("go env GOVERSION", sources)?)
}

/// Of `go1.26.8`.
fn parse(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.strip_prefix("go")?.split('.');
    let major = numbers.next()?.parse().ok()?;
    let minor = numbers.next()?;
    let digits = minor.find(|c: char| !c.is_ascii_digit());
    let minor = minor.get(..digits.unwrap_or(minor.len()))?;
    Some((major, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gos_version_is_read() {
        assert_eq!(parse("go1.26.8"), Some((1, 26)));
        assert_eq!(parse("go1.27rc1"), Some((1, 27)));
        assert_eq!(parse("devel go1.27"), None);
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let needs = [
            Need::Package("sh", "dash"),
            Need::Package("/no/such/file", "nothing"),
            Need::Package("no-such-program", "nothing"),
        ];
        let machine = Machine::look(&needs).unwrap();
        assert_eq!(machine.present, BTreeSet::from(["sh".to_owned()]));
    }
}
