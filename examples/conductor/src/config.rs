//! The configuration and its defaults.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use maestro_bulkhead::{Builder as BulkheadBuilder, Bulkhead, Queue};
use maestro_circuit_breaker::{Builder as BreakerBuilder, CircuitBreaker};
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
    /// The address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether it may listen beyond loopback. The API has no authentication.
    pub allow_remote: bool,
    /// The names, besides `localhost`, that a `Host` header may have.
    pub hosts: Vec<String>,
    /// The SQLite file.
    pub database: PathBuf,
    /// The dispatch API; `None` starts one in this process.
    pub peer: Option<Uri>,
    /// The share of requests to the API that must be good.
    pub objective: Objective,
    /// The period of the budget. The windows keep the proportions of 30 days.
    pub period: Duration,
    /// How long requests in flight may continue after shutdown has begun.
    pub drain: Duration,
    /// The largest number of connections. The limit of open files of the process may lower it.
    pub connections: usize,
    /// How long a connection may take to send the head of its next request.
    pub head: Duration,
    /// How long a client may read nothing of a response that is being sent.
    pub stalled: Duration,
    /// The timeout of a request to the API, from its admission on.
    pub request: Duration,
    /// The number of runs that are stored and dispatched at once.
    pub admission: BulkheadBuilder,
    /// How further runs wait for their place.
    pub queue: Queue,
    /// How long a statement waits for a lock that another connection holds.
    pub busy: Duration,
    /// How long a copy of a queued run counts as current.
    pub fresh_for: Duration,
    /// The bytes of runs that the cache in memory keeps.
    pub cache_bytes: u64,
    /// The interval at which the outbox looks for queued runs.
    pub outbox: Duration,
    /// The stack of the store's writer.
    pub writes: Tuning,
    /// The stack of the store's reader.
    pub reads: Tuning,
    /// The stack of the store's lists.
    pub lists: Tuning,
    /// The stack of the cache.
    pub cache: Attempt,
    /// The stack of the dispatch API.
    pub dispatch: Tuning,
}

/// The numbers of a stack with retries, outside in.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "tests and the demo fill it in; it is no published API"
)]
pub struct Tuning {
    /// The limit of the whole call, retries and waits included.
    pub whole: Duration,
    /// The attempts and the backoff.
    pub retry: RetryBuilder,
    /// The budget for the retries of all calls together.
    pub retries: BudgetBuilder,
    /// The numbers of each attempt.
    pub attempt: Attempt,
}

/// The numbers of the layers around one attempt, outside in.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "tests and the demo fill it in; it is no published API"
)]
pub struct Attempt {
    /// The breaker.
    pub breaker: BreakerBuilder,
    /// The limit of one attempt.
    pub timeout: Duration,
    /// The number of attempts in flight.
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
            allow_remote: false,
            hosts: Vec::new(),
            database: PathBuf::from("conductor.db"),
            peer: None,
            objective: "99.9%".parse().expect("an objective"),
            period: Duration::from_hours(30 * 24),
            drain: Duration::from_secs(10),
            connections: 1_024,
            // Clients keep idle connections for a later request. Below the minute that many of them keep one, above
            // the time that the head of a request takes over any line.
            head: Duration::from_secs(30),
            stalled: Duration::from_secs(10),
            // More than the sum of the limits that a request passes: insert, dispatch, settle, cache.
            request: ms(4_000),
            // Each of them has at most one attempt at the writer, so this is the length of the writer's queue. A dozen
            // commits take less than the timeout of an attempt, also on a slow disk. With 32 an overload made the
            // attempts late and opened the writer's breaker, as if the store had failed.
            admission: Bulkhead::builder().limit(12).count_rejections(true),
            // Each connection may wait here, outside of the stacks, where it makes nothing late. So a refusal takes a
            // second, and a client that repeats at once is refused once a second. With a queue of 64 all others were
            // refused at once, and 600 such clients took the time of the processor: 60 of 500 runs a second were accepted.
            // The newest first: the oldest are about to give up.
            queue: Queue::new(1_024, ms(1_000)).newest_first(),
            // A commit with its fsync takes milliseconds. A lock held longer belongs to another program.
            busy: ms(50),
            fresh_for: ms(1_000),
            cache_bytes: 64 << 20,
            outbox: ms(250),
            writes: Tuning::store(),
            reads: Tuning::store(),
            lists: Tuning::store(),
            cache: Attempt::cache(),
            dispatch: Tuning::dispatch(),
        }
    }
}

// === impl Tuning ===

impl Tuning {
    /// The retry policy. It starts no wait that ends after the whole deadline.
    pub(crate) fn policy(&self) -> Result<RetryPolicy, Cause> {
        self.retry
            .max_elapsed(self.whole)
            .build()
            .map_err(Cause::config)
    }

    /// The store: a local disk, which is fast or broken.
    fn store() -> Self {
        Self {
            whole: ms(600),
            retry: RetryPolicy::builder()
                .attempts(3)
                .backoff(Backoff::exponential(ms(20), ms(160))),
            retries: RetryBudget::builder(),
            attempt: Attempt {
                breaker: breaker(),
                timeout: ms(250),
                // One thread serves the attempts. Requests alone do not fill this queue: the admission has fewer places.
                bulkhead: Bulkhead::builder().limit(32),
            },
        }
    }

    /// The dispatch API: over a network. An attempt gets more than the 200 ms that a lost packet costs TCP.
    fn dispatch() -> Self {
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
    /// The cache: in this process. An answer that is slower than the store's has no use.
    fn cache() -> Self {
        Self {
            breaker: breaker(),
            timeout: ms(20),
            bulkhead: Bulkhead::builder().limit(64),
        }
    }
}

/// The breaker of every stack. A control plane has too little traffic for large samples, so a few calls decide.
fn breaker() -> BreakerBuilder {
    CircuitBreaker::builder()
        .failure_ratio(0.5)
        .minimum_calls(10)
        .consecutive_failures(5)
        .wait_in_open(ms(1_000))
        .probes(2)
        // Above every attempt timeout. A half-open breaker's rejection names the end of this deadline as the
        // time to retry. With the default of 10 s the outbox slept for 10 s after the dependency had recovered.
        .probe_deadline(ms(1_000))
}
