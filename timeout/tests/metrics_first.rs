//! Metrics with a recorder that is installed first.

use std::time::Duration;

use maestro_timeout::{DeadlineFilter, Timeout};

#[path = "recorder/mod.rs"]
mod recorder;
use recorder::Recorded;

#[test]
fn resolved_counters_start_at_zero() {
    let recorded = Recorded::install();
    let timeout = Timeout::new(Duration::from_secs(1)).named("store");
    let filter = DeadlineFilter::new("orders");
    assert!(recorded.is_empty(), "creating a timeout registers nothing");
    timeout.resolve_metrics();
    timeout.resolve_metrics();
    filter.resolve_metrics();
    assert_eq!(
        recorded.count("maestro_timeout_elapsed_total", "store", Some("call")),
        0
    );
    assert_eq!(
        recorded.count("maestro_deadline_filter_expired_total", "orders", None),
        0
    );
    assert!(
        recorded
            .values("maestro_timeout_remaining_seconds", "store", Some("call"))
            .is_empty()
    );
    assert_eq!(
        recorded.registrations(),
        6,
        "each once: two phases and one histogram, and three of the filter"
    );
}
