//! What a breaker does with the calls that it was not made for: those that panic, are dropped, hang or end late.

use std::task::Poll;

use maestro_circuit_breaker::OnCancel;
use tokio::sync::oneshot;

use super::{
    Defect,
    breakers::{Breaker, Breakers, HOUR, Work, all_waiting, hung, now, ours, probing},
    panics, paused,
};
use crate::Trouble;

pub(super) fn defects() -> Vec<Defect> {
    vec![
        each(
            "a call that panics is never recorded: a backend whose calls panic never opens the circuit",
            waiting,
            panic_is_not_recorded,
        ),
        cancelled(),
        each(
            "calls admitted before the outage decide, when they fail late, about the circuit that probes",
            probing,
            late_results_decide,
        ),
        each(
            "a probe that hangs keeps the circuit half-open for ever",
            probing,
            hung_probe_blocks,
        ),
        each(
            "a probe that is dropped keeps its place until a time has passed",
            probing,
            dropped_probe_keeps_its_place,
        ),
        each(
            "half-open admits every call: nothing limits the probes, so a backend that has just recovered gets the full \
             load (one probe is configured where it can be)",
            probing,
            no_limit_of_probes,
        ),
    ]
}

/// A program that is the same for every breaker of `breakers`.
fn each(
    name: &'static str,
    breakers: fn() -> Breakers,
    program: fn(&dyn Breaker) -> bool,
) -> Defect {
    paused(async {
        let (ours, peers) = breakers();
        let peers = peers
            .iter()
            .map(|(peer, breaker)| (*peer, program(breaker.as_ref())));
        let peers: Vec<_> = peers.collect();
        Defect::new(name, program(ours.as_ref()), peers)
    })
}

/// An open circuit rejects for an hour.
fn waiting() -> Breakers {
    all_waiting(HOUR)
}

fn panic_is_not_recorded(breaker: &dyn Breaker) -> bool {
    for _ in 0..20 {
        let work: Work = Box::pin(async { panic!("the backend's client has a defect") });
        let mut call = breaker.call(work);
        panics(|| {
            let _ = now(&mut call);
        });
    }
    stays_closed(breaker)
}

/// Ours with the option to count it. By default it counts where it was slow, and slow calls do.
fn cancelled() -> Defect {
    let name = "no option counts a call that is cancelled, so a backend whose calls hang until a timeout outside drops them \
                never opens the circuit (ours: with `OnCancel::Failure`, by default only with `slow_after`; seatbelt: by default)";
    let ours = paused(async { cancelled_is_not_recorded(&ours(HOUR, OnCancel::Failure)) });
    Defect {
        ours: Some(ours),
        ..each(name, waiting, cancelled_is_not_recorded)
    }
}

fn cancelled_is_not_recorded(breaker: &dyn Breaker) -> bool {
    for _ in 0..20 {
        let mut call = breaker.call(hung());
        let _ = now(&mut call);
    }
    stays_closed(breaker)
}

/// Whether what came before has left the circuit closed. Failures then open it, so an open circuit would be noticed.
fn stays_closed(breaker: &dyn Breaker) -> bool {
    let closed = !breaker.rejects();
    breaker.trip();
    assert!(breaker.rejects(), "failures open it");
    closed
}

fn late_results_decide(breaker: &dyn Breaker) -> bool {
    let (ends, mut early): (Vec<_>, Vec<_>) = (0..3)
        .map(|_| {
            let (end, work) = controlled();
            (end, breaker.call(work))
        })
        .unzip();
    for call in &mut early {
        assert_eq!(now(call), Poll::Pending, "the circuit is closed");
    }
    breaker.trip();
    breaker.elapse();
    let (end, work) = controlled();
    let mut probe = breaker.call(work);
    assert_eq!(now(&mut probe), Poll::Pending, "the wait is over");
    for (end, call) in ends.into_iter().zip(&mut early) {
        end.send(Err(Trouble::Failed)).ok();
        assert!(now(call).is_ready());
    }
    end.send(Ok(())).ok();
    let _ = now(&mut probe);
    breaker.rejects()
}

fn hung_probe_blocks(breaker: &dyn Breaker) -> bool {
    breaker.trip();
    breaker.elapse();
    let mut probe = breaker.call(hung());
    assert_eq!(now(&mut probe), Poll::Pending, "the wait is over");
    // The deadline of a probe, and the wait of a circuit that it opens again.
    breaker.elapse();
    let _ = now(&mut breaker.call(hung()));
    breaker.elapse();
    breaker.rejects()
}

fn dropped_probe_keeps_its_place(breaker: &dyn Breaker) -> bool {
    breaker.trip();
    breaker.elapse();
    let mut probe = breaker.call(hung());
    assert_eq!(now(&mut probe), Poll::Pending, "the wait is over");
    drop(probe);
    breaker.rejects()
}

fn no_limit_of_probes(breaker: &dyn Breaker) -> bool {
    breaker.trip();
    breaker.elapse();
    let mut calls: Vec<_> = (0..50).map(|_| breaker.call(hung())).collect();
    calls.iter_mut().all(|call| now(call).is_pending())
}

/// Work that ends when it is told to.
fn controlled() -> (oneshot::Sender<Result<(), Trouble>>, Work) {
    let (end, ended) = oneshot::channel();
    let work = async move { ended.await.unwrap_or(Err(Trouble::Failed)) };
    (end, Box::pin(work))
}
