use std::time::Duration;

use super::*;

fn bound(now: Instant, seconds: u64) -> Bound {
    Bound {
        end: now + Duration::from_secs(seconds),
        cause: Cause::WaitedTooLong,
    }
}

#[test]
fn bounds_of_callers_that_left_are_forgotten() {
    let now = Instant::now();
    let mut waiters = Waiters::new();
    let first = waiters.join(1, false, Some(bound(now, 2)), None);
    for seconds in 0..10_000 {
        let ticket = waiters.join(1, false, Some(bound(now, seconds)), None);
        drop(waiters.leave(&ticket));
    }
    assert!(waiters.ends.len() <= 2 * 2 + MORE_ENDS);
    let late = waiters.refuse_late(now + Duration::from_secs(3));
    assert_eq!((late.seats, late.earliest), (1, None));
    assert!(matches!(waiters.leave(&first), Turn::Refused(_)));
}

#[test]
fn late_waiters_are_found_in_any_order() {
    let now = Instant::now();
    let mut waiters = Waiters::new();
    let seconds = [5, 1, 9, 3, 7, 1];
    let tickets = seconds.map(|n| waiters.join(1, n == 9, Some(bound(now, n)), None));
    waiters.unbind(&tickets[3]);
    drop(waiters.leave(&tickets[0]));
    let late = waiters.refuse_late(now + Duration::from_secs(6));
    let earliest = late.earliest.map(|end| end.duration_since(now).as_secs());
    assert_eq!((late.seats, earliest, waiters.len()), (2, Some(7), 3));
}
