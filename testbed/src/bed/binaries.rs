//! Kubernetes, etcd and CoreDNS, built from their Go modules: one module of ours, so that what they share is compiled
//! once.
//!
//! Kubernetes is one program with all of its servers linked in (a quarter of the size and of the
//! time); it looks at the name that it is called by. CoreDNS has the plugins that the bed's Corefile names, and no others:
//! those for clouds would take longer to compile than etcd.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cache::{Cache, recipe_key, remove};
use crate::process::{contained, run};
use crate::progress::Progress;

/// The Kubernetes that the bed runs.
pub const KUBERNETES_VERSION: &str = "1.34.4";
/// The oldest Go that builds it, major and minor version.
pub(crate) const OLDEST_GO: (u32, u32) = (1, 24);
/// The names that the Kubernetes program is called by.
pub(super) const KUBERNETES_NAMES: [&str; 6] = [
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kubectl",
];

/// The module that names them all, with their versions.
const MODULE: &str = include_str!("../../servers/go.mod");
const SOURCES: [(&str, &str); 5] = [
    ("go.mod", MODULE),
    ("go.sum", include_str!("../../servers/go.sum")),
    (
        "kubernetes/main.go",
        include_str!("../../servers/kubernetes/main.go"),
    ),
    ("etcd/main.go", include_str!("../../servers/etcd/main.go")),
    (
        "coredns/main.go",
        include_str!("../../servers/coredns/main.go"),
    ),
];

/// Where the programs are.
#[derive(Debug)]
pub(super) struct Binaries {
    pub(super) kubernetes: PathBuf,
    pub(super) etcd: PathBuf,
    pub(super) coredns: PathBuf,
}

impl Binaries {
    /// Builds them if they are not there yet.
    pub(super) fn build(cache: &Cache, progress: Progress) -> Result<Self> {
        let folder = cache.artefact(&format!("bin/servers-{}", Self::key()), |target| {
            let step = format!("Kubernetes {KUBERNETES_VERSION}, etcd and CoreDNS (go build)");
            progress.step(&step, || compile(target))
        })?;
        Ok(Self {
            kubernetes: folder.join("kubernetes"),
            etcd: folder.join("etcd"),
            coredns: folder.join("coredns"),
        })
    }

    /// A name for what they are built from.
    pub(super) fn key() -> String {
        let flags = linker_flags();
        let sources = SOURCES.iter().flat_map(|(name, text)| [*name, *text]);
        recipe_key(
            [flags.as_str()]
                .into_iter()
                .chain(sources)
                .map(str::as_bytes),
        )
    }
}

fn compile(target: &Path) -> Result<()> {
    let folder = target.with_extension("src");
    remove(&folder)?;
    for (name, text) in SOURCES {
        let file = folder.join(name);
        fs::create_dir_all(file.parent().unwrap_or(&folder))?;
        fs::write(file, text)?;
    }
    fs::create_dir_all(target)?;
    run(contained("go build")
        .current_dir(&folder)
        .env("CGO_ENABLED", "0")
        .args(["-ldflags", &linker_flags(), "-o"])
        .arg(target)
        .args(["./kubernetes", "./etcd", "./coredns"]))?;
    remove(&folder)
}

/// Without symbols; Kubernetes tells its version to clients.
fn linker_flags() -> String {
    let version = "-X k8s.io/component-base/version";
    let minor = KUBERNETES_VERSION.split('.').nth(1).unwrap_or_default();
    format!(
        "-s -w {version}.gitVersion=v{KUBERNETES_VERSION} {version}.gitMajor=1 {version}.gitMinor={minor}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::COREDNS_IMAGE;

    #[test]
    fn versions_are_those_of_the_module() {
        let (major, minor) = OLDEST_GO;
        let coredns = COREDNS_IMAGE.rsplit(':').next().unwrap();
        for line in [
            format!("\ngo {major}.{minor}."),
            format!("\tk8s.io/kubernetes v{KUBERNETES_VERSION}\n"),
            format!("\tgithub.com/coredns/coredns {coredns}"),
        ] {
            assert!(MODULE.contains(&line), "{line}");
        }
    }

    #[test]
    fn coredns_has_the_plugins_that_its_configuration_names() {
        let [.., (_, program)] = SOURCES;
        let manifest = include_str!("../../manifests/coredns.yaml");
        let (_, corefile) = manifest.split_once(".:53 {\n").unwrap();
        let (corefile, _) = corefile.split_once("\n    }\n").unwrap();
        let named = corefile
            .lines()
            .filter_map(|line| line.strip_prefix("      "))
            .filter(|line| !line.starts_with(' '))
            .filter_map(|line| line.split_whitespace().next());
        let named: Vec<_> = named.collect();
        assert!(named.contains(&"kubernetes"), "{named:?}");
        for plugin in named {
            assert!(program.contains(&format!("/plugin/{plugin}\"")), "{plugin}");
        }
    }
}
