use std::sync::Arc;

use tokio::sync::Semaphore;
use tower::{
    Layer, ServiceBuilder,
    limit::{ConcurrencyLimitLayer, GlobalConcurrencyLimitLayer},
    load_shed::LoadShedLayer,
};
use tower_resilience_bulkhead::{BulkheadConfigBuilder, BulkheadLayer};

use super::{
    Comparison,
    Peer::{Tokio, Tower, TowerResilience},
    adapt::{FUTURE, call, drive},
};
use crate::{
    Row, Trouble,
    drive::Driven,
    inner::Nothing,
    rows::floors::{EMPTY, READY, REFUSED},
};

/// The places of the rows, as many as ours have.
pub(super) const PLACES: usize = 64;

const BY_HAND: &str = "the semaphore by hand is no layer: the inner service is not asked whether it is ready, and the error does \
                       not say what is full";

const TICK: &str = "tower-resilience refuses by a timeout of zero, which ends at the next tick of tokio's timer, up to a \
                    millisecond later; it is not measured";

const QUEUES: &str = "tower's limit has no bound. tower-resilience's wait has none here; `max_wait_duration` bounds its time, at \
                      the cost of a timer, and nothing its length. Ours is bounded in length and time";

const BUFFER: &str =
    "tower's `Buffer` is a queue of bounded length in front of a task; it is not measured";

pub(super) fn comparisons() -> Vec<Comparison> {
    vec![
        Comparison::new(
            "bulkhead, in and out",
            "bulkhead, in and out, Arc",
            Some("bulkhead, in and out, static"),
        )
        .peer(
            Tower,
            Row::service("tower, limit and shed", READY, || shed(PLACES)),
        )
        .peer(
            TowerResilience,
            Row::service("tower-resilience, bulkhead, in and out", READY, || {
                resilience(BulkheadLayer::builder().reject_when_full())
            })
            .timed(),
        )
        .peer(
            Tokio,
            Row::object("tokio, try_acquire", FUTURE, || by_hand(PLACES)),
        ),
        Comparison::new(
            "bulkhead, in and out, a service cloned for each request",
            "bulkhead, in and out, Arc, cloned",
            Some("bulkhead, in and out, static, cloned"),
        )
        .peer(
            Tower,
            Row::cloned("tower, limit and shed, cloned", READY, || shed(PLACES)),
        ),
        Comparison::new(
            "bulkhead, full",
            "bulkhead, full, Arc",
            Some("bulkhead, full, static"),
        )
        .peer(
            Tower,
            Row::service("tower, limit and shed, full", REFUSED, || shed(0)).bad_in_16(16),
        )
        .peer(
            Tokio,
            Row::object("tokio, try_acquire, full", EMPTY, || by_hand(0)).bad_in_16(16),
        )
        .note(BY_HAND)
        .note(TICK),
        Comparison::new(
            "bulkhead with a queue, nobody waits",
            "bulkhead, queue, in and out, Arc",
            Some("bulkhead, queue, in and out, static"),
        )
        .peer(
            Tower,
            Row::service("tower, limit", READY, || {
                GlobalConcurrencyLimitLayer::new(PLACES).layer(Nothing)
            }),
        )
        .peer(
            TowerResilience,
            Row::service("tower-resilience, bulkhead", READY, || {
                resilience(BulkheadLayer::builder())
            })
            .timed(),
        )
        .note(QUEUES),
        Comparison::new(
            "bulkhead with a queue, full",
            "bulkhead, queue, full, a bounded call waits, Arc",
            Some("bulkhead, queue, full, a bounded call waits, static"),
        )
        .peer(
            Tokio,
            Row::object("tokio, try_acquire, full queue", EMPTY, || by_hand(0)).bad_in_16(16),
        )
        .lesser(&[Tokio])
        .note(BY_HAND)
        .note(BUFFER),
    ]
}

/// tower refuses by shedding what would wait. A limit of zero is always full.
fn shed(places: usize) -> impl Driven {
    ServiceBuilder::new()
        .layer(LoadShedLayer::new())
        .layer(ConcurrencyLimitLayer::new(places))
        .service(Nothing)
}

fn resilience(numbers: BulkheadConfigBuilder) -> impl Driven {
    let layer = numbers.max_concurrent_calls(PLACES).build();
    layer.expect("64 is legal").layer(Nothing)
}

/// A semaphore by hand: nothing is cheaper that shares its places.
fn by_hand(places: usize) -> impl FnMut(u64) -> Result<u64, Trouble> + Clone + Send + 'static {
    let semaphore = Arc::new(Semaphore::new(places));
    move |request| {
        let permit = semaphore.try_acquire().map_err(|_| Trouble::Failed)?;
        let result = drive(call(&mut Nothing, request));
        drop(permit);
        result
    }
}
