//! The promises of the fallback layer, over mocked services.

use std::{
    cell::Cell,
    future::{Ready, ready},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use maestro_retry::{
    Attempt, Backoff, Classify, FallbackLayer, FallbackService, RetryErrors, RetryLayer,
    RetryPolicy, Verdict, future::FallbackFuture,
};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use tower_test::mock::{self, Handle, SendResponse};

type Failed = Result<u32, BoxError>;

fn next<T, U>(handle: &mut Handle<T, U>) -> (T, SendResponse<U>) {
    assert_ready!(task::spawn(handle.next_request()).poll()).expect("the mock is alive")
}

fn nothing_was_sent<T, U>(handle: &mut Handle<T, U>) {
    assert!(task::spawn(handle.next_request()).poll().is_pending());
}

/// Counts its copies.
struct Counted(Arc<AtomicU32>);

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, SeqCst);
        Self(Arc::clone(&self.0))
    }
}

// === What is answered ===

#[test]
fn success_passes_and_costs_one_copy() {
    let copies = Arc::new(AtomicU32::new(0));
    let layer = FallbackLayer::new(|_: Counted, _: Failed| -> Ready<Failed> {
        unreachable!("no call fails")
    });
    let (mut service, mut handle) = mock::spawn_layer::<Counted, u32, _>(layer);
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
    let mut call = task::spawn(service.call(Counted(Arc::clone(&copies))));
    assert_pending!(call.poll());
    next(&mut handle).1.send_response(7);
    assert_eq!(assert_ready_ok!(call.poll()), 7);
    assert_eq!(copies.load(SeqCst), 1);
    assert_eq!(
        Arc::strong_count(&copies),
        1,
        "the copy is dropped with the answer"
    );
}

#[test]
fn failure_is_answered_from_its_request_and_result() {
    let layer = FallbackLayer::new(async |request: u32, failed: Failed| {
        assert_eq!(failed.expect_err("it failed").to_string(), "lost");
        Ok(request * 10)
    });
    let (mut service, mut handle) = mock::spawn_layer::<u32, u32, _>(layer);
    handle.allow(2);
    for request in [7, 8] {
        assert_ready_ok!(service.poll_ready());
        let mut call = task::spawn(service.call(request));
        assert_pending!(call.poll());
        next(&mut handle).1.send_error("lost");
        assert_eq!(assert_ready_ok!(call.poll()), request * 10);
    }
}

#[test]
fn answer_may_await_another_service() {
    let (backup, mut backup_handle) = mock::pair::<u32, u32>();
    let layer = FallbackLayer::new(move |request, _| backup.clone().oneshot(request));
    let (mut service, mut handle) = mock::spawn_layer::<u32, u32, _>(layer);
    handle.allow(1);
    backup_handle.allow(0);
    assert_ready_ok!(service.poll_ready());
    let mut call = task::spawn(service.call(7));
    assert_pending!(call.poll());
    nothing_was_sent(&mut backup_handle);
    next(&mut handle).1.send_error("lost");
    assert_pending!(call.poll());

    backup_handle.allow(1);
    assert!(call.is_woken());
    assert_pending!(call.poll());
    let (request, respond) = next(&mut backup_handle);
    assert_eq!(request, 7);
    respond.send_response(70);
    assert!(call.is_woken());
    assert_eq!(assert_ready_ok!(call.poll()), 70);
}

#[test]
fn failed_backup_chooses_which_error_is_returned() {
    for (returns_first, text) in [(true, "lost"), (false, "no copy")] {
        let layer = FallbackLayer::new(move |(), failed: Failed| {
            ready(if returns_first {
                failed
            } else {
                Err("no copy".into())
            })
        });
        let service = layer.layer(service_fn(async |()| Err::<u32, BoxError>("lost".into())));
        let error = assert_ready_err!(task::spawn(service.oneshot(())).poll());
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn uncopied_request_has_no_fallback() {
    let layer = FallbackLayer::new(async |_: u32, _: Failed| Ok(0))
        .replay(|request: &u32| request.is_multiple_of(2).then_some(*request));
    let service = layer.layer(service_fn(async |_: u32| {
        Err::<u32, BoxError>("lost".into())
    }));
    assert_eq!(
        assert_ready_ok!(task::spawn(service.clone().oneshot(2)).poll()),
        0
    );
    let error = assert_ready_err!(task::spawn(service.oneshot(3)).poll());
    assert_eq!(error.to_string(), "lost");
}

#[test]
fn chosen_results_are_answered_and_no_others() {
    let layer = FallbackLayer::new(async |_: u32, _| Ok(0))
        .only_if(|result| matches!(result, Ok(503) | Err("lost")));
    let service = layer.layer(service_fn(async |n: u32| match n {
        0 => Err("lost"),
        1 => Err("no such row"),
        status => Ok(status),
    }));
    let answers = [0, 1, 503, 200].map(|n| {
        let mut call = task::spawn(service.clone().oneshot(n));
        assert_ready!(call.poll())
    });
    assert_eq!(answers, [Ok(0), Err("no such row"), Ok(0), Ok(200)]);
}

#[test]
fn rejection_is_answered_by_any_classifier() {
    #[derive(Debug, thiserror::Error)]
    #[error("do not retry here")]
    struct NoRetry;

    let answer = async |(), _| Ok("cached");
    let rejects = service_fn(async |()| Err::<&str, _>(NoRetry));
    let by_default = FallbackLayer::new(answer).layer(rejects);
    assert_eq!(
        assert_ready_ok!(task::spawn(by_default.oneshot(())).poll()),
        "cached"
    );
    let as_a_policy = FallbackLayer::new(answer)
        .classifier(RetryErrors)
        .layer(rejects);
    assert_eq!(
        assert_ready_ok!(task::spawn(as_a_policy.oneshot(())).poll()),
        "cached"
    );
}

#[test]
fn fallback_around_retries_answers_once() {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let policy = RetryPolicy::builder().attempts(3).backoff(Backoff::none());
    let retries = RetryLayer::new(policy.build().expect("three are legal").unlimited());
    let store = service_fn(async |_: u32| {
        ASKED.fetch_add(1, SeqCst);
        Err::<u32, BoxError>("lost".into())
    });
    let service = FallbackLayer::new(async |n, _| Ok(n)).layer(retries.layer(store));
    assert_eq!(assert_ready_ok!(task::spawn(service.oneshot(7)).poll()), 7);
    assert_eq!(ASKED.load(SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn classifier_of_a_fallback_sees_attempt_and_time() {
    #[derive(Clone)]
    struct Slow;

    impl Classify<u32, u32, &'static str> for Slow {
        fn classify(&self, attempt: &Attempt<'_, u32>, _: &Result<u32, &str>) -> Verdict {
            assert_eq!(attempt.elapsed(), Duration::from_secs(3));
            match attempt.number() {
                1 => assert_eq!(attempt.request(), Some(&7)),
                n => assert_eq!((n, attempt.request()), (2, None)),
            }
            Verdict::Retry
        }
    }

    let layer = FallbackLayer::new(async |_, _| Ok(0)).classifier(Slow);
    let service = layer.layer(service_fn(async |n: u32| {
        tokio::time::sleep(Duration::from_secs(3)).await;
        Ok(n)
    }));
    assert_eq!(service.oneshot(7).await, Ok(0));
}

#[cfg(feature = "http")]
#[test]
fn http_failures_are_answered_and_other_statuses_pass() {
    use http::{Request, Response};
    use maestro_retry::{AttemptNumber, HttpReplay, RetryHttp};

    type Page = Result<Response<&'static str>, BoxError>;

    // The path is the status, and the header that makes a rejection is set for 200.
    let server = service_fn(async |request: Request<http_body_util::Empty<&[u8]>>| {
        let status = request.uri().path()[1..].to_owned();
        if status == "0" {
            return Err(BoxError::from("refused"));
        }
        let page = Response::builder().status(&*status);
        let page = match &*status {
            "200" => page.header("x-envoy-overloaded", "true"),
            _ => page,
        };
        Ok(page.body("first")?)
    });
    let answer = async |request: Request<_>, _: Page| {
        assert_eq!(AttemptNumber::of(&request).get(), 2);
        Ok(Response::new("second"))
    };
    let layer = FallbackLayer::new(answer).replayer(HttpReplay::new());
    let layers = (
        layer.clone().http(),
        layer.classifier(RetryHttp::statuses(|s| s.as_u16() == 418)),
    );
    let services = (layers.0.layer(server), layers.1.layer(server));
    let first = ["204", "400", "404", "418"];
    let second = [
        "0", "408", "425", "429", "499", "500", "502", "503", "504", "200",
    ];
    for (path, body) in first
        .map(|p| (p, "first"))
        .into_iter()
        .chain(second.map(|p| (p, "second")))
    {
        let request =
            || Request::get(format!("http://host/{path}")).body(http_body_util::Empty::new());
        let request = || request().expect("a legal request");
        let page = assert_ready_ok!(task::spawn(services.0.clone().oneshot(request())).poll());
        assert_eq!(*page.body(), body, "{path}");
        if path == "418" {
            let page = assert_ready_ok!(task::spawn(services.1.clone().oneshot(request())).poll());
            assert_eq!(*page.body(), "second");
        }
    }
    let post = Request::post("http://host/503").body(http_body_util::Empty::new());
    let post = services.0.oneshot(post.expect("a legal request"));
    let page = assert_ready_ok!(task::spawn(post).poll());
    assert_eq!(page.status(), 503, "it may have been executed");
}

// === Readiness ===

#[test]
fn fallback_is_ready_when_its_service_is() {
    let layer = FallbackLayer::new(async |_: u32, _: Failed| Ok(0));
    let (mut service, mut handle) = mock::spawn_layer::<u32, u32, _>(layer);
    handle.allow(0);
    assert_pending!(service.poll_ready());
    handle.allow(1);
    assert!(service.is_woken());
    assert_ready_ok!(service.poll_ready());
}

#[test]
fn readiness_error_is_answered_without_a_call_or_a_copy() {
    let copies = Arc::new(AtomicU32::new(0));
    let layer = FallbackLayer::new(async |_: Counted, failed: Failed| {
        assert_eq!(
            failed.expect_err("no call was made").to_string(),
            "connect failed"
        );
        Ok(70)
    });
    let (mut service, mut handle) = mock::spawn_layer::<Counted, u32, _>(layer);
    handle.send_error("connect failed");
    assert_ready_ok!(service.poll_ready());
    // The mock panics if it is called.
    let mut call = task::spawn(service.call(Counted(Arc::clone(&copies))));
    assert_eq!(assert_ready_ok!(call.poll()), 70);
    assert_eq!(copies.load(SeqCst), 0);
}

#[test]
fn readiness_error_that_is_not_chosen_is_the_answer() {
    let layer = FallbackLayer::new(async |_: u32, _: Failed| Ok(0)).only_if(Result::is_ok);
    let (mut service, mut handle) = mock::spawn_layer::<u32, u32, _>(layer);
    handle.send_error("connect failed");
    assert_ready_ok!(service.poll_ready());
    let mut call = task::spawn(service.call(7));
    assert_eq!(assert_ready_err!(call.poll()).to_string(), "connect failed");
}

#[test]
fn readiness_error_is_forgotten_once_the_service_is_ready() {
    /// Connects at the second try.
    #[derive(Clone, Default)]
    struct Reconnects {
        tries: u32,
    }

    impl Service<u32> for Reconnects {
        type Response = u32;
        type Error = &'static str;
        type Future = Ready<Result<u32, &'static str>>;

        fn poll_ready(
            &mut self,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Result<(), Self::Error>> {
            self.tries += 1;
            let is_connected = self.tries > 1;
            std::task::Poll::Ready(if is_connected {
                Ok(())
            } else {
                Err("connect failed")
            })
        }

        fn call(&mut self, request: u32) -> Self::Future {
            ready(Ok(request))
        }
    }

    let layer = FallbackLayer::new(async |_: u32, _| Ok(0));
    let mut service = layer.layer(Reconnects::default());
    let mut ask = task::spawn(());
    let mut poll_ready = |service: &mut _| {
        ask.enter(|cx, _| assert_ready_ok!(Service::<u32>::poll_ready(service, cx)));
    };
    poll_ready(&mut service);
    let mut clone = service.clone();
    poll_ready(&mut service);
    assert_eq!(assert_ready_ok!(task::spawn(service.call(7)).poll()), 7);
    // The error belongs to the instance that was asked.
    poll_ready(&mut clone);
    assert_eq!(assert_ready_ok!(task::spawn(clone.call(8)).poll()), 8);
}

#[test]
fn instance_that_is_ready_is_called() {
    // The mock panics if an instance that was not polled ready is called.
    let (service, mut handle) = mock::pair::<u32, u32>();
    let mut first = FallbackLayer::new(async |_: u32, _: Failed| Ok(0)).layer(service);
    let _idle = first.clone();
    let mut ready = task::spawn(());
    assert_ready_ok!(ready.enter(|cx, _| first.poll_ready(cx)));
    let mut call = task::spawn(first.call(7));
    assert_pending!(call.poll());
    next(&mut handle).1.send_response(70);
    assert_eq!(assert_ready_ok!(call.poll()), 70);
}

// === Panics, cancellation, types ===

#[test]
fn panicking_fallback_harms_only_its_call() {
    let layer = FallbackLayer::new(|n: u32, _: Failed| {
        assert_ne!(n, 13);
        ready(Ok(n))
    });
    let service = layer.layer(service_fn(async |_: u32| {
        Err::<u32, BoxError>("lost".into())
    }));
    let mut call = task::spawn(service.clone().oneshot(13));
    for _ in 0..2 {
        // In the closure, and then because the call is over.
        assert!(catch_unwind(AssertUnwindSafe(|| call.poll())).is_err());
    }
    drop(call);
    assert_eq!(assert_ready_ok!(task::spawn(service.oneshot(7)).poll()), 7);
}

#[test]
fn dropped_call_drops_whichever_call_runs() {
    let held = Arc::new(());
    let (first, second) = (Arc::clone(&held), Arc::clone(&held));
    let layer = FallbackLayer::new(move |_: bool, _| {
        let held = Arc::clone(&second);
        async move {
            std::future::pending::<()>().await;
            drop(held);
            Ok(())
        }
    });
    let service = layer.layer(service_fn(move |fails: bool| {
        let held = Arc::clone(&first);
        async move {
            if !fails {
                std::future::pending::<()>().await;
            }
            drop(held);
            Err("lost")
        }
    }));
    let idle = Arc::strong_count(&held);
    for fails in [false, true] {
        let mut service = service.clone();
        let before = Arc::strong_count(&held);
        let mut call = task::spawn(service.call(fails));
        assert_pending!(call.poll());
        // The call has a clone of the closure, and one of the two futures.
        assert_eq!(Arc::strong_count(&held), before + 2);
        drop(call);
        assert_eq!(Arc::strong_count(&held), before);
    }
    assert_eq!(Arc::strong_count(&held), idle);
}

#[test]
fn closure_behind_a_reference_is_not_copied() {
    fn answer(_: u32, _: Result<u32, &'static str>) -> Ready<Result<u32, &'static str>> {
        ready(Ok(1))
    }
    type Answer = fn(u32, Result<u32, &'static str>) -> Ready<Result<u32, &'static str>>;
    // A field can name the layer of a function.
    struct Stack {
        layer: FallbackLayer<Answer, &'static str>,
    }
    let stack = Stack {
        layer: FallbackLayer::new(answer),
    };
    let service = stack.layer.layer(service_fn(async |_: u32| Err("lost")));
    assert_eq!(assert_ready_ok!(task::spawn(service.oneshot(7)).poll()), 1);

    let seen = AtomicU32::new(0);
    // Not `Clone`, which a reference to it is.
    let counting = move |_: u32, _: Result<u32, &'static str>| ready(Ok(seen.fetch_add(1, SeqCst)));
    let layer = FallbackLayer::new(&*Box::leak(Box::new(counting)));
    let service = layer.layer(service_fn(async |_: u32| Err("lost")));
    for n in [0, 1] {
        assert_eq!(
            assert_ready_ok!(task::spawn(service.clone().oneshot(7)).poll()),
            n
        );
    }
}

type Answer<Req> = fn(Req, Result<(), ()>) -> Ready<Result<(), ()>>;
type Inner<Req> = tower::util::ServiceFn<fn(Req) -> Ready<Result<(), ()>>>;
type Fallback<Req> =
    FallbackService<Inner<Req>, Answer<Req>, (), RetryErrors, maestro_retry::CloneRequest>;
type Call<Req> = FallbackFuture<Inner<Req>, Req, Answer<Req>, Ready<Result<(), ()>>, RetryErrors>;

assert_impl_all!(Fallback<Cell<u8>>: Clone, Send, Sync, Unpin);
assert_impl_all!(Fallback<std::rc::Rc<u8>>: Clone, Send, Sync);
assert_impl_all!(Call<Cell<u8>>: Send);
assert_not_impl_any!(Call<std::rc::Rc<u8>>: Send);

#[test]
fn debug_of_a_fallback_shows_what_it_has() {
    fn answer((): (), _: Failed) -> Ready<Failed> {
        ready(Ok(1))
    }
    let layer = FallbackLayer::new(answer).named("store");
    let text = format!("{layer:?}");
    assert!(
        text.contains(r#"FallbackLayer { name: Some("store"), f: "#),
        "{text}"
    );
    assert!(
        text.ends_with("classifier: RetryRejections, replay: CloneRequest }"),
        "{text}"
    );
    let (mut service, mut handle) = mock::spawn_layer::<(), u32, _>(layer);
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
    let mut call = task::spawn(service.call(()));
    assert_eq!(
        format!("{:?}", *call),
        r#"FallbackFuture { state: "first", .. }"#
    );
    next(&mut handle).1.send_error("lost");
    assert_ready_ok!(call.poll());
    assert_eq!(
        format!("{:?}", *call),
        r#"FallbackFuture { state: "ended", .. }"#
    );
}
