//! Writes the current figures to the baseline and to the README's table.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{figures::Report, table};

/// A baseline, and the marks around its figures in the README.
struct Part {
    file: &'static str,
    begin: &'static str,
    end: &'static str,
}

const FIGURES: Part = Part {
    file: "baseline.json",
    begin: "<!-- figures: written by --renew -->\n",
    end: "<!-- end of the figures -->\n",
};

const METRICS: Part = Part {
    file: "baseline-metrics.json",
    begin: "<!-- figures with metrics: written by --renew -->\n",
    end: "<!-- end of the figures with metrics -->\n",
};

pub(crate) struct Renewal {
    directory: PathBuf,
    readme: String,
}

// === impl Renewal ===

impl Renewal {
    /// Reads the README into which the figures are written.
    pub(crate) fn read(directory: &Path) -> Result<Self, String> {
        let path = directory.join("README.md");
        let readme = read(&path)?;
        if FIGURES.cut(&readme).is_none() || METRICS.cut(&readme).is_none() {
            return Err(format!(
                "{}: the marks of the figures are gone",
                path.display()
            ));
        }
        Ok(Self {
            directory: directory.to_owned(),
            readme,
        })
    }

    /// Writes the baseline of `report`, and both tables, because one shows the differences to the other.
    pub(crate) fn write(&self, report: &Report) -> Result<(), String> {
        let part = if report.metrics { METRICS } else { FIGURES };
        self.put(part.file, &report.to_json())?;
        let baseline = |part: Part| {
            let path = self.directory.join(part.file);
            Report::parse(&read(&path)?).map_err(|e| format!("{}: {e}", path.display()))
        };
        let (figures, metrics) = (baseline(FIGURES)?, baseline(METRICS)?);
        let readme = with_tables(&self.readme, &figures, &metrics);
        self.put(
            "README.md",
            &readme.ok_or("the marks of the figures are gone")?,
        )
    }

    fn put(&self, name: &str, text: &str) -> Result<(), String> {
        let path = self.directory.join(name);
        fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))
    }
}

// === impl Part ===

impl Part {
    /// The text before and after the figures, marks included.
    fn cut<'a>(&self, text: &'a str) -> Option<(&'a str, &'a str)> {
        let begin = text.find(self.begin)? + self.begin.len();
        let end = begin + text[begin..].find(self.end)?;
        Some((&text[..begin], &text[end..]))
    }

    fn with(&self, text: &str, table: &str) -> Option<String> {
        let (before, after) = self.cut(text)?;
        Some(format!("{before}{table}{after}"))
    }
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

/// The README with the tables of two baselines. `None` if a mark is missing.
fn with_tables(readme: &str, figures: &Report, metrics: &Report) -> Option<String> {
    let readme = FIGURES.with(readme, &table::markdown(figures))?;
    METRICS.with(&readme, &table::metrics(metrics, figures))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_shows_the_baselines() {
        let figures = Report::parse(include_str!("../../../baseline.json")).unwrap();
        let metrics = Report::parse(include_str!("../../../baseline-metrics.json")).unwrap();
        let text = include_str!("../../../README.md");
        assert!(
            with_tables(text, &figures, &metrics).unwrap() == text,
            "the README and the baselines are of two runs: renew them with --renew benches"
        );
    }

    #[test]
    fn a_readme_without_marks_is_not_written() {
        assert_eq!(FIGURES.cut("figures"), None);
        assert_eq!(FIGURES.cut(FIGURES.begin), None);
        assert_eq!(METRICS.cut(FIGURES.begin), None);
    }
}
