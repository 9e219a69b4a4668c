//! The circuit breaker against a naive one, which keeps every call in a list and does what is due
//! at the moment it is due.

use std::{collections::VecDeque, mem, time::Duration};

use proptest::prelude::*;
use tokio::time::Instant;

use crate::{
    Builder, Call, Cause, CircuitBreaker, OnCancel, Outcome, Override, Probes, Ramp, State, Wait,
    Window, types::ticks::NEVER,
};

/// As it is built: the builder, and the same numbers in plain sight.
#[derive(Clone, Debug)]
struct Config {
    /// Failures of calls.
    ratio: Option<(u32, u32)>,
    /// Failures of any number of calls.
    count: Option<u32>,
    slow_ratio: Option<(u32, u32)>,
    slow_after: Option<u64>,
    on_cancel: OnCancel,
    window: Looks,
    minimum: u32,
    in_a_row: Option<u32>,
    /// How long after a failure the row is forgotten.
    row_age: u64,
    wait: u64,
    /// By how much each wait is longer.
    multiplier: u32,
    /// At most, after that.
    wait_cap: u64,
    results: u32,
    /// How many have to succeed, where the ratio does not decide.
    successes: Option<u32>,
    in_flight: u32,
    /// The longest wait that a backend may ask for.
    max_asked: u64,
    probe_time: u64,
    /// Whether a success may open it.
    evaluate_every_call: bool,
    /// How long each step is, and the shares of a hundred calls.
    ramp: Option<(u64, &'static [u8])>,
}

/// At what the ratios look.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Looks {
    Back(u64),
    AtLast(u32),
}

impl Config {
    fn build(&self) -> CircuitBreaker {
        self.builder().build("model").unwrap()
    }

    fn builder(&self) -> Builder {
        let mut builder: Builder = CircuitBreaker::builder()
            .window(match self.window {
                Looks::Back(time) => Window::time(Duration::from_nanos(time)),
                Looks::AtLast(calls) => Window::calls(calls),
            })
            .minimum_calls(self.minimum)
            .wait_in_open(Wait::exponential_by(
                f64::from(self.multiplier),
                Duration::from_nanos(self.wait),
                Duration::from_nanos(self.wait_cap),
            ))
            .probes(
                match self.successes {
                    Some(needed) => Probes::successes(needed, self.results),
                    None => Probes::results(self.results),
                }
                .in_flight(self.in_flight),
            )
            .max_retry_after(Duration::from_nanos(self.max_asked))
            .probe_deadline(Duration::from_nanos(self.probe_time))
            .on_cancel(self.on_cancel);
        if self.evaluate_every_call {
            builder = builder.evaluate_every_call();
        }
        if let Some((step, shares)) = self.ramp {
            builder = builder.ramp(Ramp::new(Duration::from_nanos(step)).percent(shares));
        }
        if let Some((slow, calls)) = self.slow_ratio {
            builder = builder.slow_ratio(f64::from(slow) / f64::from(calls));
        }
        if let Some(limit) = self.slow_after {
            builder = builder.slow_after(Duration::from_nanos(limit));
        }
        if let Some((failures, calls)) = self.ratio {
            builder = builder.failure_ratio(f64::from(failures) / f64::from(calls));
        }
        if let Some(failures) = self.in_a_row {
            builder = builder
                .consecutive_failures(failures)
                .forget_failures_after(Duration::from_nanos(self.row_age));
        }
        if let Some(failures) = self.count {
            builder = builder.failure_count(failures);
        }
        builder
    }

    const fn counts_failures(&self) -> bool {
        self.ratio.is_some() || self.count.is_some()
    }

    /// The kind and the length of the window, and which ratios are counted in it.
    fn shape(&self) -> Option<(Looks, bool, bool)> {
        let (failed, slow) = (self.counts_failures(), self.slow_ratio.is_some());
        let window = match self.window {
            Looks::Back(time) => Looks::Back(time.min(NEVER).div_ceil(16)),
            calls @ Looks::AtLast(_) => calls,
        };
        (failed || slow).then_some((window, failed, slow))
    }
}

fn config() -> impl Strategy<Value = Config> {
    let ratio = prop::sample::select(vec![(1, 2), (1, 10), (2, 3), (29, 100), (1, 1), (1, 3)]);
    // Any combination of triggers, one at least.
    let triggers = (
        prop::option::of(ratio.clone()),
        prop::option::of(ratio),
        prop::option::of((
            1_u32..4,
            prop::sample::select(vec![1_u64, 30, 1_000, u64::MAX]),
        )),
        prop::option::of(1_u32..6),
    )
        .prop_filter("one trigger", |(failed, slow, in_a_row, count)| {
            failed.is_some() || slow.is_some() || in_a_row.is_some() || count.is_some()
        });
    (
        triggers,
        prop::option::of(prop::sample::select(vec![1_u64, 5, 40, 2_000, u64::MAX])),
        prop::sample::select(vec![
            OnCancel::Ignored,
            OnCancel::Failure,
            OnCancel::FailureIfSlow,
        ]),
        prop_oneof![
            prop::sample::select(vec![1_u64, 16, 100, 1_000, 1_000_000_007, u64::MAX])
                .prop_map(Looks::Back),
            prop::sample::select(vec![1_u32, 2, 3, 7, 9, 20]).prop_map(Looks::AtLast),
        ],
        1_u32..6,
        (
            prop::sample::select(vec![1_u64, 10, 50, 100_000_000, u64::MAX]),
            (2_u32..5, prop::sample::select(vec![1_u64, 2, 7, 1 << 40])),
            prop::sample::select(vec![0_u64, 40, u64::MAX]),
        ),
        (1_u32..4, prop::option::of(1_u32..4)),
        1_u32..4,
        prop::sample::select(vec![1_u64, 7, 60, 100_000_000, u64::MAX]),
        (
            any::<bool>(),
            prop::option::of((
                prop::sample::select(vec![1_u64, 40, 1_000, u64::MAX]),
                prop::sample::select(vec![&[10, 25, 50][..], &[50], &[1, 2, 3, 4, 5, 6, 7, 99]]),
            )),
        ),
    )
        .prop_map(
            |(
                (ratio, slow_ratio, in_a_row, count),
                slow_after,
                on_cancel,
                window,
                minimum,
                (wait, (multiplier, times), max_asked),
                (results, successes),
                in_flight,
                probe_time,
                (evaluate_every_call, ramp),
            )| {
                let most = match window {
                    Looks::AtLast(calls) => calls,
                    Looks::Back(_) => u32::MAX,
                };
                let needs_slow = slow_ratio.is_some() || on_cancel == OnCancel::FailureIfSlow;
                Config {
                    ratio,
                    count: count.map(|failures| failures.min(most)),
                    slow_ratio,
                    slow_after: slow_after.or(needs_slow.then_some(5)),
                    on_cancel,
                    window,
                    minimum: minimum.min(most),
                    in_a_row: in_a_row.map(|(failures, _)| failures),
                    row_age: in_a_row.map_or(1, |(_, age)| age),
                    wait,
                    multiplier,
                    wait_cap: wait.saturating_mul(times),
                    results,
                    successes: successes.map(|needed| needed.min(results)),
                    in_flight,
                    max_asked,
                    probe_time,
                    evaluate_every_call,
                    ramp,
                }
            },
        )
}

#[derive(Clone, Debug)]
enum Step {
    Advance(u64),
    Admit,
    /// Ends a call (an index modulo the calls in flight) with an outcome; `None` cancels it.
    Settle(usize, Option<Outcome>),
    Reset,
    /// An operator's state, for so long.
    Steer(State, Option<u64>),
    /// An operator opens it for a wait.
    Trip,
    Resume,
    /// Other numbers.
    Reconfigure(Box<Config>),
    /// Looks. Whether anybody does must make no difference.
    Look,
}

fn step() -> impl Strategy<Value = Step> {
    let time = prop_oneof![
        4 => 0_u64..4,
        4 => 0_u64..70,
        2 => 0_u64..1_100,
        1 => 0_u64..1_100_000_000,
        1 => prop::sample::select(vec![3_600_000_000_007, 31_557_600_000_000_011, u64::MAX]),
    ];
    let outcome = prop::sample::select(vec![
        Some(Outcome::Success),
        Some(Outcome::Failure),
        Some(Outcome::Failure),
        Some(Outcome::Ignored),
        Some(Outcome::FailureFor(Duration::from_nanos(70))),
        Some(Outcome::FailureFor(Duration::MAX)),
        None,
    ]);
    let steered =
        prop::sample::select(vec![State::ForcedOpen, State::Disabled, State::MetricsOnly]);
    let lasts = prop::option::of(prop::sample::select(vec![0_u64, 1, 40, 1_000, u64::MAX]));
    prop_oneof![
        4 => time.prop_map(Step::Advance),
        6 => Just(Step::Admit),
        5 => (any::<usize>(), outcome).prop_map(|(which, how)| Step::Settle(which, how)),
        1 => Just(Step::Reset),
        1 => (steered, lasts).prop_map(|(state, lasts)| Step::Steer(state, lasts)),
        1 => Just(Step::Trip),
        1 => Just(Step::Resume),
        2 => config().prop_map(|config| Step::Reconfigure(Box::new(config))),
        1 => Just(Step::Look),
    ]
}

// === The naive breaker ===

#[derive(Clone, Copy, Debug)]
struct Ended {
    /// `None` where it is not in the window in this respect.
    failed: Option<bool>,
    slow: Option<bool>,
}

/// A call in flight.
#[derive(Clone, Copy, Debug)]
struct Begun {
    number: usize,
    generation: u64,
    /// `None` where no clock was read.
    at: Option<u64>,
}

#[derive(Debug)]
enum Naive {
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
struct Model {
    config: Config,
    state: Naive,
    generation: u64,
    cause: Option<Cause>,
    would_have_opened: u32,
    /// How many openings it remembers.
    openings: u32,
    /// Since when it has been closed, or has forgotten the last opening.
    closed_since: u64,
    /// Until when a backend wants to be left alone.
    alone_until: u64,
    /// When the last failure in a row ended.
    last_failure: u64,
    /// Calls that came on the ramp.
    arrivals: u64,
}

const CLOSED: Naive = Naive::Closed {
    calls: Vec::new(),
    in_a_row: 0,
};

impl Model {
    fn enter(&mut self, state: Naive) {
        self.state = state;
        self.generation += 1;
    }

    fn steer(&mut self, state: State, until: Option<u64>) {
        self.enter(Naive::Steered {
            state,
            until,
            calls: Vec::new(),
            in_a_row: 0,
        });
    }

    fn open(&mut self, now: u64, cause: Cause) {
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

    fn open_for_a_wait(&mut self, now: u64, cause: Cause) {
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

    fn reaches_ratio(&self, failures: u32, calls: u32) -> bool {
        let (of_failures, of_calls) = self.config.ratio.unwrap_or((1, 2));
        failures * of_calls >= calls * of_failures
    }

    fn is_slow(&self, begun: Option<u64>, now: u64) -> bool {
        (self.config.slow_after.zip(begun)).is_some_and(|(limit, at)| now - at >= limit.min(NEVER))
    }

    /// Whether a call failed; `None` if it says nothing.
    fn has_failed(&self, how: Option<Outcome>, slow: bool) -> Option<bool> {
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
    fn window(&self, now: u64) -> Vec<Ended> {
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
    fn advance(&mut self, now: u64) {
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

    /// Admits the call with this number, or says how long it should wait.
    fn admit(&mut self, call: usize, now: u64) -> Result<u64, u64> {
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

    fn settle(&mut self, call: Begun, how: Option<Outcome>, now: u64) {
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

    fn settle_probe(&mut self, call: usize, failed: Option<bool>, alone_until: u64, now: u64) {
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
    fn decide(&mut self, now: u64) {
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

    /// Whether the beginning of a call that is admitted now is known.
    fn notes_the_time(&self) -> bool {
        self.config.slow_after.is_some() || self.state() != State::Closed
    }

    /// Goes by other numbers from now on.
    fn reconfigure(&mut self, to: &Config, now: u64) {
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

    fn is_steered(&self) -> bool {
        matches!(self.state, Naive::Steered { state, .. } if state != State::Ramping)
    }

    fn state(&self) -> State {
        match self.state {
            Naive::Closed { .. } => State::Closed,
            Naive::Open { .. } => State::Open,
            Naive::Steered { state, .. } => state,
            Naive::HalfOpen { .. } => State::HalfOpen,
        }
    }
}

// === The comparison ===

struct Both {
    breaker: CircuitBreaker,
    model: Model,
    start: Instant,
    elapsed: u64,
    /// Calls in flight.
    calls: Vec<(Call, Begun)>,
    admitted: usize,
}

impl Both {
    fn new(config: &Config) -> Self {
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

    fn now(&self) -> Instant {
        self.start + Duration::from_nanos(self.elapsed)
    }

    fn take(&mut self, step: Step) -> Result<(), TestCaseError> {
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

    fn compare(&self) -> Result<(), TestCaseError> {
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

proptest! {
    #[test]
    fn any_history_agrees_with_a_naive_breaker(
        config in config(),
        steps in prop::collection::vec(step(), 0..150),
    ) {
        let mut both = Both::new(&config);
        for step in steps {
            both.take(step)?;
        }
        both.compare()?;
    }

    #[test]
    fn a_healthy_backend_closes_it_from_any_state(
        mut config in config(),
        steps in prop::collection::vec(step(), 0..80),
    ) {
        config.wait = config.wait.min(1_000);
        config.wait_cap = config.wait_cap.clamp(config.wait, 1_000);
        config.probe_time = config.probe_time.min(1_000);
        config.ramp = config.ramp.map(|(step, shares)| (step.min(100), shares));
        let mut both = Both::new(&config);
        for step in steps {
            // Near the end of time nothing elapses; and a backend that asks not to be called at all
            // is not.
            if !matches!(step, Step::Advance(u64::MAX) | Step::Reconfigure(_) | Step::Settle(_, Some(Outcome::FailureFor(_)))) {
                both.take(step)?;
            }
        }
        both.take(Step::Resume)?;
        // The calls in flight hang. One step for its time to be over, one for the wait that may
        // follow, and a probe for each result.
        for _ in 0..2 + config.results + if config.evaluate_every_call { 30 } else { 0 } {
            both.take(Step::Advance(1_000))?;
            if let Ok(call) = both.breaker.try_acquire_at(both.now()) {
                call.finish_at(Outcome::Success, both.now());
            }
        }
        // And the ramp, where there is one.
        both.take(Step::Advance(1_000))?;
        prop_assert_eq!(both.breaker.state_at(both.now()), State::Closed);
    }

    #[test]
    fn every_kind_of_rejection_names_its_exact_end(
        why in 0_usize..4,
        wait in 1_u64..NEVER / 4,
        asked in any::<prop::sample::Index>(),
    ) {
        let nanos = Duration::from_nanos;
        let builder = CircuitBreaker::builder().consecutive_failures(1).probes(Probes::one());
        let start = Instant::now();
        let (breaker, outcome) = match why {
            // A wait with jitter; a backend that wants to be left alone; an override; a probe that
            // hangs.
            0 => (builder.wait_in_open(Wait::fixed(nanos(wait)).jitter(0.5)), Outcome::Failure),
            1 => (builder.wait_in_open(Wait::fixed(nanos(1))).max_retry_after(Duration::MAX), Outcome::FailureFor(nanos(wait))),
            2 => (builder, Outcome::Success),
            _ => (
                builder.wait_in_open(Wait::fixed(nanos(1))).probe_deadline(nanos(wait)),
                Outcome::Failure,
            ),
        };
        let breaker = breaker.build("exact").unwrap();
        breaker.try_acquire_at(start).unwrap().finish_at(outcome, start);
        let mut begins = start;
        let mut hangs = None;
        if why == 2 {
            breaker.force_open_at(Override::new("operator", "test").lasting(nanos(wait)), start);
        } else if why == 3 {
            begins += nanos(1);
            hangs = Some(breaker.try_acquire_at(begins).unwrap());
        }
        let rest = breaker.try_acquire_at(begins).unwrap_err().retry_at() - begins;
        let passed = asked.index(usize::try_from(rest.as_nanos()).unwrap()) as u64;
        let now = begins + nanos(passed);
        let retry_after = breaker.try_acquire_at(now).unwrap_err().retry_at() - now;
        prop_assert!(breaker.try_acquire_at(now + retry_after - nanos(1)).is_err());
        if why == 3 {
            // Its failure opens it again: at that instant, for the wait of 1 ns, and not a moment
            // before.
            prop_assert_eq!(breaker.state_at(now + retry_after), State::Open);
            prop_assert!(breaker.try_acquire_at(now + retry_after + nanos(1)).is_ok());
        } else {
            prop_assert!(breaker.try_acquire_at(now + retry_after).is_ok());
        }
        drop(hangs);
    }

    #[test]
    fn an_open_breaker_names_the_exact_end_of_its_wait(
        wait in 1_u64..NEVER,
        asked in any::<prop::sample::Index>(),
    ) {
        let breaker = CircuitBreaker::builder()
            .consecutive_failures(1)
            .wait_in_open(Wait::fixed(Duration::from_nanos(wait)))
            .build("exact")
            .unwrap();
        let start = Instant::now();
        breaker.try_acquire_at(start).unwrap().finish_at(Outcome::Failure, start);
        let now = start + Duration::from_nanos(asked.index(usize::try_from(wait).unwrap()) as u64);
        let retry_after = breaker.try_acquire_at(now).unwrap_err().retry_at() - now;
        let early = now + retry_after - Duration::from_nanos(1);
        prop_assert!(breaker.try_acquire_at(early).is_err());
        prop_assert!(breaker.try_acquire_at(now + retry_after).is_ok());
    }
}

#[test]
fn a_window_of_calls_is_that_of_a_deque_for_many_laps() {
    for size in [1_u32, 2, 8, 9, 16, 1_023, 1_024] {
        let breaker = CircuitBreaker::builder()
            .failure_ratio(1.0)
            .slow_ratio(1.0)
            .slow_after(Duration::from_nanos(5))
            .window(Window::calls(size))
            .build("laps")
            .unwrap();
        let start = Instant::now();
        let mut held = VecDeque::new();
        // Multiplicative, so that no pattern fits the laps. Failures come in waves, with clean laps
        // between. Long enough that the numbers of calls begin anew, which in tests is after 4,095.
        for n in 0..u64::from(size) + 5_000 {
            let random = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
            let wave = n / (2 * u64::from(size)) % 2 == 0;
            let (failed, slow) = (wave && random % 3 == 0, wave && random % 5 == 0);
            // Never all of them, which would open it.
            let (failed, slow) = (
                failed && n % 2 == 0 && size > 1,
                slow && n % 2 == 0 && size > 1,
            );
            let now = start + Duration::from_nanos(if slow { 5 } else { 4 });
            let outcome = if failed {
                Outcome::Failure
            } else {
                Outcome::Success
            };
            breaker
                .try_acquire_at(start)
                .unwrap()
                .finish_at(outcome, now);
            held.push_back((failed, slow));
            if held.len() > size as usize {
                held.pop_front();
            }
            let snapshot = breaker.snapshot_at(now);
            let count = |f: fn(&(bool, bool)) -> bool| held.iter().filter(|h| f(h)).count();
            assert_eq!(snapshot.calls() as usize, held.len());
            assert_eq!(
                snapshot.failures() as usize,
                count(|h| h.0),
                "{n} of {size}"
            );
            assert_eq!(
                snapshot.slow_calls() as usize,
                count(|h| h.1),
                "{n} of {size}"
            );
        }
    }
}

#[test]
fn a_probe_that_succeeds_slowly_has_failed() {
    let breaker = CircuitBreaker::builder()
        .consecutive_failures(1)
        .slow_after(Duration::from_nanos(5))
        .wait_in_open(Wait::fixed(Duration::from_nanos(1)))
        .probes(Probes::one())
        .build("slow")
        .unwrap();
    let start = Instant::now();
    let call = breaker.try_acquire_at(start).unwrap();
    call.finish_at(Outcome::Failure, start);
    let half_open = start + Duration::from_nanos(1);
    let probe = breaker.try_acquire_at(half_open).unwrap();
    let end = half_open + Duration::from_nanos(5);
    probe.finish_at(Outcome::Success, end);
    assert_eq!(breaker.state_at(end), State::Open);
}

#[test]
fn a_call_that_ends_after_an_override_is_late() {
    let breaker = CircuitBreaker::builder()
        .consecutive_failures(1)
        .build("measured")
        .unwrap();
    let start = Instant::now();
    let end = start + Duration::from_nanos(5);
    let by = Override::new("operator", "test").lasting(Duration::from_nanos(5));
    breaker.metrics_only_at(by, start);
    let call = breaker.try_acquire_at(start).unwrap();
    call.finish_at(Outcome::Failure, end);
    let snapshot = breaker.snapshot_at(end);
    assert_eq!(
        (snapshot.state(), snapshot.would_have_opened()),
        (State::Closed, 0)
    );
    assert_eq!(snapshot.generation(), 2);
}

#[test]
fn a_late_probe_leaves_a_reused_slot_alone() {
    let breaker = CircuitBreaker::builder()
        .consecutive_failures(1)
        .wait_in_open(Wait::fixed(Duration::from_nanos(1)))
        .probes(Probes::results(1))
        .probe_deadline(Duration::MAX)
        .build("late")
        .unwrap();
    let start = Instant::now();
    breaker.state_at(start);
    // So late that all of these probes end with time itself, and their leases are equal.
    let half_open = |at: u64| {
        let fails = start + Duration::from_nanos(1_000 + at);
        breaker
            .try_acquire_at(fails)
            .unwrap()
            .finish_at(Outcome::Failure, fails);
        let now = fails + Duration::from_nanos(1);
        (breaker.try_acquire_at(now).unwrap(), now)
    };
    let (late, now) = half_open(0);
    // Eight generations on a lease has the same tag.
    for _ in 0..6 {
        breaker.reset_at(Override::new("test", "reset"), now);
    }
    let (probe, now) = half_open(10);
    assert_eq!(breaker.snapshot_at(now).generation(), 2 + 8);
    late.finish_at(Outcome::Failure, now);
    probe.finish_at(Outcome::Success, now);
    assert_eq!(breaker.state_at(now), State::Closed);
}

#[test]
fn a_success_opens_where_every_call_is_evaluated() {
    let builder = CircuitBreaker::builder()
        .failure_ratio(0.5)
        .minimum_calls(3)
        .window(Window::calls(10));
    let now = Instant::now();
    for (builder, state) in [
        (builder, State::Closed),
        (builder.evaluate_every_call(), State::Open),
    ] {
        let breaker = builder.build("test").unwrap();
        for outcome in [Outcome::Failure, Outcome::Failure, Outcome::Success] {
            breaker.try_acquire_at(now).unwrap().finish_at(outcome, now);
        }
        assert_eq!(breaker.snapshot_at(now).state(), state);
    }
}

#[test]
fn an_opening_on_a_ramp_waits_longer_than_the_first() {
    let secs = Duration::from_secs;
    let breaker = CircuitBreaker::builder()
        .consecutive_failures(1)
        .wait_in_open(Wait::exponential(secs(1), secs(100)))
        .probes(Probes::one())
        .ramp(Ramp::new(secs(60)).percent(&[99]))
        .build("ramp")
        .unwrap();
    let start = Instant::now();
    let call = |at, outcome| {
        let now = start + secs(at);
        let call = breaker.try_acquire_at(now).unwrap();
        call.finish_at(outcome, now);
        breaker.snapshot_at(now).retry_after()
    };
    assert_eq!(call(0, Outcome::Failure), Some(secs(1)));
    assert_eq!(call(1, Outcome::Success), None);
    assert_eq!(call(60, Outcome::Failure), Some(secs(2)), "on the ramp");
    assert_eq!(call(62, Outcome::Success), None);
    // The ramp ends at 122 s. Two openings are remembered, each for 10 s.
    assert_eq!(call(131, Outcome::Failure), Some(secs(4)), "soon after it");
    assert_eq!(call(135, Outcome::Success), None);
    assert_eq!(call(225, Outcome::Failure), Some(secs(1)), "long after it");
}
