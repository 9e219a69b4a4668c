//! Made-up histories, and what the alerts say over them: by the integers of this crate, not by Prometheus.

use std::time::Duration;

use crate::{
    spec::{
        Pair, Spec,
        number::{float, human_percentage},
        promtool::history::{History, Phase},
        rules::guard::Evidence,
    },
    types::{Counts, Objective},
};

/// How the tests see a specification: all its times in ticks.
#[derive(Clone, Debug)]
pub(crate) struct Scale {
    /// A counter is read once a tick.
    pub(crate) tick: Duration,
    /// The rules are evaluated once in so many ticks.
    pub(crate) beat: u64,
    pub(crate) step: u64,
    pub(crate) period: u64,
    objective: Objective,
    evidence: Evidence,
    pairs: Vec<Line>,
}

/// One alert in ticks.
#[derive(Clone, Copy, Debug)]
struct Line {
    pair: Pair,
    long: u64,
    short: u64,
    min_bad: u64,
}

/// An alert that fires, with the share of bad events that it tells.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Firing {
    /// Which, of the specification.
    pub(crate) index: usize,
    pub(crate) value: String,
}

/// What is known of one alert at one moment.
enum Verdict {
    Quiet,
    Firing(String),
    /// So near its line, or its value so near to another figure, that rounding would decide.
    Unclear,
}

// === impl Scale ===

impl Scale {
    pub(crate) fn of(spec: &Spec) -> Self {
        let beat = spec.beat();
        let millis = beat.as_millis();
        // As many readings in a beat as there is a whole number of milliseconds for.
        let readings = (1..=2).rev().find(|n| millis % n == 0).unwrap_or(1);
        let tick = beat / u32::try_from(readings).unwrap_or(1);
        let ticks =
            |time: Duration| u64::try_from(time.as_nanos() / tick.as_nanos()).unwrap_or(u64::MAX);
        let line = |pair: &Pair| Line {
            pair: *pair,
            long: ticks(pair.windows.long),
            short: ticks(pair.windows.short),
            min_bad: spec.min_bad_of(pair.severity),
        };
        Self {
            tick,
            beat: ticks(beat),
            step: ticks(spec.step()),
            period: ticks(spec.period),
            objective: spec.objective,
            evidence: Evidence::of(spec.objective),
            pairs: spec.alerts.iter().map(line).collect(),
        }
    }

    pub(crate) fn ticks(&self, time: Duration) -> u64 {
        u64::try_from(time.as_nanos() / self.tick.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Which alerts fire at `tick`; `None` where rounding would decide.
    pub(crate) fn firing(&self, history: &History, tick: u64) -> Option<Vec<Firing>> {
        let mut firing = Vec::new();
        for (index, line) in self.pairs.iter().enumerate() {
            match self.verdict(line, history, tick) {
                Verdict::Quiet => {}
                Verdict::Firing(value) => firing.push(Firing { index, value }),
                Verdict::Unclear => return None,
            }
        }
        Some(firing)
    }

    /// As [`firing`](Self::firing), for a history in which no division rounds.
    pub(crate) fn firing_exactly(&self, history: &History, tick: u64) -> Vec<Firing> {
        let fires = |(index, line): (usize, &Line)| {
            let value = human_percentage(share(history.window(tick, line.long)));
            (self.burns(line, history, tick)).then_some(Firing { index, value })
        };
        self.pairs.iter().enumerate().filter_map(fires).collect()
    }

    fn verdict(&self, line: &Line, history: &History, tick: u64) -> Verdict {
        let (above, of) = line.pair.line(self.objective);
        let burns = self.burns(line, history, tick);
        for window in [line.long, line.short] {
            let counts = history.window(tick, window);
            if counts.total() > 0 {
                let (share, line) = (float(counts.bad().into(), counts.total()), float(above, of));
                if (share - line).abs() < line * 1e-9 {
                    return Verdict::Unclear;
                }
            }
        }
        let counts = history.window(tick, line.long);
        let (bad, least) = (
            float(counts.bad().into(), 1),
            self.evidence.least_bad(float(counts.total(), 1)),
        );
        if (bad - least).abs() < least * 1e-9 {
            return Verdict::Unclear;
        }
        if !burns {
            return Verdict::Quiet;
        }
        let share = share(history.window(tick, line.long));
        let values = [1.0 - 1e-12, 1.0, 1.0 + 1e-12].map(|nearly| human_percentage(share * nearly));
        let [value, ..] = &values;
        if values.iter().any(|other| other != value) {
            return Verdict::Unclear;
        }
        Verdict::Firing(value.clone())
    }

    /// What decides: of burn rates in integers, and for the rest as the rule does.
    fn burns(&self, line: &Line, history: &History, tick: u64) -> bool {
        let above = |window| {
            let counts = history.window(tick, window);
            (self.objective.burn_rate(counts)).is_some_and(|burn| burn > line.pair.factor)
        };
        let counts = history.window(tick, line.long);
        above(line.long)
            && above(line.short)
            && counts.bad() >= line.min_bad
            && float(counts.bad().into(), 1) >= self.evidence.least_bad(float(counts.total(), 1))
    }

    // === histories ===

    /// Good traffic, and nothing else.
    pub(crate) fn healthy(&self) -> History {
        History::of(vec![Phase {
            ticks: self.steps(4),
            good: 60,
            bad: 0,
        }])
    }

    /// Counters that are there and count nothing.
    pub(crate) fn silent(&self) -> History {
        History::of(vec![Phase {
            ticks: self.steps(4),
            good: 0,
            bad: 0,
        }])
    }

    /// Not one good event.
    pub(crate) fn outage(&self) -> History {
        History::of(vec![Phase {
            ticks: self.beat * 3,
            good: 0,
            bad: 60,
        }])
    }

    /// One bad event a beat, and nothing else, until it is enough for all alerts.
    pub(crate) fn low_traffic(&self) -> History {
        let idle = Phase {
            ticks: self.beat - 1,
            good: 0,
            bad: 0,
        };
        let one = Phase {
            ticks: 1,
            good: 0,
            bad: 1,
        };
        let all = History::of([idle, one].repeat(100));
        let fires = |beats: &usize| {
            let tick = self.beat * u64::try_from(*beats).unwrap_or(u64::MAX);
            (self.pairs.iter()).all(|line| self.burns(line, &all, tick))
        };
        let enough = (1..100).find(fires).unwrap_or(99);
        History::of([idle, one].repeat(enough + 1))
    }

    /// In one reading as many bad events as the guard of an alert asks for, and as many others as keep their share
    /// above its line; and then nothing. `None` where those are too many to be exact in an f64.
    pub(crate) fn by_chance(&self, index: usize) -> Option<History> {
        let line = &self.pairs[index];
        let (above, of) = line.pair.line(self.objective);
        let bad = line.min_bad;
        let all = (u128::from(bad).checked_mul(of)? - 1) / above;
        if all >= 1 << 53 {
            return None;
        }
        let phase = |ticks, good, bad| Phase { ticks, good, bad };
        Some(History::of(vec![
            phase(self.beat - 1, 0, 0),
            phase(1, narrow(all).saturating_sub(bad), bad),
            phase(self.beat, 0, 0),
        ]))
    }

    /// Near the beginning of the long window of an alert all the traffic, and one bad event; at its end more of them, so that all
    /// of it together is just above the line, and as near to the guard's as it gets. `None` where there is no time between, or the
    /// numbers are not exact in an f64.
    pub(crate) fn long_ago(&self, index: usize) -> Option<History> {
        let line = &self.pairs[index];
        let (above, of) = line.pair.line(self.objective);
        let between = (line.long.checked_sub(self.beat * 3))?.min(self.beat * MOST_BEATS);
        let all = |bad: u64| Some((u128::from(bad).checked_mul(of)? - 1) / above);
        // The most that may be chance; of a rule that waits for no more than the guard's minimum one more than that.
        let is_chance = |bad: &u64| {
            all(*bad)
                .is_some_and(|all| self.evidence.least_bad(float(all, 1)) > float((*bad).into(), 1))
        };
        let bad = (2..=100).rev().find(is_chance).unwrap_or(0);
        let bad = bad.max(line.min_bad.checked_add(1)?);
        let all = all(bad).filter(|all| *all < 1 << 53)?;
        let phase = |ticks, good, bad| Phase { ticks, good, bad };
        Some(History::of(vec![
            phase(self.beat - 1, 0, 0),
            phase(1, narrow(all).saturating_sub(bad), 1),
            phase(between + self.beat - 1, 0, 0),
            phase(1, 0, bad - 1),
        ]))
    }

    /// Good traffic for the long window of an alert, then four times as many bad events as it takes, until it fires,
    /// and good traffic again until it is quiet.
    pub(crate) fn burn_and_recovery(&self, index: usize) -> History {
        let line = &self.pairs[index];
        let (above, of) = line.pair.line(self.objective);
        // With finer lines the sums would not be exact in an f64: then there is more than four times as much of it.
        let all = of.min(1_000_000);
        let bad = (above.saturating_mul(4).saturating_mul(all))
            .div_ceil(of)
            .min(all);
        let (bad, of) = (narrow(bad), narrow(all));
        let healthy = |ticks| Phase {
            ticks,
            good: of,
            bad: 0,
        };
        let burning = |ticks| Phase {
            ticks,
            good: of - bad,
            bad,
        };
        let before = line.long.min(self.beat * MOST_BEATS);
        let first = |history: &History, from: u64, burns: bool| {
            let mut tick = from;
            while self.burns(line, history, tick) != burns && tick < from + line.long {
                tick += self.beat;
            }
            tick
        };
        let endless = History::of(vec![healthy(before), burning(line.long)]);
        let fires = first(&endless, before, true);
        // Whole beats, and one more in which it goes on.
        let burns = fires - before + self.beat;
        let endless = History::of(vec![healthy(before), burning(burns), healthy(line.long)]);
        let quiet = first(&endless, before + burns, false);
        History::of(vec![
            healthy(before),
            burning(burns),
            healthy(quiet - before - burns + self.beat),
        ])
    }

    /// One window of an alert exactly on its line and the other above; and then both just above. The ticks are when the
    /// line is left, and it is said whether the long window is the one on it. Nothing where Prometheus' floating point would not be on the line, too.
    pub(crate) fn on_the_line(&self, index: usize) -> impl Iterator<Item = (History, u64, bool)> {
        let line = self.pairs[index];
        let (above, of) = line.pair.line(self.objective);
        let (above, of) = (narrow(above), narrow(of));
        let apart = above.div_ceil(2).min(of - above);
        // In the long window are both halves, in the short one the later.
        let half = line.short;
        let halves = [
            ([above - apart, above + apart], true),
            ([above + apart, above], false),
        ];
        let histories = halves.map(|(bad, is_long)| {
            // So many that one more is little. Rounding differs from number to number; some multiples come out even.
            let least = 100_000 / above + 1;
            (least..least + 1000).find_map(|times| {
                let all = of.checked_mul(times)?;
                // A sum that is exact in an f64.
                all.checked_mul(half * 4).filter(|sum| *sum < 1 << 53)?;
                let phase = |ticks, bad| Phase {
                    ticks,
                    good: all - bad,
                    bad,
                };
                // The least that an f64 would show, whatever the numbers.
                let more = (above * times / 1_000_000).max(1);
                let history = History::of(vec![
                    phase(half, bad[0] * times),
                    phase(half, bad[1] * times),
                    phase(self.beat, above * times + more),
                ]);
                let is_even = self.rounds_evenly(&history, half * 2);
                is_even.then_some((history, half * 2, is_long))
            })
        });
        (histories.into_iter().flatten()).filter(move |_| half * 2 <= line.long)
    }

    /// Whether every window that is on its line is so in Prometheus' arithmetic, too, which multiplies what a counter gained
    /// by one through the window's seconds: however the indicator is made up of counters.
    fn rounds_evenly(&self, history: &History, tick: u64) -> bool {
        self.pairs.iter().all(|pair| {
            let (above, of) = pair.pair.line(self.objective);
            let line = float(above, of);
            [pair.long, pair.short].into_iter().all(|window| {
                let counts = history.window(tick, window);
                let is_on_it = u128::from(counts.bad()) * of == counts.total() * above;
                let seconds = (self.tick.as_secs_f64()) * float(window.into(), 1);
                let rate = |events: u128| float(events, 1) * (1.0 / seconds);
                let (bad, good, all) = (
                    rate(counts.bad().into()),
                    rate(counts.good().into()),
                    rate(counts.total()),
                );
                let shares = [bad / (bad + good), bad / all, (all - good) / all];
                !is_on_it || shares.iter().all(|share| share.to_bits() == line.to_bits())
            })
        })
    }

    /// Little traffic with many bad events, none at all for a while, and much good traffic: ticks of the three phases.
    pub(crate) fn idle(&self) -> (History, [u64; 3]) {
        let ticks = [6, 6, 12].map(|beats| self.steps(beats));
        let [bad, idle, good] = ticks;
        let history = History::of(vec![
            Phase {
                ticks: bad,
                good: 3,
                bad: 1,
            },
            Phase {
                ticks: idle,
                good: 0,
                bad: 0,
            },
            Phase {
                ticks: good,
                good: 60,
                bad: 0,
            },
        ]);
        (history, [bad, bad + idle, bad + idle + good])
    }

    /// Some bad events, and then good ones for longer than the period. `None` where that takes too long.
    pub(crate) fn outlived(&self) -> Option<History> {
        if self.period > self.beat * MOST_BEATS * 2 {
            return None;
        }
        Some(History::of(vec![
            Phase {
                ticks: self.step,
                good: 59,
                bad: 1,
            },
            Phase {
                ticks: self.period + self.step * 2,
                good: 60,
                bad: 0,
            },
        ]))
    }

    fn steps(&self, n: u64) -> u64 {
        self.step * n
    }
}

/// For so many evaluations of the rules something is good before it burns, at most: a day at one in 5 m. More would take
/// longer than anybody waits for a test, as each looks at all of the period.
const MOST_BEATS: u64 = 288;

fn share(counts: Counts) -> f64 {
    float(counts.bad().into(), counts.total())
}

/// The line of a specification: its objective has at most twelve decimals, so this fits.
fn narrow(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
