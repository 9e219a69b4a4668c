//! The admission policy over time: idle, low traffic, one error, outage, recovery. In seconds, at 99.9 % over 30
//! days, with the defaults.

use std::cell::Cell;

use crate::{
    gate::{GateBuilder, Reason, Reasons, policy::Policy, state::State},
    record::{Settings, recorder::Recorder},
    types::{Counts, Event, Objective},
};

const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60;
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
const ONE_PROBE_IN: u32 = 50;

struct World {
    recorder: Recorder,
    policy: Policy,
    state: State,
    second: u64,
    /// The optional requests that were refused.
    refused: u64,
}

impl World {
    fn new() -> Self {
        let settings = Settings {
            objective: Objective::new(999, 1000).unwrap(),
            period: 30 * DAY * SECOND,
            resolution: 10 * SECOND,
            slices: None,
            windows: [None; 4],
            on_cancel: Event::Excluded,
            meaning: 0,
            calendar: None,
        };
        Self {
            recorder: Recorder::of_events(settings.resolution),
            policy: GateBuilder::new().policy(&settings).unwrap(),
            state: State::new(),
            second: 0,
            refused: 0,
        }
    }

    fn window(&self, seconds: u64) -> Counts {
        self.recorder
            .view(self.second * SECOND)
            .window(seconds * SECOND)
    }

    fn reasons(&self) -> Reasons {
        let tick = self.second * SECOND;
        let decide = |was| {
            let view = self.recorder.view(tick);
            let whole = view.whole(30 * DAY * SECOND);
            self.policy
                .admission(was, &whole, |window| view.window(window))
                .into()
        };
        self.state
            .refresh(tick, self.policy.resolution, decide, |_, _| {});
        self.state.reasons()
    }

    /// Sends one optional request through gate and recorder.
    fn request(&mut self, event: Event) {
        if self.reasons().is_empty() || self.state.admit_probe(ONE_PROBE_IN) {
            self.recorder.record(0, event, self.second * SECOND);
        } else {
            self.refused += 1;
        }
    }

    /// Sends `rate` requests a second, of which every `one_bad_in`th is bad (0: none), for `seconds` or until `stop`
    /// returns true. Returns the number of seconds.
    fn serve(
        &mut self,
        seconds: u64,
        rate: u64,
        one_bad_in: u64,
        stop: impl Fn(Reasons) -> bool,
    ) -> u64 {
        let mut n = 0;
        for passed in 0..seconds {
            for _ in 0..rate {
                n += 1;
                let bad = one_bad_in != 0 && n % one_bad_in == 0;
                self.request(if bad { Event::Bad } else { Event::Good });
            }
            self.second += 1;
            if stop(self.reasons()) {
                return passed + 1;
            }
        }
        seconds
    }

    fn serve_all(&mut self, seconds: u64, rate: u64, one_bad_in: u64) {
        self.serve(seconds, rate, one_bad_in, |_| false);
    }
}

#[test]
fn an_idle_gate_stays_open() {
    let mut world = World::new();
    for _ in 0..40 {
        assert!(world.reasons().is_empty());
        world.second += DAY;
    }
}

#[test]
fn the_first_two_errors_close_no_gate() {
    let mut world = World::new();
    world.request(Event::Bad);
    world.second += 10;
    assert!(world.reasons().is_empty());
    world.request(Event::Bad);
    world.second += 10;
    assert!(
        world.reasons().is_empty(),
        "two of two, and a page needs three"
    );
}

#[test]
fn one_error_in_low_traffic_closes_no_gate() {
    let mut world = World::new();
    for minute in 0..24 * 60 {
        world.request(if minute % 480 == 479 {
            Event::Bad
        } else {
            Event::Good
        });
        world.second += MINUTE;
        assert!(world.reasons().is_empty(), "at minute {minute}");
    }
    assert_eq!(world.window(2 * DAY), Counts::new(1437, 3));
}

#[test]
fn three_errors_of_sixty_requests_close_a_gate() {
    let mut world = World::new();
    for minute in 0..60 {
        world.request(if minute >= 57 {
            Event::Bad
        } else {
            Event::Good
        });
        world.second += MINUTE;
    }
    assert!(world.reasons().contains(Reason::Burning(0)));
}

#[test]
fn an_outage_closes_a_gate_within_a_minute() {
    let mut world = World::new();
    world.serve_all(DAY, 10, 0);
    let closed = world.serve(HOUR, 10, 1, |reasons| !reasons.is_empty());
    // Detection takes 14.4 × 0.1 % of an hour, 51.84 s, and up to a slot.
    assert!((52..=62).contains(&closed), "after {closed} s");
    world.serve_all(10 * MINUTE, 10, 1);
    let reasons = world.reasons();
    assert!(reasons.contains(Reason::Burning(0)) && !reasons.contains(Reason::BudgetSpent));
    // Probes in ten minutes: 2 %, and one a minute.
    assert!((10 * MINUTE * 10 - world.refused) <= 120 + 10 + 1);
    // The outage leaves the short window after 5 m.
    let opened = world.serve(HOUR, 10, 0, Reasons::is_empty);
    assert!(
        (4 * MINUTE..=6 * MINUTE).contains(&opened),
        "after {opened} s"
    );
    world.serve_all(2 * HOUR, 10, 0);
    assert!(world.reasons().is_empty(), "and it stays open");
}

#[test]
fn an_early_outage_closes_a_gate_for_half_an_hour() {
    let mut world = World::new();
    world.serve_all(HOUR, 10, 0);
    world.serve_all(70, 10, 1);
    // The page of 6 h closes first: its long window holds no more than the one of 1 h as yet.
    assert!(world.reasons().contains(Reason::Burning(1)));
    // Compared with the traffic seen the budget is spent 8 times over; compared with the period it is not.
    let counts = world.window(30 * DAY);
    assert!(u128::from(counts.bad()) * 1000 > 8 * counts.total());
    assert!(!world.reasons().contains(Reason::BudgetSpent));
    let opened = world.serve(HOUR, 10, 0, Reasons::is_empty);
    assert!(opened <= 31 * MINUTE, "after {opened} s");
}

#[test]
fn the_first_requests_after_a_quiet_night_open_a_gate() {
    let mut world = World::new();
    world.serve_all(DAY, 10, 0);
    world.serve_all(2 * MINUTE, 10, 1);
    world.second += 30 * MINUTE;
    assert!(
        !world.reasons().is_empty(),
        "the present is unknown, so it holds"
    );
    let before = world.refused;
    let opened = world.serve(HOUR, 1, 0, Reasons::is_empty);
    assert!(
        opened <= 20,
        "after {opened} s: a probe was due, and went well"
    );
    assert!(world.refused - before <= 20);
    // When the long window is empty too, the gate opens.
    world.serve_all(2 * MINUTE, 10, 1);
    assert!(!world.reasons().is_empty());
    world.second += DAY;
    assert!(world.reasons().is_empty());
}

#[test]
fn a_slow_leak_closes_a_gate_once_the_month_is_spent() {
    let mut world = World::new();
    // One in 500 is bad: it burns 2, below every page. 0.2 a second, as a month is long.
    let day = (1..=30).find(|_| {
        for second in 0..DAY / 5 {
            let bad = second % 500 == 0;
            world.request(if bad { Event::Bad } else { Event::Good });
            world.second += 5;
        }
        !world.reasons().is_empty()
    });
    // Half of the month, and 5 % more for the evidence (259 are allowed).
    assert!(matches!(day, Some(15..=19)), "on day {day:?}");
    assert_eq!(
        world.reasons().iter().collect::<Vec<_>>(),
        [Reason::BudgetSpent]
    );
    // The errors stay in the month, and refused requests do not dilute them.
    world.serve_all(DAY, 1, 0);
    assert!(!world.reasons().is_empty());
    // A month of probes later they are gone.
    let mut days = 0;
    while !world.reasons().is_empty() {
        for _ in 0..DAY / 60 {
            world.request(Event::Good);
            world.second += MINUTE;
        }
        days += 1;
        assert!(days <= 31, "still closed after {days} days");
    }
}

#[test]
fn hysteresis_makes_a_gate_close_less_often() {
    // 1.5 % is bad, and the line is 1.44 %: how often the gate changes in twelve hours.
    let changes = [100, 90, 50].map(|reopen_percent| {
        let mut world = World::new();
        world.policy.reopen_percent = reopen_percent;
        world.serve_all(6 * HOUR, 5, 0);
        let (changes, was_open) = (Cell::new(0), Cell::new(true));
        world.serve(12 * HOUR, 5, 67, |reasons| {
            let is_open = reasons.is_empty();
            changes.set(changes.get() + u32::from(was_open.replace(is_open) != is_open));
            false
        });
        changes.get()
    });
    // Opening takes the short window of 5 m, so there are at most a dozen closings an hour. The thirty probes in it
    // are often all good at such a rate, so the gate does open.
    let [none, default, wide] = changes;
    assert!(2 <= wide && wide < default && default < none, "{changes:?}");
    assert!(none <= 12 * 2 * 12, "{changes:?}");
}
