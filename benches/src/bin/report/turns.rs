//! The turns of a row among others: short, so that what else the machine does disturbs all rows alike.

use std::time::Duration;

use maestro_benches::{Measured, Row, together};

/// `u`, the time of one `fetch_add` on a line that no other thread uses.
pub(crate) const UNIT: &str = "unit, fetch_add";
/// The floor of [`UNIT`].
pub(crate) const EMPTY: &str = "floor, an empty loop";

/// The length of a turn. It is shorter than the slice of a scheduler, so most turns are not interrupted.
const EACH: Duration = Duration::from_millis(1);

/// A row on some threads that share its objects.
pub(crate) struct Turns {
    drivers: Vec<Box<dyn Measured>>,
    requests: u64,
    nanoseconds: Vec<f64>,
}

impl Turns {
    /// Chooses the number of requests by a first run, which also warms up. It is a multiple of 16, for rows that fail once in
    /// 16.
    pub(crate) fn new(row: &Row, threads: usize) -> Self {
        const FIRST: u64 = 1_600;
        let mut drivers = row.make_for(threads);
        together(&mut drivers, FIRST);
        let took = together(&mut drivers, FIRST).as_nanos().max(1);
        let times = u64::try_from(EACH.as_nanos() / took).unwrap_or(u64::MAX);
        Self {
            drivers,
            requests: FIRST * times.clamp(1, 10_000),
            nanoseconds: Vec::new(),
        }
    }

    pub(crate) fn turn(&mut self) {
        let took = together(&mut self.drivers, self.requests);
        #[expect(
            clippy::cast_precision_loss,
            reason = "some thousands of requests, some milliseconds"
        )]
        self.nanoseconds
            .push(took.as_nanos() as f64 / self.requests as f64);
    }

    /// The nanoseconds of a request in each turn.
    pub(crate) fn nanoseconds(&self) -> &[f64] {
        &self.nanoseconds
    }
}

/// The smallest figure that is at least as large as one in `of` of them.
pub(crate) fn quantile(mut figures: Vec<f64>, of: usize) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / of).copied().unwrap_or_default()
}

/// The figure in the middle.
pub(crate) fn median(figures: Vec<f64>) -> f64 {
    quantile(figures, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_ignores_an_outlier() {
        let is = |figures, expected: f64| median(figures).total_cmp(&expected).is_eq();
        assert!(is(vec![3.0, 900.0, 1.0], 3.0));
        assert!(is(vec![], 0.0));
    }
}
