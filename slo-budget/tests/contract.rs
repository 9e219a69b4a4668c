//! The promises that tower and the documentation make, over mocked services.

use std::{
    cell::Cell,
    convert::Infallible,
    error::Error,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use maestro_slo_budget::{
    Class, Counts, ErrIsBad, ErrorBudget, ErrorBudgetLayer, ErrorBudgetService, Event, Gate,
    GateLayer, GateService, Objective, Observation, Override, Reason, Spent,
    future::{ErrorBudgetFuture, GateFuture},
};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use tokio::time::Instant;
use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};
use tower::{BoxError, Layer, Service, ServiceBuilder, service_fn};
use tower_test::mock;

const EVER: Duration = Duration::MAX;
const THREE_NINES: Objective = Objective::new(999, 1000).expect("999 of 1000");

fn budget() -> ErrorBudget {
    ErrorBudget::new("test", THREE_NINES)
}

/// A gate that an operator has closed.
fn closed() -> Gate {
    let gate = Gate::new(budget());
    gate.force_closed(Override::new("alice", "a test"));
    gate
}

/// A gate that admits half of the optional requests, and a moment at which it does.
fn burning() -> (Gate, Instant) {
    let gate = Gate::new(budget());
    let now = Instant::now() + Duration::from_secs(1);
    (0..1000).for_each(|_| gate.budget().record(Event::Bad));
    assert!(gate.snapshot_at(now).reasons().is_burning());
    (gate, now)
}

fn counts(good: u64, bad: u64) -> Counts {
    Counts::new(good, bad)
}

// === Readiness ===

#[test]
fn both_layers_pass_readiness_through() {
    let stack = ServiceBuilder::new()
        .layer(GateLayer::new(closed()))
        .layer(ErrorBudgetLayer::new(budget()));
    let (mut service, mut handle) = mock::spawn_layer::<(), (), _>(stack.into_inner());
    handle.allow(0);
    assert_pending!(service.poll_ready());
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
}

#[test]
fn a_readiness_error_passes_through_uncounted() {
    let budget = budget();
    let (mut service, mut handle) =
        mock::spawn_layer::<(), (), _>(ErrorBudgetLayer::new(budget.clone()));
    handle.send_error("connect failed");
    assert_eq!(
        assert_ready_err!(service.poll_ready()).to_string(),
        "connect failed"
    );
    assert_eq!(budget.counts(EVER), counts(0, 0));
}

#[test]
fn an_inner_service_that_is_not_ready_is_not_called() {
    // The clone that is polled ready is the instance that is called: the mock panics otherwise.
    let (service, mut handle) = mock::pair::<&str, &str>();
    let mut first = ServiceBuilder::new()
        .layer(GateLayer::new(Gate::new(budget())))
        .layer(ErrorBudgetLayer::new(budget()))
        .service(service);
    let _idle = first.clone();
    let mut ready = task::spawn(());
    assert_ready_ok!(ready.enter(|cx, _| first.poll_ready(cx)));
    let mut call = task::spawn(first.call("hello"));
    assert_pending!(call.poll());
    let (request, respond) = assert_ready!(task::spawn(handle.next_request()).poll()).unwrap();
    respond.send_response("world");
    assert_eq!((request, assert_ready_ok!(call.poll())), ("hello", "world"));
}

#[test]
fn a_ready_service_dropped_without_a_call_counts_nothing() {
    let budget = budget();
    let (mut service, _handle) =
        mock::spawn_layer::<(), (), _>(ErrorBudgetLayer::new(budget.clone()));
    assert_ready_ok!(service.poll_ready());
    drop(service);
    assert_eq!(budget.counts(EVER), counts(0, 0));
}

// === What is counted ===

#[test]
fn a_call_is_counted_once_when_its_result_is_ready() {
    let budget = budget();
    let mut service =
        ErrorBudgetLayer::new(budget.clone()).layer(service_fn(async |fails: bool| {
            if fails {
                Err(BoxError::from("no"))
            } else {
                Ok(())
            }
        }));
    let mut call = task::spawn(service.call(true));
    assert_eq!(budget.counts(EVER), counts(0, 0), "not before");
    assert_ready_err!(call.poll());
    assert_eq!(budget.counts(EVER), counts(0, 1));
    drop(call);
    assert_ready_ok!(task::spawn(service.call(false)).poll());
    assert_eq!(budget.counts(EVER), counts(1, 1));
}

#[test]
fn a_cancelled_call_counts_as_configured() {
    for (on_cancel, expected) in [(Event::Excluded, 0), (Event::Bad, 2)] {
        let budget = ErrorBudget::builder()
            .on_cancel(on_cancel)
            .build("c")
            .unwrap();
        let (mut service, _handle) =
            mock::spawn_layer::<(), (), _>(ErrorBudgetLayer::new(budget.clone()));
        assert_ready_ok!(service.poll_ready());
        let mut polled = task::spawn(service.call(()));
        assert_pending!(polled.poll());
        drop(polled);
        assert_ready_ok!(service.poll_ready());
        drop(service.call(()));
        assert_eq!(budget.counts(EVER), counts(0, expected));
    }
}

#[test]
fn a_panic_anywhere_in_a_call_is_bad() {
    let budget = budget();
    let layer = ErrorBudgetLayer::new(budget.clone());
    let mut at_once = layer.layer(service_fn(
        |()| -> std::future::Ready<Result<(), BoxError>> { panic!("in call") },
    ));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(at_once.call(())))).is_err());
    assert_eq!(budget.counts(EVER), counts(0, 1));

    let mut in_poll = layer.layer(service_fn(async |()| -> Result<(), BoxError> {
        panic!("in poll")
    }));
    // Caught while the future is still alive, as a layer outside may do.
    let mut call = task::spawn(in_poll.call(()));
    assert!(catch_unwind(AssertUnwindSafe(|| call.poll().is_ready())).is_err());
    assert_eq!(budget.counts(EVER), counts(0, 2));
    drop(call);
    assert_eq!(budget.counts(EVER), counts(0, 2), "once");

    let mut service = ErrorBudgetLayer::new(budget.clone())
        .bad_if(|_| panic!("in the classifier"))
        .layer(service_fn(async |()| Ok::<_, BoxError>(())));
    let caught = catch_unwind(AssertUnwindSafe(|| {
        task::spawn(service.call(())).poll().is_ready()
    }));
    assert!(caught.is_err());
    assert_eq!(budget.counts(EVER), counts(0, 3));
}

#[test]
fn the_classifier_decides_what_is_bad() {
    let budget = budget();
    let mut service = ErrorBudgetLayer::new(budget.clone())
        .classify(|r: &Result<u16, BoxError>| match r {
            Ok(400..500) => Event::Excluded,
            Ok(200..400) => Event::Good,
            _ => Event::Bad,
        })
        .layer(service_fn(async |status: u16| Ok::<_, BoxError>(status)));
    for status in [200, 404, 503, 500] {
        assert_ready_ok!(task::spawn(service.call(status)).poll());
    }
    assert_eq!(budget.counts(EVER), counts(1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_good_call_that_is_too_slow_is_bad() {
    let budget = budget();
    let slow = |layer: ErrorBudgetLayer| layer.slow_after(Duration::from_millis(250));
    let wait = service_fn(async |ms: u64| {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        Ok::<_, Infallible>(())
    });
    // The order does not matter.
    let mut a = slow(ErrorBudgetLayer::new(budget.clone()))
        .bad_if(|_| false)
        .layer(wait);
    for ms in [0, 250, 251] {
        a.call(ms).await.unwrap();
    }
    assert_eq!(budget.counts(EVER), counts(2, 1));

    let mut seen = ErrorBudgetLayer::new(budget.clone())
        .classify_timed(|_, latency| {
            assert_eq!(latency, Duration::from_millis(70));
            Event::Excluded
        })
        .layer(wait);
    let call = seen.call(50);
    tokio::time::sleep(Duration::from_millis(20)).await;
    call.await.unwrap();
    assert_eq!(budget.counts(EVER), counts(2, 1));
}

#[test]
fn an_observation_records_one_outcome() {
    let budget = budget();
    budget.observe().good();
    budget.observe().bad();
    budget.observe().exclude();
    drop(budget.observe());
    budget.observe().finish(Event::Bad);
    assert_eq!(budget.counts(EVER), counts(1, 2));
}

#[test]
fn a_layer_applied_twice_counts_in_one_budget() {
    let budget = budget();
    let layer = ErrorBudgetLayer::new(budget.clone());
    let inner = || service_fn(async |()| Ok::<_, BoxError>(()));
    let (mut a, mut b) = (layer.layer(inner()), layer.layer(inner()));
    assert_ready_ok!(task::spawn(a.call(())).poll());
    assert_ready_ok!(task::spawn(b.call(())).poll());
    assert_eq!(budget.counts(EVER), counts(2, 0));
    let other = ErrorBudget::new("other", budget.objective());
    assert_eq!(other.counts(EVER), counts(0, 0));
}

#[test]
fn a_static_budget_needs_no_reference_count() {
    static BUDGET: std::sync::LazyLock<ErrorBudget> = std::sync::LazyLock::new(budget);
    let handle: &'static ErrorBudget = &BUDGET;
    let mut service =
        ErrorBudgetLayer::new(handle).layer(service_fn(async |()| Ok::<_, BoxError>(())));
    assert_ready_ok!(task::spawn(service.call(())).poll());
    assert_eq!(handle.counts(EVER), counts(1, 0));
}

#[test]
fn concurrent_threads_lose_no_event() {
    let budget = ErrorBudget::builder()
        .resolution(Duration::from_micros(50))
        .period(Duration::from_secs(12))
        .build("hammered")
        .unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for n in 0..5_000 {
                    budget.record(if n % 5 == 0 { Event::Bad } else { Event::Good });
                }
            });
        }
    });
    // The rings span 12.96 s, which holds everything.
    assert_eq!(budget.counts(EVER), counts(16_000, 4_000));
}

// === The gate ===

#[test]
fn a_closed_gate_does_not_call_the_inner_service() {
    let (mut service, mut handle) = mock::spawn_layer::<u32, u32, _>(GateLayer::new(closed()));
    assert_ready_ok!(service.poll_ready());
    let error = assert_ready_err!(task::spawn(service.call(1)).poll());
    let spent = Spent::find(error.as_ref()).expect("it says who refused");
    assert_eq!(spent.name(), "test");
    assert!(spent.reasons().contains(Reason::Forced));
    assert_pending!(task::spawn(handle.next_request()).poll());
}

#[test]
fn a_burning_gate_refuses_a_share_and_says_when_to_try_again() {
    let (gate, now) = burning();
    let refused: Vec<Spent> = (0..128)
        .filter_map(|_| gate.check_at(Class::Optional, now).err())
        .collect();
    assert_eq!(refused.len(), 64);
    let [spent, ..] = &refused[..] else { panic!() };
    // From a half to the whole in three seconds, and one.
    assert_eq!(spent.retry_after(), Duration::from_secs(4));
    let first = spent.reasons().iter().next();
    assert!(
        matches!(first, Some(Reason::Burning { pace, burn, share })
            if (14.3..=14.4).contains(&pace) && burn > 999.0 && share < 0.51),
        "{first:?}"
    );
    assert_eq!(
        spent.to_string(),
        "error budget `test` refuses optional work: it burns at 1000.0 where 14.4 is allowed, \
         so 50 % are admitted; try again in 4s"
    );
    for _ in 0..100 {
        assert!(gate.check_at(Class::Essential, now).is_ok());
    }
    let snapshot = gate.snapshot_at(now);
    assert_eq!((snapshot.refused(), snapshot.share() < 0.51), (64, true));
    assert!(snapshot.since().is_some_and(|since| since <= now));
}

#[test]
fn only_optional_requests_are_refused() {
    let mut service = GateLayer::new(closed())
        .class(|path: &&str| match *path {
            "/healthz" => Class::Essential,
            _ => Class::Optional,
        })
        .on_reject(|spent| Ok(if spent.reasons().is_empty() { 500 } else { 503 }))
        .layer(service_fn(async |_: &str| Ok::<u16, Infallible>(200)));
    assert_eq!(
        assert_ready_ok!(task::spawn(service.call("/healthz")).poll()),
        200
    );
    assert_eq!(
        assert_ready_ok!(task::spawn(service.call("/runs")).poll()),
        503
    );
}

#[test]
fn fallback_gets_the_request() {
    let mut service = GateLayer::new(closed())
        .fallback(|_, key: String| Ok(format!("{key} from the cache")))
        .layer(service_fn(async |_: String| {
            Ok::<_, Infallible>(String::new())
        }));
    let answer = assert_ready_ok!(task::spawn(service.call("run 7".into())).poll());
    assert_eq!(answer, "run 7 from the cache");
}

#[test]
fn refused_requests_are_not_counted() {
    let gate = closed();
    let before = gate.budget().counts(EVER);
    let mut service = ServiceBuilder::new()
        .layer(GateLayer::new(gate.clone()))
        .layer(ErrorBudgetLayer::new(gate.budget().clone()))
        .service(service_fn(async |()| Ok::<_, BoxError>(())));
    for _ in 0..5 {
        assert_ready_err!(task::spawn(service.call(())).poll());
    }
    assert_eq!(gate.budget().counts(EVER), before);
    assert_eq!(gate.snapshot().refused(), 5);
    let static_gate: &'static Gate = Box::leak(Box::new(gate));
    let mut other = GateLayer::new(static_gate).layer(service_fn(async |()| Ok::<_, BoxError>(())));
    assert_ready_err!(task::spawn(other.call(())).poll());
}

#[test]
fn find_walks_boxes_io_errors_and_sources() {
    #[derive(Debug, thiserror::Error)]
    enum ApiError {
        #[error("later")]
        Spent(#[from] Spent),
    }
    let spent = closed().check(Class::Optional).unwrap_err();
    let chained: BoxError = Box::new(ApiError::from(spent.clone()));
    let wrapped: BoxError = std::io::Error::other(ApiError::from(spent.clone())).into();
    assert_eq!(Spent::find(chained.as_ref()), Some(&spent));
    assert_eq!(Spent::find(wrapped.as_ref()), Some(&spent));
    assert_eq!(Spent::find(&spent), Some(&spent));
    assert_eq!(Spent::find(&fmt::Error), None);
}

// === Types ===

type Inner = tower::util::ServiceFn<fn(Cell<u8>) -> std::future::Ready<Result<(), BoxError>>>;
assert_impl_all!(ErrorBudget: Clone, Send, Sync, Unpin, fmt::Debug);
assert_impl_all!(Gate: Clone, Send, Sync, Unpin, fmt::Debug);
assert_impl_all!(ErrorBudgetLayer: Clone, Send, Sync, Unpin, fmt::Debug);
assert_impl_all!(GateLayer: Clone, Send, Sync, Unpin, fmt::Debug);
// A request that is not `Sync` does not change the auto traits of the stack or the future.
assert_impl_all!(ErrorBudgetService<Inner>: Clone, Send, Sync, Service<Cell<u8>>);
assert_impl_all!(GateService<Inner>: Clone, Send, Sync, Service<Cell<u8>>);
assert_impl_all!(ErrorBudgetFuture<std::future::Ready<Result<Cell<u8>, BoxError>>>: Send, Unpin);
assert_impl_all!(GateFuture<std::future::Ready<Result<Cell<u8>, BoxError>>>: Send, Unpin);
assert_impl_all!(Spent: Clone, PartialEq, Error, Send, Sync);
assert_impl_all!(Observation: Send, Sync, fmt::Debug);
assert_not_impl_any!(Observation: Clone);

#[test]
fn sizes_do_not_change() {
    type Inner = std::future::Ready<Result<[u64; 2], Infallible>>;
    type Static = ErrorBudgetFuture<Inner, ErrIsBad, &'static maestro_slo_budget::Core>;
    let word = size_of::<usize>();
    assert_eq!(size_of::<Observation>(), 2 * word);
    assert_eq!(size_of::<Spent>(), 6 * word);
    // A call that is admitted has nothing to drop.
    assert!(!std::mem::needs_drop::<Spent>());
    // The observation, the start, and the limit for slow calls.
    assert_eq!(
        size_of::<ErrorBudgetFuture<Inner>>(),
        size_of::<Inner>() + 6 * word
    );
    assert_eq!(size_of::<Static>(), size_of::<ErrorBudgetFuture<Inner>>());
    assert_eq!(size_of::<GateFuture<Inner>>(), size_of::<Inner>() + word);
}
