//! The instant from which a rejection says that a call is worthwhile.

use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use crate::{CircuitBreaker, Outcome, Override, Probes, State, Wait, types::ticks::NEVER};

proptest! {
    #[test]
    fn every_kind_of_rejection_names_its_exact_end(
        why in 0_usize..4,
        wait in 1_u64..NEVER / 4,
        asked in any::<prop::sample::Index>(),
    ) {
        let nanos = Duration::from_nanos;
        let builder = CircuitBreaker::builder().consecutive_failures(1).probes(Probes::one());
        let start = Instant::now();
        let (breaker, outcome) = match why {
            // A wait with jitter; a backend that wants to be left alone; an override; a probe that
            // hangs.
            0 => (builder.wait_in_open(Wait::fixed(nanos(wait)).jitter(0.5)), Outcome::Failure),
            1 => (builder.wait_in_open(Wait::fixed(nanos(1))).max_retry_after(Duration::MAX), Outcome::FailureFor(nanos(wait))),
            2 => (builder, Outcome::Success),
            _ => (
                builder.wait_in_open(Wait::fixed(nanos(1))).probe_deadline(nanos(wait)),
                Outcome::Failure,
            ),
        };
        let breaker = breaker.build("exact").unwrap();
        breaker.try_acquire_at(start).unwrap().finish_at(outcome, start);
        let mut begins = start;
        let mut hangs = None;
        if why == 2 {
            breaker.force_open_at(Override::new("operator", "test").lasting(nanos(wait)), start);
        } else if why == 3 {
            begins += nanos(1);
            hangs = Some(breaker.try_acquire_at(begins).unwrap());
        }
        let rest = breaker.try_acquire_at(begins).unwrap_err().retry_at() - begins;
        let passed = asked.index(usize::try_from(rest.as_nanos()).unwrap()) as u64;
        let now = begins + nanos(passed);
        let retry_after = breaker.try_acquire_at(now).unwrap_err().retry_at() - now;
        prop_assert!(breaker.try_acquire_at(now + retry_after - nanos(1)).is_err());
        if why == 3 {
            // Its failure opens it again: at that instant, for the wait of 1 ns, and not a moment
            // before.
            prop_assert_eq!(breaker.state_at(now + retry_after), State::Open);
            prop_assert!(breaker.try_acquire_at(now + retry_after + nanos(1)).is_ok());
        } else {
            prop_assert!(breaker.try_acquire_at(now + retry_after).is_ok());
        }
        drop(hangs);
    }

    #[test]
    fn an_open_breaker_names_the_exact_end_of_its_wait(
        wait in 1_u64..NEVER,
        asked in any::<prop::sample::Index>(),
    ) {
        let breaker = CircuitBreaker::builder()
            .consecutive_failures(1)
            .wait_in_open(Wait::fixed(Duration::from_nanos(wait)))
            .build("exact")
            .unwrap();
        let start = Instant::now();
        breaker.try_acquire_at(start).unwrap().finish_at(Outcome::Failure, start);
        let now = start + Duration::from_nanos(asked.index(usize::try_from(wait).unwrap()) as u64);
        let retry_after = breaker.try_acquire_at(now).unwrap_err().retry_at() - now;
        let early = now + retry_after - Duration::from_nanos(1);
        prop_assert!(breaker.try_acquire_at(early).is_err());
        prop_assert!(breaker.try_acquire_at(now + retry_after).is_ok());
    }
}
