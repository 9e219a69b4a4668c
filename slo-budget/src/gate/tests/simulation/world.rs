//! A service behind a gate, second by second. Requests are Poisson; results are counted a second after admission.

use std::collections::VecDeque;

use super::super::{PERIOD, SECOND, policy};
use crate::{
    gate::{
        GateBuilder, Reasons,
        law::WHOLE,
        policy::Policy,
        standing::Standing,
        state::{Sample, State},
    },
    record::ledger::Whole,
    types::Counts,
};

/// The share of errors while all is well.
const WELL: f64 = 0.0002;

#[derive(Clone, Copy)]
pub(super) struct Scenario {
    /// Requests a second, and the share of optional ones.
    pub(super) rate: f64,
    pub(super) optional: f64,
    /// For how many seconds the process has run before; its share of errors then.
    pub(super) age: u64,
    pub(super) past: f64,
    /// When the fault begins, for how long it lasts, and for how long there is nothing after it.
    pub(super) begins: u64,
    pub(super) lasts: u64,
    pub(super) ends: u64,
    /// Seconds of fault in each minute.
    pub(super) each_minute: u64,
    pub(super) fault: Fault,
    /// Seconds until a result is counted.
    pub(super) delay: usize,
}

#[derive(Clone, Copy)]
pub(super) struct Fault {
    /// The shares of errors by class.
    pub(super) essential: f64,
    pub(super) optional: f64,
    /// The traffic of optional requests grows so that all requests are this many times as many.
    pub(super) times: f64,
    /// What the service can do in a second.
    pub(super) capacity: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outcome {
    /// The seconds from the end of the fault to the last refusal.
    pub(super) after: u64,
    /// What the fault burned, in per cent of a period's budget.
    pub(super) burned: f64,
    /// Requests refused while the service was well.
    pub(super) refused_well: u64,
    /// The mean share during the fault, in per cent.
    pub(super) share: f64,
    /// How often the share turned by more than 10 points.
    pub(super) turns: u32,
    /// What went well in per cent of the capacity.
    pub(super) goodput: f64,
}

impl Scenario {
    /// A process that has run for a month at 20 requests a second, half of them optional.
    pub(super) const OLD: Self = Self {
        rate: 20.0,
        optional: 0.5,
        age: PERIOD / SECOND,
        past: WELL,
        begins: 900,
        lasts: 0,
        ends: 300,
        each_minute: 60,
        fault: Fault::NONE,
        delay: 1,
    };

    /// A process that was started a minute ago.
    pub(super) const YOUNG: Self = Self {
        age: 0,
        begins: 60,
        ..Self::OLD
    };

    pub(super) const fn faulty(self, lasts: u64, errors: f64) -> Self {
        Self {
            lasts,
            fault: Fault::of_all(errors),
            ..self
        }
    }

    fn is_faulty(&self, second: u64) -> bool {
        second
            .checked_sub(self.begins)
            .is_some_and(|since| since < self.lasts && since % 60 < self.each_minute)
    }

    /// The worst of several runs.
    pub(super) fn worst(&self, seeds: u64) -> Outcome {
        (0..seeds).map(|seed| self.run(seed)).fold(
            Outcome {
                goodput: f64::INFINITY,
                ..Outcome::default()
            },
            |a, b| Outcome {
                after: a.after.max(b.after),
                burned: a.burned.max(b.burned),
                refused_well: a.refused_well.max(b.refused_well),
                share: a.share.max(b.share),
                turns: a.turns.max(b.turns),
                goodput: a.goodput.min(b.goodput),
            },
        )
    }

    pub(super) fn run(&self, seed: u64) -> Outcome {
        World::new(self, seed).run()
    }
}

impl Fault {
    pub(super) const NONE: Self = Self::of_all(WELL);

    pub(super) const fn of_all(errors: f64) -> Self {
        Self {
            essential: errors,
            optional: errors,
            times: 1.0,
            capacity: None,
        }
    }
}

struct World<'a> {
    scenario: &'a Scenario,
    policy: Policy,
    state: State,
    random: Random,
    /// All that was counted since the process was started.
    counts: Counts,
    second: u64,
}

impl World<'_> {
    fn new(scenario: &Scenario, seed: u64) -> World<'_> {
        let policy = policy("99.9%", |gate: GateBuilder| gate);
        World {
            scenario,
            state: State::new(&policy.rules, 0, Counts::default()),
            policy,
            random: Random(seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1)),
            counts: Counts::default(),
            second: 0,
        }
    }

    fn decide(&mut self) -> Standing {
        let period = PERIOD / SECOND;
        let past = self.scenario.age.min(period - self.second.min(period));
        let before = self.scenario.rate * past as f64;
        let bad = (before * self.scenario.past) as u64;
        let whole = Whole {
            counts: self.counts + Counts::new(before as u64 - bad, bad),
            length: period,
            observed: period.min(self.scenario.age + self.second),
            left: None,
        };
        let sample = |_| Sample {
            rules: self.policy.rules,
            counts: self.counts,
            pace: self.policy.rules.pace(&whole),
            strict: Reasons::NONE,
            period_until: u64::MAX,
        };
        let tick = self.second * SECOND;
        (self.state).refresh(tick, sample, |_, _| {});
        self.state.standing()
    }

    fn run(&mut self) -> Outcome {
        let s = *self.scenario;
        let end = s.begins + s.lasts;
        let mut late = VecDeque::from(vec![Counts::default(); s.delay]);
        let mut outcome = Outcome::default();
        let (mut bads, mut went_well, mut capacity, mut faulty) = (0, 0, 0, 0);
        let (mut direction, mut extreme) = (0, 100.0);
        for second in 0..end + s.ends {
            self.second = second;
            let standing = self.decide();
            let share = f64::from(standing.share()) * 100.0 / f64::from(WHOLE);
            let is_faulty = s.is_faulty(second);
            let fault = if is_faulty { s.fault } else { Fault::NONE };
            let essential = self.random.poisson(s.rate * (1.0 - s.optional));
            let asked = self
                .random
                .poisson(s.rate * (s.optional + fault.times - 1.0));
            let admitted = (0..asked)
                .filter(|_| {
                    standing == Standing::OPEN || self.state.demand().admit(standing.share())
                })
                .count() as u64;
            let all = essential + admitted;
            let bad = if let Some(room) = fault.capacity {
                let room = self.random.poisson(room);
                let bad = all.saturating_sub(room);
                went_well += all - bad;
                capacity += room.min(essential + asked);
                bad
            } else {
                self.random.of(essential, fault.essential)
                    + self.random.of(admitted, fault.optional)
            };
            bads += bad;
            late.push_back(Counts::new(all - bad, bad));
            self.counts = self.counts + late.pop_front().unwrap_or_default();
            let refused = asked - admitted;
            if fault.capacity.is_none() && fault.optional <= WELL {
                outcome.refused_well += refused;
            }
            if refused > 0 && second >= end {
                outcome.after = second - end + 1;
            }
            if is_faulty {
                outcome.share += share;
                faulty += 1;
            }
            if direction >= 0 && share < extreme - 10.0 {
                (outcome.turns, direction, extreme) = (outcome.turns + 1, -1, share);
            } else if direction <= 0 && share > extreme + 10.0 {
                (outcome.turns, direction, extreme) = (outcome.turns + 1, 1, share);
            } else if (direction >= 0 && share > extreme) || (direction <= 0 && share < extreme) {
                extreme = share;
            }
        }
        let budget = 0.001 * s.rate * (PERIOD / SECOND) as f64;
        let usual = WELL * s.rate * (end + s.ends) as f64;
        outcome.burned = (bads as f64 - usual) / budget * 100.0;
        outcome.share /= f64::from(faulty.max(1));
        outcome.goodput = went_well as f64 / capacity as f64 * 100.0;
        outcome
    }
}

/// `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Knuth's method, which is exact for means below 700.
    fn poisson(&mut self, mean: f64) -> u64 {
        let (limit, mut product, mut n) = ((-mean).exp(), self.next(), 0);
        while product > limit {
            product *= self.next();
            n += 1;
        }
        n
    }

    /// How many of `n` happen with probability `p`.
    fn of(&mut self, n: u64, p: f64) -> u64 {
        (0..n).filter(|_| self.next() < p).count() as u64
    }
}
