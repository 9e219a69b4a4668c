//! Writes YAML for Prometheus: block style, texts in quotes where necessary, expressions as blocks.
//!
//! It is short, and the libraries that write YAML need a newer Rust or serde.

use std::fmt::{self, Write as _};

#[derive(Debug)]
pub(super) enum Yaml {
    Text(String),
    /// A number, written without quotes.
    Bare(String),
    /// A block of lines.
    Block(String),
    List(Vec<Yaml>),
    Map(Vec<(String, Yaml)>),
    /// A value on one line, with all texts in single quotes.
    Line(Box<Yaml>),
}

/// A map in this order.
pub(super) fn map<const N: usize>(entries: [(&str, Yaml); N]) -> Yaml {
    Yaml::Map(entries.map(|(key, value)| (key.to_owned(), value)).into())
}

pub(super) fn text(text: impl Into<String>) -> Yaml {
    Yaml::Text(text.into())
}

/// Whether a character is a control character, or may end a line in YAML.
pub(super) fn breaks_lines(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

impl Yaml {
    /// The value on one line.
    pub(super) fn line(self) -> Self {
        Self::Line(Box::new(self))
    }

    /// Adds an entry to a map.
    pub(super) fn with(mut self, key: &str, value: Self) -> Self {
        if let Self::Map(entries) = &mut self {
            entries.push((key.to_owned(), value));
        }
        self
    }

    fn write(&self, to: &mut String, indent: usize) -> fmt::Result {
        match self {
            Self::Text(text) if is_plain(text) => writeln!(to, " {text}"),
            Self::Text(text) => writeln!(to, " {}", Quoted(text)),
            Self::Bare(text) => writeln!(to, " {text}"),
            Self::Block(text) => {
                writeln!(to, " |-")?;
                for line in text.lines() {
                    writeln!(to, "{:indent$}{line}", "")?;
                }
                Ok(())
            }
            Self::Line(value) => {
                write!(to, " ")?;
                value.write_line(to)?;
                writeln!(to)
            }
            Self::List(items) if items.is_empty() => writeln!(to, " []"),
            Self::List(items) => {
                writeln!(to)?;
                items
                    .iter()
                    .try_for_each(|item| item.write_item(to, indent))
            }
            Self::Map(entries) => {
                writeln!(to)?;
                write_entries(entries, to, indent, indent)
            }
        }
    }

    fn write_line(&self, to: &mut String) -> fmt::Result {
        match self {
            Self::Text(text) | Self::Block(text) if text.contains(breaks_lines) => {
                write!(to, "{}", Quoted(text))
            }
            Self::Text(text) | Self::Block(text) => write!(to, "'{}'", text.replace('\'', "''")),
            Self::Bare(text) => to.write_str(text),
            Self::Line(value) => value.write_line(to),
            Self::List(items) => {
                to.write_char('[')?;
                for (n, item) in items.iter().enumerate() {
                    to.write_str(if n == 0 { "" } else { ", " })?;
                    item.write_line(to)?;
                }
                to.write_char(']')
            }
            Self::Map(entries) => {
                to.write_char('{')?;
                for (n, (key, value)) in entries.iter().enumerate() {
                    write!(to, "{}{key}: ", if n == 0 { "" } else { ", " })?;
                    value.write_line(to)?;
                }
                to.write_char('}')
            }
        }
    }

    fn write_item(&self, to: &mut String, indent: usize) -> fmt::Result {
        write!(to, "{:indent$}-", "")?;
        match self {
            // The first entry is on the line of the dash.
            Self::Map(entries) => {
                write!(to, " ")?;
                write_entries(entries, to, 0, indent + 2)
            }
            other => other.write(to, indent + 2),
        }
    }
}

fn write_entries(
    entries: &[(String, Yaml)],
    to: &mut String,
    first: usize,
    indent: usize,
) -> fmt::Result {
    for (n, (key, value)) in entries.iter().enumerate() {
        let indent_here = if n == 0 { first } else { indent };
        write!(to, "{:indent_here$}{key}:", "")?;
        value.write(to, indent + 2)?;
    }
    Ok(())
}

impl fmt::Display for Yaml {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        match self {
            Self::Map(entries) => write_entries(entries, &mut text, 0, 0)?,
            other => other.write(&mut text, 0)?,
        }
        f.write_str(&text)
    }
}

/// Whether every version of YAML reads this as text without quotes.
fn is_plain(text: &str) -> bool {
    let reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && (text.chars()).all(|c| c.is_ascii_alphanumeric() || "_:./-".contains(c))
        && !text.ends_with(':')
        && !reserved.contains(&text.to_ascii_lowercase().as_str())
}

struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                '\n' => f.write_str("\\n")?,
                c if breaks_lines(c) => {
                    write!(f, "\\u{:04x}", u32::from(c))?;
                }
                c => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::document::{self, Node, Value};

    fn same(written: &Yaml, read: &Node) -> bool {
        match (written, &read.value) {
            (Yaml::Text(a) | Yaml::Bare(a) | Yaml::Block(a), Value::Text(b)) => a == b,
            (Yaml::Line(a), _) => same(a, read),
            (Yaml::List(a), Value::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
            }
            (Yaml::Map(a), Value::Map(b)) => {
                a.len() == b.len()
                    && (a.iter().zip(b)).all(|((k, a), (l, b))| *k == l.name && same(a, b))
            }
            _ => false,
        }
    }

    #[test]
    fn written_yaml_is_read_back_unchanged() {
        let texts = [
            "word",
            "a:b",
            "a: b",
            "a #b",
            "5m",
            "1e3",
            "yes",
            "Null",
            "",
            " x",
            "a\"b\\c\nd\te",
            "ü \u{2028}",
            "-",
            "- a",
            "{{ $value }}",
            "a:",
            "*x",
            "&x",
            "!x",
            "%",
            "@",
            "`",
        ];
        let written = map([
            ("texts", Yaml::List(texts.map(text).into())),
            ("block", Yaml::Block("(\n  a\n)\n/ b".into())),
            ("none", Yaml::List(Vec::new())),
            (
                "line",
                map([
                    ("texts", Yaml::List(texts.map(text).into())),
                    ("quote", text("it's")),
                    ("none", Yaml::List(Vec::new())),
                    ("number", Yaml::Bare("1".into())),
                ])
                .line(),
            ),
            (
                "items",
                Yaml::List(vec![
                    map([
                        ("a", text("1")),
                        ("b", map([("c", Yaml::Block("x\ny".into()))])),
                    ]),
                    Yaml::List(vec![Yaml::Bare("0.5".into())]),
                ]),
            ),
        ]);
        let read = document::read(&written.to_string()).unwrap();
        assert!(same(&written, &read), "{written}\n{read:?}");
    }
}
