//! A metric and the matchers of its labels, parsed, so that nothing else gets into an expression.
//!
//! Regular expressions are not parsed: Prometheus does it when it loads the rules.

mod cursor;

use std::{collections::BTreeMap, fmt};

use self::cursor::{Cursor, Wrong};

/// A selector: `http_requests_total{job="api", code=~"5.."}`.
#[derive(Clone, Debug)]
pub(super) struct Selector {
    pub(super) metric: String,
    pub(super) matchers: Vec<Matcher>,
}

#[derive(Clone, Debug)]
pub(super) struct Matcher {
    pub(super) label: String,
    pub(super) test: Test,
}

#[derive(Clone, Debug)]
pub(super) enum Test {
    Is(String),
    IsNot(String),
    Like(String),
    Unlike(String),
}

/// The labels of a series.
type Labels<'a> = BTreeMap<&'a str, &'a str>;

// === impl Selector ===

impl Selector {
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        let mut from = Cursor { text, at: 0 };
        from.space();
        let start = from.at;
        let metric = from.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'));
        if metric.is_empty() {
            return Err(from.wrong("a selector begins with the name of a metric"));
        }
        if !is_metric(metric) {
            return Err((
                start,
                format!("`{metric}` is no name of a metric: it must not begin with a digit"),
            ));
        }
        let metric = metric.to_owned();
        let mut matchers = Vec::new();
        from.space();
        if from.eat("{") {
            loop {
                from.space();
                if from.eat("}") {
                    break;
                }
                matchers.push(Matcher::parse(&mut from)?);
                from.space();
                if !from.eat(",") && !from.rest().starts_with('}') {
                    return Err(from.wrong("a matcher ends with `,` or `}`"));
                }
            }
        }
        from.space();
        if !from.rest().is_empty() {
            return Err(
                from.wrong("sums and rates are added to a plain selector, `name{label=\"value\"}`")
            );
        }
        Ok(Self { metric, matchers })
    }

    /// A selector without regular expressions.
    pub(super) fn is_literal(&self) -> bool {
        self.matchers.iter().all(Matcher::is_literal)
    }

    /// Whether this is a series: a value for each label.
    pub(super) fn is_series(&self) -> bool {
        (self.matchers.iter()).all(|matcher| matches!(matcher.test, Test::Is(_)))
    }

    /// A series that this literal selector and the `others` select. `None` where they exclude each other.
    pub(super) fn series(&self, others: &[&Self]) -> Option<Self> {
        let all = others.iter().copied().chain([self]);
        let mut labels = Labels::new();
        for matcher in all.clone().flat_map(|selector| &selector.matchers) {
            if let Test::Is(value) = &matcher.test {
                labels.insert(&matcher.label, value);
            }
        }
        let series = self.of(&labels);
        let mut failures = all.map(|selector| selector.first_failure(&series));
        failures.all(|failure| failure.is_none()).then_some(series)
    }

    /// A series that this literal selector selects and `other` does not. `None` where there is none.
    pub(super) fn series_without(&self, other: &Self) -> Option<Self> {
        let series = self.series(&[])?;
        let fails = |series: &Self| other.first_failure(series).is_some();
        if fails(&series) {
            return Some(series);
        }
        // Give a label of `other` a value that it excludes.
        let excluded = other.matchers.iter().map(|matcher| {
            let value = match &matcher.test {
                Test::IsNot(value) => value,
                _ => "other",
            };
            let mut series = series.clone();
            series.matchers.push(Matcher {
                label: matcher.label.clone(),
                test: Test::Is(value.to_owned()),
            });
            series
        });
        (excluded.into_iter()).find(|series| self.first_failure(series).is_none() && fails(series))
    }

    /// The first literal matcher that does not pass `series`.
    pub(super) fn first_failure(&self, series: &Self) -> Option<&Matcher> {
        let value = |label: &str| {
            let matcher = series
                .matchers
                .iter()
                .find(|matcher| matcher.label == label);
            match matcher.map(|matcher| &matcher.test) {
                Some(Test::Is(value)) => value.as_str(),
                _ => "",
            }
        };
        (self.matchers.iter()).find(|matcher| !matcher.passes(value(&matcher.label)))
    }

    /// What a series of this selector looks like, with `…` for what a regular expression matches.
    pub(super) fn example(&self, others: &[&Self]) -> Self {
        let mut labels = Labels::new();
        for matcher in others
            .iter()
            .copied()
            .chain([self])
            .flat_map(|selector| &selector.matchers)
        {
            match &matcher.test {
                Test::Is(value) => _ = labels.insert(&matcher.label, value),
                Test::Like(_) | Test::Unlike(_) => _ = labels.entry(&matcher.label).or_insert("…"),
                Test::IsNot(_) => {}
            }
        }
        self.of(&labels)
    }

    fn of(&self, labels: &Labels<'_>) -> Self {
        let labels = labels.iter().filter(|(_, value)| !value.is_empty());
        let matcher = |(label, value): (&&str, &&str)| Matcher {
            label: (*label).to_owned(),
            test: Test::Is((*value).to_owned()),
        };
        Self {
            metric: self.metric.clone(),
            matchers: labels.map(matcher).collect(),
        }
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
        f.write_str(&self.metric)?;
        for (n, matcher) in self.matchers.iter().enumerate() {
            f.write_str(if n == 0 { "{" } else { ", " })?;
            matcher.fmt(f)?;
        }
        f.write_str(if self.matchers.is_empty() { "" } else { "}" })
    }
}

// === impl Matcher ===

impl Matcher {
    fn parse(from: &mut Cursor<'_>) -> Result<Self, Wrong> {
        let start = from.at;
        let label = from.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
        if label.is_empty() {
            return Err(from.wrong("a matcher begins with the name of a label"));
        }
        if label == "__name__" {
            return Err((start, "write the metric's name before the braces".into()));
        }
        if !is_label(label) {
            return Err((
                start,
                format!("`{label}` is no name of a label: it must not begin with a digit or `__`"),
            ));
        }
        let label = label.to_owned();
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
        let test = match operator {
            "=~" => Test::Like(value),
            "!~" => Test::Unlike(value),
            "!=" => Test::IsNot(value),
            _ => Test::Is(value),
        };
        Ok(Self { label, test })
    }

    /// Whether this passes a label with `value`, empty for a missing label. A regular expression passes any.
    fn passes(&self, value: &str) -> bool {
        match &self.test {
            Test::Is(text) => text == value,
            Test::IsNot(text) => text != value,
            Test::Like(_) | Test::Unlike(_) => true,
        }
    }

    const fn is_literal(&self) -> bool {
        matches!(self.test, Test::Is(_) | Test::IsNot(_))
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (operator, value) = match &self.test {
            Test::Is(text) => ("=", text),
            Test::IsNot(text) => ("!=", text),
            Test::Like(text) => ("=~", text),
            Test::Unlike(text) => ("!~", text),
        };
        write!(f, "{}{operator}{}", self.label, Quoted(value))
    }
}

pub(super) fn is_metric(text: &str) -> bool {
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
