//! Writes the current figures to the baseline and to the README's table.

use std::{
    fs,
    path::{Path, PathBuf},
};

use maestro_benches::Marks;

use crate::{figures::Report, table};

/// A baseline, and the marks around its figures in the README.
struct Part {
    file: &'static str,
    marks: Marks,
}

const FIGURES: Part = Part {
    file: "baseline.json",
    marks: Marks::new(
        "<!-- figures: written by --renew -->\n",
        "<!-- end of the figures -->\n",
    ),
};

const METRICS: Part = Part {
    file: "baseline-metrics.json",
    marks: Marks::new(
        "<!-- figures with metrics: written by --renew -->\n",
        "<!-- end of the figures with metrics -->\n",
    ),
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
        let is_in = |part: Part| part.marks.put(&readme, "").is_some();
        if !is_in(FIGURES) || !is_in(METRICS) {
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

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

/// The README with the tables of two baselines. `None` if a mark is missing.
fn with_tables(readme: &str, figures: &Report, metrics: &Report) -> Option<String> {
    let readme = FIGURES.marks.put(readme, &table::markdown(figures))?;
    METRICS
        .marks
        .put(&readme, &table::metrics(metrics, figures))
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
}
