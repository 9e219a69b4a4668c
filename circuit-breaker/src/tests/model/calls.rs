//! The calls of the naive breaker: how they are admitted, and what their ends decide.

use super::{
    config::Looks,
    naive::{Begun, CLOSED, Ended, Model, Naive},
};
use crate::{Cause, Outcome, State, types::ticks::NEVER};

impl Model {
    /// Admits the call with this number, or says how long it should wait.
    pub(super) fn admit(&mut self, call: usize, now: u64) -> Result<u64, u64> {
        let deadline = (now + self.config.probe_time.min(NEVER)).min(NEVER);
        let (results, limit) = (self.config.results as usize, self.config.in_flight as usize);
        match &mut self.state {
            Naive::Steered {
                state: State::ForcedOpen,
                until,
                ..
            } => {
                let usual = now.saturating_add(self.config.wait).min(NEVER);
                return Err(until.unwrap_or(usual) - now);
            }
            Naive::Steered {
                state: State::Ramping,
                until: Some(until),
                ..
            } => {
                let (step, shares) = self.config.ramp.unwrap();
                // Step by step from the end, which may be cut off by the end of time.
                let (mut left, mut index) = (*until - now, shares.len() - 1);
                while left > step && index > 0 {
                    left -= step;
                    index -= 1;
                }
                // The order has tests of its own.
                let (ramp, share) = (u32::try_from(self.generation).unwrap(), shares[index]);
                let is_among = crate::state::is_among_ramp(ramp, self.arrivals, share.into());
                self.arrivals += 1;
                if !is_among {
                    return Err(left);
                }
            }
            Naive::Closed { .. } | Naive::Steered { .. } => {}
            Naive::Open { until } => return Err(*until - now),
            Naive::HalfOpen {
                probes,
                successes,
                failures,
            } => {
                let settled = (*successes + *failures) as usize;
                if probes.len() >= limit || probes.len() + settled >= results {
                    let first = probes.iter().map(|(_, deadline)| *deadline).min();
                    return Err(first.unwrap() - now);
                }
                probes.push((call, deadline));
            }
        }
        Ok(self.generation)
    }

    pub(super) fn settle(&mut self, call: Begun, how: Option<Outcome>, now: u64) {
        if call.generation != self.generation {
            return;
        }
        let alone_until = match how {
            Some(Outcome::FailureFor(time)) => {
                let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
                now.saturating_add(time.min(self.config.max_asked))
                    .min(NEVER)
            }
            _ => 0,
        };
        if let Naive::HalfOpen { .. } = self.state {
            let slow = self.is_slow(call.at, now);
            let failed = self.has_failed(how, slow).map(|failed| failed || slow);
            return self.settle_probe(call.number, failed, alone_until, now);
        }
        if let Naive::Steered {
            state: State::Disabled,
            ..
        } = self.state
        {
            return;
        }
        self.alone_until = alone_until;
        let slow = self.is_slow(call.at, now);
        let Some(failed) = self.has_failed(how, slow) else {
            return;
        };
        let (Naive::Closed { calls, in_a_row }
        | Naive::Steered {
            calls, in_a_row, ..
        }) = &mut self.state
        else {
            unreachable!("nothing is let in while open");
        };
        let (counted, slow_ratio) = (self.config.counts_failures(), self.config.slow_ratio);
        let kept = match self.config.window {
            Looks::Back(_) => Ended {
                failed: counted.then_some(failed),
                slow: slow_ratio.map(|_| slow),
            },
            Looks::AtLast(_) => Ended {
                failed: Some(failed && counted),
                slow: Some(slow && slow_ratio.is_some()),
            },
        };
        calls.push((now, kept));
        if !failed || now - self.last_failure >= self.config.row_age.min(NEVER) {
            *in_a_row = 0;
        }
        if failed {
            *in_a_row += 1;
            self.last_failure = now;
        }
        let in_a_row = *in_a_row;
        if let Some(cause) = self.trigger(failed, slow, in_a_row, now) {
            self.open(now, cause);
        }
    }

    /// The first trigger that holds.
    fn trigger(&self, failed: bool, slow: bool, in_a_row: u32, now: u64) -> Option<Cause> {
        let window = self.window(now);
        let count = |f: fn(&Ended) -> Option<bool>| {
            let kept: Vec<_> = window.iter().filter_map(f).collect();
            let bad = kept.iter().filter(|bad| **bad).count();
            (
                u32::try_from(kept.len()).unwrap(),
                u32::try_from(bad).unwrap(),
            )
        };
        let ((calls, failures), (slow_of, slow_calls)) = (count(|e| e.failed), count(|e| e.slow));
        let reached = |ratio: Option<(u32, u32)>, calls: u32, bad: u32| {
            calls > 0
                && calls >= self.config.minimum
                && ratio.is_some_and(|(of_bad, of_calls)| bad * of_calls >= calls * of_bad)
        };
        let any = self.config.evaluate_every_call;
        if (failed || any) && reached(self.config.ratio, calls, failures) {
            Some(Cause::FailureRatio { failures, calls })
        } else if (failed || any) && self.config.count.is_some_and(|limit| failures >= limit) {
            Some(Cause::FailureCount { failures, calls })
        } else if (slow || any) && reached(self.config.slow_ratio, slow_of, slow_calls) {
            Some(Cause::SlowRatio {
                slow: slow_calls,
                calls: slow_of,
            })
        } else if failed && self.config.in_a_row.is_some_and(|limit| in_a_row >= limit) {
            Some(Cause::ConsecutiveFailures { failures: in_a_row })
        } else {
            None
        }
    }

    pub(super) fn settle_probe(
        &mut self,
        call: usize,
        failed: Option<bool>,
        alone_until: u64,
        now: u64,
    ) {
        let Naive::HalfOpen {
            probes,
            successes,
            failures,
        } = &mut self.state
        else {
            unreachable!("asked only while half-open");
        };
        let Some(place) = probes.iter().position(|(probe, _)| *probe == call) else {
            return; // its time was over
        };
        probes.swap_remove(place);
        self.alone_until = self.alone_until.max(alone_until);
        match failed {
            Some(false) => *successes += 1,
            Some(true) => *failures += 1,
            None => {}
        }
        self.decide(now);
    }

    /// Opens or closes a half-open circuit where enough has ended.
    pub(super) fn decide(&mut self, now: u64) {
        let Naive::HalfOpen {
            successes,
            failures,
            ..
        } = self.state
        else {
            return;
        };
        let results = failures + successes;
        let still_missing = self.config.results.saturating_sub(results);
        let opens = match self.config.successes {
            Some(needed) if successes >= needed => false,
            Some(needed) if successes + still_missing < needed => true,
            None if still_missing == 0 => self.reaches_ratio(failures, results),
            _ => return,
        };
        if opens {
            self.open(now, Cause::Probes { failures, results });
        } else if let Some((step, shares)) = self.config.ramp {
            let length = step.saturating_mul(shares.len() as u64);
            self.arrivals = 0;
            self.steer(State::Ramping, Some(now.saturating_add(length).min(NEVER)));
        } else {
            self.closed_since = now;
            self.enter(CLOSED);
        }
    }
}
