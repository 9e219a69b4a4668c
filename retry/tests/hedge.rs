//! Hedges, on tokio's paused clock.

use std::{
    cell::Cell,
    fmt,
    future::{Future, Ready, ready},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
        mpsc,
    },
    task::{Context, Poll},
    time::Duration,
};

use maestro_retry::{
    Backoff, Boxed, Budget, CostBucket, Event, HalfFull, Hedge, HedgeBuilder, HedgeLayer,
    HedgeResult, HedgeService, InFlightShare, InvalidConfig, RetryBudget, RetryLayer, RetryPolicy,
    Unlimited, Verdict, future::HedgedResponse,
};
use proptest::prelude::*;
use static_assertions::assert_impl_all;
use tokio::time::{Instant, sleep, timeout};
use tokio_test::{assert_pending, assert_ready, task};
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};

mod starved;

use starved::starved;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A backend with a time in milliseconds and a result for each attempt. Those after the last are as the last.
#[derive(Clone)]
struct Backend {
    script: Arc<[(u64, Result<u32, &'static str>)]>,
    sent: Arc<AtomicU32>,
    running: Arc<AtomicU32>,
    /// When each attempt began.
    begins: mpsc::Sender<Duration>,
    start: Instant,
}

/// Counts an attempt as running until it is dropped.
struct Runs(Arc<AtomicU32>);

impl Drop for Runs {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl Backend {
    fn new(script: &[(u64, Result<u32, &'static str>)]) -> (Self, mpsc::Receiver<Duration>) {
        let (begins, begun) = mpsc::channel();
        let backend = Self {
            script: script.into(),
            sent: Arc::default(),
            running: Arc::default(),
            begins,
            start: Instant::now(),
        };
        (backend, begun)
    }

    fn service<Req>(
        &self,
    ) -> impl Service<Req, Response = u32, Error = &'static str, Future: Send> + Clone + use<Req>
    {
        let backend = self.clone();
        service_fn(move |_: Req| {
            let n = backend.sent.fetch_add(1, SeqCst) as usize;
            let _ = backend.begins.send(backend.start.elapsed());
            let (latency, result) = backend.script[n.min(backend.script.len() - 1)];
            backend.running.fetch_add(1, SeqCst);
            let runs = Runs(Arc::clone(&backend.running));
            async move {
                let _runs = runs;
                sleep(ms(latency)).await;
                result
            }
        })
    }

    fn sent(&self) -> u32 {
        self.sent.load(SeqCst)
    }

    fn running(&self) -> u32 {
        self.running.load(SeqCst)
    }
}

/// After 100 ms, with credit for `hedges`.
async fn paid(hedges: u32) -> Hedge {
    let hedge = after_100().build().expect("the numbers are legal");
    let layer = RetryLayer::new(policy(1)).hedge(hedge.clone());
    for _ in 0..hedges {
        let service = layer.layer(service_fn(|()| ready(Ok::<_, &str>(()))));
        service.oneshot(()).await.expect("it never fails");
    }
    assert_eq!(hedge.credit(), hedges);
    hedge
}

/// Each fast call pays for a hedge.
const fn after_100() -> HedgeBuilder {
    Hedge::after(ms(100)).share(1.0)
}

/// For a property, which is no async test.
fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O")
}

/// Without waits, and without a budget.
fn policy(
    attempts: u32,
) -> RetryPolicy<
    maestro_retry::RetryErrors,
    maestro_retry::CloneRequest,
    maestro_retry::NoDeadline,
    Unlimited,
> {
    RetryPolicy::builder()
        .attempts(attempts)
        .backoff(Backoff::none())
        .build()
        .expect("no test asks for 0 attempts")
        .unlimited()
}

/// The results of hedges that a policy reports.
fn results(sender: mpsc::Sender<HedgeResult>) -> impl Fn(&Event) + Send + Sync {
    move |event| {
        if let Event::Hedge { result } = event {
            let _ = sender.send(*result);
        }
    }
}

/// The policy, with a listener to its events.
fn heard_by<V, Q, D, B>(
    policy: RetryPolicy<V, Q, D, B>,
    f: impl Fn(&Event) + Send + Sync + 'static,
) -> RetryPolicy<V, Q, D, B> {
    policy.on_event(f).detach();
    policy
}

// === The two attempts ===

#[tokio::test(start_paused = true)]
async fn slow_attempt_is_sent_a_second_time() {
    let (backend, begun) = Backend::new(&[(5_000, Ok(1)), (20, Ok(2))]);
    let hedge = paid(3).await;
    let service = RetryLayer::new(policy(3)).hedge(hedge.clone());
    let service = service.layer(backend.service());
    let start = Instant::now();
    assert_eq!(service.oneshot(()).await, Ok(2));
    assert_eq!(start.elapsed(), ms(120));
    assert_eq!(begun.try_iter().collect::<Vec<_>>(), [ms(0), ms(100)]);
    assert_eq!((backend.running(), hedge.credit()), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn first_attempt_may_still_win() {
    let (backend, _begun) = Backend::new(&[(150, Ok(1)), (5_000, Ok(2))]);
    let service = RetryLayer::new(policy(3)).hedge(paid(1).await);
    let start = Instant::now();
    let answer = service.layer(backend.service()).oneshot(()).await;
    assert_eq!((answer, start.elapsed()), (Ok(1), ms(150)));
    assert_eq!((backend.sent(), backend.running()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn fast_answer_sends_nothing_more() {
    let (backend, _begun) = Backend::new(&[(99, Ok(1))]);
    let hedge = paid(1).await;
    let service = RetryLayer::new(policy(3)).hedge(hedge.clone());
    assert_eq!(service.layer(backend.service()).oneshot(()).await, Ok(1));
    sleep(ms(1_000)).await;
    assert_eq!((backend.sent(), hedge.credit()), (1, 2));
}

/// Outside a runtime, where a timer would panic.
#[test]
fn answer_at_once_needs_no_timer() {
    let hedge = after_100().build().unwrap();
    let layer = RetryLayer::new(policy(3)).hedge(hedge.clone());
    let mut service = layer.layer(service_fn(|n: u32| ready(Ok::<_, &str>(n))));
    let mut call = task::spawn(service.call(7));
    assert_eq!(assert_ready!(call.poll()), Ok(7));
    assert_eq!(hedge.credit(), 1);
}

#[tokio::test(start_paused = true)]
async fn loser_is_dropped_before_the_answer_is_seen() {
    for script in [
        [(5_000, Ok(1)), (20, Ok(2))],
        [(150, Ok(1)), (5_000, Ok(2))],
    ] {
        let (backend, _begun) = Backend::new(&script);
        // The policy asks about the answer last.
        let (running, left) = (Arc::clone(&backend.running), Arc::new(AtomicU32::new(9)));
        let last = Arc::clone(&left);
        let policy = policy(1).classify(move |_| {
            last.store(running.load(SeqCst), SeqCst);
            Verdict::Done
        });
        let layer = RetryLayer::new(policy).hedge(paid(1).await);
        let service = layer.layer(backend.service());
        let mut call = pin!(service.oneshot(()));
        // The future is still there: the loser is not dropped with it.
        let answer = call.as_mut().await;
        assert!(answer.is_ok());
        assert_eq!((backend.sent(), backend.running()), (2, 0));
        assert_eq!(left.load(SeqCst), 0, "not even the policy sees it");
    }
}

#[tokio::test(start_paused = true)]
async fn first_attempt_wins_a_tie() {
    for (first, second) in [(Ok(1), Ok(2)), (Err("busy"), Ok(1)), (Ok(1), Err("busy"))] {
        let (backend, _begun) = Backend::new(&[(150, first), (50, second)]);
        let layer = RetryLayer::new(policy(3)).hedge(paid(1).await);
        assert_eq!(layer.layer(backend.service()).oneshot(()).await, Ok(1));
        assert_eq!((backend.sent(), backend.running()), (2, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn failed_attempt_waits_for_the_other() {
    for (script, answer, took) in [
        ([(150, Err("busy")), (80, Ok(2))], 2, 180),
        ([(250, Ok(1)), (20, Err("busy"))], 1, 250),
    ] {
        let (backend, _begun) = Backend::new(&script);
        let layer = RetryLayer::new(policy(3)).hedge(paid(1).await);
        let start = Instant::now();
        let found = layer.layer(backend.service()).oneshot(()).await;
        assert_eq!((found, start.elapsed()), (Ok(answer), ms(took)));
        assert_eq!(backend.sent(), 2, "no retry");
    }
}

#[tokio::test(start_paused = true)]
async fn failed_first_attempt_is_not_kept() {
    let (backend, _begun) = Backend::new(&[(150, Err("busy")), (5_000, Ok(2))]);
    let layer = RetryLayer::new(policy(1)).hedge(paid(1).await);
    let service = layer.layer(backend.service());
    let mut call = task::spawn(service.oneshot(()));
    assert_pending!(call.poll());
    tokio::time::advance(ms(101)).await;
    assert_pending!(call.poll());
    assert_eq!(backend.running(), 2);
    tokio::time::advance(ms(60)).await;
    assert_pending!(call.poll());
    assert_eq!(backend.running(), 1, "with what it may hold");
}

#[tokio::test(start_paused = true)]
async fn two_failures_are_one_failed_attempt() {
    let (backend, begun) = Backend::new(&[(150, Err("a")), (90, Err("b")), (10, Ok(3))]);
    let quota = HalfFull::builder().max_tokens(10).build("once").unwrap();
    let (sender, heard) = mpsc::channel();
    let policy = heard_by(policy(3).budget(quota.clone()), results(sender));
    let layer = RetryLayer::new(policy).hedge(paid(1).await);
    assert_eq!(layer.layer(backend.service()).oneshot(()).await, Ok(3));
    let begun: Vec<_> = begun.try_iter().collect();
    assert_eq!(begun, [ms(0), ms(100), ms(190)]);
    // A token for the hedge, one for the failure of both, a tenth back for the success.
    assert_eq!(quota.tokens().to_bits(), 8.1_f64.to_bits());
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), [HedgeResult::Lost]);
}

#[tokio::test(start_paused = true)]
async fn failure_before_the_delay_is_a_matter_of_retry() {
    let (backend, begun) = Backend::new(&[(30, Err("busy")), (5_000, Ok(2)), (10, Ok(3))]);
    let hedge = paid(1).await;
    let layer = RetryLayer::new(policy(3)).hedge(hedge.clone());
    assert_eq!(layer.layer(backend.service()).oneshot(()).await, Ok(3));
    // The retry is hedged as any attempt. The failure has paid nothing.
    assert_eq!(begun.try_iter().collect::<Vec<_>>(), [0, 30, 130].map(ms));
    assert_eq!(hedge.credit(), 0);
}

#[tokio::test(start_paused = true)]
async fn fast_failures_pay_for_nothing_and_lower_no_delay() {
    let hedge = Hedge::at_quantile(0.9).share(1.0).build().unwrap();
    for result in [Err("down"), Ok("teapot")] {
        let layer = RetryLayer::new(policy(1).retry_if(|r| *r != Ok("fine"))).hedge(hedge.clone());
        for _ in 0..100 {
            let service = layer.layer(service_fn(move |()| ready(result)));
            let _ = service.oneshot(()).await;
        }
    }
    assert_eq!((hedge.credit(), hedge.delay()), (0, ms(100)));
}

#[tokio::test(start_paused = true)]
async fn rejected_hedge_does_not_end_the_call() {
    #[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
    #[error("do not retry here")]
    struct Rejected;

    for (first, second) in [
        ((300, Ok(1)), (0, Err(Rejected))),
        ((200, Err(Rejected)), (200, Ok(1))),
    ] {
        let sent = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&sent);
        let layer = RetryLayer::new(policy(3)).hedge(paid(1).await);
        let service = layer.layer(service_fn(move |()| {
            let n = count.fetch_add(1, SeqCst);
            let (latency, result) = if n == 0 { first } else { second };
            async move {
                sleep(ms(latency)).await;
                result
            }
        }));
        let start = Instant::now();
        assert_eq!(service.oneshot(()).await, Ok(1));
        assert_eq!((start.elapsed(), sent.load(SeqCst)), (ms(300), 2));
    }
}

#[tokio::test(start_paused = true)]
async fn answer_that_no_retry_mends_ends_the_call() {
    let (backend, _begun) = Backend::new(&[(150, Err("no such key")), (5_000, Ok(2))]);
    let policy = policy(3).classify(|result: &Result<u32, &str>| match result {
        Err("no such key") => Verdict::Never,
        _ => Verdict::Done,
    });
    let layer = RetryLayer::new(policy).hedge(paid(1).await);
    let start = Instant::now();
    let answer = layer.layer(backend.service()).oneshot(()).await;
    assert_eq!((answer, start.elapsed()), (Err("no such key"), ms(150)));
}

#[tokio::test(start_paused = true)]
async fn attempt_has_one_hedge_at_most() {
    let (backend, _begun) = Backend::new(&[(5_000, Ok(1))]);
    let layer = RetryLayer::new(policy(5)).hedge(paid(10).await);
    assert_eq!(layer.layer(backend.service()).oneshot(()).await, Ok(1));
    assert_eq!(backend.sent(), 2);
}

#[tokio::test(start_paused = true)]
async fn cancelled_call_drops_both_attempts() {
    let (backend, _begun) = Backend::new(&[(5_000, Ok(1))]);
    let share = InFlightShare::builder().build("cancelled").unwrap();
    let (sender, heard) = mpsc::channel();
    let policy = heard_by(policy(1).budget(share.clone()), results(sender));
    let layer = RetryLayer::new(policy).hedge(paid(1).await);
    let call = layer.layer(backend.service()).oneshot(());
    assert!(timeout(ms(200), call).await.is_err());
    assert_eq!((backend.sent(), backend.running()), (2, 0));
    assert_eq!((share.calls(), share.retries()), (0, 0));
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), [HedgeResult::Lost]);
}

#[tokio::test(start_paused = true)]
async fn late_answer_counts_as_slow_although_nobody_looked() {
    let hedge = Hedge::at_quantile(0.5).build().unwrap();
    let (backend, _begun) = Backend::new(&[(150, Ok(1))]);
    let layer = RetryLayer::new(policy(1)).hedge(hedge.clone());
    let mut call = task::spawn(layer.layer(backend.service()).oneshot(()));
    assert_pending!(call.poll());
    // The task is busy when the delay ends, and runs again when the answer is there.
    tokio::time::advance(ms(200)).await;
    assert_eq!(assert_ready!(call.poll()), Ok(1));
    assert!(hedge.delay() > ms(100));
    assert_eq!(backend.sent(), 1);
}

#[tokio::test(start_paused = true)]
async fn hedge_begins_without_cooperative_budget() {
    let sent = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&sent);
    let layer = RetryLayer::new(policy(1)).hedge(paid(1).await);
    let service = layer.layer(service_fn(move |()| {
        let is_first = count.fetch_add(1, SeqCst) == 0;
        std::future::poll_fn(move |_| {
            if is_first {
                Poll::Pending
            } else {
                Poll::Ready(Ok::<_, &str>(()))
            }
        })
    }));
    let start = Instant::now();
    assert_eq!(starved(service.oneshot(())).await, Ok(()));
    assert!((ms(100)..ms(110)).contains(&start.elapsed()));
    assert_eq!(sent.load(SeqCst), 2);
}

// === What forbids a hedge ===

/// The result of one call whose first attempt takes a second, with this policy and a paid hedge.
macro_rules! refused {
    ($policy:expr, $expected:expr) => {{
        let (backend, _begun) = Backend::new(&[(1_000, Ok(1)), (20, Ok(2))]);
        let (sender, heard) = mpsc::channel();
        let hedge = paid(1).await;
        let policy = heard_by($policy, results(sender));
        let layer = RetryLayer::new(policy).hedge(hedge.clone());
        assert_eq!(layer.layer(backend.service()).oneshot(()).await, Ok(1));
        assert_eq!(backend.sent(), 1);
        assert_eq!(hedge.credit(), 1, "what a refused hedge took comes back");
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), $expected);
    }};
}

#[tokio::test(start_paused = true)]
async fn request_that_is_not_copied_is_not_hedged() {
    refused!(policy(3).replay(|(): &()| None), []);
}

#[tokio::test(start_paused = true)]
async fn no_hedge_begins_after_the_deadline() {
    let start = Instant::now();
    let late = policy(3).deadline(move |(): &()| Some(start + ms(100)));
    refused!(late, [HedgeResult::Time]);
    let builder = RetryPolicy::builder().max_elapsed(ms(100));
    refused!(builder.build().unwrap(), [HedgeResult::Time]);
}

#[tokio::test(start_paused = true)]
async fn hedge_begins_within_the_deadline() {
    let (backend, _begun) = Backend::new(&[(1_000, Ok(1)), (20, Ok(2))]);
    let start = Instant::now();
    let policy = policy(1).deadline(move |(): &()| Some(start + ms(110)));
    let layer = RetryLayer::new(policy).hedge(paid(1).await);
    assert_eq!(layer.layer(backend.service()).oneshot(()).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn budget_that_grants_no_retry_grants_no_hedge() {
    let empty = RetryBudget::builder().ratio(0.0).floor_per_second(0);
    refused!(
        policy(3).budget(empty.build("empty").unwrap()),
        [HedgeResult::Budget]
    );
    let none = InFlightShare::builder().share(0.0).minimum(0);
    refused!(
        policy(3).budget(none.build("none").unwrap()),
        [HedgeResult::Budget]
    );
    // Half full: the failures of an outage.
    let half = HalfFull::builder()
        .max_tokens(2)
        .floor_per_second(100)
        .build("half")
        .unwrap();
    let failing = RetryPolicy::builder()
        .attempts(1)
        .build()
        .unwrap()
        .budget(half.clone());
    let _ = failing.run_blocking(|_| Err::<(), _>("down"));
    assert_eq!(half.tokens().to_bits(), 1.0_f64.to_bits());
    let refused = half.tokens();
    refused!(policy(3).budget(half.clone()), [HedgeResult::Budget]);
    assert!(half.tokens() > refused, "a refused hedge takes no token");
    let spent = CostBucket::builder().capacity(5).build("spent").unwrap();
    let token = spent.try_take(5).expect("it is full");
    refused!(policy(3).budget(spent.clone()), [HedgeResult::Budget]);
    drop(token);
}

#[tokio::test(start_paused = true)]
async fn hedge_costs_what_a_retry_costs() {
    for (script, price) in [
        // It wins, as a retry that succeeds.
        ([(1_000, Ok(1)), (20, Ok(2))], 0),
        // It loses, or fails.
        ([(150, Ok(1)), (1_000, Ok(2))], 5),
        ([(150, Ok(1)), (10, Err("busy"))], 5),
    ] {
        let (backend, _begun) = Backend::new(&script);
        let quota = CostBucket::builder().capacity(50).build("quota").unwrap();
        let hold = quota.try_take(20).expect("it is full");
        let layer = RetryLayer::new(policy(3).budget(quota.clone())).hedge(paid(1).await);
        assert!(layer.layer(backend.service()).oneshot(()).await.is_ok());
        // The success of the call gives one back, as without a hedge.
        assert_eq!(quota.tokens(), 30 + 1 - price);
        drop(hold);
    }
    // A share of the calls: the call pays in once, and the hedge takes one.
    let (backend, _begun) = Backend::new(&[(1_000, Ok(1)), (20, Ok(2))]);
    let budget = RetryBudget::builder()
        .ratio(1.0)
        .floor_per_second(0)
        .build("calls")
        .unwrap();
    budget.deposit();
    let layer = RetryLayer::new(policy(3).budget(budget.clone())).hedge(paid(1).await);
    assert_eq!(layer.layer(backend.service()).oneshot(()).await, Ok(2));
    assert_eq!(budget.balance(), 1);
}

#[tokio::test(start_paused = true)]
async fn running_hedge_counts_as_a_retry_in_flight() {
    let (backend, _begun) = Backend::new(&[(1_000, Ok(1)), (50, Ok(2))]);
    let share = InFlightShare::builder().build("flight").unwrap();
    let layer = RetryLayer::new(policy(3).budget(share.clone())).hedge(paid(1).await);
    let call = tokio::spawn(layer.layer(backend.service()).oneshot(()));
    for (at, retries) in [(50, 0), (120, 1), (200, 0)] {
        tokio::time::sleep_until(backend.start + ms(at)).await;
        assert_eq!(share.retries(), retries, "after {at} ms");
    }
    assert_eq!(call.await.unwrap(), Ok(2));
    assert_eq!(share.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn only_while_turns_hedges_off() {
    let is_on = Arc::new(AtomicBool::new(true));
    let (sender, heard) = mpsc::channel();
    let (backend, _begun) = Backend::new(&[(300, Ok(1))]);
    let asked = Arc::clone(&is_on);
    let layer = RetryLayer::new(heard_by(policy(1), results(sender)))
        .hedge(paid(3).await)
        .only_while(move || asked.load(SeqCst));
    let mut call = task::spawn(layer.layer(backend.service()).oneshot(()));
    assert_pending!(call.poll());
    // It is asked when the delay is over.
    is_on.store(false, SeqCst);
    assert_eq!(call.await, Ok(1));
    assert_eq!(backend.sent(), 1);
    is_on.store(true, SeqCst);
    assert_eq!(layer.layer(backend.service()).oneshot(()).await, Ok(1));
    assert_eq!(backend.sent(), 3);
    assert_eq!(
        heard.try_iter().collect::<Vec<_>>(),
        [HedgeResult::Off, HedgeResult::Lost]
    );
}

/// Ready for the first instance, and never for a clone.
struct Single(bool);

impl Clone for Single {
    fn clone(&self) -> Self {
        Self(false)
    }
}

impl Service<()> for Single {
    type Response = u32;
    type Error = &'static str;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<u32, &'static str>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        if self.0 {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    fn call(&mut self, (): ()) -> Self::Future {
        assert!(self.0, "called without being ready");
        Box::pin(async {
            sleep(ms(1_000)).await;
            Ok(1)
        })
    }
}

#[tokio::test(start_paused = true)]
async fn service_that_is_not_ready_gets_no_hedge() {
    let (sender, heard) = mpsc::channel();
    let hedge = paid(1).await;
    let layer = RetryLayer::new(heard_by(policy(1), results(sender))).hedge(hedge.clone());
    assert_eq!(layer.layer(Single(true)).oneshot(()).await, Ok(1));
    assert_eq!(hedge.credit(), 1);
    assert_eq!(
        heard.try_iter().collect::<Vec<_>>(),
        [HedgeResult::NotReady]
    );
}

#[tokio::test(start_paused = true)]
async fn room_for_one_call_is_left_to_the_first_attempt() {
    let (sender, heard) = mpsc::channel();
    let none = InFlightShare::builder().share(0.0).minimum(0);
    let refusing = policy(1).budget(none.build("none").unwrap());
    for (room, policy, expected) in [
        (1, refusing.clone(), HedgeResult::NotReady),
        // The room that the hedge had reserved comes back at once.
        (2, refusing, HedgeResult::Budget),
    ] {
        let (backend, _begun) = Backend::new(&[(1_000, Ok(1))]);
        let limited = tower::limit::ConcurrencyLimit::new(backend.service(), room);
        let layer = RetryLayer::new(heard_by(policy.named("separate"), results(sender.clone())));
        let service = layer.hedge(paid(1).await).layer(limited);
        let mut other = service.clone();
        let mut call = task::spawn(service.oneshot(()));
        assert_pending!(call.poll());
        tokio::time::advance(ms(101)).await;
        assert_pending!(call.poll());
        assert_eq!(heard.try_recv(), Ok(expected));
        let is_ready = timeout(ms(1), ServiceExt::<()>::ready(&mut other))
            .await
            .is_ok();
        assert_eq!(is_ready, room == 2);
        assert_eq!(call.await, Ok(1));
    }
}

#[tokio::test(start_paused = true)]
async fn panicking_closure_harms_no_other_call() {
    let hedge = paid(2).await;
    let share = InFlightShare::builder().build("panics").unwrap();
    let quiet = || policy(1).budget(share.clone());
    let (backend, _begun) = Backend::new(&[(1_000, Ok(1))]);
    let layer = RetryLayer::new(quiet()).hedge(hedge.clone());
    let layer = layer.only_while(|| panic!("only_while"));
    let call = tokio::spawn(layer.layer(backend.service()).oneshot(()));
    assert!(call.await.unwrap_err().is_panic());
    assert_eq!((backend.running(), hedge.credit()), (0, 2));

    // A listener is caught.
    let (backend, _begun) = Backend::new(&[(1_000, Ok(1)), (10, Ok(2))]);
    let layer = RetryLayer::new(heard_by(quiet(), |_| panic!("listener"))).hedge(hedge.clone());
    assert_eq!(layer.layer(backend.service()).oneshot(()).await, Ok(2));

    // A classifier that panics while both attempts run.
    let (backend, _begun) = Backend::new(&[(1_000, Ok(1)), (10, Ok(2))]);
    let layer = RetryLayer::new(quiet().classify(|_| panic!("classifier"))).hedge(hedge);
    let call = tokio::spawn(layer.layer(backend.service()).oneshot(()));
    assert!(call.await.unwrap_err().is_panic());
    assert_eq!((backend.sent(), backend.running()), (2, 0));
    assert_eq!((share.calls(), share.retries()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn credit_is_empty_in_the_beginning_and_bounded() {
    let (sender, heard) = mpsc::channel();
    let hedge = Hedge::after(ms(100)).burst(2).build().unwrap();
    let layer = RetryLayer::new(heard_by(policy(1), results(sender))).hedge(hedge.clone());
    let slow = Backend::new(&[(300, Ok(1))]).0;
    let fast = Backend::new(&[(10, Ok(1))]).0;
    layer.layer(slow.service()).oneshot(()).await.unwrap();
    for _ in 0..49 {
        layer.layer(fast.service()).oneshot(()).await.unwrap();
    }
    assert_eq!(hedge.credit(), 0);
    layer.layer(fast.service()).oneshot(()).await.unwrap();
    assert_eq!(hedge.credit(), 1, "fifty calls at 2 %");
    for _ in 0..1_000 {
        layer.layer(fast.service()).oneshot(()).await.unwrap();
    }
    assert_eq!(hedge.credit(), 2);
    for _ in 0..3 {
        layer.layer(slow.service()).oneshot(()).await.unwrap();
    }
    assert_eq!(
        heard.try_iter().collect::<Vec<_>>(),
        [
            HedgeResult::Credit,
            HedgeResult::Lost,
            HedgeResult::Lost,
            HedgeResult::Credit
        ]
    );
}

#[test]
fn illegal_numbers_of_a_hedge_are_refused() {
    for (builder, message) in [
        (Hedge::after(Duration::ZERO), "found 0ns"),
        (Hedge::after(Duration::MAX), "from 1 ms to an hour"),
        (
            Hedge::at_quantile(0.99).max_delay(ms(50)),
            "found 100ms, and bounds of 1ms and 50ms",
        ),
        (
            Hedge::at_quantile(0.99).min_delay(Duration::ZERO),
            "between its bounds",
        ),
        (Hedge::at_quantile(f64::NAN), "found NaN"),
        (Hedge::at_quantile(99.0), "from 0.5 to 0.999"),
        (Hedge::after(ms(50)).share(1.01), "from 0 to 1"),
        (Hedge::after(ms(50)).share(f64::NAN), "found NaN"),
        (Hedge::after(ms(50)).burst(0), "from 1 to 1,000"),
    ] {
        let error: InvalidConfig = builder.build().unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
}

// === Bounds ===

/// Runs `calls` in one runtime with a paused clock. Returns the number of calls and of attempts.
fn run<L, S>(layer: &L, calls: &[Arrival]) -> (u32, u32)
where
    L: Layer<Replica, Service = S>,
    S: Service<Arrival, Response = (), Error = &'static str, Future: Send> + Send + 'static,
{
    let sent = Arc::new(AtomicU32::new(0));
    paused().block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for call in calls {
            sleep(ms(call.after)).await;
            let service = layer.layer(Replica(Arc::clone(&sent)));
            tasks.spawn(service.oneshot(call.clone()));
        }
        tasks.join_all().await;
    });
    let made = u32::try_from(calls.len()).expect("a few hundred");
    (made, sent.load(SeqCst))
}

/// A call as a test plans it.
#[derive(Debug)]
struct Arrival {
    after: u64,
    latencies: [u64; 2],
    fails: bool,
    attempts: Arc<AtomicU32>,
}

impl Clone for Arrival {
    /// The attempts of one call are counted together.
    fn clone(&self) -> Self {
        Self {
            attempts: Arc::clone(&self.attempts),
            ..*self
        }
    }
}

fn arrivals(
    latencies: impl Strategy<Value = [u64; 2]>,
    failing: f64,
) -> impl Strategy<Value = Vec<Arrival>> {
    let call = (0u64..40, latencies, prop::bool::weighted(failing));
    let call = call.prop_map(|(after, latencies, fails)| Arrival {
        after,
        latencies,
        fails,
        attempts: Arc::default(),
    });
    prop::collection::vec(call, 1..300)
}

/// Counts all attempts of a test.
#[derive(Clone)]
struct Replica(Arc<AtomicU32>);

impl Service<Arrival> for Replica {
    type Response = ();
    type Error = &'static str;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<(), &'static str>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Arrival) -> Self::Future {
        self.0.fetch_add(1, SeqCst);
        let n = call.attempts.fetch_add(1, SeqCst) as usize;
        Box::pin(async move {
            sleep(ms(call.latencies[n.min(1)])).await;
            if call.fails { Err("busy") } else { Ok(()) }
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Calls overlap as they like.
    #[test]
    fn hedges_stay_within_their_share_of_fast_calls(
        share in 0.0..=1.0_f64,
        calls in arrivals(prop::array::uniform2(prop_oneof![0u64..99, 101u64..400]), 0.1),
    ) {
        let share = (share * 1e4).round() / 1e4;
        let hedge = Hedge::after(ms(100)).share(share).burst(1_000).build().unwrap();
        let layer = RetryLayer::new(policy(1)).hedge(hedge);
        let (made, sent) = run(&layer, &calls);
        let is_fast = |call: &Arrival| call.latencies[0] < 100 && !call.fails;
        let fast: u32 = calls.iter().map(|call| u32::from(is_fast(call))).sum();
        let most = share * f64::from(fast);
        prop_assert!(f64::from(sent - made) <= most + 1e-9, "{} of {}", sent - made, fast);
    }

    #[test]
    fn retries_and_hedges_share_one_budget(
        ratio in 0.0..=1.0_f64,
        calls in arrivals(prop::array::uniform2(0u64..400), 0.3),
    ) {
        let ratio = (ratio * 1e4).round() / 1e4;
        let budget = RetryBudget::builder().ratio(ratio).floor_per_second(0).build("one").unwrap();
        let hedge = Hedge::at_quantile(0.5).share(1.0).build().unwrap();
        let layer = RetryLayer::new(policy(4).budget(budget)).hedge(hedge);
        let (made, sent) = run(&layer, &calls);
        let most = (1.0 + ratio) * f64::from(made);
        prop_assert!(f64::from(sent) <= most + 1e-9, "{} of {}", sent, made);
    }

    /// The defaults, over a backend that becomes slow for everyone at any moment, by any factor.
    #[test]
    fn backend_slow_for_everyone_sees_two_percent_more(
        calls in arrivals(prop::array::uniform2(1u64..100), 0.0),
        onset in 0usize..300,
        factor in 1u64..1_000,
        quantile in 0.9..0.999,
        is_live: bool,
    ) {
        let mut calls = calls;
        for call in calls.iter_mut().skip(onset) {
            call.latencies = call.latencies.map(|latency| latency * factor);
        }
        let hedge = if is_live { Hedge::at_quantile(quantile) } else { Hedge::after(ms(100)) };
        let layer = RetryLayer::new(policy(1)).hedge(hedge.build().unwrap());
        let (made, sent) = run(&layer, &calls);
        prop_assert!(f64::from(sent) <= 1.02 * f64::from(made), "{} of {}", sent, made);
    }
}

/// How an attempt of [`accounts_of_all_budgets_agree`] ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Success,
    /// An `Err` that is an answer.
    Answer,
    Failure,
    /// A failure that no retry mends.
    Final,
    Rejection,
    Panic,
}

/// What a budget is charged for.
struct Account {
    hedged: bool,
    won: bool,
    /// How the call ended, unless it was cancelled or panicked.
    end: Option<End>,
}

/// The account of a call whose two attempts have these times in milliseconds and these ends.
fn account(ends: [(u64, End); 2], cancelled_after: u64) -> Account {
    let [(first, how_first), (second, how_second)] = ends;
    let hedged = first > 100 && cancelled_after > 100;
    let second = second + 100;
    let decides = |end| matches!(end, End::Success | End::Answer | End::Final | End::Panic);
    let hedge_ends_it = hedged
        && if second < first {
            decides(how_second)
        } else {
            !decides(how_first)
        };
    let (at, end) = if !hedged || !hedge_ends_it {
        (first, how_first)
    } else {
        (second, how_second)
    };
    let end = (at < cancelled_after && end != End::Panic).then_some(end);
    // An attempt that panics before the other decides ends the call.
    let earlier = if second < first {
        how_second
    } else {
        how_first
    };
    let end = end.filter(|_| !(hedged && earlier == End::Panic));
    let won = hedge_ends_it && matches!(end, Some(End::Success | End::Answer));
    Account { hedged, won, end }
}

fn end() -> impl Strategy<Value = End> {
    prop::sample::select(vec![
        End::Success,
        End::Answer,
        End::Failure,
        End::Final,
        End::Rejection,
        End::Panic,
    ])
}

/// Makes one call with a hedge after 100 ms, whose attempts end so.
async fn scripted<B>(budget: B, ends: [(u64, End); 2], cancelled_after: u64)
where
    B: Budget<Call: Send, Hold: Send, Retry: Send> + Clone + Send + Sync + 'static,
{
    let policy = policy(1).budget(budget).classify(|result| match result {
        Ok(()) | Err(End::Answer) => Verdict::Done,
        Err(End::Final) => Verdict::Never,
        Err(End::Rejection) => Verdict::Ignored,
        Err(_) => Verdict::Retry,
    });
    let sent = Arc::new(AtomicU32::new(0));
    let service = service_fn(move |()| {
        let (latency, end) = ends[sent.fetch_add(1, SeqCst) as usize];
        async move {
            sleep(ms(latency)).await;
            match end {
                End::Success => Ok(()),
                End::Panic => panic!("scripted"),
                end => Err(end),
            }
        }
    });
    let service = RetryLayer::new(policy).hedge(paid(1).await).layer(service);
    let call = timeout(ms(cancelled_after), service.oneshot(()));
    let _ = tokio::spawn(call).await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn accounts_of_all_budgets_agree(
        // No two of these end in the same millisecond.
        first in (0u64..80).prop_map(|n| 5 * n + 1),
        second in (0u64..60).prop_map(|n| 5 * n + 3),
        cancelled in (1u64..120).prop_map(|n| 5 * n + 2),
        how in [end(), end()],
    ) {
        let ends = [(first, how[0]), (second, how[1])];
        let Account { hedged, won, end } = account(ends, cancelled);
        paused().block_on(async {
            let quota = CostBucket::builder().capacity(100).build("quota").unwrap();
            let hold = quota.try_take(50).expect("it is full");
            scripted(quota.clone(), ends, cancelled).await;
            let price = if hedged && !won { 5 } else { 0 };
            let success = u64::from(end == Some(End::Success));
            prop_assert_eq!(quota.tokens(), 50 - price + success);
            drop(hold);

            let throttle = HalfFull::builder().max_tokens(10).token_ratio(1.0);
            let throttle = throttle.build("throttle").unwrap();
            throttle.record(true);
            scripted(throttle.clone(), ends, cancelled).await;
            let failed = matches!(end, Some(End::Failure | End::Final));
            let tokens = 9 - i32::from(hedged) - i32::from(failed) + i32::from(success == 1);
            prop_assert_eq!(throttle.tokens().to_bits(), f64::from(tokens).to_bits());

            let share = RetryBudget::builder().ratio(1.0).floor_per_second(0);
            let share = share.build("share").unwrap();
            share.deposit();
            scripted(share.clone(), ends, cancelled).await;
            let reached = end.is_some_and(|end| end != End::Rejection);
            prop_assert_eq!(
                i64::from(u32::try_from(share.balance()).unwrap()),
                1 - i64::from(hedged) + i64::from(reached)
            );

            let flight = InFlightShare::builder().build("flight").unwrap();
            scripted(flight.clone(), ends, cancelled).await;
            prop_assert_eq!((flight.calls(), flight.retries()), (0, 0));
            Ok(())
        })?;
    }
}

// === Types ===

/// `Send` and not `Sync`, as a request may be.
type Inner = fn(Cell<u8>) -> Ready<Result<u32, BoxError>>;
type Hedged = HedgeService<tower::util::ServiceFn<Inner>, RetryPolicy, Hedge, fn() -> bool, Boxed>;

assert_impl_all!(Hedge: Clone, Send, Sync, Unpin, fmt::Debug);
assert_impl_all!(HedgeBuilder: Copy, PartialEq, Send, Sync, fmt::Debug);
assert_impl_all!(HedgeLayer: Clone, Send, Sync, Unpin, fmt::Debug);
assert_impl_all!(Hedged: Clone, Send, Sync, Service<Cell<u8>>, fmt::Debug);
assert_impl_all!(HedgedResponse<tower::util::ServiceFn<Inner>, Cell<u8>>: Send, fmt::Debug);

#[test]
fn budget_of_your_own_grants_hedges_as_retries() {
    struct Granting;
    impl Budget for Granting {
        type Call = ();
        type Hold = u8;
        type Retry = u8;
        fn enter(&self) {}
        fn try_hold(&self, _: &maestro_retry::Now) -> Option<u8> {
            Some(7)
        }
        fn spend(&self, hold: u8) -> u8 {
            hold
        }
    }
    assert_eq!(
        Granting.try_hold_hedge(&maestro_retry::Now::unread()),
        Some(7)
    );
}

#[tokio::test(start_paused = true)]
async fn leaked_hedge_and_policy_hedge_alike() {
    let (backend, _begun) = Backend::new(&[(5_000, Ok(1)), (20, Ok(2))]);
    let hedge = paid(1).await.leak();
    let layer = RetryLayer::new(policy(3).leak()).hedge(hedge);
    assert_eq!(layer.layer(backend.service()).oneshot(()).await, Ok(2));
    assert_eq!(hedge.credit(), 0);
}
