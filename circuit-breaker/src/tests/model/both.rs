//! The comparison of the two.

use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::{
    config::Config,
    naive::{Begun, CLOSED, Ended, Model, Naive},
    step::Step,
};
use crate::{Call, Cause, CircuitBreaker, Override, State, types::ticks::NEVER};

pub(super) struct Both {
    pub(super) breaker: CircuitBreaker,
    pub(super) model: Model,
    pub(super) start: Instant,
    pub(super) elapsed: u64,
    /// Calls in flight.
    pub(super) calls: Vec<(Call, Begun)>,
    pub(super) admitted: usize,
}

impl Both {
    pub(super) fn new(config: &Config) -> Self {
        let start = Instant::now();
        let breaker = config.build();
        // Steps of the window begin at the first instant that the breaker hears of.
        breaker.state_at(start);
        Self {
            breaker,
            model: Model {
                config: config.clone(),
                state: CLOSED,
                generation: 0,
                cause: None,
                would_have_opened: 0,
                openings: 0,
                closed_since: 0,
                alone_until: 0,
                last_failure: 0,
                arrivals: 0,
            },
            start,
            elapsed: 0,
            calls: Vec::new(),
            admitted: 0,
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.start + Duration::from_nanos(self.elapsed)
    }

    pub(super) fn take(&mut self, step: Step) -> Result<(), TestCaseError> {
        let now = self.now();
        match step {
            Step::Advance(by) => {
                self.elapsed = self.elapsed.saturating_add(by).min(NEVER);
            }
            Step::Admit => {
                let expected = self.model.admit(self.admitted, self.elapsed);
                match self.breaker.try_acquire_at(now) {
                    Ok(call) => {
                        prop_assert_eq!(expected, Ok(self.model.generation));
                        let begun = Begun {
                            number: self.admitted,
                            generation: self.model.generation,
                            at: self.model.notes_the_time().then_some(self.elapsed),
                        };
                        self.calls.push((call, begun));
                    }
                    Err(open) => {
                        let retry_after = open.retry_at().saturating_duration_since(now);
                        let retry_after = u64::try_from(retry_after.as_nanos()).unwrap();
                        prop_assert_eq!(expected, Err(retry_after));
                        prop_assert_eq!(open.state(), self.model.state());
                        // Of an earlier opening, where an operator has forced it open.
                        let is_forced = open.state() == State::ForcedOpen;
                        let cause = self.model.cause.filter(|_| !is_forced);
                        prop_assert_eq!((open.cause(), open.by().is_some()), (cause, is_forced));
                    }
                }
                self.admitted += 1;
            }
            Step::Settle(..) if self.calls.is_empty() => {}
            Step::Settle(which, how) => {
                let (mut call, begun) = self.calls.swap_remove(which % self.calls.len());
                match how {
                    Some(outcome) => call.finish_at(outcome, now),
                    None => call.cancel(|| now),
                }
                self.model.settle(begun, how, self.elapsed);
            }
            Step::Reset => {
                self.breaker.reset_at(Override::new("test", "reset"), now);
                if let (Naive::Steered { state, until, .. }, true) =
                    (&self.model.state, self.model.is_steered())
                {
                    self.model.steer(*state, *until);
                } else {
                    self.model.enter(CLOSED);
                }
                self.model.cause = None;
                self.model.would_have_opened = 0;
                self.model.openings = 0;
            }
            Step::Trip => {
                let trips = self.breaker.trip_at(Override::new("operator", "test"), now);
                let is_open = self.model.state() == State::Open;
                prop_assert_eq!(trips, !is_open);
                if trips {
                    if self.model.state() != State::HalfOpen {
                        // What a backend asked for while it closed.
                        self.model.alone_until = 0;
                    }
                    self.model.open_for_a_wait(self.elapsed, Cause::Tripped);
                }
            }
            Step::Steer(state, lasts) => {
                let by = Override::new("operator", "test");
                let by = match lasts {
                    Some(lasts) => by.lasting(Duration::from_nanos(lasts)),
                    None => by,
                };
                match state {
                    State::ForcedOpen => self.breaker.force_open_at(by, now),
                    State::Disabled => self.breaker.disable_at(by, now),
                    _ => self.breaker.metrics_only_at(by, now),
                }
                let until = lasts.map(|lasts| self.elapsed.saturating_add(lasts).min(NEVER));
                self.model.steer(state, until);
                self.model.would_have_opened = 0;
                self.model.openings = 0;
            }
            Step::Resume => {
                let by = Override::new("operator", "done");
                let was_steered = self.model.is_steered();
                prop_assert_eq!(self.breaker.resume_at(by, now), was_steered);
                if was_steered {
                    self.model.enter(CLOSED);
                }
            }
            Step::Reconfigure(to) => {
                self.breaker.reconfigure_at(to.builder(), now).unwrap();
                self.model.reconfigure(&to, self.elapsed);
            }
            Step::Look => self.compare()?,
        }
        // Also where time stands still: at the end of time what begins is over at once.
        self.model.advance(self.elapsed);
        Ok(())
    }

    pub(super) fn compare(&self) -> Result<(), TestCaseError> {
        let snapshot = self.breaker.snapshot_at(self.now());
        let (model, window) = (&self.model, self.model.window(self.elapsed));
        prop_assert_eq!(snapshot.state(), model.state());
        prop_assert_eq!(snapshot.generation(), model.generation);
        prop_assert_eq!(snapshot.cause(), model.cause);
        prop_assert_eq!(snapshot.would_have_opened(), model.would_have_opened);
        let (failed, slow) = (
            model.config.counts_failures(),
            model.config.slow_ratio.is_some(),
        );
        let count = |f: &dyn Fn(&Ended) -> bool| window.iter().filter(|e| f(e)).count();
        let calls = count(&|e| failed && e.failed.is_some());
        let slow_of = count(&|e| slow && e.slow.is_some());
        prop_assert_eq!(snapshot.calls() as usize, calls.max(slow_of));
        let bad = |kept: bool, bad: Option<bool>| kept && bad == Some(true);
        prop_assert_eq!(
            snapshot.failures() as usize,
            count(&|e| bad(failed, e.failed))
        );
        prop_assert_eq!(
            snapshot.slow_calls() as usize,
            count(&|e| bad(slow, e.slow))
        );
        match &model.state {
            Naive::Closed { in_a_row, .. } | Naive::Steered { in_a_row, .. } => {
                let age = self.elapsed - model.last_failure;
                let is_shown =
                    model.config.in_a_row.is_some() && age < model.config.row_age.min(NEVER);
                let shown = if is_shown { *in_a_row } else { 0 };
                prop_assert_eq!(snapshot.consecutive_failures(), shown);
            }
            Naive::Open { until } => {
                let rest = Duration::from_nanos(until - self.elapsed);
                prop_assert_eq!(snapshot.retry_after(), Some(rest));
            }
            Naive::HalfOpen {
                probes,
                successes,
                failures,
            } => {
                prop_assert_eq!(snapshot.probes_in_flight() as usize, probes.len());
                prop_assert_eq!(snapshot.probes_settled(), successes + failures);
            }
        }
        Ok(())
    }
}
