use std::time::Duration;

use super::*;

fn bound(now: Instant, seconds: u64) -> Bound {
    Bound {
        end: now + Duration::from_secs(seconds),
        cause: Cause::WaitedTooLong,
    }
}

#[test]
fn callers_that_left_leave_no_bound_behind() {
    let now = Instant::now();
    let mut waiters = Waiters::new();
    // One end for all, as of calls that share a deadline.
    let join = |waiters: &mut Waiters| waiters.join(1, false, Some(bound(now, 2)), None);
    let first = join(&mut waiters);
    for _ in 0..100 {
        let ticket = join(&mut waiters);
        assert_eq!(waiters.bounds.len(), 2);
        drop(waiters.leave(&ticket));
    }
    drop(waiters.settle_first(Some(Cause::Closed)));
    assert_eq!(waiters.bounds.len(), 0);
    assert!(matches!(waiters.leave(&first), Turn::Refused(_)));
    let (granted, unbound) = (join(&mut waiters), join(&mut waiters));
    drop(waiters.settle_first(None));
    waiters.unbind(&unbound);
    assert_eq!((waiters.bounds.len(), waiters.granted.len()), (0, 1));
    let late = waiters.refuse_late(now + Duration::from_secs(3));
    assert_eq!((late.seats, late.places, waiters.granted.len()), (0, 1, 0));
    drop((waiters.leave(&granted), waiters.leave(&unbound)));
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

#[test]
fn a_look_refuses_64_late_waiters_and_the_next_the_others() {
    let now = Instant::now();
    let mut waiters = Waiters::new();
    for n in 0..65 {
        let _ticket = waiters.join(1, false, Some(bound(now, 65 - n)), None);
    }
    let later = now + Duration::from_secs(100);
    let late = waiters.refuse_late(later);
    assert_eq!((late.seats, waiters.len()), (64, 1));
    assert_eq!(late.earliest, Some(bound(now, 65).end));
    let late = waiters.refuse_late(later);
    assert_eq!((late.seats, late.earliest, waiters.len()), (1, None, 0));
}
