//! Any history of a breaker with waiting calls, some of which are no longer polled: no other call
//! sleeps that could be admitted, and none is woken without a reason.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    task::{Wake, Waker},
    time::Duration,
};

use proptest::{collection::vec, prelude::*};

use crate::{
    config::{Builder, Probes, Ramp, Wait},
    state::{
        Admission, StateMachine, Ticket,
        waiters::{BATCH, LONGEST_SLEEP, PATIENCE},
        word::Phase,
    },
    types::{End, Outcome, Override},
};

#[derive(Clone, Copy, Debug)]
enum Step {
    Come,
    /// Drops one of the waiting calls.
    Leave(usize),
    /// Polls one of the waiting calls no more.
    Hold(usize),
    /// Polls one of the waiting calls for another reason.
    Poll(usize),
    Finish(usize, Outcome),
    Pass(u64),
    Reset,
    Force(Option<u64>),
    Trip,
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
        10 => Just(Step::Come),
        2 => any::<usize>().prop_map(Step::Leave),
        4 => any::<usize>().prop_map(Step::Hold),
        1 => any::<usize>().prop_map(Step::Poll),
        6 => (any::<usize>(), outcome).prop_map(|(i, o)| Step::Finish(i, o)),
        5 => (0..40_u64).prop_map(Step::Pass),
        1 => Just(Step::Reset),
        1 => lasts.prop_map(Step::Force),
        1 => Just(Step::Trip),
        1 => Just(Step::Resume),
    ];
    vec(step, 1..60)
}

/// Shorter than any call sleeps while half-open, and longer.
fn deadlines() -> impl Strategy<Value = u64> {
    prop_oneof![Just(30), Just(3 * PATIENCE)]
}

/// A number that is larger than all before.
fn moment() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, SeqCst) + 1
}

/// The moment when it was woken, or 0.
#[derive(Default)]
struct Flag(AtomicU64);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(moment(), SeqCst);
    }
}

#[derive(Default)]
struct Waiter {
    ticket: Option<Ticket>,
    woken: Arc<Flag>,
    timer: Option<u64>,
    is_held: bool,
    polled_at: u64,
}

impl Waiter {
    fn woken_at(&self) -> u64 {
        self.woken.0.load(SeqCst)
    }

    fn is_woken(&self) -> bool {
        self.woken_at() > 0
    }

    /// Whether its task would poll it at `now`.
    fn is_due(&self, now: u64) -> bool {
        !self.is_held && (self.is_woken() || self.timer.is_some_and(|timer| timer <= now))
    }
}

fn builder(probe_deadline: u64) -> Builder {
    Builder::new()
        .consecutive_failures(1)
        .wait_in_open(Wait::fixed(Duration::from_nanos(20)))
        .probes(Probes::results(3).in_flight(2))
        .probe_deadline(Duration::from_nanos(probe_deadline))
}

struct Scene {
    circuit: StateMachine,
    now: u64,
    line: Vec<Waiter>,
    calls: Vec<Admission>,
    let_in: usize,
    /// The last moment when a waiting call was polled or left.
    passed_on: u64,
}

impl Scene {
    fn new(ramps: bool, probe_deadline: u64) -> Self {
        let builder = builder(probe_deadline);
        Self::of(if ramps {
            builder.ramp(Ramp::new(Duration::from_nanos(15)))
        } else {
            builder
        })
    }

    fn of(builder: Builder) -> Self {
        Self {
            circuit: StateMachine::new("tested", builder.validate().unwrap()),
            now: 0,
            line: Vec::new(),
            calls: Vec::new(),
            let_in: 0,
            passed_on: 0,
        }
    }

    /// Polls a call, which is then admitted or waits on.
    fn poll(&mut self, mut waiter: Waiter) {
        if waiter.ticket.is_some() {
            self.passed_on = moment();
        }
        waiter.woken.0.store(0, SeqCst);
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
                assert!(!waiter.is_woken(), "by its own look at the circuit");
                waiter.timer = timer;
                waiter.polled_at = self.now;
                self.line.push(waiter);
            }
        }
    }

    /// Polls the calls that are woken, by others or by a timer, until none is.
    fn settle(&mut self) {
        for _ in 0..1_000 {
            let Some(next) = self.line.iter().position(|w| w.is_due(self.now)) else {
                return;
            };
            let waiter = self.line.remove(next);
            self.poll(waiter);
        }
        panic!("they wake each other without end");
    }

    /// Polls no call any more that is woken now.
    fn hold_woken(&mut self) {
        for waiter in &mut self.line {
            waiter.is_held |= waiter.is_woken();
        }
    }

    fn step(&mut self, step: Step) {
        let by = || Override::new("op", "test");
        let now = self.now;
        match step {
            Step::Come => self.poll(Waiter::default()),
            Step::Leave(which) if !self.line.is_empty() => {
                let waiter = self.line.remove(which % self.line.len());
                self.passed_on = moment();
                self.circuit.leave(&waiter.ticket.expect("it waits"));
            }
            Step::Hold(which) if !self.line.is_empty() => {
                let which = which % self.line.len();
                self.line[which].is_held = true;
            }
            Step::Poll(which) if !self.line.is_empty() => {
                let waiter = self.line.remove(which % self.line.len());
                self.poll(waiter);
            }
            Step::Finish(which, outcome) if !self.calls.is_empty() => {
                let call = self.calls.remove(which % self.calls.len());
                self.circuit.record(call, End::Finished(outcome), || now);
            }
            Step::Pass(ticks) => self.now += ticks,
            Step::Reset => self.circuit.reset(Override::new("test", "reset"), now),
            Step::Force(lasts) => {
                let by = match lasts {
                    Some(ticks) => by().lasting(Duration::from_nanos(ticks)),
                    None => by(),
                };
                self.circuit.force(Phase::ForcedOpen, by, now);
            }
            Step::Trip => {
                self.circuit.trip(by(), now);
            }
            Step::Resume => {
                self.circuit.resume(by(), now);
            }
            Step::Leave(_) | Step::Hold(_) | Step::Poll(_) | Step::Finish(..) => {}
        }
    }

    /// What holds whenever no call is about to be polled.
    fn check(&self) {
        assert_eq!(self.line.len(), self.circuit.waiting());
        // No look before: a call that could be admitted was woken by what made it so, or by its own
        // timer. On a ramp any call may be among the share.
        let phase = self.circuit.state.load().phase();
        // Before the looks: they may make a transition for whose end only held calls have set timers.
        let unalarmed: Vec<_> = (self.line.iter())
            .map(|w| (self.circuit.waiters).is_unalarmed(w.ticket.as_ref().expect("it waits")))
            .collect();
        // Each poll and each exit wakes a batch of the calls that the last alarm has still to wake, as the alarm did.
        let unpolled = (self.line.iter())
            .filter(|w| w.is_held && w.woken_at() > self.passed_on)
            .count();
        let is_rejecting = self.circuit.is_rejecting_at(self.now);
        let was_offered = self.line.iter().any(|w| w.is_held && w.is_woken());
        let end = self.circuit.refuse_at(self.now);
        for (waiter, is_unalarmed) in self.line.iter().zip(unalarmed) {
            if waiter.is_held {
                continue;
            }
            if is_unalarmed {
                assert!(unpolled >= BATCH, "no call passes the alarm on");
                let timer = waiter.timer.expect("no state is without a timer");
                assert!(self.now < timer && timer <= waiter.polled_at + LONGEST_SLEEP);
                continue;
            }
            match phase {
                Phase::Open => {
                    let latest = waiter.polled_at + LONGEST_SLEEP;
                    assert_eq!(waiter.timer, Some(end.until.min(latest)));
                }
                // A rejection says of an override without an end when to ask again.
                Phase::ForcedOpen => {
                    let timer = waiter.timer.expect("at the latest after a minute");
                    assert!(timer == end.until || timer == waiter.polled_at + LONGEST_SLEEP);
                }
                // The end of the step, which is not after the end of the ramp.
                Phase::Ramping { .. } => {
                    let timer = waiter.timer.expect("a ramp ends");
                    assert!(self.now < timer && timer <= waiter.polled_at + 15);
                }
                Phase::HalfOpen(_) => {
                    let timer = waiter.timer.expect("probes have deadlines");
                    assert!(timer <= waiter.polled_at + PATIENCE);
                    assert!(!is_rejecting || timer <= end.until);
                    assert!(
                        is_rejecting || was_offered,
                        "a call sleeps, and another would be admitted"
                    );
                }
                _ => panic!("a call sleeps, and another would be admitted"),
            }
        }
    }
}

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
