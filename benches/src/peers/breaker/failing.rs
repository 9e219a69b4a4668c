//! Breakers whose calls fail, and open ones.

use failsafe::Config;
use layered::Service as _;
use recloser::Recloser;
use tower::Layer;
use tower_resilience_circuitbreaker::CircuitState;

use super::make::{LONG, belted, calls, consecutive, failsafe, in_a_row, over_time, resilience};
use crate::{
    Row,
    inner::{FailsOneIn, Nothing, SucceedsOneIn},
    peers::{
        Comparison,
        Peer::{Failsafe as FailsafePeer, Recloser as RecloserPeer, Seatbelt, TowerResilience},
        adapt::{FUTURE_FAILS, Failsafe, Reclosed, drive, executes},
    },
    rows::floors::{EMPTY, FAILS, REFUSED, SUCCEEDS_1_IN_100},
};

/// Breakers that stay closed although the calls fail: the thresholds are those of ours.
pub(super) fn all_fail() -> [Comparison; 3] {
    [
        Comparison::new(
            "breaker closed, a window of 1,024 calls, 99 of 100 calls fail",
            "breaker, closed, window of 1,024 calls, 99 of 100 calls fail, Arc",
            Some("breaker, closed, window of 1,024 calls, 99 of 100 calls fail, static"),
        )
        .peer(
            RecloserPeer,
            Row::service("recloser, 99 of 100 calls fail", SUCCEEDS_1_IN_100, || {
                let recloser = Recloser::custom().closed_len(1_024).error_rate(1.0);
                Reclosed {
                    recloser: recloser.build().into(),
                    inner: SucceedsOneIn::<100>,
                }
            })
            .bad_in_1600(1_584),
        )
        .peer(
            TowerResilience,
            Row::service(
                "tower-resilience, 99 of 100 calls fail",
                SUCCEEDS_1_IN_100,
                || {
                    let numbers = calls()
                        .sliding_window_size(1_024)
                        .failure_rate_threshold(1.0);
                    resilience(numbers, SucceedsOneIn::<100>)
                },
            )
            .bad_in_1600(1_584)
            .timed(),
        )
        .note("a ratio of 100 % is reached if every call fails, so one call in a hundred succeeds"),
        Comparison::new(
            "breaker closed, consecutive failures, every call fails",
            "breaker, closed, consecutive failures, every call fails, Arc",
            Some("breaker, closed, consecutive failures, every call fails, static"),
        )
        .peer(
            FailsafePeer,
            Row::service("failsafe, consecutive, every call fails", FAILS, || {
                failsafe(in_a_row(500_000_000), FailsOneIn::<1>)
            })
            .bad_in_16(16),
        )
        .peer(
            TowerResilience,
            Row::service(
                "tower-resilience, consecutive, every call fails",
                FAILS,
                || {
                    resilience(
                        consecutive().consecutive_failures(500_000_000),
                        FailsOneIn::<1>,
                    )
                },
            )
            .bad_in_16(16)
            .timed(),
        ),
        Comparison::new(
            "breaker closed, a time window, every call fails",
            "breaker, closed, time window, every call fails, Arc",
            Some("breaker, closed, time window, every call fails, static"),
        )
        .peer(
            FailsafePeer,
            Row::service("failsafe, time window, every call fails", FAILS, || {
                failsafe(over_time(), FailsOneIn::<1>)
            })
            .bad_in_16(16),
        )
        .peer(
            Seatbelt,
            Row::object(
                "seatbelt, time window, every call fails",
                FUTURE_FAILS,
                || {
                    // More calls than a measurement makes are needed before it may open.
                    executes(belted(0.99, 1_000_000_000, FailsOneIn::<1>))
                },
            )
            .bad_in_16(16)
            .timed(),
        ),
    ]
}

pub(super) fn open() -> Comparison {
    Comparison::new(
        "breaker open",
        "breaker, open, Arc",
        Some("breaker, open, static"),
    )
    .peer(
        RecloserPeer,
        Row::service("recloser, open", REFUSED, || {
            let recloser = Recloser::custom().closed_len(1).open_wait(LONG).build();
            for _ in 0..2 {
                recloser.call(|| Err::<(), ()>(())).ok();
            }
            let rejected = recloser.call(|| Ok::<(), ()>(()));
            assert!(matches!(rejected, Err(recloser::Error::Rejected)));
            Reclosed {
                recloser: recloser.into(),
                inner: Nothing,
            }
        })
        .bad_in_16(16),
    )
    .peer(
        FailsafePeer,
        Row::service("failsafe, open", REFUSED, || {
            let breaker = Config::new().failure_policy(in_a_row(1)).build();
            breaker.on_error();
            assert!(!breaker.is_call_permitted());
            Failsafe {
                breaker,
                inner: Nothing,
            }
        })
        .bad_in_16(16),
    )
    .peer(
        Seatbelt,
        Row::object("seatbelt, open", EMPTY, || {
            let service = belted(0.1, 1, FailsOneIn::<1>);
            drive(service.execute(0)).expect_err("every call fails");
            executes(service)
        })
        .bad_in_16(16)
        .timed(),
    )
    .peer(
        TowerResilience,
        Row::service("tower-resilience, open", REFUSED, || {
            let layer = consecutive().wait_duration_in_open(LONG);
            let (layer, handle) = layer.build_with_handle().expect("the numbers are legal");
            drive(handle.force_open());
            assert_eq!(handle.state(), CircuitState::Open);
            layer.layer(Nothing)
        })
        .bad_in_16(16)
        .timed(),
    )
    .alone(&[TowerResilience])
    .note("recloser and failsafe are given the future of the inner call, which is made before they refuse it")
    .note(
        "tower-resilience asks its lock in `poll_ready`, and waits for a timer of a millisecond if another thread has it, so it \
         is measured on one thread only",
    )
}
