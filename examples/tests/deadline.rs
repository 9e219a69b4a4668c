//! One deadline in the request, which every layer that may wait reads.

use std::{future::pending, sync::Arc, time::Duration};

use axum::http::{Request, Response, StatusCode};
use http_body_util::Empty;
use maestro_bulkhead::{Bulkhead, BulkheadLayer, Full, Queue};
use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, Open, Outcome, State, Wait};
use maestro_retry::{Backoff, HttpReplay, RetryHttp, RetryLayer, RetryPolicy};
use maestro_timeout::{Deadline, Elapsed, TimeoutLayer, in_extensions};
use proptest::prelude::*;
use tokio::time::{Instant, sleep};
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn, util::BoxCloneSyncService};

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
enum StackError {
    #[error("circuit open")]
    Open(#[from] Open),
    #[error("no room")]
    Full(#[from] Full),
    #[error("too late")]
    Elapsed(#[from] Elapsed),
    #[error("the dependency failed")]
    Failed,
}

#[derive(Clone, Copy, Debug)]
struct Query {
    number: usize,
    deadline: Deadline,
}

type Stack = BoxCloneSyncService<Query, (), StackError>;

/// The time that a call spends inside one layer: from `call` until its future is ready or dropped.
#[derive(Clone, Copy, Debug)]
struct Stay {
    /// The layer; `None` is the client.
    inside: Option<Kind>,
    deadline: Deadline,
    from: Instant,
    to: Instant,
}

#[expect(
    clippy::disallowed_types,
    reason = "a test's record is not on a request path"
)]
type Lock<T> = std::sync::Mutex<T>;
type Stays = Arc<Lock<Vec<Stay>>>;

struct Staying(Stay, Stays);

impl Drop for Staying {
    fn drop(&mut self) {
        self.0.to = Instant::now();
        self.1.lock().expect("no panic inside").push(self.0);
    }
}

/// Records the time that each call spends inside `inner`.
fn watched(inside: Option<Kind>, inner: Stack, stays: &Stays) -> Stack {
    let stays = Arc::clone(stays);
    BoxCloneSyncService::new(service_fn(move |query: Query| {
        let now = Instant::now();
        let stay = Stay {
            inside,
            deadline: query.deadline,
            from: now,
            to: now,
        };
        let staying = Staying(stay, Arc::clone(&stays));
        let inner = inner.clone();
        async move {
            let _staying = staying;
            inner.oneshot(query).await
        }
    }))
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Whole,
    Retry,
    Breaker,
    Attempt,
    Queue,
}

const KINDS: [Kind; 5] = [
    Kind::Whole,
    Kind::Retry,
    Kind::Breaker,
    Kind::Attempt,
    Kind::Queue,
];

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Adds a layer. All limits are far too long, so only the deadline ends a call in time.
fn wrap(kind: Kind, inner: Stack) -> Stack {
    let deadline = |query: &Query| query.deadline.at();
    let far = ms(100_000);
    match kind {
        Kind::Whole | Kind::Attempt => {
            BoxCloneSyncService::new(TimeoutLayer::new(far).deadline(deadline).layer(inner))
        }
        Kind::Retry => {
            let policy = RetryPolicy::builder()
                .attempts(5)
                .backoff(Backoff::exponential(ms(5), ms(60)))
                .build()
                .expect("legal numbers")
                .retry_if(|result| matches!(result, Err(StackError::Failed | StackError::Full(_))))
                .deadline(deadline);
            BoxCloneSyncService::new(RetryLayer::new(policy).layer(inner))
        }
        Kind::Breaker => {
            let breaker = CircuitBreaker::builder()
                .consecutive_failures(4)
                .wait_in_open(Wait::fixed(ms(50)))
                .build("deadline")
                .expect("legal numbers");
            let layer =
                CircuitBreakerLayer::new(breaker).classify(|result: &Result<(), StackError>| {
                    match result {
                        Ok(()) => Outcome::Success,
                        Err(StackError::Failed | StackError::Elapsed(_)) => Outcome::Failure,
                        Err(_) => Outcome::Ignored,
                    }
                });
            BoxCloneSyncService::new(layer.layer(inner))
        }
        Kind::Queue => {
            let bulkhead = Bulkhead::builder()
                .limit(2)
                .build("deadline")
                .expect("legal numbers");
            let layer = BulkheadLayer::new(bulkhead)
                .queue(Queue::new(64, far))
                .deadline(deadline);
            BoxCloneSyncService::new(layer.layer(inner))
        }
    }
}

/// tokio's timers fire at the next millisecond.
const TICK: Duration = Duration::from_millis(1);

async fn run(
    order: &[Kind],
    script: &[Option<(bool, u64)>],
    queries: &[(u64, u64)],
) -> (Vec<Stay>, usize) {
    let stays = Stays::default();
    let script = script.to_vec();
    let client = service_fn(move |query: Query| {
        let attempt = script[query.number % script.len()];
        async move {
            match attempt {
                Some((is_ok, after)) => {
                    sleep(ms(after)).await;
                    is_ok.then_some(()).ok_or(StackError::Failed)
                }
                None => pending().await,
            }
        }
    });
    let mut stack = watched(None, BoxCloneSyncService::new(client), &stays);
    for kind in order.iter().rev() {
        stack = watched(Some(*kind), wrap(*kind, stack), &stays);
    }
    let mut calls = tokio::task::JoinSet::new();
    for (number, (after, left)) in queries.iter().enumerate() {
        sleep(ms(*after)).await;
        let query = Query {
            number,
            deadline: Deadline::after(ms(*left)),
        };
        calls.spawn(stack.clone().oneshot(query));
    }
    let answers = calls.join_all().await.len();
    drop(stack);
    (
        Arc::try_unwrap(stays).map_or_else(
            |_| panic!("a stay goes on"),
            |stays| stays.into_inner().expect("no panic inside"),
        ),
        answers,
    )
}

proptest! {
    #[test]
    fn no_inner_wait_outlives_the_request_deadline(
        order in Just(KINDS.to_vec()).prop_shuffle(),
        script in prop::collection::vec(prop::option::weighted(0.8, (any::<bool>(), 0_u64..120)), 1..20),
        queries in prop::collection::vec((0_u64..30, 0_u64..200), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (stays, answers) = runtime.block_on(run(&order, &script, &queries));
        prop_assert_eq!(answers, queries.len());
        for Stay { inside, deadline, from, to } in stays {
            let end = deadline.at().unwrap() + TICK;
            prop_assert!(from <= end, "begun {:?} late inside of {:?} in {:?}", from - end, inside, order);
            prop_assert!(to <= end, "ended {:?} late inside of {:?} in {:?}", to - end, inside, order);
        }
    }
}

/// The answer to a call of a service whose server is throttling, and the time that it took.
async fn throttled(whole: Duration) -> (Result<StatusCode, Elapsed>, Duration) {
    let policy = RetryPolicy::builder().build().expect("legal numbers");
    let policy = policy
        .classifier(RetryHttp)
        .replayer(HttpReplay::new())
        .deadline(in_extensions);
    let service = ServiceBuilder::new()
        .layer(TimeoutLayer::new(whole).stamp())
        .layer(RetryLayer::new(policy))
        .service(service_fn(async |_: Request<Body>| {
            let response = Response::builder().status(429).header("retry-after", "1");
            Ok::<_, Elapsed>(response.body(Body::new()).expect("legal"))
        }));
    let request = Request::get("/").body(Body::new()).expect("legal");
    let begun = Instant::now();
    let answer = service.oneshot(request).await;
    (answer.map(|answer| answer.status()), begun.elapsed())
}

type Body = Empty<&'static [u8]>;

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_stamped_end_is_not_begun() {
    let too_many = Ok(StatusCode::TOO_MANY_REQUESTS);
    let at_once = throttled(ms(1_000)).await;
    assert_eq!(at_once, (too_many.clone(), Duration::ZERO));
    // One wait fits.
    let (answer, after) = throttled(ms(1_900)).await;
    assert_eq!(answer, too_many);
    assert!(after >= ms(1_000) && after < ms(1_900), "{after:?}");
}

/// The state of a breaker after calls to a server that hangs, with this limit of an attempt and time left by each caller.
async fn breaker_of_a_hung_server(attempt: Duration, left: Duration) -> State {
    let builder = CircuitBreaker::builder().consecutive_failures(3);
    let breaker = builder.build("hung").expect("legal numbers");
    let service = ServiceBuilder::new()
        .layer(TimeoutLayer::new(ms(1_000)).stamp())
        .layer(CircuitBreakerLayer::new(breaker.clone()).ignore_rejections())
        .layer(TimeoutLayer::new(attempt).deadline(in_extensions))
        .service(service_fn(|_: Request<Body>| {
            pending::<Result<(), StackError>>()
        }));
    for _ in 0..10 {
        let mut request = Request::new(Body::new());
        Deadline::after(left).insert_into(request.extensions_mut());
        service
            .clone()
            .oneshot(request)
            .await
            .expect_err("it hangs");
    }
    breaker.state()
}

#[tokio::test(start_paused = true)]
async fn a_hung_server_opens_the_breaker_by_the_attempts_limit() {
    let hour = ms(3_600_000);
    assert_eq!(breaker_of_a_hung_server(ms(250), hour).await, State::Open);
    // A caller without time says nothing about the server, and neither does a limit that no call reaches.
    assert_eq!(
        breaker_of_a_hung_server(ms(250), ms(100)).await,
        State::Closed
    );
    assert_eq!(
        breaker_of_a_hung_server(ms(2_000), hour).await,
        State::Closed
    );
}
