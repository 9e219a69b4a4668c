//! Times, as ratios: the rows of a comparison take turns in short rounds of one process, so that what else the machine
//! does disturbs all of them alike. A figure is the median over the rounds.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use maestro_benches::{Measured, Row, together};

use super::figures::round;
use crate::threads::quantile;

/// How long one turn takes. It is shorter than the slice of a scheduler, so most turns are not interrupted.
const TURN: Duration = Duration::from_millis(1);

/// The number of rounds.
const ROUNDS: usize = 61;

const UNIT: &str = "unit, fetch_add";
const EMPTY: &str = "floor, an empty loop";

/// The time of a request net of its floor, in units of an uncontended `fetch_add`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) one: f64,
    /// Of two threads that share the object, each as fast as it can.
    pub(super) two: Option<f64>,
}

/// The times of `rows`, of those in `alone` on one thread only. `all` has their floors and the unit.
pub(super) fn times(
    rows: &[&Row],
    alone: &[&str],
    all: &HashMap<&'static str, &Row>,
) -> Vec<Times> {
    let names: BTreeSet<_> = (rows.iter().flat_map(|row| [Some(row.name), row.floor]))
        .flatten()
        .chain([UNIT, EMPTY])
        .collect();
    let unit = alternate(&names, all, 1);
    let names = names.into_iter().filter(|name| !alone.contains(name));
    let shared = alternate(&names.collect(), all, 2);
    let of = |rounds: &Rounds, row: &Row| {
        let floor = &rounds[row.floor.unwrap_or(EMPTY)];
        let net = rounds[row.name]
            .iter()
            .zip(floor)
            .zip(&unit[UNIT])
            .zip(&unit[EMPTY]);
        let units = net.map(|(((gross, floor), unit), empty)| (gross - floor) / (unit - empty));
        round(quantile(units.collect(), 2))
    };
    rows.iter()
        .map(|row| Times {
            one: of(&unit, row),
            two: shared.contains_key(row.name).then(|| of(&shared, row)),
        })
        .collect()
}

/// The nanoseconds of a request in each round, by row.
type Rounds = HashMap<&'static str, Vec<f64>>;

fn alternate(
    names: &BTreeSet<&'static str>,
    all: &HashMap<&'static str, &Row>,
    threads: usize,
) -> Rounds {
    let mut turns: Vec<_> = names
        .iter()
        .map(|name| {
            let mut drivers = all[name].make_for(threads);
            let requests = requests(&mut drivers);
            (*name, drivers, requests)
        })
        .collect();
    let mut rounds = Rounds::new();
    for _ in 0..ROUNDS {
        for (name, drivers, requests) in &mut turns {
            let time = together(drivers, *requests);
            #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
            let each = time.as_nanos() as f64 / *requests as f64;
            rounds.entry(name).or_default().push(each);
        }
    }
    rounds
}

/// How many requests fit into a turn. A multiple of 16, for rows that fail once in 16.
fn requests(drivers: &mut [Box<dyn Measured>]) -> u64 {
    let mut requests = 160;
    while requests < 160_000 && together(drivers, requests) < TURN / 2 {
        requests *= 2;
    }
    requests
}
