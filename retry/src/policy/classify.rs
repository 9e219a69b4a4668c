use std::{any::type_name, fmt};

use crate::types::{Attempt, MayReject, Verdict};

/// Decides what to do after an attempt. Implement it on a type, or pass a closure to
/// [`retry_if`](crate::RetryPolicy::retry_if), [`classify`](crate::RetryPolicy::classify) or
/// [`classify_attempt`](crate::RetryPolicy::classify_attempt).
///
/// It is asked once after every attempt, also if no retry can follow, because a budget learns from the verdict.
///
/// `M` is `()`, except for the classifiers of this crate that look for rejections in errors: see [`MayReject`].
pub trait Classify<Req, Res, Err, M = ()> {
    /// Whether the classifier calls [`Attempt::elapsed`]. If it is false, a call that needs no retry need not read
    /// the clock.
    const TIMED: bool = true;

    /// What to do after `attempt`, which ended with `result`.
    fn classify(&self, attempt: &Attempt<'_, Req>, result: &Result<Res, Err>) -> Verdict;
}

/// The default: every `Err` is retried, except [rejections](crate::is_rejection) by other layers. Zero-sized.
///
/// A rejection is [`Ignored`](Verdict::Ignored).
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct RetryErrors;

/// Retries every `Err` of any type, rejections by other layers included. Zero-sized. Made by
/// [`retry_rejections`](crate::RetryPolicy::retry_rejections).
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct RetryRejections;

/// Retries the results for which the closure returns true. Made by [`retry_if`](crate::RetryPolicy::retry_if).
#[derive(Clone, Copy)]
pub struct RetryIf<F>(pub(super) F);

/// The closure returns the verdict on a result. Made by [`classify`](crate::RetryPolicy::classify).
#[derive(Clone, Copy)]
pub struct ClassifyWith<F>(pub(super) F);

/// The closure returns the verdict on an attempt and its result. Made by
/// [`classify_attempt`](crate::RetryPolicy::classify_attempt).
#[derive(Clone, Copy)]
pub struct ClassifyAttemptWith<F>(pub(super) F);

impl<Req, Res, Err: MayReject<M>, M> Classify<Req, Res, Err, M> for RetryErrors {
    const TIMED: bool = false;

    fn classify(&self, _: &Attempt<'_, Req>, result: &Result<Res, Err>) -> Verdict {
        match result {
            Ok(_) => Verdict::Done,
            Err(error) if error.is_rejection() => Verdict::Ignored,
            Err(_) => Verdict::Retry,
        }
    }
}

impl<Req, Res, Err> Classify<Req, Res, Err> for RetryRejections {
    const TIMED: bool = false;

    fn classify(&self, _: &Attempt<'_, Req>, result: &Result<Res, Err>) -> Verdict {
        match result {
            Ok(_) => Verdict::Done,
            Err(_) => Verdict::Retry,
        }
    }
}

impl<Req, Res, Err, F: Fn(&Result<Res, Err>) -> bool> Classify<Req, Res, Err> for RetryIf<F> {
    const TIMED: bool = false;

    fn classify(&self, _: &Attempt<'_, Req>, result: &Result<Res, Err>) -> Verdict {
        if (self.0)(result) {
            Verdict::Retry
        } else if result.is_ok() {
            Verdict::Done
        } else {
            // The closure does not say whether the service is at fault.
            Verdict::Ignored
        }
    }
}

impl<Req, Res, Err, F> Classify<Req, Res, Err> for ClassifyWith<F>
where
    F: Fn(&Result<Res, Err>) -> Verdict,
{
    const TIMED: bool = false;

    fn classify(&self, _: &Attempt<'_, Req>, result: &Result<Res, Err>) -> Verdict {
        (self.0)(result)
    }
}

impl<Req, Res, Err, F> Classify<Req, Res, Err> for ClassifyAttemptWith<F>
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

impl<F> fmt::Debug for ClassifyAttemptWith<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClassifyAttemptWith({})", type_name::<F>())
    }
}
