//! Starting points for usual backends.

use std::time::Duration;

use super::{Builder, Probes, Ramp, Wait, Window};

/// After a loss that all processes see at once, each comes back at another time. AWS recommends it for all
/// periodic work and retries ("Timeouts, retries and backoff with jitter", Amazon Builders' Library).
const JITTER: f64 = 0.5;

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Starting points: measure, then change what does not fit. Each is a `const fn` and leaves the numbers that it does not
/// name at their defaults. All of them draw half of each wait at random, so that processes that lost a backend together do
/// not come back at one instant.
impl Builder {
    /// For a database behind a pool of connections.
    ///
    /// | number | why |
    /// |---|---|
    /// | `failure_ratio(0.5)`, `consecutive_failures(10)` | the pool of a service with little traffic does not make twenty calls within 10 s; a database that is gone fails all of them |
    /// | `wait_in_open` 2 s, doubled up to 30 s | a restart takes seconds. A failover takes longer: Patroni waits 30 s for the lease of a dead leader (its `ttl`), the documentation of Amazon RDS (Multi-AZ) says 60 to 120 s |
    /// | `probes`: 3 results, one at a time | a database that starts has a cold cache and few connections |
    /// | `ramp(5 s)` | the calls that were kept away do not come back at once to a cold cache |
    ///
    /// An error of a statement, such as a violated constraint, is an answer and no failure: classify errors of the
    /// connection and timeouts as failures only.
    ///
    /// A restart of the server breaks all connections of the pool at once. For a pool of ten connections or more, set
    /// `consecutive_failures` above their number.
    pub const fn database() -> Self {
        Self::new()
            .failure_ratio(0.5)
            .consecutive_failures(10)
            .const_wait_in_open(Wait::exponential(secs(2), secs(30)).jitter(JITTER))
            .const_probes(Probes::results(3).in_flight(1))
            .const_ramp(Ramp::new(secs(5)))
    }

    /// For an HTTP or gRPC service of others.
    ///
    /// | number | why |
    /// |---|---|
    /// | `failure_ratio(0.5)`, at least 20 calls within 30 s | an API has endpoints that fail for some requests only: failures in a row say little, a share over more calls says more. 30 s is the `SamplingDuration` of Polly |
    /// | `wait_in_open` 5 s, doubled up to 1 minute | 5 s is the `BreakDuration` of Polly, about a rolling restart behind a load balancer; 1 minute the `waitDurationInOpenState` of resilience4j. A `Retry-After` makes it longer |
    /// | `probes(5)` | a single probe may reach the only healthy instance behind a load balancer, or the only one that still fails |
    pub const fn http_api() -> Self {
        Self::new()
            .failure_ratio(0.5)
            .const_window(Window::time(secs(30)))
            .const_wait_in_open(Wait::exponential(secs(5), secs(60)).jitter(JITTER))
            .const_probes(Probes::results(5))
    }

    /// For a cache whose misses another source answers.
    ///
    /// | number | why |
    /// |---|---|
    /// | `slow_after(50 ms)`, `slow_ratio(0.5)` | a cache that is slower than its source is of no use: a read in one data center takes less than 1 ms |
    /// | `failure_ratio(0.5)`, `consecutive_failures(5)` | the source answers without the cache, and waits for nothing: it opens early |
    /// | `wait_in_open` 1 s, doubled up to 15 s | each second without the cache loads the source. A node of a Redis cluster is taken for gone after 15 s (`cluster-node-timeout`) |
    /// | `probes(3)` with a deadline of 250 ms | a probe that takes longer has failed, and nothing waits for it |
    ///
    /// Choose `slow_after` below the time of the source. An open circuit sends every read to the source. Put a bulkhead in front
    /// of the source that admits what it can serve without the cache.
    pub const fn cache() -> Self {
        Self::new()
            .failure_ratio(0.5)
            .consecutive_failures(5)
            .slow_after(Duration::from_millis(50))
            .slow_ratio(0.5)
            .const_wait_in_open(Wait::exponential(secs(1), secs(15)).jitter(JITTER))
            .const_probes(Probes::results(3))
            .probe_deadline(Duration::from_millis(250))
    }

    /// For a message broker that a service publishes to, or polls.
    ///
    /// | number | why |
    /// |---|---|
    /// | `failure_ratio(0.5)` of the last 20 calls | messages come in bursts, with quiet times longer than a window of time: the last calls are still known after them |
    /// | `wait_in_open` 5 s, doubled up to 1 minute | 5 s is the recovery interval of the clients of RabbitMQ. No caller waits for the answer, so a longer wait costs little |
    /// | `probes(1)` | a message that fails as a probe is delivered again later; one shows whether the broker takes messages |
    pub const fn queue() -> Self {
        Self::new()
            .failure_ratio(0.5)
            .const_window(Window::calls(20))
            .const_wait_in_open(Wait::exponential(secs(5), secs(60)).jitter(JITTER))
            .const_probes(Probes::one())
    }
}
