//! One property a model. Most are claims of `ledger.rs`: two slots a ttl of two seconds, one call pays
//! for one retry, no floor, so that a balance counts the live calls that no retry has used. The last ones are
//! of `tokens.rs` and `flight.rs`.

use std::time::Duration;

use loom::{sync::Arc, thread};

use crate::budget::{
    flight::{Flight, Limit},
    ratio::ledger::Ledger,
    ratio::terms::Terms,
    tokens::Tokens,
};

const SECOND: u64 = 1_000_000_000;

/// Runs `f` over every interleaving with at most `preemptions` involuntary switches.
fn explore(preemptions: Option<usize>, f: impl Fn(Arc<Ledger<2>>) + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = preemptions;
    model.check(move || {
        let terms = Terms::new(1.0, 0, Duration::from_secs(2)).unwrap();
        f(Arc::new(Ledger::new(terms)));
    });
}

fn spawn(
    ledger: &Arc<Ledger<2>>,
    f: impl FnOnce(&Ledger<2>) -> u64 + 'static,
) -> thread::JoinHandle<u64> {
    let ledger = Arc::clone(ledger);
    thread::spawn(move || f(&ledger))
}

#[test]
fn two_first_calls_of_a_slot_are_both_counted_in_it() {
    explore(None, |ledger| {
        ledger.deposit(0);
        let there = spawn(&ledger, |ledger| {
            ledger.deposit(SECOND);
            0
        });
        ledger.deposit(SECOND);
        there.join().unwrap();
        assert_eq!(ledger.balance(SECOND), 3);
        assert_eq!(
            ledger.balance(2 * SECOND),
            2,
            "the first slot's call is too old"
        );
        assert_eq!(ledger.balance(3 * SECOND), 0);
    });
}

#[test]
fn one_credit_is_granted_once() {
    explore(None, |ledger| {
        ledger.deposit(0);
        let there = spawn(&ledger, |ledger| u64::from(ledger.withdraw(0).is_some()));
        let here = u64::from(ledger.withdraw(0).is_some());
        assert_eq!(here + there.join().unwrap(), 1);
        assert_eq!(ledger.balance(0), 0);
    });
}

#[test]
fn a_deposit_a_withdrawal_and_a_refund_lose_nothing_and_grant_nothing_twice() {
    explore(None, |ledger| {
        ledger.deposit(0);
        ledger.deposit(0);
        let depositing = spawn(&ledger, |ledger| {
            ledger.deposit(0);
            0
        });
        let refunding = spawn(&ledger, |ledger| {
            let end = ledger.withdraw(0).expect("two credits, two takers");
            ledger.refund(end, 0);
            0
        });
        assert!(
            ledger.withdraw(0).is_some(),
            "refused a credit that nobody could take"
        );
        depositing.join().unwrap();
        refunding.join().unwrap();
        assert_eq!(ledger.balance(0), 2, "three came in, one was used");
    });
}

#[test]
fn a_retry_is_not_refused_while_there_is_credit_for_it_at_every_moment() {
    explore(None, |ledger| {
        ledger.deposit(0);
        let there = spawn(&ledger, |ledger| {
            // Brings what it takes.
            ledger.deposit(0);
            ledger.withdraw(0).expect("two came in, one other takes")
        });
        assert!(ledger.withdraw(0).is_some(), "one was left at every moment");
        there.join().unwrap();
    });
}

#[test]
fn two_refunds_are_both_given_back() {
    explore(None, |ledger| {
        ledger.deposit(0);
        ledger.deposit(0);
        let (first, second) = (ledger.withdraw(0).unwrap(), ledger.withdraw(0).unwrap());
        let there = spawn(&ledger, move |ledger| {
            ledger.refund(first, 0);
            0
        });
        ledger.refund(second, 0);
        there.join().unwrap();
        assert_eq!(ledger.balance(0), 2);
    });
}

#[test]
fn a_call_that_comes_while_the_slot_turns_is_in_one_of_the_two() {
    explore(None, |ledger| {
        ledger.deposit(0);
        let late = spawn(&ledger, |ledger| {
            ledger.deposit(SECOND);
            0
        });
        ledger.deposit(2 * SECOND);
        late.join().unwrap();
        assert_eq!(
            ledger.balance(2 * SECOND),
            2,
            "both are live, the first is not"
        );
        assert!(ledger.balance(3 * SECOND) >= 1, "the later one still is");
        assert_eq!(ledger.balance(4 * SECOND), 0);
    });
}

#[test]
fn a_call_that_is_told_that_its_slot_has_a_mark_sees_the_mark() {
    explore(None, |ledger| {
        ledger.deposit(0);
        let there = spawn(&ledger, |ledger| {
            ledger.deposit(3 * SECOND);
            let own = ledger.withdraw(3 * SECOND);
            own.expect("its own call was taken for one of the slot before")
        });
        ledger.deposit(3 * SECOND);
        there.join().unwrap();
    });
}

#[test]
fn a_late_reading_of_the_clock_does_not_undo_a_newer_mark() {
    // Two slots apart, so both marks have the same place.
    explore(None, |ledger| {
        ledger.deposit(0);
        let late = spawn(&ledger, |ledger| {
            ledger.deposit(SECOND);
            0
        });
        ledger.deposit(3 * SECOND);
        late.join().unwrap();
        assert!(ledger.balance(3 * SECOND) >= 1);
        assert!(
            ledger.balance(4 * SECOND) >= 1,
            "the newer mark was overwritten"
        );
        assert_eq!(ledger.balance(5 * SECOND), 0);
    });
}

/// Runs `f` on another thread, then `g` here at the same time; gives back what both said.
fn both<T: Send + Sync + 'static, R: 'static>(
    shared: &Arc<T>,
    f: impl FnOnce(&T) -> R + 'static,
    g: impl FnOnce(&T) -> R,
) -> (R, R) {
    let other = Arc::clone(shared);
    let there = thread::spawn(move || f(&other));
    let here = g(shared);
    (there.join().unwrap(), here)
}

#[test]
fn of_two_failures_at_once_as_many_are_retried_as_the_upper_half_holds() {
    loom::model(|| {
        let tokens = Arc::new(Tokens::new(4));
        let (there, here) = both(&tokens, |t| t.drain(1), |t| t.drain(1));
        assert!(there ^ here, "four tokens have one to spare above half");
        assert_eq!(tokens.left(), 2);
    });
}

#[test]
fn tokens_given_at_once_are_all_there_and_never_more_than_the_cap() {
    loom::model(|| {
        let tokens = Arc::new(Tokens::new(3));
        assert!(tokens.take(2));
        both(&tokens, |t| t.give(1), |t| t.give(1));
        assert_eq!(tokens.left(), 3);
        both(&tokens, |t| t.give(1), |t| t.give(1));
        assert_eq!(tokens.left(), 3);
    });
}

#[test]
fn the_last_tokens_are_taken_once_and_a_refund_is_not_lost_to_a_success() {
    loom::model(|| {
        let tokens = Arc::new(Tokens::new(5));
        let (there, here) = both(&tokens, |t| t.take(3), |t| t.take(3));
        assert!(there ^ here);
        both(&tokens, |t| t.give(2), |t| t.give(1));
        assert_eq!(tokens.left(), 5);
    });
}

#[test]
fn one_place_for_a_retry_in_flight_is_given_once_and_again_after_its_end() {
    loom::model(|| {
        let limit = Limit {
            share: 5_000,
            least: 0,
        };
        let flight = Arc::new(Flight::new());
        flight.call_begins();
        flight.call_begins();
        let one = move |flight: &Flight| flight.retry_begins(limit);
        let (there, here) = both(&flight, one, one);
        assert!(there ^ here, "half of two calls");
        let end = |flight: &Flight| {
            flight.retry_ends();
            true
        };
        // The end of one lets the other begin, or comes too late for it.
        let (_, here) = both(&flight, end, one);
        assert_eq!(flight.counts().retries, u32::from(here));
    });
}

#[test]
fn calls_that_begin_and_end_at_once_leave_nothing_behind() {
    loom::model(|| {
        let limit = Limit {
            share: 10_000,
            least: 0,
        };
        let flight = Arc::new(Flight::new());
        let call = move |flight: &Flight| {
            flight.call_begins();
            let granted = flight.retry_begins(limit);
            assert!(granted, "its own call pays for it");
            flight.retry_ends();
            flight.call_ends();
        };
        both(&flight, call, call);
        assert_eq!((flight.counts().calls, flight.counts().retries), (0, 0));
    });
}
