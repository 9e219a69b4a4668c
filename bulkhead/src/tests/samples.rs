//! The sums of a window that is fuller than its word.

use crate::limit::samples::{Samples, Sums};

#[test]
fn a_mean_stays_a_mean_however_many_or_long_the_calls_are() {
    let mean = |sums: Sums| sums.micros / sums.successes;
    let samples = Samples::new(0);
    // An hour each, more of them than 40 bits of microseconds hold.
    for _ in 0..1_000 {
        samples.success(3_600_000_000, 1);
    }
    assert_eq!(mean(samples.take()), 3_600_000_000);
    // As long as can be: still enough of them to close a window.
    for _ in 0..20 {
        samples.success(u64::MAX, 1);
    }
    assert!(samples.closes(1, |_| 2));
    assert!(mean(samples.take()) > 86_400_000_000);
    samples.success(0, 1);
    assert_eq!(mean(samples.take()), 1, "never zero");
}
