//! Kubernetes, etcd and CoreDNS, built from their Go modules.
//!
//! Kubernetes is one program with all of its servers linked in (a quarter of the size and of the
//! time); it looks at the name that it is called by.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cache::{Cache, recipe_key, remove};
use crate::process::{contained, run};
use crate::progress::Progress;

/// The Kubernetes that the bed runs.
pub const KUBERNETES_VERSION: &str = "1.34.4";
const ETCD_VERSION: &str = "3.6.6";
const COREDNS_VERSION: &str = "1.12.4";
/// The names that the Kubernetes program is called by.
pub(super) const KUBERNETES_NAMES: [&str; 6] = [
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kubectl",
];

/// Where the programs are.
#[derive(Debug)]
pub(super) struct Binaries {
    pub(super) kubernetes: PathBuf,
    pub(super) etcd: PathBuf,
    pub(super) coredns: PathBuf,
}

struct Recipe {
    name: &'static str,
    version: &'static str,
    package: &'static str,
    flags: String,
    files: &'static [(&'static str, &'static str)],
}

impl Binaries {
    /// Builds what is not there yet.
    pub(super) fn build(cache: &Cache, progress: Progress) -> Result<Self> {
        Ok(Self {
            kubernetes: kubernetes().build(cache, progress)?,
            etcd: etcd().build(cache, progress)?,
            coredns: coredns().build(cache, progress)?,
        })
    }

    /// One name for all of them.
    pub(super) fn key() -> String {
        let keys = [kubernetes(), etcd(), coredns()].map(|recipe| recipe.key());
        recipe_key(keys.iter().map(String::as_bytes))
    }
}

impl Recipe {
    fn key(&self) -> String {
        let flags = [self.version, self.package, &self.flags];
        let files = self.files.iter().flat_map(|(name, text)| [*name, *text]);
        recipe_key(flags.into_iter().chain(files).map(str::as_bytes))
    }

    fn build(&self, cache: &Cache, progress: Progress) -> Result<PathBuf> {
        let name = format!("bin/{}-{}-{}", self.name, self.version, self.key());
        cache.artefact(&name, |target| {
            progress.step(&format!("{} {}", self.name, self.version), || {
                self.compile(target)
            })
        })
    }

    fn compile(&self, target: &Path) -> Result<()> {
        let source = target.with_extension("src");
        remove(&source)?;
        fs::create_dir_all(&source)?;
        for (name, text) in self.files {
            fs::write(source.join(name), text)?;
        }
        run(contained("go build")
            .current_dir(&source)
            .env("CGO_ENABLED", "0")
            .args(["-ldflags", &self.flags, "-o"])
            .arg(target)
            .arg(self.package))?;
        remove(&source)
    }
}

fn kubernetes() -> Recipe {
    let version = "-X k8s.io/component-base/version";
    let minor = KUBERNETES_VERSION.split('.').nth(1).unwrap_or_default();
    Recipe {
        name: "kubernetes",
        version: KUBERNETES_VERSION,
        package: ".",
        flags: format!(
            "-s -w {version}.gitVersion=v{KUBERNETES_VERSION} {version}.gitMajor=1 {version}.gitMinor={minor}"
        ),
        files: &[
            ("go.mod", include_str!("../../hyperkube/go.mod")),
            ("go.sum", include_str!("../../hyperkube/go.sum")),
            ("main.go", include_str!("../../hyperkube/main.go")),
        ],
    }
}

fn etcd() -> Recipe {
    Recipe {
        name: "etcd",
        version: ETCD_VERSION,
        package: "go.etcd.io/etcd/server/v3",
        flags: "-s -w".to_owned(),
        files: &[
            ("go.mod", include_str!("../../etcd/go.mod")),
            ("go.sum", include_str!("../../etcd/go.sum")),
        ],
    }
}

fn coredns() -> Recipe {
    Recipe {
        name: "coredns",
        version: COREDNS_VERSION,
        package: "github.com/coredns/coredns",
        flags: "-s -w".to_owned(),
        files: &[
            ("go.mod", include_str!("../../coredns/go.mod")),
            ("go.sum", include_str!("../../coredns/go.sum")),
        ],
    }
}
