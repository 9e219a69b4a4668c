//! The breakers with one interface: a future goes in, and its end comes out.

mod peers;

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, OnCancel, Probes};
use tower::{Layer, Service, ServiceExt, service_fn};

use self::peers::{belted, failsafe, reclosed, resilience};
use crate::{Trouble, peers::Peer};

/// A call's work: a future that a program controls.
pub(super) type Work = Pin<Box<dyn Future<Output = Result<(), Trouble>> + Send>>;

/// A call that was started. Nothing happens until it is polled.
pub(super) type Call = Pin<Box<dyn Future<Output = End>>>;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Done,
    Failed,
    Rejected,
}

/// A breaker that opens at the third failure in a row or before, and admits one probe after its wait.
pub(super) trait Breaker {
    fn call(&self, work: Work) -> Call;

    /// Lets the wait of an open circuit pass.
    fn elapse(&self);

    /// Whether it rejects the next call.
    fn rejects(&self) -> bool {
        now(&mut self.call(done())) == Poll::Ready(End::Rejected)
    }

    /// The failures that open it.
    fn failures(&self) -> u32 {
        2
    }

    /// Opens it.
    fn trip(&self) {
        for _ in 0..self.failures() {
            let _ = now(&mut self.call(failed()));
        }
    }
}

/// Ours, and those of the peers.
pub(super) type Breakers = (Box<dyn Breaker>, Vec<Column>);

/// A breaker, and whose it is.
type Column = (Peer, Box<dyn Breaker>);

/// Ours, and each of the peers, with a wait that passes at once or under control. A circuit that opens again waits for
/// an hour.
pub(super) fn probing() -> Breakers {
    let peers: Vec<Column> = vec![
        (Peer::Recloser, Box::new(reclosed(Duration::ZERO, HOUR))),
        (Peer::Failsafe, Box::new(failsafe(Duration::ZERO, HOUR))),
        (Peer::Seatbelt, Box::new(belted(HOUR))),
        (Peer::TowerResilience, Box::new(resilience(Duration::ZERO))),
    ];
    (Box::new(ours(HOUR, OnCancel::Ignored)), peers)
}

/// The same with one wait.
pub(super) fn all_waiting(wait: Duration) -> Breakers {
    let peers: Vec<Column> = vec![
        (Peer::Recloser, Box::new(reclosed(wait, wait))),
        (Peer::Failsafe, Box::new(failsafe(wait, wait))),
        (Peer::Seatbelt, Box::new(belted(wait))),
        (Peer::TowerResilience, Box::new(resilience(wait))),
    ];
    (Box::new(ours(wait, OnCancel::Ignored)), peers)
}

pub(super) const HOUR: Duration = Duration::from_hours(1);

/// A future of any kind.
pub(super) type Anything<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Polls a call once.
pub(super) fn now<T>(call: &mut Anything<'_, T>) -> Poll<T> {
    call.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

pub(super) fn done() -> Work {
    Box::pin(async { Ok(()) })
}

pub(super) fn failed() -> Work {
    Box::pin(async { Err(Trouble::Failed) })
}

pub(super) fn hung() -> Work {
    Box::pin(std::future::pending())
}

// === ours ===

struct Ours(CircuitBreaker);

pub(super) fn ours(wait: Duration, on_cancel: OnCancel) -> impl Breaker {
    let breaker = CircuitBreaker::builder()
        .consecutive_failures(2)
        .wait_in_open(wait)
        .probes(Probes::one())
        .on_cancel(on_cancel);
    Ours(breaker.build("ours").expect("the numbers are legal"))
}

impl Breaker for Ours {
    fn call(&self, work: Work) -> Call {
        let mut service = CircuitBreakerLayer::new(self.0.clone()).layer(service_fn(|work| work));
        Box::pin(async move {
            match async { service.ready().await?.call(work).await }.await {
                Ok(()) => End::Done,
                Err(Trouble::Open(_)) => End::Rejected,
                Err(_) => End::Failed,
            }
        })
    }

    fn elapse(&self) {
        let mut advance: Pin<Box<dyn Future<Output = ()>>> =
            Box::pin(tokio::time::advance(2 * HOUR));
        let _ = now(&mut advance);
    }
}

#[cfg(test)]
mod tests {
    use super::{super::paused, *};

    fn each((ours, peers): Breakers, check: impl Fn(&dyn Breaker, &str)) {
        check(ours.as_ref(), "ours");
        for (peer, breaker) in peers {
            check(breaker.as_ref(), peer.name());
        }
    }

    #[test]
    fn only_a_tripped_breaker_rejects() {
        paused(async {
            each(all_waiting(HOUR), |breaker, name| {
                assert!(!breaker.rejects(), "{name} is closed");
                breaker.trip();
                assert!(breaker.rejects(), "{name} is open");
            });
        });
    }

    #[test]
    fn failures_open_a_probing_breaker_again() {
        paused(async {
            each(probing(), |breaker, name| {
                breaker.trip();
                breaker.elapse();
                // One fewer than open a circuit that is closed.
                for _ in 1..breaker.failures() {
                    assert_eq!(
                        now(&mut breaker.call(failed())),
                        Poll::Ready(End::Failed),
                        "{name}"
                    );
                }
                assert!(breaker.rejects(), "{name} is open again");
            });
        });
    }
}
