//! What tower and the documentation promise, over mocked services.

use std::{
    cell::Cell,
    convert::Infallible,
    error::Error,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use maestro_bulkhead::{
    Aimd, Bulkhead, BulkheadLayer, BulkheadService, Full, InvalidConfigKind, Outcome, Override,
    Permit, StaticBulkhead, future::ResponseFuture,
};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};
use tower::{BoxError, Layer, Service, service_fn};
use tower_test::mock;

fn one_place() -> Bulkhead {
    Bulkhead::builder()
        .limit(1)
        .build("test")
        .expect("a limit of 1 is legal")
}

// === Readiness ===

#[test]
fn readiness_is_the_inner_services() {
    let (mut service, mut handle) = mock::spawn_layer::<(), (), _>(BulkheadLayer::new(one_place()));
    handle.allow(0);
    assert_pending!(service.poll_ready());
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
}

#[test]
fn a_readiness_error_passes_through_without_a_place() {
    let bulkhead = one_place();
    let (mut service, mut handle) =
        mock::spawn_layer::<(), (), _>(BulkheadLayer::new(bulkhead.clone()));
    handle.send_error("connect failed");
    assert_eq!(
        assert_ready_err!(service.poll_ready()).to_string(),
        "connect failed"
    );
    assert_eq!(bulkhead.in_flight(), 0);
}

#[test]
fn a_ready_service_dropped_without_a_call_holds_nothing() {
    let bulkhead = one_place();
    let (mut service, _handle) =
        mock::spawn_layer::<(), (), _>(BulkheadLayer::new(bulkhead.clone()));
    assert_ready_ok!(service.poll_ready());
    assert_eq!(
        bulkhead.in_flight(),
        0,
        "an idle, ready clone owns no place"
    );
    drop(service);
    assert!(bulkhead.try_acquire().is_ok());
}

#[test]
fn an_inner_service_that_is_not_ready_is_not_called() {
    // The clone that is polled ready is the instance that is called: the mock panics otherwise.
    let (service, mut handle) = mock::pair::<&str, &str>();
    let mut first = BulkheadLayer::new(one_place()).layer(service);
    let _idle = first.clone();
    let mut ready = task::spawn(());
    assert_ready_ok!(ready.enter(|cx, _| first.poll_ready(cx)));
    let mut call = task::spawn(first.call("hello"));
    assert_pending!(call.poll());
    let (request, respond) = assert_ready!(task::spawn(handle.next_request()).poll()).unwrap();
    respond.send_response("world");
    assert_eq!((request, assert_ready_ok!(call.poll())), ("hello", "world"));
}

// === The place ===

#[test]
fn a_full_bulkhead_refuses_without_an_inner_call() {
    let bulkhead = one_place();
    let (mut service, mut handle) =
        mock::spawn_layer::<u32, u32, _>(BulkheadLayer::new(bulkhead.clone()));
    assert_ready_ok!(service.poll_ready());
    let mut first = task::spawn(service.call(1));
    let mut second = task::spawn({
        assert_ready_ok!(service.poll_ready());
        service.call(2)
    });
    let error = assert_ready_err!(second.poll());
    let full = Full::find(error.as_ref()).expect("it says who refused");
    assert_eq!(
        (full.name(), full.limit(), full.in_flight()),
        ("test", 1, 1)
    );

    let (request, respond) = assert_ready!(task::spawn(handle.next_request()).poll()).unwrap();
    assert_eq!(request, 1);
    assert_pending!(task::spawn(handle.next_request()).poll());
    respond.send_response(10);
    assert_eq!(assert_ready_ok!(first.poll()), 10);
}

#[test]
fn a_finished_call_gives_its_place_back_at_once() {
    let bulkhead = one_place();
    let mut service =
        BulkheadLayer::new(bulkhead.clone()).layer(service_fn(async |()| Ok::<_, BoxError>(())));
    let mut call = task::spawn(service.call(()));
    assert_eq!(
        bulkhead.in_flight(),
        1,
        "from `call`, before the first poll"
    );
    assert_ready_ok!(call.poll());
    assert_eq!(bulkhead.in_flight(), 0);
}

#[test]
fn the_inner_call_is_dropped_before_its_place_is_free() {
    struct Connection(Bulkhead);
    impl Drop for Connection {
        fn drop(&mut self) {
            assert_eq!(
                self.0.in_flight(),
                1,
                "the connection goes back while the place is taken"
            );
        }
    }
    let bulkhead = one_place();
    let inner = bulkhead.clone();
    let mut service = BulkheadLayer::new(bulkhead.clone()).layer(service_fn(move |wait: bool| {
        let connection = Connection(inner.clone());
        async move {
            let connection = connection;
            if wait {
                std::future::pending::<()>().await;
            }
            drop(connection);
            Ok::<_, BoxError>(())
        }
    }));
    assert_ready_ok!(task::spawn(service.call(false)).poll());
    let mut cancelled = task::spawn(service.call(true));
    assert_pending!(cancelled.poll());
    drop(cancelled);
    assert_eq!(bulkhead.in_flight(), 0);
}

#[test]
fn a_dropped_call_gives_its_place_back() {
    let bulkhead = one_place();
    let (mut service, _handle) =
        mock::spawn_layer::<(), (), _>(BulkheadLayer::new(bulkhead.clone()));
    assert_ready_ok!(service.poll_ready());
    let mut polled = task::spawn(service.call(()));
    assert_pending!(polled.poll());
    assert_eq!(bulkhead.in_flight(), 1);
    drop(polled);
    assert_ready_ok!(service.poll_ready());
    drop(service.call(()));
    assert_eq!(bulkhead.in_flight(), 0, "also one that was never polled");
}

#[test]
fn a_panic_in_the_call_gives_the_place_back() {
    let bulkhead = one_place();
    let layer = BulkheadLayer::new(bulkhead.clone());

    let mut at_once = layer.layer(service_fn(
        |()| -> std::future::Ready<Result<(), BoxError>> { panic!("in call") },
    ));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(at_once.call(())))).is_err());
    assert_eq!(bulkhead.in_flight(), 0);

    let mut polled = layer.layer(service_fn(async |()| -> Result<(), BoxError> {
        panic!("in poll")
    }));
    let caught = catch_unwind(AssertUnwindSafe(|| {
        task::spawn(polled.call(())).poll().is_ready()
    }));
    assert!(caught.is_err());
    assert_eq!(bulkhead.in_flight(), 0);
}

#[test]
fn a_panicking_classifier_gives_the_place_back() {
    let bulkhead = one_place();
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .classify(|_| panic!("in the classifier"))
        .layer(service_fn(async |()| Ok::<_, BoxError>(())));
    let caught = catch_unwind(AssertUnwindSafe(|| {
        task::spawn(service.call(())).poll().is_ready()
    }));
    assert!(caught.is_err());
    assert_eq!(bulkhead.in_flight(), 0);
}

#[test]
fn the_layer_applied_twice_shares_one_cap() {
    // axum applies a layer once a connection.
    let layer = BulkheadLayer::new(one_place());
    let pending = || service_fn(|()| std::future::pending::<Result<(), BoxError>>());
    let (mut a, mut b) = (layer.layer(pending()), layer.layer(pending()));
    let _held = a.call(());
    assert_ready_err!(task::spawn(b.call(())).poll());
}

#[test]
fn two_bulkheads_of_one_builder_are_isolated() {
    let builder = Bulkhead::builder().limit(1);
    let (a, b) = (builder.build("a").unwrap(), builder.build("b").unwrap());
    let _held = a.try_acquire().unwrap();
    assert!(a.try_acquire().is_err());
    assert!(b.try_acquire().is_ok());
}

#[test]
fn it_needs_no_runtime_and_no_timer() {
    // This whole file runs without a runtime. Here the refusal does too.
    let bulkhead = one_place();
    let _held = bulkhead.try_acquire().unwrap();
    let mut service =
        BulkheadLayer::new(bulkhead).layer(service_fn(async |()| Ok::<_, BoxError>(())));
    assert_ready_err!(task::spawn(service.call(())).poll());
}

// === Answers and outcomes ===

#[test]
fn on_reject_answers_without_room_in_the_error() {
    let bulkhead = one_place();
    let _held = bulkhead.try_acquire().unwrap();
    let mut service = BulkheadLayer::new(bulkhead)
        .on_reject(|full| Ok(full.limit()))
        .layer(service_fn(async |()| Ok::<usize, Infallible>(0)));
    assert_eq!(assert_ready_ok!(task::spawn(service.call(())).poll()), 1);
}

#[test]
fn fallback_gets_the_request() {
    let bulkhead = one_place();
    let _held = bulkhead.try_acquire().unwrap();
    let mut service = BulkheadLayer::new(bulkhead)
        .fallback(|_, key: String| Ok(format!("{key} from the cache")))
        .layer(service_fn(async |_: String| {
            Ok::<_, Infallible>(String::new())
        }));
    let answer = assert_ready_ok!(task::spawn(service.call("run 7".into())).poll());
    assert_eq!(answer, "run 7 from the cache");
}

#[test]
fn the_classifier_sees_results_but_no_refusals() {
    let bulkhead = one_place();
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .overload_if(|r: &Result<u16, BoxError>| matches!(r, Ok(503)))
        .layer(service_fn(async |status: u16| Ok::<_, BoxError>(status)));
    for status in [200, 503, 503] {
        assert_eq!(
            assert_ready_ok!(task::spawn(service.call(status)).poll()),
            status
        );
    }
    assert_eq!(bulkhead.overloads(), 2);
    let _held = bulkhead.try_acquire().unwrap();
    assert_ready_err!(task::spawn(service.call(503)).poll());
    assert_eq!(bulkhead.overloads(), 2);
}

#[test]
fn capture_without_clone_goes_behind_an_arc() {
    struct Marker(u16);
    let marker = Marker(503);
    let overloaded =
        Arc::new(move |r: &Result<u16, BoxError>| matches!(r, Ok(s) if *s == marker.0));
    let bulkhead = one_place();
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .overload_if(move |r| overloaded(r))
        .layer(service_fn(async |status: u16| Ok::<_, BoxError>(status)));
    assert_ready_ok!(task::spawn(service.call(503)).poll());
    assert_eq!(bulkhead.overloads(), 1);
}

#[test]
fn a_permit_reports_once_and_gives_its_place_back() {
    let bulkhead = one_place();
    bulkhead.try_acquire().unwrap().success();
    bulkhead.try_acquire().unwrap().ignore();
    bulkhead.try_acquire().unwrap().overload();
    bulkhead.try_acquire().unwrap().finish(Outcome::Overload);
    assert_eq!((bulkhead.in_flight(), bulkhead.overloads()), (0, 2));
}

#[test]
fn find_walks_boxes_io_errors_and_sources() {
    #[derive(Debug, thiserror::Error)]
    enum StoreError {
        #[error("no room")]
        Full(#[from] Full),
    }
    let bulkhead = one_place();
    let _held = bulkhead.try_acquire().unwrap();
    let full = bulkhead.try_acquire().unwrap_err();
    let chained: BoxError = Box::new(StoreError::from(full.clone()));
    let wrapped: BoxError = std::io::Error::other(StoreError::from(full.clone())).into();
    assert_eq!(Full::find(chained.as_ref()), Some(&full));
    assert_eq!(Full::find(wrapped.as_ref()), Some(&full));
    assert_eq!(Full::find(&full), Some(&full));
    assert_eq!(Full::find(&fmt::Error), None);
    assert_eq!(Full::find(&std::io::Error::from_raw_os_error(2)), None);
}

#[test]
fn a_refusal_reads_as_a_sentence() {
    let bulkhead = one_place();
    let _held = bulkhead.try_acquire().unwrap();
    let full = bulkhead.try_acquire().unwrap_err();
    assert_eq!(
        full.to_string(),
        "bulkhead `test` is full: 1 call in flight of at most 1"
    );
    assert_eq!(
        format!("{full:?}"),
        "Full { name: \"test\", key: None, cause: AtLimit, limit: 1, in_flight: 1, queued: 0, waited: 0ns, places: None, retry_after: Some(1s) }"
    );
}

// === Configuration, statics, types ===

#[test]
fn zero_is_refused_and_the_largest_limit_is_legal() {
    assert_eq!(
        Bulkhead::builder()
            .limit(0)
            .build("none")
            .unwrap_err()
            .kind(),
        InvalidConfigKind::ZeroLimit
    );
    assert_eq!(
        Bulkhead::builder().build("").unwrap_err().kind(),
        InvalidConfigKind::EmptyName
    );
    let all = Bulkhead::builder().limit(usize::MAX).build("all").unwrap();
    assert_eq!(all.try_acquire().map(|_| all.limit()).unwrap(), usize::MAX);
    drop(all.close());
    assert_eq!(
        all.try_acquire().unwrap_err().to_string(),
        "bulkhead `all` is closed: 0 calls in flight"
    );
}

#[test]
fn layers_of_a_static_bulkhead_share_it() {
    static BULKHEAD: StaticBulkhead = Bulkhead::builder().limit(1).build_static("static");
    let layer = BulkheadLayer::new(&BULKHEAD);
    let mut service = layer.layer(service_fn(async |()| Ok::<_, BoxError>(())));
    {
        let _held = BULKHEAD.try_acquire().unwrap();
        assert_ready_err!(task::spawn(service.call(())).poll());
    }
    assert_ready_ok!(task::spawn(service.call(())).poll());
    assert_eq!((BULKHEAD.name(), BULKHEAD.in_flight()), ("static", 0));
}

#[test]
fn threads_never_exceed_the_limit() {
    let bulkhead = Bulkhead::builder().limit(3).build("hammered").unwrap();
    let (inside, served) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5_000 {
                    if let Ok(_permit) = bulkhead.try_acquire() {
                        assert!(inside.fetch_add(1, SeqCst) < 3);
                        inside.fetch_sub(1, SeqCst);
                        served.fetch_add(1, SeqCst);
                    }
                }
            });
        }
    });
    assert_eq!(bulkhead.in_flight(), 0);
    assert!(
        served.into_inner() >= 5_000,
        "a lone caller always finds room"
    );
}

type Inner = tower::util::ServiceFn<fn(Cell<u8>) -> std::future::Ready<Result<(), BoxError>>>;
assert_impl_all!(Bulkhead: Clone, Send, Sync, Unpin, fmt::Debug);
assert_impl_all!(BulkheadLayer: Clone, Send, Sync, Unpin, fmt::Debug);
// A request that is not `Sync` takes no auto trait from the stack or the future.
assert_impl_all!(BulkheadService<Inner>: Clone, Send, Sync, Service<Cell<u8>>);
assert_impl_all!(ResponseFuture<std::future::Ready<Result<Cell<u8>, BoxError>>>: Send, Unpin);
assert_impl_all!(Full: Clone, PartialEq, Error, Send, Sync);
assert_impl_all!(Permit: Send, Sync, fmt::Debug);
assert_not_impl_any!(Permit: Clone);

#[test]
fn sizes_stay_what_they_are() {
    type Inner = std::future::Ready<Result<[u64; 2], Infallible>>;
    type Shared = ResponseFuture<Inner>;
    type Static =
        ResponseFuture<Inner, maestro_bulkhead::OkIsSuccess, &'static maestro_bulkhead::Core>;
    assert_eq!(size_of::<Permit>(), size_of::<usize>());
    assert_eq!(size_of::<Full>(), 4 * size_of::<usize>());
    // The inner future, and one word for the permit.
    assert_eq!(size_of::<Shared>(), size_of::<Inner>() + size_of::<usize>());
    assert_eq!(size_of::<Static>(), size_of::<Shared>());
}

#[test]
fn a_refusal_says_when_to_come_back() {
    let seconds = |full: &Full| full.retry_after().map(|after| after.as_secs());
    let builder = Bulkhead::builder().limit(1);
    let bulkhead = builder.build("test").unwrap();
    let _held = bulkhead.try_acquire().unwrap();
    assert_eq!(seconds(&bulkhead.try_acquire().unwrap_err()), Some(1));
    for (millis, rounded) in [(1, 1), (1_001, 2), (255_000, 255)] {
        let builder = builder.retry_after(Duration::from_millis(millis));
        bulkhead.reconfigure(builder).unwrap();
        let full = bulkhead.try_acquire().unwrap_err();
        assert_eq!((seconds(&full), full.queued()), (Some(rounded), 0));
    }
    let two = std::num::NonZeroU32::new(2).unwrap();
    let heavy = bulkhead.try_acquire_many(two).unwrap_err();
    assert_eq!(seconds(&heavy), None, "it never fits");
    drop(bulkhead.close());
    assert_eq!(seconds(&bulkhead.try_acquire().unwrap_err()), None);
    for time in [
        Duration::ZERO,
        Duration::from_millis(255_001),
        Duration::MAX,
    ] {
        let refused = builder.retry_after(time).build("test").unwrap_err();
        assert_eq!(refused.kind(), InvalidConfigKind::RetryAfter(time));
    }
    let refused = builder.body_idle(Duration::ZERO).build("test").unwrap_err();
    assert_eq!(refused.kind(), InvalidConfigKind::BodyIdle);
}

#[test]
fn check_refuses_what_build_refuses() {
    let builder = Bulkhead::builder();
    assert_eq!(builder.check(), Ok(()));
    for wrong in [
        builder.limit(0),
        builder.retry_after(Duration::ZERO),
        builder.body_idle(Duration::ZERO),
    ] {
        let (checked, built) = (wrong.check().unwrap_err(), wrong.build("db").unwrap_err());
        assert_eq!(checked.kind(), built.kind());
        assert_eq!((checked.name(), built.name()), (None, Some("db")));
        assert_eq!(built.to_string(), format!("bulkhead `db`: {checked}"));
    }
}

#[test]
fn a_refused_change_names_the_bulkhead() {
    let builder = Bulkhead::builder();
    let bulkhead = builder.build("db").unwrap();
    let by = Override::new("maria", "failover");
    let adaptive = builder.build_adaptive("db", Aimd::new()).unwrap();
    for refused in [
        bulkhead.reconfigure(builder.limit(0)),
        bulkhead.set_limit(0),
        bulkhead.force_limit(0, by),
        adaptive.set_law(Aimd::new().step(0)),
        builder.build_adaptive("db", Aimd::new().step(0)).map(drop),
    ] {
        assert_eq!(refused.unwrap_err().name(), Some("db"));
    }
    let unnamed = builder.build("").unwrap_err();
    assert_eq!(unnamed.name(), None);
    assert!(unnamed.to_string().starts_with("the name is empty"));
}

#[test]
fn a_name_may_be_an_owned_string() {
    let name = format!("{}-{}", "postgres", 7);
    let pool = Bulkhead::builder().limit(1).build(name.clone()).unwrap();
    let _held = pool.try_acquire().unwrap();
    assert_eq!(pool.try_acquire().unwrap_err().name(), "postgres-7");
    let again = Bulkhead::builder().build(name).unwrap();
    assert!(std::ptr::eq(pool.name(), again.name()));
    let empty = Bulkhead::builder().build(String::new()).unwrap_err();
    assert_eq!(empty.kind(), InvalidConfigKind::EmptyName);
}
