//! A task without cooperative budget.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    time::Duration,
};

use tokio::time::{Instant, advance};

/// Polls `future` in a task that has no cooperative budget left at any poll. Another task advances the paused clock, which
/// stands still while a task is busy.
pub(crate) async fn starved<F: Future>(future: F) -> F::Output {
    let ticking = tokio::spawn(async {
        loop {
            advance(Duration::from_millis(1)).await;
        }
    });
    let began = Instant::now();
    let mut future = pin!(future);
    let output = poll_fn(|cx| {
        assert!(began.elapsed() < Duration::from_secs(5), "starved");
        let mut spend = pin!(async {
            loop {
                tokio::task::consume_budget().await;
            }
        });
        assert!(spend.as_mut().poll(cx).is_pending());
        future.as_mut().poll(cx)
    })
    .await;
    ticking.abort();
    output
}
