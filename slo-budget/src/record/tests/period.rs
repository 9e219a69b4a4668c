//! Periods of an invented calendar, against a list of events. (`tests/calendar.rs` has real calendars.)

use proptest::prelude::*;

use crate::{
    record::{ledger::Ledger, period::Period},
    types::Counts,
};

const RESOLUTION: u64 = 10;
/// Not multiples of a slot, and one longer than the rings.
const LENGTHS: [u64; 3] = [37, 4001, 5_000_001];

#[derive(Clone, Copy, Debug)]
enum Step {
    Record,
    Forward(u64),
    /// Sets the wall clock alone, as the ledger is told.
    SetBack(u64),
    Look,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Record),
        4 => prop_oneof![0_u64..12, 0_u64..200, 0_u64..9000, 0_u64..6_000_000].prop_map(Step::Forward),
        1 => prop_oneof![0_u64..12, 0_u64..5000].prop_map(Step::SetBack),
        2 => Just(Step::Look),
    ]
}

proptest! {
    #[test]
    fn a_period_counts_from_its_exact_start(
        begin in 10_000_000_u64..20_000_000,
        length in prop::sample::select(&LENGTHS[..]),
        steps in prop::collection::vec(step(), 0..100),
    ) {
        let around = |wall: u64| (wall / length * length, (wall / length + 1) * length);
        let (mut start, end) = around(begin);
        let mut ledger = Ledger::new(RESOLUTION, None, Counts::default());
        ledger.set_period(Some(Period {
            wall: begin, start, end, since: begin, base: Counts::default(), calendar: 0,
        }));
        let (mut tick, mut wall, mut since) = (0, begin, begin);
        let (mut events, mut expected) = (Counts::default(), 0);
        for step in steps.into_iter().chain([Step::Look]) {
            match step {
                Step::Record => {
                    // As the recorder does, and only then.
                    if tick >= ledger.due() {
                        ledger.advance(tick, events, around);
                    }
                    events = events.grown(Counts::new(1, 0), 1);
                    expected += 1;
                }
                Step::Forward(by) => {
                    (tick, wall) = (tick + by, wall + by);
                    if wall >= start + length {
                        start = around(wall).0;
                        since = start;
                        expected = 0;
                    }
                }
                Step::SetBack(by) => {
                    ledger.advance(tick, events, around);
                    ledger.set_wall(-i64::try_from(by).expect("small"));
                    // A period that has started continues, whatever the wall clock shows.
                    wall -= by;
                }
                Step::Look => {
                    ledger.advance(tick, events, around);
                    let whole = ledger.whole(0, events);
                    prop_assert_eq!((whole.counts.good(), whole.length), (expected, length));
                    prop_assert_eq!(whole.left, Some(start + length - wall));
                    prop_assert_eq!(whole.observed, wall.saturating_sub(since));
                }
            }
        }
    }
}
