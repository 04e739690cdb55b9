//! `--down`: removes what the demo has made, and nothing else.

use anyhow::Result;
use testbed::bed::Bed;
use testbed::cache::Cache;
use testbed::install::uninstall;
use testbed::process::{run, stdout, succeeds};
use testbed::progress::Progress;
use testbed::target::{Target, TargetArgs};

use super::{INSTALLER, MARK, NAMESPACE, STARTED_BED};

pub(super) fn remove(target: &TargetArgs, cache: &Cache, progress: Progress) -> Result<()> {
    let started_here = cache.root().join(STARTED_BED).exists();
    match target.find(cache)? {
        // With the bed goes all that is in it.
        Some(Target::Bed(_)) if started_here => progress.step("test bed down", || Bed::down(cache)),
        Some(target) => from(&target, progress),
        None if Bed::leftovers(cache)?.is_empty() => {
            progress.say("there is nothing to remove");
            Ok(())
        }
        None => progress.step("what is left of a test bed", || Bed::down(cache)),
    }
}

fn from(target: &Target, progress: Progress) -> Result<()> {
    if has_cluster(target) {
        progress.step("cluster deleted", || {
            let delete = [
                "delete",
                "cassandraclusters",
                "--all",
                "--namespace",
                NAMESPACE,
            ];
            run(target
                .kubectl()
                .args(delete)
                .args(["--cascade=foreground", "--timeout=600s"]))
        })?;
    }
    progress.step("namespace demo deleted, volumes included", || {
        let namespaces = ["delete", "namespace", "--selector", MARK, "--timeout=300s"];
        run(target.kubectl().args(namespaces))
    })?;
    progress.step("operator removed", || uninstall(target, INSTALLER))
}

/// Whether there is a cluster in a namespace that the demo has made.
fn has_cluster(target: &Target) -> bool {
    let namespace = [
        "get",
        "namespace",
        NAMESPACE,
        "--ignore-not-found",
        "--show-labels",
    ];
    let ours = stdout(target.kubectl().args(namespace)).is_ok_and(|found| found.contains(MARK));
    let clusters = ["get", "cassandraclusters", "--namespace", NAMESPACE];
    ours && succeeds(target.kubectl().args(clusters))
}
