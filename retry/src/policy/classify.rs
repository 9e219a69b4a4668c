use std::{any::type_name, fmt};

use crate::types::{Attempt, Verdict};

/// Says of an attempt's result what to do. Implement it on a type of your own, or use
/// [`retry_if`](crate::RetryPolicy::retry_if) or [`classify`](crate::RetryPolicy::classify) with a closure.
///
/// It is asked once after every attempt, also where no retry can follow, as a budget learns from it.
pub trait Classify<Req, Res, Err> {
    /// Whether [`Attempt::elapsed`] is looked at. If not, say so, and a call that needs no retry need not
    /// read the clock.
    const TIMED: bool = true;

    /// What to do after `attempt`, which ended with `result`.
    fn classify(&self, attempt: &Attempt<'_, Req>, result: &Result<Res, Err>) -> Verdict;
}

/// The default: every `Err` is retried. Zero-sized.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct RetryErrors;

/// Results for which the closure says yes are retried, all others are the answer. Made by
/// [`retry_if`](crate::RetryPolicy::retry_if).
#[derive(Clone, Copy)]
pub struct RetryIf<F>(pub(crate) F);

/// The closure names the verdict itself. Made by [`classify`](crate::RetryPolicy::classify).
#[derive(Clone, Copy)]
pub struct ClassifyWith<F>(pub(crate) F);

impl<Req, Res, Err> Classify<Req, Res, Err> for RetryErrors {
    const TIMED: bool = false;

    fn classify(&self, _: &Attempt<'_, Req>, result: &Result<Res, Err>) -> Verdict {
        if result.is_err() {
            Verdict::Retry
        } else {
            Verdict::Done
        }
    }
}

impl<Req, Res, Err, F: Fn(&Result<Res, Err>) -> bool> Classify<Req, Res, Err> for RetryIf<F> {
    const TIMED: bool = false;

    fn classify(&self, _: &Attempt<'_, Req>, result: &Result<Res, Err>) -> Verdict {
        if (self.0)(result) {
            Verdict::Retry
        } else {
            Verdict::Done
        }
    }
}

impl<Req, Res, Err, F> Classify<Req, Res, Err> for ClassifyWith<F>
where
    F: Fn(&Attempt<'_, Req>, &Result<Res, Err>) -> Verdict,
{
    fn classify(&self, attempt: &Attempt<'_, Req>, result: &Result<Res, Err>) -> Verdict {
        (self.0)(attempt, result)
    }
}

impl<F> fmt::Debug for RetryIf<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RetryIf({})", type_name::<F>())
    }
}

impl<F> fmt::Debug for ClassifyWith<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClassifyWith({})", type_name::<F>())
    }
}
