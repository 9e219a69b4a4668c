//! What the starting points of the builder promise.

use std::{cell::RefCell, time::Duration};

use maestro_retry::{Builder, RetryPolicy, Verdict};
use tokio::time::{Instant, sleep};

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// The beginnings of the attempts of a call that fails with `verdict`, each after `each`.
async fn attempts(numbers: Builder, verdict: Verdict, each: Duration) -> Vec<Duration> {
    let policy = numbers.build().expect("legal numbers").unlimited();
    let policy = policy.classify(move |_| verdict);
    let (start, begun) = (Instant::now(), RefCell::new(Vec::new()));
    let failed = policy.run(async |_| {
        begun.borrow_mut().push(start.elapsed());
        sleep(each).await;
        Err::<(), _>("lost")
    });
    assert_eq!(failed.await, Err("lost"));
    begun.into_inner()
}

/// The longest of many first waits, which are drawn up to it.
async fn longest_first_wait(numbers: Builder, verdict: Verdict) -> Duration {
    let mut longest = Duration::ZERO;
    for _ in 0..64 {
        longest = longest.max(attempts(numbers, verdict, Duration::ZERO).await[1]);
    }
    longest
}

#[tokio::test(start_paused = true)]
async fn each_preset_has_its_attempts_and_its_first_wait() {
    let presets = [
        (Builder::database(), 3, millis(20)),
        (Builder::http_api(), 3, millis(100)),
        (Builder::cache(), 2, millis(8)),
        (RetryPolicy::builder(), 3, millis(50)),
    ];
    for (numbers, most, wait) in presets {
        let made = attempts(numbers, Verdict::Retry, Duration::ZERO).await;
        assert_eq!(made.len(), most, "{numbers:?}");
        let longest = longest_first_wait(numbers, Verdict::Retry).await;
        // A timer ends up to a millisecond late.
        let range = wait / 2..=wait + millis(1);
        assert!(range.contains(&longest), "{longest:?} of {numbers:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_preset_ends_in_time() {
    let presets = [
        (Builder::database(), secs(5)),
        (Builder::http_api(), secs(30)),
        (Builder::cache(), millis(50)),
        (Builder::queue(), secs(120)),
    ];
    for (numbers, end) in presets {
        let made = attempts(numbers, Verdict::Retry, end).await;
        assert_eq!(made.len(), 1, "{numbers:?}");
        let made = attempts(numbers, Verdict::Retry, end / 2).await;
        assert_eq!(made.len(), 2, "{numbers:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_api_that_throttles_is_called_later() {
    let longest = longest_first_wait(Builder::http_api(), Verdict::Retry.throttled()).await;
    assert!(
        (millis(500)..=millis(1_001)).contains(&longest),
        "{longest:?}"
    );
    for (hint, made) in [(secs(20), 2), (secs(21), 1)] {
        let verdict = Verdict::RetryAfter(hint);
        let calls = attempts(Builder::http_api(), verdict, Duration::ZERO).await;
        assert_eq!(calls.len(), made, "{hint:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_is_published_for_two_minutes() {
    let made = attempts(Builder::queue(), Verdict::Retry, Duration::ZERO).await;
    assert!((25..100).contains(&made.len()), "{}", made.len());
    let last = made[made.len() - 1];
    assert!((secs(110)..secs(120)).contains(&last), "{last:?}");
}

#[test]
fn a_preset_is_a_constant() {
    const NUMBERS: Builder = Builder::database().attempts(2);
    assert!(NUMBERS.build().is_ok());
}
