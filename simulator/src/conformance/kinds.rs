//! The kinds that sequences write, and what their objects are made of: tables in `data/`.

use std::sync::LazyLock;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::template::Named;

/// A kind that sequences write.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "it is called so in objects")]
pub(super) struct Kind {
    pub(super) kind: String,
    pub(super) plural: String,
    pub(super) version: String,
    /// How often, beside the others.
    pub(super) weight: usize,
    /// The content of an object that is certainly accepted.
    pub(super) accepted: Value,
    /// What an object says, as a template.
    content: Value,
    /// What it could report, as a template. None: it has no status.
    status: Option<Value>,
}

impl Kind {
    /// The path of its version, without namespace.
    pub(super) fn prefix(&self) -> String {
        let api = if self.version.contains('/') {
            "apis"
        } else {
            "api"
        };
        format!("/{api}/{}", self.version)
    }

    /// The path of all in a namespace.
    pub(super) fn collection(&self, namespace: &str) -> String {
        format!("{}/namespaces/{namespace}/{}", self.prefix(), self.plural)
    }

    /// Whether its status is written apart.
    pub(super) fn has_status(&self) -> bool {
        self.status.is_some()
    }
}

/// All kinds.
pub(super) static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    let mut kinds: Vec<Kind> = table(include_str!("data/kubernetes.yaml"));
    kinds.extend(table::<Vec<Kind>>(include_str!("data/ours.yaml")));
    kinds
});

/// The templates that others are like: parts, for each kind its content, and `status of` it.
pub(super) static NAMED: LazyLock<Named> = LazyLock::new(|| {
    let mut named: Named = table(include_str!("data/parts.yaml"));
    for kind in &*KINDS {
        named.insert(kind.kind.clone(), kind.content.clone());
        if let Some(status) = &kind.status {
            named.insert(format!("status of {}", kind.kind), status.clone());
        }
    }
    named
});

/// What a file in `data/` says.
pub(super) fn table<T: DeserializeOwned>(text: &str) -> T {
    #[expect(clippy::expect_used, reason = "it is a constant, and tests read it")]
    serde_saphyr::from_str(text).expect("a table")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKS: [&str; 10] = [
        "$percent", "$value", "$one", "$times", "$like", "$key", "$to", "$also", "$over", "$let",
    ];

    /// Looks at every mark of a template, and at the name of what it is like.
    fn look(template: &Value) {
        match template {
            Value::Object(fields) => {
                for (name, value) in fields {
                    assert!(!name.starts_with('$') || MARKS.contains(&&**name), "{name}");
                    look(value);
                }
                let like = fields.get("$like").and_then(Value::as_str);
                let general = ["{kind}", "status of {kind}"];
                if let Some(like) = like.filter(|like| !general.contains(like)) {
                    assert!(NAMED.contains_key(like), "there is no {like}");
                }
            }
            Value::Array(items) => items.iter().for_each(look),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn templates_have_no_marks_and_names_that_there_are_not() {
        NAMED.values().for_each(look);
        look(&table(include_str!("data/requests.yaml")));
    }

    #[test]
    fn no_two_templates_have_one_name() {
        let parts: Named = table(include_str!("data/parts.yaml"));
        let statuses = KINDS.iter().filter(|kind| kind.has_status()).count();
        assert_eq!(NAMED.len(), parts.len() + KINDS.len() + statuses);
    }
}
