//! Times, as ratios: the rows of a comparison take turns in short rounds of one process, so that what else the machine
//! does disturbs all of them alike. A figure is the median over the rounds.

use std::collections::{BTreeSet, HashMap};

use maestro_benches::Row;

use super::figures::round;
use crate::turns::{EMPTY, Turns, UNIT, median};

/// The number of rounds.
const ROUNDS: usize = 61;

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
        let gross = rounds[row.name].nanoseconds();
        let floor = rounds[row.floor.unwrap_or(EMPTY)].nanoseconds();
        let (whole, empty) = (unit[UNIT].nanoseconds(), unit[EMPTY].nanoseconds());
        let net = |n: usize| (gross[n] - floor[n]) / (whole[n] - empty[n]);
        round(median((0..ROUNDS).map(net).collect()))
    };
    rows.iter()
        .map(|row| Times {
            one: of(&unit, row),
            two: shared.contains_key(row.name).then(|| of(&shared, row)),
        })
        .collect()
}

/// The rows by name, all with as many turns.
type Rounds = HashMap<&'static str, Turns>;

fn alternate(
    names: &BTreeSet<&'static str>,
    all: &HashMap<&'static str, &Row>,
    threads: usize,
) -> Rounds {
    let mut rounds: Rounds = names
        .iter()
        .map(|name| (*name, Turns::new(all[name], threads)))
        .collect();
    for _ in 0..ROUNDS {
        rounds.values_mut().for_each(Turns::turn);
    }
    rounds
}
