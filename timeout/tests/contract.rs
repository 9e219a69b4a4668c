//! The contract of tower and of the documentation, with mocked services and **without a runtime**. Without a
//! runtime every use of a timer panics, so these tests show that no timer is used.

use std::{
    cell::Cell,
    convert::Infallible,
    error::Error,
    fmt,
    future::{pending, ready},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use maestro_timeout::{
    Deadline, DeadlineWith, Elapsed, InvalidConfigKind, LimitWith, Timeout, TimeoutLayer,
    TimeoutService,
    future::{ResponseFuture, Run},
};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use tokio::time::{Instant, Sleep};
use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};
use tower::{BoxError, Layer, Service, service_fn};
use tower_test::mock;

const SECOND: Duration = Duration::from_secs(1);

fn ago(distance: Duration) -> Instant {
    Instant::now()
        .checked_sub(distance)
        .expect("the machine has been up longer")
}

// === Readiness ===

#[test]
fn readiness_is_the_inner_services() {
    let (mut service, mut handle) = mock::spawn_layer::<(), (), _>(TimeoutLayer::new(SECOND));
    handle.allow(0);
    assert_pending!(service.poll_ready());
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
}

#[test]
fn an_error_of_the_inner_readiness_passes_through() {
    let (mut service, mut handle) = mock::spawn_layer::<(), (), _>(TimeoutLayer::new(SECOND));
    handle.send_error("connect failed");
    assert_eq!(
        assert_ready_err!(service.poll_ready()).to_string(),
        "connect failed"
    );
}

#[test]
fn a_ready_service_dropped_uncalled_leaves_nothing() {
    let (mut service, mut handle) = mock::spawn_layer::<(), (), _>(TimeoutLayer::new(SECOND));
    assert_ready_ok!(service.poll_ready());
    drop(service);
    assert!(
        assert_ready!(task::spawn(handle.next_request()).poll()).is_none(),
        "the inner service is gone and was never called"
    );
}

#[test]
fn an_inner_service_that_was_not_made_ready_is_never_called() {
    // The clone that is polled ready is the instance that is called: the mock panics otherwise.
    let (service, mut handle) = mock::pair::<&str, &str>();
    let mut first = TimeoutLayer::new(Duration::MAX).layer(service);
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
fn a_dropped_call_drops_the_inner_call() {
    let held = Arc::new(());
    let witness = Arc::clone(&held);
    let mut service = TimeoutLayer::new(Duration::MAX).layer(service_fn(move |()| {
        let witness = Arc::clone(&witness);
        async move {
            pending::<()>().await;
            drop(witness);
            Ok::<_, BoxError>(())
        }
    }));
    drop(service.call(()));
    let mut polled = task::spawn(service.call(()));
    assert_pending!(polled.poll());
    assert_eq!(Arc::strong_count(&held), 3);
    drop(polled);
    assert_eq!(
        Arc::strong_count(&held),
        2,
        "this one and that of the service"
    );
}

// === What needs no runtime ===

#[test]
fn a_call_that_is_ready_at_once_needs_no_runtime() {
    let mut service =
        TimeoutLayer::new(SECOND).layer(service_fn(async |n: u32| Ok::<_, BoxError>(n)));
    assert_eq!(assert_ready_ok!(task::spawn(service.call(7)).poll()), 7);
    assert_eq!(
        assert_ready_ok!(task::spawn(Deadline::after(SECOND).run(ready(7))).poll()),
        7
    );
}

#[test]
fn an_unbounded_call_waits_without_a_runtime() {
    let layer = TimeoutLayer::new(Duration::MAX);
    let mut plain = layer.layer(service_fn(|()| pending::<Result<(), BoxError>>()));
    assert_pending!(task::spawn(plain.call(())).poll());
    let mut lenses = layer
        .limit(|&()| Duration::MAX)
        .deadline(|&()| None)
        .layer(service_fn(|()| pending::<Result<(), BoxError>>()));
    assert_pending!(task::spawn(lenses.call(())).poll());
    assert_pending!(task::spawn(Deadline::NEVER.run(pending::<()>())).poll());
    assert_pending!(task::spawn(Deadline::after(Duration::MAX).run(pending::<()>())).poll());
}

#[test]
fn a_limit_of_zero_polls_once_and_needs_no_timer() {
    let layer = TimeoutLayer::new(Duration::ZERO);
    let mut at_once = layer.layer(service_fn(async |()| Ok::<_, BoxError>("in time")));
    assert_eq!(
        assert_ready_ok!(task::spawn(at_once.call(())).poll()),
        "in time"
    );
    let mut waits = layer.layer(service_fn(|()| pending::<Result<(), BoxError>>()));
    let error = assert_ready_err!(task::spawn(waits.call(())).poll());
    let elapsed = Elapsed::find(error.as_ref()).expect("the timeout ended the call");
    assert_eq!(elapsed.limit(), Duration::ZERO);
}

#[test]
#[should_panic(expected = "there is no reactor running")]
fn a_waiting_call_panics_outside_a_runtime() {
    let mut service =
        TimeoutLayer::new(SECOND).layer(service_fn(|()| pending::<Result<(), BoxError>>()));
    let _ = task::spawn(service.call(())).poll();
}

#[test]
#[should_panic(expected = "timers are disabled")]
fn a_waiting_call_panics_without_a_time_driver() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut service =
            TimeoutLayer::new(SECOND).layer(service_fn(|()| pending::<Result<(), BoxError>>()));
        let _ = service.call(()).await;
    });
}

// === A deadline that has passed ===

#[test]
fn a_call_whose_deadline_has_passed_is_not_made() {
    let layer =
        TimeoutLayer::new(Timeout::new(SECOND).named("late")).deadline(|at: &Option<Instant>| *at);
    let (mut service, mut handle) = mock::spawn_layer::<Option<Instant>, u32, _>(layer);
    assert_ready_ok!(service.poll_ready());
    let mut late = task::spawn(service.call(Some(ago(Duration::from_nanos(1)))));
    let error = assert_ready_err!(late.poll());
    let elapsed = Elapsed::find(error.as_ref()).expect("the timeout ended the call");
    assert_eq!(
        (elapsed.name(), elapsed.after(), elapsed.limit()),
        ("late", Duration::ZERO, Duration::ZERO)
    );
    assert_pending!(task::spawn(handle.next_request()).poll());

    // The readiness is unused: the next call goes to the same instance, which is still ready.
    let _call = task::spawn(service.call(None));
    assert!(assert_ready!(task::spawn(handle.next_request()).poll()).is_some());
}

#[test]
fn on_reject_answers_a_call_that_was_not_made() {
    let mut service = TimeoutLayer::new(SECOND)
        .deadline(|at: &Instant| Some(*at))
        .on_reject(|elapsed| Ok(elapsed.limit()))
        .layer(service_fn(async |_: Instant| -> Result<_, Infallible> {
            panic!("not made")
        }));
    let late = ago(Duration::from_nanos(1));
    assert_eq!(
        assert_ready_ok!(task::spawn(service.call(late)).poll()),
        Duration::ZERO
    );
}

#[test]
fn a_ready_future_wins_against_a_passed_deadline() {
    // Unlike a call that is not made yet, the future may have run for a while.
    let late = Deadline::from(ago(SECOND));
    assert_eq!(assert_ready_ok!(task::spawn(late.run(ready(7))).poll()), 7);
    let elapsed = assert_ready_err!(task::spawn(late.run(pending::<()>())).poll());
    assert_eq!(
        (elapsed.name(), elapsed.limit()),
        ("deadline", Duration::ZERO)
    );
}

// === Results, errors, panics ===

#[derive(Debug, thiserror::Error)]
enum StoreError {
    #[error("too late")]
    Elapsed(#[from] Elapsed),
    #[error("io")]
    Io(#[from] std::io::Error),
}

#[test]
fn an_error_of_the_inner_call_passes_with_its_chain() {
    let mut service = TimeoutLayer::new(SECOND).layer(service_fn(async |()| {
        Err::<(), _>(StoreError::from(std::io::Error::other("disk full")))
    }));
    let error = assert_ready_err!(task::spawn(service.call(())).poll());
    assert!(matches!(error, StoreError::Io(_)));
    assert_eq!(
        error.source().expect("the source is kept").to_string(),
        "disk full"
    );
    assert_eq!(Elapsed::find(&error), None);
}

#[test]
fn find_walks_boxes_io_errors_and_sources() {
    let late = Deadline::from(ago(SECOND)).run(pending::<()>());
    let elapsed = assert_ready_err!(task::spawn(late).poll());
    let chained: BoxError = Box::new(StoreError::from(elapsed.clone()));
    let wrapped: BoxError = std::io::Error::other(StoreError::from(elapsed.clone())).into();
    assert_eq!(Elapsed::find(chained.as_ref()), Some(&elapsed));
    assert_eq!(Elapsed::find(wrapped.as_ref()), Some(&elapsed));
    assert_eq!(Elapsed::find(&elapsed), Some(&elapsed));
    assert_eq!(Elapsed::find(&fmt::Error), None);
    assert_eq!(Elapsed::find(&std::io::Error::from_raw_os_error(2)), None);
}

#[test]
fn a_panic_in_the_call_or_in_its_future_stays_a_panic() {
    let layer = TimeoutLayer::new(SECOND);
    let message = |caught: Box<dyn std::any::Any + Send>| *caught.downcast::<&str>().unwrap();

    let mut at_once = layer.layer(service_fn(
        |()| -> std::future::Ready<Result<(), BoxError>> { panic!("in call") },
    ));
    let caught = catch_unwind(AssertUnwindSafe(|| drop(at_once.call(()))));
    assert_eq!(message(caught.unwrap_err()), "in call");

    let mut polled = layer.layer(service_fn(async |()| -> Result<(), BoxError> {
        panic!("in poll")
    }));
    let caught = catch_unwind(AssertUnwindSafe(|| {
        task::spawn(polled.call(())).poll().is_ready()
    }));
    assert_eq!(message(caught.unwrap_err()), "in poll");
}

#[test]
fn on_reject_answers_and_the_error_type_needs_no_room() {
    let mut service = TimeoutLayer::new(Duration::ZERO)
        .on_reject(|elapsed| Ok(elapsed.limit()))
        .layer(service_fn(|()| pending::<Result<Duration, Infallible>>()));
    assert_eq!(
        assert_ready_ok!(task::spawn(service.call(())).poll()),
        Duration::ZERO
    );
}

#[test]
fn a_capture_that_is_not_clone_goes_behind_an_arc_in_one_line() {
    struct Body(&'static str);
    let body = Body("504");
    let answer = Arc::new(move |_: Elapsed| Ok::<_, Infallible>(body.0));
    let mut service = TimeoutLayer::new(Duration::ZERO)
        .on_reject(move |elapsed| answer(elapsed))
        .layer(service_fn(|()| pending::<Result<&str, Infallible>>()));
    assert_eq!(
        assert_ready_ok!(task::spawn(service.call(())).poll()),
        "504"
    );
}

#[test]
#[should_panic(expected = "polled after it was ready")]
fn a_future_polled_again_after_it_elapsed_panics() {
    let mut done = task::spawn(Deadline::from(ago(SECOND)).run(pending::<()>()));
    assert_ready_err!(done.poll());
    let _ = done.poll();
}

// === Reconfiguration ===

#[test]
fn a_clone_shares_the_limit_and_a_new_build_does_not() {
    let timeout = Timeout::builder().limit(SECOND).build("store");
    let (shared, renamed) = (timeout.clone(), timeout.clone().named("cache"));
    shared.set_limit(Duration::ZERO);
    assert_eq!((timeout.name(), timeout.limit()), ("store", Duration::ZERO));
    assert_eq!((renamed.name(), renamed.limit()), ("cache", SECOND));
    let to = Timeout::builder().limit(2 * SECOND).count_readiness(true);
    timeout.reconfigure(to).unwrap();
    assert_eq!(
        shared.numbers(),
        Timeout::builder().limit(2 * SECOND).count_readiness(true)
    );
}

#[test]
fn a_changed_limit_bounds_later_calls() {
    let timeout = Timeout::new(Duration::MAX);
    let mut service = TimeoutLayer::new(timeout.clone())
        .layer(service_fn(|()| pending::<Result<(), BoxError>>()));
    let mut before = task::spawn(service.call(()));
    timeout.set_limit(Duration::ZERO);
    assert_pending!(before.poll());
    assert_ready_err!(task::spawn(service.call(())).poll());
    timeout.set_limit(Duration::MAX);
    assert_pending!(task::spawn(service.call(())).poll());
}

#[test]
fn a_limit_beyond_292_years_is_none() {
    let far = Duration::from_nanos(i64::MAX.unsigned_abs());
    assert_eq!(Timeout::new(far).limit(), Duration::MAX);
    let longest = Duration::from_nanos(i64::MAX.unsigned_abs() - 1);
    assert_eq!(Timeout::new(longest).limit(), longest);
    assert_eq!(Timeout::builder().build("none").limit(), Duration::MAX);
}

// === Names, types, sizes ===

#[test]
fn a_timeout_from_a_duration_can_be_named() {
    let plain = Timeout::from(SECOND);
    assert_eq!((plain.name(), plain.limit()), ("unnamed", SECOND));
    assert_eq!(plain.named("store").name(), "store");
}

#[test]
fn a_rejection_reads_as_a_sentence() {
    let layer =
        TimeoutLayer::new(Timeout::new(SECOND).named("store")).deadline(|&()| Some(ago(SECOND)));
    let mut service = layer.layer(service_fn(|()| pending::<Result<(), BoxError>>()));
    assert_eq!(
        assert_ready_err!(task::spawn(service.call(())).poll()).to_string(),
        "timeout `store` elapsed before the call was made"
    );
}

#[test]
fn deadlines_are_ordered_with_never_last() {
    let now = Instant::now();
    let [soon, later] = [1, 2].map(|seconds| Deadline::after_at(seconds * SECOND, now));
    assert_eq!(soon.min(later), soon);
    assert_eq!(later.min(soon), soon);
    assert_eq!(Deadline::NEVER.min(soon), soon);
    assert_eq!(soon.max(Deadline::NEVER), Deadline::NEVER);
    assert_eq!(Deadline::NEVER.min(Deadline::NEVER), Deadline::NEVER);
}

#[test]
fn the_remaining_time_is_exact_and_saturates() {
    let now = Instant::now();
    let deadline = Deadline::after_at(SECOND, now);
    assert_eq!(deadline.at(), Some(now + SECOND));
    assert_eq!(deadline.remaining_at(now), SECOND);
    assert_eq!(deadline.remaining_at(now + 2 * SECOND), Duration::ZERO);
    assert_eq!(Deadline::after_at(Duration::MAX, now), Deadline::NEVER);
    assert_eq!(Deadline::NEVER.remaining(), Duration::MAX);
    assert_eq!(Deadline::NEVER.at(), None);
}

#[test]
fn a_deadline_is_split_over_the_remaining_attempts() {
    let now = Instant::now();
    let whole = Deadline::after_at(SECOND, now);
    assert_eq!(whole.split_at(4, now).at(), Some(now + SECOND / 4));
    assert_eq!(whole.split_at(1, now), whole);
    assert_eq!(whole.split_at(0, now), whole, "0 counts as 1");
    let later = now + SECOND * 3 / 4;
    assert_eq!(whole.split_at(2, later).remaining_at(later), SECOND / 8);
    assert_eq!(
        whole.split_at(u32::MAX, now).remaining_at(now),
        Duration::ZERO
    );
    // A deadline that has passed is unchanged by a split.
    assert_eq!(whole.split_at(2, now + 2 * SECOND), whole);
    assert_eq!(Deadline::NEVER.split(3), Deadline::NEVER);
}

#[test]
fn reserve_makes_a_deadline_earlier() {
    let now = Instant::now();
    let deadline = Deadline::after_at(SECOND, now);
    assert_eq!(
        deadline.reserve(SECOND / 4).at(),
        Some(now + SECOND * 3 / 4)
    );
    assert_eq!(deadline.reserve(Duration::ZERO), deadline);
    assert_eq!(Deadline::NEVER.reserve(SECOND), Deadline::NEVER);
    for too_much in [2 * SECOND, Duration::from_secs(u64::MAX / 3), Duration::MAX] {
        assert!(
            deadline.reserve(too_much).at().unwrap() < now,
            "{too_much:?}"
        );
    }
}

type Inner = tower::util::ServiceFn<fn(Cell<u8>) -> std::future::Ready<Result<(), BoxError>>>;
type Deadlines = DeadlineWith<fn(&Cell<u8>) -> Option<Instant>>;
type Limits = LimitWith<fn(&Cell<u8>) -> Duration>;
type CellFuture = std::future::Ready<Result<Cell<u8>, BoxError>>;
assert_impl_all!(Timeout: Clone, Send, Sync, Unpin, fmt::Debug);
assert_impl_all!(TimeoutLayer: Clone, Send, Sync, Unpin, fmt::Debug);
// A request that is not `Sync` leaves the service `Sync` and the future `Send`.
assert_impl_all!(TimeoutService<Inner>: Clone, Send, Sync, fmt::Debug, Service<Cell<u8>>);
assert_impl_all!(
    TimeoutService<Inner, maestro_timeout::IntoError, Deadlines, Limits>: Clone, Send, Sync, Service<Cell<u8>>
);
assert_impl_all!(ResponseFuture<CellFuture>: Send, fmt::Debug);
assert_impl_all!(Run<CellFuture>: Send, fmt::Debug);
// The timer is inline, and the timer wheel holds its address.
assert_not_impl_any!(ResponseFuture<CellFuture>: Unpin);
assert_impl_all!(Elapsed: Clone, PartialEq, Error, Send, Sync);
assert_impl_all!(Deadline: Copy, Ord, std::hash::Hash, Send, Sync, fmt::Debug);

#[test]
fn sizes_stay_what_they_are() {
    type Inner = std::future::Ready<Result<[u64; 2], Infallible>>;
    // The inner future, one inline timer, and the name, start and limit for `Elapsed`.
    let run = size_of::<Inner>() + size_of::<Sleep>() + 40;
    assert_eq!(size_of::<Run<Inner>>(), run);
    // With `metrics` one pointer more.
    let watch = if cfg!(feature = "metrics") { 8 } else { 0 };
    assert_eq!(size_of::<ResponseFuture<Inner>>(), run + watch);
    assert_eq!(
        size_of::<Elapsed>(),
        size_of::<&str>() + 3 * size_of::<u64>()
    );
    assert_eq!(size_of::<Deadline>(), size_of::<Instant>());
}

#[test]
fn doubtful_limits_are_refused_by_check() {
    let check = |limit| Timeout::builder().limit(limit).check();
    for limit in [
        Duration::from_nanos(1),
        Duration::from_secs(86_400),
        Duration::MAX,
    ] {
        assert!(check(limit).is_ok(), "{limit:?}");
    }
    let zero = check(Duration::ZERO).unwrap_err();
    assert_eq!(zero.kind(), InvalidConfigKind::ZeroLimit("limit"));
    assert_eq!(zero.name(), None);
    let beyond_584_years = Duration::from_secs(1 << 35);
    assert!(check(beyond_584_years).is_err());
    let error = check(Duration::from_secs(250_000)).unwrap_err();
    assert!(error.to_string().contains("`limit` is 250000s"), "{error}");
}

#[test]
fn an_attempt_above_the_whole_is_refused() {
    let timeout = |secs| Timeout::new(Duration::from_secs(secs));
    assert!(timeout(1).within(&timeout(1)).is_ok());
    assert!(timeout(1).within(&Timeout::new(Duration::MAX)).is_ok());
    let (attempt, whole) = (Duration::MAX, Duration::from_secs(1));
    let error = Timeout::new(attempt).within(&timeout(1)).unwrap_err();
    let above = InvalidConfigKind::AboveWhole { attempt, whole };
    assert_eq!((error.kind(), error.name()), (above, Some("unnamed")));
}
