//! What the starting points of the builder and of the queue promise.

use std::time::Duration;

use maestro_bulkhead::{
    Builder, Bulkhead, BulkheadLayer, Cause, Full, InvalidConfigKind, Queue, StaticBulkhead,
};
use tokio::time::advance;
use tokio_test::{assert_pending, assert_ready_err, task};
use tower::{BoxError, Layer, Service, service_fn};

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

type Preset = (fn(usize) -> Builder, fn(usize) -> Queue);

const PRESETS: [Preset; 4] = [
    (Builder::database, Queue::database),
    (Builder::http_api, Queue::http_api),
    (Builder::cache, Queue::cache),
    (Builder::queue, Queue::queue),
];

#[test]
fn each_preset_changes_the_numbers_that_it_names() {
    let of = |limit, queued, wait| {
        let builder = Bulkhead::builder().limit(limit).max_queued(queued);
        builder.max_wait(millis(wait))
    };
    let second = Duration::from_secs(1);
    assert_eq!(Builder::database(21), of(21, 11, 250));
    assert_eq!(
        Builder::http_api(32),
        of(32, 16, 100).body_idle(30 * second)
    );
    assert_eq!(Builder::cache(64), of(64, 64, 5));
    assert_eq!(
        Builder::queue(100),
        of(100, 1_000, 10_000).retry_after(5 * second)
    );
    assert_eq!(Queue::database(21), Queue::new(11, millis(250)));
    let api = Queue::new(16, millis(100)).newest_first();
    assert_eq!(Queue::http_api(32), api);
    assert_eq!(Queue::cache(64), Queue::new(64, millis(5)));
    assert_eq!(Queue::queue(100), Queue::new(1_000, 10 * second));
}

#[test]
fn each_preset_builds_with_any_concurrency_but_none() {
    static POOL: StaticBulkhead = Builder::database(20).build_static("pool");
    assert_eq!(POOL.limit(), 20);
    for (builder, _) in PRESETS {
        for limit in [1, 100, usize::MAX] {
            assert_eq!(builder(limit).build("preset").unwrap().limit(), limit);
        }
        let none = builder(0).build("preset").unwrap_err();
        assert_eq!(none.kind(), InvalidConfigKind::ZeroLimit);
    }
}

#[tokio::test(start_paused = true)]
async fn each_preset_lets_calls_wait_for_a_bounded_time() {
    for ((builder, queue), wait) in PRESETS.into_iter().zip([250, 100, 5, 10_000]) {
        let pool = builder(2).build("preset").unwrap();
        let inner = service_fn(|()| std::future::pending::<Result<(), BoxError>>());
        let layer = |queue| BulkheadLayer::new(pool.clone()).queue(queue).layer(inner);
        let mut service = layer(queue(2));
        let mut inside: Vec<_> = (0..2).map(|_| task::spawn(service.call(()))).collect();
        for call in &mut inside {
            assert_pending!(call.poll());
        }
        // That of the bulkhead has the same bounds.
        for mut service in [service, layer(Queue::of_bulkhead())] {
            let mut waits = task::spawn(service.call(()));
            assert_pending!(waits.poll());
            advance(millis(wait - 1)).await;
            assert_pending!(waits.poll());
            advance(millis(2)).await;
            let error = assert_ready_err!(waits.poll());
            let full = Full::find(error.as_ref()).unwrap();
            assert_eq!(full.cause(), Cause::WaitedTooLong);
        }
    }
}
