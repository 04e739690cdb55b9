//! The test bed: a real Kubernetes with three nodes in three zones, on one Debian machine.
//!
//! Everything is built from package registries (Go modules, Maven, Debian, PyPI) and kept in the
//! cache, so that only the first start takes minutes. The bed lives in network
//! namespaces that have no way out, below one folder, and goes away without a trace. There is one
//! bed on a machine; `up` and `down` hold a lock. What it needs of the machine is in `setup`.
//!
//! * `binaries`: Kubernetes, etcd, CoreDNS.
//! * `layout`: names, paths; `family`: addresses; `pki`: certificates; `network`: namespaces.
//! * `servers`: programs in the background; `control_plane` and `node`: which, and how set.
//! * `seed` and `import`: how images get to the nodes.
//! * `up`, `down` and `members`, `status`: the life of a bed.
//! * `standalone`: an API server without a bed.
//! * `provisioner`: volumes; `faults`: what tests break.
//!
//! The functions block; asynchronous tests call them through `spawn_blocking`.

mod addons;
mod binaries;
mod cgroup;
pub mod cli;
mod control_plane;
mod down;
mod family;
mod faults;
mod import;
mod layout;
mod members;
mod network;
mod node;
mod owner;
mod pki;
pub mod provisioner;
mod seed;
mod servers;
pub mod standalone;
mod status;
mod sysctl;
mod up;
mod volumes;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::ScopedJoinHandle;

use anyhow::{Result, anyhow, ensure};

pub use self::binaries::KUBERNETES_VERSION;
pub(crate) use self::binaries::OLDEST_GO;
pub use self::family::Family;
pub use self::layout::{NODES, Node};
pub use self::status::Status;
pub use rustix::process::Signal;

use self::layout::Layout;
use crate::cache::Cache;
use crate::images::cassandra_image;
use crate::process::line;
use crate::progress::Progress;

/// A test bed that is up.
#[derive(Debug, Clone)]
pub struct Bed {
    cache: Cache,
    layout: Layout,
}

impl Bed {
    /// Starts the bed with addresses of this family and images of these versions of Cassandra; quick if it is up
    /// already.
    pub fn up(
        cache: &Cache,
        family: Family,
        cassandra: &[String],
        progress: Progress,
    ) -> Result<Self> {
        let layout = Layout::with(cache, family)?;
        let _lock = cache.lock("testbed")?;
        up::up(cache, &layout, cassandra, progress)?;
        let bed = Self {
            cache: cache.clone(),
            layout,
        };
        for version in cassandra {
            bed.ensure_cassandra_image(version, progress)?;
        }
        Ok(bed)
    }

    /// Stops the bed and removes every trace of it but for the cache.
    pub fn down(cache: &Cache) -> Result<()> {
        let _lock = cache.lock("testbed")?;
        down::down(&Layout::of(cache)?)
    }

    /// What there still is of a bed that should be down.
    pub fn leftovers(cache: &Cache) -> Result<Vec<String>> {
        Ok(down::leftovers(&Layout::of(cache)?))
    }

    /// The bed that is up, where the environment says.
    pub fn open() -> Result<Self> {
        Self::open_in(&Cache::from_environment()?)
    }

    /// The bed that is up in this cache.
    pub fn open_in(cache: &Cache) -> Result<Self> {
        let layout = Layout::of(cache)?;
        ensure!(
            layout.ready().exists(),
            "the test bed is down; start it: cargo xtask testbed up"
        );
        Ok(Self {
            cache: cache.clone(),
            layout,
        })
    }

    /// How the bed is.
    pub fn status(&self) -> Result<Status> {
        Status::of(&self.layout)
    }

    /// Which addresses the bed has.
    pub fn family(&self) -> Family {
        self.layout.family()
    }

    /// Addresses of the bed's links that are of the other family; there should be none.
    pub fn foreign_addresses(&self) -> Result<String> {
        network::foreign_addresses(self.family())
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig_path(&self) -> PathBuf {
        self.layout.kubeconfig("admin")
    }

    /// kubectl as administrator.
    pub fn kubectl(&self) -> Command {
        kubectl(&self.layout)
    }

    /// A program as on this node: what it reaches there, services and pods, it reaches.
    pub fn on_node(&self, node: Node, words: &str) -> Command {
        let mut command = line("nsenter");
        command.arg(format!("--net=/run/netns/{}", node.netns()));
        command.args(words.split_whitespace());
        command
    }

    /// The logs of the bed's own servers.
    pub fn log_folder(&self) -> PathBuf {
        self.layout.run().join("log")
    }

    /// Gives an image (a docker archive) to all nodes, in place of one with the same name.
    pub fn import_image(&self, archive: &Path) -> Result<()> {
        import::everywhere(&self.layout, archive)
    }

    /// Gives an image that all nodes have another name as well.
    pub fn tag_image(&self, name: &str, other: &str) -> Result<()> {
        import::tag(&self.layout, name, other)
    }

    /// Builds the image of a version of Cassandra if need be and gives it to all nodes.
    pub fn ensure_cassandra_image(&self, version: &str, progress: Progress) -> Result<()> {
        let archive = cassandra_image(&self.cache, version, progress)?;
        if import::imported(&self.layout, &archive)? {
            return Ok(());
        }
        progress.step(&format!("cassandra:{version} to the nodes"), || {
            import::once(&self.layout, &archive)
        })
    }
}

fn kubectl(layout: &Layout) -> Command {
    let mut kubectl = Command::new(layout.program("kubectl"));
    kubectl.arg("--kubeconfig").arg(layout.kubeconfig("admin"));
    kubectl
}

/// The outcome of a thread, of which a panic is an error like others.
fn finish<T>(thread: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread
        .join()
        .unwrap_or_else(|_| Err(anyhow!("a thread of the test bed panicked")))
}
