//! The promises of tower and of the documentation, over mocked services. There is no runtime: every wait is zero.

use std::{
    cell::Cell,
    convert::Infallible,
    error::Error,
    fmt,
    future::{Ready, ready},
    num::NonZeroU32,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Barrier,
        atomic::{AtomicU32, AtomicU64, Ordering::SeqCst},
        mpsc,
    },
    thread,
    time::Duration,
};

use maestro_retry::{
    Backoff, Boxed, Budget, Classify, CloneRequest, CostBucket, DeadlineOf, Delays, Event,
    GiveUpReason, HalfFull, Hedge, Hold, InFlightShare, InvalidConfig, InvalidConfigKind,
    MayReject, NoDeadline, Now, Replay, RetryBudget, RetryErrors, RetryLayer, RetryPolicy,
    RetryReason, RetryService, SourceOf, StaticCostBucket, StaticHalfFull, StaticInFlightShare,
    StaticRetryBudget, Unlimited, Verdict, future::ResponseFuture, is_rejection,
};
use proptest::prelude::*;
use static_assertions::{assert_impl_all, assert_not_impl_any};
use tokio::time::Instant;
use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};
use tower::{BoxError, Layer, Service, service_fn};
use tower_test::mock::{self, Handle, SendResponse};

type Plain<V = RetryErrors> = RetryPolicy<V, CloneRequest, NoDeadline, Unlimited>;

/// Without waits, so that no test here needs a runtime, and without a budget.
fn attempts(attempts: u32) -> Plain {
    RetryPolicy::builder()
        .attempts(attempts)
        .backoff(Backoff::none())
        .build()
        .expect("no test asks for 0 attempts")
        .unlimited()
}

/// Only the calls pay in.
fn budget(ratio: f64) -> RetryBudget {
    let builder = RetryBudget::builder().ratio(ratio).floor_per_second(0);
    builder.build("test").expect("the ratios here are legal")
}

fn next<T, U>(handle: &mut Handle<T, U>) -> (T, SendResponse<U>) {
    assert_ready!(task::spawn(handle.next_request()).poll()).expect("the mock is alive")
}

fn nothing_was_sent<T, U>(handle: &mut Handle<T, U>) {
    assert!(task::spawn(handle.next_request()).poll().is_pending());
}

// === Readiness ===

#[test]
fn budgets_take_owned_names() {
    let owned = || format!("host {}", 1);
    let names = [
        RetryBudget::new(owned()).name(),
        RetryBudget::builder().build(owned()).unwrap().name(),
        HalfFull::builder().build(owned()).unwrap().name(),
        CostBucket::builder().build(owned()).unwrap().name(),
        InFlightShare::builder().build(owned()).unwrap().name(),
    ];
    assert_eq!(names, ["host 1"; 5]);
    let policy = attempts(2).named(owned());
    assert!(format!("{policy:?}").contains("host 1"));
}

#[test]
fn readiness_is_that_of_the_inner_service() {
    let layer = RetryLayer::new(attempts(3));
    let (mut service, mut handle) = mock::spawn_layer::<(), (), _>(layer);
    handle.allow(0);
    assert_pending!(service.poll_ready());
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
}

#[test]
fn first_readiness_error_passes_through() {
    let layer = RetryLayer::new(attempts(3));
    let (mut service, mut handle) = mock::spawn_layer::<(), (), _>(layer);
    handle.send_error("connect failed");
    let error = assert_ready_err!(service.poll_ready());
    assert_eq!(error.to_string(), "connect failed");
}

#[test]
fn first_attempt_uses_the_ready_instance() {
    // The mock panics if an instance that was not polled ready is called.
    let (service, mut handle) = mock::pair::<&str, &str>();
    let mut first = RetryLayer::new(attempts(3)).layer(service);
    let _idle = first.clone();
    let mut ready = task::spawn(());
    assert_ready_ok!(ready.enter(|cx, _| first.poll_ready(cx)));
    let mut call = task::spawn(first.call("hello"));
    assert_pending!(call.poll());
    let (request, respond) = next(&mut handle);
    respond.send_response("world");
    assert_eq!((request, assert_ready_ok!(call.poll())), ("hello", "world"));
}

#[test]
fn retry_waits_for_the_clone_to_be_ready() {
    let layer = RetryLayer::new(attempts(3));
    let (mut service, mut handle) = mock::spawn_layer::<u32, u32, _>(layer);
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
    let mut call = task::spawn(service.call(7));
    assert_pending!(call.poll());
    next(&mut handle).1.send_error("busy");
    assert_pending!(call.poll());
    nothing_was_sent(&mut handle);

    handle.allow(1);
    assert!(call.is_woken(), "readiness wakes the call");
    assert_pending!(call.poll());
    let (request, respond) = next(&mut handle);
    respond.send_response(70);
    assert_eq!((request, assert_ready_ok!(call.poll())), (7, 70));
}

#[test]
fn clone_readiness_error_is_returned_and_refunds() {
    let budget = budget(1.0);
    let layer = RetryLayer::new(attempts(3).budget(budget.clone()));
    let (mut service, mut handle) = mock::spawn_layer::<(), (), _>(layer);
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
    let mut call = task::spawn(service.call(()));
    next(&mut handle).1.send_error("busy");
    assert_pending!(call.poll());
    assert_eq!(budget.balance(), 0, "held while the clone is not ready");
    handle.send_error("connect failed");
    assert_eq!(assert_ready_err!(call.poll()).to_string(), "connect failed");
    assert_eq!(
        budget.balance(),
        1,
        "at once, though the future still exists"
    );
}

#[test]
fn unready_clone_ends_the_call_and_refunds() {
    let budget = budget(1.0);
    let builder = RetryPolicy::builder()
        .backoff(Backoff::none())
        .wait_for_ready(false);
    let layer = RetryLayer::new(builder.build().unwrap().budget(budget.clone()));
    let (mut service, mut handle) = mock::spawn_layer::<u32, u32, _>(layer);
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
    let mut call = task::spawn(service.call(7));
    next(&mut handle).1.send_error("busy");
    assert_eq!(assert_ready_err!(call.poll()).to_string(), "busy");
    assert_eq!(budget.balance(), 1);

    // If it is ready at once, the retry is made.
    handle.allow(2);
    assert_ready_ok!(service.poll_ready());
    let mut call = task::spawn(service.call(8));
    next(&mut handle).1.send_error("busy");
    assert_pending!(call.poll());
    next(&mut handle).1.send_response(80);
    assert_eq!(assert_ready_ok!(call.poll()), 80);
}

#[test]
fn unused_ready_service_deposits_nothing() {
    let budget = budget(1.0);
    let layer = RetryLayer::new(attempts(3).budget(budget.clone()));
    let (mut service, _handle) = mock::spawn_layer::<(), (), _>(layer);
    assert_ready_ok!(service.poll_ready());
    drop(service);
    assert_eq!(budget.balance(), 0);
}

// === Attempts and their answer ===

/// Answers the calls in turn, and counts them.
fn script<Res: Clone, Err: Clone>(
    results: &[Result<Res, Err>],
) -> (
    Arc<AtomicU32>,
    impl Service<(), Response = Res, Error = Err, Future = Ready<Result<Res, Err>>>
    + Clone
    + use<Res, Err>,
) {
    let made = Arc::new(AtomicU32::new(0));
    let (results, count) = (Arc::from(results), Arc::clone(&made));
    let service = service_fn(move |()| {
        let results: &Arc<[Result<Res, Err>]> = &results;
        let n = count.fetch_add(1, SeqCst) as usize;
        ready(results[n.min(results.len() - 1)].clone())
    });
    (made, service)
}

#[test]
fn default_policy_returns_the_last_error() {
    let (made, service) =
        script::<(), _>(&[Err("first"), Err("second"), Err("third"), Err("more")]);
    let mut service = RetryLayer::new(attempts(3)).layer(service);
    assert_eq!(
        assert_ready_err!(task::spawn(service.call(())).poll()),
        "third"
    );
    assert_eq!(made.load(SeqCst), 3);
}

#[test]
fn success_ends_the_call() {
    let (made, service) = script(&[Err("first"), Ok(2), Ok(3)]);
    let mut service = RetryLayer::new(attempts(3)).layer(service);
    assert_eq!(assert_ready_ok!(task::spawn(service.call(())).poll()), 2);
    assert_eq!(made.load(SeqCst), 2);
}

#[test]
fn repeated_attempts_do_not_grow_an_error_chain() {
    #[derive(Debug, thiserror::Error)]
    #[error("attempt {0}")]
    struct Failed(u32, #[source] fmt::Error);
    fn depth(error: &(dyn Error + 'static)) -> usize {
        1 + error.source().map_or(0, depth)
    }
    let fail = |attempt| Err::<(), BoxError>(Failed(attempt, fmt::Error).into());
    for n in [1, 2, 100] {
        let made = AtomicU32::new(0);
        let service = service_fn(|()| ready(fail(made.fetch_add(1, SeqCst) + 1)));
        let mut layered = RetryLayer::new(attempts(n)).layer(service);
        let policy = attempts(n);
        let run = policy.run(async |attempt| fail(attempt));
        for error in [
            assert_ready_err!(task::spawn(layered.call(())).poll()),
            assert_ready_err!(task::spawn(run).poll()),
            policy.run_blocking(fail).unwrap_err(),
        ] {
            assert_eq!(
                (error.to_string(), depth(error.as_ref())),
                (format!("attempt {n}"), 2)
            );
        }
    }
}

#[test]
fn one_attempt_means_no_retries() {
    let (made, service) = script::<(), _>(&[Err("first"), Err("second")]);
    let mut service = RetryLayer::new(RetryPolicy::new(NonZeroU32::MIN)).layer(service);
    assert_eq!(
        assert_ready_err!(task::spawn(service.call(())).poll()),
        "first"
    );
    assert_eq!(made.load(SeqCst), 1);
}

#[test]
fn retry_if_may_retry_an_ok_and_accept_an_err() {
    let (made, service) = script(&[Ok(503), Err("refused")]);
    let policy = attempts(3).retry_if(|r| matches!(r, Ok(503)));
    let mut service = RetryLayer::new(policy).layer(service);
    assert_eq!(
        assert_ready_err!(task::spawn(service.call(())).poll()),
        "refused"
    );
    assert_eq!(made.load(SeqCst), 2);
}

#[test]
fn classifier_sees_number_result_and_request() {
    let (made, service) = script(&[Err(1_u32), Err(2), Ok(3)]);
    let seen = Arc::new(AtomicU64::new(0));
    let log = Arc::clone(&seen);
    let policy = attempts(3).classify_attempt(move |attempt, r: &Result<u32, u32>| {
        let kept = u64::from(attempt.request() == Some(&()));
        let digits =
            u64::from(attempt.number()) * 100 + u64::from(r.unwrap_or_else(|e| e)) * 10 + kept;
        log.store(log.load(SeqCst) * 1_000 + digits, SeqCst);
        if r.is_ok() {
            Verdict::Done
        } else {
            Verdict::Retry
        }
    });
    let mut service = RetryLayer::new(policy).layer(service);
    assert_eq!(assert_ready_ok!(task::spawn(service.call(())).poll()), 3);
    // On the last attempt there is no copy.
    assert_eq!(seen.load(SeqCst), 111_221_330);
    assert_eq!(made.load(SeqCst), 3);
}

#[test]
fn never_and_done_end_the_call() {
    for verdict in [Verdict::Never, Verdict::Done] {
        let (made, service) = script::<(), _>(&[Err("fatal")]);
        let policy = attempts(3).classify(move |_| verdict);
        let mut service = RetryLayer::new(policy).layer(service);
        assert_eq!(
            assert_ready_err!(task::spawn(service.call(())).poll()),
            "fatal"
        );
        assert_eq!(made.load(SeqCst), 1);
    }
}

#[test]
fn hint_and_price_hold_in_one_verdict() {
    let quota = CostBucket::builder().capacity(10).build("test").unwrap();
    let hint = Duration::from_nanos(1);
    for verdict in [
        Verdict::RetryAfter(hint).cost(7),
        Verdict::RetryCosting(7).after(hint),
        Verdict::Retry.throttled().cost(7).after(hint),
    ] {
        let heard = Arc::new(AtomicU32::new(0));
        let log = Arc::clone(&heard);
        let policy = attempts(3).budget(quota.clone());
        let _listener = policy.on_event(move |event| match event {
            Event::Retry { wait, reason, .. } => {
                assert_eq!((*wait, *reason), (hint, RetryReason::Hint));
                log.fetch_add(1, SeqCst);
            }
            other => assert!(matches!(
                other,
                Event::GaveUp {
                    reason: GiveUpReason::Budget,
                    ..
                }
            )),
        });
        let policy = policy.classify(move |result: &Result<(), &str>| match result {
            Ok(()) => Verdict::Done,
            Err(_) => verdict,
        });
        let answer = policy.run_blocking(|_| Err("busy"));
        assert!(answer.is_err());
        assert_eq!((heard.load(SeqCst), quota.tokens()), (1, 3), "{verdict:?}");
        for _ in 0..7 {
            quota.record(false);
        }
    }
    for verdict in [Verdict::Done, Verdict::Never, Verdict::Ignored] {
        assert_eq!(verdict.after(hint).cost(1).throttled(), verdict);
    }
    assert_eq!(Verdict::Retry.cost(3), Verdict::RetryCosting(3));
}

#[test]
fn hint_above_the_maximum_ends_the_call() {
    let (made, service) = script::<(), _>(&[Err("come back tomorrow")]);
    let policy = RetryPolicy::builder()
        .max_hint(Duration::from_secs(60))
        .build()
        .unwrap()
        .classify(|_| Verdict::RetryAfter(Duration::from_secs(61)));
    let mut service = RetryLayer::new(policy).layer(service);
    assert_ready_err!(task::spawn(service.call(())).poll());
    assert_eq!(made.load(SeqCst), 1);
}

#[derive(Clone, Debug, thiserror::Error)]
enum Busy {
    #[error("busy")]
    Rejected(#[source] NoRetry),
    #[error("busy")]
    Other(#[source] Other),
    /// Such as from a peer.
    #[error("{0}")]
    Text(&'static str),
}

#[derive(Clone, Debug, thiserror::Error)]
#[error("do not retry here")]
struct NoRetry;

#[derive(Clone, Debug, thiserror::Error)]
#[error("do not retry here, please")]
struct Other;

#[test]
fn rejection_is_not_retried_and_pays_nothing() {
    let quota = CostBucket::builder().build("test").unwrap();
    let throttle = HalfFull::builder().build("test").unwrap();
    let rejection = Busy::Rejected(NoRetry);
    for (error, made) in [
        (rejection.clone(), 1),
        (Busy::Other(Other), 3),
        (Busy::Text("do not retry here"), 3),
        (Busy::Text(""), 3),
    ] {
        let mut attempted = 0;
        let answer = attempts(3).run_blocking(|_| {
            attempted += 1;
            Err::<(), _>(error.clone())
        });
        assert!(answer.is_err());
        assert_eq!(attempted, made, "{error:?}");
    }
    let _ = (attempts(3).budget(quota.clone())).run_blocking(|_| Err::<(), _>(rejection.clone()));
    let _ = (attempts(3).budget(throttle.clone())).run_blocking(|_| {
        let boxed: BoxError = rejection.clone().into();
        Err::<(), _>(std::io::Error::other(boxed))
    });
    assert_eq!(quota.tokens(), 500);
    assert!((throttle.tokens() - 10.0).abs() < f64::EPSILON);

    let mut attempted = 0;
    let _ = attempts(3).retry_rejections().run_blocking(|_| {
        attempted += 1;
        Err::<(), _>(rejection.clone())
    });
    assert_eq!(attempted, 3, "switched off");
}

#[test]
fn rejected_calls_pay_for_no_retries() {
    let budget = budget(0.2);
    let policy = attempts(3).budget(budget.clone());
    let rejection = || Err::<(), _>(Busy::Rejected(NoRetry));
    let by_closure = (policy.clone()).retry_if(|r: &Result<(), Busy>| !is_rejection_of(r));
    for _ in 0..1_000 {
        let _ = policy.run_blocking(|_| rejection());
        let _ = by_closure.run_blocking(|_| rejection());
    }
    assert_eq!(budget.balance(), 0);
    for _ in 0..100 {
        let _ = policy.run_blocking(|_| Ok::<_, Busy>(()));
    }
    assert_eq!(budget.balance(), 20);
    // A failing call pays in as well, and before it asks for its retry.
    let mut made = 0;
    for _ in 0..100 {
        let _ = policy.run_blocking(|_| {
            made += 1;
            Err::<(), _>("busy")
        });
    }
    assert_eq!((made, budget.balance()), (100 + 40, 0));
}

fn is_rejection_of<T>(result: &Result<T, Busy>) -> bool {
    result
        .as_ref()
        .err()
        .is_some_and(|error| is_rejection(error))
}

#[test]
fn rejection_is_seen_in_every_kind_of_error() {
    fn sees<E: MayReject<M>, M>(error: &E) -> bool {
        error.is_rejection()
    }
    let rejection = || Busy::Rejected(NoRetry);
    assert!(sees(&rejection()) && sees(&Box::new(rejection())) && sees(&Arc::new(rejection())));
    assert!(sees(&BoxError::from(rejection())));
    assert!(sees(&Arc::<dyn Error + Send + Sync>::from(BoxError::from(
        rejection()
    ))));
    assert!(sees(&Box::<dyn Error>::from(rejection())));
    let local: Box<dyn Error + Send> = Box::new(rejection());
    assert!(sees(&local));
    // A text is no rejection, as a peer may have sent it.
    assert!(!sees(&Box::<dyn Error>::from("do not retry here")));
    assert!(!sees(&"do not retry here") && !sees(&()) && !sees(&503_u32));
    assert!(sees(&NoRetry) && !sees(&Other) && !sees(&fmt::Error));
}

#[test]
fn circle_of_sources_ends() {
    #[derive(Debug, thiserror::Error)]
    #[error("do not retry here")]
    struct Circle;
    static CIRCLE: Ring = Ring;
    #[derive(Debug)]
    struct Ring;
    impl fmt::Display for Ring {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("do not retry here")
        }
    }
    impl Error for Ring {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&CIRCLE)
        }
    }
    assert!(is_rejection(&Circle) && !is_rejection(&CIRCLE));
}

#[test]
fn open_breaker_rejection_is_not_retried() {
    // A stand-in for the rejection of an inner breaker, and the documented way to compose the two.
    #[derive(Clone, Debug)]
    struct Open;
    impl fmt::Display for Open {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("open")
        }
    }
    impl Error for Open {}
    impl Open {
        fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
            error.downcast_ref()
        }
    }
    let budget = budget(1.0);
    let made = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&made);
    let policy = attempts(3).budget(budget.clone()).retry_if(
        |r: &Result<(), BoxError>| matches!(r, Err(e) if Open::find(e.as_ref()).is_none()),
    );
    let mut service = RetryLayer::new(policy).layer(service_fn(move |()| {
        count.fetch_add(1, SeqCst);
        ready(Err::<(), BoxError>(Open.into()))
    }));
    let error = assert_ready_err!(task::spawn(service.call(())).poll());
    assert!(
        Open::find(error.as_ref()).is_some(),
        "the error's type and chain are what they were"
    );
    assert_eq!((made.load(SeqCst), budget.balance()), (1, 0));
}

#[test]
fn failed_attempt_is_dropped_before_readiness() {
    /// Counts its live instances.
    #[derive(Debug)]
    struct Connection(Arc<AtomicU32>);
    impl Connection {
        fn open(alive: &Arc<AtomicU32>) -> Self {
            alive.fetch_add(1, SeqCst);
            Self(Arc::clone(alive))
        }
    }
    impl Drop for Connection {
        fn drop(&mut self) {
            self.0.fetch_sub(1, SeqCst);
        }
    }
    #[derive(Clone)]
    struct Inner(Arc<AtomicU32>, Arc<AtomicU32>);
    impl Service<()> for Inner {
        type Response = Connection;
        type Error = Connection;
        type Future = std::pin::Pin<Box<dyn Future<Output = Result<Connection, Connection>>>>;
        fn poll_ready(
            &mut self,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Result<(), Connection>> {
            assert_eq!(
                self.0.load(SeqCst),
                0,
                "something was kept for the next attempt"
            );
            std::task::Poll::Ready(Ok(()))
        }
        fn call(&mut self, (): ()) -> Self::Future {
            let (alive, made) = (Arc::clone(&self.0), Arc::clone(&self.1));
            Box::pin(async move {
                let _held_by_the_call = Connection::open(&alive);
                made.fetch_add(1, SeqCst);
                Err(Connection::open(&alive))
            })
        }
    }
    let (alive, made) = <(Arc<AtomicU32>, Arc<AtomicU32>)>::default();
    let policy = attempts(3).retry_rejections();
    let mut service = RetryLayer::new(policy).layer(Inner(Arc::clone(&alive), made.clone()));
    let mut call = task::spawn(service.call(()));
    let error = assert_ready_err!(call.poll());
    assert_eq!(
        (made.load(SeqCst), alive.load(SeqCst)),
        (3, 1),
        "the answer alone is left"
    );
    drop(error);
}

// === Requests ===

/// A request that counts its clones, with a deadline.
#[derive(Debug)]
struct Counted(Arc<AtomicU32>, Option<Instant>);

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, SeqCst);
        Self(Arc::clone(&self.0), self.1)
    }
}

/// A service that fails a number of times, and counts its clones.
#[derive(Debug)]
struct Failing {
    failures: u32,
    made: Arc<AtomicU32>,
    clones: Arc<AtomicU32>,
}

impl Failing {
    fn times(failures: u32) -> Self {
        Self {
            failures,
            made: Arc::default(),
            clones: Arc::default(),
        }
    }
}

impl Clone for Failing {
    fn clone(&self) -> Self {
        self.clones.fetch_add(1, SeqCst);
        Self {
            failures: self.failures,
            made: self.made.clone(),
            clones: self.clones.clone(),
        }
    }
}

impl<Req> Service<Req> for Failing {
    type Response = u32;
    type Error = u32;
    type Future = Ready<Result<u32, u32>>;
    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), u32>> {
        std::task::Poll::Ready(Ok(()))
    }
    fn call(&mut self, _: Req) -> Self::Future {
        let n = self.made.fetch_add(1, SeqCst) + 1;
        ready(if n > self.failures { Ok(n) } else { Err(n) })
    }
}

proptest! {
    #[test]
    fn request_is_copied_only_if_a_retry_may_follow(
        allowed in 1_u32..40,
        failures in 0_u32..50,
    ) {
        let (inner, copies) = (Failing::times(failures), Arc::<AtomicU32>::default());
        let (made, services) = (inner.made.clone(), inner.clones.clone());
        let mut service = RetryLayer::new(attempts(allowed)).layer(inner);
        let result = assert_ready!(task::spawn(service.call(Counted(copies.clone(), None))).poll());
        let expected = (failures + 1).min(allowed);
        prop_assert_eq!(made.load(SeqCst), expected);
        prop_assert_eq!(copies.load(SeqCst), expected.min(allowed - 1));
        prop_assert_eq!(services.load(SeqCst), u32::from(allowed > 1));
        prop_assert_eq!(result, if failures < allowed { Ok(expected) } else { Err(expected) });
    }

    #[test]
    fn retries_stay_within_the_budget(
        percent in 0_u32..=200,
        allowed in 2_u32..6,
        failures in prop::collection::vec(0_u32..8, 0..100),
    ) {
        let budget = budget(f64::from(percent) / 100.0);
        let layer = RetryLayer::new(attempts(allowed).budget(budget.clone()));
        let (mut credit, mut retries) = (0, 0);
        for (n, failures) in failures.iter().enumerate() {
            let inner = Failing::times(*failures);
            let made = inner.made.clone();
            let _ = assert_ready!(task::spawn(layer.layer(inner).call(())).poll());
            retries += made.load(SeqCst) - 1;
            prop_assert!(retries * 100 <= percent * (u32::try_from(n).unwrap() + 1));
            // And no fewer than it allows.
            credit += percent;
            let granted = (*failures).min(allowed - 1).min(credit / 100);
            prop_assert_eq!(made.load(SeqCst) - 1, granted);
            credit -= granted * 100;
        }
        prop_assert_eq!(budget.balance(), u64::from(credit / 100));
    }
}

#[test]
fn request_is_not_copied_without_a_possible_retry() {
    fn run<P: SourceOf<Counted> + Clone, M>(
        policy: P,
        request: Counted,
        inner: Failing,
    ) -> Result<u32, u32>
    where
        RetryService<Failing, P, M>: Service<Counted, Response = u32, Error = u32>,
    {
        let mut service = RetryLayer::new(policy).layer(inner);
        let call = Box::pin(service.call(request));
        assert_ready!(task::spawn(call).poll())
    }

    let none = |policy: &dyn Fn(Counted, Failing) -> Result<u32, u32>, why: &str| {
        let (inner, copies) = (Failing::times(9), Arc::<AtomicU32>::default());
        let (made, clones) = (inner.made.clone(), inner.clones.clone());
        let past = Counted(copies.clone(), Some(Instant::now()));
        assert_eq!(policy(past, inner), Err(1), "{why}");
        assert_eq!(made.load(SeqCst), 1, "{why}");
        assert_eq!((copies.load(SeqCst), clones.load(SeqCst)), (0, 0), "{why}");
    };
    none(&|r, s| run(attempts(1), r, s), "one attempt");
    none(
        &|r, s| run(attempts(3).replay(|_: &Counted| None), r, s),
        "not to be repeated",
    );
    none(
        &|r, s| run(attempts(3).deadline(|r: &Counted| r.1), r, s),
        "too late already",
    );
    let no_time = RetryPolicy::builder()
        .max_elapsed(Duration::ZERO)
        .build()
        .unwrap();
    none(&|r, s| run(no_time.clone(), r, s), "no time at all");
}

#[test]
fn replay_copies_requests_without_clone() {
    #[derive(Debug)]
    struct Upload(u32);
    let inner = Failing::times(9);
    let made = inner.made.clone();
    // Twice, and no more: 3 attempts of the 5 allowed.
    let policy = attempts(5).replay(|upload: &Upload| (upload.0 < 2).then(|| Upload(upload.0 + 1)));
    let mut service = RetryLayer::new(policy).layer(inner);
    assert_eq!(
        assert_ready_err!(task::spawn(service.call(Upload(0))).poll()),
        3
    );
    assert_eq!(made.load(SeqCst), 3);
}

#[test]
fn capture_without_clone_goes_behind_an_arc() {
    struct Marker(u32);
    let marker = Marker(1);
    let busy = Arc::new(move |r: &Result<u32, u32>| matches!(r, Err(n) if *n == marker.0));
    let policy = attempts(9).retry_if(move |r| busy(r));
    let mut service = RetryLayer::new(policy).layer(Failing::times(9));
    assert_eq!(assert_ready_err!(task::spawn(service.call(())).poll()), 2);
}

// === The budget ===

#[test]
fn only_first_attempts_deposit() {
    let budget = budget(3.0);
    let mut service = RetryLayer::new(attempts(3).budget(budget.clone())).layer(Failing::times(2));
    assert_ready_ok!(task::spawn(service.call(())).poll());
    assert_eq!(budget.balance(), 1);
}

#[test]
fn spent_budget_ends_the_call() {
    let budget = budget(0.5);
    let layer = RetryLayer::new(attempts(9).budget(budget.clone()));
    let (mut a, mut b) = (
        layer.layer(Failing::times(9)),
        layer.layer(Failing::times(9)),
    );
    assert_eq!(assert_ready_err!(task::spawn(a.call(())).poll()), 1);
    assert_eq!(
        assert_ready_err!(task::spawn(b.call(())).poll()),
        2,
        "two calls paid for one"
    );
    assert_eq!(
        assert_ready_err!(task::spawn(a.call(())).poll()),
        2,
        "the count of `a` goes on"
    );
}

#[test]
fn concurrent_failures_make_calls_plus_budget_attempts() {
    let budget = budget(0.2);
    let layer = RetryLayer::new(attempts(3).budget(budget.clone()));
    let (inner, mut handle) = mock::pair::<(), ()>();
    let mut services: Vec<_> = (0..10).map(|_| layer.layer(inner.clone())).collect();
    handle.allow(1_000);
    let mut calls: Vec<_> = services
        .iter_mut()
        .map(|service| {
            assert_ready_ok!(task::spawn(()).enter(|cx, _| service.poll_ready(cx)));
            let mut call = task::spawn(service.call(()));
            assert_pending!(call.poll());
            call
        })
        .collect();
    let mut made = 0;
    loop {
        let mut requests = task::spawn(handle.next_request());
        let std::task::Poll::Ready(request) = requests.poll() else {
            break;
        };
        drop(requests);
        request.unwrap().1.send_error("down");
        made += 1;
        for call in &mut calls {
            if call.is_woken() {
                let _ = call.poll();
            }
        }
    }
    assert_eq!((made, budget.balance()), (10 + 2, 0));
}

#[test]
fn cancelled_running_retry_is_not_refunded() {
    let budget = budget(1.0);
    let layer = RetryLayer::new(attempts(3).budget(budget.clone()));
    let (mut service, mut handle) = mock::spawn_layer::<(), (), _>(layer);
    handle.allow(9);
    assert_ready_ok!(service.poll_ready());
    let mut call = task::spawn(service.call(()));
    next(&mut handle).1.send_error("busy");
    assert_pending!(call.poll());
    let _second = next(&mut handle);
    drop(call);
    assert_eq!(budget.balance(), 0);
}

#[test]
fn layer_applied_twice_shares_its_budget() {
    // axum applies a layer once for each connection.
    let (mine, other) = (budget(1.0), budget(1.0));
    let layer = RetryLayer::new(attempts(2).budget(mine.clone()));
    for _ in 0..2 {
        assert_ready_ok!(task::spawn(layer.layer(Failing::times(0)).call(())).poll());
    }
    assert_eq!((mine.balance(), other.balance()), (2, 0));
}

#[test]
fn policies_share_a_static_budget() {
    static BUDGET: StaticRetryBudget = RetryBudget::builder()
        .ratio(0.5)
        .floor_per_second(0)
        .build_static("static");
    let policy = attempts(9).budget(&BUDGET);
    let layers = [RetryLayer::new(policy.clone()), RetryLayer::new(policy)];
    for (layer, made) in layers.iter().zip([1, 2]) {
        let mut service = layer.layer(Failing::times(9));
        assert_eq!(
            assert_ready_err!(task::spawn(service.call(())).poll()),
            made
        );
    }
    assert_eq!((BUDGET.name(), BUDGET.balance()), ("static", 0));
    BUDGET.deposit();
    BUDGET.deposit();
    drop(BUDGET.try_hold());
    BUDGET.try_hold().expect("it was given back").spend();
    assert!(BUDGET.try_hold().is_none());
}

#[test]
fn every_kind_of_budget_works_in_a_static() {
    static THROTTLE: StaticHalfFull = HalfFull::builder().max_tokens(4).build_static("throttle");
    static QUOTA: StaticCostBucket = CostBucket::builder().capacity(10).build_static("quota");
    static SHARE: StaticInFlightShare = InFlightShare::builder()
        .share(0.5)
        .minimum(0)
        .build_static("share");
    /// How many attempts a call that never succeeds makes.
    fn made(
        policy: RetryPolicy<RetryErrors, CloneRequest, NoDeadline, impl Budget + Clone>,
    ) -> u32 {
        let mut service = RetryLayer::new(policy).layer(Failing::times(9));
        assert_ready_err!(task::spawn(service.call(())).poll())
    }
    assert_eq!(
        made(attempts(9).budget(&THROTTLE)),
        2,
        "two of four are half"
    );
    assert_eq!(
        made(attempts(9).budget(&THROTTLE)),
        1,
        "another policy draws on the same"
    );
    assert_eq!((THROTTLE.name(), THROTTLE.tokens()), ("throttle", 1.0));

    assert_eq!(made(attempts(9).budget(&QUOTA)), 3, "5 for each retry");
    assert_eq!(made(attempts(9).budget(&QUOTA)), 1);
    assert_eq!((QUOTA.name(), QUOTA.tokens()), ("quota", 0));
    (&QUOTA).record_retry(5, false);
    drop(QUOTA.try_take(5).expect("a success brought it back"));
    assert_eq!(QUOTA.tokens(), 5, "a hold that is dropped gives back");
    assert_eq!((&QUOTA).spend(QUOTA.try_take(5).unwrap()), 5);
    assert!(QUOTA.try_take(5).is_none());

    assert_eq!(
        made(attempts(9).budget(&SHARE)),
        1,
        "half of one call is no retry"
    );
    let other = SHARE.begin();
    assert_eq!(made(attempts(9).budget(&SHARE)), 9, "one after another");
    let calls = [SHARE.begin(), other];
    let retry = SHARE.try_retry().expect("half of two");
    assert!(SHARE.try_retry().is_none());
    assert_eq!(
        (SHARE.name(), SHARE.calls(), SHARE.retries()),
        ("share", 2, 1)
    );
    drop((calls, retry));
    assert_eq!((SHARE.calls(), SHARE.retries()), (0, 0));
}

#[test]
fn custom_budget_sees_calls_holds_and_retries() {
    /// Counts up while it lives.
    struct Token(Arc<AtomicU32>);
    impl Token {
        fn new(count: &Arc<AtomicU32>) -> Self {
            count.fetch_add(1, SeqCst);
            Self(Arc::clone(count))
        }
    }
    impl Drop for Token {
        fn drop(&mut self) {
            self.0.fetch_sub(1, SeqCst);
        }
    }
    #[derive(Clone, Default)]
    struct InFlight {
        calls: Arc<AtomicU32>,
        holds: Arc<AtomicU32>,
        retries: Arc<AtomicU32>,
        failed: Arc<AtomicU32>,
        fine: Arc<AtomicU32>,
    }
    impl Budget for InFlight {
        type Call = Token;
        type Hold = Token;
        type Retry = Token;
        fn enter(&self) -> Token {
            Token::new(&self.calls)
        }
        fn record(&self, failed: bool) {
            let count = if failed { &self.failed } else { &self.fine };
            count.fetch_add(1, SeqCst);
        }
        fn try_hold(&self, _: &Now) -> Option<Token> {
            self.failed.fetch_add(1, SeqCst);
            Some(Token::new(&self.holds))
        }
        fn spend(&self, _: Token) -> Token {
            Token::new(&self.retries)
        }
    }
    let budget = InFlight::default();
    let now = || [&budget.calls, &budget.holds, &budget.retries].map(|count| count.load(SeqCst));
    let layer = RetryLayer::new(attempts(3).budget(budget.clone()));
    let (mut service, mut handle) = mock::spawn_layer::<(), (), _>(layer);
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
    assert_eq!(now(), [0, 0, 0]);
    let mut call = task::spawn(service.call(()));
    assert_eq!(now(), [1, 0, 0]);
    next(&mut handle).1.send_error("busy");
    assert_pending!(call.poll());
    assert_eq!(now(), [1, 1, 0], "waiting");
    handle.allow(2);
    assert_pending!(call.poll());
    assert_eq!(now(), [1, 0, 1], "retrying");
    next(&mut handle).1.send_error("busy");
    assert_pending!(call.poll());
    assert_eq!(now(), [1, 0, 1], "the second retry in place of the first");
    next(&mut handle).1.send_response(());
    assert_ready_ok!(call.poll());
    assert_eq!(
        now(),
        [0, 0, 0],
        "at the answer, though the future still exists"
    );
    assert_eq!(
        (budget.failed.load(SeqCst), budget.fine.load(SeqCst)),
        (2, 1),
        "each attempt is heard of once"
    );
}

#[test]
fn finished_retry_leaves_the_in_flight_share() {
    /// One retry in flight at a time.
    #[derive(Clone, Default)]
    struct OneRunning(Arc<AtomicU32>);
    struct Running(Arc<AtomicU32>);
    impl Drop for Running {
        fn drop(&mut self) {
            self.0.fetch_sub(1, SeqCst);
        }
    }
    impl Budget for OneRunning {
        type Call = ();
        type Hold = Running;
        type Retry = Running;
        fn enter(&self) {}
        fn try_hold(&self, _: &Now) -> Option<Running> {
            let free = self.0.compare_exchange(0, 1, SeqCst, SeqCst);
            free.is_ok().then(|| Running(Arc::clone(&self.0)))
        }
        fn spend(&self, hold: Running) -> Running {
            hold
        }
    }
    let policy = attempts(4).budget(OneRunning::default());
    let mut service = RetryLayer::new(policy.clone()).layer(Failing::times(9));
    assert_eq!(assert_ready_err!(task::spawn(service.call(())).poll()), 4);
    let mut run = task::spawn(policy.run(async |attempt| Err::<(), _>(attempt)));
    assert_eq!(assert_ready_err!(run.poll()), 4);
}

#[test]
fn in_flight_share_counts_a_retry_from_its_decision() {
    let budget = InFlightShare::builder()
        .share(0.5)
        .minimum(0)
        .build("test")
        .unwrap();
    let layer = RetryLayer::new(attempts(3).budget(budget.clone()));
    let (inner, mut handle) = mock::pair::<(), ()>();
    handle.allow(3);
    let begin = || {
        let mut service = layer.layer(inner.clone());
        assert_ready_ok!(task::spawn(()).enter(|cx, _| service.poll_ready(cx)));
        let mut call = task::spawn(service.call(()));
        assert_pending!(call.poll());
        call
    };
    let (mut a, mut b, mut c) = (begin(), begin(), begin());
    assert_eq!((budget.calls(), budget.retries()), (3, 0));
    let mut requests = [(); 3].map(|()| Some(next(&mut handle).1));
    let mut fail = |n: usize| requests[n].take().unwrap().send_error("busy");
    fail(0);
    assert_pending!(a.poll());
    assert_eq!(budget.retries(), 1, "it waits for the service");
    fail(1);
    assert_ready_err!(b.poll());
    assert_eq!((budget.calls(), budget.retries()), (2, 1));
    drop(a);
    assert_eq!((budget.calls(), budget.retries()), (1, 0));
    fail(2);
    assert_ready_err!(c.poll());
    assert_eq!(
        (budget.calls(), budget.retries()),
        (0, 0),
        "half of one call is no retry"
    );
}

#[test]
fn zero_cost_retry_runs_on_an_empty_bucket() {
    let quota = CostBucket::builder().capacity(5).build("test").unwrap();
    let policy = attempts(9).budget(quota.clone());
    let costing = |cost| {
        let policy = policy.clone();
        let policy = policy.classify(move |_: &Result<(), u32>| Verdict::RetryCosting(cost));
        policy.run_blocking(Err::<(), _>).unwrap_err()
    };
    assert_eq!(costing(6), 1);
    let all = quota.try_take(5).expect("it was full");
    assert_eq!((costing(0), costing(1), quota.tokens()), (9, 1, 0));
    drop(all);
}

#[test]
fn never_counts_as_a_failure_for_the_throttle() {
    let throttle = HalfFull::builder().max_tokens(4).build("test").unwrap();
    let policy = attempts(9)
        .budget(throttle.clone())
        .classify(|_| Verdict::Never);
    for left in [3.0, 2.0, 1.0, 0.0, 0.0] {
        let mut service = RetryLayer::new(policy.clone()).layer(Failing::times(9));
        assert_eq!(assert_ready_err!(task::spawn(service.call(())).poll()), 1);
        assert!((throttle.tokens() - left).abs() < 1e-9);
    }
}

#[test]
fn accepted_error_is_not_told_to_the_budget() {
    // Like the rejection of an open breaker: neither a failure nor a success of the service.
    let throttle = HalfFull::builder().max_tokens(10).build("test").unwrap();
    let quota = CostBucket::builder().capacity(10).build("test").unwrap();
    throttle.record(true);
    let retry_busy = |r: &Result<u32, &str>| matches!(r, Err("busy"));
    for answer in [Err("open"), Ok(1)] {
        let (_, service) = script(&[answer]);
        let policy = attempts(3).retry_if(retry_busy).budget(throttle.clone());
        let _ = task::spawn(RetryLayer::new(policy).layer(service).call(())).poll();
        let left = if answer.is_ok() { 9.1 } else { 9.0 };
        assert!((throttle.tokens() - left).abs() < 1e-9, "{answer:?}");
    }
    for (answer, left) in [(Err("open"), 5), (Ok(1), 5), (Err("busy"), 0)] {
        let (_, service) = script(&[Err("busy"), answer]);
        let policy = attempts(2).retry_if(retry_busy).budget(quota.clone());
        let _ = task::spawn(RetryLayer::new(policy).layer(service).call(())).poll();
        assert_eq!(quota.tokens(), left, "a retry that ended with {answer:?}");
    }
}

#[test]
fn answered_retry_gets_its_tokens_back() {
    for (verdict, left) in [
        (Verdict::Done, 10),
        (Verdict::Ignored, 5),
        (Verdict::Never, 5),
    ] {
        let quota = CostBucket::builder().capacity(10).build("test").unwrap();
        let throttle = HalfFull::builder().build("test").unwrap();
        let classify = move |r: &Result<(), &str>| match r {
            Err("busy") => Verdict::Retry,
            _ => verdict,
        };
        let (_, service) = script(&[Err("busy"), Err("not found")]);
        let policy = attempts(2).budget(quota.clone()).classify(classify);
        let _ = task::spawn(RetryLayer::new(policy).layer(service.clone()).call(())).poll();
        assert_eq!(quota.tokens(), left, "{verdict:?}");

        throttle.record(true);
        let policy = attempts(2).budget(throttle.clone()).classify(classify);
        let _ = task::spawn(RetryLayer::new(policy).layer(service).call(())).poll();
        assert!(throttle.tokens() <= 9.0, "{verdict:?} is no success");
    }
}

/// The user code that panics, during or before the first retry.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Panics {
    Classifier,
    ClassifierOfTheRetry,
    Replay,
    Readiness,
    Call,
    Attempt,
}

/// Makes a call of three attempts that panics, with a budget.
fn panic_in<B: Budget + Clone>(at: Panics, budget: B) {
    #[derive(Clone)]
    struct Inner(Panics, Arc<AtomicU32>);
    impl Service<u32> for Inner {
        type Response = ();
        type Error = &'static str;
        type Future = std::pin::Pin<Box<dyn Future<Output = Result<(), &'static str>>>>;
        fn poll_ready(
            &mut self,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Result<(), Self::Error>> {
            assert!(self.0 != Panics::Readiness, "on purpose");
            std::task::Poll::Ready(Ok(()))
        }
        fn call(&mut self, _: u32) -> Self::Future {
            let (at, number) = (self.0, self.1.fetch_add(1, SeqCst));
            assert!(at != Panics::Call || number == 0, "on purpose");
            Box::pin(async move {
                assert!(at != Panics::Attempt || number == 0, "on purpose");
                Err("busy")
            })
        }
    }
    let policy = attempts(3)
        .budget(budget)
        .replay(move |request: &u32| {
            assert!(at != Panics::Replay || *request == 0, "on purpose");
            Some(request + 1)
        })
        .classify_attempt(move |attempt, _| {
            assert!(at != Panics::Classifier, "on purpose");
            assert!(
                at != Panics::ClassifierOfTheRetry || attempt.number() == 1,
                "on purpose"
            );
            Verdict::Retry
        });
    let mut service = RetryLayer::new(policy).layer(Inner(at, Arc::default()));
    let mut call = task::spawn(service.call(0));
    let poll = catch_unwind(AssertUnwindSafe(|| call.poll()));
    assert!(poll.is_err(), "{at:?}");
}

#[test]
fn panic_in_user_code_refunds_the_budget() {
    use Panics::{Attempt, Call, Classifier, ClassifierOfTheRetry, Readiness, Replay};
    for (at, used) in [
        (Classifier, 0),
        (Replay, 0),
        (Readiness, 0),
        (Call, 1),
        (Attempt, 1),
        (ClassifierOfTheRetry, 1),
    ] {
        let credit = budget(5.0);
        panic_in(at, credit.clone());
        // Without a verdict the call pays nothing in.
        let paid = if at == Classifier { 0 } else { 5 };
        assert_eq!(credit.balance(), paid - used, "{at:?}");
        let quota = CostBucket::builder().build("test").unwrap();
        panic_in(at, quota.clone());
        assert_eq!(quota.tokens(), 500 - 5 * used, "{at:?}");
        let share = InFlightShare::builder().build("test").unwrap();
        panic_in(at, share.clone());
        assert_eq!((share.calls(), share.retries()), (0, 0), "{at:?}");
    }
}

#[test]
#[should_panic(expected = "polled after it was ready")]
fn future_polled_after_ready_panics() {
    let mut service = RetryLayer::new(attempts(3)).layer(Failing::times(0));
    let mut call = task::spawn(service.call(()));
    assert_ready_ok!(call.poll());
    let _ = call.poll();
}

#[test]
fn threads_are_granted_no_more_than_was_paid() {
    let budget = RetryBudget::builder()
        .ratio(0.1)
        .floor_per_second(0)
        .ttl(Duration::from_secs(600))
        .build("hammered")
        .unwrap();
    let granted = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for n in 0..10_000 {
                    budget.deposit();
                    match budget.try_hold() {
                        // Every third is cancelled in its wait.
                        Some(hold) if n % 3 > 0 => {
                            hold.spend();
                            granted.fetch_add(1, SeqCst);
                        }
                        _ => {}
                    }
                }
            });
        }
    });
    assert_eq!(granted.into_inner() + budget.balance(), 4_000);
}

// === Observers ===

#[test]
fn listener_hears_each_attempt_once() {
    fn call<P: SourceOf<()> + Clone, M>(policy: P, failures: u32) -> Result<u32, u32>
    where
        RetryService<Failing, P, M>: Service<(), Response = u32, Error = u32>,
    {
        let mut service = RetryLayer::new(policy).layer(Failing::times(failures));
        let call = Box::pin(service.call(()));
        assert_ready!(task::spawn(call).poll())
    }

    let (log, heard) = mpsc::channel();
    let tell = move |event: &Event| log.send(event.clone()).unwrap();
    let gave_up = |attempts, reason| Event::GaveUp { attempts, reason };
    let retry = |attempt, reason| Event::Retry {
        attempt,
        wait: Duration::ZERO,
        reason,
    };
    let zero = Duration::ZERO;
    let throttled = HalfFull::builder().max_tokens(2).build("test").unwrap();
    let events = |policy: &dyn Fn(RetryPolicy) -> Result<u32, u32>, attempts: u32| {
        let builder = RetryPolicy::builder()
            .attempts(attempts)
            .backoff(Backoff::none())
            .max_hint(Duration::ZERO);
        let built = builder.build().unwrap();
        let _listener = built.on_event(tell.clone());
        let _ = policy(built);
        heard.try_iter().collect::<Vec<_>>()
    };
    assert_eq!(events(&|p| call(p, 0), 3), [Event::Done { attempts: 1 }]);
    assert_eq!(
        events(&|p| call(p, 1), 3),
        [retry(1, RetryReason::Failure), Event::Done { attempts: 2 }]
    );
    assert_eq!(
        events(&|p| call(p, 9), 2),
        [
            retry(1, RetryReason::Failure),
            gave_up(2, GiveUpReason::Attempts)
        ]
    );
    assert_eq!(
        events(&|p| call(p.classify(|_| Verdict::Never), 9), 3),
        [gave_up(1, GiveUpReason::Never)]
    );
    assert_eq!(
        events(
            &|p| call(p.classify(|_| Verdict::RetryAfter(Duration::MAX)), 9),
            3
        ),
        [gave_up(1, GiveUpReason::Hint)]
    );
    assert_eq!(
        events(&|p| call(p.replay(|(): &()| None), 9), 3),
        [gave_up(1, GiveUpReason::NotRepeatable)]
    );
    assert_eq!(
        events(&|p| call(p.deadline(|(): &()| Some(Instant::now())), 9), 3),
        [gave_up(1, GiveUpReason::Time)]
    );
    assert_eq!(
        events(&|p| call(p.budget(throttled.clone()), 9), 3),
        [gave_up(1, GiveUpReason::Budget)]
    );
    let verdicts = move |attempt: &maestro_retry::Attempt<'_, ()>, _: &Result<u32, u32>| {
        if attempt.number() == 1 {
            Verdict::RetryAfter(zero)
        } else {
            Verdict::RetryCosting(3)
        }
    };
    assert_eq!(
        events(&|p| call(p.classify_attempt(verdicts), 9), 3),
        [
            retry(1, RetryReason::Hint),
            retry(2, RetryReason::Costing),
            gave_up(3, GiveUpReason::Attempts)
        ]
    );
    assert_eq!(
        events(&|p| p.run_blocking(Err::<u32, _>), 1),
        [gave_up(1, GiveUpReason::Attempts)]
    );
}

#[test]
fn listener_hears_of_an_unready_service() {
    let (log, heard) = mpsc::channel();
    let builder = RetryPolicy::builder().backoff(Backoff::none());
    let policy = builder.wait_for_ready(false).build().unwrap();
    let _listener = policy.on_event(move |event| log.send(event.clone()).unwrap());
    let (mut service, mut handle) = mock::spawn_layer::<(), (), _>(RetryLayer::new(policy));
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
    let mut call = task::spawn(service.call(()));
    next(&mut handle).1.send_error("busy");
    assert_ready_err!(call.poll());
    let last = heard.try_iter().last().unwrap();
    let reason = GiveUpReason::NotReady;
    assert_eq!(
        last,
        Event::GaveUp {
            attempts: 1,
            reason
        }
    );
}

#[test]
fn slow_listener_holds_up_the_events_of_its_call_only() {
    let (log, heard) = mpsc::channel();
    let ends = Arc::new(Barrier::new(2));
    let waits = Arc::clone(&ends);
    let policy = attempts(2);
    let quick = thread::current().id();
    let _listener = policy.on_event(move |_| {
        log.send(thread::current().id()).unwrap();
        if thread::current().id() != quick {
            waits.wait();
        }
    });
    let other = policy.clone();
    let call = thread::spawn(move || other.run_blocking(|_| Ok::<_, ()>(())));
    let other = call.thread().id();
    let bound = Duration::from_secs(60);
    assert_eq!(heard.recv_timeout(bound).unwrap(), other);
    assert!(policy.run_blocking(|_| Ok::<_, ()>(())).is_ok());
    assert_eq!(heard.try_recv(), Ok(quick));
    ends.wait();
    assert!(call.join().unwrap().is_ok());
}

#[test]
fn listener_hears_of_clones_until_it_is_dropped() {
    let (log, heard) = mpsc::channel();
    let policy = attempts(2);
    let clone = policy
        .clone()
        .classify(|_| Verdict::Never)
        .budget(budget(1.0));
    let (first, second) = (log.clone(), log);
    let listener = policy.on_event(move |_| first.send(1).unwrap());
    policy.on_event(move |_| second.send(2).unwrap()).detach();
    let _ = clone.run_blocking(Err::<(), _>);
    drop(listener);
    let _ = clone.run_blocking(Err::<(), _>);
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), [1, 2, 2]);
}

#[test]
fn a_named_clone_is_a_separate_policy() {
    let (log, heard) = mpsc::channel();
    let policy = attempts(3);
    let _listener = policy.on_event(move |event| log.send(event.clone()).unwrap());
    let named = policy.clone().named("other");
    let numbers = RetryPolicy::builder().backoff(Backoff::none());
    policy.reconfigure(numbers.attempts(1)).unwrap();
    assert_eq!(named.run_blocking(Err::<(), _>), Err(3));
    assert_eq!(heard.try_iter().count(), 0);
}

// === Changing the numbers ===

#[test]
fn running_layer_obeys_other_numbers() {
    let numbers = RetryPolicy::builder().backoff(Backoff::none());
    let policy = numbers.attempts(3).build().unwrap().unlimited();
    let (made, service) = script::<(), _>(&[Err("busy"); 20]);
    let mut by_value = RetryLayer::new(policy.clone()).layer(service.clone());
    let mut leaked = RetryLayer::new(policy.clone().leak()).layer(service);
    let mut counts = Vec::new();
    for attempts in [3, 1, 2] {
        policy.reconfigure(numbers.attempts(attempts)).unwrap();
        let refused = policy.reconfigure(numbers.attempts(0)).unwrap_err();
        assert_eq!(refused.kind(), InvalidConfigKind::ZeroAttempts);
        for is_leaked in [false, true] {
            let before = made.load(SeqCst);
            if is_leaked {
                let _ = task::spawn(leaked.call(())).poll();
            } else {
                let _ = task::spawn(by_value.call(())).poll();
            }
            counts.push(made.load(SeqCst) - before);
        }
    }
    assert_eq!(counts, [3, 3, 1, 1, 2, 2]);
}

#[test]
#[expect(clippy::float_cmp, reason = "exact thousandths")]
fn changed_budgets_keep_what_they_hold() {
    static SHARE: StaticInFlightShare = InFlightShare::builder()
        .share(0.5)
        .minimum(0)
        .build_static("changed");
    let throttle = HalfFull::builder().max_tokens(4).build("api").unwrap();
    throttle.record(true);
    throttle
        .reconfigure(HalfFull::builder().max_tokens(8))
        .unwrap();
    assert_eq!(throttle.tokens(), 6.0, "three quarters, as before");
    assert!(
        throttle
            .reconfigure(HalfFull::builder().max_tokens(0))
            .is_err()
    );

    let quota = CostBucket::builder().capacity(20).build("s3").unwrap();
    let hold = quota.try_take(8).unwrap();
    quota
        .reconfigure(CostBucket::builder().capacity(10))
        .unwrap();
    assert_eq!(quota.tokens(), 10);
    drop(hold);
    assert_eq!(quota.tokens(), 10, "there is no room for the refund");
    quota
        .reconfigure(CostBucket::builder().capacity(30).cost(9))
        .unwrap();
    assert_eq!(quota.tokens(), 10, "a larger bucket is not filled");
    let now = Now::unread();
    assert!(quota.try_hold(&now).is_some_and(|_| quota.tokens() == 1));
    assert!(quota.reconfigure(CostBucket::builder().cost(0)).is_err());

    let _calls = [SHARE.begin(), SHARE.begin()];
    let _retry = SHARE.try_retry().unwrap();
    let all = InFlightShare::builder().share(1.0).minimum(0);
    SHARE.reconfigure(all).unwrap();
    let _second = SHARE.try_retry().unwrap();
    SHARE.reconfigure(all.share(0.0).minimum(1)).unwrap();
    assert_eq!((SHARE.retries(), SHARE.try_retry().is_some()), (2, false));
    assert!(SHARE.reconfigure(all.share(2.0)).is_err());
}

#[test]
fn call_in_progress_obeys_fewer_attempts() {
    let numbers = RetryPolicy::builder().backoff(Backoff::none());
    let policy = numbers.attempts(9).build().unwrap().unlimited();
    let answer = policy.run_blocking(|attempt| {
        if attempt == 2 {
            policy.reconfigure(numbers.attempts(3)).unwrap();
        }
        Err::<(), _>(attempt)
    });
    assert_eq!(answer, Err(3));

    // A layer keeps a copy for an attempt that is no longer allowed.
    let policy = numbers.attempts(9).build().unwrap().unlimited();
    let (mut service, mut handle) = mock::spawn_layer::<(), (), _>(RetryLayer::new(policy.clone()));
    handle.allow(9);
    assert_ready_ok!(service.poll_ready());
    let mut call = task::spawn(service.call(()));
    next(&mut handle).1.send_error("busy");
    assert_pending!(call.poll());
    policy.reconfigure(numbers.attempts(2)).unwrap();
    next(&mut handle).1.send_error("busy");
    assert_ready_err!(call.poll());
    nothing_was_sent(&mut handle);
}

#[test]
fn call_that_kept_no_result_waits_for_readiness() {
    let numbers = RetryPolicy::builder().backoff(Backoff::none());
    let policy = numbers.build().unwrap().unlimited();
    let (mut service, mut handle) = mock::spawn_layer::<(), (), _>(RetryLayer::new(policy.clone()));
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
    let mut call = task::spawn(service.call(()));
    next(&mut handle).1.send_error("busy");
    assert_pending!(call.poll());
    policy.reconfigure(numbers.wait_for_ready(false)).unwrap();
    assert_pending!(call.poll());
    handle.allow(1);
    assert_pending!(call.poll());
    next(&mut handle).1.send_response(());
    assert_ready_ok!(call.poll());
}

#[test]
fn panicking_listener_does_not_fail_the_call() {
    let heard = Arc::new(AtomicU32::new(0));
    let policy = attempts(3);
    let _listener = policy.on_event(|_| panic!("a listener's own"));
    assert_eq!(policy.run_blocking(Err::<(), _>), Err(3));
    let count = Arc::clone(&heard);
    let policy = policy.named("x");
    let _counting = policy.on_event(move |_| {
        count.fetch_add(1, SeqCst);
    });
    let policy = policy.named("y");
    assert_eq!(policy.run_blocking(Err::<(), _>), Err(3));
    assert_eq!(heard.load(SeqCst), 3);
}

// === Without tower ===

#[test]
fn run_follows_the_policy() {
    let budget = budget(2.0);
    let policy = attempts(9)
        .budget(budget.clone())
        .retry_if(|r| matches!(r, Err("busy")));
    let last = Arc::new(AtomicU32::new(0));
    let run = policy.run(async |attempt| {
        last.store(attempt, SeqCst);
        if attempt < 3 {
            Err("busy")
        } else {
            Err::<(), _>("gone")
        }
    });
    assert_eq!(assert_ready_err!(task::spawn(run).poll()), "gone");
    assert_eq!((last.load(SeqCst), budget.balance()), (3, 0));
    let spent = policy.run(async |attempt| if attempt < 4 { Err("busy") } else { Ok(()) });
    assert_eq!(
        assert_ready_err!(task::spawn(spent).poll()),
        "busy",
        "three attempts were paid for"
    );
}

// === Configuration and types ===

#[test]
fn illegal_values_are_refused() {
    let refused = RetryPolicy::builder().attempts(0).build().unwrap_err();
    assert_eq!(refused.kind(), InvalidConfigKind::ZeroAttempts);
    assert!(
        refused
            .to_string()
            .starts_with("attempts must be at least 1")
    );
    let ms = Duration::from_millis;
    let policy = RetryPolicy::builder;
    for (builder, text) in [
        (
            policy().attempts(1_000_000),
            "attempts must be at most 1,000 without max_elapsed: set the time after which a call gives up (found 1000000)",
        ),
        (
            policy().backoff(Backoff::exponential(ms(200), ms(100))),
            "the first delay of a backoff must be at most its cap: exchange them, or use a constant backoff (backoff: found 200ms above 100ms)",
        ),
        (
            policy().throttle_backoff(Backoff::linear(ms(2), ms(1))),
            "the first delay of a backoff must be at most its cap: exchange them, or use a constant backoff (throttle_backoff: found 2ms above 1ms)",
        ),
    ] {
        assert_eq!(builder.build().unwrap_err().to_string(), text);
    }
    for builder in [
        policy().attempts(1_000),
        policy().attempts(u32::MAX).max_elapsed(ms(100)),
        policy().backoff(Backoff::exponential(ms(100), ms(100))),
        policy().backoff(Backoff::custom(|_| Duration::MAX, ms(100))),
    ] {
        assert!(builder.build().is_ok(), "{builder:?}");
    }
    let builder = RetryBudget::builder;
    for (builder, field, found) in [
        (builder().ratio(-0.1), "ratio", "(found -0.1)"),
        (builder().ratio(f64::NAN), "ratio", "(found NaN)"),
        (builder().ratio(f64::INFINITY), "ratio", "(found inf)"),
        (builder().ratio(10.1), "ratio", "(found 10.1)"),
        (
            builder().floor_per_second(1_000_001),
            "floor",
            "(found 1000001)",
        ),
        (builder().ttl(ms(999)), "ttl", "(found 999ms)"),
        (builder().ttl(ms(600_001)), "ttl", "(found 600.001s)"),
    ] {
        let refused = builder.build("refused").unwrap_err().to_string();
        assert!(
            refused.contains(field) && refused.ends_with(found),
            "{refused}"
        );
    }
    for builder in [
        builder(),
        builder().ratio(0.0).floor_per_second(0),
        builder()
            .ratio(10.0)
            .floor_per_second(1_000_000)
            .ttl(ms(600_000)),
        builder().ttl(ms(1_000)),
    ] {
        assert!(builder.build("legal").is_ok(), "{builder:?}");
    }
}

/// What `check` and `build` return, without the name.
macro_rules! checked_and_built {
    ($builder:expr $(, $name:literal)?) => {
        (
            $builder.check().map_err(|refused| refused.kind()),
            $builder.build($($name)?).map(drop).map_err(|refused| refused.kind()),
        )
    };
}

#[test]
fn a_check_accepts_and_refuses_what_build_does() {
    for (checked, built) in [
        checked_and_built!(RetryPolicy::builder()),
        checked_and_built!(RetryBudget::builder(), "new"),
        checked_and_built!(HalfFull::builder(), "new"),
        checked_and_built!(CostBucket::builder(), "new"),
        checked_and_built!(InFlightShare::builder(), "new"),
        checked_and_built!(Hedge::at_quantile(0.9)),
    ] {
        assert_eq!((checked, built), (Ok(()), Ok(())));
    }
    for ((checked, built), kind) in [
        (
            checked_and_built!(RetryPolicy::builder().attempts(0)),
            InvalidConfigKind::ZeroAttempts,
        ),
        (
            checked_and_built!(RetryBudget::builder().ratio(11.0), "new"),
            InvalidConfigKind::Ratio(11.0),
        ),
        (
            checked_and_built!(HalfFull::builder().max_tokens(0), "new"),
            InvalidConfigKind::MaxTokens(0),
        ),
        (
            checked_and_built!(InFlightShare::builder().share(2.0), "new"),
            InvalidConfigKind::Share(2.0),
        ),
        (
            checked_and_built!(Hedge::at_quantile(1.0)),
            InvalidConfigKind::Quantile(1.0),
        ),
    ] {
        assert_eq!((checked, built), (Err(kind), Err(kind)));
    }
    let (checked, built) = checked_and_built!(CostBucket::builder().cost(0), "new");
    assert!(matches!(
        checked,
        Err(InvalidConfigKind::Cost {
            cost: 0,
            capacity: 500,
            ..
        })
    ));
    assert_eq!(checked, built);
    let refused = RetryBudget::builder().ratio(11.0).check().unwrap_err();
    assert_eq!(refused.name(), None);
}

#[test]
fn an_error_of_a_named_object_begins_with_its_name() {
    let (throttle, bucket, share) = (
        HalfFull::builder(),
        CostBucket::builder(),
        InFlightShare::builder(),
    );
    let (budget, numbers) = (RetryBudget::builder(), RetryPolicy::builder());
    let (bad_throttle, bad_bucket) = (throttle.max_tokens(0), bucket.cost(0));
    let (bad_share, bad_budget) = (share.share(2.0), budget.ratio(-1.0));
    let of_budgets = [
        ("built", bad_budget.build("built").map(drop)),
        ("owned", bad_budget.build("owned".to_owned()).map(drop)),
        ("throttle", bad_throttle.build("throttle").map(drop)),
        ("bucket", bad_bucket.build("bucket").map(drop)),
        ("share", bad_share.build("share").map(drop)),
        ("new", budget.build("new").unwrap().reconfigure(bad_budget)),
        (
            "new",
            throttle.build("new").unwrap().reconfigure(bad_throttle),
        ),
        ("new", bucket.build("new").unwrap().reconfigure(bad_bucket)),
        ("new", share.build("new").unwrap().reconfigure(bad_share)),
    ];
    for (name, result) in of_budgets {
        let refused = result.unwrap_err();
        assert_eq!(refused.name(), Some(name));
        let text = format!("retry budget `{name}`: {}", refused.kind());
        assert_eq!(refused.to_string(), text);
    }
    let policy = numbers.build().unwrap();
    for refused in [
        policy
            .clone()
            .named("store")
            .reconfigure(numbers.attempts(0)),
        numbers
            .build_named("store")
            .unwrap()
            .reconfigure(numbers.attempts(0)),
        numbers.attempts(0).build_named("store").map(drop),
    ] {
        let refused = refused.unwrap_err();
        assert_eq!(refused.name(), Some("store"));
        let text = format!("retry policy `store`: {}", refused.kind());
        assert_eq!(refused.to_string(), text);
    }
    for refused in [
        policy.reconfigure(numbers.attempts(0)).unwrap_err(),
        numbers.attempts(0).build().unwrap_err(),
        bad_budget.build("").unwrap_err(),
        Hedge::after(Duration::ZERO).build().unwrap_err(),
    ] {
        assert_eq!(refused.name(), None);
        assert_eq!(refused.to_string(), refused.kind().to_string());
    }
}

#[test]
fn new_budget_has_the_floor_of_one_ttl() {
    assert_eq!(RetryBudget::new("new").balance(), 100);
    assert_eq!(RetryBudget::new("new").name(), "new");
}

#[test]
fn largest_policy_numbers_are_legal() {
    let policy = RetryPolicy::builder()
        .attempts(u32::MAX)
        .max_elapsed(Duration::MAX)
        .max_hint(Duration::MAX)
        .backoff(Backoff::none())
        .build()
        .unwrap()
        .unlimited();
    let mut service = RetryLayer::new(policy).layer(Failing::times(100));
    assert_eq!(assert_ready_ok!(task::spawn(service.call(())).poll()), 101);
}

#[test]
fn retries_without_waits_yield_to_other_tasks() {
    let inner = Failing::times(u32::MAX);
    let made = inner.made.clone();
    let policy = attempts(300);
    let mut service = RetryLayer::new(policy.clone()).layer(inner);
    let mut call = task::spawn(service.call(()));
    for most in [128, 256] {
        assert_pending!(call.poll());
        assert!(call.is_woken(), "it goes on by itself");
        assert_eq!(made.load(SeqCst), most);
    }
    assert_eq!(assert_ready_err!(call.poll()), 300);

    let mut run = task::spawn(policy.run(async |attempt| Err::<(), _>(attempt)));
    for _ in 0..2 {
        assert_pending!(run.poll());
        assert!(run.is_woken());
    }
    assert_eq!(assert_ready_err!(run.poll()), 300);
}

type Inner = tower::util::ServiceFn<fn(Cell<u8>) -> Ready<Result<Cell<u8>, BoxError>>>;
assert_impl_all!(RetryPolicy: Clone, Send, Sync, Unpin, fmt::Debug);
assert_impl_all!(RetryLayer: Clone, Send, Sync, Unpin, fmt::Debug);
assert_impl_all!(RetryBudget: Clone, Send, Sync, Unpin, fmt::Debug, Budget);
assert_impl_all!(&'static StaticRetryBudget: Budget);
assert_impl_all!(HalfFull: Clone, Send, Sync, Unpin, fmt::Debug, Budget);
assert_impl_all!(CostBucket: Clone, Send, Sync, Unpin, fmt::Debug, Budget);
assert_impl_all!(InFlightShare: Clone, Send, Sync, Unpin, fmt::Debug, Budget);
assert_impl_all!(&'static RetryBudget: Budget);
assert_impl_all!(Hold: Send, Sync, fmt::Debug);
assert_not_impl_any!(Hold: Clone);
assert_impl_all!(Delays: Clone, Send, Sync, Iterator<Item = Duration>);
assert_impl_all!(InvalidConfig: Error, Copy, PartialEq, Send, Sync);
// A request that is not `Sync` costs the service nothing, and the future keeps `Send`.
assert_impl_all!(RetryService<Inner, RetryPolicy, Boxed>: Clone, Send, Sync, Service<Cell<u8>>);
assert_impl_all!(ResponseFuture<Inner, Cell<u8>>: Send, fmt::Debug);

#[test]
fn closures_infer_and_functions_are_generic() {
    fn is_failure<T, E>(r: &Result<T, E>) -> bool {
        r.is_err()
    }
    let mut service = RetryLayer::new(attempts(2).retry_if(is_failure)).layer(Failing::times(1));
    assert_eq!(
        assert_ready_ok!(task::spawn(service.call("request")).poll()),
        2
    );
    let policy = attempts(2).classify_attempt(|attempt, r| match r {
        Ok(_) => Verdict::Done,
        Err(_) if attempt.number() < 2 => Verdict::Retry,
        Err(_) => Verdict::Never,
    });
    let mut service = RetryLayer::new(policy).layer(Failing::times(1));
    assert_eq!(
        assert_ready_ok!(task::spawn(service.call("request")).poll()),
        2
    );
}

#[test]
fn leaked_policy_decides_like_the_policy_by_value() {
    type Inner = tower::util::ServiceFn<fn(u64) -> Ready<Result<u64, Infallible>>>;
    fn run<P: SourceOf<()> + Clone>(
        policy: P,
        answers: &[Result<u32, &'static str>],
    ) -> (Result<u32, &'static str>, u32)
    where
        P::Classifier: Classify<(), u32, &'static str>,
        P::Replay: Replay<()>,
        P::Deadline: DeadlineOf<()>,
    {
        let (made, service) = script(answers);
        let mut service = RetryLayer::new(policy).layer(service);
        let answer = assert_ready!(task::spawn(service.call(())).poll());
        (answer, made.load(SeqCst))
    }
    let budget = budget(1.0);
    let policy = attempts(3)
        .budget(budget.clone())
        .retry_if(|r: &Result<u32, &str>| matches!(r, Err("busy")));
    let leaked: &'static _ = policy.clone().leak();
    for answers in [
        &[Ok(1)][..],
        &[Err("busy"), Ok(2)],
        &[Err("busy"), Err("busy"), Err("broken")],
        &[Err("busy")],
    ] {
        let before = budget.balance();
        let by_value = run(policy.clone(), answers);
        let paid = budget.balance().wrapping_sub(before);
        assert_eq!(run(leaked, answers), by_value);
        assert_eq!(
            budget.balance().wrapping_sub(before),
            paid.wrapping_mul(2),
            "one budget"
        );
        for _ in 0..9 {
            budget.deposit();
        }
    }
    let (value, place) = (
        size_of::<ResponseFuture<Inner, u64>>(),
        size_of::<ResponseFuture<Inner, u64, &'static RetryPolicy>>(),
    );
    assert_eq!(value - place, size_of::<RetryPolicy>() - size_of::<usize>());
}

#[test]
fn debug_shows_numbers_and_balances() {
    static SHARE: StaticInFlightShare = InFlightShare::builder().build_static("search");
    let policy = RetryPolicy::builder()
        .backoff(Backoff::exponential(
            Duration::from_millis(50),
            Duration::from_secs(2),
        ))
        .max_elapsed(Duration::from_secs(5))
        .build()
        .unwrap()
        .named("store");
    assert_eq!(
        format!("{policy:?}"),
        "RetryPolicy { name: Some(\"store\"), attempts: 3, backoff: Backoff { first: 50ms, cap: 2s, growth: Times(2), \
         custom: None, jitter: Full }, max_elapsed: Some(5s), max_hint: 30s, short_hints: false, wait_for_ready: true, \
         throttle_backoff: None, budget: HalfFull { name: \"default\", tokens: 10.0, .. }, classifier: RetryErrors, \
         replay: CloneRequest, deadline: NoDeadline }"
    );
    let credit = budget(1.0);
    credit.deposit();
    credit.deposit();
    let hold = credit.try_hold().unwrap();
    assert_eq!(
        format!("{hold:?}"),
        "Hold { budget: Some(RetryBudget { name: \"test\", balance: 1, .. }), .. }"
    );
    let quota = CostBucket::builder().build("s3").unwrap();
    assert_eq!(
        format!("{quota:?}"),
        "CostBucket { name: \"s3\", tokens: 500, .. }"
    );
    let _call = SHARE.begin();
    assert_eq!(
        format!("{:?}", &SHARE),
        "InFlightShare { name: \"search\", calls: 1, retries: 0, .. }"
    );
}

#[test]
fn sizes_do_not_change() {
    type Inner = tower::util::ServiceFn<fn(u64) -> Ready<Result<[u64; 2], Infallible>>>;
    type Plain = ResponseFuture<Inner, u64>;
    type Of<B> = RetryPolicy<RetryErrors, CloneRequest, NoDeadline, B>;
    type Budgeted = ResponseFuture<Inner, u64, Of<RetryBudget>>;
    type Static = ResponseFuture<Inner, u64, Of<&'static StaticRetryBudget>>;
    let timer = size_of::<tokio::time::Sleep>();
    assert_eq!(
        size_of::<(RetryErrors, CloneRequest, NoDeadline, Unlimited)>(),
        0
    );
    assert_eq!(size_of::<Hold>(), 2 * size_of::<usize>());
    assert_eq!(
        [
            size_of::<RetryPolicy>(),
            size_of::<Plain>(),
            size_of::<Static>(),
            size_of::<Budgeted>()
        ],
        // A third of the future is tokio's timer, whose size depends on tokio's features. A budget adds its pointer,
        // and the hold beside the timer.
        [16, timer + 152, timer + 168, timer + 168],
    );
}
