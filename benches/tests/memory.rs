//! The bytes of an error budget: they depend on its age and not on what it counts, nor on the traffic. The report has bounds
//! for the bytes of all objects.

use std::{hint::black_box, time::Duration};

use maestro_benches::WATCHED;
use maestro_slo_budget::{Budgeting, ErrorBudget, Event, Objective};
use tokio::time::Instant;

/// 2,304 snapshots of two words, 16 shards of 128 bytes, and the rest.
const AT_MOST: i64 = 40 * 1024;

#[test]
fn a_young_member_of_a_family_takes_less_than_4_kilobytes() {
    let family = ErrorBudget::builder().build_family("tenants", 4);
    let family = family.expect("the defaults are valid");
    let (start, second) = (Instant::now(), Duration::from_secs(1));
    // What the map takes for its first key is not counted.
    family.get(&0).record(Event::Good);
    let bytes = |key: u32, events: u32| {
        let counted = allocation_counter::measure(|| {
            let member = family.get(&key);
            for second in (0..600).map(|n| n * second) {
                for _ in 0..events {
                    member.record_at(Event::Good, start + second);
                }
            }
        });
        counted.bytes_current
    };
    let (quiet, busy) = (bytes(1, 1), bytes(2, 1100));
    assert!((2048..4096).contains(&quiet), "{quiet} bytes");
    // A busy one has a counter for each thread.
    assert!((2048..2304).contains(&(busy - quiet)), "{busy} bytes");
}

#[test]
fn a_budget_grows_to_39_kilobytes_in_a_month_and_no_further() {
    let minute = Duration::from_mins(1);
    let slices = Budgeting::timeslices(minute, Objective::new(95, 100).expect("95 %"));
    for budgeting in [Budgeting::OCCURRENCES, slices] {
        let builder = ErrorBudget::builder().budgeting(budgeting);
        let mut budget = None;
        let made = allocation_counter::measure(|| {
            budget = Some(builder.build("api").expect("the defaults are valid"));
        });
        let budget = budget.expect("it was built");
        let start = Instant::now();
        let count = |minutes: std::ops::Range<u32>| {
            allocation_counter::measure(|| {
                for n in minutes {
                    budget.record_at(Event::Good, start + n * minute);
                    black_box(budget.report_at(start + n * minute));
                }
            })
        };
        let bytes = made.bytes_current;
        assert!(bytes < 3 * 1024 + 512 + HANDLES, "{bytes} bytes empty");
        let young = count(0..10);
        let bytes = bytes + young.bytes_current;
        assert!(
            bytes < 6 * 1024 + HANDLES,
            "{bytes} bytes after ten minutes"
        );
        let old = count(10..10 * 24 * 60);
        let bytes = bytes + old.bytes_current;
        assert!(
            (37 * 1024..AT_MOST + HANDLES).contains(&bytes),
            "{bytes} bytes"
        );
        // Three times for each of four tiers, and never again.
        assert_eq!(young.count_total + old.count_total, 12);
        assert_eq!(count(10 * 24 * 60..31 * 24 * 60).count_total, 0);
    }
}

/// The handles of the metrics of a budget.
const HANDLES: i64 = if WATCHED { 160 } else { 0 };
