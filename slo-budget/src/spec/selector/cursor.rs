//! Reading a selector from left to right.

use crate::spec::yaml::breaks_lines;

/// What is wrong with a text, and the byte at which it is.
pub(in crate::spec) type Wrong = (usize, String);

pub(super) struct Cursor<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

// === impl Cursor ===

impl<'a> Cursor<'a> {
    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn take_while(&mut self, f: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !f(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    pub(super) fn space(&mut self) {
        self.take_while(|c| c.is_ascii_whitespace());
    }

    pub(super) fn eat(&mut self, token: &str) -> bool {
        let has = self.rest().starts_with(token);
        if has {
            self.at += token.len();
        }
        has
    }

    /// Reads a value in quotes: double or single ones with Go's escapes, or backticks without any.
    pub(super) fn quoted(&mut self) -> Result<String, Wrong> {
        let start = self.at;
        let Some(quote) = self
            .rest()
            .chars()
            .next()
            .filter(|c| matches!(c, '"' | '\'' | '`'))
        else {
            return Err(self.wrong("the value of a label is in quotes"));
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
            let c = match c {
                '\\' if quote != '`' => self.escaped(escape)?,
                c if breaks_lines(c) => {
                    return Err((
                        escape,
                        "a value has no control characters, nor ends of lines".into(),
                    ));
                }
                c => c,
            };
            value.push(c);
        }
    }

    /// Reads what follows a backslash.
    fn escaped(&mut self, at: usize) -> Result<char, Wrong> {
        let kind = self.rest().chars().next();
        let digits = match kind {
            Some(c @ ('\\' | '"' | '\'')) => {
                self.at += 1;
                return Ok(c);
            }
            Some('n') => {
                self.at += 1;
                return Ok('\n');
            }
            Some('x') => 2,
            Some('u') => 4,
            Some('U') => 8,
            _ => 0,
        };
        let code = self.rest().get(1..=digits).filter(|_| digits > 0);
        let code = code.and_then(|code| u32::from_str_radix(code, 16).ok());
        match code.and_then(char::from_u32).filter(|c| !breaks_lines(*c)) {
            // Go reads `\x` as a byte.
            Some(c) if digits > 2 || c.is_ascii() => {
                self.at += 1 + digits;
                Ok(c)
            }
            _ => Err((
                at,
                "a backslash is followed by `\\`, `\"`, `'`, `n`, `x`, `u` or `U`: in a regular expression write two of them, or put it in backticks".into(),
            )),
        }
    }

    pub(super) fn wrong(&self, what: &str) -> Wrong {
        let found = match self.rest().chars().next() {
            None => "it ends here".into(),
            Some(c) => format!("here is `{c}`"),
        };
        (self.at, format!("{what}, but {found}"))
    }
}
