//! The only file that knows tokio's timer.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::time::{Instant, Sleep, sleep_until};

/// Waits until `end`. Arms the timer when there is none, and moves it when it stands at another instant.
///
/// Not generic, so that it is compiled once and not for every service.
#[inline]
pub(crate) fn poll_until(
    mut timer: Pin<&mut Option<Sleep>>,
    end: Instant,
    cx: &mut Context<'_>,
) -> Poll<()> {
    let is_new = timer.is_none();
    if is_new {
        timer.set(Some(sleep_until(end)));
    }
    let mut sleep = timer.as_pin_mut().expect("set in the lines above");
    if is_new || sleep.deadline() != end {
        // Enters the timer wheel now. The first poll would do so too, but not while the task is out of
        // tokio's cooperative budget; see below.
        sleep.as_mut().reset(end);
    }
    // A future that spends the whole budget of its task at every poll (a busy channel in a loop) leaves
    // none for the timer, whose poll is then pending though its time has come. `is_elapsed` asks no budget.
    if sleep.as_mut().poll(cx).is_ready() || sleep.is_elapsed() {
        Poll::Ready(())
    } else {
        Poll::Pending
    }
}
