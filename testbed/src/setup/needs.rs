//! What each kind of work needs: one table.

/// What a command is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Check the formatting.
    Format,
    /// Check the code.
    Lint,
    /// Apply patches to a copy of the sources.
    Patches,
    /// Build static programs.
    StaticPrograms,
    /// Build the operator's image.
    OperatorImage,
    /// Run an API server.
    ApiServer,
    /// Run a Kubernetes with nodes, and Cassandra on them.
    Nodes,
    /// Run an S3 server, and S3 clients.
    S3,
    /// Work with a Kubernetes of the user's.
    GivenKubernetes,
}

/// Something that a machine has or lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Root,
    Debian,
    /// A program on the search path, or a file, and the Debian package that has it.
    Package(&'static str, &'static str),
    /// A subcommand of cargo, and the component of the toolchain that has it.
    Component(&'static str, &'static str),
    /// Rust's standard library for static programs.
    StaticTarget,
    Go,
    Kubectl,
}

use Need::{Component, Debian, Go, Kubectl, Package, Root, StaticTarget};

impl Work {
    fn needs(self) -> &'static [Need] {
        match self {
            Self::Format => &[Component("fmt", "rustfmt")],
            Self::Lint => &[Component("clippy", "clippy")],
            Self::Patches => &[Package("git", "git")],
            Self::StaticPrograms => &[Package("musl-gcc", "musl-tools"), StaticTarget],
            Self::OperatorImage => &[
                Package("musl-gcc", "musl-tools"),
                StaticTarget,
                Package("mvn", "maven"),
            ],
            Self::ApiServer => &[
                // What builds it runs in a process namespace of its own.
                Root,
                Package("setpriv", "util-linux"),
                Package("unshare", "util-linux"),
                Package("openssl", "openssl"),
                Go,
            ],
            Self::Nodes => &[
                Root,
                Debian,
                Package("containerd", "containerd"),
                Package("runc", "runc"),
                Package("/usr/lib/cni/bridge", "containernetworking-plugins"),
                Package("iptables", "iptables"),
                Package("ip", "iproute2"),
                Package("sysctl", "procps"),
                Package("conntrack", "conntrack"),
                Package("nsenter", "util-linux"),
                Package("umount", "mount"),
                Package("debootstrap", "debootstrap"),
                Package("gcc", "gcc"),
                // gcc only recommends it, and the pause program is linked statically.
                Package("/usr/include/stdlib.h", "libc6-dev"),
                Package("mvn", "maven"),
                Package("python3", "python3"),
                Package("pip3", "python3-pip"),
            ],
            Self::S3 => &[
                Root,
                Package("setpriv", "util-linux"),
                Package("unshare", "util-linux"),
                Package("python3", "python3"),
                Package("pip3", "python3-pip"),
                Go,
            ],
            Self::GivenKubernetes => &[Kubectl],
        }
    }
}

/// What all of this work needs, each thing once.
pub(super) fn of(work: &[Work]) -> Vec<Need> {
    let mut needs = Vec::new();
    for need in work.iter().flat_map(|work| work.needs()) {
        if !needs.contains(need) {
            needs.push(*need);
        }
    }
    needs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_is_needed_once() {
        let needs = of(&[Work::ApiServer, Work::Nodes, Work::OperatorImage]);
        let count = |need: Need| needs.iter().filter(|n| **n == need).count();
        assert_eq!((count(Root), count(Package("mvn", "maven"))), (1, 1));
        assert_eq!((count(StaticTarget), count(Go)), (1, 1));
    }
}
