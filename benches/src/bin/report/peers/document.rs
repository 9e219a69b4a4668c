//! The document that shows the table.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The marks around the table.
const BEGIN: &str = "<!-- peers: written by report --peers --renew -->\n";
const END: &str = "<!-- end of the peers -->\n";

/// A Markdown file, without its old table.
#[derive(Debug)]
pub(super) struct Document {
    path: PathBuf,
    before: String,
    after: String,
}

// === impl Document ===

impl Document {
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        Self::parse(path, &text)
            .ok_or_else(|| format!("{}: the marks of the table are gone", path.display()))
    }

    fn parse(path: &Path, text: &str) -> Option<Self> {
        let (before, rest) = text.split_once(BEGIN)?;
        let (_, after) = rest.split_once(END)?;
        Some(Self {
            path: path.to_owned(),
            before: before.to_owned(),
            after: after.to_owned(),
        })
    }

    pub(super) fn write(&self, table: &str) -> Result<(), String> {
        fs::write(&self.path, self.with(table)).map_err(|e| format!("{}: {e}", self.path.display()))
    }

    fn with(&self, table: &str) -> String {
        let Self { before, after, .. } = self;
        format!("{before}{BEGIN}{table}{END}{after}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_between_the_marks_changes() {
        let text = format!("before\n{BEGIN}old\n{END}after\n");
        let document = Document::parse(Path::new("page"), &text).unwrap();
        assert_eq!(document.with("new\n"), text.replace("old", "new"));
        assert!(Document::parse(Path::new("page"), "before\nafter\n").is_none());
    }

    #[test]
    fn the_page_of_comparisons_has_the_marks() {
        let page = include_str!("../../../../../COMPARE.md");
        assert!(Document::parse(Path::new("COMPARE.md"), page).is_some());
    }
}
