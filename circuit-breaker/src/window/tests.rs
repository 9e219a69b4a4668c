//! Loom models of the windows, each of one property.

use loom::{sync::Arc, thread};

use super::{Ended, Grid, LastCalls, Shape, Share, Tracked, Windows};
use crate::tests::explore;

const TRACKED: Tracked = Tracked::FAILURES;

/// Two steps of eight ticks.
fn time() -> Shape {
    Shape::Time(Grid::new(16))
}

fn calls() -> Shape {
    Shape::Calls(LastCalls::new(2))
}

/// Records a call, and returns the failures in the window then.
fn push(windows: &Windows, shape: Shape, ended: Ended, at: u64) -> u32 {
    windows
        .record(shape, TRACKED, 0, ended, at, || true)
        .expect("no other generation begins")
        .failed
        .bad
}

#[test]
fn a_bucket_that_changes_its_step_loses_and_doubles_no_count() {
    explore(None, || {
        let windows = Arc::new(Windows::new());
        // What the first bucket of the ring held a lap ago.
        push(&windows, time(), Ended::FAILED, 0);
        let other = Arc::clone(&windows);
        let there = thread::spawn(move || push(&other, time(), Ended::FAILED, 16));
        push(&windows, time(), Ended::WELL, 16);
        there.join().unwrap();
        let counts = windows.counts(time(), TRACKED, 0, 16);
        assert_eq!(counts.failed, Share { calls: 2, bad: 1 });
    });
}

#[test]
fn concurrent_calls_enter_the_last_calls_and_leave_again() {
    explore(None, || {
        let windows = Arc::new(Windows::new());
        push(&windows, calls(), Ended::FAILED, 0);
        let other = Arc::clone(&windows);
        let there = thread::spawn(move || push(&other, calls(), Ended::FAILED, 0));
        push(&windows, calls(), Ended::WELL, 0);
        there.join().unwrap();
        let counts = windows.counts(calls(), TRACKED, 0, 0);
        assert_eq!(counts.failed, Share { calls: 2, bad: 1 });
        // Each leaves as it came.
        push(&windows, calls(), Ended::WELL, 0);
        assert_eq!(push(&windows, calls(), Ended::WELL, 0), 0);
    });
}

#[test]
fn a_thread_delayed_for_a_lap_overwrites_nothing() {
    explore(Some(2), || {
        let windows = Arc::new(Windows::new());
        push(&windows, calls(), Ended::WELL, 0);
        let other = Arc::clone(&windows);
        let there = thread::spawn(move || {
            for ended in [Ended::WELL, Ended::FAILED, Ended::WELL] {
                push(&other, calls(), ended, 0);
            }
        });
        push(&windows, calls(), Ended::WELL, 0);
        there.join().unwrap();
        // Two more calls, and nothing of before is left.
        push(&windows, calls(), Ended::WELL, 0);
        assert_eq!(push(&windows, calls(), Ended::WELL, 0), 0);
    });
}

#[test]
fn concurrent_first_calls_count_in_one_window() {
    for shape in [time, calls] {
        explore(None, move || {
            let windows = Arc::new(Windows::new());
            let other = Arc::clone(&windows);
            let there = thread::spawn(move || push(&other, shape(), Ended::FAILED, 0));
            push(&windows, shape(), Ended::FAILED, 0);
            there.join().unwrap();
            let counts = windows.counts(shape(), TRACKED, 0, 0);
            assert_eq!(counts.failed, Share { calls: 2, bad: 2 });
        });
    }
}

#[test]
fn concurrent_calls_make_the_slots_beyond_the_first_once() {
    // Eight calls are in the first word under loom.
    let nine = || Shape::Calls(LastCalls::new(9));
    explore(Some(2), move || {
        let windows = Arc::new(Windows::new());
        for _ in 0..9 {
            push(&windows, nine(), Ended::WELL, 0);
        }
        // Each writes how the ninth call ended.
        let other = Arc::clone(&windows);
        let there = thread::spawn(move || push(&other, nine(), Ended::FAILED, 0));
        push(&windows, nine(), Ended::FAILED, 0);
        there.join().unwrap();
        let counts = windows.counts(nine(), TRACKED, 0, 0);
        assert_eq!(counts.failed, Share { calls: 9, bad: 2 });
    });
}
