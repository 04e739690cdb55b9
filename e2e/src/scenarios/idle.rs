//! Rest.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Result, ensure};
use serde_json::Value;

use super::THREE_RACKS;
use crate::stage::Stage;

const KINDS: &str = "cassandraclusters,cassandramembers,statefulsets,services,pvc,configmaps,serviceaccounts,roles,rolebindings,poddisruptionbudgets";

/// A ring at rest costs no write: no object of it changes its version.
pub(super) async fn nothing_is_written_for_five_minutes(stage: &Stage) -> Result<()> {
    THREE_RACKS.ready(stage).await?;
    // Loads and views that the last scenario has stirred settle first.
    tokio::time::sleep(Duration::from_secs(30)).await;
    let before = versions(stage).await?;
    tokio::time::sleep(Duration::from_mins(5)).await;
    let after = versions(stage).await?;
    let changed: Vec<_> = before
        .iter()
        .filter(|(object, version)| after.get(*object) != Some(*version))
        .collect();
    ensure!(
        changed.is_empty(),
        "written while nothing happened: {changed:?}"
    );
    ensure!(before.len() == after.len(), "objects came or went");
    Ok(())
}

async fn versions(stage: &Stage) -> Result<BTreeMap<String, String>> {
    let text = stage
        .run_kubectl(&["get", KINDS, "-n", THREE_RACKS.namespace, "-o", "json"])
        .await?;
    let list: Value = serde_json::from_str(&text)?;
    let text = |item: &Value, path: &str| {
        item.pointer(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let items = list
        .get("items")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    Ok(items
        .map(|item| {
            let name = format!("{}/{}", text(item, "/kind"), text(item, "/metadata/name"));
            (name, text(item, "/metadata/resourceVersion"))
        })
        .collect())
}
