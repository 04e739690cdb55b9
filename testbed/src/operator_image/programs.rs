//! The three programs, static: they run in any image, Cassandra's included.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};

use crate::process::line;
use crate::setup::static_target;
use crate::workspace;

const PROGRAMS: [&str; 3] = ["cassandra-controller", "member-agent", "bootstrapper"];
/// The budget of all programs together.
const MOST_BYTES: u64 = 30 << 20;

/// Builds the programs and returns where they are.
pub(super) fn build() -> Result<Vec<PathBuf>> {
    let built = cargo_build()?;
    let wanted = |name: &&str| {
        let found = built
            .iter()
            .find(|path| path.file_name().is_some_and(|file| file == *name));
        found
            .cloned()
            .with_context(|| format!("the package {name} has no program of that name"))
    };
    let programs = PROGRAMS.iter().map(wanted).collect::<Result<Vec<_>>>()?;
    let sizes = programs
        .iter()
        .map(|path| Ok(fs::metadata(path)?.len()))
        .collect::<Result<Vec<_>>>()?;
    within_budget(&sizes)?;
    Ok(programs)
}

fn cargo_build() -> Result<Vec<PathBuf>> {
    let mut cargo = line("cargo build --release --locked --message-format json-render-diagnostics");
    cargo
        .args(["--target", &static_target()])
        .args(PROGRAMS.map(|name| format!("--package={name}")));
    // Cargo shows on its standard error how far it is.
    let mut child = cargo
        .current_dir(workspace::root()?)
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().context("cargo's output")?;
    let mut built = Vec::new();
    for message in BufReader::new(output).lines() {
        let message: serde_json::Value = serde_json::from_str(&message?)?;
        built.extend(
            message
                .get("executable")
                .and_then(|path| path.as_str())
                .map(PathBuf::from),
        );
    }
    if !child.wait()?.success() {
        bail!("cargo build failed");
    }
    Ok(built)
}

fn within_budget(sizes: &[u64]) -> Result<()> {
    let listed = PROGRAMS
        .iter()
        .zip(sizes)
        .map(|(name, size)| format!("{name} {}", mebibytes(*size)));
    let listed = listed.collect::<Vec<_>>().join(", ");
    let total = sizes.iter().sum::<u64>();
    if total > MOST_BYTES {
        bail!(
            "the programs take {}, more than {}: {listed}",
            mebibytes(total),
            mebibytes(MOST_BYTES)
        );
    }
    println!("  {listed}");
    Ok(())
}

fn mebibytes(bytes: u64) -> String {
    let tenths = bytes * 10 / (1 << 20);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_large_programs_are_refused_with_their_sizes() {
        let error = within_budget(&[20 << 20, 10 << 20, 3 << 19])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("31.5 MiB") && error.contains("member-agent 10.0 MiB"),
            "{error}"
        );
        assert!(within_budget(&[10 << 20, 10 << 20, 10 << 20]).is_ok());
    }
}
