//! The size of an error budget, which does not depend on what it counts nor on the traffic.

use std::{hint::black_box, time::Duration};

use maestro_slo_budget::{Budgeting, ErrorBudget, Event, Objective};
use tokio::time::Instant;

/// 2,304 snapshots of two words, 16 shards of 128 bytes, and the rest.
const AT_MOST: i64 = 40 * 1024;

#[test]
fn a_month_of_traffic_adds_nothing_to_39_kilobytes() {
    let minute = Duration::from_mins(1);
    let slices = Budgeting::timeslices(minute, Objective::new(95, 100).expect("95 %"));
    for budgeting in [Budgeting::OCCURRENCES, slices] {
        let builder = ErrorBudget::builder().budgeting(budgeting);
        let mut budget = None;
        let made = allocation_counter::measure(|| {
            budget = Some(builder.build("api").expect("the defaults are valid"));
        });
        let bytes = made.bytes_current;
        assert!((37 * 1024..AT_MOST).contains(&bytes), "{bytes} bytes");
        let budget = budget.expect("it was built");
        let mut now = Instant::now();
        let counted = allocation_counter::measure(|| {
            for _ in 0..31 * 24 * 60 {
                now += minute;
                budget.record_at(Event::Good, now);
            }
            black_box(budget.report_at(now));
        });
        assert_eq!(counted.count_total, 0);
    }
}
