//! A breaker with waiting calls, and what holds after each step.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    task::{Wake, Waker},
    time::Duration,
};

use super::step::Step;
use crate::{
    config::{Builder, Probes, Ramp, Wait},
    state::{
        Admission, StateMachine, Ticket,
        waiters::{BATCH, LONGEST_SLEEP, PATIENCE},
        word::Phase,
    },
    types::{End, Override},
};

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
pub(super) struct Waiter {
    pub(super) ticket: Option<Ticket>,
    woken: Arc<Flag>,
    pub(super) timer: Option<u64>,
    pub(super) is_held: bool,
    polled_at: u64,
}

impl Waiter {
    fn woken_at(&self) -> u64 {
        self.woken.0.load(SeqCst)
    }

    pub(super) fn is_woken(&self) -> bool {
        self.woken_at() > 0
    }

    /// Whether its task would poll it at `now`.
    fn is_due(&self, now: u64) -> bool {
        !self.is_held && (self.is_woken() || self.timer.is_some_and(|timer| timer <= now))
    }
}

pub(super) fn builder(probe_deadline: u64) -> Builder {
    Builder::new()
        .consecutive_failures(1)
        .wait_in_open(Wait::fixed(Duration::from_nanos(20)))
        .probes(Probes::results(3).in_flight(2))
        .probe_deadline(Duration::from_nanos(probe_deadline))
}

pub(super) struct Scene {
    pub(super) circuit: StateMachine,
    pub(super) now: u64,
    pub(super) line: Vec<Waiter>,
    pub(super) calls: Vec<Admission>,
    pub(super) let_in: usize,
    /// The last moment when a waiting call was polled or left.
    passed_on: u64,
}

impl Scene {
    pub(super) fn new(ramps: bool, probe_deadline: u64) -> Self {
        let builder = builder(probe_deadline);
        Self::of(if ramps {
            builder.ramp(Ramp::new(Duration::from_nanos(15)))
        } else {
            builder
        })
    }

    pub(super) fn of(builder: Builder) -> Self {
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
    pub(super) fn poll(&mut self, mut waiter: Waiter) {
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
    pub(super) fn settle(&mut self) {
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
    pub(super) fn hold_woken(&mut self) {
        for waiter in &mut self.line {
            waiter.is_held |= waiter.is_woken();
        }
    }

    pub(super) fn step(&mut self, step: Step) {
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
    pub(super) fn check(&self) {
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
