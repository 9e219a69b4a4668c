//! What no mocked service shows: the order of drops, and the counts of calls that are dropped.

use std::{
    cell::Cell,
    future::{Future, ready},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use tokio_test::{assert_ready, assert_ready_ok, task};
use tower::{Layer, Service, ServiceExt, service_fn};

use super::FallbackLayer;

/// The number of connections in use.
#[derive(Clone, Default)]
struct Pool(Rc<Cell<u32>>);

struct Connection(Pool);

impl Pool {
    fn connect(&self) -> Connection {
        self.0.set(self.0.get() + 1);
        Connection(self.clone())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let pool = &self.0.0;
        pool.set(pool.get() - 1);
    }
}

/// A future that holds its connection until it is dropped, and fails at once.
struct Fails<E>(#[expect(dead_code, reason = "held")] Connection, Option<E>);

impl<E: Unpin> Future for Fails<E> {
    type Output = Result<u32, E>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Err(self.1.take().expect("polled once")))
    }
}

#[test]
fn failed_call_is_dropped_before_the_answer_begins() {
    let pool = Pool::default();
    let (inner, seen) = (pool.clone(), pool.clone());
    let service = service_fn(move |()| Fails(inner.connect(), Some("lost")));
    let layer = FallbackLayer::new(move |(), _| ready(Ok(seen.0.get())));
    let mut call = task::spawn(layer.layer(service).oneshot(()));
    assert_eq!(assert_ready_ok!(call.poll()), 0, "connections in use");
}

#[test]
fn failed_result_is_dropped_before_the_answer_begins() {
    let pool = Pool::default();
    let (inner, seen) = (pool.clone(), pool.clone());
    // An error that holds a connection.
    let service = service_fn(move |()| ready(Err::<u32, _>(inner.connect())));
    let layer = FallbackLayer::new(move |(), _| {
        let seen = seen.clone();
        async move { Ok(seen.0.get()) }
    });
    let mut call = task::spawn(layer.layer(service).oneshot(()));
    let answer = assert_ready!(call.poll()).map_err(drop);
    assert_eq!(answer, Ok(0), "connections in use");
}

#[test]
fn readiness_error_does_not_pass_through() {
    /// Never ready, and never called.
    #[derive(Clone)]
    struct Broken;

    impl Service<()> for Broken {
        type Response = u32;
        type Error = &'static str;
        type Future = std::future::Pending<Result<u32, &'static str>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            Poll::Ready(Err("connect failed"))
        }

        fn call(&mut self, (): ()) -> Self::Future {
            unreachable!("it was never ready")
        }
    }

    let service = FallbackLayer::new(async |(), _| Ok(7)).layer(Broken);
    assert_eq!(assert_ready_ok!(task::spawn(service.oneshot(())).poll()), 7);
}

#[cfg(feature = "metrics")]
#[test]
fn each_failed_call_is_counted_once_by_how_it_ended() {
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    };

    use metrics::{
        Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    };

    /// The counters in the order of their registration.
    #[derive(Default)]
    struct Counters([Arc<AtomicU64>; 4], AtomicU64);

    impl Recorder for Counters {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            const RESULTS: [&str; 4] = ["answered", "failed", "cancelled", "not_repeatable"];
            assert_eq!(key.name(), "maestro_retry_fallbacks_total");
            let labels = key.labels().map(|label| (label.key(), label.value()));
            let n = usize::try_from(self.1.fetch_add(1, SeqCst)).expect("a few");
            assert!(labels.eq([("name", "store"), ("result", RESULTS[n])]));
            Counter::from_arc(Arc::clone(&self.0[n]))
        }
        fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::noop()
        }
        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }

    type Answer = Pin<Box<dyn Future<Output = Result<u32, u32>>>>;

    let answer = |n: u32, _: Result<u32, u32>| -> Answer {
        match n {
            1 => Box::pin(ready(Ok(1))),
            2 => Box::pin(ready(Err(2))),
            3 => Box::pin(ready(Ok(3))),
            4 => Box::pin(std::future::pending()),
            7 => Box::pin(ready(Err(9))),
            _ => panic!("5"),
        }
    };
    let layer = FallbackLayer::new(answer)
        .replay(|n| (*n != 6).then_some(*n))
        // An answer that is a failure, though no error, and an error that would not be answered.
        .only_if(|result| !matches!(result, Ok(0..=2) | Err(9)))
        .named("store");
    let service = layer.layer(service_fn(async |n| if n == 0 { Ok(0) } else { Err(n) }));
    let call = |n: u32| task::spawn(service.clone().oneshot(n));

    // Before there is a recorder nothing is counted, and nothing breaks.
    assert_eq!(assert_ready_ok!(call(1).poll()), 1);
    let counters = Counters::default();
    metrics::with_local_recorder(&counters, || {
        layer.resolve_metrics();
        assert_eq!(assert_ready_ok!(call(0).poll()), 0);
        assert_eq!(assert_ready_ok!(call(1).poll()), 1);
        assert_eq!(assert_ready!(call(2).poll()), Err(2));
        assert_eq!(assert_ready_ok!(call(3).poll()), 3);
        tokio_test::assert_pending!(call(4).poll());
        let mut panics = call(5);
        let poll = std::panic::AssertUnwindSafe(|| panics.poll());
        assert!(std::panic::catch_unwind(poll).is_err());
        drop(panics);
        assert_eq!(assert_ready!(call(6).poll()), Err(6));
        assert_eq!(assert_ready!(call(7).poll()), Err(9));
        drop(call(4)); // not polled: it has not failed
    });
    assert_eq!(counters.0.map(|count| count.load(SeqCst)), [1, 3, 2, 1]);
    assert_eq!(counters.1.load(SeqCst), 4, "each was registered once");
}
