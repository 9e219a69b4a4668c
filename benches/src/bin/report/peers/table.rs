use std::fmt::Write;

use maestro_benches::peers::Peer;

use super::figures::{Entry, FIXED, Line, PeerReport, Ratio, SHARED};
use crate::table::{NOTHING, number};

/// A difference in time that is not more than noise.
const LEVEL: f64 = 0.05;

/// Two tables: ours beside the best peer, and every column.
pub(super) fn markdown(report: &PeerReport) -> String {
    let mut text = String::new();
    write(&mut text, report).expect("writing to a string cannot fail");
    text
}

const LEGEND: &str = "\
A cell has instructions / bus-locked instructions / allocations for a request, net of its floor, and in parentheses the \
time on one thread and on two that share the object, in units of one uncontended `fetch_add`.\n\n\
Times are medians of 61 rounds of a millisecond, in which all rows of a comparison take turns. The best peer is the \
fastest one, chosen for one thread and for two. The ratio is our time divided by its time on as many threads: below 1 we \
are ahead; from 0.95 to 1.05 is level. The ratio of instructions is to the best peer on one thread. A figure that is not \
above its floor has no ratio. A row may be ahead in time and execute more instructions, so compare those as well. Another run may change a ratio near 1, \
most of all on two threads.";

fn write(text: &mut String, report: &PeerReport) -> std::fmt::Result {
    writeln!(
        text,
        "Measured on {}, {}{}. {}.\n\n{LEGEND}\n",
        report.date,
        report.compiler,
        if report.metrics { ", with metrics" } else { "" },
        versions(report),
    )?;
    let notes = notes(report);
    writeln!(
        text,
        "| row | {SHARED} | {FIXED} | best peer | ratio, {SHARED}, on one thread, on two | ratio, {FIXED} | ratio of \
         instructions, {SHARED} | {FIXED} | ahead in time |\n|---|---|---|---|--:|--:|--:|--:|---|"
    )?;
    for line in &report.lines {
        let of = |column, show: fn(&Ratio) -> String| {
            line.ratios.get(column).map_or(NOTHING.to_owned(), show)
        };
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            title(line, &notes),
            cell(line.entry(SHARED)),
            cell(line.entry(FIXED)),
            best(line),
            of(SHARED, times),
            of(FIXED, times),
            of(SHARED, instructions),
            of(FIXED, instructions),
            ahead(line),
        )?;
    }
    let columns: Vec<_> = Peer::ALL.into_iter().map(Peer::name).collect();
    writeln!(
        text,
        "\n| row | {} |\n|---|{}",
        columns.join(" | "),
        "---|".repeat(columns.len())
    )?;
    for line in &report.lines {
        let cells: Vec<_> = columns.iter().map(|peer| cell(line.entry(peer))).collect();
        writeln!(text, "| {} | {} |", title(line, &notes), cells.join(" | "))?;
    }
    writeln!(text)?;
    for (index, said) in notes.iter().enumerate() {
        writeln!(text, "{}. {said}.", index + 1)?;
    }
    Ok(())
}

/// The crates with their versions.
fn versions(report: &PeerReport) -> String {
    let crates = Peer::ALL.into_iter().filter(|peer| {
        !matches!(peer, Peer::TowerAndRecloser) && report.versions.contains_key(peer.name())
    });
    let versions: Vec<_> = crates
        .map(|peer| format!("{} {}", peer.library(), report.versions[peer.name()]))
        .collect();
    versions.join(", ")
}

/// Every note once, in the order in which the lines name them.
fn notes(report: &PeerReport) -> Vec<&'static str> {
    let mut notes = Vec::new();
    for note in report.lines.iter().flat_map(|line| &line.notes) {
        if !notes.contains(note) {
            notes.push(*note);
        }
    }
    notes
}

/// The name of a line, with the numbers of its notes.
fn title(line: &Line, notes: &[&str]) -> String {
    let numbers: Vec<_> = (notes.iter().enumerate())
        .filter(|(_, note)| line.notes.contains(note))
        .map(|(index, _)| (index + 1).to_string())
        .collect();
    if numbers.is_empty() {
        line.name.clone()
    } else {
        format!("{} ({})", line.name, numbers.join(", "))
    }
}

fn cell(entry: Option<&Entry>) -> String {
    let Some(entry) = entry else {
        return NOTHING.to_owned();
    };
    let counts = entry.net.map_or(format!("{NOTHING} / {NOTHING}"), |net| {
        format!("{} / {}", whole(net.instructions), number(net.bus_locked))
    });
    format!(
        "{counts} / {} ({:.1}, {})",
        number(entry.allocations),
        entry.u,
        entry
            .u_of_two
            .map_or(NOTHING.to_owned(), |u| format!("{u:.1}")),
    )
}

fn whole(figure: f64) -> String {
    format!("{figure:.0}")
}

/// The best peer, and that of two threads if it is another.
fn best(line: &Line) -> String {
    let of = |best: &String| format!("{best}: {}", cell(line.entry(best)));
    match (&line.best_on_one, &line.best_on_two) {
        (None, _) => NOTHING.to_owned(),
        (Some(one), Some(two)) if one != two => format!("{}; on two threads {}", of(one), of(two)),
        (Some(one), _) => of(one),
    }
}

fn times(ratio: &Ratio) -> String {
    format!(
        "{}, {}",
        decimals(ratio.one_thread),
        decimals(ratio.two_threads)
    )
}

fn instructions(ratio: &Ratio) -> String {
    decimals(ratio.instructions)
}

fn decimals(ratio: Option<f64>) -> String {
    ratio.map_or(NOTHING.to_owned(), |ratio| format!("{ratio:.2}"))
}

/// Who is ahead in time on one thread and on two.
fn ahead(line: &Line) -> String {
    let by = |best: &Option<String>, ratio: fn(&Ratio) -> Option<f64>| {
        let ratio = ratio(line.ratios.get(SHARED)?)?;
        Some(if ratio > 1.0 + LEVEL {
            format!("**{}**", best.as_ref()?)
        } else if ratio < 1.0 - LEVEL {
            "ours".to_owned()
        } else {
            "level".to_owned()
        })
    };
    let one = by(&line.best_on_one, |ratio| ratio.one_thread);
    let two = by(&line.best_on_two, |ratio| ratio.two_threads);
    let said = one.as_deref().unwrap_or(NOTHING);
    match two {
        Some(two) if two != said => format!("{said}; on two threads {two}"),
        _ => said.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use maestro_benches::peers::comparisons;

    use super::*;

    const PAGE: &str = include_str!("../../../../../COMPARE.md");

    #[test]
    fn the_page_has_the_versions_of_all_peers() {
        for peer in Peer::ALL
            .into_iter()
            .filter(|peer| *peer != Peer::TowerAndRecloser)
        {
            let version = format!(" {} {}", peer.library(), peer.version());
            let ends = [", ", ".\n"].map(|end| format!("{version}{end}"));
            assert!(
                ends.iter().any(|version| PAGE.contains(version)),
                "COMPARE.md is older than{version}: renew its table"
            );
        }
    }

    #[test]
    fn the_page_has_the_rows_of_all_comparisons() {
        let titles = PAGE.lines().filter_map(|line| {
            let (title, _) = line.strip_prefix("| ")?.split_once(" |")?;
            Some(title.split_once(" (").map_or(title, |(name, _)| name))
        });
        let titles: Vec<_> = titles.collect();
        for comparison in comparisons() {
            let rows = titles.iter().filter(|title| **title == comparison.name);
            assert_eq!(
                rows.count(),
                2,
                "COMPARE.md has no rows `{}`: renew its tables",
                comparison.name
            );
        }
    }

    #[test]
    fn the_page_explains_each_row_where_a_peer_is_ahead() {
        let (table, reasons) = PAGE
            .split_once("\n### Where another crate is ahead, and why\n")
            .unwrap();
        // A title may be broken into two lines.
        let reasons = reasons.replace("\n  ", " ");
        let behind = table.lines().filter_map(|line| {
            let (row, who) = line
                .strip_prefix("| ")?
                .trim_end_matches(" |")
                .rsplit_once("| ")?;
            let (title, _) = row.split_once(" |")?;
            let title = title.split_once(" (").map_or(title, |(name, _)| name);
            let compared = comparisons().iter().any(|row| row.name == title);
            (compared && who.contains("**")).then_some(title)
        });
        let behind: Vec<_> = behind.collect();
        assert!(!behind.is_empty(), "the table is read");
        for title in behind {
            assert!(
                reasons.contains(&format!("**{title}**")),
                "COMPARE.md does not say why a peer is ahead in `{title}`"
            );
        }
    }
}
