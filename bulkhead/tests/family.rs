//! A bulkhead for each key: one instance a key, a bounded number of them, and an overflow for the others.

use std::{
    cell::Cell,
    collections::HashSet,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Barrier, Once, OnceLock,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread,
    time::Duration,
};

use maestro_bulkhead::{
    Bulkhead, BulkheadLayer, Bulkheads, Cause, Full, InvalidConfig, InvalidConfigKind, Limit,
    Queue, Window,
};
use static_assertions::assert_impl_all;
use tokio::time::{Instant, advance};
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok, task};
use tower::{BoxError, Layer, Service, service_fn};

fn family(limit: usize, capacity: usize) -> Bulkheads<u32> {
    let builder = Bulkhead::builder().limit(limit);
    builder
        .build_family("tenants", capacity)
        .expect("legal numbers")
}

/// Waits for ever.
fn hung() -> impl Service<u32, Response = (), Error = BoxError> + Clone {
    service_fn(|_: u32| std::future::pending::<Result<(), BoxError>>())
}

#[test]
fn a_flooding_tenant_takes_no_place_of_another() {
    let tenants = family(2, 8);
    let mut service = BulkheadLayer::new(tenants.by(|tenant: &u32| *tenant)).layer(hung());
    let mut calls: Vec<_> = (0..10).map(|_| task::spawn(service.call(1))).collect();
    assert!(
        calls[2..].iter_mut().all(|call| call.poll().is_ready()),
        "refused"
    );
    assert_eq!(tenants.get(&1).in_flight(), 2);
    let mut other = task::spawn(service.call(2));
    assert_pending!(other.poll());
    assert_eq!(tenants.get(&2).in_flight(), 1);
}

#[test]
fn a_key_always_finds_the_same_bulkhead() {
    let tenants = family(1, 8);
    let handle = tenants.get(&1);
    let mut service = BulkheadLayer::new(tenants.by(|tenant: &u32| *tenant)).layer(hung());
    let _call = service.call(1);
    assert_eq!(handle.in_flight(), 1);
    let seen: Vec<_> = tenants
        .iter()
        .map(|(key, b)| (key, b.in_flight()))
        .collect();
    assert_eq!(seen, [(1, 1)]);
    assert_eq!(
        (tenants.len(), tenants.capacity(), tenants.name()),
        (1, 8, "tenants")
    );
}

#[test]
fn idle_members_make_room_at_the_capacity() {
    let tenants = family(1, 4);
    let layer = BulkheadLayer::new(tenants.by(|tenant: &u32| *tenant));
    let mut service = layer.layer(service_fn(async |_: u32| Ok::<_, BoxError>(())));
    for tenant in 0..10_000 {
        assert_ready_ok!(task::spawn(service.call(tenant)).poll());
        assert!(tenants.len() <= 4);
    }
    assert_eq!(tenants.overflow().in_flight(), 0);
}

#[test]
fn a_recently_used_idle_member_still_makes_room() {
    // More members than are examined, each used once, none in use.
    let tenants = family(1, 1_000);
    let mut service = BulkheadLayer::new(tenants.by(|tenant: &u32| *tenant)).layer(hung());
    for tenant in 0..1_000 {
        drop(service.call(tenant));
    }
    let _call = service.call(5_000);
    assert_eq!(tenants.overflow().in_flight(), 0);
    assert_eq!((tenants.get(&5_000).in_flight(), tenants.len()), (1, 1_000));
}

/// A key whose clone may panic.
#[derive(PartialEq, Eq, Hash)]
struct Fragile(u32);

impl Clone for Fragile {
    fn clone(&self) -> Self {
        assert_ne!(self.0, 13, "no clone of thirteen");
        Self(self.0)
    }
}

#[test]
fn a_panicking_key_clone_costs_no_seat() {
    let builder = Bulkhead::builder().limit(1);
    let tenants = builder.build_family::<Fragile>("fragile", 1).unwrap();
    drop(tenants.get(&Fragile(1)));
    let thirteen = catch_unwind(AssertUnwindSafe(|| drop(tenants.get(&Fragile(13)))));
    assert!(thirteen.is_err());
    let two = tenants.get(&Fragile(2));
    let _held = two.try_acquire().unwrap();
    assert_eq!((tenants.overflow().in_flight(), tenants.len()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_bounds_the_wait_in_a_member() {
    let tenants = family(1, 8);
    let second = Duration::from_secs(1);
    let mut service = BulkheadLayer::new(tenants.by(|call: &(u32, Instant)| call.0))
        .queue(Queue::new(8, 100 * second).reserve(second))
        .deadline(|call: &(u32, Instant)| Some(call.1))
        .layer(service_fn(|_| {
            std::future::pending::<Result<(), BoxError>>()
        }));
    let now = Instant::now();
    let mut first = task::spawn(service.call((1, now + 60 * second)));
    let mut waits = task::spawn(service.call((1, now + 4 * second)));
    assert_pending!(first.poll());
    assert_pending!(waits.poll());
    let refused = assert_ready_err!(task::spawn(service.call((2, now))).poll());
    let full = Full::find(refused.as_ref()).unwrap();
    assert_eq!(
        (full.cause(), full.name()),
        (Cause::DeadlineTooNear, "tenants")
    );
    assert_eq!(tenants.len(), 1, "a call that is not begun makes no member");
    advance(3 * second).await;
    let refused = assert_ready_err!(waits.poll());
    let full = Full::find(refused.as_ref()).unwrap();
    assert_eq!(
        (full.cause(), full.waited()),
        (Cause::DeadlineTooNear, 3 * second)
    );
    assert_eq!(tenants.get(&1).queued(), 0);
}

#[test]
fn a_member_in_use_is_not_evicted() {
    let tenants = family(1, 3);
    let mut service = BulkheadLayer::new(tenants.by(|tenant: &u32| *tenant)).layer(hung());
    let _in_flight = service.call(1);
    let waited_for = tenants.get(&2);
    let held = waited_for.try_acquire().unwrap();
    let mut waiting = task::spawn(waited_for.acquire());
    drop(waited_for);
    assert_pending!(waiting.poll());
    let handle = tenants.get(&3);
    for stranger in 10..100 {
        drop(service.call(stranger));
    }
    let keys: HashSet<_> = tenants.iter().map(|(key, _)| key).collect();
    assert_eq!(keys, HashSet::from([1, 2, 3]));
    drop((held, handle));
}

#[test]
fn keys_without_a_member_share_the_bounded_overflow() {
    let tenants = family(1, 1);
    let mut service = BulkheadLayer::new(tenants.by(|tenant: &u32| *tenant)).layer(hung());
    let first = service.call(1);
    let mut second = task::spawn(service.call(2));
    assert_pending!(second.poll());
    assert_eq!(tenants.overflow().in_flight(), 1);
    let error = assert_ready_err!(task::spawn(service.call(3)).poll());
    assert_eq!(Full::find(error.as_ref()).unwrap().cause(), Cause::AtLimit);
    drop(first);
    let mut third = task::spawn(service.call(3));
    assert_pending!(third.poll());
    assert_eq!(tenants.get(&3).in_flight(), 1, "the idle one made room");
}

#[test]
fn concurrent_first_calls_of_a_key_make_one_instance() {
    for round in 0..200 {
        let tenants = family(1, 4);
        let barrier = Barrier::new(4);
        let admitted = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let layer = BulkheadLayer::new(tenants.by(|tenant: &u32| *tenant));
                    let mut service = layer.layer(hung());
                    barrier.wait();
                    let mut call = task::spawn(service.call(round));
                    admitted.fetch_add(usize::from(call.poll().is_pending()), SeqCst);
                    barrier.wait(); // all are in, or refused
                });
            }
        });
        assert_eq!(admitted.into_inner(), 1);
        assert_eq!(tenants.len(), 1);
    }
}

#[test]
fn a_flood_of_keys_never_exceeds_a_limit() {
    // Fewer members than keys, so that evictions race with calls of the evicted keys.
    let tenants = family(1, 2);
    let inside: Vec<_> = (0..4).map(|_| AtomicUsize::new(0)).collect();
    thread::scope(|scope| {
        for thread in 0..3_usize {
            let (tenants, inside) = (&tenants, &inside);
            scope.spawn(move || {
                let layer = BulkheadLayer::new(
                    tenants.by(|tenant: &usize| u32::try_from(*tenant).expect("a small number")),
                );
                let mut service = layer.layer(service_fn(|tenant: usize| {
                    // At most two: one in the member of the key, and one in the overflow.
                    assert!(inside[tenant].fetch_add(1, SeqCst) < 2);
                    inside[tenant].fetch_sub(1, SeqCst);
                    std::future::ready(Ok::<_, BoxError>(()))
                }));
                for n in 0..3_000 {
                    let mut call = task::spawn(service.call((n + thread) % 4));
                    assert!(call.poll().is_ready());
                }
            });
        }
    });
    assert!(tenants.len() <= 2);
    assert!(
        tenants
            .iter()
            .all(|(_, bulkhead)| bulkhead.in_flight() == 0)
    );
    assert_eq!(tenants.overflow().in_flight(), 0);
}

#[test]
fn evict_idle_removes_what_was_not_used_since() {
    let tenants = family(1, 8);
    let mut service = BulkheadLayer::new(tenants.by(|tenant: &u32| *tenant)).layer(hung());
    let in_flight = task::spawn(service.call(1));
    let handle = tenants.get(&2);
    for idle in 3..6 {
        drop(task::spawn(service.call(idle)));
    }
    assert_eq!(tenants.evict_idle(), 0, "all were used");
    drop(task::spawn(service.call(4)));
    assert_eq!(tenants.evict_idle(), 2);
    let mut left: Vec<_> = tenants.iter().map(|(key, _)| key).collect();
    left.sort_unstable();
    assert_eq!(left, [1, 2, 4]);
    drop((in_flight, handle));
    assert_eq!((tenants.evict_idle(), tenants.len()), (3, 0));
    assert_eq!(tenants.evict_idle(), 0);
}

#[test]
fn a_family_evicts_for_new_keys_after_evict_idle() {
    let tenants = family(1, 2);
    for key in 0..100 {
        drop(tenants.get(&key));
        assert!(tenants.len() <= 2);
        if key % 7 == 0 {
            tenants.evict_idle();
            tenants.evict_idle();
            assert!(tenants.is_empty());
        }
        let member = tenants.get(&(key + 1));
        let _held = member.try_acquire().unwrap();
        assert_eq!(tenants.overflow().in_flight(), 0);
    }
}

#[test]
fn reconfigure_applies_to_present_and_future_members() {
    let tenants = family(1, 8);
    let one = tenants.get(&1);
    tenants.reconfigure(Bulkhead::builder().limit(5)).unwrap();
    assert!(tenants.reconfigure(Bulkhead::builder().limit(0)).is_err());
    let limits = (
        one.limit(),
        tenants.get(&2).limit(),
        tenants.overflow().limit(),
    );
    assert_eq!(limits, (5, 5, 5));
}

#[test]
fn the_queue_of_the_bulkhead_is_that_of_each_member() {
    let numbers = Bulkhead::builder().limit(1);
    let tenants = numbers.build_family::<u32>("tenants", 8).unwrap();
    let layer = BulkheadLayer::new(tenants.by(|tenant: &u32| *tenant));
    let mut service = layer.queue(Queue::of_bulkhead()).layer(hung());
    let _present = tenants.get(&1);
    tenants.reconfigure(numbers.max_queued(0)).unwrap();
    for tenant in [1, 2] {
        let _held = tenants.get(&tenant).try_acquire().unwrap();
        let error = assert_ready_err!(task::spawn(service.call(tenant)).poll());
        let full = Full::find(error.as_ref()).unwrap();
        assert_eq!(full.cause(), Cause::QueueFull);
    }
}

#[test]
fn two_reconfigurations_leave_the_last_in_every_member() {
    let numbers = |limit| Bulkhead::builder().limit(limit);
    let tenants = family(1, 8);
    let [one, two] = [tenants.get(&1), tenants.get(&2)];
    let (again, first) = (tenants.clone(), Once::new());
    // As another thread could: when the first one has reached one member.
    let _listener =
        one.on_event(move |_| first.call_once(|| again.reconfigure(numbers(3)).unwrap()));
    tenants.reconfigure(numbers(2)).unwrap();
    let members = [one, two, tenants.overflow(), tenants.get(&3)];
    assert_eq!(members.map(|member| member.limit()), [3; 4]);
}

/// A law that answers a number, and does something when its numbers are checked.
#[derive(Clone)]
struct Answers(usize, Arc<dyn Fn() + Send + Sync>);

impl Limit for Answers {
    fn next(&mut self, _: &Window) -> usize {
        self.0
    }

    fn check(&self) -> Result<(), InvalidConfig> {
        (self.1)();
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn two_laws_leave_the_last_in_every_member() {
    let law = |limit| Answers(limit, Arc::new(|| ()));
    let tenants = Bulkhead::builder()
        .limit(1)
        .build_adaptive_family("tenants", 8, law(1))
        .unwrap();
    let [one, two] = [tenants.get(&1), tenants.get(&2)];
    let (again, checks) = (tenants.clone(), AtomicUsize::new(0));
    // As another thread could: when the first one is about to reach a member, which is the second check.
    let set_again = move || {
        if checks.fetch_add(1, SeqCst) == 1 {
            again.set_law(law(3)).unwrap();
        }
    };
    tenants.set_law(Answers(2, Arc::new(set_again))).unwrap();
    let members = [one, two, tenants.overflow(), tenants.get(&3)];
    for member in &members {
        advance(Duration::from_secs(20)).await;
        member.try_acquire().unwrap().success();
    }
    assert_eq!(members.map(|member| member.limit()), [3; 4]);
}

#[tokio::test(start_paused = true)]
async fn each_key_has_its_own_queue() {
    let tenants = family(1, 8);
    let mut service = BulkheadLayer::new(tenants.by(|tenant: &u32| *tenant))
        .queue(Queue::new(1, Duration::from_secs(1)))
        .layer(hung());
    let mut calls: Vec<_> = (0..2).map(|_| task::spawn(service.call(1))).collect();
    for call in &mut calls {
        assert_pending!(call.poll());
    }
    assert_eq!(tenants.get(&1).queued(), 1);
    assert_ready_err!(task::spawn(service.call(1)).poll());
    assert_pending!(task::spawn(service.call(2)).poll());
}

#[tokio::test(start_paused = true)]
async fn a_metrics_only_family_refuses_nothing() {
    let builder = Bulkhead::builder().limit(1).metrics_only(true);
    let tenants = builder.build_family::<u32>("tenants", 1).unwrap();
    let layer = BulkheadLayer::new(tenants.by(|tenant: &u32| *tenant));
    let mut at_once = layer.clone().layer(hung());
    let mut queued = layer
        .queue(Queue::new(1, Duration::from_secs(1)))
        .layer(hung());
    let mut one: Vec<_> = (0..3).map(|_| task::spawn(at_once.call(1))).collect();
    assert!(one.iter_mut().all(|call| call.poll().is_pending()));
    let mut other: Vec<_> = (0..3).map(|_| task::spawn(queued.call(2))).collect();
    assert!(other.iter_mut().all(|call| call.poll().is_pending()));
    let counted = (
        tenants.get(&1).rejections(),
        tenants.overflow().rejections(),
    );
    assert_eq!(counted, (2, 2));
}

#[test]
fn family_without_capacity_is_refused() {
    let builder = Bulkhead::builder().limit(1);
    let none = builder.build_family::<u32>("none", 0);
    assert_eq!(none.unwrap_err().kind(), InvalidConfigKind::Capacity);
    let none = builder.limit(0).build_family::<u32>("none", 1);
    assert_eq!(none.unwrap_err().kind(), InvalidConfigKind::ZeroLimit);
    let tenants = builder.build_family::<u32>("tenants", 1).unwrap();
    for refused in [
        builder.build_family::<u32>("tenants", 0).map(drop),
        tenants.reconfigure(builder.limit(0)),
        tenants.get(&1).set_limit(0),
    ] {
        assert_eq!(refused.unwrap_err().name(), Some("tenants"));
    }
    let none = builder.build_family::<u32>("", 1);
    assert_eq!(none.unwrap_err().kind(), InvalidConfigKind::EmptyName);
}

assert_impl_all!(Bulkheads<String>: Clone, Send, Sync, fmt::Debug);

#[test]
fn a_family_that_shows_its_keys_names_them_in_rejections() {
    let builder = Bulkhead::builder().limit(1);
    let hosts = builder.build_family("hosts", 1).unwrap().show_keys();
    let adaptive = builder.build_adaptive_family("hosts", 1, maestro_bulkhead::Aimd::new());
    let adaptive = adaptive.unwrap().show_keys();
    let (one, other) = (hosts.get(&"a.example"), adaptive.get(&7));
    let _held = (one.try_acquire().unwrap(), other.try_acquire().unwrap());
    let full = one.try_acquire().unwrap_err();
    assert_eq!(full.key().as_deref(), Some("a.example"));
    assert_eq!(
        full.to_string(),
        "bulkhead `hosts` [a.example] is full: 1 call in flight of at most 1"
    );
    let heavy = one.try_acquire_many(std::num::NonZeroU32::new(2).unwrap());
    assert_eq!(heavy.unwrap_err().key().as_deref(), Some("a.example"));
    assert_eq!(other.try_acquire().unwrap_err().key().as_deref(), Some("7"));
    let _in_overflow = hosts.overflow().try_acquire().unwrap();
    let full = hosts.get(&"b.example").try_acquire().unwrap_err();
    assert_eq!((full.name(), full.key()), ("hosts", None));
}

#[test]
fn a_family_shows_no_keys_by_default() {
    let tenants = family(1, 8);
    let tenant = tenants.get(&7);
    let _held = tenant.try_acquire().unwrap();
    let full = tenant.try_acquire().unwrap_err();
    assert_eq!(full.key(), None);
    assert!(!full.to_string().contains('7'), "{full}");
}

#[test]
fn a_key_outlives_its_member_in_a_rejection() {
    let hosts = Bulkhead::builder().limit(1).build_family("hosts", 1);
    let hosts = hosts.unwrap().show_keys();
    let full = {
        let member = hosts.get(&"a.example");
        let _held = member.try_acquire().unwrap();
        member.try_acquire().unwrap_err()
    };
    assert!(hosts.get(&"b.example").try_acquire().is_ok(), "it evicts");
    assert_eq!(full.key().as_deref(), Some("a.example"));
}

#[test]
fn a_key_whose_display_panics_costs_no_seat() {
    #[derive(Clone, PartialEq, Eq, Hash)]
    struct Key(&'static str);
    impl fmt::Display for Key {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            assert_ne!(self.0, "bad");
            f.write_str(self.0)
        }
    }
    let hosts = Bulkhead::builder().limit(1).build_family("hosts", 1);
    let hosts = hosts.unwrap().show_keys();
    for round in ["into a free seat", "into an evicted one"] {
        let panics = catch_unwind(AssertUnwindSafe(|| hosts.get(&Key("bad")).limit()));
        assert!(panics.is_err(), "{round}");
        let good = hosts.get(&Key("good"));
        let _held = good.try_acquire().unwrap();
        let full = good.try_acquire().unwrap_err();
        assert_eq!(full.key().as_deref(), Some("good"), "{round}");
    }
}

/// A key that asks its family whenever its code runs.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Asks(u32);

static ASKED: OnceLock<Bulkheads<Asks>> = OnceLock::new();

fn ask() {
    let family = ASKED.get().expect("it is set before the first key");
    assert!(family.len() <= 2);
}

impl Clone for Asks {
    fn clone(&self) -> Self {
        ask();
        Self(self.0)
    }
}

impl fmt::Display for Asks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ask();
        self.0.fmt(f)
    }
}

#[test]
fn the_code_of_a_key_may_use_its_family() {
    let family = Bulkhead::builder().build_family("asked", 2).unwrap();
    let family = ASKED.get_or_init(|| family.show_keys());
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        drop(family.get(&Asks(1)));
        family.on_event(|_, _| ()).detach();
        (0..4).for_each(|n| drop(family.get(&Asks(n))));
        done.send(family.iter().count())
            .expect("the test waits for it");
    });
    // The real clock matters only in a failure: a deadlock hangs for ever.
    assert_eq!(is_done.recv_timeout(Duration::from_secs(20)), Ok(2));
}

thread_local! {
    static CLONES: Cell<usize> = const { Cell::new(0) };
}

/// A key that counts how often it is cloned, as before each search for a member to evict.
#[derive(PartialEq, Eq, Hash)]
struct Counted(u32);

impl Clone for Counted {
    fn clone(&self) -> Self {
        CLONES.set(CLONES.get() + 1);
        Self(self.0)
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_keys_without_room_searches_once_in_a_while() {
    let family = Bulkhead::builder().build_family("flood", 2).unwrap();
    let handles = [1, 2].map(|key| family.get(&Counted(key)));
    CLONES.set(0);
    for key in 3..1_003 {
        drop(family.get(&Counted(key)));
    }
    // 16 searches: of the key two clones, and of each of two members that cannot go two more at most.
    assert!(CLONES.get() <= 16 * 6 && family.len() == 2);
    drop(handles);
    let is_member = |key| family.iter().any(|(member, _)| member == Counted(key));
    drop(family.get(&Counted(3)));
    assert!(!is_member(3));
    advance(Duration::from_millis(5)).await;
    drop(family.get(&Counted(3)));
    assert!(is_member(3));
    // From then on each key searches again, as one has found a member.
    drop(family.get(&Counted(4)));
    assert!(is_member(4));
}

#[tokio::test(start_paused = true)]
async fn all_members_are_examined_before_searches_pause() {
    let family = Bulkhead::builder().build_family("round", 2_000).unwrap();
    let _held: Vec<_> = (0..1_999).map(|key| family.get(&key)).collect();
    drop(family.get(&1_999));
    // The last member is one of the 32nd 64 of 2,000.
    let evicts = |key: &u32| {
        drop(family.get(key));
        family.iter().any(|(member, _)| member == *key)
    };
    assert_eq!((2_000..3_000).find(evicts), Some(2_031));
}
