//! No request allocates: not on the happy path, not when it is refused, retried, late or watched.
//!
//! The counter is this thread's alone, so the tests of other threads do not disturb it.

use maestro_benches::{Kind, rows};

/// More than any warm-up needs, and a whole number of turns for rows that fail now and then.
const REQUESTS: u64 = 1600;

#[test]
fn no_request_of_any_row_allocates() {
    // With the feature `metrics`, not when it is watched either.
    maestro_benches::watch();
    let mut guilty = Vec::new();
    for row in rows::all() {
        let mut measured = row.make();
        measured.run(REQUESTS);
        let counted = allocation_counter::measure(|| measured.run(REQUESTS)).count_total;
        if counted != 0 && row.kind != Kind::Unit {
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
