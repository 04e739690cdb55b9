//! What the sequences of some seeds are made of, counted and held against a list: `covered.txt` has each kind of
//! request, and for each field of each kind the values that it gets. `-`: the field is left out. A change of the
//! templates that loses one of them fails here; so does one that adds something, until it is listed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use serde_json::Value;

use super::{ask::Ask, plan::Plan};

/// How many sequences are looked at: of as many the rarest value is seen several times.
const SEEDS: u64 = 3000;
const NAMESPACE: &str = "here";
/// The place of what is sent to where there is nothing.
const NOWHERE: &str = "nowhere";
const LISTED: &str = include_str!("covered.txt");

/// Values by what has them.
type Values = BTreeMap<String, BTreeSet<String>>;

#[derive(Default)]
struct Covered {
    values: Values,
    /// How many objects there were at a path, and how many of them had this field.
    objects: BTreeMap<String, usize>,
    fields: BTreeMap<(String, String), usize>,
}

impl Covered {
    fn of(seeds: u64) -> Values {
        let mut covered = Self::default();
        for seed in 0..seeds {
            let plan = Plan::of(seed, NAMESPACE, 100);
            plan.asks.iter().for_each(|ask| covered.request(ask));
            plan.watches
                .iter()
                .for_each(|ask| covered.options("watch", ask));
        }
        for ((path, field), count) in std::mem::take(&mut covered.fields) {
            if covered.objects.get(&path) > Some(&count) {
                covered.add(&format!("{path}.{field}"), "-");
            }
        }
        covered.values
    }

    fn add(&mut self, what: &str, value: &str) {
        let values = self.values.entry(what.to_owned()).or_default();
        values.insert(value.to_owned());
    }

    fn request(&mut self, ask: &Ask) {
        let (plural, rest) = place(&ask.path);
        let short = ask.content.rsplit('/').next().unwrap_or_default();
        let bare = ask.body.as_ref().is_some_and(is_bare);
        let words = [ask.method, short, rest, if bare { "bare" } else { "" }];
        let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
        self.add(&format!("requests {plural}"), &words.join(" "));
        self.options("query", ask);
        if let Some((account, pod)) = &ask.user {
            self.add("asked by", account);
            self.add("asked from pod", pod.as_deref().unwrap_or("-"));
        }
        if let Some(body) = ask.body.as_ref().filter(|_| plural != NOWHERE) {
            self.body(ask, plural, rest, body);
        }
    }

    fn options(&mut self, what: &str, ask: &Ask) {
        for (name, value) in &ask.query {
            self.add(&format!("{what} {name}"), value);
        }
        if ask.metadata {
            self.add(&format!("{what} for metadata"), ask.method);
        }
    }

    fn body(&mut self, ask: &Ask, plural: &str, rest: &str, body: &Value) {
        if ask.method == "DELETE" {
            return self.look("deletion", body);
        }
        let Some(fields) = body.as_object() else {
            return self.look("patch", body);
        };
        let general = if ask.content.contains("merge") {
            "merge"
        } else {
            "object"
        };
        for (name, value) in fields {
            match name.as_str() {
                "metadata" => self.look(&format!("{general} .metadata"), value),
                "kind" | "apiVersion" if value != "Other" => {}
                _ => {
                    let part = rest.trim_start_matches("item").trim_start_matches("all");
                    let part = if part == "/status" { "" } else { part };
                    self.look(&format!("{plural}{part} .{name}"), value);
                }
            }
        }
    }

    /// Takes down a value and all that is in it.
    fn look(&mut self, path: &str, value: &Value) {
        let path = match path {
            "pods .spec" | "statefulsets .spec.template.spec" => "pod spec ",
            other => other,
        };
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                *self.objects.entry(path.to_owned()).or_default() += 1;
                for (name, value) in fields {
                    *self
                        .fields
                        .entry((path.to_owned(), name.clone()))
                        .or_default() += 1;
                    self.look(&format!("{path}.{name}"), value);
                }
            }
            Value::Array(items) if !items.is_empty() => {
                for item in items {
                    self.look(&format!("{path}[]"), item);
                }
            }
            Value::String(text) => self.add(path, &general(text)),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => self.add(path, &value.to_string()),
        }
    }
}

/// A text without what differs from sequence to sequence.
fn general(text: &str) -> String {
    match text.split_once(':') {
        Some((place @ ("$uid" | "$rv" | "$first" | "$name"), _)) => place.to_owned(),
        _ => format!("{text:?}"),
    }
}

/// The plural of a path, and what is asked for: all, one of them, or a part of one.
fn place(path: &str) -> (&str, &str) {
    let mut parts = path.split('/').skip_while(|part| *part != "namespaces");
    let (namespace, plural) = (parts.nth(1), parts.next());
    let rest = match (parts.next(), parts.next()) {
        (None, _) => "all",
        (Some(name), None) if name.starts_with('$') => "generated",
        (Some(_), None) => "item",
        (Some(_), Some("status")) => "item/status",
        (Some(_), Some("scale")) => "item/scale",
        (Some(_), Some(_)) => "item/eviction",
    };
    match (namespace, plural) {
        (Some(NAMESPACE), Some(plural)) => (plural, rest),
        (None, _) => ("namespaces", "all"),
        _ => (NOWHERE, rest),
    }
}

/// Whether an object has nothing but metadata.
fn is_bare(body: &Value) -> bool {
    let known = ["apiVersion", "kind", "metadata"];
    body.as_object()
        .is_some_and(|fields| fields.keys().all(|name| known.contains(&name.as_str())))
}

/// One line for each of what has values.
fn lines(values: &Values) -> String {
    let mut text = String::new();
    for (what, values) in values {
        let values: Vec<_> = values.iter().map(String::as_str).collect();
        let _ = writeln!(text, "{what}: {}", values.join(" | "));
    }
    text
}

#[test]
fn sequences_have_every_kind_of_request_and_every_value_of_every_field() {
    let covered = lines(&Covered::of(SEEDS));
    let (is, listed): (BTreeSet<_>, BTreeSet<_>) =
        (covered.lines().collect(), LISTED.lines().collect());
    let (lost, new) = (listed.difference(&is), is.difference(&listed));
    assert!(
        is == listed,
        "lost: {:#?}\nnew: {:#?}\nso that the list would be:\n{covered}",
        lost.collect::<Vec<_>>(),
        new.collect::<Vec<_>>()
    );
}
