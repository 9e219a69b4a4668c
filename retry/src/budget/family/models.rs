//! Loom models of `members.rs`, one property each. The reference counts are `std`'s: each of their operations is one step
//! here.

use loom::thread;

use super::RetryBudgets;
use crate::budget::RetryBudget;

fn explore(f: impl Fn(RetryBudgets<u8>) + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(move || {
        // A floor of one retry a ttl.
        let builder = RetryBudget::builder().ratio(0.0).floor_per_second(1);
        let ttl = std::time::Duration::from_secs(1);
        f(builder.ttl(ttl).build_family("models", 1).unwrap());
    });
}

#[test]
fn concurrent_first_calls_of_a_key_find_one_budget() {
    explore(|family| {
        let other = family.clone();
        let there = thread::spawn(move || other.get(&1));
        let (here, there) = (family.get(&1), there.join().unwrap());
        assert!(here.is_same(&there));
        assert_eq!(family.len(), 1);
    });
}

#[test]
fn spent_credit_is_not_lost_to_an_eviction() {
    explore(|family| {
        drop(family.get(&1));
        let other = family.clone();
        // Wants the seat of 1.
        let there = thread::spawn(move || drop(other.get(&2)));
        let budget = family.get(&1);
        let is_member = !budget.is_same(&family.overflow());
        // An hour ahead, so that no credit comes back while the model runs.
        let later = tokio::time::Instant::now() + std::time::Duration::from_secs(3_600);
        if let Some(hold) = budget.try_hold_at(later) {
            hold.spend();
        }
        drop(budget);
        there.join().unwrap();
        // It was in time, and the member stayed; or it came late and met another of its key, or the overflow.
        if is_member {
            assert!(family.get(&1).try_hold().is_none());
        }
        assert!(family.len() <= 1);
    });
}
