//! What the numbers of a builder come to, if they could work.

use crate::{
    Builder, InvalidConfig, OnCancel,
    buckets::Grid,
    config::window::Span,
    ratio::Ratio,
    recent::{Last, MOST_CALLS},
    settings::{Measured, Over, Rule, Settings, Trial, ticks},
    sync::BUCKETS,
    word::MAX_IN_A_ROW,
};

/// A backend that fails every other call is of no use to anybody.
const DEFAULT_RATIO: f64 = 0.5;
/// Below it one or two failures would be half of the calls.
const DEFAULT_MINIMUM: u32 = 20;
/// Below half of what a bucket counts exactly: a full bucket that was halved still holds as many.
const MOST_MINIMUM_CALLS: u32 = 500_000;

impl Builder {
    pub(crate) const fn settings(self) -> Result<Settings, InvalidConfig> {
        let (Ok(failed), Ok(slow)) = (share(self.failure_ratio), share(self.slow_ratio)) else {
            return Err(match share(self.failure_ratio) {
                Err(()) => InvalidConfig::FailureRatio,
                Ok(_) => InvalidConfig::SlowRatio,
            });
        };
        let slow_after = match self.slow_after {
            Some(limit) if limit.is_zero() => return Err(InvalidConfig::SlowAfter),
            Some(limit) => Some(ticks(limit)),
            None => None,
        };
        let on_cancel = match (self.on_cancel, slow_after) {
            (Some(OnCancel::FailureIfSlow), None) => return Err(InvalidConfig::SlowAfter),
            (Some(on_cancel), _) => on_cancel,
            (None, Some(_)) => OnCancel::FailureIfSlow,
            (None, None) => OnCancel::Ignored,
        };
        if slow.is_some() && slow_after.is_none() {
            return Err(InvalidConfig::SlowAfter);
        }
        let in_a_row = match self.consecutive_failures {
            Some(failures) if failures == 0 || failures > MAX_IN_A_ROW => {
                return Err(InvalidConfig::ConsecutiveFailures);
            }
            Some(failures) => failures,
            None => 0,
        };
        let (over, most_calls) = match self.window.0 {
            Span::Time(length) if length.is_zero() => return Err(InvalidConfig::Window),
            Span::Calls(calls) if calls == 0 || calls > MOST_CALLS => {
                return Err(InvalidConfig::Window);
            }
            Span::Time(length) => (
                Over::Time(Grid::new(ticks(length).div_ceil(BUCKETS as u64))),
                MOST_MINIMUM_CALLS,
            ),
            Span::Calls(calls) => (
                Over::Calls(Last {
                    size: calls,
                    origin: 0,
                }),
                calls,
            ),
        };
        let minimum = match self.minimum_calls {
            Some(calls) if calls == 0 || calls > most_calls => {
                return Err(InvalidConfig::MinimumCalls);
            }
            Some(calls) => calls,
            None if most_calls < DEFAULT_MINIMUM => most_calls,
            None => DEFAULT_MINIMUM,
        };
        let Some(wait) = self.wait_in_open.waits() else {
            return Err(InvalidConfig::WaitInOpen);
        };
        if !self.probes.are_valid() {
            return Err(InvalidConfig::Probes);
        }
        if self.probe_deadline.is_zero() {
            return Err(InvalidConfig::ProbeDeadline);
        }
        let half = Ratio::new(DEFAULT_RATIO);
        let measured = Measured {
            over,
            minimum,
            failed: match (failed, slow) {
                (None, None) => half,
                _ => failed,
            },
            slow,
            judges_all: self.successes_open,
        };
        let ramp = match self.ramp {
            None => None,
            Some(ramp) => match ramp.steps() {
                None => return Err(InvalidConfig::Ramp),
                steps => steps,
            },
        };
        Ok(Settings {
            trial: Trial {
                rule: match (self.probes.successes, failed) {
                    (Some(needed), _) => Rule::Successes(needed),
                    (None, Some(ratio)) => Rule::Share(ratio),
                    (None, None) => Rule::Share(half.expect("it is a share")),
                },
                results: self.probes.results,
                in_flight: self.probes.in_flight_limit(),
                time: ticks(self.probe_deadline),
            },
            window: match (failed, slow, self.consecutive_failures) {
                (None, None, Some(_)) => None,
                _ => Some(measured),
            },
            in_a_row,
            wait,
            slow_after,
            on_cancel,
            ramp,
        })
    }
}

/// `Err` if it is no share.
const fn share(ratio: Option<f64>) -> Result<Option<Ratio>, ()> {
    match ratio {
        None => Ok(None),
        Some(ratio) => match Ratio::new(ratio) {
            None => Err(()),
            ratio => Ok(ratio),
        },
    }
}
