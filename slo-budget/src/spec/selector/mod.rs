//! A metric and the matchers of its labels, parsed, so that nothing else gets into an expression.
//!
//! Regular expressions are not parsed: Prometheus does it when it loads the rules.

mod cursor;

use std::fmt;

use self::cursor::{Cursor, Wrong};
use crate::spec::{document::MOST_ENTRIES, yaml::breaks_lines};

/// A selector: `http_requests_total{job="api", code=~"5.."}`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Selector {
    pub(super) metric: String,
    pub(super) matchers: Vec<Matcher>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Matcher {
    pub(super) label: String,
    /// `=`, `!=`, `=~` or `!~`.
    pub(super) operator: &'static str,
    pub(super) value: String,
}

// === impl Selector ===

impl Selector {
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        let mut from = Cursor { text, at: 0 };
        from.space();
        let start = from.at;
        let metric = from.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'));
        if metric.is_empty() && !from.rest().starts_with('{') {
            return Err(from.wrong("a selector begins with the name of a metric"));
        }
        if !metric.is_empty() && !is_metric(metric) {
            return Err((
                start,
                format!("`{metric}` is not the name of a metric: it must not begin with a digit"),
            ));
        }
        let mut selector = Self {
            metric: metric.to_owned(),
            matchers: Vec::new(),
        };
        from.space();
        if from.eat("{") {
            loop {
                from.space();
                if from.eat("}") {
                    break;
                }
                selector.parse_part(&mut from)?;
                from.space();
                if !from.eat(",") && !from.rest().starts_with('}') {
                    return Err(from.wrong("a matcher ends with `,` or `}`"));
                }
            }
        }
        from.space();
        if !from.rest().is_empty() {
            return Err(
                from.wrong("the rules add sums and rates, so expected a plain selector, `name{label=\"value\"}`")
            );
        }
        if selector.metric.is_empty() {
            return Err((
                start,
                "a selector has the name of a metric, `name{…}` or `{\"name\", …}`".into(),
            ));
        }
        Ok(selector)
    }

    /// Reads one matcher, or the name of the metric in quotes.
    fn parse_part(&mut self, from: &mut Cursor<'_>) -> Result<(), Wrong> {
        if self.matchers.len() == MOST_ENTRIES {
            let what = format!("a selector has at most {MOST_ENTRIES} matchers");
            return Err(from.wrong(&what));
        }
        let start = from.at;
        let name = if from.rest().starts_with(['"', '\'', '`']) {
            let name = from.quoted()?;
            if name.is_empty() || name.contains("{{") || name.contains(breaks_lines) {
                return Err((start, "this is not a name".into()));
            }
            from.space();
            if from.rest().starts_with([',', '}']) {
                if !self.metric.is_empty() {
                    return Err((start, "the metric has two names: keep one".into()));
                }
                self.metric = name;
                return Ok(());
            }
            Some(name)
        } else {
            None
        };
        let matcher = Matcher::parse(from, start, name)?;
        let is_first = |other: &Matcher| other.operator == "=" && other.label == matcher.label;
        if matcher.operator == "=" && self.matchers.iter().any(is_first) {
            let what = format!("the label `{}` has two values: keep one", matcher.label);
            return Err((start, what));
        }
        self.matchers.push(matcher);
        Ok(())
    }

    /// A name that has to be in quotes, which Prometheus reads from version 3 on.
    pub(super) fn utf8_name(&self) -> Option<&str> {
        let labels = self.matchers.iter().map(|matcher| &*matcher.label);
        let label = labels.into_iter().find(|label| !is_label(label));
        Some(&*self.metric)
            .filter(|metric| !is_metric(metric))
            .or(label)
    }

    /// Whether it names a value for each label, and so one series.
    pub(super) fn is_series(&self) -> bool {
        (self.matchers.iter()).all(|matcher| matcher.operator == "=")
    }

    /// The selector, if it is a series.
    pub(super) fn as_series(&self) -> Option<Self> {
        self.is_series().then(|| self.clone())
    }

    /// The same matchers of another metric, and one more.
    pub(super) fn with(&self, suffix: &str, more: Option<Matcher>) -> Self {
        let mut matchers = self.matchers.clone();
        matchers.extend(more);
        Self {
            metric: format!("{}{suffix}", self.metric),
            matchers,
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = is_metric(&self.metric);
        let mut before = if is_plain {
            f.write_str(&self.metric)?;
            "{"
        } else {
            write!(f, "{{{}", Quoted(&self.metric))?;
            ", "
        };
        for matcher in &self.matchers {
            write!(f, "{before}{matcher}")?;
            before = ", ";
        }
        f.write_str(if is_plain && self.matchers.is_empty() {
            ""
        } else {
            "}"
        })
    }
}

// === impl Matcher ===

impl Matcher {
    /// Reads a matcher. A label in quotes has been read already.
    fn parse(from: &mut Cursor<'_>, start: usize, label: Option<String>) -> Result<Self, Wrong> {
        let label = match label {
            Some(label) => label,
            None => (from.take_while(|c| c.is_ascii_alphanumeric() || c == '_')).to_owned(),
        };
        if label.is_empty() {
            return Err(from.wrong("a matcher begins with the name of a label"));
        }
        if label == "__name__" {
            return Err((start, "write the metric's name before the braces".into()));
        }
        let is_quoted = from.text[start..].starts_with(['"', '\'', '`']);
        if label.starts_with("__") || !(is_quoted || is_label(&label)) {
            return Err((
                start,
                format!(
                    "`{label}` is not the name of a label: it must not begin with a digit or `__`"
                ),
            ));
        }
        from.space();
        let operator = ["=~", "!~", "!=", "="]
            .into_iter()
            .find(|operator| from.eat(operator))
            .ok_or_else(|| {
                from.wrong(&format!(
                    "after the label `{label}` comes `=`, `!=`, `=~` or `!~`"
                ))
            })?;
        from.space();
        let value = from.quoted()?;
        Ok(Self {
            label,
            operator,
            value,
        })
    }
}

impl Matcher {
    /// Whether it compares with a value that looks like a regular expression.
    pub(in crate::spec) fn is_regex_like(&self) -> bool {
        let value = &self.value;
        let has = |part| value.contains(part);
        let digits = value.trim_end_matches('.');
        let is_code = digits.len() < value.len()
            && !digits.is_empty()
            && digits.bytes().all(|byte| byte.is_ascii_digit());
        matches!(self.operator, "=" | "!=")
            && (is_code
                || [".*", ".+", "|", "\\d", "[0-9", "[a-z", "(?"]
                    .into_iter()
                    .any(has))
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_label(&self.label) {
            f.write_str(&self.label)?;
        } else {
            Quoted(&self.label).fmt(f)?;
        }
        write!(f, "{}{}", self.operator, Quoted(&self.value))
    }
}

fn is_metric(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && (text.chars()).all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'))
}

/// Whether this is the name of a label. Prometheus reserves those that begin with `__`.
pub(super) fn is_label(text: &str) -> bool {
    is_metric(text) && !text.contains(':') && !text.starts_with("__")
}

/// A value in quotes, as Prometheus reads it.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                c => write!(f, "{c}")?,
            }
        }
        f.write_str("\"")
    }
}

#[cfg(test)]
mod tests;
