/// Two lines of a Markdown file around a table that a command writes.
#[derive(Clone, Copy, Debug)]
pub struct Marks {
    begin: &'static str,
    end: &'static str,
}

impl Marks {
    /// The lines, each with its end.
    #[must_use]
    pub const fn new(begin: &'static str, end: &'static str) -> Self {
        Self { begin, end }
    }

    /// `text` with `table` between the marks; `None` if one of them is missing.
    #[must_use]
    pub fn put(self, text: &str, table: &str) -> Option<String> {
        let Self { begin, end } = self;
        let (before, rest) = text.split_once(begin)?;
        let (_, after) = rest.split_once(end)?;
        Some(format!("{before}{begin}{table}{end}{after}"))
    }

    /// The lines as text, without their ends.
    #[must_use]
    pub fn lines(self) -> [&'static str; 2] {
        [self.begin, self.end].map(str::trim_end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_between_the_marks_changes() {
        let marks = Marks::new("<begin>\n", "<end>\n");
        let text = "before\n<begin>\nold\n<end>\nafter\n";
        let put = marks.put(text, "new\n");
        assert_eq!(put.as_deref(), Some("before\n<begin>\nnew\n<end>\nafter\n"));
        for text in ["before\nafter\n", "<begin>\n", "<end>\n<begin>\n"] {
            assert_eq!(marks.put(text, "new\n"), None, "{text}");
        }
    }
}
