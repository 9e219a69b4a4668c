//! A gate for each key: the errors of one tenant refuse no other tenant.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use maestro_slo_budget::{
    Class, ErrorBudget, ErrorBudgetLayer, ErrorBudgets, Event, Factor, Gate, GateBy, GateLayer,
    Gates, InvalidConfig, Override, Spent,
};
use static_assertions::assert_impl_all;
use tokio::time::advance;
use tokio_test::{assert_ready, task};
use tower::{BoxError, Service, ServiceBuilder, service_fn};

assert_impl_all!(Gates<String>: Clone, Send, Sync, Unpin, std::fmt::Debug);
assert_impl_all!(GateBy<String, fn(&u8) -> String>: Clone, Send, Sync, std::fmt::Debug);

fn families(capacity: usize) -> (ErrorBudgets<u32>, Gates<u32>) {
    let budgets = ErrorBudget::builder().build_family("tenants", capacity);
    let budgets = budgets.expect("the defaults are valid");
    let gates = Gate::builder().build_family(budgets.clone());
    (budgets, gates.expect("the defaults are valid"))
}

/// A second later a gate on `budget` refuses requests.
fn spend(budget: &ErrorBudget) {
    (0..1000).for_each(|_| budget.record(Event::Bad));
}

#[tokio::test(start_paused = true)]
async fn only_a_tenant_whose_budget_burns_is_refused() {
    let (budgets, gates) = families(8);
    let mut service = ServiceBuilder::new()
        .layer(
            GateLayer::new(gates.by(|tenant: &u32| *tenant % 1000)).class(|tenant: &u32| {
                if *tenant >= 1000 {
                    Class::Essential
                } else {
                    Class::Optional
                }
            }),
        )
        .layer(
            ErrorBudgetLayer::new(budgets.by(|tenant: &u32| *tenant % 1000)).bad_if(Result::is_err),
        )
        .service(service_fn(async |tenant: u32| match tenant % 1000 {
            1 => Err(BoxError::from("broken")),
            _ => Ok(tenant),
        }));
    let mut call = |tenant| assert_ready!(task::spawn(Box::pin(service.call(tenant))).poll());
    let mut refused = 0;
    for _ in 0..10 {
        for _ in 0..100 {
            call(2).unwrap();
            refused += u32::from(Spent::find(call(1).unwrap_err().as_ref()).is_some());
            let error = call(1001).unwrap_err();
            assert!(Spent::find(error.as_ref()).is_none(), "essential");
        }
        advance(Duration::from_secs(1)).await;
    }
    assert!((500..1000).contains(&refused), "{refused}");
    assert!(!gates.get(&1).is_open() && gates.get(&2).is_open());
    let mut seen: Vec<_> = gates
        .iter()
        .map(|(key, gate)| (key, gate.is_open()))
        .collect();
    seen.sort_unstable();
    assert_eq!(seen, [(1, false), (2, true)]);
    assert_eq!(gates.budgets().len(), 2);
}

#[test]
fn keys_without_a_budget_share_the_gate_of_the_overflow() {
    let (budgets, gates) = families(2);
    for key in 0..100 {
        assert!(gates.get(&key).is_open());
    }
    assert_eq!(budgets.len(), 2);
    assert_eq!(gates.iter().count(), 2);
    gates.overflow().force_closed(Override::new("me", "test"));
    for key in 2..100 {
        assert!(!gates.get(&key).is_open());
    }
    assert!(gates.get(&0).is_open());
    spend(&budgets.get(&77));
    assert_eq!(budgets.overflow().counts(Duration::MAX).bad(), 1000);
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_key_gets_a_new_gate() {
    let (budgets, gates) = families(4);
    let old = gates.get(&1);
    spend(&budgets.get(&1));
    advance(Duration::from_secs(1)).await;
    assert!(!gates.get(&1).is_open());
    gates.get(&1).force_closed(Override::new("me", "test"));
    budgets.forget(&1);
    assert_eq!(gates.iter().count(), 0);
    let new = gates.get(&1);
    assert!(new.is_open() && new.forced().is_none() && old.forced().is_some());
    // Keys that come and go: memory is bounded, as each gate holds a budget of 37 KB.
    let watched = std::sync::Arc::new(());
    for key in 0..1000 {
        let held = std::sync::Arc::clone(&watched);
        gates
            .get(&key)
            .on_transition(move |_| drop(std::sync::Arc::clone(&held)))
            .detach();
        budgets.forget(&key);
    }
    drop((old, new));
    let left = std::sync::Arc::strong_count(&watched) - 1;
    // The map frees what it has removed in batches.
    assert!(left < 200, "{left} of 1000 gates are still there");
}

#[test]
fn concurrent_first_calls_of_a_key_share_one_gate() {
    for _ in 0..50 {
        let (_, gates) = families(2);
        let (barrier, told) = (Barrier::new(4), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    barrier.wait();
                    let gate = gates.get(&7);
                    barrier.wait();
                    gate.force_closed(Override::new("one", "of four"));
                    barrier.wait();
                    told.fetch_add(
                        usize::from(!gates.get(&7).is_open() && !gate.is_open()),
                        Relaxed,
                    );
                });
            }
        });
        assert_eq!(told.into_inner(), 4);
        assert_eq!(gates.iter().count(), 1);
    }
}

#[test]
fn a_family_of_gates_that_cannot_work_is_refused() {
    let (budgets, _) = families(1);
    let nothing = Factor::new(0, 1).unwrap();
    let refused = Gate::builder().floor(nothing).build_family(budgets);
    assert_eq!(refused.unwrap_err(), InvalidConfig::Floor);
}

static PANICS: AtomicBool = AtomicBool::new(false);

#[derive(PartialEq, Eq, Hash)]
struct Moody(u8);

impl Clone for Moody {
    fn clone(&self) -> Self {
        assert!(!PANICS.load(Relaxed), "a key that panics");
        Self(self.0)
    }
}

#[test]
fn a_key_whose_clone_panics_takes_no_place() {
    let budgets: ErrorBudgets<Moody> = ErrorBudget::builder().build_family("moody", 1).unwrap();
    PANICS.store(true, Relaxed);
    let caught = catch_unwind(AssertUnwindSafe(|| budgets.get(&Moody(1))));
    assert!(caught.is_err());
    PANICS.store(false, Relaxed);
    assert!(budgets.is_empty());
    budgets.get(&Moody(2)).record(Event::Good);
    assert_eq!(
        budgets.overflow().counts(Duration::MAX).total(),
        0,
        "it had a place"
    );
}

#[tokio::test(start_paused = true)]
async fn two_families_of_gates_on_the_same_budgets_are_independent() {
    let (budgets, gates) = families(8);
    let others = Gate::builder().build_family(budgets.clone()).unwrap();
    gates.get(&1).force_closed(Override::new("me", "test"));
    assert!(!gates.get(&1).is_open() && others.get(&1).is_open());
    assert_eq!((gates.iter().count(), others.iter().count()), (1, 1));
    assert!(others.get(&2).is_open());
    assert_eq!((gates.iter().count(), others.iter().count()), (1, 2));
    spend(&budgets.get(&2));
    advance(Duration::from_secs(1)).await;
    assert!(!others.get(&2).is_open());
    // Built only now, so that what failed before says nothing to it.
    assert!(gates.get(&2).is_open());
}
