//! A breaker for each key: one instance a key, bounded, and an overflow for those for which there is no room.

use std::{
    cell::Cell,
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    task::Poll,
    time::Duration,
};

use maestro_circuit_breaker::{
    By, Call, CircuitBreaker, CircuitBreakerLayer, CircuitBreakerService, CircuitBreakers,
    ErrIsFailure, IntoError, InvalidConfigKind, Open, Override, Probes, Ramp, State, Wait,
};
use static_assertions::assert_impl_all;
use tokio::time::advance;
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok, task};
use tower::{BoxError, Layer, Service, service_fn};
use tower_test::mock;

const WAIT: Duration = Duration::from_secs(5);

fn family(capacity: usize) -> CircuitBreakers<u32> {
    CircuitBreaker::builder()
        .consecutive_failures(1)
        .wait_in_open(Wait::fixed(WAIT))
        .build_family("hosts", capacity)
        .expect("legal numbers")
}

fn trip(family: &CircuitBreakers<u32>, key: u32) {
    let call = family.get(&key).try_acquire();
    call.expect("it is closed").failure();
}

fn keys(family: &CircuitBreakers<u32>) -> Vec<u32> {
    let mut keys: Vec<_> = family.iter().map(|(key, _)| key).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn a_host_that_fails_opens_for_itself_alone() {
    let hosts = family(8);
    let layer = CircuitBreakerLayer::new(hosts.by(|host: &u32| *host));
    let mut service = layer.layer(service_fn(async |host: u32| match host {
        1 => Err(BoxError::from("down")),
        _ => Ok(host),
    }));
    for host in [1, 2] {
        assert_ready_ok!(task::spawn(()).enter(|cx, _| service.poll_ready(cx)));
        let _ = task::spawn(service.call(host)).poll();
    }
    assert_ready_ok!(task::spawn(()).enter(|cx, _| service.poll_ready(cx)));
    let error = assert_ready_err!(task::spawn(service.call(1)).poll());
    assert_eq!(Open::find(error.as_ref()).unwrap().name(), "hosts");
    assert_ready_ok!(task::spawn(()).enter(|cx, _| service.poll_ready(cx)));
    assert_ready_ok!(task::spawn(service.call(2)).poll());
    let states: HashMap<_, _> = hosts.iter().map(|(k, b)| (k, b.state())).collect();
    assert_eq!(
        states,
        HashMap::from([(1, State::Open), (2, State::Closed)])
    );
}

#[test]
fn a_family_asks_the_inner_service_though_every_key_is_open() {
    let hosts = family(8);
    trip(&hosts, 1);
    let layer = CircuitBreakerLayer::new(hosts.by(|host: &u32| *host))
        .on_reject(|open| Ok::<_, BoxError>(open.to_string()));
    let (mut service, mut inner) = mock::spawn_layer::<u32, String, _>(layer);
    inner.allow(0);
    assert_pending!(service.poll_ready());
    inner.allow(1);
    assert_ready_ok!(service.poll_ready());
    let answer = assert_ready_ok!(task::spawn(service.call(1)).poll());
    assert!(answer.starts_with("circuit `hosts` is open"), "{answer}");
}

#[test]
fn a_family_rejects_a_call_without_readiness() {
    let hosts = family(8);
    let mut service = CircuitBreakerLayer::new(hosts.by(|host: &u32| *host)).layer(service_fn(
        async |_: u32| -> Result<(), BoxError> {
            panic!("an inner that was not polled is not called")
        },
    ));
    let error = assert_ready_err!(task::spawn(service.call(1)).poll());
    let open = Open::find(error.as_ref()).unwrap();
    assert_eq!(
        (open.state(), open.retry_after()),
        (State::Closed, Duration::ZERO)
    );
}

/// Fails when it is asked whether it is ready.
#[derive(Clone)]
struct Unready;

impl Service<u32> for Unready {
    type Response = ();
    type Error = BoxError;
    type Future = std::future::Ready<Result<(), BoxError>>;
    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Err("no connection".into()))
    }
    fn call(&mut self, _: u32) -> Self::Future {
        unreachable!("it is never ready")
    }
}

#[test]
fn a_failure_of_readiness_is_no_keys() {
    let hosts = family(8);
    let kept = hosts.get(&1);
    let mut service = CircuitBreakerLayer::new(hosts.by(|host: &u32| *host)).layer(Unready);
    assert_ready_err!(task::spawn(()).enter(|cx, _| service.poll_ready(cx)));
    assert_eq!(kept.state(), State::Closed);
    assert_eq!(hosts.overflow().state(), State::Closed);
}

#[test]
fn keys_stay_bounded_and_idle_members_make_room() {
    let hosts = family(4);
    for key in 0..10_000 {
        hosts.get(&key).try_acquire().unwrap().success();
        assert!(hosts.len() <= 4);
    }
    assert_eq!((hosts.capacity(), hosts.name()), (4, "hosts"));
    assert_eq!(hosts.overflow().snapshot().generation(), 0);
    assert!(!hosts.is_empty());
}

#[test]
fn a_member_used_lately_stays_if_another_can_go() {
    let hosts = family(3);
    for key in 0..3 {
        let _ = hosts.get(&key);
    }
    for stranger in 100..200 {
        let _ = hosts.get(&1);
        let _ = hosts.get(&stranger);
    }
    assert!(keys(&hosts).contains(&1));
}

#[test]
fn an_idle_member_makes_room_if_all_were_used_lately() {
    // More than are looked at, each used once, none in use.
    let hosts = family(1_000);
    for key in 0..=1_000 {
        let _ = hosts.get(&key);
    }
    assert!(keys(&hosts).contains(&1_000));
}

/// A key that may refuse to be cloned.
#[derive(PartialEq, Eq, Hash)]
struct Fragile(u32);

impl Clone for Fragile {
    fn clone(&self) -> Self {
        assert_ne!(self.0, 13, "no clone of thirteen");
        Self(self.0)
    }
}

#[test]
fn a_key_that_panics_while_it_is_cloned_costs_no_seat() {
    let builder = CircuitBreaker::builder();
    let family = builder.build_family::<Fragile>("fragile", 1).unwrap();
    drop(family.get(&Fragile(1)));
    let thirteen = catch_unwind(AssertUnwindSafe(|| drop(family.get(&Fragile(13)))));
    assert!(thirteen.is_err());
    family.get(&Fragile(2)).disable(Override::new("a", "b"));
    assert_eq!(family.overflow().state(), State::Closed);
    assert_eq!(family.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_open_member_stays_until_its_wait_is_over() {
    let hosts = family(1);
    trip(&hosts, 1);
    advance(WAIT.saturating_sub(Duration::from_nanos(1))).await;
    let _ = hosts.get(&2);
    assert_eq!(keys(&hosts), [1]);
    advance(Duration::from_nanos(1)).await;
    let _ = hosts.get(&2);
    assert_eq!(keys(&hosts), [2]);
}

#[tokio::test(start_paused = true)]
async fn what_an_operator_said_stays_until_it_ends() {
    let hosts = family(1);
    let by = || Override::new("alice", "migration");
    hosts.get(&1).disable(by());
    advance(Duration::from_secs(1_000_000)).await;
    let _ = hosts.get(&2);
    assert_eq!(keys(&hosts), [1]);
    hosts.get(&1).force_open(by().lasting(WAIT));
    let _ = hosts.get(&2);
    assert_eq!(keys(&hosts), [1]);
    advance(WAIT).await;
    let _ = hosts.get(&2);
    assert_eq!(keys(&hosts), [2]);
}

#[tokio::test(start_paused = true)]
async fn a_member_in_flight_held_or_listened_to_stays() {
    let hosts = family(3);
    let call = hosts.get(&1).try_acquire().unwrap();
    let handle = hosts.get(&2);
    let listener = hosts.get(&3).on_transition(|_| {});
    for stranger in 10..100 {
        let _ = hosts.get(&stranger);
    }
    assert_eq!(keys(&hosts), [1, 2, 3]);
    call.ignore();
    drop((handle, listener));
    advance(Duration::from_millis(5)).await; // the pause after so many searches
    for stranger in 10..13 {
        let _ = hosts.get(&stranger);
    }
    assert_eq!(keys(&hosts), [10, 11, 12]);
}

#[test]
fn a_family_reconfigures_present_and_future_members() {
    let hosts = family(2);
    let one = hosts.get(&1);
    let two_in_a_row = CircuitBreaker::builder().consecutive_failures(2);
    hosts.reconfigure(two_in_a_row).unwrap();
    let none = two_in_a_row.consecutive_failures(0);
    let refused = hosts.reconfigure(none).unwrap_err();
    assert_eq!(refused.kind(), InvalidConfigKind::ConsecutiveFailures(0));
    for breaker in [one, hosts.get(&2), hosts.overflow()] {
        breaker.try_acquire().unwrap().failure();
        assert_eq!(breaker.state(), State::Closed);
        breaker.try_acquire().unwrap().failure();
        assert_eq!(breaker.state(), State::Open);
    }
}

#[tokio::test(start_paused = true)]
async fn evict_idle_removes_members_idle_between_two_sweeps() {
    let hosts = family(8);
    for key in 0..6 {
        let _ = hosts.get(&key);
    }
    assert_eq!(hosts.evict_idle(), 0, "all were used");
    let _ = hosts.get(&1);
    let held = hosts.get(&2);
    trip(&hosts, 3);
    hosts.get(&4).disable(Override::new("alice", "migration"));
    let call = hosts.get(&5).try_acquire().unwrap();
    assert_eq!(hosts.evict_idle(), 1, "0");
    assert_eq!(keys(&hosts), [1, 2, 3, 4, 5]);
    assert_eq!(hosts.evict_idle(), 1, "1");
    assert_eq!(
        keys(&hosts),
        [2, 3, 4, 5],
        "held, open, disabled, in flight"
    );
    drop((held, call));
    advance(WAIT).await;
    assert_eq!(hosts.evict_idle(), 3);
    assert_eq!(keys(&hosts), [4]);
    // There is room again, and the hand finds its way.
    for key in 10..30 {
        let _ = hosts.get(&key);
    }
    assert_eq!((hosts.len(), keys(&hosts)[0]), (8, 4));
}

#[test]
fn what_finds_no_room_shares_one_overflow() {
    let hosts = family(1);
    trip(&hosts, 1);
    trip(&hosts, 2);
    assert_eq!(hosts.overflow().state(), State::Open);
    assert_eq!(hosts.get(&3).state(), State::Open, "shared with 2");
    assert_eq!(keys(&hosts), [1]);
}

#[test]
fn concurrent_first_calls_of_a_key_make_one_instance() {
    for round in 0..200 {
        let hosts = family(4);
        let barrier = Barrier::new(4);
        let admitted = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    barrier.wait();
                    let breaker = hosts.get(&round);
                    barrier.wait();
                    // One failure opens it for all four.
                    if let Ok(call) = breaker.try_acquire() {
                        admitted.fetch_add(1, SeqCst);
                        call.failure();
                    }
                    barrier.wait();
                    assert!(breaker.try_acquire().is_err());
                });
            }
        });
        assert!(admitted.into_inner() >= 1);
        assert_eq!(hosts.len(), 1);
    }
}

#[test]
fn under_a_flood_of_keys_no_opening_is_forgotten() {
    // Fewer seats than keys, so that evictions run against failures of the very keys they would evict.
    let hosts = family(3);
    let is_open = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for stranger in (10..2_000).cycle() {
                    if is_open.load(SeqCst) {
                        return;
                    }
                    let _ = hosts.get(&stranger);
                }
            });
        }
        for key in 0..3 {
            // Until it has a separate seat: two at most are strangers' handles.
            while !keys(&hosts).contains(&key) {
                let breaker = hosts.get(&key);
                if let Ok(call) = breaker.try_acquire() {
                    call.failure();
                }
                hosts.overflow().reset(Override::new("test", "reset"));
            }
        }
        is_open.store(true, SeqCst);
    });
    assert_eq!(keys(&hosts), [0, 1, 2]);
    assert!(hosts.iter().all(|(_, b)| b.state() == State::Open));
}

#[tokio::test(start_paused = true)]
async fn concurrent_family_reconfigurations_apply_in_order() {
    let builder = CircuitBreaker::builder()
        .consecutive_failures(1)
        .wait_in_open(Wait::fixed(WAIT))
        .probes(Probes::one());
    let hosts = builder
        .ramp(Ramp::new(WAIT))
        .build_family("hosts", 3)
        .unwrap();
    trip(&hosts, 0);
    advance(WAIT).await;
    let first = hosts.get(&0);
    first.try_acquire().unwrap().success();
    assert_eq!(first.state(), State::Ramping);
    let others = [1, 2].map(|key| hosts.get(&key));
    // The second comes while the first is at it: its change ends the ramp.
    let family = hosts.clone();
    let last = builder.consecutive_failures(2);
    let _listener = first.on_transition(move |_| family.reconfigure(last).unwrap());
    hosts.reconfigure(builder).unwrap();
    for breaker in others.into_iter().chain([first, hosts.overflow()]) {
        breaker.try_acquire().unwrap().failure();
        assert_eq!(breaker.state(), State::Closed);
        breaker.try_acquire().unwrap().failure();
        assert_eq!(breaker.state(), State::Open);
    }
}

#[test]
fn no_more_members_open_than_the_limit_allows() {
    for members in 1..=10 {
        for percent in [1, 10, 33, 50, 67, 99, 100] {
            let endpoints = family(16);
            endpoints.limit_open(percent).unwrap();
            let all: Vec<_> = (0..members).map(|key| endpoints.get(&key)).collect();
            for _ in 0..2 {
                let calls = all.iter().filter_map(|member| member.try_acquire().ok());
                calls.for_each(Call::failure);
            }
            let share = members as usize * usize::from(percent) / 100;
            let expected = share.max(1).min(members as usize - 1);
            let open = all.iter().filter(|b| b.state() == State::Open).count();
            assert_eq!(open, expected, "{percent} % of {members}");
        }
    }
}

#[test]
fn without_a_limit_all_members_open() {
    let hosts = family(8);
    let all: Vec<_> = (0..4).map(|key| hosts.get(&key)).collect();
    (0..4).for_each(|key| trip(&hosts, key));
    assert!(all.iter().all(|member| member.state() == State::Open));
}

#[test]
fn a_call_over_two_thresholds_is_kept_closed_once() {
    let endpoints = CircuitBreaker::builder()
        .failure_count(1)
        .consecutive_failures(1)
        .build_family("endpoints", 8)
        .unwrap();
    endpoints.limit_open(50).unwrap();
    let alone = endpoints.get(&1);
    for kept in 1..=3 {
        alone.try_acquire().unwrap().failure();
        let snapshot = alone.snapshot();
        assert_eq!(snapshot.kept_closed(), kept);
        assert_eq!(u64::from(snapshot.consecutive_failures()), kept);
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_kept_closed_opens_once_there_is_a_place() {
    let endpoints = CircuitBreaker::builder()
        .failure_ratio(0.5)
        .minimum_calls(3)
        .wait_in_open(Wait::fixed(WAIT))
        .probes(Probes::one())
        .build_family("endpoints", 8)
        .unwrap();
    endpoints.limit_open(50).unwrap();
    let [first, second] = [1, 2].map(|key| endpoints.get(&key));
    let fail = |member: &CircuitBreaker| member.try_acquire().unwrap().failure();
    for _ in 0..3 {
        fail(&first);
        fail(&second);
    }
    fail(&second);
    let snapshot = second.snapshot();
    assert_eq!((snapshot.state(), snapshot.failures()), (State::Closed, 4));
    assert_eq!((snapshot.kept_closed(), snapshot.cause()), (2, None));
    // Half-open, and open again, the first keeps its place.
    advance(WAIT).await;
    assert_eq!(first.state(), State::HalfOpen);
    fail(&second);
    fail(&first);
    fail(&second);
    assert_eq!(
        (first.state(), second.state()),
        (State::Open, State::Closed)
    );
    // The window slides meanwhile: the first four failures have left it.
    advance(WAIT).await;
    first.try_acquire().unwrap().success();
    fail(&second);
    assert_eq!(
        (first.state(), second.state()),
        (State::Closed, State::Open)
    );
    assert_eq!(
        second.snapshot().cause().unwrap().to_string(),
        "3 of 3 calls failed"
    );
}

#[test]
fn an_operator_opens_members_beyond_the_limit() {
    let endpoints = family(8);
    endpoints.limit_open(50).unwrap();
    let by = || Override::new("alice", "a new rack");
    let all: Vec<_> = (0..4).map(|key| endpoints.get(&key)).collect();
    all[0].force_open(by());
    all[1].trip(by());
    all[2].force_open(by());
    assert!(all[..3].iter().all(|member| member.try_acquire().is_err()));
    trip(&endpoints, 3);
    assert_eq!(all[3].state(), State::Closed, "three of two are open");
    all[0].resume(by());
    trip(&endpoints, 3);
    assert_eq!(all[3].state(), State::Closed, "two of two are open");
    all[1].reset(Override::new("test", "reset"));
    trip(&endpoints, 3);
    assert_eq!(all[3].state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn an_evicted_member_gives_its_place_back() {
    let endpoints = family(2);
    endpoints.limit_open(50).unwrap();
    let _ = endpoints.get(&1);
    let kept = endpoints.get(&2);
    trip(&endpoints, 1);
    trip(&endpoints, 2);
    assert_eq!(kept.state(), State::Closed);
    advance(WAIT).await; // the wait of 1 is over: it can be evicted
    let _ = endpoints.get(&3);
    assert_eq!(keys(&endpoints), [2, 3]);
    trip(&endpoints, 2);
    assert_eq!(kept.state(), State::Open);
}

#[test]
fn an_idle_member_stays_if_too_many_would_be_open() {
    let endpoints = family(8);
    for key in 0..4 {
        let _ = endpoints.get(&key);
    }
    endpoints.limit_open(50).unwrap();
    let open = [0, 1].map(|key| endpoints.get(&key));
    trip(&endpoints, 0);
    trip(&endpoints, 1);
    assert!(open.iter().all(|member| member.state() == State::Open));
    assert_eq!(endpoints.evict_idle(), 0, "all were used");
    assert_eq!(endpoints.evict_idle(), 0, "half of them are open");
    open[0].reset(Override::new("test", "reset"));
    assert_eq!(endpoints.evict_idle(), 2, "one of two may be open");
    // Without open members all can be evicted.
    open[1].reset(Override::new("test", "reset"));
    drop(open);
    endpoints.evict_idle();
    endpoints.evict_idle();
    assert!(endpoints.is_empty());
}

#[test]
fn a_limit_that_is_lowered_closes_nothing() {
    let endpoints = family(8);
    let all: Vec<_> = (0..4).map(|key| endpoints.get(&key)).collect();
    (0..3).for_each(|key| trip(&endpoints, key));
    endpoints.limit_open(25).unwrap();
    assert!(all[..3].iter().all(|member| member.state() == State::Open));
    all[0].reset(Override::new("test", "reset"));
    trip(&endpoints, 0);
    assert_eq!(all[0].state(), State::Closed);
}

#[test]
fn a_limit_that_is_no_percentage_is_refused() {
    let endpoints = family(1);
    for percent in [0, 101] {
        let refused = endpoints.limit_open(percent).unwrap_err();
        assert_eq!(refused.kind(), InvalidConfigKind::OpenLimit(percent));
    }
}

#[test]
fn threads_that_fail_all_at_once_open_no_more_than_may_be() {
    for _ in 0..100 {
        let endpoints = family(8);
        endpoints.limit_open(50).unwrap();
        let all: Vec<_> = (0..8).map(|key| endpoints.get(&key)).collect();
        let barrier = Barrier::new(8);
        std::thread::scope(|scope| {
            for member in &all {
                scope.spawn(|| {
                    barrier.wait();
                    member.try_acquire().unwrap().failure();
                });
            }
        });
        let open = all.iter().filter(|b| b.state() == State::Open).count();
        assert_eq!(open, 4);
    }
}

#[test]
fn a_family_of_none_is_refused() {
    let builder = CircuitBreaker::builder();
    let none = builder.build_family::<u32>("none", 0);
    assert_eq!(none.unwrap_err().kind(), InvalidConfigKind::Capacity);
    let none = builder.failure_ratio(1.5).build_family::<u32>("none", 1);
    assert_eq!(
        none.unwrap_err().kind(),
        InvalidConfigKind::FailureRatio(1.5)
    );
}

#[test]
fn an_error_of_a_family_begins_with_its_name() {
    let good = CircuitBreaker::builder();
    let bad = good.probes(0);
    let hosts = good.build_family::<u8>("hosts", 1).unwrap();
    for result in [
        bad.build_family::<u8>("hosts", 1).map(drop),
        good.build_family::<u8>("hosts", 0).map(drop),
        hosts.reconfigure(bad),
        hosts.limit_open(0),
    ] {
        let refused = result.unwrap_err();
        assert_eq!(refused.name(), Some("hosts"));
        let text = format!("circuit breaker `hosts`: {}", refused.kind());
        assert_eq!(refused.to_string(), text);
    }
}

assert_impl_all!(CircuitBreakers<String>: Clone, Send, Sync, Unpin, std::fmt::Debug);
type Key = fn(&Cell<u8>) -> u8;
type Inner = tower::util::ServiceFn<fn(Cell<u8>) -> std::future::Ready<Result<(), BoxError>>>;
// A request that is not `Sync` costs nothing, here too.
assert_impl_all!(
    CircuitBreakerService<Inner, ErrIsFailure, IntoError, By<u8, Key>>:
    Clone, Send, Sync, Service<Cell<u8>>
);

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
    let family = CircuitBreaker::builder().build_family("flood", 2).unwrap();
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
    let family = CircuitBreaker::builder()
        .build_family("round", 2_000)
        .unwrap();
    let _held: Vec<_> = (0..1_999).map(|key| family.get(&key)).collect();
    drop(family.get(&1_999));
    // The last member is one of the 32nd 64 of 2,000.
    let evicts = |key: &u32| {
        drop(family.get(key));
        family.iter().any(|(member, _)| member == *key)
    };
    assert_eq!((2_000..3_000).find(evicts), Some(2_031));
}
