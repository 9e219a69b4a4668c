use std::ops::RangeInclusive;

use super::Window;

/// A limit with its fraction. Near the floor a step is smaller than a place, and without the fraction the limit would stay
/// there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fractional {
    exact: f64,
    /// The last answer. A window with another limit means that an operator set it.
    answered: usize,
}

/// What is left of a limit at least after a window with overloads. As in Netflix's `AIMDLimit`.
pub(super) const BACKOFF: f64 = 0.9;

/// The share of overloads that a service with capacity may show: one client's quota, one restart of one of its instances.
pub(super) const TOLERATED: f64 = 0.01;

impl Fractional {
    pub(super) const NONE: Self = Self {
        exact: 0.0,
        answered: 0,
    };

    /// Begins a window: goes on from its limit, within `range`, if that is not the last answer. This is then the first window, or
    /// an operator has set the limit. Returns whether it is so.
    pub(super) fn begins_anew(&mut self, window: &Window, range: RangeInclusive<usize>) -> bool {
        let anew = window.limit() != self.answered;
        if anew {
            self.set(as_f64(window.limit()), range);
        }
        anew
    }

    pub(super) const fn exact(&self) -> f64 {
        self.exact
    }

    /// The limit of the window before, which stays.
    pub(super) const fn answered(&self) -> usize {
        self.answered
    }

    /// Changes the limit, within `range`, and answers it.
    pub(super) fn set(&mut self, exact: f64, range: RangeInclusive<usize>) -> usize {
        // Not `clamp`, which panics where the numbers were not checked and the range is empty.
        self.exact = exact.min(as_f64(*range.end())).max(as_f64(*range.start()));
        self.answer(self.exact, range)
    }

    /// Answers `limit`, within `range`, for a while: the limit itself does not change.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rounded down on purpose; a float beyond the integers saturates, and it is never negative"
    )]
    pub(super) fn answer(&mut self, limit: f64, range: RangeInclusive<usize>) -> usize {
        self.answered = (limit as usize).min(*range.end()).max(*range.start());
        self.answered
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a limit in use has 30 bits, and a ceiling beyond 2^53 is none"
)]
fn as_f64(places: usize) -> f64 {
    places as f64
}
