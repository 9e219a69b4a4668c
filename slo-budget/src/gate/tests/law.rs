//! The law at its edges: extreme numbers, gaps, clocks.

use std::time::Duration;

use tokio::time::Instant;

use super::{SECOND, policy};
use crate::{
    budget::ErrorBudget,
    gate::{
        Class, Gate, GateBuilder, Reasons,
        law::{Law, Turn, WHOLE},
        recent::Tally,
        rules::Rules,
        standing::Standing,
        state::{Sample, State},
    },
    record::{budgeting_method::Budgeting, ledger::Whole},
    types::{Counts, Event, Factor, Objective},
};

fn rules(objective: &str) -> Rules {
    policy(objective, |gate| gate).rules
}

/// A law that is driven second by second.
struct Driven {
    rules: Rules,
    law: Law,
    second: u64,
    tally: Tally,
    turns: Vec<Turn>,
}

impl Driven {
    fn new(objective: &str) -> Self {
        Self::of(rules(objective))
    }

    fn of(rules: Rules) -> Self {
        Self {
            rules,
            law: Law::new(),
            second: 0,
            tally: Tally::default(),
            turns: Vec::new(),
        }
    }

    /// `seconds` later, in which these were counted. Returns the share.
    fn after(&mut self, seconds: u64, good: u64, bad: u64) -> u32 {
        self.second += seconds;
        self.tally.counted = self.tally.counted.saturating_add(good.saturating_add(bad));
        self.tally.bad = self.tally.bad.saturating_add(bad);
        let turns = &mut self.turns;
        let pace = self.rules.fastest;
        let tell = |turn, _: &Law| turns.push(turn);
        (self.law).advance(&self.rules, pace, self.second, self.tally, tell);
        self.law.share()
    }

    fn well(&mut self, seconds: u64) {
        (0..seconds).for_each(|_| assert_eq!(self.after(1, 20, 0), WHOLE));
    }
}

#[test]
fn three_failures_in_the_first_second_refuse_nothing() {
    let mut young = Driven::new("99.9%");
    assert_eq!(young.after(1, 0, 3), WHOLE);
    for _ in 0..10 {
        assert_eq!(young.after(1, 1, 0), WHOLE);
    }
}

#[test]
fn a_burst_of_one_client_is_over_within_six_seconds() {
    let mut driven = Driven::new("99.9%");
    driven.well(700);
    assert!(driven.after(1, 20, 60) < 600_000, "60 failures in 0.3 s");
    let shares: Vec<u32> = (0..6).map(|_| driven.after(1, 20, 0)).collect();
    assert_eq!(shares.last(), Some(&WHOLE), "{shares:?}");
    assert_eq!(driven.turns.first(), Some(&Turn::Begun));
}

#[test]
fn a_second_that_burns_cuts_the_share_once_and_by_half_at_most() {
    let mut driven = Driven::new("99.9%");
    driven.well(700);
    assert_eq!(driven.after(1, 0, 30), 500_000);
    assert_eq!(driven.after(1, 0, 30), 500_000, "let in before the cut");
    assert_eq!(driven.after(1, 0, 30), 250_000);
    // 30 of 100 and one, rounded down.
    driven.after(1, 70, 30);
    let share = driven.after(1, 70, 30);
    assert!((175_000..177_000).contains(&share), "{share}");
    for _ in 0..100 {
        driven.after(1, 0, 30);
    }
    assert!(driven.law.share() >= driven.rules.floor);
}

#[test]
fn grace_is_the_time_between_two_cuts() {
    let patient = policy("99.9%", |gate| gate.grace(Duration::from_millis(3500)));
    let mut driven = Driven::of(patient.rules);
    driven.well(700);
    let shares: Vec<u32> = (0..6).map(|_| driven.after(1, 0, 30)).collect();
    assert_eq!(
        shares,
        [500_000, 500_000, 500_000, 500_000, 500_000, 250_000]
    );
}

#[test]
fn ten_minutes_without_a_check_make_the_share_whole() {
    let mut driven = Driven::new("99.9%");
    driven.well(700);
    for _ in 0..10 {
        driven.after(1, 0, 30);
    }
    assert!(driven.law.share() <= WHOLE / 20);
    assert_eq!(driven.after(600, 0, 0), WHOLE);
    assert_eq!(driven.turns.last(), Some(&Turn::Ended));
    assert_eq!(driven.after(u64::MAX / 2, 5, 5), WHOLE);
}

#[test]
fn a_gap_is_quiet_after_its_first_second() {
    let mut driven = Driven::new("99.9%");
    driven.well(700);
    // What failed then, failed half a minute ago.
    driven.after(30, 0, 20);
    assert_eq!(driven.law.share(), WHOLE, "{:?}", driven.turns);
}

#[test]
fn the_largest_counts_are_harmless() {
    for objective in ["0%", "50%", "99.9%", "99.9999999999999999%", "100%"] {
        let mut driven = Driven::new(objective);
        for n in 0..50 {
            driven.after(1, 0, u64::MAX / 40 * (n % 2));
            driven.after(1, u64::MAX / 60, 0);
            assert!((driven.rules.floor..=WHOLE).contains(&driven.law.share()));
        }
        driven.after(1, u64::MAX, u64::MAX);
        driven.after(1, u64::MAX, u64::MAX);
    }
}

#[test]
fn extreme_objectives_shed_sensibly() {
    // At 0 % nothing is bad enough.
    let mut free = Driven::new("0%");
    for _ in 0..700 {
        assert_eq!(free.after(1, 0, 30), WHOLE);
    }
    // At 50 % a total outage is, and 40 % failures are not.
    let mut half = Driven::new("50%");
    for _ in 0..700 {
        assert_eq!(half.after(1, 18, 12), WHOLE);
    }
    let least = (0..30).map(|_| half.after(1, 0, 30)).fold(WHOLE, u32::min);
    assert!(least < WHOLE / 5, "{least}");
    // At 100 % three failures are.
    let mut strict = Driven::new("100%");
    strict.well(700);
    strict.after(1, 20, 1);
    assert_eq!(strict.after(1, 20, 1), WHOLE);
    assert!(strict.after(1, 20, 1) < WHOLE);
    assert_eq!(strict.law.figures().burn, u32::MAX);
}

#[test]
fn a_clock_that_steps_back_changes_nothing() {
    let mut driven = Driven::new("99.9%");
    driven.well(700);
    driven.after(1, 0, 30);
    let (second, share) = (driven.second, driven.law.share());
    driven.second = 3;
    driven.after(0, 0, 30);
    assert_eq!((driven.law.now(), driven.law.share()), (second, share));
    driven.second = second;
    assert!(driven.after(1, 0, 30) <= 500_000);
}

#[test]
fn the_pace_falls_from_the_fastest_to_one() {
    let whole = |bad, observed| Whole {
        counts: Counts::new(1_000_000 - bad, bad),
        length: 1000,
        observed,
        left: None,
    };
    let pace = |bad, observed| rules("99.9%").pace(&whole(bad, observed));
    assert_eq!(pace(0, 1000), 14_400);
    assert_eq!(pace(500, 1000), 7_200);
    assert_eq!(pace(1000, 500), 7_200, "half of the period");
    assert_eq!(pace(999, 1000), 1_000);
    assert_eq!(pace(1_000_000, 1000), 1_000);
    assert_eq!(pace(1_000_000, 0), 14_400, "nothing was observed");
    // At most half of a total outage.
    assert_eq!(rules("99%").pace(&whole(0, 1000)), 14_400);
    assert_eq!(rules("95%").pace(&whole(0, 1000)), 10_000);
    assert_eq!(rules("40%").pace(&whole(0, 1000)), 1_000);
    assert_eq!(rules("100%").pace(&whole(0, 1000)), 14_400);
    assert_eq!(rules("100%").pace(&whole(1, 1000)), 1_000);
    let largest = Whole {
        counts: Counts::new(u64::MAX, u64::MAX),
        length: u64::MAX,
        observed: u64::MAX,
        left: None,
    };
    assert_eq!(rules("99.9999999999999999%").pace(&largest), 1_000);
}

#[test]
fn a_rise_takes_two_to_sixteen_seconds() {
    assert_eq!(Law::rise(WHOLE), 0);
    assert_eq!(Law::rise(WHOLE - 1), 2);
    assert_eq!(Law::rise(10_000), 15);
    assert_eq!(Law::rise(1), 16);
}

#[test]
fn failures_of_essential_requests_alone_pause_shedding() {
    let mut driven = Driven::new("99.9%");
    driven.well(700);
    let mut whole = 0;
    for _ in 0..300 {
        whole += u32::from(driven.after(1, 10, 10) == WHOLE);
    }
    assert!(
        driven.turns.contains(&Turn::Paused(60)),
        "{:?}",
        driven.turns
    );
    assert!(
        driven.turns.contains(&Turn::Paused(120)),
        "{:?}",
        driven.turns
    );
    assert!(whole > 150, "{whole}");
}

#[test]
fn a_floor_of_one_refuses_nothing() {
    let rules = policy("99.9%", |gate: GateBuilder| {
        gate.floor(Factor::new(1, 1).expect("one"))
    });
    let mut driven = Driven::of(rules.rules);
    for _ in 0..100 {
        assert_eq!(driven.after(1, 0, 50), WHOLE);
    }
    assert_eq!(driven.turns, [], "no listener hears of refusals");
}

#[test]
fn refused_requests_do_not_dilute_slices() {
    let percent = |n| Objective::new(n, 100).expect("a percentage");
    let budget = ErrorBudget::builder()
        .objective(percent(99))
        .budgeting(Budgeting::timeslices(Duration::from_secs(60), percent(95)))
        .build("minutes")
        .expect("a valid configuration");
    let gate = Gate::new(budget.clone());
    let start = Instant::now();
    let mut share = 1.0;
    for second in 0..2400 {
        let now = start + Duration::from_secs(second);
        let is_well = second < 1200;
        budget.record_at(if is_well { Event::Good } else { Event::Bad }, now);
        for _ in 0..50 {
            let _ = gate.check_at(Class::Optional, now);
        }
        share = gate.snapshot_at(now).share();
        assert!(share >= 1.0 || !is_well);
    }
    // Each bad minute from the third on halves it.
    assert!(share <= 0.01, "{share}");
}

#[test]
fn an_early_check_decides_nothing() {
    let rules = rules("99.9%");
    let state = State::new(&rules, 5 * SECOND, Counts::new(7, 7));
    let mut sampled = 0;
    let mut look = |tick, bad: u64| {
        let sample = |_| {
            sampled += 1;
            Sample {
                rules,
                counts: Counts::new(7, 7 + bad),
                pace: 1000,
                strict: Reasons::NONE,
                period_until: u64::MAX,
            }
        };
        state.refresh(tick, sample, |_, _| {});
        state.standing() == Standing::OPEN
    };
    // Before it was built, when it was built, in the same second.
    assert!(look(0, 90_000) && look(5 * SECOND, 90_000) && look(6 * SECOND - 1, 90_000));
    assert!(!look(6 * SECOND, 90_000), "90,000 in the first second");
    assert!(!look(7 * SECOND - 1, 90_000));
    assert_eq!(sampled, 2);
}
