//! From the events of the parser to nodes.

use std::collections::{BTreeMap, BTreeSet};

use granit_parser::{Event, Parser, ScalarStyle, Tag};

use super::{Error, MERGE, Node, syntax_error::syntax_error};

/// Deepest nesting that is read: real files have five levels.
pub(super) const MAX_DEPTH: usize = 64;
/// Most nodes that are read, copies for aliases counted: real files have a thousand.
pub(super) const MAX_NODES: usize = 100_000;
/// Longest text of the file that an error shows.
const MAX_SHOWN: usize = 64;

/// What was read.
#[derive(Default)]
pub(super) struct Document {
    /// The one document. None: there is nothing in it.
    pub(super) root: Option<Node>,
    /// The first key that a mapping has twice, as an error.
    pub(super) twice: Option<Error>,
}

/// Reads the one document of a text.
pub(super) fn document(text: &str) -> Result<Document, Error> {
    let mut reader = Reader::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| syntax_error(&error))?;
        reader.line = span.start.line();
        reader.take(event)?;
    }
    Ok(reader.document)
}

/// A collection whose end has not been read.
struct Open {
    anchor: usize,
    node: Node,
    /// The key whose value comes next, in a mapping.
    key: Option<Node>,
    /// Keys that it has.
    keys: BTreeSet<String>,
}

#[derive(Default)]
struct Reader {
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
    /// The line of what is read.
    line: usize,
    document: Document,
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
                self.allow(tag.as_deref())?;
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
                // One that is not complete yet stands in itself: without end.
                let Some(node) = self.anchors.get(&id).cloned() else {
                    return Err(self.too_large());
                };
                self.count(node.size())?;
                if self.open.len() + node.depth() > MAX_DEPTH {
                    return Err(self.too_large());
                }
                self.place(node, 0)
            }
            Event::DocumentStart(..) if self.document.root.is_some() => {
                Err(Error::ManyDocuments { line: self.line })
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, node: Node, anchor: usize, tag: Option<&Tag>) -> Result<(), Error> {
        self.allow(tag)?;
        if self.open.len() >= MAX_DEPTH {
            return Err(self.too_large());
        }
        self.open.push(Open {
            anchor,
            node,
            key: None,
            keys: BTreeSet::new(),
        });
        Ok(())
    }

    /// Puts a node that is complete where it belongs.
    fn place(&mut self, node: Node, anchor: usize) -> Result<(), Error> {
        self.count(1)?;
        if anchor != 0 {
            self.count(node.size())?;
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.document.root = Some(node);
            return Ok(());
        };
        match (&mut open.node, open.key.take()) {
            (Node::List(items), _) => items.push(node),
            (Node::Mapping(entries), Some(key)) => entries.push((key, node)),
            (_, _) => {
                if let Node::Plain(name) | Node::Text(name) = &node
                    && name != MERGE
                    && !open.keys.insert(name.clone())
                {
                    let line = self.line;
                    let twice = || Error::Twice {
                        key: shown(name),
                        line,
                    };
                    self.document.twice.get_or_insert_with(twice);
                }
                open.key = Some(node);
            }
        }
        Ok(())
    }

    fn count(&mut self, nodes: usize) -> Result<(), Error> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            return Err(self.too_large());
        }
        Ok(())
    }

    fn too_large(&self) -> Error {
        Error::TooLarge { line: self.line }
    }

    /// Tags of YAML itself say what a value is taken for anyway; any other one would be lost.
    fn allow(&self, tag: Option<&Tag>) -> Result<(), Error> {
        match tag {
            Some(tag) if !tag.is_yaml_core_schema() => Err(Error::Tag {
                tag: shown(&tag.original()),
                line: self.line,
            }),
            _ => Ok(()),
        }
    }
}

fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN).collect()
}
