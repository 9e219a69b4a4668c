//! Windows: the calls in the window of a breaker, the windows that are read of an error budget.

use std::{array, convert::Infallible, time::Duration};

use maestro_circuit_breaker::CircuitBreakerLayer;
use tower::Layer;

use super::Growth;
use crate::{
    Row,
    inner::Nothing,
    rows::{
        breaker::{OVER_TIME, fill, shared},
        floors::{EMPTY, READY},
        slo::aged,
    },
};

const CALLS: &[u32] = &[100, 10_000, 1_000_000, 10_000_000];
const WINDOWS: &[u32] = &[1, 8, 64];

pub(super) fn all() -> [Growth; 2] {
    [
        Growth::repeated("breaker, time window, calls in it", CALLS, breaker),
        Growth::repeated("slo, counts of windows, windows", WINDOWS, slo),
    ]
}

fn breaker(calls: u32) -> Row {
    Row::service("", READY, move || {
        let breaker = shared(OVER_TIME);
        fill(calls, || breaker.try_acquire());
        CircuitBreakerLayer::new(breaker).layer(Nothing)
    })
}

fn slo(windows: u32) -> Row {
    match windows {
        1 => windows_of::<1>(),
        8 => windows_of::<8>(),
        _ => windows_of::<64>(),
    }
}

/// `N` windows, the longest of which is the whole period of the budget.
fn windows_of<const N: usize>() -> Row {
    Row::object("", EMPTY, || {
        let (budget, now) = aged();
        let windows: [Duration; N] = array::from_fn(|nth| {
            let share = u32::try_from(nth + 1).expect("at most 64");
            let of = u32::try_from(N).expect("at most 64");
            Duration::from_hours(720) * share / of
        });
        move |_| Ok::<_, Infallible>(budget.counts_of_at(windows, now))
    })
}
