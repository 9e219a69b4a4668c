//! What an operation costs as the number of keys, waiters, calls or windows grows. `report growth` measures it.

mod families;
mod waiters;
mod windows;

use std::{fmt, time::Duration};

use crate::Row;

/// An operation and the sizes at which it is measured.
pub struct Growth {
    /// What is measured, and what grows.
    pub name: &'static str,
    /// The sizes, ascending.
    pub sizes: &'static [u32],
    operation: Operation,
}

/// How often an operation can be repeated at one size.
enum Operation {
    /// It leaves everything as it was.
    Repeated(fn(u32) -> Row),
    /// It has to be prepared each time, so the function returns the time of the operation itself.
    Prepared(fn(u32) -> Duration),
}

/// An operation at one size.
#[expect(
    clippy::exhaustive_enums,
    reason = "two kinds, for this package's own report"
)]
pub enum Grown {
    /// A row, whose instructions and time can be measured.
    Row(Row),
    /// Performs the operation once and returns its time.
    Once(Box<dyn Fn() -> Duration>),
}

/// Every operation.
#[must_use]
pub fn all() -> Vec<Growth> {
    (families::all().into_iter())
        .chain(waiters::all())
        .chain(windows::all())
        .collect()
}

// === impl Growth ===

impl Growth {
    const fn repeated(name: &'static str, sizes: &'static [u32], row: fn(u32) -> Row) -> Self {
        Self {
            name,
            sizes,
            operation: Operation::Repeated(row),
        }
    }

    const fn prepared(
        name: &'static str,
        sizes: &'static [u32],
        once: fn(u32) -> Duration,
    ) -> Self {
        Self {
            name,
            sizes,
            operation: Operation::Prepared(once),
        }
    }

    /// The operation at `size`.
    #[must_use]
    pub fn at(&self, size: u32) -> Grown {
        match self.operation {
            Operation::Repeated(row) => Grown::Row(row(size)),
            Operation::Prepared(once) => Grown::Once(Box::new(move || once(size))),
        }
    }
}

impl fmt::Debug for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Growth")
            .field("name", &self.name)
            .field("sizes", &self.sizes)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Grown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Row(_) => "Row",
            Self::Once(_) => "Once",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_works_at_its_smallest_size() {
        for growth in all() {
            let smallest = growth.sizes[0];
            match growth.at(smallest) {
                Grown::Row(row) => {
                    let answers = row.make().answers(16);
                    assert_eq!((answers.good, answers.bad), (16, 0), "{growth:?}");
                }
                Grown::Once(once) => {
                    once();
                }
            }
        }
    }
}
