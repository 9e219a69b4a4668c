//! Reading a selector from left to right.

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

    /// Reads a value in double or single quotes, with Go's most common escapes.
    pub(super) fn quoted(&mut self) -> Result<String, Wrong> {
        let start = self.at;
        let Some(quote) = self
            .rest()
            .chars()
            .next()
            .filter(|c| matches!(c, '"' | '\''))
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
            if c != '\\' {
                if c.is_control() {
                    return Err((escape, "a value has no control characters".into()));
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

    pub(super) fn wrong(&self, what: &str) -> Wrong {
        let found = match self.rest().chars().next() {
            None => "it ends here".into(),
            Some(c) => format!("here is `{c}`"),
        };
        (self.at, format!("{what}, but {found}"))
    }
}
