//! The timeout compared with a naive model, on the paused clock: the winner, the instant, and the values of
//! `Elapsed`.

use std::{
    cell::Cell,
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use proptest::prelude::*;
use tokio::time::{Instant, Sleep, advance, sleep_until, timeout};
use tower::{Layer, Service, service_fn};

use crate::{Deadline, Elapsed, Timeout, TimeoutLayer};

/// One call. Times are in microseconds from the call, unless stated otherwise.
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// From the start of the runtime to the call. It sets the position of the timer's ticks.
    begin: u64,
    /// The limit of the timeout.
    limit: Duration,
    /// The limit of the request.
    asked: Option<Duration>,
    /// The deadline of the request. It may be before the call.
    deadline: Option<i64>,
    /// The first poll.
    first_poll: u64,
    /// When the inner call is ready; `None`: never.
    ready: Option<u64>,
}

/// The end of a call, in microseconds from the call.
#[derive(Clone, Debug, PartialEq)]
enum End {
    Result {
        at: u64,
    },
    Elapsed {
        at: u64,
        after: Duration,
        limit: Duration,
        called: bool,
    },
    /// Still pending at the horizon.
    Waiting,
}

/// Later than every finite time of a plan, and earlier than every limit that stands for none.
const HORIZON: Duration = Duration::from_secs(3600);

/// When tokio's timer fires for `at`. It counts whole milliseconds from the start of the runtime, and the paused
/// clock advances by whole milliseconds from the first poll.
fn wake(plan: &Plan, at: u64) -> u64 {
    let idle_since = plan.begin + plan.first_poll;
    tick(plan, at) * 1_000 + idle_since % 1_000 - plan.begin
}

/// The first tick of the timer that is not before `at`.
fn tick(plan: &Plan, at: u64) -> u64 {
    (plan.begin + at).div_ceil(1_000)
}

/// The naive model of a call through the layer.
fn expected(plan: &Plan) -> End {
    if plan.deadline.is_some_and(|deadline| deadline < 0) {
        let zero = Duration::ZERO;
        return End::Elapsed {
            at: plan.first_poll,
            after: zero,
            limit: zero,
            called: false,
        };
    }
    expected_once_called(plan)
}

/// The naive model of a call that is made although its deadline may have passed.
fn expected_once_called(plan: &Plan) -> End {
    let left = plan
        .deadline
        .map(|us| Duration::from_micros(us.max(0).unsigned_abs()));
    let limits = [Some(plan.limit), plan.asked, left];
    let limit = limits
        .into_iter()
        .flatten()
        .min()
        .expect("one is always there");
    let bound = (limit < HORIZON).then(|| u64::try_from(limit.as_micros()).unwrap());

    let elapsed_at = |at| End::Elapsed {
        at,
        after: Duration::from_micros(at),
        limit,
        called: true,
    };
    let first = plan.first_poll;
    match (plan.ready, bound) {
        // Ready at the first poll: the clock does not matter.
        (Some(ready), _) if ready <= first => End::Result { at: first },
        // A limit of zero: no timer. Over by a whole tick: the timer fires when it is armed.
        (_, Some(0)) => elapsed_at(first),
        (_, Some(bound)) if tick(plan, bound) <= (plan.begin + first) / 1_000 => elapsed_at(first),
        // The earlier wake-up decides, and a tie goes to the result.
        (Some(ready), Some(bound)) if wake(plan, ready) <= wake(plan, bound) => End::Result {
            at: wake(plan, ready),
        },
        // Ready before the timer fired: the result wins.
        (Some(ready), Some(bound)) if ready <= wake(plan, bound) => End::Result {
            at: wake(plan, bound),
        },
        (_, Some(bound)) => elapsed_at(wake(plan, bound)),
        (Some(ready), None) => End::Result {
            at: wake(plan, ready),
        },
        (None, None) => End::Waiting,
    }
}

/// An inner call that is ready from an instant on, and that records its drop.
struct ReadyAt {
    at: Option<Instant>,
    timer: Pin<Box<Sleep>>,
    dropped: Rc<Cell<bool>>,
}

impl Future for ReadyAt {
    type Output = Result<Option<Elapsed>, Elapsed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.at {
            Some(at) if at <= Instant::now() => Poll::Ready(Ok(None)),
            Some(_) => self.timer.as_mut().poll(cx).map(|()| Ok(None)),
            None => Poll::Pending,
        }
    }
}

impl Drop for ReadyAt {
    fn drop(&mut self) {
        self.dropped.set(true);
    }
}

impl ReadyAt {
    fn new(plan: &Plan, began: Instant, dropped: &Rc<Cell<bool>>) -> Self {
        let at = plan.ready.map(|us| began + Duration::from_micros(us));
        Self {
            at,
            timer: Box::pin(sleep_until(at.unwrap_or(began))),
            dropped: Rc::clone(dropped),
        }
    }
}

fn instant(began: Instant, us: i64) -> Instant {
    let distance = Duration::from_micros(us.unsigned_abs());
    if us < 0 {
        began - distance
    } else {
        began + distance
    }
}

fn on_paused_clock<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(test)
}

fn micros_since(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_micros()).unwrap()
}

/// Runs the plan through the layer. `answering` selects the answer by closure or the error.
async fn played(plan: &Plan, answering: bool) -> End {
    advance(Duration::from_micros(plan.begin)).await;
    let began = Instant::now();
    let (called, dropped) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
    let inner = service_fn({
        let (called, dropped, plan) = (Rc::clone(&called), Rc::clone(&dropped), *plan);
        move |()| {
            called.set(true);
            ReadyAt::new(&plan, began, &dropped)
        }
    });
    let (asked, deadline) = (plan.asked, plan.deadline.map(|us| instant(began, us)));
    let layer = TimeoutLayer::new(Timeout::new(plan.limit).named("model"))
        .limit(move |&()| asked.unwrap_or(Duration::MAX))
        .deadline(move |&()| deadline);

    let (was_called, was_dropped) = (Rc::clone(&called), Rc::clone(&dropped));
    let answer = move |elapsed| {
        assert_eq!(
            was_dropped.get(),
            was_called.get(),
            "the inner call is dropped before the answer"
        );
        Ok(Some(elapsed))
    };
    let call: Pin<Box<dyn Future<Output = _>>> = if answering {
        Box::pin(layer.on_reject(answer).layer(inner).call(()))
    } else {
        Box::pin(layer.layer(inner).call(()))
    };
    advance(Duration::from_micros(plan.first_poll)).await;
    let result = timeout(HORIZON, call).await;

    let at = micros_since(began);
    let elapsed = match result {
        Err(_) => return End::Waiting,
        Ok(Ok(None)) => return End::Result { at },
        Ok(Ok(Some(elapsed))) => {
            assert!(answering);
            elapsed
        }
        Ok(Err(elapsed)) => {
            assert!(!answering);
            elapsed
        }
    };
    assert_eq!(elapsed.name(), "model");
    End::Elapsed {
        at,
        after: elapsed.after(),
        limit: elapsed.limit(),
        called: called.get(),
    }
}

/// Runs the plan through `Deadline::run`: without a limit, and always polled once.
async fn run(plan: &Plan) -> End {
    advance(Duration::from_micros(plan.begin)).await;
    let began = Instant::now();
    let dropped = Rc::new(Cell::new(false));
    let deadline = plan
        .deadline
        .map_or(Deadline::NEVER, |us| instant(began, us).into());
    let running = deadline.run(ReadyAt::new(plan, began, &dropped));
    advance(Duration::from_micros(plan.first_poll)).await;
    let mut running = Box::pin(running);
    let Ok(result) = timeout(HORIZON, running.as_mut()).await else {
        return End::Waiting;
    };
    let at = micros_since(began);
    match result {
        Ok(_) => End::Result { at },
        Err(elapsed) => {
            assert_eq!(elapsed.name(), "deadline");
            assert!(dropped.get(), "though the future around it still exists");
            End::Elapsed {
                at,
                after: elapsed.after(),
                limit: elapsed.limit(),
                called: true,
            }
        }
    }
}

/// Few and coarse values, so that ties between instants and between ticks are common.
fn micros() -> impl Strategy<Value = u64> {
    prop_oneof![
        3 => (0_u64..6).prop_map(|ms| ms * 1_000),
        2 => (0_u64..24).prop_map(|quarters| quarters * 250),
        1 => 0_u64..6_000,
    ]
}

fn limit() -> impl Strategy<Value = Duration> {
    prop_oneof![
        6 => micros().prop_map(Duration::from_micros),
        2 => Just(Duration::MAX),
        // Around the limits of `Instant` and of the timer's arithmetic.
        1 => (0_u64..1 << 33).prop_map(|back| Duration::from_secs(i64::MAX.unsigned_abs() - back)),
        1 => (4_000_u64..u64::MAX).prop_map(Duration::from_secs),
    ]
}

prop_compose! {
    fn plan()(
        begin in 0_u64..3_000,
        limit in limit(),
        asked in prop::option::of(limit()),
        deadline in prop::option::of(
            (micros(), prop::bool::weighted(0.8))
                .prop_map(|(us, ahead)| i64::try_from(us).unwrap() * if ahead { 1 } else { -1 }),
        ),
        first_poll in prop_oneof![2 => Just(0), 1 => micros()],
        ready in prop::option::weighted(0.8, micros()),
    ) -> Plan {
        Plan { begin, limit, asked, deadline, first_poll, ready }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn calls_end_as_the_naive_model_says(plan in plan(), answering: bool) {
        prop_assert_eq!(on_paused_clock(played(&plan, answering)), expected(&plan));
    }

    #[test]
    fn runs_end_as_the_naive_model_says(plan in plan()) {
        let plan = Plan { limit: Duration::MAX, asked: None, ..plan };
        prop_assert_eq!(on_paused_clock(run(&plan)), expected_once_called(&plan));
    }
}
