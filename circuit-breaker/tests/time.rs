//! What time does to a circuit, on a clock that stands still until it is moved.

use std::time::Duration;

use maestro_circuit_breaker::{
    Builder, Call, Cause, CircuitBreaker, OnCancel, Outcome, Override, Probes, State,
    StaticCircuitBreaker, Wait, Window,
};
use tokio::time::{Instant, advance};

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn builder() -> Builder {
    CircuitBreaker::builder()
        .consecutive_failures(1)
        .wait_in_open(Wait::fixed(secs(5)))
        .probes(Probes::results(2))
        .probe_deadline(secs(3))
}

fn by_ratio() -> Builder {
    CircuitBreaker::builder()
        .failure_ratio(0.5)
        .minimum_calls(1)
        .window(Window::time(secs(16)))
}

fn record(breaker: &CircuitBreaker, successes: u32, failures: u32) {
    for _ in 0..successes {
        breaker.try_acquire().expect("closed").success();
    }
    for _ in 0..failures {
        breaker.try_acquire().expect("closed").failure();
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_wait_is_inclusive_and_its_rest_exact() {
    let breaker = builder().build("wait").unwrap();
    record(&breaker, 0, 1);
    assert_eq!(breaker.snapshot().retry_after(), Some(secs(5)));
    advance(Duration::from_nanos(4_999_999_999)).await;
    let open = breaker.try_acquire().unwrap_err();
    assert_eq!(open.retry_after(), Duration::from_nanos(1));
    advance(Duration::from_nanos(1)).await;
    assert_eq!(breaker.state(), State::HalfOpen);
    assert!(breaker.try_acquire().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_time_window_opens_after_any_number_of_successes() {
    let breaker = by_ratio().minimum_calls(10).build("long healthy").unwrap();
    record(&breaker, 10_000, 0);
    advance(secs(16)).await;
    assert_eq!(
        breaker.snapshot().calls(),
        0,
        "a snapshot after a quiet window is empty"
    );
    record(&breaker, 0, 9);
    assert_eq!(breaker.state(), State::Closed, "below the minimum");
    record(&breaker, 0, 1);
    let cause = breaker.snapshot().cause().map(|cause| cause.to_string());
    assert_eq!(cause.as_deref(), Some("10 of 10 calls failed"));
}

#[tokio::test(start_paused = true)]
async fn calls_leave_the_window_a_sixteenth_at_a_time() {
    let breaker = by_ratio().failure_ratio(1.0).build("steps").unwrap();
    breaker.state(); // the steps begin here
    for _ in 0..16 {
        record(&breaker, 1, 0);
        advance(secs(1)).await;
    }
    for left in (0..16).rev() {
        assert_eq!(breaker.snapshot().calls(), left);
        advance(secs(1)).await;
    }
    assert_eq!(breaker.snapshot().calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_threshold_opens_exactly_when_it_is_reached() {
    for (ratio, failures, calls) in [
        (0.5, 50, 100),
        (0.29, 29, 100),
        (2.0 / 3.0, 2, 3),
        (1.0, 7, 7),
    ] {
        let breaker = by_ratio()
            .failure_ratio(ratio)
            .minimum_calls(calls)
            .build("exact")
            .unwrap();
        record(&breaker, calls - failures, failures - 1);
        assert_eq!(breaker.state(), State::Closed, "{ratio}");
        record(&breaker, 0, 1);
        assert_eq!(breaker.state(), State::Open, "{ratio}");

        let breaker = by_ratio()
            .failure_ratio(ratio)
            .minimum_calls(calls)
            .build("below")
            .unwrap();
        record(&breaker, calls - failures + 1, failures - 1);
        assert_eq!(breaker.state(), State::Closed, "{ratio}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_success_that_completes_the_minimum_opens_nothing() {
    let breaker = by_ratio().minimum_calls(2).build("success").unwrap();
    record(&breaker, 0, 1);
    record(&breaker, 1, 0);
    assert_eq!(breaker.state(), State::Closed);
    record(&breaker, 0, 1);
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn of_two_triggers_the_first_that_holds_is_the_cause() {
    let both = by_ratio().minimum_calls(4).consecutive_failures(3);
    let breaker = both.build("in a row").unwrap();
    record(&breaker, 0, 3);
    assert!(matches!(
        breaker.snapshot().cause(),
        Some(Cause::ConsecutiveFailures { failures: 3, .. })
    ));
    let breaker = both.build("ratio").unwrap();
    record(&breaker, 1, 1);
    record(&breaker, 1, 1);
    assert!(matches!(
        breaker.snapshot().cause(),
        Some(Cause::FailureRatio {
            failures: 2,
            calls: 4,
            ..
        })
    ));
}

#[tokio::test(start_paused = true)]
async fn without_a_ratio_only_failures_in_a_row_open_it() {
    let breaker = builder().consecutive_failures(3).build("in a row").unwrap();
    for _ in 0..100 {
        record(&breaker, 0, 2);
        assert_eq!(breaker.snapshot().consecutive_failures(), 2);
        record(&breaker, 1, 0);
    }
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_bucket_counts_a_million_calls_exactly() {
    let breaker = by_ratio()
        .failure_ratio(0.5)
        .minimum_calls(500_000)
        .build("busy")
        .unwrap();
    let now = Instant::now();
    let at = |outcome| breaker.try_acquire_at(now).unwrap().finish_at(outcome, now);
    for n in 0..1_000_000 {
        at(if n % 4 == 0 {
            Outcome::Failure
        } else {
            Outcome::Success
        });
    }
    let snapshot = breaker.snapshot_at(now);
    assert_eq!(
        (snapshot.calls(), snapshot.failures()),
        (1_000_000, 250_000)
    );
    for n in 0..100_000 {
        at(if n % 4 == 0 {
            Outcome::Failure
        } else {
            Outcome::Success
        });
    }
    let snapshot = breaker.snapshot_at(now);
    assert!(snapshot.calls() >= 500_000);
    assert!(snapshot.failures().abs_diff(snapshot.calls() / 4) <= 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_delayed_for_a_window_evicts_no_newer_call() {
    let breaker = by_ratio().minimum_calls(4).build("held up").unwrap();
    let early = Instant::now();
    let held_up = breaker.try_acquire_at(early).unwrap();
    // The same sixteenth of the window, one window and a hundred windows later.
    for windows in [1, 99] {
        advance(windows * secs(16)).await;
        record(&breaker, 2, 1);
    }
    held_up.finish_at(Outcome::Failure, early);
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.calls(), snapshot.failures()), (3, 1));
    // Nor does it keep the bucket from going on.
    advance(secs(16)).await;
    record(&breaker, 1, 0);
    assert_eq!(breaker.snapshot().calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_count_window_opens_after_any_number_of_successes() {
    let breaker = CircuitBreaker::builder()
        .failure_ratio(0.5)
        .window(Window::calls(100))
        .build("calls")
        .unwrap();
    record(&breaker, 10_000, 49);
    advance(secs(86_400)).await;
    let snapshot = breaker.snapshot();
    assert_eq!(
        (snapshot.state(), snapshot.calls(), snapshot.failures()),
        (State::Closed, 100, 49)
    );
    record(&breaker, 0, 1);
    let cause = breaker.snapshot().cause().map(|cause| cause.to_string());
    assert_eq!(cause.as_deref(), Some("50 of 100 calls failed"));
}

#[tokio::test(start_paused = true)]
async fn a_count_window_opens_at_its_minimum_and_restarts_empty() {
    let breaker = CircuitBreaker::builder()
        .failure_ratio(0.5)
        .window(Window::calls(100))
        .minimum_calls(3)
        .wait_in_open(Wait::fixed(secs(5)))
        .probes(Probes::results(1))
        .build("calls")
        .unwrap();
    record(&breaker, 0, 2);
    assert_eq!(breaker.state(), State::Closed);
    record(&breaker, 0, 1);
    assert_eq!(breaker.state(), State::Open);
    advance(secs(5)).await;
    record(&breaker, 1, 0);
    assert_eq!(
        (breaker.state(), breaker.snapshot().calls()),
        (State::Closed, 0)
    );
    record(&breaker, 0, 2);
    assert_eq!(breaker.state(), State::Closed);
    breaker.reset(Override::new("test", "reset"));
    record(&breaker, 0, 2);
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_window_of_one_call_opens_at_the_first_failure() {
    let breaker = CircuitBreaker::builder()
        .failure_ratio(1.0)
        .window(Window::calls(1))
        .build("one")
        .unwrap();
    record(&breaker, 1_000, 1);
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn the_wait_doubles_up_to_its_cap_until_it_recovers() {
    let breaker = builder()
        .wait_in_open(Wait::exponential(secs(1), secs(5)))
        .probes(Probes::results(1))
        .build("doubles")
        .unwrap();
    for _ in 0..2 {
        record(&breaker, 0, 1);
        for expected in [1, 2, 4, 5, 5, 5] {
            assert_eq!(breaker.snapshot().retry_after(), Some(secs(expected)));
            advance(secs(expected)).await;
            record(&breaker, 0, 1); // the probe
        }
        advance(secs(5)).await;
        record(&breaker, 1, 0);
        assert_eq!(breaker.state(), State::Closed);
        advance(secs(60)).await;
    }
    // After a reset too.
    record(&breaker, 0, 1);
    advance(secs(1)).await;
    record(&breaker, 0, 1);
    breaker.reset(Override::new("test", "reset"));
    record(&breaker, 0, 1);
    assert_eq!(breaker.snapshot().retry_after(), Some(secs(1)));
}

#[tokio::test(start_paused = true)]
async fn jittered_waits_are_spread_and_never_above_the_cap() {
    let breaker = builder()
        .wait_in_open(Wait::exponential(secs(1), secs(4)).jitter(0.5))
        .probes(Probes::results(1))
        .build("jitter")
        .unwrap();
    record(&breaker, 0, 1);
    let mut waits = Vec::new();
    for _ in 0..100 {
        let wait = breaker.snapshot().retry_after().unwrap();
        waits.push(wait);
        advance(wait).await;
        record(&breaker, 0, 1);
    }
    let at_the_cap = &mut waits[2..];
    assert!(
        at_the_cap
            .iter()
            .all(|wait| (secs(2)..=secs(4)).contains(wait))
    );
    at_the_cap.sort();
    at_the_cap
        .iter()
        .zip(&at_the_cap[1..])
        .for_each(|(a, b)| assert_ne!(a, b));
}

#[tokio::test(start_paused = true)]
async fn retry_after_extends_the_wait_but_never_shortens_it() {
    for (asked, granted) in [(60, 60), (1, 5)] {
        let breaker = builder().consecutive_failures(2).build("alone").unwrap();
        // Of those that do not open it nothing is kept.
        breaker.try_acquire().unwrap().failure_for(secs(3_600));
        breaker.try_acquire().unwrap().failure_for(secs(asked));
        assert_eq!(breaker.snapshot().retry_after(), Some(secs(granted)));
        // Of probes the one that asks for most is heard, though another is the last.
        advance(secs(granted)).await;
        let (a, b) = (
            breaker.try_acquire().unwrap(),
            breaker.try_acquire().unwrap(),
        );
        a.failure_for(secs(asked));
        b.failure();
        assert_eq!(breaker.snapshot().retry_after(), Some(secs(granted)));
        // And only that once.
        advance(secs(granted)).await;
        record(&breaker, 0, 2);
        assert_eq!(breaker.snapshot().retry_after(), Some(secs(5)));
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_cut_to_its_bound() {
    let bounded = |builder: Builder, granted| {
        let breaker = builder.build("bounded").unwrap();
        (breaker.try_acquire().unwrap()).failure_for(secs(9_999_999_999));
        assert_eq!(breaker.snapshot().retry_after(), Some(granted));
        breaker
    };
    let builder = builder().consecutive_failures(1);
    let breaker = bounded(builder, secs(300));
    // A probe may not ask for more either.
    advance(secs(300)).await;
    let (a, b) = (
        breaker.try_acquire().unwrap(),
        breaker.try_acquire().unwrap(),
    );
    a.failure_for(Duration::MAX);
    b.failure_for(Duration::MAX);
    assert_eq!(breaker.snapshot().retry_after(), Some(secs(300)));

    bounded(builder.max_retry_after(secs(7)), secs(7));
    bounded(builder.max_retry_after(Duration::ZERO), secs(5));
    // Changed while the breaker runs.
    breaker
        .reconfigure(builder.max_retry_after(secs(9)))
        .unwrap();
    breaker.reset(Override::new("test", "reset"));
    (breaker.try_acquire().unwrap()).failure_for(secs(60));
    assert_eq!(breaker.snapshot().retry_after(), Some(secs(9)));
}

#[tokio::test(start_paused = true)]
async fn what_a_late_call_asks_for_is_not_granted() {
    let breaker = builder().build("late").unwrap();
    let late = breaker.try_acquire().unwrap();
    breaker.reset(Override::new("test", "reset"));
    late.failure_for(secs(60));
    record(&breaker, 0, 1);
    assert_eq!(breaker.snapshot().retry_after(), Some(secs(5)));
}

/// A tenth of a second is slow.
fn by_slowness() -> Builder {
    CircuitBreaker::builder()
        .slow_ratio(0.5)
        .slow_after(TENTH)
        .minimum_calls(4)
        .window(Window::time(secs(16)))
        .wait_in_open(Wait::fixed(secs(5)))
        .probes(Probes::results(2))
}

const TENTH: Duration = Duration::from_millis(100);
const FAST: Duration = Duration::from_nanos(99_999_999);

/// Makes a call that takes `time`.
async fn take(breaker: &CircuitBreaker, time: Duration, outcome: Outcome) {
    let call = breaker.try_acquire().expect("it is let in");
    advance(time).await;
    call.finish(outcome);
}

#[tokio::test(start_paused = true)]
async fn slow_calls_open_it_even_if_they_succeed() {
    let breaker = by_slowness().build("slow").unwrap();
    take(&breaker, TENTH, Outcome::Success).await;
    take(&breaker, TENTH, Outcome::Success).await;
    take(&breaker, FAST, Outcome::Success).await;
    take(&breaker, secs(0), Outcome::Failure).await;
    assert_eq!(
        breaker.snapshot().slow_calls(),
        2,
        "two of four, but the fourth was fast"
    );
    assert_eq!(breaker.state(), State::Closed, "failures are not asked for");
    take(&breaker, TENTH, Outcome::Success).await;
    let cause = breaker.snapshot().cause().map(|cause| cause.to_string());
    assert_eq!(cause.as_deref(), Some("3 of 5 calls were slow"));
}

#[tokio::test(start_paused = true)]
async fn a_slow_failure_counts_twice_and_leaves_both_counts() {
    let breaker = by_slowness().failure_ratio(1.0).build("both").unwrap();
    breaker.state();
    take(&breaker, TENTH, Outcome::Failure).await;
    take(&breaker, TENTH, Outcome::Success).await;
    let counts = || {
        let snapshot = breaker.snapshot();
        (snapshot.calls(), snapshot.failures(), snapshot.slow_calls())
    };
    assert_eq!(counts(), (2, 1, 2));
    advance(secs(16)).await;
    assert_eq!(counts(), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_reaches_two_ratios_names_that_of_failures() {
    let breaker = by_slowness().failure_ratio(0.5).build("both").unwrap();
    for _ in 0..4 {
        take(&breaker, TENTH, Outcome::Failure).await;
    }
    assert!(matches!(
        breaker.snapshot().cause(),
        Some(Cause::FailureRatio {
            failures: 4,
            calls: 4,
            ..
        })
    ));
}

#[tokio::test(start_paused = true)]
async fn a_slow_probe_is_a_failed_probe_unless_it_is_ignored() {
    for (time, outcome, settled, state) in [
        (TENTH, Outcome::Success, 0, State::Open),
        (FAST, Outcome::Success, 0, State::Closed),
        (TENTH, Outcome::Ignored, 1, State::HalfOpen),
    ] {
        let breaker = by_slowness().failure_ratio(1.0).build("probes").unwrap();
        for _ in 0..4 {
            take(&breaker, TENTH, Outcome::Success).await;
        }
        advance(secs(5)).await;
        // With a ratio of 1.0 both have to fail.
        take(&breaker, time, Outcome::Success).await;
        take(&breaker, time, outcome).await;
        let snapshot = breaker.snapshot();
        assert_eq!(
            (snapshot.state(), snapshot.probes_settled()),
            (state, settled),
            "{time:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_is_a_failure_once_it_is_slow() {
    let breaker = builder().slow_after(TENTH).build("cancelled").unwrap();
    let cancel_after = async |time| {
        let call = breaker.try_acquire().unwrap();
        advance(time).await;
        drop(call);
    };
    cancel_after(FAST).await;
    assert_eq!(breaker.state(), State::Closed);
    cancel_after(TENTH).await;
    assert_eq!(breaker.state(), State::Open);
    // So is a probe; and one that is dropped sooner gives its place back.
    advance(secs(5)).await;
    cancel_after(secs(0)).await;
    assert_eq!(breaker.snapshot().probes_settled(), 0);
    cancel_after(TENTH).await;
    assert_eq!(breaker.snapshot().probes_settled(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_probe_fails_at_its_deadline_and_frees_its_slot() {
    let breaker = builder()
        .probes(Probes::results(3).in_flight(1))
        .build("hung")
        .unwrap();
    record(&breaker, 0, 1);
    advance(secs(5)).await;
    let hung = breaker.try_acquire().unwrap();
    assert_eq!(breaker.try_acquire().unwrap_err().retry_after(), secs(3));
    advance(secs(3)).await;
    let snapshot = breaker.snapshot();
    assert_eq!(
        (snapshot.probes_in_flight(), snapshot.probes_settled()),
        (0, 1)
    );
    breaker.try_acquire().expect("the place is free").success();
    // What the first one says now is late.
    hung.success();
    assert_eq!(breaker.snapshot().probes_settled(), 2);
    breaker.try_acquire().unwrap().success();
    assert_eq!(breaker.state(), State::Closed, "one of three failed");
}

#[tokio::test(start_paused = true)]
async fn hung_probes_open_it_again_as_if_a_timer_had_watched_them() {
    let breaker = builder().build("hung").unwrap();
    record(&breaker, 0, 1);
    advance(secs(5)).await;
    let _hung = (
        breaker.try_acquire().unwrap(),
        breaker.try_acquire().unwrap(),
    );
    // Nobody looks while their time ends at 3 s, nor when the wait that follows does, at 8 s.
    advance(secs(7)).await;
    let open = breaker.try_acquire().unwrap_err();
    assert_eq!((open.state(), open.retry_after()), (State::Open, secs(1)));
    assert!(matches!(
        open.cause(),
        Some(Cause::Probes {
            failures: 2,
            results: 2,
            ..
        })
    ));
    advance(secs(1)).await;
    assert_eq!(breaker.state(), State::HalfOpen);
}

#[tokio::test(start_paused = true)]
async fn too_little_traffic_never_opens_it_again_and_loses_no_count() {
    let breaker = builder().build("quiet").unwrap();
    record(&breaker, 0, 1);
    advance(secs(5)).await;
    breaker.try_acquire().unwrap().success();
    advance(secs(86_400)).await;
    let snapshot = breaker.snapshot();
    assert_eq!(
        (snapshot.state(), snapshot.probes_settled()),
        (State::HalfOpen, 1)
    );
    breaker.try_acquire().unwrap().success();
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn probes_never_exceed_missing_results_or_the_limit() {
    let breaker = builder()
        .probes(Probes::results(5).in_flight(2))
        .build("probes")
        .unwrap();
    record(&breaker, 0, 1);
    advance(secs(5)).await;
    let mut admitted = Vec::new();
    while let Ok(probe) = breaker.try_acquire() {
        admitted.push(probe);
    }
    assert_eq!(admitted.len(), 2);
    for _ in 0..3 {
        breaker.try_acquire().unwrap_err();
        admitted.pop().unwrap().success();
        admitted.push(breaker.try_acquire().unwrap());
    }
    admitted.pop().unwrap().success();
    breaker.try_acquire().unwrap_err(); // four results, one in flight
    admitted.pop().unwrap().success();
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn n_of_m_probes_decide_as_soon_as_it_is_certain() {
    use State::{Closed, HalfOpen, Open};
    // Two of three have to succeed.
    for (ends, expected) in [
        ([true, true], [HalfOpen, Closed]),
        ([false, false], [HalfOpen, Open]),
        ([true, false], [HalfOpen, HalfOpen]),
    ] {
        let breaker = builder()
            .probes(Probes::successes(2, 3))
            .build("n of m")
            .unwrap();
        record(&breaker, 0, 1);
        advance(secs(5)).await;
        let mut probes: Vec<_> = (0..3).map(|_| breaker.try_acquire().unwrap()).collect();
        for (ok, state) in ends.into_iter().zip(expected) {
            let probe = probes.pop().unwrap();
            if ok {
                probe.success();
            } else {
                probe.failure();
            }
            assert_eq!(breaker.state(), state, "{ends:?}");
        }
        // The third decides, or is late.
        let before = breaker.snapshot();
        probes.pop().unwrap().success();
        if expected[1] == HalfOpen {
            assert_eq!(breaker.state(), Closed);
        } else {
            assert_eq!(breaker.snapshot(), before);
        }
        // None of them keeps a place in the next half-open state.
        breaker.reset(Override::new("test", "reset"));
        record(&breaker, 0, 1);
        advance(secs(5)).await;
        let probes: Vec<_> = (0..3).map(|_| breaker.try_acquire().unwrap()).collect();
        drop(probes);
    }
}

#[tokio::test(start_paused = true)]
async fn where_one_probe_decides_it_decides_either_way() {
    let breaker = builder().probes(Probes::one()).build("one").unwrap();
    record(&breaker, 0, 1);
    for (failures, state) in [(1, State::Open), (0, State::Closed)] {
        advance(secs(5)).await;
        record(&breaker, 1 - failures, failures);
        assert_eq!(breaker.state(), state);
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_result_changes_nothing_in_any_pair_of_states() {
    // Calls that were admitted while closed and while half-open, of a breaker that has moved on since.
    type Admit = fn(&CircuitBreaker) -> Call;
    type Move = fn(&CircuitBreaker);
    const THEN: [(&str, Admit, Duration); 2] = [
        ("closed", |breaker| breaker.try_acquire().unwrap(), secs(0)),
        (
            "half-open",
            |breaker| {
                breaker.try_acquire().unwrap().failure();
                // The first two of its probes; one stays.
                breaker.try_acquire_at(Instant::now() + secs(5)).unwrap()
            },
            secs(5),
        ),
    ];
    let now_states: [(&str, Move, Duration, State); 3] = [
        ("closed", |_| {}, secs(0), State::Closed),
        (
            "open",
            |breaker| record(breaker, 0, 1),
            secs(0),
            State::Open,
        ),
        (
            "half-open",
            |breaker| record(breaker, 0, 1),
            secs(5),
            State::HalfOpen,
        ),
    ];
    for (then, admit, passed) in THEN {
        for (now, go_on, later, state) in now_states {
            for outcome in [
                Some(Outcome::Success),
                Some(Outcome::Failure),
                Some(Outcome::Ignored),
                None,
            ] {
                let breaker = builder()
                    .failure_ratio(0.1)
                    .minimum_calls(1)
                    .on_cancel(OnCancel::Failure)
                    .build("late")
                    .unwrap();
                let late = admit(&breaker);
                advance(passed).await;
                breaker.reset(Override::new("test", "reset"));
                go_on(&breaker);
                advance(later).await;
                let probe = (state == State::HalfOpen).then(|| breaker.try_acquire().unwrap());
                let before = breaker.snapshot();
                assert_eq!(before.state(), state);
                match outcome {
                    Some(outcome) => late.finish(outcome),
                    None => drop(late),
                }
                assert_eq!(breaker.snapshot(), before, "{outcome:?} of {then} in {now}");
                drop(probe);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn results_of_an_earlier_outage_decide_nothing() {
    let breaker = builder().build("cycles").unwrap();
    let slow: Vec<_> = (0..8).map(|_| breaker.try_acquire().unwrap()).collect();
    record(&breaker, 0, 1);
    advance(secs(5)).await;
    for call in slow {
        call.failure();
    }
    assert_eq!(breaker.state(), State::HalfOpen);
    let hung = breaker.try_acquire().unwrap();
    breaker.try_acquire().unwrap().failure();
    advance(secs(3)).await; // the other one has failed by now: open
    advance(secs(5)).await;
    assert_eq!(breaker.snapshot().generation(), 4);
    hung.failure();
    breaker.try_acquire().unwrap().success();
    breaker.try_acquire().unwrap().success();
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn closing_and_a_reset_begin_with_an_empty_window() {
    let breaker = by_ratio()
        .minimum_calls(4)
        .wait_in_open(Wait::fixed(secs(1)))
        .probes(Probes::results(1))
        .build("fresh")
        .unwrap();
    record(&breaker, 0, 4);
    advance(secs(1)).await;
    record(&breaker, 1, 0);
    assert_eq!(
        (breaker.state(), breaker.snapshot().calls()),
        (State::Closed, 0)
    );
    record(&breaker, 0, 3);
    breaker.reset(Override::new("test", "reset"));
    let snapshot = breaker.snapshot();
    assert_eq!(
        (snapshot.calls(), snapshot.failures(), snapshot.cause()),
        (0, 0, None)
    );
    record(&breaker, 0, 3);
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn the_generation_counts_every_transition_and_only_rises() {
    let breaker = builder().probes(Probes::results(1)).build("count").unwrap();
    let mut seen = vec![breaker.snapshot().generation()];
    record(&breaker, 5, 1);
    seen.push(breaker.snapshot().generation());
    advance(secs(5)).await;
    seen.push(breaker.snapshot().generation());
    record(&breaker, 1, 0);
    seen.push(breaker.snapshot().generation());
    breaker.reset(Override::new("test", "reset"));
    seen.push(breaker.snapshot().generation());
    assert_eq!(seen, [0, 1, 2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn an_instant_before_the_first_reading_counts_as_the_first() {
    static BREAKER: StaticCircuitBreaker = CircuitBreaker::builder()
        .consecutive_failures(1)
        .const_wait_in_open(Wait::fixed(Duration::from_secs(5)))
        .build_static("early");
    let early = Instant::now();
    advance(secs(60)).await;
    BREAKER.try_acquire().unwrap().failure();
    let open = BREAKER.try_acquire_at(early).unwrap_err();
    assert_eq!(open.retry_after(), secs(5));
}
