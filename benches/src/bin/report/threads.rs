//! What a request costs on one and on two threads that share the objects of a row.

use std::{collections::BTreeMap, fmt::Write, time::Duration};

use maestro_benches::{Kind, Row, rows};
use tokio::time::Instant;

use crate::turns::{EMPTY, Turns, UNIT, quantile};

const ROUNDS: usize = 41;

/// No round begins after this time.
const AT_MOST: Duration = Duration::from_secs(50);

const HEAD: &str = "| row | one thread, u | two threads, u | two threads, million requests a second |\n\
                    |---|--:|--:|--:|\n";

/// A row on one and on two threads.
struct Alternating {
    one: Turns,
    two: Turns,
}

/// The main rows, or those whose name contains `only`, as a Markdown table.
///
/// Each round measures every row once, so that a slow moment of the machine is one round of all of them.
pub(crate) fn threads(only: Option<&str>) -> Result<String, String> {
    let main: Vec<_> = rows::main().iter().map(|row| row.name).collect();
    let all = rows::all();
    let asked = |row: &&Row| match only {
        Some(only) => row.kind == Kind::Row && row.name.contains(only),
        None => main.contains(&row.name),
    };
    let chosen: Vec<_> = all.iter().filter(asked).collect();
    if chosen.is_empty() {
        return Err(format!(
            "no row has `{}` in its name",
            only.unwrap_or_default()
        ));
    }
    let needed = |row: &&Row| {
        [UNIT, EMPTY].contains(&row.name)
            || chosen
                .iter()
                .any(|other| other.name == row.name || other.floor == Some(row.name))
    };
    let mut measured: BTreeMap<_, _> = (all.iter().filter(needed))
        .map(|row| (row.name, Alternating::new(row)))
        .collect();
    let start = Instant::now();
    for _ in 0..ROUNDS {
        if start.elapsed() < AT_MOST {
            measured.values_mut().for_each(Alternating::round);
        }
    }
    Ok(table(&chosen, &measured))
}

fn table(rows: &[&Row], measured: &BTreeMap<&str, Alternating>) -> String {
    let unit = typical(&measured[UNIT].one) - typical(&measured[EMPTY].one);
    let mut text = format!(
        "Net of the floor. u = {unit:.2} ns, one uncontended `fetch_add` in the same run.\n\n{HEAD}"
    );
    for row in rows {
        let Alternating { one, two } = &measured[row.name];
        let floor = &measured[row.floor.unwrap_or(row.name)];
        let (alone, shared) = (typical(one), typical(two));
        writeln!(
            text,
            "| {} | {:.1} | {:.1} | {:.1} |",
            row.name,
            (alone - typical(&floor.one)) / unit,
            (shared - typical(&floor.two)) / unit,
            2_000.0 / shared,
        )
        .expect("writing to a string cannot fail");
    }
    text
}

/// The lower quartile: other processes only add time.
fn typical(turns: &Turns) -> f64 {
    quantile(turns.nanoseconds().to_vec(), 4)
}

// === impl Alternating ===

impl Alternating {
    fn new(row: &Row) -> Self {
        Self {
            one: Turns::new(row, 1),
            two: Turns::new(row, 2),
        }
    }

    fn round(&mut self) {
        self.one.turn();
        self.two.turn();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_each_row_and_the_unit() {
        let text = threads(Some("bulkhead, full, static")).unwrap();
        assert!(text.contains("u = "), "{text}");
        assert!(text.contains("| bulkhead, full, static | "), "{text}");
        assert!(threads(Some("no such row")).is_err());
    }
}
