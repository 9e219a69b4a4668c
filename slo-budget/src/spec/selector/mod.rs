//! A metric and the matchers of its labels: parsed, so that what comes out is a selector and nothing else.

use std::{fmt, str::FromStr};

use regex_lite::Regex;

/// Such as `http_requests_total{job="api", code=~"5.."}`.
#[derive(Clone, Debug)]
pub(crate) struct Selector {
    pub(crate) metric: String,
    pub(crate) matchers: Vec<Matcher>,
}

#[derive(Clone, Debug)]
pub(crate) struct Matcher {
    pub(crate) label: String,
    pub(crate) test: Test,
}

#[derive(Clone, Debug)]
pub(crate) enum Test {
    Is(String),
    IsNot(String),
    Like(Pattern),
    Unlike(Pattern),
}

/// A regular expression, anchored at both ends as Prometheus does.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    pub(crate) text: String,
    regex: Regex,
}

/// What is wrong with a text, and after how many characters.
pub(crate) type Wrong = (usize, String);

// === impl Selector ===

impl Selector {
    pub(crate) fn parse(text: &str) -> Result<Self, Wrong> {
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

    /// The same matchers of another metric, and one more.
    pub(crate) fn with(&self, suffix: &str, more: Option<Matcher>) -> Self {
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
        let start = from.at;
        let value = from.quoted()?;
        let pattern = |text: String| {
            (text.parse::<Pattern>())
                .map_err(|why| (start, format!("`{text}` is no regular expression: {why}")))
        };
        let test = match operator {
            "=~" => Test::Like(pattern(value)?),
            "!~" => Test::Unlike(pattern(value)?),
            "!=" => Test::IsNot(value),
            _ => Test::Is(value),
        };
        Ok(Self { label, test })
    }

    /// Whether a label of this value, empty if there is none, passes.
    pub(crate) fn passes(&self, value: &str) -> bool {
        match &self.test {
            Test::Is(text) => text == value,
            Test::IsNot(text) => text != value,
            Test::Like(pattern) => pattern.regex.is_match(value),
            Test::Unlike(pattern) => !pattern.regex.is_match(value),
        }
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (operator, value) = match &self.test {
            Test::Is(text) => ("=", text),
            Test::IsNot(text) => ("!=", text),
            Test::Like(pattern) => ("=~", &pattern.text),
            Test::Unlike(pattern) => ("!~", &pattern.text),
        };
        write!(f, "{}{operator}{}", self.label, Quoted(value))
    }
}

// === impl Pattern ===

impl FromStr for Pattern {
    type Err = regex_lite::Error;

    fn from_str(text: &str) -> Result<Self, regex_lite::Error> {
        // Alone first, so that `a)(b` does not become well-formed by what is put around it.
        Regex::new(text)?;
        let regex = Regex::new(&format!("^(?s:{text})$"))?;
        Ok(Self {
            text: text.to_owned(),
            regex,
        })
    }
}

pub(crate) fn is_metric(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && (text.chars()).all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'))
}

/// Those that begin with `__` are Prometheus' own.
pub(crate) fn is_label(text: &str) -> bool {
    is_metric(text) && !text.contains(':') && !text.starts_with("__")
}

/// In quotes, as Prometheus reads it.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

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

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

// === impl Cursor ===

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn take_while(&mut self, f: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !f(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn space(&mut self) {
        self.take_while(|c| c.is_ascii_whitespace());
    }

    fn eat(&mut self, token: &str) -> bool {
        let has = self.rest().starts_with(token);
        if has {
            self.at += token.len();
        }
        has
    }

    /// A value in double or single quotes, with the escapes that both Go and people use.
    fn quoted(&mut self) -> Result<String, Wrong> {
        let start = self.at;
        let Some(quote) = self
            .rest()
            .chars()
            .next()
            .filter(|c| matches!(c, '"' | '\''))
        else {
            return Err(self.wrong("the value of a label stands in quotes"));
        };
        self.at += 1;
        let mut value = String::new();
        loop {
            let Some(c) = self.rest().chars().next() else {
                return Err((start, "this value has no closing quote".into()));
            };
            let escape = self.at;
            self.at += c.len_utf8();
            if c == quote {
                return Ok(value);
            }
            if c != '\\' {
                if c.is_control() {
                    return Err((escape, "a value holds no control characters".into()));
                }
                value.push(c);
                continue;
            }
            let escaped = self.rest().chars().next();
            value.push(match escaped {
                Some(c @ ('\\' | '"' | '\'')) => c,
                Some('n') => '\n',
                _ => {
                    return Err((
                        escape,
                        "a backslash is followed by `\\`, `\"`, `'` or `n`: in a regular expression write two of them".into(),
                    ));
                }
            });
            self.at += 1;
        }
    }

    fn wrong(&self, what: &str) -> Wrong {
        let found = match self.rest().chars().next() {
            None => "it ends here".into(),
            Some(c) => format!("here is `{c}`"),
        };
        (self.at, format!("{what}, but {found}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_read_and_written_in_one_form() {
        for (text, written) in [
            ("up", "up"),
            (" up { } ", "up"),
            (
                "a:b{c='d',e!=\"f\" , g=~ \"5..\",h!~'x|y',}",
                r#"a:b{c="d", e!="f", g=~"5..", h!~"x|y"}"#,
            ),
            (r#"m{path="a\"b\\c"}"#, r#"m{path="a\"b\\c"}"#),
            (r#"m{path=~"\\d+"}"#, r#"m{path=~"\\d+"}"#),
            (r#"m{v="ü}{,"}"#, r#"m{v="ü}{,"}"#),
        ] {
            let selector = Selector::parse(text).unwrap();
            assert_eq!(selector.to_string(), written);
            assert_eq!(Selector::parse(written).unwrap().to_string(), written);
        }
    }

    #[test]
    fn nothing_but_a_selector_passes_and_the_place_is_told() {
        for (text, at, what) in [
            (
                "",
                0,
                "a selector begins with the name of a metric, but it ends here",
            ),
            ("5xx", 0, "`5xx` is no name"),
            ("sum(up)", 3, "a plain selector"),
            ("up[5m]", 2, "a plain selector"),
            ("up{} or vector(1)", 5, "a plain selector"),
            ("up{a=\"b\"} # x", 10, "a plain selector"),
            (
                "up{",
                3,
                "a matcher begins with the name of a label, but it ends here",
            ),
            ("up{a}", 4, "after the label `a` comes `=`"),
            (
                "up{a==\"b\"}",
                5,
                "the value of a label stands in quotes, but here is `=`",
            ),
            (
                "up{a=b}",
                5,
                "the value of a label stands in quotes, but here is `b`",
            ),
            ("up{a=\"b}", 5, "this value has no closing quote"),
            ("up{a=\"b\" c=\"d\"}", 9, "a matcher ends with"),
            ("up{__name__=\"b\"}", 3, "before the braces"),
            ("up{__a=\"b\"}", 3, "`__a` is no name of a label"),
            ("up{a=~\"(\"}", 6, "`(` is no regular expression"),
            ("up{a=~\"\\d\"}", 7, "in a regular expression write two"),
            ("up{a=\"b\nc\"}", 7, "no control characters"),
        ] {
            let (found, message) = Selector::parse(text).unwrap_err();
            assert!(message.contains(what), "{text}: {message}");
            assert_eq!(found, at, "{text}: {message}");
        }
    }

    #[test]
    fn matchers_are_anchored_and_a_missing_label_is_empty() {
        let passes = |matcher: &str, value| {
            let selector = Selector::parse(&format!("m{{a{matcher}}}")).unwrap();
            selector.matchers[0].passes(value)
        };
        assert!(passes("=~\"5..\"", "503") && !passes("=~\"5..\"", "1503"));
        assert!(passes("=~\"a|b\"", "b") && !passes("=~\"a|b\"", "ab"));
        assert!(passes("!~\"5..\"", "") && passes("!=\"x\"", "") && !passes("=\"x\"", ""));
        assert!(passes("=~\".*\"", "") && !passes("=~\".+\"", ""));
    }
}
