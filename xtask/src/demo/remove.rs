//! `--down`: removes what the demo has made, and nothing else.

use anyhow::Result;

use super::{INSTALLER, MARK, NAMESPACE, STARTED_BED, bed_was_started_here};
use crate::cache::{self, Cache};
use crate::install::uninstall;
use crate::process::run;
use crate::progress::Progress;
use crate::target::{Target, TargetArgs};
use crate::testbed::Bed;

pub(super) fn remove(target: &TargetArgs, cache: &Cache, progress: Progress) -> Result<()> {
    let mark = cache.root().join(STARTED_BED);
    match target.find(cache)? {
        // With the bed goes all that is in it.
        Some(Target::Bed(_)) if bed_was_started_here(cache) => {
            progress.step("test bed down", || Bed::down(cache))?;
        }
        Some(target) => from(&target, progress)?,
        None if mark.exists() => {
            progress.step("what is left of a test bed", || Bed::down(cache))?;
        }
        None => progress.say("there is nothing to remove"),
    }
    cache::remove(&mark)
}

fn from(target: &Target, progress: Progress) -> Result<()> {
    let all = [
        "delete",
        "cassandraclusters",
        "--all",
        "--namespace",
        NAMESPACE,
        "--ignore-not-found",
    ];
    let served = crate::process::succeeds(target.kubectl().args([
        "get",
        "cassandraclusters",
        "-n",
        NAMESPACE,
    ]));
    if served && ours(target) {
        progress.step("cluster deleted", || {
            run(target
                .kubectl()
                .args(all)
                .args(["--cascade=foreground", "--timeout=300s"]))
        })?;
    }
    progress.step("namespace demo deleted, volumes included", || {
        let namespaces = ["delete", "namespace", "--selector", MARK, "--timeout=300s"];
        run(target.kubectl().args(namespaces))
    })?;
    progress.step("operator removed", || uninstall(target, INSTALLER))
}

/// Whether the namespace is one that the demo has made.
fn ours(target: &Target) -> bool {
    let asked = [
        "get",
        "namespace",
        NAMESPACE,
        "--ignore-not-found",
        "--show-labels",
    ];
    crate::process::stdout(target.kubectl().args(asked)).is_ok_and(|found| found.contains(MARK))
}
