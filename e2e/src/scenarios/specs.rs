//! Specs that would do, for scenarios that change something of them.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

/// One member, as small as Cassandra runs.
pub(super) fn one_member() -> Value {
    json!({
        "version": "5.0.9",
        "racks": [{ "name": "r1", "members": 1 }],
        "storage": { "size": "1Gi" },
        "resources": { "requests": { "cpu": "100m", "memory": "1Gi" }, "limits": { "memory": "1Gi" } },
        "config": { "jvm": { "heap": "256Mi" } },
        "placement": {},
    })
}

/// Sets a field by its pointer; what it is in must be there.
pub(super) fn set(spec: &mut Value, pointer: &str, value: Value) -> Result<()> {
    let (parent, field) = pointer.rsplit_once('/').context("a pointer")?;
    let parent = spec.pointer_mut(parent).context("no such field")?;
    let parent = parent.as_object_mut().context("not an object")?;
    parent.insert(field.into(), value);
    Ok(())
}
