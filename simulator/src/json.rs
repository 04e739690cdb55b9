//! Looking into objects.

use serde_json::Value;

/// Finding a value in an object.
pub(crate) trait At {
    /// What is at a JSON pointer. As serde_json's `pointer`, which copies every part of the path to unescape it and is
    /// much of what a run takes.
    fn at(&self, pointer: &str) -> Option<&Value>;
}

impl At for Value {
    fn at(&self, pointer: &str) -> Option<&Value> {
        if pointer.contains('~') {
            return self.pointer(pointer);
        }
        let mut parts = pointer.split('/');
        // What comes before the first slash is nothing.
        parts.next().filter(|start| start.is_empty())?;
        parts.try_fold(self, |value, part| match value {
            Self::Object(map) => map.get(part),
            Self::Array(list) => list.get(part.parse::<usize>().ok()?),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => None,
        })
    }
}

/// A text of an object, empty if it is not there.
pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .at(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pointer_finds_what_serde_json_finds() {
        let object = json!({"a": [{"b/c": 1}, {"d": "x"}]});
        for pointer in [
            "",
            "/a/1/d",
            "/a/0/b~1c",
            "/a/2",
            "/a/x",
            "a",
            "/",
            "/a/1/d/e",
        ] {
            assert_eq!(object.at(pointer), object.pointer(pointer), "{pointer}");
        }
    }
}
