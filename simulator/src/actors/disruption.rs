//! The disruption controller: how many pods of a budget may be evicted now.

use serde_json::{Value, json};

use super::component_client::{BUDGET, ComponentClient, POD, text};
use crate::json::At as _;
use crate::kubernetes::{is_ready, selects};

/// Looks at all budgets.
pub(super) fn step(client: &ComponentClient) {
    let pods = client.list(POD);
    for budget in client.list(BUDGET) {
        let budget = budget.value();
        let selector = budget.at("/spec/selector").unwrap_or(&Value::Null);
        let selected = |pod: &Value| {
            text(pod, "/metadata/namespace") == text(budget, "/metadata/namespace")
                && selects(selector, pod)
        };
        let own: Vec<_> = pods
            .iter()
            .map(|pod| pod.value())
            .filter(|pod| selected(pod))
            .collect();
        let healthy = own.iter().filter(|pod| is_ready(pod)).count();
        let unavailable = budget
            .at("/spec/maxUnavailable")
            .and_then(Value::as_u64)
            .unwrap_or(1);
        let desired = own
            .len()
            .saturating_sub(usize::try_from(unavailable).unwrap_or(usize::MAX));
        let status = json!({
            "observedGeneration": budget["metadata"]["generation"],
            "expectedPods": own.len(),
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "disruptionsAllowed": healthy.saturating_sub(desired),
        });
        if budget.get("status") != Some(&status) {
            let mut budget = budget.clone();
            budget["status"] = status;
            drop(client.update_status(&budget));
        }
    }
}
