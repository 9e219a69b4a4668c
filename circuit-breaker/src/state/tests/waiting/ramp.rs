//! Waiting calls on a ramp.

use std::time::Duration;

use super::{
    scene::{Scene, Waiter, builder},
    step::Step,
};
use crate::{
    config::Ramp,
    state::{
        waiters::{BATCH, LONGEST_SLEEP},
        word::Phase,
    },
    types::Outcome,
};

#[test]
fn a_call_polled_often_counts_once_a_step_of_a_ramp() {
    let mut scene = Scene::new(true, 30);
    scene.poll(Waiter::default());
    scene.step(Step::Finish(0, Outcome::Failure));
    scene.now = 20;
    for _ in 0..3 {
        scene.poll(Waiter::default());
        scene.step(Step::Finish(0, Outcome::Success));
    }
    // 10 %, 25 %, 50 %, each for 15 ticks. The first call that comes is among the share.
    scene.poll(Waiter::default());
    assert_eq!((scene.let_in, scene.calls.len()), (5, 1));
    for now in 20..34 {
        scene.now = now;
        let waiter = scene.line.pop().unwrap_or_default();
        scene.poll(waiter);
        assert_eq!(scene.line.len(), 1, "{now}");
    }
    assert_eq!(scene.line[0].timer, Some(35));
}

#[test]
fn a_look_after_a_minute_is_no_new_call_of_a_ramp() {
    const STEP: u64 = 180 * LONGEST_SLEEP;
    let mut scene = Scene::of(builder(30).ramp(Ramp::new(Duration::from_nanos(STEP))));
    scene.poll(Waiter::default());
    scene.step(Step::Finish(0, Outcome::Failure));
    scene.now = 20;
    for _ in 0..3 {
        scene.poll(Waiter::default());
        scene.step(Step::Finish(0, Outcome::Success));
    }
    // 10 % of the calls are admitted. The first one that comes is among them.
    (0..2).for_each(|_| scene.poll(Waiter::default()));
    assert_eq!((scene.let_in, scene.line.len()), (5, 1));
    let begin = scene.now;
    for minute in 1..180 {
        scene.now = begin + minute * LONGEST_SLEEP;
        assert_eq!(scene.line[0].timer, Some(scene.now));
        scene.settle();
        assert_eq!(scene.line.len(), 1, "{minute}");
    }
    scene.step(Step::Reset);
    scene.settle();
    assert_eq!(scene.line.len(), 0);
}

#[test]
fn a_call_polled_before_its_alarm_asks_on_a_ramp() {
    let mut scene = Scene::new(true, 30);
    scene.poll(Waiter::default());
    scene.step(Step::Finish(0, Outcome::Failure));
    (0..BATCH + 4).for_each(|_| scene.poll(Waiter::default()));
    scene.now = 20;
    scene.settle();
    // Three probes close it, and one more call waits than the end of the last one wakes.
    for _ in 0..3 {
        scene.settle();
        scene.step(Step::Finish(0, Outcome::Success));
    }
    assert!(matches!(
        scene.circuit.state.load().phase(),
        Phase::Ramping { .. }
    ));
    let last = scene.line.pop().expect("they wait");
    assert!(!last.is_woken() && last.timer > Some(scene.now));
    // The first call that comes is among the share.
    let before = scene.let_in;
    scene.poll(last);
    assert_eq!(scene.let_in, before + 1);
}
