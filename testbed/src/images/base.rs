//! The layer that every Cassandra image stands on: Debian with a Java runtime and cqlsh.
//!
//! Debian comes by debootstrap, cqlsh (Python, with its driver) by pip from PyPI. Image layers have
//! no times, so whatever checks times is made again: Python's byte code by hash, Java's class data
//! archive against a file of time zero. Otherwise each start of `java` and `cqlsh` is a slow one.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::layer::Layer;
use crate::cache::{Cache, recipe_key, remove};
use crate::process::{contained, line, run};
use crate::progress::Progress;

const SUITE: &str = "bookworm";
const PACKAGES: &str = "openjdk-17-jre-headless,ca-certificates,procps,python3";
const PYTHON: &str = "3.11";
const REQUIREMENTS: &str = include_str!("../../cassandra/requirements.txt");
const CQLSH: &str = include_str!("../../cassandra/cqlsh");
/// Changes when the code below changes what it makes.
const REVISION: &str = "1";
/// User and group of Cassandra in the published images.
pub(super) const CASSANDRA_ID: u32 = 999;

/// What the layer's content depends on.
pub(super) fn key() -> String {
    let parts = [SUITE, PACKAGES, PYTHON, REQUIREMENTS, CQLSH, REVISION];
    recipe_key(parts.map(str::as_bytes))
}

/// The layer as a tar file.
pub(super) fn base_layer(cache: &Cache, progress: Progress) -> Result<PathBuf> {
    cache.artefact(&format!("layers/{SUITE}-java17-{}.tar", key()), |target| {
        progress.step("Debian with Java and cqlsh", || {
            let root = target.with_extension("root");
            remove(&root)?;
            debootstrap(&root)?;
            cqlsh(&root)?;
            prepare_for_time_zero(&root)?;
            Layer::Folder(root.clone()).write(target)?;
            remove(&root)
        })
    })
}

fn debootstrap(root: &Path) -> Result<()> {
    let debootstrap = format!("debootstrap --variant=minbase --include={PACKAGES} {SUITE}");
    run(contained(&debootstrap).arg(root))?;
    let unneeded = [
        "usr/share/doc",
        "usr/share/man",
        "usr/share/locale",
        "usr/share/info",
        "var/cache/apt",
        "var/lib/apt/lists",
    ];
    for folder in unneeded {
        remove(&root.join(folder))?;
    }
    let id = CASSANDRA_ID;
    chroot(root, &format!("groupadd -r -g {id} cassandra"))?;
    chroot(
        root,
        &format!("useradd -r -u {id} -g {id} -d /var/lib/cassandra cassandra"),
    )
}

fn cqlsh(root: &Path) -> Result<()> {
    let requirements = root.with_extension("requirements.txt");
    fs::write(&requirements, REQUIREMENTS)?;
    let pip = "python3 -m pip install --quiet --no-compile --no-deps --only-binary=:all:";
    run(contained(pip)
        .args(["--python-version", PYTHON, "--target"])
        .arg(root.join("opt/cqlsh"))
        .arg("--requirement")
        .arg(&requirements))?;
    remove(&requirements)?;
    let launcher = root.join("usr/local/bin/cqlsh");
    fs::write(&launcher, CQLSH)?;
    run(line("chmod 755").arg(launcher))
}

fn prepare_for_time_zero(root: &Path) -> Result<()> {
    let compile = "python3 -m compileall -q -f --invalidation-mode unchecked-hash";
    chroot(
        root,
        &format!("{compile} /usr/lib/python{PYTHON} /usr/lib/python3 /opt/cqlsh"),
    )?;
    let jvm = root.join("usr/lib/jvm");
    let touch = ["-name", "modules", "-exec", "touch", "-d", "@0", "{}", "+"];
    run(line("find").arg(&jvm).args(touch))?;
    chroot(root, "java -Xshare:dump").context("making Java's class data archive")
}

/// Java finds its libraries through /proc.
const IN_ROOT: &str = r#"mount -t proc proc "$0/proc" && exec chroot "$0" "$@""#;

fn chroot(root: &Path, words: &str) -> Result<()> {
    run(contained("sh -c")
        .arg(IN_ROOT)
        .arg(root)
        .args(words.split(' '))
        .env("LC_ALL", "C.UTF-8"))
}
