//! `medusa list` and `medusa restore`.

use backup::{
    error::Result,
    medusa,
    store::Store,
    transfer::{Transfer, download::Selection},
};
use serde_json::json;

use super::{
    options::{Medusa, MedusaRestore, Options},
    output::{say, size, table},
    progress::shown,
};

/// The largest piece that is asked for at once.
const PIECE: u64 = 16 << 20;

pub(crate) async fn run(options: &Options, store: &Store, what: &Medusa) -> Result<()> {
    match what {
        Medusa::List => list(options, store).await,
        Medusa::Restore(request) => restore(options, store, request).await,
    }
}

async fn list(options: &Options, store: &Store) -> Result<()> {
    let backups = medusa::list(store).await?;
    let rows: Vec<_> = backups
        .iter()
        .map(|backup| {
            let at = backup
                .at()
                .map(|at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string());
            let nodes: Vec<_> = backup.finished.keys().map(String::as_str).collect();
            let unfinished: Vec<_> = backup.unfinished.iter().map(String::as_str).collect();
            vec![
                backup.name.clone(),
                at.unwrap_or_default(),
                nodes.join(","),
                unfinished.join(","),
            ]
        })
        .collect();
    let head = ["NAME", "FINISHED", "NODES", "NOT FINISHED"];
    say(
        options,
        &json!({ "backups": backups }),
        &table(&head, &rows),
    );
    Ok(())
}

async fn restore(options: &Options, store: &Store, request: &MedusaRestore) -> Result<()> {
    let transfer = Transfer::new(options.limits(), PIECE);
    let selection = Selection {
        only: request.only.clone(),
        beside: true,
        except: Vec::new(),
    };
    let progress = std::sync::Arc::clone(&transfer.progress);
    let work = medusa::restore(
        store,
        &transfer,
        &request.backup,
        &request.node,
        &selection,
        &request.into,
    );
    let restored = shown(options, "restore", progress, work).await?;
    let text = format!(
        "{} of node {}: {} in {} files; of {} of them only the length could be proved",
        request.backup,
        request.node,
        size(restored.bytes),
        restored.files,
        restored.unproved
    );
    say(options, &restored, &text);
    Ok(())
}
