//! The policy inside tower's own retry layer.

use std::{
    future::{Ready, ready},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use maestro_retry::{
    Backoff, HalfFull, Jitter, RetryBudget, RetryPolicy, TowerPolicy, TowerWait, Unlimited, Verdict,
};
use static_assertions::assert_impl_all;
use tokio::time::{Instant, timeout};
use tokio_test::{assert_pending, assert_ready_err, task};
use tower::{Layer, Service, ServiceExt, retry::RetryLayer, service_fn};

mod starved;

use starved::starved;

fn failing(
    made: &Arc<AtomicU32>,
) -> impl Service<u32, Response = (), Error = u32, Future = Ready<Result<(), u32>>> + Clone + use<>
{
    let made = Arc::clone(made);
    service_fn(move |_| ready(Err(made.fetch_add(1, SeqCst) + 1)))
}

fn regular(millis: u64) -> Backoff {
    Backoff::linear(Duration::from_millis(millis), Duration::from_secs(9)).jitter(Jitter::None)
}

#[tokio::test(start_paused = true)]
async fn tower_layer_follows_the_policy() {
    let policy = RetryPolicy::builder()
        .attempts(4)
        .backoff(regular(50))
        .build()
        .unwrap();
    let made = Arc::default();
    let service = RetryLayer::new(policy.into_tower()).layer(failing(&made));
    let start = Instant::now();
    // Twice, from clones of one service: no request continues the attempts of another one.
    for n in [4, 8] {
        assert_eq!(service.clone().oneshot(7).await, Err(n));
    }
    assert_eq!(start.elapsed(), Duration::from_millis(2 * (50 + 100 + 150)));
}

#[tokio::test(start_paused = true)]
async fn second_call_starts_again() {
    let policy = RetryPolicy::builder()
        .attempts(3)
        .backoff(Backoff::none())
        .build()
        .unwrap();
    let made = Arc::default();
    let mut service = RetryLayer::new(policy.into_tower()).layer(failing(&made));
    for n in [3, 6, 9] {
        assert_eq!(service.ready().await.unwrap().call(7).await, Err(n));
    }
}

#[test]
fn budget_and_deadline_bound_tower_retries() {
    let budget = RetryBudget::builder()
        .ratio(0.5)
        .floor_per_second(0)
        .build("test")
        .unwrap();
    let policy = RetryPolicy::builder()
        .attempts(9)
        .backoff(Backoff::none())
        .build()
        .unwrap();
    let made = Arc::default();
    let layer = RetryLayer::new(policy.clone().budget(budget.clone()).into_tower());
    let mut service = layer.layer(failing(&made));
    assert_eq!(assert_ready_err!(task::spawn(service.call(7)).poll()), 1);
    assert_eq!(
        assert_ready_err!(task::spawn(service.call(7)).poll()),
        3,
        "two calls paid for one"
    );
    assert_eq!(budget.balance(), 0);

    let past = Instant::now();
    let late = policy.deadline(move |_: &u32| Some(past)).into_tower();
    let mut service = RetryLayer::new(late).layer(failing(&made));
    assert_eq!(assert_ready_err!(task::spawn(service.call(7)).poll()), 4);
}

#[tokio::test(start_paused = true)]
async fn time_limits_start_with_each_request() {
    const MS: Duration = Duration::from_millis(1);
    // Attempts would begin at 0, 100, 300 and 600 ms.
    let builder = RetryPolicy::builder().attempts(9).backoff(regular(100));
    let policy = builder.build().unwrap();
    let by_age = policy
        .clone()
        .classify_attempt(|attempt, _: &Result<(), u32>| {
            if attempt.elapsed() < 250 * MS {
                Verdict::Retry
            } else {
                Verdict::Never
            }
        });
    let by_deadline = policy.deadline(|ms: &u32| Some(Instant::now() + *ms * MS));
    let by_elapsed = builder.max_elapsed(350 * MS).build().unwrap();
    let mut aged = RetryLayer::new(by_age.into_tower()).layer(failing(&Arc::default()));
    let mut limited = RetryLayer::new(by_elapsed.into_tower()).layer(failing(&Arc::default()));
    let mut late = RetryLayer::new(by_deadline.into_tower()).layer(failing(&Arc::default()));
    for n in [3, 6] {
        assert_eq!(aged.ready().await.unwrap().call(350).await, Err(n));
        assert_eq!(limited.ready().await.unwrap().call(350).await, Err(n));
        assert_eq!(late.ready().await.unwrap().call(350).await, Err(n));
    }
}

#[tokio::test(start_paused = true)]
async fn cancelled_tower_wait_refunds() {
    let budget = RetryBudget::builder()
        .ratio(1.0)
        .floor_per_second(0)
        .build("test")
        .unwrap();
    let policy = RetryPolicy::builder()
        .backoff(regular(9_000))
        .build()
        .unwrap()
        .budget(budget.clone());
    let service = RetryLayer::new(policy.into_tower()).layer(failing(&Arc::default()));
    assert!(
        timeout(Duration::from_secs(1), service.oneshot(7))
            .await
            .is_err()
    );
    assert_eq!(budget.balance(), 1);
}

#[test]
fn tower_policy_feeds_throttle_and_classifier() {
    let throttle = HalfFull::builder().max_tokens(4).build("test").unwrap();
    let builder = RetryPolicy::builder().attempts(9).backoff(Backoff::none());
    let policy = builder
        .build()
        .unwrap()
        .budget(throttle.clone())
        .classify_attempt(|attempt, result| {
            assert_eq!(
                (Some(&7), result),
                (attempt.request(), &Err(attempt.number()))
            );
            Verdict::Retry
        });
    let mut service = RetryLayer::new(policy.into_tower()).layer(failing(&Arc::default()));
    assert_eq!(assert_ready_err!(task::spawn(service.call(7)).poll()), 2);
    assert!((throttle.tokens() - 2.0).abs() < 1e-9);
}

#[test]
fn tower_retries_yield_to_other_tasks() {
    let policy = RetryPolicy::builder()
        .attempts(300)
        .backoff(Backoff::none())
        .build()
        .unwrap()
        .unlimited();
    let mut service = RetryLayer::new(policy.into_tower()).layer(failing(&Arc::default()));
    let mut call = task::spawn(service.call(7));
    for _ in 0..2 {
        assert_pending!(call.poll());
        assert!(call.is_woken(), "it goes on by itself");
    }
    assert_eq!(assert_ready_err!(call.poll()), 300);
}

#[tokio::test(start_paused = true)]
async fn tower_wait_ends_without_cooperative_budget() {
    let policy = RetryPolicy::builder()
        .attempts(2)
        .backoff(regular(250))
        .build()
        .unwrap();
    let service = RetryLayer::new(policy.into_tower()).layer(failing(&Arc::default()));
    let start = Instant::now();
    assert_eq!(starved(service.oneshot(7)).await, Err(2));
    let wait = start.elapsed().as_millis();
    assert!((250..260).contains(&wait), "{wait}");
}

assert_impl_all!(TowerPolicy: Clone, Send, Sync, std::fmt::Debug);
assert_impl_all!(TowerWait<Unlimited>: Send, std::fmt::Debug);
