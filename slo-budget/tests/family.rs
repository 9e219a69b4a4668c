//! A budget for each key: bounded, with an overflow that loses nothing.

use std::{sync::Barrier, time::Duration};

use maestro_slo_budget::{
    By, Counts, ErrorBudget, ErrorBudgetLayer, ErrorBudgets, Event, InvalidConfigKind, Restored,
    Unusable,
};
use static_assertions::assert_impl_all;
use tokio::time::advance;
use tokio_test::{assert_ready_err, assert_ready_ok, task};
use tower::{BoxError, Layer, Service, service_fn};

const EVER: Duration = Duration::MAX;
const DAY: Duration = Duration::from_secs(24 * 3600);

assert_impl_all!(ErrorBudgets<String>: Clone, Send, Sync, Unpin, std::fmt::Debug);
assert_impl_all!(By<String, fn(&u8) -> String>: Clone, Send, Sync, std::fmt::Debug);

fn family(capacity: usize) -> ErrorBudgets<u32> {
    let built = ErrorBudget::builder().build_family("tenants", capacity);
    built.expect("the defaults are valid")
}

/// Odd tenants fail.
fn service(
    tenants: &ErrorBudgets<u32>,
) -> impl Service<u32, Response = (), Error = BoxError> + Clone {
    let layer = ErrorBudgetLayer::new(tenants.by(|tenant: &u32| *tenant));
    layer.layer(service_fn(async |tenant: u32| match tenant % 2 {
        0 => Ok(()),
        _ => Err(BoxError::from("odd")),
    }))
}

#[test]
fn each_key_has_its_own_budget() {
    let tenants = family(8);
    let handle = tenants.get(&1);
    let mut service = service(&tenants);
    for _ in 0..3 {
        assert_ready_ok!(task::spawn(service.call(2)).poll());
        assert_ready_err!(task::spawn(service.call(1)).poll());
    }
    assert_eq!(handle.counts(EVER), Counts::new(0, 3));
    let mut seen: Vec<_> = tenants
        .iter()
        .map(|(key, b)| (key, b.counts(EVER)))
        .collect();
    seen.sort_by_key(|(key, _)| *key);
    assert_eq!(seen, [(1, Counts::new(0, 3)), (2, Counts::new(3, 0))]);
    assert_eq!(tenants.counts(EVER), Counts::new(3, 3));
    assert_eq!(
        (tenants.len(), tenants.capacity(), tenants.name()),
        (2, 8, "tenants")
    );
    assert_eq!(handle.name(), "tenants");
}

#[test]
fn keys_beyond_the_capacity_count_in_the_overflow() {
    for capacity in [1, 4] {
        let tenants = family(capacity);
        let mut service = service(&tenants);
        for tenant in 0..1000 {
            let mut call = task::spawn(service.call(tenant));
            assert!(call.poll().is_ready());
        }
        assert_eq!(tenants.len(), capacity);
        let own: Counts = tenants.iter().map(|(_, budget)| budget.counts(EVER)).sum();
        assert_eq!(own.total(), capacity as u128);
        assert_eq!(
            tenants.overflow().counts(EVER).total(),
            1000 - capacity as u128
        );
        assert_eq!(
            tenants.counts(EVER),
            Counts::new(500, 500),
            "nothing is lost"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_or_idle_key_frees_its_place() {
    let tenants = family(2);
    tenants.get(&1).record(Event::Bad);
    let _idle = tenants.get(&2);
    tenants.get(&3).record(Event::Good);
    assert_eq!(tenants.overflow().counts(EVER), Counts::new(1, 0));
    assert!(tenants.forget(&1) && !tenants.forget(&1) && !tenants.forget(&3));
    tenants.get(&3).record(Event::Good);
    assert_eq!(
        (tenants.len(), tenants.counts(EVER)),
        (2, Counts::new(2, 0))
    );
    advance(29 * DAY).await;
    assert_eq!(tenants.evict_idle(), 1, "the one that never counted");
    advance(DAY).await;
    assert_eq!(tenants.evict_idle(), 1);
    assert!(tenants.is_empty());
}

#[tokio::test(start_paused = true)]
async fn slices_without_events_are_idle() {
    use maestro_slo_budget::{Budgeting, Objective};
    let minute = Duration::from_secs(60);
    let good = Budgeting::timeslices(minute, Objective::new(1, 2).unwrap()).idle(Event::Good);
    let tenants = ErrorBudget::builder()
        .period(DAY)
        .budgeting(good)
        .build_family("tenants", 4)
        .unwrap();
    tenants.get(&1_u32).record(Event::Bad);
    advance(DAY).await;
    let budget = tenants.get(&1);
    assert!(budget.counts(DAY).total() > 1000, "idle slices are good");
    assert_eq!(
        tenants.evict_idle(),
        0,
        "the request was in the first slice of the day"
    );
    advance(minute).await;
    budget.record(Event::Good);
    assert_eq!(tenants.evict_idle(), 0);
    advance(DAY).await;
    assert_eq!(tenants.evict_idle(), 0);
    advance(minute).await;
    assert_eq!(tenants.evict_idle(), 1);
}

#[test]
fn a_running_call_survives_its_forgotten_key() {
    let tenants = family(1);
    let mut service = service(&tenants);
    let mut call = task::spawn(service.call(1));
    assert!(tenants.forget(&1));
    assert_ready_err!(call.poll());
    assert!(tenants.is_empty());
    assert_eq!(tenants.counts(EVER), Counts::default());
}

#[test]
fn concurrent_first_calls_of_a_key_build_one_budget() {
    for _ in 0..50 {
        let tenants = family(2);
        let barrier = Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    barrier.wait();
                    (0..4).for_each(|tenant| tenants.get(&tenant).record(Event::Good));
                });
            }
        });
        assert_eq!(tenants.len(), 2);
        let mut counts: Vec<_> = tenants.iter().map(|(_, b)| b.counts(EVER).good()).collect();
        counts.push(tenants.overflow().counts(EVER).good());
        assert_eq!(counts, [4, 4, 8]);
    }
}

#[test]
fn a_family_that_cannot_work_is_refused() {
    let builder = ErrorBudget::builder().period(Duration::ZERO);
    let refused = builder.build_family::<u32>(String::from("wrong"), 1);
    let refused = refused.unwrap_err();
    assert_eq!(
        (refused.name(), refused.kind()),
        (Some("wrong"), InvalidConfigKind::ZeroPeriod)
    );
    let builder = ErrorBudget::builder();
    let refused = builder.build_family::<u32>("nobody", 0).unwrap_err();
    assert_eq!(
        (refused.name(), refused.kind()),
        (Some("nobody"), InvalidConfigKind::Capacity)
    );
    let refused = builder.restore_family::<u32>("nobody", 0, b"", DAY);
    let refused = refused.map(|_| ()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "error budget `nobody`: `capacity` of a family of budgets must be at least 1: with 0 all keys would share the overflow"
    );
}

#[test]
fn a_family_is_restored_key_by_key() {
    let (wall, minute) = (Duration::from_secs(1_700_000_000), Duration::from_secs(60));
    let before = family(2);
    for (tenant, bad) in [(1, 1), (2, 2), (3, 3)] {
        (0..bad).for_each(|_| before.get(&tenant).record(Event::Bad));
    }
    let bytes = |budget: &ErrorBudget| budget.history(wall).to_bytes();
    let kept: Vec<_> = before.iter().map(|(key, b)| (key, bytes(&b))).collect();

    let (after, restored) = ErrorBudget::builder()
        .restore_family("tenants", 2, &bytes(before.overflow()), wall + minute)
        .unwrap();
    let history = Restored::History { downtime: minute };
    assert_eq!(restored, history);
    for (key, bytes) in &kept {
        assert_eq!(after.restore(key, bytes, wall + minute), history);
    }
    assert_eq!(after.len(), 2);
    assert_eq!(
        [1, 2, 3].map(|key| after.get(&key).counts(EVER).bad()),
        [1, 2, 3]
    );
    assert_eq!(after.counts(EVER), before.counts(EVER));
}

#[test]
fn unusable_histories_take_no_place_in_a_family() {
    let wall = Duration::from_secs(1_700_000_000);
    let tenants = family(1);
    tenants.get(&1).record(Event::Bad);
    let bytes = tenants.get(&1).history(wall).to_bytes();
    let empty = |why| Restored::Empty(why);
    assert_eq!(
        tenants.restore(&1, &bytes, wall),
        empty(Unusable::InUse),
        "it would be counted twice, or a handle would count for nobody"
    );
    assert_eq!(tenants.get(&1).counts(EVER).bad(), 1);
    assert_eq!(tenants.restore(&2, &bytes, wall), empty(Unusable::NoRoom));
    assert!(tenants.forget(&1));
    assert_eq!(tenants.restore(&2, b"", wall), empty(Unusable::NoHistory));
    assert_eq!(tenants.len(), 0);
    let other = ErrorBudget::builder().meaning("slow");
    let (other, restored) = other.restore_family("tenants", 1, &bytes, wall).unwrap();
    assert_eq!(restored, empty(Unusable::OtherMeaning));
    assert_eq!(
        other.restore(&1, &bytes, wall),
        empty(Unusable::OtherMeaning)
    );
    assert!(matches!(
        tenants.restore(&2, &bytes, wall),
        Restored::History { .. }
    ));
    assert_eq!(tenants.len(), 1);
}

#[test]
fn a_key_without_room_displaces_no_text_of_another() {
    let wall = Duration::from_secs(1_700_000_000);
    let gone = family(1).show_keys();
    let report = gone.get(&1).report();
    drop(gone);
    let full = family(1).show_keys();
    let bytes = full.get(&0).history(wall).to_bytes();
    for key in 1..=1_001 {
        let restored = full.restore(&key, &bytes, wall);
        assert_eq!(restored, Restored::Empty(Unusable::NoRoom));
    }
    assert_eq!(report.key().as_deref(), Some("1"));
}
