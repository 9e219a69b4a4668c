mod least;
mod memory;
mod numbers;
mod slow_down;
#[cfg(all(test, not(loom)))]
mod tests;

use std::{ops::RangeInclusive, time::Duration};

use super::{
    Limit, Window, check_range,
    fractional::{BACKOFF, Fractional, TOLERATED},
    micros,
};
use crate::types::{InvalidConfig, InvalidConfigKind};
use memory::{Memory, PARTS};
use numbers::Numbers;
use slow_down::SlowDown;

/// Follows the latency: when calls take longer than they did, they queue somewhere, and the limit falls before a call fails.
///
/// ```text
/// base  = the least latency of the last `memory`
/// ratio = max(tolerance × base, healthy) / latency
/// limit = limit × clamp(ratio, 1/2, 9/8)     (one place more at 9/8)
/// ```
///
/// When the service is saturated the latency is the limit by the throughput (Little's law). `limit × ratio` is then the limit at
/// which a call takes as long as is tolerated, and one step goes there. The name and the idea are those of `Gradient2Limit` of
/// Netflix's [concurrency-limits](https://github.com/Netflix/concurrency-limits); the law is another one. The original takes a
/// mean for its base, which learns an outage, or, with a bound, never learns a new normal.
///
/// * **Overloads.** A window with more than 1 % of them lowers the limit by their share, at most by a tenth, and teaches
///   nothing. Fewer are ignored.
/// * **A limit that is not used says nothing.** The latency of a window in which less than half of the limit was in flight
///   changes nothing, up or down.
/// * **Whose queue is it?** In a slow-down the limit falls. If half of the calls takes as long, so that less gets done, the
///   queue is not made by this limit. The limit then returns to what it was, and not above. If the latency rises with it, the
///   queue is ours after all.
/// * **What is the base?** A tenth of the memory is a bucket, with the mean of 100 calls or more. The base is the lowest one.
///   After the first bucket, and when the lowest is about to be forgotten and none since is within a tenth of it, the base is
///   measured: half of the limit is admitted for two windows, and calls beyond that are refused or wait. That is how [Envoy](https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/adaptive_concurrency_filter)
///   measures, which goes down to three calls.
///
/// # A new normal and an outage
///
/// | | |
/// |---|---|
/// | calls take longer from now on | the limit is what it was before after 3 to 10 windows. It rises above that after [`memory`](Self::memory), at most after 1.2 × `memory` |
/// | calls take longer for up to 0.9 × `memory` | neither the base nor the limit rises. Two windows later the latency, and ten windows later the limit, is what it was before |
/// | calls take less time | known after two windows if it is less than half, otherwise after 0.1 to 0.2 × `memory` |
///
/// A window is a [`window`](crate::Builder::window) of traffic that uses the limit, with ten calls or more. A window with fewer
/// calls is ignored, and so is its time: nothing is forgotten in a pause or in an outage in which no call succeeds. A window
/// counts for 0.1 × `memory` at most. The first base needs four windows and 100 calls; until then the limit stays where it is.
///
/// The limit is never below 1 and never NaN, for any latencies. It rises from 1 to 20 within 14 windows. The law allocates
/// nothing.
// The tests of `limit/tests` simulate it. Rejected in the same simulation: a mean as the base (Netflix), which has 42 % of the
// throughput five minutes after the latency rose from 20 to 200 ms; such a mean with a bound above its lowest value, which
// has 13 % for ever; Vegas, which has 13.6 times the latency when the capacity falls; a measurement with three calls each
// minute (Envoy), which has 78 % of the throughput of slow calls.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(try_from = "crate::config::Table<Numbers>", into = "Numbers")
)]
#[must_use = "a law limits nothing until it is given to `build_adaptive`"]
#[doc(alias = "Gradient2Limit")]
#[doc(alias = "VegasLimit")]
pub struct Gradient2 {
    numbers: Numbers,
    learnt: Learnt,
}

impl Gradient2 {
    /// The defaults: between 1 and 1,000 places, a tolerance of 1.5, a memory of three minutes, no latency that is always
    /// healthy.
    pub const fn new() -> Self {
        Self {
            numbers: Numbers::DEFAULT,
            learnt: Learnt::NOTHING,
        }
    }

    /// The floor: 1 or more. The default is 1.
    pub const fn min(mut self, places: usize) -> Self {
        self.numbers.min = places;
        self
    }

    /// The ceiling: no less than the floor. The default is 1,000.
    pub const fn max(mut self, places: usize) -> Self {
        self.numbers.max = places;
        self
    }

    /// How many times the base a healthy latency may be: 1.1 or more. The default is 1.5. Where the latency of windows varies by
    /// chance, up to 2.0 times the base is healthy.
    ///
    /// It is also the latency of an overloaded service: at 1.5 calls wait in the service for half of the time that they take.
    pub const fn tolerance(mut self, times: f64) -> Self {
        self.numbers.tolerance = times;
        self
    }

    /// How long a latency is known: ten seconds or more, and at least ten times the [`window`](crate::Builder::window). The
    /// default is three minutes. [`Duration::MAX`] forgets none.
    ///
    /// Choose it longer than the outages that the service may have. A slow-down of up to 0.9 × `memory` is not learnt, a longer
    /// one is normal after 1.2 × `memory` at most.
    pub const fn memory(mut self, time: Duration) -> Self {
        self.numbers.memory = time;
        self
    }

    /// A latency that is always healthy: the limit does not fall while calls take no longer. The default is none.
    pub const fn healthy(mut self, latency: Duration) -> Self {
        self.numbers.healthy = Some(latency);
        self
    }

    /// Forgets what was learnt: this configuration before its first window.
    pub const fn relearn(mut self) -> Self {
        self.learnt = Learnt::NOTHING;
        self
    }
}

impl Default for Gradient2 {
    fn default() -> Self {
        Self::new()
    }
}

/// What was learnt.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Learnt {
    /// A measurement does not change it, and ends with it.
    limit: Fractional,
    /// The length of all windows that said something, in microseconds.
    now: u64,
    memory: Memory,
    slow_down: Option<SlowDown>,
    measuring: Option<Measuring>,
}

/// Half of the limit is admitted.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Measuring {
    /// Calls that were admitted under the former limit are still in flight.
    Settling,
    Now,
}

impl Learnt {
    const NOTHING: Self = Self {
        limit: Fractional::NONE,
        now: 0,
        memory: Memory::NOTHING,
        slow_down: None,
        measuring: None,
    };
}

/// A window with enough calls. Times in microseconds.
#[derive(Clone, Copy, Debug)]
struct Seen {
    now: u64,
    calls: u64,
    latency: f64,
    /// Calls a second.
    throughput: f64,
}

/// The calls of a window that says something. A window with fewer ended because there was no more traffic.
const ENOUGH: u64 = 10;

/// A memory has ten parts, and a window of the default length is a second.
const LEAST_MEMORY: Duration = Duration::from_secs(10);

/// At the base itself the limit rises by this.
const LEAST_TOLERANCE: f64 = 1.1;

/// The most that the limit rises in a window. From 1 to 20 in ten of them, with the place that is added.
const STEEPEST: f64 = 1.125;

impl Seen {
    #[expect(clippy::cast_precision_loss, reason = "for a mean")]
    fn new(window: &Window, before: u64, age: u64) -> Option<Self> {
        let calls = window.successes();
        let latency = window.latency().filter(|_| calls >= ENOUGH)?;
        // Nothing is forgotten in a pause. Otherwise the first calls after a quiet night would be the base, with their queue.
        let lasted = micros(window.length()).min(age / PARTS);
        Some(Self {
            now: before.saturating_add(lasted),
            calls,
            latency: float(latency).max(1.0),
            throughput: calls as f64 / window.length().as_secs_f64().max(1e-6),
        })
    }
}

impl Gradient2 {
    /// The limit after a window with `seen`.
    fn follow(&mut self, window: &Window, seen: &Seen) -> usize {
        let (range, age) = (self.range(), micros(self.numbers.memory));
        let learnt = &mut self.learnt;
        learnt.now = seen.now;
        match learnt.measuring {
            None => {}
            Some(Measuring::Settling) => {
                learnt.measuring = Some(Measuring::Now);
                return learnt.limit.answered();
            }
            Some(Measuring::Now) => {
                learnt.measuring = None;
                if window.was_used() {
                    learnt.memory.measured(seen, age);
                }
                return learnt.limit.answer(learnt.limit.exact(), range);
            }
        }
        learnt.memory.learn(seen, age);
        let Some(base) = learnt.memory.base().filter(|_| window.was_used()) else {
            return learnt.limit.answered();
        };
        let limit = learnt.limit.exact();
        let healthy = self.numbers.healthy.map_or(0.0, float);
        let tolerance = self.numbers.tolerance.max(learnt.memory.chance());
        let bound = |least: f64| (tolerance * least).max(healthy);
        if seen.latency <= bound(base) {
            learnt.slow_down = None;
        } else if let Some(slow_down) = &mut learnt.slow_down {
            if !slow_down.judge(limit, seen) {
                return learnt.limit.answered();
            }
        } else {
            learnt.slow_down = Some(SlowDown::new(limit));
            return learnt.limit.answered();
        }
        let given_up = learnt.slow_down.and_then(|slow| slow.given_up());
        let ratio = bound(given_up.unwrap_or(base)) / seen.latency;
        let next = if ratio < 1.0 {
            if let Some(slow_down) = &mut learnt.slow_down {
                slow_down.cut(ratio);
            }
            limit * ratio.max(0.5)
        } else {
            let more = if ratio < STEEPEST { 0.0 } else { 1.0 };
            let cap = learnt.slow_down.map_or(f64::INFINITY, |slow| slow.cap());
            (limit * ratio.min(STEEPEST) + more).min(cap)
        };
        let answer = learnt.limit.set(next, range.clone());
        let next = learnt.limit.exact();
        if next >= 2.0 && given_up.is_none() && learnt.memory.is_due(seen.now, age) {
            learnt.measuring = Some(Measuring::Settling);
            return learnt.limit.answer(next / 2.0, range);
        }
        answer
    }

    const fn range(&self) -> RangeInclusive<usize> {
        self.numbers.min..=self.numbers.max
    }
}

#[expect(clippy::cast_precision_loss, reason = "for ratios")]
fn float(time: Duration) -> f64 {
    micros(time) as f64
}

impl Limit for Gradient2 {
    fn next(&mut self, window: &Window) -> usize {
        let range = self.range();
        let learnt = &mut self.learnt;
        if learnt.limit.begins_anew(window, range.clone()) {
            (learnt.slow_down, learnt.measuring) = (None, None);
        }
        let overloads = window.overload_share();
        if overloads > TOLERATED {
            learnt.measuring = None;
            let next = learnt.limit.exact() * BACKOFF.max(1.0 - overloads);
            return learnt.limit.set(next, range);
        }
        match Seen::new(window, learnt.now, micros(self.numbers.memory)) {
            Some(seen) => self.follow(window, &seen),
            None => learnt.limit.answered(),
        }
    }

    fn check(&self) -> Result<(), InvalidConfig> {
        let numbers = &self.numbers;
        check_range(numbers.min, numbers.max)?;
        // Written so that a NaN is refused too.
        if !(numbers.tolerance >= LEAST_TOLERANCE && numbers.tolerance.is_finite()) {
            return Err(InvalidConfigKind::Tolerance(numbers.tolerance).into());
        }
        if numbers.memory < LEAST_MEMORY {
            return Err(InvalidConfigKind::Memory(numbers.memory).into());
        }
        Ok(())
    }
}
