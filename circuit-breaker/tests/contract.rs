//! The promises that tower and the documentation make, over mocked services.

use std::{
    cell::Cell,
    convert::Infallible,
    error::Error,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use maestro_circuit_breaker::{
    Call, CircuitBreaker, CircuitBreakerLayer, CircuitBreakerService, Classify, Core, ErrIsFailure,
    InvalidConfigKind, MayReject, OnCancel, Open, Outcome, Override, Probes, Ramp, Snapshot, State,
    StaticCircuitBreaker, Wait, Window, future::ResponseFuture,
};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use tokio::time::advance;
use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};
use tower::{BoxError, Layer, Service, service_fn};
use tower_test::mock;

const WAIT: Duration = Duration::from_secs(5);

/// Opens at the first failure, closes at the first probe that succeeds.
fn one_failure() -> CircuitBreaker {
    CircuitBreaker::builder()
        .consecutive_failures(1)
        .wait_in_open(Wait::fixed(WAIT))
        .probes(Probes::results(1))
        .build("test")
        .expect("legal")
}

fn trip(breaker: &CircuitBreaker) {
    breaker.try_acquire().expect("closed").failure();
    assert_eq!(breaker.state(), State::Open);
}

fn works() -> impl Service<(), Response = &'static str, Error = BoxError, Future: Unpin> + Clone {
    service_fn(|()| std::future::ready(Ok("works")))
}

// === Readiness ===

#[test]
fn readiness_is_the_inner_services_while_closed() {
    let (mut service, mut handle) =
        mock::spawn_layer::<(), (), _>(CircuitBreakerLayer::new(one_failure()));
    handle.allow(0);
    assert_pending!(service.poll_ready());
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
}

#[test]
fn an_open_breaker_answers_for_a_stuck_inner_service() {
    let breaker = one_failure();
    let (mut service, mut handle) =
        mock::spawn_layer::<(), (), _>(CircuitBreakerLayer::new(breaker.clone()));
    handle.allow(0);
    trip(&breaker);
    assert_ready_ok!(service.poll_ready());
    let error = assert_ready_err!(task::spawn(service.call(())).poll());
    assert_eq!(
        Open::find(error.as_ref()).map(Open::state),
        Some(State::Open)
    );
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_closes_after_ready_still_rejects() {
    let breaker = one_failure();
    // The mock panics when it is called without having been polled ready.
    let (mut service, _handle) =
        mock::spawn_layer::<(), (), _>(CircuitBreakerLayer::new(breaker.clone()));
    trip(&breaker);
    assert_ready_ok!(service.poll_ready());
    advance(WAIT).await;
    breaker.try_acquire().expect("the probe").success();
    assert_eq!(breaker.state(), State::Closed);
    let error = assert_ready_err!(task::spawn(service.call(())).poll());
    let open = Open::find(error.as_ref()).expect("the breaker rejected it");
    assert_eq!(
        (open.state(), open.retry_after(), open.is_unready()),
        (State::Closed, Duration::ZERO, true)
    );
    // Asked anew it lets calls through.
    assert_ready_ok!(service.poll_ready());
    assert_pending!(task::spawn(service.call(())).poll());
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_ends_before_the_call_takes_no_place() {
    let breaker = one_failure();
    let (mut service, _handle) =
        mock::spawn_layer::<(), (), _>(CircuitBreakerLayer::new(breaker.clone()));
    trip(&breaker);
    assert_ready_ok!(service.poll_ready());
    advance(WAIT).await;
    let error = assert_ready_err!(task::spawn(service.call(())).poll());
    let open = Open::find(error.as_ref()).expect("the breaker rejected it");
    assert_eq!(
        (open.state(), open.retry_after(), open.is_unready()),
        (State::Open, Duration::ZERO, false)
    );
    assert_eq!(breaker.snapshot().probes_in_flight(), 0);
}

#[test]
fn a_breaker_that_opens_after_ready_rejects_the_call() {
    let breaker = one_failure();
    let (mut service, mut handle) =
        mock::spawn_layer::<(), (), _>(CircuitBreakerLayer::new(breaker.clone()));
    assert_ready_ok!(service.poll_ready());
    trip(&breaker);
    let error = assert_ready_err!(task::spawn(service.call(())).poll());
    assert!(Open::find(error.as_ref()).is_some());
    assert_pending!(task::spawn(handle.next_request()).poll());
}

#[tokio::test(start_paused = true)]
async fn a_call_without_readiness_is_told_so_in_any_state() {
    let breaker = CircuitBreaker::builder()
        .consecutive_failures(1)
        .wait_in_open(Wait::fixed(WAIT))
        .probes(Probes::one())
        .ramp(Ramp::new(WAIT))
        .build("a")
        .unwrap();
    let mut service = CircuitBreakerLayer::new(breaker.clone())
        .layer(service_fn(async |()| Ok::<_, BoxError>(())));
    let mut told = || {
        let error = assert_ready_err!(task::spawn(service.call(())).poll());
        let open = Open::find(error.as_ref()).expect("the breaker rejected it");
        (open.is_unready(), open.to_string())
    };
    let unready = |state| {
        let what = "but the service was called without a `poll_ready` in this state";
        (
            true,
            format!("circuit `a` is {state}, {what}: try again now"),
        )
    };
    assert_eq!(told(), unready("closed"));
    trip(&breaker);
    let since = "since a call failed";
    let open = format!("circuit `a` is open {since}: try again in 5s");
    assert_eq!(told(), (false, open));
    advance(WAIT).await;
    assert_eq!(breaker.state(), State::HalfOpen);
    assert_eq!(told(), unready("half-open"));
    let probe = breaker.try_acquire().unwrap();
    let full = format!("circuit `a` is half-open {since}: try again in 10s");
    assert_eq!(told(), (false, full));
    probe.success();
    assert_eq!(told(), unready("ramping"));
    advance(3 * WAIT).await;
    assert_eq!(breaker.state(), State::Closed);
    assert_eq!(told(), unready("closed"));
    breaker.disable(Override::new("alice", "test"));
    assert_eq!(told(), unready("disabled"));
    breaker.force_open(Override::new("alice", "test"));
    let forced = "circuit `a` is forced open by alice (test): try again in 5s".to_owned();
    assert_eq!(told(), (false, forced));
}

#[test]
fn an_unpolled_instance_or_clone_is_rejected() {
    let breaker = one_failure();
    let (service, mut handle) = mock::pair::<(), ()>();
    let mut polled = CircuitBreakerLayer::new(breaker).layer(service);
    assert_ready_ok!(task::spawn(()).enter(|cx, _| polled.poll_ready(cx)));
    let mut clone = polled.clone();
    let error = assert_ready_err!(task::spawn(clone.call(())).poll());
    let open = Open::find(error.as_ref()).expect("the breaker rejected it");
    assert_eq!((open.state(), open.is_unready()), (State::Closed, true));
    // The instance itself has its mark, for one call.
    assert_pending!(task::spawn(polled.call(())).poll());
    assert_ready!(task::spawn(handle.next_request()).poll()).expect("it was called");
    let error = assert_ready_err!(task::spawn(polled.call(())).poll());
    assert!(Open::find(error.as_ref()).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_full_half_open_breaker_is_ready_and_rejects() {
    let breaker = one_failure();
    let (mut service, mut handle) =
        mock::spawn_layer::<(), (), _>(CircuitBreakerLayer::new(breaker.clone()));
    handle.allow(0);
    trip(&breaker);
    advance(WAIT).await;
    assert_pending!(
        service.poll_ready(),
        "a place is free, so the inner service is asked"
    );
    let _probe = breaker.try_acquire().expect("the probe");
    assert_ready_ok!(service.poll_ready());
    let error = assert_ready_err!(task::spawn(service.call(())).poll());
    let open = Open::find(error.as_ref()).expect("the breaker rejected it");
    // The default deadline of a probe.
    assert_eq!(
        (open.state(), open.retry_after()),
        (State::HalfOpen, Duration::from_secs(10))
    );
}

#[test]
fn a_readiness_error_passes_through_as_a_failure() {
    let breaker = one_failure();
    let (mut service, mut handle) =
        mock::spawn_layer::<(), (), _>(CircuitBreakerLayer::new(breaker.clone()));
    handle.send_error("connect failed");
    assert_eq!(
        assert_ready_err!(service.poll_ready()).to_string(),
        "connect failed"
    );
    assert_eq!(breaker.state(), State::Open);
    // The mock stays broken; it is not reported while the circuit is open.
    assert_ready_ok!(service.poll_ready());
}

#[tokio::test(start_paused = true)]
async fn a_readiness_error_while_half_open_is_a_failed_probe() {
    let breaker = one_failure();
    let (mut service, mut handle) =
        mock::spawn_layer::<(), (), _>(CircuitBreakerLayer::new(breaker.clone()));
    trip(&breaker);
    advance(WAIT).await;
    handle.send_error("connect failed");
    assert_ready_err!(service.poll_ready());
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.state(), snapshot.generation()), (State::Open, 3));
}

#[tokio::test(start_paused = true)]
async fn a_ready_service_that_is_dropped_without_a_call_holds_nothing() {
    let breaker = one_failure();
    trip(&breaker);
    advance(WAIT).await;
    let (mut service, _handle) =
        mock::spawn_layer::<(), (), _>(CircuitBreakerLayer::new(breaker.clone()));
    assert_ready_ok!(service.poll_ready());
    assert_eq!(
        breaker.snapshot().probes_in_flight(),
        0,
        "an idle, ready clone has no place"
    );
    drop(service);
    assert!(breaker.try_acquire().is_ok());
}

// === Outcomes ===

#[tokio::test(start_paused = true)]
async fn an_opened_breaker_answers_without_the_inner_service() {
    let breaker = CircuitBreaker::builder()
        .failure_ratio(0.5)
        .minimum_calls(4)
        .build("ratio")
        .unwrap();
    let mut service = CircuitBreakerLayer::new(breaker.clone()).layer(service_fn(|ok: bool| {
        std::future::ready(if ok {
            Ok(())
        } else {
            Err(BoxError::from("down"))
        })
    }));
    let mut call = |ok| {
        assert_ready_ok!(task::spawn(()).enter(|cx, _| service.poll_ready(cx)));
        assert_ready!(task::spawn(service.call(ok)).poll())
    };
    for ok in [true, false, true] {
        assert_eq!(call(ok).is_ok(), ok);
    }
    assert_eq!(
        breaker.state(),
        State::Closed,
        "one of three, and below the minimum"
    );
    assert!(call(false).is_err());
    let error = call(true).unwrap_err();
    assert_eq!(
        error.to_string(),
        "circuit `ratio` is open since 2 of 4 calls failed: try again in 5s"
    );
}

#[test]
fn a_panic_in_call_future_or_classifier_is_a_failure() {
    let breaker = one_failure();
    let layer = CircuitBreakerLayer::new(breaker.clone());
    let panics = |f: &mut dyn FnMut()| {
        assert!(catch_unwind(AssertUnwindSafe(f)).is_err());
        assert_eq!(breaker.state(), State::Open);
        breaker.reset(Override::new("test", "reset"));
    };

    let mut at_once = layer.layer(service_fn(
        |()| -> std::future::Ready<Result<(), BoxError>> { panic!("in call") },
    ));
    assert_ready_ok!(task::spawn(()).enter(|cx, _| at_once.poll_ready(cx)));
    panics(&mut || drop(at_once.call(())));

    let mut polled = layer.layer(service_fn(async |()| -> Result<(), BoxError> {
        panic!("in poll")
    }));
    assert_ready_ok!(task::spawn(()).enter(|cx, _| polled.poll_ready(cx)));
    // The future outlives its panic, as under `catch_unwind`: recorded all the same, and once.
    let mut future = task::spawn(polled.call(()));
    panics(&mut || drop(future.poll()));
    drop(future);
    assert_eq!(breaker.state(), State::Closed);

    let mut classified = layer
        .classify(|_: &Result<&str, BoxError>| panic!("in the classifier"))
        .layer(works());
    assert_ready_ok!(task::spawn(()).enter(|cx, _| classified.poll_ready(cx)));
    let mut future = task::spawn(classified.call(()));
    panics(&mut || drop(future.poll()));
}

#[test]
fn a_token_dropped_by_a_panic_is_a_failure() {
    let breaker = one_failure();
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let _call = breaker.try_acquire().unwrap();
        panic!("while the call is under way");
    }));
    assert!(caught.is_err());
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn on_cancel_decides_how_a_cancelled_call_counts() {
    for (on_cancel, expected) in [
        (OnCancel::Ignored, State::Closed),
        (OnCancel::Failure, State::Open),
    ] {
        let breaker = CircuitBreaker::builder()
            .consecutive_failures(1)
            .on_cancel(on_cancel)
            .build("cancelled")
            .unwrap();
        let (mut service, _handle) =
            mock::spawn_layer::<(), (), _>(CircuitBreakerLayer::new(breaker.clone()));
        assert_ready_ok!(service.poll_ready());
        let mut call = task::spawn(service.call(()));
        assert_pending!(call.poll());
        drop(call);
        assert_eq!(breaker.state(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_probe_decides_nothing_and_frees_its_slot() {
    let breaker = one_failure();
    trip(&breaker);
    advance(WAIT).await;
    let (mut service, _handle) =
        mock::spawn_layer::<(), (), _>(CircuitBreakerLayer::new(breaker.clone()));
    assert_ready_ok!(service.poll_ready());
    let probe = service.call(());
    assert!(breaker.try_acquire().is_err());
    drop(probe);
    let snapshot = breaker.snapshot();
    assert_eq!(
        (snapshot.state(), snapshot.probes_settled()),
        (State::HalfOpen, 0)
    );
    breaker.try_acquire().expect("its place").ignore();
    breaker.try_acquire().expect("and again").success();
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn a_result_is_recorded_when_it_is_ready() {
    let breaker = one_failure();
    let mut service = CircuitBreakerLayer::new(breaker.clone())
        .layer(service_fn(async |()| Err::<(), BoxError>("down".into())));
    assert_ready_ok!(task::spawn(()).enter(|cx, _| service.poll_ready(cx)));
    let mut call = task::spawn(service.call(()));
    assert_eq!(breaker.state(), State::Closed);
    assert_ready_err!(call.poll());
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn failure_if_classify_and_a_type_of_ones_own_decide_what_fails() {
    #[derive(Clone)]
    struct ServerErrors;
    impl<E> Classify<u16, E> for ServerErrors {
        fn classify(&self, result: &Result<u16, E>) -> Outcome {
            match result {
                Ok(500..) | Err(_) => Outcome::Failure,
                Ok(429) => Outcome::Ignored,
                Ok(_) => Outcome::Success,
            }
        }
    }
    fn outcome<C>(status: u16, layer: &CircuitBreakerLayer<C>, breaker: &CircuitBreaker) -> State
    where
        C: Classify<u16, BoxError> + Clone,
    {
        let mut service = layer.layer(service_fn(async |status| Ok::<u16, BoxError>(status)));
        assert_ready_ok!(task::spawn(()).enter(|cx, _| service.poll_ready(cx)));
        assert_ready_ok!(task::spawn(service.call(status)).poll());
        let state = breaker.state();
        breaker.reset(Override::new("test", "reset"));
        state
    }
    let breaker = one_failure();
    let layer = CircuitBreakerLayer::new(breaker.clone());
    for (status, expected) in [
        (200, State::Closed),
        (429, State::Closed),
        (503, State::Open),
    ] {
        let failure_if = layer
            .clone()
            .failure_if(|r: &Result<u16, _>| matches!(r, Ok(500..)));
        assert_eq!(outcome(status, &failure_if, &breaker), expected);
        let classify = layer.clone().classify(|r: &Result<u16, _>| match r {
            Ok(500..) => Outcome::Failure,
            _ => Outcome::Ignored,
        });
        assert_eq!(outcome(status, &classify, &breaker), expected);
        let classifier = layer.clone().classifier(ServerErrors);
        assert_eq!(outcome(status, &classifier, &breaker), expected);
    }
}

// === Answers ===

#[test]
fn on_reject_answers_and_the_error_type_needs_no_room() {
    let breaker = one_failure();
    trip(&breaker);
    let mut service = CircuitBreakerLayer::new(breaker)
        .on_reject(|open| Ok(open.name()))
        .layer(service_fn(async |()| Ok::<_, Infallible>("")));
    assert_eq!(
        assert_ready_ok!(task::spawn(service.call(())).poll()),
        "test"
    );
}

#[test]
fn fallback_answers_with_the_request_in_hand() {
    let breaker = one_failure();
    trip(&breaker);
    let mut service = CircuitBreakerLayer::new(breaker)
        .fallback(|_, key: String| Ok(format!("{key} from the cache")))
        .layer(service_fn(async |_: String| {
            Ok::<_, Infallible>(String::new())
        }));
    let answer = assert_ready_ok!(task::spawn(service.call("run 7".into())).poll());
    assert_eq!(answer, "run 7 from the cache");
}

#[test]
fn the_layer_applied_twice_shares_one_state() {
    // axum applies a layer once a connection.
    let layer = CircuitBreakerLayer::new(one_failure());
    let mut a = layer.layer(service_fn(async |()| Err::<(), BoxError>("down".into())));
    let mut b = layer.layer(works());
    assert_ready_ok!(task::spawn(()).enter(|cx, _| a.poll_ready(cx)));
    assert_ready_err!(task::spawn(a.call(())).poll());
    assert_ready_ok!(task::spawn(()).enter(|cx, _| b.poll_ready(cx)));
    let error = assert_ready_err!(task::spawn(b.call(())).poll());
    assert!(Open::find(error.as_ref()).is_some());
}

#[test]
fn two_breakers_of_one_builder_are_isolated() {
    let builder = CircuitBreaker::builder().consecutive_failures(1);
    let (a, b) = (builder.build("a").unwrap(), builder.build("b").unwrap());
    trip(&a);
    assert!(b.try_acquire().is_ok());
}

#[test]
fn find_walks_boxes_io_errors_and_sources() {
    #[derive(Debug, thiserror::Error)]
    enum StoreError {
        #[error("left alone")]
        Open(#[from] Open),
    }
    let breaker = one_failure();
    trip(&breaker);
    let open = breaker.try_acquire().unwrap_err();
    let chained: BoxError = Box::new(StoreError::from(open.clone()));
    let wrapped: BoxError = std::io::Error::other(StoreError::from(open.clone())).into();
    assert_eq!(Open::find(chained.as_ref()), Some(&open));
    assert_eq!(Open::find(wrapped.as_ref()), Some(&open));
    assert_eq!(Open::find(&open), Some(&open));
    assert_eq!(Open::find(&fmt::Error), None);
    assert_eq!(Open::find(&std::io::Error::from_raw_os_error(2)), None);
}

#[test]
fn find_does_not_see_through_a_transparent_variant() {
    #[derive(Debug, thiserror::Error)]
    enum StoreError {
        #[error(transparent)]
        Open(#[from] Open),
    }
    let breaker = one_failure();
    trip(&breaker);
    let error = StoreError::from(breaker.try_acquire().unwrap_err());
    assert_eq!(Open::find(&error), None);
    assert!(MayReject::is_rejection(&error), "other layers still see it");
}

// === Configuration, statics, types ===

#[test]
fn what_could_never_work_is_refused() {
    use InvalidConfigKind as Kind;

    let builder = CircuitBreaker::builder();
    let refused = [
        (builder.failure_ratio(0.0), Kind::FailureRatio(0.0)),
        (builder.failure_ratio(-0.5), Kind::FailureRatio(-0.5)),
        (builder.failure_ratio(1.1), Kind::FailureRatio(1.1)),
        (
            builder.failure_ratio(f64::NAN),
            Kind::FailureRatio(f64::NAN),
        ),
        (builder.failure_ratio(1e-12), Kind::FailureRatio(1e-12)),
        (
            builder.slow_ratio(1.5).slow_after(WAIT),
            Kind::SlowRatio(1.5),
        ),
        (builder.slow_ratio(0.5), Kind::SlowAfter),
        (builder.slow_after(Duration::ZERO), Kind::SlowAfter),
        (builder.on_cancel(OnCancel::FailureIfSlow), Kind::SlowAfter),
        (
            builder.consecutive_failures(0),
            Kind::ConsecutiveFailures(0),
        ),
        (
            builder.consecutive_failures(1 << 29),
            Kind::ConsecutiveFailures(1 << 29),
        ),
        (builder.window(Window::time(Duration::ZERO)), Kind::Window),
        (builder.window(Window::calls(0)), Kind::Window),
        (builder.window(Window::calls(1_025)), Kind::Window),
        (
            builder.window(Window::calls(10)).minimum_calls(11),
            Kind::MinimumCalls(11),
        ),
        (builder.minimum_calls(0), Kind::MinimumCalls(0)),
        (builder.minimum_calls(500_001), Kind::MinimumCalls(500_001)),
        (
            builder.wait_in_open(Wait::fixed(Duration::ZERO)),
            Kind::WaitInOpen,
        ),
        (
            builder.wait_in_open(Wait::exponential(WAIT, Duration::from_secs(1))),
            Kind::WaitInOpen,
        ),
        (
            builder.wait_in_open(Wait::fixed(WAIT).jitter(1.5)),
            Kind::WaitInOpen,
        ),
        (builder.probes(Probes::results(0)), Kind::Probes),
        (builder.probes(Probes::results(4_096)), Kind::Probes),
        (builder.probes(Probes::successes(0, 3)), Kind::Probes),
        (builder.probes(Probes::successes(4, 3)), Kind::Probes),
        (
            builder.probes(Probes::results(20).in_flight(0)),
            Kind::Probes,
        ),
        (
            builder.probes(Probes::results(20).in_flight(17)),
            Kind::Probes,
        ),
        (builder.probe_deadline(Duration::ZERO), Kind::ProbeDeadline),
    ];
    for (builder, problem) in refused {
        let refused = builder.build("refused").unwrap_err().kind();
        let checked = builder.check().unwrap_err().kind();
        // By their text, as a NaN is not equal to itself.
        assert_eq!(format!("{refused:?}"), format!("{problem:?}"));
        assert_eq!(format!("{checked:?}"), format!("{problem:?}"));
        assert!(!refused.to_string().is_empty());
    }
    let refused = builder.failure_ratio(1.5).build("refused").unwrap_err();
    assert!(refused.to_string().ends_with("(found 1.5)"), "{refused}");
}

#[test]
fn an_error_of_a_named_breaker_begins_with_its_name() {
    let (good, bad) = (
        CircuitBreaker::builder(),
        CircuitBreaker::builder().probes(0),
    );
    for (name, result) in [
        ("built", bad.build("built").map(drop)),
        ("owned", bad.build("owned".to_owned()).map(drop)),
        ("live", good.build("live").unwrap().reconfigure(bad)),
    ] {
        let refused = result.unwrap_err();
        assert_eq!(refused.name(), Some(name));
        let text = format!("circuit breaker `{name}`: {}", refused.kind());
        assert_eq!(refused.to_string(), text);
    }
    let refused = bad.build("").unwrap_err();
    assert_eq!(refused.name(), None);
    assert_eq!(refused.to_string(), refused.kind().to_string());
}

#[test]
fn a_check_accepts_what_build_accepts() {
    let builder = CircuitBreaker::builder();
    assert_eq!(builder.check(), Ok(()));
    let refused = builder.probes(0).check().unwrap_err();
    assert_eq!(refused.name(), None, "nothing has a name yet");
    assert!(builder.build("checked").is_ok());
}

#[test]
fn a_builder_refuses_an_empty_name() {
    let builder = CircuitBreaker::builder();
    let none = builder.build("").unwrap_err();
    assert_eq!(none.kind(), InvalidConfigKind::EmptyName);
    #[cfg(feature = "family")]
    {
        let none = builder.build_family::<u8>("", 1).unwrap_err();
        assert_eq!(none.kind(), InvalidConfigKind::EmptyName);
    }
    assert_eq!(CircuitBreaker::new("").name(), "");
}

#[test]
fn the_largest_values_are_legal_and_nothing_overflows() {
    let breaker = CircuitBreaker::builder()
        .failure_ratio(1.0)
        .slow_ratio(1.0)
        .slow_after(Duration::MAX)
        .consecutive_failures((1 << 29) - 1)
        .window(Window::time(Duration::MAX))
        .minimum_calls(1)
        .wait_in_open(Wait::fixed(Duration::MAX))
        .probes(Probes::results(4_095).in_flight(16))
        .probe_deadline(Duration::MAX)
        .build("largest")
        .unwrap();
    trip(&breaker);
    let open = breaker.try_acquire().unwrap_err();
    assert!(open.retry_after() > Duration::from_secs(35 * 365 * 86_400));
}

#[test]
fn a_static_breaker_is_shared_by_every_layer_made_of_it() {
    static BREAKER: StaticCircuitBreaker = CircuitBreaker::builder()
        .consecutive_failures(1)
        .build_static("static");
    let layer = CircuitBreakerLayer::new(&BREAKER);
    let mut service = layer.layer(works());
    assert_ready_ok!(task::spawn(()).enter(|cx, _| service.poll_ready(cx)));
    assert_ready_ok!(task::spawn(service.call(())).poll());
    BREAKER.try_acquire().unwrap().failure();
    assert_ready_ok!(task::spawn(()).enter(|cx, _| service.poll_ready(cx)));
    assert_ready_err!(task::spawn(service.call(())).poll());
    assert_eq!((BREAKER.name(), BREAKER.state()), ("static", State::Open));
}

#[test]
fn threads_that_fail_all_at_once_open_it_once() {
    let breaker = CircuitBreaker::builder()
        .failure_ratio(0.5)
        .minimum_calls(1_000)
        .window(Window::time(Duration::from_secs(3_600)))
        .wait_in_open(Wait::fixed(Duration::from_secs(3_600)))
        .build("threads")
        .unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1_000 {
                    if let Ok(call) = breaker.try_acquire() {
                        call.failure();
                    }
                }
            });
        }
    });
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.state(), snapshot.generation()), (State::Open, 1));
}

#[test]
fn the_last_calls_stay_exact_however_many_threads_record() {
    let breaker = CircuitBreaker::builder()
        .failure_ratio(1.0)
        .window(Window::calls(100))
        .build("threads")
        .unwrap();
    breaker.try_acquire().unwrap().success();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for n in 0..5_000 {
                    let call = breaker.try_acquire().expect("not all fail");
                    if n % 4 == 0 {
                        call.failure();
                    } else {
                        call.success();
                    }
                }
            });
        }
    });
    assert_eq!(breaker.snapshot().calls(), 100);
    // As many as are counted are there to leave.
    for _ in 0..100 {
        breaker.try_acquire().unwrap().success();
    }
    assert_eq!(breaker.snapshot().failures(), 0);
    breaker.try_acquire().unwrap().failure();
    assert_eq!(breaker.snapshot().failures(), 1);
}

#[test]
fn no_call_is_lost_from_the_window_however_many_threads_record() {
    let breaker = CircuitBreaker::builder()
        .failure_ratio(1.0)
        .window(Window::time(Duration::from_secs(3_600)))
        .build("threads")
        .unwrap();
    breaker.try_acquire().unwrap().success();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for n in 0..5_000 {
                    let call = breaker.try_acquire().expect("not all fail");
                    if n % 4 == 0 {
                        call.failure();
                    } else {
                        call.success();
                    }
                }
            });
        }
    });
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.calls(), snapshot.failures()), (20_001, 5_000));
}

type Inner = tower::util::ServiceFn<fn(Cell<u8>) -> std::future::Ready<Result<(), BoxError>>>;
assert_impl_all!(CircuitBreaker: Clone, Send, Sync, Unpin, fmt::Debug);
assert_impl_all!(StaticCircuitBreaker: Send, Sync, fmt::Debug);
assert_impl_all!(CircuitBreakerLayer: Clone, Send, Sync, Unpin, fmt::Debug);
// A request that is not `Sync` costs neither stack nor future anything.
assert_impl_all!(CircuitBreakerService<Inner>: Clone, Send, Sync, Service<Cell<u8>>);
assert_impl_all!(ResponseFuture<std::future::Ready<Result<Cell<u8>, BoxError>>>: Send, Unpin);
assert_impl_all!(Open: Clone, PartialEq, Error, Send, Sync);
assert_impl_all!(Snapshot: Clone, PartialEq, Send, Sync);
assert_impl_all!(Call: Send, Sync, fmt::Debug);
assert_not_impl_any!(Call: Clone);

#[test]
fn sizes_stay_what_they_are() {
    type Inner = std::future::Ready<Result<[u64; 2], Infallible>>;
    type Shared = ResponseFuture<Inner>;
    type Static = ResponseFuture<Inner, ErrIsFailure, &'static Core>;
    // The pointer, and as what the call was admitted; with metrics, when as well.
    let watched = cfg!(feature = "metrics");
    assert_eq!(size_of::<Call>(), if watched { 40 } else { 24 });
    assert_eq!(size_of::<Open>(), 40);
    // Else every healthy call pays for the drop of its error type.
    assert!(!std::mem::needs_drop::<Open>());
    assert_eq!(size_of::<Shared>(), size_of::<Inner>() + size_of::<Call>());
    assert_eq!(size_of::<Static>(), size_of::<Shared>());
    // The state, the numbers, three probes and the queue of waiting calls; in a family the key and the listeners. The window
    // is an allocation beside it.
    let family = if cfg!(feature = "family") { 48 } else { 0 };
    assert!(
        watched || size_of::<Core>() == 480 + family,
        "{}",
        size_of::<Core>()
    );
}

#[test]
fn a_capture_that_is_not_clone_goes_behind_an_arc_in_one_line() {
    // (Of a struct, a closure would capture the field alone.)
    let marker = std::sync::atomic::AtomicU16::new(503);
    let failed = Arc::new(
        move |r: &Result<u16, BoxError>| matches!(r, Ok(s) if *s == marker.load(std::sync::atomic::Ordering::SeqCst)),
    );
    let breaker = one_failure();
    let mut service = CircuitBreakerLayer::new(breaker.clone())
        .failure_if(move |r| failed(r))
        .layer(service_fn(async |status: u16| Ok::<_, BoxError>(status)));
    assert_ready_ok!(task::spawn(()).enter(|cx, _| service.poll_ready(cx)));
    assert_ready_ok!(task::spawn(service.call(503)).poll());
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn an_owned_name_is_the_name_of_errors() {
    let breaker = CircuitBreaker::builder()
        .consecutive_failures(1)
        .build(String::from("from a file"))
        .unwrap();
    breaker.try_acquire().unwrap().failure();
    assert_eq!(breaker.try_acquire().unwrap_err().name(), "from a file");
    assert_eq!(
        CircuitBreaker::new(Box::from("boxed") as Box<str>).name(),
        "boxed"
    );
}

#[test]
fn short_forms_are_the_named_constructors() {
    let second = Duration::from_secs(1);
    let builder = CircuitBreaker::builder();
    let pairs = [
        (builder.window(100), builder.window(Window::calls(100))),
        (builder.window(second), builder.window(Window::time(second))),
        (
            builder.wait_in_open(second),
            builder.wait_in_open(Wait::fixed(second)),
        ),
        (builder.probes(5), builder.probes(Probes::results(5))),
        (builder.ramp(second), builder.ramp(Ramp::new(second))),
    ];
    for (short, named) in pairs {
        assert_eq!(short, named);
        assert_ne!(short, builder);
    }
}

#[test]
fn the_const_setters_configure_a_static() {
    const BUILDER: maestro_circuit_breaker::Builder = CircuitBreaker::builder()
        .const_window(Window::calls(10))
        .const_wait_in_open(Wait::fixed(Duration::from_secs(1)))
        .const_probes(Probes::one())
        .const_ramp(Ramp::new(Duration::from_secs(1)));
    let same = CircuitBreaker::builder()
        .window(10)
        .wait_in_open(Duration::from_secs(1))
        .probes(1)
        .ramp(Duration::from_secs(1));
    assert_eq!(BUILDER, same);
}

// A static breaker has no window before it needs one.
#[tokio::test(start_paused = true)]
async fn a_static_breaker_counts_from_its_first_call_in_any_state() {
    static FRESH: StaticCircuitBreaker = windowed(200).build_static("fresh");
    static USED: StaticCircuitBreaker = windowed(200).build_static("used");
    static CHANGED: StaticCircuitBreaker = CircuitBreaker::builder()
        .consecutive_failures(9)
        .build_static("changed");
    let by = || Override::new("op", "test");
    assert_eq!(FRESH.snapshot().calls(), 0);
    USED.force_open(by());
    USED.resume(by());
    CHANGED.reconfigure(windowed(200)).unwrap();
    for breaker in [&FRESH, &USED, &CHANGED] {
        // More calls than the first allocation has room for.
        for _ in 0..150 {
            breaker.try_acquire().unwrap().success();
        }
        breaker.try_acquire().unwrap().failure();
        let snapshot = breaker.snapshot();
        assert_eq!((snapshot.calls(), snapshot.failures()), (151, 1));
        // The probes as well.
        breaker.trip(by());
    }
    advance(WAIT).await;
    for breaker in [&FRESH, &USED, &CHANGED] {
        let probes: Vec<_> = (0..16).map(|_| breaker.try_acquire().unwrap()).collect();
        assert!(breaker.try_acquire().is_err());
        probes.into_iter().for_each(Call::success);
        assert_eq!(breaker.state(), State::Closed);
    }
}

const fn windowed(calls: u32) -> maestro_circuit_breaker::Builder {
    CircuitBreaker::builder()
        .failure_ratio(1.0)
        .const_window(Window::calls(calls))
        .const_wait_in_open(Wait::fixed(WAIT))
        .const_probes(Probes::results(16))
}
