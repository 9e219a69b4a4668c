//! A walk over all members of a family.

use std::thread;

use super::pause::EXAMINED;

/// A walk over the members in steps. Between two steps others may take the lock.
///
/// A member that moves to another seat meanwhile, because another walk has removed one, is seen by that walk.
pub(super) struct Walk {
    /// The next one.
    seat: usize,
    is_over: bool,
}

impl Walk {
    pub(super) const fn new() -> Self {
        Self {
            seat: 0,
            is_over: false,
        }
    }

    /// Walks over all members. Returns the sum of what the steps return.
    pub(super) fn sum(mut step: impl FnMut(&mut Self) -> usize) -> usize {
        let mut walk = Self::new();
        let mut sum = 0;
        while !walk.is_over() {
            sum += step(&mut walk);
            // A thread that waits for the lock may be faster than the next step.
            thread::yield_now();
        }
        sum
    }

    /// One step, under the lock: asks for each of the next members whether it goes. Returns those that go.
    pub(super) fn step<T>(
        &mut self,
        members: &mut Vec<T>,
        mut goes: impl FnMut(&mut T) -> bool,
    ) -> Vec<T> {
        let mut gone = Vec::new();
        for _ in 0..EXAMINED {
            let Some(member) = members.get_mut(self.seat) else {
                self.is_over = true;
                break;
            };
            if goes(member) {
                gone.push(members.swap_remove(self.seat));
            } else {
                self.seat += 1;
            }
        }
        gone
    }

    pub(super) const fn is_over(&self) -> bool {
        self.is_over
    }
}
