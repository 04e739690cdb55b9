//! `docs/reference.md`: every field of every kind, from the schema that the API server gets.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use cassandra_api::v1alpha1::definitions;
use serde_json::Value;

use super::{Generated, NOTICE};

const INTRODUCTION: &str = "\
# API reference

Every field of the kinds of group `cassandra-operator.rs`, version `v1alpha1`, in the order of their
paths. The same texts are in `kubectl explain`. Fields that are not listed here do not exist: the API
server drops them, and `kubectl` warns.
";

pub(super) fn file() -> Result<Generated> {
    let mut text = format!("<!-- {NOTICE} -->\n{INTRODUCTION}");
    for definition in definitions() {
        let kind = &definition.spec.names.kind;
        let schema = definition
            .spec
            .versions
            .first()
            .and_then(|version| version.schema.as_ref()?.open_api_v3_schema.as_ref())
            .with_context(|| format!("{kind} has no schema"))?;
        let schema = serde_json::to_value(schema)?;
        let names = &definition.spec.names;
        write!(text, "\n## {kind}\n\n{}\n", description(&schema))?;
        let short = names
            .short_names
            .iter()
            .flatten()
            .cloned()
            .collect::<Vec<_>>()
            .join(", ");
        writeln!(text, "\nWith kubectl: `{}`, short {short}.", names.plural)?;
        rules(&mut text, &schema);
        for part in ["spec", "status"] {
            if let Some(schema) = schema.pointer(&format!("/properties/{part}")) {
                writeln!(text, "\n### {kind} {part}")?;
                rules(&mut text, schema);
                fields(&mut text, part, schema);
            }
        }
    }
    Ok(Generated {
        path: "docs/reference.md".into(),
        content: text,
    })
}

/// The fields of an object, each with those below it.
fn fields(text: &mut String, path: &str, schema: &Value) {
    let required: Vec<_> = list(&schema["required"])
        .filter_map(Value::as_str)
        .collect();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        let mut facts = vec![type_name(field)];
        if required.contains(&name.as_str()) {
            facts.push("required".into());
        }
        facts.extend(bounds(field));
        if let Some(default) = field.get("default") {
            facts.push(format!("default `{default}`"));
        }
        let _ = write!(text, "\n#### `{path}`\n\n{}", facts.join(", "));
        let said = description(field);
        let _ = if said.is_empty() {
            writeln!(text)
        } else {
            writeln!(text, "\n\n{said}")
        };
        rules(text, field);
        // What the operator owns is refused; configuration.md lists it.
        if field["x-kubernetes-preserve-unknown-fields"] != true {
            fields(text, &path, field);
            fields(text, &format!("{path}[]"), &field["items"]);
        }
    }
}

/// What is refused, and with which words.
fn rules(text: &mut String, schema: &Value) {
    let messages: Vec<_> = list(&schema["x-kubernetes-validations"])
        .filter_map(|rule| rule["message"].as_str())
        .collect();
    if !messages.is_empty() {
        text.push_str("\nRefused with:\n\n");
        for message in messages {
            let _ = writeln!(text, "- {}", literal(message));
        }
    }
}

fn type_name(schema: &Value) -> String {
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<_> = values
            .iter()
            .filter(|v| !v.is_null())
            .map(|v| format!("`{v}`"))
            .collect();
        return format!("one of {}", values.join(", ").replace('"', ""));
    }
    if schema["x-kubernetes-int-or-string"] == true {
        return "quantity".into();
    }
    match schema["type"].as_str() {
        Some("array") => format!("list of {}", type_name(&schema["items"])),
        Some("object") if schema["additionalProperties"].is_object() => {
            format!("map of {}", type_name(&schema["additionalProperties"]))
        }
        Some("object") if schema["x-kubernetes-preserve-unknown-fields"] == true => {
            "any mapping".into()
        }
        Some("string") if schema["format"] == "date-time" => "time".into(),
        Some(other) => other.into(),
        None => "any".into(),
    }
}

fn bounds(schema: &Value) -> Vec<String> {
    let (lowest, highest) = (whole(&schema["minimum"]), whole(&schema["maximum"]));
    let range = match (lowest, highest) {
        (Some(low), Some(high)) => Some(format!("{low} to {high}")),
        (Some(low), None) => Some(format!("at least {low}")),
        (None, Some(high)) => Some(format!("at most {high}")),
        (None, None) => None,
    };
    let length = whole(&schema["maxLength"]).map(|most| format!("at most {most} characters"));
    let items = whole(&schema["maxItems"]).map(|most| format!("at most {most}"));
    range.into_iter().chain(length).chain(items).collect()
}

/// The schema has bounds as floating point numbers.
fn whole(number: &Value) -> Option<String> {
    number.as_f64().map(|number| format!("{number:.0}"))
}

fn description(schema: &Value) -> String {
    literal(schema["description"].as_str().unwrap_or_default().trim())
}

/// Markdown takes `<cluster>` for a tag, but not between backticks.
fn literal(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let parts = parts.map(|(n, part)| {
        if n % 2 == 0 {
            part.replace('<', "\\<")
        } else {
            part.into()
        }
    });
    parts.collect::<Vec<_>>().join("`")
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_no_tags() {
        assert_eq!(
            literal("<cluster> and `<rack>` < 3"),
            "\\<cluster> and `<rack>` \\< 3"
        );
    }

    #[test]
    fn types_read_as_a_person_says_them() {
        let list = serde_json::json!({ "type": "array", "items": { "type": "string" } });
        assert_eq!(type_name(&list), "list of string");
        let choice = serde_json::json!({ "enum": ["Required", "None", null] });
        assert_eq!(type_name(&choice), "one of `Required`, `None`");
    }
}
