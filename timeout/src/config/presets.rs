//! Starting points for usual backends.

use std::time::Duration;

use super::Builder;

/// Starting points: measure, then choose a limit that the slowest calls which you still want just meet. Each is a `const fn`
/// and leaves the settings that it does not name at their defaults. The limits are those of one attempt. That of the whole
/// call, with its retries, is longer: see [the guide](crate::guide#attempts-and-the-whole-request).
impl Builder {
    /// For a database behind a pool of connections.
    ///
    /// | number | why |
    /// |---|---|
    /// | `limit(5 s)` | a statement of a request takes milliseconds. PostgreSQL looks for a deadlock after 1 s (`deadlock_timeout`): with more time than that, its error arrives, and names the deadlock |
    ///
    /// PostgreSQL has no limit by default (`statement_timeout` is 0), and many clients do not cancel a statement whose future is
    /// dropped. So give the server a limit of its own, or a statement runs on after its call elapsed. Reports and migrations
    /// need a longer one.
    pub const fn database() -> Self {
        Self::new().limit(Duration::from_secs(5))
    }

    /// For an HTTP or gRPC service of others.
    ///
    /// | number | why |
    /// |---|---|
    /// | `limit(10 s)` | 10 s is the limit of an attempt in the standard handler of .NET (`AttemptTimeout`), and Envoy gives the whole request 15 s: an attempt that takes longer finds no caller |
    ///
    /// The limit ends with the head of the response. For its body, see `BodyTimeout` (feature `http-body`).
    pub const fn http_api() -> Self {
        Self::new().limit(Duration::from_secs(10))
    }

    /// For a cache whose misses another source answers.
    ///
    /// | number | why |
    /// |---|---|
    /// | `limit(250 ms)` | a read in one data center takes less than 1 ms. Linux repeats a lost packet after 200 ms at the earliest (`TCP_RTO_MIN`): one loss is in time. Clients wait for seconds by default (go-redis 3 s), for which callers wait in vain: the source answers |
    ///
    /// Choose a limit below the time of the source, if that is shorter.
    pub const fn cache() -> Self {
        Self::new().limit(Duration::from_millis(250))
    }

    /// For a message broker that a service publishes to, or polls.
    ///
    /// | number | why |
    /// |---|---|
    /// | `limit(30 s)` | 30 s is the `request.timeout.ms` of Kafka's clients. It is longer than the longest poll of Amazon SQS, 20 s: a poll that finds no message is no failure |
    ///
    /// No caller waits for the answer, so a long limit costs little. A short one costs more: a message whose confirmation is
    /// late may have been stored, and is there twice if it is sent again.
    pub const fn queue() -> Self {
        Self::new().limit(Duration::from_secs(30))
    }
}
