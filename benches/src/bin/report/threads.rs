//! What a request costs on one and on two threads that share the objects of a row.

use std::{collections::BTreeMap, fmt::Write, time::Duration};

use maestro_benches::{Kind, Measured, Row, rows, together};
use tokio::time::Instant;

const ROUNDS: usize = 41;

/// The length of one measurement. A longer one is interrupted by other processes more often.
const EACH: Duration = Duration::from_millis(1);

/// No round begins after this time.
const AT_MOST: Duration = Duration::from_secs(50);

/// `u`, the time of one `fetch_add` on a line that no other thread uses.
const UNIT: &str = "unit, fetch_add";
const EMPTY: &str = "floor, an empty loop";

const HEAD: &str = "| row | one thread, u | two threads, u | two threads, million requests a second |\n\
                    |---|--:|--:|--:|\n";

/// A row on one and on two threads.
struct Alternating {
    one: Measurement,
    two: Measurement,
}

struct Measurement {
    drivers: Vec<Box<dyn Measured>>,
    requests: u64,
    /// The nanoseconds of a request in each round.
    rounds: Vec<f64>,
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
    let unit = measured[UNIT].one.typical() - measured[EMPTY].one.typical();
    let mut text = format!(
        "Net of the floor. u = {unit:.2} ns, one uncontended `fetch_add` in the same run.\n\n{HEAD}"
    );
    for row in rows {
        let Alternating { one, two } = &measured[row.name];
        let floor = &measured[row.floor.unwrap_or(row.name)];
        let (alone, shared) = (one.typical(), two.typical());
        writeln!(
            text,
            "| {} | {:.1} | {:.1} | {:.1} |",
            row.name,
            (alone - floor.one.typical()) / unit,
            (shared - floor.two.typical()) / unit,
            2_000.0 / shared,
        )
        .expect("writing to a string cannot fail");
    }
    text
}

// === impl Alternating ===

impl Alternating {
    fn new(row: &Row) -> Self {
        Self {
            one: Measurement::new(row, 1),
            two: Measurement::new(row, 2),
        }
    }

    fn round(&mut self) {
        self.one.round();
        self.two.round();
    }
}

// === impl Measurement ===

impl Measurement {
    /// Chooses the number of requests by a first run, which also warms up.
    fn new(row: &Row, threads: usize) -> Self {
        const FIRST: u64 = 1_600;
        let mut drivers = row.make_for(threads);
        together(&mut drivers, FIRST);
        let took = together(&mut drivers, FIRST).as_nanos().max(1);
        let times = u64::try_from(EACH.as_nanos() / took).unwrap_or(u64::MAX);
        Self {
            drivers,
            requests: FIRST * times.clamp(1, 10_000),
            rounds: Vec::with_capacity(ROUNDS),
        }
    }

    fn round(&mut self) {
        let took = together(&mut self.drivers, self.requests);
        #[expect(
            clippy::cast_precision_loss,
            reason = "some thousands of requests, some milliseconds"
        )]
        self.rounds
            .push(took.as_nanos() as f64 / self.requests as f64);
    }

    /// The lower quartile: other processes only add time.
    fn typical(&self) -> f64 {
        quantile(self.rounds.clone(), 4)
    }
}

/// The smallest figure that is at least as large as one in `of` of them.
pub(crate) fn quantile(mut figures: Vec<f64>, of: usize) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / of).copied().unwrap_or_default()
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

    #[test]
    fn a_quantile_ignores_an_outlier() {
        let is = |figures, expected: f64| quantile(figures, 2).total_cmp(&expected).is_eq();
        assert!(is(vec![3.0, 900.0, 1.0], 3.0));
        assert!(is(vec![], 0.0));
    }
}
