//! Compares the figures with the baseline.

use std::{
    fs,
    path::{Path, PathBuf},
};

use maestro_benches::WATCHED;

use crate::figures::{Figures, Report};

/// The figures of an earlier run.
pub(crate) struct Baseline {
    path: PathBuf,
    report: Report,
}

/// Instructions may grow by a tenth, because the compiler changes the layout of code when something near it changes.
const MORE: f64 = 1.10;

/// They may grow by two if a tenth is less.
const ANYWAY: f64 = 2.0;

/// The differences from the baseline.
#[derive(Debug, Default, PartialEq)]
struct Comparison {
    /// Differences that fail the check.
    differences: Vec<String>,
    /// What was not compared, and what became cheaper.
    notes: Vec<String>,
}

// === impl Baseline ===

impl Baseline {
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let say = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
        let text = fs::read_to_string(path).map_err(|e| say(&e))?;
        let report = Report::parse(&text).map_err(|e| say(&e))?;
        comparable(&report, env!("MAESTRO_COMPILER")).map_err(|e| say(&e))?;
        Ok(Self {
            path: path.to_owned(),
            report,
        })
    }

    /// Whether `now` is within the bounds. Prints the differences and the remedy.
    pub(crate) fn holds(&self, now: &Report) -> bool {
        let Comparison { differences, notes } = compare(&self.report, now);
        let path = self.path.display();
        let features = if now.metrics {
            " --features metrics"
        } else {
            ""
        };
        for note in notes {
            eprintln!("note: {note}");
        }
        for difference in &differences {
            eprintln!("CHANGED  {difference}");
        }
        if differences.is_empty() {
            eprintln!("every figure is within its bounds of {path}");
        } else {
            eprintln!(
                "{} figures differ from {path}. If they should, renew them with\n  \
                 cargo run --profile bench -p maestro-benches{features} --bin report -- --renew benches",
                differences.len(),
            );
        }
        differences.is_empty()
    }
}

/// Refuses a baseline of other features or of another platform than those of this program, which `compiler` has built.
fn comparable(baseline: &Report, compiler: &str) -> Result<(), String> {
    if baseline.metrics != WATCHED {
        let with = |metrics| if metrics { "with" } else { "without" };
        return Err(format!(
            "it was measured {} metrics and this program is built {} them: see --features metrics",
            with(baseline.metrics),
            with(WATCHED),
        ));
    }
    let (theirs, ours) = (platform(&baseline.compiler), platform(compiler));
    if theirs != ours {
        return Err(format!(
            "it was measured on {theirs} and this program is built for {ours}, where a call has other instructions, \
             bus-locked instructions and bytes: compare on {theirs}, or with a baseline of {ours}, which --json FILE \
             writes",
        ));
    }
    Ok(())
}

/// The platform that a compiler has built for, which stands after its version.
fn platform(compiler: &str) -> &str {
    compiler.rsplit(", ").next().unwrap_or(compiler)
}

/// Compares instructions within a tenth and only if the compiler is the same, because they change by more than a tenth
/// between releases. Bus-locked instructions, allocations and sizes do not, and are always compared exactly.
fn compare(baseline: &Report, now: &Report) -> Comparison {
    let mut comparison = Comparison::default();
    let same_compiler = baseline.compiler == now.compiler;
    if !same_compiler {
        comparison.notes.push(format!(
            "the baseline is of `{}`, this run of `{}`: instructions are not compared, all else is",
            baseline.compiler, now.compiler
        ));
    }
    for row in &now.rows {
        match baseline.row(&row.name) {
            Some(before) => comparison.row(before, row, same_compiler),
            None => comparison
                .differences
                .push(format!("{}: not in the baseline", row.name)),
        }
    }
    for gone in baseline
        .rows
        .iter()
        .filter(|before| now.row(&before.name).is_none())
    {
        comparison.differences.push(format!(
            "{}: in the baseline, and no longer measured",
            gone.name
        ));
    }
    comparison
}

impl Comparison {
    fn row(&mut self, before: &Figures, now: &Figures, same_compiler: bool) {
        self.exact(
            now,
            "allocations",
            Some(before.allocations),
            Some(now.allocations),
        );
        self.exact(
            now,
            "bytes of the service",
            before.service_bytes,
            now.service_bytes,
        );
        self.exact(
            now,
            "bytes of the future",
            before.future_bytes,
            now.future_bytes,
        );
        let (Some(was), Some(is)) = (before.counts(), now.counts()) else {
            return;
        };
        self.exact(
            now,
            "bus-locked instructions",
            Some(was.bus_locked),
            Some(is.bus_locked),
        );
        if !same_compiler {
            return;
        }
        let (was, is) = (was.instructions, is.instructions);
        let change = format!("{}: {is} instructions, {was} in the baseline", now.name);
        if is > (was * MORE).max(was + ANYWAY) {
            self.differences.push(change);
        } else if was > (is * MORE).max(is + ANYWAY) {
            self.notes.push(format!(
                "{change}: better; renew the baseline, to keep it so"
            ));
        }
    }

    fn exact<T: PartialEq + std::fmt::Display>(
        &mut self,
        row: &Figures,
        what: &str,
        was: Option<T>,
        is: Option<T>,
    ) {
        if was == is {
            return;
        }
        let say = |value: Option<T>| value.map_or("none".to_owned(), |value| value.to_string());
        self.differences.push(format!(
            "{}: {} {what}, {} in the baseline",
            row.name,
            say(is),
            say(was)
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Counts;

    fn report(compiler: &str, rows: &[(&str, f64, f64, f64)]) -> Report {
        Report {
            compiler: compiler.into(),
            metrics: false,
            rows: rows
                .iter()
                .map(|&(name, instructions, bus_locked, allocations)| Figures {
                    name: name.into(),
                    subject: "ours".into(),
                    floor: None,
                    gross: None,
                    net: Some(Counts::new(instructions, bus_locked)),
                    ratio: None,
                    allocations,
                    service_bytes: Some(64),
                    future_bytes: Some(96),
                    target: None,
                    met: None,
                })
                .collect(),
        }
    }

    #[test]
    fn the_same_figures_pass() {
        let figures = report("rustc", &[("a", 50.0, 2.0, 0.0)]);
        assert_eq!(compare(&figures, &figures), Comparison::default());
    }

    #[test]
    fn instructions_may_grow_by_a_tenth_or_by_two() {
        let baseline = report("rustc", &[("a", 50.0, 2.0, 0.0), ("b", 3.0, 0.0, 0.0)]);
        let within = report("rustc", &[("a", 55.0, 2.0, 0.0), ("b", 5.0, 0.0, 0.0)]);
        assert_eq!(compare(&baseline, &within).differences, [""; 0]);
        let beyond = report("rustc", &[("a", 55.2, 2.0, 0.0), ("b", 5.2, 0.0, 0.0)]);
        assert_eq!(compare(&baseline, &beyond).differences.len(), 2);
    }

    #[test]
    fn one_more_bus_locked_instruction_or_allocation_fails() {
        let baseline = report("rustc 1", &[("a", 50.0, 2.0, 0.0)]);
        for worse in [("a", 50.0, 3.0, 0.0), ("a", 50.0, 2.0, 1.0)] {
            assert_eq!(
                compare(&baseline, &report("rustc 2", &[worse]))
                    .differences
                    .len(),
                1
            );
        }
    }

    #[test]
    fn instructions_of_another_compiler_are_not_compared() {
        let comparison = compare(
            &report("rustc 1", &[("a", 50.0, 2.0, 0.0)]),
            &report("rustc 2", &[("a", 500.0, 2.0, 0.0)]),
        );
        assert_eq!(comparison.differences, [""; 0]);
        assert!(comparison.notes[0].contains("rustc 2"));
    }

    #[test]
    fn a_baseline_of_the_other_feature_is_refused() {
        let name = if WATCHED {
            "baseline.json"
        } else {
            "baseline-metrics.json"
        };
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let refused = Baseline::read(&path).err().unwrap();
        assert!(refused.contains("--features metrics"), "{refused}");
    }

    #[test]
    fn a_baseline_of_another_platform_is_refused() {
        let of = |compiler| Report {
            metrics: WATCHED,
            ..report(compiler, &[])
        };
        let (old, new) = ("rustc 1 (a), x86_64-linux", "rustc 2 (b), x86_64-linux");
        assert_eq!(comparable(&of(old), new), Ok(()));
        let refused = comparable(&of(old), "rustc 1 (a), aarch64-linux").unwrap_err();
        assert!(refused.contains("x86_64-linux"), "{refused}");
        assert!(refused.contains("aarch64-linux"), "{refused}");
    }

    #[test]
    fn an_added_or_removed_row_is_a_difference() {
        let (one, other) = (
            report("rustc", &[("a", 1.0, 0.0, 0.0)]),
            report("rustc", &[("b", 1.0, 0.0, 0.0)]),
        );
        assert_eq!(compare(&one, &other).differences.len(), 2);
    }

    #[test]
    fn a_cheaper_row_passes_with_a_note() {
        let comparison = compare(
            &report("rustc", &[("a", 50.0, 2.0, 0.0)]),
            &report("rustc", &[("a", 30.0, 2.0, 0.0)]),
        );
        assert_eq!(comparison.differences, [""; 0]);
        assert_eq!(comparison.notes.len(), 1);
    }
}
