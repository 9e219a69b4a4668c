//! Writes the current figures to the baseline and to the README's table.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{figures::Report, table};

/// The marks around the figures in the README.
const BEGIN: &str = "<!-- figures: written by --renew -->\n";
const END: &str = "<!-- end of the figures -->\n";

pub(crate) struct Renewal {
    directory: PathBuf,
    readme: Readme,
}

/// The README's text before and after the figures, marks included.
#[derive(Debug)]
struct Readme {
    before: String,
    after: String,
}

// === impl Renewal ===

impl Renewal {
    /// Reads the README into which the figures are written.
    pub(crate) fn read(directory: &Path) -> Result<Self, String> {
        let path = directory.join("README.md");
        let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Self {
            directory: directory.to_owned(),
            readme: Readme::parse(&text)
                .ok_or_else(|| format!("{}: the marks of the figures are gone", path.display()))?,
        })
    }

    pub(crate) fn write(&self, report: &Report) -> Result<(), String> {
        for (name, text) in [
            ("README.md", self.readme.with(report)),
            ("baseline.json", report.to_json()),
        ] {
            let path = self.directory.join(name);
            fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))?;
        }
        Ok(())
    }
}

// === impl Readme ===

impl Readme {
    fn parse(text: &str) -> Option<Self> {
        let (before, rest) = text.split_once(BEGIN)?;
        let (_, after) = rest.split_once(END)?;
        Some(Self {
            before: format!("{before}{BEGIN}"),
            after: format!("{END}{after}"),
        })
    }

    fn with(&self, report: &Report) -> String {
        let Self { before, after } = self;
        format!("{before}{}{after}", table::markdown(report))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_shows_the_baseline() {
        let baseline = Report::parse(include_str!("../../../baseline.json")).unwrap();
        let text = include_str!("../../../README.md");
        assert!(
            Readme::parse(text).unwrap().with(&baseline) == text,
            "the README and baseline.json are of two runs: renew both with --renew benches"
        );
    }

    #[test]
    fn a_readme_without_marks_is_not_written() {
        assert!(Readme::parse("figures").is_none());
        assert!(Readme::parse(BEGIN).is_none());
    }
}
