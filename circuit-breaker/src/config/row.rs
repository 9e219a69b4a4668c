//! Failures in a row: how many of them open the breaker, and when they are forgotten.

use std::time::Duration;

use crate::types::{InvalidConfigKind, ticks::ticks};

/// Beyond it even a wait of minutes would be over before the next failure, so that an open breaker
/// would have kept no call away.
const DEFAULT_ROW_AGE: Duration = Duration::from_secs(10 * 60);
/// The largest count of failures in a row that the state word has room for.
const MAX_IN_A_ROW: u32 = (1 << 29) - 1;

/// How many failures in a row open, 0 where they do not, and how long after the last of them they are
/// forgotten.
pub(super) const fn row(
    failures: Option<u32>,
    forgotten_after: Option<Duration>,
) -> Result<(u32, u64), InvalidConfigKind> {
    let failures = match failures {
        Some(failures) if failures == 0 || failures > MAX_IN_A_ROW => {
            return Err(InvalidConfigKind::ConsecutiveFailures(failures));
        }
        Some(failures) => failures,
        None => 0,
    };
    match forgotten_after {
        None => Ok((failures, ticks(DEFAULT_ROW_AGE))),
        Some(time) if failures > 0 && !time.is_zero() => Ok((failures, ticks(time))),
        Some(_) => Err(InvalidConfigKind::ForgetFailuresAfter),
    }
}
