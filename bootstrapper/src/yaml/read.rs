//! From the events of the parser to nodes.

use std::collections::BTreeMap;

use granit_parser::{Event, Parser, ScalarStyle, Tag};

use super::{Error, Node};

/// Deepest nesting that is read: real files have five levels.
const MAX_DEPTH: usize = 64;
/// Most nodes that are read, copies by alias counted: real files have a thousand.
const MAX_NODES: usize = 100_000;

/// Reads the one document of a text. None: there is nothing in it.
pub(super) fn document(text: &str) -> Result<Option<Node>, Error> {
    let mut reader = Reader::default();
    for event in Parser::new_from_str(text) {
        reader.take(event?.0)?;
    }
    Ok(reader.root)
}

/// A collection whose end has not been read.
struct Open {
    anchor: usize,
    node: Node,
    /// The key whose value comes next, in a mapping.
    key: Option<Node>,
}

#[derive(Default)]
struct Reader {
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
    root: Option<Node>,
}

impl Reader {
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "which variants there are depends on features that any crate may turn on"
    )]
    fn take(&mut self, event: Event<'_>) -> Result<(), Error> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let text = text.into_owned();
                allow(tag.as_deref())?;
                let is_text = tag.is_some_and(|tag| tag.core_suffix() == Some("str"));
                let plain = matches!(style, ScalarStyle::Plain) && !is_text;
                let node = if plain {
                    Node::Plain(text)
                } else {
                    Node::Text(text)
                };
                self.place(node, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.begin(Node::List(Vec::new()), anchor, tag.as_deref())
            }
            Event::MappingStart(_, anchor, tag) => {
                self.begin(Node::Mapping(Vec::new()), anchor, tag.as_deref())
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(ended) => self.place(ended.node, ended.anchor),
                None => Ok(()),
            },
            Event::Alias(id) => {
                let node = self.anchors.get(&id).cloned().ok_or(Error::TooLarge)?;
                self.nodes += node.size();
                if self.open.len() + node.depth() > MAX_DEPTH {
                    return Err(Error::TooLarge);
                }
                self.place(node, 0)
            }
            Event::DocumentStart(..) if self.root.is_some() => Err(Error::ManyDocuments),
            _ => Ok(()),
        }
    }

    fn begin(&mut self, node: Node, anchor: usize, tag: Option<&Tag>) -> Result<(), Error> {
        allow(tag)?;
        if self.open.len() >= MAX_DEPTH {
            return Err(Error::TooLarge);
        }
        self.open.push(Open {
            anchor,
            node,
            key: None,
        });
        Ok(())
    }

    /// Puts a node that is complete where it belongs.
    fn place(&mut self, node: Node, anchor: usize) -> Result<(), Error> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(Error::TooLarge);
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match (&mut open.node, open.key.take()) {
            (Node::List(items), _) => items.push(node),
            (Node::Mapping(entries), Some(key)) => entries.push((key, node)),
            (_, _) => open.key = Some(node),
        }
        Ok(())
    }
}

/// Tags of YAML itself say what a value is taken for anyway; any other one would be lost.
fn allow(tag: Option<&Tag>) -> Result<(), Error> {
    match tag {
        Some(tag) if !tag.is_yaml_core_schema() => Err(Error::Tag(tag.original())),
        _ => Ok(()),
    }
}
