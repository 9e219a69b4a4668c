use std::{any::type_name, fmt};

use crate::{
    policy::Classify,
    types::{Attempt, Verdict},
};

/// Calls the results failures for which the closure returns true. Made by
/// [`only_if`](crate::FallbackLayer::only_if).
#[derive(Clone, Copy)]
pub struct OnlyIf<F>(F);

impl<F> OnlyIf<F> {
    pub(super) const fn new(is_failure: F) -> Self {
        Self(is_failure)
    }
}

impl<Req, Res, Err, F: Fn(&Result<Res, Err>) -> bool> Classify<Req, Res, Err> for OnlyIf<F> {
    const TIMED: bool = false;

    fn classify(&self, _: &Attempt<'_, Req>, result: &Result<Res, Err>) -> Verdict {
        if (self.0)(result) {
            Verdict::Never
        } else {
            Verdict::Done
        }
    }
}

impl<F> fmt::Debug for OnlyIf<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OnlyIf({})", type_name::<F>())
    }
}
