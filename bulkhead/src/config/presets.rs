//! Starting points for usual backends.

use std::time::Duration;

use super::{Builder, Queue};

/// Starting points: measure, then change what does not fit. Each is a `const fn`, takes the concurrency of the backend, which
/// no library knows, and leaves the numbers that it does not name at their defaults. [`Queue`] has a queue of the same name for
/// the layer. [`Queue::of_bulkhead`] has the same length and wait, and in [`acquire`](crate::Bulkhead::acquire) as many callers
/// wait; both are first come, first served.
///
/// # Examples
///
/// ```
/// use maestro_bulkhead::{Builder, BulkheadLayer, Queue};
///
/// let pool = Builder::database(20).build("orders")?;
/// let layer = BulkheadLayer::new(pool).queue(Queue::database(20));
/// # let _ = layer;
/// # Ok::<(), maestro_bulkhead::InvalidConfig>(())
/// ```
impl Builder {
    /// For a database behind a pool of `connections`.
    ///
    /// | number | why |
    /// |---|---|
    /// | `limit(connections)`, a fixed one | a call beyond them waits in the pool, for 30 s by default in sqlx and HikariCP. A limit that a law lowers leaves connections unused |
    /// | a queue of half as many | the Google SRE book, chapter 22, for steady traffic: at most half of what is served at a time |
    /// | a wait of 250 ms | a burst is over by then. HikariCP allows no shorter `connectionTimeout` |
    /// | first come, first served | the wait is short, so the caller at the head still wants its answer. sqlx is `fair` too |
    pub const fn database(connections: usize) -> Self {
        Self::of(connections, Queue::database(connections))
    }

    /// For an HTTP or gRPC service of others, with `concurrency` calls in flight.
    ///
    /// | number | why |
    /// |---|---|
    /// | `limit(concurrency)`, better an adaptive one that begins there | how much the others can serve is not known, and changes. They say when it is too much: [`Aimd`](crate::Aimd) follows 429 and 503. The latency of several endpoints together says less |
    /// | a queue of half as many | as for a database |
    /// | a wait of 100 ms | the `INTERVAL` of Controlled Delay (RFC 8289): a queue that has not become shorter in that time is no burst |
    /// | newest first | in an overload the newest callers still wait for their answer ("adaptive LIFO" in B. Maurer, "Fail at Scale", ACM Queue 13(8), 2015) |
    /// | `body_idle(30 s)` | the default `Timeout` of Polly's timeout strategy: a caller that has not read for so long has given up |
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_bulkhead::{Aimd, Builder, BulkheadLayer, Full, Queue};
    ///
    /// let api = Builder::http_api(32).build_adaptive("billing", Aimd::new().max(64))?;
    /// let layer = BulkheadLayer::new(api)
    ///     .queue(Queue::http_api(32))
    ///     .overload_if(|r: &Result<u16, Full>| matches!(r, Ok(429 | 503))); // or `http()`
    /// # let _ = layer;
    /// # Ok::<(), maestro_bulkhead::InvalidConfig>(())
    /// ```
    pub const fn http_api(concurrency: usize) -> Self {
        Self::of(concurrency, Queue::http_api(concurrency)).body_idle(Duration::from_secs(30))
    }

    /// For a cache whose misses another source answers, with `concurrency` calls in flight.
    ///
    /// | number | why |
    /// |---|---|
    /// | `limit(concurrency)`, a fixed one | a read takes less than 1 ms in one data center: noise of that size is no measure of load |
    /// | a queue of as many, for 5 ms | a burst is read within a few ms, the `TARGET` of Controlled Delay (RFC 8289). A caller that waits longer is better off with the source |
    /// | first come, first served | all that wait came within 5 ms |
    ///
    /// A refused call is a miss: ask the source, behind a bulkhead of its own, as a cache that hangs sends all calls there.
    pub const fn cache(concurrency: usize) -> Self {
        Self::of(concurrency, Queue::cache(concurrency))
    }

    /// For a message broker that a service publishes to, with `unconfirmed` messages in flight.
    ///
    /// | number | why |
    /// |---|---|
    /// | `limit(unconfirmed)`, a fixed one | a confirmation comes with the next write to the disk of the broker: its latency says little of the load. For messages in flight to a consumer, RabbitMQ recommends 100 to 300 ("Consumer Acknowledgements and Publisher Confirms") |
    /// | a queue of ten times as many | messages come in bursts, and no user waits. RabbitMQ confirms within "a few hundred milliseconds", so this line is served within a few seconds |
    /// | a wait of 10 s | longer than the 5 s after which the clients of RabbitMQ connect again: a refused message is lost, or must be kept |
    /// | first come, first served | messages keep their order |
    /// | `retry_after(5 s)` | the same recovery interval |
    pub const fn queue(unconfirmed: usize) -> Self {
        Self::of(unconfirmed, Queue::queue(unconfirmed)).retry_after(Duration::from_secs(5))
    }

    const fn of(limit: usize, queue: Queue) -> Self {
        let builder = Self::new().limit(limit).max_queued(queue.line.length);
        builder.max_wait(queue.max_wait)
    }
}

/// Starting points, with the reasons at [`Builder`].
impl Queue {
    /// For [`Builder::database`]: half as many calls as `connections`, for 250 ms.
    pub const fn database(connections: usize) -> Self {
        Self::new(connections.div_ceil(2), Duration::from_millis(250))
    }

    /// For [`Builder::http_api`]: half as many calls as `concurrency`, for 100 ms, newest first.
    pub const fn http_api(concurrency: usize) -> Self {
        Self::new(concurrency.div_ceil(2), Duration::from_millis(100)).newest_first()
    }

    /// For [`Builder::cache`]: as many calls as `concurrency`, for 5 ms.
    pub const fn cache(concurrency: usize) -> Self {
        Self::new(concurrency, Duration::from_millis(5))
    }

    /// For [`Builder::queue`]: ten times as many calls as `unconfirmed`, for 10 s.
    #[expect(
        clippy::self_named_constructors,
        reason = "the name is that of `Builder::queue`"
    )]
    pub const fn queue(unconfirmed: usize) -> Self {
        Self::new(unconfirmed.saturating_mul(10), Duration::from_secs(10))
    }
}
