//! One property a model.

use std::time::Duration;

use loom::{sync::Arc, thread};

use tokio::time::Instant;

use crate::{
    limit::{ForcedLimit, Limit},
    types::{LimitCause, Nanos, Override},
    window::{Settings, Window},
};

fn window(share: f64) -> Arc<Window> {
    let settings = Settings::new(share, Duration::from_secs(1), false).expect("within the ranges");
    Arc::new(Window::new(settings))
}

#[test]
fn a_reader_sees_the_old_or_the_new_limit() {
    // Both halves of the word differ, so that a mixture would be a third value.
    let (old, new) = (Duration::from_nanos(1), Duration::from_nanos(2 << 32));
    loom::model(move || {
        let limit = Arc::new(Limit::new(old));
        let other = Arc::clone(&limit);
        // The reader is the spawned thread: loom shows a relaxed load every earlier value only there. With the
        // reader here, the model misses its mutant.
        let there = thread::spawn(move || other.load());
        limit.store(new);
        let seen = there.join().unwrap();
        assert!(
            seen == Nanos::from(old) || seen == Nanos::from(new),
            "{seen:?}"
        );
        assert_eq!(limit.load(), Nanos::from(new));
    });
}

#[test]
fn a_new_limit_survives_the_end_of_an_override() {
    let (old, new, forced) = (
        Duration::from_secs(1),
        Duration::from_secs(2),
        Duration::from_secs(3),
    );
    loom::model(move || {
        let limit = ForcedLimit::new(old);
        let now = Instant::now();
        limit.force(
            forced,
            Override::new("test", "test").lasting(Duration::ZERO),
            now,
            |_| (),
        );
        let limit = Arc::new(limit);
        let other = Arc::clone(&limit);
        let there = thread::spawn(move || {
            let mut ends = 0;
            other.at(now, |change| {
                assert_eq!(change.cause(), LimitCause::OverrideOver);
                ends += 1;
            });
            ends
        });
        let mut ends = 0;
        limit.configure(new, |_| ());
        limit.at(now, |_| ends += 1);
        ends += there.join().unwrap();
        assert_eq!((limit.load(), ends), (Some(Nanos::from(new)), 1));
    });
}

/// The limits of the models of two overrides: configured, of the first override, of the second.
const LIMITS: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(3),
];

fn force(limit: &ForcedLimit, to: Duration, lasts: u64, now: Instant) {
    let by = Override::new("test", "test").lasting(Duration::from_secs(lasts));
    limit.force(to, by, now, |_| ());
}

#[test]
fn a_new_override_never_has_the_end_of_the_old_one() {
    let [configured, first, second] = LIMITS;
    loom::model(move || {
        let (limit, now) = (ForcedLimit::new(configured), Instant::now());
        force(&limit, first, 100, now);
        let limit = Arc::new(limit);
        let other = Arc::clone(&limit);
        // At that instant the second override is over, and the first would not be.
        let later = now + Duration::from_secs(10);
        let there = thread::spawn(move || other.at(later, |_| ()));
        force(&limit, second, 5, now);
        let seen = there.join().unwrap().duration();
        assert!(seen == first || seen == configured, "{seen:?}");
    });
}

#[test]
fn an_old_override_never_has_the_end_of_the_new_one() {
    let [configured, first, second] = LIMITS;
    loom::model(move || {
        let (limit, now) = (ForcedLimit::new(configured), Instant::now());
        force(&limit, first, 5, now);
        let limit = Arc::new(limit);
        let other = Arc::clone(&limit);
        // At that instant the first override is over.
        let later = now + Duration::from_secs(10);
        let there = thread::spawn(move || other.at(later, |_| ()));
        limit.at(later, |_| ());
        force(&limit, second, 100, later);
        let seen = there.join().unwrap().duration();
        assert!(seen == second || seen == configured, "{seen:?}");
    });
}

/// Two expired requests. Returns how many of them were rejected.
fn two_requests(window: &Window) -> usize {
    (0..2).filter(|_| window.request(0, true).0).count()
}

#[test]
fn two_threads_reject_exactly_the_share() {
    loom::model(|| {
        let window = window(0.5);
        let other = Arc::clone(&window);
        let there = thread::spawn(move || two_requests(&other));
        let rejected = two_requests(&window) + there.join().unwrap();
        assert_eq!(rejected, 2, "half of four, in every order");
    });
}

#[test]
fn three_threads_never_exceed_the_share() {
    let mut model = loom::model::Builder::new();
    // Three threads without a bound take minutes.
    model.preemption_bound = Some(3);
    model.check(|| {
        let window = window(0.4);
        let others: Vec<_> = (0..2)
            .map(|_| {
                let other = Arc::clone(&window);
                thread::spawn(move || usize::from(other.request(0, true).0))
            })
            .collect();
        let here = usize::from(window.request(0, true).0);
        let there: usize = others.into_iter().map(|other| other.join().unwrap()).sum();
        // 0.4, 0.8, 1.2: the third request is rejected, whichever it is.
        assert_eq!(here + there, 1);
    });
}
