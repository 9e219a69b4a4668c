use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Sleep, sleep, sleep_until};

use crate::types::Now;

/// A timer for `wait` from `now` on. Not for a wait of zero, which the timer would round up to a millisecond.
pub(crate) fn timer(wait: Duration, now: &Now) -> Sleep {
    // `sleep` caps a wait that no `Instant` can hold.
    match now.get().checked_add(wait) {
        Some(end) => sleep_until(end),
        None => sleep(wait),
    }
}

/// Enters a new timer into the wheel, although the task may have spent tokio's cooperative budget. `poll` alone enters
/// it only while there is budget left.
#[inline(never)] // A retry without a delay does not pay for its size.
pub(crate) fn start(timer: Pin<&mut Sleep>) {
    let end = timer.deadline();
    timer.reset(end);
}

/// Polls a timer that was [started](start).
///
/// In a task that spends its whole budget at every poll (a busy channel in a loop), the timer's `poll` is pending although
/// the time has come. `is_elapsed` needs no budget.
#[inline(never)] // A retry without a delay does not pay for its size.
pub(crate) fn poll_timer(mut timer: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<()> {
    if timer.as_mut().poll(cx).is_ready() || timer.is_elapsed() {
        Poll::Ready(())
    } else {
        Poll::Pending
    }
}

/// Waits for `timer`, also without cooperative budget.
pub(super) async fn waiting(timer: Sleep) {
    let mut timer = pin!(timer);
    start(timer.as_mut());
    poll_fn(|cx| poll_timer(timer.as_mut(), cx)).await;
}

/// Blocks the thread for `wait`.
#[expect(
    clippy::disallowed_methods,
    reason = "the caller asked for a blocking call"
)]
pub(super) fn block(wait: Duration) {
    std::thread::sleep(wait);
}

/// Whether a call that has just made its attempt `number`, and continues without a wait, should first let other tasks
/// run.
///
/// With a service that fails at once and a policy without delays, thousands of attempts would otherwise run in one
/// poll, and neither another task nor a timeout around the call. Every 128 attempts, as tokio's own resources do.
pub(crate) const fn is_long_run(number: u32) -> bool {
    number % 128 == 0
}

/// Lets other tasks run. The calling `poll` must return its result.
pub(crate) fn give_way<T>(cx: &Context<'_>) -> Poll<T> {
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// [`give_way`] as a future.
pub(super) async fn giving_way() {
    let mut gave_way = false;
    poll_fn(|cx| {
        if gave_way {
            return Poll::Ready(());
        }
        gave_way = true;
        give_way(cx)
    })
    .await;
}
