//! `report --peers`: what the same work costs in other crates.

mod figures;
mod table;
mod timing;

use std::{
    collections::{BTreeSet, HashMap},
    fs,
};

use figures::{Entry, Line, PeerReport};
use maestro_benches::{
    Row, Subject, WATCHED,
    peers::{self, Comparison, Document, Peer, Table},
};

use crate::{arguments::Arguments, callgrind, every_row, figures::Counts, measure};

pub(crate) fn report(arguments: &Arguments) -> Result<(), String> {
    if WATCHED && arguments.renew.is_some() {
        return Err(
            "COMPARE.md has the figures without metrics: build without the feature `metrics`, or leave --renew away".into(),
        );
    }
    if arguments.instructions {
        callgrind::present()?;
    }
    // Read first, so that a mistyped path fails before the measurement.
    let document = arguments.renew.as_deref();
    let document = document.map(|path| Document::read(path, Table::Costs));
    let document = document.transpose()?;
    let report = measure(arguments)?;
    let text = table::markdown(&report);
    println!("{text}");
    if let Some(path) = &arguments.json {
        fs::write(path, report.to_json()).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    document.map_or(Ok(()), |document| document.write(&text))
}

fn measure(arguments: &Arguments) -> Result<PeerReport, String> {
    let all = every_row();
    let all: HashMap<_, _> = all.iter().map(|row| (row.name, row)).collect();
    let comparisons = chosen(arguments.only.as_deref())?;
    let counts = if arguments.instructions {
        let names: BTreeSet<_> = (comparisons.iter().flat_map(subjects))
            .flat_map(|(name, _)| [Some(name), all[name].floor])
            .flatten()
            .collect();
        measure::count(&names.into_iter().collect::<Vec<_>>())?
    } else {
        HashMap::new()
    };
    let lines = comparisons.iter().map(|comparison| {
        let subjects = subjects(comparison);
        let rows: Vec<_> = subjects.iter().map(|(name, _)| all[name]).collect();
        let alone = comparison.alone.iter().map(|peer| peer.name());
        let alone: Vec<_> = (subjects.iter())
            .filter(|(_, subject)| alone.clone().any(|name| name == *subject))
            .map(|(name, _)| *name)
            .collect();
        let times = timing::times(&rows, &alone, &all);
        let entries = subjects.iter().zip(times).map(|(&(name, subject), times)| {
            let row = all[name];
            entry(row, subject, &counts, times)
        });
        Line::new(comparison, entries.collect())
    });
    Ok(PeerReport {
        compiler: env!("MAESTRO_COMPILER").to_owned(),
        metrics: WATCHED,
        date: figures::today(),
        versions: Peer::ALL
            .map(|peer| (peer.name().to_owned(), peer.version()))
            .into(),
        lines: lines.collect(),
    })
}

fn entry(
    row: &Row,
    subject: &'static str,
    counts: &HashMap<&'static str, Counts>,
    times: timing::Times,
) -> Entry {
    let of = |name: &str| counts.get(name).copied();
    let net = of(row.name).zip(row.floor.and_then(of));
    Entry {
        subject: subject.to_owned(),
        row: row.name.to_owned(),
        net: net.map(|(gross, floor)| gross - floor),
        allocations: measure::allocations(row),
        u: times.one,
        u_of_two: times.two,
    }
}

/// The names of the rows of a comparison, ours first, with those of their columns.
fn subjects(comparison: &Comparison) -> Vec<(&'static str, &'static str)> {
    let ours = [
        Some((comparison.shared, figures::SHARED)),
        comparison.fixed.map(|name| (name, figures::FIXED)),
    ];
    let peers = comparison.peers.iter().map(|row| {
        let Subject::Peer(peer) = row.subject else {
            unreachable!("a comparison gives each of its rows a peer")
        };
        (row.name, peer.name())
    });
    ours.into_iter().flatten().chain(peers).collect()
}

/// The comparisons with `only` in their name, or in that of one of their rows.
fn chosen(only: Option<&str>) -> Result<Vec<Comparison>, String> {
    let mut all = peers::comparisons();
    if let Some(only) = only {
        all.retain(|row| {
            row.name.contains(only) || subjects(row).iter().any(|(name, _)| name.contains(only))
        });
        if all.is_empty() {
            return Err(format!("no comparison has `{only}` in its name"));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_with_metrics_are_not_written_to_the_page() {
        let line = ["--peers", "--renew", "no such file"];
        let arguments = Arguments::parse(line.map(str::to_owned)).unwrap();
        let refused = report(&arguments).unwrap_err();
        assert_eq!(refused.contains("metrics"), WATCHED, "{refused}");
    }
}
