//! `run_blocking`, and the random generator of a call.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use rand::{SeedableRng, rngs::SmallRng};

use super::{CallState, RetryPolicy};
use crate::{
    backoff::{Backoff, Jitter},
    budget::RetryBudget,
};

#[test]
fn generator_is_drawn_at_the_first_retry() {
    let (mut call, mut drawn) = (CallState::new(None, None), 0);
    for retries in 0..3 {
        assert_eq!(drawn, retries.min(1));
        let backoff = Backoff::constant(Duration::from_secs(3_600));
        call.wait(&backoff, None, true, || {
            drawn += 1;
            SmallRng::seed_from_u64(0)
        });
    }
}

#[test]
fn run_blocking_waits_and_refunds_after_a_panic() {
    let ms = Duration::from_millis;
    let budget = RetryBudget::builder()
        .ratio(1.0)
        .floor_per_second(0)
        .build("blocking")
        .unwrap();
    let backoff = Backoff::linear(ms(50), ms(120)).jitter(Jitter::None);
    let policy = RetryPolicy::builder()
        .attempts(5)
        .backoff(backoff)
        .build()
        .unwrap();
    let mut waits = Vec::new();
    let answer = policy.repeat(Err::<(), _>, |wait| waits.push(wait));
    assert_eq!(
        (answer, waits),
        (Err(5), [50, 100, 120, 120].map(ms).to_vec())
    );

    let policy = policy.budget(budget.clone());
    let interrupted = catch_unwind(AssertUnwindSafe(|| {
        policy.repeat(Err::<(), _>, |_| panic!("interrupted"))
    }));
    assert!(interrupted.is_err());
    assert_eq!(budget.balance(), 1, "the retry never ran");
    assert_eq!(
        policy.repeat(Err::<(), _>, |_| {}),
        Err(3),
        "two calls paid for two"
    );
    let max_elapsed = RetryPolicy::builder()
        .max_elapsed(ms(40))
        .backoff(backoff)
        .build()
        .unwrap();
    assert_eq!(
        max_elapsed.run_blocking(Err::<(), _>),
        Err(1),
        "the wait would be too long"
    );
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the wait ends late")]
fn late_wait_makes_no_attempt() {
    let ms = Duration::from_millis;
    let policy = RetryPolicy::builder()
        .max_elapsed(ms(40))
        .backoff(Backoff::constant(ms(5)).jitter(Jitter::None))
        .build()
        .unwrap();
    let answer = policy.repeat(Err::<(), _>, |_| std::thread::sleep(ms(60)));
    assert_eq!(answer, Err(1));
}
