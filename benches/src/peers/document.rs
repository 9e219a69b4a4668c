use std::{
    fs,
    path::{Path, PathBuf},
};

/// A table that a command writes into a Markdown file.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Table {
    /// What the same work costs.
    Costs,
    /// Which peers have which defect.
    Behaviour,
}

/// A Markdown file, without its old table.
#[derive(Debug)]
pub struct Document {
    path: PathBuf,
    table: Table,
    before: String,
    after: String,
}

// === impl Table ===

impl Table {
    /// The lines around it.
    const fn marks(self) -> (&'static str, &'static str) {
        match self {
            Self::Costs => (
                "<!-- peers: written by report --peers --renew -->\n",
                "<!-- end of the peers -->\n",
            ),
            Self::Behaviour => (
                "<!-- behaviour: written by behaviour --renew -->\n",
                "<!-- end of the behaviour -->\n",
            ),
        }
    }
}

// === impl Document ===

impl Document {
    /// Reads a file that has the marks of a table.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or has no marks; the text names it.
    pub fn read(path: &Path, table: Table) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let (begin, end) = table.marks();
        Self::parse(path, table, &text).ok_or_else(|| {
            format!(
                "{}: the table belongs between the lines `{}` and `{}`, which are not there",
                path.display(),
                begin.trim_end(),
                end.trim_end()
            )
        })
    }

    fn parse(path: &Path, table: Table, text: &str) -> Option<Self> {
        let (begin, end) = table.marks();
        let (before, rest) = text.split_once(begin)?;
        let (_, after) = rest.split_once(end)?;
        Some(Self {
            path: path.to_owned(),
            table,
            before: before.to_owned(),
            after: after.to_owned(),
        })
    }

    /// Writes the file with the new table.
    ///
    /// # Errors
    ///
    /// If the file cannot be written; the text names it.
    pub fn write(&self, table: &str) -> Result<(), String> {
        fs::write(&self.path, self.with(table)).map_err(|e| format!("{}: {e}", self.path.display()))
    }

    fn with(&self, text: &str) -> String {
        let Self {
            table,
            before,
            after,
            ..
        } = self;
        let (begin, end) = table.marks();
        format!("{before}{begin}{text}{end}{after}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLES: [Table; 2] = [Table::Costs, Table::Behaviour];

    #[test]
    fn only_the_text_between_the_marks_changes() {
        for table in TABLES {
            let (begin, end) = table.marks();
            let text = format!("before\n{begin}old\n{end}after\n");
            let document = Document::parse(Path::new("page"), table, &text).unwrap();
            assert_eq!(document.with("new\n"), text.replace("old", "new"));
            assert!(Document::parse(Path::new("page"), table, "before\nafter\n").is_none());
        }
    }

    #[test]
    fn the_page_of_comparisons_has_the_marks() {
        let page = include_str!("../../../COMPARE.md");
        for table in TABLES {
            assert!(Document::parse(Path::new("COMPARE.md"), table, page).is_some());
        }
    }
}
