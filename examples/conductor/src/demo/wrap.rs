//! Lines of text for a terminal of 80 columns.

/// The width of the demo's output.
pub(super) const WIDTH: usize = 80;

/// Breaks `text` at spaces, so that no line has more than [`WIDTH`] columns. Every line but the first begins with
/// `indent` spaces. A word that is longer than a line keeps a line to itself.
pub(super) fn wrap(text: &str, indent: usize) -> String {
    let mut lines = String::new();
    let mut column = 0;
    // Split after the spaces of the beginning, which are part of the layout.
    let words = text.trim_start();
    let begin = text.len() - words.len();
    lines.push_str(&text[..begin]);
    column += begin;
    for (at, word) in words.split(' ').enumerate() {
        let length = word.chars().count();
        if at > 0 && column + 1 + length > WIDTH {
            lines.push('\n');
            lines.push_str(&" ".repeat(indent));
            column = indent;
        } else if at > 0 {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += length;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let text = format!("{:>6.1} s  {}", 1.0, "word ".repeat(60));
        let wrapped = wrap(&text, 10);
        assert!(wrapped.lines().all(|line| line.chars().count() <= WIDTH));
        assert!(
            wrapped
                .lines()
                .skip(1)
                .all(|line| line.starts_with("          w"))
        );
        assert!(wrapped.starts_with("   1.0 s  word"));
    }

    #[test]
    fn a_short_line_is_unchanged() {
        for text in ["", "  two  spaces", "─ · …"] {
            assert_eq!(wrap(text, 4), text);
        }
        let full = format!("{} b", "a".repeat(WIDTH - 2));
        assert_eq!(wrap(&full, 4), full);
    }
}
