//! The scale of a StatefulSet.

use serde_json::{Value, json};

use super::{
    Answer, Work,
    decode::{parse, set, text},
};
use crate::json::At as _;
use crate::kubernetes::{
    fields::Owners,
    refusal::{Cause, Refusal},
    request::Verb,
};

impl Work<'_> {
    pub(super) fn scale(&mut self) -> Result<Answer, Refusal> {
        let key = self.key(&self.request.name);
        let existing = self.existing(&key)?;
        let now = scale_of(existing.value());
        let wanted = match self.request.verb {
            Verb::Update => parse(&self.request.body)?,
            Verb::Patch
                if self
                    .request
                    .content_type
                    .starts_with("application/merge-patch") =>
            {
                let mut wanted = now;
                json_patch::merge(&mut wanted, &parse(&self.request.body)?);
                wanted
            }
            Verb::Patch => {
                let message = "the body of the request was in an unknown format";
                return Err(Refusal::new(415, "UnsupportedMediaType", message));
            }
            Verb::Get
            | Verb::List
            | Verb::Watch
            | Verb::Create
            | Verb::Delete
            | Verb::DeleteCollection => {
                return Ok(Answer::Value(200, now));
            }
        };
        let replicas = wanted
            .at("/spec/replicas")
            .and_then(Value::as_i64)
            .unwrap_or(0);
        if replicas < 0 {
            let cause = Cause::invalid("spec.replicas", "must be greater than or equal to 0");
            let mut refusal =
                Refusal::invalid(self.resource().named(), text(&wanted, "name"), &[cause]);
            refusal.details.insert("kind".into(), json!("Scale"));
            refusal.details.insert("group".into(), json!("autoscaling"));
            return Err(refusal);
        }
        let mut object = existing.value().clone();
        if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
            spec.insert("replicas".into(), json!(replicas));
        }
        set(
            &mut object,
            "resourceVersion",
            json!(text(&wanted, "resourceVersion")),
        );
        self.own(existing.value(), &mut object);
        // A real server notes no time for this.
        let mut owners = Owners::of(&object);
        let scales = owners
            .0
            .iter_mut()
            .filter(|(writer, _)| writer.subresource == "scale");
        scales.for_each(|(_, owned)| owned.time = None);
        owners.write(&mut object);
        let changed = self.change(key, &existing, object)?;
        Ok(Answer::Value(200, scale_of(changed.value())))
    }
}

fn scale_of(set: &Value) -> Value {
    let metadata = |name: &str| set.at(&format!("/metadata/{name}")).cloned();
    let labels = set
        .at("/spec/selector/matchLabels")
        .and_then(Value::as_object);
    let selector: Vec<_> = labels
        .into_iter()
        .flatten()
        .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()))
        .collect();
    let mut spec = json!({});
    let replicas = set
        .at("/spec/replicas")
        .cloned()
        .unwrap_or_else(|| json!(0));
    if let (true, Some(spec)) = (replicas != json!(0), spec.as_object_mut()) {
        spec.insert("replicas".into(), replicas);
    }
    json!({
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {
            "name": metadata("name"), "namespace": metadata("namespace"), "uid": metadata("uid"),
            "resourceVersion": metadata("resourceVersion"),
            "creationTimestamp": metadata("creationTimestamp"),
        },
        "spec": spec,
        "status": {
            "replicas": set.at("/status/replicas").cloned().unwrap_or_else(|| json!(0)),
            "selector": selector.join(","),
        },
    })
}
