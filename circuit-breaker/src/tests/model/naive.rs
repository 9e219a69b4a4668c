//! The naive breaker.

use std::mem;

use super::config::{Config, Looks};
use crate::{Cause, OnCancel, Outcome, State, types::ticks::NEVER};

#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    /// `None` where it is not in the window in this respect.
    pub(super) failed: Option<bool>,
    pub(super) slow: Option<bool>,
}

/// A call in flight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    pub(super) number: usize,
    pub(super) generation: u64,
    /// `None` where no clock was read.
    pub(super) at: Option<u64>,
}

#[derive(Debug)]
pub(super) enum Naive {
    /// When each call ended, and how.
    Closed {
        calls: Vec<(u64, Ended)>,
        in_a_row: u32,
    },
    Open {
        until: u64,
    },
    /// An operator's; `until` is `None` where it does not end. Or a ramp.
    Steered {
        state: State,
        until: Option<u64>,
        calls: Vec<(u64, Ended)>,
        in_a_row: u32,
    },
    /// Deadlines of the probes in flight by the number of their call.
    HalfOpen {
        probes: Vec<(usize, u64)>,
        successes: u32,
        failures: u32,
    },
}

#[derive(Debug)]
pub(super) struct Model {
    pub(super) config: Config,
    pub(super) state: Naive,
    pub(super) generation: u64,
    pub(super) cause: Option<Cause>,
    pub(super) would_have_opened: u32,
    /// How many openings it remembers.
    pub(super) openings: u32,
    /// Since when it has been closed, or has forgotten the last opening.
    pub(super) closed_since: u64,
    /// Until when a backend wants to be left alone.
    pub(super) alone_until: u64,
    /// When the last failure in a row ended.
    pub(super) last_failure: u64,
    /// Calls that came on the ramp.
    pub(super) arrivals: u64,
}

pub(super) const CLOSED: Naive = Naive::Closed {
    calls: Vec::new(),
    in_a_row: 0,
};

impl Model {
    pub(super) fn enter(&mut self, state: Naive) {
        self.state = state;
        self.generation += 1;
    }

    pub(super) fn steer(&mut self, state: State, until: Option<u64>) {
        self.enter(Naive::Steered {
            state,
            until,
            calls: Vec::new(),
            in_a_row: 0,
        });
    }

    pub(super) fn open(&mut self, now: u64, cause: Cause) {
        if let Naive::Steered {
            state: state @ State::MetricsOnly,
            until,
            ..
        } = self.state
        {
            self.cause = Some(cause);
            self.would_have_opened += 1;
            return self.steer(state, until);
        }
        self.open_for_a_wait(now, cause);
    }

    pub(super) fn open_for_a_wait(&mut self, now: u64, cause: Cause) {
        let wait = self.next_wait();
        let until = now.saturating_add(wait).min(NEVER).max(self.alone_until);
        if wait.min(NEVER) < self.config.wait_cap.min(NEVER) {
            self.openings += 1;
        }
        self.cause = Some(cause);
        self.enter(Naive::Open { until });
    }

    fn next_wait(&self) -> u64 {
        let mut wait = self.config.wait;
        for _ in 0..self.openings {
            wait = wait
                .saturating_mul(self.config.multiplier.into())
                .min(self.config.wait_cap);
        }
        wait
    }

    /// When a closed breaker forgets the next opening.
    fn forgets_at(&self) -> u64 {
        let window = match self.config.shape() {
            Some((Looks::Back(step), ..)) => 16 * step,
            _ => 10_000_000_000,
        };
        self.closed_since + self.next_wait().min(NEVER).max(window)
    }

    pub(super) fn reaches_ratio(&self, failures: u32, calls: u32) -> bool {
        let (of_failures, of_calls) = self.config.ratio.unwrap_or((1, 2));
        failures * of_calls >= calls * of_failures
    }

    pub(super) fn is_slow(&self, begun: Option<u64>, now: u64) -> bool {
        (self.config.slow_after.zip(begun)).is_some_and(|(limit, at)| now - at >= limit.min(NEVER))
    }

    /// Whether a call failed; `None` if it says nothing.
    pub(super) fn has_failed(&self, how: Option<Outcome>, slow: bool) -> Option<bool> {
        match (how, self.config.on_cancel) {
            (Some(Outcome::Success), _) => Some(false),
            (Some(Outcome::Failure | Outcome::FailureFor(_)), _) | (None, OnCancel::Failure) => {
                Some(true)
            }
            (None, OnCancel::FailureIfSlow) if slow => Some(true),
            (Some(Outcome::Ignored) | None, _) => None,
        }
    }

    /// The calls that are still in the window at `now`.
    pub(super) fn window(&self, now: u64) -> Vec<Ended> {
        let (Naive::Closed { calls, .. } | Naive::Steered { calls, .. }) = &self.state else {
            return Vec::new();
        };
        let held: Vec<_> = match self.config.window {
            Looks::Back(time) => {
                let step = time.min(NEVER).div_ceil(16);
                let is_held = |at: u64| now / step - at / step < 16;
                calls.iter().filter(|(at, _)| is_held(*at)).collect()
            }
            Looks::AtLast(n) => calls.iter().rev().take(n as usize).collect(),
        };
        held.into_iter().map(|(_, ended)| *ended).collect()
    }

    /// All that is due at `now`, in the order in which it is due.
    pub(super) fn advance(&mut self, now: u64) {
        loop {
            match &self.state {
                Naive::Closed { .. } if self.openings > 0 && self.forgets_at() <= now => {
                    self.closed_since = self.forgets_at();
                    self.openings -= 1;
                }
                Naive::Steered {
                    until: Some(until), ..
                } if *until <= now => {
                    self.closed_since = *until;
                    self.enter(CLOSED);
                }
                Naive::Open { until } if *until <= now => {
                    self.alone_until = 0;
                    self.enter(Naive::HalfOpen {
                        probes: Vec::new(),
                        successes: 0,
                        failures: 0,
                    });
                }
                Naive::HalfOpen { probes, .. } => {
                    let first = probes.iter().min_by_key(|(_, deadline)| *deadline).copied();
                    match first {
                        Some((call, deadline)) if deadline <= now => {
                            self.settle_probe(call, Some(true), 0, deadline);
                        }
                        _ => return,
                    }
                }
                _ => return,
            }
        }
    }

    /// Whether the beginning of a call that is admitted now is known.
    pub(super) fn notes_the_time(&self) -> bool {
        self.config.slow_after.is_some() || self.state() != State::Closed
    }

    /// Goes by other numbers from now on.
    pub(super) fn reconfigure(&mut self, to: &Config, now: u64) {
        let from = mem::replace(&mut self.config, to.clone());
        if let Naive::Closed { calls, in_a_row }
        | Naive::Steered {
            calls, in_a_row, ..
        } = &mut self.state
        {
            if from.in_a_row.is_none() {
                *in_a_row = 0;
            }
            // The window stays where its shape does, and else begins empty.
            if from.shape() != to.shape() {
                calls.clear();
            }
        }
        if to.ramp.is_none() && self.state() == State::Ramping {
            self.closed_since = now;
            self.enter(CLOSED);
        }
        self.decide(now);
    }

    pub(super) fn is_steered(&self) -> bool {
        matches!(self.state, Naive::Steered { state, .. } if state != State::Ramping)
    }

    pub(super) fn state(&self) -> State {
        match self.state {
            Naive::Closed { .. } => State::Closed,
            Naive::Open { .. } => State::Open,
            Naive::Steered { state, .. } => state,
            Naive::HalfOpen { .. } => State::HalfOpen,
        }
    }
}
