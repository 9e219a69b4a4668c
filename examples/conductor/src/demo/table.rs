//! The summary table.

use std::collections::BTreeMap;
use std::time::Duration;

use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use super::tally::Tally;

/// The table, with one row for each phase.
pub(super) fn summary(phases: &[Tally]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    // Wraps cells to the width of a terminal, if there is one.
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header([
        "phase",
        "requests",
        "ok",
        "queued by",
        "rejected by",
        "failed",
        "retries",
        "p50",
        "p95",
        "transitions",
    ]);
    for tally in phases {
        table.add_row([
            tally.name.to_owned(),
            requests(tally),
            tally.ok.to_string(),
            list(&tally.queued),
            list(&tally.rejected),
            list(&tally.failed),
            tally.retries.to_string(),
            millis(tally.quantile(50)),
            millis(tally.quantile(95)),
            transitions(&tally.transitions),
        ]);
    }
    for column in [1, 2, 6, 7, 8] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    format!("{table}\nlatencies in ms, from the moment a request was due to the end of its answer")
}

fn requests(tally: &Tally) -> String {
    match tally.skipped {
        0 => tally.requests.to_string(),
        skipped => format!("{} (+{skipped} not sent)", tally.requests),
    }
}

fn list(counts: &BTreeMap<String, u32>) -> String {
    let lines: Vec<_> = counts
        .iter()
        .map(|(what, count)| format!("{what} {count}"))
        .collect();
    lines.join("\n")
}

/// Each transition once with its count, in the order of first occurrence.
fn transitions(all: &[String]) -> String {
    let mut lines: Vec<(&str, u32)> = Vec::new();
    for transition in all {
        match lines.iter_mut().find(|(seen, _)| seen == transition) {
            Some((_, count)) => *count += 1,
            None => lines.push((transition, 1)),
        }
    }
    let lines: Vec<_> = lines
        .iter()
        .map(|(what, count)| format!("{what} ×{count}"))
        .collect();
    lines.join("\n")
}

fn millis(took: Option<Duration>) -> String {
    took.map_or_else(String::new, |took| {
        format!("{:.1}", took.as_secs_f64() * 1e3)
    })
}
