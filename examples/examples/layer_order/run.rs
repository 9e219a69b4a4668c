//! One run: half a minute of calls over one stack.

use std::time::Duration;

use maestro_circuit_breaker::State;
use tokio::{
    runtime::Builder,
    task::JoinSet,
    time::{Instant, sleep},
};
use tower::ServiceExt;

use crate::{
    backend::{Backend, Behaviour},
    stack::{Answer, CallError, Kind, Rig, Stack},
};

/// The calls of a run.
const CALLS: u32 = 3_000;
/// Between two calls.
const EVERY: Duration = Duration::from_millis(10);

/// The measurements of a run.
pub(crate) struct Figures {
    /// When the breaker was first seen open, and the attempts that had reached the backend.
    opened: Option<(Duration, u64)>,
    pub(crate) attempts: u64,
    /// The most attempts that ran at once.
    pub(crate) most: u64,
    /// The most places of the bulkhead that were held while no attempt ran.
    pub(crate) idle_places: u64,
    /// The limit of the bulkhead in the end.
    pub(crate) limit: usize,
    /// The bad events in the error budget.
    bad_events: u64,
    /// One for each call.
    calls: Vec<Call>,
}

struct Call {
    took: Duration,
    result: Result<Answer, CallError>,
}

/// Runs half a minute of calls over the layers of `order`, outside in, with a bulkhead of `places`.
pub(crate) fn run(order: &[Kind], behaviour: Behaviour, places: usize) -> Figures {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without io needs nothing from the system");
    runtime.block_on(drive(order, behaviour, places))
}

async fn drive(order: &[Kind], behaviour: Behaviour, places: usize) -> Figures {
    let start = Instant::now();
    let rig = Rig::new(Backend::new(behaviour), order, places).expect("legal numbers");
    let stack = rig.stack(order);
    let mut calls = JoinSet::new();
    let (mut opened, mut idle_places) = (None, 0);
    for request in 0..CALLS {
        calls.spawn(call(stack.clone(), request));
        sleep(EVERY).await;
        if opened.is_none() && rig.breaker.state() == State::Open {
            opened = Some((start.elapsed(), rig.backend.attempts()));
        }
        let held = u64::try_from(rig.bulkhead.in_flight()).expect("a few hundred");
        idle_places = idle_places.max(held.saturating_sub(rig.backend.running()));
    }
    let calls = calls.join_all().await;
    let counts = rig.budget.counts(rig.budget.period());
    Figures {
        opened,
        attempts: rig.backend.attempts(),
        most: rig.backend.most(),
        idle_places,
        limit: rig.bulkhead.limit(),
        bad_events: counts.bad(),
        calls,
    }
}

async fn call(stack: Stack, request: u32) -> Call {
    let start = Instant::now();
    let result = stack.oneshot(request).await;
    Call {
        took: start.elapsed(),
        result,
    }
}

// === impl Figures ===

impl Figures {
    /// The time that `percent` of the calls did not exceed.
    pub(crate) fn percentile(&self, percent: usize) -> String {
        let mut times: Vec<_> = self.calls.iter().map(|call| call.took).collect();
        times.sort_unstable();
        millis(times[times.len() * percent / 100 - 1])
    }

    /// The calls with such a result.
    pub(crate) fn count(&self, is: fn(&Result<Answer, CallError>) -> bool) -> usize {
        self.calls.iter().filter(|call| is(&call.result)).count()
    }

    /// The bad events in the error budget, and the calls that failed.
    pub(crate) fn counted(&self) -> String {
        format!("{} of {}", self.bad_events, self.count(Result::is_err))
    }

    /// The calls that a bulkhead rejected.
    pub(crate) fn full(&self) -> usize {
        self.count(|result| matches!(result, Err(CallError::Full(_))))
    }

    pub(crate) fn attempts_until_open(&self) -> String {
        let opened = self.opened.map(|(_, attempts)| attempts.to_string());
        opened.unwrap_or_else(never)
    }

    pub(crate) fn time_until_open(&self) -> String {
        let opened = self.opened.map(|(time, _)| millis(time));
        opened.unwrap_or_else(never)
    }
}

fn never() -> String {
    "never".to_owned()
}

fn millis(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
