//! A stack of all layers in any order over a scripted dependency, run on a paused clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use maestro_bulkhead::{Bulkhead, BulkheadLayer, Full};
use maestro_circuit_breaker::{
    CircuitBreaker, CircuitBreakerLayer, Open, Outcome, Probes, Wait, Window,
};
use maestro_retry::{Backoff, RetryBudget, RetryLayer, RetryPolicy};
use maestro_slo_budget::{Class, ErrorBudget, ErrorBudgetLayer, Gate, GateLayer, Spent};
use maestro_timeout::{Elapsed, TimeoutLayer};
use proptest::prelude::*;
use tokio::time::{Instant, sleep, timeout};
use tower::{Layer, ServiceExt, service_fn, util::BoxCloneSyncService};

/// The error of the whole stack.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum StackError {
    #[error("circuit open")]
    Open(#[from] Open),
    #[error("no room")]
    Full(#[from] Full),
    #[error("too late")]
    Elapsed(#[from] Elapsed),
    #[error("budget spent")]
    Spent(#[from] Spent),
    #[error("the dependency failed")]
    Failed,
}

/// Whether a result is bad: bad for the SLO, worth a retry, an overload for the bulkhead.
fn bad(result: &Result<u32, StackError>) -> bool {
    matches!(result, Err(StackError::Failed | StackError::Elapsed(_)))
}

/// The breaker's documented classification: rejections of our layers say nothing about the dependency.
fn outcome(result: &Result<u32, StackError>) -> Outcome {
    match result {
        Err(StackError::Open(_) | StackError::Full(_) | StackError::Spent(_)) => Outcome::Ignored,
        _ if bad(result) => Outcome::Failure,
        _ => Outcome::Success,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Gate,
    Recorder,
    WholeTimeout,
    Retry,
    Breaker,
    AttemptTimeout,
    Bulkhead,
}

/// The layers, outside in.
pub(crate) const DEFAULT_ORDER: [Kind; 7] = [
    Kind::Gate,
    Kind::Recorder,
    Kind::WholeTimeout,
    Kind::Retry,
    Kind::Breaker,
    Kind::AttemptTimeout,
    Kind::Bulkhead,
];

#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) places: usize,
    pub(crate) attempts: u32,
    pub(crate) whole: Duration,
    pub(crate) attempt: Duration,
    pub(crate) longest_wait: Duration,
    /// The retries that each call pays for, in percent.
    pub(crate) ratio_percent: u32,
    pub(crate) floor_per_second: u32,
}

pub(crate) fn limits() -> impl Strategy<Value = Limits> {
    (
        1_usize..8,
        1_u32..5,
        20_u64..300,
        1_u64..100,
        0_u64..50,
        0_u32..100,
        0_u32..20,
    )
        .prop_map(
            |(places, attempts, whole, attempt, longest_wait, ratio_percent, floor_per_second)| {
                Limits {
                    places,
                    attempts,
                    whole: Duration::from_millis(whole),
                    attempt: Duration::from_millis(attempt),
                    longest_wait: Duration::from_millis(longest_wait),
                    ratio_percent,
                    floor_per_second,
                }
            },
        )
}

/// What one attempt at the dependency does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Attempt {
    Succeeds(Duration),
    Fails(Duration),
    Hangs,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    /// The time since the previous caller.
    pub(crate) after: Duration,
    /// The time until the caller drops its call.
    pub(crate) patience: Option<Duration>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) request: u32,
    /// `None`: the caller dropped its call.
    pub(crate) result: Option<Result<u32, StackError>>,
    pub(crate) took: Duration,
}

#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) answers: Vec<Answer>,
    pub(crate) elapsed: Duration,
    pub(crate) attempts: u64,
    pub(crate) bad_attempts: u64,
    pub(crate) in_flight: u64,
    pub(crate) bulkhead: Bulkhead,
    pub(crate) breaker: CircuitBreaker,
    pub(crate) budget: ErrorBudget,
}

/// The shared objects under test, and counters.
struct Rig {
    limits: Limits,
    bulkhead: Bulkhead,
    breaker: CircuitBreaker,
    retries: RetryBudget,
    budget: ErrorBudget,
    gate: Gate,
    dependency: Arc<Dependency>,
}

#[derive(Debug)]
struct Dependency {
    script: Vec<Attempt>,
    attempts: AtomicU64,
    bad: AtomicU64,
    in_flight: AtomicU64,
}

/// Counts an attempt as in flight until it is dropped.
struct InFlight(Arc<Dependency>);

type Stack = BoxCloneSyncService<u32, u32, StackError>;

pub(crate) fn reply_to(request: u32) -> u32 {
    request.wrapping_mul(7).wrapping_add(1)
}

/// Runs `callers` against the stack on a separate paused clock.
pub(crate) fn run(order: &[Kind], limits: Limits, script: &[Attempt], callers: &[Caller]) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without io needs nothing from the system");
    runtime.block_on(drive(order, limits, script, callers))
}

async fn drive(order: &[Kind], limits: Limits, script: &[Attempt], callers: &[Caller]) -> Run {
    let started = Instant::now();
    let rig = Rig::new(limits, script);
    let stack = order
        .iter()
        .rev()
        .fold(rig.client(), |inner, kind| rig.wrap(*kind, inner));
    let mut calls = tokio::task::JoinSet::new();
    for (caller, request) in callers.iter().zip(0..) {
        sleep(caller.after).await;
        let (stack, patience) = (stack.clone(), caller.patience);
        calls.spawn(async move {
            let from = Instant::now();
            let call = stack.oneshot(request);
            let result = match patience {
                Some(patience) => timeout(patience, call).await.ok(),
                None => Some(call.await),
            };
            Answer {
                request,
                result,
                took: from.elapsed(),
            }
        });
    }
    let answers = calls.join_all().await;
    Run {
        answers,
        elapsed: started.elapsed(),
        attempts: rig.dependency.attempts.load(SeqCst),
        bad_attempts: rig.dependency.bad.load(SeqCst),
        in_flight: rig.dependency.in_flight.load(SeqCst),
        bulkhead: rig.bulkhead,
        breaker: rig.breaker,
        budget: rig.budget,
    }
}

// === impl Limits ===

/// The time to live of a deposit in the retry budget.
const TTL: Duration = Duration::from_secs(2);
/// tokio's timers fire at the next millisecond.
const TICK: Duration = Duration::from_millis(1);

impl Limits {
    pub(crate) const DEFAULT: Self = Self {
        places: 4,
        attempts: 3,
        whole: Duration::from_millis(500),
        attempt: Duration::from_millis(100),
        longest_wait: Duration::from_millis(20),
        ratio_percent: 20,
        floor_per_second: 10,
    };

    /// The published bound of the retry budget: ratio × calls + floor × (elapsed + ttl).
    pub(crate) fn retries_allowed(self, calls: u64, elapsed: Duration) -> u64 {
        let from_calls = u128::from(calls) * u128::from(self.ratio_percent) * 10;
        let from_floor = u128::from(self.floor_per_second) * (elapsed + TTL).as_millis();
        u64::try_from((from_calls + from_floor) / 1000).expect("a run is short")
    }

    /// The longest duration of a call in `order` by its limits; `None` without limits.
    pub(crate) fn bound(self, order: &[Kind]) -> Option<Duration> {
        order
            .iter()
            .rev()
            .fold(None, |inner: Option<Duration>, kind| match kind {
                Kind::WholeTimeout => Some(inner.unwrap_or(Duration::MAX).min(self.whole + TICK)),
                Kind::AttemptTimeout => {
                    Some(inner.unwrap_or(Duration::MAX).min(self.attempt + TICK))
                }
                Kind::Retry => {
                    let waits = (self.longest_wait + TICK) * (self.attempts - 1);
                    inner.map(|inner| inner * self.attempts + waits)
                }
                Kind::Gate | Kind::Recorder | Kind::Breaker | Kind::Bulkhead => inner,
            })
    }
}

// === impl Rig ===

impl Rig {
    fn new(limits: Limits, script: &[Attempt]) -> Self {
        let budget = ErrorBudget::builder()
            .objective("99%".parse().expect("a legal objective"))
            // With slots of 10 ms a run of a second or two has many.
            .compressed(Duration::from_secs(2592))
            .build("composition")
            .expect("legal numbers");
        Self {
            limits,
            bulkhead: Bulkhead::builder()
                .limit(limits.places)
                .build("composition")
                .expect("legal numbers"),
            breaker: CircuitBreaker::builder()
                .failure_ratio(0.5)
                .minimum_calls(5)
                .window(Window::time(Duration::from_secs(1)))
                .consecutive_failures(4)
                .wait_in_open(Wait::fixed(Duration::from_millis(50)))
                .probes(Probes::results(2))
                .probe_deadline(Duration::from_millis(200))
                .build("composition")
                .expect("legal numbers"),
            retries: RetryBudget::builder()
                .ratio(f64::from(limits.ratio_percent) / 100.0)
                .floor_per_second(limits.floor_per_second)
                .ttl(TTL)
                .build("composition")
                .expect("legal numbers"),
            gate: Gate::new(budget.clone()),
            budget,
            dependency: Arc::new(Dependency {
                script: script.to_vec(),
                attempts: AtomicU64::new(0),
                bad: AtomicU64::new(0),
                in_flight: AtomicU64::new(0),
            }),
        }
    }

    /// The scripted dependency.
    fn client(&self) -> Stack {
        let dependency = Arc::clone(&self.dependency);
        let longest = self.limits.attempt.min(self.limits.whole);
        BoxCloneSyncService::new(service_fn(move |request: u32| {
            let attempt = dependency.begin(longest);
            let in_flight = InFlight::new(&dependency);
            async move {
                let _in_flight = in_flight;
                match attempt {
                    Attempt::Succeeds(after) => {
                        sleep(after).await;
                        Ok(reply_to(request))
                    }
                    Attempt::Fails(after) => {
                        sleep(after).await;
                        Err(StackError::Failed)
                    }
                    Attempt::Hangs => std::future::pending().await,
                }
            }
        }))
    }

    fn wrap(&self, kind: Kind, inner: Stack) -> Stack {
        match kind {
            Kind::Gate => BoxCloneSyncService::new(
                GateLayer::new(self.gate.clone())
                    .class(|_: &u32| Class::Optional)
                    .layer(inner),
            ),
            Kind::Recorder => BoxCloneSyncService::new(
                ErrorBudgetLayer::new(self.budget.clone())
                    .bad_if(bad)
                    .layer(inner),
            ),
            Kind::WholeTimeout => {
                BoxCloneSyncService::new(TimeoutLayer::new(self.limits.whole).layer(inner))
            }
            Kind::AttemptTimeout => {
                BoxCloneSyncService::new(TimeoutLayer::new(self.limits.attempt).layer(inner))
            }
            Kind::Retry => {
                let policy = RetryPolicy::builder()
                    .attempts(self.limits.attempts)
                    .backoff(Backoff::exponential(
                        Duration::from_millis(5).min(self.limits.longest_wait),
                        self.limits.longest_wait,
                    ))
                    .build()
                    .expect("legal numbers")
                    .budget(self.retries.clone())
                    .retry_if(bad);
                BoxCloneSyncService::new(RetryLayer::new(policy).layer(inner))
            }
            Kind::Breaker => BoxCloneSyncService::new(
                CircuitBreakerLayer::new(self.breaker.clone())
                    .classify(outcome)
                    .layer(inner),
            ),
            Kind::Bulkhead => BoxCloneSyncService::new(
                BulkheadLayer::new(self.bulkhead.clone())
                    .overload_if(bad)
                    .layer(inner),
            ),
        }
    }
}

// === impl Dependency ===

impl Dependency {
    /// Takes the next attempt of the script. It counts as bad if it fails or takes longer than `longest`.
    fn begin(&self, longest: Duration) -> Attempt {
        let number = self.attempts.fetch_add(1, SeqCst);
        let index = usize::try_from(number).expect("a run is short") % self.script.len();
        let attempt = self.script[index];
        if !matches!(attempt, Attempt::Succeeds(after) if after < longest) {
            self.bad.fetch_add(1, SeqCst);
        }
        attempt
    }
}

// === impl InFlight ===

impl InFlight {
    fn new(dependency: &Arc<Dependency>) -> Self {
        dependency.in_flight.fetch_add(1, SeqCst);
        Self(Arc::clone(dependency))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, SeqCst);
    }
}
