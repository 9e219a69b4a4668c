//! The timer of a call. Only this file calls tokio's timer.
//!
//! Nothing here is generic, so that it is compiled once and not for every service.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::time::{Sleep, sleep_until};

use crate::types::Allowance;

/// Waits for the end of `allowance`. The first call arms the timer, and a later one moves it if the end is another.
///
/// Out of line, because a call that is ready at once never comes here. A call that waits takes about 675 instructions, of
/// which tokio's timer takes 510. Variants that were slower: 700 with the rejection as the return value, which is in memory,
/// so that the caller kept its future there; a second clock read before the timer is armed, 45 more.
#[inline(never)]
pub(crate) fn wait(
    mut timer: Pin<&mut Option<Sleep>>,
    allowance: &Allowance,
    cx: &mut Context<'_>,
) -> Poll<()> {
    // A limit of zero needs no timer: tokio rounds a zero sleep up to a millisecond. An end that has passed for
    // another reason, such as a late first poll, still arms the timer, which fires within its resolution.
    // Finding it earlier would cost every waiting call a clock read.
    if allowance.is_zero() {
        return Poll::Ready(());
    }
    let Some(end) = allowance.end() else {
        return Poll::Pending;
    };
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
