//! Everything that can be set, with the values the service starts with.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use maestro_bulkhead::{Builder as BulkheadBuilder, Bulkhead};
use maestro_circuit_breaker::{Builder as BreakerBuilder, CircuitBreaker, Probes, Wait};
use maestro_retry::{Backoff, BudgetBuilder, Builder as RetryBuilder, RetryBudget, RetryPolicy};
use maestro_slo_budget::Objective;

use crate::start::Cause;

/// The configuration of a [`Server`](crate::Server).
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "tests and the demo fill it in; it is no published API"
)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The SQLite file.
    pub database: PathBuf,
    /// The dispatch API; `None` starts one in this process.
    pub peer: Option<Uri>,
    /// What share of requests to the API is to go well.
    pub objective: Objective,
    /// The time that its budget is for. The windows keep the proportions of 30 days.
    pub period: Duration,
    /// How long requests in flight may go on after the order to stop.
    pub drain: Duration,
    /// How long any request to the API may take.
    pub request: Duration,
    /// How long a statement waits for a lock that another connection holds.
    pub busy: Duration,
    /// How long a copy of a queued run counts as the truth.
    pub fresh_for: Duration,
    /// How often the outbox looks for queued runs.
    pub outbox: Duration,
    /// The stack of the store's writer.
    pub writes: Tuning,
    /// The stack of the store's reader.
    pub reads: Tuning,
    /// The stack of the cache.
    pub cache: Attempt,
    /// The stack of the dispatch API.
    pub dispatch: Tuning,
}

/// The numbers of a stack that retries, outside in.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "tests and the demo fill it in; it is no published API"
)]
pub struct Tuning {
    /// For the call as a whole, retries and waits included.
    pub whole: Duration,
    /// How often, and when again.
    pub retry: RetryBuilder,
    /// How many retries all calls together may cost.
    pub retries: BudgetBuilder,
    /// Each attempt.
    pub attempt: Attempt,
}

/// The numbers of what stands around one attempt, outside in.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "tests and the demo fill it in; it is no published API"
)]
pub struct Attempt {
    /// The breaker.
    pub breaker: BreakerBuilder,
    /// How long it may take.
    pub timeout: Duration,
    /// How many may be in flight.
    pub bulkhead: BulkheadBuilder,
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 4000)),
            database: PathBuf::from("conductor.db"),
            peer: None,
            objective: "99.9%".parse().expect("an objective"),
            period: Duration::from_hours(30 * 24),
            drain: Duration::from_secs(10),
            // Above the worst sum of what a request passes: body, insert, dispatch, settle, cache.
            request: ms(4_000),
            // A commit with its fsync takes milliseconds; a lock held longer is somebody else's.
            busy: ms(50),
            fresh_for: ms(1_000),
            outbox: ms(250),
            writes: Tuning::store(),
            reads: Tuning::store(),
            cache: Attempt::cache(),
            dispatch: Tuning::dispatch(),
        }
    }
}

// === impl Tuning ===

impl Tuning {
    /// No wait between attempts is begun that the whole would not survive.
    pub(crate) fn policy(&self) -> Result<RetryPolicy, Cause> {
        self.retry
            .max_elapsed(self.whole)
            .build()
            .map_err(Cause::config)
    }

    /// Local disk: quick or broken.
    const fn store() -> Self {
        Self {
            whole: ms(600),
            retry: RetryPolicy::builder()
                .attempts(3)
                .backoff(Backoff::exponential(ms(20), ms(160))),
            retries: RetryBudget::builder(),
            attempt: Attempt {
                breaker: breaker(),
                timeout: ms(250),
                // One thread serves them: this is the length of its queue, a few fsyncs.
                bulkhead: Bulkhead::builder().limit(32),
            },
        }
    }

    /// Over a network: an attempt above the 200 ms that a lost packet costs TCP.
    const fn dispatch() -> Self {
        Self {
            whole: ms(1_000),
            retry: RetryPolicy::builder()
                .attempts(3)
                .backoff(Backoff::exponential(ms(50), ms(400))),
            retries: RetryBudget::builder(),
            attempt: Attempt {
                breaker: breaker(),
                timeout: ms(300),
                bulkhead: Bulkhead::builder().limit(16),
            },
        }
    }
}

// === impl Attempt ===

impl Attempt {
    /// In this process; and an answer later than the store's would be no help from anywhere.
    const fn cache() -> Self {
        Self {
            breaker: breaker(),
            timeout: ms(20),
            bulkhead: Bulkhead::builder().limit(64),
        }
    }
}

/// A control plane has not the traffic for large samples: a handful of calls decides, and as soon as one
/// dependency is back its users want to know.
const fn breaker() -> BreakerBuilder {
    CircuitBreaker::builder()
        .failure_ratio(0.5)
        .minimum_calls(10)
        .consecutive_failures(5)
        .wait_in_open(Wait::fixed(ms(1_000)))
        .probes(Probes::results(2))
        // Above every attempt timeout. It is also what a rejected caller is told to wait, at most.
        .probe_deadline(ms(1_000))
}
