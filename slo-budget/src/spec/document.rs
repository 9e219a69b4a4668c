//! YAML, and so JSON, as a tree in which everything knows where it stands.
//!
//! Of our own, as none of the crates that build one for Rust 1.85 keeps both positions and keys that come
//! twice. Scalars stay text: what `99.9` is, is for the field to say, and without rounding. Anchors and tags
//! are refused: a specification has no use for them, and an alias of an alias can grow without bound.

use granit_parser::{Event, Parser, ScalarStyle, Span};

use crate::spec::mistakes::{Place, Problem};

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) at: Place,
    pub(crate) value: Value,
}

#[derive(Debug)]
pub(crate) enum Value {
    /// Nothing was written, or `null`, or `~`.
    Nothing,
    Text(String),
    List(Vec<Node>),
    /// In order, keys that come twice included.
    Map(Vec<(Key, Node)>),
}

#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) at: Place,
    pub(crate) name: String,
}

type Events<'a> = dyn Iterator<Item = Result<(Event<'a>, Span), granit_parser::ScanError>> + 'a;

/// The one document of `source`.
pub(crate) fn read(source: &str) -> Result<Node, Problem> {
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
                    "a second document begins here: a file holds one specification, so give this one a file of its own",
                ));
            }
            Event::StreamEnd => break,
            event => root = Some(node(event, span, &mut events)?),
        }
    }
    root.ok_or_else(|| {
        Problem::new(
            Place::START,
            "there is nothing in it: a specification has at least `service`, `slo`, `objective` and `indicator`",
        )
    })
}

fn node<'a>(event: Event<'a>, span: Span, events: &mut Events<'a>) -> Result<Node, Problem> {
    let at = place(span);
    if let Some(tag) = event.tag() {
        let what = format!(
            "a tag, `{}`, is not read here: leave it out",
            tag.original()
        );
        return Err(Problem::new(at, what));
    }
    if event.anchor_id().is_some_and(|id| id > 0) || event.is_alias() {
        return Err(Problem::new(
            at,
            "anchors (`&name`) and aliases (`*name`) are not read here: write the value out",
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
                    (event, span) => items.push(node(event, span, events)?),
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
                    return Err(Problem::new(key.at, "a key has to be a word"));
                };
                entries.push((Key { at: key.at, name }, value));
            }
            Value::Map(entries)
        }
        _ => return Err(Problem::new(at, "this is no value")),
    };
    Ok(Node { at, value })
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
                what += "; between `{` and `}` a selector with labels stands in quotes, `'up{job=\"api\"}'`";
            }
            Err(Problem::new(at, what))
        }
        // After the end of the stream, which `read` does not ask for.
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
