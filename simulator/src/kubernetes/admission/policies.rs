//! ValidatingAdmissionPolicies, by CEL. As on a real server, a policy counts if a binding with `Deny` names it.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "of the values of CEL few are of use"
)]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use kube_cel::{
    KubeCelExt as _,
    cel::{
        Context, ExecutionError, IdedExpr, Value as Cel,
        extractors::This,
        objects::{Key as CelKey, Map},
        parser::Parser,
    },
};
use serde_json::{Value, json};

use super::looks_at::LooksAt;
use crate::json::At as _;
use crate::kubernetes::{
    catalogue::{Catalogue, Family},
    refusal::{Cause, Refusal},
    request::Request,
    rights::{Asked, Rights},
    store::{Change, Key},
};

/// The policies that are in force.
#[derive(Default)]
pub(crate) struct Policies {
    policies: BTreeMap<Key, Arc<Policy>>,
    bindings: BTreeMap<Key, (String, String)>,
}

struct Policy {
    name: String,
    rules: Vec<Value>,
    fails: bool,
    conditions: Vec<Condition>,
    variables: Vec<(String, Option<IdedExpr>)>,
    validations: Vec<Validation>,
    looks_at: LooksAt,
}

struct Condition {
    name: String,
    expression: Option<IdedExpr>,
    /// It looks at nothing but the request, which is cheap to tell.
    of_request: bool,
}

struct Validation {
    expression: Option<IdedExpr>,
    message: String,
    message_expression: Option<IdedExpr>,
    reason: String,
}

impl Policies {
    /// Looks at a change, which may be one of policies.
    pub(crate) fn note(&mut self, catalogue: &Catalogue, change: &Change) {
        let family = catalogue
            .get(change.key.resource)
            .map(|resource| resource.family);
        let new = change.new.as_ref().map(|object| object.value());
        match family {
            Some(Family::ValidatingAdmissionPolicy) => {
                match new {
                    Some(new) => self.policies.insert(change.key.clone(), Policy::known(new)),
                    None => self.policies.remove(&change.key),
                };
            }
            Some(Family::ValidatingAdmissionPolicyBinding) => {
                let bound = new.and_then(|new| {
                    let actions = new.at("/spec/validationActions")?.as_array()?;
                    let policy = new.at("/spec/policyName")?.as_str()?.to_owned();
                    actions
                        .contains(&json!("Deny"))
                        .then(|| (policy, change.key.name.to_string()))
                });
                match bound {
                    Some(bound) => self.bindings.insert(change.key.clone(), bound),
                    None => self.bindings.remove(&change.key),
                };
            }
            _ => {}
        }
    }

    /// Refuses what a policy denies.
    pub(crate) fn admit(
        &self,
        rights: &Rights,
        request: &Request,
        operation: &str,
        object: Option<&Value>,
        old: Option<&Value>,
    ) -> Result<(), Refusal> {
        for (policy, binding) in self.bindings.values() {
            let found = self
                .policies
                .values()
                .find(|p| p.name == *policy && p.is_for(request, operation));
            if let Some(policy) = found {
                let facts = Facts {
                    rights,
                    request,
                    operation,
                    object,
                    old,
                };
                policy.judge(&facts).map_err(|(reason, message)| {
                    denied(request, object.or(old), policy, binding, &reason, &message)
                })?;
            }
        }
        Ok(())
    }
}

fn denied(
    request: &Request,
    object: Option<&Value>,
    policy: &Policy,
    binding: &str,
    reason: &str,
    message: &str,
) -> Refusal {
    let named = object
        .and_then(|object| object.at("/metadata/name"))
        .and_then(Value::as_str);
    let name = named.unwrap_or(&request.name);
    let why = format!(
        "ValidatingAdmissionPolicy '{}' with binding '{binding}' denied request: {message}",
        policy.name
    );
    let mut refusal = Refusal::forbidden(request.resource.named(), name, &why);
    (refusal.code, refusal.reason) = match reason {
        "Forbidden" => (403, "Forbidden"),
        "Unauthorized" => (401, "Unauthorized"),
        "RequestEntityTooLarge" => (413, "RequestEntityTooLarge"),
        _ => (422, "Invalid"),
    };
    refusal.with_causes(&[Cause::new("", "", why)])
}

/// What a policy judges.
struct Facts<'a> {
    rights: &'a Rights,
    request: &'a Request,
    operation: &'a str,
    object: Option<&'a Value>,
    old: Option<&'a Value>,
}

/// Policies that were parsed before, by their text: every server of a run has the same.
static PARSED: Mutex<BTreeMap<String, Arc<Policy>>> = Mutex::new(BTreeMap::new());

impl Policy {
    /// The policy, parsed once.
    fn known(object: &Value) -> Arc<Self> {
        let name = object.at("/metadata/name").unwrap_or(&Value::Null);
        let spec = object.get("spec").unwrap_or(&Value::Null);
        let mut parsed = PARSED.lock().unwrap_or_else(PoisonError::into_inner);
        let policy = parsed
            .entry(format!("{name} {spec}"))
            .or_insert_with(|| Arc::new(Self::of(object)));
        policy.clone()
    }

    fn of(object: &Value) -> Self {
        let spec = object.get("spec").cloned().unwrap_or_default();
        let list = |name: &str| {
            spec.get(name)
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default()
        };
        let text = |entry: &Value, name: &str| {
            entry
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let named = |name: &str| {
            let entries = list(name).into_iter();
            entries
                .map(|entry| (text(&entry, "name"), parsed(&text(&entry, "expression"))))
                .collect()
        };
        let conditions = list("matchConditions").into_iter().map(|entry| {
            let expression = text(&entry, "expression");
            let more = ["bject", "authorizer", "variables"];
            Condition {
                name: text(&entry, "name"),
                of_request: !more.iter().any(|word| expression.contains(word)),
                expression: parsed(&expression),
            }
        });
        let validations = list("validations").into_iter().map(|entry| Validation {
            expression: parsed(&text(&entry, "expression")),
            message: text(&entry, "message"),
            message_expression: parsed(&text(&entry, "messageExpression")),
            reason: text(&entry, "reason"),
        });
        let rules = spec
            .at("/matchConstraints/resourceRules")
            .and_then(Value::as_array);
        Self {
            name: object
                .at("/metadata/name")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            rules: rules.cloned().unwrap_or_default(),
            fails: spec.get("failurePolicy").and_then(Value::as_str) != Some("Ignore"),
            conditions: conditions.collect(),
            variables: named("variables"),
            validations: validations.collect(),
            looks_at: LooksAt::of(&spec),
        }
    }

    fn is_for(&self, request: &Request, operation: &str) -> bool {
        let resource = &request.resource;
        let asked = if request.subresource.is_empty() {
            resource.plural.clone()
        } else {
            format!("{}/{}", resource.plural, request.subresource)
        };
        self.rules.iter().any(|rule| {
            let has = |name: &str, wanted: &str| {
                let list = rule
                    .get(name)
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten();
                list.filter_map(Value::as_str)
                    .any(|found| found == "*" || found == wanted)
            };
            has("apiGroups", &resource.group)
                && has("apiVersions", &resource.version)
                && has("operations", operation)
                && has("resources", &asked)
        })
    }

    /// The error is reason and message.
    fn judge(&self, facts: &Facts<'_>) -> Result<(), (String, String)> {
        let broken = |what: &str| {
            if self.fails {
                Err(("Invalid".to_owned(), format!("{what} can't be evaluated")))
            } else {
                Ok(())
            }
        };
        let mut context = Context::default().with_all();
        context.add_variable_from_value("request", cel(&request_value(facts)));
        let of_request = |condition: &&Condition| condition.of_request;
        // A condition that is false lets the request through, whatever becomes of the others.
        let is_false = |condition: &Condition, context: &Context<'_>| {
            truth(condition.expression.as_ref(), context) == Some(false)
        };
        if self
            .conditions
            .iter()
            .filter(of_request)
            .any(|c| is_false(c, &context))
        {
            return Ok(());
        }
        add_objects(&mut context, facts, &self.looks_at);
        if self.conditions.iter().any(|c| is_false(c, &context)) {
            return Ok(());
        }
        for condition in &self.conditions {
            if truth(condition.expression.as_ref(), &context).is_none() {
                return broken(&format!("match condition {}", condition.name));
            }
        }
        for (name, expression) in &self.variables {
            let value = expression
                .as_ref()
                .and_then(|e| Cel::resolve(e, &context).ok());
            if let Some(value) = value {
                context.add_variable_from_value(variable(name), value);
            }
        }
        for validation in &self.validations {
            match truth(validation.expression.as_ref(), &context) {
                Some(true) => {}
                Some(false) => {
                    let said = validation.message_expression.as_ref();
                    let said = said.and_then(|e| Cel::resolve(e, &context).ok());
                    let message = match said {
                        Some(Cel::String(text)) => text.to_string(),
                        _ => validation.message.clone(),
                    };
                    return Err((validation.reason.clone(), message));
                }
                None => broken("a validation")?,
            }
        }
        Ok(())
    }
}

fn parsed(expression: &str) -> Option<IdedExpr> {
    Parser::new()
        .enable_optional_syntax(true)
        .parse(&expression.replace("variables.", &variable("")))
        .ok()
}

/// What a policy's variable is called here. In a map of all, as they are told, each new one would copy those before it,
/// with the objects that they hold.
fn variable(name: &str) -> String {
    format!("variables_{name}")
}

fn truth(expression: Option<&IdedExpr>, context: &Context<'_>) -> Option<bool> {
    match Cel::resolve(expression?, context) {
        Ok(Cel::Bool(truth)) => Some(truth),
        _ => None,
    }
}

fn add_objects(context: &mut Context<'static>, facts: &Facts<'_>, looks_at: &LooksAt) {
    add_authorizer(context, facts);
    for (name, object) in [("object", facts.object), ("oldObject", facts.old)] {
        context.add_variable_from_value(
            name,
            object.map_or(Cel::Null, |object| cel(&looks_at.visible(object))),
        );
    }
}

fn request_value(facts: &Facts<'_>) -> Value {
    let (request, user) = (facts.request, &facts.request.user);
    let named = facts
        .object
        .or(facts.old)
        .and_then(|object| object.at("/metadata/name"));
    let name = if request.name.is_empty() {
        named.cloned()
    } else {
        Some(json!(request.name))
    };
    let mut info = json!({"username": user.name, "groups": user.groups});
    if let (false, Some(info)) = (user.extra.is_empty(), info.as_object_mut()) {
        info.insert("extra".into(), json!(user.extra));
    }
    let mut value = json!({
        "operation": facts.operation,
        "name": name,
        "namespace": request.namespace,
        "dryRun": request.is_dry_run(),
        "userInfo": info,
    });
    if let (false, Some(value)) = (request.subresource.is_empty(), value.as_object_mut()) {
        value.insert("subResource".into(), json!(request.subresource));
    }
    value
}

/// `authorizer.group(…).resource(…).namespace(…).name(…).check(…).allowed()`: what is asked is gathered in a map.
fn add_authorizer(context: &mut Context<'static>, facts: &Facts<'_>) {
    let empty = Map {
        map: Arc::default(),
    };
    context.add_variable_from_value("authorizer", Cel::Map(empty));
    for step in ["group", "resource", "subresource", "namespace", "name"] {
        context.add_function(step, move |This(asked): This<Cel>, value: Arc<String>| {
            Ok::<_, ExecutionError>(with(&asked, step, Cel::String(value)))
        });
    }
    let (rights, user) = (facts.rights.clone(), facts.request.user.clone());
    context.add_function("check", move |This(asked): This<Cel>, verb: Arc<String>| {
        let text = |name: &str| match &asked {
            Cel::Map(map) => match map.map.get(&key(name)) {
                Some(Cel::String(text)) => text.to_string(),
                _ => String::new(),
            },
            _ => String::new(),
        };
        let (group, resource) = (text("group"), text("resource"));
        let (namespace, name) = (text("namespace"), text("name"));
        let allowed = rights.allow(
            &user,
            &Asked {
                verb: &verb,
                group: &group,
                resource: &resource,
                subresource: &text("subresource"),
                namespace: &namespace,
                name: &name,
            },
        );
        Ok::<_, ExecutionError>(with(&Cel::Null, "allowed", Cel::Bool(allowed)))
    });
    context.add_function("allowed", |This(checked): This<Cel>| match &checked {
        Cel::Map(map) => matches!(map.map.get(&key("allowed")), Some(Cel::Bool(true))),
        _ => false,
    });
}

fn with(map: &Cel, name: &str, value: Cel) -> Cel {
    let mut entries = match map {
        Cel::Map(map) => (*map.map).clone(),
        _ => std::collections::HashMap::new(),
    };
    entries.insert(key(name), value);
    Cel::Map(Map {
        map: Arc::new(entries),
    })
}

fn key(name: &str) -> CelKey {
    CelKey::String(Arc::new(name.to_owned()))
}

fn cel(value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(flag) => Cel::Bool(*flag),
        Value::Number(number) => number
            .as_i64()
            .map_or_else(|| Cel::Float(number.as_f64().unwrap_or(0.0)), Cel::Int),
        Value::String(text) => Cel::String(Arc::new(text.clone())),
        Value::Array(list) => Cel::List(Arc::new(list.iter().map(cel).collect())),
        Value::Object(map) => {
            let entries = map.iter().map(|(name, value)| (key(name), cel(value)));
            Cel::Map(Map {
                map: Arc::new(entries.collect()),
            })
        }
    }
}
