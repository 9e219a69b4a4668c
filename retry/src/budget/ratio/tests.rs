//! The ledger agrees with naive models: lists of every call.

use std::time::Duration;

use proptest::prelude::*;

use super::{
    credit::{RETRY, Terms},
    ledger::{Ledger, SLOTS},
};

const NANOS_PER_MILLI: u64 = 1_000_000;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Milliseconds.
    Pass(u64),
    Call,
    Take,
    /// The hold with this number, modulo the number of holds, starts its retry.
    Spend(usize),
    /// The hold with this number is dropped.
    Drop(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0_u64..400).prop_map(Step::Pass),
        1 => prop_oneof![Just(1_000_u64), Just(2_000), Just(31_536_000_000)].prop_map(Step::Pass),
        6 => Just(Step::Call),
        4 => Just(Step::Take),
        2 => any::<usize>().prop_map(Step::Spend),
        2 => any::<usize>().prop_map(Step::Drop),
    ];
    prop::collection::vec(step, 0..200)
}

/// The line of credit as `credit.rs` explains it, with every call on a list.
struct Naive {
    per_call: u64,
    per_milli: u64,
    ttl: u64,
    now: u64,
    /// The slot of each call.
    calls: Vec<u64>,
    used: u64,
}

impl Naive {
    fn slot(&self) -> u64 {
        (self.now + self.ttl) * SLOTS as u64 / self.ttl
    }

    fn earned(&self) -> u64 {
        self.calls.len() as u64 * self.per_call + (self.now + self.ttl) * self.per_milli
    }

    fn expired(&self) -> u64 {
        let oldest = self.slot() - (SLOTS as u64 - 1);
        let old = self.calls.iter().filter(|slot| **slot < oldest).count() as u64;
        old * self.per_call + self.now * self.per_milli
    }

    fn balance(&self) -> u64 {
        self.earned().saturating_sub(self.used.max(self.expired())) / RETRY
    }

    fn take(&mut self) -> Option<u64> {
        let grant = self.balance() > 0;
        grant.then(|| {
            self.used = self.used.max(self.expired()) + RETRY;
            self.used
        })
    }

    fn refund(&mut self, end: u64) {
        let begin = end - RETRY;
        // The part of the stretch that has not expired.
        self.used -= end - begin.max(self.expired()).min(end);
    }
}

/// How many further retries are possible, if calls live at the time of a grant paid for it, the oldest first.
fn unmatched(calls: &[u64], grants: &[u64], per_call: u64, now: u64) -> u64 {
    let mut left = vec![per_call; calls.len()];
    for granted in grants {
        let mut owed = RETRY;
        for (slot, left) in calls.iter().zip(&mut left) {
            if *slot <= *granted && *granted < slot + SLOTS as u64 {
                let paid = owed.min(*left);
                *left -= paid;
                owed -= paid;
            }
        }
        assert_eq!(owed, 0, "a retry that no live calls paid for");
    }
    let live = calls
        .iter()
        .zip(left)
        .filter(|(slot, _)| now < **slot + SLOTS as u64);
    live.map(|(_, left)| left).sum::<u64>() / RETRY
}

proptest! {
    #[test]
    fn ledger_matches_a_list_of_all_calls(
        per_call in prop_oneof![Just(0_u64), Just(1), Just(2_000), Just(3_333), Just(RETRY), 0..=10 * RETRY],
        floor in prop_oneof![Just(0_u32), 0_u32..20, Just(1_000_000)],
        // Multiples of the number of slots, so that the model's slots begin on whole milliseconds too.
        ttl in prop_oneof![Just(1_008_u64), Just(1_600), Just(16_000), Just(600_000)],
        steps in steps(),
    ) {
        let ratio = f64::from(u32::try_from(per_call).unwrap()) / 10_000.0;
        let terms = Terms::new(ratio, floor, Duration::from_millis(ttl)).unwrap();
        let ledger = Ledger::<SLOTS>::new(terms);
        let per_milli = u64::from(floor) * RETRY / 1_000;
        let mut naive = Naive { per_call, per_milli, ttl, now: 0, calls: vec![], used: 0 };
        let mut holds = Vec::new();
        let mut spent = 0_u64;
        for step in steps {
            let nanos = naive.now * NANOS_PER_MILLI;
            match step {
                Step::Pass(millis) => naive.now += millis,
                Step::Call => {
                    ledger.deposit(nanos);
                    naive.calls.push(naive.slot());
                }
                Step::Take => {
                    let end = ledger.withdraw(nanos);
                    prop_assert_eq!(end, naive.take());
                    holds.extend(end);
                }
                Step::Spend(_) | Step::Drop(_) if holds.is_empty() => {}
                Step::Spend(which) => {
                    holds.swap_remove(which % holds.len());
                    spent += 1;
                }
                Step::Drop(which) => {
                    let end = holds.swap_remove(which % holds.len());
                    ledger.refund(end, nanos);
                    naive.refund(end);
                }
            }
            prop_assert_eq!(ledger.balance(naive.now * NANOS_PER_MILLI), naive.balance());
            // The published bound: retries ≤ ratio × calls + floor × (elapsed + ttl).
            let retries = (spent + holds.len() as u64) * RETRY;
            prop_assert!(retries <= naive.earned());
        }
    }

    #[test]
    fn live_calls_pay_for_every_retry(
        per_call in prop_oneof![Just(2_000_u64), Just(3_333), Just(RETRY), 0..=10 * RETRY],
        with_refunds in any::<bool>(),
        steps in steps(),
    ) {
        const TTL: u64 = 1_600;
        let ratio = f64::from(u32::try_from(per_call).unwrap()) / 10_000.0;
        let ledger = Ledger::<SLOTS>::new(Terms::new(ratio, 0, Duration::from_millis(TTL)).unwrap());
        let (mut now, mut calls, mut grants) = (0_u64, Vec::new(), Vec::new());
        for step in steps {
            let slot = (now + TTL) * SLOTS as u64 / TTL;
            match step {
                Step::Pass(millis) => now += millis,
                Step::Call => {
                    ledger.deposit(now * NANOS_PER_MILLI);
                    calls.push(slot);
                }
                Step::Take => {
                    grants.extend(ledger.withdraw(now * NANOS_PER_MILLI).map(|end| (slot, end)));
                }
                Step::Drop(which) if with_refunds && !grants.is_empty() => {
                    let (_, end) = grants.remove(which % grants.len());
                    ledger.refund(end, now * NANOS_PER_MILLI);
                }
                Step::Spend(_) | Step::Drop(_) => {}
            }
            let slot = (now + TTL) * SLOTS as u64 / TTL;
            let balance = ledger.balance(now * NANOS_PER_MILLI);
            let live = calls.iter().filter(|call| slot < **call + SLOTS as u64).count() as u64;
            prop_assert!(balance <= live * per_call / RETRY, "more than all live calls pay for");
            if !with_refunds {
                let granted: Vec<u64> = grants.iter().map(|(slot, _)| *slot).collect();
                prop_assert_eq!(balance, unmatched(&calls, &granted, per_call, slot));
            }
        }
    }
}

#[test]
fn retry_resets_a_clock_reading_that_was_ahead() {
    let terms = Terms::new(1.0, 0, Duration::from_secs(1)).unwrap();
    let ledger = Ledger::<SLOTS>::new(terms);
    let (now, hour) = (1_000 * NANOS_PER_MILLI, 3_600_000 * NANOS_PER_MILLI);
    ledger.deposit(hour);
    ledger.deposit(now);
    let _ = ledger.withdraw(now);
    // From here on the reading has no effect.
    for later in 1..100 {
        let now = now + later * 500 * NANOS_PER_MILLI;
        ledger.deposit(now);
        assert!(ledger.withdraw(now).is_some());
        assert_eq!(ledger.balance(now), 0);
    }
}

#[test]
fn idle_year_leaves_the_floor_of_one_ttl() {
    let ledger = Ledger::<SLOTS>::new(Terms::new(1.0, 2, Duration::from_secs(10)).unwrap());
    for _ in 0..100 {
        ledger.deposit(0);
    }
    assert_eq!(ledger.balance(0), 120);
    let year = 31_536_000 * 1_000 * NANOS_PER_MILLI;
    assert_eq!(ledger.balance(year), 20);
    ledger.deposit(year);
    assert_eq!(ledger.balance(year), 21);
}

#[test]
fn largest_numbers_saturate() {
    let ttl = Duration::from_secs(600);
    let ledger = Ledger::<SLOTS>::new(Terms::new(10.0, 1_000_000, ttl).unwrap());
    ledger.deposit(u64::MAX);
    ledger.deposit(0); // the clock stepped back
    let _ = ledger.withdraw(u64::MAX);
    let full = ledger.balance(0);
    assert!(full <= 600_000_000 + 20, "{full}");
}

fn terms(ratio: f64, floor: u32, ttl: u64) -> Terms {
    Terms::new(ratio, floor, Duration::from_millis(ttl)).expect("legal numbers")
}

proptest! {
    /// Over any history of calls and changes, no more retries than the largest ratio and floor would bring, and never
    /// more credit after a change than before.
    #[test]
    fn changes_bring_no_credit(
        steps in prop::collection::vec((0_u64..3_000, 0_usize..4, 0_u32..20, 0_u32..5, 1_u64..20), 1..80),
    ) {
        let ledger = Ledger::<SLOTS>::new(terms(0.5, 2, 4_000));
        let (mut now, mut earned, mut granted, mut spent) = (0, 8.0, 0_u64, terms(0.5, 2, 4_000));
        let (mut ratio, mut floor) = (0.5, 2_u32);
        for (pass, kind, tenths, new_floor, seconds) in steps {
            now += pass * NANOS_PER_MILLI;
            #[expect(clippy::cast_precision_loss, reason = "small")]
            { earned += pass as f64 / 1_000.0 * f64::from(floor); }
            match kind {
                0 => {
                    ledger.deposit(now);
                    earned += ratio;
                }
                1 => {
                    let before = ledger.balance(now);
                    (ratio, floor) = (f64::from(tenths) / 10.0, new_floor);
                    spent = terms(ratio, floor, seconds * 1_000);
                    ledger.change(spent, now);
                    let after = ledger.balance(now);
                    prop_assert!(after <= before, "{after} after {before}");
                    // The same once more changes nothing.
                    ledger.change(spent, now);
                    prop_assert_eq!(ledger.balance(now), after);
                }
                _ => granted += u64::from(ledger.withdraw(now).is_some()),
            }
            #[expect(clippy::cast_precision_loss, reason = "small")]
            { prop_assert!(granted as f64 <= earned + 1e-6, "{granted} of {earned}"); }
        }
        // All credit expires a ttl after the last call, but what the floor brings.
        let ttl = spent.ttl;
        let left = ledger.balance(now + 2 * ttl);
        prop_assert!(left <= spent.reserve() / RETRY);
    }
}

#[test]
fn shorter_ttl_cuts_the_credit_and_a_longer_one_revives_none() {
    let second = 1_000 * NANOS_PER_MILLI;
    let ledger = Ledger::<SLOTS>::new(terms(1.0, 0, 10_000));
    ledger.deposit(0);
    for n in 0..3 {
        ledger.deposit(8 * second + n);
    }
    let now = 9 * second;
    assert_eq!(ledger.balance(now), 4);
    ledger.change(terms(1.0, 0, 4_000), now);
    assert_eq!(ledger.balance(now), 3, "the first call is too old");
    ledger.change(terms(1.0, 0, 100_000), now);
    assert_eq!(ledger.balance(now), 3, "and stays so");
    assert_eq!(ledger.balance(now + 80 * second), 3);
    assert_eq!(ledger.balance(now + 100 * second), 0);
}
