//! Each of the five layers alone, and all in the default order, over a gRPC channel.

use std::time::Duration;

use axum::{
    body::Bytes,
    http::{Request, Response},
};
use http_body_util::{BodyExt, Full};
use maestro_bulkhead::{AdaptiveBulkhead, Bulkhead, BulkheadLayer, Limit};
use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, Window};
use maestro_retry::{Backoff, RetryLayer, RetryPolicy};
use maestro_slo_budget::{Counts, ErrorBudget, ErrorBudgetLayer};
use maestro_timeout::{BodyTimeout, BodyTimeoutLayer, TimeoutLayer};
use tokio::sync::watch;
use tonic::body::Body;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, util::BoxCloneService};

use crate::table::{self, Row};

/// Longer than any call on loopback takes, also on a busy machine.
pub(crate) const LONG: Duration = Duration::from_mins(1);

/// A channel, or a stack of layers over one.
pub(crate) type Stack = BoxCloneService<Request<Body>, Response<Body>, BoxError>;

/// Which layers are over the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Breaker,
    Bulkhead,
    Budget,
    Retry,
    Timeout,
    All,
}

/// The objects behind the layers.
pub(crate) struct Objects {
    pub(crate) breaker: CircuitBreaker,
    pub(crate) bulkhead: AdaptiveBulkhead<Tally>,
    pub(crate) budget: ErrorBudget,
    pub(crate) policy: RetryPolicy,
    tally: watch::Receiver<(u64, u64)>,
}

/// A law that keeps the limit, and writes down the successes and overloads of its window.
#[derive(Debug)]
pub(crate) struct Tally(watch::Sender<(u64, u64)>);

/// What the objects counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Successes and failures.
    pub(crate) breaker: (u32, u32),
    /// Successes and overloads.
    pub(crate) bulkhead: (u64, u64),
    /// Good and bad events.
    pub(crate) events: (u64, u64),
}

// === impl Counted ===

impl Counted {
    /// What a breaker, a bulkhead and a budget outside of the retries count of one call, each of whose attempts ends like
    /// `row`.
    pub(crate) fn of(row: Row, attempts: u32) -> Self {
        Self {
            breaker: match row.breaker {
                table::Breaker::Success => (attempts, 0),
                table::Breaker::Failure => (0, attempts),
                table::Breaker::Ignored => (0, 0),
            },
            bulkhead: match row.bulkhead {
                table::Bulkhead::Success => (attempts.into(), 0),
                table::Bulkhead::Overload => (0, attempts.into()),
                table::Bulkhead::Ignored => (0, 0),
            },
            events: match row.objective {
                table::Objective::Good => (1, 0),
                table::Objective::Bad => (0, 1),
                table::Objective::Excluded => (0, 0),
            },
        }
    }
}

// === impl Kind ===

impl Kind {
    /// Whether `layer` is among the layers.
    pub(crate) fn has(self, layer: Self) -> bool {
        self == layer || self == Self::All
    }

    /// The layers over `channel`.
    pub(crate) fn over(self, channel: Stack, objects: &Objects) -> Stack {
        let breaker = CircuitBreakerLayer::new(objects.breaker.clone()).grpc();
        let bulkhead = BulkheadLayer::new(objects.bulkhead.clone()).grpc();
        let budget = ErrorBudgetLayer::new(objects.budget.clone()).grpc();
        let retry = RetryLayer::new(objects.policy.clone().grpc(|_| true)).until_first_frame();
        let body_timeout = || {
            let builder = BodyTimeout::builder().headers(LONG).idle(LONG).whole(LONG);
            BodyTimeoutLayer::new(builder.build("calls"))
        };
        match self {
            Self::Breaker => stack(breaker.layer(channel)),
            Self::Bulkhead => stack(bulkhead.layer(channel)),
            Self::Budget => stack(budget.layer(channel)),
            Self::Timeout => stack(body_timeout().layer(channel)),
            Self::Retry => {
                let layers = ServiceBuilder::new()
                    .filter_async(in_memory)
                    .layer(retry)
                    .map_request(|request: Request<Full<Bytes>>| request.map(Body::new));
                stack(layers.service(channel))
            }
            Self::All => {
                let layers = ServiceBuilder::new()
                    .layer(budget)
                    .filter_async(in_memory)
                    .layer(TimeoutLayer::new(LONG))
                    .layer(retry)
                    // A body that is moved after it was polled must be `Unpin`.
                    .map_response(|response: Response<_>| response.map(Body::new))
                    .layer(breaker)
                    .layer(TimeoutLayer::new(LONG))
                    .layer(body_timeout())
                    .layer(bulkhead)
                    .map_request(|request: Request<Full<Bytes>>| request.map(Body::new));
                stack(layers.service(channel))
            }
        }
    }
}

/// Reads the body of a request into memory, so that the request can be repeated.
pub(crate) async fn in_memory(
    request: Request<Body>,
) -> Result<Request<Full<Bytes>>, tonic::Status> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(Request::from_parts(head, Full::new(body)))
}

/// Hides the type of a stack.
pub(crate) fn stack<S, B>(service: S) -> Stack
where
    S: Service<Request<Body>, Response = Response<B>, Error: Into<BoxError>, Future: Send>
        + Clone
        + Send
        + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let service = service.map_response(|response| response.map(Body::new));
    BoxCloneService::new(service.map_err(Into::into))
}

// === impl Objects ===

impl Objects {
    /// A breaker that counts and does not open, a bulkhead with room, a budget, and two attempts.
    pub(crate) fn new() -> Self {
        let breaker = CircuitBreaker::builder()
            .window(Window::calls(64))
            .minimum_calls(64);
        // A window that no test outlasts.
        let bulkhead = Bulkhead::builder().limit(8).window(10 * LONG);
        let (sender, tally) = watch::channel((0, 0));
        let bulkhead = bulkhead.build_adaptive("calls", Tally(sender));
        let policy = RetryPolicy::builder().attempts(2).backoff(Backoff::none());
        Self {
            breaker: breaker.build("calls").expect("legal"),
            bulkhead: bulkhead.expect("legal"),
            budget: ErrorBudget::new("calls", "99%".parse().expect("an objective")),
            policy: policy.build().expect("legal"),
            tally,
        }
    }

    /// What the objects counted. It moves the clock, and may be called once.
    pub(crate) async fn counted(&self) -> Counted {
        assert_eq!(self.bulkhead.in_flight(), 0, "a place was lost");
        let breaker = self.breaker.snapshot();
        let events: Counts = self.budget.counts(self.budget.period());
        Counted {
            breaker: (breaker.calls() - breaker.failures(), breaker.failures()),
            bulkhead: self.tally().await,
            events: (events.good(), events.bad()),
        }
    }

    async fn tally(&self) -> (u64, u64) {
        tokio::time::pause();
        tokio::time::advance(10_000 * LONG).await;
        // The first call after the window closes it.
        let last = self.bulkhead.try_acquire().expect("there is room");
        last.overload();
        tokio::time::resume();
        let (successes, overloads) = *self.tally.borrow();
        assert_eq!(overloads, self.bulkhead.overloads());
        (successes, overloads - 1)
    }
}

// === impl Tally ===

impl Limit for Tally {
    fn next(&mut self, window: &maestro_bulkhead::Window) -> usize {
        let calls = (window.successes(), window.overloads());
        self.0.send_replace(calls);
        window.limit()
    }
}
