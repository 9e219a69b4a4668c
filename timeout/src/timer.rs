//! The timer of a call. Only this file calls tokio's timer.
//!
//! Nothing here is generic, so that it is compiled once and not for every service.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::time::{Instant, Sleep, sleep_until};

use crate::types::{Allowance, Elapsed, Phase};

/// Waits for the end of `allowance`. The first call arms the timer.
///
/// Out of line, because a call that is ready at once never comes here. A call that waits takes about 680
/// instructions, of which tokio's timer takes 490. Two variants were slower: with the timer inlined into this function
/// (705 against 675), and with a second clock read before the timer is armed (720 against 675).
#[inline(never)]
pub(crate) fn wait(
    timer: Pin<&mut Option<Sleep>>,
    allowance: &Allowance,
    phase: Phase,
    cx: &mut Context<'_>,
) -> Poll<Elapsed> {
    // A limit of zero needs no timer: tokio rounds a zero sleep up to a millisecond. An end that has passed for
    // another reason, such as a late first poll, still arms the timer, which fires within its resolution.
    // Finding it earlier would cost every waiting call a clock read.
    if !allowance.is_zero() {
        let Some(end) = allowance.end() else {
            return Poll::Pending;
        };
        ready!(poll_until(timer, end, cx));
    }
    Poll::Ready(allowance.elapsed(phase, Instant::now()))
}

/// Waits until `end`. Arms the timer if there is none, and moves it if it is set to another instant.
#[inline]
fn poll_until(mut timer: Pin<&mut Option<Sleep>>, end: Instant, cx: &mut Context<'_>) -> Poll<()> {
    let is_new = timer.is_none();
    if is_new {
        timer.set(Some(sleep_until(end)));
    }
    let mut sleep = timer.as_pin_mut().expect("set in the lines above");
    if is_new || sleep.deadline() != end {
        // `reset` enters the timer wheel without tokio's cooperative budget. The first `poll` enters it only
        // while the task has budget left.
        sleep.as_mut().reset(end);
    }
    // A future that spends the whole budget of its task at every poll (a busy channel in a loop) leaves none
    // for the timer: its `poll` is then pending although the time has come. `is_elapsed` needs no budget. With
    // either line removed, such a call never elapses. `unconstrained(sleep)` was no alternative: it cannot be
    // reset, which the idle limit of a body needs.
    if sleep.as_mut().poll(cx).is_ready() || sleep.is_elapsed() {
        Poll::Ready(())
    } else {
        Poll::Pending
    }
}
