//! A gate for each key: the errors of one tenant refuse no other tenant.

use std::{
    hash::{Hash, Hasher},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Barrier, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
        mpsc,
    },
    time::Duration,
};

use maestro_slo_budget::{
    Alerts, Change, Class, ErrorBudget, ErrorBudgetLayer, ErrorBudgets, Event, Factor, Gate,
    GateBy, GateLayer, Gates, InvalidConfigKind, Override, Restored, Spent,
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
async fn a_member_with_a_forced_gate_is_not_idle() {
    let (budgets, gates) = families(8);
    gates
        .get(&1)
        .force_closed(Override::new("alice", "abuse").lasting(Duration::from_secs(60)));
    let _other = gates.get(&2);
    assert_eq!(budgets.evict_idle(), 1);
    assert!(gates.get(&1).forced().is_some());
    advance(Duration::from_secs(60)).await;
    assert_eq!(budgets.evict_idle(), 1);
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
    // Keys that come and go: memory is bounded, as each gate holds a budget. A listener of the family keeps none.
    let _heard = gates.on_transition(|_, _| {});
    let watched = Arc::new(());
    for key in 0..1000 {
        let held = Arc::clone(&watched);
        gates
            .get(&key)
            .on_transition(move |_| drop(Arc::clone(&held)))
            .detach();
        budgets.forget(&key);
    }
    drop((old, new));
    let left = Arc::strong_count(&watched) - 1;
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
    assert_eq!(refused.unwrap_err().kind(), InvalidConfigKind::Floor);
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

#[tokio::test(start_paused = true)]
async fn a_family_shows_its_keys_only_if_asked() {
    for shows in [false, true] {
        let (mut budgets, _) = families(1);
        if shows {
            budgets = budgets.show_keys();
        }
        let gates = Gate::builder().build_family(budgets.clone()).unwrap();
        let (member, overflow) = (gates.get(&7), gates.get(&8));
        let (heard, told) = mpsc::channel();
        let listener = member.on_transition(move |transition| {
            heard
                .send((transition.key(), transition.to_string()))
                .unwrap();
        });
        let alerts = Alerts::new(budgets.get(&7));
        let (alarm, alarms) = mpsc::channel();
        let alarmed = alerts.on_event(move |event| {
            alarm.send((event.key(), event.to_string())).unwrap();
        });
        for gate in [&member, &overflow] {
            gate.force_closed(Override::new("me", "test"));
        }
        let spent = member.check(Class::Optional).unwrap_err();
        spend(&budgets.get(&7));
        alerts.evaluate();
        drop((listener, alarmed));
        let (changed, alarmed) = (told.recv().unwrap(), alarms.recv().unwrap());
        let report = budgets.get(&7).report();
        let key = shows.then_some("7");
        let seen = [
            spent.key(),
            changed.0,
            alarmed.0,
            report.key(),
            budgets.get(&7).key(),
        ];
        for seen in seen {
            assert_eq!(seen.as_deref(), key);
        }
        let called = if shows { "`tenants` [7]" } else { "`tenants`" };
        let refuses = format!("error budget {called} refuses optional work: ");
        assert!(spent.to_string().starts_with(&refuses), "{spent}");
        assert_eq!(
            changed.1,
            format!("gate of {called} refuses requests: forced by me: test")
        );
        assert!(alarmed.1.starts_with(&format!("{called}: page firing")));
        assert!(report.to_string().starts_with(&format!("{called}, 99.9")));
        let spent = overflow.check(Class::Optional).unwrap_err();
        assert_eq!(spent.key(), None, "the overflow is no member");
    }
}

#[test]
fn a_refusal_outlives_its_member() {
    let budgets = families(1).0.show_keys();
    let gates = Gate::builder().build_family(budgets.clone()).unwrap();
    gates
        .get(&7)
        .force_closed(Override::new("me", "to keep the refusal"));
    let spent = gates.get(&7).check(Class::Optional).unwrap_err();
    assert!(budgets.forget(&7));
    drop((budgets, gates));
    assert_eq!(spent.key().as_deref(), Some("7"));
}

#[tokio::test(start_paused = true)]
async fn a_family_listener_hears_every_member() {
    let (budgets, gates) = families(2);
    let before = gates.get(&1);
    let (heard, told) = mpsc::channel();
    let listener = gates.on_transition(move |key, transition| {
        let change = match transition.change() {
            Change::Forced(by) => by.reason().to_owned(),
            other => other.to_string(),
        };
        heard.send((key.copied(), change)).unwrap();
    });
    let closed = |gate: &Gate, why: &str| gate.force_closed(Override::new("me", why));
    closed(&before, "first");
    closed(&gates.get(&2), "second");
    closed(&gates.get(&3), "no room");
    // A forgotten key has a new gate, which is heard too.
    budgets.forget(&2);
    closed(&gates.get(&2), "again");
    // Another family of gates on the same budgets is not heard.
    let others = Gate::builder().build_family(budgets.clone()).unwrap();
    closed(&others.get(&1), "unheard");
    let owned = |key, why: &str| (key, why.to_owned());
    let expected = [
        owned(Some(1), "first"),
        owned(Some(2), "second"),
        owned(None, "no room"),
        owned(Some(2), "again"),
    ];
    assert_eq!(told.try_iter().collect::<Vec<_>>(), expected);
    drop(listener);
    closed(&before, "unheard");
    assert!(told.try_recv().is_err());
}

#[test]
fn a_family_listener_keeps_no_member() {
    /// A key that says when the last copy of it is gone.
    #[derive(Clone, PartialEq, Eq, Hash)]
    struct Counted(Arc<u8>);
    let budgets = ErrorBudget::builder().build_family("counted", 4).unwrap();
    let gates = Gate::builder().build_family(budgets.clone()).unwrap();
    let listener = gates.on_transition(|_, _| {});
    let alive = Arc::new(());
    let held = Arc::clone(&alive);
    let key = Counted(Arc::new(1));
    let gate = gates.get(&key);
    gate.on_transition(move |_| drop(Arc::clone(&held)))
        .detach();
    gate.force_open(Override::new("me", "test"));
    budgets.forget(&key);
    drop(gate);
    drop((budgets, gates));
    assert_eq!(
        (Arc::strong_count(&alive), Arc::strong_count(&key.0)),
        (1, 1)
    );
    drop(listener);
}

/// A key whose `Clone` uses its families.
struct Nosy(Arc<OnceLock<(ErrorBudgets<Nosy>, Gates<Nosy>)>>);

impl Clone for Nosy {
    fn clone(&self) -> Self {
        if let Some((budgets, gates)) = self.0.get() {
            let _ = budgets.len();
            gates
                .reconfigure(Gate::builder())
                .expect("the defaults are valid");
        }
        Self(Arc::clone(&self.0))
    }
}

impl PartialEq for Nosy {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Nosy {}

impl Hash for Nosy {
    fn hash<H: Hasher>(&self, to: &mut H) {
        0.hash(to);
    }
}

#[test]
fn a_key_is_cloned_with_no_lock_held() {
    let budgets: ErrorBudgets<Nosy> = ErrorBudget::builder().build_family("nosy", 1).unwrap();
    let gates = Gate::builder().build_family(budgets.clone()).unwrap();
    let key = Nosy(Arc::default());
    assert!(key.0.set((budgets.clone(), gates.clone())).is_ok());
    let (done, is_done) = mpsc::channel();
    std::thread::spawn(move || {
        let wall = Duration::from_secs(1_700_000_000);
        assert!(gates.get(&key).is_open());
        let bytes = budgets.overflow().history(wall).to_bytes();
        assert!(budgets.forget(&key));
        let restored = budgets.restore(&key, &bytes, wall);
        done.send(restored).unwrap();
    });
    let restored = is_done.recv_timeout(Duration::from_secs(60));
    assert!(matches!(restored, Ok(Restored::History { .. })));
}
