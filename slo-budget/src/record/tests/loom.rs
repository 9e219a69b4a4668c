//! One property a model. Each is a claim of `counters.rs` or `recorder.rs`.

use loom::{sync::Arc, thread};

use crate::{
    record::{budgeting_method::SliceRule, ledger::Ledger, recorder::Recorder},
    sync::explore,
    types::{Counts, Event, Objective},
};

/// Slots of ten ticks.
const RESOLUTION: u64 = 10;
/// Longer than any model runs.
const EVER: u64 = 10_000;

#[test]
fn no_event_is_lost_when_a_slot_ends() {
    explore(Some(2), || {
        let shared = Arc::new(Recorder::of_events(RESOLUTION));
        let others: Vec<_> = [(0, Event::Bad), (0, Event::Good)]
            .into_iter()
            .map(|(shard, event)| {
                let recorder = Arc::clone(&shared);
                // Both may be the first to see the slot that begins at 10.
                thread::spawn(move || recorder.record(shard, event, 10))
            })
            .collect();
        shared.record(0, Event::Bad, 9);
        shared.record(0, Event::Good, 21);
        for other in others {
            other.join().unwrap();
        }
        let view = shared.view(21);
        assert_eq!(view.window(EVER), Counts::new(2, 2));
        assert_eq!(view.tick(), 21);
    });
}

#[test]
fn two_events_in_one_shard_count_twice() {
    for event in [Event::Good, Event::Bad] {
        explore(None, move || {
            let shared = Arc::new(Recorder::of_events(RESOLUTION));
            let recorder = Arc::clone(&shared);
            let other = thread::spawn(move || recorder.record(0, event, 1));
            shared.record(0, event, 1);
            other.join().unwrap();
            assert_eq!(shared.view(1).window(EVER).total(), 2);
        });
    }
}

#[test]
fn a_bad_event_publishes_the_good_ones_before_it() {
    explore(None, || {
        let shared = Arc::new(Recorder::of_events(RESOLUTION));
        let recorder = Arc::clone(&shared);
        let other = thread::spawn(move || {
            recorder.record(1, Event::Good, 1);
            recorder.record(0, Event::Bad, 1);
        });
        let seen = shared.view(1).window(EVER);
        assert!(
            seen.good() >= seen.bad(),
            "an error was over-reported: {seen:?}"
        );
        other.join().unwrap();
    });
}

#[test]
fn no_event_is_lost_when_a_member_gets_its_shards() {
    explore(Some(2), || {
        let nothing = Counts::default();
        let ledger = Ledger::new(RESOLUTION, None, nothing);
        let shared = Arc::new(Recorder::resuming(ledger, nothing));
        // One more event, and the next slot makes the shards.
        shared.record(0, Event::Good, 1);
        let recorder = Arc::clone(&shared);
        let other = thread::spawn(move || {
            recorder.record(1, Event::Good, 2);
            recorder.record(1, Event::Bad, 12);
        });
        shared.record(0, Event::Bad, 11);
        let seen = shared.view(12).window(EVER);
        assert!(seen.good() >= seen.bad(), "an error was over-reported");
        other.join().unwrap();
        assert_eq!(shared.view(30).window(EVER), Counts::new(2, 2));
    });
}

#[test]
fn no_window_shows_more_bad_events_than_happened() {
    explore(Some(3), || {
        let shared = Arc::new(Recorder::of_events(RESOLUTION));
        shared.record(0, Event::Bad, 1);
        let recorder = Arc::clone(&shared);
        let other = thread::spawn(move || {
            recorder.record(1, Event::Bad, 12);
            recorder.record(1, Event::Bad, 25);
        });
        let mut seen = 0;
        for tick in [15, 26] {
            let view = shared.view(tick);
            let (short, long, ever) = (view.window(10), view.window(12), view.window(EVER));
            assert!(short.bad() <= long.bad() && long.bad() <= ever.bad());
            assert!((1..=3).contains(&ever.bad()));
            // The one at tick 1 is in slot 0, which has ended.
            assert!(long.bad() <= 2, "{long:?}");
            assert!(ever.bad() >= seen, "a count went back");
            seen = ever.bad();
        }
        other.join().unwrap();
        assert_eq!(shared.view(26).window(EVER).bad(), 3);
    });
}

#[test]
fn a_history_taken_while_recording_is_of_one_moment() {
    explore(Some(2), || {
        let shared = Arc::new(Recorder::of_events(RESOLUTION));
        shared.record(0, Event::Bad, 1);
        let recorder = Arc::clone(&shared);
        let other = thread::spawn(move || {
            recorder.record(1, Event::Bad, 12);
            recorder.record(1, Event::Bad, 25);
        });
        let (ledger, counts) = shared.view(15).history();
        let kept = Recorder::resuming(ledger, counts);
        let view = kept.view(26);
        let (short, ever) = (view.window(12).bad(), view.window(EVER).bad());
        assert!(short <= ever && ever <= 3);
        assert_eq!(ever, counts.bad());
        other.join().unwrap();
    });
}

#[test]
fn each_slice_is_counted_once() {
    explore(Some(3), || {
        // Slices of one slot: an idle one is good, one with a bad event is bad.
        let rule = SliceRule {
            length: RESOLUTION,
            target: Objective::new(1, 1),
            idle: Event::Good,
        };
        let nothing = Counts::default();
        let ledger = Ledger::new(RESOLUTION, Some(rule), nothing);
        let shared = Arc::new(Recorder::resuming(ledger, nothing).spread());
        let recorder = Arc::clone(&shared);
        let other = thread::spawn(move || {
            recorder.record(1, Event::Bad, 12);
            recorder.record(1, Event::Good, 25);
        });
        shared.record(0, Event::Good, 21);
        let seen = shared.view(31).window(EVER);
        assert_eq!(seen.total(), 3);
        assert!(seen.bad() <= 1);
        other.join().unwrap();
        assert_eq!(shared.view(40).window(EVER), Counts::new(3, 1));
    });
}
