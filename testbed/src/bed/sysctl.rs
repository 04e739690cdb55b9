//! The kubelet sets a few values of the whole machine; they are kept and put back.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::layout::Layout;

const SET_BY_KUBELET: [&str; 6] = [
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
];

/// Writes down the values as they are.
pub(super) fn keep(layout: &Layout) -> Result<()> {
    let lines: String = SET_BY_KUBELET
        .iter()
        .filter_map(|name| {
            Some(format!(
                "{name} {}\n",
                fs::read_to_string(path(name)).ok()?.trim()
            ))
        })
        .collect();
    Ok(fs::write(file(layout), lines)?)
}

/// Puts the values back.
pub(super) fn restore(layout: &Layout) -> Result<()> {
    let kept = fs::read_to_string(file(layout)).unwrap_or_default();
    for (name, value) in kept.lines().filter_map(|line| line.split_once(' ')) {
        // A value that did not change is not written: the machine may not allow it.
        let now = fs::read_to_string(path(name))?;
        if now.trim() != value {
            fs::write(path(name), value)?;
        }
    }
    Ok(())
}

fn path(name: &str) -> PathBuf {
    Path::new("/proc/sys").join(name)
}

fn file(layout: &Layout) -> PathBuf {
    layout.run().join("sysctl")
}
