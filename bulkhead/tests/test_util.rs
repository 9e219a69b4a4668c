//! The test kit: a full bulkhead, and the assertion that nothing is held.

use std::time::Duration;

use maestro_bulkhead::{
    Aimd, Bulkhead, BulkheadLayer, Full,
    test_util::{Script, assert_idle, fill},
};
use tokio_test::{assert_pending, assert_ready, task};
use tower::{Layer, ServiceExt};

fn pool() -> Bulkhead {
    Bulkhead::new("db", 3).expect("a legal limit")
}

#[test]
fn a_full_bulkhead_has_room_once_a_place_is_dropped() {
    let pool = pool();
    let held = pool.try_acquire().unwrap();
    let mut places = fill(&pool);
    assert_eq!((places.len(), pool.in_flight()), (2, 3));
    assert!(pool.try_acquire().is_err());
    assert!(fill(&pool).is_empty());
    places.pop();
    assert!(pool.try_acquire().is_ok());
    drop((places, held));
    assert_idle(&pool);
}

#[test]
fn a_bulkhead_that_only_counts_is_filled_to_its_limit() {
    let pool = Bulkhead::builder()
        .limit(3)
        .metrics_only(true)
        .build("db")
        .unwrap();
    assert_eq!(fill(&pool).len(), 3);
}

#[test]
fn filling_teaches_an_adaptive_limit_nothing() {
    let pool = Bulkhead::builder()
        .limit(3)
        .build_adaptive("db", Aimd::new())
        .unwrap();
    drop(fill(&pool));
    assert_eq!((pool.limit(), pool.overloads()), (3, 0));
    assert_idle(&pool);
}

#[test]
fn a_closed_bulkhead_is_not_filled() {
    let pool = pool();
    drop(pool.close());
    assert!(fill(&pool).is_empty());
}

#[test]
#[should_panic(expected = "bulkhead `db` has no limit: it is never full")]
fn a_bulkhead_without_a_limit_is_not_filled() {
    drop(fill(&Bulkhead::new("db", usize::MAX).unwrap()));
}

#[test]
#[should_panic(expected = "bulkhead `db` is not idle: places held: 2 of 3, waiting calls: 0")]
fn a_bulkhead_with_calls_in_flight_is_not_idle() {
    let pool = pool();
    let _permits = [pool.try_acquire(), pool.try_acquire()];
    assert_idle(&pool);
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "bulkhead `db` is not idle: places held: 3 of 3, waiting calls: 1")]
async fn a_bulkhead_with_a_waiting_call_is_not_idle() {
    let pool = pool();
    let _places = fill(&pool);
    let mut waiting = task::spawn(pool.acquire());
    assert_pending!(waiting.poll());
    assert_idle(&pool);
}

#[tokio::test(start_paused = true)]
async fn a_queued_call_that_is_dropped_leaves_a_bulkhead_idle() {
    let pool = pool();
    let script = Script::<(), (), Full>::new();
    let layer = BulkheadLayer::new(pool.clone()).queue((4, Duration::from_secs(1)));
    let places = fill(&pool);
    let mut call = task::spawn(layer.layer(script.clone()).oneshot(()));
    assert_pending!(call.poll());
    assert_eq!(pool.queued(), 1);
    drop((call, places));
    assert_idle(&pool);
    script.assert_done();
}

#[test]
fn a_call_holds_its_place_until_the_script_answers() {
    let pool = pool();
    let script = Script::<(), u32, Full>::new().pending();
    let mut call = task::spawn(
        BulkheadLayer::new(pool.clone())
            .layer(script.clone())
            .oneshot(()),
    );
    assert_pending!(call.poll());
    assert_eq!((pool.in_flight(), script.in_flight()), (1, 1));
    script.answer(Ok(7));
    assert_eq!(assert_ready!(call.poll()), Ok(7));
    assert_idle(&pool);
}
