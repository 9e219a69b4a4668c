//! One property a model. Each is a claim of `counters.rs`, `recorder.rs` or `door.rs`.

use loom::{sync::Arc, thread};

use crate::{
    gate::{Reason, Reasons, state::Door},
    observe::outbox::Outbox,
    record::{budgeting_method::SliceRule, ledger::Ledger, recorder::Recorder},
    types::{Counts, Event, Objective, Override},
};

/// Slots of ten ticks.
const RESOLUTION: u64 = 10;
/// Longer than any model runs.
const EVER: u64 = 10_000;

/// Runs `f` over every interleaving with at most `preemptions` involuntary switches (three threads
/// without a bound take minutes, and two switches are enough for every mutant here).
fn explore(preemptions: Option<usize>, f: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = preemptions;
    let runs = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&runs);
    model.check(move || {
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        f();
    });
    // loom tries another order only where a thread that may be switched away writes.
    let runs = runs.load(std::sync::atomic::Ordering::Relaxed);
    assert!(runs > 1, "a model of one interleaving proves nothing");
}

#[test]
fn nothing_recorded_is_lost_when_a_slot_ends_meanwhile() {
    explore(Some(2), || {
        let shared = Arc::new(Recorder::of_events(RESOLUTION));
        let others: Vec<_> = [(0, Event::Bad), (0, Event::Good)]
            .into_iter()
            .map(|(shard, event)| {
                let recorder = Arc::clone(&shared);
                // Both see the slot that begins at 10 first, in whatever order.
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
fn two_records_of_one_shard_are_two() {
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
fn who_sees_a_bad_event_sees_the_good_ones_before_it() {
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
fn no_window_ever_shows_more_bad_events_than_happened() {
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
fn each_slice_is_counted_once_whoever_ends_it() {
    explore(Some(3), || {
        // Of one slot each; an idle one is good, one with a bad event is bad.
        let rule = SliceRule {
            length: RESOLUTION,
            target: Objective::new(1, 1),
            idle: Event::Good,
        };
        let nothing = Counts::default();
        let ledger = Ledger::new(RESOLUTION, Some(rule), nothing);
        let shared = Arc::new(Recorder::resuming(ledger, nothing));
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

fn closed(tick: u64, door: &Door) {
    let decide = |was: Reasons| was.with(Reason::BudgetSpent);
    door.refresh(tick, RESOLUTION, decide, |_, _| {});
}

#[test]
fn a_probe_that_is_due_goes_to_one_caller() {
    explore(None, || {
        let door = Arc::new(Door::new());
        closed(0, &door);
        closed(100, &door); // long after: a probe is due
        let there = Arc::clone(&door);
        let other = thread::spawn(move || there.admit_probe(1000));
        let here = door.admit_probe(1000);
        assert!(here ^ other.join().unwrap());
        assert_eq!((door.probes(), door.refused(1000)), (1, 1));
    });
}

#[test]
fn every_second_request_is_a_probe_when_one_in_two_is_asked() {
    explore(None, || {
        let door = Arc::new(Door::new());
        closed(0, &door);
        let there = Arc::clone(&door);
        let other = thread::spawn(move || there.admit_probe(2));
        let here = door.admit_probe(2);
        assert!(here ^ other.join().unwrap());
    });
}

#[test]
fn one_caller_decides_for_a_slot() {
    explore(None, || {
        let door = Arc::new(Door::new());
        let decide = |door: &Door| {
            let mut asked = 0;
            let decide = |_| {
                asked += 1;
                Reasons::NONE.with(Reason::BudgetSpent)
            };
            door.refresh(5, RESOLUTION, decide, |_, _| {});
            asked
        };
        let there = Arc::clone(&door);
        let other = thread::spawn(move || decide(&there));
        let here = decide(&door);
        assert_eq!(here + other.join().unwrap(), 1);
        assert!(!door.reasons().is_empty());
    });
}

#[test]
fn an_override_holds_whatever_is_decided_meanwhile_and_ends_into_the_last_decision() {
    explore(None, || {
        let door = Arc::new(Door::new());
        let there = Arc::clone(&door);
        let other = thread::spawn(move || closed(5, &there));
        door.force(Override::open("me", "test"), 5, |_, _| {});
        assert!(door.reasons().is_empty());
        other.join().unwrap();
        assert!(door.reasons().is_empty());
        // Made now, if the lock was taken when the other wanted to.
        closed(10, &door);
        assert!(door.reasons().is_empty());
        door.resume("me".into(), "done".into(), |_, _| {});
        assert!(door.reasons().contains(Reason::BudgetSpent));
    });
}

#[test]
fn every_event_is_delivered_in_order_and_none_is_left_behind() {
    explore(Some(3), || {
        let outbox = Outbox::new();
        let heard = Arc::new(parking_lot::Mutex::new(Vec::new()));
        let into = Arc::clone(&heard);
        outbox
            .listen(move |event: &u8| into.lock().push(*event))
            .detach();
        let there = std::sync::Arc::clone(&outbox);
        let other = thread::spawn(move || {
            there.put(10);
            there.deliver();
        });
        outbox.put(1);
        outbox.put(2);
        outbox.deliver();
        other.join().unwrap();
        let mut heard = heard.lock().clone();
        let mine: Vec<_> = heard.iter().copied().filter(|n| *n < 10).collect();
        assert_eq!(mine, [1, 2]);
        heard.sort_unstable();
        assert_eq!(heard, [1, 2, 10]);
    });
}
