//! Metrics whose recorder is installed after the policy was used: the handles must count.

use std::time::Duration;

use maestro_retry::{
    Backoff, Hedge, Jitter, Override, RetryBudget, RetryLayer, RetryPolicy, Verdict,
};
use tower::{Layer, ServiceExt, service_fn};

mod recorder;
use recorder::Recorded;

/// One test, because a process installs its recorder once.
#[tokio::test(start_paused = true)]
async fn named_policy_counts_once_a_recorder_exists() {
    let budget = RetryBudget::builder()
        .ratio(0.0)
        .floor_per_second(1)
        .build("store")
        .unwrap();
    let backoff = Backoff::constant(Duration::from_millis(250)).jitter(Jitter::None);
    let unnamed = RetryPolicy::builder()
        .attempts(3)
        .backoff(backoff)
        .build()
        .unwrap()
        .budget(budget)
        .classify(|result: &Result<(), usize>| match result {
            Ok(()) => Verdict::Done,
            Err(0) => Verdict::Retry,
            Err(1) => Verdict::RetryAfter(Duration::from_secs(1)),
            Err(_) => Verdict::Never,
        });
    let policy = unnamed.clone().named("store");
    assert!(policy.run(async |_| Err(2)).await.is_err());

    let recorded = Recorded::install();
    assert!(unnamed.run(async |_| Err(0)).await.is_err());
    assert_eq!(
        recorded.registrations(),
        0,
        "an unnamed policy registers nothing"
    );
    policy.resolve_metrics();
    policy.resolve_metrics();
    assert_eq!(
        recorded.registrations(),
        14,
        "each once, without the budget's level"
    );
    assert_eq!(recorded.count("maestro_retry_attempts_total", None), 0);

    // Two retries, and the last attempt's failure is the answer.
    assert!(policy.run(async |_| Err(0)).await.is_err());
    // A hint, then a success.
    assert!(
        policy
            .run(async |n| if n == 1 { Err(1) } else { Ok(()) })
            .await
            .is_ok()
    );
    // A failure that no retry can mend.
    assert!(policy.run(async |_| Err(2)).await.is_err());

    let cause = |metric, cause| recorded.count(metric, Some(cause));
    assert_eq!(recorded.count("maestro_retry_attempts_total", None), 6);
    assert_eq!(cause("maestro_retry_retries_total", "failure"), 2);
    assert_eq!(cause("maestro_retry_retries_total", "hint"), 1);
    assert_eq!(cause("maestro_retry_retries_total", "costing"), 0);
    assert_eq!(cause("maestro_retry_gave_up_total", "attempts"), 1);
    assert_eq!(cause("maestro_retry_gave_up_total", "never"), 1);
    assert_eq!(cause("maestro_retry_gave_up_total", "budget"), 0);
    assert_eq!(
        recorded.values("maestro_retry_wait_seconds"),
        [0.25, 0.25, 1.0]
    );
    // A ttl's floor of 10, less 2 before there was a recorder; later takers had later seconds' credit.
    let level = recorded.level("maestro_retry_budget_level");
    assert!((5.0..=8.0).contains(&level), "{level}");
    assert_eq!(recorded.registrations(), 15);

    // Hedges. Their counters are registered with the first one.
    let hedge = Hedge::after(Duration::from_millis(100))
        .share(1.0)
        .build()
        .unwrap();
    let policy = RetryPolicy::builder()
        .build()
        .unwrap()
        .unlimited()
        .named("store");
    let layer = RetryLayer::new(policy.clone()).hedge(hedge);
    let service = layer.layer(service_fn(async |latency: u64| {
        tokio::time::sleep(Duration::from_millis(latency)).await;
        Ok::<_, String>(())
    }));
    for latency in [150, 10, 150, 150] {
        assert!(service.clone().oneshot(latency).await.is_ok());
    }
    let hedges = |result| recorded.count("maestro_retry_hedges_total", Some(result));
    assert_eq!((hedges("credit"), hedges("lost"), hedges("won")), (2, 1, 0));

    // An operator.
    policy.force_off(Override::new("alice", "drill"));
    assert!(policy.run(async |_| Err::<(), _>("busy")).await.is_err());
    assert!(policy.resume(Override::new("alice", "drill")));
    assert_eq!(cause("maestro_retry_gave_up_total", "forced"), 1);
    let overrides = |by| cause("maestro_retry_overrides_total", by);
    assert_eq!((overrides("forced"), overrides("resumed")), (1, 1));
    assert_eq!(overrides("override_over"), 0);
}

#[cfg(feature = "family")]
#[tokio::test(start_paused = true)]
async fn a_family_labels_as_many_keys_as_its_capacity() {
    let recorded = Recorded::default();
    metrics::with_local_recorder(&recorded, || {
        let numbers = RetryBudget::builder().ratio(0.0).floor_per_second(1);
        let numbers = numbers.ttl(Duration::from_secs(1));
        let hosts = numbers.build_family("hosts", 2).unwrap().label_metrics();
        for key in [1, 2, 3, 1] {
            // Neither 1 nor 2 can go, as their credit is spent: 3 is the overflow's.
            let budget = hosts.get(&key);
            if let Some(hold) = budget.try_hold() {
                hold.spend();
            }
        }
        assert_eq!(recorded.registrations(), 3 * 3, "three for each label");
        let unlabelled = numbers.build_family("others", 2).unwrap();
        drop(unlabelled.get(&1).try_hold());
    });
    assert_eq!(
        recorded.series("maestro_retry_budget_decisions_total"),
        [
            "name=hosts key=1 outcome=granted: 1",
            "name=hosts key=1 outcome=refused: 1",
            "name=hosts key=2 outcome=granted: 1",
            "name=hosts key=2 outcome=refused: 0",
            "name=hosts key=_overflow outcome=granted: 1",
            "name=hosts key=_overflow outcome=refused: 0",
        ]
    );
    assert_eq!(
        recorded.series("maestro_retry_budget_level"),
        [
            "name=hosts key=1: 0",
            "name=hosts key=2: 0",
            "name=hosts key=_overflow: 0",
        ]
    );
}

#[cfg(feature = "family")]
#[tokio::test(start_paused = true)]
async fn keys_beyond_the_capacity_have_one_label() {
    let recorded = Recorded::default();
    let numbers = RetryBudget::builder().ratio(0.0).floor_per_second(1);
    let hosts = numbers.build_family("hosts", 1).unwrap().label_metrics();
    metrics::with_local_recorder(&recorded, || {
        for key in [1, 2, 3, 1] {
            // Not spent: the member goes when the next key comes.
            drop(hosts.get(&key).try_hold());
        }
    });
    assert_eq!(
        recorded.series("maestro_retry_budget_decisions_total"),
        [
            "name=hosts key=1 outcome=granted: 2",
            "name=hosts key=1 outcome=refused: 0",
            "name=hosts key=_overflow outcome=granted: 2",
            "name=hosts key=_overflow outcome=refused: 0",
        ]
    );
}
