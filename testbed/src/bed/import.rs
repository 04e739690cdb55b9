//! Gives images to the nodes, which have no registry to pull from.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context as _, Result};

use super::layout::{Layout, NODES, Node};
use super::node::ctr;
use crate::process::run;

/// Imports an archive into all nodes at the same time.
pub(super) fn everywhere(layout: &Layout, archive: &Path) -> Result<()> {
    thread::scope(|scope| {
        let imports: Vec<_> = NODES
            .iter()
            .map(|node| scope.spawn(|| into_node(layout, *node, archive)))
            .collect();
        imports.into_iter().try_for_each(super::finish)
    })
}

/// Imports an archive whose name tells its content, unless that was done before.
pub(super) fn once(layout: &Layout, archive: &Path) -> Result<()> {
    if !imported(layout, archive)? {
        everywhere(layout, archive)?;
        mark_imported(layout, archive)?;
    }
    Ok(())
}

/// Whether [`once`] has imported the archive.
pub(super) fn imported(layout: &Layout, archive: &Path) -> Result<bool> {
    Ok(mark(layout, archive)?.exists())
}

/// Writes down that the nodes have the archive's image.
pub(super) fn mark_imported(layout: &Layout, archive: &Path) -> Result<()> {
    Ok(fs::write(mark(layout, archive)?, "")?)
}

fn mark(layout: &Layout, archive: &Path) -> Result<PathBuf> {
    let name = archive.file_name().context("an archive has a name")?;
    Ok(layout.imported(&name.to_string_lossy()))
}

/// Gives an image another name on all nodes.
pub(super) fn tag(layout: &Layout, name: &str, other: &str) -> Result<()> {
    NODES.into_iter().try_for_each(|node| {
        run(ctr(layout, node).args(["images", "tag", "--force", name, other]))
            .with_context(|| format!("naming {name} {other} on {}", node.name()))
    })
}

/// Imports an archive into one node.
fn into_node(layout: &Layout, node: Node, archive: &Path) -> Result<()> {
    run(ctr(layout, node).args(["images", "import"]).arg(archive))
        .with_context(|| format!("importing {} into {}", archive.display(), node.name()))
}
