//! An operator turns the retries and hedges of a policy off, and on again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
        mpsc,
    },
    time::Duration,
};

use maestro_retry::{
    Backoff, Event, GiveUpReason, Hedge, HedgeResult, Override, RetryBudget, RetryLayer,
    RetryPolicy, SwitchCause,
};
use tokio::time::{advance, sleep};
use tower::{Layer, ServiceExt, service_fn};

const MINUTE: Duration = Duration::from_secs(60);

fn by(actor: &str) -> Override {
    Override::new(actor, "an outage")
}

fn policy() -> RetryPolicy {
    let numbers = RetryPolicy::builder().attempts(3).backoff(Backoff::none());
    numbers.build().expect("legal numbers")
}

/// The number of attempts of a call that fails.
fn attempts(policy: &RetryPolicy) -> u32 {
    let answer = policy.run_blocking(Err::<(), _>);
    answer.expect_err("each attempt fails")
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_is_off_makes_first_attempts_only() {
    let budget = RetryBudget::builder().ratio(1.0).floor_per_second(0);
    let budget = budget.build("store").unwrap();
    let policy = policy().budget(budget.clone());
    let clone = policy.clone();
    policy.force_off(by("alice"));
    assert_eq!(policy.forced(), Some(by("alice")));
    let made = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&made);
    let service = service_fn(move |()| {
        counted.fetch_add(1, SeqCst);
        async { Err::<(), _>("busy") }
    });
    let layer = RetryLayer::new(clone.clone());
    assert_eq!(layer.layer(service).oneshot(()).await, Err("busy"));
    assert_eq!(made.load(SeqCst), 1);
    assert_eq!(clone.run(async |n| Err::<(), _>(n)).await, Err(1));
    assert_eq!(budget.balance(), 2, "both calls paid, and none took");
    assert_eq!(clone.run(async |n| Ok::<_, ()>(n)).await, Ok(1));
}

#[test]
fn a_policy_retries_once_an_operator_resumes() {
    let policy = policy();
    assert!(!policy.resume(by("bob")), "it was not off");
    policy.force_off(by("alice"));
    policy.force_off(by("carol"));
    assert_eq!(attempts(&policy), 1);
    assert!(policy.resume(by("bob")));
    assert_eq!((attempts(&policy), policy.forced()), (3, None));
    assert!(!policy.resume(by("bob")));
}

#[tokio::test(start_paused = true)]
async fn an_override_ends_by_itself() {
    let policy = policy();
    policy.force_off(by("alice").lasting(MINUTE));
    let nanosecond = Duration::from_nanos(1);
    advance(MINUTE.saturating_sub(nanosecond)).await;
    assert_eq!(attempts(&policy), 1);
    advance(nanosecond).await;
    assert_eq!((attempts(&policy), policy.forced()), (3, None));
    policy.force_off(by("alice").lasting(MINUTE));
    advance(MINUTE).await;
    assert_eq!(policy.forced(), None, "a query ends it as well");
    policy.force_off(by("alice").lasting(Duration::MAX));
    advance(1_000_000 * MINUTE).await;
    assert_eq!(attempts(&policy), 1, "it has no end");
    // The end of the override that it replaces has no effect.
    policy.force_off(by("alice").lasting(MINUTE));
    policy.force_off(by("bob").lasting(2 * MINUTE));
    advance(MINUTE).await;
    assert_eq!(
        (attempts(&policy), policy.forced()),
        (1, Some(by("bob").lasting(2 * MINUTE)))
    );
    policy.force_off(by("carol").lasting(Duration::ZERO));
    assert_eq!(attempts(&policy), 3);
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_is_off_sends_no_hedges() {
    let (log, heard) = mpsc::channel();
    let hedge = Hedge::after(Duration::from_millis(10)).share(1.0);
    let hedge = hedge.build().unwrap();
    let policy = policy().unlimited();
    let listener = policy.on_event(move |event| {
        if let Event::Hedge { result } = event {
            log.send(*result).unwrap();
        }
    });
    let made = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&made);
    let service = RetryLayer::new(policy.clone())
        .hedge(hedge.clone())
        .layer(service_fn(move |wait| {
            counted.fetch_add(1, SeqCst);
            async move {
                sleep(wait).await;
                Ok::<_, String>(())
            }
        }));
    let call = async |millis| {
        let wait = Duration::from_millis(millis);
        service.clone().oneshot(wait).await.expect("it answers");
    };
    call(1).await; // pays for a hedge
    policy.force_off(by("alice"));
    call(50).await;
    assert_eq!((made.load(SeqCst), hedge.credit()), (2, 1));
    policy.resume(by("alice"));
    call(50).await;
    assert_eq!((made.load(SeqCst), hedge.credit()), (4, 0));
    drop(listener);
    assert_eq!(
        heard.try_iter().collect::<Vec<_>>(),
        [HedgeResult::Forced, HedgeResult::Lost]
    );
}

#[test]
fn listeners_hear_of_overrides_in_order() {
    let (log, heard) = mpsc::channel();
    let policy = policy();
    let _listener = policy.on_event(move |event| log.send(event.clone()).unwrap());
    policy.force_off(by("alice"));
    assert_eq!(attempts(&policy), 1);
    policy.resume(by("bob"));
    policy.force_off(by("carol").lasting(Duration::ZERO));
    assert_eq!(policy.forced(), None);
    let switched = |cause, by| Event::Switched { cause, by };
    let over = by("carol").lasting(Duration::ZERO);
    assert_eq!(
        heard.try_iter().collect::<Vec<_>>(),
        [
            switched(SwitchCause::Forced, by("alice")),
            Event::GaveUp {
                attempts: 1,
                reason: GiveUpReason::Forced,
            },
            switched(SwitchCause::Resumed, by("bob")),
            switched(SwitchCause::Forced, over.clone()),
            switched(SwitchCause::OverrideOver, over),
        ]
    );
}
