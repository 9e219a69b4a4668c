//! YAML, and so JSON, as a tree with positions.
//!
//! Scalars stay text: the field decides what `99.9` means, without rounding. Anchors and tags are rejected: a
//! specification does not need them, and an alias of an alias can grow without bound.
//!
//! The size of a document is bounded, because the checks of a map compare each key with the others.
//!
//! The tree is built here because no crate builds one that keeps positions and duplicate keys on Rust 1.85 (November
//! 2026): `serde-saphyr` has positions and good errors, but needs Rust 1.89 and stops at the first mistake; `saphyr`
//! builds a tree with positions, but its `ordered-float` needs 1.90, and it overwrites duplicate keys; `saphyr-parser`
//! would do as well, with one more procedural macro to build; `serde_norway` and `serde_yaml_ng` follow the abandoned
//! `serde_yaml` and have positions for syntax errors only.

use granit_parser::{Event, Parser, ScalarStyle, Span};

use crate::spec::mistakes::{Place, Problem};

#[derive(Debug)]
pub(super) struct Node {
    pub(super) at: Place,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    /// An empty value, `null` or `~`.
    Nothing,
    Text(String),
    List(Vec<Node>),
    /// In order, duplicate keys included.
    Map(Vec<(Key, Node)>),
}

#[derive(Debug)]
pub(super) struct Key {
    pub(super) at: Place,
    pub(super) name: String,
}

type Events<'a> = dyn Iterator<Item = Result<(Event<'a>, Span), granit_parser::ScanError>> + 'a;

/// The longest document in bytes. A specification with every field is shorter than 2 KiB.
const MOST_BYTES: usize = 64 * 1024;
/// The most entries of a list or map.
pub(super) const MOST_ENTRIES: usize = 100;

/// Reads the only document of `source`.
pub(super) fn read(source: &str) -> Result<Node, Problem> {
    if source.len() > MOST_BYTES {
        let what = format!(
            "the text has {} bytes: a specification has at most {MOST_BYTES}; a file has one specification",
            source.len()
        );
        return Err(Problem::new(Place::START, what));
    }
    let mut events = Parser::new_from_str(source);
    let mut root = None;
    loop {
        let (event, span) = next(&mut events)?;
        match event {
            Event::StreamStart | Event::DocumentEnd => {}
            Event::DocumentStart(..) if root.is_none() => {}
            Event::DocumentStart(..) => {
                return Err(Problem::new(
                    place(span),
                    "a second document begins here: a file has one specification, so move this one to another file",
                ));
            }
            Event::StreamEnd => break,
            event => root = Some(node(event, span, &mut events)?),
        }
    }
    root.ok_or_else(|| {
        Problem::new(
            Place::START,
            "the document is empty: a specification has at least `service`, `slo`, `objective` and `indicator`",
        )
    })
}

fn node<'a>(event: Event<'a>, span: Span, events: &mut Events<'a>) -> Result<Node, Problem> {
    let at = place(span);
    if let Some(tag) = event.tag() {
        let what = format!(
            "tags such as `{}` are not supported: leave it out",
            tag.original()
        );
        return Err(Problem::new(at, what));
    }
    if event.anchor_id().is_some_and(|id| id > 0) || event.is_alias() {
        return Err(Problem::new(
            at,
            "anchors (`&name`) and aliases (`*name`) are not supported: write the value out",
        ));
    }
    let value = match event {
        Event::Scalar(text, style, ..) => {
            let is_plain = style == ScalarStyle::Plain;
            if is_plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL") {
                Value::Nothing
            } else {
                Value::Text(text.into_owned())
            }
        }
        Event::SequenceStart(..) => {
            let mut items = Vec::new();
            loop {
                match next(events)? {
                    (Event::SequenceEnd, _) => break,
                    (event, span) => {
                        items.push(node(event, span, events)?);
                        check_entries(items.len(), at)?;
                    }
                }
            }
            Value::List(items)
        }
        Event::MappingStart(..) => {
            let mut entries = Vec::new();
            loop {
                let key = match next(events)? {
                    (Event::MappingEnd, _) => break,
                    (event, span) => node(event, span, events)?,
                };
                let (event, span) = next(events)?;
                let value = node(event, span, events)?;
                let Value::Text(name) = key.value else {
                    return Err(Problem::new(key.at, "a key must be a word"));
                };
                entries.push((Key { at: key.at, name }, value));
                check_entries(entries.len(), at)?;
            }
            Value::Map(entries)
        }
        _ => return Err(Problem::new(at, "this is not a value")),
    };
    Ok(Node { at, value })
}

fn check_entries(entries: usize, at: Place) -> Result<(), Problem> {
    if entries > MOST_ENTRIES {
        let what = format!("there are more than {MOST_ENTRIES} entries here: leave some out");
        return Err(Problem::new(at, what));
    }
    Ok(())
}

fn next<'a>(events: &mut Events<'a>) -> Result<(Event<'a>, Span), Problem> {
    match events.next() {
        Some(Ok(event)) => Ok(event),
        Some(Err(error)) => {
            let at = Place {
                line: error.marker().line(),
                column: error.marker().col() + 1,
                width: 1,
            };
            let mut what = format!("this is neither YAML nor JSON: {}", error.info());
            if what.contains("flow mapping") {
                what += "; between `{` and `}` a selector with labels has to be in quotes, `'up{job=\"api\"}'`";
            }
            Err(Problem::new(at, what))
        }
        // `read` does not read past the end of the stream.
        None => Err(Problem::new(Place::START, "it ends unexpectedly")),
    }
}

fn place(span: Span) -> Place {
    Place {
        line: span.start.line(),
        column: span.start.col() + 1,
        width: span.len().max(1),
    }
}
