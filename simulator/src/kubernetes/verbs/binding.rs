//! Binding a pod to a node, as the scheduler does.

use serde_json::{Value, json};

use super::{
    Answer, Work,
    decode::{parse, set},
};
use crate::json::At as _;
use crate::kubernetes::refusal::Refusal;

impl Work<'_> {
    pub(super) fn bind(&mut self) -> Result<Answer, Refusal> {
        let binding = parse(&self.request.body)?;
        let node = binding
            .at("/target/name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let key = self.key(&self.request.name);
        let pod = self.existing(&key)?;
        let resource = self.resource().clone();
        if pod.value().at("/metadata/deletionTimestamp").is_some() {
            let why = format!(
                "pod {} is being deleted, cannot be assigned to a host",
                key.name
            );
            return Err(Refusal::conflict(resource.named(), &key.name, &why));
        }
        if pod.value().at("/spec/nodeName").is_some() {
            let why = format!("pod {} is already assigned to a node", key.name);
            return Err(Refusal::conflict(resource.named(), &key.name, &why));
        }
        let mut bound = pod.value().clone();
        if let Some(spec) = bound.get_mut("spec").and_then(Value::as_object_mut) {
            spec.insert("nodeName".into(), json!(node));
        }
        let scheduled =
            json!([{ "type": "PodScheduled", "status": "True", "lastTransitionTime": self.now }]);
        if let Some(status) = bound.get_mut("status").and_then(Value::as_object_mut) {
            status.insert("conditions".into(), scheduled);
        }
        set(&mut bound, "resourceVersion", Value::Null);
        self.save(key, bound);
        let status = json!({"apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Success", "code": 201});
        Ok(Answer::Value(201, status))
    }
}
