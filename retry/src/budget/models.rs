//! Loom models of `tokens.rs`, `floor.rs` and `flight.rs`, one property each.

use loom::sync::Arc;

use super::{
    flight::{Flight, Limit},
    floor::Floor,
    tokens::{Keep, Tokens},
};
use crate::sync::both;

#[test]
fn concurrent_failures_share_the_upper_half() {
    loom::model(|| {
        let tokens = Arc::new(Tokens::new(4));
        let (there, here) = both(&tokens, |t| t.drain(1), |t| t.drain(1));
        assert!(there ^ here, "four tokens have one to spare above half");
        assert_eq!(tokens.left(), 2);
    });
}

#[test]
fn concurrent_gifts_add_up_to_the_cap() {
    loom::model(|| {
        let tokens = Arc::new(Tokens::new(3));
        assert!(tokens.take(2));
        both(&tokens, |t| t.give(1), |t| t.give(1));
        assert_eq!(tokens.left(), 3);
        both(&tokens, |t| t.give(1), |t| t.give(1));
        assert_eq!(tokens.left(), 3);
    });
}

#[test]
fn last_tokens_are_taken_once() {
    loom::model(|| {
        let tokens = Arc::new(Tokens::new(5));
        let (there, here) = both(&tokens, |t| t.take(3), |t| t.take(3));
        assert!(there ^ here);
        both(&tokens, |t| t.give(2), |t| t.give(1));
        assert_eq!(tokens.left(), 5);
    });
}

#[test]
fn in_flight_place_is_granted_once_at_a_time() {
    loom::model(|| {
        let limit = Limit {
            share: 5_000,
            least: 0,
        };
        let flight = Arc::new(Flight::new(limit));
        flight.call_begins();
        flight.call_begins();
        let one = Flight::retry_begins;
        let (there, here) = both(&flight, one, one);
        assert!(there ^ here, "half of two calls");
        let end = |flight: &Flight| {
            flight.retry_ends();
            true
        };
        // The end of one retry lets the other begin, or comes too late for it.
        let (_, here) = both(&flight, end, one);
        assert_eq!(flight.counts().retries, u32::from(here));
    });
}

#[test]
fn concurrent_calls_leave_the_counts_at_zero() {
    loom::model(|| {
        let limit = Limit {
            share: 10_000,
            least: 0,
        };
        let flight = Arc::new(Flight::new(limit));
        let call = |flight: &Flight| {
            flight.call_begins();
            let granted = flight.retry_begins();
            assert!(granted, "its own call pays for it");
            flight.retry_ends();
            flight.call_ends();
        };
        both(&flight, call, call);
        assert_eq!((flight.counts().calls, flight.counts().retries), (0, 0));
    });
}

#[test]
fn last_retry_of_the_floor_is_granted_once() {
    loom::model(|| {
        let floor = Arc::new(Floor::new(2));
        assert!(floor.take_at(0));
        let (there, here) = both(&floor, |f| f.take_at(0), |f| f.take_at(0));
        assert!(there ^ here, "two a second, of which one was left");
        let half = 500_000_000;
        let (there, here) = both(&floor, move |f| f.take_at(half), |f| f.take_at(half));
        assert!(there ^ here, "half a second brings one");
    });
}

#[test]
fn a_smaller_bucket_is_never_overfull() {
    loom::model(|| {
        let tokens = Arc::new(Tokens::new(4));
        assert!(tokens.take(1));
        both(&tokens, |t| t.give(1), |t| t.resize(2, Keep::Tokens));
        assert_eq!(tokens.left(), 2);
        tokens.give(9);
        assert_eq!(tokens.left(), 2);
    });
}

#[test]
fn a_change_of_the_floor_grants_no_more_than_was_saved() {
    loom::model(|| {
        let floor = Arc::new(Floor::new(1));
        // One retry is saved up, and so it is of the higher floor.
        let (there, ()) = both(&floor, |f| f.take_at(0), |f| f.change_at(4, 0));
        let later = (0..9).filter(|_| floor.take_at(0)).count();
        assert!(usize::from(there) + later <= 1);
        // A change may cost a nanosecond.
        assert!(
            floor.take_at(250_000_001),
            "a quarter of a second brings one"
        );
    });
}
