//! The rows.

mod breaker;
mod bulkhead;
mod cloned;
mod failing;
mod floors;
mod retry;
mod slo;
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::{Answers, Kind};

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
