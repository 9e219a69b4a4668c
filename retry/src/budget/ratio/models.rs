//! Loom models of the ledger, one property each: two slots make a ttl of two seconds, one call pays for one retry, and
//! there is no floor. So a balance counts the live calls that no retry has used.

use std::time::Duration;

use loom::{sync::Arc, thread};

use super::{credit::Terms, ledger::Ledger};

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
fn both_first_calls_of_a_slot_are_counted() {
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
fn concurrent_withdrawals_grant_one_credit_once() {
    explore(None, |ledger| {
        ledger.deposit(0);
        let there = spawn(&ledger, |ledger| u64::from(ledger.withdraw(0).is_some()));
        let here = u64::from(ledger.withdraw(0).is_some());
        assert_eq!(here + there.join().unwrap(), 1);
        assert_eq!(ledger.balance(0), 0);
    });
}

#[test]
fn deposit_withdrawal_and_refund_keep_the_balance() {
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
fn withdrawal_with_credit_is_not_refused() {
    explore(None, |ledger| {
        ledger.deposit(0);
        let there = spawn(&ledger, |ledger| {
            // It deposits the credit that it takes.
            ledger.deposit(0);
            ledger.withdraw(0).expect("two came in, one other takes")
        });
        assert!(ledger.withdraw(0).is_some(), "one was left at every moment");
        there.join().unwrap();
    });
}

#[test]
fn concurrent_refunds_both_return_credit() {
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
fn call_at_a_slot_boundary_counts_in_one_slot() {
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
fn call_that_skips_the_mark_sees_it() {
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
fn late_clock_reading_keeps_a_newer_mark() {
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

/// The credit of a change is that of one of the two terms, and no retry is granted by calls of the other.
#[test]
fn a_change_of_the_terms_brings_no_credit() {
    explore(Some(2), |ledger| {
        ledger.deposit(0);
        let there = spawn(&ledger, |ledger| {
            ledger.change(Terms::new(0.5, 0, Duration::from_secs(4)).unwrap(), 0);
            ledger.deposit(0);
            0
        });
        let here = u64::from(ledger.withdraw(0).is_some());
        there.join().unwrap();
        // A whole call at first, of which half expires at the change, and half a call after it.
        let after = (0..9).filter(|_| ledger.withdraw(0).is_some()).count() as u64;
        assert!(here + after <= 1);
    });
}

/// The credit of the first terms is used up, and a call after the change pays for half a retry. By the terms before, the two
/// calls would have paid for two.
#[test]
fn calls_after_a_change_pay_by_its_terms() {
    explore(Some(2), |ledger| {
        ledger.deposit(0);
        ledger.withdraw(0).expect("a call paid for it");
        let there = spawn(&ledger, |ledger| {
            ledger.change(Terms::new(0.5, 0, Duration::from_secs(2)).unwrap(), 0);
            ledger.deposit(0);
            0
        });
        assert!(ledger.withdraw(0).is_none(), "half a call paid for it");
        there.join().unwrap();
    });
}
