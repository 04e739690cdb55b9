//! Templates: JSON values that say themselves what varies in them. What begins with `$` is read, and all else stays as
//! it is:
//!
//! | in an object | |
//! |---|---|
//! | `$percent: N` | it is there in so many of a hundred cases, and otherwise left out, as `$absent` is |
//! | `$value: V` | this instead of the object |
//! | `$one: [V, …]` | one of these instead of the object. `$times: N` in one of them makes it so many times as frequent |
//! | `$like: NAME` | the template of this name, and the object's own fields laid over it |
//! | `$key: [K, …]`, `$to: V` | one field more, with one of these names |
//! | `$also: [O, …]` | fields that are laid over the others together, each of these by its own `$percent` |
//! | `$over: [O, …]` | fields of which one of these is laid over the others, chosen as with `$one` |
//! | `$let: {W: V}` | in this object and what it is like, the word `{W}` stands for this |
//!
//! A text `$absent` is no value: what has it is left out. Other texts may have words, as `{name}`. What is laid over an
//! object is laid over it field by field; anything else takes the place of what was there.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::dice::Dice;

const ABSENT: &str = "$absent";

/// Templates by their names.
pub(super) type Named = BTreeMap<String, Value>;
type Fields = Map<String, Value>;

/// Fills templates.
pub(super) struct Filling<'a> {
    named: &'a Named,
    dice: &'a mut Dice,
    /// What words stand for; the last of a name counts.
    words: Vec<(&'a str, String)>,
}

impl<'a> Filling<'a> {
    /// With these templates and words.
    pub(super) fn new(named: &'a Named, dice: &'a mut Dice, words: Vec<(&'a str, String)>) -> Self {
        Self { named, dice, words }
    }

    /// A value of this template. None: it is left out.
    pub(super) fn fill(&mut self, template: &'a Value) -> Option<Value> {
        self.lay(template, None)
    }

    /// A text with what its words stand for.
    pub(super) fn worded(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (word, meaning) in self.words.iter().rev() {
            if !text.contains('{') {
                break;
            }
            text = text.replace(&format!("{{{word}}}"), meaning);
        }
        text
    }

    /// Lays a template over a value.
    fn lay(&mut self, template: &'a Value, below: Option<Value>) -> Option<Value> {
        match template {
            Value::String(text) if text == ABSENT => None,
            Value::String(text) => Some(Value::String(self.worded(text))),
            Value::Array(items) => {
                let items = items.iter().filter_map(|item| self.lay(item, None));
                Some(Value::Array(items.collect()))
            }
            Value::Object(fields) => {
                let known = self.words.len();
                let filled = self.lay_object(fields, below);
                self.words.truncate(known);
                filled
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Some(template.clone()),
        }
    }

    fn lay_object(&mut self, template: &'a Fields, below: Option<Value>) -> Option<Value> {
        if !self.is_there(template) {
            return None;
        }
        if let Some(Value::Object(words)) = template.get("$let") {
            for (word, meaning) in words {
                let meaning = self.worded(meaning.as_str().unwrap_or_default());
                self.words.push((word, meaning));
            }
        }
        if let Some(value) = template.get("$value") {
            return self.lay(value, below);
        }
        if let Some(all) = list(template, "$one") {
            let one = self.one_of(all)?;
            return self.lay(one, below);
        }
        let mut below = below;
        if let Some(name) = template.get("$like").and_then(Value::as_str) {
            let like = self.named.get(&self.worded(name))?;
            below = self.lay(like, below);
            if !template.keys().any(|name| lays(name)) {
                return below;
            }
        }
        let mut fields = match below {
            Some(Value::Object(fields)) => fields,
            _ => Fields::new(),
        };
        self.lay_fields(template, &mut fields);
        Some(Value::Object(fields))
    }

    fn lay_fields(&mut self, template: &'a Fields, fields: &mut Fields) {
        for (name, value) in template.iter().filter(|(name, _)| !name.starts_with('$')) {
            self.lay_field(name, value, fields);
        }
        if let (Some(names), Some(value)) = (list(template, "$key"), template.get("$to"))
            && let Some(name) = self.one_of(names).and_then(Value::as_str)
        {
            self.lay_field(name, value, fields);
        }
        for also in list(template, "$also").into_iter().flatten() {
            if let Value::Object(also) = also
                && self.is_there(also)
            {
                self.lay_fields(also, fields);
            }
        }
        if let Some(Value::Object(over)) = list(template, "$over").and_then(|all| self.one_of(all))
        {
            self.lay_fields(over, fields);
        }
    }

    fn lay_field(&mut self, name: &str, template: &'a Value, fields: &mut Fields) {
        let below = fields.remove(name);
        if let Some(value) = self.lay(template, below) {
            fields.insert(name.to_owned(), value);
        }
    }

    fn is_there(&mut self, template: &Fields) -> bool {
        let chance = template.get("$percent").and_then(Value::as_u64);
        chance.is_none_or(|chance| self.dice.percent(size(chance)))
    }

    fn one_of(&mut self, all: &'a [Value]) -> Option<&'a Value> {
        let times = |one: &Value| one.get("$times").and_then(Value::as_u64).map_or(1, size);
        self.dice.weighted(all, times)
    }
}

/// Whether a field of a template is laid over what the template is like.
fn lays(name: &str) -> bool {
    !name.starts_with('$') || ["$key", "$also", "$over"].contains(&name)
}

fn list<'a>(template: &'a Fields, name: &str) -> Option<&'a Vec<Value>> {
    template.get(name).and_then(Value::as_array)
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    /// What comes of a template, in two hundred cases.
    fn all(template: &Value) -> BTreeSet<String> {
        let named = Named::from([
            ("base".into(), json!({"a": {"x": 1, "y": 2}, "b": "{word}"})),
            ("list".into(), json!([1])),
        ]);
        let mut dice = Dice::new(1);
        let words = vec![("word", "outer".to_owned())];
        let mut filling = Filling::new(&named, &mut dice, words);
        (0..200)
            .map(|_| {
                filling
                    .fill(template)
                    .unwrap_or_else(|| json!("nothing"))
                    .to_string()
            })
            .collect()
    }

    fn come(template: &Value, wanted: &[Value]) {
        let wanted: BTreeSet<_> = wanted.iter().map(Value::to_string).collect();
        assert_eq!(all(template), wanted, "{template}");
    }

    #[test]
    fn what_has_no_marks_stays_and_words_are_put_in() {
        come(
            &json!({"a": [1, null, "is {word} and {other}"], "b": {}}),
            &[json!({"a": [1, null, "is outer and {other}"], "b": {}})],
        );
    }

    #[test]
    fn what_is_there_by_chance_is_left_out_of_lists_and_objects() {
        come(
            &json!([{"$percent": 50, "$value": 1}, {"x": {"$percent": 50, "y": 2}}, "$absent"]),
            &[
                json!([{}]),
                json!([1, {}]),
                json!([{"x": {"y": 2}}]),
                json!([1, {"x": {"y": 2}}]),
            ],
        );
        come(&json!({"$percent": 0}), &[json!("nothing")]);
    }

    #[test]
    fn one_of_many_comes_as_often_as_it_is_said() {
        come(
            &json!({"$one": [1, {"$times": 2, "a": 2}, {"$value": "$absent"}, {"$times": 0}]}),
            &[json!(1), json!({"a": 2}), json!("nothing")],
        );
    }

    #[test]
    fn fields_are_laid_over_what_a_template_is_like() {
        come(
            &json!({"$like": "base", "a": {"y": "$absent", "z": 3}, "b": null}),
            &[json!({"a": {"x": 1, "z": 3}, "b": null})],
        );
        come(
            &json!({"$let": {"word": "inner {word}"}, "$like": "base", "a": [1]}),
            &[json!({"a": [1], "b": "inner outer"})],
        );
        come(&json!({"$like": "list"}), &[json!([1])]);
    }

    #[test]
    fn several_fields_come_together_or_one_of_several() {
        come(
            &json!({"a": 1, "$also": [{"$percent": 50, "a": 2, "b": 2}]}),
            &[json!({"a": 1}), json!({"a": 2, "b": 2})],
        );
        come(
            &json!({"a": 1, "$over": [{}, {"a": "$absent"}, {"b": 2}]}),
            &[json!({"a": 1}), json!({}), json!({"a": 1, "b": 2})],
        );
        come(
            &json!({"$key": ["a", "b"], "$to": 1, "c": 2}),
            &[json!({"a": 1, "c": 2}), json!({"b": 1, "c": 2})],
        );
    }
}
