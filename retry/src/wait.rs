use std::time::Duration;

use tokio::time::{Sleep, sleep, sleep_until};

use crate::Now;

/// A timer for `wait` from `now` on; none for no wait, which a timer would round up to a millisecond.
pub(crate) fn timer(wait: Duration, now: &Now) -> Option<Sleep> {
    if wait.is_zero() {
        return None;
    }
    // `sleep` caps what no `Instant` can hold.
    Some(match now.get().checked_add(wait) {
        Some(end) => sleep_until(end),
        None => sleep(wait),
    })
}
