//! No request allocates: not if it succeeds, and not if it is rejected, retried, late or counted by metrics.
//!
//! The counter is per thread, so tests on other threads do not disturb it.

use maestro_benches::{Kind, rows};

/// The number of requests: covers any warm-up, and is a multiple of 16 for rows that fail once in 16.
const REQUESTS: u64 = 1600;

/// The row that is no request: a canary compares a batch once a minute.
const BATCH: &str = "slo, canary, a batch of a thousand observed";

#[test]
fn no_request_of_any_row_allocates() {
    // With the feature `metrics`, every row has a recorder.
    maestro_benches::watch();
    let mut guilty = Vec::new();
    for row in rows::all() {
        let mut measured = row.make();
        measured.run(REQUESTS);
        let counted = allocation_counter::measure(|| measured.run(REQUESTS)).count_total;
        let is_request = row.kind != Kind::Unit && row.name != BATCH;
        if counted != 0 && is_request {
            guilty.push(format!("{}: {counted} in {REQUESTS} requests", row.name));
        }
    }
    assert!(
        guilty.is_empty(),
        "these rows allocate:\n{}",
        guilty.join("\n")
    );
}

#[test]
fn the_counter_counts() {
    let counted = allocation_counter::measure(|| {
        drop(std::hint::black_box(Box::new(1_u64)));
    });
    assert_eq!(counted.count_total, 1);
}
