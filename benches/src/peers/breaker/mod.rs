mod failing;
mod make;

use super::{
    Comparison,
    Peer::{Failsafe as FailsafePeer, Recloser as RecloserPeer, Seatbelt, TowerResilience},
    adapt::{FUTURE, FUTURE_1_IN_16, executes},
};
use crate::{
    Row,
    inner::{FailsOneIn, Nothing},
    rows::floors::{FAILS_1_IN_16, READY},
};

pub(super) use make::recloser;
use make::{
    Numbers, belted, calls, consecutive, failsafe, in_a_row, over_time as policy_over_time,
    reclosed, resilience,
};

pub(super) fn comparisons() -> Vec<Comparison> {
    let ready = |name, window: fn() -> Numbers| {
        Row::service(name, READY, move || resilience(window(), Nothing)).timed()
    };
    let failing = |name, window: fn() -> Numbers| {
        let row = Row::service(name, FAILS_1_IN_16, move || {
            resilience(window(), FailsOneIn::<16>)
        });
        row.timed().bad_in_16(1)
    };
    vec![
        Comparison::new(
            "breaker closed, a window of 100 calls",
            "breaker, closed, window of 100 calls, Arc",
            Some("breaker, closed, window of 100 calls, static"),
        )
        .peer(
            RecloserPeer,
            Row::service("recloser, window of 100 calls", READY, || reclosed(Nothing)),
        )
        .peer(
            TowerResilience,
            ready("tower-resilience, window of 100 calls", calls),
        ),
        Comparison::new(
            "breaker closed, a window of 100 calls, one failure in 16",
            "breaker, closed, window of 100 calls, one failure in 16, Arc",
            Some("breaker, closed, window of 100 calls, one failure in 16, static"),
        )
        .peer(
            RecloserPeer,
            Row::service("recloser, one failure in 16", FAILS_1_IN_16, || {
                reclosed(FailsOneIn::<16>)
            })
            .bad_in_16(1),
        )
        .peer(
            TowerResilience,
            failing("tower-resilience, one failure in 16", calls),
        ),
        Comparison::new(
            "breaker closed, consecutive failures",
            "breaker, closed, consecutive failures, Arc",
            Some("breaker, closed, consecutive failures, static"),
        )
        .peer(
            FailsafePeer,
            Row::service("failsafe, consecutive failures", READY, || {
                failsafe(in_a_row(5), Nothing)
            }),
        )
        .peer(
            TowerResilience,
            ready("tower-resilience, consecutive failures", consecutive),
        ),
        Comparison::new(
            "breaker closed, consecutive failures, one failure in 16",
            "breaker, closed, consecutive failures, one failure in 16, Arc",
            Some("breaker, closed, consecutive failures, one failure in 16, static"),
        )
        .peer(
            FailsafePeer,
            Row::service(
                "failsafe, consecutive, one failure in 16",
                FAILS_1_IN_16,
                || failsafe(in_a_row(5), FailsOneIn::<16>),
            )
            .bad_in_16(1),
        )
        .peer(
            TowerResilience,
            failing(
                "tower-resilience, consecutive, one failure in 16",
                consecutive,
            ),
        ),
    ]
    .into_iter()
    .chain(over_time())
    .chain(failing::all_fail())
    .chain([failing::open()])
    .collect()
}

fn over_time() -> [Comparison; 2] {
    [
        Comparison::new(
            "breaker closed, a time window",
            "breaker, closed, time window of 100 calls, Arc",
            Some("breaker, closed, time window of 100 calls, static"),
        )
        .peer(
            FailsafePeer,
            Row::service("failsafe, time window", READY, || failsafe(policy_over_time(), Nothing)),
        )
        .peer(
            Seatbelt,
            Row::object("seatbelt, time window", FUTURE, || {
                executes(belted(0.5, 10, Nothing))
            })
            .timed(),
        )
        .note(
            "tower-resilience stores every call of a window of time and scans them all at each call, so its cost is that \
             of the traffic and not a number",
        ),
        Comparison::new(
            "breaker closed, a time window, one failure in 16",
            "breaker, closed, time window, one failure in 16, Arc",
            Some("breaker, closed, time window, one failure in 16, static"),
        )
        .peer(
            FailsafePeer,
            Row::service("failsafe, time window, one failure in 16", FAILS_1_IN_16, || {
                failsafe(policy_over_time(), FailsOneIn::<16>)
            })
            .bad_in_16(1),
        )
        .peer(
            Seatbelt,
            Row::object("seatbelt, time window, one failure in 16", FUTURE_1_IN_16, || {
                executes(belted(0.5, 10, FailsOneIn::<16>))
            })
            .bad_in_16(1)
            .timed(),
        ),
    ]
}
