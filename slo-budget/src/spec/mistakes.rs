//! Mistakes in a specification, with their places.

use std::{error::Error, fmt};

/// A position in the source: line and column from 1, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) width: usize,
}

/// What is wrong and where, before its field and line of text are known.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) at: Place,
    pub(super) what: String,
}

/// One mistake in a specification: its position, its field, what was found, and what is allowed.
///
/// Its `Display` is `line:column: field: what`, and below it the line with a mark. With the file's name and a colon in
/// front, editors can jump to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    at: Place,
    field: String,
    what: String,
    text: String,
}

/// All mistakes in a specification, in the order of its lines. At least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(Vec<Mistake>);

impl Place {
    pub(super) const START: Self = Self {
        line: 1,
        column: 1,
        width: 1,
    };
}

impl Problem {
    pub(super) fn new(at: Place, what: impl Into<String>) -> Self {
        Self {
            at,
            what: what.into(),
        }
    }
}

// === impl Mistake ===

impl Mistake {
    pub(super) fn new(problem: Problem, field: String, source: &str) -> Self {
        let line = source.lines().nth(problem.at.line.saturating_sub(1));
        Self {
            at: problem.at,
            field,
            what: problem.what,
            text: line.unwrap_or_default().to_owned(),
        }
    }

    /// The line, from 1.
    #[must_use]
    pub const fn line(&self) -> usize {
        self.at.line
    }

    /// The column, from 1, in characters.
    #[must_use]
    pub const fn column(&self) -> usize {
        self.at.column
    }

    /// The path of the field, `alerts[1].budget`; empty for the whole document.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What was found, and what is allowed.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place {
            line,
            column,
            width,
        } = self.at;
        write!(f, "{line}:{column}: ")?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.what)?;
        let number = line.to_string();
        write!(f, "\n  {number} | {}", self.text)?;
        // A tab stays a tab, so that the mark is below its text at any tab width.
        let before: String = (self.text.chars().take(column - 1))
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        let rest = self.text.chars().count().saturating_sub(column - 1);
        let marks = "^".repeat(width.min(rest).max(1));
        write!(
            f,
            "\n  {:width$} | {before}{marks}",
            "",
            width = number.len()
        )
    }
}

impl Error for Mistake {}

// === impl Mistakes ===

impl Mistakes {
    /// Sorts `mistakes` by position. `None` if there are none.
    pub(super) fn of(mut mistakes: Vec<Mistake>) -> Option<Self> {
        mistakes.sort_by_key(|mistake| (mistake.at.line, mistake.at.column));
        (!mistakes.is_empty()).then_some(Self(mistakes))
    }

    /// The mistakes in the order of lines.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.0.iter()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, mistake) in self.0.iter().enumerate() {
            f.write_str(if n == 0 { "" } else { "\n" })?;
            mistake.fmt(f)?;
        }
        Ok(())
    }
}

impl Error for Mistakes {}
