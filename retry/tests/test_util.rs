//! The test kit: spent budgets, and the assertion that nothing is in flight.

use std::time::Duration;

use maestro_retry::{
    Backoff, Budget, CostBucket, HalfFull, InFlightShare, Now, RetryBudget, RetryLayer,
    RetryPolicy, StaticRetryBudget, Unlimited,
    test_util::{Script, assert_idle, spend},
};
use tokio_test::{assert_pending, assert_ready, task};
use tower::{Layer, ServiceExt};

/// Whether the budget grants a retry before and after its retries were spent.
fn before_and_after(budget: &impl Budget) -> (bool, bool) {
    let grants = || budget.try_hold(&Now::unread()).is_some();
    let before = grants();
    let _spent = spend(budget);
    (before, grants())
}

#[tokio::test(start_paused = true)]
async fn a_spent_budget_grants_no_retry() {
    let spent = (true, false);
    assert_eq!(before_and_after(&RetryBudget::new("ratio")), spent);
    let throttle = HalfFull::builder().floor_per_second(10).build("throttle");
    assert_eq!(before_and_after(&throttle.unwrap()), spent);
    let bucket = CostBucket::builder().build("cost").unwrap();
    assert_eq!(before_and_after(&bucket), spent);
    let share = InFlightShare::builder().build("share").unwrap();
    assert_eq!(before_and_after(&share), spent);
}

#[tokio::test(start_paused = true)]
async fn the_budget_of_a_static_is_spent() {
    static BUDGET: StaticRetryBudget = RetryBudget::builder().build_static("store");
    assert_eq!(before_and_after(&&BUDGET), (true, false));
}

#[tokio::test(start_paused = true)]
async fn time_and_calls_fill_a_spent_budget() {
    let budget = RetryBudget::builder()
        .ratio(0.5)
        .floor_per_second(1)
        .build("store")
        .unwrap();
    let _spent = spend(&budget);
    assert_eq!(budget.balance(), 0);
    budget.deposit();
    budget.deposit();
    assert_eq!(budget.balance(), 1);
    tokio::time::advance(Duration::from_secs(3)).await;
    assert_eq!(budget.balance(), 4);
}

#[test]
fn a_share_in_flight_grants_again_once_its_retries_end() {
    let share = InFlightShare::builder().build("share").unwrap();
    let retries = spend(&share);
    assert_eq!(share.retries(), 3);
    assert!(share.try_retry().is_none());
    drop(retries);
    assert!(share.try_retry().is_some());
    assert_idle(&share);
}

#[test]
#[should_panic(expected = "the budget granted 10000000 retries: it has no end")]
fn a_budget_without_an_end_is_not_spent() {
    drop(spend(&Unlimited));
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "budget `share` is not idle: calls in flight: 1, retries in flight: 1")]
async fn a_call_that_waits_for_its_retry_is_in_flight() {
    let share = InFlightShare::builder().build("share").unwrap();
    let policy = RetryPolicy::builder()
        .backoff(Backoff::constant(Duration::from_millis(10)))
        .build()
        .unwrap()
        .budget(share.clone());
    let script = Script::<u32, u32, String>::new().err("busy".to_owned());
    let mut call = task::spawn(RetryLayer::new(policy).layer(script.clone()).oneshot(1));
    assert_pending!(call.poll());
    script.assert_done();
    assert_idle(&share);
}

#[test]
fn a_call_that_is_dropped_leaves_a_share_idle() {
    let share = InFlightShare::builder().build("share").unwrap();
    let policy = RetryPolicy::builder()
        .backoff(Backoff::none())
        .build()
        .unwrap()
        .budget(share.clone());
    let script = Script::<u32, u32, String>::new()
        .err("busy".to_owned())
        .pending()
        .ok(3);
    let stack = RetryLayer::new(policy).layer(script.clone());
    let mut dropped = task::spawn(stack.clone().oneshot(1));
    assert_pending!(dropped.poll());
    assert_eq!((share.calls(), share.retries()), (1, 1));
    drop(dropped);
    assert_eq!(assert_ready!(task::spawn(stack.oneshot(2)).poll()), Ok(3));
    assert_eq!((script.cancelled(), script.peak()), (1, 1));
    assert_idle(&share);
}
