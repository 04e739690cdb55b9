//! A Cassandra image with the layout of the published one: `/opt/cassandra`, `/etc/cassandra`,
//! `/var/lib/cassandra`, `/var/log/cassandra`, user 999, `docker-entrypoint.sh cassandra -f`.
//!
//! The jars are the wanted version's from the Maven repository. The launch scripts are those of the
//! newest binary distribution that is in the Maven repository, 4.0-alpha2, with the changes that
//! later releases made to them; they start 4.0, 4.1 and 5.0 on Java 17.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use super::ImageBuilder;
use super::base::{CASSANDRA_ID, base_layer, key as base_key};
use crate::cache::{Cache, recipe_key, remove};
use crate::process::{contained, line, run};
use crate::progress::Progress;

/// The versions that the tests use.
pub const CASSANDRA_VERSIONS: [&str; 3] = ["5.0.9", "4.1.10", "4.0.19"];
/// The version that a test bed has from the start.
pub const DEFAULT_CASSANDRA_VERSION: &str = "5.0.9";

const SCRIPTS: &str = "org.apache.cassandra:apache-cassandra:4.0-alpha2:tar.gz:bin";
const POM: &str = include_str!("../../cassandra/pom.xml");
const ENTRYPOINT: &str = include_str!("../../cassandra/docker-entrypoint.sh");
const JAVA_17: &str = include_str!("../../cassandra/jdk17.options");
/// Files of `/etc/cassandra` that replace or add to those of the distribution.
const CONFIGURATION: [(&str, &str); 5] = [
    (
        "cassandra.yaml",
        include_str!("../../cassandra/cassandra.yaml"),
    ),
    (
        "cassandra-rackdc.properties",
        include_str!("../../cassandra/cassandra-rackdc.properties"),
    ),
    ("logback.xml", include_str!("../../cassandra/logback.xml")),
    // The launch script reads these on every Java from 11 on.
    ("jvm11-server.options", JAVA_17),
    ("jvm11-clients.options", JAVA_17),
];
/// Files of the distribution that say nothing on Linux with Java 17.
const DROPPED: [&str; 5] = [
    "cassandra-env.ps1",
    "cassandra-topology.properties",
    "jvm8-clients.options",
    "jvm8-server.options",
    "metrics-reporter-config-sample.yaml",
];
/// What later releases changed in the distribution's files: file, old text, new text.
const CHANGES: [(&str, &str, &str); 3] = [
    (
        "cassandra-env.sh",
        "${CASSANDRA_HOME}/logs",
        "${CASSANDRA_LOG_DIR:-$CASSANDRA_HOME/logs}",
    ),
    (
        "cassandra-env.sh",
        "grep -q \"^-[X]log:gc\"",
        "grep -qe \"-[X]log:gc\"",
    ),
    // Gone from Java 15 on.
    ("jvm-server.options", "\n-XX:-UseBiasedLocking\n", "\n"),
];
/// Changes when the code below changes what it makes.
const REVISION: &str = "1";

/// The archive of `docker.io/library/cassandra:VERSION`.
pub fn cassandra_image(cache: &Cache, version: &str, progress: Progress) -> Result<PathBuf> {
    check_version(version)?;
    cache.artefact(
        &format!("images/cassandra-{version}-{}.tar", key(version)),
        |target| {
            let base = base_layer(cache, progress)?;
            progress.step(&format!("image cassandra:{version}"), || {
                let work = target.with_extension("work");
                remove(&work)?;
                let root = work.join("root");
                fill(&root, &work, version)?;
                image(version, &base, &root)?.write(target)?;
                remove(&work)
            })
        },
    )
}

fn check_version(version: &str) -> Result<()> {
    let plain = version
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
    ensure!(
        plain && !version.is_empty(),
        "{version} is no version of Cassandra"
    );
    Ok(())
}

fn key(version: &str) -> String {
    let base = base_key();
    let mut parts = vec![base.as_str(), version, SCRIPTS, POM, ENTRYPOINT, REVISION];
    parts.extend(CONFIGURATION.iter().flat_map(|(name, text)| [*name, *text]));
    parts.extend(
        CHANGES
            .iter()
            .flat_map(|(name, old, new)| [*name, *old, *new]),
    );
    recipe_key(parts.into_iter().map(str::as_bytes))
}

fn image(version: &str, base: &Path, root: &Path) -> Result<ImageBuilder> {
    ImageBuilder::new(format!("docker.io/library/cassandra:{version}"))
        .entrypoint(["docker-entrypoint.sh"])
        .cmd(["cassandra", "-f"])
        .user(format!("{CASSANDRA_ID}:{CASSANDRA_ID}"))
        .env(
            "PATH",
            "/opt/cassandra/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        )
        .env("LANG", "C.UTF-8")
        .env("CASSANDRA_HOME", "/opt/cassandra")
        .env("CASSANDRA_CONF", "/etc/cassandra")
        .env("CASSANDRA_VERSION", version)
        .layer_from_tar(base)?
        .layer_from_dir(root)
}

/// Puts Cassandra into `root`.
fn fill(root: &Path, work: &Path, version: &str) -> Result<()> {
    let home = root.join("opt/cassandra");
    for folder in [
        "opt/cassandra",
        "etc",
        "var/lib/cassandra",
        "var/log/cassandra",
        "usr/local/bin",
    ] {
        fs::create_dir_all(root.join(folder))?;
    }
    scripts(&home, work)?;
    jars(&home.join("lib"), work, version)?;
    let configuration = root.join("etc/cassandra");
    fs::rename(home.join("conf"), &configuration)?;
    configure(&configuration)?;
    symlink("/etc/cassandra", home.join("conf"))?;
    symlink("/var/lib/cassandra", home.join("data"))?;
    symlink("/var/log/cassandra", home.join("logs"))?;
    let entrypoint = root.join("usr/local/bin/docker-entrypoint.sh");
    fs::write(&entrypoint, ENTRYPOINT)?;
    fs::set_permissions(&entrypoint, fs::Permissions::from_mode(0o755))?;
    let owner = format!("chown -R {CASSANDRA_ID}:{CASSANDRA_ID}");
    for folder in ["etc/cassandra", "var/lib/cassandra", "var/log/cassandra"] {
        run(line(&owner).arg(root.join(folder)))?;
    }
    Ok(())
}

fn scripts(home: &Path, work: &Path) -> Result<()> {
    let download = work.join("download");
    let copy = format!("mvn -q -B dependency:copy -Dartifact={SCRIPTS}");
    run(contained(&copy).arg(format!("-DoutputDirectory={}", download.display())))?;
    let archive = only_file(&download)?;
    run(line("tar --no-same-owner --strip-components=1 -xzf")
        .arg(archive)
        .arg("-C")
        .arg(home)
        .args(["--wildcards", "*/bin/*", "*/conf/*"]))?;
    // The published images bring a cqlsh for their Python; so does the base layer here.
    for name in ["cqlsh", "cqlsh.py"] {
        remove(&home.join("bin").join(name))?;
    }
    for folder in ["bin", "tools/bin"] {
        for name in files(&home.join(folder))? {
            let foreign = name
                .extension()
                .is_some_and(|end| end == "bat" || end == "ps1");
            if foreign {
                remove(&name)?;
            }
        }
    }
    symlink("/usr/local/bin/cqlsh", home.join("bin/cqlsh"))?;
    Ok(())
}

fn jars(lib: &Path, work: &Path, version: &str) -> Result<()> {
    let pom = work.join("pom.xml");
    fs::write(&pom, POM.replace("@VERSION@", version))?;
    run(contained("mvn -q -B -f")
        .arg(&pom)
        .arg("dependency:copy-dependencies")
        .arg(format!("-DoutputDirectory={}", lib.display())))?;
    let agent = files(lib)?
        .into_iter()
        .find(|jar| {
            jar.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("jamm-"))
        })
        .context("Cassandra's dependencies have no jamm")?;
    let known = lib.join("jamm-0.3.2.jar");
    if agent != known {
        // The name that the launch script knows.
        symlink(agent.file_name().unwrap_or_default(), known)?;
    }
    Ok(())
}

fn configure(configuration: &Path) -> Result<()> {
    for name in DROPPED {
        remove(&configuration.join(name))?;
    }
    for (name, text) in CONFIGURATION {
        fs::write(configuration.join(name), text)?;
    }
    for (name, old, new) in CHANGES {
        let path = configuration.join(name);
        let text = fs::read_to_string(&path)?;
        if !text.contains(old) {
            bail!("{name} of {SCRIPTS} does not contain {old}");
        }
        fs::write(path, text.replace(old, new))?;
    }
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = fs::read_dir(folder)?
        .map(|f| Ok(f?.path()))
        .collect::<Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}

fn only_file(folder: &Path) -> Result<PathBuf> {
    let all = files(folder)?;
    all.into_iter()
        .next()
        .with_context(|| format!("nothing in {}", folder.display()))
}
