//! The disruption controller: how many pods of a budget may be evicted now.

use serde_json::{Value, json};

use super::{
    hand::{BUDGET, Hand, POD, text},
    stateful_sets::is_ready,
};

/// Looks at all budgets.
pub(super) fn step(hand: &Hand) {
    let pods = hand.list(POD);
    for budget in hand.list(BUDGET) {
        let budget = budget.value();
        let labels = budget
            .pointer("/spec/selector/matchLabels")
            .and_then(Value::as_object);
        let selected = |pod: &Value| {
            let there = pod.pointer("/metadata/labels");
            text(pod, "/metadata/namespace") == text(budget, "/metadata/namespace")
                && labels
                    .into_iter()
                    .flatten()
                    .all(|(key, value)| there.and_then(|l| l.get(key)) == Some(value))
        };
        let own: Vec<_> = pods
            .iter()
            .map(|pod| pod.value())
            .filter(|pod| selected(pod))
            .collect();
        let healthy = own.iter().filter(|pod| is_ready(pod)).count();
        let unavailable = budget
            .pointer("/spec/maxUnavailable")
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
            drop(hand.update_status(&budget));
        }
    }
}
