//! Starting points for usual backends.

use std::time::Duration;

use super::Builder;
use crate::backoff::Backoff;

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Starting points: measure, then change what does not fit. Each is a `const fn` and leaves the numbers that it does not
/// name at their defaults, among them full jitter.
impl Builder {
    /// For a database behind a pool of connections.
    ///
    /// | number | why |
    /// |---|---|
    /// | `attempts(3)` | as Go's `database/sql`, which takes a pooled connection twice and then opens a new one |
    /// | `backoff`: 20 ms, doubled up to 1 s | a deadlock or a serialization failure is over when the other transaction ends. Three attempts wait at most 20 and 40 ms; the cap is for more attempts |
    /// | `max_elapsed(5 s)` | transactions that wait hold connections. An attempt that reaches the 5 s of maestro-timeout's preset is not retried: what hangs is the circuit breaker's work. So is a failover, which takes longer: Patroni waits 30 s for the lease of a dead leader (its `ttl`) |
    ///
    /// A retry repeats the whole transaction: retry an error after which it has certainly not been committed, or a statement
    /// that may run twice.
    pub const fn database() -> Self {
        Self::new()
            .attempts(3)
            .backoff(Backoff::exponential(millis(20), secs(1)))
            .max_elapsed(secs(5))
    }

    /// For an HTTP or gRPC service of others. [`RetryPolicy::http`](crate::RetryPolicy::http) has the classifier (feature
    /// `http`).
    ///
    /// | number | why |
    /// |---|---|
    /// | `attempts(3)` | as the `standard` mode of the AWS SDKs |
    /// | `backoff`: 100 ms, doubled up to 2 s | a call over the internet takes about 100 ms. Three attempts wait at most 100 and 200 ms; the cap matters from seven attempts on |
    /// | `throttle_backoff`: 1 s, doubled up to 20 s | those of the AWS SDKs for calls that were throttled |
    /// | `max_elapsed(30 s)` | the total timeout of the standard resilience handler of .NET |
    /// | `max_hint(20 s)` | a longer `Retry-After` leaves no time for the attempt after it |
    pub const fn http_api() -> Self {
        Self::new()
            .attempts(3)
            .backoff(Backoff::exponential(millis(100), secs(2)))
            .throttle_backoff(Backoff::exponential(secs(1), secs(20)))
            .max_elapsed(secs(30))
            .max_hint(secs(20))
    }

    /// For a cache whose misses another source answers.
    ///
    /// | number | why |
    /// |---|---|
    /// | `attempts(2)` | a second connection helps against one that broke; after that the source answers |
    /// | `backoff`: 8 ms | the first wait of go-redis |
    /// | `max_elapsed(50 ms)` | a cache that is slower than its source is of no use: a read in one data center takes less than 1 ms. An attempt that reaches the 250 ms of maestro-timeout's preset is not retried |
    /// | `wait_for_ready(false)` | the source answers sooner than a connection becomes free |
    ///
    /// Choose `max_elapsed` below the time of the source.
    pub const fn cache() -> Self {
        Self::new()
            .attempts(2)
            .backoff(Backoff::constant(millis(8)))
            .max_elapsed(millis(50))
            .wait_for_ready(false)
    }

    /// For a message broker that a service publishes to.
    ///
    /// | number | why |
    /// |---|---|
    /// | `max_elapsed(2 min)` | the `delivery.timeout.ms` of Kafka's producer: no caller waits for the answer, and a broker that restarts or elects a leader comes back within it |
    /// | `backoff`: 100 ms, doubled up to 5 s | 100 ms is the `retry.backoff.ms` of Kafka's producer, 5 s the recovery interval of the clients of RabbitMQ |
    /// | `attempts(100)` | the time ends the call: about fifty waits fit in it |
    ///
    /// A message may be published twice: consumers must ignore the second one. In an outage the budget refuses most retries
    /// ([`RetryPolicy::budget`](crate::RetryPolicy::budget)), so keep a message that must not be lost until the broker has
    /// taken it.
    pub const fn queue() -> Self {
        Self::new()
            .attempts(100)
            .backoff(Backoff::exponential(millis(100), secs(5)))
            .max_elapsed(secs(120))
    }
}
