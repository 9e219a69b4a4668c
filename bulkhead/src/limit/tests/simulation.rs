//! A service behind an adaptive limit, in virtual time.
//!
//! Calls arrive at random (Poisson) and are admitted while fewer than the limit are in flight. The backend is one line before
//! some servers (M/G/k). A service time is lognormal. A call that takes longer than its patience is an overload; its work goes
//! on in the backend. The windows are those of the crate: only the clock is simulated.

use std::{
    cell::Cell,
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    time::Duration,
};

use super::{
    phase::{Answers, Phase, Run},
    random::{Random, micros, seconds},
};
use crate::{
    limit::{Adaptive, Limit, Limited},
    observe::Figures,
    types::Outcome,
};

const WINDOW: Duration = Duration::from_secs(1);

/// The time after which a caller gives up, in microseconds.
const PATIENCE: u64 = 4_000_000;

/// The time after which a call is refused by the service, in microseconds.
const REFUSED_AFTER: u64 = 1_000;

/// The places of the simulated bulkhead.
pub(super) struct Places {
    limit: Cell<usize>,
    in_flight: Cell<usize>,
}

impl Places {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit: Cell::new(limit),
            in_flight: Cell::new(0),
        }
    }
}

impl Figures for Places {
    fn name(&self) -> &'static str {
        "simulated"
    }

    fn in_flight(&self) -> usize {
        self.in_flight.get()
    }

    fn queued(&self) -> usize {
        0
    }

    fn limit(&self) -> usize {
        self.limit.get()
    }
}

impl Limited for Places {
    fn replace_limit(&self, _: usize, next: usize) -> bool {
        self.limit.set(next);
        true
    }

    fn resized(&self) {}
}

struct Call {
    began: u64,
    is_over: bool,
    tries: u32,
}

struct Simulation<L: Limit> {
    law: Adaptive<L>,
    places: Places,
    random: Random,
    now: u64,
    phase: Phase,
    answers: Answers,
    limits: Vec<(f64, usize)>,
    calls: Vec<Call>,
    running: usize,
    queue: VecDeque<usize>,
    served: BinaryHeap<Reverse<(u64, usize)>>,
    late: VecDeque<(u64, usize)>,
    refused: VecDeque<(u64, usize)>,
    retries: u32,
    again: BinaryHeap<Reverse<(u64, u32)>>,
}

impl<L: Limit> Simulation<L> {
    fn end(&mut self, call: usize, outcome: Outcome) {
        self.calls[call].is_over = true;
        let latency = self.now - self.calls[call].began;
        if outcome == Outcome::Success {
            self.answers.count += 1;
            self.answers.latency += seconds(latency);
        }
        self.report(latency, outcome);
    }

    fn report(&mut self, latency: u64, outcome: Outcome) {
        let was = self.places.limit.get();
        self.law.record(self.now, latency, outcome, &self.places);
        self.places.in_flight.set(self.places.in_flight.get() - 1);
        let limit = self.places.limit.get();
        if limit != was {
            self.limits.push((seconds(self.now), limit));
        }
    }

    fn try_later(&mut self, tries: u32, after: f64) {
        if tries < self.retries {
            let at = self.now + micros(after);
            self.again.push(Reverse((at, tries + 1)));
        }
    }

    fn arrive(&mut self, tries: u32) {
        if self.places.in_flight.get() >= self.places.limit.get() {
            let after = 0.1 * (1.0 + self.random.share());
            return self.try_later(tries, after);
        }
        self.places.in_flight.set(self.places.in_flight.get() + 1);
        let call = self.calls.len();
        self.calls.push(Call {
            began: self.now,
            is_over: false,
            tries,
        });
        match self.phase.refused {
            Some((share, _)) if self.random.share() <= share => {
                self.refused.push_back((self.now + REFUSED_AFTER, call));
            }
            _ => {
                self.queue.push_back(call);
                self.late.push_back((self.now + PATIENCE, call));
                self.serve();
            }
        }
    }

    fn serve(&mut self) {
        while self.running < self.phase.servers {
            let Some(call) = self.queue.pop_front() else {
                return;
            };
            self.running += 1;
            let Phase {
                mean,
                variation,
                others,
                ..
            } = self.phase;
            let mean = match others {
                Some((share, other)) if self.random.share() <= share => other,
                _ => mean,
            };
            let takes = self.random.lognormal(mean, variation);
            self.served.push(Reverse((self.now + takes, call)));
        }
    }

    fn run(&mut self, until: u64, next_call: &mut u64) {
        let first = |line: &VecDeque<(u64, usize)>| line.front().map_or(u64::MAX, |next| next.0);
        self.serve();
        loop {
            let served = self.served.peek().map_or(u64::MAX, |next| next.0.0);
            let again = self.again.peek().map_or(u64::MAX, |next| next.0.0);
            let (late, refused) = (first(&self.late), first(&self.refused));
            let now = served.min(again).min(late).min(refused).min(*next_call);
            if now >= until {
                self.now = until;
                return;
            }
            self.now = now;
            if now == *next_call {
                *next_call = now + self.random.exponential(1.0 / self.phase.rate);
                self.arrive(0);
            } else if now == served {
                let Reverse((_, call)) = self.served.pop().expect("it was there above");
                self.running -= 1;
                if !self.calls[call].is_over {
                    self.end(call, Outcome::Success);
                }
                self.serve();
            } else if now == late {
                let (_, call) = self.late.pop_front().expect("it was there above");
                if !self.calls[call].is_over {
                    self.end(call, Outcome::Overload);
                    self.try_later(self.calls[call].tries, 0.1);
                }
            } else if now == refused {
                self.refused.pop_front();
                let outcome = self.phase.refused.map_or(Outcome::Ignored, |all| all.1);
                self.report(REFUSED_AFTER, outcome);
            } else {
                let Reverse((_, tries)) = self.again.pop().expect("it was there above");
                self.arrive(tries);
            }
        }
    }
}

/// Simulates `phases` one after the other, behind a limit that begins with `limit` and follows `law`.
pub(super) fn simulate(law: impl Limit, limit: usize, phases: &[Phase], seed: u64) -> Run {
    retried(0, law, limit, phases, seed)
}

/// The same. A call that is refused by the limit, or is late, is tried again up to `retries` times.
pub(super) fn retried(
    retries: u32,
    law: impl Limit,
    limit: usize,
    phases: &[Phase],
    seed: u64,
) -> Run {
    let mut simulation = Simulation {
        law: Adaptive::new(law, WINDOW),
        places: Places::new(limit),
        random: Random(seed),
        now: 0,
        phase: phases[0],
        answers: Answers::default(),
        limits: vec![(0.0, limit)],
        calls: Vec::new(),
        running: 0,
        queue: VecDeque::new(),
        served: BinaryHeap::new(),
        late: VecDeque::new(),
        refused: VecDeque::new(),
        retries,
        again: BinaryHeap::new(),
    };
    let (mut until, mut next_call) = (0, 0);
    let mut results = Vec::new();
    for &phase in phases {
        (simulation.phase, simulation.answers) = (phase, Answers::default());
        until += micros(phase.lasts);
        simulation.run(until, &mut next_call);
        results.push((phase, simulation.answers));
    }
    Run {
        phases: results,
        limits: simulation.limits,
    }
}
