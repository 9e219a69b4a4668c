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

fn write(text: &mut String, report: &PeerReport) -> std::fmt::Result {
    let versions = Peer::ALL.into_iter().filter(|peer| {
        !matches!(peer, Peer::TowerAndRecloser) && report.versions.contains_key(peer.name())
    });
    let versions: Vec<_> = versions
        .map(|peer| format!("{} {}", peer.name(), report.versions[peer.name()]))
        .collect();
    writeln!(
        text,
        "Measured on {}, {}. {}.\n\n\
         A cell has instructions / bus-locked instructions / allocations for a request, net of its floor, and in \
         parentheses the time on one thread and on two that share the object, in units of one uncontended `fetch_add`. \
         The ratio is our time divided by the best peer's: below 1 we are ahead. Times of two threads vary most.\n",
        report.date,
        report.compiler,
        versions.join(", "),
    )?;
    writeln!(
        text,
        "| row | {SHARED} | {FIXED} | best peer | ratio, {SHARED} | ratio, {FIXED} | ahead |\n|---|---|---|---|--:|--:|---|"
    )?;
    for (index, line) in report.lines.iter().enumerate() {
        let best = line.best_peer.as_deref();
        let ratio = |column| line.ratios.get(column).map_or(NOTHING.to_owned(), ratio);
        writeln!(
            text,
            "| {}{} | {} | {} | {} | {} | {} | {} |",
            line.name,
            note(report, index),
            cell(line.entry(SHARED)),
            cell(line.entry(FIXED)),
            best.map_or(NOTHING.to_owned(), |best| {
                format!("{best}: {}", cell(line.entry(best)))
            }),
            ratio(SHARED),
            ratio(FIXED),
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
    for (index, line) in report.lines.iter().enumerate() {
        let cells: Vec<_> = columns.iter().map(|peer| cell(line.entry(peer))).collect();
        writeln!(
            text,
            "| {}{} | {} |",
            line.name,
            note(report, index),
            cells.join(" | ")
        )?;
    }
    writeln!(text)?;
    for (index, line) in report.lines.iter().enumerate() {
        if let Some(said) = &line.note {
            writeln!(text, "{}. {said}.", noted(report, index))?;
        }
    }
    Ok(())
}

/// The mark of a line's note.
fn note(report: &PeerReport, index: usize) -> String {
    match report.lines[index].note {
        Some(_) => format!(" ({})", noted(report, index)),
        None => String::new(),
    }
}

/// The number of a line's note.
fn noted(report: &PeerReport, index: usize) -> usize {
    let lines = report.lines.iter().take(index + 1);
    lines.filter(|line| line.note.is_some()).count()
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

fn ratio(ratio: &Ratio) -> String {
    let two = ratio
        .two_threads
        .map_or(NOTHING.to_owned(), |two| format!("{two:.2}"));
    format!("{:.2}, {two}", ratio.one_thread)
}

/// Who is ahead on one thread and on two.
fn ahead(line: &Line) -> String {
    let (Some(best), Some(shared)) = (&line.best_peer, line.ratios.get(SHARED)) else {
        return NOTHING.to_owned();
    };
    let by = |ratio: f64| {
        if ratio > 1.0 + LEVEL {
            format!("**{best}**")
        } else if ratio < 1.0 - LEVEL {
            "ours".to_owned()
        } else {
            "level".to_owned()
        }
    };
    let one = by(shared.one_thread);
    let two = shared.two_threads.map_or(one.clone(), by);
    if one == two {
        one
    } else {
        format!("{one}; on two threads {two}")
    }
}
