//! One property a model.

use std::time::Duration;

use loom::{sync::Arc, thread};

use crate::{limit::Limit, types::nanos::Nanos, window::Credit, window::share::Share};

#[test]
fn who_reads_a_limit_while_it_changes_has_the_old_one_or_the_new_one() {
    // Both halves of the word differ, so that a mixture would be a third value.
    let (old, new) = (Duration::from_nanos(1), Duration::from_nanos(2 << 32));
    loom::model(move || {
        let limit = Arc::new(Limit::new(old));
        let other = Arc::clone(&limit);
        // The reader is the thread that loom runs last: it may then be shown any value that was ever there.
        let there = thread::spawn(move || other.load());
        limit.store(new);
        let seen = there.join().unwrap();
        assert!(
            seen == Nanos::new(old) || seen == Nanos::new(new),
            "{seen:?}"
        );
        assert_eq!(limit.load(), Nanos::new(new));
    });
}

/// Two expired requests; how many of them were rejected.
fn two_requests(credit: &Credit) -> usize {
    let half = Share::new(0.5).expect("a share");
    (0..2)
        .filter(|_| credit.request(0, half, 1_000, true))
        .count()
}

#[test]
fn two_threads_together_reject_exactly_the_share() {
    loom::model(|| {
        let credit = Arc::new(Credit::new());
        let other = Arc::clone(&credit);
        let there = thread::spawn(move || two_requests(&other));
        let rejected = two_requests(&credit) + there.join().unwrap();
        assert_eq!(rejected, 2, "half of four, whoever comes when");
    });
}

#[test]
fn three_threads_never_reject_more_than_the_share() {
    let mut model = loom::model::Builder::new();
    // Three threads without a bound take minutes.
    model.preemption_bound = Some(3);
    model.check(|| {
        let credit = Arc::new(Credit::new());
        let third = Share::new(0.4).expect("a share");
        let others: Vec<_> = (0..2)
            .map(|_| {
                let other = Arc::clone(&credit);
                thread::spawn(move || usize::from(other.request(0, third, 1_000, true)))
            })
            .collect();
        let here = usize::from(credit.request(0, third, 1_000, true));
        let there: usize = others.into_iter().map(|other| other.join().unwrap()).sum();
        // 0.4, 0.8, 1.2: the third of them, whichever it is, is the one.
        assert_eq!(here + there, 1);
    });
}
