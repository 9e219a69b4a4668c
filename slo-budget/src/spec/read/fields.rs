//! Takes fields out of a map and notes every mistake, not only the first.

use crate::spec::{
    document::{Node, Value},
    mistakes::{Mistake, Place, Problem},
};

/// The mistakes that were found.
pub(super) struct Notes<'a> {
    pub(super) source: &'a str,
    pub(super) mistakes: Vec<Mistake>,
    pub(super) warnings: Vec<Mistake>,
}

/// The known fields of a map.
pub(super) struct Fields<'a> {
    pub(super) at: Place,
    path: String,
    entries: Vec<(&'a str, Place, &'a Node)>,
    /// Known names that misspelt keys most likely mean. They are not reported as missing.
    meant: Vec<String>,
}

/// The value of one field.
#[derive(Clone)]
pub(super) struct Field<'a> {
    pub(super) node: &'a Node,
    pub(super) path: String,
}

// === impl Notes ===

impl Notes<'_> {
    pub(super) fn add(&mut self, at: Place, path: &str, what: impl Into<String>) {
        let problem = Problem::new(at, what);
        (self.mistakes).push(Mistake::new(problem, path.to_owned(), self.source));
    }

    pub(super) fn at(&mut self, field: &Field<'_>, what: impl Into<String>) {
        self.add(field.node.at, &field.path, what);
    }

    /// Notes what is legal and probably not intended.
    pub(super) fn warn(&mut self, field: &Field<'_>, what: impl Into<String>) {
        let problem = Problem::new(field.node.at, what);
        (self.warnings).push(Mistake::new(problem, field.path.clone(), self.source));
    }

    /// Notes a mistake `offset` bytes into the text of `field`. Where the source writes the text differently, the mistake
    /// is at the field.
    pub(super) fn within(&mut self, field: &Field<'_>, offset: usize, what: String) {
        let Value::Text(text) = &field.node.value else {
            return self.at(field, what);
        };
        let mut at = field.node.at;
        let line = (self.source.lines()).nth(at.line.saturating_sub(1));
        let shown: String = (line.unwrap_or_default().chars())
            .skip(at.column - 1)
            .collect();
        let quote = usize::from(shown.starts_with(['"', '\'']));
        if shown
            .chars()
            .skip(quote)
            .collect::<String>()
            .starts_with(text.as_str())
        {
            at.column += quote + text[..offset].chars().count();
            at.width = 1;
        }
        self.add(at, &field.path, what);
    }

    /// The fields of a map. A key that is not `known` is a mistake.
    pub(super) fn fields<'a>(&mut self, of: &Field<'a>, known: &[&str]) -> Option<Fields<'a>> {
        let Value::Map(entries) = &of.node.value else {
            let allowed = known.join("`, `");
            let what = format!("{}; expected fields, of `{allowed}`", found(of.node));
            self.at(of, what);
            return None;
        };
        let mut fields = Fields {
            at: of.node.at,
            path: of.path.clone(),
            entries: Vec::new(),
            meant: Vec::new(),
        };
        for (key, node) in entries {
            let path = fields.path_of(&key.name);
            if let Some((_, first, _)) =
                (fields.entries.iter()).find(|(name, ..)| *name == key.name)
            {
                let what = format!(
                    "this field is already on line {}: keep one of them",
                    first.line
                );
                self.add(key.at, &path, what);
            } else if known.contains(&key.name.as_str()) {
                fields.entries.push((&key.name, key.at, node));
            } else if let Some(meant) = closest(&key.name, known) {
                let what = format!("there is no such field: did you mean `{meant}`?");
                self.add(key.at, &path, what);
                fields.meant.push(meant.to_owned());
            } else {
                let known = known.join("`, `");
                let what = format!("there is no such field: known here are `{known}`");
                self.add(key.at, &path, what);
            }
        }
        Some(fields)
    }

    /// A field that must not be missing.
    pub(super) fn required<'a>(
        &mut self,
        fields: &Fields<'a>,
        name: &str,
        what: &str,
    ) -> Option<Field<'a>> {
        let field = fields.get(name);
        if field.is_none() && !fields.meant.iter().any(|meant| meant == name) {
            self.add(
                fields.at,
                &fields.path_of(name),
                format!("it is missing; expected {what}"),
            );
        }
        field
    }

    /// The text of a field, numbers included.
    pub(super) fn text<'a>(&mut self, field: &Field<'a>, what: &str) -> Option<&'a str> {
        if let Value::Text(text) = &field.node.value {
            return Some(text);
        }
        self.at(field, format!("{}; expected {what}", found(field.node)));
        None
    }

    /// Applies `read` to the text of a field. `None` is a mistake that says what was found and `what` is allowed.
    pub(super) fn value<T>(
        &mut self,
        field: &Field<'_>,
        what: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(field, what)?;
        let value = read(text);
        if value.is_none() {
            self.at(
                field,
                format!("found `{}`; expected {what}", text.escape_debug()),
            );
        }
        value
    }

    /// The items of a list.
    pub(super) fn items<'a>(&mut self, field: &Field<'a>, what: &str) -> Option<Vec<Field<'a>>> {
        let Value::List(items) = &field.node.value else {
            self.at(field, format!("{}; expected {what}", found(field.node)));
            return None;
        };
        let item = |(n, node)| Field {
            node,
            path: format!("{}[{n}]", field.path),
        };
        Some(items.iter().enumerate().map(item).collect())
    }
}

// === impl Fields ===

impl<'a> Fields<'a> {
    pub(super) fn get(&self, name: &str) -> Option<Field<'a>> {
        let (_, _, node) = self.entries.iter().find(|(key, ..)| *key == name)?;
        Some(Field {
            node,
            path: self.path_of(name),
        })
    }

    pub(super) fn has_slips(&self) -> bool {
        !self.meant.is_empty()
    }

    pub(super) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }
}

/// Describes a value of the wrong kind.
fn found(node: &Node) -> String {
    match &node.value {
        Value::Nothing => "there is no value".into(),
        Value::Text(text) => format!("found `{}`", text.escape_debug()),
        Value::List(_) => "found a list".into(),
        Value::Map(_) => "found fields".into(),
    }
}

/// The known name that `found` most likely misspells.
fn closest<'a>(found: &str, known: &[&'a str]) -> Option<&'a str> {
    let distance = |name: &&&str| edits(&found.to_lowercase(), name);
    let closest = known.iter().min_by_key(distance)?;
    (distance(&closest) <= closest.len().div_ceil(3)).then_some(*closest)
}

/// The number of letters to insert, remove or replace (Levenshtein distance).
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_is_recognised() {
        let known = ["objective", "period", "indicator", "slo", "labels"];
        for (found, meant) in [
            ("objectve", Some("objective")),
            ("Objective", Some("objective")),
            ("label", Some("labels")),
            ("sli", Some("slo")),
            ("indicater", Some("indicator")),
            ("owner", None),
            ("x", None),
        ] {
            assert_eq!(closest(found, &known), meant, "{found}");
        }
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
    }
}
