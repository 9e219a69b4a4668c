use std::fmt::Write;

use crate::figures::{Counts, Figures, Report};

pub(crate) const NOTHING: &str = "–";

/// The figures as a Markdown table.
pub(crate) fn markdown(report: &Report) -> String {
    let mut text = format!(
        "Per request, net of the floor named (floors themselves: as they are). Compiler: {}.\n\n\
         | row | floor | instructions | bus-locked | allocations | × floor | target | met | service, bytes | future, bytes |\n\
         |---|---|--:|--:|--:|--:|--:|---|--:|--:|\n",
        report.compiler
    );
    for row in &report.rows {
        line(&mut text, row).expect("writing to a string cannot fail");
    }
    text
}

/// The figures with metrics beside those without.
pub(crate) fn metrics(with: &Report, without: &Report) -> String {
    let mut text = format!(
        "As above, with metrics; \"added\" is the difference to the table above. Compiler: {}.\n\n\
         | row | instructions | added | bus-locked | added | allocations |\n|---|--:|--:|--:|--:|--:|\n",
        with.compiler
    );
    for row in with.rows.iter().filter(|row| row.floor.is_some()) {
        let counts = row.counts();
        let before = without.row(&row.name).and_then(Figures::counts);
        let of = |read: fn(Counts) -> f64| {
            let figure = counts.map_or(NOTHING.to_owned(), |counts| number(read(counts)));
            let added = counts
                .zip(before)
                .map_or(NOTHING.to_owned(), |(counts, before)| {
                    let added = read(counts) - read(before);
                    let sign = if added < -0.005 { "−" } else { "+" };
                    format!("{sign}{}", number(added.abs()))
                });
            format!("{figure} | {added}")
        };
        writeln!(
            text,
            "| {} | {} | {} | {} |",
            row.name,
            of(|counts| counts.instructions),
            of(|counts| counts.bus_locked),
            number(row.allocations),
        )
        .expect("writing to a string cannot fail");
    }
    text
}

fn line(text: &mut String, row: &Figures) -> std::fmt::Result {
    let floor = row.floor.as_deref().map_or(NOTHING, |floor| {
        floor.strip_prefix("floor, ").unwrap_or(floor)
    });
    let of = |read: fn(Counts) -> f64| {
        row.counts()
            .map_or(NOTHING.to_owned(), |counts| number(read(counts)))
    };
    let target = row.target.map_or(NOTHING.to_owned(), |target| {
        format!(
            "{} / {} / 0",
            number(target.instructions),
            number(target.bus_locked)
        )
    });
    let met = match row.met {
        None => NOTHING,
        Some(true) => "yes",
        Some(false) => "**no**",
    };
    let bytes = |bytes: Option<usize>| bytes.map_or(NOTHING.to_owned(), |bytes| bytes.to_string());
    writeln!(
        text,
        "| {} | {floor} | {} | {} | {} | {} | {target} | {met} | {} | {} |",
        row.name,
        of(|counts| counts.instructions),
        of(|counts| counts.bus_locked),
        number(row.allocations),
        row.ratio
            .map_or(NOTHING.to_owned(), |ratio| format!("{ratio:.1}")),
        bytes(row.service_bytes),
        bytes(row.future_bytes),
    )
}

/// A number without decimals if it is whole.
pub(crate) fn number(figure: f64) -> String {
    if (figure - figure.round()).abs() < 0.005 {
        format!("{:.0}", figure.abs())
    } else {
        format!("{figure:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_count_has_no_decimals() {
        assert_eq!(
            [number(4.0), number(1.06), number(-0.001)],
            ["4", "1.06", "0"]
        );
    }
}
