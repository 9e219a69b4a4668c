//! A document of the repository, and what holds for each of them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{document::Document, links};

pub(crate) struct Page {
    /// From the root of the repository on.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) document: Document,
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR"));
    examples.parent().expect("the package is in the workspace")
}

// === impl Page ===

impl Page {
    pub(crate) fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            path: path.into(),
            document: Document::new(&text),
            text,
        }
    }

    pub(crate) fn read(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let text = fs::read_to_string(root().join(&path)).expect("the document can be read");
        Self::new(path, text)
    }

    pub(crate) fn problem(&self, line: usize, problem: impl std::fmt::Display) -> String {
        format!("{}:{line}: {problem}", self.path.display())
    }

    /// What a reader on GitHub would find wrong.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (line, text) in &self.document.unresolved {
            problems.push(self.problem(*line, format!("`{text}` links to nothing")));
        }
        for (line, link) in &self.document.links {
            if let Err(problem) = links::check(self, link) {
                problems.push(self.problem(*line, format!("{link}: {problem}")));
            }
        }
        for block in &self.document.blocks {
            if block.info.is_empty() {
                problems.push(self.problem(block.line, "a block of code without a language"));
            }
            let hidden = |line: &&str| line.trim() == "#" || line.trim_start().starts_with("# ");
            if block.is("rust") && block.text.lines().any(|line| hidden(&line)) {
                problems.push(self.problem(block.line, "a line that only rustdoc hides"));
            }
        }
        problems
    }
}
