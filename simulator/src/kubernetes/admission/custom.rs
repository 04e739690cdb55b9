//! A kind of ours: its schema, compiled once.

use std::sync::{Arc, LazyLock};

use kube_cel::{CompiledSchema, Validator, compile_schema};
use serde_json::Value;

use super::node::Node;
use crate::json::At as _;
use crate::kubernetes::{
    refusal::Cause,
    schema::{Type, of_definition},
    shipped,
};

/// A kind that a CustomResourceDefinition defines.
pub(crate) struct Custom {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    pub(crate) kind: String,
    pub(crate) schema: Arc<Type>,
    node: Node,
    rules: CompiledSchema,
    validator: Validator,
    /// Whether CEL looks at the status.
    judges_status: bool,
}

impl std::fmt::Debug for Custom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Custom")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl Custom {
    /// The kinds of `crds/`.
    pub(crate) fn shipped() -> Vec<Arc<Self>> {
        static SHIPPED: LazyLock<Vec<Arc<Custom>>> = LazyLock::new(|| {
            let definitions = shipped::definitions();
            definitions
                .iter()
                .filter_map(|d| Some(Arc::new(Custom::of(d)?)))
                .collect()
        });
        SHIPPED.clone()
    }

    fn of(definition: &Value) -> Option<Self> {
        let text = |pointer| Some(definition.at(pointer)?.as_str()?.to_owned());
        let schema = definition.at("/spec/versions/0/schema/openAPIV3Schema")?;
        let mut escaped = schema.clone();
        escape_as_kube_cel_does(&mut escaped);
        Some(Self {
            group: text("/spec/group")?,
            version: text("/spec/versions/0/name")?,
            plural: text("/spec/names/plural")?,
            kind: text("/spec/names/kind")?,
            schema: of_definition(schema),
            node: Node::of(schema),
            rules: compile_schema(&escaped),
            validator: Validator::new(),
            judges_status: schema
                .at("/properties/status")
                .is_some_and(|status| status.to_string().contains("x-kubernetes-validations")),
        })
    }

    /// Drops what a body may not have: unknown fields, and nulls. What was applied is merged and not looked at again.
    pub(crate) fn prune(&self, object: &mut Value) {
        without_metadata(object, |content| self.node.prune(content));
    }

    /// Adds defaults.
    pub(crate) fn default(&self, object: &mut Value) {
        without_metadata(object, |content| self.node.default(content));
    }

    /// A new object has no status.
    pub(crate) fn prepare_create(object: &mut Value) {
        if let Some(fields) = object.as_object_mut() {
            fields.remove("status");
        }
    }

    /// Takes over what this path does not write, and counts changes.
    pub(crate) fn prepare_update(old: &Value, new: &mut Value, status: bool) {
        if status {
            let said = new.get("status").cloned();
            let owners = new.at("/metadata/managedFields").cloned();
            *new = old.clone();
            put(new, "status", said);
            if let Some(metadata) = new.get_mut("metadata") {
                put(metadata, "managedFields", owners);
            }
            return;
        }
        put(new, "status", old.get("status").cloned());
        let content = |object: &Value| {
            let mut content = object.clone();
            put(&mut content, "metadata", None);
            put(&mut content, "status", None);
            content
        };
        if content(old) != content(new)
            && let Some(metadata) = new.get_mut("metadata")
        {
            let generation = old.at("/metadata/generation").and_then(Value::as_i64);
            put(
                metadata,
                "generation",
                Some((generation.unwrap_or(0) + 1).into()),
            );
        }
    }

    /// What is wrong with an object, besides what is known already, by schema and by CEL.
    pub(crate) fn validate(
        &self,
        object: &Value,
        old: Option<&Value>,
        status: bool,
        mut causes: Vec<Cause>,
    ) -> Vec<Cause> {
        if status {
            self.node.validate_field(object, "status", &mut causes);
        } else {
            self.node.validate(object, "", &mut causes);
        }
        let blocking = [
            "FieldValueNotSupported",
            "FieldValueRequired",
            "FieldValueTooLong",
            "FieldValueTooMany",
            "FieldValueTypeInvalid",
        ];
        if causes.iter().any(|cause| blocking.contains(&cause.reason)) {
            let message = "some validation rules were not checked because the object was invalid; correct the \
                existing errors to complete validation";
            causes.push(Cause::invalid("<nil>", message));
            return causes;
        }
        if status && !self.judges_status {
            // What the rules look at is what it was when they let it through.
            return causes;
        }
        let (object, old) = (without_nulls(object), old.map(without_nulls));
        if let Err(errors) = self
            .validator
            .validate_compiled(&self.rules, &object, old.as_ref())
        {
            causes.extend(errors.into_vec().into_iter().map(|error| {
                let reason = match error.reason.as_deref() {
                    Some("FieldValueForbidden") => "FieldValueForbidden",
                    Some("FieldValueRequired") => "FieldValueRequired",
                    Some("FieldValueDuplicate") => "FieldValueDuplicate",
                    _ => "FieldValueInvalid",
                };
                let path = Some(error.field_path.as_str()).filter(|path| !path.is_empty());
                Cause::new(reason, path.unwrap_or("<nil>"), error.message)
            }));
        }
        causes
    }
}

/// Does something with an object; metadata is not looked at.
fn without_metadata(object: &mut Value, change: impl FnOnce(&mut Value)) {
    let Some(fields) = object.as_object_mut() else {
        return;
    };
    let kept = ["apiVersion", "kind", "metadata"].map(|name| (name, fields.remove(name)));
    change(object);
    if let Some(fields) = object.as_object_mut() {
        let kept = kept
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        fields.extend(kept);
    }
}

/// To CEL a field that is null is not there; kube-cel takes it for one that is.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(_, value)| !value.is_null());
            Value::Object(
                kept.map(|(name, value)| (name.clone(), without_nulls(value)))
                    .collect(),
            )
        }
        Value::Array(list) => Value::Array(list.iter().map(without_nulls).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn put(object: &mut Value, name: &str, value: Option<Value>) {
    let Some(fields) = object.as_object_mut() else {
        return;
    };
    match value {
        Some(value) => fields.insert(name.into(), value),
        None => fields.remove(name),
    };
}

/// kube-cel 0.8 doubles each underscore in the name of a field; an API server does not. So the rules about settings
/// of cassandra.yaml are told in kube-cel's spelling.
fn escape_as_kube_cel_does(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::String(rule)) = map.get_mut("rule")
                && rule.starts_with("!has(self.")
                && rule.contains('_')
            {
                *rule = rule.replace('_', "__");
            }
            map.values_mut().for_each(escape_as_kube_cel_does);
        }
        Value::Array(list) => list.iter_mut().for_each(escape_as_kube_cel_does),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_rule_of_the_shipped_schema_compiles() {
        for custom in Custom::shipped() {
            assert!(
                !custom.rules.has_errors(),
                "{:?}",
                custom.rules.compilation_errors()
            );
        }
        assert_eq!(Custom::shipped().len(), 2);
    }

    #[test]
    fn unknown_fields_are_dropped_and_defaults_added() {
        let cluster = &Custom::shipped()[0];
        let mut object = json!({"apiVersion": "x", "metadata": {"name": "a"}, "nonsense": 1, "spec": {"nonsense": 1}});
        cluster.prune(&mut object);
        cluster.default(&mut object);
        assert!(object.get("nonsense").is_none() && object.at("/spec/nonsense").is_none());
        assert!(object.at("/spec/config").is_some());
    }

    #[test]
    fn a_null_goes_from_a_body_and_counts_where_it_was_applied() {
        let cluster = &Custom::shipped()[0];
        let mut object =
            json!({"apiVersion": "x", "metadata": {}, "spec": {"racks": null, "config": null}});
        cluster.default(&mut object);
        assert!(object["spec"]["racks"].is_null() && object["spec"]["config"].is_object());
        let causes = cluster.validate(&object, None, false, Vec::new());
        let of_racks = causes.iter().find(|cause| cause.field == "spec.racks");
        assert_eq!(of_racks.unwrap().reason, "FieldValueTypeInvalid");
        cluster.prune(&mut object);
        assert!(object["spec"].get("racks").is_none());
    }
}
