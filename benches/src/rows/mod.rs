//! The rows.

pub(crate) mod breaker;
mod bulkhead;
mod cloned;
mod failing;
pub(crate) mod floors;
pub(crate) mod retry;
pub(crate) mod slo;
mod stack;
mod timeout;
mod units;
mod waiting;

use crate::Row;

/// Every row, floors first.
#[must_use]
pub fn all() -> Vec<Row> {
    [
        floors::rows(),
        units::rows(),
        breaker::rows(),
        failing::rows(),
        retry::rows(),
        bulkhead::rows(),
        waiting::rows(),
        timeout::rows(),
        slo::rows(),
        stack::rows(),
        cloned::rows(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The main rows of each layer, and the stacks. They are also measured with metrics and with two threads.
#[must_use]
pub fn main() -> Vec<Row> {
    let mut rows = all();
    rows.retain(|row| MAIN.contains(&row.name));
    rows
}

const MAIN: [&str; 26] = [
    "breaker, closed, consecutive failures, Arc",
    "breaker, closed, consecutive failures, static",
    "breaker, closed, window of 100 calls, Arc",
    "breaker, closed, window of 100 calls, static",
    "breaker, closed, window of 100 calls, one failure in 16, Arc",
    "breaker, closed, time window of 100 calls, Arc",
    "breaker, closed, time window, every call fails, Arc",
    "breaker, open, Arc",
    "retry, none needed",
    "retry, none needed, named",
    "retry, none needed, with a budget, Arc",
    "retry, one, without delay",
    "bulkhead, in and out, Arc",
    "bulkhead, in and out, static",
    "bulkhead, full, Arc",
    "bulkhead, queue, in and out, Arc",
    "timeout, inner ready",
    "timeout, inner pending once",
    "slo, record",
    "slo, recording layer, Arc",
    "slo, gate open, layer, Arc",
    "slo, gate closed, layer, Arc",
    "stack, timeout(retry(breaker(bulkhead))), ready, Arc",
    "stack, timeout(retry(breaker(bulkhead))), ready, static",
    "stack, all seven layers, ready, Arc",
    "stack, all seven layers, pending once, Arc",
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::{Answers, Kind, inner::ended};

    #[test]
    fn every_row_has_its_share_of_errors() {
        for row in all() {
            let requests = 1600;
            let bad = row.bad_in_1600;
            let answers = row.make().answers(requests);
            assert_eq!(
                answers,
                Answers {
                    good: requests - bad,
                    bad
                },
                "{row:?}"
            );
        }
    }

    #[test]
    fn breakers_of_failing_rows_stay_closed() {
        let failing = all().into_iter().filter(|row| row.name.contains("fail"));
        let failing = failing.filter(|row| row.name.starts_with("breaker, closed"));
        let failing: Vec<_> = failing.collect();
        assert!(!failing.is_empty());
        for row in failing {
            let mut measured = row.make();
            let (_, calls) = ended(|| measured.answers(1600));
            assert_eq!(calls, 1600, "{row:?} rejects");
        }
    }

    #[test]
    fn every_main_row_exists() {
        assert_eq!(main().len(), MAIN.len());
    }

    #[test]
    fn every_name_is_unique() {
        let mut names = HashSet::new();
        for row in all() {
            assert!(names.insert(row.name), "{row:?} is there twice");
        }
    }

    #[test]
    fn every_floor_of_a_row_exists() {
        let rows = all();
        let floors: HashSet<_> = rows
            .iter()
            .filter(|row| row.kind == Kind::Floor)
            .map(|row| row.name)
            .collect();
        for row in rows.iter().filter(|row| row.kind != Kind::Floor) {
            let floor = row.floor.expect("only floors have none");
            assert!(floors.contains(floor), "{row:?} stands on `{floor}`");
        }
    }
}
