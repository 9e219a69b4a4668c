use seatbelt::{ResilienceContext, timeout::Timeout};
use tick::Clock;
use tower::{Layer, Service, timeout::TimeoutLayer};
use tower_resilience_timelimiter::TimeLimiterLayer;

use super::{
    Comparison,
    Peer::{Seatbelt, Tokio, Tower, TowerResilience},
    adapt::{FUTURE, FUTURE_PENDING, Layered, call, drive, executes},
};
use crate::{
    Request, Response, Row, Trouble,
    drive::{Driven, Measurable},
    inner::{Nothing, PendingOnce, Reply},
    rows::floors::{PENDING, READY},
    timed::LIMIT,
};

pub(super) fn comparisons() -> Vec<Comparison> {
    vec![
        Comparison::new("timeout, the inner service is ready", "timeout, inner ready", None)
            .peer(Tower, Row::service("tower, timeout, ready", READY, || tower(Nothing)).timed())
            .peer(
                Seatbelt,
                Row::object("seatbelt, timeout, ready", FUTURE, || executes(belted(Nothing)))
                    .timed(),
            )
            .peer(
                TowerResilience,
                Row::service("tower-resilience, timeout, ready", READY, || resilience(Nothing))
                    .timed(),
            )
            .peer(
                Tokio,
                Row::object("tokio, timeout, ready", FUTURE, || by_hand(Nothing)).timed(),
            ),
        Comparison::new("timeout, pending once", "timeout, inner pending once", None)
            .peer(
                Tower,
                Row::service("tower, timeout, pending once", PENDING, || tower(PendingOnce)).timed(),
            )
            .peer(
                Seatbelt,
                Row::object("seatbelt, timeout, pending once", FUTURE_PENDING, || {
                    executes(belted(PendingOnce))
                })
                .timed(),
            )
            .peer(
                TowerResilience,
                Row::service("tower-resilience, timeout, pending once", PENDING, || {
                    resilience(PendingOnce)
                })
                .timed(),
            )
            .peer(
                Tokio,
                Row::object("tokio, timeout, pending once", FUTURE_PENDING, || {
                    by_hand(PendingOnce)
                })
                .timed(),
            )
            .note("seatbelt's timers are in a tree behind a lock, which tokio drives from a task; only the timer is measured"),
    ]
}

fn tower<S: Measurable>(inner: S) -> impl Driven {
    TimeoutLayer::new(LIMIT).layer(inner)
}

fn belted<S>(inner: S) -> impl layered::Service<Request, Out = Result<Response, Trouble>> + Clone
where
    S: Service<Request, Future = Reply> + Copy + Send + Sync,
{
    let context = ResilienceContext::new(Clock::new_tokio());
    Timeout::layer("timeout", &context)
        .timeout_error(|_| Trouble::Failed)
        .timeout(LIMIT)
        .layer(Layered(inner))
}

fn resilience<S: Measurable<Future: Send>>(inner: S) -> impl Driven {
    let layer = TimeLimiterLayer::builder().timeout_duration(LIMIT).build();
    layer.layer(inner)
}

fn by_hand<S>(
    mut inner: S,
) -> impl FnMut(Request) -> Result<Response, Trouble> + Clone + Send + 'static
where
    S: Service<Request, Future = Reply> + Clone + Send + 'static,
{
    move |request| {
        let limited = tokio::time::timeout(LIMIT, call(&mut inner, request));
        drive(limited).unwrap_or(Err(Trouble::Failed))
    }
}
