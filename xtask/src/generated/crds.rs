//! `crds/`: one file for each kind, and what lets kustomize take the folder as it is.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use cassandra_api::v1alpha1::definitions;
use serde_json::Value;

use super::{Generated, NOTICE};

const FOLDER: &str = "crds";

pub(super) fn files() -> Result<Vec<Generated>> {
    let mut files = Vec::new();
    let mut list = String::new();
    for definition in definitions() {
        let name = format!("{}.yaml", definition.spec.names.plural);
        let kind = &definition.spec.names.kind;
        let mut value = serde_json::to_value(&definition)?;
        unwrap_descriptions(&mut value);
        let yaml =
            serde_saphyr::to_string(&value).with_context(|| format!("the definition of {kind}"))?;
        writeln!(list, "- {name}")?;
        files.push(file(&name, &yaml));
    }
    let kustomization = format!(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n{list}"
    );
    files.push(file("kustomization.yaml", &kustomization));
    Ok(files)
}

/// Doc comments are wrapped at the width of the source; `kubectl explain` wraps at its own.
fn unwrap_descriptions(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text = unwrap(text);
            }
            map.values_mut().for_each(unwrap_descriptions);
        }
        Value::Array(list) => list.iter_mut().for_each(unwrap_descriptions),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn unwrap(text: &str) -> String {
    let paragraphs = text
        .split("\n\n")
        .map(|p| p.split_whitespace().collect::<Vec<_>>().join(" "));
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

fn file(name: &str, yaml: &str) -> Generated {
    Generated {
        path: Path::new(FOLDER).join(name),
        content: format!("# {NOTICE}\n{}\n", yaml.trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_paragraph_become_one_and_paragraphs_stay() {
        assert_eq!(unwrap("One\ntwo.\n\nThree."), "One two.\n\nThree.");
    }
}
