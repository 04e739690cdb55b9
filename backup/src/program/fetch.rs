//! `restore` and `export`.

use backup::{
    error::Result,
    format::commit::NodePart,
    repository::Repository,
    transfer::download::{self, Fetched, Selection, Target},
};
use serde_json::json;

use super::{
    options::{Export, Options, Restore},
    output::{say, size},
    progress::shown,
    take::the_node,
    tend::find,
    transfer,
};

pub(crate) async fn restore(
    options: &Options,
    repository: &Repository,
    request: &Restore,
) -> Result<()> {
    let commit = find(repository, &request.backup).await?;
    let part = the_node(&commit, request.host_id.as_ref())?;
    let selection = Selection {
        only: request.only.clone(),
        beside: false,
        except: Vec::new(),
    };
    let target = Target {
        folders: request.into.clone(),
        local: request.local.clone(),
    };
    let fetched = fetch(options, repository, part, &selection, &target).await?;
    let text = format!(
        "{} of node {}: {} in {} files, {} fetched, {} linked",
        commit.backup,
        part.attempt.host_id,
        size(fetched.bytes),
        fetched.files,
        size(fetched.fetched_bytes),
        size(fetched.linked_bytes)
    );
    say(
        options,
        &json!({ "backup": commit.backup, "node": part.attempt.host_id, "restored": fetched }),
        &text,
    );
    Ok(())
}

pub(crate) async fn export(
    options: &Options,
    repository: &Repository,
    request: &Export,
) -> Result<()> {
    let commit = find(repository, &request.backup).await?;
    let selection = Selection {
        only: request.only.clone(),
        beside: true,
        except: Vec::new(),
    };
    let mut nodes = Vec::new();
    let mut text = Vec::new();
    for part in &commit.nodes {
        let folder = request.into.join(part.attempt.host_id.as_str());
        let target = Target {
            folders: vec![folder.clone()],
            local: Vec::new(),
        };
        let fetched = fetch(options, repository, part, &selection, &target).await?;
        text.push(format!(
            "{}: {} in {} files",
            folder.display(),
            size(fetched.bytes),
            fetched.files
        ));
        nodes.push(json!({ "node": part.attempt.host_id, "folder": folder, "exported": fetched }));
    }
    say(
        options,
        &json!({ "backup": commit.backup, "nodes": nodes }),
        &text.join(
            "
",
        ),
    );
    Ok(())
}

async fn fetch(
    options: &Options,
    repository: &Repository,
    part: &NodePart,
    selection: &Selection,
    target: &Target,
) -> Result<Fetched> {
    let transfer = transfer(options, repository);
    for folder in &target.folders {
        std::fs::create_dir_all(folder).map_err(|source| backup::Error::File {
            what: "make",
            path: folder.clone(),
            source,
        })?;
    }
    let progress = std::sync::Arc::clone(&transfer.progress);
    let work = download::run(repository, &transfer, part, selection, target);
    shown(options, "restore", progress, work).await
}
