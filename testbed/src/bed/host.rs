//! What the bed needs of the machine: Debian, root, a few packages, Go and Maven.

use std::fs;

use anyhow::{Result, bail, ensure};

use crate::process::{find, line, run};
use crate::progress::Progress;

/// A program and the Debian package that has it.
const PROGRAMS: [(&str, &str); 16] = [
    ("containerd", "containerd"),
    ("runc", "runc"),
    ("iptables", "iptables"),
    ("ip", "iproute2"),
    ("sysctl", "procps"),
    ("conntrack", "conntrack"),
    ("debootstrap", "debootstrap"),
    ("openssl", "openssl"),
    ("gcc", "gcc"),
    ("musl-gcc", "musl-tools"),
    ("nsenter", "util-linux"),
    ("setpriv", "util-linux"),
    ("unshare", "util-linux"),
    ("umount", "mount"),
    ("python3", "python3"),
    ("pip3", "python3-pip"),
];
/// Packages that are told by a file.
const FILES: [(&str, &str); 2] = [
    ("/usr/lib/cni/bridge", "containernetworking-plugins"),
    // gcc only recommends it, and the pause program is linked statically.
    ("/usr/include/stdlib.h", "libc6-dev"),
];

/// Checks the machine and installs what is missing.
pub(super) fn prepare(progress: Progress) -> Result<()> {
    let debian = fs::read_to_string("/etc/os-release")
        .unwrap_or_default()
        .contains("ID=debian");
    ensure!(
        rustix::process::geteuid().is_root() && debian && find("apt-get").is_some(),
        "the test bed needs root on Debian; run this as root on such a machine, or give --kubeconfig \
         (or KUBECONFIG) of a cluster that there is already to the tests and the demo"
    );
    let missing = missing_packages();
    if !missing.is_empty() {
        progress.step(&format!("apt-get install {}", missing.join(" ")), || {
            install(&missing)
        })?;
    }
    for (program, purpose) in [
        ("go", "Kubernetes, etcd and CoreDNS"),
        ("mvn", "Cassandra's jars"),
    ] {
        if find(program).is_none() {
            bail!("{program} is not on the path; the test bed needs it for {purpose}");
        }
    }
    Ok(())
}

fn missing_packages() -> Vec<&'static str> {
    let programs = PROGRAMS
        .iter()
        .filter(|(program, _)| find(program).is_none());
    let files = FILES
        .iter()
        .filter(|(file, _)| !fs::exists(file).unwrap_or(false));
    programs.chain(files).map(|(_, package)| *package).collect()
}

fn install(packages: &[&str]) -> Result<()> {
    let apt = || {
        let mut apt = line("apt-get -q -y --no-install-recommends");
        apt.env("DEBIAN_FRONTEND", "noninteractive");
        apt
    };
    run(apt().arg("update"))?;
    run(apt().arg("install").args(packages))
}
