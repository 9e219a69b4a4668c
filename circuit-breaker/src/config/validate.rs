//! What the numbers of a builder amount to, if they can work.
//!
//! A number of the builder stands in two places of this file: it is checked in `validate`, and kept
//! in [`Config`]. `packed.rs` has its place in the words.

use super::{
    Builder,
    builder::Numbers,
    probes::{Rule, Trial},
    ramp::Steps,
    row::row,
    wait::Waits,
    window::minimum,
};
use crate::{
    types::{InvalidConfig, InvalidConfigKind, OnCancel, Ratio, ticks::ticks},
    window::{Limits, Shape},
};

/// The numbers of a breaker, checked, in ticks (nanoseconds) of at most
/// [`NEVER`](crate::types::ticks::NEVER).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Config {
    pub(crate) trial: Trial,
    /// The window and its limits, where a ratio opens the breaker.
    pub(crate) window: Option<(Shape, Limits)>,
    /// How many failures in a row open the breaker; 0 where they do not.
    pub(crate) in_a_row: u32,
    /// How long after the last failure the row is forgotten.
    pub(crate) row_age: u64,
    pub(crate) wait: Waits,
    /// The longest wait that a backend may ask for.
    pub(crate) max_asked_wait: u64,
    /// From how many ticks on a call is slow, where that matters.
    pub(crate) slow_after: Option<u64>,
    pub(super) on_cancel: OnCancel,
    /// How all calls come back once the probes have closed the breaker.
    pub(crate) ramp: Option<Steps>,
}

/// A backend that fails every other call is of no use.
const HALF: Option<Ratio> = Ratio::new(0.5);

// === impl Builder ===

impl Builder {
    /// Whether [`build`](Self::build) accepts these numbers, without building anything: for numbers that are checked where they
    /// are read, before there is a name.
    ///
    /// A builder that comes from a file has been checked.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] when a number is out of its range.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_circuit_breaker::{CircuitBreaker, InvalidConfigKind};
    ///
    /// let builder = CircuitBreaker::builder().failure_ratio(0.5);
    /// assert_eq!(builder.check(), Ok(()));
    /// let refused = builder.probes(0).check().unwrap_err();
    /// assert_eq!((refused.name(), refused.kind()), (None, InvalidConfigKind::Probes));
    /// ```
    pub const fn check(&self) -> Result<(), InvalidConfig> {
        match self.validate() {
            Ok(_) => Ok(()),
            Err(kind) => Err(kind.unnamed()),
        }
    }

    /// Refuses an empty name too.
    pub(crate) const fn validate_for(self, name: &str) -> Result<Config, InvalidConfigKind> {
        if name.is_empty() {
            return Err(InvalidConfigKind::EmptyName);
        }
        self.validate()
    }

    pub(crate) const fn validate(self) -> Result<Config, InvalidConfigKind> {
        let Numbers {
            failure_ratio,
            failure_count,
            slow_ratio,
            slow_after,
            window,
            minimum_calls,
            consecutive_failures,
            forget_failures_after,
            wait_in_open,
            max_retry_after,
            probes,
            probe_deadline,
            on_cancel,
            evaluate_every_call,
            ramp,
        } = self.0;
        let failed = match share(failure_ratio) {
            Ok(failed) => failed,
            Err(found) => return Err(InvalidConfigKind::FailureRatio(found)),
        };
        let slow = match share(slow_ratio) {
            Ok(slow) => slow,
            Err(found) => return Err(InvalidConfigKind::SlowRatio(found)),
        };
        let slow_after = match slow_after {
            Some(limit) if limit.is_zero() => return Err(InvalidConfigKind::SlowAfter),
            Some(limit) => Some(ticks(limit)),
            None => None,
        };
        let on_cancel = match (on_cancel, slow_after) {
            (Some(OnCancel::FailureIfSlow), None) => return Err(InvalidConfigKind::SlowAfter),
            (_, None) if slow.is_some() => return Err(InvalidConfigKind::SlowAfter),
            (Some(on_cancel), _) => on_cancel,
            (None, Some(_)) => OnCancel::FailureIfSlow,
            (None, None) => OnCancel::Ignored,
        };
        let (in_a_row, row_age) = match row(consecutive_failures, forget_failures_after) {
            Ok(row) => row,
            Err(invalid) => return Err(invalid),
        };
        let Some((shape, most)) = window.shape() else {
            return Err(InvalidConfigKind::Window);
        };
        let count = match failure_count {
            Some(failures) if failures == 0 || failures > most => {
                return Err(InvalidConfigKind::FailureCount(failures));
            }
            Some(failures) => failures,
            None => 0,
        };
        let minimum = match minimum(minimum_calls, most) {
            Ok(minimum) => minimum,
            Err(found) => return Err(InvalidConfigKind::MinimumCalls(found)),
        };
        let Some(wait) = wait_in_open.waits() else {
            return Err(InvalidConfigKind::WaitInOpen);
        };
        if !probes.are_valid() {
            return Err(InvalidConfigKind::Probes);
        }
        if probe_deadline.is_zero() {
            return Err(InvalidConfigKind::ProbeDeadline);
        }
        let ramp = match ramp {
            None => None,
            Some(ramp) => match ramp.steps() {
                None => return Err(InvalidConfigKind::Ramp),
                steps => steps,
            },
        };
        let looks_at_window = failed.is_some() || slow.is_some() || count > 0;
        let limits = Limits {
            minimum,
            failed: if looks_at_window { failed } else { HALF },
            count,
            slow,
            every_call: evaluate_every_call,
        };
        Ok(Config {
            trial: Trial {
                rule: rule(probes.successes, failed),
                results: probes.results,
                in_flight: probes.in_flight_limit(),
                time: ticks(probe_deadline),
            },
            window: if looks_at_window || in_a_row == 0 {
                Some((shape, limits))
            } else {
                None
            },
            in_a_row,
            row_age,
            wait,
            max_asked_wait: ticks(max_retry_after),
            slow_after,
            on_cancel,
            ramp,
        })
    }
}

/// How probes decide: by how many have to succeed, or by the failure ratio.
const fn rule(successes: Option<u32>, failed: Option<Ratio>) -> Rule {
    match (successes, failed) {
        (Some(needed), _) => Rule::Successes(needed),
        (None, Some(ratio)) => Rule::Share(ratio),
        (None, None) => Rule::Share(HALF.expect("it is a share")),
    }
}

/// `Err` with the number if it is not a share.
const fn share(ratio: Option<f64>) -> Result<Option<Ratio>, f64> {
    match ratio {
        None => Ok(None),
        Some(found) => match Ratio::new(found) {
            None => Err(found),
            ratio => Ok(ratio),
        },
    }
}
