//! The bounds of the waiters, ordered by their end.

// A binary heap that knows where the bound of each seat is. So a waiter that leaves takes its bound with it in logarithmic
// time, and the heap holds the bounds of those that wait and no others.
//
// Rejected: std's `BinaryHeap`. It removes from the middle by a look through all, and if it keeps the bounds of callers that
// have left, they fill the memory or must be removed all at once. A `BTreeSet` allocates although the line was as long before.
//
// Callers without a bound take no memory here: a line that has only such ones leaves both vectors empty. The first callers
// with a bound make them grow: 32 bytes each, and 16 for each seat up to the last one with a bound. Neither shrinks.

#[cfg(all(test, not(loom)))]
mod tests;

use tokio::time::Instant;

use super::Bound;

/// The bounds of the seats that have one.
#[derive(Debug)]
pub(super) struct Heap {
    /// Each bound and its seat. No bound ends before that of its parent: the parent of the one at `at` is at `(at - 1) / 2`.
    heap: Vec<(Bound, usize)>,
    /// Where in the heap the bound of each seat is. As long as the last seat that had one.
    positions: Vec<Option<usize>>,
}

impl Heap {
    pub(super) const fn new() -> Self {
        Self {
            heap: Vec::new(),
            positions: Vec::new(),
        }
    }

    #[cfg(all(test, not(loom)))]
    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    /// The bound that ends first, and its seat.
    pub(super) fn first(&self) -> Option<(Bound, usize)> {
        self.heap.first().copied()
    }

    /// The bound of a seat.
    pub(super) fn of(&self, seat: usize) -> Option<Bound> {
        let at = (*self.positions.get(seat)?)?;
        Some(self.heap[at].0)
    }

    /// Gives a seat without a bound one.
    pub(super) fn insert(&mut self, seat: usize, bound: Bound) {
        let at = self.heap.len();
        self.heap.push((bound, seat));
        if self.positions.len() <= seat {
            self.positions.resize(seat + 1, None);
        }
        self.positions[seat] = Some(at);
        self.rise(at);
    }

    /// Removes the bound of a seat, if it has one.
    pub(super) fn remove(&mut self, seat: usize) {
        let Some(at) = self.positions.get_mut(seat).and_then(Option::take) else {
            return;
        };
        self.heap.swap_remove(at);
        // The last bound is now here. It may end before the parent of this index, or after a child.
        if let Some(&(_, moved)) = self.heap.get(at) {
            self.positions[moved] = Some(at);
            self.rise(at);
            self.sink(at);
        }
    }

    fn rise(&mut self, mut at: usize) {
        while at > 0 {
            let parent = (at - 1) / 2;
            if self.end(parent) <= self.end(at) {
                return;
            }
            self.swap(at, parent);
            at = parent;
        }
    }

    fn sink(&mut self, mut at: usize) {
        loop {
            let children = 2 * at + 1..self.heap.len().min(2 * at + 3);
            match children.min_by_key(|&child| self.end(child)) {
                Some(child) if self.end(child) < self.end(at) => {
                    self.swap(at, child);
                    at = child;
                }
                _ => return,
            }
        }
    }

    fn end(&self, at: usize) -> Instant {
        self.heap[at].0.end
    }

    fn swap(&mut self, one: usize, other: usize) {
        self.heap.swap(one, other);
        for at in [one, other] {
            self.positions[self.heap[at].1] = Some(at);
        }
    }
}
