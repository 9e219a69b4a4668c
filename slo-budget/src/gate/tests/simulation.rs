//! The admission policy, played through before anybody relies on it: idle, low traffic, one error,
//! outage, recovery. In seconds, at 99.9 % over 30 days, with the defaults.

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
    /// Of all optional requests.
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

    /// One optional request through gate and recorder.
    fn request(&mut self, event: Event) {
        if self.reasons().is_empty() || self.state.admit_probe(ONE_PROBE_IN) {
            self.recorder.record(0, event, self.second * SECOND);
        } else {
            self.refused += 1;
        }
    }

    /// `rate` requests a second, of which every `one_bad_in`th is bad (0: none), for so many seconds, or until
    /// `stop` says so. Returns for how many seconds.
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
fn idle_it_is_open_and_stays_open() {
    let mut world = World::new();
    for _ in 0..40 {
        assert!(world.reasons().is_empty());
        world.second += DAY;
    }
}

#[test]
fn the_first_error_of_a_process_closes_nothing_nor_does_the_second() {
    let mut world = World::new();
    world.request(Event::Bad);
    world.second += 10;
    assert!(world.reasons().is_empty());
    world.request(Event::Bad);
    world.second += 10;
    assert!(
        world.reasons().is_empty(),
        "two of two, but a page asks for three"
    );
}

#[test]
fn one_error_in_low_traffic_closes_nothing_though_it_burns_fast() {
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
fn three_errors_of_sixty_requests_in_an_hour_are_no_chance() {
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
fn an_outage_closes_it_within_a_minute_and_recovery_opens_it_within_six() {
    let mut world = World::new();
    world.serve_all(DAY, 10, 0);
    let closed = world.serve(HOUR, 10, 1, |reasons| !reasons.is_empty());
    // Detection takes 14.4 × 0.1 % of an hour, 51.84 s, and up to a slot.
    assert!((52..=62).contains(&closed), "after {closed} s");
    world.serve_all(10 * MINUTE, 10, 1);
    let reasons = world.reasons();
    assert!(reasons.contains(Reason::Burning(0)) && !reasons.contains(Reason::BudgetSpent));
    // What was let through in ten minutes: 2 %, and one a minute.
    assert!((10 * MINUTE * 10 - world.refused) <= 120 + 10 + 1);
    // The short window forgets the outage in 5 m.
    let opened = world.serve(HOUR, 10, 0, Reasons::is_empty);
    assert!(
        (4 * MINUTE..=6 * MINUTE).contains(&opened),
        "after {opened} s"
    );
    world.serve_all(2 * HOUR, 10, 0);
    assert!(world.reasons().is_empty(), "and it stays open");
}

#[test]
fn an_outage_in_the_first_hour_closes_it_for_half_an_hour_and_not_for_days() {
    let mut world = World::new();
    world.serve_all(HOUR, 10, 0);
    world.serve_all(70, 10, 1);
    // The page of 6 h closes first: its long window holds no more than the one of 1 h as yet.
    assert!(world.reasons().contains(Reason::Burning(1)));
    // Against the traffic seen so far the budget is spent 8 times over; against the period it is not.
    let counts = world.window(30 * DAY);
    assert!(u128::from(counts.bad()) * 1000 > 8 * counts.total());
    assert!(!world.reasons().contains(Reason::BudgetSpent));
    let opened = world.serve(HOUR, 10, 0, Reasons::is_empty);
    assert!(opened <= 31 * MINUTE, "after {opened} s");
}

#[test]
fn after_an_outage_and_a_quiet_night_the_first_requests_open_it() {
    let mut world = World::new();
    world.serve_all(DAY, 10, 0);
    world.serve_all(2 * MINUTE, 10, 1);
    world.second += 30 * MINUTE;
    assert!(
        !world.reasons().is_empty(),
        "nothing is known about now, so it holds"
    );
    let before = world.refused;
    let opened = world.serve(HOUR, 1, 0, Reasons::is_empty);
    assert!(
        opened <= 20,
        "after {opened} s: a probe was due, and went well"
    );
    assert!(world.refused - before <= 20);
    // And when the long window is empty too, there is nothing left to hold.
    world.serve_all(2 * MINUTE, 10, 1);
    assert!(!world.reasons().is_empty());
    world.second += DAY;
    assert!(world.reasons().is_empty());
}

#[test]
fn a_slow_leak_closes_it_only_when_the_budget_of_the_month_is_spent() {
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
    // Half of the month, and the 5 % more (259 allowed) that are no chance.
    assert!(matches!(day, Some(15..=19)), "on day {day:?}");
    assert_eq!(
        world.reasons().iter().collect::<Vec<_>>(),
        [Reason::BudgetSpent]
    );
    // What a gate cannot do: the errors stay in the month, and what is refused does not dilute them.
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
fn an_error_rate_at_its_line_closes_it_for_minutes_at_a_time_and_less_often_with_more_hysteresis() {
    // 1.5 % is bad, the line is 1.44 %: how often it changes in twelve hours.
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
    // Once closed it takes the short window of 5 m to open, so not more than a dozen closings an hour;
    // some thirty probes in it are often all good at such a rate, so it does try again.
    let [none, default, wide] = changes;
    assert!(2 <= wide && wide < default && default < none, "{changes:?}");
    assert!(none <= 12 * 2 * 12, "{changes:?}");
}
