//! Loom models of `pace.rs`, one property each.

use std::time::Duration;

use loom::sync::Arc;

use super::pace::{Pace, Terms};
use crate::sync::both;

const DELAY: Duration = Duration::from_millis(100);

/// A call pays for half a hedge, and two are saved up.
fn pace() -> Arc<Pace> {
    let terms = Terms::fixed(DELAY, 0.5, 2);
    Arc::new(Pace::new(terms.live(0.5, DELAY / 100, DELAY * 100)))
}

#[test]
fn concurrent_calls_pay_and_lower_the_delay_once_each() {
    loom::model(|| {
        let (pace, alone) = (pace(), pace());
        both(&pace, Pace::early, Pace::early);
        alone.early();
        alone.early();
        assert_eq!((pace.credit(), pace.delay()), (1, alone.delay()));
    });
}

#[test]
fn last_credit_is_taken_once() {
    loom::model(|| {
        let pace = pace();
        pace.early();
        pace.early();
        let (there, here) = both(&pace, Pace::take, Pace::take);
        assert!(there ^ here);
        pace.give_back();
        assert_eq!(pace.credit(), 1);
    });
}

#[test]
fn slow_and_fast_call_at_once_leave_the_delay() {
    loom::model(|| {
        let pace = pace();
        both(&pace, Pace::early, Pace::reached);
        pace.early();
        pace.reached();
        // Half and half are in balance at the median.
        assert_eq!((pace.credit(), pace.delay()), (1, pace.delay()));
        let error = pace.delay().abs_diff(DELAY);
        assert!(error < Duration::from_micros(1), "{error:?}");
    });
}

#[test]
fn a_change_of_the_burst_leaves_no_credit_above_it() {
    loom::model(|| {
        let pace = pace();
        (0..4).for_each(|_| pace.early());
        assert_eq!(pace.credit(), 2);
        let smaller = |pace: &Pace| pace.change(Terms::fixed(DELAY, 0.5, 1));
        both(&pace, Pace::early, smaller);
        assert_eq!((pace.credit(), pace.delay()), (1, DELAY));
        both(&pace, Pace::early, Pace::give_back);
        assert_eq!((pace.credit(), pace.delay()), (1, DELAY));
    });
}

#[test]
fn a_delay_during_two_changes_is_that_of_one_era() {
    let mut model = loom::model::Builder::new();
    // Without a bound it takes 20 s, and with it the model still catches its mutants.
    model.preemption_bound = Some(2);
    model.check(|| {
        let terms = Terms::fixed(DELAY, 0.5, 2);
        let pace = Arc::new(Pace::new(terms.live(0.5, DELAY / 2, DELAY * 2)));
        let first = pace.delay();
        // The last set takes the place of the first one. Its shortest delay is above the longest of before.
        let (second, third) = (DELAY / 4, DELAY * 3);
        let twice = move |pace: &Pace| {
            pace.change(Terms::fixed(second, 0.5, 2));
            pace.change(Terms::fixed(third, 0.5, 2));
        };
        // The reader is the other thread: loom shows a load the earlier values only there.
        let (delay, ()) = both(&pace, Pace::delay, twice);
        assert!([first, second, third].contains(&delay), "{delay:?}");
        assert_eq!(pace.delay(), third);
    });
}
