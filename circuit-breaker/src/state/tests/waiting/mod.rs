//! Any history of a breaker with waiting calls, some of which are no longer polled: no other call
//! sleeps that could be admitted, and none is woken without a reason.

mod ramp;
mod scene;
mod step;

use std::{
    sync::Arc,
    task::{Wake, Waker},
    time::Duration,
};

use proptest::prelude::*;

use self::{
    scene::{Scene, Waiter, builder},
    step::{Step, deadlines, steps},
};
use crate::{
    config::Wait,
    state::waiters::{BATCH, LONGEST_SLEEP, PATIENCE},
    types::{End, Outcome},
};

fn run(steps: Vec<Step>, ramps: bool, probe_deadline: u64) -> Scene {
    let mut scene = Scene::new(ramps, probe_deadline);
    for step in steps {
        scene.step(step);
        scene.settle();
        scene.check();
    }
    scene
}

proptest! {
    #[test]
    fn no_call_sleeps_that_could_be_admitted(
        steps in steps(),
        ramps: bool,
        probe_deadline in deadlines(),
    ) {
        run(steps, ramps, probe_deadline);
    }

    /// With a healthy backend, time that moves on and probes that end, all waiting calls are
    /// admitted that are polled.
    #[test]
    fn every_polled_call_is_admitted_in_the_end(
        steps in steps(),
        ramps: bool,
        probe_deadline in deadlines(),
    ) {
        let mut scene = run(steps, ramps, probe_deadline);
        scene.step(Step::Resume);
        for _ in 0..200 {
            scene.settle();
            scene.step(Step::Finish(0, Outcome::Success));
            scene.settle();
            // To the next timer, if there is none to 10 ticks later.
            let timers = scene.line.iter().filter(|w| !w.is_held).filter_map(|w| w.timer);
            scene.now = timers.min().unwrap_or(scene.now + 10).max(scene.now);
        }
        scene.settle();
        prop_assert!(scene.line.iter().all(|w| w.is_held));
    }
}

#[test]
fn looks_and_rejections_wake_no_call() {
    let mut scene = Scene::new(false, 30);
    let call = scene.circuit.admit(|| 0).unwrap();
    scene
        .circuit
        .record(call, End::Finished(Outcome::Failure), || 0);
    for _ in 0..3 {
        scene.poll(Waiter::default());
    }
    for now in 0..20 {
        assert!(scene.circuit.admit(|| now).is_err());
        scene.circuit.snapshot(now);
    }
    assert!(scene.line.iter().all(|w| !w.is_woken()));
}

#[test]
fn a_slot_offered_in_vain_is_looked_for() {
    let mut scene = Scene::new(false, 3 * PATIENCE);
    scene.poll(Waiter::default());
    scene.step(Step::Finish(0, Outcome::Failure));
    scene.now = 20;
    for _ in 0..4 {
        scene.poll(Waiter::default());
    }
    assert_eq!((scene.calls.len(), scene.line.len()), (2, 2));
    scene.step(Step::Hold(0));
    scene.step(Step::Finish(0, Outcome::Ignored));
    assert!(scene.line[0].is_woken());
    scene.now = 19 + PATIENCE;
    scene.settle();
    assert_eq!((scene.calls.len(), scene.line.len()), (1, 2));
    scene.now = 20 + PATIENCE;
    scene.settle();
    assert_eq!((scene.calls.len(), scene.line.len()), (2, 1));
}

/// An open circuit with so many waiting calls.
fn crowd(calls: usize) -> Scene {
    let mut scene = Scene::new(false, 30);
    scene.poll(Waiter::default());
    scene.step(Step::Finish(0, Outcome::Failure));
    scene.step(Step::Force(None));
    (0..calls).for_each(|_| scene.poll(Waiter::default()));
    scene
}

#[test]
fn a_transition_wakes_a_bounded_number_of_ten_thousand_calls() {
    const CALLS: usize = 10_000;
    let mut scene = crowd(CALLS);
    scene.step(Step::Resume);
    let mut woken = BATCH;
    let mut rounds = 0_u32;
    while !scene.line.is_empty() {
        let (polled, asleep): (Vec<_>, _) = (scene.line.drain(..)).partition(Waiter::is_woken);
        assert_eq!(polled.len(), woken.min(polled.len() + asleep.len()));
        scene.line = asleep;
        // Each wakes as many as the transition did: when it asks, and when it leaves the queue.
        woken = polled.len() * 2 * BATCH;
        for waiter in polled {
            scene.poll(waiter);
        }
        rounds += 1;
    }
    let reach = |rounds| -> usize { (0..rounds).map(|it| BATCH * (2 * BATCH).pow(it)).sum() };
    assert!(reach(rounds - 1) < CALLS && CALLS <= reach(rounds));
    assert_eq!((scene.let_in, scene.circuit.waiting()), (CALLS + 1, 0));
}

#[test]
fn calls_that_leave_pass_the_alarm_on() {
    let mut scene = crowd(3 * BATCH);
    scene.step(Step::Resume);
    while let Some(woken) = scene.line.iter().position(Waiter::is_woken) {
        scene.step(Step::Leave(woken));
    }
    assert_eq!((scene.line.len(), scene.circuit.waiting()), (0, 0));
}

#[test]
fn a_second_transition_wakes_whoever_sleeps_by_the_first() {
    let mut scene = crowd(3 * BATCH);
    scene.step(Step::Resume);
    scene.step(Step::Force(None));
    scene.settle();
    assert_eq!(scene.line.len(), 3 * BATCH);
    scene.step(Step::Resume);
    scene.settle();
    assert_eq!(scene.line.len(), 0);
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a waker");
    }
}

#[test]
fn a_panicking_waker_holds_up_no_other() {
    let mut scene = crowd(0);
    let (mut ticket, waker) = (None, Waker::from(Arc::new(Panics)));
    let waits = (scene.circuit).admit_or_sleep(&mut ticket, &waker, || 0);
    waits.unwrap_err();
    (0..3 * BATCH).for_each(|_| scene.poll(Waiter::default()));
    scene.step(Step::Resume);
    scene.settle();
    assert_eq!((scene.line.len(), scene.let_in), (0, 1 + 3 * BATCH));
    scene.circuit.leave(&ticket.expect("it waits"));
}

#[test]
fn woken_calls_that_are_not_polled_hold_up_others_for_a_minute() {
    let mut scene = crowd(3 * BATCH);
    scene.step(Step::Resume);
    scene.hold_woken();
    scene.now += LONGEST_SLEEP - 1;
    scene.settle();
    assert_eq!(scene.line.len(), 3 * BATCH);
    scene.now += 1;
    scene.settle();
    assert_eq!(scene.line.len(), BATCH);
}

#[test]
fn a_distant_end_holds_others_up_for_a_minute() {
    const HOUR: Duration = Duration::from_secs(3_600);
    let failure = Step::Finish(0, Outcome::Failure);
    for (wait, opens, closes) in [
        (HOUR, failure, Step::Reset),
        (Duration::MAX, failure, Step::Reset),
        (HOUR, Step::Force(Some(60 * LONGEST_SLEEP)), Step::Resume),
        (HOUR, Step::Force(Some(u64::MAX)), Step::Resume),
    ] {
        let mut scene = Scene::of(builder(30).wait_in_open(Wait::fixed(wait)));
        scene.poll(Waiter::default());
        scene.step(opens);
        (0..3 * BATCH).for_each(|_| scene.poll(Waiter::default()));
        assert_eq!(scene.line[0].timer, Some(LONGEST_SLEEP));
        scene.step(closes);
        scene.hold_woken();
        scene.now += LONGEST_SLEEP;
        scene.settle();
        assert_eq!(scene.line.len(), BATCH);
    }
}
