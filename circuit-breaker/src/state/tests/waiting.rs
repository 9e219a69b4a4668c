//! Any history of a breaker with waiting calls: no call sleeps that could be admitted, and none is
//! woken without a reason.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Wake, Waker},
    time::Duration,
};

use proptest::{collection::vec, prelude::*};

use crate::{
    config::{Builder, Probes, Ramp, Wait},
    state::{Admission, StateMachine, Ticket, word::Phase},
    types::{End, Outcome, Override},
};

#[derive(Clone, Copy, Debug)]
enum Step {
    Come,
    /// Drops one of the waiting calls.
    Leave(usize),
    Finish(usize, Outcome),
    Pass(u64),
    Reset,
    Force(Option<u64>),
    Resume,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop_oneof![
        Just(Outcome::Success),
        Just(Outcome::Failure),
        Just(Outcome::Ignored)
    ];
    let lasts = proptest::option::of(1..50_u64);
    let step = prop_oneof![
        6 => Just(Step::Come),
        2 => any::<usize>().prop_map(Step::Leave),
        6 => (any::<usize>(), outcome).prop_map(|(i, o)| Step::Finish(i, o)),
        5 => (0..40_u64).prop_map(Step::Pass),
        1 => Just(Step::Reset),
        1 => lasts.prop_map(Step::Force),
        1 => Just(Step::Resume),
    ];
    vec(step, 1..60)
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

#[derive(Default)]
struct Waiter {
    ticket: Option<Ticket>,
    woken: Arc<Flag>,
    timer: Option<u64>,
}

struct Scene {
    circuit: StateMachine,
    now: u64,
    line: Vec<Waiter>,
    calls: Vec<Admission>,
    let_in: usize,
}

impl Scene {
    fn new(ramps: bool) -> Self {
        let mut builder = Builder::new()
            .consecutive_failures(1)
            .wait_in_open(Wait::fixed(Duration::from_nanos(20)))
            .probes(Probes::results(3).in_flight(2))
            .probe_deadline(Duration::from_nanos(30));
        if ramps {
            builder = builder.ramp(Ramp::new(Duration::from_nanos(15)));
        }
        Self {
            circuit: StateMachine::new("tested", builder.validate().unwrap()),
            now: 0,
            line: Vec::new(),
            calls: Vec::new(),
            let_in: 0,
        }
    }

    /// Polls a call, which is then admitted or waits on.
    fn poll(&mut self, mut waiter: Waiter) {
        waiter.woken.0.store(false, SeqCst);
        let waker = Waker::from(Arc::clone(&waiter.woken));
        let polled = self
            .circuit
            .admit_or_sleep(&mut waiter.ticket, &waker, || self.now);
        match polled {
            Ok(call) => {
                assert!(waiter.ticket.is_none());
                self.calls.push(call);
                self.let_in += 1;
            }
            Err(timer) => {
                let woken = waiter.woken.0.load(SeqCst);
                assert!(!woken, "by its own look at the circuit");
                waiter.timer = timer;
                self.line.push(waiter);
            }
        }
    }

    /// Polls the calls that are woken, by others or by a timer, until none is.
    fn settle(&mut self) {
        for _ in 0..1_000 {
            let due = |w: &Waiter| {
                w.woken.0.load(SeqCst) || w.timer.is_some_and(|timer| timer <= self.now)
            };
            let Some(next) = self.line.iter().position(due) else {
                return;
            };
            let waiter = self.line.remove(next);
            self.poll(waiter);
        }
        panic!("they wake each other without end");
    }

    fn step(&mut self, step: Step) {
        let by = || Override::new("op", "test");
        let now = self.now;
        match step {
            Step::Come => self.poll(Waiter::default()),
            Step::Leave(which) if !self.line.is_empty() => {
                let waiter = self.line.remove(which % self.line.len());
                self.circuit.leave(&waiter.ticket.expect("it waits"));
            }
            Step::Finish(which, outcome) if !self.calls.is_empty() => {
                let call = self.calls.remove(which % self.calls.len());
                self.circuit.record(call, End::Finished(outcome), || now);
            }
            Step::Pass(ticks) => self.now += ticks,
            Step::Reset => self.circuit.reset(now),
            Step::Force(lasts) => {
                let by = match lasts {
                    Some(ticks) => by().lasting(Duration::from_nanos(ticks)),
                    None => by(),
                };
                self.circuit.force(Phase::ForcedOpen, by, now);
            }
            Step::Resume => {
                self.circuit.resume(by(), now);
            }
            Step::Leave(_) | Step::Finish(..) => {}
        }
    }

    /// What holds whenever no call is about to be polled.
    fn check(&self) {
        // No look before: a call that could be admitted was woken by what made it so, or by the one
        // timer. On a ramp any call may be among the share; the end of the ramp is waited for.
        let is_ramping = matches!(self.circuit.state.load().phase(), Phase::Ramping { .. });
        if !self.line.is_empty() && !is_ramping {
            assert!(
                self.circuit.is_rejecting_at(self.now),
                "a call sleeps, and another would be admitted"
            );
        }
        let timers = self.line.iter().filter(|w| w.timer.is_some()).count();
        assert!(timers <= 1, "one timer for all waiting calls");
        let end = self.circuit.refuse_at(self.now);
        if !self.line.is_empty() && self.circuit.state.load().phase() == Phase::Open {
            let timer = self.line.iter().find_map(|w| w.timer);
            assert_eq!(timer, Some(end.until));
        }
        assert_eq!(self.line.len(), self.circuit.waiting());
    }
}

fn run(steps: Vec<Step>, ramps: bool) -> Scene {
    let mut scene = Scene::new(ramps);
    for step in steps {
        scene.step(step);
        scene.settle();
        scene.check();
    }
    scene
}

proptest! {
    #[test]
    fn no_call_sleeps_that_could_be_admitted(steps in steps(), ramps: bool) {
        run(steps, ramps);
    }

    /// With a healthy backend, time that moves on and probes that end, all waiting calls are
    /// admitted.
    #[test]
    fn every_waiting_call_is_admitted_in_the_end(steps in steps(), ramps: bool) {
        let mut scene = run(steps, ramps);
        scene.step(Step::Resume);
        for _ in 0..200 {
            scene.settle();
            scene.step(Step::Finish(0, Outcome::Success));
            scene.settle();
            scene.step(Step::Pass(10));
        }
        scene.settle();
        prop_assert!(scene.line.is_empty());
    }
}

#[test]
fn looks_and_rejections_wake_no_call() {
    let mut scene = Scene::new(false);
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
    assert!(scene.line.iter().all(|w| !w.woken.0.load(SeqCst)));
}
