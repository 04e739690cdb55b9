//! A `Status` that says no, with the code, reason and details of a real API server.

use serde_json::{Map, Value, json};

/// What a kind is called in answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KindName<'a> {
    /// API group; empty for the core group.
    pub(crate) group: &'a str,
    /// Name in paths.
    pub(crate) plural: &'a str,
    /// Name in objects.
    pub(crate) kind: &'a str,
}

impl KindName<'_> {
    /// `plural.group`.
    fn qualified(self) -> String {
        joined(self.plural, self.group)
    }
}

fn joined(name: &str, group: &str) -> String {
    if group.is_empty() {
        name.to_owned()
    } else {
        format!("{name}.{group}")
    }
}

/// An answer that is no success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub code: u16,
    /// The machine's word for it.
    pub reason: &'static str,
    /// For people.
    pub message: String,
    /// Which object, and which of its fields.
    pub details: Map<String, Value>,
    /// Whether there are details though nothing is in them.
    pub(crate) bare: bool,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    pub(crate) reason: &'static str,
    pub(crate) field: String,
    pub(crate) message: String,
}

impl Cause {
    pub(crate) fn new(reason: &'static str, field: &str, message: impl Into<String>) -> Self {
        Self {
            reason,
            field: field.to_owned(),
            message: message.into(),
        }
    }

    pub(crate) fn invalid(field: &str, message: &str) -> Self {
        Self::new(
            "FieldValueInvalid",
            field,
            format!("Invalid value: {message}"),
        )
    }

    pub(crate) fn required(field: &str) -> Self {
        Self::new("FieldValueRequired", field, "Required value")
    }

    pub(crate) fn forbidden(field: &str, message: &str) -> Self {
        Self::new(
            "FieldValueForbidden",
            field,
            format!("Forbidden: {message}"),
        )
    }

    pub(crate) fn unsupported(field: &str, value: &str) -> Self {
        let message = format!("Unsupported value: {value:?}");
        Self::new("FieldValueNotSupported", field, message)
    }
}

impl Refusal {
    /// A refusal without details.
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: Map::new(),
            bare: false,
        }
    }

    /// With details that say nothing.
    pub(crate) fn bare(mut self) -> Self {
        self.bare = true;
        self
    }

    pub(crate) fn of(mut self, resource: KindName<'_>, name: &str) -> Self {
        self.details.insert("kind".into(), json!(resource.plural));
        if !name.is_empty() {
            self.details.insert("name".into(), json!(name));
        }
        if !resource.group.is_empty() {
            self.details.insert("group".into(), json!(resource.group));
        }
        self
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "", message)
    }

    /// The server has too much to do.
    pub(crate) fn unavailable() -> Self {
        Self::new(
            503,
            "ServiceUnavailable",
            "the server is currently unable to handle the request",
        )
    }

    pub(crate) fn not_found(resource: KindName<'_>, name: &str) -> Self {
        let message = format!("{} {name:?} not found", resource.qualified());
        Self::new(404, "NotFound", message).of(resource, name)
    }

    /// There is no such path.
    pub(crate) fn no_such_path() -> Self {
        Self::new(404, "", "404 page not found")
    }

    pub(crate) fn exists(resource: KindName<'_>, name: &str) -> Self {
        let message = format!("{} {name:?} already exists", resource.qualified());
        Self::new(409, "AlreadyExists", message).of(resource, name)
    }

    pub(crate) fn conflict(resource: KindName<'_>, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} {name:?}: {why}",
            resource.qualified()
        );
        Self::new(409, "Conflict", message).of(resource, name)
    }

    /// Somebody else wrote first.
    pub(crate) fn modified(resource: KindName<'_>, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(resource, name, why)
    }

    pub(crate) fn forbidden(resource: KindName<'_>, name: &str, why: &str) -> Self {
        let what = if name.is_empty() {
            format!("{} is forbidden", resource.qualified())
        } else {
            format!("{} {name:?} is forbidden", resource.qualified())
        };
        Self::new(403, "Forbidden", format!("{what}: {why}")).of(resource, name)
    }

    pub(crate) fn invalid(resource: KindName<'_>, name: &str, causes: &[Cause]) -> Self {
        let kind = joined(resource.kind, resource.group);
        let each: Vec<_> = causes
            .iter()
            .map(|cause| format!("{}: {}", cause.field, cause.message))
            .collect();
        let all = match each.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let message = format!("{kind} {name:?} is invalid: {all}");
        let mut refusal = Self::new(422, "Invalid", message).of(resource, name);
        if resource.kind == "Event" {
            // Events are kept as those of the core group.
            refusal.details.remove("group");
        }
        refusal.details.insert("kind".into(), json!(resource.kind));
        refusal.with_causes(causes)
    }

    pub(crate) fn with_causes(mut self, causes: &[Cause]) -> Self {
        let causes: Vec<_> = causes
            .iter()
            .map(|cause| {
                let Cause {
                    reason,
                    field,
                    message,
                } = cause;
                let said = [("reason", *reason), ("message", message), ("field", field)];
                let said = said.into_iter().filter(|(_, text)| !text.is_empty());
                Value::Object(
                    said.map(|(name, text)| (name.to_owned(), json!(text)))
                        .collect(),
                )
            })
            .collect();
        if !causes.is_empty() {
            self.details.insert("causes".into(), Value::Array(causes));
        }
        self
    }

    pub(crate) fn expired(message: &str) -> Self {
        Self::new(410, "Expired", message)
    }

    /// As it is sent.
    pub fn body(&self) -> Value {
        let mut body = json!({
            "apiVersion": "v1",
            "kind": "Status",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        });
        let Some(fields) = body.as_object_mut() else {
            return body;
        };
        if self.reason.is_empty() {
            fields.remove("reason");
        }
        if self.bare || !self.details.is_empty() {
            fields.insert("details".into(), Value::Object(self.details.clone()));
        }
        body
    }
}
