//! The numbers of a breaker, in plain sight.

use std::time::Duration;

use proptest::prelude::*;

use crate::{Builder, CircuitBreaker, OnCancel, Probes, Ramp, Wait, Window, types::ticks::NEVER};

/// As it is built: the builder, and the same numbers in plain sight.
#[derive(Clone, Debug)]
pub(super) struct Config {
    /// Failures of calls.
    pub(super) ratio: Option<(u32, u32)>,
    /// Failures of any number of calls.
    pub(super) count: Option<u32>,
    pub(super) slow_ratio: Option<(u32, u32)>,
    pub(super) slow_after: Option<u64>,
    pub(super) on_cancel: OnCancel,
    pub(super) window: Looks,
    pub(super) minimum: u32,
    pub(super) in_a_row: Option<u32>,
    /// How long after a failure the row is forgotten.
    pub(super) row_age: u64,
    pub(super) wait: u64,
    /// By how much each wait is longer.
    pub(super) multiplier: u32,
    /// At most, after that.
    pub(super) wait_cap: u64,
    pub(super) results: u32,
    /// How many have to succeed, where the ratio does not decide.
    pub(super) successes: Option<u32>,
    pub(super) in_flight: u32,
    /// The longest wait that a backend may ask for.
    pub(super) max_asked: u64,
    pub(super) probe_time: u64,
    /// Whether a success may open it.
    pub(super) evaluate_every_call: bool,
    /// How long each step is, and the shares of a hundred calls.
    pub(super) ramp: Option<(u64, &'static [u8])>,
}

/// At what the ratios look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Looks {
    Back(u64),
    AtLast(u32),
}

impl Config {
    pub(super) fn build(&self) -> CircuitBreaker {
        self.builder().build("model").unwrap()
    }

    pub(super) fn builder(&self) -> Builder {
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

    pub(super) const fn counts_failures(&self) -> bool {
        self.ratio.is_some() || self.count.is_some()
    }

    /// The kind and the length of the window, and which ratios are counted in it.
    pub(super) fn shape(&self) -> Option<(Looks, bool, bool)> {
        let (failed, slow) = (self.counts_failures(), self.slow_ratio.is_some());
        let window = match self.window {
            Looks::Back(time) => Looks::Back(time.min(NEVER).div_ceil(16)),
            calls @ Looks::AtLast(_) => calls,
        };
        (failed || slow).then_some((window, failed, slow))
    }
}

pub(super) fn config() -> impl Strategy<Value = Config> {
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
