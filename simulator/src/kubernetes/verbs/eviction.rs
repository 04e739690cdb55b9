//! Evicting pods, if their disruption budget allows it.

use serde_json::{Value, json};

use super::{
    Answer, Work,
    decode::{parse, set, text},
    delete::How,
};
use crate::json::At as _;
use crate::kubernetes::{
    catalogue::Family,
    refusal::{Cause, Refusal},
    rules,
    store::Key,
};

impl Work<'_> {
    pub(super) fn evict(&mut self) -> Result<Answer, Refusal> {
        let eviction = parse(&self.request.body)?;
        let name = text(&eviction, "name");
        if !name.is_empty() && name != self.request.name {
            return Err(Refusal::bad_request(
                "name in URL does not match name in Eviction object",
            ));
        }
        let how = match eviction.get("deleteOptions").filter(|how| !how.is_null()) {
            Some(how) => serde_json::from_value(how.clone())
                .map_err(|error| Refusal::bad_request(format!("no DeleteOptions: {error}")))?,
            None => How::default(),
        };
        let key = self.key(&self.request.name);
        let pod = self.existing(&key)?;
        let phase = pod.value().at("/status/phase").and_then(Value::as_str);
        let runs = !matches!(phase, Some("Succeeded" | "Failed" | "Pending"))
            && text(pod.value(), "deletionTimestamp").is_empty();
        if runs {
            self.spend_budget(pod.value())?;
        }
        self.mark_evicted(&key, pod.value());
        self.delete_one(&key, &how)?;
        let status = json!({"apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Success", "code": 201});
        Ok(Answer::Value(201, status))
    }

    /// The pod says why it goes.
    fn mark_evicted(&mut self, key: &Key, pod: &Value) {
        let mut marked = pod.clone();
        let condition = json!({"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
            "message": "Eviction API: evicting", "lastProbeTime": null, "lastTransitionTime": self.now});
        if let Some(status) = marked.get_mut("status").and_then(Value::as_object_mut) {
            let conditions = status.entry("conditions").or_insert_with(|| json!([]));
            if let Some(conditions) = conditions.as_array_mut() {
                let is_same = |other: &Value| other.get("type") == condition.get("type");
                if !conditions.iter().any(is_same) {
                    conditions.push(condition);
                }
            }
        }
        if marked != *pod {
            self.save(key.clone(), marked);
        }
    }

    fn spend_budget(&mut self, pod: &Value) -> Result<(), Refusal> {
        let budgets = self.budgets_of(pod);
        let [(key, budget)] = budgets.as_slice() else {
            return if budgets.is_empty() {
                Ok(())
            } else {
                let message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
                Err(Refusal::internal(message))
            };
        };
        let number = |pointer| budget.at(pointer).and_then(Value::as_i64).unwrap_or(0);
        let name = text(budget, "name");
        if number("/status/observedGeneration") < number("/metadata/generation") {
            let why =
                format!("The disruption budget {name} is still being processed by the server.");
            return Err(too_many(&why));
        }
        let allowed = number("/status/disruptionsAllowed");
        let ready = rules::is_ready(pod);
        if !ready && number("/status/currentHealthy") >= number("/status/desiredHealthy").max(1) {
            // A pod that is not healthy is not counted.
            return Ok(());
        }
        if allowed <= 0 {
            let why = format!(
                "The disruption budget {name} needs {} healthy pods and has {} currently",
                number("/status/desiredHealthy"),
                number("/status/currentHealthy")
            );
            return Err(too_many(&why));
        }
        let mut spent = budget.clone();
        if let Some(status) = spent.get_mut("status").and_then(Value::as_object_mut) {
            status.insert("disruptionsAllowed".into(), json!(allowed - 1));
            let pods = status.entry("disruptedPods").or_insert_with(|| json!({}));
            if let Some(pods) = pods.as_object_mut() {
                pods.insert(text(pod, "name").into(), json!(self.now));
            }
        }
        set(&mut spent, "resourceVersion", Value::Null);
        let key = key.clone();
        self.save(key, spent);
        Ok(())
    }

    fn budgets_of(&self, pod: &Value) -> Vec<(Key, Value)> {
        let Some(kind) = self.inner.catalogue.family(Family::PodDisruptionBudget) else {
            return Vec::new();
        };
        let all = self.state.store.list(kind.id, &self.request.namespace);
        all.filter(|(_, budget)| {
            let selector = budget.value().at("/spec/selector");
            selector.is_some_and(|selector| rules::selects(selector, pod))
        })
        .map(|(key, budget)| (key.clone(), budget.value().clone()))
        .collect()
    }
}

fn too_many(why: &str) -> Refusal {
    let message = "Cannot evict pod as it would violate the pod's disruption budget.";
    let cause = Cause::new("DisruptionBudget", "", why);
    Refusal::new(429, "TooManyRequests", message).with_causes(&[cause])
}
