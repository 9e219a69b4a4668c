//! A retired member of a family tells its callers that it is retired, and refuses none of them.

use std::time::Duration;

use crate::{
    Bulkhead, Queue,
    state::{Entry, Patience},
};

#[test]
fn a_retired_bulkhead_says_so_in_every_mode() {
    for watches in [false, true] {
        for length in [0, 1] {
            let builder = Bulkhead::builder().limit(1).metrics_only(watches);
            let bulkhead = builder.build("member").unwrap();
            assert!(bulkhead.0.retire());
            assert!(bulkhead.0.try_acquire_unless_retired(1).is_none());
            let line = &Queue::new(length, Duration::MAX).line;
            let entry = bulkhead.0.enter_or_queue(1, line, &Patience::NONE, None);
            assert!(matches!(entry, Entry::Retired), "{entry:?}");
            assert_eq!(bulkhead.rejections(), 0);
        }
    }
}
