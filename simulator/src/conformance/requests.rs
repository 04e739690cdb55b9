//! The requests that sequences are made of: a table, `data/requests.yaml`.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;
use serde_json::Value;

use super::{
    ask::Ask,
    dice::Dice,
    kinds::{Kind, NAMED, table},
    template::Filling,
};

/// All requests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Requests {
    /// What each sequence begins with.
    pub(super) begin: Vec<Request>,
    /// What comes then.
    pub(super) steps: Vec<Step>,
}

/// One request, as a template.
#[derive(Debug, Deserialize)]
pub(super) struct Request {
    method: String,
    path: String,
    #[serde(default)]
    query: BTreeMap<String, Value>,
    #[serde(default)]
    content: String,
    body: Option<Value>,
}

/// One step of a sequence.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Step {
    /// How often, beside the others that suit the kind.
    pub(super) share: usize,
    /// The kinds that it suits; none: all.
    #[serde(default)]
    of: Vec<String>,
    /// The kinds that it does not suit.
    #[serde(default)]
    not_of: Vec<String>,
    /// It suits those with a status.
    #[serde(default)]
    has_status: bool,
    /// It does not suit those of which names were generated.
    #[serde(default)]
    ordered: bool,
    /// It generates a name.
    #[serde(default)]
    pub(super) generates: bool,
    #[serde(flatten)]
    pub(super) request: Request,
    /// What follows at once.
    pub(super) then: Option<Request>,
}

/// The table.
pub(super) static REQUESTS: LazyLock<Requests> =
    LazyLock::new(|| table(include_str!("data/requests.yaml")));

impl Step {
    /// Whether a kind can have it.
    pub(super) fn suits(&self, kind: &Kind, generated: bool) -> bool {
        (self.of.is_empty() || self.of.contains(&kind.kind))
            && !self.not_of.contains(&kind.kind)
            && (kind.has_status() || !self.has_status)
            && !(generated && self.ordered)
    }
}

/// What words in templates of requests stand for.
pub(super) fn words(kind: &Kind, namespace: &str, name: &str) -> Vec<(&'static str, String)> {
    let all = kind.collection(namespace);
    vec![
        ("path", format!("{all}/{name}")),
        ("all", all),
        ("name", name.to_owned()),
        ("namespace", namespace.to_owned()),
        ("kind", kind.kind.clone()),
        ("plural", kind.plural.clone()),
        ("version", kind.version.clone()),
        ("prefix", kind.prefix()),
    ]
}

impl Request {
    /// The request, with one or the other of what varies.
    pub(super) fn ask(&'static self, dice: &mut Dice, words: Vec<(&'static str, String)>) -> Ask {
        let mut filling = Filling::new(&NAMED, dice, words);
        let query = self.query.iter().filter_map(|(name, value)| {
            let value = filling.fill(value)?;
            Some((name.as_str(), value.as_str()?.to_owned()))
        });
        let query = query.collect();
        Ask {
            method: &self.method,
            path: filling.worded(&self.path),
            query,
            content: &self.content,
            body: self.body.as_ref().and_then(|body| filling.fill(body)),
            ..Ask::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::kinds::KINDS;

    #[test]
    fn steps_name_kinds_that_there_are() {
        for step in &REQUESTS.steps {
            for name in step.of.iter().chain(&step.not_of) {
                assert!(KINDS.iter().any(|kind| kind.kind == *name), "{name}");
            }
        }
    }

    #[test]
    fn no_column_is_there_that_nobody_reads() {
        let columns =
            "share of notOf hasStatus ordered generates method path query content body then";
        let known: Vec<_> = columns.split(' ').collect();
        let requests: Value = table(include_str!("data/requests.yaml"));
        let rows = |name: &str| requests[name].as_array().unwrap().clone();
        for row in rows("begin").into_iter().chain(rows("steps")) {
            let follows = row.get("then").cloned().unwrap_or_default();
            for row in [&row, &follows] {
                let columns = row.as_object().into_iter().flatten();
                for (column, _) in columns {
                    assert!(known.contains(&column.as_str()), "{column}");
                }
            }
        }
    }

    #[test]
    fn no_word_is_left_in_a_request() {
        let mut dice = Dice::new(1);
        for kind in &*KINDS {
            for step in REQUESTS.steps.iter().filter(|step| step.suits(kind, false)) {
                for request in [Some(&step.request), step.then.as_ref()]
                    .into_iter()
                    .flatten()
                {
                    let mut words = words(kind, "here", "n0");
                    words.push(("step", "0".to_owned()));
                    let ask = request.ask(&mut dice, words);
                    let body = ask.body.map(|body| body.to_string()).unwrap_or_default();
                    assert!(!ask.path.contains('{') && !body.contains("\"{"), "{body}");
                }
            }
        }
    }
}
