use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::Marks;

/// A table that a command writes into a Markdown file.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Table {
    /// What the same work costs.
    Costs,
    /// Which peers have which defect.
    Behaviour,
}

/// A Markdown file that has the marks of a table.
#[derive(Debug)]
pub struct Document {
    path: PathBuf,
    text: String,
    marks: Marks,
}

// === impl Table ===

impl Table {
    const fn marks(self) -> Marks {
        match self {
            Self::Costs => Marks::new(
                "<!-- peers: written by report --peers --renew -->\n",
                "<!-- end of the peers -->\n",
            ),
            Self::Behaviour => Marks::new(
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
        let document = Self {
            path: path.to_owned(),
            text,
            marks: table.marks(),
        };
        document.with("").map(|_| document)
    }

    /// Writes the file with the new table.
    ///
    /// # Errors
    ///
    /// If the file cannot be written; the text names it.
    pub fn write(&self, table: &str) -> Result<(), String> {
        let text = self.with(table)?;
        fs::write(&self.path, text).map_err(|e| format!("{}: {e}", self.path.display()))
    }

    fn with(&self, table: &str) -> Result<String, String> {
        self.marks.put(&self.text, table).ok_or_else(|| {
            let [begin, end] = self.marks.lines();
            format!(
                "{}: the table belongs between the lines `{begin}` and `{end}`, which are not there",
                self.path.display(),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_with_the_marks_of_a_table_is_read() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for table in [Table::Costs, Table::Behaviour] {
            assert!(Document::read(&root.join("../COMPARE.md"), table).is_ok());
            let refused = Document::read(&root.join("README.md"), table).unwrap_err();
            assert!(refused.contains("README.md"), "{refused}");
        }
    }
}
