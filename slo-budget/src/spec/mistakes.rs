use std::{error::Error, fmt};

/// Where something stands: line and column from 1, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) width: usize,
}

/// What is wrong, and where, before it is known of which field and text.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) at: Place,
    pub(crate) what: String,
}

/// One mistake in a specification: where, in which field, what was found, what is allowed.
///
/// Its `Display` is `line:column: field: what`, and beneath it the line, marked. With the file's name and a colon
/// before it, editors know it for a place to jump to.
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
    pub(crate) const START: Self = Self {
        line: 1,
        column: 1,
        width: 1,
    };
}

impl Problem {
    pub(crate) fn new(at: Place, what: impl Into<String>) -> Self {
        Self {
            at,
            what: what.into(),
        }
    }
}

// === impl Mistake ===

impl Mistake {
    pub(crate) fn new(problem: Problem, field: String, source: &str) -> Self {
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

    /// The path of the field, `alerts[1].budget`; empty where it is the whole.
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
        // Tabs keep their width, whatever that is on the reader's screen.
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
    /// `mistakes` in the order of lines; `None` if there is none.
    pub(crate) fn of(mut mistakes: Vec<Mistake>) -> Option<Self> {
        mistakes.sort_by_key(|mistake| (mistake.at.line, mistake.at.column));
        (!mistakes.is_empty()).then_some(Self(mistakes))
    }

    /// One by one.
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
