//! The recorder and the history against a list of events.

use std::cell::Cell;

use proptest::prelude::*;

use crate::{
    history::History,
    record::{
        budgeting_method::SliceRule, ledger::Ledger, recorder::Recorder, suspend::SuspendClock,
    },
    types::{Counts, Event, Objective},
};

const RESOLUTION: u64 = 10;
/// The rings, as the documentation has them.
const TIERS: [(u64, u64); 4] = [(10, 360), (60, 360), (300, 864), (3600, 720)];
/// How far they reach back: no window is longer.
const KEPT: u64 = 3600 * 720;

thread_local! {
    /// The skew of the machine's clocks, and the tolerance.
    static SKEW: Cell<i64> = const { Cell::new(0) };
}
const TOLERANCE: u64 = 15;

/// Every event with its time.
#[derive(Default)]
struct Naive {
    latest: u64,
    events: Vec<(u64, Event)>,
    slices: Option<SliceRule>,
    /// The noticed time in suspend, and what the wall clock has gained (or lost) since.
    slept: u64,
    gained: i64,
}

impl Naive {
    fn record(&mut self, event: Event, tick: u64) {
        if event == Event::Excluded {
            return;
        }
        // Time stands still when the clock steps back; an event does not move it within a slot.
        if (tick + self.slept) / RESOLUTION > self.latest / RESOLUTION {
            self.look(tick);
        }
        self.events
            .push(((tick + self.slept).max(self.latest), event));
    }

    /// Moves time on to `tick` of the monotonic clock.
    fn look(&mut self, tick: u64) {
        if (tick + self.slept) / RESOLUTION > self.latest / RESOLUTION
            && self.gained.unsigned_abs() > TOLERANCE
        {
            self.slept += u64::try_from(self.gained).unwrap_or(0);
            self.gained = 0;
        }
        self.latest = self.latest.max(tick + self.slept);
    }

    /// The events from `start` on, or the slices that end after `start`.
    fn since(&self, start: u64) -> Counts {
        let within = |from: u64, to: u64| {
            let count = |event| {
                let matching = |e: &&(u64, Event)| (from..to).contains(&e.0) && e.1 == event;
                self.events.iter().filter(matching).count() as u64
            };
            Counts::new(count(Event::Good), count(Event::Bad))
        };
        let Some(rule) = self.slices else {
            return within(start, u64::MAX);
        };
        let slices = start / rule.length..self.latest / rule.length;
        let mut busy: Vec<u64> = self.events.iter().map(|e| e.0 / rule.length).collect();
        busy.retain(|slice| slices.contains(slice));
        busy.dedup();
        let mut counts = Counts::default();
        for slice in &busy {
            let verdict = rule.verdict(within(slice * rule.length, (slice + 1) * rule.length));
            counts = counts.grown(verdict, 1);
        }
        let idle = slices.end.saturating_sub(slices.start) - busy.len() as u64;
        counts.grown(rule.one(rule.idle), idle)
    }

    /// Counts from the first boundary of any ring that is within the window and still kept.
    fn window(&self, window: u64) -> Counts {
        let window = window.min(KEPT);
        if window > self.latest {
            return self.since(0);
        }
        let boundaries = TIERS.iter().flat_map(|(width, len)| {
            let current = self.latest / width;
            (current.saturating_sub(len - 1)..=current).map(move |slot| slot * width)
        });
        match boundaries.filter(|b| *b > self.latest - window).min() {
            Some(start) => self.since(start),
            None => Counts::default(),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Record(Event),
    Forward(u64),
    Back(u64),
    Look(u64),
    /// The wall clock alone moves on, or back.
    Wall(i64),
    /// A restart after a downtime, with the history through bytes.
    Restart(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let event = prop_oneof![
        4 => Just(Event::Good),
        2 => Just(Event::Bad),
        1 => Just(Event::Excluded)
    ];
    let window = prop_oneof![
        0_u64..100,
        100_u64..4000,
        4000_u64..30_000,
        30_000_u64..3_000_000
    ];
    prop_oneof![
        18 => event.prop_map(Step::Record),
        // Within a slot, over a few, over an hour, over the whole history.
        9 => prop_oneof![0_u64..12, 0_u64..200, 0_u64..5000, 0_u64..4_000_000].prop_map(Step::Forward),
        3 => prop_oneof![0_u64..12, 0_u64..5000].prop_map(Step::Back),
        6 => window.prop_map(Step::Look),
        2 => prop_oneof![-20_i64..20, 0_i64..5000, -5000_i64..0].prop_map(Step::Wall),
        // Seldom, as it copies 37 KB.
        1 => prop_oneof![0_u64..12, 0_u64..5000, 0_u64..4_000_000].prop_map(Step::Restart),
    ]
}

/// Events; or slices of one slot, of a few, of an hour, of more than the finest rings keep.
fn slices() -> impl Strategy<Value = Option<SliceRule>> {
    let idle = prop_oneof![Just(Event::Excluded), Just(Event::Good), Just(Event::Bad)];
    let target = prop_oneof![
        Just(None),
        (0_u64..=4).prop_map(|good| Objective::new(good, 4)),
    ];
    let length = prop_oneof![Just(10_u64), Just(70), Just(3600), Just(100_000)];
    let rule = (length, target, idle).prop_map(|(length, target, idle)| {
        Some(SliceRule {
            length,
            target,
            idle,
        })
    });
    prop_oneof![1 => Just(None), 2 => rule]
}

proptest! {
    #[test]
    fn every_window_agrees_with_a_list_of_events(
        steps in prop::collection::vec(step(), 0..150),
        // Just below a wrap, or not.
        below in prop_oneof![Just(0_u64), 1_u64..50],
        shards in prop::collection::vec(0_usize..crate::sync::SHARDS, 1..4),
        slices in slices(),
        is_spread in any::<bool>(),
    ) {
        SKEW.set(0);
        let time = || SuspendClock::tolerating(|| Some(SKEW.get()), TOLERANCE);
        let base = Counts::new(0_u64.wrapping_sub(below), 0_u64.wrapping_sub(below / 2));
        let recorder_of = |ledger, counts| {
            let recorder = Recorder::new(ledger, counts, None, time());
            if is_spread { recorder.spread() } else { recorder }
        };
        let mut recorder = recorder_of(Ledger::new(RESOLUTION, slices, base), base);
        let mut naive = Naive { slices, ..Naive::default() };
        let mut tick = 0_u64;
        for (n, step) in steps.into_iter().enumerate() {
            match step {
                Step::Record(event) => {
                    recorder.record(shards[n % shards.len()], event, tick);
                    naive.record(event, tick);
                }
                Step::Forward(by) => tick += by,
                Step::Back(by) => tick = tick.saturating_sub(by),
                Step::Wall(by) => {
                    SKEW.set(SKEW.get() + by);
                    naive.gained += by;
                }
                Step::Restart(downtime) => {
                    naive.look(tick);
                    let (ledger, counts) = recorder.view(tick).history();
                    let history = History { meaning: 7, wall: 100, counts, ledger };
                    let history = History::from_bytes(&history.to_bytes()).unwrap();
                    tick = history.tick_at(100 + downtime);
                    prop_assert_eq!((tick, history.meaning), (naive.latest + downtime, 7));
                    recorder = recorder_of(history.ledger, history.counts);
                    (naive.slept, naive.gained) = (0, 0);
                }
                Step::Look(window) => {
                    naive.look(tick);
                    let view = recorder.view(tick);
                    let seen = view.window(window);
                    prop_assert_eq!((view.tick(), view.slept()), (naive.latest, naive.slept));
                    prop_assert_eq!(seen, naive.window(window));
                    // And within the documented bounds: never further back than the window, and short of it by at
                    // most a slot.
                    let window = window.min(KEPT);
                    let from = naive.latest.saturating_sub(window);
                    let at_most = naive.since(if window > naive.latest { 0 } else { from + 1 });
                    prop_assert!(seen.bad() <= at_most.bad() && seen.good() <= at_most.good());
                    if let Some((width, _)) = TIERS.iter().find(|(width, len)| width * len >= window) {
                        let at_least = naive.since(from + width);
                        prop_assert!(seen.bad() >= at_least.bad() && seen.good() >= at_least.good());
                    }
                    // A window grows with its length.
                    let longer = view.window(window + 1);
                    prop_assert!(seen.bad() <= longer.bad() && seen.good() <= longer.good());
                }
            }
        }
        let rest = recorder.view(0).window(u64::MAX);
        prop_assert_eq!(rest, naive.window(KEPT));
    }
}

#[test]
fn a_gap_of_centuries_costs_one_round_of_the_rings() {
    // A walk over each missed slot of a nanosecond would never end.
    let recorder = Recorder::of_events(1);
    recorder.record(0, Event::Bad, 0);
    recorder.record(0, Event::Good, u64::MAX - 1);
    let view = recorder.view(u64::MAX);
    assert_eq!(view.window(1000), Counts::new(1, 0));
    assert_eq!(
        view.window(u64::MAX),
        Counts::new(1, 0),
        "the kept history, and no more"
    );
}
