//! The summary: a table of figures, and below it what held runs back in each phase.

use std::collections::BTreeMap;
use std::time::Duration;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use super::tally::Tally;
use super::wrap::wrap;

/// The columns of the table.
const COLUMNS: [&str; 9] = [
    "phase", "requests", "ok", "queued", "rejected", "failed", "retries", "median", "95th",
];
/// The column at which the details of a phase begin.
const DETAILS: usize = 15;

/// The summary of all phases, at most 80 columns wide.
pub(super) fn summary(phases: &[Tally]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(COLUMNS);
    for tally in phases {
        table.add_row([
            tally.name.to_owned(),
            tally.requests.to_string(),
            tally.ok.to_string(),
            sum(&tally.queued).to_string(),
            sum(&tally.rejected).to_string(),
            sum(&tally.failed).to_string(),
            tally.retries.to_string(),
            millis(tally.quantile(50)),
            millis(tally.quantile(95)),
        ]);
    }
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 1));
        if at > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut summary = table.trim_fmt();
    summary.push_str(
        "\n\nmedian, 95th: half and 95 % of the responses came within this many ms of the\n\
         moment at which their requests were due. retries: of all stacks together.\n",
    );
    for tally in phases {
        summary.push_str(&details(tally));
    }
    summary
}

/// What held runs back in a phase; nothing if nothing did.
fn details(tally: &Tally) -> String {
    let skipped = match tally.skipped {
        0 => String::new(),
        skipped => format!("{skipped}, because too many were unanswered"),
    };
    let lines = [
        ("queued by", list(&tally.queued)),
        ("rejected by", list(&tally.rejected)),
        ("failed with", list(&tally.failed)),
        ("not sent", skipped),
        ("transitions", transitions(&tally.transitions)),
    ];
    let lines: String = lines
        .iter()
        .filter(|(_, what)| !what.is_empty())
        .map(|(name, what)| wrap(&format!("  {name:<13}{what}"), DETAILS) + "\n")
        .collect();
    match lines.as_str() {
        "" => String::new(),
        lines => format!("\n{}\n{lines}", tally.name),
    }
}

fn sum(counts: &BTreeMap<String, u32>) -> u32 {
    counts.values().sum()
}

fn list(counts: &BTreeMap<String, u32>) -> String {
    let parts = counts.iter().map(|(what, count)| format!("{what} {count}"));
    parts.collect::<Vec<_>>().join(", ")
}

/// Each transition once with its count, in the order of first occurrence.
fn transitions(all: &[String]) -> String {
    let mut seen: Vec<(&str, u32)> = Vec::new();
    for transition in all {
        match seen.iter_mut().find(|(name, _)| name == transition) {
            Some((_, count)) => *count += 1,
            None => seen.push((transition, 1)),
        }
    }
    let parts = seen.iter().map(|(what, count)| format!("{what} ×{count}"));
    parts.collect::<Vec<_>>().join(", ")
}

fn millis(took: Option<Duration>) -> String {
    took.map_or_else(String::new, |took| {
        format!("{:.1}", took.as_secs_f64() * 1e3)
    })
}

#[cfg(test)]
mod tests {
    use super::super::acts::{Act, WARM_UP};
    use super::super::wrap::WIDTH;
    use super::*;

    #[test]
    fn the_summary_fits_a_terminal_of_80_columns() {
        let counts = |parts: &[&str]| {
            parts
                .iter()
                .map(|part| ((*part).to_owned(), 12_345))
                .collect()
        };
        let names = Act::ALL.map(|act| [act.name(), act.healed()]);
        let names = names.iter().flatten().copied().chain([WARM_UP]);
        let phases: Vec<_> = names
            .map(|name| Tally {
                name,
                requests: 99_999,
                ok: 99_999,
                queued: counts(&["dispatch breaker", "dispatch bulkhead", "dispatch timeout"]),
                rejected: counts(&["gate", "store-write breaker", "store-write timeout"]),
                failed: counts(&["store_unavailable"]),
                skipped: 10_000,
                retries: 99_999,
                transitions: [
                    "dispatch open",
                    "dispatch half-open",
                    "store-write closed",
                    "gate open",
                ]
                .map(str::to_owned)
                .into(),
                took: vec![Duration::from_secs(10); 2],
                ..Tally::default()
            })
            .collect();
        let summary = summary(&phases);
        for line in summary.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}\n{summary}");
        }
        for name in COLUMNS {
            assert!(summary.lines().next().unwrap().contains(name), "{summary}");
        }
        assert!(summary.contains("10000.0"), "{summary}");
    }

    #[test]
    fn a_phase_without_events_has_no_details() {
        let quiet = Tally {
            name: WARM_UP,
            ..Tally::default()
        };
        assert_eq!(summary(&[quiet]).matches(WARM_UP).count(), 1);
    }
}
