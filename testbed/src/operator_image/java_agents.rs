//! The two Java agents that run inside Cassandra, from the user's Maven repositories, pinned by content.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use sha2::{Digest as _, Sha256};

use crate::cache::{Cache, hex, remove};
use crate::process::{line, run};
use crate::progress::Progress;

struct JavaAgent {
    /// The file's name in the image.
    name: &'static str,
    /// Maven coordinates: group, artefact, version, kind and classifier.
    coordinates: &'static str,
    sha256: &'static str,
}

const AGENTS: [JavaAgent; 2] = [
    JavaAgent {
        name: "jolokia.jar",
        coordinates: "org.jolokia:jolokia-agent-jvm:2.2.9:jar:javaagent",
        sha256: "f5c4b31eeeb602888346ce7b545a885cb7caf932eff3b1b630e93cc720483429",
    },
    JavaAgent {
        name: "jmx-exporter.jar",
        coordinates: "io.prometheus.jmx:jmx_prometheus_javaagent:1.0.1:jar",
        sha256: "7d61f737fd661610ccc14aea79764faa1ea94a340cbc8f0029b3d2edea3d80c1",
    },
];

/// The agents as files of the cache, under the names that they have in the image.
pub(super) fn fetch(cache: &Cache, progress: Progress) -> Result<Vec<PathBuf>> {
    AGENTS
        .iter()
        .map(|agent| agent.fetch(cache, progress))
        .collect()
}

impl JavaAgent {
    fn fetch(&self, cache: &Cache, progress: Progress) -> Result<PathBuf> {
        let short = self.sha256.get(..12).unwrap_or(self.sha256);
        cache.artefact(&format!("java-agents/{short}/{}", self.name), |target| {
            progress.step(self.coordinates, || {
                let folder = target.with_extension("download");
                remove(&folder)?;
                run(line("mvn -q -B dependency:copy")
                    .arg(format!("-Dartifact={}", self.coordinates))
                    .arg(format!("-DoutputDirectory={}", folder.display())))?;
                let jar = only_file(&folder)?;
                self.check(&jar)?;
                fs::rename(jar, target)?;
                remove(&folder)
            })
        })
    }

    fn check(&self, jar: &Path) -> Result<()> {
        let found = hex(&Sha256::digest(fs::read(jar)?));
        ensure!(
            found == self.sha256,
            "{} has the SHA-256 sum {found}, not {}: the repository gave another file",
            self.coordinates,
            self.sha256
        );
        Ok(())
    }
}

fn only_file(folder: &Path) -> Result<PathBuf> {
    let mut entries = fs::read_dir(folder)?;
    Ok(entries
        .next()
        .with_context(|| format!("nothing in {}", folder.display()))??
        .path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let jar = folder.path().join("agent.jar");
        fs::write(&jar, "something else").unwrap();
        let error = AGENTS[0].check(&jar).unwrap_err().to_string();
        assert!(error.contains("jolokia-agent-jvm"), "{error}");
    }
}
