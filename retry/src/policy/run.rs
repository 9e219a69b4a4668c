//! Calls without tower.

use std::{future::IntoFuture, time::Duration};

use crate::{
    budget::Budget,
    policy::{
        Classify, RetryPolicy,
        wait::{block, giving_way, is_long_run, timer, waiting},
    },
    types::Now,
};

impl<V, Q, D, B> RetryPolicy<V, Q, D, B> {
    /// Runs the futures that `f` makes until the policy is satisfied. `f` receives the number of the attempt, from 1.
    ///
    /// It needs no tower. There is no request, so none is copied, and none has a deadline.
    ///
    /// # Errors
    ///
    /// The error of the last attempt.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with time enabled, when a wait that is not zero begins.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the attempt or ends the wait at once. A retry that had not begun is given back to the
    /// budget.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use maestro_retry::{Backoff, RetryPolicy};
    ///
    /// let policy = RetryPolicy::builder().attempts(3).backoff(Backoff::none()).build().unwrap();
    /// let answer = policy
    ///     .run(async |attempt| if attempt < 3 { Err("not yet") } else { Ok(attempt) })
    ///     .await;
    /// assert_eq!(answer, Ok(3));
    /// # }
    /// ```
    pub async fn run<F, T, E, M>(&self, mut f: impl FnMut(u32) -> F) -> Result<T, E>
    where
        F: IntoFuture<Output = Result<T, E>>,
        V: Classify<(), T, E, M>,
        B: Budget,
    {
        let engine = &self.engine;
        let (mut call, _token, _) = engine.begin(engine.plan(), V::TIMED, None);
        let mut retry = None;
        loop {
            let result = f(call.attempt()).await;
            let now = Now::unread();
            let repeatable = engine.plan().may_follow(&call, &now);
            let again = engine.after(&mut call, None, repeatable, retry.take(), &now, &result);
            let Some(again) = again else {
                return result;
            };
            // The failed result may hold a connection, which is not kept through the wait.
            drop(result);
            if !again.wait.is_zero() {
                waiting(timer(again.wait, &now)).await;
            } else if is_long_run(call.attempt()) {
                giving_way().await;
            }
            call.advance();
            retry = Some(engine.budget().spend(again.hold));
        }
    }

    /// [`run`](Self::run) for a closure that blocks the thread. The waits block it too. Not for asynchronous code.
    ///
    /// # Errors
    ///
    /// The error of the last attempt.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_retry::{Backoff, RetryPolicy};
    ///
    /// let policy = RetryPolicy::builder().attempts(3).backoff(Backoff::none()).build().unwrap();
    /// let answer = policy.run_blocking(|attempt| if attempt < 3 { Err("not yet") } else { Ok(attempt) });
    /// assert_eq!(answer, Ok(3));
    /// ```
    pub fn run_blocking<T, E, M>(&self, f: impl FnMut(u32) -> Result<T, E>) -> Result<T, E>
    where
        V: Classify<(), T, E, M>,
        B: Budget,
    {
        self.repeat(f, block)
    }

    /// `wait` receives each wait that is not zero.
    pub(super) fn repeat<T, E, M>(
        &self,
        mut f: impl FnMut(u32) -> Result<T, E>,
        mut wait: impl FnMut(Duration),
    ) -> Result<T, E>
    where
        V: Classify<(), T, E, M>,
        B: Budget,
    {
        let engine = &self.engine;
        let (mut call, _token, _) = engine.begin(engine.plan(), V::TIMED, None);
        let mut retry = None;
        loop {
            let result = f(call.attempt());
            let now = Now::unread();
            let repeatable = engine.plan().may_follow(&call, &now);
            let again = engine.after(&mut call, None, repeatable, retry.take(), &now, &result);
            let Some(again) = again else {
                return result;
            };
            let kept = call.keeps(&result).then_some(result);
            if !again.wait.is_zero() {
                wait(again.wait);
            }
            if let Some(late) = kept.filter(|_| call.is_late()) {
                engine.too_late(&call);
                return late;
            }
            call.advance();
            retry = Some(engine.budget().spend(again.hold));
        }
    }
}
