//! All layers together, in the default order and in random orders, with one error enum, one closure that decides what
//! is bad, and one paused clock.
//!
//! In every order:
//! - no call is lost: each gets one answer, and an `Ok` answers its request;
//! - deadlines are kept: the answer comes within a bound that follows from the order and the limits;
//! - no permit is held afterwards, even if callers dropped their calls;
//! - rejections of our layers never open the breaker;
//! - the attempts stay within the bound of the retry budget.

mod stack;

use std::time::Duration;

use maestro_circuit_breaker::State;
use proptest::prelude::*;
use stack::{Attempt, Caller, DEFAULT_ORDER, Kind, Limits, Run, StackError};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn attempt() -> impl Strategy<Value = Attempt> {
    prop_oneof![
        4 => (0_u64..40).prop_map(|t| Attempt::Succeeds(ms(t))),
        3 => (0_u64..120).prop_map(|t| Attempt::Fails(ms(t))),
        1 => Just(Attempt::Hangs),
    ]
}

fn healthy_attempt() -> impl Strategy<Value = Attempt> {
    (0_u64..20).prop_map(|t| Attempt::Succeeds(ms(t)))
}

fn caller() -> impl Strategy<Value = Caller> {
    let patience = prop_oneof![3 => Just(None), 1 => (0_u64..150).prop_map(|t| Some(ms(t)))];
    (0_u64..60, patience).prop_map(|(after, patience)| Caller {
        after: ms(after),
        patience,
    })
}

fn any_order() -> impl Strategy<Value = Vec<Kind>> {
    Just(DEFAULT_ORDER.to_vec()).prop_shuffle()
}

/// Runs the stack and checks the properties.
fn check(
    order: &[Kind],
    limits: Limits,
    script: &[Attempt],
    callers: &[Caller],
) -> Result<Run, TestCaseError> {
    let run = stack::run(order, limits, script, callers);

    prop_assert_eq!(run.answers.len(), callers.len(), "a call was lost");
    let bound = limits.bound(order).expect("every order has timeouts");
    for answer in &run.answers {
        match &answer.result {
            Some(Ok(reply)) => prop_assert_eq!(*reply, stack::reply_to(answer.request)),
            Some(Err(_)) => {}
            None => continue, // the caller dropped the call
        }
        prop_assert!(
            answer.took <= bound,
            "took {:?} of {:?} in {:?}",
            answer.took,
            bound,
            order
        );
    }

    prop_assert_eq!(run.in_flight, 0, "an attempt outlived its call");
    prop_assert_eq!(run.bulkhead.in_flight(), 0, "a place was lost");
    let breaker = run.breaker.snapshot();
    prop_assert_eq!(breaker.probes_in_flight(), 0, "a probe was lost");
    if run.bad_attempts == 0 {
        let state = (breaker.generation(), breaker.state());
        prop_assert_eq!(state, (0, State::Closed), "our own rejections opened it");
    }

    let calls = u64::try_from(callers.len()).expect("few");
    prop_assert!(run.attempts <= calls + limits.retries_allowed(calls, run.elapsed));
    prop_assert!(run.attempts <= calls * u64::from(limits.attempts));
    Ok(run)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn the_default_order_keeps_every_promise(
        limits in stack::limits(),
        script in prop::collection::vec(attempt(), 1..40),
        callers in prop::collection::vec(caller(), 1..60),
    ) {
        let run = check(&DEFAULT_ORDER, limits, &script, &callers)?;
        // The gate is outside the recorder, so a refused call is not an event. Neither is a call that its caller
        // dropped. Every other call is one event.
        let events = run.budget.counts(run.budget.period());
        let answered = run.answers.iter().filter(|answer| match &answer.result {
            Some(Err(StackError::Spent(_))) | None => false,
            Some(_) => true,
        });
        prop_assert_eq!(events.total(), answered.count() as u128);
    }

    #[test]
    fn any_order_keeps_every_promise(
        order in any_order(),
        limits in stack::limits(),
        script in prop::collection::vec(attempt(), 1..40),
        callers in prop::collection::vec(caller(), 1..60),
    ) {
        check(&order, limits, &script, &callers)?;
    }

    #[test]
    fn a_small_bulkhead_does_not_open_the_breaker(
        order in any_order(),
        script in prop::collection::vec(healthy_attempt(), 1..20),
        callers in prop::collection::vec(caller(), 20..80),
    ) {
        let limits = Limits { places: 1, ..Limits::DEFAULT };
        let run = check(&order, limits, &script, &callers)?;
        prop_assert_eq!(run.bad_attempts, 0, "the script is healthy");
    }
}

/// The properties above also hold for layers that do nothing. This test checks that every kind of answer occurs.
#[test]
fn the_runs_produce_every_kind_of_answer() {
    // With an empty retry budget every failure is an answer.
    let limits = Limits {
        places: 2,
        ratio_percent: 0,
        floor_per_second: 0,
        ..Limits::DEFAULT
    };
    let script = [
        Attempt::Fails(ms(5)),
        Attempt::Hangs,
        Attempt::Succeeds(ms(30)),
    ];
    // Twelve seconds: the gate decides once a second. Slow enough for many of the calls to be probes, which fail.
    let callers = vec![
        Caller {
            after: ms(20),
            patience: None
        };
        600
    ];
    let run = stack::run(&DEFAULT_ORDER, limits, &script, &callers);
    let met = |what: fn(&StackError) -> bool| {
        run.answers
            .iter()
            .filter(|a| matches!(&a.result, Some(Err(e)) if what(e)))
            .count()
    };
    let ok = run
        .answers
        .iter()
        .filter(|a| matches!(a.result, Some(Ok(_))))
        .count();
    assert_ne!(ok, 0);
    assert_ne!(met(|e| matches!(e, StackError::Open(_))), 0);
    assert_ne!(met(|e| matches!(e, StackError::Full(_))), 0);
    assert_ne!(met(|e| matches!(e, StackError::Elapsed(_))), 0);
    assert_ne!(met(|e| matches!(e, StackError::Spent(_))), 0);
    assert_ne!(met(|e| matches!(e, StackError::Failed)), 0);
    assert!(run.attempts > 0 && run.bad_attempts > 0);
    assert!(
        run.breaker.snapshot().generation() > 1,
        "it opened, and let probes in"
    );
}
